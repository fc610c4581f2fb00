# SPDX-License-Identifier: Apache-2.0
"""Every row of docs/errors.md, by a real call: its status, exactly one ErrorInfo, BadRequest where a field is at fault,
RetryInfo where waiting helps. And the other way round: no row without a case, no case without a row."""
import hashlib
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import time
import uuid

import grpc
import pytest

from memberd import BUILD, DEADLINE, M, Clock, Failure, Field, at, free_port, message, order, ref, run, told

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "errors.md")
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| ([A-Z_]+) \| (yes|no) \|")
ADMIN = "t-admin"
REASON = dict(reason="case 81")


def rows():
    with open(PAGE, encoding="utf-8") as page:
        return {match[1]: (match[2], match[3]) for match in map(ROW.match, page) if match}


ROWS = rows()


# ---- what is refused ----

def item(results):
    """The last item's status, as the call's would be told."""
    status = results[-1].status
    assert status.code != 0, "taken"
    return Refusal({code.value[0]: code.name for code in grpc.StatusCode}[status.code], status.details)


class Refusal:
    def __init__(self, code, details):
        self.code, self.kinds, self.reason, self.domain, self.field = code, [], None, None, None
        for detail in details:
            kind = detail.type_url.removeprefix("type.googleapis.com/google.rpc.")
            self.kinds.append(kind)
            fields = dict(Field.walk(detail.value))
            if kind == "ErrorInfo":
                self.reason, self.domain = fields[1].decode(), fields[2].decode()
            elif kind == "BadRequest":
                self.field = dict(Field.walk(fields[1]))[1].decode()


def refusal(call):
    """Of a call that is refused, or in whose answer the last item is."""
    try:
        answer = call()
    except Failure as failure:
        status = message("google.rpc.Status").FromString(failure.metadata["grpc-status-details-bin"])
        assert failure.text == status.message
        if "RetryInfo" in failure.details:
            assert int(failure.metadata["grpc-retry-pushback-ms"]) > 0
        return Refusal(failure.code, status.details)
    return item(answer.results)


class World:
    """A memberd with tokens, and ada, who has an order and a post."""

    def __init__(self, start, home):
        path = os.path.join(home, "tokens")
        with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            for role in ("admin", "checkout"):
                file.write(f"{role} sha256:{hashlib.sha256(f't-{role}'.encode()).hexdigest()}\n")
        self.start, self.home, self.clock = start, home, Clock(home)
        self.daemon = start("--token-file", path, clock=self.clock.spec)
        self.api = self.daemon.api(ADMIN)
        self.ada = self.api.enroll("ada")
        self.take(order(self.ada, "e1", 1000), told(self.ada, "p1", post=dict(content="p1")))

    def take(self, *activities):
        assert all(result.status.code == 0 for result in self.api.record(*activities))

    def record(self, *activities):
        return self.api.scores.RecordActivities(activities=activities)

    def back(self, event, order_id, line_no=1, amount=1):
        return told(self.ada, event, reversal=dict(order=dict(order_id=order_id), lines=[
            dict(line_no=line_no, currency="CNY", amount=amount)]))

    def undo(self, event, name):
        return told(self.ada, event, undo=dict(activity=dict(source_event_id=name)))

    def decide(self, method, **fields):
        return getattr(self.api.scores, method)(member=ref(self.ada), request_id=str(uuid.uuid4()), **REASON, **fields)

    def policy(self, **changed):
        text = run("--print-policy")[1]
        for name, value in changed.items():
            text = re.sub(rf"^{name}: .*$", f"{name}: {value}", text, flags=re.M)
        return self.api.policies.PublishPolicy(request_id=str(uuid.uuid4()), text=text, **REASON)

    def link(self, external_id, api=None, **fields):
        identity = dict(issuer="x", external_id=external_id)
        return (api or self.api).members.LinkIdentity(
            **dict(dict(request_id=str(uuid.uuid4()), member=ref(self.ada), identity=identity), **fields))

    def unlink(self, external_id, issuer="shop"):
        return self.api.members.UnlinkIdentity(request_id=str(uuid.uuid4()), member=ref(self.ada),
                                               identity=dict(issuer=issuer, external_id=external_id))


def key(event):
    return dict(activity=dict(source="shop", source_event_id=event))


def amount_over_limit(world):
    return world.record(order(world.ada, "a", 10**13 + 1))


def currency_unknown(world):
    return world.record(order(world.ada, "a", 1, currency="XTS"))


def activity_conflict(world):
    return world.record(order(world.ada, "e1", 999))


def order_exists(world):
    return world.record(order(world.ada, "e2", 1000, order_id="o-e1"))


def request_id_reused(world):
    request_id = str(uuid.uuid4())
    world.link("a", request_id=request_id)
    return world.link("b", request_id=request_id)


def parked_full(world):
    for part in range(2):
        world.take(*[told(world.ada, f"c{part}-{number}", cancellation=dict(order=dict(order_id=f"none{part}-{number}")))
                     for number in range(500)])
    return world.record(told(world.ada, "one-more", cancellation=dict(order=dict(order_id="none"))))


def arena_full(world):
    for number in range(60):
        world.link(f"{number:03}" + "x" * 125)
    return world.api.members.BatchGetMembers(members=[ref(world.ada)] * 500, view="MEMBER_VIEW_FULL")


def order_closed(world):
    world.take(told(world.ada, "c", cancellation=dict(order=dict(order_id="o-e1"))))
    return world.record(told(world.ada, "c2", occurred_at="2026-10-11T00:00:00Z",
                             cancellation=dict(order=dict(order_id="o-e1"))))


def finding_exists(world):
    world.decide("ReportFraud", **key("p1"))
    return world.decide("ReportFraud", **key("p1"))


def void_not_allowed(world):
    world.decide("VoidActivity", **key("p1"))
    return world.decide("VoidActivity", **key("p1"))


def finding_not_allowed(world):
    world.take(world.back("r", "o-e1"))
    return world.decide("ReportFraud", **key("r"))


def named_kind_mismatch(world):
    other = world.api.enroll("eve")
    return world.record(told(world.ada, "o", opening=dict(share=dict(source_event_id="p1"), by=ref(other), verified=True)))


def etag_mismatch(world):
    return world.api.members.UpdateMember(request_id=str(uuid.uuid4()), member=ref(world.ada), etag="stale",
                                          profile=dict(region="CN"))


def cursor_too_old(world):
    cursor = M.WatchMembersResponse.FromString(world.api.raw("memberd.v1.MemberService/WatchMembers", b"")).cursor
    world.daemon.stop()
    api = world.start("--new-store-id").api()
    api.raw("memberd.v1.MemberService/WatchMembers", M.WatchMembersRequest(cursor=cursor).SerializeToString())


def internal(world):
    """A member's bytes that were damaged while it was down."""
    world.daemon.stop()
    with sqlite3.connect(os.path.join(world.daemon.data, "memberd.db")) as database:
        assert database.execute("UPDATE member SET profile = x'010203'").rowcount == 1
    database.close()
    return world.start().api().members.GetMember(member=ref(world.ada), view="MEMBER_VIEW_FULL")


def faulty(spec):
    def call(world):
        world.clock.fault(spec)
        return world.record(order(world.ada, "e2", 1))
    return call


def draining(world):
    """A stream hears of it at once."""
    call = world.api.channel.unary_stream("/memberd.v1.MemberService/WatchMembers")(
        b"", timeout=DEADLINE, metadata=world.api.metadata)
    next(call)
    world.daemon.signal(signal.SIGTERM)
    try:
        for _ in call:
            pass
    except grpc.RpcError as error:
        raise Failure(error) from None


def permission_missing(world):
    return world.link("a", world.daemon.api("t-checkout"))


# The field at fault, None where there is none; and the call.
CASES = {
    "FIELD_INVALID": ("member.member_id", lambda w: w.api.score("x")),
    "AMOUNT_OVER_LIMIT": ("activities[0].order.lines[0].amount", amount_over_limit),
    "CURRENCY_UNKNOWN": ("activities[0].order.lines[0].currency", currency_unknown),
    "IN_FUTURE": ("as_of", lambda w: w.api.score(w.ada, as_of=at("2030-01-01T00:00:00Z"))),
    "POLICY_INVALID": ("text", lambda w: w.policy(format="9")),
    "MESSAGE_MALFORMED": (None, lambda w: w.api.raw("memberd.v1.MemberService/GetMember", b"\x0a\x01")),
    "MEMBER_NOT_FOUND": (None, lambda w: w.api.score(4711)),
    "IDENTITY_NOT_FOUND": ("identity", lambda w: w.unlink("nobody")),
    "BENEFIT_NOT_FOUND": ("benefit_id", lambda w: w.api.benefits.CheckBenefit(member=ref(w.ada), benefit_id="none")),
    "ACTIVITY_NOT_FOUND": ("activity", lambda w: w.decide("VoidActivity", **key("none"))),
    "POLICY_NOT_FOUND": ("version", lambda w: w.api.policies.GetPolicy(version=9)),
    "SERVICE_NOT_FOUND": ("service", lambda w: w.api.health("memberd.v1.NoService")),
    "IDENTITY_TAKEN": ("identity", lambda w: w.api.enroll("ada")),
    "ACTIVITY_CONFLICT": ("activities[0].source_event_id", activity_conflict),
    "ORDER_EXISTS": ("activities[0].order.order_id", order_exists),
    "REQUEST_ID_REUSED": ("request_id", request_id_reused),
    "PERMISSION_MISSING": (None, permission_missing),
    "PARKED_FULL": (None, parked_full),
    "ARENA_FULL": (None, arena_full),
    "OUT_OF_WINDOW": ("activities[0].occurred_at",
                      lambda w: w.record(order(w.ada, "a", 1, occurred_at="2025-01-01T00:00:00Z"))),
    "REFUND_OVER_REMAINDER": ("activities[0].reversal.lines[0].amount", lambda w: w.record(w.back("r", "o-e1", 1, 1001))),
    "REFUND_LINE_MISMATCH": ("activities[0].reversal.lines[0].line_no", lambda w: w.record(w.back("r", "o-e1", 2))),
    "ORDER_CLOSED": ("activities[0].cancellation.order", order_closed),
    "UNDO_NOT_ALLOWED": ("activities[0].undo.activity", lambda w: w.record(w.undo("u", "e1"))),
    "NAMED_KIND_MISMATCH": ("activities[0].opening.share", named_kind_mismatch),
    "FINDING_EXISTS": ("activity", finding_exists),
    "FINDING_NOT_ALLOWED": ("activity", finding_not_allowed),
    "VOID_NOT_ALLOWED": ("activity", void_not_allowed),
    "LAST_IDENTITY": ("identity", lambda w: w.unlink("ada")),
    "REVISION_UNKNOWN": ("min_revision", lambda w: w.api.score(w.ada, min_revision=99)),
    "POLICY_NOT_NEXT": ("text.version", lambda w: w.policy(version="7")),
    "ETAG_MISMATCH": ("etag", etag_mismatch),
    "CURSOR_TOO_OLD": ("cursor", cursor_too_old),
    "METHOD_UNKNOWN": (None, lambda w: w.api.raw("memberd.v1.MemberService/Nothing", b"")),
    "INTERNAL": (None, internal),
    "OVERLOADED": (None, faulty("rpc.call.arena:1")),
    "STORE_UNAVAILABLE": (None, faulty("store.sqlite.commit:1")),
    "STORE_FULL": (None, faulty("store.sqlite.full:1")),
    "DRAINING": (None, draining),
    "TOKEN_UNKNOWN": (None, lambda w: w.daemon.api("wrong").score(w.ada)),
}
WAIT = {"OVERLOADED", "DRAINING"}


@pytest.mark.parametrize("reason", CASES)
def test_a_reason_is_told_as_the_page_says(start, home, reason):
    field, call = CASES[reason]
    world = World(start, home)
    told_as = refusal(lambda: call(world))
    assert (told_as.reason, told_as.domain, told_as.field) == (reason, "memberd", field)
    assert told_as.code == ROWS[reason][0]
    assert told_as.kinds == ["ErrorInfo"] + ["BadRequest"] * (field is not None) + ["RetryInfo"] * (reason in WAIT)


# ---- what the caller who is meant does not hear any more, or what no server says ----

def test_who_gives_up_is_in_the_log(start, home):
    world = World(start, home)
    watch = world.api.channel.unary_stream("/memberd.v1.MemberService/WatchMembers")
    call = watch(b"", timeout=DEADLINE, metadata=world.api.metadata)
    next(call)
    call.cancel()
    lines = world.daemon.settled() and [line for line in world.daemon.events("call") if "reason" in line]
    assert [(line["reason"], line["code"]) for line in lines] == [("CALL_CANCELLED", ROWS["CALL_CANCELLED"][0])]


def literal(name, value):
    """A header as HPACK has it without a table."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def frame(kind, flags, stream, data=b""):
    return struct.pack(">I", len(data))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def test_who_comes_too_late_is_in_the_log(start):
    """By hand, for a client would not send it any more: the message comes about when the deadline passes, again and again,
    because a little later C core itself ends the call."""
    daemon = start("--store", "memory")
    headers = b"".join(literal(name, value) for name, value in (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/memberd.v1.MemberService/GetMember"),
        (b":authority", b"a"), (b"te", b"trailers"), (b"content-type", b"application/grpc"), (b"grpc-timeout", b"1n")))
    request = M.GetMemberRequest(member=ref(4711)).SerializeToString()
    data = b"\0" + struct.pack(">I", len(request)) + request
    end = time.monotonic() + DEADLINE
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE) as peer:
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0))
        stream = 1
        while not (late := [line for line in daemon.events("call") if line.get("reason") == "CALL_TIMED_OUT"]):
            assert time.monotonic() < end
            for _ in range(20):
                peer.sendall(frame(1, 4, stream, headers))
                time.sleep(0.0001 * (stream % 16))
                peer.sendall(frame(0, 1, stream, data))
                stream += 2
            time.sleep(0.02)
    assert late[0]["code"] == ROWS["CALL_TIMED_OUT"][0]


def test_where_no_server_is_the_client_says_so():
    done = subprocess.run([os.path.join(BUILD, "src/ctl/memberctl"), "health", "--server", f"127.0.0.1:{free_port()}"],
                          capture_output=True, text=True, timeout=DEADLINE)
    assert "SERVER_UNREACHABLE" in done.stderr, done
    assert ROWS["SERVER_UNREACHABLE"][0] == "UNAVAILABLE"


def test_every_row_has_a_case():
    assert set(ROWS) == set(CASES) | {"CALL_CANCELLED", "CALL_TIMED_OUT", "SERVER_UNREACHABLE"}
