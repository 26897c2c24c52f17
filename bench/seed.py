"""Users by the million: made by the database itself, with names, addresses and rarities as they are in life."""

import sys
import time

FIRST_NAMES = [
    "James",
    "Mary",
    "John",
    "Patricia",
    "Robert",
    "Jennifer",
    "Michael",
    "Linda",
    "William",
    "Elizabeth",
    "David",
    "Barbara",
    "Richard",
    "Susan",
    "Joseph",
    "Jessica",
    "Thomas",
    "Sarah",
    "Carlos",
    "Karen",
    "Anna",
    "Lukas",
    "Sofia",
    "Mateo",
    "Emma",
    "Noah",
    "Mia",
    "Elif",
    "Yusuf",
    "Aisha",
    "Omar",
    "Fatima",
    "Wei",
    "Li",
    "Hana",
    "Kenji",
    "Priya",
    "Arjun",
    "Olga",
    "Ivan",
    "Ingrid",
    "Bjorn",
    "Chloe",
    "Luc",
    "Zofia",
    "Pawel",
    "Amara",
    "Kofi",
    "Zuri",
    "Tariq",
]
LAST_NAMES = [
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "Garcia",
    "Miller",
    "Davis",
    "Rodriguez",
    "Martinez",
    "Hernandez",
    "Lopez",
    "Gonzalez",
    "Wilson",
    "Anderson",
    "Thomas",
    "Taylor",
    "Moore",
    "Jackson",
    "Martin",
    "Lee",
    "Perez",
    "Thompson",
    "White",
    "Harris",
    "Sanchez",
    "Clark",
    "Ramirez",
    "Lewis",
    "Robinson",
    "Walker",
    "Young",
    "Allen",
    "King",
    "Wright",
    "Scott",
    "Torres",
    "Nguyen",
    "Hill",
    "Flores",
    "Green",
    "Adams",
    "Nelson",
    "Baker",
    "Hall",
    "Rivera",
    "Campbell",
    "Mitchell",
    "Carter",
    "Roberts",
    "Muller",
    "Schmidt",
    "Schneider",
    "Fischer",
    "Weber",
    "Meyer",
    "Wagner",
    "Becker",
    "Novak",
    "Kowalski",
    "Ivanov",
    "Petrov",
    "Tanaka",
    "Sato",
    "Suzuki",
    "Kim",
    "Park",
    "Choi",
    "Chen",
    "Wang",
    "Zhang",
    "Liu",
    "Singh",
    "Kumar",
    "Patel",
    "Khan",
    "Ahmed",
    "Ali",
    "Okafor",
    "Mensah",
    "Diallo",
    "Rossi",
    "Russo",
    "Ferrari",
    "Dubois",
    "Moreau",
    "Laurent",
    "Jansen",
    "Bakker",
    "Visser",
    "Hansen",
    "Nilsen",
    "Larsen",
    "Virtanen",
    "Korhonen",
    "Silva",
    "Santos",
    "Oliveira",
    "Costa",
]
#: A name that three users bear.
RARE_NAME = "Zephyrine"
_CHUNK = 100_000

# Sessions open, logs and versions are kept by triggers; these rows are the state before the measurement, not writes of
# it, so the triggers are off while they are made. One in 5,000 is banned, one in 10,000 works in support; the first
# name falls off as names do (the square of a random number), seven in ten have an address under example.com.
_INSERT = """
INSERT INTO users_user (
    id, number, email, password, display_name, first_name, last_name, phone, avatar_url, status, roles, email_verified,
    phone_verified, last_login_at, bio, gender, language, currency, timezone, company, website, social_links,
    preferences, version, created_at, updated_at, tokens_valid_from, is_staff, is_service, is_superuser
)
SELECT
    (lpad(to_hex((extract(epoch FROM made_at) * 1000)::bigint), 12, '0') || '7' || right(md5(n::text), 3)
     || '8' || right(md5('b' || n), 15))::uuid,
    nextval('users_number_seq'),
    lower(first_name || '.' || last_name || n) || '@' || (
        CASE WHEN n %% 10 < 7 THEN 'example.com' WHEN n %% 10 < 9 THEN 'mail.example.org'
        ELSE 'corp-' || n %% 500 || '.example.net' END),
    '!', first_name || ' ' || last_name, first_name, last_name,
    CASE WHEN n %% 2 = 0 THEN '+1415555' || lpad((n %% 10000)::text, 4, '0') ELSE '' END,
    'https://images.example.com/' || n || '.png',
    CASE WHEN n %% 5000 = 7 THEN 5 WHEN n %% 100 = 1 THEN 4 WHEN n %% 33 = 2 THEN 3 WHEN n %% 16 = 3 THEN 2 ELSE 1 END,
    CASE WHEN n %% 10000 = 11 THEN '{4}' WHEN n %% 10 = 4 THEN '{1,2}' ELSE '{1}' END::smallint[],
    n %% 16 <> 3, n %% 4 = 0,
    CASE WHEN n %% 3 = 0 THEN NULL ELSE made_at + (random() * (now() - made_at)) END,
    'Works on things that matter, with people who care.', '', 'en', 'EUR', 'Europe/Berlin', 'Example ' || n %% 977, '',
    '{}', '{}', 1, made_at, made_at, made_at, false, false, false
FROM (
    SELECT n, now() - interval '3 years' * (1 - n::float / %(total)s) AS made_at,
        CASE WHEN n %% %(rare_every)s = %(rare_every)s / 2 THEN %(rare)s
             ELSE (%(first_names)s)[1 + (%(firsts)s * random() * random())::int %% %(firsts)s] END AS first_name,
        (%(last_names)s)[1 + (%(lasts)s * random())::int %% %(lasts)s] AS last_name
    FROM generate_series(%(first)s, %(last)s) AS n
) AS made
"""


def seed(total: int) -> None:
    """Adds this many users, aged from three years to now, and has the database look at them."""
    from django.db import connection

    begun = time.monotonic()
    with connection.cursor() as cursor:
        # The same data each time.
        cursor.execute("SELECT setseed(0.5)")
        cursor.execute("ALTER TABLE users_user DISABLE TRIGGER USER")
        for first in range(1, total + 1, _CHUNK):
            last = min(first + _CHUNK - 1, total)
            cursor.execute(_INSERT, {
                "total": total, "first": first, "last": last, "rare": RARE_NAME, "rare_every": max(total // 3, 1),
                "first_names": FIRST_NAMES, "firsts": len(FIRST_NAMES),
                "last_names": LAST_NAMES, "lasts": len(LAST_NAMES),
            })  # fmt: skip
            if sys.stderr.isatty() or last == total:
                print(f"{last:,} of {total:,} users after {time.monotonic() - begun:.0f} s", file=sys.stderr)
        cursor.execute("ALTER TABLE users_user ENABLE TRIGGER USER")
        cursor.execute("VACUUM (ANALYZE) users_user")


def add_callers(password: str) -> tuple[str, str]:
    """Adds an administrator and an ordinary colleague with this password; gives their e-mails."""
    from users.models import Role, Status, User

    administrator, colleague = "administrator@bench.example.com", "colleague@bench.example.com"
    if not User.objects.filter(email=administrator).exists():
        User.objects.create_superuser(administrator, password, display_name="Administrator")
        user = User(email=colleague, display_name="Colleague", status=Status.ACTIVE, roles=[Role.CUSTOMER])
        user.set_password(password)
        user.save(force_insert=True)
    return administrator, colleague
