# SPDX-License-Identifier: Apache-2.0
"""A native app in plain Python: what docs/native-apps.md says, and nothing of libsovd-app."""
import json
import socket
import struct
import threading

import native_schema

REPLY_SECONDS = 30


class Closed(Exception):
    """The gateway closed the connection."""


class Connection:
    """Frames on a socket, one thread."""

    def __init__(self, path, timeout=REPLY_SECONDS):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.sendall(data)

    def send(self, type_, **members):
        self.send_text(json.dumps({'type': type_, **members}))

    def send_text(self, text):
        data = text.encode() if isinstance(text, str) else text
        self.send_bytes(struct.pack('>I', len(data)) + data)

    def _exactly(self, n):
        data = b''
        while len(data) < n:
            try:
                part = self.socket.recv(n - len(data))
            except ConnectionResetError:
                part = b''
            if not part:
                raise Closed()
            data += part
        return data

    def receive(self):
        """The next frame; Closed when there is none any more."""
        length, = struct.unpack('>I', self._exactly(4))
        frame = json.loads(self._exactly(length))
        native_schema.check('from_gateway', frame)
        return frame

    def answer_to(self, seq):
        """The frame that answers; pings and others between are dropped."""
        while True:
            frame = self.receive()
            if frame.get('re') == seq:
                return frame

    def error(self):
        """The next error frame."""
        while True:
            frame = self.receive()
            if frame['type'] == 'error':
                return frame

    def ask(self, type_, seq, **members):
        self.send(type_, seq=seq, **members)
        return self.answer_to(seq)

    def hello(self, entity='apps/nav', instance='one', **members):
        return self.ask('hello', 1, v=1, entity=entity, instance=instance, **members)

    def until_closed(self):
        """The frames until the gateway closes."""
        frames = []
        try:
            while True:
                frames.append(self.receive())
        except Closed:
            return frames


class App:
    """An app that answers on a thread of its own. handlers: type -> function(frame) -> members of the reply, or
    ('error', code, message), or None for no answer at all."""

    def __init__(self, path, register, entity='apps/nav', instance='one', handlers=None, **hello):
        self.connection = Connection(path)
        self.handlers = handlers or {}
        self.seen = []
        self._answers = {}
        self._changed = threading.Condition()
        self._closed = False
        self._seq = 0
        self._send_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.welcome = self.ask('hello', v=1, entity=entity, instance=instance, **hello)
        self.registered = self.ask('register', **register) if self.welcome['type'] == 'welcome' else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._thread.join(REPLY_SECONDS)
        self.connection.close()

    def send(self, type_, **members):
        with self._send_lock:
            self.connection.send(type_, **members)

    def post(self, type_, **members):
        """Sends with a seq, and returns it."""
        with self._changed:
            self._seq += 1
            seq = self._seq
        self.send(type_, seq=seq, **members)
        return seq

    def answer(self, seq, timeout=REPLY_SECONDS):
        with self._changed:
            self._changed.wait_for(lambda: seq in self._answers or self._closed, timeout)
            return self._answers.get(seq)

    def ask(self, type_, **members):
        return self.answer(self.post(type_, **members))

    def of_type(self, type_):
        with self._changed:
            return [frame for frame in self.seen if frame['type'] == type_]

    def wait_for(self, type_, timeout=REPLY_SECONDS):
        """The first frame of a type, or None."""
        with self._changed:
            self._changed.wait_for(lambda: any(f['type'] == type_ for f in self.seen) or self._closed, timeout)
            return next((f for f in self.seen if f['type'] == type_), None)

    @property
    def is_closed(self):
        with self._changed:
            return self._closed

    def _run(self):
        try:
            while True:
                self._take(self.connection.receive())
        except (Closed, OSError):
            with self._changed:
                self._closed = True
                self._changed.notify_all()

    def _take(self, frame):
        with self._changed:
            self.seen.append(frame)
            if 're' in frame:
                self._answers[frame['re']] = frame
            self._changed.notify_all()
        if frame['type'] == 'ping':
            self.send('reply', re=frame['seq'])
        elif 'seq' in frame:
            result = self.handlers.get(frame['type'], lambda _: ('error', 'not-offered', 'no handler'))(frame)
            if isinstance(result, tuple):
                self.send('error', re=frame['seq'], code=result[1], message=result[2])
            elif result is not None:
                self.send('reply', re=frame['seq'], **result)


def section(socket_path, *entities, **more):
    """The section `native` of a configuration."""
    apps = [{'entity': e} if isinstance(e, str) else e for e in entities or ('apps/nav',)]
    return {'socket': str(socket_path), 'apps': apps, **more}
