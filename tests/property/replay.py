# SPDX-License-Identifier: Apache-2.0
"""A ledger that some world made, told anew to a fresh memberd: for what failed through the public API.

A case has entries, policies, me, friends, t and known_at; ids of members and keys of the service's own
entries are those of the first time and are translated."""
import oracle
from oracle import key_of

from drive import House, Run
from play import OWN


class Replay(Run):
    def __init__(self, house, case):
        super().__init__(house, case["seed"])
        self.people = {case["me"]: self.member, **dict(zip(case["friends"], house.friends))}
        self.keys = {}  # of the service's own entries: as they were -> as they are
        for e in sorted([*case["entries"], *case["policies"][1:]], key=lambda e: e["known_at"]):
            house.tick(max(0, e["known_at"] - house.now - 1000))
            if "kind" not in e:
                self.publish({**e, "version": len(house.policies) + 1})
            elif e["source"] == OWN:
                before = len(self.entries)
                self.decide(self.translate(self.decision(e, case["entries"])))
                if len(self.entries) > before:
                    self.keys[key_of(e)] = key_of(self.entries[-1])
            else:
                self.record([self.translate(e)])

    @staticmethod
    def decision(e, entries):
        if e["kind"] == "undo":
            return {"kind": "reverse", "about": e["about"]}
        if e["kind"] == "reversal":
            order = next(o for o in entries if o["kind"] == "order" and (o["source"], o["order_id"]) == (e["order_source"], e["order_id"]))
            return {"kind": "reverse", "about": key_of(order)}
        return e

    def translate(self, e):
        e = {k: v for k, v in e.items() if k not in ("revision", "known_at")}
        for field in ("by", "asker", "other"):
            if field in e:
                e[field] = self.people[e[field]]
        if "about" in e:
            e["about"] = self.keys.get(e["about"], e["about"])
        return e


def begin(case):
    """Before everything in it."""
    return min([case["t"], *[e["known_at"] for e in [*case["entries"], *case["policies"][1:]]]]) - oracle.SECOND


def check(daemon, clock, begun, case):
    """Raises AssertionError when memberd answers otherwise than the oracle, on the way or at the end."""
    house = House(daemon, clock, begun)
    run = Replay(house, case)
    house.tick(max(0, case["t"] - house.now) + 1000)
    if run.entries:
        run.ask()
