"""gunicorn's settings: `gunicorn -c openchair/gunicorn.py openchair.wsgi:application`."""

import gc
import os
import shutil
import sys
import tempfile
from logging.config import dictConfig
from pathlib import Path
from typing import Any

# Before the settings are read: requests get the database's time-outs, which commands do without.
os.environ["SERVING"] = "on"

from openchair import settings

bind = settings.BIND
# Who may open a unix socket: gunicorn's user and group, not everybody, which is its default.
umask = 0o007
# TRUSTED_PROXIES alone says whom to believe about the client. Left to itself, gunicorn believes
# this machine's addresses and everybody who comes over a unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# A proxy that buffers keeps slow clients away, and a worker needs no threads. Without one (a trial
# on this machine, say) threads leave a few slow clients room beside the others.
BEHIND_A_PROXY = bool(settings.TRUSTED_PROXIES) or settings.BIND.startswith("unix:")
worker_class = "sync" if BEHIND_A_PROXY else "gthread"
threads = 1 if BEHIND_A_PROXY else 4
workers = settings.WEB_CONCURRENCY
# One request a connection, whichever the worker: with idle connections all clients can end up at
# one worker while another has nothing to do.
keepalive = 0
# Seconds without a sign of life, after which a worker is replaced. A sync worker gives none during
# a request, which may wait for PATIENCE more than once.
timeout = max(30, 4 * settings.PATIENCE)
graceful_timeout = 30
# Connections that wait in the kernel, for a restart to be over for example.
backlog = 2048
# As much as nginx lets through, so that it is nginx who refuses more.
limit_request_line = 8190
# The control socket would be shared by every installation of a user, and can stop them.
control_socket_disable = True
# Requests are logged by openchair/serving/logs.py; gunicorn's access log has paths and queries.
accesslog = None
# Until on_starting, below, has set the log up. (Not logconfig_dict: with one, gunicorn puts an
# access log's line together for each request, even if nothing writes it.)
loglevel = "warning"


def on_starting(server: Any) -> None:
    """Set up the log and the directory of metrics; refuse to start without the SQLite file."""
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
    """Set up the log again, which gunicorn has just taken back."""
    dictConfig(settings.LOGGING)


def on_exit(server: Any) -> None:
    """Remove the metrics."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


_numbers_in_use: set[int] = set()


def pre_fork(server: Any, worker: Any) -> None:
    """Give a worker the lowest number that no other one has, to name its file of metrics by.

    It goes on with the counts in there. By process ids there would be files without end.
    """
    worker.number = next(n for n in range(len(_numbers_in_use) + 1) if n not in _numbers_in_use)
    _numbers_in_use.add(worker.number)


def post_fork(server: Any, worker: Any) -> None:
    """Tell openchair/serving/metrics.py the worker's number."""
    os.environ["METRICS_WORKER"] = str(worker.number)


def child_exit(server: Any, worker: Any) -> None:
    """Leave the worker's number, and its counts, to the next one."""
    _numbers_in_use.discard(worker.number)


def post_worker_init(worker: Any) -> None:
    """Keep the garbage collector from walking through the program itself.

    That takes 0.1 s, in one of five lists of 10 000 rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
