# SPDX-License-Identifier: Apache-2.0
"""Signed tokens, good and bad ones, and an OpenID provider on this machine that can be made to misbehave.

Signatures come from python3-cryptography, put together here byte by byte, so that a token can be wrong in any one place.
"""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER, AUDIENCE = 'https://issuer.example', 'sovd-gateway'
DIGESTS = {'256': (hashes.SHA256, hashlib.sha256), '384': (hashes.SHA384, hashlib.sha384), '512': (hashes.SHA512, hashlib.sha512)}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, 'big'))


class Key:
    """A key of one kind: rsa (with a size), p256, p384, p521, ed25519, or a secret (bytes)."""

    def __init__(self, kind, size=2048):
        self.secret = kind if isinstance(kind, bytes) else None
        if kind == 'rsa':
            self.private = rsa.generate_private_key(65537, size)
        elif kind == 'ed25519':
            self.private = ed25519.Ed25519PrivateKey.generate()
        elif not self.secret:
            self.private = ec.generate_private_key({'p256': ec.SECP256R1, 'p384': ec.SECP384R1, 'p521': ec.SECP521R1}[kind]())

    def sign(self, algorithm, data):
        family, (digest, plain) = algorithm[:2], DIGESTS.get(algorithm[2:], (None, None))
        if family == 'HS':
            return hmac.new(self.secret, data, plain).digest()
        if family == 'RS':
            return self.private.sign(data, padding.PKCS1v15(), digest())
        if family == 'PS':
            return self.private.sign(data, padding.PSS(padding.MGF1(digest()), digest.digest_size), digest())
        if family == 'ES':
            size = (self.private.curve.key_size + 7) // 8
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(digest())))
            return r.to_bytes(size, 'big') + s.to_bytes(size, 'big')
        return self.private.sign(data)

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def private_pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def jwk(self, kid=None, **more):
        if self.secret:
            members = {'kty': 'oct', 'k': b64(self.secret)}
        elif isinstance(self.private, rsa.RSAPrivateKey):
            public = self.private.public_key().public_numbers()
            members = {'kty': 'RSA', 'n': number(public.n), 'e': number(public.e)}
        elif isinstance(self.private, ed25519.Ed25519PrivateKey):
            raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            members = {'kty': 'OKP', 'crv': 'Ed25519', 'x': b64(raw)}
        else:
            public, bits = self.private.public_key().public_numbers(), self.private.curve.key_size
            size = (bits + 7) // 8
            members = {'kty': 'EC', 'crv': f'P-{bits}', 'x': number(public.x, size), 'y': number(public.y, size)}
        return {**members, **({'kid': kid} if kid else {}), **more}


def claims(**more):
    """Good ones; None leaves one out."""
    now = int(time.time())
    members = {'iss': ISSUER, 'aud': AUDIENCE, 'sub': 'alice', 'iat': now, 'exp': now + 300, **more}
    return {name: value for name, value in members.items() if value is not None}


def encoded(part):
    """Text and bytes stand for themselves; all else is JSON."""
    if not isinstance(part, (str, bytes)):
        part = json.dumps(part, separators=(',', ':'))
    return b64(part.encode() if isinstance(part, str) else part)


def compact(key, algorithm, payload, header=None, **fields):
    """A token; header replaces the whole, fields are added to the usual one."""
    header = {'alg': algorithm, 'typ': 'JWT', **fields} if header is None else header
    signed = f'{encoded(header)}.{encoded(payload)}'
    return f'{signed}.{b64(key.sign(algorithm, signed.encode()))}'


def bearer(token):
    return {'Authorization': f'Bearer {token}'}


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = daemon_threads = True

    def handle_error(self, request, client_address):
        """The other side may go away, or not trust us."""


class Provider:
    """Discovery and keys over http on this machine. Attributes change what it answers."""

    def __init__(self, *keys, context=None):
        self.keys = list(keys)              # JWKs
        self.context = context              # of TLS
        self.issuer = None                  # other than its own address
        self.status, self.jwks = 200, None  # jwks: bytes that stand for the set
        self.discovery = None               # more members of the document, or bytes
        self.asked = []                     # paths
        self.released = threading.Event()   # answers wait for it
        self.released.set()
        self.server = None
        self.start()

    def start(self, port=0):
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked.append(self.path)
                provider.released.wait(30)
                status, body = provider.answer(self.path)
                try:
                    self.send_response(status)
                    self.send_header('Content-Type', 'application/json')
                    self.send_header('Content-Length', str(len(body)))
                    if status in (301, 302):
                        self.send_header('Location', provider.url + '/keys')
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *_):
                pass

        self.server = Server(('127.0.0.1', port), Handler)
        self.port = self.server.server_address[1]
        self.url = f'{"https" if self.context else "http"}://127.0.0.1:{self.port}'
        if self.context:
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, path):
        if self.status != 200:
            return self.status, b'{}'
        if path == '/.well-known/openid-configuration':
            if isinstance(self.discovery, bytes):
                return 200, self.discovery
            return 200, json.dumps({'issuer': self.issuer or self.url, 'jwks_uri': self.url + '/keys', **(self.discovery or {})}).encode()
        if path == '/keys':
            return 200, self.jwks if self.jwks is not None else json.dumps({'keys': self.keys}).encode()
        return 404, b'{}'

    def n_fetches(self):
        return self.asked.count('/keys')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.stop()
