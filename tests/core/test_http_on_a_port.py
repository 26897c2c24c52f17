"""Conditions and codings on a real port, as the web server frames them."""

import gzip
import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from tests.support.servers import Servers


def test_answers_are_framed_as_they_are_coded(servers: Servers) -> None:
    address = urlsplit(servers.http_url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)

    def call(method: str, path: str, body: Any = None, **headers: str) -> tuple[Any, bytes]:
        text = None if body is None else json.dumps(body)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, text, {"Content-Type": "application/json", **sent})
        response = connection.getresponse()
        return response, response.read()

    packed, content = call("GET", "/api/v1/openapi.json", Accept_Encoding="gzip")
    assert (packed.status, packed.headers["Content-Encoding"]) == (200, "gzip")
    assert int(packed.headers["Content-Length"]) == len(content) < 100_000
    plain, whole = call("GET", "/api/v1/openapi.json")
    assert gzip.decompress(content) == whole
    assert packed.headers["ETag"] == f"W/{plain.headers['ETag']}"

    head, nothing = call("HEAD", "/api/v1/openapi.json", Accept_Encoding="gzip")
    assert (head.headers["Content-Length"], nothing) == (packed.headers["Content-Length"], b"")
    for method in ("GET", "HEAD"):
        known, nothing = call(method, "/api/v1/openapi.json", If_None_Match=packed.headers["ETag"])
        assert (known.status, nothing, "Content-Length" in known.headers) == (304, b"", False)

    # All on one connection: a length that is wrong would have shifted what follows.
    made, content = call("POST", "/api/v1/tasks", {"title": "A", "description": "x" * 3000}, Accept_Encoding="gzip")
    assert (made.status, made.headers["ETag"]) == (201, 'W/"1"')
    path = f"/api/v1/tasks/{json.loads(gzip.decompress(content))['id']}"
    stale, content = call("PATCH", path, {"title": "B"}, If_Match='"7"')
    assert (stale.status, json.loads(content)["reason"]) == (412, "STALE")
    changed, content = call("PATCH", path, {"title": "B"}, If_Match=made.headers["ETag"])
    assert (changed.status, json.loads(content)["title"]) == (200, "B")
    gone, nothing = call("DELETE", path, If_Match='"1", "2"')
    assert (gone.status, nothing, "Content-Length" in gone.headers) == (204, b"", False)
    options, nothing = call("OPTIONS", "/api/v1/tasks")
    assert (options.status, "Content-Type" in options.headers) == (204, False)
    missing, content = call("POST", "/auth/login", {})
    assert (missing.status, json.loads(content)["reason"]) == (404, "NOT_FOUND")
    connection.close()
