# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests: an authority, what it signs and revokes, and the context of a client that shows one."""
import datetime
import ipaddress
import os
import pathlib
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = x509.IPAddress(ipaddress.ip_address('127.0.0.1'))


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def days(number):
    return datetime.timedelta(days=number)


def name_of(common_name, organization=None):
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name(parts + [x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def write(path, data, mode=0o600):
    """Another file takes the place of the old one in one step."""
    path = pathlib.Path(path)
    new = path.with_name(path.name + '.new')
    new.write_bytes(data)
    new.chmod(mode)
    os.rename(new, path)
    return str(path)


def pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Pair:
    """A certificate and its key, in memory and in files."""

    def __init__(self, certificate, key, chain=b''):
        self.certificate, self.key = certificate, key
        self.pem = certificate.public_bytes(serialization.Encoding.PEM) + chain
        self.key_pem = pem_of_key(key)
        self.sha256 = certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder, name):
        """(certificate file, key file)"""
        folder = pathlib.Path(folder)
        return write(folder / f'{name}.pem', self.pem, 0o644), write(folder / f'{name}.key', self.key_pem)


class Authority:
    """Signs certificates of servers and clients, and revokes them."""

    def __init__(self, common_name='Test CA', parent=None):
        self.parent, self.revoked = parent, []
        self.key = ec.generate_private_key(ec.SECP256R1())
        issuer = parent or self
        self.name = name_of(common_name)
        builder = self._builder(self.name, self.key, issuer.name, days(-1), days(30))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = builder.sign(issuer.key, hashes.SHA256())
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _builder(name, key, issuer, begins, ends):
        return (x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
                .serial_number(x509.random_serial_number()).not_valid_before(now() + begins).not_valid_after(now() + ends))

    def sign(self, common_name, *, usage=None, sans=(), begins=days(-1), ends=days(90), organization=None, key=None, subject=None):
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject or name_of(common_name, organization), key, self.name, begins, ends)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(sans)), critical=False)
        return Pair(builder.sign(self.key, hashes.SHA256()), key, self.pem if self.parent else b'')

    def server(self, common_name='gateway', **more):
        return self.sign(common_name, usage=ExtendedKeyUsageOID.SERVER_AUTH, sans=[LOOPBACK, x509.DNSName('localhost')], **more)

    def client(self, common_name='tester', **more):
        return self.sign(common_name, usage=ExtendedKeyUsageOID.CLIENT_AUTH, **more)

    def revoke(self, *pairs):
        self.revoked += pairs

    def crl(self, ends=days(30)):
        """The list of what it revoked, in PEM form."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now() + min(ends, days(0)) - days(1))
        builder = builder.next_update(now() + ends)
        for pair in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(pair.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now() - days(1)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def context_of(authority, pair=None, folder=None):
    """Of a client that trusts this authority and shows this certificate."""
    context = ssl.create_default_context(cadata=authority.pem.decode())
    if pair:
        context.load_cert_chain(*pair.write(folder, 'shown'))
    return context
