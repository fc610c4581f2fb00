# SPDX-License-Identifier: Apache-2.0
"""What comes over the wire and is wrong: refused with the right code, and nothing breaks."""
import os
import signal
import uuid

import grpc
import pytest

from memberd import M, field, order, ref, refused

GET = "memberd.v1.MemberService/GetMember"
RECORD = "memberd.v1.ScoringService/RecordActivities"


def nested(depth):
    data = b""
    for _ in range(depth):
        data = field(1, data)
    return data


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One memberd for the whole file: whatever it is sent, it must go on."""
    import tempfile

    from memberd import Memberd
    with tempfile.TemporaryDirectory(prefix="md-") as home:
        daemon = Memberd(home, "--store", "memory").start()
        yield daemon
        ended = daemon.stop()
        daemon.close()
        assert daemon.sanitizer_reports() == []
        assert ended == 0, daemon.stderr()


@pytest.mark.parametrize("what, method, data", [
    ("10,000 deep", GET, nested(10000)),
    ("4 MiB of empty submessages", RECORD, b"\x0a\x00" * (2 * 1024 * 1024 - 64)),
    ("bad UTF-8", GET, field(1, field(1, b"\xff\xfe"))),
    ("an overlong form", GET, field(1, field(1, b"\xc0\x80"))),
    ("a NUL in a text", GET, field(1, field(1, b"47\x0011"))),
    ("cut off", GET, field(1, field(1, b"4711"))[:-1]),
    ("a length beyond the end", GET, b"\x0a\xff\xff\xff\xff\x07"),
    ("an endless number", GET, b"\x18" + b"\xff" * 11),
    ("a group", GET, b"\x0b\x0c"),
    ("another wire type", GET, b"\x08\x01"),
    ("field number 0", GET, b"\x02\x00"),
    ("noise", GET, bytes(range(255, 0, -1))),
], ids=lambda value: value if isinstance(value, str) and "/" not in value else "")
def test_malformed_messages_are_invalid(shared, what, method, data):
    api = shared.api()
    with refused("INVALID_ARGUMENT", "MESSAGE_MALFORMED"):
        api.raw(method, data)
    assert api.health() == "SERVING"


def test_unknown_fields_are_passed_over(shared):
    api = shared.api()
    member = api.enroll("u" + str(uuid.uuid4()))
    data = M.GetMemberRequest(member=ref(member)).SerializeToString() + field(999, b"from the future")
    assert M.GetMemberResponse.FromString(api.raw(GET, data)).member.member_id == member


def test_a_message_over_4_mib_is_refused(shared):
    api = shared.api()
    with refused("RESOURCE_EXHAUSTED"):
        api.raw(RECORD, field(1, b"x" * (5 * 1024 * 1024)))
    assert api.health() == "SERVING"


def test_unknown_methods_are_unimplemented(shared):
    api = shared.api()
    before = shared.settled()
    for name in ("memberd.v1.MemberService/EraseEverything", "memberd.v9.MemberService/GetMember", "x"):
        with refused("UNIMPLEMENTED"):
            api.raw(name, b"")
    delta = shared.settled().minus(before)
    assert sum(value for key, value in delta.items()
               if key.startswith("grpc_server_handled_total") and "UNIMPLEMENTED" in key) == 3


def test_a_deadline_that_passed_is_told(shared):
    api = shared.api()
    api.timeout = 0.2
    os.kill(shared.process.pid, signal.SIGSTOP)
    try:
        with refused("DEADLINE_EXCEEDED"):
            api.members.GetMember(member=ref(1))
    finally:
        os.kill(shared.process.pid, signal.SIGCONT)
    assert shared.settled()["memberd_calls_pending"] == 0


@pytest.mark.parametrize("request_id", ["", "1", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"])
def test_a_request_id_is_a_uuid(shared, request_id):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "request_id"):
        shared.api().enroll("ada", request_id=request_id)


@pytest.mark.parametrize("issuer, external_id, name", [
    ("", "a", "identity.issuer"), ("Shop", "a", "identity.issuer"), ("s" * 65, "a", "identity.issuer"),
    ("shop", "", "identity.external_id"), ("shop", "a" * 129, "identity.external_id"),
])
def test_a_wrong_identity_names_its_field(shared, issuer, external_id, name):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", name):
        shared.api().enroll(external_id, issuer)


@pytest.mark.parametrize("member_id", ["", "0", "-1", "01", "+1", "9223372036854775808", "x", "1 "])
def test_a_wrong_member_id_is_invalid(shared, member_id):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID"):
        shared.api().members.GetMember(member=ref(member_id))


def test_a_reference_is_needed(shared):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "member"):
        shared.api().members.GetMember()


@pytest.mark.parametrize("count", [0, 501])
def test_a_batch_has_1_to_500_items(shared, count):
    api = shared.api()
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "activities"):
        api.record(*[order(1, f"e{number}", 1) for number in range(count)])


def test_a_request_id_means_one_request(shared):
    api = shared.api()
    name, request_id = str(uuid.uuid4()), str(uuid.uuid4())
    first = api.enroll(name, request_id=request_id)
    assert api.enroll(name, request_id=request_id) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED"):
        api.enroll(name + "x", request_id=request_id)
    with refused("ALREADY_EXISTS", "IDENTITY_TAKEN"):
        api.enroll(name)


def test_a_revision_of_the_future_is_refused(shared):
    api = shared.api()
    member = api.enroll(str(uuid.uuid4()))
    revision = api.record(order(member, "e1", 100))[0].revision
    assert api.score(member, min_revision=revision).info.revision == revision
    with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN"):
        api.score(member, min_revision=revision + 1)


def test_refused_calls_carry_a_whole_status(shared):
    api = shared.api()
    try:
        api.members.GetMember(member=ref("x"))
    except Exception as failure:
        assert failure.details[0] == "ErrorInfo" and "BadRequest" in failure.details
        assert failure.text and "\n" not in failure.text


def test_health_knows_every_service(shared):
    api = shared.api()
    for name in ("", "memberd.v1.MemberService", "memberd.v1.ScoringService", "memberd.v1.BenefitService",
                 "memberd.v1.VipService", "memberd.v1.PolicyService", "memberd.v1.AuditService"):
        assert api.health(name) == "SERVING"
    with refused("NOT_FOUND"):
        api.health("memberd.v1.NoService")


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_the_services(shared, version):
    call = shared.api().channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
    answer = b"".join(call(iter([field(7, b"")]), timeout=20))
    for name in (b"memberd.v1.MemberService", b"memberd.v1.VipService", b"grpc.health.v1.Health"):
        assert name in answer


def test_many_small_mistakes_leave_nothing_behind(shared):
    """A thousand refused calls: no pending call and no memory of a call stays."""
    api = shared.api()
    for _ in range(1000):
        try:
            api.raw(GET, b"\x0a\x01")
        except Exception:
            pass
    metrics = shared.settled()
    assert metrics["memberd_arena_bytes"] < 1 << 20


def test_a_caller_may_go_away_at_any_time(shared):
    api = shared.api()
    member = api.enroll(str(uuid.uuid4()))
    calls = [api.channel.unary_unary("/" + RECORD).future(
        M.RecordActivitiesRequest(activities=[order(member, f"e{number}", 100)]).SerializeToString(), timeout=20)
        for number in range(50)]
    for call in calls:
        call.cancel()
    assert api.health() == "SERVING"
    for call in calls:
        assert call.cancelled() or call.code() == grpc.StatusCode.OK
    # whatever was taken in is there once; sending all again settles it
    for number in range(50):
        api.record(order(member, f"e{number}", 100))
    assert api.score(member).score.spend.minor == 5000
