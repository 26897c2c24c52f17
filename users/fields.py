"""Model fields and rules that only users need."""

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
#: As it is written, with signs between the digits.
MAX_PHONE_NUMBER_LENGTH = 50

#: In NFKC. Dashes have their own code points; a number is grouped by them, spaces, dots, slashes and brackets.
_DIGITS_AND_SIGNS = re.compile(r"\+[\d\s().\-\u2010-\u2015\u2212/]+")
# Of CLDR's territories those that ISO 3166-1 does not name: groups, parts of a country, pseudo-locales. Kosovo's XK it
# leaves to users, and addresses need it.
_NO_COUNTRIES = frozenset(("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"))
# No currency, one for tests, and one that ISO 4217 does not name.
_NO_CURRENCIES = frozenset(("XXX", "XTS", "CNH"))


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
    """The number in E.164. On its way into the database a number is asked for more than once.

    Raises:
        ValidationError: it is not a possible international number.
    """
    # The parser would leave out extensions, letters and whatever else it does not take for a part of the number.
    written = normalized("NFKC", without_ignorable(number)).strip()
    if len(written) > MAX_PHONE_NUMBER_LENGTH or not _DIGITS_AND_SIGNS.fullmatch(written):
        raise ValidationError(
            "Enter a telephone number with its country code and nothing else, as in +14155551234: no extension, no "
            "letters.",
            code="phone",
        )
    try:
        parsed = phonenumbers.parse(written)
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise ValidationError("Enter a telephone number with its country code, as in +14155551234.", code="phone")
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


@functools.lru_cache(maxsize=10_000)
def phone_parts(number: str) -> tuple[str, str]:
    """The country code with its plus, and the national number, of a number in E.164."""
    parsed = phonenumbers.parse(number)
    return f"+{parsed.country_code}", phonenumbers.national_significant_number(parsed)


def validate_language(value: str) -> None:
    if value not in _languages():
        raise ValidationError("Enter a language as its ISO 639-1 code, as in en.", code="language")


def is_currency(value: str) -> None:
    if value not in _currencies():
        raise ValidationError("Enter a currency as its ISO 4217 code, as in EUR.", code="currency")


def is_timezone(value: str) -> None:
    if value not in _timezones():
        raise ValidationError("Enter a time zone by its IANA name, as in Europe/Berlin.", code="timezone")


def is_country(value: str) -> None:
    if value not in _countries():
        raise ValidationError("Enter a country as its ISO 3166-1 code, as in DE.", code="country")


def are_social_links(links: Any) -> None:
    """At most 20, each a name (at most 50 characters) and an http or https URL (at most 500)."""
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
    """Names and addresses of a user elsewhere (see `are_social_links`)."""

    plain = "django.db.models.JSONField"
    default_validators = [are_social_links]


@functools.cache
def _languages() -> frozenset[str]:
    # CLDR's names of languages; the codes of two letters are ISO 639-1's.
    return frozenset(code for code in map(str, Locale("en").languages) if len(code) == 2)


@functools.cache
def _currencies() -> frozenset[str]:
    # CLDR's currencies that some territory uses today.
    used: Any = get_global("territory_currencies")
    in_use = (currency[0] for currencies in used.values() for currency in currencies if currency[2] is None)
    return frozenset(in_use) - _NO_CURRENCIES


@functools.cache
def _countries() -> frozenset[str]:
    # CLDR's territories.
    codes = map(str, Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NO_COUNTRIES


@functools.cache
def _timezones() -> frozenset[str]:
    # Those of the pinned package, links included, not those of the machine: there, `localtime` and `posixrules` are
    # other zones on each, and the list depends on what is installed. `Factory` means that none was set.
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()) - {"Factory"}
