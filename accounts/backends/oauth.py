"""Peers with an OAuth 2.0 login of their own, such as a JupyterHub or DiracX."""

from pydantic import Field, HttpUrl

from accounts.backends.base import OAuthConfig, Service
from accounts.backends.told import text
from esap.backends.http import PeerSession

__all__ = ["OAuthService"]


class OAuthServiceConfig(OAuthConfig):
    """The entry of a connection: where its endpoints are, and what it is for, for the user.

    `revocation_url` is for servers that want to be told when a user disconnects (RFC 7009), and
    `issuer` for those that say in their answers who they are (RFC 9207).
    `user_url` answers, to the access token, with JSON in which `user_field` names the user.
    """

    authorization_url: HttpUrl
    token_url: HttpUrl
    revocation_url: HttpUrl | None = None
    issuer: str = ""
    user_url: HttpUrl | None = None
    user_field: str = Field(default="name", min_length=1)
    description: str = ""


class OAuthService(Service):
    """A peer that users connect to."""

    Config = OAuthServiceConfig
    config: OAuthServiceConfig

    def __init__(self, config: OAuthServiceConfig, http: PeerSession) -> None:
        super().__init__(config, http)
        self._endpoints = {
            "authorization_endpoint": config.authorization_url,
            "token_endpoint": config.token_url,
            "revocation_endpoint": config.revocation_url,
        }

    def endpoint(self, name: str) -> str:
        return str(self._endpoints[name] or "")

    @property
    def issuer(self) -> str:
        return self.config.issuer

    def ping(self) -> None:
        # Any answer will do: a token endpoint has nothing to say to GET.
        self.http.get(str(self.config.token_url), allow_redirects=False)

    def whose(self, access_token: str) -> str:
        if self.config.user_url is None:
            return ""
        headers = {"Authorization": f"Bearer {access_token}"}
        answer = self.http.expect(self.http.get(str(self.config.user_url), headers=headers))
        told = answer.json()
        name = told.get(self.config.user_field, "") if isinstance(told, dict) else ""
        return text(str(name))
