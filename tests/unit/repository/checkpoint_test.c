/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ledger read from its checkpoint is the ledger read whole: checkpoint_test memory|sqlite. The same
 * random activities go to two repositories, of which one makes checkpoints from the second entry on.
 */
#include "repo_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *backend;

#define STEPS	 60
#define WORLDS	 6
#define ITEMS	 5
#define PART_ALL (MEMBER_STANDING | MEMBER_SCHEDULE)

struct side {
	struct repo_bed bed;
	int64_t member_id;
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % below;
}

static void begin(struct side *side, size_t checkpoint_from)
{
	struct mb_err err;

	repo_bed_init(&side->bed, backend);
	side->bed.options.checkpoint_from = checkpoint_from;
	if (repo_bed_open(&side->bed, &err) != MB_OK) {
		fail_msg("%s", err.text);
	}
	side->member_id = repo_enroll(&side->bed, "ada");
}

/* Something that names one of the events before it, or stands by itself. */
static struct record_item draw_item(struct repo_bed *bed, int64_t member_id, int number,
				    int64_t now, char names[2][16])
{
	static const struct reversal_line back[] = {{1, "CNY", 500}};
	const int64_t at = now - (draw(3) == 0 ? draw(200) : draw(3)) * US_PER_DAY - draw(1000);
	struct record_item item;

	snprintf(names[0], 16, "e%d", number);
	snprintf(names[1], 16, "e%d", number > 0 ? (int)draw((uint32_t)number) : 0);
	item = repo_order(bed, member_id, names[0], at, 1000 + draw(500000));
	switch (draw(9)) {
	case 0:
	case 1:
		item.activity.order.completed_at = draw(2) == 0 ? 0 : at + draw(9) * US_PER_DAY;
		return item;
	case 2:
		item.activity.kind = ACTIVITY_REVERSAL;
		item.activity.reversal = (struct reversal){back, 1};
		break;
	case 3:
		item.activity.kind = ACTIVITY_CANCELLATION;
		break;
	case 4:
		item.activity.kind = ACTIVITY_COMPLETION;
		item.activity.completion.completed_at = at;
		break;
	case 5:
		item.activity.kind = ACTIVITY_REVIEW;
		item.activity.review.line_no = 1;
		item.activity.review.pictures = draw(2) == 0;
		break;
	case 6:
		item.activity.kind = ACTIVITY_POST;
		item.activity.post.content = STR("post");
		break;
	case 7:
		item.activity.kind = ACTIVITY_VISIT;
		item.activity.visit.platform = PLATFORM_FOOD;
		item.activity.visit.store = draw(2) == 0 ? STR("a") : STR("b");
		break;
	default:
		item.activity.kind = ACTIVITY_UNDO;
		item.activity.about_source = item.activity.source;
		item.activity.about_event_id = str_from(names[1]);
		break;
	}
	item.activity.order_id = (struct str){0};
	item.activity.order_source = (struct str){0};
	if (item.activity.kind <= ACTIVITY_REVIEW) {
		item.activity.order_source = item.activity.source;
		item.activity.order_id = str_from(names[1]);
	}
	return item;
}

static void same_score(const struct score *a, const struct score *b)
{
	assert_memory_equal(a->parts, b->parts, sizeof(a->parts));
	assert_int_equal(a->points, b->points);
	assert_int_equal(a->spend, b->spend);
	assert_int_equal(a->counted_spend, b->counted_spend);
	assert_int_equal(a->days, b->days);
	assert_int_equal(a->categories, b->categories);
	assert_int_equal(a->interaction, b->interaction);
	assert_int_equal(a->first_month, b->first_month);
}

static void same_standing(const struct standing *a, const struct standing *b)
{
	same_score(&a->score, &b->score);
	same_score(&a->settled, &b->settled);
	assert_int_equal(a->at, b->at);
	assert_int_equal(a->tier, b->tier);
	assert_int_equal(a->level, b->level);
	assert_int_equal(a->at_risk, b->at_risk);
	assert_int_equal(a->below_keep, b->below_keep);
	assert_int_equal(a->protected_until, b->protected_until);
	assert_int_equal(a->settled_at, b->settled_at);
}

static void same_member(const struct member *a, const struct member *b)
{
	same_standing(&a->standing, &b->standing);
	assert_int_equal(a->revision, b->revision);
	assert_int_equal(a->valid_until, b->valid_until);
	assert_int_equal(a->n_pending, b->n_pending);
	for (size_t i = 0; i < a->n_pending; i++) {
		assert_int_equal(a->pending[i].posts_at, b->pending[i].posts_at);
		assert_int_equal(a->pending[i].would_add, b->pending[i].would_add);
		assert_true(str_eq(a->pending[i].order_id, b->pending[i].order_id));
	}
	assert_int_equal(a->n_schedule, b->n_schedule);
	for (size_t i = 0; i < a->n_schedule; i++) {
		assert_int_equal(a->schedule[i].at, b->schedule[i].at);
		assert_int_equal(a->schedule[i].causes, b->schedule[i].causes);
		same_standing(&a->schedule[i].after, &b->schedule[i].after);
	}
}

static void same_answers(struct side *whole, struct side *brief)
{
	const struct member *a, *b;
	struct mb_err err;

	assert_int_equal(repo_get(&whole->bed, whole->member_id, PART_ALL, &a, &err), MB_OK);
	assert_int_equal(repo_get(&brief->bed, brief->member_id, PART_ALL, &b, &err), MB_OK);
	same_member(a, b);
}

static const struct member *told(struct side *side)
{
	struct member_query query = {.ref = {.member_id = side->member_id}};
	struct repository_read req = {.queries = &query,
				      .n = 1,
				      .parts = MEMBER_STANDING | MEMBER_TOLD,
				      .history_kinds = UINT32_MAX,
				      .history_most = 4000};

	assert_int_equal(repo_read(&side->bed, &req), MB_OK);
	assert_int_equal(query.code, MB_OK);
	return query.member;
}

static void same_told(struct side *whole, struct side *brief)
{
	const struct member *a = told(whole), *b = told(brief);

	assert_int_equal(a->n_history, b->n_history);
	for (size_t i = 0; i < a->n_history; i++) {
		const struct member_transition *x = &a->history[i], *y = &b->history[i];

		assert_int_equal(x->transition.effective_at, y->transition.effective_at);
		assert_int_equal(x->transition.kind, y->transition.kind);
		assert_int_equal(x->transition.to, y->transition.to);
		assert_int_equal(x->transition.points, y->transition.points);
		assert_int_equal(x->restated, y->restated);
		assert_int_equal(x->retracted, y->retracted);
	}
}

static void record_both(struct side *whole, struct side *brief, int *number, int64_t now)
{
	static char names[2][ITEMS][2][16];
	struct record_item items[2][ITEMS];
	struct side *sides[2] = {whole, brief};
	const uint64_t from = seed;
	const int first = *number;
	size_t n = 0;

	for (int s = 0; s < 2; s++) {
		struct repository_record req = {.items = items[s]};

		seed = from;
		*number = first;
		n = 1 + draw(ITEMS);
		for (size_t i = 0; i < n; i++) {
			/* now and then what was told before, mostly something new */
			int at = draw(12) == 0 && *number > 0 ? *number - 1 : (*number)++;

			items[s][i] = draw_item(&sides[s]->bed, sides[s]->member_id, at, now,
						names[s][i]);
		}
		req.n = n;
		assert_int_equal(repo_record(&sides[s]->bed, &req), MB_OK);
	}
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(items[0][i].code, items[1][i].code);
		if (items[0][i].code == MB_OK) {
			assert_int_equal(items[0][i].state, items[1][i].state);
			assert_int_equal(items[0][i].caps, items[1][i].caps);
			assert_int_equal(items[0][i].replayed, items[1][i].replayed);
			assert_int_equal(items[0][i].revision, items[1][i].revision);
			assert_int_equal(items[0][i].n_woken, items[1][i].n_woken);
		}
	}
}

static void answers_are_the_same(void **state)
{
	(void)state;
	for (int world = 1; world <= WORLDS; world++) {
		struct side whole, brief;
		int64_t now = BED_NOW;
		int number = 0;

		seed = (uint64_t)world;
		begin(&whole, SIZE_MAX);
		begin(&brief, 2);
		for (int step = 0; step < STEPS; step++) {
			now += draw(4) * US_PER_DAY + draw(1000000) + 1000;
			clock_set(&whole.bed.store.clock, now);
			clock_set(&brief.bed.store.clock, now);
			if (draw(5) > 0) {
				record_both(&whole, &brief, &number, now);
			}
			same_answers(&whole, &brief);
		}
		same_told(&whole, &brief);
		assert_true(repository_entries_read(brief.bed.repository) <
			    repository_entries_read(whole.bed.repository));
		repo_bed_fini(&whole.bed);
		repo_bed_fini(&brief.bed);
	}
}

static enum mb_code spoil(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	const struct side *side = bed_data(job);
	struct checkpoint_row row;
	char bytes[4096];
	bool found;
	enum mb_code code =
		store_get_checkpoint(view, side->member_id, side->bed.arena, &row, &found, err);

	assert_int_equal(code, MB_OK);
	assert_true(found);
	row.bytes.len = row.bytes.len < sizeof(bytes) ? row.bytes.len : sizeof(bytes);
	memcpy(bytes, row.bytes.ptr, row.bytes.len);
	bytes[draw((uint32_t)row.bytes.len)] ^= (char)(1 << draw(8));
	row.bytes.ptr = bytes;
	return store_put_checkpoint(view, &row, err);
}

static void a_damaged_checkpoint_is_passed_over(void **state)
{
	struct side whole, brief;
	int64_t now = BED_NOW;
	int number = 0;

	(void)state;
	seed = 99;
	begin(&whole, SIZE_MAX);
	begin(&brief, 2);
	for (int step = 0; step < 2 * STEPS; step++) {
		now += US_PER_DAY;
		clock_set(&whole.bed.store.clock, now);
		clock_set(&brief.bed.store.clock, now);
		record_both(&whole, &brief, &number, now);
		if (step >= STEPS && step % 4 == 0) {
			store_bed_run(&brief.bed.store, STORE_WRITE, spoil, &brief, NULL);
			/* what the two wrote until now has other instants */
			clock_set(&whole.bed.store.clock, now + 1000);
			clock_set(&brief.bed.store.clock, now + 1000);
		}
		same_answers(&whole, &brief);
	}
	same_told(&whole, &brief);
	repo_bed_fini(&whole.bed);
	repo_bed_fini(&brief.bed);
}

/* Not entry by entry, whoever asks about now. */
static void answers_of_now_begin_at_the_checkpoint(void **state)
{
	struct side side;
	const struct member *member;
	struct repository_list list = {.most = 1};
	struct repository_write link;
	int64_t before;
	bool called = false;
	struct mb_err err;

	(void)state;
	begin(&side, 2);
	for (int i = 0; i < 20; i++) {
		char name[8];
		struct record_item order;

		snprintf(name, sizeof(name), "o%d", i);
		order = repo_order(&side.bed, side.member_id, name, BED_NOW - 100 * US_PER_DAY,
				   1000);
		repo_record_one(&side.bed, &order);
	}
	before = repository_entries_read(side.bed.repository);
	assert_int_equal(repo_get(&side.bed, side.member_id, MEMBER_STANDING, &member, &err),
			 MB_OK);
	link = repo_write_of(&side.bed, WRITE_LINK, side.member_id, "grace");
	assert_int_equal(repo_write(&side.bed, &link), MB_OK);
	repo_bed_call(&side.bed, &list.call, &called);
	repository_list(side.bed.repository, &list);
	repo_bed_wait(&side.bed, &called);
	assert_int_equal(list.call.code, MB_OK);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.members[0]->standing.score.points, member->standing.score.points);
	assert_int_equal(list.members[0]->revision, member->revision + 1);
	assert_true(repository_entries_read(side.bed.repository) < before + 20);
	repo_bed_fini(&side.bed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_the_same),
		cmocka_unit_test(a_damaged_checkpoint_is_passed_over),
		cmocka_unit_test(answers_of_now_begin_at_the_checkpoint),
	};

	if (argc != 2) {
		return 2;
	}
	backend = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
