# SPDX-License-Identifier: Apache-2.0
"""Instants are integer microseconds UTC; months are year * 12 + month - 1 in the programme's zone."""
from datetime import datetime, timedelta, timezone
from functools import lru_cache

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = 1 << 62
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@lru_cache(maxsize=1 << 16)
def _local(t, zone):
    return EPOCH + timedelta(microseconds=t) + timedelta(minutes=zone)


def local(t, policy):
    """Wall clock of the zone (its tzinfo is not to be looked at)."""
    return _local(t, policy["zone"])


def unlocal(d, policy):
    return (d - EPOCH) // timedelta(microseconds=1) - policy["zone"] * MINUTE


def month_of(t, policy):
    d = local(t, policy)
    return d.year * 12 + d.month - 1


def day_of(t, policy):
    return local(t, policy).date()


def instant(month, day, policy):
    """00:00 of a day."""
    return unlocal(datetime(month // 12, month % 12 + 1, day, tzinfo=timezone.utc), policy)


def add_months(t, months, policy):
    """The same clock time; a day that does not exist becomes the 1st of the next month."""
    d = local(t, policy)
    month = d.year * 12 + d.month - 1 + months
    try:
        d = d.replace(year=month // 12, month=month % 12 + 1)
    except ValueError:
        month += 1
        d = d.replace(year=month // 12, month=month % 12 + 1, day=1)
    return unlocal(d, policy)


def settlement(month, policy):
    return instant(month, policy["settlement_day"], policy)


def is_settlement(t, policy):
    return t == settlement(month_of(t, policy), policy)
