"""Settings of a deployment."""

from django.core.exceptions import ImproperlyConfigured

from esap.settings.base import *  # noqa: F403
from esap.settings.base import ENV, SECRET_KEY

if not SECRET_KEY:
    raise ImproperlyConfigured(
        "ESAP_SECRET_KEY is not set. Give every process of the gateway the same long random text: "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    )

SESSION_COOKIE_SECURE = ENV.behind_proxy
CSRF_COOKIE_SECURE = ENV.behind_proxy
# TLS ends at the proxy, and with it the redirect to https and HSTS, which holds for all of a host.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
