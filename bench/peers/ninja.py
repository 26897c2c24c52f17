"""django-ninja, served by granian's threads."""

from bench.peers.models import FIELDS, NEWEST, User  # isort: skip  # It sets Django up.

from uuid import UUID

from django.core.wsgi import get_wsgi_application
from django.urls import path
from ninja import ModelSchema, NinjaAPI


class UserOut(ModelSchema):
    class Meta:
        model = User
        fields = FIELDS


api = NinjaAPI(docs_url=None)


@api.get("/users/", response=list[UserOut])
def list_users(request):
    return NEWEST.all()


@api.get("/users/{user_id}/", response=UserOut)
def get_user(request, user_id: UUID):
    return User.objects.get(pk=user_id)


urlpatterns = [path("", api.urls)]
application = get_wsgi_application()
