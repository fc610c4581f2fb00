# SPDX-License-Identifier: Apache-2.0
"""memberctl policy: list, get, validate, publish, diff."""
import hashlib
import os
import uuid

import pytest

from memberctl import DATA_ERROR, NO, NO_INPUT, NOT_FOUND, USAGE, Memberctl
from memberd import run

DEFAULT = run("--print-policy")[1]
FROM = "effective_from: 1970-01-01T00:00:00Z"


def changed(*changes, version=2, effective_from="2026-12-01T00:00:00+08:00"):
    text = DEFAULT
    for old, new in (("\nversion: 1\n", f"\nversion: {version}\n"), (FROM, f"effective_from: {effective_from}"), *changes):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.fixture
def ctl(daemon):
    return Memberctl(daemon.target)


@pytest.fixture
def write(home):
    def write(text, name="next.yaml"):
        path = os.path.join(home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    return write


def test_from_the_version_in_force_to_the_next(ctl, write, home):
    path = os.path.join(home, "got.yaml")
    assert ctl("policy", "get", "-o", path).err == f"version 1 written to {path}\n"
    with open(path, encoding="utf-8") as file:
        assert file.read() == DEFAULT
    assert ctl("policy", "get").out == ctl("policy", "get", "1").out == DEFAULT
    ctl("policy", "diff", "1", path)
    text = changed(("gold: {attain: 600, keep: 540}", "gold: {attain: 550, keep: 500}"))
    path = write(text)
    assert "fine: version 2, in force from 2026-11-30T16:00:00Z" in ctl("policy", "validate", path).out
    request_id = str(uuid.uuid4())
    arguments = ["policy", "publish", path, "--reason", "gold from 550", "--request-id", request_id]
    assert ctl(*arguments).out == "version 2 is published, in force from 2026-11-30T16:00:00Z\n"
    assert ctl.json(*arguments)["published"]["version"] == "2"  # the same request, the same answer
    lines = ctl("policy", "list").out.splitlines()
    assert len(lines) == 3 and lines[1].split()[2] == "yes" and "2026-11-30T16:00:00Z" in lines[2]
    versions = ctl.json("policy", "list")["versions"]
    assert [version["digest"] for version in versions] == [
        hashlib.sha256(one.encode()).hexdigest() for one in (DEFAULT, text)]
    assert ctl.json("policy", "get", "2")["text"] == text
    assert "gold from 550" in ctl("audit", "list").out


def test_what_is_wrong(ctl, write, home):
    wrong = write(changed(("gold: {attain: 600, keep: 540}", "gold: {attain: 350, keep: x}")))
    done = ctl("policy", "validate", wrong, code=NO)
    assert [line.split(": ")[1] for line in done.out.splitlines()] == ["tiers.gold.attain", "tiers.gold.keep"]
    assert all(line.startswith(wrong + ":") for line in done.out.splitlines())
    assert len(ctl.json("policy", "validate", wrong, code=NO)["problems"]) == 2
    done = ctl("policy", "publish", wrong, "--reason", "r", code=DATA_ERROR)
    assert done.err.startswith("memberctl: POLICY_INVALID: text: ") and "policy validate" in done.err
    done = ctl("policy", "diff", "1", wrong, code=DATA_ERROR)
    assert wrong + ":" in done.err
    far = write(changed(version=7), "far.yaml")
    assert "must be 2, the next one, not 7" in ctl("policy", "validate", far, code=NO).out
    assert "POLICY_NOT_NEXT" in ctl("policy", "publish", far, "--reason", "r", code=DATA_ERROR).err
    assert "POLICY_NOT_FOUND" in ctl("policy", "get", "9", code=NOT_FOUND).err
    assert "--reason" in ctl("policy", "publish", far, code=USAGE).err
    ctl("policy", "validate", os.path.join(home, "none"), code=NO_INPUT)
    ctl("policy", "diff", "1", os.path.join(home, "none"), code=NO_INPUT)
    ctl("policy", "get", "-o", "/dev/null", code=74)
    assert os.path.exists("/dev/null")
    many = write(changed() + "".join(f"k{i}: 1\n" for i in range(30)), "many.yaml")
    assert ctl("policy", "validate", many, code=NO).out.splitlines()[-1] == f"{many}: and 10 more"
    for arguments in ([], ["look"], ["list", "1"], ["get", "x"], ["get", "0"], ["validate"], ["diff", "1"],
                      ["publish", far, far]):
        ctl("policy", *arguments, code=USAGE)


def test_diff_says_which_values(ctl, write):
    path = write(changed(
        ("gold: {attain: 600, keep: 540}", "gold: {attain: 550, keep: 540}"),
        ("rates:\n", "rates:\n  EUR: {exponent: 2, rate: 8.00}\n"),
    ) + "\n# a comment is no value\n")
    done = ctl("policy", "diff", "1", path, code=NO)
    rows = [line.split() for line in done.out.splitlines()]
    assert rows[0] == ["value", "1", path]
    assert ["tiers.gold.attain", "600", "→", "550"] in rows
    assert ["rates.EUR.rate", "(new)", "→", "8.00"] in rows
    assert ["version", "1", "→", "2"] in rows
    assert len(rows) == 1 + 2 + 1 + 2
    back = ctl.json("policy", "diff", path, "1", code=NO)["changes"]
    assert dict(path="tiers.gold.attain", before="550", after="600") in back
    assert dict(path="rates.EUR.rate", before="8.00", after=None) in back
    assert ctl("policy", "diff", path, path).out == ""
    assert ctl.json("policy", "diff", path, path) == dict(changes=[])
