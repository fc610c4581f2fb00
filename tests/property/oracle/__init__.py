# SPDX-License-Identifier: Apache-2.0
"""The programme, slow and plain: what the service must answer, computed from the whole ledger at every
instant anew. Written from the rules in docs/programme.md, sharing nothing with src/domain."""
from fractions import Fraction

from .deeds import Deeds
from .fold import TRACKS, Fold
from .judge import judge
from .ledger import INBOUND, Ledger, canonical, key_of, net
from .policy import DEFAULT, KINDS, MICRO, PLATFORMS, TIERS, YUAN, convert, highest, policy_at
from .score import PARTS, after_month_caps, by_kind, caps_reached, counted, live_window, score, together
from .times import DAY, EPOCH, HOUR, MINUTE, NEVER, SECOND, add_months, day_of, instant, month_of, settlement

__all__ = [name for name in dir() if not name.startswith("_")]


def known(entries, known_at):
    """What was in the ledger at an instant; policy versions alike."""
    return [e for e in entries if e["known_at"] <= known_at]


def first_instant(entries, enrolled):
    """Before it there is nothing to tell about a member."""
    return min([enrolled] + [e["occurred_at"] for e in entries])
