# SPDX-License-Identifier: Apache-2.0
"""memberctl where things are not as they should be: no server, no permission, nowhere to write to, words that
make no sense. Exit codes are those of its help; what it says is one line of text and, where asked for, JSON."""
import hashlib
import json
import os
import re
import subprocess

import pytest

import memberctl as ctl
from memberd import environment, free_port

MEMBER = "shop:ada"
IO_ERROR = 74
WHY = ["--reason", "case 81"]
# Each command that calls a server, with what it needs.
COMMANDS = {
    "enroll": ["shop:new"], "update": [MEMBER, "--verified"], "get": [MEMBER], "lookup": [MEMBER], "members": [], "benefits": [MEMBER],
    "check": [MEMBER, "value-channel-discount"], "quote": [MEMBER, "--line", "1:1.00"], "hotel": [MEMBER],
    "offer": [MEMBER], "score": [MEMBER], "history": [MEMBER], "record": [], "preview": [],
    "progress": [MEMBER], "activities": [MEMBER],
    "policy": ["list"], "audit": ["list"], "health": [],
}
COMMANDS |= {
    "override": [MEMBER, "natural", *WHY], "suspend": [MEMBER, *WHY], "resume": [MEMBER, *WHY],
    "link": [MEMBER, "shop:bob", *WHY], "unlink": [MEMBER, "shop:bob", *WHY], "credibility": [MEMBER, "--delta", "1", *WHY],
    "fraud": [MEMBER, "shop", "e", *WHY], "void": [MEMBER, "shop", "e", *WHY], "reverse": [MEMBER, "shop", "e", *WHY],
}
RECORD = json.dumps({"source": "shop", "sourceEventId": "e", "member": {"identity": {"issuer": "shop", "externalId": "ada"}},
                     "occurredAt": "2026-11-01T10:00:00Z", "cancellation": {"order": {"orderId": "o"}}})
ROLES = {"checkout": {"get", "lookup", "benefits", "check", "quote", "hotel", "offer", "health"},
         "producer": {"enroll", "update", "record", "health"},
         "manager": {"get", "lookup", "members", "score", "history", "preview", "progress", "activities", "policy", "audit", "health"}}


def told(done):
    """Errors go to stderr, without control characters and in few lines; stdout has nothing or JSON."""
    assert done.err.startswith("memberctl: ") and len(done.err.splitlines()) <= 3, done
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.err), done
    assert done.out == "", done
    return done


def test_no_server(home):
    run = ctl.Memberctl(f"127.0.0.1:{free_port()}")
    for name, args in COMMANDS.items():
        for more in ([], ["--output", "json"]):
            done = told(run(name, *args, *more, stdin=RECORD, code=ctl.UNAVAILABLE))
            assert "SERVER_UNREACHABLE" in done.err and run.target in done.err, done


def test_the_table_is_whole():
    text = ctl.Memberctl("x:1")("help").out
    names = [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    assert set(names) == {*COMMANDS, "import", "completion", "version", "help", "watch"}


def test_a_role_that_may_not(start, home):
    tokens = os.path.join(home, "tokens")
    with open(tokens, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("".join(f"{role} sha256:{hashlib.sha256(role.encode()).hexdigest()}\n" for role in ROLES))
    daemon = start("--token-file", tokens)
    daemon.api("producer").enroll("ada")
    run = ctl.Memberctl(daemon.target)
    for role, may in ROLES.items():
        for name, args in COMMANDS.items():
            done = ctl.Done(subprocess.run([ctl.PROGRAM, name, *args], input=RECORD, capture_output=True, text=True,
                                           env=environment({"MEMBERD_SERVER": run.target, "MEMBERD_TOKEN": role})))
            if name in may:
                assert done.code in (ctl.OK, ctl.NO), (role, name, done)
            else:
                assert done.code == ctl.NO_PERMISSION and "PERMISSION_MISSING" in told(done).err, (role, name, done)


def test_words_that_make_no_sense(daemon, api):
    api.enroll("ada")
    run = ctl.Memberctl(daemon.target)
    for args, code in (
            (["get", "\x1b[31m:x"], ctl.USAGE), (["get", "a\nb"], ctl.USAGE), (["get", "\x9b31m:x"], ctl.USAGE), (["\x1b[31m"], ctl.USAGE),
            (["get", MEMBER, "--\x1b[31m"], ctl.USAGE), (["get", MEMBER, "--timeout", "\x1b"], ctl.USAGE),
            (["health", "--server", "\n:1"], ctl.USAGE), (["completion", "\x07"], ctl.USAGE),
            (["quote", MEMBER, "--line", "\x1b:1"], ctl.USAGE), (["check", MEMBER, "\x1b"], ctl.DATA_ERROR),
            (["health", "--service", "\x1b"], ctl.NOT_FOUND), (["record", "\x1b"], ctl.NO_INPUT),
            (["get", "a:" + "x" * 129], ctl.DATA_ERROR), (["get", "a:%s%n%n"], ctl.NOT_FOUND),
            (["get", "9" * 5000], ctl.USAGE), (["quote", MEMBER, "--line", "1:1", "--currency", "\x1b["], ctl.DATA_ERROR)):
        for more in ([], ["--output", "json"]):
            told(run(*args, *(more if len(args) > 1 else []), code=code))
    for text in ("", "[]", "null", "{}{}", "\x00", '{"a":' * 5000, "[" * 200000, '{"source":"\\u0000"}',
                 '{"source":"\\ud800"}', '{"occurredAt":"9999-99-99T00:00:00Z"}', '{"order":{"lines":[{"amount":1e400}]}}',
                 '{"order":{},"completion":{}}', '{"\\u001b":1}', '{"source":"a"}\n' * 501):
        told(run("record", stdin=text, code=ctl.DATA_ERROR))


def test_answers_are_json_whatever_is_in_them(daemon, api):
    name = "\x1b[31m\"\\\x7f\t é 梅 \U0001f600 \u2028 \x9b31m\xa0"
    api.enroll("\x1b\"\\", profile=dict(display_name=name))
    run = ctl.Memberctl(daemon.target)
    member = run.json("get", "shop:\x1b\"\\", "--full")["member"]
    assert member["profile"]["displayName"] == name and member["identities"][0]["externalId"] == "\x1b\"\\"
    table = run("get", "shop:\x1b\"\\", "--full").out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", table), table
    assert "é 梅" in table and "31m\xa0" in table, table
    assert "\x9b" not in run("get", "shop:\x1b\"\\", "--full", "--output", "json").out
    results = run.json("record", stdin='{"source":"\\u001b\\"","sourceEventId":"\\n"}', code=ctl.NO)["results"]
    assert results[0]["status"]["code"] == 3


@pytest.mark.parametrize("args", [["help"], ["version"], ["get", "--help"], ["completion", "bash"], ["get", MEMBER],
                                  ["get", MEMBER, "--output", "json"], ["score", MEMBER], ["health"]], ids=" ".join)
def test_nowhere_to_write_to(daemon, api, args):
    """A full disk and a closed stdout are told; who closes a pipe has heard enough."""
    api.enroll("ada")

    def shell(line):
        return subprocess.run(["bash", "-c", "set -o pipefail; " + line, ctl.PROGRAM, *args], text=True,
                              capture_output=True, env=environment({"MEMBERD_SERVER": daemon.target}), timeout=60)

    for line in ('"$0" "$@" > /dev/full', '"$0" "$@" >&-'):
        done = shell(line)
        assert done.returncode == IO_ERROR and done.stderr == "memberctl: stdout cannot be written\n", (line, done)
    done = shell('"$0" "$@" | true')
    assert done.returncode in (0, 141) and done.stderr == "", done
    done = shell('"$0" "$@" | head -1')
    assert done.returncode in (0, 141) and done.stderr == "" and len(done.stdout.splitlines()) == 1, done
    for line in ('TERM= COLUMNS=1 "$0" "$@" < /dev/null', 'TERM=dumb COLUMNS=0 "$0" "$@" 2>&- <&-',
                 'LC_ALL=zh_CN.GBK "$0" "$@"'):
        assert shell(line).returncode == 0, line


def test_completion_of_every_command_and_flag(home):
    run = ctl.Memberctl("x:1")
    script = run("completion", "bash").out

    def complete(*words):
        lines = (script, "COMP_WORDS=(" + " ".join(f"'{word}'" for word in words) + ")",
                 f"COMP_CWORD={len(words) - 1}", "_memberctl", 'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-eu", "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    listed = run("help").out.split("commands:\n")[1].split("\n\n")[0]
    names = [line.split()[0] for line in listed.splitlines()]
    assert sorted(complete("memberctl", "")) == sorted(names)
    for name in names:
        assert name in complete("memberctl", name[:2])
        options = re.findall(r"^  (--[a-z-]+)", run(name, "--help").out, re.M)
        assert sorted(complete("memberctl", name, "--")) == sorted(options), name
    for words, wanted in (("get x --output", ["table", "json"]), ("get --output =", ["table", "json"]), ("get --output = j", ["json"]),
                          ("members --only", ["active", "suspended"]), ("get --as-of", []), ("get", []), ("check x", []),
                          ("policy", ["list", "get", "validate", "publish", "diff"]), ("policy v", ["validate"]), ("audit", ["list", "verify"]),
                          ("completion", ["bash"]), ("help scor", ["score"]), ("help", names)):
        words = words.split()
        assert complete("memberctl", *words, *([] if len(words[-1]) == 1 or words[-1] == "scor" else [""])) == wanted, words
    open(os.path.join(home, "next.yaml"), "w", encoding="utf-8").close()
    for words in ("policy publish", "policy diff 1", "record", "import --mapping", "audit verify --heads", "get --token-file"):
        assert complete("memberctl", *words.split(), home + "/n") == [home + "/next.yaml"], words
    assert complete("memberctl", "get", home + "/n") == []
