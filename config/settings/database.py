"""The database (PostgreSQL, embedded unless DATABASE_URL names another) and what the change log keeps in it."""

from config.settings.base import DATA_DIR, env
from core.db.configuration import configuration

DATABASES = {
    "default": configuration(
        env.str("DATABASE_URL", default="") or None,
        DATA_DIR,
        direct_url=env.str("DATABASE_DIRECT_URL", default="") or None,
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
#: How long a statement of a call may take before its deadline, and how long its transaction may be idle before the
#: database ends it; 0 = without limit. Commands, migrations and workers have no limits.
DATABASE_STATEMENT_SECONDS = DATABASE_IDLE_TRANSACTION_SECONDS = 60.0
#: Whether hot queries are compiled once, and not at each call (docs/decisions/0008).
COMPILED_QUERIES = True
#: Whether bulk writes insert their rows as one JSON text, and not by `bulk_create` (bench/README.md).
JSON_BULK_INSERTS = True

#: What `manage.py changes prune` leaves: so many days, and so many changes at most; 0 = without limit.
CHANGES_KEPT_DAYS = env.int("CHANGES_KEPT_DAYS", default=90)
CHANGES_KEPT_ROWS = 10_000_000
