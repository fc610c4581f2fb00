# SPDX-License-Identifier: Apache-2.0
"""Runs the functions of a module that are named test_* and tells about each one in TAP."""
import os
import sys
import traceback


class Skip(Exception):
    """Raised by a case that cannot run here, with the reason."""


def run(module, **given):
    """Each case takes by name what it needs of `given`. A word in TESTS limits them to those that hold it."""
    names = [name for name in vars(module) if name.startswith("test_") and os.environ.get("TESTS", "") in name]
    print(f"1..{len(names)}", flush=True)
    failed = 0
    for number, name in enumerate(names, 1):
        case = getattr(module, name)
        wanted = case.__code__.co_varnames[:case.__code__.co_argcount]
        try:
            case(**{key: given[key] for key in wanted})
            print(f"ok {number} - {name[5:]}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name[5:]} # SKIP {reason}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {number} - {name[5:]}", flush=True)
            traceback.print_exc(file=sys.stderr)
    sys.exit(1 if failed else 0)
