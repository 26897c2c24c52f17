import json
from typing import Any

from django.core.management.base import BaseCommand

from core.web_rpc.description import current_description


class Command(BaseCommand):
    help = (
        "Print the description of the gRPC API. Renew its committed copy with: "
        "python manage.py grpc_description > docs/grpc.json"
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(current_description(), indent=1, ensure_ascii=False))
