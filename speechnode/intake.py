"""Audio intake: converts the chunks of a call to samples with their times."""

import os
import tempfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from speechnode.engines.pcm import BYTES_PER_MS, Piece
from speechnode.failures import Invalid, NoRoom, TooLarge
from tandem.speech.v1 import speech_pb2

if TYPE_CHECKING:
    from speechnode.engines.peaks import Peaks

MAX_CHUNK_BYTES = 64 * 1024
#: Deviation that clocks and rounding explain. A live source that has paused is later by more.
_TOLERATED_MS = 40


class Limits(NamedTuple):
    """Limits of an uploaded file.

    Attributes:
        file_bytes: maximum size.
        seconds: maximum duration of the decoded audio; the header is not trusted.
    """

    file_bytes: int
    seconds: int


class Intake(Protocol):
    """Converts chunks to samples.

    Attributes:
        total_ms: duration of the audio; 0 = not known.
        incomplete_reason: at the end, a sentence that describes what is missing; empty = complete.
        notice: at the end, sentences about how a file was understood.
    """

    total_ms: int
    incomplete_reason: str
    notice: str

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        """Return the samples that are available after this chunk."""
        ...

    def end(self) -> Iterator[Piece]:
        """Return the samples that are available only after the last chunk."""
        ...

    def close(self) -> None:
        """Release the resources."""
        ...


def intake(format_: int, start_ms: int, limits: Limits) -> "MeasuredIntake":
    """Return the intake for an audio format of the contract, which also measures the peaks.

    Args:
        start_ms: of the stream; see speech.proto.
        limits: of files.
    """
    if start_ms < 0:
        raise Invalid("start_ms: must not be negative.")
    return MeasuredIntake(_intake(format_, start_ms, limits), is_whole=start_ms == 0)


def _intake(format_: int, start_ms: int, limits: Limits) -> Intake:
    if format_ == speech_pb2.AUDIO_FORMAT_PCM_S16LE_16K:
        return Samples(start_ms)
    if format_ == speech_pb2.AUDIO_FORMAT_FILE:
        return File(start_ms, limits)
    if format_ == speech_pb2.AUDIO_FORMAT_GROWING_FILE:
        return Growing(start_ms, limits)
    raise Invalid("format: must be a value of AudioFormat other than UNSPECIFIED.")


class MeasuredIntake:
    """An intake that measures the peaks of what passes through it.

    Args:
        is_whole: the audio begins with the recording. There are no peaks of a part.
    """

    def __init__(self, inner: Intake, *, is_whole: bool) -> None:
        self._inner = inner
        self._is_whole = is_whole
        self._peaks: Peaks | None = None

    @property
    def total_ms(self) -> int:
        return self._inner.total_ms

    @property
    def incomplete_reason(self) -> str:
        return self._inner.incomplete_reason

    @property
    def notice(self) -> str:
        return self._inner.notice

    @property
    def peaks(self) -> bytes:
        """The peaks of the recording, as in `Done`; empty if there are none."""
        return self._peaks.result() if self._peaks else b""

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        return self._measured(self._inner.take(chunk))

    def end(self) -> Iterator[Piece]:
        return self._measured(self._inner.end())

    def close(self) -> None:
        self._inner.close()

    def _measured(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        if not self._is_whole:
            yield from pieces
            return
        from speechnode.engines.peaks import Peaks  # Its libraries are large.

        self._peaks = self._peaks or Peaks()
        for piece in pieces:
            self._peaks.add(piece)
            yield piece


class _Sequence:
    """Checks that chunks arrive in order and complete."""

    def __init__(self) -> None:
        self._next = 0

    def check(self, chunk: speech_pb2.AudioChunk) -> None:
        if chunk.seq != self._next:
            raise Invalid(f"audio.seq: expected {self._next}, received {chunk.seq}.")
        if len(chunk.data) > MAX_CHUNK_BYTES:
            raise Invalid(f"audio.data: at most {MAX_CHUNK_BYTES} bytes.")
        self._next += 1


class Samples:
    """Intake of raw samples, which need no decoding."""

    total_ms = 0
    incomplete_reason = ""
    notice = ""

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
                raise Invalid(f"audio.offset_ms: must be at least {at_ms}, where the previous audio ends.")
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
    """Intake of a file. It is decoded once it is complete, since many formats have their index at the end."""

    total_ms = 0
    incomplete_reason = ""
    notice = ""

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
            raise NoRoom(f"The speech node cannot store this file: {os.strerror(exc.errno or 0)}.") from exc
        if self._file.tell() > self._limits.file_bytes:
            raise TooLarge(f"The file is too large: the maximum is {self._limits.file_bytes // 2**20} MiB.")
        yield from ()

    def end(self) -> Iterator[Piece]:
        from speechnode.engines.decode import Decoder  # Its libraries are large, and raw samples do not need them.

        self._file.seek(0)
        decoder = Decoder(self._file, self._start_ms, self._limits.seconds)
        self.total_ms = decoder.expected_ms()
        at_bytes = 0
        for pcm in decoder:
            yield Piece(self._start_ms + at_bytes // BYTES_PER_MS, pcm)
            at_bytes += len(pcm)
        self.incomplete_reason, self.notice = decoder.incomplete_reason, decoder.notice

    def close(self) -> None:
        self._file.close()


class Growing:
    """Intake of a file that is still being written. It is decoded as it arrives."""

    total_ms = 0
    incomplete_reason = ""
    notice = ""

    def __init__(self, start_ms: int, limits: Limits) -> None:
        from speechnode.engines.growing import GrowingFile  # Its libraries are large.

        self._sequence = _Sequence()
        self._start_ms = start_ms
        self._limits = limits
        self._file = GrowingFile(start_ms, limits.seconds)
        self._received_bytes = self._decoded_bytes = 0

    def take(self, chunk: speech_pb2.AudioChunk) -> Iterator[Piece]:
        self._sequence.check(chunk)
        self._received_bytes += len(chunk.data)
        if self._received_bytes > self._limits.file_bytes:
            raise TooLarge(f"The file is too large: the maximum is {self._limits.file_bytes // 2**20} MiB.")
        yield from self._pieces(self._file.feed(chunk.data))

    def end(self) -> Iterator[Piece]:
        yield from self._pieces(self._file.end())

    def close(self) -> None:
        self._file.close()

    def _pieces(self, pcm: bytes) -> Iterator[Piece]:
        at_ms = self._start_ms + self._decoded_bytes // BYTES_PER_MS
        self._decoded_bytes += len(pcm)
        if pcm:
            yield Piece(at_ms, pcm)
