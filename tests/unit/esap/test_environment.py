"""What an operator gets wrong in the environment is told in the operator's words."""

import pytest

from esap.settings.env import read_environment
from esap.settings.mail import mail_server


def test_every_wrong_setting_is_told_by_its_variable_and_its_value(monkeypatch):
    monkeypatch.setenv("ESAP_PORT", "http")
    monkeypatch.setenv("ESAP_SUB_PATH", "esap/")

    with pytest.raises(SystemExit) as end:
        read_environment()

    head, *told = end.value.code.splitlines()
    assert head == "The gateway cannot start: see docs/reference/settings.md, and mend"
    assert [line.partition(":")[0] for line in told] == [
        "  ESAP_SUB_PATH='esap/'",
        "  ESAP_PORT='http'",
    ]


def test_values_that_convert_are_taken(monkeypatch):
    monkeypatch.setenv("ESAP_ALLOWED_HOSTS", "a.example.org, b.example.org")
    monkeypatch.setenv("REDIS_URL", "redis://broker:6379/0")

    environment = read_environment()

    assert environment.allowed_hosts == ["a.example.org", "b.example.org"]
    assert environment.redis_url == "redis://broker:6379/0"


def test_mail_needs_a_sender_and_an_address_of_the_gateway(monkeypatch):
    monkeypatch.setenv("ESAP_EMAIL_URL", "smtps://esap@mail.example.org")

    with pytest.raises(SystemExit) as end:
        read_environment()

    _, *told = end.value.code.splitlines()
    assert told == [
        f"  {variable}='': Value error, set it, too, or leave ESAP_EMAIL_URL out."
        for variable in ("ESAP_EMAIL_FROM", "ESAP_PUBLIC_URL")
    ]


def test_a_mail_server_without_encryption_is_sent_no_password(monkeypatch):
    monkeypatch.setenv("ESAP_EMAIL_URL", "smtp://esap@mail.example.org")

    with pytest.raises(SystemExit, match="ESAP_EMAIL_URL"):
        read_environment()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost", ("localhost", 25, False, False, "", "")),
        ("smtps://mail.example.org", ("mail.example.org", 465, False, True, "", "geheim")),
        (
            "smtp+starttls://esap%40x@mail.example.org:2525",
            ("mail.example.org", 2525, True, False, "esap@x", "geheim"),
        ),
    ],
)
def test_a_mail_server_is_given_as_a_url_and_its_password_in_a_file(
    monkeypatch, tmp_path, url, server
):
    if server[-1]:
        (tmp_path / "password").write_text("geheim\n")
        monkeypatch.setenv("ESAP_EMAIL_PASSWORD_FILE", str(tmp_path / "password"))
    monkeypatch.setenv("ESAP_EMAIL_URL", url)
    monkeypatch.setenv("ESAP_EMAIL_FROM", "esap@example.org")
    monkeypatch.setenv("ESAP_PUBLIC_URL", "https://esap.example.org")

    found = mail_server(read_environment())

    names = ("host", "port", "use_tls", "use_ssl", "username", "password")
    assert tuple(found[name] for name in names) == server
