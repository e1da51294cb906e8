# SPDX-License-Identifier: Apache-2.0
"""Logs of a simulated ECU: what is written as time passes and as things happen, and what clients configure."""
import datetime
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

APP = {'type': 'RFC5424', 'host': 'ecu', 'process': 'app', 'pid': 7}
CELLS = {'type': 'AUTOSAR_DLT', 'session': 's', 'session_id': '1', 'application_id': 'BMS', 'context_id': 'CELL', 'message_id': '2'}
VEHICLE = {'components': [{
    'id': 'ecu',
    'data': [{'id': 'level', 'type': 'integer', 'value': 3, 'writable': True}, {'id': 'word', 'type': 'string', 'value': 'ok'},
             {'id': 'time', 'value': 0, 'behaviour': 'ramp', 'amplitude': 1000000, 'period_secs': 1000000, 'step': 0.001}],
    'faults': [{'code': 'F1', 'name': 'Comes and goes', 'severity': 3, 'appears_after_secs': 0.2, 'heals_after_secs': 0.2}],
    'operations': [{'id': 'test', 'asynchronous': True, 'duration_secs': 0.2},
                   {'id': 'broken', 'asynchronous': True, 'fails_every': 1, 'error': 'no voltage'}],
    'modes': [{'id': 'session', 'values': ['default', 'extended']}],
    'configurations': [{'id': 'limit', 'type': 'integer', 'value': 5}],
    'logs': {'keep': 12, 'contexts': [{'id': 'app', **APP}, {'id': 'cells', **CELLS, 'severity': 'warn'}],
             'messages': [{'context': 'app', 'text': 'level {level}, {word}', 'after_secs': 0.1},
                          {'context': 'cells', 'severity': 'debug', 'text': 'tick {time}', 'period_secs': 0.1}]}}]}
LOGS = '/components/ecu/logs'


class LogCase(unittest.TestCase):
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

    def entries(self, query=''):
        return self.get(LOGS + '/entries' + query)['items']

    def texts(self, query=''):
        return [entry['msg'] for entry in self.entries(query)]

    def await_text(self, text):
        found = polling.wait_until(lambda: next((e for e in self.entries() if text in e['msg']), None), 20)
        self.assertTrue(found, f'{text!r} was not written: {self.texts()}')
        return found

    def configure(self, context, severity, status=204, wrapper='items'):
        return self.ask(status, 'PUT', LOGS + '/config', {wrapper: [{'context': context, 'severity': severity}]})


class Entries(LogCase):
    def test_the_collection_names_its_two_resources(self):
        self.assertEqual(self.get(LOGS), {'entries': self.get('/components/ecu')['logs'] + '/entries',
                                          'config': self.get('/components/ecu')['logs'] + '/config'})

    def test_an_entry_has_the_members_of_the_standard_and_values_of_its_moment(self):
        entry = self.await_text('level 3, ok')
        self.assertEqual((entry['context'], entry['severity']), (APP, 'info'))
        written = datetime.datetime.fromisoformat(entry['timestamp'].replace('Z', '+00:00'))
        now = datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(abs((now - written).total_seconds()), 30)
        self.ask(204, 'PUT', '/components/ecu/data/level', {'data': 4})
        self.assertIn('level 3, ok', self.texts())

    def test_a_fault_is_written_when_it_appears_and_when_it_heals(self):
        came, went = self.await_text('fault F1 appeared'), self.await_text('fault F1 is not active any more')
        self.assertEqual((came['severity'], went['severity']), ('warn', 'info'))
        self.assertLess(came['timestamp'], went['timestamp'])

    def test_writes_modes_and_operations_are_written(self):
        self.ask(204, 'PUT', '/components/ecu/data/level', {'data': 9})
        self.ask(204, 'PUT', '/components/ecu/configurations/limit', {'data': 6})
        self.ask(200, 'PUT', '/components/ecu/modes/session', {'value': 'extended'})
        self.ask(202, 'POST', '/components/ecu/operations/test/executions', {})
        self.ask(202, 'POST', '/components/ecu/operations/broken/executions', {})
        for text in ("data 'level' was written: 9", "configuration 'limit' was written: 6", "mode 'session' was set to 'extended'",
                     "operation 'test' starts", "operation 'test' ended", "operation 'broken' failed: no voltage"):
            self.await_text(text)

    def test_what_is_refused_is_not_written(self):
        self.ask(400, 'PUT', '/components/ecu/data/level', {'data': 'high'})
        self.assertFalse([text for text in self.texts() if 'written' in text])

    def test_severity_shows_that_or_worse(self):
        self.await_text('fault F1 appeared')
        self.await_text('level 3')
        self.assertEqual(self.texts('?severity=warn'), ['fault F1 appeared: Comes and goes'])
        self.assertEqual(self.texts('?severity=error'), [])
        self.assertIn('level 3, ok', self.texts('?severity=info'))

    def test_an_unknown_severity_is_400_and_says_what_there_is(self):
        for word in 'warning', 'WARN', '3', '':
            with self.subTest(word):
                self.assertIn('fatal, error, warn, info', self.ask(400, 'GET', f'{LOGS}/entries?severity={word}').json['message'])

    def test_include_schema_is_offered(self):
        self.assertIn('items', self.get(LOGS + '/entries?include-schema=true')['schema']['properties'])

    def test_the_oldest_go_when_the_log_is_full(self):
        self.configure({'type': 'AUTOSAR_DLT'}, 'debug')
        self.assertTrue(polling.wait_until(lambda: len(self.entries()) == 12 and 'level 3, ok' not in self.texts(), 30))
        times = [entry['timestamp'] for entry in self.entries()]
        self.assertEqual(times, sorted(times))


class Configuration(LogCase):
    def test_the_configuration_lists_every_context(self):
        self.assertEqual(self.get(LOGS + '/config')['contexts'],
                         [{'context': APP, 'severity': 'info'}, {'context': CELLS, 'severity': 'warn'}])

    def test_what_is_configured_is_written_from_then_on_and_no_longer_after_a_reset(self):
        self.await_text('fault F1 appeared')
        self.assertFalse([text for text in self.texts() if 'tick' in text])
        self.configure(CELLS, 'debug')
        entry = self.await_text('tick ')
        self.assertEqual((entry['context'], entry['severity']), (CELLS, 'debug'))
        self.ask(204, 'DELETE', LOGS + '/config')
        self.assertEqual(self.get(LOGS + '/config')['contexts'][1]['severity'], 'warn')
        before = [text for text in self.texts() if 'tick' in text]
        last = self.await_text('fault F1 is not active')
        self.assertEqual([text for text in self.texts() if 'tick' in text], before, last)

    def test_a_context_may_be_named_in_part(self):
        self.configure({'type': 'AUTOSAR_DLT', 'context_id': 'CELL'}, 'fatal')
        self.assertEqual([c['severity'] for c in self.get(LOGS + '/config')['contexts']], ['info', 'fatal'])

    def test_the_wrapper_of_the_answer_is_understood_too(self):
        self.configure({'type': 'RFC5424'}, 'error', wrapper='contexts')
        self.assertEqual(self.get(LOGS + '/config')['contexts'][0]['severity'], 'error')

    def test_a_context_that_is_not_there_is_400_and_nothing_is_set(self):
        for wrapper in 'items', 'contexts':
            reply = self.ask(400, 'PUT', LOGS + '/config', {wrapper: [
                {'context': APP, 'severity': 'debug'}, {'context': {'type': 'RFC5424', 'pid': 8}, 'severity': 'debug'}]})
            self.assertEqual(reply.json['path'], f'/{wrapper}/1/context')
        self.assertEqual(self.get(LOGS + '/config')['contexts'][0]['severity'], 'info')

    def test_bodies_that_are_no_configuration_are_400(self):
        for body, path in (({}, '/items'), ({'items': [], 'contexts': []}, '/contexts'), ({'items': {}}, '/items'),
                           ({'items': [{'context': APP}]}, '/items/0/severity'),
                           ({'items': [{'context': APP, 'severity': 'loud'}]}, '/items/0/severity'),
                           ({'items': [{'severity': 'info'}]}, '/items/0/context'),
                           ({'items': [{'context': {'type': 'SYSLOG'}, 'severity': 'info'}]}, '/items/0/context/type')):
            with self.subTest(body):
                self.assertEqual(self.ask(400, 'PUT', LOGS + '/config', body).json['path'], path)

    def test_a_reset_of_nothing_is_404(self):
        self.assertIn('not configured', self.ask(404, 'DELETE', LOGS + '/config').json['message'])

    def test_if_match_protects_the_configuration(self):
        tag = self.ask(200, 'GET', LOGS + '/config').headers['etag']
        body = {'items': [{'context': APP, 'severity': 'warn'}]}
        self.ask(204, 'PUT', LOGS + '/config', body, {'If-Match': tag})
        self.ask(412, 'PUT', LOGS + '/config', body, {'If-Match': tag})


if __name__ == '__main__':
    unittest.main()
