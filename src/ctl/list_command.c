/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members: everybody, page by page, printed as they come: there may be millions, so no page outlives
 * the next one and columns have fixed places.
 */
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/pages.h"
#include "ctl/pbjson.h"
#include "ctl/show.h"
#include "ctl/words.h"
#include "memberd/v1/member_service.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_MOST     200 /* the server's */
#define ROW_FORM_HEAD "%-19s  %-9s  %-13s  %10s\n"
#define ROW_FORM_LINE "%-19s  %-9s  %-13s  %10" PRId64 "%s\n"

typedef Memberd__V1__ListMembersResponse listed_page;

struct listing {
	struct ctl *ctl;
	int64_t left; /* of --limit */
	bool headed;
	Memberd__V1__ListMembersRequest request;
};

/* What an operator looks for first, behind a gap; empty for most. */
static const char *remark(const Memberd__V1__Standing *standing)
{
	if (standing->at_risk) {
		return "  at risk";
	}
	return standing->below_keep ? "  below keep" : "";
}

static void print_row(struct listing *listing, const Memberd__V1__Member *member)
{
	char state[WORDS_BYTES], tier[SHOW_BYTES];

	if (!listing->headed) {
		fprintf(listing->ctl->out, ROW_FORM_HEAD, "member", "state", "tier", "score");
		listing->headed = true;
	}
	fprintf(listing->ctl->out, ROW_FORM_LINE, member->member_id,
		words_from_enum(&memberd__v1__member_state__descriptor, (int)member->state, ' ',
				state),
		show_tier(member->standing->tier, tier), member->standing->score,
		remark(member->standing));
}

static int print_page(struct listing *listing, const listed_page *page)
{
	struct strbuf line = {0};
	bool good = true;

	for (size_t i = 0; good && i < page->n_members; i++) {
		const Memberd__V1__ListMembersResponse__Listed *row = page->members[i];

		if (!listing->ctl->json && row->member != NULL && row->member->standing != NULL) {
			print_row(listing, row->member);
		} else if (listing->ctl->json) {
			strbuf_reset(&line);
			pbjson_print(&row->base, (struct pbjson_style){0}, &line);
			strbuf_putc(&line, '\n');
			good = !line.failed;
			fwrite(line.ptr, 1, line.len, listing->ctl->out);
		}
	}
	strbuf_fini(&line);
	listing->left -= (int64_t)page->n_members;
	return good ? EXIT_OK : ctl_fail(listing->ctl, EXIT_SOFTWARE, "out of memory");
}

static int list_page(struct ctl *ctl, char *token, const char **next, void *data)
{
	struct listing *listing = data;
	Memberd__V1__ListMembersRequest *request = &listing->request;
	ProtobufCMessage *answer;
	int exit_code;

	request->page_token = token;
	request->page_size = listing->left < PAGE_MOST ? (int32_t)listing->left : PAGE_MOST;
	exit_code = connect_ask(ctl, "memberd.v1.MemberService/ListMembers", &request->base,
				&memberd__v1__list_members_response__descriptor, true, &answer);
	if (exit_code == EXIT_OK) {
		const listed_page *page = (const listed_page *)answer;

		exit_code = print_page(listing, page);
		if (listing->left > 0) {
			*next = page->next_page_token;
		}
	}
	return exit_code;
}

int command_members(struct ctl *ctl)
{
	const char *only = ctl->flags.values[FLAG_ONLY];
	struct listing listing = {.ctl = ctl, .request = MEMBERD__V1__LIST_MEMBERS_REQUEST__INIT};
	struct mb_err err;
	int exit_code;

	if (flags_number(&ctl->flags, FLAG_LIMIT, 1, INT64_MAX, INT64_MAX, &listing.left, &err) !=
	    MB_OK) {
		return ctl_fail(ctl, EXIT_USAGE, "%s", err.text);
	}
	if (only != NULL) {
		listing.request.state = (Memberd__V1__MemberState)words_to_enum(
			&memberd__v1__member_state__descriptor, str_from(only));
		if (listing.request.state == 0) {
			return ctl_fail(ctl, EXIT_USAGE, "--only is active or suspended");
		}
	}
	exit_code = pages_walk(ctl, list_page, &listing);
	if (exit_code == EXIT_OK && !ctl->json && !listing.headed) {
		fputs("no members\n", ctl->out);
	}
	return exit_code;
}
