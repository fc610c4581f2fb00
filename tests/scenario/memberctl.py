# SPDX-License-Identifier: Apache-2.0
"""memberctl against a memberd of a scenario."""
import json
import os
import subprocess

from memberd import BUILD, DEADLINE, environment

PROGRAM = os.path.join(BUILD, "src/ctl/memberctl")
DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")

OK, NO, USAGE, DATA_ERROR, NO_INPUT, NOT_FOUND, UNAVAILABLE, NOT_WRITTEN, NO_PERMISSION = 0, 1, 64, 65, 66, 67, 69, 74, 77


class Done:
    def __init__(self, process):
        self.code, self.out, self.err = process.returncode, process.stdout, process.stderr

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"


class Memberctl:
    def __init__(self, target):
        self.target = target

    def __call__(self, *args, stdin="", env=None, code=OK, timeout=6 * DEADLINE):
        """One run, which must end with `code`."""
        done = Done(subprocess.run([PROGRAM, *args], input=stdin, capture_output=True, text=True, timeout=timeout,
                                   env=environment({"MEMBERD_SERVER": self.target, **(env or {})}), check=False))
        assert "Sanitizer" not in done.err and "runtime error:" not in done.err, done
        assert done.code == code, done
        return done

    def json(self, *args, **options):
        return self(*args, "--output", "json", **options).json()

    def spawn(self, *args):
        return subprocess.Popen([PROGRAM, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment({"MEMBERD_SERVER": self.target}))
