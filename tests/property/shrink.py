# SPDX-License-Identifier: Apache-2.0
"""A failing case made small, and written so that a person can read it. A case is a dict with entries,
policies, me, and a question; `fails(case)` raises AssertionError as long as it fails."""
import copy
import json
import os
import time
from fractions import Fraction

from oracle import DEFAULT, HOUR

from play import OWN

FOLDER = os.environ.get("MEMBERD_PROPERTY_KEEP", os.path.join(os.path.dirname(os.path.abspath(__file__)), "regressions"))
BUDGET = float(os.environ.get("MEMBERD_PROPERTY_SHRINK", "25"))  # seconds


class Shrinker:
    def __init__(self, case, check):
        self.case, self.check, self.end = copy.deepcopy(case), check, time.monotonic() + BUDGET

    def fails(self, case):
        try:
            self.check(case)
        except AssertionError:
            return True
        except Exception:  # no longer a case at all
            return False
        return False

    def attempt(self, change):
        """Takes a change over if the case still fails after it."""
        if time.monotonic() > self.end:
            return False
        smaller = copy.deepcopy(self.case)
        if change(smaller) is False or smaller == self.case or not self.fails(smaller):
            return False
        self.case = smaller
        return True

    def drop_some(self, name):
        """Whole chunks first, then single ones."""
        size = max(1, len(self.case[name]) // 2)
        while size:
            i = 0
            while i < len(self.case[name]):
                def cut(c, i=i, size=size):
                    del c[name][i:i + size]
                if not self.attempt(cut):
                    i += size
            size //= 2

    def simplify_entry(self, i, where="entries"):
        def entry(c):
            return c[where][i] if where == "entries" else c[where]

        lines = entry(self.case).get("lines")
        if isinstance(lines, list):
            for no in [l["line_no"] for l in lines]:
                self.attempt(lambda c, no=no: entry(c).update(lines=[l for l in entry(c)["lines"] if l["line_no"] != no]) if len(entry(c)["lines"]) > 1 else False)
            for j in range(len(entry(self.case)["lines"])):
                for field, value in (("coupon", 0), ("points", 0), ("currency", "CNY"), ("type", "goods"), ("sub_kind", ""), ("category", "")):
                    self.attempt(lambda c, j=j, f=field, v=value: entry(c)["lines"][j].update({f: v}))
                for part in (1000, 10, 2):
                    self.attempt(lambda c, j=j, part=part: entry(c)["lines"][j].update(amount=entry(c)["lines"][j]["amount"] // part))
        for field in ("pictures", "verified"):
            self.attempt(lambda c, f=field: entry(c).update({f: False}) if f in entry(c) else False)
        if entry(self.case)["source"] != OWN:  # a decision occurs at its commit
            self.attempt(lambda c: entry(c).update(occurred_at=entry(c)["occurred_at"] // HOUR * HOUR))

    def run(self):
        rounds = 0
        before = None
        while before != self.case and rounds < 4 and time.monotonic() < self.end:
            before, rounds = copy.deepcopy(self.case), rounds + 1
            self.drop_some("entries")
            if len(self.case["policies"]) > 1:
                for p in [p["version"] for p in self.case["policies"][1:]]:
                    self.attempt(lambda c, p=p: c.update(policies=[q for q in c["policies"] if q["version"] != p]))
            for name in ("zone", "settlement_day"):  # the same in all versions
                self.attempt(lambda c, name=name: [p.update({name: DEFAULT[name]}) for p in c["policies"]])
            for j in range(len(self.case["policies"])):
                for name in DEFAULT:
                    if name not in ("version", "effective_from", "known_at", "zone", "settlement_day"):
                        self.attempt(lambda c, j=j, name=name: c["policies"][j].update({name: copy.deepcopy(DEFAULT[name])}))
            for i in range(len(self.case["entries"])):
                self.simplify_entry(i)
        return self.case


def to_json(case):
    """Policies as what differs from the default."""
    out = dict(case)
    out["policies"] = [{k: {c: str(r) for c, r in v.items()} if k == "rates" else v for k, v in p.items()
                        if v != DEFAULT[k] or k in ("version", "effective_from", "known_at")} for p in case["policies"]]
    return out


def from_json(data):
    case = dict(data)
    case["policies"] = [{**DEFAULT, **p} for p in data["policies"]]
    for p in case["policies"]:
        p["rates"] = {c: Fraction(r) for c, r in p["rates"].items()}
        p["curve"] = [tuple(piece) for piece in p["curve"]]
    for e in [*case["entries"], *([case["new"]] if "new" in case else [])]:
        if "about" in e:
            e["about"] = tuple(e["about"])
        if e["kind"] == "reversal":
            for field in ("lines", "currencies"):
                e[field] = {int(no): v for no, v in e[field].items()}
    return case


def keep(case, check, name):
    """Shrinks it, writes it; its path."""
    shrinker = Shrinker(case, check)
    small = shrinker.run()
    try:
        check(small)
    except AssertionError as failure:
        small["failed_with"] = str(failure)
    os.makedirs(FOLDER, exist_ok=True)
    path = os.path.join(FOLDER, name + ".json")
    with open(path, "w") as file:
        json.dump(to_json(small), file, indent=1)
        file.write("\n")
    return path


def load(path):
    with open(path) as file:
        return from_json(json.load(file))
