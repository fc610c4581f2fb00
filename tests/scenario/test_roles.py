# SPDX-License-Identifier: Apache-2.0
"""Every method for every role, and tokens in every form."""
import hashlib
import os
import signal
import uuid

import pytest

from memberd import FACTORY, POOL, Failure, M, order, ref, run

# What docs/operations.md says each role may, method by method; a new method wants a line here.
READ = {"admin", "checkout", "portal", "support", "manager", "member"}
MAY = {
    "EnrollMember": {"admin", "support", "producer"},
    "GetMember": READ,
    "BatchGetMembers": READ,
    "LookupMember": READ,
    "ListMembers": {"admin", "support", "manager"},
    **dict.fromkeys(("OverrideTier", "SuspendMember", "LinkMembers", "UnlinkMembers", "SetCredibility", "ReportFraud",
                     "VoidActivity", "ReverseActivity"), {"admin", "support"}),
    "ListTierHistory": {"admin", "support", "manager", "member"},
    "WatchMembers": {"admin", "portal", "support", "manager"},
    "UpdateMember": {"admin", "support", "producer"},
    "LinkIdentity": {"admin", "support", "producer"},
    "UnlinkIdentity": {"admin", "support", "producer"},
    "RecordActivities": {"admin", "producer"},
    "StreamActivities": {"admin", "producer"},
    "GetScore": {"admin", "support", "manager", "member"},
    "ListActivities": {"admin", "support", "manager", "member"},
    "PreviewScore": {"admin", "support", "manager", "member"},
    "GetTierProgress": {"admin", "support", "manager", "member"},
    "CheckBenefit": {"admin", "checkout", "portal", "support", "member"},
    "BatchCheckBenefits": {"admin", "checkout", "portal", "support", "member"},
    "ListMemberBenefits": {"admin", "checkout", "portal", "support", "member"},
    "QuoteDiscount": {"admin", "checkout", "member"},
    "GetHotelStatus": {"admin", "checkout", "portal", "support", "member"},
    "ListBenefits": {"admin", "checkout", "portal", "support", "member"},
    "PublishPolicy": {"admin", "manager"},
    "ListPolicyVersions": {"admin", "support", "manager"},
    "GetPolicy": {"admin", "support", "manager"},
    "ValidatePolicy": {"admin", "support", "manager"},
    "ListAuditRecords": {"admin", "manager"},
    "GetUpgradeOffer": {"admin", "checkout", "portal", "support", "member"},
}
PERSONAL = {"admin", "support", "member"}
DEFAULT_POLICY = run("--print-policy")[1]
ROLES = ["admin", "checkout", "portal", "support", "manager", "producer"]
METHODS = {method.name: (f"{service}/{method.name}", method)
           for service in ("memberd.v1.MemberService", "memberd.v1.ScoringService", "memberd.v1.BenefitService",
                           "memberd.v1.VipService", "memberd.v1.PolicyService", "memberd.v1.AuditService")
           for method in POOL.FindServiceByName(service).methods}


def line(role, token):
    return f"{role} sha256:{hashlib.sha256(token.encode()).hexdigest()}\n"


def write(path, text):
    with open(path + ".new", "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    os.replace(path + ".new", path)
    return path


class World:
    """ada has a token of her own; bob exists; nobody does not."""

    def __init__(self, start, home):
        path = os.path.join(home, "tokens")
        every = "".join(line(role, "t-" + role) for role in ROLES)
        write(path, every)
        self.daemon = start("--token-file", path)
        admin = self.api("admin")
        self.ada, self.bob = admin.enroll("ada"), admin.enroll("bob")
        write(path, every + line(f"member:{self.ada}", "t-member") + line("member:0", "t-zero") +
              line("member:ada", "t-name") + line("member:" + "9" * 30, "t-long"))
        self.daemon.signal(signal.SIGHUP)
        self.daemon.wait_event("reloaded")

    def api(self, role):
        return self.daemon.api("t-" + role)


@pytest.fixture
def world(start, home):
    return World(start, home)


def by_identity(external_id):
    return dict(identity=dict(issuer="shop", external_id=external_id))


def cancellation(who):
    return M.Activity(source="shop", source_event_id=str(uuid.uuid4()), member=who, occurred_at=dict(seconds=1794000000),
                      cancellation=dict(order=dict(order_id="none")))


# The fields that decisions have beside member, request_id and reason. Of the keys: nobody has such an activity.
UNKNOWN = dict(activity=dict(source="shop", source_event_id="unknown"))
DECISIONS = {
    "OverrideTier": dict(tier="TIER_GOLD", until=dict(seconds=1893456000)), "SuspendMember": dict(suspended=False),
    "LinkMembers": {}, "UnlinkMembers": {}, "SetCredibility": dict(delta_bp=1), "ReportFraud": UNKNOWN,
    "VoidActivity": UNKNOWN, "ReverseActivity": UNKNOWN}


def decision(name, who, other):
    """A right request; links are with `other`."""
    more = dict(other=other) if name.endswith("nkMembers") else {}
    return dict(request_id=str(uuid.uuid4()), member=who, reason="case 81", **DECISIONS[name], **more)


def request(name, who):
    """A right request about `who`, a MemberRef."""
    if name in DECISIONS:
        return FACTORY.GetPrototype(METHODS[name][1].input_type)(**decision(name, who, by_identity("bob")))
    new = dict(issuer="other", external_id=str(uuid.uuid4()))
    fields = {
        "EnrollMember": lambda: dict(request_id=str(uuid.uuid4()), identity=new),
        "BatchGetMembers": lambda: dict(members=[who]),
        "LookupMember": lambda: dict(identity=dict(who).get("identity")),
        "UpdateMember": lambda: dict(request_id=str(uuid.uuid4()), member=who, profile=dict(region="CN")),
        "LinkIdentity": lambda: dict(request_id=str(uuid.uuid4()), member=who, identity=new),
        "UnlinkIdentity": lambda: dict(request_id=str(uuid.uuid4()), member=who, identity=new),
        "RecordActivities": lambda: dict(activities=[cancellation(who)]),
        "StreamActivities": lambda: dict(activities=[cancellation(who)]),
        "PreviewScore": lambda: dict(member=who, activities=[cancellation(who)]),
        "CheckBenefit": lambda: dict(member=who, benefit_id="value-channel-discount"),
        "BatchCheckBenefits": lambda: dict(checks=[dict(member=who, benefit_id="value-channel-discount")]),
        "QuoteDiscount": lambda: dict(member=who, currency="CNY", lines=[dict(line_no=1, public_price=1,
                                                                            channel="BASKET_CHANNEL_STANDARD")]),
        "ListBenefits": dict,
        "ListMembers": dict,
        "WatchMembers": dict,
        "PublishPolicy": lambda: dict(request_id=str(uuid.uuid4()), reason="r", text=DEFAULT_POLICY),
        "ListPolicyVersions": dict,
        "GetPolicy": dict,
        "ValidatePolicy": lambda: dict(text=DEFAULT_POLICY),
    }.get(name, lambda: dict(member=who))()
    return FACTORY.GetPrototype(METHODS[name][1].input_type)(**fields)


def ask(api, name, who):
    """The answer's code; of a batch's one item, if the batch was taken."""
    path, method = METHODS[name]
    try:
        answer = api.call(path, request(name, who), FACTORY.GetPrototype(method.output_type))
    except Failure as failure:
        assert failure.reason, failure
        return failure.code
    results = getattr(answer, "results", None)
    codes = {0: "OK", 3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 7: "PERMISSION_DENIED"}
    return codes[results[0].status.code] if results else "OK"


def test_the_table_is_whole():
    assert set(MAY) == set(METHODS)


def test_every_method_for_every_role(world):
    for role in ROLES:
        api = world.api(role)
        for name in METHODS:
            for who in (dict(member_id=world.ada), by_identity("ada")):
                if name == "LookupMember" and "identity" not in who:
                    continue
                code = ask(api, name, who)
                if role not in MAY[name]:
                    assert code == "PERMISSION_DENIED", (role, name)
                elif name in ("UnlinkIdentity", "VoidActivity", "ReverseActivity"):
                    assert code == "NOT_FOUND", (role, name)  # she does not have it
                elif name == "PublishPolicy":
                    assert code == "FAILED_PRECONDITION", (role, name)  # it is known already
                else:
                    assert code == "OK", (role, name)


def test_who_may_not_ask_learns_nothing(world):
    """Neither whether a member exists nor whether the request was right."""
    for role in ROLES:
        api = world.api(role)
        for name, (path, _) in METHODS.items():
            if role not in MAY[name]:
                for who in (dict(member_id="1"), by_identity("nobody")):
                    assert ask(api, name, who if name != "LookupMember" else by_identity("nobody")) == \
                        "PERMISSION_DENIED"
                for data in (b"", b"\xff" * 20):
                    with pytest.raises(Failure) as failure:
                        api.raw(path, data)
                    assert failure.value.code == "PERMISSION_DENIED", (role, name)


def test_a_member_in_every_method(world):
    api = world.api("member")
    for name in METHODS:
        if name == "ListBenefits":
            assert ask(api, name, None) == "OK"
            continue
        for who in (dict(member_id=world.ada), by_identity("ada")):
            if name != "LookupMember" or "identity" in who:
                assert ask(api, name, who) == ("OK" if "member" in MAY[name] else "PERMISSION_DENIED"), (name, who)
        for who in (dict(member_id=world.bob), by_identity("bob"), dict(member_id="1"), by_identity("nobody")):
            if name != "LookupMember" or "identity" in who:
                assert ask(api, name, who) == "PERMISSION_DENIED", (name, who)


def test_a_member_in_batches_hears_of_himself_only(world):
    api = world.api("member")
    refs = [ref(world.ada), ref(world.bob), ref(1), by_identity("ada"), by_identity("bob"), by_identity("nobody"),
            ref("x"), ref(world.ada)]
    expected = [0, 7, 7, 0, 7, 7, 3, 0]
    answer = api.members.BatchGetMembers(members=refs, view="MEMBER_VIEW_FULL")
    assert [result.status.code for result in answer.results] == expected
    for result, code in zip(answer.results, expected):
        assert result.HasField("member") == (code == 0) and result.HasField("info") == (code == 0)
        if code == 0:
            assert result.member.member_id == world.ada
    # what is refused for another says the same of one who exists and one who does not
    told = {result.status.SerializeToString() for result in (answer.results[i] for i in (1, 2))}
    assert len(told) == 1
    assert len({answer.results[i].status.SerializeToString() for i in (4, 5)}) == 1
    answer = api.benefits.BatchCheckBenefits(checks=[dict(member=who, benefit_id="none") for who in refs])
    assert [result.status.code for result in answer.results] == [5, 7, 7, 5, 7, 7, 3, 5]
    assert all(result.member_id == "" for result in answer.results)


def test_tokens_of_members_that_cannot_be(world):
    for role in ("zero", "name", "long"):
        api = world.api(role)
        for who in (dict(member_id=world.ada), by_identity("ada"), by_identity("nobody")):
            assert ask(api, "GetMember", who) == "PERMISSION_DENIED", role


def test_personal_data_for_every_role(world):
    for role in [*ROLES, "member"]:
        api = world.api(role)
        for call in (lambda: api.members.GetMember(member=ref(world.ada), view="MEMBER_VIEW_FULL"),
                     lambda: api.members.BatchGetMembers(members=[ref(world.ada)], view="MEMBER_VIEW_FULL")):
            if role in PERSONAL:
                answer = call()
                assert (answer.member if hasattr(answer, "member") else answer.results[0].member).identities
            else:
                with pytest.raises(Failure) as failure:
                    call()
                assert failure.value.code == "PERMISSION_DENIED"


@pytest.mark.parametrize("values, taken", [
    (["Bearer t-admin"], True), (["bearer t-admin"], True), (["BEARER t-admin"], True),
    ([], False), ([""], False), (["Bearer"], False), (["Bearer "], False), (["t-admin"], False), (["Basic t-admin"], False),
    (["Bearer  t-admin"], False), (["Bearer t-admin x"], False), (["Bearer t-admin "], False),
    (["Bearer t-admin", "Bearer t-admin"], False), (["Bearer t-admin", "Bearer wrong"], False),
    (["Bearer wrong", "Bearer t-admin"], False), (["Bearer t-admin,Bearer t-admin"], False),
    (["Bearer " + "x" * 4000], False),
], ids=lambda value: str(value)[:60])
def test_forms_of_authorization(world, values, taken):
    get, data = METHODS["GetMember"][0], request("GetMember", dict(member_id=world.ada)).SerializeToString()
    metadata = [("authorization", value) for value in values]
    if taken:
        assert world.daemon.api().raw(get, data, metadata)
    else:
        with pytest.raises(Failure) as failure:
            world.daemon.api().raw(get, data, metadata)
        assert (failure.value.code, failure.value.reason) == ("UNAUTHENTICATED", "TOKEN_UNKNOWN")
    # health and reflection ask for nothing
    world.daemon.api().raw("grpc.health.v1.Health/Check", b"", metadata)


def test_headers_beyond_all_bounds(world):
    api = world.daemon.api()
    for size in (8000, 20000, 200000):
        with pytest.raises(Failure) as failure:
            api.raw(METHODS["GetMember"][0], b"", [("authorization", "Bearer " + "x" * size)])
        # C core cuts the connection when there is far too much
        assert failure.value.code in ("UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "UNAVAILABLE"), failure.value
    assert world.api("admin").members.GetMember(member=ref(world.ada))
    assert world.api("producer").record(order(world.ada, "e", 1))[0].status.code == 0
