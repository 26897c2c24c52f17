"""Write the SQL functions of `core/migrations/text_functions.sql`, from the Unicode database of this Python.

The file is committed and is not regenerated for the same migration: another Unicode version needs another migration,
which also recomputes the columns. Until then, characters that a newer Unicode version adds are treated as letters, in
the blocks of emoji as emoji, and on the planes of ideographs as ideographs.

    python scripts/make_text_functions.py > core/migrations/text_functions.sql
"""

import unicodedata
from collections.abc import Callable, Iterable

MAX_WORD_LENGTH = 100
LAST = 0x10FFFF
ASCII_MARKS = "_-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$"

# Default_Ignorable_Code_Point, and the modifiers of emoji's colour; Arabic's tatweel.
IGNORED = [(0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x640, 0x640), (0x115F, 0x1160), (0x17B4, 0x17B5),
           (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
           (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
           (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF)]  # fmt: skip
# Accents, and points that are usually omitted. In other scripts marks are vowels, which are kept.
ACCENTS = [(0x300, 0x36F), (0x483, 0x489), (0x591, 0x5BD), (0x5BF, 0x5BF), (0x5C1, 0x5C2), (0x5C4, 0x5C5),
           (0x5C7, 0x5C7), (0x610, 0x61A), (0x64B, 0x65F), (0x670, 0x670), (0x6D6, 0x6DC), (0x6DF, 0x6E4),
           (0x6E7, 0x6E8), (0x6EA, 0x6ED), (0x711, 0x711), (0x730, 0x74A), (0x7EB, 0x7F3), (0x7FD, 0x7FD),
           (0x898, 0x89F), (0x8CA, 0x8E1), (0x8E3, 0x8FF), (0x951, 0x954), (0x1AB0, 0x1AFF), (0x1CD0, 0x1CE8),
           (0x1CED, 0x1CED), (0x1CF4, 0x1CF4), (0x1CF8, 0x1CF9), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF),
           (0x302A, 0x302D), (0xFE20, 0xFE2F)]  # fmt: skip
# Scripts without spaces between words, and Korean, whose words are long: a search matches from any syllable on.
UNSPACED = [(0xE00, 0xEFF), (0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF),
            (0x1B00, 0x1B7F), (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303C),
            (0x3041, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F), (0xA980, 0xA9DF),
            (0xA9E0, 0xA9FF), (0xAA60, 0xAADF), (0xAC00, 0xD7FF), (0xF900, 0xFAFF), (0x16FE0, 0x16FFF),
            (0x17000, 0x18D8F), (0x1B000, 0x1B2FF), (0x20000, 0x3FFFF)]  # fmt: skip
FLAGS = (0x1F1E6, 0x1F1FF)
# Apostrophes whose category is letter, but which are written in place of others.
APOSTROPHES = (0x2B9, 0x2BF)

LIGATURES = {"æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ĳ": "ij", "ǆ": "dz"}
LETTERS = {"ð": "d", "ı": "i", "ȷ": "j", "ŋ": "n", "ĸ": "k", "ǝ": "e", "ə": "e",
           # Which of two letters is typed depends on the keyboard.
           "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه"}  # fmt: skip

Ranges = list[tuple[int, int]]


def within(code: int, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def folded(character: str) -> str:
    """Return a letter without case and accent; other characters unchanged."""
    lower = character.casefold()
    if lower in LIGATURES:
        return LIGATURES[lower]
    if len(lower) != 1:
        return lower
    if lower in LETTERS:
        return LETTERS[lower]
    name = unicodedata.name(lower, "")
    if name.startswith("LATIN SMALL LETTER ") and " WITH " in name:
        base = name.removeprefix("LATIN SMALL LETTER ").partition(" WITH ")[0]
        if len(base) == 1:
            return base.lower()
    if 0x30A1 <= ord(lower) <= 0x30F6:
        return chr(ord(lower) - 0x60)
    if unicodedata.category(lower) == "Nd":
        return str(unicodedata.digit(lower))
    return lower


def mappings() -> tuple[dict[str, str], dict[str, str]]:
    """Return the mappings of single characters, after NFKD, to one character and to several."""
    single: dict[str, str] = {}
    several: dict[str, str] = {}
    for code in range(0x80, LAST + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Cs", "Co") or within(code, IGNORED + ACCENTS):
            continue
        if unicodedata.normalize("NFKD", character) != character:
            continue
        to = unicodedata.normalize("NFKD", folded(character))
        if to != character:
            (single if len(to) == 1 else several)[character] = to
    return single, several


def ranges_of(belongs: Callable[[int, str], bool], start: int = 0x80) -> Ranges:
    """Return the ranges of characters that belong. Unassigned code points are added to the range before them."""
    ranges: Ranges = []
    open_at: int | None = None
    last = start
    for code in range(start, LAST + 1):
        category = unicodedata.category(chr(code))
        if belongs(code, category):
            open_at = code if open_at is None else open_at
            last = code
        elif category not in ("Cn", "Cs") or code - last > 16:
            if open_at is not None:
                ranges.append((open_at, last))
            open_at = None
    if open_at is not None:
        ranges.append((open_at, last))
    return ranges


def is_symbol(code: int, category: str) -> bool:
    if code in (0x2044, 0x2800) or within(code, [*IGNORED, FLAGS]):
        return False
    return category in ("So", "Sc", "Sm") or (category == "Cn" and 0x1F000 <= code <= 0x1FAFF)


def is_separator(code: int, category: str) -> bool:
    return category[0] in "ZP" or category in ("Cc", "Sk") or code in (0x2044, 0x2800) or within(code, [APOSTROPHES])


def is_unspaced(code: int, category: str) -> bool:
    if not within(code, UNSPACED) or is_symbol(code, category) or is_separator(code, category):
        return False
    return category != "Nd"


def is_inner(code: int, category: str) -> bool:
    """Return whether a character belongs to the one before: a mark, or not the first letter of a Korean syllable."""
    return 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF or (is_unspaced(code, category) and category[0] == "M")


def in_class(ranges: Iterable[tuple[int, int]]) -> str:
    """Format ranges for a bracket expression, by code points, because class names depend on the server's locale."""
    return "".join(
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}" for first, last in ranges
    )


def _escaped(code: int) -> str:
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


#: Bounds of the groups of translations: scripts with long texts have their own groups.
_BOUNDS = (0x370, 0x400, 0x460, 0x530, 0x590, 0x660, 0x900, 0x1000, 0x30A0, 0x3100, 0x10000)


def _groups(single: dict[str, str]) -> list[tuple[str, str]]:
    """Group the translations of neighbouring characters. A text is scanned once for each group that it needs."""
    groups: list[tuple[str, str]] = []
    for first, end in zip((0, *_BOUNDS), (*_BOUNDS, LAST + 1), strict=True):
        pairs = [(before, after) for before, after in sorted(single.items()) if first <= ord(before) < end]
        if pairs:
            groups.append(("".join(before for before, _ in pairs), "".join(after for _, after in pairs)))
    return groups


def folding() -> str:
    """Return the statements that fold `t`."""
    single, several = mappings()
    lines = [
        "t := normalize(raw, NFKD);",
        f"t := regexp_replace(t, '[{in_class(sorted(IGNORED + ACCENTS + NUKTAS))}]+', '', 'g');",
        "t := lower(t);",
    ]
    everything = ranges_in("".join([*single, *several]))
    lines.append(f"IF t ~ '[{in_class(everything)}]' THEN")
    for before, after in _groups(single):
        lines.append(f"  IF t ~ '[{_escaped(ord(before[0]))}-{_escaped(ord(before[-1]))}]' THEN")
        lines.append(f"    t := translate(t, {_quoted(before)}, {_quoted(after)});")
        lines.append("  END IF;")
    for before, after in several.items():
        lines.append(f"  t := replace(t, {_quoted(before)}, {_quoted(after)});")
    lines.append("END IF;")
    return "\n  ".join(lines)


def ranges_in(characters: str) -> Ranges:
    ranges: Ranges = []
    for code in sorted(map(ord, characters)):
        if ranges and code - ranges[-1][1] <= 2:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    return ranges


NUKTAS: Ranges = [(code, code) for code in range(0x900, 0x20000) if unicodedata.combining(chr(code)) == 7]


def words_function() -> str:
    """Return the function that splits a text into the words that a search finds."""
    unspaced, inner = ranges_of(is_unspaced), ranges_of(is_inner)
    symbols, separators = ranges_of(is_symbol), ranges_of(is_separator)
    no_word = in_class([(1, 0x2F), (0x3A, 0x60), (0x7B, 0x7F)]) + "".join(
        in_class(ranges) for ranges in (separators, symbols, unspaced, [FLAGS])
    )
    flag = in_class([FLAGS])
    return f"""CREATE FUNCTION core_words(raw text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $body$
DECLARE
  t text COLLATE "C";
  words text[];
BEGIN
  IF octet_length(raw) = char_length(raw) THEN
    t := lower(raw COLLATE "C");
    words := array_remove(regexp_split_to_array(t, '[^a-z0-9]+'), '');
    IF t ~ '[a-z0-9]{{{MAX_WORD_LENGTH + 1}}}' THEN
      words := ARRAY(SELECT left(word, {MAX_WORD_LENGTH}) FROM unnest(words) AS word);
    END IF;
    RETURN words;
  END IF;
  {folding()}
  words := ARRAY(
    SELECT left(hit[1], {MAX_WORD_LENGTH})
    FROM regexp_matches(t, '[^{no_word}]+|[{flag}]{{1,2}}|[{in_class(symbols)}]', 'g') AS hit
  );
  IF t ~ '[{in_class(unspaced)}]' THEN
    t := regexp_replace(t, '[^{in_class(unspaced)}]+', ' ', 'g');
    words := words || ARRAY(
      SELECT left(
        unit || CASE WHEN second <> ' ' THEN second || CASE WHEN third <> ' ' THEN third ELSE '' END ELSE '' END,
        {MAX_WORD_LENGTH}
      )
      FROM (
        SELECT unit, lead(unit, 1, ' ') OVER in_order AS second, lead(unit, 2, ' ') OVER in_order AS third
        FROM (
          SELECT hit[1] AS unit, number
          FROM regexp_matches(t, '.[{in_class(inner)}]*', 'g') WITH ORDINALITY AS matches (hit, number)
        ) AS units
        WINDOW in_order AS (ORDER BY number)
      ) AS windows
      WHERE unit <> ' '
    );
  END IF;
  RETURN words;
END
$body$;"""


SEARCH_PATTERN_FUNCTION = """CREATE FUNCTION core_search_pattern(query text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
BEGIN
  RETURN (
    SELECT string_agg('''' || word || ''':*', ' & ')::tsquery
    FROM (SELECT DISTINCT word FROM unnest(core_words(query)) AS word) AS words
  );
END
$body$;"""


def sort_key_function() -> str:
    """Return the function that maps a text to its place in the order of lists."""
    before_digits = "".join(f"\\x{code:02x}" for code in range(2, 3 + len(ASCII_MARKS)))
    return f"""CREATE FUNCTION core_sort_key(raw text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $body$
DECLARE
  t text COLLATE "C";
BEGIN
  IF octet_length(raw) = char_length(raw) THEN
    t := lower(raw COLLATE "C");
  ELSE
  t := translate(raw, {_quoted(_TYPOGRAPHY[0])}, {_quoted(_TYPOGRAPHY[1])});
  {folding().replace("normalize(raw,", "normalize(t,")}
  END IF;
  -- White space first, then punctuation, symbols, digits, letters, as in Unicode's root collation.
  t := translate(t, {_quoted(" " + ASCII_MARKS)}, E'{before_digits}');
  -- Of names that differ in accents only, the one without comes first; of those that differ in case, small letters. An
  -- entry of an index has at most 2,700 bytes.
  RETURN left(t, 200)
    || E'\\x01' || left(lower(normalize(raw, NFD) COLLATE "C"), 150)
    || E'\\x01' || left(translate(raw,
      'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'),
      100);
END
$body$;"""


def main() -> None:
    head = f"""-- Made by scripts/make_text_functions.py from Unicode {unicodedata.unidata_version}. Do not edit.
-- The functions name no class of characters and no locale: every server gives the same."""
    print("\n\n".join((head, words_function(), SEARCH_PATTERN_FUNCTION, sort_key_function())))


_TYPOGRAPHY = ("\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u02bc\u02bb\u201c\u201d\u201e\u00ab\u00bb\u00a0",
               "-----''''\"\"\"\"\" ")  # fmt: skip

if __name__ == "__main__":
    main()
