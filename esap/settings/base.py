"""Settings that every environment shares; what differs comes from the environment."""

import dj_database_url
from corsheaders.defaults import default_headers

from esap.settings.env import BASE_DIR, read_environment
from esap.settings.logs import logging_config
from esap.settings.mail import mail_server
from esap.settings.results import results_storage

ENV = read_environment()

SECRET_KEY = ENV.secret_key
VAULT_KEYS = ENV.vault_keys or [SECRET_KEY]
DEBUG = False
ALLOWED_HOSTS = ENV.allowed_hosts
VERSION = "0.1.0"

ROOMS = ["query", "rucio_app", "ida", "batch", "dirac_app"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "esap.api",
    "esap.jobs",
    "esap.results",
    "esap.webhooks",
    "esap.mail",
    "esap.health",
    "accounts",
    *ROOMS,
]

MIDDLEWARE = [
    "esap.api.middleware.RequestLog",
    "esap.health.middleware.RequestFigures",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "esap.api.middleware.ContentPolicy",
    "esap.api.middleware.PrivateAnswers",
    "corsheaders.middleware.CorsMiddleware",
    "esap.api.middleware.PlainAddresses",
    "esap.api.middleware.WholeBody",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    *(["esap.events.tickets.Tickets"] if ENV.process == "events" else []),
]

ROOT_URLCONF = "esap.events.urls" if ENV.process == "events" else "esap.urls"
APPEND_SLASH = False  # Both forms answer directly; a redirect would lose a POST's body.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
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

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "accounts.login.backend.LoginBackend",
    "django.contrib.auth.backends.ModelBackend",
    "accounts.roles.RoleBackend",
]

DATA_DIR = ENV.data_dir.resolve()
DATABASES = {
    "default": dj_database_url.parse(
        ENV.database_url or f"sqlite:///{DATA_DIR / 'esap.sqlite3'}",
        # Under ASGI a kept connection stays with a thread that may never come back.
        conn_max_age=0 if ENV.process == "events" else 600,
        # Or the first request of each thread fails after the database was restarted.
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the write lock at BEGIN, so that a busy database waits instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": ENV.cache_url}
        if ENV.cache_url
        else {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": DATA_DIR / "cache",
            "OPTIONS": {"MAX_ENTRIES": 5000},
        }
    )
}

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "results": results_storage(ENV, DATA_DIR),
}
RESULT_BYTES = ENV.result_bytes
RESULTS_CACHE_DIR = DATA_DIR / "results-cache"
RESULTS_CACHE_BYTES = max(ENV.results_cache_bytes, RESULT_BYTES)
# For what does not fit in memory while it is sorted.
SCRATCH_DIR = DATA_DIR / "scratch"

FORCE_SCRIPT_NAME = ENV.sub_path or None
STATIC_URL = f"{ENV.sub_path}/static/"
STATIC_ROOT = DATA_DIR / "static"
if ENV.behind_proxy:
    USE_X_FORWARDED_HOST = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
BEHIND_PROXY = ENV.behind_proxy

SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "esap.api.views.forbidden"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CORS_ALLOWED_ORIGINS = ENV.cors_origins
CORS_ALLOW_CREDENTIALS = True
CORS_ALLOW_HEADERS = [
    *default_headers,
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "prefer",
]
CORS_EXPOSE_HEADERS = [
    "Location",
    "Link",
    "ETag",
    "X-Request-ID",
    "Preference-Applied",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
]
CSRF_TRUSTED_ORIGINS = ENV.cors_origins
DATA_UPLOAD_MAX_MEMORY_SIZE = ENV.max_body_bytes

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "esap.api.problems.problem_handler",
    "DEFAULT_SCHEMA_CLASS": "esap.api.schema.DocumentedSchema",
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.BearerTokens",
        "accounts.authentication.Sessions",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "esap.api.renderers.JSONRenderer",
        "esap.api.renderers.BrowsableRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "esap.api.parsers.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "URL_FORMAT_OVERRIDE": None,  # ?format= chooses a table format, which is the view's business.
}

SPECTACULAR_SETTINGS = {
    "TITLE": "ESAP API Gateway",
    "DESCRIPTION": (
        "Discover data in many archives at once, stage it, analyse it, and run jobs: one API in "
        "front of archives, data lakes, notebook services, clusters and the grid."
    ),
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/esap-api/",
    "COMPONENT_SPLIT_REQUEST": True,
    # An empty choice is as good as none, and needs no schema of its own.
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "ENUM_NAME_OVERRIDES": {
        "ApiTokenState": ["live", "expired", "revoked"],
        "Ok": ["ok"],
    },
    "LICENSE": {"name": "Apache-2.0"},
}

CELERY_BROKER_URL = ENV.redis_url
CELERY_RESULT_BACKEND = None  # The job is the result.
CELERY_TASK_IGNORE_RESULT = True
# A message is answered for when its work begins, and only as many are fetched as can begin. What
# dies then is found by the sweeper. Late answers would do no more, and kombu 5.7 ends a worker that
# still owes one when the broker goes away.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
# A worker told to stop lets jobs run this many seconds more, then gives them back.
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 3.0
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # as long as the broker is away
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # A message fetched by a worker that died before it began comes again after so long; the sweeper
    # is sooner.
    "visibility_timeout": 3600,
    # A broker that hangs must not hang the requests that submit jobs.
    "socket_connect_timeout": 3,
    "socket_timeout": 15,
}
CELERY_TIMEZONE = "UTC"
# Done by `esap.clock`, without the broker and the workers.
CELERY_BEAT_SCHEDULE = {
    "ping-peers": {"task": "esap.health.ping_peers", "schedule": ENV.ping_seconds},
    "sweep-jobs": {"task": "esap.jobs.sweep", "schedule": ENV.sweep_seconds},
    "ask-peers": {"task": "esap.jobs.ask_peers", "schedule": 1.0},
    "send-webhooks": {"task": "esap.webhooks.send", "schedule": ENV.sweep_seconds},
    **(
        {"send-mail": {"task": "esap.mail.send", "schedule": ENV.sweep_seconds}}
        if ENV.email_url
        else {}
    ),
    "sweep-results": {"task": "esap.results.sweep", "schedule": 86400.0},
    "purge-accounts": {"task": "accounts.purge", "schedule": 3600.0},
}

# Entries: each room ships its own; the operator's come last and win.
ENTRY_FILES = [
    *([BASE_DIR / "query" / "entries.yaml"] if ENV.default_peers else []),
    *([ENV.peers] if ENV.peers else []),
]
# Where the rooms register, by dotted path, because the platform imports no room.
PEER_REGISTRIES = [
    "accounts.backends.base.providers",
    "accounts.backends.base.connections",
    "query.backends.base.archives",
    "query.backends.base.resolvers",
    "rucio_app.backends.base.lakes",
]
ENTRY_SECTIONS = [*PEER_REGISTRIES, "query.backends.base.mappings", "query.menus.menus"]
JOB_DAYS = ENV.job_days
JOB_LEASE_SECONDS = ENV.lease_seconds
JOBS_IN_FLIGHT = ENV.jobs_in_flight
JOBS_LIMITS = ENV.jobs_limits
# What a job has stored outside its row: functions that remove it when the job is destroyed.
JOB_ENDINGS = ["esap.results.sweeping.delete_results_of"]
METRICS_TOKEN = ENV.metrics_token
# What is told of what all processes share, by dotted path; by the gateway, so that it is told once.
METRICS = (
    []
    if ENV.process == "events"
    else [
        "esap.jobs.figures.figures",
        "esap.webhooks.figures.figures",
        "esap.mail.figures.figures",
        "esap.health.figures.of_peers",
        "esap.health.figures.of_processes",
    ]
)
MAIL_SERVER = mail_server(ENV)
MAIL_FROM = ENV.email_from
PUBLIC_URL = ENV.public_url.rstrip("/")
VERIFIED_EMAIL = "accounts.identities.verified_email"
WEBHOOKS_PRIVATE_NETWORK = ENV.webhooks_private_network
JOB_AUDIT = "accounts.audit.job_aborted"
AUDIT_DAYS = ENV.audit_days
LOGIN_REDIRECT = ENV.login_redirect
LOGIN_FAILED_REDIRECT = ENV.login_failed_redirect
LOGOUT_REDIRECT = ENV.logout_redirect
LOCAL_LOGIN = bool(ENV.local_login)
API_TOKEN_DAYS = ENV.api_token_days
# What a user can take a copy of, and what is ended before an account is deleted.
ACCOUNT_DATA = [
    "accounts.data.export.profile",
    "accounts.data.export.grants",
    "accounts.data.export.api_tokens",
    "accounts.data.export.baskets",
    "esap.jobs.export.jobs_held",
    "esap.webhooks.export.webhooks_held",
    "accounts.data.export.audit_log",
]
ACCOUNT_ENDINGS = [
    "esap.jobs.leaving.abort_all_at_peers",
    "accounts.tokens.forget",  # only now: jobs are stopped in the user's name
    "esap.jobs.leaving.delete_all",
]
JOB_KINDS = ["query.jobs.KINDS", "rucio_app.jobs.KINDS"]
UWS_KIND = "query.search"  # of a job that came by UWS and does not say

EVENTS_URL = ENV.events_url.rstrip("/")
OUTBOUND_PROXY = ENV.http_proxy
OUTBOUND_CA_BUNDLE = str(ENV.ca_bundle) if ENV.ca_bundle else ""
SEARCH_TIMEOUT = ENV.search_timeout
SEARCH_TIMEOUT_MAX = ENV.search_timeout_max
SEARCH_JOB_TIMEOUT = ENV.search_job_timeout
SEARCH_ROWS_MAX = ENV.search_rows_max
SEARCHES_IN_FLIGHT = ENV.searches_in_flight

BASKET_ITEMS = ENV.basket_items
BASKET_ITEM_BYTES = ENV.basket_item_bytes
BASKETS = ENV.baskets
BASKET_BYTES = ENV.basket_bytes
VISITOR_BASKET_ITEMS = ENV.visitor_basket_items
VISITOR_BASKETS = ENV.visitor_baskets
VISITOR_BASKET_BYTES = ENV.visitor_basket_bytes
VISITORS_PER_ADDRESS = ENV.visitors_per_address
VISITOR_DAYS = ENV.visitor_days

LOGGING_CONFIG = None
logging_config(ENV.log_level, ENV.log_format)
