# SPDX-License-Identifier: Apache-2.0
"""What scenarios about decisions share: interactions, the decisions themselves, what they read."""
import uuid

from memberd import M, POOL, at, ref

NOW = "2026-11-21T08:00:00+08:00"
LATER = "2026-12-31T08:00:00+08:00"
BENEFIT = "priority-service"  # from gold up


def told(member, event, occurred_at="2026-11-20T12:00:00+08:00", source="shop", **kind):
    return M.Activity(source=source, source_event_id=event, member=ref(member), occurred_at=at(occurred_at), **kind)


def number(enum, name):
    return POOL.FindEnumTypeByName(f"memberd.v1.{enum}").values_by_name[name].number


def vote(member, event, by, **more):
    return told(member, event, vote=dict(content=f"c-{event}", by=ref(by)), **more)


def share(member, event, **more):
    return told(member, event, share=dict(content=f"c-{event}", channel="chat"), **more)


def opening(member, event, of, by, **more):
    return told(member, event, opening=dict(share=dict(source_event_id=of), by=ref(by), verified=True), **more)


def answer(member, event, asker, **more):
    return told(member, event, answer=dict(question=f"q-{event}", asker=ref(asker)), **more)


def taken(results):
    assert all(result.status.code == 0 for result in results), results
    return results


def kept(fields):
    return {"request_id": str(uuid.uuid4()), "reason": "case 81", **fields}


class Decide:
    """Each decision with a request_id and a reason, unless told otherwise."""

    def __init__(self, api):
        self.api = api

    def override(self, member, tier=None, until=LATER, **more):
        fields = dict(tier=f"TIER_{tier}", until=at(until)) if tier else {}
        return self.api.members.OverrideTier(member=ref(member), **kept(fields | more))

    def suspend(self, member, suspended=True, **more):
        return self.api.members.SuspendMember(member=ref(member), suspended=suspended, **kept(more))

    def link(self, member, other, **more):
        return self.api.members.LinkMembers(member=ref(member), other=ref(other), **kept(more))

    def unlink(self, member, other, **more):
        return self.api.members.UnlinkMembers(member=ref(member), other=ref(other), **kept(more))

    def credibility(self, member, delta, until=None, **more):
        fields = dict(until=at(until)) if until else {}
        return self.api.scores.SetCredibility(member=ref(member), delta_bp=delta, **kept(fields | more))

    def _about(self, method, member, event, source="shop", **more):
        return method(member=ref(member), activity=dict(source=source, source_event_id=event), **kept(more))

    def fraud(self, *args, **more):
        return self._about(self.api.scores.ReportFraud, *args, **more)

    def void(self, *args, **more):
        return self._about(self.api.scores.VoidActivity, *args, **more)

    def reverse(self, *args, **more):
        return self._about(self.api.scores.ReverseActivity, *args, **more)


def parts(api, member, **fields):
    """micro-points by kind, in lower case; none that are 0"""
    answer_ = api.score(member, **fields)
    kinds = M.ScorePart.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number
    return {kinds[part.kind].name.removeprefix("SCORE_PART_KIND_").lower(): part.micro_points
            for part in answer_.score.parts if part.micro_points}


def standing(api, member, **fields):
    return api.members.GetMember(member=ref(member), **fields).member.standing


def allowed(api, member, benefit=BENEFIT, **fields):
    return api.benefits.CheckBenefit(member=ref(member), benefit_id=benefit, **fields).entitlement
