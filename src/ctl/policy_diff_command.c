/* SPDX-License-Identifier: Apache-2.0 */
/* policy diff: in which values two policies differ, each a version of the server or a file. */
#include "base/arena.h"
#include "ctl/ctl.h"
#include "ctl/pbjson.h"
#include "ctl/policy_command.h"
#include "ctl/table.h"
#include "policy/diff.h"
#include "policy/policy_file.h"

#include <stdio.h>

/* What is wrong with a file, a line each; of a version nothing can be. */
static int read_policy(struct ctl *ctl, const char *name, struct str text,
		       const struct policy **out)
{
	struct policy_problems problems;
	struct strbuf told = {0};
	struct mb_err err;
	enum mb_code code = policy_check(text, ctl->arena, out, &problems, &err);

	if (code == MB_OK) {
		return EXIT_OK;
	}
	policy_problems_format(&problems, name, &told);
	if (told.len > 0 && !told.failed) {
		fputs(told.ptr, ctl->err);
	}
	strbuf_fini(&told);
	return ctl_fail(ctl, code == MB_FIELD_INVALID ? EXIT_DATA : EXIT_SOFTWARE, "%s: %s", name,
			err.text);
}

static int find_policy(struct ctl *ctl, const char *name, const struct policy **out)
{
	Memberd__V1__GetPolicyResponse *response = NULL;
	struct str text;
	int64_t version;
	int exit_code;

	if (str_to_i64(str_from(name), &version) && version > 0) {
		exit_code = policy_ask(ctl, version, &response);
		text = response != NULL ? str_from(response->text) : STR("");
	} else {
		exit_code = policy_slurp(ctl, name, &text);
	}
	return exit_code == EXIT_OK ? read_policy(ctl, name, text, out) : exit_code;
}

/* ---- showing ---- */

static void put_value(struct table *table, struct str value, const char *absent)
{
	if (value.ptr == NULL) {
		table_cell(table, "%s", absent);
	} else {
		table_cell(table, "%.*s", STR_ARG(value));
	}
}

static void show_table(struct ctl *ctl, const char *before, const char *after,
		       const struct policy_change *changes, size_t n)
{
	const char *const headers[] = {"value", before, "", after, NULL};
	struct table table;

	table_start(&table, headers);
	for (size_t i = 0; i < n; i++) {
		table_cell(&table, "%.*s", STR_ARG(changes[i].path));
		put_value(&table, changes[i].before, "(new)");
		table_cell(&table, "→");
		put_value(&table, changes[i].after, "(gone)");
	}
	table_print(&table, ctl->out);
	table_fini(&table);
}

static void print_value(struct strbuf *out, const char *name, struct str value)
{
	strbuf_printf(out, ", \"%s\": ", name);
	if (value.ptr == NULL) {
		strbuf_puts(out, "null");
	} else {
		pbjson_quote(value, out);
	}
}

static int show_json(struct ctl *ctl, const struct policy_change *changes, size_t n)
{
	struct strbuf out = {0};
	bool good;

	strbuf_puts(&out, "{\n  \"changes\": [");
	for (size_t i = 0; i < n; i++) {
		strbuf_printf(&out, "%s\n    {\"path\": ", i == 0 ? "" : ",");
		pbjson_quote(changes[i].path, &out);
		print_value(&out, "before", changes[i].before);
		print_value(&out, "after", changes[i].after);
		strbuf_putc(&out, '}');
	}
	strbuf_puts(&out, n == 0 ? "]\n}\n" : "\n  ]\n}\n");
	good = !out.failed;
	fwrite(out.ptr, 1, out.len, ctl->out);
	strbuf_fini(&out);
	return good ? EXIT_OK : ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
}

int policy_diff_run(struct ctl *ctl, const char *before, const char *after)
{
	const struct policy *a, *b;
	struct policy_change *changes;
	struct mb_err err;
	size_t n = 0;
	int exit_code = find_policy(ctl, before, &a);

	if (exit_code == EXIT_OK) {
		exit_code = find_policy(ctl, after, &b);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	if (policy_diff(a, b, ctl->arena, &changes, &n, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "%s", err.text);
	}
	if (ctl->json) {
		exit_code = show_json(ctl, changes, n);
	} else if (n > 0) {
		show_table(ctl, before, after, changes, n);
	}
	return exit_code != EXIT_OK ? exit_code : n == 0 ? EXIT_OK : EXIT_NO;
}
