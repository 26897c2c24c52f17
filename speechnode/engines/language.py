"""Which language a text is in (py3langid)."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: Shorter texts are guessed at.
_SHORTEST = 20


def detect(text: str) -> tuple[str, float]:
    """ISO 639-1 code and how sure that is, from 0 to 1; ("", 0.0) of a text that is too short to tell."""
    if len(text) < _SHORTEST:
        return "", 0.0
    # The beginning tells as much as the whole.
    language, confidence = _identifier().classify(text[:10_000])
    return str(language), float(confidence)


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
