/* SPDX-License-Identifier: Apache-2.0 */
/*
 * repo_bed: a repository over a store of its own, with the default policy, and calls that are waited
 * for. Everything here is for the thread of the loop. Failures of the bed itself end the process.
 */
#pragma once

#include "repository/repository.h"
#include "store_bed.h"

struct repo_bed {
	struct store_bed store;
	struct repository *repository; /* NULL when it is closed */
	struct repository_options options; /* may be changed before opening */
	struct arena *arena; /* for what calls take and answer */
	char key_file[96]; /* "" for memory */
	bool key_made;
	int next_request;
};

void repo_bed_init(struct repo_bed *bed, const char *backend);
/* Closes what is open, removes the files. */
void repo_bed_fini(struct repo_bed *bed);
enum mb_code repo_bed_open(struct repo_bed *bed, struct mb_err *err);
void repo_bed_close(struct repo_bed *bed); /* the store, too */

/* RFC 3339. */
int64_t repo_time(const char *text);
void repo_bed_set_time(struct repo_bed *bed, const char *text);

/* Waits for a call whose cb is repo_called and data is a bool. */
void repo_called(struct repository_call *call);
void repo_bed_wait(struct repo_bed *bed, const bool *called);
/* The common part of a call: arena, an admin's rights, cb. */
void repo_bed_call(struct repo_bed *bed, struct repository_call *call, bool *called);

/* Requests from beginning to end; the code of the call. */
enum mb_code repo_write(struct repo_bed *bed, struct repository_write *req);
enum mb_code repo_read(struct repo_bed *bed, struct repository_read *req);
enum mb_code repo_record(struct repo_bed *bed, struct repository_record *req);

/* Enrols ("test", external_id); must succeed. */
int64_t repo_enroll(struct repo_bed *bed, const char *external_id);
/* A request that enrols, links or unlinks ("test", external_id), under a request_id of its own. */
struct repository_write repo_write_of(struct repo_bed *bed, enum member_write_kind kind,
				      int64_t member_id, const char *external_id);
/* Reads one member by id. */
enum mb_code repo_get(struct repo_bed *bed, int64_t member_id, unsigned parts,
		      const struct member **out, struct mb_err *err);
/* An order of one goods line, completed when it was paid; key and order id are `id`. */
struct record_item repo_order(struct repo_bed *bed, int64_t member_id, const char *id,
			      int64_t occurred_at, int64_t fen);
/* For whoever begins a call while another one, which the bed waits for, has the bed's arena. */
struct record_item repo_order_in(struct arena *arena, int64_t member_id, const char *id,
				 int64_t occurred_at, int64_t fen);
/* Records one item; it must be accepted or a replay. */
void repo_record_one(struct repo_bed *bed, struct record_item *item);
