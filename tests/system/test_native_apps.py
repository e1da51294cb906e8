# SPDX-License-Identifier: Apache-2.0
"""Native apps as a plain Python program sees them: what an app registers is what a client can use."""
import json
import os
import pathlib
import re
import tempfile
import threading
import unittest

import gateway
import native
import native_schema
import openapi
import polling

CATALOG = {'id': 'nav', 'version': '1', 'faults': [
    {'code': 'GPS_LOST', 'name': 'No position', 'severity': 2},
    {'code': 'MAP_OLD', 'name': 'The map is old', 'severity': 3, 'scope': 'maps', 'conditions': ['driving']}]}
REGISTER = {
    'data': [{'id': 'speed', 'name': 'Speed', 'category': 'currentData', 'unit': 'km/h', 'groups': ['motion']},
             {'id': 'volume', 'name': 'Volume', 'writable': True, 'tags': ['sound']},
             {'id': 'route', 'name': 'Route', 'published': True}],
    'operations': [{'id': 'reroute', 'name': 'New route', 'asynchronous': True, 'stoppable': True},
                   {'id': 'import', 'name': 'Import a map', 'asynchronous': True},
                   {'id': 'echo', 'name': 'Echo'}],
    'modes': [{'id': 'view', 'name': 'View', 'values': ['day', 'night']}],
    'configurations': [{'id': 'home', 'name': 'Home'}],
    'faults': CATALOG,
}


class NativeCase(unittest.TestCase):
    """A gateway with a native backend, started anew for each test."""
    entities = ('apps/nav',)
    options = {}
    sections = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='app')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / 'apps.sock'
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.gateway = None
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        self.gateway = gateway.Gateway(native=native.section(self.socket, *self.entities, **self.options),
                                       storage={'path': str(self.state)}, **self.sections)

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def app(self, handlers=None, register=REGISTER, **hello):
        app = native.App(self.socket, register, handlers=handlers, **hello)
        self.addCleanup(app.close)
        return app

    def connection(self):
        connection = native.Connection(self.socket)
        self.addCleanup(connection.close)
        return connection

    def ask(self, status, method, path, body=None):
        reply = self.gateway.request(method, path, body)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def until(self, condition, timeout=20):
        result = polling.wait_until(condition, timeout)
        self.assertTrue(result, 'did not happen in time')
        return result

    def metric(self, name):
        return self.gateway.metrics()[f'sovd_backend_{name}{{backend="native"}}']


class Frames(unittest.TestCase):
    """What the gateway sends is held against the schema by the client of these tests, frame by frame."""

    def test_the_schema_knows_the_frames_of_the_example(self):
        native_schema.check('from_app', {'type': 'hello', 'v': 1, 'entity': 'apps/nav', 'instance': 'one'})
        native_schema.check('from_app', {'type': 'register', **REGISTER})
        native_schema.check('from_app', {'type': 'fault', 'code': 'GPS_LOST', 'report': 'failed', 'n': 1})
        for bad in ({'type': 'hello', 'v': 2, 'entity': 'apps/nav', 'instance': 'one'}, {'type': 'dance'},
                    {'type': 'fault', 'code': 'A', 'report': 'bad'}, {'type': 'exec', 'exec': 'x'}):
            with self.assertRaises(openapi.Mismatch):
                native_schema.check('from_app', bad)

    def test_the_schema_has_the_types_that_the_gateway_reads(self):
        source = pathlib.Path(__file__).resolve().parents[2] / 'backends' / 'native' / 'message.c'
        names = source.read_text(encoding='utf-8').split('native_type_names[] = {')[1].split('};')[0]
        self.assertEqual(native_schema.types('from_app'), sorted(re.findall(r'"(\w+)"', names)))


class Values(NativeCase):
    def test_an_app_of_the_configuration_is_listed_before_it_came(self):
        apps = self.get('/apps')['items']
        self.assertEqual([a['id'] for a in apps], ['nav', 'sovd-gateway'])
        self.assertNotIn('data', self.get('/apps/nav'))
        self.ask(404, 'GET', '/apps/nav/data')

    def test_it_offers_what_it_has_registered_and_nothing_else(self):
        self.app(register={'data': REGISTER['data']}, name='Navigation')
        entity = self.get('/apps/nav')
        self.assertEqual(entity['name'], 'Navigation')
        self.assertIn('data', entity)
        for other in ('operations', 'modes', 'configurations', 'faults'):
            self.assertNotIn(other, entity)

    def test_data_are_listed_and_filtered(self):
        self.app()
        self.assertEqual([d['id'] for d in self.get('/apps/nav/data')['items']], ['speed', 'volume', 'route'])
        self.assertEqual([d['id'] for d in self.get('/apps/nav/data?groups=motion')['items']], ['speed'])
        self.assertEqual([d['id'] for d in self.get('/apps/nav/data?tags=sound')['items']], ['volume'])

    def test_a_read_is_asked_of_the_app_each_time(self):
        values = iter((50, 51.50, {'deep': [1]}))
        self.app({'read': lambda frame: {'value': next(values)} if frame['id'] == 'speed' else ('error', 'not-found', '')})
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 50)
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 51.5)
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], {'deep': [1]})

    def test_a_value_that_is_published_is_not_asked_for(self):
        app = self.app()
        self.ask(504, 'GET', '/apps/nav/data/route')
        self.assertEqual(app.ask('publish', values={'route': ['a', 'b']})['type'], 'reply')
        answer = self.get('/apps/nav/data/route')
        self.assertEqual(answer['data'], ['a', 'b'])
        self.assertRegex(answer['x-gw-published'], r'^\d{4}-')
        self.assertEqual(app.of_type('read'), [])

    def test_publishing_what_is_not_registered_is_an_error_frame(self):
        app = self.app()
        for values in ({'nothing': 1}, {'speed': 1}, {'route': None}):
            self.assertEqual(app.ask('publish', values=values)['code'], 'bad-value')
        self.assertFalse(app.is_closed)

    def test_published_values_have_a_limit(self):
        app = self.app()
        answer = app.ask('publish', values={'route': 'x' * 200000})
        self.assertEqual(answer['type'], 'reply')
        many = [{'id': f'd{i}', 'name': 'd', 'published': True} for i in range(8)]
        app.ask('register', data=many)
        codes = [app.ask('publish', values={f'd{i}': 'x' * 200000}).get('code') for i in range(8)]
        self.assertEqual(codes, [None] * 5 + ['bad-value'] * 3)

    def test_a_write_reaches_the_app_with_its_value(self):
        written = []
        self.app({'write': lambda frame: written.append((frame['id'], frame['value'])) or {}})
        self.ask(204, 'PUT', '/apps/nav/data/volume', {'data': 7})
        self.assertEqual(written, [('volume', 7)])
        self.ask(403, 'PUT', '/apps/nav/data/speed', {'data': 7})
        self.ask(404, 'PUT', '/apps/nav/data/nothing', {'data': 7})
        self.assertEqual(len(written), 1)

    def test_what_the_app_refuses_is_told_to_the_client(self):
        cases = {'bad-value': 400, 'not-found': 404, 'forbidden': 403, 'conflict': 409, 'busy': 503, 'not-offered': 501,
                 'anything-else': 502}
        code = [None]
        self.app({'write': lambda frame: ('error', code[0], 'because of this')})
        for code[0], status in cases.items():
            body = self.ask(status, 'PUT', '/apps/nav/data/volume', {'data': 7}).json
            self.assertIn('because of this', body.get('message', body.get('error', {}).get('message')))
            if status == 400:
                self.assertEqual(body['path'], '/data')

    def test_an_answer_without_a_value_is_a_bad_one(self):
        self.app({'read': lambda frame: {}})
        self.ask(502, 'GET', '/apps/nav/data/speed')

    def test_modes_are_read_and_written_within_their_values(self):
        mode = ['day']
        self.app({'mode_read': lambda frame: {'value': mode[0]},
                  'mode_write': lambda frame: mode.__setitem__(0, frame['value']) or {}})
        self.assertEqual(self.get('/apps/nav/modes/view')['value'], 'day')
        self.ask(200, 'PUT', '/apps/nav/modes/view', {'value': 'night'})
        self.assertEqual(self.get('/apps/nav/modes/view')['value'], 'night')
        refused = self.ask(400, 'PUT', '/apps/nav/modes/view', {'value': 'dusk'}).json
        self.assertIn("'day', 'night'", str(refused))
        self.ask(404, 'GET', '/apps/nav/modes/other')

    def test_configurations_are_read_and_written(self):
        home = [{'lat': 1}]
        self.app({'config_read': lambda frame: {'value': home[0]},
                  'config_write': lambda frame: home.__setitem__(0, frame['value']) or {}})
        self.assertEqual([c['id'] for c in self.get('/apps/nav/configurations')['items']], ['home'])
        self.ask(204, 'PUT', '/apps/nav/configurations/home', {'data': {'lat': 2}})
        self.assertEqual(self.get('/apps/nav/configurations/home')['data'], {'lat': 2})
        self.ask(404, 'GET', '/apps/nav/configurations/other')


class Places(NativeCase):
    entities = ('apps/nav', {'entity': 'components/hpc', 'name': 'Computer'})

    def test_an_app_is_on_the_component_that_it_names(self):
        self.app(entity='components/hpc', register={'data': REGISTER['data'][:1]})
        self.app(located_on='hpc')
        self.assertEqual([a['id'] for a in self.get('/components/hpc/hosts')['items']], ['nav'])
        self.assertEqual(self.get('/components/hpc')['name'], 'Computer')

    def test_a_reload_leaves_apps_alone_and_says_what_needs_a_restart(self):
        app = self.app({'read': lambda frame: {'value': 1}})
        changed = native.section(self.socket, 'apps/other')
        self.gateway.reload(self.gateway.settings(native=changed, storage={'path': str(self.state)}))
        self.gateway.wait_log('native and storage take effect after a restart')
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 1)
        self.assertFalse(app.is_closed)

    def test_health_and_metrics_tell_of_it(self):
        self.app()
        self.assertEqual(self.gateway.backend('native')['type'], 'native')
        self.assertEqual(self.metric('peers'), 1)
        self.assertGreaterEqual(self.metric('frames_total'), 2)


class Executions(NativeCase):
    PATH = '/apps/nav/operations/reroute/executions'

    def start_one(self, path=PATH, body=None):
        reply = self.ask(202, 'POST', path, body)
        return reply.json['id']

    def status(self, id_):
        return self.get(f'{self.PATH}/{id_}')

    def test_a_synchronous_operation_gives_its_result(self):
        self.app({'start': lambda frame: {'parameters': {'said': frame['parameters']['say']}}})
        answer = self.ask(200, 'POST', '/apps/nav/operations/echo/executions', {'parameters': {'say': 'hi'}}).json
        self.assertEqual(answer['parameters'], {'said': 'hi'})
        self.assertEqual(self.get('/apps/nav/operations/echo/executions')['items'], [])

    def test_an_asynchronous_one_tells_progress_and_result(self):
        app = self.app({'start': lambda frame: {'status': 'running'}})
        id_ = self.start_one(body={'parameters': {'to': 'Rome'}, 'timeout': 60})
        started = app.wait_for('start')
        self.assertEqual((started['operation'], started['parameters'], started['timeout']), ('reroute', {'to': 'Rome'}, 60))
        self.assertEqual(self.status(id_)['status'], 'running')
        app.ask('exec', exec=started['exec'], status='running', progress=40)
        self.assertEqual(self.status(id_)['progress'], 40)
        app.ask('exec', exec=started['exec'], status='completed', parameters={'length': 3})
        ended = self.status(id_)
        self.assertEqual((ended['status'], ended['parameters']), ('completed', {'length': 3}))

    def test_a_failure_has_the_reason_of_the_app(self):
        app = self.app({'start': lambda frame: {}})
        id_ = self.start_one()
        app.ask('exec', exec=app.wait_for('start')['exec'], status='failed', error='no road')
        ended = self.status(id_)
        self.assertEqual(ended['status'], 'failed')
        self.assertIn('no road', str(ended['error']))

    def test_what_has_ended_stays_as_it_is(self):
        app = self.app({'start': lambda frame: {}})
        id_ = self.start_one()
        exec_ = app.wait_for('start')['exec']
        app.ask('exec', exec=exec_, status='failed', error='no road')
        self.assertEqual(app.ask('exec', exec=exec_, status='completed')['code'], 'unknown-exec')
        self.assertEqual(app.ask('exec', exec='other', status='completed')['code'], 'unknown-exec')
        self.assertEqual(self.status(id_)['status'], 'failed')

    def test_a_stop_reaches_the_app(self):
        app = self.app({'start': lambda frame: {}, 'stop': lambda frame: {}})
        id_ = self.start_one()
        self.ask(204, 'DELETE', f'{self.PATH}/{id_}')
        self.assertEqual(app.wait_for('stop')['exec'], app.wait_for('start')['exec'])
        self.ask(404, 'GET', f'{self.PATH}/{id_}')

    def test_the_capability_stop_keeps_the_execution(self):
        app = self.app({'start': lambda frame: {}, 'stop': lambda frame: {}})
        id_ = self.start_one()
        self.ask(202, 'PUT', f'{self.PATH}/{id_}', {'capability': 'stop'})
        app.ask('exec', exec=app.wait_for('start')['exec'], status='completed')
        self.assertEqual(self.status(id_)['status'], 'completed')
        self.ask(400, 'PUT', f'{self.PATH}/{id_}', {'capability': 'execute'})

    def test_one_that_cannot_be_stopped_is_not(self):
        app = self.app({'start': lambda frame: {}, 'stop': lambda frame: {}})
        path = '/apps/nav/operations/import/executions'
        self.ask(409, 'DELETE', f'{path}/{self.start_one(path)}')
        self.assertEqual(app.of_type('stop'), [])

    def test_a_start_that_the_app_refuses_leaves_nothing(self):
        self.app({'start': lambda frame: ('error', 'conflict', 'it drives')})
        self.ask(409, 'POST', self.PATH)
        self.assertEqual(self.get(self.PATH)['items'], [])

    def test_running_executions_have_a_limit(self):
        self.stop()
        self.options = {'max_executions': 2}
        self.start()
        self.app({'start': lambda frame: {}})
        self.start_one()
        self.start_one()
        self.assertIn('Retry-After'.lower(), self.ask(503, 'POST', self.PATH).headers)


class Faults(NativeCase):
    def report(self, app, code='GPS_LOST', report='failed', **more):
        return app.ask('fault', code=code, report=report, **more)

    def codes(self):
        return [f['code'] for f in self.get('/apps/nav/faults')['items']]

    def test_a_fault_is_acknowledged_read_and_cleared(self):
        app = self.app()
        self.assertEqual(self.get('/apps/nav/faults')['items'], [])
        self.assertEqual(self.report(app, environment={'satellites': 2})['type'], 'reply')
        detail = self.get('/apps/nav/faults/GPS_LOST')
        self.assertEqual(detail['item']['status']['testFailed'], '1')
        self.assertIn('satellites', str(detail['environment_data']))
        self.ask(204, 'DELETE', '/apps/nav/faults/GPS_LOST')
        self.assertEqual(app.wait_for('cleared'), {'type': 'cleared', 'code': 'GPS_LOST'})
        self.assertEqual(self.codes(), [])

    def test_a_report_that_comes_again_is_not_counted_again(self):
        app = self.app()
        for n, report in ((1, 'failed'), (2, 'passed'), (3, 'failed')):
            self.report(app, report=report, n=n)
        for n, report in ((2, 'passed'), (3, 'failed')):  # as after a lost acknowledgement
            self.assertEqual(self.report(app, report=report, n=n)['type'], 'reply')
        self.assertIn("'occurrences': 2", str(self.get('/apps/nav/faults/GPS_LOST')['environment_data']))

    def test_a_code_that_is_not_in_the_catalogue_is_refused(self):
        app = self.app()
        self.assertEqual(self.report(app, code='OTHER')['code'], 'unknown-fault')
        self.assertEqual(self.codes(), [])

    def test_a_fault_before_the_catalogue_is_refused(self):
        app = self.app(register={})
        self.assertEqual(self.report(app)['code'], 'unknown-fault')

    def test_a_bad_catalogue_is_named(self):
        app = self.app(register={'faults': {'faults': [{'code': 'A', 'name': 'a', 'severity': 9}]}})
        self.assertEqual(app.registered['code'], 'bad-frame')
        self.assertIn('/faults/faults/0/severity', app.registered['message'])

    def test_a_condition_that_is_off_keeps_reports_from_being_judged(self):
        app = self.app()
        app.ask('condition', name='driving', on=False)
        self.assertEqual(self.report(app, code='MAP_OLD')['type'], 'reply')
        self.assertEqual(self.codes(), [])
        app.ask('condition', name='driving', on=True)
        self.report(app, code='MAP_OLD')
        self.assertEqual(self.codes(), ['MAP_OLD'])

    def test_an_environment_that_is_too_long_is_refused(self):
        app = self.app()
        self.assertEqual(self.report(app, environment={'x': 'y' * 20000})['code'], 'bad-value')

    def test_faults_stay_when_the_app_goes_and_when_the_gateway_restarts(self):
        app = self.app()
        self.report(app)
        app.close()
        self.assertEqual(self.codes(), ['GPS_LOST'])
        self.stop()
        self.start()
        self.assertEqual(self.codes(), ['GPS_LOST'])
        self.assertIn('faults', self.get('/apps/nav'))

    def test_what_was_acknowledged_survives_a_kill_of_the_gateway(self):
        app = self.app()
        self.assertEqual(self.report(app)['type'], 'reply')
        self.gateway.process.kill()
        self.gateway.ended()
        self.start()
        self.assertEqual(self.codes(), ['GPS_LOST'])


class Schemas(NativeCase):
    """What an app registers about its values is what a client reads in /docs, and beside a value."""
    SPEED = {'type': 'number', 'minimum': 0, 'maximum': 300}
    TO = {'type': 'object', 'properties': {'to': {'type': 'string'}}, 'required': ['to']}
    REGISTER = {
        'data': [{'id': 'speed', 'name': 'Speed', 'unit': 'km/h', 'schema': SPEED},
                 {'id': 'volume', 'name': 'Volume', 'writable': True, 'schema': {'type': 'integer', 'title': 'Loudness'}},
                 {'id': 'any', 'name': 'Anything'}],
        'operations': [{'id': 'route', 'name': 'Route', 'parameters': TO, 'result': {'type': 'object'}}],
        'modes': [{'id': 'view', 'name': 'View', 'values': ['day', 'night']}],
        'configurations': [{'id': 'home', 'name': 'Home', 'schema': {'type': 'array', 'items': {'type': 'number'}}}]}

    def test_values_in_docs_have_the_schema_of_the_app(self):
        self.app(register=self.REGISTER)
        text = json.dumps(self.get('/apps/nav/data/speed/docs'))
        self.assertIn('"maximum": 300', text)
        self.assertIn('"x-gw-unit": "km/h"', text)
        paths = self.get('/apps/nav/data/docs')['paths']
        methods = {path.rsplit('/', 1)[1]: set(item) & {'get', 'put'} for path, item in paths.items()}
        self.assertEqual(methods['speed'], {'get'})
        self.assertEqual(methods['volume'], {'get', 'put'})

    def test_operations_modes_and_configurations_too(self):
        self.app(register=self.REGISTER)
        self.assertIn('"required": ["to"]', json.dumps(self.get('/apps/nav/operations/route/docs')))
        self.assertIn('"enum": ["day", "night"]', json.dumps(self.get('/apps/nav/modes/view/docs')))
        self.assertIn('"items": {"type": "number"}', json.dumps(self.get('/apps/nav/configurations/home/docs')))
        self.ask(404, 'GET', '/apps/nav/data/none/docs')

    def test_a_value_comes_with_its_schema_when_it_is_asked_for(self):
        self.app({'read': lambda frame: {'value': 1}}, register=self.REGISTER)
        answer = self.get('/apps/nav/data/speed?include-schema=true')
        self.assertEqual(answer['schema']['properties']['data'],
                         {**self.SPEED, 'title': 'Speed', 'x-gw-unit': 'km/h', 'readOnly': True})
        volume = self.get('/apps/nav/data/volume?include-schema=true')['schema']['properties']['data']
        self.assertEqual(volume, {'type': 'integer', 'title': 'Loudness'})
        self.assertEqual(self.get('/apps/nav/operations/route?include-schema=true')['schema']['x-gw-operation'],
                         {'parameters': self.TO, 'result': {'type': 'object'}})

    def test_they_are_known_while_the_app_is_away(self):
        app = self.app(register=self.REGISTER)
        app.close()
        self.until(lambda: self.metric('peers') == 0)
        self.assertIn('"maximum": 300', json.dumps(self.get('/apps/nav/data/speed/docs')))

    def test_a_schema_that_refers_to_another_document_is_refused(self):
        app = self.app(register=self.REGISTER)
        for register, where in (({'data': [{'id': 'a', 'name': 'a', 'schema': {'items': {'$ref': '#/x'}}}]}, '/data/0/schema'),
                                ({'operations': [{'id': 'a', 'name': 'a', 'result': {'$ref': '#/x'}}]}, '/operations/0/result'),
                                ({'configurations': [{'id': 'a', 'name': 'a', 'schema': {'$ref': '#'}}]}, '/configurations/0/schema'),
                                ({'data': [{'id': 'a', 'name': 'a', 'schema': 'integer'}]}, '/data/0/schema')):
            answer = app.ask('register', **register)
            self.assertEqual(answer['code'], 'bad-frame')
            self.assertIn(where, answer['message'])
        self.assertEqual(len(self.get('/apps/nav/data')['items']), 3)


class Life(NativeCase):
    options = {'heartbeat_secs': 0.2, 'timeout_secs': 1, 'frame_timeout_secs': 0.5}

    def test_an_app_that_is_gone_stays_listed_and_does_not_answer(self):
        app = self.app({'read': lambda frame: {'value': 1}})
        self.get('/apps/nav/data/speed')
        app.close()
        self.until(lambda: self.gateway.get('/apps/nav/data/speed').status == 504)
        self.assertIn('data', self.get('/apps/nav'))
        self.assertEqual(self.metric('peers'), 0)
        self.app({'read': lambda frame: {'value': 2}}, instance='two')
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 2)

    def test_published_values_end_with_the_connection(self):
        app = self.app()
        app.ask('publish', values={'route': 1})
        app.close()
        self.until(lambda: self.gateway.get('/apps/nav/data/route').status == 504)
        self.app()
        self.ask(504, 'GET', '/apps/nav/data/route')

    def test_running_executions_fail_with_the_app_and_stay_failed(self):
        app = self.app({'start': lambda frame: {}})
        id_ = self.ask(202, 'POST', '/apps/nav/operations/reroute/executions').json['id']
        exec_ = app.wait_for('start')['exec']
        app.close()
        path = f'/apps/nav/operations/reroute/executions/{id_}'
        ended = self.until(lambda: (s := self.get(path))['status'] == 'failed' and s)
        self.assertIn('went away', str(ended['error']))
        again = self.app()
        self.assertEqual(again.ask('exec', exec=exec_, status='completed')['code'], 'unknown-exec')
        self.assertEqual(self.get(path)['status'], 'failed')

    def test_bye_says_that_it_is_meant(self):
        app = self.app()
        lost = self.metric('peers_lost_total')
        self.assertEqual(app.ask('bye')['type'], 'reply')
        self.until(lambda: app.is_closed)
        self.ask(504, 'GET', '/apps/nav/data/speed')
        self.assertEqual(self.metric('peers_lost_total'), lost)

    def test_an_app_that_shows_no_life_is_lost(self):
        connection = self.connection()
        connection.hello()
        connection.ask('register', 2, **REGISTER)
        frames = connection.until_closed()
        self.assertTrue(any(f['type'] == 'ping' for f in frames))
        self.assertEqual(frames[-1]['code'], 'timeout')
        self.until(lambda: self.metric('peers_lost_total') == 1)
        self.ask(504, 'GET', '/apps/nav/data/speed')

    def test_an_app_that_answers_pings_lives(self):
        app = self.app()
        for _ in range(6):
            seen = len(app.of_type('ping'))
            self.until(lambda: len(app.of_type('ping')) > seen)
        self.assertFalse(app.is_closed)

    def test_an_app_that_does_not_answer_costs_one_timeout_and_no_more(self):
        self.app({'read': lambda frame: None if frame['id'] == 'speed' else {'value': 3}})
        self.ask(504, 'GET', '/apps/nav/data/speed')
        self.assertEqual(self.get('/apps/nav/data/volume')['data'], 3)

    def test_a_change_that_is_not_answered_may_have_been_made_and_one_that_is_refused_was_not(self):
        app = self.app({'write': lambda frame: None, 'config_write': lambda frame: None})
        self.assertEqual(self.ask(504, 'PUT', '/apps/nav/data/volume', {'data': 1}).json['vendor_code'], 'outcome-unknown')
        threading.Thread(target=lambda: (app.wait_for('config_write'), app.close())).start()
        self.assertEqual(self.ask(504, 'PUT', '/apps/nav/configurations/home', {'data': 1}).json['vendor_code'], 'outcome-unknown')
        self.assertNotIn('vendor_code', self.ask(504, 'PUT', '/apps/nav/data/volume', {'data': 1}).json)  # it never got there

    def test_a_start_that_is_not_answered_is_known_as_running(self):
        app = self.app({'start': lambda frame: None})
        path = '/apps/nav/operations/reroute/executions'
        error = self.ask(504, 'POST', path).json
        ids = self.get(path)['items']
        self.assertEqual((error['vendor_code'], [error['parameters']['execution']]), ('outcome-unknown', ids))
        frame = app.wait_for('start')
        app.send('error', re=frame['seq'], code='conflict', message='too late')
        ended = self.until(lambda: (s := self.get(f'{path}/{ids[0]}'))['status'] == 'failed' and s)
        self.assertIn('too late', str(ended['error']))

    def test_one_that_was_seen_in_a_list_before_it_was_not_answered_counts_for_its_client(self):
        self.stop()
        self.sections = {'limits': {'executions_per_client': 1}}
        self.start()
        app = self.app({'start': lambda frame: None})
        path = '/apps/nav/operations/reroute/executions'
        replies = []
        asking = threading.Thread(target=lambda: replies.append(self.gateway.request('POST', path)))
        asking.start()
        app.wait_for('start')
        seen = self.get(path)['items']
        asking.join(30)
        self.assertEqual([(r.status, r.json['parameters']['execution']) for r in replies], [(504, seen[0])])
        self.assertIn('executions_per_client', self.ask(503, 'POST', path).json['message'])

    def test_requests_that_wait_when_the_app_dies_end_at_once(self):
        self.stop()
        self.options = {'timeout_secs': 25}
        self.start()
        app = self.app({'read': lambda frame: None})
        replies = []
        asking = threading.Thread(target=lambda: replies.append(self.gateway.request('GET', '/apps/nav/data/speed')))
        asking.start()
        app.wait_for('read')
        app.close()
        asking.join(10)
        self.assertEqual([r.status for r in replies], [504])

    def test_a_second_instance_is_refused_while_the_first_lives(self):
        first = self.app({'read': lambda frame: {'value': 1}})
        second = self.connection()
        self.assertEqual(second.hello(instance='two')['code'], 'in-use')
        self.assertEqual(second.until_closed(), [])
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 1)
        self.assertFalse(first.is_closed)

    def test_registering_again_replaces_what_was_registered(self):
        app = self.app({'read': lambda frame: {'value': 1}})
        self.assertEqual(app.ask('register', **REGISTER)['type'], 'reply')
        self.assertEqual(len(self.get('/apps/nav/data')['items']), 3)
        self.assertEqual(app.ask('register', data=REGISTER['data'][:1])['type'], 'reply')
        self.assertEqual(len(self.get('/apps/nav/data')['items']), 1)
        self.assertNotIn('operations', self.get('/apps/nav'))

    def test_the_gateway_ends_while_apps_are_connected_and_asked(self):
        app = self.app({'read': lambda frame: None})
        asking = threading.Thread(target=lambda: self.gateway.bare('GET', '/sovd/v1/apps/nav/data/speed'))
        asking.start()
        app.wait_for('read')
        self.stop()
        asking.join(10)
        self.until(lambda: app.is_closed)
        self.assertFalse(self.socket.exists())


class AfterARestart(NativeCase):
    """The app is not back yet, and nothing ever happened to its faults."""
    KINDS = ('data', 'operations', 'modes', 'configurations', 'faults', 'locks')

    def killed(self, register=REGISTER):
        app = self.app({'start': lambda _: {}}, register=register)
        made = self.again(app) if register == REGISTER else self.lock()  # what is promised is written behind what was offered
        app.close()
        self.gateway.kill()
        self.start()
        return made

    def again(self, app):
        lock = self.lock()
        execution = self.ask(202, 'POST', '/apps/nav/operations/reroute/executions', {}).json['id']
        self.assertFalse(app.is_closed)
        return lock, execution

    def lock(self):
        return self.ask(201, 'POST', '/apps/nav/locks', {'lock_expiration': 600}).json['id']

    def test_what_it_offered_is_found_with_the_locks_and_executions_that_were_promised(self):
        before = self.killed() and set(self.get('/apps/nav'))
        for kind in self.KINDS:
            self.assertIn(kind, before)
        lock, execution = self.killed()
        self.assertTrue(self.get(f'/apps/nav/locks/{lock}')['owned'])
        self.assertEqual(self.get(f'/apps/nav/operations/reroute/executions/{execution}')['status'], 'failed')
        self.assertEqual(self.get('/apps/nav')['connectionState'], 'disconnected')
        self.ask(504, 'GET', '/apps/nav/data')
        self.ask(504, 'GET', '/apps/nav/modes/view')
        self.ask(504, 'POST', '/apps/nav/operations/reroute/executions', {})
        self.assertEqual(self.get('/apps/nav/faults'), {'items': []})
        self.ask(204, 'DELETE', f'/apps/nav/locks/{lock}')
        self.app()
        self.assertEqual(len(self.get('/apps/nav/data')['items']), 3)

    def test_what_it_does_not_offer_any_more_is_gone(self):
        self.killed()
        self.killed({'modes': REGISTER['modes']})
        found = self.get('/apps/nav')
        self.assertIn('modes', found)
        for kind in ('data', 'operations', 'configurations', 'faults'):
            self.assertNotIn(kind, found)


class KindsOfCycles(NativeCase):
    kinds = [f'k{i}' for i in range(32)]
    entities = ({'entity': 'apps/nav', 'cycles': kinds},)

    def test_more_kinds_than_there_may_be_are_refused_and_not_taken(self):
        app = self.app()
        answers = [app.ask('cycle', kind=kind, n=n) for n, kind in enumerate(self.kinds, 1)]  # and there is power
        self.assertEqual([answer['type'] for answer in answers[:-1]], ['reply'] * 31)
        self.assertEqual(answers[-1]['code'], 'too-many')
        self.assertEqual(app.ask('cycle', kind=self.kinds[-1], n=32)['code'], 'too-many')
        refused = app.ask('register', faults={'faults': [{'code': 'A', 'name': 'a', 'cycle': 'more'}]})
        self.assertEqual(refused['code'], 'too-many')
        self.assertIn('32 kinds of operation cycles', refused['message'])

    def test_more_conditions_than_there_may_be_are_refused(self):
        app = self.app()
        answers = [app.ask('condition', name=f'c{i}', on=False) for i in range(257)]
        self.assertEqual({answer['type'] for answer in answers[:-1]}, {'reply'})
        self.assertEqual(answers[-1]['code'], 'too-many')
        self.assertIn('256', answers[-1]['message'])


class Configuration(NativeCase):
    def refused(self, **more):
        config = self.folder / 'bad.yaml'
        config.write_text(json.dumps({'native': {'socket': str(self.socket), **more}}), encoding='utf-8')
        status, _, said = gateway.run('--config', config, '--check-config')
        self.assertEqual(status, 2, said)
        return said

    def test_what_cannot_be_is_named(self):
        for apps, why in (([{'entity': 'nav'}], 'apps/ID'), ([{'entity': 'apps/docs'}], 'apps/ID'),
                          ([{'entity': 'apps/a'}, {'entity': 'apps/a'}], 'another app'),
                          ([{'entity': 'apps/a', 'user': 'nobody-of-this-name'}], 'no such user'),
                          ([{'entity': 'apps/a', 'group': 'nobody-of-this-name'}], 'no such group'),
                          ([{'entity': 'apps/a', 'user': 'root', 'uid': 0}], 'uid'),
                          ([{'entity': 'apps/a', 'unit': 'navigation'}], 'NAME.service'),
                          ([{'entity': 'apps/a', 'unit': '../x.service'}], 'NAME.service'),
                          ([{'entity': 'apps/a', 'cycles': ['a/b']}], 'a kind of cycles')):
            self.assertIn(why, self.refused(apps=apps))
        self.assertIn('at least 0.05', self.refused(freeze_frame_secs=0.01))
        self.assertIn('at least 0.05', self.refused(log_retention_secs=0))
        self.assertIn('max_log_entries', self.refused(max_log_entries=0))
        self.assertIn('at least 0.05', self.refused(heartbeat_secs=0.01))
        self.assertIn('max_frame_bytes', self.refused(max_queue_bytes=4096))

    def test_it_is_a_section_and_no_backend_of_the_list(self):
        config = self.folder / 'list.yaml'
        config.write_text(json.dumps({'backends': [{'type': 'native', 'name': 'apps'}]}), encoding='utf-8')
        status, _, said = gateway.run('--config', config, '--check-config')
        self.assertEqual(status, 2)
        self.assertIn('type', said)

    def test_a_socket_that_nobody_listens_on_is_replaced_and_one_in_use_is_not(self):
        self.gateway.process.kill()
        self.gateway.ended()
        self.assertTrue(self.socket.exists())
        self.start()
        self.app()
        status, _, said = gateway.run('--config', self.second_config())
        self.assertNotEqual(status, 0)
        self.assertIn('in use', said)

    def second_config(self):
        config = self.folder / 'second.yaml'
        config.write_text(json.dumps(
            {'server': {'port': 0}, 'native': native.section(self.socket)}), encoding='utf-8')
        return config

    def test_another_file_in_its_place_is_left_alone(self):
        self.stop()
        self.socket.write_text('mine', encoding='utf-8')
        status, _, said = gateway.run('--config', self.second_config())
        self.assertNotEqual(status, 0)
        self.assertIn('no socket', said)
        self.assertEqual(self.socket.read_text(encoding='utf-8'), 'mine')

    def test_only_its_own_user_may_open_the_socket_unless_a_group_may(self):
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o600)
        self.stop()
        self.options = {'socket_access': 'group'}
        self.start()
        self.assertEqual(self.socket.stat().st_mode & 0o777, 0o660)
        self.assertEqual(self.socket.stat().st_gid, os.getegid())

    def test_an_app_without_a_storage_path_has_faults_too(self):
        self.stop()
        self.gateway = gateway.Gateway(native=native.section(self.socket))
        app = self.app()
        app.ask('fault', code='GPS_LOST', report='failed')
        self.assertEqual(len(self.get('/apps/nav/faults')['items']), 1)


if __name__ == '__main__':
    unittest.main()
