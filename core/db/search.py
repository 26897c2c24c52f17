"""Search by the beginnings of words.

What a word is, and which words are equal, is stated once: by the database's function `core_words` (migration
core.0007). A generated column keeps the words of a row, and the words of a query are made by the same function, so that
what was typed is found when it is typed again, in every script and on every server, whatever its version and locale:

- Case, accents, and forms of one letter (NFKC, final sigma, ß and ss, kana, digits of other scripts) make no
  difference. Characters without a form of their own (zero-width, bidirectional marks, variation selectors) are dropped.
- Words end where letters and digits do. A symbol or emoji is a word of its own, a flag is one.
- Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese and Javanese are found from any character on: each stands for a
  word of up to three, itself and those after it.

There is no ranking: lists stay in their own order and cost the same on every page.
"""

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, GeneratedField, Value

from core.db.fields import checked_line
from core.texts import without_ignorable


def words_of(*columns: str) -> GeneratedField:
    """A column with the words of these text columns, each up to 100 characters; index it with GIN.

    A row keeps at most 1 MB of words. That is more than 20,000 characters of any text can have.
    """
    # Only immutable functions may stand in a generated column, hence || and not concat_ws. array_to_tsvector takes the
    # words as they are: a text parser would take addresses and paths for one word.
    expression = Func(*columns, template="array_to_tsvector(core_words(%(expressions)s))", arg_joiner=" || ' ' || ")
    return GeneratedField(expression=expression, output_field=SearchVectorField(), db_persist=True)


def matches(column: str, *queries: str) -> Func:
    """A condition for `filter`: for each word of one of the queries, a word in `column` begins with it.

    No row fulfils it if a query has no word. Queries may not hold NUL (see `checked_query`, `typed`).
    """
    patterns = (Func(Value(query), function="core_search_pattern") for query in queries)
    any_of_them = Func(*patterns, template="(%(expressions)s)", arg_joiner=" || ")
    return Func(F(column), any_of_them, template="(%(expressions)s)", arg_joiner=" @@ ", output_field=BooleanField())


def checked_query(query: str, max_length: int) -> str:
    """What a call looks for, as `matches` takes it: by the rules of a line.

    Raises:
        ValidationError: on `query`.
    """
    # Marks of direction come along when text is copied, and stand in no word.
    return checked_line("query", without_ignorable(query), max_length)


def typed(query: str) -> str:
    """What was typed into a search box, as `matches` takes it."""
    return query.replace("\0", " ").strip()
