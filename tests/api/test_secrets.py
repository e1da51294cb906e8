# SPDX-License-Identifier: Apache-2.0
"""Secrets that the configuration names and does not hold: files, credentials, the environment, and Vault."""
import os
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import keys
import polling
import tokens
import vault
from test_listeners import make_certificate

KEY, NEW, STATIC = 'a-key-that-is-kept-elsewhere', 'another-key-kept-elsewhere', 'a-key-by-its-digest'
COMPONENTS = gateway.BASE + '/components'
SECONDS = 20


def in_memory(daemon, text):
    """How often a process has it; huge regions are those of sanitizers."""
    found = 0
    with open(f'/proc/{daemon.process.pid}/maps', encoding='utf-8') as maps, open(f'/proc/{daemon.process.pid}/mem', 'rb', 0) as memory:
        for line in maps:
            first, last = (int(part, 16) for part in line.split()[0].split('-'))
            if line.split()[1].startswith('rw') and last - first < 1 << 28:
                memory.seek(first)
                try:
                    found += memory.read(last - first).count(text.encode())
                except OSError:
                    pass  # it was given back meanwhile
    return found


class SecretCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='secrets')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text, encoding='utf-8')
        path.chmod(mode)
        return str(path)

    def auth(self, source, **more):
        return {'enabled': True, 'api_keys': [{'name': 'kept', 'key_from': source, 'roles': ['tester']}, keys.entry('static', STATIC)], **more}

    def start(self, auth, environment=None):
        return gateway.Gateway(ready=False, auth=auth, environment=environment)

    def check(self, auth, environment=None):
        path = self.folder / 'check.yaml'
        path.write_text('auth:\n  ' + gateway.json.dumps(auth), encoding='utf-8')
        return gateway.run('--config', path, '--check-config', environment=environment)

    @staticmethod
    def status(daemon, key):
        return daemon.bare('GET', COMPONENTS, headers=keys.bearer(key)).status


class Kept(SecretCase):
    def test_a_key_is_read_from_a_file_a_credential_and_a_variable(self):
        path = self.write('key', KEY + '\n')
        for source, environment in ((path, {}), ('credential:key', {'CREDENTIALS_DIRECTORY': str(self.folder)}), ('env:THE_KEY', {'THE_KEY': KEY})):
            with self.subTest(source), self.start(self.auth(source), environment) as daemon:
                self.assertEqual([self.status(daemon, key) for key in (KEY, STATIC, KEY + 'x', path, source)], [200, 200, 401, 401, 401])
                self.assertNotIn(KEY, daemon.log)

    def test_a_reload_reads_the_file_again_and_a_broken_one_changes_nothing(self):
        path = self.write('key', KEY)
        with self.start(self.auth(path)) as daemon:
            self.write('key', NEW)
            daemon.reload(daemon.settings(auth=self.auth(path)))
            self.assertEqual([self.status(daemon, key) for key in (KEY, NEW)], [401, 200])
            for text, mode in (('', 0o600), (KEY, 0o644), ('short', 0o600), (STATIC, 0o600)):
                self.write('key', text, mode)
                daemon.reload(daemon.settings(auth=self.auth(path)), 'not acceptable|stay in force')
                self.assertEqual([self.status(daemon, key) for key in (KEY, NEW, STATIC)], [401, 200, 200])

    def test_what_cannot_be_read_does_not_start_and_names_file_line_and_key(self):
        for source, said in ((self.write('open', KEY, 0o640), 'open may be read or changed by others .mode 0640.'), (str(self.folder / 'none'), 'none cannot be opened'),
                             (self.write('empty', ''), 'empty is empty'), (self.write('short', 'short-key'), 'less than 16'),
                             (self.write('blank', 'a key with blanks in it'), 'letters, digits'), (str(self.folder), 'is no file'), ('env:NOT_SET', 'NOT_SET is not set'),
                             ('credential:x', 'CREDENTIALS_DIRECTORY'), ('vault:a#b', 'auth.vault'), ('vault:a', 'PATH#FIELD'), ('key', 'full path')):
            with self.subTest(source):
                status, out, errors = self.check(self.auth(source))
                self.assertEqual((status, out), (2, ''))
                self.assertRegex(errors, fr'check.yaml:2:\d+: auth.api_keys\[0\].key_from: .*{said}')
                self.assertNotRegex(errors, f'{KEY}|short-key|a key with')

    def test_a_key_is_either_in_the_configuration_or_elsewhere(self):
        for entry in ({'name': 'a'}, {**keys.entry('a', KEY), 'key_from': '/x'}):
            status, _, errors = self.check({'api_keys': [entry]})
            self.assertEqual(status, 2)
            self.assertIn('auth.api_keys[0]: needs either', errors)


class Vault(SecretCase):
    def setUp(self):
        super().setUp()
        self.token = self.write('token', vault.TOKEN + '\n')
        self.vault = self.serve()

    def serve(self, **more):
        server = vault.Vault({'sovd/keys': {'workshop': KEY}}, **more)
        self.addCleanup(server.close)
        return server

    def options(self, **more):
        return {'address': self.vault.address(), 'token': self.token, 'refresh_secs': 1, **more}

    def auth_of(self, source='vault:sovd/keys#workshop', **more):
        return self.auth(source, vault=self.options(**more))

    def metrics(self, daemon):
        text = daemon.bare('GET', '/metrics', headers=keys.bearer(STATIC)).body.decode()
        return {name: float(value) for name, value in (line.rsplit(' ', 1) for line in text.splitlines() if line[0] != '#')}

    def test_a_key_in_vault_lets_in_and_is_exchanged_without_a_restart(self):
        with self.start(self.auth_of(namespace='team-a')) as daemon:
            self.assertEqual([self.status(daemon, key) for key in (KEY, NEW)], [200, 401])
            self.vault.secrets['sovd/keys'] = {'workshop': NEW}
            self.until(lambda: self.status(daemon, NEW) == 200, SECONDS)
            self.assertEqual([self.status(daemon, key) for key in (KEY, STATIC)], [401, 200])
            self.assertNotRegex(daemon.log, f'{KEY}|{NEW}|{re.escape(vault.TOKEN)}')
        self.assertTrue(all(headers.get('X-Vault-Namespace') == 'team-a' for _, _, headers in self.vault.requests))

    def test_a_stream_ends_with_the_key_that_vault_exchanged(self):
        with self.start(self.auth_of()) as daemon:
            stream = events.Stream(daemon.raw().socket, gateway.BASE + '/faults/subscribe', **keys.bearer(KEY))
            self.addCleanup(stream.close)
            self.assertEqual(stream.status, 200)
            self.vault.secrets['sovd/keys'] = {'workshop': NEW}
            stream.wait_end()
            self.assertEqual(self.status(daemon, KEY), 401)

    def test_while_vault_is_away_or_answers_nonsense_the_key_of_before_stays(self):
        with self.start(self.auth_of()) as daemon:
            big = b'{"data":{"data":{"workshop":"' + b'x' * 400000 + b'"}}}'
            for instead in ((503, {}), (500, b'oops'), (403, {}), (404, {}), (200, b'{"data":{"data":{"workshop":"a","workshop":"b"}}}'), (200, b'[]'), (200, b'{'),
                            (200, {'data': {'data': {'workshop': 7}}}), (200, {'data': {'data': {}}}), (200, {'data': None}), (200, {'data': {'data': {'workshop': ''}}}),
                            (200, {'data': {'data': {'workshop': 'short'}}}), (200, {'data': {'data': {'workshop': STATIC}}}), (302, {}), (200, big)):
                with self.subTest(instead=str(instead)[:60]):
                    self.vault.instead = instead
                    before = self.vault.count('GET')
                    daemon.signal(gateway.signal.SIGHUP)
                    self.until(lambda: self.vault.count('GET') > before, SECONDS)
                    self.assertEqual([self.status(daemon, key) for key in (KEY, STATIC)], [200, 200])
            self.vault.instead = None
            self.vault.secrets['sovd/keys'] = {'workshop': NEW}
            daemon.signal(gateway.signal.SIGHUP)
            self.until(lambda: self.status(daemon, NEW) == 200, SECONDS)
            self.assertRegex(daemon.log, 'error[^\n]*vault:sovd/keys#workshop stays as it was')
            self.assertGreaterEqual(self.metrics(daemon)['sovd_vault_reads_total{result="failed"}'], 5)

    def test_a_reload_whose_secret_vault_does_not_give_keeps_everything(self):
        with self.start(self.auth_of()) as daemon:
            settings = daemon.settings(auth={**self.auth_of('vault:sovd/keys#none'), 'enabled': False, 'public_metrics': True})
            daemon.reload(settings, 'not acceptable')
            self.assertEqual([self.status(daemon, KEY), daemon.bare('GET', COMPONENTS).status, daemon.bare('GET', '/metrics').status], [200, 401, 401])

    def test_a_vault_that_went_and_came_back_is_read_again(self):
        with self.start(self.auth_of()) as daemon:
            port = self.vault.port
            self.vault.close()
            self.until(lambda: 'stays as it was' in daemon.log, SECONDS)
            self.assertEqual(self.status(daemon, KEY), 200)
            self.vault = self.serve(port=port)
            self.vault.secrets['sovd/keys'] = {'workshop': NEW}
            daemon.signal(gateway.signal.SIGHUP)
            self.until(lambda: self.status(daemon, NEW) == 200, SECONDS)

    def test_the_token_is_renewed_before_it_ends_and_may_be_exchanged(self):
        self.vault.renewal = (200, {'auth': {'lease_duration': 2, 'renewable': True}})
        with self.start(self.auth_of(refresh_secs=3600)) as daemon:
            self.until(lambda: self.vault.count('POST') >= 3, SECONDS)
            ends = self.metrics(daemon)['sovd_vault_token_expires_timestamp_seconds']
            self.assertAlmostEqual(ends, gateway.time.time(), delta=10)
            self.vault.token = 'hvs.another-one'
            self.write('token', 'hvs.another-one')
            self.vault.secrets['sovd/keys'] = {'workshop': NEW}
            daemon.signal(gateway.signal.SIGHUP)
            self.until(lambda: self.status(daemon, NEW) == 200, SECONDS)

    def test_a_token_that_cannot_be_renewed_is_said_and_secrets_go_on(self):
        self.vault.renewal = (400, {'errors': ['lease is not renewable']})
        with self.start(self.auth_of()) as daemon:
            self.until(lambda: 'token of Vault is not renewed' in daemon.log, SECONDS)
            self.assertEqual(self.status(daemon, KEY), 200)
            self.assertGreaterEqual(self.metrics(daemon)['sovd_vault_renewals_total{result="failed"}'], 1)

    def test_a_vault_that_cannot_be_read_at_the_start_is_no_start(self):
        path = self.folder / 'gateway.yaml'
        for change, said in ((lambda: setattr(self.vault, 'instead', (503, {})), '503'), (lambda: setattr(self.vault, 'instead', (403, {})), '403'),
                             (lambda: setattr(self.vault, 'instead', (404, {})), '404'), (self.vault.may_answer.clear, 'in time'), (self.vault.close, 'cannot be reached')):
            change()
            path.write_text(gateway.json.dumps({'server': {'port': 0}, 'auth': self.auth_of(timeout_secs=1)}), encoding='utf-8')
            status, _, errors = gateway.run('--config', path)
            self.assertNotEqual(status, 0)
            self.assertRegex(errors, fr'auth.api_keys\[0\].key_from: .*{said}')
            self.assertNotIn(vault.TOKEN, errors)

    def test_vault_over_tls_needs_its_authority(self):
        certificate, key = make_certificate(str(self.folder))
        stranger = make_certificate(str(self.folder), 'stranger')[0]
        self.vault = self.serve(context=vault.tls_context(certificate, key))
        with self.start(self.auth_of(ca_file=certificate)) as daemon:
            self.assertEqual(self.status(daemon, KEY), 200)
        path = self.folder / 'gateway.yaml'
        for more in ({}, {'ca_file': stranger}):
            path.write_text(gateway.json.dumps({'server': {'port': 0}, 'auth': self.auth_of(**more)}), encoding='utf-8')
            status, _, errors = gateway.run('--config', path)
            self.assertNotEqual(status, 0)
            self.assertIn('certificate is not accepted', errors)

    def test_a_secret_of_vault_that_was_exchanged_is_nowhere_in_memory(self):
        old, new = 'an-old-secret-of-an-issuer-' + 'x' * 32, 'a-new-secret-of-an-issuer-' + 'y' * 32
        certificate, key = make_certificate(str(self.folder))
        for context in None, vault.tls_context(certificate, key):
            self.vault = self.serve(context=context)
            self.vault.secrets['sovd/jwt'] = {'secret': old}
            jwt = {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'secret_file': 'vault:sovd/jwt#secret'}
            auth = {'enabled': True, 'jwt': jwt, 'vault': self.options(**({'ca_file': certificate} if context else {}))}
            with self.subTest(tls=bool(context)), self.start(auth) as daemon:
                self.assertGreater(in_memory(daemon, old), 0)
                self.vault.secrets['sovd/jwt'] = {'secret': new}
                self.until(lambda: self.status(daemon, tokens.compact(tokens.Key(new.encode()), 'HS256', tokens.claims(roles=['viewer']))) == 200, SECONDS)
                self.until(lambda: in_memory(daemon, old) + in_memory(daemon, vault.TOKEN) == 0, SECONDS)
                self.assertGreater(in_memory(daemon, new), 0)

    def test_where_vault_is_has_to_be_said_well(self):
        for more, key in (({'address': 'http://vault.example:8200'}, 'address'), ({'address': 'http://127.0.0.1.example:8200'}, 'address'), ({'address': 'http://127.0.0.1@example'}, 'address'),
                          ({'address': 'http://localhost.example'}, 'address'), ({'address': 'ftp://127.0.0.1'}, 'address'), ({'address': 'https://u:p@vault'}, 'address'),
                          ({'token': 'hvs.the-token-itself'}, 'token'), ({'token': 'vault:a#b'}, 'token'), ({'mount': '../x'}, 'mount'), ({'mount': 'a/../b'}, 'mount'),
                          ({'namespace': 'a b'}, 'namespace'), ({'refresh_secs': 0}, 'refresh_secs')):
            with self.subTest(more):
                status, _, errors = self.check(self.auth_of(**more))
                self.assertEqual(status, 2)
                self.assertRegex(errors, fr'check.yaml:2:\d+: auth.vault.{key}: ')


class Backends(SecretCase):
    def settings(self, source, **more):
        return {'name': 'behind', 'base_url': self.server.address(), 'refresh_secs': 1, 'bearer_token_from': source, **more}

    def shown(self):
        return {headers.get('Authorization') for _, _, headers in list(self.server.requests)}

    def test_the_token_for_a_backend_is_read_elsewhere_and_again_at_a_reload(self):
        self.server = vault.Vault({})
        self.addCleanup(self.server.close)
        path = self.write('token', KEY + '\n')
        with gateway.Gateway(self.settings(path), ready=False) as daemon:
            self.until(lambda: self.shown() == {f'Bearer {KEY}'}, SECONDS)
            self.write('token', NEW)
            daemon.reload(daemon.settings(self.settings(path)))
            self.until(lambda: f'Bearer {NEW}' in self.shown(), SECONDS)
            self.write('token', NEW, 0o644)
            daemon.reload(daemon.settings(self.settings(path)), 'not acceptable')
            self.assertNotRegex(daemon.log, f'{KEY}|{NEW}')

    def test_a_token_that_cannot_be_read_does_not_start(self):
        self.server = vault.Vault({})
        self.addCleanup(self.server.close)
        config = self.folder / 'gateway.yaml'
        for source, more, said in ((self.write('open', KEY, 0o604), {}, 'mode 0604'), ('env:NOT_SET', {}, 'not set'), (self.write('two', KEY + '\n' + KEY), {}, ''),
                                   ('vault:a#b', {}, 'cannot be in Vault'), (self.write('good', KEY), {'bearer_token': 'x'}, 'beside'), ('good', {}, 'full path')):
            config.write_text(gateway.json.dumps({'backends': [self.settings(source, **more)]}), encoding='utf-8')
            status, _, errors = gateway.run('--config', config)
            self.assertEqual(status, 2)
            self.assertRegex(errors, fr'gateway.yaml:1:\d+: backends\[0\].bearer_token.*{said}')
            self.assertNotIn(KEY, errors)


if __name__ == '__main__':
    unittest.main()
