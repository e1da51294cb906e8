# SPDX-License-Identifier: Apache-2.0
"""What an app's reports bring with them: values that the catalogue wants with a fault, and operation cycles."""
import threading
import unittest

import test_native_apps

DATA = [{'id': 'speed', 'name': 'Speed'}, {'id': 'gear', 'name': 'Gear', 'published': True}, {'id': 'slow', 'name': 'Slow'}]


def catalog(*ids, **more):
    return {'faults': [{'code': 'GPS_LOST', 'name': 'g', 'freeze_frame': list(ids), 'reports_per_sec': 0, **more},
                       {'code': 'PLAIN', 'name': 'p', 'reports_per_sec': 0, **more}]}


class ReportCase(test_native_apps.NativeCase):
    entities = ('apps/nav', {'entity': 'apps/body', 'cycles': ['power']})

    def reporting(self, *ids, handlers=None, entity='apps/nav', data=DATA, **more):
        return self.app(handlers or {'read': lambda frame: {'value': 51.50} if frame['id'] == 'speed' else None},
                        register={'data': data, 'faults': catalog(*ids, **more)}, entity=entity)

    @staticmethod
    def report(app, report='failed', code='GPS_LOST', **more):
        return app.ask('fault', code=code, report=report, **more)

    def frame(self, which='last_occurrence', code='GPS_LOST'):
        return self.get(f'/apps/nav/faults/{code}')['environment_data'][which].get('freeze_frame')

    def status(self, code='GPS_LOST', entity='nav'):
        return self.get(f'/apps/{entity}/faults/{code}')['item']['status']


class FreezeFrames(ReportCase):
    def test_values_are_read_and_kept_with_the_first_and_the_last_occurrence(self):
        speeds = iter((10, 20, 30))
        app = self.reporting('speed', handlers={'read': lambda frame: {'value': next(speeds)}})
        for report in ('failed', 'passed', 'failed', 'passed', 'failed'):
            self.assertEqual(self.report(app, report)['type'], 'reply')
        self.assertEqual(self.frame('first_occurrence'), {'speed': 10})
        self.assertEqual(self.frame(), {'speed': 30})
        self.assertEqual(len(app.of_type('read')), 3)  # a pass needs no values

    def test_values_stand_beside_what_the_app_says_itself(self):
        app = self.reporting('speed')
        self.report(app, environment={'satellites': 2})
        self.assertEqual(self.frame(), {'satellites': 2, 'speed': 51.5})
        self.report(app, 'passed')
        self.report(app, environment={'speed': 'of the report', 'x-gw-not-read': 1})
        self.assertEqual(self.frame(), {'speed': 'of the report'})
        self.assertEqual(self.report(app, code='PLAIN', environment={'x': 1})['type'], 'reply')
        self.assertEqual(self.frame(code='PLAIN'), {'x': 1})

    def test_a_fault_that_has_to_last_keeps_the_values_of_the_report_before_it_came_true(self):
        speeds = iter((10, 20, 30))
        app = self.reporting('speed', handlers={'read': lambda frame: {'value': next(speeds)}},
                             debounce={'kind': 'time', 'failed_secs': 0.2})
        for satellites in (2, 1):
            self.report(app, 'prefailed', environment={'satellites': satellites})
        self.until(lambda: self.gateway.bare('GET', '/sovd/v1/apps/nav/faults/GPS_LOST').status == 200)
        frame = {'satellites': 1, 'speed': 20}
        self.assertEqual((self.frame('first_occurrence'), self.frame()), (frame, frame))
        events = self.get('/apps/nav/faults/history')['items']
        self.assertEqual([event.get('freeze_frame') for event in events], [frame])

    def test_a_condition_that_is_switched_behind_a_report_does_not_hold_for_it(self):
        released = threading.Event()
        app = self.reporting('speed', handlers={'read': lambda frame: released.wait(20) and {'value': 1}}, conditions=['ignition'])
        failed = app.post('fault', code='GPS_LOST', report='failed')
        off = app.post('condition', name='ignition', on=False)
        passed = app.post('fault', code='GPS_LOST', report='passed')
        on = app.post('condition', name='ignition', on=True)
        released.set()
        self.assertEqual([app.answer(seq)['type'] for seq in (failed, off, passed, on)], ['reply'] * 4)
        self.assertEqual(self.status()['aggregatedStatus'], 'active')
        self.assertEqual(self.get('/apps/nav/faults/GPS_LOST')['environment_data']['reports_ignored'], {'limited': 0, 'disabled': 1})

    def test_what_was_published_is_not_asked_for(self):
        app = self.reporting('gear')
        self.report(app)
        self.assertIsNone(self.frame())
        self.report(app, 'passed')
        app.ask('publish', values={'gear': 'R'})
        self.report(app)
        self.assertEqual(self.frame(), {'gear': 'R'})
        self.assertEqual(app.of_type('read'), [])

    def test_what_cannot_be_told_says_why_and_holds_nothing_up_for_long(self):
        self.stop()
        self.options = {'freeze_frame_secs': 0.2}
        self.start()
        app = self.reporting('speed', 'slow', 'none')
        self.assertEqual(self.report(app)['type'], 'reply')
        self.assertEqual(self.frame(), {'speed': 51.5, 'x-gw-not-read': {'slow': 'the app did not answer in time'}})

    def test_an_app_that_refuses_is_quoted(self):
        app = self.reporting('speed', handlers={'read': lambda frame: ('error', 'busy', 'not while I boot')})
        self.report(app)
        self.assertIn('not while I boot', self.frame()['x-gw-not-read']['speed'])

    def test_values_that_are_too_long_are_left_out(self):
        data = [{'id': f'd{i}', 'name': 'd'} for i in range(3)]
        app = self.reporting('d0', 'd1', 'd2', data=data,
                             handlers={'read': lambda frame: {'value': 'x' * (10000 if frame['id'] != 'd2' else 100)}})
        self.assertEqual(self.report(app, environment={'pad': 'y' * 16000})['type'], 'reply')
        kept = self.frame()
        self.assertEqual(sorted(kept), ['d0', 'd2', 'pad'])
        self.assertEqual(len(kept['pad']), 16000)
        self.assertEqual(self.report(app, environment={'pad': 'y' * 16500})['code'], 'bad-value')

    def test_reports_keep_their_order_while_one_waits(self):
        app = self.reporting('slow')
        seqs = [app.post('fault', code=code, report=report, n=n) for n, (code, report) in enumerate(
            [('GPS_LOST', 'failed'), ('GPS_LOST', 'passed'), ('PLAIN', 'failed'), ('GPS_LOST', 'failed')], 1)]
        self.assertEqual({app.answer(seq)['type'] for seq in seqs}, {'reply'})
        environment = self.get('/apps/nav/faults/GPS_LOST')['environment_data']
        self.assertEqual(environment['occurrences'], 2)
        self.assertEqual(self.status()['testFailed'], '1')
        self.assertEqual(self.report(app, 'passed', n=4)['type'], 'reply')  # it came before
        self.assertEqual(self.status()['testFailed'], '1')

    def test_another_app_does_not_wait(self):
        self.stop()
        self.options = {'freeze_frame_secs': 5}
        self.start()
        waiting, other = self.reporting('slow'), self.reporting(entity='apps/body')
        seq = waiting.post('fault', code='GPS_LOST', report='failed')
        waiting.wait_for('read')
        for report in ('failed', 'passed') * 5:
            self.assertEqual(self.report(other, report, code='PLAIN')['type'], 'reply')
        self.assertEqual(self.get('/apps/nav/data/speed')['data'], 51.5)
        self.assertIsNone(waiting.answer(seq, timeout=0))
        self.assertEqual(self.get('/apps/nav/faults')['items'], [])

    def test_reports_that_wait_have_a_limit(self):
        self.stop()
        self.options = {'freeze_frame_secs': 2}
        self.start()
        app = self.reporting('slow')
        seqs = [app.post('fault', code='GPS_LOST', report=('failed', 'passed')[n % 2]) for n in range(80)]
        codes = [app.answer(seq).get('code') for seq in seqs]
        self.assertEqual(codes, [None] * 64 + ['busy'] * 16)
        self.assertEqual(self.get('/apps/nav/faults/GPS_LOST')['environment_data']['occurrences'], 32)

    def test_a_report_of_an_app_that_dies_is_kept_with_what_is_known(self):
        self.stop()
        self.options = {'freeze_frame_secs': 5}
        self.start()
        app = self.reporting('slow', 'speed')
        app.post('fault', code='GPS_LOST', report='failed', environment={'satellites': 0})
        self.until(lambda: len(app.of_type('read')) == 2)
        app.ask('heartbeat')
        app.close()
        self.until(lambda: self.get('/apps/nav/faults')['items'])
        self.assertEqual(self.frame(), {'satellites': 0, 'speed': 51.5,
                                        'x-gw-not-read': {'slow': 'the app did not answer in time'}})

    def test_registering_anew_in_the_middle_disturbs_nothing(self):
        app = self.reporting('slow')
        seq = app.post('fault', code='GPS_LOST', report='failed')
        self.assertEqual(app.ask('register', data=DATA, faults=catalog('speed'))['type'], 'reply')
        self.assertEqual(app.answer(seq)['type'], 'reply')
        self.assertIn('slow', self.frame()['x-gw-not-read'])
        self.report(app, 'passed')
        self.report(app)
        self.assertEqual(self.frame(), {'speed': 51.5})


class Cycles(ReportCase):
    def test_an_app_that_may_begins_a_cycle_for_all(self):
        nav = self.reporting()
        body = self.reporting(entity='apps/body', confirm_cycles=2)
        self.report(nav, code='PLAIN')
        self.report(nav, 'passed', code='PLAIN')
        self.report(body, code='PLAIN')
        self.assertEqual(self.status('PLAIN', 'body')['confirmedDTC'], '0')
        self.assertEqual(self.status('PLAIN')['testFailedThisOperationCycle'], '1')
        self.assertEqual(body.ask('cycle', kind='power')['type'], 'reply')
        self.assertEqual(self.status('PLAIN')['testFailedThisOperationCycle'], '0')
        self.assertEqual(self.status('PLAIN', 'body')['confirmedDTC'], '1')
        self.assertEqual(self.metric('cycles_total'), 1)

    def test_others_may_not(self):
        nav = self.reporting()
        self.report(nav, code='PLAIN')
        refused = self.metric('frames_refused_total')
        self.assertEqual(nav.ask('cycle', kind='power')['code'], 'not-allowed')
        self.assertEqual(self.status('PLAIN')['testFailedThisOperationCycle'], '1')
        self.assertEqual(self.metric('cycles_refused_total'), 1)
        self.assertEqual(self.metric('frames_refused_total') - refused, 1)
        self.assertEqual(self.metric('cycles_total'), 0)
        self.assertEqual(nav.ask('heartbeat')['type'], 'reply')

    def test_what_is_reported_after_a_cycle_belongs_to_the_new_one(self):
        body = self.reporting(entity='apps/body')
        seqs = []
        for n in range(10):
            seqs += [body.post('fault', code='PLAIN', report='failed'), body.post('fault', code='PLAIN', report='passed'),
                     body.post('cycle', kind='power')]
        self.assertEqual({body.answer(seq)['type'] for seq in seqs}, {'reply'})
        environment = self.get('/apps/body/faults/PLAIN')['environment_data']
        self.assertEqual((environment['occurrences'], environment['failed_cycles']), (10, 10))

    def test_a_cycle_that_comes_again_is_not_counted_again(self):
        body = self.reporting(entity='apps/body')
        self.report(body, code='PLAIN', n=1)
        for _ in range(3):
            self.assertEqual(body.ask('cycle', kind='power', n=2)['type'], 'reply')
        self.assertEqual(self.get('/apps/body/faults/PLAIN')['environment_data']['failed_cycles'], 2)
        self.assertEqual(self.metric('cycles_total'), 1)
        self.assertEqual(body.ask('cycle', kind='power', n=0)['code'], 'bad-frame')
        self.assertEqual(body.ask('cycle', n=3)['code'], 'bad-frame')
        self.assertEqual(body.ask('cycle', kind='other', n=3)['code'], 'not-allowed')

    def test_a_cycle_survives_a_kill_of_the_gateway(self):
        body = self.reporting(entity='apps/body', confirm_cycles=2)
        self.report(body, code='PLAIN')
        self.assertEqual(body.ask('cycle', kind='power')['type'], 'reply')
        self.gateway.process.kill()
        self.gateway.ended()
        self.start()
        self.assertEqual(self.status('PLAIN', 'body')['confirmedDTC'], '1')

    def test_apps_that_begin_cycles_at_the_same_time_do_not_disturb_each_other(self):
        self.stop()
        self.entities = [{'entity': f'apps/a{i}', 'cycles': ['power']} for i in range(4)]
        self.start()
        apps = [self.reporting(entity=f'apps/a{i}') for i in range(4)]
        failed = []

        def flap(app):
            for n in range(20):
                answers = [self.report(app, 'failed', code='PLAIN'), app.ask('cycle', kind='power'), self.report(app, 'passed', code='PLAIN')]
                failed.extend(a for a in answers if a['type'] != 'reply')
        threads = [threading.Thread(target=flap, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(self.metric('cycles_total'), 80)


if __name__ == '__main__':
    unittest.main()
