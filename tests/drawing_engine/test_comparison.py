"""Differences between versions of a document."""

from drawing_engine.comparison import Change, Item, Sheet, compare
from drawing_engine.pages import Box, Word


def word(text: str, x: float, y: float) -> Word:
    return Word(text, Box(x, y, x + 5 * len(text), y + 8))


def item(key: str, x: float, y: float, description: str = "relay") -> Item:
    return Item(key, f"{key} {description}".strip(), Box(x, y, x + 20, y + 8))


def test_components_are_added_removed_moved_and_changed() -> None:
    old = Sheet(0, "1", (), [item("-K1", 0, 0), item("-K2", 100, 0), item("-K3", 200, 0), item("-K4", 300, 0)])
    new = Sheet(0, "1", (), [item("-K1", 0, 0), item("-K2", 140, 0), item("-K3", 200, 0, "24V"), item("-K5", 0, 90)])
    (page,) = compare([old], [new])
    assert [(one.change, one.old, one.new) for one in page.components] == [
        (Change.MOVED, "-K2 relay", "-K2 relay"), (Change.CHANGED, "-K3 relay", "-K3 24V"),
        (Change.ADDED, "", "-K5 relay"), (Change.REMOVED, "-K4 relay", ""),
    ]  # fmt: skip


def test_pages_are_paired_by_sheet_number_and_by_text() -> None:
    def sheet(number: int, name: str, text: str) -> Sheet:
        return Sheet(number, name, [word(part, 50 * n, 0) for n, part in enumerate(text.split())], ())

    old = [sheet(0, "1", "cover"), sheet(1, "2", "motors"), sheet(2, "", "lamps and horns"), sheet(3, "9", "spare")]
    new = [sheet(0, "1", "cover"), sheet(1, "1a", "other"), sheet(2, "2", "motors"), sheet(3, "", "lamps and sirens")]
    assert [(page.old_page, page.new_page) for page in compare(old, new)] == [
        (0, 0), (None, 1), (1, 2), (2, 3), (3, None),
    ]  # fmt: skip


def test_sheet_that_moved_as_a_whole_has_not_changed() -> None:
    words = [word(text, 60 * n, 30 * n) for n, text in enumerate(("alpha", "beta", "gamma", "delta"))]
    moved = [Word(one.text, Box(*(side + 25 for side in one.box))) for one in words]
    old, new = Sheet(0, "1", words, [item("-K1", 0, 0)]), Sheet(0, "1", moved, [item("-K1", 25, 25)])
    (page,) = compare([old], [new])
    assert not page.components and not page.texts


def test_text_that_was_replaced_in_its_place_has_changed() -> None:
    old = Sheet(0, "1", [word("Pump", 0, 0), word("one", 23, 0), word("Fan", 0, 50)], ())
    new = Sheet(0, "1", [word("Pump", 0, 0), word("two", 23, 0), word("Horn", 200, 90)], ())
    (page,) = compare([old], [new])
    assert [(one.change, one.old, one.new) for one in page.texts] == [
        (Change.CHANGED, "Pump one", "Pump two"), (Change.ADDED, "", "Horn"), (Change.REMOVED, "Fan", ""),
    ]  # fmt: skip


def test_symbols_without_a_designator_are_paired_in_their_place() -> None:
    old = Sheet(0, "1", (), [item("", 0, 0, "luminaire"), item("", 100, 0, "luminaire")])
    new = Sheet(0, "1", (), [item("", 0, 0, "luminaire"), item("", 500, 0, "luminaire")])
    (page,) = compare([old], [new])
    assert [one.change for one in page.components] == [Change.ADDED, Change.REMOVED]


def test_nothing_equals_nothing() -> None:
    assert compare([], []) == []
