"""A registry of peers whose health tests decide."""

from collections.abc import Callable

from esap.backends.base import Backend, BackendConfig
from esap.backends.http import open_session
from esap.backends.visibility import Visible, may_use


class Patient(Backend):
    """A peer that answers its ping as it is told to."""

    def __init__(self, peer_id: str, answer: Callable[[], None], **entry: object) -> None:
        config = BackendConfig(
            id=peer_id, type="tap", title=peer_id.title(), private_network=True, **entry
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

    def admit(self, peer_id: str, answer: Callable[[], None], **entry: object) -> None:
        self.patients[peer_id] = Patient(peer_id, answer, **entry)

    def for_gateway(self) -> Visible[Patient]:
        return Visible(self.name, self.patients, self.patients.__getitem__)

    def for_caller(self, caller: object) -> Visible[Patient]:
        theirs = [key for key, one in self.patients.items() if may_use(one.config, caller)]
        return Visible(self.name, theirs, self.patients.__getitem__)


ward = Ward()
