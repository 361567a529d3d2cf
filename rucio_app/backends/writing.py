"""What the gateway asks of a data lake that takes files from users."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import BinaryIO
from zlib import adler32

from pydantic import Field

from rucio_app.backends.base import DataLake, LakeConfig
from rucio_app.backends.values import Item

__all__ = ["Described", "Measured", "WritableConfig", "WritableLake"]

_PIECE = 1 << 18


class WritableConfig(LakeConfig):
    """The entry of a lake that may take files; it takes none without a `storage`.

    Files of up to `max_upload_bytes` are taken, and go to `upload_rse` if users name no other.
    Nothing is written, and no token sent, but below `storage`.
    """

    max_upload_bytes: int = Field(default=100 << 20, gt=0)
    upload_rse: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a lake is told of a new file: `size` in bytes, checksums in hexadecimal."""

    item: Item
    size: int
    adler32: str
    md5: str


class Measured:
    """A file that is sent once, whose checksums are those of what was really read from it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._adler32 = 1
        self._md5 = md5(usedforsecurity=False)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(_PIECE):
            yield piece

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most so many."""
        piece = self._file.read(size)
        self._adler32 = adler32(piece, self._adler32)
        self._md5.update(piece)
        return piece

    def described(self, item: Item) -> Described:
        """Return what the lake is to know of the file, once it has been sent."""
        return Described(
            item=item,
            size=self._size,
            adler32=f"{self._adler32:08x}",
            md5=self._md5.hexdigest(),
        )


class WritableLake(DataLake):
    """A lake that takes files. Its methods raise as those of `DataLake` do."""

    Config = WritableConfig
    config: WritableConfig

    @abstractmethod
    def scopes_of(self, account: str, token: str) -> list[str]:
        """Return the scopes that an account owns."""

    @abstractmethod
    def place_for(self, item: Item, rse: str, token: str) -> str:
        """Return the link that a file is to be written to.

        Raises `InvalidRequest` if the element takes no writes by HTTP.
        """

    @abstractmethod
    def write(self, link: str, file: Measured, token: str) -> None:
        """Write a file under a link that is free, with a token of the storage, and compare it.

        When this raises, nothing is there that it wrote, unless the error says so. It never
        touches what was there before, which is `AlreadyExists`.
        """

    @abstractmethod
    def remove(self, link: str, token: str) -> None:
        """Remove a file from the storage; it is no error if it is not there."""

    @abstractmethod
    def register(self, file: Described, rse: str, dataset: str, token: str) -> None:
        """Tell the lake of a file that lies at an element; in a dataset that is there, if named."""

    @abstractmethod
    def let_go(self, item: Item, rse: str, token: str) -> None:
        """Let the lake remove a replica that no rule protects, and its file."""
