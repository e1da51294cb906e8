# SPDX-License-Identifier: Apache-2.0
"""An app that uses libsovd-app, and what the library promises: nothing that it took is lost, whoever is killed."""
import json
import os
import pathlib
import signal
import subprocess
import unittest

import test_native_apps


LOST = r'\A(sovd-demo-app: \d+ reports were not delivered\n)?\Z'


def binary():
    return pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'demo-ecu' / 'sovd-demo-app'


class LibraryCase(test_native_apps.NativeCase):
    entities = ('apps/navigation',)
    options = {'heartbeat_secs': 0.5}

    def launch(self, *arguments):
        app = subprocess.Popen([str(binary()), '--socket', str(self.socket), '--period', '0.02', *arguments],
                               stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, app)
        return app

    def end(self, app):
        """It has to end well, without a sanitizer's report, unless a test killed it."""
        if app.poll() is None:
            app.send_signal(signal.SIGTERM)
        _, said = app.communicate(timeout=30)
        if app.returncode != -signal.SIGKILL:
            self.assertEqual(app.returncode, 0, said)
            self.assertRegex(said, LOST)
        return said

    def connected(self):
        app = self.launch()
        self.until(lambda: self.gateway.get('/apps/navigation/data/volume').status == 200)
        return app

    @staticmethod
    def say(app, line):
        app.stdin.write(line + '\n')
        app.stdin.flush()

    def fault(self):
        """The status of the fault, or None; nobody has faults before the app came for the first time."""
        reply = self.gateway.get('/apps/navigation/faults')
        items = reply.json['items'] if reply.status == 200 else []
        return next((f['status'] for f in items if f['code'] == 'GPS_LOST'), None)

    def failed(self, word='1'):
        return self.until(lambda: (s := self.fault()) and s['testFailed'] == word and s)

    def occurrences(self):
        return self.get('/apps/navigation/faults/GPS_LOST')['environment_data']['occurrences']


class Example(LibraryCase):
    def test_values_are_read_written_and_published(self):
        self.connected()
        self.assertEqual(self.get('/apps/navigation/data/volume')['data'], 5)
        self.ask(204, 'PUT', '/apps/navigation/data/volume', {'data': 9})
        self.assertEqual(self.get('/apps/navigation/data/volume')['data'], 9)
        refused = self.ask(400, 'PUT', '/apps/navigation/data/volume', {'data': 11}).json
        self.assertIn('from 0 to 10', str(refused))
        self.ask(403, 'PUT', '/apps/navigation/data/position', {'data': 1})
        first = self.until(lambda: (r := self.gateway.get('/apps/navigation/data/position')).status == 200 and r).json
        self.until(lambda: self.get('/apps/navigation/data/position')['data'] != first['data'])
        self.assertGreater(self.get('/apps/navigation/data/cpu')['data'], 0)

    def test_modes_and_configurations(self):
        self.connected()
        self.ask(200, 'PUT', '/apps/navigation/modes/view', {'value': 'night'})
        self.assertEqual(self.get('/apps/navigation/modes/view')['value'], 'night')
        self.ask(204, 'PUT', '/apps/navigation/configurations/home', {'data': {'lat': 1.5}})
        self.assertEqual(self.get('/apps/navigation/configurations/home')['data'], {'lat': 1.5})
        self.ask(400, 'PUT', '/apps/navigation/configurations/home', {'data': 'x'})

    def test_an_operation_has_progress_and_an_end(self):
        self.connected()
        path = '/apps/navigation/operations/route/executions'
        id_ = self.ask(202, 'POST', path).json['id']
        self.ask(409, 'POST', path)
        self.until(lambda: self.get(f'{path}/{id_}').get('progress', 0) >= 10)
        ended = self.until(lambda: (s := self.get(f'{path}/{id_}'))['status'] == 'completed' and s)
        self.assertEqual(ended['parameters'], {'steps': 20})

    def test_an_operation_is_stopped(self):
        self.connected()
        path = '/apps/navigation/operations/route/executions'
        id_ = self.ask(202, 'POST', path).json['id']
        self.ask(202, 'PUT', f'{path}/{id_}', {'capability': 'stop'})
        ended = self.until(lambda: (s := self.get(f'{path}/{id_}'))['status'] == 'completed' and s)
        self.assertNotIn('parameters', ended)
        self.until(lambda: self.gateway.post(path).status == 202)

    def test_a_fault_is_raised_and_heals(self):
        app = self.connected()
        self.assertIsNone(self.fault())
        self.say(app, 'gps off')
        self.failed()
        self.say(app, 'gps on')
        self.failed('0')
        self.assertEqual(self.occurrences(), 1)

    def test_a_fault_that_is_cleared_while_it_is_there_comes_back(self):
        app = self.connected()
        self.say(app, 'gps off')
        self.failed()
        self.ask(204, 'DELETE', '/apps/navigation/faults/GPS_LOST')
        self.failed()
        self.say(app, 'gps on')
        self.failed('0')
        self.ask(204, 'DELETE', '/apps/navigation/faults')
        self.assertIsNone(self.fault())

    def test_it_says_goodbye(self):
        app = self.connected()
        self.end(app)
        self.until(lambda: 'it said goodbye' in self.gateway.log)
        self.assertEqual(self.metric('peers_lost_total'), 0)


class Story(LibraryCase):
    """Faults that come and go by themselves, and what the app leaves of them."""

    def test_signals_raise_and_heal_a_fault(self):
        app = self.connected()
        app.send_signal(signal.SIGUSR1)
        self.failed()
        app.send_signal(signal.SIGUSR2)
        self.failed('0')
        self.assertEqual(self.occurrences(), 1)

    def test_faults_come_and_go_by_a_schedule(self):
        self.launch('--raise-every', '1', '--heal-after', '0.5')
        self.until(lambda: self.fault() and self.occurrences() >= 3)
        self.failed('0')
        self.failed()

    def test_a_fault_has_the_values_of_the_moment(self):
        app = self.connected()
        self.ask(204, 'PUT', '/apps/navigation/data/volume', {'data': 9})
        self.until(lambda: self.gateway.get('/apps/navigation/data/position').status == 200)
        app.send_signal(signal.SIGUSR1)
        self.failed()
        frame = self.get('/apps/navigation/faults/GPS_LOST')['environment_data']['first_occurrence']['freeze_frame']
        self.assertEqual(frame['satellites'], 0)
        self.assertEqual(frame['volume'], 9)
        self.assertGreater(frame['position']['lat'], 48)

    def test_it_writes_what_happens_into_its_log(self):
        app = self.connected()
        app.send_signal(signal.SIGUSR1)
        self.failed()
        app.send_signal(signal.SIGUSR2)
        self.failed('0')
        entries = self.until(lambda: len(e := self.get('/apps/navigation/logs/entries')['items']) >= 2 and e)
        self.assertEqual([e['msg'] for e in entries], ['the position is lost', 'the position is back'])
        self.assertEqual([e['msg'] for e in self.get('/apps/navigation/logs/entries?severity=warn')['items']], ['the position is lost'])
        self.assertEqual(entries[0]['context']['pid'], app.pid)

    def test_what_nobody_wants_in_the_log_is_not_even_sent(self):
        self.connected()
        path = '/apps/navigation/operations/route/executions'

        def route():
            id_ = self.ask(202, 'POST', path).json['id']
            self.until(lambda: self.get(f'{path}/{id_}')['status'] == 'completed')
            return [e['msg'] for e in self.get('/apps/navigation/logs/entries')['items']]
        self.until(lambda: route() == ['the route is computed'])
        self.ask(204, 'PUT', '/apps/navigation/logs/config',
                 {'items': [{'context': {'type': 'AUTOSAR_DLT', 'context_id': 'ROUT'}, 'severity': 'debug'}]})
        self.assertIn('the route is computed to 50 %', route())

    def test_a_route_fails_when_the_position_is_lost(self):
        app = self.connected()
        path = '/apps/navigation/operations/route/executions'
        id_ = self.ask(202, 'POST', path).json['id']
        app.send_signal(signal.SIGUSR1)
        ended = self.until(lambda: (s := self.get(f'{path}/{id_}'))['status'] == 'failed' and s)
        self.assertIn('the position was lost', str(ended['error']))
        self.until(lambda: self.gateway.get('/apps/navigation/faults/ROUTE_FAILED').status == 200)
        self.failed()
        app.send_signal(signal.SIGUSR2)
        self.failed('0')
        id_ = self.ask(202, 'POST', path).json['id']
        self.until(lambda: self.get(f'{path}/{id_}')['status'] == 'completed')
        self.until(lambda: self.get('/apps/navigation/faults/ROUTE_FAILED')['item']['status']['testFailed'] == '0')

    def test_its_schemas_are_in_docs(self):
        self.connected()
        self.assertIn("'maximum': 10", str(self.get('/apps/navigation/data/volume/docs')))

    def test_a_cycle_is_refused_unless_the_configuration_allows_it(self):
        app = self.connected()
        self.say(app, 'cycle')
        self.until(lambda: self.metric('cycles_refused_total') == 1)
        self.stop()
        self.entities = ({'entity': 'apps/navigation', 'cycles': ['power']},)
        self.start()
        self.until(lambda: self.gateway.get('/apps/navigation/data/volume').status == 200)
        self.say(app, 'gps off')
        self.failed()
        self.say(app, 'cycle')
        self.until(lambda: self.get('/apps/navigation/faults/GPS_LOST')['environment_data']['failed_cycles'] == 2)

    def test_bad_arguments_are_refused(self):
        for arguments in (['--period', '0'], ['--raise-every'], ['--what', '1'], ['--raise-every', '1', '--heal-after', '2']):
            done = subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 2)
            self.assertIn('usage', done.stderr)


class ToldAnew(LibraryCase):
    """What the gateway may not know any more is told once more; nothing is counted twice by that."""

    def test_a_fault_that_was_cleared_while_the_app_was_lost_comes_back(self):
        app = self.connected()
        self.say(app, 'gps off')
        self.failed()
        app.send_signal(signal.SIGSTOP)
        self.until(lambda: self.metric('peers_lost_total') == 1)
        self.ask(204, 'DELETE', '/apps/navigation/faults/GPS_LOST')
        app.send_signal(signal.SIGCONT)
        self.failed()

    def test_a_gateway_that_lost_its_state_hears_of_faults_that_are_there(self):
        app = self.connected()
        self.say(app, 'gps off')
        self.failed()
        self.stop()
        for path in self.state.iterdir():
            path.unlink()
        self.start()
        self.failed()
        self.assertEqual(self.occurrences(), 1)

    def test_a_restart_counts_no_fault_once_more(self):
        app = self.connected()
        self.say(app, 'gps off')
        self.failed()
        for _ in range(3):
            self.stop()
            self.start()
            self.until(lambda: self.gateway.get('/apps/navigation/data/volume').status == 200)
            self.failed()
        self.assertEqual(self.occurrences(), 1)


class Thousands(LibraryCase):
    entities = ({'entity': 'apps/navigation', 'cycles': ['power']},)
    options = {'heartbeat_secs': 5, 'frames_per_sec': 1000000}
    REPORTS = 10000

    def reporter(self, reports, faults, buffer, *more):
        path = pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'tests' / 'unit' / 'native-reporter'
        if not path.exists():
            self.skipTest('the build has no tests')
        app = subprocess.Popen([str(path), str(self.socket), 'apps/navigation', str(reports), str(faults), str(buffer), *more],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(app.stdout.close)
        self.addCleanup(app.stdin.close)
        self.addCleanup(app.wait)
        self.addCleanup(app.kill)
        return app

    def result(self, app):
        lines = app.stdout.read().splitlines()
        self.assertEqual(app.wait(), 0)
        result = json.loads(lines[-1])
        self.assertEqual(result['full'], result['counted_full'])
        self.assertEqual((result['acknowledged'], result['refused']), (result['taken'], 0))
        return result

    def counts(self, faults):
        found = [self.get(f'/apps/navigation/faults/F{i}') for i in range(faults)]
        return ([f['environment_data']['occurrences'] for f in found], {f['item']['status']['testFailed'] for f in found})

    def kill(self):
        self.gateway.process.kill()
        self.gateway.ended()
        self.start()

    def test_a_gateway_that_is_killed_again_and_again_misses_no_report_and_counts_none_twice(self):
        app = self.reporter(self.REPORTS, 50, 20000)
        self.until(lambda: self.metric('frames_total') > 100)
        for n in range(6):
            self.kill()
            before = 300 * (n + 1)
            self.until(lambda: app.poll() is not None or self.metric('frames_total') > before)
        result = self.result(app)
        self.assertEqual(result['taken'], self.REPORTS)
        self.assertGreater(result['connections'], 3)
        self.assertEqual(self.counts(50), ([self.REPORTS // 50 // 2] * 50, {'0'}))

    def test_a_small_buffer_refuses_and_keeps_what_it_took(self):
        app = self.reporter(3000, 20, 64)
        self.until(lambda: self.metric('frames_total') > 100)
        self.kill()
        result = self.result(app)
        self.assertGreater(result['full'], 0)
        self.assertEqual(self.counts(20), ([3000 // 20 // 2] * 20, {'0'}))

    def test_reports_wait_for_a_gateway_that_is_away(self):
        self.stop()
        app = self.reporter(2000, 10, 4000)
        for line in iter(app.stdout.readline, 'reported 2000\n'):
            self.assertTrue(line)
        self.start()
        self.assertEqual(self.result(app)['taken'], 2000)
        self.assertEqual(self.counts(10), ([100] * 10, {'0'}))

    def test_a_report_is_judged_under_the_conditions_of_its_moment(self):
        self.stop()
        app = self.reporter(400, 4, 2000, 'conditions')
        self.assertEqual(app.stdout.readline(), 'reported 400\n')
        self.start()
        self.assertEqual(self.result(app)['taken'], 400)
        self.assertEqual(self.counts(4), ([50] * 4, {'0'}))
        self.assertNotIn('reports_ignored', self.get('/apps/navigation/faults/F0')['environment_data'])

    def test_a_report_is_kept_with_what_was_published_before_it(self):
        app = self.reporter(301, 1, 10, 'moment')
        self.result(app)
        data = self.get('/apps/navigation/faults/F0')['environment_data']
        self.assertEqual([data[word]['freeze_frame'] for word in ('first_occurrence', 'last_occurrence')], [{'at': 0}, {'at': 300}])
        past = self.get('/apps/navigation/faults/history?order=asc&limit=1000')['items']
        frames = [event['freeze_frame']['at'] for event in past if event['change'] == 'failed']
        self.assertEqual([at % 2 for at in frames], [0] * len(frames))

    def test_a_gateway_that_is_frozen_blocks_nobody(self):
        app = self.reporter(5000, 40, 6000)
        self.until(lambda: self.metric('frames_total') > 100)
        self.gateway.process.send_signal(signal.SIGSTOP)
        try:
            for line in iter(app.stdout.readline, 'reported 5000\n'):  # the reporter says when a call has blocked
                self.assertTrue(line)
        finally:
            self.gateway.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.result(app)['taken'], 5000)
        self.assertEqual(self.counts(40), ([63] * 40, {'1'}))  # 125 reports of each, the last a failure

    def test_a_fault_that_ends_by_itself_is_not_told_anew(self):
        self.stop()
        self.options = {**self.options, 'heartbeat_secs': 0.1}
        self.start()
        app = self.reporter(1, 1, 10, 'event')
        self.assertIn('"acknowledged":1', app.stdout.readline())
        for _ in range(2):
            self.until(lambda: self.counts(1) == ([1], {'0'}))
            self.stop()
            self.start()
            self.until(lambda: self.metric('frames_total') >= 4)  # what is told anew comes before a heartbeat
        self.assertEqual(self.counts(1), ([1], {'0'}))

    def test_cycles_stay_between_the_reports_that_they_divide(self):
        """A fault that is there when a cycle begins has failed in it too: twice in each two rounds, once if they were one."""
        app = self.reporter(400, 10, 1000, 'cycle')
        self.assertEqual(self.result(app)['taken'], 440)
        self.assertEqual(self.counts(10), ([20] * 10, {'0'}))
        detail = self.get('/apps/navigation/faults/F3')
        self.assertEqual(detail['environment_data']['failed_cycles'], 40)
        self.assertEqual(self.metric('cycles_total'), 40)


class Survival(LibraryCase):
    def test_the_app_waits_for_a_gateway_that_is_not_there_yet(self):
        self.stop()
        app = self.launch()
        self.say(app, 'gps off')
        self.start()
        self.failed()
        self.assertEqual(self.get('/apps/navigation/data/volume')['data'], 5)

    def test_a_restart_of_the_gateway_costs_no_report(self):
        app = self.connected()
        self.stop()
        self.say(app, 'gps off')
        self.start()
        self.failed()
        self.stop()
        self.say(app, 'gps on')
        self.start()
        self.failed('0')
        self.assertEqual(self.occurrences(), 1)

    def test_kills_of_the_gateway_lose_no_report_and_count_none_twice(self):
        app = self.connected()
        for n in range(1, 6):
            self.say(app, 'gps off')
            self.gateway.process.kill()
            self.gateway.ended()
            self.start()
            self.failed()
            self.say(app, 'gps on')
            self.gateway.process.kill()
            self.gateway.ended()
            self.start()
            self.failed('0')
            self.assertEqual(self.occurrences(), n)

    def test_a_killed_app_comes_back_as_another_instance(self):
        app = self.connected()
        self.say(app, 'gps off')
        self.failed()
        path = '/apps/navigation/operations/route/executions'
        id_ = self.ask(202, 'POST', path).json['id']
        app.kill()
        app.wait()
        self.until(lambda: self.get(f'{path}/{id_}')['status'] == 'failed')
        self.assertEqual(self.fault()['testFailed'], '1')
        self.connected()
        self.failed('0')
        self.assertEqual(self.occurrences(), 1)

    def test_an_app_that_is_frozen_is_lost_and_heals(self):
        app = self.connected()
        app.send_signal(signal.SIGSTOP)
        self.until(lambda: self.metric('peers_lost_total') == 1)
        self.ask(504, 'GET', '/apps/navigation/data/volume')
        app.send_signal(signal.SIGCONT)
        self.until(lambda: self.gateway.get('/apps/navigation/data/volume').status == 200)

    def test_an_app_that_may_not_be_the_entity_keeps_trying(self):
        app = self.launch('--entity', 'apps/thief')
        self.until(lambda: self.metric('peers_refused_total') >= 3)
        self.assertIn('unknown-entity', self.gateway.log)
        self.end(app)

    def test_it_ends_in_time_without_a_gateway_and_tells_what_was_lost(self):
        self.stop()
        app = self.launch()
        self.say(app, 'gps off')
        self.say(app, 'quit')
        app.wait(30)
        self.assertRegex(self.end(app), LOST)


if __name__ == '__main__':
    unittest.main()
