"""All gRPC services. The counterpart for HTTP is `config/urls.py`."""

from access.rpc import AuthService
from changes.rpc import ChangeService
from core.rpc.servicers import Service
from meetings.rpc import MeetingService
from tandem.auth.v1.auth_pb2_grpc import add_AuthServiceServicer_to_server
from tandem.change.v1.change_pb2_grpc import add_ChangeServiceServicer_to_server
from tandem.example.v1.example_pb2_grpc import add_ExampleServiceServicer_to_server
from tandem.meeting.v1.meeting_pb2_grpc import add_MeetingServiceServicer_to_server
from tandem.task.v1.task_pb2_grpc import add_TaskServiceServicer_to_server
from tandem.user.v1.user_pb2_grpc import add_UserServiceServicer_to_server
from tasks.rpc import TaskService
from users.rpc import ExampleService, UserService

services = [
    Service("user.v1.UserService", add_UserServiceServicer_to_server, UserService),
    Service("example.ExampleService", add_ExampleServiceServicer_to_server, ExampleService),
    Service("taskservice.TaskService", add_TaskServiceServicer_to_server, TaskService),
    Service("meeting.v1.MeetingService", add_MeetingServiceServicer_to_server, MeetingService),
    Service("auth.v1.AuthService", add_AuthServiceServicer_to_server, AuthService),
    Service("change.v1.ChangeService", add_ChangeServiceServicer_to_server, ChangeService),
]
