# SPDX-License-Identifier: Apache-2.0
"""Several backends side by side: whose entity it is, what happens when one fails, and how a clash is told."""
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

SPEED = '/components/climate/data/fan-speed'


class TwoCase(polling.Waiting, unittest.TestCase):
    """Two ECU servers that both offer bms and climate, one in each dialect; their fan speeds are 1 and 2."""
    options = {'refresh_secs': 0.4, 'timeout_secs': 1}

    def setUp(self):
        self.one, self.two = ecu.DemoEcu(), ecu.DemoEcu(dialect='odata')
        for number, server in (1, self.one), (2, self.two):
            self.addCleanup(server.stop)
            server.set(component='climate', data='fan-speed', value=number, hold=True)
        self.entries = [gateway.backend_of(self.one, 'one', **self.options), gateway.backend_of(self.two, 'two', **self.options)]
        self.gateway = gateway.Gateway(*self.entries)
        self.addCleanup(self.gateway.stop)

    def states(self):
        return {item['id']: item['connectionState'] for item in self.gateway.get('/components').json['items']}

    def speed(self):
        reply = self.gateway.get(SPEED)
        return reply.json['data'] if reply.status == 200 else None

    def clashes(self):
        return sorted((clash['entity'], clash['owner'], clash['left_out']) for clash in self.gateway.health().get('clashes', []))


class Clash(TwoCase):
    ALL = ['components/bms', 'components/climate']

    def test_the_first_owner_serves_and_the_clash_is_told(self):
        self.assertEqual(self.states(), {'bms': 'connected', 'climate': 'connected'})
        self.assertEqual(self.speed(), 1)
        self.assertEqual(self.clashes(), [(name, 'one', 'two') for name in self.ALL])
        self.assertEqual(self.gateway.health()['status'], 'degraded')
        self.gateway.wait_log(r"warn component 'bms' of backend 'two' is left out: backend 'one' has it already")

    def test_a_clash_is_logged_when_it_begins_and_not_at_every_refresh(self):
        calls = self.one.stats()['classes']['areas']
        self.until(lambda: self.one.stats()['classes']['areas'] > calls + 3)
        self.assertEqual(self.gateway.log.count("component 'bms' of backend 'two' is left out"), 1)

    def test_the_owner_keeps_its_entities_while_it_is_away(self):
        self.one.inject('drop')
        self.until(lambda: self.states() == {'bms': 'disconnected', 'climate': 'disconnected'})
        self.assertIsNone(self.speed())
        self.one.clear_injection()
        self.until(lambda: self.states() == {'bms': 'connected', 'climate': 'connected'})
        self.until(lambda: self.speed() == 1)

    def test_what_the_first_gives_up_the_second_serves(self):
        self.one.set(component='climate', present=False)
        self.until(lambda: self.speed() == 2)
        self.assertNotIn(('components/climate', 'one', 'two'), self.clashes())
        self.one.set(component='climate', present=True)
        self.until(lambda: self.speed() == 1)
        self.assertIn(('components/climate', 'one', 'two'), self.clashes())

    def test_another_order_makes_the_other_the_owner(self):
        self.gateway.reload(gateway.Gateway.settings(*reversed(self.entries)))
        self.until(lambda: self.speed() == 2)
        self.assertEqual(self.clashes(), [(name, 'two', 'one') for name in self.ALL])

    def test_without_the_first_the_second_serves_all(self):
        self.gateway.reload(gateway.Gateway.settings(self.entries[1]))
        self.until(lambda: self.speed() == 2)
        self.assertEqual((self.clashes(), self.gateway.health()['status']), ([], 'ok'))


class SideBySide(TwoCase):
    def setUp(self):
        super().setUp()
        self.one.set(component='climate', present=False)
        self.two.set(component='bms', present=False)
        self.until(lambda: self.clashes() == [] and self.speed() == 2)

    def test_an_area_that_both_know_is_one_area_and_no_clash(self):
        self.assertEqual(self.gateway.health()['status'], 'ok')
        def ids(path):
            return sorted(item['id'] for item in self.gateway.get(path).json['items'])
        self.assertEqual(ids('/areas'), ['body', 'powertrain'])
        self.assertEqual(ids('/areas/powertrain/contains'), ['bms'])
        self.assertEqual(ids('/areas/body/contains'), ['climate'])

    def test_each_serves_what_is_its_own(self):
        self.assertEqual(self.states(), {'bms': 'connected', 'climate': 'connected'})
        self.assertEqual(self.gateway.get('/components/bms/data/serial-number').json['data'], 'BMS-0001-4711')
        self.assertEqual(self.speed(), 2)
        self.assertEqual({entry['name']: entry['dialect'] for entry in self.gateway.health()['backends']}, {'one': 'iso', 'two': 'odata'})

    def test_one_that_hangs_does_not_slow_the_other(self):
        self.one.inject('hang')
        threads = [threading.Thread(target=self.gateway.bare, args=('GET', gateway.BASE + '/components/bms/data')) for _ in range(8)]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join)
        self.until(lambda: self.one.stats()['in_flight'] >= 8)
        started = time.monotonic()
        for _ in range(10):
            self.assertEqual(self.speed(), 2)
        self.assertLess(time.monotonic() - started, 0.8)

    def test_one_that_is_away_leaves_the_other_connected(self):
        self.one.inject('drop')
        self.until(lambda: self.states() == {'bms': 'disconnected', 'climate': 'connected'})
        self.assertEqual(self.speed(), 2)
        metrics = self.gateway.metrics()
        self.assertEqual((metrics['sovd_backend_up{backend="one"}'], metrics['sovd_backend_up{backend="two"}']), (0, 1))


if __name__ == '__main__':
    unittest.main()
