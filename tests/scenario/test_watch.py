# SPDX-License-Identifier: Apache-2.0
"""WatchMembers: what happens to members, from a cursor on, at least once, in order; across kills, drains and pruning."""
import json
import os
import queue
import signal
import subprocess
import threading

import grpc
import pytest

from memberctl import PROGRAM as MEMBERCTL
from memberd import DEADLINE, FACTORY, POOL, Clock, Failure, environment, order, ref

NAME = "memberd.v1.MemberService/WatchMembers"
METHOD = POOL.FindMethodByName(NAME.replace("/", "."))
REQUEST, RESPONSE = FACTORY.GetPrototype(METHOD.input_type), FACTORY.GetPrototype(METHOD.output_type)
KINDS = POOL.FindEnumTypeByName("memberd.v1.TierTransitionKind").values_by_number
NOW = "2026-10-05T12:00:00+08:00"
IDLE = ("--watch-idle-ms", "100")


class Watch:
    """One stream, read by a thread."""

    def __init__(self, api, **fields):
        self.call = api.channel.unary_stream("/" + NAME, request_serializer=lambda message: message.SerializeToString(),
                                             response_deserializer=RESPONSE.FromString)(
                                                 REQUEST(**fields), metadata=api.metadata)
        self.batches, self.cursor, self.events = queue.Queue(), None, []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for batch in self.call:
                self.batches.put(batch)
            self.batches.put(None)
        except grpc.RpcError as error:
            self.batches.put(error)

    def batch(self):
        got = self.batches.get(timeout=DEADLINE)
        if isinstance(got, grpc.RpcError):
            raise Failure(got)
        self.cursor = got.cursor
        self.events += got.events
        return got

    def until(self, done):
        while not done(self.events):
            self.batch()
        return self.events

    def cancel(self):
        self.call.cancel()


def plain(event):
    row = event.transition
    return (event.member_id, KINDS[row.kind].name.split("KIND_")[1], row.effective_at.ToJsonString(), row.score, row.restated)


def told(api, member):
    rows = api.members.ListTierHistory(member=ref(member), view="TIER_HISTORY_VIEW_TOLD", page_size=200,
                                       kinds=[number for number, kind in KINDS.items()
                                              if kind.name.split("KIND_")[1] not in ("UNSPECIFIED", "RETRACTED")]).transitions
    return [row.SerializeToString(deterministic=True) for row in rows]


def of(events, member):
    """Of one member, repeats left out: at least once means that a batch may come again."""
    out = []
    for event in events:
        if event.member_id == member:
            data = event.transition.SerializeToString(deterministic=True)
            if data not in out:
                out.append(data)
    return out


@pytest.fixture(params=["memory", "sqlite"])
def world(start, home, request):
    clock = Clock(home, NOW)
    daemon = start("--store", request.param, *IDLE, clock=clock.spec)
    api = daemon.api()
    return clock, daemon, api, api.enroll("ada"), api.enroll("bob")


def silver(api, member, event, **fields):
    result = api.record(order(member, event, 1000000, **fields))[0]
    assert result.status.code == 0


def case_35_bronze_to_black_diamond_is_one_event(world):
    clock, daemon, api, ada, bob = world
    watch = Watch(api, kinds=["TIER_TRANSITION_KIND_UPGRADE"])
    assert not watch.batch().events
    results = api.record(*[order(ada, f"e{at}", 5000000, category=f"c{at}", occurred_at=f"2026-09-{at + 1:02}T12:00:00+08:00",
                                 completed_at="2026-09-27T12:00:00+08:00") for at in range(7)],
                         *[order(ada, f"t{at}", 6000000, platform="TRAVEL", category=f"t{at}", completed_at="2026-10-03T12:00:00+08:00")
                           for at in range(1)])
    assert all(result.status.code == 0 for result in results)
    events = watch.until(len)
    row = events[0].transition
    assert (len(events), events[0].member_id, row.from_tier) == (1, ada, 1)
    assert row.to_tier == api.score(ada).tier
    watch.cancel()


def test_events_come_as_they_are_told_with_all_that_is_known_of_them(world):
    clock, daemon, api, ada, bob = world
    watch = Watch(api)
    watch.batch()
    silver(api, ada, "a", occurred_at="2026-09-01T12:00:00+08:00", completed_at="2026-09-02T12:00:00+08:00")
    watch.until(len)
    clock.set("2028-06-01T12:00:00+08:00")
    api.record(order(ada, "b", 100, occurred_at="2028-05-30T12:00:00+08:00", completed_at="2028-05-30T13:00:00+08:00"))
    wanted = told(api, ada)
    watch.until(lambda events: len(of(events, ada)) >= len(wanted))
    assert of(watch.events, ada) == wanted
    risk = next(event for event in watch.events if plain(event)[1] == "AT_RISK")
    down = next(event for event in watch.events if plain(event)[1] == "STEP_DOWN")
    assert risk.steps_down_at == down.transition.effective_at
    assert all(event.transition.known_at.seconds for event in watch.events)
    assert watch.events[-1].revision == api.score(ada).info.revision
    watch.cancel()


def test_filters_by_member_and_kind(world):
    clock, daemon, api, ada, bob = world
    early = dict(occurred_at="2026-09-01T12:00:00+08:00", completed_at="2026-09-02T12:00:00+08:00")
    one, ups = Watch(api, member_ids=[bob]), Watch(api, kinds=["TIER_TRANSITION_KIND_UPGRADE"])
    one.batch(), ups.batch()
    silver(api, ada, "a", **early)
    silver(api, bob, "b", **early)
    assert {event.member_id for event in one.until(len)} == {bob}
    assert [plain(event)[:2] for event in ups.until(lambda events: len(events) == 2)] == [(ada, "UPGRADE"), (bob, "UPGRADE")]
    for bad, field in [(dict(member_ids=["x"]), "member_ids[0]"), (dict(kinds=[5]), "kinds[0]"), (dict(cursor="x"), "cursor"),
                       (dict(member_ids=["1"] * 101), "member_ids"), (dict(cursor=ups.cursor[:-1] + "x"), "cursor"),
                       (dict(cursor=ups.cursor[:20] + "1" + ups.cursor[21:]), "cursor")]:
        with pytest.raises(Failure) as failure:
            Watch(api, **bad).batch()
        assert (failure.value.reason, failure.value.field) == ("FIELD_INVALID", field)


def test_an_idle_watch_gets_cursors(world):
    clock, daemon, api, ada, bob = world
    watch = Watch(api, member_ids=[bob])
    first = watch.batch().cursor
    silver(api, ada, "a", occurred_at="2026-09-01T12:00:00+08:00", completed_at="2026-09-02T12:00:00+08:00")
    while watch.batch().cursor == first:
        assert not watch.events
    assert not watch.events
    watch.cancel()


def test_drain_ends_a_watch_and_another_goes_on_from_its_cursor(start, home):
    daemon = start(clock=None)
    api = daemon.api()
    watch = Watch(api)
    watch.batch()
    daemon.signal(signal.SIGTERM)
    with pytest.raises(Failure) as failure:
        watch.batch()
    assert failure.value.reason == "DRAINING"
    daemon.wait()
    again = Watch(start(clock=None, home=home).api(), cursor=watch.cursor)
    assert again.batch().cursor == watch.cursor
    again.cancel()


def test_a_watch_goes_on_after_kills_without_losing_or_disordering(start, home):
    clock = Clock(home, "2026-11-05T12:00:00+08:00")
    daemon = start("--sweep-every-ms", "20", "--sweep-pause-ms", "1", *IDLE, clock=clock.spec)
    api = daemon.api()
    members = [api.enroll(f"m{at}") for at in range(8)]
    watch = Watch(api)
    watch.batch()
    events, cursor = [], watch.cursor
    for year in range(2026, 2030):
        for at, member in enumerate(members):
            silver(api, member, f"e{year}-{at}", occurred_at=f"{year}-10-01T12:00:00+08:00", completed_at=f"{year}-10-02T12:00:00+08:00")
            if at == 5:
                watch.batch()
        events, cursor = events + watch.events, watch.cursor
        daemon.kill()
        os.unlink(clock.path)
        clock = Clock(home, f"{year + 1}-11-05T12:00:00+08:00")
        daemon = start("--sweep-every-ms", "20", "--sweep-pause-ms", "1", *IDLE, clock=clock.spec, home=home)
        api = daemon.api()
        watch = Watch(api, cursor=cursor)
        watch.batch()
    for member in members:
        while True:
            wanted = told(api, member)
            watch.until(lambda got: len(of(events + got, member)) >= len(wanted))
            if told(api, member) == wanted:
                break
        assert of(events + watch.events, member)[:len(wanted)] == wanted
    watch.cancel()


def test_a_cursor_too_old_or_of_another_store_says_how_to_go_on(start, home):
    clock = Clock(home, NOW)
    daemon = start(*IDLE, clock=clock.spec)
    api = daemon.api()
    watch = Watch(api)
    old = watch.batch().cursor
    watch.cancel()
    ada = api.enroll("ada")
    silver(api, ada, "a")
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    os.path.exists(clock.path) and os.unlink(clock.path)
    daemon = start("--new-store-id", *IDLE, clock=Clock(home, NOW).spec, home=home)
    api = daemon.api()
    with pytest.raises(Failure) as failure:
        Watch(api, cursor=old).batch()
    assert (failure.value.code, failure.value.reason) == ("OUT_OF_RANGE", "CURSOR_TOO_OLD")
    assert "ListMembers" in failure.value.text
    assert Watch(api).batch().cursor != old


def test_memberctl_watches_on_across_a_restart(start, home):
    clock = Clock(home, NOW)
    daemon = start(*IDLE, clock=clock.spec)
    early = dict(occurred_at="2026-09-01T12:00:00+08:00", completed_at="2026-09-02T12:00:00+08:00")
    api = daemon.api()
    ada, bob = api.enroll("ada"), api.enroll("bob")
    seen = subprocess.Popen([MEMBERCTL, "watch", "--server", daemon.target, "--output", "json"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment())
    try:
        first = json.loads(seen.stdout.readline())
        assert "events" not in first and first["cursor"]
        silver(api, ada, "a", **early)
        assert json.loads(seen.stdout.readline())["events"][0]["memberId"] == ada
        daemon.signal(signal.SIGTERM)
        daemon.wait()
        os.path.exists(clock.path) and os.unlink(clock.path)
        again = start(*IDLE, clock=Clock(home, NOW).spec, home=home, port=daemon.port)
        silver(again.api(), bob, "b", **early)
        line = json.loads(seen.stdout.readline())
        assert line["events"][0]["memberId"] == bob
        assert line["events"][0]["transition"]["kind"] == "TIER_TRANSITION_KIND_UPGRADE"
    finally:
        seen.kill()
        seen.wait()
    table = subprocess.Popen([MEMBERCTL, "watch", "--server", daemon.target, "--cursor", first["cursor"], "shop:ada"],
                             stdout=subprocess.PIPE, text=True, env=environment())
    try:
        assert "upgrade  bronze to silver" in (line := table.stdout.readline()) and ada in line
    finally:
        table.kill()
        table.wait()
    nobody = subprocess.run([MEMBERCTL, "watch", "--server", daemon.target, "shop:eve"], capture_output=True, text=True,
                            env=environment(), timeout=DEADLINE)
    assert nobody.returncode == 67 and "MEMBER_NOT_FOUND" in nobody.stderr
    wrong = subprocess.run([MEMBERCTL, "watch", "--server", daemon.target, "--cursor", "x"], capture_output=True, text=True,
                           env=environment(), timeout=DEADLINE)
    assert wrong.returncode != 0 and "FIELD_INVALID" in wrong.stderr
