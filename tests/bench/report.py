# SPDX-License-Identifier: Apache-2.0
"""What a run tells: figures for programs, tables for eyes."""
import statistics

BASE = "empty_coalesced"
READY_MOST_MS = 1000


def label(size):
    return f"{size // 1_000_000}m" if size >= 1_000_000 else f"{size // 1000}k"


def verdict(value, target):
    return "" if target is None else "passed" if value <= target else "missed"


class Report:
    def __init__(self):
        self.figures, self.left_out, self.rows = [], [], []

    def tell(self, name, value, unit, target=None):
        """A figure that stands by itself, also in the last table."""
        self.figures.append(dict(name=name.replace(" ", "_").replace(",", ""), value=round(value, 3), unit=unit))
        self.rows.append((name, value, unit, target))

    def ready(self, size, ms):
        self.tell(f"ready_{label(size)}", ms, "ms", READY_MOST_MS)

    def _figure(self, name, value, unit, ratio=None, against=None):
        figure = dict(name=name, value=round(value, 3), unit=unit)
        if ratio is not None:
            figure.update(ratio=round(ratio, 3), against=against)
        self.figures.append(figure)

    def measures(self, measures):
        by_name = {one.name: one for one in measures}
        print(f"{'':36} {'CPU us':>7} {'ratio':>6} {'':7} {'target':>7} {'':6} {'req/s':>8} {'p50 us':>7} {'p99 us':>7} {'RSS MB':>6}")
        for one in measures:
            self._measure(one, by_name[BASE if one.by == "h2load" else f"{BASE}_load"])
        for name in ("check_hot", BASE):
            if f"{name}_load" in by_name and name in by_name:
                ratio = statistics.median(by_name[f"{name}_load"].ratios(by_name[name]))
                self.tell(f"load_by_h2load_{name}", ratio, "x")

    def _measure(self, one, base):
        ratios, cpu = sorted(one.ratios(base)), one.median("cpu_us") / one.items
        ratio = statistics.median(ratios)
        # half of the rounds lie within it
        spread = (ratios[len(ratios) * 3 // 4] - ratios[len(ratios) // 4]) / 2
        self._figure(f"{one.name}_cpu", cpu, "us", *((ratio, f"{base.name}_cpu") if one is not base else ()))
        for what, unit in (("rps", "1/s"), ("p50_us", "us"), ("p99_us", "us")):
            self._figure(f"{one.name}_{what.removesuffix('_us')}", one.median(what), unit)
        self._figure(f"{one.name}_rss", one.rss_mb, "MB")
        if one.beside is not None:
            self.tell(f"{one.name}_{one.beside.name}_cpu", one.median("beside_us"), "us")
        # a batch has its target in microseconds, everything else in ratios
        target = "" if one.target is None else f"{one.target:.2f} {'us' if one.items > 1 else 'x'}"
        print(f"{one.title:36} {cpu:7.2f} {ratio:6.2f} +-{spread:5.2f} {target:>7} "
              f"{verdict(cpu if one.items > 1 else ratio, one.target):6} {one.median('rps'):8.0f} {one.median('p50_us'):7.0f} "
              f"{one.median('p99_us'):7.0f} {one.rss_mb:6.0f}")

    def rest(self):
        print()
        for name, value, unit, target in self.rows:
            limit = "" if target is None else f"target {target} {unit}"
            print(f"{name:44} {value:9.2f} {unit:5} {limit:14} {verdict(value, target)}")
        for name, why in self.left_out:
            print(f"{name:44} left out: {why}")
