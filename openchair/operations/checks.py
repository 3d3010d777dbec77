"""System checks: `manage.py check --deploy --database default` lists what to mend, and how."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, Warning  # noqa: A004  # Django's names
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.models import Q
from django.utils import timezone

from bookings.demo.practices import GROUPS
from bookings.messages import queue
from bookings.models import Queue, Task
from bookings.patients import rotation
from openchair import env
from openchair.database import failures
from openchair.operations import static_files
from openchair.serving import logs
from practices.models import ApiKey, Location, Practice
from practices.scoping import ScopedAdmin

SOON = timedelta(days=14)


@checks.register
def registered_models_are_scoped(**kwargs: Any) -> Iterator[CheckMessage]:
    """Report an admin in which every person would see every practice's rows."""
    for model, model_admin in admin.site._registry.items():
        if not isinstance(model_admin, ScopedAdmin):
            yield Error(
                f"{model._meta.label} is in the admin and not scoped.",
                "Make its admin a practices.scoping.ScopedAdmin, and say its practice_path.",
                id="openchair.E001",
            )
        elif not _leads_to_practice(model, model_admin.practice_path):
            yield Error(
                f"The practice_path {model_admin.practice_path!r} of {model._meta.label} "
                "does not lead to its practice.",
                'Write "practice" or "booking__practice"; None is for operators only.',
                id="openchair.E002",
            )


def _leads_to_practice(model: Any, path: str | None) -> bool:
    if path is None or (path == "pk" and model is Practice):
        return True
    for name in path.split("__"):
        fields = {field.name: field for field in model._meta.get_fields()}
        if name not in fields or not fields[name].is_relation:
            return False
        model = fields[name].related_model
    return bool(model is Practice)


@checks.register(Tags.database)
def patient_keys_are_there(databases: Any = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Report PATIENT_KEYS that cannot decrypt what is in the database."""
    try:
        if databases:
            rotation.refuse_if_keys_are_missing()
    except ImproperlyConfigured as error:
        yield Error(str(error), id="openchair.E003")
    except DatabaseError:
        pass  # before the first migration, for instance


@checks.register(Tags.security, deploy=True)
def https_is_everywhere(**kwargs: Any) -> Iterator[CheckMessage]:
    """Warn of a wildcard in ALLOWED_HOSTS, and of plain HTTP."""
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS is *: links in answers can be made to lead anywhere.",
            "Write the names under which partners and staff reach it.",
            id="openchair.W101",
        )
    if not settings.HTTPS_ONLY:
        yield Warning(
            "HTTPS_ONLY is off: keys, passwords and patients' data can travel in clear.",
            "Put a proxy that speaks HTTPS in front, and leave HTTPS_ONLY out.",
            id="openchair.W102",
        )


@checks.register(Tags.security, deploy=True)
def proxies_are_named(**kwargs: Any) -> Iterator[CheckMessage]:
    """Warn of TRUSTED_PROXIES that do not fit HTTPS_ONLY and BIND, or are too wide."""
    trusted = settings.TRUSTED_PROXIES
    over_socket = settings.BIND.startswith("unix:")
    if settings.HTTPS_ONLY and not trusted:
        yield Warning(
            "HTTPS_ONLY is on and TRUSTED_PROXIES names nobody: every request counts as plain "
            "HTTP, and is refused.",
            "Name your proxy in TRUSTED_PROXIES: 127.0.0.1 if it is on this machine, unix if it "
            "comes over a unix socket.",
            id="openchair.W103",
        )
    elif settings.HTTPS_ONLY and over_socket and env.UNIX_SOCKET not in trusted:
        yield Warning(
            "BIND is a unix socket, and TRUSTED_PROXIES does not name unix: what comes over the "
            "socket counts as plain HTTP.",
            "Add unix to TRUSTED_PROXIES.",
            id="openchair.W104",
        )
    elif not trusted and _is_behind_a_proxy():
        yield Warning(
            f"BIND is {settings.BIND}, which only a proxy on this machine reaches, and "
            "TRUSTED_PROXIES names nobody: everybody has the proxy's address, and all patients and "
            "people of the staff together the limits of one.",
            "Name your proxy in TRUSTED_PROXIES.",
            id="openchair.W106",
        )
    narrowest = {4: 8, 6: 32}
    for each in trusted:
        if not isinstance(each, str) and each.prefixlen < narrowest[each.version]:
            yield Warning(
                f"TRUSTED_PROXIES has {each}: whoever calls from there can claim to be anybody.",
                "Name the addresses of your proxies, or the network that only they are in.",
                id="openchair.W105",
            )


def _is_behind_a_proxy() -> bool:
    """Whether others than this machine are answered, and none of them can connect."""
    is_local = settings.BIND.startswith(("unix:", "127.", "localhost:", "[::1]:"))
    return is_local and not set(settings.ALLOWED_HOSTS) <= set(env.THIS_MACHINE)


@checks.register(Tags.security, deploy=True)
def mail_is_sent(**kwargs: Any) -> Iterator[CheckMessage]:
    """Say that mail is written to files, and warn of a PUBLIC_URL in clear: staff copy links, too.

    Files are no warning, which would keep the service from starting: all but mail works.
    """
    if not settings.EMAIL_URL:
        yield Info(
            "EMAIL_URL is not set: mail to patients is written to files.",
            "Write your mail server's URL, and the sender in EMAIL_FROM (docs/operations.md).",
            id="openchair.I107",
        )
    if not settings.PUBLIC_URL.startswith("https://"):
        yield Warning(
            f"PUBLIC_URL is {settings.PUBLIC_URL}: links to visits lead there, in clear.",
            "Write https:// and the name under which patients reach the booking page.",
            id="openchair.W108",
        )


@checks.register(Tags.staticfiles, deploy=True)
def static_files_are_collected(**kwargs: Any) -> Iterator[CheckMessage]:
    """Report static files that were not collected, or are not as they are in the code."""
    hint = "Run manage.py collectstatic --noinput, then restart the server."
    if name := next(static_files.missing(), None):
        yield Error(
            f"The static file {name} was not collected: the server does not start without it.",
            hint,
            id="openchair.E109",
        )
    elif name := next(static_files.outdated(), None):
        yield Warning(
            f"The static file {name} is older than the code: pages may look wrong.",
            hint,
            id="openchair.W110",
        )


@checks.register(Tags.database, deploy=True)
def database_is_sound(databases: Any = None, **kwargs: Any) -> Iterator[CheckMessage]:
    """Check the server's settings, the rights of our role, and the data."""
    if not databases:
        return
    try:
        if connection.vendor == "postgresql":
            yield from _postgresql()
            yield from _role()
        else:
            yield from _sqlite(Path(str(connection.settings_dict["NAME"])))
        yield from _zones()
        yield from _demo()
        yield from _keys()
        yield from _tasks()
    except failures.ERRORS as error:
        yield Error(
            f"{failures.of(error).text} ({logs.describe(error.__cause__ or error)}).",
            "See that it runs, that DATABASE_URL names it, and that manage.py migrate was run.",
            id="openchair.E120",
        )


def _ask(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def _postgresql() -> Iterator[CheckMessage]:
    unsafe = [
        name
        for name in ("fsync", "full_page_writes", "synchronous_commit")
        if _ask(f"SHOW {name}") == "off"
    ]
    if unsafe:
        yield Warning(
            f"In PostgreSQL this is off: {', '.join(unsafe)}. A power cut loses bookings that "
            "were answered.",
            "Take it out of postgresql.conf, and out of the role's and the database's settings.",
            id="openchair.W125",
        )
    room = int(_ask("SHOW max_connections")) - int(_ask("SHOW superuser_reserved_connections"))
    # Behind a proxy a worker has one thread, and so one connection.
    if room < settings.WEB_CONCURRENCY and not settings.PGBOUNCER:
        yield Warning(
            f"{settings.WEB_CONCURRENCY} workers keep a connection each, and PostgreSQL takes "
            f"{room}.",
            "Raise max_connections, lower WEB_CONCURRENCY, or put PgBouncer between "
            "(docs/scaling.md).",
            id="openchair.W126",
        )


def _role() -> Iterator[CheckMessage]:
    hint = "Let the application connect as a role of its own (deploy/postgresql/roles.sql)."
    role = _ask("SELECT current_user")
    if _ask(
        "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication "
        "FROM pg_roles WHERE rolname = current_user"
    ):
        yield Warning(
            f"The role {role} of DATABASE_URL may rule the whole server: whoever gets into the "
            "application has it all.",
            hint,
            id="openchair.W127",
        )
    elif _ask(
        "SELECT has_table_privilege('bookings_event', 'UPDATE') "
        "OR has_table_privilege('bookings_event', 'DELETE')"
    ):
        yield Warning(
            f"The role {role} of DATABASE_URL may change and delete the record of what happened.",
            hint,
            id="openchair.W128",
        )


def _sqlite(file: Path) -> Iterator[CheckMessage]:
    if file.exists() and file.stat().st_mode & 0o077:
        yield Warning(
            f"Others on this machine can read or write the SQLite file {file}; patients are in it.",
            f"chmod 600 {file}",
            id="openchair.W132",
        )


def _zones() -> Iterator[CheckMessage]:
    known = available_timezones()
    for location in Location.objects.order_by("pk"):
        if location.timezone not in known:
            yield Error(
                f"The time zones installed here lack {location.timezone}, in which the location "
                f"{location.pk} is.",
                "Upgrade the package tzdata, or choose another zone in the admin.",
                id="openchair.E140",
            )


def _demo() -> Iterator[CheckMessage]:
    people = get_user_model().objects.filter(username__startswith="demo-", is_active=True)
    if people.exists():
        yield Error(
            f"The people of the demo can log in: {', '.join(p.get_username() for p in people)}.",
            "Switch them off in the admin, under Users.",
            id="openchair.E141",
        )
    ids = [group.id for group in GROUPS.values()]
    shown = Practice.objects.filter(pk__in=ids, active=True).values_list("name", flat=True)
    if shown:
        yield Warning(
            f"The demo's practices are shown to partners: {', '.join(shown)}.",
            "Switch them off in the admin, or begin with an empty database.",
            id="openchair.W142",
        )


def _keys() -> Iterator[CheckMessage]:
    now = timezone.now()
    works = Q(revoked_at__isnull=True) | Q(revoked_at__gt=now)
    keys = ApiKey.objects.filter(works, partner__active=True).select_related("partner")
    lasting = keys.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now + SOON))
    ending = keys.filter(expires_at__gt=now, expires_at__lte=now + SOON)
    for key in ending.exclude(partner__in=lasting.values("partner")).order_by("expires_at"):
        yield Warning(
            f"The key {key.prefix}… of {key.partner} expires on {key.expires_at:%Y-%m-%d}, and "
            "the partner has no other that lasts longer.",
            "Issue another one in the admin, and give it to them.",
            id="openchair.W144",
        )


def _tasks() -> Iterator[CheckMessage]:
    for name in Queue:
        since = queue.waiting_since(name)
        if since is not None and timezone.now() - since > queue.LATE:
            yield Warning(
                f"{name.label}: the first task has been waiting since {since:%Y-%m-%d %H:%M} UTC.",
                "See that a worker runs: systemctl status openchair-worker, or manage.py worker.",
                id="openchair.W145",
            )
    mail = (Queue.MAIL, Queue.REMINDER)
    tried = Task.objects.filter(queue_name__in=mail, finished_at=None, attempts__gte=3)
    if errors := sorted(set(tried.values_list("error", flat=True))):
        yield Warning(
            f"Mail failed three times and is tried again: {', '.join(errors)}.",
            "See the worker's log and the mail server's; Tasks in the admin lists it.",
            id="openchair.W146",
        )
