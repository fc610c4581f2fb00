/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls about a member with a long ledger cost, against calls that do nearly nothing:
 *
 *     member_bench TARGET ADMIN_PORT PID JSON_FILE [ENTRIES]
 *
 * TARGET is a memberd that serves the default policy to anybody, ADMIN_PORT where its metrics are,
 * PID its process, all on this machine. A
 * member gets ENTRIES activities of 14 months through the API; then pairs of blocks of calls are
 * made, one block of the call that is measured, one of what it is measured against, in turn, so that
 * whatever else the machine does falls on both. CPU is that of all threads of PID (schedstat).
 *
 * Prints a table and writes each figure as a line of JSON: name, value, unit; ratio and against
 * where there is a second call: the median over the pairs for CPU, that of the percentiles for
 * latency.
 */
#include "bench_ledger.h"
#include "client/client.h"
#include "grpc/health/v1/health.pb-c.h"
#include "memberd/v1/member_service.pb-c.h"
#include "memberd/v1/scoring_service.pb-c.h"

#include "base/clock.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES_READ	 "\nmemberd_ledger_entries_read_total "
#define PAIRS		 11
#define BATCH		 500
#define ENTRIES		 10000
#define SAMPLES_MAX	 10000
#define FRESH_MEMBERS	 ((PAIRS + 1) * RECORDS_A_BLOCK)
#define READS_A_BLOCK	 40
#define HEALTH_A_BLOCK	 500
#define PROGRESS_A_BLOCK 5
#define RECORDS_A_BLOCK	 20

/* One kind of call, and what was seen of it. */
struct series {
	const char *name;
	int calls_a_block;
	void (*call)(struct series *series);
	int64_t ns[SAMPLES_MAX];
	size_t n;
	double cpu_us[PAIRS]; /* a call */
	double entries[PAIRS]; /* of ledgers, read from the store for a call */
};

static struct client *client;
static const char *pid;
static int admin_port;
static FILE *json;
static char heavy[24];
static char fresh[FRESH_MEMBERS][24];
static size_t next_fresh, next_event;
static int64_t now_s;

static void fail(const char *what, const struct mb_err *err)
{
	fprintf(stderr, "member_bench: %s: %s\n", what, err->text);
	exit(1);
}

/* ---- calls ---- */

static ProtobufCMessage *call(const char *method, const ProtobufCMessage *request,
			      const ProtobufCMessageDescriptor *type, struct arena *arena)
{
	ProtobufCMessage *response = NULL;
	struct mb_err err = {0};

	if (client_call(client, method, request, type, false, arena, &response, &err) != MB_OK) {
		fail(method, &err);
	}
	return response;
}

static void check_health(struct series *series)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct arena *arena = arena_create(NULL, 0);

	(void)series;
	call("grpc.health.v1.Health/Check", &request.base,
	     &grpc__health__v1__health_check_response__descriptor, arena);
	arena_destroy(arena);
}

static void ask(const char *method, const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *type)
{
	struct arena *arena = arena_create(NULL, 0);

	call(method, request, type, arena);
	arena_destroy(arena);
}

static Memberd__V1__MemberRef *ref_to(Memberd__V1__MemberRef *ref, char *member_id)
{
	memberd__v1__member_ref__init(ref);
	ref->ref_case = MEMBERD__V1__MEMBER_REF__REF_MEMBER_ID;
	ref->member_id = member_id;
	return ref;
}

static void get_score(struct series *series)
{
	Memberd__V1__GetScoreRequest request = MEMBERD__V1__GET_SCORE_REQUEST__INIT;
	Memberd__V1__MemberRef ref;

	(void)series;
	request.member = ref_to(&ref, heavy);
	ask("memberd.v1.ScoringService/GetScore", &request.base,
	    &memberd__v1__get_score_response__descriptor);
}

static void get_progress(struct series *series)
{
	Memberd__V1__GetTierProgressRequest request = MEMBERD__V1__GET_TIER_PROGRESS_REQUEST__INIT;
	Memberd__V1__MemberRef ref;

	(void)series;
	request.member = ref_to(&ref, heavy);
	ask("memberd.v1.ScoringService/GetTierProgress", &request.base,
	    &memberd__v1__get_tier_progress_response__descriptor);
}

static void record(const Memberd__V1__RecordActivitiesRequest *request)
{
	struct arena *arena = arena_create(NULL, 0);
	const Memberd__V1__RecordActivitiesResponse *response =
		(const void *)call("memberd.v1.ScoringService/RecordActivities", &request->base,
				   &memberd__v1__record_activities_response__descriptor, arena);

	for (size_t i = 0; i < response->n_results; i++) {
		struct mb_err err = {0};

		if (client_read_status(response->results[i]->status, &err) != MB_OK) {
			fail(request->activities[i]->source_event_id, &err);
		}
	}
	arena_destroy(arena);
}

static void record_one(char *member_id)
{
	Memberd__V1__RecordActivitiesRequest request = MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
	struct arena *arena = arena_create(NULL, 0);
	Memberd__V1__MemberRef ref;
	Memberd__V1__Activity *activity =
		bench_order(arena, ref_to(&ref, member_id), 1000000 + next_event++, now_s);

	request.n_activities = 1;
	request.activities = &activity;
	record(&request);
	arena_destroy(arena);
}

static void record_heavy(struct series *series)
{
	(void)series;
	record_one(heavy);
}

static void record_fresh(struct series *series)
{
	(void)series;
	record_one(fresh[next_fresh++]);
}

/* ---- making members ---- */

static void enroll(const char *name, char out[24])
{
	Memberd__V1__EnrollMemberRequest request = MEMBERD__V1__ENROLL_MEMBER_REQUEST__INIT;
	Memberd__V1__Identity identity = MEMBERD__V1__IDENTITY__INIT;
	struct arena *arena = arena_create(NULL, 0);
	const Memberd__V1__EnrollMemberResponse *response;
	static int requests;
	char uuid[40];

	snprintf(uuid, sizeof(uuid), "00000000-0000-4000-8000-%012d", ++requests);
	identity.issuer = (char *)"bench";
	identity.external_id = (char *)name;
	request.request_id = uuid;
	request.identity = &identity;
	response = (const void *)call("memberd.v1.MemberService/EnrollMember", &request.base,
				      &memberd__v1__enroll_member_response__descriptor, arena);
	snprintf(out, 24, "%s", response->member->member_id);
	arena_destroy(arena);
}

static void load(size_t entries)
{
	Memberd__V1__MemberRef ref, other;

	ref_to(&ref, heavy);
	ref_to(&other, fresh[0]);
	for (size_t done = 0; done < entries;) {
		Memberd__V1__RecordActivitiesRequest request =
			MEMBERD__V1__RECORD_ACTIVITIES_REQUEST__INIT;
		Memberd__V1__Activity *activities[BATCH];
		struct arena *arena = arena_create(NULL, 0);

		request.activities = activities;
		while (done < entries && request.n_activities < BATCH) {
			activities[request.n_activities++] =
				bench_activity(arena, &ref, &other, done, entries, now_s);
			done++;
		}
		record(&request);
		arena_destroy(arena);
	}
}

/* ---- measuring ---- */

static int64_t elapsed_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Of all threads, from /proc. */
static int64_t cpu_ns(void)
{
	char path[300];
	int64_t sum = 0, ns;
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/task/%.20s/schedstat", pid, entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (file != NULL) {
			sum += fscanf(file, "%" SCNd64, &ns) == 1 ? ns : 0;
			fclose(file);
		}
	}
	if (tasks != NULL) {
		closedir(tasks);
	}
	return sum;
}

/* A counter of /metrics; 0 when there is none of that name. */
static double read_metric(const char *name)
{
	static char text[1 << 18];
	static const char request[] = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)admin_port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t used = 0;
	ssize_t n = 1;
	const char *at;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    write(fd, request, sizeof(request) - 1) != (ssize_t)sizeof(request) - 1) {
		fprintf(stderr, "member_bench: no metrics on port %d\n", admin_port);
		exit(1);
	}
	while (n > 0 && used < sizeof(text) - 1) {
		n = read(fd, text + used, sizeof(text) - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	close(fd);
	at = strstr(text, name);
	return at == NULL ? 0 : strtod(at + strlen(name), NULL);
}

static void run_block(struct series *series, int pair)
{
	double entries = read_metric(ENTRIES_READ);
	int64_t cpu = cpu_ns();

	for (int i = 0; i < series->calls_a_block; i++) {
		int64_t start = elapsed_ns();

		series->call(series);
		if (pair >= 0 && series->n < SAMPLES_MAX) {
			series->ns[series->n++] = elapsed_ns() - start;
		}
	}
	if (pair >= 0) {
		series->cpu_us[pair] =
			(double)(cpu_ns() - cpu) / 1000 / (double)series->calls_a_block;
		series->entries[pair] =
			(read_metric(ENTRIES_READ) - entries) / (double)series->calls_a_block;
	}
}

/* One pair more than is looked at: the first warms both up. */
static void run_pairs(struct series *a, struct series *b)
{
	for (int pair = -1; pair < PAIRS; pair++) {
		run_block(a, pair);
		run_block(b, pair);
	}
}

/* ---- telling ---- */

static int compare_ns(const void *a, const void *b)
{
	const int64_t *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static int compare_double(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return *left < *right ? -1 : *left > *right;
}

static double percentile_us(struct series *series, int percent)
{
	qsort(series->ns, series->n, sizeof(series->ns[0]), compare_ns);
	return (double)series->ns[(series->n - 1) * (size_t)percent / 100] / 1000;
}

static double median(const double values[PAIRS])
{
	double sorted[PAIRS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, PAIRS, sizeof(sorted[0]), compare_double);
	return sorted[PAIRS / 2];
}

/* ratio 0: against nothing. */
static void tell(const char *series, const char *what, double value, const char *unit, double ratio,
		 const char *against)
{
	fprintf(json, "{\"name\": \"%s_%s\", \"value\": %.3f, \"unit\": \"%s\"", series, what,
		value, unit);
	printf("%-18s %-12s %12.1f %-8s", series, what, value, unit);
	if (ratio > 0) {
		fprintf(json, ", \"ratio\": %.3f, \"against\": \"%s_%s\"", ratio, against, what);
		printf("  %8.2f x %s", ratio, against);
	}
	fputs("}\n", json);
	putchar('\n');
}

/* b's own figures only when it is first met. */
static void tell_pair(struct series *a, struct series *b, bool first)
{
	static const int percents[] = {50, 99};
	double ratios[PAIRS];

	for (size_t i = 0; i < 2; i++) {
		char what[8];
		double mine = percentile_us(a, percents[i]), other = percentile_us(b, percents[i]);

		snprintf(what, sizeof(what), "p%d", percents[i]);
		tell(a->name, what, mine, "us", mine / other, b->name);
		if (first) {
			tell(b->name, what, other, "us", 0, NULL);
		}
	}
	for (int i = 0; i < PAIRS; i++) {
		ratios[i] = a->cpu_us[i] / b->cpu_us[i];
	}
	tell(a->name, "cpu", median(a->cpu_us), "us", median(ratios), b->name);
	tell(a->name, "entries_read", median(a->entries), "entries", 0, NULL);
	if (first) {
		tell(b->name, "cpu", median(b->cpu_us), "us", 0, NULL);
		tell(b->name, "entries_read", median(b->entries), "entries", 0, NULL);
	}
}

static void compare(const char *name, void (*measured)(struct series *), int calls,
		    const char *against, void (*other)(struct series *), int other_calls,
		    bool first)
{
	static struct series a, b;

	a = (struct series){.name = name, .call = measured, .calls_a_block = calls};
	b = (struct series){.name = against, .call = other, .calls_a_block = other_calls};
	run_pairs(&a, &b);
	tell_pair(&a, &b, first);
}

int main(int argc, char **argv)
{
	size_t entries = argc > 5 ? strtoul(argv[5], NULL, 10) : ENTRIES;
	struct mb_err err = {0};
	int64_t start;
	char name[32];

	if (argc < 5 || (json = fopen(argv[4], "w")) == NULL ||
	    client_create(argv[1], NULL, &client, &err) != MB_OK) {
		fprintf(stderr,
			"usage: member_bench TARGET ADMIN_PORT PID JSON_FILE [ENTRIES]\n%s\n",
			err.text);
		return 64;
	}
	admin_port = atoi(argv[2]);
	pid = argv[3];
	now_s = (int64_t)time(NULL);
	enroll("heavy", heavy);
	for (size_t i = 0; i < FRESH_MEMBERS; i++) {
		snprintf(name, sizeof(name), "fresh-%zu", i);
		enroll(name, fresh[i]);
	}
	start = elapsed_ns();
	load(entries);
	tell("load", "rate", (double)entries * 1e9 / (double)(elapsed_ns() - start), "activities/s",
	     0, NULL);
	compare("get_score", get_score, READS_A_BLOCK, "health", check_health, HEALTH_A_BLOCK,
		true);
	compare("record_heavy", record_heavy, RECORDS_A_BLOCK, "record_fresh", record_fresh,
		RECORDS_A_BLOCK, true);
	compare("get_tier_progress", get_progress, PROGRESS_A_BLOCK, "get_score", get_score,
		PROGRESS_A_BLOCK, false);
	client_destroy(client);
	return fclose(json) == 0 ? 0 : 1;
}
