# SPDX-License-Identifier: Apache-2.0
"""Starts demo-ecu on a free port and speaks to it: the upstream of a test of the gateway."""
import http.client
import json
import os
import pathlib
import re
import select
import subprocess
import time

START_SECONDS = 20
STOP_SECONDS = 20


def binary():
    return pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'demo-ecu' / 'demo-ecu'


class Reply:
    """What came back: status, headers (by lower-case name), body as bytes and, if it is JSON, parsed."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)


class DemoEcu:
    """A running demo-ecu; use it in a with statement or call stop()."""

    def __init__(self, *arguments, dialect='iso'):
        self.process = subprocess.Popen([str(binary()), '--port', '0', '--dialect', dialect, *arguments],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.greeting = self._first_line()
        found = re.search(r'listening on (http://[^ ]*?:(\d+)/\S*)', self.greeting)
        if not found:
            self.process.kill()
            raise RuntimeError('demo-ecu did not start: ' + self.process.communicate()[1].decode(errors='replace'))
        self.url, self.port = found[1], int(found[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _first_line(self):
        """The line it prints when it serves; '' if it ends or says nothing in time."""
        descriptor, line, deadline = self.process.stdout.fileno(), b'', time.monotonic() + START_SECONDS
        while not line.endswith(b'\n'):
            ready, _, _ = select.select([descriptor], [], [], max(0, deadline - time.monotonic()))
            part = os.read(descriptor, 1024) if ready else b''
            if not part:
                break
            line += part
        return line.decode(errors='replace')

    def request(self, method, path, body=None, headers=None, timeout=20):
        """The reply to one request; a body that is no bytes is sent as JSON. The path may begin below /sovd/v1."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault('Content-Type', 'application/json')
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout)
        try:
            connection.request(method, path if path.startswith(('/sovd', '/x-demo')) else '/sovd/v1' + path, body, headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.request('GET', path)

    def _order(self, method, path, body=None):
        reply = self.request(method, path, body)
        if reply.status != 204:
            raise RuntimeError(f'{method} {path}: {reply.status} {reply.body!r}')

    def inject(self, *rules):
        """Rules of --inject: kind[=argument][:path-substring][#count]"""
        self._order('PUT', '/x-demo/inject', {'rule': list(rules)})

    def clear_injection(self):
        self._order('DELETE', '/x-demo/inject')

    def stats(self):
        return self.get('/x-demo/stats').json

    def reset_stats(self):
        self._order('DELETE', '/x-demo/stats')

    def set(self, **order):
        """Changes the vehicle: set(component='bms', data='soc', value=50, hold=True) and the like."""
        self._order('PUT', '/x-demo/vehicle', order)

    def stop(self):
        """Ends it as a service manager does; returns (exit status, what it said on stderr)."""
        self.process.terminate()
        try:
            _, errors = self.process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, errors = self.process.communicate()
        return self.process.returncode, errors.decode(errors='replace')
