/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_bench: what the process's cache is worth and what it costs.
 *
 *     cache_bench [--json FILE] [--data DIR] [ratio] [time] [memory]     without a word: all three
 *
 *     ratio    hit ratios of LRU, SIEVE and S3-FIFO by the book and of the cache itself, over members
 *              drawn by Zipf, with members asked for once among them, with scans; and over real logs.
 *              These are looked for in DIR (tests/data, where none is said), then in
 *              $MEMBERD_TEST_DATA; those that are not there are left out with a word
 *     time     nanoseconds of CPU of a look-up, one member or a random one of a million, each waiting for the
 *              one before, or in groups, as they are and expected (cache_expect()); on one thread and on two;
 *              of a miss, of a fill, of a tell
 *     memory   bytes a member, all in: by the resident size of this process, and by the cache's word
 *
 * --json writes one object a line: name, value, unit and, where there is something to compare with,
 * ratio and against. For a build of -Dbuildtype=release; takes half a minute.
 */
#include "cache_traces.h"

#include "base/clock.h"
#include "cache/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MEMBERS	      1000000
#define LOOKUPS	      3000000
#define ROUNDS	      5
#define THREADS	      2
#define GROUP_MEMBERS 32
#define BENCH_SEED    UINT64_C(6364136223846793005)

static FILE *json;

static void tell_figure(const char *name, double value, const char *unit, double ratio,
			const char *against)
{
	if (json == NULL) {
		return;
	}
	fprintf(json, "{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"", name, value, unit);
	if (against != NULL) {
		fprintf(json, ", \"ratio\": %.3f, \"against\": \"%s\"", ratio, against);
	}
	fputs("}\n", json);
}

/* ---- hit ratios ---- */

static void compare_policies(const struct trace *trace)
{
	static const double shares[] = {0.01, 0.05, 0.2};
	size_t members = trace->n_keys < TRACE_MEMBERS ? trace->n_keys : TRACE_MEMBERS;

	for (size_t s = 0; s < sizeof(shares) / sizeof(shares[0]); s++) {
		size_t size = (size_t)((double)members * shares[s]);
		double percent[POLICIES_END];
		char against[128];

		printf("%-20s %8zu", trace->name, size);
		for (int kind = 0; kind < POLICIES_END; kind++) {
			char name[128];

			percent[kind] = 100.0 *
					(double)policy_hits((enum policy_kind)kind, trace, size) /
					(double)(trace->n - trace->counted_from);
			printf(" %8.2f", percent[kind]);
			snprintf(name, sizeof(name), "cache_ratio_%s_of_%zu_%s", trace->name, size,
				 policy_names[kind]);
			tell_figure(name, percent[kind], "%", percent[kind] / percent[0],
				    kind == 0 ? NULL : against);
			if (kind == 0) {
				memcpy(against, name, sizeof(against));
			}
		}
		putchar('\n');
		fflush(stdout);
	}
}

static void bench_ratio(const char *data)
{
	const char *folders[2] = {data, getenv("MEMBERD_TEST_DATA")};
	struct trace trace;

	printf("%-20s %8s", "hits, %", "records");
	for (int kind = 0; kind < POLICIES_END; kind++) {
		printf(" %8s", policy_names[kind]);
	}
	putchar('\n');
	for (int mixture = MIXTURE_NONE; mixture <= MIXTURE_SCANS; mixture++) {
		for (int tenths = 7; tenths <= 11; tenths += mixture == MIXTURE_NONE ? 1 : 2) {
			trace_draw(&trace, tenths / 10.0, (enum mixture)mixture);
			compare_policies(&trace);
			trace_fini(&trace);
		}
	}
	for (int log = 0; log < TRACE_LOGS; log++) {
		if (trace_read(&trace, log, folders)) {
			printf("%s: %zu requests, %zu members\n", trace.name, trace.n,
			       trace.n_keys);
			compare_policies(&trace);
			trace_fini(&trace);
		} else {
			printf("%s: not here\n", trace.name);
		}
	}
}

/* ---- time ---- */

/* As long as a member's with some changes ahead. */
static struct hot_bytes some_record(int64_t member_id, int64_t revision)
{
	struct hot_state state = {.tier = TIER_BRONZE,
				  .shown = TIER_BRONZE,
				  .level = LEVEL_STANDARD,
				  .credibility = 9000,
				  .points = 500};
	struct hot_record record = {.member_id = member_id,
				    .revision = revision,
				    .policy_newest = 1,
				    .projected_at = 1000,
				    .good_until = INT64_MAX,
				    .now = state,
				    .n_changes = 8};
	struct hot_bytes bytes;

	for (size_t i = 0; i < record.n_changes; i++) {
		state.points += 77;
		record.changes[i] = (struct hot_change){(int64_t)(i + 1) * US_PER_DAY, state};
	}
	hot_encode(&record, &bytes);
	return bytes;
}

static struct cache *fill_all(void)
{
	struct cache *cache = NULL;
	struct mb_err err;
	struct hot_bytes bytes;

	if (cache_create(&(struct cache_options){(size_t)256 << 20, 1000}, &cache, &err) != MB_OK) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	for (int64_t id = 1; id <= MEMBERS; id++) {
		bytes = some_record(id, 1);
		cache_fill(cache, id, cache_mark(cache, id), &bytes);
	}
	return cache;
}

enum work { HOT, RANDOM, GROUP, EXPECTED, MISS, TELL, FILL, WORKS };

static const char *const work_names[WORKS] = {"hot",  "random", "group", "expected",
					      "miss", "tell",	"fill"};

struct worker {
	pthread_t thread;
	struct cache *cache;
	enum work work;
	uint64_t seed;
	int64_t found, n;
	double ns;
	const struct hot_bytes *record;
};

/* Of this thread alone, so that what else the machine does falls out. */
static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int64_t member_of(uint64_t x)
{
	return 1 + (int64_t)(((x >> 33) * MEMBERS) >> 31);
}

/* As many random members at a time as a batch looks at, who are known before the first is looked up. */
static void run_groups(struct worker *worker)
{
	uint64_t x = worker->seed;
	struct hot_bytes out;

	for (int64_t i = 0; i < worker->n; i += GROUP_MEMBERS) {
		int64_t ids[GROUP_MEMBERS];

		for (int k = 0; k < GROUP_MEMBERS; k++) {
			ids[k] = member_of(x);
			x = x * BENCH_SEED + 1;
		}
		if (worker->work == EXPECTED) {
			cache_expect(worker->cache, ids, GROUP_MEMBERS);
		}
		for (int k = 0; k < GROUP_MEMBERS; k++) {
			worker->found += cache_get(worker->cache, ids[k], &out) == CACHE_HIT;
		}
	}
}

static void run_single(struct worker *worker)
{
	uint64_t x = worker->seed;
	struct hot_bytes out = {0};

	for (int64_t i = 0; i < worker->n; i++) {
		/* what was found goes into who comes next, so no two overlap */
		int64_t id = member_of(x);

		x = x * BENCH_SEED + 1 + out.len;
		switch (worker->work) {
		case TELL:
			cache_tell(worker->cache, id, worker->record);
			break;
		case FILL: /* of one who is not there; somebody goes */
			id += (int64_t)(x & 0xffffff) * MEMBERS + MEMBERS;
			worker->found += cache_fill(worker->cache, id,
						    cache_mark(worker->cache, id), worker->record);
			break;
		default:
			id = worker->work == HOT    ? 7 + out.len - out.len
			     : worker->work == MISS ? id + 5 * (int64_t)MEMBERS
						    : id;
			worker->found += cache_get(worker->cache, id, &out) == CACHE_HIT;
			break;
		}
	}
}

static void *run(void *data)
{
	struct worker *worker = data;
	double begin = cpu_ns();

	if (worker->work == GROUP || worker->work == EXPECTED) {
		run_groups(worker);
	} else {
		run_single(worker);
	}
	worker->ns = (cpu_ns() - begin) / (double)worker->n;
	return NULL;
}

/* What one look into memory costs here: a random line of as many bytes as the cache has, each waiting
 * for the one before. It is the unit that look-ups are told in. */
static double time_of_memory(void)
{
	size_t bytes = (size_t)256 << 20, lines = bytes / 64;
	unsigned char *map =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile unsigned char *memory = map;
	uint64_t x = 1;
	double begin;

	if (map == MAP_FAILED) {
		exit(1);
	}
	madvise(map, bytes, MADV_HUGEPAGE);
	memset(map, 1, bytes);
	begin = cpu_ns();
	for (int64_t i = 0; i < LOOKUPS; i++) {
		x = x * BENCH_SEED + memory[((x >> 33) * lines >> 31) * 64];
	}
	begin = cpu_ns() - begin;
	munmap(map, bytes);
	return begin / LOOKUPS;
}

static int cmp_times(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* Nanoseconds of one, on each of so many threads at once; the median of some rounds. */
static double time_of(struct cache *cache, enum work work, int threads)
{
	struct hot_bytes record = some_record(1, 1);
	double times[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		struct worker workers[THREADS];

		times[round] = 0;
		for (int i = 0; i < threads; i++) {
			workers[i] = (struct worker){.cache = cache,
						     .work = work,
						     .seed = (uint64_t)(round * 10 + i) << 40,
						     .n = work <= MISS ? LOOKUPS : LOOKUPS / 5,
						     .record = &record};
			if (pthread_create(&workers[i].thread, NULL, run, &workers[i]) != 0) {
				exit(1);
			}
		}
		for (int i = 0; i < threads; i++) {
			pthread_join(workers[i].thread, NULL);
			times[round] += workers[i].ns / threads;
		}
	}
	qsort(times, ROUNDS, sizeof(times[0]), cmp_times);
	return times[ROUNDS / 2];
}

static void bench_time(void)
{
	double memory = time_of_memory();
	struct cache *cache = fill_all();

	printf("\nns, %d members, record of %d bytes\n", MEMBERS, some_record(1, 1).len);
	printf("a random line of memory %8.1f\n", memory);
	tell_figure("cache_line_of_memory", memory, "ns", 0, NULL);
	for (int work = HOT; work < WORKS; work++) {
		for (int threads = 1; threads <= THREADS; threads++) {
			double ns = time_of(cache, (enum work)work, threads);
			char name[64];

			snprintf(name, sizeof(name), "cache_%s_%d_threads", work_names[work],
				 threads);
			printf("%-8s %d thread%s %8.1f\n", work_names[work], threads,
			       threads > 1 ? "s" : " ", ns);
			tell_figure(name, ns, "ns", ns / memory, "cache_line_of_memory");
		}
	}
	cache_destroy(cache);
}

/* ---- memory ---- */

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = 0;

	if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
		exit(1);
	}
	fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void bench_memory(void)
{
	double before = resident_bytes(), bytes;
	struct cache *cache = fill_all();
	struct cache_figures figures;

	cache_figures(cache, &figures);
	bytes = (resident_bytes() - before) / (double)figures.entries;
	printf("\n%.1f bytes a member resident, %.1f by its own word (%lld of %lld there)\n", bytes,
	       (double)figures.bytes / (double)figures.entries, (long long)figures.entries,
	       (long long)figures.capacity);
	tell_figure("cache_bytes_a_member", bytes, "bytes", 0, NULL);
	cache_destroy(cache);
}

int main(int argc, char **argv)
{
	const char *data = "tests/data";
	bool all = true, ratio = false, time = false, memory = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0 && i + 1 < argc) {
			json = fopen(argv[++i], "w");
			if (json == NULL) {
				perror(argv[i]);
				return 1;
			}
		} else if (strcmp(argv[i], "--data") == 0 && i + 1 < argc) {
			data = argv[++i];
		} else if (strcmp(argv[i], "ratio") == 0) {
			ratio = true, all = false;
		} else if (strcmp(argv[i], "time") == 0) {
			time = true, all = false;
		} else if (strcmp(argv[i], "memory") == 0) {
			memory = true, all = false;
		} else {
			fprintf(stderr, "cache_bench [--json FILE] [--data DIR] [ratio] [time] "
					"[memory]\n");
			return 64;
		}
	}
	if (all || memory) {
		bench_memory();
	}
	if (all || time) {
		bench_time();
	}
	if (all || ratio) {
		bench_ratio(data);
	}
	return json != NULL && fclose(json) != 0;
}
