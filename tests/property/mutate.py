#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does the property test see it when the domain is wrong? Small wrongs (mutations.py) are put into a copy of
the tree, one at a time; each must make tests/property/test_fold.py fail. Run by hand: scripts/mutate.

    scripts/mutate [--seconds S] [--seed N] [NAME...]

S seconds of worlds at most for each (default 40); NAMEs choose mutations by parts of their names."""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from mutations import MUTATIONS

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
TARGETS = ["tests/property/fold_probe", "proto/memberd.binpb"]


def copy_tree(to):
    files = subprocess.run(["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if os.path.exists(os.path.join(ROOT, name)):
            os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
            shutil.copy2(os.path.join(ROOT, name), os.path.join(to, name))


def build(tree):
    return subprocess.run(["ninja", "-C", "build", *TARGETS], cwd=tree, capture_output=True, text=True)


def play(tree, seconds, seed):
    """None when nothing was found, else the first words of what was."""
    env = {**os.environ, "MEMBERD_PROPERTY_SECONDS": str(seconds), "MEMBERD_PROPERTY_SEED": str(seed), "MEMBERD_PROPERTY_SHRINK": "0",
           "MEMBERD_PROPERTY_KEEP": os.path.join(tree, "kept"), "UBSAN_OPTIONS": "halt_on_error=1", "PYTEST_ADDOPTS": "-x"}
    try:
        done = subprocess.run([sys.executable, "tests/scenario/run.py", "build", "tests/property/test_fold.py"], cwd=tree, env=env,
                              capture_output=True, text=True, timeout=seconds + 60)
    except subprocess.TimeoutExpired:
        return "it hangs"
    if done.returncode == 0:
        return None
    found = re.findall(r"json: (.+)", done.stdout) or re.findall(r"(fold_probe ended with \S+)", done.stdout) or ["?"]
    return found[0][:60]


def mutate(tree, mutation, seconds, seed):
    """(verdict, how, seconds taken)."""
    name, file, old, new = mutation
    path = os.path.join(tree, file)
    with open(path) as source:
        text = source.read()
    if text.count(old) != 1:
        return "broken", f"{text.count(old)} places in {file}", 0
    begun = time.monotonic()
    try:
        with open(path, "w") as out:
            out.write(text.replace(old, new))
        built = build(tree)
        if built.returncode != 0:
            return "broken", "it does not build", 0
        found = play(tree, seconds, seed)
    finally:
        with open(path, "w") as out:
            out.write(text)
    return ("killed", found, time.monotonic() - begun) if found else ("SURVIVED", "", time.monotonic() - begun)


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutate", description="Checks the property test by planting wrongs.")
    parser.add_argument("--seconds", type=float, default=40, help="of worlds at most for each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    chosen = [m for m in MUTATIONS if not args.names or any(n in m[0] for n in args.names)]
    counts = {"killed": 0, "SURVIVED": 0, "broken": 0}
    with tempfile.TemporaryDirectory(prefix="mutate-") as tree:
        copy_tree(tree)
        subprocess.run(["meson", "setup", "build", "--buildtype=debugoptimized", "-Dwerror=false", "-Db_sanitize=undefined", "-Db_lundef=false"],
                       cwd=tree, check=True, capture_output=True)
        built = build(tree)
        if built.returncode != 0:
            sys.exit(f"mutate: the tree itself does not build:\n{built.stdout[-2000:]}")
        found = play(tree, 10, args.seed)
        if found:
            sys.exit(f"mutate: the tree itself fails: {found}")
        for mutation in chosen:
            verdict, how, took = mutate(tree, mutation, args.seconds, args.seed)
            counts[verdict] += 1
            print(f"{verdict:9} {took:5.1f} s  {mutation[0]:44} {mutation[1].split('/')[-1]:14} {how}", flush=True)
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return 0 if counts["killed"] == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
