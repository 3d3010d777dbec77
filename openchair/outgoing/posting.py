"""POST to a URL that somebody else chose, without trusting whoever answers."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Self

from django.conf import settings
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    NewConnectionError,
    ReadTimeoutError,
)

from openchair.outgoing import addresses, urls

SECONDS = 15.0
"""For a whole call: to resolve, connect, send, and be answered."""
TO_CONNECT = 5.0
"""Seconds of them, for TCP and TLS."""
LONGEST = 65_536
"""Bytes of an answer that are read."""
SHOWN = 256
"""Bytes of it that are returned."""

_until: ContextVar[float] = ContextVar("until")
"""The time.monotonic() at which what is done now has to be over."""


class Unreached(Exception):
    """No answer came. The text is the kind of failure, and has nothing of receiver or network."""


class Unanswered(Unreached):
    """The request had been sent to its end, so the receiver may have worked it off."""


@dataclass(frozen=True)
class Answer:
    """What a receiver answered.

    text: the beginning of it. retry_after: seconds, if the receiver said when to come again.
    """

    status: int
    text: str
    retry_after: float | None


class Receiver:
    """A receiver of calls, with a connection that is kept from one call to the next.

    Of one thread. What it may not be, and what may go wrong, is told by the calls.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: HTTPSConnection | None = None
        self._is_sent = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Call it; what it answers is returned, whatever the status. Raises Unreached, Unanswered.

        It may be called twice, where it closed a kept connection meanwhile.
        """
        try:
            target = urls.parsed(self._url)
        except ValueError:  # the operator has withdrawn what was allowed
            raise Unreached("refused address") from None
        headers = {"User-Agent": "OpenChair", **headers, "Host": target.authority}
        self._is_sent = False
        try:
            with _at_most(SECONDS):
                return self._post(target, body, headers)
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            self._close()
            raise (Unanswered if self._is_sent else Unreached)(_kind(error)) from None

    def _post(self, target: urls.Target, body: bytes, headers: dict[str, str]) -> Answer:
        kept = self._connection
        if kept is not None and kept.is_connected:
            try:
                return self._exchange(kept, target, body, headers)
            except (ConnectionError, ssl.SSLEOFError):  # closed as it was idle, most likely
                self._close()
        self._close()
        self._is_sent = False
        self._connection = _connected(target)
        return self._exchange(self._connection, target, body, headers)

    def _exchange(
        self, connection: HTTPSConnection, target: urls.Target, body: bytes, headers: dict[str, str]
    ) -> Answer:
        # Not decoded: a compressed answer of 64 KiB can be 64 MB.
        connection.request(
            "POST", target.path, body, headers, preload_content=False, decode_content=False
        )
        self._is_sent = True
        response = connection.getresponse()
        try:
            answered = response.read(LONGEST + 1)
        except ReadTimeoutError:
            raise
        except (HTTPError, http.client.HTTPException, OSError):  # the status counts
            answered = b""
            self._close()
        if len(answered) > LONGEST or response.status < 200:  # more is to come
            self._close()
        # PostgreSQL takes no NUL.
        text = answered[:SHOWN].decode(errors="replace").replace("\0", "\ufffd")
        return Answer(response.status, text, _retry_after(response))

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _retry_after(response: BaseHTTPResponse) -> float | None:
    try:
        return float(Retry().parse_retry_after(response.headers["Retry-After"]))
    except (KeyError, InvalidHeader, ValueError, OverflowError):
        return None


_KINDS: list[tuple[type[Exception] | tuple[type[Exception], ...], str]] = [
    ((TimeoutError, ConnectTimeoutError, ReadTimeoutError), "timeout"),
    (ConnectionRefusedError, "connection refused"),
    (ssl.SSLCertVerificationError, "certificate"),
    ((ConnectionError, ssl.SSLEOFError), "connection closed"),
    (ssl.SSLError, "tls"),
    (OSError, "unreachable"),
]


def _kind(error: BaseException) -> str:
    if isinstance(error, NewConnectionError) and error.__cause__ is not None:
        error = error.__cause__
    return next((kind for types, kind in _KINDS if isinstance(error, types)), "not http")


# Connections -----------------------------------------------------------------------------------


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    until = time.monotonic() + seconds
    token = _until.set(min(until, _until.get(until)))
    try:
        yield
    finally:
        _until.reset(token)


def _left() -> float:
    """Return the seconds that are left. Raises TimeoutError if there are none."""
    left = _until.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Socket(ssl.SSLSocket):
    """A socket that waits no longer than what is left of the call.

    A time-out of urllib3 is for each read, so that a byte a second would never meet it.
    """

    def do_handshake(self, block: bool = False) -> None:
        self.settimeout(_left())
        super().do_handshake(block)

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(_left())
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: Any, flags: int = 0) -> int:
        self.settimeout(_left())
        return super().send(data, flags)


@lru_cache(maxsize=256)
def _context(thread: int, trusted: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Return how a thread does TLS: it takes 25 ms to read the certificates that are trusted.

    Not for several threads, as urllib3 writes to it whenever it connects. trusted: where they are
    read from, so that other certificates are another context.
    """
    context = ssl.create_default_context()
    context.sslsocket_class = _Socket
    return context


def _connected(target: urls.Target) -> HTTPSConnection:
    """Connect to the first checked address that can be connected to."""
    proxy = settings.WEBHOOK_PROXY
    hosts = [str(proxy.hostname)] if proxy else _checked_addresses(target)
    failure: Exception = Unreached("dns")
    with _at_most(TO_CONNECT):
        for index, host in enumerate(hosts):
            try:
                # One that is silent leaves time for the next ones.
                with _at_most(max(1.0, _left() / (len(hosts) - index))):
                    return _connected_to(host, target)
            except (HTTPError, OSError) as error:
                failure = error
    raise failure


def _connected_to(host: str, target: urls.Target) -> HTTPSConnection:
    proxy = settings.WEBHOOK_PROXY
    connection = HTTPSConnection(
        host,
        proxy.port if proxy else target.port,
        timeout=_left(),
        server_hostname=target.host,  # and nothing else may the certificate be for
        ssl_context=_context(threading.get_ident(), ssl.get_default_verify_paths()),
    )
    if proxy:
        connection.set_tunnel(target.host, target.port)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection


def _checked_addresses(target: urls.Target) -> list[str]:
    """Resolve a name, once; its addresses are what is connected to. Raises Unreached."""
    if target.is_allowed_private:
        return _resolved(target.host)
    # With a full stop at the end it is no name within a domain of the operator's own (resolv.conf).
    found = _resolved(f"{target.host}.")
    if any(addresses.refusal(ip_address(each)) for each in found):
        raise Unreached("refused address")
    return found


def _resolved(name: str) -> list[str]:
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answer.set_exception(error)

    # The system's resolver has time-outs of its own, and cannot be stopped.
    threading.Thread(target=ask, daemon=True).start()
    try:
        return [*dict.fromkeys(str(each[4][0]) for each in answer.result(_left()))]
    except (OSError, UnicodeError):
        raise Unreached("dns") from None
