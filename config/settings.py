"""The settings: the only reader of the environment. `.env` is read if there is one; the real environment wins.

Every variable stands in `.env.example` with its default and a line.
"""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment
from core.db.configuration import configuration as database_configuration
from core.observability.logging import logging_config
from core.rest import headers
from core.rest.origins import allowed_origin
from tandem import __version__

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = __version__

env = environment.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

# What this process is

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("TANDEM_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
SECRET_KEY = env.str("SECRET_KEY", default="development-only-not-a-secret-0123456789-abcdefghij" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY to a long random text (or DEBUG=true for development).")
#: What SECRET_KEY was, or will be: what they signed is still good.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
if any(len(key.encode()) < 32 for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)):
    raise ImproperlyConfigured("SECRET_KEY must be at least 32 bytes long; it signs tokens. So must its fallbacks.")

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "core",
    "changes",
    "users",
    "access",
    "tasks",
    "meetings",
]

# Doors

ROOT_URLCONF = "config.urls"
ROOT_RPCCONF = "config.rpc"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HTTP_HOST = env.str("HTTP_HOST", default="127.0.0.1")
HTTP_PORT = env.int("HTTP_PORT", default=8000)
#: Threads that serve calls, and how long running ones may take at the end.
HTTP_THREADS = env.int("HTTP_THREADS", default=8, at_least=1)
HTTP_GRACE_SECONDS = env.int("HTTP_GRACE_SECONDS", default=30)
#: How long a connection stays open between two requests. Behind a balancer: longer than the balancer keeps it.
HTTP_KEEPALIVE_SECONDS = env.int("HTTP_KEEPALIVE_SECONDS", default=5)
#: Connections at a time; fewer where the process may open fewer files.
HTTP_MAX_CONNECTIONS = env.int("HTTP_MAX_CONNECTIONS", default=10_000)
#: The longest a unary call may take over either transport, whatever deadline its client set.
MAX_CALL_SECONDS = env.float("MAX_CALL_SECONDS", default=60)
#: How long a client may take over a request's head, and over the next piece of an ordinary call's body.
BODY_WAIT_SECONDS = env.float("BODY_WAIT_SECONDS", default=10)
#: The largest message, in bytes: a unary call's request, a line of NDJSON, an item of an array; and the largest array,
#: and answer over gRPC.
MAX_MESSAGE_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_REQUEST_BYTES = 50 * 1024 * 1024
#: Streams of events (watches) that a process keeps open, over either door: in all, and of one caller.
MAX_STREAMS = env.int("MAX_STREAMS", default=5_000)
MAX_STREAMS_PER_CALLER = env.int("MAX_STREAMS_PER_CALLER", default=1_500)
#: How long a client of a stream may leave what is sent unread before it is cut off.
STREAM_STALL_SECONDS = env.float("STREAM_STALL_SECONDS", default=60)
#: Streams of requests (bulk writes, command streams, recordings): a process takes eight for each of these threads, and
#: so many of one caller. How long a client may say nothing.
UPLOAD_THREADS = env.int("UPLOAD_THREADS", default=8, at_least=1)
MAX_REQUEST_STREAMS = 8 * UPLOAD_THREADS
MAX_REQUEST_STREAMS_PER_CALLER = env.int("MAX_REQUEST_STREAMS_PER_CALLER", default=8)
UPLOAD_IDLE_SECONDS = env.float("UPLOAD_IDLE_SECONDS", default=60)
#: How many proxies stand in front of HTTP and add to X-Forwarded-For; 0 = none is believed.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

CORS_ALLOWED_ORIGINS = [
    allowed_origin(origin)
    for origin in env.list(
        "CORS_ALLOWED_ORIGINS", default=["http://localhost:3000", "http://localhost:5173"] if DEBUG else []
    )
]
CORS_ALLOW_HEADERS = [*headers.READ, *headers.PASSED_OVER]
CORS_EXPOSE_HEADERS = [*headers.ANSWERED]
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"]
CORS_URLS_REGEX = r"^/api/"

MIDDLEWARE = [
    # Around all others: what any of them answers carries the headers of tus.
    "meetings.views.tus.mark_answers",
    "core.rest.middleware.serve_call",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.rest.compression.compress",
    "core.rest.cors.Cors",
    "core.rest.middleware.refuse_foreign_pages",
    # What only pages for people need; the API is served before it.
    "core.rest.middleware.serve_api",
    "core.rest.pages.check_address",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

#: What runs beside the calls in every process that serves: its `start` and `stop` are called.
ALONGSIDE = "changes.feed"

GRPC_HOST = env.str("GRPC_HOST", default="127.0.0.1")
GRPC_PORT = env.int("GRPC_PORT", default=50051)
#: As TRUSTED_PROXIES, of the proxies in front of gRPC: who reaches its port without them must not choose an address.
GRPC_TRUSTED_PROXIES = env.int("GRPC_TRUSTED_PROXIES", default=0)
#: Processes that share the port, one for each core.
GRPC_PROCESSES = env.int("GRPC_PROCESSES", default=1, at_least=1)
#: Threads of a process that serve calls, and how many calls may wait for one; what comes on top is refused at once.
GRPC_MAX_WORKERS = env.int("GRPC_MAX_WORKERS", default=10, at_least=1)
GRPC_MAX_QUEUE = env.int("GRPC_MAX_QUEUE", default=100)
#: Threads of a process that send to open streams, and as many that catch up for those who are behind.
GRPC_SENDERS = env.int("GRPC_SENDERS", default=4, at_least=1)
#: Calls of any kind on one connection.
GRPC_MAX_STREAMS_PER_CONNECTION = env.int("GRPC_MAX_STREAMS_PER_CONNECTION", default=1_000)
#: How long a connection's handshake may take, and the message of a unary call.
GRPC_MESSAGE_WAIT_SECONDS = env.float("GRPC_MESSAGE_WAIT_SECONDS", default=5)
#: Connections are closed after this time, so that balancers can spread them anew, with a grace for what runs on them;
#: streams end themselves a little before the grace does.
GRPC_MAX_CONNECTION_AGE_SECONDS = env.int("GRPC_MAX_CONNECTION_AGE_SECONDS", default=1_800)
GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS = env.int("GRPC_MAX_CONNECTION_AGE_GRACE_SECONDS", default=1_800)
#: At the end: how long all is still served once health says NOT_SERVING, then how long running calls may take.
GRPC_DRAIN_WAIT_SECONDS = env.float("GRPC_DRAIN_WAIT_SECONDS", default=0)
GRPC_GRACE_SECONDS = env.float("GRPC_GRACE_SECONDS", default=30)
#: PEM files. With an authority for clients, a client must show a certificate of it.
GRPC_TLS_CERT = env.str("GRPC_TLS_CERT", default="")
GRPC_TLS_KEY = env.str("GRPC_TLS_KEY", default="")
GRPC_CLIENT_CA = env.str("GRPC_CLIENT_CA", default="")
GRPC_METRICS_PORT = env.int("GRPC_METRICS_PORT", default=0)
GRPC_REFLECTION = env.bool("GRPC_REFLECTION", default=DEBUG)

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

# The database: PostgreSQL, embedded unless DATABASE_URL names another

DATABASES = {"default": database_configuration(env.str("DATABASE_URL", default="") or None, DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
#: How long a statement of a call may take, whatever its deadline, and how long its transaction may do nothing before
#: the database ends it; 0 = without limit. Commands, migrations and workers have no limits.
DATABASE_STATEMENT_SECONDS = env.float("DATABASE_STATEMENT_SECONDS", default=60)
DATABASE_IDLE_TRANSACTION_SECONDS = env.float("DATABASE_IDLE_TRANSACTION_SECONDS", default=60)

# Who calls

AUTH_USER_MODEL = "users.User"
AUTHENTICATE = "access.authentication.authenticate"
RENEW = "access.authentication.renew"
REDEEM_TICKET = "access.services.redeem_ticket"
ALLOW_SIGNUP = env.bool("ALLOW_SIGNUP", default=True)
#: How many accounts one address may make within an hour without being signed in, and one user who is.
SIGNUPS_PER_HOUR = env.int("SIGNUPS_PER_HOUR", default=20)

DEV_AUTH_AS = env.str("DEV_AUTH_AS", default="")
if DEV_AUTH_AS and not DEBUG:
    raise ImproperlyConfigured("DEV_AUTH_AS lets anyone act as that user: it needs DEBUG=true.")

#: Says that what is served on all addresses is only reachable from this machine (a container's published port).
DEV_AUTH_PUBLISHED_ON_LOOPBACK = env.bool("DEV_AUTH_PUBLISHED_ON_LOOPBACK", default=False)

#: The first makes hashes; the others check what users brought along.
PASSWORD_HASHERS = [
    "users.passwords.hashers.Argon2idHasher",
    "users.passwords.imported_hashes.ForeignBcrypt",
    "users.passwords.imported_hashes.ForeignScrypt",
    "users.passwords.imported_hashes.ForeignPbkdf2",
    "users.passwords.imported_hashes.ForeignBcryptSha256",
    "users.passwords.imported_hashes.ForeignWordPress",
    "users.passwords.imported_hashes.ForeignPhpass",
    "users.passwords.imported_hashes.ForeignShaCrypt",
    "users.passwords.imported_hashes.ForeignFirebaseScrypt",
    "users.passwords.imported_hashes.ForeignDigest",
]
#: How many passwords a process hashes at once; each takes ARGON2_MEMORY_KIB.
PASSWORD_HASHES_AT_ONCE = env.int("PASSWORD_HASHES_AT_ONCE", default=2, at_least=1)
ARGON2_MEMORY_KIB = env.int("ARGON2_MEMORY_KIB", default=47_104)
ARGON2_PASSES = env.int("ARGON2_PASSES", default=1)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "users.passwords.hashers.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "users.passwords.hashers.NotAboutTheUserValidator"},
]

JWT_ISSUER = env.str("JWT_ISSUER", default="tandem")
JWT_AUDIENCE = env.str("JWT_AUDIENCE", default="tandem")
#: A PEM private key (Ed25519 or RSA); without one, tokens are signed with SECRET_KEY (HS256).
JWT_PRIVATE_KEY = env.str("JWT_PRIVATE_KEY", default="", multiline=True)
#: PEM public keys, one after the other: of the private key before and of the one to come. Their tokens are good too.
JWT_PUBLIC_KEYS = env.str("JWT_PUBLIC_KEYS", default="", multiline=True)
ACCESS_TOKEN_SECONDS = env.int("ACCESS_TOKEN_SECONDS", default=900)
REFRESH_TOKEN_SECONDS = env.int("REFRESH_TOKEN_SECONDS", default=604_800)
#: What an API key may be limited to: of each area what GET reads, and the rest; of users, apart from both, what changes
#: how one gets in to an account.
API_KEY_SCOPES = [
    "users:read", "users:write", "users:credentials",
    "tasks:read", "tasks:write", "meetings:read", "meetings:write", "changes:read",
]  # fmt: skip
#: Tries at a password within five minutes: for one account from one address, and from one address in all.
LOGINS_PER_ACCOUNT = env.int("LOGINS_PER_ACCOUNT", default=10)
LOGINS_PER_ADDRESS = env.int("LOGINS_PER_ADDRESS", default=100)
#: Wrong passwords within an hour for one account, from all addresses together.
LOGIN_FAILURES_PER_ACCOUNT = env.int("LOGIN_FAILURES_PER_ACCOUNT", default=100)
#: How many verifications, and how many password resets, may be asked for within an hour: for one account, and (resets,
#: which need no credentials) from one address in all.
MAILS_PER_ACCOUNT = env.int("MAILS_PER_ACCOUNT", default=5)
RESETS_PER_ADDRESS = env.int("RESETS_PER_ADDRESS", default=50)

# The change log and its feed

#: What `manage.py changes prune` leaves: so many days, and so many changes at most; 0 = without limit.
CHANGES_KEPT_DAYS = env.int("CHANGES_KEPT_DAYS", default=90)
CHANGES_KEPT_ROWS = env.int("CHANGES_KEPT_ROWS", default=10_000_000)
#: How many changes a stream may fall behind before it is ended; its client goes on from its cursor.
WATCH_MOST_BEHIND = env.int("WATCH_MOST_BEHIND", default=100_000)

# Jobs and mail

#: Jobs that a worker runs at once, how many of them may be slow ones (0 = half), and how long running ones may take at
#: the end.
WORKER_THREADS = env.int("WORKER_THREADS", default=4, at_least=1)
WORKER_SLOW_THREADS = env.int("WORKER_SLOW_THREADS", default=0)
WORKER_GRACE_SECONDS = env.float("WORKER_GRACE_SECONDS", default=30)
#: How mail leaves. In development the worker prints it.
EMAIL_URL = env.str("EMAIL_URL", default="") or ("consolemail://" if DEBUG else "smtp://localhost:25")
_mail = environment.mail(EMAIL_URL)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"] or None
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT_SECONDS", default=10)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Tandem <tandem@localhost>")
#: Of the front end whose pages mails link to; without one they carry the token alone.
PUBLIC_URL = environment.page_address("PUBLIC_URL", env.str("PUBLIC_URL", default=""))

# Transport security of the pages and the API

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
#: True where HTTPS stands in front: cookies only over HTTPS, plain HTTP redirected.
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000 if HTTPS_ONLY else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)"]
if HTTPS_ONLY and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# How the admin site looks

UNFOLD = {
    "SITE_TITLE": "Tandem",
    "SITE_HEADER": "Tandem",
    "SITE_SYMBOL": "pedal_bike",
    "SITE_URL": "/api/v1/docs",
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"navigation": "config.sidebar.sections"},
}

# Recordings

#: The largest recording that is taken, in bytes.
MAX_RECORDING_BYTES = env.int("MAX_RECORDING_BYTES", default=4_294_967_296)
#: Of one user: how many uploads may be unfinished, how many bytes those may announce, and how many bytes of recordings
#: may be stored beside them (0 = without limit). Administrators have no such limits.
UPLOADS_PER_USER = env.int("UPLOADS_PER_USER", default=50)
UPLOAD_BYTES_PER_USER = env.int("UPLOAD_BYTES_PER_USER", default=17_179_869_184)
RECORDING_BYTES_PER_USER = env.int("RECORDING_BYTES_PER_USER", default=0)
#: How much of the data folder's disk uploads leave free; at half of it the service is not ready any more.
DISK_RESERVE_BYTES = env.int("DISK_RESERVE_BYTES", default=1_073_741_824)
#: The longest recording that is worked on, in seconds of sound, whatever its header says.
MAX_RECORDING_SECONDS = env.int("MAX_RECORDING_SECONDS", default=43_200)
#: Who works on them, the preferred first: `embedded://` is a node that the worker brings along.
SPEECH_NODES = env.list("SPEECH_NODES", default=["embedded://"])
#: How long a node may give no sign of life, and how long it may live without an answer.
SPEECH_SILENCE_SECONDS = env.float("SPEECH_SILENCE_SECONDS", default=60)
SPEECH_BUSY_SECONDS = env.float("SPEECH_BUSY_SECONDS", default=600)
#: Nodes may be scripts, which invent what was said: for tests.
SCRIPTED_SPEECH = DEBUG

# Language, time, files

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
# In development files are served from where they lie; elsewhere from where `collectstatic` put them.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
STATIC_ROOT = None if DEBUG else DATA_DIR / "static"
STORAGES = {
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    # Whole files alone; what is still coming in lies in `uploads` beside it.
    "recordings": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "media" / "recordings",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}

# What is told

LOG_LEVEL = environment.log_level("LOG_LEVEL", env.str("LOG_LEVEL", default="INFO"))
LOG_JSON = env.bool("LOG_JSON", default=not DEBUG)
LOGGING = logging_config(level=LOG_LEVEL, json=LOG_JSON)
TRACING = env.bool("TRACING", default=False)
