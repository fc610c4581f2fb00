# SPDX-License-Identifier: Apache-2.0
"""The admin port, metrics and the access log."""
import os
import re
import socket
import time

import pytest

from memberd import DEADLINE, order, ref, refused, run


def raw(daemon, data):
    with socket.create_connection(("127.0.0.1", daemon.admin_port), timeout=15) as peer:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        out = b""
        while chunk := peer.recv(65536):
            out += chunk
    return out


def test_three_pages_and_no_other(daemon):
    assert daemon.http("/healthz") == (200, "ok\n")
    assert daemon.http("/readyz") == (200, "ready\nstore: reads and writes\n")
    status, text = daemon.http("/metrics")
    assert status == 200 and text.endswith("\n")
    assert daemon.http_headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert daemon.http_headers["Cache-Control"] == "no-store"
    for path in ("/", "/metrics/", "/../etc/passwd", "/healthz%00", "/METRICS"):
        assert daemon.http(path)[0] == 404, path
    assert daemon.http("/healthz", "HEAD") == (200, "")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_only_reading_is_allowed(daemon, method):
    assert daemon.http("/metrics", method)[0] == 405
    assert daemon.http_headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("request_text", [
    "GET /healthz HTTP/1.1\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET /healthz HTTP/1.1\r\nHost: a\r\ntransfer-encoding: xchunked\r\n\r\n",
])
def test_requests_that_could_be_read_in_two_ways_are_refused(daemon, request_text):
    answer = raw(daemon, request_text.encode())
    assert answer == b"" or answer.split(b" ")[1] == b"400", answer
    assert b"200 OK" not in answer
    assert daemon.http("/healthz")[0] == 200


def test_noise_leaves_it_serving(daemon):
    for data in (b"\x16\x03\x01\x02\x00", b"\x00" * 1000, b"GET " + b"a" * 100000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        try:
            raw(daemon, data)
        except OSError:
            pass
    assert daemon.http("/healthz")[0] == 200


def test_it_can_be_off(start):
    daemon = start.make()
    daemon.args[daemon.args.index("--admin-listen") + 1] = ""
    daemon.start()
    assert "admin" not in daemon.events("serving")[0]
    with pytest.raises(OSError):
        daemon.http("/healthz")


def test_metrics_are_well_formed_and_made_before_the_first_call(daemon):
    _, text = daemon.http("/metrics")
    sample = re.compile(r'^[a-z_:][a-z0-9_:]*(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? -?[0-9.]+(e[+-]?[0-9]+)?$')
    families = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            assert name not in families
            families.add(name)
        elif not line.startswith("# HELP "):
            assert sample.match(line), line
    metrics = daemon.metrics()
    zero = 'grpc_server_handled_total{grpc_service="memberd.v1.VipService",grpc_method="GetUpgradeOffer",grpc_code="OK"}'
    assert zero in metrics and metrics[zero] == 0
    assert metrics["memberd_store_writable"] == 1 and metrics["memberd_draining"] == 0
    assert metrics["memberd_arena_limit_bytes"] == 256 << 20


def test_every_call_is_counted_once_and_timed(daemon, api):
    before = daemon.metrics()
    member = api.enroll("ada")
    with refused("NOT_FOUND"):
        api.members.GetMember(member=ref(4711))
    for _ in range(3):
        api.members.GetMember(member=ref(member))
    labels = 'grpc_service="memberd.v1.MemberService",grpc_method="GetMember"'
    delta = daemon.settled().minus(before)
    assert delta[f"grpc_server_started_total{{{labels}}}"] == 4
    assert delta[f'grpc_server_handled_total{{{labels},grpc_code="OK"}}'] == 3
    assert delta[f'grpc_server_handled_total{{{labels},grpc_code="NOT_FOUND"}}'] == 1
    assert delta[f'grpc_server_handling_seconds_count{{{labels},grpc_code="OK"}}'] == 3
    seconds = delta[f'grpc_server_handling_seconds_sum{{{labels},grpc_code="OK"}}']
    assert 0 < seconds < 20
    assert delta[f'grpc_server_handling_seconds_bucket{{{labels},grpc_code="OK",le="+Inf"}}'] == 3


def test_a_call_is_one_line_with_ids_and_without_payload(daemon, api):
    secret = "ada-the-secret-external-id"
    member = api.enroll(secret, profile=dict(display_name="Ada Geheim"))
    with refused("INVALID_ARGUMENT"):
        api.members.LookupMember(identity=dict(issuer="Not A Slug " + secret, external_id="x"))
    api.raw("memberd.v1.MemberService/GetMember", b"\x0a" + bytes([len(member) + 2, 0x0a, len(member)]) + member.encode(),
            [("x-request-id", "req-42"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
    enrolled, lookup, get = (daemon.wait_event("call", 1), daemon.wait_event("call", 2), daemon.wait_event("call", 3))
    assert enrolled["method"] == "memberd.v1.MemberService/EnrollMember"
    assert enrolled["code"] == "OK" and enrolled["role"] == "admin" and "reason" not in enrolled
    assert enrolled["peer"].startswith("ipv4:127.0.0.1:") and enrolled["request_id"]
    assert enrolled["bytes_in"] > len(secret) and enrolled["bytes_out"] > 0 and enrolled["seconds"] > 0
    assert (lookup["code"], lookup["reason"], lookup["field"]) == \
        ("INVALID_ARGUMENT", "FIELD_INVALID", "identity.issuer")
    assert (get["request_id"], get["trace_id"]) == ("req-42", "0af7651916cd43dd8448eb211c80319c")
    assert secret not in daemon.stderr() and "Geheim" not in daemon.stderr()


def test_metadata_cannot_forge_lines(daemon, api):
    api.raw("memberd.v1.BenefitService/ListBenefits", b"",
            [("x-request-id", 'a" "level":"error"} {'), ("traceparent", "00-zz-11-01")])
    line = daemon.wait_event("call")
    assert line["level"] == "info" and "trace_id" not in line


@pytest.mark.parametrize("access, expected", [("errors", 1), ("off", 0)])
def test_the_access_log_can_be_less(start, access, expected):
    daemon = start("--access-log", access)
    api = daemon.api()
    member = api.enroll("ada")
    with refused("NOT_FOUND"):
        api.score(4711)
    api.record(order(member, "e1", 100))
    daemon.stop()
    assert len(daemon.events("call")) == expected


def test_text_is_for_people(start):
    daemon = start.make("--log-format", "text")
    daemon.spawn()
    end = time.monotonic() + 20
    while " serving " not in daemon.stderr():
        assert time.monotonic() < end, daemon.stderr()
        time.sleep(0.02)
    assert re.search(r"^2026-11-21T00:00:00\.000Z INFO  serving  ?version=", daemon.stderr(), re.M)


def test_probes_are_told_on_debug_only(start):
    daemon = start()
    daemon.api().health()
    daemon.stop()
    assert not daemon.events("call")
    verbose = start("--log-level", "debug")
    verbose.api().health()
    assert verbose.wait_event("call")["method"] == "grpc.health.v1.Health/Check"


def docs():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "operations.md")
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_the_page_for_operators_names_every_metric_and_no_other(daemon):
    _, text = daemon.http("/metrics")
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")}
    told = set(re.findall(r"`((?:memberd|grpc|process)_[a-z_]+)`", docs()))
    assert families == told - {"grpc_service", "grpc_method", "grpc_code"}


def test_the_page_for_operators_knows_options_and_exit_codes():
    _, text, _ = run("--help")
    options = set(re.findall(r"^  (--[a-z][a-z-]+)", text, re.M))
    told = set(re.findall(r"`(?!memberctl)[^`\n]*?(--[a-z][a-z-]+)", docs())) | set(re.findall(r"^memberd .*?(--[a-z][a-z-]+)", docs(), re.M))
    assert told and told <= options, told - options
    codes = set(re.findall(r"^  ([0-9]+)  +[a-z]", text[text.index("Exit codes"):], re.M))
    assert codes == set(re.findall(r"^\| ([0-9]+) \|", docs(), re.M))


def test_callers_who_hold_on_are_let_go(daemon):
    """Hundreds of connections that say nothing or half of something: probes are heard again soon."""
    peers = []
    for number in range(700):
        peer = socket.socket()
        peer.settimeout(DEADLINE)
        peers.append(peer)
        try:
            peer.connect(("127.0.0.1", daemon.admin_port))
            peer.sendall((b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ")[number % 3])
        except OSError:
            continue
    end = time.monotonic() + 1.5 * DEADLINE
    while True:
        try:
            assert daemon.http("/healthz")[0] == 200
            break
        except OSError:
            assert time.monotonic() < end, "a probe is never answered"
            time.sleep(0.2)
    assert daemon.api().health() == "SERVING"
    for peer in peers:
        peer.close()
    assert daemon.http("/readyz")[0] == 200
