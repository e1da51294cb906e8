# SPDX-License-Identifier: Apache-2.0
"""Starts sovd-gatewayd on a free port and speaks to it; every answer is checked against its OpenAPI document."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import ecu
import openapi
import polling

BASE = openapi.BASE
START_SECONDS = 30
STOP_SECONDS = 30
REPLY_SECONDS = 30
ROOT_PATHS = ('/healthz', '/readyz', '/metrics', '/openapi.json')
SANITIZER = re.compile(r'(Address|Thread|Memory|Leak)Sanitizer|runtime error:')
LISTENING = re.compile(r'listening on (https?)://(\S+):(\d+)/sovd/v1')


def binary():
    return pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'sovd-rest' / 'sovd-gatewayd'


def ssl_context_without_checks():
    """For tests that are about something else than whom to trust."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def backend_of(server, name='demo', **more):
    """The entry under backends for a running demo-ecu, with short times."""
    return {'name': name, 'base_url': f'http://127.0.0.1:{server.port}', 'refresh_secs': 1, **more}


def clean_environment(**more):
    """Ours without what would configure the daemon."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith('SOVD_') and name not in ('NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'JOURNAL_STREAM', 'STATE_DIRECTORY')}
    return {**kept, **more}


def run(*arguments, environment=None, timeout=START_SECONDS):
    """A run that ends by itself: (exit status, stdout, stderr)."""
    done = subprocess.run([str(binary()), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=clean_environment(**(environment or {})), timeout=timeout)
    return done.returncode, done.stdout, done.stderr


class Reply:
    """What came back: status, headers (by lower-case name), body as bytes, and as JSON."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.names = [name.lower() for name, _ in headers]
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f'{self.status} {self.headers} {self.body[:500]!r}'


class Raw:
    """A connection on which a test says what it likes, byte by byte."""

    def __init__(self, address, family=socket.AF_INET, timeout=REPLY_SECONDS, source=None, context=None):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect(address)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname=address[0])
        self.kept = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode('latin-1') if isinstance(data, str) else data)

    def send_what_is_taken(self, data):
        """The other side may have answered and closed before it took everything."""
        try:
            self.send(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            pass

    def _more(self):
        try:
            part = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            part = b''
        self.kept += part
        return bool(part)

    def reply(self, bodiless=False):
        """The next answer, or None if the connection ends first."""
        while b'\r\n\r\n' not in self.kept:
            if not self._more():
                return None
        head, self.kept = self.kept.split(b'\r\n\r\n', 1)
        line, *fields = head.decode('latin-1').split('\r\n')
        version, status, _ = line.split(' ', 2)
        if version != 'HTTP/1.1':
            raise AssertionError(f'the status line is {line!r}')
        headers = [tuple(field.split(': ', 1)) for field in fields]
        length = next((int(value) for name, value in headers if name.lower() == 'content-length'), 0)
        while not bodiless and len(self.kept) < length:
            if not self._more():
                raise AssertionError(f'the body ends after {len(self.kept)} of {length} bytes')
        body, self.kept = (b'', self.kept) if bodiless else (self.kept[:length], self.kept[length:])
        return Reply(int(status), headers, body)

    def rest(self):
        """Everything until the other side closes."""
        while self._more():
            pass
        return self.kept


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path, timeout=REPLY_SECONDS):
        super().__init__('localhost', timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Gateway:
    """A running sovd-gatewayd. Sections of the configuration are keyword arguments; server.port is 0 unless given."""

    def __init__(self, *backends, environment=None, arguments=None, ready=True, context=None, **sections):
        self.context = context  # of TLS
        self.folder = tempfile.TemporaryDirectory(prefix='gw')
        self.config = pathlib.Path(self.folder.name) / 'gateway.yaml'
        self.write_config(self.settings(*backends, **sections))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(binary()), *(['--config', str(self.config)] if arguments is None else arguments)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, env=clean_environment(**(environment or {})))
        self._stderr, self._document = b'', None
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        try:
            self._find_port()
            if ready:
                self.wait_ready()
                self.wait_read()
        except BaseException:
            self.kill()
            raise

    @staticmethod
    def settings(*backends, **sections):
        backends = [entry if isinstance(entry, dict) else backend_of(entry) for entry in backends]
        mirror = {'poll_secs': 0, **sections.get('fault_mirror', {})}  # tests count calls and inject failures into single ones
        return {**sections, 'server': {'port': 0, **sections.get('server', {})}, 'fault_mirror': mirror, 'backends': backends}

    def write_config(self, settings):
        """JSON is YAML; text is written as it is."""
        self.config.write_text(settings if isinstance(settings, str) else json.dumps(settings, indent=1), encoding='utf-8')

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()

    def _collect(self):
        while part := os.read(self.process.stderr.fileno(), 65536):
            self._stderr += part

    @property
    def log(self):
        return self._stderr.decode(errors='replace')

    def wait_log(self, pattern, timeout=START_SECONDS):
        """The match of a pattern in what it said on standard error."""
        found = polling.wait_until(lambda: re.search(pattern, self.log), timeout)
        if not found:
            raise AssertionError(f'{pattern!r} was not said within {timeout} s; said was:\n{self.log}')
        return found

    def _find_port(self):
        found = polling.wait_until(lambda: LISTENING.search(self.log) or self.process.poll() is not None, START_SECONDS)
        if not isinstance(found, re.Match):
            if self.process.poll() is not None:
                self._reader.join(10)  # it may have said more than was read yet
            raise RuntimeError(f'sovd-gatewayd did not start (exit status {self.process.poll()}):\n{self.log}')
        self.scheme, self.host, self.port = found[1], found[2].strip('[]'), int(found[3])

    def wait_ready(self):
        if not polling.wait_until(lambda: self.bare('GET', '/readyz').status == 200, START_SECONDS):
            raise RuntimeError(f'sovd-gatewayd is not ready:\n{self.log}')

    def wait_read(self):
        """Until the details of all backends that are connected have arrived: ready comes before that."""
        for entry in self.bare('GET', BASE + '/health').json['backends']:
            if entry['connection'] == 'connected' and entry['type'] == 'sovd':  # a simulated vehicle has nothing to read
                self.wait_log(f"backend '{re.escape(entry['name'])}' was read")

    # ---- requests --------------------------------------------------------------------------------------------------

    def raw(self, timeout=REPLY_SECONDS):
        return Raw((self.host, self.port), socket.AF_INET6 if ':' in self.host else socket.AF_INET, timeout)

    def wire(self, source=None, timeout=REPLY_SECONDS):
        """The same as raw(), but inside TLS when that is spoken, and from an address of the loopback."""
        return Raw((self.host, self.port), timeout=timeout, source=source, context=self.context)

    def connection(self, timeout=REPLY_SECONDS):
        if self.context:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def bare(self, method, path, body=None, headers=None, timeout=REPLY_SECONDS, connection=None):
        """A request whose reply is not judged. A body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault('Content-Type', 'application/json')
        connection = connection or self.connection(timeout)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return Reply(response.status, response.getheaders(), response.read())
        finally:
            connection.close()

    @property
    def document(self):
        """Its OpenAPI document, read once."""
        if self._document is None:
            self._document = openapi.Document(self.bare('GET', '/openapi.json').json)
        return self._document

    @staticmethod
    def full(path):
        """Paths may begin below /sovd/v1; those of the root are known, or begin with // or /sovd. URIs of bodies too."""
        path = openapi.path_of(path)
        if path.startswith('//'):
            return path[1:]
        return path if path.startswith(('/sovd', *ROOT_PATHS)) else BASE + path

    def request(self, method, path, body=None, headers=None, timeout=REPLY_SECONDS):
        path = self.full(path)
        reply = self.bare(method, path, body, headers, timeout)
        self.document.check(method, path, reply)
        return reply

    def get(self, path, headers=None):
        return self.request('GET', path, headers=headers)

    def put(self, path, body, headers=None):
        return self.request('PUT', path, body, headers)

    def post(self, path, body=None, headers=None):
        return self.request('POST', path, body, headers)

    def delete(self, path, body=None, headers=None):
        return self.request('DELETE', path, body, headers)

    def health(self):
        return self.get('/health').json

    def backend(self, name='demo'):
        """What health says about one backend."""
        return next(entry for entry in self.health()['backends'] if entry['name'] == name)

    def metrics(self):
        """{'name{labels}': value} of /metrics."""
        return self.metrics_as({})

    def metrics_as(self, headers):
        """The same for a client that shows something."""
        text = self.bare('GET', '/metrics', headers=headers).body.decode()
        rows = (line.rsplit(' ', 1) for line in text.splitlines() if line and not line.startswith('#'))
        return {name: float(value) for name, value in rows}

    # ---- life ------------------------------------------------------------------------------------------------------

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, settings, outcome=r'the configuration was read again|the configuration is not acceptable'):
        """Writes another configuration, sends SIGHUP, and waits for the outcome to be said once more."""
        before = len(re.findall(outcome, self.log))
        self.write_config(settings)
        self.signal(signal.SIGHUP)
        if not polling.wait_until(lambda: len(re.findall(outcome, self.log)) > before, START_SECONDS):
            raise AssertionError(f'{outcome!r} was not said after SIGHUP; said was:\n{self.log}')

    def ended(self, timeout=STOP_SECONDS):
        """The exit status, once it ended by itself or after a signal; everything it said has arrived then."""
        status = self.process.wait(timeout)
        self._reader.join(STOP_SECONDS)
        self.process.stderr.close()
        self.folder.cleanup()
        return status

    def stop(self):
        """Ends it as a service manager does; raises unless it ends well and without a sanitizer's report."""
        self.signal(signal.SIGTERM)
        try:
            status = self.ended()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'sovd-gatewayd did not end within {STOP_SECONDS} s of SIGTERM:\n{self.log}') from None
        self.check_end(status)
        return self.log

    def check_end(self, status):
        if status != 0 or SANITIZER.search(self.log):
            raise AssertionError(f'sovd-gatewayd ended with {status} and said:\n{self.log}')

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.ended()


def stop_ecu(server):
    ended = server.stop()
    if ended != (0, ''):
        raise AssertionError(f'demo-ecu ended with {ended}')


class GatewayCase(polling.Waiting, unittest.TestCase):
    """One demo-ecu and one gateway for all tests of a class."""
    ecu_arguments = ()
    dialect = 'iso'
    sections = {}
    backend_options = {}

    @classmethod
    def setUpClass(cls):
        cls.ecu = ecu.DemoEcu(*cls.ecu_arguments, dialect=cls.dialect)
        cls.addClassCleanup(stop_ecu, cls.ecu)
        cls.gateway = Gateway(backend_of(cls.ecu, **cls.backend_options), **cls.sections)
        cls.addClassCleanup(cls.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        """The reply to a request, which has to have this status."""
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path, headers=None):
        """The JSON of a GET that succeeds."""
        return self.ask(200, 'GET', path, headers=headers).json
