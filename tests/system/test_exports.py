# SPDX-License-Identifier: Apache-2.0
"""Exports: one JSON object on a line, whole or visibly cut, whatever fails among what is exported."""
import contextlib
import json
import pathlib
import re
import sqlite3
import tempfile
import time
import unittest

import ecu
import gateway
import keys
from test_fault_pages import FAULTS, N, PageCase


def lines_of(body):
    """The first line, those between and the last one."""
    text = body.decode()
    assert text.endswith('\n'), 'the last line is not whole'
    lines = [json.loads(line) for line in text.splitlines()]
    return lines[0], lines[1:-1], lines[-1]
COLUMNS = ('entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, first_usec, last_usec, '
           'first_frame, last_frame')


class ExportCase(PageCase):
    def export(self, path):
        reply = self.ask(200, 'GET', path)
        self.assertEqual(reply.headers['content-type'], 'application/x-ndjson')
        self.assertEqual(reply.headers['cache-control'], 'no-store')
        self.assertRegex(reply.headers['content-disposition'], r'^attachment; filename="[^"]+\.ndjson"')
        head, lines, end = lines_of(reply.body)
        self.assertEqual((head['_meta'], head['schema_version']), (True, '1.0'))
        self.assertEqual(head['server_version'], self.get('/version-info')['sovd_info'][0]['vendor_info']['version'])
        self.assertRegex(head['exported_at'], r'^\d{4}-.*Z$')
        self.assertEqual(end, {'_end': True, 'lines': len(lines)})
        return head, lines


class Faults(ExportCase):
    def test_every_fault_is_a_line_with_its_entity(self):
        self.fill()
        self.fill('apps/other', 2)
        head, lines = self.export('/export/faults')
        self.assertEqual((head['export_type'], head['time_range'], head['filter']), ('faults', None, {}))
        self.assertEqual([(f['entity'], f['code']) for f in lines],
                         [('apps/nav', f'F{i:02}') for i in range(N)] + [('apps/other', 'F00'), ('apps/other', 'F01')])
        listed = {f['code']: f for f in self.get('/apps/nav/faults')['items']}
        for fault in lines[:N]:
            self.assertEqual(fault.pop('entity'), 'apps/nav')
            self.assertEqual(fault, listed[fault['code']])

    def test_filters_and_times_are_honoured_and_told(self):
        self.fill()
        self.fill('apps/other', 2)
        at = self.get('/apps/nav/faults/F04')['item']['x-gw-last-occurrence']
        head, lines = self.export(f'/export/faults?entity=apps/nav&severity=2&tags=even&tags=odd&from={at}&status[testFailed]=1')
        self.assertEqual(head['filter'], {'entity': 'apps/nav', 'severity': 2, 'tags': ['even', 'odd'], 'status[testFailed]': '1'})
        self.assertEqual(head['time_range'], {'from': at, 'to': None})
        self.assertEqual(lines, [])
        head, lines = self.export(f'/export/faults?entity=apps/nav&severity=2&from={at}&to=4102444800000')
        self.assertEqual([f['code'] for f in lines], [f['code'] for f in FAULTS if f['severity'] == 1 and f['code'] >= 'F04'])
        self.assertEqual(head['time_range']['to'], '2100-01-01T00:00:00.000Z')
        self.assertEqual({f['entity'] for f in lines}, {'apps/nav'})

    def test_the_history_is_exported_as_it_is_read_oldest_first(self):
        app = self.fill(n=7)
        app.ask('fault', code='F20', report='failed', environment={'speed': 1})
        self.ask(204, 'DELETE', '/apps/nav/faults')
        head, lines = self.export('/export/faults?kind=history&entity=apps/nav')
        self.assertEqual(head['export_type'], 'fault-history')
        self.assertEqual(lines, self.get('/apps/nav/faults/history?order=asc')['items'])
        self.assertEqual([e for e in self.export('/export/faults?kind=history')[1] if 'error' not in e], lines)
        self.assertEqual(len(self.export('/export/faults?kind=history&entity=apps/nav&severity=2')[1]), 3)

    def test_an_event_of_a_clock_that_was_ahead_is_exported_too(self):
        self.fill(n=2)
        self.stop()
        with contextlib.closing(sqlite3.connect(self.state / 'state.db')) as db, db:
            db.execute('UPDATE fault_event SET usec=usec+86400000000 WHERE id=1')
        self.start()
        self.fill(n=3)
        lines = self.export('/export/faults?kind=history&entity=apps/nav')[1]
        self.assertEqual([e['id'] for e in lines], [2, 3, 1])

    def test_an_export_of_an_empty_history_does_not_go_on_with_what_comes(self):
        """The row stands for an event that was written when the export had begun, and that it was not told of."""
        self.assertEqual([e for e in self.export('/export/faults?kind=history')[1] if 'error' not in e], [])
        with contextlib.closing(sqlite3.connect(self.state / 'state.db')) as db, db:
            db.execute("INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, body) VALUES(5, 'apps/nav', 'F1', 1, 1, 2, '', '{}')")
        self.assertEqual([e for e in self.export('/export/faults?kind=history')[1] if 'error' not in e], [])

    def test_what_cannot_be_exported_is_named(self):
        self.fill(n=1)
        for status, query, word in ((400, 'kind=all', "'kind'"), (400, 'entity=nav', "'entity'"), (400, 'entity=cars/nav', "'entity'"),
                                    (404, 'entity=apps/nobody', 'nobody'), (400, 'from=5&to=4', "'from'"), (400, 'to=x', "'to'"),
                                    (400, 'severity=x', "'severity'"), (400, 'kind=history&tags=odd', 'tags'),
                                    (404, 'entity=apps/other', 'faults')):
            self.assertIn(word, self.ask(status, 'GET', '/export/faults?' + query).json['message'], query)
        self.assertEqual(self.gateway.metrics()['sovd_bulk_transfers_running'], 0)

    def test_an_accept_that_excludes_the_lines_is_refused(self):
        self.fill(n=1)
        self.assertEqual(self.gateway.request('GET', '/export/faults', headers={'Accept': 'text/html'}).status, 406)
        self.assertEqual(self.gateway.request('GET', '/export/faults', headers={'Accept': 'application/x-ndjson'}).status, 200)

    def test_a_head_asks_nobody(self):
        self.fill(n=1)
        reply = self.ask(200, 'HEAD', '/export/faults')
        self.assertEqual((reply.body, reply.headers['content-type']), (b'', 'application/x-ndjson'))


class Snapshot(ExportCase):
    REGISTER = {'data': [{'id': 'speed', 'name': 'Speed', 'category': 'currentData', 'unit': 'km/h'},
                         {'id': 'broken', 'name': 'Broken', 'category': 'storedData'},
                         {'id': 'route', 'name': 'Route', 'published': True}],
                'faults': {'id': 'x', 'version': '1', 'faults': FAULTS}}

    def test_values_and_faults_are_lines_and_so_is_what_cannot_be_read(self):
        app = self.app({'read': lambda frame: {'value': 50.10} if frame['id'] == 'speed' else ('error', 'conflict', 'no sensor')},
                       register=self.REGISTER)
        app.ask('publish', values={'route': ['a', {'b': 1}]})
        app.ask('fault', code='F03', report='failed')
        head, lines = self.export('/apps/nav/snapshot')
        self.assertEqual((head['export_type'], head['entity']), ('snapshot', 'apps/nav'))
        self.assertEqual([line['resource'] for line in lines], ['data/speed', 'data/broken', 'data/route', 'faults/F03'])
        speed, broken, route, fault = lines
        self.assertEqual({**speed, 'resource': None}, {'resource': None, 'id': 'speed', 'name': 'Speed', 'category': 'currentData',
                                                       'unit': 'km/h', 'access': 'readOnly', 'data': 50.1})
        self.assertIn('no sensor', broken['error']['message'])
        self.assertEqual(broken['category'], 'storedData')
        self.assertNotIn('data', broken)
        self.assertEqual(route['data'], ['a', {'b': 1}])
        self.assertEqual(fault['status']['testFailed'], '1')

    def test_an_entity_with_nothing_is_two_lines(self):
        self.assertEqual(self.export('/apps/nav/snapshot')[1], [])
        self.ask(404, 'GET', '/apps/nobody/snapshot')
        self.ask(405, 'POST', '/apps/nav/snapshot')


class BigCase(ExportCase):
    """More than any buffer between gateway and client takes."""
    MANY = 60000
    auth = {}

    def setUp(self):
        super().setUp()
        self.stop()
        about = json.dumps({'code': 'X', 'name': 'x' * 100})
        with contextlib.closing(sqlite3.connect(self.state / 'state.db')) as db, db:
            db.executemany(f"INSERT INTO fault({COLUMNS}) VALUES('apps/old', ?, ?, 2, '', 40, 1, 0, 0, ?, ?, NULL, NULL)",
                           ((f'X{i:06}', about, 1000 + i, 1000 + i) for i in range(self.MANY)))
        self.sections = {'limits': {'bulk_transfers': 1, 'bulk_timeout_secs': 20}, **self.auth}
        self.start()

    def stalled(self, path='/export/faults', fields=''):
        """A client that asks and takes nothing."""
        raw = self.gateway.raw()
        self.addCleanup(raw.close)
        raw.send(f'GET /sovd/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n')
        self.until(lambda: self.value('bulk_sent_bytes_total') > 0)
        return raw

    def value(self, name):
        return self.gateway.metrics()['sovd_' + name]

class Big(BigCase):
    def resident(self):
        """The most memory so far, in kB; 0 with a sanitizer, which keeps what was freed."""
        process = pathlib.Path(f'/proc/{self.gateway.process.pid}')
        if re.search('lib[at]san', (process / 'maps').read_text(encoding='utf-8')):
            return 0
        return int(re.search(r'VmHWM:\s+(\d+) kB', (process / 'status').read_text(encoding='ascii'))[1])

    def test_it_is_whole_and_takes_no_memory(self):
        self.export('/export/faults?severity=1')
        before = self.resident()
        _, lines = self.export('/export/faults')
        self.assertEqual([f['code'] for f in lines], [f'X{i:06}' for i in range(self.MANY)])
        self.assertLess(self.resident() - before, 10240, 'kB more than before')

    def test_a_slow_client_holds_no_reader_and_no_journal(self):
        app = self.fill(n=1)
        raw = self.stalled()
        for i in range(300):
            app.ask('fault', code=f'F{i % N:02}', report='failed' if i // N % 2 else 'passed')
            self.ask(200, 'GET', '/faults?limit=5')
        self.assertLess(self.value('storage_wal_bytes'), 9 << 20)
        with contextlib.closing(sqlite3.connect(self.state / 'state.db')) as db:
            busy, log, taken_in = db.execute('PRAGMA wal_checkpoint(PASSIVE)').fetchone()
        self.assertEqual((busy, log), (0, taken_in), 'a reader holds the journal')
        body = raw.rest()
        self.assertTrue(body)

    def test_a_client_that_goes_away_ends_it(self):
        raw = self.stalled()
        self.assertEqual(self.value('bulk_transfers_running'), 1)
        raw.close()
        self.until(lambda: self.value('bulk_transfers_running') == 0)
        self.assertEqual(self.value('bulk_broken_total'), 1)
        self.export('/export/faults?severity=1')

    def test_as_many_as_the_limit_says_run_at_once(self):
        self.stalled()
        for path in '/export/faults', '/apps/nav/snapshot':
            reply = self.ask(503, 'GET', path)
            self.assertIn('1 transfers', reply.json['message'])
            self.assertIn('retry-after', reply.headers)

    def test_an_export_that_was_cut_has_no_last_line(self):
        self.stop()
        self.sections = {'limits': {'bulk_timeout_secs': 1}}
        self.start()
        begin = time.monotonic()
        raw = self.stalled()
        self.until(lambda: time.monotonic() - begin > 1.2)
        body = raw.rest()
        self.assertNotIn(b'"_end"', body)
        self.assertFalse(body.endswith(b'0\r\n\r\n'))
        self.until(lambda: self.value('bulk_broken_total') == 1)


class Withdrawn(BigCase):
    auth = {'auth': keys.section(keys.entry('keeper', 'a-key-of-the-keeper', 'admin'), keys.entry('reader', 'a-key-of-the-reader', 'viewer'), enabled=True, public_metrics=True)}

    def start(self):
        self.gateway = gateway.Gateway(ready=False, storage={'path': str(self.state)}, **self.sections)
        self.gateway.wait_ready()

    def fault_export(self):
        raw = self.stalled(fields='Authorization: Bearer a-key-of-the-reader\r\n')
        self.assertEqual(self.value('bulk_transfers_running'), 1)
        return raw

    def reload(self, auth):
        self.gateway.reload(self.gateway.settings(**{**self.sections, 'storage': {'path': str(self.state)}, 'auth': auth}))

    def test_an_export_whose_key_is_taken_away_breaks_off_and_is_on_record(self):
        raw = self.fault_export()
        auth = self.sections['auth']
        self.reload({**auth, 'api_keys': auth['api_keys'][:1]})
        body = raw.rest()
        self.assertFalse(b'"_end"' in body)
        self.assertFalse(body.endswith(b'0\r\n\r\n'))
        self.until(lambda: self.value('bulk_broken_total') == 1)
        self.gateway.wait_log('the transfer broke off: what allowed it was taken away')
        def told():
            items = self.gateway.bare('GET', '/sovd/v1/audit?event=access.refused', headers=keys.bearer('a-key-of-the-keeper')).json['items']
            return [e for e in items if e.get('detail', {}).get('withdrawn') == 'transfer' and e['sub'] == 'key:reader' and e['path'] == '/sovd/v1/export/faults']
        self.until(told)

    def test_an_export_goes_on_when_nothing_behind_it_was_changed(self):
        raw = self.fault_export()
        auth = self.sections['auth']
        self.reload({**auth, 'api_keys': [*auth['api_keys'], keys.entry('third', 'a-key-of-the-third', 'viewer')]})
        self.assertTrue(b'"_end"' in raw.rest())

    def test_an_export_ends_with_the_policy_that_chose_its_lines(self):
        raw, policy = self.fault_export(), self.state / 'policy.yaml'
        policy.write_text('roles: {other: {inherits: [viewer]}}')
        self.reload({**self.sections['auth'], 'policy_file': str(policy)})
        self.assertFalse(b'"_end"' in raw.rest())


class Elsewhere(unittest.TestCase):
    """Faults that a backend keeps are asked of it; one that does not answer is a line of its own."""

    def test_a_backend_that_is_away_is_a_line_with_its_error(self):
        with ecu.DemoEcu() as server, gateway.Gateway(gateway.backend_of(server)) as there:
            _, lines, _ = lines_of(there.request('GET', '/export/faults').body)
            self.assertIn(('components/bms', 'P0A80'), [(f['entity'], f.get('code')) for f in lines])
            _, lines, _ = lines_of(there.request('GET', '/export/faults?kind=history').body)
            self.assertIn('history', next(f for f in lines if f['entity'] == 'components/bms')['error']['message'])
            self.assertEqual(there.request('GET', '/export/faults?kind=history&entity=components/bms').status, 501)
            _, lines, _ = lines_of(there.request('GET', '/export/faults?from=5').body)
            self.assertIn('history', lines[0]['error']['message'])
            _, lines, _ = lines_of(there.request('GET', '/components/bms/snapshot').body)
            self.assertTrue([line for line in lines if line['resource'].startswith('data/') and 'data' in line])
            self.assertTrue([line for line in lines if line['resource'] == 'faults/P0A80'])
            server.stop()
            _, lines, end = lines_of(there.request('GET', '/export/faults').body)
            self.assertTrue(lines and all('error' in line for line in lines), lines)
            self.assertEqual(end['lines'], len(lines))

    def test_what_the_gateway_has_seen_of_a_backend_comes_once(self):
        about = json.dumps({'code': 'P0A80', 'name': 'as it was seen'})
        gone = json.dumps({'code': 'X', 'name': 'of an entity that is gone'})
        body = json.dumps({'timestamp': '2026-01-01T00:00:00.000Z', 'entity': 'components/bms', 'change': 'failed'})
        with tempfile.TemporaryDirectory() as state, ecu.DemoEcu() as server:
            gateway.Gateway(storage={'path': state}).stop()
            with contextlib.closing(sqlite3.connect(state + '/state.db')) as db, db:
                for entity, code, text in ('components/bms', 'P0A80', about), ('components/a b', 'X', gone):
                    db.execute(f"INSERT INTO fault({COLUMNS}) VALUES(?, ?, ?, 2, '', 40, 1, 0, 0, 5000000, 5000000, NULL, NULL)", (entity, code, text))
                db.execute("INSERT INTO fault_event(usec, entity, code, changed, status, severity, scope, body)"
                           " VALUES(5000000, 'components/bms', 'P0A80', 1, 47, 2, '', ?)", (body,))
            with gateway.Gateway(gateway.backend_of(server), storage={'path': state}) as there:
                def lines(query=''):
                    return lines_of(there.request('GET', '/export/faults' + query).body)[1]
                self.assertEqual([(f['code'], f['fault_name']) for f in lines() if f['entity'] == 'components/bms'],
                                 [('P0A80', 'Cell Voltage Imbalance')])
                self.assertEqual([f['entity'] for f in lines() if f.get('code') == 'X'], ['components/a%20b'])
                seen = [f for f in lines('?to=1970-01-01T00:01:00Z') if f['entity'] == 'components/bms']
                self.assertEqual([f.get('fault_name') for f in seen], ['as it was seen'])
                self.assertEqual(len(lines('?entity=components/bms&to=1970-01-01T00:01:00Z')), 1)
                self.assertEqual([f['change'] for f in lines('?kind=history&entity=components/bms')], ['failed'])
                history = there.request('GET', '/components/bms/faults/history')
                self.assertEqual([e['change'] for e in history.json['items']], ['failed'])
