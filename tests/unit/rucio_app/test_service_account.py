"""The gateway's own account in the entry of a lake: mistakes have a line, and are told."""

from datetime import timedelta

import pytest

from esap.checks import check_entries
from tests.support.authority import Authority

ENTRY = """\
rucio_app:
  lakes:
    - id: lake
      type: rucio
      title: The lake
      url: {url}
      service:
        account: esap
"""


@pytest.fixture
def robot(tmp_path):
    return Authority(tmp_path / "ca").issue("CN=robot")


@pytest.fixture
def problems(tmp_path, settings):
    """Return a function that adds lines to the entry's service, and says what the checks find."""

    def find(url="https://rucio.example.org", **service):
        lines = "".join(f"        {key}: {value}\n" for key, value in service.items())
        file = tmp_path / "lakes.yaml"
        file.write_text(ENTRY.format(url=url) + lines)
        settings.ENTRY_FILES = [file]
        return [message.msg.replace(f"{tmp_path}/", "") for message in check_entries()]

    return find


def told(sentence):
    return [f"lakes.yaml, line 7: 'service' (entry 'lake'): {sentence}."]


WHOLE = "it takes username and password, or certificate and key; here it has "


def test_a_password_is_enough(problems, tmp_path):
    (tmp_path / "password").write_text("secret")

    assert problems(username="esap", password=f"file:{tmp_path}/password") == []


def test_a_certificate_is_enough(problems, robot):
    assert problems(certificate=robot.file, key=f"file:{robot.key}") == []


@pytest.mark.parametrize(
    ("parts", "has"),
    [
        ((), "none of them"),
        (("username",), "username"),
        (("password",), "password"),
        (("certificate",), "certificate"),
        (("key",), "key"),
        (("username", "key"), "username and key"),
        (
            ("username", "password", "certificate", "key"),
            "username and password and certificate and key",
        ),
    ],
)
def test_half_an_account_is_told_with_its_line(problems, robot, tmp_path, parts, has):
    (tmp_path / "password").write_text("secret")
    known = {
        "username": "esap",
        "password": f"file:{tmp_path}/password",
        "certificate": robot.file,
        "key": f"file:{robot.key}",
    }

    assert problems(**{part: known[part] for part in parts}) == told(WHOLE + has)


def test_a_certificate_that_is_not_there_is_told(problems, robot, tmp_path):
    found = problems(certificate=tmp_path / "nothing.pem", key=f"file:{robot.key}")

    assert found == told("the certificate cannot be read")


def test_a_key_that_is_not_there_is_told_with_its_own_line(problems, robot, tmp_path):
    found = problems(certificate=robot.file, key=f"file:{tmp_path}/nothing.pem")

    assert found == [
        "lakes.yaml, line 10: 'service.key' (entry 'lake'): the file nothing.pem cannot be read."
    ]


def test_the_key_of_another_certificate_is_told(problems, robot, tmp_path):
    other = Authority(tmp_path / "other").issue("CN=robot")

    assert problems(certificate=robot.file, key=f"file:{other.key}") == told(
        "the key is not that of the certificate, is none (PEM), or is locked by a password"
    )


def test_a_certificate_cannot_be_shown_without_tls(problems, robot):
    found = problems(
        url="http://rucio.example.org", certificate=robot.file, key=f"file:{robot.key}"
    )

    assert found == told("a certificate can only be shown to an address that is https")


def test_an_expired_certificate_does_not_stop_the_start(problems, tmp_path):
    expired = Authority(tmp_path / "old").issue("CN=robot", ends=-timedelta(hours=1))

    assert problems(certificate=expired.file, key=f"file:{expired.key}") == []
