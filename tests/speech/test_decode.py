"""Files to samples."""

import io
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from speechnode.engines.decode import Decoder
from speechnode.failures import NotAudio, TooLarge

#: Container, codec, channels, rate.
FORMATS = [
    ("wav", "pcm_s16le", "mono", 16_000),
    ("wav", "pcm_s16le", "stereo", 44_100),
    ("wav", "pcm_mulaw", "mono", 8_000),
    ("aiff", "pcm_s16be", "mono", 16_000),
    ("flac", "flac", "stereo", 48_000),
    ("mp3", "libmp3lame", "stereo", 44_100),
    ("ipod", "aac", "stereo", 44_100),
    ("mp4", "aac", "mono", 48_000),
    ("adts", "aac", "mono", 44_100),
    ("ogg", "libopus", "mono", 48_000),
    ("webm", "libopus", "stereo", 48_000),
    ("matroska", "libopus", "mono", 48_000),
    ("asf", "wmav2", "stereo", 44_100),
    ("caf", "pcm_s16le", "mono", 16_000),
]
SECONDS = 4


def encoded(
    container: str, codec: str, layout: str = "mono", rate: int = 48_000, options: dict[str, str] | None = None
) -> bytes:
    """Return a tone of 440 Hz, at half of the maximum amplitude."""
    file = io.BytesIO()
    with av.open(file, "w", format=container, options=options or {}) as target:
        stream: Any = target.add_stream(codec, rate=rate, layout=layout)
        stream.bit_rate = 128_000
        resampler = av.AudioResampler(
            format=stream.format.name, layout=layout, rate=rate, frame_size=frame_size(stream)
        )
        for frame in [tone(rate), None]:
            for made in resampler.resample(frame):
                target.mux(stream.encode(made))
        target.mux(stream.encode(None))
    return file.getvalue()


def frame_size(stream: Any) -> int | None:
    stream.codec_context.open()
    return stream.codec_context.frame_size or None


def tone(rate: int) -> av.AudioFrame:
    samples = 16384 * np.sin(2 * np.pi * 440 * np.arange(rate * SECONDS) / rate)
    frame = av.AudioFrame.from_ndarray(samples.astype(np.int16)[None], format="s16", layout="mono")
    frame.rate = rate
    return frame


def decoded(file: bytes, start_ms: int = 0) -> tuple[np.ndarray, str]:
    decoder = Decoder(io.BytesIO(file), start_ms)
    pcm = b"".join(decoder)
    return np.frombuffer(pcm, "<i2"), decoder.incomplete_reason


@pytest.mark.parametrize(("container", "codec", "layout", "rate"), FORMATS)
def test_common_formats_are_decoded(container: str, codec: str, layout: str, rate: int) -> None:
    samples, incomplete = decoded(encoded(container, codec, layout, rate))
    assert len(samples) / 16_000 == pytest.approx(SECONDS, abs=0.1)
    assert incomplete == ""
    middle = samples[16_000 : 3 * 16_000].astype(float)
    loudest = np.abs(np.fft.rfft(middle)).argmax() / 2
    assert loudest == pytest.approx(440, abs=2)
    # Two channels that are the same are each 3 dB softer, and so is what they are made one of.
    softer = np.sqrt(2) if layout == "stereo" else 1
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(16384 / np.sqrt(2) / softer, rel=0.05)


def test_decoding_may_begin_later() -> None:
    whole, _ = decoded(encoded("flac", "flac"))
    later, _ = decoded(encoded("flac", "flac"), 1500)
    assert np.array_equal(later, whole[1500 * 16 :])
    assert len(decoded(encoded("flac", "flac"), 60_000)[0]) == 0


@pytest.mark.parametrize(("container", "codec"), [("wav", "pcm_s16le"), ("webm", "libopus"), ("aiff", "pcm_s16be")])
def test_truncated_file_is_decoded_and_marked(container: str, codec: str) -> None:
    file = encoded(container, codec)
    samples, incomplete = decoded(file[: len(file) // 2])
    assert 1.5 < len(samples) / 16_000 < 2.5
    assert "cut off" in incomplete


@pytest.mark.parametrize(("container", "codec"), [("mp3", "libmp3lame"), ("ipod", "aac")])
def test_a_bad_place_does_not_make_the_rest_worthless(container: str, codec: str) -> None:
    file = bytearray(encoded(container, codec, rate=44_100))
    middle = len(file) // 2
    file[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    samples, incomplete = decoded(bytes(file))
    assert 3.5 < len(samples) / 16_000 < 4.1
    assert "damaged" in incomplete


def test_recording_without_its_index_is_rejected_with_a_reason() -> None:
    file = encoded("ipod", "aac")
    with pytest.raises(NotAudio, match="index"):
        decoded(file[: len(file) // 2])


def film() -> bytes:
    """Return a file with pictures only."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as target:
        stream: Any = target.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "empty"),
        (b"a text\n" * 1000, "not an audio file"),
        (np.random.default_rng(1).bytes(50_000), "not an audio file"),
        (film(), "no sound"),
    ],
    ids=["empty", "text", "noise", "film"],
)
def test_file_without_audio_is_rejected_with_a_reason(file: bytes, said: str) -> None:
    with pytest.raises(NotAudio, match=said):
        decoded(file)


def playlists(path: object) -> Iterator[bytes]:
    yield f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{path}\n#EXT-X-ENDLIST\n".encode()
    yield f"ffconcat version 1.0\nfile '{path}'\n".encode()


def test_a_file_cannot_make_it_read_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(encoded("wav", "pcm_s16le"))
    monkeypatch.chdir(tmp_path)
    for path in (secret, secret.name):
        for playlist in playlists(path):
            with pytest.raises(NotAudio):
                decoded(playlist)


@pytest.mark.parametrize(("container", "codec", "layout", "rate"), FORMATS)
def test_duration_is_known_before_decoding(container: str, codec: str, layout: str, rate: int) -> None:
    told_and_decoded(encoded(container, codec, layout, rate))


def test_browser_recording_without_duration_is_decoded_to_its_end() -> None:
    file = encoded("webm", "libopus", options={"live": "1"})
    with av.open(io.BytesIO(file)) as container:
        assert container.duration is None
    told_and_decoded(file)


def told_and_decoded(file: bytes) -> None:
    decoder = Decoder(io.BytesIO(file))
    assert abs(decoder.declared_ms() - SECONDS * 1000) < 500
    assert abs(len(b"".join(decoder)) // 32 - SECONDS * 1000) < 200, "asking changed nothing"


def wav(
    seconds: float = 1,
    *,
    rate: int = 16_000,
    channels: int = 1,
    declared_bytes: int | None = None,
    code: int = 1,
    bits: int = 16,
) -> bytes:
    """Silence, with the header that these numbers make."""
    data = bytes(int(seconds * rate) * channels * 2)
    frame = channels * 2
    form = struct.pack("<IHHIIHH", 16, code, channels, rate, rate * frame % 2**32, frame, bits)
    length = len(data) if declared_bytes is None else declared_bytes
    return b"".join(
        [b"RIFF", struct.pack("<I", 36 + length), b"WAVEfmt ", form, b"data", struct.pack("<I", length), data]
    )


def flac(seconds: int, *, rate: int = 48_000) -> bytes:
    """Silence, which takes next to no room."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as target:
        stream: Any = target.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, rate), np.int16), format="s16", layout="mono")
        frame.rate = rate
        for second in range(seconds):
            frame.pts = second * rate
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("rate", [1, 100, 3_999, 768_001, 4_000_000])
def test_a_rate_that_no_recorder_uses_is_refused_before_anything_is_decoded(rate: int) -> None:
    with pytest.raises(NotAudio, match=f"{rate:,} samples per second; the supported range is 4,000 to 768,000"):
        Decoder(io.BytesIO(wav(62_000 / rate, rate=rate)))


@pytest.mark.parametrize("rate", [4_000, 384_000, 768_000])
def test_lowest_and_highest_sample_rates_are_accepted(rate: int) -> None:
    samples, incomplete = decoded(wav(2, rate=rate))
    assert (len(samples) / 16_000, incomplete) == (pytest.approx(2, abs=0.05), "")


@pytest.mark.parametrize("header", [{"bits": 0}, {"code": 0xFFFE}, {"code": 0x1234}])
def test_sound_that_no_decoder_knows_is_refused(header: dict[str, int]) -> None:
    with pytest.raises(NotAudio, match="in a form that is not known, or its header is damaged"):
        Decoder(io.BytesIO(wav(**header)))


@pytest.mark.parametrize("channels", [33, 64, 512])
def test_more_channels_than_recorders_have_are_refused(channels: int) -> None:
    with pytest.raises(NotAudio, match=f"{channels} channels; the maximum is 32"):
        Decoder(io.BytesIO(wav(channels=channels)))


def test_many_channels_are_mixed() -> None:
    samples, _ = decoded(wav(channels=8))
    assert len(samples) == 16_000


def test_sample_rate_may_change_within_a_file() -> None:
    samples, _ = decoded(encoded("adts", "aac", rate=44_100) + encoded("adts", "aac", rate=48_000))
    assert len(samples) / 16_000 == pytest.approx(2 * SECONDS, abs=0.3)


@pytest.mark.parametrize("container", ["wav", "flac", "webm"])
def test_audio_beyond_the_limit_ends_the_decoding(container: str) -> None:
    file = {
        "wav": partial(wav, 3), "flac": partial(flac, 3),
        "webm": partial(encoded, "webm", "libopus", options={"live": "1"}),
    }[container]()  # fmt: skip
    decoder = Decoder(io.BytesIO(file), max_seconds=2)
    pieces = iter(decoder)
    with pytest.raises(TooLarge, match=r"too long: the maximum is 2 seconds\. Send it in parts"):
        list(pieces)
    assert len(decoded(file)[0]) >= 3 * 16_000 - 500


def test_file_of_maximum_duration_is_accepted() -> None:
    assert len(b"".join(Decoder(io.BytesIO(flac(2)), max_seconds=2))) == 2 * 32_000


def test_a_small_file_of_half_an_hour_is_refused_before_the_first_piece() -> None:
    half_an_hour = flac(1800, rate=8_000)
    assert len(half_an_hour) < 500_000
    with pytest.raises(TooLarge, match="The recording is too long"):
        Decoder(io.BytesIO(half_an_hour), max_seconds=900).expected_ms()


def test_duration_in_a_false_header_is_ignored() -> None:
    file = bytearray(flac(3))
    # 36 bits of STREAMINFO hold the number of samples.
    at = file.index(b"fLaC") + 8 + 13
    file[at : at + 5] = bytes([file[at] & 0xF0 | 0x0F]) + b"\xff\xff\xff\xff"
    decoder = Decoder(io.BytesIO(bytes(file)))
    assert decoder.declared_ms() > 24 * 3600 * 1000
    assert decoder.expected_ms() == 3000
    assert len(b"".join(decoder)) == 3 * 32_000


def test_a_start_beyond_the_limit_does_not_lift_it() -> None:
    with pytest.raises(TooLarge):
        list(Decoder(io.BytesIO(wav(3)), 10_000, max_seconds=2))
