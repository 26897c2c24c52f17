"""Search by the beginnings of words.

Words are cut where people cut them (at anything that is no letter and no digit), kept in a generated column in lower
case, and found by prefix. There is no ranking: lists stay in their own order and cost the same on every page.
"""

import re

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, GeneratedField, Value

#: What of a word is kept, and looked for, in characters.
LONGEST_WORD = 100

# Only immutable functions may stand in a generated column, hence || and not concat_ws. array_to_tsvector takes the
# words as they are: a text parser would take addresses and paths for one word.
_WORDS = "array_to_tsvector(array_remove(regexp_split_to_array(lower(%(expressions)s), '[^[:alnum:]]+'), ''))"

_WORDS_OF_PROSE = _WORDS.replace(
    "lower(%(expressions)s)",
    f"regexp_replace(lower(%(expressions)s), '([[:alnum:]]{{{LONGEST_WORD}}})[[:alnum:]]+', '\\1', 'g')",
)


def words_of(*columns: str) -> GeneratedField:
    """A column with the lower-case words of these text columns; index it with GIN.

    They must be short: PostgreSQL stores a word of more than 2,047 bytes wrongly, and says nothing.
    """
    return _words(_WORDS, *columns)


def words_of_prose(*columns: str) -> GeneratedField:
    """As `words_of`, for texts of any length, whose words are kept up to `LONGEST_WORD` characters."""
    return _words(_WORDS_OF_PROSE, *columns)


def pattern(query: str) -> str:
    """What `matches` takes for: a word begins with each word of the query; empty when the query has no word."""
    return " & ".join(f"'{word[:LONGEST_WORD]}':*" for word in re.findall(r"[^\W_]+", query.lower()))


def matches(column: str, pattern: str) -> Func:
    """A condition for `filter`: the row's words in `column` fit the pattern."""
    query = Func(Value(pattern), template="%(expressions)s::tsquery")
    return Func(F(column), query, template="(%(expressions)s)", arg_joiner=" @@ ", output_field=BooleanField())


def _words(template: str, *columns: str) -> GeneratedField:
    expression = Func(*columns, template=template, arg_joiner=" || ' ' || ")
    return GeneratedField(expression=expression, output_field=SearchVectorField(), db_persist=True)
