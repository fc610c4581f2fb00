/* SPDX-License-Identifier: Apache-2.0 */
/* policy: list, get, validate, publish; diff is in policy_diff_command.c. */
#include "ctl/policy_command.h"

#include "base/arena.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/input.h"
#include "ctl/output.h"
#include "ctl/pages.h"
#include "ctl/show.h"
#include "ctl/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE	     "memberd.v1.PolicyService/"
#define FILE_MAX     ((size_t)3 << 20) /* more than the server takes, so that it says what it takes */
#define PAGE_SIZE    200
#define DIGITS_SHOWN 12 /* of a digest; JSON has all of them */

int policy_slurp(struct ctl *ctl, const char *path, struct str *out)
{
	struct mb_err err;
	char *text, *kept;
	size_t len;

	if (input_slurp(path, FILE_MAX, &text, &len, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_NO_INPUT, "%s", err.text);
	}
	kept = arena_strndup(ctl->arena, text, len);
	free(text);
	if (kept == NULL) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	/* A protobuf string ends at a NUL, and nobody should publish half a file. */
	if (strlen(kept) != len) {
		return ctl_fail(ctl, EXIT_DATA, "%s: holds a NUL", path);
	}
	*out = (struct str){kept, len};
	return EXIT_OK;
}

int policy_ask(struct ctl *ctl, int64_t version, Memberd__V1__GetPolicyResponse **out)
{
	Memberd__V1__GetPolicyRequest request = MEMBERD__V1__GET_POLICY_REQUEST__INIT;
	ProtobufCMessage *answer;
	int exit_code;

	request.version = version;
	exit_code = connect_ask(ctl, SERVICE "GetPolicy", &request.base,
				&memberd__v1__get_policy_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK) {
		*out = (Memberd__V1__GetPolicyResponse *)answer;
		if ((*out)->policy == NULL) {
			return ctl_fail(ctl, EXIT_SOFTWARE, "an answer without a policy");
		}
	}
	return exit_code;
}

/* ---- list ---- */

static void put_version(struct table *table, const Memberd__V1__PolicyVersion *version)
{
	char text[SHOW_BYTES];

	table_cell(table, "%" PRId64, version->version);
	table_cell(table, "%s", show_time(version->effective_from, text));
	table_cell(table, "%s", version->in_force ? "yes" : "");
	table_cell(table, "%s", show_time(version->known_at, text));
	table_cell(table, "%.*s", DIGITS_SHOWN, version->digest);
}

/* One answer with the rows of all pages so far. */
static int add_page(struct ctl *ctl, Memberd__V1__ListPolicyVersionsResponse *whole,
		    const Memberd__V1__ListPolicyVersionsResponse *page)
{
	size_t n = whole->n_versions;
	Memberd__V1__PolicyVersion **rows =
		pages_join(ctl, whole->versions, n, page->versions, page->n_versions);

	if (rows == NULL) {
		return EXIT_SOFTWARE;
	}
	*whole = *page;
	whole->versions = rows;
	whole->n_versions += n;
	return EXIT_OK;
}

static int list_versions(struct ctl *ctl)
{
	static const char *const headers[] = {">version",  "in force from", "in force",
					      "published", "sha256",	    NULL};
	Memberd__V1__ListPolicyVersionsRequest request =
		MEMBERD__V1__LIST_POLICY_VERSIONS_REQUEST__INIT;
	Memberd__V1__ListPolicyVersionsResponse whole =
		MEMBERD__V1__LIST_POLICY_VERSIONS_RESPONSE__INIT;
	ProtobufCMessage *page;
	struct table table;
	int exit_code;

	request.page_size = PAGE_SIZE;
	do {
		exit_code = connect_ask(ctl, SERVICE "ListPolicyVersions", &request.base,
					&memberd__v1__list_policy_versions_response__descriptor,
					true, &page);
		if (exit_code == EXIT_OK) {
			exit_code = add_page(ctl, &whole, (const void *)page);
		}
		request.page_token = whole.next_page_token;
	} while (exit_code == EXIT_OK && request.page_token[0] != '\0');
	if (exit_code != EXIT_OK || ctl->json) {
		return exit_code != EXIT_OK ? exit_code : connect_print(ctl, &whole.base);
	}
	table_start(&table, headers);
	for (size_t i = 0; i < whole.n_versions; i++) {
		put_version(&table, whole.versions[i]);
	}
	table_print(&table, ctl->out);
	table_fini(&table);
	return EXIT_OK;
}

/* ---- get ---- */

static int get_version(struct ctl *ctl)
{
	const char *path = ctl->flags.values[FLAG_SAVE];
	Memberd__V1__GetPolicyResponse *response = NULL;
	int64_t version = 0;
	struct mb_err err;
	int exit_code;

	if (ctl->flags.n_arguments > 1 &&
	    (!str_to_i64(str_from(ctl->flags.arguments[1]), &version) || version < 1)) {
		return ctl_fail(ctl, EXIT_USAGE, "'%.32s' is no number of a version",
				ctl->flags.arguments[1]);
	}
	exit_code = policy_ask(ctl, version, &response);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (path != NULL) {
		if (output_replace(path, str_from(response->text), &err) != MB_OK) {
			return ctl_fail(ctl, EXIT_IO, "%s", err.text);
		}
		fprintf(ctl->err, "version %" PRId64 " written to %s\n", response->policy->version,
			path);
		return EXIT_OK;
	}
	if (ctl->json) {
		return connect_print(ctl, &response->base);
	}
	fputs(response->text, ctl->out);
	return EXIT_OK;
}

/* ---- validate ---- */

static void show_problems(struct ctl *ctl, const char *path,
			  const Memberd__V1__ValidatePolicyResponse *response)
{
	for (size_t i = 0; i < response->n_problems; i++) {
		const Memberd__V1__PolicyProblem *problem = response->problems[i];

		fprintf(ctl->out, "%s:%d:%d: %s%s%s\n", path, (int)problem->line,
			(int)problem->column, problem->path, problem->path[0] == '\0' ? "" : ": ",
			problem->text);
	}
	if (response->problems_unlisted > 0) {
		fprintf(ctl->out, "%s: and %" PRId64 " more\n", path, response->problems_unlisted);
	}
}

static int validate_file(struct ctl *ctl)
{
	const char *path = ctl->flags.arguments[1];
	Memberd__V1__ValidatePolicyRequest request = MEMBERD__V1__VALIDATE_POLICY_REQUEST__INIT;
	const Memberd__V1__ValidatePolicyResponse *response;
	ProtobufCMessage *answer;
	char since[SHOW_BYTES];
	struct str text;
	int exit_code = policy_slurp(ctl, path, &text);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.text = (char *)(uintptr_t)text.ptr;
	exit_code = connect_call(ctl, SERVICE "ValidatePolicy", &request.base,
				 &memberd__v1__validate_policy_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	response = (const Memberd__V1__ValidatePolicyResponse *)answer;
	if (ctl->json) {
		return response->publishable ? EXIT_OK : EXIT_NO;
	}
	if (response->n_problems > 0) {
		show_problems(ctl, path, response);
	} else if (response->publishable) {
		fprintf(ctl->out, "%s: fine: version %" PRId64 ", in force from %s\n", path,
			response->version, show_time(response->effective_from, since));
	} else {
		fprintf(ctl->out, "%s: a policy, but it cannot be published now: %s\n", path,
			response->obstacle);
	}
	return response->publishable ? EXIT_OK : EXIT_NO;
}

/* ---- publish ---- */

static int publish_file(struct ctl *ctl)
{
	Memberd__V1__PublishPolicyRequest request = MEMBERD__V1__PUBLISH_POLICY_REQUEST__INIT;
	const Memberd__V1__PolicyVersion *published;
	const char *reason = ctl->flags.values[FLAG_REASON];
	ProtobufCMessage *answer;
	char since[SHOW_BYTES];
	struct str text;
	int exit_code;

	if (reason == NULL || reason[0] == '\0') {
		return ctl_fail(ctl, EXIT_USAGE,
				"--reason TEXT is required: it stands in the audit "
				"trail");
	}
	exit_code = policy_slurp(ctl, ctl->flags.arguments[1], &text);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.text = (char *)(uintptr_t)text.ptr;
	request.reason = (char *)(uintptr_t)reason;
	request.request_id = connect_request_id(ctl);
	if (request.request_id == NULL) {
		return EXIT_SOFTWARE;
	}
	exit_code = connect_call(ctl, SERVICE "PublishPolicy", &request.base,
				 &memberd__v1__publish_policy_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK && !ctl->json) {
		published = ((const Memberd__V1__PublishPolicyResponse *)answer)->published;
		fprintf(ctl->out, "version %" PRId64 " is published, in force from %s\n",
			published->version, show_time(published->effective_from, since));
	}
	return exit_code;
}

/* ---- which ---- */

static int diff_two(struct ctl *ctl)
{
	return policy_diff_run(ctl, ctl->flags.arguments[1], ctl->flags.arguments[2]);
}

int command_policy(struct ctl *ctl)
{
	static const struct {
		const char *name;
		size_t min_arguments, max_arguments; /* itself included */
		int (*run)(struct ctl *ctl);
	} actions[] = {
		{"list", 1, 1, list_versions},	   {"get", 1, 2, get_version},
		{"validate", 2, 2, validate_file}, {"publish", 2, 2, publish_file},
		{"diff", 3, 3, diff_two},
	};
	const char *name = ctl->flags.arguments[0];
	int exit_code = connect_zone(ctl, NULL);

	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (strcmp(actions[i].name, name) == 0 &&
		    ctl->flags.n_arguments >= actions[i].min_arguments &&
		    ctl->flags.n_arguments <= actions[i].max_arguments) {
			return actions[i].run(ctl);
		}
	}
	return ctl_fail(ctl, EXIT_USAGE, "usage: memberctl policy [OPTION]... %s",
			ctl->command->arguments);
}
