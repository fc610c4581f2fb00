# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGHUP, also while it has work to do."""
import hashlib
import os
import signal
import threading
import time

from memberd import Failure, order, ref, refused, run

NEXT = "2026-12-01T00:00:00+08:00"


def write(path, text):
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    return path


def token_line(role, token):
    return f"{role} sha256:{hashlib.sha256(token.encode()).hexdigest()}\n"


def test_term_tells_health_and_readiness_first(start):
    daemon = start("--drain-notice-ms", "1500")
    api = daemon.api()
    member = api.enroll("ada")
    assert daemon.http("/readyz")[0] == 200
    daemon.signal(signal.SIGTERM)
    daemon.wait_event("draining")
    end = time.monotonic() + 1
    while api.health() == "SERVING" and time.monotonic() < end:
        time.sleep(0.01)
    assert api.health() == "NOT_SERVING"
    assert api.health("memberd.v1.MemberService") == "NOT_SERVING"
    status, text = daemon.http("/readyz")
    assert (status, text.splitlines()[0]) == (503, "draining")
    assert daemon.http("/healthz")[0] == 200
    # the notice is for those who have not heard yet: they are served
    assert api.members.GetMember(member=ref(member)).member.member_id == member
    assert daemon.wait() == 0
    assert [line["event"] for line in daemon.log() if line["event"] in ("draining", "drained", "stopped")] == \
        ["draining", "drained", "stopped"]


def test_int_is_as_good_as_term(start):
    daemon = start()
    daemon.signal(signal.SIGINT)
    assert daemon.wait() == 0


def test_a_second_signal_hurries(start):
    daemon = start("--drain-notice-ms", "600000")
    daemon.signal(signal.SIGTERM)
    daemon.wait_event("draining")
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert time.monotonic() - began < 15
    assert daemon.events("hurrying")


def test_callers_who_do_not_look_do_not_hold_it_up(start):
    """A connection without calls, whose end nobody reads: what it is told goes nowhere."""
    daemon = start()
    for _ in range(3):
        daemon.api().health()  # and the channel stays
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 5


def test_term_under_load_loses_no_call_that_was_accepted(start):
    """Writers go on until they are refused; what was answered is there, once, after the next start."""
    daemon = start("--drain-notice-ms", "200")
    member = daemon.api().enroll("ada")
    acknowledged, surprises = [], []

    def write_orders(number):
        api = daemon.api()
        for at in range(10000):
            event = f"{number}-{at}"
            try:
                result = api.record(order(member, event, 100))[0]
            except Failure as failure:
                if failure.code != "UNAVAILABLE":
                    surprises.append(str(failure))
                return
            if result.status.code != 0:
                surprises.append(str(result.status))
                return
            acknowledged.append((event, result.entry_id))

    threads = [threading.Thread(target=write_orders, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 20:
        time.sleep(0.01)
    daemon.signal(signal.SIGTERM)
    for thread in threads:
        thread.join()
    assert daemon.wait() == 0
    assert surprises == []
    again = start().api()
    for event, entry_id in acknowledged:
        result = again.record(order(member, event, 100))[0]
        assert result.replayed and result.entry_id == entry_id
    # each counted once: the curve's first piece gives 1000 micro-points a fen
    spend = again.score(member).score.spend.minor
    assert spend % 100 == 0 and spend >= 100 * len(acknowledged)


def test_hup_reads_tokens_again_and_a_bad_file_changes_nothing(start, home):
    path = write(os.path.join(home, "tokens"), token_line("admin", "old"))
    daemon = start("--token-file", path)
    old, new = daemon.api("old"), daemon.api("new")
    member = old.enroll("ada")
    with refused("UNAUTHENTICATED", "TOKEN_UNKNOWN"):
        new.members.GetMember(member=ref(member))
    write(path, token_line("admin", "new"))
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_event("reloaded")["what"] == "tokens"
    assert new.members.GetMember(member=ref(member))
    with refused("UNAUTHENTICATED", "TOKEN_UNKNOWN"):
        old.members.GetMember(member=ref(member))
    write(path, "admin nonsense\n")
    daemon.signal(signal.SIGHUP)
    told = daemon.wait_event("reload refused, the old one stays in force")
    assert told["level"] == "error" and path in told["story"]
    assert new.members.GetMember(member=ref(member))
    metrics = daemon.metrics()
    assert metrics["memberd_reloads_total"] == 1
    assert metrics["memberd_reloads_refused_total"] == 1


def next_version(text, version=2, effective=NEXT):
    lines = []
    for line in text.splitlines():
        if line.startswith("version:"):
            line = f"version: {version}"
        elif line.startswith("effective_from:"):
            line = f"effective_from: {effective}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def test_hup_publishes_the_next_policy_and_a_bad_one_changes_nothing(start, home):
    text = run("--print-policy")[1]
    path = write(os.path.join(home, "policy.yaml"), text)
    daemon = start("--policy", path)
    api = daemon.api()
    write(path, next_version(text).replace("attain: 600", "attain: 550"))
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_event("reloaded")["what"] == "policy, a new version"
    assert api.benefits.ListBenefits().policy_version == 1  # in force from December on
    daemon.signal(signal.SIGHUP)
    assert daemon.wait_event("reloaded", 2)["what"] == "policy, unchanged"
    for number, bad in enumerate([
            "not: a policy\n",
            next_version(text).replace("attain: 600", "attain: 560"),  # number 2 says something else
            next_version(text, 4, "2027-01-01T00:00:00+08:00"),  # a gap
            next_version(text, 3, "2026-01-01T00:00:00+08:00"),  # the past
    ], 1):
        write(path, bad)
        daemon.signal(signal.SIGHUP)
        told = daemon.wait_event("reload refused, the old one stays in force", number)
        assert told["what"] == "policy" or told["what"].startswith("policy")
    assert daemon.stop() == 0
    os.remove(path)
    before = start()
    serving = before.events("serving")[0]
    assert (serving["policy"], serving["policy_newest"]) == (1, 2)
    assert before.stop() == 0
    later = start(clock="fixed:" + NEXT)
    assert later.api().benefits.ListBenefits().policy_version == 2
