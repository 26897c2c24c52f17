"""Smaller HTML of lists and forms: django-unfold gives each cell some 500 bytes of classes, and indents deeply.

The long lists of classes are replaced by names that `core/admin/pages.css` defines. They come from constants of
django-unfold that it does not document: where a release changes them, the page is as unfold made it, and
`tests/contract/test_admin_sizes.py` fails.
"""

import re

from django.template.response import TemplateResponse
from django.utils.html import escape
from unfold.templatetags import unfold_list
from unfold.widgets import CHECKBOX_CLASSES

_SHORT = {
    " ".join(unfold_list.ROW_CLASSES): "cell",
    " ".join(unfold_list.CHECKBOX_CLASSES): "cell cell-check action-checkbox",
    " ".join(unfold_list.LINK_CLASSES): "cell-link",
    " ".join(CHECKBOX_CLASSES): "cell-box",
    "data-row block border border-base-200 mb-3 relative rounded-default lg:table-row lg:border-none lg:mb-0 "
    "lg:rounded-none dark:border-base-800": "data-row",
}
_CHECKBOX = re.compile(rb'class="appearance-none [^"]*action-select"')
_INDENTED = re.compile(rb"\s*\n\s*")
#: Elements whose line breaks matter.
_KEPT = re.compile(rb"(<(textarea|pre|script)\b.*?</\2>)", re.DOTALL)


def slim(response: TemplateResponse) -> None:
    """Shorten a rendered page."""
    content = response.content
    for classes, name in _SHORT.items():
        content = content.replace(escape(classes).encode(), name.encode())
    content = _CHECKBOX.sub(b'class="cell-box action-select"', content)
    parts = _KEPT.split(content)
    # Three parts for each element: what is before it, itself, and its name.
    response.content = b"".join(
        _INDENTED.sub(b"\n", part) if place % 3 == 0 else part for place, part in enumerate(parts) if place % 3 != 2
    )
