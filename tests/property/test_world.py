# SPDX-License-Identifier: Apache-2.0
"""Random worlds through the public API of the real memberd, compared with the oracle.

MEMBERD_PROPERTY_SEED=N begins with that world, MEMBERD_PROPERTY_SECONDS=S goes on that long; a failure
prints the seed of its world."""
import os
import random
import time

import pytest
from memberd import Clock

from drive import House, Run, text

NOW = 1795248000_000000  # 2026-11-21T16:00:00+08:00
SECONDS = float(os.environ.get("MEMBERD_PROPERTY_SECONDS", "4"))
SEED = int(os.environ.get("MEMBERD_PROPERTY_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
WORLDS = 25  # in one house: policies gather there, and its years pass


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_random_worlds_match_the_oracle(start, home, store, tmp_path_factory, record_property):
    end = time.monotonic() + SECONDS
    seed, house = SEED, None
    while seed == SEED or time.monotonic() < end:
        if house is None or seed % WORLDS == 0:
            folder = str(tmp_path_factory.mktemp("house"))
            clock = Clock(folder, text(NOW))
            house = House(start("--store", store, clock=clock.spec, home=folder), clock, NOW)
        try:
            Run(house, seed).check()
        except BaseException:
            print(f"MEMBERD_PROPERTY_SEED={seed}")
            raise
        seed += 1
    record_property("worlds", seed - SEED)
    record_property("first seed", SEED)
