# SPDX-License-Identifier: Apache-2.0
"""A server that answers as HashiCorp Vault does: its key-value store, version 2, and tokens that have to be renewed."""
import http.server
import json
import ssl
import threading

TOKEN = 'hvs.the-token-of-the-gateway'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_any(self):
        vault = self.server.vault
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        if vault.closed:
            self.close_connection = True
            return None
        vault.requests.append((self.command, self.path, dict(self.headers)))
        vault.may_answer.wait(30)
        if vault.instead:
            return self.answer(*vault.instead)
        if self.headers.get('X-Vault-Token') != vault.token:
            return self.answer(403, {'errors': ['permission denied']})
        if (self.command, self.path) == ('POST', '/v1/auth/token/renew-self'):
            return self.answer(*vault.renewal)
        found = vault.secrets.get(self.path.removeprefix('/v1/secret/data/')) if self.command == 'GET' else None
        if found is None:
            return self.answer(404, {'errors': []})
        return self.answer(200, {'request_id': 'x', 'data': {'data': found, 'metadata': {'version': 1, 'destroyed': False}}})

    do_GET = do_POST = handle_any


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """The other side may go away at any time."""


class Vault:
    """secrets: {path: {field: value}}; instead: an answer (status, body) to everything; may_answer: cleared, nothing is answered."""

    def __init__(self, secrets, port=0, context=None):
        self.secrets, self.token, self.instead, self.requests = secrets, TOKEN, None, []
        self.renewal = (200, {'auth': {'lease_duration': 3600, 'renewable': True}})
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.server = Server(('127.0.0.1', port), Handler)
        self.server.vault, self.port, self.closed = self, self.server.server_address[1], False
        self.scheme = 'https' if context else 'http'
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def address(self):
        return f'{self.scheme}://127.0.0.1:{self.port}'

    def count(self, method):
        return sum(1 for name, _, _ in list(self.requests) if name == method)

    def close(self):
        self.closed = True
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def tls_context(certificate, key):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context
