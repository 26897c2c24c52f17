"""Checks of addresses, common to all HTML pages."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

Answer = Callable[[HttpRequest], HttpResponse]

_PAGE = re.compile(r"[0-9]{0,6}", re.ASCII)


def check_address(answer: Answer) -> Answer:
    """Refuse an address with a null character, which PostgreSQL does not accept in a text, or an invalid page number.

    Posted values are checked by the forms, which name the field.
    """

    def checked(request: HttpRequest) -> HttpResponse:
        values = [value for name in request.GET for value in request.GET.getlist(name)]
        if any("\0" in text for text in (request.path_info, *request.GET, *values)):
            return HttpResponseBadRequest("The address contains a null character.", content_type="text/plain")
        # The lists of the admin site convert the page to a number without a check.
        if not all(map(_PAGE.fullmatch, request.GET.getlist("page"))):
            return HttpResponseBadRequest("The page must be a number, as in page=2.", content_type="text/plain")
        return answer(request)

    return checked
