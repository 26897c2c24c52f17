"""Mail: how it is sent, its sender, and the pages that it links to."""

from config import environment
from config.settings.base import DEBUG, env
from config.settings.http import HTTP_PORT

#: The mail server. In development the worker prints mails.
EMAIL_URL = env.str("EMAIL_URL", default="") or ("consolemail://" if DEBUG else "smtp://localhost:25")
_mail = environment.mail(EMAIL_URL)
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST, EMAIL_PORT = _mail["EMAIL_HOST"], _mail["EMAIL_PORT"]
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_USER"], _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.get("EMAIL_USE_TLS", False), _mail.get("EMAIL_USE_SSL", False)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"] or None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.email("DEFAULT_FROM_EMAIL", default="Tandem <tandem@localhost>")
#: The address of the pages that mails link to, by default in development those of this server; without one, mails
#: carry the token alone.
_OWN_PAGES = f"http://localhost:{HTTP_PORT}" if DEBUG else ""
PUBLIC_URL = environment.page_address("PUBLIC_URL", env.str("PUBLIC_URL", default="") or _OWN_PAGES)
