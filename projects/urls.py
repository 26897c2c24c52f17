"""URL paths, from each rpc's google.api.http rule."""

from core.rest.viewsets import routes
from projects.views import ProjectViewSet

urlpatterns = routes(ProjectViewSet)
