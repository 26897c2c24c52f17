"""`manage.py renew_voice_prints`: encrypts voice prints anew, after SECRET_KEY has changed."""

from typing import Any

from django.core.management.base import BaseCommand

from meetings.services.voices import renew_encryption


class Command(BaseCommand):
    """Encrypt the voice prints under SECRET_KEY that are under one of SECRET_KEY_FALLBACKS."""

    help = "Encrypt voice prints anew, so that a former SECRET_KEY can be removed from SECRET_KEY_FALLBACKS."

    def handle(self, *args: Any, **options: Any) -> None:
        renewed, lost = renew_encryption()
        self.stdout.write(f"{renewed} voice prints were encrypted anew; {lost} cannot be decrypted by any known key.")
