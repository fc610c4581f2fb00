/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/commands.h"

#include "ctl/ctl.h"

#define READ_FLAGS     (FLAGS_SERVER | FLAG_BIT(MIN_REVISION) | FLAG_BIT(ZONE))
#define FLAGS_DECISION (FLAGS_SERVER | FLAG_BIT(REASON) | FLAG_BIT(REQUEST_ID) | FLAG_BIT(ZONE))
#define AXES_FLAGS     (READ_FLAGS | FLAG_BIT(AS_OF) | FLAG_BIT(KNOWN_AT))

const struct ctl_command CTL_COMMANDS[] = {
	{"enroll", "ISSUER:ID", 1, 1,
	 FLAGS_SERVER | FLAG_BIT(NAME) | FLAG_BIT(BIRTHDAY) | FLAG_BIT(REGION) |
		 FLAG_BIT(LANGUAGE) | FLAG_BIT(VERIFIED) | FLAG_BIT(REQUEST_ID),
	 "make a member",
	 "Makes a member with one identity: the account ID that ISSUER gave. Which of a "
	 "platform's\n"
	 "accounts are one person is for LinkIdentity to say.\n"
	 "\n"
	 "  memberctl enroll taobao:4711\n"
	 "  memberctl enroll taobao:4711 --name 'Lin Mei' --birthday 02-29 --region CN --verified\n"
	 "  memberctl enroll taobao:4711 --output json | jq -r .member.memberId\n"
	 "\n"
	 "In a script pass --request-id: said again with the same one, the call answers the same "
	 "and\n"
	 "makes no second member.\n",
	 command_enroll},
	{"update", "MEMBER", 1, 1,
	 FLAGS_SERVER | FLAG_BIT(NAME) | FLAG_BIT(BIRTHDAY) | FLAG_BIT(REGION) |
		 FLAG_BIT(LANGUAGE) | FLAG_BIT(VERIFIED) | FLAG_BIT(NOT_VERIFIED) | FLAG_BIT(ETAG) |
		 FLAG_BIT(REQUEST_ID),
	 "change a member's profile",
	 "Changes the fields that are named and no others; an empty value clears one. With --etag\n"
	 "nothing changes when somebody else has changed the profile since it was read.\n"
	 "\n"
	 "  memberctl update taobao:4711 --name 'Lin Mei' --verified\n"
	 "  memberctl update taobao:4711 --birthday ''\n"
	 "  etag=$(memberctl get taobao:4711 --full --output json | jq -r .member.etag)\n"
	 "  memberctl update taobao:4711 --region CN --etag $etag\n",
	 command_update},
	{"get", "MEMBER", 1, 1, AXES_FLAGS | FLAG_BIT(FULL), "who a member is and where he stands",
	 "Shows tier, level, score and whether the tier is at risk. MEMBER is a member id or\n"
	 "ISSUER:ID, here and everywhere.\n"
	 "\n"
	 "  memberctl get taobao:4711\n"
	 "  memberctl get 81237129831 --full\n"
	 "  memberctl get taobao:4711 --as-of 2026-10-08T00:00:00+08:00\n",
	 command_get},
	{"lookup", "ISSUER:ID", 1, 1, FLAGS_SERVER, "whose an identity is",
	 "Prints the member id and the state of the member who has this identity.\n"
	 "\n"
	 "  memberctl lookup taobao:4711\n",
	 command_lookup},
	{"members", "", 0, 0, FLAGS_SERVER | FLAG_BIT(ONLY) | FLAG_BIT(LIMIT),
	 "everybody, one a line",
	 "Lists all members with state, tier and score, in no particular sequence. With --output\n"
	 "json each line is a JSON object of its own, as they come.\n"
	 "\n"
	 "  memberctl members --limit 20\n"
	 "  memberctl members --only suspended\n"
	 "  memberctl members --output json | jq -r 'select(.member.standing.atRisk)."
	 "member.memberId'\n",
	 command_members},
	{"benefits", "MEMBER", 1, 1, AXES_FLAGS, "benefits held, and what unlocks the others",
	 "Lists every benefit of the policy: what is granted where it is held, and what would "
	 "unlock\n"
	 "it where it is not.\n"
	 "\n"
	 "  memberctl benefits taobao:4711\n"
	 "  memberctl benefits taobao:4711 --output json | jq -r '.held[].benefitId'\n",
	 command_benefits},
	{"check", "MEMBER BENEFIT", 2, 2, AXES_FLAGS, "may this member use this benefit?",
	 "Answers yes (exit 0) or no (exit 1) with the reason and what would unlock it.\n"
	 "\n"
	 "  memberctl check taobao:4711 value-channel-discount\n"
	 "  if memberctl check $member dedicated-concierge >/dev/null; then ...; fi\n",
	 command_check},
	{"quote", "[MEMBER]", 0, 1,
	 READ_FLAGS | FLAG_BIT(LINE) | FLAG_BIT(COUPON) | FLAG_BIT(CURRENCY) | FLAG_BIT(FILE),
	 "what a basket costs this member",
	 "Prices a basket: percentage benefits, then coupons, spread over the lines. Nothing is\n"
	 "stored. A line is NO:PRICE[:CHANNEL[:MEMBER_PRICE[:CATEGORY[:BRAND]]]], its prices "
	 "totals of\n"
	 "the line, CHANNEL standard or value; a coupon is AMOUNT[:THRESHOLD[:BRAND]].\n"
	 "\n"
	 "  memberctl quote taobao:4711 --line 1:100.00:value --line 2:30.00\n"
	 "  memberctl quote taobao:4711 --line 1:100.00:value:95.00 --coupon 10.00:50.00\n"
	 "  memberctl quote taobao:4711 --file basket.json     # a QuoteDiscountRequest as JSON\n",
	 command_quote},
	{"hotel", "MEMBER", 1, 1, READ_FLAGS, "status with the hotel partners",
	 "Shows the member's status with each hotel partner. Exit 1 when there is none anywhere.\n"
	 "\n"
	 "  memberctl hotel taobao:4711\n",
	 command_hotel},
	{"offer", "MEMBER", 1, 1, READ_FLAGS, "at which price 88VIP is open to this member",
	 "Shows the price of 88VIP for this member now; it holds nothing. Exit 1 when there is "
	 "none.\n"
	 "\n"
	 "  memberctl offer taobao:4711\n",
	 command_offer},
	{"score", "MEMBER", 1, 1, AXES_FLAGS | FLAG_BIT(ALL),
	 "the score, its parts, and what will change it",
	 "Explains the score: its parts add up to it exactly. Below it what is pending, and what "
	 "will\n"
	 "happen without new activity: its first ten changes, or --all. Times are UTC unless "
	 "--zone\n"
	 "says otherwise; the programme's days, months and settlements begin at midnight in the\n"
	 "policy's zone, by default +08:00.\n"
	 "\n"
	 "  memberctl score taobao:4711\n"
	 "  memberctl score taobao:4711 --zone programme --all\n"
	 "  memberctl score taobao:4711 --output json | jq '.schedule[0]'\n"
	 "\n"
	 "Why was it another number then? The answer of that time, and what is known of it today:\n"
	 "\n"
	 "  memberctl score taobao:4711 --as-of 2026-10-08T09:00:00Z --known-at "
	 "2026-10-08T09:00:00Z\n"
	 "  memberctl score taobao:4711 --as-of 2026-10-08T09:00:00Z\n",
	 command_score},
	{"progress", "MEMBER", 1, 1, READ_FLAGS,
	 "what is missing to the next tier, what keeps this one",
	 "Shows ways to the next tier, each of which is enough by itself: the least money spent "
	 "today,\n"
	 "the fewest days with a small order, the fewest reviews; then what the next settlement "
	 "will\n"
	 "say of the present tier if nothing new happens, with what would close a gap, and which\n"
	 "months leave the window.\n"
	 "\n"
	 "  memberctl progress taobao:4711\n"
	 "  memberctl progress taobao:4711 --output json | jq .next.missing\n",
	 command_progress},
	{"history", "MEMBER", 1, 1, AXES_FLAGS | FLAG_BIT(TOLD) | FLAG_BIT(KIND),
	 "when and why the tier changed",
	 "Lists the transitions of the tier with the score that decided, all pages of them. With\n"
	 "--told it is the log of what was told when: nothing in it is ever changed, a correction "
	 "is\n"
	 "a retraction (of all that was told from its instant on) and new rows after it. KIND is\n"
	 "upgrade, at_risk, recovered, step_down, fraud, settled, level, below_keep, above_keep,\n"
	 "override or state; without it all of the tier: the first five.\n"
	 "\n"
	 "  memberctl history taobao:4711\n"
	 "  memberctl history taobao:4711 --told\n"
	 "  memberctl history taobao:4711 --kind settled\n"
	 "  memberctl history taobao:4711 --output json | jq -r '.transitions[].effectiveAt'\n",
	 command_history},
	{"watch", "[MEMBER]...", 0, 8, FLAGS_SERVER | FLAG_BIT(CURSOR),
	 "what happens to members, as it becomes known",
	 "A line for each thing that happens: tiers, risk and steps down to come, settlements, "
	 "levels,\n"
	 "overrides, corrections; of everybody, or of the members named. It does not end by itself "
	 "and\n"
	 "goes on after breaks, from where it was; the same line may then come twice. With "
	 "--output "
	 "json\n"
	 "each line is a batch with the cursor to go on from; what follows a cursor is kept 7 "
	 "days.\n"
	 "\n"
	 "  memberctl watch\n"
	 "  memberctl watch 124842619700950239 --output json | jq '.events[]?'\n"
	 "  memberctl watch --cursor \"$CURSOR\"\n",
	 command_watch},
	{"activities", "MEMBER", 1, 1, AXES_FLAGS | FLAG_BIT(KIND) | FLAG_BIT(LIMIT),
	 "what a member did, what became of it, what it adds",
	 "Lists activities and decisions, the last first, each with its state, the points that it "
	 "adds\n"
	 "to the score (before credibility) and those that a cap took from it. KIND is order,\n"
	 "completion, cancellation, reversal, review, share, opening, post, answer, vote, visit, "
	 "undo,\n"
	 "or a decision: finding, void, credibility, link, override, suspension.\n"
	 "\n"
	 "  memberctl activities taobao:4711 --limit 20\n"
	 "  memberctl activities taobao:4711 --kind review --as-of 2026-10-08T00:00:00+08:00\n"
	 "  memberctl activities taobao:4711 --output json | jq '.activities[].decision.reason'\n",
	 command_activities},
	{"record", "[FILE]", 0, 1, FLAGS_SERVER, "tell about activities",
	 "Records an activity given as JSON (an Activity of the API), or several, one on each "
	 "line.\n"
	 "Without FILE, or with -, from standard input. Recording the same again changes nothing.\n"
	 "Exit 1 when one of them was refused.\n"
	 "\n"
	 "  memberctl record <<'END'\n"
	 "  {\"source\": \"shop\", \"sourceEventId\": \"pay-1\",\n"
	 "   \"member\": {\"identity\": {\"issuer\": \"taobao\", \"externalId\": \"4711\"}},\n"
	 "   \"occurredAt\": \"2026-11-01T10:00:00+08:00\",\n"
	 "   \"order\": {\"platform\": \"PLATFORM_SHOPPING\", \"orderId\": \"1\",\n"
	 "             \"completedAt\": \"2026-11-03T18:00:00+08:00\",\n"
	 "             \"lines\": [{\"lineNo\": 1, \"type\": \"LINE_TYPE_GOODS\", \"currency\": "
	 "\"CNY\",\n"
	 "                        \"amount\": \"129900\", \"category\": \"shoes\"}]}}\n"
	 "  END\n",
	 command_record},
	{"preview", "[FILE]", 0, 1, FLAGS_SERVER | FLAG_BIT(ZONE) | FLAG_BIT(ALL),
	 "what recording activities would make of a member",
	 "Takes the same as record, all of one member, stores nothing and shows what became of "
	 "each\n"
	 "activity and the score with them. Only the first needs to name the member. Exit 1 when\n"
	 "one of them would be refused.\n"
	 "\n"
	 "  memberctl preview order.json\n"
	 "  memberctl preview order.json --output json | jq .after.score.score\n",
	 command_preview},
	{"override", "MEMBER TIER", 2, 2, FLAGS_DECISION | FLAG_BIT(UNTIL),
	 "let a member have another tier for a while",
	 "Shows TIER in place of the natural one until --until: benefits and prices go by it, "
	 "score,\n"
	 "level and settlements do not. The one made last shows. TIER natural ends all of them.\n"
	 "\n"
	 "  memberctl override taobao:4711 gold --until 2027-01-01T00:00:00+08:00 --reason 'lost "
	 "parcel'\n"
	 "  memberctl override taobao:4711 natural --reason 'made by mistake'\n",
	 command_override},
	{"suspend", "MEMBER", 1, 1, FLAGS_DECISION, "keep a member from his benefits",
	 "Suspends a member: what he does is recorded and counts, but no benefit is his until he "
	 "is\n"
	 "resumed. Saying it of one who is suspended changes nothing.\n"
	 "\n"
	 "  memberctl suspend taobao:4711 --reason 'case 81: account taken over?'\n",
	 command_suspend},
	{"resume", "MEMBER", 1, 1, FLAGS_DECISION, "give a suspended member his benefits back",
	 "Ends a suspension. Saying it of one who is not suspended changes nothing.\n"
	 "\n"
	 "  memberctl resume taobao:4711 --reason 'case 81: it was himself'\n",
	 command_resume},
	{"link", "MEMBER OTHER", 2, 2, FLAGS_DECISION, "two members are one person's accounts",
	 "From now on votes and opened shares between the two count nothing, earlier ones too. "
	 "Both\n"
	 "stay members with ledgers of their own.\n"
	 "\n"
	 "  memberctl link taobao:4711 taobao:4712 --reason 'same phone'\n",
	 command_link},
	{"unlink", "MEMBER OTHER", 2, 2, FLAGS_DECISION, "they are not, after all",
	 "Ends a link from now on.\n"
	 "\n"
	 "  memberctl unlink taobao:4711 taobao:4712 --reason 'brothers'\n",
	 command_unlink},
	{"credibility", "MEMBER", 1, 1, FLAGS_DECISION | FLAG_BIT(DELTA) | FLAG_BIT(UNTIL),
	 "trust what a member does more or less",
	 "Adds --delta basis points to the factor of his interactions (10,000: they count in "
	 "full),\n"
	 "for ever or until --until. Changes add up, within the policy's bounds; what he buys is "
	 "not\n"
	 "touched.\n"
	 "\n"
	 "  memberctl credibility taobao:4711 --delta -2000 --until 2027-06-01T00:00:00+08:00 \\\n"
	 "      --reason 'reviews bought in May'\n",
	 command_credibility},
	{"fraud", "MEMBER SOURCE EVENT_ID", 3, 3, FLAGS_DECISION, "an activity was found fake",
	 "The activity counts nothing from now on, credibility falls, a penalty is due, and the "
	 "tier\n"
	 "is judged at once, all as the policy says. One not known yet is waited for. To take it "
	 "back\n"
	 "reverse the finding by its key, memberd and r with its revision, as the answer says.\n"
	 "\n"
	 "  memberctl fraud taobao:4711 shop pay-1 --reason 'case 81: no goods were sent'\n"
	 "  memberctl reverse taobao:4711 memberd r7 --reason 'case 81: the parcel was found'\n",
	 command_fraud},
	{"void", "MEMBER SOURCE EVENT_ID", 3, 3, FLAGS_DECISION,
	 "take an activity away as if it had never been",
	 "Removes the activity from its own instant on, so past scores are told anew. For what "
	 "was\n"
	 "sent by mistake; what happened and was taken back later is for reverse.\n"
	 "\n"
	 "  memberctl void taobao:4711 shop pay-1 --reason 'sent by the test system'\n",
	 command_void},
	{"reverse", "MEMBER SOURCE EVENT_ID", 3, 3, FLAGS_DECISION,
	 "take back what is left of an activity, from now on",
	 "Reverses an order whole, or ends the effect of any other activity that can be undone:\n"
	 "reviews, shares, openings, posts, answers, votes, visits, reversals, cancellations and\n"
	 "findings.\n"
	 "\n"
	 "  memberctl reverse taobao:4711 shop pay-1 --reason 'goods came back, no reversal was "
	 "sent'\n",
	 command_reverse},
	{"import", "FILE", 1, 1,
	 FLAGS_SERVER | FLAG_BIT(MAPPING) | FLAG_BIT(STATE) | FLAG_BIT(SHIFT_WEEKS) |
		 FLAG_BIT(DRY_RUN) | FLAG_BIT(STRICT) | FLAG_BIT(PRINT) | FLAG_BIT(IN_FLIGHT),
	 "take in a log of the past",
	 "Reads FILE (CSV, plain or compressed by zstd; - is standard input), makes activities of "
	 "its\n"
	 "rows as --mapping says (docs/import.md), enrols the members it meets and sends "
	 "everything.\n"
	 "Every line of the file is accounted for in the report. The whole file is read before\n"
	 "anything is sent.\n"
	 "\n"
	 "With --state FILE a broken import goes on where it was when the same command is given\n"
	 "again. Without it, or with a new state, importing a file again changes nothing as long "
	 "as\n"
	 "the log is moved by the same --shift-weeks. Exit 1 when memberd refused activities.\n"
	 "\n"
	 "  memberctl import --dry-run --mapping retail.yaml retail.csv.zst\n"
	 "  memberctl import --mapping retail.yaml --state retail.state retail.csv.zst\n"
	 "  memberctl import --dry-run --print-activities --mapping retail.yaml retail.csv | "
	 "head\n",
	 command_import},
	{"policy", "list | get [VERSION] | validate FILE | publish FILE | diff A B", 1, 3,
	 FLAGS_SERVER | FLAG_BIT(SAVE) | FLAG_BIT(REASON) | FLAG_BIT(REQUEST_ID) | FLAG_BIT(ZONE),
	 "the policy: every number of the programme, in versions",
	 "Versions of the policy (docs/policy.md). A version that is published never changes: "
	 "list\n"
	 "them, get the text of one (by default of the one in force), publish the next. validate\n"
	 "tells everything that is wrong with a file and whether it could be published now; exit "
	 "1\n"
	 "when not. diff tells in which values two of them differ, each a version or a file; exit "
	 "0\n"
	 "when in none, else 1.\n"
	 "\n"
	 "  memberctl policy list\n"
	 "  memberctl policy get -o next.yaml\n"
	 "  $EDITOR next.yaml                  # version, effective_from, and what is to change\n"
	 "  memberctl policy diff 1 next.yaml\n"
	 "  memberctl policy validate next.yaml\n"
	 "  memberctl policy publish next.yaml --reason 'gold from 550, as decided on 12 May'\n",
	 command_policy},
	{"audit", "list [MEMBER] | verify", 1, 2, FLAGS_SERVER | FLAG_BIT(HEADS) | FLAG_BIT(ZONE),
	 "the trail of what people decided",
	 "Lists the decisions, all or those about one member, or verifies the trail: computes "
	 "every\n"
	 "chain of hashes anew from what the server answers, and tells the first record that does\n"
	 "not fit; exit 1 then. A chain alone cannot show that its end was cut off, or that all "
	 "of\n"
	 "it was made anew: --heads FILE remembers how each chain ended and looks at the next "
	 "time.\n"
	 "Keep that file where those who can write the database cannot.\n"
	 "\n"
	 "  memberctl audit list\n"
	 "  memberctl audit list taobao:4711 --output json | jq -r .detail\n"
	 "  memberctl audit verify --heads audit.heads\n",
	 command_audit},
	{"health", "", 0, 0, FLAGS_SERVER | FLAG_BIT(SERVICE), "is memberd serving?",
	 "Asks the server whether it serves: exit 0 if so, 1 if not, 69 when nobody answers.\n"
	 "\n"
	 "  memberctl health --server 127.0.0.1:7443\n"
	 "  memberctl health --service memberd.v1.ScoringService\n",
	 command_health},
	{"completion", "bash", 1, 1, 0, "a completion script for the shell",
	 "Prints a script that completes commands, their words, options and files.\n"
	 "\n"
	 "  source <(memberctl completion bash)\n",
	 command_completion},
	{"version", "", 0, 0, FLAG_BIT(OUTPUT), "the version of memberctl",
	 "Prints the version of memberctl; that of the server is in its metrics.\n"
	 "\n"
	 "  memberctl version\n",
	 command_version},
	{"help", "[COMMAND]", 0, 2, 0, "this text; `memberctl help COMMAND` teaches one command",
	 "Lists the commands, or teaches one of them.\n"
	 "\n"
	 "  memberctl help score\n",
	 command_help},
	{.name = NULL},
};
