# SPDX-License-Identifier: Apache-2.0
"""The audit trail: what is in it, and that its chains are what docs/audit.md says."""
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
import uuid

import pytest

from memberctl import Memberctl
from memberd import ref, refused, run

DEFAULT = run("--print-policy")[1]


def publish(api, version):
    text = DEFAULT.replace("\nversion: 1\n", f"\nversion: {version}\n").replace(
        "effective_from: 1970-01-01T00:00:00Z", f"effective_from: 2027-01-01T00:00:{version:02}Z")
    return api.policies.PublishPolicy(request_id=str(uuid.uuid4()), text=text, reason=f"reason {version}")


def micros(stamp):
    return stamp.seconds * 1000000 + stamp.nanos // 1000


def hash_of(record):
    """From docs/audit.md."""
    fields = ("memberd-audit-1", record.vb, record.seq, record.member_id or 0, micros(record.known_at), record.actor,
              record.action, record.detail)
    framed = (str(field).encode() for field in fields)
    return hashlib.sha256(record.prev + b"".join(b"%d:%s" % (len(field), field) for field in framed)).digest()


def records(api, **fields):
    rows, token = [], ""
    while True:
        page = api.audit.ListAuditRecords(page_token=token, **fields)
        rows += page.records
        token = page.next_page_token
        if not token:
            return rows


def test_everybody_can_compute_the_chains(api):
    for version in range(2, 9):
        publish(api, version)
    rows = records(api)
    assert rows == records(api, page_size=2) == records(api, page_size=1)
    assert [row.seq for row in rows] == list(range(1, 9))
    assert {(row.vb, row.member_id, row.action) for row in rows} == {(3618, "", "policy.publish")}
    prev = bytes(32)
    for row in rows:
        assert row.prev == prev and row.hash == hash_of(row)
        prev = row.hash
    assert rows[-1].detail.startswith("version 8 in force from 2027-01-01T00:00:08Z, sha256 ")
    assert rows[-1].detail.endswith(": reason 8")


def test_a_trail_goes_on_after_a_restart(start):
    daemon = start()
    publish(daemon.api(), 2)
    before = records(daemon.api())
    assert daemon.stop() == 0
    api = start().api()
    publish(api, 3)
    rows = records(api)
    assert rows[:2] == before and len(rows) == 3
    assert rows[2].prev == before[1].hash and rows[2].hash == hash_of(rows[2])


def test_questions_about_one_member(api):
    ada = api.enroll("ada")
    assert not records(api, member=ref(ada))
    assert not records(api, member=dict(identity=dict(issuer="shop", external_id="ada")))
    with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
        records(api, member=ref(1))
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "member"):
        api.audit.ListAuditRecords(member=dict())
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_size"):
        api.audit.ListAuditRecords(page_size=-1)
    publish(api, 2)
    token = api.audit.ListAuditRecords(page_size=1).next_page_token
    assert api.audit.ListAuditRecords(page_size=500, page_token=token).records
    for fields in (dict(page_token=token, member=ref(ada)), dict(page_token=token[:-1] + "x")):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_token"):
            api.audit.ListAuditRecords(**fields)


# ---- memberctl audit, and what it finds in a database that somebody changed ----

VB = 3618  # of what is not about a member


class Trail:
    """Six records in the bucket of policies, of a memberd that is stopped. Made once, then copied."""

    def __init__(self, start, home, made):
        self.heads, self.database = os.path.join(home, "heads"), os.path.join(home, "data", "memberd.db")
        if not os.listdir(made):
            self.make(start)
            for name in ("data", "heads"):
                shutil.move(os.path.join(home, name), made)
        shutil.copytree(made, home, dirs_exist_ok=True)

    def make(self, start):
        daemon = start()
        for version in range(2, 7):
            publish(daemon.api(), version)
        assert self.verify(daemon)["records"] == 6
        assert daemon.stop() == 0

    def verify(self, daemon, code=0):
        return Memberctl(daemon.target).json("audit", "verify", "--heads", self.heads, code=code)

    def tamper(self, *statements):
        with contextlib.closing(sqlite3.connect(self.database)) as database, database:
            assert database.execute("SELECT count(*) FROM audit WHERE vb = ?", (VB,)).fetchone() == (6,)
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement


@pytest.fixture(scope="module")
def made():
    with tempfile.TemporaryDirectory() as path:
        yield path


@pytest.fixture
def trail(start, home, made):
    return Trail(start, home, made)


CHANGED = "prev is not the hash of the record before it"
SAYS = "hash is not that of what the record says"
ZERO = "x'" + "00" * 32 + "'"


@pytest.mark.parametrize("statements, seq, problem, alone", [
    (["UPDATE audit SET detail = replace(detail, 'reason 3', 'reason 4') WHERE seq = 3"], 3, SAYS, True),
    (["UPDATE audit SET actor = 'admin:x' WHERE seq = 1"], 1, SAYS, True),
    (["UPDATE audit SET action = 'policy.publisH' WHERE seq = 6"], 6, SAYS, True),
    (["UPDATE audit SET known_at = known_at + 1 WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET member_id = 1 WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET member_id = -1 WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET detail = CAST(x'ff' AS TEXT) WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET detail = detail || char(0) || 'more' WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET hash = " + ZERO + " WHERE seq = 2"], 2, SAYS, True),
    (["UPDATE audit SET hash = x'' WHERE seq = 6"], 6, SAYS, True),
    (["UPDATE audit SET prev = " + ZERO + " WHERE seq = 5"], 5, CHANGED, True),
    (["DELETE FROM audit WHERE seq = 4"], 4, "missing: the next one is record 5", True),
    (["DELETE FROM audit WHERE seq = 1"], 1, "missing: the next one is record 2", True),
    (["UPDATE audit SET seq = 99 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 3",
      "UPDATE audit SET seq = 3 WHERE seq = 99"], 2, CHANGED, True),
    (["UPDATE audit SET vb = 7 WHERE seq = 6"], 1, None, True),
    (["DELETE FROM audit WHERE seq = 6"], 6, "cut off", False),
    (["DELETE FROM audit WHERE seq >= 2"], 2, "cut off", False),
    (["DELETE FROM audit"], 1, "cut off", False),
], ids=lambda value: str(value)[:60])
def test_what_somebody_changed_is_found(trail, start, statements, seq, problem, alone):
    trail.tamper(*statements)
    daemon = start()
    told = trail.verify(daemon, code=1)
    assert not told["good"]
    if problem is not None:
        assert (told["vb"], told["seq"]) == (VB, seq) and problem in told["problem"], told
    ctl = Memberctl(daemon.target)
    done = ctl("audit", "verify", code=1 if alone else 0)
    records_told = "1 record in 1 bucket: " if told["records"] == 1 else f"{told['records']} records in "
    assert done.out.startswith("broken: bucket " if alone else records_told), done
    # the file still remembers what was right
    assert trail.verify(daemon, code=1) == told


def test_a_chain_that_was_made_anew_is_found(trail, start):
    """By somebody who knows how: every hash is right, and only the file knows better."""
    with contextlib.closing(sqlite3.connect(trail.database)) as database, database:
        rows = database.execute("SELECT seq, member_id, known_at, actor, action, detail FROM audit "
                                "WHERE vb = ? ORDER BY seq", (VB,)).fetchall()
        prev = bytes(32)
        for seq, member_id, known_at, actor, action, detail in rows:
            detail = detail.replace("reason 3", "reason 9")
            fields = ("memberd-audit-1", VB, seq, member_id, known_at, actor, action, detail)
            framed = (str(field).encode() for field in fields)
            made = hashlib.sha256(prev + b"".join(b"%d:%s" % (len(field), field) for field in framed)).digest()
            database.execute("UPDATE audit SET detail = ?, prev = ?, hash = ? WHERE vb = ? AND seq = ?",
                             (detail, prev, made, VB, seq))
            prev = made
    daemon = start()
    assert "every chain holds" in Memberctl(daemon.target)("audit", "verify").out
    told = trail.verify(daemon, code=1)
    assert (told["vb"], told["seq"]) == (VB, 6) and "made anew" in told["problem"]


def test_a_trail_that_grew_is_fine_and_is_remembered(trail, start):
    daemon = start()
    publish(daemon.api(), 7)
    assert trail.verify(daemon)["records"] == 7
    with open(trail.heads, encoding="utf-8") as file:
        first, line, end = file.read().splitlines()
    assert first.startswith("memberd-audit-heads-1 store ") and line.startswith(f"{VB} 7 ") and end == "end"
    assert line.split()[2] == records(daemon.api())[-1].hash.hex()


@pytest.mark.parametrize("change", [
    lambda text: "", lambda text: text[:-4], lambda text: text.replace("3618", "4096"), lambda text: text + "x\n",
    lambda text: text.replace("heads-1", "heads-2"), lambda text: text.replace(" 6 ", " 0 "),
    lambda text: text.replace("end", "3618 7 " + "0" * 64 + "\nend"), lambda text: text.replace(" 6 ", " 6 x"),
])
def test_a_file_that_is_none(trail, start, change):
    with open(trail.heads, encoding="utf-8") as file:
        text = file.read()
    with open(trail.heads, "w", encoding="utf-8") as file:
        file.write(change(text))
    done = Memberctl(start().target)("audit", "verify", "--heads", trail.heads, code=65)
    assert "not a file of `memberctl audit verify --heads`" in done.err


def test_the_file_of_another_store(trail, start, home):
    os.mkdir(os.path.join(home, "other"))
    other = start(home=os.path.join(home, "other"))
    done = Memberctl(other.target)("audit", "verify", "--heads", trail.heads, code=65)
    assert "is of the store" in done.err


def test_decisions_about_many_members_stand_in_chains_of_their_own(start, home):
    """Who, about whom, in which bucket; each chain holds, until the tail of one among many is cut off."""
    path = os.path.join(home, "tokens")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("".join(f"{role} sha256:{hashlib.sha256(token).hexdigest()}\n"
                           for role, token in (("support:anna", b"s"), ("manager:mei", b"m"))))
    daemon = start("--token-file", path)
    support, manager = daemon.api("s"), daemon.api("m")
    members = [support.enroll(f"m{i}") for i in range(8)]
    for delta in (-100, 200):
        for member in members:
            support.scores.SetCredibility(request_id=str(uuid.uuid4()), member=ref(member), delta_bp=delta,
                                          reason=f"about {member}")
    with refused("PERMISSION_DENIED", "PERMISSION_MISSING"):
        records(support)
    rows = records(manager)
    assert [(row.vb, row.seq) for row in rows] == sorted((row.vb, row.seq) for row in rows)
    for member in members:
        own = records(manager, member=ref(member))
        assert [row.action for row in own] == ["score.credibility"] * 2
        assert {row.actor for row in own} == {"support:anna"}
        assert all(row.detail.endswith(f"about {member}") and row.hash == hash_of(row) for row in own)
    ctl, heads, token = Memberctl(daemon.target), os.path.join(home, "heads"), {"MEMBERD_TOKEN": "m"}
    told = ctl.json("audit", "verify", "--heads", heads, env=token)
    assert told == dict(good=True, records=17, buckets=len({row.vb for row in rows}))
    ctl("audit", "verify", env={"MEMBERD_TOKEN": "s"}, code=77)
    assert daemon.stop() == 0
    last = [row for row in rows if row.member_id][-1]
    with contextlib.closing(sqlite3.connect(os.path.join(daemon.data, "memberd.db"))) as database, database:
        database.execute("DELETE FROM audit WHERE vb = ? AND seq = ?", (last.vb, last.seq))
    again = start("--token-file", path)
    told = Memberctl(again.target).json("audit", "verify", "--heads", heads, env=token, code=1)
    assert (told["vb"], told["seq"]) == (last.vb, last.seq) and "cut off" in told["problem"]


def test_the_list(trail, start):
    daemon = start()
    ctl = Memberctl(daemon.target)
    lines = ctl("audit", "list").out.splitlines()
    assert len(lines) == 7 and lines[0].split() == ["when", "member", "who", "what", "detail"]
    assert "memberd:default-policy" in lines[1] and lines[2].endswith(": reason 2")
    rows = [json.loads(line) for line in ctl("audit", "list", "--output", "json").out.splitlines()]
    assert [row["seq"] for row in rows] == [str(i) for i in range(1, 7)]
    daemon.api().enroll("ada")
    assert ctl("audit", "list", "shop:ada").out == "nothing was decided\n"
    ctl("audit", "list", "shop:bob", code=67)
    for wrong in (["audit"], ["audit", "look"], ["audit", "verify", "x"], ["audit", "list", "--heads", "x"]):
        ctl(*wrong, code=64)
