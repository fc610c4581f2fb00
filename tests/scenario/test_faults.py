# SPDX-License-Identifier: Apache-2.0
"""The disk fails, or is full: what is told, what goes on, what comes back."""
from memberd import order, refused

WRITERS = ("memberd.v1.MemberService", "memberd.v1.ScoringService")


def test_a_failed_commit_stops_writing_until_a_restart_and_reads_go_on(start):
    daemon = start()
    member = daemon.api().enroll("ada")
    daemon.api().record(order(member, "e1", 100000))
    daemon.stop()
    # the first commits are those of the start
    daemon = start("--fault", "store.commit:2*1")
    api = daemon.api()
    with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
        for number in range(5):
            result = api.record(order(member, f"f{number}", 100))[0]
            assert result.status.code == 0
    failed = number
    daemon.wait_event("store takes no writes")
    # it does not heal by itself: a failed fsync must not be tried again
    for _ in range(3):
        with refused("UNAVAILABLE", "STORE_UNAVAILABLE"):
            api.record(order(member, "g", 100))
    for name in WRITERS:
        assert api.health(name) == "NOT_SERVING"
    assert api.health("memberd.v1.BenefitService") == "SERVING"
    status, text = daemon.http("/readyz")
    assert status == 503 and "until a restart" in text
    assert daemon.http("/healthz")[0] == 200
    assert daemon.metrics()["memberd_store_writable"] == 0
    assert api.score(member).score.spend.minor == 100000 + 100 * failed
    assert daemon.stop() == 0
    api = start().api()
    result = api.record(order(member, f"f{failed}", 100))[0]
    assert result.status.code == 0
    assert api.score(member).score.spend.minor == 100000 + 100 * (failed + 1)
    assert api.health(WRITERS[0]) == "SERVING"
