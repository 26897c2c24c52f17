"""gRPC transport of user.v1 and example."""

from core.operations import operations
from core.rpc.servicers import servicer
from tandem.example.v1 import example_pb2, example_pb2_grpc
from tandem.user.v1 import user_pb2, user_pb2_grpc
from users.handlers import example, user

UserService = servicer(
    user_pb2_grpc.UserServiceServicer, operations(user_pb2.DESCRIPTOR.services_by_name["UserService"], user)
)
ExampleService = servicer(
    example_pb2_grpc.ExampleServiceServicer,
    operations(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example),
)
