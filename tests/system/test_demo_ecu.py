# SPDX-License-Identifier: Apache-2.0
"""demo-ecu as its user sees it: both dialects, the simulation, the command line, and misbehaviour on demand."""
import concurrent.futures
import http.client
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import polling

TIMEOUT = 20
BMS, CLIMATE = '/components/bms', '/components/climate'
SELF_TEST = BMS + '/operations/self-test'


def data_text(reply, key='data'):
    """The value as it is spelled in the answer."""
    return re.search(rb'"%s":([^,}]*)' % key.encode(), reply.body)[1].decode()


class EcuCase(polling.Waiting, unittest.TestCase):
    dialect = 'iso'
    arguments = ()

    def setUp(self):
        self.ecu = self.start(*self.arguments)

    def start(self, *arguments, dialect=None):
        started = ecu.DemoEcu(*arguments, dialect=dialect or self.dialect)
        self.addCleanup(self.check_end, started)
        return started

    def check_end(self, started):
        self.assertEqual(started.stop(), (0, ''))

    def get(self, path):
        reply = self.ecu.get(path)
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(reply.headers['content-type'], 'application/json')
        return reply.json

    def ask(self, status, method, path, body=None, **more):
        reply = self.ecu.request(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.body)
        self.check_error(reply)
        return reply

    def check_error(self, reply):
        if reply.status >= 400:
            self.assertIsInstance(reply.json['error_code'], str)
            self.assertTrue(reply.json['message'])
            if reply.json['error_code'] == 'vendor-specific':
                self.assertTrue(reply.json['vendor_code'])


class IsoDiscovery(EcuCase):
    def test_version_info_is_served_beside_and_below_the_base(self):
        for path in '/sovd/version-info', '/sovd/v1/version-info':
            entry = self.get(path)['sovd_info'][0]
            self.assertEqual((entry['version'], entry['base_uri']), ('1.1.0', '/sovd/v1'))

    def test_root_links_to_the_entity_collections_it_offers(self):
        for path in '/sovd/v1', '/sovd/v1/':
            root = self.get(path)
            self.assertEqual((root['components'], root['areas']), ('/sovd/v1/components', '/sovd/v1/areas'))
            self.assertNotIn('apps', root)

    def test_components_are_listed_with_id_name_and_href(self):
        self.assertEqual(self.get('/components')['items'], [
            {'id': 'bms', 'name': 'Battery Management System', 'href': '/sovd/v1/components/bms'},
            {'id': 'climate', 'name': 'Cabin Climate Controller', 'href': '/sovd/v1/components/climate'}])

    def test_every_uri_in_the_capabilities_of_a_component_can_be_read(self):
        capabilities = self.get(BMS)
        uris = [value for key, value in capabilities.items() if key not in ('id', 'name')]
        self.assertEqual(len(uris), 12)
        for uri in uris:
            body = self.get(uri)
            self.assertTrue('items' in body or 'entries' in body, uri)

    def test_areas_contain_the_components_that_belong_to_them(self):
        self.assertEqual([area['id'] for area in self.get('/areas')['items']], ['powertrain', 'body'])
        for area, component in ('powertrain', 'bms'), ('body', 'climate'):
            contains = self.get(f'/areas/{area}')['contains']
            self.assertEqual([item['id'] for item in self.get(contains)['items']], [component])
            self.assertEqual(self.get(f'/components/{component}/belongs-to')['items'][0]['id'], area)

    def test_what_is_not_offered_answers_404(self):
        for path in ('/apps', '/functions', '/components/abs', '/components/abs/data', '/areas/roof', '/areas/roof/contains',
                     BMS + '/lock', BMS + '/data/none', BMS + '/operations/none', BMS + '/modes/none', '/components//data',
                     BMS + '/configurations/none', BMS + '/data/%zz', BMS + '/data/soc%2F', BMS + '/faults/bms-f001'):
            with self.subTest(path):
                self.ask(404, 'GET', path)

    def test_wrong_method_answers_405_with_allow(self):
        reply = self.ask(405, 'POST', BMS + '/data/soc', {})
        self.assertEqual(reply.headers['allow'], 'GET, HEAD, PUT')

    def test_head_has_the_headers_of_get_and_no_body(self):
        reply = self.ecu.request('HEAD', BMS + '/data/serial-number')
        self.assertEqual((reply.status, reply.body), (200, b''))
        self.assertEqual(reply.headers['content-length'], str(len(self.ecu.get(BMS + '/data/serial-number').body)))

    def test_ids_may_be_percent_encoded(self):
        self.assertEqual(self.get('/components/%62ms/data/so%63')['id'], 'soc')

    def test_include_schema_adds_a_schema_and_refuses_other_words(self):
        schema = self.get(CLIMATE + '/data/target-temp?include-schema=true')['schema']
        self.assertEqual(schema['properties']['data'], {
            'type': 'number', 'minimum': 16, 'maximum': 28,
            'x-sovd-unit': {'display_name': '°C', 'factor_si_to_unit': 1, 'offset_si_to_unit': -273.15}})
        listed = self.get(BMS + '/faults?include-schema=true')['schema']['properties']['items']['items']
        self.assertEqual(listed['properties']['severity'], {'type': 'integer'})
        self.assertNotIn('schema', self.get(BMS + '/faults?include-schema=false'))
        self.ask(400, 'GET', BMS + '/faults?include-schema=maybe')


class IsoData(EcuCase):
    def ids(self, path):
        return [item['id'] for item in self.get(path)['items']]

    def write(self, status, body, path=CLIMATE + '/data/target-temp'):
        return self.ask(status, 'PUT', path, body)

    def test_list_has_id_name_category_and_groups(self):
        self.assertEqual(self.get(BMS + '/data')['items'][0],
                         {'id': 'soc', 'name': 'State of Charge', 'category': 'currentData', 'groups': ['battery-pack']})
        self.assertEqual(self.ids(CLIMATE + '/data'), ['cabin-temp', 'target-temp', 'fan-speed'])

    def test_list_is_filtered_by_category_and_group(self):
        self.assertEqual(self.ids(BMS + '/data?category=identData'), ['serial-number'])
        self.assertEqual(self.ids(BMS + '/data?category=identData&category=storedData'),
                         ['energy-throughput-mws', 'serial-number'])
        self.assertEqual(self.ids(BMS + '/data?groups=battery-cells'), ['cell-temp-max'])
        self.assertEqual(self.ids(BMS + '/data?groups=none'), [])

    def test_categories_and_groups_are_those_of_the_data(self):
        self.assertEqual([item['item'] for item in self.get(BMS + '/data-categories')['items']],
                         ['identData', 'currentData', 'storedData'])
        self.assertEqual([item['item'] for item in self.get(CLIMATE + '/data-categories')['items']], ['currentData'])
        self.assertEqual(self.get(CLIMATE + '/data-groups')['items'],
                         [{'id': 'cabin', 'category': 'currentData', 'group': 'Cabin'},
                          {'id': 'blower', 'category': 'currentData', 'group': 'Blower'}])

    def test_a_read_has_just_id_and_data(self):
        self.assertEqual(self.get(BMS + '/data/serial-number'), {'id': 'serial-number', 'data': 'BMS-0001-4711'})

    def test_floats_keep_their_decimal_when_it_is_zero(self):
        self.ecu.set(component='bms', data='cell-temp-max', value=23, hold=True)
        self.assertEqual(data_text(self.ecu.get(BMS + '/data/cell-temp-max')), '23.0')

    def test_a_counter_beyond_2_to_53_has_every_digit_and_rises(self):
        def read():
            return int(data_text(self.ecu.get(BMS + '/data/energy-throughput-mws')))
        first = read()
        self.assertGreaterEqual(first, 9007199254740993)
        self.until(lambda: read() > first)
        self.ecu.set(component='bms', data='energy-throughput-mws', value=9223372036854775807, hold=True)
        self.assertEqual(read(), 9223372036854775807)

    def test_a_written_number_is_read_as_it_was_spelled(self):
        for text in '23.0', '23.50', '16', '28.0', '2.2e1':
            self.write(204, f'{{"data": {text}}}'.encode())
            self.assertEqual(data_text(self.ecu.get(CLIMATE + '/data/target-temp')), text)
        self.write(204, b'{"x": {"data": "[,}"}, "data" : 4 , "signature": "s"}', CLIMATE + '/data/fan-speed')
        self.assertEqual(data_text(self.ecu.get(CLIMATE + '/data/fan-speed')), '4')

    def test_a_refused_value_is_a_data_error_that_names_member_limits_and_what_came(self):
        for path, body, limits, came in (
                ('climate/data/target-temp', b'{"data": 28.1}', '16.0 to 28.0', '28.1'),
                ('climate/data/target-temp', b'{"data": "warm"}', '16.0 to 28.0', '"warm"'),
                ('climate/data/target-temp', b'{"data": 023.0}', '16.0 to 28.0', '023.0'),
                ('climate/data/target-temp', b'{"data": 1e999}', '16.0 to 28.0', '1e999'),
                ('climate/data/fan-speed', b'{"data": 3.5}', '0 to 7', '3.5'),
                ('climate/data/fan-speed', b'{"data": -1}', '0 to 7', '-1'),
                ('climate/data/fan-speed', b'{"data": true}', '0 to 7', 'true'),
                ('bms/data/charge-limit', b'{"data": 49}', '50 to 100', '49'),
                ('bms/data/charge-limit', b'{"value": 80}', '50 to 100', 'missing')):
            with self.subTest(body):
                answer = self.write(400, body, '/components/' + path).json
                self.assertEqual((answer['path'], answer['error']['error_code']), ('/data', 'incomplete-request'))
                for part in "'data'", limits, came:
                    self.assertIn(part, answer['message'])

    def test_read_only_data_answers_403(self):
        self.assertEqual(self.write(403, {'data': 50.0}, BMS + '/data/soc').json['error_code'], 'insufficient-access-rights')

    def test_bad_bodies_are_refused(self):
        path = CLIMATE + '/data/target-temp'
        for body in (b'{', b'', b'[1]', b'"x"', b'{"data": 20.0} x', b'{"data": 20.0', b'{"data": 20.0}\0', b'{"data": "\xff"}',
                     b'[' * 40 + b']' * 40):
            with self.subTest(body):
                self.write(400, body)
        self.ask(400, 'PUT', path)
        self.ask(415, 'PUT', path, b'{"data": 20.0}', headers={'Content-Type': 'text/plain'})
        self.ask(413, 'PUT', path, b'{"data": "' + b'x' * 65536 + b'"}')
        self.ask(204, 'PUT', path, b'{"data": 20.0}', headers={'Content-Type': 'Application/JSON; charset=utf-8'})

    def test_a_chunked_body_is_understood(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.ecu.port, timeout=TIMEOUT)
        self.addCleanup(connection.close)
        connection.request('PUT', '/sovd/v1' + CLIMATE + '/data/fan-speed', iter([b'{"data"', b': 5}']),
                           {'Content-Type': 'application/json'}, encode_chunked=True)
        self.assertEqual(connection.getresponse().status, 204)
        self.assertEqual(self.get(CLIMATE + '/data/fan-speed')['data'], 5)

    def test_a_connection_is_kept_for_many_requests(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.ecu.port, timeout=TIMEOUT)
        self.addCleanup(connection.close)
        connection.connect()
        used = connection.sock
        for _ in range(50):
            connection.request('GET', '/sovd/v1' + BMS + '/data/soc')
            connection.getresponse().read()
            self.assertIs(connection.sock, used)

    def test_configurations_are_read_and_written_with_checks(self):
        for component, name, good, bad in (
                ('bms', 'cell-balancing', {'enabled': False, 'threshold_mv': 50},
                 [{'enabled': 1, 'threshold_mv': 10}, {'enabled': True, 'threshold_mv': 4},
                  {'enabled': True, 'threshold_mv': 10.5}, {'enabled': True}, 'on',
                  {'enabled': True, 'threshold_mv': 10, 'more': 1}]),
                ('climate', 'display-unit', 'fahrenheit', ['kelvin', 3, None])):
            path = f'/components/{component}/configurations'
            self.assertEqual([(item['id'], item['type']) for item in self.get(path)['items']], [(name, 'parameter')])
            self.ask(204, 'PUT', f'{path}/{name}', {'data': good})
            for value in bad:
                self.assertTrue(self.ask(400, 'PUT', f'{path}/{name}', {'data': value}).json['path'].startswith('/data'))
            self.assertEqual(self.get(f'{path}/{name}'), {'id': name, 'data': good})


class IsoModes(EcuCase):
    arguments = ('--time-scale', '10')
    path = BMS + '/modes/session'

    def test_a_mode_is_listed_read_and_set(self):
        self.assertEqual([item['id'] for item in self.get(BMS + '/modes')['items']], ['session'])
        self.assertEqual(self.get(self.path)['value'], 'default')
        answer = self.ask(200, 'PUT', self.path, {'value': 'extended', 'mode_expiration': 3600}).json
        self.assertEqual(answer, {'id': 'session', 'value': 'extended'})
        self.assertEqual(self.get(self.path)['value'], 'extended')
        self.assertEqual(self.get(CLIMATE + '/modes/session')['value'], 'default')

    def test_an_expired_mode_falls_back_to_the_default(self):
        self.ask(200, 'PUT', self.path, {'value': 'programming', 'mode_expiration': 5})
        self.assertEqual(self.get(self.path)['value'], 'programming')
        self.until(lambda: self.get(self.path)['value'] == 'default')

    def test_unknown_values_and_odd_expirations_are_refused(self):
        for body in ({'value': 'sport'}, {}, {'value': 3}, {'value': 'extended', 'mode_expiration': 0},
                     {'value': 'extended', 'mode_expiration': 'soon'}):
            self.ask(400, 'PUT', self.path, body)


class IsoFaults(EcuCase):
    def codes(self, query=''):
        return [fault['code'] for fault in self.get(BMS + '/faults' + query)['items']]

    def heat(self):
        self.ecu.set(component='bms', data='cell-temp-max', value=50, hold=True)
        self.until(lambda: 'P0A7F' in self.codes())

    def test_the_first_fault_has_the_standard_members(self):
        fault = self.get(BMS + '/faults')['items'][0]
        status = fault.pop('status')
        self.assertEqual(fault, {'code': 'P0A80', 'display_code': 'P0A80', 'scope': 'primary', 'severity': 2,
                                 'fault_name': 'Cell Voltage Imbalance', 'fault_translation_id': 'fault.p0a80'})
        self.assertEqual((status['testFailed'], status['confirmedDTC'], status['mask'], status['aggregatedStatus']),
                         ('1', '1', '2F', 'active'))

    def test_a_fault_shows_the_values_of_the_moment_it_occurred(self):
        detail = self.get(BMS + '/faults/P0A80')
        self.assertEqual(detail['item']['code'], 'P0A80')
        environment = detail['environment_data']
        self.assertEqual(environment['freeze_frame'], {'soc': 78.5, 'voltage': 396.2, 'cell-temp-max': 34.1})
        self.assertEqual(environment['occurrence_counter'], 1)
        self.assertRegex(environment['timestamp'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$')

    def test_heat_raises_a_fault_that_heals_and_stays_as_passive(self):
        self.heat()
        self.assertEqual(self.get(BMS + '/faults/P0A7F')['environment_data']['freeze_frame']['cell-temp-max'], 50)
        self.ecu.set(component='bms', data='cell-temp-max', value=39)
        self.until(lambda: self.get(BMS + '/faults/P0A7F')['item']['status']['aggregatedStatus'] == 'passive')
        status = self.get(BMS + '/faults/P0A7F')['item']['status']
        self.assertEqual((status['testFailed'], status['confirmedDTC'], status['mask']), ('0', '1', '2E'))
        self.heat()
        self.until(lambda: self.get(BMS + '/faults/P0A7F')['environment_data']['occurrence_counter'] == 2)

    def test_filters_select_by_status_severity_and_scope(self):
        self.heat()
        self.ecu.set(component='bms', data='cell-temp-max', value=30, hold=True)
        self.until(lambda: self.codes('?status[testFailed]=0') == ['P0A7F'])
        for query, codes in (('?status[aggregatedStatus]=active', ['P0A80']), ('?status%5BTESTFAILED%5D=true', ['P0A80']),
                             ('?status[testfailed]=False', ['P0A7F']), ('?status[mask]=2F', ['P0A80']),
                             ('?status[testFailed]=1&status[aggregatedStatus]=passive', ['P0A80', 'P0A7F']),
                             ('?status[unknown]=1', []), ('?severity=2', ['P0A7F']), ('?severity=1', []),
                             ('?severity=3', ['P0A80', 'P0A7F']), ('?scope=secondary', ['P0A7F']),
                             ('?scope=primary&severity=2', []), ('?unknown=1', ['P0A80', 'P0A7F'])):
            with self.subTest(query):
                self.assertEqual(self.codes(query), codes)
        self.ask(400, 'GET', BMS + '/faults?severity=high')

    def test_a_cleared_fault_is_gone(self):
        self.ask(204, 'DELETE', BMS + '/faults/P0A80')
        self.assertEqual(self.codes(), [])
        self.ask(404, 'GET', BMS + '/faults/P0A80')
        self.ask(404, 'DELETE', BMS + '/faults/P0A80')
        self.ask(404, 'DELETE', BMS + '/faults/none')

    def test_a_fault_whose_cause_is_present_cannot_be_cleared_alone(self):
        self.heat()
        answer = self.ask(409, 'DELETE', BMS + '/faults/P0A7F').json
        self.assertEqual(answer['error_code'], 'precondition-not-fulfilled')
        self.ecu.set(component='bms', data='cell-temp-max', value=30, hold=True)
        self.until(lambda: self.ecu.request('DELETE', BMS + '/faults/P0A7F').status == 204)

    def test_all_faults_of_a_scope_or_of_the_component_are_cleared(self):
        self.ecu.set(component='bms', fault='P0A7F', active=True)
        self.ask(204, 'DELETE', BMS + '/faults?scope=secondary')
        self.assertEqual(self.codes(), ['P0A80'])
        self.ask(204, 'DELETE', BMS + '/faults')
        self.assertEqual(self.codes(), [])

    def test_the_cabin_sensor_fails_for_some_seconds_every_minute(self):
        fast = self.start('--time-scale', '50')

        def found(count):
            items = fast.get(CLIMATE + '/faults').json['items']
            if not items or items[0]['status']['aggregatedStatus'] != 'passive':
                return False
            return fast.get(CLIMATE + '/faults/B1234').json['environment_data']['occurrence_counter'] >= count
        self.until(lambda: found(2))


class IsoOperations(EcuCase):
    arguments = ('--time-scale', '10')

    def begin(self, body=None, path=SELF_TEST):
        reply = self.ask(202, 'POST', path + '/executions', body)
        self.assertEqual(reply.json['status'], 'running')
        self.assertEqual(reply.headers['location'], f'/sovd/v1{path}/executions/{reply.json["id"]}')
        return reply.headers['location']

    def end(self, location):
        return self.until(lambda: self.get(location)['status'] != 'running' and self.get(location))

    def test_operations_tell_whether_they_are_asynchronous(self):
        self.assertEqual(self.get(BMS + '/operations')['items'][0],
                         {'id': 'self-test', 'name': 'Battery Self Test', 'proximity_proof_required': False,
                          'asynchronous_execution': True})
        self.assertIs(self.get(CLIMATE + '/operations/recirculate')['item']['asynchronous_execution'], False)
        self.assertEqual(self.get(SELF_TEST)['modes'], {})

    def test_a_synchronous_operation_answers_200_and_leaves_no_execution(self):
        answer = self.ask(200, 'POST', CLIMATE + '/operations/recirculate/executions', {}).json
        self.assertEqual(answer, {'parameters': {'flushed_litres': 3200}})
        self.assertEqual(self.get(CLIMATE + '/operations/recirculate/executions')['items'], [])

    def test_a_self_test_runs_progresses_and_completes_with_its_result(self):
        self.ecu.set(next_self_test='pass')
        location = self.begin({'parameters': {'mode': 'full'}})
        progress = self.until(lambda: self.get(location)['progress'])
        self.assertLessEqual(progress, 100)
        done = self.end(location)
        self.assertEqual((done['capability'], done['status'], done['progress']), ('execute', 'completed', 100))
        self.assertEqual((done['parameters']['mode'], done['parameters']['cells_ok']), ('full', 96))
        self.assertGreater(done['parameters']['isolation_kohm'], 1000)
        self.assertIn(location.rsplit('/', 1)[1], self.get(SELF_TEST + '/executions')['items'])

    def test_a_quick_self_test_leaves_the_isolation_out(self):
        self.ecu.set(next_self_test='pass')
        done = self.end(self.begin({'parameters': {'mode': 'quick'}}))
        self.assertEqual(done['parameters'], {'mode': 'quick', 'cells_ok': 96})

    def test_a_self_test_can_be_told_to_fail(self):
        self.ecu.set(next_self_test='fail')
        done = self.end(self.begin())
        self.assertEqual(done['status'], 'failed')
        self.assertLess(done['progress'], 100)
        self.assertEqual((done['error'][0]['path'], done['error'][0]['error']['error_code']), ('/', 'error-response'))

    def test_odd_starts_are_refused(self):
        for body in ({'parameters': {'mode': 'slow'}}, {'parameters': {'mode': 1}}, {'parameters': [1]}, {'timeout': 0},
                     {'timeout': '1'}, {'timeout': 1.5}):
            self.ask(400, 'POST', SELF_TEST + '/executions', body)
        self.ask(400, 'POST', SELF_TEST + '/executions', b'{')
        self.assertEqual(self.get(SELF_TEST + '/executions')['items'], [])

    def test_a_second_start_while_one_runs_answers_409(self):
        slow = self.ecu = self.start('--time-scale', '0.01')
        self.begin(path=BMS + '/operations/cell-balance')
        self.ask(409, 'POST', BMS + '/operations/cell-balance/executions', {})
        self.assertEqual(slow.request('POST', SELF_TEST + '/executions', {}).status, 202)

    def test_stop_ends_an_execution_as_failed(self):
        self.ecu = self.start('--time-scale', '0.01')
        location = self.begin()
        self.ask(409, 'PUT', location, {'capability': 'freeze'})
        self.ask(400, 'PUT', location, {'capability': 'dance'})
        self.ask(400, 'PUT', location, {})
        reply = self.ask(202, 'PUT', location, {'capability': 'stop'})
        self.assertEqual((reply.headers['location'], reply.json['status']), (location, 'failed'))
        stopped = self.get(location)
        self.assertEqual((stopped['capability'], stopped['error'][0]['error']['message']), ('stop', 'stopped by the client'))
        self.ask(409, 'PUT', location, {'capability': 'stop'})

    def test_delete_terminates_and_removes_an_execution(self):
        self.ecu = self.start('--time-scale', '0.01')
        location = self.begin()
        self.ask(204, 'DELETE', location)
        self.ask(404, 'GET', location)
        self.begin()

    def test_a_timeout_stops_the_execution(self):
        done = self.end(self.begin({'timeout': 1}, BMS + '/operations/cell-balance'))
        self.assertEqual(done['status'], 'failed')
        self.assertIn('timeout', done['error'][0]['error']['message'])

    def test_at_most_64_executions_are_kept(self):
        self.ecu = self.start('--time-scale', '0.01')
        for _ in range(66):
            location = self.begin()
            self.ask(202, 'PUT', location, {'capability': 'stop'})
        kept = self.get(SELF_TEST + '/executions')['items']
        self.assertEqual(len(kept), 64)
        self.assertEqual({int(name.split('-')[0]) for name in kept}, set(range(3, 67)))

    def test_a_finished_execution_is_gone_after_ten_minutes(self):
        self.ecu = self.start('--time-scale', '2000')
        self.ecu.set(next_self_test='pass')
        location = self.begin()
        self.until(lambda: self.ecu.get(location).status == 404)

    def test_a_full_self_test_heats_the_cells(self):
        self.ecu.set(next_self_test='pass')
        self.end(self.begin())
        self.assertGreater(self.get(BMS + '/data/cell-temp-max')['data'], 36)


class OData(EcuCase):
    dialect = 'odata'
    arguments = ('--time-scale', '10')

    def check_error(self, reply):
        if reply.status >= 400:
            self.assertEqual(reply.json['error']['code'], f'SOVD-ERR-{reply.status}')
            self.assertTrue(reply.json['error']['message'])

    def values(self, path, name):
        answer = self.get(path)
        self.assertEqual((answer['@odata.context'], answer['@odata.count']), ('$metadata#' + name, len(answer['value'])))
        return answer['value']

    def test_root_health_and_version_are_served(self):
        self.assertEqual(self.get('/sovd/v1')['serverName'], 'demo-ecu')
        self.assertEqual(self.get('/health'), {'status': 'healthy', 'serverName': 'demo-ecu', 'uptime': 'running'})
        self.assertEqual(self.get('/version-info')['apiVersions'][0]['url'], '/sovd/v1')

    def test_components_and_groups_are_collections(self):
        bms = {'id': 'bms', 'name': 'Battery Management System', 'category': 'powertrain',
               'description': 'HV battery management ECU', 'connectionState': 'connected'}
        self.assertEqual(self.values('/components', 'components')[0], bms)
        self.assertEqual(self.get(BMS), bms)
        group = {'id': 'powertrain', 'name': 'Powertrain', 'description': 'Powertrain domain ECUs', 'componentIds': ['bms']}
        self.assertEqual(self.values('/groups', 'groups')[0], group)
        self.assertEqual(self.get('/groups/powertrain'), group)
        self.assertEqual(self.values('/groups/powertrain/components', 'components'), [bms])
        self.ask(404, 'GET', '/groups/roof')
        self.ask(404, 'GET', '/components/abs')

    def test_capabilities_count_what_there_is(self):
        self.assertEqual(self.get(BMS + '/capabilities'), {
            'componentId': 'bms', 'supportedCategories': ['data', 'faults', 'operations'], 'dataCount': 6,
            'operationCount': 2, 'features': []})

    def test_data_are_described_in_the_catalog_and_read_one_by_one(self):
        self.assertEqual(self.values(CLIMATE + '/data', 'data')[1],
                         {'id': 'target-temp', 'name': 'Target Temperature', 'access': 'readWrite', 'dataType': 'float',
                          'unit': '°C'})
        self.assertEqual(self.get(CLIMATE + '/data/fan-speed'),
                         {'id': 'fan-speed', 'name': 'Fan Speed', 'value': 3, 'access': 'readWrite'})
        self.assertEqual(data_text(self.ecu.get(CLIMATE + '/data/target-temp'), 'value'), '21.0')

    def test_values_are_written_with_checks(self):
        self.ask(204, 'PUT', CLIMATE + '/data/target-temp', b'{"value": 23.50}')
        self.assertEqual(data_text(self.ecu.get(CLIMATE + '/data/target-temp'), 'value'), '23.50')
        self.assertIn("'value' must be a number from 16.0 to 28.0, got 99",
                      self.ask(400, 'PUT', CLIMATE + '/data/target-temp', {'value': 99}).json['error']['message'])
        self.ask(400, 'PUT', CLIMATE + '/data/target-temp', {'data': 20.0})
        self.ask(403, 'PUT', BMS + '/data/soc', {'value': 20.0})
        self.ask(404, 'PUT', BMS + '/data/none', {'value': 20.0})
        self.ask(415, 'PUT', CLIMATE + '/data/target-temp', b'{"value": 20}', headers={'Content-Type': 'text/plain'})
        self.ask(405, 'PATCH', CLIMATE + '/data/target-temp', {'value': 20})

    def test_faults_are_flat_with_words(self):
        fault = {'id': 'bms-f001', 'componentId': 'bms', 'code': 'P0A80', 'displayCode': 'P0A80', 'severity': 'high',
                 'status': 'active', 'name': 'Cell Voltage Imbalance', 'scope': 'primary',
                 'description': 'Cell voltage imbalance detected in module 3'}
        self.assertEqual(self.values(BMS + '/faults', 'faults'), [fault])
        self.assertEqual(self.get(BMS + '/faults/bms-f001'), fault)
        self.ask(204, 'DELETE', BMS + '/faults/bms-f001')
        self.ask(404, 'GET', BMS + '/faults/bms-f001')
        self.ecu.set(component='bms', fault='P0A80', active=True)
        self.ask(204, 'DELETE', BMS + '/faults')
        self.assertEqual(self.values(BMS + '/faults', 'faults'), [])

    def test_an_operation_runs_until_it_is_completed(self):
        self.ecu.set(next_self_test='pass')
        reply = self.ask(202, 'POST', SELF_TEST, {'params': {'mode': 'full'}})
        execution, location = reply.json, reply.headers['location']
        self.assertEqual((execution['status'], execution['operationId']), ('running', 'self-test'))
        self.assertEqual(location, f'/sovd/v1{SELF_TEST}/executions/{execution["executionId"]}')
        self.ask(409, 'POST', SELF_TEST, {})
        self.until(lambda: self.get(location)['status'] == 'completed')
        done = self.get(location)
        self.assertEqual((done['progress'], done['result']['success']), (100, True))
        self.assertEqual(done['result']['parameters']['cells_ok'], 96)
        self.assertEqual(self.values(SELF_TEST + '/executions', 'executions'), [done])
        self.assertEqual(self.values(BMS + '/operations', 'operations')[0]['status'], 'completed')
        self.ask(409, 'DELETE', location)

    def test_a_running_execution_is_cancelled_and_stays_readable(self):
        self.ecu = self.start('--time-scale', '0.01')
        location = self.ask(202, 'POST', SELF_TEST, {'params': None}).headers['location']
        self.ask(204, 'DELETE', location)
        self.assertEqual(self.get(location)['status'], 'cancelled')
        self.ask(404, 'GET', SELF_TEST + '/executions/none')
        self.ask(400, 'POST', SELF_TEST)

    def test_the_synchronous_operation_is_completed_at_once(self):
        answer = self.ask(202, 'POST', CLIMATE + '/operations/recirculate', {}).json
        self.assertEqual((answer['status'], answer['progress']), ('completed', 100))
        self.assertEqual(answer['result']['parameters'], {'flushed_litres': 3200})
        self.ask(202, 'POST', CLIMATE + '/operations/recirculate', {})

    def test_modes_are_one_object_that_is_set_by_post_or_put(self):
        mode = self.get(BMS + '/modes')
        self.assertEqual((mode['componentId'], mode['currentMode'], mode['availableModes']),
                         ('bms', 'default', ['default', 'extended', 'programming']))
        self.assertEqual(self.ask(200, 'POST', BMS + '/modes', {'mode': 'extended'}).json['currentMode'], 'extended')
        self.assertEqual(self.ask(200, 'PUT', BMS + '/modes/programming').json['currentMode'], 'programming')
        self.ask(400, 'POST', BMS + '/modes', {'mode': 'sport'})
        self.ask(400, 'PUT', BMS + '/modes/sport')

    def test_configurations_are_one_object_written_by_name(self):
        path = CLIMATE + '/configurations'
        self.assertEqual(self.get(path), {'componentId': 'climate', 'parameters': {'display-unit': 'celsius'}})
        self.ask(204, 'PUT', path, {'name': 'display-unit', 'value': 'fahrenheit'})
        self.assertEqual(self.get(path)['parameters'], {'display-unit': 'fahrenheit'})
        self.ask(400, 'PUT', path, {'name': 'display-unit', 'value': 'kelvin'})
        self.ask(404, 'PUT', path, {'name': 'none', 'value': 1})


class Simulation(EcuCase):
    arguments = ('--time-scale', '50')

    def test_measured_values_move(self):
        for path in BMS + '/data/soc', BMS + '/data/voltage', BMS + '/data/cell-temp-max', CLIMATE + '/data/cabin-temp':
            first = self.get(path)['data']
            self.until(lambda: self.get(path)['data'] != first)

    def test_the_cabin_follows_its_target(self):
        self.ask(204, 'PUT', CLIMATE + '/data/fan-speed', {'data': 7})
        self.ask(204, 'PUT', CLIMATE + '/data/target-temp', {'data': 27.0})
        self.until(lambda: self.get(CLIMATE + '/data/cabin-temp')['data'] > 26)

    def test_a_held_value_stays_until_it_is_released(self):
        self.ecu.set(component='bms', data='soc', value=12.5, hold=True)
        first = self.get(BMS + '/data/voltage')['data']
        self.until(lambda: self.get(BMS + '/data/voltage')['data'] != first)
        self.assertEqual(self.get(BMS + '/data/soc')['data'], 12.5)
        self.ecu.set(component='bms', data='soc', hold=False)
        self.until(lambda: self.get(BMS + '/data/soc')['data'] != 12.5)

    def frame(self, seed):
        with tempfile.NamedTemporaryFile('w') as scenario:
            scenario.write('60 raise bms P0A7F\n')
            scenario.flush()
            run = self.start('--time-scale', '200', '--seed', seed, '--scenario', scenario.name)
        self.until(lambda: run.get(BMS + '/faults/P0A7F').status == 200)
        return run.get(BMS + '/faults/P0A7F').json['environment_data']['freeze_frame']

    def test_the_same_seed_gives_the_same_values_and_another_seed_others(self):
        first = self.frame('7')
        self.assertEqual(self.frame('7'), first)
        self.assertNotEqual(self.frame('8'), first)

    def test_a_component_can_vanish_and_appear(self):
        self.ecu.set(component='climate', present=False)
        self.assertEqual([item['id'] for item in self.get('/components')['items']], ['bms'])
        self.assertEqual(self.get('/areas/body/contains')['items'], [])
        self.ask(404, 'GET', CLIMATE)
        self.ask(404, 'GET', CLIMATE + '/data/cabin-temp')
        self.ecu.set(component='climate', present=True)
        self.get(CLIMATE + '/data/cabin-temp')

    def test_orders_that_make_no_sense_are_refused(self):
        for body in ({}, {'component': 'bms'}, {'component': 'bms', 'data': 'soc'}, {'next_self_test': 'maybe'},
                     {'component': 'bms', 'data': 'soc', 'value': 'x'}, {'component': 'bms', 'fault': 'P0A80', 'active': 1}):
            self.ask(400, 'PUT', '/x-demo/vehicle', body)
        for body in ({'component': 'abs', 'present': True}, {'component': 'bms', 'data': 'none', 'value': 1},
                     {'component': 'bms', 'fault': 'none', 'active': True}):
            self.ask(404, 'PUT', '/x-demo/vehicle', body)


class Scenario(EcuCase):
    def write(self, text):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'test.scenario'
        path.write_text(text)
        return str(path)

    def test_actions_happen_in_their_order(self):
        self.ecu = self.start('--time-scale', '20', '--scenario', self.write(
            '# what a test needs\n\n0 hold bms soc 11.0\n0 self-test fail\n5 raise climate B1234\n5 vanish climate\n'
            '30 appear climate\n30 heal climate B1234\n30 release bms soc\n30 set bms soc 44\n'))
        self.assertEqual(self.get(BMS + '/data/soc')['data'], 11)
        location = self.ask(202, 'POST', SELF_TEST + '/executions', {}).headers['location']
        self.until(lambda: self.ecu.get(CLIMATE).status == 404)
        self.until(lambda: self.ecu.get(CLIMATE).status == 200)
        self.assertEqual([fault['code'] for fault in self.get(CLIMATE + '/faults')['items']], ['B1234'])
        self.assertEqual(self.get(location)['status'], 'failed')
        self.assertGreater(self.get(BMS + '/data/soc')['data'], 40)

    def test_a_mistake_is_named_with_file_and_line(self):
        for line, reason in (('1 explode bms', "unknown verb 'explode'"), ('soon vanish bms', 'begins with a time'),
                             ('1 set bms soc', 'takes 3 words'), ('1 vanish bms now', 'takes 1 words'),
                             ('1 vanish abs', "no component 'abs'"), ('1 raise bms P1', "no fault 'P1'"),
                             ('1 set bms soc much', "takes a number, got 'much'"), ('0.1 vanish bms', 'backwards')):
            with self.subTest(line):
                path = self.write(f'# a comment\n0.5 vanish climate\n{line}\n')
                ended = CommandLine.run_ecu('--scenario', path)
                self.assertEqual((ended.returncode, ended.stdout), (2, ''))
                self.assertIn(f'{path}:3: ', ended.stderr)
                self.assertIn(reason, ended.stderr)
        self.assertEqual(CommandLine.run_ecu('--scenario', 'no-such-file').returncode, 2)


class CommandLine(EcuCase):
    @staticmethod
    def run_ecu(*arguments):
        return subprocess.run([str(ecu.binary()), *arguments], capture_output=True, text=True, timeout=TIMEOUT, check=False)

    def test_the_first_line_says_where_it_listens(self):
        self.assertEqual(self.ecu.greeting, f'demo-ecu: listening on http://127.0.0.1:{self.ecu.port}/sovd/v1 (dialect iso, seed 1)\n')

    def test_help_and_version_are_printed(self):
        self.assertIn('--inject RULE', self.run_ecu('--help').stdout)
        self.assertRegex(self.run_ecu('--version').stdout, r'^demo-ecu \d+\.\d+\.\d+\n$')

    def test_bad_arguments_end_with_2_and_a_message(self):
        for arguments in (['--port', '65536'], ['--port', 'x'], ['--dialect', 'soap'], ['--seed', '-1'], ['--time-scale', '0'],
                          ['--time-scale', 'nan'], ['--inject', 'explode'], ['--inject', 'delay=x'], ['--inject', 'hang=1'],
                          ['--inject', 'status=503#0'], ['--host', ''], ['--nonsense'], ['extra'], ['--port']):
            with self.subTest(arguments):
                ended = self.run_ecu(*arguments)
                self.assertEqual((ended.returncode, ended.stdout), (2, ''))
                self.assertTrue(ended.stderr)

    def test_a_port_in_use_ends_with_1_and_a_message(self):
        ended = self.run_ecu('--port', str(self.ecu.port))
        self.assertEqual(ended.returncode, 1)
        self.assertIn(f'cannot listen on 127.0.0.1 port {self.ecu.port}', ended.stderr)
        self.assertIn('Address already in use', ended.stderr)

    def test_interrupt_ends_it_cleanly_while_clients_hang(self):
        ended = ecu.DemoEcu('--inject', 'hang')
        client = socket.create_connection(('127.0.0.1', ended.port))
        self.addCleanup(client.close)
        client.sendall(b'GET /sovd/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n')
        self.assertTrue(polling.wait_until(lambda: ended.stats()['in_flight'] == 1, TIMEOUT))
        ended.process.send_signal(signal.SIGINT)
        self.assertEqual(ended.process.wait(TIMEOUT), 0)
        self.assertEqual(ended.stop(), (0, ''))


class Injection(EcuCase):
    def test_rules_are_listed_counted_down_and_cleared(self):
        self.ecu.inject('status=418:soc#2', 'status')
        self.assertEqual(self.get('/x-demo/inject')['rules'], [{'rule': 'status=418:soc#2', 'left': 2}, {'rule': 'status'}])
        self.assertEqual([self.ecu.get(BMS + '/data/soc').status for _ in range(3)], [418, 418, 503])
        self.assertEqual(self.get('/x-demo/inject')['rules'], [{'rule': 'status'}])
        self.ask(503, 'GET', BMS)
        self.ecu.clear_injection()
        self.get(BMS + '/data/soc')
        self.ask(400, 'PUT', '/x-demo/inject', {'rule': 'explode'})

    def test_a_rule_on_the_command_line_applies_from_the_first_request(self):
        self.ecu = self.start('--inject', 'status=500:/faults')
        self.ask(500, 'GET', BMS + '/faults')
        self.get(BMS + '/data/soc')

    def test_delay_answers_late_and_correctly(self):
        self.ecu.inject('delay=300')
        with self.assertRaises(TimeoutError):
            self.ecu.request('GET', BMS, timeout=0.1)
        self.assertEqual(self.get(BMS)['id'], 'bms')

    def test_hang_never_answers(self):
        self.ecu.inject('hang#1')
        with self.assertRaises(TimeoutError):
            self.ecu.request('GET', BMS, timeout=0.2)
        self.until(lambda: self.ecu.stats()['in_flight'] == 0)

    def test_broken_connections_and_answers_look_as_ordered(self):
        for rule, error in (('reset', ConnectionResetError), ('drop', http.client.RemoteDisconnected),
                            ('garbage', http.client.BadStatusLine), ('truncated', http.client.IncompleteRead)):
            with self.subTest(rule):
                self.ecu.inject(rule + '#1')
                with self.assertRaises(error) as caught:
                    self.ecu.get(BMS)
                if rule == 'garbage':
                    self.assertNotIsInstance(caught.exception, http.client.RemoteDisconnected)

    def test_bodies_of_the_wrong_kind_come_with_200(self):
        self.ecu.inject('bad-json#1', 'wrong-type#1')
        broken = self.ask(200, 'GET', BMS)
        with self.assertRaises(json.JSONDecodeError):
            broken.json
        self.assertIsInstance(self.get(BMS), list)

    def test_huge_bodies_have_the_size_that_was_ordered_or_no_end(self):
        self.ecu.inject('huge=1000000#1', 'huge')
        self.assertEqual(len(self.get(BMS)['data']), 1000000)
        with socket.create_connection(('127.0.0.1', self.ecu.port), timeout=TIMEOUT) as client:
            client.sendall(b'GET /sovd/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n')
            received = 0
            while received < 8000000:
                received += len(client.recv(65536))
        self.until(lambda: self.ecu.stats()['in_flight'] == 0)

    def test_injected_errors_are_worded_by_the_dialect(self):
        odata = self.start('--inject', 'status=503', dialect='odata')
        self.assertEqual(odata.get(BMS).json['error']['code'], 'SOVD-ERR-503')


class Statistics(EcuCase):
    def test_requests_are_counted_by_collection(self):
        for path in BMS + '/data/soc', BMS + '/data', BMS + '/faults', '/components', BMS, '/areas', '', '/none', SELF_TEST:
            self.ecu.get(path)
        stats = self.ecu.stats()
        self.assertEqual(stats['requests'], 9)
        self.assertEqual({name: count for name, count in stats['classes'].items() if count},
                         {'root': 1, 'areas': 1, 'components': 2, 'data': 2, 'faults': 1, 'operations': 1, 'other': 1})
        self.ecu.reset_stats()
        self.assertEqual(self.ecu.stats()['requests'], 0)

    def test_the_headers_of_the_last_request_are_shown(self):
        self.ecu.request('GET', BMS + '/faults', headers={'traceparent': '00-ab-cd-01', 'X-Request-Id': 'r"1'})
        self.assertEqual(self.ecu.stats()['last'], {'method': 'GET', 'path': '/sovd/v1/components/bms/faults',
                                                    'headers': {'traceparent': '00-ab-cd-01', 'x-request-id': 'r"1'}})

    def test_requests_in_flight_are_counted(self):
        self.ecu.inject('delay=1000')
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            calls = [pool.submit(self.ecu.get, BMS) for _ in range(5)]
            self.until(lambda: self.ecu.stats()['in_flight'] == 5)
            self.assertEqual([call.result().status for call in calls], [200] * 5)
        self.until(lambda: self.ecu.stats()['in_flight'] == 0)
        self.assertEqual(self.ecu.stats()['max_in_flight'], 5)


if __name__ == '__main__':
    unittest.main()
