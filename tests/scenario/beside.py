# SPDX-License-Identifier: Apache-2.0
"""A memberd beside a Redis: whether it is well, whether its answers are right, what its metrics say."""
import time

from memberd import DEADLINE, order, ref

BENEFIT = "priority-service"  # from gold up
GOLD = 3
WAITS = 40  # calls that may wait for a Redis that does not answer, before it is asked no more


class Beside:
    """redis_url: what it is told; `args` may give it a process cache: without one every read of a hot member asks Redis."""

    def __init__(self, start, redis_url, *args, members=12, **options):
        if "--cache-mb" not in args:
            args = ("--cache-mb", "0", *args)
        self.start = lambda: start("--redis", redis_url, "--access-log", "errors", *args, **options)
        self.again()
        self.members = [self.api.enroll(f"m{n}") for n in range(members)]
        self.written = 0
        for _ in range(2):
            self.write()

    def again(self):
        """Another memberd goes on, where the one before was stopped or killed."""
        self.daemon = self.start()
        self.api = self.daemon.api()

    def write(self):
        """Everybody's score and revision change, and somebody's tier."""
        self.written += 1
        results = self.api.record(*[order(member, f"e{self.written}", 10000 * (1 + n) ** 2, category=f"c{self.written}")
                                    for n, member in enumerate(self.members)])
        assert all(result.status.code == 0 and result.info.revision == 1 + self.written for result in results), results

    def read(self, member, **fields):
        return self.api.members.GetMember(member=ref(member), **fields)

    def right(self, rounds=1):
        """Every answer is that of the ledger."""
        for _ in range(rounds):
            for member in self.members:
                answer = self.read(member)
                ledger = self.api.score(member)
                standing = answer.member.standing
                assert (standing.score, standing.tier, answer.info.revision, answer.info.policy_version) == (
                    ledger.score.score, ledger.tier, ledger.info.revision, ledger.info.policy_version)
                assert answer.info.revision == 1 + self.written
                allowed = self.api.benefits.CheckBenefit(member=ref(member), benefit_id=BENEFIT)
                assert allowed.entitlement.allowed == (ledger.tier >= GOLD) and allowed.info.revision == 1 + self.written

    # how Redis is, as memberd says it

    def line(self):
        """The line about Redis of /readyz, which is 200 whatever Redis does."""
        status, text = self.daemon.http("/readyz")
        assert status == 200, text
        (line,) = [line for line in text.splitlines() if line.startswith("redis: ")]
        return line

    def until(self, what, condition):
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, f"not {what}: {self.line()}\n{self.daemon.metrics()}"
            time.sleep(0.01)

    def until_well(self):
        self.until("well", lambda: self.line() == "redis: well" and self.metric("believed") == 1)
        assert self.daemon.metrics()["memberd_redis_up"] == 1
        self.until("SERVING", lambda: self.api.health("memberd.redis") == "SERVING")
        assert self.api.health() == "SERVING"

    def until_degraded(self, doing=None):
        """It says so everywhere, and is not down. doing: calls that make it notice."""
        def is_degraded():
            if doing is not None:
                doing()
            return self.line().startswith("redis: degraded: ") and self.api.health("memberd.redis") == "NOT_SERVING"
        self.until("degraded", is_degraded)
        assert self.api.health() == "SERVING" and self.api.health("memberd.v1.BenefitService") == "SERVING"

    def metric(self, name):
        return self.daemon.metrics()["memberd_redis_" + name + ("" if name in ("up", "believed") else "_total")]

    def hits(self):
        """Redis answers: after a while every read is a hit."""
        self.until_well()

        def all_hit():
            before = self.metric("hits")
            self.right()
            return self.metric("hits") - before >= 2 * len(self.members)
        self.until("answered by Redis", all_hit)
