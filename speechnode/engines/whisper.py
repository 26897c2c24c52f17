"""Speech in any language to text, by a Whisper model in a folder. It needs requirements-faster-whisper.txt."""

import os
import time

# The library looks for missing files on a hub otherwise.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from faster_whisper import WhisperModel

from speechnode.engines.protocols import Recognised, SpokenWord


class Recogniser:
    """Converts speech to sentences. The same samples give the same words: the temperature is 0.

    Args:
        folder: of the model, in the format of CTranslate2.
    """

    def __init__(self, folder: str) -> None:
        self._model = WhisperModel(folder, device="auto", compute_type="auto", local_files_only=True)

    def recognise(self, pcm: bytes, language: str = "", *, is_draft: bool = False) -> Recognised:
        """Return the words of one utterance.

        Args:
            language: empty = it is detected.
        """
        begun = time.process_time()
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
        segments, info = self._model.transcribe(
            samples, language=language or None, temperature=0.0, word_timestamps=True, condition_on_previous_text=False
        )
        length_ms = len(pcm) // 32
        words: list[SpokenWord] = []
        known_ms = 0
        for word in (word for segment in segments for word in segment.words or ()):
            start_ms = min(max(known_ms, round(word.start * 1000)), length_ms - 1)
            known_ms = min(max(start_ms + 1, round(word.end * 1000)), length_ms)
            if text := word.word.strip():
                words.append(SpokenWord(text, start_ms, known_ms, word.probability))
        cpu_ms = round((time.process_time() - begun) * 1000)
        return Recognised(words, cpu_ms, info.language if words and not language else "")
