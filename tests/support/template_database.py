"""The migrated database that each process of pytest copies. The first one makes it; it stays on the server.

Each checkout has one: several may use one server (`TEST_DATABASE_URL`), each with its migrations.
"""

import hashlib
import sys
from importlib.metadata import version

from django.conf import settings
from django.db import connection

from tests.support.databases import server_cursor
from tests.support.servers import ROOT

_PREFIX = "migrated_tandem_"
#: The lock of the process that makes the database.
_LOCK_ID = 7_302_611_845


def migrated_database() -> str:
    """Return the name of a database with the migrations of this checkout. It has no connections."""
    of_checkout = f"{_PREFIX}{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}_"
    name = f"{of_checkout}{_digest()}"
    with server_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK_ID])
        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [of_checkout])
        present = [found for (found,) in cursor.fetchall()]
        if name not in present:
            for former in present:
                cursor.execute(f'DROP DATABASE IF EXISTS "{former}"')
            unfinished = f"{of_checkout}unfinished"
            _migrate(unfinished)
            cursor.execute(f'ALTER DATABASE "{unfinished}" RENAME TO "{name}"')
    return name


def _migrate(name: str) -> None:
    own = connection.settings_dict["NAME"]
    test = dict(connection.settings_dict["TEST"])
    connection.settings_dict["TEST"] |= {"NAME": name}
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        connection.settings_dict["TEST"] = test
        connection.settings_dict["NAME"] = settings.DATABASES["default"]["NAME"] = own


def _digest() -> str:
    """Return a digest of what the migrated database depends on: migrations, and the packages that have or run them."""
    digest = hashlib.sha256(repr((sys.version_info[:2], version("django"), version("django-pgtrigger"))).encode())
    for path in sorted(ROOT.glob("*/migrations/*")):
        if path.is_file():
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
