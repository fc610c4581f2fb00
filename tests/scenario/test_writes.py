# SPDX-License-Identifier: Apache-2.0
"""Answers that leave together, and the threads that take calls."""
import os
import re
import time

from memberd import M, ref

STARTED = 'grpc_server_started_total{grpc_service="memberd.v1.MemberService",grpc_method="GetMember"}'


def writes(daemon):
    _, text = daemon.http("/metrics")
    return {name: int(value) for name, value in re.findall(r"^memberd_(write\w+) (\d+)$", text, re.M)}


def ask(api, member, n):
    """n calls under way on one connection."""
    call = api.channel.unary_unary("/memberd.v1.MemberService/GetMember")
    data = M.GetMemberRequest(member=ref(member)).SerializeToString()
    return [call.future(data, timeout=api.timeout) for _ in range(n)]


def health_many(api, n=300):
    call = api.channel.unary_unary("/grpc.health.v1.Health/Check")
    answers = [call.future(b"", timeout=api.timeout) for _ in range(n)]
    assert {bytes(answer.result()) for answer in answers} == {b"\x08\x01"}


def test_it_says_that_answers_leave_together(start):
    daemon = start("--queues", "1")  # which all answers then share
    api = daemon.api()
    assert daemon.events("serving")[0]["coalesce"] is True
    assert writes(daemon)["write_coalescing"] == 1
    health_many(api)
    after = writes(daemon)
    assert after["writes_held_total"] > 0 and after["writes_held_bytes_total"] > after["writes_held_total"]
    assert 0 < after["writes_pushed_total"] <= after["writes_held_total"]


def test_answers_from_every_thread_arrive(daemon, api):
    member = api.enroll("ada")
    for _ in range(3):
        assert all(member.encode() in answer.result() for answer in ask(api, member, 300))
        health_many(api)


def test_the_loop_holds_back_what_it_answers(start):
    """What comes from the database is answered by the loop, and by nobody else."""
    daemon = start("--cache-mb", "0")
    api = daemon.api()
    member = api.enroll("ada")
    before = writes(daemon)
    for _ in range(20):
        assert all(member.encode() in answer.result() for answer in ask(api, member, 100))
    after = writes(daemon)
    assert after["writes_held_total"] > before["writes_held_total"]
    assert after["writes_pushed_total"] > before["writes_pushed_total"]


def test_it_can_be_off(start):
    daemon = start("--coalesce", "off")
    assert daemon.events("serving")[0]["coalesce"] is False
    assert not daemon.events("every answer is sent by itself")
    api = daemon.api()
    health_many(api)
    assert writes(daemon) == {"write_coalescing": 0, "writes_held_total": 0,
                              "writes_held_bytes_total": 0, "writes_pushed_total": 0}


def test_it_serves_with_a_warning_where_it_cannot(start):
    daemon = start("--fault", "rpc.coalesce.check:1")
    assert daemon.events("every answer is sent by itself")[0]["why"]
    assert daemon.events("serving")[0]["coalesce"] is False
    assert writes(daemon)["write_coalescing"] == 0
    health_many(daemon.api())


def queues(start, *flags):
    daemon = start(*flags)
    told = daemon.events("serving")[-1]["queues"]
    assert daemon.stop() == 0
    return told


def test_threads_are_as_many_as_cores_unless_told(start):
    cores = os.sched_getaffinity(0)
    assert queues(start) == min(len(cores), 16)
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert queues(start) == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert queues(start, "--queues", "3") == 3


def test_a_drain_loses_no_answer(start):
    daemon = start("--drain-notice-ms", "0")
    api = daemon.api()
    member = api.enroll("ada")
    answers = ask(api, member, 200)
    while f"{STARTED} 200" not in daemon.http("/metrics")[1]:
        time.sleep(0.01)
    assert daemon.stop() == 0
    assert all(member.encode() in answer.result() for answer in answers)
