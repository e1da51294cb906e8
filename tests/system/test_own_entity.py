# SPDX-License-Identifier: Apache-2.0
"""The gateway as an entity of the vehicle: what it says of itself, and the faults that it has."""
import contextlib
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import native
import polling
import test_fault_pages

OWN = '/apps/sovd-gateway'
REGISTER = {'faults': {'faults': [{'code': 'A1', 'name': 'A fault', 'heal_cycles': 2}]}}


class OwnCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='own')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.gateway = None
        self.addCleanup(self.stop)

    def start(self, *backends, **sections):
        self.gateway = gateway.Gateway(*backends, **{'storage': {'path': str(self.state)}, **sections})

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def started_ecu(self, **more):
        server = ecu.DemoEcu(**more)
        self.addCleanup(server.stop)
        return server

    def ask(self, status, method, path, body=None):
        reply = self.gateway.request(method, path, body)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def faults(self, path=OWN):
        """code -> aggregatedStatus"""
        return {item['code']: item['status']['aggregatedStatus'] for item in self.get(path + '/faults')['items']}

    def stored_faults(self):
        with contextlib.closing(sqlite3.connect(self.state / 'state.db', timeout=20)) as connection:
            return connection.execute('SELECT entity, code FROM fault').fetchall()

    def frame(self, code, which='last_occurrence'):
        return self.get(f'{OWN}/faults/{code}')['environment_data'][which]['freeze_frame']


class Entity(OwnCase):
    def test_the_values_are_those_of_the_process(self):
        self.start(self.started_ecu())
        items = {item['id']: item for item in self.get(OWN + '/data')['items']}
        values = {name: self.get(f'{OWN}/data/{name}')['data'] for name in items}
        self.assertEqual((values['backends'], values['backends-connected']), (1, 1))
        listed = sum(len(self.get('/' + kind)['items']) for kind in ('areas', 'components', 'apps', 'functions'))
        self.assertEqual(values['entities'], listed)
        self.assertEqual(values['version'], self.get('/health')['version'])
        with open(f'/proc/{self.gateway.process.pid}/status', encoding='utf-8') as status:
            resident = next(int(line.split()[1]) * 1024 for line in status if line.startswith('VmRSS'))
        self.assertLess(abs(values['memory'] - resident), resident / 2)
        self.assertGreater(values['open-files'], 5)
        self.assertGreaterEqual(values['connections'], 1)
        self.assertGreater(values['state-size'], 1000)
        self.assertTrue(values['start-time'].endswith('Z'))
        self.until(lambda: self.get(OWN + '/data/uptime')['data'] > values['uptime'])

    def test_bad_requests_are_refused_with_the_name_of_what_is_wrong(self):
        self.start()
        for status, method, path, body, word in (
                (404, 'GET', '/data/none', None, 'none'), (404, 'GET', '/faults/none', None, 'none'),
                (404, 'GET', '/operations/none', None, 'none'), (403, 'PUT', '/data/version', {'data': 'x'}, 'read'),
                (404, 'PUT', '/data/none', {'data': 'x'}, 'none'), (404, 'DELETE', '/faults/none', None, 'none'),
                (404, 'POST', '/operations/none/executions', {}, 'none'), (404, 'GET', '/modes', None, 'modes'),
                (400, 'POST', '/operations/new-operation-cycle/executions', {'parameters': {'kind': 'x'}}, 'parameters')):
            with self.subTest(path):
                self.assertIn(word, self.ask(status, method, OWN + path, body).json['message'])

    def test_values_are_filtered_by_category(self):
        self.start()
        ids = [item['id'] for item in self.get(OWN + '/data?categories=identData')['items']]
        self.assertEqual(ids, ['version', 'start-time'])

    def test_the_log_is_what_was_written_to_standard_error(self):
        self.start(logging={'kept': 20, 'level': 'debug'})
        for i in range(30):
            self.ask(404, 'GET', f'/components/none-{i}')
        entries = self.get(OWN + '/logs/entries')['items']
        self.assertEqual(len(entries), 20)
        self.assertEqual(entries, sorted(entries, key=lambda entry: entry['timestamp']))
        self.assertIn('none-28', ' '.join(entry['msg'] for entry in entries))
        for entry in entries:
            self.assertIn(entry['msg'].split('\u2026')[0], self.gateway.log)
        requests = [entry['msg'] for entry in entries if entry['msg'].startswith('GET /sovd/v1/components/none-')]
        self.assertTrue(requests and all(' request_id=' in message for message in requests), requests)
        context = entries[0]['context']
        self.assertEqual((context['process'], context['pid']), ('sovd-gatewayd', self.gateway.process.pid))
        self.assertEqual(self.get(OWN + '/logs/entries?severity=error')['items'], [])
        self.assertEqual(self.get(OWN + '/logs/config')['contexts'][0]['severity'], 'debug')
        self.ask(501, 'PUT', OWN + '/logs/config', {'items': [{'context': context, 'severity': 'warn'}]})
        self.ask(400, 'GET', OWN + '/logs/entries?severity=loud')

    def test_without_kept_lines_there_is_no_log(self):
        self.start(logging={'kept': 0})
        self.assertNotIn('logs', self.get(OWN))
        self.ask(404, 'GET', OWN + '/logs/entries')

    def test_the_id_is_that_of_the_configuration_and_empty_is_no_entity(self):
        self.start(server={'entity_id': 'my-gateway'})
        self.assertEqual([item['id'] for item in self.get('/apps')['items']], ['my-gateway'])
        self.stop()
        self.start(server={'entity_id': ''})
        self.assertEqual(self.get('/apps'), {'items': []})
        self.assertNotIn('faults', self.get('/health'))

    def test_an_id_that_cannot_be_one_and_a_backend_of_this_name_are_refused(self):
        config = self.folder / 'bad.yaml'
        for text, word in (('server: {entity_id: a/b}', 'server.entity_id'),
                           ('backends: [{name: self, base_url: "http://127.0.0.1:1"}]', 'backends[0].name')):
            config.write_text(text, encoding='utf-8')
            status, _, said = gateway.run('--check-config', config)
            self.assertEqual(status, 2)
            self.assertIn(word, said)

    def test_behind_another_gateway_the_id_is_that_of_the_one_behind(self):
        """Ours is the last of all backends: who wants both gives one of them another id."""
        with gateway.Gateway() as behind:
            self.start(gateway.backend_of(behind))
            self.gateway.wait_log("app 'sovd-gateway' of backend 'self' is left out")
            self.stop()
            lost = {'name': 'lost', 'base_url': 'http://127.0.0.1:9', 'refresh_secs': 0.2}
            self.start(gateway.backend_of(behind), lost)
            before = self.get('/health')['uptime_seconds']
            self.until(lambda: self.get('/health')['uptime_seconds'] > before + 4)  # longer than a fault needs
            self.assertEqual((self.faults(), self.stored_faults()), ({}, []))
            self.stop()
            self.start(gateway.backend_of(behind), server={'entity_id': 'front'})
            self.assertEqual({item['id'] for item in self.get('/apps')['items']}, {'sovd-gateway', 'front'})
            self.assertEqual(self.get('/health')['status'], 'ok')

    def test_it_stays_the_last_after_the_configuration_was_read_again(self):
        one, two = self.started_ecu(), self.started_ecu()
        self.start(one)
        settings = gateway.Gateway.settings(gateway.backend_of(one), gateway.backend_of(two, 'two'), storage={'path': str(self.state)})
        self.gateway.reload(settings)
        self.assertIn('sovd-gateway', [item['id'] for item in self.get('/apps')['items']])
        self.until(lambda: self.get(OWN + '/data/backends-connected')['data'] == 2)

    def test_a_new_operation_cycle_is_one_for_all_faults(self):
        self.start(native=native.section(self.folder / 'apps.sock', 'apps/nav'))
        with native.App(self.folder / 'apps.sock', REGISTER) as app:
            app.ask('fault', code='A1', report='failed')
            app.ask('fault', code='A1', report='passed')
            self.until(lambda: self.faults('/apps/nav') == {'A1': 'confirmed'})
            before = self.get('/apps/nav/faults/A1')
            self.assertEqual(before['item']['status']['testFailedThisOperationCycle'], '1')
            reply = self.ask(200, 'POST', OWN + '/operations/new-operation-cycle/executions', {})
            self.assertEqual(reply.json, {})
            self.assertEqual(self.get('/apps/nav/faults/A1')['item']['status']['testFailedThisOperationCycle'], '0')


class Lost(OwnCase):
    def lose_and_find(self):
        server = self.started_ecu()
        self.start(gateway.backend_of(server, refresh_secs=0.2))
        self.assertEqual(self.faults(), {})
        server.inject('drop')
        self.until(lambda: self.faults() == {'backend-lost.demo': 'active'})
        return server

    def test_a_backend_that_is_lost_is_a_fault_with_its_reason_and_it_heals(self):
        server = self.lose_and_find()
        frame = self.frame('backend-lost.demo')
        self.assertEqual((frame['backend'], frame['address']), ('demo', f'http://127.0.0.1:{server.port}'))
        self.assertTrue(frame['last_error'])
        self.assertIn('last_seen', frame)
        health = self.get('/health')
        self.assertEqual((health['status'], health['faults']), ('degraded', ['backend-lost.demo']))
        server.clear_injection()
        self.until(lambda: self.faults() == {'backend-lost.demo': 'confirmed'})
        self.until(lambda: self.get('/health')['status'] == 'ok')
        self.assertNotIn('faults', self.get('/health'))

    def test_a_short_break_is_no_fault(self):
        server = self.started_ecu()
        self.start(gateway.backend_of(server, refresh_secs=0.2))
        server.inject('drop')
        self.until(lambda: self.gateway.backend()['connection'] == 'disconnected')
        server.clear_injection()
        self.until(lambda: self.gateway.backend()['connection'] == 'connected')
        until = time.monotonic() + 4  # longer than a fault needs
        self.until(lambda: self.faults() != {} or time.monotonic() > until)
        self.assertEqual(self.faults(), {})

    def test_a_fault_whose_cause_is_there_comes_back_after_a_clear(self):
        self.lose_and_find()
        self.ask(204, 'DELETE', OWN + '/faults/backend-lost.demo')
        self.until(lambda: self.faults() == {'backend-lost.demo': 'active'})
        self.ask(204, 'DELETE', OWN + '/faults')
        self.until(lambda: self.faults() == {'backend-lost.demo': 'active'})

    def test_faults_of_a_backend_that_is_taken_out_are_forgotten(self):
        self.lose_and_find()
        self.gateway.reload(gateway.Gateway.settings(storage={'path': str(self.state)}))
        self.until(lambda: self.faults() == {})
        self.assertEqual(self.get('/health')['status'], 'ok')

    def test_they_are_forgotten_at_the_next_start_too(self):
        self.lose_and_find()
        self.stop()
        self.start()
        self.until(lambda: self.faults() == {})

    def test_a_fault_is_still_there_after_a_restart_and_heals_then(self):
        server = self.lose_and_find()
        self.stop()
        server.clear_injection()
        self.start(gateway.backend_of(server, refresh_secs=0.2))
        self.until(lambda: self.faults() == {'backend-lost.demo': 'confirmed'})
        self.assertEqual(self.get(OWN + '/faults/backend-lost.demo')['environment_data']['occurrences'], 1)

    def test_names_that_are_too_long_for_a_code_are_cut_and_told_apart(self):
        names = ['b' * 120 + end for end in ('1', '2')]
        self.start(*[{'name': name, 'base_url': 'http://127.0.0.1:9', 'refresh_secs': 0.2} for name in names])
        found = self.until(lambda: len(self.faults()) == 2 and self.faults())
        for code in found:
            self.assertLessEqual(len(code), 64)
            self.assertIn(self.frame(code)['backend'], names)

    def test_an_app_that_goes_without_a_word_is_a_fault_and_one_that_says_goodbye_is_none(self):
        socket = self.folder / 'apps.sock'
        self.start(native=native.section(socket, 'apps/nav'))
        with native.App(socket, REGISTER):
            self.until(lambda: self.get('/apps')['items'][0]['connectionState'] == 'connected')
        self.until(lambda: self.faults() == {'app-lost.apps.nav': 'active'})
        frame = self.frame('app-lost.apps.nav')
        self.assertEqual(frame['entity'], 'apps/nav')
        self.assertIn('closed', frame['reason'])
        with native.App(socket, REGISTER) as app:
            self.until(lambda: self.faults() == {'app-lost.apps.nav': 'confirmed'})
            self.ask(204, 'DELETE', OWN + '/faults')
            app.ask('bye')
        self.until(lambda: self.get('/apps')['items'][0]['connectionState'] == 'disconnected')
        before = self.get(OWN + '/data/uptime')['data']
        self.until(lambda: self.get(OWN + '/data/uptime')['data'] > before + 2)  # more looks than a fault needs
        self.assertEqual(self.faults(), {})


class State(OwnCase):
    def limit(self, size):
        subprocess.run(['prlimit', f'--pid={self.gateway.process.pid}', f'--fsize={size}:'], check=True)

    def test_a_state_that_cannot_be_written_is_told_while_it_lasts_and_nothing_is_lost(self):
        server = self.started_ecu()
        self.start(gateway.backend_of(server, refresh_secs=0.2))
        self.limit(1000)
        server.inject('drop')
        self.until(lambda: self.faults().get('state-write-failed') == 'active')
        self.assertTrue(self.frame('state-write-failed')['error'])
        self.assertIn('state-write-failed', self.get('/health')['faults'])
        self.assertEqual([item['code'] for item in self.get(OWN + '/faults?severity=2')['items']], [])
        self.limit('unlimited')
        self.until(lambda: self.faults() == {'state-write-failed': 'confirmed', 'backend-lost.demo': 'active'})

    def test_a_fault_that_cannot_be_written_is_on_the_first_page_only(self):
        (self.state / 'state.db').write_bytes(b'\xa5' * 8192)
        server = self.started_ecu()
        self.start(gateway.backend_of(server, refresh_secs=0.2))
        self.until(lambda: self.faults() == {'state-damaged': 'active'})
        self.limit(1000)
        server.inject('drop')
        self.until(lambda: self.faults() == {'state-write-failed': 'active', 'state-damaged': 'active'})
        for limit, wanted in ((1, [1, 1]), (2, [2]), (3, [2])):
            pages = test_fault_pages.PageCase.pages(self, f'{OWN}/faults?limit={limit}')
            self.assertEqual([fault['code'] for page in pages for fault in page], ['state-write-failed', 'state-damaged'])
            self.assertEqual([len(page) for page in pages], wanted)
        for query, codes in (('to=2020-01-01T00:00:00Z', []), ('from=2020-01-01T00:00:00Z', ['state-write-failed', 'state-damaged']),
                             ('from=2100-01-01T00:00:00Z', [])):
            self.assertEqual([fault['code'] for fault in self.get(f'{OWN}/faults?{query}')['items']], codes)
        self.limit('unlimited')

    def test_a_damaged_state_is_told_with_the_place_where_it_is_kept(self):
        self.start()
        self.stop()
        with open(self.state / 'state.db', 'r+b') as file:
            file.write(b'\xa5' * 8192)
        self.start()
        self.until(lambda: self.faults() == {'state-damaged': 'active', 'audit-tampered': 'active'})  # the log in it is gone
        kept = pathlib.Path(self.frame('state-damaged')['kept_as'])
        self.assertEqual(kept.read_bytes()[:100], b'\xa5' * 100)
        self.stop()
        self.start()
        self.until(lambda: self.faults() == {'state-damaged': 'confirmed', 'audit-tampered': 'active'})

    def test_what_happened_at_the_start_stays_cleared(self):
        (self.state / 'state.db').write_bytes(b'\xa5' * 8192)
        self.start()
        self.until(lambda: self.faults() == {'state-damaged': 'active'})
        self.ask(204, 'DELETE', OWN + '/faults/state-damaged')
        before = self.get(OWN + '/data/uptime')['data']
        self.until(lambda: self.get(OWN + '/data/uptime')['data'] > before + 2)
        self.assertEqual(self.faults(), {})


class Certificates(OwnCase):
    def certificate(self, days):
        names = {name: str(self.folder / f'gateway.{name}') for name in ('key', 'csr', 'pem')}
        subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=gw',
                        '-keyout', names['key'], '-out', names['csr']], check=True, capture_output=True)
        subprocess.run(['openssl', 'x509', '-req', '-in', names['csr'], '-signkey', names['key'], '-days', str(days), '-out', names['pem']],
                       check=True, capture_output=True)
        return {'certificate': names['pem'], 'key': names['key']}

    def start_with(self, days):
        context = gateway.ssl_context_without_checks()
        self.start(server={'tls': self.certificate(days)}, context=context)

    def test_one_that_ends_soon_is_a_warning(self):
        self.start_with(5)
        self.until(lambda: self.faults() == {'certificate-expiring': 'active'})
        self.assertIn(self.frame('certificate-expiring')['days_left'], (4, 5))
        self.assertEqual((self.get('/health')['status'], self.get('/health')['faults']), ('ok', ['certificate-expiring']))

    def test_one_that_has_ended_is_an_error_and_a_new_one_heals_it(self):
        self.start_with(0)
        self.until(lambda: self.faults() == {'certificate-expired': 'active'})
        self.assertIn('T', self.frame('certificate-expired')['not_after'])
        self.assertEqual(self.get('/health')['status'], 'degraded')
        self.stop()
        self.start_with(300)
        self.until(lambda: self.faults() == {'certificate-expired': 'confirmed'})


if __name__ == '__main__':
    unittest.main()
