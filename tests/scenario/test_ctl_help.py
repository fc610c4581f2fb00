# SPDX-License-Identifier: Apache-2.0
"""What `memberctl help`, the README and the pages show is what one can type: every example is run as it is printed."""
import glob
import itertools
import json
import os
import re
import shutil
import subprocess

import pytest

import memberctl as ctl
from memberd import DEADLINE, environment

TREE = os.path.dirname(os.path.dirname(ctl.DATA))
LOG = os.path.join(ctl.DATA, "online_retail/online_retail")
BASKET = {"currency": "CNY", "lines": [{"lineNo": 1, "publicPrice": "100", "memberPrice": "100", "channel": "BASKET_CHANNEL_STANDARD"}]}
# Notes how each memberctl of the examples ended. An ellipsis is for the reader to fill in, and `watch` has no end of its own.
PRELUDE = """
memberctl() {
  local code=0
  case $1 in
  watch) timeout -s INT 2 "$PROGRAM" "$@"; code=1 ;;
  *) "$PROGRAM" "$@"; code=$? ;;
  esac
  echo "$code memberctl $*" >> ended
  return $code
}
...() { :; }
EDITOR=true member=taobao:4711 CURSOR=$(cat cursor)
"""


def examples(text):
    """The indented blocks of a help text, each a script."""
    lines = text.partition("\noptions:\n")[0].splitlines()
    for shown, block in itertools.groupby(lines, key=lambda line: line.startswith("  ")):
        if shown:
            yield "\n".join(line[2:] for line in block) + "\n"


def commands():
    text = ctl.Memberctl("x:1")("help").out
    return [line.split()[0] for line in text.split("commands:\n")[1].split("\n\n")[0].splitlines()]


@pytest.fixture
def folder(daemon, api, home):
    """Where the examples' members are, and their files."""
    for issuer, account in (("taobao", "4711"), ("taobao", "4712"), ("demo", "top"), ("online-retail", "14646")):
        api.enroll(account, issuer=issuer)
    run = ctl.Memberctl(daemon.target)
    record, = examples(run("record", "--help").out)
    order = record.partition("<<'END'\n")[2].removesuffix("END\n")
    json.loads(order)
    seen = run.spawn("watch", "--output", "json")
    cursor = json.loads(seen.stdout.readline())["cursor"]
    seen.kill()
    seen.wait()
    log = subprocess.run(["zstd", "-dc", LOG + ".csv.zst"], capture_output=True, check=True).stdout.splitlines(keepends=True)[:100]
    files = {"order.json": order, "basket.json": json.dumps(BASKET), "cursor": cursor, "retail.csv": b"".join(log).decode()}
    for name, content in files.items():
        with open(os.path.join(home, name), "w", encoding="utf-8") as file:
            file.write(content)
    subprocess.run(["zstd", "-q", "retail.csv"], cwd=home, check=True)
    shutil.copy(LOG + ".yaml", os.path.join(home, "retail.yaml"))
    run("record", os.path.join(home, "order.json"))
    return home


def run_block(block, folder, env):
    """Runs it and judges each memberctl in it."""
    ended = os.path.join(folder, "ended")
    open(ended, "w", encoding="utf-8").close()
    done = subprocess.run(["bash", "-c", PRELUDE + block], cwd=folder, env=env, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=6 * DEADLINE)
    with open(ended, encoding="utf-8") as file:
        codes = [(int(line.split()[0]), line) for line in file if re.match(r"\d+ memberctl", line)]
    assert len(codes) == block.count("memberctl "), (block, codes, done)
    for code, line in codes:
        # refused as a request may be, but understood; nobody serves at the address that `health` names, `head` has heard enough
        assert (code in (ctl.OK, ctl.NO, ctl.DATA_ERROR, ctl.NOT_FOUND) or code == 141 and "| head" in block
                or code == ctl.UNAVAILABLE and "health --server" in line), (line, done)
    for word in ("Sanitizer", "command not found", "syntax error", "jq: "):
        assert word not in done.stderr, done


def test_every_example_of_the_help(daemon, folder):
    env = environment({"MEMBERD_SERVER": daemon.target, "PROGRAM": ctl.PROGRAM})
    for name in commands():
        blocks = list(examples(ctl.Memberctl("x:1")("help", name).out))
        assert blocks, name
        for block in blocks:
            run_block(block, folder, env)


def test_every_example_of_the_pages(daemon, folder):
    env = environment({"MEMBERD_SERVER": daemon.target, "PROGRAM": ctl.PROGRAM})
    pages = [os.path.join(TREE, "README.md"), *glob.glob(os.path.join(TREE, "docs/*.md"))]
    seen = 0
    for page in pages:
        with open(page, encoding="utf-8") as file:
            lines = re.findall(r"^ *(memberctl .*)$", file.read(), re.M)
        for line in lines:
            run_block(re.sub(r" +# .*", "", line) + "\n", folder, env)
        seen += len(lines)
    assert seen > 20
