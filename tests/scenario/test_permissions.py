# SPDX-License-Identifier: Apache-2.0
"""Who may do what; and that a refusal never tells whether a member exists."""
import hashlib
import os

import pytest

from memberd import Failure, order, ref, refused

ROLES = ["admin", "checkout", "portal", "support", "manager", "producer"]

MAY = {
    "members.read": {"admin", "checkout", "portal", "support", "manager"},
    "members.write": {"admin", "support", "producer"},
    "members.list": {"admin", "support", "manager"},
    "members.decide": {"admin", "support"},
    "activities.write": {"admin", "producer"},
    "scores.read": {"admin", "support", "manager"},
    "scores.decide": {"admin", "support"},
    "benefits.read": {"admin", "checkout", "portal", "support"},
    "benefits.quote": {"admin", "checkout"},
}


@pytest.fixture
def guarded(start, home):
    """(a memberd with a token for every role and for the member 4711, one that exists)"""
    path = os.path.join(home, "tokens")
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write("# tokens of the scenario\n\n")
        for role in [*ROLES, "member:4711"]:
            file.write(f"{role} sha256:{hashlib.sha256(('t-' + role).encode()).hexdigest()}\n")
    daemon = start("--token-file", path)
    member = daemon.api("t-admin").enroll("ada")
    return daemon, member


def calls(api, member):
    return {
        "members.read": lambda: api.members.GetMember(member=ref(member)),
        "members.write": lambda: api.members.LinkIdentity(
            request_id="00000000-0000-4000-8000-000000000001", member=ref(member),
            identity=dict(issuer="x", external_id="y")),
        "members.list": lambda: api.members.ListMembers(),
        "members.decide": lambda: api.members.SuspendMember(
            request_id="00000000-0000-4000-8000-000000000002", member=ref(member), suspended=False, reason="case 81"),
        "scores.decide": lambda: api.scores.SetCredibility(
            request_id="00000000-0000-4000-8000-000000000003", member=ref(member), delta_bp=1, reason="case 81"),
        "activities.write": lambda: api.record(order(member, "e1", 100)),
        "scores.read": lambda: api.score(member),
        "benefits.read": lambda: api.benefits.ListMemberBenefits(member=ref(member)),
        "benefits.quote": lambda: api.benefits.QuoteDiscount(
            member=ref(member), currency="CNY",
            lines=[dict(line_no=1, public_price=100, channel="BASKET_CHANNEL_STANDARD")]),
    }


def outcome(call):
    try:
        call()
        return "OK"
    except Failure as failure:
        return failure.code


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_its_row_says_and_nothing_else(guarded, role):
    daemon, member = guarded
    api = daemon.api("t-" + role)
    for permission, call in calls(api, member).items():
        expected = "OK" if role in MAY[permission] else "PERMISSION_DENIED"
        assert outcome(call) == expected, (role, permission)
    # permission comes before existence: who may not ask learns nothing
    for permission, call in calls(api, 4712).items():
        if role not in MAY[permission]:
            assert outcome(call) == "PERMISSION_DENIED", (role, permission)


def test_a_member_reaches_himself_and_nobody_else_known_or_not(guarded):
    daemon, member = guarded
    api = daemon.api("t-member:4711")
    own = outcome(lambda: api.members.GetMember(member=ref(4711)))
    assert own == "NOT_FOUND"  # his id is nobody's; that he may know
    for other in (member, 4712):
        for permission in ("members.read", "scores.read", "benefits.read", "benefits.quote"):
            with refused("PERMISSION_DENIED", "PERMISSION_MISSING"):
                calls(api, other)[permission]()
    for external_id in ("ada", "nobody"):
        with refused("PERMISSION_DENIED", "PERMISSION_MISSING"):
            api.members.GetMember(member=dict(identity=dict(issuer="shop", external_id=external_id)))


def test_personal_data_needs_its_own_permission(guarded):
    daemon, member = guarded
    full = dict(member=ref(member), view="MEMBER_VIEW_FULL")
    assert daemon.api("t-support").members.GetMember(**full).member.identities[0].external_id == "ada"
    for role in ("checkout", "portal", "manager"):
        with refused("PERMISSION_DENIED", "PERMISSION_MISSING"):
            daemon.api("t-" + role).members.GetMember(**full)


def test_without_a_valid_token_nothing_is_told(guarded):
    daemon, member = guarded
    for token in (None, "wrong", "t-admi", "t-adminx", ""):
        with refused("UNAUTHENTICATED", "TOKEN_UNKNOWN"):
            daemon.api(token).members.GetMember(member=ref(member))
    for metadata in ([("authorization", "t-admin")], [("authorization", "Basic t-admin")]):
        with refused("UNAUTHENTICATED", "TOKEN_UNKNOWN"):
            daemon.api().raw("memberd.v1.MemberService/GetMember", b"", metadata)


def test_health_needs_no_token(guarded):
    assert guarded[0].api().health() == "SERVING"


def test_the_log_names_the_role_and_never_the_token(guarded):
    daemon, member = guarded
    daemon.api("t-checkout").members.GetMember(member=ref(member))
    line = daemon.wait_event("call", 2)
    assert line["role"] == "checkout"
    assert "t-checkout" not in daemon.stderr() and "t-admin" not in daemon.stderr()
