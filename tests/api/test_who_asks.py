# SPDX-License-Identifier: Apache-2.0
"""Who asks: keys of the configuration, those of the demo, and clients without credentials, where nobody needs any."""
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
from keys import bearer

SECRET, OTHER = 'a-secret-of-23-characters', 'another-secret_of~some+length/=='
KEYS = keys.section(keys.entry('tester', SECRET), keys.entry('workshop', OTHER))
LOCKS = '/components/bms/locks'


class KeyCase(gateway.GatewayCase):
    sections = {'auth': KEYS}

    def refused(self, headers):
        reply = self.ask(401, 'GET', '/components', headers=headers)
        self.assertEqual((reply.json['error_code'], reply.json['vendor_code']), ('vendor-specific', 'unauthorized'))
        self.assertTrue(reply.headers['www-authenticate'].startswith('Bearer '))


class Keys(KeyCase):
    def test_a_client_is_known_by_its_key(self):
        uri = self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, bearer(SECRET)).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, bearer(SECRET))
        for headers, owned in ((bearer(SECRET), True), ({'Authorization': f'bearer   {SECRET}'}, True), (bearer(OTHER), False), ({}, False)):
            self.assertEqual(self.get(uri, headers)['owned'], owned)

    def test_whoever_sends_no_credentials_is_known_by_the_address(self):
        uri = self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}).headers['location']
        self.addCleanup(self.gateway.delete, uri)
        self.assertTrue(self.get(uri)['owned'])
        connection = self.gateway.connection()
        connection.source_address = ('127.0.0.2', 0)
        self.assertFalse(self.gateway.bare('GET', uri, connection=connection).json['owned'])

    def test_credentials_that_are_not_known_are_401(self):
        for value in ('Bearer x', f'Bearer {SECRET}x', f'Bearer {SECRET[:-1]}', 'Bearer', 'Bearer ', 'Basic dGVzdGVyOng=', SECRET, '',
                      f'Bearer{SECRET}', f'Bearer {SECRET} x', f'Bearer {SECRET.upper()}', 'Bearer ' + 'x' * 5000, 'Bearer demo-tester-a'):
            with self.subTest(value):
                self.refused({'Authorization': value})

    def test_two_authorization_fields_are_400(self):
        with self.gateway.raw() as raw:
            raw.send('GET /sovd/v1/components HTTP/1.1\r\nHost: localhost\r\n' + f'Authorization: Bearer {SECRET}\r\n' * 2 + '\r\n')
            self.assertEqual(raw.reply().status, 400)

    def test_keys_do_not_appear_in_the_log(self):
        self.get('/components', bearer(SECRET))
        self.refused(bearer('not-this-one-either'))
        self.assertNotRegex(self.gateway.log, re.escape(SECRET) + '|not-this-one-either')


class Socket(unittest.TestCase):
    def test_on_the_unix_socket_the_client_is_its_user(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'socket'
            with gateway.Gateway(arguments=['--demo'], environment={'SOVD_SERVER__PORT': '0', 'SOVD_SERVER__UNIX_SOCKET': str(path)}) as daemon:
                def ask(method, target, body=None):
                    return daemon.bare(method, target, body, connection=gateway.UnixConnection(path))
                uri = ask('POST', gateway.BASE + LOCKS, {'lock_expiration': 60}).headers['location']
                self.assertTrue(ask('GET', uri).json['owned'])
                self.assertFalse(daemon.get(uri).json['owned'])
                # A user that the kernel proves is no anonymous client, so one on TCP cannot take the lock.
                self.assertEqual(daemon.post(LOCKS, {'lock_expiration': 60, 'break_lock': True}).status, 409)
                self.assertEqual(ask('DELETE', uri).status, 204)


class NoKeys(KeyCase):
    sections = {}

    def test_credentials_are_401_where_none_are_configured(self):
        self.refused(bearer(SECRET))
        self.refused(bearer('demo-tester-a'))
        self.get('/components')


class Reload(unittest.TestCase):
    def test_a_reload_takes_new_keys_and_lock_rules(self):
        with gateway.Gateway(auth=KEYS) as daemon:
            self.assertEqual(daemon.get('/components', bearer(SECRET)).status, 200)
            fresh = 'quite-another-secret'
            daemon.reload(daemon.settings(auth=keys.section(keys.entry('tester', fresh))))
            self.assertEqual(daemon.get('/components', bearer(SECRET)).status, 401)
            self.assertEqual(daemon.get('/components', bearer(fresh)).status, 200)
            daemon.reload(daemon.settings(auth=keys.section({'name': 'tester', 'key_sha256': 'short'})))
            self.assertEqual(daemon.get('/components', bearer(fresh)).status, 200)


class Demo(unittest.TestCase):
    def demo(self, *arguments, **environment):
        return gateway.Gateway(arguments=['--demo', *arguments], environment={'SOVD_SERVER__PORT': '0', **environment})

    def test_the_demo_knows_its_clients_and_says_so(self):
        with self.demo() as daemon:
            daemon.wait_log("demo-tester-a, demo-tester-b and demo-admin")
            uri = daemon.post(LOCKS, {'lock_expiration': 5}, bearer('demo-tester-a')).headers['location']
            self.assertTrue(daemon.get(uri, bearer('demo-tester-a')).json['owned'])
            self.assertFalse(daemon.get(uri, bearer('demo-tester-b')).json['owned'])

    def test_a_demo_that_others_can_reach_knows_no_testers(self):
        with self.demo(SOVD_SERVER__HOST='0.0.0.0', SOVD_SERVER__ALLOW_PLAIN_HTTP='true') as daemon:
            self.assertNotIn('demo-tester', daemon.log)
            reply = daemon.bare('GET', '/sovd/v1/components', headers=bearer('demo-tester-a'))
            self.assertEqual(reply.status, 401)


class Configuration(unittest.TestCase):
    def check(self, text):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write(text)
            file.flush()
            return gateway.run('--check-config', '--config', file.name)

    def test_what_is_not_acceptable_is_refused_with_its_place(self):
        for text, said in (('locks: {required: [nope]}', 'locks.required[0]'), ('locks: {required: [locks]}', 'locks.required[0]'),
                           ('locks: {entities: [{entity: bms}]}', 'locks.entities[0].entity'),
                           ('locks: {entities: [{entity: components/a, required: [data, x]}]}', 'locks.entities[0].required[1]'),
                           ('locks: {entities: [{entity: components/a}, {entity: components/a}]}', 'locks.entities[1].entity'),
                           ('limits: {locks: 0}', 'limits.locks')):
            with self.subTest(text):
                status, _, errors = self.check(text)
                self.assertEqual(status, 2)
                self.assertIn(said, errors)

    def test_what_is_acceptable_is_accepted(self):
        status, _, errors = self.check('locks: {required: [], breakable: false, entities: [{entity: components/bms, required: [data]}]}')
        self.assertEqual((status, errors), (0, ''))


if __name__ == '__main__':
    unittest.main()
