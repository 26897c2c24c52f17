from google.protobuf.empty_pb2 import Empty

from tandem import __version__
from tandem.common.v1 import common_pb2
from tests.support.transports import Transport


def test_components_are_reported(api: Transport) -> None:
    response = api("UserService/HealthCheck", Empty())
    assert response.status == common_pb2.HEALTH_STATUS_HEALTHY
    assert response.components["database"] == common_pb2.HEALTH_STATUS_HEALTHY
    assert response.version == __version__
    assert response.checked_at.seconds > 1_700_000_000
