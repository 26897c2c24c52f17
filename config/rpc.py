"""All gRPC services. The counterpart for HTTP is `config/urls.py`."""

from access.rpc import AuthService
from changes.rpc import ChangeService
from drawings.rpc import DrawingService
from meetings.rpc import MeetingService
from projects.rpc import ProjectService
from tasks.rpc import TaskService
from users.rpc import ExampleService, UserService

services = [
    UserService, ExampleService, ProjectService, TaskService, MeetingService, DrawingService, AuthService,
    ChangeService,
]  # fmt: skip
