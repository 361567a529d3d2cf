"""What an operator gets wrong in the environment is told in the operator's words."""

import pytest

from esap.settings.env import read_environment


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
