"""Names of fields in errors: those of the contract, where the columns have others."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

_NAMES = {"component_class": "class", "symbol_class": "class", "rating_raw": "rating.raw"}


@contextmanager
def named_as_in_contract() -> Iterator[None]:
    """Raise ValidationErrors with the names of the contract's fields."""
    try:
        yield
    except ValidationError as exc:
        if not hasattr(exc, "error_dict"):
            raise
        raise ValidationError({_NAMES.get(name, name): errors for name, errors in exc.error_dict.items()}) from exc
