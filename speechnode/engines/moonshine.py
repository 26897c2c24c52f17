"""Speech to sentences, by the model Moonshine tiny-en or another of its form. `moonshine_files` finds its files."""

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime

from speechnode.engines import moonshine_files
from speechnode.engines.loudness import Samples, evened_out, to_pcm
from speechnode.engines.pcm import RATE
from speechnode.engines.protocols import Recognised, SpokenWord
from speechnode.engines.word_times import make_aligner, times

_BEGIN, _END = 1, 2
#: Marks the beginning of a word in the pieces of text.
_SPACE = "▁".encode()
#: The model loops on what it does not understand, and people do not speak faster than this.
_TOKENS_PER_SECOND, _SPARE_TOKENS = 6.5, 4
#: Other scripts take more tokens for a word.
_TOKENS_PER_SECOND_OTHERWISE = 13.0
#: The shortest sound that the model takes; a shorter one is filled up with silence.
_MIN_SAMPLES = RATE // 2

# What the model invents for sounds without speech, measured on sounds passed to it without voice detection: on white
# noise "You" with confidence 0.20 to 0.38, in 1 to 3 s; on chords "You" (0.46, 0.83) and "Thank you for watching."
# (0.74, 0.75). In chords, the voice detection finds an utterance of 0.7 s every five minutes: "Mm." (0.57), "You" (0.6)
# and Thai letters (0.68). Short answers of people have 0.66 and more ("Yes.", "Laughed.", in the package's
# endgame_nagg_nell.wav).
#: Root mean square of the quietest utterance: -85 dB, of which 16 bits keep four values.
_MIN_ENERGY = 10 ** (-85 / 20)
_MIN_CONFIDENCE = 0.4
#: The confidence that an utterance of less than a second needs.
_MIN_SHORT_CONFIDENCE, _SHORT_SECONDS = 0.62, 1.0
#: The last letter of the Latin alphabets that European languages use, for a model that knows English only.
_LAST_LETTER = "\u024f"
_MIN_TOKENS_PER_SECOND = 0.5
#: Proportion of different tokens in a text that has reached its maximum length; below it, the model has looped.
_MIN_VARIETY = 0.4
#: Texts that the model returns for sounds which are not speech, and the confidence that they need.
_FILLERS = {"you", "thank you for watching", "thanks for watching"}
_MIN_FILLER_CONFIDENCE = 0.85


class Token(NamedTuple):
    """A token of a text, and its probability."""

    number: int
    probability: float


class Recogniser:
    """Converts speech to sentences, with case and punctuation. The same samples give the same words."""

    def __init__(self, folder: str = "") -> None:
        files = moonshine_files.of(Path(folder)) if folder else moonshine_files.of(moonshine_files.folder())
        self._is_english = moonshine_files.language(Path(folder or "tiny-en")) == "en"
        self._pieces = _pieces(files.tokens)
        self._encoder = _session(files.encoder)
        self._decoder = _session(files.decoder)
        self._outputs = [output.name for output in self._decoder.get_outputs()]
        #: The names of the inputs that carry the state from one step to the next, and their first values.
        self._past = {
            one.name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32)
            for one in self._decoder.get_inputs()
            if one.name.startswith("past_key_values.")
        }
        self._takes = {one.name for one in (*self._encoder.get_inputs(), *self._decoder.get_inputs())}
        self._aligner = make_aligner()

    def recognise(self, pcm: bytes, language: str = "", *, is_draft: bool = False) -> Recognised:
        """Return the words of one utterance; see `protocols.AsrEngine`."""
        begun = time.process_time()
        raw: Samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        words: list[SpokenWord] = []
        if len(raw) and np.sqrt(np.mean(raw**2)) >= _MIN_ENERGY:
            even = evened_out(raw)
            spoken = self._words(even, is_draft=is_draft)
            aligner = None if is_draft else self._aligner
            when = times(to_pcm(even), [text for text, _ in spoken], aligner) if spoken else []
            words = [
                SpokenWord(text, start, end, confidence)
                for (text, confidence), (start, end) in zip(spoken, when, strict=True)
            ]
        return Recognised(words, round((time.process_time() - begun) * 1000))

    def _words(self, samples: Samples, *, is_draft: bool) -> list[tuple[str, float]]:
        """Return the words and their confidences; none if the text is invented."""
        tokens = self._tokens(samples)
        words = joined(self._pieces, tokens)
        # More of the utterance follows, so the confidence that a short one needs is not expected of its beginning.
        seconds = max(len(samples) / RATE, _SHORT_SECONDS) if is_draft else len(samples) / RATE
        return [] if is_invented(words, tokens, seconds, is_english=self._is_english) else words

    def _tokens(self, samples: Samples) -> list[Token]:
        """Return the most probable token after each other (greedy decoding)."""
        samples = np.pad(samples, (0, max(0, _MIN_SAMPLES - len(samples))))
        mask = np.ones((1, len(samples)), np.int64)
        # Some exports of the model take no mask.
        sound = {"input_values": samples[None], "attention_mask": mask}
        (states,) = self._encoder.run(None, {name: sound[name] for name in sound if name in self._takes})
        past = dict(self._past)
        found: list[Token] = []
        last = _BEGIN
        for _ in range(_max_tokens(len(samples) / RATE, is_english=self._is_english)):
            given = {
                "input_ids": np.array([[last]], np.int64),
                "encoder_hidden_states": states,
                "encoder_attention_mask": mask,
                "use_cache_branch": np.array([bool(found)]),
            }
            if "encoder_attention_mask" not in self._takes:
                del given["encoder_attention_mask"]
            out = dict(zip(self._outputs, self._decoder.run(None, given | past), strict=True))
            logits = out["logits"][0, -1]
            last = int(logits.argmax())
            if last == _END:
                break
            found.append(Token(last, float(1 / np.exp(logits - logits[last]).sum())))
            for name in past:
                # The encoder's part is made once, in the first step.
                if ".decoder." in name or len(found) == 1:
                    past[name] = out[name.replace("past_key_values", "present")]
        return found


def _max_tokens(seconds: float, *, is_english: bool = True) -> int:
    return round(seconds * (_TOKENS_PER_SECOND if is_english else _TOKENS_PER_SECOND_OTHERWISE)) + _SPARE_TOKENS


def joined(pieces: Sequence[bytes], tokens: Sequence[Token]) -> list[tuple[str, float]]:
    """Join tokens to words. Returns each with the mean probability of its tokens."""
    spelt: list[tuple[bytes, list[float]]] = [(b"", [])]
    for token in tokens:
        first, *others = pieces[token.number].split(_SPACE)
        if first:
            text, probabilities = spelt[-1]
            spelt[-1] = text + first, [*probabilities, token.probability]
        spelt += [(other, [token.probability] if other else []) for other in others]
    words = []
    for text, probabilities in spelt:
        # Its training texts include old books.
        word = re.sub(r"(?i)\bto-(day|morrow|night)\b", _modern, text.decode(errors="ignore").strip())
        if word:
            words.append((word, sum(probabilities) / len(probabilities)))
    return words


def _modern(found: re.Match[str]) -> str:
    return found[0][:2] + found[1]


def is_invented(
    words: Sequence[tuple[str, float]], tokens: Sequence[Token], seconds: float, *, is_english: bool = True
) -> bool:
    """Return whether a text is what the model invents for sounds that are not speech."""
    if not words:
        return True
    confidence = sum(token.probability for token in tokens) / len(tokens)
    plain = " ".join(word for word, _ in words).casefold().strip(".,!?")
    variety = len({token.number for token in tokens}) / len(tokens)
    return (
        (len(tokens) == _max_tokens(seconds, is_english=is_english) and variety < _MIN_VARIETY)
        or confidence < (_MIN_SHORT_CONFIDENCE if seconds < _SHORT_SECONDS else _MIN_CONFIDENCE)
        or len(tokens) < _MIN_TOKENS_PER_SECOND * seconds
        or (plain in _FILLERS and confidence < _MIN_FILLER_CONFIDENCE)
        or not any(character.isalnum() for character in plain)
        or (is_english and any(character.isalpha() and character > _LAST_LETTER for character in plain))
    )


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Without it, the memory of the longest utterance would be kept.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def _pieces(path: Path) -> list[bytes]:
    """Return the pieces of text that tokens stand for, from tokenizer.bin or tokenizer.json."""
    content = path.read_bytes()
    if path.suffix != ".json":
        return read_tokens(content)
    vocabulary: dict[str, int] = json.loads(content)["model"]["vocab"]
    pieces = [b""] * (max(vocabulary.values()) + 1)
    for piece, number in vocabulary.items():
        byte = re.fullmatch("<0x([0-9A-F]{2})>", piece)
        pieces[number] = bytes.fromhex(byte[1]) if byte else piece.encode()
    return pieces


def read_tokens(content: bytes) -> list[bytes]:
    """Return the pieces of text that tokens stand for.

    Args:
        content: of tokenizer.bin: each piece after its length, in one byte, or in two from 128 on.
    """
    pieces, at = [], 0
    while at < len(content):
        length = content[at]
        at += 1
        if length >= 128:
            length += content[at] * 128 - 128
            at += 1
        pieces.append(content[at : at + length])
        at += length
    return pieces
