/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every backend of the store keeps and tells: store_rows_test memory|sqlite.
 * Jobs, threads and failures are in store_jobs_test.c.
 */
#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "one_bed.h"

static void write_ok(store_run_fn *run, void *data)
{
	run_ok(STORE_WRITE, run, data);
}

static void read_ok(store_run_fn *run, void *data)
{
	run_ok(STORE_READ, run, data);
}

/* ---- members ---- */

static enum mb_code put_members(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct member_row row = {.member_id = 7,
				 .revision = 1,
				 .created_at = -5,
				 .state = 2,
				 .profile = BYTES("\0sealed\xff"),
				 .state_cache = {NULL, 0}};

	(void)job;
	OK(store_put_member(view, &row, err));
	row.member_id = INT64_MAX;
	row.revision = INT64_MAX;
	row.state_cache = STR("cache");
	OK(store_put_member(view, &row, err));
	row.member_id = 7;
	row.revision = 2;
	row.state = 1;
	OK(store_put_member(view, &row, err));
	return MB_OK;
}

static enum mb_code see_members(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct member_row row = {.revision = -1};
	bool found = true;

	(void)job;
	OK(store_get_member(view, 8, arena, &row, &found, err));
	CHECK(!found && row.revision == -1);
	OK(store_get_member(view, 7, arena, &row, &found, err));
	CHECK(found && row.member_id == 7 && row.revision == 2);
	CHECK(row.created_at == -5 && row.state == 1);
	CHECK(str_eq(row.profile, BYTES("\0sealed\xff")) && str_eq(row.state_cache, STR("cache")));
	OK(store_get_member(view, INT64_MAX, arena, &row, &found, err));
	CHECK(found && row.revision == INT64_MAX && row.state == 2);
	return MB_OK;
}

static void members_are_put_and_replaced(void **state)
{
	(void)state;
	write_ok(put_members, NULL);
	read_ok(see_members, NULL);
	write_ok(see_members, NULL);
}

/* ---- identities ---- */

static enum mb_code put_identities(struct store_job *job, struct store_view *view,
				   struct mb_err *err)
{
	struct identity_row row = {
		.key = HASH("c"), .member_id = 7, .linked_at = 20, .sealed = BYTES("s\0c")};

	(void)job;
	OK(store_put_identity(view, &row, err));
	row.key = HASH("b");
	OK(store_put_identity(view, &row, err));
	row.key = HASH("\xff");
	row.linked_at = 10;
	OK(store_put_identity(view, &row, err));
	row.key = HASH("a");
	row.member_id = 8;
	OK(store_put_identity(view, &row, err));
	row.key = HASH("b");
	CHECK(store_put_identity(view, &row, err) == MB_IDENTITY_TAKEN);
	CHECK(err->code == MB_IDENTITY_TAKEN);
	return MB_OK;
}

static enum mb_code see_identities(struct store_job *job, struct store_view *view,
				   struct mb_err *err)
{
	struct identity_row row, *rows;
	bool found = true;
	size_t n;

	(void)job;
	OK(store_get_identity(view, HASH("z"), arena, &row, &found, err));
	CHECK(!found);
	OK(store_get_identity(view, HASH("b"), arena, &row, &found, err));
	CHECK(found && row.member_id == 7 && row.linked_at == 20);
	CHECK(str_eq(row.key, HASH("b")) && str_eq(row.sealed, BYTES("s\0c")));
	OK(store_list_identities(view, 7, arena, &rows, &n, err));
	CHECK(n == 3);
	CHECK(str_eq(rows[0].key, HASH("\xff")) && rows[0].linked_at == 10);
	CHECK(str_eq(rows[1].key, HASH("b")) && str_eq(rows[2].key, HASH("c")));
	CHECK(rows[2].member_id == 7 && str_eq(rows[2].sealed, BYTES("s\0c")));
	OK(store_list_identities(view, 9, arena, &rows, &n, err));
	CHECK(n == 0 && rows != NULL);
	return MB_OK;
}

static enum mb_code unlink_identities(struct store_job *job, struct store_view *view,
				      struct mb_err *err)
{
	struct identity_row row = {.key = HASH("b"), .member_id = 8, .linked_at = 30}, *rows;
	bool found;
	size_t n;

	(void)job;
	OK(store_delete_identity(view, HASH("b"), err));
	OK(store_delete_identity(view, HASH("b"), err));
	OK(store_get_identity(view, HASH("b"), arena, &row, &found, err));
	CHECK(!found);
	OK(store_list_identities(view, 7, arena, &rows, &n, err));
	CHECK(n == 2);
	OK(store_put_identity(view, &row, err));
	OK(store_list_identities(view, 8, arena, &rows, &n, err));
	CHECK(n == 2 && str_eq(rows[1].key, HASH("b")) && rows[1].sealed.len == 0);
	return MB_OK;
}

static void identities_belong_to_one_member(void **state)
{
	(void)state;
	write_ok(put_identities, NULL);
	read_ok(see_identities, NULL);
	write_ok(unlink_identities, NULL);
}

/* ---- entries ---- */

static struct entry_row entry_of(int64_t member_id, int64_t entry_id, const char *event)
{
	return (struct entry_row){.member_id = member_id,
				  .entry_id = entry_id,
				  .revision = entry_id % 1000 * 10,
				  .kind = 10,
				  .source = STR("shop"),
				  .source_event_id = str_from(event),
				  .order_source = STR("shop"),
				  .order_id = str_from(event),
				  .occurred_at = -entry_id,
				  .known_at = 1,
				  .payload = BYTES("\1\0\2")};
}

static enum mb_code add_entries(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct entry_row row = entry_of(7, 300, "c");

	(void)job;
	OK(store_add_entry(view, &row, err));
	row = entry_of(7, 2, "b");
	OK(store_add_entry(view, &row, err));
	row = entry_of(7, INT64_MAX, "\xe6\x97\x85");
	row.order_source = row.order_id = row.payload = (struct str){NULL, 0};
	OK(store_add_entry(view, &row, err));
	row = entry_of(8, 300, "c"); /* another member's key and id are free */
	OK(store_add_entry(view, &row, err));
	row = entry_of(7, 301, "c");
	CHECK(store_add_entry(view, &row, err) == MB_ACTIVITY_CONFLICT);
	row = entry_of(7, 300, "d");
	CHECK(store_add_entry(view, &row, err) == MB_ACTIVITY_CONFLICT);
	row = entry_of(7, 302, "c");
	row.source = STR("shop2");
	OK(store_add_entry(view, &row, err));
	return MB_OK;
}

static enum mb_code see_entries(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const int64_t *known_at = bed_data(job);
	struct entry_row row, *rows;
	bool found = true;
	size_t n;

	OK(store_get_entry(view, 7, STR("shop"), STR("d"), arena, &row, &found, err));
	CHECK(!found);
	OK(store_get_entry(view, 9, STR("shop"), STR("c"), arena, &row, &found, err));
	CHECK(!found);
	OK(store_get_entry(view, 7, STR("shop"), STR("c"), arena, &row, &found, err));
	CHECK(found && row.entry_id == 300 && row.member_id == 7 && row.revision == 3000);
	CHECK(row.kind == 10 && row.occurred_at == -300 && row.known_at == *known_at);
	CHECK(str_eq(row.source, STR("shop")) && str_eq(row.source_event_id, STR("c")));
	CHECK(str_eq(row.order_source, STR("shop")) && str_eq(row.order_id, STR("c")));
	CHECK(str_eq(row.payload, BYTES("\1\0\2")));
	OK(store_list_entries(view, 7, arena, &rows, &n, err));
	CHECK(n == 4 && rows[0].entry_id == 2 && rows[1].entry_id == 300);
	CHECK(rows[2].entry_id == 302 && rows[3].entry_id == INT64_MAX);
	CHECK(rows[3].payload.len == 0 && rows[3].order_id.len == 0);
	CHECK(str_eq(rows[3].source_event_id, STR("\xe6\x97\x85")));
	OK(store_list_entries(view, 9, arena, &rows, &n, err));
	CHECK(n == 0);
	OK(store_list_entries_from(view, 7, 300, 2, arena, &rows, &n, err));
	CHECK(n == 2 && rows[0].entry_id == 300 && rows[1].entry_id == 302);
	OK(store_list_entries_from(view, 7, 303, SIZE_MAX, arena, &rows, &n, err));
	CHECK(n == 1 && rows[0].entry_id == INT64_MAX);
	OK(store_list_entries_from(view, 7, 0, 0, arena, &rows, &n, err));
	CHECK(n == 0);
	return MB_OK;
}

static void entries_have_a_key_for_life(void **state)
{
	struct bed_job job;
	int64_t known_at;

	(void)state;
	bed_job_init(&job, STORE_WRITE, add_entries, NULL);
	store_submit(bed.store, &job.job);
	store_bed_wait(&bed, &job);
	assert_int_equal(job.job.code, MB_OK);
	known_at = job.job.known_at;
	read_ok(see_entries, &known_at);
}

static enum mb_code add_long_keys(struct store_job *job, struct store_view *view,
				  struct mb_err *err)
{
	static char text[STORE_KEY_BYTES_MAX + 1];
	struct entry_row row = entry_of(7, 1, "e");
	struct request_row request = {.principal = STR("p"),
				      .request_id = STR(""),
				      .method = STR("m"),
				      .digest = HASH("d")};
	bool found;

	(void)job;
	memset(text, 'x', sizeof(text));
	row.source_event_id = (struct str){text, sizeof(text) - 1};
	OK(store_add_entry(view, &row, err));
	OK(store_get_entry(view, 7, row.source, row.source_event_id, arena, &row, &found, err));
	CHECK(found);
	row = entry_of(7, 2, "e");
	row.source_event_id = (struct str){text, sizeof(text)};
	CHECK(store_add_entry(view, &row, err) == MB_FIELD_INVALID);
	OK(store_get_entry(view, 7, row.source, row.source_event_id, arena, &row, &found, err));
	CHECK(!found);
	CHECK(store_add_request(view, &request, err) == MB_FIELD_INVALID);
	return MB_OK;
}

static void keys_have_a_length_that_is_kept(void **state)
{
	(void)state;
	write_ok(add_long_keys, NULL);
}

/* ---- history and outbox ---- */

static enum mb_code add_told_rows(struct store_job *job, struct store_view *view,
				  struct mb_err *err)
{
	(void)job;
	for (int i = 1; i <= 3; i++) {
		struct history_row told = {.member_id = 7,
					   .seq = 99,
					   .kind = i,
					   .restated = i == 2,
					   .from_tier = 1,
					   .to_tier = 6,
					   .points = 2500,
					   .policy_version = 3,
					   .effective_at = -i};
		struct outbox_row out = {
			.member_id = i, .seq = 99, .revision = i, .kind = 4, .effective_at = 50};
		int64_t seq;

		OK(store_add_history(view, &told, &seq, err));
		CHECK(seq == i);
		out.history_seq = seq;
		OK(store_add_outbox(view, &out, err));
		told.member_id = 8;
		OK(store_add_history(view, &told, &seq, err));
	}
	return MB_OK;
}

static enum mb_code see_told_rows(struct store_job *job, struct store_view *view,
				  struct mb_err *err)
{
	struct history_row *told, one = {.seq = -1};
	struct outbox_row *out;
	bool found = true;
	size_t n;

	(void)job;
	OK(store_get_history(view, 7, 4, &one, &found, err));
	CHECK(!found && one.seq == -1);
	OK(store_get_history(view, 9, 1, &one, &found, err));
	CHECK(!found);
	OK(store_get_history(view, 8, 2, &one, &found, err));
	CHECK(found && one.member_id == 8 && one.seq == 2 && one.kind == 2 && one.restated);
	CHECK(one.from_tier == 1 && one.to_tier == 6 && one.points == 2500);
	CHECK(one.policy_version == 3 && one.effective_at == -2 && one.known_at == BED_NOW);
	OK(store_list_history(view, 7, arena, &told, &n, err));
	CHECK(n == 3);
	for (int i = 0; i < 3; i++) {
		CHECK(told[i].member_id == 7 && told[i].seq == i + 1 && told[i].kind == i + 1);
		CHECK(told[i].restated == (i == 1) && told[i].effective_at == -i - 1);
		CHECK(told[i].from_tier == 1 && told[i].to_tier == 6 && told[i].points == 2500);
		CHECK(told[i].policy_version == 3 && told[i].known_at == BED_NOW);
	}
	OK(store_list_outbox(view, 0, 100, arena, &out, &n, err));
	CHECK(n == 3);
	for (int i = 0; i < 3; i++) {
		CHECK(out[i].seq == i + 1 && out[i].member_id == i + 1 && out[i].revision == i + 1);
		CHECK(out[i].kind == 4 && out[i].effective_at == 50 && out[i].known_at == BED_NOW);
		CHECK(out[i].history_seq == i + 1);
	}
	OK(store_list_outbox(view, 1, 1, arena, &out, &n, err));
	CHECK(n == 1 && out[0].seq == 2);
	OK(store_list_outbox(view, 3, 100, arena, &out, &n, err));
	CHECK(n == 0);
	OK(store_list_outbox(view, INT64_MAX, 100, arena, &out, &n, err));
	CHECK(n == 0);
	OK(store_list_outbox(view, 0, 0, arena, &out, &n, err));
	CHECK(n == 0);
	return MB_OK;
}

static void told_rows_are_numbered_by_the_store(void **state)
{
	(void)state;
	write_ok(add_told_rows, NULL);
	read_ok(see_told_rows, NULL);
}

/* ---- requests, values, policies ---- */

static enum mb_code add_requests(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct request_row row = {.principal = STR("producer"),
				  .request_id = STR("r-1"),
				  .method = STR("/m"),
				  .digest = HASH("d"),
				  .answer = BYTES("\0a")};

	(void)job;
	OK(store_add_request(view, &row, err));
	CHECK(store_add_request(view, &row, err) == MB_REQUEST_ID_REUSED);
	row.principal = STR("producerr");
	row.request_id = STR("-1");
	OK(store_add_request(view, &row, err));
	return MB_OK;
}

static enum mb_code see_requests(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct request_row row;
	bool found = true;

	(void)job;
	OK(store_get_request(view, STR("producer"), STR("r-2"), arena, &row, &found, err));
	CHECK(!found);
	OK(store_get_request(view, STR("producer"), STR("r-1"), arena, &row, &found, err));
	CHECK(found && str_eq(row.principal, STR("producer")) &&
	      str_eq(row.request_id, STR("r-1")));
	CHECK(str_eq(row.method, STR("/m")) && str_eq(row.digest, HASH("d")));
	CHECK(str_eq(row.answer, BYTES("\0a")) && row.known_at == BED_NOW);
	return MB_OK;
}

static void requests_are_unique_per_principal(void **state)
{
	(void)state;
	write_ok(add_requests, NULL);
	read_ok(see_requests, NULL);
}

static enum mb_code put_values(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct policy_row policy = {.version = 2,
				    .effective_from = 5,
				    .digest = HASH("2"),
				    .text = STR("version: 2\n")};
	struct str value;
	bool found;

	(void)job;
	OK(store_put_meta(view, STR("key_check"), BYTES("one\0"), err));
	OK(store_put_meta(view, STR("key_check"), BYTES("two\0"), err));
	OK(store_put_meta(view, STR("empty"), (struct str){NULL, 0}, err));
	CHECK(store_put_meta(view, STR("store.id"), STR("x"), err) == MB_FIELD_INVALID);
	CHECK(store_get_meta(view, STR("store.id"), arena, &value, &found, err) ==
	      MB_FIELD_INVALID);
	OK(store_add_policy(view, &policy, err));
	CHECK(store_add_policy(view, &policy, err) == MB_FIELD_INVALID);
	policy.version = 1;
	policy.effective_from = 0;
	policy.digest = HASH("1");
	OK(store_add_policy(view, &policy, err));
	return MB_OK;
}

static enum mb_code see_values(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	struct policy_row *rows;
	struct str value;
	bool found;
	size_t n;

	(void)job;
	OK(store_get_meta(view, STR("key_check"), arena, &value, &found, err));
	CHECK(found && str_eq(value, BYTES("two\0")));
	OK(store_get_meta(view, STR("empty"), arena, &value, &found, err));
	CHECK(found && value.len == 0);
	OK(store_get_meta(view, STR("none"), arena, &value, &found, err));
	CHECK(!found);
	OK(store_list_policies(view, arena, &rows, &n, err));
	CHECK(n == 2 && rows[0].version == 1 && rows[1].version == 2);
	CHECK(rows[1].effective_from == 5 && rows[1].known_at == BED_NOW);
	CHECK(str_eq(rows[0].digest, HASH("1")) && str_eq(rows[1].digest, HASH("2")));
	CHECK(str_eq(rows[1].text, STR("version: 2\n")));
	return MB_OK;
}

static void values_and_policies_are_kept(void **state)
{
	(void)state;
	write_ok(put_values, NULL);
	read_ok(see_values, NULL);
}

/* ---- pruning ---- */

static enum mb_code add_one_to_prune(struct store_job *job, struct store_view *view,
				     struct mb_err *err)
{
	char id = *(const char *)bed_data(job);
	struct request_row request = {.principal = STR("p"),
				      .request_id = {&id, 1},
				      .method = STR("m"),
				      .digest = HASH("d")};
	struct outbox_row out = {.member_id = 7, .revision = 1};

	OK(store_add_request(view, &request, err));
	OK(store_add_outbox(view, &out, err));
	return MB_OK;
}

static enum mb_code prune_in_steps(struct store_job *job, struct store_view *view,
				   struct mb_err *err)
{
	struct request_row request;
	struct outbox_row *out;
	size_t deleted = 9, n;
	bool found;

	(void)job;
	OK(store_prune(view, 0, 0, 100, &deleted, err));
	CHECK(deleted == 0);
	OK(store_prune(view, BED_NOW, BED_NOW, 100, &deleted, err));
	CHECK(deleted == 0);
	/* three rows of each table, the third at the instant itself */
	OK(store_prune(view, BED_NOW + 20, 0, 1, &deleted, err));
	CHECK(deleted == 1);
	OK(store_prune(view, BED_NOW + 20, BED_NOW + 20, 100, &deleted, err));
	CHECK(deleted == 3);
	OK(store_get_request(view, STR("p"), STR("b"), arena, &request, &found, err));
	CHECK(!found);
	OK(store_get_request(view, STR("p"), STR("c"), arena, &request, &found, err));
	CHECK(found);
	OK(store_list_outbox(view, 0, 100, arena, &out, &n, err));
	CHECK(n == 1 && out[0].seq == 3);
	/* what was pruned gives no number back */
	OK(store_prune(view, 0, INT64_MAX, 100, &deleted, err));
	CHECK(deleted == 1);
	OK(store_add_outbox(view, &(struct outbox_row){.member_id = 7}, err));
	OK(store_list_outbox(view, 0, 100, arena, &out, &n, err));
	CHECK(n == 1 && out[0].seq == 4);
	return MB_OK;
}

static void old_rows_are_pruned_in_steps(void **state)
{
	(void)state;
	for (const char *id = "abc"; *id != '\0'; id++) {
		write_ok(add_one_to_prune, (void *)id);
		clock_set(&bed.clock, clock_now(&bed.clock) + 10);
	}
	write_ok(prune_in_steps, NULL);
}

/* ---- memory ---- */

static enum mb_code list_into_little(struct store_job *job, struct store_view *view,
				     struct mb_err *err)
{
	struct arena *little = arena_create(NULL, 64);
	struct entry_row row, *rows = NULL;
	size_t n = 77;
	bool found;
	enum mb_code list = store_list_entries(view, 7, little, &rows, &n, err), get;

	(void)job;
	get = store_get_entry(view, 7, STR("shop"), STR("c"), little, &row, &found, err);
	arena_destroy(little);
	CHECK(list == MB_ARENA_FULL && get == MB_ARENA_FULL);
	CHECK(rows == NULL && n == 77);
	return MB_OK;
}

static void an_arena_that_runs_out_is_told(void **state)
{
	(void)state;
	write_ok(add_entries, NULL);
	read_ok(list_into_little, NULL);
	write_ok(list_into_little, NULL);
}

#define MANY 2000

static enum mb_code add_many(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	(void)job;
	for (int i = 0; i < MANY; i++) {
		/* 7 has no factor in common with MANY: every id once, in no order */
		int64_t id = 1 + (int64_t)i * 7 % MANY;
		char event[24];
		struct entry_row row;

		snprintf(event, sizeof(event), "%d", (int)id);
		row = entry_of(id % 3 + 1, id, event);
		OK(store_add_entry(view, &row, err));
	}
	return MB_OK;
}

static enum mb_code see_many(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	size_t n, sum = 0;

	(void)job;
	for (int member_id = 1; member_id <= 3; member_id++) {
		struct entry_row *rows;

		OK(store_list_entries(view, member_id, arena, &rows, &n, err));
		sum += n;
		for (size_t i = 0; i < n; i++) {
			CHECK(rows[i].entry_id % 3 + 1 == member_id);
			CHECK(i == 0 || rows[i].entry_id > rows[i - 1].entry_id);
		}
	}
	CHECK(sum == MANY);
	return MB_OK;
}

static void thousands_of_rows_keep_their_order(void **state)
{
	(void)state;
	write_ok(add_many, NULL);
	read_ok(see_many, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_are_put_and_replaced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(identities_belong_to_one_member, set_up, tear_down),
		cmocka_unit_test_setup_teardown(entries_have_a_key_for_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_have_a_length_that_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(told_rows_are_numbered_by_the_store, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(requests_are_unique_per_principal, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(values_and_policies_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(old_rows_are_pruned_in_steps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_arena_that_runs_out_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(thousands_of_rows_keep_their_order, set_up,
						tear_down),
	};

	backend = argc > 1 ? argv[1] : "memory";
	return cmocka_run_group_tests_name(backend, tests, NULL, NULL);
}
