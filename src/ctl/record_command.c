/* SPDX-License-Identifier: Apache-2.0 */
/* record, preview: activities from JSON. */
#include "base/arena.h"
#include "client/client.h"
#include "ctl/answers.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_BYTES_MAX 4194304
#define ACTIVITIES_MAX	500

typedef Memberd__V1__RecordActivitiesRequest record_request;

static enum mb_code add_activity(struct ctl *ctl, struct str text, record_request *request,
				 struct mb_err *err)
{
	ProtobufCMessage *message;
	enum mb_code code;

	if (request->n_activities == ACTIVITIES_MAX) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "more than %d activities: record them in "
			       "several calls",
			       ACTIVITIES_MAX);
	}
	code = pbjson_parse(text, &memberd__v1__activity__descriptor, ctl->arena, &message, err);
	if (code == MB_OK) {
		request->activities[request->n_activities++] = (Memberd__V1__Activity *)message;
	}
	return code;
}

/* One activity, over as many lines as it likes, or one a line. */
static enum mb_code add_activities(struct ctl *ctl, struct str text, record_request *request,
				   struct mb_err *err)
{
	enum mb_code code = add_activity(ctl, text, request, err);
	const char *newline = memchr(text.ptr, '\n', text.len);
	int line_no = 1;

	if (code == MB_OK || newline == NULL || newline[1] != '{') {
		return code;
	}
	while (text.len > 0) {
		size_t len;

		newline = memchr(text.ptr, '\n', text.len);
		len = newline != NULL ? (size_t)(newline - text.ptr) : text.len;
		if (len > 0) {
			code = add_activity(ctl, (struct str){text.ptr, len}, request, err);
		}
		if (len > 0 && code != MB_OK) {
			struct mb_err inner = *err;

			err->field[0] = '\0';
			snprintf(err->text, sizeof(err->text), "line %d: %s%s%.180s", line_no,
				 inner.field, inner.field[0] == '\0' ? "" : ": ", inner.text);
			return code;
		}
		line_no++;
		len += newline != NULL;
		text.ptr += len;
		text.len -= len;
	}
	return MB_OK;
}

/* "was there before", "at the cap of the day" */
static void put_remark(struct table *table,
		       const Memberd__V1__RecordActivitiesResponse__Result *result)
{
	char text[SHOW_BYTES] = "", word[WORDS_BYTES];
	size_t used = 0;

	if (result->replayed) {
		used = (size_t)snprintf(text, sizeof(text), "was there before");
	}
	for (size_t i = 0; i < result->n_caps_reached && used < sizeof(text); i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i > 0	    ? ", "
					 : used > 0 ? "; at the cap of the "
						    : "at the cap of the ",
					 words_from_enum(&memberd__v1__cap__descriptor,
							 (int)result->caps_reached[i], ' ', word));
	}
	table_cell(table, "%s", text);
}

/* Whether all were taken in. */
static bool show_results(struct ctl *ctl, const record_request *request,
			 Memberd__V1__RecordActivitiesResponse__Result *const *results,
			 size_t n_results)
{
	static const char *const headers[] = {"activity", "result", "entry", "member",
					      ">score",	  "tier",   "",	     NULL};
	char word[WORDS_BYTES], tier[SHOW_BYTES];
	struct table table;
	bool all = true;

	table_start(&table, headers);
	for (size_t i = 0; i < n_results && i < request->n_activities; i++) {
		const Memberd__V1__RecordActivitiesResponse__Result *result = results[i];
		struct mb_err err = {0};
		bool good = client_read_status(result->status, &err) == MB_OK;

		all = all && good;
		table_cell(&table, "%s", request->activities[i]->source_event_id);
		table_cell(&table, "%s",
			   good ? words_from_enum(&memberd__v1__entry_state__descriptor,
						  (int)result->state, ' ', word)
				: mb_code_reason(err.code));
		table_cell(&table, "%s", good ? result->entry_id : "");
		table_cell(&table, "%s", good ? result->member_id : "");
		if (good) {
			table_cell(&table, "%" PRId64, result->score);
			table_cell(&table, "%s", show_tier(result->tier, tier));
			put_remark(&table, result);
		} else {
			table_cell(&table, "%s", "");
			table_cell(&table, "%s", "");
			table_cell(&table, "%s%s%s", err.field, err.field[0] != '\0' ? ": " : "",
				   err.text);
		}
	}
	if (!ctl->json) {
		table_print(&table, ctl->out);
	}
	table_fini(&table);
	return all;
}

/* Of the file named, or of standard input; an exit code. */
static int read_activities(struct ctl *ctl, record_request *request)
{
	const char *path = ctl->flags.n_arguments > 0 ? ctl->flags.arguments[0] : "-";
	struct mb_err err = {0};
	enum mb_code code;
	char *text;
	size_t len;

	if (input_slurp(path, INPUT_BYTES_MAX, &text, &len, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_NO_INPUT, "%s", err.text);
	}
	if (strspn(text, " \t\r\n") == len) {
		free(text);
		return ctl_fail(ctl, EXIT_DATA, "%s holds no activity", input_name(path));
	}
	code = add_activities(ctl, (struct str){text, len}, request, &err);
	free(text);
	return code == MB_OK ? EXIT_OK : ctl_fail_in(ctl, path, &err);
}

int command_record(struct ctl *ctl)
{
	record_request request = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	const Memberd__V1__RecordActivitiesResponse *response;
	Memberd__V1__Activity *activities[ACTIVITIES_MAX];
	ProtobufCMessage *answer;
	int exit_code;

	request.activities = activities;
	exit_code = read_activities(ctl, &request);
	if (exit_code == EXIT_OK) {
		exit_code = connect_call(
			ctl, "memberd.v1.ScoringService/RecordActivities", &request.base,
			&memberd__v1__record_activities_response__descriptor, true, &answer);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__RecordActivitiesResponse *)answer;
	return show_results(ctl, &request, response->results, response->n_results) ? EXIT_OK
										   : EXIT_NO;
}

int command_preview(struct ctl *ctl)
{
	Memberd__V1__PreviewScoreRequest request = MEMBERD__V1__PREVIEW_SCORE_REQUEST__INIT;
	record_request read = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	const Memberd__V1__PreviewScoreResponse *response;
	Memberd__V1__Activity *activities[ACTIVITIES_MAX];
	ProtobufCMessage *answer;
	int exit_code;
	bool all;

	read.activities = activities;
	exit_code = read_activities(ctl, &read);
	if (exit_code == EXIT_OK) {
		request.member = activities[0]->member;
		request.activities = activities;
		request.n_activities = read.n_activities;
		exit_code = connect_zone(ctl, request.member);
	}
	if (exit_code == EXIT_OK) {
		exit_code = connect_call(
			ctl, "memberd.v1.ScoringService/PreviewScore", &request.base,
			&memberd__v1__preview_score_response__descriptor, true, &answer);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__PreviewScoreResponse *)answer;
	all = show_results(ctl, &read, response->results, response->n_results);
	if (!ctl->json && response->after != NULL) {
		fputs("\nwith them, nothing of which is stored:\n", ctl->out);
		show_score_answer(ctl, response->after);
	}
	return all ? EXIT_OK : EXIT_NO;
}
