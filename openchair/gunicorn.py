"""gunicorn's settings: `gunicorn -c openchair/gunicorn.py openchair.wsgi:application`."""

import gc
import json
import socket
import sys
from pathlib import Path
from typing import Any

from gunicorn import glogging, util

from openchair import settings
from openchair.lingering import Lingering
from openchair.serving import logs, metrics


class logger_class(glogging.Logger):  # noqa: N801  # the setting's name
    """gunicorn's own lines, written as ours are; requests are told in lines of our own."""

    def setup(self, cfg: Any) -> None:
        """Put our handler in the place of gunicorn's."""
        super().setup(cfg)
        handler = logs.StandardError(sys.stderr)
        handler.setFormatter(logs.formatter(settings.LOG_FORMAT))
        self.error_log.handlers = [handler]

    def access(self, *args: Any) -> None:
        """Leave it: gunicorn would write paths and queries out."""


bind = settings.BIND
# Who may open a unix socket: gunicorn's user and group, not everybody, which is its default.
umask = 0o007
# Whom to believe about the client is said by TRUSTED_PROXIES alone. Left to itself, gunicorn
# believes this machine's addresses and everybody who comes over a unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
workers = settings.WEB_CONCURRENCY
# Whole requests to the API need no thread; pages, and clients who send or read slowly, hold up one
# of four.
worker_class = "openchair.worker.Worker"
threads = 4
# Seconds without a sign of life, after which a worker is replaced. While it answers a partner it
# gives none, and each of a request's tries may wait for the database (openchair/second_try.py).
timeout = max(30, 4 * settings.PATIENCE)
graceful_timeout = 30
# A connection for each request: those that stay are with one worker, while another has time.
keepalive = 0
# Its control socket would be shared by every installation of a user, and can stop them.
control_socket_disable = True
# What a worker has taken in and not answered yet; past it, connections wait to be taken in. What
# waits too long in either is refused (openchair/overload.py).
worker_connections = 1000
backlog = 2048
limit_request_line = 4094

# Memory for what workers count, shared with those they are forked from; twice as many parts as
# workers, for while they are replaced there are twice as many.
metrics.share(2 * settings.WEB_CONCURRENCY + 2)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker about to begin a part of that memory."""
    worker.metrics_part = metrics.Server.shared.reserve()


def post_fork(server: Any, worker: Any) -> None:
    """Let the worker count there."""
    metrics.Server.shared.use(worker.metrics_part)


def post_worker_init(worker: Any) -> None:
    """Let the collector of garbage leave alone what the program itself is made of.

    It would walk through all of it, 0.1 s long, in one of five lists of 10 000 rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def child_exit(server: Any, worker: Any) -> None:
    """Leave it to the next worker, whatever this one died of."""
    metrics.Server.shared.release(worker.metrics_part)


def on_starting(server: object) -> None:
    """Refuse to start on an SQLite file that is not there (gunicorn's hook)."""
    database = settings.DATABASES["default"]
    if (
        database["ENGINE"] == "openchair.database.sqlite"
        and not Path(str(database["NAME"])).exists()
    ):
        sys.exit(
            f"There is no database at {database['NAME']}. If there was one, restore it; "
            "manage.py migrate makes an empty one."
        )


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
# Left to itself, gunicorn stops a worker for two seconds for each client who does not close.
util.close_graceful = Lingering().close
