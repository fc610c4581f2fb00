# SPDX-License-Identifier: Apache-2.0
"""The disk fails, or is full: what is told, what goes on, what comes back."""
import os
import re
import time

import pytest

from memberd import Clock, Failure, order, refused

WRITERS = ("memberd.v1.MemberService", "memberd.v1.ScoringService", "memberd.v1.PolicyService")


@pytest.fixture
def faulty(start, home):
    """(memberd, its api, a member with an order of CNY 1,000, arm): arm(spec) makes it fail from now on."""
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    member = api.enroll("ada")
    api.record(order(member, "e1", 100000))
    return daemon, api, member, clock.fault


def test_a_failed_commit_stops_writing_until_a_restart_and_reads_go_on(start, faulty):
    daemon, api, member, arm = faulty
    arm("store.sqlite.commit:1")
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.record(order(member, "e2", 100))
    daemon.wait_event("store takes no writes")
    # it does not heal by itself: a failed fsync must not be tried again
    for _ in range(3):
        with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
            api.record(order(member, "g", 100))
    for name in WRITERS:
        assert api.health(name) == "NOT_SERVING"
    for name in ("", "memberd.v1.BenefitService", "memberd.v1.VipService"):
        assert api.health(name) == "SERVING"
    status, text = daemon.http("/readyz")
    assert status == 503 and "until a restart" in text
    assert daemon.http("/healthz")[0] == 200
    assert daemon.metrics()["memberd_store_writable"] == 0
    assert api.score(member).score.spend.minor == 100000
    assert daemon.stop() == 0
    api = start().api()
    result = api.record(order(member, "e2", 100))[0]
    assert result.status.code == 0 and not result.replayed
    assert api.score(member).score.spend.minor == 100100
    assert api.health(WRITERS[0]) == "SERVING"


def test_a_commit_that_was_stored_but_not_told_is_not_counted_twice(start, faulty):
    """fsync failed after the bytes were there: the caller does not know, and sends again after the restart."""
    daemon, api, member, arm = faulty
    arm("store.sqlite.committed:1")
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.record(order(member, "e2", 100000))
    daemon.stop()
    api = start().api()
    assert api.record(order(member, "e2", 100000))[0].replayed
    assert api.score(member).score.spend.minor == 200000


def test_a_full_disk_stops_writes_for_as_long_as_it_is_full(faulty):
    daemon, api, member, arm = faulty
    arm("store.sqlite.full:1*0")
    with refused("UNAVAILABLE", "STORE_FULL"):
        api.record(order(member, "e2", 100000))
    daemon.wait_event("store takes no writes")
    status, text = daemon.http("/readyz")
    assert status == 200 and "the disk is full" in text
    assert daemon.metrics()["memberd_store_writable"] == 0
    for name in WRITERS:
        assert api.health(name) == "SERVING"
    arm("nothing:1")  # there is room again: nobody needs to restart anything
    assert api.score(member).score.spend.minor == 100000
    assert api.record(order(member, "e2", 100000))[0].status.code == 0
    daemon.wait_event("store is well again")
    assert daemon.metrics()["memberd_store_writable"] == 1
    assert api.score(member).score.spend.minor == 200000


def points():
    """Every fault point of what memberd is made of, from the sources."""
    tree = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    names = set()
    for root in ("src", "subprojects"):
        for folder, _, files in os.walk(os.path.join(tree, root)):
            for name in files:
                if name.endswith(".c") and not any(part in folder for part in ("/ctl", "/client")):
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        names.update(re.findall(r'FAULT\("([a-z0-9._]+)"\)', file.read()))
    assert len(names) > 20
    return sorted(names)


def work(api, name):
    """A little of everything, whatever comes of it; what was refused was refused in order."""
    for call in (lambda: api.enroll(name), lambda: api.record(order(1, "e1", 100)),
                 lambda: api.members.LookupMember(identity=dict(issuer="shop", external_id=name)),
                 lambda: api.benefits.ListBenefits(), lambda: api.health()):
        try:
            call()
        except Failure as failure:
            assert failure.code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "INTERNAL", "NOT_FOUND"), failure


@pytest.mark.parametrize("point", points())
def test_wherever_the_start_fails_it_says_so_and_the_next_one_works(start, point):
    """The first or second passing of a point fails: memberd starts all the same, or ends with
    one of its exit codes and a reason; and leaves nothing that stops the next start."""
    for number in (1, 2):
        daemon = start.spawn("--fault", f"{point}:{number}")
        while daemon.process.poll() is None and not daemon.events("serving"):
            time.sleep(0.02)
        if daemon.process.poll() is None:
            work(daemon.api(), f"eve{number}")
            assert daemon.stop() == 0, point
        else:
            assert daemon.process.returncode in (69, 70, 74, 75, 78), (point, number)
            told = daemon.events("cannot start")
            assert told and told[0]["story"] and told[0]["exit"] == daemon.process.returncode
    assert start().api().enroll("ada")
