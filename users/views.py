"""REST transport of user.v1 and example."""

from core import examples as values
from core.operations import operations
from core.rest.openapi.limits import limits_of
from core.rest.viewsets import OperationViewSet
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users.handlers import example, user
from users.models import User, UserAddress


class UserViewSet(OperationViewSet):
    """/api/v1/users and /api/v1/health."""

    operations = operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], user)
    examples = {
        "CreateUser": {"email": values.NEW_EMAIL, "password": "violin under a bridge", "display_name": "Grace Hopper"},
        "UpdateUser": {"first_name": "Ada", "profile": {"timezone": "Europe/London"}},
        "UpdateUserProfile": {"bio": "Writes programs.", "website": "https://ada.example"},
        "UpdateUserPreferences": {"email": {"newsletter": True}},
        "DeactivateUser": {"reason": "On leave until May."},
        "GetUserByEmail": {"email": values.OWN_EMAIL},
        "SearchUsers": {"query": "ada"},
        "BatchGetUsers": {"user_ids": ["me"]},
        "AddUserAddress": {
            "label": "Home",
            "full_name": "Ada Lovelace",
            "address": {
                "line1": "12 St James's Square",
                "city": "London",
                "postal_code": "SW1Y 4LB",
                "country_code": "GB",
            },
        },
        "UpdateUserAddress": {"label": "Office", "delivery_instructions": "Ring twice."},
        "SetDefaultAddress": {"type": "shipping"},
        "ConfirmEmailVerification": {"token": "the token of the mail"},
        "ChangePassword": {"current_password": "violin under a bridge", "new_password": "piano above a river"},
        "RequestPasswordReset": {"email": values.OWN_EMAIL},
        "ResetPassword": {"token": "the token of the mail", "new_password": "piano above a river"},
        "BulkImportUsers": {
            "user": {"email": values.IMPORTED_EMAIL, "display_name": "Mary Jackson"},
            "request_id": "7",
        },
    }
    limits = {
        **limits_of(User, user_pb2.User, user_pb2.UserProfile),
        **limits_of(User, user_pb2.CreateUserRequest, without={"password"}),
        **limits_of(UserAddress, user_pb2.UserAddress),
    }


class ExampleViewSet(OperationViewSet):
    """/api/users."""

    operations = operations(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example)
    examples = {"CreateUser": {"name": "Grace Hopper", "email": values.NEW_EMAIL}}
