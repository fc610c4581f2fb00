# SPDX-License-Identifier: Apache-2.0
"""Random worlds through the public API of the real memberd, compared with the oracle.

MEMBERD_PROPERTY_SEED=N begins with that world, MEMBERD_PROPERTY_SECONDS=S goes on that long; a failure prints
the seed of its world. Its ledger is told anew to fresh memberds, shrunk as long as that fails, too, and kept in
regressions/ (or in the folder that MEMBERD_PROPERTY_KEEP names), which every run replays."""
import glob
import os
import random
import tempfile
import time

import pytest
from memberd import Clock

import replay
import shrink
from drive import House, Run, text

HERE = os.path.dirname(os.path.abspath(__file__))
NOW = 1795248000_000000  # 2026-11-21T16:00:00+08:00
SECONDS = float(os.environ.get("MEMBERD_PROPERTY_SECONDS", "4"))
SEED = int(os.environ.get("MEMBERD_PROPERTY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
WORLDS = 25  # in one house: policies gather there, and its years pass


def told_anew(start, home, case):
    folder, begun = tempfile.mkdtemp(dir=home, prefix=""), replay.begin(case)
    clock = Clock(folder, text(begun))
    daemon = start("--store", "memory", clock=clock.spec, home=folder)
    try:
        replay.check(daemon, clock, begun, case)
    finally:
        daemon.stop()


def keep(start, home, run):
    """The path of the world's ledger, shrunk; nothing is kept of what does not fail again."""
    case = {"entries": run.entries, "policies": run.house.policies, "me": run.member, "friends": run.house.friends,
            "seed": run.seed, "t": run.now}
    try:
        told_anew(start, home, case)
    except AssertionError:
        return "kept as " + shrink.keep(case, lambda smaller: told_anew(start, home, smaller), f"world-{run.seed}")
    return "which its ledger alone does not show"


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_random_worlds_match_the_oracle(start, home, store, tmp_path_factory, record_property):
    end = time.monotonic() + SECONDS
    seed, house = SEED, None
    while seed == SEED or time.monotonic() < end:
        if house is None or seed % WORLDS == 0:
            folder = str(tmp_path_factory.mktemp("house"))
            clock = Clock(folder, text(NOW))
            house = House(start("--store", store, "--checkpoint-from", "3", clock=clock.spec, home=folder), clock, NOW)
        run = Run(house, seed)
        try:
            run.check()
        except BaseException as failure:
            print(f"MEMBERD_PROPERTY_SEED={seed}")
            if isinstance(failure, AssertionError):
                print(keep(start, home, run))
            raise
        seed += 1
    record_property("worlds", seed - SEED)
    record_property("first seed", SEED)


def test_what_failed_once(start, home):
    for path in sorted(glob.glob(os.path.join(HERE, "regressions", "world-*.json"))):
        print(path)
        told_anew(start, home, shrink.load(path))
