"""Voice prints and clusters, where the wire does not reach."""

import itertools

import numpy as np
import pytest

from bench.flite import spoken
from speechnode.engines import clustering, voice_prints
from speechnode.engines.pcm import Piece
from speechnode.engines.speakers import VoicePrints
from speechnode.failures import Cancelled


def test_the_spectrogram_is_slaneys() -> None:
    """A tone is loudest in the band around it; the bands of 40 up to 8 kHz are known (M. Slaney, Auditory Toolbox)."""
    for hertz, band in [(200, 2), (440, 5), (1000, 13), (2000, 22), (4000, 30), (7000, 37)]:
        tone = np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000).astype(np.float32)
        spectrogram = voice_prints.mel_spectrogram(tone)
        assert spectrogram.shape == (101, 40)
        assert abs(int(spectrogram[50].argmax()) - band) <= 1


def test_loudness_does_not_matter(meeting_pcm: bytes) -> None:
    encoder = voice_prints.VoiceEncoder()
    line = np.frombuffer(meeting_pcm[: 32 * 5000], "<i2")
    loud, soft = (encoder.prints((line // by).astype("<i2").tobytes(), [0, 80]) for by in (4, 40))
    assert (loud * soft).sum(axis=1) == pytest.approx(1, abs=0.02)


def test_a_window_that_lasts_longer_than_the_sound_is_filled_with_silence(meeting_pcm: bytes) -> None:
    encoder = voice_prints.VoiceEncoder()
    short = encoder.prints(meeting_pcm[: 32 * 700], [0])
    assert short.shape == (1, 256)
    assert np.linalg.norm(short) == pytest.approx(1, abs=1e-4)


def points(count: int, each: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return prints around `count` centres, mixed, and the centre of each."""
    random = np.random.default_rng(count)
    centres = np.abs(random.normal(size=(count, 256)))
    owners = random.permutation(np.repeat(np.arange(count), each))
    scattered = np.abs(centres[owners] + random.normal(scale=spread, size=(len(owners), 256)))
    return voice_prints.normalised(scattered.astype(np.float32)), owners


def agree(labels: np.ndarray, owners: np.ndarray) -> bool:
    """Return whether two labellings are the same but for the names of the labels."""
    return len(set(zip(labels, owners, strict=True))) == len(set(labels)) == len(set(owners))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_clusters_are_found_and_counted(count: int) -> None:
    prints, owners = points(count, 40, 0.3)
    assert agree(clustering.cluster(prints), owners)


def test_moods_of_one_voice_are_one_speaker() -> None:
    random = np.random.default_rng(1)
    voice, mood = np.abs(random.normal(size=(2, 256)))
    moods = np.stack([voice] * 20 + [voice + 0.7 * mood] * 20) + random.normal(scale=0.05, size=(40, 256))
    prints = voice_prints.normalised(np.maximum(moods, 0).astype(np.float32))
    assert prints[0] @ prints[-1] > 0.85
    assert set(clustering.cluster(prints).tolist()) == {0}
    assert len(set(clustering.cluster(prints, 2).tolist())) == 2


def test_a_known_count_is_kept_to() -> None:
    prints, _ = points(4, 20, 0.3)
    assert len(set(clustering.cluster(prints, 2).tolist())) == 2
    assert len(set(clustering.cluster(prints[:3], 5).tolist())) == 3


def test_many_prints_are_all_labelled() -> None:
    prints, owners = points(3, 2000, 0.3)
    assert agree(clustering.cluster(prints), owners)


def test_merges_are_those_of_ward() -> None:
    """Compared with the definition: the merge that adds least to the sum of squared distances, one after the other."""
    random = np.random.default_rng(5)
    data = random.normal(size=(24, 3))
    for count in (2, 3, 5, 8):
        clusters = [[place] for place in range(len(data))]
        while len(clusters) > count:
            one, other = min(
                itertools.combinations(clusters, 2),
                key=lambda pair: (
                    len(pair[0]) * len(pair[1]) / (len(pair[0]) + len(pair[1]))
                    * ((data[pair[0]].mean(axis=0) - data[pair[1]].mean(axis=0)) ** 2).sum()
                ),
            )  # fmt: skip
            clusters = [cluster for cluster in clusters if cluster not in (one, other)] + [one + other]
        expected = np.zeros(len(data), int)
        for number, members in enumerate(clusters):
            expected[members] = number
        squared = ((data[:, None] - data[None]) ** 2).sum(axis=2).astype(np.float32)
        assert agree(clustering.cut(clustering.ward_merges(squared, lambda: None), len(data), count), expected)


def test_cancellation_stops_between_steps() -> None:
    def stop() -> None:
        raise Cancelled

    prints, _ = points(2, 20, 0.3)
    with pytest.raises(Cancelled):
        clustering.cluster(prints, checkpoint=stop)


def test_a_yes_in_between_goes_to_its_voice(meeting_pcm: bytes) -> None:
    listener = VoicePrints().listen()
    for start, end in [(0, 5200), (5700, 10_500), (11_000, 11_700)]:  # rms, slt, and a bit of rms.
        listener.take(Piece(start, meeting_pcm[start * 32 : end * 32]))
    speakers, turns = listener.told_apart()
    assert [speaker.label for speaker in speakers] == ["S1", "S2"]
    assert [turn.label for turn in turns] == ["S1", "S2", "S1"]


@pytest.mark.tools("flite")
def test_voices_of_people_and_machines_are_distinguished() -> None:
    text = "I would like to know how many people came to the meeting yesterday evening."
    voices = VoicePrints()
    prints = []
    for voice in ("slt", "rms", "awb"):
        listener = voices.listen()
        listener.take(Piece(0, spoken(text, voice)))
        prints.append(listener.overall_print())
    for one, other in itertools.combinations(prints, 2):
        assert one @ other < 0.75
