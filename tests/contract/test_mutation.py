"""The modules of scripts/mutation.py and their tests exist: a module that was split or moved is not left out."""

import pytest

from scripts.mutation import MODULES, files_of
from tests.support.servers import ROOT


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_modules_and_their_tests_exist() -> None:
    assert [module for module in MODULES if not files_of(module)] == []
    assert [path for paths in MODULES.values() for path in paths if not (ROOT / path).exists()] == []


def test_a_module_is_a_file_or_a_package() -> None:
    assert [str(path) for path in files_of("core/errors")] == ["core/errors.py"]
    assert "core/db/pagination.py" in map(str, files_of("core/db"))
    assert files_of("core/moon") == []
