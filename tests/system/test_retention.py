# SPDX-License-Identifier: Apache-2.0
"""The history of faults stays within its bounds while the gateway serves, and a removed event is a gap in a stream."""
import contextlib
import json
import sqlite3
import time

from test_fault_pages import PageCase

BIG = 200000
BODY = json.dumps({'timestamp': '2026-01-01T00:00:00.000Z', 'entity': 'apps/old', 'change': 'failed', 'fill': '.' * 200})
COLUMNS = ('entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, first_usec, last_usec, '
           'first_frame, last_frame')


class RetentionCase(PageCase):
    sections = {'history': {'compact_secs': 0.1, 'events_max': 10, 'retention_days': 1}}

    def database(self):
        return contextlib.closing(sqlite3.connect(self.state / 'state.db'))

    def old_events(self, n, age_secs=0):
        """Events of the past, put into the file while no gateway has it open."""
        usec = int((time.time() - age_secs) * 1e6)
        with self.database() as db, db:
            db.executemany("INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, body)"
                           " VALUES(?, 'apps/old', 'X', 1, 47, 2, '', ?)", ((usec + i, BODY) for i in range(n)))

    def value(self, name):
        return self.gateway.metrics()['sovd_' + name]


class Small(RetentionCase):
    def test_events_over_the_number_go_the_oldest_first(self):
        self.fill(n=15)
        self.until(lambda: self.value('fault_history_events') == 10)
        codes = [e['fault']['code'] for e in self.get('/faults/history')['items']]
        self.assertEqual(codes, [f'F{i:02}' for i in reversed(range(5, 15))])
        self.assertEqual(self.value('fault_history_removed_total'), 5)
        self.assertEqual(len(self.get('/apps/nav/faults')['items']), 15)
        self.assertEqual(self.value('faults_stored'), 15)

    def test_old_events_go_and_ids_go_on(self):
        self.stop()
        self.old_events(8, age_secs=2 * 86400)
        self.start()
        self.until(lambda: self.value('fault_history_removed_total') == 7)
        self.fill(n=1)
        self.until(lambda: self.value('fault_history_removed_total') == 8)
        events = self.get('/faults/history')['items']
        self.assertEqual([e['id'] for e in events], [9])

    def test_faults_of_catalogues_that_are_gone_have_a_bound(self):
        self.stop()
        with self.database() as db, db:
            for i in range(30):
                db.execute(f"INSERT INTO fault({COLUMNS}) VALUES('apps/old', ?, ?, 2, '', 40, 1, 0, 0, ?, ?, NULL, NULL)",
                           (f'O{i:02}', json.dumps({'code': f'O{i:02}', 'name': 'x'}), 1000 + i, 1000 + i))
        self.sections = {'history': {'compact_secs': 0.1, 'faults_max': 20}}
        self.start()
        self.until(lambda: self.value('faults_removed_total') == 10)
        self.assertEqual([f['code'] for f in self.get('/faults')['items']], [f'O{i:02}' for i in reversed(range(10, 30))])

    def test_settings_that_cannot_be_are_refused(self):
        import gateway
        for bad in ({'events_max': 0}, {'retention_days': -1}, {'faults_max': 0}, {'compact_secs': -1}, {'days': 1}):
            path = self.folder / 'bad.yaml'
            path.write_text(json.dumps({'history': bad}), encoding='utf-8')
            status, _, err = gateway.run('--check-config', '--config', path)
            self.assertEqual((status, f'history.{next(iter(bad))}' in err), (2, True), err)


class Big(RetentionCase):
    sections = {}

    def test_requests_and_reports_are_served_while_much_is_removed(self):
        self.stop()
        self.old_events(BIG)
        size = (self.state / 'state.db').stat().st_size
        self.sections = {'history': {'compact_secs': 0.1, 'events_max': 1000}}
        self.start()
        app = self.app(register={'faults': {'id': 'x', 'version': '1', 'faults': [
            {'code': f'F{i}', 'name': 'x'} for i in range(1000)]}})
        longest, n = 0, 0
        while self.value('fault_history_events') == 0 or self.value('fault_history_events') > 1000:
            for ask in (lambda: self.assertEqual(app.ask('fault', code=f'F{n}', report='failed')['type'], 'reply'),
                        lambda: self.get('/apps/nav/faults?limit=50'), lambda: self.get('/faults/history?limit=50')):
                begin = time.monotonic()
                ask()
                longest = max(longest, time.monotonic() - begin)
            n = (n + 1) % 1000
        self.assertGreater(n, 5, 'nothing was asked meanwhile')
        self.assertGreaterEqual(self.value('fault_history_removed_total'), BIG - 1000)
        change = self.value('fault_history_longest_change_seconds')
        print(f'\nlongest wait {longest * 1e3:.0f} ms, longest change {change * 1e3:.0f} ms, {n} rounds of requests')
        self.assertLess(longest, 5)
        self.until(lambda: self.value('storage_free_bytes') <= 256 * 4096)
        self.stop()
        self.assertLess((self.state / 'state.db').stat().st_size, size / 4)


class Streams(RetentionCase):
    def test_a_reader_that_asks_for_removed_events_hears_of_the_gap(self):
        self.fill(n=15)
        self.until(lambda: self.value('fault_history_events') == 10)
        self.stop()  # the bus forgets what it has in memory
        self.start()
        reply = self.gateway.raw()
        self.addCleanup(reply.close)
        reply.send('GET /sovd/v1/faults/subscribe HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 2\r\n\r\n')
        seen = b''
        while b'id: 15' not in seen and b'id:15' not in seen:
            part = reply.socket.recv(65536)
            self.assertTrue(part, seen)
            seen += part
        self.assertIn(b'gap', seen)
