# SPDX-License-Identifier: Apache-2.0
"""Random worlds: what platforms tell about one member and what people decide about him, in batches over hours
or months. Everything comes from one seed and from what was accepted before.

A world has a theme. Names are few, so that equals, links and undos meet; times cling to a few days and to the
edges of months and settlements, so that caps are hit."""
import random

import oracle
from oracle import DAY, HOUR, MINUTE, PLATFORMS, SECOND, instant, month_of, settlement

import policies

ME = 1
FRIENDS = [2, 3, 4, 5]
SOURCES = ["shop", "trips"]
CATEGORIES = ["", "a", "b", "c", "d", "e"]
KEPT = 395 * DAY  # nothing older is told; 14 months would be refused

#          orders, followers, interactions, openings, undos, decisions, bursts, aims, policies (weights)
THEMES = {
    "orders": (6, 8, 0, 0, 1, 1, 0, 0, 0),
    "mixed": (4, 4, 8, 3, 3, 3, 1, 1, 1),
    "social": (1, 1, 12, 5, 3, 1, 2, 0, 1),
    "crowd": (1, 0, 1, 0, 1, 1, 8, 0, 2),
    "border": (2, 2, 2, 0, 1, 1, 0, 8, 1),
    "fraud": (4, 2, 5, 2, 4, 8, 1, 3, 0),
    "undo": (3, 6, 4, 2, 12, 2, 0, 0, 0),
    "policy": (4, 2, 4, 1, 1, 2, 1, 3, 6),
}
WORKS = ["order", "follow", "interact", "open", "undo", "decide", "burst", "aim", "publish"]


class World:
    """step(now) draws a batch: activities, decisions (kind and fields; occurred_at is their commit), {"policy": …}."""

    def __init__(self, seed, now, most=60, friends=FRIENDS, me=ME, own_policy=True):
        self.rng = r = random.Random(seed)
        self.now, self.begin, self.me, self.friends = now, now, me, friends
        self.theme = r.choice([*THEMES, "border", "border", "crowd"])
        self.weights = THEMES[self.theme]
        self.size = r.choice([3, 10, 25, most] if self.theme != "crowd" else [25, most, 2 * most])
        self.steps = r.choice([1, 3, 8])
        self.pace = r.choice([0, 0, DAY, 20 * DAY, 60 * DAY])
        self.told, self.entries, self.policies = [], [], [oracle.DEFAULT]
        self.serial = 0
        # some members buy little, some are close to a threshold of the tiers, some are whales
        self.scale = r.choice([500, 5_000, 50_000, 200_000, 400_000, 800_000, 1_600_000, 5_000_000])
        self.hot = [now - r.randrange(KEPT) for _ in range(r.choice([1, 2, 4, 12] if self.theme != "crowd" else [3, 12]))]
        self.contents = ["x", "y", "z", "w"][: r.choice([1, 2, 4])]
        if own_policy and r.random() < (0.8 if self.theme == "crowd" else 0.4):
            first = policies.draw(r, oracle.DEFAULT, 1, now)
            first = policies.tighten(r, first) if self.theme == "crowd" else first
            self.policies[0] = {**first, "effective_from": 0, "known_at": 0}
        if own_policy and r.random() < 0.25:
            self.policies[0] = policies.place(r, self.policies[0])
        if self.theme == "border":  # settlements come by, and most of them judge
            self.steps, self.pace = 8, r.choice([DAY, 20 * DAY, 40 * DAY])
            if own_policy and r.random() < 0.6:
                self.policies[0] = {**self.policies[0], "protection_months": 0}

    # names and times

    def pause(self):
        """Until the next batch."""
        return self.rng.randrange(self.pace) if self.pace else SECOND

    def when(self):
        r, now = self.rng, self.now
        chance = r.random()
        if chance < 0.35:
            at = r.choice(self.hot) + r.randrange(6 * HOUR)
        elif chance < 0.5:
            here = self.policies[0]
            month = month_of(now, here) - r.randrange(13)
            at = r.choice([instant(month, 1, here), settlement(month, here), instant(month, 28, here)]) + r.choice([-1, 0, 1])
        elif chance < 0.65:
            at = now - r.randrange(3 * DAY)
        elif chance < 0.7:
            at = now + r.choice([1, MINUTE, 5 * MINUTE])
        elif chance < 0.8:  # about when a version takes force
            at = r.choice(self.policies)["effective_from"] + r.choice([-1, 0, 1, r.randrange(9 * DAY)])
        else:
            at = now - r.randrange(KEPT)
        return at if now - KEPT < at <= now + 5 * MINUTE else now - r.randrange(KEPT)

    def after(self, t, *more):
        """At about t or some time after it, never long before, never ahead."""
        r = self.rng
        at = t + r.choice([0, 0, 1, -1, 24 * HOUR, r.randrange(-DAY, 60 * DAY), r.randrange(DAY), 7 * DAY, *more])
        return min(self.now + 5 * MINUTE, max(self.now - KEPT, at))

    def tell(self, kind, occurred_at, source=None, **fields):
        self.serial += 1
        e = {"kind": kind, "source": source or self.rng.choice(SOURCES), "source_event_id": f"e{self.rng.randint(0, 9)}{self.serial}",
             "occurred_at": occurred_at, **fields}
        self.told.append(e)
        return e

    def somebody(self, self_chance=0.1):
        return self.me if self.rng.random() < self_chance else self.rng.choice(self.friends)

    def some(self, *kinds):
        found = [e for e in self.told if e["kind"] in kinds]
        return self.rng.choice(found) if found else None

    # orders

    def amount(self):
        r = self.rng
        return r.choice([1, 999, 1000, 1001, r.randint(1, self.scale), r.randint(1, self.scale), r.randint(1, self.scale * 10)])

    def order(self):
        r, at, lines = self.rng, self.when(), []
        for no in range(1, r.choice([1, 1, 2, 3]) + 1):
            amount = self.amount()
            coupon = r.choice([0, 0, 0, r.randint(0, amount), amount])
            lines.append({
                "line_no": no, "type": r.choice(["goods", "goods", "service", "shipping", "gift_card"]),
                "currency": r.choice(["CNY", "CNY", "CNY", "GBP", "USD"]), "amount": amount, "coupon": coupon,
                "points": r.choice([0, 0, r.randint(0, amount - coupon)]),
                "category": r.choice(CATEGORIES), "sub_kind": r.choice(["", "", "rail"]),
            })
        done = r.choice([0, at, at, at, at + r.randint(0, 20 * 86_400) * SECOND, at - DAY])
        e = self.tell("order", at, platform=r.choice(PLATFORMS), lines=lines, completed_at=max(done, 0))
        e["order_id"] = "o" + e["source_event_id"]
        return [e]

    def about_order(self, kind, order, at, **fields):
        return self.tell(kind, at, self.rng.choice([order["source"], "desk"]), order_source=order["source"], order_id=order["order_id"], **fields)

    def reversal(self, order, at):
        r, lines, currencies = self.rng, {}, {}
        for line in r.sample(order["lines"], r.randint(1, len(order["lines"]))):
            net = oracle.net(line)
            lines[line["line_no"]] = max(1, r.choice([net, net, net // 2, net // 3, 1, net + 1]))
            currencies[line["line_no"]] = line["currency"] if r.random() < 0.95 else "CNY"
        return self.about_order("reversal", order, at, lines=lines, currencies=currencies)

    def follow(self):
        order, r = self.some("order"), self.rng
        if order is None:
            return self.order()
        kind, at = r.choice(["completion", "cancellation", "reversal", "reversal", "review", "review"]), self.after(order["occurred_at"])
        if kind == "reversal":
            return [self.reversal(order, at)]
        if kind == "completion":
            done = max(1, at + r.choice([0, 0, DAY, -DAY, 10 * DAY]))
            return [self.about_order(kind, order, at, completed_at=done)]
        if kind == "review":
            return [self.review(order, at)]
        return [self.about_order(kind, order, at)]

    # interactions

    def review(self, order, at):
        r = self.rng
        no = r.choice([l["line_no"] for l in order["lines"]] + [9] * (r.random() < 0.1))
        return self.about_order("review", order, at, line_no=no, pictures=r.random() < 0.5)

    def interact(self, kind=None, at=None, content=None):
        r = self.rng
        kind, at = kind or r.choice(oracle.KINDS), at or self.when()
        content = content or r.choice(self.contents)
        if kind == "review":
            order = self.some("order")
            return [self.review(order, at)] if order else self.order()
        fields = {
            "share": lambda: {"content": content, "channel": r.choice(["moments", "chat"])},
            "post": lambda: {"content": content},
            "answer": lambda: {"question": "q" + content, "asker": self.somebody()},
            "vote": lambda: {"content": content, "by": self.somebody()},
            "visit": lambda: {"platform": r.choice(PLATFORMS[:2]), "store": content},
        }[kind]()
        return [self.tell(kind, at, **fields)]

    def open(self):
        share = self.some("share")
        if share is None or self.rng.random() < 0.2:
            return self.interact("share")
        return [self.opening(share, self.after(share["occurred_at"]))]

    def opening(self, share, at):
        return self.tell("opening", at, about=oracle.key_of(share), by=self.somebody(0.15), verified=self.rng.random() < 0.8)

    def burst(self):
        """Many of one kind on one day or in one month, so that caps hold."""
        r = self.rng
        kind, at = r.choice(["post", "answer", "vote", "visit", "share", "review"]), r.choice(self.hot)
        span, n, out = r.choice([HOUR, 20 * DAY, 20 * DAY]), r.choice([3, 5, 12, 40]), []
        if kind == "review":
            lines = [{"line_no": no, "type": "goods", "currency": "CNY", "amount": 0, "category": ""} for no in range(1, n + 1)]
            order = self.tell("order", self.fit(at - DAY), platform="food", lines=lines, completed_at=self.fit(at - DAY))
            order["order_id"] = "o" + order["source_event_id"]
            out.append(order)
        for i in range(n):
            t = self.fit(at + r.randrange(span))
            if kind == "review":
                out.append(self.about_order("review", order, t, line_no=i + 1, pictures=r.random() < 0.3))
            else:
                out += self.interact(kind, t, f"b{self.serial}")
                if kind == "share":
                    out.append(self.tell("opening", t, about=oracle.key_of(out[-1]), by=r.choice(self.friends), verified=True))
        return out

    def fit(self, t):
        return min(self.now, max(self.now - KEPT, t))

    # undo and decisions

    def undo(self):
        e = self.some("review", "share", "opening", "post", "answer", "vote", "visit", "reversal", "reversal", "cancellation", "cancellation",
                      *(["order", "completion", "undo"] if self.rng.random() < 0.1 else []))
        if e is None:
            return self.interact()
        if self.rng.random() < 0.25:
            return [{"kind": "reverse", "about": oracle.key_of(e)}]
        return [self.tell("undo", self.after(e["occurred_at"]), about=oracle.key_of(e))]

    def decide(self):
        r = self.rng
        kind = r.choice(["finding", "finding", "finding", "void", "credibility", "credibility", "link", "link", "override", "override",
                         "suspension", "reverse"])
        until = self.now + r.choice([MINUTE, DAY, 40 * DAY, 200 * DAY])
        if kind in ("finding", "void", "reverse"):
            own = [e for e in self.entries if e["kind"] == "finding"]
            e = r.choice(own) if own and kind == "reverse" else self.some(*oracle.INBOUND)
            return [{"kind": kind, "about": oracle.key_of(e)}] if e else self.order()
        return [{
            "credibility": lambda: {"kind": kind, "delta": r.choice([-1, -500, -2_000, -9_000, 1_500, 2_500]), "until": r.choice([0, until])},
            "link": lambda: {"kind": kind, "other": r.choice(self.friends), "linked": r.random() < 0.65},
            "override": lambda: ({"kind": kind, "tier": None, "until": 0} if r.random() < 0.25 else
                                 {"kind": kind, "tier": r.randrange(6), "until": until}),
            "suspension": lambda: {"kind": kind, "suspended": r.random() < 0.6},
        }[kind]()]

    # thresholds

    def aim(self):
        """An order, or a reversal, that brings the score exactly to a threshold, or one fen short of it."""
        r, policy = self.rng, oracle.policy_at(self.policies, self.now)
        tier = oracle.Fold(self.entries, self.policies, self.me).at(self.now)["tier"]
        goal = r.choice([policy["keep"][tier], policy["keep"][tier], policy["attain"][min(tier + 1, 5)], r.choice(policy["attain"]),
                         r.choice(policy["levels"])])
        order = self.some("order")
        if r.random() < 0.4 and order and len(order["lines"]) == 1 and oracle.net(order["lines"][0]) > 1:
            make = lambda fen: self.about_order("reversal", order, self.now, lines={1: fen}, currencies={1: order["lines"][0]["currency"]})  # noqa: E731
            low, high, falls = 1, oracle.net(order["lines"][0]), True
        else:
            at = self.when()
            line = {"line_no": 1, "type": "goods", "currency": "CNY", "category": "a", "sub_kind": ""}

            def make(fen):
                return self.tell("order", at, platform=platform, order_id=f"aim{self.serial}", lines=[{**line, "amount": fen}], completed_at=at)
            platform = r.choice(["food", "rides", "shopping"])
            low, high, falls = 1, 12_000_000, False
        for _ in range(24):  # the least amount that crosses it
            if low >= high:
                break
            middle = (low + high) // 2
            crossed = (self.score_with(make(middle)) >= goal) != falls
            self.told.pop()
            low, high = (low, middle) if crossed else (middle + 1, high)
        return [make(max(1, low - r.choice([0, 0, 1])))]

    def score_with(self, e):
        e = {**e, "known_at": self.now, "revision": 1 + max([e["revision"] for e in self.entries], default=1)}
        return oracle.Fold([*self.entries, e], self.policies, self.me).live(self.now + 8 * DAY)["score"]

    def publish(self):
        p = policies.draw(self.rng, self.policies[-1], len(self.policies) + 1, self.now)
        if any(p["effective_from"] == q["effective_from"] for q in self.policies):
            return []
        return [{"policy": p}]

    # all

    def step(self, now):
        """In an order of arrival of their own: some before what they name, some twice."""
        self.now, r, out = now, self.rng, []
        while len(out) < self.size / self.steps:
            out += getattr(self, r.choices(WORKS, self.weights)[0])()
        if r.random() < 0.5:
            r.shuffle(out)
        for _ in range(len(out) // 6):  # sent twice
            out.insert(r.randint(0, len(out)), r.choice(out))
        return out
