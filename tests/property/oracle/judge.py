# SPDX-License-Identifier: Apache-2.0
"""What a new activity with a key of its own gets: a state, or the reason why it is refused."""
from .deeds import Deeds
from .ledger import ABOUT_KEY, ABOUT_ORDER, Ledger, key_of, misfit
from .times import add_months

PARKED_MOST = 1000


def judge(entries, policies, new, now, me=0):
    """(state or None, reason or None, {woken key: state}). `entries` are the ledger, `new` has no revision yet."""
    if now > add_months(new["occurred_at"], 14, policies[0]):
        return None, "OUT_OF_WINDOW", {}
    new = {**new, "known_at": now, "revision": 1 + max((e["revision"] for e in entries), default=0)}
    before, after = Ledger(entries, policies, me), Ledger([*entries, new], policies, me)
    reason = refusal(before, after, new, now)
    if reason:
        return None, reason, {}
    woken, deeds = {}, Deeds(after)
    for e in entries:
        if e["kind"] in ABOUT_KEY | ABOUT_ORDER and before.verdict_of(e) is None and after.verdict_of(e) is not None:
            woken[key_of(e)] = deeds.state(e, now)
    return deeds.state(new, now), None, woken


def refusal(before, after, new, now):
    if new["kind"] == "order":
        return "ORDER_EXISTS" if (new["source"], new["order_id"]) in before.orders else None
    if new["kind"] in ABOUT_KEY and new["about"] in before.by_key:
        return misfit(new, before.by_key[new["about"]], before.about[new["about"]])
    if new["kind"] in ABOUT_ORDER and (new["order_source"], new["order_id"]) in before.orders:
        order = before.orders[new["order_source"], new["order_id"]]
        return after.order_misfit(new, order, before.of_order(order))
    if new["kind"] in ABOUT_KEY | ABOUT_ORDER:
        deeds = Deeds(before)
        parked = sum(1 for e in before.entries if e["kind"] in ABOUT_KEY | ABOUT_ORDER and deeds.state(e, now) == "PARKED")
        return "PARKED_FULL" if parked >= PARKED_MOST else None
    return None
