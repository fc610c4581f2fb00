/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target as an ordinary test: over every file of its corpus, then over mutations of them,
 * the same ones on every run. A target says no by crashing; the sanitizers do the rest.
 *
 *     NAME_fuzz CORPUS [MUTATIONS [FIRST]]
 *
 * With FIRST each mutation's number is told before it runs, so that a crash can be called again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MOST ((size_t)64 << 10)
#define FILES_MOST 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint8_t *bytes;
	size_t size;
};

static struct input corpus[FILES_MOST];
static size_t corpus_len;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "meson.build") != 0;
}

static void read_input(const char *folder, const char *name)
{
	struct input *input = &corpus[corpus_len++];
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "rb");
	input->bytes = malloc(INPUT_MOST);
	if (file == NULL || input->bytes == NULL) {
		die(path);
	}
	input->size = fread(input->bytes, 1, INPUT_MOST, file);
	if (ferror(file) != 0) {
		die(path);
	}
	fclose(file);
}

static void read_corpus(const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, is_input, by_name);

	if (count < 0) {
		die(folder);
	}
	for (int i = 0; i < count; i++) {
		if (corpus_len < FILES_MOST) {
			read_input(folder, entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
}

/* In memory of its own size, so that ASan sees a read past the end. */
static void run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL) {
		die("malloc");
	}
	if (size > 0) {
		memcpy(copy, bytes, size);
	}
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static uint64_t seed;

static size_t roll(size_t sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return sides == 0 ? 0 : (size_t)(seed >> 11) % sides;
}

static void insert(struct input *work, size_t at, const uint8_t *bytes, size_t len)
{
	if (work->size + len > INPUT_MOST) {
		return;
	}
	memmove(work->bytes + at + len, work->bytes + at, work->size - at);
	memmove(work->bytes + at, bytes, len);
	work->size += len;
}

static void mutate(struct input *work)
{
	static const uint8_t edges[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '"', ' ', '0', ':'};
	const struct input *other = &corpus[roll(corpus_len)];
	size_t at = roll(work->size), from = roll(other->size), len;
	uint8_t piece[64];

	switch (roll(7)) {
	case 0: /* a bit */
		if (work->size > 0) {
			work->bytes[at] ^= (uint8_t)(1u << roll(8));
		}
		break;
	case 1: /* a byte that is often special */
		if (work->size > 0) {
			work->bytes[at] = edges[roll(sizeof(edges))];
		}
		break;
	case 2: /* any byte more */
		piece[0] = (uint8_t)roll(256);
		insert(work, at, piece, 1);
		break;
	case 3: /* a run less */
		len = roll(work->size - at < 32 ? work->size - at + 1 : 32);
		memmove(work->bytes + at, work->bytes + at + len, work->size - at - len);
		work->size -= len;
		break;
	case 4: /* the end cut off */
		work->size = at;
		break;
	default: /* a piece of another input */
		len = roll(other->size - from < sizeof(piece) ? other->size - from + 1
							      : sizeof(piece));
		memcpy(piece, other->bytes + from, len);
		insert(work, at, piece, len);
	}
}

static void run_mutation(size_t number, uint8_t *room)
{
	const struct input *base;
	struct input work = {room, 0};

	seed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	roll(2);
	base = &corpus[roll(corpus_len)];
	work.size = base->size;
	memcpy(work.bytes, base->bytes, base->size);
	for (size_t n = 1 + roll(8); n > 0; n--) {
		mutate(&work);
	}
	run(work.bytes, work.size);
}

int main(int argc, char **argv)
{
	size_t mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
	size_t first = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
	uint8_t *room = malloc(INPUT_MOST);

	if (argc < 2 || room == NULL) {
		fprintf(stderr, "usage: %s CORPUS [MUTATIONS [FIRST]]\n", argv[0]);
		return 64;
	}
	read_corpus(argv[1]);
	printf("1..2\n");
	for (size_t i = 0; i < corpus_len; i++) {
		run(corpus[i].bytes, corpus[i].size);
	}
	printf("%s 1 - over %zu files of the corpus\n", corpus_len > 0 ? "ok" : "not ok",
	       corpus_len);
	fflush(stdout);
	for (size_t i = first; corpus_len > 0 && i < mutations; i++) {
		if (argc > 3) {
			fprintf(stderr, "mutation %zu\n", i);
		}
		run_mutation(i, room);
	}
	printf("ok 2 - over %zu mutations\n", mutations);
	for (size_t i = 0; i < corpus_len; i++) {
		free(corpus[i].bytes);
	}
	free(room);
	return corpus_len > 0 ? 0 : 1;
}
