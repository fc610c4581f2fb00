# SPDX-License-Identifier: Apache-2.0
"""The databases that memberd serves under measurement."""
import contextlib
import glob
import hashlib
import os
import shutil
import subprocess
import time

import memberd as scenario
from servers import Memberd, say, tool

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PILOTS = 64
FRESH = 3 * 86400  # seconds that a kept data set is good for: orders grow old


def _fingerprint():
    """Of what decides the bytes of a data set."""
    digest = hashlib.sha256()
    for pattern in ("src/store/sql/*.sql", "src/repository/*.c", "src/domain/hot.c", "src/domain/payload*.c",
                    "src/policy/default.yaml", "tests/bench/make_members.c", "tests/bench/bench_members.h", "tests/bench/datasets.py"):
        paths = sorted(glob.glob(os.path.join(TREE, pattern)))
        assert paths, pattern
        for path in paths:
            with open(path, "rb") as file:
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

    def __init__(self, folder, work, log):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.work, self.log, self.print = folder, work, log, _fingerprint()
        self.seconds = {}  # it took to make, by size; what was kept is absent

    def path(self, size):
        return os.path.join(self.folder, str(size))

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
        path = os.path.join(self.work, f"{size}-{name}")
        subprocess.run(["cp", "-a", "--reflink=auto", self.make(size), path], check=True)
        return path

    def megabytes(self, size):
        return os.stat(os.path.join(self.path(size), "memberd.db")).st_size / 1e6
