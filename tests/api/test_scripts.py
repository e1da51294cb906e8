# SPDX-License-Identifier: Apache-2.0
"""Scripts of a simulated vehicle: upload, description, executions."""
import concurrent.futures
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
from simulated import SimCase

PATH = '/components/ecu/scripts'
WAIT = {'steps': [{'wait_ms': 600000}]}
READ = {'steps': [{'read': 'n'}]}
HEADERS = {'Content-Type': 'application/json', 'Content-Disposition': 'attachment; filename="check it.json"'}


class ScriptCase(SimCase):
    scenario = {'components': [{
        'id': 'ecu', 'script_uploads': 3,
        'data': [{'id': 'n', 'value': 1, 'min': 0, 'max': 9, 'writable': True}],
        'operations': [{'id': 'test', 'asynchronous': True, 'duration_secs': 0.2, 'result': [{'name': 'ok', 'value': True}]}],
        'scripts': [{'id': 'built-in', 'name': 'Built in', 'tags': ['a'], 'steps': [{'write': 'n', 'value': 2}, {'start': 'test'}, {'read': 'n'}]}]},
        {'id': 'closed', 'scripts': [{'id': 's', 'steps': [{'wait_ms': 1}]}]},
        {'id': 'none', 'data': [{'id': 'n', 'value': 1}]}]}

    def upload(self, script=READ, status=201, **headers):
        body = script if isinstance(script, bytes) else json.dumps(script).encode()
        reply = self.ask(status, 'POST', PATH, body, {**HEADERS, **{name.replace('_', '-'): value for name, value in headers.items()}})
        if status != 201:
            return reply
        self.addCleanup(self.remove, reply.headers['location'])
        return reply.headers['location']

    def remove(self, uri):
        for name in (self.gateway.get(uri + '/executions').json.get('items', [])):
            self.gateway.put(f'{uri}/executions/{name}', {'action': 'stop'})
        self.gateway.delete(uri)

    def start(self, uri, status=202, **body):
        reply = self.ask(status, 'POST', uri + '/executions', body)
        return reply.headers['location'] if status == 202 else reply

    def ended(self, uri):
        return self.until(lambda: (body := self.get(uri))['status'] not in ('running', 'prepared') and body)


class Scripts(ScriptCase):
    def test_scripts_are_offered_where_there_are_some(self):
        self.assertTrue(self.get('/components/ecu')['scripts'].endswith(PATH))
        self.assertNotIn('scripts', self.get('/components/none'))
        self.ask(404, 'GET', '/components/none/scripts')

    def test_an_uploaded_script_is_listed_described_and_deleted(self):
        uri = self.upload()
        name = uri.rsplit('/', 1)[1]
        self.assertIn(name, [item['id'] for item in self.get(PATH)['items']])
        self.assertEqual(self.get(uri)['item'], {'id': name, 'name': 'check it.json', 'proximity_proof_required': False})
        self.ask(204, 'DELETE', uri)
        self.ask(404, 'GET', uri)
        self.ask(404, 'DELETE', uri)

    def test_tags_and_schema(self):
        self.upload({'name': 'Mine', 'tags': ['b'], **READ})
        self.assertEqual([item['id'] for item in self.get(PATH + '?tags=a')['items']], ['built-in'])
        self.assertEqual([item['name'] for item in self.get(PATH + '?tags=b')['items']], ['Mine'])
        for path in PATH, PATH + '/built-in':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')

    def test_a_script_of_the_vehicle_cannot_be_deleted(self):
        self.assertEqual(self.ask(403, 'DELETE', PATH + '/built-in').json['error_code'], 'insufficient-access-rights')

    def test_an_upload_needs_its_header_fields(self):
        body = json.dumps(READ).encode()
        for left_out in 'Content-Type', 'Content-Disposition':
            headers = {name: value for name, value in HEADERS.items() if name != left_out}
            if left_out == 'Content-Type':  # the helper would add one
                with self.gateway.raw() as raw:
                    raw.send(f'POST {gateway.BASE}{PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Disposition: attachment\r\n'
                             f'Content-Length: {len(body)}\r\n\r\n'.encode() + body)
                    reply = raw.reply()
            else:
                reply = self.gateway.post(PATH, body, headers)
            self.assertEqual(reply.status, 400)
            self.assertIn(left_out, reply.json['message'])

    def test_an_upload_without_a_length_is_411(self):
        with self.gateway.raw() as raw:
            raw.send(f'POST {gateway.BASE}{PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Disposition: attachment\r\nContent-Type: application/json\r\n'
                     'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n')
            self.assertEqual(raw.reply().status, 411)

    def test_a_disposition_that_cannot_be_read_is_400(self):
        for field in '', ';', 'attachment; filename=', 'attachment; filename="x', 'attachment filename=x', 'attachment; =x', 'a; b=c d':
            with self.subTest(field):
                self.upload(status=400, Content_Disposition=field)
        for field in 'attachment', 'form-data; name=a; filename=x.json', 'attachment ; FILENAME = "a \\" b"':
            self.gateway.delete(self.upload(Content_Disposition=field))

    def test_without_a_filename_the_name_of_the_upload_is_its_name(self):
        for field, name in (('attachment; name="mine"', 'mine'), ('form-data; name=a; filename=x.json', 'x.json')):
            with self.subTest(field):
                uri = self.upload(Content_Disposition=field)
                self.assertEqual(self.get(uri)['item']['name'], name)
                self.ask(204, 'DELETE', uri)

    def test_what_is_no_script_is_400_with_its_place(self):
        for script, place in (({'steps': []}, '/steps'), ({'steps': [{'read': 'x'}]}, '/steps/0'), ({'steps': [{'shell': 'x'}]}, '/steps/0/shell'),
                              ({'steps': [{'wait_ms': 1}, {'write': 'n', 'value': 10}]}, '/steps/1'), ({'steps': 1}, '/steps'), (b'{', '')):
            with self.subTest(script):
                self.assertEqual(self.upload(script, 400).json['path'], place)
        self.upload(b'', 400)
        self.upload(b'#!/bin/sh', 415, Content_Type='text/x-shellscript')
        self.upload({'steps': [{'wait_ms': 1}] * 101}, 400)
        self.upload(json.dumps(READ).encode() + b' ' * 65536, 413)

    def test_over_the_limit_an_upload_is_503_until_one_is_deleted(self):
        uris = [self.upload() for _ in range(3)]
        error = self.upload(status=503).json
        self.assertEqual(error['vendor_code'], 'overload')
        self.assertIn('3 scripts', error['message'])
        self.ask(204, 'DELETE', uris[0])
        self.upload()

    def test_an_entity_that_takes_no_scripts_says_so(self):
        self.ask(501, 'POST', '/components/closed/scripts', json.dumps(READ).encode(), HEADERS)


class Executions(ScriptCase):
    def test_a_script_runs_to_its_end_and_acts_on_the_vehicle(self):
        uri = self.start(PATH + '/built-in')
        self.assertIn(uri.rsplit('/', 1)[1], self.get(PATH + '/built-in/executions')['items'])
        body = self.ended(uri)
        self.assertEqual((body['status'], body['result'], body['progress']), ('completed', {'test': {'ok': True}, 'n': 2}, 100))
        self.assertRegex(body['last_started'], r'^\d{4}-.*Z$')
        self.assertEqual(self.get('/components/ecu/data/n')['data'], 2)

    def test_a_failure_names_the_step(self):
        body = self.ended(self.start(self.upload({'steps': [{'wait_ms': 1}, {'expect': 'n', 'min': 9.5}]})))
        self.assertEqual((body['status'], body['error'][0]['path']), ('failed', '/steps/1'))
        self.assertIn('below 9.5', body['error'][0]['error']['message'])

    def test_one_runs_at_a_time_and_is_stopped_under_either_name(self):
        uri = self.upload(WAIT)
        for body in {'action': 'stop'}, {'capability': 'forced_termination'}, {'action': 'stop', 'capability': 'stop'}:
            execution = self.start(uri)
            self.assertEqual(self.start(uri, 409).json['error_code'], 'precondition-not-fulfilled')
            self.ask(409, 'DELETE', execution)
            self.ask(409, 'DELETE', uri)
            self.ask(204, 'PUT', execution, body)
            self.assertEqual(self.get(execution)['status'], 'terminated')
            self.ask(409, 'PUT', execution, body)
            self.ask(204, 'DELETE', execution)
            self.ask(404, 'GET', execution)

    def test_a_control_that_says_nothing_clear_is_400(self):
        execution = self.start(self.upload(WAIT))
        for body, place in (({}, '/action'), ({'action': 'pause'}, '/action'), ({'action': 'stop', 'capability': 'forced_termination'}, '/capability')):
            self.assertEqual(self.ask(400, 'PUT', execution, body).json['path'], place)

    def test_what_waits_for_a_restart_is_prepared(self):
        uri = self.upload()
        for when in 'on_restart', 'once_on_restart':
            execution = self.start(uri, execution_type=when)
            body = self.get(execution)
            self.assertEqual((body['status'], 'last_started' in body), ('prepared', False))
            self.ask(204, 'PUT', execution, {'action': 'stop'})
            self.assertEqual(self.get(execution)['status'], 'terminated')

    def test_a_start_that_asks_for_what_is_not_there_is_400(self):
        uri = self.upload()
        self.assertEqual(self.start(uri, 400, execution_type='later').json['path'], '/execution_type')
        self.assertEqual(self.start(uri, 400, parameters={'x': 1}).json['path'], '/parameters')
        self.ask(202, 'POST', uri + '/executions')  # a body is optional

    def test_a_start_is_made_once_for_its_idempotency_key(self):
        uri = self.upload(WAIT)
        replies = [self.gateway.post(uri + '/executions', {}, {'Idempotency-Key': 'k'}) for _ in range(2)]
        self.assertEqual([reply.status for reply in replies], [202, 202])
        self.assertEqual(replies[0].body, replies[1].body)
        self.assertEqual(len(self.get(uri + '/executions')['items']), 1)

    def test_metrics_count_scripts_and_those_that_run(self):
        names = 'sovd_backend_scripts{backend="demo"}', 'sovd_backend_scripts_running{backend="demo"}'
        before = [self.gateway.metrics()[name] for name in names]
        execution = self.start(self.upload(WAIT))
        self.upload()
        self.assertEqual([self.gateway.metrics()[name] for name in names], [before[0] + 2, before[1] + 1])
        self.ask(204, 'PUT', execution, {'action': 'stop'})
        self.assertEqual(self.gateway.metrics()[names[1]], before[1])

    def test_many_clients_at_once_leave_nothing_behind(self):
        def live(number):
            for _ in range(10):
                reply = self.gateway.post(PATH, json.dumps({'name': str(number), **WAIT}).encode(), HEADERS)
                if reply.status == 503:
                    continue  # the three places are taken
                uri = reply.headers['location']
                execution = self.gateway.post(uri + '/executions', {}).headers['location']
                seen.append((self.gateway.get(uri).json['item']['name'], self.gateway.get(execution).json['status'],
                             self.gateway.put(execution, {'action': 'stop'}).status, self.gateway.delete(uri).status, number))
        seen, before = [], self.get(PATH)['items']
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(live, range(6)))
        self.assertTrue(seen)
        self.assertEqual([row for row in seen if row[:4] != (str(row[4]), 'running', 204, 204)], [])
        self.assertEqual(self.get(PATH)['items'], before)

    def test_what_is_unknown_is_404(self):
        for method, path in (('GET', '/none'), ('DELETE', '/none'), ('GET', '/none/executions'), ('POST', '/none/executions'),
                             ('GET', '/built-in/executions/none'), ('DELETE', '/built-in/executions/none')):
            self.ask(404, method, PATH + path)
        self.ask(404, 'PUT', PATH + '/built-in/executions/none', {'action': 'stop'})


if __name__ == '__main__':
    unittest.main()
