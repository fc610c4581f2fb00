# SPDX-License-Identifier: Apache-2.0
"""scripts/run with the programs of this build: a first start, broken off and gone on with, and everything in its way."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from memberd import BUILD, DEADLINE, environment, free_port

SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "scripts", "run")
LONG = 12 * DEADLINE  # a whole year of orders under sanitizers


class Run:
    """One start, in a process group of its own as a terminal would give it."""

    started = []

    def __init__(self, folder, *args, cwd=None, port=None, admin=None):
        self.folder = str(folder)
        self.port, self.admin = port or free_port(), admin or free_port()
        self.process = subprocess.Popen(
            [SCRIPT, *args], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env=environment({"RUN_BUILD": BUILD, "RUN_DIR": self.folder, "RUN_LISTEN": f"127.0.0.1:{self.port}",
                             "RUN_ADMIN_LISTEN": f"127.0.0.1:{self.admin}"}))
        self.out = ""
        Run.started.append(self.process)

    def until(self, words):
        """Reads what it says until a line of it has these words."""
        for line in self.process.stdout:
            self.out += line
            if words in line:
                return self
        raise AssertionError(f"never said: {words}\n{self.out}")

    def interrupt(self):
        os.killpg(self.process.pid, signal.SIGINT)  # as Ctrl-C does
        return self

    def ends(self, code, timeout=LONG):
        self.out += self.process.communicate(timeout=timeout)[0]
        assert self.process.returncode == code, (self.process.returncode, self.out)
        # nothing that it started is left in its group
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return self.out


@pytest.fixture(autouse=True)
def take_away():
    """What a test that failed left running."""
    yield
    for process in Run.started:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    Run.started.clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the first start of the first test below leaves behind; its path has a blank."""
    return tmp_path_factory.mktemp("a run") / "data"


def acknowledged(folder):
    try:
        with open(os.path.join(folder, "import.state"), encoding="utf-8") as state:
            return json.load(state)["activities"]
    except FileNotFoundError:
        return 0


def test_a_first_start_that_is_broken_off_is_gone_on_with(folder):
    run = Run(folder, "--once").until("Importing a year of orders")
    while acknowledged(folder) == 0 and run.process.poll() is None:
        time.sleep(0.02)
    run.interrupt().ends(130)
    assert not os.path.exists(folder / "import.done")
    out = Run(folder, "--once").ends(0)
    for words in ("541,909  lines in the file", "4,339  members enrolled",
                  "score            2500\n", "tier             black diamond\n", "level            apass level\n",
                  "account-manager         no ", "value-channel-discount: 20% off, at most CNY 50.00: applied",
                  "not held, tier too low; would take 39.80; unlocked by black diamond at 2500",
                  "marriott-bonvoy  gold", "88VIP for CNY 88.00"):
        assert words in out, (words, out)
    taken = [int(n.replace(",", "")) for n in re.findall(r"([0-9,]+)  activities (?:taken in|that had been taken in before)\n", out)]
    assert len(taken) == 2 and sum(taken) == 22384 and "REFUSED" not in out, out


def test_a_second_start_keeps_the_data_and_serves_until_it_is_stopped(folder):
    begun = time.monotonic()
    run = Run(folder).until("Ctrl-C stops it")
    assert time.monotonic() - begun < DEADLINE
    assert f"memberd serves on 127.0.0.1:{run.port}" in run.out and "Importing" not in run.out and "Enrolling" not in run.out and "score            2500\n" in run.out, run.out
    run.interrupt().ends(0)
    run = Run(folder).until("Ctrl-C stops it")
    os.kill(run.process.pid, signal.SIGTERM)
    run.ends(0)


def test_orders_that_were_told_before_a_break_are_not_made_anew(folder):
    """They are dated by the day on which they were made: on another day the same keys would tell something else."""
    os.remove(folder / "top.done")
    with open(folder / "top.json", encoding="utf-8") as file:
        before = file.read()
    out = Run(folder, "--once").ends(0)
    assert "was there before" in out, out
    with open(folder / "top.json", encoding="utf-8") as file:
        assert file.read() == before


def test_somebody_else_at_the_address_is_not_taken_for_ones_own(start, home):
    """He is asked nothing, and nothing is imported into him."""
    other = start()
    mine = os.path.join(home, "mine")
    for wrong, code, words in ((dict(port=other.port), 69, f"cannot listen on '127.0.0.1:{other.port}'"),
                               (dict(admin=other.admin_port), 69, "the address cannot be bound; is it in use?"),
                               (dict(port="x"), 64, "'127.0.0.1:x' is no address")):
        out = Run(mine, "--once", **wrong).ends(code)
        assert words in out and "memberd does not start" in out and "RUN_LISTEN" in out, out
        assert '"level":"warn"' not in out, out
        assert not os.path.exists(os.path.join(mine, "import.state")) and "Importing" not in out, out
    assert not other.events("call")


def test_a_database_that_is_gone_takes_its_marks_along(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "data")
    run = Run(tmp_path / "copy").until("Importing a year of orders")
    run.interrupt().ends(130)


def test_folders_are_named_from_where_one_stands(tmp_path):
    (tmp_path / "file").touch()
    out = Run("file", cwd=tmp_path).ends(73)
    assert f"{tmp_path}/file cannot be written; RUN_DIR=DIR" in out, out
    assert "usage" not in out and "RUN_DIR=DIR" in Run("x", "--help", cwd=tmp_path).ends(0)
    for args in (["--twice"], ["--once", "--once"]):
        assert f"there is no option '{' '.join(args)}'" in Run("x", *args, cwd=tmp_path).ends(64)
    assert os.listdir(tmp_path) == ["file"]


def test_a_memberd_that_ends_is_told(folder):
    run = Run(folder).until("Ctrl-C stops it")
    with open(folder / "data" / "memberd.db.lock", encoding="utf-8") as lock:
        os.kill(int(lock.read()), signal.SIGKILL)
    assert "memberd has ended, see" in run.ends(137)
    run = Run(folder).until("Ctrl-C stops it")
    with open(folder / "data" / "memberd.db.lock", encoding="utf-8") as lock:
        os.kill(int(lock.read()), signal.SIGTERM)
    run.ends(0)  # it was asked to
