"""Headers, or metadata, of hostile calls."""

from random import Random

from tests.fuzz.known import Known

_BROKEN_TOKENS = (
    "", "Bearer", "Bearer ", "Bearer x", "bearer  y", "Basic YTpi", "Basic !", "Bearer a.b.c", "Bearer " + "a" * 5000,
    "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", "Bearer tdm_", "Bearer tdm_x_y", "Bearer tdm_01990000-0000_a",
    "Token x", "Bearer ..", "Digest username=x", "Bearer " + "A" * 43, "Bearer \t",
)  # fmt: skip
_VALUES = {
    "idempotency-key": ("", "k", "a" * 64, "a" * 300, "a b", '"k"', "\t", "{}", "key-of-fuzz"),
    "if-match": ('"1"', 'W/"1"', "*", "1", '"', '"99999999999999999999"', '"1","2"', '"-1"', '"a"', ""),
    "if-none-match": ('"1"', "*", 'W/"x"', ",", '"'),
    "x-request-id": ("r", "a" * 500, "a b", "<x>", ""),
    "x-bulk-mode": ("atomic", "ATOMIC", "none", ""),
    "x-total-count": ("exact", "x", ""),
    "traceparent": ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", "00", "x-y-z", "ff-" + "0" * 32),
    "accept-language": ("de", "*", ";q=x", "a" * 300),
    "x-forwarded-for": ("1.2.3.4", "x", "::1, 1.1.1.1:9"),
}  # fmt: skip


def headers(rng: Random, known: Known) -> dict[str, str]:
    """Return the headers of a call, most with valid credentials."""
    found = {name: rng.choice(values) for name, values in _VALUES.items() if rng.random() < 0.12}
    which = rng.random()
    if which < 0.88:
        found["authorization"] = rng.choice(known.bearers)
    elif which < 0.97:
        token = known.bearers[0]
        at = rng.randrange(len(token))
        broken = token[:at] + rng.choice("A.-_") + token[at + 1 :]
        found["authorization"] = rng.choice((*_BROKEN_TOKENS, broken))
    return found
