# SPDX-License-Identifier: Apache-2.0
"""GetTierProgress: each way is walked for real, with the clock moved, and once with one unit less."""
import datetime

import pytest

from memberd import Clock, M, at, order, ref, refused

ZONE = datetime.timezone(datetime.timedelta(hours=8))
TIERS = M.GetTierProgressResponse.DESCRIPTOR.file.pool.FindEnumTypeByName("memberd.v1.Tier").values_by_name
CAPS = M.GetTierProgressResponse.DESCRIPTOR.file.enum_types_by_name["Cap"].values_by_name
BRONZE, SILVER, GOLD, BLACK = (TIERS[f"TIER_{name}"].number for name in ("BRONZE", "SILVER", "GOLD", "BLACK_DIAMOND"))
SPEND, DAYS, REVIEWS = 1, 2, 3


def when(stamp):
    return datetime.datetime.fromtimestamp(stamp.seconds + stamp.nanos / 1e9, ZONE)


def text(moment):
    return moment.isoformat(timespec="microseconds")


class World:
    """A memberd whose clock the test moves, and as many members as it likes, all of one past."""

    def __init__(self, start, home):
        self.clock = Clock(home)
        self.api = start("--store", "memory", clock=self.clock.spec).api()
        self.now = "2026-11-21T08:00:00+08:00"

    def enroll(self, name, *past):
        member = self.api.enroll(name)
        for number, (amount, fields) in enumerate(past):
            assert self.api.record(order(member, f"past-{number}", amount, **fields))[0].status.code == 0
        return member

    def progress(self, member):
        return self.api.scores.GetTierProgress(member=ref(member))

    def pay(self, member, event, amount, moment):
        """An order of shopping that is completed when it is paid, told then."""
        self.clock.set(text(moment))
        result = self.api.record(order(member, event, amount, occurred_at=text(moment), completed_at=text(moment),
                                       category=""))[0]
        assert result.status.code == 0

    def review(self, member, number, moment, order_id):
        self.clock.set(text(moment))
        result = self.api.record(M.Activity(
            source="shop", source_event_id=f"review-{number}", member=ref(member), occurred_at=at(text(moment)),
            review=dict(order=dict(order_id=order_id), line_no=1, pictures=True)))[0]
        assert result.status.code == 0
        return result

    def walk_reviews(self, members, way, orders):
        """Day by day, as long as the answer names no cap of the day or the month."""
        start = datetime.datetime.fromisoformat(self.now)
        done, day, room = 0, 0, False
        while done < way.count:
            if not room:
                day, room = day + 1, True
            for less, member in enumerate(members):
                if done < way.count - less:
                    caps = self.review(member, done, start + datetime.timedelta(days=day), orders[done]).caps_reached
                    if less == 0:
                        # a cap at which the sum stands lets no further review in
                        room = not {CAPS["CAP_DAY"].number, CAPS["CAP_MONTH"].number} & set(caps)
            done += 1

    def walk(self, members, way):
        """Each member less by his number of units; the clock ends where the way does."""
        start = datetime.datetime.fromisoformat(self.now)
        if way.kind == SPEND:
            for less, member in enumerate(members):
                left, number = way.amount.minor - less, 0
                while left > 0:
                    self.pay(member, f"way-{number}", min(left, 5000000), start + datetime.timedelta(hours=1))
                    left, number = left - 5000000, number + 1
        else:
            for day in range(way.count):
                for less, member in enumerate(members):
                    if day < way.count - less:
                        self.pay(member, f"way-{day}", way.amount.minor, start + datetime.timedelta(days=day + 1))
        self.clock.set(text(when(way.by)))
        return [self.api.members.GetMember(member=ref(member)).member.standing for member in members]


@pytest.fixture
def world(start, home):
    return World(start, home)


def way_of(kind, ways):
    found = [way for way in ways if way.kind == kind]
    assert len(found) == 1, ways
    return found[0]


@pytest.mark.parametrize("kind, amount", [(SPEND, 990000), (DAYS, 990000), (SPEND, 6000000)])
def test_a_way_up_suffices_and_one_less_does_not(world, kind, amount):
    past = [(amount, dict(platform="FOOD", occurred_at="2026-11-01T12:00:00+08:00",
                          completed_at="2026-11-01T12:00:00+08:00", category=""))]
    members = [world.enroll(name, *past) for name in ("ada", "bob")]
    told = world.progress(members[0])
    assert told.next.missing == told.next.attain - told.score > 0
    enough, less = world.walk(members, way_of(kind, told.next.ways))
    assert enough.tier == told.next.tier and less.tier == told.next.tier - 1


@pytest.mark.parametrize("kind", [SPEND, DAYS])
def test_what_closes_the_gap_keeps_and_one_less_does_not(world, kind):
    """Gold in March of 2026, of which the window of the settlement that judges has lost the greater part."""
    past = [(2000000, dict(platform="FOOD", occurred_at="2025-11-20T12:00:00+08:00",
                           completed_at="2025-11-20T12:00:00+08:00")),
            (1240000, dict(platform="FOOD", occurred_at="2025-12-05T12:00:00+08:00",
                           completed_at="2025-12-05T12:00:00+08:00", category="rice"))]
    members = [world.enroll(name, *past) for name in ("ada", "bob")]
    world.now = "2026-11-21T08:00:00+08:00"
    told = world.progress(members[0])
    assert told.tier == GOLD and told.keep.tier == GOLD and not told.at_risk
    assert told.keep.keep == 540 and told.keep.margin == told.keep.settled_score - 540 < 0
    assert when(told.keep.judged_at).day == 8
    assert [when(lapse.month).strftime("%Y-%m") for lapse in told.lapses] == ["2025-12"]
    assert told.lapses[0].score_before == told.score and told.lapses[0].score_after == 0
    way = way_of(kind, told.keep.ways)
    enough, less = world.walk(members, way)
    assert (enough.tier, enough.at_risk) == (GOLD, False)
    assert (less.tier, less.at_risk) == (GOLD, told.keep.verdict == 2)


def case_78_at_the_top_there_is_no_next_tier_and_what_keeps_is_shown(world):
    member = world.api.enroll("ada")
    orders = [order(member, f"e{day}", 175000, occurred_at=text(moment), completed_at=text(moment),
                    category=f"c{day % 20}")
              for day in range(200)
              for moment in [datetime.datetime(2026, 2, 1, 12, tzinfo=ZONE) + datetime.timedelta(days=day)]]
    orders += [order(member, platform, 10000, platform=platform, occurred_at="2026-10-01T12:00:00+08:00",
                     completed_at="2026-10-01T12:00:00+08:00")
               for platform in ("GROCERY", "FOOD", "TRAVEL", "TICKETS", "RIDES")]
    assert all(result.status.code == 0 for result in world.api.record(*orders))
    told = world.progress(member)
    assert told.tier == BLACK and not told.HasField("next")
    assert (told.keep.tier, told.keep.keep) == (BLACK, 2250)
    assert told.keep.settled_score > 2250 and told.keep.margin == told.keep.settled_score - 2250
    assert told.keep.verdict == 1 and not told.keep.ways
    assert 1 <= len(told.lapses) <= 12


def test_reviews_up_suffice_and_one_less_does_not(world):
    past = [(83000, dict(platform="FOOD", occurred_at=f"2026-11-0{day}T12:00:00+08:00",
                         completed_at=f"2026-11-0{day}T12:00:00+08:00", category="")) for day in range(1, 5)]
    members = [world.enroll(name, *past) for name in ("ada", "bob")]
    told = world.progress(members[0])
    assert told.next.missing == 400 - told.score == 400 - 253
    assert not [way for way in told.next.ways if way.kind == REVIEWS]  # four lines are not enough
    for member in members:
        world.api.record(*[order(member, f"small-{day}", 9000, platform="FOOD", category="",
                                 occurred_at=f"2026-10-{day + 1:02}T12:00:00+08:00",
                                 completed_at=f"2026-10-{day + 1:02}T12:00:00+08:00") for day in range(30)])
    told = world.progress(members[0])
    way = way_of(REVIEWS, told.next.ways)
    assert not way.HasField("amount")
    world.walk_reviews(members, way, [f"o-small-{number}" for number in range(30)])
    world.clock.set(text(when(way.by)))
    enough, less = (world.progress(member) for member in members)
    assert enough.tier == told.next.tier and less.tier == told.next.tier - 1


def test_what_is_pending_comes_by_itself(world):
    member = world.enroll("ada", (1200000, dict(occurred_at="2026-11-20T12:00:00+08:00",
                                                completed_at="2026-11-20T12:00:00+08:00")))
    told = world.progress(member)
    assert told.tier == BRONZE and told.next.tier == SILVER
    assert when(told.next.comes_at).isoformat() == "2026-11-27T12:00:00+08:00" and not told.next.ways
    assert told.keep.tier == SILVER  # what is judged next is what it brings
    world.clock.set("2026-11-27T12:00:00+08:00")
    assert world.progress(member).tier == SILVER


def test_an_answer_holds_until_the_end_of_the_day(world):
    member = world.enroll("ada", (990000, {}))
    told = world.progress(member)
    assert when(told.info.valid_until).isoformat() == "2026-11-22T00:00:00+08:00"
    world.clock.set("2026-11-21T23:59:59.999999+08:00")
    again = world.progress(member)
    assert again == told
    world.clock.set("2026-11-22T00:00:00+08:00")
    assert world.progress(member) != told


def test_forms(world):
    member = world.enroll("ada")
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "member"):
        world.api.scores.GetTierProgress()
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "min_revision"):
        world.api.scores.GetTierProgress(member=ref(member), min_revision=-1)
    with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN", "min_revision"):
        world.api.scores.GetTierProgress(member=ref(member), min_revision=99)
    with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
        world.progress(4711)
    told = world.progress(member)
    assert told.tier == BRONZE and not told.HasField("keep") and not told.lapses
    assert {way.kind for way in told.next.ways} == {SPEND, DAYS}
