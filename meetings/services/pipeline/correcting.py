"""Step before the summary: correct the recognised text by the vocabulary of the version and the names of its people."""

from core.db.saving import save_clean
from meetings.models import EditSource, Segment, SegmentEdit
from meetings.models.transcripts import MAX_SEGMENT_TEXT_LENGTH
from meetings.services.pipeline.summarizing import people_of
from meetings.services.pipeline.work import Work
from meetings.vocabulary import Vocabulary

#: The rules know English spelling and sounds; an unknown language is taken for it, as engines do.
LANGUAGES = ("", "en")
_BATCH_SIZE = 200


def correct_by_vocabulary(work: Work) -> None:
    """Correct each segment that no user has edited. What was recognised is kept, and the correction is recorded.

    Raises:
        LeaseLost, Cancelled
    """
    if work.transcript.spoken_language not in LANGUAGES:
        return
    names = [name for user in people_of(work) for name in (user.first_name, user.last_name, user.display_name) if name]
    vocabulary = Vocabulary([*work.transcript.vocabulary, *names])
    untouched = work.segments().filter(edited_at=None, by_vocabulary=False)
    recognised = list(untouched.values_list("pk", "text"))
    for begin in range(0, len(recognised), _BATCH_SIZE):
        batch = recognised[begin : begin + _BATCH_SIZE]
        corrected = ((pk, text, vocabulary.correct(text)) for pk, text in batch)
        # A text that would become too long for a segment stays as it is.
        new_texts = {pk: new for pk, text, new in corrected if new != text and len(new) <= MAX_SEGMENT_TEXT_LENGTH}
        # Also without corrections: it renews the lease.
        with work.commit():
            # A user may have edited one since.
            rows = untouched.select_for_update(of=("self",), no_key=True).filter(pk__in=new_texts)
            for segment in rows:
                _correct(segment, new_texts[segment.pk])


def _correct(segment: Segment, text: str) -> None:
    save_clean(segment, text=text, by_vocabulary=True)
    SegmentEdit.objects.create(
        segment=segment, text=segment.text, speaker_id=segment.speaker_id, source=EditSource.VOCABULARY
    )
