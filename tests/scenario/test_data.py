# SPDX-License-Identifier: Apache-2.0
"""The data path: sequences, batches, clocks, and files that somebody else has touched."""
import os
import random
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from memberd import Clock, Failure, M, at, order, ref, refused

OK, INVALID, EXISTS, PRECONDITION = 0, 3, 6, 9


def about(kind, member, event, order_id, when="2026-10-03T00:00:00+08:00", source="shop", lines=(), completed=None):
    activity = M.Activity(source=source, source_event_id=event, member=ref(member), occurred_at=at(when))
    body = getattr(activity, kind)
    body.order.order_source, body.order.order_id = "shop", order_id
    if kind == "completion":
        body.completed_at.CopyFrom(at(completed))
    if kind == "reversal":
        for line_no, amount in lines:
            body.lines.add(line_no=line_no, currency="CNY", amount=amount)
    return activity


def codes(results):
    return [result.status.code for result in results]


def states(results):
    names = M.PendingOrder.DESCRIPTOR.file.enum_types_by_name["EntryState"].values_by_number
    return [names[result.state].name.removeprefix("ENTRY_STATE_") for result in results]


def told(api, member):
    """What is told of a member; ids aside."""
    answer = api.score(member)
    answer.ClearField("member_id")
    for pending in answer.pending:
        pending.ClearField("entry_id")
    return answer


# ---- sequences ----

def story(member, chance):
    """Activities each of which is accepted wherever it comes in the sequence."""
    out = []
    for number in range(25):
        day = f"2026-{chance.randint(1, 11):02}-{chance.randint(1, 20):02}"
        event, net = f"e{number}", chance.randint(2, 3_000_000)
        out.append(order(member, event, net, occurred_at=f"{day}T12:00:00+08:00", category=f"c{number % 5}",
                         platform=chance.choice(["SHOPPING", "FOOD", "TRAVEL"]),
                         completed_at=f"{day}T13:00:00+08:00" if chance.random() < 0.7 else None))
        fate = chance.random()
        if fate < 0.2:
            out.append(about("cancellation", member, f"x{number}", f"o-{event}", when=f"{day}T20:00:00+08:00"))
        elif fate < 0.6:
            for part in range(chance.randint(1, 3)):
                out.append(about("reversal", member, f"r{number}.{part}", f"o-{event}", when=f"{day}T2{part}:00:00+08:00",
                                 source=chance.choice(["shop", "desk"]), lines=[(1, max(1, net // 4))] if net > 3 else [(1, 1)]))
                if net <= 3:
                    break
        elif fate < 0.8:
            for part in range(2):
                out.append(about("completion", member, f"d{number}.{part}", f"o-{event}", when=f"{day}T1{part}:00:00+08:00",
                                 completed=f"{day}T18:0{part}:00+08:00"))
    return out


def batches_of(activities, chance):
    """Shuffled, every fifth sent twice, in batches of any size."""
    todo = activities + chance.sample(activities, len(activities) // 5)
    chance.shuffle(todo)
    while todo:
        size = chance.choice([1, 2, 5, 20, 200])
        yield todo[:size]
        todo = todo[size:]


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_every_sequence_and_every_batching_ends_alike(start, store):
    api = start("--store", store).api()
    seed = random.SystemRandom().randrange(1 << 30)
    print("seed", seed)
    want = None
    for turn in range(8):
        chance = random.Random(seed + turn)
        member = api.enroll(f"m{turn}")
        activities = story(member, random.Random(seed))
        batches = [activities] if turn == 0 else list(batches_of(activities, chance))
        if turn % 3 == 2:  # several producers at once
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda batch: api.record(*batch), batches))
        else:
            answers = [api.record(*batch) for batch in batches]
        assert {code for results in answers for code in codes(results)} == {OK}
        got = told(api, member)
        assert got.info.revision == 1 + len(activities)
        assert sum(part.micro_points for part in got.score.parts) == got.score.score * 10**6
        want = want or got
        assert got == want


def test_a_batch_may_hold_anything(api):
    ada, bob = api.enroll("ada"), api.enroll("bob")
    results = api.record(about("reversal", ada, "r1", "o-e1", lines=[(1, 400)]), order(ada, "e1", 1000),
                         about("reversal", ada, "r2", "o-e1", lines=[(1, 700)]),
                         about("reversal", ada, "r1", "o-e1", lines=[(1, 400)]), order(ada, "e1", 1000),
                         order(ada, "e1", 1001))
    assert codes(results) == [OK, OK, PRECONDITION, OK, OK, EXISTS]
    assert states(results[:2]) == ["APPLIED", "PARTLY_REVERSED"]
    assert [result.revision for result in results] == [2, 3, 0, 2, 3, 0]
    assert [result.replayed for result in results] == [False, False, False, True, True, False]
    assert results[1].woken[0].entry_id == results[0].entry_id
    # an order id belongs to its source, a key to its member
    results = api.record(order(ada, "e9", 100, order_id="X"), order(ada, "e9", 100, order_id="X", source="food"),
                         order(ada, "e10", 100, order_id="X"), order(ada, "k", 100), order(bob, "k", 100))
    assert codes(results) == [OK, OK, EXISTS, OK, OK]
    assert results[3].entry_id != results[4].entry_id
    # one member, named in two ways
    twice = [order(ada, "both", 100) for _ in range(2)]
    twice[1].member.CopyFrom(M.MemberRef(identity=dict(issuer="shop", external_id="ada")))
    results = api.record(*twice)
    assert results[0].entry_id == results[1].entry_id and results[1].replayed
    assert api.score(ada).score.spend.minor == 600 + 400
    assert api.score(bob).score.spend.minor == 100


def test_orders_of_a_thousand_lines(api):
    ada = api.enroll("ada")
    lines = [(number, 1000) for number in range(1, 1001)]
    results = api.record(*[order(ada, f"w{number}", 0, lines=lines) for number in range(10)])
    assert set(codes(results)) == {OK}
    assert api.score(ada).score.spend.minor == 10 * 1000 * 1000
    assert codes(api.record(order(ada, "more", 0, lines=lines + [(1001, 1)]))) == [INVALID]
    # what is too much for one call is refused whole, and says so
    with pytest.raises(Failure) as failure:
        api.record(*[order(ada, f"x{number}", 0, lines=lines) for number in range(60)])
    assert failure.value.code in ("INVALID_ARGUMENT", "RESOURCE_EXHAUSTED") and failure.value.reason
    assert api.score(ada).info.revision == 11


# ---- clocks ----

def known_at_of(daemon):
    """known_at by revision, as stored."""
    with sqlite3.connect(os.path.join(daemon.data, "memberd.db")) as database:
        rows = database.execute("SELECT known_at FROM entry ORDER BY revision").fetchall()
    database.close()
    return [row[0] for row in rows]


def test_a_clock_that_jumps_hides_nothing_and_goes_on_counting(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api, chance = daemon.api(), random.Random(8)
    ada = api.enroll("ada")
    hours = [0] + [chance.randint(-72, 24) for _ in range(30)]
    for number, hour in enumerate(hours):
        clock.set(f"2026-11-{21 + hour // 24:02}T{hour % 24:02}:00:00Z")
        result = api.record(order(ada, f"e{number}", 100, platform="FOOD"))[0]
        assert (result.status.code, result.revision, states([result])) == (OK, number + 2, ["POSTED"])
        score = api.score(ada, min_revision=result.revision)
        assert score.score.spend.minor == 100 * (number + 1)
    daemon.stop()
    known = known_at_of(daemon)
    assert known == sorted(set(known)) and len(known) == len(hours)
    # a start with a clock that is behind all of it
    late = start(clock="fixed:2026-11-01T00:00:00Z").api()
    assert told(late, ada).score.spend.minor == 100 * len(hours)
    assert codes(late.record(order(ada, "after", 100))) == [OK]


def test_a_clock_that_leaps_over_settlements_tells_what_was_foreseen(start, home):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    ada = api.enroll("ada")
    api.record(order(ada, "e1", 20_000_000, platform="FOOD"), order(ada, "e2", 35_000_000))
    foreseen = api.score(ada).schedule
    assert len({change.tier for change in foreseen}) > 2  # down, step by step
    for change in foreseen[::3]:
        clock.set(change.at.ToJsonString())
        got = api.score(ada)
        assert (got.score.score, got.tier, got.level) == (change.score, change.tier, change.level)
    clock.set("2031-01-01T00:00:00Z")
    got = api.score(ada)
    assert (got.score.score, got.tier, list(got.schedule)) == (0, 1, [])


def test_times_at_the_edges(api):
    ada = api.enroll("ada")

    def sent(event, **times):
        return api.record(order(ada, event, 100_000, platform="FOOD", **times))[0]

    # the clock stands still but each write is a microsecond after the one before
    assert sent("5", occurred_at="2026-11-21T08:05:00+08:00").status.code == OK
    assert sent("5s", occurred_at="2026-11-21T08:05:01+08:00").status.code == INVALID
    assert sent("14", occurred_at="2025-09-21T08:00:01+08:00").status.code == OK
    assert sent("14s", occurred_at="2025-09-21T07:59:59+08:00").status.code == PRECONDITION
    for old in ("1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z"):
        assert sent("o" + old, occurred_at=old).status.code == PRECONDITION
    for done in ("1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-01-01T00:00:00Z"):
        assert states([sent("d" + done, completed_at=done)]) == ["POSTED"]
    # the end of time is not the end of memberd
    result = sent("last", completed_at="9999-12-31T23:59:59.999999999Z")
    assert states([result]) == ["PENDING"]
    got = api.score(ada)
    assert got.schedule[-1].at.ToJsonString().startswith("9999-12-31T23:59:59")
    assert [pending.order_id for pending in got.pending if pending.posts_at.seconds > 2**33] == ["o-last"]


# ---- files ----

@pytest.fixture
def stopped(start):
    """A stopped memberd with an order of each of two members."""
    daemon = start()
    api = daemon.api()
    members = [api.enroll(name) for name in ("ada", "bob")]
    assert codes(api.record(*[order(member, "e1", 100_000) for member in members])) == [OK, OK]
    assert daemon.stop() == 0
    return daemon, members


@pytest.mark.parametrize("column", ["payload", "occurred_at", "known_at", "revision"])
def test_a_changed_entry_is_damage_and_no_other_answer(start, stopped, column):
    daemon, (ada, bob) = stopped
    with sqlite3.connect(os.path.join(daemon.data, "memberd.db")) as database:
        was = database.execute(f"SELECT {column} FROM entry WHERE member_id = ?", (int(ada),)).fetchone()[0]
        # the last byte of a payload belongs to the line's category: still a payload
        new = was[:-1] + bytes([was[-1] ^ 1]) if column == "payload" else was + 1
        database.execute(f"UPDATE entry SET {column} = ? WHERE member_id = ?", (new, int(ada)))
    database.close()
    second = start()
    api = second.api()
    assert api.score(bob).score.spend.minor == 100_000
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.score(ada)
    second.wait_event("store takes no writes")
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        api.record(order(bob, "e2", 100))
    assert api.score(bob).score.spend.minor == 100_000


def test_a_changed_policy_is_damage(start, stopped):
    daemon, _ = stopped
    with sqlite3.connect(os.path.join(daemon.data, "memberd.db")) as database:
        changed = database.execute("UPDATE policy_version SET text = text || ' '").rowcount
        assert changed == 1
    database.close()
    second = start.spawn()
    assert second.wait() == 69
    assert "policy version 1 is not the text that was published" in second.events("cannot start")[0]["story"]


def test_a_database_that_lost_its_end_is_refused_or_answers_as_before(start, stopped):
    daemon, members = stopped
    path = os.path.join(daemon.data, "memberd.db")
    whole = path + ".whole"
    shutil.copy(path, whole)
    size = os.path.getsize(path)
    for cut in (100, 4095, 4096, size // 2, size - 4096, size - 1):
        shutil.copy(whole, path)
        os.truncate(path, cut)
        second = start.spawn()
        while second.process.poll() is None and not second.events("serving"):
            time.sleep(0.02)
        if second.process.poll() is not None:
            assert second.process.returncode == 69, cut
            assert "restore a backup" in second.events("cannot start")[0]["story"]
            continue
        for member in members:
            try:
                assert second.api().score(member).score.spend.minor == 100_000, cut
            except Failure as failure:
                assert failure.reason == "STORE_UNAVAILABLE", failure
        assert second.stop() == 0


def test_a_pipe_is_no_key_file(start, stopped):
    daemon, _ = stopped
    key = os.path.join(daemon.data, "master.key")
    os.unlink(key)
    os.mkfifo(key, 0o600)
    second = start.spawn()
    assert second.wait() == 78
    assert "no regular file" in second.events("cannot start")[0]["story"]


def test_a_published_policy_cannot_be_changed_between_starts(start, stopped, home):
    daemon, (ada, _) = stopped
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "src/policy/default.yaml"), encoding="utf-8") as file:
        text = file.read()
    path = os.path.join(home, "policy.yaml")
    for changed, code in ((text, None), (text + "# a word more\n", 78)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(changed)
        if code is None:
            again = start("--policy", path)
            assert again.api().score(ada).score.spend.minor == 100_000
            assert again.stop() == 0
        else:
            again = start.spawn("--policy", path)
            assert again.wait() == code
            assert "next number" in again.events("cannot start")[0]["story"]
