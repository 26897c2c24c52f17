"""Decoding of a file that is still being written: WAV with 16-bit samples, or WebM as browsers record it."""

import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol, cast

import av
from av.audio.frame import AudioFrame

from speechnode.engines.loudness import Quantizer
from speechnode.engines.pcm import BYTES_PER_MS, RATE
from speechnode.engines.tracks import Track
from speechnode.failures import NotAudio, TooLarge

#: As little as possible is read ahead: bytes that are read ahead are not decoded yet.
_OPTIONS = {"format_whitelist": "matroska,webm", "probesize": "32", "analyzeduration": "0", "max_probe_packets": "1"}
_NOT_READABLE = "The audio that arrives is not a WAV or WebM file, or is damaged."
_RIFF = b"RIFF"
_RATES = range(4_000, 768_001)

Keep = Callable[[bytes], None]


class GrowingFile:
    """Decodes a file to samples as its bytes arrive.

    Args:
        start_ms: samples before this time are omitted.
        max_seconds: maximum duration of the decoded audio.
    """

    def __init__(self, start_ms: int, max_seconds: int) -> None:
        self._start_bytes = start_ms * BYTES_PER_MS
        self._max_seconds = max_seconds
        self._decoder: _Decoder | None = None
        self._head = b""
        self._decoded = bytearray()
        self._total_bytes = 0

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes. Return the samples that they complete.

        Raises:
            NotAudio, TooLarge
        """
        if self._decoder is None:
            self._head += data
            if len(self._head) < len(_RIFF):
                return b""
            data = self._head
            self._decoder = _Wav(self._keep) if data.startswith(_RIFF) else _WebM(self._keep)
        self._decoder.feed(data)
        return self._take()

    def end(self) -> bytes:
        """Return the samples that were only known to be complete at the end; see `feed`."""
        if self._decoder is not None:
            self._decoder.end()
        return self._take()

    def close(self) -> None:
        """Release the resources."""
        if self._decoder is not None:
            self._decoder.close()

    def _take(self) -> bytes:
        decoded, self._decoded = bytes(self._decoded), bytearray()
        return decoded

    def _keep(self, pcm: bytes) -> None:
        self._decoded += pcm[max(0, self._start_bytes - self._total_bytes) :]
        self._total_bytes += len(pcm)
        if self._total_bytes > self._max_seconds * 1000 * BYTES_PER_MS:
            raise TooLarge(f"The recording is too long: the maximum is {self._max_seconds} seconds.")


class _Decoder(Protocol):
    """Passes the samples of the bytes that have arrived to a function, before it returns."""

    def feed(self, data: bytes) -> None: ...

    def end(self) -> None: ...

    def close(self) -> None: ...


class _Wav:
    """Decodes WAV without FFmpeg's demuxer, which waits for 64 KiB before it returns the first sample."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._bytes = bytearray()
        self._rate = 0
        self._resampler = _resampler()

    def feed(self, data: bytes) -> None:
        self._bytes += data
        if not self._rate and not self._read_head():
            return
        whole = len(self._bytes) // 2
        if not whole:
            return
        frame = AudioFrame(format="s16", layout="mono", samples=whole)
        frame.sample_rate = self._rate
        # The memory of a frame is aligned, so it may be longer than its samples.
        plane = frame.planes[0]
        plane.update(bytes(self._bytes[: 2 * whole]).ljust(plane.buffer_size, b"\0"))
        del self._bytes[: 2 * whole]
        _keep_all(self._resampler, frame, self._keep)

    def end(self) -> None:
        if self._rate:
            _keep_all(self._resampler, None, self._keep)

    def close(self) -> None:
        """Do nothing: memory is all that it holds."""

    def _read_head(self) -> bool:
        """Read the chunks before the samples. Return whether they have all arrived."""
        at = 12
        while len(self._bytes) >= at + 8:
            name, size = struct.unpack_from("<4sI", self._bytes, at)
            if name == b"data":
                if not self._rate:
                    raise NotAudio(_NOT_READABLE)
                del self._bytes[: at + 8]
                return True
            if name == b"fmt " and len(self._bytes) >= at + 24:
                code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", self._bytes, at + 8)
                if (code, channels, bits) != (1, 1, 16) or rate not in _RATES:
                    raise NotAudio("A WAV file that grows must have 16-bit samples of one channel.")
                self._rate = rate
            at += 8 + size + size % 2
        self._rate = 0
        return False


class _WebM:
    """Decodes WebM. FFmpeg waits for bytes where it reads them, so it has a thread of its own."""

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._arrived = _Bytes()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._decode, name="growing", daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> None:
        self._arrived.put(data)
        self._arrived.wait_until_read()
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        self._arrived.complete()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._arrived.complete()

    # The decoder's thread.

    def _decode(self) -> None:
        try:
            file = cast(Any, self._arrived)
            with av.open(
                file, "r", container_options=_OPTIONS, buffer_size=4096, metadata_errors="ignore"
            ) as container:
                if not container.streams.audio:
                    raise NotAudio(_NOT_READABLE)
                codec: Any = container.streams.audio[0].codec_context
                quantizer, is_fine = Quantizer(), codec.format is None or codec.format.bits > 16
                for samples in Track(container, 0):
                    self._keep(quantizer.pcm(samples, may_raise=is_fine))
        except (av.FFmpegError, ValueError):
            self._failure = NotAudio(_NOT_READABLE)
        except Exception as exc:
            self._failure = exc
        finally:
            self._arrived.finish()


class _Bytes:
    """The bytes that have arrived, as the file that FFmpeg reads."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._changed = threading.Condition()
        self._is_complete = self._is_starved = False

    def read(self, size: int) -> bytes:
        """Wait for bytes; none at the end."""
        with self._changed:
            if not self._bytes and not self._is_complete:
                self._is_starved = True
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._bytes or self._is_complete)
                self._is_starved = False
            read = bytes(self._bytes[:size])
            del self._bytes[:size]
            return read

    def put(self, data: bytes) -> None:
        with self._changed:
            self._bytes += data
            self._is_starved &= self._is_complete
            self._changed.notify_all()

    def complete(self) -> None:
        with self._changed:
            self._is_complete = True
            self._changed.notify_all()

    def finish(self) -> None:
        """Note that no more bytes will be read."""
        with self._changed:
            self._is_complete = self._is_starved = True
            self._changed.notify_all()

    def wait_until_read(self) -> None:
        """Wait until more bytes are awaited, so that all samples of those that have arrived have been kept."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_starved)


def _resampler() -> Any:
    return av.AudioResampler(format="s16", layout="mono", rate=RATE)


def _keep_all(resampler: Any, frame: AudioFrame | None, keep: Keep) -> None:
    """Resample a frame; None flushes the resampler."""
    for mixed in resampler.resample(frame):
        keep(bytes(mixed.planes[0])[: mixed.samples * 2])
