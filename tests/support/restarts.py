# SPDX-License-Identifier: Apache-2.0
"""A gateway that is killed and started again on the same state folder."""
import contextlib
import pathlib
import resource
import sqlite3
import tempfile
import unittest

import gateway
import keys

NAMES = [f'client-{number}' for number in range(50)]


def client(number):
    """The header fields of one of the clients that have a key."""
    return {'Authorization': f'Bearer secret-of-{NAMES[number]}-xxxxxxxx'}


A, B = client(0), client(1)


def without_audit(test):
    """For tests of what comes behind it: a change that cannot be put on record is refused before (test_audit.py)."""
    test.without_audit = True
    return test


class RestartCase(unittest.TestCase):
    """Each test has a folder and a gateway of its own."""
    scenario = None  # of a backend `sim`, or NULL
    sections = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='restarts')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.gateway = None
        self.addCleanup(lambda: self.gateway and self.gateway.stop())
        self.backends = []

    def settings(self):
        return {'storage': {'path': str(self.state)},
                'auth': keys.section(*(keys.entry(name, f'secret-of-{name}-xxxxxxxx') for name in NAMES)),
                'audit': {'enabled': not getattr(getattr(self, self._testMethodName), 'without_audit', False)},
                'locks': {'required': []}, **self.sections}

    def start(self, **more):
        self.gateway = gateway.Gateway(*self.backends, **{**self.settings(), **more})

    def kill(self):
        """As `kill -9`: nothing is tidied up."""
        before, self.gateway = self.gateway, None
        before.kill()
        self.assertIsNone(gateway.SANITIZER.search(before.log), before.log)

    def restart(self, **more):
        self.kill()
        self.start(**more)

    def sql(self, text, *values):
        """Runs on the file while no gateway has it open; returns the rows."""
        self.assertIsNone(self.gateway)
        with contextlib.closing(sqlite3.connect(self.state / 'state.db')) as database, database:
            return database.execute(text, values).fetchall()

    def disk_is_full(self):
        """From here on the journal may not grow; returns what ends that."""
        size = (self.state / 'state.db-wal').stat().st_size
        pid, unlimited = self.gateway.process.pid, resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, unlimited))
        return lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))

    def refused(self, method, path, body=None, who=None):
        """By the disk, with the reason."""
        reply = self.gateway.request(method, path, body, who)
        self.assertIn(reply.status, (503, 507), f'{method} {path}: {reply!r}')
        self.assertRegex(reply.json['message'], 'the state cannot be (read or )?written now')
        self.assertEqual(reply.headers['retry-after'], '1')
        return reply

    def ask(self, status, method, path, body=None, who=None):
        reply = self.gateway.request(method, path, body, who)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply
