# SPDX-License-Identifier: Apache-2.0
"""The scenarios' fixtures serve here, too."""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIO = os.path.join(os.path.dirname(HERE), "scenario")
sys.path[:0] = [HERE, SCENARIO]
_spec = importlib.util.spec_from_file_location("scenario_conftest", os.path.join(SCENARIO, "conftest.py"))
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)
home, start, daemon, api = _fixtures.home, _fixtures.start, _fixtures.daemon, _fixtures.api
redis_beside_all = _fixtures.redis_beside_all
