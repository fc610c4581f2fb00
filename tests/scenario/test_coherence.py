# SPDX-License-Identifier: Apache-2.0
"""No answer is older than promised, whatever fails (coherence.py). Seconds here, minutes with
MEMBERD_COHERENCE_SECONDS=600; MEMBERD_COHERENCE_SEED chooses another run."""
import datetime
import os
import time

import pytest

from coherence import STALENESS, Checker, Incoherent, World, bytes_of
from coherence_callers import compare_at_rest
from coherence_faults import hammer
from memberd import DEADLINE, NOW, Clock, M, ref

SECONDS = float(os.environ.get("MEMBERD_COHERENCE_SECONDS", "6"))
SEED = os.environ.get("MEMBERD_COHERENCE_SEED", "20261121")
QUIET = ("--access-log", "off")
SWEEP = ("--sweep-every-ms", "50", "--sweep-pause-ms", "1", "--sweep-members", "8")


class MovingClock(Clock):
    """Knows what it says, and goes on from there at another start."""

    def __init__(self, home):
        # at no moment to which anything else is set
        self.time = datetime.datetime.fromisoformat(NOW) + datetime.timedelta(minutes=17, seconds=23)
        super().__init__(home, self.time.isoformat())

    def advance(self, seconds):
        self.time += datetime.timedelta(seconds=seconds)
        super().advance(seconds)

    def again(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.spec = f"socket:{self.path},{self.time.isoformat()}"

    def now_and(self, **delta):
        return (self.time + datetime.timedelta(**delta)).isoformat()


def told(revision):
    return M.AnswerInfo(revision=revision)


def test_the_checker_finds_what_is_wrong():
    """Each answer is right by itself, and one after it is not."""
    def begun(*answers):
        checker = Checker("planted")
        for revision, more in answers:
            checker.took(checker.begin(), "planted", "GetMember", "1", told(revision), **more)
        return checker

    assert begun((1, {}), (1, {}), (2, {}), (2, {"least": 2}), (1, {})).floor == {"1": 2}
    for answers, what in (
            ([(2, {"wrote": True}), (1, {})], "revision 1 by GetMember, and 2"),
            ([(1, {"least": 2})], "revision 1 by GetMember, and 2"),
            ([(1, {"truth": (5, 1)}), (1, {"standing": (6, 1)})], r"\(6, 1\), the ledger says \(5, 1\)"),
            ([(1, {"standing": (6, 1)}), (1, {"truth": (5, 1)})], r"\(6, 1\), the ledger says \(5, 1\)"),
            ([(1, {"truth": (5, 1)}), (1, {"truth": (5, 2)})], r"\(5, 2\), the ledger says \(5, 1\)"),
            ([(1, {"same": ("q", b"a")}), (1, {"same": ("q", b"b")})], "two answers of q at revision 1")):
        with pytest.raises(Incoherent, match=what):
            begun(*answers)
    # what only a read showed is seen by all in time
    checker = begun((2, {}))
    checker.began -= STALENESS + 1
    with pytest.raises(Incoherent, match="revision 1 by GetMember, and 2"):
        checker.took(checker.begin(), "planted", "GetMember", "1", told(1))
    # what began before it was told may be older; what belongs to two epochs may differ
    checker = begun((1, {"truth": (5, 1), "same": ("q", b"a")}))
    early = checker.begin()
    checker.took(checker.begin(), "planted", "RecordActivities", "1", told(2), wrote=True)
    checker.took(early, "planted", "GetMember", "1", told(1))
    checker.changing()
    during = checker.begin()
    checker.changed()
    for begin_ in (during, checker.begin()):
        checker.took((*begin_[:2], {}), "planted", "GetMember", "1", told(1), standing=(6, 1), same=("q", b"b"))


def begin(start, home, *arguments, members=36, **more):
    return World(SEED, members, start, MovingClock(home), [*QUIET, *SWEEP, *arguments], **more)


def believed(world):
    """All faults are over: Redis is used again, by itself."""
    end = time.monotonic() + DEADLINE
    while world.daemon.metrics()["memberd_redis_believed"] != 1:
        assert time.monotonic() < end, world.daemon.http("/readyz")
        time.sleep(0.02)


def verify(world):
    """A memberd that knows nothing but the ledger says the same of everybody."""
    world.arguments = [*QUIET, *SWEEP]
    api = world.daemon.api()
    answers = {member: api.members.GetMember(member=ref(member)) for member in world.members}
    world.leave(kill=True)
    api = world.daemon.api()
    for member, answer in answers.items():
        again = api.members.GetMember(member=ref(member), min_revision=answer.info.revision)
        assert bytes_of(again) == bytes_of(answer), world.checker.history(member)


def hammered(world, record_property):
    faults = hammer(world, SECONDS)
    counts = world.checker.counts
    record_property("faults", dict(faults))
    record_property("calls", dict(counts))
    record_property("memberd", {name: world.total(f"memberd_{name}_total") for name in (
        "cache_hits", "loads", "loads_joined", "redis_hits", "redis_misses", "redis_timeouts", "redis_reconnects", "redis_sets")})
    assert counts["compared"] > 50 and counts["RecordActivities"] > 20
    return faults


@pytest.mark.parametrize("cache", [(), ("--cache-mb", "0")], ids=["cache", "no cache"])
def test_nothing_is_older_than_promised(start, home, record_property, cache):
    world = begin(start, home, *cache)
    hammered(world, record_property)
    assert cache or world.total("memberd_cache_hits_total") > 0
    verify(world)


@pytest.mark.parametrize("cache", [(), ("--cache-mb", "0")], ids=["cache", "no cache"])
def test_nothing_is_older_than_promised_beside_an_ill_redis(start, home, redis, between, record_property, cache):
    world = begin(start, home, "--redis", between.url, *cache, redis=redis, between=between)
    hammered(world, record_property)
    assert cache or world.total("memberd_cache_hits_total") > 0
    assert world.total("memberd_redis_hits_total") > 0 or not cache
    between.well()
    believed(world)
    compare_at_rest(world)
    world.leave(kill=True)  # and Redis is all that it goes on with
    believed(world)
    compare_at_rest(world)
    verify(world)


def test_nothing_is_older_than_promised_where_there_is_little_room(start, home, redis, between, record_property):
    """A cache that holds only some of those who are asked for: records come and go all the time."""
    if SECONDS < 60:
        pytest.skip("takes minutes: set MEMBERD_COHERENCE_SECONDS")
    world = begin(start, home, "--redis", between.url, "--cache-mb", "1", redis=redis, between=between)
    api = world.daemon.api()
    world.crowd = [api.enroll(f"crowd{n}") for n in range(9000)]
    hammered(world, record_property)
    assert world.total("memberd_cache_evictions_total") > 0
    verify(world)
