# SPDX-License-Identifier: Apache-2.0
"""The simulated vehicle of --demo: no configuration file, no network, every collection that is served."""
import concurrent.futures
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

ANY_PORT = {'SOVD_SERVER__PORT': '0'}
FAST = {'seed': 7, 'components': [{
    'id': 'ecu',
    'data': [{'id': 'speed', 'value': 1.5, 'writable': True}, {'id': 'slow', 'value': 1}],
    'faults': [{'code': 'HEALED', 'name': 'Healed', 'heals_after_secs': 0, 'scope': 'one', 'freeze_frame': ['speed']},
               {'code': 'ALSO', 'name': 'Also healed', 'heals_after_secs': 0, 'scope': 'two', 'severity': 4},
               {'code': 'ACTIVE', 'name': 'Active', 'scope': 'one'}],
    'operations': [{'id': 'quick', 'asynchronous': True, 'duration_secs': 0.2, 'result': [{'name': 'x', 'value': 1.50}]},
                   {'id': 'long', 'asynchronous': True, 'duration_secs': 600},
                   {'id': 'stubborn', 'asynchronous': True, 'duration_secs': 1, 'stoppable': False},
                   {'id': 'broken', 'asynchronous': True, 'fails_every': 1, 'error': 'no voltage'},
                   {'id': 'now', 'result': [{'name': 'done', 'value': True}]}, {'id': 'never', 'fails_every': 1}],
    'modes': [{'id': 'session', 'values': ['default', 'extended'], 'expires_secs': 60}],
    'configurations': [{'id': 'limit', 'type': 'integer', 'value': 5, 'min': 1, 'max': 9}]}]}


class DemoCase(polling.Waiting, unittest.TestCase):
    @classmethod
    def start(cls, *arguments):
        cls.gateway = gateway.Gateway(arguments=arguments, environment=ANY_PORT)
        cls.addClassCleanup(cls.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        """The reply to a request, which has to have this status; the helper checks it against the OpenAPI document."""
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def ids(self, path, key='id'):
        return [item[key] for item in self.get(path)['items']]


class Vehicle(DemoCase):
    @classmethod
    def setUpClass(cls):
        cls.start('--demo')

    def test_entities_of_all_four_types_are_there(self):
        self.assertEqual(self.ids('/areas'), ['front', 'rear', 'powertrain', 'high-voltage'])
        self.assertEqual(self.ids('/components'), ['hpc', 'gateway-ecu', 'bms', 'cell-monitor', 'climate'])
        self.assertEqual(self.ids('/apps'), ['navigation', 'thermal-controller', 'sovd-gateway'])
        self.assertEqual(self.ids('/functions'), ['thermal-management'])

    def test_a_component_says_which_variant_it_is(self):
        self.assertEqual(self.get('/components/bms')['variant'], {'hardware': 'B2', 'cells': '108'})
        self.assertNotIn('variant', self.get('/components/hpc'))

    def test_relations_lead_from_one_to_the_other_and_back(self):
        for path, expected in {'/areas/powertrain/subareas': ['high-voltage'], '/components/bms/subcomponents': ['cell-monitor'],
                               '/components/hpc/hosts': ['navigation', 'thermal-controller'],
                               '/apps/navigation/is-located-on': ['hpc'], '/components/bms/belongs-to': ['high-voltage', 'rear'],
                               '/areas/rear/contains': ['bms', 'cell-monitor'],
                               '/functions/thermal-management/depends-on': ['bms', 'climate', 'thermal-controller']}.items():
            with self.subTest(path):
                self.assertEqual(self.ids(path), expected)

    def test_a_part_is_read_below_its_whole(self):
        below = '/components/bms/subcomponents/cell-monitor/data'
        self.assertEqual(self.ids(below), self.ids('/components/cell-monitor/data'))
        self.assertEqual(self.get(below + '/cells')['data'], 108)

    def test_tags_filter_entities_and_data(self):
        self.assertEqual(self.ids('/components?tags=battery'), ['bms', 'cell-monitor'])
        self.assertEqual(self.ids('/components/bms/data?tags=live'), ['voltage', 'current', 'soc', 'temperature'])
        self.assertEqual(self.ids('/components/bms/data?groups=thermal&groups=energy'), ['soc', 'temperature', 'charge-window', 'charge-limit'])
        self.assertEqual(self.ids('/components/bms/data?category=identData'), ['part-number', 'software-version'])

    def test_everything_that_is_listed_can_be_read(self):
        n = {}
        for kind in 'areas', 'components', 'apps', 'functions':
            for entity in self.ids(f'/{kind}'):
                capabilities = self.get(f'/{kind}/{entity}')
                for collection in 'data', 'faults', 'operations', 'modes', 'configurations', 'scripts':
                    if collection not in capabilities:
                        self.ask(404, 'GET', f'/{kind}/{entity}/{collection}')
                        continue
                    for name in self.ids(capabilities[collection], 'code' if collection == 'faults' else 'id'):
                        self.ask(200, 'GET', f'{capabilities[collection]}/{name}')
                        n[collection] = n.get(collection, 0) + 1
        self.assertGreaterEqual(n['data'], 25)
        self.assertGreaterEqual(n['faults'], 2)  # the others appear later
        self.assertEqual((n['operations'], n['modes'], n['configurations'], n['scripts']), (7, 4, 4, 1))

    def test_data_moves(self):
        first = self.get('/components/gateway-ecu/data/bus-load')['data']
        self.until(lambda: self.get('/components/gateway-ecu/data/bus-load')['data'] != first)

    def test_a_written_setpoint_is_followed(self):
        self.ask(204, 'PUT', '/components/climate/data/setpoint', b'{"data": 28.00}')
        self.assertIn(b'28.00', self.ask(200, 'GET', '/components/climate/data/setpoint').body)
        before = self.get('/components/climate/data/cabin-temperature')['data']
        self.until(lambda: self.get('/components/climate/data/cabin-temperature')['data'] > before)

    def test_health_tells_what_there_is_to_tell(self):
        entry = self.gateway.backend()
        self.assertEqual((entry['type'], entry['connection'], entry['entities'], entry['failures']), ('sim', 'connected', 12, 0))
        for word in 'breaker', 'dialect', 'last_seen', 'last_error':
            self.assertNotIn(word, entry)
        self.assertEqual(self.gateway.metrics()['sovd_backend_up{backend="demo"}'], 1)

    def test_include_schema_is_offered(self):
        for path in '/components/bms/data', '/components/bms/data/soc', '/components/bms/faults/D10A12', '/components/bms/modes/session':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')


class Collections(DemoCase):
    """A scenario of one's own, in which little time passes."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='sim')
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'fast.yaml'
        path.write_text(json.dumps(FAST), encoding='utf-8')
        cls.start(f'--demo={path}')

    def run_operation(self, name, body=None):
        reply = self.ask(202, 'POST', f'/components/ecu/operations/{name}/executions', body or {})
        return reply.headers['location']

    def ended(self, uri):
        return self.until(lambda: (body := self.get(uri))['status'] != 'running' and body)

    def test_writes_of_data_are_checked(self):
        path = '/components/ecu/data/'
        self.ask(204, 'PUT', path + 'speed', {'value': 3})
        self.assertEqual(self.get(path + 'speed')['data'], 3)
        self.assertEqual(self.ask(400, 'PUT', path + 'speed', {'data': 'fast'}).json['path'], '/data')
        self.assertEqual(self.ask(400, 'PUT', path + 'speed', {'value': 'fast'}).json['path'], '/value')
        self.ask(403, 'PUT', path + 'slow', {'data': 2})
        self.ask(404, 'PUT', path + 'none', {'data': 2})
        self.ask(404, 'GET', path + 'none')

    def test_many_clients_at_once_see_whole_values(self):
        seen = []

        def write_and_read(number):
            for _ in range(20):
                self.ask(204, 'PUT', '/components/ecu/data/speed', {'data': number})
                seen.append(self.get('/components/ecu/data/speed')['data'])
                self.get('/components/ecu/faults/ACTIVE')
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(write_and_read, range(100, 108)))
        self.assertEqual(len(seen), 160)
        self.assertLessEqual(set(seen), set(range(100, 108)))
        self.ask(204, 'PUT', '/components/ecu/data/speed', {'data': 1.5})

    def test_configurations_are_checked_and_kept(self):
        path = '/components/ecu/configurations/limit'
        self.ask(204, 'PUT', path, {'data': 7})
        self.assertEqual(self.get(path)['data'], 7)
        self.assertEqual(self.ask(400, 'PUT', path, {'data': 10}).json['message'], "configuration 'limit' must be from 1 to 9")
        self.ask(404, 'GET', path + 's')

    def test_modes_are_set_within_their_limits(self):
        path = '/components/ecu/modes/session'
        self.assertEqual(self.ask(200, 'PUT', path, {'value': 'extended', 'mode_expiration': 1}).json, {'id': 'session', 'value': 'extended'})
        self.until(lambda: self.get(path)['value'] == 'default')
        self.assertEqual(self.ask(400, 'PUT', path, {'value': 'extended', 'mode_expiration': 61}).json['path'], '/mode_expiration')
        self.assertEqual(self.ask(400, 'PUT', path, {'value': 'sport'}).json['path'], '/value')

    def test_faults_are_filtered_read_and_cleared(self):
        path = '/components/ecu/faults'
        self.assertEqual(self.ids(path, 'code'), ['HEALED', 'ALSO', 'ACTIVE'])
        self.assertEqual(self.ids(path + '?status[testFailed]=1', 'code'), ['ACTIVE'])
        self.assertEqual(self.ids(path + '?scope=two', 'code'), ['ALSO'])
        self.assertEqual(self.ids(path + '?severity=3', 'code'), ['HEALED', 'ACTIVE'])
        detail = self.get(path + '/HEALED')
        self.assertEqual(detail['environment_data']['freeze_frame'], {'speed': 1.5})
        self.assertEqual(detail['item']['status']['aggregatedStatus'], 'passive')
        self.ask(409, 'DELETE', path + '/ACTIVE')
        self.ask(404, 'DELETE', path + '/NONE')
        self.ask(204, 'DELETE', path + '/HEALED')
        self.ask(404, 'GET', path + '/HEALED')
        self.ask(204, 'DELETE', path + '?scope=one')
        self.assertEqual(self.ids(path, 'code'), ['ALSO', 'ACTIVE'])
        self.ask(204, 'DELETE', path)
        self.assertEqual(self.ids(path, 'code'), ['ACTIVE'])

    def test_a_synchronous_operation_answers_with_its_result(self):
        reply = self.ask(200, 'POST', '/components/ecu/operations/now/executions', {})
        self.assertEqual(reply.json, {'parameters': {'done': True}})
        self.assertEqual(self.ask(200, 'POST', '/components/ecu/operations/never/executions', {}).json['error']['message'],
                         'the operation failed')

    def test_an_asynchronous_operation_runs_to_its_end(self):
        uri = self.run_operation('quick')
        body = self.ended(uri)
        self.assertEqual((body['status'], body['progress'], body['parameters']), ('completed', 100, {'x': 1.5}))
        self.ask(204, 'DELETE', uri)
        self.ask(404, 'GET', uri)

    def test_a_failure_is_one_of_the_whole_operation(self):
        body = self.ended(self.run_operation('broken'))
        self.assertEqual(body['status'], 'failed')
        self.assertEqual([(error['path'], error['error']['message']) for error in body['error']], [('/', 'no voltage')])

    def test_one_run_at_a_time(self):
        uri = self.run_operation('long')
        self.ask(409, 'POST', '/components/ecu/operations/long/executions', {})
        self.ask(202, 'PUT', uri, {'capability': 'stop'})
        self.assertEqual(self.get(uri)['status'], 'completed')
        self.ask(202, 'PUT', uri, {'capability': 'execute', 'timeout': 1})
        self.assertEqual(self.ended(uri)['status'], 'failed')
        self.assertEqual(self.ask(400, 'PUT', uri, {'capability': 'freeze'}).json['path'], '/capability')
        self.ask(204, 'DELETE', uri)

    def test_what_cannot_be_stopped_says_so(self):
        uri = self.run_operation('stubborn')
        self.ask(409, 'DELETE', uri)
        self.ask(409, 'PUT', uri, {'capability': 'stop'})
        self.ended(uri)
        self.ask(204, 'DELETE', uri)


class CommandLine(unittest.TestCase):
    def test_a_scenario_with_a_mistake_is_refused_with_its_place(self):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write('components:\n  - id: a\n    areas: [x]\n')
            file.flush()
            for more in (), ('--check-config',):
                status, _, said = gateway.run(f'--demo={file.name}', *more, environment=ANY_PORT)
                self.assertEqual(status, 2)
                self.assertEqual(said, f"{file.name}:3:13: components[0].areas[0]: there is no area 'x'\n")

    def test_a_scenario_that_is_not_there_is_refused(self):
        status, _, said = gateway.run('--demo=none.yaml')
        self.assertEqual((status, said), (2, 'none.yaml: cannot be read: No such file or directory\n'))

    def test_a_backend_of_the_same_name_is_refused(self):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            file.write('backends: [{ name: demo, base_url: "http://127.0.0.1:1" }]\n')
            file.flush()
            status, _, said = gateway.run('--demo', '--config', file.name)
            self.assertEqual(status, 2)
            self.assertIn('backends[0].name: the vehicle of --demo has this name', said)


class BesideAConfiguration(unittest.TestCase):
    def test_the_vehicle_comes_on_top_and_stays_over_a_reload(self):
        with ecu.DemoEcu(dialect='iso') as server, tempfile.TemporaryDirectory(prefix='sim') as folder:
            path = pathlib.Path(folder) / 'gateway.yaml'
            settings = gateway.Gateway.settings(gateway.backend_of(server, name='real'))
            path.write_text(json.dumps(settings), encoding='utf-8')
            with gateway.Gateway(arguments=['--demo', '--config', path]) as daemon:
                daemon.config = path
                self.assertEqual({entry['name'] for entry in daemon.health()['backends']}, {'real', 'demo'})
                self.assertIn('hpc', [item['id'] for item in daemon.get('/components').json['items']])
                daemon.put('/components/hpc/configurations/time-zone', {'data': 'UTC'})
                daemon.reload({**settings, 'backends': []})
                self.assertEqual([entry['name'] for entry in daemon.health()['backends']], ['demo'])
                self.assertEqual(daemon.get('/components/hpc/configurations/time-zone').json['data'], 'UTC')


if __name__ == '__main__':
    unittest.main()
