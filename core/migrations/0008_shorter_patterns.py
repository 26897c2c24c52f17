from django.db import migrations

#: Scripts without spaces between words, as in `core_words`.
_UNSPACED = (
    r"\u0E00-\u0E3E\u0E40-\u0E4E\u0E5C-\u0ECF\u0EDA-\u0EFF\u1000-\u103F\u1050-\u108F\u109A-\u109D"
    r"\u1100-\u11FF\u1780-\u17D3\u17D7\u17DC-\u17DF\u17EA-\u17FF\u1950-\u19CF\u19DA-\u19DD\u1A20-\u1A7F"
    r"\u1A8A-\u1A8F\u1A9A-\u1A9F\u1AA7\u1AAE-\u1AAF\u1B00-\u1B4F\u1B6B-\u1B73\u1B7F\u2E9A\u2EF4-\u2EFF"
    r"\u2FD6-\u2FDF\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303C\u3041-\u309A\u309D-\u309F"
    r"\u30A1-\u30FA\u30FC-\u318F\u3192-\u3195\u31A0-\u31BF\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF"
    r"\uA960-\uA9C0\uA9CE-\uA9CF\uA9DA-\uA9DD\uA9E0-\uA9EF\uA9FA-\uA9FF\uAA60-\uAA76\uAA7A-\uAADD"
    r"\uAC00-\uD7FF\uF900-\uFAFF\U00016FE0-\U00016FE1\U00016FE3-\U00018D8F\U0001B000-\U0001B2FF"
    r"\U00020000-\U0003FFFF"
)

# In these scripts a word of the query stands for up to three characters, and each character begins one: what another word
# ends with is found with it. Looked for by itself, a last character would visit all that begins with it.
_PATTERN = """
CREATE OR REPLACE FUNCTION core_search_pattern(query text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
DECLARE
  words text[] := core_words(query);
BEGIN
  RETURN (
    SELECT string_agg('''' || word || ''':*', ' & ')::tsquery
    FROM (SELECT DISTINCT word FROM unnest(words) AS word) AS every
    WHERE word COLLATE "C" !~ '^[{unspaced}]'
      OR NOT EXISTS (SELECT FROM unnest(words) AS longer WHERE longer <> word AND right(longer, length(word)) = word)
  );
END
$body$
"""

_BEFORE = """
CREATE OR REPLACE FUNCTION core_search_pattern(query text) RETURNS tsquery
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $body$
BEGIN
  RETURN (
    SELECT string_agg('''' || word || ''':*', ' & ')::tsquery
    FROM (SELECT DISTINCT word FROM unnest(core_words(query)) AS word) AS words
  );
END
$body$
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0007_text_functions")]

    operations = [migrations.RunSQL(_PATTERN.replace("{unspaced}", _UNSPACED), _BEFORE)]
