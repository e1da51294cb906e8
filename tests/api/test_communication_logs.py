# SPDX-License-Identifier: Apache-2.0
"""Communication logs of a simulated entity: states, the recording as bulk data, and what ends them."""
import json
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

ECU = '/components/ecu'
LOGS = ECU + '/communication-logs'
RECORDINGS = ECU + '/bulk-data/communication-logs'
FRAMES = ['123#00FF', '18DAF110#0210', '7DF#']
LINE = re.compile(r'\((\d{10})\.(\d{6})\) can7 (\S+)')
SCENARIO = {'components': [
    {'id': 'ecu', 'communication_logs': {'interface': 'can7', 'rate_per_sec': 500, 'max_logs': 3, 'max_frames': 1000, 'frames': FRAMES}},
    {'id': 'bare', 'data': [{'id': 'x', 'value': 1}]}]}


class CommunicationLogs(polling.Waiting, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        scenario = pathlib.Path(folder.name) / 'scenario.yaml'
        scenario.write_text(json.dumps(SCENARIO), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=(f'--demo={scenario}',), environment={'SOVD_SERVER__PORT': '0'})
        cls.addClassCleanup(cls.gateway.stop)

    def tearDown(self):
        for name in self.get(LOGS):
            self.ask(204, 'DELETE', f'{LOGS}/{name}')
        self.ask(200, 'DELETE', RECORDINGS)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def create(self, body=None, headers=None):
        reply = self.ask(200, 'POST', LOGS, body, headers)
        self.assertTrue(reply.headers['location'].endswith(f'{LOGS}/{reply.json["id"]}'))
        return reply.json

    def control(self, name, action, status=204):
        return self.ask(status, 'PUT', f'{LOGS}/{name}', {'action': action})

    @staticmethod
    def path_of(log):
        return log['log'][log['log'].index('/sovd/'):]

    def lines(self, log):
        return self.gateway.bare('GET', self.path_of(log)).body.decode().splitlines()

    def test_a_new_log_records_nothing(self):
        self.assertEqual(self.get(LOGS), [])
        log = self.create()
        self.assertEqual((log['status'], log['stream']), ('inactive', False))
        self.assertNotIn('activated', log)
        self.assertEqual(self.get(LOGS), [log['id']])
        self.assertEqual(self.get(f'{LOGS}/{log["id"]}'), log)
        self.assertEqual(self.lines(log), [])

    def test_a_configuration_of_any_type_is_taken(self):
        self.create(b'\x00\xff', {'Content-Type': 'application/octet-stream'})
        self.create({'ids': [1]})
        self.ask(400, 'POST', LOGS, b'x', {'Content-Type': 'nonsense'})

    def test_an_active_log_grows_by_the_frames_of_the_bus_and_stays_as_it_is_when_it_stops(self):
        log = self.create()
        self.control(log['id'], 'activate')
        self.assertEqual(self.get(f'{LOGS}/{log["id"]}')['status'], 'active')
        self.until(lambda: len(self.lines(log)) > 20)
        before = self.lines(log)
        self.until(lambda: len(self.lines(log)) > len(before))
        self.assertEqual(self.lines(log)[:len(before)], before)
        self.control(log['id'], 'deactivate')
        body = self.get(f'{LOGS}/{log["id"]}')
        self.assertEqual(body['status'], 'inactive')
        self.assertLess(body['activated'], body['deactivated'])
        ended = self.lines(log)
        found = [LINE.fullmatch(line) for line in ended]
        self.assertEqual([match[3] for match in found], [FRAMES[i % 3] for i in range(len(ended))])
        times = [int(match[1]) * 1000000 + int(match[2]) for match in found]
        self.assertTrue(all(later - earlier in (1999, 2000, 2001) for earlier, later in zip(times, times[1:])), times)
        self.assertEqual(self.lines(log), ended)
        item = self.get(RECORDINGS)['items'][0]
        self.assertEqual((item['size'], item['mimetype']), (sum(len(line) + 1 for line in ended), 'text/plain'))
        self.control(log['id'], 'activate')  # it goes on
        self.until(lambda: len(self.lines(log)) > len(ended))
        self.assertEqual(self.lines(log)[:len(ended)], ended)

    def test_a_range_of_a_recording_is_a_part_of_it(self):
        log = self.create()
        self.control(log['id'], 'activate')
        self.until(lambda: len(self.lines(log)) > 10)
        self.control(log['id'], 'deactivate')
        whole = self.gateway.bare('GET', self.path_of(log)).body
        for first in 0, 1, 30, 100, len(whole) - 1:
            reply = self.gateway.bare('GET', self.path_of(log), headers={'Range': f'bytes={first}-'})
            self.assertEqual((reply.status, reply.body), (206, whole[first:]))

    def test_a_recording_ends_by_itself_when_it_is_full(self):
        log = self.create()
        self.control(log['id'], 'activate')
        self.until(lambda: self.get(f'{LOGS}/{log["id"]}')['status'] == 'inactive')
        self.assertEqual(len(self.lines(log)), 1000)
        self.assertIn('full', self.control(log['id'], 'activate', 409).json['message'])

    def test_a_state_that_is_there_already_conflicts(self):
        log = self.create()
        self.control(log['id'], 'deactivate', 409)
        self.control(log['id'], 'activate')
        self.control(log['id'], 'activate', 409)

    def test_bad_actions_are_named(self):
        log = self.create()
        for body in {}, {'action': 'start'}, {'action': 1}, []:
            self.ask(400, 'PUT', f'{LOGS}/{log["id"]}', body)

    def test_a_log_goes_with_its_recording_or_leaves_it(self):
        first, second = self.create(), self.create()
        self.ask(204, 'DELETE', f'{LOGS}/{first["id"]}?delete_log=false')
        self.ask(204, 'DELETE', f'{LOGS}/{second["id"]}')
        self.ask(404, 'GET', f'{LOGS}/{first["id"]}')
        self.assertEqual(self.gateway.bare('GET', self.path_of(first)).status, 200)
        self.assertEqual(self.gateway.bare('GET', self.path_of(second)).status, 404)
        self.ask(400, 'DELETE', f'{LOGS}/{first["id"]}?delete_log=perhaps')

    def test_a_recording_is_not_deleted_from_under_its_log_nor_uploaded(self):
        log = self.create()
        self.assertIn(log['id'], self.ask(409, 'DELETE', self.path_of(log)).json['message'])
        self.ask(409, 'DELETE', RECORDINGS)
        self.ask(403, 'POST', RECORDINGS, b'x', {'Content-Type': 'a/b', 'Content-Disposition': 'attachment; name="x"'})

    def test_a_stream_is_refused_with_a_reason(self):
        self.assertIn('stream', self.ask(501, 'POST', LOGS + '?stream=true').json['message'])
        self.ask(400, 'POST', LOGS + '?stream=yes')

    def test_only_so_many_logs_are_kept(self):
        for _ in range(3):
            self.create()
        self.assertIn('3 communication logs', self.ask(409, 'POST', LOGS).json['message'])

    def test_what_is_not_there_is_named(self):
        for method, body in ('GET', None), ('DELETE', None), ('PUT', {'action': 'activate'}):
            self.assertIn("'none'", self.ask(404, method, LOGS + '/none', body).json['message'])
        self.ask(404, 'GET', '/components/bare/communication-logs')
        self.assertNotIn('communication-logs', self.get('/components/bare'))


if __name__ == '__main__':
    unittest.main()
