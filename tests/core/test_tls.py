"""TLS of the gRPC port: its files, their change while it serves, and callers that are identified by a certificate."""

import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path

import grpc
import pytest
from django.core.management import CommandError, call_command
from google.protobuf.empty_pb2 import Empty

from access.models import ApiKey
from server_certificates import CertificateError, Certificates
from tandem.client import Client, ClientCertificate, Forbidden, SnapshotEnd, Unauthenticated, Unavailable
from tandem.task.v1.task_pb2 import CreateTaskRequest, ListTasksRequest, TaskEvent
from tandem.user.v1.user_pb2 import GetUserRequest
from tests.support.certificates import Authority
from tests.support.rungrpc import RunGrpc, rungrpc
from tests.support.servers import database_url, free_port, until
from users.models import User

__all__ = ["rungrpc"]  # A fixture.

Start = Callable[..., RunGrpc]
REPORT, OTHER = "spiffe://example.com/report", "urn:example:other"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def replace(target: Path, source: Path) -> None:
    """Replace a file as a renewal does: at once."""
    part = target.with_suffix(".part")
    part.write_bytes(source.read_bytes())
    part.replace(target)


def test_unusable_files_are_refused_with_a_sentence(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.issue("localhost")
    _, other_key = authority.issue("other")
    expired = authority.issue("expired", ends=timedelta(hours=-1))
    nothing = tmp_path / "none.pem"
    for files, sentence in (
        ((cert, other_key, None), f"{cert} and {other_key} do not belong together in PEM."),
        ((*expired, None), f"The certificate in {expired[0]} expired on 2"),
        ((key, key, None), "are not a certificate and its key in PEM."),
        ((nothing, key, None), f"{nothing} cannot be read: No such file or directory."),
        ((cert, key, key), f"{key} contains no certificates in PEM."),
        ((cert, key, expired[0]), f"The certificate in {expired[0]} expired on 2"),
    ):
        with pytest.raises(CertificateError) as caught:
            Certificates(*files).credentials()
        assert sentence in str(caught.value)


@pytest.mark.real_server
def test_swapped_files_stop_the_start(authority: Authority) -> None:
    cert, _ = authority.issue("localhost")
    _, key = authority.issue("other")
    server = RunGrpc("--tls-cert", str(cert), "--tls-key", str(key))
    assert server.exit_code() == 1
    assert server.stderr.all() == f"CommandError: {cert} and {key} do not belong together in PEM.\n"


@pytest.mark.real_server
def test_changed_files_serve_new_connections_and_unusable_ones_do_not(rungrpc: Start, tmp_path: Path) -> None:
    first, second = ((tmp_path / name) for name in ("first", "second"))
    first.mkdir()
    second.mkdir()
    old, new = Authority(first), Authority(second)
    cert, key = old.issue("localhost")
    metrics_port = free_port()
    server = rungrpc("--tls-cert", str(cert), "--tls-key", str(key), "--metrics-port", str(metrics_port))

    def reaches(authority: Authority) -> bool:
        credentials = grpc.ssl_channel_credentials(authority.path.read_bytes())
        with Client(
            f"localhost:{server.port}", tls=credentials, options=(("grpc.use_local_subchannel_pool", 1),)
        ) as new:
            try:
                new.channel.unary_unary("/example.ExampleService/Nothing")(b"", timeout=20)
            except Unavailable:
                return False
            except Exception:  # With any other answer, the server was reached.
                return True
        return False

    def count(outcome: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics") as answer:
            text: str = answer.read().decode()
        return text.partition(f'tandem_grpc_certificate_changes_total{{outcome="{outcome}"}} ')[2].split("\n")[0]

    assert reaches(old)
    renewed, expired = new.issue("localhost"), new.issue("expired", ends=timedelta(hours=-1))
    replace(cert, renewed[0])
    assert reaches(old)
    assert reaches(old)
    assert count("refused") == "1.0"
    replace(key, renewed[1])
    assert reaches(new)
    assert not reaches(old)
    assert count("used") == "1.0"
    replace(cert, expired[0])
    replace(key, expired[1])
    assert reaches(new)
    assert count("refused") == "2.0"

    def kept() -> list[str]:
        return [line["message"] for line in server.logged() if "former certificates" in line["message"]]

    until(lambda: len(kept()) == 2, "both refusals are logged")
    assert "expired on" in kept()[1]


@pytest.fixture
def accounts(transactional_db: None, administrator: User) -> Iterator[None]:
    """Two service accounts: one may read users and write tasks, the other may write tasks."""
    for name, uri, scopes in (
        ("Report", REPORT, ["users:read", "tasks:write", "tasks:read"]),
        ("Other", OTHER, ["tasks:read"]),
    ):
        call_command(
            "serviceaccount", name, "--as", administrator.email, "--certificate-uri", uri, "--scopes", *scopes,
            stdout=StringIO(),
        )  # fmt: skip
    yield


@pytest.fixture
def mutual(rungrpc: Start, authority: Authority, transactional_db: None) -> RunGrpc:
    """The product's server, which demands certificates."""
    cert, key = authority.issue("localhost")
    return rungrpc(
        "--tls-cert", str(cert), "--tls-key", str(key), "--client-ca", str(authority.path),
        DJANGO_SETTINGS_MODULE="tests.server_settings", DATABASE_URL=database_url(),
    )  # fmt: skip


def connect(server: RunGrpc, authority: Authority, files: tuple[Path, Path], api_key: str | None = None) -> Client:
    tls = ClientCertificate(*files, ca=authority.path)
    return Client(f"localhost:{server.port}", tls=tls, api_key=api_key)


@pytest.mark.real_server
def test_certificate_identifies_a_service_account(
    mutual: RunGrpc, authority: Authority, accounts: None, ann: User, administrator: User
) -> None:
    report = User.objects.get(display_name="Report")
    with connect(mutual, authority, authority.issue("report", uri=REPORT)) as client:
        assert client.users.GetUser(GetUserRequest(user_id=str(ann.pk))).user.email == ann.email
        assert client.users.GetUser(GetUserRequest(user_id="me")).user.id == str(report.pk)
        assert client.tasks.CreateTask(CreateTaskRequest(title="By certificate")).created_by == str(report.pk)
    other = connect(mutual, authority, authority.issue("other", uri=OTHER))
    with other as client, pytest.raises(Forbidden, match="users:read"):
        client.users.GetUser(GetUserRequest(user_id=str(ann.pk)))
    with connect(mutual, authority, authority.issue("stranger", uri="urn:nobody")) as client:
        assert client.users.HealthCheck(Empty())
        with pytest.raises(Unauthenticated, match="No service account has the client certificate urn:nobody"):
            client.users.GetUser(GetUserRequest(user_id="me"))
    # A bearer token comes first, and a certificate without URI only admits the connection.
    out = StringIO()
    call_command("serviceaccount", "Other", "--as", administrator.email, "--scopes", "users:read", stdout=out)
    key = out.getvalue().split()[-1]
    for files in (authority.issue("report", uri=REPORT), authority.issue("nameless")):
        with connect(mutual, authority, files, api_key=key) as client:
            assert client.users.GetUser(GetUserRequest(user_id="me")).user.display_name == "Other"
    nameless = connect(mutual, authority, authority.issue("nameless"))
    with nameless as client, pytest.raises(Unauthenticated, match="Sign in first"):
        client.users.GetUser(GetUserRequest(user_id="me"))


@pytest.mark.real_server
def test_client_follows_its_certificate_and_its_end(mutual: RunGrpc, authority: Authority, accounts: None) -> None:
    cert, key = authority.issue("client", uri=REPORT)
    renewed = authority.issue("renewed", uri=OTHER)

    def name(client: Client) -> str:
        try:
            return client.users.GetUser(GetUserRequest(user_id="me")).user.display_name
        except Forbidden:
            return "Other"

    with connect(mutual, authority, (cert, key)) as client, client.watch_tasks(include_initial=True) as watch:
        assert isinstance(next(watch), SnapshotEnd)
        assert name(client) == "Report"
        replace(cert, renewed[0])
        time.sleep(1.1)  # The client looks at its files once a second; now they do not fit together.
        assert name(client) == "Report"
        replace(key, renewed[1])
        until(lambda: name(client) == "Other", "new calls use the new certificate")
        # The stream continues, as the account that began it.
        with connect(mutual, authority, authority.issue("report", uri=REPORT)) as other:
            other.tasks.CreateTask(CreateTaskRequest(title="Seen"))
        event = next(watch)
        assert isinstance(event, TaskEvent)
        assert event.task.title == "Seen"
        # A revoked key ends the certificate's use within a second.
        ApiKey.objects.filter(certificate_uri=OTHER).update(revoked_at="2026-01-01T00:00Z")

        def is_refused() -> bool:
            try:
                client.tasks.ListTasks(ListTasksRequest())
            except Unauthenticated:
                return True
            return False

        until(is_refused, "the certificate is refused")


def test_client_reports_files_that_do_not_fit(authority: Authority, tmp_path: Path) -> None:
    cert, _ = authority.issue("client")
    _, key = authority.issue("other")
    with pytest.raises(ValueError, match="are not a certificate and its key"):
        Client("localhost:1", tls=ClientCertificate(cert, key))
    with pytest.raises(OSError, match=r"none\.pem"):
        Client("localhost:1", tls=ClientCertificate(tmp_path / "none.pem", key, authority.path))


def test_one_account_has_a_certificate(administrator: User, accounts: None) -> None:
    def again(name: str, uri: str) -> None:
        call_command(
            "serviceaccount", name, "--as", administrator.email, "--scopes", "users:read", "--certificate-uri", uri
        )

    with pytest.raises(CommandError, match=f"Another API key has the certificate {REPORT}; revoke it first"):
        again("Third", REPORT)
    with pytest.raises(CommandError, match="Give a URI"):
        again("Third", "no uri")
    ApiKey.objects.filter(certificate_uri=REPORT).update(revoked_at="2026-01-01T00:00Z")
    again("Third", REPORT)
