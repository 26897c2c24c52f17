"""Each rule of tus 1.0 with MUST, of the core and of the extensions that are offered, against a real server."""

from pathlib import Path

import pytest

from tests.meetings.tus import core_rules, extension_rules
from tests.support.factories import AdministratorFactory
from tests.support.servers import database_url, running
from tests.support.tus import TusClient
from tests.support.tus_rules import RULES

#: Importing these modules fills the table.
RULE_MODULES = (core_rules, extension_rules)


@pytest.mark.real_server
def test_every_rule_of_tus_is_kept(transactional_db: None, folder: Path) -> None:
    AdministratorFactory(email="admin@example.com")
    broken = {}
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder)) as servers:
        for text, keep in RULES.items():
            try:
                keep(TusClient(servers.http_url))
            except AssertionError as exc:
                broken[text] = str(exc)
    assert not broken, "\n\n".join(f"{text}\n{why}" for text, why in broken.items())
    assert len(RULES) >= 40
