"""Files of users come into the real lake, whole and registered, or not at all."""

import hashlib
import zlib
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from esap.errors import BackendFailed
from rucio_app.backends.rucio import RucioLake
from tests.support.rucio import unique
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db
DATA = bytes(range(256)) * 4096  # 1 MiB
HOME = "HOME_USERDISK"


@pytest.fixture
def uploading(lake, home, configured, alice):
    """Alice, at a gateway that takes files for the storage."""
    configured(storage=f"{lake.site}/storage/", upload_rse=home)
    return alice


def upload(client, data=DATA, **fields):
    file = SimpleUploadedFile("result.fits", data)
    asked = {"file": file, "scope": "user.alice", "name": unique("result"), **fields}
    answer = client.browser.gateway.post(
        "/esap-api/rucio/lakes/lake/upload/", asked, headers={"accept": "application/json"}
    )
    return answer, asked["name"]


def stored(rucio, rse=HOME):
    """Return all that really lies at a storage element."""
    folder = Path(rucio.links["storage"]) / rse
    return {path for path in folder.rglob("*") if path.is_file()}


def known(lake, name):
    return lake.status(f"/dids/user.alice/{name}") == 200


@contextmanager
def nothing_happens(rucio):
    before = stored(rucio)
    yield
    assert stored(rucio) == before


def test_an_uploaded_file_is_in_the_lake_with_its_bytes_and_checksums(lake, uploading):
    answer, name = upload(uploading, lifetime=3600)

    did = lake.root("GET", f"/dids/user.alice/{name}")
    adler32, md5 = f"{zlib.adler32(DATA):08x}", hashlib.md5(DATA).hexdigest()  # noqa: S324
    assert answer.status_code == 201, answer.content
    assert lake.bytes_at(HOME, name, scope="user.alice") == DATA
    assert (did["account"], did["bytes"], did["adler32"], did["md5"]) == (
        "alice",
        len(DATA),
        adler32,
        md5,
    )
    said = answer.json()
    assert (said["size"], said["adler32"], said["md5"]) == (len(DATA), adler32, md5)


def test_an_uploaded_file_is_kept_by_a_rule_of_the_users_that_ends(lake, uploading):
    answer, name = upload(uploading, lifetime=3600)

    rule = lake.rule(answer.json()["rule"])
    assert (rule["account"], rule["state"], rule["rse_expression"]) == ("alice", "OK", HOME)
    assert (rule["name"], rule["expires_at"] is None) == (name, False)


def test_an_uploaded_file_goes_into_a_dataset(lake, uploading):
    dataset = lake.collection(unique("results"), [], scope="user.alice")

    answer, name = upload(uploading, dataset=dataset)

    content = lake.root("GET", f"/dids/user.alice/{dataset}/dids")
    assert (answer.status_code, content["name"]) == (201, name)
    assert lake.bytes_at(HOME, name, scope="user.alice") == DATA


def test_a_scope_of_others_is_refused(rucio, uploading):
    with nothing_happens(rucio):
        answer, _ = upload(uploading, scope="user.bob")

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")


def test_a_did_that_is_there_is_refused(lake, rucio, uploading):
    _, name = upload(uploading)

    with nothing_happens(rucio):
        answer, _ = upload(uploading, b"other", name=name)

    assert (answer.status_code, answer.json()["slug"]) == (409, "already-exists")
    assert lake.bytes_at(HOME, name, scope="user.alice") == DATA


def test_a_file_over_the_quota_is_refused(rucio, lake, uploading):
    with nothing_happens(rucio):
        answer, name = upload(uploading, b"x" * 1001, rse="SMALL-SITE")

    assert (answer.status_code, answer.json()["free"]) == (409, 1000)
    assert not known(lake, name)


def test_a_storage_that_takes_no_writes_is_refused(rucio, lake, uploading, home):
    lake.root("PUT", f"/rses/{home}", json={"availability_write": False})
    try:
        with nothing_happens(rucio):
            answer, _ = upload(uploading)
    finally:
        lake.root("PUT", f"/rses/{home}", json={"availability_write": True})

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


def test_what_rucio_does_not_register_is_removed(rucio, lake, uploading):
    """Users may write at this element, but Rucio's policy lets them register nothing there."""
    before = stored(rucio, "LAKE-NL")

    answer, name = upload(uploading, rse="LAKE-NL")

    assert (answer.status_code, answer.json()["slug"]) == (403, "backend-refused")
    assert (stored(rucio, "LAKE-NL"), known(lake, name)) == (before, False)


def test_a_file_that_no_rule_protects_is_removed_by_rucio(rucio, lake, uploading, monkeypatch):
    """Rucio is real, and so is its reaper; only its answer to the rule is not."""
    before = stored(rucio)

    def fail(*_args, **_parts):
        raise BackendFailed("No rule today.")

    monkeypatch.setattr(RucioLake, "make_rules", fail)

    answer, name = upload(uploading)

    assert (answer.status_code, answer.json()["detail"]) == (502, "No rule today.")
    assert wait_for(lambda: (stored(rucio), known(lake, name)) == (before, False), 60)


def test_a_file_over_the_limit_is_refused(lake, rucio, home, configured, alice):
    configured(storage=f"{lake.site}/storage/", upload_rse=home, max_upload_bytes=1000)

    with nothing_happens(rucio):
        answer, _ = upload(alice, b"x" * 1001)

    assert (answer.status_code, answer.json()["limit"]) == (413, 1000)


def test_a_lake_without_a_storage_takes_no_files(alice):
    answer, _ = upload(alice)

    assert (answer.status_code, answer.json()["slug"]) == (403, "not-allowed")


def test_an_upload_needs_a_login(nobody):
    answer, _ = upload(nobody)

    assert answer.status_code == 401
