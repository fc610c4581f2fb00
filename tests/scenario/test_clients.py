# SPDX-License-Identifier: Apache-2.0
"""Clients that share nothing with ours: buf curl through reflection, Node's grpc-js. Skipped with a word
where npm is missing; Python's grpcio is every other scenario."""
import base64
import hashlib
import json
import os
import shutil
import subprocess

import pytest
from memberd import BUILD, DEADLINE, order

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))


@pytest.fixture(scope="module")
def modules():
    """A node_modules in the build folder, made once."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("node or npm is not here")
    wanted = ["@bufbuild/buf@1", "@grpc/grpc-js@1", "@grpc/proto-loader@0"]
    there = all(os.path.isdir(os.path.join(BUILD, "node_modules", name.rsplit("@", 1)[0])) for name in wanted)
    if not there:
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", BUILD, *wanted], capture_output=True, text=True)
        if done.returncode:
            pytest.skip("npm did not install the clients")
    return os.path.join(BUILD, "node_modules")


def node(modules, daemon, calls):
    done = subprocess.run(["node", os.path.join(HERE, "node_client.mjs"), modules, TREE, "/usr/include", daemon.target],
                          input=json.dumps(calls), capture_output=True, text=True, timeout=3 * DEADLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_node_grpc_js_is_refused_before_existence_shows(modules, start, home):
    tokens = os.path.join(home, "tokens")
    with open(tokens, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("".join(f"{role} sha256:{hashlib.sha256(role.encode()).hexdigest()}\n" for role in ("producer", "checkout")))
    daemon = start("--token-file", tokens)
    ref = [{"member_id": daemon.api("producer").enroll("n1")}, {"member_id": "1"}, {"identity": {"issuer": "shop", "external_id": "n1"}},
           {"identity": {"issuer": "shop", "external_id": "n2"}}]
    calls = [{"service": "MemberService", "method": "GetMember", "request": {"member": who}, "token": token}
             for token in ("producer", "nobody's", "", "checkout") for who in ref]
    got = node(modules, daemon, calls)
    assert [a["code"] for a in got] == [7] * 4 + [16] * 8 + [0, 5, 0, 5]
    for refused, reason in ((got[:4], "PERMISSION_MISSING"), (got[4:8], "TOKEN_UNKNOWN"), (got[8:12], "TOKEN_UNKNOWN")):
        assert all(a == refused[0] for a in refused) and [d["reason"] for d in refused[0]["details"]] == [reason], refused


def test_node_grpc_js_calls_it(modules, daemon, api):
    member = api.enroll("n1")
    ref = {"member_id": member}
    api.record(order(member, "e1", 123_456))
    calls = [
        {"service": "MemberService", "method": "GetMember", "request": {"member": ref}},
        {"service": "BenefitService", "method": "CheckBenefit", "request": {"member": ref, "benefit_id": "value-channel-discount"}},
        {"service": "BenefitService", "method": "CheckBenefit", "request": {"member": ref, "benefit_id": "no-such"}},
        {"service": "MemberService", "method": "GetMember", "request": {"member": {"member_id": "1"}}},
        {"service": "MemberService", "method": "GetMember", "request": {}},
        {"service": "ScoringService", "method": "GetScore", "request": {"member": ref}},
    ]
    got = node(modules, daemon, calls)
    assert [a["code"] for a in got] == [0, 0, 5, 5, 3, 0]
    assert got[0]["response"]["member"]["member_id"] == member
    assert got[1]["response"]["entitlement"]["reason"] == "BENEFIT_REASON_TIER_TOO_LOW"
    info = dict(type="google.rpc.ErrorInfo", domain="memberd")
    assert [a["details"][0] for a in got[2:5]] == [{**info, "reason": reason} for reason in ("BENEFIT_NOT_FOUND", "MEMBER_NOT_FOUND", "FIELD_INVALID")]
    field, = got[4]["details"][1]["fieldViolations"]
    assert got[4]["details"][1]["type"] == "google.rpc.BadRequest" and field["field"] == "member"
    assert got[4]["message"] == f"member: {field['description']}"
    parts = got[5]["response"]["score"]["parts"]
    assert sum(int(p["micro_points"]) for p in parts) == int(got[5]["response"]["score"]["score"]) * 1_000_000


def test_buf_curl_calls_it_through_reflection(modules, daemon, api, tmp_path):
    member = api.enroll("b1")

    def curl(method, data):
        done = subprocess.run(
            [os.path.join(modules, ".bin/buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--data", json.dumps(data),
             f"http://{daemon.target}/{method}"], capture_output=True, text=True, timeout=3 * DEADLINE, cwd=tmp_path)
        return done.returncode, done.stdout, done.stderr

    code, out, err = curl("memberd.v1.MemberService/GetMember", {"member": {"memberId": member}})
    if code and "not found" in err and "platform" in err:
        pytest.skip("buf does not run here")
    assert code == 0, err
    assert json.loads(out)["member"]["memberId"] == member
    code, out, err = curl("memberd.v1.MemberService/GetMember", {"member": {"memberId": "1"}})
    told = json.loads(err)
    assert code != 0 and told["code"] == "not_found"
    details = [base64.b64decode(d["value"] + "==") for d in told["details"]]
    assert [b"MEMBER_NOT_FOUND" in d and b"memberd" in d for d in details] == [True]
