# SPDX-License-Identifier: Apache-2.0
"""Operations and their executions through the gateway."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import keys
import gateway
import keys
import openapi

BMS = '/components/bms/operations'
SELF_TEST = BMS + '/self-test/executions'
BALANCE = BMS + '/cell-balance/executions'
FLUSH = '/components/climate/operations/recirculate/executions'
QUICK = {'parameters': {'mode': 'quick'}}


class OperationCase(gateway.GatewayCase):
    def start(self, path=SELF_TEST, body=None):
        """The URI of a new execution; it is removed after the test."""
        reply = self.ask(202, 'POST', path, QUICK if path == SELF_TEST and body is None else body)
        self.assertEqual(reply.json['status'], 'running')
        self.assertEqual(openapi.path_of(reply.headers['location']), f'/sovd/v1{path}/{reply.json["id"]}')
        self.addCleanup(self.gateway.delete, reply.headers['location'])
        return reply.headers['location']

    def ended(self, uri):
        """The final status of an execution."""
        return self.until(lambda: (body := self.get(uri))['status'] != 'running' and body)

    def ended_at_ecu(self, path):
        """Once the ECU itself has nothing running there."""
        self.until(lambda: all(self.ecu.get(f'{path}/{name}').json['status'] != 'running' for name in self.ecu.get(path).json['items']))


class Descriptions(OperationCase):
    def test_operations_are_listed(self):
        items = self.get(BMS)['items']
        self.assertEqual([(item['id'], item['asynchronous_execution'], item['proximity_proof_required']) for item in items],
                         [('self-test', True, False), ('cell-balance', True, False)])
        self.assertFalse(self.get('/components/climate/operations')['items'][0]['asynchronous_execution'])
        self.assertEqual(self.get(BMS + '?tags=any')['items'], [])

    def test_an_operation_is_described(self):
        detail = self.get(BMS + '/self-test')
        self.assertEqual((detail['item']['id'], detail['modes']), ('self-test', {}))

    def test_include_schema_is_offered(self):
        for path in BMS, BMS + '/self-test':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')

    def test_what_is_unknown_is_404(self):
        for method, path in (('GET', BMS + '/none'), ('GET', BMS + '/none/executions'), ('POST', BMS + '/none/executions'),
                             ('GET', SELF_TEST + '/none'), ('DELETE', SELF_TEST + '/none'), ('GET', BMS + '/none/executions/x')):
            with self.subTest(f'{method} {path}'):
                self.assertEqual(self.ask(404, method, path).json['vendor_code'], 'resource-not-found')
        self.ask(404, 'PUT', SELF_TEST + '/none', {'capability': 'stop'})


class Executions(OperationCase):
    def test_a_synchronous_operation_answers_200_with_its_result_and_leaves_no_execution(self):
        for body in None, {}, {'parameters': {}}:
            reply = self.ask(200, 'POST', FLUSH, body)
            self.assertTrue(reply.json['parameters'])
            self.assertNotIn('location', reply.headers)
        self.assertEqual(self.get(FLUSH)['items'], [])

    def test_an_asynchronous_operation_runs_to_its_end_with_progress(self):
        uri, seen = self.start(), []

        def look():
            body = self.get(uri)
            seen.append((body['status'], body.get('progress')))
            return body['status'] != 'running' and body
        body = self.until(look)
        self.assertEqual((body['capability'], body['status'], body['progress']), ('execute', 'completed', 100))
        self.assertTrue(body['parameters'])
        progress = [number for _, number in seen]
        self.assertEqual(progress, sorted(progress))
        self.assertGreater(len(set(progress)), 2)

    def test_an_ended_execution_can_be_read_again(self):
        uri = self.start()
        body = self.ended(uri)
        self.assertEqual(self.get(uri), body)
        self.assertEqual(self.get(uri), body)

    def test_an_ended_execution_is_read_without_the_ecu(self):
        uri = self.start()
        body = self.ended(uri)
        self.ecu.reset_stats()
        self.assertEqual(self.get(uri), body)
        self.assertEqual(self.ecu.stats()['classes']['operations'], 0)

    def test_a_failed_execution_has_an_error_that_says_why(self):
        self.ecu.set(next_self_test='fail')
        body = self.ended(self.start())
        self.assertEqual(body['status'], 'failed')
        self.assertEqual(body['error'][0]['path'], '/')
        self.assertEqual(body['error'][0]['error']['error_code'], 'error-response')

    def test_the_id_of_an_execution_is_not_that_of_the_ecu(self):
        uri = self.start()
        mine, theirs = uri.rsplit('/', 1)[1], self.ecu.get(SELF_TEST).json['items']
        self.assertEqual(len(theirs), 1)
        self.assertNotIn(mine, theirs)
        self.ask(404, 'GET', f'{SELF_TEST}/{theirs[0]}')
        self.assertGreaterEqual(len(mine), 16)

    def test_executions_are_listed_by_their_ids(self):
        uri = self.start()
        self.assertEqual(self.get(SELF_TEST)['items'], [uri.rsplit('/', 1)[1]])
        self.assertEqual(self.get(BALANCE)['items'], [])

    def test_an_execution_belongs_to_its_operation_and_entity(self):
        name = self.start().rsplit('/', 1)[1]
        for path in f'{BALANCE}/{name}', f'{FLUSH}/{name}':
            for method in 'GET', 'DELETE':
                self.ask(404, method, path)

    def test_a_second_start_while_one_runs_is_409(self):
        self.start(BALANCE)
        error = self.ask(409, 'POST', BALANCE).json
        self.assertEqual(error['error_code'], 'precondition-not-fulfilled')
        self.assertEqual(len(self.get(BALANCE)['items']), 1)

    def test_delete_stops_and_removes(self):
        for body in None, {}:
            uri = self.ask(202, 'POST', BALANCE).headers['location']
            self.ask(204, 'DELETE', uri, body)
            self.ask(404, 'GET', uri)
            self.ask(404, 'DELETE', uri)
            self.assertEqual((self.get(BALANCE)['items'], self.ecu.get(BALANCE).json['items']), ([], []))

    def test_control_with_stop_ends_it_and_keeps_it(self):
        uri = self.start(BALANCE)
        reply = self.ask(202, 'PUT', uri, {'capability': 'stop'})
        self.assertEqual(reply.headers['location'], uri)
        self.assertEqual(reply.json['id'], uri.rsplit('/', 1)[1])
        body = self.get(uri)
        self.assertEqual((body['capability'], body['status']), ('stop', 'failed'))

    def test_control_that_the_ecu_refuses_is_passed_on(self):
        uri = self.start(BALANCE)
        self.assertIn('only stop', self.ask(409, 'PUT', uri, {'capability': 'freeze'}).json['message'])
        self.ask(400, 'PUT', uri, {'capability': 'x-none'})
        self.assertEqual(self.ask(400, 'PUT', uri, {}).json['path'], '/capability')
        self.assertEqual(self.get(uri)['status'], 'running')

    def test_a_timeout_stops_the_run(self):
        uri = self.start(BALANCE, {'timeout': 1})
        self.assertEqual(self.ended(uri)['status'], 'failed')

    def test_odd_parameters_are_refused_and_nothing_starts(self):
        for body in {'parameters': {'mode': 'sport'}}, {'timeout': 'soon'}, {'timeout': -1}, {'timeout': 1.5}, {'proximity_response': 1}:
            with self.subTest(body):
                self.ask(400, 'POST', SELF_TEST, body)
        self.assertEqual(self.get(SELF_TEST)['items'], [])

    def test_an_execution_that_was_started_elsewhere_is_seen_and_can_be_stopped(self):
        self.assertEqual(self.ecu.request('POST', BALANCE).status, 202)
        names = self.get(BALANCE)['items']
        self.assertEqual(len(names), 1)
        self.assertEqual(self.get(BALANCE)['items'], names)
        self.assertEqual(self.get(f'{BALANCE}/{names[0]}')['status'], 'running')
        self.ask(204, 'DELETE', f'{BALANCE}/{names[0]}')
        self.assertEqual(self.ecu.get(BALANCE).json['items'], [])

    def test_health_counts_running_executions(self):
        self.until(lambda: self.gateway.health()['executions_running'] == 0)
        uri = self.start(BALANCE)
        self.assertEqual(self.gateway.health()['executions_running'], 1)
        self.ask(202, 'PUT', uri, {'capability': 'stop'})
        self.ended(uri)
        self.assertEqual(self.gateway.health()['executions_running'], 0)


class Retention(OperationCase):
    sections = {'limits': {'execution_retention_secs': 1}}

    def test_an_ended_execution_is_gone_after_the_retention_and_does_not_come_back(self):
        uri = self.ask(202, 'POST', SELF_TEST, QUICK).headers['location']
        self.ended(uri)
        self.until(lambda: self.gateway.get(uri).status == 404)
        self.assertEqual(self.get(SELF_TEST)['items'], [])

    def test_a_running_execution_outlives_the_retention(self):
        uri = self.start(BALANCE)
        self.until(lambda: self.get(uri)['progress'] > 40)
        self.assertEqual(self.get(uri)['status'], 'running')


class Limits(OperationCase):
    sections = {'limits': {'executions': 2}}

    def test_the_oldest_ended_execution_gives_way_to_a_new_one(self):
        uris = []
        for _ in range(3):
            uris.append(self.start())
            self.ended(uris[-1])
        self.assertEqual([self.gateway.get(uri).status for uri in uris], [404, 200, 200])

    def test_executions_that_nobody_asked_about_do_not_fill_the_limit_for_ever(self):
        for _ in range(3):
            self.start()
            self.ended_at_ecu(SELF_TEST)


class RunningLimit(OperationCase):
    sections = {'limits': {'executions': 1}}

    def test_over_the_limit_of_running_executions_a_start_is_503_and_the_ecu_is_not_asked(self):
        self.start(BALANCE)
        self.ecu.reset_stats()
        self.assertEqual(self.ask(503, 'POST', SELF_TEST, QUICK).json['vendor_code'], 'overload')
        self.assertEqual(self.ecu.get(SELF_TEST).json['items'], [])


class ClientLimit(OperationCase):
    sections = {'limits': {'executions_per_client': 1}, 'auth': keys.section(keys.entry('other', 'the-token-of-another'))}
    OTHER = {'Authorization': 'Bearer the-token-of-another'}

    def test_over_the_limit_of_a_client_its_start_is_503_and_that_of_another_is_not(self):
        running = self.start(BALANCE)
        reply = self.ask(503, 'POST', SELF_TEST, QUICK)
        self.assertIn('executions_per_client', reply.json['message'])
        self.assertIn('retry-after', reply.headers)
        uri = self.ask(202, 'POST', SELF_TEST, QUICK, self.OTHER).headers['location']
        self.addCleanup(self.gateway.delete, uri)
        self.ask(503, 'POST', SELF_TEST, QUICK, self.OTHER)
        self.ask(204, 'DELETE', running)
        self.start(BALANCE)

    def test_one_that_ended_unseen_does_not_count(self):
        for _ in range(3):
            self.start()
            self.ended_at_ecu(SELF_TEST)


if __name__ == '__main__':
    unittest.main()
