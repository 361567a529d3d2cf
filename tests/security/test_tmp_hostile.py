from unittest.mock import patch
import pytest
from django.urls import reverse
from accounts.models import *
from accounts.backends import oidc
from accounts.tokens import token_for
from tests.security.callers import Caller
from tests.support.fakes.openid import as_json, CALLBACK
from tests.security.conftest import *
D = "/.well-known/openid-configuration"

def test_js_endpoint(provider, configured, db):
    provider.says[D] = as_json({**provider._discovery(), "end_session_endpoint": "javascript:alert(1)//"})
    b = Caller()
    provider.log_in(b.http)
    a = b.http.post("/esap-api/oidc/logout", headers={"sec-fetch-site": "same-origin", "accept": "text/html"})
    print(a.status_code, a.content.decode()[-600:])
    assert b"javascript:" not in a.content

def test_query_endpoint(provider, configured, db):
    provider.says[D] = as_json({**provider._discovery(), "authorization_endpoint": provider.url + "/authorize?p=x"})
    b = Caller()
    a = b.http.get("/esap-api/oidc/authenticate")
    print(a.url)
    assert a.url.count("?") == 1

def test_admin_logout(provider, configured, db):
    b = Caller()
    provider.log_in(b.http)
    User.objects.update(is_staff=True, is_superuser=True)
    a = b.http.post("/esap-api/admin/logout/", {"csrfmiddlewaretoken": "a"*32}, headers={"x-csrftoken":"a"*32, "cookie": ""})
    b.http.cookies["csrftoken"] = "a"*32
    a = b.http.post("/esap-api/admin/logout/", headers={"x-csrftoken":"a"*32})
    print(a.status_code)
    assert Grant.objects.count() == 0

def test_admin_login(provider, configured, db, settings):
    settings.LOCAL_LOGIN = True
    u = User.objects.create_superuser("root", password="pw")
    b = Caller()
    b.http.cookies["csrftoken"] = "a"*32
    a = b.http.post("/esap-api/admin/login/", {"username":"root","password":"pw","next":"/esap-api/admin/"}, headers={"x-csrftoken":"a"*32})
    print(a.status_code, a.headers)
    assert AuditEvent.objects.filter(action="login").count() == 1

@pytest.mark.parametrize("said", [{"grant_types_supported": ["urn:ietf:params:oauth:grant-type:token-exchange"]}])
def test_logout_meanwhile(provider, configured, db, said):
    provider.says[D] = as_json({**provider._discovery(), **said})
    b = Caller()
    provider.log_in(b.http)
    u = User.objects.get()
    real = oidc.OpenIDProvider.exchange
    def ex(self, *a, **k):
        t = real(self, *a, **k)
        Grant.objects.all().delete()
        return t
    with patch.object(oidc.OpenIDProvider, "exchange", ex):
        print(token_for(u, "rucio"))
    from django.db import connection
    connection.check_constraints()
