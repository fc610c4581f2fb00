# SPDX-License-Identifier: Apache-2.0
"""The score of a window at an instant, computed from everything anew."""
from itertools import combinations

from .ledger import key_of
from .policy import KINDS, MICRO, convert, policy_at
from .times import add_months, day_of, month_of

PARTS = ["spend", "frequency", "breadth", "fraction_dropped", *[k + "s" for k in KINDS], "common_caps", "credibility",
         "guard", "penalty", "zero_floor"]  # numbered from 1 on the wire


def curve(counted, policy):
    points, below = 0, 0
    for upto, rate in policy["curve"]:
        points += max(0, min(counted, upto) - below) * rate
        below = upto
    return points


def spend_terms(orders, t, policy):
    """Spend, frequency and breadth of these orders, as they stand at t."""
    spend, counted, rails, categories, days = {}, {}, 0, set(), {}
    for o in orders:
        platform, here, rail = o.entry["platform"], 0, 0
        for line in o.entry["lines"]:
            if line["type"] not in ("goods", "service"):
                continue
            fen = convert(o.left(line, t), line["currency"], policy)
            here += fen
            if platform == "travel" and line.get("sub_kind") == "rail":
                rail += fen
            if fen > 0 and line.get("category"):
                categories.add(line["category"])
        spend[platform] = spend.get(platform, 0) + here
        limit = policy["order_limit"].get(platform, here)
        counted[platform] = counted.get(platform, 0) + min(limit, here - rail)
        rails += min(rail, limit - min(limit, here - rail))
        day = day_of(o.at, policy)
        days[day] = days.get(day, 0) + here
    counted["travel"] = counted.get("travel", 0) + min(policy["rail_limit"], rails)
    counted = sum(min(n, policy["window_limit"].get(platform, n)) for platform, n in counted.items())
    good_days = sum(1 for v in days.values() if v > 0 and v >= policy["day_minimum"])
    platforms = sum(1 for v in spend.values() if v > 0)
    return {
        "spend": curve(counted, policy),
        "frequency": min(policy["day_most"], good_days * policy["day_points"]),
        "breadth": (min(platforms, policy["platform_most"]) * policy["platform_points"]
                    + min(len(categories), policy["category_most"]) * policy["category_points"]),
        "counted": counted, "paid": sum(spend.values()), "days": good_days, "platforms": platforms, "categories": len(categories),
    }


def points_of(deed, policy):
    rule = policy["interaction"][deed["kind"]]
    return rule["points"] + (rule["extra"] if deed["kind"] == "review" and deed["pictures"] else 0)


def after_day_caps(deeds, policy):
    """(kind, month) -> points after day caps."""
    days = {}
    for e in deeds:
        where = e["kind"], month_of(e["occurred_at"], policy), day_of(e["occurred_at"], policy)
        days[where] = days.get(where, 0) + points_of(e, policy)
    out = {}
    for (kind, month, _), points in days.items():
        out[kind, month] = out.get((kind, month), 0) + min(points, policy["interaction"][kind]["day"])
    return out


def after_month_caps(deeds, policy):
    """a(k, m): (kind, month) -> points after its day and month caps."""
    return {(kind, month): min(points, policy["interaction"][kind]["month"])
            for (kind, month), points in after_day_caps(deeds, policy).items()}


def by_kind(a, policy):
    """What each kind would count alone."""
    return {kind: min(policy["interaction"][kind]["window"], sum(v for (k, _), v in a.items() if k == kind)) for kind in KINDS}


def together(a, policy):
    """The largest total that breaks no cap: the least over every set of kinds taken whole (one that is absent
    could only add to it)."""
    months, kinds = {month for _, month in a}, sorted({kind for kind, _ in a})
    best = policy["together_window"]
    for n in range(len(kinds) + 1):
        for whole in combinations(kinds, n):
            total = sum(policy["interaction"][k]["window"] for k in whole)
            for month in months:
                rest = sum(a.get((k, month), 0) for k in kinds if k not in whole)
                total += min(policy["together_month"], rest)
            best = min(best, total)
    return best


def fake_terms(ledger, finding):
    """Size and length of a finding are those of the version at it: (from, change until, penalty until, change, penalty)."""
    at, undone = ledger.span(finding)
    policy = policy_at(ledger.policies, at)
    return (at, min(undone, at + policy["fake_span"]), min(undone, add_months(at, policy["fake_penalty_months"], policy)),
            policy["fake_change"], policy["fake_penalty"])


def credibility(ledger, t):
    policy = policy_at(ledger.policies, t)
    rule, total = policy["credibility"], policy["credibility"]["base"]
    for e in ledger.applied("finding"):
        at, until, _, change, _ = fake_terms(ledger, e)
        total -= change if at <= t < until else 0
    for e in ledger.entries:
        if e["kind"] == "credibility" and e["known_at"] <= t and (not e["until"] or t < e["until"]):
            total += e["delta"]
    return max(rule["lowest"], min(rule["highest"], total))


def penalty(ledger, t):
    terms = [fake_terms(ledger, e) for e in ledger.applied("finding")]
    return sum(size for at, _, until, _, size in terms if at <= t < until)


def live_window(t, policy):
    """First and last month."""
    return month_of(t, policy) - policy["window_months"] + 1, month_of(t, policy)


def score(deeds, first_month, last_month, t, also=None):
    """Of the months' entries as they stand at t. also: an order that is taken as posted."""
    ledger = deeds.ledger
    policy = policy_at(ledger.policies, t)
    orders = [o for o in deeds.orders if (o.counts(t) or o is also) and first_month <= month_of(o.at, policy) <= last_month]
    done = [e for e in deeds.counting(t) if first_month <= month_of(e["occurred_at"], policy) <= last_month]
    terms = spend_terms(orders, t, policy)
    a = after_month_caps(done, policy)
    alone, interaction = by_kind(a, policy), together(a, policy)
    c, fine = credibility(ledger, t), penalty(ledger, t)
    base = terms["spend"] + terms["frequency"]
    scaled = interaction * c // 10_000
    guarded = min(scaled, max(policy["guard"], base))
    exact = base + terms["breadth"] + guarded - fine
    micro = max(0, exact)
    parts = {
        "spend": terms["spend"], "frequency": terms["frequency"], "breadth": terms["breadth"],
        "fraction_dropped": -(micro % MICRO), **{k + "s": alone[k] for k in KINDS},
        "common_caps": interaction - sum(alone.values()), "credibility": scaled - interaction, "guard": guarded - scaled,
        "penalty": -fine, "zero_floor": micro - exact,
    }
    assert sum(parts.values()) == micro // MICRO * MICRO
    return {"score": micro // MICRO, "micro": micro, "parts": parts, "interaction": interaction, "credibility": c,
            **{k: terms[k] for k in ("counted", "paid", "days", "platforms", "categories")}}


def counted(deeds, t):
    """key -> what each entry adds to the live window in canonical order, and what each cap took of it."""
    policy = policy_at(deeds.ledger.policies, t)
    first, last = live_window(t, policy)
    inside = lambda at: first <= month_of(at, policy) <= last  # noqa: E731
    out = {}
    orders, before = [], spend_terms([], t, policy)
    for o in deeds.orders:
        if o.counts(t) and inside(o.at):
            orders.append(o)
            after = spend_terms(orders, t, policy)
            grown = sum(after[k] - before[k] for k in ("spend", "frequency", "breadth"))
            out[key_of(o.entry)] = {"counted": grown, "minor": after["counted"] - before["counted"]}
            before = after
    done, sums = [], cascade([], policy)
    for e in deeds.counting(t):
        if inside(e["occurred_at"]):
            done.append(e)
            after = cascade(done, policy)
            grown = [b - a for a, b in zip(sums, after)]
            out[key_of(e)] = {"points": grown[0], "day": grown[0] - grown[1], "month": grown[1] - grown[2],
                              "window": grown[2] - grown[3], "common": grown[3] - grown[4], "counted": grown[4]}
            sums = after
    return out


def cascade(done, policy):
    """Sums without caps, after day caps, month caps, window caps of the kinds, all caps."""
    a = after_month_caps(done, policy)
    return [sum(points_of(e, policy) for e in done), sum(after_day_caps(done, policy).values()), sum(a.values()),
            sum(by_kind(a, policy).values()), together(a, policy)]


def caps_reached(deeds, kind, occurred_at, t):
    """The caps at which the sums of an interaction's kind and bucket stand, in the live window."""
    policy = policy_at(deeds.ledger.policies, t)
    rule, (first, last) = policy["interaction"][kind], live_window(t, policy)
    at_month, day = month_of(occurred_at, policy), day_of(occurred_at, policy)
    if not first <= at_month <= last:
        return set()
    done = [e for e in deeds.counting(t) if first <= month_of(e["occurred_at"], policy) <= last]
    mine = [e for e in done if e["kind"] == kind]
    a = after_month_caps(done, policy)
    reached = {
        "DAY": sum(points_of(e, policy) for e in mine if day_of(e["occurred_at"], policy) == day) >= rule["day"],
        "MONTH": after_day_caps(mine, policy).get((kind, at_month), 0) >= rule["month"],
        "WINDOW": sum(v for (k, _), v in a.items() if k == kind) >= rule["window"],
        "COMMON_MONTH": sum(v for (_, m), v in a.items() if m == at_month) >= policy["together_month"],
        "COMMON_WINDOW": together(a, policy) >= policy["together_window"],
    }
    return {name for name, is_reached in reached.items() if is_reached}
