# SPDX-License-Identifier: Apache-2.0
"""The commands of memberctl by which people decide."""
import uuid

import pytest

import memberctl as ctl
from decisions import LATER, taken, told
from memberd import order


@pytest.fixture
def pair(api):
    ada, bob = api.enroll("ada"), api.enroll("bob")
    taken(api.record(order(ada, "e1", 100000), told(ada, "p1", post=dict(content="p"))))
    return ada, bob


def test_memberctl_decides(daemon, api, pair):
    run = ctl.Memberctl(daemon.target)
    why = ["--reason", "case 81"]
    table = run("override", "shop:ada", "black_diamond", "--until", LATER, *why).out
    assert "decided, as entry " in table and "tier black diamond until 2026-12-31" in table and "now bronze" in table, table
    assert run.json("override", "shop:ada", "natural", *why)["member"]["standing"]["tier"] == "TIER_BRONZE"
    assert "suspended, as entry " in run("suspend", "shop:ada", *why).out
    assert "suspended already; nothing changed" in run("suspend", "shop:ada", *why).out
    assert run("lookup", "shop:ada").out == f"{pair[0]}  suspended\n"
    assert "being reinstated" in run("benefits", "shop:ada").out
    assert run("check", "shop:ada", "member-day", code=ctl.NO).out.count("reinstate") == 1
    assert "suspended" in run("offer", "shop:ada", code=ctl.NO).out
    assert run.json("resume", "shop:ada", *why)["member"]["state"] == "MEMBER_STATE_ACTIVE"
    assert "linked, as entry " in run("link", "shop:ada", "shop:bob", *why).out
    assert run.json("link", "shop:bob", pair[0], *why)["entryId"] == ""
    assert "not linked, as entry " in run("unlink", "shop:bob", "shop:ada", *why).out
    assert "applied, as entry " in run("credibility", "shop:ada", "--delta", "-2000", "--until", LATER, *why).out
    found = run.json("fraud", "shop:ada", "shop", "p1", *why)
    assert found["state"] == "ENTRY_STATE_APPLIED"
    assert "applied" in run("reverse", "shop:ada", "memberd", f"r{found['info']['revision']}", *why).out
    assert "score 0, tier bronze" in run("reverse", "shop:ada", "shop", "e1", *why).out
    table = run("fraud", "shop:ada", "shop", "not-yet", *why).out.splitlines()
    assert table[0].startswith("parked, as entry ") and table[-1].startswith("to take it back: memberctl "), table
    assert "applied" in run(*table[-1].split()[5:-2], *why).out
    assert run.json("history", "shop:ada", "--kind", "state")["transitions"][0]["toState"] == "MEMBER_STATE_SUSPENDED"
    assert "  active     suspended  " in run("history", "shop:ada", "--kind", "state").out
    assert run.json("void", "shop:ada", "shop", "e1", *why)["score"] == "0"
    request_id = ["--request-id", str(uuid.uuid4())]
    first = run("credibility", "shop:ada", "--delta", "7", *why, *request_id).out
    assert run("credibility", "shop:ada", "--delta", "7", *why, *request_id).out == first
    run("credibility", "shop:ada", "--delta", "8", *why, *request_id, code=ctl.DATA_ERROR)


def test_memberctl_refuses_what_makes_no_sense(daemon, api, pair):
    run = ctl.Memberctl(daemon.target)
    why = ["--reason", "case 81"]
    for args in (["suspend", "shop:ada"], ["suspend", "shop:ada", "--reason", ""], ["suspend", "ada", *why],
                 ["override", "shop:ada", "gold", *why], ["override", "shop:ada", "natural", "--until", LATER, *why],
                 ["override", "shop:ada", "tin", "--until", LATER, *why], ["override", "shop:ada", "gold", "--until", "soon", *why],
                 ["link", "shop:ada", *why], ["link", "shop:ada", "bob", *why], ["credibility", "shop:ada", *why],
                 ["credibility", "shop:ada", "--delta", "0", *why], ["credibility", "shop:ada", "--delta", "10001", *why],
                 ["fraud", "shop:ada", "shop", *why], ["void", "shop:ada", "shop", "e1"]):
        done = run(*args, code=ctl.USAGE)
        assert done.out == "" and done.err, done
    assert "memberctl activities" in run("void", "shop:ada", "shop", "nothing", *why, code=ctl.NOT_FOUND).err
    run("credibility", "shop:ada", "--delta", "-1", *why)
    revision = run.json("get", "shop:ada")["info"]["revision"]
    assert "by a new one" in run("reverse", "shop:ada", "memberd", f"r{revision}", *why, code=ctl.DATA_ERROR).err
    run("suspend", "shop:nobody", *why, code=ctl.NOT_FOUND)
    run("link", "shop:ada", "shop:ada", *why, code=ctl.DATA_ERROR)
