# SPDX-License-Identifier: Apache-2.0
"""Profiles that change: masks, etags, one request once, and what of it others may see."""
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

import memberctl as ctl
from memberd import Clock, M, order, ref, refused

LIN = dict(display_name="Lin Mei", birthday_month=2, birthday_day=29, region="CN", language="zh-Hans", verified=True)
INVALID = ("INVALID_ARGUMENT", "FIELD_INVALID")


def full(api, member):
    return api.members.GetMember(member=ref(member), view="MEMBER_VIEW_FULL")


def fields_of(profile):
    return {name: getattr(profile, name) for name in LIN}


def update(api, member, paths=(), etag="", request_id=None, **profile):
    return api.members.UpdateMember(request_id=request_id or str(uuid.uuid4()), member=ref(member), profile=profile,
                                    update_mask=dict(paths=paths), etag=etag)


@pytest.fixture
def lin(api):
    return api.enroll("lin", profile=LIN)


def test_a_mask_names_what_changes(api, lin):
    for paths, sent, after in (
            (["display_name"], dict(display_name="梅", region="US", verified=False), dict(display_name="梅")),
            (["region", "language"], dict(region="HK"), dict(region="HK", language="")),
            (["birthday_day", "birthday_month", "birthday_day"], dict(birthday_month=12, birthday_day=31),
             dict(birthday_month=12, birthday_day=31)),
            (["birthday_month", "birthday_day"], {}, dict(birthday_month=0, birthday_day=0)),
            (["verified"], {}, dict(verified=False)),
            ([], dict(language="en", verified=True), dict(language="en", verified=True)),  # what is set
            (["*"], dict(display_name="Lin"), {**{name: type(value)() for name, value in LIN.items()},
                                               "display_name": "Lin"})):
        before = fields_of(full(api, lin).member.profile)
        answer = update(api, lin, paths, **sent)
        assert not answer.member.HasField("profile") and not answer.member.identities
        read = full(api, lin)
        assert fields_of(read.member.profile) == {**before, **after}, paths
        assert read.member.etag == answer.member.etag and read.info.revision == answer.info.revision
        assert [identity.external_id for identity in read.member.identities] == ["lin"]


@pytest.mark.parametrize("paths, profile, field", [
    (["name"], {}, "update_mask.paths[0]"), (["region", "profile.region"], {}, "update_mask.paths[1]"),
    (["Region"], {}, "update_mask.paths[0]"), ([""], {}, "update_mask.paths[0]"), (["region", "*"], {}, "update_mask.paths[1]"),
    (["*", "region"], {}, "update_mask.paths[0]"), (["member_id"], {}, "update_mask.paths[0]"),
    (["%s%n"], {}, "update_mask.paths[0]"), (["x" * 5000], {}, "update_mask.paths[0]"), (["region "], {}, "update_mask.paths[0]"),
    (["birthday_month"], dict(birthday_month=2, birthday_day=1), "update_mask"), (["birthday_day"], {}, "update_mask"),
    ([], {}, "update_mask"), ([], dict(display_name="", verified=False), "update_mask"),
    (["region"], dict(region="x" * 9), "profile.region"), (["region"], dict(display_name="x" * 129), "profile.display_name"),
    (["*"], dict(birthday_month=2, birthday_day=30), "profile.birthday_day"),
    (["*"], dict(birthday_month=13), "profile.birthday_month"), ([], dict(language="zh_Hans"), "profile.language")])
def test_masks_and_profiles_that_are_refused(api, lin, paths, profile, field):
    before = full(api, lin)
    with refused(*INVALID, field):
        update(api, lin, paths, **profile)
    assert full(api, lin) == before


def test_the_etag_covers_the_profile_and_nothing_else(api, lin):
    first = full(api, lin)
    assert len(first.member.etag) == 32
    assert api.members.GetMember(member=ref(lin)).member.etag == ""
    api.record(order(lin, "e1", 100000))
    api.members.LinkIdentity(request_id=str(uuid.uuid4()), member=ref(lin), identity=dict(issuer="a", external_id="b"))
    assert full(api, lin).member.etag == first.member.etag
    second = update(api, lin, ["region"], etag=first.member.etag, region="HK")
    assert second.member.etag != first.member.etag
    for stale in (first.member.etag, "x", second.member.etag.upper() + "0", second.member.etag[:-1]):
        with refused("ABORTED", "ETAG_MISMATCH", "etag"):
            update(api, lin, ["region"], etag=stale, region="US")
    assert full(api, lin).member.profile.region == "HK"
    update(api, lin, ["region"], region="CN")  # whatever it is now
    assert full(api, lin).member.etag == first.member.etag  # the same profile
    twin = api.enroll("twin", profile=LIN)
    assert full(api, twin).member.etag != first.member.etag  # of another member


def test_what_changes_nothing_raises_no_revision(api, lin):
    before = full(api, lin)
    same = update(api, lin, ["*"], **LIN)
    assert same.info.revision == before.info.revision and same.member.etag == before.member.etag
    changed = update(api, lin, ["verified"])
    assert changed.info.revision == before.info.revision + 1
    assert full(api, lin).info.revision == before.info.revision + 1


def test_a_request_is_done_once(api, lin):
    request_id = str(uuid.uuid4())
    first = update(api, lin, ["region"], request_id=request_id, region="HK")
    update(api, lin, ["region"], region="US")
    again = update(api, lin, ["region"], request_id=request_id.upper(), region="HK")
    assert again == first and full(api, lin).member.profile.region == "US"
    for other in (dict(paths=["region"], region="TW"), dict(paths=["region", "language"], region="HK"),
                  dict(paths=["region"], region="HK", etag="x"), dict(paths=["region"], region="HK", verified=True)):
        with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
            update(api, lin, request_id=request_id, **other)
    # one that was refused may be sent again
    request_id = str(uuid.uuid4())
    with refused("ABORTED", "ETAG_MISMATCH"):
        update(api, lin, ["region"], request_id=request_id, etag="x", region="TW")
    update(api, lin, ["region"], request_id=request_id, region="TW")


def test_of_many_who_read_the_same_one_wins(api, lin):
    etag = full(api, lin).member.etag

    def attempt(number):
        try:
            update(api, lin, ["display_name"], etag=etag, display_name=f"n{number}")
            return number
        except Exception as failure:
            assert failure.reason == "ETAG_MISMATCH", failure
            return None

    with ThreadPoolExecutor(8) as pool:
        won = [number for number in pool.map(attempt, range(16)) if number is not None]
    assert len(won) == 1 and full(api, lin).member.profile.display_name == f"n{won[0]}"
    assert full(api, lin).info.revision == 2


def test_a_profile_lives_through_a_restart_and_a_failed_commit(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    lin = api.enroll("lin", profile=LIN)
    changed = update(api, lin, ["display_name"], display_name="Lin 梅")
    request_id = str(uuid.uuid4())
    clock.fault("store.sqlite.commit:1")
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        update(api, lin, ["region"], request_id=request_id, region="US")
    daemon.stop()
    api = start().api()
    assert full(api, lin).member.etag == changed.member.etag and full(api, lin).member.profile.region == "CN"
    assert update(api, lin, ["region"], request_id=request_id, region="US").info.revision == 3


def test_memberctl_updates(daemon, api, lin):
    run = ctl.Memberctl(daemon.target)
    etag = run.json("get", "shop:lin", "--full")["member"]["etag"]
    assert etag in run("get", "shop:lin", "--full").out
    done = run.json("update", "shop:lin", "--name", "Lin 梅", "--birthday", "", "--not-verified", "--etag", etag)
    assert done["member"]["etag"] != etag
    profile = run.json("get", "shop:lin", "--full")["member"]["profile"]
    assert profile == {"displayName": "Lin 梅", "birthdayMonth": 0, "birthdayDay": 0, "region": "CN", "language": "zh-Hans",
                       "verified": False}
    told = run("update", "shop:lin", "--region", "HK", "--etag", etag, code=ctl.DATA_ERROR).err
    assert "ETAG_MISMATCH" in told and "get" in told, told
    run("update", "shop:lin", "--region", "")
    assert ["region", "-"] in [line.split() for line in run("get", "shop:lin", "--full").out.splitlines()]
    table = run("update", "shop:lin", "--verified", "--birthday", "12-31").out
    assert "bronze" in table and "etag" in table, table
    for args in ([], ["--birthday", "1-1"], ["--verified", "--not-verified"], ["--tier", "gold"]):
        run("update", "shop:lin", *args, code=ctl.USAGE)
    run("update", "shop:nobody", "--name", "x", code=ctl.NOT_FOUND)
