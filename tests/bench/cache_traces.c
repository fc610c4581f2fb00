/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_traces.h"

#include "base/hash.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zstd.h>

#define SCAN_EVERY 200000

/* ---- drawn ---- */

static double *sums_of_zipf(double alpha)
{
	double *sums = malloc(TRACE_MEMBERS * sizeof(*sums)), sum = 0;

	assert(sums != NULL);
	for (int i = 0; i < TRACE_MEMBERS; i++) {
		sum += pow(i + 1, -alpha);
		sums[i] = sum;
	}
	return sums;
}

static uint32_t draw_rank(const double *sums, uint64_t *seed)
{
	double at = (double)(hash_draw(seed) >> 11) * 0x1p-53 * sums[TRACE_MEMBERS - 1];
	uint32_t low = 0, high = TRACE_MEMBERS - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sums[middle] <= at) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

void trace_draw(struct trace *out, double alpha, enum mixture mixture)
{
	static const char *const mixtures[] = {"", "_wonders", "_scans"};
	double *sums = sums_of_zipf(alpha);
	uint64_t seed = 42;
	uint32_t once = TRACE_MEMBERS, scanned = TRACE_MEMBERS;

	*out = (struct trace){.n = TRACE_REQUESTS, .counted_from = TRACE_REQUESTS / 4};
	snprintf(out->name, sizeof(out->name), "zipf_%.1f%s", alpha, mixtures[mixture]);
	out->keys = malloc(out->n * sizeof(*out->keys));
	assert(out->keys != NULL);
	for (size_t i = 0; i < out->n; i++) {
		if (mixture == MIXTURE_SCANS && i % SCAN_EVERY == SCAN_EVERY / 2) {
			scanned = 0;
		}
		if (scanned < TRACE_MEMBERS / 4) {
			/* ranks from everywhere: a walk by id does not know who is popular */
			out->keys[i] = scanned++ * 4 + 3;
		} else if (mixture == MIXTURE_WONDERS && hash_draw(&seed) % 5 == 0) {
			out->keys[i] = once++;
		} else {
			out->keys[i] = draw_rank(sums, &seed);
		}
	}
	out->n_keys = once;
	free(sums);
}

/* ---- read ---- */

struct request {
	int64_t time;
	size_t line;
	char member[32], order[32];
};

static const struct {
	const char *name, *path;
	int member, order, time;
} logs[TRACE_LOGS] = {
#define X(name, path, member, order, time) {#name, path, member, order, time},
	LOGS(X)
#undef X
};

/* The whole text, ended by NUL; NULL when there is no such file. */
static char *read_text(const char *folder, const char *path)
{
	char name[4096], *packed, *text;
	unsigned long long len;
	size_t n;
	FILE *file;

	snprintf(name, sizeof(name), "%s/%s", folder, path);
	file = fopen(name, "rb");
	if (file == NULL) {
		return NULL;
	}
	fseek(file, 0, SEEK_END);
	n = (size_t)ftell(file);
	rewind(file);
	packed = malloc(n);
	assert(packed != NULL && fread(packed, 1, n, file) == n);
	fclose(file);
	len = ZSTD_getFrameContentSize(packed, n);
	assert(len < 1ull << 32);
	text = malloc(len + 1);
	assert(text != NULL && ZSTD_decompress(text, len, packed, n) == len);
	text[len] = '\0';
	free(packed);
	return text;
}

/* A field of a line without its end. Only fields before or behind the quoted ones are asked for. */
static void copy_field(const char *line, int column, char out[32])
{
	const char *at = line, *end;

	if (column < 0) {
		at = line + strlen(line);
		for (; column < 0 && at > line; at--) {
			column += at[-1] == ',';
		}
		at += at[0] == ',';
	}
	for (; column > 0 && at != NULL; column--) {
		at = strchr(at, ',');
		at = at == NULL ? NULL : at + 1;
	}
	if (at == NULL) {
		at = "";
	}
	end = at + strcspn(at, ",\r");
	snprintf(out, 32, "%.*s", (int)(end - at), at);
}

static int by_time(const void *a, const void *b)
{
	const struct request *left = a, *right = b;

	if (left->time != right->time) {
		return left->time < right->time ? -1 : 1;
	}
	return left->line < right->line ? -1 : left->line > right->line;
}

static int by_member(const void *a, const void *b)
{
	const struct request *left = a, *right = b;
	int order = strcmp(left->member, right->member);

	return order != 0 ? order : by_time(a, b);
}

static size_t parse(char *text, int log, struct request *requests)
{
	size_t n = 0, number = 0;

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		struct request *request = &requests[n];
		char time[32] = "0";

		number++;
		copy_field(line, logs[log].member, request->member);
		copy_field(line, logs[log].order < 0 ? 0 : logs[log].order, request->order);
		if (logs[log].time >= 0) {
			copy_field(line, logs[log].time, time);
		}
		request->time = atoll(time);
		request->line = number;
		if (request->member[0] == '\0' || strstr(request->member, "User") != NULL ||
		    strstr(request->member, "Customer") != NULL ||
		    (logs[log].order >= 0 && n > 0 &&
		     strcmp(request->order, requests[n - 1].order) == 0)) {
			continue;
		}
		n++;
	}
	return n;
}

bool trace_read(struct trace *out, int log, const char *const folders[2])
{
	char *text = NULL;
	struct request *requests;
	size_t lines = 1, key = 0;

	for (int i = 0; i < 2 && text == NULL; i++) {
		text = folders[i] == NULL ? NULL : read_text(folders[i], logs[log].path);
	}
	*out = (struct trace){0};
	snprintf(out->name, sizeof(out->name), "%s", logs[log].name);
	if (text == NULL) {
		return false;
	}
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
		lines++;
	}
	requests = calloc(lines, sizeof(*requests));
	assert(requests != NULL);
	out->n = parse(text, log, requests);
	out->keys = malloc(lines * sizeof(*out->keys));
	assert(out->keys != NULL);
	qsort(requests, out->n, sizeof(*requests), by_time);
	for (size_t i = 0; i < out->n; i++) {
		requests[i].time = (int64_t)i; /* its place from here on */
	}
	qsort(requests, out->n, sizeof(*requests), by_member);
	for (size_t i = 0; i < out->n; i++) {
		key += i > 0 && strcmp(requests[i].member, requests[i - 1].member) != 0;
		out->keys[requests[i].time] = (uint32_t)key;
	}
	out->n_keys = key + 1;
	free(requests);
	free(text);
	return true;
}

void trace_fini(struct trace *trace)
{
	free(trace->keys);
}
