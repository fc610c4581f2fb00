# SPDX-License-Identifier: Apache-2.0
"""File descriptors: those that it is given, those that it may have, and callers who take all of them."""
import contextlib
import os
import pty
import resource
import select
import socket
import subprocess
import time

import pytest

from memberd import BUILD, DEADLINE, PROGRAM, Failure, environment, ref


def spawn(daemon, **how):
    """Until it serves; what it logs may be nowhere to be read."""
    daemon.spawn(**how)
    end = time.monotonic() + DEADLINE
    while True:
        with contextlib.suppress(OSError):
            if daemon.http("/readyz")[0] == 200:
                return daemon
        assert daemon.process.poll() is None, daemon.process.returncode
        assert time.monotonic() < end, "it does not come up"
        time.sleep(0.02)


def close_all():
    for fd in (0, 1, 2):
        os.close(fd)


# ---- the log ----

def test_without_stdin_stdout_and_stderr_nothing_else_takes_their_place(start):
    """Else a socket or the database would be file 2, and lines of the log go into it."""
    daemon = spawn(start.make(), preexec_fn=close_all)
    at = {fd: os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}") for fd in (1, 2)}
    assert set(at.values()) == {"/dev/null"}, at
    api = daemon.api()
    assert api.members.GetMember(member=ref(api.enroll("ada"))).member.member_id
    assert daemon.metrics()["memberd_log_lines_dropped_total"] > 0
    assert daemon.stop() == 0


@pytest.mark.parametrize("program", [PROGRAM, os.path.join(BUILD, "src/ctl/memberctl")], ids=os.path.basename)
def test_what_cannot_be_printed_is_told_by_the_exit_code(program):
    assert subprocess.run([program, "--help"], preexec_fn=close_all, env=environment()).returncode == 74


def two_sockets():
    one, other = socket.socketpair()
    return one.detach(), other.detach()


@pytest.mark.parametrize("make", [os.pipe, two_sockets, pty.openpty], ids=["pipe", "socket", "terminal"])
def test_a_log_that_nobody_reads_holds_up_nobody(start, make):
    reader, writer = make()
    daemon = spawn(start.make(), stdout=writer, stderr=writer)
    os.close(writer)
    api = daemon.api()
    member = api.enroll("ada")
    began = time.monotonic()
    while daemon.metrics()["memberd_log_lines_dropped_total"] < 100:
        assert time.monotonic() - began < DEADLINE, "no line is dropped"
        for _ in range(100):
            assert api.members.GetMember(member=ref(member))
    # who comes back to read hears of what happens from then on
    end = time.monotonic() + DEADLINE
    while b"ListBenefits" not in os.read(reader, 65536):
        api.benefits.ListBenefits()
        assert time.monotonic() < end
    began = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - began < 10
    os.close(reader)


def test_a_log_whose_reader_has_gone_holds_up_nobody(start):
    reader, writer = os.pipe()
    daemon = spawn(start.make(), stdout=writer, stderr=writer)
    os.close(writer)
    os.close(reader)
    assert daemon.api().enroll("ada")
    assert daemon.settled()["memberd_log_lines_dropped_total"] > 0
    assert daemon.stop() == 0


# ---- how many ----

def limited(number):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))


@pytest.mark.parametrize("number", [8, 16, 24, 60])
def test_too_few_are_told_at_once(start, number):
    daemon = start.make()
    done = subprocess.run([PROGRAM, *daemon.args], preexec_fn=limited(number), env=environment(), cwd=daemon.home,
                          capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 78 and f"only {number} files may be open" in done.stderr, done
    assert not os.path.exists(daemon.data)


def test_as_many_are_taken_as_may_be_had(start):
    """The soft limit of a shell or of systemd is low; the hard one is what an administrator meant."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    daemon = spawn(start.make(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard)))
    with open(f"/proc/{daemon.process.pid}/limits", encoding="utf-8") as file:
        line = next(line for line in file if line.startswith("Max open files"))
    assert line.split()[3] == line.split()[4] == str(hard)


@contextlib.contextmanager
def crowd(daemon, number):
    """Connections that say nothing."""
    peers = []
    try:
        for _ in range(number):
            with contextlib.suppress(OSError):
                peers.append(socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE))
        yield peers
    finally:
        for peer in peers:
            peer.close()


def turned_away(peers):
    """Those whose connection was closed."""
    readable = select.select(peers, [], [], 0)[0]
    return [peer for peer in readable if peer.recv(1, socket.MSG_PEEK) == b""]


def first_refused(daemon, member):
    """(failure, seconds) of the first of some more callers, who stay; a file that was in use may just have been closed."""
    served = []
    while len(served) < 20:
        api = daemon.api()
        began = time.monotonic()
        try:
            api.members.GetMember(member=ref(member))
            served.append(api)
        except Failure as failure:
            return failure, time.monotonic() - began
    raise AssertionError("everybody is served")


def test_callers_who_take_every_descriptor_are_turned_away(start):
    """At once, so that they may go elsewhere. Who was there before is served, and when the crowd has gone everybody."""
    daemon = start.make("--access-log", "off")
    spawn(daemon, preexec_fn=limited(128))
    early = daemon.api()
    member = early.enroll("ada")
    for _ in range(2):
        with crowd(daemon, 300) as peers:
            end = time.monotonic() + DEADLINE
            while len(turned_away(peers)) < 150:
                assert time.monotonic() < end, len(turned_away(peers))
                time.sleep(0.02)
            failure, seconds = first_refused(daemon, member)
            assert failure.code == "UNAVAILABLE" and seconds < DEADLINE / 2, failure
            assert early.members.GetMember(member=ref(member)).member.member_id == member
        end = time.monotonic() + DEADLINE
        while True:
            try:
                assert daemon.api().members.GetMember(member=ref(member)).member.member_id == member
                break
            except Failure as failure:
                assert failure.code == "UNAVAILABLE" and time.monotonic() < end, failure
                time.sleep(0.1)
    assert any("turned away" in line["story"] for line in daemon.events("grpc core"))
    assert daemon.http("/healthz")[0] == 200
    assert daemon.stop() == 0
