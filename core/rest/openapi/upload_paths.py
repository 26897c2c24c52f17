"""OpenAPI paths of resumable uploads (`core.rest.tus`)."""

from typing import Any

from core.rest.openapi.components import Schema
from core.rest.openapi.own_paths import answer, describe

_NUMBER: Schema = {"type": "integer", "minimum": 0}
_TEXT: Schema = {"type": "string"}
_PIECE_TYPE = "application/offset+octet-stream"


def upload_paths() -> dict[str, Any]:
    """Return the paths under /api/v1/uploads."""
    return {"/api/v1/uploads": _uploads(), "/api/v1/uploads/{upload_id}": _upload()}


def _uploads() -> Schema:
    offered = dict.fromkeys(("Tus_Version", "Tus_Extension", "Tus_Max_Size", "Tus_Checksum_Algorithm"), _TEXT)
    return {
        "options": describe(
            "describeUploads",
            "Files",
            "What of tus 1.0 is offered",
            public=True,
            answers={"204": answer("It is in the header.", None, **offered)},
        ),
        "post": describe(
            "createUpload",
            "Files",
            "Begin the upload of a file, to be sent piece by piece (tus 1.0)",
            description="The body may hold the first piece.",
            parameters=[
                _version(),
                _header("Upload-Length", "How many bytes will come. This or Upload-Defer-Length.", _NUMBER, example=9),
                _header("Upload-Defer-Length", "`1`: how many is said with a later piece.", _TEXT),
                _header(
                    "Upload-Metadata",
                    "Pairs of a name and a text in Base64, with commas between: `purpose` (`recording`, the default, "
                    "or `document`), `filename`, `filetype`, and the fields of the form of UploadRecording or "
                    "UploadDocument. A list is a JSON array of texts, or texts with commas between.",
                    _TEXT,
                    example="filename c2FtcGxlLm9nZw==",
                ),
                _CHECKSUM,
            ],
            requestBody={"required": False, "content": _PIECE},
            answers={"201": answer("Where the pieces go.", None, "Location", Upload_Offset=_NUMBER, **_MARKS)},
            failures=(404, 409, 412, 413, 415, 460, 507),
        ),
    }


def _upload() -> Schema:
    place = {"name": "upload_id", "in": "path", "required": True, "schema": _TEXT}
    known = {"Upload_Length": _NUMBER, "Upload_Defer_Length": _TEXT, "Upload_Metadata": _TEXT}
    return {
        "parameters": [place],
        "head": describe(
            "getUpload",
            "Files",
            "How much of an upload has come",
            parameters=[_version()],
            answers={"200": answer("So much.", None, Upload_Offset=_NUMBER, **known, **_MARKS)},
            failures=(404, 412, 423),
        ),
        "patch": describe(
            "sendPiece",
            "Files",
            "Send the next piece of an upload",
            parameters=[
                _version(),
                _header("Upload-Offset", "Where the piece begins.", _NUMBER, required=True, example=0),
                _header("Upload-Length", "How many bytes will come in all, if that was deferred.", _NUMBER),
                _CHECKSUM,
            ],
            requestBody={"required": True, "content": _PIECE},
            answers={"204": answer("It is kept.", None, Upload_Offset=_NUMBER, **_MARKS)},
            failures=(404, 409, 412, 413, 415, 423, 460, 507),
        ),
        "delete": describe(
            "deleteUpload",
            "Files",
            "Give an upload up",
            parameters=[_version()],
            answers={"204": answer("It is gone.")},
            failures=(404, 409, 412, 423),
        ),
    }


def _version() -> Schema:
    schema: Schema = {"type": "string", "enum": ["1.0.0"]}
    return _header("Tus-Resumable", "The version of the protocol.", schema, required=True, example="1.0.0")


def _header(name: str, description: str, schema: Schema, *, required: bool = False, example: object = None) -> Schema:
    header: Schema = {"name": name, "in": "header", "description": description, "required": required, "schema": schema}
    return header | ({} if example is None else {"example": example})


_PIECE: Schema = {_PIECE_TYPE: {"schema": {"type": "string", "contentMediaType": _PIECE_TYPE}}}
_CHECKSUM = _header("Upload-Checksum", "An algorithm, and the digest of the piece in Base64.", _TEXT)
#: Headers of each response about an upload.
_MARKS: dict[str, Schema] = {"Tandem_Meeting_Id": _TEXT, "Tandem_Document_Id": _TEXT, "Upload_Expires": _TEXT}
