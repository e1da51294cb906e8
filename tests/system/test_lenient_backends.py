# SPDX-License-Identifier: Apache-2.0
"""A backend that decodes a path before it takes it apart: what the policy decided is what it is asked for."""
import http.client
import http.server
import json
import pathlib
import posixpath
import re
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import keys
import polling

POLICY = {'roles': {'climate-only': {'allow': [{'entities': ['components/climate']}]},
                    'no-soc': {'inherits': ['developer'], 'deny': [{'collections': ['data'], 'resources': ['soc']},
                                                                  {'collections': ['operations'], 'resources': ['self-test']}]}}}
KEYS = {name: f'the-key-of-{name}-here' for name in ('climate-only', 'no-soc', 'developer')}
SCENARIO = pathlib.Path(__file__).resolve().parents[2] / 'backends' / 'sim' / 'demo_vehicle.yaml'
SECRET = '/components/bms/data/soc'


class Lenient(http.server.BaseHTTPRequestHandler):
    """In front of the demo ECU: %2F is a slash for it, and dot segments go away."""
    protocol_version = 'HTTP/1.1'

    def answer(self):
        if self.server.away(self.path):
            self.close_connection = True
            return
        path, _, query = self.path.partition('?')
        path = posixpath.normpath(re.split('[?#;]', urllib.parse.unquote(path))[0].replace('\\', '/'))
        self.server.paths.append(path)
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        inner = http.client.HTTPConnection('127.0.0.1', self.server.ecu, timeout=20)
        inner.request(self.command, urllib.parse.quote(path) + ('?' + query if query else ''), body or None,
                      {key: value for key, value in self.headers.items() if key.lower() not in ('host', 'connection', 'content-length')})
        reply = inner.getresponse()
        text = self.changed(reply.read())
        self.send_response(reply.status)
        for key, value in reply.getheaders():
            if key.lower() not in ('content-length', 'connection', 'date', 'transfer-encoding'):
                self.send_header(key, value)
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        inner.close()

    def changed(self, text):
        return text

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class Silent(Lenient):
    """Its packages do not say what they change; the standard lets them."""

    def changed(self, text):
        if '/updates/' not in self.path or not text:
            return text
        body = json.loads(text)
        return json.dumps({name: body[name] for name in body if not name.endswith('_components')}).encode()


def front_of(case, handler, port):
    front = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    front.daemon_threads, front.ecu, front.paths, front.away = True, port, [], there
    threading.Thread(target=front.serve_forever, daemon=True).start()
    case.addClassCleanup(front.server_close)
    case.addClassCleanup(front.shutdown)
    return front


def there(path):
    return False


class LenientBackend(polling.Waiting, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        policy = pathlib.Path(folder.name, 'policy.yaml')
        policy.write_text(json.dumps(POLICY))
        cls.ecu = ecu.DemoEcu()
        cls.addClassCleanup(cls.ecu.stop)
        cls.front = front_of(cls, Lenient, cls.ecu.port)
        cls.gateway = gateway.Gateway({'name': 'lenient', 'base_url': f'http://127.0.0.1:{cls.front.server_port}', 'refresh_secs': 3600}, ready=False,
                                      auth=keys.section(*(keys.entry(name, key, name) for name, key in KEYS.items()), enabled=True, policy_file=str(policy)))
        cls.addClassCleanup(cls.gateway.stop)
        cls.gateway.wait_ready()

    def ask(self, name, path, method='GET', body=None):
        return self.gateway.bare(method, gateway.BASE + path, body, keys.bearer(KEYS[name]))

    def test_no_id_leads_to_another_entity_or_resource(self):
        self.assertEqual(self.ask('developer', SECRET).status, 200)
        before = len(self.front.paths)
        for name, path in (('climate-only', '/components/climate/data/x%2F..%2F..%2F..%2Fbms%2Fdata%2Fsoc'),
                           ('climate-only', '/components/climate/data/..%2F..%2Fbms%2Fdata%2Fsoc'),
                           ('climate-only', '/components/climate/data/x%5C..%5C..%5C..%5Cbms%5Cdata%5Csoc'),
                           ('no-soc', '/components/bms/data/x%2F..%2Fsoc'), ('no-soc', '/components/bms/data/.%2Fsoc'),
                           ('no-soc', '/components/bms/data/soc%2F'), ('no-soc', '/components/bms/data/%2Fsoc'),
                           ('no-soc', '/components/bms/operations/self-test%2Fexecutions'),
                           ('no-soc', '/components/bms/data/soc%3Fx'), ('no-soc', '/components/bms/data/soc%23'), ('no-soc', '/components/bms/data/soc%3Bv=1'),
                           ('developer', '/updates/x%2F..%2F..%2Fcomponents')):
            with self.subTest(f'{name} {path}'):
                self.assertIn(self.ask(name, path).status, (403, 404))
                self.assertIn(self.ask(name, path + '/docs').status, (403, 404))
        for path in '/components/climate/data/x%2F..%2F..%2F..%2Fbms%2Fdata%2Fsoc', 'data/x%2F..%2F..%2F..%2Fbms%2Fdata%2Fsoc':
            reply = self.ask('climate-only', '/components/climate/cyclic-subscriptions', 'POST', {'resource': path, 'interval': 'slow', 'duration': 60})
            self.assertIn(reply.status, (400, 403), reply)
        self.assertEqual([path for path in self.front.paths[before:] if 'soc' in path or 'self-test' in path or path.endswith('/components')], [])

    def subscribe(self, name, ids):
        connection = http.client.HTTPConnection(self.gateway.host, self.gateway.port, timeout=20)
        self.addCleanup(connection.close)
        connection.request('GET', f'{gateway.BASE}/components/bms/data/subscribe?ids={ids}', headers=keys.bearer(KEYS[name]))
        return connection.getresponse().status

    def test_no_id_that_is_watched_while_the_backend_is_away_leads_to_another(self):
        self.front.away = lambda path: True
        self.addCleanup(setattr, self.front, 'away', there)
        for ids in 'soc', 'soc%3Fx', 'soc%23', 'soc%3Bv=1', 'x%2F..%2Fsoc', 'soc%2F', 's%256Fc':
            with self.subTest(ids):
                self.assertIn(self.subscribe('no-soc', ids), (403, 404))
        self.assertEqual(self.subscribe('no-soc', 'voltage'), 200)
        self.assertEqual(self.subscribe('developer', 'soc'), 200)

    def test_faults_of_one_that_answers_and_lists_nothing_are_exported_once(self):
        with gateway.Gateway({'name': 'half', 'base_url': f'http://127.0.0.1:{self.front.server_port}', 'refresh_secs': 0.2}, fault_mirror={'poll_secs': 0.1}) as half:
            self.until(lambda: 'P0A80' in [fault['code'] for fault in half.get('/faults').json['items']])
            self.front.away = lambda path: path.split('?')[0].endswith('/components')
            self.addCleanup(setattr, self.front, 'away', there)
            self.until(lambda: half.get('/components/bms').json['connectionState'] == 'disconnected')
            self.assertEqual(half.get('/components/bms/faults').status, 200)
            for path in '/export/faults', '/export/faults?entity=components/bms':
                lines = [json.loads(line) for line in half.get(path).body.splitlines()]
                lines = [line for line in lines if line.get('entity') == 'components/bms']
                self.assertEqual([line.get('code') or line['error']['error_code'] for line in lines], ['P0A80', 'not-responding'])


class SilentBackend(polling.Waiting, unittest.TestCase):
    def test_a_package_that_does_not_say_what_it_changes_is_for_who_may_change_everything(self):
        policy = {'roles': {'no-bms': {'inherits': ['updater'], 'deny': [{'entities': ['components/bms']}]},
                            'bms-as-it-is': {'inherits': ['updater'], 'deny': [{'entities': ['components/bms'], 'methods': ['PUT']}]},
                            'no-values': {'inherits': ['updater'], 'deny': [{'entities': ['components/bms'], 'collections': ['data']}]}}}
        names = {name: f'the-key-of-{name}-here' for name in (*policy['roles'], 'updater')}
        with tempfile.TemporaryDirectory() as folder, gateway.Gateway({'name': 'car', 'type': 'sim', 'scenario': str(SCENARIO)}) as car:
            file = pathlib.Path(folder, 'policy.yaml')
            file.write_text(json.dumps(policy))
            front = front_of(type(self), Silent, car.port)
            with gateway.Gateway({'name': 'silent', 'base_url': f'http://127.0.0.1:{front.server_port}'}, ready=False,
                                 auth=keys.section(*(keys.entry(name, key, name) for name, key in names.items()), enabled=True, policy_file=str(file))) as outer:
                outer.wait_ready()
                self.until(lambda: outer.bare('GET', gateway.BASE + '/updates', headers=keys.bearer(names['updater'])).status == 200)
                for name, statuses in ('no-bms', [403]), ('bms-as-it-is', [403]), ('no-values', [202]), ('updater', [202, 409]):  # it runs by then
                    reply = outer.bare('PUT', gateway.BASE + '/updates/bms-2.2.0/prepare', headers=keys.bearer(names[name]))
                    self.assertIn(reply.status, statuses, reply)


if __name__ == '__main__':
    unittest.main()
