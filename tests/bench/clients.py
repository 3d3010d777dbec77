"""Load-generating HTTP clients: many without pause, or many at the same instant."""

import json
import selectors
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

WRK = shutil.which("wrk")
SCRIPT = """
function init(arguments)
  for name, value in pairs({%s}) do wrk.headers[name] = value end
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT [%%d,%%f,%%f,%%f,%%d]\\n', summary.requests,
    summary.duration / 1000000, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    e.status + e.connect + e.read + e.write + e.timeout))
end
"""


@dataclass
class Sent:
    """Requests sent and their answers; p50 and p99 in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float
    bad: int
    bodies: list[bytes] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class Request:
    """A request to send."""

    method: str
    path: str
    body: Any = None
    tag: str = ""
    cookie: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers beside the key."""
        said = {"If-None-Match": self.tag, "Cookie": self.cookie}
        return {name: text for name, text in said.items() if text}


@dataclass
class Address:
    """A server's address, and a key that it knows."""

    port: int
    key: str

    def ask(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        """Send one request without a body over a new connection."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": self.key, **request.headers}
        try:
            connection.request(request.method, request.path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def written(self, request: Request) -> bytes:
        """Return a request as bytes."""
        body = b"" if request.body is None else json.dumps(request.body).encode()
        more = "".join(f"{name}: {text}\r\n" for name, text in request.headers.items())
        head = (
            f"{request.method} {request.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {self.key}\r\nContent-Type: application/json\r\n"
            f"{more}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def again_and_again(address: Address, request: Request, *, clients: int, seconds: float) -> Sent:
    """GET one thing again and again from so many clients at once.

    With wrk where it is installed; in Python else, which takes more of the machine for itself.
    """
    if WRK is not None and seconds >= 1:
        return _wrk(address, request, clients=clients, seconds=round(seconds))
    total = Sent(0, 0.0, 0.0, 0.0, 0)
    while total.seconds < seconds:
        some = each_once(address, [request] * clients * 4, clients=clients)
        total.requests += some.requests
        total.seconds += some.seconds
        total.bad += some.bad
        total.p50, total.p99 = max(total.p50, some.p50), max(total.p99, some.p99)
    return total


def _wrk(address: Address, request: Request, *, clients: int, seconds: int) -> Sent:
    headers = {"Authorization": address.key, **request.headers}
    table = ", ".join(f"['{name}'] = [==[{value}]==]" for name, value in headers.items())
    assert WRK is not None
    options = [WRK, "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % table)
        script.flush()
        done = subprocess.run(
            [*options, "-s", script.name, f"http://127.0.0.1:{address.port}{request.path}"],
            capture_output=True,
            text=True,
            check=True,
        )
    _, _, figures = done.stdout.rpartition("RESULT ")
    requests, took, p50, p99, bad = json.loads(figures)
    return Sent(requests, took, p50, p99, bad)


@dataclass
class _Call:
    """A request under way."""

    began: float
    answer: bytes = b""

    def is_complete(self) -> bool:
        """Whether the whole answer is here."""
        head, end, body = self.answer.partition(b"\r\n\r\n")
        if not end:
            return False
        if head[9:12] == b"304":
            return True
        _, said, rest = head.lower().partition(b"content-length:")
        if not said:
            return body.endswith(b"0\r\n\r\n")  # in chunks
        return len(body) >= int(rest.partition(b"\r\n")[0])


def each_once(address: Address, requests: list[Request], *, clients: int) -> Sent:
    """Send each request once, from so many clients at once; return the answers' bodies."""
    todo = [address.written(request) for request in reversed(requests)]
    sent = Sent(0, 0.0, 0.0, 0.0, 0)
    took: list[float] = []
    with selectors.DefaultSelector() as selector:

        def send(connection: socket.socket | None) -> None:
            if todo:
                connection = connection or socket.create_connection(("127.0.0.1", address.port))
                selector.register(connection, selectors.EVENT_READ, _Call(time.perf_counter()))
                connection.sendall(todo.pop())
            elif connection is not None:
                connection.close()

        began = time.perf_counter()
        for _ in range(clients):
            send(None)
        while selector.get_map():
            for key, _ in selector.select(60):
                connection, call = key.fileobj, key.data
                assert isinstance(connection, socket.socket)
                chunk = connection.recv(262_144)
                call.answer += chunk
                if chunk and not call.is_complete():
                    continue
                took.append(time.perf_counter() - call.began)
                sent.bad += call.answer[9:10] != b"2" and call.answer[9:12] != b"304"
                head, _, body = call.answer.partition(b"\r\n\r\n")
                sent.bodies.append(body)
                selector.unregister(connection)
                # Closed at once: gunicorn's sync worker waits for that, up to 2 s.
                if not chunk or b"connection: close" in head.lower():
                    connection.close()
                    send(None)
                else:
                    send(connection)
        sent.seconds = time.perf_counter() - began
    sent.requests = len(took)
    sent.p50, sent.p99 = quantiles(took)
    return sent


def quantiles(took: list[float]) -> tuple[float, float]:
    """Return median and 99th percentile of seconds, in milliseconds."""
    took = sorted(took) or [0.0]
    return took[len(took) // 2] * 1000, took[int(len(took) * 0.99)] * 1000


def all_at_once(address: Address, requests: list[Request]) -> tuple[float, list[bytes]]:
    """Send all requests at the same instant; give the milliseconds until all are answered.

    The second value are the answers, empty where the connection was cut.
    """
    answers: list[bytes] = []
    with selectors.DefaultSelector() as selector:
        connections = [socket.create_connection(("127.0.0.1", address.port)) for _ in requests]
        written = [address.written(request) for request in requests]
        began = time.perf_counter()
        for connection, text in zip(connections, written, strict=True):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(text)
            selector.register(connection, selectors.EVENT_READ, _Call(began))
        while len(answers) < len(requests):
            for key, _ in selector.select(60):
                assert isinstance(key.fileobj, socket.socket)
                chunk = key.fileobj.recv(65_536)
                key.data.answer += chunk
                if chunk and not key.data.is_complete():
                    continue
                answers.append(key.data.answer)
                selector.unregister(key.fileobj)
                key.fileobj.close()
    return (time.perf_counter() - began) * 1000, answers
