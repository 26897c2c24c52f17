import json
from typing import Any

from django.core.management.base import BaseCommand

from core.rest.openapi.current import current_document


class Command(BaseCommand):
    help = "Print the OpenAPI document. Renew its committed copy with: python manage.py openapi > docs/openapi.json"
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(current_document(), indent=2, ensure_ascii=False))
