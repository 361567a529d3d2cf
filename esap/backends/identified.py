"""Connections that show a client certificate: to the entry's own address, and to no other."""

from collections.abc import Mapping

from requests import PreparedRequest
from urllib3 import BaseHTTPResponse

from esap.backends.base import BackendConfig
from esap.backends.certificates import ClientCertificate
from esap.backends.redirects import origin
from esap.backends.transport import Exchange, Transport
from esap.errors import BackendFailed

__all__ = ["IdentifiedTransport"]


class IdentifiedTransport(Transport):
    """The pools of a session that shows a certificate.

    They are shared with no other session: a connection stays that of whom it was opened for.
    """

    def __init__(
        self, config: BackendConfig, ca_bundle: str, certificate: ClientCertificate
    ) -> None:
        self._title = config.title
        self._own = origin(config.base_url)
        try:
            context = certificate.context(ca_bundle)
        except ValueError as error:
            raise BackendFailed(
                f"The gateway cannot show its certificate to {config.title}: {error}. Tell the "
                "operator of the gateway.",
                peer=config.id,
            ) from error
        super().__init__(ca_bundle, context)

    def exchange(
        self, request: PreparedRequest, exchange: Exchange, proxies: Mapping[str, str]
    ) -> BaseHTTPResponse:
        if origin(request.url or "") != self._own:
            raise BackendFailed(
                f"{self._title} leads to another address, and the gateway does not show its "
                "certificate there. If the service has moved, its entry needs the new address."
            )
        return super().exchange(request, exchange, proxies)
