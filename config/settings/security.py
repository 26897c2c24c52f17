"""Accounts, passwords, tokens, and limits on guesses and mails."""

from django.core.exceptions import ImproperlyConfigured

from config.settings.base import DEBUG, PROCESSORS, env

AUTH_USER_MODEL = "users.User"
AUTHENTICATE = "access.authentication.authenticate"
AUTHENTICATE_CERTIFICATE = "access.authentication.authenticate_certificate"
RENEW = "access.authentication.renew"
REDEEM_TICKET = "access.services.redeem_ticket"
ALLOW_SIGNUP = env.bool("ALLOW_SIGNUP", default=True)
#: How many accounts one address may make within an hour without a credential, and one user with one.
SIGNUPS_PER_HOUR = 20

DEV_AUTH_AS = env.email("DEV_AUTH_AS", default="")
if DEV_AUTH_AS and not DEBUG:
    raise ImproperlyConfigured("DEV_AUTH_AS lets every caller act as that user: it needs DEBUG=true.")

#: A bearer token that stands for that user, for a front end that always sends the same one.
DEV_AUTH_TOKEN = env.str("DEV_AUTH_TOKEN", default="")
if DEV_AUTH_TOKEN and not DEV_AUTH_AS:
    raise ImproperlyConfigured("DEV_AUTH_TOKEN stands for the user DEV_AUTH_AS: set that too, with DEBUG=true.")
if any(character.isspace() or not character.isprintable() for character in DEV_AUTH_TOKEN):
    raise ImproperlyConfigured("DEV_AUTH_TOKEN must be one word; it is sent as Authorization: Bearer <token>.")

#: Whether a server on all addresses is only reachable from this machine (a container's published port).
DEV_AUTH_PUBLISHED_ON_LOOPBACK = env.bool("DEV_AUTH_PUBLISHED_ON_LOOPBACK", default=False)

#: The first makes hashes; the others check imported ones.
PASSWORD_HASHERS = [
    "users.passwords.hashers.Argon2idHasher",
    "users.passwords.imported_hashes.ForeignBcrypt",
    "users.passwords.imported_hashes.ForeignScrypt",
    "users.passwords.imported_hashes.ForeignPbkdf2",
    "users.passwords.imported_hashes.ForeignBcryptSha256",
    "users.passwords.imported_hashes.ForeignWordPress",
    "users.passwords.imported_hashes.ForeignPhpass",
    "users.passwords.imported_hashes.ForeignShaCrypt",
    "users.passwords.imported_hashes.ForeignFirebaseScrypt",
    "users.passwords.imported_hashes.ForeignDigest",
]
#: How many passwords a process hashes at once; each takes ARGON2_MEMORY_KIB.
PASSWORD_HASHES_AT_ONCE = min(PROCESSORS, 8)
ARGON2_MEMORY_KIB = 47_104
ARGON2_PASSES = 1
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "users.passwords.hashers.MaximumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "users.passwords.hashers.NotAboutTheUserValidator"},
]

JWT_ISSUER = "tandem"
JWT_AUDIENCE = "tandem"
#: A PEM private key (Ed25519 or RSA); without one, tokens are signed with SECRET_KEY (HS256).
JWT_PRIVATE_KEY = env.str("JWT_PRIVATE_KEY", default="", multiline=True)
#: PEM public keys, one after the other: of the previous private key and of the next one. Their tokens are accepted too.
JWT_PUBLIC_KEYS = env.str("JWT_PUBLIC_KEYS", default="", multiline=True)
ACCESS_TOKEN_SECONDS = 900
REFRESH_TOKEN_SECONDS = 604_800
#: The scopes of API keys: for each area the calls of GET, and the rest; of users, apart from both, the calls that
#: change the credentials of an account.
API_KEY_SCOPES = [
    "users:read", "users:write", "users:credentials",
    "projects:read", "projects:write", "tasks:read", "tasks:write", "meetings:read", "meetings:write",
    "drawings:read", "drawings:write", "changes:read",
]  # fmt: skip
#: Tries at a password within five minutes: for one account from one address, and from one address in all.
LOGINS_PER_ACCOUNT = 10
LOGINS_PER_ADDRESS = 100
#: Wrong passwords within an hour for one account, from all addresses together.
LOGIN_FAILURES_PER_ACCOUNT = 100
#: How many verifications, and how many password resets, may be requested within an hour: for one account, and (resets,
#: which need no credentials) from one address in all.
MAILS_PER_ACCOUNT = 5
RESETS_PER_ADDRESS = 50
