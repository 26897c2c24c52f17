"""The process that turns speech into text (pocketsphinx): a child of the node.

Pocketsphinx holds Python's global lock for seconds, and cannot be interrupted. In a process of its own it holds up
nobody, and is interrupted by ending it. It ends by itself when the node does: then nobody holds the other end of the
pipe.
"""

import re
import signal
import time
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
from pocketsphinx import Decoder

from speechnode.engines.pcm import RATE
from speechnode.engines.protocols import Recognised, SpokenWord

#: What it says first, once the model is in memory.
READY = "ready"
#: Of the model: a hundredth of a second.
_FRAME_MS = 10
#: Of noise that is added, as samples: -60 dB. Digital silence, which no microphone makes, upsets the model.
_DITHER = 32768 * 10 ** (-60 / 20)


def run(connection: Connection) -> None:
    """Answers each utterance that comes through the pipe, until it is closed."""
    # A terminal's Ctrl-C reaches the whole group; when to end is the node's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recogniser = Recogniser()
    try:
        connection.send(READY)
        while True:
            connection.send(recogniser.recognise(connection.recv_bytes()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class Recogniser:
    """Pocketsphinx with the model of American English that it brings. The same samples give the same words."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def recognise(self, pcm: bytes) -> Recognised:
        """The words of one utterance."""
        begun = time.process_time()
        with warnings.catch_warnings():
            # It says that this is unnecessary. Without it, what it takes for noise is carried on from one utterance to
            # the next, and the same samples give other words.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._decoder.start_stream()
        self._decoder.start_utt()
        # All at once, so that loudness and channel are evened out over the whole: piece by piece, errors are half as
        # many again.
        self._decoder.process_raw(_dithered(pcm), full_utt=True)
        self._decoder.end_utt()
        words = list(self._words())
        return Recognised(words, round((time.process_time() - begun) * 1000))

    def _words(self) -> Iterator[SpokenWord]:
        if self._decoder.hyp() is None:
            return
        for segment in self._decoder.seg():
            # Silences and noises stand in brackets of any kind; a number tells pronunciations apart.
            if segment.word[0] in "<[+":
                continue
            text = re.sub(r"\(\d+\)$", "", segment.word)
            start, end = segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS
            yield SpokenWord(text, start, end, min(1.0, max(0.0, segment.prob)))


def _dithered(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples += np.random.default_rng(0).normal(0, _DITHER, len(samples))
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
