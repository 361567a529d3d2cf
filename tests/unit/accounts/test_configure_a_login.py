"""The how-to on logins is as the code has it."""

import re

import pytest

from accounts.backends.base import connections, providers
from accounts.backends.oidc import OpenIDConfig
from esap.settings.env import BASE_DIR

PAGE = (BASE_DIR / "docs" / "how-to" / "configure-a-login.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def entries(tmp_path, settings):
    """A function that configures one of the page's examples."""

    def write(number):
        file = tmp_path / f"example{number}.yaml"
        file.write_text(EXAMPLES[number])
        settings.ENTRY_FILES = [file]

    return write


@pytest.fixture
def secrets(monkeypatch):
    monkeypatch.setenv("ESAP_IAM_SECRET", "of the example")
    monkeypatch.setenv("ESAP_HUB_SECRET", "of the other example")


def test_its_provider_is_valid(entries, secrets):
    entries(0)

    assert providers.problems() == []
    assert providers.for_gateway().get("iam").config.issuer == "https://iam.example.org/"


def test_its_connection_is_valid(entries, secrets):
    entries(1)

    assert connections.problems() == []
    assert connections.for_gateway().get("hub").config.groups == ("esap/notebooks",)


def test_a_secret_that_is_not_there_is_told_with_its_line(entries, monkeypatch):
    monkeypatch.delenv("ESAP_IAM_SECRET", raising=False)
    entries(0)

    (problem,) = providers.problems()

    assert problem.message == (
        "'client_secret' (entry 'iam'): the environment variable ESAP_IAM_SECRET is not set."
    )
    assert problem.where.endswith("example0.yaml, line 8")


def test_a_provider_is_for_everybody(entries, secrets, tmp_path, settings):
    file = tmp_path / "for-some.yaml"
    file.write_text(EXAMPLES[0] + "      groups: [/esap]\n")
    settings.ENTRY_FILES = [file]

    (problem,) = providers.problems()

    assert "groups are known only after a login" in problem.message


def test_it_tells_every_key_that_is_particular_to_providers():
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) | {"issuer", "client_id"}
    told |= {"client_secret", "scopes", "operator_groups", "admin_groups"}
    general = {"id", "type", "title", "url", "timeout", "max_bytes", "private_network", "groups"}
    general |= {"ca_bundle"}

    assert set(OpenIDConfig.model_fields) - general - told == set()
