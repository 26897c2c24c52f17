"""Rules of the extensions of tus 1.0 that are offered."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tests.support.tus import PIECE, TusClient, metadata
from tests.support.tus_rules import CONTENT, UPLOADS, begun, deferred, has_checksum, is_problem, rule

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
    is_problem(tus.create(5, Upload_Metadata=f"title VA==,x {'A' * 32_768}"), 400)


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
