# SPDX-License-Identifier: Apache-2.0
"""What time does to members is told while nobody writes to them: in time, late, and across kills."""
import os
import time

from memberd import DEADLINE, Clock, order, ref

SWEEP = ("--sweep-every-ms", "20", "--sweep-pause-ms", "1", "--sweep-members", "4")
MEMBERS = 24


def told(api, member):
    """Without known_at."""
    rows = api.members.ListTierHistory(member=ref(member), view="TIER_HISTORY_VIEW_TOLD", page_size=200).transitions
    out = []
    for row in rows:
        row.ClearField("known_at")
        out.append(row.SerializeToString(deterministic=True))
    return out


def folded(api, member):
    rows = api.members.ListTierHistory(member=ref(member), page_size=200).transitions
    return [row.SerializeToString(deterministic=True) for row in rows]


def wait_until_told(api, members):
    end = time.monotonic() + DEADLINE
    for member in members:
        while told(api, member) != folded(api, member):
            assert time.monotonic() < end, "the sweeper does not come"
            time.sleep(0.02)


def begin(start, home, sweep=SWEEP):
    clock = Clock(home, "2026-10-05T12:00:00+08:00")
    daemon = start(*sweep, clock=clock.spec, home=home)
    api = daemon.api()
    members = [api.enroll(f"m{at}") for at in range(MEMBERS)]
    results = api.record(*[order(member, f"e{at}", 1000000 + at * 1000) for at, member in enumerate(members)])
    assert all(result.status.code == 0 for result in results)
    return clock, daemon, api, members


def revisions(api, members):
    return [api.score(member).info.revision for member in members]


def case_34_a_window_that_rolls_with_no_activity_is_told_as_predicted(start, home):
    clock, daemon, api, members = begin(start, home)
    before = revisions(api, members)
    clock.set("2026-10-20T12:00:00+08:00")  # all have posted
    wait_until_told(api, members)
    schedule = [(change.at.ToJsonString(), change.tier) for change in api.score(members[0]).schedule]
    tiers = [(at, tier) for (at, tier), (_, was) in zip(schedule[1:], schedule) if tier != was]
    clock.set("2028-06-01T12:00:00+08:00")
    wait_until_told(api, members)
    rows = api.members.ListTierHistory(member=ref(members[0]), view="TIER_HISTORY_VIEW_TOLD").transitions
    assert [(row.effective_at.ToJsonString(), row.to_tier) for row in rows if row.to_tier < row.from_tier] == tiers
    assert revisions(api, members) == before
    metrics = daemon.metrics()
    assert metrics["memberd_sweep_members_total"] >= MEMBERS
    assert metrics["memberd_sweep_failures_total"] == 0


def test_a_kill_in_the_middle_of_sweeping_loses_and_repeats_nothing(start, home):
    clock, daemon, api, members = begin(start, home)
    for year in range(2027, 2030):
        clock.set(f"{year}-10-20T12:00:00+08:00")
        time.sleep(0.03)  # somewhere in the round
        daemon.kill()
        os.unlink(clock.path)
        clock = Clock(home, f"{year}-10-20T12:00:00+08:00")
        daemon = start(*SWEEP, clock=clock.spec, home=home)
        api = daemon.api()
        wait_until_told(api, members)
    assert all(len(told(api, member)) >= 3 for member in members)


def test_without_the_sweeper_the_next_write_tells(start, home):
    clock, daemon, api, members = begin(start, home, sweep=())
    clock.set("2028-06-01T12:00:00+08:00")
    time.sleep(0.1)
    assert told(api, members[0]) != folded(api, members[0])
    api.record(order(members[0], "later", 100, occurred_at="2028-05-30T12:00:00+08:00", completed_at="2028-05-30T13:00:00+08:00"))
    assert told(api, members[0]) == folded(api, members[0])
