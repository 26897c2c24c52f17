"""The requests for the pages of a list."""

from __future__ import annotations

from typing import Any, TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")


def next_request(request: Request, response: Any) -> Request | None:
    """Return the request for the page after this response; None = that was the last page.

    Raises:
        TypeError: the operation does not answer with pages.
    """
    fields = response.DESCRIPTOR.fields_by_name
    if "pagination" not in fields and "next_page_token" not in fields:
        raise TypeError(f"{response.DESCRIPTOR.full_name} is not a page.")
    token = (response.pagination if "pagination" in fields else response).next_page_token
    if not token:
        return None
    following: Any = type(request)()
    following.CopyFrom(request)
    (following.pagination if "pagination" in fields else following).page_token = token
    result: Request = following
    return result
