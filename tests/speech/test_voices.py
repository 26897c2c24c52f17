"""Voice prints and clusters, where the wire does not reach."""

import itertools

import numpy as np
import pytest

from bench.flite import spoken
from speechnode.engines import clustering, voice_prints
from speechnode.engines.pcm import Piece
from speechnode.engines.spans import spans
from speechnode.engines.speakers import VoicePrints
from speechnode.failures import Cancelled
from tests.support.exchange import exchanged


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
    loud, soft = (encoder.prints((line // by).astype("<i2").tobytes(), [(0, 160), (80, 400)]) for by in (4, 40))
    assert (loud * soft).sum(axis=1) == pytest.approx(1, abs=0.02)


def test_short_span_is_repeated_instead_of_filled_with_silence(meeting_pcm: bytes) -> None:
    encoder = voice_prints.VoiceEncoder()
    spans = [(80, 140), (80, 400)]
    short, long = encoder.prints(meeting_pcm[: 32 * 5000], spans)
    assert np.linalg.norm(short) == pytest.approx(1, abs=1e-4)
    silence = bytes(32 * 1000)
    (filled,) = encoder.prints(meeting_pcm[32 * 800 : 32 * 1400] + silence, [(0, 160)])
    assert short @ long > filled @ long + 0.05


def test_spans_lie_between_short_pauses() -> None:
    random = np.random.default_rng(1)
    loud, quiet = 3000 * random.normal(size=16_000), 10 * random.normal(size=16_000)
    pieces = [(quiet, 400), (loud, 800), (quiet, 150), (loud, 500), (quiet, 60), (loud, 300), (quiet, 200), (loud, 120)]
    pcm = np.concatenate([sound[: 16 * ms] for sound, ms in pieces]).astype("<i2").tobytes()
    # The pause of 60 ms is none, and the last sound is too short to stand alone.
    assert spans(pcm) == [(40, 120), (135, 253)]
    assert spans(bytes(100)) == []
    assert spans(bytes(32 * 5000)) == [(0, 166), (166, 333), (333, 500)], "a long one is divided"


def points(count: int, each: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Return prints around `count` centres, mixed, and the centre of each."""
    random = np.random.default_rng(count)
    centres = random.normal(size=(count, 256))
    owners = random.permutation(np.repeat(np.arange(count), each))
    scattered = centres[owners] + random.normal(scale=spread, size=(len(owners), 256))
    return voice_prints.normalised(scattered.astype(np.float32)), owners


def agree(labels: np.ndarray, owners: np.ndarray) -> bool:
    """Return whether two labellings are the same but for the names of the labels."""
    return len(set(zip(labels, owners, strict=True))) == len(set(labels)) == len(set(owners))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
def test_clusters_are_found_and_counted(count: int) -> None:
    vectors, owners = points(count, 40, 0.9)
    assert agree(clustering.cluster(vectors, np.ones(len(vectors))), owners)


def test_moods_of_one_voice_are_one_speaker() -> None:
    random = np.random.default_rng(1)
    voice, mood = random.normal(size=(2, 256))
    moods = np.stack([voice] * 20 + [voice + 1.2 * mood] * 20) + random.normal(scale=0.5, size=(40, 256))
    vectors, ones = voice_prints.normalised(moods.astype(np.float32)), np.ones(40)
    assert 0.4 < vectors[0] @ vectors[-1] < 0.6
    assert set(clustering.cluster(vectors, ones).tolist()) == {0}
    assert len(set(clustering.cluster(vectors, ones, 2).tolist())) == 2


def test_a_known_count_is_kept_to() -> None:
    vectors, _ = points(4, 20, 0.3)
    ones = np.ones(len(vectors))
    assert len(set(clustering.cluster(vectors, ones, 2).tolist())) == 2
    assert len(set(clustering.cluster(vectors[:3], ones[:3], 5).tolist())) == 3


def test_many_prints_are_all_labelled() -> None:
    vectors, owners = points(3, 2000, 0.9)
    assert agree(clustering.cluster(vectors, np.ones(len(vectors))), owners)


def test_merges_are_those_of_average_linkage() -> None:
    """Compared with the definition: the merge of the clusters with the highest mean similarity, one after the other."""
    random = np.random.default_rng(5)
    vectors = voice_prints.normalised(random.normal(size=(24, 4)).astype(np.float32))
    weights = random.uniform(1, 5, 24)
    for count in (2, 3, 5, 8):
        clusters = [[place] for place in range(len(vectors))]
        while len(clusters) > count:
            one, other = max(
                itertools.combinations(clusters, 2),
                key=lambda pair: np.average(
                    vectors[pair[0]] @ vectors[pair[1]].T, weights=np.outer(weights[pair[0]], weights[pair[1]])
                ),
            )
            clusters = [cluster for cluster in clusters if cluster not in (one, other)] + [one + other]
        expected = np.zeros(len(vectors), int)
        for number, members in enumerate(clusters):
            expected[members] = number
        merges = clustering.average_merges(vectors @ vectors.T, weights, lambda: None)
        assert agree(clustering.cut(merges, len(vectors), count), expected)


def test_cancellation_stops_between_steps() -> None:
    def stop() -> None:
        raise Cancelled

    vectors, _ = points(2, 20, 0.3)
    with pytest.raises(Cancelled):
        clustering.cluster(vectors, np.ones(len(vectors)), checkpoint=stop)


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


@pytest.mark.tools("flite")
def test_utterance_is_cut_at_changes_of_voice() -> None:
    pcm, changes = exchanged()
    parts = VoicePrints().parts(Piece(60_000, pcm))
    assert [part.start_ms - 60_000 for part in parts] == pytest.approx([0, *changes], abs=200)
    assert b"".join(part.pcm for part in parts) == pcm
    assert all(one.end_ms == other.start_ms for one, other in itertools.pairwise(parts))


@pytest.mark.tools("flite")
def test_each_turn_of_an_exchange_has_its_voice() -> None:
    pcm, changes = exchanged()
    listener = VoicePrints().listen()
    listener.take(Piece(0, pcm))
    speakers, turns = listener.told_apart()
    assert [speaker.label for speaker in speakers] == ["S1", "S2"]
    assert [turn.label for turn in turns] == ["S1", "S2", "S1", "S2"]
    assert [turn.start_ms for turn in turns[1:]] == pytest.approx(changes, abs=200)


@pytest.mark.tools("/usr/share/pocketsphinx/test/data/librivox")
def test_voices_of_people_are_counted() -> None:
    from bench.speech import decoded, readings
    from bench.voices import CONVERSATION, READER, assets
    from speechnode.engines.vad import VoiceSegments

    def count(pcm: bytes) -> int:
        listener, voices = VoicePrints().listen(), VoiceSegments()
        for utterance in [*voices.feed(pcm), *voices.finish()]:
            listener.take(utterance)
        return len(listener.told_apart()[0])

    one, *_, other = (pcm for _, pcm in readings("librivox"))
    assert count(one + bytes(32 * 700) + other) == 1
    assert count(decoded(assets() / READER)) == 1
    assert count(decoded(assets() / CONVERSATION)) == 2
