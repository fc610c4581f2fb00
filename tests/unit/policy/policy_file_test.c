/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/fault.h"
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct mb_err err;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create(NULL, 0);
	err = (struct mb_err){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

/* ---- printing ---- */

static const struct policy *print_and_parse(const struct policy *policy)
{
	struct strbuf printed = {0};
	const struct policy *again;

	policy_print(policy, &printed);
	assert_false(printed.failed);
	again = parsed(arena, strbuf_str(&printed));
	strbuf_fini(&printed);
	return again;
}

static void what_is_printed_parses_to_the_same(void **state)
{
	const struct policy *first = default_parsed(arena);

	(void)state;
	assert_true(policy_equal(first, print_and_parse(first)));
}

/* Values that the default does not have: every optional key, odd texts, many decimals. */
static struct str odd_text(void)
{
	struct str text = default_with(arena, "{hold: 15min}", "{hold: 90s}");

	text = text_with(arena, text, "1970-01-01T00:00:00Z", "2026-03-01T00:00:00.25+08:00");
	text = text_with(arena, text, "\"+08:00\"", "\"-03:30\"");
	text = text_with(arena, text, "shopping: {delay: 7d}",
			 "shopping: {delay: 26h, completes: 30d}");
	text = text_with(arena, text, "shopping: {order: 50000.00}",
			 "shopping: {order: 50000.01, window: 9}");
	text = text_with(arena, text, "points: 0.2,", "points: 0.000001,");
	text = text_with(arena, text, "rate: 7.00}", "rate: 7.0001}");
	text = text_with(arena, text, "rates:\n", "rates:\n  JPY: {exponent: 0, rate: 0.05}\n");
	text = text_with(arena, text, "start: 100%", "start: 99.99%");
	text = text_with(arena, text, "brands: []", "brands: [\"a \\\"b\\\" \\\\ c\", '#1: [x]']");
	text = text_with(arena, text, "\"Members' zone\"",
			 "\"\xe4\xbc\x9a\xe5\x91\x98 \xf0\x9f\x8e\x81 zone\"");
	text = text_with(arena, text, "vip: 5", "vip: 5\n    apass: 7");
	return text;
}

static void odd_values_survive_printing(void **state)
{
	const struct policy *odd = parsed(arena, odd_text());
	const struct policy *again = print_and_parse(odd);

	(void)state;
	assert_int_equal(odd->zone_minutes, -210);
	assert_true(odd->effective_from == INT64_C(1772294400) * US_PER_SECOND + US_PER_SECOND / 4);
	assert_true(odd->posting.delay[PLATFORM_SHOPPING] == 26 * US_PER_HOUR);
	assert_true(odd->posting.auto_complete[PLATFORM_SHOPPING] == 30 * US_PER_DAY);
	assert_true(odd->interaction.kind[INTERACTION_VISIT].points == 1);
	assert_true(str_eq(odd->benefits[21].brands[0], STR("a \"b\" \\ c")));
	assert_true(str_eq(odd->benefits[21].brands[1], STR("#1: [x]")));
	assert_string_equal(odd->rates[1].currency, "JPY");
	assert_true(policy_equal(odd, again));
	assert_false(policy_equal(odd, default_parsed(arena)));
}

static void other_money_has_other_decimals(void **state)
{
	struct str text = default_with(arena, "CNY, exponent: 2", "JPY, exponent: 0");
	const struct policy *policy;
	struct policy_problems problems;

	(void)state;
	/* whole yen only: every amount with decimals is told */
	assert_int_equal(policy_check(text, arena, &policy, &problems, &err), MB_FIELD_INVALID);
	assert_int_equal(problems.n + problems.unlisted, 19);
	assert_string_equal(problems.items[0].text,
			    "must be an amount with at most 0 decimals, like 2000, not 2000.00");
}

/* Each of these changes is seen. */
static void equality_sees_every_part(void **state)
{
	static const char *const CHANGES[][2] = {
		{"version: 1", "version: 2"},
		{"USD: {exponent: 2", "USD: {exponent: 3"},
		{"  GBP:", "  EUR:"},
		{"points_per_unit: 0.002", "points_per_unit: 0.003"},
		{"keep: 2250", "keep: 2251"},
		{"sold_at_full_price: true", "sold_at_full_price: false"},
		{"code: CNY", "code: CNH"},
		{"id: members-zone", "id: members-area"},
		{"Members' zone", "Members' area"},
		{"partner: hilton-honors", "partner: hilton"},
		{"levels: [f1,", "levels: [f0, f1,"},
		{"channel: value", ""},
		{"categories: [supermarket]", "categories: [market]"},
		{"brands: []", "brands: [a]"},
		{"tiers: [black_diamond]\n    vip: true",
		 "tiers: [black_diamond]\n    apass: true"},
		{"silver: 2, gold: 4", "silver: 3, gold: 4"},
		{"  - number: 30\n    id: members-zone\n    name: \"Members' zone\"\n    kind: "
		 "flag\n    apass: true\n",
		 ""},
	};
	const struct policy *first = default_parsed(arena);

	(void)state;
	for (size_t i = 0; i < sizeof(CHANGES) / sizeof(CHANGES[0]); i++) {
		const struct policy *changed =
			parsed(arena, default_with(arena, CHANGES[i][0], CHANGES[i][1]));

		if (policy_equal(first, changed)) {
			fail_msg("'%s' was not seen", CHANGES[i][1]);
		}
		assert_true(policy_equal(changed, print_and_parse(changed)));
	}
}

/* ---- stories ---- */

static void the_story_has_place_path_and_count(void **state)
{
	const struct policy *policy = NULL;
	struct str text = default_with(arena, "gold: {attain: 600, keep: 540}",
				       "gold: {attain: 350, keep: 350}");

	(void)state;
	assert_int_equal(policy_parse(text, "p.yaml", arena, &policy, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "p.yaml:78:18: tiers.gold.attain: must be above "
				      "tiers.silver.attain (400), not 350 (and 1 more)");
	assert_string_equal(err.field, "tiers.gold.attain");
	assert_null(policy);
}

static void at_most_twenty_are_listed(void **state)
{
	struct strbuf text = {0};
	struct policy_problems problems;
	const struct policy *policy;

	(void)state;
	strbuf_put(&text, policy_default_text().ptr, policy_default_text().len);
	for (int i = 0; i < 25; i++) {
		strbuf_printf(&text, "extra%d: 1\n", i);
	}
	assert_int_equal(policy_check(strbuf_str(&text), arena, &policy, &problems, &err),
			 MB_FIELD_INVALID);
	assert_int_equal(problems.n, 20);
	assert_int_equal(problems.unlisted, 5);
	strbuf_fini(&text);
}

static void long_texts_are_cut_between_characters(void **state)
{
	struct strbuf key = {0};
	struct policy_problems problems;
	const struct policy *policy;
	struct str text;

	(void)state;
	strbuf_puts(&key, "x: 1\nabc");
	for (int i = 0; i < 200; i++) {
		strbuf_puts(&key, "\xe4\xbc\x9a");
	}
	strbuf_puts(&key,
		    ": 1\nformat: \xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a"
		    "\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a"
		    "\xe4\xbc\x9a\xe4\xbc\x9a\xe4\xbc\x9a\n");
	text = default_with(arena, "format: 1\n", key.ptr);
	assert_int_equal(policy_check(text, arena, &policy, &problems, &err), MB_FIELD_INVALID);
	assert_int_equal(problems.n, 3);
	for (size_t i = 0; i < problems.n; i++) {
		assert_true(str_is_utf8(str_from(problems.items[i].path)));
		assert_true(str_is_utf8(str_from(problems.items[i].text)));
	}
	assert_int_equal(policy_parse(text, "p", arena, &policy, &err), MB_FIELD_INVALID);
	assert_true(str_is_utf8(str_from(err.text)));
	strbuf_fini(&key);
}

static void size_has_its_limit(void **state)
{
	struct strbuf text = {0};
	const struct policy *policy = NULL;

	(void)state;
	strbuf_put(&text, policy_default_text().ptr, policy_default_text().len);
	while (text.len < POLICY_FILE_MAX) {
		strbuf_putc(&text, '\n');
	}
	assert_int_equal(policy_parse(strbuf_str(&text), "p", arena, &policy, &err), MB_OK);
	strbuf_putc(&text, '\n');
	assert_int_equal(policy_parse(strbuf_str(&text), "p", arena, &policy, &err),
			 MB_FIELD_INVALID);
	assert_string_equal(err.text, "p:1:1: larger than 256 KiB");
	assert_int_equal(policy_parse(STR(""), "p", arena, &policy, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "p:1:1: the file is empty");
	assert_int_equal(policy_parse(STR("# no\n"), "p", arena, &policy, &err), MB_FIELD_INVALID);
	assert_string_equal(err.text, "p:1:1: the file is empty");
	strbuf_fini(&text);
}

/* As many nodes as fit into the size: memory is not what refuses them. */
static void the_densest_file_fits(void **state)
{
	struct strbuf text = {0};
	const struct policy *policy = NULL;
	int n = 0;

	(void)state;
	strbuf_putc(&text, '[');
	for (int outer = 0; text.len < POLICY_FILE_MAX - 1000; outer++) {
		strbuf_puts(&text, outer == 0 ? "[" : "],[");
		for (n = 0; n < 255; n++) {
			strbuf_puts(&text, n == 0 ? "1" : ",1");
		}
	}
	strbuf_puts(&text, "]]");
	assert_true(text.len <= POLICY_FILE_MAX);
	assert_int_equal(policy_parse(strbuf_str(&text), "p", arena, &policy, &err),
			 MB_FIELD_INVALID);
	strbuf_fini(&text);
}

/* Files of other editors: carriage returns, a byte order mark. */
static void other_line_ends_are_read(void **state)
{
	const struct policy *first = default_parsed(arena);
	struct strbuf text = {0};

	(void)state;
	strbuf_puts(&text, "\xef\xbb\xbf");
	for (size_t i = 0; i < policy_default_text().len; i++) {
		char c = policy_default_text().ptr[i];

		strbuf_puts(&text, c == '\n' ? "\r" : "");
		strbuf_putc(&text, c);
	}
	assert_true(policy_equal(first, parsed(arena, strbuf_str(&text))));
	strbuf_fini(&text);
}

static void short_memory_is_an_error_and_no_more(void **state)
{
	int full = 0;

	(void)state;
	for (size_t cap = 64;; cap += cap / 4) {
		struct arena *small = arena_create(NULL, cap);
		const struct policy *policy = NULL;
		enum mb_code code = policy_parse(policy_default_text(), "p", small, &policy, &err);

		arena_destroy(small);
		if (code == MB_OK) {
			break;
		}
		assert_int_equal(code, MB_ARENA_FULL);
		assert_null(policy);
		full++;
	}
	assert_true(full > 5);
}

/* ---- files ---- */

static void write_file(const char *path, struct str text)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text.ptr, 1, text.len, file), text.len);
	fclose(file);
}

static void files_are_read_or_told_why_not(void **state)
{
	char path[] = "/tmp/policy-test-XXXXXX";
	struct str text;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_file(path, policy_default_text());
	assert_int_equal(policy_read_file(path, arena, &text, &err), MB_OK);
	assert_true(str_eq(text, policy_default_text()));
	fault_arm("policy.open", 1);
	assert_int_equal(policy_read_file(path, arena, &text, &err), MB_FIELD_INVALID);
	fault_arm("policy.read", 1);
	assert_int_equal(policy_read_file(path, arena, &text, &err), MB_FIELD_INVALID);
	fault_disarm();
	assert_int_equal(policy_read_file("/", arena, &text, &err), MB_FIELD_INVALID);
	unlink(path);
	assert_int_equal(policy_read_file(path, arena, &text, &err), MB_FIELD_INVALID);
	assert_non_null(strstr(err.text, "No such file"));
	assert_true(str_eq(text, policy_default_text()));
}

/* ---- versions ---- */

#define DAY_1 (INT64_C(20000) * US_PER_DAY) /* 2024-10-04 */

static enum mb_code follow(const char *old, const char *new, int64_t published_at)
{
	const struct policy *versions[2] = {default_parsed(arena), NULL};
	struct policy_list known = {versions, 1};
	struct str text = default_with(arena, "version: 1\n", "version: 2\n");

	text = text_with(arena, text, "1970-01-01T00:00:00Z", "2024-10-04T00:00:00Z");
	if (old != NULL) {
		text = text_with(arena, text, old, new);
	}
	versions[1] = parsed(arena, text);
	return policy_check_next(&known, versions[1], published_at, &err);
}

static void refused_next(const char *old, const char *new, const char *field, const char *text)
{
	assert_int_equal(follow(old, new, DAY_1), MB_FIELD_INVALID);
	assert_string_equal(err.field, field);
	if (strcmp(err.text, text) != 0) {
		fail_msg("'%s' instead of '%s'", err.text, text);
	}
}

static void versions_follow_each_other(void **state)
{
	const struct policy_list none = {NULL, 0};
	const struct policy *first = default_parsed(arena);

	(void)state;
	assert_int_equal(policy_check_next(&none, first, DAY_1, &err), MB_OK);
	assert_int_equal(follow(NULL, NULL, DAY_1), MB_OK);
	assert_int_equal(follow("gold: {attain: 600", "gold: {attain: 550", DAY_1), MB_OK);
	assert_int_equal(follow("rates:\n", "rates:\n  EUR: {exponent: 2, rate: 8}\n", DAY_1),
			 MB_OK);
	assert_int_equal(follow("rate: 9.00", "rate: 9.50", DAY_1), MB_OK);
	assert_int_equal(
		policy_check_next(&none,
				  parsed(arena, default_with(arena, "version: 1", "version: 2")),
				  DAY_1, &err),
		MB_FIELD_INVALID);
	assert_string_equal(err.text, "policy version 2: version must be 1, the next one, not 2");
}

/* A third version, beside the default and a second one that takes force on 1 December 2024. */
static enum mb_code follow_two(const char *effective_from, const char *old, const char *new)
{
	const struct policy *versions[2] = {default_parsed(arena), NULL};
	struct policy_list known = {versions, 2};
	struct str text = default_with(arena, "version: 1\n", "version: 2\n");

	versions[1] = parsed(
		arena, text_with(arena, text, "1970-01-01T00:00:00Z", "2024-12-01T00:00:00Z"));
	text = default_with(arena, "version: 1\n", "version: 3\n");
	text = text_with(arena, text, "1970-01-01T00:00:00Z", effective_from);
	if (old != NULL) {
		text = text_with(arena, text, old, new);
	}
	return policy_check_next(&known, parsed(arena, text), DAY_1, &err);
}

static void a_version_may_take_force_before_one_that_is_known(void **state)
{
	const char *eur = "rates:\n  EUR: {exponent: 2, rate: 8}\n";

	(void)state;
	assert_int_equal(follow_two("2025-01-01T00:00:00Z", NULL, NULL), MB_OK);
	assert_int_equal(follow_two("2024-11-01T00:00:00Z", NULL, NULL), MB_OK);
	assert_int_equal(follow_two("2025-01-01T00:00:00Z", "rates:\n", eur), MB_OK);
	assert_int_equal(follow_two("2024-11-01T00:00:00Z", "rates:\n", eur), MB_FIELD_INVALID);
	assert_string_equal(err.text, "policy version 3: rates.EUR is not in version 2, which "
				      "takes force later and would drop it");
	assert_int_equal(follow_two("2024-12-01T00:00:00Z", NULL, NULL), MB_FIELD_INVALID);
	assert_string_equal(err.text, "policy version 3: effective_from must be unlike that of "
				      "version 2, 2024-12-01T00:00:00Z");
}

static void versions_keep_what_ledgers_hang_on(void **state)
{
	(void)state;
	refused_next("version: 2", "version: 3", "version",
		     "policy version 3: version must be 2, the next one, not 3");
	refused_next("version: 2", "version: 1", "version",
		     "policy version 1: version must be 2, the next one, not 1");
	refused_next("2024-10-04T00:00:00Z", "1970-01-01T00:00:00Z", "effective_from",
		     "policy version 2: effective_from must be unlike that of version 1, "
		     "1970-01-01T00:00:00Z");
	refused_next("2024-10-04T00:00:00Z", "2024-10-03T23:59:59.999999Z", "effective_from",
		     "policy version 2: effective_from must not be before its publication, "
		     "2024-10-04T00:00:00Z");
	refused_next(
		"\"+08:00\"", "\"+09:00\"", "zone",
		"policy version 2: zone must stay as in version 1: days and months hang on it");
	refused_next("code: CNY", "code: CNH", "currency.code",
		     "policy version 2: currency.code must stay CNY, as in version 1");
	refused_next("CNY, exponent: 2", "CNY, exponent: 3", "currency.exponent",
		     "policy version 2: currency.exponent must stay 2, as in version 1");
	refused_next("settlement_day: 8", "settlement_day: 9", "protection.settlement_day",
		     "policy version 2: protection.settlement_day must stay 8, as in version 1");
	refused_next("  GBP:", "  EUR:", "rates.GBP",
		     "policy version 2: rates.GBP must stay: version 1 has it, and ledgers may");
	refused_next("USD: {exponent: 2", "USD: {exponent: 3", "rates.USD",
		     "policy version 2: rates.USD must keep its exponent of 2, as in version 1");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_printed_parses_to_the_same),
		CASE(odd_values_survive_printing),
		CASE(other_money_has_other_decimals),
		CASE(equality_sees_every_part),
		CASE(the_story_has_place_path_and_count),
		CASE(at_most_twenty_are_listed),
		CASE(long_texts_are_cut_between_characters),
		CASE(size_has_its_limit),
		CASE(the_densest_file_fits),
		CASE(other_line_ends_are_read),
		CASE(short_memory_is_an_error_and_no_more),
		CASE(files_are_read_or_told_why_not),
		CASE(versions_follow_each_other),
		CASE(a_version_may_take_force_before_one_that_is_known),
		CASE(versions_keep_what_ledgers_hang_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
