"""The table of rules of tus 1.0, and what they share."""

import base64
import hashlib
from collections.abc import Callable

from tests.support.recordings import a_recording
from tests.support.tus import Answer, TusClient, metadata

UPLOADS = "/api/v1/uploads"
CONTENT = a_recording()
UNKNOWN = f"{UPLOADS}/00000000-0000-7000-8000-000000000000"

Rule = Callable[[TusClient], None]
RULES: dict[str, Rule] = {}


def rule(text: str) -> Callable[[Rule], Rule]:
    """Add a rule to the table: the words of the protocol, and a function that checks them."""

    def add(function: Rule) -> Rule:
        assert text not in RULES
        RULES[text] = function
        return function

    return add


def begun(tus: TusClient, length: int = len(CONTENT), **headers: str) -> str:
    created = tus.create(length, **headers)
    assert created.status == 201, created
    return created.path


def has_checksum(content: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, content).digest()).decode()}"


def is_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert answer.headers["tus-resumable"] == "1.0.0", answer


def deferred(tus: TusClient) -> str:
    created = tus("POST", Upload_Defer_Length="1", Upload_Metadata=metadata(title="T"))
    assert created.status == 201, created
    return created.path
