# SPDX-License-Identifier: Apache-2.0
"""Load, and what a server spent on it."""
import json
import os
import re
import statistics
import subprocess

import servers

CONNECTIONS, STREAMS = 4, 32
BLOCK_MOST = 120  # seconds; then a server has lost a call


class Sample:
    """One block of calls."""

    def __init__(self, requests, cpu_ns, beside_ns, told):
        self.requests = requests
        self.cpu_us, self.beside_us = cpu_ns / 1000 / requests, beside_ns / 1000 / requests
        self.rps, self.p50_us, self.p99_us = told["rps"], told["p50_us"], told["p99_us"]


def _own(server, method, file, count, first, streams):
    run = subprocess.run([servers.tool("load"), "-c", str(CONNECTIONS), "-m", str(streams), "-n", str(count),
                          "-f", str(first), str(server.port), method, file],
                         capture_output=True, text=True, timeout=BLOCK_MOST)
    if run.returncode != 0:
        raise SystemExit(f"bench: load on {server.name} {method} ended with {run.returncode}: {run.stderr}{run.stdout}")
    return json.loads(run.stdout)


def _h2load(server, method, file, count, _first, streams):
    """The same figures from h2load, which has no percentiles: they are of its log."""
    log = file + ".log"
    run = subprocess.run(["h2load", "-c", str(CONNECTIONS), "-m", str(streams), "-n", str(count), "-d", file,
                          "--log-file", log, "-H", "content-type: application/grpc", "-H", "te: trailers",
                          f"http://127.0.0.1:{server.port}{method}"], capture_output=True, text=True, timeout=BLOCK_MOST)
    rate = re.search(r"finished in .*?, ([0-9.]+) req/s", run.stdout)
    if run.returncode != 0 or rate is None or f" {count} succeeded" not in run.stdout:
        raise SystemExit(f"bench: h2load on {server.name} {method} ended with {run.returncode}: {run.stdout}")
    with open(log) as rows:
        micros = sorted(int(row.rsplit("\t", 1)[1]) for row in rows)
    os.unlink(log)
    return dict(rps=float(rate[1]), p50_us=micros[len(micros) // 2], p99_us=micros[len(micros) * 99 // 100])


GENERATORS = {"load": _own, "h2load": _h2load}


class Measure:
    """Calls of one kind on one server: `items` decisions a call; `beside` is a server that this one asks."""

    BLOCK_NS = 350e6  # of the server's CPU, about
    LEAST, MOST = 500, 60_000

    def __init__(self, name, title, server, method, file, *, by="load", items=1, target=None,
                 beside=None, streams=STREAMS):
        self.name, self.title, self.server, self.method, self.file = name, title, server, method, file
        self.by, self.items, self.target, self.beside = by, items, target, beside
        self.streams = streams
        self.samples, self.first, self.count = [], 0, None
        self.rss_mb = 0

    def block(self, count):
        before, before_beside = self.server.cpu_ns(), self.beside.cpu_ns() if self.beside else 0
        told = GENERATORS[self.by](self.server, self.method, self.file, count, self.first, self.streams)
        self.first += count
        cpu, beside = self.server.cpu_ns(), self.beside.cpu_ns() if self.beside else 0
        return Sample(count, cpu - before, beside - before_beside, told)

    def calibrate(self, shrink):
        """How many calls a block has: as many as take about as long as everybody else's."""
        trial = self.block(500)
        count = int(self.BLOCK_NS / shrink / 1000 / max(trial.cpu_us, 1))
        self.count = max(self.LEAST, min(self.MOST, count))

    def run(self):
        self.samples.append(self.block(self.count))
        self.rss_mb = self.server.rss_mb()

    def median(self, what):
        return statistics.median(getattr(sample, what) for sample in self.samples)

    def ratios(self, base):
        """Of CPU an item, round by round."""
        return [mine.cpu_us / self.items / theirs.cpu_us for mine, theirs in zip(self.samples, base.samples)]
