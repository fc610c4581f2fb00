# SPDX-License-Identifier: Apache-2.0
"""Numbered cases of the programme, end to end: exchange and metric deltas."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from memberd import M, Clock, order, ref, refused

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
                 lambda: api.benefits.CheckBenefit(member=ref(4711), benefit_id="value-channel-discount"),
                 lambda: api.members.LookupMember(identity=dict(issuer="shop", external_id="nobody"))):
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            call()


@pytest.mark.parametrize("months, tier", [(0, "TIER_PLATINUM"), (11, "TIER_PLATINUM"), (13, "TIER_GOLD")])
def test_time_alone_moves_a_member_down(start, home, months, tier):
    """Platinum in November; nothing more is bought. The clock of the running daemon moves."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    member = api.enroll("ada")
    result = api.record(order(member, "e1", 4058334))[0]
    names = M.GetMemberResponse.DESCRIPTOR.file.pool.FindEnumTypeByName("memberd.v1.Tier").values_by_number
    assert names[result.tier].name == "TIER_PLATINUM"
    year, month = divmod(10 + months, 12)
    clock.set(f"{2026 + year}-{month + 1:02}-21T08:00:00+08:00")
    assert names[api.score(member).tier].name == tier
