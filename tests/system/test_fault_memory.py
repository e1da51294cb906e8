# SPDX-License-Identifier: Apache-2.0
"""What the fault manager keeps of the faults of an app: environment data, operation cycles, limits."""
import sqlite3
import threading
import unittest

import openapi
import test_native_apps

FAULTS = {'id': 'nav', 'version': '7', 'faults': [
    {'code': 'GPS_LOST', 'name': 'No position', 'heal_cycles': 2, 'age_cycles': 3},
    {'code': 'TRIP', 'name': 'The trip computer is wrong', 'age_cycles': 1, 'cycle': 'drive'},
    {'code': 'LIMITED', 'name': 'Often', 'reports_per_sec': 1},
    {'code': 'MAP_OLD', 'name': 'The map is old', 'conditions': ['driving']},
    {'code': 'FLAP', 'name': 'Flapping', 'reports_per_sec': 0}]}


class MemoryCase(test_native_apps.NativeCase):
    entities = ({'entity': 'apps/nav', 'cycles': ['drive']}, 'apps/radio')

    def app(self, handlers=None, register=None, **hello):
        return super().app(handlers, register or {'faults': FAULTS}, **hello)

    def report(self, app, code='GPS_LOST', report='failed', **more):
        answer = app.ask('fault', code=code, report=report, **more)
        self.assertEqual(answer['type'], 'reply', answer)

    def environment(self, code='GPS_LOST'):
        return self.get(f'/apps/nav/faults/{code}')['environment_data']

    def status(self, code):
        return self.get(f'/apps/nav/faults/{code}')['item']['status']


class Environment(MemoryCase):
    def test_it_has_both_occurrences_and_all_counters(self):
        app = self.app()
        self.report(app, environment={'satellites': 2})
        self.report(app, report='passed')
        self.report(app, environment={'satellites': 0})
        data = self.environment()
        self.assertEqual(data['first_occurrence']['freeze_frame'], {'satellites': 2})
        self.assertEqual(data['last_occurrence']['freeze_frame'], {'satellites': 0})
        self.assertLessEqual(data['first_occurrence']['timestamp'], data['last_occurrence']['timestamp'])
        self.assertEqual(data['last_occurrence']['cycle'], 0)
        self.assertEqual((data['occurrences'], data['failed_cycles'], data['passed_cycles']), (2, 1, 0))
        self.assertEqual(data['cycle'], {'kind': 'power', 'number': 0})
        self.assertEqual(data['healing'], {'counter': 0, 'threshold': 2})
        self.assertEqual(data['aging'], {'counter': 0, 'threshold': 3})
        self.assertEqual(data['catalog'], {'id': 'nav', 'version': '7'})
        self.assertNotIn('reports_ignored', data)

    def test_a_frame_is_shown_only_when_one_was_told(self):
        app = self.app()
        self.report(app)
        self.assertNotIn('freeze_frame', self.environment()['first_occurrence'])

    def test_its_schema_is_given_when_asked_for_and_fits(self):
        app = self.app()
        self.report(app, environment={'satellites': 2})
        body = self.get('/apps/nav/faults/GPS_LOST?include-schema=true')
        schema = body.pop('schema')
        environment = schema['properties']['environment_data']
        self.assertLessEqual(set(body['environment_data']), set(environment['properties']))
        self.assertEqual(environment['properties']['first_occurrence']['properties']['timestamp']['format'], 'date-time')
        openapi.Schemas({}).check(schema, body)
        self.assertNotIn('schema', self.get('/apps/nav/faults/GPS_LOST'))


class Limits(MemoryCase):
    sections = {'limits': {'fault_reports_per_sec': 50, 'fault_events_per_sec': 2}}

    def refused(self):
        return self.gateway.metrics()['sovd_fault_reports_ignored_total{reason="limited"}']

    def test_reports_that_were_not_judged_are_shown_with_the_fault(self):
        app = self.app()
        self.report(app, 'LIMITED')
        self.until(lambda: app.ask('fault', code='LIMITED', report='failed').get('code') == 'fault-limited')
        self.assertGreaterEqual(self.environment('LIMITED')['reports_ignored']['limited'], 1)
        self.report(app, 'MAP_OLD')
        app.ask('condition', name='driving', on=False)
        self.report(app, 'MAP_OLD', 'passed')
        self.assertEqual(self.environment('MAP_OLD')['reports_ignored'], {'limited': 0, 'disabled': 1})

    def test_an_app_over_its_limit_is_told_so_and_another_is_not_touched(self):
        app = self.app()
        radio = self.app(entity='apps/radio')
        kinds = ('failed', 'passed')
        answers = [app.answer(seq) for seq in [app.post('fault', code='FLAP', report=kinds[i % 2]) for i in range(120)]]
        self.assertIn('fault-limited', [answer.get('code') for answer in answers])
        self.report(radio)
        self.assertGreaterEqual(self.refused(), 1)

    def test_a_flood_of_one_app_leaves_the_reports_of_another_in_time(self):
        self.stop()
        self.sections = {}
        self.start()
        app, radio = self.app(), self.app(entity='apps/radio')
        stop = threading.Event()

        def flood():
            kinds, i = ('failed', 'passed'), 0
            while not stop.is_set():
                app.send('fault', code='FLAP', report=kinds[i % 2])
                i += 1
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        try:
            for i in range(20):
                self.assertEqual(radio.answer(radio.post('fault', code='GPS_LOST', report=('failed', 'passed')[i % 2]), timeout=5),
                                 {'type': 'reply', 're': radio._seq})  # pylint: disable=protected-access
        finally:
            stop.set()
            thread.join(20)

    def test_a_flapping_fault_makes_so_many_events_a_second_and_its_state_is_right(self):
        app = self.app()
        for i in range(21):
            self.report(app, 'FLAP', ('failed', 'passed')[i % 2])
        metrics = self.gateway.metrics()
        self.assertEqual(metrics['sovd_fault_changes_total'], 21)
        self.assertLess(metrics['sovd_fault_events_written_total'], 21)
        self.assertEqual(self.environment('FLAP')['occurrences'], 11)
        self.assertEqual(self.status('FLAP')['testFailed'], '1')


class Cycles(MemoryCase):
    def test_an_app_begins_cycles_of_a_kind_if_the_configuration_lets_it(self):
        app = self.app()
        self.report(app, 'TRIP')
        self.report(app, 'TRIP', 'passed')
        self.assertEqual(self.status('TRIP')['testFailedThisOperationCycle'], '1')
        self.assertEqual(app.ask('cycle', kind='power')['code'], 'not-allowed')
        self.assertEqual(self.app(entity='apps/radio').ask('cycle', kind='drive')['code'], 'not-allowed')
        self.assertEqual(app.ask('cycle', kind='drive')['type'], 'reply')
        self.assertEqual(self.status('TRIP')['testFailedThisOperationCycle'], '0')
        self.assertEqual(self.status('TRIP')['testNotCompletedThisOperationCycle'], '1')
        self.report(app, 'TRIP', 'passed')
        self.assertEqual(app.ask('cycle', kind='drive')['type'], 'reply')
        self.assertEqual(self.status('TRIP')['confirmedDTC'], '0')  # it aged
        self.assertEqual(self.environment('TRIP')['cycle'], {'kind': 'drive', 'number': 2})
        self.assertEqual(self.gateway.metrics()['sovd_fault_cycles_total'], 2)

    def test_a_restart_of_the_gateway_is_no_cycle_and_a_boot_is_one(self):
        app = self.app()
        self.report(app)
        self.report(app, report='passed')
        self.stop()
        self.start()
        self.assertEqual(self.status('GPS_LOST')['testFailedThisOperationCycle'], '1')
        self.stop()
        with sqlite3.connect(self.state / 'state.db') as db:
            db.execute("UPDATE fault_cycle SET mark='another boot' WHERE kind='power'")
        db.close()
        self.start()  # nobody has registered the fault in this run
        self.assertEqual(self.status('GPS_LOST')['testFailedThisOperationCycle'], '0')
        self.assertEqual(self.environment()['cycle'], {'kind': 'power', 'number': 1})
        self.app()
        self.assertEqual(self.environment()['cycle'], {'kind': 'power', 'number': 1})


if __name__ == '__main__':
    unittest.main()
