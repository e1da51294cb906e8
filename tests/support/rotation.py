# SPDX-License-Identifier: Apache-2.0
"""Clients that ask all the time while the files of server.tls change."""
import http.client
import threading
import time

import polling

PATH = '/sovd/v1/apps/sovd-gateway/data/version'


class Asking(threading.Thread):
    """One client. With kept it uses one connection for as long as the server lets it, else a new one for each request."""

    def __init__(self, server, context, kept):
        super().__init__(daemon=True)
        self.server, self.context, self.kept = server, context, kept
        self.n, self.n_connections, self.failures, self.slowest, self.stopped = 0, 0, [], 0.0, False

    def connect(self):
        self.n_connections += 1
        return http.client.HTTPSConnection(self.server.host, self.server.port, timeout=20, context=self.context)

    def ask(self, connection):
        connection.request('GET', PATH)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            self.failures.append((response.status, body))
        return response.getheader('connection') == 'close'

    def run(self):
        connection = None
        while not self.stopped:
            begin = time.monotonic()
            try:
                connection = connection or self.connect()
                done = self.ask(connection)
                self.n += 1
                if done or not self.kept:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection = None
            self.slowest = max(self.slowest, time.monotonic() - begin)
        if connection:
            connection.close()

    def stop(self):
        self.stopped = True
        self.join(30)


class Load:
    """Some clients of each kind, within a with statement."""

    def __init__(self, server, contexts, kept=2, anew=2):
        kinds = [True] * kept + [False] * anew
        self.clients = [Asking(server, contexts[i % len(contexts)], kind) for i, kind in enumerate(kinds)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        if not polling.wait_until(lambda: all(client.n for client in self.clients), 20):
            raise AssertionError(f'not every client was answered: {self.failures}')
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.stop()

    @property
    def failures(self):
        return [failure for client in self.clients for failure in client.failures]

    @property
    def n(self):
        return sum(client.n for client in self.clients)


def rotate(server, authority, folder, count, timeout=20):
    """Puts so many new certificates in force, one after the other, by nothing but their files; returns the last one."""
    pair = None
    for i in range(count):
        before = reloads(server)
        pair = authority.server(f'gateway-{i}')
        pair.write(folder, 'server')
        if not polling.wait_until(lambda b=before: reloads(server) > b, timeout):
            raise AssertionError(f'certificate {i} did not come into force; said was:\n{server.log}')
    return pair


def reloads(server):
    return server.log.count('the files of server.tls were read again')
