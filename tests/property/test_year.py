# SPDX-License-Identifier: Apache-2.0
"""The real year of Online Retail, imported whole: every customer is what the oracle makes of an independent
reading of the file; kills, repetitions and other sequences of its lines change nothing.

MEMBERD_YEAR_KILLS=N kills that often, MEMBERD_YEAR_SEED=N at other moments."""
import concurrent.futures
import datetime
import os
import random
import subprocess
import sys
import time

import pytest

import memberctl as ctl
import oracle
from memberd import M, Memberd, free_port
from oracle import DEFAULT, EPOCH

sys.path.insert(0, os.path.join(os.path.dirname(ctl.DATA), "import"))
import online_retail_oracle  # noqa: E402

FOLDER = os.path.join(ctl.DATA, "online_retail")
MAPPING = os.path.join(FOLDER, "online_retail.yaml")
LOG = os.path.join(FOLDER, "online_retail.csv.zst")
WEEKS = 780  # ends at 2026-11-20, hours before the clock of scenarios
NOW = 1795219200_000000  # memberd.NOW
KILLS = int(os.environ.get("MEMBERD_YEAR_KILLS", "6"))
SEED = int(os.environ.get("MEMBERD_YEAR_SEED", "20261121"))


def import_args(file, *more):
    return ["import", "--mapping", MAPPING, "--shift-weeks", str(WEEKS), *more, file]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("year")


@pytest.fixture(scope="module")
def plain(folder):
    """The file, unpacked."""
    path = os.path.join(folder, "plain.csv")
    subprocess.run(["zstd", "-q", "-d", "-o", path, LOG], check=True)
    return path


@pytest.fixture(scope="module")
def ledgers(plain):
    """customer -> entries, as the oracle wants them, from the independent reading of the file."""
    orders, reversals, _ = online_retail_oracle.compute(plain)
    out = {}

    def entry(kind, event, customer, when, order_id):
        when += datetime.timedelta(weeks=WEEKS)
        mine = out.setdefault(customer, [])
        mine.append({"kind": kind, "source": "online-retail", "source_event_id": event, "order_source": "online-retail",
                     "order_id": order_id, "revision": 2 + len(mine), "known_at": NOW,
                     "occurred_at": (when - EPOCH) // datetime.timedelta(microseconds=1)})
        return mine[-1]

    for invoice, customer, when, lines in orders:
        made = entry("order", invoice, customer, when, invoice)
        made["platform"], made["completed_at"] = "shopping", made["occurred_at"]
        made["lines"] = [{"line_no": no, "type": kind.removeprefix("LINE_TYPE_").lower(), "currency": "GBP",
                          "amount": pence, "category": category} for no, kind, pence, category in lines]
    for event, order_id, customer, when, pieces in reversals:
        made = entry("reversal", event, customer, when, order_id)
        made["lines"] = dict(pieces)
        made["currencies"] = {no: "GBP" for no, _ in pieces}
    return out


def ask(api, who):
    return api.scores.GetScore(member=M.MemberRef(identity=dict(issuer="online-retail", external_id=who)))


def end_state(api, customers):
    """Everything that is told of each customer, ids aside; the explanation must add up."""
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda who: ask(api, who), customers))
    for answer in answers:
        for score in (answer.score, answer.settled):
            assert sum(part.micro_points for part in score.parts) == score.score * 10**6, answer
        answer.ClearField("member_id")
        for order in answer.pending:
            order.ClearField("entry_id")
    return {who: answer.SerializeToString(deterministic=True) for who, answer in zip(customers, answers)}


class Year:
    """A memberd that took in the whole file, undisturbed."""

    def __init__(self, folder, customers):
        self.daemon = Memberd(folder).start()
        self.run = ctl.Memberctl(self.daemon.target)
        self.sent = self.run.json(*import_args(LOG), timeout=300)["sent"]
        self.state = end_state(self.daemon.api(), customers)


@pytest.fixture(scope="module")
def year(folder, ledgers):
    made = Year(folder, sorted(ledgers))
    yield made
    assert made.daemon.stop() == 0
    made.daemon.close()
    assert not made.daemon.sanitizer_reports()


def test_all_of_it_arrives_once(year, ledgers):
    assert len(ledgers) == 4339
    assert year.sent["enrolled"] == 4339 and year.sent["accepted"] == sum(len(mine) for mine in ledgers.values())
    assert (year.sent["replayed"], year.sent["parked"], year.sent["refused"]) == (0, 0, {})


def compare(got, want, settled, who):
    parts = {part.kind: part.micro_points for part in got.score.parts}
    assert got.score.score == want["score"]["score"], who
    assert [parts.get(kind, 0) for kind in (1, 2, 3)] == [want["score"]["parts"][name] for name in ("spend", "frequency", "breadth")], who
    assert (got.score.counted_spend.minor, got.score.spend.minor) == (want["score"]["counted"], want["score"]["paid"]), who
    assert (got.tier - 1, got.level - 1) == (want["tier"], want["level"]), who
    assert (got.settled.score, got.settled.spend.minor) == (settled["score"], settled["paid"]), who


def test_every_customer_is_what_the_oracle_says(year, ledgers):
    last = oracle.instant(oracle.month_of(NOW, DEFAULT), DEFAULT["settlement_day"], DEFAULT)
    assert last <= NOW
    for who, entries in ledgers.items():
        got = M.GetScoreResponse.FromString(year.state[who])
        fold = oracle.Fold(entries, [DEFAULT])
        want = fold.at(NOW)
        settled = fold.settled(last) if want["settled_at"] else {"score": 0, "paid": 0}
        compare(got, want, settled, who)
        assert got.info.revision == 1 + len(entries), who
        assert {order.order_id: order.posts_at.ToMicroseconds() for order in got.pending} == {
            key: posts_at for (_, key), (posts_at, _) in fold.pending(NOW).items()}, who


def test_a_second_import_changes_nothing(year, ledgers):
    sent = year.run.json(*import_args(LOG), timeout=300)["sent"]
    assert (sent["accepted"], sent["replayed"], sent["refused"]) == (0, year.sent["accepted"], {})
    assert end_state(year.daemon.api(), sorted(ledgers)) == year.state


def test_other_sequences_of_the_lines_end_alike(start, home, plain, year, ledgers):
    with open(plain, "rb") as file:
        header, *lines = file.readlines()
    random.Random(SEED).shuffle(lines)
    shuffled = os.path.join(home, "shuffled.csv")
    with open(shuffled, "wb") as file:
        file.writelines([header, *lines])
    daemon = start("--store", "memory")
    sent = ctl.Memberctl(daemon.target).json(*import_args(shuffled), timeout=300)["sent"]
    assert sent["accepted"] == year.sent["accepted"]
    assert end_state(daemon.api(), sorted(ledgers)) == year.state


class Killed:
    """An import whose memberd and memberctl are killed now and then, and started again."""

    def __init__(self, start, home):
        self.begin, self.port = start, free_port()
        self.args = import_args(LOG, "--state", os.path.join(home, "state"))
        self.daemon = start(port=self.port)
        self.process = None
        self.go_on()

    def go_on(self):
        self.process = ctl.Memberctl(self.daemon.target).spawn(*self.args)

    def is_done(self):
        return self.process.poll() is not None

    def kill(self, what):
        """False when the import has ended by itself."""
        if self.is_done():
            return False
        if what != "memberd":
            self.process.kill()
            self.process.communicate()
        if what != "memberctl":
            self.daemon.kill()
            self.daemon = self.begin(port=self.port)
        if what != "memberd":
            self.go_on()
        return True


def test_kills_at_random_moments_lose_and_double_nothing(start, home, year, ledgers):
    chance = random.Random(SEED)
    killed, kills = Killed(start, home), {"memberd": 0, "memberctl": 0, "both": 0}
    while sum(kills.values()) < KILLS:
        what = chance.choice(sorted(kills))
        # into the sending, wherever it has got to by then
        if what == "memberd" or chance.random() < 0.8:
            killed.daemon.wait_event("call", len(killed.daemon.events("call")) + chance.randint(1, 4))
        time.sleep(chance.uniform(0, 0.2))
        if not killed.kill(what):
            break
        kills[what] += 1
    out, err = killed.process.communicate(timeout=300)
    assert killed.process.returncode == 0, (out, err)
    assert sum(kills.values()) >= min(KILLS, 5), kills
    assert end_state(killed.daemon.api(), sorted(ledgers)) == year.state
