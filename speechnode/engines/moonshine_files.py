"""The files of a Moonshine model: tiny-en in the package moonshine_voice, whose code is not imported, or a folder's."""

import hashlib
import re
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

PACKAGE = "moonshine_voice"
#: SHA-256 of the files in version 0.1.0. Later versions do not include them.
HASHES = {
    "decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    "encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    "tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
}


class Files(NamedTuple):
    """The files of a model."""

    encoder: Path
    decoder: Path
    tokens: Path


def of(folder: Path) -> Files:
    """Return the files of the model in a folder: as ORT or ONNX, with tokenizer.bin or tokenizer.json.

    Raises:
        FileNotFoundError: one is missing; its `filename` is the one that is looked for first.
    """
    names = (("encoder_model.ort", "encoder_model.onnx"), ("decoder_model_merged.ort", "decoder_model_merged.onnx"),
             ("tokenizer.bin", "tokenizer.json"))  # fmt: skip
    found = [next((folder / name for name in either if (folder / name).is_file()), None) for either in names]
    for path, either in zip(found, names, strict=True):
        if path is None:
            raise FileNotFoundError(2, "No such file", either[0])
    encoder, decoder, tokens = (path for path in found if path)
    return Files(encoder, decoder, tokens)


def language(folder: Path) -> str:
    """Return the language of the model in a folder by its name: `base-es` is Spanish, `base` English."""
    named = re.search(r"[-_]([a-z]{2})$", folder.name)
    return named[1] if named else "en"


def folder() -> Path:
    """Return the folder of the files.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"The package {PACKAGE} is not installed.")
    return Path(spec.origin).parent / "assets" / "tiny-en"


def files() -> list[Path]:
    return [folder() / name for name in sorted(HASHES)]


def fault() -> str:
    """Return a sentence that states what is wrong with the files; empty if they are as expected."""
    for path in files():
        try:
            content = path.read_bytes()
        except OSError as exc:
            return f"{path} cannot be read: {exc.strerror}."
        if hashlib.sha256(content).hexdigest() != HASHES[path.name]:
            return f"{path} is not the file of version 0.1.0; install the package anew."
    return ""
