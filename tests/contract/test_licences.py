"""docs/licences.md lists the packages of the image with the licences that they state."""

import re

from scripts.site.licences import PAGE, expected, rows

PERMITTED = re.compile(r"MIT|BSD|Apache|PSF|ISC|Zlib|0BSD|CC0")
#: Packages under other licences; the page states what these mean.
OTHERS = {"psycopg2-binary": "GNU Library or Lesser General Public License (LGPL)"}


def test_the_table_is_the_one_of_the_packages() -> None:
    text = PAGE.read_text()
    assert text == expected(text), "run python -m scripts.site.licences"


def test_licences_are_permissive_or_explained() -> None:
    text = PAGE.read_text()
    listed = rows(text)
    assert len(listed) > 50
    assert {name: licence for name, licence in listed.items() if not PERMITTED.search(licence)} == OTHERS
    assert all(name.removesuffix("-binary") in text.partition("## Passing on the image")[2] for name in OTHERS)
