# SPDX-License-Identifier: Apache-2.0
"""What an admin switches off is refused, told everywhere, put on record, and comes back as it was left."""
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import keys
import native

ADMIN, TESTER = keys.bearer('a-secret-of-the-admin'), keys.bearer('a-secret-of-a-tester-here')
AUTH = keys.section(keys.entry('keeper', 'a-secret-of-the-admin', 'admin'), keys.entry('tester', 'a-secret-of-a-tester-here'))
LIST = '/x-admin/features'
IDS = ['mutations', 'streams', 'data-exports', 'native-apps']
VALUE = '/components/climate/data/target_temperature'
LOCKS = '/components/bms/locks'


class FeatureCase(gateway.GatewayCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='features')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / 'state').mkdir()
        cls.sections = {'auth': AUTH, 'storage': {'path': str(cls.folder / 'state')},
                        'native': native.section(cls.folder / 'apps.sock', 'apps/nav')}
        super().setUpClass()

    def switch(self, name, on, **more):
        return self.ask(200, 'PUT', f'{LIST}/{name}', {'enabled': on, **more}, ADMIN)

    def off(self, name, **more):
        self.addCleanup(self.switch, name, True)
        return self.switch(name, False, **more)

    def refused(self, name, method, path, body=None, headers=ADMIN, reason=''):
        error = self.ask(503, method, path, body, headers).json
        self.assertEqual((error['error_code'], error['vendor_code']), ('vendor-specific', 'feature-off'))
        self.assertIn(f'(feature {name})', error['message'])
        self.assertIn(reason, error['message'])

    def lock(self, status=201):
        reply = self.ask(status, 'POST', LOCKS, {'lock_expiration': 60}, TESTER)
        if status == 201:
            self.ask(204, 'DELETE', reply.headers['location'], headers=TESTER)
        return reply

    def stream(self):
        return events.Stream(self.gateway.raw().socket, gateway.BASE + '/faults/subscribe', Authorization=ADMIN['Authorization'])


class Features(FeatureCase):
    def test_everything_is_on_at_first(self):
        items = self.get(LIST, ADMIN)['items']
        self.assertEqual([(item['id'], item['enabled']) for item in items], [(name, True) for name in IDS])
        self.assertNotIn('features_off', self.get('/health', ADMIN))

    def test_without_mutations_nothing_is_changed_and_everything_can_be_read(self):
        said = self.off('mutations', reason='in the workshop until 14:00').json
        self.assertEqual((said['enabled'], said['reason'], said['changed_by'].split(':')[-1]), (False, 'in the workshop until 14:00', 'keeper'))
        for method, path, body in (('POST', LOCKS, {'lock_expiration': 60}), ('DELETE', '/components/bms/faults', None),
                                   ('PUT', '/components/bms/data/target_soc', {'data': 5})):
            self.refused('mutations', method, path, body, TESTER, 'in the workshop until 14:00')
        self.get('/components/bms/faults', TESTER)
        self.assertEqual(self.get(LOCKS, TESTER)['items'], [])
        self.switch('mutations', True)
        self.lock()

    def test_who_may_not_ask_is_told_that_and_nothing_else(self):
        self.off('mutations')
        self.ask(403, 'POST', '/x-admin/restore', b'x', {**TESTER, 'Content-Type': 'application/octet-stream'})
        self.ask(404, 'POST', '/components/nobody/locks', {'lock_expiration': 60}, TESTER)

    def test_without_streams_none_begins_and_those_that_are_open_go_on(self):
        with self.stream() as running:
            self.assertEqual(running.status, 200)
            self.off('streams')
            with self.stream() as refused:
                self.assertEqual(refused.status, 503)
            self.assertFalse(running.ended)
            self.assertEqual(self.gateway.metrics_as(ADMIN)['sovd_streams'], 1)
        self.get('/components/bms/faults', TESTER)

    def test_without_exports_nothing_is_carried_away_but_the_audit_log(self):
        self.off('data-exports')
        for path in ('/export/faults', '/components/bms/snapshot', '/x-admin/backup'):
            self.refused('data-exports', 'GET', path)
        self.ask(200, 'GET', '/audit/export', headers=ADMIN)
        self.lock()

    def test_without_native_apps_none_connects_and_those_that_are_there_stay(self):
        def hello():
            connection = native.Connection(self.folder / 'apps.sock')
            self.addCleanup(connection.close)
            connection.send('hello', seq=1, v=1, entity='apps/nav', instance='one')
            return connection, connection.answer_to(1)
        self.off('native-apps')
        self.assertEqual(hello()[1]['code'], 'switched-off')
        self.assertGreater(self.gateway.metrics_as(ADMIN)['sovd_feature_refused_total{feature="native-apps"}'], 0)
        self.switch('native-apps', True)
        connection, answer = hello()
        self.assertEqual(answer['type'], 'welcome')
        self.switch('native-apps', False)
        connection.send('register', seq=2, data=[])
        self.assertEqual(connection.answer_to(2)['type'], 'reply')

    def described(self, path):
        """{(method, path, type of its answer, None for none)} of a description."""
        return {(method, path, kind) for path, item in self.get(path + '/docs', ADMIN)['paths'].items() for method in item if method in ('get', 'put', 'post', 'delete')
                for code, answer in item[method]['responses'].items() if code.startswith('2') for kind in answer.get('content', {None: {}})}

    def test_descriptions_leave_out_what_is_off(self):
        for path, name, is_off in (('', 'mutations', lambda row: row[0] != 'get' and row[1] != '/x-gw-session'), ('/components/bms', 'mutations', lambda row: row[0] != 'get'),
                                   ('/components/bms', 'streams', lambda row: row[2] == 'text/event-stream'),
                                   ('/components/bms/snapshot', 'data-exports', lambda row: True), ('/export/faults', 'data-exports', lambda row: True)):
            with self.subTest(path, feature=name):
                before = self.described(path)
                self.assertTrue([row for row in before if is_off(row)])
                self.switch(name, False)
                now = self.described(path)
                self.switch(name, True)
                self.assertEqual(now, {row for row in before if not is_off(row)})
                self.assertEqual(self.described(path), before)

    def test_it_is_shown_in_health_and_metrics_and_put_on_record(self):
        reply = self.off('streams', reason='too many')
        self.assertEqual(self.get('/health', ADMIN)['features_off'], ['streams'])
        metrics = self.gateway.metrics_as(ADMIN)
        self.assertEqual([metrics[f'sovd_feature_on{{feature="{name}"}}'] for name in IDS], [1, 0, 1, 1])
        said = [e['ev'] for e in self.get('/audit?limit=20', ADMIN)['items'] if e.get('req') == reply.headers['x-request-id']]
        self.assertEqual(sorted(said), ['request.effect', 'request.intent', 'request.outcome'])

    def test_it_comes_back_as_it_was_left(self):
        (self.folder / 'other').mkdir()
        sections = {'auth': AUTH, 'storage': {'path': str(self.folder / 'other')}}
        with gateway.Gateway(**sections) as before:
            self.assertEqual(before.put(f'{LIST}/mutations', {'enabled': False, 'reason': 'kept'}, ADMIN).status, 200)
        with gateway.Gateway(**sections) as after:
            error = after.post('/components/any/locks', {'lock_expiration': 60}, ADMIN)
            self.assertEqual(error.status, 404)
            item = after.get(f'{LIST}/mutations', ADMIN).json
            self.assertEqual((item['enabled'], item['reason']), (False, 'kept'))
            self.assertEqual(after.get('/health', ADMIN).json['features_off'], ['mutations'])

    def test_only_an_admin_sees_and_switches(self):
        for headers, status in ((TESTER, 403), (None, 401)):
            for method, path, body in (('GET', LIST, None), ('GET', LIST + '/streams', None), ('PUT', LIST + '/streams', {'enabled': False})):
                self.ask(status, method, path, body, headers)
        self.assertTrue(self.get(LIST + '/streams', ADMIN)['enabled'])

    def test_what_makes_no_sense_is_refused(self):
        self.ask(404, 'GET', LIST + '/audit', headers=ADMIN)
        self.ask(404, 'PUT', LIST + '/auth', {'enabled': False}, ADMIN)
        for body in ({}, {'enabled': 'no'}, {'enabled': False, 'reason': ''}, {'enabled': False, 'reason': 'x' * 201},
                     {'enabled': False, 'reason': 'two\nlines'}):
            self.ask(400, 'PUT', LIST + '/streams', body, ADMIN)
        self.assertTrue(self.get(LIST + '/streams', ADMIN)['enabled'])
