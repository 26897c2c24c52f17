"""Transcripts as files: JSON, subtitles (SubRip, WebVTT), Markdown.

Require the same permissions as GetTranscript.
"""

import re
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, NamedTuple

from django.http import FileResponse, HttpRequest, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from core.errors import MethodNotAllowed, invalid
from core.observability.call_log import http_meter
from core.rest.conditional import PRIVATE, is_known
from core.rest.downloads import attachment
from core.rest.policies import admit_to_export
from core.rest.read_views import METHODS, allowed
from meetings.views import MeetingViewSet
from meetings.views.exports import as_json, markdown, subtitles
from meetings.views.exports.reading import Transcription, transcription

_OPERATION = next(operation for operation in MeetingViewSet.operations if operation.rpc == "GetTranscript")
#: Larger files are kept on disk.
_IN_MEMORY_BYTES = 1024 * 1024


class Form(NamedTuple):
    """A file format."""

    content_type: str
    render: Callable[[Transcription], Iterator[str]]


FORMS = {
    "json": Form("application/json", as_json.render),
    "srt": Form("application/x-subrip; charset=utf-8", subtitles.render_srt),
    "vtt": Form("text/vtt; charset=utf-8", subtitles.render_vtt),
    "md": Form("text/markdown; charset=utf-8", markdown.render),
}


def transcript(request: HttpRequest, meeting_id: str, form: str) -> HttpResponseBase:
    """Serve /api/v1/meetings/{id}/transcript.{json,srt,vtt,md}."""
    report: Any = request.report  # type: ignore[attr-defined]
    report.meter = http_meter("GET" if request.method == "GET" else "other", "transcript")
    if request.method == "OPTIONS":
        return allowed(METHODS)
    if request.method not in METHODS:
        raise MethodNotAllowed(allowed=METHODS)
    credential = admit_to_export(_OPERATION, request)
    report.principal, report.subject_id = credential.actor.pk, meeting_id
    found = transcription(credential.actor, meeting_id, _version(request))
    # Like all responses of the API, it must not be stored by shared caches.
    headers = {"ETag": f'"{found.fingerprint}-{form}"', "Cache-Control": PRIVATE}
    answer: HttpResponseBase
    if is_known(request, headers["ETag"]):
        answer = HttpResponseNotModified(headers=headers)
    else:
        headers["Content-Disposition"] = attachment(found.meeting.title, form, "meeting")
        file = _render_to_file(FORMS[form].render(found))
        answer = FileResponse(file, content_type=FORMS[form].content_type, headers=headers)
    patch_vary_headers(answer, ["Authorization"])
    return answer


def _version(request: HttpRequest) -> int:
    """Return the requested version; 0 = the current one."""
    for name in request.GET:
        if name not in ("transcript_version", "ticket"):
            raise invalid((name,), "unknown", "Unknown query parameter.")
    sent = request.GET.get("transcript_version", "0")
    if not re.fullmatch(r"[0-9]{1,9}", sent):
        raise invalid("transcript_version", "type", "transcript_version must be a number.")
    return int(sent)


def _render_to_file(texts: Iterator[str]) -> IO[bytes]:
    """Return a file with these texts. It is complete before the response begins, so that an error gets its status."""
    file = SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - the response sends and closes it
    try:
        for text in texts:
            file.write(text.encode())
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file
