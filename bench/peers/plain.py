"""grpcio's threads and Django's ORM, written by hand."""

from bench.peers.models import FIELDS, NEWEST, User  # isort: skip  # It sets Django up.

import grpc

from bench.peers.grpc_serving import serve

messages, services = grpc.protos_and_services("bench/peers/users.proto")


def message(user: User):
    values = {name: getattr(user, name) for name in FIELDS}
    values["id"] = str(user.id)
    for name in ("last_login_at", "created_at", "updated_at"):
        values[name] = values[name].isoformat() if values[name] else ""
    return messages.User(**values)


class Users(services.UsersServicer):
    def Retrieve(self, request, context):
        return message(User.objects.get(pk=request.id))

    def List(self, request, context):
        return messages.ListResponse(results=[message(user) for user in NEWEST.all()])


if __name__ == "__main__":
    serve(services.add_UsersServicer_to_server, Users())
