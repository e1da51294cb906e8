# SPDX-License-Identifier: Apache-2.0
"""Proofs of proximity that the gateway itself asks for, whatever the backend."""
import hashlib
import hmac
import json
import os
import pathlib
import socketserver
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import polling

KEY = 'what the device at the vehicle has'
TESTER, OTHER, VIEWER = 'a-key-of-21-characters', 'another-key-of-a-tester', 'the-key-of-who-reads-only'
ECU = gateway.BASE + '/components/gateway-ecu'
SCRIPT = json.dumps({'steps': [{'wait': 1}]})


class Verifier(socketserver.ThreadingUnixStreamServer):
    """A process that shows the last six digits of a challenge on a display in the vehicle, as it were."""
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            question = json.loads(self.rfile.readline())
            self.server.asked.append(question)
            self.wfile.write(self.server.say(question))

    def __init__(self, path):
        self.asked = []
        self.say = lambda q: (json.dumps({'ok': q['response'] == q['challenge'][-6:]}) + '\n').encode()
        super().__init__(path, self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Case(polling.Waiting, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='near')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / 'key').write_text(KEY + '\n', encoding='utf-8')
        os.chmod(cls.folder / 'key', 0o600)
        cls.verifier = Verifier(str(cls.folder / 'verifier'))
        cls.addClassCleanup(cls.verifier.server_close)
        cls.addClassCleanup(cls.verifier.shutdown)
        by_key, by_socket = {'key': str(cls.folder / 'key')}, {'socket': str(cls.folder / 'verifier'), 'timeout_secs': 1}
        cls.auth = keys.section(keys.entry('a', TESTER, 'developer'), keys.entry('b', OTHER, 'developer'), keys.entry('v', VIEWER, 'viewer'), enabled=True, proximity=[
            {'resources': ['components/gateway-ecu/operations/self-test'], 'verifier': by_key},
            {'resources': ['**/operations/door-*'], 'verifier': by_socket},
            {'resources': ['components/gateway-ecu/scripts/*', 'components/*/operations/open-tailgate'], 'verifier': by_key, 'valid_secs': 5}])
        cls.config = cls.folder / 'gateway.yaml'
        cls.write_config()
        cls.gateway = gateway.Gateway(arguments=['--demo', '--config', str(cls.config)], ready=False)
        cls.addClassCleanup(cls.gateway.stop)
        polling.wait_until(lambda: cls.gateway.bare('GET', '/readyz').status == 200, 30)

    @classmethod
    def write_config(cls):
        cls.config.write_text(json.dumps({'server': {'port': 0}, 'auth': cls.auth, 'storage': {'path': str(cls.folder)}}), encoding='utf-8')

    def ask(self, status, method, path, key=TESTER, body=None, headers=None):
        reply = self.gateway.bare(method, path, body, {**keys.bearer(key), **(headers or {})})
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply
