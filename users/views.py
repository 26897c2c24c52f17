"""The HTTP door."""

from core.operations import operations
from core.rest.door import Door
from core.rest.openapi.limits import limits_of
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users.calls import example, user
from users.models import User, UserAddress


class UserViewSet(Door):
    """/api/v1/users and /api/v1/health."""

    operations = operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], user)
    limits = {
        **limits_of(User, user_pb2.User, user_pb2.UserProfile),
        **limits_of(User, user_pb2.CreateUserRequest, without={"password"}),
        **limits_of(UserAddress, user_pb2.UserAddress),
    }


class ExampleViewSet(Door):
    """/api/users."""

    operations = operations(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example)
