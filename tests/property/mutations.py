# SPDX-License-Identifier: Apache-2.0
"""Small wrongs for mutate.py: (what, file, text, wrong text). The text must stand in the file exactly once."""

D = "src/domain/"
MUTATIONS = [
    # caps and the sum of interactions
    ("drop the day cap", D + "window.c", "	*capped += min_i64(day->points[mark->kind], cap);", "	*capped += day->points[mark->kind];"),
    ("drop the month cap", D + "window.c", "	return min_i64(cell->capped[kind], rule->kind[kind].month);", "	return cell->capped[kind];"),
    ("drop the window cap of a kind", D + "interaction.c", "		sum.kinds[kind] = min_i64(points, rule->kind[kind].window);", "		sum.kinds[kind] = points;"),
    ("drop the common cap of a window", D + "interaction.c", "	sum.total = min_i64(sum.before, rule->window);", "	sum.total = sum.before;"),
    ("skip the last set of kinds", D + "interaction.c", "step < 1U << n_kinds; step++", "step + 1 < 1U << n_kinds; step++"),
    ("cut months in sequence, not best", D + "interaction.c", "		sum.before = smallest_cut(&cut, kinds, n_kinds, rule);", "		sum.before = min_i64(sum.before, value_of(&cut, rule));"),
    ("forget the guard", D + "window.c", "	guarded = min_i64(scaled, guard);", "	guarded = scaled;"),
    ("guard looks at breadth, not frequency", D + "window.c", "				out->parts[PART_SPEND] + out->parts[PART_FREQUENCY]);", "				out->parts[PART_SPEND] + out->parts[PART_BREADTH]);"),
    ("pictures give nothing", D + "window.c", "	return rule->points + (mark->pictures ? rule->extra : 0);", "	return rule->points;"),
    ("credibility has no upper bound", D + "timeline.c", "max_i64(rule->lowest, min_i64(line->credibility, rule->highest))", "max_i64(rule->lowest, line->credibility)"),
    # spend
    ("no limit of rail", D + "window.c", "			spend += min_i64(sums->rail, limits->travel_rail);", "			spend += sums->rail;"),
    ("limit of an order before its reversals", D + "window.c", "	record->worth.other = min_i64(other, limit);", "	record->worth.other = other;"),
    ("limit of an order spares rail", D + "window.c", "	record->worth.rail = min_i64(rail, limit - record->worth.other);", "	record->worth.rail = rail;"),
    ("no window limit of shopping", D + "window.c", "		counted += min_i64(spend, limits->window[p]);", "		counted += p == PLATFORM_SHOPPING ? spend : min_i64(spend, limits->window[p]);"),
    ("a day's minimum is exclusive", D + "window.c", "	int32_t days = -(day->spend >= minimum);\n\n	day->spend += sign * record->worth.left;\n	days += day->spend >= minimum;",
     "	int32_t days = -(day->spend > minimum);\n\n	day->spend += sign * record->worth.left;\n	days += day->spend > minimum;"),
    ("breadth also below its most", D + "window.c", "sat_mul(min_i64(score->categories, rule->category_most), rule->category_points)", "sat_mul(score->categories, rule->category_points)"),
    # time
    ("the window has a month more", D + "timeline.c", "	return last - line->policy->protection.window_months + 1;", "	return last - line->policy->protection.window_months;"),
    ("settlement covers its own month", D + "timeline.c", "	int32_t last = calendar_month(at, line->zone) - 1;", "	int32_t last = calendar_month(at, line->zone);"),
    ("settlements on the 8th whatever the policy says", D + "timeline.c", "	return calendar_next_settlement(after, line->policy->protection.settlement_day, line->zone);", "	return calendar_next_settlement(after, 8, line->zone);"),
    ("everywhere is at +08:00", D + "timeline.c", "				  .zone = in->policies->versions[0]->zone_minutes,", "				  .zone = 480,"),
    ("months in UTC", D + "days.c", "calendar_month(at, book->zone)", "calendar_month(at, 0)"),
    ("days end an hour late", D + "days.c", "	*until = calendar_day_start(number + 1, book->zone);", "	*until = calendar_day_start(number + 1, book->zone) + 3600000000;"),
    ("the policy acts an instant late", D + "timeline.c", "	bool new_policy = policy_next_change(line->policies, line->now) == at;", "	bool new_policy = policy_next_change(line->policies, line->now - 1) == at - 1;"),
    ("delay of the first version", D + "orders.c", "	const struct policy *policy = policy_at(book->policies, order->occurred_at);", "	const struct policy *policy = policy_at(book->policies, 0);"),
    # tiers
    ("a finding costs what the first version says", D + "decisions.c", "	const struct policy *policy = policy_at(book->policies, fact->from);", "	const struct policy *policy = policy_at(book->policies, 0);"),
    ("a post waits as the first version says", D + "marks.c", "policy_at(book->policies, activity->occurred_at)->interaction.post_delay", "policy_at(book->policies, 0)->interaction.post_delay"),
    ("keep is exclusive", D + "tier.c", "points * MICRO >= policy->tiers[tier].keep;", "points * MICRO > policy->tiers[tier].keep;"),
    ("attain is exclusive", D + "tier.c", "points * MICRO >= policy->tiers[tier].attain;", "points * MICRO > policy->tiers[tier].attain;"),
    ("protection ends a month early", D + "tier.c", "		calendar_month(at, policy->zone_minutes) + policy->protection.months,", "		calendar_month(at, policy->zone_minutes) + policy->protection.months - 1,"),
    ("the settlement at protection's end does not judge", D + "tier.c", "	if (at < state->protected_until) {", "	if (at <= state->protected_until) {"),
    ("a live score does not save", D + "tier.c", "	if (tier_attains(live, state->tier, policy)) {\n		return nothing;\n	}", ""),
    ("an upgrade keeps the mark", D + "tier.c", "	state->at_risk = false;\n", ""),
    ("settle before the upgrade", D + "timeline.c", "	judge_tier(line, at, act.fall);\n	if (at == line->next_settlement) {\n		act.causes |= line->begun ? settle(line, at) : 0;\n		line->next_settlement = next_settlement(line, at);\n	}\n",
     "	if (at == line->next_settlement) {\n		act.causes |= line->begun ? settle(line, at) : 0;\n		line->next_settlement = next_settlement(line, at);\n	}\n	judge_tier(line, at, act.fall);\n"),
    ("upgrade before the fall", D + "timeline.c", "	if (fall && tier_fall(&line->state, line->score.points, at, line->policy, &told)) {\n		record(line, told);\n	}\n	if (tier_upgrade(&line->state, line->score.points, at, line->policy, &told)) {\n		record(line, told);\n	}\n",
     "	if (tier_upgrade(&line->state, line->score.points, at, line->policy, &told)) {\n		record(line, told);\n	}\n	if (fall && tier_fall(&line->state, line->score.points, at, line->policy, &told)) {\n		record(line, told);\n	}\n"),
    ("a fall keeps protection", D + "tier.c", "	*state = (struct tier_state){.tier = highest_attained(live, state->tier, policy)};", "	state->tier = highest_attained(live, state->tier, policy);"),
    # findings, undos, voids
    ("a finding's undo does not end its change", D + "decisions.c", "	return add_between(book, fact->from, min_i64(change_ends, fact->undone_at),", "	return add_between(book, fact->from, change_ends,"),
    ("a penalty lasts a month longer", D + "decisions.c", "		calendar_add_months(fact->from, rule->fake_penalty_months, book->zone);", "		calendar_add_months(fact->from, rule->fake_penalty_months + 1, book->zone);"),
    ("undos act when they are named, not after", D + "book.c", "			facts[i].from = max_i64(facts[i].from, facts[facts[i].target].from);", "			facts[i].from = facts[facts[i].target].from;"),
    ("the last undo counts, not the first", D + "book.c", "			undone_at = min_i64(undone_at, book->facts[i].from);", "			undone_at = book->facts[i].from;"),
    ("a void undo acts", D + "book.c", "		    !book_voided_before(book, i, revision)) {", "		    true) {"),
    ("a review survives its void order", D + "marks.c", "	return hold_between(book, book->records[fact->subject].closed_at, TIME_NEVER, number) &&\n	       hold_between(book, fact->found_at, fact->found_until, number);", "	return fact != NULL && mark != NULL && number != NO_INDEX;"),
    # links, equals, who
    ("ignore links when answers are given", D + "marks.c", "		return activity->answer.asker != book->member_id &&\n		       !book_linked(book, activity->answer.asker, activity->occurred_at);", "		return activity->answer.asker != book->member_id;"),
    ("own votes count", D + "marks.c", "		return activity->vote.by != book->member_id;", "		return true;"),
    ("unlinking is not heard", D + "marks.c", "				(struct bond){.other = entry->activity.link.other,\n					      .at = entry->known_at,\n					      .revision = entry->revision,\n					      .linked = entry->activity.link.linked};",
     "				(struct bond){.other = entry->activity.link.other,\n					      .at = entry->known_at,\n					      .revision = entry->revision,\n					      .linked = true};"),
    ("each vote counts", D + "marks.c", "		return x->vote.by == y->vote.by && str_eq(x->vote.content, y->vote.content);", "		return false;"),
    ("each share counts", D + "marks.c", "		return a->day == b->day && str_eq(x->share.content, y->share.content) &&\n		       str_eq(x->share.channel, y->share.channel);", "		return false;"),
    ("reviews before the delivery count", D + "marks.c", "record->dead || record->completed_at > review->occurred_at", "record->dead || record->completed_at - 86400000000 > review->occurred_at"),
    # orders and what names them
    ("completions after the posting act", D + "orders.c", "	    activity->occurred_at < course->posts_at) {", "	    activity->occurred_at <= course->posts_at) {"),
    ("a cancellation at the posting voids", D + "orders.c", "	return from < course->posts_at;", "	return from <= course->posts_at;"),
    ("one more than the remainder", D + "admission.c", "	if (back->amount > left) {", "	if (back->amount > left + 1) {"),
    ("closed a moment later", D + "admission.c", "t >= admission->closures[i].from", "t > admission->closures[i].from"),
    # what shows
    ("the first override shows, not the last", D + "timeline.c", "	for (size_t i = book->n_overrides; i-- > 0;) {", "	for (size_t i = 0; i < book->n_overrides; i++) {"),
    ("an override holds at its end", D + "timeline.c", "(until == 0 || at < until)", "(until == 0 || at <= until)"),
    # hot records
    ("hot: a change acts an instant late", D + "hot.c", "		if (at > now) {\n", "		if (at >= now) {\n"),
    ("hot: the end is no end", D + "hot.c", "		if (left == 0) { /* this was the end */", "		if (left > 99) {"),
    ("hot: a newer version does not end it", D + "hot.c", "	if (now >= overtaken || ", "	if ("),
    ("hot: a newer version ahead is not told", D + "hot.c", "	next = overtaken < next ? overtaken : next;\n", ""),
    ("hot: the end of protection stands", D + "hot.c", "after->protected_until != before->protected_until", "before == &blank"),
    ("hot: a change of credibility is not kept", D + "hot.c", "after->credibility != before->credibility ||", "before == &blank ||"),
]
