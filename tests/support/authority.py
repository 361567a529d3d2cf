"""Certificate authorities of tests, and what they issue, as PEM files.

ours = Authority(tmp_path / "ca")
robot = ours.issue("CN=esap robot,O=ESAP")     # robot.file, robot.key
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["Authority", "Issued"]

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Issued:
    """The files of a certificate and its key."""

    file: Path
    key: Path


class Authority:
    """An authority whose files are in a folder; the one that is there already, if there is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file, key = folder / "authority.pem", folder / "authority-key.pem"
        if key.exists():
            self._key = serialization.load_pem_private_key(key.read_bytes(), None)
            self._name = x509.load_pem_x509_certificate(self.file.read_bytes()).subject
            return
        folder.mkdir(parents=True)
        self._name = x509.Name.from_rfc4514_string(f"CN=Authority {uuid4().hex}")
        self._key = ec.generate_private_key(ec.SECP256R1())
        own = self._builder(self._name, self._key, timedelta(0), 30 * DAY).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self._write(own, self._key, Issued(self.file, key))

    def issue(
        self,
        subject: str,
        *,
        hosts: Sequence[str] = (),
        starts: timedelta = -DAY,
        ends: timedelta = 7 * DAY,
    ) -> Issued:
        """Return a new certificate and its key; `starts` and `ends` count from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name.from_rfc4514_string(subject)
        builder = self._builder(name, key, starts, ends)
        if hosts:
            names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        label = uuid4().hex
        files = Issued(self._folder / f"{label}.pem", self._folder / f"{label}-key.pem")
        self._write(builder, key, files)
        return files

    def serve(self, *hosts: str) -> ssl.SSLContext:
        """Return a server's context, which asks for certificates of this authority."""
        own = self.issue(f"CN={hosts[0]}", hosts=hosts)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.file))
        context.load_cert_chain(own.file, own.key)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    def _builder(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, starts: timedelta, ends: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + starts)
            .not_valid_after(now + ends)
        )

    def _write(
        self, builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, files: Issued
    ) -> None:
        signed = builder.sign(self._key, hashes.SHA256())
        files.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        files.key.touch(mode=0o600)
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
