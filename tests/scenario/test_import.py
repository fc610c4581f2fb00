# SPDX-License-Identifier: Apache-2.0
"""`memberctl import` into the real memberd: everything arrives, once, whatever breaks in between."""
import hashlib
import json
import os
import random
import subprocess
import time

import pytest

import memberctl as ctl
from memberd import M, Memberd

FOLDER = os.path.join(ctl.DATA, "online_retail")
MAPPING = os.path.join(FOLDER, "online_retail.yaml")
LOG = os.path.join(FOLDER, "online_retail.csv.zst")
WEEKS = ["--shift-weeks", "780"]  # ends at 2026-11-20, hours before the clock of scenarios
HEADER = b"InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


@pytest.fixture(scope="module")
def part():
    """The lines of every sixteenth customer: small enough to import it many times."""
    plain = subprocess.run(["zstd", "-dc", LOG], capture_output=True, check=True).stdout
    lines = plain.splitlines(keepends=True)[1:]
    return [line for line in lines if (who := line.rsplit(b",", 2)[1]) != b"" and int(who) % 16 == 2]


def write(home, lines, name="part.csv"):
    path = os.path.join(home, name)
    with open(path, "wb") as file:
        file.write(HEADER + b"".join(lines))
    return path


def import_args(file, *more):
    return ["import", "--mapping", MAPPING, *more, file]


def customers(lines):
    return sorted({line.rsplit(b",", 2)[1].decode() for line in lines})


def end_state(api, lines):
    """What must be alike at the end, ids and revisions apart; checks that explanations add up."""
    state = {}
    for who in customers(lines):
        ref = M.MemberRef(identity=dict(issuer="online-retail", external_id=who))
        try:
            score = api.scores.GetScore(member=ref)
        except Exception as failure:
            assert getattr(failure, "reason", "") == "MEMBER_NOT_FOUND"  # only cancellations
            state[who] = None
            continue
        assert sum(part.micro_points for part in score.score.parts) == score.score.score * 10**6
        state[who] = (score.score.SerializeToString(), score.settled.SerializeToString(), score.tier, score.level,
                      [change.SerializeToString() for change in score.schedule],
                      sorted((order.order_id, order.would_add) for order in score.pending))
    return state


@pytest.fixture(scope="module")
def undisturbed(part, tmp_path_factory):
    """The end state of an import that nothing disturbs."""
    home = tmp_path_factory.mktemp("undisturbed")
    daemon = Memberd(home, "--store", "memory").start()
    run = ctl.Memberctl(daemon.target)
    report = run.json(*import_args(write(home, part), *WEEKS))
    state = end_state(daemon.api(), part)
    assert daemon.stop() == 0
    daemon.close()
    return report, state


def test_everything_is_taken_in_and_adds_up(undisturbed, part):
    report, state = undisturbed
    sent, lines = report["sent"], report["lines"]
    assert lines["total"] == len(part) == lines["order"] + sum(lines["cancellation"].values())
    assert sent["enrolled"] == report["members"] == sum(1 for value in state.values() if value)
    assert sent["accepted"] == report["orders"] + report["reversals"] > 1000
    assert (sent["replayed"], sent["parked"], sent["refused"], sent["resumed"]) == (0, 0, {}, False)


def test_a_second_import_changes_nothing(start, home, part):
    daemon = start()
    api, run, file = daemon.api(), ctl.Memberctl(daemon.target), write(home, part[:4000])
    first = run.json(*import_args(file, *WEEKS))["sent"]
    before = end_state(api, part[:4000])
    again = run.json(*import_args(file, *WEEKS))["sent"]
    assert (again["accepted"], again["replayed"]) == (0, first["accepted"])
    assert end_state(api, part[:4000]) == before


def test_any_order_of_the_lines_ends_alike(start, home, part, undisturbed):
    daemon = start("--store", "memory")
    shuffled = list(part)
    random.Random(7).shuffle(shuffled)
    run = ctl.Memberctl(daemon.target)
    run(*import_args(write(home, shuffled), *WEEKS, "--in-flight", "1"))
    assert end_state(daemon.api(), part) == undisturbed[1]


def test_killed_imports_go_on_and_end_alike(start, home, part, undisturbed):
    daemon = start()
    run, file, state = ctl.Memberctl(daemon.target), write(home, part), os.path.join(home, "state")
    chance, kills = random.Random(20261121), 0
    args = import_args(file, *WEEKS, "--state", state, "--in-flight", "2")
    for _ in range(20):
        before = os.stat(state).st_mtime_ns if os.path.exists(state) else 0
        process = run.spawn(*args)
        # it writes its state first when it begins to send; then anything may be cut
        while process.poll() is None and not (os.path.exists(state) and os.stat(state).st_mtime_ns != before):
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.25))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        with open(state, encoding="utf-8") as text:
            reached = json.load(text)  # always a whole one
        if reached["activities"] == undisturbed[0]["sent"]["accepted"]:
            break
    done = run.json(*args)["sent"]
    assert kills > 2 and done["resumed"]
    assert done["accepted"] + done["replayed"] == undisturbed[0]["sent"]["accepted"], done
    assert end_state(daemon.api(), part) == undisturbed[1]


def test_a_server_killed_meanwhile_is_waited_for(start, home, part, undisturbed):
    daemon = start()
    run, file, state = ctl.Memberctl(daemon.target), write(home, part), os.path.join(home, "state")
    chance, kills = random.Random(20261122), 0
    process = run.spawn(*import_args(file, *WEEKS, "--state", state))
    daemon.wait_event("call", 20)
    while kills < 8 and process.poll() is None:
        daemon.kill()
        kills += 1
        daemon = start(port=daemon.port)
        time.sleep(chance.uniform(0, 0.3))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and kills > 2, (kills, out, err)
    assert end_state(daemon.api(), part) == undisturbed[1]


def test_another_store_at_the_address_ends_the_import(start, home, part, undisturbed):
    """A server that comes back without what was acknowledged: going on would leave it with half a log."""
    daemon = start()
    run, file, state = ctl.Memberctl(daemon.target), write(home, part), os.path.join(home, "state")
    process = run.spawn(*import_args(file, *WEEKS, "--state", state, "--in-flight", "1"))
    daemon.wait_event("call", 20)
    daemon.kill()
    os.mkdir(os.path.join(home, "other"))
    other = start(port=daemon.port, home=os.path.join(home, "other"))
    out, err = process.communicate(timeout=120)
    assert process.returncode == ctl.DATA_ERROR and "another store now" in err and "without the state" in err, (out, err)
    assert len(other.events("call")) == 1
    assert "another store" in run(*import_args(file, "--state", state), code=ctl.DATA_ERROR).err
    other.kill()
    daemon = start(port=daemon.port)
    assert run.json(*import_args(file, "--state", state))["sent"]["resumed"]
    assert end_state(daemon.api(), part) == undisturbed[1]


def test_a_store_that_fails_ends_the_import_and_a_restart_goes_on(start, home, part, undisturbed):
    daemon = start("--fault", "store.sqlite.commit:40")
    run, file, state = ctl.Memberctl(daemon.target), write(home, part), os.path.join(home, "state")
    args = import_args(file, *WEEKS, "--state", state)
    done = run(*args, "--timeout", "1", code=ctl.UNAVAILABLE)
    assert done.out == "" and "STORE_UNAVAILABLE" in done.err and "goes on from there" in done.err, done
    assert daemon.stop() == 0
    daemon = start(port=daemon.port)
    assert run.json(*args)["sent"]["resumed"]
    assert end_state(daemon.api(), part) == undisturbed[1]


def test_the_whole_year_and_every_explanation(start, home):
    daemon = start()
    sent = ctl.Memberctl(daemon.target).json(*import_args(LOG, *WEEKS))["sent"]
    assert (sent["enrolled"], sent["accepted"]) == (4339, 18536 + 3848), sent
    assert (sent["replayed"], sent["parked"], sent["refused"]) == (0, 0, {}), sent
    plain = subprocess.run(["zstd", "-dc", LOG], capture_output=True, check=True).stdout.splitlines()[1:]
    everybody = [line + b"\n" for line in plain if not line.rsplit(b",", 2)[1] == b""]
    state = end_state(daemon.api(), everybody)  # checks that each one adds up
    assert sum(1 for value in state.values() if value) == 4339 and len(state) == 4372
    run = ctl.Memberctl(daemon.target)
    # bought for fortunes, cancelled minutes later; one had bought for GBP 2.90 before
    for who, left in (("12346", "0"), ("16446", "2610")):
        assert run.json("score", f"online-retail:{who}")["score"]["spend"]["minor"] == left


def test_a_state_of_something_else_is_refused(start, home, part):
    daemon = start()
    run, file, state = ctl.Memberctl(daemon.target), write(home, part[:300]), os.path.join(home, "state")
    run(*import_args(file, *WEEKS, "--state", state))
    done = run(*import_args(write(home, part[:301], "other.csv"), "--state", state), code=ctl.DATA_ERROR)
    assert "another file" in done.err, done
    with open(MAPPING, encoding="utf-8") as text:
        changed = text.read().replace("source: online-retail", "source: other")
    other = os.path.join(home, "other.yaml")
    with open(other, "w", encoding="utf-8") as text:
        text.write(changed)
    done = run("import", "--mapping", other, "--state", state, file, code=ctl.DATA_ERROR)
    assert "another mapping" in done.err, done
    done = run(*import_args(file, "--state", state, "--shift-weeks", "779"), code=ctl.DATA_ERROR)
    assert "780 weeks" in done.err, done
    with open(state, encoding="utf-8") as text:
        reached = json.load(text)
    for unit, made in (("members", "enrolled"), ("activities", "accepted")):
        with open(state + ".more", "w", encoding="utf-8") as text:
            json.dump(reached | {unit: reached[unit] + 1, made: reached[made] + 1}, text)
        done = run(*import_args(file, "--state", state + ".more"), code=ctl.DATA_ERROR)
        assert "claims more than this file has" in done.err, done
    os.mkdir(os.path.join(home, "second"))
    second = start(home=os.path.join(home, "second"))
    done = ctl.Memberctl(second.target)(*import_args(file, "--state", state), code=ctl.DATA_ERROR)
    assert "another store" in done.err, done
    with open(state, "w", encoding="utf-8") as text:
        text.write("{}")
    assert "not the state" in run(*import_args(file, "--state", state), code=ctl.DATA_ERROR).err
    assert run.json(*import_args(file, "--state", os.path.join(home, "new"), *WEEKS))["sent"]["accepted"] == 0


def test_a_state_that_cannot_be_written(start, home, part):
    """Without a place for its state nothing is sent; a disk that fills up meanwhile ends it, and leaves the last state."""
    run, file = ctl.Memberctl(start("--store", "memory").target), write(home, part[:300])
    for state, words in ((os.path.join(home, "none", "state"), "No such file"), (home, "directory"), ("/dev/null", "not the state")):
        done = run(*import_args(file, *WEEKS, "--state", state), code=ctl.DATA_ERROR if state in (home, "/dev/null") else ctl.NOT_WRITTEN)
        assert words in done.err and "acknowledged" not in done.err, done
    for state in ("", "-"):
        assert "--state is the name of a file" in run(*import_args(file, *WEEKS, "--state", state), code=ctl.USAGE).err
    state, mapping, log = os.path.join(home, "state"), os.path.join(home, "m.yaml"), os.path.join(home, "long.csv")
    with open(mapping, "w", encoding="utf-8") as text:
        text.write("format: 1\nsource: long\ncsv: {header: yes, delimiter: ','}\nmember: {issuer: long, id: who}\n"
                   "time: {column: at, format: unix, zone: UTC}\nshift: none\nrows: [{as: visit}]\n"
                   "visit: {platform: food, store: who}\n")
    with open(log, "w", encoding="utf-8") as text:
        text.write("who,at\n" + "".join(f"{who},1793491200\n" for who in range(3000)))
    process = run.spawn("import", "--mapping", mapping, "--state", state, "--in-flight", "1", log)
    while not os.path.exists(state):
        time.sleep(0.005)
    while True:  # the next state goes onto a disk that is full
        try:
            os.symlink("/dev/full", state + ".new")
            break
        except FileExistsError:
            pass
    out, err = process.communicate(timeout=60)
    assert process.returncode == ctl.NOT_WRITTEN and out == "", (process.returncode, out, err)
    assert "No space left on device" in err and "goes on from there" in err, err
    done = run.json("import", "--mapping", mapping, "--state", state, log)["sent"]
    assert done["resumed"] and (done["enrolled"], done["accepted"] + done["replayed"]) == (3000, 3000), done


def test_what_memberd_refuses_is_counted(start, home, part):
    daemon = start()
    run, file = ctl.Memberctl(daemon.target), write(home, part[:300])
    report = run.json(*import_args(file, "--shift-weeks", "0"), code=ctl.NO)
    # a reversal whose order was refused is as old as that
    assert report["sent"]["refused"] == {"OUT_OF_WINDOW": report["orders"] + report["reversals"]}, report
    sales = write(home, [line for line in part[:300] if not line.startswith(b"C")], "sales.csv")
    done = run(*import_args(sales, "--shift-weeks", "0", "--strict"), code=ctl.DATA_ERROR)
    assert "OUT_OF_WINDOW" in done.err, done
    table = run(*import_args(file, "--shift-weeks", "0"), code=ctl.NO).out
    assert "REFUSED: OUT_OF_WINDOW, such as 5" in table, table


def test_a_log_that_moved_with_the_calendar_is_told_so(start, home, part):
    run, file = ctl.Memberctl(start("--store", "memory", clock=None).target), write(home, part[:40])
    weeks = run.json(*import_args(file, "--dry-run"))["shiftWeeks"]
    first = run.json(*import_args(file, "--shift-weeks", str(weeks - 1)))  # as if it had been imported a week ago
    done = run(*import_args(file), code=ctl.NO)
    refused = first["orders"] + first["reversals"]
    assert f"{refused}  REFUSED: ACTIVITY_CONFLICT" in done.out, done
    assert f"moved by other than {weeks} weeks? With that --shift-weeks it changes nothing" in done.err, done
    state = ("--state", os.path.join(home, "state"))
    for _ in range(2):  # the second time it comes from the state
        assert "With that --shift-weeks and another --state it changes nothing" in run(*import_args(file, *state), code=ctl.NO).err
    again = run.json(*import_args(file, "--shift-weeks", str(weeks - 1)))["sent"]
    assert (again["accepted"], again["replayed"]) == (0, first["sent"]["accepted"]), again
    # who names the weeks knows them
    assert "moved by" not in run(*import_args(file, "--shift-weeks", str(weeks)), code=ctl.NO).err


def test_what_a_log_says_does_not_reach_the_terminal(start, home):
    line = b"1\x1b[2J,22423,A,1,2011-01-01 10:04:00,1.00,7,UK\n"
    done = ctl.Memberctl(start("--store", "memory").target)(*import_args(write(home, [line]), "--shift-weeks", "0"), code=ctl.NO)
    assert "REFUSED: OUT_OF_WINDOW, such as 1?[2J" in done.out, done


def test_members_who_were_there_before_are_taken_as_they_are(start, home, part):
    daemon = start("--store", "memory")
    api, run, file = daemon.api(), ctl.Memberctl(daemon.target), write(home, part[:300])
    sold = sorted({line.rsplit(b",", 2)[1].decode() for line in part[:300] if not line.startswith(b"C")})
    mine = api.enroll(sold[0], issuer="online-retail")
    sent = run.json(*import_args(file, *WEEKS))["sent"]
    assert (sent["known"], sent["enrolled"], sent["refused"]) == (1, len(sold) - 1, {}), sent
    assert api.score(mine).info.revision > 1  # the orders are his


def test_a_producer_may_import(start, home, part):
    tokens = os.path.join(home, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        file.write(f"producer sha256:{hashlib.sha256(b'secret').hexdigest()}\n")
    os.chmod(tokens, 0o600)
    run, file = ctl.Memberctl(start("--token-file", tokens).target), write(home, part[:300])
    run(*import_args(file, *WEEKS), code=ctl.NO_PERMISSION)
    run(*import_args(file, *WEEKS), env={"MEMBERD_TOKEN": "secret"})


def test_progress_is_for_terminals_only(start, home, part):
    run, file = ctl.Memberctl(start("--store", "memory").target), write(home, part)
    assert run(*import_args(file, *WEEKS)).err == ""
    process = subprocess.run(
        ["/usr/bin/python3", "-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)",
         ctl.PROGRAM, *import_args(file, *WEEKS)],
        env=ctl.environment({"MEMBERD_SERVER": run.target}), stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120)
    assert process.returncode == 0 and b" of " in process.stdout and b"\r\x1b[K" in process.stdout, process
