# SPDX-License-Identifier: Apache-2.0
"""An app that uses libsovd-app, and what the library promises: nothing that it took is lost, whoever is killed."""
import os
import pathlib
import signal
import subprocess
import unittest

import test_native_apps


LOST = r'\A(navigation-app: \d+ reports were not delivered\n)?\Z'


def binary():
    return pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'backends' / 'navigation-app'


class LibraryCase(test_native_apps.NativeCase):
    entities = ('apps/navigation',)
    options = {'heartbeat_secs': 0.5}

    def launch(self, *arguments):
        app = subprocess.Popen([str(binary()), '--socket', str(self.socket), '--period-ms', '20', *arguments],
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
