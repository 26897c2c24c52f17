"""All gRPC services. The counterpart for HTTP is `config/urls.py`."""

from access.rpc import AuthService
from changes.rpc import ChangeService
from meetings.rpc import MeetingService
from projects.rpc import ProjectService
from tasks.rpc import TaskService
from users.rpc import ExampleService, UserService

services = [UserService, ExampleService, ProjectService, TaskService, MeetingService, AuthService, ChangeService]
