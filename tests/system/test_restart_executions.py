# SPDX-License-Identifier: Apache-2.0
"""Executions and Idempotency-Keys over a kill of the gateway: nothing is started twice, nothing is made up."""
import contextlib
import http.client
import json
import pathlib
import signal
import sqlite3
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling
from restarts import A, B, RestartCase, without_audit

VEHICLE = {'components': [
    {'id': 'ecu', 'operations': [
        {'id': 'long', 'asynchronous': True, 'duration_secs': 600, 'parallel_runs': 4},
        {'id': 'brief', 'asynchronous': True, 'duration_secs': 0.05},
        {'id': 'now', 'result': [{'name': 'done', 'value': True}]},
        {'id': 'fails', 'fails_every': 1, 'error': 'no voltage'}]},
    {'id': 'slow', 'latency_ms': 20000, 'operations': [{'id': 'long', 'asynchronous': True, 'duration_secs': 600}],
     'data': [{'id': 'n', 'value': 1}], 'scripts': [{'id': 'look', 'steps': [{'read': 'n'}]}]}]}
OPERATIONS = '/components/ecu/operations'


def key(name, who=A):
    return {**who, 'Idempotency-Key': name}


class Simulated(RestartCase):
    """The simulated vehicle ends with the gateway: what ran is lost."""

    def setUp(self):
        super().setUp()
        scenario = self.folder / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.backends = [{'name': 'car', 'type': 'sim', 'scenario': str(scenario)}]
        self.start()

    def begin(self, operation, status=202, who=A):
        return self.ask(status, 'POST', f'{OPERATIONS}/{operation}/executions', {}, who)

    def location(self, reply):
        return gateway.Gateway.full(reply.headers['location'])

    def rows(self, text):
        """Of the file while the gateway has it open."""
        with contextlib.closing(sqlite3.connect(f'file:{self.state}/state.db?mode=ro', uri=True)) as database:
            return database.execute(text).fetchall()

    def unknown(self, uri, text):
        """It failed, and nobody says that it did something."""
        body = self.ask(200, 'GET', uri, who=A).json
        self.assertEqual(body['status'], 'failed')
        self.assertEqual((body['error'][0]['path'], body['error'][0]['error']['vendor_code']), ('/', 'outcome-unknown'))
        self.assertIn(text, body['error'][0]['error']['message'])
        return body

    def test_the_result_of_an_ended_execution_is_kept(self):
        uri = self.location(self.begin('brief'))
        done = polling.wait_until(lambda: (body := self.ask(200, 'GET', uri).json)['status'] == 'completed' and body, 10)
        self.restart()
        self.assertEqual(self.ask(200, 'GET', uri).json, done)
        self.assertIn(uri.rsplit('/', 1)[1], self.ask(200, 'GET', f'{OPERATIONS}/brief/executions').json['items'])
        self.ask(204, 'DELETE', uri, who=A)
        self.restart()
        self.ask(404, 'GET', uri)

    def test_one_that_the_vehicle_does_not_know_any_more_has_failed(self):
        uri = self.location(self.begin('long'))
        self.assertEqual(self.ask(200, 'GET', uri).json['status'], 'running')
        self.restart()
        body = self.unknown(uri, 'the gateway was restarted while this ran')
        self.restart()
        self.assertEqual(self.ask(200, 'GET', uri).json, body)
        self.ask(204, 'DELETE', uri, who=A)

    def test_another_one_with_the_same_id_at_the_vehicle_is_not_taken_for_it(self):
        uri = self.location(self.begin('long'))
        self.restart()
        fresh = self.location(self.begin('long'))
        self.assertNotEqual(uri, fresh)
        self.unknown(uri, 'restarted')
        self.assertEqual(self.ask(200, 'GET', fresh).json['status'], 'running')

    def cut_off(self, path, is_written):
        """Starts under the key 'cut', and kills the gateway while the vehicle takes its time."""
        def start():
            try:
                self.gateway.bare('POST', gateway.BASE + path, {}, key('cut'))
            except (OSError, http.client.HTTPException):
                pass

        thread = threading.Thread(target=start)
        thread.start()
        self.assertTrue(polling.wait_until(is_written, 10))
        self.restart()
        thread.join(10)

    def test_a_script_without_an_answer_is_not_started_again(self):
        path = '/components/slow/scripts/look/executions'
        self.cut_off(path, lambda: self.rows('SELECT status, execution FROM idempotency') == [(0, None)])
        reply = self.ask(409, 'POST', path, {}, key('cut'))
        self.assertEqual(reply.json['vendor_code'], 'outcome-unknown')
        self.assertIn('nobody knows whether it was carried out', reply.json['message'])
        self.assertNotIn('parameters', reply.json)

    def test_a_start_without_an_answer_has_failed_and_is_not_tried_again(self):
        path = '/components/slow/operations/long/executions'
        self.cut_off(path, lambda: self.rows('SELECT state FROM execution') == [(0,)])
        reply = self.ask(409, 'POST', path, {}, key('cut'))
        self.assertEqual(reply.json['vendor_code'], 'outcome-unknown')
        self.assertIn('was restarted before it answered', reply.json['message'])
        self.assertNotIn('retry-after', reply.headers)
        self.assertEqual(self.rows('SELECT count(*) FROM execution'), [(1,)])
        self.assertEqual(self.rows('SELECT id FROM execution'), [(reply.json['parameters']['execution'],)])
        href = gateway.Gateway.full(reply.json['parameters']['href'])
        self.assertEqual(self.ask(409, 'POST', path, {}, key('cut')).json, reply.json)
        self.ask(409, 'POST', path, {'timeout': 5}, key('cut'))
        self.restart()
        self.assertEqual(self.ask(409, 'POST', path, {}, key('cut')).json['parameters']['execution'],
                         reply.json['parameters']['execution'])
        self.unknown(href, 'not known whether it was started')

    def test_an_answer_is_given_again(self):
        asynchronous = self.ask(202, 'POST', f'{OPERATIONS}/long/executions', {}, key('one'))
        synchronous = self.ask(200, 'POST', f'{OPERATIONS}/now/executions', {}, key('two'))
        failed = self.ask(200, 'POST', f'{OPERATIONS}/fails/executions', {}, key('three'))
        n = self.rows('SELECT count(*) FROM execution')
        self.restart()
        for operation, name, before in ('long', 'one', asynchronous), ('now', 'two', synchronous), ('fails', 'three', failed):
            reply = self.ask(before.status, 'POST', f'{OPERATIONS}/{operation}/executions', {}, key(name))
            self.assertEqual(reply.headers['idempotency-replayed'], 'true')
            self.assertEqual((reply.body, reply.headers.get('location')), (before.body, before.headers.get('location')))
            self.ask(409, 'POST', f'{OPERATIONS}/{operation}/executions', {'timeout': 1}, key(name))
        self.assertEqual(self.rows('SELECT count(*) FROM execution'), n)
        self.assertNotIn('idempotency-replayed',
                         self.ask(200, 'POST', f'{OPERATIONS}/now/executions', {}, key('two', B)).headers)

    def test_limits_count_what_was_there_before(self):
        self.sections = {'limits': {'executions': 2, 'idempotency_keys_per_client': 1}}
        self.restart()
        self.ask(202, 'POST', f'{OPERATIONS}/long/executions', {}, key('one'))
        self.begin('long')
        self.restart()
        self.ask(503, 'POST', f'{OPERATIONS}/now/executions', {}, key('two'))
        self.ask(202, 'POST', f'{OPERATIONS}/long/executions', {}, key('one'))
        self.assertEqual(self.gateway.metrics()['sovd_idempotency_keys'], 1)
        self.assertEqual(self.gateway.metrics()['sovd_executions_running'], 2)
        self.begin('long', who=B)  # the oldest is asked about, has failed, and gives way
        self.assertEqual(self.gateway.metrics()['sovd_executions'], 2)

    @without_audit
    def test_a_full_disk_refuses_starts_and_not_reads(self):
        uri = self.location(self.begin('brief'))
        there_is_space = self.disk_is_full()
        self.refused('POST', f'{OPERATIONS}/long/executions', {}, key('one'))
        self.refused('POST', f'{OPERATIONS}/now/executions', {}, A)
        self.assertTrue(polling.wait_until(lambda: self.ask(200, 'GET', uri).json['status'] == 'completed', 10))
        self.assertEqual(self.ask(200, 'GET', f'{OPERATIONS}/long/executions').json['items'], [])
        there_is_space()
        self.assertNotIn('idempotency-replayed', self.ask(202, 'POST', f'{OPERATIONS}/long/executions', {}, key('one')).headers)
        self.assertEqual(self.ask(200, 'GET', uri).json['status'], 'completed')

    def test_retention_ends_in_the_table_too(self):
        uri = self.location(self.begin('brief'))
        polling.wait_until(lambda: self.ask(200, 'GET', uri).json['status'] == 'completed', 10)
        self.kill()
        self.sql('UPDATE execution SET ended_usec=ended_usec-?', 24 * 3600 * 10**6)
        self.start()
        self.ask(404, 'GET', uri)
        self.assertEqual(self.rows('SELECT count(*) FROM execution'), [(0,)])


class Forwarded(RestartCase):
    """The ECU goes on while the gateway is away."""

    def setUp(self):
        super().setUp()
        self.server = ecu.DemoEcu()
        self.addCleanup(self.server.stop)
        self.backends = [gateway.backend_of(self.server, timeout_secs=2)]
        self.start()

    def test_what_runs_on_is_known_by_the_same_id(self):
        path = '/components/bms/operations/self-test/executions'
        reply = self.ask(202, 'POST', path, {}, key('one'))
        uri = gateway.Gateway.full(reply.headers['location'])
        self.restart()
        body = self.ask(200, 'GET', uri).json
        self.assertIn(body['status'], ('running', 'completed'))
        self.assertEqual(self.ask(200, 'GET', path).json['items'], [uri.rsplit('/', 1)[1]])
        self.assertEqual(self.ask(202, 'POST', path, {}, key('one')).headers['location'], reply.headers['location'])
        self.assertEqual(len(self.server.request('GET', path).json['items']), 1)
        self.assertTrue(polling.wait_until(lambda: self.ask(200, 'GET', uri).json['status'] == 'completed', 30))
        self.ask(204, 'DELETE', uri, who=A)

    def test_what_runs_on_counts_for_who_started_it(self):
        self.sections = {'limits': {'executions_per_client': 1}}
        self.restart()
        path, other = (f'/components/bms/operations/{name}/executions' for name in ('cell-balance', 'self-test'))
        uri = gateway.Gateway.full(self.ask(202, 'POST', path, {}, A).headers['location'])
        self.restart()
        self.assertIn('executions_per_client', self.ask(503, 'POST', other, {}, A).json['message'])
        self.ask(202, 'POST', other, {}, B)
        self.ask(204, 'DELETE', uri, who=A)
        self.ask(202, 'POST', path, {}, A)

    def test_what_runs_on_is_known_when_the_ecu_is_found_late(self):
        path = '/components/bms/operations/self-test/executions'
        uri = gateway.Gateway.full(self.ask(202, 'POST', path, {}, A).headers['location'])
        self.server.process.send_signal(19)
        self.addCleanup(self.server.process.send_signal, 18)
        self.kill()
        self.start(ready=False)
        self.server.process.send_signal(18)
        self.gateway.wait_ready()
        self.gateway.wait_read()
        self.assertIn(self.ask(200, 'GET', uri).json['status'], ('running', 'completed'))


class Scripts(RestartCase):
    """Of a vehicle behind another gateway, which goes on: a client has so many executions that run, whatever they are of."""
    PATH, ANOTHER = (f'/components/ecu/scripts/{name}/executions' for name in ('wait', 'another'))
    sections = {'limits': {'executions_per_client': 1}}

    def setUp(self):
        super().setUp()
        scenario = self.folder / 'vehicle.yaml'
        scenario.write_text(json.dumps({'components': [{
            'id': 'ecu', 'operations': [{'id': 'long', 'asynchronous': True, 'duration_secs': 600}],
            'scripts': [*({'id': name, 'steps': [{'wait_ms': 600000}]} for name in ('wait', 'another')), {'id': 'brief', 'steps': [{'wait_ms': 1}]}]}]}), encoding='utf-8')
        self.behind = gateway.Gateway(arguments=[f'--demo={scenario}'], environment={'SOVD_SERVER__PORT': '0', 'SOVD_LOCKS__REQUIRED': ''})
        self.addCleanup(lambda: self.behind.stop())
        self.backends = [gateway.backend_of(self.behind, 'behind')]
        self.start()

    def begin(self, status=202, who=A, path=PATH):
        return self.ask(status, 'POST', path, {}, who).headers.get('location')

    def test_they_count_for_their_client_until_they_are_deleted(self):
        uri = gateway.Gateway.full(self.begin())
        reply = self.ask(503, 'POST', self.PATH, {}, A)
        self.assertIn('executions_per_client', reply.json['message'])
        self.assertIn('retry-after', reply.headers)
        self.begin(503, path=f'{OPERATIONS}/long/executions')
        self.begin(who=B, path=self.ANOTHER)
        self.assertEqual(self.gateway.metrics()['sovd_executions_running'], 2)
        self.ask(204, 'PUT', uri, {'action': 'stop'}, A)
        self.ask(204, 'DELETE', uri, who=A)
        self.assertEqual(self.gateway.metrics()['sovd_executions_running'], 1)
        self.begin(path=f'{OPERATIONS}/long/executions')
        self.begin(503)

    def test_one_that_was_seen_to_end_leaves_its_place(self):
        uri = gateway.Gateway.full(self.begin(path='/components/ecu/scripts/brief/executions'))
        polling.wait_until(lambda: self.ask(200, 'GET', uri).json['status'] == 'completed', 10)
        self.assertEqual(self.gateway.metrics()['sovd_executions'], 0)

    def test_one_that_ended_unseen_leaves_it_when_it_is_needed(self):
        for _ in range(3):
            self.begin()
            for name in self.behind.get(self.PATH).json['items']:
                self.behind.put(f'{self.PATH}/{name}', {'action': 'stop'})

    def test_a_start_that_is_refused_takes_no_place(self):
        self.ask(404, 'POST', '/components/ecu/scripts/none/executions', {}, A)
        self.begin()

    def test_a_start_whose_outcome_is_unknown_gives_its_place_back_and_can_be_found_and_stopped(self):
        self.backends = [gateway.backend_of(self.behind, 'behind', timeout_secs=0.5)]
        self.restart()
        self.behind.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.behind.process.send_signal, signal.SIGCONT)
        self.assertEqual(self.ask(504, 'POST', self.PATH, {}, A).json['vendor_code'], 'outcome-unknown')
        self.behind.process.send_signal(signal.SIGCONT)
        ids = polling.wait_until(lambda: self.behind.get(self.PATH).json['items'], 10)
        self.assertEqual(polling.wait_until(lambda: (reply := self.gateway.get(self.PATH)).status == 200 and reply.json['items'], 10), ids)
        self.begin(path=self.ANOTHER)  # it counts for nobody
        self.begin(503, path=f'{OPERATIONS}/long/executions')
        self.ask(204, 'PUT', f'{self.PATH}/{ids[0]}', {'action': 'stop'}, A)

    def test_what_runs_on_counts_after_a_restart(self):
        uri = gateway.Gateway.full(self.begin())
        self.restart()
        self.begin(503)
        self.begin(who=B, path=self.ANOTHER)
        self.assertEqual(self.ask(200, 'GET', f'{OPERATIONS}/long/executions').json['items'], [])
        self.ask(204, 'PUT', uri, {'action': 'stop'}, A)
        self.begin()

    def test_what_may_run_on_where_nobody_can_look_keeps_its_place(self):
        scenario = self.folder / 'here.yaml'
        scenario.write_text(json.dumps({'components': [{'id': 'here', 'operations': [{'id': 'long', 'asynchronous': True, 'duration_secs': 600}]}]}), encoding='utf-8')
        self.backends.append({'name': 'here', 'type': 'sim', 'scenario': str(scenario)})
        self.sections = {'limits': {'executions': 2}}
        self.restart()
        self.begin()
        self.begin(path=f'{OPERATIONS}/long/executions')
        self.behind.stop()
        self.restart()
        self.assertEqual(self.ask(200, 'GET', '/components/ecu').json['connectionState'], 'disconnected')
        self.begin(503, path='/components/here/operations/long/executions')
        self.kill()
        self.sql('DELETE FROM remembered_view')
        self.start()
        self.ask(404, 'GET', '/components/ecu')  # now nothing is known of it before it can be reached
        self.begin(503, path='/components/here/operations/long/executions')
        self.assertEqual(self.gateway.metrics()['sovd_executions_running'], 2)


if __name__ == '__main__':
    unittest.main()
