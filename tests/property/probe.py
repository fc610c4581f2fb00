# SPDX-License-Identifier: Apache-2.0
"""The domain alone (fold_probe) beside the oracle: asks both, compares everything."""
import os
import subprocess
import tempfile

import oracle
from oracle import DAY, key_of

import payload
import policies as policy_files

ROWS = ["UPGRADE", "AT_RISK", "RECOVERED", "STEP_DOWN", "FRAUD", "SETTLED", "LEVEL", "BELOW_KEEP", "ABOVE_KEEP", "OVERRIDE", "STATE"]
HOT = ["next change", "tier", "shown", "shown_until", "suspended", "credibility", "level", "at_risk", "below_keep", "protected_until", "points"]
HOT_CHANGES, HOT_BYTES, HOT_LONGEST = 16, 192, 60  # of a record; no change and the end after it take more than that
CAPS = ["DAY", "MONTH", "WINDOW", "COMMON_MONTH", "COMMON_WINDOW"]
NEVER = (1 << 63) - 1
FAR = 900 * DAY  # by then everything that ends has ended, but for decisions with an end of their own


class Probe:
    """One process; it may be asked about any number of ledgers."""

    def __init__(self, program):
        self.program, self.process, self.files = program, None, {}
        self.folder = tempfile.TemporaryDirectory(prefix="md-")
        self.loaded = None

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
        self.folder.cleanup()

    def _lines(self, *lines):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen([self.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self.loaded = None
        self.process.stdin.write("".join(line + "\n" for line in lines))

    def _ask(self, line):
        self._lines(line)
        self.process.stdin.flush()
        out = []
        for answer in self.process.stdout:
            if answer == ".\n":
                return out
            out.append(answer.split())
        raise AssertionError(f"fold_probe ended with {self.process.wait()}")

    def load(self, entries, policies, me):
        """A ledger; what it shares with the one before is not told again."""
        policies = sorted(policies, key=lambda p: p["effective_from"])
        told = [f"entry {e['revision']} {e['known_at']} {payload.encode(e).hex()}" for e in entries]
        head = [f"policy {p['known_at']} {self._file(p)}" for p in policies] + [f"member {me}"]
        if self.loaded is None or self.process.poll() is not None or self.loaded[0] != head or told[: len(self.loaded[1])] != self.loaded[1]:
            self._lines("reset", *head)
            self.loaded = (head, [])
        self._lines(*told[len(self.loaded[1]):])
        self.loaded = (head, told)

    def _file(self, p):
        text = policy_files.text(p)
        if text not in self.files:
            self.files[text] = os.path.join(self.folder.name, f"{len(self.files)}.yaml")
            with open(self.files[text], "w") as file:
                file.write(text)
        return self.files[text]

    def judge(self, new, now):
        """(state, reason, {revision: state} of the woken), of the ledger loaded."""
        first, *woken = self._ask(f"judge {now} {payload.encode(new).hex()}")
        if first[0] == "refused":
            return None, first[1], {}
        return first[1].upper(), None, {int(n): state.upper() for _, n, state in woken}

    def fold(self, t, known_at):
        out = {}
        for word, *values in self._ask(f"fold {t} {known_at}"):
            out.setdefault(word, []).append([int(v) if v.lstrip("-").isdigit() else v.upper() for v in values])
        return out

    def hot(self, t, known_at, published, instants):
        """({bytes, changes, good_until}, {instant: what the record says}, {instant: what the fold says})."""
        record, views, folds = None, {}, {}
        for word, *values in self._ask(f"hot {t} {known_at} {published} {' '.join(map(str, instants))}"):
            values = [int(v) for v in values]
            if word == "record":
                record = dict(zip(["bytes", "changes", "good_until"], values))
            else:
                (views if word == "view" else folds)[values[0]] = dict(zip(HOT, values[1:], strict=True))
        return record, views, folds


def standing(fold, t):
    s = fold.at(t)
    return {"points": s["score"]["score"], "version": s["version"], "tier": 1 + s["tier"], "shown": 1 + s["shown"],
            "shown_until": s["shown_until"], "suspended": int(s["suspended"]), "credibility": s["credibility"],
            "level": 1 + s["level"], "at_risk": int(s["at_risk"]), "below_keep": int(s["below_keep"]),
            "protected_until": s["protected_until"], "settled_at": s["settled_at"], "settled": s["settled"]}


def score_line(s):
    if s is None:
        return [0] * (8 + len(oracle.PARTS))
    return [s["score"], s["micro"], s["counted"], s["paid"], s["days"], s["platforms"], s["categories"], s["interaction"],
            *s["parts"].values()]


def row_line(row):
    at, kind, a, b, points, version = row
    more = 0 if kind == "STATE" else 1
    return [at, 1 + ROWS.index(kind), a + more, b + more, points, version]


def entry_lines(fold, t):
    told, states, out = oracle.counted(fold.deeds, t), fold.states(t), []
    for e in fold.ledger.entries:
        c = told.get(key_of(e), {})
        caps = oracle.caps_reached(fold.deeds, e["kind"], e["occurred_at"], t) if e["kind"] in oracle.KINDS else set()
        bits = sum(1 << i for i, cap in enumerate(CAPS) if cap in caps)
        out.append([e["revision"], states[key_of(e)], bits, c.get("points", c.get("counted", 0)), c.get("counted", 0), c.get("minor", 0),
                    *[c.get(cut, 0) for cut in ("day", "month", "window", "common")]])
    return out


def same(what, got, want):
    assert got == want, f"{what}\n   told {got}\n oracle {want}"


def compare(probe, fold, t, known_at):
    """Everything told of the ledger loaded, as it was known then, at t."""
    got = probe.fold(t, known_at)
    by_key = {key_of(e): e["revision"] for e in fold.ledger.entries}
    want = standing(fold, t)
    same("standing", dict(zip(want, got["standing"][0])), want)
    names = ["score", "micro", "counted", "paid", "days", "platforms", "categories", "interaction", *oracle.PARTS]
    same("live", dict(zip(names, got["live"][0])), dict(zip(names, score_line(fold.live(t)))))
    settled = fold.settled(want["settled_at"]) if want["settled_at"] else None
    same("settled", dict(zip(names, got["settled"][0])), dict(zip(names, score_line(settled))))
    same("history", got.get("row", []), [row_line(row) for row in fold.history(t)])
    for told, expected in zip(sorted(got.get("entry", [])), entry_lines(fold, t), strict=True):
        same("entry: revision, state, caps, points, counted, spend, cuts", told, expected)
    same("pending", sorted(got.get("pending", [])), sorted([by_key[key], *value] for key, value in fold.pending(t).items()))
    compare_future(fold, t, got)


def compare_future(fold, t, got):
    """Each entry of the schedule holds; nothing of the standing changes at any other instant; next_told."""
    schedule = got.get("change", [])
    end = max([t + FAR, *[c[0] for c in schedule]])
    rows = [row[0] for row in fold.history(end) if row[0] > t]
    same("next told", got["next"][0][2], rows[0] if rows else 0)
    same("next change", got["next"][0][0], schedule[0][0] if schedule else 0)
    for at, _, *told in schedule:
        want = standing(fold, at)
        same(f"scheduled at {at}", dict(zip(want, told)), want)
    told_at, before = {c[0] for c in schedule}, visible(fold, t)
    for at in fold.instants(t, end):
        now = visible(fold, at)
        if now != before and at not in told_at:
            changed = {k: (before[k], now[k]) for k in now if before[k] != now[k]}
            raise AssertionError(f"not in the schedule: {at} {changed}")
        before = now


def visible(fold, t):
    """The standing without the dates that move on with the calendar."""
    s = fold.at(t)
    return {k: v for k, v in s.items() if k != "settled_at"}


def compare_hot(probe, policies, t, known_at, published, instants):
    """A record made at t says of each later instant what the fold says, as long as it is good: from t on, until what did
    not fit, or until a version takes force that was published after it was made."""
    schedule = [at for at, *_ in probe.fold(t, known_at).get("change", [])]
    instants = sorted({t - 1, t, *instants, *[at + d for at in schedule[:HOT_CHANGES + 2] for d in (-1, 0, 1)]})
    record, views, folds = probe.hot(t, known_at, published, instants)
    kept = record["changes"]
    same("good until", record["good_until"], schedule[kept] if kept < len(schedule) else NEVER)
    assert kept == min(len(schedule), HOT_CHANGES) or record["bytes"] > HOT_BYTES - HOT_LONGEST, f"room left: {record} of {len(schedule)}"
    newer = [p["effective_from"] for p in policies if known_at < p["known_at"] <= published]
    for at in instants:
        good = t <= at < min([record["good_until"], *newer])
        assert (at in views) == good, f"record of {t} asked at {at}: {'is not' if good else 'is'} good, {record}"
        if good:
            same(f"record of {t} asked at {at}", views[at], folds[at])
    return record
