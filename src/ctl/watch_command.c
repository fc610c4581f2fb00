/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memberctl watch: what happens to members, a line each, for ever. A break is no end: it goes on from
 * the last cursor, and tells the cursor when it ends for good.
 */
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/exits.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "ctl/words.h"

#include "base/arena.h"
#include "base/str.h"
#include "client/client.h"
#include "memberd/v1/member_service.pb-c.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CURSOR_MOST  128
#define BACKOFF_MS   100
#define BACKOFF_MOST 5000

struct watching {
	struct ctl *ctl;
	char cursor[CURSOR_MOST]; /* to go on from; "" before the first batch */
	int64_t backoff_ms; /* before the next try */
};

static void show_event(const Memberd__V1__MemberEvent *event, FILE *out)
{
	const Memberd__V1__TierTransition *row = event->transition;
	char time[SHOW_BYTES], kind[WORDS_BYTES], from[SHOW_BYTES], to[SHOW_BYTES];

	if (row == NULL) {
		return;
	}
	fprintf(out, "%s  %s  %s", show_time(row->effective_at, time), event->member_id,
		words_from_enum(&memberd__v1__tier_transition_kind__descriptor, (int)row->kind, ' ',
				kind));
	show_ends(row, from, to);
	if (strcmp(from, to) != 0) {
		fprintf(out, "  %s to %s", from, to);
	} else {
		fprintf(out, "  %s", to);
	}
	if (row->kind != MEMBERD__V1__TIER_TRANSITION_KIND__TIER_TRANSITION_KIND_RETRACTED) {
		fprintf(out, "  score %lld", (long long)row->score);
	}
	if (event->steps_down_at != NULL) {
		fprintf(out, "  steps down %s", show_time(event->steps_down_at, time));
	}
	fputs(row->restated ? "  restated\n" : "\n", out);
}

static void show_batch(struct watching *watching, const Memberd__V1__WatchMembersResponse *batch)
{
	FILE *out = watching->ctl->out;

	if (watching->ctl->json && (batch->n_events > 0 || watching->cursor[0] == '\0')) {
		struct strbuf line = {0};

		pbjson_print(&batch->base, (struct pbjson_style){.leave_out_defaults = true},
			     &line);
		fprintf(out, "%.*s\n", (int)line.len, line.ptr);
		strbuf_fini(&line);
	}
	for (size_t i = 0; !watching->ctl->json && i < batch->n_events; i++) {
		show_event(batch->events[i], out);
	}
	fflush(out);
	if (watching->cursor[0] == '\0' && isatty(fileno(watching->ctl->err)) == 1) {
		fputs("watching; Ctrl-C ends it\n", watching->ctl->err);
	}
	snprintf(watching->cursor, sizeof(watching->cursor), "%s", batch->cursor);
	watching->backoff_ms = 0;
}

/* Until the stream ends, which it does with an error only. */
static enum mb_code read_stream(struct watching *watching, struct client_stream *stream,
				bool *may_retry, struct mb_err *err)
{
	enum mb_code code = MB_OK;

	while (code == MB_OK) {
		struct arena *arena = arena_create(NULL, 0);
		ProtobufCMessage *message = NULL;

		code = arena == NULL ? mb_fail(err, MB_OVERLOADED, "out of memory")
				     : client_stream_next(stream, arena, &message, may_retry, err);
		if (code == MB_OK && message == NULL) {
			code = mb_fail(err, MB_INTERNAL, "memberd ended the watch");
		}
		if (code == MB_OK) {
			show_batch(watching, (const Memberd__V1__WatchMembersResponse *)message);
		}
		arena_destroy(arena);
	}
	return code;
}

static void pause_before_next(struct watching *watching)
{
	struct timespec pause;

	watching->backoff_ms = watching->backoff_ms == 0 ? BACKOFF_MS : watching->backoff_ms * 2;
	if (watching->backoff_ms > BACKOFF_MOST) {
		watching->backoff_ms = BACKOFF_MOST;
	}
	pause = (struct timespec){watching->backoff_ms / 1000,
				  watching->backoff_ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

static bool goes_on(const struct watching *watching, const struct mb_err *err, bool may_retry)
{
	/* before the first batch a server that is not there is an error like any other */
	return watching->cursor[0] != '\0' &&
	       (may_retry || err->code == MB_DRAINING || err->code == MB_SERVER_UNREACHABLE);
}

/* Members are watched by their ids: who is named by an identity is looked up first. An exit code. */
static int find_members(struct ctl *ctl, char **out)
{
	for (size_t i = 0; i < ctl->flags.n_arguments; i++) {
		Memberd__V1__LookupMemberRequest request = MEMBERD__V1__LOOKUP_MEMBER_REQUEST__INIT;
		Memberd__V1__MemberRef *member = connect_member(ctl, ctl->flags.arguments[i]);
		ProtobufCMessage *answer;
		int exit_code;

		if (member == NULL) {
			return EXIT_USAGE;
		}
		if (member->ref_case == MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID) {
			out[i] = member->member_id;
			continue;
		}
		request.identity = member->identity;
		exit_code = connect_ask(ctl, "memberd.v1.MemberService/LookupMember", &request.base,
					&memberd__v1__lookup_member_response__descriptor, true,
					&answer);
		if (exit_code != EXIT_OK) {
			return exit_code;
		}
		out[i] = ((Memberd__V1__LookupMemberResponse *)answer)->member_id;
	}
	return EXIT_OK;
}

int command_watch(struct ctl *ctl)
{
	Memberd__V1__WatchMembersRequest request = MEMBERD__V1__WATCH_MEMBERS_REQUEST__INIT;
	struct watching watching = {.ctl = ctl};
	const char *cursor = ctl->flags.values[FLAG_CURSOR];
	char *ids[sizeof(ctl->flags.arguments) / sizeof(*ctl->flags.arguments)];
	struct mb_err err = {0};
	bool may_retry = false;
	int exit_code = connect_client(ctl, 10000, 0);

	if (exit_code == EXIT_OK) {
		exit_code = find_members(ctl, ids);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.cursor = (char *)(cursor != NULL ? cursor : "");
	request.member_ids = ids;
	request.n_member_ids = ctl->flags.n_arguments;
	for (;;) {
		struct client_stream *stream = NULL;

		if (client_stream_open(ctl->client, "memberd.v1.MemberService/WatchMembers",
				       &request.base,
				       &memberd__v1__watch_members_response__descriptor, &stream,
				       &err) == MB_OK) {
			read_stream(&watching, stream, &may_retry, &err);
			client_stream_close(stream);
		}
		if (!goes_on(&watching, &err, may_retry)) {
			break;
		}
		request.cursor = watching.cursor;
		pause_before_next(&watching);
	}
	if (watching.cursor[0] != '\0') {
		fprintf(ctl->err, "the last cursor: %s\n", watching.cursor);
	}
	return ctl_fail_err(ctl, &err);
}
