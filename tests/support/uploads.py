"""Resumable uploads of one user, within the process of the test."""

import base64
from typing import Any

from django.test import Client

from meetings.models import Meeting
from tests.support.rest_transport import RestTransport
from users.models import User

UPLOADS = "/api/v1/uploads"


class Uploader:
    """A tus client of one user."""

    def __init__(self, user: User) -> None:
        self._client = Client(raise_request_exception=False, HTTP_HOST="localhost")
        self._headers = {"authorization": RestTransport().bearer(user), "tus-resumable": "1.0.0"}

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("content-type", "application/offset+octet-stream")
        return self._client.generic(
            method,
            path,
            body,
            headers={**self._headers, **named},
            CONTENT_TYPE=content_type,  # Of an empty body, too.
        )

    def create(self, length: int, **metadata: str) -> Any:
        encoded = ",".join(f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in metadata.items())
        return self.send("POST", UPLOADS, upload_length=str(length), upload_metadata=encoded)

    def patch(self, path: str, offset: int, piece: bytes, **headers: str) -> Any:
        return self.send("PATCH", path, piece, upload_offset=str(offset), **headers)

    def offset(self, path: str) -> int:
        return int(self.send("HEAD", path).headers["Upload-Offset"])


def begun(uploader: Uploader, content: bytes, **metadata: str) -> tuple[str, Meeting]:
    created = uploader.create(len(content), **{"filename": "talk.wav", "filetype": "audio/wav"} | metadata)
    assert created.status_code == 201
    assert created.headers["Tus-Resumable"] == "1.0.0"
    path = created.headers["Location"].removeprefix("http://localhost")
    assert path.startswith(f"{UPLOADS}/")
    return path, Meeting.objects.get(pk=created.headers["Tandem-Meeting-Id"])
