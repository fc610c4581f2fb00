# SPDX-License-Identifier: Apache-2.0
"""The worked examples of docs/programme.md, done through the API. Each test is named after the mark of its example,
`<!-- worked: NAME -->`, and is given the bold figures of the paragraph behind it: the page cannot say one thing and the
service another."""
import os
import re

import pytest

import memberctl as ctl
from memberd import M, Clock, at, order, ref

PAGE = os.path.join(os.path.dirname(os.path.dirname(ctl.DATA)), "docs", "programme.md")
ENUMS = M.GetScoreResponse.DESCRIPTOR.file.pool


def read_examples():
    """The bold figures of each worked example, by its name."""
    with open(PAGE, encoding="utf-8") as file:
        found = re.findall(r"<!-- worked: ([a-z ]+) -->\n(.*?)(?:\n\n|\Z)", file.read(), re.S)
    return {name: re.findall(r"\*\*(.*?)\*\*", text, re.S) for name, text in found}


EXAMPLES = read_examples()


@pytest.fixture
def said(request):
    """The figures of the page that a test is about."""
    return EXAMPLES[request.node.name[len("test_"):].replace("_", " ")]


def test_every_example_of_the_page_is_done_here():
    done = {name[len("test_"):].replace("_", " ") for name in globals() if name.startswith("test_")}
    assert set(EXAMPLES) == done - {"every example of the page is done here"} and all(EXAMPLES.values())


# ---- figures as the page writes them ----

def name_of(enum, number):
    """"black diamond" as "Black Diamond"."""
    full = ENUMS.FindEnumTypeByName(f"memberd.v1.{enum}").values_by_number[number].name
    return full[len(re.sub("(?<!^)(?=[A-Z])", "_", enum)) + 1:].replace("_", " ").title()


def tier(answer):
    return name_of("Tier", answer.tier)


def points(micro):
    """986999960 as "986.99996"."""
    text = f"{abs(micro) // 10**6}.{abs(micro) % 10**6:06}".rstrip("0").rstrip(".")
    return "-" + text if micro < 0 else text


def part(answer, kind):
    assert sum(part.micro_points for part in answer.score.parts) == answer.score.score * 10**6
    return points(sum(part.micro_points for part in answer.score.parts if name_of("ScorePartKind", part.kind) == kind))


def yuan(fen):
    return f"{fen // 100}.{fen % 100:02}"


def check(said, *found):
    assert list(map(str, found)) == said, (found, said)


# ---- what the examples need ----

def record(api, *activities):
    for first in range(0, len(activities), 500):
        for result in api.record(*activities[first:first + 500]):
            assert result.status.code == 0, result


def activity(member, event, when, **kind):
    return M.Activity(source="shop", source_event_id=event, member=ref(member), occurred_at=at(when), **kind)


def days(first, count, each):
    """(number, instant): `each` a day on `count` days of October 2026."""
    return [(number, f"2026-10-{first + number // each:02}T{10 + number % each}:00:00+08:00") for number in range(count * each)]


def delivered(member, event, amount, lines=12):
    """An order of so many lines, which has posted long ago; all of the amount on the first."""
    return order(member, event, 0, lines=[(no, amount if no == 1 else 0) for no in range(1, lines + 1)],
                 occurred_at="2026-09-01T12:00:00+08:00", completed_at="2026-09-02T12:00:00+08:00")


def reviews(member, ordered, when):
    return [activity(member, f"r{no}", instant, review=M.Review(order=M.OrderRef(order_id=f"o-{ordered}"), line_no=no + 1))
            for no, instant in when]


def undo(member, event, what, when):
    return activity(member, event, when, undo=M.Undo(activity=M.ActivityKey(source_event_id=what)))


def decide(call, member, **fields):
    return call(member=ref(member), reason="worked example", request_id=message_id(), **fields)


def message_id():
    message_id.last += 1
    return f"00000000-0000-4000-8000-{message_id.last:012}"


message_id.last = 0


# ---- the examples ----

def test_the_way_to_gold(api, said):
    member = api.enroll("m")
    record(api, order(member, "e", 1_000_000))
    progress = api.scores.GetTierProgress(member=ref(member))
    ways = {name_of("WayKind", way.kind): way for way in progress.next.ways}
    assert set(ways) == {"Spend", "Days"}
    check(said, progress.score, progress.next.missing, name_of("Tier", progress.next.tier), yuan(ways["Spend"].amount.minor),
          yuan(ways["Days"].amount.minor), ways["Days"].count)
    # and it is enough; a fen less is not
    for amount, reached in ((ways["Spend"].amount.minor - 1, "Silver"), (ways["Spend"].amount.minor, "Gold")):
        bought = order(member, "more", amount, platform="SHOPPING", category="", occurred_at="2026-11-21T07:00:00+08:00",
                       completed_at="2026-11-21T07:00:00+08:00")
        assert [tier(change) for change in api.scores.PreviewScore(member=ref(member), activities=[bought]).after.schedule][0] == reached


def test_one_order(api, said):
    answers = []
    for amount in (4058333, 4058334):
        member = api.enroll(f"m{amount}")
        record(api, order(member, "e", amount))
        answers.append(api.score(member))
    offer = api.vip.GetUpgradeOffer(member=ref(member))
    first, second = answers
    check(said, part(first, "Spend"), part(first, "Frequency"), part(first, "Breadth"), first.score.score, tier(first),
          second.score.score, tier(second), offer.price.minor // 100)


def test_a_full_day(api, said):
    member, found = api.enroll("m"), []
    record(api, delivered(member, "b", 0), *reviews(member, "b", days(1, 1, 4)))
    found.append(part(api.score(member), "Reviews"))
    for number in (0, 1):
        record(api, undo(member, f"u{number}", f"r{number}", "2026-10-05T12:00:00+08:00"))
        found.append(part(api.score(member), "Reviews"))
    check(said, *found)


def test_visits(api, said):
    many, one = api.enroll("many"), api.enroll("one")
    for number, instant in days(1, 1, 7):
        for member, store in ((many, f"s{number}"), (one, "s")):
            record(api, activity(member, f"v{number}", instant, visit=M.Visit(platform="PLATFORM_SHOPPING", store=store)))
    check(said, part(api.score(many), "Visits"), part(api.score(one), "Visits"))


def test_a_share(api, said):
    member, when, found = api.enroll("m"), "2026-10-05T12:00:00+08:00", []
    record(api, activity(member, "s", when, share=M.Share(content="c", channel="chat")))
    for number, (who, verified) in enumerate(((member, True), (api.enroll("a"), False), (api.enroll("b"), True), (api.enroll("c"), True))):
        record(api, activity(member, f"o{number}", when, opening=M.Opening(
            share=M.ActivityKey(source_event_id="s"), by=ref(who), verified=verified)))
        found.append(part(api.score(member), "Shares"))
    check(said, *found)


def test_linked_accounts(api, said):
    member, readers, found = api.enroll("m"), [api.enroll(f"reader {number}") for number in range(3)], []
    record(api, *[activity(member, f"v{number}", "2026-10-05T12:00:00+08:00", vote=M.Vote(content="c", by=ref(reader)))
                  for number, reader in enumerate(readers)])
    found.append(part(api.score(member), "Votes"))
    for call in (api.members.LinkMembers, api.members.UnlinkMembers):
        decide(call, member, other=ref(readers[1]))
        found.append(part(api.score(member), "Votes"))
    check(said, *found)


def busy(api, name):
    """The member of the busy month, who reviewed samples."""
    member, asker = api.enroll(name), api.enroll(f"asker of {name}")
    record(api, delivered(member, "b", 0), *reviews(member, "b", days(1, 4, 3)),
           *[activity(member, f"p{no}", when, post=M.Post(content=f"c{no}")) for no, when in days(1, 5, 3)],
           *[activity(member, f"a{no}", when, answer=M.Answer(question=f"q{no}", asker=ref(asker))) for no, when in days(6, 5, 3)])
    return member


def buy(api, member):
    record(api, order(member, "bought", 200_000))


def test_a_busy_month(api, said):
    member = busy(api, "m")
    before = api.score(member)
    assert [part(before, kind) for kind in ("Reviews", "Posts", "Answers")] == ["60", "60", "30"]
    preview = api.scores.PreviewScore(member=ref(member), activities=[order(member, "bought", 200_000)])
    buy(api, member)
    after = api.score(member)
    check(said, part(before, "Common Caps"), part(before, "Guard"), before.score.score, tier(before), part(after, "Guard"),
          after.score.score, preview.after.score.score)


def test_credibility(api, said):
    member = busy(api, "m")
    buy(api, member)
    before = api.score(member)
    assert before.score.score == 333
    decide(api.scores.SetCredibility, member, delta_bp=-2000)
    after = api.score(member)
    for kind in ("Spend", "Frequency", "Breadth", "Reviews", "Posts", "Answers", "Common Caps", "Guard"):
        assert part(after, kind) == part(before, kind), kind
    check(said, part(after, "Credibility"), after.score.score)


def test_a_proven_fake(api, said):
    member = api.enroll("m")
    record(api, delivered(member, "b", 1_400_000), *reviews(member, "b", days(1, 4, 3)))
    before = api.score(member)
    assert tier(before) == "Gold"
    finding = decide(api.scores.ReportFraud, member, activity=M.ActivityKey(source="shop", source_event_id="r5"))
    fallen = api.score(member)
    assert (finding.score, finding.tier) == (fallen.score.score, fallen.tier)
    assert part(fallen, "Reviews") == "55" and part(fallen, "Credibility") == "-11"
    entries = {entry.entry_id: entry for entry in api.scores.ListActivities(member=ref(member), page_size=200).activities}
    entry = entries[finding.entry_id].activity
    decide(api.scores.ReverseActivity, member, activity=M.ActivityKey(source=entry.source, source_event_id=entry.source_event_id))
    after = api.score(member)
    check(said, before.score.score, part(fallen, "Penalty"), fallen.score.score, tier(fallen), after.score.score, tier(after))


def test_a_late_order(start, home, said):
    clock = Clock(home, "2026-10-09T08:00:00+08:00")
    api = start(clock=clock.spec).api()
    member, then = api.enroll("m"), at("2026-10-10T23:00:00+08:00")
    record(api, order(member, "first", 1_000_000, occurred_at="2026-10-02T10:00:00+08:00", completed_at="2026-10-03T10:00:00+08:00"))
    clock.set("2026-10-10T23:00:00+08:00")
    first = api.score(member)
    clock.set("2026-11-21T08:00:00+08:00")
    record(api, order(member, "late", 1_000_000, occurred_at="2026-10-01T10:00:00+08:00", completed_at="2026-10-02T10:00:00+08:00"))
    now = api.score(member, as_of=then)
    known = api.score(member, as_of=then, known_at=then)
    assert first.score.score == known.score.score
    check(said, first.score.score, now.score.score, tier(now), known.score.score, tier(known))


def test_a_step_down(api, said):
    member = api.enroll("m")
    record(api, order(member, "e", 1_630_000, platform="FOOD", category="", occurred_at="2026-01-10T12:00:00+08:00",
                      completed_at="2026-01-10T12:30:00+08:00"))
    record(api, activity(member, "back", "2026-02-01T12:00:00+08:00", reversal=M.Reversal(
        order=M.OrderRef(order_id="o-e"), lines=[M.ReversalLine(line_no=1, currency="CNY", amount=400_000)])))

    def then(text):
        return api.score(member, as_of=at(text)), api.members.GetMember(member=ref(member), as_of=at(text)).member.standing

    first, standing = then("2026-01-11T00:00:00+08:00")
    assert standing.protected_until == at("2026-04-08T00:00:00+08:00")
    refunded, forecast = then("2026-02-02T00:00:00+08:00")
    assert forecast.below_keep and not forecast.at_risk
    marked, at_risk = then("2026-04-08T00:00:00+08:00")
    fallen, after = then("2026-05-08T00:00:00+08:00")
    assert marked.settled.score == fallen.settled.score == 520 and not after.at_risk
    check(said, first.score.score, tier(first), refunded.score.score, tier(refunded), "at risk" if at_risk.at_risk else "",
          tier(marked), tier(fallen))


def test_an_override(start, home, said):
    clock = Clock(home)
    api = start(clock=clock.spec).api()
    member = api.enroll("m")
    decide(api.members.OverrideTier, member, tier="TIER_DIAMOND", until=at("2026-12-01T00:00:00+08:00"))
    shown, hotel = api.score(member), api.benefits.GetHotelStatus(member=ref(member))
    levels = {status.entitlement.level for status in hotel.statuses}
    assert len(levels) == 1, levels
    score = shown.score.score
    clock.set("2026-12-01T00:00:00+08:00")
    check(said, score, tier(shown), levels.pop(), shown.score.score, tier(api.score(member)))


def test_a_basket(api, said):
    member = api.enroll("high")
    activities = [order(member, f"e{n}", 2_000_000, occurred_at=f"2026-{1 + n % 10:02}-{1 + n // 10:02}T12:00:00+08:00",
                        completed_at=f"2026-{1 + n % 10:02}-{1 + n // 10:02}T12:00:00+08:00", category=f"c{n % 20}")
                  for n in range(270)]
    record(api, *activities, *[order(member, platform, 10_000, platform=platform)
                               for platform in ("GROCERY", "FOOD", "TRAVEL", "TICKETS", "RIDES")])
    quote = api.benefits.QuoteDiscount(member=ref(member), currency="CNY", lines=[
        M.BasketLine(line_no=no, public_price=333, channel="BASKET_CHANNEL_VALUE") for no in (1, 2, 3)])
    check(said, yuan(quote.percent_off), *[yuan(line.percent_off) for line in quote.lines])
