# SPDX-License-Identifier: Apache-2.0
"""Who calls in the coherence test: readers of hot records and of the ledger, writers, and one who looks at rest."""
import uuid

from coherence import STALENESS, Caller, bytes_of, shown
from memberd import Failure, M, at, order, ref

BENEFITS = ("priority-service", "value-channel-discount", "free-return-shipping", "vip-nominal-fee")
GOLD = 3


class Reader(Caller):
    """Asks one of the questions that hot records answer."""

    def step(self):
        self.rng.choice((self.member, self.member, self.by_identity, self.check, self.check, self.members, self.checks,
                         self.benefits, self.basket, self.hotel, self.offer, self.too_new, self.ledger, self.one_of_many))()

    def _least(self, member):
        return self.rng.choice((0, self.checker.floor.get(member, 0)))

    def _member(self, member, reference, what):
        least = self._least(member)
        begun = self.checker.begin()
        answer = self.api.members.GetMember(member=reference, min_revision=least)
        self.checker.took(begun, self.name, what, member, answer.info, least=least, standing=shown(answer.member.standing),
                          same=("GetMember", bytes_of(answer)))

    def member(self):
        member = self.rng.choice(self.world.members)
        self._member(member, ref(member), "GetMember")

    def by_identity(self):
        member = self.rng.choice(self.world.members)
        self._member(member, M.MemberRef(identity=dict(issuer="shop", external_id=self.world.identities[member])), "by identity")

    def check(self):
        member, benefit = self.rng.choice(self.world.members), self.rng.choice(BENEFITS)
        least = self._least(member)
        begun = self.checker.begin()
        answer = self.api.benefits.CheckBenefit(member=ref(member), benefit_id=benefit, min_revision=least)
        self.checker.took(begun, self.name, "CheckBenefit", member, answer.info, least=least,
                          same=("CheckBenefit " + benefit, bytes_of(answer)))

    def members(self):
        some = self.some(8)
        begun = self.checker.begin()
        results = self.api.members.BatchGetMembers(members=[ref(member) for member in some]).results
        for member, result in zip(some, results):
            self._item(member, result)
            single = M.GetMemberResponse(member=result.member, info=result.info)
            self.checker.took(begun, self.name, "BatchGetMembers", member, result.info, standing=shown(result.member.standing),
                              same=("GetMember", bytes_of(single)))

    def checks(self):
        pairs = [(member, self.rng.choice(BENEFITS)) for member in self.some(8)]
        begun = self.checker.begin()
        results = self.api.benefits.BatchCheckBenefits(
            checks=[dict(member=ref(member), benefit_id=benefit) for member, benefit in pairs]).results
        for (member, benefit), result in zip(pairs, results):
            self._item(member, result)
            single = M.CheckBenefitResponse(member_id=result.member_id, entitlement=result.entitlement, info=result.info)
            self.checker.took(begun, self.name, "BatchCheckBenefits", member, result.info,
                              same=("CheckBenefit " + benefit, bytes_of(single)))

    def _item(self, member, result):
        code = result.status.code
        if code == 14:  # UNAVAILABLE
            raise ItemNotThere()
        if code != 0:
            self.checker.fail(member, f"an item of a batch: {result.status}")

    def _whole(self, what, method, **fields):
        member = self.rng.choice(self.world.members)
        least = self._least(member)
        begun = self.checker.begin()
        answer = method(member=ref(member), min_revision=least, **fields)
        self.checker.took(begun, self.name, what, member, answer.info, least=least, same=(what, bytes_of(answer)))

    def benefits(self):
        self._whole("ListMemberBenefits", self.api.benefits.ListMemberBenefits)

    def basket(self):
        lines = [M.BasketLine(line_no=n, public_price=1000 + n, channel="BASKET_CHANNEL_VALUE") for n in (1, 2, 3)]
        self._whole("QuoteDiscount", self.api.benefits.QuoteDiscount, currency="CNY", lines=lines)

    def hotel(self):
        self._whole("GetHotelStatus", self.api.benefits.GetHotelStatus)

    def offer(self):
        self._whole("GetUpgradeOffer", self.api.vip.GetUpgradeOffer)

    def too_new(self):
        """A revision that nobody has told yet: refused, or there by now."""
        member = self.rng.choice(self.world.members)
        begun = self.checker.begin()
        least = self.checker.floor.get(member, 0) + self.rng.randint(1, 3)
        try:
            answer = self.api.members.GetMember(member=ref(member), min_revision=least)
        except Failure as failure:
            if failure.reason == "REVISION_UNKNOWN":
                self.checker.counts["REVISION_UNKNOWN"] += 1
                return
            raise
        self.checker.took(begun, self.name, "GetMember ahead", member, answer.info, least=least,
                          standing=shown(answer.member.standing), same=("GetMember", bytes_of(answer)))

    def ledger(self):
        """What the ledger says, past every cache."""
        member = self.rng.choice(self.world.members)
        begun = self.checker.begin()
        answer = self.api.score(member)
        self.checker.took(begun, self.name, "GetScore", member, answer.info, truth=(answer.score.score, answer.tier))

    def one_of_many(self):
        """Somebody else, so that entries are evicted where there is little room."""
        if self.world.crowd:
            self.api.members.BatchGetMembers(members=[ref(member) for member in self.rng.choices(self.world.crowd, k=200)])


class ItemNotThere(Failure):
    def __init__(self):
        Exception.__init__(self, "an item was UNAVAILABLE")
        self.code, self.reason = "UNAVAILABLE", None


class Writer(Caller):
    """Records and decides. What became of a call without an answer is found out by sending it again."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.number, self.unsure = 0, None
        self.orders = []

    def step(self):
        if self.unsure is not None:
            send = self.unsure
        else:
            send = self.rng.choice((self.record, self.record, self.record, self.record, self.override, self.suspend,
                                    self.credibility, self.newcomer))()
        self.unsure = send
        send()
        self.unsure = None

    def _event(self):
        self.number += 1
        return f"{self.name}-{self.number}"

    def record(self):
        activities = []
        for member in self.some(5):
            activities += [self._activity(member) for _ in range(self.rng.randint(1, 2))]

        def send():
            begun = self.checker.begin()
            results = self.api.record(*activities)
            last = {}
            for activity, result in zip(activities, results):
                if result.status.code == 14:
                    raise ItemNotThere()
                if result.status.code == 0:
                    last[result.member_id] = result
            for member, result in last.items():
                self.checker.took(begun, self.name, "RecordActivities", member, result.info,
                                  truth=(result.score, result.tier), wrote=True, note="replayed" * result.replayed)
            for member in last:
                self._read_own(member)
        return send

    def _activity(self, member):
        chance, event, day = self.rng.random(), self._event(), self.world.clock.now_and
        mine = [(to, number) for to, number in self.orders if to == member]
        if chance < 0.25 and mine:
            self.orders.remove(mine[0])
            return M.Activity(source="shop", source_event_id=event, member=ref(member), occurred_at=at(day(days=-1)),
                              cancellation=dict(order=dict(order_id="o-" + mine[0][1])))
        if chance < 0.35:
            return M.Activity(source="shop", source_event_id=event, member=ref(member), occurred_at=at(day(days=-2)),
                              post=dict(content="c-" + event))
        self.orders.append((member, event))
        completed = day(days=self.rng.choice((-39, -39, -5, 9)))  # posted, soon to be, later
        return order(member, event, self.rng.choice((1000, 50000, 400000, 2000000)),
                     platform=self.rng.choice(("SHOPPING", "GROCERY", "TRAVEL")), occurred_at=day(days=-40), completed_at=completed)

    def _read_own(self, member):
        """At once, without min_revision: what this caller was told, it is told again."""
        if self.rng.random() < 0.7:
            begun = self.checker.begin()
            answer = self.api.members.GetMember(member=ref(member))
            self.checker.took(begun, self.name, "GetMember own", member, answer.info, standing=shown(answer.member.standing),
                              same=("GetMember", bytes_of(answer)))

    def _decide(self, what, method, **fields):
        member, request_id = self.rng.choice(self.world.members), str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

        def send():
            begun = self.checker.begin()
            answer = method()(member=ref(member), request_id=request_id, reason="coherence", **fields)
            # a replay has the first answer, of back then: not older than that
            self.checker.took((-STALENESS, begun[1], {}), self.name, what, member, answer.info, wrote=True)
            self._read_own(member)
        return send

    def override(self):
        if self.rng.random() < 0.4:
            return self._decide("OverrideTier ends", lambda: self.api.members.OverrideTier)
        return self._decide("OverrideTier", lambda: self.api.members.OverrideTier,
                            tier=self.rng.choice(("TIER_BRONZE", "TIER_GOLD", "TIER_BLACK_DIAMOND")),
                            until=at(self.world.clock.now_and(days=self.rng.choice((100, 300)))))

    def suspend(self):
        return self._decide("SuspendMember", lambda: self.api.members.SuspendMember, suspended=self.rng.random() < 0.4)

    def credibility(self):
        return self._decide("SetCredibility", lambda: self.api.scores.SetCredibility,
                            delta_bp=self.rng.choice((-3000, -500, 500, 2000)))

    def newcomer(self):
        """Unknown, then enrolled: known from then on, whatever was remembered of the unknown."""
        name, request_id = self._event(), str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        reference = M.MemberRef(identity=dict(issuer="shop", external_id=name))

        def send():
            if self.number and self.unsure is send:
                try:
                    self.api.members.GetMember(member=reference)
                except Failure as failure:
                    if failure.code != "NOT_FOUND":
                        raise
            begun = self.checker.begin()
            answer = self.api.members.EnrollMember(request_id=request_id, identity=dict(issuer="shop", external_id=name))
            member = answer.member.member_id
            self.checker.took(begun, self.name, "EnrollMember", member, answer.info, wrote=True)
            for asked in (reference, ref(member)):
                begun = self.checker.begin()
                answer = self.api.members.GetMember(member=asked)
                self.checker.took(begun, self.name, "GetMember new", member, answer.info, least=1)
        return send


def compare_at_rest(world):
    """Nobody calls: what hot records say is what the ledger says, instant for instant and to the byte."""
    checker, api = world.checker, world.daemon.api()
    for member in world.members:
        begun = checker.begin()
        hot = api.members.GetMember(member=ref(member))
        checker.took(begun, "rest", "GetMember", member, hot.info, standing=shown(hot.member.standing),
                     same=("GetMember", bytes_of(hot)))
        ledger = api.score(member)
        checker.took(begun, "rest", "GetScore", member, ledger.info, truth=(ledger.score.score, ledger.tier))
        if ledger.info.revision != hot.info.revision:
            checker.fail(member, f"at rest: revision {hot.info.revision}, the ledger has {ledger.info.revision}")
        allowed = api.benefits.CheckBenefit(member=ref(member), benefit_id=BENEFITS[0]).entitlement.allowed
        if allowed != (hot.member.standing.tier >= GOLD and hot.member.state == 1):
            checker.fail(member, f"at rest: {BENEFITS[0]} {allowed} for {hot.member}")
