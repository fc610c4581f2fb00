# SPDX-License-Identifier: Apache-2.0
"""What a world draws as an entry that the ledger may take in: decisions get their instant and their key."""
import oracle

OWN = "memberd"  # the service's own source
BORDER = {"reverse", "finding", "void", "credibility", "link", "override", "suspension"}


def taken_back(entries, policies, me, target, now):
    """The reversal of what is left of an order at the commit, told ahead or not; None: nothing is."""
    deeds = oracle.Fold(entries, policies, me).deeds
    applied = [e for e in deeds.ledger.of_order(target) if e["kind"] == "reversal" and deeds.state(e, now) == "APPLIED"]
    left = {l["line_no"]: oracle.net(l) - sum(e["lines"].get(l["line_no"], 0) for e in applied) for l in target["lines"]}
    left = {no: amount for no, amount in left.items() if amount > 0}
    if not left:
        return None
    return {"kind": "reversal", "order_source": target["source"], "order_id": target["order_id"], "lines": left,
            "currencies": {l["line_no"]: l["currency"] for l in target["lines"] if l["line_no"] in left}}


def entry_of(item, entries, policies, me, now, revision):
    """The entry as it would be judged; None when there is nothing to judge (unknown key, nothing left)."""
    if item["kind"] not in BORDER:
        return dict(item)
    e, by_key = dict(item), {oracle.key_of(e): e for e in entries}
    if item["kind"] in ("reverse", "void") and item["about"] not in by_key:
        return None
    if item["kind"] == "reverse":
        target = by_key[item["about"]]
        e = taken_back(entries, policies, me, target, now) if target["kind"] == "order" else {**e, "kind": "undo"}
        if e is None:
            return None
    e.update(source=OWN, source_event_id=f"r{revision}", occurred_at=now, reason="because")
    return e
