# SPDX-License-Identifier: Apache-2.0
"""Redis has other values than memberd wrote: of others, damaged, old, none at all."""
import pytest

from beside import Beside
from redisd import decoded


def values(redis):
    return {key: redis("GET", key) for key in redis.keys("m:*")}


def put(redis, pairs):
    for key, value in pairs.items():
        redis("SET", key, value)


def test_keys_have_the_form_that_the_manual_tells(beside, redis):
    keys = redis.keys()
    store = {key[3:35] for key in keys if key.startswith(b"m:{")}
    assert len(store) == 1
    (store,) = store
    assert set(keys) >= {b"m:{%s:%s}" % (store, member.encode()) for member in beside.members}
    assert all(0 < redis("TTL", key) for key in keys if key.startswith(b"m:"))
    assert b"pos:{%s}" % store in keys


def test_of_another_type(beside, redis):
    for key in values(redis):
        redis("DEL", key)
        redis("RPUSH", key, "a")
    beside.right(2)
    beside.write()
    beside.right(2)
    for key in redis.keys("m:*"):
        if redis("TYPE", key) != "string":
            redis("DEL", key)
    beside.hits()


def test_oversize_values_cost_nothing(beside, redis, between):
    for key in values(redis):
        redis("SETRANGE", key, 5000000, "x")
    between.largest = 0
    beside.right(2)
    assert between.largest < 10000
    beside.write()
    beside.hits()


def spoil(redis, how):
    put(redis, {key: how(value, n) for n, (key, value) in enumerate(values(redis).items())})


@pytest.mark.parametrize("how", [
    lambda value, n: b"", lambda value, n: value[:1 + n], lambda value, n: b"\xff" * 100,
    lambda value, n: bytes([value[0] ^ 1]) + value[1:],                          # format
    lambda value, n: value[:1 + n] + bytes([value[1 + n] ^ 1]) + value[2 + n:],  # store
    lambda value, n: value[:24] + bytes([value[24] ^ 1]) + value[25:],           # epoch
    lambda value, n: value[:32] + bytes([value[32] ^ 1]) + value[33:]],          # member
    ids=["empty", "short", "garbage", "format", "store", "epoch", "member"])
def test_of_somebody_else(beside, redis, how):
    spoil(redis, how)
    before = beside.metric("misses")
    beside.right()
    beside.hits()  # they were replaced
    assert beside.metric("misses") > before


@pytest.mark.parametrize("how", [
    lambda value, n: value + b"x",
    lambda value, n: value[:33 + n % 4] + bytes([value[33 + n % 4] ^ 1]) + value[34 + n % 4:],  # checksum
    lambda value, n: value[:-1 - n] + bytes([value[-1 - n] ^ 1]) + value[len(value) - n:],      # record
    lambda value, n: value[:38] + b"\xff" * 20 + value[58:]],                                   # order: newer than any
    ids=["long", "checksum", "record", "order"])
def test_damaged(beside, redis, how):
    spoil(redis, how)
    before = beside.metric("misses")
    beside.right(2)
    assert beside.metric("misses") >= before + len(beside.members)
    beside.hits()
    beside.write()
    beside.hits()


def test_of_another_member(beside, redis):
    pairs = values(redis)
    put(redis, dict(zip(pairs, [*list(pairs.values())[1:], list(pairs.values())[0]])))
    beside.right()
    beside.hits()


def test_old_values_that_somebody_brings_back(beside, redis):
    old = values(redis)
    beside.write()
    put(redis, old)
    beside.right(2)
    beside.hits()


def test_a_redis_that_answers_with_old_values(beside, between):
    old = {}
    between.answer("GETRANGE", lambda words, answer: old.setdefault(words[1], answer))
    beside.right()
    for _ in range(3):
        beside.write()
        for member in beside.members:
            assert beside.read(member, min_revision=1 + beside.written).info.revision == 1 + beside.written
        beside.right()
    between.well()
    beside.hits()


def test_flushed(beside, redis):
    for command in ("FLUSHALL", "FLUSHDB"):
        redis(command)
        beside.right()
        beside.hits()
        redis(command, "ASYNC")
        beside.write()
        beside.right()
        beside.hits()


def test_restored_from_an_old_dump(beside, redis):
    redis("SAVE")
    beside.write()
    beside.write()
    for _ in range(2):
        redis.restart()
        assert redis.keys("m:*")
        beside.right(2)
        beside.hits()


def test_a_dump_that_comes_back_while_nobody_looks(start, redis, between):
    """memberd was away, too: what Redis has is older than the store, and says so."""
    patient = Beside(start, between.url)
    patient.hits()
    redis("SAVE")
    patient.write()
    patient.daemon.stop()
    redis.restart()
    patient.again()
    patient.right()
    patient.hits()


def test_what_others_write_is_heard(beside, redis):
    before = beside.metric("invalidations")
    for key in values(redis):
        redis("DEL", key)
    beside.until("heard", lambda: beside.metric("invalidations") >= before + len(beside.members))
    beside.right()
    beside.hits()


def test_old_answers_after_a_restart_do_not_fool_min_revision(start, between):
    """This memberd wrote nothing itself; that Redis lies shows by what is asked for."""
    old = {}
    patient = Beside(start, between.url)
    patient.hits()
    between.answer("GETRANGE", lambda words, answer: old.setdefault(words[1], answer) if b"m:" in words[1] else answer)
    patient.right()
    assert all(decoded(answer)[0] for answer in old.values())
    patient.write()
    patient.until("told", lambda: patient.metric("sets") >= 3 * len(patient.members))
    patient.daemon.stop()
    patient.again()
    patient.until_well()
    for member in patient.members:
        assert patient.read(member, min_revision=1 + patient.written).info.revision == 1 + patient.written
