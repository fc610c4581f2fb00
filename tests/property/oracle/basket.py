# SPDX-License-Identifier: Apache-2.0
"""What a basket costs: one percentage, then the platform's coupon, then a brand's. Money in fen, parts as exact fractions."""
from fractions import Fraction


def fits(benefit, line):
    if benefit["channel"] == "value" and line["channel"] != "value":
        return False
    narrowed = benefit["categories"] or benefit["brands"]
    return not narrowed or line["category"] in benefit["categories"] or line["brand"] in benefit["brands"]


def shares(amount, left):
    """line number -> its part of the amount, by what is left of each: the largest remainders get what rounding left over."""
    whole = sum(left.values())
    if whole == 0:
        return dict.fromkeys(left, 0)
    exact = {no: Fraction(amount * n, whole) for no, n in left.items()}
    parts = {no: int(part) for no, part in exact.items()}
    for no in sorted(left, key=lambda no: (parts[no] - exact[no], no))[: amount - sum(parts.values())]:
        parts[no] += 1
    return parts


def percent_of(benefit, amount):
    """Half up over the order, then its cap."""
    off = (2 * amount * benefit["bp"] + 10_000) // 20_000
    return off if benefit["at_most"] is None else min(off, benefit["at_most"])


def quote(lines, coupons, benefits):
    """benefits: the policy's percentages by number, each with whether it is held. -> what the answer tells."""
    prices = {line["line_no"]: min(line["member_price"] or line["public_price"], line["public_price"]) for line in lines}
    left, off = dict(prices), {line["line_no"]: {"percent": 0, "platform": 0, "brand": 0} for line in lines}

    def take(amount, kind, among):
        for no, part in shares(amount, {no: left[no] for no in among}).items():
            left[no] -= part
            off[no][kind] += part

    options = []
    for benefit in benefits:
        among = [line["line_no"] for line in lines if fits(benefit, line)]
        options.append((percent_of(benefit, sum(prices[no] for no in among)), among, benefit))
    best = max((o for o in options if o[2]["held"] and o[0] > 0), key=lambda o: (o[0], -o[2]["number"]), default=None)
    if best:
        take(best[0], "percent", best[1])
    own = [[line["line_no"] for line in lines if coupon["brand"] in ("", line["brand"])] for coupon in coupons]
    reached = [sum(left[no] for no in among) >= coupon["threshold"] for coupon, among in zip(coupons, own)]
    applied = [False] * len(coupons)
    for i in sorted(range(len(coupons)), key=lambda i: coupons[i]["brand"] != ""):
        amount = min(coupons[i]["amount"], sum(left[no] for no in own[i])) if reached[i] else 0
        take(amount, "brand" if coupons[i]["brand"] else "platform", own[i])
        applied[i] = amount > 0
    return {
        "lines": [(no, prices[no], line["member_price"] > line["public_price"], *off[no].values(), left[no])
                  for line in lines for no in [line["line_no"]]],
        "percents": [(benefit["number"], benefit["held"], bool(among), would, best is not None and benefit is best[2])
                     for would, among, benefit in options],
        "public_total": sum(line["public_price"] for line in lines),
        "off": [sum(o[kind] for o in off.values()) for kind in ("percent", "platform", "brand")],
        "total": sum(left.values()), "coupons": applied,
    }
