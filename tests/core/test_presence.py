"""Presence of callers, in one process and in several that share a file."""

import subprocess
import sys
import time
from pathlib import Path

from core.concurrency.presence import PRESENT_SECONDS, Presence


def test_a_caller_is_alone_until_another_calls(tmp_path: Path) -> None:
    presence = Presence(lambda: tmp_path / "callers")
    assert not presence.is_beside_others("a")
    presence.note("a")
    assert not presence.is_beside_others("a")
    presence.note("b")
    assert presence.is_beside_others("a")
    presence.note("a")
    assert presence.is_beside_others("a")
    time.sleep(PRESENT_SECONDS)
    presence.note("a")
    assert not presence.is_beside_others("a")
    assert presence.is_beside_others("b")


def test_processes_share_the_present_callers(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from core.concurrency.presence import Presence
        Presence(lambda: Path(sys.argv[1])).note("b")
    """
    place = tmp_path / "data" / "callers"
    subprocess.run([sys.executable, "-c", code, str(place)], check=True)
    assert Presence(lambda: place).is_beside_others("a")


def test_the_shared_file_has_no_hole(tmp_path: Path) -> None:
    """Its bytes are on the disk before it is mapped, so a full disk does not end the process."""
    place = tmp_path / "callers"
    Presence(lambda: place).note("a")
    assert place.stat().st_size == 20
    assert place.stat().st_blocks > 0


def test_a_full_disk_leaves_each_process_its_own_callers() -> None:
    presence = Presence(lambda: Path("/dev/full"))
    presence.note("b")
    assert presence.is_beside_others("a")


def test_a_process_that_cannot_share_knows_its_own_callers(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    presence = Presence(lambda: tmp_path / "file" / "callers")
    presence.note("b")
    assert presence.is_beside_others("a")
