# SPDX-License-Identifier: Apache-2.0
"""Random worlds through the public API of the real memberd, compared with the oracle.

MEMBERD_PROPERTY_SEED=N begins with that world, MEMBERD_PROPERTY_SECONDS=S goes on that long; a failure
prints the seed of its world."""
import os
import random
import time

import pytest
from memberd import M, Clock, message, ref, refused

import oracle
from oracle import DAY, DEFAULT, Fold, key_of
from world import World

KINDS = M.TierTransition.DESCRIPTOR.file.enum_types_by_name["TierTransitionKind"].values_by_number
STATES = M.PendingOrder.DESCRIPTOR.file.enum_types_by_name["EntryState"].values_by_number
NOW = 1795248000_000000  # 2026-11-21T16:00:00+08:00
TICK = 1000  # between two writes
SECONDS = float(os.environ.get("MEMBERD_PROPERTY_SECONDS", "8"))
SEED = int(os.environ.get("MEMBERD_PROPERTY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)


def stamp(t):
    return message("google.protobuf.Timestamp")(seconds=t // 1_000_000, nanos=t % 1_000_000 * 1000)


def micros(ts):
    return ts.seconds * 1_000_000 + ts.nanos // 1000


def text(t):
    return stamp(t).ToJsonString()


def wire(e, member):
    a = M.Activity(source=e["source"], source_event_id=e["source_event_id"], member=ref(member), occurred_at=stamp(e["occurred_at"]))
    if e["kind"] == "order":
        a.order.platform = oracle.PLATFORMS.index(e["platform"]) + 1
        a.order.order_id = e["order_id"]
        if e["completed_at"]:
            a.order.completed_at.CopyFrom(stamp(e["completed_at"]))
        for line in e["lines"]:
            a.order.lines.add(**{**line, "type": f"LINE_TYPE_{line['type'].upper()}"})
        return a
    kind = getattr(a, e["kind"])
    kind.order.order_source = "" if e["order_source"] == e["source"] else e["order_source"]
    kind.order.order_id = e["order_id"]
    if e["kind"] == "completion":
        kind.completed_at.CopyFrom(stamp(e["completed_at"]))
    if e["kind"] == "reversal":
        for no in sorted(e["lines"]):
            kind.lines.add(line_no=no, currency=e["currencies"][no], amount=e["lines"][no])
    return a


def rows(api, member, **fields):
    """All rows of a tier's history, page by page."""
    out, token = [], ""
    while True:
        page = api.members.ListTierHistory(member=ref(member), page_size=3, page_token=token, **fields)
        out += page.transitions
        token = page.next_page_token
        if not token:
            return out


def plain(row):
    """As the oracle writes it."""
    return (micros(row.effective_at), KINDS[row.kind].name.removeprefix("TIER_TRANSITION_KIND_"), row.from_tier - 1,
            row.to_tier - 1, row.score, row.policy_version)


def replay(told):
    """What the log of told rows says at its end."""
    out = []
    for row in map(plain, told):
        if row[1] == "RETRACTED":
            out = [r for r in out if r[0] < row[0]]
        else:
            out.append(row)
    return out


class Run:
    """One world against one daemon; now: the clock's time, which every write moves on."""

    def __init__(self, api, clock, seed, now):
        self.api, self.clock, self.seed, self.now = api, clock, seed, now
        self.world = World(seed, NOW)
        self.rng = random.Random(seed + 1)
        self.tick()
        self.enrolled = self.now
        self.member = api.enroll(f"w{seed}")
        self.entries, self.known, self.folds = [], {}, {}

    def tick(self):
        self.now += TICK
        self.clock.set(text(self.now))

    def send(self):
        todo = self.world.activities(self.rng.choice([3, 10, 25]))
        while todo:
            batch, todo = todo[: (n := self.rng.randint(1, 12))], todo[n:]
            self.tick()
            results = self.api.record(*[wire(e, self.member) for e in batch])
            for e, got in zip(batch, results):
                self.received(dict(e), got)
            last = self.fold().at(self.now)
            states = self.fold().states(self.now)
            for e, got in zip(batch, results):
                if got.status.code == 0:
                    assert (got.score, got.tier - 1) == (last["score"]["score"], last["tier"])
                    assert STATES[got.state].name == "ENTRY_STATE_" + states[key_of(e)]

    def fold(self, entries=None):
        """What the oracle makes of the ledger, or of a part of it."""
        entries = self.entries if entries is None else entries
        if len(entries) not in self.folds:
            self.folds[len(entries)] = Fold(entries, [DEFAULT])
        return self.folds[len(entries)]

    def received(self, e, got):
        key = key_of(e)
        if key in self.known:
            assert got.replayed and got.status.code == 0 and got.entry_id == self.known[key]
            return
        _, reason, woken = oracle.judge(self.entries, [DEFAULT], e, self.now)
        if reason:
            assert got.status.code == 9, (reason, got)
            assert reason.encode() in b"".join(d.value for d in got.status.details), (reason, got)
            return
        assert got.status.code == 0 and not got.replayed, got
        assert {(w.source, w.source_event_id): STATES[w.state].name.removeprefix("ENTRY_STATE_") for w in got.woken} == woken
        e["revision"], e["known_at"] = got.revision, self.now
        assert not self.entries or e["revision"] > self.entries[-1]["revision"]
        self.entries.append(e)
        self.known[key] = got.entry_id

    def compare(self, t, entries=None, **axes):
        """Score, parts, tier and standing at t: by the clock, or by the axes of the question."""
        entries = self.entries if entries is None else entries
        fold = self.fold(entries)
        want = fold.at(t)
        if not axes:
            self.clock.set(text(t))
        got = self.api.score(self.member, **axes)
        parts = {p.kind: p.micro_points for p in got.score.parts}
        assert sum(parts.values()) == got.score.score * 1_000_000
        assert got.score.score == want["score"]["score"]
        assert [parts.get(i + 1, 0) for i in range(len(oracle.PARTS))] == list(want["score"]["parts"].values())
        assert got.score.counted_spend.minor == want["score"]["counted"]
        assert got.score.spend.minor == want["score"]["paid"]
        standing = self.api.members.GetMember(member=ref(self.member), **axes).member.standing
        assert (standing.tier - 1, standing.level - 1, standing.score) == (want["tier"], want["level"], want["score"]["score"])
        assert standing.at_risk == want["at_risk"]
        assert standing.below_keep == want["below_keep"]
        assert micros(standing.protected_until) == want["protected_until"]
        orders = {key_of(e): (e["source"], e["order_id"]) for e in entries if e["kind"] == "order"}
        assert {(p.source, p.order_id): (micros(p.posts_at), p.would_add) for p in got.pending} == {
            orders[key]: expected for key, expected in fold.pending(t).items()}
        return got

    def ask_back(self):
        """A random instant as it was known at a random instant."""
        r = self.rng
        t = r.choice([self.now, self.enrolled, self.now - r.randint(0, 420 * 86_400) * 1_000_000]
                     + [e["occurred_at"] + r.choice([-1, 0, 1, 9 * DAY]) for e in r.sample(self.entries, min(3, len(self.entries)))])
        t = min(t, self.now)
        known_at = r.choice([self.enrolled - 1, self.now, r.randint(self.enrolled, self.now), r.choice(self.entries)["known_at"],
                             r.choice(self.entries)["known_at"] - 1])
        entries = oracle.known(self.entries, known_at)
        axes = dict(as_of=stamp(t), known_at=stamp(known_at))
        if known_at < self.enrolled or t < oracle.first_instant(entries, self.enrolled):
            for call in (self.api.scores.GetScore, self.api.members.GetMember, self.api.members.ListTierHistory):
                with refused("NOT_FOUND", "MEMBER_NOT_FOUND", "known_at" if known_at < self.enrolled else "as_of"):
                    call(member=ref(self.member), **axes)
            return
        got = self.compare(t, entries, **axes)
        assert got.info.revision == max([1] + [e["revision"] for e in entries])
        want = self.fold(entries).at(t)
        assert [plain(row) for row in rows(self.api, self.member, **axes)] == self.fold(entries).history(t, ["tier"])
        benefits = self.api.benefits.ListMemberBenefits(member=ref(self.member), **axes)
        assert (benefits.tier - 1, benefits.info.revision) == (want["tier"], got.info.revision)
        for change in got.schedule[:2]:
            want = self.fold(entries).at(micros(change.at))
            assert (change.score, change.tier - 1, change.at_risk) == (want["score"]["score"], want["tier"], want["at_risk"])
        told = rows(self.api, self.member, view="TIER_HISTORY_VIEW_TOLD", known_at=stamp(known_at))
        assert all(self.enrolled < micros(row.known_at) <= known_at for row in told)
        last = max([e["known_at"] for e in entries], default=0)  # what was told then is what was true then
        assert replay(told) == self.fold([e for e in entries if e["known_at"] <= last]).history(last, ["tier"])

    def foretell(self, got):
        """The schedule holds: what it says is so, and in between nothing happens."""
        schedule = list(got.schedule)
        # what comes first: a change, or the next month or settlement, whose dates the answer shows
        dates = [oracle.instant(2026 * 12 + 11, 1, DEFAULT)] + [micros(c.at) for c in schedule[:1]]
        assert micros(got.info.valid_until) == min(dates)
        times = [self.now] + [micros(c.at) for c in schedule]
        for change in self.rng.sample(schedule, min(4, len(schedule))):
            want = self.fold().at(micros(change.at))
            assert (change.score, change.settled_score, change.tier - 1, change.level - 1, change.at_risk) == (
                want["score"]["score"], want["settled"], want["tier"], want["level"], want["at_risk"])
        for a, b in self.rng.sample(list(zip(times, times[1:])), min(3, len(schedule))):
            before, after = (self.fold().at(t) for t in (a, b - 1))
            for field in ("tier", "at_risk", "score", "level"):
                assert before[field] == after[field], (field, text(a), text(b))
        end = times[-1] + self.rng.randint(1, 400) * DAY
        assert len(schedule) >= 64 or self.fold().at(end)["tier"] == self.fold().at(times[-1])["tier"]

    def check(self):
        self.send()
        if not self.entries:
            return
        self.tick()
        got = self.compare(self.now)
        assert self.api.score(self.member, as_of=stamp(self.now), known_at=stamp(self.now)) == got
        self.foretell(got)
        for _ in range(5):
            self.ask_back()
        for _ in range(3):
            self.compare(self.now + self.rng.randint(0, 700 * 86_400) * 1_000_000)
        self.clock.set(text(self.now))


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_random_worlds_match_the_oracle(start, home, store, record_property):
    clock = Clock(home, text(NOW))
    api = start("--store", store, clock=clock.spec).api()
    end = time.monotonic() + SECONDS
    seed, now = SEED, NOW
    while seed == SEED or time.monotonic() < end:
        try:
            run = Run(api, clock, seed, now)
            run.check()
            now = run.now
        except AssertionError:
            print(f"MEMBERD_PROPERTY_SEED={seed}")
            raise
        seed += 1
    record_property("worlds", seed - SEED)
    record_property("first seed", SEED)
