# SPDX-License-Identifier: Apache-2.0
"""HTTP as the cases need it: every status is an answer, nothing is followed, nothing is corrected."""
import http.client
import json
import queue
import socket
import ssl
import threading
import urllib.parse

SHOWN = 600
HTTP_TROUBLE = (OSError, http.client.HTTPException)


class Unreachable(Exception):
    """No answer came back."""


class Answer:
    """What came back, and what was asked."""

    def __init__(self, asked, status, headers, body):
        self.asked, self.status, self.body = asked, status, body
        self.headers = {}
        for name, value in headers:
            known = self.headers.get(name.lower())
            self.headers[name.lower()] = value if known is None else f'{known}, {value}'

    @property
    def media_type(self):
        return self.headers.get('content-type', '').split(';')[0].strip().lower()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def is_json(self):
        try:
            self.json
        except ValueError:
            return False
        return True

    def __str__(self):
        text = self.body[:SHOWN].decode('utf-8', 'replace') + (' ...' if len(self.body) > SHOWN else '')
        shown = [f'{name}: {value}' for name, value in self.headers.items()
                 if name in ('content-type', 'location', 'allow', 'retry-after', 'www-authenticate')]
        return '\n'.join([str(self.status), *shown, text]).rstrip()


class Client:
    """One server. Tokens are called first and second; a request says which, or none."""

    def __init__(self, base, tokens=None, timeout=10, insecure=False):
        parts = urllib.parse.urlsplit(base if '//' in base else 'http://' + base)
        if parts.scheme not in ('http', 'https') or not parts.hostname:
            raise ValueError(f'{base!r} is not the address of a server')
        self.scheme, self.host, self.port = parts.scheme, parts.hostname, parts.port
        self.base = parts.path.rstrip('/')
        self.prefix = self.base.rsplit('/', 1)[0]
        self.origin = f'{parts.scheme}://{parts.netloc}'
        self.tokens, self.timeout = dict(tokens or {}), timeout
        self.context = None
        if parts.scheme == 'https':
            self.context = ssl.create_default_context()
            if insecure:
                self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def target(self, uri, relative_to='/'):
        """Path and query of a URI that the server gave or a case names. Behind a proxy its host may be another one."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.origin + relative_to, uri))
        return (parts.path or '/') + ('?' + parts.query if parts.query else '')

    def _connection(self, timeout):
        if self.context:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def _head(self, headers, token):
        value = self.tokens.get(token)
        named = {name.lower() for name in headers}
        if value and 'authorization' not in named:
            headers['Authorization'] = 'Bearer ' + value
        return {name: str(content) for name, content in headers.items() if content is not None}

    def request(self, method, target, body=None, headers=None, token='first'):
        """The answer to one request, on a connection of its own. A body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if 'content-type' not in {name.lower() for name in headers}:
                headers['Content-Type'] = 'application/json'
        headers = self._head(headers, token)
        asked = self._asked(method, target, headers, body)
        connection = self._connection(self.timeout)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return Answer(asked, response.status, response.getheaders(), response.read())
        except HTTP_TROUBLE as error:
            raise Unreachable(f'{asked}\nno answer: {error or type(error).__name__}') from error
        finally:
            connection.close()

    @staticmethod
    def _asked(method, target, headers, body):
        lines = [f'{method} {target}']
        lines += [f'{name}: {"Bearer ..." if name.lower() == "authorization" else value}' for name, value in headers.items()]
        if body:
            lines.append(body[:SHOWN].decode('utf-8', 'replace') + (' ...' if len(body) > SHOWN else ''))
        return '\n'.join(lines)

    def stream(self, target, headers=None, token='first'):
        return Stream(self, target, self._head({'Accept': 'text/event-stream', **(headers or {})}, token))


class Stream:
    """Server-sent events, read by a thread of its own. None in the queue is the end of the stream."""

    def __init__(self, client, target, headers):
        self.events, self.comments = queue.Queue(), 0
        asked = client._asked('GET', target, headers, None)
        connection = client._connection(client.timeout)
        try:
            connection.request('GET', target, None, headers)
            self.socket = connection.sock
            self.response = connection.getresponse()
        except HTTP_TROUBLE as error:
            connection.close()
            raise Unreachable(f'{asked}\nno answer: {error or type(error).__name__}') from error
        is_stream = self.response.status == 200 and 'event-stream' in self.response.headers.get('Content-Type', '')
        body = b'' if is_stream else self.response.read()
        self.answer = Answer(asked, self.response.status, self.response.getheaders(), body)
        if is_stream:
            self.socket.settimeout(120)
            threading.Thread(target=self._read, daemon=True).start()
        else:
            self.events.put(None)

    def _read(self):
        fields = {}
        try:
            while line := self.response.readline():
                line = line.decode('utf-8', 'replace').rstrip('\r\n')
                if line.startswith(':'):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(':')
                    fields.setdefault(name, []).append(value[1:] if value.startswith(' ') else value)
                elif fields.get('data'):
                    self.events.put({name: '\n'.join(values) for name, values in fields.items()})
                    fields = {}
                else:
                    fields = {}
        except (*HTTP_TROUBLE, ValueError):
            pass
        self.response.close()
        self.events.put(None)

    def close(self):
        """Wakes the thread that reads, which closes the rest."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
