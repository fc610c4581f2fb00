# SPDX-License-Identifier: Apache-2.0
"""A world through the public API of a real memberd: sends what it draws, foresees each answer by the oracle,
then asks about now, the past as it was known at some time, and what will be."""
import random
import uuid

import oracle
from memberd import M, Failure, message, ref, refused
from oracle import DAY, SECOND, Fold, key_of

import policies as policy_files
from play import OWN, entry_of
from world import World

TICK = 1000  # between two writes
NEAR = 100  # microseconds by which memberd may be ahead of the clock
FRIENDS = 4
CAPS = ["DAY", "MONTH", "WINDOW", "COMMON_MONTH", "COMMON_WINDOW"]
ROW_KINDS = M.TierTransition.DESCRIPTOR.file.enum_types_by_name["TierTransitionKind"].values_by_number
STATES = M.PendingOrder.DESCRIPTOR.file.enum_types_by_name["EntryState"].values_by_number
TRACKED = {"tier": ["UPGRADE", "AT_RISK", "RECOVERED", "STEP_DOWN", "FRAUD"], "settlement": ["SETTLED"], "level": ["LEVEL"],
           "keep": ["BELOW_KEEP", "ABOVE_KEEP"], "override": ["OVERRIDE"], "state": ["STATE"]}


def stamp(t):
    return message("google.protobuf.Timestamp")(seconds=t // SECOND, nanos=t % SECOND * 1000)


def micros(ts):
    return ts.seconds * SECOND + ts.nanos // 1000


def text(t):
    return stamp(t).ToJsonString()


def state_name(number):
    return STATES[number].name.removeprefix("ENTRY_STATE_")


# the wire

def platform(e):
    return oracle.PLATFORMS.index(e["platform"]) + 1


def activity_key(e):
    source, event = e["about"]
    return M.ActivityKey(source="" if source == e["source"] else source, source_event_id=event)


def fill_order(e, kind):
    kind.platform, kind.order_id = platform(e), e["order_id"]
    if e["completed_at"]:
        kind.completed_at.CopyFrom(stamp(e["completed_at"]))
    for line in e["lines"]:
        kind.lines.add(**{**line, "type": f"LINE_TYPE_{line['type'].upper()}"})


def fill_order_ref(e, kind):
    kind.order.order_source = "" if e["order_source"] == e["source"] else e["order_source"]
    kind.order.order_id = e["order_id"]


def fill_reversal(e, kind):
    fill_order_ref(e, kind)
    for no in sorted(e["lines"]):
        kind.lines.add(line_no=no, currency=e["currencies"][no], amount=e["lines"][no])


def fill_completion(e, kind):
    fill_order_ref(e, kind)
    kind.completed_at.CopyFrom(stamp(e["completed_at"]))


def fill_review(e, kind):
    fill_order_ref(e, kind)
    kind.line_no, kind.pictures = e["line_no"], e["pictures"]


FILL = {
    "order": fill_order, "completion": fill_completion, "cancellation": fill_order_ref, "reversal": fill_reversal, "review": fill_review,
    "share": lambda e, k: k.MergeFrom(M.Share(content=e["content"], channel=e["channel"])),
    "opening": lambda e, k: k.MergeFrom(M.Opening(share=activity_key(e), by=ref(e["by"]), verified=e["verified"])),
    "post": lambda e, k: k.MergeFrom(M.Post(content=e["content"])),
    "answer": lambda e, k: k.MergeFrom(M.Answer(question=e["question"], asker=ref(e["asker"]))),
    "vote": lambda e, k: k.MergeFrom(M.Vote(content=e["content"], by=ref(e["by"]))),
    "visit": lambda e, k: k.MergeFrom(M.Visit(platform=platform(e), store=e["store"])),
    "undo": lambda e, k: k.MergeFrom(M.Undo(activity=activity_key(e))),
}


def wire(e, member):
    a = M.Activity(source=e["source"], source_event_id=e["source_event_id"], member=ref(member), occurred_at=stamp(e["occurred_at"]))
    FILL[e["kind"]](e, getattr(a, e["kind"]))
    return a


class House:
    """One daemon with its clock, its policies, and members who open, vote and ask."""

    def __init__(self, daemon, clock, now):
        self.daemon, self.api, self.clock, self.now = daemon, daemon.api(), clock, now
        self.policies, self.texts = [oracle.DEFAULT], []
        self.friends = [int(self.api.enroll(f"friend{i}")) for i in range(FRIENDS)]

    def tick(self, more=TICK):
        self.now += more
        self.clock.set(text(self.now))


class Run:
    """One world in a house."""

    def __init__(self, house, seed, **options):
        self.house, self.api, self.seed = house, house.api, seed
        self.rng = random.Random(seed + 1)
        house.tick()
        self.enrolled, self.revision = house.now, 1
        self.member = int(self.api.enroll(f"w{seed}-{house.now}"))
        self.world = World(seed, house.now, friends=house.friends, me=self.member, own_policy=False, most=40, **options)
        self.world.policies = house.policies
        self.entries, self.known, self.folds, self.log = self.world.entries, {}, {}, []

    @property
    def now(self):
        return self.house.now

    def fold(self, entries=None, policies=None):
        """What the oracle makes of the ledger, or of a part of it."""
        entries = self.entries if entries is None else entries
        policies = self.house.policies if policies is None else policies
        if (len(entries), len(policies)) not in self.folds:
            self.folds[len(entries), len(policies)] = Fold(entries, list(policies), self.member)
        return self.folds[len(entries), len(policies)]

    def call(self, service, method, **fields):
        return getattr(getattr(self.api, service), method)(**fields)

    # sending

    def send(self):
        for _ in range(self.world.steps):
            todo = self.world.step(self.now)
            while todo:
                if "policy" in todo[0]:
                    self.publish(todo.pop(0)["policy"])
                elif todo[0]["kind"] in oracle.INBOUND:
                    n = next((i for i, item in enumerate(todo[:self.rng.randint(1, 12)]) if item.get("kind") not in oracle.INBOUND), None)
                    n = n or self.rng.randint(1, 12)
                    batch = [item for item in todo[:n] if item.get("kind") in oracle.INBOUND]
                    self.record(batch)
                    todo = todo[len(batch):]
                else:
                    self.decide(todo.pop(0))
            self.house.tick(TICK + self.world.pause())

    def publish(self, p):
        self.house.tick()
        if p["effective_from"] > self.now and p["version"] == len(self.house.policies) + 1:
            published = {**p, "known_at": self.now}
            self.call("policies", "PublishPolicy", request_id=str(uuid.uuid4()), text=policy_files.text(published), reason="because")
            self.house.policies.append(published)

    def record(self, batch):
        self.house.tick()
        results = self.api.record(*[wire(e, self.member) for e in batch])
        for e, got in zip(batch, results, strict=True):
            self.received(dict(e), got)
        fold = self.fold()
        last, states = fold.at(self.now), fold.states(self.now)
        for e, got in zip(batch, results):
            if got.status.code == 0:
                assert (got.score, got.tier - 1) == (last["score"]["score"], last["shown"])
                assert state_name(got.state) == states[key_of(e)], e
                caps = oracle.caps_reached(fold.deeds, e["kind"], e["occurred_at"], self.now) if e["kind"] in oracle.KINDS else set()
                assert {CAPS[cap - 1] for cap in got.caps_reached} == caps, e

    def received(self, e, got):
        key = key_of(e)
        if key in self.known:
            assert got.replayed and got.status.code == 0 and got.entry_id == self.known[key]
            return
        _, reason, woken = oracle.judge(self.entries, self.house.policies, e, self.now, self.member)
        if reason:
            assert got.status.code == (6 if reason == "ORDER_EXISTS" else 9), (reason, got)
            assert reason.encode() in b"".join(d.value for d in got.status.details), (reason, got)
            return
        assert got.status.code == 0 and not got.replayed, (e, got)
        assert {(w.source, w.source_event_id): state_name(w.state) for w in got.woken} == woken
        assert got.revision == self.revision + 1
        self.accepted(e, got.entry_id)

    def accepted(self, e, entry_id):
        self.revision += 1
        self.entries.append({**e, "revision": self.revision, "known_at": self.now})
        self.known[key_of(e)] = entry_id

    # decisions

    CALLS = {
        "reverse": ("scores", "ReverseActivity"), "finding": ("scores", "ReportFraud"), "void": ("scores", "VoidActivity"),
        "credibility": ("scores", "SetCredibility"), "override": ("members", "OverrideTier"), "suspension": ("members", "SuspendMember"),
    }

    def fields(self, item):
        until = dict(until=stamp(item["until"])) if item.get("until") else {}
        kind = item["kind"]
        if "about" in item:
            return dict(activity=M.ActivityKey(source=item["about"][0], source_event_id=item["about"][1]))
        if kind == "credibility":
            return dict(delta_bp=item["delta"], **until)
        if kind == "override":
            return dict(tier=0 if item["tier"] is None else item["tier"] + 1, **until)
        if kind == "suspension":
            return dict(suspended=item["suspended"])
        return dict(other=ref(item["other"]))

    def nothing_new(self, item):
        """A link, suspension that is so already."""
        if item["kind"] == "link":
            return self.fold().ledger.linked(item["other"], self.now) == item["linked"]
        return item["kind"] == "suspension" and self.fold().suspended(self.now) == item["suspended"]

    def decide(self, item):
        self.house.tick()
        if item.get("until") and item["until"] <= self.now:
            return
        service, method = self.CALLS.get(item["kind"]) or ("members", "LinkMembers" if item["linked"] else "UnlinkMembers")
        e = entry_of(item, self.entries, self.house.policies, self.member, self.now, self.revision + 1)
        reason, nothing = "ACTIVITY_NOT_FOUND", e is not None and self.nothing_new(item)
        if e is not None and not nothing:
            _, reason, _ = oracle.judge(self.entries, self.house.policies, e, self.now, self.member)
        elif e is None and item["about"] in self.known:
            reason = "REFUND_OVER_REMAINDER"  # nothing is left of it
        try:
            got = self.call(service, method, request_id=str(uuid.uuid4()), member=ref(self.member), reason="because", **self.fields(item))
        except Failure as failure:
            assert failure.reason == reason, (item, failure)
            return
        assert nothing or reason is None, (item, reason)
        assert bool(got.entry_id) != nothing
        if not nothing:
            self.accepted(e, got.entry_id)
        assert got.info.revision == self.revision

    # asking

    def compare(self, t, fold=None, **axes):
        """Score, parts, tier and standing at t: by the clock, or by the axes of the question."""
        fold = fold or self.fold()
        want = fold.at(t)
        if not axes:
            self.clock_at(t)
        got = self.api.score(self.member, **axes)
        parts = {p.kind: p.micro_points for p in got.score.parts}
        assert sum(parts.values()) == got.score.score * 1_000_000
        assert got.score.score == want["score"]["score"]
        assert [parts.get(i + 1, 0) for i in range(len(oracle.PARTS))] == list(want["score"]["parts"].values())
        assert (got.score.counted_spend.minor, got.score.spend.minor) == (want["score"]["counted"], want["score"]["paid"])
        assert (micros(got.settled_at), got.settled.score) == (want["settled_at"], want["settled"])
        assert (got.tier - 1, got.info.policy_version) == (want["shown"], want["version"])
        self.compare_standing(self.api.members.GetMember(member=ref(self.member), **axes).member, want, axes)
        orders = {key_of(e): (e["source"], e["order_id"]) for e in fold.ledger.entries if e["kind"] == "order"}
        assert {(p.source, p.order_id): (micros(p.posts_at), p.would_add) for p in got.pending} == {
            orders[key]: expected for key, expected in fold.pending(t).items()}
        return got

    def compare_standing(self, member, want, axes):
        s = member.standing
        assert (s.tier - 1, s.natural_tier - 1, s.level - 1, s.score) == (want["shown"], want["tier"], want["level"], want["score"]["score"])
        assert (s.at_risk, s.below_keep, s.credibility_bp) == (want["at_risk"], want["below_keep"], want["credibility"])
        assert (micros(s.protected_until), micros(s.shown_until)) == (want["protected_until"], want["shown_until"])
        assert axes or member.state == (2 if want["suspended"] else 1)

    def clock_at(self, t):
        self.house.clock.set(text(t))

    def pages(self, call, field, **fields):
        out, token = [], ""
        while True:
            page = call(member=ref(self.member), page_token=token, page_size=self.rng.choice([3, 50, 200]), **fields)
            out += getattr(page, field)
            token = page.next_page_token
            if not token:
                return out

    def rows(self, **fields):
        return self.pages(self.api.members.ListTierHistory, "transitions", **fields)

    def compare_ledger(self, t, fold, **axes):
        """Each entry: its state, what it adds, what each cap took."""
        listed = self.pages(self.api.scores.ListActivities, "activities", **axes)
        states, counted = fold.states(t), oracle.counted(fold.deeds, t)
        assert {a.revision for a in listed} == {e["revision"] for e in fold.ledger.entries if e["occurred_at"] <= t}
        by_revision = {e["revision"]: e for e in fold.ledger.entries}
        for a in listed:
            e, cuts = by_revision[a.revision], {CAPS[c.cap - 1]: c.micro_points for c in a.cuts}
            want = counted.get(key_of(e), {})
            assert (a.entry_id, state_name(a.state)) == (self.known[key_of(e)], states[key_of(e)]), e
            assert (a.counted, a.counted_spend.minor) == (want.get("counted", 0), want.get("minor", 0)), e
            assert cuts == {cap: want[cut] for cap, cut in zip(["DAY", "MONTH", "WINDOW", "COMMON_WINDOW"], ["day", "month", "window", "common"])
                            if want.get(cut)}, e

    def ask_back(self):
        """A random instant as it was known at a random instant."""
        r = self.rng
        t = r.choice([self.now, self.enrolled, self.now - r.randint(0, 420 * 86_400) * SECOND]
                     + [e["occurred_at"] + r.choice([-1, 0, 1, 9 * DAY]) for e in r.sample(self.entries, min(3, len(self.entries)))])
        t = min(t, self.now)
        known_at = r.choice([self.enrolled - 1, self.now, r.randint(self.enrolled, self.now), r.choice(self.entries)["known_at"],
                             r.choice(self.entries)["known_at"] - 1])
        entries = oracle.known(self.entries, known_at)
        axes = dict(as_of=stamp(t), known_at=stamp(known_at))
        if known_at < self.enrolled or t < oracle.first_instant(entries, self.enrolled):
            for call in (self.api.scores.GetScore, self.api.members.GetMember, self.api.members.ListTierHistory, self.api.scores.ListActivities):
                with refused("NOT_FOUND", "MEMBER_NOT_FOUND", "known_at" if known_at < self.enrolled else "as_of"):
                    call(member=ref(self.member), **axes)
            return
        fold = self.fold(entries, oracle.known(self.house.policies, known_at))
        got = self.compare(t, fold, **axes)
        assert got.info.revision == max([1] + [e["revision"] for e in entries])
        self.compare_ledger(t, fold, **axes)
        benefits = self.api.benefits.ListMemberBenefits(member=ref(self.member), **axes)
        assert (benefits.tier - 1, benefits.info.revision) == (fold.at(t)["shown"], got.info.revision)
        for change in got.schedule[:2]:
            self.compare_change(change, fold)
        self.compare_history(t, known_at, fold, entries, axes)

    def compare_history(self, t, known_at, fold, entries, axes):
        for track, kinds in TRACKED.items():
            wanted = dict(kinds=[f"TIER_TRANSITION_KIND_{kind}" for kind in kinds])
            assert [plain(row) for row in self.rows(**wanted, **axes)] == fold.history(t, [track])
            told = self.rows(view="TIER_HISTORY_VIEW_TOLD", **wanted, known_at=stamp(known_at))
            assert all(self.enrolled < micros(row.known_at) <= known_at for row in told)
            last = max([e["known_at"] for e in entries], default=0)  # what was told by then is what was true then
            then = self.fold([e for e in entries if e["known_at"] <= last], oracle.known(self.house.policies, last))
            said = [row for row in replay(told) if row[0] <= last]
            assert said == then.history(last, [track]), (track, [(*plain(row), micros(row.known_at)) for row in told])

    def compare_change(self, change, fold):
        want = fold.at(micros(change.at))
        assert (change.score, change.settled_score, change.tier - 1, change.level - 1, change.at_risk) == (
            want["score"]["score"], want["settled"], want["shown"], want["level"], want["at_risk"])

    def foretell(self, got):
        """The schedule holds: what it says is so, and in between nothing happens."""
        schedule, fold = list(got.schedule), self.fold()
        dates = [t for month in (0, 1) for t in (oracle.instant(oracle.month_of(self.now, oracle.DEFAULT) + month, 1, oracle.DEFAULT),
                                                 oracle.settlement(oracle.month_of(self.now, oracle.DEFAULT) + month, oracle.DEFAULT))]
        # what comes first: a change, or the next month or settlement, whose dates the answer shows
        assert micros(got.info.valid_until) == min([t for t in dates if t > self.now] + [micros(c.at) for c in schedule[:1]])
        times = [self.now] + [micros(c.at) for c in schedule]
        for change in self.rng.sample(schedule, min(4, len(schedule))):
            self.compare_change(change, fold)
        for a, b in self.rng.sample(list(zip(times, times[1:])), min(3, len(schedule))):
            before, after = fold.at(a), fold.at(b - 1)
            assert {**before, "settled_at": 0} == {**after, "settled_at": 0}, (text(a), text(b))
        end = times[-1] + self.rng.randint(1, 400) * DAY
        assert len(schedule) >= 64 or fold.at(end)["tier"] == fold.at(times[-1])["tier"]

    # every answer holds until it says

    def answers(self, replay):
        """What each method says of the member now, by its name; tokens carry the instant of the question."""
        members, scores, benefits, who = self.api.members, self.api.scores, self.api.benefits, dict(member=ref(self.member))
        lines = [M.BasketLine(line_no=no, public_price=10_000, category="supermarket", channel=no) for no in (1, 2)]
        # first: a write comes after what was answered
        out = {"RecordActivities": self.api.record(wire(replay, self.member))[0]} if replay else {}
        out |= {
            "GetMember": members.GetMember(**who), "ListTierHistory": members.ListTierHistory(**who, page_size=200),
            "GetScore": scores.GetScore(**who), "ListActivities": scores.ListActivities(**who, page_size=200),
            "GetTierProgress": scores.GetTierProgress(**who), "ListMemberBenefits": benefits.ListMemberBenefits(**who),
            "CheckBenefit": benefits.CheckBenefit(**who, benefit_id="value-channel-discount"),
            "QuoteDiscount": benefits.QuoteDiscount(**who, currency="CNY", lines=lines),
            "GetHotelStatus": benefits.GetHotelStatus(**who), "GetUpgradeOffer": self.api.vip.GetUpgradeOffer(**who),
        }
        for answer in out.values():
            if "next_page_token" in answer.DESCRIPTOR.fields_by_name:
                answer.ClearField("next_page_token")
        return out

    def hold(self):
        """Nothing of an answer changes before its valid_until. Time passes, and does not come back; each write of an instant,
        the sweeper's too, takes a microsecond of its own, so memberd's now may be somewhat ahead of the clock."""
        replay = self.rng.choice([e for e in self.entries if e["kind"] in oracle.INBOUND and e["source"] != OWN] or [None])
        told = self.answers(replay)
        until = {name: micros(answer.info.valid_until) if answer.info.HasField("valid_until") else oracle.NEVER
                 for name, answer in told.items()}
        assert all(end > self.now for end in until.values()), until
        begun, far = self.now, self.now + 400 * DAY
        for end in sorted({end for end in until.values() if end < far})[:3]:
            for t in sorted({self.rng.randrange(self.now, end), max(end - NEAR, self.now)}):
                self.house.now = t
                self.clock_at(t)
                still = self.answers(replay)
                for name, answer in told.items():
                    assert t + NEAR > until[name] or still[name] == answer, (
                        f"{name} of {text(begun)}, until {text(until[name])}, at {text(t)}:\n{answer}\nis now\n{still[name]}")

    def check(self):
        self.send()
        self.house.tick()
        if self.entries:
            self.ask()
            self.hold()

    def ask(self):
        got = self.compare(self.now)
        assert self.api.score(self.member, as_of=stamp(self.now), known_at=stamp(self.now)) == got
        self.compare_ledger(self.now, self.fold())
        self.foretell(got)
        for _ in range(4):
            self.ask_back()


def plain(row):
    """As the oracle writes it."""
    kind = ROW_KINDS[row.kind].name.removeprefix("TIER_TRANSITION_KIND_")
    ends = (row.from_tier - 1, row.to_tier - 1)
    if row.track == 3:  # LEVEL
        ends = (row.from_level - 1, row.to_level - 1)
    if row.track == 6:  # STATE
        ends = (row.from_state, row.to_state)
    return (micros(row.effective_at), kind, *ends, row.score, row.policy_version)


def replay(told):
    """What the log of told rows of one track says at its end."""
    out = []
    for row in map(plain, told):
        if row[1] == "RETRACTED":
            out = [r for r in out if r[0] < row[0]]
        else:
            out.append(row)
    return out
