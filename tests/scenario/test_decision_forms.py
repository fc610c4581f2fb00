# SPDX-License-Identifier: Apache-2.0
"""Decisions: what is refused at the border, one request once, many at once, a disk that fails."""
import itertools
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from decisions import LATER, NOW, Decide, kept, number, standing, taken, told
from memberd import Clock, Failure, at, order, ref, refused

INVALID = ("INVALID_ARGUMENT", "FIELD_INVALID")
KEY = dict(source="shop", source_event_id="e1")


@pytest.fixture
def pair(api):
    ada, bob = api.enroll("ada"), api.enroll("bob")
    taken(api.record(order(ada, "e1", 100000), told(ada, "p1", post=dict(content="p"))))
    return ada, bob


def methods(api, ada, bob):
    """A right request of each decision, without request_id and reason."""
    return {
        "OverrideTier": (api.members.OverrideTier, dict(member=ref(ada), tier="TIER_GOLD", until=at(LATER))),
        "SuspendMember": (api.members.SuspendMember, dict(member=ref(ada), suspended=True)),
        "LinkMembers": (api.members.LinkMembers, dict(member=ref(ada), other=ref(bob))),
        "UnlinkMembers": (api.members.UnlinkMembers, dict(member=ref(ada), other=ref(bob))),
        "SetCredibility": (api.scores.SetCredibility, dict(member=ref(ada), delta_bp=-100)),
        "ReportFraud": (api.scores.ReportFraud, dict(member=ref(ada), activity=KEY)),
        "VoidActivity": (api.scores.VoidActivity, dict(member=ref(ada), activity=dict(KEY, source_event_id="p1"))),
        "ReverseActivity": (api.scores.ReverseActivity, dict(member=ref(ada), activity=KEY)),
    }


def unchanged(api, members):
    return [api.members.GetMember(member=ref(member)) for member in members]


# ---- fields ----

def test_what_every_decision_asks_for(api, pair):
    before = unchanged(api, pair)
    for method, fields in methods(api, *pair).values():
        for more, field in ((dict(request_id=""), "request_id"), (dict(request_id="x" * 36), "request_id"),
                            (dict(reason=""), "reason"), (dict(reason="x" * 257), "reason"), (dict(reason="é" * 129), "reason"),
                            (dict(member={}), "member"), (dict(member=ref("x")), "member.member_id")):
            with refused(*INVALID, field):
                method(**{**fields, **kept(more)})
    assert unchanged(api, pair) == before


def test_reasons_of_all_lengths_are_kept(api, pair):
    decide = Decide(api)
    for reason in ("x", "x" * 256, "é" * 128, "'\"\\ \n;--"):
        assert decide.credibility(pair[0], 1, reason=reason).entry_id
    details = [record.detail for record in api.audit.ListAuditRecords(member=ref(pair[0])).records]
    assert any(detail.endswith("é" * 128) for detail in details) and any(detail.endswith("'\"\\ \n;--") for detail in details)


@pytest.mark.parametrize("fields, field", [
    (dict(tier="TIER_GOLD"), "until"), (dict(until=at(LATER)), "until"), (dict(tier="TIER_GOLD", until=at(NOW)), "until"),
    (dict(tier="TIER_GOLD", until=at("2020-01-01T00:00:00Z")), "until"), (dict(tier=7, until=at(LATER)), "tier"),
    (dict(tier=-1, until=at(LATER)), "tier"), (dict(tier="TIER_GOLD", until=dict(nanos=-1)), "until.nanos"),
    (dict(tier="TIER_GOLD", until=dict(seconds=2**62)), "until.seconds")])
def test_overrides_that_are_refused(api, pair, fields, field):
    with refused(*INVALID, field):
        api.members.OverrideTier(member=ref(pair[0]), **kept(fields))
    assert standing(api, pair[0]).tier == 1


@pytest.mark.parametrize("fields, field", [
    (dict(delta_bp=0), "delta_bp"), (dict(delta_bp=10001), "delta_bp"), (dict(delta_bp=-10001), "delta_bp"),
    (dict(delta_bp=2**31 - 1), "delta_bp"), (dict(delta_bp=-(2**31)), "delta_bp"), (dict(delta_bp=1, until=at(NOW)), "until"),
    (dict(delta_bp=1, until=dict(nanos=10**9)), "until.nanos")])
def test_credibility_that_is_refused(api, pair, fields, field):
    with refused(*INVALID, field):
        api.scores.SetCredibility(member=ref(pair[0]), **kept(fields))
    assert standing(api, pair[0]).credibility_bp == 10000


def test_ends_at_the_edge_of_time(api, pair):
    decide = Decide(api)
    assert decide.credibility(pair[0], -1, "9999-12-31T23:59:59Z").entry_id
    assert decide.override(pair[0], "GOLD", "9999-12-31T23:59:59Z").member.standing.tier == 3
    assert decide.override(pair[0], "SILVER", "2026-11-21T08:05:00+08:00").member.standing.tier == 2


@pytest.mark.parametrize("key, field", [
    (None, "activity"), ({}, "activity.source"), (dict(source_event_id="e1"), "activity.source"),
    (dict(source="Shop", source_event_id="e1"), "activity.source"), (dict(source="s" * 65, source_event_id="e1"), "activity.source"),
    (dict(source="shop"), "activity.source_event_id"), (dict(source="shop", source_event_id="x" * 129), "activity.source_event_id")])
def test_activities_are_named_rightly(api, pair, key, field):
    for method in (api.scores.ReportFraud, api.scores.VoidActivity, api.scores.ReverseActivity):
        with refused(*INVALID, field):
            method(member=ref(pair[0]), activity=key, **kept({}))


def test_links_name_two(api, pair):
    for method in (api.members.LinkMembers, api.members.UnlinkMembers):
        for other, field in (({}, "other"), (ref("x"), "other.member_id"),
                             (dict(identity=dict(issuer="X", external_id="y")), "other.identity.issuer")):
            with refused(*INVALID, field):
                method(member=ref(pair[0]), other=other, **kept({}))


def test_nobody_may_use_the_services_own_source(api, pair):
    result = api.record(told(pair[0], "r9", source="memberd", post=dict(content="x")))[0]
    assert result.status.code == 3
    result = api.record(told(pair[0], "u", undo=dict(activity=dict(source="memberd", source_event_id="r4"))))[0]
    assert result.status.code == 3


# ---- one request once ----

def test_a_request_is_done_once_and_for_one_thing(api, pair):
    right = methods(api, *pair)
    answers = {}
    for name, (method, fields) in right.items():
        request = kept(fields)
        answers[name] = (request, method(**request))
    before = unchanged(api, pair)
    for name, (request, answer) in answers.items():
        method = right[name][0]
        assert method(**request) == answer, name
        assert method(**{**request, "request_id": request["request_id"].upper()}) == answer, name
        with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
            method(**{**request, "reason": "another"})
        with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
            method(**{**request, "member": ref(pair[1])})
    for (request, _), (name, (method, fields)) in itertools.product(answers.values(), right.items()):
        if answers[name][0] is not request:  # of another method
            with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
                method(**kept({**fields, "request_id": request["request_id"]}))
    assert unchanged(api, pair) == before


def test_each_field_makes_another_request(api, pair):
    ada, bob = pair
    eve = api.enroll("eve")
    for method, fields, others in (
            (api.members.OverrideTier, dict(member=ref(ada), tier="TIER_GOLD", until=at(LATER)),
             (dict(tier="TIER_SILVER"), dict(until=at("2027-01-01T00:00:00Z")))),
            (api.members.SuspendMember, dict(member=ref(ada), suspended=True), (dict(suspended=False),)),
            (api.members.LinkMembers, dict(member=ref(ada), other=ref(bob)),
             (dict(other=ref(eve)), dict(other=dict(identity=dict(issuer="shop", external_id="bob"))))),
            (api.scores.SetCredibility, dict(member=ref(ada), delta_bp=5), (dict(delta_bp=6), dict(until=at(LATER)))),
            (api.scores.ReportFraud, dict(member=ref(ada), activity=KEY),
             (dict(activity=dict(KEY, source="other")), dict(activity=dict(KEY, source_event_id="e2"))))):
        request = kept(fields)
        method(**request)
        for other in others:
            with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
                method(**{**request, **other})


def test_a_refused_decision_may_be_sent_again(api, pair):
    request = dict(member=ref(pair[0]), activity=dict(KEY, source_event_id="late"), **kept({}))
    with refused("NOT_FOUND", "ACTIVITY_NOT_FOUND"):
        api.scores.VoidActivity(**request)
    taken(api.record(told(pair[0], "late", post=dict(content="p"))))
    assert api.scores.VoidActivity(**request).state == number("EntryState", "ENTRY_STATE_APPLIED")


def test_the_same_sent_by_many_is_one(api, pair):
    ada, bob = pair
    for method, fields in methods(api, ada, bob).values():
        before = api.members.GetMember(member=ref(ada)).info.revision
        request = kept(fields)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: method(**request), range(12)))
        assert all(answer == answers[0] for answer in answers)
        assert api.members.GetMember(member=ref(ada)).info.revision == before + 1


def test_links_from_all_sides_at_once_are_one(api, pair):
    ada, bob = pair
    decide = Decide(api)

    def link(turn):
        return decide.link(*(pair if turn % 2 else reversed(pair)))

    for action, act in (("link", link), ("unlink", lambda turn: decide.unlink(*(pair if turn % 2 else reversed(pair))))):
        with ThreadPoolExecutor(8) as pool:
            made = [answer for answer in pool.map(act, range(12)) if answer.entry_id]
        assert len(made) == 1, action
    assert [api.members.GetMember(member=ref(member)).info.revision for member in (ada, bob)] == [5, 3]


# ---- failures ----

def test_a_link_that_cannot_be_stored_is_in_neither_ledger(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    pair = api.enroll("ada"), api.enroll("bob")
    before = unchanged(api, pair)
    request = dict(member=ref(pair[0]), other=ref(pair[1]), **kept({}))
    for nth in range(1, 12):  # each statement of the transaction in turn
        clock.fault(f"store.sqlite.step:{nth}")
        try:
            api.members.LinkMembers(**request)
            break
        except Failure as failure:
            assert failure.code == "UNAVAILABLE", failure
            assert unchanged(api, pair) == before, nth
        daemon.stop()
        daemon = start(clock=clock.spec)
        api = daemon.api()
    else:
        clock.fault("nothing:1")
    clock.fault("store.sqlite.commit:1")
    other = dict(member=ref(pair[0]), other=ref(pair[1]), **kept({}))
    linked = unchanged(api, pair)
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.members.UnlinkMembers(**other)
    assert unchanged(api, pair) == linked
    daemon.stop()
    api = start(clock=clock.spec).api()
    assert unchanged(api, pair) == linked
    done = api.members.UnlinkMembers(**other)
    revisions = {answer.info.revision for answer in unchanged(api, pair)}
    assert revisions == {done.info.revision} == {done.other_info.revision}


def test_decisions_live_through_a_restart(start, home):
    daemon = start()
    api = daemon.api()
    pair = api.enroll("ada"), api.enroll("bob")
    decide = Decide(api)
    decide.override(pair[0], "GOLD")
    decide.suspend(pair[0])
    decide.link(*pair)
    decide.credibility(pair[1], -500)
    before = unchanged(api, pair)
    daemon.kill()
    api = start().api()
    assert unchanged(api, pair) == before
    assert Decide(api).link(*pair).entry_id == "" and Decide(api).suspend(pair[0]).entry_id == ""
