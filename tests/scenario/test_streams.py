# SPDX-License-Identifier: Apache-2.0
"""StreamActivities: one acknowledgement for each durable batch, in order; backpressure, cancellation, a
server that goes down or is killed, and resuming by sending again what was not acknowledged."""
import hashlib
import itertools
import os
import queue
import random
import threading
import time

import grpc
import pytest

from memberd import DEADLINE, Clock, Failure, M, order

METHOD = "/memberd.v1.ScoringService/StreamActivities"
MEMBERS = 8


class Stream:
    """One stream: batches are sent from a queue while acknowledgements are read."""

    END = object()

    def __init__(self, api, timeout=4 * DEADLINE):
        self.taken = 0  # requests that gRPC has asked for
        self.queue = queue.Queue()
        call = api.channel.stream_stream(METHOD, request_serializer=lambda message: message.SerializeToString(),
                                         response_deserializer=M.StreamActivitiesResponse.FromString)
        self.call = call(self._requests(), timeout=timeout, metadata=api.metadata)

    def _requests(self):
        while (item := self.queue.get()) is not self.END:
            self.taken += 1
            yield item

    def send(self, name, activities):
        self.queue.put(M.StreamActivitiesRequest(batch_id=name, activities=activities))

    def half_close(self):
        self.queue.put(self.END)

    def read(self):
        """The next acknowledgement; None when the stream has ended well."""
        try:
            return next(self.call, None)
        except grpc.RpcError as error:
            raise Failure(error) from None

    def rest(self):
        return list(iter(self.read, None))


def batches(members, count, size, prefix="e"):
    """Batches of orders that go round the members."""
    numbers = itertools.count()
    return [(f"b{at}", [order(members[n % len(members)], f"{prefix}{n}", 1000 + n)
                        for n in itertools.islice(numbers, size)]) for at in range(count)]


def enroll(api):
    return [api.enroll(f"m{at}", request_id=f"00000000-0000-4000-8000-{at:012}") for at in range(MEMBERS)]


def spends(api, members):
    return [api.score(member).score.spend.minor for member in members]


def expected_spends(sent, members):
    spend = dict.fromkeys(members, 0)
    for activity in itertools.chain.from_iterable(activities for _, activities in sent):
        spend[activity.member.member_id] += activity.order.lines[0].amount
    return [spend[member] for member in members]


def test_each_batch_is_acknowledged_in_order(start):
    api = start().api()
    members = enroll(api)
    sent = batches(members, 30, 20)
    stream = Stream(api)
    for name, activities in sent:
        stream.send(name, activities)
    stream.half_close()
    acks = stream.rest()
    assert [ack.batch_id for ack in acks] == [name for name, _ in sent]
    for (_, activities), ack in zip(sent, acks):
        assert [result.member_id for result in ack.results] == [a.member.member_id for a in activities]
        assert all(result.status.code == 0 and not result.replayed for result in ack.results)
    assert spends(api, members) == expected_spends(sent, members)


def test_what_is_acknowledged_can_be_read(start):
    api = start().api()
    ada = api.enroll("ada")
    stream = Stream(api)
    for number in range(5):
        stream.send("", [order(ada, f"e{number}", 10000)])
        ack = stream.read()
        assert ack.batch_id == ""
        revision = ack.results[0].info.revision
        assert api.score(ada, min_revision=revision).score.spend.minor == 10000 * (number + 1)
    stream.half_close()
    assert stream.read() is None


def test_items_have_their_own_status(start):
    api = start().api()
    ada = api.enroll("ada")
    good, bad = order(ada, "e1", 100), order(ada, "e2", 100)
    bad.order.lines[0].amount = -1
    stream = Stream(api)
    stream.send("mixed", [good, bad, order(4711, "e3", 100), good])
    ack = stream.read()
    assert [result.status.code for result in ack.results] == [0, 3, 5, 0]
    assert ack.results[1].status.message.startswith("activities[1].order.lines[0].amount")
    assert not ack.results[0].replayed and ack.results[3].replayed
    stream.half_close()
    assert stream.read() is None


@pytest.mark.parametrize("name,bad,field", [
    ("empty", [], "activities"), ("501", 501, "activities"), ("x" * 129, 1, "batch_id")])
def test_a_batch_that_is_none_ends_the_stream_after_the_others(start, name, bad, field):
    api = start().api()
    ada = api.enroll("ada")
    stream = Stream(api)
    for number in range(3):
        stream.send(f"b{number}", [order(ada, f"e{number}", 100)])
    stream.send(name, bad if bad == [] else [order(ada, f"x{n}", 100) for n in range(bad)])
    stream.send("later", [order(ada, "later", 100)])
    acks = []
    with pytest.raises(Failure) as failed:
        while True:
            acks.append(stream.read().batch_id)
    assert acks == ["b0", "b1", "b2"]
    assert (failed.value.code, failed.value.reason, failed.value.field) == ("INVALID_ARGUMENT", "FIELD_INVALID", field)
    assert api.score(ada).score.spend.minor == 300


def test_without_permission_there_is_no_stream(start, home):
    path = os.path.join(home, "tokens")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        for role in ("support", "producer"):
            file.write(f"{role} sha256:{hashlib.sha256(role.encode()).hexdigest()}\n")
    daemon = start("--token-file", path)
    stream = Stream(daemon.api("support"))
    stream.half_close()
    with pytest.raises(Failure) as failed:
        stream.read()
    assert (failed.value.code, failed.value.reason) == ("PERMISSION_DENIED", "PERMISSION_MISSING")
    stream = Stream(daemon.api("producer"))
    stream.half_close()
    assert stream.read() is None


def test_malformed_bytes_end_the_stream(start):
    daemon = start()
    api = daemon.api()
    call = api.channel.stream_stream(METHOD)(iter([b"\x0a\xff\xff\xff"]), timeout=DEADLINE)
    with pytest.raises(grpc.RpcError) as failed:
        next(call)
    assert Failure(failed.value).reason == "MESSAGE_MALFORMED"
    assert daemon.settled()["memberd_calls_pending"] == 0


def test_who_does_not_read_is_not_read_from(start):
    """The sender is held back, the server's memory with him; then all goes on."""
    daemon = start()
    api = daemon.api()
    members = enroll(api)
    # replays: little work, long acknowledgements
    activities = [order(members[n % MEMBERS], f"e{n}", 1000) for n in range(400)]
    api.record(*activities)
    # a window that gRPC does not widen by itself
    api.channel = grpc.insecure_channel(daemon.target, options=[
        ("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)])
    stream = Stream(api, timeout=300)  # 320,000 replays, under TSan, too
    for number in range(800):
        stream.send(f"b{number}", activities)
    stream.half_close()
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 1.5:
        if stream.taken != before:
            before, since = stream.taken, time.monotonic()
        time.sleep(0.02)
    assert stream.taken < 400, stream.taken
    acks = stream.rest()
    assert [ack.batch_id for ack in acks] == [f"b{number}" for number in range(800)]
    assert all(result.replayed for ack in acks for result in ack.results)


def test_a_cancelled_stream_leaves_nothing_behind(start):
    daemon = start()
    api = daemon.api()
    members = enroll(api)
    chance = random.Random(5)
    sent = batches(members, 40, 25)
    for _ in range(6):
        stream = Stream(api)
        for name, activities in sent:
            stream.send(name, activities)
        for _ in range(chance.randrange(8)):
            stream.read()
        stream.call.cancel()
        assert daemon.settled()["memberd_calls_pending"] == 0
    stream = Stream(api)
    for name, activities in sent:
        stream.send(name, activities)
    stream.half_close()
    assert len(stream.rest()) == len(sent)
    assert spends(api, members) == expected_spends(sent, members)


def test_a_deadline_ends_a_stream_that_stands_still(start):
    daemon = start()
    stream = Stream(daemon.api(), timeout=0.5)
    with pytest.raises(Failure) as failed:
        stream.read()
    assert failed.value.code == "DEADLINE_EXCEEDED"
    assert daemon.settled()["memberd_calls_pending"] == 0


def test_a_server_that_goes_down_ends_an_idle_stream_at_once(start):
    daemon = start("--drain-grace-ms", "60000")
    api = daemon.api()
    ada = api.enroll("ada")
    stream = Stream(api)
    stream.send("b0", [order(ada, "e0", 100)])
    assert stream.read().batch_id == "b0"
    begin = time.monotonic()
    daemon.signal(15)
    with pytest.raises(Failure) as failed:
        stream.read()
    assert (failed.value.code, failed.value.reason) == ("UNAVAILABLE", "DRAINING")
    assert failed.value.retry is not None
    stream.half_close()
    assert daemon.wait() == 0
    assert time.monotonic() - begin < 20


def test_a_server_that_goes_down_acknowledges_what_it_has_begun(start):
    daemon = start("--drain-grace-ms", "60000")
    api = daemon.api()
    members = enroll(api)
    sent = batches(members, 200, 40)
    stream = Stream(api)
    for name, activities in sent:
        stream.send(name, activities)
    acks = [stream.read().batch_id for _ in range(3)]
    daemon.signal(15)
    with pytest.raises(Failure) as failed:
        while True:
            acks.append(stream.read().batch_id)
    assert (failed.value.code, failed.value.reason) == ("UNAVAILABLE", "DRAINING")
    stream.half_close()
    assert daemon.wait() == 0
    assert acks == [name for name, _ in sent[:len(acks)]] and len(acks) < len(sent)
    api = start().api()
    # all of it was acknowledged, and nothing else was taken in
    assert spends(api, members) == expected_spends(sent[:len(acks)], members)


def test_killed_in_the_middle_and_resumed(start):
    chance = random.Random(20261122)
    daemon = start()
    api = daemon.api()
    members = enroll(api)
    sent = batches(members, 120, 15)
    done, kills = 0, 0
    while done < len(sent):
        timer = None
        if kills < 6:
            timer = threading.Timer(chance.uniform(0.02, 0.3), daemon.kill)
            timer.start()
        stream = Stream(api)
        for name, activities in sent[done:]:
            stream.send(name, activities)
        stream.half_close()
        try:
            while done < len(sent):
                ack = stream.read()
                assert ack.batch_id == sent[done][0]
                assert all(result.status.code == 0 for result in ack.results)
                done += 1
        except Failure as failure:
            assert failure.code in ("UNAVAILABLE", "CANCELLED"), failure
        if timer is not None:
            timer.join()
            kills += 1
            daemon = start()
            api = daemon.api()
            if done > 0:  # acknowledged is durable
                name, activities = sent[chance.randrange(done)]
                assert all(result.replayed for result in api.record(*activities)), name
            done = min(done, chance.randrange(len(sent)))  # resume from before, too
    assert kills == 6
    assert spends(api, members) == expected_spends(sent, members)


def test_a_store_that_fails_ends_the_stream_after_what_was_durable(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    ada = api.enroll("ada")
    sent = batches([ada], 4, 3)
    stream = Stream(api)
    stream.send(*sent[0])
    assert stream.read().batch_id == "b0"
    clock.fault("store.sqlite.commit:1")
    for batch in sent[1:]:
        stream.send(*batch)
    with pytest.raises(Failure) as failed:
        stream.read()
    assert (failed.value.code, failed.value.reason) == ("UNAVAILABLE", "STORE_UNAVAILABLE")
    stream.half_close()
    assert daemon.settled()["memberd_calls_pending"] == 0
    assert daemon.stop() == 0
    stream = Stream(start().api())
    for batch in sent:
        stream.send(*batch)
    stream.half_close()
    assert [all(result.replayed for result in ack.results) for ack in stream.rest()] == [True, False, False, False]


def test_no_memory_for_a_batch_is_said_with_a_time_to_wait(start, home):
    clock = Clock(home)
    daemon = start(clock=clock.spec)
    api = daemon.api()
    ada = api.enroll("ada")
    stream = Stream(api)
    stream.send("b0", [order(ada, "e0", 100)])
    assert stream.read().batch_id == "b0"
    clock.fault("rpc.stream.arena:1")
    stream.send("b1", [order(ada, "e1", 100)])
    with pytest.raises(Failure) as failed:
        stream.read()
    assert (failed.value.code, failed.value.reason) == ("UNAVAILABLE", "OVERLOADED") and failed.value.retry
    stream.half_close()
    assert daemon.settled()["memberd_calls_pending"] == 0


def test_many_streams_at_once(start):
    daemon = start()
    api = daemon.api()
    members = enroll(api)
    sent = [batches(members, 10, 20, prefix=f"s{number}-") for number in range(8)]
    streams = [Stream(api) for _ in sent]
    for stream, mine in zip(streams, sent):
        for name, activities in mine:
            stream.send(name, activities)
        stream.half_close()
    for stream, mine in zip(streams, sent):
        assert [ack.batch_id for ack in stream.rest()] == [name for name, _ in mine]
    assert spends(api, members) == expected_spends(itertools.chain.from_iterable(sent), members)
    assert daemon.settled()["memberd_calls_pending"] == 0
