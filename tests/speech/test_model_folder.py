"""The model that `--model-dir` names: which folders are accepted, and what runs them."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from speechnode.catalog import OFFERS, Catalog, Offer, hash_of
from speechnode.engines import moonshine_files
from speechnode.failures import CapabilityMissing
from speechnode.model_folder import FolderError, offer_of
from tandem.speech.v1 import speech_pb2 as speech
from tests.support.servers import ROOT
from tests.support.speech_node import SpeechNode, sent

ASR = speech.ENGINE_KIND_ASR
needs_moonshine = pytest.mark.skipif(bool(OFFERS["moonshine"].missing), reason="no wheel of moonshine-voice here")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the model tiny-en, under another name."""
    return Path(shutil.copytree(moonshine_files.folder(), tmp_path / "copy-en"))


def start_of(folder: Path) -> tuple[int, str]:
    """Start a node that cannot use the folder; return its exit code and what it prints."""
    ended = subprocess.run(
        [sys.executable, "-m", "speechnode", "--listen", "127.0.0.1:0", "--model-dir", str(folder), "--log", "text"],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr


@needs_moonshine
def test_a_moonshine_model_in_a_folder_transcribes(
    folder: Path, start_node: Callable[..., SpeechNode], meeting_pcm: bytes
) -> None:
    node = start_node("--model-dir", str(folder))
    engines = node.info.GetCapabilities(speech.GetCapabilitiesRequest()).engines
    (asr,) = [engine for engine in engines if engine.kind == ASR]
    assert (asr.name, asr.model_id, list(asr.languages), asr.loaded) == (
        "moonshine-folder", "copy-en", ["en"], True,
    )  # fmt: skip
    assert asr.model_sha256 == hash_of(moonshine_files.of(folder))
    start = speech.AsrStart(format=speech.AUDIO_FORMAT_PCM_S16LE_16K, language="en")
    answers = list(node.asr.Transcribe(sent(start, meeting_pcm[: 32 * 5500])))
    assert answers[0].accepted.engine.name == "moonshine-folder"
    assert any(answer.segment.text for answer in answers)


@needs_moonshine
def test_a_broken_model_stops_the_start_with_a_sentence(folder: Path) -> None:
    (folder / "decoder_model_merged.ort").write_bytes(b"not a model")
    code, output = start_of(folder)
    assert code == 1
    assert f"The model directory {folder} cannot be used: The model of moonshine cannot be loaded" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ((), "has no encoder_model.ort: it must have a Moonshine model"),
        (("encoder_model.onnx", "decoder_model_merged.ort"), "has no tokenizer.bin"),
        (("streaming_config.json", "encoder.ort"), "has a streaming variant of Moonshine, which cannot be used"),
        (("model.bin", "config.json"), "has no tokenizer.json, which a Whisper model for CTranslate2 needs"),
    ],
)
def test_a_folder_without_a_model_is_refused(tmp_path: Path, files: tuple[str, ...], sentence: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(FolderError, match=sentence):
        offer_of(tmp_path)
    with pytest.raises(FolderError, match="does not exist"):
        offer_of(tmp_path / "nowhere")


def test_a_folder_without_a_model_stops_the_start(tmp_path: Path) -> None:
    code, output = start_of(tmp_path)
    assert (code, output.count("\n")) == (1, 1)
    assert "has no encoder_model.ort" in output


@pytest.mark.parametrize(
    ("name", "languages"), [("moonshine-base", ["en"]), ("base-es", ["es"]), ("moonshine-tiny-ja", ["ja"])]
)
def test_the_name_of_a_moonshine_folder_ends_with_its_language(tmp_path: Path, name: str, languages: list[str]) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("encoder_model.onnx", "decoder_model_merged.onnx", "tokenizer.json"):
        (folder / file).touch()
    assert list(offer_of(folder)[1].facts.languages) == languages


def a_whisper_folder(tmp_path: Path, name: str = "whisper-large") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    (folder / "model.bin").write_bytes(b"\x06\0\0\0not a model")
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    return folder


@pytest.mark.skipif(find_spec("faster_whisper") is not None, reason="faster-whisper is installed")
def test_a_whisper_model_without_its_package_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    code, output = start_of(a_whisper_folder(tmp_path))
    assert code == 1
    assert "needs the package faster-whisper: install requirements-faster-whisper.txt.\n" in output
    assert output.count("\n") == 1


@pytest.mark.skipif(find_spec("faster_whisper") is None, reason="faster-whisper is not installed")
def test_a_whisper_model_without_weights_stops_the_start_with_a_sentence(tmp_path: Path) -> None:
    folder = a_whisper_folder(tmp_path)
    code, output = start_of(folder)
    assert code == 1
    assert f"The model directory {folder} cannot be used: The model of whisper cannot be loaded" in output
    name, offer = offer_of(folder)
    assert (name, list(offer.facts.languages)) == ("faster-whisper", [])
    assert list(offer_of(a_whisper_folder(tmp_path, "small.en"))[1].facts.languages) == ["en"]


def an_offer(*languages: str) -> Offer:
    return Offer(speech.Engine(kind=ASR, languages=languages), (), lambda *_: object(), lambda: "1", lambda: ())


def test_each_language_has_the_first_engine_that_knows_it() -> None:
    offers = {"spanish": an_offer("es"), "english": an_offer("en"), "simple": an_offer("en"), "any": an_offer()}
    catalog = Catalog(offers, 1, offers)
    assert [engine.name for engine in catalog.all()] == ["spanish", "english", "any"]
    assert [catalog.about(ASR, language).name for language in ("", "es", "en", "fi")] == [
        "spanish", "spanish", "english", "any",
    ]  # fmt: skip
    few = Catalog(["english", "spanish", "simple"], 1, offers)
    assert [engine.name for engine in few.all()] == ["english", "spanish"]
    with pytest.raises(CapabilityMissing, match="do not know the language 'fi', only en, es"):
        few.asr("fi")
    assert [engine.name for engine in Catalog(["any", "english"], 1, offers).all()] == ["any"]
