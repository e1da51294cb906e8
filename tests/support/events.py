# SPDX-License-Identifier: Apache-2.0
"""Reads server-sent events, over any socket, as strictly as a browser does and a little more."""
import json
import re
import socket
import time

import polling

READ_SECONDS = 20
STAMP = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')


class Event:
    def __init__(self, name, number, text, arrived):
        self.name, self.id, self.text, self.arrived = name, number, text, arrived

    @property
    def data(self):
        return json.loads(self.text)

    @property
    def payload(self):
        """The payload of an envelope, which has to be one."""
        envelope = self.data
        if set(envelope) != {'timestamp', 'payload'} or not STAMP.fullmatch(envelope['timestamp']):
            raise AssertionError(f'not an envelope with a payload: {envelope}')
        return envelope['payload']

    @property
    def error(self):
        envelope = self.data
        if set(envelope) != {'timestamp', 'error'} or not STAMP.fullmatch(envelope['timestamp']):
            raise AssertionError(f'not an envelope with an error: {envelope}')
        return envelope['error']

    def __repr__(self):
        return f'Event({self.name!r}, {self.id}, {self.text!r})'


class Stream:
    """An open event stream. The head is read at once; status tells whether it is a stream at all."""

    def __init__(self, connection, path, host='localhost', **headers):
        """connection: a connected socket, plain or TLS."""
        self.socket, self.kept, self.ended, self.comments, self.retry = connection, b'', False, [], None
        lines = [f'GET {path} HTTP/1.1', f'Host: {host}', 'Accept: text/event-stream']
        lines += [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
        self.socket.settimeout(READ_SECONDS)
        self.socket.sendall('\r\n'.join([*lines, '', '']).encode())
        head = self._until(b'\r\n\r\n').decode('latin-1')
        first, *fields = head.rstrip().split('\r\n')
        self.status = int(first.split(' ')[1])
        self.headers = {name.lower(): value for name, value in (field.split(': ', 1) for field in fields)}
        if self.status != 200:
            self.body = self._exactly(int(self.headers['content-length']))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def _more(self):
        part = self.socket.recv(65536)
        self.kept += part
        self.ended = not part
        return bool(part)

    def _until(self, mark):
        """What comes up to and with the mark; b'' at the end of the stream."""
        while mark not in self.kept:
            if self.ended or not self._more():
                if self.kept:
                    raise AssertionError(f'the stream ends inside of {self.kept!r}')
                return b''
        part, rest = self.kept.split(mark, 1)
        self.kept = rest
        return part + mark

    def _exactly(self, count):
        while len(self.kept) < count and self._more():
            pass
        body, self.kept = self.kept[:count], self.kept[count:]
        return body

    def _block(self, text):
        """The event of one block, or None for comments and retry."""
        name, number, data = 'message', None, []
        for line in text.rstrip('\n').split('\n'):
            field, _, value = line.partition(':')
            value = value.removeprefix(' ')
            if field == 'data':
                data.append(value)
            elif field == 'event':
                name = value
            elif field == 'id':
                number = int(value)
            elif field == 'retry':
                self.retry = int(value)
            elif field == '':
                self.comments.append(value)
            else:
                raise AssertionError(f'a field that nobody knows: {line!r}')
        return Event(name, number, '\n'.join(data), time.monotonic()) if data else None

    def next(self):
        """The next event; None at the end of the stream."""
        while True:
            text = self._until(b'\n\n')
            if not text:
                return None
            event = self._block(text.decode())
            if event:
                return event

    def take(self, count):
        events = [self.next() for _ in range(count)]
        if None in events:
            raise AssertionError(f'the stream ended early: {events}')
        return events

    def rest(self):
        """All events until the end of the stream."""
        return list(iter(self.next, None))

    def wait_end(self, timeout=READ_SECONDS):
        """Until the stream has ended, however much comes before."""
        def came():
            return self.ended or not self._more()
        if not polling.wait_until(came, timeout):
            raise AssertionError(f'the stream goes on after {timeout} s')

    def wait_comment(self, timeout=READ_SECONDS):
        """Until a comment has arrived; events are thrown away."""
        def came():
            text = self._until(b'\n\n')
            if text:
                self._block(text.decode())
            return self.comments or self.ended
        polling.wait_until(came, timeout)
        return self.comments


def connect(gateway, path=None, context=None):
    """A socket to a running gateway, or to its Unix socket at `path`."""
    if path:
        plain = socket.socket(socket.AF_UNIX)
        plain.connect(path)
        return plain
    plain = socket.create_connection((gateway.host, gateway.port), READ_SECONDS)
    return context.wrap_socket(plain, server_hostname=gateway.host) if context else plain


def target(uri):
    """Path and query of a URI of an answer, whatever it begins with."""
    return uri[uri.index('/sovd/v1'):]
