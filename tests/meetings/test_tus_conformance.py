"""Each rule of tus 1.0 that says MUST, of the core and of the extensions that are offered, against a real server."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from tests.meetings.operations.conftest import folder as folder
from tests.support.factories import AdministratorFactory
from tests.support.recordings import a_recording
from tests.support.servers import database_url, running
from tests.support.tus import PIECE, Answer, TusClient, metadata

UPLOADS = "/api/v1/uploads"
CONTENT = a_recording()
UNKNOWN = f"{UPLOADS}/00000000-0000-7000-8000-000000000000"

Rule = Callable[[TusClient], None]
RULES: dict[str, Rule] = {}


def rule(text: str) -> Callable[[Rule], Rule]:
    """Add a rule to the table: the protocol's words, and what tries them."""

    def add(function: Rule) -> Rule:
        assert text not in RULES
        RULES[text] = function
        return function

    return add


@pytest.mark.real_server
def test_every_rule_of_tus_is_kept(transactional_db: None, folder: Path) -> None:
    AdministratorFactory(email="admin@example.com")
    broken = {}
    with running(DATABASE_URL=database_url(), TANDEM_DATA_DIR=str(folder)) as servers:
        for text, keep in RULES.items():
            try:
                keep(TusClient(servers.http_url))
            except AssertionError as exc:
                broken[text] = str(exc)
    assert not broken, "\n\n".join(f"{text}\n{why}" for text, why in broken.items())
    assert len(RULES) >= 40


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


# The core protocol


@rule("Upload-Offset … The value MUST be a non-negative integer.")
def _(tus: TusClient) -> None:
    path = begun(tus)
    for offset in ("-1", "+0", "0x0", "0.0", "", "\xb2", "9" * 1001):
        is_problem(tus("PATCH", path, b"RIFF", Content_Type=PIECE, Upload_Offset=offset), 400)
    assert tus.head(path).offset == 0


@rule("Upload-Length … The value MUST be a non-negative integer.")
def _(tus: TusClient) -> None:
    for length in ("-5", "+5", "five", "5.0", "5,5", ""):
        is_problem(tus("POST", Upload_Length=length, Upload_Metadata=metadata(title="T")), 400)
    # Zero is one, but a recording has bytes.
    is_problem(tus("POST", Upload_Length="0", Upload_Metadata=metadata(title="T")), 400)


@rule("The Tus-Resumable header MUST be included in every request and response except for OPTIONS requests.")
def _(tus: TusClient) -> None:
    path = begun(tus)
    is_problem(tus("POST", Tus_Resumable="", Upload_Length="5"), 412)
    answers = {
        201: tus.create(5),
        204: tus.patch(path, 0, CONTENT[:4]),
        200: tus.head(path),
        400: tus.create(-1),
        403: tus.create(5, Origin="http://evil.example"),
        404: tus.head(UNKNOWN),
        405: tus("GET", path),
        409: tus.patch(path, 5, b"x"),
        412: tus.create(5, Tus_Resumable="0.2.2"),
        413: tus.create(10**15),
        415: tus.patch(path, 4, b"x", Content_Type="text/plain"),
        460: tus.patch(path, 4, b"x", Upload_Checksum=has_checksum(b"y")),
        401: tus.create(5, Authorization="Bearer none"),
    }
    assert {status: answer.status for status, answer in answers.items()} == {status: status for status in answers}
    elsewhere = [tus("GET", f"{path}/more"), tus.create(5, Host="unknown.example"), tus("TRACE", path)]
    for answer in (*answers.values(), *elsewhere):
        assert answer.headers.get("tus-resumable") == "1.0.0", answer


@rule("The value MUST be the version of the protocol used by the Client or the Server.")
def _(tus: TusClient) -> None:
    for version in ("1", "1.0", "1.0.1", "2.0.0", "1.0.0,2.0.0"):
        is_problem(tus.create(5, Tus_Resumable=version), 412)


@rule(
    "If the version specified by the Client is not supported by the Server, it MUST respond with the 412 Precondition "
    "Failed status and MUST include the Tus-Version header into the response. In addition, the Server MUST NOT process "
    "the request."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    for answer in (tus.patch(path, 0, CONTENT, Tus_Resumable="0.2.2"), tus("DELETE", path, Tus_Resumable="0.2.2")):
        is_problem(answer, 412)
        assert answer.headers["tus-version"] == "1.0.0"
    assert tus.head(path).offset == 0


@rule("X-HTTP-Method-Override … MUST be a string which MUST be interpreted as the request's method by the Server.")
def _(tus: TusClient) -> None:
    path = begun(tus)
    headers = {"X_HTTP_Method_Override": "PATCH", "Content_Type": PIECE, "Upload_Offset": "0"}
    answer = tus("POST", path, CONTENT[:4], **headers)
    assert (answer.status, answer.offset) == (204, 4), answer
    assert tus("POST", path, X_HTTP_Method_Override="HEAD").offset == 4
    assert tus("POST", path, X_HTTP_Method_Override="DELETE").status == 204
    assert tus("POST", path, X_HTTP_Method_Override="GET").status == 405


@rule("Tus-Max-Size … MUST be a non-negative integer.")
def _(tus: TusClient) -> None:
    assert int(tus("OPTIONS").headers["tus-max-size"]) > 0


@rule(
    "The Server MUST always include the Upload-Offset header in the response for a HEAD request, even if the "
    "offset is 0, or the upload is already considered completed."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    assert tus.head(path).offset == 0
    tus.patch(path, 0, CONTENT)
    head = tus.head(path)
    assert (head.status, head.offset) == (200, len(CONTENT))


@rule("If the size of the upload is known, the Server MUST include the Upload-Length header in the response.")
def _(tus: TusClient) -> None:
    assert tus.head(begun(tus, 77)).headers["upload-length"] == "77"


@rule("If the resource is not found, the Server SHOULD return … without the Upload-Offset header.")
def _(tus: TusClient) -> None:
    for path in (UNKNOWN, f"{UPLOADS}/x", f"{UPLOADS}/%00"):
        answer = tus.head(path)
        assert (answer.status, answer.headers.get("upload-offset")) == (404, None), answer


@rule(
    "The Server MUST prevent the client and/or proxies from caching the response by adding the Cache-Control: "
    "no-store header to the response."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    for answer in (tus.head(path), tus.head(UNKNOWN), tus.head(f"{path}/"), tus("GET", path)):
        assert answer.headers["cache-control"] == "no-store", answer


@rule(
    "All PATCH requests MUST use Content-Type: application/offset+octet-stream, otherwise the server SHOULD "
    "return a 415 Unsupported Media Type status."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    for content_type in ("", "audio/wav", "application/octet-stream", "application/x-www-form-urlencoded"):
        is_problem(tus.patch(path, 0, CONTENT, Content_Type=content_type), 415)
    assert tus.head(path).offset == 0


@rule(
    "The Upload-Offset header's value MUST be equal to the current offset of the resource. … If the offsets do"
    " not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    tus.patch(path, 0, CONTENT[:10])
    for offset in (0, 9, 11, len(CONTENT), 10**30):
        is_problem(tus.patch(path, offset, b"x"), 409)
    assert tus.head(path).offset == 10


@rule(
    "The Server MUST acknowledge successful PATCH requests with the 204 No Content status. It MUST include the"
    " Upload-Offset header containing the new offset."
)
def _(tus: TusClient) -> None:
    answer = tus.patch(begun(tus), 0, CONTENT)
    assert (answer.status, answer.offset, answer.body) == (204, len(CONTENT), b"")


@rule(
    "The new offset MUST be the sum of the offset before the PATCH request and the number of bytes received "
    "and processed or stored during the current PATCH request."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    assert tus.patch(path, 0, CONTENT[:100]).offset == 100
    assert tus.patch(path, 100, b"").offset == 100
    assert tus.patch(path, 100, iter([CONTENT[100:150], CONTENT[150:300]])).offset == 300
    assert tus.head(path).offset == 300


@rule("If the Server receives a PATCH request against a non-existent resource it SHOULD return a 404 Not Found status.")
def _(tus: TusClient) -> None:
    is_problem(tus.patch(UNKNOWN, 0, b"x"), 404)


@rule(
    "OPTIONS … A successful response indicated by the 204 No Content or 200 OK status MUST contain the "
    "Tus-Version header."
)
def _(tus: TusClient) -> None:
    for path in (UPLOADS, f"{UPLOADS}/", UNKNOWN):
        answer = tus("OPTIONS", path)
        assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0"), answer
        assert answer.headers["tus-extension"].split(",") == [
            "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination",
        ]  # fmt: skip


@rule(
    "The Client SHOULD NOT include the Tus-Resumable header in the [OPTIONS] request and the Server MUST "
    "ignore the header."
)
def _(tus: TusClient) -> None:
    assert {tus("OPTIONS", Tus_Resumable=version).status for version in ("", "1.0.0", "0.0.1")} == {204}


# What HTTP demands of each of these


@rule("RFC 9110, 15.5.6: The origin server MUST generate an Allow header field in a 405 response.")
def _(tus: TusClient) -> None:
    for method in ("GET", "PUT", "HEAD", "PATCH", "DELETE"):
        answer = tus(method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS"), answer
    for method in ("GET", "PUT", "POST"):
        answer = tus(method, UNKNOWN)
        assert (answer.status, answer.headers["allow"]) == (405, "HEAD, PATCH, DELETE, OPTIONS"), answer


@rule("Every path takes a trailing slash.")
def _(tus: TusClient) -> None:
    path = tus("POST", f"{UPLOADS}/", Upload_Length=str(len(CONTENT)), Upload_Metadata=metadata(title="T")).path
    assert tus.patch(f"{path}/", 0, CONTENT[:5]).offset == 5
    assert tus.head(f"{path}/").offset == 5
    assert tus("DELETE", f"{path}/").status == 204


@rule("RFC 9110, 8.4: what is encoded is not stored as if it were the recording.")
def _(tus: TusClient) -> None:
    path = begun(tus)
    is_problem(tus.patch(path, 0, CONTENT[:5], Content_Encoding="gzip"), 415)
    assert tus.patch(path, 0, CONTENT[:5], Content_Encoding="identity").offset == 5


# Creation


@rule(
    "The Server MUST acknowledge a successful upload creation with the 201 Created status. The Server MUST set"
    " the Location header to the URL of the created resource."
)
def _(tus: TusClient) -> None:
    created = tus.create(10)
    assert (created.status, tus.head(created.path).status) == (201, 200)
    assert re.fullmatch(rf"http://127\.0\.0\.1:\d+{UPLOADS}/[0-9a-f-]{{36}}", created.headers["location"])


@rule("The request MUST include one of the following headers: a) Upload-Length … b) Upload-Defer-Length: 1")
def _(tus: TusClient) -> None:
    is_problem(tus("POST", Upload_Metadata=metadata(title="T")), 400)
    is_problem(tus.create(5, Upload_Defer_Length="1"), 400)


@rule("Upload-Defer-Length … it MUST be 1 … If the value is not 1, the Server MUST respond with 400 Bad Request.")
def _(tus: TusClient) -> None:
    for value in ("0", "2", "true", "-1", "01"):
        is_problem(tus("POST", Upload_Defer_Length=value, Upload_Metadata=metadata(title="T")), 400)


@rule(
    "As long as the length of the upload is not known, the Server MUST set Upload-Defer-Length: 1 in all "
    "responses to HEAD requests."
)
def _(tus: TusClient) -> None:
    path = deferred(tus)
    for offset, piece in ((0, b""), (0, CONTENT[:9])):
        tus.patch(path, offset, piece)
        headers = tus.head(path).headers
        assert (headers["upload-defer-length"], headers.get("upload-length")) == ("1", None), headers
    tus.patch(path, 9, b"", Upload_Length=str(len(CONTENT)))
    headers = tus.head(path).headers
    assert (headers.get("upload-defer-length"), headers["upload-length"]) == (None, str(len(CONTENT))), headers


@rule(
    "Once the length is known the Client MUST set the Upload-Length header in the next PATCH request. Once set"
    " the length MUST NOT be changed."
)
def _(tus: TusClient) -> None:
    path = deferred(tus)
    tus.patch(path, 0, CONTENT[:9])
    is_problem(tus.patch(path, 9, b"", Upload_Length="8"), 400)
    is_problem(tus.patch(path, 9, b"", Upload_Length="nine"), 400)
    is_problem(tus.patch(path, 9, b"", Upload_Length=str(10**15)), 413)
    assert tus.patch(path, 9, b"", Upload_Length="20").status == 204
    for length in ("19", "21"):
        is_problem(tus.patch(path, 9, CONTENT[9:20], Upload_Length=length), 400)
    assert tus.patch(path, 9, CONTENT[9:12], Upload_Length="20").offset == 12
    is_problem(tus.patch(begun(tus, 20), 0, b"x", Upload_Length="21"), 400)
    # It may also come with, or after, the last byte.
    for piece, rest in ((CONTENT, b""), (CONTENT[:-1], CONTENT[-1:])):
        path = deferred(tus)
        tus.patch(path, 0, piece)
        last = tus.patch(path, len(piece), rest, Upload_Length=str(len(CONTENT)))
        assert (last.offset, last.headers.get("upload-expires")) == (len(CONTENT), None), last


@rule(
    "If the length of the upload exceeds the maximum … the Server MUST respond with the 413 Request Entity Too"
    " Large status."
)
def _(tus: TusClient) -> None:
    limit = int(tus("OPTIONS").headers["tus-max-size"])
    is_problem(tus.create(limit + 1), 413)
    is_problem(tus.create(10**900), 413)
    is_problem(tus.create(limit + 1, Upload_Metadata=""), 413)
    assert tus.create(limit).status in (201, 507), "507: the disk is smaller"


@rule(
    "Upload-Metadata … The key and value MUST be separated by a space. The key MUST NOT contain spaces and "
    "commas and MUST NOT be empty. … the value MUST be Base64 encoded."
)
def _(tus: TusClient) -> None:
    for value in (
        ",",
        "title VA==,",
        " ,title VA==",
        "title  VA==",
        "title VA",
        "title =",
        "x §",
        "tïtle VA==",
        "a b c",
    ):
        is_problem(tus.create(5, Upload_Metadata=value.encode().decode("latin-1")), 400)
    is_problem(tus.create(5, Upload_Metadata="title /w=="), 400)  # No text.
    is_problem(tus.create(5, Upload_Metadata=f"title VA==,x {'A' * 8192}"), 400)


@rule("All keys MUST be unique.")
def _(tus: TusClient) -> None:
    for value in ("title VA==,title VA==", "title VA==,x,x", "title VA==,x eA==,x"):
        is_problem(tus.create(5, Upload_Metadata=value), 400)


@rule(
    "The value MAY be empty. In these cases, the space, which would normally separate the key and the value, "
    "MAY be left out."
)
def _(tus: TusClient) -> None:
    for value in ("title VA==,is_confidential", "is_confidential,title VA==", "title VA==,x "):
        assert tus.create(5, Upload_Metadata=value).status == 201


@rule(
    "If an upload contains additional metadata, responses to HEAD requests MUST include the Upload-Metadata "
    "header and its value as specified by the Client during the creation."
)
def _(tus: TusClient) -> None:
    for value in ("title VA==", "title VA==,x", "x,title VA==, y eA==,binary /w==", metadata(filename="Ä 💥.wav")):
        assert tus.head(begun(tus, Upload_Metadata=value)).headers["upload-metadata"] == value


@rule("Upload-Concat, which is not offered, is refused instead of making an ordinary upload.")
def _(tus: TusClient) -> None:
    path = begun(tus)
    for value in ("partial", f"final;{path}"):
        is_problem(tus.create(5, Upload_Concat=value), 400)


# Creation with upload


@rule(
    "The Client MAY include the entire upload data or parts of it in the POST request … MUST include the "
    "Content-Type: application/offset+octet-stream header. … The Server MUST include the Upload-Offset header "
    "in the response."
)
def _(tus: TusClient) -> None:
    bodies = [(CONTENT, len(CONTENT)), (CONTENT[:50], 50), (iter([CONTENT[:50], CONTENT[50:70]]), 70), (b"", 0)]
    for body, offset in bodies:
        headers = {"Upload_Length": str(len(CONTENT)), "Upload_Metadata": metadata(title="T"), "Content_Type": PIECE}
        answer = tus("POST", UPLOADS, body, **headers)
        assert (answer.status, answer.offset) == (201, offset), answer
        assert tus.head(answer.path).offset == offset
        assert tus.patch(answer.path, offset, CONTENT[offset:]).offset == len(CONTENT)


@rule("A first piece may come before the length is known.")
def _(tus: TusClient) -> None:
    headers = {"Upload_Defer_Length": "1", "Upload_Metadata": metadata(title="T"), "Content_Type": PIECE}
    answer = tus("POST", UPLOADS, CONTENT[:50], **headers)
    assert (answer.status, answer.offset) == (201, 50), answer
    assert tus.head(answer.path).headers["upload-defer-length"] == "1"
    assert tus.patch(answer.path, 50, CONTENT[50:], Upload_Length=str(len(CONTENT))).offset == len(CONTENT)


@rule("A body of another type is no piece, and none is acknowledged.")
def _(tus: TusClient) -> None:
    headers = {"Upload_Length": "50", "Upload_Metadata": metadata(title="T"), "Content_Type": "text/plain"}
    answer = tus("POST", UPLOADS, CONTENT[:50], **headers)
    assert (answer.status, answer.offset, tus.head(answer.path).offset) == (201, 0, 0)


@rule("A first piece that is damaged is not taken, and its upload goes on.")
def _(tus: TusClient) -> None:
    headers = {"Content_Type": PIECE, "Upload_Checksum": has_checksum(b"other"), "Upload_Metadata": metadata(title="T")}
    answer = tus("POST", UPLOADS, CONTENT[:50], Upload_Length="50", **headers)
    is_problem(answer, 460)
    assert (answer.offset, tus.head(answer.path).offset) == (0, 0)


@rule("Where more comes than was announced, nothing is created.")
def _(tus: TusClient) -> None:
    for body in (CONTENT[:51], iter([CONTENT[:40], CONTENT[40:60]])):
        headers = {"Content_Type": PIECE, "Upload_Metadata": metadata(title="T")}
        answer = tus("POST", UPLOADS, body, Upload_Length="50", **headers)
        is_problem(answer, 400)
        assert "location" not in answer.headers


# Expiration


@rule(
    "Upload-Expires … MUST be included in every PATCH response if the upload is going to expire. If the "
    "expiration is known at the creation, the Upload-Expires header MUST be included in the response to the "
    "initial POST request."
)
def _(tus: TusClient) -> None:
    created = tus.create(len(CONTENT))
    patched = tus.patch(created.path, 0, CONTENT[:5])
    for answer in (created, patched, tus.head(created.path)):
        left = parsedate_to_datetime(answer.headers["upload-expires"]) - datetime.now(UTC)
        assert timedelta(days=6, hours=23) < left <= timedelta(days=7), answer
    whole = tus.patch(created.path, 5, CONTENT[5:])
    assert "upload-expires" not in whole.headers, "what is complete does not expire"


@rule("The value of the Upload-Expires header MUST be in RFC 9110 datetime format.")
def _(tus: TusClient) -> None:
    sent = tus.create(5).headers["upload-expires"]
    assert re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", sent), sent


# Checksum


@rule(
    "The Tus-Checksum-Algorithm header MUST be included in the response to an OPTIONS request. … A Server … "
    "MUST support at least the SHA1 checksum algorithm identified by sha1."
)
def _(tus: TusClient) -> None:
    for algorithm in tus("OPTIONS").headers["tus-checksum-algorithm"].split(","):
        path = begun(tus)
        answer = tus.patch(path, 0, CONTENT[:5], Upload_Checksum=has_checksum(CONTENT[:5], algorithm))
        assert answer.offset == 5
    assert "sha1" in tus("OPTIONS").headers["tus-checksum-algorithm"].split(",")


@rule(
    "The Upload-Checksum request header MUST consist of the name of the used checksum algorithm and the Base64"
    " encoded checksum separated by a space. … 400 Bad Request if the checksum algorithm is not supported."
)
def _(tus: TusClient) -> None:
    path = begun(tus)
    for value in ("crc32 AAAA", "sha1", "sha1 ", "SHA1 AAAA", "AAAA", "sha1 AAAA", "sha1 §", "sha1  AAAA"):
        is_problem(tus.patch(path, 0, CONTENT[:5], Upload_Checksum=value), 400)


@rule(
    "460 Checksum Mismatch if the checksums mismatch. In [these] cases the uploaded chunk MUST be discarded, "
    "and the upload and its offset MUST NOT be updated."
)
def _(tus: TusClient) -> None:
    for path in (begun(tus), deferred(tus)):
        tus.patch(path, 0, CONTENT[:5])
        is_problem(tus.patch(path, 5, CONTENT[5:], Upload_Checksum=has_checksum(b"other")), 460)
        assert tus.head(path).offset == 5
        assert tus.patch(path, 5, CONTENT[5:9], Upload_Checksum=has_checksum(CONTENT[5:9], "sha256")).offset == 9


# Termination


@rule(
    "When receiving a DELETE request for an existing upload the Server SHOULD free associated resources and "
    "MUST respond with the 204 No Content status … For all future requests to this URL, the Server SHOULD "
    "respond with the 404 Not Found or 410 Gone status."
)
def _(tus: TusClient) -> None:
    for path in (begun(tus), deferred(tus)):
        tus.patch(path, 0, CONTENT[:5])
        assert tus("DELETE", path).status == 204
        assert [tus.head(path).status, tus.patch(path, 5, b"x").status, tus("DELETE", path).status] == [404, 404, 404]


def deferred(tus: TusClient) -> str:
    created = tus("POST", Upload_Defer_Length="1", Upload_Metadata=metadata(title="T"))
    assert created.status == 201, created
    return created.path
