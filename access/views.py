"""The HTTP door."""

from access import calls
from core.operations import operations
from core.rest.door import Door
from tandem.auth.v1 import auth_pb2


class AuthViewSet(Door):
    """/api/v1/auth."""

    operations = operations(auth_pb2.DESCRIPTOR.services_by_name["AuthService"], calls)
