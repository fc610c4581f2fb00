# SPDX-License-Identifier: Apache-2.0
"""The Redis of the scenarios and what stands between it and memberd do what other scenarios believe of them."""
import threading
import time

import pytest

from between import HANG, RESET, bulk, error
from memberd import DEADLINE
from redisd import Connection, Refused, decoded, encoded, reply_end


def through(between):
    return Connection(("127.0.0.1", between.port))


def test_values_are_cut_and_read():
    for data, value in ((b"+OK\r\n", "OK"), (b":-7\r\n", -7), (b"$-1\r\n", None), (b"$0\r\n\r\n", b""), (b"*-1\r\n", None),
                        (b"$4\r\n\r\n\r\n\r\n", b"\r\n\r\n"), (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", [b"a", [1]]), (b"*0\r\n", [])):
        for size in range(len(data)):
            assert reply_end(data[:size]) is None
        assert reply_end(data + b"+more\r\n") == len(data)
        assert decoded(data + b"+more\r\n") == (value, len(data))
    assert isinstance(decoded(error("OOM no"))[0], Refused)
    assert bulk(None) == b"$-1\r\n" and decoded(bulk(b"ab"))[0] == b"ab"


@pytest.mark.parametrize("options", [{}, {"unix": True}, {"password": "p w%@:/"}, {"password": "secret", "user": "ada"}])
def test_a_redis_comes_up_and_asks_for_its_password(make_redis, options):
    redis = make_redis(**options)
    assert redis("SET", "a", b"\x00\r\n\xff") == "OK"
    assert redis("GET", "a") == b"\x00\r\n\xff"
    if options.get("password"):
        with pytest.raises(Refused, match="NOAUTH"):
            Connection(redis.address).ask("GET", "a")
        assert options["password"] not in redis.url or options["password"] == "secret"
    assert redis.port < 32768


def test_what_happens_to_a_redis(make_redis):
    redis = make_redis(unix=True, maxmemory="100mb")
    assert redis("CONFIG", "GET", "maxmemory") == [b"maxmemory", b"104857600"]
    redis("SET", "a", "1")
    redis("SAVE")
    redis("SET", "a", "2")
    assert redis.restart()("GET", "a") == b"1"  # that of the dump
    redis.freeze()
    asked = threading.Thread(target=redis, args=("SET", "a", "3"))
    asked.start()
    time.sleep(0.05)
    assert asked.is_alive()
    redis.thaw()
    asked.join(DEADLINE)
    assert redis("GET", "a") == b"3"
    redis.stop()
    with pytest.raises(OSError):
        redis("PING")


def test_between_passes_on_and_knows_which_answer_is_whose(redis, between):
    one, two = through(between), through(between)
    assert one.ask("SET", "a", b"1" * 100000) == "OK"
    assert two.ask("GET", "a") == b"1" * 100000
    assert between.asked == {"SET": 1, "GET": 1} and between.count("data") == 2
    between.answer("GETRANGE", error("LOADING wait"))
    between.answer("STRLEN", lambda words, answer: b":%d\r\n" % (decoded(answer)[0] + int(words[1] == b"a")))
    assert one.ask("STRLEN", "a") == 100001 and one.ask("STRLEN", "b") == 0
    with pytest.raises(Refused, match="LOADING wait"):
        one.ask("GETRANGE", "a", 0, 1)
    between.well()
    assert one.ask("GETRANGE", "a", 0, 1) == b"11"
    # asked together, answered in order
    one.socket.sendall(encoded("PING") + encoded("STRLEN", "a"))
    assert [one.read(), one.read()] == ["PONG", 100000]


def test_between_hangs_resets_cuts_and_refuses(redis, between):
    redis("SET", "a", "x" * 1000)
    between.answer("GET", lambda words, answer: HANG)
    hanging = through(between)
    hanging.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        hanging.ask("GET", "a")
    between.answer("GET", lambda words, answer: RESET)
    with pytest.raises(ConnectionResetError):
        through(between).ask("GET", "a")
    between.well()
    between.cut_after = 500
    with pytest.raises(ConnectionError):
        through(between).ask("GET", "a")
    assert through(between).ask("GET", "a") == b"x" * 1000
    living = through(between)
    assert living.ask("PING") == "PONG"
    between.refuse()
    with pytest.raises(ConnectionRefusedError):
        through(between)
    assert living.ask("PING") == "PONG"
    assert between.cut() >= 1
    with pytest.raises(ConnectionError):
        living.ask("PING")
    between.well()
    assert through(between).ask("PING") == "PONG"
    between.silent = True
    silent = through(between)
    silent.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        silent.ask("PING")


def test_between_knows_subscribers(redis, between):
    subscriber, data = through(between), through(between)
    assert subscriber.ask("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
    assert data.ask("PUBLISH", "c", "hello") == 1
    assert subscriber.read() == [b"message", b"c", b"hello"]
    assert (between.count("subscriber"), between.count("data")) == (1, 1)
    between.deaf = True
    assert data.ask("PUBLISH", "c", "lost") == 1
    subscriber.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        subscriber.read()
    assert between.cut("subscriber") == 1
    assert data.ask("PING") == "PONG"
    assert subscriber.socket.recv(10) == b""
