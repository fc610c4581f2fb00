# SPDX-License-Identifier: Apache-2.0
"""A memberd beside a well Redis, and its own cache: options, restarts, other stores, what the metrics say."""
import os
import shutil

import pytest

from beside import Beside
from memberd import Memberd, ref, refused, run

SECRET = "s3cr%65t"
CACHE = ("--cache-mb", "16")


def cache(daemon):
    """The process cache's metrics, without prefix and suffix."""
    return {name.removeprefix("memberd_cache_").removesuffix("_total"): value for name, value in daemon.metrics().items()
            if name.startswith("memberd_cache_")}


# ---- options ----

@pytest.mark.parametrize("url", [
    "localhost", "localhost:6379", "http://localhost", "rediss://localhost", "redis://", "redis://:" + SECRET + "@",
    "redis://localhost:0", "redis://localhost:65536", "redis://localhost:x", "redis://localhost:6379/x", "redis://localhost:6379/-1",
    "redis://localhost:6379/1/2", "redis://localhost/99999999999", "redis://" + SECRET + ":%zz@localhost", "redis://:a%00@localhost",
    "redis://[::1", "redis://:" + SECRET + "@localhost:6379/0?x=1", "unix:", "unix://", "unix://relative/s", "unix:///s?db=x",
    "unix:///s?other=1", "unix:///" + "x" * 200, " redis://localhost", "redis://local host", "x" * 5000], ids=lambda url: url[:40])
def test_forms_of_url_that_are_refused(url, home):
    for more in (("--check-config",), ("--listen", "127.0.0.1:0", "--admin-listen", "")):
        code, out, err = run("--redis", url, "--data", os.path.join(home, "data"), *more)
        assert code == 64, (code, out, err)
        assert "redis" in err.lower() and SECRET not in err and "s3cret" not in err
        assert not os.path.exists(os.path.join(home, "data"))


@pytest.mark.parametrize("url", [
    "redis://localhost", "redis://localhost:6379", "redis://localhost/3", "redis://127.0.0.1:1/0", "redis://[::1]:6379/1",
    "redis://:pw@localhost", "redis://ada:p%40w@localhost:1/2", "unix:///run/redis/s", "unix:///run/redis/s?db=2",
    "unix://ada:pw@/run/redis/s"])
def test_forms_of_url_that_are_taken(url, home):
    code, _, err = run("--redis", url, "--data", os.path.join(home, "data"), "--check-config")
    assert code == 0, err


@pytest.mark.parametrize("option, values", [
    ("--cache-mb", ("-1", "x", "")), ("--redis-budget-ms", ("0", "-1", "x")), ("--redis-ttl-s", ("0", "-1"))])
def test_numbers_that_are_refused(option, values):
    for value in values:
        code, _, err = run(option, value, "--check-config")
        assert code == 64 and option.lstrip("-") in err, (value, code, err)


def test_the_password_is_shown_nowhere(start, make_redis, home):
    redis = make_redis(password="s3cret-word", user="ada")
    for how in ({"env": {"MEMBERD_REDIS": redis.url}, "args": ()}, {"env": {}, "args": ("--redis", redis.url)}):
        code, out, err = run("--print-config", *how["args"], env=how["env"])
        assert code == 0 and "redis" in out and "s3cret-word" not in out + err
    # right, then wrong
    patient = Beside(start, redis.url)
    patient.hits()
    redis("ACL", "SETUSER", "ada", "resetpass", ">other")
    redis("CLIENT", "KILL", "USER", "ada", "SKIPME", "yes")
    patient.until_degraded(patient.right)
    told = patient.daemon.stderr() + patient.line() + patient.daemon.http("/metrics")[1]
    assert "s3cret-word" not in told and "s3cret" not in told


@pytest.mark.parametrize("options", [{}, {"unix": True}, {"password": "p w%@:/"}, {"password": "pw", "user": "ada"}])
def test_each_way_to_reach_it(start, make_redis, options):
    redis = make_redis(**options)
    patient = Beside(start, redis.url)
    patient.hits()
    assert int(redis("DBSIZE")) > len(patient.members)


def test_another_database(start, make_redis):
    for redis, suffix in ((make_redis(), "/3"), (make_redis(unix=True), "?db=3")):
        patient = Beside(start, redis.url + suffix)
        patient.hits()
        patient.daemon.stop()
        assert redis.keys() == []
        redis("SELECT", 3)
        assert redis.keys()
        shutil.rmtree(patient.daemon.data)


def test_without_redis_nothing_is_said_of_it(start):
    if Memberd.beside:
        pytest.skip("there is one")
    daemon = start()
    assert "redis" not in daemon.http("/readyz")[1]
    metrics = daemon.metrics()
    assert metrics["memberd_redis_up"] == 0 and metrics["memberd_redis_errors_total"] == 0
    daemon.api().enroll("ada")


# ---- restarts ----

@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_restart_begins_with_what_redis_has(start, redis, how):
    patient = Beside(start, redis.url, *CACHE, members=150)
    patient.until_well()
    getattr(patient.daemon, how)()
    patient.again()
    again = patient.daemon
    patient.until("warm", lambda: cache(again)["entries"] >= len(patient.members))
    assert again.metrics()["memberd_cache_warmed_total"] >= len(patient.members)
    before = again.metrics()
    for member in patient.members:
        assert patient.read(member).info.revision == 1 + patient.written
    after = again.metrics()
    assert after["memberd_cache_hits_total"] - before["memberd_cache_hits_total"] == len(patient.members)
    assert after["memberd_loads_total"] == before["memberd_loads_total"]
    patient.right()


def test_what_was_written_while_redis_was_away_is_brought_to_it(start, redis):
    """By the memberd that wrote it, and by one that comes after it."""
    patient = Beside(start, redis.url)
    patient.until_well()
    redis.kill()
    patient.write()
    patient.daemon.kill()
    patient.again()
    patient.right()
    redis.start()
    patient.hits()


# ---- other stores ----

def stores(redis):
    return {key[3:35] for key in redis.keys("m:*")}


def test_a_wiped_store_does_not_meet_what_redis_has(start, redis):
    patient = Beside(start, redis.url, members=4)
    patient.until_well()
    old, keys = patient.members, redis.keys("m:*")
    patient.daemon.stop()
    shutil.rmtree(patient.daemon.data)
    fresh = Beside(start, redis.url, *CACHE, members=4)
    fresh.until_well()
    assert fresh.daemon.metrics()["memberd_cache_warmed_total"] == 0
    for member in old:
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            fresh.read(member)
    fresh.right()
    assert len(stores(redis)) == 2 and set(keys) < set(redis.keys("m:*"))


def test_a_copy_with_a_new_id_and_the_original_share_a_redis(start, redis, home):
    """The same members with other fates: neither sees what the other one wrote."""
    one = Beside(start, redis.url, members=6)
    one.until_well()
    one.daemon.stop()
    other_home = os.path.join(home, "other")
    shutil.copytree(one.daemon.data, os.path.join(other_home, "data"))
    daemon = start("--redis", redis.url, "--access-log", "errors", "--cache-mb", "0", "--new-store-id", home=other_home)
    one.again()
    other = Beside.__new__(Beside)
    other.__dict__.update(one.__dict__, daemon=daemon, api=daemon.api())
    for patient in (one, other):
        patient.until_well()
    for _ in range(3):
        one.write()
    for patient in (one, other, one):
        patient.hits()
    other.write()
    for patient in (one, other):
        patient.hits()
    assert len(stores(redis)) == 2


# ---- the process cache ----

def test_the_process_cache_says_what_it_does(start):
    daemon = start(*CACHE, "--access-log", "errors")
    api = daemon.api()
    members = [api.enroll(f"m{n}") for n in range(20)]
    for member in members:
        api.members.GetMember(member=ref(member))
    warm = cache(daemon)
    assert warm["entries"] == 20 and 20 * 64 <= warm["bytes"] <= 16 << 20
    for member in members:
        api.members.GetMember(member=ref(member))
        api.benefits.ListMemberBenefits(member=ref(member))
    hot = cache(daemon)
    assert hot["hits"] - warm["hits"] == 40 and hot["misses"] == warm["misses"] and hot["evictions"] == 0
    for _ in range(3):
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            api.members.GetMember(member=ref(4711))
    assert cache(daemon)["absent_hits"] == 2


def test_without_a_process_cache_nothing_is_kept(start):
    daemon = start("--cache-mb", "0", "--access-log", "errors")
    api = daemon.api()
    member = api.enroll("ada")
    for _ in range(5):
        api.members.GetMember(member=ref(member))
    told = cache(daemon)
    assert told["entries"] == 0 and told["hits"] == 0
    assert daemon.metrics()["memberd_loads_total"] >= 5 or Memberd.beside


def test_min_revision_is_not_answered_by_what_is_remembered(start):
    """A hit that is too old, and an absence, are looked up again; what no store has is refused."""
    daemon = start(*CACHE, "--access-log", "errors")
    api = daemon.api()
    member = api.enroll("ada")
    api.members.GetMember(member=ref(member))
    for _ in range(3):
        with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN"):
            api.members.GetMember(member=ref(member), min_revision=2)
        with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
            api.members.GetMember(member=ref(4711), min_revision=1)
    assert api.members.GetMember(member=ref(member), min_revision=1).info.revision == 1
