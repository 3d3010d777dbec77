"""Cases of the speed benchmark: one kind of request, sent to one server for a while."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median

from tests.bench import clients, machine
from tests.bench.clients import Request, Sent
from tests.bench.servers import Target

CLIENTS = 16
CROWD = 64
API = "/onlinescheduling"


@dataclass
class Plan:
    """How much is done in a round."""

    seconds: float = 2.0
    batches: int = 4
    batch: int = 150  # fewer than HOLDS_PER_PARTNER
    openings: int = 8
    large_answers: int = 200


@dataclass
class Sample:
    """One case on one server in one round: per second, milliseconds, microseconds, MiB.

    bad: answers that are not what they should be. others: processor time that went elsewhere.
    """

    rate: float
    p50: float
    p99: float
    app: float
    database: float
    peak: float
    bad: int
    others: float


class Meter:
    """Adds up the cost of one or more stretches of work."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.sent: list[Sent] = []
        self.spent = [0.0, 0.0, 0.0, 0.0]
        machine.forget_peaks(target.pid)

    def _clocks(self) -> list[float]:
        postmaster = self.target.data.postmaster
        database = 0.0 if postmaster is None else machine.spent(postmaster)
        return [machine.spent(self.target.pid), database, machine.busy(), time.process_time()]

    def measure(self, work: Callable[[], Sent]) -> Sent:
        """Do some work, and add its cost."""
        before = self._clocks()
        sent = work()
        now = self._clocks()
        self.spent = [
            so_far + then - was for so_far, then, was in zip(self.spent, now, before, strict=True)
        ]
        self.sent.append(sent)
        return sent

    def sample(self) -> Sample:
        """Return the cost per request."""
        requests = sum(sent.requests for sent in self.sent) or 1
        seconds = sum(sent.seconds for sent in self.sent)
        app, database, busy, _ = self.spent
        return Sample(
            rate=requests / seconds,
            p50=median(sent.p50 for sent in self.sent),
            p99=median(sent.p99 for sent in self.sent),
            app=app / requests * 1e6,
            database=database / requests * 1e6,
            peak=machine.memory(self.target.pid, peak=True),
            bad=sum(sent.bad for sent in self.sent),
            others=max(0.0, busy - app - database) / seconds,
        )


def path_of(case: str, target: Target) -> str:
    """Return the path of a read case."""
    places = target.data.places
    by_location = f"{API}/location/{places['location']}/bookings?status=open"
    return {
        "get": f"{API}/booking/{places['opening']}",
        "list1000": f"{API}/practice/{places['middle']}/bookings",
        "list10000": f"{API}/practice/{places['large']}/bookings",
        "board": f"/admin/desk/{places['practice']}/board/",
    }.get(case.removeprefix("304-"), by_location)


def asking(case: str, target: Target) -> Request | None:
    """Return the request of a read case; None where this server has no such thing."""
    path = path_of(case, target)
    if case == "board":
        return Request("GET", path, cookie=target.data.places["cookie"]) if target.is_ours else None
    if not case.startswith("304"):
        return Request("GET", path)
    tag = target.address.ask(Request("GET", path))[1].get("ETag", "")
    return Request("GET", path, tag=tag) if tag else None


def read(case: str, target: Target, plan: Plan) -> Sample | None:
    """GET the same path again and again, where the server has it."""
    request = asking(case, target)
    if request is None:
        return None
    how_many = {"list10000": 2, "one": 1, "board": 1}.get(case, CLIENTS)
    meter = Meter(target)
    meter.measure(
        lambda: clients.again_and_again(
            target.address, request, clients=how_many, seconds=plan.seconds
        )
    )
    return meter.sample()


def start_up(target: Target) -> tuple[float, float]:
    """Start another such server; return seconds until its first answer, and of processor time."""
    began = time.perf_counter()
    with target.another() as started:
        status, *_ = started.address.ask(Request("GET", path_of("list30", target)))
        assert status == 200
        return time.perf_counter() - began, machine.spent(started.pid)


def first_id(body: bytes) -> str:
    """Return the id of a list's first booking."""
    found: str = json.loads(body)[0]["id"]
    return found


def growth(target: Target, count: int) -> float:
    """Return how many MiB more the largest worker needs for large answers than for a few."""
    answers = [Request("GET", path_of("list10000", target))] * count
    machine.forget_peaks(target.pid)
    clients.each_once(target.address, answers[: count // 10], clients=2)
    first = machine.memory(target.pid, peak=True)
    clients.each_once(target.address, answers, clients=2)
    return machine.memory(target.pid, peak=True) - first


def statements(case: str, target: Target) -> float | None:
    """Count the SQL statements of a read request."""
    request = asking(case, target)
    if request is None:
        return None
    before = target.data.statements()
    for _ in range(10):
        target.address.ask(request)
    after = target.data.statements()
    return None if before is None or after is None else (after - before) / 10


def _opening(target: Target) -> dict[str, object]:
    places = target.data.places
    return {
        "location_id": places["writable"],
        "doctor_id": places["doctor"],
        "start_datetime": "2031-01-06T10:00:00-05:00",
        "status": "open",
        "length": 60,
        "recurring": False,
    }


def _made(target: Target, meter: Meter, count: int) -> list[str]:
    posts = [Request("POST", f"{API}/booking", _opening(target))] * count
    made = meter.measure(lambda: clients.each_once(target.address, posts, clients=4))
    return [json.loads(body)["id"] for body in made.bodies if b'"id"' in body]


def write(target: Target, plan: Plan) -> dict[str, Sample]:
    """Create bookings, hold them, book them, delete them."""
    meters = {name: Meter(target) for name in ("create", "claim", "book", "delete")}
    for _ in range(plan.batches):
        ids = _made(target, meters["create"], plan.batch)
        for name, status in (("claim", "pending"), ("book", "booked")):
            puts = [Request("PUT", f"{API}/booking/{one}", {"status": status}) for one in ids]
            meters[name].measure(_sending(target, puts, CLIENTS))
        gone = [Request("DELETE", f"{API}/booking/{one}") for one in ids]
        meters["delete"].measure(_sending(target, gone, 4))
    return {name: meter.sample() for name, meter in meters.items()}


def _sending(target: Target, requests: list[Request], how_many: int) -> Callable[[], Sent]:
    return lambda: clients.each_once(target.address, requests, clients=how_many)


@dataclass
class Crowd:
    """What came of 64 clients that want the same place: milliseconds until all had an answer.

    readers: the share of their pace that those keep who read another booking meanwhile.
    """

    milliseconds: float
    winners: list[int]
    readers: float


def contend(target: Target, plan: Plan) -> Crowd:
    """Let 64 clients claim the only place of a booking, again and again."""
    fights = [_fight(target, opening) for opening in _openings(target, plan.openings)]
    return Crowd(
        milliseconds=median(took for took, _ in fights),
        winners=[winners for _, winners in fights],
        readers=_readers_pace(target, plan),
    )


def _openings(target: Target, count: int) -> list[str]:
    return _made(target, Meter(target), count)


def _fight(target: Target, opening: str) -> tuple[float, int]:
    """Return the milliseconds until all had an answer, and how many got the place."""
    path, method = f"{API}/booking/{opening}", "PUT"
    if target.is_ours:
        # OpenChair's status is of the whole booking, and the same again is a 200 for its owner.
        path, method = f"{path}/appointments", "POST"
    claim = Request(method, path, {"status": "pending"})
    took, answers = clients.all_at_once(target.address, [claim] * CROWD)
    won = [answer for answer in answers if answer[9:10] == b"2"]
    if target.is_ours:
        for answer in won:
            place = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
            target.address.ask(Request("DELETE", f"{API}/appointment/{place}"))
    target.address.ask(Request("DELETE", f"{API}/booking/{opening}"))
    return took, len(won)


def _readers_pace(target: Target, plan: Plan) -> float:
    """Return how fast others read beside 64 clients, as a share of how fast they do alone."""
    openings = _openings(target, int(plan.seconds * 2))
    alone, meanwhile = _reading(target, plan), _reading(target, plan, openings)
    return meanwhile.requests / meanwhile.seconds / (alone.requests / alone.seconds)


def _reading(target: Target, plan: Plan, openings: Sequence[str] = ()) -> Sent:
    request = Request("GET", path_of("get", target))
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(
            clients.again_and_again, target.address, request, clients=4, seconds=plan.seconds
        )
        for opening in openings:
            _fight(target, opening)
            time.sleep(0.4)
        return reading.result()
