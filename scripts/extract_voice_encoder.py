"""Extracts the weights of Resemblyzer's voice encoder from its wheel to speechnode/engines/voice_encoder.npz.

    pip download --no-deps Resemblyzer==0.1.4
    .venv/bin/python scripts/extract_voice_encoder.py Resemblyzer-0.1.4-py3-none-any.whl

The wheel (Apache-2.0, weights included) depends on torch, librosa and scipy, some gigabytes, for a network that numpy
can run; and its checkpoint is a pickle, which may execute code. So only the weights are committed, at half precision
(voice prints then differ by less than 0.0002 in cosine similarity), without the state of the training.
"""

import argparse
import hashlib
import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

WHEEL_SHA256 = "8f12eb2f1a9982d32e8db7856de754709b59c93a77bcf0ff536584b619a9dd1f"
CHECKPOINT = "resemblyzer/pretrained.pt"
OUTPUT = Path(__file__).parents[1] / "speechnode/engines/voice_encoder.npz"


class Storage:
    """The storage of tensors: a block of floats after the pickles."""

    def __init__(self, key: str, size: int) -> None:
        self.key = key
        self.size = size


class Tensor:
    """A tensor as pickled: a view into a storage."""

    def __init__(self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> None:
        self.storage = storage
        self.offset = offset
        self.shape = shape
        self.stride = stride

    def array(self, blocks: dict[str, np.ndarray]) -> np.ndarray:
        """Return the values."""
        block = blocks[self.storage.key][self.offset :]
        strides = [step * block.itemsize for step in self.stride]
        return np.lib.stride_tricks.as_strided(block, self.shape, strides).copy()


class Restricted(pickle.Unpickler):
    """Reads a checkpoint without executing code: only the three names below are permitted.

    Raises:
        pickle.UnpicklingError: the pickle refers to any other name.
    """

    KNOWN = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): Tensor,
        ("torch", "FloatStorage"): "float32",
    }

    def find_class(self, module: str, name: str) -> Any:
        """Return the object for a name in the pickle."""
        try:
            return self.KNOWN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"A checkpoint has no use for {module}.{name}.") from None

    def persistent_load(self, pid: Any) -> Storage:
        """Return the storage for ("storage", type, key, device, size, view)."""
        _, _, key, _, size, _ = pid
        return Storage(key, size)


def weights(checkpoint: BinaryIO) -> dict[str, np.ndarray]:
    """Return the tensors of the model's state by name, from a checkpoint in torch's format before release 1.6."""
    for _ in range(3):  # A magic number, a version, the machine's types.
        Restricted(checkpoint).load()
    state = Restricted(checkpoint).load()["model_state"]
    keys = Restricted(checkpoint).load()
    blocks = {}
    for key in keys:
        size = int(np.frombuffer(checkpoint.read(8), "<i8")[0])
        blocks[key] = np.frombuffer(checkpoint.read(size * 4), "<f4")
    return {name: tensor.array(blocks) for name, tensor in state.items()}


def main() -> None:
    """Read the wheel, and write the file."""
    parser = argparse.ArgumentParser(description="Extract the voice encoder's weights from Resemblyzer's wheel.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    wheel = arguments.wheel.read_bytes()
    if (found := hashlib.sha256(wheel).hexdigest()) != WHEEL_SHA256:
        sys.exit(f"{arguments.wheel} is not the expected wheel: its SHA-256 is {found}.")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        found_weights = weights(io.BytesIO(archive.read(CHECKPOINT)))
    # Scalars and the similarity weights are used in training only.
    kept = {
        name: array.astype(np.float16)
        for name, array in found_weights.items()
        if array.ndim and "similarity" not in name
    }
    np.savez(arguments.output, allow_pickle=False, **kept)
    print(f"{arguments.output}: {', '.join(kept)}")


if __name__ == "__main__":
    main()
