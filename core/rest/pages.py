"""What every page for people is spared."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest

Answer = Callable[[HttpRequest], HttpResponse]

_PAGE = re.compile(r"[0-9]{0,6}", re.ASCII)


def check_address(answer: Answer) -> Answer:
    """Refuse an address with a null character, which the database takes in no text, or with a page that is no number.

    What is posted is left to the forms, which name the field.
    """

    def checked(request: HttpRequest) -> HttpResponse:
        values = [value for name in request.GET for value in request.GET.getlist(name)]
        if any("\0" in text for text in (request.path_info, *request.GET, *values)):
            return HttpResponseBadRequest("The address holds a null character.", content_type="text/plain")
        # The search of the admin site takes what is sent for a number.
        if not all(map(_PAGE.fullmatch, request.GET.getlist("page"))):
            return HttpResponseBadRequest("A page is a number, as in page=2.", content_type="text/plain")
        return answer(request)

    return checked
