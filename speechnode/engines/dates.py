"""Due dates in spoken English: finds such phrases, and resolves them to a day.

`_TABLE` has a row for each kind: a pattern, and the function that counts the day. A phrase is found
whole or not at all.
"""

import re
from calendar import monthrange
from collections.abc import Callable, Iterable
from datetime import date, timedelta

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_CARDINAL_WORDS = """
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen
"""
_ORDINAL_WORDS = """
    first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth
    sixteenth seventeenth eighteenth nineteenth
"""
_TEN_WORDS = "twenty thirty forty fifty sixty seventy eighty ninety"
_CARDINALS, _UNIT_ORDINALS = _CARDINAL_WORDS.split(), _ORDINAL_WORDS.split()
_TENS = {word: 10 * number for number, word in enumerate(_TEN_WORDS.split(), 2)}
_NUMBERS = {
    "a": 1,
    "an": 1,
    "a couple of": 2,
    **{word: number for number, word in enumerate(_CARDINALS, 1)},
    **_TENS,
    **{f"{ten} {word}": tens + unit for ten, tens in _TENS.items() for unit, word in enumerate(_CARDINALS[:9], 1)},
}
_ORDINALS = {
    **{word: number for number, word in enumerate(_UNIT_ORDINALS, 1)},
    "twentieth": 20,
    **{f"twenty {word}": 20 + number for number, word in enumerate(_UNIT_ORDINALS[:9], 1)},
    "thirtieth": 30,
    "thirty first": 31,
}
_HOLIDAYS = {"christmas eve": (12, 24), "christmas": (12, 25), "new year's eve": (12, 31), "new year": (1, 1)}


def _any(words: Iterable[str]) -> str:
    """Return a pattern of these words, the longest first. A hyphen may be in the place of a blank."""
    return "|".join(sorted(words, key=len, reverse=True)).replace(" ", "[ -]")


_DAY, _MONTH, _UNIT = _any(_DAYS), _any(_MONTHS), "week|month|quarter|year"
_NUMBER = rf"\d{{1,3}}|{_any(_NUMBERS)}"
_ORDINAL = rf"\d{{1,2}}(?:st|nd|rd|th)?|{_any(_ORDINALS)}"
_HOUR_NUMBER = rf"(?:{_any(_CARDINALS)}|\d{{1,2}}(?::\d\d)?)(?: thirty)?"
_CLOCK = rf"(?:noon|lunch|midday|midnight|{_HOUR_NUMBER}(?: o'clock| ?[ap]\.?m\b\.?))"
_HOUR = (
    r"(?:,? (?:first thing|(?:in the )?(?:early |late )?(?:morning|afternoon|evening|night)"
    rf"|(?:at|by|before) {_CLOCK})){{0,2}}"
)
_BY = r"(?:(?:due )?(?:by|on|before|until|till)|due|(?:no|not) later than|at the latest(?: by| on)?)"
_EARLY = r"(?:sometime|early|later|late|first thing)"
#: Before a day: "the slides for Friday" are due. Before a period, "for" is no due date: "the budget for next year".
_FOR = rf"(?:(?:{_BY}|{_EARLY}|for) ){{0,3}}"
_WHEN = rf"(?:(?:{_BY}|{_EARLY}|in|within|during) ){{0,3}}"
_END = r"(?:(?:at )?(?:the )?(?:very )?end of )"
#: What may follow a day without a word such as "by": not in "the Friday meeting" or "the first draft".
_LAST = (
    r"(?=$|[,.;!?]"
    r"| (?:about|and|as|at|because|but|for|from|if|in|latest|or|please|right|so|that|then|to|when|which|with)\b)"
)
#: Words before a phrase that make it no due date: "since Friday", "from Monday to Friday".
_NOT_DUE = "a about each every for from last of past since than the to"
_NOT_AFTER = "".join(rf"(?<!\b{word} )" for word in _NOT_DUE.split())

Resolve = Callable[[re.Match[str], date], date | None]


def _weekday(found: re.Match[str], today: date) -> date:
    which = _group(found, "which")
    if which:
        return _monday(today, weeks_on=which == "next") + timedelta(_DAYS.index(_group(found, "day")))
    return _after(today, _group(found, "day"))


def _after(today: date, day: str) -> date:
    return today + timedelta((_DAYS.index(day) - today.weekday() - 1) % 7 + 1)


def _monday(today: date, weeks_on: int) -> date:
    return today + timedelta(7 * weeks_on - today.weekday())


def _tomorrow(found: re.Match[str], today: date) -> date:
    return today + timedelta(2 if found["after"] else 1)


def _today(_: re.Match[str], today: date) -> date:
    return today


def _open(_: re.Match[str], __: date) -> None:
    """Return no day: the phrase names none."""


def _in(found: re.Match[str], today: date) -> date:
    number, unit = _number(_group(found, "number")), _group(found, "unit").rstrip("s")
    start = _group(found, "start")
    if start in _DAYS:
        today = _after(today, start)
    elif start == "tomorrow":
        today += timedelta(1)
    if unit in ("month", "year"):
        first = _first_of_month(today, number * (12 if unit == "year" else 1))
        return first.replace(day=min(today.day, monthrange(first.year, first.month)[1]))
    return today + timedelta(number * {"day": 1, "week": 7, "fortnight": 14}.get(unit, 0))


def _number(words: str) -> int:
    known = _NUMBERS.get(words)
    return int(words) if known is None else known


def _period(found: re.Match[str], today: date) -> date:
    """Return the last day of this period, the next one, or that after it; of a week, Friday."""
    unit, later = _group(found, "unit"), 2 if _group(found, "after") else int(_group(found, "which") == "next")
    if unit == "week":
        # On a weekend, this week's Friday has passed.
        return _monday(today, later) + timedelta(6 if today.weekday() > 4 and not later else 4)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    return _first_of_month(today, months * (later + 1) - (today.month - 1) % months) - timedelta(1)


def _weekend(found: re.Match[str], today: date) -> date:
    """Return the last day of the weekend, or Friday if the phrase is "by" or "before the weekend"."""
    friday = _monday(today, weeks_on=_group(found, "which") == "next") + timedelta(4)
    return friday if _group(found, "by") and friday >= today else friday + timedelta(2)


def _first_of_month(today: date, months_on: int) -> date:
    months = today.year * 12 + today.month - 1 + months_on
    return date(months // 12, months % 12 + 1, 1)


def _month(found: re.Match[str], today: date) -> date:
    """Return the middle, or the last day, of the next month of this name."""
    month = _MONTHS.index(_group(found, "month")) + 1
    years = [date(today.year + year, month, 1) for year in (0, 1)]
    ends = [_first_of_month(first, 1) - timedelta(1) for first in years]
    days = [first.replace(day=15) for first in years] if _group(found, "mid") else ends
    return next(day for day in days if day >= today)


def _calendar(found: re.Match[str], today: date) -> date | None:
    """Return the next occurrence of a day of a month or of a year; None if there is none."""
    ordinal = _group(found, "ordinal")
    number = _ORDINALS.get(ordinal) or int(re.sub(r"\D", "", ordinal))
    month = _MONTHS.index(_group(found, "month")) + 1 if _group(found, "month") else 0
    if year := _group(found, "year"):
        return _day(int(year), month, number)
    firsts = [_first_of_month(today, months_on) for months_on in range(13)]
    days = [_day(first.year, first.month, number) for first in firsts if month in (0, first.month)]
    return next((day for day in days if day and day >= today), None)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _iso(found: re.Match[str], _: date) -> date | None:
    year, month, day = map(int, found["iso"].split("-"))
    return _day(year, month, day)


def _holiday(found: re.Match[str], today: date) -> date:
    month, day = _HOLIDAYS[_group(found, "holiday")]
    this_year = date(today.year, month, day)
    return this_year if this_year >= today else this_year.replace(year=today.year + 1)


def _group(found: re.Match[str], name: str) -> str:
    """Return the words of a group in lower case, without hyphens; empty if the kind has no such group."""
    return (found.groupdict().get(name) or "").lower().replace("-", " ")


_TABLE: list[tuple[str, Resolve]] = [
    (rf"{_FOR}(?:this |(?:the )?(?:coming|following) |(?P<which>next) )(?P<day>{_DAY}){_HOUR}", _weekday),
    (rf"(?:(?:{_BY}|{_EARLY}) ){{1,3}}(?P<day>{_DAY}){_HOUR}", _weekday),
    (rf"{_FOR}(?P<day>{_DAY}){_HOUR}{_LAST}", _weekday),
    (rf"{_FOR}(?P<day>{_DAY})(?: of)? (?P<which>this|next) week{_HOUR}", _weekday),
    (rf"{_FOR}(?P<which>this|next) week,? (?:on )?(?P<day>{_DAY}){_HOUR}", _weekday),
    (rf"{_FOR}(?P<after>the day after )?tomorrow{_HOUR}", _tomorrow),
    (rf"{_FOR}(?:today|tonight|this (?:morning|afternoon|evening)){_HOUR}", _today),
    (rf"(?:{_BY} )?(?:eod|cob|(?:the )?close of business|{_END}(?:(?:the|this) )?(?:business )?day|{_END}business)"
     r"(?: today)?", _today),
    (rf"(?:by|before|until) (?:{_CLOCK}|the (?:evening|afternoon))(?: today)?", _today),
    (rf"(?:with)?in (?:the next )?(?P<number>{_NUMBER}) (?P<unit>(?:minute|hour|day|week|fortnight|month|year)s?)"
     r"(?:' time| from now)?", _in),
    (rf"(?:with)?in the (?:next|coming) (?P<number>)(?P<unit>{_UNIT})", _open),
    (rf"{_FOR}(?P<number>{_NUMBER}) (?P<unit>(?:day|week|month)s?) from (?P<start>now|today|tomorrow|{_DAY})", _in),
    (r"(?:with)?in (?:the )?(?:a few|next few|coming|several|some) (?:minutes|hours|days|weeks|months)", _open),
    (rf"{_WHEN}{_END}?(?P<which>this|next) (?P<unit>{_UNIT})", _period),
    (rf"{_WHEN}{_END}?the (?P<unit>week|month|year) (?P<after>after next)", _period),
    (rf"(?:{_BY} )?{_END}(?:the )?(?P<unit>{_UNIT})", _period),
    (rf"(?:within|during) the (?P<unit>{_UNIT})", _period),
    (rf"{_BY} (?:the )?(?P<unit>month|quarter|year)(?:'s)?[ -]end", _period),
    (rf"(?P<by>{_BY}) (?:the|this|(?P<which>next)) weekend", _weekend),
    (r"(?:(?:over|during|at|on) the|(?:(?:over|during|at|on) )?(?:this|(?P<which>next))) weekend", _weekend),
    (rf"(?:{_BY} )?{_END}(?P<month>{_MONTH})", _month),
    (rf"(?:{_BY} |in )(?:the )?(?P<mid>mid|middle of)[ -](?P<month>{_MONTH})", _month),
    (rf"(?:by|before|until|till) (?:{_MONTH}|easter|(?:the )?(?:spring|summer|autumn|winter))", _open),
    (rf"{_FOR}(?:(?:{_DAY}),? )?(?:the )?(?P<month>{_MONTH}) (?:the )?(?P<ordinal>{_ORDINAL})(?:,? (?P<year>20\d\d))?",
     _calendar),
    (rf"{_FOR}(?:(?:{_DAY}),? )?(?:the )?(?P<ordinal>{_ORDINAL}) (?:of )?(?P<month>{_MONTH})(?:,? (?P<year>20\d\d))?",
     _calendar),
    (rf"{_BY} (?:(?:{_DAY}),? )?the (?P<ordinal>{_ORDINAL})(?: of (?:the|this) month)?{_LAST}", _calendar),
    (r"(?:by |on |before |until )?(?P<iso>\d{4}-\d{2}-\d{2})", _iso),
    (rf"{_BY} (?P<holiday>{_any(_HOLIDAYS)})", _holiday),
    (r"asap|as soon as (?:possible|you can)", _open),
]  # fmt: skip
_KINDS = [
    (re.compile(rf"\b{_NOT_AFTER}(?:{kind})\b(?!'s\b)(?: at the latest\b)?", re.IGNORECASE), resolve)
    for kind, resolve in _TABLE
]


def find_due(text: str) -> re.Match[str] | None:
    """Return the first phrase in a text that states a due date; of several that begin there, the longest."""
    found = [match for pattern, _ in _KINDS if (match := pattern.search(text))]
    return min(found, key=lambda match: (match.start(), -match.end()), default=None)


def day_of(phrase: str, today: date) -> date | None:
    """Return the day that a phrase, spoken on `today`, refers to; None if it names none."""
    for pattern, resolve in _KINDS:
        if match := pattern.fullmatch(phrase):
            try:
                return resolve(match, today)
            except OverflowError:  # Beyond the year 9999.
                return None
    return None
