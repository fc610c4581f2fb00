/* SPDX-License-Identifier: Apache-2.0 */
/* history: when and why a member's tier changed. */
#include "base/arena.h"
#include "ctl/commands.h"
#include "ctl/connect.h"
#include "ctl/ctl.h"
#include "ctl/pages.h"
#include "ctl/show.h"
#include "ctl/table.h"
#include "ctl/words.h"
#include "memberd/v1/member_service.pb-c.h"

#include <inttypes.h>
#include <string.h>

#define PAGE_SIZE 200 /* the server's most */
#define RETRACTED MEMBERD__V1__TIER_TRANSITION_KIND__TIER_TRANSITION_KIND_RETRACTED

/* One answer with the rows of all pages so far. */
static int add_page(struct ctl *ctl, Memberd__V1__ListTierHistoryResponse *whole,
		    const Memberd__V1__ListTierHistoryResponse *page)
{
	size_t n = whole->n_transitions;
	Memberd__V1__TierTransition **rows =
		pages_join(ctl, whole->transitions, n, page->transitions, page->n_transitions);

	if (rows == NULL) {
		return EXIT_SOFTWARE;
	}
	*whole = *page;
	whole->transitions = rows;
	whole->n_transitions += n;
	return EXIT_OK;
}

static void put_row(struct table *table, const Memberd__V1__TierTransition *row, bool told)
{
	char text[SHOW_BYTES], from[SHOW_BYTES], to[SHOW_BYTES], word[WORDS_BYTES];

	table_cell(table, "%s", show_time(row->effective_at, text));
	table_cell(table, "%s",
		   words_from_enum(&memberd__v1__tier_transition_kind__descriptor, (int)row->kind,
				   ' ', word));
	show_ends(row, from, to);
	table_cell(table, "%s", from);
	table_cell(table, "%s", to);
	if (row->kind != RETRACTED) {
		table_cell(table, "%" PRId64, row->score);
	} else {
		table_cell(table, "-");
	}
	table_cell(table, "%" PRId64, row->policy_version);
	if (told) {
		table_cell(table, "%s", show_time(row->known_at, text));
		table_cell(table, "%s", row->restated ? "yes" : "");
	}
}

static void show_history(struct ctl *ctl, const Memberd__V1__ListTierHistoryResponse *whole,
			 bool told)
{
	static const char *const folded_headers[] = {"effective", "what",    "from", "to",
						     ">score",	  ">policy", NULL};
	static const char *const told_headers[] = {"effective", "what",	    "from",
						   "to",	">score",   ">policy",
						   "told at",	"restated", NULL};
	struct table table;

	if (whole->n_transitions > 0) {
		table_start(&table, told ? told_headers : folded_headers);
		for (size_t i = 0; i < whole->n_transitions; i++) {
			put_row(&table, whole->transitions[i], told);
		}
		table_print(&table, ctl->out);
		table_fini(&table);
	} else {
		fputs(told				  ? "nothing was told\n"
		      : flags_has(&ctl->flags, FLAG_KIND) ? "nothing of this kind\n"
							  : "the tier has not changed\n",
		      ctl->out);
	}
	show_info(whole->member_id, whole->info, ctl->out);
}

/* kind: one, or the default. */
static int read_kind(struct ctl *ctl, Memberd__V1__TierTransitionKind *kind)
{
	const ProtobufCEnumDescriptor *type = &memberd__v1__tier_transition_kind__descriptor;
	const char *word = ctl->flags.values[FLAG_KIND];
	char kinds[WORDS_LIST_BYTES];

	*kind = MEMBERD__V1__TIER_TRANSITION_KIND__TIER_TRANSITION_KIND_UNSPECIFIED;
	if (word != NULL) {
		*kind = (Memberd__V1__TierTransitionKind)words_to_enum(type, str_from(word));
		if (*kind == 0 || *kind == RETRACTED) { /* which comes with all of its track */
			return ctl_fail(ctl, EXIT_USAGE, "no kind '%.32s'; there are: %s", word,
					words_list(type, RETRACTED, kinds, sizeof(kinds)));
		}
	}
	return EXIT_OK;
}

static int list_pages(struct ctl *ctl, Memberd__V1__ListTierHistoryRequest *request,
		      Memberd__V1__ListTierHistoryResponse *whole)
{
	ProtobufCMessage *page;
	int exit_code;

	request->page_size = PAGE_SIZE;
	do {
		exit_code = connect_ask(
			ctl, "memberd.v1.MemberService/ListTierHistory", &request->base,
			&memberd__v1__list_tier_history_response__descriptor, true, &page);
		if (exit_code == EXIT_OK) {
			exit_code = add_page(ctl, whole,
					     (const Memberd__V1__ListTierHistoryResponse *)page);
		}
		request->page_token = whole->next_page_token;
	} while (exit_code == EXIT_OK && request->page_token[0] != '\0');
	return exit_code;
}

int command_history(struct ctl *ctl)
{
	Memberd__V1__ListTierHistoryRequest request = MEMBERD__V1__LIST_TIER_HISTORY_REQUEST__INIT;
	Memberd__V1__ListTierHistoryResponse whole = MEMBERD__V1__LIST_TIER_HISTORY_RESPONSE__INIT;
	bool told = flags_has(&ctl->flags, FLAG_TOLD);
	Memberd__V1__TierTransitionKind kind;
	int exit_code = read_kind(ctl, &kind);

	if (exit_code == EXIT_OK) {
		exit_code = connect_subject_at(ctl, &request.member, &request.min_revision,
					       &request.as_of, &request.known_at);
	}
	if (exit_code != EXIT_OK) {
		return exit_code;
	}
	request.view = told ? MEMBERD__V1__TIER_HISTORY_VIEW__TIER_HISTORY_VIEW_TOLD
			    : MEMBERD__V1__TIER_HISTORY_VIEW__TIER_HISTORY_VIEW_FOLD;
	request.kinds = &kind;
	request.n_kinds = kind != 0;
	exit_code = list_pages(ctl, &request, &whole);
	if (exit_code == EXIT_OK && ctl->json) {
		return connect_print(ctl, &whole.base);
	}
	if (exit_code == EXIT_OK) {
		show_history(ctl, &whole, told);
	}
	return exit_code;
}
