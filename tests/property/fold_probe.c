/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold_probe: the domain alone, asked over stdin and stdout, so that worlds by the hundreds a second
 * meet the oracle (test_fold.py) without a daemon between them.
 *
 *     reset                              forget everything
 *     policy KNOWN_AT PATH               one more version
 *     member ID                          whose ledger it is
 *     entry REVISION KNOWN_AT PAYLOAD    into the ledger; payloads as they are stored, in hex
 *     judge NOW PAYLOAD                  how the ledger receives it
 *     fold T KNOWN_AT                    everything that is told of it
 *     hot T KNOWN_AT PUBLISHED THEN…     its hot record, made at T, and beside it the fold of the same
 *                                        entries at later instants, with the versions known by PUBLISHED
 *
 * An answer is lines of `word number…`, its end is a line of one dot.
 */
#include "domain/hot.h"
#include "domain/payload.h"
#include "policy/policy_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX  20000
#define POLICIES_MAX 16

struct probe {
	struct arena *arena; /* of ledger and policies */
	int64_t member_id;
	struct entry entries[ENTRIES_MAX];
	size_t n_entries;
	const struct policy *policies[POLICIES_MAX];
	int64_t published[POLICIES_MAX];
	size_t n_policies;
};

static void end(const char *what, const struct mb_err *err)
{
	fprintf(stderr, "fold_probe: %s: %s\n", what, err != NULL ? err->text : "?");
	exit(1);
}

static struct str unhex(const char *text, struct arena *arena)
{
	size_t n = strlen(text) / 2;
	char *bytes = arena_alloc(arena, n + 1);

	for (size_t i = 0; i < n; i++) {
		unsigned value;

		if (sscanf(text + 2 * i, "%2x", &value) != 1) {
			end("not hex", NULL);
		}
		bytes[i] = (char)value;
	}
	return (struct str){bytes, n};
}

/* What is read must be written as it was: the oracle's encoder is another one. */
static struct activity decode(const char *hex, struct arena *arena)
{
	struct str bytes = unhex(hex, arena), again;
	struct activity activity;
	struct mb_err err = {0};

	if (payload_decode(bytes, arena, &activity, &err) != MB_OK ||
	    payload_encode(&activity, arena, &again, &err) != MB_OK) {
		end(hex, &err);
	}
	if (!str_eq(bytes, again)) {
		end("payloads differ", NULL);
	}
	return activity;
}

static void add_policy(struct probe *probe, int64_t known_at, const char *path)
{
	struct str text;
	struct mb_err err = {0};

	if (probe->n_policies == POLICIES_MAX ||
	    policy_read_file(path, probe->arena, &text, &err) != MB_OK ||
	    policy_parse(text, path, probe->arena, &probe->policies[probe->n_policies], &err) !=
		    MB_OK) {
		end(path, &err);
	}
	probe->published[probe->n_policies++] = known_at;
}

static void add_entry(struct probe *probe, int64_t revision, int64_t known_at, const char *hex)
{
	if (probe->n_entries == ENTRIES_MAX) {
		end("too many entries", NULL);
	}
	probe->entries[probe->n_entries++] = (struct entry){
		.entry_id = revision,
		.revision = revision,
		.known_at = known_at,
		.activity = decode(hex, probe->arena),
	};
}

/* Versions known at an instant; they came by rising effective_from. */
static struct policy_list policies_at(const struct probe *probe, int64_t known_at,
				      const struct policy *out[POLICIES_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < probe->n_policies; i++) {
		if (probe->published[i] <= known_at) {
			out[n++] = probe->policies[i];
		}
	}
	return (struct policy_list){.versions = out, .n = n};
}

static void judge(const struct probe *probe, int64_t now, const char *hex, struct arena *arena)
{
	const struct policy *known[POLICIES_MAX];
	struct policy_list policies = policies_at(probe, now, known);
	struct activity activity = decode(hex, arena);
	struct verdict verdict;
	struct mb_err err = {0};
	const struct fold_input in = {.entries = probe->entries,
				      .n_entries = probe->n_entries,
				      .policies = &policies,
				      .member_id = probe->member_id,
				      .t = now};
	enum mb_code code = ledger_receive(&in, &activity, arena, &verdict, &err);

	if (code != MB_OK) {
		printf("refused %s\n.\n", mb_code_reason(code));
		return;
	}
	printf("taken %s\n", entry_state_name(verdict.state));
	for (size_t i = 0; i < verdict.n_woken; i++) {
		printf("woken %" PRId64 " %s\n", probe->entries[verdict.woken[i].entry].revision,
		       entry_state_name(verdict.woken[i].state));
	}
	puts(".");
}

static void print_score(const char *word, const struct score *score)
{
	printf("%s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %d %d %" PRId64, word,
	       score->points, score->micro, score->counted_spend, score->spend, score->days,
	       score->platforms, score->categories, score->interaction);
	for (int part = 1; part < PART_END; part++) {
		printf(" %" PRId64, score->parts[part]);
	}
	putchar('\n');
}

static void print_standing(const struct standing *s)
{
	printf(" %" PRId64 " %d %d %d %" PRId64 " %d %d %d %d %d %" PRId64 " %" PRId64 " %" PRId64
	       "\n",
	       s->score.points, s->policy_version, s->tier, s->shown, s->shown_until, s->suspended,
	       s->credibility, s->level, s->at_risk, s->below_keep, s->protected_until,
	       s->settled_at, s->settled.points);
}

static void print_entries(const struct fold *fold, const struct entry *entries, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct counted *c = &fold->counts[i];
		const struct activity *activity = &entries[i].activity;

		printf("entry %" PRId64 " %s %u %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
		       " %" PRId64 " %" PRId64 " %" PRId64 "\n",
		       entries[i].revision, entry_state_name(fold->states[i]),
		       fold_caps_at(fold, activity->kind, activity->occurred_at), c->points,
		       c->counted, c->spend, c->cut_day, c->cut_month, c->cut_window,
		       c->cut_common);
	}
}

static void print_fold(const struct fold *fold, const struct entry *entries, size_t n)
{
	fputs("standing", stdout);
	print_standing(&fold->standing);
	print_score("live", &fold->standing.score);
	print_score("settled", &fold->standing.settled);
	for (size_t i = 0; i < fold->n_history; i++) {
		const struct transition *row = &fold->history[i];

		printf("row %" PRId64 " %d %d %d %" PRId64 " %d\n", row->effective_at, row->kind,
		       row->from, row->to, row->points, row->policy_version);
	}
	for (size_t i = 0; i < fold->n_schedule; i++) {
		printf("change %" PRId64 " %u", fold->schedule[i].at, fold->schedule[i].causes);
		print_standing(&fold->schedule[i].after);
	}
	printf("next %" PRId64 " %" PRId64 " %" PRId64 "\n", fold->next_change, fold->next_date,
	       fold->next_told);
	for (size_t i = 0; i < fold->n_pending; i++) {
		printf("pending %" PRId64 " %" PRId64 " %" PRId64 "\n",
		       fold->pending[i].entry->revision, fold->pending[i].posts_at,
		       fold->pending[i].would_add);
	}
	print_entries(fold, entries, n);
	puts(".");
}

/* Of the entries known at known_at, which are in the arena. */
static struct fold fold_known(const struct probe *probe, struct fold_input *in, int64_t known_at,
			      struct arena *arena)
{
	struct entry *entries = arena_array(arena, probe->n_entries + 1, sizeof(*entries));
	struct fold fold;
	struct mb_err err = {0};

	in->entries = entries;
	in->n_entries = 0;
	in->member_id = probe->member_id;
	for (size_t i = 0; i < probe->n_entries; i++) {
		if (probe->entries[i].known_at <= known_at) {
			entries[in->n_entries++] = probe->entries[i];
		}
	}
	if (fold_ledger(in, arena, &fold, &err) != MB_OK) {
		end("fold", &err);
	}
	return fold;
}

static void tell(const struct probe *probe, int64_t t, int64_t known_at, struct arena *arena)
{
	const struct policy *known[POLICIES_MAX];
	struct policy_list policies = policies_at(probe, known_at, known);
	struct fold_input in = {.policies = &policies,
				.t = t,
				.want_schedule = true,
				.want_counts = true,
				.want_caps = true};
	struct fold fold = fold_known(probe, &in, known_at, arena);

	print_fold(&fold, in.entries, in.n_entries);
}

/* ---- hot records ---- */

static void print_hot_state(int64_t next, const struct hot_state *s)
{
	printf(" %" PRId64 " %d %d %" PRId64 " %d %d %d %d %d %" PRId64 " %" PRId64 "\n", next,
	       s->tier, s->shown, s->shown_until, s->suspended, s->credibility, s->level,
	       s->at_risk, s->below_keep, s->protected_until, s->points);
}

/* The fold at t, as a record would say it. */
static void print_then(const struct probe *probe, int64_t t, int64_t known_at,
		       const struct policy_list *policies, struct arena *arena)
{
	struct fold_input in = {.policies = policies, .t = t};
	struct fold fold = fold_known(probe, &in, known_at, arena);
	const struct standing *s = &fold.standing;
	const struct hot_state state = {
		s->tier,  s->shown,   s->shown_until, s->suspended,	  s->credibility,
		s->level, s->at_risk, s->below_keep,  s->protected_until, s->score.points};

	printf("fold %" PRId64, t);
	print_hot_state(fold.next_change, &state);
}

static int32_t newest(const struct policy_list *policies)
{
	int32_t number = 0;

	for (size_t i = 0; i < policies->n; i++) {
		if (policies->versions[i]->version > number) {
			number = policies->versions[i]->version;
		}
	}
	return number;
}

static struct hot_bytes make_hot(const struct probe *probe, int64_t t, int64_t known_at,
				 struct hot_record *again, struct arena *arena)
{
	const struct policy *known[POLICIES_MAX];
	struct policy_list policies = policies_at(probe, known_at, known);
	struct fold_input in = {.policies = &policies,
				.t = t,
				.want_schedule = true,
				.schedule_most = HOT_CHANGES_MAX + 1};
	struct fold fold = fold_known(probe, &in, known_at, arena);
	struct hot_record record;
	struct hot_bytes bytes;

	hot_make(&fold, probe->member_id, (int64_t)in.n_entries, known_at, newest(&policies),
		 &record);
	hot_encode(&record, &bytes);
	if (!hot_decode(bytes.bytes, bytes.len, probe->member_id, again)) {
		end("a hot record is refused", NULL);
	}
	return bytes;
}

static void keep_hot(const struct probe *probe, int64_t t, int64_t known_at, int64_t published,
		     struct arena *arena)
{
	const struct policy *known[POLICIES_MAX];
	struct policy_list policies = policies_at(probe, published, known);
	struct hot_record record;
	struct hot_bytes bytes = make_hot(probe, t, known_at, &record, arena);

	printf("record %d %zu %" PRId64 "\n", bytes.len, record.n_changes, record.good_until);
	for (const char *word; (word = strtok(NULL, " \n")) != NULL;) {
		int64_t then = strtoll(word, NULL, 10);
		struct hot_view view;

		if (hot_at(&bytes, &policies, then, &view)) {
			printf("view %" PRId64, then);
			print_hot_state(view.next_change, &view.state);
		}
		print_then(probe, then, known_at, &policies, arena);
	}
	puts(".");
}

static void reset(struct probe *probe)
{
	arena_destroy(probe->arena);
	memset(probe, 0, sizeof(*probe));
	probe->arena = arena_create(NULL, 0);
}

/* One line; words are split by single spaces. */
static void obey(struct probe *probe, char *line, struct arena *arena)
{
	char *word = strtok(line, " \n"), *a = strtok(NULL, " \n"), *b = strtok(NULL, " \n"),
	     *c = strtok(NULL, " \n");

	if (word != NULL && strcmp(word, "reset") == 0) {
		reset(probe);
	} else if (a != NULL && strcmp(word, "member") == 0) {
		probe->member_id = strtoll(a, NULL, 10);
	} else if (b != NULL && strcmp(word, "policy") == 0) {
		add_policy(probe, strtoll(a, NULL, 10), b);
	} else if (b != NULL && strcmp(word, "judge") == 0) {
		judge(probe, strtoll(a, NULL, 10), b, arena);
	} else if (b != NULL && strcmp(word, "fold") == 0) {
		tell(probe, strtoll(a, NULL, 10), strtoll(b, NULL, 10), arena);
	} else if (c != NULL && strcmp(word, "hot") == 0) {
		keep_hot(probe, strtoll(a, NULL, 10), strtoll(b, NULL, 10), strtoll(c, NULL, 10),
			 arena);
	} else if (c != NULL && strcmp(word, "entry") == 0) {
		add_entry(probe, strtoll(a, NULL, 10), strtoll(b, NULL, 10), c);
	} else {
		end("no such command", NULL);
	}
	fflush(stdout);
}

int main(void)
{
	static struct probe probe;
	char *line = NULL;
	size_t size = 0;

	reset(&probe);
	while (getline(&line, &size, stdin) > 0) {
		struct arena *arena = arena_create(NULL, 0);

		obey(&probe, line, arena);
		arena_destroy(arena);
	}
	free(line);
	arena_destroy(probe.arena);
	return 0;
}
