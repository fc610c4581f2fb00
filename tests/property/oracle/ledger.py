# SPDX-License-Identifier: Apache-2.0
"""The ledger read: which entry names which, what was accepted, what is void, undone, linked.

An entry is a dict with kind, source, source_event_id, occurred_at, known_at, revision and:

    order         platform, order_id, lines [line_no, type, currency, amount, coupon, points, category, sub_kind], completed_at (0: none)
    completion    order_source, order_id, completed_at
    cancellation  order_source, order_id
    reversal      order_source, order_id, lines {line_no: amount}, currencies {line_no: currency}
    review        order_source, order_id, line_no, pictures
    share         content, channel
    post          content
    answer        question, asker
    vote          content, by
    visit         platform, store
    opening       about (source, source_event_id), by, verified
    undo, finding, void   about
    credibility   delta, until (0: for ever)
    link          other, linked
    override      tier (index; None: the natural one shows), until
    suspension    suspended
"""
from .policy import policy_at
from .times import NEVER, add_months

ABOUT_ORDER = {"completion", "cancellation", "reversal", "review"}
ABOUT_KEY = {"opening", "undo", "finding", "void"}
INBOUND = {"order", "completion", "cancellation", "reversal", "review", "share", "opening", "post", "answer", "vote",
           "visit", "undo"}
UNDOABLE = {"review", "share", "opening", "post", "answer", "vote", "visit", "reversal", "cancellation", "finding"}
FINDABLE = {"order", "review", "share", "opening", "post", "answer", "vote", "visit"}


def canonical(e):
    return (e["occurred_at"], e["source"].encode(), e["source_event_id"].encode())


def key_of(e):
    return (e["source"], e["source_event_id"])


def net(line):
    return line["amount"] - line.get("coupon", 0) - line.get("points", 0)


def expiry(e, policies):
    """What waits is given up then."""
    return add_months(e["occurred_at"], 15, policies[0])


def misfit(e, target, others):
    """Why an entry may not name this target; `others` are the accepted ones that name it, too."""
    if e["kind"] == "undo" and target["kind"] not in UNDOABLE:
        return "UNDO_NOT_ALLOWED"
    if e["kind"] == "opening" and target["kind"] != "share":
        return "NAMED_KIND_MISMATCH"
    if e["kind"] == "finding" and target["kind"] not in FINDABLE:
        return "FINDING_NOT_ALLOWED"
    if e["kind"] == "finding" and any(o["kind"] == "finding" for o in others):
        return "FINDING_EXISTS"
    if e["kind"] == "void" and (target["kind"] not in INBOUND or any(o["kind"] == "void" for o in others)):
        return "VOID_NOT_ALLOWED"
    return None


class Ledger:
    """What the entries say about each other; nothing here depends on when one looks."""

    def __init__(self, entries, policies, me=0):
        self.entries = sorted(entries, key=lambda e: e["revision"])
        self.policies, self.me = policies, me
        self.by_key = {key_of(e): e for e in self.entries}
        self.orders = {(e["source"], e["order_id"]): e for e in self.entries if e["kind"] == "order"}
        self.verdict = {}  # key -> APPLIED, REFUSED, EXPIRED of those that name a key; absent: parked
        self.about = {}  # key -> accepted entries that name it
        naming, self.naming_order = {}, {}
        for e in self.entries:
            if e["kind"] in ABOUT_KEY:
                naming.setdefault(e["about"], []).append(e)
            if e["kind"] in ABOUT_ORDER:
                self.naming_order.setdefault((e["order_source"], e["order_id"]), []).append(e)
        for e in self.entries:
            self.about[key_of(e)] = self._accept(e, naming.get(key_of(e), []), misfit)
        self.voided = {e["about"] for e in self.applied("void")}
        self.links = [e for e in self.entries if e["kind"] == "link"]
        self._of_order, self._undone = {}, {}

    # who was accepted

    def _accept(self, target, naming, misfit):
        """Those before the target were parked and are judged in canonical order; those after it fitted."""
        accepted = []
        for e in sorted((e for e in naming if e["revision"] < target["revision"]), key=canonical):
            if target["known_at"] >= expiry(e, self.policies):
                self.verdict[key_of(e)] = "EXPIRED"
            elif misfit(e, target, accepted):
                self.verdict[key_of(e)] = "REFUSED"
            else:
                self.verdict[key_of(e)] = "APPLIED"
                accepted.append(e)
        for e in naming:
            if e["revision"] > target["revision"]:
                self.verdict[key_of(e)] = "APPLIED"
                accepted.append(e)
        return accepted

    def of_order(self, order):
        """Accepted entries that name the order. Parked ones were judged by what was known when it came."""
        key = key_of(order)
        if key not in self._of_order:
            naming = self.naming_order.get((order["source"], order["order_id"]), [])
            then = self
            if naming and naming[0]["revision"] < order["revision"] < self.entries[-1]["revision"]:
                then = Ledger([e for e in self.entries if e["revision"] <= order["revision"]], self.policies, self.me)
            self._of_order[key] = self._accept(order, naming, then.order_misfit)
        return self._of_order[key]

    def verdict_of(self, e):
        """APPLIED, REFUSED, EXPIRED; None while what it names is not known."""
        if e["kind"] in ABOUT_ORDER and (e["order_source"], e["order_id"]) in self.orders:
            self.of_order(self.orders[e["order_source"], e["order_id"]])
        return self.verdict.get(key_of(e))

    def order_misfit(self, e, order, accepted):
        """Why an entry does not fit its order beside those that were accepted."""
        if e["kind"] not in ("cancellation", "reversal"):
            return None
        at = max(e["occurred_at"], order["occurred_at"])
        if key_of(order) in self.voided or any(a <= at < b for a, b in self.closures(accepted)):
            return "ORDER_CLOSED"
        if e["kind"] == "cancellation":
            return None
        for no in sorted(e["lines"]):
            line = next((l for l in order["lines"] if l["line_no"] == no), None)
            if line is None or line["currency"] != e["currencies"][no]:
                return "REFUND_LINE_MISMATCH"
            taken = [(*self.span(o), o["lines"].get(no, 0)) for o in accepted
                     if o["kind"] == "reversal" and key_of(o) not in self.voided]
            taken.append((at, NEVER, e["lines"][no]))  # itself whole, whatever undo waits for it
            if any(sum(amount for a, b, amount in taken if a <= x < b) > net(line) for x, _, _ in taken if x >= at):
                return "REFUND_OVER_REMAINDER"
        return None

    # instants

    def applied(self, kind):
        return [e for e in self.entries if e["kind"] == kind and self.verdict.get(key_of(e)) == "APPLIED"]

    def named(self, e):
        """The entry that this one names, if it names one and that is known."""
        if e["kind"] in ABOUT_KEY:
            return self.by_key.get(e["about"])
        if e["kind"] in ("completion", "cancellation", "reversal"):
            return self.orders.get((e["order_source"], e["order_id"]))
        return None

    def instant(self, e):
        """When it takes place: never before what it names does."""
        named = self.named(e)
        if named is None:
            return e["occurred_at"]
        return max(e["occurred_at"], self.instant(named) if e["kind"] == "undo" else named["occurred_at"])

    def undone(self, e):
        """The first instant from which an undo holds, or NEVER."""
        key = key_of(e)
        if key not in self._undone:
            undos = [o for o in self.about.get(key, []) if o["kind"] == "undo" and key_of(o) not in self.voided]
            self._undone[key] = min([self.instant(o) for o in undos], default=NEVER)
        return self._undone[key]

    def span(self, e):
        """[own instant, undo)."""
        return self.instant(e), self.undone(e)

    def finding(self, e):
        """[from, until) in which this entry is proven fake, or None."""
        for o in self.about.get(key_of(e), []):
            if o["kind"] == "finding":
                return self.span(o)
        return None

    def is_void(self, e, t):
        """By an operator for ever, or by a finding while it holds."""
        if key_of(e) in self.voided:
            return True
        found = self.finding(e)
        return found is not None and found[0] <= t < found[1]

    def holds(self, e, t):
        """Begun, not undone, not void at t."""
        a, b = self.span(e)
        return a <= t < b and not self.is_void(e, t)

    # orders

    def course(self, order, accepted):
        """(completed_at, posting, early cancellation, [later ones]): completions and cancellations in canonical order."""
        at = order["occurred_at"]
        policy = policy_at(self.policies, at)
        delay, auto = policy["delay"][order["platform"]], policy["auto_complete"][order["platform"]]
        done = max(order["completed_at"], at) if order.get("completed_at") else at + auto if auto else NEVER
        closing = []
        for e in sorted(accepted, key=canonical):
            posting = done + delay if done != NEVER else NEVER
            if key_of(e) in self.voided:
                continue
            if e["kind"] == "completion" and e["occurred_at"] < posting and not closing:
                done = max(e["completed_at"], at)
            if e["kind"] == "cancellation":
                if self.instant(e) < posting:
                    return done, posting, self.instant(e), closing
                closing.append(e)
        return done, done + delay if done != NEVER else NEVER, NEVER, closing

    def closures(self, accepted):
        """Intervals in which a cancellation of the order is in force."""
        return [self.span(e) for e in accepted if e["kind"] == "cancellation" and key_of(e) not in self.voided]

    # links

    def linked(self, other, t):
        about = [e for e in self.links if e["other"] == other and e["known_at"] <= t]
        return bool(about) and about[-1]["linked"]

    def alien(self, other, t):
        """Neither oneself nor linked at t."""
        return other != self.me and not self.linked(other, t)
