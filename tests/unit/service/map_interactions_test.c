/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The border for reviews, shares, openings, posts, answers, votes, visits and undos: what they become,
 * and which field is blamed.
 */
#include "service/map.h"

#include "base/clock.h"
#include "policy/policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW INT64_C(1795219200000000) /* 2026-11-21T00:00:00Z */

/* One good message of each kind, and an activity to put it into. */
struct sample {
	Memberd__V1__Activity activity;
	Google__Protobuf__Timestamp occurred_at;
	Memberd__V1__OrderRef order;
	Memberd__V1__ActivityKey key;
	Memberd__V1__MemberRef other;
	Memberd__V1__Review review;
	Memberd__V1__Share share;
	Memberd__V1__Opening opening;
	Memberd__V1__Post post;
	Memberd__V1__Answer answer;
	Memberd__V1__Vote vote;
	Memberd__V1__Visit visit;
	Memberd__V1__Undo undo;
};

struct fixture {
	struct arena *arena;
	const struct policy *policy;
	struct sample sample;
	struct activity activity;
	struct member_ref named;
	struct mb_err err;
};

static char long_text[ID_BYTES_MAX + 2];

static void init_kinds(struct sample *s)
{
	memberd__v1__review__init(&s->review);
	s->review.order = &s->order;
	s->review.line_no = 2;
	memberd__v1__share__init(&s->share);
	s->share.content = (char *)"c1";
	s->share.channel = (char *)"chat";
	memberd__v1__opening__init(&s->opening);
	s->opening.share = &s->key;
	s->opening.by = &s->other;
	memberd__v1__post__init(&s->post);
	s->post.content = (char *)"p1";
	memberd__v1__answer__init(&s->answer);
	s->answer.question = (char *)"q1";
	s->answer.asker = &s->other;
	memberd__v1__vote__init(&s->vote);
	s->vote.content = (char *)"p1";
	s->vote.by = &s->other;
	memberd__v1__visit__init(&s->visit);
	s->visit.platform = MEMBERD__V1__PLATFORM__PLATFORM_FOOD;
	s->visit.store = (char *)"s1";
	memberd__v1__undo__init(&s->undo);
	s->undo.activity = &s->key;
}

static void put_kind(struct sample *s, Memberd__V1__Activity__KindCase kind)
{
	s->activity.kind_case = kind;
	switch (kind) {
	case MEMBERD__V1__ACTIVITY__KIND_REVIEW:
		s->activity.review = &s->review;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_SHARE:
		s->activity.share = &s->share;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_OPENING:
		s->activity.opening = &s->opening;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_POST:
		s->activity.post = &s->post;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_ANSWER:
		s->activity.answer = &s->answer;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_VOTE:
		s->activity.vote = &s->vote;
		break;
	case MEMBERD__V1__ACTIVITY__KIND_VISIT:
		s->activity.visit = &s->visit;
		break;
	default:
		s->activity.undo = &s->undo;
	}
}

static void make_sample(struct sample *s, Memberd__V1__Activity__KindCase kind)
{
	memset(s, 0, sizeof(*s));
	memberd__v1__activity__init(&s->activity);
	google__protobuf__timestamp__init(&s->occurred_at);
	s->occurred_at.seconds = NOW / US_PER_SECOND;
	s->activity.source = (char *)"feed";
	s->activity.source_event_id = (char *)"e1";
	s->activity.occurred_at = &s->occurred_at;
	memberd__v1__order_ref__init(&s->order);
	s->order.order_id = (char *)"o1";
	memberd__v1__activity_key__init(&s->key);
	s->key.source_event_id = (char *)"k1";
	memberd__v1__member_ref__init(&s->other);
	s->other.ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
	s->other.member_id = (char *)"4711";
	init_kinds(s);
	put_kind(s, kind);
}

static enum mb_code read_sample(struct fixture *f)
{
	f->activity = (struct activity){0};
	f->named = (struct member_ref){0};
	f->err = (struct mb_err){0};
	return from_activity(&f->sample.activity, f->policy, NOW, f->arena, &f->activity, &f->named,
			     &f->err);
}

static const struct activity *good(struct fixture *f, Memberd__V1__Activity__KindCase kind)
{
	make_sample(&f->sample, kind);
	if (read_sample(f) != MB_OK) {
		fail_msg("kind %d: %s: %s", (int)kind, f->err.field, f->err.text);
	}
	assert_int_equal(f->activity.kind, kind);
	return &f->activity;
}

static void what_members_do_comes_as_it_was_sent(void **state)
{
	struct fixture *f = *state;
	const struct activity *a = good(f, MEMBERD__V1__ACTIVITY__KIND_REVIEW);

	assert_true(str_eq(a->order_source, STR("feed")) && str_eq(a->order_id, STR("o1")));
	assert_true(a->review.line_no == 2 && !a->review.pictures);
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_SHARE);
	assert_true(str_eq(a->share.content, STR("c1")) && str_eq(a->share.channel, STR("chat")));
	assert_true(a->order_source.len == 0 && a->about_source.len == 0);
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_POST);
	assert_true(str_eq(a->post.content, STR("p1")));
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_VISIT);
	assert_int_equal(a->visit.platform, PLATFORM_FOOD);
	assert_true(str_eq(a->visit.store, STR("s1")));
	assert_true(f->named.member_id == 0 && f->named.identity.issuer.len == 0);
}

static void who_is_named_is_handed_on(void **state)
{
	struct fixture *f = *state;
	const struct activity *a = good(f, MEMBERD__V1__ACTIVITY__KIND_OPENING);

	assert_true(f->named.member_id == 4711 && !a->opening.verified && a->opening.by == 0);
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_ANSWER);
	assert_true(f->named.member_id == 4711);
	assert_true(str_eq(a->answer.question, STR("q1")));
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_VOTE);
	assert_true(f->named.member_id == 4711);
	assert_true(str_eq(a->vote.content, STR("p1")));
}

static void a_key_without_source_means_its_own(void **state)
{
	struct fixture *f = *state;
	const struct activity *a = good(f, MEMBERD__V1__ACTIVITY__KIND_UNDO);

	assert_true(str_eq(a->about_source, STR("feed")) && str_eq(a->about_event_id, STR("k1")));
	f->sample.key.source = (char *)"chat";
	assert_int_equal(read_sample(f), MB_OK);
	assert_true(str_eq(a->about_source, STR("chat")));
	a = good(f, MEMBERD__V1__ACTIVITY__KIND_OPENING);
	f->sample.opening.verified = true;
	assert_int_equal(read_sample(f), MB_OK);
	assert_true(str_eq(a->about_source, STR("feed")) && a->opening.verified);
}

/* ---- what is wrong ---- */

static void no_order(struct sample *s)
{
	s->review.order = NULL;
}
static void no_order_id(struct sample *s)
{
	s->order.order_id = (char *)"";
}
static void line_0(struct sample *s)
{
	s->review.line_no = 0;
}
static void no_content(struct sample *s)
{
	s->share.content = s->post.content = s->vote.content = s->answer.question = (char *)"";
}
static void long_content(struct sample *s)
{
	s->share.content = s->post.content = s->vote.content = s->answer.question = long_text;
}
static void long_channel(struct sample *s)
{
	s->share.channel = long_text;
}
static void no_key(struct sample *s)
{
	s->opening.share = s->undo.activity = NULL;
}
static void no_key_id(struct sample *s)
{
	s->key.source_event_id = (char *)"";
}
static void upper_key_source(struct sample *s)
{
	s->key.source = (char *)"Feed";
}
static void own_key_source(struct sample *s)
{
	s->key.source = (char *)"memberd";
}
static void own_source(struct sample *s)
{
	s->activity.source = (char *)"memberd";
}
static void nobody(struct sample *s)
{
	s->opening.by = s->answer.asker = s->vote.by = NULL;
}
static void bad_id(struct sample *s)
{
	s->other.member_id = (char *)"04711";
}
static void no_platform(struct sample *s)
{
	s->visit.platform = MEMBERD__V1__PLATFORM__PLATFORM_UNSPECIFIED;
}
static void no_store(struct sample *s)
{
	s->visit.store = (char *)"";
}

#define KIND(name) MEMBERD__V1__ACTIVITY__KIND_##name

static const struct {
	Memberd__V1__Activity__KindCase kind;
	void (*spoil)(struct sample *s);
	const char *field;
} bad[] = {
	{KIND(REVIEW), no_order, "review.order"},
	{KIND(REVIEW), no_order_id, "review.order.order_id"},
	{KIND(REVIEW), line_0, "review.line_no"},
	{KIND(SHARE), no_content, "share.content"},
	{KIND(SHARE), long_content, "share.content"},
	{KIND(SHARE), long_channel, "share.channel"},
	{KIND(OPENING), no_key, "opening.share"},
	{KIND(OPENING), no_key_id, "opening.share.source_event_id"},
	{KIND(OPENING), upper_key_source, "opening.share.source"},
	{KIND(OPENING), nobody, "opening.by"},
	{KIND(OPENING), bad_id, "opening.by.member_id"},
	{KIND(POST), no_content, "post.content"},
	{KIND(POST), long_content, "post.content"},
	{KIND(ANSWER), no_content, "answer.question"},
	{KIND(ANSWER), nobody, "answer.asker"},
	{KIND(ANSWER), bad_id, "answer.asker.member_id"},
	{KIND(VOTE), long_content, "vote.content"},
	{KIND(VOTE), nobody, "vote.by"},
	{KIND(VOTE), bad_id, "vote.by.member_id"},
	{KIND(VISIT), no_platform, "visit.platform"},
	{KIND(VISIT), no_store, "visit.store"},
	{KIND(UNDO), no_key, "undo.activity"},
	{KIND(UNDO), no_key_id, "undo.activity.source_event_id"},
	{KIND(UNDO), own_key_source, "undo.activity.source"},
	{KIND(POST), own_source, "source"},
};

static void what_is_wrong_is_named(void **state)
{
	struct fixture *f = *state;

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make_sample(&f->sample, bad[i].kind);
		bad[i].spoil(&f->sample);
		if (read_sample(f) != MB_FIELD_INVALID || strcmp(f->err.field, bad[i].field) != 0) {
			fail_msg("case %zu wants %s, got %s at %s: %s", i, bad[i].field,
				 mb_code_reason(f->err.code), f->err.field, f->err.text);
		}
	}
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.arena = arena_create(NULL, 0);
	assert_int_equal(policy_parse(policy_default_text(), "default", fixture.arena,
				      &fixture.policy, &fixture.err),
			 MB_OK);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_destroy(f->arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_members_do_comes_as_it_was_sent, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(who_is_named_is_handed_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_key_without_source_means_its_own, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(what_is_wrong_is_named, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
