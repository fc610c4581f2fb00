# SPDX-License-Identifier: Apache-2.0
"""PolicyService: publishing, listing, reading and trying policy versions."""
import hashlib
import os
import threading
import uuid

import pytest

from memberd import Clock, Failure, Field, at, message, order, ref, refused, run

DEFAULT = run("--print-policy")[1]
NEXT = "2026-12-01T00:00:00+08:00"


def policy(version=2, effective_from=NEXT, *changes):
    """The default as another version, with (old, new) texts changed."""
    text = DEFAULT
    for old, new in (("\nversion: 1\n", f"\nversion: {version}\n"),
                     ("effective_from: 1970-01-01T00:00:00Z", f"effective_from: {effective_from}"), *changes):
        assert text.count(old) == 1, (old, text.count(old))
        text = text.replace(old, new)
    return text


def publish(api, text, reason="the summer programme", request_id=None):
    return api.policies.PublishPolicy(request_id=request_id or str(uuid.uuid4()), text=text, reason=reason)


def versions(api):
    return [version.version for version in api.policies.ListPolicyVersions().versions]


def violations(failure):
    """(field, description) of each violation of its BadRequest."""
    status = message("google.rpc.Status").FromString(failure.metadata["grpc-status-details-bin"])
    (bad,) = [detail.value for detail in status.details if detail.type_url.endswith("BadRequest")]
    return [tuple(dict(Field.walk(row))[i].decode() for i in (1, 2)) for _, row in Field.walk(bad)]


def test_a_version_is_listed_and_read_to_the_byte(api):
    text = policy() + "# the end, with a ü\n"
    published = publish(api, text).published
    assert (published.version, published.in_force) == (2, False)
    assert published.effective_from == at(NEXT)
    assert published.digest == hashlib.sha256(text.encode()).hexdigest()
    first, second = api.policies.ListPolicyVersions().versions
    assert second == published
    assert (first.version, first.in_force, first.effective_from.seconds) == (1, True, 0)
    assert first.HasField("effective_from")
    got = api.policies.GetPolicy(version=2)
    assert (got.text, got.policy) == (text, published)
    got = api.policies.GetPolicy()
    assert (got.text, got.policy) == (DEFAULT, first)
    for version in (3, 2**31 - 1):
        with refused("NOT_FOUND", "POLICY_NOT_FOUND", "version"):
            api.policies.GetPolicy(version=version)
    for version in (-1, 2**31, 2**63 - 1):
        with refused("INVALID_ARGUMENT", "FIELD_INVALID", "version"):
            api.policies.GetPolicy(version=version)


def test_pages_of_versions(api):
    for month in range(1, 8):
        publish(api, policy(month + 1, f"2027-{month:02}-01T00:00:00Z"))
    seen, token = [], ""
    while True:
        page = api.policies.ListPolicyVersions(page_size=3, page_token=token)
        assert len(page.versions) <= 3
        seen += [version.version for version in page.versions]
        token = page.next_page_token
        if not token:
            break
    assert seen == list(range(1, 9))
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_size"):
        api.policies.ListPolicyVersions(page_size=-1)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "page_token"):
        api.policies.ListPolicyVersions(page_token="x")


def test_the_same_request_is_answered_the_same(start):
    daemon = start()
    api, request_id = daemon.api(), str(uuid.uuid4())
    text = policy()
    first = publish(api, text, request_id=request_id)
    assert publish(api, text, request_id=request_id.upper()) == first
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
        publish(api, text, "another reason", request_id)
    with refused("ALREADY_EXISTS", "REQUEST_ID_REUSED", "request_id"):
        publish(api, policy(3, "2027-01-01T00:00:00Z"), request_id=request_id)
    with refused("FAILED_PRECONDITION", "POLICY_NOT_NEXT", "text.version"):
        publish(api, text)
    assert versions(api) == [1, 2]
    assert daemon.stop() == 0
    again = start().api()
    assert publish(again, text, request_id=request_id) == first
    assert versions(again) == [1, 2]


GOLD = "gold: {attain: 600, keep: 540}"


@pytest.mark.parametrize("text, reason, field, part", [
    (policy(1), "POLICY_NOT_NEXT", "text.version", "must be 2, the next one, not 1"),
    (policy(3), "POLICY_NOT_NEXT", "text.version", "must be 2, the next one, not 3"),
    (policy(2, "2026-11-21T07:59:59+08:00"), "POLICY_NOT_NEXT", "text.effective_from", "before its publication"),
    (policy(2, "1970-01-01T00:00:00Z"), "POLICY_NOT_NEXT", "text.effective_from", "unlike that of version 1"),
    (policy(2, NEXT, ('zone: "+08:00"', 'zone: "+09:00"')), "POLICY_NOT_NEXT", "text.zone", "must stay"),
    (policy(2, NEXT, ("settlement_day: 8", "settlement_day: 9")), "POLICY_NOT_NEXT",
     "text.protection.settlement_day", "must stay 8"),
    (policy(2, NEXT, (GOLD, "gold: {attain: 350, keep: 340}")), "POLICY_INVALID", "text", "tiers.gold.attain"),
    (policy() + "unknown: 1\n", "POLICY_INVALID", "text", "unknown key"),
    ("not a policy", "POLICY_INVALID", "text", "1:1: "),
    (policy() + "# " + "x" * (300 << 10), "POLICY_INVALID", "text", "larger than 256 KiB"),
    (policy() + "# " + "x" * (1000 << 10), "POLICY_INVALID", "text", "larger than 256 KiB"),
    (policy() + "# " + "x" * (3 << 20), "MESSAGE_MALFORMED", None, "memory"),
    ("", "FIELD_INVALID", "text", "must not be empty"),
], ids=lambda value: str(value)[:20].replace("\n", " "))
def test_publishing_refused(api, text, reason, field, part):
    before = api.policies.ListPolicyVersions()
    with pytest.raises(Failure) as failure:
        publish(api, text)
    assert (failure.value.reason, failure.value.field) == (reason, field), failure.value
    assert part in failure.value.text, failure.value
    assert api.policies.ListPolicyVersions() == before
    assert [record.action for record in api.audit.ListAuditRecords().records] == ["policy.publish"]  # the default


@pytest.mark.parametrize("fields, field", [
    (dict(request_id="x"), "request_id"), (dict(request_id=""), "request_id"), (dict(reason=""), "reason"),
    (dict(reason="r" * 257), "reason"),
], ids=str)
def test_what_else_a_request_needs(api, fields, field):
    right = dict(request_id=str(uuid.uuid4()), text=policy(), reason="r" * 256)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", field):
        api.policies.PublishPolicy(**{**right, **fields})
    api.policies.PublishPolicy(**right)


def test_everything_wrong_is_told_with_its_place(api):
    wrong = policy(2, NEXT, (GOLD, "gold: {attain: 350, keep: x}"), ("settlement_day: 8", "settlement_day: 31"))
    lines = wrong.splitlines()
    with pytest.raises(Failure) as failure:
        publish(api, wrong)
    told = violations(failure.value)
    tried = api.policies.ValidatePolicy(text=wrong)
    assert [f"{problem.line}:{problem.column}: {problem.path}: {problem.text}" for problem in tried.problems] == \
        [description for _, description in told]
    assert {field for field, _ in told} == {"text"} and len(told) >= 2
    for problem in tried.problems:
        assert problem.path.rsplit(".", 1)[-1] in lines[problem.line - 1]
    assert "more)" in failure.value.text
    # a hundred mistakes: the error has as many as fit, the trial twenty of them and a count
    many = policy() + "".join(f"unknown_key_{i}: 1\n" for i in range(100))
    with pytest.raises(Failure) as failure:
        publish(api, many)
    tried = api.policies.ValidatePolicy(text=many)
    assert len(tried.problems) == 20 and tried.problems_unlisted == 80
    assert 1 <= len(violations(failure.value)) <= 20
    assert "(and 99 more)" in failure.value.text


def test_trying_stores_nothing(api):
    tried = api.policies.ValidatePolicy(text=policy())
    assert (list(tried.problems), tried.version, tried.effective_from, tried.publishable, tried.obstacle) == \
        ([], 2, at(NEXT), True, "")
    tried = api.policies.ValidatePolicy(text=policy(5))
    assert not tried.problems and not tried.publishable and "must be 2, the next one, not 5" in tried.obstacle
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "text"):
        api.policies.ValidatePolicy()
    assert versions(api) == [1]


def test_of_two_publishers_at_once_one_wins(daemon):
    """Ten of them, each with a text of its own."""
    outcomes = []

    def one(i):
        api = daemon.api()
        try:
            outcomes.append((publish(api, policy(2, f"2026-12-{i + 1:02}T00:00:00Z")).published.digest, None))
        except Failure as failure:
            outcomes.append((None, failure.reason))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    api = daemon.api()
    won = [digest for digest, reason in outcomes if reason is None]
    assert len(won) == 1 and [reason for _, reason in outcomes].count("POLICY_NOT_NEXT") == 9
    assert versions(api) == [1, 2]
    assert api.policies.GetPolicy(version=2).policy.digest == won[0]
    assert len(api.audit.ListAuditRecords().records) == 2


def test_what_was_acknowledged_outlives_a_kill(start):
    daemon = start()
    request_id, text = str(uuid.uuid4()), policy()
    answer = publish(daemon.api(), text, "before the kill", request_id)
    daemon.kill()
    api = start().api()
    assert versions(api) == [1, 2]
    assert api.policies.GetPolicy(version=2).text == text
    assert publish(api, text, "before the kill", request_id) == answer
    assert [record.detail.split(": ")[-1] for record in api.audit.ListAuditRecords().records][1] == "before the kill"


def test_a_failed_commit_publishes_nothing(start, home):
    """Neither the version nor its record in the audit trail."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    clock.fault("store.commit:1")
    with pytest.raises(Failure) as failure:
        publish(api, policy())
    assert failure.value.code == "UNAVAILABLE"
    assert versions(api) == [1] and len(api.audit.ListAuditRecords().records) == 1


def case_73_a_policy_published_by_the_api_in_mid_month_leaves_old_answers(start, home):
    """Gold from 550 on at once: 573 points become Gold; what was asked before is answered the same for ever."""
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    member = api.enroll("ada")
    assert api.record(order(member, "e1", 1400000))[0].score == 573
    clock.set("2026-11-21T09:00:00+08:00")
    asked = dict(as_of=at("2026-11-21T08:30:00+08:00"), known_at=at("2026-11-21T08:30:00+08:00"))

    def ask():
        return [answer.SerializeToString(deterministic=True) for answer in (
            api.score(member, **asked), api.members.GetMember(member=ref(member), **asked),
            api.members.ListTierHistory(member=ref(member), **asked),
            api.benefits.ListMemberBenefits(member=ref(member), **asked))]

    before = ask()
    assert api.score(member).info.policy_version == 1
    publish(api, policy(2, "2026-11-21T09:00:10+08:00", ("attain: 600", "attain: 550")))
    assert api.score(member).info.valid_until == at("2026-11-21T09:00:10+08:00")
    assert ask() == before
    clock.set("2026-11-21T09:00:10+08:00")
    now = api.score(member)
    assert now.info.policy_version == 2
    assert api.members.GetMember(member=ref(member)).member.standing.tier == 3  # Gold
    assert api.record(order(member, "e2", 100))[0].status.code == 0
    assert ask() == before
    # known today, that instant still has the policy that was in force at it
    assert api.score(member, as_of=asked["as_of"]).info.policy_version == 1


def test_a_version_between_those_that_are_known(api):
    publish(api, policy(2, "2027-01-01T00:00:00+08:00"))
    publish(api, policy(3, "2026-12-15T00:00:00+08:00"))
    with refused("FAILED_PRECONDITION", "POLICY_NOT_NEXT", "text.effective_from"):
        publish(api, policy(4, "2026-12-15T00:00:00+08:00"))
    eur = ("rates:\n", "rates:\n  EUR: {exponent: 2, rate: 8.00}\n")
    with refused("FAILED_PRECONDITION", "POLICY_NOT_NEXT", "text.rates.EUR"):
        publish(api, policy(4, "2026-12-20T00:00:00+08:00", eur))
    publish(api, policy(4, "2027-02-01T00:00:00+08:00", eur))
    assert versions(api) == [1, 2, 3, 4]


def test_a_file_and_the_api_publish_into_one_sequence(start, home):
    path, tokens = os.path.join(home, "policy.yaml"), os.path.join(home, "tokens")
    with open(tokens, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f"manager:mei sha256:{hashlib.sha256(b't').hexdigest()}\n")
    daemon = start("--token-file", tokens)
    publish(daemon.api("t"), policy())
    with open(path, "w", encoding="utf-8") as file:
        file.write(policy(3, "2027-01-01T00:00:00Z"))
    assert daemon.stop() == 0
    api = start("--policy", path).api()
    assert versions(api) == [1, 2, 3]
    records = api.audit.ListAuditRecords().records
    assert [record.actor for record in records] == ["memberd:default-policy", "manager:mei", "memberd:policy-file"]
    digests = [version.digest for version in api.policies.ListPolicyVersions().versions]
    assert all(digest in record.detail for digest, record in zip(digests, records))
    # whoever publishes by request has to take the next number, also of a text that is known
    with refused("FAILED_PRECONDITION", "POLICY_NOT_NEXT", "text.version"):
        publish(api, policy(3, "2027-01-01T00:00:00Z"))
