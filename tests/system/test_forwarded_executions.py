# SPDX-License-Identifier: Apache-2.0
"""Operations and scripts of a gateway that stands behind another one."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
from simulated import SCENARIO, SimCase, proof

PATH = '/components/ecu/operations/'
SCRIPTS = '/components/ecu/scripts'
HEADERS = {'Content-Type': 'application/json; charset=utf-8', 'Content-Disposition': 'attachment; filename="x.json"'}
CAR = {'components': [{**SCENARIO['components'][0], 'script_uploads': 2,
                       'data': [{'id': 'n', 'value': 1, 'min': 0, 'max': 9, 'writable': True}],
                       'scripts': [{'id': 'built-in', 'tags': ['a'], 'steps': [{'write': 'n', 'value': 2}, {'read': 'n'}]}]}]}


class ForwardedCase(SimCase):
    scenario = CAR

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gateway = gateway.Gateway(gateway.backend_of(cls.vehicle, 'inner'), locks={'required': []})
        cls.addClassCleanup(cls.gateway.stop)


class Operations(ForwardedCase):
    def test_parameters_go_through_and_so_does_the_place_of_a_bad_one(self):
        self.assertEqual(self.ask(200, 'POST', PATH + 'echo/executions', {'parameters': {'text': 'x', 'n': 2}}).json['parameters'],
                         {'text': 'x', 'double': 4})
        error = self.ask(400, 'POST', PATH + 'blink/executions', {'parameters': {'side': 'up'}}).json
        self.assertEqual((error['path'], error['error_code']), ('/parameters/side', 'incomplete-request'))

    def test_every_capability_goes_through(self):
        uri = self.ask(202, 'POST', PATH + 'blink/executions', {'parameters': {'side': 'left'}}).headers['location']
        for word in 'freeze', 'execute', 'status':
            self.ask(202, 'PUT', uri, {'capability': word})
            self.assertEqual((self.get(uri)['capability'], self.get(uri)['status']), (word, 'running'))
        self.ask(202, 'PUT', uri, {'capability': 'x-acme-boost'})
        self.assertEqual(self.get(uri)['x-sim-capability'], 'x-acme-boost')
        self.assertIn('offers', self.ask(400, 'PUT', uri, {'capability': 'x-acme-brake'}).json['message'])
        self.ask(204, 'DELETE', uri)

    def test_modes_and_proofs_go_through(self):
        self.assertEqual(self.get(PATH + 'erase')['modes'], {'session': 'extended'})
        self.assertIn("it is 'default'", self.ask(409, 'POST', PATH + 'erase/executions', {}).json['message'])
        challenge = self.get(PATH + 'open')['proximity_challenge']['challenge']
        self.ask(400, 'POST', PATH + 'open/executions', {})
        self.ask(200, 'POST', PATH + 'open/executions', {'proximity_response': proof(challenge)})


class Scripts(ForwardedCase):
    def upload(self, script, status=201):
        return self.ask(status, 'POST', SCRIPTS, json.dumps(script).encode(), HEADERS)

    def test_scripts_are_offered_and_run(self):
        self.assertTrue(self.get('/components/ecu')['scripts'].endswith(SCRIPTS))
        self.assertEqual([item['id'] for item in self.get(SCRIPTS + '?tags=a')['items']], ['built-in'])
        uri = self.ask(202, 'POST', SCRIPTS + '/built-in/executions', {}).headers['location']
        body = self.until(lambda: (now := self.get(uri))['status'] != 'running' and now)
        self.assertEqual((body['status'], body['result']), ('completed', {'n': 2}))
        self.assertEqual(self.get('/components/ecu/data/n')['data'], 2)

    def test_an_upload_goes_through_with_its_type_and_name(self):
        uri = self.upload({'steps': [{'wait_ms': 600000}]}).headers['location']
        self.assertEqual(self.get(uri)['item']['name'], 'x.json')
        execution = self.ask(202, 'POST', uri + '/executions', {}).headers['location']
        self.assertEqual(self.get(uri + '/executions')['items'], [execution.rsplit('/', 1)[1]])
        self.ask(409, 'DELETE', execution)
        self.ask(204, 'PUT', execution, {'action': 'stop'})
        self.assertEqual(self.get(execution)['status'], 'terminated')
        self.ask(204, 'DELETE', execution)
        self.ask(204, 'DELETE', uri)
        self.ask(404, 'GET', uri)

    def test_what_the_other_side_refuses_is_told(self):
        self.assertEqual(self.upload({'steps': [{'read': 'none'}]}, 400).json['path'], '/steps/0')
        self.ask(415, 'POST', SCRIPTS, b'x', {**HEADERS, 'Content-Type': 'text/plain'})
        self.ask(403, 'DELETE', SCRIPTS + '/built-in')


if __name__ == '__main__':
    unittest.main()
