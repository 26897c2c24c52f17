"""Results that are kept in the cache: made once, never mixed up, and made each time without a cache."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from prometheus_client import REGISTRY

from core import cached_results
from core.cached_results import cached_result


class Away(BaseCache):
    """A cache whose server cannot be reached."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError

    def set(self, *_: Any, **__: Any) -> Any:
        raise ConnectionError


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cached_results, "ask_at", 0.0)
    cache.clear()
    yield
    cache.clear()


def counted(result: str) -> float:
    labels = {"kind": "test", "result": result}
    return REGISTRY.get_sample_value("tandem_result_cache_lookups_total", labels) or 0.0


def test_result_is_made_once_for_its_arguments() -> None:
    hits, misses = counted("hit"), counted("miss")
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"result"

    assert [cached_result("test", ("hash", 1), make) for _ in range(3)] == [b"result"] * 3
    assert len(made) == 1
    assert (counted("hit") - hits, counted("miss") - misses) == (2, 1)
    for other in (("hash", 2), ("hash", "1"), ("other", 1)):
        cached_result("test", other, make)
    cached_result("test_2", ("hash", 1), make)
    assert len(made) == 5


def test_large_result_is_not_kept(monkeypatch: Any) -> None:
    monkeypatch.setattr(cached_results, "MAX_BYTES", 3)
    assert [cached_result("test", ("hash",), lambda value=value: value) for value in (b"long", b"other")] == [
        b"long",
        b"other",
    ]


def test_failure_is_not_kept() -> None:
    def fail() -> bytes:
        raise ValueError("It failed.")

    with pytest.raises(ValueError, match="It failed"):
        cached_result("test", ("hash",), fail)
    assert cached_result("test", ("hash",), lambda: b"made") == b"made"


def test_without_a_cache_results_are_made_each_time(settings: Any) -> None:
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.Away"}}
    errors = counted("error")
    assert [cached_result("test", ("hash",), lambda value=value: value) for value in (b"1", b"2")] == [b"1", b"2"]
    assert counted("error") - errors == 2
