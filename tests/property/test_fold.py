# SPDX-License-Identifier: Apache-2.0
"""Random worlds through the domain alone, compared with the oracle: verdicts, scores, parts, history of all
tracks, states, counted amounts, caps, pending, schedule, on both axes of time. And their hot records, compared
with the folds of later instants.

MEMBERD_PROPERTY_SEED=N begins with that world, MEMBERD_PROPERTY_SECONDS=S goes on that long. A failing world
is shrunk and kept in regressions/ (or in the folder that MEMBERD_PROPERTY_KEEP names), which every run replays."""
import glob
import os
import random
import time

import oracle
import pytest
from memberd import BUILD
from oracle import DAY, Fold, key_of

import shrink
from play import OWN, entry_of
from probe import NEVER, Probe, compare, compare_hot
from world import ME, World

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("MEMBERD_FOLD_PROBE", os.path.join(BUILD, "tests/property/fold_probe"))
NOW = 1795248000_000000  # 2026-11-21T16:00:00+08:00
SECONDS = float(os.environ.get("MEMBERD_PROPERTY_SECONDS", "4"))
SEED = int(os.environ.get("MEMBERD_PROPERTY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)


@pytest.fixture(scope="module")
def probe():
    made = Probe(PROGRAM)
    yield made
    made.close()


def check(probe, case):
    """One question about one ledger: a verdict on `new`, the hot record of t at instants `then`, or the whole answer at t
    as known at known_at."""
    entries, policies, me = case["entries"], case["policies"], case["me"]
    probe.load(entries, policies, me)
    if "new" in case:
        state, reason, woken = oracle.judge(entries, [p for p in policies if p["known_at"] <= case["now"]], case["new"], case["now"], me)
        revisions = {key_of(e): e["revision"] for e in entries}
        got = probe.judge(case["new"], case["now"])
        if case["new"]["kind"] == "share" and got[0]:  # whose openings count is the fold's business: links are not looked at
            got = (state, *got[1:])
        want = (state, reason, {revisions[key]: to for key, to in woken.items()})
        assert got == want, f"verdict\n   told {got}\n oracle {want}"
        return want
    if "then" in case:
        return compare_hot(probe, policies, case["t"], case["known_at"], case["published"], case["then"])
    known = oracle.known(entries, case["known_at"])
    fold = case.get("fold") or Fold(known, oracle.known(policies, case["known_at"]), me)
    compare(probe, fold, case["t"], case["known_at"])
    return None


class Run:
    """One world, entry by entry."""

    def __init__(self, probe, seed):
        self.probe, self.seed, self.now = probe, seed, NOW
        self.rng = random.Random(seed + 1)
        self.world = World(seed, NOW)
        self.entries, self.policies, self.keys = self.world.entries, self.world.policies, {}
        self.records = []

    def ask(self, **question):
        case = {"entries": self.entries, "policies": self.policies, "me": ME, **question}
        try:
            return check(self.probe, case)
        except AssertionError as failure:
            case.pop("fold", None)
            path = shrink.keep(case, lambda smaller: check(self.probe, smaller), f"fold-{self.seed}")
            raise AssertionError(f"MEMBERD_PROPERTY_SEED={self.seed}, kept as {path}: {failure}") from None

    def take(self, item):
        self.now += 1000
        if "policy" in item:
            p = {**item["policy"], "known_at": self.now}
            if p["effective_from"] > self.now and p["version"] == len(self.policies) + 1:
                self.policies.append(p)
            return
        revision = 2 + len(self.entries)
        e = entry_of(item, self.entries, self.policies, ME, self.now, revision)
        if e is None or key_of(e) in self.keys:
            return
        _, reason, _ = self.ask(new=e, now=self.now)
        if reason is None:
            self.keys[key_of(e)] = True
            self.entries.append({**e, "revision": revision, "known_at": self.now})

    def look(self, t, known_at, fold=None):
        self.ask(t=t, known_at=known_at, fold=fold or Fold(oracle.known(self.entries, known_at), oracle.known(self.policies, known_at), ME))

    def keep_hot(self):
        """Made now, and at some commit: of what was known then, asked by somebody who knows all versions of today."""
        r = self.rng
        for known_at in (self.now, r.choice([e["known_at"] for e in self.entries] + [p["known_at"] for p in self.policies[1:]])):
            t = r.choice([known_at, known_at, known_at - r.randrange(100 * DAY), known_at + r.randrange(100 * DAY)])
            then = [t + r.randrange(500 * DAY) for _ in range(4)] + [p["effective_from"] - r.choice([0, 1]) for p in self.policies[1:]]
            self.records.append(self.ask(t=t, known_at=known_at, published=self.now, then=then))

    def play(self):
        r, world = self.rng, self.world
        for _ in range(world.steps):
            for item in world.step(self.now):
                self.take(item)
            self.now += world.pause()
        if not self.entries:
            return
        last = Fold(self.entries, self.policies, ME)
        last.history(self.now + 2 * 900 * DAY)  # once for all
        near = [e["occurred_at"] + r.choice([-1, 0, 1]) for e in r.sample(self.entries, min(2, len(self.entries)))]
        for t in {self.now, self.now - r.randrange(500 * DAY), self.now + r.randrange(500 * DAY), r.choice(last.instants(NOW - 400 * DAY, self.now)), *near}:
            self.look(t, self.now, last)
        before = r.choice(self.entries)["known_at"] - r.choice([0, 1])
        if oracle.known(self.entries, before):
            self.look(r.choice([self.now, before, r.choice(self.entries)["occurred_at"]]), before)
        self.keep_hot()


def test_random_worlds(probe, record_property):
    end = time.monotonic() + SECONDS
    seed, records = SEED, []
    while seed == SEED or time.monotonic() < end:
        run = Run(probe, seed)
        run.play()
        records += run.records
        seed += 1
    record_property("worlds", seed - SEED)
    record_property("hot records", len(records))
    record_property("that end", sum(r["good_until"] != NEVER for r in records))
    record_property("bytes of the longest", max([r["bytes"] for r in records], default=0))
    record_property("first seed", SEED)


def rearranged(rng, entries, policies):
    """The same entries in another order of acceptance, what people decided in its own; None: one would be refused."""
    decided = [e for e in entries if e["source"] == OWN]
    told = [e for e in entries if e["source"] != OWN]
    rng.shuffle(told)
    places = sorted(rng.sample(range(len(entries)), len(decided)))
    out = []
    for i in range(len(entries)):
        e = decided.pop(0) if places and i == places[0] else told.pop()
        places = places[1:] if places and i == places[0] else places
        e = {**e, "revision": 2 + i}
        if oracle.judge(out, policies, e, e["known_at"], ME)[1] is not None:
            return None
        out.append(e)
    return None if refused(out, policies) else out


def refused(entries, policies):
    """Some entry had to wait and did not fit."""
    ledger = oracle.Ledger(entries, policies, ME)
    return any(ledger.verdict_of(e) in ("REFUSED", "EXPIRED") for e in entries)


def at_rest(probe, entries, policies, t):
    """Everything told, revisions apart."""
    probe.load(entries, policies, ME)
    got = probe.fold(t, max(e["known_at"] for e in entries))
    keys = {e["revision"]: key_of(e) for e in entries}
    for word in ("entry", "pending"):
        got[word] = sorted([keys[line[0]], *line[1:]] for line in got.get(word, []))
    return got


def test_the_order_of_arrival_never_matters(probe, record_property):
    end, seed, compared = time.monotonic() + SECONDS / 2, SEED, 0
    while seed == SEED or time.monotonic() < end:
        run = Run(probe, seed)
        run.keep_hot = lambda: None
        run.ask = lambda **question: oracle.judge(run.entries, run.policies, question["new"], question["now"], ME) if "new" in question else None
        run.play()
        ledger = oracle.Ledger(run.entries, run.policies, ME)
        entries = [e for e in run.entries if ledger.verdict_of(e) not in ("REFUSED", "EXPIRED")]
        entries = entries if len(entries) < 40 and not refused(entries, run.policies) else []
        want = at_rest(probe, entries, run.policies, run.now) if entries else None
        for _ in range(3 if entries else 0):
            others = rearranged(run.rng, entries, run.policies)
            if others:
                got = at_rest(probe, others, run.policies, run.now)
                for word in want:
                    assert got[word] == want[word], f"MEMBERD_PROPERTY_SEED={seed}: {word}"
                compared += 1
        seed += 1
    record_property("orders of arrival", compared)


@pytest.mark.parametrize("name", sorted(glob.glob("fold-*.json", root_dir=os.path.join(HERE, "regressions"))))
def test_what_failed_once(probe, name):
    check(probe, shrink.load(os.path.join(HERE, "regressions", name)))
