# SPDX-License-Identifier: Apache-2.0
"""Ways around a rule: what another resource would do on behalf of who may not do it himself."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gateway
import test_access
from test_access import entry

LOGGING = {'resource': '/sovd/v1/components/bms/data/soc', 'trigger_condition': {'condition_type': 'OnChange'}, 'multishot': True,
           'log_settings': {'log_severity': 'fatal', 'log_marker_text': 'forged'}}


class Logs(test_access.AccessCase):
    policy = {'roles': {'no-logs': {'inherits': ['tester'], 'deny': [{'collections': ['logs']}]},
                        'log-reader': {'inherits': ['tester'], 'deny': [{'collections': ['logs'], 'methods': ['POST']}]},
                        'values-only': {'allow': [{'collections': ['data', 'triggers']}]}}}
    more = {'events': {'trigger_secs': 0.05}}
    clients = [entry('no-logs', 'no-logs'), entry('log-reader', 'log-reader'), entry('values-only', 'values-only'), entry('tester', 'tester'),
               entry('changing', 'tester')]

    def test_who_may_not_use_the_log_writes_into_it_by_no_trigger(self):
        for name in 'no-logs', 'log-reader', 'values-only':
            with self.subTest(name):
                reply = self.ask(name, 403, 'POST', '/components/bms/triggers', LOGGING)
                self.assertIn('logs', reply.json['message'])
                self.ask(name, 201, 'POST', '/components/bms/triggers', {key: value for key, value in LOGGING.items() if key != 'log_settings'})
        self.ask('tester', 201, 'POST', '/components/bms/triggers', LOGGING)

    def test_a_trigger_writes_no_more_when_its_client_may_not(self):
        uri = self.ask('changing', 201, 'POST', '/components/bms/triggers', LOGGING).headers['location']
        roles = [entry('changing', 'no-logs') if client['name'] == 'changing' else client for client in self.clients]
        self.gateway.reload(self.gateway.settings(test_access.VEHICLE, **self.sections(roles)), 'the configuration was read again')
        found = self.until(lambda: self.gateway.bare('GET', self.gateway.full(uri), headers=test_access.who('changing')).json.get('last_error'))
        self.assertIn('roles and scopes', found['message'])


class Catalogue(test_access.AccessCase):
    policy = {'roles': {'no-values-of-bms': {'inherits': ['viewer'], 'deny': [{'entities': ['components/bms'], 'collections': ['data']}]}}}
    clients = [entry('no-values-of-bms', 'no-values-of-bms'), entry('viewer', 'viewer'), entry('admin', 'admin')]

    def test_its_version_is_about_the_values_that_may_be_read(self):
        def catalogue(name):
            reply = self.gateway.bare('GET', gateway.BASE + '/schema/data-catalog', headers=test_access.who(name))
            return reply.json if reply.status == 200 else None
        whole, own = self.until(lambda: catalogue('viewer')), catalogue('no-values-of-bms')
        self.assertLess(own['total'], whole['total'])
        self.assertNotEqual(own['version'], whole['version'])
        self.assertEqual(catalogue('admin')['version'], whole['version'])


class Uploads(test_access.AccessCase):
    """Its bytes come slowly: its client starts while it may, and ends when it may not."""
    clients = [entry('fitter', 'developer'), entry('keeper', 'admin'), entry('witness', 'admin')]
    MAPS = '/components/hpc/bulk-data/maps'

    def tearDown(self):
        self.gateway.reload(self.gateway.settings(test_access.VEHICLE, **self.sections()), 'the configuration was read again')

    def upload(self, name, path, clients):
        """The reply to an upload whose last byte comes after the reload."""
        fields = {'Host': f'{self.gateway.host}:{self.gateway.port}', **test_access.who(name), 'Content-Type': 'application/octet-stream',
                  'Content-Disposition': 'attachment; name="a"', 'X-Request-Id': self.id().rsplit('.', 1)[1][:36], 'Content-Length': '100000'}
        with gateway.Raw((self.gateway.host, self.gateway.port)) as connection:
            connection.send(f'POST {gateway.BASE}{path} HTTP/1.1\r\n' + ''.join(f'{key}: {value}\r\n' for key, value in fields.items()) + '\r\n' + 'a' * 99999)
            self.until(lambda: [e for e in self.get('witness', '/audit?event=request.intent')['items'] if e['req'] == fields['X-Request-Id']])
            self.gateway.reload(self.gateway.settings(test_access.VEHICLE, **self.sections(clients)), 'the configuration was read again')
            connection.send('a')
            reply = connection.reply()
        outcome, = self.until(lambda: [e for e in self.get('witness', '/audit?event=request.outcome')['items'] if e['req'] == fields['X-Request-Id']])
        return reply, outcome

    def refused(self, name, path, clients):
        before = self.ids('witness', self.MAPS)
        reply, outcome = self.upload(name, path, clients)
        self.assertEqual(reply.status, 403, reply)
        self.assertIn('taken away', reply.json['message'])
        self.assertEqual((outcome['status'], outcome['outcome']), (403, 'denied'))
        self.assertEqual(self.ids('witness', self.MAPS), before)

    def test_an_upload_ends_with_the_key_that_began_it(self):
        self.refused('fitter', self.MAPS, self.clients[1:])

    def test_an_upload_ends_with_the_role_that_allowed_it(self):
        self.refused('fitter', self.MAPS, [entry('fitter', 'viewer'), *self.clients[1:]])

    def test_a_restore_ends_with_the_key_that_began_it(self):
        self.refused('keeper', '/x-admin/restore', [self.clients[0], self.clients[2]])

    def test_an_upload_whose_client_is_still_allowed_goes_on(self):
        reply, outcome = self.upload('fitter', self.MAPS, [self.clients[0], self.clients[2]])
        self.assertEqual((reply.status, outcome['outcome']), (201, 'ok'))


if __name__ == '__main__':
    unittest.main()
