"""`manage.py service_config`: the calls that clients of gRPC may retry."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from core.rest.viewsets import served_operations
from core.rpc.service_config import service_config


class Command(BaseCommand):
    """Its output is committed as deploy/service_config.json and deploy/service_config_with_keys.json."""

    help = "Print the gRPC service config that retries calls which may be repeated."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--with-keys",
            action="store_true",
            help="also retry writes, for clients that send an idempotency-key with every call",
        )

    def handle(self, *args: Any, with_keys: bool, **options: Any) -> None:
        self.stdout.write(json.dumps(service_config(served_operations(), with_keys=with_keys), indent=2))
