/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/policy_file.h"

#include "base/clock.h"
#include "base/fault.h"
#include "policy/problem.h"
#include "policy/reader.h"
#include "policy/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The tree of a file that is as large and as dense as may be. */
#define TREE_MAX ((size_t)32 * 1024 * 1024)

/* src/policy/default.yaml as bytes, made by the build. */
extern const unsigned char policy_default_yaml[];
extern const unsigned long policy_default_yaml_size;

static enum mb_code read_tree(const struct yaml_node *root, struct arena *arena,
			      const struct policy **out, struct policy_problems *problems,
			      struct mb_err *err)
{
	struct reader reader = {.arena = arena, .problems = problems};

	reader.policy = arena_alloc(arena, sizeof(*reader.policy));
	if (reader.policy != NULL) {
		reader_read(&reader, root);
	}
	if (arena_overflowed(arena)) {
		return arena_fail(arena, err);
	}
	if (problems->n > 0) {
		return mb_fail(err, MB_FIELD_INVALID, "the policy is not as it should be");
	}
	*out = reader.policy;
	return MB_OK;
}

enum mb_code policy_check(struct str text, struct arena *arena, const struct policy **out,
			  struct policy_problems *problems, struct mb_err *err)
{
	const struct yaml_node *root;
	struct arena *tree;
	enum mb_code code;

	*problems = (struct policy_problems){.n = 0};
	if (text.len > POLICY_FILE_MAX) {
		problem_add(problems, 1, 1, "", "larger than 256 KiB");
		return mb_fail(err, MB_FIELD_INVALID, "larger than 256 KiB");
	}
	tree = arena_create(NULL, TREE_MAX);
	if (tree == NULL) {
		return mb_fail(err, MB_OVERLOADED, "no memory to read a policy");
	}
	code = yaml_parse(text, tree, &root, problems, err);
	if (code == MB_OK) {
		code = read_tree(root, arena, out, problems, err);
	}
	arena_destroy(tree);
	if (code == MB_FIELD_INVALID) {
		problem_sort(problems);
	} else {
		*problems = (struct policy_problems){.n = 0};
	}
	return code;
}

enum mb_code policy_parse(struct str text, const char *name, struct arena *arena,
			  const struct policy **out, struct mb_err *err)
{
	struct policy_problems problems;
	enum mb_code code = policy_check(text, arena, out, &problems, err);
	char first[sizeof(problems.items[0].text) * 2], more[32] = "";
	struct str cut;
	size_t others;

	if (code != MB_FIELD_INVALID) {
		return code;
	}
	policy_problem_format(&problems.items[0], name, first, sizeof(first));
	cut = problem_cut(str_from(first), sizeof(err->text) - sizeof(more));
	others = problems.n - 1 + problems.unlisted;
	if (others > 0) {
		snprintf(more, sizeof(more), " (and %zu more)", others);
	}
	return mb_fail_field(err, MB_FIELD_INVALID, problems.items[0].path, "%.*s%s", STR_ARG(cut),
			     more);
}

/* Only a regular file ends by itself: another kind could hold up a start, or the loop at a reload. */
static enum mb_code open_file(const char *path, FILE **out, struct mb_err *err)
{
	int fd = FAULT("policy.open") ? (errno = EIO, -1)
				      : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;

	if (fd < 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: %s", path, strerror(errno));
	}
	if (fstat(fd, &info) == 0 && !S_ISREG(info.st_mode)) {
		close(fd);
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: not a regular file", path);
	}
	*out = fdopen(fd, "rb");
	if (*out == NULL) {
		close(fd);
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: %s", path, strerror(errno));
	}
	return MB_OK;
}

enum mb_code policy_read_file(const char *path, struct arena *arena, struct str *out,
			      struct mb_err *err)
{
	char *bytes = arena_alloc(arena, POLICY_FILE_MAX + 1);
	enum mb_code code;
	FILE *file;
	size_t len;
	bool broken;

	if (bytes == NULL) {
		return arena_fail(arena, err);
	}
	code = open_file(path, &file, err);
	if (code != MB_OK) {
		return code;
	}
	len = fread(bytes, 1, POLICY_FILE_MAX + 1, file);
	broken = FAULT("policy.read") || ferror(file) != 0;
	fclose(file);
	if (broken) {
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: cannot be read", path);
	}
	if (len == 0) {
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: the file is empty", path);
	}
	if (len > POLICY_FILE_MAX) {
		return mb_fail(err, MB_FIELD_INVALID, "%.160s: larger than 256 KiB", path);
	}
	*out = (struct str){bytes, len};
	return MB_OK;
}

struct str policy_default_text(void)
{
	return (struct str){(const char *)policy_default_yaml, policy_default_yaml_size};
}

/* ---- a sequence of versions ---- */

/* "policy version 3: zone must stay …": whole by itself, for a log that has no more than the text. */
static enum mb_code MB_PRINTF(4, 5) refuse(struct mb_err *err, const struct policy *next,
					   const char *field, const char *fmt, ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return mb_fail_field(err, MB_FIELD_INVALID, field, "policy version %d: %s %s",
			     next->version, field, text);
}

static const struct policy_rate *find_rate(const struct policy *policy, const char *currency)
{
	for (int32_t i = 0; i < policy->n_rates; i++) {
		if (strcmp(policy->rates[i].currency, currency) == 0) {
			return &policy->rates[i];
		}
	}
	return NULL;
}

/* A known currency must stay, with its minor units: ledgers hold amounts in them. */
static enum mb_code check_currencies(const struct policy *last, const struct policy *next,
				     struct mb_err *err)
{
	char field[16];

	for (int32_t i = 0; i < last->n_rates; i++) {
		const struct policy_rate *old = &last->rates[i];
		const struct policy_rate *now = find_rate(next, old->currency);

		snprintf(field, sizeof(field), "rates.%s", old->currency);
		if (now == NULL) {
			return refuse(err, next, field,
				      "must stay: version %d has it, and ledgers may",
				      last->version);
		}
		if (now->exponent != old->exponent) {
			return refuse(err, next, field,
				      "must keep its exponent of %d, as in version %d",
				      old->exponent, last->version);
		}
	}
	return MB_OK;
}

/* One that takes force before a version that is known must not bring what that one would drop. */
static enum mb_code check_later(const struct policy *later, const struct policy *next,
				struct mb_err *err)
{
	char field[16];

	for (int32_t i = 0; i < next->n_rates; i++) {
		if (find_rate(later, next->rates[i].currency) == NULL) {
			snprintf(field, sizeof(field), "rates.%s", next->rates[i].currency);
			return refuse(err, next, field,
				      "is not in version %d, which takes force later and would "
				      "drop it",
				      later->version);
		}
	}
	return MB_OK;
}

static enum mb_code check_constants(const struct policy *last, const struct policy *next,
				    struct mb_err *err)
{
	if (next->zone_minutes != last->zone_minutes) {
		return refuse(err, next, "zone",
			      "must stay as in version %d: days and months hang on it",
			      last->version);
	}
	if (strcmp(next->currency, last->currency) != 0) {
		return refuse(err, next, "currency.code", "must stay %s, as in version %d",
			      last->currency, last->version);
	}
	if (next->exponent != last->exponent) {
		return refuse(err, next, "currency.exponent", "must stay %d, as in version %d",
			      last->exponent, last->version);
	}
	if (next->protection.settlement_day != last->protection.settlement_day) {
		return refuse(err, next, "protection.settlement_day",
			      "must stay %d, as in version %d", last->protection.settlement_day,
			      last->version);
	}
	return check_currencies(last, next, err);
}

static enum mb_code check_instant(const struct policy_list *known, const struct policy *next,
				  int64_t published_at, struct mb_err *err)
{
	char since[40];

	for (size_t i = 0; i < known->n; i++) {
		if (known->versions[i]->effective_from == next->effective_from) {
			clock_format(next->effective_from, since, sizeof(since));
			return refuse(err, next, "effective_from",
				      "must be unlike that of version %d, %s",
				      known->versions[i]->version, since);
		}
	}
	if (next->effective_from < published_at) {
		clock_format(published_at, since, sizeof(since));
		return refuse(err, next, "effective_from", "must not be before its publication, %s",
			      since);
	}
	return MB_OK;
}

enum mb_code policy_check_next(const struct policy_list *known, const struct policy *next,
			       int64_t published_at, struct mb_err *err)
{
	const struct policy *last = policy_newest(known);
	int32_t number = last == NULL ? 1 : last->version + 1;
	enum mb_code code;

	if (next->version != number) {
		return refuse(err, next, "version", "must be %d, the next one, not %d", number,
			      next->version);
	}
	if (last == NULL) {
		return MB_OK;
	}
	code = check_instant(known, next, published_at, err);
	if (code == MB_OK) {
		code = check_constants(last, next, err);
	}
	for (size_t i = 0; code == MB_OK && i < known->n; i++) {
		if (known->versions[i]->effective_from > next->effective_from) {
			code = check_later(known->versions[i], next, err);
		}
	}
	return code;
}
