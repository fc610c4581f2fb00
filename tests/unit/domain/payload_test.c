/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The golden vectors are what ledgers hold: they were made by an encoder written apart from this one
 * and never change. A new kind or field adds vectors.
 */
#include "domain/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AT INT64_C(1795219200000000)

static const struct line plain_lines[] = {
	{.line_no = 1,
	 .type = LINE_GOODS,
	 .currency = "CNY",
	 .amount = 10000,
	 .coupon = 500,
	 .category = {"toys", 4},
	 .store = {"s-1", 3},
	 .brand = {"b-1", 3}},
	{.line_no = 3, .type = LINE_SHIPPING, .currency = "CNY", .amount = 800},
};

static const struct line extreme_lines[] = {
	{.line_no = INT32_MAX,
	 .type = LINE_SERVICE,
	 .currency = "USD",
	 .amount = INT64_MAX,
	 .coupon = INT64_C(1) << 62,
	 .points = 1,
	 .sub_kind = {"rail", 4},
	 .category = {"\xe6\x97\x85\xe8\xa1\x8c", 6},
	 .store = {"st", 2},
	 .brand = {"br", 2}},
};

static const struct reversal_line reversed_lines[] = {
	{.line_no = 1, .currency = "CNY", .amount = 9500},
	{.line_no = 3, .currency = "CNY", .amount = 1},
};

#define ACTIVITY(k, at, src, event, order_src, order)                       \
	.kind = (k), .occurred_at = (at), .source = {src, sizeof(src) - 1}, \
	.source_event_id = {event, sizeof(event) - 1},                      \
	.order_source = {order_src, sizeof(order_src) - 1}, .order_id = {order, sizeof(order) - 1}

/* A kind that names no order. */
#define STR_C(text)                      \
	{                                \
		(text), sizeof(text) - 1 \
	}
#define TOLD(k, src, event) \
	.kind = (k), .occurred_at = AT, .source = STR_C(src), .source_event_id = STR_C(event)
#define ABOUT(src, event) .about_source = STR_C(src), .about_event_id = STR_C(event)
#define MEMBER		  INT64_C(9007199254740993)

static const struct {
	const char *name;
	struct activity activity;
	const char *hex;
} vectors[] = {
	{"order",
	 {ACTIVITY(ACTIVITY_ORDER, AT, "shop", "e-1", "shop", "o-1"),
	  .order = {PLATFORM_SHOPPING, 0, plain_lines, 2}},
	 "010a028080aeabc1afb006050473686f700703652d31090473686f700b036f2d3120022520020204020703434"
	 "e"
	 "5908a09c010ae8071104746f79731303732d311503622d31250c020604060703434e5908c00c"},
	{"order at every edge",
	 {ACTIVITY(ACTIVITY_ORDER, -1, "trips.example", "\xc3\xa9v\xc3\xa8nement", "trips.example",
		   "o/2"),
	  .order = {PLATFORM_TRAVEL, AT + 1, extreme_lines, 1}},
	 "010a0201050d74726970732e6578616d706c65070bc3a976c3a86e656d656e74090d74726970732e6578616d7"
	 "0"
	 "6c650b036f2f322008228280aeabc1afb006253b02feffffff0f0404070355534408feffffffffffffffff010"
	 "a"
	 "808080808080808080010c020f047261696c1106e69785e8a18c1302737415026272"},
	{"order without lines",
	 {ACTIVITY(ACTIVITY_ORDER, 0, "a", "b", "a", "c"), .order = {PLATFORM_RIDES, 0, NULL, 0}},
	 "010a0501610701620901610b0163200c"},
	{"completion",
	 {ACTIVITY(ACTIVITY_COMPLETION, AT, "shop", "e-2", "shop", "o-1"),
	  .completion = {INT64_C(1795305600000000)}},
	 "010b028080aeabc1afb006050473686f700703652d32090473686f700b036f2d31228080e988c5b4b006"},
	{"cancellation",
	 {ACTIVITY(ACTIVITY_CANCELLATION, AT, "support", "e-3", "shop", "o-1")},
	 "010c028080aeabc1afb0060507737570706f72740703652d33090473686f700b036f2d31"},
	{"reversal",
	 {ACTIVITY(ACTIVITY_REVERSAL, AT, "shop", "e-4", "shop", "o-1"),
	  .reversal = {reversed_lines, 2}},
	 "010d028080aeabc1afb006050473686f700703652d34090473686f700b036f2d31250b02020703434e5908b89"
	 "4"
	 "01250902060703434e590802"},
	{"review",
	 {ACTIVITY(ACTIVITY_REVIEW, AT, "shop", "e-5", "shop", "o-1"), .review = {3, true}},
	 "010e028080aeabc1afb006050473686f700703652d35090473686f700b036f2d312a062c02"},
	{"review without pictures",
	 {ACTIVITY(ACTIVITY_REVIEW, AT, "shop", "e-6", "trips", "o-1"),
	  .review = {INT32_MAX, false}},
	 "010e028080aeabc1afb006050473686f700703652d36090574726970730b036f2d312afeffffff0f"},
	{"share",
	 {TOLD(ACTIVITY_SHARE, "feed", "e-7"), .share = {STR_C("c-1"), STR_C("chat")}},
	 "010f028080aeabc1afb0060504666565640703652d372f03632d31310463686174"},
	{"opening",
	 {TOLD(ACTIVITY_OPENING, "feed", "e-8"), ABOUT("feed", "e-7"), .opening = {MEMBER, true}},
	 "0110028080aeabc1afb0060504666565640703652d382704666565642903652d37328280808080808020"
	 "3402"},
	{"opening, not verified",
	 {TOLD(ACTIVITY_OPENING, "feed", "e-9"), ABOUT("chat", "e-7"),
	  .opening = {INT64_MAX, false}},
	 "0110028080aeabc1afb0060504666565640703652d392704636861742903652d3732feffffffffffffff"
	 "ff01"},
	{"post",
	 {TOLD(ACTIVITY_POST, "forum", "e-10"), .post = {STR_C("p-1")}},
	 "0111028080aeabc1afb0060505666f72756d0704652d31302f03702d31"},
	{"answer",
	 {TOLD(ACTIVITY_ANSWER, "forum", "e-11"), .answer = {STR_C("q-1"), MEMBER}},
	 "0112028080aeabc1afb0060505666f72756d0704652d31313703712d31388280808080808020"},
	{"vote",
	 {TOLD(ACTIVITY_VOTE, "forum", "e-12"), .vote = {STR_C("p-1"), 1}},
	 "0113028080aeabc1afb0060505666f72756d0704652d31322f03702d313202"},
	{"visit",
	 {TOLD(ACTIVITY_VISIT, "shop", "e-13"), .visit = {PLATFORM_RIDES, STR_C("\xe5\xba\x97")}},
	 "0114028080aeabc1afb006050473686f700704652d3133200c3b03e5ba97"},
	{"undo",
	 {TOLD(ACTIVITY_UNDO, "forum", "e-14"), ABOUT("forum", "e-10")},
	 "0115028080aeabc1afb0060505666f72756d0704652d31342705666f72756d2904652d3130"},
	{"reversal by an operator",
	 {ACTIVITY(ACTIVITY_REVERSAL, AT, "memberd", "r7", "shop", "o-1"),
	  .reason = STR_C("sent twice"), .reversal = {reversed_lines, 1}},
	 "010d028080aeabc1afb00605076d656d6265726407027237090473686f700b036f2d31250b0202070343"
	 "4e5908b89401490a73656e74207477696365"},
	{"undo by an operator",
	 {TOLD(ACTIVITY_UNDO, "memberd", "r8"), ABOUT("memberd", "r6"),
	  .reason = STR_C("\xe8\xaf\xaf")},
	 "0115028080aeabc1afb00605076d656d626572640702723827076d656d62657264290272364903e8afaf"},
	{"finding",
	 {TOLD(ACTIVITY_FINDING, "memberd", "r9"), ABOUT("shop", "e-5"), .reason = STR_C("bought")},
	 "0116028080aeabc1afb00605076d656d6265726407027239270473686f702903652d354906626f756768"
	 "74"},
	{"void",
	 {TOLD(ACTIVITY_VOID, "memberd", "r10"), ABOUT("shop", "e-1")},
	 "0117028080aeabc1afb00605076d656d626572640703723130270473686f702903652d31"},
	{"credibility",
	 {TOLD(ACTIVITY_CREDIBILITY, "memberd", "r11"), .reason = STR_C("x"),
	  .credibility = {-10000, AT + 1}},
	 "0118028080aeabc1afb00605076d656d6265726407037231313c9f9c013e8280aeabc1afb006490178"},
	{"credibility for ever",
	 {TOLD(ACTIVITY_CREDIBILITY, "memberd", "r12"), .credibility = {500, 0}},
	 "0118028080aeabc1afb00605076d656d6265726407037231323ce807"},
	{"link",
	 {TOLD(ACTIVITY_LINK, "memberd", "r13"), .reason = STR_C("one flat"),
	  .link = {MEMBER, true}},
	 "0119028080aeabc1afb00605076d656d626572640703723133408280808080808020420249086f6e6520"
	 "666c6174"},
	{"link no more",
	 {TOLD(ACTIVITY_LINK, "memberd", "r14"), .link = {MEMBER, false}},
	 "0119028080aeabc1afb00605076d656d626572640703723134408280808080808020"},
	{"override",
	 {TOLD(ACTIVITY_OVERRIDE, "memberd", "r15"), .reason = STR_C("guest"),
	  .override = {TIER_BLACK_DIAMOND, AT + 1}},
	 "011a028080aeabc1afb00605076d656d6265726407037231353e8280aeabc1afb006440c490567756573"
	 "74"},
	{"overrides end",
	 {TOLD(ACTIVITY_OVERRIDE, "memberd", "r16"), .override = {0, 0}},
	 "011a028080aeabc1afb00605076d656d626572640703723136"},
	{"suspension",
	 {TOLD(ACTIVITY_SUSPENSION, "memberd", "r17"), .reason = STR_C("case 4"),
	  .suspension = {true}},
	 "011b028080aeabc1afb00605076d656d62657264070372313746024906636173652034"},
	{"suspension no more",
	 {TOLD(ACTIVITY_SUSPENSION, "memberd", "r18"), .suspension = {false}},
	 "011b028080aeabc1afb00605076d656d626572640703723138"},
};

static struct str from_hex(const char *hex, struct arena *arena)
{
	size_t len = strlen(hex) / 2;
	char *bytes = arena_alloc(arena, len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (char)byte;
	}
	return (struct str){bytes, len};
}

static void assert_bytes(struct str got, struct str want, const char *name)
{
	if (!str_eq(got, want)) {
		fail_msg("%s: other bytes than the golden ones", name);
	}
}

static void bytes_are_the_golden_ones(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct str got;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_int_equal(payload_encode(&vectors[i].activity, arena, &got, NULL), MB_OK);
		assert_bytes(got, from_hex(vectors[i].hex, arena), vectors[i].name);
	}
	arena_destroy(arena);
}

static void golden_bytes_decode_to_the_same(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct activity got;
	struct str again;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct activity *want = &vectors[i].activity;
		struct str bytes = from_hex(vectors[i].hex, arena);

		assert_int_equal(payload_decode(bytes, arena, &got, NULL), MB_OK);
		assert_int_equal(got.kind, want->kind);
		assert_true(got.occurred_at == want->occurred_at);
		assert_true(str_eq(got.source, want->source));
		assert_true(str_eq(got.source_event_id, want->source_event_id));
		assert_true(str_eq(got.order_source, want->order_source));
		assert_true(str_eq(got.order_id, want->order_id));
		assert_true(str_eq(got.about_source, want->about_source));
		assert_true(str_eq(got.about_event_id, want->about_event_id));
		assert_true(str_eq(got.reason, want->reason));
		assert_int_equal(payload_encode(&got, arena, &again, NULL), MB_OK);
		assert_bytes(again, bytes, vectors[i].name);
	}
	arena_destroy(arena);
}

static void lines_come_back_whole(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	const struct line *want = &extreme_lines[0], *line;
	struct activity got;

	(void)state;
	assert_int_equal(payload_decode(from_hex(vectors[1].hex, arena), arena, &got, NULL), MB_OK);
	assert_int_equal(got.order.platform, PLATFORM_TRAVEL);
	assert_true(got.order.completed_at == AT + 1);
	assert_int_equal(got.order.n_lines, 1);
	line = &got.order.lines[0];
	assert_int_equal(line->line_no, want->line_no);
	assert_int_equal(line->type, want->type);
	assert_string_equal(line->currency, want->currency);
	assert_true(line->amount == want->amount && line->coupon == want->coupon &&
		    line->points == want->points);
	assert_true(str_eq(line->sub_kind, want->sub_kind));
	assert_true(str_eq(line->category, want->category));
	assert_true(str_eq(line->store, want->store));
	assert_true(str_eq(line->brand, want->brand));

	assert_int_equal(payload_decode(from_hex(vectors[5].hex, arena), arena, &got, NULL), MB_OK);
	assert_int_equal(got.reversal.n_lines, 2);
	assert_int_equal(got.reversal.lines[1].line_no, 3);
	assert_string_equal(got.reversal.lines[1].currency, "CNY");
	assert_int_equal(got.reversal.lines[1].amount, 1);
	arena_destroy(arena);
}

/* The golden vector of this name, decoded. */
static struct activity decoded(const char *name, struct arena *arena)
{
	struct activity got = {0};

	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		if (strcmp(vectors[i].name, name) == 0) {
			assert_int_equal(
				payload_decode(from_hex(vectors[i].hex, arena), arena, &got, NULL),
				MB_OK);
			return got;
		}
	}
	fail_msg("no vector '%s'", name);
	return got;
}

static void interactions_come_back_whole(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct activity got = decoded("review", arena);

	(void)state;
	assert_true(got.review.line_no == 3 && got.review.pictures);
	got = decoded("review without pictures", arena);
	assert_true(got.review.line_no == INT32_MAX && !got.review.pictures);
	got = decoded("share", arena);
	assert_true(str_eq(got.share.content, STR("c-1")));
	assert_true(str_eq(got.share.channel, STR("chat")));
	got = decoded("opening", arena);
	assert_true(got.opening.by == MEMBER && got.opening.verified);
	got = decoded("opening, not verified", arena);
	assert_true(got.opening.by == INT64_MAX && !got.opening.verified);
	got = decoded("post", arena);
	assert_true(str_eq(got.post.content, STR("p-1")));
	got = decoded("answer", arena);
	assert_true(str_eq(got.answer.question, STR("q-1")) && got.answer.asker == MEMBER);
	got = decoded("vote", arena);
	assert_true(str_eq(got.vote.content, STR("p-1")) && got.vote.by == 1);
	got = decoded("visit", arena);
	assert_int_equal(got.visit.platform, PLATFORM_RIDES);
	assert_true(str_eq(got.visit.store, STR("\xe5\xba\x97")));
	arena_destroy(arena);
}

static void decisions_come_back_whole(void **state)
{
	struct arena *arena = arena_create(NULL, 0);
	struct activity got = decoded("credibility", arena);

	(void)state;
	assert_int_equal(got.credibility.delta_bp, -10000);
	assert_true(got.credibility.until == AT + 1);
	got = decoded("credibility for ever", arena);
	assert_true(got.credibility.delta_bp == 500 && got.credibility.until == 0);
	got = decoded("link", arena);
	assert_true(got.link.other == MEMBER && got.link.linked);
	got = decoded("link no more", arena);
	assert_true(got.link.other == MEMBER && !got.link.linked);
	got = decoded("override", arena);
	assert_int_equal(got.override.tier, TIER_BLACK_DIAMOND);
	assert_true(got.override.until == AT + 1);
	got = decoded("overrides end", arena);
	assert_true(got.override.tier == 0 && got.override.until == 0);
	assert_true(decoded("suspension", arena).suspension.suspended);
	assert_false(decoded("suspension no more", arena).suspension.suspended);
	got = decoded("reversal by an operator", arena);
	assert_int_equal(got.reversal.n_lines, 1);
	assert_int_equal(got.reversal.lines[0].amount, 9500);
	arena_destroy(arena);
}

/* Every prefix of a payload is refused, or is one itself only if its bytes are canonical. */
static void what_was_cut_is_refused(void **state)
{
	struct arena *arena = arena_create(NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct str whole = from_hex(vectors[i].hex, arena);

		for (size_t len = 0; len < whole.len; len++) {
			struct str cut = {arena_dup(arena, whole.ptr, len), len}, again;
			struct activity got;
			enum mb_code code = payload_decode(cut, arena, &got, NULL);

			if (code == MB_OK) {
				assert_int_equal(payload_encode(&got, arena, &again, NULL), MB_OK);
				assert_bytes(again, cut, vectors[i].name);
			} else {
				assert_int_equal(code, MB_INTERNAL);
			}
		}
	}
	arena_destroy(arena);
}

#define HEAD "0501610701620901610b0163" /* a, b, a, c; occurred_at 0 */

static void other_forms_are_refused(void **state)
{
	static const struct {
		const char *hex, *story;
	} bad[] = {
		{"", "it is empty"},
		{"020a" HEAD "200c", "its version is not known"},
		{"0109" HEAD, "its kind is not known"},
		{"01ff01" HEAD, "its kind is not known"},
		{"018a00" HEAD "200c", "a number is too long"},
		{"01", "it ends in the middle of a number"},
		{"010a" HEAD "2080", "it ends in the middle of a number"},
		{"010a" HEAD "20ffffffffffffffffff7f", "a number is too long"},
		{"010a" HEAD "208c00", "a number is too long"},
		{"010a" HEAD "2000", "an empty value is written out"},
		{"010a05016107016209016105016b", "fields are out of order"},
		{"010a" HEAD "0b0163200c", "fields are out of order"},
		{"010a" HEAD "200c2602", "a field is not known for this kind"},
		{"010c" HEAD "200c", "a field is not known for this kind"},
		{"010a" HEAD "200cfeffffffffffffffff0102", "a field is not known for this kind"},
		{"010a" HEAD "200e", "a number names nothing"},
		{"010a" HEAD "2001", "a number names nothing"},
		{"010a" HEAD, "no such platform"},
		{"010a" HEAD "2103616263", "a text stands where a number belongs"},
		{"010a040261", "a number stands where a text belongs"},
		{"010a05ffffffffffffffffff01", "it ends in the middle of a text"},
		{"010c0501410701620901610b0163", "a source is not made of"},
		{"010c0501610702c3280901610b0163", "a text is not UTF-8"},
		{"010c0501610901610b0163", "an id is empty"},
		{"010d" HEAD "250b020204020703434e590802", "a field is not known for this kind"},
		{"010d" HEAD "2407", "a number stands where a text belongs"},
		{"010d" HEAD "250902020703434e590804250902020703434e590804",
		 "line numbers do not rise"},
		{"010d" HEAD "250902020703634e590802", "a currency is not"},
		{"010d" HEAD "250802020702434e0804", "a currency is not"},
		{"010d" HEAD "250702020703434e59", "a reversed amount is not above zero"},
		{"010d" HEAD "250d0280808080100703434e590804", "a number is out of range"},
		{"010a" HEAD "200c250b020204020703434e590801", "an amount does not add up"},
		{"010a" HEAD "200c250b020204020703434e590a02", "an amount does not add up"},
		{"010a" HEAD "200c250902020703434e590802", "no such type of line"},
		{"011c050161070162", "its kind is not known"},
		{"010e0501610701622a02", "a source is not made of"},
		{"010e0501610701620901610b0163", "line numbers do not rise"},
		{"010e0501610701620901610b01632a022c04", "a flag is neither left out nor 1"},
		{"010e0501610701620901610b01632a8080808010", "a number is out of range"},
		{"010f0501610701622f0163", "an id is empty"},
		{"010f0501610701620901610b01632f0163310164", "a field is not known for this kind"},
		{"010f0501610701622f01633101ff", "a text is not UTF-8"},
		{"01100501610701623202", "a source is not made of"},
		{"0110050161070162270161290163", "a member id is not above zero"},
		{"01100501610701622701612901633201", "a member id is not above zero"},
		{"01110501610701622e02", "a number stands where a text belongs"},
		{"0112050161070162370171", "a member id is not above zero"},
		{"01130501610701623202", "an id is empty"},
		{"01140501610701623b0173", "no such platform"},
		{"01140501610701622002", "an id is empty"},
		{"0115050161070162270161", "an id is empty"},
		{"0115050161070162270141290163", "a source is not made of"},
		{"010c0501610701620901610b0163490172", "a field is not known for this kind"},
		{"01180501610701623e02", "a change changes nothing"},
		{"01180501610701623c8080808010", "a number is out of range"},
		{"01190501610701624202", "a member id is not above zero"},
		{"011a050161070162440e", "a number names nothing"},
		{"011a050161070162440c", "an override has no end"},
		{"011a0501610701623e0c", "an override has no end"},
		{"011b05016107016246024902c328", "a text is not UTF-8"},
	};
	struct arena *arena = arena_create(NULL, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct activity got = {.order_id = STR("untouched")};
		struct mb_err err;

		if (payload_decode(from_hex(bad[i].hex, arena), arena, &got, &err) != MB_INTERNAL ||
		    strstr(err.text, bad[i].story) == NULL) {
			fail_msg("%s: not refused as '%s': %s", bad[i].hex, bad[i].story, err.text);
		}
		assert_true(str_eq(got.order_id, STR("untouched")));
	}
	arena_destroy(arena);
}

static void what_could_not_be_read_is_not_written(void **state)
{
	struct line lines[2];
	struct activity order = {ACTIVITY(ACTIVITY_ORDER, AT, "shop", "e", "shop", "o"),
				 .order = {PLATFORM_FOOD, 0, lines, 2}};
	struct arena *arena = arena_create(NULL, 0);
	struct str out = {NULL, 0};
	struct mb_err err;

	(void)state;
	memcpy(lines, plain_lines, sizeof(lines));
	lines[1].line_no = 1;
	assert_int_equal(payload_encode(&order, arena, &out, &err), MB_INTERNAL);
	assert_non_null(strstr(err.text, "line numbers do not rise"));
	lines[1].line_no = 2;
	assert_int_equal(payload_encode(&order, arena, &out, &err), MB_OK);
	lines[1].coupon = 801;
	assert_int_equal(payload_encode(&order, arena, &out, &err), MB_INTERNAL);
	lines[1].coupon = 0;
	order.order_id = (struct str){NULL, 0};
	assert_int_equal(payload_encode(&order, arena, &out, &err), MB_INTERNAL);
	order.kind = (enum activity_kind)28;
	assert_int_equal(payload_encode(&order, arena, &out, &err), MB_INTERNAL);
	arena_destroy(arena);
}

static void an_arena_that_runs_out_is_told(void **state)
{
	struct arena *arena = arena_create(NULL, 0), *small;
	struct str bytes = from_hex(vectors[0].hex, arena), out = {NULL, 7};
	struct activity got = {.occurred_at = 7};

	(void)state;
	small = arena_create(NULL, 16);
	assert_int_equal(payload_encode(&vectors[0].activity, small, &out, NULL), MB_ARENA_FULL);
	assert_int_equal(payload_decode(bytes, small, &got, NULL), MB_ARENA_FULL);
	assert_int_equal(out.len, 7);
	assert_int_equal(got.occurred_at, 7);
	arena_destroy(small);
	arena_destroy(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_the_golden_ones),
		cmocka_unit_test(golden_bytes_decode_to_the_same),
		cmocka_unit_test(lines_come_back_whole),
		cmocka_unit_test(interactions_come_back_whole),
		cmocka_unit_test(decisions_come_back_whole),
		cmocka_unit_test(what_was_cut_is_refused),
		cmocka_unit_test(other_forms_are_refused),
		cmocka_unit_test(what_could_not_be_read_is_not_written),
		cmocka_unit_test(an_arena_that_runs_out_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
