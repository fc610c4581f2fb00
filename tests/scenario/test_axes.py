# SPDX-License-Identifier: Apache-2.0
"""The two axes of time: as of an instant, as it was known at an instant; and the tier's history on both."""
import os
import signal

import pytest

from memberd import Clock, M, at, message, order, ref, refused, run

EARLY = "2026-09-25T00:00:00+08:00"
SETTLED = "2026-10-10T00:00:00+08:00"
AS_OF = ["2026-09-10T12:00:00+08:00", EARLY, SETTLED, "2026-11-21T08:30:00+08:00"]
KINDS = M.TierTransition.DESCRIPTOR.file.enum_types_by_name["TierTransitionKind"].values_by_number


class World:
    """A memberd whose clock the test moves, and a member who is Silver since 18 September."""

    def __init__(self, start, home, store):
        self.clock = Clock(home)
        self.daemon = start("--store", store, clock=self.clock.spec)
        self.api = self.daemon.api()
        self.clock.set("2026-11-21T08:05:00+08:00")
        self.member = self.api.enroll("ada")
        self.clock.set("2026-11-21T08:10:00+08:00")
        first = self.api.record(order(self.member, "e1", 1000000, occurred_at="2026-09-10T12:00:00+08:00",
                                      completed_at="2026-09-11T12:00:00+08:00"))[0]
        assert first.status.code == 0
        self.clock.set("2026-11-21T09:00:00+08:00")

    def record_late(self, when="2026-11-21T10:00:00+08:00"):
        """Posts on 9 September; known from `when` on."""
        self.clock.set(when)
        late = self.api.record(order(self.member, "late", 1000000, occurred_at="2026-09-01T12:00:00+08:00",
                                     completed_at="2026-09-02T12:00:00+08:00"))[0]
        assert late.status.code == 0
        self.clock.set("2026-11-21T11:00:00+08:00")

    def answers(self, **axes):
        """Of every method that has the axes, as bytes."""
        api, member = self.api, ref(self.member)
        calls = [api.scores.GetScore(member=member, **axes), api.members.GetMember(member=member, **axes),
                 api.benefits.CheckBenefit(member=member, benefit_id="dedicated-concierge", **axes),
                 api.benefits.ListMemberBenefits(member=member, **axes),
                 api.members.ListTierHistory(member=member, **axes),
                 api.members.ListTierHistory(member=member, view="TIER_HISTORY_VIEW_TOLD", **axes)]
        return [answer.SerializeToString(deterministic=True) for answer in calls]

    def history(self, **fields):
        answer = self.api.members.ListTierHistory(member=ref(self.member), **fields)
        return [(row.effective_at.ToJsonString()[:10], KINDS[row.kind].name.split("KIND_")[1], row.from_tier, row.to_tier)
                for row in answer.transitions]


@pytest.fixture(params=["memory", "sqlite"])
def world(start, home, request):
    return World(start, home, request.param)


def case_31_late_activity_in_a_settled_month_leaves_what_was_answered(world):
    before = {t: world.answers(as_of=at(t)) for t in AS_OF}
    assert [world.api.score(world.member, as_of=at(t)).score.score for t in AS_OF] == [0, 453, 453, 453]
    world.record_late()
    for t in AS_OF:
        assert world.answers(as_of=at(t), known_at=at("2026-11-21T09:59:59.999999+08:00")) == before[t]
        after = world.answers(as_of=at(t), known_at=at("2026-11-21T10:00:00+08:00"))
        assert after == world.answers(as_of=at(t))  # from the commit on it is known
        assert after != before[t]
    # folded in where it belongs: posted on 9 September at noon, in the settlement of 8 October
    scores = [world.api.score(world.member, as_of=at(t)) for t in AS_OF]
    assert [answer.score.score for answer in scores] == [453, 754, 754, 754]
    assert scores[2].settled.score == 754 and scores[2].settled_at == at("2026-10-08T00:00:00+08:00")


def case_31_what_was_told_is_kept_and_corrected_beside_it(world):
    told = world.history(view="TIER_HISTORY_VIEW_TOLD")
    assert told == world.history() == [("2026-09-18", "UPGRADE", 1, 2)]
    world.record_late()
    assert world.history() == [("2026-09-09", "UPGRADE", 1, 2), ("2026-09-18", "UPGRADE", 2, 3)]
    rows = world.api.members.ListTierHistory(member=ref(world.member), view="TIER_HISTORY_VIEW_TOLD").transitions
    assert world.history(view="TIER_HISTORY_VIEW_TOLD") == [*told, ("2026-09-18", "RETRACTED", 1, 1), *world.history()]
    assert [row.restated for row in rows] == [False, True, True, True]
    assert [row.score for row in rows] == [453, 0, 453, 754]
    assert [row.known_at.ToJsonString() for row in rows] == ["2026-11-21T00:10:00Z"] + ["2026-11-21T02:00:00Z"] * 3
    assert world.history(view="TIER_HISTORY_VIEW_TOLD", known_at=at("2026-11-21T09:00:00+08:00")) == told
    assert world.history(view="TIER_HISTORY_VIEW_TOLD", as_of=at("2026-09-10T00:00:00+08:00")) == [
        ("2026-09-09", "UPGRADE", 1, 2)]


def case_33_known_before_a_late_one_is_the_old_answer(world):
    """The answer that was given without axes, asked for again after the late one, an identity's change and a restart."""
    old = world.answers()
    asked = dict(as_of=at("2026-11-21T09:00:00+08:00"), known_at=at("2026-11-21T09:00:00+08:00"))
    assert world.answers(**asked) == old
    world.record_late()
    assert world.answers(**asked) == old
    assert world.answers() != old
    world.clock.set("2027-03-01T00:00:00+08:00")
    assert world.answers(**asked) == old
    world.api.members.LinkIdentity(request_id="00000000-0000-4000-8000-000000000001", member=ref(world.member),
                                   identity=dict(issuer="x", external_id="y"))
    assert world.answers(**asked) == old
    info = [world.api.score(world.member, **axes).info.revision for axes in ({}, dict(known_at=at("2027-03-01T00:00:00+08:00")))]
    assert info == [4, 3]  # the change of an identity is no activity


def policy(path, text, **replaced):
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def case_73_a_policy_published_in_mid_month_leaves_old_answers(start, home):
    """Gold from 550 on from 25 November, published on the 21st: 573 points become Gold."""
    text = run("--print-policy")[1]
    path = policy(os.path.join(home, "policy.yaml"), text)
    clock = Clock(home)
    daemon = start("--policy", path, clock=clock.spec)
    world = World.__new__(World)
    world.clock, world.daemon, world.api = clock, daemon, daemon.api()
    world.member = world.api.enroll("ada")
    clock.set("2026-11-21T08:10:00+08:00")
    assert world.api.record(order(world.member, "e1", 1400000))[0].score == 573
    clock.set("2026-11-21T09:00:00+08:00")
    now = dict(as_of=at("2026-11-21T09:00:00+08:00"), known_at=at("2026-11-21T09:00:00+08:00"))
    old = world.answers()
    assert world.answers(**now) == old
    clock.set("2026-11-21T10:00:00+08:00")
    policy(path, text, version=("\nversion: 1\n", "\nversion: 2\n"), gold=("attain: 600", "attain: 550"),
           start=(next(line for line in text.splitlines() if line.startswith("effective_from:")),
                  "effective_from: 2026-11-25T00:00:00+08:00"))
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_event("reloaded")["what"] == "policy, a new version"
    for time in ("2026-11-21T11:00:00+08:00", "2026-11-26T00:00:00+08:00", "2027-02-01T00:00:00+08:00"):
        clock.set(time)
        assert world.answers(**now) == old
    clock.set("2026-11-26T00:00:00+08:00")

    def asked(as_of, known_at):
        answer = world.api.score(world.member, as_of=at(as_of), known_at=at(known_at))
        return answer.tier, answer.info.policy_version, answer.info.valid_until.ToJsonString()[:10]

    morning, evening, next_week = (f"2026-11-{day}:00:00+08:00" for day in ("21T09", "21T20", "26T00"))
    assert asked(morning, evening) == (2, 1, "2026-11-24")  # it is known that the 25th will change it
    assert asked(morning, morning)[2] > "2026-11-24"
    assert asked(next_week, morning)[:2] == (2, 1)  # as one thought then that it would be
    assert asked(next_week, evening)[:2] == (3, 2)
    assert world.history() == [("2026-10-09", "UPGRADE", 1, 2), ("2026-11-24", "UPGRADE", 2, 3)]
    assert world.history(known_at=at(morning)) == [("2026-10-09", "UPGRADE", 1, 2)]
    assert daemon.stop() == 0
    again = start("--policy", path, clock=clock.spec)  # the store keeps when each version was published
    world.api = again.api()
    clock.set("2026-11-27T00:00:00+08:00")
    assert world.answers(**now) == old


METHODS = {
    "GetScore": lambda world, **fields: world.api.score(world.member, **fields),
    "GetMember": lambda world, **fields: world.api.members.GetMember(member=ref(world.member), **fields),
    "ListTierHistory": lambda world, **fields: world.api.members.ListTierHistory(member=ref(world.member), **fields),
    "CheckBenefit": lambda world, **fields: world.api.benefits.CheckBenefit(
        member=ref(world.member), benefit_id="dedicated-concierge", **fields),
    "ListMemberBenefits": lambda world, **fields: world.api.benefits.ListMemberBenefits(
        member=ref(world.member), **fields),
}
STAMP = message("google.protobuf.Timestamp")
NOW, AFTER = at("2026-11-21T09:00:00+08:00"), at("2026-11-21T09:00:00.000001+08:00")
WRONG = [
    (dict(as_of=AFTER), "IN_FUTURE", "as_of"),
    (dict(known_at=AFTER), "IN_FUTURE", "known_at"),
    (dict(as_of=STAMP(seconds=NOW.seconds, nanos=-1)), "FIELD_INVALID", "as_of.nanos"),
    (dict(known_at=STAMP(seconds=-62135596801)), "FIELD_INVALID", "known_at.seconds"),
    (dict(known_at=NOW, min_revision=1), "FIELD_INVALID", "min_revision"),
    (dict(min_revision=-1), "FIELD_INVALID", "min_revision"),
]
NOT_THERE = [
    (dict(known_at=at("2026-11-21T08:04:59.999999+08:00")), "known_at"),
    (dict(known_at=STAMP()), "known_at"),
    (dict(as_of=at("2026-09-10T11:59:59.999999+08:00")), "as_of"),
    (dict(as_of=at("2026-11-20T00:00:00+08:00"), known_at=at("2026-11-21T08:07:00+08:00")), "as_of"),
]


def test_wrong_axes_name_their_field(world):
    for name, call in METHODS.items():
        for fields, reason, field in WRONG:
            with refused("INVALID_ARGUMENT", reason, field):
                call(world, **fields)
        for fields, field in NOT_THERE:
            with refused("NOT_FOUND", "MEMBER_NOT_FOUND", field):
                call(world, **fields)
        # the bounds themselves
        for fields in (dict(as_of=NOW, known_at=NOW), dict(as_of=at("2026-09-10T12:00:00+08:00")),
                       dict(as_of=at("2026-11-21T08:05:00+08:00"), known_at=at("2026-11-21T08:05:00+08:00"))):
            assert call(world, **fields).info.policy_version == 1, name


def test_what_is_kept_as_it_is_now_only_has_no_axes(world):
    for axes in (dict(as_of=NOW), dict(known_at=NOW)):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "view"):
            METHODS["GetMember"](world, view="MEMBER_VIEW_FULL", **axes)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "view"):
        METHODS["ListTierHistory"](world, view=9)
    with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN"):
        METHODS["ListTierHistory"](world, min_revision=3)


def test_a_list_goes_on_as_it_began(world):
    world.record_late()
    listed = METHODS["ListTierHistory"]
    first = listed(world, page_size=1)
    assert len(first.transitions) == 1 and first.next_page_token
    world.clock.set("2026-11-21T12:00:00+08:00")
    world.api.record(order(world.member, "later", 9000000, occurred_at="2026-08-01T12:00:00+08:00",
                           completed_at="2026-08-02T12:00:00+08:00"))
    second = listed(world, page_token=first.next_page_token)
    assert [row.effective_at.ToJsonString()[:10] for row in [*first.transitions, *second.transitions]] == [
        "2026-09-09", "2026-09-18"]
    assert (second.info, second.next_page_token) == (first.info, "")
    assert len(listed(world).transitions) == 1 and listed(world).info != first.info
    for fields in (dict(view="TIER_HISTORY_VIEW_TOLD"), dict(as_of=NOW), dict(known_at=NOW), dict(min_revision=1),
                   dict(page_token=first.next_page_token[:-1] + "g")):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_token"):
            listed(world, **{"page_token": first.next_page_token, **fields})
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_size"):
        listed(world, page_size=-1)
