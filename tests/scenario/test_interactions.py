# SPDX-License-Identifier: Apache-2.0
"""Reviews, shares, openings, posts, answers, votes, visits and undos end to end, and the list of what
became of each."""
import hashlib
import json
import os
import signal
import uuid

import pytest

import memberctl as ctl
from memberd import M, POOL, Clock, at, order, ref, refused, review, told
from test_policies import policy

SCALE = 1_000_000


def names(enum, prefix):
    return {number: value.name.removeprefix(prefix) for number, value in
            POOL.FindEnumTypeByName(f"memberd.v1.{enum}").values_by_number.items()}


STATES, CAPS, PARTS = names("EntryState", "ENTRY_STATE_"), names("Cap", "CAP_"), names("ScorePartKind", "SCORE_PART_KIND_")


def state(result):
    """Of an item that was taken in."""
    assert result.status.code == 0, result.status
    return STATES[result.state]


def caps(result):
    return {CAPS[cap] for cap in result.caps_reached}


def parts(api, member, **fields):
    score = api.score(member, **fields).score
    assert sum(part.micro_points for part in score.parts) == score.score * SCALE
    return {PARTS[part.kind]: part.micro_points for part in score.parts if part.micro_points != 0}


def listed(api, member, **fields):
    return api.scores.ListActivities(member=ref(member), **fields).activities


def by_event(api, member, **fields):
    return {item.activity.source_event_id: item for item in listed(api, member, page_size=200, **fields)}


def delivered(api, member, count, **fields):
    """Orders o-b0 … that may be reviewed."""
    results = api.record(*[order(member, f"b{n}", 100, **fields) for n in range(count)])
    assert all(result.status.code == 0 for result in results)


@pytest.fixture
def ada(api):
    return api.enroll("ada")


@pytest.fixture
def bob(api):
    return api.enroll("bob")


# ---- the numbered cases ----

def case_39_the_fourth_review_of_a_day_adds_nothing_and_names_the_cap(api, ada):
    delivered(api, ada, 4)
    results = [api.record(review(ada, f"r{n}", f"o-b{n}", occurred_at=f"2026-10-10T1{n}:00:00+08:00"))[0]
               for n in range(4)]
    assert [state(result) for result in results] == ["POSTED"] * 4
    assert [caps(result) for result in results] == [set(), set(), {"DAY"}, {"DAY"}]
    assert parts(api, ada)["REVIEWS"] == 15 * SCALE
    items = by_event(api, ada)
    assert [items[f"r{n}"].counted for n in range(4)] == [5 * SCALE] * 3 + [0]
    assert [(cut.cap, cut.micro_points) for cut in items["r3"].cuts] == [(1, 5 * SCALE)]
    assert not items["r0"].cuts


def case_40_a_counted_one_undone_makes_a_capped_one_count(api, ada):
    delivered(api, ada, 4)
    api.record(*[review(ada, f"r{n}", f"o-b{n}", occurred_at=f"2026-10-10T1{n}:00:00+08:00") for n in range(4)])
    before = api.score(ada).score.score
    undone = api.record(told(ada, "u", occurred_at="2026-10-12T10:00:00+08:00",
                             undo=dict(activity=dict(source_event_id="r0"))))[0]
    assert state(undone) == "APPLIED"
    assert parts(api, ada)["REVIEWS"] == 15 * SCALE and api.score(ada).score.score == before
    items = by_event(api, ada)
    assert [items[f"r{n}"].counted for n in range(4)] == [0] + [5 * SCALE] * 3
    assert STATES[items["r0"].state] == "REVERSED"
    # as of before the undo it counted
    assert by_event(api, ada, as_of=at("2026-10-11T00:00:00+08:00"))["r0"].counted == 5 * SCALE


def case_41_a_review_without_a_delivered_order_adds_nothing(api, ada):
    results = api.record(review(ada, "r0", "unknown"), order(ada, "b", 100, completed_at=None), review(ada, "r1", "o-b"),
                         order(ada, "c", 100, completed_at="2026-10-11T00:00:00+08:00"), review(ada, "r2", "o-c"))
    assert [state(results[n]) for n in (0, 2, 4)] == ["PARKED", "POSTED", "POSTED"]
    assert "REVIEWS" not in parts(api, ada)
    # at or after the delivery it counts
    api.record(review(ada, "r3", "o-c", occurred_at="2026-10-11T00:00:00+08:00"))
    assert parts(api, ada)["REVIEWS"] == 5 * SCALE


def case_42_two_reviews_of_one_line_count_once(api, ada):
    delivered(api, ada, 1, lines=[(1, 100), (2, 100)])
    api.record(review(ada, "r0", "o-b0"), review(ada, "r1", "o-b0", occurred_at="2026-10-13T12:00:00+08:00"))
    assert parts(api, ada)["REVIEWS"] == 5 * SCALE
    api.record(review(ada, "r2", "o-b0", 2), review(ada, "r3", "o-b0", 3))
    assert parts(api, ada)["REVIEWS"] == 10 * SCALE
    # the first in canonical order is the one that counts, whenever it is told
    api.record(review(ada, "r4", "o-b0", occurred_at="2026-10-09T12:00:00+08:00", pictures=True))
    assert parts(api, ada)["REVIEWS"] == 13 * SCALE


def case_43_an_own_click_adds_nothing(api, ada, bob):
    api.record(told(ada, "s", share=dict(content="c", channel="chat")))
    clicks = [("own", ada, True), ("unverified", bob, False)]
    for event, by, verified in clicks:
        result = api.record(told(ada, event, opening=dict(share=dict(source_event_id="s"), by=ref(by),
                                                          verified=verified)))[0]
        assert state(result) == "APPLIED"
    api.record(told(ada, "v", vote=dict(content="p", by=ref(ada))),
               told(ada, "a", answer=dict(question="q", asker=ref(ada))))
    assert parts(api, ada) == {}
    assert state(api.record(told(ada, "s", share=dict(content="c", channel="chat")))[0]) == "PENDING"
    api.record(told(ada, "good", opening=dict(share=dict(source_event_id="s"), by=ref(bob), verified=True)))
    assert parts(api, ada) == {"SHARES": 2 * SCALE}
    assert state(api.record(told(ada, "s", share=dict(content="c", channel="chat")))[0]) == "POSTED"


def case_44_interaction_alone_gives_at_most_50_and_bronze(api, ada):
    posts = [told(ada, f"p{month}-{day}-{n}", post=dict(content=f"c{month}-{day}-{n}"),
                  occurred_at=f"2026-{month:02}-{day:02}T12:00:00+08:00")
             for month in range(3, 11) for day in (3, 4, 5) for n in range(3)]
    for result in api.record(*posts):
        assert result.status.code == 0
    answer = api.score(ada)
    assert answer.score.score == 50 and answer.tier == 1
    assert parts(api, ada) == {"POSTS": 240 * SCALE, "GUARD": -190 * SCALE}


def case_46_a_hundred_orders_in_a_day_are_one_frequency_day(api, ada):
    for result in api.record(*[order(ada, f"e{n}", 100000, completed_at="2026-10-02T12:00:00+08:00")
                               for n in range(100)]):
        assert result.status.code == 0
    score = api.score(ada)
    assert score.score.days == 1 and parts(api, ada)["FREQUENCY"] == 1 * SCALE


# ---- kinds ----

def test_each_kind_adds_what_the_policy_says(api, ada, bob):
    api.record(told(ada, "p", post=dict(content="p")), told(ada, "a", answer=dict(question="q", asker=ref(bob))),
               told(ada, "v", vote=dict(content="p", by=ref(bob))),
               told(ada, "i", visit=dict(platform="PLATFORM_FOOD", store="s")))
    assert parts(api, ada) == {"POSTS": 4 * SCALE, "ANSWERS": 2 * SCALE, "VOTES": 1 * SCALE, "VISITS": 200_000,
                               "FRACTION_DROPPED": -200_000}
    # equals count once
    api.record(told(ada, "v2", vote=dict(content="p", by=ref(bob))),
               told(ada, "i2", visit=dict(platform="PLATFORM_FOOD", store="s")))
    assert parts(api, ada)["VOTES"] == 1 * SCALE and parts(api, ada)["VISITS"] == 200_000
    assert parts(api, bob) == {}


def test_who_is_named_by_an_identity_is_found(api, ada, bob):
    result = api.record(told(ada, "v", vote=dict(content="p", by=dict(identity=dict(issuer="shop", external_id="bob")))),
                        told(ada, "v", vote=dict(content="p", by=ref(bob))))
    assert [r.status.code for r in result] == [0, 0] and result[1].replayed  # the same, however he is named
    assert listed(api, ada)[0].activity.vote.by.member_id == bob


@pytest.mark.parametrize("kind,field", [
    (dict(vote=dict(content="p", by=ref(1))), "vote.by"),
    (dict(answer=dict(question="q", asker=dict(identity=dict(issuer="shop", external_id="nobody")))), "answer.asker"),
    (dict(opening=dict(share=dict(source_event_id="s"), by=ref(1), verified=True)), "opening.by")])
def test_who_is_not_known_refuses_the_item_only(api, ada, kind, field):
    bad, good = api.record(told(ada, "x", **kind), told(ada, "p", post=dict(content="p")))
    assert bad.status.code == 5 and bad.status.message.startswith(f"activities[0].{field}"), bad.status
    assert good.status.code == 0
    assert len(listed(api, ada)) == 1


def test_what_is_named_later_is_waited_for(api, ada, bob):
    opening = told(ada, "o", opening=dict(share=dict(source_event_id="s"), by=ref(bob), verified=True))
    undo = told(ada, "u", occurred_at="2026-10-12T12:00:00+08:00", undo=dict(activity=dict(source_event_id="s")))
    assert [state(result) for result in api.record(opening, undo)] == ["PARKED", "PARKED"]
    share = api.record(told(ada, "s", share=dict(content="c", channel="chat")))[0]
    assert [(woken.source_event_id, STATES[woken.state]) for woken in share.woken] == [("o", "APPLIED"), ("u", "APPLIED")]
    assert state(share) == "REVERSED"
    assert parts(api, ada) == {}
    assert parts(api, ada, as_of=at("2026-10-11T12:00:00+08:00")) == {"SHARES": 2 * SCALE}


def test_an_answer_holds_until_a_state_in_it_changes(api, ada):
    """What is parked expires after 15 months; what is told ahead is listed when its time comes."""
    back = dict(order=dict(order_id="unknown"), lines=[dict(line_no=1, amount=1, currency="CNY")])
    parked = api.record(told(ada, "back", occurred_at="2026-11-20T08:00:00+08:00", reversal=back))[0]
    assert state(parked) == "PARKED" and parked.info.valid_until == at("2028-02-20T08:00:00+08:00")
    assert not api.score(ada).schedule
    soon = "2026-11-21T08:04:00+08:00"
    done = api.record(told(ada, "done", occurred_at=soon, completion=dict(order=dict(order_id="another"), completed_at=at(soon))))[0]
    assert done.info.valid_until == at(soon)
    assert api.scores.ListActivities(member=ref(ada)).info.valid_until == at(soon)


def test_caps_in_an_answer_hold_as_long_as_their_window(start, home):
    """A cap of 0 is always reached, but by nothing that has left the window."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    none = "vote: {points: 1, day: 0, month: 0, window: 0}"
    text = policy(2, "2026-11-21T08:00:10+08:00", ("vote: {points: 1, day: 5, month: 30, window: 150}", none))
    api.policies.PublishPolicy(request_id=str(uuid.uuid4()), text=text, reason="no votes")
    clock.set("2026-11-21T08:01:00+08:00")
    ada, bob = api.enroll("ada"), api.enroll("bob")
    voted = api.record(told(ada, "v", vote=dict(content="p", by=ref(bob))), told(bob, "p", post=dict(content="p")))
    assert caps(voted[0]) == {"DAY", "MONTH", "WINDOW"} and voted[0].info.valid_until == at("2026-12-01T00:00:00+08:00")
    assert caps(voted[1]) == set() and voted[1].info.valid_until != voted[0].info.valid_until


def test_what_cannot_be_named_is_refused(api, ada, bob):
    delivered(api, ada, 1)
    api.record(told(ada, "p", post=dict(content="p")))
    undo, opening = api.record(
        told(ada, "u", undo=dict(activity=dict(source_event_id="b0"))),
        told(ada, "o", opening=dict(share=dict(source_event_id="p"), by=ref(bob), verified=True)))
    assert (undo.status.code, opening.status.code) == (9, 9)
    assert b"UNDO_NOT_ALLOWED" in undo.status.SerializeToString()
    assert b"NAMED_KIND_MISMATCH" in opening.status.SerializeToString()


def test_the_services_own_source_is_refused(api, ada):
    for activity, field in [
            (told(ada, "p", source="memberd", post=dict(content="p")), "source"),
            (told(ada, "p", source="memberd.x", post=dict(content="p")), "source"),
            (told(ada, "u", undo=dict(activity=dict(source="memberd", source_event_id="r2"))), "undo.activity.source")]:
        result = api.record(activity)[0]
        assert result.status.code == 3 and result.status.message.startswith(f"activities[0].{field}:")


def test_a_preview_is_what_then_is(api, ada, bob):
    activities = [order(ada, "e", 1_000_000), told(ada, "p", post=dict(content="p")),
                  told(ada, "v", vote=dict(content="p", by=ref(bob))), review(ada, "r", "o-e")]
    preview = api.scores.PreviewScore(member=ref(ada), activities=activities)
    assert all(result.status.code == 0 for result in preview.results), preview.results
    api.record(*activities)
    assert preview.after.score == api.score(ada).score


# ---- memberctl ----

def test_memberctl_names_caps_and_lists_what_became_of_each(daemon, api, ada, bob):
    run = ctl.Memberctl(daemon.target)
    delivered(api, ada, 4)
    lines = [json.dumps({"source": "shop", "sourceEventId": f"r{n}", "member": {"memberId": ada},
                         "occurredAt": f"2026-10-10T1{n}:00:00+08:00",
                         "review": {"order": {"orderId": f"o-b{n}"}, "lineNo": 1}}) for n in range(4)]
    done = run("record", stdin="\n".join(lines))
    assert "at the cap of the day\n" in done.out, done.out
    assert "was there before; at the cap of the day\n" in run("record", stdin=lines[0]).out
    table = run("activities", ada, "--kind", "review").out.splitlines()
    assert [row.split()[:5] for row in table[1:5]] == \
        [[f"2026-10-10T0{2 + n}:00:00Z", "review", f"r{n}", f"o-b{n}", "posted"] for n in (3, 2, 1, 0)], table
    assert table[1].split()[5:] == ["5", "by", "day"] and table[4].split()[5:] == ["5"], table
    assert len(run("activities", ada, "--limit", "3").out.splitlines()) == 5
    listed = run.json("activities", ada)["activities"]
    assert len(listed) == 8 and listed[0]["kind"] == "ACTIVITY_KIND_REVIEW" and listed[0]["counted"] == "0"
    assert run("activities", bob).out.startswith("no activities\n")
    assert "order, completion, " in run("activities", ada, "--kind", "nothing", code=ctl.USAGE).err


# ---- ListActivities ----

def test_every_kind_comes_back_as_it_was_told(api, ada, bob):
    sent = [order(ada, "e", 100, lines=[(1, 100), (2, 50)]),
            told(ada, "x", completion=dict(order=dict(order_source="shop", order_id="o-e"),
                                           completed_at=at("2026-10-03T12:00:00+08:00"))),
            told(ada, "rev", reversal=dict(order=dict(order_source="shop", order_id="o-e"),
                                           lines=[dict(line_no=2, currency="CNY", amount=50)])),
            told(ada, "c", source="other", cancellation=dict(order=dict(order_source="shop", order_id="never"))),
            review(ada, "r", "o-e", pictures=True), told(ada, "s", share=dict(content="c", channel="chat")),
            told(ada, "o", opening=dict(share=dict(source="shop", source_event_id="s"), by=ref(bob), verified=True)),
            told(ada, "p", post=dict(content="\u5e97")), told(ada, "a", answer=dict(question="q", asker=ref(bob))),
            told(ada, "v", vote=dict(content="p", by=ref(bob))),
            told(ada, "i", visit=dict(platform="PLATFORM_RIDES", store="s")),
            told(ada, "u", undo=dict(activity=dict(source="shop", source_event_id="v")))]
    results = api.record(*sent)
    assert [result.status.code for result in results] == [0] * len(sent)
    items = {item.activity.source_event_id: item for item in listed(api, ada)}
    for activity, result in zip(sent, results):
        expected = M.Activity.FromString(activity.SerializeToString())
        expected.ClearField("member")
        if expected.WhichOneof("kind") == "review":
            expected.review.order.order_source = "shop"
        item = items.pop(activity.source_event_id)
        assert item.activity == expected
        assert (item.entry_id, item.state, item.revision) == (result.entry_id, result.state, result.revision)
        assert item.kind == {"order": 10, "completion": 11, "cancellation": 12, "reversal": 13, "review": 14,
                             "share": 15, "opening": 16, "post": 17, "answer": 18, "vote": 19, "visit": 20,
                             "undo": 21}[expected.WhichOneof("kind")]
        assert item.known_at.seconds > 0 and not item.HasField("decision")
        assert item.HasField("counted_spend") == (expected.WhichOneof("kind") == "order")
    assert not items


def test_what_each_one_counts_adds_up(api, ada, bob):
    delivered(api, ada, 6)
    api.record(order(ada, "big", 9_000_000), *[review(ada, f"r{n}", f"o-b{n}", pictures=True) for n in range(6)],
               *[told(ada, f"p{n}", post=dict(content=f"p{n}")) for n in range(5)],
               *[told(ada, f"v{n}", vote=dict(content=f"p{n}", by=ref(bob))) for n in range(7)])
    items = listed(api, ada, page_size=200)
    score = api.score(ada).score
    part = parts(api, ada)
    assert sum(item.counted for item in items if item.kind == 10) == \
        part["SPEND"] + part["FREQUENCY"] + part["BREADTH"]
    assert sum(item.counted_spend.minor for item in items) == score.counted_spend.minor
    assert sum(item.counted for item in items if item.kind != 10) == \
        part["REVIEWS"] + part["POSTS"] + part["VOTES"] + part.get("COMMON_CAPS", 0)
    for item in items:
        if item.kind != 10:
            whole = {14: 8, 17: 4, 19: 1}[item.kind] * SCALE
            assert item.counted + sum(cut.micro_points for cut in item.cuts) == whole


def test_when_each_one_takes_effect(api, ada, bob):
    def effective(**fields):
        return {event: item.effective_at.ToJsonString() if item.HasField("effective_at") else None
                for event, item in by_event(api, ada, **fields).items()}

    opening = dict(share=dict(source_event_id="s"), by=ref(bob), verified=True)
    api.record(order(ada, "e", 100), order(ada, "open", 100, completed_at=None),
               told(ada, "p", post=dict(content="p")), told(ada, "s", share=dict(content="c", channel="chat")),
               told(ada, "gone", post=dict(content="g")),
               told(ada, "u", occurred_at="2026-10-10T13:00:00+08:00", undo=dict(activity=dict(source_event_id="gone"))),
               told(ada, "c", occurred_at="2026-09-01T12:00:00+08:00", cancellation=dict(order=dict(order_id="o-open"))),
               told(ada, "wait", undo=dict(activity=dict(source_event_id="none"))),
               told(ada, "v", vote=dict(content="p", by=ref(bob))))
    expected = {"e": "2026-10-09T04:00:00Z", "open": None, "p": "2026-10-11T04:00:00Z", "s": None, "gone": None,
                "u": "2026-10-10T05:00:00Z", "c": "2026-10-01T04:00:00Z", "wait": None, "v": "2026-10-10T04:00:00Z"}
    assert effective() == expected
    api.record(told(ada, "late", occurred_at="2026-10-13T12:00:00+08:00", opening=opening),
               told(ada, "early", occurred_at="2026-10-12T12:00:00+08:00", opening=opening),
               told(ada, "first", occurred_at="2026-10-09T12:00:00+08:00", opening=opening))
    # an opening takes place with its share at the earliest
    assert effective()["s"] == effective()["first"] == "2026-10-10T04:00:00Z"
    api.record(told(ada, "x", occurred_at="2026-10-14T12:00:00+08:00", undo=dict(activity=dict(source_event_id="first"))))
    assert effective()["s"] == "2026-10-12T04:00:00Z"


def test_a_member_is_not_told_of_others(start, home):
    path = os.path.join(home, "tokens")

    def write(*roles):
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            for role in roles:
                file.write(f"{role} sha256:{hashlib.sha256(role.split(':')[0].encode()).hexdigest()}\n")

    write("admin", "support")
    daemon = start("--token-file", path)
    admin = daemon.api("admin")
    ada, bob = admin.enroll("ada"), admin.enroll("bob")
    write("admin", "support", f"member:{ada}")
    daemon.signal(signal.SIGHUP)
    daemon.wait_event("reloaded")
    admin.record(told(ada, "s", share=dict(content="c", channel="chat")),
                 told(ada, "v", vote=dict(content="p", by=ref(bob))), told(ada, "a", answer=dict(question="q", asker=ref(bob))),
                 told(ada, "o", opening=dict(share=dict(source_event_id="s"), by=ref(bob), verified=True)))
    for role, knows in (("support", True), ("member", False)):
        items = by_event(daemon.api(role), ada)
        assert items["v"].activity.vote.HasField("by") == knows
        assert items["a"].activity.answer.HasField("asker") == knows
        assert items["o"].activity.opening.HasField("by") == knows
        assert (bob in str(items)) == knows
    with refused("PERMISSION_DENIED", "PERMISSION_MISSING"):
        daemon.api("member").scores.ListActivities(member=ref(bob))


def test_pages_go_on_where_they_ended_whatever_is_recorded(api, ada):
    for number in range(23):
        api.record(told(ada, f"i{number:02}", visit=dict(platform="PLATFORM_FOOD", store=f"s{number}"),
                        occurred_at=f"2026-10-{1 + number:02}T12:00:00+08:00"))
    seen, token = [], ""
    while True:
        answer = api.scores.ListActivities(member=ref(ada), page_size=5, page_token=token)
        seen += [item.activity.source_event_id for item in answer.activities]
        assert answer.info.revision == 24
        token = answer.next_page_token
        if not token:
            break
        api.record(told(ada, f"new{len(seen)}", post=dict(content=f"n{len(seen)}")))
    assert seen == [f"i{number:02}" for number in reversed(range(23))]
    assert len(listed(api, ada, page_size=1000)) == 27


def test_kinds_filter_and_bind_the_token(api, ada):
    api.record(*[told(ada, f"p{n}", post=dict(content=f"p{n}")) for n in range(3)],
               *[told(ada, f"i{n}", visit=dict(platform="PLATFORM_FOOD", store=f"s{n}")) for n in range(3)])
    posts = api.scores.ListActivities(member=ref(ada), kinds=["ACTIVITY_KIND_POST"], page_size=2)
    assert [item.kind for item in posts.activities] == [17, 17]
    rest = api.scores.ListActivities(member=ref(ada), kinds=["ACTIVITY_KIND_POST"], page_size=9,
                                     page_token=posts.next_page_token)
    assert [item.kind for item in rest.activities] == [17] and rest.next_page_token == ""
    for fields in (dict(kinds=["ACTIVITY_KIND_VISIT"]), dict(), dict(kinds=["ACTIVITY_KIND_POST"], min_revision=1)):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_token"):
            api.scores.ListActivities(member=ref(ada), page_token=posts.next_page_token, **fields)
    for kind in (0, 9, 28, 99, -1):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "kinds[0]"):
            api.scores.ListActivities(member=ref(ada), kinds=[kind])
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_size"):
        api.scores.ListActivities(member=ref(ada), page_size=-1)
    assert not listed(api, ada, kinds=["ACTIVITY_KIND_LINK"])


def test_the_list_as_of_and_as_known_then(api, ada):
    first = api.record(told(ada, "p0", post=dict(content="p0"), occurred_at="2026-10-10T12:00:00+08:00"))[0]
    known = listed(api, ada)[0].known_at
    later = api.record(told(ada, "p1", post=dict(content="p1"), occurred_at="2026-10-09T12:00:00+08:00"))[0]
    assert (first.status.code, later.status.code) == (0, 0)
    assert len(listed(api, ada)) == 2
    assert set(by_event(api, ada, as_of=at("2026-10-10T00:00:00+08:00"))) == {"p1"}
    states = by_event(api, ada, as_of=at("2026-10-10T12:00:00+08:00"))
    assert (states["p0"].state, states["p1"].state) == (1, 2) and states["p0"].counted == 0
    assert set(by_event(api, ada, known_at=known)) <= {"p0", "p1"}


def test_large_orders_make_pages_short_and_none_is_lost(api, ada):
    lines = [(n + 1, 100) for n in range(1000)]
    for number in range(6):
        activity = order(ada, f"e{number}", 0, lines=lines)
        for line in activity.order.lines:
            line.category, line.store, line.brand, line.sub_kind = "c" * 60, "s" * 60, "b" * 60, "k" * 60
        assert api.record(activity)[0].status.code == 0
    seen, token, pages = [], "", 0
    while True:
        answer = api.scores.ListActivities(member=ref(ada), page_token=token)
        seen += [item.activity.source_event_id for item in answer.activities]
        assert all(len(item.activity.order.lines) == 1000 for item in answer.activities)
        token, pages = answer.next_page_token, pages + 1
        if not token:
            break
    assert seen == [f"e{number}" for number in (5, 4, 3, 2, 1, 0)] and pages == 6


def test_unknown_members_and_futures(api, ada):
    with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
        api.scores.ListActivities(member=ref(1))
    with refused("INVALID_ARGUMENT", "IN_FUTURE", "as_of"):
        api.scores.ListActivities(member=ref(ada), as_of=at("2027-01-01T00:00:00Z"))
    with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN"):
        api.scores.ListActivities(member=ref(ada), min_revision=9)
    answer = api.scores.ListActivities(member=ref(ada))
    assert not answer.activities and answer.info.revision == 1 and answer.member_id == ada
