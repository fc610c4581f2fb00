# SPDX-License-Identifier: Apache-2.0
"""Numbered cases of the programme, end to end: exchange and metric deltas."""
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from memberd import M, Clock, order, ref, refused

PLATFORMS = ["SHOPPING", "GROCERY", "FOOD", "TRAVEL", "TICKETS", "RIDES"]
TIERS, LEVELS, REASONS = (M.GetMemberResponse.DESCRIPTOR.file.pool.FindEnumTypeByName(f"memberd.v1.{name}").values_by_number
                          for name in ("Tier", "Level", "BenefitReason"))
RECORD = 'grpc_service="memberd.v1.ScoringService",grpc_method="RecordActivities"'


def total(name, code):
    return f'grpc_server_{name}_total{{{RECORD},grpc_code="{code}"}}'


def case_01_the_same_twice_is_one_entry(daemon, api):
    member = api.enroll("ada")
    before = daemon.settled()
    first = api.record(order(member, "e1", 100000))[0]
    second = api.record(order(member, "e1", 100000))[0]
    assert (first.status.code, first.replayed) == (0, False)
    assert (second.status.code, second.replayed) == (0, True)
    assert second.entry_id == first.entry_id and second.revision == first.revision
    assert second.state == first.state and second.score == first.score
    delta = daemon.settled().minus(before)
    assert delta[total("handled", "OK")] == 2
    assert delta[f"grpc_server_started_total{{{RECORD}}}"] == 2
    assert delta[f'grpc_server_handling_seconds_count{{{RECORD},grpc_code="OK"}}'] == 2


def case_02_the_same_key_with_another_amount_is_a_conflict(api):
    member = api.enroll("ada")
    api.record(order(member, "e1", 100000))
    before = api.score(member)
    result = api.record(order(member, "e1", 100001))[0]
    assert result.status.code == 6  # ALREADY_EXISTS
    assert result.status.details[0].type_url.endswith("google.rpc.ErrorInfo")
    assert b"ACTIVITY_CONFLICT" in result.status.details[0].value
    assert api.score(member) == before


def case_03_the_same_id_from_two_sources_is_two(api):
    member = api.enroll("ada")
    first, second = api.record(order(member, "e1", 100000, source="shop"),
                               order(member, "e1", 100000, source="food", platform="FOOD"))
    assert first.status.code == second.status.code == 0
    assert first.entry_id != second.entry_id
    assert not second.replayed


def case_04_fifty_concurrent_copies_are_one(daemon, api):
    member = api.enroll("ada")
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: api.record(order(member, "e1", 100000))[0], range(50)))
    assert {result.entry_id for result in results} == {results[0].entry_id}
    assert [result.replayed for result in results].count(False) == 1
    assert api.score(member).score.spend.minor == 100000


def case_05_a_crash_after_the_ack_loses_nothing_and_before_it_is_safe_to_retry(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    member = api.enroll("ada")
    acknowledged = api.record(order(member, "e1", 100000))[0]
    clock.fault("store.commit:1")
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.record(order(member, "e2", 50000))
    daemon.kill()
    api = start().api()
    again, retried = api.record(order(member, "e1", 100000), order(member, "e2", 50000))
    assert again.replayed and again.entry_id == acknowledged.entry_id
    assert retried.status.code == 0 and not retried.replayed
    assert api.score(member).score.spend.minor == 150000


def standing(api, member):
    """Score, tier, level and price of 88VIP, as each method tells them."""
    score, offer = api.score(member), api.vip.GetUpgradeOffer(member=ref(member))
    seen = api.members.GetMember(member=ref(member)).member.standing
    assert (score.tier, score.level, score.score.score) == (seen.tier, seen.level, seen.score)
    return seen.score, TIERS[seen.tier].name, LEVELS[seen.level].name, offer.price.minor if offer.offered else None


def case_17_exactly_1000_is_super_platinum_and_88(api):
    """200 + 540 + 20,750 at 0.012 for each CNY; a day, a platform. A fen less is one point less."""
    for amount, expected in ((4075000, (1000, "TIER_PLATINUM", "LEVEL_SUPER", 8800)), (4074999, (999, "TIER_GOLD", "LEVEL_STANDARD", 88800))):
        member = api.enroll(f"of {amount}")
        api.record(order(member, "e1", amount, category=""))
        assert standing(api, member) == expected


def top_of_the_programme(member):
    """350,000 and more on six platforms, 20 categories, 200 days: all that orders can give."""
    day = datetime.fromisoformat("2026-04-01T12:00:00+08:00")
    return [order(member, f"e{n}", 5000000, platform=PLATFORMS[n % 6], category=f"c{n % 20}",
                  occurred_at=(day + timedelta(days=n)).isoformat()) for n in range(200)]


def case_18_exactly_2500_is_the_apass_level_and_black_diamond_but_no_membership(api):
    member = api.enroll("ada")
    *most, last = top_of_the_programme(member)
    api.record(*most)
    assert standing(api, member)[:3] == (2499, "TIER_DIAMOND", "LEVEL_SUPER")
    api.record(last)
    assert standing(api, member) == (2500, "TIER_BLACK_DIAMOND", "LEVEL_APASS_LEVEL", 8800)
    listed = api.benefits.ListMemberBenefits(member=ref(member))
    assert len(listed.held) == 21
    by_apass = {"account-manager", "apass-events", "daily-brand-deals", "members-zone"}
    assert {one.benefit_id for one in listed.locked if one.unlock.apass} == by_apass
    for benefit in by_apass:
        told = api.benefits.CheckBenefit(member=ref(member), benefit_id=benefit).entitlement
        assert not told.allowed and REASONS[told.reason].name == "BENEFIT_REASON_NEEDS_APASS"


def case_32_six_minutes_ahead_is_refused_and_four_are_not(api):
    member = api.enroll("ada")
    ahead = dict(completed_at=None)
    late, early = api.record(order(member, "e1", 100, occurred_at="2026-11-21T08:06:00+08:00", **ahead),
                             order(member, "e2", 100, occurred_at="2026-11-21T08:04:00+08:00", **ahead))
    assert late.status.code == 3 and b"IN_FUTURE" in late.status.details[0].value
    assert early.status.code == 0


def case_75_one_bad_item_does_not_disturb_the_others(daemon, api):
    member = api.enroll("ada")
    before = daemon.settled()
    good, bad, unknown, last = api.record(order(member, "e1", 100000), order(member, "e2", -5),
                                          order(4711, "e3", 100), order(member, "e4", 100000))
    assert (good.status.code, last.status.code) == (0, 0)
    assert bad.status.code == 3 and unknown.status.code == 5
    assert bad.entry_id == unknown.entry_id == ""
    # score and revision are those after the whole batch
    assert good.score == last.score and good.info.revision == last.info.revision
    assert api.score(member).score.spend.minor == 200000
    assert daemon.settled().minus(before)[total("handled", "OK")] == 1


def case_76_the_explanation_adds_up_to_the_score(api):
    member = api.enroll("ada")
    for number, (platform, amount) in enumerate([("SHOPPING", 4058333), ("FOOD", 12345), ("TRAVEL", 99999),
                                                 ("GROCERY", 777), ("RIDES", 31), ("TICKETS", 1)]):
        api.record(order(member, f"e{number}", amount, platform=platform, category=f"c{number}"))
        for score in (api.score(member).score, api.score(member).settled):
            assert sum(part.micro_points for part in score.parts) == score.score * 1000000


def case_79_an_unknown_member_is_not_found_and_no_zero_is_made_up(api):
    for call in (lambda: api.members.GetMember(member=ref(4711)), lambda: api.score(4711),
                 lambda: api.benefits.ListMemberBenefits(member=ref(4711)),
                 lambda: api.benefits.GetHotelStatus(member=ref(4711)),
                 lambda: api.vip.GetUpgradeOffer(member=ref(4711)),
                 lambda: api.scores.GetTierProgress(member=ref(4711)),
                 lambda: api.scores.ListActivities(member=ref(4711)),
                 lambda: api.members.ListTierHistory(member=ref(4711)),
                 lambda: api.benefits.QuoteDiscount(member=ref(4711), currency="CNY", lines=[
                     M.BasketLine(line_no=1, public_price=1, channel="BASKET_CHANNEL_VALUE")]),
                 lambda: api.benefits.CheckBenefit(member=ref(4711), benefit_id="value-channel-discount"),
                 lambda: api.members.LookupMember(identity=dict(issuer="shop", external_id="nobody"))):
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            call()
    checks = [dict(member=ref(4711), benefit_id="value-channel-discount")]
    for response in (api.members.BatchGetMembers(members=[ref(4711)]), api.benefits.BatchCheckBenefits(checks=checks),
                     api.scores.RecordActivities(activities=[order(4711, "e1", 100)])):
        (result,) = response.results
        assert result.status.code == 5 and not result.HasField("info")
        assert {field.name for field, _ in result.ListFields()} == {"status"}


@pytest.mark.parametrize("months, tier", [(0, "TIER_PLATINUM"), (11, "TIER_PLATINUM"), (13, "TIER_GOLD")])
def test_time_alone_moves_a_member_down(start, home, months, tier):
    """Platinum in November; nothing more is bought. The clock of the running daemon moves."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    member = api.enroll("ada")
    result = api.record(order(member, "e1", 4058334))[0]
    assert TIERS[result.tier].name == "TIER_PLATINUM"
    year, month = divmod(10 + months, 12)
    clock.set(f"{2026 + year}-{month + 1:02}-21T08:00:00+08:00")
    assert TIERS[api.score(member).tier].name == tier
