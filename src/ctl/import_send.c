/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sending half of an import: members first, then orders, then what names them.
 *
 *     batches:   acknowledged | done | in flight | done | in flight | not yet made
 *                             ▲ base                                ▲ next
 *
 * Up to `in_flight` calls run at once and may end in any order; the state only ever names what lies
 * below `base`, so that everything above it is sent again after a break. Sending again is safe: an
 * activity's key and an enrolment's request_id depend on nothing but the log and the store.
 * Between orders and what names them the window runs empty once.
 *
 * Failure modes: what an item's own status says is counted and the import goes on; a call that fails
 * (its repetitions included) ends it: the calls under way are waited for, the state is written, and
 * the next run goes on from there.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "client/client.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/import_impl.h"
#include "ctl/mapping.h"
#include "ctl/progress.h"
#include "ctl/wire.h"
#include "grpc/health/v1/health.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX	  64
#define BATCH_ITEMS	  500
#define BATCH_LINES	  4000 /* keeps a batch well below a message's and an arena's limits */
#define CALL_TIMEOUT_MS	  60000 /* a server that is started again meanwhile is no reason to stop */
#define CALL_ATTEMPTS	  1000
#define STATE_INTERVAL_NS INT64_C(250000000)

struct batch {
	struct client_call call;
	struct arena *arena;
	size_t first, n; /* items */
	bool done;
	struct import_tally tally;
};

struct sender;

/* What one phase sends. */
struct phase {
	const char *what;
	size_t total;
	int64_t *done; /* in the state */
	/* Makes the call for the items from batch->first on. */
	enum mb_code (*make)(struct sender *sender, struct batch *batch);
	/* Counts the answer. A code ends the import. */
	enum mb_code (*settle)(struct sender *sender, struct batch *batch, struct mb_err *err);
	/* Whether an item has to wait for all before it; may be NULL. */
	bool (*waits)(const struct sender *sender, size_t item);
};

struct sender {
	struct import *import;
	const struct phase *phase;
	struct batch *batches; /* a ring of `window` */
	size_t window;
	size_t base, next; /* numbers of batches */
	size_t item; /* the first that is in no batch yet */
	int64_t state_written_ns;
	bool state_lost; /* what failed is the writing of the state */
	struct progress progress;
	struct mb_err err; /* the first failure */
};

/* ---- members ---- */

static enum mb_code make_enrolment(struct sender *sender, struct batch *batch)
{
	const struct import *import = sender->import;
	struct str id = import->plan.members[batch->first];
	struct str parts[] = {STR("memberctl import"), str_from(import->state.store_id),
			      import->mapping->issuer, id};
	Memberd__V1__EnrollMemberRequest *request = arena_alloc(batch->arena, sizeof(*request));
	Memberd__V1__Identity *identity = arena_alloc(batch->arena, sizeof(*identity));
	char *uuid = arena_alloc(batch->arena, UUID_BYTES);

	if (request == NULL || identity == NULL || uuid == NULL || !sha256_uuid(parts, 4, uuid)) {
		return mb_fail(&sender->err, MB_INTERNAL, "out of memory");
	}
	memberd__v1__identity__init(identity);
	identity->issuer = (char *)(uintptr_t)import->mapping->issuer.ptr;
	identity->external_id = (char *)(uintptr_t)id.ptr;
	memberd__v1__enroll_member_request__init(request);
	request->request_id = uuid;
	request->identity = identity;
	batch->n = 1;
	batch->call.method = "memberd.v1.MemberService/EnrollMember";
	batch->call.request = &request->base;
	batch->call.response_type = &memberd__v1__enroll_member_response__descriptor;
	return MB_OK;
}

static enum mb_code settle_enrolment(struct sender *sender, struct batch *batch, struct mb_err *err)
{
	const struct mb_err *told = &batch->call.err;
	struct str id = sender->import->plan.members[batch->first];
	char example[128];

	switch (told->code) {
	case MB_OK:
		batch->tally.enrolled++;
		return MB_OK;
	case MB_IDENTITY_TAKEN:
		/* by this import's request_id of more than 30 days ago, or by anyone: activities
		 * name the identity, so whose it is need not be asked (a producer may not) */
		batch->tally.known++;
		return MB_OK;
	case MB_FIELD_INVALID:
		snprintf(example, sizeof(example), "member %.*s: %s", STR_ARG(id), told->text);
		import_tally_refuse(&batch->tally, mb_code_reason(told->code), example);
		return MB_OK;
	default:
		*err = *told;
		return told->code;
	}
}

/* ---- activities ---- */

static size_t count_items(const struct plan *plan, size_t first)
{
	size_t n = 0, lines = 0;

	while (first + n < plan->n && n < BATCH_ITEMS &&
	       (n == 0 || first + n != plan_first_naming(plan)) &&
	       (n == 0 || lines + plan->activities[first + n].n_lines <= BATCH_LINES)) {
		lines += plan->activities[first + n].n_lines;
		n++;
	}
	return n;
}

static enum mb_code make_recording(struct sender *sender, struct batch *batch)
{
	const struct import *import = sender->import;
	Memberd__V1__RecordActivitiesRequest *request = arena_alloc(batch->arena, sizeof(*request));
	size_t n = count_items(&import->plan, batch->first);
	bool good = request != NULL;

	if (good) {
		memberd__v1__record_activities_request__init(request);
		request->n_activities = n;
		request->activities = arena_array(batch->arena, n, sizeof(*request->activities));
		good = request->activities != NULL;
	}
	for (size_t i = 0; good && i < n; i++) {
		request->activities[i] =
			wire_activity(import->mapping, &import->plan, batch->first + i,
				      import_shift_us(import), batch->arena);
		good = request->activities[i] != NULL;
	}
	if (!good) {
		return mb_fail(&sender->err, MB_INTERNAL, "out of memory");
	}
	batch->n = n;
	batch->call.method = "memberd.v1.ScoringService/RecordActivities";
	batch->call.request = &request->base;
	batch->call.response_type = &memberd__v1__record_activities_response__descriptor;
	return MB_OK;
}

static enum mb_code settle_item(struct sender *sender, struct batch *batch, size_t i,
				const Memberd__V1__RecordActivitiesResponse__Result *result,
				struct mb_err *err)
{
	char key[PLAN_KEY_BYTES], example[PLAN_KEY_BYTES + sizeof(err->text) + 8];
	struct mb_err told = {0};

	if (client_read_status(result->status, &told) == MB_OK) {
		batch->tally.accepted += !result->replayed;
		batch->tally.replayed += result->replayed;
		batch->tally.parked +=
			result->state == MEMBERD__V1__ENTRY_STATE__ENTRY_STATE_PARKED;
		return MB_OK;
	}
	plan_key(&sender->import->plan.activities[batch->first + i], key);
	snprintf(example, sizeof(example), "%s: %s", key, told.text);
	import_tally_refuse(&batch->tally, mb_code_reason(told.code), example);
	if (sender->import->strict) {
		*err = told;
		snprintf(err->text, sizeof(err->text), "%s", example);
		return told.code;
	}
	return MB_OK;
}

static enum mb_code settle_recording(struct sender *sender, struct batch *batch, struct mb_err *err)
{
	const Memberd__V1__RecordActivitiesResponse *response =
		(const Memberd__V1__RecordActivitiesResponse *)batch->call.response;
	enum mb_code code = MB_OK;

	if (batch->call.err.code != MB_OK) {
		*err = batch->call.err;
		return err->code;
	}
	if (response->n_results != batch->n) {
		return mb_fail(err, MB_INTERNAL, "memberd answered %zu results for %zu activities",
			       response->n_results, batch->n);
	}
	for (size_t i = 0; i < batch->n && code == MB_OK; i++) {
		code = settle_item(sender, batch, i, response->results[i], err);
	}
	return code;
}

static bool waits_for_orders(const struct sender *sender, size_t item)
{
	return item == plan_first_naming(&sender->import->plan);
}

/* ---- the window ---- */

static enum mb_code write_state(struct sender *sender)
{
	const struct import *import = sender->import;
	enum mb_code code = MB_OK;

	sender->state_written_ns = clock_monotonic_ns();
	if (import->state_file != NULL) {
		code = import_state_write(import->state_file, &import->state, &sender->err);
	}
	sender->state_lost = code != MB_OK;
	return code;
}

/* A server that is started again on another store knows nothing of what was acknowledged. */
static enum mb_code check_store(struct sender *sender)
{
	const char *told = client_store_id(sender->import->ctl->client);

	if (strcmp(told, sender->import->state.store_id) == 0) {
		return MB_OK;
	}
	return mb_fail(&sender->err, MB_FIELD_INVALID,
		       "the server has another store now (%.32s) than the import began with "
		       "(%.32s): begin anew without the state",
		       told, sender->import->state.store_id);
}

static enum mb_code submit_batch(struct sender *sender)
{
	struct batch *batch = &sender->batches[sender->next % sender->window];
	enum mb_code code;

	*batch = (struct batch){.first = sender->item, .arena = arena_create(NULL, 0)};
	if (batch->arena == NULL) {
		return mb_fail(&sender->err, MB_INTERNAL, "out of memory");
	}
	batch->call.arena = batch->arena;
	batch->call.repeatable = true;
	batch->call.data = batch;
	code = sender->phase->make(sender, batch);
	if (code == MB_OK) {
		code = client_submit(sender->import->ctl->client, &batch->call, &sender->err);
	}
	if (code != MB_OK) {
		arena_destroy(batch->arena);
		return code;
	}
	sender->item += batch->n;
	sender->next++;
	return MB_OK;
}

/* Fills the window as far as it may be. */
static enum mb_code submit_batches(struct sender *sender)
{
	const struct phase *phase = sender->phase;
	enum mb_code code = MB_OK;

	while (code == MB_OK && sender->item < phase->total &&
	       sender->next - sender->base < sender->window &&
	       (sender->next == sender->base || phase->waits == NULL ||
		!phase->waits(sender, sender->item))) {
		code = submit_batch(sender);
	}
	return code;
}

/* Moves base over what is done, into the state. */
static void acknowledge(struct sender *sender)
{
	struct import_state *state = &sender->import->state;

	while (sender->base < sender->next && sender->batches[sender->base % sender->window].done) {
		const struct batch *batch = &sender->batches[sender->base % sender->window];

		import_tally_add(&state->tally, &batch->tally);
		*sender->phase->done += (int64_t)batch->n;
		sender->base++;
	}
}

/* Waits for one call and counts it. After a failure nothing more is counted as done. */
static enum mb_code settle_one(struct sender *sender)
{
	struct client_call *call = client_wait(sender->import->ctl->client, -1);
	struct batch *batch;
	struct mb_err err;
	enum mb_code code;

	assert(call != NULL); /* batches are under way */
	batch = call->data;
	code = check_store(sender);
	if (code == MB_OK) {
		code = sender->phase->settle(sender, batch, &err);
		if (code != MB_OK) {
			sender->err = err;
		}
	}
	arena_destroy(batch->arena);
	batch->arena = NULL;
	batch->done = code == MB_OK;
	return code;
}

/* The calls under way after a failure: those that end well before the first gap still count. */
static void drain(struct sender *sender)
{
	struct mb_err first = sender->err;

	while (client_pending(sender->import->ctl->client) > 0) {
		settle_one(sender);
	}
	sender->err = first;
	acknowledge(sender);
}

static enum mb_code run_phase(struct sender *sender, const struct phase *phase)
{
	enum mb_code code = MB_OK;

	sender->phase = phase;
	sender->base = sender->next = 0;
	sender->item = (size_t)*phase->done;
	progress_start(&sender->progress, sender->import->ctl->err, phase->what, sender->item,
		       phase->total);
	while (code == MB_OK && (size_t)*phase->done < phase->total) {
		code = submit_batches(sender);
		if (code == MB_OK) {
			code = settle_one(sender);
		}
		acknowledge(sender);
		progress_update(&sender->progress, (size_t)*phase->done);
		if (code == MB_OK &&
		    clock_monotonic_ns() - sender->state_written_ns >= STATE_INTERVAL_NS) {
			code = write_state(sender);
		}
	}
	drain(sender);
	progress_end(&sender->progress);
	return code;
}

static enum mb_code run_phases(struct sender *sender)
{
	struct import *import = sender->import;
	const struct phase members = {
		"members",	import->plan.n_members, &import->state.members,
		make_enrolment, settle_enrolment,	NULL};
	const struct phase activities = {
		"activities",	import->plan.n,	  &import->state.activities,
		make_recording, settle_recording, waits_for_orders};
	enum mb_code code = run_phase(sender, &members);

	return code == MB_OK ? run_phase(sender, &activities) : code;
}

/* ---- the beginning and the end ---- */

enum mb_code import_resume(struct import *import, bool shift_given, struct mb_err *err)
{
	struct import_state state = {.shift_weeks = import->shift_weeks};

	if (import->state_file != NULL) {
		enum mb_code code =
			import_state_read(import->state_file, &state, &import->resumed, err);

		if (code != MB_OK) {
			return code;
		}
	}
	if (!import->resumed) {
		memcpy(state.file_digest, import->intake.digest, sizeof(state.file_digest));
		memcpy(state.mapping_digest, import->mapping->digest, sizeof(state.mapping_digest));
	} else if (strcmp(state.file_digest, import->intake.digest) != 0) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s is the state of the import of another file: give this one a "
			       "state of its own",
			       import->state_file);
	} else if (strcmp(state.mapping_digest, import->mapping->digest) != 0) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s is the state of an import by another mapping: a changed "
			       "mapping needs a state and a source of its own",
			       import->state_file);
	} else if (shift_given && state.shift_weeks != import->shift_weeks) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s is the state of an import that moved the log by %lld weeks: "
			       "the rest must move alike",
			       import->state_file, (long long)state.shift_weeks);
	}
	if ((size_t)state.members > import->plan.n_members ||
	    (size_t)state.activities > import->plan.n) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s claims more than this file has: give it a state of its own",
			       import->state_file);
	}
	import->state = state;
	import->shift_weeks = state.shift_weeks;
	return MB_OK;
}

/* Asks for the server's health, which everybody may: its answer names the store. */
static int meet_server(struct import *import)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct ctl *ctl = import->ctl;
	ProtobufCMessage *response;
	struct mb_err err;
	const char *store_id;
	int exit_code = connect_client(ctl, CALL_TIMEOUT_MS, CALL_ATTEMPTS);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	/* not repeated: who is not there at the start is told so at once */
	if (client_call(ctl->client, "grpc.health.v1.Health/Check", &request.base,
			&grpc__health__v1__health_check_response__descriptor, false, ctl->arena,
			&response, &err) != MB_OK) {
		return ctl_fail_err(ctl, &err);
	}
	store_id = client_store_id(ctl->client);
	if (import->resumed && strcmp(import->state.store_id, store_id) != 0) {
		return ctl_fail(ctl, EXIT_DATA,
				"%s is the state of an import into another store (%.32s) than this "
				"server's (%.32s): give this one a state of its own",
				import->state_file, import->state.store_id, store_id);
	}
	snprintf(import->state.store_id, sizeof(import->state.store_id), "%s", store_id);
	return EXIT_OK;
}

/* Says what failed, how far it came, and how to go on. */
static int tell_break(const struct import *import, const struct mb_err *err, bool state_lost)
{
	struct ctl *ctl = import->ctl;
	int exit_code = ctl_fail_err(ctl, err);

	fprintf(ctl->err, "%lld of %zu members and %lld of %zu activities are acknowledged; ",
		(long long)import->state.members, import->plan.n_members,
		(long long)import->state.activities, import->plan.n);
	if (import->state_file != NULL) {
		fputs("the same command again goes on from there\n", ctl->err);
	} else {
		fprintf(ctl->err,
			"the same command with --shift-weeks %lld begins anew and changes nothing "
			"twice (with --state FILE it would go on from there)\n",
			(long long)import->shift_weeks);
	}
	return state_lost ? EXIT_IO : exit_code;
}

static int run_sender(struct sender *sender)
{
	struct import *import = sender->import;
	enum mb_code code;
	struct mb_err first;
	bool lost;

	if (write_state(sender) != MB_OK) {
		return ctl_fail(import->ctl, EXIT_IO, "%s", sender->err.text);
	}
	code = run_phases(sender);
	first = sender->err;
	lost = sender->state_lost;
	/* also after a failure: what was acknowledged meanwhile is worth keeping */
	if (write_state(sender) != MB_OK && code == MB_OK) {
		return tell_break(import, &sender->err, true);
	}
	import->sent = code == MB_OK;
	return code == MB_OK ? EXIT_OK : tell_break(import, &first, lost);
}

int import_send(struct import *import, int64_t in_flight)
{
	struct sender sender = {.import = import, .window = (size_t)in_flight};
	int exit_code = meet_server(import);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	sender.batches = calloc(sender.window, sizeof(*sender.batches));
	if (sender.batches == NULL) {
		return ctl_fail(import->ctl, EXIT_SOFTWARE, "out of memory");
	}
	exit_code = run_sender(&sender);
	free(sender.batches);
	return exit_code;
}
