# SPDX-License-Identifier: Apache-2.0
"""The audit trail: what is in it, and that its chains are what docs/audit.md says."""
import hashlib
import uuid

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
