# SPDX-License-Identifier: Apache-2.0
"""What is measured: processes with a port, what they cost, and the databases that memberd serves."""
import contextlib
import hashlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import time

import memberd as scenario

BUILD = scenario.BUILD
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PILOTS = 64
START_MOST = 60  # seconds
FRESH = 3 * 86400  # seconds that a kept data set is good for: orders grow old


def say(text):
    print(text, file=sys.stderr, flush=True)


def tool(name):
    return os.path.join(BUILD, "tests/bench", name)


# ---- processes ----

class Server:
    """A process that serves gRPC on a port of its own."""

    def __init__(self, name, command, log):
        self.name, self.port, self.log = name, scenario.free_port(), log
        self.command = [str(part).replace("{port}", str(self.port)) for part in command]
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=scenario.environment())
        begin = time.monotonic()
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() - begin > START_MOST:
                self.stop()
                with open(self.log, errors="replace") as file:
                    raise SystemExit(f"bench: {self.name} does not come up:\n{file.read()[-2000:]}")
            time.sleep(0.001)
        self.ready_ms = (time.monotonic() - begin) * 1000
        return self

    def is_ready(self):
        import socket
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def cpu_ns(self):
        """Of all its threads since they began."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with contextlib.suppress(OSError), open(f"/proc/{self.process.pid}/task/{task}/schedstat") as file:
                total += int(file.read().split()[0])
        return total

    def rss_mb(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def anonymous_mb(self):
        """Memory of its own: without files that it has mapped, the database above all."""
        with open(f"/proc/{self.process.pid}/status") as file:
            rows = dict(line.split(":", 1) for line in file)
        return int(rows["RssAnon"].split()[0]) / 1e3

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if self.process is not None:
            self.process.wait()


class Memberd(Server):
    def __init__(self, name, data, log, *options):
        self.admin_port = scenario.free_port()
        super().__init__(name, [scenario.PROGRAM, "--data", data, "--listen", "127.0.0.1:{port}", "--admin-listen",
                                f"127.0.0.1:{self.admin_port}", "--log-level", "warn", "--access-log", "off",
                                "--drain-notice-ms", "0", "--drain-grace-ms", "1000", *options], log)

    def http(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def is_ready(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.http("/readyz")[0] == 200
        return False

    def metrics(self):
        samples = scenario.Metrics()
        for line in self.http("/metrics")[1].splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def api(self):
        return scenario.Api(self.target)


def options_known():
    """The options that this memberd has: `--help` names them."""
    return subprocess.run([scenario.PROGRAM, "--help"], capture_output=True, text=True).stdout


# ---- databases ----

def _fingerprint():
    """Of what decides the bytes of a data set."""
    digest = hashlib.sha256()
    for folder, endings in (("src/store/sql", ".sql"), ("src/domain", ".c"), ("src/policy", ".yaml"),
                            ("tests/bench", "make_members.c"), ("tests/bench", "servers.py")):
        for name in sorted(os.listdir(os.path.join(TREE, folder))):
            if name.endswith(endings):
                with open(os.path.join(TREE, folder, name), "rb") as file:
                    digest.update(file.read())
    return digest.hexdigest()


def _make_pilots(data, log):
    """Members with one order each, small to large, through the API of a memberd that ends then."""
    server = Memberd("memberd that makes the data", data, log).start()
    api, day = server.api(), 86400
    paid = (int(time.time()) // day - 30) * day
    try:
        ids = [api.enroll(f"pilot-{i}", issuer="bench") for i in range(PILOTS)]
        stamp = scenario.message("google.protobuf.Timestamp")
        orders = [scenario.order(member_id, "order-1", int(10_000 * 1.12 ** i), category=f"category-{i % 20}",
                                 platform="FOOD" if i % 4 == 0 else "SHOPPING", source="bench")
                  for i, member_id in enumerate(sorted(ids, key=int))]
        for order in orders:
            order.occurred_at.CopyFrom(stamp(seconds=paid))
            order.order.completed_at.CopyFrom(stamp(seconds=paid + day))
        for result in api.record(*orders):
            assert result.status.code == 0, result
        api.close()
    finally:
        server.stop()


class DataSets:
    """Databases of some sizes in a folder, made when they are missing."""

    def __init__(self, folder, log):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.log, self.print = folder, log, _fingerprint()
        self.seconds = {}  # it took to make, by size; what was kept is absent

    def path(self, size, copy=""):
        return os.path.join(self.folder, f"{size}{copy}")

    def make(self, size):
        path = self.path(size)
        mark = os.path.join(path, "made")
        with contextlib.suppress(OSError), open(mark) as file:
            if file.read() == self.print and time.time() - os.stat(mark).st_mtime < FRESH:
                return path
        say(f"bench: making {size:,} members")
        shutil.rmtree(path, ignore_errors=True)
        begin = time.monotonic()
        _make_pilots(path, self.log)
        subprocess.run([tool("make_members"), os.path.join(path, "memberd.db"), str(size)], check=True)
        with open(mark, "w") as file:
            file.write(self.print)
        self.seconds[size] = time.monotonic() - begin
        return path

    def copy(self, size, name):
        """A database serves one memberd only."""
        path = self.path(size, "-" + name)
        shutil.rmtree(path, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", self.make(size), path], check=True)
        return path

    def megabytes(self, size):
        return os.stat(os.path.join(self.path(size), "memberd.db")).st_size / 1e6
