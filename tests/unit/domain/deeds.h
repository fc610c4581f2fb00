/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deeds: short ways to put interactions and decisions into the story's ledger. Activities of source
 * "app" at their own instant; decisions as the service enters them, at their commit.
 */
#pragma once

#include "story.h"

static MB_UNUSED struct activity deed(enum activity_kind kind, const char *id, int64_t when)
{
	return (struct activity){.kind = kind,
				 .source = STR("app"),
				 .source_event_id = str_from(id),
				 .occurred_at = when};
}

static MB_UNUSED struct activity review_of(const char *id, const char *order, int32_t line_no,
					   bool pictures, int64_t when)
{
	struct activity a = deed(ACTIVITY_REVIEW, id, when);

	a.order_source = STR("shop");
	a.order_id = str_from(order);
	a.review.line_no = line_no;
	a.review.pictures = pictures;
	return a;
}

static MB_UNUSED struct activity share_of(const char *id, const char *content, int64_t when)
{
	struct activity a = deed(ACTIVITY_SHARE, id, when);

	a.share.content = str_from(content);
	a.share.channel = STR("chat");
	return a;
}

static MB_UNUSED struct activity naming(enum activity_kind kind, const char *id, const char *named,
					int64_t when)
{
	struct activity a = deed(kind, id, when);

	a.about_source = STR("app");
	a.about_event_id = str_from(named);
	return a;
}

static MB_UNUSED struct activity opening_of(const char *id, const char *share, int64_t by,
					    int64_t when)
{
	struct activity a = naming(ACTIVITY_OPENING, id, share, when);

	a.opening.by = by;
	a.opening.verified = true;
	return a;
}

static MB_UNUSED struct activity post_of(const char *id, int64_t when)
{
	struct activity a = deed(ACTIVITY_POST, id, when);

	a.post.content = str_from(id);
	return a;
}

static MB_UNUSED struct activity answer_to(const char *id, int64_t asker, int64_t when)
{
	struct activity a = deed(ACTIVITY_ANSWER, id, when);

	a.answer.question = str_from(id);
	a.answer.asker = asker;
	return a;
}

static MB_UNUSED struct activity vote_by(const char *id, const char *content, int64_t by,
					 int64_t when)
{
	struct activity a = deed(ACTIVITY_VOTE, id, when);

	a.vote.content = str_from(content);
	a.vote.by = by;
	return a;
}

static MB_UNUSED struct activity visit_to(const char *id, const char *store, int64_t when)
{
	struct activity a = deed(ACTIVITY_VISIT, id, when);

	a.visit.platform = PLATFORM_SHOPPING;
	a.visit.store = str_from(store);
	return a;
}

/* As the ledger receives it at `now`; kept when it is accepted. */
static MB_UNUSED enum mb_code receive(struct activity activity, int64_t now)
{
	struct verdict verdict;
	enum mb_code code = ledger_judge(&l, &activity, now, l.arena, &verdict, NULL);

	if (code == MB_OK) {
		ledger_append(&l, &activity, now);
	}
	return code;
}

/* At its own instant; must be accepted. */
static MB_UNUSED void put(struct activity activity)
{
	assert_int_equal(receive(activity, activity.occurred_at), MB_OK);
}

static MB_UNUSED void put_finding(const char *id, const char *named, int64_t when)
{
	put(naming(ACTIVITY_FINDING, id, named, when));
}

static MB_UNUSED void put_link(int64_t other, bool linked, int64_t when)
{
	struct activity a = deed(ACTIVITY_LINK, name("link", (int)l.n), when);

	a.link.other = other;
	a.link.linked = linked;
	put(a);
}

static MB_UNUSED void put_credibility(int32_t delta, int64_t until, int64_t when)
{
	struct activity a = deed(ACTIVITY_CREDIBILITY, name("credibility", (int)l.n), when);

	a.credibility.delta_bp = delta;
	a.credibility.until = until;
	put(a);
}

static MB_UNUSED void put_override(enum tier tier, int64_t until, int64_t when)
{
	struct activity a = deed(ACTIVITY_OVERRIDE, name("override", (int)l.n), when);

	a.override.tier = tier;
	a.override.until = until;
	put(a);
}

static MB_UNUSED void put_suspension(bool suspended, int64_t when)
{
	struct activity a = deed(ACTIVITY_SUSPENSION, name("suspension", (int)l.n), when);

	a.suspension.suspended = suspended;
	put(a);
}

/* Micro-points of a part at t. */
static MB_UNUSED int64_t part(enum score_part part, int64_t t)
{
	return standing(t).score.parts[part];
}
