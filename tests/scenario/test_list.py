# SPDX-License-Identifier: Apache-2.0
"""ListMembers: everybody once, whatever the pages; tokens; what is in a row."""
import json

import pytest

import memberctl as ctl
from memberd import order, ref, refused

INVALID = ("INVALID_ARGUMENT", "FIELD_INVALID")


@pytest.fixture
def crowd(api):
    return {api.enroll(f"m{number}") for number in range(23)}


def pages(api, **fields):
    """The pages of a list from beginning to end."""
    token = ""
    for _ in range(200):
        answer = api.members.ListMembers(page_token=token, **fields)
        yield answer
        token = answer.next_page_token
        if not token:
            return
    raise AssertionError("the list does not end")


def ids(answers):
    return [row.member.member_id for answer in answers for row in answer.members]


def test_everybody_once_whatever_the_page(api, crowd):
    whole = ids(pages(api))
    assert len(whole) == len(crowd) and set(whole) == crowd
    for size in (1, 2, 3, 7, 22, 23, 24, 200, 201, 2**31 - 1):
        answers = list(pages(api, page_size=size))
        assert ids(answers) == whole, size  # the same sequence every time
        assert all(len(answer.members) <= size for answer in answers)


def test_a_row_is_what_get_member_says(api, crowd):
    chosen = sorted(crowd)[7]
    api.record(order(chosen, "e1", 10000000))
    rows = {row.member.member_id: row for answer in pages(api, page_size=5) for row in answer.members}
    for member in (chosen, sorted(crowd)[0]):
        got = api.members.GetMember(member=ref(member))
        assert rows[member].member == got.member and rows[member].info == got.info
    assert rows[chosen].member.standing.tier > 1
    assert not rows[chosen].member.HasField("profile") and not rows[chosen].member.identities


def test_who_comes_while_the_list_is_read_disturbs_nobody(api, crowd):
    seen = []
    for number, answer in enumerate(pages(api, page_size=2)):
        seen += ids([answer])
        api.enroll(f"late{number}")
    assert crowd <= set(seen) and len(seen) == len(set(seen))


def test_only_those_in_a_state(api, crowd):
    assert set(ids(pages(api, page_size=4, state="MEMBER_STATE_ACTIVE"))) == crowd


def test_tokens_and_sizes_that_are_refused(api, crowd):
    token = api.members.ListMembers(page_size=3).next_page_token
    for wrong in ("x", token[:-1], token + "0", token.upper() if token.upper() != token else "0" * len(token),
                  "0" * len(token), " " + token[1:]):
        with refused(*INVALID, "page_token"):
            api.members.ListMembers(page_token=wrong)
    with refused(*INVALID, "page_token"):
        api.members.ListMembers(page_token=token, state="MEMBER_STATE_ACTIVE")
    with refused(*INVALID, "page_token"):  # of another list
        api.benefits.ListBenefits(page_token=token)
    with refused(*INVALID, "page_size"):
        api.members.ListMembers(page_size=-1)
    for state in (-1, 77, 2**31 - 1):
        with refused(*INVALID, "state"):
            api.members.ListMembers(state=state)
    assert api.members.ListMembers(page_size=9, page_token=token).members  # another size may be


def test_nobody(daemon, api):
    answer = api.members.ListMembers()
    assert not answer.members and not answer.next_page_token
    assert ctl.Memberctl(daemon.target)("members").out == "no members\n"


def test_memberctl_lists(daemon, api, crowd):
    run = ctl.Memberctl(daemon.target)
    lines = run("members").out.splitlines()
    assert lines[0].split() == ["member", "state", "tier", "score"]
    assert {line.split()[0] for line in lines[1:]} == crowd
    assert all(line.split()[1:] == ["active", "bronze", "0"] for line in lines[1:]), lines
    assert all(line == line.rstrip() for line in lines), lines
    assert len(run("members", "--limit", "4", "--only", "active").out.splitlines()) == 5
    rows = [json.loads(line) for line in run("members", "--output", "json").out.splitlines()]
    assert {row["member"]["memberId"] for row in rows} == crowd and rows[0]["info"]["revision"] == "1"
    for args in (["--only", "gold"], ["--only", ""], ["--limit", "0"], ["--limit", "x"], ["shop:m1"]):
        run("members", *args, code=ctl.USAGE)


def test_more_than_a_page_of_memberctl(start):
    daemon = start("--store", "memory")
    api = daemon.api()
    crowd = {api.enroll(f"m{number}") for number in range(203)}
    lines = ctl.Memberctl(daemon.target)("members").out.splitlines()[1:]
    assert {line.split()[0] for line in lines} == crowd and len(lines) == len(crowd)
    assert len(ctl.Memberctl(daemon.target)("members", "--limit", "201").out.splitlines()) == 202
