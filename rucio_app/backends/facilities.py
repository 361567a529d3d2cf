"""Places to compute, and how they see the files of a lake."""

from pydantic import BaseModel, ConfigDict, Field

from esap.backends.base import SLUG
from esap.clients.rucio_names import has_dot_steps, path_of

__all__ = ["Facility"]


class Facility(BaseModel):
    """A place to compute, and how it sees the storage next to it.

    The path of a file there is `mount_path`, and the path of its PFN without the first
    `path_begins_at` parts: as rucio-jupyterlab has it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=SLUG)
    title: str
    rse_expression: str
    mount_path: str = ""
    path_begins_at: int = Field(default=0, ge=0)

    def path_of(self, pfn: str, name: str = "") -> str:
        """Return where the facility mounts the file of that name.

        Empty if it mounts nothing, or if the path would lead to another place.
        """
        there = path_of(pfn, name)
        if not self.mount_path or has_dot_steps(there):
            return ""
        parts = there.split("/")[1 + self.path_begins_at :]
        return "/".join([self.mount_path.rstrip("/"), *parts])
