"""Run `manage.py tasks import`."""

from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from tests.support.servers import ROOT

DATA = ROOT / "tests/tasks/data"
WINTER, SUMMER = timezone(timedelta(hours=1)), timezone(timedelta(hours=2))


def called(*arguments: Any) -> tuple[int, str, str]:
    out = StringIO()
    try:
        call_command("tasks", *map(str, arguments), stdout=out)
    except CommandError as exc:
        return exc.returncode, out.getvalue(), str(exc)
    return 0, out.getvalue(), ""


def imported(file: Path, system: str, *arguments: Any) -> str:
    code, output, why = called("import", file, "--from", system, "--as", "root@example.com", *arguments)
    assert (code, why) == (0, "")
    return output


def end_of(year: int, month: int, day: int, zone: timezone = WINTER) -> datetime:
    return datetime(year, month, day, 23, 59, 59, tzinfo=zone)
