"""DIDs reach what they name and nothing else, whatever letters they have.

Each name comes with another DID, a decoy, which somebody who decodes it wrongly would reach. Files
differ in their bytes. One storage element has all files at the path that is their name, so that a
wrong link leads to the decoy there, and not just nowhere.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from django.core.files.uploadedfile import SimpleUploadedFile

from esap.jobs import services as jobs
from esap.jobs.models import Job
from tests.support.waiting import wait_for

pytestmark = pytest.mark.django_db

FLAT = "FLAT-NL"
DECOYS = {
    "a/b": "a%2Fb",
    "a%2Fb": "a/b",
    "a%252Fb": "a%2Fb",
    "100%": "100% more",
    "%2e%2e": "%252e%252e",
    "x#y": "x",
    "two words": "two%20words",
    "..z": "z",
    "a..b": "a.b",
    "c?b=c": "c",
    "a+b": "a b",
    "é/ü 星": "e\u0301/u\u0308 星",
    "s&b": "s",
    "t;b": "t",
    "u\\b": "u/b",
    '"q"\'': "q",
    '"w"': "w",
    "true.sky": "True.sky",
    "0123": "123",
    " lead": "lead",
    "trail ": "trail",
    "a:b": "b",
    "+": " ",
}
NAMES = list(DECOYS)
IDS = [f"name{number}" for number in range(len(NAMES))]
NEW = [name for name in NAMES if DECOYS[name] not in DECOYS]
"""Those whose decoy is not itself one of the names."""
HARMFUL = ["%2e%2e", "x#y", "c?b=c", "a+b", "é/ü 星", " lead"]
CLIMBING = ("d/../e", "e")


@dataclass(frozen=True)
class Odd:
    """Where the names are: one scope of files, and one of datasets that are called the same."""

    files: str
    sets: str


def bytes_of(name):
    return f"the bytes of {name!r}".encode()


@pytest.fixture(scope="session")
def odd(rucio, lake):
    """All names and their decoys, at an element with hashed paths and at a flat one."""
    made = Odd(f"files.{uuid4().hex[:8]}", f"sets.{uuid4().hex[:8]}")
    for scope in (made.files, made.sets):
        lake.root("POST", f"/scopes/root/{scope}")
    _add_flat_element(rucio, lake)
    contents = {name: bytes_of(name) for name in {*DECOYS, *DECOYS.values(), "e"}}
    lake.files(contents, scope=made.files)
    lake.files(contents, scope=made.files, rse=FLAT)
    # Nobody can write to the place of this one without writing to the other's.
    climbing = {"scope": made.files, "name": CLIMBING[0], "bytes": 1, "adler32": "00000001"}
    for rse in ("LAKE-NL", FLAT):
        lake.root("POST", "/replicas", json={"rse": rse, "files": [climbing]})
    sets = [
        {
            "scope": made.sets,
            "name": name,
            "type": "DATASET",
            "dids": [{"scope": made.files, "name": name}],
        }
        for name in contents
    ]
    lake.root("POST", "/dids", json=sets)
    return made


def _add_flat_element(rucio, lake):
    lake.root("POST", f"/rses/{FLAT}", json={"deterministic": True})
    lake.root("POST", f"/rses/{FLAT}/attr/lfn2pfn_algorithm", json={"value": "identity"})
    for account in ("root", "alice"):
        lake.root("POST", f"/accounts/{account}/limits/local/{FLAT}", json={"bytes": -1})
    allowed = {"read": 1, "write": 1, "delete": 1}
    lake.root(
        "POST",
        f"/rses/{FLAT}/protocols/http",
        json={
            "hostname": "127.0.0.1",
            "port": int(lake.site.rpartition(":")[2]),
            "prefix": f"/storage/{FLAT}/",
            "impl": "rucio.rse.protocols.webdav.Default",
            "domains": {"lan": allowed, "wan": allowed},
        },
    )


@pytest.fixture
def streaming(lake, configured, alice):
    """Alice, at a gateway that streams from the storage."""
    configured(storage=f"{lake.site}/storage/")
    return alice


def told(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()


def results(answer):
    return told(answer)["results"]


def refused(answer):
    return answer.status_code, answer.json()["slug"]


def download(client, scope, name, **asked):
    return client.browser.gateway.get(
        "/esap-api/rucio/lakes/lake/download/",
        {"scope": scope, "name": name, **asked},
        headers={"accept": "application/json"},
    )


def fetched(link):
    """What a browser gets for a link."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(link, timeout=30).content


def staged(client, scope, names):
    dids = [{"scope": scope, "name": name} for name in names]
    answer = client.post("stagings/", {"dids": dids, "facility": "cluster"})
    assert answer.status_code == 202, answer.content
    return answer.json()["id"]


@pytest.mark.parametrize("name", NAMES, ids=IDS)
def test_a_name_is_looked_at_and_found(odd, alice, name):
    asked = {"scope": odd.files, "name": name}
    data = bytes_of(name)
    md5 = hashlib.md5(data).hexdigest()  # noqa: S324 - Rucio's own checksum

    one = told(alice.get("lakes/lake/did/", **asked))
    content = results(alice.get("lakes/lake/content/", scope=odd.sets, name=name))
    parents = results(alice.get("lakes/lake/parents/", **asked))
    (file,) = results(alice.get("lakes/lake/replicas/", scope=odd.sets, name=name, schemes="http"))
    found = results(alice.get("lakes/lake/dids/", **asked))

    assert (one["did"]["name"], one["did"]["size"], one["did"]["md5"]) == (name, len(data), md5)
    assert (one["metadata"]["name"], one["metadata"]["md5"]) == (name, md5)
    assert [each["name"] for each in content] == [name]
    assert [(each["scope"], each["name"]) for each in parents] == [(odd.sets, name)]
    assert (file["name"], file["md5"]) == (name, md5)
    assert [each["name"] for each in found] == [name]
    for replica in file["replicas"]:
        (link,) = replica["links"]
        assert fetched(link) == data


@pytest.mark.parametrize("name", NAMES, ids=IDS)
def test_the_bytes_of_a_name_are_downloaded(odd, streaming, configured, name):
    streamed = download(streaming, odd.files, name, rse=FLAT)
    body = b"".join(streamed.streaming_content)
    configured()
    sent = download(streaming, odd.files, name, rse=FLAT)

    assert (streamed.status_code, body) == (200, bytes_of(name))
    assert sent.status_code == 302
    assert fetched(sent.url) == bytes_of(name)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("100*", ["100%", "100% more"]),
        ("100%*", ["100%", "100% more"]),
        ("*#*", ["x#y"]),
        ("u\\*", ["u\\b"]),
        ("true*", ["true.sky"]),
        ('"*', ['"q"\'', '"w"']),
        ("a%*b", ["a%252Fb", "a%2Fb"]),
        ("*星", ["e\u0301/u\u0308 星", "é/ü 星"]),
        ("*y*w*", []),
    ],
)
def test_only_a_star_stands_for_anything(odd, alice, pattern, names):
    found = results(alice.get("lakes/lake/dids/", scope=odd.files, name=pattern))

    assert sorted(each["name"] for each in found) == sorted(names)


def test_all_names_are_listed_as_they_are(odd, alice):
    found = results(alice.get("lakes/lake/dids/", scope=odd.sets, limit=200))

    assert {each["name"] for each in found} == {*DECOYS, *DECOYS.values(), "e"}


def test_names_are_estimated_as_what_they_are(odd, alice):
    dids = [{"scope": odd.files, "name": name} for name in NAMES[:20]]
    asked = {"dids": dids, "rse_expression": "ESAP-COMPUTE"}

    said = told(alice.post("lakes/lake/estimate/", asked))

    size = sum(len(bytes_of(name)) for name in NAMES[:20])
    assert (said["files"], said["size"]) == (20, size)


def test_what_is_staged_is_what_was_named(rucio, lake, odd, alice, worker):
    staging = staged(alice, odd.files, NAMES)
    worker.follow(staging, "COMPLETED")

    fates = results(alice.get(f"stagings/{staging}/files/"))
    folder = Path(rucio.links["storage"]) / "ESAP-COMPUTE"
    paths = {}
    for fate in fates:
        (file,) = fate["files"]
        (replica,) = file["replicas"]
        assert replica["path"].startswith("/mnt/lake/")
        paths[file["name"]] = folder / replica["path"].partition("/ESAP-COMPUTE/")[2]
    assert [fate["did"] for fate in fates] == [f"{odd.files}:{name}" for name in NAMES]
    assert {name: path.read_bytes() for name, path in paths.items()} == {
        name: bytes_of(name) for name in NAMES
    }
    there = folder.joinpath(*odd.files.split("/"))
    assert {path for path in there.rglob("*") if path.is_file()} == set(paths.values())
    assert [lake.rules(DECOYS[name], account="alice", scope=odd.files) for name in NEW] == [
        []
    ] * len(NEW)


def test_to_abort_a_name_leaves_its_decoy_alone(lake, odd, alice, worker):
    those = [DECOYS[name] for name in HARMFUL]
    with lake.held():
        names = staged(alice, odd.sets, HARMFUL)
        decoys = staged(alice, odd.sets, those)
        wrong = [part.remote_id for part in worker.hand_over(names)]
        right = [part.remote_id for part in worker.hand_over(decoys)]
        before = [lake.rule(rule) for rule in right]

        jobs.abort(Job.objects.get(pk=names))
        worker.look()

        for rule in wrong:
            assert wait_for(lambda rule=rule: lake.status(f"/rules/{rule}") == 404, 30)
        after = [lake.rule(rule) for rule in right]
    assert [rule["name"] for rule in after] == those
    assert [rule["expires_at"] for rule in after] == [rule["expires_at"] for rule in before]
    worker.follow(decoys, "COMPLETED")
    assert {decoy: lake.bytes_at("ESAP-COMPUTE", decoy, scope=odd.files) for decoy in those} == {
        decoy: bytes_of(decoy) for decoy in those
    }


def test_a_name_that_climbs_is_looked_at_but_leads_nowhere(lake, odd, streaming):
    name, decoy = CLIMBING
    asked = {"scope": odd.files, "name": name}
    body = {"dids": [asked], "facility": "cluster"}

    one = told(streaming.get("lakes/lake/did/", **asked))
    (file,) = results(streaming.get("lakes/lake/replicas/", **asked, facility="cluster"))

    assert (one["did"]["name"], one["did"]["size"]) == (name, 1)
    assert {replica["rse"] for replica in file["replicas"]} == {"LAKE-NL", FLAT}
    assert [(each["links"], each["path"]) for each in file["replicas"]] == [([], "")] * 2
    assert refused(download(streaming, odd.files, name, rse=FLAT)) == (404, "not-found")
    assert refused(streaming.post("lakes/lake/estimate/", body)) == (400, "invalid-request")
    assert refused(streaming.post("stagings/", body)) == (400, "invalid-request")
    assert Job.objects.count() == 0
    assert lake.rules(decoy, account="alice", scope=odd.files) == []


@pytest.mark.parametrize("name", ["x#y", "c?b=c"])
def test_a_name_is_not_staged_where_its_end_would_be_that_of_its_decoy(lake, odd, alice, name):
    body = {"dids": [{"scope": odd.sets, "name": name}], "rse_expression": FLAT}
    harmless = {"dids": [{"scope": odd.sets, "name": "a%2Fb"}], "rse_expression": FLAT}

    answer = alice.post("stagings/", body)

    assert refused(answer) == (400, "invalid-request")
    assert f"would remove {odd.files}:{DECOYS[name]} there" in answer.json()["detail"]
    assert told(alice.post("lakes/lake/estimate/", harmless))["files"] == 1
    assert Job.objects.count() == 0


@pytest.mark.parametrize("name", [".", ".."])
def test_a_name_that_is_a_step_is_refused_everywhere(odd, alice, name):
    asked = {"scope": odd.files, "name": name}
    body = {"dids": [asked], "facility": "cluster"}

    answers = [
        *(
            alice.get(f"lakes/lake/{what}/", **asked)
            for what in ("did", "content", "parents", "replicas", "download")
        ),
        alice.post("lakes/lake/estimate/", body),
        alice.post("stagings/", body),
    ]

    assert [refused(answer) for answer in answers] == [(400, "invalid-request")] * 7


@pytest.mark.parametrize("name", ["meta", "guid", "dids/search", "x/dids/history", "x/rules"])
def test_a_name_that_is_a_path_of_rucios_has_replicas_and_no_details(lake, odd, alice, name):
    scope = f"words.{uuid4().hex[:8]}"
    lake.root("POST", f"/scopes/root/{scope}")
    lake.files({name: bytes_of(name)}, scope=scope)

    (file,) = results(alice.get("lakes/lake/replicas/", scope=scope, name=name))

    assert (file["name"], file["size"]) == (name, len(bytes_of(name)))
    assert refused(alice.get("lakes/lake/did/", scope=scope, name=name)) == (404, "not-found")


@pytest.fixture
def uploading(lake, home, configured, alice):
    """Alice, at a gateway that takes files for the storage."""
    configured(storage=f"{lake.site}/storage/", upload_rse=home)
    return alice


def upload(client, name, **fields):
    file = SimpleUploadedFile("result.fits", bytes_of(name))
    return client.browser.gateway.post(
        "/esap-api/rucio/lakes/lake/upload/",
        {"file": file, "scope": "user.alice", "name": name, **fields},
        headers={"accept": "application/json"},
    )


def test_odd_names_are_not_given_to_new_files(rucio, home, uploading):
    folder = Path(rucio.links["storage"]) / home
    before = set(folder.rglob("*"))
    names = [name for name in [*NAMES, *CLIMBING[:1]] if name not in {"a..b", "true.sky", "0123"}]

    # Forms lose spaces at the ends, which makes a good name of these.
    answers = [refused(upload(uploading, name)) for name in names if name == name.strip()]

    assert answers == [(400, "invalid-request")] * (len(names) - 2)
    assert set(folder.rglob("*")) == before


def test_a_file_comes_into_the_dataset_that_is_named(lake, home, uploading):
    datasets = [f"{name}{uuid4().hex[:6]}" for name in ("x#", "a%2F", "é ")]
    for name in datasets:
        lake.collection(name, [], scope="user.alice")
    lake.collection("x", [], scope="user.alice")

    made = [
        (upload(uploading, f"in.{number}..{uuid4().hex[:6]}", dataset=dataset), dataset)
        for number, dataset in enumerate(datasets)
    ]

    for answer, dataset in made:
        assert answer.status_code == 201, answer.content
        name = answer.json()["name"]
        asked = {"scope": "user.alice", "name": dataset}
        content = results(uploading.get("lakes/lake/content/", **asked))
        assert [each["name"] for each in content] == [name]
        assert lake.bytes_at(home, name, scope="user.alice") == bytes_of(name)
    assert results(uploading.get("lakes/lake/content/", scope="user.alice", name="x")) == []
