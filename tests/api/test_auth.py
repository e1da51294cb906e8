# SPDX-License-Identifier: Apache-2.0
"""Who gets in: keys and users where credentials are asked for, what is public, and how a refusal looks."""
import datetime
import getpass
import hashlib
import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import polling

KEY, OTHER, OLD = 'a-key-of-21-characters', 'another-key_of~some+length/==', 'a-key-that-has-expired'
IN_AN_HOUR = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
ENTRIES = (keys.entry('tester', KEY, expires=IN_AN_HOUR), keys.entry('workshop', OTHER, 'viewer', 'tester', scopes=['sovd:viewer']),
           keys.entry('gone', OLD, expires='2020-01-01T00:00:00+01:00'))
PUBLIC = {'/sovd/version-info', '/sovd/v1/version-info', '/healthz', '/readyz'}
TOKENS = {'/sovd/v1/token', '/sovd/v1/token/revoke', '/sovd/v1/authorize'}  # have to be reached without one
BARE, SHOWN = 'Bearer realm="sovd"', 'Bearer realm="sovd", error="invalid_token"'
COMPONENTS = gateway.BASE + '/components'
WAYS = {'bearer': keys.bearer, 'api-key': lambda key: {'X-API-Key': key}}


class Case(polling.Waiting, unittest.TestCase):
    auth = keys.section(*ENTRIES, enabled=True)
    server = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='auth')
        cls.addClassCleanup(cls.folder.cleanup)
        cls.config, cls.socket = pathlib.Path(cls.folder.name) / 'gateway.yaml', pathlib.Path(cls.folder.name) / 'socket'
        cls.config.write_text(gateway.json.dumps({'server': {'port': 0, 'unix_socket': str(cls.socket), **cls.server}, 'auth': cls.auth}), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=['--demo', '--config', str(cls.config)], ready=False)
        cls.addClassCleanup(cls.gateway.stop)
        polling.wait_until(lambda: cls.gateway.bare('GET', '/readyz').status == 200, 30)

    def ask(self, status, method, path, headers=None, body=None, connection=None):
        reply = self.gateway.bare(method, path, body, headers, connection=connection)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def refused(self, method, path, headers=None, challenge=BARE, **more):
        reply = self.ask(401, method, path, headers, **more)
        self.assertEqual(reply.headers['www-authenticate'], challenge)
        self.assertEqual(reply.names.count('www-authenticate'), 1)
        if method != 'HEAD':
            self.assertEqual((reply.json['error_code'], reply.json['vendor_code']), ('vendor-specific', 'unauthorized'))
        return reply


class Keys(Case):
    def test_a_key_lets_in_by_either_field(self):
        for way, headers in WAYS.items():
            for key in KEY, OTHER:
                with self.subTest(way, key=key):
                    self.assertTrue(self.ask(200, 'GET', COMPONENTS, headers(key)).json['items'])
        self.ask(200, 'GET', COMPONENTS, {'Authorization': f'bEaReR   {KEY}'})

    def test_both_fields_are_the_same_client(self):
        lock = self.ask(201, 'POST', COMPONENTS + '/bms/locks', WAYS['bearer'](KEY), {'lock_expiration': 60}).headers['location']
        for way, key, owned in (('bearer', KEY, True), ('api-key', KEY, True), ('api-key', OTHER, False)):
            self.assertEqual(self.ask(200, 'GET', gateway.openapi.path_of(lock), WAYS[way](key)).json['owned'], owned)
        self.ask(204, 'DELETE', gateway.openapi.path_of(lock), WAYS['api-key'](KEY))

    def test_a_key_that_is_not_known_is_401(self):
        wrong = ('x', KEY + 'x', KEY[:-1], KEY.upper(), 'x' * 5000, hashlib.sha256(KEY.encode()).hexdigest(), 'tester', 'demo-tester-a',
                 'a.b.c', '=', '')
        for way, headers in WAYS.items():
            for key in wrong:
                with self.subTest(way, key=key[:30]):
                    self.refused('GET', COMPONENTS, headers(key), SHOWN)
        for value in ('Basic dGVzdGVyOng=', KEY, f'Bearer{KEY[1:]}', 'Digest username=x'):
            with self.subTest(value):
                self.refused('GET', COMPONENTS, {'Authorization': value}, SHOWN if value.startswith('Bearer') else BARE)
        for value in (f'Bearer {KEY} x', 'Bearer', f'Bearer {KEY},', 'Bearer "x"'):
            self.refused('GET', COMPONENTS, {'Authorization': value}, SHOWN)

    def test_an_expired_key_is_401_by_both_fields(self):
        for headers in WAYS.values():
            self.assertIn('expired', self.refused('GET', COMPONENTS, headers(OLD), SHOWN).json['message'])

    def test_two_kinds_of_credentials_or_the_same_twice_are_400(self):
        for fields in (f'Authorization: Bearer {KEY}\r\nX-API-Key: {KEY}\r\n', f'Authorization: Bearer {KEY}\r\n' * 2, f'X-API-Key: {KEY}\r\n' * 2,
                       f'authorization: Bearer {KEY}\r\nx-api-key: x\r\n'):
            with self.subTest(fields), self.gateway.raw() as raw:
                raw.send('GET /sovd/v1/components HTTP/1.1\r\nHost: localhost\r\n' + fields + '\r\n')
                reply = raw.reply()
                self.assertEqual(reply.status, 400, reply)
                self.assertNotIn(KEY, reply.body.decode())

    def test_wrong_credentials_are_401_where_none_are_needed(self):
        for path in PUBLIC:
            self.refused('GET', path, keys.bearer('wrong'), SHOWN)

    def test_neither_keys_nor_names_are_told_or_logged(self):
        said = [self.refused('GET', COMPONENTS, keys.bearer(key), SHOWN).body.decode() for key in ('not-a-key-of-ours', OLD)]
        self.ask(200, 'GET', COMPONENTS, keys.bearer(KEY))
        for word in 'not-a-key-of-ours', OLD, KEY, 'workshop':
            self.assertNotIn(word, ''.join(said))
            self.assertNotIn(word, self.gateway.log)

    def test_metrics_count_by_method_and_result_and_tell_when_keys_end(self):
        def count(method, result):
            return self.metrics()[f'sovd_authentications_total{{method="{method}",result="{result}"}}']
        for method, result, headers, status in (('api-key', 'ok', keys.bearer(KEY), 200), ('api-key', 'refused', keys.bearer('nope'), 401),
                                                ('api-key', 'expired', WAYS['api-key'](OLD), 401), ('other', 'refused', {'Authorization': 'Basic eA=='}, 401)):
            with self.subTest(method, result=result):
                before = count(method, result)
                self.ask(status, 'GET', COMPONENTS, headers)
                self.assertGreaterEqual(count(method, result), before + 1)
        ends = self.metrics()['sovd_api_key_expires_timestamp_seconds{key="tester"}']
        self.assertAlmostEqual(ends, datetime.datetime.fromisoformat(IN_AN_HOUR).timestamp(), delta=1)
        self.assertEqual(self.metrics()['sovd_auth_enabled'], 1)

    def metrics(self):
        text = self.ask(200, 'GET', '/metrics', keys.bearer(KEY)).body.decode()
        return {name: float(value) for name, value in (line.rsplit(' ', 1) for line in text.splitlines() if line[0] != '#')}


class Routes(Case):
    def setUp(self):
        self.document = self.ask(200, 'GET', '/openapi.json', keys.bearer(KEY)).json

    def operations(self):
        for path, item in self.document['paths'].items():
            base = item.get('servers', self.document['servers'])[0]['url']
            for method in set(item) & {'get', 'post', 'put', 'delete'}:
                yield method.upper(), gateway.openapi.path_of(base).rstrip('/') + path, item[method]

    def test_every_operation_without_credentials_is_401_unless_it_is_public(self):
        public, refused = set(), 0
        for method, path, operation in self.operations():
            real = re.sub(r'\{entity-collection\}', 'components', path)
            for names in ('bms', 'no-such-thing'):
                target = re.sub(r'\{[^}]*\}', names, real)
                with self.subTest(f'{method} {target}'):
                    if operation.get('security') == []:
                        public.add(target)
                        self.ask(200 if method == 'GET' else 415, method, target)
                    else:
                        self.refused(method, target, body={} if method in ('POST', 'PUT') else None)
                        refused += 1
        self.assertEqual(public, PUBLIC | TOKENS)
        self.assertGreater(refused, 200)

    def test_what_is_not_there_is_401_too(self):
        for method, path in (('GET', '/nowhere'), ('GET', gateway.BASE + '/components/none'), ('PATCH', COMPONENTS), ('OPTIONS', COMPONENTS), ('HEAD', COMPONENTS),
                             ('DELETE', COMPONENTS + '/bms/faults/'), ('OPTIONS', '/healthz'), ('GET', COMPONENTS + '/bms/docs'), ('GET', gateway.BASE + '/docs'),
                             ('GET', '/metrics'), ('POST', '/metrics'), ('GET', '/openapi.json')):
            with self.subTest(f'{method} {path}'):
                self.refused(method, path)

    def test_the_document_names_the_ways_to_prove_who_one_is(self):
        schemes = self.document['components']['securitySchemes']
        self.assertEqual({(scheme['type'], scheme.get('scheme') or scheme.get('name')) for scheme in schemes.values()}, {('http', 'bearer'), ('apiKey', 'X-API-Key')})
        self.assertEqual([list(one) for one in self.document['security']], [[name] for name in schemes])


class MadePublic(Case):
    auth = {**Case.auth, 'public_metrics': True, 'public_docs': True}

    def test_metrics_and_descriptions_are_public_when_the_configuration_says_so(self):
        for path in '/metrics', gateway.BASE + '/docs', COMPONENTS + '/bms/docs', COMPONENTS + '/docs':
            self.ask(200, 'GET', path)
        for path in COMPONENTS, COMPONENTS + '/bms', '/openapi.json', gateway.BASE + '/health':
            self.refused('GET', path)


class Users(Case):
    auth = {'enabled': True, 'unix_users': [{'uid': os.getuid(), 'name': 'me', 'roles': ['admin']}]}

    def test_a_user_of_the_configuration_gets_in_by_the_unix_socket_alone(self):
        self.ask(200, 'GET', COMPONENTS, connection=gateway.UnixConnection(self.socket))
        self.assertEqual(self.ask(200, 'GET', gateway.BASE + '/x-admin/backup', connection=gateway.UnixConnection(self.socket)).body[:6], b'SQLite')
        self.refused('GET', COMPONENTS)

    def test_wrong_credentials_are_401_on_the_unix_socket_too(self):
        self.refused('GET', COMPONENTS, keys.bearer('wrong'), SHOWN, connection=gateway.UnixConnection(self.socket))


class OtherUsers(Case):
    auth = {'enabled': True, 'unix_users': [{'uid': os.getuid() + 1, 'name': 'somebody', 'roles': ['admin']}, {'user': 'nobody', 'name': 'nobody'}]}

    def test_a_user_that_is_not_known_is_anonymous_and_401(self):
        self.refused('GET', COMPONENTS, connection=gateway.UnixConnection(self.socket))


class Reload(unittest.TestCase):
    def settings(self, *entries, **auth):
        return {'server': {'port': 0}, 'auth': keys.section(*entries, **auth)}

    def test_a_reload_takes_keys_away_and_turns_authentication_on(self):
        with gateway.Gateway(auth=keys.section(keys.entry('a', KEY))) as daemon:
            def status(**headers):
                return daemon.bare('GET', COMPONENTS, headers=headers).status
            self.assertEqual((status(), status(**keys.bearer(KEY))), (200, 200))
            daemon.reload(daemon.settings(auth=keys.section(keys.entry('b', OTHER), enabled=True)))
            self.assertEqual((status(), status(**keys.bearer(KEY)), status(**keys.bearer(OTHER))), (401, 401, 200))

    def test_health_says_whether_credentials_are_required_now(self):
        with gateway.Gateway(auth=keys.section(keys.entry('a', KEY))) as daemon:
            self.assertEqual(daemon.health()['auth'], {'required': False})
            policy = pathlib.Path(daemon.folder.name) / 'policy.yaml'
            policy.write_text('roles: {anonymous: {allow: [{methods: [GET]}]}}')
            for more, anonymous in ({}, False), ({'policy_file': str(policy)}, True):
                daemon.reload(daemon.settings(auth=keys.section(keys.entry('a', KEY), enabled=True, **more)))
                self.assertEqual(daemon.request('GET', '/health', headers=keys.bearer(KEY)).json['auth'], {'required': True, 'anonymous': anonymous})
                self.assertEqual(daemon.bare('GET', COMPONENTS).status, 200 if anonymous else 401)

    def test_a_broken_file_keeps_the_keys_and_the_door_shut(self):
        with gateway.Gateway(ready=False, auth=keys.section(keys.entry('a', KEY), enabled=True)) as daemon:
            for auth in ({'enabled': True}, {'enabled': 'perhaps'}, {'enabled': True, 'unix_users': [{'user': 'no-such-user-here', 'name': 'x'}]},
                         {'enabled': False, 'api_keys': [{'name': 'a'}]}, {}, keys.section(keys.entry('a', KEY)), '', 'auth: {}', 'auth: ['):
                with self.subTest(auth=auth):
                    daemon.reload(auth if isinstance(auth, str) else daemon.settings(auth=auth))
                    self.assertEqual(daemon.bare('GET', COMPONENTS).status, 401)
                    self.assertEqual(daemon.bare('GET', COMPONENTS, headers=keys.bearer(KEY)).status, 200)


class Loud(unittest.TestCase):
    def demo(self, host, auth=None):
        return gateway.Gateway(ready=False, server={'host': host, 'allow_plain_http': True}, **({'auth': auth} if auth else {}))

    def test_a_gateway_that_others_reach_and_anybody_may_ask_says_so(self):
        with self.demo('0.0.0.0') as daemon:
            self.assertRegex(daemon.log, 'warn[^\n]*auth.enabled is false')
            self.assertIn('auth.enabled', ' '.join(daemon.health()['warnings']))

    def test_a_gateway_that_others_reach_and_keeps_no_record_says_so(self):
        for more, word in ({}, 'storage.path'), ({'audit': {'enabled': False}}, 'audit.enabled'):
            with self.subTest(word), gateway.Gateway(ready=False, server={'host': '0.0.0.0', 'allow_plain_http': True}, **more) as daemon:
                self.assertRegex(daemon.log, f'warn[^\n]*{word}')
                self.assertIn(word, ' '.join(daemon.health()['warnings']))
        with tempfile.TemporaryDirectory() as state, gateway.Gateway(ready=False, storage={'path': state}) as daemon:
            self.assertNotIn('warnings', daemon.health())

    def test_the_first_line_of_the_log_says_what_runs(self):
        with gateway.Gateway(ready=False, auth=keys.section(keys.entry('a', KEY), enabled=True)) as daemon:
            first = daemon.log.splitlines()[0]
        for word in r'info sovd-gatewayd \S+ starts', 'config=\\S*gateway.yaml', 'state="in memory"', 'credentials=required', 'policy="built-in roles"':
            self.assertRegex(first, word)

    def test_on_loopback_or_with_authentication_there_is_nothing_to_say(self):
        with self.demo('127.0.0.1') as daemon:
            self.assertNotIn('auth.enabled', daemon.log)
            self.assertNotIn('auth.enabled', ' '.join(daemon.health().get('warnings', ())))
        with self.demo('0.0.0.0', keys.section(keys.entry('a', KEY), enabled=True)) as daemon:
            self.assertNotIn('auth.enabled', daemon.log)

    def test_keys_that_end_soon_or_have_ended_are_logged(self):
        with self.demo('127.0.0.1', keys.section(*ENTRIES)) as daemon:
            self.assertRegex(daemon.log, 'warn[^\n]*key tester expires')
            self.assertRegex(daemon.log, 'warn[^\n]*key gone has expired')
            self.assertNotIn('key workshop', daemon.log)


class MakeKey(unittest.TestCase):
    def test_a_key_that_was_made_lets_in_with_the_lines_that_were_printed(self):
        status, out, errors = gateway.run('--make-key', 'bob')
        self.assertEqual((status, errors), (0, ''))
        key, lines = out.splitlines()[0], out[out.index('auth:'):]
        self.assertRegex(key, r'\Asovd_[A-Za-z0-9_-]{43}\Z')
        self.assertNotIn(key, lines)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'made.yaml'
            path.write_text(lines + '  enabled: true\nserver: {port: 0}\n', encoding='utf-8')
            with gateway.Gateway(arguments=['--config', str(path)], ready=False) as daemon:
                self.assertEqual(daemon.bare('GET', COMPONENTS, headers=keys.bearer(key)).status, 200)
                self.assertEqual(daemon.bare('GET', COMPONENTS).status, 401)
        self.assertNotEqual(gateway.run('--make-key', 'bob')[1].splitlines()[0], key)

    def test_a_name_that_no_client_can_have_is_refused(self):
        for name in '', 'a b', 'a"b', 'x' * 65, 'é':
            status, out, errors = gateway.run('--make-key', name)
            self.assertEqual((status, out), (2, ''))
            self.assertIn('1 to 64', errors)


class Configuration(unittest.TestCase):
    def check(self, text):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write(text)
            file.flush()
            status, out, errors = gateway.run('--check-config', '--config', file.name)
            return status, out, errors.replace(file.name, 'FILE')

    def test_what_is_not_acceptable_is_refused_with_file_line_and_key(self):
        digest, other = 'a' * 64, 'B' * 64
        key = f'name: a, key_sha256: {digest}'
        for text, key, said in (
                ('auth:\n  enabled: true', 'auth.enabled', 'nobody'),
                ('auth:\n  api_keys: [{name: a}]', 'auth.api_keys[0]', 'either'),
                (f'auth:\n  api_keys: [{{{key}}}, {{name: a, key_sha256: {other}}}]', 'auth.api_keys[1].name', 'another key'),
                (f'auth:\n  api_keys: [{{{key}}}, {{name: b, key_sha256: {digest.upper()}}}]', 'auth.api_keys[1].key_sha256', 'the same key'),
                (f'auth:\n  api_keys: [{{name: a, key_sha256: {"a" * 63}}}]', 'auth.api_keys[0].key_sha256', '64'),
                (f'auth:\n  api_keys: [{{name: a, key_sha256: {"g" * 64}}}]', 'auth.api_keys[0].key_sha256', 'hex'),
                (f'auth:\n  api_keys: [{{name: "a b", key_sha256: {digest}}}]', 'auth.api_keys[0].name', 'letters'),
                (f'auth:\n  api_keys: [{{{key}, roles: ["a b"]}}]', 'auth.api_keys[0].roles', 'letters'),
                (f'auth:\n  api_keys: [{{{key}, scopes: [""]}}]', 'auth.api_keys[0].scopes', 'letters'),
                (f'auth:\n  api_keys: [{{{key}, tenant: "a/b"}}]', 'auth.api_keys[0].tenant', 'letters'),
                (f'auth:\n  api_keys: [{{{key}, expires: "tomorrow and not before"}}]', 'auth.api_keys[0].expires', 'date-time'),
                (f'auth:\n  api_keys: [{{{key}, expires: "2027-01-01T00:00:00"}}]', 'auth.api_keys[0].expires', ''),
                (f'auth:\n  api_keys: [{{{key}, token: x}}]', 'auth.api_keys[0].token', ''),
                ('auth:\n  tokens: []', 'auth.tokens', ''),
                ('auth:\n  unix_users: [{name: a}]', 'auth.unix_users[0]', 'user or uid'),
                ('auth:\n  unix_users: [{name: a, uid: 1, user: root}]', 'auth.unix_users[0]', 'user or uid'),
                ('auth:\n  unix_users: [{name: a, uid: 1}, {name: b, uid: 1}]', 'auth.unix_users[1].uid', 'already'),
                ('auth:\n  unix_users: [{name: a, uid: 1}]\nserver: {trusted_proxies: [unix]}', 'auth.unix_users', 'proxy'),
                ('auth:\n  unix_users: [{name: a, user: no-such-user-here}]', 'auth.unix_users[0].user', 'no user')):
            with self.subTest(text):
                status, out, errors = self.check(text)
                self.assertEqual((status, out), (2, ''))
                self.assertRegex(errors, fr'\AFILE:2:\d+: {re.escape(key)}: .*{said}')
                for secret in digest, other, digest.upper():
                    self.assertNotIn(secret, errors)

    def test_what_is_acceptable_is_accepted(self):
        user = getpass.getuser()
        status, out, errors = self.check(f'auth: {{enabled: true, api_keys: [{{name: "a-b.c@d", key_sha256: {"A" * 64}, roles: [viewer], scopes: ["sovd:viewer"], '
                                         f'expires: "2027-01-01T00:00:00+01:00"}}], unix_users: [{{name: me, user: {user}}}, {{name: you, uid: 4711}}]}}')
        self.assertEqual((status, errors), (0, ''))
        self.assertNotIn('A' * 64, out)


if __name__ == '__main__':
    unittest.main()
