"""Count a symbol by one exemplar, in three bands: a match, withheld with a reason, or no match."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from drawing_engine.exemplars import Exemplar, scan_refusal
from drawing_engine.lines import LineIndex
from drawing_engine.pages import Box, Page
from drawing_engine.poses import Pose, find_poses
from drawing_engine.surroundings import Label, Texts, extra_ink

#: Share of the symbol's ink from which a place is a match, and from which it is withheld.
MATCH, WITHHELD = 0.9, 0.75
#: Ink attached to a place that is not the symbol's, as a share of its own, from which it is withheld, or is no match.
_EXTRA, _OTHER = 0.06, 0.6
MAX_MATCHES = 5_000
#: Share of a symbol's places that carry the same letters, from which labels decide.
_LABELLED = 0.6
#: Share of the labels of a family that differ.
_DISTINCT = 0.7
#: The same as `_LABELLED`, for the letters of the exemplar's label.
_OWN_LABEL = 0.4
_NO_PLAN = re.compile(
    r"(?i)\b(?:legends?|symbols?|schedules?|details?|cover|index|notes|abbreviations|contents|legende|symbole|"
    r"deckblatt|inhaltsverzeichnis|st(?:ü|ue)ckliste|bill of materials?)\b"
)


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the symbol.

    Attributes:
        box: in points.
        turns: by 90°, clockwise, against the exemplar, after mirroring.
        mirrored: left to right.
        share: of the exemplar's ink that is there, 0 to 1.
        label: the text that names it; empty if there is none.
        reason: why it is withheld, a sentence for people; empty for a match.
    """

    box: Box
    turns: int
    mirrored: bool
    share: float
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Count:
    """Places of a symbol on one page.

    Attributes:
        matches: from top to bottom.
        withheld: places that a person should decide.
        complete: False if a limit ended the search: then there are at least `len(matches)`.
        refusal: why the page was not searched, a sentence for people; empty if it was.
    """

    matches: tuple[Place, ...] = ()
    withheld: tuple[Place, ...] = ()
    complete: bool = True
    refusal: str = ""


def count_symbol(
    exemplar: Exemplar, page: Page, *, rotate: bool = True, mirror: bool = True, all_sheets: bool = False,
    legends: Sequence[Box] = (), index: LineIndex | None = None, seconds: float = 1.8,
) -> Count:  # fmt: skip
    """Return where a symbol is on a page. The exemplar is one of the matches on its own page.

    Args:
        rotate: look for it turned by 90°, 180° and 270°, too.
        mirror: look for it mirrored, too.
        all_sheets: count on legends, schedules and details, too.
        legends: areas whose symbols are explained, not installed.
        index: of the page, if it was made before.
        seconds: of processor time, after which the search ends and is incomplete.
    """
    if refusal := scan_refusal(page) or ("" if all_sheets else _plan_refusal(page)):
        return Count(refusal=refusal)
    index = index or LineIndex(page.segments)
    found = find_poses(exemplar.shape, index, rotate=rotate, mirror=mirror, least=WITHHELD, seconds=seconds)
    texts = Texts(page.words)
    places: list[Place] = []
    for pose, share in found.poses[: 2 * MAX_MATCHES]:
        place = _judged(exemplar, texts, index, pose, share, legends)
        if place:
            places.append(place)
    places = _with_labels(places, texts, exemplar.label_letters)
    matches = sorted((place for place in places if not place.reason), key=_reading_order)
    withheld = sorted((place for place in places if place.reason), key=_reading_order)
    complete = found.complete and len(matches) <= MAX_MATCHES
    return Count(tuple(matches[:MAX_MATCHES]), tuple(withheld[:MAX_MATCHES]), complete)


def _reading_order(place: Place) -> tuple[float, float]:
    return place.box.y0, place.box.x0


def _plan_refusal(page: Page) -> str:
    found = _NO_PLAN.search(page.sheet_title)
    if not found:
        return ""
    return (
        f'Page {page.number + 1}, "{page.sheet_title}", does not show installed equipment, so it was not counted. '
        "Ask for all sheets to count it."
    )


def _judged(
    exemplar: Exemplar, texts: Texts, index: LineIndex, pose: Pose, share: float, legends: Sequence[Box]
) -> Place | None:
    """Return a place with the reason to withhold it, if any; None if it is another symbol."""
    box = exemplar.shape.box(pose)
    text = texts.inner(box)
    if exemplar.text and text != exemplar.text:
        return None
    extra = extra_ink(exemplar.shape, index, pose) - exemplar.extra
    if extra > _OTHER:
        return None
    reason = ""
    if any(legend.overlaps(box) for legend in legends):
        reason = "It lies in a legend."
    elif share < MATCH:
        reason = f"Only {share:.0%} of the symbol's lines are there."
    elif extra > _EXTRA:
        reason = f"It has more lines than the exemplar ({extra:.0%})."
    elif text and not exemplar.text:
        reason = f'It holds the text "{text}", the exemplar does not.'
    return Place(box, pose.turns, pose.mirrored, round(share, 4), "", reason)


def _with_labels(places: Sequence[Place], texts: Texts, exemplar_letters: str) -> list[Place]:
    """Return the places with their labels. If most matches carry a label of the same letters, those decide."""
    near = [texts.labels(place.box) for place in places]
    matches = [labels for place, labels in zip(places, near, strict=True) if not place.reason]
    family = _family(matches, exemplar_letters)
    found = (_labelled(place, labels, family) for place, labels in zip(places, near, strict=True))
    return [place for place in found if place]


def _family(matches: Sequence[Sequence[Label]], exemplar_letters: str) -> str:
    """Return the letters that the labels of the matches share; empty if labels do not decide.

    Labels of a family differ (S1, S2); a text that recurs is a circuit or a height.
    """
    texts: dict[str, list[str]] = {}
    for labels in matches:
        for letters in {label.letters for label in labels}:
            texts.setdefault(letters, []).append(next(label.text for label in labels if label.letters == letters))
    shares = {
        letters: len(own) / len(matches)
        for letters, own in texts.items()
        if len(own) >= 3 and len(set(own)) >= _DISTINCT * len(own)
    }
    if shares.get(exemplar_letters, 0) >= _OWN_LABEL:
        return exemplar_letters
    best = max(shares, key=lambda letters: shares[letters], default="")
    return best if best and shares[best] >= _LABELLED else ""


def _labelled(place: Place, labels: Sequence[Label], family: str) -> Place | None:
    """Return a place with its label; None if neither its lines nor its label are the symbol's."""
    own = next((label.text for label in labels if label.letters == family), "")
    text = own or (labels[0].text if labels else "")
    reason = place.reason
    if family and not own:
        if reason and text:
            return None
        label = f'Its label is "{text}"' if text else "It has no label"
        reason = reason or f"{label}; the others begin with {family}."
    return replace(place, label=text, reason=reason)
