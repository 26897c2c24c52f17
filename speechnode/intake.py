"""The sound of a call: what its chunks add up to, as samples with their times."""

import os
import tempfile
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from speechnode.engines.pcm import BYTES_PER_MS, Piece
from speechnode.failures import Invalid, NoRoom, TooLarge
from tandem.speech.v1 import speech_pb2

MAX_CHUNK_BYTES = 64 * 1024
#: Clocks and roundings; a live source that has paused is later by more.
_TOLERATED_MS = 40


class Limits(NamedTuple):
    """What is taken of a file.

    Attributes:
        file_bytes: how large it may be.
        seconds: how much sound may be in it, whatever its header says.
    """

    file_bytes: int
    seconds: int


class Intake(Protocol):
    """Takes chunks, gives samples.

    Attributes:
        total_ms: how long the audio is, as far as that is known; 0: it is not.
        incomplete_reason: at the end: a sentence that says what is missing; empty if nothing is.
    """

    total_ms: int
    incomplete_reason: str

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        """The samples that a chunk makes known."""
        ...

    def end(self) -> Iterator[Piece]:
        """Those that only all chunks together make known."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


def intake(format_: int, start_ms: int, limits: Limits) -> Intake:
    """For a format of the contract.

    Args:
        start_ms: the stream's; see speech.proto.
        limits: of files.
    """
    if start_ms < 0:
        raise Invalid("start_ms: a recording begins at 0.")
    if format_ == speech_pb2.AUDIO_FORMAT_PCM_S16LE_16K:
        return Samples(start_ms)
    if format_ == speech_pb2.AUDIO_FORMAT_FILE:
        return File(start_ms, limits)
    raise Invalid("format: say which the audio has; see AudioFormat.")


class _Sequence:
    """Chunks in their order, none missing."""

    def __init__(self) -> None:
        self._next = 0

    def check(self, chunk: speech_pb2.AudioChunk) -> None:
        if chunk.seq != self._next:
            raise Invalid(f"audio.seq: {self._next} comes next, not {chunk.seq}.")
        if len(chunk.data) > MAX_CHUNK_BYTES:
            raise Invalid(f"audio.data: at most {MAX_CHUNK_BYTES} bytes.")
        self._next += 1


class Samples:
    """Samples that come as they are."""

    total_ms = 0
    incomplete_reason = ""

    def __init__(self, start_ms: int) -> None:
        self._sequence = _Sequence()
        self._start_ms = start_ms
        self._bytes = 0
        self._half = b""

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        self._sequence.check(chunk)
        at_ms = self._start_ms + self._bytes // BYTES_PER_MS
        if chunk.offset_ms:
            if chunk.offset_ms < at_ms - _TOLERATED_MS:
                raise Invalid(f"audio.offset_ms: the audio before lasts until {at_ms}.")
            if chunk.offset_ms > at_ms + _TOLERATED_MS:
                self._start_ms = at_ms = chunk.offset_ms
                self._bytes = 0
                self._half = b""
        pcm = self._half + chunk.data
        whole = len(pcm) // 2 * 2
        self._half = pcm[whole:]
        self._bytes += whole
        if whole:
            yield Piece(at_ms, pcm[:whole])

    def end(self) -> Iterator[Piece]:
        yield from ()

    def close(self) -> None:
        pass


class File:
    """A file, which is decoded once all of it is there: the index of many stands at their end."""

    total_ms = 0
    incomplete_reason = ""

    def __init__(self, start_ms: int, limits: Limits) -> None:
        self._sequence = _Sequence()
        self._start_ms = start_ms
        self._limits = limits
        self._file = tempfile.TemporaryFile(prefix="speechnode-")  # noqa: SIM115 - closed by `close`

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        self._sequence.check(chunk)
        try:
            self._file.write(chunk.data)
            self._file.flush()
        except OSError as exc:
            raise NoRoom(f"The speech node has no room for this file: {os.strerror(exc.errno or 0)}.") from exc
        if self._file.tell() > self._limits.file_bytes:
            raise TooLarge(f"The file is too large: at most {self._limits.file_bytes // 2**20} MiB are taken.")
        yield from ()

    def end(self) -> Iterator[Piece]:
        from speechnode.engines.decode import Decoder  # Its libraries are large; who sends samples needs none.

        self._file.seek(0)
        decoder = Decoder(self._file, self._start_ms, self._limits.seconds)
        self.total_ms = decoder.expected_ms()
        at_bytes = 0
        for pcm in decoder:
            yield Piece(self._start_ms + at_bytes // BYTES_PER_MS, pcm)
            at_bytes += len(pcm)
        self.incomplete_reason = decoder.incomplete_reason

    def close(self) -> None:
        self._file.close()
