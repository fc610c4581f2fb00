/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold_bench: what it costs to read, fold and judge a ledger of 10,000 entries over 14 months:
 * orders of every platform, interactions of every kind with openings and undos, reversals, a few
 * findings, links and overrides; and what its hot record costs. Prints CPU time; medians of some rounds.
 */
#include "../unit/domain/fixture.h"

#include "base/clock.h"
#include "domain/checkpoint.h"
#include "domain/hot.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ENTRIES 10000
#define ROUNDS	31

static const char *text(struct ledger *l, const char *prefix, int64_t n)
{
	return arena_printf(l->arena, "%s-%06lld", prefix, (long long)n);
}

static struct activity blank(struct ledger *l, enum activity_kind kind, int64_t n, int64_t t)
{
	return (struct activity){.kind = kind,
				 .source = STR("app"),
				 .source_event_id = str_from(text(l, "event", n)),
				 .occurred_at = t};
}

static struct activity some_order(struct ledger *l, int64_t n, int64_t t, uint64_t *seed)
{
	struct line line = goods(1, 100 + draw_below(seed, 50000));

	line.category = str_from(text(l, "category", draw_below(seed, 40)));
	return order_with(l, text(l, "o", n), (enum platform)(1 + draw_below(seed, 6)), t,
			  t + US_PER_DAY, &line, 1);
}

static struct activity some_reversal(struct ledger *l, int64_t n, int64_t t, uint64_t *seed)
{
	return reversal_for(l, text(l, "r", n), text(l, "o", n - 1 - draw_below(seed, 40)), t, 50);
}

static struct activity some_interaction(struct ledger *l, int64_t n, int64_t t, uint64_t *seed)
{
	struct activity a = blank(l, ACTIVITY_VISIT, n, t);
	const char *content = text(l, "content", draw_below(seed, 3000));

	a.kind = (enum activity_kind)(ACTIVITY_REVIEW + draw_below(seed, 7));
	switch (a.kind) {
	case ACTIVITY_REVIEW:
		a.order_source = STR("shop");
		a.order_id = str_from(text(l, "o", n - draw_below(seed, 100)));
		a.review.line_no = 1;
		break;
	case ACTIVITY_SHARE:
		a.share.content = str_from(content);
		a.share.channel = STR("chat");
		break;
	case ACTIVITY_OPENING:
		a.about_source = STR("app");
		a.about_event_id = str_from(text(l, "event", n - draw_below(seed, 100)));
		a.opening.by = 1 + draw_below(seed, 500);
		a.opening.verified = true;
		break;
	case ACTIVITY_POST:
		a.post.content = str_from(content);
		break;
	case ACTIVITY_ANSWER:
		a.answer.question = str_from(content);
		a.answer.asker = 1 + draw_below(seed, 500);
		break;
	case ACTIVITY_VOTE:
		a.vote.content = str_from(content);
		a.vote.by = 1 + draw_below(seed, 500);
		break;
	default:
		a.visit.platform = PLATFORM_FOOD;
		a.visit.store = str_from(content);
		break;
	}
	return a;
}

static struct activity some_decision(struct ledger *l, int64_t n, int64_t t, uint64_t *seed)
{
	struct activity a = blank(l, ACTIVITY_LINK, n, t);

	switch (draw_below(seed, 3)) {
	case 0:
		a.link.other = 1 + draw_below(seed, 500);
		a.link.linked = draw_below(seed, 2) == 0;
		return a;
	case 1:
		a.kind = ACTIVITY_CREDIBILITY;
		a.credibility.delta_bp = -100;
		a.credibility.until = t + 30 * US_PER_DAY;
		return a;
	default:
		a.kind = ACTIVITY_UNDO;
		a.about_source = STR("app");
		a.about_event_id = str_from(text(l, "event", n - 1 - draw_below(seed, 100)));
		return a;
	}
}

/* A tenth comes late, so that the ledger is not in the order of its events. */
static void fill(struct ledger *l, uint64_t seed)
{
	int64_t begin = at("2025-01-05"), step = 14 * 30 * US_PER_DAY / ENTRIES;

	l->entries = arena_array(l->arena, ENTRIES, sizeof(*l->entries));
	for (int64_t i = 0; i < ENTRIES; i++) {
		int64_t what = draw_below(&seed, 100);
		int64_t t = begin + i * step - (what % 10 == 0 ? 20 * US_PER_DAY : 0);
		struct activity a = what < 30	? some_order(l, i, t, &seed)
				    : what < 35 ? some_reversal(l, i, t, &seed)
				    : what < 98 ? some_interaction(l, i, t, &seed)
						: some_decision(l, i, t, &seed);

		l->entries[l->n++] = (struct entry){i + 1, i + 2, begin + i * step, a};
	}
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int cmp_times(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static double median(double *times)
{
	qsort(times, ROUNDS, sizeof(*times), cmp_times);
	return times[ROUNDS / 2];
}

enum what { FOLD, FOLD_WITH_SCHEDULE, FOLD_WITH_COUNTS, RECEIVE_VOTE, RECEIVE_ORDER };

static double time_of(const struct ledger *l, struct ledger *scratch, enum what what)
{
	struct fold_input in = {.entries = l->entries,
				.n_entries = l->n,
				.policies = l->policies,
				.member_id = SELF,
				.t = at("2026-03-02"),
				.want_schedule = what == FOLD_WITH_SCHEDULE,
				.schedule_most = 64,
				.want_counts = what == FOLD_WITH_COUNTS};
	uint64_t seed = 5;
	struct activity vote = some_interaction(scratch, ENTRIES + 1, in.t, &seed);
	struct activity order = some_order(scratch, ENTRIES + 2, in.t, &seed);
	double times[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		struct arena *arena = arena_create(NULL, 0);
		struct fold fold;
		struct verdict verdict;
		double begin = now_ms();
		enum mb_code code =
			what < RECEIVE_VOTE
				? fold_ledger(&in, arena, &fold, NULL)
				: ledger_receive(&in, what == RECEIVE_VOTE ? &vote : &order, arena,
						 &verdict, NULL);

		times[i] = now_ms() - begin;
		arena_destroy(arena);
		if (code != MB_OK) {
			exit(1);
		}
	}
	return median(times);
}

static bool is_open(const struct checkpoint *checkpoint, int64_t id)
{
	size_t low = 0, high = checkpoint->n_open;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (checkpoint->open[middle] < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < checkpoint->n_open && checkpoint->open[low] == id;
}

/* A checkpoint of a day ago, its bytes, and the fold from it. */
static void from_checkpoint(const struct ledger *l, struct ledger *tail)
{
	struct fold_input in = {.entries = l->entries,
				.n_entries = l->n,
				.policies = l->policies,
				.member_id = SELF,
				.t = at("2026-03-02")};
	struct checkpoint checkpoint, read;
	struct str bytes;
	struct fold fold;
	double begin = now_ms(), times[ROUNDS];

	if (!checkpoint_make(&in, at("2026-03-01"), tail->arena, &checkpoint) ||
	    checkpoint_encode(&checkpoint, tail->arena, &bytes, NULL) != MB_OK) {
		exit(1);
	}
	printf("%d entries, make a checkpoint: %.2f ms, %zu bytes, %zu entries open\n", ENTRIES,
	       now_ms() - begin, bytes.len, checkpoint.n_open);
	for (size_t i = 0; i < l->n; i++) {
		if (is_open(&checkpoint, l->entries[i].entry_id)) {
			ledger_append(tail, &l->entries[i].activity, l->entries[i].known_at);
		}
	}
	in.entries = tail->entries;
	in.n_entries = tail->n;
	in.base = &read;
	for (int i = 0; i < ROUNDS; i++) {
		struct arena *arena = arena_create(NULL, 0);

		begin = now_ms();
		if (!checkpoint_decode(bytes, arena, &read) ||
		    fold_ledger(&in, arena, &fold, NULL) != MB_OK) {
			exit(1);
		}
		times[i] = now_ms() - begin;
		arena_destroy(arena);
	}
	printf("%d entries, fold from it: %.2f ms\n", ENTRIES, median(times));
}

/* ---- the hot record ---- */

#define CALLS 200000

enum hot_call { HOT_AT, HOT_ENCODE, HOT_DECODE };

/* Nanoseconds a call; its answers are summed up, so that it is made. */
static double time_of_hot(const struct hot_record *record, enum hot_call call, int64_t now)
{
	struct hot_bytes bytes;
	struct hot_record read;
	struct hot_view view;
	double times[ROUNDS];
	int64_t sum = 0;

	hot_encode(record, &bytes);
	for (int i = 0; i < ROUNDS; i++) {
		double begin = now_ms();

		for (int k = 0; k < CALLS; k++) {
			if (call == HOT_AT) {
				sum += hot_at(&bytes, &default_policies, now + (k & 1), &view);
			} else if (call == HOT_ENCODE) {
				hot_encode(record, &bytes);
				sum += bytes.len > 0;
			} else {
				sum += hot_decode(bytes.bytes, bytes.len, SELF, &read);
			}
		}
		times[i] = (now_ms() - begin) * 1e6 / CALLS;
	}
	if (sum != (int64_t)ROUNDS * CALLS) {
		exit(1);
	}
	return median(times);
}

static void hot(const struct ledger *l, const char *what)
{
	struct fold fold = ledger_fold_all(l, at("2026-03-02"));
	struct hot_record record;
	struct hot_bytes bytes;
	int64_t last;

	hot_make(&fold, SELF, l->n + 1, 0, 1, &record);
	hot_encode(&record, &bytes);
	hot_decode(bytes.bytes, bytes.len, SELF, &record);
	last = record.n_changes > 0 ? record.changes[record.n_changes - 1].at : fold.standing.at;
	printf("hot record of %s: %d bytes, %zu changes; asked before the first %.0f ns, after the "
	       "last %.0f ns; encode %.0f ns, decode %.0f ns\n",
	       what, bytes.len, record.n_changes, time_of_hot(&record, HOT_AT, fold.standing.at),
	       time_of_hot(&record, HOT_AT, last), time_of_hot(&record, HOT_ENCODE, 0),
	       time_of_hot(&record, HOT_DECODE, 0));
}

int main(void)
{
	static const char *const names[] = {"fold", "fold with schedule", "fold with counts",
					    "receive an interaction", "receive an order"};
	struct ledger l, scratch, few;
	uint64_t seed = 3;

	ledger_init(&l, &default_policies);
	ledger_init(&scratch, &default_policies);
	fill(&l, 42);
	for (int what = FOLD; what <= RECEIVE_ORDER; what++) {
		printf("%d entries, %s: %.2f ms\n", ENTRIES, names[what],
		       time_of(&l, &scratch, (enum what)what));
	}
	from_checkpoint(&l, &scratch);
	hot(&l, "10,000 entries");
	ledger_init(&few, &default_policies);
	hot(&few, "nothing");
	for (int i = 0; i < 5; i++) {
		ledger_put(&few, some_order(&few, i, at("2026-02-20") + i * US_PER_DAY, &seed));
	}
	hot(&few, "5 orders");
	ledger_fini(&few);
	ledger_fini(&l);
	ledger_fini(&scratch);
	return 0;
}
