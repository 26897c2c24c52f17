"""Values of examples that depend on the server: ids of rows, and texts that must not be taken.

The examples of the viewsets, and with them `docs/openapi.json`, contain the values of `VALUES`. A client that executes
an example replaces each by a real one first: the pages of the API, the tests, the documentation. The document lists
them under `x-example-values`.
"""

import json
import secrets
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

#: Reads a path with its query, and returns the parsed JSON; None = there is none.
Read = Callable[[str], Any]


class Value(NamedTuple):
    """A value of examples that a server replaces.

    Attributes:
        text: the value in the examples.
        means: what it stands for, for people.
        sources: paths of lists that contain a real value, the best first. They may contain other values.
        at: JSON pointer to the real value in such a list.
        unique: the server must not have the value yet; a random part makes it so.
    """

    text: str
    means: str
    sources: tuple[str, ...] = ()
    at: str = ""
    unique: bool = False


def _id(number: int) -> str:
    return f"0198a3c0-0000-7000-8000-{number:012}"


TASK, PROJECT, MEETING, USER = _id(1), _id(2), _id(3), _id(4)
ADDRESS, MEMBER, SEGMENT, SPEAKER, ACTION_ITEM = _id(5), _id(6), _id(7), _id(8), _id(9)
DOCUMENT, NEXT_DOCUMENT, COMPONENT, SYMBOL = _id(10), _id(11), _id(12), _id(13)
SESSION, API_KEY, SILENT_MEETING, ARCHIVED_PROJECT = _id(14), _id(15), _id(16), _id(17)
OWN_EMAIL, NEW_EMAIL, IMPORTED_EMAIL = "ada@example.com", "grace@example.com", "mary@example.com"
#: Of the facade `example`, whose users have numbers.
USER_NUMBER = 2_147_480_001
NEW_PROJECT, NEW_NUMBER = "Hall 7, lighting", "2030-71"

_MEETINGS = "/api/v1/meetings?page_size=1"
VALUES = (
    Value(TASK, "a task", ("/api/v1/tasks?page_size=1",), "/tasks/0/id"),
    Value(PROJECT, "a project", ("/api/v1/projects?statuses=active&page_size=1",), "/projects/0/id"),
    Value(
        ARCHIVED_PROJECT, "an archived project", ("/api/v1/projects?statuses=archived&page_size=1",), "/projects/0/id"
    ),
    Value(MEETING, "a meeting", (f"{_MEETINGS}&statuses=completed", _MEETINGS), "/meetings/0/id"),
    Value(SILENT_MEETING, "a meeting without a recording", (f"{_MEETINGS}&statuses=pending",), "/meetings/0/id"),
    Value(USER, "another user", ("/api/v1/users?page_size=1",), "/users/0/id"),
    Value(str(USER_NUMBER), "the number of a user", ("/api/users?page_size=1",), "/users/0/id"),
    Value(ADDRESS, "an address of the caller", ("/api/v1/users/me/addresses",), "/addresses/0/id"),
    Value(
        MEMBER,
        "another member of this project",
        (f"/api/v1/projects/{PROJECT}/members?page_size=2",),
        "/members/1/user_id",
    ),
    Value(
        SEGMENT, "a segment of this meeting", (f"/api/v1/meetings/{MEETING}/transcript?page_size=1",), "/segments/0/id"
    ),
    Value(SPEAKER, "a speaker of this meeting", (f"/api/v1/meetings/{MEETING}/speakers",), "/speakers/0/id"),
    Value(
        ACTION_ITEM,
        "an action item of this meeting",
        (f"/api/v1/meetings/{MEETING}/action-items?statuses=proposed",),
        "/action_items/0/id",
    ),
    Value(
        DOCUMENT,
        "a drawing of this project",
        (
            f"/api/v1/projects/{PROJECT}/documents?statuses=ready&page_size=1",
            f"/api/v1/projects/{PROJECT}/documents?page_size=1",
        ),
        "/documents/0/id",
    ),
    Value(
        NEXT_DOCUMENT,
        "second drawing of this project",
        (f"/api/v1/projects/{PROJECT}/documents?page_size=2",),
        "/documents/1/id",
    ),
    Value(
        COMPONENT,
        "a component of this project",
        (f"/api/v1/projects/{PROJECT}/components?page_size=1",),
        "/components/0/id",
    ),
    Value(SYMBOL, "a symbol of this project", (f"/api/v1/projects/{PROJECT}/symbols?page_size=1",), "/symbols/0/id"),
    Value(SESSION, "a session of the caller", ("/api/v1/auth/sessions",), "/sessions/0/id"),
    Value(API_KEY, "an API key of the caller", ("/api/v1/auth/api-keys",), "/api_keys/0/id"),
    Value(OWN_EMAIL, "the email address of the caller", ("/api/v1/users/me",), "/email"),
    Value(NEW_EMAIL, "an email address that no user has", unique=True),
    Value(IMPORTED_EMAIL, "an email address that no user has", unique=True),
    Value(NEW_PROJECT, "a name that no project has", unique=True),
    Value(NEW_NUMBER, "a number that no project has", unique=True),
)

#: Path parameter → its example, in paths that begin so; the longest beginning counts.
_IN_PATHS: dict[str, dict[str, str | int]] = {
    "user_id": {
        "": "me",
        "/api/v1/projects/": MEMBER,
        "/api/users/": USER_NUMBER,
    },
    "id": {"/api/v1/tasks/": TASK, "/api/v1/auth/api-keys/": API_KEY},
    "address_id": {"": ADDRESS},
    "project_id": {"": PROJECT},
    "meeting_id": {"": MEETING},
    "segment_id": {"": SEGMENT},
    "speaker_id": {"": SPEAKER},
    "item_id": {"": ACTION_ITEM},
    "document_id": {"": DOCUMENT},
    "component_id": {"": COMPONENT},
    "symbol_id": {"": SYMBOL},
    "session_id": {"": SESSION},
    "page_number": {"": 0},
    "collection": {"": "tasks"},
    "subject_id": {"": TASK},
    "format": {"": "csv"},
}
#: What would end the caller's own access, and is tried on another user.
_ON_ANOTHER_USER = ("DeleteUser", "DeactivateUser", "ReactivateUser")


def in_path(rpc: str, path: str, name: str) -> str | int | None:
    """Return the example of a path parameter of an operation; None = it has no example."""
    if name == "user_id" and rpc in _ON_ANOTHER_USER:
        return USER
    if rpc == "UnarchiveProject":
        return ARCHIVED_PROJECT
    beginnings = {start: value for start, value in _IN_PATHS.get(name, {}).items() if path.startswith(start)}
    return beginnings[max(beginnings, key=len)] if beginnings else None


def described() -> list[dict[str, Any]]:
    """Return the values as the OpenAPI document lists them."""
    return [
        {"value": value.text, "means": value.means}
        | ({"unique": True} if value.unique else {"sources": list(value.sources), "at": value.at})
        for value in VALUES
    ]


class Missing(LookupError):
    """The server has no row of the kind that an example needs."""


class Filling:
    """The real values of one server and caller. Each is read once, and used in all examples."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._known: dict[str, str] = {}

    def fill(self, example: Any) -> Any:
        """Return an example, or a path, with the real values.

        Raises:
            Missing: there is no row of a kind that it needs.
        """
        text = json.dumps(example)
        for value in self._contained(text):
            text = text.replace(json.dumps(value.text)[1:-1], json.dumps(self._real(value))[1:-1])
        return json.loads(text)

    def _contained(self, text: str) -> Iterable[Value]:
        return [value for value in VALUES if json.dumps(value.text)[1:-1] in text]

    def _real(self, value: Value) -> str:
        if value.unique:
            return f"{secrets.token_hex(3)}.{value.text}"
        if value.text not in self._known:
            self._known[value.text] = self._found(value)
        return self._known[value.text]

    def _found(self, value: Value) -> str:
        for source in value.sources:
            found = _at(self._read(self.fill(source)), value.at)
            if isinstance(found, str | int):
                return str(found)
        raise Missing(f"There is no {value.means.partition(' ')[2]} to try it with.")


def _at(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer leads to; None = nothing."""
    for part in pointer.split("/")[1:]:
        if isinstance(document, list):
            document = document[int(part)] if int(part) < len(document) else None
        else:
            document = document.get(part) if isinstance(document, dict) else None
    return document
