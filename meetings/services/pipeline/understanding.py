"""Judgement of how well a recording was understood, by the confidence of its segments."""

from collections import Counter
from typing import NamedTuple

from django.db.models import Sum

from core.db.saving import save_clean
from meetings.models import Speaker
from meetings.services.pipeline.work import Failed, Work


class Bars(NamedTuple):
    """The share of a recording that must have been understood: without a notice, and for a summary."""

    notice: float
    summary: float


#: Engine → bars, measured (docs/operate/speech.md). The confidence of other engines is not comparable.
BARS = {"moonshine": Bars(0.7, 0.5), "pocketsphinx": Bars(0.5, 0.42)}
#: Less speech is not judged.
MIN_SPEECH_MS = 5_000

MUCH_MISSED = (
    "Much of this recording was not understood with confidence: compare the transcript with it before you rely on it."
)
HARDLY_UNDERSTOOD = (
    "Hardly a word was understood with confidence; the voices, the room or the language may not suit this engine."
)
NOTHING_UNDERSTOOD = (
    "Speech was detected in this recording, but not a word was understood with confidence, so there is no transcript."
)
OTHER_LANGUAGE = (
    "No language was given, and the engine knows English only: if another one is spoken, have the recording "
    "transcribed again with that language."
)
_MAX_NOTICE_LENGTH = 1000


def judge(work: Work) -> None:
    """Add a notice to the meeting if much of its recording was not understood.

    Raises:
        Failed: so little was understood that a summary would mislead.
        LeaseLost, Cancelled
    """
    share, bars = _understood(work)
    if share >= bars.notice:
        return
    language = "" if work.transcript.language else OTHER_LANGUAGE
    if share < bars.summary:
        if language:
            # It was assumed, not detected.
            work.set_spoken_language("")
        raise Failed(f"{HARDLY_UNDERSTOOD} {language}".strip())
    with work.commit() as meeting:
        sentences = (MUCH_MISSED, language)
        new = " ".join(one for one in sentences if one and one not in meeting.notice)
        save_clean(meeting, notice=f"{meeting.notice} {new}".strip()[:_MAX_NOTICE_LENGTH])


def _understood(work: Work) -> tuple[float, Bars]:
    """Return the understood share of the speech, and the bars of the engine of most of the text.

    The share is the confidence of the segments, weighted by their lengths; speech without text counts as not
    understood, and text that a user has corrected as understood.
    """
    rows = work.segments().values_list("engine__name", "start_ms", "end_ms", "confidence", "edited_by")
    length_ms: Counter[str] = Counter()
    understood_ms = 0.0
    for engine, start_ms, end_ms, confidence, edited_by in rows:
        length_ms[engine] += end_ms - start_ms
        understood_ms += (end_ms - start_ms) * (1.0 if edited_by else confidence)
    voices = Speaker.objects.filter(
        meeting=work.transcript.meeting_id, transcript_version=work.transcript.version
    ).aggregate(heard_ms=Sum("speech_ms"))
    heard_ms = max(length_ms.total(), voices["heard_ms"] or 0)
    engine = max(length_ms, key=length_ms.__getitem__, default="")
    if engine not in BARS or heard_ms < MIN_SPEECH_MS:
        return 1.0, Bars(0, 0)
    return understood_ms / heard_ms, BARS[engine]
