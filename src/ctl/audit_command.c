/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit: list and verify the trail of what people decided, which only ever grows.
 */
#include "base/clock.h"
#include "client/client.h"
#include "ctl/audit_chain.h"
#include "ctl/clean.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/pages.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "memberd/v1/audit_service.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MOST 500 /* the server's */
#define ROW_FORM  "%-27s  %-19s  %-24s  %-18s  %s\n"

typedef Memberd__V1__ListAuditRecordsResponse audit_page;
/* False ends the walk. */
typedef bool audit_row_fn(const Memberd__V1__AuditRecord *record, void *data);

struct walk {
	Memberd__V1__MemberRef *member; /* NULL: all */
	audit_row_fn *row;
	void *data;
	bool ended; /* by row */
};

/* ---- walking ---- */

static int walk_page(struct ctl *ctl, char *token, const char **next, void *data)
{
	Memberd__V1__ListAuditRecordsRequest request =
		MEMBERD__V1__LIST_AUDIT_RECORDS_REQUEST__INIT;
	struct walk *walk = data;
	const audit_page *page;
	ProtobufCMessage *answer;
	int exit_code;

	request.member = walk->member;
	request.page_size = PAGE_MOST;
	request.page_token = token;
	exit_code =
		connect_ask(ctl, "memberd.v1.AuditService/ListAuditRecords", &request.base,
			    &memberd__v1__list_audit_records_response__descriptor, true, &answer);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	page = (const audit_page *)answer;
	for (size_t i = 0; !walk->ended && i < page->n_records; i++) {
		walk->ended = !walk->row(page->records[i], walk->data);
	}
	if (!walk->ended) {
		*next = page->next_page_token;
	}
	return EXIT_OK;
}

/* ---- list ---- */

struct listing {
	struct ctl *ctl;
	bool headed, failed;
};

static bool list_row(const Memberd__V1__AuditRecord *record, void *data)
{
	struct listing *listing = data;
	struct ctl *ctl = listing->ctl;
	struct strbuf line = {0};
	char when[SHOW_BYTES];

	if (ctl->json) {
		pbjson_print(&record->base, (struct pbjson_style){0}, &line);
	} else {
		if (!listing->headed) {
			fprintf(ctl->out, ROW_FORM, "when", "member", "who", "what", "detail");
			listing->headed = true;
		}
		strbuf_printf(&line, ROW_FORM, show_time(record->known_at, when),
			      record->member_id[0] != '\0' ? record->member_id : "-", record->actor,
			      record->action, record->detail);
		line.len -= !line.failed; /* its line end */
		if (!line.failed) {
			line.ptr[line.len] = '\0';
		}
	}
	listing->failed = line.failed;
	if (!line.failed) {
		clean_text(line.ptr);
		fprintf(ctl->out, "%s\n", line.ptr);
	}
	strbuf_fini(&line);
	return !listing->failed;
}

static int list_records(struct ctl *ctl)
{
	struct listing listing = {.ctl = ctl};
	struct walk walk = {.row = list_row, .data = &listing};
	int exit_code;

	if (ctl->flags.n_arguments > 1) {
		walk.member = connect_member(ctl, ctl->flags.arguments[1]);
		if (walk.member == NULL) {
			return EXIT_USAGE;
		}
	}
	exit_code = connect_zone(ctl, walk.member);
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	exit_code = pages_walk(ctl, walk_page, &walk);
	if (listing.failed) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	if (exit_code == EXIT_OK && !ctl->json && !listing.headed) {
		fputs("nothing was decided\n", ctl->out);
	}
	return exit_code;
}

/* ---- verify ---- */

struct verifying {
	struct ctl *ctl;
	const char *path; /* of the heads; NULL: none */
	bool found;
	char store_id[65]; /* of the file */
	struct chain_head remembered[CHAIN_BUCKETS];
	struct chain chain;
};

static struct str bytes_of(ProtobufCBinaryData data)
{
	return (struct str){(const char *)data.data, data.len};
}

static bool verify_row(const Memberd__V1__AuditRecord *record, void *data)
{
	struct verifying *verifying = data;
	const Google__Protobuf__Timestamp *at = record->known_at;
	struct chain_record row = {
		.vb = record->vb,
		.seq = record->seq,
		.known_at = at == NULL ? 0 : at->seconds * US_PER_SECOND + at->nanos / 1000,
		.actor = str_from(record->actor),
		.action = str_from(record->action),
		.detail = str_from(record->detail),
		.prev = bytes_of(record->prev),
		.hash = bytes_of(record->hash),
	};

	if (record->member_id[0] != '\0' &&
	    !str_to_id(str_from(record->member_id), &row.member_id)) {
		row.member_id = -1; /* of no record that was written */
	}
	return chain_add(&verifying->chain, &row);
}

static int show_verified(struct verifying *verifying, bool good)
{
	const struct chain *chain = &verifying->chain;
	FILE *out = verifying->ctl->out;

	if (verifying->ctl->json && good) {
		fprintf(out,
			"{\"good\": true, \"records\": %" PRId64 ", \"buckets\": %" PRId64 "}\n",
			chain->records, chain->buckets);
	} else if (verifying->ctl->json) {
		fprintf(out,
			"{\"good\": false, \"records\": %" PRId64 ", \"buckets\": %" PRId64
			", \"vb\": %d, \"seq\": %" PRId64 ", \"problem\": \"%s\"}\n",
			chain->records, chain->buckets, (int)chain->broken_vb, chain->broken_seq,
			chain->problem);
	} else if (good) {
		fprintf(out, "%" PRId64 " record%s in %" PRId64 " bucket%s: every chain holds\n",
			chain->records, chain->records == 1 ? "" : "s", chain->buckets,
			chain->buckets == 1 ? "" : "s");
	} else {
		fprintf(out,
			"broken: bucket %d, record %" PRId64 ": %s\n%" PRId64
			" records before it hold\n",
			(int)chain->broken_vb, chain->broken_seq, chain->problem, chain->records);
	}
	return good ? EXIT_OK : EXIT_NO;
}

/* Another store has other chains, which is no tampering but is not to be overlooked, either. */
static int check_store(struct verifying *verifying)
{
	const char *told = client_store_id(verifying->ctl->client);

	if (verifying->found && strcmp(told, verifying->store_id) != 0) {
		return ctl_fail(verifying->ctl, EXIT_DATA,
				"%s is of the store %s, and the server has %s: if it was restored "
				"with --new-store-id, start with a new file",
				verifying->path, verifying->store_id, told);
	}
	snprintf(verifying->store_id, sizeof(verifying->store_id), "%s", told);
	return EXIT_OK;
}

static int verify(struct verifying *verifying)
{
	struct ctl *ctl = verifying->ctl;
	struct walk walk = {.row = verify_row, .data = verifying};
	struct mb_err err;
	bool good;
	int exit_code;

	if (verifying->path != NULL &&
	    heads_read(verifying->path, verifying->store_id, verifying->remembered,
		       &verifying->found, &err) != MB_OK) {
		return ctl_fail(ctl, EXIT_DATA, "%s", err.text);
	}
	verifying->chain.remembered = verifying->found ? verifying->remembered : NULL;
	exit_code = pages_walk(ctl, walk_page, &walk);
	if (exit_code == EXIT_OK) {
		exit_code = check_store(verifying);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	good = !walk.ended && chain_end(&verifying->chain);
	if (good && verifying->path != NULL &&
	    heads_write(verifying->path, verifying->store_id, verifying->chain.heads, &err) !=
		    MB_OK) {
		return ctl_fail(ctl, EXIT_IO, "%s", err.text);
	}
	return show_verified(verifying, good);
}

static int verify_records(struct ctl *ctl)
{
	struct verifying *verifying = calloc(1, sizeof(*verifying));
	int exit_code;

	if (verifying == NULL) {
		return ctl_fail(ctl, EXIT_SOFTWARE, "out of memory");
	}
	verifying->ctl = ctl;
	verifying->path = ctl->flags.values[FLAG_HEADS];
	exit_code = verify(verifying);
	free(verifying);
	return exit_code;
}

int command_audit(struct ctl *ctl)
{
	const char *name = ctl->flags.arguments[0];

	if (strcmp(name, "list") == 0 && !flags_has(&ctl->flags, FLAG_HEADS)) {
		return list_records(ctl);
	}
	if (strcmp(name, "verify") == 0 && ctl->flags.n_arguments == 1) {
		return verify_records(ctl);
	}
	return ctl_fail(ctl, EXIT_USAGE, "usage: memberctl audit [OPTION]... %s",
			ctl->command->arguments);
}
