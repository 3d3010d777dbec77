"""gunicorn's settings: `gunicorn -c openchair/gunicorn.py openchair.wsgi:application`."""

import json
import os
import socket

from gunicorn import util

from openchair import settings

bind = settings.BIND
# Who may open a unix socket: gunicorn's user and group, not everybody, which is its default.
umask = 0o007
# Whom to believe about the client is said by TRUSTED_PROXIES alone. Left to itself, gunicorn
# believes this machine's addresses and everybody who comes over a unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
workers = settings.WEB_CONCURRENCY
worker_class = "gthread"
threads = 4
timeout = 30
graceful_timeout = 30
keepalive = 5
# Its control socket would be shared by every installation of a user, and can stop them.
control_socket_disable = True
# The listening queue is bounded, so an overload is refused early instead of answered late.
backlog = 512
limit_request_line = 4094
accesslog = os.environ.get("ACCESS_LOG") or None


def _write_error(sock: socket.socket, status: int, reason: str, message: str) -> None:
    """Refuse what is not HTTP in JSON, and echo nothing of it (contract, section 3).

    gunicorn's own page is HTML and quotes the request.
    """
    if status == 501:
        status, reason = 400, "Bad Request"
    body = json.dumps(
        {
            "type": "about:blank",
            "title": reason,
            "status": status,
            "detail": "This is not a request that the server can read."
            if status < 500
            else "The server could not answer.",
        }
    )
    util.write_nonblock(
        sock,
        f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode("latin1"),
    )


util.write_error = _write_error
