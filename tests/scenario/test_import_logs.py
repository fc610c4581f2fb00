# SPDX-License-Identifier: Apache-2.0
"""Logs of reviews and visits on their way into the real memberd: what counts is computed a second time here, from the
lines alone. Samples by hand are always there; the real logs are read from $MEMBERD_TEST_DATA."""
import collections
import csv
import datetime
import io
import json
import os
import random
import subprocess

import pytest

import memberctl as ctl
from memberd import M, at

TAOBAO = os.path.join(ctl.DATA, "taobao")
FOODS = os.path.join(ctl.DATA, "fine_foods")
ZONE = datetime.timezone(datetime.timedelta(hours=8))
WEEKS = {"taobao": 467, "fine_foods": 734}  # the logs then end on 2026-11-15 and 2026-11-20
KINDS = {number: name for name, number in M.GetScoreResponse.DESCRIPTOR.file.pool.FindEnumTypeByName(
    "memberd.v1.ScorePartKind").values_by_name.items() for number in [number.number]}
REVIEW, VISIT = 5_000_000, 200_000  # micro-points
LIMITS = {"review": (15_000_000, 60_000_000, 300_000_000), "visit": (1_000_000, 20_000_000, 100_000_000)}


def import_log(run, name, file, *more, **options):
    mapping = os.path.join(ctl.DATA, name, f"{name}.yaml")
    return run.json("import", "--mapping", mapping, "--shift-weeks", str(WEEKS[name]), *more, file, **options)


def local(second, weeks):
    return datetime.datetime.fromtimestamp(second, ZONE) + datetime.timedelta(weeks=weeks)


def capped(kind, per_day):
    """The points of a kind from the sums of its days, all of one window."""
    day_most, month_most, window_most = LIMITS[kind]
    months = collections.Counter()
    for day, points in per_day.items():
        months[day.year, day.month] += min(day_most, points)
    return min(window_most, sum(min(month_most, points) for points in months.values()))


def visit_points(lines):
    """By user: 0.2 for each distinct category of a day."""
    seen = collections.defaultdict(set)
    for line in lines:
        user, _, category, behaviour, second = line.strip().split(",")
        if behaviour == "pv":
            seen[user].add((local(int(second), WEEKS["taobao"]).date(), category))
    return {user: capped("visit", collections.Counter({day: VISIT * n for day, n in
                                                       collections.Counter(day for day, _ in pairs).items()}))
            for user, pairs in seen.items()}


def review_points(rows):
    """By user: 5 for the first review of each product."""
    first = {}
    for row in sorted(rows, key=lambda row: int(row["Time"])):
        if int(row["Time"]) >= 1317427200:
            first.setdefault((row["UserId"], row["ProductId"]), local(int(row["Time"]), WEEKS["fine_foods"]).date())
    days = collections.defaultdict(collections.Counter)
    for (user, _), day in first.items():
        days[user][day] += REVIEW
    return {user: capped("review", {day: points for day, points in per_day.items() if day >= datetime.date(2025, 12, 1)})
            for user, per_day in days.items()}


def scores(api, issuer, users):
    """Each one's answer, ids and revisions aside; every explanation must add up."""
    found = {}
    for user in users:
        answer = api.scores.GetScore(member=M.MemberRef(identity=dict(issuer=issuer, external_id=user)))
        assert sum(part.micro_points for part in answer.score.parts) == answer.score.score * 10**6
        found[user] = answer
    return found


def alike(found):
    return {user: (answer.score.SerializeToString(), answer.settled.SerializeToString(), answer.tier, answer.level,
                   [change.SerializeToString() for change in answer.schedule]) for user, answer in found.items()}


def part(answer, kind):
    return sum(part.micro_points for part in answer.score.parts if KINDS[part.kind] == f"SCORE_PART_KIND_{kind}")


def real_log(*names):
    file = os.path.join(os.environ.get("MEMBERD_TEST_DATA", ""), *names)
    if not os.environ.get("MEMBERD_TEST_DATA") or not os.path.exists(file):
        pytest.skip(f"no {'/'.join(names)} in $MEMBERD_TEST_DATA")
    return subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout.decode()


def write(home, name, lines):
    path = os.path.join(home, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(lines))
    return path


def test_a_sample_of_visits(start):
    daemon = start()
    run = ctl.Memberctl(daemon.target)
    report = import_log(run, "taobao", os.path.join(TAOBAO, "sample.csv"))
    assert report["sent"]["accepted"] == report["visits"] == 18 and report["sent"]["refused"] == {}, report
    with open(os.path.join(TAOBAO, "sample.csv"), encoding="utf-8") as file:
        expected = visit_points(file)
    # 7 categories on one day are 1, not 1.4; then one on each of two days; midnight is that of the zone
    assert expected == {"11": 1_400_000, "12": 1_200_000}
    found = scores(daemon.api(), "taobao-behaviour", expected)
    assert {user: part(answer, "VISITS") for user, answer in found.items()} == expected
    assert [found[user].score.score for user in ("11", "12")] == [1, 1]
    again = import_log(run, "taobao", os.path.join(TAOBAO, "sample.csv"))["sent"]
    assert (again["accepted"], again["replayed"], again["known"]) == (0, 18, 0), again
    assert alike(scores(daemon.api(), "taobao-behaviour", expected)) == alike(found)


def test_every_cap_of_visits(start, home):
    """Six stores a day: 1 for each day, 20 for each month, 100 for the window, whatever the order of the lines."""
    daemon = start("--store", "memory")
    first = datetime.datetime(2026, 4, 1, tzinfo=ZONE)
    days = [first + datetime.timedelta(days=number) for number in range(214)]  # to the end of October
    lines = [f"{user},0,{store},pv,{int(day.timestamp()) + 3600 * store}\n" for user, some in (
        ("month", days[:30]), ("edge", days[29:31]), ("window", days), ("four", days[:140])) for day in some for store in range(6)]
    random.Random(4).shuffle(lines)
    run = ctl.Memberctl(daemon.target)
    report = run.json("import", "--mapping", os.path.join(TAOBAO, "taobao.yaml"), "--shift-weeks", "0", write(home, "log.csv", lines))
    assert report["sent"]["accepted"] == len(lines) == 6 * (30 + 2 + 214 + 140), report
    found = scores(daemon.api(), "taobao-behaviour", ["month", "edge", "window", "four"])
    assert {user: part(answer, "VISITS") // 10**6 for user, answer in found.items()} == {
        "month": 20, "edge": 2, "window": 100, "four": 20 * 4 + 18}
    assert found["window"].score.score == 50  # who buys nothing: the guard


def test_a_sample_of_reviews(start):
    daemon = start()
    run = ctl.Memberctl(daemon.target)
    report = import_log(run, "fine_foods", os.path.join(FOODS, "sample.csv"))
    assert report["sent"]["accepted"] == report["purchases"] + report["reviews"] == 13, report
    with open(os.path.join(FOODS, "sample.csv"), encoding="utf-8") as file:
        expected = review_points(csv.DictReader(file))
    # four on one day are 15, the second one of a product is 0
    assert expected == {"U1": 15_000_000, "U2": 10_000_000}
    found = scores(daemon.api(), "fine-foods", expected)
    for user, answer in found.items():
        assert part(answer, "REVIEWS") == expected[user] == answer.score.score * 10**6
        # what is implied adds nothing of its own
        assert (answer.score.days, answer.score.platforms, answer.score.categories) == (0, 0, 0)
        assert answer.score.spend.minor == 0


def test_a_review_of_an_order_that_comes_later(start, home):
    daemon = start()
    run, api = ctl.Memberctl(daemon.target), daemon.api()
    mapping = write(home, "m.yaml", [
        "format: 1\nsource: forum\ncsv: {header: yes, delimiter: ','}\nmember: {issuer: forum, id: who}\n"
        "time: {column: at, format: unix, zone: UTC}\nshift: none\nrows: [{as: review}]\n"
        "review: {names: {order: order, line_no: line, source: shop}, pictures: {pictures: {is: yes}}}\n"])
    second = int(datetime.datetime(2026, 11, 1, 12, tzinfo=ZONE).timestamp())
    log = write(home, "log.csv", [f"who,at,order,line,pictures\na,{second},o1,1,yes\na,{second},o1,2,no\n"])
    report = run.json("import", "--mapping", mapping, log)
    assert (report["sent"]["accepted"], report["sent"]["parked"]) == (2, 2), report
    member = M.MemberRef(identity=dict(issuer="forum", external_id="a"))
    assert part(api.scores.GetScore(member=member), "REVIEWS") == 0
    bought = M.Activity(source="shop", source_event_id="o1", member=member, occurred_at=at("2026-10-20T12:00:00+08:00"),
                        order=M.Order(platform="PLATFORM_SHOPPING", order_id="o1", completed_at=at("2026-10-25T12:00:00+08:00"),
                                      lines=[M.OrderLine(line_no=no, type="LINE_TYPE_GOODS", currency="CNY", amount=0)
                                             for no in (1, 2)]))
    assert api.record(bought)[0].status.code == 0
    assert part(api.scores.GetScore(member=member), "REVIEWS") == 13_000_000
    again = run.json("import", "--mapping", mapping, log)["sent"]
    assert (again["accepted"], again["replayed"]) == (0, 2), again


MIXED = """format: 1
source: mixed
csv: {header: yes, delimiter: ","}
member: {issuer: mixed, id: who}
time: {column: at, format: unix, zone: UTC}
shift: none
rows: [{when: {kind: {is: review}}, as: review}, {when: {kind: {is: visit}}, as: visit}, {as: order}]
order: {platform: food, id: item, item: item, quantity: at, unit_price: price, currency: {code: CNY, decimals: 2},
        completed: at-order, line_order: [item], type: [{is: goods}], category: [{is: {first: 2, of: item}}]}
review: {implies: {platform: shopping, item: item, currency: CNY}, pictures: {item: {prefix: p}}}
visit: {platform: travel, store: item}
"""


@pytest.mark.parametrize("commit", [13, 15, 18])
def test_a_break_in_a_log_of_every_kind_is_gone_over(start, home, commit):
    """Eleven members, then more than one batch of orders, of reviews and of visits."""
    chance, second = random.Random(commit), int(datetime.datetime(2026, 9, 1, tzinfo=ZONE).timestamp())
    lines = [f"{kind},{number % 11},{second + 3600 * number},{chance.choice('pq')}{number // 3},0.000001\n"
             for kind in ("order", "review", "visit") for number in range(700)]
    chance.shuffle(lines)
    mapping, log = write(home, "m.yaml", MIXED), write(home, "log.csv", ["kind,who,at,item,price\n", *lines])
    args = ("import", "--mapping", mapping, "--state", os.path.join(home, "state"), "--in-flight", "1", log)
    daemon = start("--fault", f"store.sqlite.commit:{commit}")
    done = ctl.Memberctl(daemon.target)(*args, "--timeout", "1", code=ctl.UNAVAILABLE)
    assert "goes on from there" in done.err, done
    assert daemon.stop() == 0
    daemon = start(port=daemon.port)
    report = ctl.Memberctl(daemon.target).json(*args)
    sent = report["sent"]
    assert sent["resumed"] and sent["refused"] == {} and sent["parked"] == 0, report
    assert sent["accepted"] + sent["replayed"] == sum(report[kind] for kind in ("orders", "purchases", "reviews", "visits")) > 2000
    os.mkdir(os.path.join(home, "other"))
    other = start("--store", "memory", home=os.path.join(home, "other"))
    ctl.Memberctl(other.target)("import", "--mapping", mapping, log)
    users = [str(number) for number in range(11)]
    found = scores(daemon.api(), "mixed", users)
    assert all(part(answer, "REVIEWS") > 0 < part(answer, "VISITS") and answer.score.spend.minor > 0 for answer in found.values())
    assert alike(found) == alike(scores(other.api(), "mixed", users))


@pytest.fixture(scope="module")
def taobao():
    """Every sixteenth user of the real log."""
    text = real_log("taobao", "user_behavior_whole_users.csv.zst")
    return [line for line in text.splitlines(keepends=True) if int(line.split(",", 1)[0]) % 16 == 7]


def test_the_real_views_of_a_shop(start, home, taobao):
    expected = visit_points(taobao)
    assert len(expected) > 30 and max(expected.values()) > 5_000_000
    daemon = start()
    run, file = ctl.Memberctl(daemon.target), write(home, "log.csv", taobao)
    report = import_log(run, "taobao", file, "--state", os.path.join(home, "state"))
    views = sum(",pv," in line for line in taobao)
    assert report["lines"]["total"] == len(taobao) == report["lines"]["visit"] + sum(report["lines"]["skipped"].values())
    assert report["sent"]["accepted"] == report["visits"] == views and report["sent"]["refused"] == {}, report
    found = scores(daemon.api(), "taobao-behaviour", expected)
    assert {user: part(answer, "VISITS") for user, answer in found.items()} == expected
    again = import_log(run, "taobao", file)["sent"]
    assert (again["accepted"], again["replayed"]) == (0, views), again
    assert alike(scores(daemon.api(), "taobao-behaviour", expected)) == alike(found)
    done = import_log(run, "taobao", file, "--state", os.path.join(home, "state"))["sent"]
    assert done["resumed"] and done["accepted"] == views
    # another memberd, the lines in another order, one call at a time: the same end
    shuffled = list(taobao)
    random.Random(5).shuffle(shuffled)
    os.mkdir(os.path.join(home, "other"))
    other = start("--store", "memory", home=os.path.join(home, "other"))
    import_log(ctl.Memberctl(other.target), "taobao", write(home, "shuffled.csv", shuffled), "--in-flight", "1")
    assert alike(scores(other.api(), "taobao-behaviour", expected)) == alike(found)


def test_the_real_reviews_of_fine_foods(start, home):
    text = real_log("fine_foods", "reviews_head5003.csv.zst")
    header, *lines = text.splitlines(keepends=True)
    lines = lines[:1000]
    expected = review_points(csv.DictReader(io.StringIO(header + "".join(lines))))
    daemon = start()
    run = ctl.Memberctl(daemon.target)
    report = import_log(run, "fine_foods", write(home, "log.csv", [header, *lines]))
    assert report["lines"]["total"] == 1000 == report["lines"]["review"] + sum(report["lines"]["skipped"].values())
    assert report["sent"]["refused"] == {} and report["sent"]["accepted"] == report["purchases"] + report["reviews"], report
    found = scores(daemon.api(), "fine-foods", expected)
    assert {user: part(answer, "REVIEWS") for user, answer in found.items()} == expected
    assert sum(expected.values()) > 1_000_000_000
    random.Random(6).shuffle(lines)
    again = import_log(run, "fine_foods", write(home, "shuffled.csv", [header, *lines]))["sent"]
    assert (again["accepted"], again["replayed"]) == (0, report["sent"]["accepted"]), again
    assert json.dumps(sorted(expected)) and alike(scores(daemon.api(), "fine-foods", expected)) == alike(found)
