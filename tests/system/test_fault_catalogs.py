# SPDX-License-Identifier: Apache-2.0
"""Catalogue files: what the configuration says of the faults of an app, beside what the app registers."""
import json
import pathlib
import tempfile
import unittest

import gateway
import native
import polling

REGISTER = {'faults': {'id': 'nav', 'version': '1', 'faults': [
    {'code': 'GPS_LOST', 'name': 'No position', 'severity': 2, 'symptom': 'The map stands still'},
    {'code': 'MAP_OLD', 'name': 'The map is old', 'severity': 3}]}}
FILE = """
id: vehicle
version: "12"
faults:
  - {code: GPS_LOST, name: Position is lost, severity: 1}
  - {code: ANTENNA, name: No antenna, severity: 2}
"""


class CatalogCase(unittest.TestCase):
    """A gateway with one app, started anew for each test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='cat')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / 'apps.sock'
        self.file = self.folder / 'nav-faults.yaml'
        self.file.write_text(FILE, encoding='utf-8')
        self.gateway = None
        self.addCleanup(lambda: self.gateway and self.gateway.stop())

    def sections(self, entity='apps/nav', **more):
        return {'native': native.section(self.socket, 'apps/nav', 'apps/radio'),
                'faults': {'catalogs': [{'entity': entity, 'file': str(self.file)}]}, **more}

    def start(self, **more):
        self.gateway = gateway.Gateway(**self.sections(**more))

    def app(self, register=REGISTER, **hello):
        app = native.App(self.socket, register, **hello)
        self.addCleanup(app.close)
        self.assertEqual(app.registered['type'], 'reply', app.registered)
        return app

    def report(self, app, code, kind='failed', **more):
        return app.ask('fault', code=code, report=kind, **more)

    def item(self, code, entity='apps/nav'):
        reply = self.gateway.request('GET', f'/{entity}/faults/{code}')
        self.assertEqual(reply.status, 200, reply)
        return reply.json['item']

    def check(self, settings):
        path = self.folder / 'gateway.yaml'
        path.write_text(json.dumps(settings), encoding='utf-8')
        return gateway.run('--check-config', '--config', path)

    def rewrite(self, text):
        self.file.write_text(text, encoding='utf-8')
        self.gateway.reload(gateway.Gateway.settings(**self.sections()))


class Agreement(CatalogCase):
    def test_members_of_the_file_win_and_the_others_are_those_of_the_app(self):
        self.start()
        self.assertEqual(self.report(self.app(), 'GPS_LOST')['type'], 'reply')
        item = self.item('GPS_LOST')
        self.assertEqual((item['fault_name'], item['severity']), ('Position is lost', 1))
        self.assertEqual(item['symptom'], 'The map stands still')

    def test_codes_of_the_file_and_codes_of_the_app_can_be_reported(self):
        self.start()
        app = self.app()
        for code in 'ANTENNA', 'MAP_OLD':
            self.assertEqual(self.report(app, code)['type'], 'reply')
        self.assertEqual(self.item('ANTENNA')['fault_name'], 'No antenna')
        self.assertEqual(self.report(app, 'OTHER')['code'], 'unknown-fault')

    def test_a_closed_file_leaves_out_what_only_the_app_has(self):
        self.file.write_text(FILE + 'closed: true\n', encoding='utf-8')
        self.start()
        app = self.app()
        self.assertEqual(self.report(app, 'MAP_OLD')['code'], 'unknown-fault')
        self.assertEqual(self.report(app, 'GPS_LOST')['type'], 'reply')
        self.gateway.wait_log('apps/nav registers 1 faults that its closed catalogue file does not have')

    def test_an_app_that_registers_no_faults_has_those_of_the_file(self):
        self.start()
        app = self.app(register={'data': [{'id': 'speed', 'name': 'Speed'}]})
        self.assertIn('faults', self.gateway.request('GET', '/apps/nav').json)
        self.assertNotIn('faults', self.gateway.request('GET', '/apps/radio').json)
        self.assertEqual(self.report(app, 'ANTENNA')['type'], 'reply')
        self.assertEqual(self.report(app, 'GPS_LOST')['type'], 'reply')

    def test_the_file_decides_how_reports_are_judged(self):
        self.file.write_text('faults: [{code: MAP_OLD, name: m, debounce: {kind: counter, failed_at: 3}}]', encoding='utf-8')
        self.start()
        app = self.app()
        for _ in range(2):
            self.report(app, 'MAP_OLD', 'prefailed')
        self.assertEqual(self.gateway.request('GET', '/apps/nav/faults').json['items'], [])
        self.report(app, 'MAP_OLD', 'prefailed')
        self.assertEqual(self.item('MAP_OLD')['status']['testFailed'], '1')


class FreezeFrames(CatalogCase):
    def test_the_file_names_values_that_are_kept(self):
        self.file.write_text('faults: [{code: GPS_LOST, name: x, freeze_frame: [speed]}]', encoding='utf-8')
        self.start()
        app = self.app(register={**REGISTER, 'data': [{'id': 'speed', 'name': 'Speed', 'published': True}]})
        app.ask('publish', values={'speed': 51})
        self.assertEqual(self.report(app, 'GPS_LOST')['type'], 'reply')
        data = self.gateway.request('GET', '/apps/nav/faults/GPS_LOST').json['environment_data']
        self.assertEqual(data['last_occurrence']['freeze_frame']['speed'], 51)


class Reload(CatalogCase):
    def test_a_changed_file_holds_for_an_app_that_is_connected(self):
        self.start()
        app = self.app()
        self.assertEqual(self.report(app, 'LATER')['code'], 'unknown-fault')
        self.rewrite(FILE + '  - {code: LATER, name: Later}\n')
        self.assertEqual(self.report(app, 'LATER')['type'], 'reply')
        self.assertEqual(self.report(app, 'MAP_OLD')['type'], 'reply')

    def test_a_bad_file_keeps_the_old_one(self):
        self.start()
        app = self.app()
        self.rewrite('faults: [{code: GPS_LOST, name: x, severity: 9}]')
        self.gateway.wait_log(r'nav-faults\.yaml:1:\d+: faults\[0\]\.severity: .*\n(.*\n)*.*the old one stays in force')
        self.assertEqual(self.report(app, 'ANTENNA')['type'], 'reply')

    def test_without_its_file_the_app_has_what_it_registered(self):
        self.start()
        app = self.app()
        self.gateway.reload(gateway.Gateway.settings(native=self.sections()['native']))
        self.assertEqual(self.report(app, 'ANTENNA')['code'], 'unknown-fault')
        self.assertEqual(self.report(app, 'GPS_LOST')['type'], 'reply')
        self.assertEqual(self.item('GPS_LOST')['fault_name'], 'No position')


class Checks(CatalogCase):
    def test_a_good_configuration_is_told_so(self):
        self.assertEqual(self.check(self.sections())[0], 0)

    def test_the_example_is_a_good_one(self):
        self.file = pathlib.Path(__file__).resolve().parents[2] / 'deploy' / 'config' / 'navigation-faults.yaml'
        self.assertEqual(self.check(self.sections()), (0, self.check(self.sections())[1], ''))

    def test_what_is_wrong_is_named_with_its_place(self):
        rows = [
            ('faults: [{code: A, nmae: x}]', r'nav-faults\.yaml:1:20: faults\[0\]\.nmae: .*name'),
            ('faults:\n- {code: A, name: x}\n- {code: A, name: y}', r'nav-faults\.yaml:3:\d+: .*twice'),
            ('faults: [', r'nav-faults\.yaml:2:1: '),
            ('faults: [{code: A, name: x, cycle: a/b}]', r'cycle.*cannot be'),
            ('faults: [{code: A, name: x}]\nclosed: 3', r'nav-faults\.yaml:2:\d+: closed'),
        ]
        for text, expected in rows:
            with self.subTest(text):
                self.file.write_text(text, encoding='utf-8')
                status, _, errors = self.check(self.sections())
                self.assertEqual(status, 2)
                self.assertRegex(errors, expected)

    def test_a_file_that_is_not_there_and_an_entity_that_nobody_is_are_named(self):
        self.file.unlink()
        self.assertRegex(self.check(self.sections())[2], r'faults\.catalogs\[0\]\.file: .*cannot be read: No such file')
        self.assertRegex(self.check(self.sections(entity='apps/other'))[2],
                         r'faults\.catalogs\[0\]\.entity: no app of native\.apps is this entity')
        twice = self.sections()
        self.file.write_text(FILE, encoding='utf-8')
        twice['faults']['catalogs'] *= 2
        self.assertRegex(self.check(twice)[2], r'faults\.catalogs\[1\]\.entity: it has a catalogue file already')

    def test_more_faults_than_the_limit_end_the_start(self):
        self.file.write_text('faults: [{code: A, name: x}, {code: B, name: x}]', encoding='utf-8')
        with self.assertRaises(RuntimeError) as raised:
            self.start(limits={'fault_definitions': 1})
        self.assertIn('limits.fault_definitions, or', str(raised.exception))


class Counters(CatalogCase):
    def metric(self, name):
        return self.gateway.metrics()[name]

    def test_reports_are_counted_by_what_became_of_them(self):
        self.start()
        before = self.gateway.metrics()  # the gateway reports of itself too
        app = self.app()
        self.report(app, 'GPS_LOST')
        self.report(app, 'OTHER')
        for name, n in (('reports_total', 2), ('reports_judged_total', 1), ('reports_ignored_total{reason="unknown"}', 1),
                        ('definitions', 1)):  # those of the file were there before
            self.assertEqual(self.metric(f'sovd_fault_{name}') - before[f'sovd_fault_{name}'], n, name)
        self.assertTrue(polling.wait_until(lambda: self.metric('sovd_fault_events_written_total') > before['sovd_fault_events_written_total'], 10))
        self.assertGreaterEqual(self.metric('sovd_fault_flushes_total'), 1)
        self.assertEqual(self.metric('sovd_fault_changes_waiting'), 0)


if __name__ == '__main__':
    unittest.main()
