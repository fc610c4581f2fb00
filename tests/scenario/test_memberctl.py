# SPDX-License-Identifier: Apache-2.0
"""Every command of memberctl against the real memberd: tables, JSON, exit codes, what errors say."""
import hashlib
import json
import os
import re
import subprocess

import pytest

import memberctl as ctl
from memberd import Clock, order


DECISIONS = {"override", "suspend", "resume", "link", "unlink", "credibility", "fraud", "void", "reverse"}


@pytest.fixture
def run(daemon):
    return ctl.Memberctl(daemon.target)


def activity(event="pay-1", **more):
    return {"source": "shop", "sourceEventId": event,
            "member": {"identity": {"issuer": "taobao", "externalId": "4711"}},
            "occurredAt": "2026-11-01T10:00:00+08:00",
            "order": {"platform": "PLATFORM_SHOPPING", "orderId": event, "completedAt": "2026-11-03T18:00:00+08:00",
                      "lines": [{"lineNo": 1, "type": "LINE_TYPE_GOODS", "currency": "CNY", "amount": "129900",
                                 "category": "shoes"}]}, **more}


def test_a_member_from_enrolment_to_score(run):
    member = run.json("enroll", "taobao:4711", "--name", "Lin 梅", "--birthday", "02-29", "--region", "CN",
                      "--verified")["member"]
    number = member["memberId"]
    assert number in run("get", "taobao:4711").out
    assert run("lookup", "taobao:4711").out == f"{number}  active\n"
    full = run.json("get", number, "--full")["member"]
    assert full["profile"] == {"displayName": "Lin 梅", "birthdayMonth": 2, "birthdayDay": 29, "region": "CN",
                               "language": "", "verified": True}
    assert full["identities"] == [{"issuer": "taobao", "externalId": "4711"}]
    assert "profile" not in run.json("get", number)["member"]
    done = run("record", stdin=json.dumps(activity()))
    assert "posted" in done.out and number in done.out
    assert "was there before" in run("record", "-", stdin=json.dumps(activity(), indent=1)).out
    done = run("preview", stdin=json.dumps(activity()))
    assert "was there before" in done.out and "nothing of which is stored" in done.out and "fraction dropped" in done.out
    done = run("progress", number).out
    assert "next tier silver at 400, 258 missing" in done and "spend CNY" in done and "what lapses" in done, done
    score = run.json("score", number)
    # 1,299.00 at a point a yuan, one day, one platform, one category: 129.9 + 1 + 10 + 2
    assert score["score"]["score"] == "142"
    assert sum(int(part["microPoints"]) for part in score["score"]["parts"]) == 142 * 10**6
    table = run("score", number).out
    assert "spend              129.9\n" in table and "fraction dropped    -0.9\n" in table, table
    assert "\ndays 1, platforms 1, categories 1\nwindow from " in table and "without new activity:" in table, table


def test_what_was_known_then(start, home):
    clock = Clock(home)
    run = ctl.Memberctl(start(clock=clock.spec).target)
    run("enroll", "taobao:4711")
    early = activity("a", occurredAt="2026-10-02T10:00:00+08:00")
    early["order"]["completedAt"] = "2026-10-03T10:00:00+08:00"
    early["order"]["lines"][0]["amount"] = "1000000"
    for number, name in enumerate(["b", "a"]):  # the one that occurred first comes last
        clock.set(f"2026-11-21T1{number}:00:00+08:00")
        early["sourceEventId"] = early["order"]["orderId"] = name
        early["occurredAt"] = f"2026-10-0{3 - number}T10:00:00+08:00"
        early["order"]["completedAt"] = f"2026-10-0{4 - number}T10:00:00+08:00"
        run("record", stdin=json.dumps(early))
    before = ["--as-of", "2026-11-21T10:30:00+08:00", "--known-at", "2026-11-21T10:30:00+08:00"]
    assert run.json("score", "taobao:4711")["score"]["score"] == "754"
    assert run.json("score", "taobao:4711", *before)["score"]["score"] == "453"
    assert "silver" in run("get", "taobao:4711", *before).out and "gold" in run("get", "taobao:4711").out
    assert "tier silver, member" in run("benefits", "taobao:4711", *before).out
    run("check", "taobao:4711", "dedicated-concierge", *before, code=ctl.NO)
    table = [line.split() for line in run("history", "taobao:4711").out.splitlines()]
    assert table[1] == ["2026-10-10T02:00:00Z", "upgrade", "bronze", "silver", "453", "1"], table
    assert table[2] == ["2026-10-11T02:00:00Z", "upgrade", "silver", "gold", "754", "1"], table
    told = [line.split() for line in run("history", "taobao:4711", "--told").out.splitlines()]
    assert [row[1] for row in told[1:-1]] == ["upgrade", "retracted", "upgrade", "upgrade"], told
    assert told[1][-1] == "2026-11-21T02:00:00Z" and told[2][-2:] == ["2026-11-21T03:00:00Z", "yes"], told
    assert told[2][2:5] == ["bronze", "bronze", "-"], told  # a retraction has no score
    assert [row["toTier"] for row in run.json("history", "taobao:4711", *before)["transitions"]] == ["TIER_SILVER"]
    table = [line.split() for line in run("history", "taobao:4711", "--kind", "settled").out.splitlines()]
    assert table[1] == ["2026-11-07T16:00:00Z", "settled", "gold", "gold", "754", "1"], table
    assert run("history", "taobao:4711", "--kind", "level").out.startswith("nothing of this kind\n")
    for kind in ("retracted", "unspecified", "posted", ""):
        assert "at_risk, recovered" in run("history", "taobao:4711", "--kind", kind, code=ctl.USAGE).err
    clock.set("2026-11-21T12:00:00+08:00")
    done = run("get", "taobao:4711", "--as-of", "2026-11-21T12:00:01+08:00", code=ctl.DATA_ERROR)
    assert "as_of" in done.err, done
    run("history", "taobao:4711", "--known-at", "2026-11-21T00:00:00Z", "--as-of", "2020-01-01T00:00:00Z", code=ctl.NOT_FOUND)
    run("enroll", "taobao:1")
    assert run("history", "taobao:1").out.startswith("the tier has not changed\n")
    assert run("history", "taobao:1", "--told").out.startswith("nothing was told\n")


def test_enrolment_is_repeated_by_its_request_id_only(run):
    request = "3f0c3e3c-8d0a-4f0e-9b7e-0123456789ab"
    first = run.json("enroll", "taobao:1", "--request-id", request)
    assert run.json("enroll", "taobao:1", "--request-id", request)["member"]["memberId"] == first["member"]["memberId"]
    done = run("enroll", "taobao:1", code=ctl.DATA_ERROR)
    assert "IDENTITY_TAKEN" in done.err and "memberctl lookup" in done.err, done
    done = run("enroll", "taobao:2", "--request-id", request, code=ctl.DATA_ERROR)
    assert "REQUEST_ID_REUSED" in done.err, done


def test_answers_are_exit_codes(run, api):
    low = api.enroll("low")
    high = api.enroll("high")
    orders = [order(high, f"e{n}", 2_000_000, occurred_at=f"2026-{1 + n % 10:02}-{1 + n // 10:02}T12:00:00+08:00",
                    completed_at=f"2026-{1 + n % 10:02}-{1 + n // 10:02}T12:00:00+08:00", category=f"c{n % 20}")
              for n in range(270)]
    # 2,200 for spend, 200 for days, 60 for platforms, 40 for categories: exactly 2,500
    orders += [order(high, platform, 10_000, platform=platform)
               for platform in ("GROCERY", "FOOD", "TRAVEL", "TICKETS", "RIDES")]
    assert all(result.status.code == 0 for result in api.record(*orders))
    assert run.json("get", high)["member"]["standing"]["tier"] == "TIER_BLACK_DIAMOND"
    assert run("check", high, "value-channel-discount").out.startswith(
        "yes: value-channel-discount: 20% off, at most CNY 50.00\n")
    done = run("check", low, "value-channel-discount", code=ctl.NO)
    assert done.out.startswith("no: value-channel-discount: tier too low; unlocked by black diamond at 2500"), done
    assert ": needs APASS; unlocked by APASS\n" in run("check", high, "apass-events", code=ctl.NO).out
    assert run.json("check", low, "value-channel-discount", code=ctl.NO)["entitlement"]["allowed"] is False
    assert "gold" in run("hotel", high).out
    assert "none" in run("hotel", low, code=ctl.NO).out
    assert "88VIP for CNY 88.00, 12 months, the nominal fee" in run("offer", high).out
    assert "88VIP for CNY 888.00" in run("offer", low).out
    held = run.json("benefits", high)["held"]
    assert "dedicated-concierge" in {benefit["benefitId"] for benefit in held}
    listed = run("benefits", low).out.splitlines()
    assert any(line.startswith("dedicated-concierge ") and "black diamond at 2500" in line for line in listed)
    listed = " ".join(run("benefits", high).out.split())
    for words in ("dedicated-concierge yes Dedicated concierge", "hilton-status yes Hilton Honors status: gold",
                  "shopping-coupons yes Shopping coupons: 12 a month", "discount yes 20% off, at most CNY 50.00 "):
        assert words in listed, listed
    assert run("check", high, "dedicated-concierge").out.startswith("yes: dedicated-concierge: Dedicated concierge\n")


def test_a_basket_from_flags_and_from_json(run, api, home):
    member = api.enroll("m")
    done = run("quote", member, "--line", "1:100.00:value", "--line", "2:30.00:standard:25.50:tea:acme",
               "--coupon", "10.00:50.00")
    assert "CNY  125.50        -           -10.00             -  115.50  all" in done.out, done
    assert "public prices: CNY 130.00\n" in done.out, done
    assert "not held, tier too low; would take 20.00" in done.out and "coupon 1: applied" in done.out, done
    assert run.json("quote", member, "--line", "1:0.05")["total"] == "5"
    for free in (["--line", "1:0"], ["--line", "1:5.00", "--coupon", "9.00"]):  # nothing to pay is an amount, too
        assert re.search(r"^ CNY +[05]\.00 .* 0\.00  all$", run("quote", member, *free).out, re.M), free
    path = os.path.join(home, "basket.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"member": {"memberId": member}, "currency": "CNY",
                   "lines": [{"lineNo": 1, "publicPrice": "10000", "channel": "BASKET_CHANNEL_VALUE"}]}, file)
    assert run.json("quote", "--file", path)["total"] == "10000"
    run("override", member, "black_diamond", "--until", "2027-01-01T00:00:00Z", "--reason", "a test")
    assert "at most CNY 50.00: takes nothing off this basket\n" in run("quote", member, "--line", "1:0.01:value").out
    for bad in ("1", "x:1", "1:1.005", "1:-1", "1:1:nowhere", "0:1", "1:1:value:1:a:b:c"):
        assert "is no line" in run("quote", member, "--line", bad, code=ctl.USAGE).err
    assert "is no coupon" in run("quote", member, "--line", "1:1", "--coupon", "a", code=ctl.USAGE).err
    run("quote", member, code=ctl.USAGE)
    run("quote", "--line", "1:1", code=ctl.USAGE)
    run("quote", member, "--file", path, "--line", "1:1", code=ctl.USAGE)
    done = run("quote", member, "--line", "1:1.00", "--line", "1:1.00", code=ctl.DATA_ERROR)
    assert "FIELD_INVALID: lines: line 1 stands in the basket twice" in done.err, done


def test_activities_one_on_each_line(run, api):
    api.enroll("4711", issuer="taobao")
    lines = [activity("a"), activity("b"), activity("c", occurredAt="2020-01-01T00:00:00Z")]
    lines[2]["order"]["completedAt"] = "2020-01-01T00:00:00Z"
    done = run("record", stdin="".join(json.dumps(line) + "\n" for line in lines), code=ctl.NO)
    assert "OUT_OF_WINDOW" in done.out and done.out.count("posted") == 2, done
    results = run.json("record", stdin="".join(json.dumps(line) + "\n" for line in lines), code=ctl.NO)["results"]
    assert [result["replayed"] for result in results] == [True, True, False]
    assert results[2]["status"]["details"][0]["value"]["reason"] == "OUT_OF_WINDOW"


def test_activities_that_are_not_right(run, home):
    for text, words in (("", "standard input holds no activity"), (" \n", "holds no activity"), ("{", "standard input: not JSON: line 1"),
                        ('{"sourc": 1}', "standard input: sourc: Activity has no such field"), ('{"order": {"lines": [{"amount": "1.5"}]}}', "order.lines[0].amount: must be a whole number")):
        done = run("record", stdin=text, code=ctl.DATA_ERROR)
        assert words in done.err, done
    done = run("record", stdin=json.dumps(activity()) + "\n{}x\n", code=ctl.DATA_ERROR)
    assert "standard input: line 2: " in done.err, done
    path = os.path.join(home, "wrong.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(json.dumps(activity()) + '\n{"sourc": 1}\n')
    assert run("record", path, code=ctl.DATA_ERROR).err == f"memberctl: {path}: line 2: sourc: Activity has no such field\n"
    assert run("quote", "a:1", "--file", path, code=ctl.DATA_ERROR).err.startswith(f"memberctl: {path}: not JSON: line 2")
    run("record", os.path.join(home, "none.json"), code=ctl.NO_INPUT)
    closed = subprocess.run(["bash", "-c", '"$0" record <&-', ctl.PROGRAM], capture_output=True, text=True, check=False)
    assert closed.returncode == ctl.NO_INPUT and closed.stderr.startswith("memberctl: standard input: cannot be read: "), closed
    done = run("record", stdin=json.dumps(activity()), code=ctl.NO)  # nobody enrolled him
    assert "MEMBER_NOT_FOUND" in done.out, done


def test_errors_say_reason_text_and_what_to_do(run):
    done = run("get", "4711", code=ctl.NOT_FOUND)
    assert done.out == "" and done.err.startswith("memberctl: MEMBER_NOT_FOUND: ") and "memberctl enroll" in done.err
    run("enroll", "taobao:1")
    for axis in ("--as-of", "--known-at"):
        done = run("get", "taobao:1", axis, "2020-01-01T00:00:00Z", code=ctl.NOT_FOUND)
        assert "since when he is enrolled" in done.err and "memberctl enroll" not in done.err, done
    done = run("check", "taobao:1", "concierge", code=ctl.NOT_FOUND)
    assert "BENEFIT_NOT_FOUND" in done.err and "memberctl benefits" in done.err, done
    done = run("get", "taobao:1", "--min-revision", "99", code=ctl.DATA_ERROR)
    assert "REVISION_UNKNOWN" in done.err, done


def test_command_lines_that_are_not_right(run):
    for args in ([], ["nothing"], ["get"], ["get", "a", "b"], ["get", "x"], ["get", "X:1"], ["get", ":1"],
                 ["get", "a:1", "--nothing"], ["get", "a:1", "--output", "xml"], ["get", "a:1", "--timeout", "0"],
                 ["enroll", "a:1", "--birthday", "1-1"], ["completion", "zsh"], ["get", "a:1", "--min-revision", "-1"], ["get", "a:1", "--as-of", "yesterday"],
                 ["history", "a:1", "--known-at", "2026-11-21"], ["hotel", "a:1", "--as-of", "2026-11-21T00:00:00Z"]):
        done = run(*args, code=ctl.USAGE)
        assert done.err != "" and done.out == "", done


def test_what_may_have_been_meant(run):
    assert "no command 'socre'; did you mean 'score'?" in run("socre", code=ctl.USAGE).err
    assert "no command 'versio'; did you mean 'version'?" in run("versio", code=ctl.USAGE).err
    assert run("frobnicate", code=ctl.USAGE).err == "memberctl: no command 'frobnicate'; `memberctl help` lists them\n"
    done = run("--output", "json", "get", "a:1", code=ctl.USAGE)
    assert done.err.startswith("memberctl: '--output' stands before the command; options come after it"), done
    assert "unknown option --ouptut; did you mean --output?\n" in run("get", "a:1", "--ouptut", "json", code=ctl.USAGE).err


def test_times_by_the_clock_of_a_zone(start, home):
    clock = Clock(home)
    run = ctl.Memberctl(start(clock=clock.spec).target)
    run("enroll", "taobao:4711")
    for day in range(1, 15):  # fourteen postings ahead
        event = activity(f"e{day}", occurredAt=f"2026-11-{day:02}T10:00:00+08:00")
        event["order"]["completedAt"] = f"2026-12-{day:02}T10:00:00+08:00"
        run("record", stdin=json.dumps(event))
    table = run("score", "taobao:4711").out
    rows = [line for line in table.splitlines() if "posting" in line]
    assert len(rows) == 10 and rows[0].startswith("2026-12-08T02:00:00Z"), table
    more = int(re.search(r"^and (\d+) more, which --all shows$", table, re.M)[1])
    there = run("score", "taobao:4711", "--zone", "+08:00", "--all").out
    rows = [line for line in there.splitlines() if "posting" in line]
    assert len(rows) == 14 and rows[0].startswith("2026-12-08T10:00:00+08:00"), there
    assert "--all" not in there and len(there.splitlines()) == len(table.splitlines()) + more - 1, there
    assert "window from 2025-12-01T00:00:00+08:00 to 2026-12-01T00:00:00+08:00" in there, there
    assert len(run.json("score", "taobao:4711", "--zone", "+08:00")["schedule"]) == 10 + more  # JSON as ever
    assert re.search(r"holds until 2026-\S+-03:30$", run("get", "taobao:4711", "--zone", "-03:30").out, re.M)
    assert run("score", "taobao:4711", "--zone", "programme", "--all").out == there
    assert re.search(r"holds until 2026-\S+\+08:00$", run("hotel", "taobao:4711", "--zone", "programme", code=ctl.NO).out, re.M)
    done = run("quote", "taobao:4711", "--line", "1:1.00", "--zone", "programme").out
    assert re.search(r"holds until 2026-\S+\+08:00$", done, re.M), done
    assert "MEMBER_NOT_FOUND" in run("get", "taobao:1", "--zone", "programme", code=ctl.NOT_FOUND).err
    until = ["--until", "2026-12-01T00:00:00+08:00", "--reason", "a test"]
    assert "until 2026-12-01T00:00:00+08:00" in run("override", "taobao:4711", "gold", *until, "--zone", "programme").out
    assert "+08:00" in run("audit", "list", "taobao:4711", "--zone", "programme").out
    done = run("preview", "--zone", "programme", stdin=json.dumps(activity("more")))
    assert "window from 2025-12-01T00:00:00+08:00" in done.out, done
    assert "+08:00" in run("policy", "list", "--zone", "+08:00").out
    for args in (("policy", "list"), ("audit", "list")):
        assert "about no member" in run(*args, "--zone", "programme", code=ctl.USAGE).err
    for zone in ("Asia/Shanghai", "+8", "+08:00Z", "+19:00", ""):
        assert "--zone is an offset" in run("get", "taobao:4711", "--zone", zone, code=ctl.USAGE).err


def test_help_teaches_every_command(run):
    text = run("help").out
    names = [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert set(names) - DECISIONS == {"activities", "enroll", "update", "get", "lookup", "members", "benefits", "check", "quote", "hotel", "offer",
                          "score", "history", "watch", "progress", "record", "preview", "import", "health", "policy", "audit",
                          "completion", "version", "help"}
    assert DECISIONS < set(names)
    for name in names:
        done = run(name, "--help")
        assert re.search(rf"\n  .*memberctl {name}", done.out) and "exit codes:" in done.out and "--help" in done.out, done
        assert all(len(line) <= 100 for line in done.out.splitlines()), done
        assert run("help", name).out == done.out
    summaries = text.split("commands:\n")[1].split("\n\n")[0].splitlines()
    assert len({len(line) - len(line[2:].lstrip("abcdefghijklmnopqrstuvwxyz").lstrip()) for line in summaries}) == 1, text
    assert "did you mean 'score'" in run("help", "scor", code=ctl.USAGE).err
    assert run("help", "policy", "publish").out == run("help", "policy").out == run("policy", "--help").out
    for args in (("score", "get"), ("policy", "lst"), ("policy", "publish", "x")):
        assert "usage: memberctl help [OPTION]... [COMMAND]" in run("help", *args, code=ctl.USAGE).err
    assert run("--help").out == run("-h").out == text
    assert run("version").out == run("--version").out == f"memberctl {run.json('version')['version']}\n"
    run("version", "x", code=ctl.USAGE)


def test_bash_completes_commands_and_flags(run):
    script = run("completion", "bash").out + (
        '\nfor COMP_WORDS_TEXT in "memberctl he" "memberctl quote --c" "memberctl get x --output j"; do'
        '\n  COMP_WORDS=($COMP_WORDS_TEXT); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _memberctl'
        '\n  echo "${COMPREPLY[*]}"; done')
    done = subprocess.run(["bash", "-eu", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "health help\n--coupon --currency\njson\n", done


def test_health_and_a_server_that_is_not_there(run, daemon):
    assert run("health").out == "serving\n"
    assert run.json("health", "--service", "memberd.v1.ScoringService") == {"status": "SERVING"}
    run("health", "--service", "no.such.Service", code=ctl.NOT_FOUND)
    run("health", "--server", "not an address", code=ctl.USAGE)
    daemon.stop()
    done = run("health", code=ctl.UNAVAILABLE)
    assert daemon.target in done.err, done


def test_tokens_from_file_and_environment(start, home):
    tokens = os.path.join(home, "tokens")
    with open(tokens, "w", encoding="utf-8") as file:
        for role in ("producer", "support"):
            file.write(f"{role} sha256:{hashlib.sha256(role.encode()).hexdigest()}\n")
    os.chmod(tokens, 0o600)
    mine = os.path.join(home, "mine")
    with open(mine, "w", encoding="utf-8") as file:
        file.write("support\n")
    run = ctl.Memberctl(start("--token-file", tokens).target)
    done = run("enroll", "a:1", code=ctl.NO_PERMISSION)
    assert "TOKEN_UNKNOWN" in done.err and "--token-file" in done.err, done
    run("enroll", "a:1", env={"MEMBERD_TOKEN": "producer"})
    done = run("get", "a:1", env={"MEMBERD_TOKEN": "producer"}, code=ctl.NO_PERMISSION)
    assert "PERMISSION_MISSING" in done.err, done
    run("get", "a:1", "--full", "--token-file", mine, env={"MEMBERD_TOKEN": "producer"})
    run("get", "a:1", "--token-file", os.path.join(home, "none"), code=ctl.NO_INPUT)
