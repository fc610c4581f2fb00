# SPDX-License-Identifier: Apache-2.0
"""What people decide about members, and what it does to score, tier and benefits."""
import pytest

import decisions
from decisions import LATER, NOW, Decide, allowed, answer, number, opening, parts, share, standing, taken, told, vote
from memberd import Clock, M, at, order, ref, refused

BRONZE, SILVER, GOLD, PLATINUM, DIAMOND, BLACK = range(1, 7)


@pytest.fixture
def decide(api):
    return Decide(api)


def rich(api, name="ada"):
    """Two orders of CNY 50,000: 1,700 for the spend, 2 days, 1 platform, 1 category = 1,714."""
    member = api.enroll(name)
    taken(api.record(order(member, "e1", 5000000), order(member, "e2", 5000000, occurred_at="2026-10-03T12:00:00+08:00",
                                                        completed_at="2026-10-04T12:00:00+08:00")))
    assert api.score(member).score.score == 1714
    return member


# ---- fraud ----

def case_15_proven_fraud_re_tiers_at_once_and_is_audited(api, decide):
    member = rich(api)
    assert standing(api, member).tier == DIAMOND and standing(api, member).HasField("protected_until")
    found = decide.fraud(member, "e2", reason="no goods were sent")
    # 740 + 360 for CNY 50,000, a day less; a penalty of 50
    assert (found.state, found.score, found.tier) == (number("EntryState", "ENTRY_STATE_APPLIED"), 1063, PLATINUM)
    now = standing(api, member)
    assert (now.tier, now.score, now.credibility_bp, now.at_risk) == (PLATINUM, 1063, 8000, False)
    assert not now.HasField("protected_until")
    assert parts(api, member)["penalty"] == -50 * 10**6
    assert not allowed(api, member, "limited-products").allowed
    records = api.audit.ListAuditRecords(member=ref(member)).records
    assert [(record.action, record.actor, record.member_id) for record in records] == [("score.fraud", "admin", member)]
    assert "no goods were sent" in records[0].detail and "e2 of shop" in records[0].detail
    assert found.entry_id in records[0].detail
    history = api.members.ListTierHistory(member=ref(member)).transitions
    assert (history[-1].from_tier, history[-1].to_tier) == (DIAMOND, PLATINUM)
    # taken back: the score is what it was, and attains the tier anew
    undone = decide.reverse(member, f"r{found.info.revision}", source="memberd")
    assert (undone.score, undone.tier) == (1714, DIAMOND)
    assert standing(api, member).credibility_bp == 10000
    with refused("FAILED_PRECONDITION", "FINDING_EXISTS"):
        decide.fraud(member, "e2")


def test_a_finding_waits_for_what_it_names(api, decide):
    member = rich(api)
    found = decide.fraud(member, "late")
    assert (found.state, found.score) == (number("EntryState", "ENTRY_STATE_PARKED"), 1714)
    result = api.record(told(member, "late", post=dict(content="p")))[0]
    assert [(woken.source, woken.source_event_id, woken.state) for woken in result.woken] == [
        ("memberd", f"r{found.info.revision}", number("EntryState", "ENTRY_STATE_APPLIED"))]
    assert standing(api, member).credibility_bp == 8000


def test_what_cannot_be_found_fake_void_or_reversed(api, decide):
    member = rich(api)
    other = api.enroll("bob")
    taken(api.record(told(member, "c1", completion=dict(order=dict(order_id="o-e1"), completed_at=at(NOW)))))
    credibility = decide.credibility(member, -100)
    own = f"r{credibility.info.revision}"
    before = api.members.GetMember(member=ref(member))
    for method in (decide.void, decide.reverse):
        with refused("NOT_FOUND", "ACTIVITY_NOT_FOUND", "activity"):
            method(member, "nothing")
        with refused("NOT_FOUND", "ACTIVITY_NOT_FOUND", "activity"):
            method(other, "e1")
    for event, source in (("c1", "shop"), (own, "memberd")):
        with refused("FAILED_PRECONDITION", "FINDING_NOT_ALLOWED"):
            decide.fraud(member, event, source=source)
        with refused("FAILED_PRECONDITION", "UNDO_NOT_ALLOWED"):
            decide.reverse(member, event, source=source)
    with refused("FAILED_PRECONDITION", "VOID_NOT_ALLOWED"):
        decide.void(member, own, source="memberd")
    assert api.members.GetMember(member=ref(member)) == before
    decide.void(member, "c1")
    with refused("FAILED_PRECONDITION", "VOID_NOT_ALLOWED"):
        decide.void(member, "c1")


# ---- void and reverse ----

def test_a_void_has_never_been_and_a_reversal_begins_now(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    voided, reversed_ = rich(api, "void"), rich(api, "reverse")
    before = at("2026-11-01T00:00:00+08:00")
    clock.advance(60)
    assert decide.void(voided, "e2").score == decide.reverse(reversed_, "e2").score == 1113
    assert api.score(voided, as_of=before).score.score == 1113
    assert api.score(reversed_, as_of=before).score.score == 1714
    # what was known before the decisions is what was answered then
    for member in (voided, reversed_):
        assert api.score(member, as_of=before, known_at=at(NOW[:17] + "30+08:00")).score.score == 1714
        assert standing(api, member).tier == (PLATINUM if member == voided else DIAMOND)


def test_what_is_left_of_an_order_is_reversed(api, decide):
    member = api.enroll("ada")
    taken(api.record(order(member, "e1", 0, lines=[(1, 10000), (2, 20000), (3, 30000)]),
                     told(member, "r1", reversal=dict(order=dict(order_id="o-e1"), lines=[
                         dict(line_no=1, currency="CNY", amount=10000), dict(line_no=2, currency="CNY", amount=1)]))))
    assert api.score(member).score.spend.minor == 49999
    done = decide.reverse(member, "e1")
    assert done.state == number("EntryState", "ENTRY_STATE_APPLIED")
    assert api.score(member).score.spend.minor == 0
    with refused("FAILED_PRECONDITION", "REFUND_OVER_REMAINDER", "activity"):
        decide.reverse(member, "e1")
    # the reversal is an activity that can be taken back; what the platform reversed stays
    decide.reverse(member, f"r{done.info.revision}", source="memberd")
    assert api.score(member).score.spend.minor == 49999
    decide.reverse(member, "r1")
    assert api.score(member).score.spend.minor == 60000
    decide.reverse(member, "e1")
    assert api.score(member).score.spend.minor == 0


def test_an_order_in_another_currency_is_reversed_in_it(api, decide):
    member = api.enroll("ada")
    taken(api.record(order(member, "e1", 10000, currency="USD")))
    assert api.score(member).score.spend.minor == 70000
    decide.reverse(member, "e1")
    assert api.score(member).score.spend.minor == 0


def test_a_cancelled_order_is_closed(api, decide):
    member = api.enroll("ada")
    taken(api.record(order(member, "e1", 10000),
                     told(member, "c", cancellation=dict(order=dict(order_id="o-e1")))))
    with refused("FAILED_PRECONDITION", "ORDER_CLOSED"):
        decide.reverse(member, "e1")
    decide.reverse(member, "c")
    assert api.score(member).score.spend.minor == 10000


def test_interactions_are_reversed(api, decide):
    ada, bob = api.enroll("ada"), api.enroll("bob")
    taken(api.record(order(ada, "e1", 1000000), vote(ada, "v", bob), share(ada, "s"), opening(ada, "o", "s", bob),
                     answer(ada, "a", bob), told(ada, "visit", visit=dict(platform="PLATFORM_FOOD", store="x"))))
    counts = {"votes": "v", "shares": "o", "answers": "a", "visits": "visit"}
    for kind, event in counts.items():
        assert kind in parts(api, ada)
        decide.reverse(ada, event)
        assert kind not in parts(api, ada)
    assert not set(counts) & set(parts(api, ada))


# ---- overrides ----

def case_38_when_an_override_ends_the_natural_tier_shows(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    member = api.enroll("ada")
    end = "2026-11-22T08:00:00+08:00"
    given = decide.override(member, "BLACK_DIAMOND", end, reason="lost parcel")
    assert given.member.standing.tier == BLACK and given.member.standing.natural_tier == BRONZE
    assert given.member.standing.shown_until == at(end) == given.info.valid_until
    assert allowed(api, member).allowed and allowed(api, member, "dedicated-concierge").allowed
    offer = api.vip.GetUpgradeOffer(member=ref(member))
    assert offer.nominal_fee and offer.info.valid_until == at(end)
    score = api.score(member)
    assert (score.score.score, score.tier, score.level) == (0, BLACK, 1)
    assert [(change.at, change.tier) for change in score.schedule][:1] == [(at(end), BRONZE)]
    clock.set("2026-11-22T07:59:59.999999+08:00")
    assert standing(api, member).tier == BLACK
    clock.set(end)
    now = standing(api, member)
    assert (now.tier, now.natural_tier, now.HasField("shown_until")) == (BRONZE, BRONZE, False)
    assert not allowed(api, member).allowed and not api.vip.GetUpgradeOffer(member=ref(member)).nominal_fee
    assert allowed(api, member, as_of=at("2026-11-21T12:00:00+08:00")).allowed
    assert not api.members.ListTierHistory(member=ref(member)).transitions  # the natural tier never changed


def test_the_override_made_last_shows_up_or_down(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    member = rich(api)
    for tier, until, shown in (("GOLD", "2026-11-25T08:00:00+08:00", GOLD), ("BLACK_DIAMOND", "2026-11-24T08:00:00+08:00", BLACK),
                               ("BRONZE", "2026-11-23T08:00:00+08:00", BRONZE)):
        assert decide.override(member, tier, until).member.standing.tier == shown
    assert not allowed(api, member).allowed
    for day, shown in ((23, BLACK), (24, GOLD), (25, DIAMOND)):
        clock.set(f"2026-11-{day}T08:00:00+08:00")
        assert standing(api, member).tier == shown, day
        assert standing(api, member).natural_tier == DIAMOND
    decide.override(member, "GOLD")
    assert decide.override(member).member.standing.tier == DIAMOND  # natural again
    assert not standing(api, member).HasField("shown_until")


def test_the_natural_tier_runs_on_beneath(api, decide):
    member = api.enroll("ada")
    decide.override(member, "GOLD")
    assert api.record(order(member, "e1", 5000000))[0].tier == GOLD
    now = standing(api, member)
    assert (now.tier, now.natural_tier, now.score) == (GOLD, PLATINUM, 1113)
    assert decide.override(member).member.standing.tier == PLATINUM


# ---- suspension ----

def case_72_suspended_is_recorded_and_has_no_benefits(api, decide):
    member = rich(api)
    assert allowed(api, member).allowed and allowed(api, member, "marriott-status").allowed
    done = decide.suspend(member)
    state = number("MemberState", "MEMBER_STATE_SUSPENDED")
    assert done.member.state == state and done.entry_id and done.info.revision == 4
    assert api.members.LookupMember(identity=dict(issuer="shop", external_id="ada")).state == state
    assert api.members.GetMember(member=ref(member)).member.state == state
    listed = api.members.ListMembers(state="MEMBER_STATE_SUSPENDED").members
    assert [row.member.member_id for row in listed] == [member]
    assert not api.members.ListMembers(state="MEMBER_STATE_ACTIVE").members
    # recorded, and it counts
    result = taken(api.record(order(member, "e3", 1000000)))[0]
    assert result.score > 1714 and api.score(member).score.score == result.score
    # no benefits, whatever he would have
    refused_ = [allowed(api, member), allowed(api, member, "dedicated-concierge"),
                *api.benefits.ListMemberBenefits(member=ref(member)).locked,
                *[status.entitlement for status in api.benefits.GetHotelStatus(member=ref(member)).statuses]]
    assert len(refused_) > 20
    for entitlement in refused_:
        assert not entitlement.allowed and entitlement.reason == number("BenefitReason", "BENEFIT_REASON_NOT_NOW")
        assert entitlement.unlock == M.Unlock(reinstatement=True)
    assert not api.benefits.ListMemberBenefits(member=ref(member)).held
    offer = api.vip.GetUpgradeOffer(member=ref(member))
    assert not offer.offered and not offer.HasField("price") and offer.unlock_reinstatement and not offer.unlock_tier
    # and back
    again = decide.suspend(member, False)
    assert again.member.state == number("MemberState", "MEMBER_STATE_ACTIVE") and allowed(api, member).allowed
    assert api.vip.GetUpgradeOffer(member=ref(member)).nominal_fee


def test_what_was_is_answered_again_when_it_is_over(start, home):
    """As of an instant and known then, nothing tells of what people decided later."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    member = api.enroll("ada")

    def answers(**fields):
        return [api.members.GetMember(member=ref(member), **fields).member,
                api.benefits.ListMemberBenefits(member=ref(member), **fields).locked]

    before = {}
    for hour, suspended in ((9, True), (10, False), (11, True)):
        clock.set(f"2026-11-21T{hour:02}:30:00+08:00")
        before[at(f"2026-11-21T{hour:02}:30:00+08:00").seconds] = answers()
        clock.set(f"2026-11-21T{hour:02}:45:00+08:00")
        decide.suspend(member, suspended)
    clock.set("2026-11-21T12:30:00+08:00")
    for seconds, was in before.items():
        instant = type(at(NOW))(seconds=seconds)
        assert answers(as_of=instant, known_at=instant) == was
        assert answers(as_of=instant) == was


def test_a_suspended_member_pays_the_whole_price(api, decide):
    member = api.enroll("ada")
    decide.override(member, "BLACK_DIAMOND")
    basket = dict(member=ref(member), currency="CNY", lines=[
        dict(line_no=1, public_price=10000, member_price=9000, channel="BASKET_CHANNEL_VALUE")])
    before = api.benefits.QuoteDiscount(**basket)
    assert before.percent_off == 1800
    decide.suspend(member)
    quote = api.benefits.QuoteDiscount(**basket)
    assert (quote.percent_off, quote.total) == (0, before.total + 1800)
    assert all(not option.entitlement.allowed and option.entitlement.unlock.reinstatement for option in quote.percents)


def test_suspension_has_its_own_instants(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    member = rich(api)
    clock.set("2026-11-22T08:00:00+08:00")
    first = decide.suspend(member)
    clock.set("2026-11-23T08:00:00+08:00")
    same = decide.suspend(member)  # in that state already: nothing new
    assert same.entry_id == "" and same.info.revision == first.info.revision
    assert decide.suspend(member, False).entry_id
    assert decide.suspend(member, False).entry_id == ""
    assert decide.suspend(api.enroll("bob"), False).info.revision == 1
    for text, held in ((NOW, True), ("2026-11-22T07:59:00+08:00", True), ("2026-11-22T12:00:00+08:00", False)):
        assert allowed(api, member, as_of=at(text)).allowed == held, text
    assert allowed(api, member).allowed


# ---- credibility ----

def case_45_credibility_changes_interaction_only(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    ada, bob = api.enroll("ada"), api.enroll("bob")
    taken(api.record(order(ada, "e1", 1000000), share(ada, "s"), opening(ada, "o", "s", bob), vote(ada, "v", bob)))
    before = parts(api, ada)
    assert (before["shares"], before["votes"]) == (2 * 10**6, 10**6) and "credibility" not in before
    end = "2026-11-22T08:00:00+08:00"
    decide.credibility(ada, -5000, end)
    half = parts(api, ada)
    assert half.pop("credibility") == -1500000
    changed = {"fraction_dropped"}
    assert {kind: value for kind, value in half.items() if kind not in changed} == \
        {kind: value for kind, value in before.items() if kind not in changed}
    decide.credibility(ada, -10000)  # for ever, and not below nothing
    assert parts(api, ada)["credibility"] == -3000000 and standing(api, ada).credibility_bp == 0
    decide.credibility(ada, 10000)
    assert standing(api, ada).credibility_bp == 5000
    schedule = api.score(ada).schedule
    assert [(change.at, change.score) for change in schedule][:1] == [(at(end), sum(before.values()) // 10**6)]
    clock.set(end)
    assert standing(api, ada).credibility_bp == 10000 and "credibility" not in parts(api, ada)
    decide.credibility(ada, 9000)
    assert standing(api, ada).credibility_bp == 12000 and parts(api, ada)["credibility"] == 600000


# ---- links ----

def case_43_a_click_of_a_linked_account_counts_nothing_earlier_ones_too(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    decide = Decide(api)
    ada, bob, eve = (api.enroll(name) for name in ("ada", "bob", "eve"))
    taken(api.record(order(ada, "e1", 1000000),
                     share(ada, "s1"), opening(ada, "o0", "s1", ada), vote(ada, "v0", ada)))
    assert not {"shares", "votes"} & set(parts(api, ada))  # her own
    taken(api.record(opening(ada, "o1", "s1", bob), vote(ada, "v1", bob), vote(ada, "v2", eve), answer(ada, "a1", bob)))
    counted = {"shares": 2000000, "votes": 2000000, "answers": 2000000}
    assert {kind: parts(api, ada)[kind] for kind in counted} == counted
    clock.set("2026-11-22T08:00:00+08:00")
    linked = decide.link(bob, ada)  # whoever is named first
    assert (linked.member_id, linked.other_id) == (bob, ada) and linked.entry_id != linked.other_entry_id
    after = parts(api, ada)
    assert "shares" not in after and after["votes"] == 1000000 and after["answers"] == 2000000
    clock.set("2026-11-23T08:00:00+08:00")
    late = dict(occurred_at="2026-11-23T07:59:00+08:00")
    taken(api.record(vote(ada, "v3", bob, **late), answer(ada, "a2", bob, **late), vote(bob, "v4", ada, **late)))
    assert parts(api, ada)["votes"] == 1000000 and parts(api, ada)["answers"] == 2000000
    assert "votes" not in parts(api, bob)
    # before the link, and as it was known before it
    assert parts(api, ada, as_of=at("2026-11-22T07:00:00+08:00"))["votes"] == 2000000
    clock.set("2026-11-24T08:00:00+08:00")
    decide.unlink(ada, bob)
    assert parts(api, ada)["votes"] == 3000000 and parts(api, ada)["shares"] == 2000000
    assert parts(api, ada)["answers"] == 2000000  # decided when it was given


def test_what_is_linked_already_is_not_linked_again(api, decide):
    ada, bob, eve = (api.enroll(name) for name in ("ada", "bob", "eve"))
    nothing = decide.unlink(ada, bob)
    assert (nothing.entry_id, nothing.other_entry_id, nothing.info.revision, nothing.other_info.revision) == ("", "", 1, 1)
    first = decide.link(ada, bob)
    assert first.info.revision == first.other_info.revision == 2
    for members in ((ada, bob), (bob, ada)):
        again = decide.link(*members)
        assert (again.entry_id, again.info.revision, again.other_info.revision) == ("", 2, 2)
    assert decide.link(ada, eve).info.revision == 3  # another link
    assert decide.unlink(bob, ada).other_info.revision == 4
    assert decide.link(ada, bob).entry_id
    assert [record.action for record in api.audit.ListAuditRecords(member=ref(bob)).records] == \
        ["member.link", "member.unlink", "member.link"]


def test_a_link_is_between_two_who_are_there(api, decide):
    ada = api.enroll("ada")
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "other"):
        decide.link(ada, ada)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "other"):
        api.members.LinkMembers(member=ref(ada), other=dict(identity=dict(issuer="shop", external_id="ada")),
                                **decisions.kept({}))
    for members in ((ada, 4711), (4711, ada)):
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            decide.link(*members)
    assert api.members.GetMember(member=ref(ada)).info.revision == 1


# ---- previews ----

def case_77_preview_then_do_is_the_same_under_decisions(api, decide):
    ada, bob, eve = (api.enroll(name) for name in ("ada", "bob", "eve"))
    taken(api.record(order(ada, "e1", 3000000), share(ada, "s")))
    decide.link(ada, bob)
    decide.credibility(ada, -2500, LATER)
    decide.override(ada, "SILVER")
    decide.fraud(ada, "s")
    activities = [vote(ada, "v1", bob), vote(ada, "v2", eve), share(ada, "s2"), opening(ada, "o", "s2", eve),
                  order(ada, "e2", 999999, occurred_at="2026-11-01T12:00:00+08:00", completed_at="2026-11-02T12:00:00+08:00")]
    preview = api.scores.PreviewScore(member=ref(ada), activities=activities)
    results = taken(api.record(*activities))
    for would, did in zip(preview.results, results):
        assert (would.state, would.score, would.tier) == (did.state, did.score, did.tier)
    after = api.score(ada)
    for name in ("score", "tier", "level", "settled"):
        assert getattr(preview.after, name) == getattr(after, name), name
