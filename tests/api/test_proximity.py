# SPDX-License-Identifier: Apache-2.0
"""Proofs of proximity that the gateway itself asks for, whatever the backend."""
import concurrent.futures
import datetime
import hashlib
import hmac
import json
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
ADMIN = 'the-key-of-who-keeps-it'
ECU = gateway.BASE + '/components/ecu'
SCENARIO = {'components': [{
    'id': 'ecu',
    'operations': [{'id': 'flush', 'asynchronous': True, 'duration_secs': 600, 'capabilities': ['execute', 'stop', 'freeze']},
                   {'id': 'unlock-door'}, {'id': 'free'}, {'id': 'free#1'}, {'id': 'flush;hard'}, {'id': 'open', 'proximity_proof': True}, {'id': 'both', 'proximity_proof': True}],
    'scripts': [{'id': 's', 'steps': [{'wait_ms': 1}]}]}]}


class Verifier(socketserver.ThreadingUnixStreamServer):
    """A process that shows the last six digits of a challenge on a display in the vehicle, as it were."""
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            question = json.loads(self.rfile.readline())
            self.server.asked.append(question)
            self.wfile.write(self.server.say(question))

    def handle_error(self, request, client_address):
        """The gateway does not wait for who is late."""

    def __init__(self, path):
        self.asked = []
        self.say = lambda q: (json.dumps({'ok': q['response'] == q['challenge'][-6:]}) + '\n').encode()
        super().__init__(path, self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


def right(challenge, resource, key=KEY):
    return hmac.new(key.encode(), f'{challenge}\n{resource}'.encode(), hashlib.sha256).hexdigest()


class Case(polling.Waiting, unittest.TestCase):
    more = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='near')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.key, socket = cls.folder / 'key', str(cls.folder / 'verifier')
        cls.key.write_text(KEY + '\n', encoding='utf-8')
        cls.key.chmod(0o600)
        (cls.folder / 'state').mkdir()
        (cls.folder / 'car.yaml').write_text(json.dumps(SCENARIO), encoding='utf-8')
        cls.verifier = Verifier(socket)
        cls.addClassCleanup(cls.verifier.server_close)
        cls.addClassCleanup(cls.verifier.shutdown)
        by_key, by_socket = {'key': str(cls.key)}, {'socket': socket, 'timeout_secs': 3}
        cls.auth = keys.section(keys.entry('a', TESTER, 'developer'), keys.entry('b', OTHER, 'developer'), keys.entry('v', VIEWER, 'viewer'),
                                keys.entry('admin', ADMIN, 'admin'), enabled=True, **cls.more, proximity=[
            {'resources': ['components/ecu/operations/flush', 'components/ecu/operations/both'], 'verifier': by_key},
            {'resources': ['**/operations/unlock*'], 'verifier': by_socket},
            {'resources': ['**/scripts/*'], 'verifier': by_key}])
        cls.config = cls.folder / 'gateway.yaml'
        cls.config.write_text(json.dumps({'server': {'port': 0}, 'auth': cls.auth, 'storage': {'path': str(cls.folder / 'state')}}), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=[f'--demo={cls.folder / "car.yaml"}', '--config', str(cls.config)], ready=False,
                                      environment={'SOVD_LOCKS__REQUIRED': ''})
        cls.addClassCleanup(cls.gateway.stop)
        polling.wait_until(lambda: cls.gateway.bare('GET', '/readyz').status == 200, 30)

    def ask(self, status, method, path, body=None, key=TESTER, headers=None):
        reply = self.gateway.bare(method, path, body, {**keys.bearer(key), **(headers or {})})
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def challenge(self, name='operations/flush', key=TESTER):
        return self.ask(200, 'GET', f'{ECU}/{name}', key=key).json['proximity_challenge']['challenge']

    def start(self, status, name='operations/flush', response=None, key=TESTER, **body):
        body = body if response is None else {**body, 'proximity_response': response}
        return self.ask(status, 'POST', f'{ECU}/{name}/executions', body, key)

    def proven(self, name='operations/flush', key=TESTER):
        return right(self.challenge(name, key), 'components/ecu/' + name)

    def running(self):
        uri = gateway.openapi.path_of(self.start(202, response=self.proven()).headers['location'])
        self.addCleanup(self.gateway.bare, 'DELETE', uri, None, keys.bearer(TESTER))
        return uri

    def of_request(self, reply):
        """What the audit log says of how a request ended."""
        return self.until(lambda: [e for e in self.ask(200, 'GET', gateway.BASE + '/audit?limit=100', key=ADMIN).json['items']
                                   if e.get('req') == reply.headers['x-request-id'] and e['ev'] == 'request.outcome'])[0]


class Offers(Case):
    def test_lists_say_what_is_guarded(self):
        items = {item['id']: item['proximity_proof_required'] for item in self.ask(200, 'GET', ECU + '/operations').json['items']}
        self.assertEqual(items, {'flush': True, 'unlock-door': True, 'free': False, 'free#1': False, 'flush;hard': True, 'open': True, 'both': True})
        self.assertEqual([item['proximity_proof_required'] for item in self.ask(200, 'GET', ECU + '/scripts').json['items']], [True])
        self.assertEqual([item['id'] for item in self.ask(200, 'GET', ECU + '/operations?include-proximity-proof=false').json['items']], ['free', 'free#1'])

    def test_descriptions_have_a_challenge_of_their_own_for_each_client(self):
        for name in 'operations/flush', 'operations/unlock-door', 'scripts/s':
            with self.subTest(name):
                first, again, second = (self.ask(200, 'GET', f'{ECU}/{name}', key=key).json for key in (TESTER, TESTER, OTHER))
                self.assertEqual(first['proximity_challenge']['challenge'], again['proximity_challenge']['challenge'])
                self.assertTrue(first['item']['proximity_proof_required'])
                self.assertRegex(first['proximity_challenge']['challenge'], '^[0-9a-f]{32}$')
                self.assertNotEqual(first['proximity_challenge']['challenge'], second['proximity_challenge']['challenge'])
                until = datetime.datetime.fromisoformat(first['proximity_challenge']['valid_until'].replace('Z', '+00:00'))
                self.assertTrue(0 < (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() <= 30)
        self.assertNotIn('proximity_challenge', self.ask(200, 'GET', ECU + '/operations/free').json)

    def test_who_may_not_start_it_gets_no_challenge(self):
        detail = self.ask(200, 'GET', ECU + '/operations/flush', key=VIEWER).json
        self.assertTrue(detail['item']['proximity_proof_required'])
        self.assertNotIn('proximity_challenge', detail)

    def test_docs_say_it(self):
        paths = self.ask(200, 'GET', ECU + '/operations/docs').json['paths']
        said = {path.rsplit('/', 1)[1]: item['x-sovd-proximity-proof-required'] for path, item in paths.items() if 'x-sovd-proximity-proof-required' in item}
        self.assertEqual({name: said.get(name) for name in ('flush', 'free')}, {'flush': True, 'free': False}, said)


class Proofs(Case):
    def test_a_right_answer_starts_it_once(self):
        response = self.proven()
        uri = gateway.openapi.path_of(self.start(202, response=response).headers['location'])
        self.assertIn('challenge', self.start(409, response=response).json['message'])
        self.ask(204, 'DELETE', uri)

    def test_without_an_answer_it_is_400_with_its_path(self):
        for name in 'operations/flush', 'operations/unlock-door', 'scripts/s':
            with self.subTest(name):
                self.challenge(name)
                reply = self.start(400, name)
                self.assertEqual(reply.json['path'], '/proximity_response')
        reply = self.ask(400, 'POST', ECU + '/operations/flush/executions')
        self.assertEqual(reply.json['path'], '/proximity_response')
        self.assertEqual(self.start(400, response='x' * 1025).json['path'], '/proximity_response')

    def test_without_a_challenge_it_is_409(self):
        self.start(409, 'scripts/s', 'x', key=OTHER)

    def test_the_answer_of_another_client_or_resource_is_none(self):
        response = self.proven()
        self.start(409, response=response, key=OTHER)
        self.challenge('scripts/s')
        self.start(403, 'scripts/s', response)
        self.ask(204, 'DELETE', gateway.openapi.path_of(self.start(202, response=response).headers['location']))

    def test_a_spelling_in_another_case_is_no_way_around(self):
        self.assertEqual(self.ask(400, 'POST', ECU + '/operations/FLUSH/executions', {}).json['path'], '/proximity_response')

    def test_a_spelling_that_another_server_takes_apart_is_no_way_around(self):
        for end in '%3Fx', '%23', '%3Bx', '%2Fx', '%5Cx':
            self.assertEqual(self.ask(400, 'POST', f'{ECU}/operations/flush{end}/executions', {}).json['path'], '/proximity_response')
        self.ask(404, 'POST', ECU + '/operations/x%2F..%2Fflush/executions', {})
        self.assertTrue(self.ask(200, 'GET', ECU + '/operations/flush%3Bhard').json['item']['proximity_proof_required'])

    def test_what_no_rule_would_match_if_it_ended_there_needs_no_proof(self):
        self.ask(200, 'POST', ECU + '/operations/free%231/executions', {})
        self.assertNotIn('proximity_challenge', self.ask(200, 'GET', ECU + '/operations/free%231').json)

    def test_a_script_starts_with_a_proof(self):
        self.start(202, 'scripts/s', self.proven('scripts/s'))

    def test_control_needs_a_proof_and_stopping_none(self):
        uri = self.running()
        self.assertEqual(self.ask(400, 'PUT', uri, {'capability': 'freeze'}).json['path'], '/proximity_response')
        self.ask(202, 'PUT', uri, {'capability': 'freeze', 'proximity_response': self.proven()})
        self.ask(409, 'PUT', uri, {'capability': 'execute', 'proximity_response': 'x'})
        self.ask(202, 'PUT', uri, {'capability': 'stop', 'proximity_response': 'what the backend never sees'})
        self.ask(204, 'DELETE', uri)

    def test_a_proof_that_the_backend_demands_stays_its_own(self):
        challenge = self.challenge('operations/open')
        self.start(403, 'operations/open', right(challenge, 'components/ecu/operations/open'))
        self.start(200, 'operations/open', hmac.new(b'simulation', challenge.encode(), hashlib.sha256).hexdigest())

    def test_of_many_at_once_one_starts_it(self):
        for name, answer in (('operations/flush', right), ('operations/unlock-door', lambda challenge, _: challenge[-6:])):
            with self.subTest(name), concurrent.futures.ThreadPoolExecutor(8) as pool:
                response = answer(self.challenge(name), 'components/ecu/' + name)
                replies = list(pool.map(lambda _, name=name, response=response: self.gateway.bare(
                    'POST', f'{ECU}/{name}/executions', {'proximity_response': response}, keys.bearer(TESTER)), range(8)))
                self.assertEqual(sorted(reply.status for reply in replies)[1:], [409] * 7, replies)
                self.assertIn(min(reply.status for reply in replies), (200, 202))
                for reply in replies:
                    if reply.status == 202:
                        self.ask(204, 'DELETE', gateway.openapi.path_of(reply.headers['location']))

    def test_two_proofs_for_one_start_are_501(self):
        detail = self.ask(200, 'GET', ECU + '/operations/both').json
        self.assertTrue(detail['item']['proximity_proof_required'])
        self.assertNotIn('proximity_challenge', detail)
        self.assertIn('auth.proximity', self.start(501, 'operations/both', 'x').json['message'])

    def test_each_look_is_on_the_audit_trail(self):
        started = self.start(202, response=self.proven())
        self.addCleanup(self.gateway.bare, 'DELETE', gateway.openapi.path_of(started.headers['location']), None, keys.bearer(TESTER))
        for reply, verdict in ((self.start(400), 'missing'), (started, 'proved'),
                               (self.start(409, 'scripts/s', 'x', key=OTHER), 'not_open')):
            self.assertEqual(self.of_request(reply)['detail']['proximity'], verdict)
        self.challenge()
        reply = self.start(403, response='x')
        entry = self.of_request(reply)
        self.assertEqual((entry['detail']['proximity'], entry['outcome']), ('wrong', 'denied'))


class Wrong(Case):
    def test_wrong_answers_end_the_challenge_and_make_the_client_wait(self):
        response = self.proven()
        for _ in range(2):
            self.assertNotIn('retry-after', self.start(403, response='0' * 64).headers)
        self.assertEqual(self.start(403, response=response[:-1]).headers['retry-after'], '10')
        self.assertIn(self.start(409, response=response).headers['retry-after'], ('9', '10'))
        self.assertNotIn('proximity_challenge', self.ask(200, 'GET', ECU + '/operations/flush').json)
        self.ask(204, 'DELETE', gateway.openapi.path_of(self.start(202, response=self.proven(key=OTHER), key=OTHER).headers['location']), key=OTHER)
        metrics = self.gateway.metrics_as(keys.bearer(ADMIN))
        self.assertEqual((metrics['sovd_proximity_proofs_total{verdict="wrong"}'], metrics['sovd_proximity_proofs_total{verdict="proved"}']), (3, 1))


class Full(Case):
    more = {'proximity_challenges': 1}

    def test_who_comes_when_all_challenges_are_open_is_told_so(self):
        response = self.proven()
        reply = self.ask(503, 'GET', ECU + '/operations/flush', key=OTHER)
        self.assertIn('auth.proximity_challenges', reply.json['message'])
        self.assertEqual(reply.headers['retry-after'], '5')
        self.start(202, response=response)
        self.challenge(key=OTHER)
        metrics = self.gateway.metrics_as(keys.bearer(ADMIN))
        self.assertEqual((metrics['sovd_proximity_challenges_max'], metrics['sovd_proximity_challenges_refused_total']), (1, 1))


class OutOfBand(Case):
    DOOR = 'operations/unlock-door'

    def test_a_process_decides(self):
        challenge = self.challenge(self.DOOR)
        self.start(403, self.DOOR, 'no')
        self.start(200, self.DOOR, challenge[-6:])
        self.assertEqual(self.verifier.asked[-1], {'challenge': challenge, 'resource': 'components/ecu/operations/unlock-door',
                                                   'client': hashlib.sha256(b'key:a').hexdigest(), 'response': challenge[-6:]})

    def test_guesses_at_once_are_one_guess(self):
        before, release, known = self.verifier.say, threading.Event(), len(self.verifier.asked)
        self.addCleanup(setattr, self.verifier, 'say', before)
        self.addCleanup(release.set)
        self.verifier.say = lambda q: release.wait(20) and before(q)
        challenge = self.challenge(self.DOOR)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.start, 200, self.DOOR, challenge[-6:])
            self.until(lambda: len(self.verifier.asked) > known)
            for guess in '000000', '000001', '000002', '000003':
                self.assertIn('is looked at now', self.start(409, self.DOOR, guess).json['message'])
            release.set()
            first.result()
        self.assertEqual(len(self.verifier.asked), known + 1)

    def test_what_is_no_yes_is_no_proof(self):
        before, self.verifier.say = self.verifier.say, lambda q: b'{"ok": "true"}\n'
        self.addCleanup(setattr, self.verifier, 'say', before)
        challenge = self.challenge(self.DOOR, OTHER)
        self.assertIn('retry-after', self.start(503, self.DOOR, challenge[-6:], key=OTHER).headers)
        release = threading.Event()
        self.addCleanup(release.set)
        self.verifier.say = lambda q: release.wait(20) and b''
        self.start(503, self.DOOR, challenge[-6:], key=OTHER)
        release.set()
        self.verifier.say = before
        self.start(200, self.DOOR, challenge[-6:], key=OTHER)


class Settings(Case):
    def test_rules_that_protect_nothing_are_refused_with_their_place(self):
        good = {'resources': ['**/operations/x'], 'verifier': {'key': str(self.key)}}
        for change, words in (({'resources': ['components/ecu/data/x']}, 'neither operations nor scripts'), ({'verifier': {}}, 'either key or socket'),
                              ({'valid_secs': 31}, 'valid_secs'), ({'tries': 4}, 'tries'), ({'verifier': {'key': '/nonexistent'}}, 'nonexistent'),
                              ({'verifier': {'socket': 'x/y'}}, 'absolute'), ({'verifier': {'socket': '/x', 'timeout_secs': 0}}, 'timeout_secs'), ({'resources': []}, 'resources')):
            with self.subTest(change):
                self.config.with_suffix('.bad').write_text(json.dumps({'auth': {'proximity': [good, {**good, **change}]}}), encoding='utf-8')
                status, *said = gateway.run('--check-config', '--config', str(self.config.with_suffix('.bad')))
                self.assertEqual(status, 2, said)
                self.assertIn(words, str(said))



if __name__ == '__main__':
    unittest.main()
