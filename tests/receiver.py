"""A partner's receiver of webhooks over real HTTPS, which answers and misbehaves as it is told.

    with receiving() as receiver:
        receiver.answers = [Does(503), Does(delay=2)]  # once each; then receiver.otherwise
        ...  # calls receiver.url
        first = receiver.wait_for(1)[0]

Whoever calls has to trust `authority()`: processes by the variables of `trust()` in their
environment, a test in this process by the fixture `receiver`.
"""

import atexit
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCAL = "localhost"


@dataclass(frozen=True)
class Call:
    """A request that came, with the names of its headers in lower case."""

    at: float  # time.monotonic()
    time: datetime
    path: str
    headers: dict[str, str]
    body: bytes
    peer: tuple[str, int]  # the same for each call of one connection


@dataclass(frozen=True)
class Does:
    """What a receiver does with a request.

    drip: "body" comes one byte a second, or "all" of the answer, status line and headers too.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"thanks"
    delay: float = 0
    drip: str = ""
    pause: float = 1  # seconds between two bytes of a drip
    hang_up: bool = False  # close without an answer
    refuse: bool = False  # close before anything is sent, as who is not there
    raw: bytes | None = None  # instead of an answer


class Receiver:
    """Calls that came, in the order of arrival, and what is done with those that will come.

    answers: one for each call, or else `otherwise`, which may choose by the call.
    """

    def __init__(self, *names: str, host: str = "127.0.0.1", port: int = 0) -> None:
        self.names, self.host, self.port = names or (LOCAL,), host, port
        self.calls: list[Call] = []
        self.answers: list[Does] = []
        self.refused = 0
        self.otherwise: Does | Callable[[Call], Does] = Does()
        self.changed = threading.Condition()
        self.stopping = threading.Event()
        self._context, self._server = context_for(*self.names), cast(_Server, None)

    @property
    def url(self) -> str:
        return f"https://{self.names[0]}:{self.port}/hook"

    def start(self) -> None:
        """Listen, after a stop at the same port again."""
        self.stopping.clear()
        self._server = _Server((self.host, self.port), self, self._context)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Close all connections, the one that waits for an answer too, and listen no more."""
        self.stopping.set()
        self._server.shutdown()
        self.close_connections()
        self._server.server_close()

    def close_connections(self) -> None:
        """Close all connections, as a server does that was idle for long."""
        for each in [*self._server.connections]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, within: float = 20) -> list[Call]:
        """Return all calls as soon as so many have come. Raises AssertionError."""
        with self.changed:
            came = self.changed.wait_for(lambda: len(self.calls) >= count, within)
            assert came, f"{len(self.calls)} calls came of {count}"
            return [*self.calls]

    def refuses(self) -> bool:
        """Whether a connection that comes now is closed."""
        with self.changed:
            does = self.answers[0] if self.answers else self.otherwise
            if not isinstance(does, Does) or not does.refuse:
                return False
            if self.answers:
                self.answers.pop(0)
            self.refused += 1
            return True

    def takes(self, call: Call) -> Does:
        """Keep a call; return what to do with it."""
        with self.changed:
            self.calls.append(call)
            self.changed.notify_all()
            if self.answers:
                return self.answers.pop(0)
        return self.otherwise(call) if callable(self.otherwise) else self.otherwise


@contextmanager
def receiving(*names: str, **where: Any) -> Iterator[Receiver]:
    """Run a receiver with a certificate for these names (or addresses); localhost by default."""
    receiver = Receiver(*names, **where)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for them
    request_queue_size = 128

    def __init__(self, at: tuple[str, int], receiver: Receiver, tls: ssl.SSLContext) -> None:
        self.receiver, self.tls = receiver, tls
        self.connections: set[socket.socket] = set()
        super().__init__(at, _Handler)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.receiver.refuses():
            self.shutdown_request(request)
            return
        self.connections.add(request)
        try:
            # Here, not where connections are accepted: the next need not wait for a handshake.
            secure = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            self.connections.discard(request)
            self.shutdown_request(request)
            return
        self.connections.discard(request)
        self.connections.add(secure)
        try:
            if not self.receiver.stopping.is_set():
                super().process_request_thread(secure, client_address)
        finally:
            self.connections.discard(secure)
            secure.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:  # http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        peer = self.client_address[:2]
        call = Call(time.monotonic(), datetime.now(UTC), self.path, headers, body, peer)
        self._do(self.server.receiver.takes(call))

    do_GET = do_POST  # noqa: N815

    def _do(self, does: Does) -> None:
        self._wait(does.delay)
        if does.hang_up or does.refuse or self.server.receiver.stopping.is_set():
            self.close_connection = True
            return
        headers = {"Content-Length": str(len(does.body)), **does.headers}
        lines = [f"HTTP/1.1 {does.status} As told", *(f"{n}: {v}" for n, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode()
        self.close_connection |= headers.get("Connection") == "close" or does.raw is not None
        answer = head + does.body if does.raw is None else does.raw
        at_once = {"": len(answer), "body": len(head), "all": 0}[does.drip]
        self.wfile.write(answer[:at_once])
        for byte in answer[at_once:]:
            if self.server.receiver.stopping.is_set():
                return
            self.wfile.write(bytes([byte]))
            self._wait(does.pause)

    def _wait(self, seconds: float) -> None:
        self.server.receiver.stopping.wait(seconds)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


# Certificates ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    folder: "tempfile.TemporaryDirectory[str]"


@cache
def _authority() -> _Authority:
    """Make the authority of this run."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tests")]), key)
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    Path(folder.name, "authority.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return _Authority(made, key, folder)


def _signed(
    name: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...] = (),
    by: _Authority | None = None,
) -> x509.Certificate:
    """Sign a certificate for names; by itself, if it is the authority."""
    today, signer = datetime.now(UTC), by.key if by else key
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    issuer = by.certificate.subject if by else name
    builder = (
        x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=365 * 20))  # tests turn clocks
        .not_valid_after(today + timedelta(days=365 * 20))
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
    )
    if by is None:
        may = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(may, critical=True)
    else:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), critical=True
        )
    return builder.sign(signer, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def authority() -> Path:
    """Return the certificate that whoever calls has to trust."""
    return Path(_authority().folder.name, "authority.pem")


def trust() -> dict[str, str]:
    """Return the variables by which a process trusts the receivers of this run, and calls them."""
    return {"SSL_CERT_FILE": str(authority()), "WEBHOOK_PRIVATE_HOSTS": LOCAL}


@cache
def context_for(*names: str) -> ssl.SSLContext:
    """Return a server's context with a certificate for names or addresses."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _signed(x509.Name([]), key, names, _authority())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(private + made.public_bytes(Encoding.PEM))
        file.flush()
        context.load_cert_chain(file.name)
    return context
