/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mirror: keeps the records in Redis complete, and says when they may be believed.
 *
 * The store's outbox is the truth about who was written. Redis holds the position up to which it has
 * the records of all of them, under an epoch that every record carries:
 *
 *     DOWN ─▶ ASKING ── a position that the outbox reaches back to ──▶ REPLAYING ─▶ LIVE
 *               │    └─ none, too old, ahead of the store: a new epoch ───┘           │
 *               └──────── WAITING (backoff) ◀──── a write failed ◀────────────────────┘
 *
 * Happy path: after every connect the position is read, and what the outbox tells since then is
 * written, round by round. Every commit from then on is written at once, before its answer, on the
 * connection that later reads use. So a round that comes to the end of the outbox leaves nothing out,
 * however busy the writers are: what was committed before it began it has read, what was told since has
 * been sent. Then Redis is LIVE: it is believed. The position follows the answers, every PUT_MS.
 *
 * Failure modes: a write that failed, or may have, leaves an old record behind, so nothing is believed
 * until the outbox was replayed from the last position that is certain. A Redis that was flushed has
 * no position; one that came back from an old copy has the old copy's own. Of what was committed last
 * the revisions are remembered here: an older record is no hit, whatever Redis says; nor is one that
 * somebody else wrote into a store that is ours alone, until we have written it again.
 *
 * Threads:  the loop's, but for mirror_believed() and mirror_text().
 */
#include "repository/inner.h"
#include "repository/remembered.h"
#include "repository/replay.h"
#include "repository/warm.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#define PUT_MS	     100 /* between two positions */
#define BACKOFF_MS   200
#define BACKOFF_MOST 10000

#define MIRROR_STATES(X)                                                       \
	X(DOWN, "not connected")                                               \
	X(ASKING, "asked how complete it is")                                  \
	X(REPLAYING, "being brought up to date")                               \
	X(WAITING, "a write failed or its position is not known: tried again") \
	X(LIVE, "complete")

enum mirror_state {
#define X(name, text) MIRROR_##name,
	MIRROR_STATES(X)
#undef X
};

struct mirror {
	struct repository *repository;
	struct redis *redis;
	_Atomic int state; /* enum mirror_state */
	unsigned life; /* another one whenever the state leaves LIVE or the connection is new */
	unsigned failures; /* in a row */
	uv_timer_t retry, putter;
	void (*stopped)(struct repository *repository);
	size_t busy; /* what must have ended before it can go */
	unsigned asked_life; /* whose position is asked for */
	bool has_position, knows_position; /* the latter: a round has come to it */
	struct redis_position position; /* what is certain */
	struct redis_position_request asked, put;
	bool asking, putting; /* these are under way */
	struct replay *replay;
	struct list sets; /* of commits, in their order */
	struct redis_position written; /* in this life up to here, by them; without its epoch */
	struct warm *warm;
	struct remembered remembered[REMEMBERED];
};

static enum mirror_state state_of(const struct mirror *mirror)
{
	return (enum mirror_state)atomic_load(&mirror->state);
}

static void ask_position(struct mirror *mirror);
static void begin_round(struct mirror *mirror);

static void leave_to(struct mirror *mirror, enum mirror_state state)
{
	mirror->life++;
	mirror->written = (struct redis_position){0};
	replay_abandon(mirror->replay);
	atomic_store(&mirror->state, (int)state);
}

/* ---- waiting ---- */

static void on_retry(uv_timer_t *timer)
{
	struct mirror *mirror = timer->data;

	if (state_of(mirror) == MIRROR_WAITING) {
		ask_position(mirror);
	}
}

static uint64_t backoff_ms(const struct mirror *mirror)
{
	unsigned doublings = mirror->failures < 6 ? mirror->failures : 6;
	uint64_t most = (uint64_t)BACKOFF_MS << doublings;
	uint32_t random = 0;

	seal_random(&random, sizeof(random), NULL);
	most = most < BACKOFF_MOST ? most : BACKOFF_MOST;
	return most / 2 + random % (most / 2);
}

static void wait_and_ask(struct mirror *mirror)
{
	if (state_of(mirror) == MIRROR_DOWN) {
		return;
	}
	leave_to(mirror, MIRROR_WAITING);
	if (mirror->stopped != NULL) {
		return;
	}
	uv_timer_start(&mirror->retry, on_retry, backoff_ms(mirror), 0);
	mirror->failures++;
}

/* ---- the position ---- */

static void end_put(struct redis_position_request *request);

static void put_position(struct mirror *mirror)
{
	assert(!mirror->putting); /* answers come in order, and a position was asked for since */
	mirror->putting = true;
	mirror->put = (struct redis_position_request){
		.position = mirror->position, .cb = end_put, .data = mirror};
	redis_put_position(mirror->redis, &mirror->put);
}

static void on_putter(uv_timer_t *timer)
{
	struct mirror *mirror = timer->data;

	if (state_of(mirror) == MIRROR_LIVE && !mirror->putting) {
		put_position(mirror);
	}
}

static void put_later(struct mirror *mirror)
{
	if (!uv_is_active((uv_handle_t *)&mirror->putter)) {
		uv_timer_start(&mirror->putter, on_putter, PUT_MS, 0);
	}
}

static void end_put(struct redis_position_request *request)
{
	struct mirror *mirror = request->data;

	mirror->putting = false;
	if (request->failed) {
		wait_and_ask(mirror);
	} else if (state_of(mirror) == MIRROR_REPLAYING) {
		begin_round(mirror); /* the epoch is a new one */
	} else if (state_of(mirror) == MIRROR_LIVE &&
		   request->position.seq != mirror->position.seq) {
		put_later(mirror);
	}
}

static void end_ask(struct redis_position_request *request)
{
	struct mirror *mirror = request->data;
	bool anew = mirror->asked_life != mirror->life;

	mirror->asking = false;
	if (state_of(mirror) != MIRROR_ASKING) {
		return;
	}
	if (anew) {
		ask_position(mirror);
		return;
	}
	if (request->failed) {
		wait_and_ask(mirror);
		return;
	}
	mirror->has_position = request->found;
	mirror->knows_position = false;
	mirror->position = request->position;
	if (request->found) {
		redis_use_epoch(mirror->redis, request->position.epoch);
	}
	atomic_store(&mirror->state, MIRROR_REPLAYING);
	begin_round(mirror);
}

static void ask_position(struct mirror *mirror)
{
	leave_to(mirror, MIRROR_ASKING);
	if (mirror->asking) {
		return; /* the answer to come may be of before: then it is asked for anew */
	}
	mirror->asking = true;
	mirror->asked_life = mirror->life;
	mirror->asked = (struct redis_position_request){.cb = end_ask, .data = mirror};
	redis_get_position(mirror->redis, &mirror->asked);
}

/* ---- replaying ---- */

static void move_to(struct mirror *mirror, const struct redis_position *upto)
{
	mirror->position.seq = upto->seq;
	mirror->position.told_at = upto->told_at;
	mirror->knows_position = true;
}

static void begin_epoch(struct mirror *mirror, const struct redis_position *upto)
{
	uint64_t epoch = 0;

	if (seal_random(&epoch, sizeof(epoch), NULL) != MB_OK) {
		wait_and_ask(mirror);
		return;
	}
	mirror->has_position = true;
	mirror->position.epoch = epoch;
	move_to(mirror, upto);
	redis_use_epoch(mirror->redis, epoch);
	put_position(mirror);
}

static void go_live(struct mirror *mirror)
{
	mirror->failures = 0;
	if (mirror->written.seq > mirror->position.seq) {
		move_to(mirror, &mirror->written);
	}
	atomic_store(&mirror->state, MIRROR_LIVE);
	put_later(mirror);
	warm_begin(mirror->warm);
}

static void go_on(struct mirror *mirror, enum replay_end end, const struct redis_position *upto)
{
	move_to(mirror, upto);
	if (end == REPLAY_MORE) {
		begin_round(mirror);
	} else {
		go_live(mirror);
	}
}

static void forget_busy(struct mirror *mirror);

static void end_round(void *data, enum replay_end end, const struct redis_position *upto)
{
	struct mirror *mirror = data;

	switch (end) {
	case REPLAY_ABANDONED:
		/* of another life, which wants a round of its own, or will */
		if (state_of(mirror) == MIRROR_REPLAYING) {
			begin_round(mirror);
		}
		break;
	case REPLAY_FAILED:
		wait_and_ask(mirror);
		break;
	case REPLAY_USELESS:
		begin_epoch(mirror, upto);
		break;
	default:
		go_on(mirror, end, upto);
	}
	forget_busy(mirror);
}

static void begin_round(struct mirror *mirror)
{
	const struct replay_round round = {.from = mirror->has_position ? &mirror->position : NULL,
					   .known = mirror->knows_position,
					   .cb = end_round,
					   .data = mirror};

	if (replay_runs(mirror->replay) || mirror->stopped != NULL) {
		return; /* its end begins the next one */
	}
	mirror->busy++;
	replay_begin(mirror->replay, mirror->redis, &round);
}

/* ---- writing what was committed and what was loaded ---- */

struct live_set {
	struct redis_set set;
	struct mirror *mirror;
	struct list_node node; /* of mirror->sets, when it is of a commit */
	bool ended;
	unsigned life;
	/* of a commit; a fill, and what the sweeper made anew, nobody relies on */
	struct redis_position upto;
	struct redis_record records[];
};

static void end_fill(struct redis_set *set)
{
	struct live_set *own = set->data;
	struct mirror *mirror = own->mirror;

	free(own);
	forget_busy(mirror);
}

/* Up to it all commits of this life are in Redis. */
static void take_written(struct mirror *mirror, const struct redis_position *upto)
{
	mirror->written = *upto;
	if (state_of(mirror) == MIRROR_LIVE && upto->seq > mirror->position.seq) {
		move_to(mirror, upto);
		put_later(mirror);
	}
}

/* A set that Redis had forgotten the script of ends after later ones; the position waits for it. */
static void end_commit(struct redis_set *set)
{
	struct live_set *own = set->data;
	struct mirror *mirror = own->mirror;

	own->ended = true;
	if (set->failed && own->life == mirror->life) {
		wait_and_ask(mirror);
	}
	while (!list_empty(&mirror->sets)) {
		struct live_set *first = LIST_ITEM(mirror->sets.head.next, struct live_set, node);

		if (!first->ended) {
			break;
		}
		list_remove(&first->node);
		if (first->life == mirror->life) {
			take_written(mirror, &first->upto);
		}
		free(first);
	}
	forget_busy(mirror);
}

static struct live_set *make_set(struct mirror *mirror, size_t n, void (*cb)(struct redis_set *set))
{
	struct live_set *own = FAULT("repository.mirror.set")
				       ? NULL
				       : calloc(1, sizeof(*own) + n * sizeof(own->records[0]));

	if (own != NULL) {
		own->mirror = mirror;
		own->life = mirror->life;
		own->set =
			(struct redis_set){.records = own->records, .n = n, .cb = cb, .data = own};
	}
	return own;
}

static void send_set(struct mirror *mirror, struct live_set *own)
{
	mirror->busy++;
	redis_set(mirror->redis, &own->set);
}

/* What is committed is written at once. */
static bool is_told(const struct mirror *mirror)
{
	return state_of(mirror) == MIRROR_LIVE || state_of(mirror) == MIRROR_REPLAYING;
}

void mirror_told(struct repository *repository, const struct told_member *told,
		 const struct store_job *job)
{
	const int64_t seq = job->outbox_seq;
	struct mirror *mirror = repository->mirror;
	struct live_set *own;
	size_t n = 0;

	if (mirror == NULL || mirror->stopped != NULL) {
		return;
	}
	for (const struct told_member *member = told; member != NULL; member = member->next) {
		remember(mirror->remembered, member->member_id,
			 hot_order(&member->record).revision);
		n++;
	}
	if (!is_told(mirror)) {
		return;
	}
	own = make_set(mirror, n, seq > 0 ? end_commit : end_fill);
	if (own == NULL) {
		wait_and_ask(mirror);
		return;
	}
	if (seq > 0) {
		own->upto = (struct redis_position){.seq = seq, .told_at = job->known_at};
		list_push(&mirror->sets, &own->node);
	}
	n = 0;
	for (const struct told_member *member = told; member != NULL; member = member->next) {
		own->records[n++] = (struct redis_record){member->member_id, member->record};
	}
	send_set(mirror, own);
}

void mirror_fill(struct repository *repository, int64_t member_id, const struct hot_bytes *record)
{
	struct mirror *mirror = repository->mirror;
	struct live_set *own;

	if (!mirror_believed(repository) || mirror->stopped != NULL) {
		return;
	}
	own = make_set(mirror, 1, end_fill);
	if (own != NULL) {
		own->records[0] = (struct redis_record){member_id, *record};
		if (remembered_of(mirror->remembered, member_id)->member_id == member_id) {
			remember(mirror->remembered, member_id, hot_order(record).revision);
		}
		send_set(mirror, own);
	}
}

/* Whether it was written the outbox tells. */
void mirror_lost(struct repository *repository)
{
	struct mirror *mirror = repository->mirror;

	if (mirror != NULL && is_told(mirror)) {
		wait_and_ask(mirror);
	}
}

/* ---- reading ---- */

bool mirror_believed(const struct repository *repository)
{
	const struct mirror *mirror = repository->mirror;

	return mirror != NULL && state_of(mirror) == MIRROR_LIVE && redis_usable(mirror->redis);
}

bool mirror_get(struct repository *repository, struct redis_get *get)
{
	if (!mirror_believed(repository) || repository->mirror->stopped != NULL) {
		return false;
	}
	redis_get(repository->mirror->redis, get);
	return true;
}

bool mirror_took(struct repository *repository, const struct redis_get *get)
{
	struct mirror *mirror = repository->mirror;
	const struct remembered *known = remembered_of(mirror->remembered, get->member_id);
	struct hot_view view;

	return get->answer == REDIS_HIT && state_of(mirror) == MIRROR_LIVE &&
	       (known->member_id != get->member_id ||
		hot_order(&get->record).revision >= known->revision) &&
	       hot_at(&get->record, repository_policies(repository), repository_now(repository),
		      &view);
}

/* ---- what Redis tells ---- */

static void on_up(void *data)
{
	struct mirror *mirror = data;

	if (mirror->stopped == NULL) {
		ask_position(mirror);
	}
}

static void on_down(void *data)
{
	leave_to(data, MIRROR_DOWN);
}

static void on_changed(int64_t member_id, void *data)
{
	struct mirror *mirror = data;

	if (member_id != 0) {
		/* nobody but us has a reason to: what it is now is not believed */
		remember(mirror->remembered, member_id, INT64_MAX);
	} else if (is_told(mirror)) {
		ask_position(mirror);
	}
}

/* ---- for people ---- */

bool mirror_text(const struct repository *repository, struct redis_figures *figures,
		 const char **text)
{
	static const char *const texts[] = {
#define X(name, text) [MIRROR_##name] = (text),
		MIRROR_STATES(X)
#undef X
	};
	const struct mirror *mirror = repository->mirror;

	if (mirror == NULL) {
		return false;
	}
	redis_figures(mirror->redis, figures);
	*text = texts[state_of(mirror)];
	return true;
}

/* ---- life ---- */

static void destroy(struct mirror *mirror)
{
	if (mirror != NULL) {
		replay_destroy(mirror->replay);
		warm_destroy(mirror->warm);
		free(mirror);
	}
}

enum mb_code mirror_start(struct repository *repository, const struct repository_options *options,
			  struct mirror **out, struct mb_err *err)
{
	struct mirror *mirror = calloc(1, sizeof(*mirror));
	struct redis_options redis = {
		.url = options->redis_url,
		.store_id = store_id(repository->store),
		.loop = repository->loop,
		.budget_ms = or_default(options->redis_budget_ms, REPOSITORY_REDIS_BUDGET_MS),
		.ttl_s = or_default(options->redis_ttl_s, REPOSITORY_REDIS_TTL_S),
		.up = on_up,
		.down = on_down,
		.changed = on_changed,
		.data = mirror};
	enum mb_code code = MB_OK;

	assert(!options->shared); /* what others write there would have to be told by them */
	if (mirror != NULL) {
		mirror->repository = repository;
		mirror->replay = replay_create(repository);
		mirror->warm = warm_create(repository);
	}
	if (mirror == NULL || mirror->replay == NULL || mirror->warm == NULL) {
		code = mb_fail(err, MB_OVERLOADED, "no memory to open the store");
	}
	if (code == MB_OK) {
		code = redis_open(&redis, &mirror->redis, err);
	}
	if (code != MB_OK) {
		destroy(mirror);
		return code;
	}
	list_init(&mirror->sets);
	uv_timer_init(repository->loop, &mirror->retry);
	uv_timer_init(repository->loop, &mirror->putter);
	mirror->retry.data = mirror->putter.data = mirror;
	warm_open(mirror->warm, mirror->redis);
	*out = mirror;
	return MB_OK;
}

static void forget_busy(struct mirror *mirror)
{
	struct repository *repository = mirror->repository;
	void (*stopped)(struct repository * repository) = mirror->stopped;

	if (--mirror->busy == 0 && stopped != NULL) {
		repository->mirror = NULL;
		destroy(mirror);
		stopped(repository);
	}
}

static void handle_closed(uv_handle_t *handle)
{
	forget_busy(handle->data);
}

static void part_closed(void *data)
{
	forget_busy(data);
}

void mirror_stop(struct mirror *mirror, void (*cb)(struct repository *repository))
{
	mirror->stopped = cb;
	replay_abandon(mirror->replay);
	mirror->busy += 4;
	uv_close((uv_handle_t *)&mirror->retry, handle_closed);
	uv_close((uv_handle_t *)&mirror->putter, handle_closed);
	warm_close(mirror->warm, part_closed, mirror);
	redis_close(mirror->redis, part_closed, mirror);
}
