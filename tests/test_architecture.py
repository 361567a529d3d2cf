"""What holds for every route, error, setting, module and room, also for those not written yet."""

import ast
import importlib
import inspect
import re
from collections import Counter
from functools import cache

import pytest
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver, resolve
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator

from esap import errors
from esap.settings.env import BASE_DIR, Environment

PACKAGES = ["esap", "accounts", *settings.ROOMS]
MODULES = [
    file
    for package in PACKAGES
    for file in sorted((BASE_DIR / package).rglob("*.py"))
    if "migrations" not in file.parts
]
MOST_LINES = 350

NOT_DESCRIBED = {
    "/esap-api/schema/": "it is the description",
    "/esap-api/docs/": "a page that shows the description",
    "/esap-api/redoc/": "a page that shows the description",
    "/esap-api": "another spelling of /esap-api/",
}
PAGES = {
    "/esap-api/oidc/authenticate/": "sends a browser to the login provider",
    "/esap-api/oidc/callback/": "takes it back",
    "/esap-api/oidc/logout/": "ends its session",
    "/esap-api/oidc/backchannel-logout/{provider}/": "hears from the provider",
    "/esap-api/oidc/local/": "asks for a password, where local accounts are allowed",
}
"""Pages of a login: no calls of the API, and for people who are not known yet."""
OTHER_SPELLINGS = {"/esap-api/uws/async/": "/esap-api/uws/jobs/"}
VALUES = [
    "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    "1b4e28ba2fa141d2883f0016d3cca427",
    "not-found",
    "query",
]


def routes(urlconf):
    """Return the regular expression and the view of every route below /esap-api but the admin's."""

    def walk(resolver, before):
        for entry in resolver.url_patterns:
            here = before + str(entry.pattern)
            if isinstance(entry, URLPattern):
                yield here, entry.callback
            elif isinstance(entry, URLResolver) and entry.app_name != "admin":
                yield from walk(entry, here)

    return [(route, view) for route, view in walk(get_resolver(urlconf), "") if "esap-api" in route]


ALL = routes("esap.urls")
GATEWAY = [(route, view) for route, view in ALL if hasattr(view, "cls")]
EVENTS = routes("esap.events.urls")


def path_of(route):
    return EndpointEnumerator().get_path_from_regex(route)


def example_of(route):
    """Return a path, without a slash at its end, that the route should take."""

    def value(group):
        return next(value for value in VALUES if re.fullmatch(group[2], value))

    plain = re.sub(r"(?<!\[)\^", "", route).removesuffix("$").removesuffix("/?")
    plain = re.sub(r"\(\?:(/\(\?P<.*?\))\)\?", r"\1", plain)  # what may be left out
    group = r"\(\?P<(\w+)>((?:[^()]|\([^()]*\))*)\)"
    return "/" + re.sub(group, value, plain).removesuffix("/")


def named(routes):
    return {"argvalues": routes, "ids": [path_of(route) for route, _ in routes]}


def without_names(path):
    """Return a path without the names of its parameters, which views and the document differ in."""
    return re.sub(r"\{\w+\}", "{}", path)


def described_as(route):
    """Return the path under which the document has a route, without the names of parameters."""
    path = path_of(route)
    for spelling, other in OTHER_SPELLINGS.items():
        path = path.replace(spelling, other)
    return without_names(path)


@cache
def described():
    """Return the methods of each path of the OpenAPI document."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return {without_names(path): set(methods) for path, methods in paths.items()}


@pytest.mark.parametrize(("route", "view"), **named(GATEWAY + EVENTS))
def test_a_route_says_itself_who_may_use_it(route, view):
    named_by = [cls for cls in view.cls.__mro__ if "permission_classes" in vars(cls)]

    assert named_by[0].__module__ != "rest_framework.views"


@pytest.mark.parametrize(
    ("route", "view"),
    **named([(route, view) for route, view in GATEWAY if path_of(route) not in NOT_DESCRIBED]),
)
def test_a_route_is_described_with_all_its_methods(route, view):
    methods = getattr(view, "actions", set(view.cls.http_method_names) & set(dir(view.cls)))

    assert set(methods) - {"head", "options"} <= described()[described_as(route)]


def test_what_is_not_described_is_there_all_the_same():
    assert NOT_DESCRIBED.keys() <= {path_of(route) for route, _ in GATEWAY}
    assert not NOT_DESCRIBED.keys() & described().keys()


def test_only_the_pages_of_a_login_are_no_calls_of_the_api():
    assert {path_of(route) for route, view in ALL if not hasattr(view, "cls")} == PAGES.keys()


@pytest.mark.parametrize(("route", "view"), **named(GATEWAY + EVENTS))
def test_a_route_takes_both_slash_forms(route, view):
    urlconf = "esap.urls" if (route, view) in GATEWAY else "esap.events.urls"
    bare = example_of(route)

    forms = [resolve(bare, urlconf), resolve(f"{bare}/", urlconf)]

    assert [form.func.cls for form in forms] == [view.cls, view.cls]
    assert forms[0].kwargs == forms[1].kwargs


ERRORS = [
    cls
    for cls in vars(errors).values()
    if inspect.isclass(cls) and issubclass(cls, errors.EsapError)
]


def test_no_two_errors_have_the_same_slug():
    slugs = Counter(cls.slug for cls in ERRORS)

    assert [slug for slug, count in slugs.items() if count > 1] == []


@pytest.mark.parametrize("cls", ERRORS)
def test_an_error_is_documented(cls):
    page = (BASE_DIR / "docs" / "reference" / "problems.md").read_text(encoding="utf-8")

    assert f"\n| `{cls.slug}` | {cls.status.value} |" in page


@cache
def made():
    """Return the names of all that the code makes by calling it, outside of esap/errors.py."""
    return {
        call.func.id
        for file in MODULES
        if file != BASE_DIR / "esap" / "errors.py"
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    }


@pytest.mark.parametrize("cls", ERRORS)
def test_an_error_is_raised_somewhere(cls):
    assert cls.__name__ in made()


VARIABLES = [
    field.validation_alias.choices[0] if field.validation_alias else f"ESAP_{name.upper()}"
    for name, field in Environment.model_fields.items()
]


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_setting_is_documented(variable):
    page = (BASE_DIR / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")

    assert f"\n| `{variable}` |" in page


def test_every_setting_that_the_pages_tell_of_is_there():
    for_tests = {"ESAP_PEERS_CACHE", "ESAP_REQUIRE_PEERS"}
    by_compose = {"ESAP_HTTP_PORT", "ESAP_HTTPS_PORT"}
    of_examples = {"ESAP_IAM_SECRET", "ESAP_HUB_SECRET", "ESAP_TOKEN"}
    pages = [BASE_DIR / "README.md", *(BASE_DIR / "docs").glob("[!_]*/**/*.md")]

    told = {
        variable
        for page in pages
        for variable in re.findall(r"\bESAP_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8"))
    }

    assert told - for_tests - by_compose - of_examples - set(VARIABLES) == set()


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(BASE_DIR)))
def test_a_module_is_not_long(file):
    assert len(file.read_text(encoding="utf-8").splitlines()) <= MOST_LINES


FOR_THE_GATEWAY = {
    "esap/health/peers.py": "all peers are pinged, whomever they are for",
    "query/management/commands/build_catalogues.py": "it is the operator who asks",
    "query/parameters.py": "an archive that was found for its caller knows its mapping",
    "rucio_app/services/following.py": "the stagings of all users at a lake are followed together",
}
"""Who may see entries without a caller, and why. `accounts` finds out who the caller is."""


def test_all_others_ask_for_entries_on_behalf_of_a_caller():
    asking = {
        str(file.relative_to(BASE_DIR))
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "for_gateway"
    }

    assert {file for file in asking if not file.startswith("accounts/")} == FOR_THE_GATEWAY.keys()


@pytest.mark.parametrize("room", settings.ROOMS)
class TestRooms:
    def test_it_says_in_one_sentence_what_it_is_for(self, room):
        about = importlib.import_module(room).__doc__

        assert re.fullmatch(r"[A-Z][^.\n]+\.", about)

    def test_its_app_says_the_same(self, room):
        apps = importlib.import_module(f"{room}.apps")
        (config,) = [
            cls
            for cls in vars(apps).values()
            if inspect.isclass(cls) and cls.__module__ == apps.__name__
        ]

        assert config.name == room
        assert config.__doc__ == importlib.import_module(room).__doc__

    def test_it_registers_its_endpoints_at_one_router(self, room):
        urls = importlib.import_module(f"{room}.urls")

        assert urls.__all__ == ["register"]
        assert list(inspect.signature(urls.register).parameters) == ["router"]

    def test_it_has_a_place_for_its_backends(self, room):
        assert importlib.import_module(f"{room}.backends").__doc__
