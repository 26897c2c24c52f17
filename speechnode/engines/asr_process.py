"""The child process that converts speech to text (pocketsphinx).

Pocketsphinx holds Python's global interpreter lock for seconds and cannot be interrupted. In its own process it does
not block the node, and killing the process cancels its work. It exits when the node does, since that closes the pipe.
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

#: The first message of the process, sent once the model is in memory.
READY = "ready"
#: Frame length of the model.
_FRAME_MS = 10
#: Amplitude of the added noise, in sample units: -60 dB. The model misrecognises digital silence, which microphones do
#: not produce.
_DITHER = 32768 * 10 ** (-60 / 20)


def run(connection: Connection) -> None:
    """Transcribe each utterance from the pipe, until the pipe is closed."""
    # Ctrl-C signals the whole process group, but the node decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recogniser = Recogniser()
    try:
        connection.send(READY)
        while True:
            connection.send(recogniser.recognise(connection.recv_bytes()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


class Recogniser:
    """Pocketsphinx with its bundled model of American English. The same samples give the same words."""

    def __init__(self) -> None:
        self._decoder = Decoder(samprate=RATE, loglevel="FATAL")

    def recognise(self, pcm: bytes) -> Recognised:
        """Return the words of one utterance."""
        begun = time.process_time()
        with warnings.catch_warnings():
            # The deprecation warning calls this unnecessary. Without it, the noise estimate carries over to the next
            # utterance, and the same samples give different words.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._decoder.start_stream()
        self._decoder.start_utt()
        # Processed as a whole, so that loudness and channel are normalised over the utterance; piece by piece, there
        # are half as many errors again.
        self._decoder.process_raw(_dithered(pcm), full_utt=True)
        self._decoder.end_utt()
        words = list(self._words())
        return Recognised(words, round((time.process_time() - begun) * 1000))

    def _words(self) -> Iterator[SpokenWord]:
        if self._decoder.hyp() is None:
            return
        for segment in self._decoder.seg():
            # Silences and noises are in brackets of any kind; a number distinguishes pronunciations of a word.
            if segment.word[0] in "<[+":
                continue
            text = re.sub(r"\(\d+\)$", "", segment.word)
            start, end = segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS
            yield SpokenWord(text, start, end, min(1.0, max(0.0, segment.prob)))


def _dithered(pcm: bytes) -> bytes:
    samples = np.frombuffer(pcm, "<i2").astype(np.float32)
    samples += np.random.default_rng(0).normal(0, _DITHER, len(samples))
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()
