# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in the coherence test: memberd, its clock and policies, its Redis, the way between them."""
import collections
import time
import uuid

from coherence import Caller
from coherence_callers import Reader, Writer, compare_at_rest
from memberd import DEADLINE
from test_policies import policy


class Faults(Caller):
    """What goes wrong, one after the other, from the seed alone."""

    def __init__(self, world, kinds):
        super().__init__(world, "faults")
        self.kinds = kinds
        self.done = collections.Counter()
        self.moves = 0

    def step(self):
        kind = self.rng.choice(self.kinds)
        self.checker.note(self.name, kind.__name__.strip("_"))
        kind(self)
        self.done[kind.__name__] += 1
        self.checker.note(self.name, kind.__name__.strip("_") + " over")

    # of memberd and its data

    def kill_memberd(self):
        self.world.leave(kill=True)

    def stop_memberd(self):
        self.world.leave(kill=False)

    def move_clock(self):
        hours = self.rng.choice((1, 30, 24 * 9, 24 * 31))
        self.checker.changing()
        self.world.clock.advance(hours * 3600)
        # a read beside a write that has begun is of an instant before it: when this one is through, none has begun before
        self.moves += 1
        self.api.enroll(f"moved-{self.moves}")
        self.checker.changed()
        self.checker.note(self.name, "clock", note=self.world.clock.now_and())

    def publish_policy(self):
        """Sometimes in force soon, sometimes before a version that was published earlier."""
        world = self.world
        begins = world.clock.now_and(hours=self.rng.choice((1, 2, 29, 200)), seconds=world.published * 7)
        gold = self.rng.choice((500, 550, 650))
        text = policy(world.published + 1, begins, ("gold: {attain: 600, keep: 540}", f"gold: {{attain: {gold}, keep: 450}}"))
        self.checker.changing()
        try:
            self.api.policies.PublishPolicy(text=text, reason="coherence", request_id=str(uuid.uuid4()))
            world.published += 1
        finally:
            self.checker.changed()

    # of Redis

    def flush_all(self):
        self.world.redis("FLUSHALL")

    def flush_scripts(self):
        self.world.redis("SCRIPT", "FLUSH")

    def save(self):
        """What a later start after a kill comes back with."""
        self.world.redis("SAVE")

    def restart_redis(self):
        self.world.redis.restart()

    def redis_away(self):
        self.world.redis.kill()
        self._sleep(0.05, 0.5)
        self.world.redis.start()

    def client_pause(self):
        self.world.redis("CLIENT", "PAUSE", self.rng.randint(10, 300))

    def freeze(self):
        self.world.redis.freeze()
        self._sleep(0.02, 0.4)
        self.world.redis.thaw()

    def full(self):
        self.world.redis("CONFIG", "SET", "maxmemory", 1)
        self._sleep(0.05, 0.3)
        self.world.redis("CONFIG", "SET", "maxmemory", 0)

    def values_spoiled(self):
        """Somebody writes what is no record: of another type, garbage, cut short, another member's."""
        keys = self.world.redis.keys("m:*")
        values = [self._value(key) for key in keys]
        for key in self.rng.sample(keys, min(len(keys), 6)):
            value = self._value(key)
            if self.rng.random() < 0.3:
                self.world.redis("DEL", key)
                self.world.redis("RPUSH", key, "no", "string")
            elif value:
                other = self.rng.choice([each for each in values if each] or [b""])
                at_byte = self.rng.randrange(len(value))
                self.world.redis("SET", key, self.rng.choice((
                    b"", b"\xff" * 1000, value[:at_byte], other if other != value else b"",
                    value[:at_byte] + bytes([value[at_byte] ^ 1 << self.rng.randrange(8)]) + value[at_byte + 1:])))

    def _value(self, key):
        if self.world.redis("TYPE", key) != "string":
            return None
        return self.world.redis("GET", key)

    def keys_gone(self):
        for key in self.rng.sample(self.world.redis.keys(), len(self.world.redis.keys()) // 2):
            self.world.redis("DEL", key)

    # of the way between

    def cut(self):
        self.world.between.cut(self.rng.choice((None, "data", "subscriber")), reset=self.rng.random() < 0.5)

    def cut_in_the_middle(self):
        self.world.between.cut_after = self.rng.randint(1, 3000)

    def refuse(self):
        self.world.between.refuse()
        self.world.between.cut()
        self._well_later()

    def slow(self):
        self.world.between.delay = self.rng.choice((0.001, 0.006, 0.03))
        self._well_later()

    def deaf(self):
        self.world.between.deaf = True
        self._well_later()

    def silent(self):
        self.world.between.silent = True
        self.world.between.cut()
        self._well_later(cut=True)

    def errors(self):
        text = self.rng.choice(("LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > "
                                "'maxmemory'.", "READONLY You can't write against a read only replica.", "ERR nonsense"))
        for name in self.rng.choice((("GETRANGE",), ("EVALSHA", "EVAL"), ("*",))):
            self.world.between.answer(name, b"-" + text.encode() + b"\r\n")
        self._well_later()

    def _well_later(self, cut=False):
        self._sleep(0.05, 0.4)
        self.world.between.well()
        if cut:
            self.world.between.cut()

    def _sleep(self, least, most):
        time.sleep(self.rng.uniform(least, most))


MEMBERD_FAULTS = (Faults.kill_memberd, Faults.stop_memberd, Faults.move_clock, Faults.move_clock, Faults.publish_policy)
REDIS_FAULTS = (Faults.flush_all, Faults.flush_scripts, Faults.save, Faults.save, Faults.restart_redis, Faults.redis_away,
                Faults.client_pause, Faults.freeze, Faults.full, Faults.values_spoiled, Faults.keys_gone, Faults.cut, Faults.cut,
                Faults.cut_in_the_middle, Faults.refuse, Faults.slow, Faults.deaf, Faults.silent, Faults.errors)


def hammer(world, seconds, readers=3, writers=2):
    """Until the time is over or something is wrong; the faults that there were."""
    faults = Faults(world, MEMBERD_FAULTS + (MEMBERD_FAULTS + REDIS_FAULTS if world.redis else ()))
    callers = [Reader(world, f"reader{n}") for n in range(readers)] + [Writer(world, f"writer{n}") for n in range(writers)]
    threads = [world.thread(caller) for caller in callers]
    end = time.monotonic() + seconds
    rest_at = time.monotonic() + 2
    try:
        while time.monotonic() < end and not world.ending.wait(faults.rng.uniform(0.02, 0.4)):
            faults.step()
            if time.monotonic() > rest_at:
                world.at_rest(lambda: compare_at_rest(world))
                rest_at = time.monotonic() + 5
    finally:
        world.ending.set()
        for thread in threads:
            thread.join(2 * DEADLINE)
    if world.checker.broken is not None:
        raise world.checker.broken
    compare_at_rest(world)
    return faults.done
