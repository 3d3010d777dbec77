"""Django settings. Everything that an operator can configure is read from the environment here."""

import os
import zoneinfo
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from openchair import env
from openchair.api import schema_settings

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "data"

# What an operator sets -----------------------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS")
ONLY_THIS_MACHINE = set(ALLOWED_HOSTS) <= set(env.THIS_MACHINE)
if DEBUG and not ONLY_THIS_MACHINE:
    raise ImproperlyConfigured(
        "DEBUG is on while ALLOWED_HOSTS names other machines: its pages show settings and "
        "patients to whoever meets an error. Switch it off, or answer this machine alone."
    )
SECRET_KEY = env.secret_key("SECRET_KEY", kept_in=DATA_DIR / "secret_key", local=ONLY_THIS_MACHINE)
SECRET_KEY_FALLBACKS = env.old_secret_keys("SECRET_KEY_FALLBACKS")
PATIENT_KEYS = env.patient_keys(
    "PATIENT_KEYS", kept_in=DATA_DIR / "patient_keys", local=ONLY_THIS_MACHINE
)
HTTPS_ONLY = env.flag("HTTPS_ONLY", default=not ONLY_THIS_MACHINE)
# Proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted; none by default.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")

RATE_LIMIT = env.rate("RATE_LIMIT", default="600/min")
WRONG_KEY_LIMIT = env.rate("WRONG_KEY_LIMIT", default="100/min")
LOGIN_LIMIT = env.rate("LOGIN_LIMIT", default="10/min")

# Who is asked for a code of an app after the password; for how many days a browser is not.
SECOND_FACTOR = env.choice(
    "SECOND_FACTOR", default="offered", of=("off", "offered", "operators", "everybody")
)
SECOND_FACTOR_REMEMBER_DAYS = env.number("SECOND_FACTOR_REMEMBER_DAYS", default=0, least=0, most=30)
# Not the operator's to set. Three codes of a million are right at any time: whoever has a password
# and tries codes for a year gets in with 2 %. Recovery codes have 80 bits.
CODE_LIMIT = (20, 86_400)
RECOVERY_CODE_LIMIT = (20, 3600)
INVITATION_LIMIT = (30, 60)  # of one address

# Seconds after which a person in the admin is logged out: without a request, and in any case.
SESSION_IDLE = env.number("SESSION_IDLE", default=900, most=86_400)
SESSION_MAX = env.number("SESSION_MAX", default=43_200, most=604_800)

HOLD_SECONDS = env.number("HOLD_SECONDS", default=900, most=86_400)
HOLD_MAX_SECONDS = env.number("HOLD_MAX_SECONDS", default=max(3600, HOLD_SECONDS), most=86_400)
HOLDS_PER_PARTNER = env.number("HOLDS_PER_PARTNER", default=200, most=100_000)
# Seconds that the booking page holds a place for a patient, anew with each step.
PATIENT_HOLD_SECONDS = env.number("PATIENT_HOLD_SECONDS", default=300, most=HOLD_MAX_SECONDS)
if HOLD_MAX_SECONDS < HOLD_SECONDS:
    raise ImproperlyConfigured(
        f"HOLD_MAX_SECONDS is {HOLD_MAX_SECONDS}, less than HOLD_SECONDS ({HOLD_SECONDS}): "
        "write a number at least as large."
    )

# Limits of the booking page, against robots; so many in so many seconds. Not the operator's to set.
PATIENT_HOLDS_PER_ADDRESS = (30, 3600)
PATIENT_HOLDS_PER_PRACTICE = (600, 3600)
PATIENT_HOLDS_PER_CONTACT = (10, 3600)
PATIENT_VISITS_PER_ADDRESS = (20, 86_400)
PATIENT_VISITS_PER_PRACTICE = (200, 3600)
PATIENT_VISITS_PER_CONTACT = (6, 86_400)
PATIENT_MOVES_PER_CONTACT = (12, 86_400)
PATIENT_WAITS_PER_ADDRESS = (20, 86_400)
PATIENT_WAITS_PER_PRACTICE = (200, 3600)
PATIENT_WAITS_PER_CONTACT = (6, 86_400)
# Codes that are mailed; and those that are typed, of which one in a million is right.
PATIENT_CODES_PER_ADDRESS = (20, 86_400)
PATIENT_CODES_PER_PRACTICE = (200, 3600)
PATIENT_CODES_PER_CONTACT = (6, 86_400)
PATIENT_TRIES_PER_ADDRESS = (60, 86_400)
PATIENT_TRIES_PER_PRACTICE = (300, 3600)
PATIENT_TRIES_PER_CONTACT = (20, 86_400)
PATIENT_TRIES_PER_HOLD = (5, 7200)
# Visits that one address holds at once in a practice; and of its free places one in so many, but at
# least so many, that all unconfirmed patients hold at once.
PATIENT_LIVE_HOLDS = 2
PATIENT_HOLDS_SHARE = 4
PATIENT_HOLDS_LEAST = 3

# Requests of one address to the public list: each minute all files of some 400 practices.
PUBLIC_LISTS_PER_ADDRESS = (3000, 60)

# Seconds that a request waits at most, each for a worker, the database's answer, and a lock there.
PATIENCE = env.number("PATIENCE", default=2, most=60)
LOG_FORMAT = env.log_format("LOG_FORMAT")
# Addresses, and a secret, that may fetch /metrics; none by default.
METRICS_FROM = env.networks("METRICS_FROM")
METRICS_TOKEN = env.token("METRICS_TOKEN")

# For gunicorn.py; gunicorn refuses an invalid BIND itself.
PORT = env.number("PORT", default=8000, most=65_535)
BIND = os.environ.get("BIND", "").strip() or f"127.0.0.1:{PORT}"
WEB_CONCURRENCY = env.number("WEB_CONCURRENCY", default=2, most=256)

# Mail ------------------------------------------------------------------------------------------

# Where patients reach the pages to which mail leads.
PUBLIC_URL = env.public_url("PUBLIC_URL", hosts=ALLOWED_HOSTS, port=PORT, https=HTTPS_ONLY)
EMAIL_URL = env.mail_server("EMAIL_URL")
# The sender of every mail. A real mailbox: calendars answer invitations to it.
EMAIL_FROM = env.mailbox("EMAIL_FROM", default="" if EMAIL_URL else "openchair@localhost")
DEFAULT_FROM_EMAIL = EMAIL_FROM  # of manage.py sendtestemail
if EMAIL_URL and not EMAIL_FROM:
    raise ImproperlyConfigured(
        "EMAIL_FROM is needed with EMAIL_URL: write the address that sends the mail to patients."
    )
globals().update(EMAIL_URL)  # EMAIL_HOST, EMAIL_PORT, ...
_BY_FILES, _BY_SMTP = "openchair.mail_files", "django.core.mail.backends.smtp"
EMAIL_BACKEND = f"{_BY_SMTP if EMAIL_URL else _BY_FILES}.EmailBackend"
# Of a service of systemd its StateDirectory, since it may write nowhere else.
EMAIL_FILE_PATH = Path(os.environ.get("STATE_DIRECTORY") or DATA_DIR) / "mail"
# Seconds, for each answer of the mail server: some look through a message before they take it, and
# whoever does not wait for that sends it again and again. Ten of them are less than a task's lease.
EMAIL_TIMEOUT = 25

# Webhooks --------------------------------------------------------------------------------------

# Hosts that webhooks may call though they are private; and a proxy (CONNECT) for all calls.
WEBHOOK_PRIVATE_HOSTS = env.private_hosts("WEBHOOK_PRIVATE_HOSTS")
WEBHOOK_PROXY = env.proxy("WEBHOOK_PROXY")

# Django --------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "bookings",
    "practices",
    "openchair.api",
    "openchair.staff.apps.StaffConfig",
    "openchair.apps.OpenChairConfig",
    "openchair.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "openchair.apps.StaticFilesConfig",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    # Around everything, so that early answers are logged and counted too.
    "openchair.serving.middleware.RequestLogMiddleware",
    # Before whatever asks for the client's address or scheme, or when the request came.
    "openchair.serving.middleware.TrustedProxyMiddleware",
    # Before any work is done for a client that has given up.
    "openchair.serving.middleware.QueueTimeMiddleware",
    "openchair.serving.middleware.DatabaseErrorMiddleware",
    "openchair.serving.middleware.ContentSecurityPolicyMiddleware",
    # Before Django's own, which would answer the API in HTML or redirect it.
    "openchair.api.middleware.ApiGuardMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "openchair.serving.middleware.PageMiddleware",
    # Last, for it asks who the user is.
    "bookings.patients.access.AccessMiddleware",
]
# Run by PageMiddleware, for everything but the API and PROBES.
PAGE_MIDDLEWARE = [
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Why this tells nobody what is in a page: docs/threat-model.md.
    "django.middleware.gzip.GZipMiddleware",
    "openchair.serving.middleware.FormsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "openchair.staff.sessions.SessionLimitsMiddleware",
    "openchair.staff.sessions.SecondFactorMiddleware",
]

# Answered to monitors: with any Host, over plain HTTP, without a session, however busy the server.
PROBES = frozenset({"/livez", "/readyz", "/metrics"})

ROOT_URLCONF = "openchair.urls"
WSGI_APPLICATION = "openchair.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Databases -----------------------------------------------------------------------------------

# Set by gunicorn.py and wsgi.py: PATIENCE limits requests, but not commands (manage.py).
SERVING = env.flag("SERVING", default=False)
PGBOUNCER = env.flag("PGBOUNCER", default=False)
_database = env.database("DATABASE_URL", embedded=DATA_DIR / "openchair.sqlite3")
if _database["ENGINE"] == "django.db.backends.sqlite3":
    _database["ENGINE"] = "openchair.database.sqlite"
    _database["OPTIONS"] = {
        # A transaction that reads and then writes must take the write lock first, or SQLite
        # refuses it at once, whatever the timeout.
        "transaction_mode": "IMMEDIATE",
        "timeout": PATIENCE if SERVING else 20,
        # FULL: an answered booking survives a power cut; NORMAL would lose the last ones in WAL.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }
else:
    _database["ENGINE"] = "openchair.database.postgresql"
    # Behind a pooler each transaction may be in another server process: no state outlives one.
    _database["DISABLE_SERVER_SIDE_CURSORS"] = PGBOUNCER
    # Several, where DATABASE_URL ends in ?host=primary,standby&target_session_attrs=read-write.
    _servers = str(_database.get("OPTIONS", {}).get("host", "")).count(",") + 1  # type: ignore[attr-defined]  # a dict
    _database["OPTIONS"] = {
        # Frequent queries are planned once, which halves the database's processor time.
        "server_side_binding": True,
        "prepare_threshold": None if PGBOUNCER else 5,
        **_database.get("OPTIONS", {}),  # type: ignore[dict-item]  # dj-database-url's are a dict
        "connect_timeout": 2,
        # Milliseconds. A machine that is down or cut off sends nothing, not even a refusal. Finding
        # an old connection dead and then trying each of the servers add up to 3 s.
        "tcp_user_timeout": 2600 // (1 + _servers),
        "keepalives_idle": 1,
        "keepalives_interval": 1,
    }
    if not PGBOUNCER:
        # PgBouncer takes no options: there the role has these (docs/scaling.md). Commands have the
        # time-outs of their role (deploy/postgresql/roles.sql): a migration may take its time.
        _database["OPTIONS"]["options"] = (  # type: ignore[index]  # made above
            # Release the locks of an application host that vanished.
            "-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_user_timeout=3000 "
            # The default, 4, is for spinning disks: with it, rows are sorted instead of read in the
            # order of an index.
            "-c random_page_cost=1.1 "
            # By default PostgreSQL plans at each execution where it estimates a plan for the given
            # values as slightly better; for these queries that takes ten times as long.
            "-c plan_cache_mode=force_generic_plan"
        )
    if SERVING:
        # PostgreSQL's own time-outs come first: what it cancelled is known to be rolled back.
        _database["OPTIONS"]["patience"] = PATIENCE + 0.5  # type: ignore[index]  # made above
        if not PGBOUNCER:
            _database["OPTIONS"]["options"] += (  # type: ignore[index]  # made above
                f" -c lock_timeout={PATIENCE}s -c statement_timeout={PATIENCE}s"
                " -c idle_in_transaction_session_timeout=20s"
            )
# Connecting takes longer, on either database, than a request on an open connection.
_database["CONN_MAX_AGE"] = 600
_database["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": _database}

# Time and language ---------------------------------------------------------------------------

# Time zones come from the locked package tzdata alone, never from the machine's own files, so that
# every machine agrees; docs/operations.md has the steps to upgrade it.
zoneinfo.reset_tzpath(())
USE_TZ = True
TIME_ZONE = "UTC"
# English, but for the patients' pages under /es/; their texts are in locale/.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["openchair.formats"]

# Pages and static files ----------------------------------------------------------------------

STATIC_URL = "/static/"
# Filled by manage.py collectstatic. Names have a hash of the contents, so browsers keep the files.
STATIC_ROOT = BASE_DIR / "staticfiles"
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATICFILES_DIRS = [("pictures", BASE_DIR / "docs" / "pictures")]  # of the guides
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Safety --------------------------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# Messages name patients, so they are stored in the browser, not in the session table.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
CSRF_FAILURE_VIEW = "openchair.pages.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_SSL_REDIRECT = HTTPS_ONLY
# A partner's key must not travel in clear twice: the API refuses plain HTTP, it does not redirect.
# A monitor calls a machine by its address.
SECURE_REDIRECT_EXEMPT = [r"^(online)?scheduling(/|$)", r"^(livez|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
# HSTS for subdomains and preload lists would affect the operator's other sites: left to the proxy.
SILENCED_SYSTEM_CHECKS = [
    "security.W005",
    "security.W021",
    # The admin wants these in MIDDLEWARE: sessions, logins and messages are in PAGE_MIDDLEWARE.
    "admin.E408",
    "admin.E409",
    "admin.E410",
]
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

SECURE_CSP = {
    "default-src": "'self'",
    "script-src": "'self'",
    # Swagger UI, and the board, whose openings are as tall as they last, set styles on elements.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}

# No page uses any of these.
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
SESSION_COOKIE_AGE = SESSION_MAX
SESSION_EXPIRE_AT_BROWSER_CLOSE = True

# API -----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["practices.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["openchair.rate_limits.PartnerRateThrottle"],
    "DEFAULT_PARSER_CLASSES": ["openchair.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "openchair.api.renderers.JsonNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "openchair.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "openchair.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "UNICODE_JSON": True,
}
SPECTACULAR_SETTINGS = schema_settings.SETTINGS

# Logs ----------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "openchair.serving.logs.formatter", "kind": LOG_FORMAT}},
    "handlers": {"console": {"class": "openchair.serving.logs.StandardError", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "filters": {"bugs": {"()": "openchair.serving.logs.BugsOnly"}},
    # Client errors, which are warnings, are not logged; bugs in pages are.
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.request": {"level": "ERROR", "filters": ["bugs"]},
        "django.security": {"level": "CRITICAL"},
        "gunicorn.error": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "openchair.request": {"level": "INFO"},
        # Its warnings repeat URLs of partners, and what their servers answer.
        "urllib3": {"level": "ERROR"},
    },
}
