# SPDX-License-Identifier: Apache-2.0
"""The oracle's policies as policy files: its numbers before the sections that no score looks at."""
import os
from datetime import timedelta

import oracle
from oracle import EPOCH, MICRO, SECOND

DEFAULT_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src/policy/default.yaml")


def exact(n, unit, most):
    """n / unit with the decimals that it needs."""
    whole, rest = divmod(n, unit)
    return f"{whole}.{str(unit + rest)[1:]}"[: len(str(whole)) + 1 + most]


def yuan(fen):
    return exact(fen, 100, 2)


def points(micro):
    return exact(micro, MICRO, 6)


def threshold(score):
    """Halves are exact."""
    return points(int(score * MICRO))


def seconds(us):
    assert us % SECOND == 0
    return f"{us // SECOND}s"


def percent(bp):
    return exact(bp, 100, 2) + "%"


def _head(p):
    when = EPOCH + timedelta(microseconds=p["effective_from"])
    hours, minutes = divmod(abs(p["zone"]), 60)
    zone = f"{'-' if p['zone'] < 0 else '+'}{hours:02}:{minutes:02}"
    yield f"format: 1\nversion: {p['version']}\neffective_from: {when:%Y-%m-%dT%H:%M:%S.%f}Z\nzone: \"{zone}\"\ncurrency: {{code: CNY, exponent: 2}}\nrates:"
    for currency, rate in p["rates"].items():
        if currency != "CNY":
            assert 10_000 % rate.denominator == 0
            yield f"  {currency}: {{exponent: 2, rate: {exact(int(rate * 10_000), 10_000, 4)}}}"
    yield "posting:"
    for platform in oracle.PLATFORMS:
        auto = p["auto_complete"][platform]
        yield f"  {platform}: {{delay: {seconds(p['delay'][platform])}{f', completes: {seconds(auto)}' if auto else ''}}}"


def _spend(p):
    yield "spend:\n  curve:"
    below = 0
    for upto, rate in p["curve"]:
        yield f"    - {{from: {yuan(below)}, upto: {yuan(upto)}, points_per_unit: {exact(rate * 100, MICRO, 4)}}}"
        below = upto
    yield "  limits:"
    for platform in oracle.PLATFORMS:
        limits = [("order", p["order_limit"].get(platform)), ("window", p["window_limit"].get(platform)),
                  ("rail", p["rail_limit"] if platform == "travel" else None)]
        yield f"    {platform}: {{{', '.join(f'{name}: {yuan(fen)}' for name, fen in limits if fen is not None)}}}"
    yield f"frequency: {{day_minimum: {yuan(p['day_minimum'])}, points_per_day: {points(p['day_points'])}, most: {points(p['day_most'])}}}"
    yield f"breadth:\n  platforms: {{points: {points(p['platform_points'])}, most: {p['platform_most']}}}"
    yield f"  categories: {{points: {points(p['category_points'])}, most: {p['category_most']}}}"


def _interaction(p):
    yield "interaction:"
    for kind in oracle.KINDS:
        rule = p["interaction"][kind]
        pictures = f", with_pictures: {points(rule['extra'])}" if kind == "review" else ""
        yield f"  {kind}: {{points: {points(rule['points'])}{pictures}, day: {points(rule['day'])}, month: {points(rule['month'])}, window: {points(rule['window'])}}}"
    yield f"  together: {{month: {points(p['together_month'])}, window: {points(p['together_window'])}}}"
    yield f"  guard: {points(p['guard'])}\n  post_stands: {seconds(p['post_delay'])}"
    c = p["credibility"]
    yield f"credibility:\n  start: {percent(c['base'])}\n  lowest: {percent(c['lowest'])}\n  highest: {percent(c['highest'])}"
    yield (f"  proven_fake: {{takes: {percent(p['fake_change'])}, lasts: {seconds(p['fake_span'])}, "
           f"penalty: {points(p['fake_penalty'])}, penalty_months: {p['fake_penalty_months']}}}")


def _tiers(p):
    yield "tiers:"
    for i, tier in enumerate(oracle.TIERS):
        yield f"  {tier}: {{attain: {threshold(p['attain'][i])}{f', keep: ' + threshold(p['keep'][i]) if i else ''}}}"
    yield f"protection: {{settlement_day: {p['settlement_day']}, months: {p['protection_months']}, window_months: {p['window_months']}}}"
    yield "levels:"
    for name, need in zip(("standard", "super", "apass_level"), p["levels"]):
        yield f"  {name}: {{from: {threshold(need)}}}"


def text(p):
    with open(DEFAULT_FILE) as file:
        default = file.read()
    return "\n".join([*_head(p), *_spend(p), *_interaction(p), *_tiers(p)]) + default[default.index("\napass:"):]


def draw(rng, last, version, now):
    """A version after `last`, in force soon after now; some numbers differ a lot."""
    p = {**last, "version": version, "known_at": now}
    base = oracle.month_of(now, last)
    edges = [oracle.instant(base + 1, 1, last), oracle.settlement(base + 1, last), oracle.instant(base + 2, 1, last) - 1]
    p["effective_from"] = rng.choice([now + 1 + rng.randrange(60 * oracle.DAY), now + 1 + rng.randrange(oracle.DAY), *edges])

    def some(chance):
        return rng.random() < chance

    if some(0.4):
        factor = rng.choice([50, 80, 97, 103, 120, 300])
        p["attain"] = [0] + [n * factor // 100 + i for i, n in enumerate(last["attain"][1:])]
        p["keep"] = [0] + [n * rng.choice([60, 90, 100]) // 100 for n in p["attain"][1:]]
        p["keep"] = [0] + [min(a, max(k, b + 1)) for a, k, b in zip(p["attain"][1:], p["keep"][1:], [0, *p["keep"][1:]])]
    if some(0.3):
        p["levels"] = [0, rng.randint(20, 1500), rng.randint(1501, 3000)]
    if some(0.2):  # that no whole score meets
        p.update({name: [0] + [n + 0.5 for n in p[name][1:]] for name in ("attain", "keep", "levels")})
    if some(0.3):
        p["curve"] = [(upto, rate * rng.choice([1, 1, 2, 3]) // rng.choice([1, 1, 2])) for upto, rate in last["curve"]]
        p["curve"] = [(upto, min(rate, 2_000)) for upto, rate in p["curve"]]
    if some(0.3):
        p["window_limit"] = {k: max(v * rng.choice([1, 2, 5]) // rng.choice([1, 3, 10]), 100) for k, v in last["window_limit"].items()}
        p["rail_limit"] = min(p["window_limit"]["travel"], rng.choice([0, 50_000, 600_000]))
        p["order_limit"] = dict.fromkeys(last["order_limit"], rng.choice([10_000, 500_000, 5_000_000]))
    if some(0.3):  # limits of the other sort
        p["order_limit"] = {**p["order_limit"], rng.choice(["food", "travel", "travel", "rides"]): rng.choice([0, 10_000, 500_000])}
        p["window_limit"] = {**p["window_limit"], rng.choice(["shopping", "grocery"]): rng.choice([0, 10_000, 5_000_000])}
    if some(0.3):
        p.update(day_minimum=rng.choice([0, 1, 1000, 5000]), day_points=rng.choice([1, 2, 3]) * MICRO, day_most=rng.choice([3, 200]) * MICRO,
                 platform_points=rng.choice([0, 10, 15]) * MICRO, platform_most=rng.choice([1, 2, 6]), category_most=rng.choice([0, 1, 3, 20]))
    if some(0.4):
        p["interaction"] = {k: _caps(rng, rule) for k, rule in last["interaction"].items()}
    if some(0.3):
        p["together_month"] = rng.choice([20, 60, 120]) * MICRO
        p["together_window"] = max(p["together_month"], rng.choice([30, 100, 600, 900]) * MICRO)
    if some(0.5):
        p["guard"] = rng.choice([0, 1, 5, 20, 500]) * MICRO
    if some(0.3):
        p["post_delay"] = rng.choice([0, oracle.HOUR, oracle.DAY, 5 * oracle.DAY])
    if some(0.3):
        base = rng.choice([5_000, 9_000, 10_000, 11_000])
        p["credibility"] = {"base": base, "lowest": rng.choice([0, 3_000, base]), "highest": rng.choice([base, 12_000, 15_000])}
    if some(0.4):
        p.update(fake_change=rng.choice([1, 500, 2_000, 9_000]), fake_span=rng.choice([1, 30, 180]) * oracle.DAY,
                 fake_penalty=rng.choice([0, 7, 50, 400]) * MICRO, fake_penalty_months=rng.choice([0, 1, 2, 12]))
    if some(0.3):
        p["delay"] = {k: rng.choice([0, oracle.DAY, 7 * oracle.DAY]) for k in last["delay"]}
        p["auto_complete"] = {k: rng.choice([0, oracle.DAY, 20 * oracle.DAY]) for k in last["delay"]}
    if some(0.3):
        p["rates"] = {**last["rates"], "USD": last["rates"]["USD"] * rng.choice([1, 2]) / rng.choice([1, 2, 4])}
        p["rates"]["USD"] = max(oracle.Fraction(1, 100), min(oracle.Fraction(100), p["rates"]["USD"]))
        p["rates"]["USD"] = oracle.Fraction(int(p["rates"]["USD"] * 10_000), 10_000)
    if some(0.2):
        p["protection_months"] = rng.choice([0, 1, 3, 6])
    if some(0.15):
        p["window_months"] = rng.choice([1, 3, 6, 12])
    return p


def place(rng, p):
    """Elsewhere; it settles on another day, also on the first of the month."""
    return {**p, "zone": rng.choice([0, 840, -720, -210, 765]), "settlement_day": rng.choice([1, 1, 8, 28])}


def _caps(rng, rule):
    rule = {**rule, "points": max(1, rule["points"] * rng.choice([1, 1, 2, 3]) // rng.choice([1, 1, 2]))}
    rule["points"] = min(rule["points"], 20 * MICRO)
    rule["day"] = rng.choice([0, 1, 2, 5, 12]) * MICRO
    rule["month"] = rule["day"] + rng.choice([0, 3, 30, 60]) * MICRO
    rule["window"] = rule["month"] + rng.choice([0, 5, 60, 300]) * MICRO
    return rule


def tighten(rng, p):
    """Caps that few activities reach, so that those of kinds, months and the window bear on each other."""
    kinds = {}
    for kind, rule in oracle.DEFAULT["interaction"].items():
        month = rng.choice([4, 8, 12]) * MICRO
        kinds[kind] = {**rule, "day": rng.choice([4 * MICRO, month]), "month": month, "window": month + rng.choice([0, 2, 6, 20]) * MICRO}
        kinds[kind]["day"] = min(month, kinds[kind]["day"])
    return {**p, "interaction": kinds, "together_month": rng.choice([6, 10, 15, 20]) * MICRO, "together_window": rng.choice([40, 900]) * MICRO,
            "guard": rng.choice([30, 900]) * MICRO}
