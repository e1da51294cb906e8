# SPDX-License-Identifier: Apache-2.0
"""Backup and restore of the diagnostic state: a snapshot that is whole or refused, and a restore that is all or nothing."""
import json
import pathlib
import re
import sqlite3
import struct
import threading

import gateway
import keys
import native
import test_fault_pages
import test_native_apps

KEYS = keys.section(keys.entry('keeper', 'the-key-of-the-keeper', 'admin'), keys.entry('tester', 'the-key-of-a-tester'))
KEEPER, TESTER = keys.bearer('the-key-of-the-keeper'), keys.bearer('the-key-of-a-tester')
BACKUP, RESTORE = '/x-admin/backup', '/x-admin/restore'
FAULTS = '/apps/nav/faults'


class BackupCase(test_native_apps.NativeCase):
    sections = {'auth': KEYS}

    def report(self, app, code, stage='failed', **members):
        self.assertEqual(app.ask('fault', code=code, report=stage, **members)['type'], 'reply')

    def backup(self):
        reply = self.gateway.request('GET', BACKUP, headers=KEEPER)
        self.assertEqual(reply.status, 200, reply)
        return reply.body

    def restore(self, body, headers=None):
        return self.gateway.request('POST', RESTORE, headers={'Content-Type': 'application/vnd.sqlite3', **(headers or KEEPER)}, body=body)

    def refused(self, body, pattern):
        before = self.codes()
        reply = self.restore(body)
        self.assertEqual(reply.status, 400, reply)
        self.assertRegex(reply.json['message'], pattern)
        self.assertEqual(self.codes(), before)

    def codes(self):
        return {fault['code'] for fault in self.get(FAULTS)['items']}

    def changed(self, statement):
        """A snapshot in which somebody changed something."""
        path = self.folder / 'changed.db'
        path.write_bytes(self.backup())
        with sqlite3.connect(path) as connection:
            connection.executescript(statement)
        connection.close()
        return path.read_bytes()

    def leftovers(self):
        return [path.name for path in self.state.iterdir() if 'snapshot' in path.name]


class Backup(BackupCase):
    def test_a_snapshot_is_a_file_that_other_tools_read_with_the_faults_and_nothing_of_clients(self):
        app = self.app()
        self.report(app, 'GPS_LOST', environment={'satellites': 2})
        self.ask(201, 'POST', '/apps/nav/locks', {'lock_expiration': 60})
        reply = self.gateway.request('GET', BACKUP, headers=KEEPER)
        self.assertEqual(reply.headers['content-type'], 'application/vnd.sqlite3')
        self.assertRegex(reply.headers['content-disposition'], r'attachment; filename="sovd-gateway-\d{8}T\d{6}Z\.db"')
        path = self.folder / 'read.db'
        path.write_bytes(reply.body)
        connection = sqlite3.connect(path)
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
        self.assertEqual(connection.execute('SELECT entity, code FROM fault').fetchall(), [('apps/nav', 'GPS_LOST')])
        tables = {name for name, in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")}
        filled = {name for name in tables if connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]}
        self.assertLessEqual(filled, {'fault', 'fault_event', 'snapshot', 'sqlite_sequence'} | self.carried())
        self.assertEqual(self.leftovers(), [])

    @staticmethod
    def carried():
        source = pathlib.Path(__file__).resolve().parents[2] / 'sovd-core' / 'snapshot.c'
        return set(re.findall(r'"(\w+)"', re.search(r'sovd_snapshot_tables\[\] = \{(.*?)\}', source.read_text(), re.S)[1]))

    def test_what_is_restored_is_what_was_there_and_stays_after_a_crash(self):
        app = self.app()
        self.report(app, 'GPS_LOST', environment={'satellites': 2})
        before = self.get(FAULTS + '/GPS_LOST')
        snapshot = self.backup()
        self.ask(204, 'DELETE', FAULTS)
        self.ask(204, 'DELETE', FAULTS)
        self.assertEqual(self.codes(), set())
        reply = self.restore(snapshot)
        self.assertEqual((reply.status, reply.json['status'], reply.json['faults']), (200, 'restored', 1), reply)
        self.assertEqual(self.get(FAULTS + '/GPS_LOST'), before)
        self.assertRegex(self.gateway.log, 'key:keeper restored 1 faults')
        self.assertEqual(self.leftovers(), [])
        self.gateway.kill()
        self.start()
        self.app()
        self.assertEqual(self.get(FAULTS + '/GPS_LOST'), before)
        connection = sqlite3.connect(self.state / 'state.db')
        self.addCleanup(connection.close)
        self.assertEqual(connection.execute('SELECT restored_by FROM snapshot').fetchall(), [('key:keeper',)])

    def test_an_app_that_is_away_shows_what_was_restored_for_it(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        app.close()
        self.gateway.stop()
        (self.state / 'state.db').unlink()
        for file in self.state.glob('audit*'):
            file.unlink()
        self.start()
        self.ask(404, 'GET', FAULTS)
        self.assertEqual(self.restore(snapshot).status, 200)
        self.assertEqual(self.codes(), {'GPS_LOST'})
        self.assertIn('faults', self.get('/apps/nav'))

    def test_faults_go_on_from_what_was_restored(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        self.ask(204, 'DELETE', FAULTS)
        for _ in range(3):
            self.report(app, 'GPS_LOST')
            self.report(app, 'GPS_LOST', 'passed')
        self.assertEqual(self.restore(snapshot).status, 200)
        newest = self.newest_event()
        self.report(app, 'GPS_LOST', 'passed')
        self.assertEqual(self.get(FAULTS + '/GPS_LOST')['item']['status']['testFailed'], '0')
        self.assertGreater(self.newest_event(), newest)

    def newest_event(self):
        connection = sqlite3.connect(f'file:{self.state / "state.db"}?mode=ro', uri=True)
        try:
            return connection.execute('SELECT max(id) FROM fault_event').fetchone()[0]
        finally:
            connection.close()

    def test_a_restore_is_in_the_history_and_in_exports_also_where_a_policy_says_who_sees_what(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        self.assertEqual(self.restore(self.backup()).status, 200)
        policy = self.folder / 'policy.yaml'
        policy.write_text('tenants: {a: {entities: [apps/nav]}}\n', encoding='utf-8')
        clients = (keys.entry('keeper', 'the-key-of-the-keeper', 'admin'), keys.entry('a', 'the-key-of-a-tester', tenant='a'))
        self.gateway.reload(self.gateway.settings(native=native.section(self.socket, *self.entities), storage={'path': str(self.state)},
                                                  auth=keys.section(*clients, enabled=True, policy_file=str(policy))))
        for headers in (KEEPER, TESTER):
            for path in ('/faults/history', FAULTS + '/history'):
                items = self.gateway.request('GET', path, headers=headers).json['items']
                self.assertEqual([event['change'] for event in items], ['restored', 'failed'], (path, headers))
            lines = self.gateway.bare('GET', f'{gateway.BASE}/export/faults?kind=history', headers=headers).body.splitlines()
            self.assertIn('restored', [json.loads(line).get('change') for line in lines])

    def test_a_restore_is_in_the_history_of_each_entity_as_in_that_of_the_vehicle(self):
        app = self.app()
        for code in 'GPS_LOST', 'MAP_OLD':
            self.report(app, code)
        snapshot = self.backup()
        self.report(app, 'GPS_LOST', 'passed')
        self.assertEqual(self.restore(snapshot).status, 200)
        self.report(app, 'GPS_LOST', 'passed')
        of_all = self.get('/faults/history')['items']
        self.assertEqual([event['change'] for event in of_all], ['passed', 'restored', 'failed', 'failed'])
        self.assertEqual(self.get(FAULTS + '/history')['items'], of_all)
        self.assertEqual(self.get(FAULTS + '/history?order=asc')['items'], of_all[::-1])
        self.assertEqual([event['change'] for event in self.get(FAULTS + '/history?code=GPS_LOST')['items']], ['passed', 'restored', 'failed'])
        self.assertEqual([event['change'] for event in self.get(FAULTS + '/history?severity=5')['items']], ['passed', 'failed', 'failed'])
        found, path = [], FAULTS + '/history?limit=1'
        while path:
            reply = self.ask(200, 'GET', path)
            found += reply.json['items']
            path = test_fault_pages.next_path(reply)
        self.assertEqual(found, of_all)

    def test_the_state_is_for_nobody_else(self):
        self.app()
        for path in self.state.iterdir():
            self.assertEqual(path.stat().st_mode & 0o777, 0o600, path)

    def test_event_ids_grow_over_a_restore(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        for _ in range(5):
            self.report(app, 'GPS_LOST', 'passed')
            self.report(app, 'GPS_LOST')
        before = self.newest_event()
        self.assertEqual(self.restore(snapshot).status, 200)
        self.assertGreater(self.newest_event(), before)

    def test_reports_go_on_while_snapshots_are_made_and_restored(self):
        app, errors, stop = self.app(), [], threading.Event()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()

        def report():
            while not stop.is_set():
                for stage in ('passed', 'failed'):
                    reply = app.ask('fault', code='MAP_OLD', report=stage)
                    if reply['type'] != 'reply' and reply['code'] != 'fault-limited':
                        errors.append(reply)

        thread = threading.Thread(target=report)
        thread.start()
        try:
            for _ in range(10):
                self.backup()
                self.assertEqual(self.restore(snapshot).status, 200)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(errors, [])
        self.until(lambda: app.ask('fault', code='MAP_OLD', report='passed')['type'] == 'reply')  # the flood is over
        self.report(app, 'MAP_OLD')
        self.assertEqual(self.codes(), {'GPS_LOST', 'MAP_OLD'})


class WhoMay(BackupCase):
    def test_only_a_client_whose_credentials_say_admin(self):
        for method, path in (('GET', BACKUP), ('POST', RESTORE)):
            with self.subTest(path):
                reply = self.gateway.request(method, path)
                self.assertEqual((reply.status, reply.json['vendor_code']), (401, 'unauthorized'))
                self.assertIn('www-authenticate', reply.headers)
                self.assertEqual(self.gateway.request(method, path, headers=TESTER).status, 403)


class BadSnapshots(BackupCase):
    def test_what_is_cut_off_is_refused(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        self.report(app, 'MAP_OLD')
        self.refused(snapshot + bytes(4096), 'more behind its end')
        for cut in (0, 50, 100, 4096, len(snapshot) // 2, len(snapshot) - 1):
            with self.subTest(cut):
                self.refused(snapshot[:cut], 'it is (cut off.* bytes and says|no snapshot)')

    def test_what_is_not_ours_is_refused(self):
        self.app()
        path = self.folder / 'foreign.db'
        with sqlite3.connect(path) as connection:
            connection.execute('CREATE TABLE x(y)')
        connection.close()
        self.refused(path.read_bytes(), 'another program')
        self.refused(b'{"version":1,"faults":[]}' * 100, 'no snapshot')

    def test_the_state_of_a_running_gateway_is_no_snapshot(self):
        self.gateway.stop()
        state = (self.state / 'state.db').read_bytes()
        self.start()
        self.app()
        self.refused(state, 'no snapshot')

    def test_what_is_newer_is_refused_with_both_versions(self):
        self.app()
        snapshot = bytearray(self.backup())
        struct.pack_into('>I', snapshot, 60, 9999)
        self.refused(bytes(snapshot), 'version 9999.*up to [1-9]')

    def test_what_is_damaged_is_refused(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        size = 4096
        for page in range(1, len(snapshot) // size):
            broken = bytearray(snapshot)
            broken[page * size:(page + 1) * size] = b'\x55' * size
            with self.subTest(page):
                reply = self.restore(bytes(broken))
                self.assertEqual(reply.status, 400, reply)
                self.assertRegex(reply.json['message'], 'nothing was changed: it is damaged')
                self.assertEqual(self.codes(), {'GPS_LOST'})

    def test_rows_that_no_reader_could_use_are_refused(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        for statement in ("UPDATE fault SET about='no JSON'", "UPDATE fault SET about='{}'", "UPDATE fault SET entity='nav'",
                          "UPDATE fault SET last_frame='[1]'", 'UPDATE fault SET severity=7', "UPDATE fault SET code='OTHER'",
                          "UPDATE fault SET status=99999",
                          'UPDATE fault SET occurrences=-5', 'UPDATE fault SET last_usec=-5', 'UPDATE fault SET last_usec=9223372036854775807',
                          "UPDATE fault SET entity='apps/../x y'", "UPDATE fault SET scope='a' || char(0)",
                          "UPDATE fault SET scope=CAST(x'ff' AS TEXT)", "UPDATE fault SET cycle_kind=hex(zeroblob(100))",
                          "UPDATE fault_event SET body='no JSON'", "UPDATE fault_event SET frame='{'", 'UPDATE fault_event SET id=-7',
                          'UPDATE fault_event SET id=9223372036854775804', 'UPDATE fault_event SET usec=-1'):
            with self.subTest(statement):
                self.refused(self.changed(statement), 'its (fault .* of .*|event -?[0-9]+) cannot be used')

    def test_tables_that_are_something_else_are_refused(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        for statement in ('DROP TABLE fault_event', 'ALTER TABLE fault_event ADD COLUMN extra TEXT',
                          'ALTER TABLE fault_event RENAME TO other; CREATE VIEW fault_event AS SELECT * FROM other'):
            with self.subTest(statement):
                self.refused(self.changed(statement), 'its tables are not those of a snapshot')

    def test_a_body_of_another_type_or_packed_is_415_and_changes_nothing(self):
        self.report(self.app(), 'GPS_LOST')
        snapshot = self.backup()
        self.ask(204, 'DELETE', FAULTS)
        for wrong in ({'Content-Type': 'application/json'}, {'Content-Type': 'application/x-www-form-urlencoded'},
                      {'Content-Type': 'application/vnd.sqlite'}, {'Content-Encoding': 'gzip'}, {'Content-Encoding': 'identity, gzip'}):
            reply = self.restore(snapshot, {**KEEPER, **wrong})
            self.assertEqual((reply.status, reply.json['vendor_code']), (415, 'unsupported-media-type'), wrong)
        self.assertEqual(self.codes(), set())
        self.assertEqual(self.gateway.metrics()['sovd_bulk_transfers_running'], 0)
        for right in ({'Content-Type': 'application/octet-stream'}, {'Content-Type': 'Application/Vnd.SQLite3; version=1'},
                      {'Content-Encoding': 'Identity'}):
            self.assertEqual(self.restore(snapshot, {**KEEPER, **right}).status, 200, right)
        with self.gateway.raw() as raw:  # without a type
            raw.send(f'POST /sovd/v1{RESTORE} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(snapshot)}\r\n'
                     f'Authorization: {KEEPER["Authorization"]}\r\n\r\n')
            raw.socket.sendall(snapshot)
            self.assertEqual(raw.reply().status, 200)

    def test_a_packed_body_is_415_elsewhere_too_and_two_codings_are_400(self):
        lock = {'lock_expiration': 60}
        self.app()
        self.assertEqual(self.gateway.request('POST', '/apps/nav/locks', lock, headers={'Content-Encoding': 'gzip'}).status, 415)
        with self.gateway.raw() as raw:
            raw.send('POST /sovd/v1/apps/nav/locks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n'
                     'Content-Encoding: identity\r\nContent-Encoding: gzip\r\n\r\n{}')
            self.assertEqual(raw.reply().status, 400)

    def test_a_body_that_breaks_off_changes_nothing(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        self.report(app, 'MAP_OLD')
        with self.gateway.raw() as raw:
            raw.send('POST /sovd/v1/x-admin/restore HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/vnd.sqlite3\r\n'
                     f'Authorization: {KEEPER["Authorization"]}\r\nContent-Length: {len(snapshot)}\r\n\r\n')
            raw.socket.sendall(snapshot[:5000])
        self.until(lambda: not self.leftovers())
        self.assertEqual(self.codes(), {'GPS_LOST', 'MAP_OLD'})


class InMemory(BackupCase):
    def start(self):
        self.gateway = gateway.Gateway(native=native.section(self.socket, *self.entities, **self.options), **self.sections)

    def test_a_state_in_memory_is_backed_up_and_restored_too(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        snapshot = self.backup()
        self.ask(204, 'DELETE', FAULTS)
        self.assertEqual(self.restore(snapshot).json['faults'], 1)
        self.assertEqual(self.codes(), {'GPS_LOST'})


class Limits(BackupCase):
    sections = {'auth': KEYS, 'limits': {'bulk_bytes': 20000}}

    def test_a_snapshot_over_the_limit_of_uploads_is_413(self):
        self.app()
        reply = self.restore(b'x' * 30000)
        self.assertEqual(reply.status, 413, reply)
        self.assertEqual(self.leftovers(), [])
