# SPDX-License-Identifier: Apache-2.0
"""PreviewScore: what activities would make of a member is what they make of him."""
import os
import random

import pytest

from memberd import Clock, M, at, order, ref, refused

SEED = int(os.environ.get("MEMBERD_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
PLATFORMS = ["SHOPPING", "GROCERY", "FOOD", "TRAVEL", "TICKETS", "RIDES"]


class World:
    """Draws activities of one member: most of them right, some wrong, some sent before or at odds with that."""

    def __init__(self, seed, member, other):
        self.random = random.Random(seed)
        self.member, self.other = member, other
        self.sent = []
        self.orders = [f"o-{n}" for n in range(12)]

    def instant(self):
        day = self.random.randrange(1, 28)
        month = self.random.choice([8, 9, 10, 11])
        return f"2026-{month:02}-{min(day, 20) if month == 11 else day:02}T{self.random.randrange(24):02}:30:00+08:00"

    def follower(self, event):
        body = M.Activity(source="shop", source_event_id=event, member=ref(self.member), occurred_at=at(self.instant()))
        named = M.OrderRef(order_id=self.random.choice(self.orders))
        kind = self.random.choice(["reversal", "reversal", "cancellation", "completion"])
        if kind == "reversal":
            body.reversal.CopyFrom(M.Reversal(order=named, lines=[M.ReversalLine(
                line_no=self.random.choice([1, 1, 1, 7]), currency="CNY", amount=self.random.randrange(1, 900000))]))
        elif kind == "cancellation":
            body.cancellation.CopyFrom(M.Cancellation(order=named))
        else:
            body.completion.CopyFrom(M.Completion(order=named, completed_at=at(self.instant())))
        return body

    def somebody(self):
        return ref(self.random.choice([self.other, self.other, self.other, self.member, 4711]))

    def key(self):
        """Of something sent before, or of something unknown."""
        named = self.random.choice(self.sent).source_event_id if self.sent else "nothing"
        return M.ActivityKey(source_event_id=self.random.choice([named, named, named, "e-to-come"]))

    def deed(self, event):
        """All that is not about an order, but reviews."""
        body = M.Activity(source="shop", source_event_id=event, member=ref(self.member), occurred_at=at(self.instant()))
        text = self.random.choice(["a", "b", "c"])
        kind = self.random.choice(["review", "share", "opening", "opening", "post", "answer", "vote", "visit", "undo"])
        fields = {
            "review": lambda: M.Review(order=M.OrderRef(order_id=self.random.choice(self.orders)),
                                       line_no=self.random.choice([1, 1, 2]), pictures=text == "a"),
            "share": lambda: M.Share(content=text, channel="chat"),
            "opening": lambda: M.Opening(share=self.key(), by=self.somebody(), verified=text != "a"),
            "post": lambda: M.Post(content=text),
            "answer": lambda: M.Answer(question=text, asker=self.somebody()),
            "vote": lambda: M.Vote(content=text, by=self.somebody()),
            "visit": lambda: M.Visit(platform="PLATFORM_FOOD", store=text),
            "undo": lambda: M.Undo(activity=self.key()),
        }[kind]()
        getattr(body, kind).CopyFrom(fields)
        return body

    def one(self):
        if self.sent and self.random.random() < 0.15:
            again = M.Activity()
            again.CopyFrom(self.random.choice(self.sent))
            if self.random.random() < 0.3:
                again.occurred_at.seconds += 1  # the same key, other content
            return again
        event = f"e-{self.random.randrange(10**9)}"
        if self.random.random() < 0.2:
            event = self.random.choice([event, "e-to-come"])
        if self.random.random() < 0.6:
            return self.follower(event) if self.random.random() < 0.4 else self.deed(event)
        when = self.instant()
        amount = self.random.choice([-1, 999, 100000, 1500000, 6000000, 10**13 + 1])
        made = order(self.member, event, amount, platform=self.random.choice(PLATFORMS), occurred_at=when,
                     completed_at=self.random.choice([when, "2026-11-25T10:00:00+08:00", None]),
                     order_id=self.random.choice(self.orders), category=self.random.choice(["tea", "rice", ""]))
        if self.random.random() < 0.2:
            made.ClearField("member")
            made.member.identity.issuer, made.member.identity.external_id = "shop", "ada"
        return made

    def batch(self):
        batch = []
        for _ in range(self.random.randrange(1, 9)):
            batch.append(self.one())
            self.sent.append(batch[-1])
        return batch


def bare_result(result):
    """But for what only a stored entry has; of an error the reason, as its text may name an entry."""
    bare = type(result)()
    bare.CopyFrom(result)
    if result.status.code in (6, 9):
        assert result.status.code == 9 or b"ACTIVITY_CONFLICT" in result.status.details[0].value or b"ORDER_EXISTS" in result.status.details[0].value
        bare.status.message = result.status.message.split(":")[0]
        del bare.status.details[1:]
    bare.entry_id, bare.revision = "", 0
    bare.info.revision = 0
    for woken in bare.woken:
        woken.entry_id = ""
    return bare


def bare_score(answer):
    bare = type(answer)()
    bare.CopyFrom(answer)
    bare.info.revision = 0
    for pending in bare.pending:
        pending.entry_id = ""
    return bare


def preview(api, member, *activities, **fields):
    return api.scores.PreviewScore(member=ref(member), activities=activities, **fields)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def case_77_preview_then_do_is_the_same(start, home, store):
    print("seed", SEED)
    clock = Clock(home)
    api = start("--store", store, clock=clock.spec).api()
    member = api.enroll("ada")
    world = World(SEED, member, api.enroll("bob"))
    states = set()
    for turn in range(40):
        batch = world.batch()
        before = api.score(member)
        told = preview(api, member, *batch)
        assert api.score(member) == before, (SEED, turn)
        done = api.record(*batch)
        for item, (foretold, result) in enumerate(zip(told.results, done, strict=True)):
            assert bare_result(foretold) == bare_result(result), (SEED, turn, item)
            states.add((foretold.state, foretold.status.code, foretold.replayed))
            if foretold.status.code == 0 and not foretold.replayed:
                assert (foretold.entry_id, foretold.revision) == ("", 0)
        assert bare_score(told.after) == bare_score(api.score(member)), (SEED, turn)
        assert told.after.info.revision == before.info.revision
        clock.set(f"2026-11-21T{8 + turn // 6:02}:{turn % 6}5:00+08:00")
    assert len(states) >= 8, states


def test_a_preview_stores_nothing(daemon, api):
    member = api.enroll("ada")
    api.record(order(member, "e1", 1000000))
    before, metrics = api.score(member), daemon.settled()
    told = preview(api, member, order(member, "e2", 1000000), order(member, "e2", 1000000))
    first, again = told.results
    assert (first.status.code, first.replayed, again.replayed) == (0, False, True)
    assert first.entry_id == again.entry_id == "" and again.revision == 0
    assert told.after.score.score > before.score.score
    assert told.after.info.revision == before.info.revision
    assert sum(part.micro_points for part in told.after.score.parts) == told.after.score.score * 1000000
    assert api.score(member) == before
    delta = daemon.settled().minus(metrics)
    assert not [name for name in delta if "commit" in name], delta
    assert not api.record(order(member, "e2", 1000000))[0].replayed


def test_what_is_stored_is_a_replay_with_its_id(api):
    member = api.enroll("ada")
    stored = api.record(order(member, "e1", 1000000))[0]
    told = preview(api, member, order(member, "e1", 1000000), order(member, "e1", 5))
    assert told.results[0].replayed and told.results[0].entry_id == stored.entry_id
    assert told.results[0].revision == stored.revision
    assert told.results[1].status.code == 6
    assert told.after == api.score(member)


def test_items_are_of_one_member(api):
    ada, bob = api.enroll("ada"), api.enroll("bob")
    own, others, nobodys, unnamed = (order(ada, f"e{n}", 1000) for n in range(4))
    others.member.CopyFrom(ref(bob))
    nobodys.member.CopyFrom(ref(4711))
    unnamed.ClearField("member")
    told = preview(api, ada, own, others, nobodys, unnamed)
    assert [result.status.code for result in told.results] == [0, 3, 5, 0]
    assert b"activities[1].member" in told.results[1].status.details[1].value
    assert told.after.score.spend.minor == 2000 and told.after.member_id == ada


def test_forms(api):
    member = api.enroll("ada")
    good = order(member, "e1", 1000)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "activities"):
        preview(api, member)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "activities"):
        preview(api, member, *[good] * 501)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "member"):
        api.scores.PreviewScore(activities=[good])
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "min_revision"):
        preview(api, member, good, min_revision=-1)
    with refused("FAILED_PRECONDITION", "REVISION_UNKNOWN", "min_revision"):
        preview(api, member, good, min_revision=99)
    with refused("NOT_FOUND", "MEMBER_NOT_FOUND"):
        preview(api, 4711, good)
    told = preview(api, member, order(member, "bad", -1))  # all refused: the member as he is
    assert told.results[0].status.code == 3 and told.after == api.score(member)
