"""Results in a bucket, against a server that speaks S3."""

import os
from uuid import uuid4

import boto3
import pyarrow as pa
import pytest
from django.core.exceptions import ImproperlyConfigured
from moto.server import ThreadedMotoServer

from esap.errors import NotFound, NotReady
from esap.results.reading import page, rows
from esap.results.storage import delete_results, find, folders, names
from esap.results.writing import TableWriter, store
from esap.settings import results
from esap.settings.env import Environment
from esap.settings.results import results_storage
from esap.tables.stream import TableStream

TABLE = pa.table({"x": [3, 1, 2]})
KEYS = {"s3_access_key": "ada", "s3_secret_key": "secret", "s3_region": "us-east-1"}


@pytest.fixture(
    scope="module", params=["moto", pytest.param("ceph", marks=pytest.mark.peer("ceph"))]
)
def server(request):
    """The address of a server that speaks S3: a small one in this process, or Ceph."""
    if request.param == "ceph":
        yield request.getfixturevalue("ceph").url
        return
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server):
    """A new bucket, as boto3 sees it without us."""
    s3 = boto3.resource(
        "s3",
        endpoint_url=server,
        aws_access_key_id="ada",
        aws_secret_access_key="secret",  # noqa: S106
        region_name="us-east-1",
    )
    bucket = s3.Bucket(f"esap-{uuid4()}")
    bucket.create()
    return bucket


@pytest.fixture(autouse=True)
def stored_there(bucket, server, settings, tmp_path):
    environment = Environment(
        results_url=f"s3://{bucket.name}/some/results", s3_endpoint=server, **KEYS
    )
    settings.STORAGES = {**settings.STORAGES, "results": results_storage(environment, tmp_path)}
    settings.RESULTS_CACHE_DIR = tmp_path / "copies"
    settings.SCRATCH_DIR = tmp_path / "scratch"


@pytest.fixture
def copies(settings):
    def there():
        found = settings.RESULTS_CACHE_DIR.rglob("*")
        return sorted(path.name.partition("@")[0] for path in found if path.is_file())

    return there


def keys(bucket):
    return sorted(item.key for item in bucket.objects.all())


def forget(settings):
    """Be another machine, which has no copies."""
    settings.RESULTS_CACHE_DIR = settings.RESULTS_CACHE_DIR.with_name(str(uuid4()))


def test_a_table_is_in_the_bucket_and_is_read_from_there_by_every_machine(bucket, settings):
    job_id = uuid4()

    store(job_id, "a.b", TableStream.of(TABLE))
    forget(settings)
    found = page(find(job_id, "a.b"), limit=2)

    assert keys(bucket) == [f"some/results/{job_id}/a.b.parquet"]
    assert found.table.read_all()["x"].to_pylist() == [3, 1]
    assert names(job_id) == ["a.b"]
    assert folders() == [job_id]


def test_a_copy_is_read_again_without_being_fetched_again(settings):
    job_id = uuid4()
    store(job_id, "x", TableStream.of(TABLE))
    forget(settings)
    first = find(job_id, "x")
    inode = first.path.stat().st_ino

    second = find(job_id, "x")

    assert (second, second.path.stat().st_ino) == (first, inode)


def test_a_table_that_was_replaced_elsewhere_is_fetched_anew(bucket, settings, copies):
    job_id = uuid4()
    store(job_id, "x", TableStream.of(TABLE))
    ours = settings.RESULTS_CACHE_DIR
    forget(settings)
    store(job_id, "x", TableStream.of(pa.table({"x": [7]})))
    settings.RESULTS_CACHE_DIR = ours

    values = rows(find(job_id, "x")).read_all()["x"].to_pylist()

    assert values == [7]
    assert copies() == ["x"]


def test_copies_are_bounded_and_the_least_used_goes_first(settings, copies):
    job_id = uuid4()
    size = store(job_id, "a", TableStream.of(TABLE)).size
    settings.RESULTS_CACHE_BYTES = 2 * size + 10
    store(job_id, "b", TableStream.of(TABLE))
    for name, moment in (("b", 1_000), ("a", 2_000)):
        os.utime(find(job_id, name).path, (moment, moment))

    store(job_id, "c", TableStream.of(TABLE))

    assert copies() == ["a", "c"]
    assert rows(find(job_id, "b")).read_all()["x"].to_pylist() == [3, 1, 2]


def test_all_of_a_job_is_deleted_with_the_copies_and_nothing_of_another(bucket, copies):
    mine, other = uuid4(), uuid4()
    for job_id in (mine, other):
        store(job_id, "merged", TableStream.of(TABLE))
        store(job_id, "a.b", TableStream.of(TABLE))

    delete_results(mine)
    delete_results(mine)

    assert keys(bucket) == [f"some/results/{other}/{n}.parquet" for n in ("a.b", "merged")]
    assert copies() == ["a.b", "merged"]
    with pytest.raises(NotFound):
        find(mine, "merged")


def test_nothing_is_in_the_bucket_of_a_table_that_was_not_finished(bucket, copies):
    with TableWriter(uuid4(), "x", TABLE.schema) as writer:
        writer.write(TABLE.to_batches()[0])

    assert keys(bucket) == []
    assert copies() == []


def test_a_large_table_goes_in_parts_and_comes_back_whole(settings):
    noise = pa.array([os.urandom(1000) for _ in range(20_000)])
    job_id = uuid4()

    stored = store(job_id, "x", TableStream.of(pa.table({"x": noise})))
    forget(settings)

    assert stored.size > 16 << 20  # boto3 uploads in parts of 8 MB
    assert rows(find(job_id, "x")).read_all()["x"].to_pylist() == noise.to_pylist()


def test_a_store_that_is_away_is_told_as_such(settings, tmp_path):
    environment = Environment(results_url="s3://esap", s3_endpoint="http://127.0.0.1:9", **KEYS)
    settings.STORAGES = {**settings.STORAGES, "results": results_storage(environment, tmp_path)}

    with pytest.raises(NotReady, match="store of results does not answer"):
        find(uuid4(), "merged")
    with pytest.raises(NotReady):
        store(uuid4(), "merged", TableStream.of(TABLE))


def test_a_bucket_that_is_not_there_is_told_as_such(settings, server, tmp_path):
    environment = Environment(results_url="s3://nowhere", s3_endpoint=server, **KEYS)
    settings.STORAGES = {**settings.STORAGES, "results": results_storage(environment, tmp_path)}

    with pytest.raises(NotReady, match="NoSuchBucket"):
        store(uuid4(), "merged", TableStream.of(TABLE))


def test_the_gateways_own_proxy_leads_to_amazon_and_no_other(tmp_path):
    proxy = "http://proxy.example.org:3128"

    far = results_storage(Environment(results_url="s3://esap", http_proxy=proxy), tmp_path)
    near = results_storage(
        Environment(results_url="s3://esap", http_proxy=proxy, s3_endpoint="http://s3.here"),
        tmp_path,
    )

    assert far["OPTIONS"]["client_config"].proxies == {"http": proxy, "https": proxy}
    assert near["OPTIONS"]["client_config"].proxies == {}


def test_a_bucket_without_boto3_stops_the_start(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "find_spec", lambda name: None)

    with pytest.raises(ImproperlyConfigured, match=r"-r requirements-s3\.txt"):
        results_storage(Environment(results_url="s3://esap"), tmp_path)
