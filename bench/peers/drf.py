"""Django REST framework: a `ModelViewSet` behind a router, served by gunicorn's threads."""

from bench.peers.models import FIELDS, NEWEST, User  # isort: skip  # It sets Django up.

from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from rest_framework.routers import SimpleRouter
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet


class UserSerializer(ModelSerializer):
    class Meta:
        model = User
        fields = FIELDS


class UserViewSet(ModelViewSet):
    queryset = User.objects.all()
    serializer_class = UserSerializer

    def filter_queryset(self, queryset):
        return NEWEST.all() if self.action == "list" else queryset


router = SimpleRouter()
router.register("users", UserViewSet)
urlpatterns = [path("", include(router.urls))]
application = get_wsgi_application()
