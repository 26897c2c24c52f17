"""Decisions about action items, carried to the same items of another summary."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from uuid import UUID

from core.db.saving import save_clean
from meetings.models import ActionItem, ActionItemStatus, Meeting, Segment
from tasks.models import Task

#: The least likeness of the texts of one item, with evidence at the same time; and if no other item is based on that.
_SAME_TEXT, _ALIKE = 0.75, 0.5
#: How far apart the evidence of one item may be.
_TOLERANCE_MS = 1_000

#: The fields that a summary sets.
_MADE = ("text", "owner_name", "assigned_to_id", "due", "due_on", "segment_ids", "confidence")

Span = tuple[int, int]


def carry_decisions(meeting: Meeting, previous: int, version: int) -> None:
    """Carry the decisions over. An accepted item with a task, which the new summary does not have, is added to it."""
    old, new = (list(ActionItem.objects.filter(meeting=meeting, transcript_version=one)) for one in (previous, version))
    decided = [item for item in old if item.status != ActionItemStatus.PROPOSED]
    counterparts = pairs(old, new)
    missing = [item for item in decided if item.pk not in counterparts and item.status == ActionItemStatus.ACCEPTED]
    for before in decided:
        if (item := counterparts.get(before.pk)) and item.status == ActionItemStatus.PROPOSED:
            save_clean(
                item,
                status=before.status,
                task_id=before.task_id,
                decided_by_id=before.decided_by_id,
                decided_at=before.decided_at,
            )
    tasks = {item.task_id for item in new if item.task_id}
    place = max((item.place for item in new), default=0)
    existing = set(Task.objects.filter(pk__in={item.task_id for item in missing}).values_list("pk", flat=True))
    for before in missing:
        if before.task_id in existing - tasks:
            place += 1
            save_clean(_copy(before, meeting, version, place))


def renew(new: Sequence[ActionItem], stored: Sequence[ActionItem]) -> None:
    """Replace the proposed items of a version by new ones. An item that stays the same keeps its row, and one about
    which a user has decided is not changed. Decided items without a new counterpart come last.

    Args:
        new: not saved yet.
        stored: items of the same version.
    """
    counterparts = pairs(stored, new)
    kept = {counterparts[item.pk].pk: item for item in stored if item.pk in counterparts}
    gone = [item for item in stored if item.pk not in counterparts]
    ActionItem.objects.filter(pk__in=[item.pk for item in gone if item.status == ActionItemStatus.PROPOSED]).delete()
    for item in new:
        before = kept.get(item.pk)
        if before is None:
            save_clean(item)
        elif before.status == ActionItemStatus.PROPOSED:
            save_clean(before, place=item.place, **{name: getattr(item, name) for name in _MADE})
        else:
            save_clean(before, place=item.place)
    for place, item in enumerate((one for one in gone if one.status != ActionItemStatus.PROPOSED), len(new) + 1):
        save_clean(item, place=place)


def pairs(old: Sequence[ActionItem], new: Sequence[ActionItem]) -> dict[UUID, ActionItem]:
    """Return the new items by the ids of the old ones that are the same, each at most once."""
    spans = _spans([*old, *new])
    close = {
        one.pk: {other.pk for other in others if _are_close(spans.get(one.pk), spans.get(other.pk))}
        for items, others in ((old, new), (new, old))
        for one in items
    }
    plain = {item.pk: " ".join(item.text.casefold().split()).rstrip(".!?") for item in (*old, *new)}
    candidates = []
    for one in old:
        for other in new:
            if other.pk not in close[one.pk] and plain[one.pk] != plain[other.pk]:
                continue
            likeness = SequenceMatcher(None, plain[one.pk], plain[other.pk], autojunk=False).ratio()
            is_only = close[one.pk] == {other.pk} and close[other.pk] == {one.pk}
            is_close = other.pk in close[one.pk]
            if likeness == 1 or (is_close and likeness >= (_ALIKE if is_only else _SAME_TEXT)):
                candidates.append((is_close + likeness, one, other))
    found: dict[UUID, ActionItem] = {}
    taken: set[UUID] = set()
    for _, one, other in sorted(candidates, key=lambda candidate: -candidate[0]):
        if one.pk not in found and other.pk not in taken:
            found[one.pk] = other
            taken.add(other.pk)
    return found


def _are_close(one: Span | None, other: Span | None) -> bool:
    """Return whether two pieces of evidence are at the same time."""
    return bool(one and other and one[0] - _TOLERANCE_MS < other[1] and other[0] - _TOLERANCE_MS < one[1])


def _spans(items: Iterable[ActionItem]) -> Mapping[UUID, Span]:
    """Return the times of the evidence by the item's id; items without evidence are missing."""
    times = _times({segment_id for item in items for segment_id in item.segment_ids})
    found = {item.pk: [times[one] for one in item.segment_ids if one in times] for item in items}
    return {
        pk: (min(start for start, _ in spans), max(end for _, end in spans)) for pk, spans in found.items() if spans
    }


def _times(segment_ids: Collection[UUID]) -> Mapping[UUID, Span]:
    rows = Segment.objects.filter(pk__in=segment_ids).values_list("pk", "start_ms", "end_ms")
    return {pk: (start_ms, end_ms) for pk, start_ms, end_ms in rows}


def _copy(before: ActionItem, meeting: Meeting, version: int, place: int) -> ActionItem:
    """Copy an action item to this version. Its evidence is the segments at the times of the former ones."""
    span = _spans([before]).get(before.pk)
    segment_ids: list[UUID] = []
    if span:
        rows = Segment.objects.filter(meeting=meeting, transcript_version=version)
        within = rows.filter(start_ms__lt=span[1], end_ms__gt=span[0]).order_by("start_ms")
        segment_ids = list(within.values_list("pk", flat=True))
    return ActionItem(
        meeting=meeting,
        transcript_version=version,
        place=place,
        text=before.text,
        owner_name=before.owner_name,
        assigned_to_id=before.assigned_to_id,
        due=before.due,
        due_on=before.due_on,
        segment_ids=segment_ids,
        confidence=before.confidence,
        status=before.status,
        task_id=before.task_id,
        decided_by_id=before.decided_by_id,
        decided_at=before.decided_at,
    )
