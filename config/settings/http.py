"""HTTP: the server, its limits, origins, HTTPS and middleware."""

from config.settings.base import DEBUG, env
from core.rest import headers
from core.rest.origins import allowed_origin

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
HTTP_HOST = env.listening_host("HTTP_HOST", default="127.0.0.1")
HTTP_PORT = env.port("HTTP_PORT", default=8000)
#: Threads that serve calls, and how long running calls may take when the process ends (`runweb --grace`).
HTTP_THREADS = env.int("HTTP_THREADS", default=8, at_least=1)
HTTP_GRACE_SECONDS = 30
#: At the end: how long calls are still served after readiness is withdrawn (`runweb --drain-wait`).
HTTP_DRAIN_WAIT_SECONDS = 0.0
#: How long a connection stays open between two requests (`runweb --keepalive`): longer than balancers usually keep one.
HTTP_KEEPALIVE_SECONDS = 75
#: Connections at a time; fewer where the process may open fewer files.
HTTP_MAX_CONNECTIONS = 10_000
#: The head of a request: its bytes, and its header fields.
HTTP_MAX_HEAD_BYTES = 64 * 1024
HTTP_MAX_HEADERS = 100
#: The longest a unary call may take over either transport, even if its client set a later deadline.
MAX_CALL_SECONDS = 60.0
#: How long a client may take over a request's head, and over the next piece of an ordinary call's body.
BODY_WAIT_SECONDS = 10.0
#: The largest message, in bytes: a unary call's request, a line of NDJSON, an item of an array; and the largest array,
#: and response over gRPC.
MAX_MESSAGE_BYTES = DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
MAX_REQUEST_BYTES = 50 * 1024 * 1024
#: How many proxies in front of HTTP append to X-Forwarded-For; 0 = the header is ignored.
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
#: The API, rpcs over gRPC-Web and Connect, and health.
CORS_URLS_REGEX = r"^/(api|health|\w+(\.\w+)+)(/|$)"
#: Pages of these origins may send credentials of the browser (`withCredentials`): for front ends that always do.
CORS_ALLOW_CREDENTIALS = env.bool("CORS_ALLOW_CREDENTIALS", default=False)

MIDDLEWARE = [
    # Outermost: every response carries the headers of tus.
    "core.rest.tus.mark_answers",
    "core.rest.middleware.serve_call",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.rest.compression.compress",
    "core.rest.cors.Cors",
    "core.rest.middleware.refuse_foreign_pages",
    # Only pages for people need what follows; the API is served before it.
    "core.rest.middleware.serve_api",
    "core.rest.pages.check_address",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.rest.policies.CallerAuthentication"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.rest.policies.AlwaysJson",
    "EXCEPTION_HANDLER": "core.rest.problems.handle",
    # The services ask for permission and count calls, for both transports; `core.protojson` reads and writes JSON.
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_THROTTLE_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "UNAUTHENTICATED_USER": None,
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
#: True behind a proxy that ends HTTPS: cookies only over HTTPS, plain HTTP redirected. The proxy may send another
#: Strict-Transport-Security.
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^health(/|$)"]
#: They advise Django's settings above, which follow HTTPS_ONLY; `core.checks` advises that.
SILENCED_SYSTEM_CHECKS = [] if HTTPS_ONLY else ["security.W004", "security.W008", "security.W012", "security.W016"]
if HTTPS_ONLY and TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
#: The pages of the admin site, even if the proxy changes the header Host.
CSRF_TRUSTED_ORIGINS = [
    f"https://*{host}" if host.startswith(".") else f"https://{host}"
    for host in ALLOWED_HOSTS
    if HTTPS_ONLY and host != "*"
]
