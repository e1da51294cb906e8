# SPDX-License-Identifier: Apache-2.0
"""Operations of a simulated vehicle over HTTP: parameters, capabilities, modes, parallel runs, proofs of proximity."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
from simulated import SimCase, proof

PATH = '/components/ecu/operations/'


class Parameters(SimCase):
    def test_results_follow_the_parameters_of_the_start(self):
        path = PATH + 'echo/executions'
        self.assertEqual(self.ask(200, 'POST', path, {}).json, {'parameters': {'text': 'ping', 'double': 2}})
        self.assertEqual(self.ask(200, 'POST', path, {'parameters': {'text': 'pong', 'n': 4}}).json['parameters'],
                         {'text': 'pong', 'double': 8})

    def test_a_bad_parameter_is_400_with_its_place_and_nothing_starts(self):
        for parameters, place in (({}, 'side'), ({'side': 'up'}, 'side'), ({'side': 'left', 'level': 6}, 'level'),
                                  ({'side': 'left', 'level': '1'}, 'level'), ({'side': 'left', 'speed': 1}, 'speed')):
            with self.subTest(parameters):
                error = self.ask(400, 'POST', PATH + 'blink/executions', {'parameters': parameters}).json
                self.assertEqual((error['path'], error['error_code']), (f'/parameters/{place}', 'incomplete-request'))
                self.assertIn(place, error['message'])
        self.assertEqual(self.ask(400, 'POST', PATH + 'blink/executions', {'parameters': [1]}).json['path'], '/parameters')
        self.assertEqual(self.get(PATH + 'blink/executions')['items'], [])

    def test_a_synchronous_failure_is_one_error_in_the_result(self):
        body = self.ask(200, 'POST', PATH + 'fails/executions', {}).json
        self.assertEqual((body['error']['error_code'], body['error']['message']), ('error-response', 'no voltage'))


class Control(SimCase):
    def start(self):
        uri = self.ask(202, 'POST', PATH + 'blink/executions', {'parameters': {'side': 'left'}}).headers['location']
        self.addCleanup(self.gateway.delete, uri)
        return uri

    def tell(self, uri, word, status=202, **more):
        return self.ask(status, 'PUT', uri, {'capability': word, **more})

    def test_what_is_frozen_is_executed_on(self):
        uri = self.start()
        reply = self.tell(uri, 'freeze')
        self.assertEqual((reply.json['status'], gateway.openapi.BASE in reply.headers['location']), ('running', True))
        body = self.get(uri)
        self.assertEqual((body['capability'], body['status']), ('freeze', 'running'))
        self.tell(uri, 'execute', timeout=1)
        self.assertEqual(self.get(uri)['capability'], 'execute')
        self.until(lambda: self.get(uri)['status'] == 'failed')
        self.tell(uri, 'freeze', 409)

    def test_reset_begins_again_and_needs_what_has_no_default(self):
        uri = self.start()
        self.assertEqual(self.tell(uri, 'reset', 400).json['path'], '/parameters/side')
        self.tell(uri, 'reset', parameters={'side': 'right'})
        self.assertEqual((self.get(uri)['capability'], self.get(uri)['progress']), ('reset', 0))

    def test_a_word_of_the_vehicle_is_shown_and_an_unknown_one_refused_with_what_is_offered(self):
        uri = self.start()
        self.tell(uri, 'status')
        self.tell(uri, 'x-acme-boost')
        body = self.get(uri)
        self.assertEqual((body['status'], body['x-sim-capability']), ('running', 'x-acme-boost'))
        error = self.tell(uri, 'x-acme-brake', 400).json
        self.assertEqual(error['path'], '/capability')
        self.assertIn("'freeze', 'reset', 'status', 'x-acme-boost'", error['message'])

    def test_as_many_run_as_are_declared(self):
        first, second = self.start(), self.start()
        self.assertNotEqual(first, second)
        error = self.ask(409, 'POST', PATH + 'blink/executions', {'parameters': {'side': 'left'}}).json
        self.assertEqual(error['error_code'], 'precondition-not-fulfilled')
        self.assertIn('runs 2 times', error['message'])

    def test_an_ended_run_can_be_read_again(self):
        uri = self.ask(202, 'POST', PATH + 'brief/executions', {}).headers['location']
        body = self.until(lambda: (now := self.get(uri))['status'] == 'completed' and now)
        self.assertEqual(self.get(uri), body)


class Preconditions(SimCase):
    def test_an_operation_starts_in_its_mode_only(self):
        self.assertEqual(self.get(PATH + 'erase')['modes'], {'session': 'extended'})
        error = self.ask(409, 'POST', PATH + 'erase/executions', {}).json
        self.assertEqual(error['error_code'], 'precondition-not-fulfilled')
        self.assertIn("needs mode 'session' to be 'extended', and it is 'default'", error['message'])
        self.ask(200, 'PUT', '/components/ecu/modes/session', {'value': 'extended', 'mode_expiration': 60})
        self.ask(200, 'POST', PATH + 'erase/executions', {})

    def test_a_proof_of_proximity_is_asked_for_and_used_up(self):
        detail = self.get(PATH + 'open')
        self.assertTrue(detail['item']['proximity_proof_required'])
        self.assertRegex(detail['proximity_challenge']['challenge'], '^[0-9a-f]{32}$')
        self.assertRegex(detail['proximity_challenge']['valid_until'], r'^\d{4}-\d\d-\d\dT.*Z$')
        body = {'proximity_response': proof(detail['proximity_challenge']['challenge'])}
        self.ask(200, 'POST', PATH + 'open/executions', body)
        self.assertIn('no challenge', self.ask(409, 'POST', PATH + 'open/executions', body).json['message'])

    def test_a_proof_that_is_missing_or_wrong_is_refused_and_three_wrong_ones_end_it(self):
        answer = proof(self.get(PATH + 'open')['proximity_challenge']['challenge'])
        self.assertEqual(self.ask(400, 'POST', PATH + 'open/executions', {}).json['path'], '/proximity_response')
        for _ in range(3):
            error = self.ask(403, 'POST', PATH + 'open/executions', {'proximity_response': answer[:-1] + 'x'}).json
            self.assertEqual(error['error_code'], 'insufficient-access-rights')
        self.ask(409, 'POST', PATH + 'open/executions', {'proximity_response': answer})

    def test_operations_with_a_proof_are_left_out_when_the_client_wants_none(self):
        ids = [item['id'] for item in self.get('/components/ecu/operations?include-proximity-proof=false')['items']]
        self.assertNotIn('open', ids)
        self.assertIn('erase', ids)


if __name__ == '__main__':
    unittest.main()
