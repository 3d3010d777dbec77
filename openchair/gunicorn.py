"""gunicorn configuration: `gunicorn -c openchair/gunicorn.py openchair.wsgi:application`."""

import gc
import os
import shutil
import sys
import tempfile
from logging.config import dictConfig
from pathlib import Path
from typing import Any

# Before the settings are read: with it, requests have database time-outs that commands have not.
os.environ["SERVING"] = "on"

from openchair import settings

bind = settings.BIND
# A unix socket is for gunicorn's user and group; by default it is open to every user.
umask = 0o007
# TRUSTED_PROXIES alone decides whose forwarding headers are trusted. By default gunicorn trusts
# this machine's addresses and every client on a unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# A proxy that buffers keeps slow clients away, and a worker needs no threads. Without one (a trial
# on this machine, say) threads let a few slow clients wait without blocking others.
BEHIND_A_PROXY = bool(settings.TRUSTED_PROXIES) or settings.BIND.startswith("unix:")
worker_class = "sync" if BEHIND_A_PROXY else "gthread"
threads = 1 if BEHIND_A_PROXY else 4
workers = settings.WEB_CONCURRENCY
# One request per connection, for both worker classes: with idle connections all clients can end up
# at one worker while another has nothing to do.
keepalive = 0
# Seconds without a heartbeat, after which a worker is replaced. A sync worker sends none during
# a request, which may wait for PATIENCE more than once.
timeout = max(30, 4 * settings.PATIENCE)
graceful_timeout = 30
# Connections that wait in the kernel, during a restart for example.
backlog = 2048
# As much as nginx allows, so that nginx refuses longer ones.
limit_request_line = 8190
# The control socket would be shared by every installation of a user, and can stop them.
control_socket_disable = True
# Requests are logged by openchair/serving/logs.py; gunicorn's access log has paths and queries.
accesslog = None
# Until on_starting, below, has set up logging. (Not logconfig_dict: with it, gunicorn formats an
# access log line for each request, even if nothing writes it.)
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Set up logging and the directory of metrics; refuse to start without the SQLite file."""
    dictConfig(settings.LOGGING)
    database = settings.DATABASES["default"]
    file = Path(str(database["NAME"]))
    if database["ENGINE"] == "openchair.database.sqlite" and not file.exists():
        sys.exit(
            f"There is no database at {file}. If there was one, restore it; "
            "manage.py migrate makes an empty one."
        )
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="openchair-metrics-")


def on_reload(server: Any) -> None:
    """Set up logging again, which gunicorn has just reset."""
    dictConfig(settings.LOGGING)


def on_exit(server: Any) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


_numbers_in_use: set[int] = set()


def pre_fork(server: Any, worker: Any) -> None:
    """Assign a worker the lowest free number, which names its file of metrics.

    The worker continues the counts in that file. Named by process id, files would accumulate.
    """
    worker.number = next(n for n in range(len(_numbers_in_use) + 1) if n not in _numbers_in_use)
    _numbers_in_use.add(worker.number)


def post_fork(server: Any, worker: Any) -> None:
    """Pass the worker's number to openchair/serving/metrics.py."""
    os.environ["METRICS_WORKER"] = str(worker.number)


def child_exit(server: Any, worker: Any) -> None:
    """Free the worker's number, and its counts, for the next worker."""
    _numbers_in_use.discard(worker.number)


def post_worker_init(worker: Any) -> None:
    """Exclude the objects loaded so far from garbage collection.

    Traversing them takes 0.1 s, in one of five lists of 10 000 rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
