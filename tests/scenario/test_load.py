# SPDX-License-Identifier: Apache-2.0
"""Signals at bad moments, callers that misbehave, and too little room."""
import contextlib
import hashlib
import os
import random
import signal
import socket
import struct
import threading
import time
import uuid

import grpc
import pytest

from memberd import DEADLINE, Failure, M, order, ref, refused, run

GET = "memberd.v1.MemberService/GetMember"


def write(path, text):
    """At once: no reader sees half of it."""
    with open(path + ".new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    os.replace(path + ".new", path)
    return path


def tokens(*roles):
    return "".join(f"{role} sha256:{hashlib.sha256(('t-' + role).encode()).hexdigest()}\n" for role in roles)


class Load:
    """Threads that call until they are told to stop or fail; who fails with another code than these is noted."""

    def __init__(self, number, call, fine=("UNAVAILABLE",)):
        self.stopping, self.surprises, self.done = threading.Event(), [], 0
        self.call, self.fine = call, fine
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(number)]
        for thread in self.threads:
            thread.start()

    def _run(self, number):
        for turn in range(1000000):
            if self.stopping.is_set():
                return
            try:
                self.call(number, turn)
                self.done += 1
            except Failure as failure:
                if failure.code not in self.fine:
                    self.surprises.append(str(failure))
                return

    def end(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert self.surprises == []


# ---- signals ----

@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM", "SIGINT"])
def test_signals_while_it_starts(start, name):
    """HUP harms at no moment; TERM and INT end it, before or after it serves."""
    number = getattr(signal, name)
    for delay in (0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3):
        daemon = start.spawn("--store", "memory")
        while not os.path.getsize(daemon.stderr_path):  # main() is reached
            time.sleep(0.001)
        time.sleep(delay)
        end = time.monotonic() + 0.02
        daemon.signal(number)  # one for certain, however slow the machine
        while time.monotonic() < end:
            time.sleep(0.001)
            daemon.signal(number)
        if number == signal.SIGHUP:
            daemon.wait_event("serving")
            assert daemon.stop() == 0
        else:
            daemon.killed = True
            assert daemon.wait() in (0, -number), daemon.stderr()


def test_many_signals_on_the_way_down(start):
    """Whenever further ones come, up to its last instruction: exit code 0."""
    for pause in (0, 0.0005, 0.002, 0.01):
        daemon = start("--store", "memory")
        while daemon.process.poll() is None:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                daemon.signal(number)
            time.sleep(pause)
        assert daemon.wait() == 0, (pause, daemon.process.returncode)


def test_hup_storms_with_good_and_bad_files_under_load(start, home):
    both, one = tokens("admin", "checkout"), tokens("admin")
    path = write(os.path.join(home, "tokens"), both)
    daemon = start("--token-file", path, "--access-log", "off")
    member = daemon.api("t-admin").enroll("ada")
    admins, guests = ([daemon.api(f"t-{role}") for _ in range(2)] for role in ("admin", "checkout"))
    always = Load(2, lambda number, turn: admins[number].members.GetMember(member=ref(member)), fine=())

    def sometimes(number, turn):
        with contextlib.suppress(Failure):
            guests[number].members.GetMember(member=ref(member))

    guest_load = Load(2, sometimes)
    rng = random.Random(1)
    for _ in range(300):
        write(path, rng.choice((both, one, "nonsense\n", "", "admin sha256:12\n", both + both, "\xff" * 100)))
        daemon.signal(signal.SIGHUP)
        time.sleep(rng.choice((0, 0.001, 0.005)))
    write(path, one)
    daemon.signal(signal.SIGHUP)
    end = time.monotonic() + DEADLINE
    while True:
        try:
            guests[0].members.GetMember(member=ref(member))
        except Failure as failure:
            assert failure.reason == "TOKEN_UNKNOWN"
            break
        assert time.monotonic() < end
    guest_load.end()
    always.end()
    assert always.done > 20
    metrics = daemon.metrics()
    assert metrics["memberd_reloads_total"] > 0 and metrics["memberd_reloads_refused_total"] > 0


def test_a_reload_may_come_with_the_end(start, home):
    path = write(os.path.join(home, "tokens"), tokens("admin"))
    policy = write(os.path.join(home, "policy"), run("--print-policy")[1])
    for pause in (0, 0.001, 0.01, 0.05):
        daemon = start("--token-file", path, "--policy", policy)
        daemon.signal(signal.SIGHUP)
        time.sleep(pause)
        daemon.signal(signal.SIGHUP)
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0


def test_other_signals_do_nothing(start):
    daemon = start("--store", "memory")
    for number in (signal.SIGPIPE, signal.SIGURG, signal.SIGWINCH, signal.SIGCHLD):
        daemon.signal(number)
    daemon.signal(signal.SIGSTOP)
    daemon.signal(signal.SIGCONT)
    assert daemon.api().health() == "SERVING"


def test_term_at_any_moment_loses_nothing_that_was_acknowledged(start):
    """Again and again on the same data, with writers that hear of nothing."""
    rng = random.Random(2)
    member, acknowledged = None, {}
    for turn in range(8):
        daemon = start("--access-log", "off", "--drain-grace-ms", "3000")
        api = daemon.api()
        member = member or api.enroll("ada")
        for event, entry_id in list(acknowledged.items())[-50:]:
            result = api.record(order(member, event, 100))[0]
            assert result.replayed and result.entry_id == entry_id
        assert api.score(member).score.spend.minor >= 100 * len(acknowledged)
        apis = [daemon.api() for _ in range(4)]

        def write_order(number, count):
            event = f"{turn}-{number}-{count}"
            result = apis[number].record(order(member, event, 100))[0]
            if result.status.code != 0:
                raise AssertionError(result)
            acknowledged[event] = result.entry_id

        load = Load(4, write_order)
        time.sleep(rng.uniform(0, 0.4))
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert time.monotonic() - began < 8
        load.end()
    api = start().api()
    for event, entry_id in acknowledged.items():
        result = api.record(order(member, event, 100))[0]
        assert result.replayed and result.entry_id == entry_id
    assert len(acknowledged) > 20


def frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def test_who_does_not_read_does_not_hold_up_the_end(start):
    """Large answers for a peer by bytes of HTTP/2 who takes any amount and reads nothing; then TERM."""
    daemon = start("--access-log", "off", "--drain-grace-ms", "500")
    member = daemon.api().enroll("ada", profile=dict(display_name="n" * 128))
    request = M.BatchGetMembersRequest(members=[ref(member)] * 500, view="MEMBER_VIEW_FULL").SerializeToString()
    headers = b"".join(bytes([0, len(name)]) + name + bytes([len(value)]) + value for name, value in (
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/memberd.v1.MemberService/BatchGetMembers"),
        (b":authority", b"x"), (b"content-type", b"application/grpc"), (b"te", b"trailers")))
    body = b"\0" + struct.pack(">I", len(request)) + request
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # nor does the kernel for him
        peer.settimeout(DEADLINE)
        peer.connect(("127.0.0.1", daemon.port))
        peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, struct.pack(">HI", 4, 0x7FFFFFFF))
                     + frame(8, 0, 0, struct.pack(">I", 0x7FFF0000)))
        for stream in range(1, 200, 2):
            peer.sendall(frame(1, 4, stream, headers) + frame(0, 1, stream, body))
        end = time.monotonic() + DEADLINE
        pending = 0
        while pending == 0 or pending != daemon.metrics()["memberd_calls_pending"]:
            assert time.monotonic() < end
            pending = daemon.metrics()["memberd_calls_pending"]
            time.sleep(0.2)
        began = time.monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert time.monotonic() - began < 8


# ---- callers ----

def test_hundreds_of_connections(start):
    daemon = start("--access-log", "off")
    member = daemon.api().enroll("ada")
    apis = [daemon.api() for _ in range(200)]
    calls = [api.channel.unary_unary("/" + GET).future(M.GetMemberRequest(member=ref(member)).SerializeToString(),
                                                      timeout=DEADLINE) for api in apis]
    assert all(call.code() == grpc.StatusCode.OK for call in calls)
    for api in apis[::2]:
        api.close()
    assert daemon.api().health() == "SERVING"
    assert daemon.settled()["memberd_arena_bytes"] < 1 << 20


def test_bytes_that_are_no_http2(start):
    daemon = start("--access-log", "off")
    api = daemon.api()
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for data in (b"", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", preface[:10], preface, preface + b"\xff" * 100,
                 preface + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" * 1000, b"\x16\x03\x01\x02\x00" + b"\0" * 512,
                 preface + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + b"x" * 1000):
        with socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE) as peer:
            with contextlib.suppress(OSError):
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                peer.settimeout(0.5)
                while peer.recv(65536):
                    pass
    assert api.health() == "SERVING"


def test_callers_who_leave_in_the_middle(start):
    """Connections closed under calls, and deadlines of a millisecond; the server holds on to none of them."""
    daemon = start("--access-log", "off")
    member = daemon.api().enroll("ada")
    rng = random.Random(3)
    request = M.RecordActivitiesRequest(activities=[order(member, f"e{number}", 1) for number in range(100)])
    data = request.SerializeToString()
    for _ in range(30):
        api = daemon.api()
        calls = [api.channel.unary_unary("/memberd.v1.ScoringService/RecordActivities").future(
            data, timeout=rng.choice((0.001, 0.003, 0.02, 5))) for _ in range(5)]
        time.sleep(rng.choice((0, 0.001, 0.01)))
        api.close()
        for call in calls:
            assert call.code() in (grpc.StatusCode.OK, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED)
    samples = daemon.settled()
    assert samples["memberd_arena_bytes"] < 1 << 20
    results = daemon.api().record(*request.activities)
    assert all(result.status.code == 0 for result in results)
    assert daemon.api().score(member).score.spend.minor == 100


# ---- too little room ----

def test_what_is_beyond_pending_max_is_told_when_to_come_again(start):
    daemon = start("--pending-max", "1", "--access-log", "off")
    member = daemon.api().enroll("ada")
    apis = [daemon.api() for _ in range(8)]
    overloaded = []

    def call(number, turn):
        try:
            apis[number].record(order(member, f"{number}-{turn}", 100))
        except Failure as failure:
            assert failure.code == "UNAVAILABLE" and failure.reason == "OVERLOADED", failure
            assert failure.retry is not None and int(failure.metadata["grpc-retry-pushback-ms"]) > 0
            overloaded.append(failure)

    load = Load(8, call)
    end = time.monotonic() + DEADLINE
    while len(overloaded) < 20:
        assert time.monotonic() < end
        assert daemon.api().health() == "SERVING"
    load.end()
    assert daemon.api().record(order(member, "last", 100))[0].status.code == 0


def test_a_small_budget_is_told_and_comes_back(start):
    daemon = start("--arena-budget-mb", "16", "--access-log", "off")
    member = daemon.api().enroll("ada")
    many = [order(member, f"e{number}", 100, lines=[(n + 1, 1) for n in range(60)]) for number in range(200)]
    data = M.RecordActivitiesRequest(activities=many).SerializeToString()
    apis = [daemon.api() for _ in range(4)]
    calls = [apis[number % 4].channel.unary_unary("/memberd.v1.ScoringService/RecordActivities").future(data, timeout=60)
             for number in range(24)]
    codes = {call.code() for call in calls}
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}, codes
    assert daemon.settled()["memberd_arena_bytes"] < 1 << 20
    assert daemon.api().members.GetMember(member=ref(member)).member.member_id == member


def test_a_slow_reader_of_answers_holds_up_nobody(start):
    """It asks for large answers and reads none; others are answered, and its calls end with it."""
    daemon = start("--access-log", "off")
    api = daemon.api()
    members = [api.enroll(str(uuid.uuid4()), profile=dict(display_name="n" * 128)) for _ in range(20)]
    request = M.BatchGetMembersRequest(members=[ref(member) for member in members] * 25, view="MEMBER_VIEW_FULL")
    slow = grpc.insecure_channel(daemon.target, options=[("grpc.use_local_subchannel_pool", 1),
                                                         ("grpc.http2.lookahead_bytes", 0), ("grpc.http2.bdp_probe", 0)])
    calls = [slow.unary_unary("/memberd.v1.MemberService/BatchGetMembers").future(request.SerializeToString(), timeout=30)
             for _ in range(60)]
    for _ in range(20):
        assert api.members.GetMember(member=ref(members[0]))
    for call in calls:
        call.cancel()
    slow.close()
    assert daemon.settled()["memberd_arena_bytes"] < 1 << 20


def test_deadlines_of_a_millisecond(start):
    daemon = start("--access-log", "off")
    member = daemon.api().enroll("ada")
    api = daemon.api()
    api.health()
    api.timeout = 0.001
    seen = set()
    for number in range(300):
        try:
            api.record(order(member, f"e{number}", 1))
            seen.add("OK")
        except Failure as failure:
            seen.add(failure.code)
    assert seen <= {"OK", "DEADLINE_EXCEEDED"}
    api.timeout = DEADLINE
    assert all(api.record(order(member, f"e{number}", 1))[0].status.code == 0 for number in range(300))
    assert api.score(member).score.spend.minor == 300
    with refused("NOT_FOUND"):
        api.score(1)
