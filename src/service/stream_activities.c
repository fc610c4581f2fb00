/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StreamActivities: batches in, one acknowledgement for each durable one out, in the same order.
 *
 *     read ─▶ check ─▶ queued in the repository ─▶ durable ─▶ acknowledged ─▶ its place is free
 *      ▲                (at most BATCHES_IN_WORK from here …            … to here)        │
 *      └──────────────────────────────────────────────────────────────────────────────────┘
 *
 * A caller who does not read his acknowledgements is not read from: their places stay taken.
 *
 * Ending: the caller has sent all: OK. A batch that is none: INVALID_ARGUMENT. One that the store
 * refuses as a whole: its error. The server goes down: DRAINING. Each after what came before was
 * acknowledged; what was read after it may be durable, too, and is a replay when it is sent again.
 * Cancelled: what waits in the repository is withdrawn, and the call ends when all has come back.
 *
 * Threads:  callbacks of the stream on its queue's thread, of the repository on the loop, drain on a
 *           third; `lock` guards all. It is taken after that of struct streams and before that of the
 *           call. It is never destroyed: a callback that began before the stream's end may still wait
 *           for it, and it lives in the call's arena as long as such a callback runs.
 */
#include "service/calls.h"
#include "service/map.h"
#include "service/recording.h"

#include <string.h>

#define BATCHES_IN_WORK	   4
#define BATCH_ID_BYTES_MAX 128

struct intake;

/* A batch in work; in the arena of its message, which is its own. */
struct batch {
	struct recording recording;
	struct intake *intake;
	struct arena *arena;
	Memberd__V1__StreamActivitiesResponse ack;
	enum mb_code code; /* of the whole */
	struct mb_err err;
	bool done;
};

struct intake {
	struct stream_seat seat;
	struct rpc_call *call;
	struct services *services;
	struct repository_call caller; /* for whom the batches' calls are made */
	pthread_mutex_t lock;
	struct batch *batches[BATCHES_IN_WORK]; /* a ring, in the order they came */
	size_t first, n;
	bool reading; /* a message was asked for */
	bool writing; /* the acknowledgement of the first batch */
	bool closed; /* no more is read */
	bool dropping; /* what is still in work is not acknowledged any more */
	bool finished; /* somebody ends the call */
	struct mb_err end; /* how; code MB_OK: well */
};

/* ---- going on; the lock is held ---- */

static struct batch *first_batch(const struct intake *intake)
{
	return intake->batches[intake->first];
}

static void drop_first(struct intake *intake)
{
	struct batch *batch = first_batch(intake);

	intake->first = (intake->first + 1) % BATCHES_IN_WORK;
	intake->n--;
	arena_destroy(batch->arena);
}

/* err NULL: as well as it can. The first reason counts, unless one comes of an earlier batch. */
static void close_intake(struct intake *intake, const struct mb_err *err)
{
	if (!intake->closed && err != NULL) {
		intake->end = *err;
	}
	intake->closed = true;
}

static void acknowledge(struct intake *intake)
{
	struct batch *batch = first_batch(intake);

	if (batch->code == MB_OK) {
		intake->writing = true;
		rpc_stream_write(intake->call, &batch->ack.base);
		return;
	}
	intake->closed = intake->dropping = true;
	intake->end = batch->err;
}

/* Whatever can go on goes on. True when all is done: the caller of this then ends the call, without
 * the lock. */
static bool advance(struct intake *intake)
{
	if (intake->n > 0 && first_batch(intake)->done && !intake->dropping && !intake->writing) {
		acknowledge(intake);
	}
	while (intake->dropping && intake->n > 0 && first_batch(intake)->done) {
		drop_first(intake);
	}
	if (!intake->closed && !intake->reading && intake->n < BATCHES_IN_WORK) {
		intake->reading = true;
		rpc_stream_read(intake->call);
	}
	if (!intake->closed || intake->n > 0 || intake->finished) {
		return false;
	}
	intake->finished = true;
	return true;
}

static void end_call(struct stream_seat *seat)
{
	struct intake *intake = LIST_ITEM(seat, struct intake, seat);

	if (intake->end.code == MB_OK) {
		rpc_stream_end(intake->call);
	} else {
		rpc_call_fail(intake->call, &intake->end);
	}
}

/* Unlocks. */
static void go_on(struct intake *intake)
{
	bool over = advance(intake);

	pthread_mutex_unlock(&intake->lock);
	if (over) {
		streams_leave(&intake->services->streams, &intake->seat);
		end_call(&intake->seat);
	}
}

static bool drain_intake(struct stream_seat *seat)
{
	struct intake *intake = LIST_ITEM(seat, struct intake, seat);
	struct mb_err err = {0};
	bool over = false;

	mb_fail(&err, MB_DRAINING, "the server is going down: send the rest to another");
	pthread_mutex_lock(&intake->lock);
	if (!intake->finished) {
		close_intake(intake, &err);
		over = advance(intake);
	}
	pthread_mutex_unlock(&intake->lock);
	return over;
}

/* ---- a batch ---- */

static void end_batch(struct repository_call *done)
{
	struct batch *batch = done->data;
	struct intake *intake = batch->intake;

	batch->code = done->code;
	batch->err = done->err;
	if (batch->code == MB_OK) {
		batch->ack.results = recording_results(&batch->recording, batch->arena);
		batch->ack.n_results = batch->recording.record.n;
	}
	/* The activities are kept all the same; sent again they are replays. */
	if (arena_overflowed(batch->arena)) {
		batch->code = arena_fail(batch->arena, &batch->err);
	}
	pthread_mutex_lock(&intake->lock);
	batch->done = true;
	go_on(intake);
}

static enum mb_code check_batch(const Memberd__V1__StreamActivitiesRequest *request,
				struct mb_err *err)
{
	if (strlen(request->batch_id) > BATCH_ID_BYTES_MAX) {
		return mb_fail_field(err, MB_FIELD_INVALID, "batch_id", "must be at most %d bytes",
				     BATCH_ID_BYTES_MAX);
	}
	return from_batch(request->n_activities, "activities", err);
}

/* NULL when the arena, which is taken, is used up. */
static struct batch *make_batch(struct intake *intake, struct arena *arena,
				const Memberd__V1__StreamActivitiesRequest *request)
{
	struct batch *batch = arena_alloc(arena, sizeof(*batch));

	if (batch == NULL) {
		return NULL;
	}
	batch->intake = intake;
	batch->arena = arena;
	memberd__v1__stream_activities_response__init(&batch->ack);
	batch->ack.batch_id = request->batch_id;
	batch->recording.record.call.arena = arena;
	batch->recording.record.call.principal = intake->caller.principal;
	batch->recording.record.call.only_member = intake->caller.only_member;
	batch->recording.record.call.cb = end_batch;
	batch->recording.record.call.data = batch;
	return recording_make(&batch->recording, intake->call, intake->services,
			      request->activities, request->n_activities, arena) == MB_OK
		       ? batch
		       : NULL;
}

/* ---- the stream ---- */

static void stream_open(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	struct services *services = data;
	struct intake *intake = arena_alloc(rpc_call_arena(call), sizeof(*intake));
	struct mb_err err = {0};

	(void)message;
	if (intake == NULL || call_prepare(call, &intake->caller, end_batch, NULL, &err) != MB_OK) {
		call_fail(call, &err);
		return;
	}
	intake->call = call;
	intake->services = services;
	intake->seat.drain = drain_intake;
	intake->seat.end = end_call;
	pthread_mutex_init(&intake->lock, NULL);
	rpc_call_set_data(call, intake);
	if (!streams_enter(&services->streams, &intake->seat)) {
		mb_fail(&err, MB_DRAINING, "the server is going down: send it to another");
		rpc_call_fail(call, &err);
		return;
	}
	pthread_mutex_lock(&intake->lock);
	go_on(intake);
}

static void stream_message(struct rpc_call *call, const ProtobufCMessage *message, void *data)
{
	const Memberd__V1__StreamActivitiesRequest *request = (const void *)message;
	struct intake *intake = rpc_call_data(call);
	struct arena *arena = rpc_stream_take_arena(call);
	struct batch *batch = NULL;
	struct mb_err err = {0};

	(void)data;
	if (check_batch(request, &err) == MB_OK) {
		batch = make_batch(intake, arena, request);
		if (batch == NULL) {
			arena_fail(arena, &err);
		}
	}
	pthread_mutex_lock(&intake->lock);
	intake->reading = false;
	if (batch == NULL) {
		close_intake(intake, &err);
	}
	if (intake->closed) {
		arena_destroy(arena);
	} else {
		intake->batches[(intake->first + intake->n++) % BATCHES_IN_WORK] = batch;
		repository_record(intake->services->repository, &batch->recording.record);
	}
	go_on(intake);
}

static void stream_half_closed(struct rpc_call *call, void *data)
{
	struct intake *intake = rpc_call_data(call);

	(void)data;
	pthread_mutex_lock(&intake->lock);
	intake->reading = false;
	close_intake(intake, NULL);
	go_on(intake);
}

static void stream_written(struct rpc_call *call, void *data)
{
	struct intake *intake = rpc_call_data(call);

	(void)data;
	pthread_mutex_lock(&intake->lock);
	intake->writing = false;
	drop_first(intake);
	go_on(intake);
}

static void stream_cancelled(struct rpc_call *call, void *data)
{
	struct intake *intake = rpc_call_data(call);

	(void)data;
	pthread_mutex_lock(&intake->lock);
	if (intake->finished) {
		pthread_mutex_unlock(&intake->lock);
		return;
	}
	intake->reading = intake->writing = false; /* neither is told any more */
	intake->closed = intake->dropping = true;
	mb_fail(&intake->end, MB_CALL_CANCELLED, "the caller sends no more");
	for (size_t i = 0; i < intake->n; i++) {
		struct batch *batch = intake->batches[(intake->first + i) % BATCHES_IN_WORK];

		/* One whose callback has begun waits for the lock and is there still. */
		if (!batch->done) {
			repository_cancel(intake->services->repository,
					  &batch->recording.record.call);
		}
	}
	go_on(intake);
}

enum mb_code stream_activities_bind(struct rpc_registry *registry, struct services *services,
				    struct mb_err *err)
{
	static const struct rpc_stream_ops ops = {
		.open = stream_open,
		.message = stream_message,
		.half_closed = stream_half_closed,
		.written = stream_written,
		.cancelled = stream_cancelled,
	};

	return rpc_registry_bind_stream(registry, "memberd.v1.ScoringService/StreamActivities",
					&memberd__v1__stream_activities_request__descriptor,
					&memberd__v1__stream_activities_response__descriptor,
					RPC_ARENA_CAP_BATCH, &ops, services, err);
}
