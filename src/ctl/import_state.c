/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/import_state.h"

#include "base/fault.h"
#include "base/str.h"
#include "ctl/input.h"
#include "ctl/output.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_BYTES_MAX 65536
#define COUNT_MAX	INT64_C(1000000000000) /* so that sums of counts are safe */

/* Takes off what is left of a character that was cut in two. */
static void cut_to_text(char *text)
{
	while (!str_is_utf8(str_from(text))) {
		text[strlen(text) - 1] = '\0';
	}
}

static void add_refusals(struct import_tally *tally, const char *reason, const char *example,
			 int64_t count)
{
	size_t i = 0;

	while (i < tally->n_refusals && strcmp(tally->refusals[i].reason, reason) != 0) {
		i++;
	}
	if (i == tally->n_refusals) {
		if (i == IMPORT_REASONS_MAX) {
			i--; /* more reasons than memberd has: count them with the last */
		} else {
			struct import_refusal *new = &tally->refusals[tally->n_refusals++];

			snprintf(new->reason, sizeof(new->reason), "%s", reason);
			snprintf(new->example, sizeof(new->example), "%s", example);
			cut_to_text(new->example);
		}
	}
	tally->refusals[i].count += count;
}

void import_tally_refuse(struct import_tally *tally, const char *reason, const char *example)
{
	add_refusals(tally, reason, example, 1);
}

void import_tally_add(struct import_tally *to, const struct import_tally *more)
{
	to->enrolled += more->enrolled;
	to->known += more->known;
	to->accepted += more->accepted;
	to->replayed += more->replayed;
	to->parked += more->parked;
	for (size_t i = 0; i < more->n_refusals; i++) {
		const struct import_refusal *refusal = &more->refusals[i];

		add_refusals(to, refusal->reason, refusal->example, refusal->count);
	}
}

static bool take_text(const json_t *json, const char *key, char *out, size_t size)
{
	const json_t *value = json_object_get(json, key);

	if (!json_is_string(value) || json_string_length(value) >= size) {
		return false;
	}
	snprintf(out, size, "%s", json_string_value(value));
	return true;
}

static bool take_number(const json_t *json, const char *key, int64_t min, int64_t max, int64_t *out)
{
	const json_t *value = json_object_get(json, key);

	*out = json_is_integer(value) ? json_integer_value(value) : 0;
	return json_is_integer(value) && *out >= min && *out <= max;
}

static bool take_count(const json_t *json, const char *key, int64_t *out)
{
	return take_number(json, key, 0, COUNT_MAX, out);
}

static bool take_refusals(const json_t *list, struct import_tally *tally)
{
	if (!json_is_array(list) || json_array_size(list) > IMPORT_REASONS_MAX) {
		return false;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct import_refusal *refusal = &tally->refusals[tally->n_refusals++];
		const json_t *item = json_array_get(list, i);

		if (!take_text(item, "reason", refusal->reason, sizeof(refusal->reason)) ||
		    !take_text(item, "example", refusal->example, sizeof(refusal->example)) ||
		    !take_number(item, "count", 1, COUNT_MAX, &refusal->count)) {
			return false;
		}
	}
	return true;
}

/* What is acknowledged is counted in one place each. */
static bool adds_up(const struct import_state *state)
{
	const struct import_tally *tally = &state->tally;
	int64_t sum = tally->enrolled + tally->known + tally->accepted + tally->replayed;

	for (size_t i = 0; i < tally->n_refusals; i++) {
		sum += tally->refusals[i].count;
	}
	return sum == state->members + state->activities &&
	       tally->parked <= tally->accepted + tally->replayed;
}

static bool take_state(const json_t *json, struct import_state *state)
{
	struct import_tally *tally = &state->tally;
	int64_t format;

	return take_number(json, "format", 1, 1, &format) &&
	       take_text(json, "fileSha256", state->file_digest, sizeof(state->file_digest)) &&
	       take_text(json, "mappingSha256", state->mapping_digest,
			 sizeof(state->mapping_digest)) &&
	       take_text(json, "storeId", state->store_id, sizeof(state->store_id)) &&
	       take_number(json, "shiftWeeks", -IMPORT_SHIFT_WEEKS_MAX, IMPORT_SHIFT_WEEKS_MAX,
			   &state->shift_weeks) &&
	       take_count(json, "members", &state->members) &&
	       take_count(json, "activities", &state->activities) &&
	       take_count(json, "enrolled", &tally->enrolled) &&
	       take_count(json, "known", &tally->known) &&
	       take_count(json, "accepted", &tally->accepted) &&
	       take_count(json, "replayed", &tally->replayed) &&
	       take_count(json, "parked", &tally->parked) &&
	       take_refusals(json_object_get(json, "refused"), tally) && adds_up(state);
}

enum mb_code import_state_read(const char *path, struct import_state *out, bool *out_found,
			       struct mb_err *err)
{
	struct import_state state = {0};
	enum mb_code code;
	json_t *json;
	char *text;
	size_t len;
	bool good;

	if (access(path, F_OK) != 0 && errno == ENOENT) {
		*out_found = false;
		return MB_OK;
	}
	code = input_slurp(path, STATE_BYTES_MAX, &text, &len, err);
	if (code != MB_OK) {
		return code;
	}
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	good = take_state(json, &state);
	json_decref(json);
	if (!good) {
		return mb_fail(err, MB_FIELD_INVALID,
			       "%s: not the state of an import: name another file for it", path);
	}
	*out = state;
	*out_found = true;
	return MB_OK;
}

static char *format_state(const struct import_state *state)
{
	const struct import_tally *tally = &state->tally;
	json_t *refused = json_array(), *json;
	char *text;

	for (size_t i = 0; i < tally->n_refusals; i++) {
		json_array_append_new(refused,
				      json_pack("{ss sI ss}", "reason", tally->refusals[i].reason,
						"count", (json_int_t)tally->refusals[i].count,
						"example", tally->refusals[i].example));
	}
	json = json_pack("{si ss ss ss sI sI sI sI sI sI sI sI so}", "format", 1, "fileSha256",
			 state->file_digest, "mappingSha256", state->mapping_digest, "storeId",
			 state->store_id, "shiftWeeks", (json_int_t)state->shift_weeks, "members",
			 (json_int_t)state->members, "activities", (json_int_t)state->activities,
			 "enrolled", (json_int_t)tally->enrolled, "known", (json_int_t)tally->known,
			 "accepted", (json_int_t)tally->accepted, "replayed",
			 (json_int_t)tally->replayed, "parked", (json_int_t)tally->parked,
			 "refused", refused);
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	return text;
}

enum mb_code import_state_write(const char *path, const struct import_state *state,
				struct mb_err *err)
{
	char *text = format_state(state);
	struct strbuf line = {0};
	enum mb_code code;

	if (text != NULL) {
		strbuf_puts(&line, text);
		strbuf_putc(&line, '\n');
	}
	code = text == NULL || line.failed ? mb_fail(err, MB_OVERLOADED, "out of memory")
					   : output_replace(path, strbuf_str(&line), err);
	free(text);
	strbuf_fini(&line);
	return code;
}
