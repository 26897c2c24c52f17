"""Search by the beginnings of words.

Words are cut where people cut them (at anything that is no letter and no digit), kept in a generated column in lower
case, and found by prefix. There is no ranking: lists stay in their own order and cost the same on every page.
"""

import re

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, GeneratedField, Value

# Only immutable functions may stand in a generated column, hence || and not concat_ws. array_to_tsvector takes the
# words as they are: a text parser would take addresses and paths for one word.
_WORDS = "array_to_tsvector(array_remove(regexp_split_to_array(lower(%(expressions)s), '[^[:alnum:]]+'), ''))"


def words_of(*columns: str) -> GeneratedField:
    """A column with the lower-case words of these text columns; index it with GIN."""
    expression = Func(*columns, template=_WORDS, arg_joiner=" || ' ' || ")
    return GeneratedField(expression=expression, output_field=SearchVectorField(), db_persist=True)


def pattern(query: str) -> str:
    """What `matches` takes for: a word begins with each word of the query; empty when the query has no word."""
    return " & ".join(f"'{word}':*" for word in re.findall(r"[^\W_]+", query.lower()))


def matches(column: str, pattern: str) -> Func:
    """A condition for `filter`: the row's words in `column` fit the pattern."""
    query = Func(Value(pattern), template="%(expressions)s::tsquery")
    return Func(F(column), query, template="(%(expressions)s)", arg_joiner=" @@ ", output_field=BooleanField())
