# SPDX-License-Identifier: Apache-2.0
"""The real memberd, started, called, looked at and stopped by tests."""
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import uuid

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

BUILD = os.environ["MEMBERD_SCENARIO_BUILD"]
PROGRAM = os.path.join(BUILD, "src/daemon/memberd")
DESCRIPTORS = os.path.join(BUILD, "proto/memberd.binpb")
DEADLINE = 20  # seconds; generous, because sanitizers and a busy machine are slow

# The instant at which clocks of tests stand still unless they say otherwise.
NOW = "2026-11-21T08:00:00+08:00"


# ---- the API, from the descriptors that memberd itself was built from ----

def _load_pool():
    files = descriptor_pb2.FileDescriptorSet()
    with open(DESCRIPTORS, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool, files


POOL, FILES = _load_pool()
FACTORY = message_factory.MessageFactory(POOL)


def message(name):
    """The class of a message by its full name, or by its name in memberd.v1."""
    full = name if "." in name else f"memberd.v1.{name}"
    return FACTORY.GetPrototype(POOL.FindMessageTypeByName(full))


class Messages:
    def __getattr__(self, name):
        return message(name)


M = Messages()


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, data):
    """A field of bytes, a text or a message on the wire."""
    return varint(number << 3 | 2) + varint(len(data)) + data


class Field:
    """A tiny reader of wire bytes, for details whose descriptors the set does not bring along."""

    @staticmethod
    def walk(data):
        at = 0

        def varint():
            nonlocal at
            value = shift = 0
            while True:
                byte = data[at]
                at += 1
                value |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    return value

        while at < len(data):
            tag = varint()
            if tag & 7 == 0:
                yield tag >> 3, varint()
            elif tag & 7 == 2:
                size = varint()
                yield tag >> 3, data[at:at + size]
                at += size
            else:
                raise ValueError(f"wire type {tag & 7}")


class Failure(Exception):
    """A call that memberd refused, with the details it told."""

    def __init__(self, error):
        self.code = error.code().name
        self.text = error.details()
        self.metadata = dict(error.trailing_metadata() or ())
        self.reason = self.domain = self.field = self.retry = None
        self.details = []
        packed = self.metadata.get("grpc-status-details-bin")
        if packed is not None:
            self._read(packed)
        super().__init__(f"{self.code} {self.reason} {self.field or ''}: {self.text}")

    def _read(self, packed):
        status = message("google.rpc.Status").FromString(packed)
        assert status.code == grpc.StatusCode[self.code].value[0]
        for detail in status.details:
            kind = detail.type_url.rsplit(".", 1)[-1]
            self.details.append(kind)
            fields = dict(Field.walk(detail.value))
            if kind == "ErrorInfo":
                self.reason, self.domain = fields[1].decode(), fields[2].decode()
            elif kind == "BadRequest":
                self.field = dict(Field.walk(fields[1]))[1].decode()
            elif kind == "RetryInfo":
                self.retry = fields[1]


WATCH = "memberd.v1.MemberService/WatchMembers"


class Service:
    def __init__(self, api, name):
        self._api, self._name = api, name
        descriptor = POOL.FindServiceByName(name)
        self._methods = {method.name: method for method in descriptor.methods}

    def __getattr__(self, name):
        method = self._methods[name]

        def call(*args, **fields):
            request = args[0] if args else FACTORY.GetPrototype(method.input_type)(**fields)
            return self._api.call(f"{self._name}/{name}", request,
                                  FACTORY.GetPrototype(method.output_type))

        return call


class Api:
    """Calls over one channel of its own. token: sent with every call."""

    def __init__(self, target, token=None):
        self.channel = grpc.insecure_channel(target, options=[
            ("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0),
            ("grpc.max_send_message_length", -1)])
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.initial = {}  # initial metadata of the last call
        self.timeout = DEADLINE
        self.members = Service(self, "memberd.v1.MemberService")
        self.scores = Service(self, "memberd.v1.ScoringService")
        self.benefits = Service(self, "memberd.v1.BenefitService")
        self.vip = Service(self, "memberd.v1.VipService")
        self.policies = Service(self, "memberd.v1.PolicyService")
        self.audit = Service(self, "memberd.v1.AuditService")

    def raw(self, method, data, metadata=()):
        """Bytes in, bytes out; of a watch, which has no end, the first message."""
        if method == WATCH:
            return self._first(method, data, metadata)
        call = self.channel.unary_unary("/" + method)
        try:
            answer, done = call.with_call(data, timeout=self.timeout,
                                          metadata=[*self.metadata, *metadata], wait_for_ready=False)
        except grpc.RpcError as error:
            self.initial = dict(error.initial_metadata() or ())
            raise Failure(error) from None
        self.initial = dict(done.initial_metadata())
        return answer

    def _first(self, method, data, metadata):
        call = self.channel.unary_stream("/" + method)(data, timeout=self.timeout, metadata=[*self.metadata, *metadata])
        try:
            answer = next(call)
        except grpc.RpcError as error:
            self.initial = dict(error.initial_metadata() or ())
            raise Failure(error) from None
        self.initial = dict(call.initial_metadata())
        call.cancel()
        return answer

    def call(self, method, request, response):
        return response.FromString(self.raw(method, request.SerializeToString()))

    def health(self, service=""):
        data = b"" if not service else b"\x0a" + bytes([len(service)]) + service.encode()
        answer = self.raw("grpc.health.v1.Health/Check", data)
        return {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING"}[dict(Field.walk(answer)).get(1, 0)]

    def close(self):
        self.channel.close()

    # what nearly every scenario needs

    def enroll(self, external_id, issuer="shop", **fields):
        answer = self.members.EnrollMember(
            request_id=fields.pop("request_id", str(uuid.uuid4())),
            identity=dict(issuer=issuer, external_id=external_id), **fields)
        return answer.member.member_id

    def record(self, *activities):
        return self.scores.RecordActivities(activities=activities).results

    def score(self, member_id, **fields):
        return self.scores.GetScore(member=ref(member_id), **fields)


def ref(member_id):
    return M.MemberRef(member_id=str(member_id))


def at(text):
    """A Timestamp of RFC 3339."""
    stamp = message("google.protobuf.Timestamp")()
    stamp.FromJsonString(text)
    return stamp


def order(member_id, event, amount, *, platform="SHOPPING", occurred_at="2026-10-01T12:00:00+08:00",
          completed_at="2026-10-02T12:00:00+08:00", order_id=None, source="shop", currency="CNY",
          category="tea", lines=None):
    """An order of one line, or of (line_no, amount) pairs in lines."""
    rows = lines or [(1, amount)]
    body = M.Order(platform=f"PLATFORM_{platform}", order_id=order_id or f"o-{event}",
                   lines=[M.OrderLine(line_no=no, type="LINE_TYPE_GOODS", currency=currency, amount=minor,
                                      category=category) for no, minor in rows])
    if completed_at:
        body.completed_at.CopyFrom(at(completed_at))
    return M.Activity(source=source, source_event_id=event, member=ref(member_id),
                      occurred_at=at(occurred_at), order=body)


def told(member_id, event, *, occurred_at="2026-10-10T12:00:00+08:00", source="shop", **kind):
    """An activity of the kind that is given: told(ada, "e1", post=dict(content="p1"))."""
    return M.Activity(source=source, source_event_id=event, member=ref(member_id), occurred_at=at(occurred_at), **kind)


def review(member_id, event, order_id, line_no=1, **more):
    pictures = more.pop("pictures", False)
    return told(member_id, event, review=dict(order=dict(order_id=order_id), line_no=line_no, pictures=pictures), **more)


@contextlib.contextmanager
def refused(code, reason=None, field=None):
    """The calls inside end with this code, and tell this reason and field."""
    with contextlib.ExitStack():
        try:
            yield
        except Failure as failure:
            assert failure.code == code, failure
            if reason is not None:
                assert failure.reason == reason, failure
                assert failure.domain == "memberd"
                assert failure.details.count("ErrorInfo") == 1
            if field is not None:
                assert failure.field == field, failure
            return
    raise AssertionError(f"not refused; expected {code} {reason or ''}")


# ---- the process ----

_ports = itertools.count(random.Random(os.getpid()).randrange(12000, 30000))
_reservations = []  # one abstract Unix socket a port, held until the process ends


def _reserve(port):
    """False: another test process has it. The name lives where the port does, in the network's namespace."""
    reservation = socket.socket(socket.AF_UNIX)
    try:
        reservation.bind(f"\0memberd-test-port-{port}")
    except OSError:
        reservation.close()
        return False
    _reservations.append(reservation)
    return True


def free_port():
    """A port below 32768 that nobody has now, and that no other test takes before this one does."""
    for candidate in _ports:
        port = 12000 + (candidate - 12000) % 20000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if _reserve(port):
            return port


class Metrics(dict):
    """Samples by `name{labels}`; absent ones are 0."""

    def __missing__(self, key):
        return 0.0

    def minus(self, before):
        return {key: value - before[key] for key, value in self.items() if value != before[key]}


def environment(env=None):
    """That of the test (its sanitizer options are of tests/meson.build), without settings for another memberd."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MEMBERD_")} | (env or {})


class Memberd:
    """One process. Everything it has is in `home`, so that another can go on with it."""

    # of every memberd that names no Redis itself: set while the suite runs beside one (conftest.py)
    beside = ()

    def __init__(self, home, *args, clock=f"fixed:{NOW}", env=None, port=None):
        self.home = str(home)
        self.data = os.path.join(self.home, "data")
        self.port, self.admin_port = port or free_port(), free_port()
        self.target = f"127.0.0.1:{self.port}"
        self.args = ["--listen", self.target, "--admin-listen", f"127.0.0.1:{self.admin_port}",
                     "--data", self.data, "--drain-notice-ms", "0", "--drain-grace-ms", "5000",
                     *(["--clock", clock] if clock else []), *args]
        # what is told between the steps of a test would be told at an instant that nobody foresees
        if not any(arg.startswith("--sweep-every-ms") for arg in map(str, args)):
            self.args += ["--sweep-every-ms", "0"]
        self.has_redis = "--redis" in args
        if self.beside and not self.has_redis:
            self.args += self.beside
        self.env = env or {}
        self.process = None
        self.clock = clock
        self.apis = []
        self.stderr_path = os.path.join(self.home, f"stderr.{id(self)}")
        self.killed = False

    def spawn(self, **how):
        """how: of subprocess.Popen, where a test wants it otherwise."""
        with open(self.stderr_path, "ab") as stderr:
            self.process = subprocess.Popen([PROGRAM, *self.args], cwd=self.home, env=environment(self.env), **dict(
                dict(stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr), **how))
        return self

    def start(self):
        """Until it serves."""
        self.spawn()
        end = time.monotonic() + DEADLINE
        while not self.events("serving"):
            if self.process.poll() is not None:
                raise AssertionError(f"memberd ended with {self.process.returncode}:\n{self.stderr()}")
            assert time.monotonic() < end, "memberd does not come up:\n" + self.stderr()
            time.sleep(0.02)
        if self.beside and not self.has_redis:
            self._wait_for_redis(end)
        return self

    def _wait_for_redis(self, end):
        """Until what Redis has is believed, so that reads go through it from the first on."""
        while True:
            try:
                if self.metrics()["memberd_redis_believed"] == 1:
                    return
            except ConnectionError:  # this one serves no metrics where we would look
                return
            assert time.monotonic() < end, "Redis is not believed:\n" + self.stderr()
            time.sleep(0.01)

    def api(self, token=None):
        api = Api(self.target, token)
        self.apis.append(api)
        return api

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE):
        """Its exit code."""
        return self.process.wait(timeout)

    def stop(self):
        """By SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.killed = True
        self.process.kill()
        self.process.wait()

    def close(self):
        for api in self.apis:
            api.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    # what it told

    def stderr(self):
        with open(self.stderr_path, errors="replace") as file:
            return file.read()

    def log(self):
        """Every line of its log."""
        lines = []
        for line in self.stderr().splitlines():
            with contextlib.suppress(ValueError):
                lines.append(json.loads(line))
        return lines

    def events(self, name):
        return [line for line in self.log() if isinstance(line, dict) and line.get("event") == name]

    def wait_event(self, name, count=1):
        end = time.monotonic() + DEADLINE
        while len(self.events(name)) < count:
            assert time.monotonic() < end, f"no event '{name}':\n" + self.stderr()
            time.sleep(0.02)
        return self.events(name)[count - 1]

    def sanitizer_reports(self):
        return re.findall(r".*(?:ERROR: \w*Sanitizer|runtime error:|WARNING: ThreadSanitizer|Assertion .* failed).*",
                          self.stderr())

    def http(self, path, method="GET", headers=None, body=None):
        """(status, text) of the admin port."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=DEADLINE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            self.http_headers = dict(answer.getheaders())
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def metrics(self):
        status, text = self.http("/metrics")
        assert status == 200
        samples = Metrics()
        for line in text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples


    def settled(self):
        """The metrics once nothing is in work; a call is over a moment after its answer."""
        end = time.monotonic() + DEADLINE
        while (samples := self.metrics())["memberd_calls_pending"] != 0:
            assert time.monotonic() < end, "a call does not end"
            time.sleep(0.02)
        return samples

    def rss(self):
        """Bytes of memory that it has."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Clock:
    """The clock of `--clock socket:PATH,TIME`, from outside."""

    def __init__(self, home, start=NOW):
        self.path = os.path.join(str(home), "clock")
        self.spec = f"socket:{self.path},{start}"

    def _send(self, line):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(DEADLINE)
            peer.connect(self.path)
            peer.sendall(line.encode() + b"\n")
            answer = peer.makefile().readline().strip()
        assert answer == "ok", answer

    def set(self, text):
        self._send(f"set {text}")

    def advance(self, seconds):
        self._send(f"advance {seconds}")

    def fault(self, spec):
        """From now on: `NAME:N` or `NAME:N*COUNT`."""
        self._send(f"fault {spec}")


def run(*args, env=None, cwd=None):
    """memberd to its end: (exit code, stdout, stderr)."""
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=DEADLINE, cwd=cwd,
                          env=environment(env), stdin=subprocess.DEVNULL)
    assert "Sanitizer" not in done.stderr and "runtime error:" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr
