"""Due dates in spoken English: finds such phrases, and resolves them to a day."""

import re
from collections.abc import Callable
from datetime import date, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_CARDINAL_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_ORDINAL_WORDS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth
    twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first
"""
_NUMBERS = {word: number for number, word in enumerate(_CARDINAL_WORDS.split(), 1)} | {
    "a": 1,
    "an": 1,
    "a couple of": 2,
}
_ORDINALS = {word: number for number, word in enumerate(_ORDINAL_WORDS.split(), 1)}
_DAY, _MONTH = "|".join(_DAYS), "|".join(_MONTHS)
_BY = r"(?:by|on|before|until) "
_NUMBER = "|".join([r"\d{1,2}", *_NUMBERS])
_ORDINAL = "|".join([r"\d{1,2}(?:st|nd|rd|th)?", *(word.replace("-", "[- ]") for word in reversed(_ORDINALS))])

Resolve = Callable[[re.Match[str], date], date | None]


def _weekday(found: re.Match[str], today: date) -> date:
    wanted = _DAYS.index(found["day"])
    if (found["which"] or "").strip() == "next":
        return today - timedelta(today.weekday()) + timedelta(7 + wanted)
    return today + timedelta((wanted - today.weekday() - 1) % 7 + 1)


def _tomorrow(found: re.Match[str], today: date) -> date:
    return today + timedelta(2 if found["after"] else 1)


def _today(_: re.Match[str], today: date) -> date:
    return today


def _in(found: re.Match[str], today: date) -> date:
    number = int(_NUMBERS.get(found["number"], 0) or found["number"])
    return today + timedelta(number * (7 if found["unit"].startswith("week") else 1))


def _period(found: re.Match[str], today: date) -> date:
    """Return the last day of this or the next week (Friday) or month."""
    later = found["which"] == "next"
    if found["unit"] == "week":
        return today - timedelta(today.weekday()) + timedelta(4 + 7 * later)
    return _first_of_month(today, 1 + later) - timedelta(1)


def _first_of_month(today: date, months_on: int) -> date:
    months = today.year * 12 + today.month - 1 + months_on
    return date(months // 12, months % 12 + 1, 1)


def _calendar(found: re.Match[str], today: date) -> date | None:
    """Return the next occurrence of a day of the year."""
    ordinal = found["ordinal"].replace(" ", "-")
    number = _ORDINALS.get(ordinal) or int(re.sub(r"\D", "", ordinal))
    for year in (today.year, today.year + 1):
        try:
            day = date(year, _MONTHS.index(found["month"]) + 1, number)
        except ValueError:
            return None
        if day >= today:
            return day
    return None


def _iso(found: re.Match[str], _: date) -> date | None:
    try:
        return date.fromisoformat(found["iso"])
    except ValueError:
        return None


_KINDS: list[tuple[re.Pattern[str], Resolve]] = [
    (re.compile(rf"\b(?:{_BY}|this |(?P<which>next) )+(?P<day>{_DAY})\b"), _weekday),
    (re.compile(rf"\b(?:{_BY})?(?P<after>the day after )?tomorrow\b"), _tomorrow),
    (re.compile(r"\b(?:by |later )?(?:today|tonight|the end of (?:the|this) day|end of day)\b"), _today),
    (re.compile(rf"\b(?:with)?in (?P<number>{_NUMBER}) (?P<unit>days?|weeks?)\b"), _in),
    (re.compile(rf"\b(?:{_BY})?(?:the )?(?:end of )?(?P<which>the|this|next) (?P<unit>week|month)\b"), _period),
    (re.compile(rf"\b{_BY}(?:the )?(?P<month>{_MONTH}) (?:the )?(?P<ordinal>{_ORDINAL})\b"), _calendar),
    (re.compile(rf"\b{_BY}(?:the )?(?P<ordinal>{_ORDINAL}) (?:of )?(?P<month>{_MONTH})\b"), _calendar),
    (re.compile(rf"\b(?:{_BY})?(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})\b"), _iso),
]


def find_due(text: str) -> re.Match[str] | None:
    """Return the first phrase in a text (in lower case) that states a due date."""
    found = [match for pattern, _ in _KINDS if (match := pattern.search(text))]
    return min(found, key=lambda match: (match.start(), -match.end()), default=None)


def day_of(phrase: str, today: date) -> date | None:
    """Return the day that a phrase, spoken on `today`, refers to; None if it cannot be resolved."""
    for pattern, resolve in _KINDS:
        if match := pattern.fullmatch(phrase):
            return resolve(match, today)
    return None
