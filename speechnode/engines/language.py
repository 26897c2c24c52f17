"""Language identification of texts (py3langid)."""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: The language of shorter texts cannot be identified reliably.
_MIN_CHARACTERS = 20


def detect(text: str) -> tuple[str, float]:
    """Return the ISO 639-1 code and a confidence from 0 to 1; ("", 0.0) for a text that is too short."""
    if len(text) < _MIN_CHARACTERS:
        return "", 0.0
    # The beginning of a long text is sufficient.
    language, confidence = _identifier().classify(text[:10_000])
    return str(language), float(confidence)


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
