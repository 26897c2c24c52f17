"""All gRPC services. The counterpart for HTTP is `config/urls.py`."""

from access.rpc import AuthService
from changes.rpc import ChangeService
from meetings.rpc import MeetingService
from tasks.rpc import TaskService
from users.rpc import ExampleService, UserService

services = [UserService, ExampleService, TaskService, MeetingService, AuthService, ChangeService]
