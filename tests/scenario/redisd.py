# SPDX-License-Identifier: Apache-2.0
"""A real Redis of a test's own: started, asked, made ill and stopped. Debian's redis-server, nothing else of Redis."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from urllib.parse import quote

from memberd import DEADLINE, free_port

SERVER = shutil.which("redis-server") or "/usr/bin/redis-server"


class Refused(Exception):
    """An error that Redis answered."""


def encoded(*words):
    """A command as it goes over the wire."""
    data = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in data)


def reply_end(data, at=0):
    """Where the RESP2 value that begins at `at` ends; None when it is not all there yet."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    kind, end = data[at:at + 1], line_end + 2
    if kind in (b"+", b"-", b":"):
        return end
    number = int(data[at + 1:line_end])
    if kind == b"$":
        end += number + 2 if number >= 0 else 0
        return end if len(data) >= end else None
    if kind != b"*":
        raise ValueError(f"no RESP2: {data[at:at + 40]!r}")
    for _ in range(max(number, 0)):
        end = reply_end(data, end)
        if end is None:
            return None
    return end


def decoded(data, at=0):
    """(value, where it ends) of a RESP2 value that is all there; errors are values, too."""
    line_end = data.index(b"\r\n", at)
    kind, line, end = data[at:at + 1], data[at + 1:line_end], line_end + 2
    if kind == b"+":
        return line.decode(), end
    if kind == b"-":
        return Refused(line.decode()), end
    number = int(line)
    if kind == b":":
        return number, end
    if kind == b"$":
        return (None, end) if number < 0 else (data[end:end + number], end + number + 2)
    values = []
    for _ in range(number):
        value, end = decoded(data, end)
        values.append(value)
    return (None if number < 0 else values), end


class Connection:
    """One connection that asks and waits."""

    def __init__(self, address, password=None, user=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(DEADLINE)
        self.socket.connect(address)
        self.data = b""
        if password is not None:
            self.ask("AUTH", *([user] if user else []), password)

    def read(self):
        while (end := reply_end(self.data)) is None:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("Redis hung up")
            self.data += more
        value = decoded(self.data)[0]
        self.data = self.data[end:]
        return value

    def ask(self, *words):
        self.socket.sendall(encoded(*words))
        value = self.read()
        if isinstance(value, Refused):
            raise value
        return value

    def close(self):
        self.socket.close()


class Redis:
    """One server in a folder of its own. unix: on a socket there, else on a TCP port; **conf: lines of its
    configuration, with _ for -, a list for a line that comes again."""

    def __init__(self, home, unix=False, password=None, user=None, **conf):
        self.home = os.path.join(str(home), f"redis.{id(self):x}")
        os.makedirs(self.home)
        self.path = os.path.join(self.home, "s") if unix else None
        self.port = 0 if unix else free_port()
        self.address = self.path or ("127.0.0.1", self.port)
        self.user, self.password, self.conf = user, password, conf
        self.process, self.connection = None, None

    @property
    def url(self):
        who = f"{quote(self.user or '', safe='')}:{quote(self.password, safe='')}@" if self.password else ""
        return f"unix://{who}{self.path}" if self.path else f"redis://{who}127.0.0.1:{self.port}"

    def spawn(self):
        lines = {"port": self.port, "bind": "127.0.0.1", "dir": self.home, "daemonize": "no", "appendonly": "no",
                 "save": '""', "logfile": os.path.join(self.home, "log"), "io-threads": 1, "databases": 4,
                 "rdbcompression": "no", "stop-writes-on-bgsave-error": "no"}
        if self.path:
            lines |= {"unixsocket": self.path, "unixsocketperm": "700"}
        if self.password and not self.user:
            lines["requirepass"] = f'"{self.password}"'
        lines |= {name.replace("_", "-"): value for name, value in self.conf.items()}
        config = os.path.join(self.home, "conf")
        with open(config, "w", encoding="utf-8") as file:
            for name, value in lines.items():
                for each in value if isinstance(value, list) else [value]:
                    print(name, each, file=file)
            if self.user:
                print(f"user {self.user} on >{self.password} ~* &* +@all\nuser default off", file=file)
        with open(os.path.join(self.home, "log"), "ab") as out:
            self.process = subprocess.Popen([SERVER, config], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            cwd=self.home)
        return self

    def start(self):
        """Until it answers."""
        self.spawn()
        end = time.monotonic() + DEADLINE
        while True:
            with contextlib.suppress(OSError, Refused):
                if self("PING") == "PONG":
                    return self
            self.forget()
            assert self.process.poll() is None, f"redis-server ended with {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < end, "redis-server does not come up:\n" + self.log()
            time.sleep(0.005)

    def connect(self):
        return Connection(self.address, self.password, self.user)

    def __call__(self, *words):
        """The answer to a command."""
        if self.connection is None:
            self.connection = self.connect()
        try:
            return self.connection.ask(*words)
        except OSError:
            self.forget()
            raise

    def forget(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def keys(self, pattern="*"):
        return sorted(self("KEYS", pattern))

    def info(self, name):
        (line,) = [line for line in self("INFO").decode().splitlines() if line.startswith(name + ":")]
        return line.split(":", 1)[1]

    def log(self):
        with contextlib.suppress(OSError), open(os.path.join(self.home, "log"), errors="replace") as file:
            return file.read()
        return ""

    @property
    def dump(self):
        """The path of its dump: SAVE writes it, a start reads it."""
        return os.path.join(self.home, "dump.rdb")

    # what happens to it

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, number):
        self.forget()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(DEADLINE)

    def restart(self):
        self.kill()
        return self.start()

    def freeze(self):
        """It keeps its connections and does nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)
