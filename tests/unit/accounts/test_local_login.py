"""Local accounts log in by a password, where the operator wants that, and nowhere else."""

import pytest
from django.test import Client

from accounts.models import AuditEvent
from tests.support.accounts import write_accounts

pytestmark = pytest.mark.django_db

LOGIN = "/esap-api/oidc/local"
AUTHENTICATE = "/esap-api/oidc/authenticate"
PASSWORD = "of the tests"  # noqa: S105
WHOAMI = "/esap-api/accounts/whoami/"


@pytest.fixture(autouse=True)
def local_login(settings):
    settings.LOCAL_LOGIN = True
    settings.ENTRY_FILES = []


@pytest.fixture
def root(django_user_model):
    return django_user_model.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def browser():
    return Client(headers={"accept": "text/html"})


def send(browser, typed=PASSWORD, **fields):
    return browser.post(LOGIN, {"username": "root", "password": typed, **fields})


def who(browser):
    return browser.get(WHOAMI, headers={"accept": "application/json"}).json()


def test_a_local_account_logs_in_and_goes_on(root, browser):
    answer = send(browser, next="/esap-api/jobs/")

    assert (answer.status_code, answer.url) == (302, "/esap-api/jobs/")
    assert (who(browser)["user_name"], who(browser)["provider"]) == ("root", "")
    assert AuditEvent.objects.get(action="login").detail == {"provider": "local"}


def test_a_local_account_goes_where_the_operator_says(root, browser, settings):
    settings.LOGIN_REDIRECT = "/esap-gui/login"

    assert send(browser).url == "/esap-gui/login"


@pytest.mark.parametrize(
    "wanted", ["https://evil.example", "//evil.example", "javascript:alert(1)"]
)
def test_nobody_is_sent_to_a_site_that_is_not_ours(root, browser, wanted):
    assert send(browser, next=wanted).url == "/"


def test_a_wrong_password_is_refused_in_words(root, browser):
    answer = send(browser, "guessed")

    assert "Name and password do not belong together" in answer.content.decode()
    assert who(browser)["authenticated"] is False


def test_a_closed_account_is_refused(root, browser):
    root.is_active = False
    root.save()

    send(browser)

    assert who(browser)["authenticated"] is False


def test_the_session_key_changes_at_login(root, browser):
    session = browser.session
    session.save()
    planted = browser.session.session_key

    send(browser)

    assert browser.session.session_key != planted


def test_a_form_of_another_site_is_refused(root):
    browser = Client(enforce_csrf_checks=True, headers={"accept": "text/html"})

    answer = browser.post(
        LOGIN,
        {"username": "root", "password": PASSWORD},
        headers={"origin": "https://evil.example"},
    )

    assert (answer.status_code, who(browser)["authenticated"]) == (403, False)


@pytest.mark.parametrize("method", ["get", "post"])
def test_where_passwords_are_not_wanted_there_is_no_form(root, browser, settings, method):
    settings.LOCAL_LOGIN = False

    answer = getattr(browser, method)(LOGIN, {"username": "root", "password": PASSWORD})

    assert answer.status_code == 404
    assert "There are no local accounts here" in answer.content.decode()
    assert who(browser)["authenticated"] is False


def test_beside_a_provider_the_login_page_offers_it(browser, settings, tmp_path):
    provider = {
        "id": "iam",
        "type": "oidc",
        "title": "ESCAPE IAM",
        "issuer": "https://iam.example.org/",
        "client_id": "esap",
        "client_authentication": "none",
    }
    settings.ENTRY_FILES = [write_accounts(tmp_path, providers=[provider])]

    page = browser.get(f"{AUTHENTICATE}?next=/esap-api/jobs/").content.decode()

    assert f'href="{AUTHENTICATE}?provider=iam&amp;next=%2Fesap-api%2Fjobs%2F"' in page
    assert f'href="{LOGIN}?next=%2Fesap-api%2Fjobs%2F"' in page


def test_without_a_provider_it_is_the_login_page(browser):
    answer = browser.get(f"{AUTHENTICATE}?next=/esap-api/jobs/")

    assert (answer.status_code, answer.url) == (302, f"{LOGIN}?next=%2Fesap-api%2Fjobs%2F")


def test_the_page_takes_along_where_the_user_wanted_to_go(browser):
    page = browser.get(f"{LOGIN}?next=/esap-api/jobs/").content.decode()

    assert '<input type="hidden" name="next" value="/esap-api/jobs/">' in page
