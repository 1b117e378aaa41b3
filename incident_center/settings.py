"""Django's settings, derived from the typed environment; wiring only."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from incident_center.environment import load

ENVIRONMENT = load()
BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = ENVIRONMENT.secret_key
SECRET_KEY_FALLBACKS = ENVIRONMENT.secret_key_fallbacks
DEBUG = ENVIRONMENT.debug
BASE_URL = ENVIRONMENT.base_url
RUNTIME_ROLE = ENVIRONMENT.runtime_role
ALLOW_SIGNUP = ENVIRONMENT.allow_signup

_base = urlsplit(BASE_URL)
# A host name decides nothing about an organization. Health checks ask by loopback, whatever names people use.
ALLOWED_HOSTS = [_base.hostname or "localhost", *ENVIRONMENT.allowed_hosts, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]

# ---- Applications -------------------------------------------------------------------------------------------------
SHARED_APPS = [
    "pgtrigger",  # Before every app whose models declare triggers.
    "incident_center.kernel",
    "organizations",
    "audit",
    "ingestion",
    "incidents",
    "detection",
    "notifications",
    "django_tenants",
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.forms",
    "rest_framework",
    "rest_framework_simplejwt.token_blacklist",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "channels",
    "django_htmx",
    "csp",
]
# Pooled tenancy: every organization lives in the schema `public`, and django-tenants wants the list not empty.
TENANT_APPS = SHARED_APPS
INSTALLED_APPS = SHARED_APPS
TENANT_MODEL = "organizations.Organization"
TENANT_DOMAIN_MODEL = "organizations.Domain"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]

MIDDLEWARE = [
    "incident_center.kernel.middleware.RequestIdMiddleware",
    "incident_center.kernel.middleware.ScopeMiddleware",
    "incident_center.kernel.middleware.ProblemMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "organizations.middleware.MemberMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "incident_center.urls"
WSGI_APPLICATION = "incident_center.wsgi.application"
ASGI_APPLICATION = "incident_center.asgi.application"

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
                "incident_center.kernel.portal.context.shell",
            ],
        },
    }
]
FORM_RENDERER = "incident_center.kernel.portal.forms.PortalFormRenderer"

# ---- Database -----------------------------------------------------------------------------------------------------
_database = urlsplit(ENVIRONMENT.database_url)
_query = dict(pair.split("=", 1) for pair in _database.query.split("&") if "=" in pair)
DATABASES = {
    "default": {
        "ENGINE": "incident_center.kernel.database",
        "NAME": unquote(_database.path.lstrip("/")),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": unquote(_query.get("host", _database.hostname or "")),
        "PORT": _query.get("port", str(_database.port or "")),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": ENVIRONMENT.database_transaction_pooler,
        "OPTIONS": {
            "connect_timeout": 5,
            # A server that is gone without a word, as in a failover, is noticed in half a minute: TCP alone takes a
            # quarter of an hour, in which whatever waits for it would hang. Unix sockets ignore these.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 25_000,
            **({"prepare_threshold": None} if ENVIRONMENT.database_transaction_pooler else {}),
            **({"sslmode": _query["sslmode"]} if "sslmode" in _query else {}),
        },
    }
}
DATABASE_AS = ENVIRONMENT.database_as
DATABASE_TRANSACTION_POOLER = ENVIRONMENT.database_transaction_pooler
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PGTRIGGER_INSTALL_ON_MIGRATE = False

# ---- Redis: a wake-up call, a cache and a fan-out; losing it loses nothing ------------------------------------------
REDIS_URL = ENVIRONMENT.redis_url
CACHES = {
    "default": {
        "BACKEND": "incident_center.kernel.cache.ResilientRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "incident-center",
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "incident-center-live"},
    },
    "in-process": {"BACKEND": "channels.layers.InMemoryChannelLayer"},  # For what Redis has no part in: live logs.
}
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # However long the broker is away, the worker waits for it and sweeps.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "socket_connect_timeout": 1, "socket_timeout": 5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_ALWAYS_EAGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# Hours and days only: what is due in seconds is found by sweeps, which need no broker.
CELERY_IMPORTS = ["incident_center.kernel.housekeeping"]
CELERY_TASK_ROUTES = {
    "kernel.*": {"queue": "maintenance"},
    "ingestion.make_partitions": {"queue": "maintenance"},
    "ingestion.index_logs": {"queue": "maintenance"},
    "ingestion.retire_logs": {"queue": "maintenance"},
    "ingestion.forget_pattern_minutes": {"queue": "maintenance"},
}
CELERY_BEAT_SCHEDULE = {
    "make partitions ahead of time": {"task": "ingestion.make_partitions", "schedule": 3600.0},
    "index the logs of what is over": {"task": "ingestion.index_logs", "schedule": 300.0},
    "drop old counts of patterns": {"task": "ingestion.forget_pattern_minutes", "schedule": 86_400.0},
    "archive and drop logs past their time": {"task": "ingestion.retire_logs", "schedule": 3600.0},
    "forget idempotent requests": {"task": "kernel.forget_idempotent_requests", "schedule": 3600.0},
    "forget sessions and tokens": {"task": "kernel.forget_sessions_and_tokens", "schedule": 86_400.0},
}

# ---- People -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "organizations.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "organizations.portal.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "signup": "20/m/ip",
    "join_code": "60/m/ip",
}
ALLAUTH_TRUSTED_PROXY_COUNT = ENVIRONMENT.trusted_proxies
MFA_ADAPTER = "organizations.portal.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Incident Center"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _base.hostname == "localhost"

SESSION_COOKIE_AGE = 7 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _base.scheme == "https"
CSRF_COOKIE_SECURE = _base.scheme == "https"

# ---- Headers ------------------------------------------------------------------------------------------------------
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if _base.scheme == "https" else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if ENVIRONMENT.trusted_proxies else None
X_FRAME_OPTIONS = "DENY"
_web_socket_origin = f"{'wss' if _base.scheme == 'https' else 'ws'}://{_base.netloc}"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin", "/v1/docs"],  # Their own policies: incident_center.kernel.middleware.
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'", _web_socket_origin],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}

# ---- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["organizations.api.permissions.UndeclaredPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "incident_center.kernel.api.schema.ProblemAutoSchema",
    "EXCEPTION_HANDLER": "incident_center.kernel.api.problems.exception_handler",
    "DEFAULT_PAGINATION_CLASS": "incident_center.kernel.api.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "URL_FORMAT_OVERRIDE": None,
    "COERCE_DECIMAL_TO_STRING": False,
    "DATETIME_FORMAT": "iso-8601",
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=ENVIRONMENT.access_token_minutes),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=7),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
    "CHECK_REVOKE_TOKEN": True,  # A changed password ends every token.
    "USER_ID_CLAIM": "user_id",
    "UPDATE_LAST_LOGIN": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Incident Center",
    "DESCRIPTION": "Logs, detection, response and a provable record in one place.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/v[0-9]",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "incident_center.kernel.api.schema.add_problem_schema",
    ],
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "organizations.access.ROLE_CHOICES",
        "SeverityEnum": "incidents.api.serializers.SEVERITIES",
        "IncidentStatusEnum": "incidents.api.serializers.STATUSES",
        "AlertStatusEnum": "detection.models.AlertStatus",
        "IncidentLinkKindEnum": "incidents.models.IncidentLink.Kind",
        "SlaPolicyKindEnum": "incidents.models.SlaPolicy.Kind",
        "SlaClockKindEnum": "incidents.models.SlaClock.Kind",
        "WeekdayEnum": "incidents.schedules.restrictions.WEEKDAYS",
        "IncidentEventEnum": "notifications.api.serializers.TOPIC_CHOICES",
    },
}

# ---- E-mail -------------------------------------------------------------------------------------------------------
_mail = urlsplit(ENVIRONMENT.email_url)
EMAIL_CONFIGURED = bool(_mail.hostname)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_CONFIGURED else 'dummy'}.EmailBackend"
EMAIL_HOST = _mail.hostname or ""
EMAIL_PORT = _mail.port or (465 if _mail.scheme == "smtps" else 587)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp" and bool(_mail.username)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from
SMS_URL = ENVIRONMENT.sms_url
VOICE_URL = ENVIRONMENT.voice_url

# ---- Language, time, static files ---------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.state_directory / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_MAX_AGE = 3600
WHITENOISE_KEEP_ONLY_HASHED_FILES = False

# ---- Limits and egress ----------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024  # Above the intake's own limit, which answers more clearly.
EGRESS_ALLOW_PRIVATE = ENVIRONMENT.egress_allow_private
METRICS_TOKEN = ENVIRONMENT.metrics_token
LOG_ARCHIVE_DIRECTORY = ENVIRONMENT.log_archive_directory
LOG_ARCHIVE_DAYS = ENVIRONMENT.log_archive_days

# ---- The record: where its seals stand outside the database ---------------------------------------------------------
AUDIT_SEALS_FILE = ENVIRONMENT.audit_seals_file
AUDIT_SEALS_WEBHOOK = ENVIRONMENT.audit_seals_webhook

UNFOLD = {
    "SITE_TITLE": "Incident Center administration",
    "SITE_HEADER": "Incident Center",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "incident_center.kernel.structured_logging.JsonFormatter"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.db.backends": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        # It names topics and phone numbers; what a delivery needs of it is caught where the message is sent.
        "apprise": {"handlers": ["nowhere"], "propagate": False},
    },
}
