# SPDX-License-Identifier: Apache-2.0
"""What each entry does and when: orders with what is left of them, interactions that are in force, states."""
from .ledger import ABOUT_KEY, ABOUT_ORDER, canonical, expiry, key_of, net
from .policy import KINDS, policy_at
from .times import NEVER, day_of


class Order:
    """One order with everything that names it and was accepted."""

    def __init__(self, ledger, entry):
        self.ledger, self.entry, self.at = ledger, entry, entry["occurred_at"]
        accepted = ledger.of_order(entry)
        self.done, self.posting, self.early, later = ledger.course(entry, accepted)
        self.closed = [ledger.span(e) for e in later]
        self.reversals = [(*ledger.span(e), e["lines"]) for e in accepted
                          if e["kind"] == "reversal" and key_of(e) not in ledger.voided]

    def instants(self):
        """At which it changes; a voided order never does."""
        if key_of(self.entry) in self.ledger.voided:
            return []
        begins = [self.posting if self.early == NEVER else self.early, *[a for a, _ in self.closed], *[a for a, _, _ in self.reversals]]
        return [t for t in begins if t != NEVER]

    def is_void(self, t):
        return self.early <= t or self.ledger.is_void(self.entry, t)

    def left(self, line, t):
        """Net amount of a line, in its own currency, that is left at t."""
        if any(a <= t < b for a, b in self.closed):
            return 0
        return net(line) - sum(lines.get(line["line_no"], 0) for a, b, lines in self.reversals if a <= t < b)

    def counts(self, t):
        return self.posting <= t and self.early == NEVER and not self.is_void(t)

    def state(self, t):
        if self.is_void(t):
            return "VOIDED"
        if self.posting > t or self.early != NEVER:
            return "PENDING"
        if any(a <= t < b for a, b in self.closed):
            return "REVERSED"
        left, whole = sum(self.left(l, t) for l in self.entry["lines"]), sum(net(l) for l in self.entry["lines"])
        return "POSTED" if left == whole else "REVERSED" if left == 0 else "PARTLY_REVERSED"


class Deeds:
    """All that a ledger's entries do."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.orders = [Order(ledger, e) for e in sorted(ledger.orders.values(), key=canonical)]
        self.by_order = {key_of(o.entry): o for o in self.orders}
        self.interactions = sorted((e for e in ledger.entries if e["kind"] in KINDS), key=canonical)
        self.same = {key_of(e): (e["kind"], self.sameness(e)) for e in self.interactions}

    # interactions

    def posting(self, post):
        return post["occurred_at"] + policy_at(self.ledger.policies, post["occurred_at"])["post_delay"]

    def opened(self, share, t):
        """Some opening of the share counts at t."""
        return any(o["kind"] == "opening" and o["verified"] and self.ledger.holds(o, t) and self.ledger.alien(o["by"], t)
                   for o in self.ledger.about[key_of(share)])

    def first_opened(self, share):
        """The first instant at which the share is in force, or NEVER."""
        times = [self.ledger.instant(o) for o in self.ledger.about[key_of(share)] if o["kind"] == "opening"]
        times += [e["known_at"] for e in self.ledger.entries if e["kind"] == "link"]
        times += [self.ledger.undone(e) for e in self.ledger.entries if e["kind"] == "finding"]
        times += [self.ledger.finding(share)[1]] if self.ledger.finding(share) else []
        return min((t for t in times if t != NEVER and self.in_force(share, t)), default=NEVER)

    def order_of(self, review):
        order = self.ledger.orders.get((review["order_source"], review["order_id"]))
        return self.by_order[key_of(order)] if order else None

    def in_force(self, e, t):
        """It would count at t if no equal came before it and no cap held."""
        if not self.ledger.holds(e, t):
            return False
        kind = e["kind"]
        if kind == "review":
            order = self.order_of(e)
            if order is None or self.ledger.verdict_of(e) != "APPLIED" or order.is_void(t):
                return False
            line = next((l for l in order.entry["lines"] if l["line_no"] == e["line_no"]), None)
            return line is not None and line["type"] in ("goods", "service") and order.done <= e["occurred_at"]
        if kind == "share":
            return self.opened(e, t)
        if kind == "post":
            posting = self.posting(e)
            return posting <= t and posting <= self.ledger.undone(e)
        if kind == "answer":
            return self.ledger.alien(e["asker"], e["occurred_at"])
        if kind == "vote":
            return self.ledger.alien(e["by"], t)
        return True

    def sameness(self, e):
        """Of those with the same one only the first counts."""
        day = day_of(e["occurred_at"], self.ledger.policies[0])
        return {
            "review": lambda: (e["order_source"], e["order_id"], e["line_no"]),
            "share": lambda: (e["content"], e["channel"], day),
            "post": lambda: key_of(e),
            "answer": lambda: key_of(e),
            "vote": lambda: (e["by"], e["content"]),
            "visit": lambda: (e["platform"], e["store"], day),
        }[e["kind"]]()

    def counting(self, t):
        """Those in force at t, of equals the first in canonical order."""
        seen, out = set(), []
        for e in self.interactions:
            if self.in_force(e, t) and self.same[key_of(e)] not in seen:
                seen.add(self.same[key_of(e)])
                out.append(e)
        return out

    # states

    def state(self, e, t):
        kind = e["kind"]
        if kind == "order":
            return self.by_order[key_of(e)].state(t)
        if kind in ("credibility", "link", "override", "suspension"):
            return "APPLIED"
        if self.ledger.is_void(e, t):
            return "VOIDED"
        if kind in ABOUT_KEY | ABOUT_ORDER:
            verdict = self.ledger.verdict_of(e)
            if verdict is None:
                return "EXPIRED" if t >= expiry(e, self.ledger.policies) else "PARKED"
            if kind != "review" or verdict != "APPLIED":
                return "REVERSED" if verdict == "APPLIED" and self.ledger.undone(e) <= t else verdict
        return self._interaction_state(e, t)

    def _interaction_state(self, e, t):
        undone = self.ledger.undone(e)
        if e["kind"] == "post" and self.posting(e) > min(t, undone):
            return "VOIDED" if undone <= t else "PENDING"
        if e["kind"] == "share":
            if undone <= t:
                return "REVERSED" if self.opened(e, undone) else "VOIDED"
            return "POSTED" if self.opened(e, t) and e["occurred_at"] <= t else "PENDING"
        if t < e["occurred_at"]:
            return "PENDING"
        return "REVERSED" if undone <= t else "POSTED"

    # instants

    def begin(self):
        """The first effective instant of an activity; NEVER: none."""
        first = [t for order in self.orders for t in order.instants()]
        for e in self.interactions:
            if key_of(e) in self.ledger.voided or e["kind"] == "review" and self.ledger.verdict_of(e) != "APPLIED":
                continue
            if e["kind"] == "post":
                first.append(self.posting(e) if self.posting(e) <= self.ledger.undone(e) else NEVER)
            else:
                first.append(self.first_opened(e) if e["kind"] == "share" else e["occurred_at"])
        first += [self.ledger.instant(e) for e in self.ledger.applied("finding")]
        return min(first, default=NEVER)

    def instants(self):
        """Everything at which an entry may change something."""
        out = set()
        for order in self.orders:
            out |= {order.at, order.posting, order.early}
        for e in self.ledger.entries:
            out |= {self.ledger.instant(e), self.ledger.undone(e), e["occurred_at"], e.get("until") or NEVER}
            if e["kind"] == "post":
                out.add(self.posting(e))
            if e["kind"] in ABOUT_KEY | ABOUT_ORDER:
                out.add(expiry(e, self.ledger.policies))
        return out - {NEVER}
