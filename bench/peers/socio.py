"""django-socio-grpc in its synchronous mode, which is its faster one."""

from bench.peers.models import FIELDS, NEWEST, User  # isort: skip  # It sets Django up.

import grpc
from django_socio_grpc import generics, mixins, proto_serializers
from grpc import _server

from bench.peers.grpc_serving import serve

# Without this, each call raises TypeError: the synchronous context of grpcio 1.85 has None until metadata are set.
_trailing_metadata = _server._Context.trailing_metadata
_server._Context.trailing_metadata = lambda context: _trailing_metadata(context) or ()

messages, services = grpc.protos_and_services("bench/peers/users.proto")


class UserSerializer(proto_serializers.ModelProtoSerializer):
    class Meta:
        model = User
        fields = FIELDS
        proto_class = messages.User
        proto_class_list = messages.ListResponse


class UserService(generics.GenericService, mixins.RetrieveModelMixin, mixins.ListModelMixin):
    queryset = User.objects.all()
    serializer_class = UserSerializer

    def filter_queryset(self, queryset):
        return NEWEST.all() if self.action == "List" else queryset


if __name__ == "__main__":
    serve(services.add_UsersServicer_to_server, UserService.as_servicer())
