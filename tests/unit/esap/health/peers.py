"""A registry of peers whose health tests decide."""

from collections.abc import Callable

from esap.backends.base import Backend, BackendConfig
from esap.backends.http import open_session


class Patient(Backend):
    """A peer that answers its ping as it is told to."""

    def __init__(self, peer_id: str, answer: Callable[[], None], url: str | None = None) -> None:
        config = BackendConfig(
            id=peer_id, type="tap", title=peer_id.title(), url=url, private_network=True
        )
        super().__init__(config, open_session(config))
        self.answer = answer

    def ping(self) -> None:
        self.answer()


class Ward:
    """What the health app asks of a registry."""

    room = "query"
    name = "archives"

    def __init__(self) -> None:
        self.patients: dict[str, Patient] = {}

    def admit(self, peer_id: str, answer: Callable[[], None], url: str | None = None) -> None:
        self.patients[peer_id] = Patient(peer_id, answer, url)

    def ids(self) -> list[str]:
        return list(self.patients)

    def get(self, peer_id: str) -> Patient:
        return self.patients[peer_id]


ward = Ward()
