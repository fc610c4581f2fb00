# SPDX-License-Identifier: Apache-2.0
"""Every field of every request at its limits and beyond: what is within is taken, what is beyond is
refused with its reason and with the path of the field as the caller sent it."""
import re
import tempfile
import uuid

import pytest

from memberd import POOL, Failure, Field, M, Memberd, at, order, ref

MOST, LEAST = 2**63 - 1, -(2**63)
YEAR_1, YEAR_9999 = -62135596800, 253402300799
LIMIT = 10**13  # of an amount, in minor units of the programme's currency
INVALID = "INVALID_ARGUMENT"


@pytest.fixture(scope="module")
def shared():
    with tempfile.TemporaryDirectory(prefix="md-") as home:
        daemon = Memberd(home, "--store", "memory", "--access-log", "off").start()
        daemon.member = daemon.api().enroll("ada")
        yield daemon
        ended = daemon.stop()
        daemon.close()
        assert daemon.sanitizer_reports() == []
        assert ended == 0, daemon.stderr()


@pytest.fixture
def api(shared):
    return shared.api()


def outcome(call):
    """None, or the failure."""
    try:
        call()
        return None
    except Failure as failure:
        return failure


def expect(call, field, reason="FIELD_INVALID", code=INVALID):
    failure = outcome(call)
    assert failure is not None, "taken"
    assert (failure.code, failure.reason, failure.field) == (code, reason, field), failure
    assert failure.domain == "memberd" and failure.details.count("ErrorInfo") == 1
    assert failure.details.count("BadRequest") == (1 if field else 0)
    assert failure.text and "\n" not in failure.text and len(failure.text) < 300


# ---- who ----

MEMBER_IDS = ["", "0", "-1", "01", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "9223372036854775808", "9" * 20, "9" * 5000,
              "١", "１", "%s%n", "1\n"]
ISSUERS = ["", "Shop", "s" * 65, "shop ", "sh/op", "é", "s\n", "*"]
EXTERNAL = ["", "a" * 129, "é" * 65]


def decided(**fields):
    return dict(request_id=str(uuid.uuid4()), reason="case 81", **fields)


def by_name(external_id):
    return dict(identity=dict(issuer="shop", external_id=external_id))


def by_member(api):
    """(path of its MemberRef, call with a MemberRef) of each method that names a member."""
    line = dict(line_no=1, public_price=1, channel="BASKET_CHANNEL_STANDARD")
    return {
        "GetMember": lambda ref: api.members.GetMember(member=ref),
        "ListTierHistory": lambda ref: api.members.ListTierHistory(member=ref),
        "UpdateMember": lambda ref: api.members.UpdateMember(
            request_id=str(uuid.uuid4()), member=ref, profile=dict(region="CN")),
        "LinkIdentity": lambda ref: api.members.LinkIdentity(
            request_id=str(uuid.uuid4()), member=ref, identity=dict(issuer="a", external_id=str(uuid.uuid4()))),
        "UnlinkIdentity": lambda ref: api.members.UnlinkIdentity(
            request_id=str(uuid.uuid4()), member=ref, identity=dict(issuer="a", external_id="b")),
        "OverrideTier": lambda ref: api.members.OverrideTier(**decided(member=ref)),
        "SuspendMember": lambda ref: api.members.SuspendMember(**decided(member=ref)),
        "LinkMembers": lambda ref: api.members.LinkMembers(**decided(member=ref, other=by_name("nobody"))),
        "UnlinkMembers": lambda ref: api.members.UnlinkMembers(**decided(member=ref, other=by_name("nobody"))),
        "SetCredibility": lambda ref: api.scores.SetCredibility(**decided(member=ref, delta_bp=1)),
        **{name: lambda ref, method=getattr(api.scores, name): method(**decided(
            member=ref, activity=dict(source="shop", source_event_id="e")))
           for name in ("ReportFraud", "VoidActivity", "ReverseActivity")},
        "GetScore": lambda ref: api.scores.GetScore(member=ref),
        "ListActivities": lambda ref: api.scores.ListActivities(member=ref),
        "CheckBenefit": lambda ref: api.benefits.CheckBenefit(member=ref, benefit_id="value-channel-discount"),
        "ListMemberBenefits": lambda ref: api.benefits.ListMemberBenefits(member=ref),
        "QuoteDiscount": lambda ref: api.benefits.QuoteDiscount(member=ref, currency="CNY", lines=[line]),
        "GetHotelStatus": lambda ref: api.benefits.GetHotelStatus(member=ref),
        "GetUpgradeOffer": lambda ref: api.vip.GetUpgradeOffer(member=ref),
    }


def wrong_refs():
    yield M.MemberRef(), "member"
    yield dict(identity=dict()), "member.identity.issuer"
    for number in MEMBER_IDS:
        yield dict(member_id=number), "member.member_id"
    for issuer in ISSUERS:
        yield dict(identity=dict(issuer=issuer, external_id="a")), "member.identity.issuer"
    for external_id in EXTERNAL:
        yield dict(identity=dict(issuer="a", external_id=external_id)), "member.identity.external_id"


def test_members_are_named_rightly_in_each_method(api):
    for call in by_member(api).values():
        expect(lambda: call(None), "member")
        for wrong, path in wrong_refs():
            expect(lambda: call(wrong), path)


def test_nobody_is_not_found_in_each_method(api):
    longest = dict(identity=dict(issuer="z" * 64, external_id="é" * 64))
    for name, call in by_member(api).items():
        for nobody in (ref(MOST), ref(1), longest):
            expect(lambda: call(nobody), None, "MEMBER_NOT_FOUND", "NOT_FOUND")


@pytest.mark.parametrize("revision, reason, code", [
    (-1, "FIELD_INVALID", INVALID), (LEAST, "FIELD_INVALID", INVALID),
    (1000, "REVISION_UNKNOWN", "FAILED_PRECONDITION"), (MOST, "REVISION_UNKNOWN", "FAILED_PRECONDITION")])
def test_min_revision(shared, api, revision, reason, code):
    fields = dict(member=ref(shared.member), min_revision=revision)
    for call in (lambda: api.members.GetMember(**fields), lambda: api.scores.GetScore(**fields),
                 lambda: api.members.ListTierHistory(**fields), lambda: api.scores.ListActivities(**fields),
                 lambda: api.benefits.CheckBenefit(benefit_id="value-channel-discount", **fields),
                 lambda: api.benefits.ListMemberBenefits(**fields), lambda: api.benefits.GetHotelStatus(**fields),
                 lambda: api.benefits.QuoteDiscount(currency="CNY", lines=[basket_line()], **fields),
                 lambda: api.members.LookupMember(identity=dict(issuer="shop", external_id="ada"), min_revision=revision),
                 lambda: api.vip.GetUpgradeOffer(**fields)):
        expect(call, "min_revision", reason, code)
    good = ref(shared.member)
    results = api.members.BatchGetMembers(members=[good, good, ref(MOST)], min_revisions=[1, revision, 0]).results
    assert [problem(result) for result in results] == [None, (reason, "min_revisions[1]"), ("MEMBER_NOT_FOUND", None)]
    check = dict(member=good, benefit_id="value-channel-discount")
    results = api.benefits.BatchCheckBenefits(checks=[dict(check, min_revision=1), dict(check, min_revision=revision)]).results
    assert [problem(result) for result in results] == [None, (reason, "checks[1].min_revision")]


def test_min_revisions_are_as_many_as_members(shared, api):
    for n in (1, 3):
        expect(lambda: api.members.BatchGetMembers(members=[ref(shared.member)] * 2, min_revisions=[1] * n), "min_revisions")


def test_views(shared, api):
    for view in (3, -1, 2**31 - 1, -(2**31)):
        expect(lambda: api.members.GetMember(member=ref(shared.member), view=view), "view")
        expect(lambda: api.members.BatchGetMembers(members=[ref(shared.member)], view=view), "view")
        expect(lambda: api.members.ListTierHistory(member=ref(shared.member), view=view), "view")


@pytest.mark.parametrize("seconds, nanos, path, reason", [
    (0, -1, ".nanos", "FIELD_INVALID"), (0, 10**9, ".nanos", "FIELD_INVALID"), (0, 2**31 - 1, ".nanos", "FIELD_INVALID"),
    (YEAR_1 - 1, 0, ".seconds", "FIELD_INVALID"), (YEAR_9999 + 1, 0, ".seconds", "FIELD_INVALID"),
    (MOST, 0, ".seconds", "FIELD_INVALID"), (LEAST, 0, ".seconds", "FIELD_INVALID"),
    (YEAR_9999, 0, "", "IN_FUTURE"), (YEAR_1, 0, "", "MEMBER_NOT_FOUND"), (0, 0, "", "MEMBER_NOT_FOUND"),
    (-1, 999_999_999, "", "MEMBER_NOT_FOUND")])
def test_axes_of_time(shared, api, seconds, nanos, path, reason):
    for axis in ("as_of", "known_at"):
        fields = dict(member=ref(shared.member), **{axis: dict(seconds=seconds, nanos=nanos)})
        for call in (lambda: api.members.GetMember(**fields), lambda: api.scores.GetScore(**fields),
                     lambda: api.members.ListTierHistory(**fields), lambda: api.scores.ListActivities(**fields),
                     lambda: api.benefits.CheckBenefit(benefit_id="value-channel-discount", **fields),
                     lambda: api.benefits.ListMemberBenefits(**fields)):
            expect(call, axis + path, reason, "NOT_FOUND" if reason == "MEMBER_NOT_FOUND" else INVALID)


def test_request_ids(shared, api):
    good = str(uuid.uuid4())
    bad = ["", "1", good[:-1], good + "0", good.replace("-", ""), "{" + good + "}", "urn:uuid:" + good, good + " ",
           good.replace("-", "_"), "g" * 8 + good[8:], "é" * 18, "x" * 100000]
    link = dict(member=ref(shared.member), identity=dict(issuer="a", external_id="b"))
    for request_id in bad:
        expect(lambda: api.enroll("x", request_id=request_id), "request_id")
        expect(lambda: api.members.LinkIdentity(request_id=request_id, **link), "request_id")
        expect(lambda: api.members.UnlinkIdentity(request_id=request_id, **link), "request_id")
        expect(lambda: api.members.UpdateMember(request_id=request_id, member=ref(shared.member)), "request_id")
    # the same in capitals is the same; the nil UUID is one
    name = str(uuid.uuid4())
    assert api.enroll(name, request_id=good) == api.enroll(name, request_id=good.upper())
    assert api.enroll(str(uuid.uuid4()), request_id="00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize("name, good, bad", [
    ("display_name", ["", "é" * 64, "a" * 128], ["a" * 129, "é" * 65]),
    ("birthday_month", [0], [-1, 13, 2**31 - 1, -(2**31)]),
    ("region", ["", "CN", "a" * 8], ["a" * 9, "C-N", "é", " CN"]),
    ("language", ["", "zh-Hans", "a" * 35], ["a" * 36, "-", "zh-", "-zh", "z_h", "中"]),
    ("birthday_day", [0], [1, -1, 32, 2**31 - 1]),
])
def test_profiles(api, name, good, bad):
    for value in good:
        assert api.enroll(str(uuid.uuid4()), profile={name: value})
    for value in bad:
        expect(lambda: api.enroll(str(uuid.uuid4()), profile={name: value}), f"profile.{name}")


def test_birthdays(api):
    for month, day in ((1, 31), (2, 29), (4, 30), (12, 31)):
        api.enroll(str(uuid.uuid4()), profile=dict(birthday_month=month, birthday_day=day))
    for month, day in ((1, 32), (2, 30), (4, 31), (1, 0), (12, -1)):
        expect(lambda: api.enroll("x", profile=dict(birthday_month=month, birthday_day=day)), "profile.birthday_day")


def test_identities_that_are_given(shared, api):
    cases = [(dict(), "identity")]
    cases += [(dict(identity=dict(issuer=value, external_id="a")), "identity.issuer") for value in ISSUERS]
    cases += [(dict(identity=dict(issuer="a", external_id=value)), "identity.external_id") for value in EXTERNAL]
    for fields, path in cases:
        expect(lambda: api.members.EnrollMember(request_id=str(uuid.uuid4()), **fields), path)
        expect(lambda: api.members.LookupMember(**fields), path)
        more = dict(request_id=str(uuid.uuid4()), member=ref(shared.member), **fields)
        expect(lambda: api.members.LinkIdentity(**more), path)
        expect(lambda: api.members.UnlinkIdentity(**more), path)
    for external_id in ("a" * 128, "é" * 64, " ", "\n", "'; drop table member;--", "%s%n", "\u202e"):
        number = api.enroll(external_id, issuer="z" * 64)
        assert api.members.LookupMember(identity=dict(issuer="z" * 64, external_id=external_id)).member_id == number


# ---- batches ----

def test_batches_hold_1_to_500(shared, api):
    member = ref(shared.member)
    check = dict(member=member, benefit_id="value-channel-discount")
    for call, path in ((lambda n: api.members.BatchGetMembers(members=[member] * n), "members"),
                       (lambda n: api.benefits.BatchCheckBenefits(checks=[check] * n), "checks"),
                       (lambda n: api.scores.RecordActivities(activities=[M.Activity()] * n), "activities"),
                       (lambda n: api.scores.StreamActivities(activities=[M.Activity()] * n), "activities")):
        for n in (0, 501, 5000):
            expect(lambda: call(n), path)
        assert len(call(1).results) == 1
        assert len(call(500).results) == 500


def problem(result):
    """(reason, path) of a batch item's status; None for OK."""
    if result.status.code == 0:
        return None
    kinds = [detail.type_url.rsplit(".", 1)[-1] for detail in result.status.details]
    assert kinds.count("ErrorInfo") == 1 and kinds.count("BadRequest") <= 1
    assert result.status.message
    details = {kind: dict(Field.walk(detail.value)) for kind, detail in zip(kinds, result.status.details)}
    assert details["ErrorInfo"][2] == b"memberd"
    reason = details["ErrorInfo"][1].decode()
    return reason, dict(Field.walk(details["BadRequest"][1]))[1].decode() if "BadRequest" in kinds else None


def test_batch_items_name_themselves(shared, api):
    good = ref(shared.member)
    results = api.members.BatchGetMembers(members=[good, M.MemberRef(), ref("x"), ref(MOST)]).results
    assert [problem(result) for result in results] == [
        None, ("FIELD_INVALID", "members[1]"), ("FIELD_INVALID", "members[2].member_id"), ("MEMBER_NOT_FOUND", None)]
    checks = [dict(member=good, benefit_id="value-channel-discount"), dict(benefit_id="a"), dict(member=good),
              dict(member=good, benefit_id="none"), dict(member=ref(MOST), benefit_id="none")]
    results = api.benefits.BatchCheckBenefits(checks=checks).results
    assert [problem(result) for result in results] == [
        None, ("FIELD_INVALID", "checks[1].member"), ("FIELD_INVALID", "checks[2].benefit_id"),
        ("BENEFIT_NOT_FOUND", "checks[3].benefit_id"), ("MEMBER_NOT_FOUND", None)]


# ---- benefits ----

def test_benefit_ids(shared, api):
    for benefit_id in ("", "A", "a" * 65, "a b", "é"):
        expect(lambda: api.benefits.CheckBenefit(member=ref(shared.member), benefit_id=benefit_id), "benefit_id")
    expect(lambda: api.benefits.CheckBenefit(member=ref(shared.member), benefit_id="a" * 64), "benefit_id",
           "BENEFIT_NOT_FOUND", "NOT_FOUND")


def test_pages(api):
    everything = [benefit.benefit_id for benefit in api.benefits.ListBenefits(page_size=2**31 - 1).benefits]
    for size in (-1, -(2**31)):
        expect(lambda: api.benefits.ListBenefits(page_size=size), "page_size")
    for size in (1, 3, 200):
        seen, token = [], ""
        while True:
            page = api.benefits.ListBenefits(page_size=size, page_token=token)
            seen += [benefit.benefit_id for benefit in page.benefits]
            token = page.next_page_token
            if not token:
                break
        assert seen == everything
    token = api.benefits.ListBenefits(page_size=1).next_page_token
    assert api.benefits.ListBenefits(page_size=5, page_token=token).benefits[0].benefit_id == everything[1]
    swapped = token[:8] + "00000005" + token[16:]
    for forged in ("x", token[:-1], token + "0", token.upper(), " " + token[1:], "+" + token[1:], swapped, "0" * 48,
                   "f" * 48, "%s%s%n", "é" * 24, "0" * 100000):
        if forged != token:
            expect(lambda: api.benefits.ListBenefits(page_token=forged), "page_token")


def basket_line(**fields):
    return dict(dict(line_no=1, public_price=100, channel="BASKET_CHANNEL_STANDARD"), **fields)


BASKETS = [
    ("currency", dict(currency="")), ("currency", dict(currency="cny")), ("currency", dict(currency="CNYX")),
    ("currency", dict(currency="USD")), ("currency", dict(currency="C" * 100000)),
    ("lines", dict(lines=[])), ("lines", dict(lines=[basket_line(line_no=n + 1) for n in range(201)])),
    ("lines", dict(lines=[basket_line(), basket_line()])),
    *((f"lines[1].{name}", dict(lines=[basket_line(), basket_line(**{"line_no": 2, name: value})]))
      for name, values in {"line_no": [0, -1, -(2**31)], "public_price": [-1, LEAST], "member_price": [-1, LEAST],
                           "channel": [0, 3, -1, 2**31 - 1], "category": ["a" * 65], "brand": ["é" * 33]}.items()
      for value in values),
    ("coupons", dict(coupons=[dict(amount=1)] * 2)), ("coupons", dict(coupons=[dict(amount=1, brand="b")] * 2)),
    ("coupons", dict(coupons=[dict(amount=1)] * 3)), ("coupons", dict(coupons=[dict(amount=1)] * 1000)),
    *((f"coupons[0].{name}", dict(coupons=[dict(dict(amount=1), **{name: value})]))
      for name, values in {"amount": [0, -1, LEAST], "threshold": [-1, LEAST], "brand": ["a" * 65]}.items()
      for value in values),
]


@pytest.mark.parametrize("path, fields", BASKETS, ids=lambda value: value if isinstance(value, str) else "")
def test_baskets(shared, api, path, fields):
    right = dict(member=ref(shared.member), currency="CNY", lines=[basket_line()])
    expect(lambda: api.benefits.QuoteDiscount(**dict(right, **fields)), path)


def test_basket_amounts(shared, api):
    def quote(**fields):
        return api.benefits.QuoteDiscount(**dict(dict(member=ref(shared.member), currency="CNY",
                                                      lines=[basket_line()]), **fields))

    assert quote(lines=[basket_line(public_price=LIMIT)]).total == LIMIT
    assert quote(lines=[basket_line(public_price=0)]).total == 0
    assert quote(lines=[basket_line(line_no=2**31 - 1)]).total == 100
    assert quote(coupons=[dict(amount=LIMIT, threshold=LIMIT), dict(amount=LIMIT, brand="b")]).total == 100
    for amount in (LIMIT + 1, MOST):
        for path, fields in (("lines[0].public_price", dict(lines=[basket_line(public_price=amount)])),
                             ("lines[0].member_price", dict(lines=[basket_line(member_price=amount)])),
                             ("coupons[0].amount", dict(coupons=[dict(amount=amount)])),
                             ("coupons[0].threshold", dict(coupons=[dict(amount=1, threshold=amount)]))):
            expect(lambda: quote(**fields), path, "AMOUNT_OVER_LIMIT")
    for amount in (1, MOST):
        expect(lambda: quote(lines=[basket_line(public_price=LIMIT), basket_line(line_no=2, public_price=amount)]), "lines[1].public_price",
               "AMOUNT_OVER_LIMIT")


# ---- activities ----

def stamp(seconds=0, nanos=0):
    return dict(seconds=seconds, nanos=nanos)


def line(**fields):
    return dict(dict(line_no=1, type="LINE_TYPE_GOODS", currency="CNY", amount=100), **fields)


def back(number, amount=1):
    return dict(line_no=number, currency="CNY", amount=amount)


def change(activity, path, value):
    """Sets the field at path: names and [indices]."""
    *way, last = re.findall(r"\w+", path)
    for name in way:
        activity = activity[int(name)] if name.isdigit() else activity[name]
    activity[int(last) if last.isdigit() else last] = value


def activity(kind, member):
    bodies = {
        "order": dict(platform="PLATFORM_SHOPPING", order_id="o", completed_at=stamp(1795000000), lines=[line()]),
        "completion": dict(order=dict(order_id="o"), completed_at=stamp(1795000000)),
        "cancellation": dict(order=dict(order_id="o")),
        "reversal": dict(order=dict(order_id="o"), lines=[dict(line_no=1, currency="CNY", amount=1)]),
        "review": dict(order=dict(order_id="o"), line_no=1),
        "share": dict(content="c", channel="chat"),
        "opening": dict(share=dict(source_event_id="s"), by=dict(member_id=member), verified=True),
        "post": dict(content="c"),
        "answer": dict(question="q", asker=dict(member_id=member)),
        "vote": dict(content="c", by=dict(member_id=member)),
        "visit": dict(platform="PLATFORM_FOOD", store="s"),
        "undo": dict(activity=dict(source_event_id="s")),
    }
    return dict(source="shop", source_event_id="e", member=dict(member_id=member), occurred_at=stamp(1794000000),
                **{kind: bodies[kind]})


KINDS = ["order", "completion", "cancellation", "reversal", "review", "share", "opening", "post", "answer", "vote", "visit",
         "undo"]
IDS = ["", "a" * 129, "é" * 65]
SLUGS = ["", "Shop", "s" * 65, "a b", "é"]
ENVELOPE = [
    *(("source", value, "source") for value in [*SLUGS, "memberd", "memberd.x"]),
    *(("source_event_id", value, "source_event_id") for value in IDS),
    ("occurred_at", None, "occurred_at"), ("occurred_at", stamp(0, 10**9), "occurred_at.nanos"),
    ("occurred_at", stamp(0, -1), "occurred_at.nanos"), ("occurred_at", stamp(0, 2**31 - 1), "occurred_at.nanos"),
    ("occurred_at", stamp(YEAR_1 - 1), "occurred_at.seconds"),
    ("occurred_at", stamp(YEAR_9999 + 1), "occurred_at.seconds"),
    ("occurred_at", stamp(MOST), "occurred_at.seconds"), ("occurred_at", stamp(LEAST), "occurred_at.seconds"),
    ("member", None, "member"), ("member", dict(member_id="x"), "member.member_id"),
    ("member", dict(identity=dict(issuer="A", external_id="a")), "member.identity.issuer"),
]
COMPLETED = [(stamp(0), ""), (stamp(0, 999), ""), (stamp(0, 10**9), ".nanos"),
             (stamp(MOST), ".seconds"), (stamp(LEAST), ".seconds")]
OWN = {
    "order": [("order.platform", value, "order.platform") for value in (0, 7, -1, 2**31 - 1)] +
             [("order.order_id", value, "order.order_id") for value in IDS] +
             [("order.completed_at", value, "order.completed_at" + rest) for value, rest in COMPLETED] +
             [("order.lines", value, path) for value, path in (
                 ([], "order.lines"), ([line(line_no=n + 1) for n in range(1001)], "order.lines"),
                 ([line(line_no=2), line(line_no=1), line(line_no=2)], "order.lines[2].line_no"),
                 ([line(line_no=3), line(line_no=-5), line(line_no=4)], "order.lines[1].line_no"),
                 ([line(line_no=3), line(line_no=2, type=0), line(line_no=1)], "order.lines[1].type"))] +
             [(f"order.lines[0].{name}", value, f"order.lines[0].{name}")
              for name, values in {
                  "line_no": [0, -1, -(2**31)], "type": [0, 8, -1, 2**31 - 1],
                  "currency": ["", "cny", "CN", "CNYX", "C1Y", "é"],
                  "amount": [-1, LEAST], "coupon": [-1, LEAST], "points": [-1, LEAST], "sub_kind": ["a" * 65],
                  "category": ["é" * 33], "store": ["a" * 65], "brand": ["a" * 100000]}.items() for value in values] +
             [(f"order.lines[0].{name}", value, "order.lines[0].amount")
              for name in ("coupon", "points") for value in (101, MOST)],
    "completion": [("completion.order", None, "completion.order"),
                   ("completion.completed_at", None, "completion.completed_at")] +
                  [("completion.completed_at", value, "completion.completed_at" + rest) for value, rest in COMPLETED],
    "cancellation": [("cancellation.order", None, "cancellation.order")],
    "reversal": [("reversal.order", None, "reversal.order"), ("reversal.lines", [], "reversal.lines"),
                 ("reversal.lines", [back(n + 1) for n in range(1001)], "reversal.lines"),
                 ("reversal.lines", [back(2), back(1, 0)], "reversal.lines[1].amount")] +
                [(f"reversal.lines[0].{name}", value, f"reversal.lines[0].{name}")
                 for name, values in {"line_no": [0, -1], "currency": ["", "cny", "CNYX"],
                                      "amount": [0, -1, LEAST]}.items() for value in values],
}
OWN |= {
    "review": [("review.order", None, "review.order")] +
              [("review.line_no", value, "review.line_no") for value in (0, -1, -(2**31))],
    "share": [("share.content", value, "share.content") for value in IDS] +
             [("share.channel", value, "share.channel") for value in ("", "a" * 65, "é" * 33)],
    "opening": [("opening.share", None, "opening.share")],
    "post": [("post.content", value, "post.content") for value in IDS],
    "answer": [("answer.question", value, "answer.question") for value in IDS],
    "vote": [("vote.content", value, "vote.content") for value in IDS],
    "visit": [("visit.platform", value, "visit.platform") for value in (0, 7, -1, 2**31 - 1)] +
             [("visit.store", value, "visit.store") for value in ("", "a" * 65, "é" * 33)],
    "undo": [("undo.activity", None, "undo.activity"), ("undo.activity.source", "memberd", "undo.activity.source")],
}
for path in ("opening.by", "answer.asker", "vote.by"):
    OWN[path.split(".")[0]] += [
        (path, None, path), (path, dict(), path), (path, dict(identity=dict(issuer="A", external_id="a")), path + ".identity.issuer"),
        *((path, dict(member_id=value), path + ".member_id") for value in MEMBER_IDS)]
for path in ("opening.share", "undo.activity"):
    OWN[path.split(".")[0]] += [(f"{path}.source", value, f"{path}.source") for value in SLUGS[1:]]
    OWN[path.split(".")[0]] += [(f"{path}.source_event_id", value, f"{path}.source_event_id") for value in IDS]
for named in ("completion", "cancellation", "reversal", "review"):
    for name, values in (("order_source", SLUGS[1:]), ("order_id", IDS)):
        OWN[named] += [(f"{named}.order.{name}", value, f"{named}.order.{name}") for value in values]


@pytest.mark.parametrize("kind", KINDS)
def test_activities(shared, api, kind):
    """Every wrong one in one batch, none of them taken."""
    cases = ENVELOPE + OWN[kind]
    for start in range(0, len(cases), 100):
        activities, expected = [], []
        for number, (path, value, told) in enumerate(cases[start:start + 100]):
            wrong = activity(kind, shared.member)
            change(wrong, path, value)
            activities.append(wrong)
            expected.append(("FIELD_INVALID", f"activities[{number}].{told}"))
        results = api.scores.RecordActivities(activities=activities).results
        assert [problem(result) for result in results] == expected
        assert all(result.entry_id == "" for result in results)


def test_activities_need_a_kind(shared, api):
    nothing = activity("order", shared.member)
    del nothing["order"]
    result = api.scores.RecordActivities(activities=[nothing]).results[0]
    assert problem(result) == ("FIELD_INVALID", "activities[0].kind")


def test_amounts_of_activities(api):
    member = api.enroll(str(uuid.uuid4()))

    def told(kind, fields):
        sent = activity(kind, member)
        sent[kind].update(fields)
        sent["source_event_id"] = sent[kind]["order_id" if kind == "order" else "order"] = str(uuid.uuid4())
        if kind != "order":
            sent[kind]["order"] = dict(order_id=str(uuid.uuid4()))
        return problem(api.scores.RecordActivities(activities=[sent]).results[0])

    over = "AMOUNT_OVER_LIMIT"
    assert told("order", dict(lines=[line(amount=LIMIT)])) is None
    assert told("order", dict(lines=[line(amount=100, coupon=60, points=40)])) is None
    assert told("order", dict(lines=[line(amount=0)])) is None
    assert told("order", dict(lines=[line(line_no=2**31 - 1)])) is None
    for amount in (LIMIT + 1, MOST):
        for currency in ("CNY", "USD"):
            assert told("order", dict(lines=[line(amount=amount, currency=currency)])) == \
                (over, "activities[0].order.lines[0].amount")
            assert told("reversal", dict(lines=[dict(line_no=1, currency=currency, amount=amount)])) == \
                (over, "activities[0].reversal.lines[0].amount")
    # sums are made by rising line number, and told by place
    assert told("order", dict(lines=[line(line_no=9), line(line_no=3, amount=LIMIT)])) == \
        (over, "activities[0].order.lines[0].amount")
    assert told("order", dict(lines=[line(currency="XTS")])) == \
        ("CURRENCY_UNKNOWN", "activities[0].order.lines[0].currency")


def test_times_of_activities(api):
    member = api.enroll(str(uuid.uuid4()))
    now = at("2026-11-21T08:00:00+08:00").seconds

    def told(**fields):
        sent = dict(activity("order", member), source_event_id=str(uuid.uuid4()), **fields)
        sent["order"]["order_id"] = sent["source_event_id"]
        return problem(api.scores.RecordActivities(activities=[sent]).results[0])

    assert told(occurred_at=stamp(now + 300)) is None
    # accepted writes may have moved the present on by microseconds
    assert told(occurred_at=stamp(now + 301)) == ("IN_FUTURE", "activities[0].occurred_at")
    assert told(occurred_at=stamp(YEAR_9999)) == ("IN_FUTURE", "activities[0].occurred_at")
    assert told(occurred_at=stamp(YEAR_1)) == ("OUT_OF_WINDOW", "activities[0].occurred_at")
    assert told(occurred_at=stamp(0)) == ("OUT_OF_WINDOW", "activities[0].occurred_at")


def test_what_the_ledger_refuses_names_its_item_and_line(api):
    """As the caller counted them: the third activity, and lines in his own sequence."""
    member = api.enroll(str(uuid.uuid4()))
    assert api.record(order(member, "o1", 0, lines=[(1, 100), (2, 200), (3, 300)]))[0].status.code == 0

    def reversal(event, *lines):
        return M.Activity(source="shop", source_event_id=event, member=ref(member),
                          occurred_at=at("2026-10-05T00:00:00Z"),
                          reversal=dict(order=dict(order_id="o-o1"),
                                        lines=[dict(line_no=no, currency=currency, amount=amount)
                                               for no, currency, amount in lines]))

    results = api.record(
        order(member, "o1", 7),
        order(member, "o2", 7, order_id="o-o1"),
        reversal("r1", (3, "CNY", 1), (2, "CNY", 201), (1, "CNY", 1)),
        reversal("r2", (9, "CNY", 1), (1, "CNY", 1)),
        reversal("r3", (2, "CNY", 1), (1, "USD", 1)),
        order(member, "o3", 7, occurred_at="2020-01-01T00:00:00Z", completed_at="2020-01-01T00:00:00Z"),
        reversal("r4", (3, "CNY", 1)))
    assert [problem(result) for result in results] == [
        ("ACTIVITY_CONFLICT", "activities[0].source_event_id"),
        ("ORDER_EXISTS", "activities[1].order.order_id"),
        ("REFUND_OVER_REMAINDER", "activities[2].reversal.lines[1].amount"),
        ("REFUND_LINE_MISMATCH", "activities[3].reversal.lines[0].line_no"),
        ("REFUND_LINE_MISMATCH", "activities[4].reversal.lines[1].currency"),
        ("OUT_OF_WINDOW", "activities[5].occurred_at"),
        None]


def test_every_field_is_in_the_tables_of_this_file():
    """A new field of a request wants a line here."""
    known = {"activity", "answer", "asker", "batch_id", "by", "content", "kinds", "opening", "pictures", "post", "question",
             "review", "share", "undo", "visit", "vote",
             "activities", "amount", "as_of", "benefit_id", "birthday_day", "birthday_month", "brand", "cancellation",
             "category", "channel", "checks", "completed_at", "completion", "coupon", "coupons", "currency",
             "display_name", "etag", "external_id", "identity", "issuer", "known_at", "language", "line_no", "lines", "member",
             "member_id", "member_price", "members", "min_revision", "min_revisions", "nanos", "occurred_at", "order", "order_id",
             "order_source", "page_size", "page_token", "paths", "platform", "points", "profile", "public_price", "region",
             "request_id", "reversal", "seconds", "source", "source_event_id", "state", "store", "sub_kind", "threshold",
             "type", "update_mask", "verified", "view"}
    seen = set()
    known |= {"cursor", "member_ids"}  # of test_watch.py
    # of decisions
    known |= {"activity", "delta_bp", "other", "reason", "suspended", "tier", "until"}

    def walk(spec):
        for child in spec.fields:
            seen.add(child.name)
            if child.message_type is not None:
                walk(child.message_type)

    for service in ("MemberService", "ScoringService", "BenefitService", "VipService"):
        for method in POOL.FindServiceByName(f"memberd.v1.{service}").methods:
            walk(method.input_type)
    assert seen == known
