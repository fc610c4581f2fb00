# SPDX-License-Identifier: Apache-2.0
"""Who is asked about and what is asked: ids, requests as they are on the wire, and the answers that are right."""
import os
import random
import struct

import memberd as scenario
from memberd import M, ref

EPOCH_MS_OF_FIRST = 50_000_000_000  # bench_members.h
MASK = (1 << 64) - 1
BENEFITS = ["value-channel-discount", "marriott-status", "dedicated-concierge"]
HOT = 40  # its pilot's order brings Gold
CHECK = "/memberd.v1.BenefitService/CheckBenefit"
BATCH = "/memberd.v1.BenefitService/BatchCheckBenefits"
QUOTE = "/memberd.v1.BenefitService/QuoteDiscount"
GET = "/memberd.v1.MemberService/GetMember"
HEALTH = "/grpc.health.v1.Health/Check"
PAIRS = 100  # of a batch


def member_id(i):
    x = i + 0x9E3779B97F4A7C15 & MASK
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return EPOCH_MS_OF_FIRST + i << 21 | (x ^ x >> 31) & 0x1FFFFF


def frame(data):
    return struct.pack(">BI", 0, len(data)) + data


def message(method, members):
    """A request about these members; about the first, when it is of one."""
    if method == CHECK:
        return M.CheckBenefitRequest(member=ref(members[0]), benefit_id=BENEFITS[0])
    if method == GET:
        return M.GetMemberRequest(member=ref(members[0]))
    if method == QUOTE:
        lines = [M.BasketLine(line_no=n, public_price=price, member_price=member, category="tea", brand="dragon",
                              channel=f"BASKET_CHANNEL_{channel}")
                 for n, price, member, channel in ((1, 12_900, 9_900, "VALUE"), (2, 45_000, 0, "STANDARD"),
                                                   (3, 8_800, 8_000, "VALUE"))]
        return M.QuoteDiscountRequest(member=ref(members[0]), currency="CNY", lines=lines)
    if method == BATCH:
        return M.BatchCheckBenefitsRequest(checks=[
            dict(member=ref(one), benefit_id=BENEFITS[n % len(BENEFITS)])
            for n, one in enumerate(members)])
    return None


def write_file(path, method, picks, pairs=1):
    """The requests about picks (numbers of members), framed. An id is 18 digits long, so that all but the first
    are made by putting another id in its place."""
    first = [member_id(i) for i in picks[:pairs]]
    request = message(method, first)
    data = request.SerializeToString() if request is not None else b""
    assert all(len(str(one)) == 18 for one in first)
    with open(path, "wb") as file:
        if method == HEALTH:
            file.write(frame(data))
            return path
        parts = [data]
        for one in first:
            head, _, tail = parts.pop().partition(str(one).encode())
            parts += [head, tail]
        for at in range(0, len(picks), pairs):
            ids = [str(member_id(i)).encode() for i in picks[at:at + pairs]]
            whole = b"".join(part + one for part, one in zip(parts, ids)) + parts[-1]
            file.write(frame(whole))
    return path


def uniform(seed, size, count):
    """count numbers below size."""
    source = random.Random(seed)
    return [source.randrange(size) for _ in range(count)]


# ---- what is right ----

class Truth:
    """What a memberd answers about the pilots, who came through its API: of everybody else the same holds, but for
    his id and the instant when he was made."""

    def __init__(self, api, pilots):
        self.api, self.pilots = api, pilots

    def answer(self, method, i):
        pilot = self.pilots[i % len(self.pilots)]
        answer = _ask(self.api, method, pilot)
        return _put_id(method, answer, pilot, member_id(i))


def _ask(api, method, one):
    name = method.strip("/")
    request = message(method, [one])
    return api.call(name, request, _response(method))


def _response(method):
    name = method.rsplit("/", 1)[1]
    return scenario.message(f"{name}Response")


def _put_id(method, answer, pilot, one):
    holder = answer.member if method == GET else answer
    assert holder.member_id == str(pilot)
    holder.member_id = str(one)
    return answer


def check(server, api, method, truth, picks):
    """Every answer about picks is the right one. Ends the process if not."""
    for i in picks:
        got, right = _ask(api, method, member_id(i)), truth.answer(method, i)
        if got != right:
            raise SystemExit(f"bench: {server} answers wrongly about {member_id(i)}:\n{got}\nright is:\n{right}")


def check_batch(api, truth, picks):
    """A batch says of each pair what a single check says."""
    request = message(BATCH, [member_id(i) for i in picks])
    results = api.call(BATCH.strip("/"), request, _response(BATCH)).results
    for n, i in enumerate(picks):
        single = M.CheckBenefitRequest(member=ref(truth.pilots[i % len(truth.pilots)]),
                                       benefit_id=BENEFITS[n % len(BENEFITS)])
        right = truth.api.call(CHECK.strip("/"), single, _response(CHECK))
        if (results[n].status.code != 0 or results[n].member_id != str(member_id(i)) or
                results[n].entitlement != right.entitlement or results[n].info != right.info):
            raise SystemExit(f"bench: a batch answers wrongly about {member_id(i)}:\n{results[n]}\nright is:\n{right}")


def micros(stamp):
    return stamp.seconds * 1000000 + stamp.nanos // 1000


def write_pilots(api, path):
    """For the peers, and the ids of the pilots, by id. The pilots are the members with an identity of bench."""
    rows = []
    for i in range(1024):
        try:
            found = api.members.LookupMember(identity=dict(issuer="bench", external_id=f"pilot-{i}"))
        except scenario.Failure:
            break
        rows.append(int(found.member_id))
    rows.sort()
    with open(path, "w") as file:
        for one in rows:
            answer = api.members.GetMember(member=ref(one))
            member, info = answer.member, answer.info
            standing = member.standing
            print(one, info.revision, micros(member.created_at), info.policy_version, micros(info.valid_until),
                  standing.tier, standing.level, standing.score, int(member.state == 2), standing.credibility_bp, file=file)
    assert os.path.getsize(path) > 0
    return rows
