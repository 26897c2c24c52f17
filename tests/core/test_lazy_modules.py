"""Libraries that a process imports before a call needs them: none of the large ones."""

import os
import subprocess
import sys

from tests.support.servers import ROOT

STARTED = """
import sys, django
django.setup()
import config.urls, config.rpc
from core import jobs
from django.utils.module_loading import autodiscover_modules
autodiscover_modules("jobs")
from drawings import handlers
print(sorted(sys.modules.keys() & {"numpy", "onnxruntime", "openpyxl", "pypdfium2_raw", "boto3"}))
print(handlers.pages.DEFAULT_ITEMS, "numpy" in sys.modules)
"""


def test_no_process_imports_a_large_library_before_it_is_needed() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true"}
    started = subprocess.run(
        [sys.executable, "-c", STARTED], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert started.stdout.splitlines() == ["[]", "1000 True"]


WITHOUT_HTTP = """
import sys, django
django.setup()
from django.core.management import get_commands, load_command_class
for name in ("rungrpc", "runworker"):
    command = load_command_class(get_commands()[name], name)
    command.check(tags=command.requires_system_checks)
import config.rpc
print(sorted(sys.modules.keys() & {"config.urls", "config.home.page", "tasks.admin", "tasks.views", "unfold.admin"}))
"""


def test_processes_without_http_import_neither_its_paths_nor_the_admin_site() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.server_settings", "DEBUG": "true"}
    started = subprocess.run(
        [sys.executable, "-c", WITHOUT_HTTP], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert started.stdout.splitlines() == ["[]"]
