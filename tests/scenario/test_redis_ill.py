# SPDX-License-Identifier: Apache-2.0
"""Redis is ill in every way there is: no answer changes, few calls wait, memberd says that it is degraded and not that
it is down, and all is well by itself once Redis is."""
import contextlib
import threading

import pytest

from beside import Beside, WAITS
from between import HANG, RESET, bulk, error


@contextlib.contextmanager
def few_wait(beside):
    """Of all the calls inside only some wait for the budget; then Redis is asked no more."""
    before = beside.metric("timeouts")
    yield
    assert beside.metric("timeouts") - before <= WAITS


def ill(beside, heal, shows=True):
    """While it is ill, and after."""
    with few_wait(beside):
        beside.right(2)
        if shows:
            beside.until_degraded(beside.right)
        beside.write()
        beside.right(2)
    heal()
    beside.hits()
    beside.write()
    beside.hits()


# ---- it cannot be reached ----

def test_refused(beside, between):
    between.refuse()
    between.cut()
    before = beside.metric("reconnects")
    ill(beside, between.well)
    assert beside.metric("reconnects") > before


def test_refused_from_the_start(start, between):
    between.refuse()
    patient = Beside(start, between.url)
    ill(patient, between.well)


def test_reset_at_every_answer(beside, between):
    between.answer("*", lambda words, answer: RESET)
    ill(beside, between.well)


def test_connections_that_are_taken_and_never_answered(beside, between):
    between.silent = True
    between.cut(reset=True)

    def heal():
        between.well()
        between.cut()
    ill(beside, heal)


def test_killed_and_gone_for_a_while(beside, redis):
    redis.kill()
    ill(beside, redis.start)


# ---- it does not answer in time ----

def test_paused(beside, redis):
    redis("CLIENT", "PAUSE", 1500)
    ill(beside, lambda: None)


def test_frozen(beside, redis):
    redis.freeze()
    ill(beside, redis.thaw)


def test_slow(beside, between):
    between.delay = 0.05
    ill(beside, between.well)


def test_reads_that_are_never_answered(beside, between):
    between.answer("GETRANGE", lambda words, answer: HANG)

    def heal():
        between.well()
        between.cut()
    ill(beside, heal)


# ---- it answers with errors ----

@pytest.mark.parametrize("text", [
    "LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > 'maxmemory'.",
    "READONLY You can't write against a read only replica.", "NOAUTH Authentication required.",
    "NOPERM this user has no permissions to run the 'getrange' command",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "ERR unknown", "X" * 4000],
    ids=lambda text: text.split()[0][:12])
def test_every_answer_is_an_error(beside, between, text):
    between.answer("*", error(text))
    before = beside.metric("errors")
    ill(beside, between.well)
    assert beside.metric("errors") > before


def test_out_of_memory(beside, redis):
    """It reads, and takes no writes: then what it has may be old, and is not believed."""
    redis("CONFIG", "SET", "maxmemory", 1)
    beside.write()
    ill(beside, lambda: redis("CONFIG", "SET", "maxmemory", 0))
    assert beside.metric("errors_memory") > 0


def test_a_replica_that_takes_no_writes(beside, redis):
    redis("REPLICAOF", "127.0.0.1", 1)
    beside.write()
    ill(beside, lambda: redis("REPLICAOF", "NO", "ONE"))
    assert beside.metric("errors_readonly") > 0


def test_a_password_that_is_new(beside, redis, between):
    redis("CONFIG", "SET", "requirepass", "other")
    between.cut()

    def heal():
        redis.forget()
        redis.password = "other"
        redis("CONFIG", "SET", "requirepass", "")
        redis.password = None
    ill(beside, heal)


def test_a_user_who_may_not_write(start, redis):
    redis("ACL", "SETUSER", "guest", "on", ">pw", "~*", "&*", "+@all")
    patient = Beside(start, f"unix://guest:pw@{redis.path}")
    patient.hits()
    redis("ACL", "SETUSER", "guest", "-@write", "-@scripting")
    patient.write()
    ill(patient, lambda: redis("ACL", "SETUSER", "guest", "+@all"))


def test_scripts_that_are_gone_are_brought_again(beside, redis):
    redis("SCRIPT", "FLUSH")
    beside.write()
    beside.hits()


# ---- connections break ----

def test_killed_in_the_middle_of_a_pipeline(start, beside, redis, between):
    """Many read at once, and the answers end within one."""
    apis = [beside.daemon.api() for _ in range(8)]
    wrong = []

    def read(api, n):
        for turn in range(15):
            for member in beside.members:
                answer = api.members.GetMember(member=dict(member_id=member))
                if answer.info.revision != 1 + beside.written:
                    wrong.append((n, turn, answer))
    threads = [threading.Thread(target=read, args=(api, n)) for n, api in enumerate(apis)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        between.cut_after = 700
        threading.Event().wait(0.03)
        redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        threading.Event().wait(0.1)
    assert not wrong
    between.well()
    beside.hits()
    assert beside.metric("reconnects") > 0


@pytest.mark.parametrize("lost", ["subscriber", "data"])
@pytest.mark.parametrize("reset", [False, True])
def test_one_connection_of_the_unit_is_lost(beside, between, lost, reset):
    """The other one hears nothing any more: both are made anew."""
    made = between.made
    before = beside.metric("reconnects")
    assert between.cut(lost, reset) == 1
    beside.until("armed again", lambda: beside.metric("reconnects") > before)
    beside.hits()
    assert between.made >= made + 2 and (between.count("data"), between.count("subscriber")) == (1, 1)


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
def test_redis_ends_one_connection(beside, redis, kind):
    before = beside.metric("reconnects")
    assert redis("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes") >= 1
    beside.until("armed again", lambda: beside.metric("reconnects") > before)
    beside.hits()


def test_a_subscriber_that_hears_nothing(beside, between):
    """Its connection lives, but what Redis says on it is lost: its heartbeat misses it."""
    between.deaf = True
    before = beside.metric("reconnects")
    beside.until_degraded(beside.right)
    between.well()
    beside.until("armed again", lambda: beside.metric("reconnects") > before)
    beside.hits()


def test_ill_in_all_ways_at_random_it_comes_back(beside, redis, between):
    for wound in (between.cut, redis.restart, lambda: redis("FLUSHALL"), lambda: between.cut("data", True), between.refuse,
                  lambda: redis("SCRIPT", "FLUSH"), lambda: between.cut("subscriber"), redis.freeze):
        wound()
        beside.write()
        beside.right()
    redis.thaw()
    between.well()
    beside.hits()


# ---- it answers with nonsense ----

@pytest.mark.parametrize("nonsense", [
    b"garbage\r\n", b"$-5\r\n", b"$99999999999\r\n", b"*-7\r\n", b":1\r\n", b"*0\r\n", b"*1\r\n*1\r\n:1\r\n", b"+" + b"x" * 100000 + b"\r\n",
    bulk(b""), bulk(b"x" * 1000000), b"\x00" * 100, b"*3\r\n$10\r\ninvalidate\r\n"],
    ids=["garbage", "negative", "vast", "negative array", "number", "empty array", "nested", "long status", "empty", "vast text", "zeros",
         "push"])
def test_every_answer_is_nonsense(beside, between, nonsense):
    between.answer("*", nonsense)
    ill(beside, lambda: (between.well(), between.cut()))


def test_reads_are_answered_with_nonsense(beside, between):
    """The connection is well otherwise: each is a miss, and the store answers."""
    answers = iter([bulk(None), bulk(b""), bulk(b"x"), bulk(b"\xff" * 300), b":12\r\n", b"+OK\r\n", b"*0\r\n"] * 1000)
    between.answer("GETRANGE", lambda words, answer: next(answers))
    ill(beside, lambda: (between.well(), between.cut()), shows=False)
