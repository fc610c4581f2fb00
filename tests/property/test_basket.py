# SPDX-License-Identifier: Apache-2.0
"""Random baskets under random tables of reductions, through the public API, against the oracle.

MEMBERD_PROPERTY_SEED=N begins with that table, MEMBERD_PROPERTY_SECONDS=S goes on that long."""
import os
import random
import time
import uuid

import policies as policy_files
from memberd import Clock, M, ref
from oracle import DEFAULT, MINUTE, SECOND, TIERS, basket

from drive import stamp, text

NOW = 1795248000_000000  # 2026-11-21T16:00:00+08:00
SECONDS = float(os.environ.get("MEMBERD_PROPERTY_SECONDS", "4"))
SEED = int(os.environ.get("MEMBERD_PROPERTY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
CATEGORIES, BRANDS, CHANNELS = ["", "supermarket", "toys"], ["", "acme", "other"], ["standard", "value"]
BASKETS = 25  # of one table


def draw_benefit(r, number):
    """Who holds one holds it from some tier up."""
    return {
        "number": number, "from": r.choice([0, 0, 0, 2, 5]), "bp": r.choice([1, 50, 333, 500, 1_250, 2_000, 10_000]),
        "at_most": r.choice([None, None, 1, 500, 5_000]), "channel": r.choice([None, "value"]),
        "categories": r.choice([[], [], ["supermarket"], ["supermarket", "toys"]]), "brands": r.choice([[], [], ["acme"]]),
    }


def file_of(benefits, version, now):
    """The default with these benefits, in force right after now."""
    head = policy_files.text({**DEFAULT, "version": version, "effective_from": now + SECOND, "known_at": now})
    rows = []
    for b in benefits:
        rows.append(f"  - number: {b['number']}\n    id: percent-{b['number']}\n    name: \"{b['number']}\"\n    kind: percent\n"
                    f"    tiers: [{', '.join(TIERS[b['from']:])}]\n    percent: {policy_files.percent(b['bp'])}\n"
                    f"    categories: [{', '.join(b['categories'])}]\n    brands: [{', '.join(b['brands'])}]\n")
        rows[-1] += f"    at_most: {policy_files.yuan(b['at_most'])}\n" if b["at_most"] else ""
        rows[-1] += f"    channel: {b['channel']}\n" if b["channel"] else ""
    return head[:head.index("\nbenefits:")] + ("\nbenefits:\n" + "".join(rows) if rows else "\nbenefits: []\n")


def draw_basket(r):
    n = r.choice([1, 2, 3, 7, 200])
    most = r.choice([3, 12, 5_000, 200_000, 10**13 // n])
    least = r.choice([0, 0, 0, most])
    lines = [{"line_no": no, "public_price": r.randint(least, most), "member_price": r.choice([0, 0, r.randint(0, most)]),
              "category": r.choice(CATEGORIES), "brand": r.choice(BRANDS), "channel": r.choice(CHANNELS)}
             for no in r.sample(range(1, 2 * n + 1), n)]
    some = [{"amount": r.randint(1, min(r.choice([2, n]) * most + 1, 10**13)), "threshold": r.choice([0, r.randint(0, n * most)]), "brand": brand}
            for brand in r.choice([[], [""], ["acme"], ["", "acme"], ["other", ""], ["nobody"]])]
    return lines, some


def ask(api, member, lines, coupons):
    got = api.benefits.QuoteDiscount(
        member=ref(member), currency="CNY", coupons=[M.BasketCoupon(**coupon) for coupon in coupons],
        lines=[M.BasketLine(**{**line, "channel": 1 + CHANNELS.index(line["channel"])}) for line in lines])
    return {
        "lines": [(line.line_no, line.price, line.member_price_capped, line.percent_off, line.platform_coupon_off,
                   line.brand_coupon_off, line.total) for line in got.lines],
        "percents": [(int(p.entitlement.benefit_id.split("-")[1]), p.entitlement.allowed, p.fits, p.would_take, p.applied)
                     for p in got.percents],
        "public_total": got.public_total, "off": [got.percent_off, got.platform_coupon_off, got.brand_coupon_off],
        "total": got.total, "coupons": list(got.coupons_applied),
    }


def test_random_baskets_cost_what_the_oracle_says(start, home, record_property):
    clock, now, version, seed, quoted = Clock(home, text(NOW)), NOW, 1, SEED, 0
    api = start("--store", "memory", clock=clock.spec).api()
    members = {tier: api.enroll(TIERS[tier]) for tier in (0, 3, 5)}
    for tier, member in members.items():
        api.members.OverrideTier(request_id=str(uuid.uuid4()), member=ref(member), tier=1 + tier, until=stamp(NOW + 10**15), reason="r")
    end = time.monotonic() + SECONDS
    while seed == SEED or time.monotonic() < end:
        r, version = random.Random(seed), version + 1
        table = [draw_benefit(r, number) for number in sorted(r.sample(range(1, 50), r.choice([0, 1, 2, 3, 5])))]
        api.policies.PublishPolicy(request_id=str(uuid.uuid4()), text=file_of(table, version, now), reason="because")
        now += MINUTE
        clock.set(text(now))
        for tier, member in members.items():
            held = [{**benefit, "held": tier >= benefit["from"]} for benefit in table]
            for _ in range(BASKETS):
                lines, coupons = draw_basket(r)
                want = basket.quote(lines, coupons, held)
                assert all(line[6] >= 0 for line in want["lines"])
                assert ask(api, member, lines, coupons) == want, f"MEMBERD_PROPERTY_SEED={seed}: {lines}, {coupons}, {held}"
                quoted += 1
        seed += 1
    record_property("baskets", quoted)
    record_property("first seed", SEED)
