/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Databases of every schema that was published: opened, brought to today's, everything kept; or left
 * as they are when migrations are off. The old ones are made by their own step, with rows as the
 * memberd of their time wrote them.
 */
#include "rows.h"
#include "store_bed.h"

#include "base/checksum.h"
#include "domain/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <sys/stat.h>

#include "torture.h"

extern const unsigned char old_schema[]; /* 0001.sql */

static struct store_bed bed;
static struct arena *arena;

static sqlite3 *open_file(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(bed.path, &db), SQLITE_OK);
	return db;
}

static void run_sql(sqlite3 *db, const char *text)
{
	char *why = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK) {
		fail_msg("%s: %s", text, why);
	}
}

static int64_t checksum_of_entry(void)
{
	uint32_t sum = 0;
	const int64_t numbers[] = {7, 300, 2, 10, -300, BED_NOW - 5};
	const struct str texts[] = {STR("shop"), STR("e"), STR("shop"), STR("o"), STR("\1\2")};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sum = checksum_number(sum, numbers[i]);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		sum = checksum_text(sum, texts[i]);
	}
	return sum;
}

/* A row of each table of schema 1. */
static void make_schema_1(void)
{
	static const char rows[] =
		"INSERT INTO meta VALUES ('store.schema', 1), ('store.payload', 1), "
		"('store.id', x'000102030405060708090a0b0c0d0e0f'), ('store.known_at', %lld), "
		"('key_check', x'6b');"
		"INSERT INTO member VALUES (%d, 7, 2, 11, 1, x'70', x'');"
		"INSERT INTO identity VALUES (%d, x'%s', 7, 20, x'73');"
		"INSERT INTO member_identity VALUES (%d, 7, 20, x'%s');"
		"INSERT INTO entry VALUES (%d, 7, 300, 2, 10, 'shop', 'e', 'shop', 'o', -300, "
		"%lld, x'0102', %lld);"
		"INSERT INTO history VALUES (%d, 7, 1, 1, 0, 1, 3, 600, 1, 50, %lld);"
		"INSERT INTO outbox VALUES (41, %d, 7, 1, 1, 0, %lld), (42, %d, 7, 2, 4, -300, "
		"%lld);"
		"DELETE FROM outbox WHERE seq = 41;"
		"INSERT INTO request VALUES ('p', 'r', 'm', x'64', x'61', %lld);"
		"INSERT INTO policy_version VALUES (1, 0, %lld, x'%s', 'text');";
	static const char hash[] =
		"6161616161616161616161616161616161616161616161616161616161616161";
	const long long known_at = BED_NOW - 5;
	const int vb = vb_of(7), key_vb = vb_of_key(HASH("a"));
	char text[2048];
	sqlite3 *db = open_file();

	run_sql(db, "PRAGMA journal_mode = WAL");
	run_sql(db, (const char *)old_schema);
	snprintf(text, sizeof(text), rows, known_at, vb, key_vb, hash, vb, hash, vb, known_at,
		 (long long)checksum_of_entry(), vb, known_at, vb, known_at, vb, known_at, known_at,
		 known_at, hash);
	run_sql(db, text);
	sqlite3_close(db);
	assert_int_equal(chmod(bed.path, 0600), 0);
}

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	store_bed_init(&bed, "sqlite");
	make_schema_1();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fault_disarm();
	store_bed_fini(&bed);
	arena_destroy(arena);
	return 0;
}

/* ---- all is there ---- */

static enum mb_code see_member(struct store_view *view, struct mb_err *err)
{
	struct identity_row *identities;
	struct member_row member;
	struct due_row *due;
	bool found;
	size_t n;

	OK(store_get_member(view, 7, arena, &member, &found, err));
	CHECK(found && member.revision == 2 && member.created_at == 11 && member.state == 1);
	CHECK(str_eq(member.profile, STR("p")) && member.state_cache.len == 0);
	OK(store_list_identities(view, 7, arena, &identities, &n, err));
	CHECK(n == 1 && str_eq(identities[0].key, HASH("a")) && identities[0].linked_at == 20);
	CHECK(str_eq(identities[0].sealed, STR("s")));
	/* nobody knows yet what is ahead of him: he is due now */
	OK(store_list_due(view, vb_of(7), store_view_now(view), 10, arena, &due, &n, err));
	CHECK(n == 1 && due[0].member_id == 7);
	return MB_OK;
}

static enum mb_code see_told(struct store_view *view, struct mb_err *err)
{
	struct history_row *history;
	struct outbox_row *outbox;
	int64_t first, last;
	size_t n;

	OK(store_list_history(view, 7, arena, &history, &n, err));
	CHECK(n == 1 && history[0].seq == 1 && history[0].kind == 1 && history[0].to_tier == 3);
	CHECK(history[0].points == 600 && history[0].effective_at == 50);
	CHECK(history[0].known_at == BED_NOW - 5);
	OK(store_list_outbox(view, 0, 10, arena, &outbox, &n, err));
	CHECK(n == 1 && outbox[0].seq == 42 && outbox[0].kind == 4 && outbox[0].revision == 2);
	CHECK(outbox[0].effective_at == -300 && outbox[0].history_seq == 0);
	OK(store_bound_outbox(view, &first, &last, err));
	CHECK(first == 42 && last == 42);
	return MB_OK;
}

static enum mb_code see_all(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct policy_row *policies;
	struct request_row request;
	struct entry_row *entries;
	struct audit_row *audit;
	struct str value;
	bool found;
	size_t n;

	(void)job;
	OK(see_member(view, err));
	OK(see_told(view, err));
	OK(store_list_entries(view, 7, arena, &entries, &n, err));
	CHECK(n == 1 && entries[0].entry_id == 300 && entries[0].known_at == BED_NOW - 5);
	CHECK(str_eq(entries[0].payload, STR("\1\2")) && str_eq(entries[0].order_id, STR("o")));
	OK(store_get_request(view, STR("p"), STR("r"), arena, &request, &found, err));
	CHECK(found && str_eq(request.answer, STR("a")));
	OK(store_list_policies(view, arena, &policies, &n, err));
	CHECK(n == 1 && str_eq(policies[0].text, STR("text")));
	OK(store_get_meta(view, STR("key_check"), arena, &value, &found, err));
	CHECK(found && str_eq(value, STR("k")));
	OK(store_list_audit(view, 0, 0, 10, arena, &audit, &n, err));
	CHECK(n == 0);
	return MB_OK;
}

static void expect_all(void)
{
	struct mb_err err;

	if (store_bed_run(&bed, STORE_READ, see_all, NULL, &err) != MB_OK) {
		fail_msg("%s: %s", mb_code_reason(err.code), err.text);
	}
}

static enum mb_code write_new(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct member_row row = {.member_id = 8, .revision = 1, .due_at = 9};
	struct history_row told = {.member_id = 7, .kind = 2};
	struct outbox_row out = {.member_id = 7, .kind = 5};
	struct outbox_row *rows;
	size_t n;

	(void)job;
	OK(store_put_member(view, &row, err));
	OK(store_add_history(view, &told, &out.history_seq, err));
	OK(store_add_outbox(view, &out, err));
	OK(store_list_outbox(view, 42, 10, arena, &rows, &n, err));
	CHECK(n == 1 && rows[0].seq == 43 && rows[0].history_seq == 2);
	return MB_OK;
}

static void a_database_of_schema_1_is_brought_to_todays(void **state)
{
	static const unsigned char id[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct mb_err err;

	(void)state;
	if (store_bed_open(&bed, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	assert_memory_equal(store_id(bed.store), id, sizeof(id));
	expect_all();
	/* once it is, leave to migrate is not asked again */
	store_bed_close(&bed);
	bed.options.migrate = false;
	assert_int_equal(store_bed_open(&bed, &err), MB_OK);
	expect_all();
	assert_int_equal(store_bed_run(&bed, STORE_WRITE, write_new, NULL, &err), MB_OK);
}

static int is_one(void *data, int n, char **values, char **names)
{
	(void)n;
	(void)names;
	*(bool *)data = strcmp(values[0], "1") == 0;
	return 0;
}

static void without_leave_it_stays_as_it_is(void **state)
{
	struct mb_err err;
	bool same = false;
	sqlite3 *db;

	(void)state;
	bed.options.migrate = false;
	assert_int_equal(store_bed_open(&bed, &err), MB_STORE_UNAVAILABLE);
	assert_non_null(
		strstr(err.text, "has schema 1 and this memberd needs 2: migrate it first"));
	db = open_file();
	assert_int_equal(sqlite3_exec(db,
				      "SELECT value = 1 AND NOT EXISTS (SELECT 1 FROM "
				      "sqlite_schema WHERE name = 'audit') FROM meta WHERE name = "
				      "'store.schema'",
				      is_one, &same, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_true(same);
}

/* A start that is stopped anywhere leaves a database that the next start brings to today's. */
static enum mb_code start(void *data, struct mb_err *err)
{
	enum mb_code code = store_bed_open(&bed, err);

	(void)data;
	store_bed_close(&bed);
	return code;
}

static void a_migration_that_fails_is_made_up_for(void **state)
{
	struct mb_err err;

	(void)state;
	for (unsigned long n = 1;; n++) {
		enum mb_code code;

		fault_arm(NULL, n);
		code = start(NULL, &err);
		if (!fault_struck()) {
			assert_int_equal(code, MB_OK);
			assert_true(n > 60);
			break;
		}
		assert_int_not_equal(code, MB_OK);
		fault_disarm();
		/* from the beginning again every other time, else from where the last one stopped */
		if (n % 2 == 0) {
			store_bed_fini(&bed);
			store_bed_init(&bed, "sqlite");
			bed.options.readers = 1;
			make_schema_1();
		}
	}
	fault_disarm();
	assert_int_equal(store_bed_open(&bed, &err), MB_OK);
	expect_all();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_database_of_schema_1_is_brought_to_todays),
		TEST(without_leave_it_stays_as_it_is),
		TEST(a_migration_that_fails_is_made_up_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
