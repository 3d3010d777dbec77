"""A mail server that receives over real sockets, and misbehaves as it is told."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP as WIRE
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.server import free_port

CUT, SILENT = "354 cut", "silent"
"""Instead of an answer: the connection is closed, or nothing comes."""


class Receiver:
    """What a server got, and what it answers at MAIL, RCPT, DATA and END (of the data).

    answers: what to say there instead of going on; of a list one each time, then no more.
    """

    def __init__(self, **answers: str | list[str]) -> None:
        self.answers, self.slow = answers, 0.0
        self.hangs_up = False  # after each message
        self.got: list[EmailMessage] = []
        self.secure: list[bool] = []
        self.peers: set[tuple[str, int]] = set()

    async def says(self, server: SMTP, at: str) -> str | None:
        await asyncio.sleep(self.slow)
        said: Any = self.answers.get(at)
        if isinstance(said, list):
            said = said.pop(0) if said else None
        if said == SILENT:
            await asyncio.sleep(3600)
        if said == CUT:
            server.transport.abort()  # type: ignore[union-attr]  # it is connected
        return None if said is None else str(said)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's names
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self.peers.add(session.peer)
        if said := await self.says(server, "MAIL"):
            return said
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if said := await self.says(server, "RCPT"):
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802
        if said := await self.says(server, "END"):
            return said
        self.got.append(BytesParser(policy=WIRE).parsebytes(envelope.content))
        transport: Any = server.transport
        self.secure.append(transport.get_extra_info("ssl_object") is not None)
        if self.hangs_up:
            asyncio.get_running_loop().call_later(0.05, transport.close)
        return "250 OK"


class _Server(SMTP):
    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        said = await self.event_handler.says(self, "DATA")
        if said is None:
            await super().smtp_DATA(arg)
        else:
            await self.push(said)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(self.handler, **self.SMTP_kwargs)


@contextmanager
def receiving(receiver: Receiver, **how: Any) -> Iterator[int]:
    """Run a server on a free port of this machine; how: aiosmtpd's Controller's arguments."""
    controller = _Controller(receiver, hostname="127.0.0.1", port=free_port(), **how)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def authenticator(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    return AuthResult(success=data.password == b"right", handled=False)


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for a host; return a server's context with it, and its file."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today = datetime.now(UTC)
    names = [x509.IPAddress(ip_address(host))] if host[0].isdigit() else [x509.DNSName(host)]
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=True)
        .sign(key, hashes.SHA256())
    )
    of_server, trusted = folder / "server.pem", folder / "trusted.pem"
    trusted.write_bytes(made.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    of_server.write_bytes(private + trusted.read_bytes())
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(of_server)
    return context, trusted
