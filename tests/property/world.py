# SPDX-License-Identifier: Apache-2.0
"""Random worlds: what platforms might tell about one member, with duplicates, parked activities,
reversals too large, completions late and early. Everything from one seed."""
import random

from oracle import DAY, DEFAULT, PLATFORMS, instant

MINUTE = 60_000_000
CATEGORIES = ["", "a", "b", "c", "d", "e"]
SOURCES = ["shop", "trips"]


class World:
    """Draws activities that occurred in (now - 13 months, now]."""

    def __init__(self, seed, now):
        self.rng = random.Random(seed)
        self.now = now
        self.orders = []
        self.serial = 0
        # some members buy little, some are close to a threshold of the tiers, some are whales
        self.scale = self.rng.choice([500, 5_000, 50_000, 200_000, 400_000, 800_000, 1_600_000, 5_000_000])

    def when(self):
        r = self.rng
        if r.random() < 0.2:  # at an edge of a month, a day or a settlement
            month = (2026 * 12 + 5) + r.randint(-6, 5)
            edge = instant(month, r.choice([1, 8, 8, 28]), DEFAULT) + r.choice([-1, 0, 1])
            if self.now - 395 * DAY < edge <= self.now:
                return edge
        return self.now - r.randint(0, 395 * 86_400) * 1_000_000

    def event_id(self):
        self.serial += 1
        return f"e{self.rng.randint(0, 9)}{self.serial}"

    def amount(self):
        r = self.rng
        return r.choice([1, 999, 1000, 1001, r.randint(1, self.scale), r.randint(1, self.scale), r.randint(1, self.scale * 10)])

    def order(self):
        r = self.rng
        at = self.when()
        lines = []
        for no in range(1, r.choice([1, 1, 2, 3]) + 1):
            amount = self.amount()
            coupon = r.choice([0, 0, 0, r.randint(0, amount), amount])
            lines.append({
                "line_no": no, "type": r.choice(["goods", "goods", "service", "shipping", "gift_card"]),
                "currency": r.choice(["CNY", "CNY", "CNY", "GBP", "USD"]), "amount": amount, "coupon": coupon,
                "points": r.choice([0, 0, r.randint(0, amount - coupon)]),
                "category": r.choice(CATEGORIES), "sub_kind": r.choice(["", "", "rail"]),
            })
        event = self.event_id()
        order = {
            "kind": "order", "source": r.choice(SOURCES), "source_event_id": event, "order_id": "o" + event,
            "occurred_at": at, "platform": r.choice(PLATFORMS), "lines": lines,
            "completed_at": r.choice([0, at, at, at, at + r.randint(0, 20 * 86_400) * 1_000_000, at - DAY]),
        }
        if order["completed_at"] < 0:
            order["completed_at"] = 0
        self.orders.append(order)
        return order

    def about(self, kind):
        r = self.rng
        order = r.choice(self.orders)
        at = min(self.now, max(self.now - 395 * DAY, order["occurred_at"] + r.choice([0, 1, r.randint(-DAY, 60 * DAY), 7 * DAY])))
        out = {
            "kind": kind, "source": r.choice([order["source"], "desk"]), "source_event_id": self.event_id(), "occurred_at": at,
            "order_source": order["source"], "order_id": order["order_id"],
        }
        if kind == "completion":
            out["completed_at"] = max(1, at + r.choice([0, 0, DAY, -DAY, 10 * DAY]))
        if kind == "reversal":
            some = r.sample(order["lines"], r.randint(1, len(order["lines"])))
            out["lines"], out["currencies"] = {}, {}
            for line in some:
                net = line["amount"] - line["coupon"] - line["points"]
                out["lines"][line["line_no"]] = max(1, r.choice([net, net, net // 2, net // 3, 1, net + 1]))
                out["currencies"][line["line_no"]] = line["currency"] if r.random() < 0.95 else "CNY"
        return out

    def activities(self, count):
        """In an order of arrival of their own: some before the order that they name."""
        out = []
        for _ in range(count):
            kind = self.rng.choice(["order", "order", "order", "completion", "cancellation", "reversal", "reversal"])
            out.append(self.order() if kind == "order" or not self.orders else self.about(kind))
        if self.rng.random() < 0.5:
            self.rng.shuffle(out)
        for _ in range(count // 5):  # sent twice
            out.insert(self.rng.randint(0, len(out)), self.rng.choice(out))
        return out
