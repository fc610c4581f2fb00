/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activities a second that a store takes durably, by how many writes wait at once:
 *
 *     store_bench [memory|sqlite [SECONDS]]
 *
 * One write is what RecordActivities does for an order of its own call: the key is looked up, then
 * entry, member and outbox are written. Members are drawn from a million; ids rise with time. The
 * database is made in /tmp: measure on the disk that counts.
 */
#include "store_bed.h"

#include "base/hash.h"
#include "domain/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MOST 256
#define MEMBERS	     1000000

struct write {
	struct bed_job job;
	int64_t number;
};

static struct store_bed bed;
static struct write writes[WAITING_MOST];
static int64_t next_number;
static uint64_t ends_at;
static long done, failed;

static enum mb_code record(struct store_job *job, struct store_view *view, struct mb_err *err)
{
	static const char payload[200] = {1};
	int64_t number = ((struct write *)job)->number;
	int64_t member_id = 1 + (int64_t)(hash_mix((uint64_t)number) % MEMBERS);
	char event[24];
	struct entry_row entry = {.member_id = member_id,
				  .entry_id = number,
				  .revision = number,
				  .kind = 10,
				  .source = STR("bench"),
				  .order_source = STR("bench"),
				  .payload = {payload, sizeof(payload)}};
	struct member_row member = {
		.member_id = member_id, .revision = number, .state_cache = {payload, 100}};
	struct outbox_row out = {.member_id = member_id, .revision = number};
	enum mb_code code;
	bool found;

	snprintf(event, sizeof(event), "e-%012lld", (long long)number);
	entry.source_event_id = entry.order_id = str_from(event);
	code = store_get_entry(view, member_id, entry.source, entry.source_event_id, NULL, &entry,
			       &found, err);
	if (code == MB_OK) {
		code = store_add_entry(view, &entry, err);
	}
	if (code == MB_OK) {
		code = store_put_member(view, &member, err);
	}
	return code == MB_OK ? store_add_outbox(view, &out, err) : code;
}

static void go_on(struct store_job *job)
{
	struct write *write = (struct write *)job;

	done += job->code == MB_OK;
	failed += job->code != MB_OK;
	write->number = ++next_number;
	if (uv_hrtime() < ends_at) {
		store_submit(bed.store, job);
	} else {
		write->job.called = 1;
	}
}

static void measure(int waiting, double seconds)
{
	uint64_t start = uv_hrtime();

	done = 0;
	ends_at = start + (uint64_t)(seconds * 1e9);
	for (int i = 0; i < waiting; i++) {
		writes[i].number = ++next_number;
		bed_job_init(&writes[i].job, STORE_WRITE, record, NULL);
		writes[i].job.job.cb = go_on;
		store_submit(bed.store, &writes[i].job.job);
	}
	for (int i = 0; i < waiting; i++) {
		store_bed_wait(&bed, &writes[i].job);
	}
	printf("%8d waiting  %10.0f activities/s\n", waiting,
	       (double)done / ((double)(uv_hrtime() - start) / 1e9));
}

int main(int argc, char **argv)
{
	static const int waiting[] = {1, 4, 16, 64, 256};
	double seconds = argc > 2 ? atof(argv[2]) : 1;
	struct mb_err err;

	store_bed_init(&bed, argc > 1 ? argv[1] : "sqlite");
	bed.clock.mode = CLOCK_SYSTEM;
	atomic_store(&bed.clock.value, 0);
	if (store_bed_open(&bed, &err) != MB_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("%s\n", store_name(bed.store));
	for (size_t i = 0; i < sizeof(waiting) / sizeof(waiting[0]); i++) {
		measure(waiting[i], seconds);
	}
	store_bed_fini(&bed);
	return failed == 0 ? 0 : 1;
}
