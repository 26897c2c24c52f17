"""scripts/extract_voice_encoder.py reads a checkpoint, and runs nothing of it."""

import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scripts.extract_voice_encoder import Restricted, weights
from speechnode.engines.voice_prints import WEIGHTS


def checkpoint(state: bytes, *blocks: tuple[str, list[float]]) -> io.BytesIO:
    """Write a file as torch did before its release 1.6: pickles, then the numbers."""
    file = io.BytesIO()
    for header in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
        pickle.dump(header, file, protocol=2)
    file.write(state)
    pickle.dump([key for key, _ in blocks], file, protocol=2)
    for _, numbers in blocks:
        file.write(len(numbers).to_bytes(8, "little"))
        file.write(np.array(numbers, "<f4").tobytes())
    file.seek(0)
    return file


class _Named:
    """Pickled as a name of a module that is not installed."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


# Pickler in C cannot write names of modules that are not installed.
class _Pickler(pickle._Pickler):  # type: ignore[misc, name-defined]  # noqa: SLF001
    def persistent_id(self, value: Any) -> Any:
        return value if isinstance(value, tuple) and value and value[0] == "storage" else None

    def save(self, value: Any, save_persistent_id: bool = True) -> None:
        if isinstance(value, _Named):
            self.write(b"c" + f"{value.module}\n{value.name}\n".encode())
        else:
            super().save(value, save_persistent_id)


class _Tensor:
    def __init__(self, key: str, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]) -> None:
        storage = ("storage", _Named("torch", "FloatStorage"), key, "cpu", 6, None)
        self._arguments = (storage, offset, shape, stride, False, OrderedDict())

    def __reduce__(self) -> tuple[Any, ...]:
        return _Named("torch._utils", "_rebuild_tensor_v2"), self._arguments


def pickled(value: Any) -> bytes:
    file = io.BytesIO()
    pickler = _Pickler(file, protocol=2)
    # Names stand for functions here; the pickler would look whether they can be called.
    pickler.save_reduce = lambda function, arguments, *_, **__: (
        pickler.save(function), pickler.save(arguments), pickler.write(pickle.REDUCE)
    )  # fmt: skip
    pickler.dump(value)
    return file.getvalue()


def test_tensors_are_read_as_views_of_their_blocks() -> None:
    state = pickled({"model_state": {"a": _Tensor("1", 0, (2, 3), (3, 1)), "b": _Tensor("1", 2, (2, 2), (1, 2))}})
    read = weights(checkpoint(state, ("1", [0, 1, 2, 3, 4, 5])))
    assert read["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["b"].tolist() == [[2, 4], [3, 5]]


@pytest.mark.parametrize("function", [print, eval, sys.exit], ids=lambda function: function.__name__)
def test_other_contents_of_a_pickle_are_rejected(
    function: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return function, ("1",)

    with pytest.raises(pickle.UnpicklingError, match="no use for"):
        Restricted(io.BytesIO(pickle.dumps(Evil()))).load()
    assert capsys.readouterr().out == ""


def test_the_file_that_is_committed_holds_numbers_only() -> None:
    with np.load(WEIGHTS, allow_pickle=False) as file:
        assert {name: file[name].dtype for name in file} == dict.fromkeys(file, np.float16)
        assert file["linear.weight"].shape == (256, 256)
        assert sum(file[name].size for name in file) == 1_423_616
