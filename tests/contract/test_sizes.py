"""The size of test modules."""

from pathlib import Path

from tests.support.servers import ROOT

MAX_LINES = 400


def too_long(folder: Path) -> dict[str, int]:
    """Return the modules with more lines than allowed, each with its number of lines."""
    lines = {str(path.relative_to(folder)): len(path.read_text().splitlines()) for path in folder.rglob("*.py")}
    return {path: count for path, count in lines.items() if count > MAX_LINES}


def test_no_test_module_is_too_long() -> None:
    assert too_long(ROOT / "tests") == {}, "split these modules by behaviour"


def test_a_module_that_is_too_long_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.py").write_text("pass\n" * (MAX_LINES + 1))
    (tmp_path / "short.py").write_text("pass\n" * MAX_LINES)
    assert too_long(tmp_path) == {"long.py": MAX_LINES + 1}
