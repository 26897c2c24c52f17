"""Formats of recordings: what the server accepts, the speech node decodes."""

import io
from collections.abc import Callable
from functools import partial

import pytest

from core.errors import UnsupportedMediaType
from core.uploads.files import incoming
from meetings.services.files import RECORDINGS, check_is_recording
from speechnode.engines.decode import Decoder
from speechnode.failures import NotAudio
from speechnode.formats import ACCEPTED, HEAD_BYTES
from tests.speech.test_decode import FORMATS, SECONDS, encoded

OTHERS = [
    ("au", "pcm_s16be", "mono", 16_000),
    ("w64", "pcm_s16le", "mono", 16_000),
    ("wv", "wavpack", "mono", 44_100),
    ("flv", "aac", "mono", 44_100),
    ("avi", "libmp3lame", "stereo", 44_100),
    ("mpegts", "aac", "mono", 48_000),
    ("mpeg", "mp2", "stereo", 44_100),
    ("ac3", "ac3", "stereo", 48_000),
    ("eac3", "eac3", "stereo", 48_000),
    ("mp2", "mp2", "mono", 48_000),
]


def movie(first: bytes) -> bytes:
    """Return a movie of QuickTime that begins with this box instead of its type."""
    file = encoded("mov", "aac", rate=44_100)
    if first != b"moov":
        return file[:4] + first + file[8:]
    at = file.rindex(b"moov") - 4
    index = bytearray(file[at:])
    offsets = index.index(b"stco") + 8
    count = int.from_bytes(index[offsets : offsets + 4], "big")
    for place in range(offsets + 4, offsets + 4 + 4 * count, 4):
        moved = int.from_bytes(index[place : place + 4], "big") + len(index)
        index[place : place + 4] = moved.to_bytes(4, "big")
    return bytes(index) + file[:at]


def from_the_middle(first: int, *arguments: str, **options: object) -> bytes:
    """Return a file without its first bytes."""
    return encoded(*arguments, **options)[first:]  # type: ignore[arg-type]


#: What makes each file: the tests that are not run need none of them.
BEGINNINGS: dict[str, Callable[[], bytes]] = {
    **{container: partial(encoded, container, *others) for container, *others in [*FORMATS, *OTHERS]},
    "mp3 after zeros": lambda: bytes(731) + encoded("mp3", "libmp3lame", rate=44_100),
    "mp3 from the middle of a frame": partial(
        from_the_middle, 700, "mp3", "libmp3lame", rate=44_100, options={"id3v2_version": "0"}
    ),
    "aac from the middle of a frame": partial(from_the_middle, 100, "adts", "aac", rate=44_100),
    "packets from the middle of one": partial(from_the_middle, 100, "mpegts", "aac"),
    **{f"movie, {name.decode()}": partial(movie, name) for name in (b"wide", b"free", b"skip", b"mdat", b"moov")},
}


@pytest.mark.parametrize("make", BEGINNINGS.values(), ids=BEGINNINGS)
def test_recordings_are_accepted_and_decoded(make: Callable[[], bytes]) -> None:
    file = make()
    check_is_recording(file[:HEAD_BYTES])
    assert len(b"".join(Decoder(io.BytesIO(file)))) / 32_000 == pytest.approx(SECONDS, abs=0.2)


@pytest.mark.parametrize(
    "file",
    [
        b"%PDF-1.7" + bytes(8000),
        b"PK\x03\x04" + bytes(range(256)) * 30,
        b"\x89PNG\r\n\x1a\n" + bytes(8000),
        b"GIF89a" + bytes(8000),
        bytes(8000),
        b"<html>" * 1000,
        b"GGGG" * 1000,
        "Ärger am Ende der Straße. ".encode("latin-1") * 400,
        b"short",
    ],
)
def test_other_files_are_refused_with_the_formats_that_are_accepted(file: bytes) -> None:
    with pytest.raises(UnsupportedMediaType) as refused:
        check_is_recording(file[:HEAD_BYTES])
    assert refused.value.args[0].endswith(f"Send {ACCEPTED}.")
    with pytest.raises(NotAudio) as failed:
        Decoder(io.BytesIO(file))
    assert f"{failed.value}".endswith(f"send {ACCEPTED}.")
    assert ACCEPTED.startswith("WAV, FLAC, MP3, M4A, AAC")


@pytest.mark.parametrize("size", [1, 64, 1000, 65_536])
def test_size_of_pieces_does_not_matter(size: int) -> None:
    file = BEGINNINGS["mp3 after zeros"]()
    with incoming(RECORDINGS) as upload:
        for at in range(0, min(len(file), 10_000), size):
            upload.write(file[at : at + size])
