/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is told about files that are not as they should be. Each case changes one place of the
 * default; a ^ in the new text (taken out before it is read) is where a problem must be told, one
 * for each line of what is expected, in their order.
 */
#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct broken {
	const char *old, *new, *told;
};

/* Rows of what people write, not of code: clang-format would fold them. */
/* clang-format off */
static const struct broken KEYS[] = {
	{"format: 1\n", "format: 1\n^colour: red\n",
	 "colour: unknown key; known here: format, version, effective_from, zone, currency, rates, posting, spend, frequency, breadth, interaction, credibility, tiers, protection, levels, apass, vip, basket, quota, partner_status, audience, benefits"},
	{"quota: {hold: 15min}", "quota: {hold: 15min, ^helt: 1}", "quota.helt: unknown key; known here: hold"},
	{"bronze: {attain: 0}", "bronze: {attain: 0, ^keep: 0}", "tiers.bronze.keep: unknown key; known here: attain"},
	{"quota: {hold: 15min}", "quota.hold: 15min", "quota: missing\nquota.hold: unknown key; known here: format, version, effective_from, zone, currency, rates, posting, spend, frequency, breadth, interaction, credibility, tiers, protection, levels, apass, vip, basket, quota, partner_status, audience, benefits"},
	{"format: 1\n", "format: 1\n^tiers.gold: {attain: 700, keep: 640}\n", "tiers.gold: unknown key; known here: format, version, effective_from, zone, currency, rates, posting, spend, frequency, breadth, interaction, credibility, tiers, protection, levels, apass, vip, basket, quota, partner_status, audience, benefits"},
	{"  limits:\n", "  ^limits.food: {window: 5}\n  limits:\n", "spend.limits.food: unknown key; known here: curve, limits"},
	{"format: 1\nversion: 1\n", "^format: 1\n", "version: missing"},
	{"currency: {code: CNY, exponent: 2}", "currency: ^{code: CNY}", "currency.exponent: missing"},
	{"audience: {smallest: 100}", "audience: ^{}", "audience.smallest: missing"},
	{"audience: {smallest: 100}", "^audience:", "audience: must be a map with the keys smallest, not empty"},
	{"audience: {smallest: 100}", "audience: ^100", "audience: must be a map with the keys smallest, not 100"},
	{"audience: {smallest: 100}", "audience: ^[100]", "audience: must be a map with the keys smallest, not a list"},
	{"format: 1\n", "format: 1\n^format: 1\n", "format: the key is there twice, first on line 11"},
	{"{code: CNY,", "{code: CNY, ^code: CNY,", "currency.code: the key is there twice, first on line 16"},
};

static const struct broken VALUES[] = {
	{"format: 1", "format: ^2", "format: must be 1, not 2"},
	{"version: 1", "version: ^0", "version: must be 1 to 1000000, not 0"},
	{"version: 1", "version: ^one", "version: must be a whole number, not one"},
	{"version: 1", "version: ^\"1\"", "version: must be a whole number, not \"1\""},
	{"version: 1", "version: ^01", "version: must be a whole number, not 01"},
	{"version: 1", "version: ^1.5", "version: must be a whole number, not 1.5"},
	{"version: 1", "version: ^1e3", "version: must be a whole number, not 1e3"},
	{"version: 1", "version: ^{a: 1}", "version: must be a whole number, not a map"},
	{"1970-01-01T00:00:00Z", "^1970-01-01T00:00:00", "effective_from: must be a time with its zone, like 2026-01-01T00:00:00+08:00, not 1970-01-01T00:00:00"},
	{"1970-01-01T00:00:00Z", "^2026-02-30T00:00:00Z", "effective_from: must be a time with its zone, like 2026-01-01T00:00:00+08:00, not 2026-02-30T00:00:00Z"},
	{"1970-01-01T00:00:00Z", "^1969-12-31T23:59:59Z", "effective_from: must be 1970-01-01T00:00:00Z to 2200-01-01T00:00:00Z, not 1969-12-31T23:59:59Z"},
	{"\"+08:00\"", "^Asia/Shanghai", "zone: must be a fixed offset from UTC, like +08:00, not Asia/Shanghai"},
	{"\"+08:00\"", "^\"+08:60\"", "zone: must be a fixed offset from UTC, like +08:00, not \"+08:60\""},
	{"\"+08:00\"", "^\"+15:00\"", "zone: must be -12:00 to +14:00, not \"+15:00\""},
	{"code: CNY", "code: ^yuan", "currency.code: must be a code of ISO 4217, like CNY, not yuan"},
	{"CNY, exponent: 2", "CNY, exponent: ^5", "currency.exponent: must be 0 to 4, not 5"},
	{"  USD: {exponent: 2, rate: 7.00}", "  USD: {exponent: 2, rate: ^7.00001}", "rates.USD.rate: must be a rate with at most 4 decimals, like 7.00, not 7.00001"},
	{"  USD: {exponent: 2, rate: 7.00}", "  USD: {exponent: 2, rate: ^0}", "rates.USD.rate: must be 0.0001 to 1000000.00, not 0"},
	{"  USD:", "  ^usd:", "rates.usd: must be a code of ISO 4217, like USD"},
	{"  USD:", "  ^CNY:", "rates.CNY: the base currency has no rate; it is 1"},
	{"shopping: {delay: 7d}", "shopping: {delay: ^7}", "posting.shopping.delay: must be a duration like 7d, 48h, 15min or 30s, not 7"},
	{"shopping: {delay: 7d}", "shopping: {delay: ^7 days}", "posting.shopping.delay: must be a duration like 7d, 48h, 15min or 30s, not 7 days"},
	{"shopping: {delay: 7d}", "shopping: {delay: ^-1d}", "posting.shopping.delay: must be a duration like 7d, 48h, 15min or 30s, not -1d"},
	{"shopping: {delay: 7d}", "shopping: {delay: 7d, completes: ^0d}", "posting.shopping.completes: must be 1s to 3660d, not 0d"},
	{"day_minimum: 10.00", "day_minimum: ^10.005", "frequency.day_minimum: must be an amount with at most 2 decimals, like 2000.00, not 10.005"},
	{"day_minimum: 10.00", "day_minimum: 10,^00", "frequency.00: unknown key; known here: day_minimum, points_per_day, most"},
	{"day_minimum: 10.00", "day_minimum: ^-10.00", "frequency.day_minimum: must be 0.00 to 100000000000.00, not -10.00"},
	{"day_minimum: 10.00", "day_minimum: ^100000000000.01", "frequency.day_minimum: must be 0.00 to 100000000000.00, not 100000000000.01"},
	{"day_minimum: 10.00", "day_minimum: ^.5", "frequency.day_minimum: must be an amount with at most 2 decimals, like 2000.00, not .5"},
	{"day_minimum: 10.00", "day_minimum: ^10.", "frequency.day_minimum: must be an amount with at most 2 decimals, like 2000.00, not 10."},
	{"visit: {points: 0.2,", "visit: {points: ^0.0000002,", "interaction.visit.points: must be points with at most 6 decimals, like 0.2, not 0.0000002"},
	{"guard: 50 ", "guard: ^1000001 ", "interaction.guard: must be 0 to 1000000, not 1000001"},
	{"start: 100%", "start: ^100", "credibility.start: must be a percentage with at most 2 decimals, like 12.5%, not 100"},
	{"start: 100%", "start: ^100.001%", "credibility.start: must be a percentage with at most 2 decimals, like 12.5%, not 100.001%"},
	{"bronze: {attain: 0}", "bronze: {attain: ^1}", "tiers.bronze.attain: must be 0, not 1"},
	{"settlement_day: 8", "settlement_day: ^29", "protection.settlement_day: must be 1 to 28, not 29"},
	{"window_months: 12", "window_months: ^13", "protection.window_months: must be 1 to 12, not 13"},
	{"sold_at_full_price: true", "sold_at_full_price: ^yes", "vip.sold_at_full_price: must be true or false, not yes"},
	{"nominal_from_tier: platinum", "nominal_from_tier: ^titanium", "vip.nominal_from_tier: must be bronze, silver, gold, platinum, diamond or black_diamond, not titanium"},
	{"platform_coupons: 1", "platform_coupons: ^2", "basket.platform_coupons: must be 0 to 1, not 2"},
};

static const struct broken CURVES[] = {
	{"{from: 2000.00,", "{from: ^2500.00,", "spend.curve[1].from: leaves a gap up to 2500.00: the piece before ends at 2000.00"},
	{"{from: 2000.00,", "{from: ^1500.00,", "spend.curve[1].from: overlaps from 1500.00: the piece before ends at 2000.00"},
	{"{from: 0,", "{from: ^0.01,", "spend.curve[0].from: leaves a gap up to 0.01: the piece before ends at 0.00"},
	{"from: 100000.00, upto: 350000.00", "from: 100000.00, upto: ^100000.00", "spend.curve[3].upto: must be above its from, 100000.00"},
	{"points_per_unit: 0.03}", "points_per_unit: ^0.00003}", "spend.curve[1].points_per_unit: must be points for a unit with at most 4 decimals, like 0.01, not 0.00003"},
	{"- {from: 100000.00, upto: 350000.00, points_per_unit: 0.002}", "- ^{from: 100000.00, upto: 350000.00, points_per_unit: 10}", "spend.curve[3]: the curve gives more than 1000000 points at its top"},
	{"- {from: 0, upto: 2000.00, points_per_unit: 0.1}", "- ^nothing", "spend.curve[0]: must be a map with the keys from, upto, points_per_unit, not nothing"},
	{"window: 60000.00, rail: 6000.00", "window: ^60000.00, rail: 60000.01", "spend.limits.travel.window: must be at least spend.limits.travel.rail (60000.01), not 60000.00"},
};

static const struct broken ORDER[] = {
	{"gold: {attain: 600, keep: 540}", "gold: {attain: ^350, keep: 350}", "tiers.gold.attain: must be above tiers.silver.attain (400), not 350\ntiers.gold.keep: must be above tiers.silver.keep (360), not 350"},
	{"gold: {attain: 600, keep: 540}", "gold: {attain: ^400, keep: 390}", "tiers.gold.attain: must be above tiers.silver.attain (400), not 400"},
	{"gold: {attain: 600, keep: 540}", "gold: {attain: ^600, keep: 601}", "tiers.gold.attain: must be at least tiers.gold.keep (601), not 600"},
	{"keep: 900}", "keep: ^540}", "tiers.platinum.keep: must be above tiers.gold.keep (540), not 540"},
	{"super: {from: 1000}", "super: {from: 2500}", "levels.apass_level.from: must be above levels.super.from (2500), not 2500"},
	{"day: 15, month: 60, window: 300", "day: 15, month: ^14, window: 300", "interaction.review.month: must be at least interaction.review.day (15), not 14"},
	{"month: 60, window: 240", "month: 60, window: ^59.9", "interaction.post.window: must be at least interaction.post.month (60), not 59.9"},
	{"together: {month: 120, window: 600}", "together: {month: 120, window: ^119}", "interaction.together.window: must be at least interaction.together.month (120), not 119"},
	{"highest: 120%", "highest: ^99%", "credibility.highest: must be at least credibility.start (100%), not 99%"},
	{"price: 888.00  ", "price: ^87.00   ", "vip.price: must be at least vip.nominal_fee (88.00), not 87.00"},
	{"days: 120,", "days: ^7,", "partner_status.days: must be at least partner_status.nights (8), not 7"},
};

static const struct broken BENEFITS[] = {
	{"number: 2\n", "number: ^1\n", "benefits[1].number: must be above 1, the number before it, not 1"},
	{"id: hilton-status", "id: ^marriott-status", "benefits[3].id: marriott-status is the id of number 3 already"},
	{"id: hilton-status", "id: ^Hilton-Status", "benefits[3].id: must be lower-case words joined by hyphens, like value-channel-discount, not Hilton-Status"},
	{"id: hilton-status", "id: ^hilton--status", "benefits[3].id: must be lower-case words joined by hyphens, like value-channel-discount, not hilton--status"},
	{"id: hilton-status", "id: ^hilton-", "benefits[3].id: must be lower-case words joined by hyphens, like value-channel-discount, not hilton-"},
	{"name: \"Members' zone\"", "name: ^\"\"", "benefits[29].name: must be one line of 1 to 96 bytes, not empty"},
	{"kind: percent", "kind: ^percentage", "benefits[1].kind: must be flag, level, quota or percent"},
	{"  - number: 1\n    id: dedicated-concierge\n    name: \"Dedicated concierge\"\n    kind: flag\n", "  - ^number: 1\n    id: dedicated-concierge\n    name: \"Dedicated concierge\"\n", "benefits[0].kind: must be flag, level, quota or percent"},
	{"tiers: [black_diamond]\n    percent: 20%", "tiers: [black_diamond]\n    percent: ^100.01%", "benefits[1].percent: must be 0.01% to 100%, not 100.01%"},
	{"tiers: [black_diamond]\n    percent: 20%", "tiers: [black_diamond]\n    percent: ^20", "benefits[1].percent: must be a percentage with at most 2 decimals, like 12.5%, not 20"},
	{"at_most: 50.00", "at_most: ^0.00", "benefits[1].at_most: must be 0.01 to 100000000000.00, not 0.00"},
	{"channel: value", "channel: ^app", "benefits[1].channel: must be value (leave the key out for every channel), not app"},
	{"tiers: [black_diamond]\n\n", "tiers: [black_diamond]\n    ^percent: 5%\n\n", "benefits[0].percent: unknown key; known here: number, id, name, kind, tiers, vip, apass"},
	{"tiers: [black_diamond]\n\n", "tiers: ^{black_diamond: true}\n\n", "benefits[0].tiers: must be a list of tiers, like [diamond, black_diamond]"},
	{"tiers: [black_diamond]\n\n", "tiers: [^onyx]\n\n", "benefits[0].tiers[0]: must be bronze, silver, gold, platinum, diamond or black_diamond"},
	{"tiers: [black_diamond]\n\n", "tiers: [black_diamond, ^black_diamond]\n\n", "benefits[0].tiers[1]: is there twice"},
	{"tiers: [diamond, black_diamond]", "tiers: ^[gold, black_diamond]", "benefits[15].tiers: platinum holds less than gold; a higher tier holds at least as much"},
	{"diamond: 8, black_diamond: 12}", "diamond: 8, black_diamond: ^0}", "benefits[5].tiers.black_diamond: must be 1 to 10000, not 0"},
	{"tiers: {bronze: 1, silver: 2, gold: 4, platinum: 6, diamond: 8, black_diamond: 12}", "tiers: ^{bronze: 1, silver: 2, gold: 4, platinum: 6, diamond: 8, black_diamond: 7}", "benefits[5].tiers: black_diamond holds less than diamond; a higher tier holds at least as much"},
	{"tiers: {bronze: 1, silver: 2, gold: 4, platinum: 6, diamond: 8, black_diamond: 12}", "tiers: ^[bronze]", "benefits[5].tiers: must be a map of tiers, like {diamond: 1, black_diamond: 2}"},
	{"diamond: silver, black_diamond: gold}", "diamond: silver, black_diamond: ^platinum}", "benefits[2].tiers.black_diamond: must be one of its levels: silver, gold"},
	{"levels: [f1, f2, f3, f4]", "levels: [f1, f2, f3, f4, ^f4]", "benefits[4].levels[4]: is there twice"},
	{"levels: [f1, f2, f3, f4]", "levels: ^[]", "benefits[4].levels: must be a list of 1 to 256 texts"},
	{"  - number: 5\n    id: travel-membership\n    name: \"Travel membership\"\n    kind: level\n    levels: [f1, f2, f3, f4]\n", "  - ^number: 5\n    id: travel-membership\n    name: \"Travel membership\"\n    kind: level\n", "benefits[4].levels: missing"},
	{"categories: [supermarket]", "categories: [supermarket, ^supermarket]", "benefits[21].categories[1]: is there twice"},
	{"categories: [supermarket]", "categories: ^supermarket", "benefits[21].categories: must be a list of 0 to 256 texts"},
	{"vip: 5\n", "vip: ^true\n", "benefits[23].vip: must be a whole number, not true"},
	{"    kind: flag\n    apass: true\n\n  - number: 28", "    kind: flag\n    apass: ^1\n\n  - number: 28", "benefits[26].apass: must be true or false, not 1"},
	{"  - number: 30\n    id: members-zone\n    name: \"Members' zone\"\n    kind: flag\n    apass: true", "  - ^number: 30\n    id: members-zone\n    name: \"Members' zone\"\n    kind: flag\n    apass: false", "benefits[29]: nobody holds it; name tiers, vip or apass"},
	{"brands: []", "brands: [\"a b\", ^\"\"]", "benefits[21].brands[1]: must be one line of 1 to 64 bytes, not empty"},
};

static const struct broken YAML[] = {
	{"frequency: {day", "frequency: &days ^{day", "frequency: anchors (&) are not allowed; write the values out"},
	{"zone: \"+08:00\"", "zone: ^*offset", "zone: aliases (*) are not allowed; write the values out"},
	{"version: 1", "version: !!int ^1", "version: tags (!) are not allowed; every key has one type"},
	{"audience: {smallest: 100}", "audience: {smallest: 100, ^<<: {a: 1}}", "audience.<<: merge keys are not allowed; write the values out"},
	{"format: 1\n", "---\nformat: 1\n^---\n", "a second document; a file holds one"},
	{"format: 1\n", "%YAML 1.1\n^---\nformat: 1\n", "directives (%) are not allowed"},
	{"name: \"Members' zone\"", "name: |\n^      Members\n      zone", "benefits[29].name: block texts (| and >) are not allowed; write it on one line"},
	{"name: \"Members' zone\"", "name: ^\"Members\\nzone\"", "benefits[29].name: control characters are not allowed, escaped ones neither"},
	{"{hold: 15min}", "{hold: [[[[[[^[1]]]]]]]}", "quota.hold[0][0][0][0][0]: nested too deep; at most 8 levels"},
	{"{hold: 15min}", "{^[hold]: 15min}", "quota: a key must be a plain word"},
	{"name: \"Members' zone\"", "name: Members^\x01 zone", "a control character (0x01)"},
	{"name: \"Members' zone\"", "name: \"\xe4\xbc\x9a\xe5\x91\x98 ^\xe4\xbc zone\"", "not UTF-8 (byte 0xe4)"},
	{"levels: [f1, f2, f3, f4]", "levels: [f1, f2, f3, f4", "not well-formed YAML"},
	{"\nquota: {hold: 15min}", "\n^\tquota: {hold: 15min}", "not well-formed YAML"},
};
/* clang-format on */

struct mark {
	int line, column;
};

/* Takes the ^ out of a text and tells where they were. */
static size_t take_marks(struct str *text, struct mark *out, size_t most)
{
	char *to = (char *)(uintptr_t)text->ptr;
	int line = 1, column = 1;
	size_t n = 0, len = 0;

	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->ptr[i];

		if (c == '^') {
			assert_true(n < most);
			out[n++] = (struct mark){line, column};
			continue;
		}
		to[len++] = (char)c;
		column = c == '\n' ? 1 : column + ((c & 0xc0) != 0x80);
		line += c == '\n';
	}
	text->len = len;
	return n;
}

static void join(const struct policy_problems *problems, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < problems->n && len < size; i++) {
		const struct policy_problem *at = &problems->items[i];

		len += (size_t)snprintf(out + len, size - len, "%s%s%s%s", i == 0 ? "" : "\n",
					at->path, at->path[0] == '\0' ? "" : ": ", at->text);
	}
}

static int wrong; /* cases; all are run */

static void check_case(const struct broken *row)
{
	struct arena *arena = arena_create(NULL, 0);
	const struct policy *policy = NULL;
	struct policy_problems problems;
	struct mb_err err = {0};
	struct mark marks[8];
	struct str text = default_with(arena, row->old, row->new);
	size_t n = take_marks(&text, marks, 8);
	char told[4096];

	assert_int_equal(policy_check(text, arena, &policy, &problems, &err), MB_FIELD_INVALID);
	assert_null(policy);
	assert_true(problems.n > 0);
	join(&problems, told, sizeof(told));
	/* the words behind this are the library's */
	if (strcmp(row->told, "not well-formed YAML") == 0) {
		told[strlen(row->told)] = '\0';
	}
	if (strcmp(told, row->told) != 0) {
		print_error("'%s' told\n%s\ninstead of\n%s\n", row->new, told, row->told);
		wrong++;
	}
	for (size_t i = 0; i < n; i++) {
		if (problems.items[i].line != marks[i].line ||
		    problems.items[i].column != marks[i].column) {
			print_error("'%s': %d:%d instead of %d:%d (%s)\n", row->new,
				    problems.items[i].line, problems.items[i].column, marks[i].line,
				    marks[i].column, told);
			wrong++;
		}
	}
	arena_destroy(arena);
}

#define CASES(name, rows)                                                     \
	static void name(void **state)                                        \
	{                                                                     \
		(void)state;                                                  \
		wrong = 0;                                                    \
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) { \
			check_case(&rows[i]);                                 \
		}                                                             \
		assert_int_equal(wrong, 0);                                   \
	}

CASES(keys_unknown_missing_or_twice, KEYS)
CASES(values_of_wrong_form_or_size, VALUES)
CASES(a_curve_without_gaps, CURVES)
CASES(what_must_rise_rises, ORDER)
CASES(benefits_are_whole, BENEFITS)
CASES(yaml_keeps_to_its_plain_part, YAML)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_unknown_missing_or_twice),
		cmocka_unit_test(values_of_wrong_form_or_size),
		cmocka_unit_test(a_curve_without_gaps),
		cmocka_unit_test(what_must_rise_rises),
		cmocka_unit_test(benefits_are_whole),
		cmocka_unit_test(yaml_keeps_to_its_plain_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
