# SPDX-License-Identifier: Apache-2.0
"""Faults that backends keep themselves are followed: they are stored with their history like faults that are reported."""
import json
import pathlib
import sqlite3
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

BMS = 'components/bms'
CODE = 'P0A7F'
POLL = {'poll_secs': 0.1}


class MirrorCase(polling.Waiting, unittest.TestCase):
    dialect = 'iso'
    mirror = POLL

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mirror')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.gateway = None
        self.ecu = ecu.DemoEcu(dialect=self.dialect)
        self.addCleanup(self.ecu.stop)
        self.start()
        self.addCleanup(self.stop)

    def start(self, **options):
        self.gateway = gateway.Gateway(gateway.backend_of(self.ecu, **{'refresh_secs': 0.2, **options}),
                                       storage={'path': str(self.folder)}, fault_mirror=self.mirror)

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def rows(self, text, *values):
        connection = sqlite3.connect(self.folder / 'state.db', timeout=20)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def write(self, text, *values):
        """While the gateway is away."""
        connection = sqlite3.connect(self.folder / 'state.db')
        try:
            with connection:
                self.assertGreater(connection.execute(text, values).rowcount, 0)
        finally:
            connection.close()

    def stored(self, entity=BMS):
        """code -> status byte"""
        return dict(self.rows('SELECT code, status FROM fault WHERE entity=?', entity))

    def events(self, code=CODE, entity=BMS):
        """What was told of a fault, in order: (change, the fault as it was told)"""
        bodies = [json.loads(row[0]) for row in self.rows('SELECT body FROM fault_event WHERE entity=? AND code=? ORDER BY id', entity, code)]
        return [(body['change'], body.get('fault')) for body in bodies]

    def changes(self, code=CODE):
        return [change for change, _ in self.events(code)]

    def metric(self, name):
        return self.gateway.metrics()['sovd_fault_mirror_' + name]

    def readings(self, n=3):
        """Waits until so many more readings have ended."""
        before = self.metric('readings_total')
        self.until(lambda: self.metric('readings_total') >= before + n)

    def settled(self):
        """Every entity was read, and nothing differs any more."""
        self.until(lambda: self.metric('entities') and self.metric('readings_total') > 2 * self.metric('entities'))

    def raise_fault(self):
        self.ecu.set(component='bms', fault=CODE, active=True)

    def heal_fault(self):
        self.ecu.set(component='bms', fault=CODE, active=False)


class Followed(MirrorCase):
    def test_a_fault_that_comes_heals_and_is_cleared_is_history(self):
        self.settled()
        self.assertNotIn(CODE, self.stored())
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.heal_fault()
        self.until(lambda: self.changes() == ['failed', 'passed'])
        self.assertIn(CODE, self.stored())
        self.assertEqual(self.ecu.request('DELETE', f'/{BMS}/faults/{CODE}').status, 204)
        self.until(lambda: self.changes() == ['failed', 'passed', 'cleared'])
        self.assertNotIn(CODE, self.stored())

    def test_it_is_told_in_the_words_of_its_server(self):
        self.raise_fault()
        (_, told), = self.until(self.events)
        shown = self.gateway.get(f'/{BMS}/faults/{CODE}').json['item']
        self.assertEqual({name: told[name] for name in shown if not name.startswith('x-')},
                         {name: value for name, value in shown.items() if not name.startswith('x-')})

    def test_what_does_not_change_is_told_once_and_costs_no_write(self):
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.readings(3)
        before = self.metric('changes_total')
        self.readings(10)
        self.assertEqual((self.changes(), self.metric('changes_total')), (['failed'], before))

    def test_a_clear_through_the_gateway_is_told_at_once_and_what_still_fails_comes_back(self):
        self.ecu.set(component='bms', data='cell-temp-max', value=80, hold=True)
        self.until(lambda: self.changes() == ['failed'])
        self.assertEqual(self.gateway.delete(f'/{BMS}/faults').status, 204)
        self.assertEqual(self.changes(''), ['cleared'])
        self.until(lambda: self.changes() == ['failed', 'failed'])

    def test_a_clear_of_one_fault_is_told_before_the_answer(self):
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.heal_fault()
        self.until(lambda: self.changes() == ['failed', 'passed'])
        self.assertEqual(self.gateway.delete(f'/{BMS}/faults/{CODE}').status, 204)
        self.assertEqual(self.changes(), ['failed', 'passed', 'cleared'])
        self.readings(4)
        self.assertEqual(self.changes(), ['failed', 'passed', 'cleared'])

    def test_a_restart_repeats_nothing_and_misses_nothing(self):
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.gateway.kill()
        self.start()
        self.settled()
        self.assertEqual(self.changes(), ['failed'])
        self.gateway.kill()
        self.heal_fault()
        self.start()
        self.until(lambda: self.changes() == ['failed', 'passed'])

    def test_faults_of_a_backend_that_is_away_stay_as_they_were(self):
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.ecu.inject('drop')
        self.until(lambda: self.gateway.backend()['connection'] == 'disconnected')
        before = self.metric('readings_total')
        until = time.monotonic() + 1
        self.until(lambda: time.monotonic() > until)
        self.assertLessEqual(self.metric('readings_total'), before + 2)  # at most those that were under way
        self.assertEqual(self.changes(), ['failed'])
        self.heal_fault()
        self.ecu.clear_injection()
        self.until(lambda: self.changes() == ['failed', 'passed'])

    def test_an_entity_that_fails_is_read_less_often(self):
        self.settled()
        self.ecu.inject('status=500:bms/faults')
        self.until(lambda: self.metric('readings_failed_total') >= 4)
        before, start = self.metric('readings_failed_total'), time.monotonic()
        self.until(lambda: self.metric('readings_failed_total') >= before + 2)
        self.assertGreater(time.monotonic() - start, 2 * 0.1 * 4)
        self.ecu.clear_injection()
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])

    def test_readings_that_hang_end_with_the_gateway(self):
        self.settled()
        self.ecu.inject('hang:faults')
        self.until(lambda: self.metric('readings_in_flight') > 0)
        self.assertLessEqual(self.metric('readings_in_flight'), 2)
        start = time.monotonic()
        self.stop()
        self.assertLess(time.monotonic() - start, 5)

    def test_its_readings_are_few_and_the_faults_of_an_entity_are_still_those_of_its_server(self):
        self.settled()
        self.ecu.set(component='bms', fault=CODE, active=True)
        self.assertIn(CODE, [item['code'] for item in self.gateway.get(f'/{BMS}/faults').json['items']])


class Gone(MirrorCase):
    mirror = {**POLL, 'keep_days': 0}

    def test_faults_of_an_entity_that_is_taken_out_are_forgotten_and_those_of_others_stay(self):
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.ecu.set(component='bms', present=False)
        self.until(lambda: self.stored() == {})
        self.assertEqual((self.changes(), self.changes('')), (['failed'], ['cleared']))
        self.ecu.set(component='bms', present=True)
        self.until(lambda: self.changes() == ['failed', 'failed'])


class OtherDialect(MirrorCase):
    dialect = 'odata'

    def test_its_faults_are_followed_too(self):
        before = len(self.until(lambda: self.metric('readings_total') > 4 and self.rows('SELECT id FROM fault_event') or [True]))
        self.ecu.set(component='bms', fault=CODE, active=True)
        self.until(lambda: len(self.rows('SELECT id FROM fault_event')) > before)
        code, = self.rows('SELECT code FROM fault_event ORDER BY id DESC LIMIT 1')[0]
        self.assertIn(code, [item['code'] for item in self.gateway.get(f'/{BMS}/faults').json['items']])


class SwitchedOff(MirrorCase):
    mirror = {'poll_secs': 0}

    def test_nothing_is_read(self):
        self.ecu.reset_stats()
        self.raise_fault()
        start = time.monotonic()
        self.until(lambda: time.monotonic() > start + 1)
        self.assertEqual((self.ecu.stats()['classes']['faults'], self.metric('readings_total'), self.stored()), (0, 0, {}))

    def history(self, status=200, path=f'/{BMS}'):
        reply = self.gateway.request('GET', path + '/faults/history')
        self.assertEqual(reply.status, status, repr(reply))
        return reply.json

    def test_of_what_was_followed_once_a_clear_is_history_too(self):
        self.history(501)
        self.stop()
        self.mirror = POLL
        self.start()
        self.raise_fault()
        self.until(lambda: self.changes() == ['failed'])
        self.heal_fault()
        self.assertEqual(self.gateway.delete(f'/{BMS}/faults').status, 204)
        self.stop()
        self.mirror = type(self).mirror
        self.write("DELETE FROM fault_event WHERE entity<>? OR code<>''", BMS)
        self.start()
        item, = self.history()['items']
        self.assertEqual((item['change'], item['entity']), ('cleared', BMS))
        self.history(501, '/components/climate')
        self.stop()
        self.write("UPDATE fault_event SET entity=''")  # as a restore, which is of no entity
        self.start()
        self.history(501)


if __name__ == '__main__':
    unittest.main()
