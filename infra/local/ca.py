"""The demo's certificate authority, and the server certificates it signs.

`python infra/local/ca.py DIRECTORY` makes them once; they are kept, and made anew a week before they expire. Tests
ask for certificates that a receiver must not get away with: `expired` and `wrong-host`.
"""

from __future__ import annotations

import datetime
import ipaddress
import sys
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=365)
_RENEW_BEFORE = datetime.timedelta(days=7)
# Clocks that disagree a little must not make a fresh certificate "not yet valid".
_BACKDATED = datetime.timedelta(hours=1)

_LOOPBACK = [
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
]


@dataclass(frozen=True)
class Certificate:
    """Where a certificate and its private key are, both PEM. A server's file has the whole chain."""

    chain: Path
    key: Path


class Authority:
    """A certificate authority whose files are in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        """Opens the authority in `directory`; makes it if there is none, or if it expires within a week."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._files = self._at("ca")
        if not _is_fresh(self._files):
            self._make()

    @property
    def certificate(self) -> Path:
        """The authority's own certificate, for clients to trust."""
        return self._files.chain

    def pem(self) -> str:
        """The authority's own certificate as PEM text."""
        return self.certificate.read_text()

    def server(self) -> Certificate:
        """A certificate for localhost, 127.0.0.1 and ::1; kept until a week before it expires."""
        files = self._at("server")
        if not _is_fresh(files):
            now = _now()
            self._sign(files, _LOOPBACK, now - _BACKDATED, now + _LIFETIME)
        return files

    def expired(self) -> Certificate:
        """A certificate for localhost that expired yesterday."""
        now = _now()
        return self._sign(
            self._at("expired"), _LOOPBACK, now - datetime.timedelta(days=30), now - datetime.timedelta(days=1)
        )

    def wrong_host(self) -> Certificate:
        """A certificate in force, for another host than localhost."""
        now = _now()
        return self._sign(
            self._at("wrong-host"), [x509.DNSName("wrong-host.example")], now - _BACKDATED, now + _LIFETIME
        )

    def _at(self, name: str) -> Certificate:
        return Certificate(self.directory / f"{name}.pem", self.directory / f"{name}.key")

    def _make(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Spacehook demo CA")
        now = _now()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + _LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        _write(self._files, [certificate], key)
        # Signed by the authority that was: made anew on the next request.
        self._at("server").chain.unlink(missing_ok=True)

    def _sign(
        self, files: Certificate, names: list[x509.GeneralName], since: datetime.datetime, until: datetime.datetime
    ) -> Certificate:
        authority = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        authority_key = serialization.load_pem_private_key(self._files.key.read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_name("Spacehook demo receiver"))
            .issuer_name(authority.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(since)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        _write(files, [certificate, authority], key)
        return files


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _is_fresh(files: Certificate) -> bool:
    if not (files.chain.exists() and files.key.exists()):
        return False
    certificate = x509.load_pem_x509_certificate(files.chain.read_bytes())
    return certificate.not_valid_after_utc - _now() > _RENEW_BEFORE


def _write(files: Certificate, chain: list[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> None:
    files.key.touch(mode=0o600)
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    # The certificate last: a pair is only taken for whole when its certificate is there.
    files.chain.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: ca.py DIRECTORY")
    made = Authority(Path(sys.argv[1]))
    print(f"authority {made.certificate}\nserver    {made.server().chain}")
