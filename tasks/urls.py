"""URL paths, from each rpc's google.api.http rule."""

from core.rest.viewsets import routes
from tasks.views import TaskViewSet

urlpatterns = routes(TaskViewSet)
