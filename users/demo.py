"""Demo data: an administrator and two users."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from core.demo_data import Growth, phrases
from users.models import Role, Status, User
from users.services import create_user

ADMINISTRATOR = "admin@example.com"
PEOPLE = [("John", "Doe", "john@example.com"), ("Jane", "Smith", "jane@example.com")]


def load(report: Callable[[str], object]) -> bool:
    """Create the demo users unless the administrator exists. Report the password; return whether users were created."""
    if User.objects.filter(email=ADMINISTRATOR).exists():
        # The data are loaded only once, so that later changes and deletions persist.
        return False
    password = secrets.token_urlsafe(12)
    administrator = User.objects.create_superuser(ADMINISTRATOR, password, display_name="Administrator")
    for first_name, last_name, email in PEOPLE:
        create_user(
            administrator, email=email, first_name=first_name, last_name=last_name,
            display_name=f"{first_name} {last_name}", mailed=False,
        )  # fmt: skip
    report(f"Administrator {ADMINISTRATOR}, password {password} (cannot be shown again)")
    return True


_FIRST_NAMES = phrases("""
    Ada | Alan | Amara | Anna | Ben | Carla | Chen | Clara | David | Dina | Elif | Emma | Erik | Fatima |
    Felix | Grace | Hana | Hugo | Ines | Ivan | Jonas | Julia | Kaito | Karim | Lena | Leo | Lina | Lucas |
    Maja | Marta | Mateo | Mia | Milan | Nadia | Nora | Oscar | Paula | Pedro | Priya | Rosa | Samuel | Sara
    | Sofia | Tariq | Theo | Uma | Vera | Victor | Yara | Zoe
""")
_LAST_NAMES = phrases("""
    Adler | Ahmed | Andersen | Baker | Becker | Bianchi | Brandt | Costa | Diaz | Dubois | Fischer | Garcia
    | Green | Haas | Hansen | Hill | Ivanova | Jansen | Keller | Khan | Kim | Larsen | Lopez | Martin |
    Meyer | Moreau | Mori | Nowak | Okafor | Olsen | Park | Patel | Peters | Reed | Rossi | Sato | Schmidt |
    Silva | Singh | Stein | Suzuki | Tanaka | Torres | Vogel | Weber | Wilson | Wolf | Wright | Yilmaz |
    Zimmer
""")
_ZONES = ("Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/Sao_Paulo", "Asia/Tokyo", "Asia/Kolkata", "")
_STEP = 500


def add_users(chance: Random, count: int) -> Iterator[int]:
    """Add people who have signed up in the last year. They have no passwords."""
    known, now, no_password = User.objects.count(), timezone.now(), make_password(None)
    for begun in range(0, count, _STEP):
        users = []
        for number in range(known + begun, known + min(begun + _STEP, count)):
            first_name, last_name = chance.choice(_FIRST_NAMES), chance.choice(_LAST_NAMES)
            joined = now - timedelta(hours=chance.randint(1, 365 * 24))
            users.append(User(
                email=f"{first_name}.{last_name}{number}@example.com".lower(),
                first_name=first_name, last_name=last_name, display_name=f"{first_name} {last_name}",
                password=no_password, roles=[Role.CUSTOMER],
                status=chance.choices((Status.ACTIVE, Status.PENDING_VERIFICATION, Status.DEACTIVATED), (90, 7, 3))[0],
                timezone=chance.choice(_ZONES), company="Example Works", created_at=joined,
                last_login_at=chance.choice((None, now - (now - joined) * chance.random())),
            ))  # fmt: skip
        User.objects.bulk_create(users)
        yield begun + len(users)


def some_people(chance: Random, count: int) -> list[User]:
    """Return so many active users, or all if they are fewer."""
    people = User.objects.filter(status=Status.ACTIVE, is_service=False).order_by("created_at", "id")
    keys = list(people.values_list("pk", flat=True)[:10_000])
    return list(User.objects.filter(pk__in=chance.sample(keys, min(count, len(keys)))).order_by("id"))


GROWTH = {"users": Growth("users", add_users)}
