# SPDX-License-Identifier: Apache-2.0
"""Collectors of syslog messages on the loopback: UDP, TCP and TLS, read as strictly as RFC 5424 and 6587 say."""
import re
import socket
import ssl
import threading

MESSAGE = re.compile(r'<(\d{1,3})>1 (\S+) (\S+) (\S+) (\S+) (\S+) \[audit@(\d+) log="([^"\\\]]+)"(?: seq="(\d+)")?\] (.*)', re.DOTALL)


class Message:
    def __init__(self, data):
        found = MESSAGE.fullmatch(data.decode())
        if not found:
            raise AssertionError(f'not a message: {data!r}')
        self.priority, self.time, self.machine, self.app, self.process, self.id = int(found[1]), *found.group(2, 3, 4, 5, 6)
        self.enterprise, self.log, self.seq, self.body = int(found[7]), found[8], found[9] and int(found[9]), found[10]


class Collector:
    """Listens on a port of its own; with `port`, on one that was used before."""
    kind = socket.SOCK_STREAM

    def __init__(self, port=0):
        self.messages, self.broken, self.connections, self.closed = [], [], [], False
        self.socket = socket.socket(socket.AF_INET, self.kind)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(('127.0.0.1', port))
        self.port = self.socket.getsockname()[1]
        self.begin()

    def begin(self):
        self.socket.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()

    def _accept(self):
        while not self.closed:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection = self.wrapped(connection)
            self.connections.append(connection)
            self.read(connection)
        except (OSError, ValueError) as error:
            self.broken.append(error)

    @staticmethod
    def wrapped(connection):
        return connection

    def read(self, connection):
        """Octet counting: "LENGTH MESSAGE", one after the other."""
        with connection.makefile('rb') as file:
            while digits := self._digits(file):
                data = file.read(int(digits))
                if len(data) == int(digits):
                    self.take(data)

    @staticmethod
    def _digits(file):
        digits = b''
        while (byte := file.read(1)) not in (b' ', b''):
            digits += byte
        if digits and not re.fullmatch(rb'[1-9][0-9]*', digits):
            raise ValueError(f'not a length: {digits!r}')
        return digits

    def take(self, data):
        try:
            self.messages.append(Message(data))
        except AssertionError as error:
            self.broken.append(error)

    @property
    def seqs(self):
        return [message.seq for message in self.messages if message.seq]


class Datagrams(Collector):
    kind = socket.SOCK_DGRAM

    def begin(self):
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while not self.closed:
            try:
                data = self.socket.recv(65536)
            except OSError:
                return
            if data:
                self.take(data)


class Encrypted(Collector):
    """With `authority`: whose certificates clients must show."""

    def __init__(self, files, port=0, authority=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)
        if authority:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=authority.pem.decode())
        super().__init__(port)

    def wrapped(self, connection):
        return self.context.wrap_socket(connection, server_side=True)


class Hanging(Collector):
    """Takes connections, and reads nothing of them."""

    def read(self, connection):
        pass


class Silent(Collector):
    """Nobody accepts."""

    def begin(self):
        self.socket.listen(0)


class Talking(Collector):
    """Says what nobody asked for, and does not stop."""

    def read(self, connection):
        while True:
            connection.sendall(b'x' * 4096)
