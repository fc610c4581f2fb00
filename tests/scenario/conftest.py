# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a folder of one's own, and memberds that are stopped and looked over at the end."""
import os
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from beside import Beside  # noqa: E402
from between import Between  # noqa: E402
from memberd import Memberd  # noqa: E402
from redisd import Redis  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def redis_beside_all():
    """With MEMBERD_SCENARIO_REDIS every memberd has a Redis beside it, all of a file the same one, and no cache of its
    own: then each read of a hot member goes through Redis, and the answers must be those that they are without."""
    if not os.environ.get("MEMBERD_SCENARIO_REDIS"):
        yield
        return
    path = tempfile.mkdtemp(prefix="md-")
    server = Redis(path, unix=True).start()
    Memberd.beside = ("--redis", server.url, "--cache-mb", "0")
    yield
    Memberd.beside = ()
    commands = server("INFO", "commandstats").decode()
    server.stop()
    shutil.rmtree(path, ignore_errors=True)
    assert "cmdstat_getrange:" in commands, "nothing was read from Redis: this file need not run beside one"


@pytest.fixture
def home():
    # short: the path of a Unix socket has at most 107 bytes
    path = tempfile.mkdtemp(prefix="md-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start(home):
    """start(*args, ...) gives a memberd that serves; start.spawn(...) one that may not."""
    started = []

    def make(*args, **options):
        daemon = Memberd(options.pop("home", home), *args, **options)
        started.append(daemon)
        return daemon

    def begin(*args, **options):
        return make(*args, **options).start()

    def spawn(*args, **options):
        return make(*args, **options).spawn()

    begin.spawn = spawn
    begin.make = make
    yield begin
    broken = []
    for daemon in started:
        if daemon.process is None:
            continue
        alive = daemon.process.poll() is None
        if alive and not daemon.killed:
            try:
                if daemon.stop() != 0:
                    broken.append(f"memberd ended with {daemon.process.returncode}")
            except Exception as error:  # it hangs: say so, and take it away
                broken.append(f"memberd does not stop: {error}")
        daemon.close()
        broken += daemon.sanitizer_reports()
        print(f"stderr of memberd {daemon.process.pid}, exit {daemon.process.returncode}:\n{daemon.stderr()}",
              file=sys.stderr)
    assert not broken, broken


@pytest.fixture
def make_redis(home):
    """make_redis(...) gives a Redis that answers."""
    started = []

    def make(**options):
        started.append(Redis(home, **options))
        return started[-1].start()

    yield make
    for redis in started:
        redis.stop()


@pytest.fixture
def redis(make_redis):
    return make_redis(unix=True)


@pytest.fixture
def between(redis):
    """On the way to `redis`."""
    way = Between(redis.address)
    yield way
    way.close()


@pytest.fixture
def beside(start, redis, between):
    """A memberd that reads members from `redis`, through `between`."""
    patient = Beside(start, between.url)
    patient.hits()
    return patient


@pytest.fixture
def daemon(start):
    return start()


@pytest.fixture
def api(daemon):
    return daemon.api()
