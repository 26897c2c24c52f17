"""Pocketsphinx: speech to text with its bundled model of American English, and the times of words that are known."""

import re
import time
import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from pocketsphinx import Decoder

from speechnode.engines.loudness import Samples, evened_out, to_pcm
from speechnode.engines.pcm import RATE
from speechnode.engines.protocols import Recognised, SpokenWord

#: Frame length of the model.
_FRAME_MS = 10
#: Amplitude of the noise that is added to an utterance of full loudness: -60 dB. The model misrecognises digital
#: silence, which microphones do not produce.
_DITHER = 10 ** (-60 / 20)


class Recogniser:
    """Converts speech to bare lower-case words. The same samples give the same words."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def recognise(self, pcm: bytes, language: str = "", *, is_draft: bool = False) -> Recognised:
        """Return the words of one utterance. Those of a draft are recognised in the same way."""
        begun = time.process_time()
        _process(self._decoder, pcm)
        words = [SpokenWord(*segment) for segment in _segments(self._decoder)]
        return Recognised(words, round((time.process_time() - begun) * 1000))


class Aligner:
    """Finds the times of the words of an utterance whose text is known."""

    def __init__(self) -> None:
        # Without its language model, which alignment does not need, it loads in half the time and memory.
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL", lm=None)

    def knows(self, word: str) -> bool:
        """Return whether a lower-case word is in the dictionary."""
        return self._decoder.lookup_word(word) is not None

    def times(self, pcm: bytes, words: Sequence[str]) -> list[tuple[int, int]]:
        """Return the start and end of each word in ms; an empty list if the sound does not fit the words.

        Args:
            words: in lower case, each in the dictionary.
        """
        self._decoder.set_align_text(" ".join(words))
        _process(self._decoder, pcm)
        found = [(start, end) for _, start, end, _ in _segments(self._decoder)]
        return found if len(found) == len(words) else []


def _process(decoder: Decoder, pcm: bytes) -> None:
    with warnings.catch_warnings():
        # The deprecation warning calls this unnecessary. Without it, the noise estimate carries over to the next
        # utterance, and the same samples give different words.
        warnings.simplefilter("ignore", DeprecationWarning)
        decoder.start_stream()
    decoder.start_utt()
    # Processed as a whole, so that loudness and channel are normalised over the utterance; piece by piece, there are
    # half as many errors again.
    decoder.process_raw(_dithered(pcm), full_utt=True)
    decoder.end_utt()


def _segments(decoder: Decoder) -> Iterator[tuple[str, int, int, float]]:
    """Yield text, start, end and confidence of each word."""
    if decoder.hyp() is None:
        return
    for segment in decoder.seg():
        # Silences and noises are in brackets of any kind; a number distinguishes pronunciations of a word.
        if segment.word[0] in "<[+":
            continue
        text = re.sub(r"\(\d+\)$", "", segment.word)
        start, end = segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS
        yield text, start, end, min(1.0, max(0.0, segment.prob))


def _dithered(pcm: bytes) -> bytes:
    samples: Samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
    noise = np.random.default_rng(0).normal(0, _DITHER, len(samples))
    return to_pcm((evened_out(samples) + noise).astype(np.float32))
