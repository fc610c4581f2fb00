#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`memberctl import --dry-run` over the real file and over files that are wrong in every way.

import_test.py MEMBERCTL DATA"""
import collections
import csv
import datetime
import functools
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile

import online_retail_oracle
import tap

MEMBERCTL, DATA = sys.argv[1:3]
MAPPING = os.path.join(DATA, "online_retail", "online_retail.yaml")
LOG = os.path.join(DATA, "online_retail", "online_retail.csv.zst")
FOLDER = tempfile.TemporaryDirectory(prefix="import-test-")
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def path(name):
    return os.path.join(FOLDER.name, name)


def dry_run(file, *more, mapping=MAPPING):
    return subprocess.run([MEMBERCTL, "import", "--dry-run", "--mapping", mapping, *more, file],
                          capture_output=True, check=False, timeout=120)


def report(file, *more, mapping=MAPPING):
    done = dry_run(file, "--output", "json", *more, mapping=mapping)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(name, content):
    with open(path(name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    return path(name)


def log(*rows, name="log.csv"):
    return write(name, HEADER + "".join(row + "\n" for row in rows))


@functools.lru_cache
def real_activities():
    return activities(LOG)


def activities(file, mapping=MAPPING):
    """The unshifted activities, as memberctl prints them."""
    done = dry_run(file, "--print-activities", "--shift-weeks", "0", mapping=mapping)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def refused(file, *words, code=65, mapping=MAPPING):
    done = dry_run(file, mapping=mapping)
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == b"" and done.stderr.startswith(b"memberctl: "), done
    for word in words:
        assert word.encode() in done.stderr, (word, done.stderr)


@functools.lru_cache
def plain():
    """The real file, unpacked."""
    subprocess.run(["zstd", "-q", "-d", "-o", path("real.csv"), LOG], check=True)
    return path("real.csv")


@functools.lru_cache
def oracle():
    return online_retail_oracle.compute(plain())


@functools.lru_cache
def real_report():
    return report(LOG)


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def as_tuple(activity):
    member = activity["member"]["identity"]
    assert member["issuer"] == activity["source"] == "online-retail"
    head = activity["sourceEventId"], member["externalId"], at(activity["occurredAt"])
    if "order" in activity:
        order = activity["order"]
        assert order["orderId"] == activity["sourceEventId"] and order["platform"] == "PLATFORM_SHOPPING"
        assert order["completedAt"] == activity["occurredAt"]
        assert all(line["currency"] == "GBP" for line in order["lines"])
        return head + (tuple((line["lineNo"], line["type"], int(line.get("amount", 0)), line["category"])
                             for line in order["lines"]),)
    reversal = activity["reversal"]
    assert "orderSource" not in reversal["order"]
    return (head[0], reversal["order"]["orderId"], head[1], head[2],
            tuple((line["lineNo"], int(line["amount"])) for line in reversal["lines"]))


def test_the_file_is_the_one_of_the_data_page():
    with open(plain(), "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    assert digest == "cf37fa7ebdd17a1cd5d3332c092c026de793411ccb94beb0f2fb6fc45e2e6e94"
    assert real_report()["fileSha256"] == digest


def test_counts_of_the_real_file():
    got = real_report()
    assert got["lines"] == {
        "total": 541909, "order": 397924,
        "cancellation": {"matched": 7515, "partlyMatched": 54, "unmatched": 1336},
        "review": 0, "visit": 0, "skipped": {"no_customer": 135080}}, got["lines"]
    assert (got["members"], got["orders"], got["reversals"]) == (4339, 18536, 3848), got


def test_lines_add_up():
    lines = real_report()["lines"]
    assert lines["total"] == lines["order"] + sum(lines["cancellation"].values()) + sum(lines["skipped"].values())


def test_counts_equal_the_oracle():
    counts, got = oracle()[2], real_report()
    assert got["lines"]["total"] == counts["lines"]
    assert got["lines"]["order"] == counts["order_lines"]
    assert got["lines"]["cancellation"] == {
        "matched": counts["matched"], "partlyMatched": counts["partly_matched"], "unmatched": counts["unmatched"]}
    assert got["lines"]["skipped"] == {"no_customer": counts["no_customer"]}
    assert got["units"] == {"matched": counts["units_matched"], "unmatched": counts["units_unmatched"]}
    assert (got["pieces"], got["piecesOfNothing"]) == (counts["pieces"], counts["pieces_of_nothing"])
    assert got["members"] == counts["members"]


def test_every_activity_equals_the_oracle():
    orders, reversals, _ = oracle()
    got = [as_tuple(activity) for activity in real_activities()]
    first_reversal = next(i for i, activity in enumerate(got) if len(activity) == 5)
    assert len(got) == len(set(got)) == len(orders) + len(reversals)
    assert set(got[:first_reversal]) == set(orders)
    assert set(got[first_reversal:]) == set(reversals)


def test_shuffled_lines_give_the_same_activities():
    with open(plain(), "rb") as file:
        header, *lines = file.read().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    got = report(write("shuffled.csv", header + b"".join(lines)))
    for key in ("lines", "activitiesSha256", "firstAt", "lastAt", "units"):
        assert got[key] == real_report()[key], key
    assert got["fileSha256"] != real_report()["fileSha256"]


def test_customers_who_buy_for_fortunes_and_cancel():
    for customer, paid, gone in (("12346", 7718360, 960), ("16446", 16846960, 720)):
        order = [order for order in oracle()[0] if order[1] == customer and sum(x[2] for x in order[3]) == paid]
        assert len(order) == 1, customer
        mine = [x for x in real_activities() if x["member"]["identity"]["externalId"] == customer]
        back = [x["reversal"] for x in mine if "reversal" in x]
        assert [sum(int(line["amount"]) for line in x["lines"]) for x in back] == [paid]
        times = [at(x["occurredAt"]) for x in mine]
        assert (times[-1] - times[-2]).total_seconds() == gone


def test_log_ends_now():
    ends = at(real_report()["lastAt"])
    now = datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(0) <= now - ends < datetime.timedelta(days=7)
    assert (ends - at("2011-12-09T12:50:00Z")) == datetime.timedelta(weeks=real_report()["shiftWeeks"])


def test_shift_weeks_overrides():
    file = log("1,22423,A,1,2011-12-09 12:50:00,1.00,7,UK")
    got = report(file, "--shift-weeks", "-3")
    assert (got["shiftWeeks"], got["lastAt"]) == (-3, "2011-11-18T12:50:00Z")
    assert got["activitiesSha256"] == report(file)["activitiesSha256"]
    assert dry_run(LOG, "--shift-weeks", "3.5").returncode == 64


def test_summer_time_in_london():
    cases = {
        "2011-03-27 00:59:59": "2011-03-27T00:59:59Z",
        "2011-03-27 01:30:00": "2011-03-27T01:30:00Z",  # skipped by the clock: 02:30 of summer time
        "2011-03-27 02:00:00": "2011-03-27T01:00:00Z",
        "2011-10-30 00:59:59": "2011-10-29T23:59:59Z",
        "2011-10-30 01:30:00": "2011-10-30T00:30:00Z",  # shown twice: the first
        "2011-10-30 02:00:00": "2011-10-30T02:00:00Z",
        "2011-12-09 12:50:00": "2011-12-09T12:50:00Z",
    }
    rows = [f"{i},22423,X,1,{local},1.00,7,UK" for i, local in enumerate(cases)]
    got = {int(x["sourceEventId"]): x["occurredAt"] for x in activities(log(*rows))}
    assert got == dict(enumerate(cases.values())), got


def test_prices_with_three_decimals():
    rows = [f"1,2242{i},X,{q},2011-01-01 00:00:00,{price},7,UK"
            for i, (q, price) in enumerate([(1, "0.001"), (5, "0.001"), (3, "0.335"), (4, "0.001"), (7, "1.2345")])]
    lines = activities(log(*rows))[0]["order"]["lines"]
    assert [int(line.get("amount", 0)) for line in lines] == [0, 1, 101, 0, 864]


def test_the_last_unit_takes_the_rest():
    rows = ["1,22423,X,10,2011-01-01 00:00:00,0.005,7,UK"]
    rows += [f"C{i},22423,X,-1,2011-01-0{2 + i} 00:00:00,0.005,7,UK" for i in range(7)]
    rows += ["C9,22423,X,-3,2011-01-20 00:00:00,0.005,7,UK"]
    got = [x["reversal"]["lines"][0]["amount"] for x in activities(log(*rows)) if "reversal" in x]
    assert got == ["1"] * 5  # five pence in all: the units after them take nothing


    rows = ["1,22423,X,3,2011-01-01 00:00:00,0.004,7,UK"]  # 1.2 pence: one, and it goes with the last unit
    rows += [f"C{i},22423,X,-1,2011-01-0{2 + i} 00:00:00,0.004,7,UK" for i in range(3)]
    got = {x["sourceEventId"]: x["reversal"]["lines"][0]["amount"] for x in activities(log(*rows)) if "reversal" in x}
    assert got == {"C2/1": "1"}, got


def test_blanks_around_a_field_belong_to_it():
    line = activities(log("1, 22423 ,X,1,2011-01-01 00:00:00,1.00,7,UK"))[0]["order"]["lines"][0]
    assert line["category"] == "misc"


def test_a_negative_price_is_never_sent():
    with open(MAPPING, encoding="utf-8") as file:
        text = file.read()
    rule = "  - {when: {UnitPrice: {below: 0}}, skip: price_negative}\n"
    assert rule in text
    got = report(log("1,22423,X,1,2011-01-01 00:00:00,-1.00,7,UK"), mapping=write("m.yaml", text.replace(rule, "")))
    assert got["lines"]["skipped"] == {"price_invalid": 1}, got


def test_newest_strictly_earlier_purchase_first():
    rows = ["1,22423,X,2,2011-01-01 00:00:00,1.00,7,UK", "2,22423,X,2,2011-01-02 00:00:00,2.00,7,UK",
            "3,22423,X,2,2011-01-02 00:00:00,3.00,7,UK", "4,22423,X,2,2011-01-03 00:00:00,4.00,7,UK",
            "5,22423,X,2,2011-01-01 00:00:00,5.00,8,UK", "C6,22423,X,-5,2011-01-03 00:00:00,9.00,7,UK"]
    got = {x["sourceEventId"]: x["reversal"]["lines"] for x in activities(log(*rows)) if "reversal" in x}
    assert got == {f"C6/{order}": [{"lineNo": 1, "currency": "GBP", "amount": amount}]
                   for order, amount in (("3", "600"), ("2", "400"), ("1", "100"))}, got


def test_an_invoice_with_two_times_is_one_order_at_the_earlier():
    got = activities(log("1,22423,B,1,2011-01-01 10:05:00,1.00,7,UK", "1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK"))
    assert len(got) == 1 and got[0]["occurredAt"] == "2011-01-01T10:04:00Z" and len(got[0]["order"]["lines"]) == 2


def test_equal_lines_are_separate_lines():
    row = "1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK"
    assert [x["lineNo"] for x in activities(log(row, row))[0]["order"]["lines"]] == [1, 2]


def test_every_line_left_out_is_counted():
    rows = ["1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", "1,22423,A,1,2011-01-01 10:04:00,1.00,,UK",
            "2,22423,A,0,2011-01-01 10:04:00,1.00,7,UK", "2,22423,A,-4,2011-01-01 10:04:00,1.00,7,UK",
            "2,22423,A,1,2011-02-29 10:04:00,1.00,7,UK", "2,22423,A,1,2011-01-01 10:04,1.00,7,UK",
            "2,22423,A,1.5,2011-01-01 10:04:00,1.00,7,UK", "2,22423,A,1,2011-01-01 10:04:00,1e3,7,UK",
            "2,22423,A,1,2011-01-01 10:04:00,-1,7,UK", "C2,22423,A,4,2011-01-01 10:04:00,1.00,7,UK",
            "2,22423,A,1,2011-01-01 10:04:00,1.00,7", "2,22423,A,1,2011-01-01 10:04:00,1.00,7,UK,more", "",
            "2,,A,1,2011-01-01 10:04:00,1.00,7,UK", "2,22423,A,1000000000000,2011-01-01 10:04:00,1000000,7,UK",
            f"{'9' * 129},22423,A,1,2011-01-01 10:04:00,1.00,7,UK"]
    got = report(log(*rows))["lines"]
    assert got["total"] == len(rows) and got["order"] == 1
    assert got["skipped"] == {
        "no_customer": 1, "quantity_not_positive": 2, "time_invalid": 2, "quantity_invalid": 1, "price_invalid": 1,
        "price_negative": 1, "cancels_nothing": 1, "column_count": 2, "blank_line": 1, "id_invalid": 2,
        "amount_over_limit": 1}, got["skipped"]


def test_lines_that_are_not_text_are_counted():
    good = b"1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK\n"
    got = report(write("bytes.csv", HEADER.encode() + good + good.replace(b"A", b"A\0B") + good.replace(b"A", b"\xff")
                       + good.replace(b"\n", b",x" * 400 + b"\n")))["lines"]
    assert got["skipped"] == {"not_text": 3} and got["order"] == 1, got


def test_an_order_of_more_than_1000_lines_is_left_out_whole():
    rows = [f"1,22423,{i},1,2011-01-01 10:04:00,1.00,7,UK" for i in range(1001)]
    rows += ["2,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", "C3,22423,A,-2,2011-01-02 10:04:00,1.00,7,UK"]
    got = report(log(*rows))["lines"]
    assert got["skipped"] == {"order_too_large": 1001} and got["cancellation"]["partlyMatched"] == 1, got


def test_line_ends_quotes_and_a_byte_order_mark():
    text = "\ufeff" + HEADER + '1,22423,"A, ""quoted""\nover lines",1,2011-01-01 10:04:00,1.00,7,UK\n'
    for form in (text, text.replace("\n", "\r\n"), text.rstrip("\n")):
        got = report(write("forms.csv", form))["lines"]
        assert got["total"] == got["order"] == 1, got


def test_strict_ends_at_the_first_line():
    file = log("1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", "2,22423,A,1,2011-01-01 10:04:00,1.00,,UK")
    done = dry_run(file, "--strict")
    assert done.returncode == 65 and f"{file}:3: left out: no_customer".encode() in done.stderr, done
    file = log("1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", "C2,22423,A,-1,2011-01-01 10:04:00,1.00,7,UK")
    done = dry_run(file, "--strict")
    assert done.returncode == 65 and f"{file}:3: finds no purchase".encode() in done.stderr, done
    assert dry_run(log("1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK"), "--strict").returncode == 0


def test_strict_ends_at_a_blank_line_where_it_stands():
    good, nobody = "1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", "2,22423,A,1,2011-01-01 10:04:00,1.00,,UK"
    for rows, line in (([good, "", nobody], 3), (['1,22423,"A\n\nB",1,2011-01-01 10:04:00,1.00,7,UK', good, "\r", nobody], 6)):
        file = log(*rows)
        done = dry_run(file, "--strict")
        assert done.returncode == 65 and f"{file}:{line}: left out: blank_line".encode() in done.stderr, done
        assert report(file)["lines"]["skipped"] == {"blank_line": 1, "no_customer": 1}


def test_bad_quoting_is_refused_with_its_line():
    refused(log("1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", '2,22423,A "b" c,1,2011-01-01 10:04:00,1.00,7,UK'),
            "log.csv:3: ", "quote")
    refused(log('2,22423,"A" c,1,2011-01-01 10:04:00,1.00,7,UK'), "log.csv:2: ", "quote")
    refused(log('2,22423,"A,1,2011-01-01 10:04:00,1.00,7,UK', "3,22423,A,1,2011-01-01 10:04:00,1.00,7,UK"),
            "log.csv:2: ", "never closed")


def test_a_huge_field_is_refused_with_its_line():
    refused(log("1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK", f"2,22423,{'A' * 70000},1,2011-01-01 10:04:00,1.00,7,UK"),
            "log.csv:3: ", "longer than 65536 bytes")
    refused(log(f'2,22423,"{"A" * 300000}'), "log.csv:2: ", "longer than 65536 bytes")


def test_a_missing_or_doubled_column_is_refused():
    refused(write("x.csv", HEADER.replace("CustomerID", "Customer")), f"{MAPPING}:5:", "no column 'CustomerID'")
    refused(write("x.csv", HEADER.replace("Country", "CustomerID")), f"{MAPPING}:5:", "more than one column")
    refused(write("x.csv", HEADER.replace(",", ";")), f"{MAPPING}:5:", "no column 'CustomerID'; its first one is 'InvoiceNo;StockCode;")
    refused(write("x.csv", ""), "no header")
    refused(write("x.csv", (HEADER + "1\n").encode("utf-16")), "x.csv:1: the header is not a row of text", "UTF-8", "zstd")


def test_a_compressed_file_that_is_cut_or_damaged_is_refused():
    with open(LOG, "rb") as file:
        packed = file.read()
    refused(write("cut.zst", packed[:len(packed) // 2]), "cut short")
    refused(write("cut.zst", packed[:-1]), "cut short")
    refused(write("damaged.zst", packed[:500000] + b"\0" * 64 + packed[500064:]), "damaged zstd data")
    refused(write("more.zst", packed + b"more"), "damaged zstd data")


def test_every_frame_of_a_compressed_file_is_read():
    """pzstd writes many frames, and frames to be skipped before, between and after them."""
    skipped = b"\x5a\x2a\x4d\x18\4\0\0\0\x28\xb5\x2f\xfd"
    frames = [subprocess.run(["zstd", "-c"], input=text.encode(), capture_output=True, check=True).stdout for text in (
        HEADER + "1,22423,A,1,2011-01-01 10:04:00,1.00,7,UK\n2,22423,A,1,2011-", "01-01 10:04:00,1.00,7,UK\n", "")]
    for form in (b"".join(frames), skipped + skipped.join(frames) + skipped):
        assert report(write("frames.zst", form))["orders"] == 2
    refused(write("frames.zst", skipped), "no header")
    refused(write("frames.zst", skipped[:-1]), "cut short")


def test_files_that_are_not_there():
    refused(path("none.csv"), "none.csv", code=66)
    refused(LOG, "none.yaml", code=66, mapping=path("none.yaml"))
    refused("-", "not both", code=64, mapping="-")
    refused(FOLDER.name, "Is a directory", code=66)
    refused(LOG, "Is a directory", code=66, mapping=FOLDER.name)


def test_a_mapping_that_is_wrong_is_refused_with_its_place():
    with open(MAPPING, encoding="utf-8") as file:
        text = file.read()
    # what is replaced by what, the text that the error points at, a word of it
    for old, new, mark, word in (
            ("platform: shopping", "platform: shoping", "shoping", "a platform is"),
            ("shift: to-now", "shift: to-now\nshifts: none", "shifts", "unknown key 'shifts'"),
            ("Europe/London", "Europe/Londen", "Europe/Londen", "no zone"),
            ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %Q", "%Y-%m-%d %Q", "unknown directive"),
            ("as: cancellation", "as: order", "cancellation:\n  id", "no rule of rows says 'as: cancellation'"),
            ("{prefix: C}, Quantity", "{prefx: C}, Quantity", "prefx", "unknown test 'prefx'"),
            ("skip: no_customer", "skip: No Customer", "No Customer", "a reason is"),
            ("skip: no_customer", "skip: blank_line", "blank_line", "memberctl's own"),
            ("format: 1", "format: 2", "2", "must be a number from 1 to 1"),
            ("format: 1", "format: &a 1", "1", "anchors"),
            ("issuer: online-retail", "issuer: Online Retail", "Online Retail, id", "a-z 0-9"),
            ("  - {as: order}", "  - {as: order}\n  - {skip: never}", "as: order", "never act"),
            ("- {is: goods}", "- {is: good}", "good}", "a type is goods"),
            ("- {is: misc}", "", "when: {StockCode: {digits", "the last rule of category has no 'when'"),
            ("format: 1", "format: 1\nformat: 1", "format: 1\nsource", "uplicate")):
        bad = text.replace(old, new, 1)
        before = bad[:bad.index(mark)]
        place = f"bad.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
        refused(LOG, place, word, mapping=write("bad.yaml", bad))


# Reviews and visits: samples by hand, and a mapping with every kind.
FULL = """format: 1
source: full
csv: {header: yes, delimiter: ","}
member: {issuer: full, id: who}
time: {column: at, format: unix, zone: UTC}
shift: none
rows:
  - {when: {kind: {is: cancel}}, as: cancellation}
  - {when: {kind: {is: review}}, as: review}
  - {when: {kind: {is: visit}}, as: visit}
  - {when: {kind: {is: order}}, as: order}
order: {platform: shopping, id: id, item: item, quantity: n, unit_price: price, currency: {code: CNY, decimals: 2},
        completed: at-order, line_order: [item], type: [{is: goods}], category: [{is: ""}]}
cancellation: {id: id, item: item, quantity: n, sign: plus, line_order: [item], match: newest-earlier-purchase}
review: {names: {order: id, line_no: n}, pictures: {price: {is: pictures}}}
visit: {platform: food, store: item}
"""
FULL_HEADER = "kind,who,at,id,item,n,price\n"
FULL_ROWS = ["order,a,1000000000,o1,tea,2,10.00", "cancel,a,1000000100,c1,tea,1,", "review,a,1000000200,o1,,1,pictures",
             "review,b,1000000200,o1,,1,", "visit,a,1000000000,,teahouse,,", "visit,a,1000000000,,teahouse,,",
             "visit,a,1000000000,,bakery,,", "visit,c,1000000000,,bakery,,"]


def full(*rows, mapping=FULL):
    return write("full.csv", FULL_HEADER + "".join(row + "\n" for row in rows)), write("full.yaml", mapping)


def keys(found):
    return [activity["sourceEventId"] for activity in found]


def test_every_kind_in_one_log():
    file, mapping = full(*FULL_ROWS)
    got = report(file, mapping=mapping)
    assert got["lines"] == {"total": 8, "order": 1, "cancellation": {"matched": 1, "partlyMatched": 0, "unmatched": 0},
                            "review": 2, "visit": 4, "skipped": {}}, got
    assert [got[key] for key in ("members", "orders", "reversals", "purchases", "reviews", "visits")] == [3, 1, 1, 0, 2, 4]
    found = activities(file, mapping)
    assert keys(found) == [
        "o1", "c1/o1", "review/2001-09-09T01:50:00Z/1p/1/o1", "review/2001-09-09T01:50:00Z/1/1/o1",
        "visit/2001-09-09T01:46:40Z/1/bakery", "visit/2001-09-09T01:46:40Z/1/teahouse",
        "visit/2001-09-09T01:46:40Z/2/teahouse", "visit/2001-09-09T01:46:40Z/1/bakery"], keys(found)
    assert found[2]["review"] == {"order": {"orderId": "o1"}, "lineNo": 1, "pictures": True}
    assert found[3]["review"] == {"order": {"orderId": "o1"}, "lineNo": 1}
    assert found[4]["visit"] == {"platform": "PLATFORM_FOOD", "store": "bakery"}
    table = dry_run(file, mapping=mapping).stdout.decode()
    for row in ("8  lines in the file", "1    lines of orders", "2    lines of reviews", "4    lines of visits",
                "2  reviews", "4  visits"):
        assert f" {row}\n" in table, table


def test_any_order_of_reviews_and_visits():
    rows, chance = FULL_ROWS + ["review,b,1000000200,o1,,1,pictures", "review,b,1000000200,o1,,1,"] * 2, random.Random(3)
    file, mapping = full(*rows)
    first = report(file, mapping=mapping)["activitiesSha256"]
    assert [key.rsplit("/", 2)[0][-3:] for key in keys(activities(file, mapping)) if key.startswith("review")].count("/1p") == 3
    for _ in range(5):
        chance.shuffle(rows)
        file, mapping = full(*rows)
        assert report(file, mapping=mapping)["activitiesSha256"] == first


def test_a_longer_log_keeps_every_key():
    """Keys are of what a line says: what else is in the log never moves them."""
    rows = FULL_ROWS + ["visit,a,999999999,,teahouse,,", "review,a,1000000200,o1,,2,", "review,a,1000000200,o0,,1,pictures",
                        "visit,a,1000000000,,abbey,,", "visit,0,1000000000,,teahouse,,"]
    file, mapping = full(*FULL_ROWS)
    before = {(activity["sourceEventId"], activity["member"]["identity"]["externalId"]): activity
              for activity in activities(file, mapping)}
    file, mapping = full(*rows)
    after = {(activity["sourceEventId"], activity["member"]["identity"]["externalId"]): activity
             for activity in activities(file, mapping)}
    assert len(after) == len(before) + 5 and all(after[key] == activity for key, activity in before.items())


def test_keys_of_the_log_itself_and_another_source():
    mapping = (FULL.replace("review: {names: {order: id, line_no: n}", "review: {id: item, names: {order: id, line_no: n, source: shop}")
               .replace("store: item}", "store: item, id: id}"))
    found = activities(*full("review,a,1000000200,o1,r7,3,", "visit,a,1000000200,v7,bakery,,", mapping=mapping))
    assert keys(found) == ["review/r7", "visit/v7"]
    assert found[0]["review"]["order"] == {"orderSource": "shop", "orderId": "o1"}
    file, mapping = full("review,a,1000000200,o1,,3,", f"review,a,1000000200,o1,{'r' * 121},3,", "visit,a,1000000200,,bakery,,",
                         f"review,a,1000000200,{'o' * 128},{'r' * 120},3,", mapping=mapping)
    assert report(file, mapping=mapping)["lines"]["skipped"] == {"id_invalid": 2, "value_too_long": 1}


def test_reviews_that_imply_what_was_bought():
    mapping = FULL.replace("names: {order: id, line_no: n}", "implies: {platform: grocery, item: item, currency: USD}")
    file, mapping = full("review,a,1000000300,,tea,,", "review,a,1000000200,,tea,,pictures", "review,b,1000000100,,tea,,",
                         "review,a,1000000100,,rice,,", "order,a,1000000000,o1,tea,1,1.00", "cancel,a,1000000000,c1,tea,1,1",
                         "visit,a,1000000000,,teahouse,,", mapping=mapping)
    found = activities(file, mapping)
    bought = [(x["member"]["identity"]["externalId"], x["sourceEventId"], x["occurredAt"], x["order"]["completedAt"])
              for x in found if x["sourceEventId"].startswith("purchase/")]
    assert bought == [("a", "purchase/rice", "2001-09-09T01:48:20Z", "2001-09-09T01:48:20Z"),
                      ("b", "purchase/tea", "2001-09-09T01:48:20Z", "2001-09-09T01:48:20Z"),
                      ("a", "purchase/tea", "2001-09-09T01:50:00Z", "2001-09-09T01:50:00Z")], bought
    order = found[1]["order"]
    assert order == {"platform": "PLATFORM_GROCERY", "orderId": "purchase/rice", "completedAt": "2001-09-09T01:48:20Z",
                     "lines": [{"lineNo": 1, "type": "LINE_TYPE_GOODS", "currency": "USD"}]}, order
    reviews = [x["review"] for x in found if "review" in x]
    assert {x["order"]["orderId"] for x in reviews} == {"purchase/rice", "purchase/tea"}
    assert [x["lineNo"] for x in reviews] == [1] * 4 and sum(x.get("pictures", False) for x in reviews) == 1
    got = report(file, mapping=mapping)
    assert (got["orders"], got["purchases"], got["reviews"], got["members"]) == (1, 3, 4, 2)
    # a cancellation matches what the log sold, never what a review implies
    assert got["lines"]["cancellation"] == {"matched": 0, "partlyMatched": 0, "unmatched": 1}
    assert "3  orders of nothing, which reviews imply\n" in dry_run(file, mapping=mapping).stdout.decode()


def test_reviews_and_visits_left_out():
    file, mapping = full(
        "visit,,1000000000,,bakery,,", "visit,a,1000000000,,,,", f"visit,a,1000000000,,{'x' * 65},,", "visit,a,noon,,bakery,,",
        "review,a,1000000000,,,1,", "review,a,1000000000,o1,,0,", "review,a,1000000000,o1,,one,", "review,a,,o1,,1,",
        f"review,a,1000000000,{'o' * 65},,1,", "review,a,1000000000,o1,,2147483648,", "walk,a,1000000000,,park,,",
        f"visit,a,1000000000,,{'x' * 64},,")
    got = report(file, mapping=mapping)["lines"]
    assert got["skipped"] == {"id_invalid": 3, "value_too_long": 2, "time_invalid": 2, "line_no_invalid": 3, "no_rule": 1}, got
    assert got["total"] == 12 and got["visit"] == 1
    done = dry_run(full("visit,a,1000000000,,bakery,,", "review,a,1000000000,o1,,0,")[0], "--strict", mapping=mapping)
    assert done.returncode == 65 and b"full.csv:3: left out: line_no_invalid: the order's line" in done.stderr, done


def test_a_key_is_never_longer_than_memberd_takes():
    times = full(f"visit,a,1000000000,,{'x' * 64},,", f"review,a,1000000000,{'o' * 64},,2147483647,pictures")
    assert max(len(key) for key in keys(activities(*times))) <= 128


def test_mappings_of_reviews_and_visits_that_are_wrong():
    for old, new, mark, word in (
            ("names: {order: id, line_no: n}, ", "", "review: {pictures", "a review has 'names'"),
            ("names: {order: id, line_no: n}", "names: {order: id, line_no: n}, implies: {item: item}", "review: {names", "a review has"),
            ("names: {order: id, line_no: n}", "names: {order: id}", "names: {order: id}", "names needs 'line_no'"),
            ("names: {order: id, line_no: n}", "implies: {platform: sea, item: item, currency: CNY}", "sea", "a platform is"),
            ("names: {order: id, line_no: n}", "implies: {platform: food, item: item, currency: cny}", "cny", "ISO 4217"),
            ("names: {order: id, line_no: n}", "names: {order: id, line_no: n, source: A B}", "A B", "a-z 0-9"),
            ("pictures: {price", "pictures: {", "pictures: {: {", "name of a column"),
            ("pictures: {price: {is: pictures}}", "pictures: yes", "yes}", "'pictures' is a map of columns"),
            ("store: item}", "shop: item}", "shop: item}", "unknown key 'shop'"),
            ("platform: food, store: item", "platform: food", "visit: {platform: food}", "visit needs 'store'"),
            ("as: visit", "as: walk", "walk", "'as' is order, cancellation, review or visit"),
            ("  - {when: {kind: {is: visit}}, as: visit}\n", "", "visit: {platform: food", "no rule of rows says 'as: visit'"),
            ("visit: {platform: food, store: item}\n", "", "rows:", "the mapping needs 'visit'"),
            ("  - {when: {kind: {is: order}}, as: order}\n", "", "order: {platform: shopping", "no rule of rows says 'as: order'")):
        assert old in FULL, old
        bad = FULL.replace(old, new, 1)
        before = bad[:bad.index(mark)]
        place = f"bad.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
        refused(full(*FULL_ROWS)[0], place, word, mapping=write("bad.yaml", bad))


def test_the_samples_by_hand():
    got = report(os.path.join(DATA, "taobao", "sample.csv"), mapping=os.path.join(DATA, "taobao", "taobao.yaml"))
    assert got["lines"] == {"total": 22, "order": 0, "cancellation": {"matched": 0, "partlyMatched": 0, "unmatched": 0}, "review": 0,
                            "visit": 18, "skipped": {"bought_at_an_unknown_price": 1, "put_in_the_cart": 1,
                                                     "marked_as_favourite": 1, "behaviour_unknown": 1}}, got
    assert (got["members"], got["visits"]) == (2, 18)
    got = report(os.path.join(DATA, "fine_foods", "sample.csv"), mapping=os.path.join(DATA, "fine_foods", "fine_foods.yaml"))
    assert got["lines"] == {"total": 8, "order": 0, "cancellation": {"matched": 0, "partlyMatched": 0, "unmatched": 0}, "review": 7,
                            "visit": 0, "skipped": {"before_october_2011": 1}}, got
    assert (got["members"], got["purchases"], got["reviews"]) == (2, 6, 7)
    found = activities(os.path.join(DATA, "fine_foods", "sample.csv"), os.path.join(DATA, "fine_foods", "fine_foods.yaml"))
    assert not any(x["review"].get("pictures") for x in found if "review" in x)  # the mapping speaks of none


def real_log(*names):
    """A log that may not be shipped; None, with a word, where it is not."""
    folder = os.environ.get("MEMBERD_TEST_DATA", "")
    file = os.path.join(folder, *names)
    if folder == "" or not os.path.exists(file):
        raise tap.Skip(f"no {'/'.join(names)} in $MEMBERD_TEST_DATA")
    return file


def test_the_real_taobao_log():
    file, mapping = real_log("taobao", "user_behavior_whole_users.csv.zst"), os.path.join(DATA, "taobao", "taobao.yaml")
    got = report(file, mapping=mapping)
    assert got["lines"]["total"] == 94225 == got["lines"]["visit"] + sum(got["lines"]["skipped"].values())
    assert got["lines"]["skipped"] == {"put_in_the_cart": 5026, "marked_as_favourite": 2563, "bought_at_an_unknown_price": 1955}
    assert (got["members"], got["visits"]) == (923, 84681)
    plain_text = subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout
    lines = plain_text.splitlines(keepends=True)
    random.Random(2).shuffle(lines)
    assert report(write("shuffled.csv", b"".join(lines)), mapping=mapping)["activitiesSha256"] == got["activitiesSha256"]
    seen = collections.Counter()
    for activity in activities(file, mapping):
        seen[activity["member"]["identity"]["externalId"], activity["visit"]["store"],
             int(at(activity["occurredAt"]).timestamp())] += 1
    expected = collections.Counter()
    for line in plain_text.decode().splitlines():
        user, _, category, behaviour, second = line.split(",")
        expected[user, category, int(second)] += behaviour == "pv"
    assert seen == +expected


def test_the_real_fine_foods_log():
    file = real_log("fine_foods", "reviews_head5003.csv.zst")
    mapping = os.path.join(DATA, "fine_foods", "fine_foods.yaml")
    got = report(file, mapping=mapping)
    assert got["lines"]["total"] == 5003 == got["lines"]["review"] + got["lines"]["skipped"]["before_october_2011"]
    rows = csv.DictReader(io.StringIO(subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout.decode()))
    late = [row for row in rows if int(row["Time"]) >= 1317427200]
    assert got["reviews"] == len(late) == 2163
    assert got["purchases"] == len({(row["UserId"], row["ProductId"]) for row in late})
    found = activities(file, mapping)
    assert {x["sourceEventId"] for x in found if "review" in x} == {"review/" + row["Id"] for row in late}


if __name__ == "__main__":
    tap.run(sys.modules[__name__])
