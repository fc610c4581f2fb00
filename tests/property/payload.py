# SPDX-License-Identifier: Apache-2.0
"""Entries in the canonical form in which the ledger stores them, from what docs/store.md says of it."""
import oracle

KIND_NUMBERS = {kind: 10 + i for i, kind in enumerate([
    "order", "completion", "cancellation", "reversal", "review", "share", "opening", "post", "answer", "vote", "visit", "undo",
    "finding", "void", "credibility", "link", "override", "suspension"])}
LINE_TYPES = ["goods", "service", "shipping", "tax", "insurance", "gift_card", "fee"]


def varint(n):
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    """Numbers in zigzag, texts and bytes with their length; what is zero or empty is left out."""
    if not value:
        return b""
    if isinstance(value, (bool, int)):
        value = int(value)
        return varint(number * 2) + varint(2 * value if value >= 0 else -2 * value - 1)
    data = value.encode() if isinstance(value, str) else value
    return varint(number * 2 + 1) + varint(len(data)) + data


def fields(**numbered):
    """f7=value …, by rising number."""
    return b"".join(field(n, v) for n, v in sorted((int(name[1:]), v) for name, v in numbered.items()))


def lines_of(e):
    if e["kind"] == "order":
        rows = [fields(f1=l["line_no"], f2=LINE_TYPES.index(l["type"]) + 1, f3=l["currency"], f4=l["amount"], f5=l.get("coupon", 0),
                       f6=l.get("points", 0), f7=l.get("sub_kind", ""), f8=l.get("category", "")) for l in e["lines"]]
    else:
        rows = [fields(f1=no, f3=e["currencies"][no], f4=e["lines"][no]) for no in sorted(e["lines"])]
    return b"".join(field(18, row) for row in rows)


def encode(e):
    get = e.get
    platform = oracle.PLATFORMS.index(e["platform"]) + 1 if "platform" in e else 0
    order_source = e["source"] if e["kind"] == "order" else get("order_source", "")
    tier = 1 + e["tier"] if get("tier") is not None else 0
    about = get("about") or ("", "")
    head = fields(f1=e["occurred_at"], f2=e["source"], f3=e["source_event_id"], f4=order_source, f5=get("order_id", ""),
                  f16=platform, f17=get("completed_at", 0))
    tail = fields(f19=about[0], f20=about[1], f21=get("line_no", 0), f22=get("pictures", False), f23=get("content", ""),
                  f24=get("channel", ""), f25=get("by", 0), f26=get("verified", False), f27=get("question", ""), f28=get("asker", 0),
                  f29=get("store", ""), f30=get("delta", 0), f31=get("until", 0), f32=get("other", 0), f33=get("linked", False),
                  f34=tier, f35=get("suspended", False), f36=get("reason", ""))
    return bytes([1]) + varint(KIND_NUMBERS[e["kind"]]) + head + (lines_of(e) if "lines" in e else b"") + tail
