"""Rules of the core of tus 1.0 with MUST, and what HTTP requires."""

from tests.support.tus import PIECE, TusClient, metadata
from tests.support.tus_rules import CONTENT, UNKNOWN, UPLOADS, begun, has_checksum, is_problem, rule


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
