# SPDX-License-Identifier: Apache-2.0
"""What is measured: processes with a port, and what they cost."""
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time

import memberd as scenario

BUILD = scenario.BUILD
START_MOST = 60  # seconds


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
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.2):
            return True
        return False

    @property
    def target(self):
        return f"127.0.0.1:{self.port}"

    def api(self):
        return scenario.Api(self.target)

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

    def wait_metric(self, name, value):
        end = time.monotonic() + START_MOST
        while self.metrics()[name] != value:
            if time.monotonic() > end:
                raise SystemExit(f"bench: {self.name}: {name} does not become {value}")
            time.sleep(0.05)


class Redis(Server):
    def __init__(self, path, folder, log):
        super().__init__("redis", ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
                                   "--dir", folder], log)
        self.path = path

    def is_ready(self):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as peer:
            peer.connect(self.path)
            return True
        return False


def options_known():
    """The options that this memberd has: `--help` names them."""
    return subprocess.run([scenario.PROGRAM, "--help"], capture_output=True, text=True).stdout
