"""Quotas of one user, and the reserve of the disk: the same over each kind of upload."""

import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from google.protobuf.empty_pb2 import Empty

from core import disk
from core.errors import InsufficientStorage, QuotaExceeded, TooLarge
from core.uploads import resumable
from meetings.models import Meeting, Upload
from meetings.services.recordings import UploadMetadata, upload_recording
from meetings.services.resumable import RECORDINGS
from tandem.common.v1 import common_pb2
from tests.support.factories import AdministratorFactory, MeetingFactory, UserFactory
from tests.support.recordings import a_recording, an_upload, stored
from tests.support.transports import Failed, Transport
from tests.support.uploads import UPLOADS, Uploader, begun
from users.models import User

pytestmark = pytest.mark.usefixtures("folder")
UPLOAD = "MeetingService/UploadRecording"
CONTENT = a_recording()


@pytest.fixture
def uploader(ann: User) -> Uploader:
    return Uploader(ann)


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["reason"]


def defer(uploader: Uploader) -> Any:
    return uploader.send("POST", UPLOADS, upload_defer_length="1", upload_metadata="title VA==")


def test_number_of_unfinished_uploads_is_limited(uploader: Uploader, bob: User, settings: Any) -> None:
    settings.UPLOADS_PER_USER = 3
    (first, _), (second, _), _ = (begun(uploader, CONTENT) for _ in range(3))
    answer = uploader.create(10, title="T")
    assert refusal(answer) == (507, "QUOTA_EXCEEDED")
    assert answer.json()["detail"] == ("You have 3 unfinished uploads, the maximum for one user; finish or delete one.")
    assert (Upload.objects.count(), Meeting.objects.count()) == (3, 3), "nothing is half made"
    begun(Uploader(bob), CONTENT)
    # Finishing, deleting, failing and forgetting one each make room for another.
    uploader.patch(first, 0, CONTENT)
    begun(uploader, CONTENT)
    uploader.send("DELETE", second)
    third, _ = begun(uploader, CONTENT)
    assert refusal(uploader.create(10, title="T")) == (507, "QUOTA_EXCEEDED")
    assert refusal(defer(uploader)) == (507, "QUOTA_EXCEEDED")
    Upload.objects.filter(pk=third.rpartition("/")[2]).update(updated_at=timezone.now() - resumable.RETENTION)
    begun(uploader, CONTENT)
    assert refusal(uploader.create(10, title="T")) == (507, "QUOTA_EXCEEDED")


def test_unfinished_uploads_may_announce_so_many_bytes(uploader: Uploader, settings: Any) -> None:
    settings.UPLOAD_BYTES_PER_USER = 100_000
    begun(uploader, bytes(60_000))
    path, _ = begun(uploader, bytes(40_000))
    assert refusal(uploader.create(1, title="T")) == (507, "QUOTA_EXCEEDED")
    uploader.send("DELETE", path)
    assert refusal(uploader.create(40_001, title="T")) == (507, "QUOTA_EXCEEDED")
    assert uploader.create(40_000, title="T").status_code == 201


def test_an_upload_of_unknown_length_counts_as_the_longest_and_gets_no_longer(
    uploader: Uploader, settings: Any
) -> None:
    settings.MAX_RECORDING_BYTES, settings.UPLOAD_BYTES_PER_USER = 50_000, 120_000
    path = defer(uploader).headers["Location"].removeprefix("http://localhost")
    assert defer(uploader).status_code == 201
    assert refusal(defer(uploader)) == (507, "QUOTA_EXCEEDED")
    assert uploader.create(20_000, title="T").status_code == 201
    assert refusal(uploader.create(1, title="T")) == (507, "QUOTA_EXCEEDED")
    # Once its length is known, that counts.
    assert refusal(uploader.patch(path, 0, bytes(50_001))) == (413, "TOO_LARGE")
    assert uploader.offset(path) == 0
    assert uploader.patch(path, 0, bytes(10_000), upload_length="30_000".replace("_", "")).status_code == 204
    assert uploader.create(20_000, title="T").status_code == 201


def test_upload_of_unknown_length_is_accepted_up_to_the_free_space(uploader: Uploader, settings: Any) -> None:
    settings.UPLOAD_BYTES_PER_USER = 10_000
    path = defer(uploader).headers["Location"].removeprefix("http://localhost")
    assert refusal(uploader.patch(path, 0, bytes(10_001))) == (507, "QUOTA_EXCEEDED")
    assert refusal(uploader.patch(path, 0, b"x", upload_length="10001")) == (507, "QUOTA_EXCEEDED")
    assert uploader.patch(path, 0, bytes(10_000)).status_code == 204


def test_direct_uploads_count_with_announced_ones(api: Transport, ann: User, uploader: Uploader, settings: Any) -> None:
    settings.UPLOAD_BYTES_PER_USER = 10_000 + len(CONTENT)
    begun(uploader, bytes(10_000))
    api(UPLOAD, an_upload(), actor=ann)
    begun(uploader, b"x")
    for size in (len(CONTENT), 0):
        before = stored()
        with pytest.raises(Failed) as failed:
            api(UPLOAD, an_upload(size=size), actor=ann)
        assert (failed.value.reason, stored()) == ("QUOTA_EXCEEDED", before)


def test_the_recordings_of_one_owner_may_have_so_many_bytes(
    api: Transport, ann: User, bob: User, uploader: Uploader, settings: Any
) -> None:
    settings.RECORDING_BYTES_PER_USER = 2 * len(CONTENT)
    api(UPLOAD, an_upload(), actor=ann)
    path, _ = begun(uploader, CONTENT)
    for size in (len(CONTENT), 0):
        with pytest.raises(Failed) as failed:
            api(UPLOAD, an_upload(size=size), actor=ann)
        assert failed.value.reason == "QUOTA_EXCEEDED"
    assert refusal(uploader.create(1, title="T")) == (507, "QUOTA_EXCEEDED")
    assert uploader.patch(path, 0, CONTENT).status_code == 204
    api(UPLOAD, an_upload(), actor=bob)
    Meeting.objects.filter(owner=ann).first().delete()  # type: ignore[union-attr]
    api(UPLOAD, an_upload(), actor=ann)


def test_administrators_have_no_limits_of_their_own(api: Transport, administrator: User, settings: Any) -> None:
    settings.UPLOADS_PER_USER = settings.UPLOAD_BYTES_PER_USER = settings.RECORDING_BYTES_PER_USER = 1
    for _ in range(2):
        begun(Uploader(administrator), CONTENT)
        api(UPLOAD, an_upload(), actor=administrator)
    settings.MAX_RECORDING_BYTES = 10
    with pytest.raises(Failed) as failed:
        api(UPLOAD, an_upload(), actor=administrator)
    assert failed.value.reason == "TOO_LARGE"


def test_for_anothers_meeting_the_owner_s_recordings_count(ann: User, bob: User, settings: Any) -> None:
    settings.RECORDING_BYTES_PER_USER = len(CONTENT)
    upload_recording(AdministratorFactory(), UploadMetadata(str(MeetingFactory(owner=ann).pk)), [CONTENT])
    with pytest.raises(QuotaExceeded):
        upload_recording(ann, UploadMetadata(title="T"), [CONTENT])


@pytest.mark.django_db(transaction=True)
def test_announced_at_once_they_count_each_other(settings: Any) -> None:
    settings.UPLOADS_PER_USER = 5
    # More than one caller's share of the threads: what is asked about is the quota.
    settings.MAX_REQUEST_STREAMS_PER_CALLER = 10
    user = UserFactory()
    start = threading.Barrier(10)

    def announce(_: int) -> int:
        try:
            start.wait()
            return Uploader(user).create(10, title="T").status_code  # type: ignore[no-any-return]
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(announce, range(10)))
    assert statuses == [201] * 5 + [507] * 5


# The disk


def reserve_all_but(free: int, settings: Any) -> None:
    """Have the reserve leave so many bytes to uploads."""
    settings.DISK_RESERVE_BYTES = disk.free_bytes() - free


def test_upload_into_the_reserve_of_the_disk_is_rejected(
    api: Transport, ann: User, administrator: User, uploader: Uploader, settings: Any
) -> None:
    path, _ = begun(uploader, CONTENT)
    reserve_all_but(-1_000_000, settings)
    for refused in (uploader.create(10, title="T"), defer(uploader), uploader.patch(path, 0, CONTENT)):
        assert refusal(refused) == (507, "INSUFFICIENT_STORAGE")
        assert refused.headers["Retry-After"] == "60"
        assert refused.json()["detail"].startswith("Insufficient storage for this file")
    for actor in (ann, administrator):
        with pytest.raises(Failed) as failed:
            api(UPLOAD, an_upload(), actor=actor)
        assert failed.value.reason == "INSUFFICIENT_STORAGE"
    assert (Meeting.objects.count(), uploader.offset(path)) == (1, 0)
    settings.DISK_RESERVE_BYTES = 0
    assert uploader.patch(path, 0, CONTENT).status_code == 204


def test_upload_larger_than_the_free_space_is_rejected_at_once(
    api: Transport, ann: User, uploader: Uploader, settings: Any
) -> None:
    reserve_all_but(500_000_000, settings)
    assert refusal(uploader.create(1_000_000_000, title="T")) == (507, "INSUFFICIENT_STORAGE")
    with pytest.raises(Failed) as failed:
        api(UPLOAD, an_upload(size=1_000_000_000), actor=ann)
    assert failed.value.reason == "INSUFFICIENT_STORAGE"
    assert uploader.create(1000, title="T").status_code == 201


def test_a_disk_that_fills_while_a_piece_comes_keeps_what_came(ann: User, uploader: Uploader, settings: Any) -> None:
    path, _ = begun(uploader, bytes(40_000_000))

    def piece() -> Iterator[bytes]:
        for number in range(40):
            if number == 10:
                reserve_all_but(-1_000_000, settings)
            yield bytes(1_000_000)

    with pytest.raises(InsufficientStorage):
        resumable.append(RECORDINGS, ann, path.rpartition("/")[2], 0, piece())
    settings.DISK_RESERVE_BYTES = 0
    offset = uploader.offset(path)
    assert 10_000_000 < offset < 40_000_000
    assert uploader.patch(path, offset, bytes(1000)).status_code == 204


def test_server_is_ready_while_half_of_the_reserve_is_free(api: Transport, settings: Any) -> None:
    client = Client(HTTP_HOST="localhost")
    settings.DISK_RESERVE_BYTES = int(disk.free_bytes() * 1.5)
    assert client.get("/health/ready").status_code == 200, "uploads alone cannot make it unready"
    settings.DISK_RESERVE_BYTES = disk.free_bytes() * 3
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["reason"]) == (503, "not working: disk")
    assert client.get("/health/live").status_code == 200
    health = api("UserService/HealthCheck", Empty())
    assert (health.status, health.components["disk"], health.components["database"]) == (
        common_pb2.HEALTH_STATUS_UNHEALTHY, common_pb2.HEALTH_STATUS_UNHEALTHY, common_pb2.HEALTH_STATUS_HEALTHY,
    )  # fmt: skip


def test_free_space_is_known_before_the_data_folder_exists(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path / "not" / "made" / "yet"
    assert abs(disk.free_bytes() - shutil.disk_usage(tmp_path).free) < 1 << 30


def test_a_recording_that_turns_out_larger_than_may_be_is_too_large(ann: User, settings: Any) -> None:
    settings.MAX_RECORDING_BYTES = 1000
    with pytest.raises(TooLarge):
        upload_recording(ann, UploadMetadata(title="T"), [CONTENT])
    assert stored() == []
