"""Accuracy and speed of a speech node with the engines of this package.

.venv/bin/python -m bench.speech [--seed N] [--scenes N] [--only words|invented|understood|speed|speakers]
"""

import argparse
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import numpy as np
import psutil
from numpy.typing import NDArray

from bench import understanding
from bench.flite import PAUSE, RATE, spoken
from bench.measuring import cpu_seconds, machine, print_table
from bench.word_error import WordError, word_error
from speechnode.engines.decode import Decoder
from tandem.speech.v1 import speech_pb2 as speech
from tandem.speech.v1.speech_pb2_grpc import AsrServiceStub, SpeakerServiceStub, SummaryServiceStub

#: Debian's pocketsphinx-testdata: a librivox reader, and a speaker who names playing cards.
TESTDATA = Path("/usr/share/pocketsphinx/test/data")
VOICES = ("rms", "slt", "awb", "kal16")
BARS = {
    "librivox": 0.05, "cards": 0.12, "flite": 0.05, "silence": 0.0, "white noise": 2.0, "music": 5.0,
    "speed": 0.15, "confusion": 0.03, "count": 0.95, "eer": 0.02,
}  # fmt: skip
#: Length of each sound without speech.
INVENTED_SECONDS = 600
BYTES_PER_MS = RATE * 2 // 1000

#: Typical sentences of meetings, written before the first measurement.
SENTENCES = """
Good morning everybody and welcome to our weekly meeting.
First of all I would like to talk about the plan for next month.
The customers are happy with the new version of the program.
We still have a problem with the price of the material.
I spoke with the bank yesterday and they agreed to wait until June.
Can somebody please explain why the numbers are so low this year?
In my opinion we should ask the people who use it every day.
The team in London finished the first part of the work last week.
We have decided to move the office to the other side of the city.
She will prepare the contract and send it to the lawyer on Monday.
There are three questions that we have to answer before the end of the day.
I am not sure that we can do all of this without more money.
Let us look at the results of the second test together.
The new machine is faster but it needs more power than the old one.
He told me that the train was late again because of the snow.
We need two more people in the support group before the summer.
Nobody knows how long it will take to repair the water system.
I suggest that we stop here and continue after lunch.
The report was sent to the director and to all members of the board.
Thank you all for your time and see you again next Thursday.
""".strip().splitlines()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a scene, spoken by one voice."""

    voice: str
    start_ms: int
    end_ms: int


@contextmanager
def node() -> Iterator[tuple[grpc.Channel, psutil.Process]]:
    """Run a node on one core. Yields a channel to it, and its process."""
    command = [
        sys.executable,
        "-m",
        "speechnode",
        "--listen",
        "127.0.0.1:0",
        "--end-with-stdin",
        "--log-level",
        "warning",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            address = process.stdout.readline().split()[-1]
            running = psutil.Process(process.pid)
            if hasattr(running, "cpu_affinity"):
                running.cpu_affinity([running.cpu_affinity()[-1]])
            with grpc.insecure_channel(address) as channel:
                yield channel, running
        finally:
            process.kill()


def transcript(channel: grpc.Channel, pcm: bytes, *, word_times: bool = False) -> list[speech.Segment]:
    """Return a node's transcript of the samples."""

    def messages() -> Iterator[speech.AsrUp]:
        yield speech.AsrUp(start=speech.AsrStart(format=speech.AUDIO_FORMAT_PCM_S16LE_16K, word_times=word_times))
        for chunk in chunks(pcm):
            yield speech.AsrUp(audio=chunk)

    return [answer.segment for answer in AsrServiceStub(channel).Transcribe(messages()) if answer.segment.final]


def turns(channel: grpc.Channel, pcm: bytes) -> list[speech.Turn]:
    """Return a node's diarization of the samples."""
    answers = SpeakerServiceStub(channel).Diarize(audio_messages(pcm))
    return [answer.turn for answer in answers if answer.HasField("turn")]


def chunks(pcm: bytes) -> Iterator[speech.AudioChunk]:
    for seq, begin in enumerate(range(0, len(pcm), 65536)):
        yield speech.AudioChunk(seq=seq, data=pcm[begin : begin + 65536])


def readings(set_: str) -> list[tuple[str, bytes]]:
    """Return text and samples of a folder of the test data."""
    transcription = next((TESTDATA / set_).glob("*transcription")).read_text()
    found = re.findall(r"^<s> (.*?)\s*</s> \((\S+)\)$", transcription, re.MULTILINE)
    return [(text, decoded(TESTDATA / set_ / f"{name}.wav")) for text, name in found]


def decoded(path: Path) -> bytes:
    with path.open("rb") as file:
        return b"".join(Decoder(file))


def errors(channel: grpc.Channel, read: Sequence[tuple[str, bytes]]) -> WordError:
    """Return the word errors of all readings together. Each is sent separately, with a pause after it."""
    each = [
        word_error(text, " ".join(segment.text for segment in transcript(channel, pcm + PAUSE))) for text, pcm in read
    ]
    return WordError(sum(one.errors for one in each), sum(one.words for one in each))


def words(channel: grpc.Channel) -> list[list[str]]:
    """Measure the word error rate, of people and of flite's voices."""
    rows = []
    for name in ("librivox", "cards"):
        found = errors(channel, readings(name))
        rows.append(judged(f"word error, {name}", found.rate, BARS[name], f" of {found.words}"))
    total = WordError(0, 0)
    for voice in VOICES:
        found = errors(channel, [(text, spoken(text, voice)) for text in SENTENCES])
        rows.append([f"word error, flite: {voice}", f"{found.rate:.1%} of {found.words}", "", ""])
        total = WordError(total.errors + found.errors, total.words + found.words)
    rows.append(judged("word error, flite", total.rate, BARS["flite"], f" of {total.words}"))
    return rows


def invented(channel: grpc.Channel, random_: random.Random) -> list[list[str]]:
    """Count the words that are recognised in sounds without speech, per hour."""
    rows = []
    sounds = {"silence": silence(), "white noise": white_noise(random_), "music": music(random_)}
    for name, pcm in sounds.items():
        count = sum(len(segment.text.split()) for segment in transcript(channel, pcm))
        per_hour = count * 3_600_000 / (len(pcm) / BYTES_PER_MS)
        minutes = f"{len(pcm) / BYTES_PER_MS / 60_000:.0f} min"
        rows.append(judged(f"invented words per hour, {name}", per_hour, BARS[name], note=minutes, percent=False))
    return rows


def silence() -> bytes:
    return bytes(RATE * 2 * INVENTED_SECONDS)


def white_noise(random_: random.Random) -> bytes:
    """Return noise that has another loudness in each second, from -60 to -10 dB."""
    generator = np.random.default_rng(random_.randrange(2**32))
    loudness = np.repeat(10 ** generator.uniform(-3, -0.5, INVENTED_SECONDS), RATE)
    return pcm_of(generator.normal(0, 1, RATE * INVENTED_SECONDS) * loudness)


def music(random_: random.Random) -> bytes:
    """Return chords of plucked strings with vibrato: five harmonics each, of a quarter to one second."""
    pieces, left = [], RATE * INVENTED_SECONDS
    while left > 0:
        at = np.arange(min(left, round(RATE * random_.choice((0.25, 0.5, 1.0))))) / RATE
        root, vibrato = random_.randrange(40, 70), random_.uniform(0, 2) * np.sin(2 * np.pi * 5 * at)
        tones = (440 * 2 ** ((root + step - 69) / 12) for step in (0, random_.choice((3, 4)), 7))
        chord = sum(
            np.sin(2 * np.pi * tone * number * at + vibrato) / number for tone in tones for number in range(1, 6)
        )
        pieces.append(np.asarray(chord) * np.exp(-2 * at) / 7)
        left -= len(at)
    return pcm_of(np.concatenate(pieces))


def pcm_of(samples: NDArray[np.float64]) -> bytes:
    return bytes((samples * 32767).clip(-32768, 32767).astype("<i2").tobytes())


def speed(channel: grpc.Channel, process: psutil.Process, random_: random.Random) -> list[list[str]]:
    """Measure the CPU time of each step, relative to the length of the recording."""
    pcm, _ = scene(["rms", "slt", "librivox"], 40, random_)
    transcript(channel, pcm[: 32 * 10_000])  # Loads the models.
    rows, total = [], 0.0
    segments: list[speech.Segment] = []
    for name in ("transcribe", "separate voices", "summarise"):
        before, begun = cpu_seconds(process), time.monotonic()
        if name == "transcribe":
            segments = transcript(channel, pcm)
        elif name == "summarise":
            said = [speech.SpokenSegment(segment_id=one.segment_id, text=one.text) for one in segments]
            list(SummaryServiceStub(channel).Summarize(speech.SummarizeRequest(segments=said)))
        else:
            turns(channel, pcm)
        used = (cpu_seconds(process) - before) / (len(pcm) / BYTES_PER_MS / 1000)
        took = (time.monotonic() - begun) / (len(pcm) / BYTES_PER_MS / 1000)
        total += used
        rows.append([f"real-time factor: {name}", f"{used:.3f}", "", f"wall {took:.3f}"])
    length = f"{len(pcm) / BYTES_PER_MS / 60_000:.1f} min"
    rows.append(judged("real-time factor, all, CPU", total, BARS["speed"], note=length, percent=False))
    return rows


def scene(voices: Sequence[str], lines: int, random_: random.Random) -> tuple[bytes, list[Line]]:
    """Generate a conversation in which each voice speaks at least once."""
    pcm, script = b"", []
    order = [*voices, *random_.choices(voices, k=lines - len(voices))]
    random_.shuffle(order)
    # A voice repeats a sentence only after all others, because a machine speaks it in exactly the same way.
    left: dict[str, list[str | bytes]] = {}
    for voice in order:
        if not left.get(voice):
            everything = [pcm for _, pcm in readings("librivox")] if voice == "librivox" else SENTENCES
            left[voice] = random_.sample(everything, len(everything))
        sentence = left[voice].pop()
        line = sentence if isinstance(sentence, bytes) else spoken(sentence, voice)
        start = len(pcm) // BYTES_PER_MS
        pcm += line
        script.append(Line(voice, start, len(pcm) // BYTES_PER_MS))
        pcm += bytes(random_.randrange(200, 900) * BYTES_PER_MS)
    return pcm, script


def audio_messages(pcm: bytes) -> Iterator[speech.AudioUp]:
    yield speech.AudioUp(start=speech.AudioStart(format=speech.AUDIO_FORMAT_PCM_S16LE_16K))
    for chunk in chunks(pcm):
        yield speech.AudioUp(audio=chunk)


def judged(
    name: str, value: float, bar: float, of: str = "", *, at_least: bool = False, note: str = "", percent: bool = True
) -> list[str]:
    """Format a row with a target."""
    reached = value >= bar if at_least else value <= bar
    form = "{:.1%}" if percent else "{:.3f}"
    sign = ">=" if at_least else "<="
    return [
        name,
        form.format(value) + of,
        f"{sign} {form.format(bar)}",
        "reached" * reached + "MISSED" * (not reached) + f" {note}".rstrip(),
    ]


def main() -> None:
    """Measure, and print the results."""
    parser = argparse.ArgumentParser(description="Measure the engines of the speech node.")
    parser.add_argument("--seed", type=int, default=1, help="seed of the conversations (default: %(default)s)")
    parser.add_argument(
        "--scenes", type=int, default=5, help="conversations for each number of voices (default: %(default)s)"
    )
    parser.add_argument("--only", choices=("words", "invented", "understood", "speed", "speakers"))
    parser.add_argument(
        "--prompts", type=Path, default=understanding.PROMPTS, help="prompts of people (default: %(default)s)"
    )
    given = parser.parse_args()
    print(f"{machine()}, seed {given.seed}")
    rows: list[list[str]] = []
    with node() as (channel, process):
        if given.only in (None, "words"):
            rows += words(channel)
        if given.only in (None, "invented"):
            rows += invented(channel, random.Random(given.seed))
        if given.only in (None, "understood"):
            read = [pcm for _, pcm in readings("librivox")]
            rows += understanding.rows(channel, read, given.prompts, random.Random(given.seed))
        if given.only in (None, "speed"):
            rows += speed(channel, process, random.Random(given.seed))
        if given.only in (None, "speakers"):
            from bench import voices  # It uses this module.

            rows += voices.similarities(channel)
            rows += voices.speakers(channel, given.scenes, random.Random(given.seed))
    print_table(["", "measured", "bar", ""], rows)


if __name__ == "__main__":
    main()
