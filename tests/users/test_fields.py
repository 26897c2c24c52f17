"""Telephone numbers, time zones, countries and currencies: what stands for one thing everywhere."""

import importlib.resources
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from tandem.common.v1.common_pb2 import Address, PhoneNumber
from tandem.user.v1.user_pb2 import (
    AddUserAddressRequest,
    BulkImportUsersRequest,
    CreateUserRequest,
    UpdateUserRequest,
    UserAddress,
    UserProfile,
)
from tandem.user.v1.user_pb2 import User as UserMessage
from tests.support.transports import Failed, Transport
from users.fields import e164, validate_country, validate_currency, validate_timezone
from users.models import User

WITH_MORE = [
    "+1 415 555 2671 ext. 99",
    "+14155552671x99",
    "tel:+14155552671;ext=99",
    "+14155552671;ext=99",
    "+14155552671#99",
    "+7 495 123-45-67 доб. 12",
    "+1 415 555 2671 anexo 9",
    "+14155552671,99",
    "+14155552671~9",
    "+14155552671;99",
    "+14155552671p99",
    "+14155552671 w9",
    "+1-800-FLOWERS",
    "+14155552671;isub=1",
    "call +14155552671",
    "+14155552671*9",
    "tel:+1-415-555-2671;phone-context=example.com",
    "+1 415 555 2671 / x72",
    "+14155552671 or +14155552672",
    "+1415555267100000",
    "+1415555",
    "+" + "1" * 60,
    "+14155552671 ｘ99",
    "++14155552671",
    "+1+4155552671",
]


@pytest.mark.parametrize("number", WITH_MORE)
def test_numbers_with_further_parts_are_rejected(api: Transport, administrator: User, number: str) -> None:
    phone = PhoneNumber(e164=number)
    address = UserAddress(
        label="x", full_name="x", phone=phone, address=Address(line1="x", city="x", country_code="DE")
    )
    calls: list[tuple[str, Any]] = [
        ("UserService/CreateUser", CreateUserRequest(email="a@example.com", phone=phone)),
        ("UserService/UpdateUser", UpdateUserRequest(user_id="me", user=UserMessage(phone=phone))),
        ("UserService/AddUserAddress", AddUserAddressRequest(user_id="me", address=address)),
    ]
    for rpc, request in calls:
        with pytest.raises(Failed) as failed:
            api(rpc, request, actor=administrator)
        assert (failed.value.reason, set(failed.value.fields.values())) == ("INVALID", {"phone"})
    row = BulkImportUsersRequest(user=UserMessage(email="b@example.com", phone=phone))
    (error,) = api("UserService/BulkImportUsers", [row], actor=administrator).errors
    assert [violation.rule for violation in error.field_violations] == ["phone"]
    parts = PhoneNumber(country_code="1", national_number=number)
    with pytest.raises(Failed):
        api("UserService/CreateUser", CreateUserRequest(email="a@example.com", phone=parts), actor=administrator)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "number",
    [
        "+14155552671",
        "+1 (415) 555-2671",
        "+1.415.555.2671",
        "＋１４１５５５５２６７１",
        "+1 415–555–2671",
        "\u202a+1 415 555 2671\u202c",
        "+١٤١٥٥٥٥٢٦٧١",
        "+1\u00a0415\u2011555\u20112671",
        " +1 415/555-2671 ",
    ],
)
def test_ways_to_write_one_number(number: str) -> None:
    assert e164(number) == "+14155552671"


def test_a_trunk_prefix_in_brackets_is_left_out() -> None:
    assert e164("+44 (0)20 7946 0958") == "+442079460958"


@pytest.mark.parametrize(
    "zone",
    [
        "localtime",
        "Factory",
        "posixrules",
        "posix/Europe/Berlin",
        "right/UTC",
        "europe/berlin",
        "Etc",
        "UTC+1",
        "/etc/passwd",
    ],
)
def test_zone_names_with_several_meanings_are_rejected(api: Transport, ann: User, zone: str) -> None:
    request = UpdateUserRequest(user_id="me", user=UserMessage(profile=UserProfile(timezone=zone)))
    with pytest.raises(Failed) as failed:
        api("UserService/UpdateUser", request, actor=ann)
    assert failed.value.fields == {"profile.timezone": "timezone"}


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "UTC", "Asia/Calcutta", "Asia/Kolkata", "Etc/GMT+5", "America/Argentina/Ushuaia"]
)
def test_zones_and_their_aliases_are_accepted(api: Transport, ann: User, zone: str) -> None:
    request = UpdateUserRequest(user_id="me", user=UserMessage(profile=UserProfile(timezone=zone)))
    assert api("UserService/UpdateUser", request, actor=ann).user.profile.timezone == zone


def test_zones_do_not_depend_on_the_machine(tmp_path: Path) -> None:
    zone = importlib.resources.files("tzdata").joinpath("zoneinfo/UTC").read_bytes()
    for name in ("localtime", "posixrules", "Mars"):
        (tmp_path / name).write_bytes(zone)
    code = (
        "import django; django.setup(); from users.fields import timezones;"
        "print(len(timezones()), 'Mars' in timezones())"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["597", "False"]


@pytest.mark.parametrize("code", ["EU", "UN", "XA", "ZZ", "QO", "IC", "de", "D"])
def test_unknown_countries_are_rejected(code: str) -> None:
    with pytest.raises(ValidationError):
        validate_country(code)


def test_countries_and_currencies_are_those_of_the_standards() -> None:
    for code in ("DE", "GB", "TW", "XK"):
        validate_country(code)
    for code in ("EUR", "XAU", "CHF"):
        validate_currency(code)
    for code in ("XXX", "XTS", "CNH", "DEM"):
        with pytest.raises(ValidationError):
            validate_currency(code)
    validate_timezone("Europe/Kyiv")
