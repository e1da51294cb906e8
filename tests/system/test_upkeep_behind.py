# SPDX-License-Identifier: Apache-2.0
"""Logs, clear-data, status and updates of a vehicle that stands behind a second gateway: what the first one passes on."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

CONTEXT = {'type': 'AUTOSAR_DLT', 'application_id': 'BMS', 'context_id': 'CELL'}
FAST = {'prepare_secs': 0.2, 'execute_secs': 0.6}


def vehicle(name):
    version = {'id': 'software-version', 'category': 'identData', 'type': 'string', 'value': '1.0'}
    level = {'id': 'level', 'category': 'storedData', 'type': 'integer', 'value': 1, 'writable': True}
    return {
        'updates': [{'id': f'{name}-2.0', 'version': '2.0', 'automated': True, 'components': [{'component': name}],
                     'affects': [f'components/{name}'], 'preconditions_translation_id': 'p.t', **FAST},
                    {'id': f'{name}-slow', 'version': '2.0', 'components': [{'component': name}], 'prepare_secs': 600},
                    {'id': 'shared', 'name': name, 'version': '3.0', 'origins': ['proximity'], 'components': [{'component': name}]}],
        'autonomous_update': f'{name}-2.0', 'updates_max': 4,
        'components': [{
            'id': name, 'data': [version, level],
            'logs': {'contexts': [{'id': 'app', **CONTEXT}], 'messages': [{'text': 'level is {level}'}]},
            'clear_data': {'learned': {'resets': ['level']}, 'cached': {'duration_secs': 600}},
            'status': {'restart_secs': 1, 'supports': ['restart', 'force-restart'], 'needs': [{'data': 'level', 'value': 1}]}}]}


class Behind(polling.Waiting, unittest.TestCase):
    """A front gateway; behind it one gateway with a simulated component `far`, and beside that a vehicle of its own, `near`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in 'far', 'near':
            (pathlib.Path(folder.name) / f'{name}.yaml').write_text(json.dumps(vehicle(name)), encoding='utf-8')
        port = {'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': ''}
        self.behind = gateway.Gateway(arguments=[f'--demo={folder.name}/far.yaml'], environment=port)
        self.addCleanup(lambda: self.behind.stop())
        config = pathlib.Path(folder.name) / 'front.yaml'
        config.write_text(json.dumps(gateway.Gateway.settings(gateway.backend_of(self.behind, 'behind'))), encoding='utf-8')
        self.gateway = gateway.Gateway(arguments=['--config', str(config), f'--demo={folder.name}/near.yaml'], environment=port)
        self.addCleanup(self.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def test_the_log_is_read_and_configured_through_the_front(self):
        logs = self.get('/components/far')['logs']
        self.assertEqual(self.get(logs)['entries'], logs + '/entries')
        entry = next(entry for entry in self.get(logs + '/entries')['items'] if entry['msg'] == 'level is 1')
        self.assertEqual((entry['context'], entry['severity']), (CONTEXT, 'info'))
        self.assertEqual(self.get(logs + '/entries?severity=error')['items'], [])
        self.ask(400, 'GET', logs + '/entries?severity=none')
        self.ask(404, 'DELETE', logs + '/config')
        self.ask(204, 'PUT', logs + '/config', {'items': [{'context': CONTEXT, 'severity': 'fatal'}]})
        self.assertEqual(self.get(logs + '/config')['contexts'], [{'context': CONTEXT, 'severity': 'fatal'}])
        reply = self.ask(400, 'PUT', logs + '/config', {'contexts': [{'context': {'type': 'RFC5424'}, 'severity': 'info'}]})
        self.assertEqual(reply.json['path'], '/contexts/0/context')
        self.ask(204, 'DELETE', logs + '/config')

    def test_clearing_goes_on_to_the_server_behind(self):
        clear = self.get('/components/far')['clear-data']
        self.assertEqual(sorted(self.get(clear)), ['cached-data', 'learned-data', 'status'])
        self.assertEqual(self.get(clear + '/status'), {'status': 'notRequested'})
        self.ask(204, 'PUT', '/components/far/data/level', {'data': 9})
        self.assertTrue(self.ask(202, 'PUT', clear + '/learned-data').headers['location'].endswith(clear + '/status'))
        self.until(lambda: self.get(clear + '/status')['status'] == 'completed')
        self.assertEqual(self.get('/components/far/data/level')['data'], 1)
        self.ask(404, 'PUT', clear + '/client-defined-resources')
        self.ask(202, 'PUT', clear + '/cached-data')
        self.ask(409, 'PUT', clear + '/learned-data')
        self.assertEqual(self.get(clear + '/status')['type'], 'cached-data')

    def test_a_restart_goes_on_to_the_server_behind(self):
        status = self.get('/components/far')['status']
        self.assertEqual(sorted(self.get(status)), ['force-restart', 'restart', 'status'])
        self.ask(204, 'PUT', '/components/far/data/level', {'data': 9})
        self.assertIn("must be 1, is 9", self.ask(409, 'PUT', status + '/restart').json['message'])
        self.ask(204, 'PUT', '/components/far/data/level', {'data': 1})
        self.assertTrue(self.ask(202, 'PUT', status + '/restart').headers['location'].endswith(status))
        self.assertEqual(self.ask(503, 'GET', '/components/far/data/level').json['error_code'], 'not-responding')
        self.assertEqual(self.get(status)['status'], 'notReady')
        self.until(lambda: self.get(status)['status'] == 'ready')
        self.ask(404, 'PUT', status + '/shutdown')

    def test_the_packages_of_all_servers_are_one_collection(self):
        self.assertTrue(self.get('/')['updates'].endswith('/updates'))
        self.assertEqual(sorted(self.get('/updates')['items']), ['far-2.0', 'far-slow', 'near-2.0', 'near-slow'])
        ids = self.get('/updates?origin=proximity&target-version=3.*')['items']
        self.assertEqual(ids, ['shared'], 'an id comes once')
        self.assertEqual(self.get('/updates/shared')['update_name'], 'far', 'and belongs to its first owner')
        self.assertEqual(self.get('/updates/autonomous')['id'], 'far-2.0')

    def test_a_package_behind_shows_the_entities_of_the_front(self):
        detail = self.get('/updates/far-2.0')
        for key in 'updated_components', 'affected_components':
            self.assertEqual([uri.split('/sovd/v1')[1] for uri in detail[key]], ['/components/far'])
            self.assertEqual(self.ask(200, 'GET', detail[key][0]).json['id'], 'far')
        self.assertEqual(detail['preconditions_translation_id'], detail['preconditions_transaltion_id'])

    def test_an_update_behind_is_prepared_and_executed(self):
        self.ask(409, 'PUT', '/updates/far-2.0/execute')
        for action in 'prepare', 'execute':
            location = self.ask(202, 'PUT', '/updates/far-2.0/' + action).headers['location']
            self.assertTrue(location.endswith('/updates/far-2.0/status'))
            self.until(lambda: self.get(location) if (self.get(location)['phase'], self.get(location)['status']) == (action, 'completed') else None)
        part = self.get('/updates/far-2.0/status')['subprogress'][0]
        self.assertEqual(part['entity'].split('/sovd/v1')[1], '/components/far')
        self.until(lambda: self.gateway.get('/components/far/data/software-version').json.get('data') == '2.0')

    def test_one_update_runs_at_a_time_in_the_whole_vehicle(self):
        self.ask(202, 'PUT', '/updates/far-slow/prepare')
        reply = self.ask(409, 'PUT', '/updates/near-2.0/prepare')
        self.assertEqual(reply.json['error_code'], 'update-process-in-progress')
        self.assertEqual(self.ask(409, 'PUT', '/updates/far-2.0/prepare').json['error_code'], 'update-preparation-in-progress')

    def test_a_description_goes_to_the_first_server_as_it_came(self):
        package = {'id': 'new', 'version': '9', 'components': [{'component': 'far'}]}
        reply = self.ask(201, 'POST', '/updates', package)
        self.assertEqual(reply.json, {'id': 'new'})
        self.assertTrue(reply.headers['location'].endswith('/updates/new/status'))
        self.assertIn('new', self.behind.get('/updates').json['items'])
        self.assertEqual(self.ask(400, 'POST', '/updates', {**package, 'id': 'more', 'version': 1}).json['path'], '/version')
        self.ask(415, 'POST', '/updates', b'x', {'Content-Type': 'text/plain'})
        self.ask(409, 'POST', '/updates', package)
        self.ask(503, 'POST', '/updates', {**package, 'id': 'too-many'})
        self.ask(204, 'DELETE', '/updates/new')
        self.ask(404, 'GET', '/updates/new')
        self.ask(405, 'DELETE', '/updates/autonomous')

    def test_a_server_that_is_lost_takes_only_its_own_packages_along(self):
        self.behind.kill()
        self.behind.stop = lambda: None
        self.until(lambda: self.gateway.get('/updates').json['items'] == ['near-2.0', 'near-slow'])
        self.assertEqual(self.get('/updates/near-2.0')['id'], 'near-2.0')
        self.ask(503, 'GET', '/updates/far-2.0')


class OfAnEcu(gateway.GatewayCase):
    """The log of demo-ecu: another program wrote it."""
    LOGS = '/components/bms/logs'

    def texts(self, query=''):
        return [entry['msg'] for entry in self.get(self.LOGS + '/entries' + query)['items']]

    def test_what_happens_to_the_ecu_is_in_its_log(self):
        self.assertIn('fault P0A80: Cell Voltage Imbalance', self.texts('?severity=error'))
        self.ask(204, 'PUT', '/components/bms/data/charge-limit', {'data': 70})
        self.assertIn('data charge-limit was written', self.texts())
        self.ecu.set(component='bms', data='cell-temp-max', value=50, hold=True)
        self.until(lambda: 'fault P0A7F: Battery Temperature High' in self.texts('?severity=fatal'))
        self.ask(400, 'GET', self.LOGS + '/entries?severity=loud')

    def test_its_configuration_decides_what_is_written(self):
        self.ask(404, 'DELETE', self.LOGS + '/config')
        context = self.get(self.LOGS + '/config')['contexts'][0]['context']
        self.ask(204, 'PUT', self.LOGS + '/config', {'items': [{'context': context, 'severity': 'fatal'}]})
        before = self.texts()
        self.ask(204, 'PUT', '/components/bms/data/charge-limit', {'data': 71})
        self.assertEqual([text for text in self.texts() if text not in before], [])
        self.assertEqual(self.get(self.LOGS + '/config')['contexts'][0]['severity'], 'fatal')
        self.ask(400, 'PUT', self.LOGS + '/config', {'items': [{'context': {'type': 'RFC5424'}, 'severity': 'info'}]})
        self.ask(204, 'DELETE', self.LOGS + '/config')
        self.ask(204, 'PUT', '/components/bms/data/charge-limit', {'data': 72})
        self.until(lambda: len([text for text in self.texts() if 'charge-limit' in text]) > len([t for t in before if 'charge-limit' in t]))


if __name__ == '__main__':
    unittest.main()
