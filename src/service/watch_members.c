/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WatchMembers: what happens to members, as it becomes known, from a cursor on.
 *
 *     look ─▶ events, or the first look, or long idle: write ─▶ written ─▶ look …
 *       └───▶ nothing: wait until something is committed ─▶ look …
 *
 * One thing at a time: a look, a wait or a write. So a caller who does not read is not looked for, and
 * holds nobody up. A cursor is the number up to which the outbox was looked at, with the store that
 * gave it, under a keyed digest.
 *
 * Ending: only with an error: the cursor is too old, the store fails, the server goes down (DRAINING),
 * the caller gives up. What was written before is whole; whoever comes again with the last cursor he
 * got misses nothing.
 *
 * Threads:  callbacks of the stream on its queue's thread, of the repository on the loop, drain on a
 *           third; `lock` guards all. It is taken after that of struct streams and before that of the
 *           call, and never destroyed (as in stream_activities.c).
 */
#include "service/watch_members.h"
#include "service/calls.h"
#include "service/map.h"

#include "domain/calendar.h"

#include <stdio.h>
#include <string.h>

#define EVENTS_MOST   100 /* of a batch */
#define MEMBERS_MOST  100
#define STORE_DIGITS  16
#define FIELD_DIGITS  (STORE_DIGITS + 16)
#define MAC_BYTES     16
#define CURSOR_DIGITS (FIELD_DIGITS + 2 * MAC_BYTES)

struct watcher {
	struct stream_seat seat;
	struct rpc_call *call;
	struct services *services;
	struct repository_watch watch;
	struct repository_wait wait;
	pthread_mutex_t lock;
	uint64_t commits; /* before the look */
	bool greeted; /* a first cursor was written */
	bool idle; /* nothing was written for long */
	bool looking, waiting, writing;
	bool closed; /* nothing more is begun */
	bool finished; /* somebody ends the call */
	struct mb_err end;
};

/* ---- cursors ---- */

static enum mb_code write_cursor(struct repository *repository, int64_t seq,
				 char out[CURSOR_DIGITS + 1], struct mb_err *err)
{
	const unsigned char *id = repository_store_id(repository);
	struct str parts[2] = {STR("watch"), {out, FIELD_DIGITS}};
	unsigned char mac[32];
	enum mb_code code;

	for (int i = 0; i < STORE_DIGITS / 2; i++) {
		snprintf(out + 2 * i, 3, "%02x", id[i]);
	}
	snprintf(out + STORE_DIGITS, 17, "%016llx", (unsigned long long)seq);
	code = repository_digest(repository, parts, 2, mac, err);
	for (size_t i = 0; code == MB_OK && i < MAC_BYTES; i++) {
		snprintf(out + FIELD_DIGITS + 2 * i, 3, "%02x", mac[i]);
	}
	return code;
}

static enum mb_code read_cursor(struct repository *repository, const char *text, int64_t *seq,
				struct mb_err *err)
{
	char again[CURSOR_DIGITS + 1];
	unsigned long long number;
	enum mb_code code = MB_OK;

	if (text[0] == '\0') {
		*seq = -1;
		return MB_OK;
	}
	if (strlen(text) == CURSOR_DIGITS && strspn(text, "0123456789abcdef") == CURSOR_DIGITS &&
	    sscanf(text + STORE_DIGITS, "%16llx", &number) == 1 && number <= INT64_MAX) {
		code = write_cursor(repository, (int64_t)number, again, err);
		if (code == MB_OK && memcmp(text, again, STORE_DIGITS) != 0) {
			return mb_fail_field(
				err, MB_CURSOR_TOO_OLD, "cursor",
				"another store gave it: watch with an empty cursor, "
				"read the members anew (ListMembers, GetMember), then go "
				"on from the first cursor of that watch");
		}
		if (code != MB_OK || strcmp(text, again) == 0) {
			*seq = (int64_t)number;
			return code;
		}
	}
	return mb_fail_field(err, MB_FIELD_INVALID, "cursor", "is not one that a watch gave");
}

/* ---- batches ---- */

/* Where a member at risk steps down unless he recovers. */
static int64_t step_down_at(const struct watcher *watcher, const struct member_transition *row)
{
	const struct policy *policy =
		repository_policy(watcher->services->repository, row->transition.policy_version);

	if (policy == NULL || row->retracted || row->transition.kind != TRANSITION_AT_RISK) {
		return 0;
	}
	return calendar_next_settlement(row->transition.effective_at,
					policy->protection.settlement_day, policy->zone_minutes);
}

static Memberd__V1__MemberEvent *to_event(const struct watcher *watcher, struct arena *arena,
					  const struct member_event *event)
{
	Memberd__V1__MemberEvent *message = arena_alloc(arena, sizeof(*message));

	if (message != NULL) {
		memberd__v1__member_event__init(message);
		message->member_id = to_id(arena, event->member_id);
		message->revision = event->revision;
		message->transition = to_transition(arena, &event->transition);
		message->steps_down_at = to_time(arena, step_down_at(watcher, &event->transition));
	}
	return message;
}

/* The lock is held. MB_OK: a batch is on its way. */
static enum mb_code write_batch(struct watcher *watcher, struct mb_err *err)
{
	struct arena *arena = rpc_stream_arena(watcher->call);
	const struct repository_watch *watch = &watcher->watch;
	Memberd__V1__WatchMembersResponse batch = MEMBERD__V1__WATCH_MEMBERS_RESPONSE__INIT;
	char cursor[CURSOR_DIGITS + 1];
	enum mb_code code;

	if (arena == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory is left for this batch now");
	}
	code = write_cursor(watcher->services->repository, watch->upto, cursor, err);
	if (code != MB_OK) {
		return code;
	}
	batch.cursor = cursor;
	batch.events = arena_array(arena, watch->n, sizeof(*batch.events));
	for (size_t i = 0; batch.events != NULL && i < watch->n; i++) {
		batch.events[batch.n_events++] = to_event(watcher, arena, &watch->events[i]);
	}
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	watcher->writing = watcher->greeted = true;
	watcher->idle = false;
	watcher->watch.n = 0;
	rpc_stream_write(watcher->call, &batch.base);
	return MB_OK;
}

/* ---- going on; the lock is held ---- */

static void close_watcher(struct watcher *watcher, const struct mb_err *err)
{
	if (!watcher->closed) {
		watcher->end = *err;
	}
	watcher->closed = true;
}

static void start_look(struct watcher *watcher)
{
	watcher->looking = true;
	watcher->commits = repository_commits(watcher->services->repository);
	watcher->watch.after = watcher->watch.upto;
	watcher->watch.call.job = (struct store_job){.kind = STORE_READ};
	repository_watch(watcher->services->repository, &watcher->watch);
}

/* After a look that went well. */
static void use_look(struct watcher *watcher)
{
	struct mb_err err;

	if (watcher->watch.n > 0 || watcher->idle || !watcher->greeted) {
		if (write_batch(watcher, &err) != MB_OK) {
			close_watcher(watcher, &err);
		}
	} else if (watcher->watch.goes_on || !repository_wait(watcher->services->repository,
							      &watcher->wait, watcher->commits)) {
		start_look(watcher);
	} else {
		watcher->waiting = true;
	}
}

/* True when all is done: the caller of this then ends the call, without the lock. */
static bool is_over(struct watcher *watcher)
{
	if (!watcher->closed || watcher->looking || watcher->waiting || watcher->writing ||
	    watcher->finished) {
		return false;
	}
	watcher->finished = true;
	return true;
}

static void end_call(struct stream_seat *seat)
{
	struct watcher *watcher = LIST_ITEM(seat, struct watcher, seat);

	rpc_call_fail(watcher->call, &watcher->end);
}

/* Unlocks. */
static void go_on(struct watcher *watcher)
{
	bool over = is_over(watcher);

	pthread_mutex_unlock(&watcher->lock);
	if (over) {
		streams_leave(&watcher->services->streams, &watcher->seat);
		end_call(&watcher->seat);
	}
}

/* Nothing more is begun, and what waits is called back. */
static void stop(struct watcher *watcher, const struct mb_err *err)
{
	close_watcher(watcher, err);
	if (watcher->waiting && repository_unwait(watcher->services->repository, &watcher->wait)) {
		watcher->waiting = false;
	}
}

static bool drain_watcher(struct stream_seat *seat)
{
	struct watcher *watcher = LIST_ITEM(seat, struct watcher, seat);
	struct mb_err err = {0};
	bool over = false;

	mb_fail(&err, MB_DRAINING,
		"the server is going down: go on at another with the last cursor");
	pthread_mutex_lock(&watcher->lock);
	if (!watcher->finished) {
		stop(watcher, &err);
		over = is_over(watcher);
	}
	pthread_mutex_unlock(&watcher->lock);
	return over;
}

static void end_look(struct repository_call *done)
{
	struct watcher *watcher = done->data;

	pthread_mutex_lock(&watcher->lock);
	watcher->looking = false;
	if (done->code != MB_OK) {
		close_watcher(watcher, &done->err);
	} else if (!watcher->closed) {
		use_look(watcher);
	}
	go_on(watcher);
}

static void woken(struct repository_wait *wait, bool idle)
{
	struct watcher *watcher = LIST_ITEM(wait, struct watcher, wait);

	pthread_mutex_lock(&watcher->lock);
	watcher->waiting = false;
	if (!watcher->closed) {
		watcher->idle |= idle;
		start_look(watcher);
	}
	go_on(watcher);
}

/* ---- the stream ---- */

static enum mb_code from_kinds(const Memberd__V1__WatchMembersRequest *request, uint32_t *out,
			       struct mb_err *err)
{
	enum mb_code code = from_transition_kinds(request->kinds, request->n_kinds, out, err);

	if (code == MB_OK && *out == 0) {
		*out = ~UINT32_C(0);
	}
	return code;
}

static enum mb_code from_members(const Memberd__V1__WatchMembersRequest *request,
				 struct arena *arena, struct repository_watch *out,
				 struct mb_err *err)
{
	int64_t *ids = arena_array(arena, request->n_member_ids, sizeof(*ids));
	enum mb_code code = MB_OK;

	if (request->n_member_ids > MEMBERS_MOST) {
		return mb_fail_field(err, MB_FIELD_INVALID, "member_ids", "must be at most %d",
				     MEMBERS_MOST);
	}
	if (ids == NULL) {
		return arena_fail(arena, err);
	}
	for (size_t i = 0; code == MB_OK && i < request->n_member_ids; i++) {
		char field[32];

		snprintf(field, sizeof(field), "member_ids[%zu]", i);
		code = from_member_id(request->member_ids[i], &ids[i], err);
		if (code != MB_OK) {
			mb_fail_field(err, code, field, "is no member id: 1 to 19 digits");
		}
	}
	out->members = ids;
	out->n_members = request->n_member_ids;
	return code;
}

static enum mb_code make_watcher(struct rpc_call *call, struct services *services,
				 const Memberd__V1__WatchMembersRequest *request,
				 struct watcher *watcher, struct mb_err *err)
{
	struct arena *arena = rpc_call_arena(call);
	struct repository_watch *watch = &watcher->watch;
	enum mb_code code = call_prepare(call, &watch->call, end_look, watcher, err);

	watcher->call = call;
	watcher->services = services;
	watcher->seat.drain = drain_watcher;
	watcher->seat.end = end_call;
	watcher->wait.cb = woken;
	watch->most = EVENTS_MOST;
	watch->events = arena_array(arena, EVENTS_MOST, sizeof(*watch->events));
	pthread_mutex_init(&watcher->lock, NULL);
	if (code == MB_OK && watch->events == NULL) {
		code = arena_fail(arena, err);
	}
	if (code == MB_OK) {
		code = read_cursor(services->repository, request->cursor, &watch->upto, err);
	}
	if (code == MB_OK) {
		code = from_kinds(request, &watch->kinds, err);
	}
	return code == MB_OK ? from_members(request, arena, watch, err) : code;
}

static void stream_open(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct services *services = data;
	struct watcher *watcher = arena_alloc(rpc_call_arena(call), sizeof(*watcher));
	struct mb_err err = {0};

	if (watcher == NULL ||
	    make_watcher(call, services, (const void *)message, watcher, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	rpc_call_set_data(call, watcher);
	if (!streams_enter(&services->streams, &watcher->seat)) {
		mb_fail(&err, MB_DRAINING, "the server is going down: watch at another");
		rpc_call_fail(call, &err);
		return;
	}
	pthread_mutex_lock(&watcher->lock);
	if (!watcher->closed) {
		start_look(watcher);
	}
	go_on(watcher);
}

static void stream_written(struct rpc_call *call, void *data)
{
	struct watcher *watcher = rpc_call_data(call);

	(void)data;
	pthread_mutex_lock(&watcher->lock);
	watcher->writing = false;
	if (!watcher->closed) {
		start_look(watcher);
	}
	go_on(watcher);
}

static void stream_cancelled(struct rpc_call *call, void *data)
{
	struct watcher *watcher = rpc_call_data(call);
	struct mb_err err = {0};

	(void)data;
	mb_fail(&err, MB_CALL_CANCELLED, "the caller watches no more");
	pthread_mutex_lock(&watcher->lock);
	if (watcher->finished) {
		pthread_mutex_unlock(&watcher->lock);
		return;
	}
	watcher->writing = false; /* it is not told any more */
	stop(watcher, &err);
	if (watcher->looking) {
		repository_cancel(watcher->services->repository, &watcher->watch.call);
	}
	go_on(watcher);
}

enum mb_code watch_members_bind(struct rpc_registry *registry, struct services *services,
				struct mb_err *err)
{
	static const struct rpc_stream_ops ops = {
		.open = stream_open, .written = stream_written, .cancelled = stream_cancelled};

	return rpc_registry_bind_stream(registry, "memberd.v1.MemberService/WatchMembers",
					&memberd__v1__watch_members_request__descriptor,
					&memberd__v1__watch_members_response__descriptor, 0, &ops,
					services, err);
}
