"""Files of the real lake reach a browser: by a link, or through the gateway."""

import pytest

from tests.support.rucio import unique

pytestmark = pytest.mark.django_db
DATA = bytes(range(256)) * 40


@pytest.fixture
def file(lake):
    name = unique("file")
    lake.files({name: DATA})
    return name


@pytest.fixture
def streaming(lake, configured, alice):
    """Alice, at a gateway that alone reaches the storage."""
    configured(storage=f"{lake.site}/storage/")
    return alice


def download(client, name, **headers):
    return client.browser.gateway.get(
        "/esap-api/rucio/lakes/lake/download/",
        {"scope": "escape", "name": name},
        headers={"accept": "application/json", **headers},
    )


def body(answer):
    return b"".join(answer.streaming_content)


def test_a_browser_is_sent_to_the_storage(lake, alice, file):
    answer = download(alice, file)

    link = lake.links([{"scope": "escape", "name": file}], "LAKE-NL")[file]
    assert (answer.status_code, answer.url) == (302, link)


def test_where_only_the_gateway_reaches_the_storage_it_streams(streaming, file):
    answer = download(streaming, file)

    assert (answer.status_code, body(answer)) == (200, DATA)
    assert answer["Content-Length"] == str(len(DATA))
    assert answer["Content-Disposition"] == f'attachment; filename="{file}"'


@pytest.mark.parametrize(
    ("asked", "part", "says"),
    [
        ("bytes=10-19", DATA[10:20], f"bytes 10-19/{len(DATA)}"),
        ("bytes=10000-", DATA[10000:], f"bytes 10000-{len(DATA) - 1}/{len(DATA)}"),
        ("bytes=-5", DATA[-5:], f"bytes {len(DATA) - 5}-{len(DATA) - 1}/{len(DATA)}"),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(streaming, file, asked, part, says):
    answer = download(streaming, file, range=asked)

    assert (answer.status_code, body(answer)) == (206, part)
    assert answer["Content-Range"] == says


def test_a_range_behind_the_end_is_refused(streaming, file):
    assert download(streaming, file, range="bytes=99999-").status_code == 400


def test_a_dataset_is_no_file(lake, alice):
    dataset = lake.dataset({unique("file"): b"x"})

    answer = download(alice, dataset)

    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")


def test_downloads_are_given_back_when_they_end(streaming, file):
    answers = [body(download(streaming, file)) for _ in range(10)]

    assert answers == [DATA] * 10


def test_a_download_needs_a_login(nobody, file):
    assert download(nobody, file).status_code == 401
