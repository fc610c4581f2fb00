# SPDX-License-Identifier: Apache-2.0
"""No answer is older than promised, whatever fails (coherence.py). Seconds here, minutes with
MEMBERD_COHERENCE_SECONDS=600; MEMBERD_COHERENCE_SEED chooses another run."""
import datetime
import os

import pytest

from coherence import Checker, Incoherent, World, bytes_of
from coherence_faults import hammer
from memberd import Clock, M, NOW, ref

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

    assert begun((1, {}), (1, {}), (2, {}), (2, {"least": 2})).floor == {"1": 2}
    for answers, what in (
            ([(2, {}), (1, {})], "revision 1 by GetMember, and 2"),
            ([(1, {"least": 2})], "revision 1 by GetMember, and 2"),
            ([(1, {"truth": (5, 1)}), (1, {"standing": (6, 1)})], r"\(6, 1\), the ledger says \(5, 1\)"),
            ([(1, {"standing": (6, 1)}), (1, {"truth": (5, 1)})], r"\(6, 1\), the ledger says \(5, 1\)"),
            ([(1, {"truth": (5, 1)}), (1, {"truth": (5, 2)})], r"\(5, 2\), the ledger says \(5, 1\)"),
            ([(1, {"same": ("q", b"a")}), (1, {"same": ("q", b"b")})], "two answers of q at revision 1")):
        with pytest.raises(Incoherent, match=what):
            begun(*answers)
    # what began before it was told may be older; what belongs to two epochs may differ
    checker = begun((1, {"truth": (5, 1), "same": ("q", b"a")}))
    early = checker.begin()
    checker.took(checker.begin(), "planted", "GetMember", "1", told(2))
    checker.took(early, "planted", "GetMember", "1", told(1))
    checker.changing()
    during = checker.begin()
    checker.changed()
    for begin_ in (during, checker.begin()):
        checker.took((*begin_[:2], {}), "planted", "GetMember", "1", told(1), standing=(6, 1), same=("q", b"b"))


def begin(start, home, *arguments, members=36, **more):
    return World(SEED, members, start, MovingClock(home), [*QUIET, *SWEEP, *arguments], **more)


def verify(world, start, home):
    """A memberd that knows nothing but the ledger says the same of everybody."""
    answers = {member: world.daemon.api().members.GetMember(member=ref(member)) for member in world.members}
    world.leave(kill=True)
    api = world.daemon.api()
    for member, answer in answers.items():
        again = api.members.GetMember(member=ref(member), min_revision=answer.info.revision)
        assert bytes_of(again) == bytes_of(answer), world.checker.history(member)


def test_nothing_is_older_than_promised(start, home, record_property):
    world = begin(start, home)
    faults = hammer(world, SECONDS)
    counts = world.checker.counts
    record_property("faults", dict(faults))
    record_property("calls", dict(counts))
    assert counts["compared"] > 50 and counts["RecordActivities"] > 20
    verify(world, start, home)
