/* SPDX-License-Identifier: Apache-2.0 */
/*
 * book: the ledger read. Finds what names what, which of it was accepted, and at which instants
 * anything happens: a sorted list of events that the timeline acts upon. Private to the domain.
 *
 * Who was accepted: an entry that came after what it names (greater revision) was judged when it
 * came and is in the ledger because it fitted. One that came before was parked; it is judged here,
 * in canonical order, against what had come before the named one and nothing else, so nothing that
 * comes later can change its verdict.
 *
 * An order's life:
 *
 *     paid ──▶ pending ──(posts_at)──▶ posted ──(reversals)──▶ partly reversed ──▶ reversed
 *                 │                                                ▲
 *                 └─ closed before posts_at: voided for good       └─ closed at or after posts_at
 *
 * A mark is a review, share, post, answer, vote or visit. It counts while nothing holds it back
 * (`held` is 0): not having begun holds, as do an undo, a finding, a void order, a link, the want of
 * an opening. Of several equals the first in canonical order of those that count has the points.
 */
#pragma once

#include "base/arena.h"
#include "domain/checkpoint.h"
#include "domain/fold.h"
#include "domain/intern.h"
#include "domain/moment.h"

#define TIME_NEVER INT64_MAX
#define NO_INDEX   UINT32_MAX

/* What the ledger says about an entry. */
struct fact {
	uint32_t target; /* the entry that it names; NO_INDEX: none, or one that is not known */
	uint32_t next; /* the next one that names the same, in canonical order */
	uint32_t followers; /* of an order: the first that names it as an order */
	uint32_t namers; /* the first that names this one by its key */
	uint32_t subject; /* its record, mark or opening */
	enum entry_state verdict; /* APPLIED, PARKED, REFUSED, EXPIRED */
	bool voided; /* as if it never had an effect */
	bool is_found; /* a finding names it */
	int64_t from; /* the instant at which it takes place */
	int64_t undone_at; /* TIME_NEVER: not undone */
	int64_t found_at, found_until; /* void by a finding in between; TIME_NEVER: none, no end */
};

struct order_line {
	int64_t taken; /* by reversals in force, in the line's currency */
	int64_t left; /* net amount not taken back; 0 while the order is closed */
	int64_t value; /* that in base currency if the line counts, at most AMOUNT_MAX */
	uint32_t slot; /* of its month and category; NO_INDEX: gives no breadth */
	bool counts; /* goods or service */
	bool rail;
};

/* What an order is worth under one policy; by its limit for one order. */
struct worth {
	int64_t left; /* before limits */
	int64_t other, rail; /* after it; rail only in travel */
};

struct order_record {
	const struct entry *entry;
	uint32_t index; /* of entry in the ledger given */
	uint32_t day; /* bucket: that of occurred_at; index into book->days */
	/* what accepted entries say */
	int64_t completed_at; /* TIME_NEVER: not told */
	int64_t posts_at; /* TIME_NEVER: not completed, or voided for good */
	int64_t closed_at; /* the cancellation that came before the posting; TIME_NEVER: none */
	bool dead; /* void, or not the first of its number */
	/* what was reached so far; moved by the timeline */
	bool posted;
	int32_t closures, reversals, findings; /* in force */
	struct order_line *lines;
	size_t n_left; /* lines of which something is left */
	int64_t sum_other, sum_rail; /* of lines' values */
	struct worth worth;
};

struct mark {
	const struct entry *entry;
	uint32_t index; /* of entry in the ledger given */
	uint32_t day; /* bucket: index into book->days */
	enum interaction kind;
	bool pictures;
	bool posts; /* a post: it stands long enough */
	bool void_at_end; /* a share that was undone while no opening counted */
	int32_t held; /* by how many reasons it counts nothing */
	int32_t openings; /* a share: that count */
	uint32_t group, next; /* of equals, and the next of them; NO_INDEX: none */
	int64_t begins_at; /* POSTED from then on (a share: by its openings) */
};

/* The equals of a mark: their number is that of a mark's group. */
struct group {
	uint32_t first, last; /* marks in canonical order */
	uint32_t shown; /* the one that has the points; NO_INDEX: none counts */
};

struct opening {
	uint32_t index; /* of its entry */
	uint32_t share; /* the mark */
	int32_t held;
};

/* Events at one instant happen in this order. What holds an opening comes before what frees one, so
 * that no share counts for no time; the end of a share sees what its openings came to. */
enum event_kind {
	EVENT_PAID, /* record; only after the instant of the fold: pending from then on */
	EVENT_POSTS, /* record */
	EVENT_TAKES, /* entry: a reversal */
	EVENT_GIVES_BACK, /* entry: a reversal that is undone */
	EVENT_CLOSES, /* record */
	EVENT_OPENS, /* record: its cancellation is undone */
	EVENT_BARS, /* record: a finding */
	EVENT_UNBARS, /* record: the finding is undone */
	EVENT_BEGINS, /* mark */
	EVENT_HOLDS, /* mark */
	EVENT_FREES, /* mark */
	EVENT_OPENING_HOLDS, /* opening */
	EVENT_LINKS, /* bond */
	EVENT_OPENING_FREES, /* opening */
	EVENT_UNLINKS, /* bond */
	EVENT_CREDIBILITY, /* entry: a credibility change or finding begins … */
	EVENT_CREDIBILITY_ENDS, /* … and ends */
	EVENT_PENALTY, /* entry: a finding */
	EVENT_PENALTY_ENDS, /* entry: a finding */
	EVENT_FALL, /* entry: a finding */
	EVENT_OVERRIDE, /* entry: it begins or ends */
	EVENT_SUSPENSION, /* entry */
	EVENT_SHARE_ENDS /* mark: a share was undone */
};

/* What a window sums up; of posted orders. */
struct sums {
	int64_t left[PLATFORM_END]; /* before limits */
	int64_t other[PLATFORM_END], rail; /* after the limit for one order */
	int32_t n_days; /* that count */
};

/* A month that something lies in. */
struct cell {
	int32_t month;
	struct sums sums;
	int64_t capped[INTERACTION_END]; /* points of each kind after its day caps */
	uint32_t first_slot, n_slots; /* its categories */
	uint32_t first_record, n_records;
	const struct checkpoint_month *base; /* what closed entries brought; NULL: nothing */
};

struct day {
	int32_t number; /* since 1970 in the zone */
	uint32_t cell;
	int64_t spend; /* before limits */
	int64_t points[INTERACTION_END];
	const struct checkpoint_day *base;
};

/* A category in a month. */
struct slot {
	int32_t category;
	int32_t base; /* lines of closed entries */
	int32_t lines; /* of which something is left */
};

/* A link to another account, from its instant on. */
struct bond {
	int64_t other, at, revision;
	bool linked;
};

/* A vote or an opening by somebody that a link names. */
struct watched {
	int64_t by;
	uint32_t subject; /* mark or opening */
	bool opening;
};

struct book {
	const struct entry *entries;
	size_t n_entries;
	const struct policy_list *policies;
	int64_t member_id, t;
	int32_t zone;
	struct arena *arena;
	const struct checkpoint *base;
	struct fact *facts; /* of the ledger's entries */
	uint32_t *canonical; /* entries in canonical order */
	struct order_record *records; /* canonical order, as marks, days and cells */
	size_t n_records;
	struct mark *marks;
	size_t n_marks;
	struct group *groups;
	size_t n_groups;
	struct opening *openings;
	size_t n_openings;
	struct cell *cells;
	size_t n_cells;
	struct day *days;
	size_t n_days;
	struct slot *slots;
	size_t n_slots, room_for_slots;
	struct intern categories;
	const struct bond *bonds; /* by (other, at, revision) */
	size_t n_bonds;
	const struct watched *watched; /* by `by` */
	size_t n_watched;
	const uint32_t *overrides; /* entries, by revision */
	size_t n_overrides;
	struct moment *events; /* rank: enum event_kind */
	size_t n_events, room_for_events;
};

/* t: the instant of the fold; parked entries that are too old by then are EXPIRED. False when the
 * arena refused. */
bool book_build(const struct fold_input *in, struct arena *arena, struct book *out);

/* Until when a parked entry can be woken; whether it is too old for that at t. */
int64_t parked_until(const struct activity *activity, int32_t zone_minutes);
bool parked_expired(const struct activity *activity, int32_t zone_minutes, int64_t t);

/* May an entry of this kind name one of that kind by its key? MB_UNDO_NOT_ALLOWED,
 * MB_NAMED_KIND_MISMATCH, MB_FINDING_NOT_ALLOWED, MB_VOID_NOT_ALLOWED. */
enum mb_code naming_check(enum activity_kind kind, enum activity_kind named, struct mb_err *err);

/* The entry's undo as known at a revision: the earliest instant of those with smaller ones. */
int64_t book_undone_before(const struct book *book, uint32_t index, int64_t revision);
/* The same of its being void. */
bool book_voided_before(const struct book *book, uint32_t index, int64_t revision);

/* The parts of building, in this order; false when the arena refused. */
bool book_build_dates(struct book *book);
bool book_build_orders(struct book *book);
bool book_build_bonds(struct book *book);
bool book_build_marks(struct book *book);
bool book_build_decisions(struct book *book);
bool book_add_event(struct book *book, int64_t at, enum event_kind kind, uint32_t subject);

/* Is the other account linked at t? */
bool book_linked(const struct book *book, int64_t other, int64_t t);

/* 0 for kinds that are none. */
enum interaction interaction_of(enum activity_kind kind);

/* The state of an entry as far as its record or mark was moved, up to t. */
enum entry_state book_state(const struct book *book, uint32_t index, int64_t t);
enum entry_state order_record_state(const struct order_record *record);
/* Does it add to the score, as far as its record was moved? */
static inline bool order_record_counts(const struct order_record *record)
{
	return record->posted && record->findings == 0;
}

/* Of its equals, does this mark have the points, as far as they were moved? */
static inline bool book_mark_counts(const struct book *book, uint32_t mark)
{
	uint32_t group = book->marks[mark].group;

	return group == NO_INDEX ? book->marks[mark].held == 0 : book->groups[group].shown == mark;
}
