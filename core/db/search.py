"""Search by the beginnings of words.

The database's function `core_words` (migration core.0007) defines words and their equality. A generated column keeps
the words of a row, and the same function makes the words of a query, so that a query finds the text it was copied from,
in every script and on every server, regardless of its version and locale:

- Case, accents, and forms of one letter (NFKC, final sigma, ß and ss, kana, digits of other scripts) are ignored.
  Invisible characters (zero-width, bidirectional marks, variation selectors) are dropped.
- Words end where letters and digits do. Each symbol or emoji is a separate word, and so is a flag.
- Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese and Javanese are found from any character on: each character
  begins a word of up to three, itself and the following ones.

There is no ranking: lists keep their order and cost the same on every page.
"""

from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, F, Func, GeneratedField, Value

from core.db.fields import checked_line
from core.texts import without_ignorable

MAX_QUERY_LENGTH = 200


def words_of(*columns: str) -> GeneratedField:
    """Return a generated column of the words of these text columns, each up to 100 characters; index it with GIN.

    A row keeps at most 1 MB of words, which is more than 20,000 characters of any text can have.
    """
    # A generated column allows only immutable functions, hence || and not concat_ws. array_to_tsvector keeps the words
    # unchanged: a text parser would take addresses and paths for one word.
    expression = Func(*columns, template="array_to_tsvector(core_words(%(expressions)s))", arg_joiner=" || ' ' || ")
    return GeneratedField(expression=expression, output_field=SearchVectorField(), db_persist=True)


def matches(column: str, *queries: str) -> Func:
    """Return a condition for `filter`: for each word of one of the queries, a word in `column` begins with it.

    If the queries have no word, no row matches. Queries may not hold NUL (see `checked_query`, `typed`).
    """
    patterns = (Func(Value(query), function="core_search_pattern") for query in queries)
    any_of_them = Func(*patterns, template="(%(expressions)s)", arg_joiner=" || ")
    return Func(F(column), any_of_them, template="(%(expressions)s)", arg_joiner=" @@ ", output_field=BooleanField())


def checked_query(query: str) -> str:
    """Return a call's search query in the form that `matches` accepts; check it by the rules of a line.

    Raises:
        ValidationError: on `query`.
    """
    # Copied text may hold marks of direction, which are not part of any word.
    return checked_line("query", without_ignorable(query), MAX_QUERY_LENGTH)


def typed(query: str) -> str:
    """Return the text of a search box in the form that `matches` accepts."""
    return query.replace("\0", " ").strip()
