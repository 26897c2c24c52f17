"""A body that is read in another way than `core.rest.bodies` reads it is read as empty when it comes in chunks."""

import re

from tests.support.servers import ROOT

READS = re.compile(r"wsgi\.input|CONTENT_LENGTH|\b(request|sent)\.(body|read|readline|readlines|_stream)\b")
#: Django's requests and forms: their bodies have a length by then (`bodies.with_length`).
FORMS = re.compile(r"\b(request|sent)\.(POST|FILES)\b")
#: The reader, and what stands on Django's forms.
READER, PAGES = "core/rest/bodies.py", ("core/admin/", "config/home/", "drawings/admin/", "meetings/admin/")


def test_only_one_module_reads_bodies() -> None:
    found = {}
    for folder in ("access", "changes", "config", "core", "drawings", "meetings", "projects", "tasks", "users"):
        for path in (ROOT / folder).rglob("*.py"):
            name, text = str(path.relative_to(ROOT)), path.read_text()
            uses = [*READS.findall(text), *FORMS.findall(text)]
            if uses and name != READER and not name.startswith(PAGES):
                found[name] = uses
    assert READS.search((ROOT / READER).read_text())
    assert found == {}
