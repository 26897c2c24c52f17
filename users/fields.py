"""Model fields and validators that only users need."""

import functools
import re
from importlib.resources import files
from typing import Any

import phonenumbers
from babel import Locale
from babel.core import get_global
from django.core.exceptions import ValidationError
from django.db import models

from core.db.fields import PlainInMigrations, SingleLineField, WebAddress
from core.texts import normalized, trimmed, validate_no_control_characters, without_ignorable

MAX_SOCIAL_LINKS = 20
MAX_SOCIAL_NAME_LENGTH = 50
#: Maximum length as entered, with separators between the digits.
MAX_PHONE_NUMBER_LENGTH = 50

#: After NFKC, which keeps the different dashes. Dashes, spaces, dots, slashes and brackets may separate digits.
_DIGITS_AND_SEPARATORS = re.compile(r"\+[\d\s().\-\u2010-\u2015\u2212/]+")
# CLDR's territories that are not in ISO 3166-1: groups, parts of a country, pseudo-locales. Kosovo's XK is a
# user-assigned code of ISO 3166-1, which addresses need.
_NOT_COUNTRIES = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))
# The codes for no currency and for tests, and one that is not in ISO 4217.
_NOT_CURRENCIES = frozenset(("XXX", "XTS", "CNH"))


class PhoneNumberField(SingleLineField):
    """A telephone number, stored as E.164."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 16)
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> Any:
        value = super().to_python(value)
        return e164(value) if value else value


@functools.lru_cache(maxsize=10_000)
def e164(number: str) -> str:
    """Convert a telephone number to E.164. Results are cached, because a write converts a number more than once.

    Raises:
        ValidationError: it is not a possible international number.
    """
    # The parser would ignore extensions, letters and all other characters that it does not expect in a number.
    text = normalized("NFKC", without_ignorable(number)).strip()
    if len(text) > MAX_PHONE_NUMBER_LENGTH or not _DIGITS_AND_SEPARATORS.fullmatch(text):
        raise ValidationError(
            "Enter a telephone number with its country code, without an extension or letters, as in +14155551234.",
            code="phone",
        )
    try:
        parsed = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise ValidationError("Enter a telephone number with its country code, as in +14155551234.", code="phone")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@functools.lru_cache(maxsize=10_000)
def phone_parts(number: str) -> tuple[str, str]:
    """Split a number in E.164 into the country code with its plus, and the national number."""
    parsed = phonenumbers.parse(number)
    return f"+{parsed.country_code}", phonenumbers.national_significant_number(parsed)


def validate_language(value: str) -> None:
    if value not in _languages():
        raise ValidationError("Enter a language as its ISO 639-1 code, as in en.", code="language")


def validate_currency(value: str) -> None:
    if value not in _currencies():
        raise ValidationError("Enter a currency as its ISO 4217 code, as in EUR.", code="currency")


def validate_timezone(value: str) -> None:
    if value not in timezones():
        raise ValidationError("Enter a time zone by its IANA name, as in Europe/Berlin.", code="timezone")


def validate_country(value: str) -> None:
    if value not in _countries():
        raise ValidationError("Enter a country as its ISO 3166-1 code, as in DE.", code="country")


def validate_social_links(links: Any) -> None:
    """Accept at most 20 links, each a name (at most 50 characters) and an http or https URL (at most 500)."""
    if not isinstance(links, dict) or not all(isinstance(text, str) for pair in links.items() for text in pair):
        raise ValidationError("Social links are pairs of a name and an address.", code="type")
    if len(links) > MAX_SOCIAL_LINKS:
        raise ValidationError(f"Give at most {MAX_SOCIAL_LINKS} social links.", code="max_items")
    for name, address in links.items():
        if not trimmed(name) or len(name) > MAX_SOCIAL_NAME_LENGTH:
            raise ValidationError(
                f"A social link's name has 1 to {MAX_SOCIAL_NAME_LENGTH} characters.", code="max_length"
            )
        validate_no_control_characters(name)
        WebAddress().clean(address, None)


class SocialLinksField(PlainInMigrations, models.JSONField):
    """Names and URLs of a user's pages on other sites (see `validate_social_links`)."""

    plain = "django.db.models.JSONField"
    default_validators = [validate_social_links]


@functools.cache
def _languages() -> frozenset[str]:
    # CLDR's languages; codes of two letters are those of ISO 639-1.
    return frozenset(code for code in map(str, Locale("en").languages) if len(code) == 2)


@functools.cache
def _currencies() -> frozenset[str]:
    # CLDR's currencies that at least one territory uses today.
    used: Any = get_global("territory_currencies")
    in_use = (currency[0] for currencies in used.values() for currency in currencies if currency[2] is None)
    return frozenset(in_use) - _NOT_CURRENCIES


@functools.cache
def _countries() -> frozenset[str]:
    # CLDR's territories.
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NOT_COUNTRIES


@functools.cache
def timezones() -> frozenset[str]:
    # The zones of the pinned package, links included. The machine's own list depends on what is installed, and its
    # `localtime` and `posixrules` differ between machines. `Factory` means that no zone was configured.
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()) - {"Factory"}
