"""Smaller HTML of lists and forms: django-unfold indents deeply, and gives each box some 500 bytes of classes.

The long lists of classes are replaced by names that `core/admin/pages.css` defines. They come from a constant of
django-unfold that it does not document: where a release changes it, the page is as unfold made it, and
`tests/contract/test_admin_sizes.py` fails.
"""

import re

from django.template.response import TemplateResponse
from django.utils.html import escape
from unfold.widgets import CHECKBOX_CLASSES

_BOX = escape(" ".join(CHECKBOX_CLASSES)).encode()
_INDENTED = re.compile(rb"\s*\n\s*")
#: Elements whose line breaks matter.
_KEPT = re.compile(rb"(<(textarea|pre|script)\b.*?</\2>)", re.DOTALL)


def slim(response: TemplateResponse) -> None:
    """Shorten a rendered page."""
    parts = _KEPT.split(response.content.replace(_BOX, b"cell-box"))
    # Three parts for each element: what is before it, itself, and its name.
    response.content = b"".join(
        _INDENTED.sub(b"\n", part) if place % 3 == 0 else part for place, part in enumerate(parts) if place % 3 != 2
    )
