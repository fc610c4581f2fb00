#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs scenario files against the memberd of a build folder and tells TAP: run.py BUILD FILE..."""
import contextlib
import io
import os
import sys

import pytest


class Tap:
    """One TAP line a case; what a failure has to say goes before it as comments."""

    def __init__(self, out):
        self.out = out
        self.number = 0
        self.failed = 0

    def tell(self, verdict, name, report=None):
        self.number += 1
        if report is not None:
            texts = [report.longreprtext] + [f"--- {title}\n{text}" for title, text in report.sections]
            for line in "\n".join(texts).splitlines():
                print("#", line, file=self.out)
        print(f"{verdict} {self.number} - {name}", file=self.out, flush=True)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1].replace("#", "_")
        if report.failed:
            self.failed += 1
            self.tell("not ok", name if report.when == "call" else f"{name} ({report.when})", report)
        elif report.when == "call" and report.passed:
            for what, value in report.user_properties:
                print(f"# {name}: {what} {value}", file=self.out)
            self.tell("ok", name)
        elif report.skipped:
            self.tell("ok", f"{name} # SKIP {report.longrepr[2] if report.longrepr else ''}")

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed += 1
            self.tell("not ok", f"{report.nodeid} (collection)", report)


def main():
    os.environ["MEMBERD_SCENARIO_BUILD"] = os.path.abspath(sys.argv[1])
    here = os.path.dirname(os.path.abspath(__file__))
    tap = Tap(sys.stdout)
    with contextlib.redirect_stdout(io.StringIO()):  # pytest's own report: all of it is in the TAP
        pytest.main(["-p", "no:cacheprovider", "-o", "python_functions=test_* case_*", "-o", "python_classes=",
                     "--import-mode=importlib", "--rootdir", here, *sys.argv[2:]], plugins=[tap])
    print(f"1..{tap.number}")
    return 1 if tap.failed or tap.number == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
