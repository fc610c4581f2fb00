# SPDX-License-Identifier: Apache-2.0
"""Tier, standing and history: the instants one after the other, at each everything computed anew.

At one instant: what posts, ends and is found; the fall of a finding; the upgrade; the settlement."""
from bisect import bisect_right

from .deeds import Deeds
from .ledger import Ledger, key_of
from .policy import highest, policy_at
from .score import fake_terms, live_window, score
from .times import NEVER, instant, is_settlement, month_of, settlement

TRACKS = {"tier": {"UPGRADE", "AT_RISK", "RECOVERED", "STEP_DOWN", "FRAUD"}, "settlement": {"SETTLED"}, "level": {"LEVEL"},
          "keep": {"BELOW_KEEP", "ABOVE_KEEP"}, "override": {"OVERRIDE"}, "state": {"STATE"}}


class Fold:
    """One ledger under its policies; ask at(t), states(t), history(t) for any t."""

    def __init__(self, entries, policies, me=0):
        self.policies = policies
        self.ledger = Ledger(entries, policies, me)
        self.deeds = Deeds(self.ledger)
        self.begin = self.deeds.begin()
        self._scores, self._rows, self._steps, self._end = {}, [], [], -NEVER

    # scores

    def score(self, first, last, t):
        if (first, last, t) not in self._scores:
            self._scores[first, last, t] = score(self.deeds, first, last, t)
        return self._scores[first, last, t]

    def live(self, t):
        """Of this month and those before."""
        return self.score(*live_window(t, policy_at(self.policies, t)), t)

    def settled(self, t):
        """By the settlement at t: of the whole months before."""
        policy = policy_at(self.policies, t)
        month = month_of(t, policy)
        return self.score(month - policy["window_months"], month - 1, t)

    # what a person decided

    def override(self, t):
        """The one that shows: of those running the one made last."""
        running = [e for e in self.ledger.entries if e["kind"] == "override" and e["known_at"] <= t and (not e["until"] or t < e["until"])]
        return running[-1] if running else None

    def shown(self, t, natural):
        over = self.override(t)
        return (over["tier"], over["until"]) if over and over["tier"] is not None else (natural, 0)

    def suspended(self, t):
        told = [e for e in self.ledger.entries if e["kind"] == "suspension" and e["known_at"] <= t]
        return bool(told) and told[-1]["suspended"]

    # the timeline

    def instants(self, start, end):
        """Everything in (start, end] at which something may change."""
        out = self.deeds.instants() | {p["effective_from"] for p in self.policies}
        for e in self.ledger.applied("finding"):
            out |= set(fake_terms(self.ledger, e)[:3])
        month = month_of(start, self.policies[0])
        while instant(month, 1, self.policies[0]) <= end:
            out |= {instant(month, 1, self.policies[0]), settlement(month, self.policies[0])}
            month += 1
        return sorted(t for t in out if start < t <= end)

    def first(self):
        """The timeline begins here; settlements count from self.begin on."""
        decided = [e["known_at"] for e in self.ledger.entries if e["kind"] in ("override", "suspension")]
        return min([self.begin, *decided])

    def _walk(self, end):
        state = {"tier": 0, "at_risk": False, "protected": 0, "settled_at": 0, "settled": None, "level": 0, "below": False,
                 "shown": 0, "override": None, "suspended": False}
        self._rows, self._steps, self._end = [], [(-NEVER, dict(state))], end
        first = self.first()
        if first <= end:
            for t in self.instants(first - 1, end):
                self._step(t, state)
                self._steps.append((t, dict(state)))

    def _row(self, t, kind, a, b, points):
        self._rows.append((t, kind, a, b, points, policy_at(self.policies, t)["version"]))

    def _step(self, t, state):
        policy = policy_at(self.policies, t)
        now = self.live(t)["score"]
        best = highest(now, policy["attain"])
        if any(self.ledger.span(e)[0] == t < self.ledger.span(e)[1] for e in self.ledger.applied("finding")):
            self._fall(t, state, now, best)
        if best > state["tier"]:
            self._row(t, "UPGRADE", state["tier"], best, now)
            state["tier"], state["at_risk"] = best, False
            state["protected"] = settlement(month_of(t, policy) + policy["protection_months"], policy)
        if is_settlement(t, policy) and t >= self.begin:
            self._settle(t, state, now, policy)
        level = highest(now, policy["levels"])
        if level != state["level"]:
            self._row(t, "LEVEL", state["level"], level, now)
            state["level"] = level
        below = now < policy["keep"][state["tier"]]
        if below != state["below"]:
            self._row(t, "BELOW_KEEP" if below else "ABOVE_KEEP", state["tier"], state["tier"], now)
            state["below"] = below
        self._mask(t, state, now)

    def _fall(self, t, state, now, best):
        fallen = min(state["tier"], best)
        if fallen < state["tier"] or state["at_risk"] or state["protected"] > t:
            self._row(t, "FRAUD", state["tier"], fallen, now)
        state["tier"], state["at_risk"], state["protected"] = fallen, False, 0

    def _settle(self, t, state, now, policy):
        verdict, tier = self.settled(t)["score"], state["tier"]
        judges = t >= state["protected"]
        kind = None
        if judges and verdict >= policy["keep"][tier]:
            kind = "RECOVERED" if state["at_risk"] else None
            state["at_risk"] = False
        elif judges and now < policy["attain"][tier]:
            kind = "STEP_DOWN" if state["at_risk"] else "AT_RISK"
            state["tier"] -= state["at_risk"]
            state["at_risk"] = not state["at_risk"]
        if state["settled"] != verdict:
            self._row(t, "SETTLED", state["tier"], state["tier"], verdict)
        state["settled"], state["settled_at"] = verdict, t
        if kind:
            self._row(t, kind, tier, state["tier"], verdict)

    def _mask(self, t, state, now):
        over = self.override(t)
        name = key_of(over) if over and over["tier"] is not None else None
        shown = self.shown(t, state["tier"])[0]
        if name != state["override"]:
            self._row(t, "OVERRIDE", state["shown"], shown, now)
        state["override"], state["shown"] = name, shown
        suspended = self.suspended(t)
        if suspended != state["suspended"]:
            self._row(t, "STATE", 1 + state["suspended"], 1 + suspended, now)
            state["suspended"] = suspended

    # answers

    def history(self, t, tracks=None):
        """(effective_at, kind, from, to, points, policy version) up to t."""
        if t > self._end:
            self._walk(t)
        kinds = set.union(*(TRACKS[track] for track in tracks or TRACKS))
        return [row for row in self._rows if row[0] <= t and row[1] in kinds]

    def at(self, t):
        """The standing at t."""
        if t > self._end:
            self._walk(t)
        state = self._steps[bisect_right(self._steps, t, key=lambda step: step[0]) - 1][1]
        now = self.live(t)
        policy = policy_at(self.policies, t)
        shown, shown_until = self.shown(t, state["tier"])
        return {
            "score": now, "tier": state["tier"], "at_risk": state["at_risk"], "level": highest(now["score"], policy["levels"]),
            "protected_until": state["protected"] if state["protected"] > t else 0,
            "below_keep": now["score"] < policy["keep"][state["tier"]],
            "settled_at": state["settled_at"], "settled": state["settled"] or 0,
            "shown": shown, "shown_until": shown_until, "suspended": state["suspended"],
            "credibility": now["credibility"], "version": policy["version"],
        }

    def states(self, t):
        return {key_of(e): self.deeds.state(e, t) for e in self.ledger.entries}

    def pending(self, t):
        """key -> (posts at or 0, micro-points that it would add if it posted at t), of orders paid by then."""
        out = {}
        for o in self.deeds.orders:
            if o.at <= t and o.state(t) == "PENDING":
                window = live_window(t, policy_at(self.policies, t))
                added = score(self.deeds, *window, t, also=o)["micro"] - self.live(t)["micro"]
                out[key_of(o.entry)] = (o.posting if o.posting != NEVER and o.early == NEVER else 0, added)
        return out

    def pending_keys(self, t):
        return {key_of(o.entry) for o in self.deeds.orders if o.at <= t and o.state(t) == "PENDING"}
