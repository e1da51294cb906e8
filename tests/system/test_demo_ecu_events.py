# SPDX-License-Identifier: Apache-2.0
"""demo-ecu's own cyclic subscriptions, and that the gateway in front of it samples by itself."""
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import events
import gateway

SUBSCRIPTIONS = '/components/bms/cyclic-subscriptions'
SOC = {'resource': 'data/soc', 'interval': 'fast', 'duration': 60}


class DemoEcuEvents(unittest.TestCase):
    def setUp(self):
        self.ecu = ecu.DemoEcu()
        self.addCleanup(lambda: self.assertEqual(self.ecu.stop(), (0, '')))

    def ask(self, status, method, path, body=None):
        reply = self.ecu.request(method, path, body)
        self.assertEqual(reply.status, status, reply.body)
        return reply

    def open(self, made):
        stream = events.Stream(socket.create_connection(('127.0.0.1', self.ecu.port), 10), made['event_source'])
        self.addCleanup(stream.close)
        return stream

    def test_a_subscription_has_a_life(self):
        made = self.ask(201, 'POST', SUBSCRIPTIONS, SOC).json
        self.assertEqual(made['resource'], '/sovd/v1/components/bms/data/soc')
        path = f'{SUBSCRIPTIONS}/{made["id"]}'
        self.assertEqual(self.ask(200, 'GET', path).json['event_source'], made['event_source'])
        self.assertEqual([item['id'] for item in self.ask(200, 'GET', SUBSCRIPTIONS).json['items']], [made['id']])
        self.assertEqual(self.ask(200, 'PUT', path, {'interval': 'slow'}).json['interval'], 'slow')
        self.ask(404, 'GET', path.replace('bms', 'climate'))
        self.ask(204, 'DELETE', path)
        self.ask(404, 'GET', path)
        self.ask(404, 'GET', path + '/events')

    def test_its_events_carry_the_value_until_it_is_removed(self):
        self.ecu.set(component='bms', data='soc', value=50, hold=True)
        made = self.ask(201, 'POST', SUBSCRIPTIONS, SOC).json
        stream = self.open(made)
        self.assertEqual((stream.status, stream.headers['content-type']), (200, 'text/event-stream'))
        self.assertEqual([event.payload for event in stream.take(2)], [{'id': 'soc', 'data': 50.0}] * 2)
        self.ecu.set(component='bms', data='soc', value=51, hold=True)
        self.assertTrue(any(event.payload['data'] == 51 for event in stream.take(5)))
        self.ask(204, 'DELETE', f'{SUBSCRIPTIONS}/{made["id"]}')
        stream.rest()
        self.assertTrue(stream.ended)

    def test_it_ends_with_its_duration(self):
        self.assertGreater(len(self.open(self.ask(201, 'POST', SUBSCRIPTIONS, {**SOC, 'duration': 1}).json).rest()), 4)

    def test_bad_ones_are_refused(self):
        for change in {'resource': 'faults'}, {'resource': 'data/none'}, {'resource': 5}, {'interval': 'x'}, {'duration': 0}, {'duration': 'x'}:
            self.ask(400, 'POST', SUBSCRIPTIONS, {**SOC, **change})
        for member in SOC:
            self.ask(400, 'POST', SUBSCRIPTIONS, {name: value for name, value in SOC.items() if name != member})

    def test_there_are_sixteen(self):
        for _ in range(16):
            self.ask(201, 'POST', SUBSCRIPTIONS, SOC)
        self.ask(409, 'POST', SUBSCRIPTIONS, SOC)

    def test_the_stop_does_not_wait_for_readers(self):
        self.open(self.ask(201, 'POST', SUBSCRIPTIONS, SOC).json).take(1)

    def test_the_gateway_reads_and_subscribes_to_nothing(self):
        with gateway.Gateway(self.ecu) as server:
            made = server.post(SUBSCRIPTIONS, SOC)
            self.assertEqual(made.status, 201, made)
            with events.Stream(events.connect(server), events.target(made.json['event_source'])) as stream:
                stream.take(3)
            self.assertEqual(self.ask(200, 'GET', SUBSCRIPTIONS).json['items'], [])


class GatewayBehindGateway(unittest.TestCase):
    def test_events_pass_through_two_gateways(self):
        with ecu.DemoEcu() as server, gateway.Gateway(server) as inner, gateway.Gateway(gateway.backend_of(inner)) as outer:
            server.set(component='bms', data='soc', value=44, hold=True)
            made = outer.post(SUBSCRIPTIONS, SOC)
            self.assertEqual(made.status, 201, made)
            with events.Stream(events.connect(outer), events.target(made.json['event_source'])) as stream:
                self.assertTrue(any(event.payload['data'] == 44 for event in stream.take(10)))


if __name__ == '__main__':
    unittest.main()
