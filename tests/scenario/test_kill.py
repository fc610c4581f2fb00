# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of writing, many times, then resume: nothing acknowledged is lost, nothing is
counted twice, and the end is that of an undisturbed run."""
import os
import random
import threading

from memberd import Failure, order, ref

ROUNDS = int(os.environ.get("SCENARIO_KILLS", "12"))
MEMBERS = 4
ORDERS = 400  # a member
BATCH = 20


def amount(member, number):
    return 1000 + (member * 7919 + number * 104729) % 50000


def activities(members):
    """Every sending of the run, in batches that mix members."""
    every = [order(member, f"e{number}", amount(at, number), occurred_at=f"2026-{1 + number % 10:02}-05T12:00:00+08:00",
                   completed_at=f"2026-{1 + number % 10:02}-06T12:00:00+08:00", category=f"c{number % 7}")
             for number in range(ORDERS) for at, member in enumerate(members)]
    return [every[at:at + BATCH] for at in range(0, len(every), BATCH)]


def enroll(api):
    return [api.enroll(f"m{at}", request_id=f"00000000-0000-4000-8000-{at:012}") for at in range(MEMBERS)]


def end_state(api, members):
    """What must be alike, however the run went: ids and revisions aside."""
    state = []
    for member in members:
        score = api.score(member)
        state.append((score.score.SerializeToString(), score.settled.SerializeToString(), score.tier, score.level,
                      [change.SerializeToString() for change in score.schedule], len(score.pending)))
    return state


def test_kills_at_random_moments_lose_and_double_nothing(start):
    chance = random.Random(20261121)
    daemon = start()
    api = daemon.api()
    members = enroll(api)
    batches = activities(members)
    acknowledged = {}  # key -> entry id
    at, kills, unsure = 0, 0, 0
    while at < len(batches):
        timer = None
        if kills < ROUNDS:
            timer = threading.Timer(chance.uniform(0.005, 0.25), daemon.kill)
            timer.start()
        try:
            while at < len(batches):
                for activity, result in zip(batches[at], api.record(*batches[at])):
                    assert result.status.code == 0, result.status
                    key = (result.member_id, activity.source_event_id)
                    assert acknowledged.setdefault(key, result.entry_id) == result.entry_id
                at += 1
        except Failure as failure:
            assert failure.code in ("UNAVAILABLE", "CANCELLED"), failure
            unsure += 1
        if timer is not None:
            timer.join()
            kills += 1
            at = min(at, chance.randrange(len(batches)))  # resume from somewhere before, too
            daemon = start()
            api = daemon.api()
            assert enroll(api) == members
            for member, event in chance.sample(sorted(acknowledged), min(40, len(acknowledged))):
                number = int(event[1:])
                sent = [a for a in batches[(number * MEMBERS) // BATCH] if
                        (a.member.member_id, a.source_event_id) == (member, event)]
                result = api.record(*sent)[0]
                assert result.replayed and result.entry_id == acknowledged[member, event]
    assert kills == ROUNDS and unsure > 0
    assert len(acknowledged) == MEMBERS * ORDERS
    disturbed = end_state(api, members)
    for at, member in enumerate(members):
        assert api.score(member).score.spend.minor == sum(amount(at, number) for number in range(ORDERS))
        assert api.members.GetMember(member=ref(member)).info.revision == 1 + ORDERS
    quiet = start("--store", "memory").api()
    twins = enroll(quiet)
    for batch in activities(twins):
        quiet.record(*batch)
    assert end_state(quiet, twins) == disturbed


def test_a_first_start_that_is_killed_can_be_repeated(start):
    chance = random.Random(7)
    for _ in range(5):
        daemon = start.spawn()
        try:
            daemon.process.wait(chance.uniform(0.01, 0.4))
        except Exception:
            pass
        daemon.kill()
    assert start().api().enroll("ada")
