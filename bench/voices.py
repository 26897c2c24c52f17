"""Separation of voices, of people and of machines, in conversations. Part of `bench.speech`."""

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import combinations, permutations
from pathlib import Path

import django
import grpc
import numpy as np

from bench.flite import spoken
from bench.speech import (
    BARS,
    BYTES_PER_MS,
    SENTENCES,
    VOICES,
    Line,
    audio_messages,
    decoded,
    judged,
    readings,
    transcript,
    turns,
)
from tandem.speech.v1 import speech_pb2 as speech
from tandem.speech.v1.speech_pb2_grpc import SpeakerServiceStub

#: A conversation of two people and a reading, in the wheel of Moonshine, with the times of each person in ms.
CONVERSATION, READER = "endgame_nagg_nell.wav", "two_cities.wav"
NAGG = ((4608, 8352), (11744, 14336), (17376, 19104), (20192, 22176), (23520, 27712))
NELL = ((8480, 11648), (14432, 17248), (19200, 20032), (22272, 23424))
READINGS = ((960, 8544), (8576, 13152), (13216, 17024), (17312, 20800), (20992, 24352), (24384, 28608), (28864, 42016))
#: Lines of a conversation, and the range of the pauses between them, in ms.
LINES, PAUSES = 8, (200, 900)
#: Pauses of an exchange: shorter than those that end an utterance.
EXCHANGES = (100, 250)

Sounds = Mapping[str, Sequence[bytes]]


@dataclass(slots=True)
class Tally:
    """Counts of what was found in conversations.

    Attributes:
        wrong_ms: speech that another voice got, by the turns of the node and by the words of the lines.
    """

    spoken_ms: int = 0
    turns_ms: int = 0
    words_ms: int = 0
    wrong_words_ms: int = 0
    right: int = 0
    tried: int = 0


def assets() -> Path:
    """Return the folder of the recordings in Moonshine's wheel."""
    spec = find_spec("moonshine_voice")
    assert spec and spec.origin
    return Path(spec.origin).parent / "assets"


def people() -> Sounds:
    """Return utterances of five people, from whom nothing was learned."""
    return {
        "librivox": [pcm for _, pcm in readings("librivox")],
        "cards": [pcm for _, pcm in readings("cards")],
        "reader": parts(READER, READINGS),
        "Nagg": parts(CONVERSATION, NAGG),
        "Nell": parts(CONVERSATION, NELL),
    }


def machines() -> Sounds:
    """Return the sentences as spoken by flite's voices."""
    return {voice: [spoken(text, voice) for text in SENTENCES] for voice in VOICES}


def parts(name: str, times: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return parts of a recording in Moonshine's wheel."""
    pcm = decoded(assets() / name)
    return [pcm[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS] for start_ms, end_ms in times]


def conversation(
    sounds: Sounds, voices: Sequence[str], pauses: tuple[int, int], random_: random.Random
) -> tuple[bytes, list[Line]]:
    """Generate a conversation in which each voice speaks at least once. A voice repeats an
    utterance only after all others.
    """
    pcm, script = b"", list[Line]()
    order = [*voices, *random_.choices(voices, k=LINES - len(voices))]
    random_.shuffle(order)
    left: dict[str, list[bytes]] = {}
    for voice in order:
        left[voice] = left.get(voice) or random_.sample(sounds[voice], len(sounds[voice]))
        start_ms = len(pcm) // BYTES_PER_MS
        pcm += left[voice].pop()
        script.append(Line(voice, start_ms, len(pcm) // BYTES_PER_MS))
        pcm += bytes(random_.randrange(*pauses) * BYTES_PER_MS)
    return pcm, script


def words_of_lines(channel: grpc.Channel, pcm: bytes, found: Sequence[speech.Turn]) -> list[speech.Turn]:
    """Return each word of the transcript with the voice of its line, as people get it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")
    os.environ.setdefault("SECRET_KEY", "not used, because nothing is stored" * 2)
    django.setup()
    from meetings.services.pipeline.turns import Turns

    laid, words = Turns(found), list[speech.Turn]()
    for segment in transcript(channel, pcm, word_times=True):
        own = [{"text": word.text, "start_ms": word.start_ms, "end_ms": word.end_ms} for word in segment.words]
        several = laid.has_several(segment.start_ms, segment.end_ms)
        lines = laid.lines(own) if several else [(laid.speaker(segment.start_ms, segment.end_ms), 0, len(own))]
        words += [
            speech.Turn(start_ms=word["start_ms"], end_ms=word["end_ms"], label=label)
            for label, first, until in lines
            for word in own[first:until]
        ]
    return words


def measure(channel: grpc.Channel, pcm: bytes, script: Sequence[Line], tally: Tally) -> int:
    """Add a conversation to the tally, and return the number of voices found."""
    found = turns(channel, pcm)
    words = words_of_lines(channel, pcm, found)
    count = len({turn.label for turn in found})
    tally.right += count == len({line.voice for line in script})
    tally.tried += 1
    tally.spoken_ms += sum(line.end_ms - line.start_ms for line in script)
    tally.turns_ms += confused_ms(script, found)[0]
    wrong_ms, said_ms = confused_ms(script, words)
    tally.wrong_words_ms += wrong_ms
    tally.words_ms += said_ms
    return count


def speakers(channel: grpc.Channel, scenes: int, random_: random.Random) -> list[list[str]]:
    """Measure how often the number of voices is right, and how much speech and how many words the wrong voice gets."""
    rows = recordings(channel)
    for kind, sounds in (("people", people()), ("flite", machines())):
        for what, pauses in (("conversations", PAUSES), ("exchanges", EXCHANGES)):
            tally = Tally()
            for count in (1, 2, 3, 4):
                drawn = [random_.sample(sorted(sounds), count) for _ in range(scenes)]
                each = [measure(channel, *conversation(sounds, voices, pauses, random_), tally) for voices in drawn]
                counts = ", ".join(f"{voices} in {times}" for voices, times in sorted(Counter(each).items()))
                rows.append([f"{kind}, {what} of {count}", f"{each.count(count)}/{scenes}", "", f"found: {counts}"])
            name = f"{kind}, {what}"
            share, of = tally.right / tally.tried, f" of {tally.tried}"
            rows.append(judged(f"{name}: right count", share, BARS["count"], of, at_least=True))
            rows.append(judged(f"{name}: wrong turns", tally.turns_ms / tally.spoken_ms, BARS["confusion"]))
            rows.append(judged(f"{name}: wrong lines", tally.wrong_words_ms / tally.words_ms, BARS["confusion"]))
    return rows


def recordings(channel: grpc.Channel) -> list[list[str]]:
    """Count the voices in recordings of people: each pair of a reader's sentences, a reading, a conversation."""
    sentences = [pcm for _, pcm in readings("librivox")]
    pause = bytes(700 * BYTES_PER_MS)
    pairs = [voices_in(channel, one + pause + other) for one, other in permutations(sentences, 2)]
    rows = [["pairs of a reader's sentences: one voice", f"{pairs.count(1)}/{len(pairs)}", "", ""]]
    for name, count in ((READER, 1), (CONVERSATION, 2)):
        rows.append([f"{name}: voices", str(voices_in(channel, decoded(assets() / name))), f"{count}", ""])
    return rows


def voices_in(channel: grpc.Channel, pcm: bytes) -> int:
    return len({turn.label for turn in turns(channel, pcm)})


def similarities(channel: grpc.Channel) -> list[list[str]]:
    """Measure how well voice prints of 4 seconds and more identify people, and machines."""
    rows = []
    for kind, sounds in (("people", people()), ("flite", machines())):
        prints = [(voice, voice_print(channel, pcm)) for voice, pcm in _long(sounds)]
        same, others = list[float](), list[float]()
        for (voice, one), (other_voice, other) in combinations(prints, 2):
            (same if voice == other_voice else others).append(float(np.dot(one, other)))
        note = f"same {min(same):.2f} up, others {max(others):.2f} down"
        rate, of = equal_error(same, others), f" of {len(prints)}"
        rows.append(judged(f"{kind}, equal error rate", rate, BARS["eer"], of, note=note))
    return rows


def _long(sounds: Sounds) -> Iterator[tuple[str, bytes]]:
    """Join the utterances of each voice to pieces of 4 seconds and more; a pause keeps them apart."""
    for voice, each in sounds.items():
        piece = b""
        for pcm in each:
            piece += pcm + bytes(600 * BYTES_PER_MS)
            if len(piece) >= 4000 * BYTES_PER_MS:
                yield voice, piece
                piece = b""


def equal_error(same: Sequence[float], others: Sequence[float]) -> float:
    """Return the rate at which a threshold rejects as many pairs of one voice as it accepts of two voices."""
    one, two = np.array(same), np.array(others)
    return float(min(max((one < at).mean(), (two >= at).mean()) for at in np.concatenate([one, two])))


def voice_print(channel: grpc.Channel, pcm: bytes) -> Sequence[float]:
    return SpeakerServiceStub(channel).Embed(audio_messages(pcm)).embedding


def confused_ms(script: Sequence[Line], found: Sequence[speech.Turn]) -> tuple[int, int]:
    """Return the time that is assigned to the wrong voice, by the best matching of labels with voices; and all time
    that is assigned.
    """
    overlap: Counter[tuple[str, str]] = Counter()
    for line in script:
        for turn in found:
            both = min(line.end_ms, turn.end_ms) - max(line.start_ms, turn.start_ms)
            overlap[line.voice, turn.label] += max(0, both)
    voices = sorted({line.voice for line in script})
    labels = sorted({turn.label for turn in found})
    labels += [""] * (len(voices) - len(labels))
    best = max(
        sum(overlap[pair] for pair in zip(voices, chosen, strict=True)) for chosen in permutations(labels, len(voices))
    )
    return overlap.total() - best, overlap.total()
