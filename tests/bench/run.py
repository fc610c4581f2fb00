#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""One run of scripts/bench, which tells how it is called: servers side by side, loaded in turn."""
import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "scenario")]

import bodies  # noqa: E402
import datasets  # noqa: E402
import loads  # noqa: E402
import report  # noqa: E402
import servers  # noqa: E402
from bodies import BATCH, CHECK, GET, HEALTH, QUOTE  # noqa: E402
from report import BASE  # noqa: E402
from servers import Memberd, Redis, Server, say  # noqa: E402

MILLION = 1_000_000
SMALL, LARGE = 10_000, 10 * MILLION
PICKS = 120_000  # different requests in a file
BATCH_MOST = 500
WARMED_MOST = 1_300_000  # more than the cache has room for


class Parser(argparse.ArgumentParser):
    def error(self, message):
        say(f"bench: {message}; see scripts/bench --help")
        sys.exit(64)


def parse_args():
    parser = Parser(prog="scripts/bench", add_help=False)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--queues", type=int, default=min(2, os.cpu_count()))
    args = parser.parse_args()
    if args.rounds < 0 or not 1 <= args.queues <= 64:
        parser.error("--rounds and --queues count something")
    args.rounds = args.rounds or (2 if args.quick else 9)
    return args


class Bench:
    def __init__(self, args, work, kept, stack):
        self.args, self.work, self.stack = args, work, stack
        self.log = os.path.join(work, "log")
        self.sets = datasets.DataSets(os.path.join(kept, "sets"), work, self.log)
        self.help = servers.options_known()
        self.servers, self.measures, self.told = {}, [], report.Report()
        self.million = SMALL if args.quick else MILLION
        self.before = {}  # metrics of each memberd when the rounds begin

    # what there is

    def wants(self, *names):
        return not self.args.only or any(name.startswith(only) for only in self.args.only for name in names)

    def has(self, option):
        return f"--{option}" in self.help

    def leave_out(self, name, why):
        self.told.left_out.append((name, why))
        say(f"bench: {name} is left out: {why}")

    def file(self, name):
        return os.path.join(self.work, name)

    def start(self, server):
        self.stack.callback(server.stop)
        server.start()
        self.servers[server.name] = server
        return server

    def memberd(self, name, data, *options):
        options = [*options, "--queues", str(self.args.queues)] if self.has("queues") else options
        return self.start(Memberd(name, data, self.log, *options))

    # what is measured

    def add(self, name, *rest, **more):
        if self.wants(name) or name.startswith(BASE):
            self.measures.append(loads.Measure(name, *rest, **more))

    def add_empty(self, answer):
        """An answer that is memberd's own, to the byte, from servers that do nothing for it."""
        with open(self.file("answer"), "wb") as file:
            file.write(answer)
        for how in ("coalesced", "more", "plain"):
            if how != "coalesced" and not self.wants(f"empty_{how}"):
                continue
            server = self.start(Server(f"empty_{how}", [servers.tool("empty_core"), "{port}", CHECK, self.file("answer"),
                                                        self.args.queues, how], self.log))
            title = dict(more="coalesced by MSG_MORE").get(how, how)
            self.add(f"empty_{how}", f"C core, empty, {title}", server, CHECK, self.file("hot"), by="h2load")
            if how == "coalesced":
                self.add(f"empty_{how}_load", "the same under load", server, CHECK, self.file("hot"))

    def add_memberd(self, server):
        hot, pick = self.file("hot"), self.file("random")
        self.add("check_hot", "CheckBenefit, one hot member", server, CHECK, hot, by="h2load", target=1.20)
        self.add("check_hot_load", "the same under load", server, CHECK, hot)
        self.add("check_random", "CheckBenefit, random of 1M", server, CHECK, pick, target=1.35)
        for name, title, method, target in (("get_member", "GetMember, random of 1M", GET, 1.35),
                                            ("quote", "QuoteDiscount, three lines", QUOTE, 1.5)):
            path = bodies.write_file(self.file(name), method, self.picks)
            self.add(name, title, server, method, path, target=target)
        path = bodies.write_file(self.file("batch"), BATCH, self.picks, bodies.PAIRS)
        self.add("batch", "BatchCheckBenefits, a pair of 100", server, BATCH, path, items=bodies.PAIRS, target=0.6)
        self.add("health_check", "health check", server, HEALTH, bodies.write_file(self.file("health"), HEALTH, []))

    def add_peers(self):
        if not self.wants("cpp_async", "cpp_callback"):
            return
        if not os.path.exists(servers.tool("peer")):
            self.leave_out("cpp_async, cpp_callback", "no compiler for C++, or no gRPC C++: scripts/setup bench")
            return
        for how in ("async", "callback"):
            server = self.start(Server(f"cpp_{how}", [servers.tool("peer"), "{port}", how, self.args.queues,
                                                      self.file("pilots"), self.million], self.log))
            bodies.check(server.name, server.api(), CHECK, self.truth, self.checked)
            self.add(f"cpp_{how}", f"gRPC C++, {how}, hot", server, CHECK, self.file("hot"), by="h2load")
            self.add(f"cpp_{how}_random", f"gRPC C++, {how}, random", server, CHECK, self.file("random"))

    def add_uncoalesced(self):
        if not self.wants("check_uncoalesced"):
            return
        if not self.has("coalesce"):
            self.leave_out("check_uncoalesced", "memberd has no --coalesce")
            return
        server = self.memberd("memberd, writes not coalesced", self.sets.copy(SMALL, "plain"), "--coalesce", "off")
        self.warm(server, SMALL)
        self.add("check_uncoalesced", "CheckBenefit, hot, not coalesced", server, CHECK, self.file("hot"), by="h2load")

    def add_cold(self):
        if not self.wants("check_cold"):
            return
        options = ["--cache-mb", "0"] if self.has("cache-mb") else []
        server = self.memberd("memberd without its cache", self.sets.copy(self.million, "cold"), *options)
        bodies.check(server.name, server.api(), CHECK, self.truth, self.checked)
        self.add("check_cold", "CheckBenefit, read from SQLite", server, CHECK, self.file("random"), target=5.0)

    def add_redis(self):
        if not self.wants("check_redis"):
            return
        if not self.has("redis") or shutil.which("redis-server") is None:
            self.leave_out("check_redis", "memberd has no --redis" if not self.has("redis") else
                           "no redis-server: scripts/setup bench")
            return
        path = self.file("redis.sock")
        # at its limit the machine lets Redis wait longer than the few ms that a call has for it
        redis = self.start(Redis(path, self.work, self.log))
        server = self.memberd("memberd with Redis", self.sets.copy(SMALL, "redis"), "--cache-mb", "0",
                              "--redis", f"unix://{path}", "--redis-budget-ms", "1000")
        server.wait_metric("memberd_redis_believed", 1)
        for _ in range(2):
            self.warm(server, SMALL)
        bodies.check(server.name, server.api(), CHECK, self.truth, [i for i in self.checked if i < SMALL])
        picks = bodies.write_file(self.file("redis"), CHECK, bodies.uniform(7, SMALL, PICKS))
        self.add("check_redis", "CheckBenefit through Redis", server, CHECK, picks, target=2.2, beside=redis)

    def add_sizes(self):
        for size, name in ((SMALL, "10k"), (LARGE, "10m")):
            if not self.wants(f"check_{name}") or (self.args.quick and size == LARGE):
                continue
            path = self.sets.copy(size, name) if size == self.million else self.sets.make(size)
            server = self.memberd(f"memberd of {size:,}", path)
            self.warm(server, min(size, WARMED_MOST))
            file = bodies.write_file(self.file(f"random-{name}"), CHECK, bodies.uniform(size, size, PICKS))
            self.add(f"check_{name}", f"CheckBenefit, random of {size:,}", server, CHECK, file)
            self.told.ready(size, server.ready_ms)

    # what is done

    def warm(self, server, size):
        """Asks once about each."""
        say(f"bench: warming {server.name}")
        path = bodies.write_file(self.file("warm"), BATCH, range(size), BATCH_MOST)
        loads.Measure("warm", "", server, BATCH, path, streams=2).block(size // BATCH_MOST)

    def prepare(self):
        for size in (SMALL, self.million):
            self.sets.make(size)
        server = self.memberd("memberd", self.sets.path(self.million))
        self.told.ready(self.million, server.ready_ms)
        api = server.api()
        self.truth = bodies.Truth(api, bodies.write_pilots(api, self.file("pilots")))
        self.picks = bodies.uniform(1, self.million, PICKS)
        self.checked = self.picks[:50] + [bodies.HOT]
        for method in (CHECK, GET, QUOTE):
            bodies.check(server.name, api, method, self.truth, self.checked)
        bodies.check_batch(api, self.truth, self.picks[:bodies.PAIRS])
        bodies.write_file(self.file("hot"), CHECK, [bodies.HOT])
        bodies.write_file(self.file("random"), CHECK, self.picks)
        self.add_empty(self.truth.answer(CHECK, bodies.HOT).SerializeToString())
        before = server.anonymous_mb()
        self.warm(server, self.million)
        self.tell_cache(server, before)
        self.add_memberd(server)
        self.add_peers()
        self.add_uncoalesced()
        self.add_redis()
        self.add_cold()
        self.add_sizes()

    def tell_cache(self, server, before_mb):
        samples = server.metrics()
        entries = samples["memberd_cache_entries"]
        if entries > 100_000:  # of few, what is there anyway weighs more than they
            self.told.tell("cached_member", samples["memberd_cache_bytes"] / entries, "bytes", target=256)
            grown = (server.anonymous_mb() - before_mb) * 1e6
            self.told.tell("cached_member_rss", grown / entries, "bytes")

    def run(self):
        for measure in self.measures:
            measure.calibrate(10 if self.args.quick else 1)
        self.before = {name: server.metrics() for name, server in self.servers.items() if isinstance(server, Memberd)}
        for number in range(self.args.rounds):
            say(f"bench: round {number + 1} of {self.args.rounds}")
            turn = number % len(self.measures)  # nobody is always the first, or behind the same one
            for measure in self.measures[turn:] + self.measures[:turn]:
                measure.run()

    # the rest

    def ledger(self):
        """What calls about a member with a long ledger cost."""
        if not self.wants("ledger"):
            return
        server = self.memberd("memberd of one long ledger", self.file("ledger"))
        path = self.file("ledger.json")
        entries = ["2000"] if self.args.quick else []
        subprocess.run([servers.tool("member_bench"), server.target, str(server.admin_port), str(server.process.pid),
                        path, *entries], check=True)
        with open(path) as rows:
            self.told.figures += [json.loads(row) for row in rows]

    def caches(self):
        """How often the caches had what was asked for, while the rounds ran; and what the cache is worth."""
        for name, before in self.before.items():
            since = self.servers[name].metrics().minus(before)
            for cache in ("cache", "redis"):
                hits, misses = (since.get(f"memberd_{cache}_{what}_total", 0) for what in ("hits", "misses"))
                if hits + misses > 0:
                    self.told.tell(f"{cache} hits of {name}", 100 * hits / (hits + misses), "%")
        if not self.wants("cache_bench"):
            return
        if not os.path.exists(servers.tool("cache_bench")):
            self.leave_out("cache_bench", "it was not built")
            return
        path = self.file("cache.json")
        print(flush=True)
        subprocess.run([servers.tool("cache_bench"), "--json", path, "ratio", "memory"], check=True)
        with open(path) as rows:
            self.told.figures += [json.loads(row) for row in rows]


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "")
    return f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores, {model}, load {os.getloadavg()[0]:.1f}"


def main():
    args = parse_args()
    begin = time.monotonic()
    kept = os.environ.get("BENCH_DIR")
    try:
        figures = open(args.json, "w") if args.json else None  # now: not after minutes
    except OSError as error:
        say(f"bench: {error.filename}: {error.strerror}")
        sys.exit(64)
    with contextlib.ExitStack() as stack:
        if kept:
            os.makedirs(kept, mode=0o700, exist_ok=True)
        work = stack.enter_context(tempfile.TemporaryDirectory(prefix="memberd-bench.", dir=kept))
        print(machine(), flush=True)
        bench = Bench(args, work, kept or work, stack)
        bench.prepare()
        bench.run()
        bench.told.measures(bench.measures)
        bench.caches()
        bench.ledger()
        for size, seconds in bench.sets.seconds.items():
            bench.told.tell(f"made_{report.label(size)}", seconds, "s")
        bench.told.rest()
    print(f"{time.monotonic() - begin:.0f} s, load {os.getloadavg()[0]:.1f} at the end")
    if figures is not None:
        with figures:
            for figure in bench.told.figures:
                print(json.dumps(figure), file=figures)


if __name__ == "__main__":
    main()
