# SPDX-License-Identifier: Apache-2.0
"""A client sees the same behaviour whichever dialect the ECU's server speaks."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

BMS, CLIMATE = '/components/bms', '/components/climate'
SELF_TEST, BALANCE = (f'{BMS}/operations/{name}/executions' for name in ('self-test', 'cell-balance'))
TARGET, SPEED = CLIMATE + '/data/target-temp', CLIMATE + '/data/fan-speed'


class SameInEveryDialect:
    def test_the_dialect_is_found_out(self):
        self.assertEqual(self.gateway.backend()['dialect'], self.dialect)

    def test_entities_and_their_relations_are_the_same(self):
        self.assertEqual([(item['id'], item['name'], item['connectionState']) for item in self.get('/components')['items']],
                         [('bms', 'Battery Management System', 'connected'), ('climate', 'Cabin Climate Controller', 'connected')])
        self.assertEqual([item['id'] for item in self.get('/areas')['items']], ['powertrain', 'body'])
        for area, component in ('powertrain', 'bms'), ('body', 'climate'):
            self.assertEqual([item['id'] for item in self.get(f'/areas/{area}/contains')['items']], [component])

    def test_components_offer_the_same_collections(self):
        both = ['data', 'faults', 'operations', 'modes', 'configurations']
        for path in BMS, CLIMATE:
            offered = self.get(path + '/capabilities')['supportedCategories']
            self.assertEqual([name for name in offered if name in both], both)

    def test_data_are_listed_by_id_and_name(self):
        self.assertEqual([item['id'] for item in self.get(BMS + '/data')['items']],
                         ['soc', 'voltage', 'cell-temp-max', 'charge-limit', 'energy-throughput-mws', 'serial-number'])
        self.assertEqual(self.get(BMS + '/data')['items'][0]['name'], 'State of Charge')

    def test_values_pass_unchanged(self):
        for name, value, spelled in ('cell-temp-max', 23, '23.0'), ('energy-throughput-mws', 9223372036854775807, '9223372036854775807'):
            self.ecu.set(component='bms', data=name, value=value, hold=True)
            body = self.ask(200, 'GET', f'{BMS}/data/{name}').body
            self.assertEqual(re.search(rb'"data":([^,}]*)', body)[1].decode(), spelled)

    def test_writes_pass_unchanged(self):
        for word, spelled in ('data', '22.50'), ('value', '2.1e1'), ('data', '23.0'):
            self.ask(204, 'PUT', TARGET, f'{{"{word}": {spelled}}}'.encode())
            self.assertEqual(re.search(rb'"data":([^,}]*)', self.ask(200, 'GET', TARGET).body)[1].decode(), spelled)

    def test_a_refused_value_names_the_member_and_the_range(self):
        error = self.ask(400, 'PUT', TARGET, {'value': 'hot'}).json
        self.assertEqual(error['error_code'], 'incomplete-request')
        for part in 'value', '16.0 to 28.0', 'hot':
            self.assertIn(part, error['message'] + error.get('path', ''))

    def test_a_refused_value_has_the_path_of_the_member_that_was_sent(self):
        for word in 'data', 'value':
            self.assertEqual(self.ask(400, 'PUT', TARGET, {word: 99}).json['path'], '/' + word)

    def test_read_only_data_is_403_with_the_reason(self):
        error = self.ask(403, 'PUT', BMS + '/data/soc', {'data': 1.0}).json
        self.assertEqual((error['error_code'], 'read-only' in error['message']), ('insufficient-access-rights', True))

    def test_what_is_unknown_is_404(self):
        for path in '/data/none', '/faults/none', '/operations/none', '/operations/none/executions', '/modes/none', '/configurations/none':
            self.assertEqual(self.ask(404, 'GET', BMS + path).json['error_code'], 'vendor-specific', path)

    def test_faults_have_the_same_code_severity_and_scope(self):
        self.ecu.set(component='bms', fault='P0A80', active=True)
        item, = self.get(BMS + '/faults?severity=3&scope=primary')['items']
        self.assertEqual((item['code'], item['severity'], item['scope'], item['status']['aggregatedStatus']), ('P0A80', 2, 'primary', 'active'))
        self.assertEqual(self.get(BMS + '/faults?severity=2')['items'], [])
        self.assertEqual(self.get(BMS + '/faults?status[aggregatedStatus]=active')['items'], [item])
        self.assertEqual(self.get(BMS + '/faults/P0A80')['item']['fault_name'], 'Cell Voltage Imbalance')

    def test_faults_are_cleared(self):
        for path in '/faults/P0A80', '/faults':
            self.ecu.set(component='bms', fault='P0A80', active=True)
            self.assertEqual(len(self.get(BMS + '/faults')['items']), 1)
            self.ecu.set(component='bms', fault='P0A80', active=False)
            self.ask(204, 'DELETE', BMS + path)
            self.assertEqual(self.get(BMS + '/faults')['items'], [])

    def test_an_operation_runs_to_its_end(self):
        uri = self.ask(202, 'POST', SELF_TEST, {'parameters': {'mode': 'quick'}}).headers['location']
        self.assertEqual(self.get(uri)['status'], 'running')
        self.assertEqual(self.get(SELF_TEST)['items'], [uri.rsplit('/', 1)[1]])
        body = self.until(lambda: (body := self.get(uri))['status'] != 'running' and body)
        self.assertEqual((body['capability'], body['status']), ('execute', 'completed'))
        self.ask(204, 'DELETE', uri)
        self.ask(404, 'GET', uri)

    def test_a_second_start_is_409_and_the_first_can_be_stopped(self):
        uri = self.ask(202, 'POST', BALANCE).headers['location']
        self.assertEqual(self.ask(409, 'POST', BALANCE).json['error_code'], 'precondition-not-fulfilled')
        self.ask(202, 'PUT', uri, {'capability': 'stop'})
        self.assertEqual(self.get(uri)['status'], 'failed')
        self.ask(204, 'DELETE', uri)
        self.ask(404, 'GET', uri)
        self.assertEqual(self.get(BALANCE)['items'], [])

    def test_executions_are_listed_though_the_server_has_no_such_list(self):
        uri = self.ask(202, 'POST', BALANCE).headers['location']
        self.addCleanup(self.ask, 204, 'DELETE', uri)
        self.addCleanup(self.ecu.clear_injection)
        for status in 404, 405, 501:
            self.ecu.inject(f'status={status}:/cell-balance/executions#1')
            self.assertEqual(self.get(BALANCE)['items'], [uri.rsplit('/', 1)[1]])
        self.ecu.inject('status=500:/cell-balance/executions#1')
        self.ask(500, 'GET', BALANCE)

    def test_modes_are_read_and_set(self):
        path = BMS + '/modes/session'
        self.assertEqual([item['id'] for item in self.get(BMS + '/modes')['items']], ['session'])
        for value in 'extended', 'default':
            self.assertEqual(self.ask(200, 'PUT', path, {'value': value, 'mode_expiration': 60}).json, {'id': 'session', 'value': value})
            self.assertEqual(self.get(path)['value'], value)
        self.assertEqual(self.ask(400, 'PUT', path, {'value': 'sport', 'mode_expiration': 60}).json['error_code'], 'incomplete-request')

    def test_configurations_are_read_and_written(self):
        path, value = BMS + '/configurations/cell-balancing', {'enabled': False, 'threshold_mv': 33}
        self.assertEqual([(item['id'], item['type']) for item in self.get(BMS + '/configurations')['items']], [('cell-balancing', 'parameter')])
        self.ask(204, 'PUT', path, {'data': value})
        self.assertEqual(self.get(path)['data'], value)
        self.ask(400, 'PUT', path, {'data': {**value, 'threshold_mv': 4}})
        self.ask(404, 'PUT', BMS + '/configurations/none', {'data': 1})

    def test_a_component_that_vanishes_is_404_until_it_appears_again(self):
        self.ecu.set(component='climate', present=False)
        self.addCleanup(self.ecu.set, component='climate', present=True)
        self.until(lambda: [item['id'] for item in self.get('/components')['items']] == ['bms'])
        self.assertEqual(self.ask(404, 'GET', SPEED).json['vendor_code'], 'entity-not-found')
        self.ecu.set(component='climate', present=True)
        self.until(lambda: len(self.get('/components')['items']) == 2)
        self.ask(200, 'GET', SPEED)


class Iso(SameInEveryDialect, gateway.GatewayCase):
    dialect = 'iso'
    backend_options = {'refresh_secs': 0.3}


class Odata(SameInEveryDialect, gateway.GatewayCase):
    dialect = 'odata'
    backend_options = {'refresh_secs': 0.3}

    def test_what_the_dialect_cannot_say_is_refused_and_nothing_is_started(self):
        for member in {'timeout': 1}, {'proximity_response': 'x'}:
            self.ask(501, 'POST', SELF_TEST, {'parameters': {'mode': 'quick'}, **member})
        uri = self.ask(202, 'POST', BALANCE).headers['location']
        for member in {'timeout': 1}, {'proximity_response': 'x'}:
            self.ask(501, 'PUT', uri, {'capability': 'stop', **member})
        self.assertEqual(self.get(uri)['status'], 'running')
        self.ask(204, 'DELETE', uri)


class GivenOdata(gateway.GatewayCase):
    dialect = 'odata'
    backend_options = {'dialect': 'odata'}

    def test_a_dialect_that_is_configured_is_spoken(self):
        self.assertEqual(self.gateway.backend()['dialect'], 'odata')
        self.assertEqual(self.get(BMS + '/data/serial-number')['data'], 'BMS-0001-4711')


if __name__ == '__main__':
    unittest.main()
