# SPDX-License-Identifier: Apache-2.0
"""Every method of every service is sent bytes that no client would send: each is answered with what is
wrong or with a right answer, none with a defect, and nothing stays behind."""
import random
import tempfile
import uuid

import grpc
import pytest

from memberd import FACTORY, POOL, Failure, M, Memberd, field, order, ref, varint

SERVICES = ["MemberService", "ScoringService", "BenefitService", "VipService"]
METHODS = {f"memberd.v1.{service}/{method.name}": method
           for service in SERVICES for method in POOL.FindServiceByName(f"memberd.v1.{service}").methods}
# What a caller may hear of bytes that are wrong or ask for something that is not there.
FINE = {"INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"}
BUDGET = 1 << 20  # bytes of arenas that may be in use when nothing is in work


@pytest.fixture(scope="module")
def shared():
    with tempfile.TemporaryDirectory(prefix="md-") as home:
        daemon = Memberd(home, "--store", "memory", "--access-log", "off").start()
        yield daemon
        ended = daemon.stop()
        daemon.close()
        assert daemon.sanitizer_reports() == []
        assert ended == 0, daemon.stderr()


def identity(external_id):
    return dict(issuer="shop", external_id=external_id)


def every_kind(member):
    """An activity of each kind."""
    who, named = ref(member), dict(source="shop", source_event_id="s")
    kinds = dict(
        order=order(member, "e", 100, lines=[(1, 5), (2, 6)]).order,
        completion=dict(order=dict(order_id="none"), completed_at=dict(seconds=1790000000)),
        cancellation=dict(order=dict(order_id="none")),
        reversal=dict(order=dict(order_id="none"), lines=[dict(line_no=1, currency="CNY", amount=1)]),
        review=dict(order=dict(order_id="none"), line_no=1, pictures=True), share=dict(content="c", channel="chat"),
        opening=dict(share=named, by=who, verified=True), post=dict(content="p"), answer=dict(question="q", asker=who),
        vote=dict(content="p", by=who), visit=dict(platform="PLATFORM_FOOD", store="s"), undo=dict(activity=named))
    return [M.Activity(source="shop", source_event_id=str(uuid.uuid4()), member=who, occurred_at=dict(seconds=1790000000),
                       **{kind: body}) for kind, body in kinds.items()]


def decisions(member, other):
    """A right request for each decision of a person; about the posts that world() has recorded."""
    def decide(**more):
        return dict(request_id=str(uuid.uuid4()), member=ref(member), reason="a test", **more)

    later = dict(seconds=1800000000)
    return {
        "OverrideTier": decide(tier="TIER_GOLD", until=later), "SuspendMember": decide(suspended=False),
        "LinkMembers": decide(other=ref(other)), "UnlinkMembers": decide(other=ref(other)),
        "SetCredibility": decide(delta_bp=-100, until=later),
        **{name: decide(activity=dict(source="shop", source_event_id=name))
           for name in ("ReportFraud", "VoidActivity", "ReverseActivity")}}


def requests(member, other):
    """A right request for each method."""
    order_line = dict(line_no=1, public_price=100, channel="BASKET_CHANNEL_STANDARD", category="tea", brand="b")
    of = {
        "EnrollMember": dict(request_id=str(uuid.uuid4()), identity=identity(str(uuid.uuid4())),
                             profile=dict(display_name="Ada", birthday_month=2, birthday_day=29, region="CN",
                                          language="zh-Hans", verified=True)),
        "BatchGetMembers": dict(members=[ref(member), dict(identity=identity("ada"))], view="MEMBER_VIEW_FULL"),
        "UpdateMember": dict(request_id=str(uuid.uuid4()), member=ref(member), profile=dict(region="CN")),
        "GetMember": dict(member=ref(member), view="MEMBER_VIEW_FULL", min_revision=1),
        "WatchMembers": dict(member_ids=[member], kinds=["TIER_TRANSITION_KIND_UPGRADE"]),
        "LookupMember": dict(identity=identity("ada")),
        "LinkIdentity": dict(request_id=str(uuid.uuid4()), member=ref(member), identity=identity("link")),
        "UnlinkIdentity": dict(request_id=str(uuid.uuid4()), member=ref(member), identity=identity("link")),
        "RecordActivities": dict(activities=every_kind(member)),
        "StreamActivities": dict(activities=every_kind(member), batch_id="b"),
        "PreviewScore": dict(member=ref(member), activities=every_kind(member)),
        "ListActivities": dict(member=ref(member), kinds=["ACTIVITY_KIND_POST", "ACTIVITY_KIND_FINDING"], page_size=2),
        "BatchCheckBenefits": dict(checks=[dict(member=ref(member), benefit_id="value-channel-discount")]),
        "CheckBenefit": dict(member=ref(member), benefit_id="value-channel-discount", min_revision=1),
        "QuoteDiscount": dict(member=ref(member), currency="CNY", lines=[order_line],
                              coupons=[dict(amount=1, threshold=2, brand="b")]),
        "ListBenefits": dict(page_size=2),
        **decisions(member, other),
    }

    def otherwise(method):
        return dict(member=ref(member)) if "member" in method.input_type.fields_by_name else {}

    return {name: FACTORY.GetPrototype(method.input_type)(**of.get(method.name, otherwise(method)))
            for name, method in METHODS.items()}


@pytest.fixture(scope="module")
def world(shared):
    api = shared.api()
    ada, bob = api.enroll("ada"), api.enroll("bob")
    api.record(*[M.Activity(source="shop", source_event_id=name, member=ref(ada), occurred_at=dict(seconds=1790000000),
                            post=dict(content=name)) for name in ("ReportFraud", "VoidActivity", "ReverseActivity")])
    return shared, api, requests(ada, bob)


def check_error(failure, codes):
    assert failure.code in codes, failure
    assert failure.details.count("ErrorInfo") == 1 and failure.domain == "memberd", failure
    if failure.code == "INVALID_ARGUMENT":
        assert failure.reason in ("MESSAGE_MALFORMED", "FIELD_INVALID", "AMOUNT_OVER_LIMIT", "CURRENCY_UNKNOWN",
                                  "IN_FUTURE"), failure


def check_statuses(method, answer):
    """The statuses of a batch's items are as good as the call's."""
    message = FACTORY.GetPrototype(METHODS[method].output_type).FromString(answer)
    for result in getattr(message, "results", ()):
        code = grpc.StatusCode.OK
        for code in grpc.StatusCode:
            if code.value[0] == result.status.code:
                break
        assert code.name in FINE | {"OK"}, result


def send(api, method, data, codes=FINE):
    try:
        check_statuses(method, api.raw(method, data))
        return None
    except Failure as failure:
        check_error(failure, codes)
        return failure


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5))):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 2:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
        elif kind == 3:
            del data[at:at + rng.randrange(1, 9)]
        elif kind == 4:
            end = min(len(data), at + rng.randrange(1, 33))
            data[at:at] = data[at:end]
        else:
            data[at:at] = varint(rng.choice((2**31, 2**32 - 1, 2**63, 2**64 - 1)))
    return bytes(data)


@pytest.mark.parametrize("method", METHODS, ids=lambda name: name.split("/")[1])
def test_every_piece_of_a_right_request(world, method):
    """Cut off after each byte."""
    _, api, right = world
    data = right[method].SerializeToString()
    assert send(api, method, data) is None
    for end in range(len(data)):
        send(api, method, data[:end])


@pytest.mark.parametrize("method", METHODS, ids=lambda name: name.split("/")[1])
def test_changed_requests(world, method):
    _, api, right = world
    rng = random.Random(method)
    data = right[method].SerializeToString()
    for _ in range(250):
        send(api, method, mutate(rng, data))
    assert api.health() == "SERVING"


def wrong(number):
    """What is wrong as the field of any type and number."""
    tag = number << 3
    return {
        "a group": varint(tag | 3) + varint(tag | 4),
        "the end of a group": varint(tag | 4),
        "wire type 6": varint(tag | 6) + b"\0",
        "wire type 7": varint(tag | 7) + b"\0",
        "a length past the end": varint(tag | 2) + varint(2**31 - 1),
        "a length of 2^64": varint(tag | 2) + varint(2**64 - 1),
        "a number without end": varint(tag) + b"\xff" * 11,
        "half a fixed number": varint(tag | 1) + b"\0" * 7,
        "10,000 deep": deep(number, 10000),
    }


def deep(number, depth):
    data = b""
    for _ in range(depth):
        data = field(number, data)
    return data


@pytest.mark.parametrize("method", METHODS, ids=lambda name: name.split("/")[1])
def test_malformed_in_every_field(world, method):
    _, api, right = world
    data = right[method].SerializeToString()
    fields = METHODS[method].input_type.fields
    opaque = {spec.number for spec in fields if spec.message_type is not None and
              spec.number not in spec.message_type.fields_by_number}
    for number in [spec.number for spec in fields] + [536870911]:
        for what, bad in wrong(number).items():
            for sent in (bad, data + bad):
                if what == "10,000 deep" and number in opaque:
                    # in it an unknown field, whose bytes are nobody's; of a time: 1970, when nobody was a member
                    send(api, method, sent, {"INVALID_ARGUMENT", "NOT_FOUND"})
                    continue
                failure = send(api, method, sent, {"INVALID_ARGUMENT"})
                if what == "10,000 deep" and number == 536870911:
                    continue  # an unknown field: its bytes are nobody's
                if what == "10,000 deep" and failure is not None and failure.reason == "FIELD_INVALID":
                    continue  # a text or a batch of something that is wrong inside
                assert failure is not None and failure.reason == "MESSAGE_MALFORMED", (number, what, failure)


@pytest.mark.parametrize("method", METHODS, ids=lambda name: name.split("/")[1])
def test_texts_that_are_none(world, method):
    _, api, right = world
    data = right[method].SerializeToString()

    def texts(message, prefix, depth=0):
        for spec in message.fields:
            if spec.type == spec.TYPE_STRING:
                for bad in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\0b", b"\0", b"\xe2\x82"):
                    yield wrap(prefix, field(spec.number, bad))
            elif spec.type == spec.TYPE_MESSAGE and depth < 4:
                yield from texts(spec.message_type, [*prefix, spec.number], depth + 1)

    def wrap(prefix, inner):
        for number in reversed(prefix):
            inner = field(number, inner)
        return inner

    for bad in texts(METHODS[method].input_type, []):
        for sent in (bad, data + bad):
            failure = send(api, method, sent, {"INVALID_ARGUMENT"})
            assert failure is not None and failure.reason == "MESSAGE_MALFORMED", (sent, failure)


@pytest.mark.parametrize("method", METHODS, ids=lambda name: name.split("/")[1])
def test_bombs(world, method):
    """What is small on the wire and would be large in memory; what is large and says nothing."""
    daemon, api, right = world
    for spec in METHODS[method].input_type.fields:
        room = 4 * 1024 * 1024 - 64
        tag = varint(spec.number << 3 | 2) + b"\0"
        bombs = [tag * (room // len(tag)), field(spec.number, b"\x00" * room), field(spec.number, b"\x80" * room),
                 (varint(spec.number << 3) + b"\0") * (room // (len(varint(spec.number << 3)) + 1)),
                 field(spec.number, field(1, b"") * (room // 2 - 8))]
        for bomb in bombs:
            failure = send(api, method, bomb, {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"})
            assert failure is not None, (spec.name, bomb[:10])
    failure = send(api, method, field(536870911, b"x" * 4000000), FINE | {"RESOURCE_EXHAUSTED"})
    assert failure is not None or method.endswith("/ListMembers")  # it asks for nothing, so nothing is missing
    assert daemon.settled()["memberd_arena_bytes"] < BUDGET


def test_compressed_bombs(world):
    """A few hundred KB that would be hundreds of MB; C core says so itself, so there are no details."""
    daemon, api, _ = world
    before = daemon.rss()
    for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
        for size in (100, 200 << 20):
            call = api.channel.unary_unary("/memberd.v1.ScoringService/RecordActivities").future(
                b"\0" * size, timeout=60, compression=compression)
            assert call.code() == grpc.StatusCode.UNIMPLEMENTED
    assert daemon.rss() < before + (32 << 20)


def test_a_oneof_that_is_set_again_means_the_last(world):
    _, api, _ = world
    member = api.enroll(str(uuid.uuid4()))
    get = "memberd.v1.MemberService/GetMember"
    by_id, by_identity = field(1, member.encode()), field(2, field(1, b"shop") + field(2, b"nobody"))
    answer = M.GetMemberResponse.FromString(api.raw(get, field(1, by_identity + by_id)))
    assert answer.member.member_id == member
    for last in (by_id + by_identity, by_identity + by_identity, by_id * 100 + by_identity):
        failure = send(api, get, field(1, last))
        assert failure.code == "NOT_FOUND", failure
    for _ in range(50):
        assert send(api, get, field(1, (by_identity + by_id) * 20)) is None


def test_memory_comes_back(world):
    """What is sent may cost what it costs; the same again costs no more."""
    daemon, api, right = world
    rng = random.Random(7)

    def flood():
        for method, message in right.items():
            data = message.SerializeToString()
            for _ in range(20):
                send(api, method, mutate(rng, data))
            send(api, method, field(1, b"") * 500000)
        return daemon.rss()

    before = [flood() for _ in range(3)][-1]
    after = [flood() for _ in range(3)][-1]
    assert after < before + (64 << 20), (before, after)
    assert daemon.settled()["memberd_arena_bytes"] < BUDGET
    assert daemon.settled()["memberd_calls_pending"] == 0
