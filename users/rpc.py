"""gRPC transport of user.v1 and example."""

from core.rpc.servicers import service
from tandem.example.v1 import example_pb2
from tandem.user.v1 import user_pb2
from users.handlers import example, user

UserService = service(user_pb2.DESCRIPTOR.services_by_name["UserService"], user)
ExampleService = service(example_pb2.DESCRIPTOR.services_by_name["ExampleService"], example)
