"""What TLS takes from files: the authorities to trust, and a certificate to show."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import certifi
from cryptography import x509
from pydantic import AfterValidator

from esap.backends.secrets import secret_file, secret_named

__all__ = ["Authorities", "ClientCertificate", "new_context", "shared_context"]


def new_context(authorities: str) -> ssl.SSLContext:
    """Return a context that trusts a file or a folder (`<hash>.0`) of authorities, or certifi's."""
    if Path(authorities or ".").is_file():
        return ssl.create_default_context(cafile=authorities)
    if authorities:
        return ssl.create_default_context(capath=authorities)
    return ssl.create_default_context(cafile=certifi.where())


shared_context = lru_cache(maxsize=16)(new_context)
"""One context for all sessions: to load the authorities takes 10 ms and 1 MB."""


def _hold_authorities(path: Path) -> Path:
    try:
        if path.is_dir():
            next(path.iterdir())
        else:
            new_context(str(path))
            path.read_bytes()
    except ssl.SSLError as error:
        raise ValueError(f"the file {path} holds no certificates (PEM)") from error
    except (OSError, StopIteration) as error:
        raise ValueError(f"no authorities can be read from {path}") from error
    return path


Authorities = Annotated[Path, AfterValidator(_hold_authorities)]
"""A file of authorities, or a folder as OpenSSL hashes it (`/etc/grid-security/certificates`)."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate in a PEM file, its chain behind it, and the secret that is its key.

    They are read anew at each use, since they are short-lived. All methods raise `ValueError`, in
    words that users may see, too: they tell nothing of where the files are, or what is in the key.
    """

    file: Path
    key: str

    def read(self) -> x509.Certificate:
        """Return the certificate, if it has a key; it may have expired."""
        self._load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return self._read()

    def read_valid(self) -> x509.Certificate:
        """Return the certificate, if it is good today."""
        certificate, now = self.read(), datetime.now(UTC)
        if certificate.not_valid_after_utc <= now:
            ended = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
            raise ValueError(f"the certificate has expired ({ended})")
        if certificate.not_valid_before_utc > now:
            begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            raise ValueError(f"the certificate is not valid before {begins}")
        return certificate

    def context(self, authorities: str) -> ssl.SSLContext:
        """Return a new context that shows the certificate to whom those authorities vouch for."""
        self.read_valid()
        context = new_context(authorities)
        self._load_into(context)
        return context

    def _read(self) -> x509.Certificate:
        try:
            return x509.load_pem_x509_certificate(self.file.read_bytes())
        except OSError as error:
            raise ValueError("the certificate cannot be read") from error
        except ValueError as error:
            raise ValueError("the file named as certificate holds none (PEM)") from error

    def _load_into(self, context: ssl.SSLContext) -> None:
        self._read()
        try:
            secret_named(self.key)
        except ValueError as error:
            raise ValueError("the key of the certificate cannot be read") from error
        try:
            with secret_file(self.key) as key:
                # Without a password given, OpenSSL asks for one at the terminal.
                context.load_cert_chain(self.file, key, password=b"")
        except OSError as error:
            raise ValueError(
                "the key is not that of the certificate, is none (PEM), or is locked by a password"
            ) from error
