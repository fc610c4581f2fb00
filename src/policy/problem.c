/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/problem.h"

#include <stdarg.h>
#include <stdio.h>

struct str problem_cut(struct str text, size_t most)
{
	size_t len = text.len < most ? text.len : most;

	while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80) {
		len--;
	}
	return (struct str){text.ptr, len};
}

/* A copy into a field of the problem, for a protobuf string in the end: cut between characters, also
 * where a path was cut on its way here. */
static void keep_text(char *out, size_t size, const char *text)
{
	struct str kept = problem_cut(str_from(text), size - 1);

	while (!str_is_utf8(kept)) {
		kept.len--;
	}
	snprintf(out, size, "%.*s", STR_ARG(kept));
}

void problem_add(struct policy_problems *problems, int line, int column, const char *path,
		 const char *fmt, ...)
{
	struct policy_problem *problem = &problems->items[problems->n];
	char text[2 * sizeof(problem->text)];
	va_list args;

	if (problems->n == POLICY_PROBLEMS_MAX) {
		problems->unlisted++;
		return;
	}
	problems->n++;
	problem->line = line;
	problem->column = column;
	keep_text(problem->path, sizeof(problem->path), path);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	keep_text(problem->text, sizeof(problem->text), text);
}

static bool goes_before(const struct policy_problem *a, const struct policy_problem *b)
{
	return a->line < b->line || (a->line == b->line && a->column < b->column);
}

void problem_sort(struct policy_problems *problems)
{
	for (size_t i = 1; i < problems->n; i++) {
		struct policy_problem moved = problems->items[i];
		size_t at = i;

		for (; at > 0 && goes_before(&moved, &problems->items[at - 1]); at--) {
			problems->items[at] = problems->items[at - 1];
		}
		problems->items[at] = moved;
	}
}

static const char *behind_path(const struct policy_problem *problem)
{
	return problem->path[0] == '\0' ? "" : ": ";
}

void policy_problem_format(const struct policy_problem *problem, const char *name, char *out,
			   size_t size)
{
	snprintf(out, size, "%s:%d:%d: %s%s%s", name, problem->line, problem->column, problem->path,
		 behind_path(problem), problem->text);
}

void policy_problems_format(const struct policy_problems *problems, const char *name,
			    struct strbuf *out)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct policy_problem *at = &problems->items[i];

		strbuf_printf(out, "%s:%d:%d: %s%s%s\n", name, at->line, at->column, at->path,
			      behind_path(at), at->text);
	}
	if (problems->unlisted > 0) {
		strbuf_printf(out, "%s: and %zu more\n", name, problems->unlisted);
	}
}
