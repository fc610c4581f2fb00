/* SPDX-License-Identifier: Apache-2.0 */
/* activities: what a member did, what became of it, and what it adds. */
#include "base/arena.h"
#include "ctl/amount.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/pages.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_MOST 200 /* the server's */

typedef Memberd__V1__ListActivitiesResponse activities_page;

/* One answer with the rows of all pages so far. */
static int add_page(struct ctl *ctl, activities_page *whole, const activities_page *page)
{
	size_t n = whole->n_activities;
	Memberd__V1__ListedActivity **rows =
		pages_join(ctl, whole->activities, n, page->activities, page->n_activities);

	if (rows == NULL) {
		return EXIT_SOFTWARE;
	}
	*whole = *page;
	whole->activities = rows;
	whole->n_activities += n;
	return EXIT_OK;
}

/* ---- a row ---- */

static const char *order_id_of(const Memberd__V1__OrderRef *ref)
{
	return ref != NULL ? ref->order_id : "";
}

static const char *event_id_of(const Memberd__V1__ActivityKey *key)
{
	return key != NULL ? key->source_event_id : "";
}

/* What a decision is about. */
static void put_decided(struct table *table, const Memberd__V1__Decision *decision)
{
	char tier[SHOW_BYTES];

	switch (decision->kind_case) {
	case MEMBERD__V1__DECISION__KIND_FINDING:
		table_cell(table, "%s", event_id_of(decision->finding));
		break;
	case MEMBERD__V1__DECISION__KIND_VOIDING:
		table_cell(table, "%s", event_id_of(decision->voiding));
		break;
	case MEMBERD__V1__DECISION__KIND_CREDIBILITY:
		table_cell(table, "%+" PRId32 " basis points", decision->credibility->delta_bp);
		break;
	case MEMBERD__V1__DECISION__KIND_LINK:
		table_cell(table, "%s %s", decision->link->linked ? "with" : "no more with",
			   decision->link->other_member_id);
		break;
	case MEMBERD__V1__DECISION__KIND_OVERRIDE:
		table_cell(table, "%s",
			   decision->override->tier == MEMBERD__V1__TIER__TIER_UNSPECIFIED
				   ? "ends"
				   : show_tier(decision->override->tier, tier));
		break;
	case MEMBERD__V1__DECISION__KIND_SUSPENSION:
		table_cell(table, "%s",
			   decision->suspension->suspended ? "suspended" : "reinstated");
		break;
	default:
		table_cell(table, "%s", "");
	}
}

static const char *subject_of(const Memberd__V1__Activity *activity)
{
	switch (activity->kind_case) {
	case MEMBERD__V1__ACTIVITY__KIND_ORDER:
		return activity->order->order_id;
	case MEMBERD__V1__ACTIVITY__KIND_COMPLETION:
		return order_id_of(activity->completion->order);
	case MEMBERD__V1__ACTIVITY__KIND_CANCELLATION:
		return order_id_of(activity->cancellation->order);
	case MEMBERD__V1__ACTIVITY__KIND_REVERSAL:
		return order_id_of(activity->reversal->order);
	case MEMBERD__V1__ACTIVITY__KIND_REVIEW:
		return order_id_of(activity->review->order);
	case MEMBERD__V1__ACTIVITY__KIND_SHARE:
		return activity->share->content;
	case MEMBERD__V1__ACTIVITY__KIND_OPENING:
		return event_id_of(activity->opening->share);
	case MEMBERD__V1__ACTIVITY__KIND_POST:
		return activity->post->content;
	case MEMBERD__V1__ACTIVITY__KIND_ANSWER:
		return activity->answer->question;
	case MEMBERD__V1__ACTIVITY__KIND_VOTE:
		return activity->vote->content;
	case MEMBERD__V1__ACTIVITY__KIND_VISIT:
		return activity->visit->store;
	case MEMBERD__V1__ACTIVITY__KIND_UNDO:
		return event_id_of(activity->undo->activity);
	default:
		return "";
	}
}

/* "5 by day, 2 by common window" */
static void put_cuts(struct table *table, const Memberd__V1__ListedActivity *row)
{
	char text[SHOW_BYTES] = "", word[WORDS_BYTES], points[AMOUNT_BYTES];
	size_t used = 0;

	for (size_t i = 0; i < row->n_cuts && used < sizeof(text); i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s by %s",
					 i > 0 ? ", " : "",
					 amount_points(row->cuts[i]->micro_points, points),
					 words_from_enum(&memberd__v1__cap__descriptor,
							 (int)row->cuts[i]->cap, ' ', word));
	}
	table_cell(table, "%s", text);
}

static void put_row(struct table *table, const Memberd__V1__ListedActivity *row)
{
	const Memberd__V1__Activity *activity = row->activity;
	const Memberd__V1__Decision *decision = row->decision;
	char text[SHOW_BYTES], word[WORDS_BYTES];

	table_cell(table, "%s", show_time(activity != NULL ? activity->occurred_at : NULL, text));
	table_cell(table, "%s",
		   words_from_enum(&memberd__v1__activity_kind__descriptor, (int)row->kind, ' ',
				   word));
	table_cell(table, "%s", activity != NULL ? activity->source_event_id : "");
	if (activity != NULL && activity->kind_case != MEMBERD__V1__ACTIVITY__KIND__NOT_SET) {
		table_cell(table, "%s", subject_of(activity));
	} else if (decision != NULL) {
		put_decided(table, decision);
	} else {
		table_cell(table, "%s", "");
	}
	table_cell(
		table, "%s",
		words_from_enum(&memberd__v1__entry_state__descriptor, (int)row->state, ' ', word));
	table_cell(table, "%s", row->counted != 0 ? amount_points(row->counted, text) : "");
	put_cuts(table, row);
	table_cell(table, "%s", decision != NULL ? decision->reason : "");
}

static void show_activities(struct ctl *ctl, const activities_page *whole)
{
	static const char *const headers[] = {"occurred", "kind",  "id",      "of", "state",
					      ">adds",	  "taken", "because", NULL};
	struct table table;

	if (whole->n_activities > 0) {
		table_start(&table, headers);
		for (size_t i = 0; i < whole->n_activities; i++) {
			put_row(&table, whole->activities[i]);
		}
		table_print(&table, ctl->out);
		table_fini(&table);
	} else {
		fputs("no activities\n", ctl->out);
	}
	show_info(whole->member_id, whole->info, ctl->out);
}

/* ---- the command ---- */

static int list_pages(struct ctl *ctl, Memberd__V1__ListActivitiesRequest *request, int64_t limit,
		      activities_page *whole)
{
	int exit_code;

	do {
		int64_t left = limit - (int64_t)whole->n_activities;
		ProtobufCMessage *page;

		request->page_size = left < PAGE_MOST ? (int32_t)left : PAGE_MOST;
		exit_code = connect_ask(
			ctl, "memberd.v1.ScoringService/ListActivities", &request->base,
			&memberd__v1__list_activities_response__descriptor, true, &page);
		if (exit_code == EXIT_OK) {
			exit_code = add_page(ctl, whole, (const activities_page *)page);
		}
		request->page_token = whole->next_page_token;
	} while (exit_code == EXIT_OK && request->page_token[0] != '\0' &&
		 (int64_t)whole->n_activities < limit);
	return exit_code;
}

int command_activities(struct ctl *ctl)
{
	Memberd__V1__ListActivitiesRequest request = MEMBERD__V1__LIST_ACTIVITIES_REQUEST__INIT;
	activities_page whole = MEMBERD__V1__LIST_ACTIVITIES_RESPONSE__INIT;
	const char *only = ctl->flags.values[FLAG_KIND];
	Memberd__V1__ActivityKind kind;
	char kinds[WORDS_LIST_BYTES];
	struct mb_err err;
	int64_t limit;
	int exit_code;

	if (flags_number(&ctl->flags, FLAG_LIMIT, 1, INT64_MAX, INT64_MAX, &limit, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	if (only != NULL) {
		kind = (Memberd__V1__ActivityKind)words_to_enum(
			&memberd__v1__activity_kind__descriptor, str_from(only));
		if (kind == 0) {
			return ctl_fail(ctl, EXIT_USAGE, "no kind '%.32s'; there are: %s", only,
					words_list(&memberd__v1__activity_kind__descriptor, 0,
						   kinds, sizeof(kinds)));
		}
		request.kinds = &kind;
		request.n_kinds = 1;
	}
	exit_code = connect_subject_at(ctl, &request.member, &request.min_revision, &request.as_of,
				       &request.known_at);
	if (exit_code == EXIT_OK) {
		exit_code = list_pages(ctl, &request, limit, &whole);
	}
	if (exit_code == EXIT_OK && ctl->json) {
		return connect_print(ctl, &whole.base);
	}
	if (exit_code == EXIT_OK) {
		show_activities(ctl, &whole);
	}
	return exit_code;
}
