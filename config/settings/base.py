"""The process: mode, folders, applications, templates, languages, files, logging."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment
from core.observability.logging import logging_config
from tandem import __version__

BASE_DIR = Path(__file__).resolve().parents[2]
VERSION = __version__

env = environment.Env()
if (BASE_DIR / ".env").is_file():
    env.read_env(BASE_DIR / ".env")

#: Processors that this process may use; pools that only keep processors busy follow it.
PROCESSORS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("TANDEM_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
SECRET_KEY = env.str("SECRET_KEY", default="development-only-not-a-secret-0123456789-abcdefghij" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY to a long random text (or DEBUG=true for development).")
#: Previous keys and the next one: signatures made with them stay valid.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
if any(len(key.encode()) < 32 for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)):
    raise ImproperlyConfigured("SECRET_KEY must be at least 32 bytes long; it signs tokens. So must its fallbacks.")

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "config.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "rest_framework",
    "pgtrigger",
    "core",
    "changes",
    "users",
    "access",
    "projects",
    "tasks",
    "meetings",
    "drawings",
]

#: What runs beside the calls in every process that serves: its `start` and `stop` are called.
ALONGSIDE = "changes.feed"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of the apps, whose pages they extend.
        "DIRS": [BASE_DIR / "config" / "templates"],
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

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
#: Dates as in ISO 8601.
FORMAT_MODULE_PATH = "config.formats"

STATIC_URL = "static/"
# In development files are served from their sources, elsewhere from the folder that `collectstatic` fills.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
STATIC_ROOT = None if DEBUG else DATA_DIR / "static"
#: The built web app. The names of its files change with their content, so browsers keep them.
STATICFILES_DIRS = [("web/assets", BASE_DIR / "web" / "dist" / "assets")]
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/web/assets/"
RECORDINGS_STORAGE = env.str("RECORDINGS_STORAGE", default="")
STORAGES = {
    # It writes a compressed copy of each file, which is sent to clients that accept it.
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
    # Complete files only; unfinished uploads are kept in `uploads` beside this folder.
    "recordings": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "media" / "recordings",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
    # The PDF files of projects.
    "documents": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "media" / "documents",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
if RECORDINGS_STORAGE:
    STORAGES["recordings"] = environment.object_storage("RECORDINGS_STORAGE", RECORDINGS_STORAGE)
    STORAGES["documents"] = environment.inner_folder(STORAGES["recordings"], "documents")  # type: ignore[arg-type]

UNFOLD = {
    "SITE_TITLE": "Tandem",
    "SITE_HEADER": "Tandem",
    "SITE_SYMBOL": "pedal_bike",
    "SITE_URL": "/",
    "SHOW_VIEW_ON_SITE": False,
    "SIDEBAR": {"navigation": "config.sidebar.sections", "show_search": True, "command_search": True},
    "COMMAND": {"search_callback": "config.command_palette.found"},
}

LOG_LEVEL = environment.log_level("LOG_LEVEL", env.str("LOG_LEVEL", default="INFO"))
LOG_JSON = not DEBUG
#: False: each thread writes its own lines, by the standard library's handler (13 % more CPU for a GetUser over gRPC).
LOG_BUFFERED = True
LOGGING = logging_config(level=LOG_LEVEL, json=LOG_JSON, buffered=LOG_BUFFERED)
