# SPDX-License-Identifier: Apache-2.0
"""Writers and readers hammer the same few members while everything around memberd fails; a checker follows every
answer's revision and finds none older than promised.

What is promised, and checked of every answer about a member:
- its revision is at least min_revision, and at least the greatest one that a write had acknowledged before the call
  began: one process reads its own writes. What only a read had shown (it is committed, its answer is on the way) is
  seen by all after --max-staleness-ms at the latest. None of it vanishes again, not after kill -9 either;
- answers to the same question at the same revision, in the same epoch (no clock moved, no policy published), are
  equal to the byte, whoever gave them: process cache, Redis or store;
- score and tier are those that GetScore (always folded from the ledger) and the writes told of that revision.

Faults, activities and questions come from the seed; how the threads meet does not, so a seed that fails may have to
be run again."""
import collections
import random
import threading
import time

from memberd import Failure, M

NOT_THERE = ("UNAVAILABLE", "CANCELLED", "DEADLINE_EXCEEDED")  # memberd is not there: no answer is no wrong answer

STALENESS = 1.0  # seconds: the default of --max-staleness-ms

Event = collections.namedtuple("Event", "begin end who what member floor revision epoch note")


class Incoherent(AssertionError):
    pass


class Checker:
    """What was told so far, and whether an answer may be. Any thread."""

    def __init__(self, seed):
        self.seed = seed
        self.lock = threading.Lock()
        self.began = time.monotonic()
        self.epoch = 0          # odd: something that answers depend on is just changing
        self.acknowledged = {}  # member -> greatest revision that a write's answer told
        self.floor = {}         # member -> greatest revision that any answer told
        self.seen = collections.defaultdict(lambda: collections.deque(maxlen=100))  # member -> (when, floor from then on)
        self.truth = {}         # (member, epoch, revision) -> (score, tier), told by the ledger
        self.shown = {}         # the same -> [(score, tier)] shown by reads that came before the truth
        self.equal = {}         # (question, member, epoch, revision) -> bytes
        self.events = collections.defaultdict(lambda: collections.deque(maxlen=200))  # by member; None: everybody
        self.broken = None
        self.counts = collections.Counter()

    def now(self):
        return time.monotonic() - self.began

    def note(self, who, what, member=None, note="", **more):
        """Something happened that histories should show."""
        now = self.now()
        fields = dict(begin=now, end=now, floor="", revision="", epoch=self.epoch) | more
        self.events[member].append(Event(who=who, what=what, member=member, note=note, **fields))

    def history(self, member):
        rows = sorted([*self.events[member], *self.events[None]], key=lambda event: event.end)[-120:]
        return "\n".join(f"{row.begin:10.4f} {row.end:10.4f} {row.who:<8} {row.what:<20} floor {row.floor!s:<4} "
                         f"revision {row.revision!s:<4} epoch {row.epoch!s:<4} {row.note}" for row in rows)

    def fail(self, member, text):
        with self.lock:
            if self.broken is None:
                self.broken = Incoherent(f"seed {self.seed}: member {member}: {text}\n{self.history(member)}")
        raise self.broken

    # a call

    def begin(self):
        with self.lock:
            return self.now(), self.epoch, dict(self.acknowledged)

    def took(self, begun, who, what, member, info, *, least=0, standing=None, same=None, truth=None, wrote=False, note=""):
        """An answer about a member. least: its min_revision; standing: (score, tier) that it shows; same: (question,
        answer) that must be equal; truth: (score, tier) by the ledger; wrote: it acknowledges."""
        begin, epoch, acknowledged = begun
        with self.lock:
            old = [revision for when, revision in self.seen[member] if when < begin - STALENESS]
            floor = max(acknowledged.get(member, 0), least, *old[-1:])
            if self.floor.get(member, 0) > info.revision:
                self.counts["older within the time"] += 1
        with self.lock:
            epoch = epoch if epoch == self.epoch and epoch % 2 == 0 else None
            self.counts[what] += 1
            self.events[member].append(Event(begin, self.now(), who, what, member, floor, info.revision, epoch,
                                             f"{standing or truth or ''} until {info.valid_until.seconds} {note}"))
            if info.revision > self.floor.get(member, 0):
                self.floor[member] = info.revision
                self.seen[member].append((self.now(), info.revision))
            if wrote:
                self.acknowledged[member] = max(self.acknowledged.get(member, 0), info.revision)
        if info.revision < floor:
            self.fail(member, f"{who} was told revision {info.revision} by {what}, and {floor} was told before")
        if epoch is None:
            return
        key = member, epoch, info.revision
        with self.lock:
            if truth is not None:
                known = self.truth.setdefault(key, truth)
                shown = [*self.shown.pop(key, ()), known]
            else:
                known, shown = self.truth.get(key), [standing] if standing is not None else []
                if known is None:
                    self.shown.setdefault(key, []).extend(shown)
                    shown = []
                elif shown:
                    self.counts["compared"] += 1
            before = same and self.equal.setdefault((same[0], *key), same[1])
        for each in [*shown, *([truth] if truth is not None else [])]:
            if known is not None and each != known:
                self.fail(member, f"{what} of revision {info.revision} shows score and tier {each}, the ledger says {known}")
        if same and before != same[1]:
            kind = M.GetMemberResponse if same[0] == "GetMember" else None
            told = [str(kind.FromString(each)) if kind else repr(each) for each in (before, same[1])]
            self.fail(member, f"two answers of {same[0]} at revision {info.revision}:\n{told[0]}\n{told[1]}")

    def changing(self):
        """What answers depend on is about to change: what is called meanwhile belongs to no epoch."""
        with self.lock:
            self.epoch += 1
            assert self.epoch % 2 == 1

    def changed(self):
        with self.lock:
            self.epoch += 1


class World:
    """memberd, its clock, its Redis if it has one, and the threads around them."""

    def __init__(self, seed, members, start, clock, arguments, redis=None, between=None):
        self.seed, self.checker = seed, Checker(seed)
        self.start_daemon, self.clock, self.arguments = start, clock, arguments
        self.redis, self.between = redis, between
        self.generation, self.daemon = 0, None
        self.ending = threading.Event()
        self.published = 1
        self.clock_at = None
        self.totals = collections.Counter()  # metrics of memberds that are gone
        # whoever calls holds `calling`; a comparison at rest waits until nobody does
        self.rest = threading.Condition()
        self.calling, self.resting = 0, False
        self.members = []
        self.launch()
        api = self.daemon.api()
        self.members = [api.enroll(f"m{n}") for n in range(members)]
        self.identities = {member: f"m{n}" for n, member in enumerate(self.members)}
        self.crowd = []

    def random(self, name):
        return random.Random(f"{self.seed} {name}")

    # memberd

    def launch(self):
        self.daemon = self.start_daemon(*self.arguments, clock=self.clock.spec)
        self.generation += 1

    def leave(self, kill):
        """It ends, by kill -9 or in peace, and another goes on with its data."""
        try:
            samples = self.daemon.metrics()
        except OSError:
            samples = {}
        for name, value in samples.items():
            if name.endswith("_total") and name.startswith("memberd_"):
                self.totals[name] += value
        if kill:
            self.daemon.kill()
        else:
            assert self.daemon.stop() == 0
        self.clock.again()
        self.launch()

    def total(self, name):
        return self.totals[name] + self.daemon.metrics()[name]

    # callers

    def enter(self):
        with self.rest:
            while self.resting:
                self.rest.wait()
            self.calling += 1

    def exit(self):
        with self.rest:
            self.calling -= 1
            self.rest.notify_all()

    def at_rest(self, function):
        with self.rest:
            self.resting = True
            while self.calling:
                self.rest.wait()
        try:
            function()
        finally:
            with self.rest:
                self.resting = False
                self.rest.notify_all()

    def thread(self, caller):
        def run():
            try:
                while not self.ending.is_set():
                    self.enter()
                    try:
                        caller.step()
                    except Failure as failure:
                        if failure.code not in NOT_THERE:
                            raise
                        time.sleep(0.02)
                    finally:
                        self.exit()
            except Incoherent:
                self.ending.set()
            except BaseException as error:  # pylint: disable=broad-except
                with self.checker.lock:
                    self.checker.broken = self.checker.broken or error
                self.ending.set()
        thread = threading.Thread(target=run, name=caller.name)
        thread.start()
        return thread


class Caller:
    def __init__(self, world, name):
        self.world, self.name, self.rng = world, name, world.random(name)
        self.checker = world.checker
        self.generation, self._api = 0, None

    @property
    def api(self):
        """A channel to the memberd of now."""
        if self.generation != self.world.generation:
            if self._api is not None:
                self._api.close()
            self.generation, self._api = self.world.generation, self.world.daemon.api()
        return self._api

    def some(self, most):
        return self.rng.sample(self.world.members, self.rng.randint(1, most))


def shown(standing):
    return standing.score, standing.tier


def bytes_of(answer):
    return answer.SerializeToString(deterministic=True)
