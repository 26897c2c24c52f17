"""The REST views."""

from core import examples as values
from core.operations import operations
from core.rest import tus
from core.rest.openapi.limits import limits_of
from core.rest.viewsets import OperationViewSet
from drawings import handlers, messages
from drawings.models import Document, DocumentUpload
from drawings.services.uploads import DOCUMENT_UPLOADS
from tandem.drawing.v1 import drawing_pb2


class DrawingViewSet(OperationViewSet):
    """The operations on documents and their pages."""

    operations = operations(drawing_pb2.DESCRIPTOR.services_by_name["DrawingService"], handlers)
    examples = {
        "UpdateDocument": {"title": "Ground floor, lighting", "revision": "B"},
        "UploadDocument": {"title": "Ground floor, lighting", "revision": "A"},
        "RecognizeImage": {"bboxes": [0, 0, 64, 64]},
        "SearchPages": {"query": "K12"},
        "CompareDocuments": {"to": values.NEXT_DOCUMENT},
        "CreateComponent": {"page_number": 0, "designator": "-K1", "class": "relay", "bbox": [100, 100, 120, 110]},
        "UpdateComponent": {"designator": "-K2", "rating": {"raw": "24 V"}},
        "DecideComponents": {"decisions": [{"component_id": values.COMPONENT, "state": "confirmed"}]},
        "CreateSymbol": {
            "name": "Luminaire",
            "document_id": values.DOCUMENT,
            "page_number": 0,
            "bbox": [95, 95, 125, 125],
            "may_rotate": True,
        },
        "CreateSymbolsOfLegend": {
            "document_id": values.DOCUMENT,
            "page_number": 0,
            "bbox": [90, 90, 200, 130],
        },
        "CountSymbol": {"all_sheets": False},
        "RecognizeComponents": {"boxes": [{"bbox": [95, 95, 125, 125]}]},
    }
    limits = limits_of(Document, drawing_pb2.Document)


def _marks(upload: DocumentUpload) -> dict[str, str]:
    return {"Tandem-Document-Id": str(upload.document_id)} if upload.document_id else {}


tus.serve(
    tus.Target(
        DOCUMENT_UPLOADS,
        next(operation for operation in DrawingViewSet.operations if operation.rpc == "UploadDocument"),
        read=messages.upload_metadata,
        marks=_marks,
    )
)
