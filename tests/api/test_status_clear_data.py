# SPDX-License-Identifier: Apache-2.0
"""Status and clear-data of simulated ECUs: restart, shutdown, what is lost and what stays, and one task at a time."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

ALL = ['start', 'restart', 'force-restart', 'shutdown', 'force-shutdown']
VEHICLE = {'components': [{
    'id': 'ecu',
    'data': [{'id': 'speed', 'type': 'integer', 'value': 0, 'writable': True},
             {'id': 'adapted', 'category': 'storedData', 'value': 1.5, 'writable': True},
             {'id': 'cache', 'category': 'storedData', 'type': 'string', 'value': 'empty', 'writable': True}],
    'operations': [{'id': 'long', 'asynchronous': True, 'duration_secs': 600}],
    'modes': [{'id': 'session', 'values': ['default', 'extended']}],
    'configurations': [{'id': 'limit', 'type': 'integer', 'value': 5}],
    'clear_data': {'cached': {'resets': ['cache'], 'fails_every': 2, 'error': 'flash worn out'},
                   'learned': {'duration_secs': 0.4, 'resets': ['adapted']}, 'client_defined': {'duration_secs': 600}},
    'status': {'restart_secs': 0.5, 'supports': ALL, 'needs': [{'data': 'speed', 'value': 0}]}},
    {'id': 'small', 'status': {}, 'clear_data': {'cached': {}}}, {'id': 'bare'}]}
ECU, SMALL = '/components/ecu', '/components/small'


class UpkeepCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        scenario = pathlib.Path(folder.name) / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.gateway = gateway.Gateway(arguments=[f'--demo={scenario}'], environment={'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': ''})
        self.addCleanup(self.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def value(self, path):
        return self.get(f'{ECU}/data/{path}')['data']


class Status(UpkeepCase):
    def control(self, action, status=202):
        reply = self.ask(status, 'PUT', f'{ECU}/status/{action}')
        if status == 202:
            self.assertTrue(reply.headers['location'].endswith('/components/ecu/status'))
            self.assertEqual(reply.body, b'')
        return reply

    def state(self):
        return self.get(ECU + '/status')['status']

    def connection(self):
        return next(item['connectionState'] for item in self.get('/components')['items'] if item['id'] == 'ecu')

    def test_the_actions_that_are_supported_have_a_uri(self):
        status = self.get(ECU + '/status')
        self.assertEqual(status.pop('status'), 'ready')
        self.assertEqual(list(status), ALL)
        self.assertTrue(status['restart'].endswith('/components/ecu/status/restart'))
        self.assertEqual(self.get(SMALL + '/status'), {'status': 'ready'})
        self.assertNotIn('status', self.get('/components/bare'))
        self.ask(404, 'GET', '/components/bare/status')

    def test_an_action_that_is_not_supported_is_404(self):
        self.assertIn('does not support restart', self.ask(404, 'PUT', SMALL + '/status/restart').json['message'])
        self.ask(404, 'PUT', SMALL + '/status/reboot')
        self.ask(405, 'GET', ECU + '/status/restart')

    def test_while_it_restarts_it_is_away_and_then_it_is_back(self):
        self.control('restart')
        reply = self.ask(503, 'GET', ECU + '/data/speed')
        self.assertEqual(reply.json['error_code'], 'not-responding')
        self.assertGreaterEqual(int(reply.headers['retry-after']), 1)
        self.assertEqual(self.state(), 'notReady')
        self.until(lambda: self.state() == 'ready')
        self.value('speed')

    def test_the_tree_shows_who_is_away(self):
        self.control('shutdown')
        self.until(lambda: self.connection() == 'disconnected')
        self.assertEqual(self.get(ECU)['connectionState'], 'disconnected')
        self.control('start')
        self.until(lambda: self.connection() == 'connected')

    def test_what_is_volatile_is_lost_and_what_is_stored_stays(self):
        self.ask(204, 'PUT', ECU + '/data/adapted', {'data': 7})
        self.ask(204, 'PUT', ECU + '/configurations/limit', {'data': 9})
        self.ask(200, 'PUT', ECU + '/modes/session', {'value': 'extended'})
        self.control('restart')
        self.until(lambda: self.state() == 'ready')
        self.assertEqual(self.get(ECU + '/modes/session')['value'], 'default')
        self.assertEqual(self.value('adapted'), 7)
        self.assertEqual(self.get(ECU + '/configurations/limit')['data'], 9)

    def test_what_runs_stands_against_the_plain_action_and_not_against_the_forced_one(self):
        execution = self.ask(202, 'POST', ECU + '/operations/long/executions', {}).headers['location']
        for action in 'restart', 'shutdown':
            self.assertIn("operation 'long' runs", self.control(action, 409).json['message'])
        self.control('force-restart')
        self.until(lambda: self.state() == 'ready')
        ended = self.get(execution)
        self.assertEqual(ended['status'], 'failed')
        self.assertIn('restarted', ended['error'][0]['error']['message'])

    def test_safety_stands_against_the_forced_action_too(self):
        self.ask(204, 'PUT', ECU + '/data/speed', {'data': 30})
        for action in ALL[1:]:
            reply = self.control(action, 409)
            self.assertEqual(reply.json['error_code'], 'precondition-not-fulfilled')
            self.assertIn("data 'speed' of 'ecu' must be 0, is 30", reply.json['message'])
        self.assertEqual(self.state(), 'ready')

    def test_an_entity_that_is_off_stays_off_until_it_is_started(self):
        self.control('start', 409)
        self.control('force-shutdown')
        self.assertEqual(self.state(), 'notReady')
        for action in 'shutdown', 'restart', 'force-restart':
            self.assertIn('is shut down', self.control(action, 409).json['message'])
        self.ask(503, 'GET', ECU + '/modes')
        self.control('start')
        self.assertIn('runs already', self.control('start', 409).json['message'])
        self.until(lambda: self.state() == 'ready')

    def test_the_body_may_be_left_out_or_empty_and_parameters_are_not_ignored(self):
        self.ask(202, 'PUT', ECU + '/status/restart', {})
        self.until(lambda: self.state() == 'ready')
        self.assertEqual(self.ask(400, 'PUT', ECU + '/status/restart', {'parameters': {'fast': True}}).json['path'], '/parameters')
        self.ask(400, 'PUT', ECU + '/status/restart', b'[')
        self.ask(415, 'PUT', ECU + '/status/restart', b'fast', {'Content-Type': 'text/plain'})


    def test_a_bare_put_without_a_length_is_understood(self):
        with self.gateway.raw() as connection:
            connection.send(f'PUT /sovd/v1{ECU}/status/restart HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertEqual([connection.reply().status, connection.reply().status], [202, 200])


class ClearData(UpkeepCase):
    def state(self):
        return self.get(ECU + '/clear-data/status')

    def clear(self, kind, status=202, entity=ECU):
        reply = self.ask(status, 'PUT', f'{entity}/clear-data/{kind}')
        if status == 202:
            self.assertTrue(reply.headers['location'].endswith(f'{entity}/clear-data/status'))
        return reply

    def test_what_can_be_cleared_has_a_uri(self):
        self.assertEqual(sorted(self.get(ECU + '/clear-data')),
                         ['cached-data', 'client-defined-resources', 'learned-data', 'status'])
        self.assertEqual(sorted(self.get(SMALL + '/clear-data')), ['cached-data', 'status'])
        self.assertIn('no learned-data', self.clear('learned-data', 404, SMALL).json['message'])
        self.ask(404, 'GET', '/components/bare/clear-data')

    def test_nothing_was_requested_at_first(self):
        self.assertEqual(self.state(), {'status': 'notRequested'})

    def test_clearing_takes_its_time_and_then_the_values_are_back(self):
        self.ask(204, 'PUT', ECU + '/data/adapted', {'data': 7})
        self.clear('learned-data')
        running = self.state()
        self.assertEqual((running['status'], running['type']), ('running', 'learned-data'))
        self.assertIsInstance(running['progress'], int)
        self.assertRegex(running['last_started'], r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d')
        self.assertEqual(self.value('adapted'), 7)
        self.until(lambda: self.state()['status'] == 'completed')
        self.assertEqual(self.state()['progress'], 100)
        self.assertEqual(self.value('adapted'), 1.5)

    def test_a_second_task_is_409_while_the_first_runs(self):
        self.clear('client-defined-resources')
        for kind in 'cached-data', 'learned-data', 'client-defined-resources':
            self.assertIn('runs already', self.clear(kind, 409).json['message'])

    def test_a_task_that_fails_says_why_and_changes_nothing(self):
        self.clear('cached-data')
        self.until(lambda: self.state()['status'] == 'completed')
        self.ask(204, 'PUT', ECU + '/data/cache', {'data': 'full'})
        self.clear('cached-data')
        self.until(lambda: self.state()['status'] == 'failed')
        self.assertEqual(self.state()['error'][0]['message'], 'flash worn out')
        self.assertEqual(self.value('cache'), 'full')

    def test_a_restart_waits_for_it_and_a_forced_one_interrupts_it(self):
        self.clear('client-defined-resources')
        self.ask(409, 'PUT', ECU + '/status/restart')
        self.ask(202, 'PUT', ECU + '/status/force-restart')
        self.until(lambda: self.get(ECU + '/status')['status'] == 'ready')
        self.assertEqual(self.state()['status'], 'failed')
        self.assertIn('interrupted', self.state()['error'][0]['message'])

    def test_include_schema_is_offered_and_a_body_is_not_expected(self):
        self.assertIn('status', self.get(ECU + '/clear-data/status?include-schema=true')['schema']['properties'])
        self.ask(400, 'PUT', ECU + '/clear-data/cached-data', {'now': True})


if __name__ == '__main__':
    unittest.main()
