"""The table of contents of the whole API."""

from importlib import import_module

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

import accounts.login.urls
import esap.events.gateway_urls
import esap.health.urls
import esap.jobs.urls
import esap.jobs.uws.urls
import esap.results.urls
import esap.webhooks.urls
from esap.api.routers import Router
from esap.api.views import (
    ApiRoot,
    Landing,
    ProblemPages,
    RoomRoot,
    bad_request,
    bug,
    forbidden,
    nothing_here,
)

admin.site.site_header = admin.site.site_title = "ESAP API Gateway"

redoc = SpectacularRedocView.as_view(url_name="schema", template_name="esap/redoc.html")
router = Router()
for room in [*settings.ROOMS, "accounts"]:
    import_module(f"{room}.urls").register(router)
esap.webhooks.urls.register(router)
esap.jobs.urls.register(router)
esap.jobs.uws.urls.register(router)
esap.results.urls.register(router)

api: list[URLPattern | URLResolver] = [
    re_path(r"^$", ApiRoot.as_view(), name="api-root"),
    re_path(r"^schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", SpectacularSwaggerView.as_view(url_name="schema"), name="swagger-ui"),
    re_path(r"^redoc/?$", redoc, name="redoc"),
    re_path(r"^problems(?:/(?P<slug>[a-z-]+))?/?$", ProblemPages.as_view(), name="problems"),
    path("health/", include(esap.health.urls)),
    path("", include(esap.health.urls.metrics_urlpatterns)),
    path("admin/", admin.site.urls),
    path("", include(accounts.login.urls)),
    path("", include(esap.events.gateway_urls)),
    path("", include(esap.jobs.uws.urls)),
    path("", include(router.urls)),
    re_path(r"^(?P<room>[a-z]+)/?$", RoomRoot.as_view(), name="room"),
]

urlpatterns = [
    path("", Landing.as_view(), name="landing"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}esap/icon.svg")),
    path("esap-api/", include(api)),
    re_path(r"^esap-api$", ApiRoot.as_view(schema=None)),
]

handler400 = bad_request
handler403 = forbidden
handler404 = nothing_here
handler500 = bug
