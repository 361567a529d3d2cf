"""The menus that the graphical interface asks for by name."""

from pydantic import BaseModel, ConfigDict, Field

from esap.backends.base import SLUG
from esap.backends.registry import Section

__all__ = ["Menu", "MenuItem", "menus"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MenuItem(_Part):
    """One page of the interface: its title, and its route below the interface's own address."""

    title: str
    route: str = Field(pattern=r"^/")


class Menu(_Part):
    """A menu, and the path under which the interface that asks for it is served."""

    id: str = Field(pattern=SLUG)
    frontend_basename: str = ""
    logo: str = ""
    items: tuple[MenuItem, ...]


menus = Section("query", "menus", Menu)
