# SPDX-License-Identifier: Apache-2.0
"""The programme's numbers as its text gives them. Money in fen, score in micro-points."""
from fractions import Fraction

from .times import DAY, HOUR

PLATFORMS = ["shopping", "grocery", "food", "travel", "tickets", "rides"]
TIERS = ["bronze", "silver", "gold", "platinum", "diamond", "black_diamond"]
KINDS = ["review", "share", "post", "answer", "vote", "visit"]
YUAN = 100
MICRO = 1_000_000


def _kind(points, day, month, window, extra=0):
    return {"points": points, "extra": extra, "day": day * MICRO, "month": month * MICRO, "window": window * MICRO}


DEFAULT = {
    "version": 1,
    "effective_from": 0,
    "known_at": 0,
    "zone": 480,
    "settlement_day": 8,
    "protection_months": 3,
    "window_months": 12,
    "rates": {"CNY": Fraction(1), "USD": Fraction(7), "GBP": Fraction(9)},
    "delay": {"shopping": 7 * DAY, "grocery": 7 * DAY, "travel": 48 * HOUR, "food": 0, "tickets": 0, "rides": 0},
    "auto_complete": dict.fromkeys(PLATFORMS, 0),
    "curve": [(2_000 * YUAN, 1000), (20_000 * YUAN, 300), (100_000 * YUAN, 120), (350_000 * YUAN, 20)],
    "order_limit": {"shopping": 50_000 * YUAN, "grocery": 50_000 * YUAN},
    "window_limit": {"food": 30_000 * YUAN, "travel": 60_000 * YUAN, "tickets": 3_000 * YUAN, "rides": 6_000 * YUAN},
    "rail_limit": 6_000 * YUAN,
    "day_minimum": 10 * YUAN,
    "day_points": MICRO,
    "day_most": 200 * MICRO,
    "platform_points": 10 * MICRO,
    "platform_most": 6,
    "category_points": 2 * MICRO,
    "category_most": 20,
    "interaction": {
        "review": _kind(5 * MICRO, 15, 60, 300, extra=3 * MICRO),
        "share": _kind(2 * MICRO, 6, 30, 150),
        "post": _kind(4 * MICRO, 12, 60, 240),
        "answer": _kind(2 * MICRO, 6, 30, 120),
        "vote": _kind(MICRO, 5, 30, 150),
        "visit": _kind(MICRO // 5, 1, 20, 100),
    },
    "together_month": 120 * MICRO,
    "together_window": 600 * MICRO,
    "guard": 50 * MICRO,
    "post_delay": 24 * HOUR,
    "credibility": {"base": 10_000, "lowest": 0, "highest": 12_000},
    "fake_change": 2_000,
    "fake_span": 180 * DAY,
    "fake_penalty": 50 * MICRO,
    "fake_penalty_months": 12,
    "attain": [0, 400, 600, 1000, 1500, 2500],
    "keep": [0, 360, 540, 900, 1350, 2250],
    "levels": [0, 1000, 2500],
}


def policy_at(policies, t):
    """The version with the greatest effective_from <= t; before all of them the first."""
    begun = [p for p in policies if p["effective_from"] <= t]
    if begun:
        return max(begun, key=lambda p: p["effective_from"])
    return min(policies, key=lambda p: p["effective_from"])


def convert(minor, currency, policy):
    """Into fen, half up; a currency that the version does not know is worth nothing."""
    rate = policy["rates"].get(currency, Fraction(0))
    return (2 * minor * rate.numerator + rate.denominator) // (2 * rate.denominator)


def highest(points, thresholds):
    """Index of the highest threshold that whole points reach."""
    return max(i for i, need in enumerate(thresholds) if points >= need)
