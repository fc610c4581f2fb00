# SPDX-License-Identifier: Apache-2.0
"""The programme for orders, slow and plain: what the service must answer, computed from the whole
ledger at every instant anew. Written from the rules in docs/programme.md, sharing nothing with src/domain.

Times are integer microseconds UTC, money integer minor units, score integer micro-points."""
from datetime import datetime, timedelta, timezone

DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NEVER = 1 << 62
PLATFORMS = ["shopping", "grocery", "food", "travel", "tickets", "rides"]
TIERS = ["bronze", "silver", "gold", "platinum", "diamond", "black_diamond"]
YUAN = 100
MICRO = 1_000_000

DEFAULT = {
    "version": 1,
    "effective_from": 0,
    "zone": 480,
    "settlement_day": 8,
    "protection_months": 3,
    "rates": {"CNY": (1, 1), "USD": (7, 1), "GBP": (9, 1)},
    "delay": {"shopping": 7 * DAY, "grocery": 7 * DAY, "travel": 2 * DAY, "food": 0, "tickets": 0, "rides": 0},
    "curve": [(2_000 * YUAN, 1000), (20_000 * YUAN, 300), (100_000 * YUAN, 120), (350_000 * YUAN, 20)],
    "order_limit": 50_000 * YUAN,
    "window_limit": {"food": 30_000 * YUAN, "travel": 60_000 * YUAN, "tickets": 3_000 * YUAN, "rides": 6_000 * YUAN},
    "rail_limit": 6_000 * YUAN,
    "day_minimum": 10 * YUAN,
    "day_most": 200,
    "platform_points": 10,
    "platform_most": 6,
    "category_points": 2,
    "category_most": 20,
    "attain": [0, 400, 600, 1000, 1500, 2500],
    "keep": [0, 360, 540, 900, 1350, 2250],
    "levels": [0, 1000, 2500],
}


def local(t, policy):
    return EPOCH + timedelta(microseconds=t) + timedelta(minutes=policy["zone"])


def month_of(t, policy):
    d = local(t, policy)
    return d.year * 12 + d.month - 1


def instant(month, day, policy):
    d = datetime(month // 12, month % 12 + 1, day, tzinfo=timezone.utc)
    return (d - EPOCH) // timedelta(microseconds=1) - policy["zone"] * 60_000_000


def policy_at(policies, t):
    now = [p for p in policies if p["effective_from"] <= t]
    return max(now, key=lambda p: p["effective_from"]) if now else min(policies, key=lambda p: p["effective_from"])


def convert(minor, currency, policy):
    num, den = policy["rates"][currency]
    return (2 * minor * num + den) // (2 * den)


def canonical(e):
    return (e["occurred_at"], e["source"].encode(), e["source_event_id"].encode())


class Order:
    """One order with everything that names it and was not refused."""

    def __init__(self, entry, others, policies):
        self.entry = entry
        self.at = entry["occurred_at"]
        delay = policy_at(policies, self.at)["delay"][entry["platform"]]
        done = max(entry["completed_at"], self.at) if entry.get("completed_at") else NEVER
        self.cancelled = NEVER
        for e in sorted(others, key=canonical):  # each acts on what was reached when it took place
            posting = done + delay if done != NEVER else NEVER
            if e["kind"] == "completion" and e["occurred_at"] < posting and self.cancelled == NEVER:
                done = max(e["completed_at"], self.at)
            if e["kind"] == "cancellation" and self.cancelled == NEVER:
                self.cancelled = max(e["occurred_at"], self.at)
        self.posting = done + delay if done != NEVER else NEVER
        self.voided = self.cancelled < self.posting
        self.reversals = [(max(e["occurred_at"], self.at), e["lines"]) for e in others if e["kind"] == "reversal"]

    def left(self, line, t):
        """Net amount of a line, in its own currency, that is left at t."""
        if self.cancelled <= t:
            return 0
        net = line["amount"] - line.get("coupon", 0) - line.get("points", 0)
        return net - sum(lines.get(line["line_no"], 0) for at, lines in self.reversals if at <= t)

    def counts(self, t):
        return self.posting <= t and not self.voided

    def state(self, t):
        if self.voided and self.cancelled <= t:
            return "VOIDED"
        if self.posting > t:
            return "PENDING"
        left = sum(self.left(l, t) for l in self.entry["lines"])
        net = sum(l["amount"] - l.get("coupon", 0) - l.get("points", 0) for l in self.entry["lines"])
        if left == net and self.cancelled > t:
            return "POSTED"
        return "REVERSED" if left == 0 or self.cancelled <= t else "PARTLY_REVERSED"


def judge_parked(order, parked):
    """The parked ones that fit when their order comes, in canonical order."""
    fits, taken, closed = [], {}, NEVER
    nets = {(l["line_no"], l["currency"]): l["amount"] - l.get("coupon", 0) - l.get("points", 0) for l in order["lines"]}
    accepted = []
    for e in sorted(parked, key=canonical):
        at = max(e["occurred_at"], order["occurred_at"])
        if e["kind"] in ("cancellation", "reversal") and at >= closed:
            continue
        if e["kind"] == "cancellation":
            closed = min(closed, at)
        if e["kind"] == "reversal":
            bad = False
            for no, amount in e["lines"].items():
                key = (no, e["currencies"][no])
                bad |= key not in nets or taken.get(no, 0) + amount > nets.get(key, 0)
            if bad:
                continue
            for no, amount in e["lines"].items():
                taken[no] = taken.get(no, 0) + amount
        accepted.append(e)
        fits.append(e)
    return fits


def orders_of(entries, policies):
    out = []
    for e in entries:
        if e["kind"] != "order":
            continue
        named = [o for o in entries if o["kind"] != "order" and (o["order_source"], o["order_id"]) == (e["source"], e["order_id"])]
        parked = [o for o in named if o["revision"] < e["revision"]]
        fits = judge_parked(e, parked) + [o for o in named if o["revision"] > e["revision"]]
        out.append(Order(e, fits, policies))
    return out


def follower_states(entries):
    """What became of the entries that name an order."""
    out = {}
    orders = {(e["source"], e["order_id"]): e for e in entries if e["kind"] == "order"}
    for e in entries:
        if e["kind"] != "order":
            order = orders.get((e["order_source"], e["order_id"]))
            out[e["source"], e["source_event_id"]] = "APPLIED" if order else "PARKED"
    for (source, order_id), order in orders.items():
        waited = [e for e in entries if e["kind"] != "order" and e["revision"] < order["revision"]
                  and (e["order_source"], e["order_id"]) == (source, order_id)]
        fits = judge_parked(order, waited)
        for e in waited:
            if e not in fits:
                out[e["source"], e["source_event_id"]] = "REFUSED"
    return out


def score(orders, first_month, last_month, t, policy):
    """Live or settled: orders of the window's months as they stand at t."""
    spend, rail, order_counted, categories, days = {}, 0, 0, set(), {}
    total = 0
    for o in orders:
        if not o.counts(t) or not first_month <= month_of(o.at, policy) <= last_month:
            continue
        platform, sum_here = o.entry["platform"], 0
        for line in o.entry["lines"]:
            if line["type"] not in ("goods", "service"):
                continue
            yuan = convert(o.left(line, t), line["currency"], policy)
            sum_here += yuan
            if platform == "travel" and line.get("sub_kind") == "rail":
                rail += yuan
            if yuan > 0 and line.get("category"):
                categories.add(line["category"])
        spend[platform] = spend.get(platform, 0) + sum_here
        total += sum_here
        if platform in ("shopping", "grocery"):
            order_counted += min(policy["order_limit"], sum_here)
        day = local(o.at, policy).date()
        days[day] = days.get(day, 0) + sum_here
    limit = policy["window_limit"]
    counted = order_counted
    counted += min(limit["travel"], spend.get("travel", 0) - rail + min(policy["rail_limit"], rail))
    for platform in ("food", "tickets", "rides"):
        counted += min(limit[platform], spend.get(platform, 0))
    points, below = 0, 0
    for upto, rate in policy["curve"]:
        points += max(0, min(counted, upto) - below) * rate
        below = upto
    frequency = min(policy["day_most"], sum(1 for v in days.values() if v >= policy["day_minimum"])) * MICRO
    platforms = sum(1 for v in spend.values() if v > 0)
    breadth = (min(platforms, policy["platform_most"]) * policy["platform_points"]
               + min(len(categories), policy["category_most"]) * policy["category_points"]) * MICRO
    micro = points + frequency + breadth
    return {"score": micro // MICRO, "micro": micro, "spend_points": points, "frequency": frequency,
            "breadth": breadth, "counted": counted, "spend": total}


def live(orders, t, policy):
    m = month_of(t, policy)
    return score(orders, m - 11, m, t, policy)


def settled(orders, t, policy):
    m = month_of(t, policy)
    return score(orders, m - 12, m - 1, t, policy)


def highest(points, thresholds):
    return max(i for i, need in enumerate(thresholds) if points >= need)


def instants(orders, policies, start, end):
    """Everything in (start, end] at which something may change, the settlements and month starts too."""
    out = set()
    for o in orders:
        out |= {o.posting, o.cancelled} | {at for at, _ in o.reversals}
    out |= {p["effective_from"] for p in policies}
    policy = policies[0]
    m = month_of(start, policy)
    while instant(m, 1, policy) <= end:
        out |= {instant(m, 1, policy), instant(m, policy["settlement_day"], policy)}
        m += 1
    return sorted(t for t in out if start < t <= end)


def last_settled(orders, begin, end, policy):
    """The score of the last settlement up to `end`; 0 before the first one since the beginning."""
    at = instant(month_of(end, policy), policy["settlement_day"], policy)
    if at > end:
        at = instant(month_of(end, policy) - 1, policy["settlement_day"], policy)
    return settled(orders, at, policy)["score"] if at > begin else 0


def fold(entries, policies, end):
    """The tier at `end`, and every transition up to it."""
    orders = orders_of(entries, policies)
    firsts = [x for o in orders for x in [o.posting, o.cancelled] + [at for at, _ in o.reversals] if x < NEVER]
    tier, at_risk, protected, history = 0, False, 0, []
    start = min(firsts, default=end) - 1
    for t in instants(orders, policies, start, end):
        policy = policy_at(policies, t)
        now = live(orders, t, policy)
        best = highest(now["score"], policy["attain"])
        if best > tier:
            history.append((t, "UPGRADE", tier, best, now["score"], policy["version"]))
            tier, at_risk = best, False
            protected = instant(month_of(t, policy) + policy["protection_months"], policy["settlement_day"], policy)
        if t == instant(month_of(t, policy), policy["settlement_day"], policy) and t >= protected:
            verdict = settled(orders, t, policy)["score"]
            if verdict >= policy["keep"][tier]:
                if at_risk:
                    history.append((t, "RECOVERED", tier, tier, verdict, policy["version"]))
                at_risk = False
            elif now["score"] >= policy["attain"][tier]:
                pass
            elif at_risk:
                history.append((t, "STEP_DOWN", tier, tier - 1, verdict, policy["version"]))
                tier, at_risk = tier - 1, False
            else:
                history.append((t, "AT_RISK", tier, tier, verdict, policy["version"]))
                at_risk = True
    policy = policy_at(policies, end)
    now = live(orders, end, policy)
    return {
        "tier": tier, "at_risk": at_risk, "protected_until": protected if protected > end else 0,
        "score": now, "level": highest(now["score"], policy["levels"]), "history": history,
        "below_keep": now["score"] < policy["keep"][tier],
        "settled": last_settled(orders, start, end, policy),
        "states": {(o.entry["source"], o.entry["source_event_id"]): o.state(end) for o in orders} | follower_states(entries),
    }


def known(entries, known_at):
    """What was in the ledger at an instant."""
    return [e for e in entries if e["known_at"] <= known_at]


def first_instant(entries, enrolled):
    """Before it there is nothing to tell about a member."""
    return min([enrolled] + [e["occurred_at"] for e in entries])


def next_change(entries, policies, t, horizon):
    """The first instant after t, up to horizon, at which tier, standing or score differ from those just before."""
    orders = orders_of(entries, policies)

    def seen(at):
        f = fold(entries, policies, at)
        return f["tier"], f["at_risk"], f["protected_until"], f["score"], f["level"], policy_at(policies, at)["version"]

    before = seen(t)
    for at in instants(orders, policies, t, horizon):
        if seen(at) != before:
            return at
    return 0


def judge(entries, new):
    """What a new activity with a key of its own gets: a state, or the reason why it is refused."""
    order = next((e for e in entries if e["kind"] == "order" and e["source"] == new.get("order_source", new["source"])
                  and e["order_id"] == new["order_id"]), None)
    if new["kind"] == "order":
        return "ORDER_EXISTS" if order else "ORDER"
    if order is None:
        return "PARKED"
    named = [o for o in entries if o["kind"] != "order" and (o["order_source"], o["order_id"]) == (order["source"], order["order_id"])]
    accepted = judge_parked(order, [o for o in named if o["revision"] < order["revision"]])
    accepted += [o for o in named if o["revision"] > order["revision"]]
    at = max(new["occurred_at"], order["occurred_at"])
    closed = min((max(o["occurred_at"], order["occurred_at"]) for o in accepted if o["kind"] == "cancellation"), default=NEVER)
    if new["kind"] != "completion" and at >= closed:
        return "ORDER_CLOSED"
    if new["kind"] == "reversal":
        for no in sorted(new["lines"]):
            line = next((l for l in order["lines"] if l["line_no"] == no), None)
            if line is None or line["currency"] != new["currencies"][no]:
                return "REFUND_LINE_MISMATCH"
            taken = sum(o["lines"].get(no, 0) for o in accepted if o["kind"] == "reversal")
            net = line["amount"] - line.get("coupon", 0) - line.get("points", 0)
            if taken + new["lines"][no] > net:
                return "REFUND_OVER_REMAINDER"
    return "APPLIED"
