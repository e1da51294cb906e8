# SPDX-License-Identifier: Apache-2.0
"""A disk that is full, broken, read-only or damaged: what clients and apps hear, and that it heals without a restart."""
import contextlib
import errno
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import tempfile
import unittest

import crash
import faulty
import gateway
import native
import polling

CATALOG = {'faults': [{'code': code, 'name': code, 'reports_per_sec': 0} for code in ('A', 'B', 'C')]}
RECOVERY_SECONDS = 5
APPLICATION_ID = 0x534f5644


class StorageCase(polling.Waiting, unittest.TestCase):
    """A gateway whose disk can be made to fail, and an app."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='disk')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket, self.state = self.folder / 'apps.sock', self.folder / 'state'
        self.file = self.state / 'state.db'
        self.state.mkdir()
        self.disk = faulty.Disk(self.state, self.folder / 'plan')
        self.gateway = None
        self.addCleanup(self.stop)
        self.addCleanup(self.disk.work)  # before the gateway is stopped

    def settings(self):
        return {'native': native.section(self.socket, 'apps/nav'), 'storage': {'path': str(self.state)}}

    def without_audit(self):
        """A change that cannot be put on record is refused before it meets the disk (test_audit.py)."""
        return {'audit': {'enabled': False}, **self.settings()}

    def start(self):
        self.gateway = gateway.Gateway(environment=self.disk.environment(), **self.without_audit())

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def app(self, instance='one'):
        app = native.App(self.socket, {'faults': CATALOG}, instance=instance)
        self.addCleanup(app.close)
        return app

    def report(self, app, code, report='failed', **more):
        return app.ask('fault', code=code, report=report, **more)

    def faults(self):
        reply = self.gateway.get('/apps/nav/faults')
        self.assertEqual(reply.status, 200, reply)
        return {item['code']: item['status']['testFailed'] == '1' for item in reply.json['items']}

    def metric(self, name):
        return self.gateway.metrics()['sovd_storage_' + name]

    def rows(self):
        """What another SQLite finds of the app in the file, which has to be whole."""
        copy = self.folder / 'copy.db'
        for end in ('', '-wal'):
            source = pathlib.Path(f'{self.file}{end}')
            pathlib.Path(f'{copy}{end}').write_bytes(source.read_bytes() if source.exists() else b'')
        database = sqlite3.connect(copy)
        try:
            self.assertEqual(database.execute('PRAGMA integrity_check').fetchall(), [('ok',)])
            return {key: row for key, row in crash.fault_rows(database).items() if key[0] == 'apps/nav'}
        finally:
            database.close()


class FailingDisk(StorageCase):
    """One test for each way of failing."""

    def check(self, fail, status, why):
        self.start()
        app = self.app()
        self.assertEqual(self.report(app, 'A')['type'], 'reply')
        fail()
        refused = self.gateway.delete('/apps/nav/faults/A')
        self.assertEqual(refused.status, status, refused)
        self.assertEqual(refused.json['error_code'], 'vendor-specific')
        self.assertIn(why, refused.json['message'])
        self.assertIn('retry-after', refused.headers)
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, status)

        self.assertEqual(self.report(app, 'B', n=1)['code'], 'not-durable')
        self.assertEqual(self.report(app, 'B')['code'], 'not-durable')  # that it is known does not make it durable
        self.assertEqual(self.faults(), {'A': True})
        self.assertEqual(self.gateway.get('/apps/nav/faults/A').status, 200)
        health = self.gateway.health()
        self.assertEqual((health['status'], why in health['storage_error']), ('degraded', True), health)
        self.assertEqual(self.metric('failing'), 1)
        self.assertGreaterEqual(self.metric('failed_total'), 3)
        self.assertRegex(self.gateway.log, f'changes could not be made durable: {why}')

        self.disk.work()
        self.until(lambda: self.gateway.health()['status'] == 'ok', RECOVERY_SECONDS)
        self.assertEqual(self.metric('failing'), 0)
        self.assertEqual(self.report(app, 'B', n=1)['type'], 'reply')
        self.assertEqual(self.faults(), {'A': True, 'B': True})
        self.assertEqual(self.gateway.delete('/apps/nav/faults/A').status, 204)
        self.gateway.process.kill()
        self.gateway.ended()
        self.gateway = None
        self.assertEqual(self.rows(), {('apps/nav', 'B'): (1, True)})
        self.start()
        self.assertEqual(self.faults(), {'B': True})

    def test_a_full_disk(self):
        self.check(self.disk.full, 507, os.strerror(errno.ENOSPC))

    def test_a_disk_that_does_not_write(self):
        self.check(lambda: self.disk.fail(errno.EIO, 'w'), 503, os.strerror(errno.EIO))

    def test_a_disk_that_does_not_sync(self):
        self.check(lambda: self.disk.fail(errno.EIO, 's'), 503, os.strerror(errno.EIO))

    def test_a_file_system_that_became_read_only(self):
        self.check(self.disk.read_only, 503, os.strerror(errno.EROFS))

    def test_a_quota_is_space_too(self):
        self.check(lambda: self.disk.fail(errno.EDQUOT, 'w'), 507, os.strerror(errno.ENOSPC))

    def test_it_heals_although_nobody_writes(self):
        self.start()
        self.app()
        self.disk.full()
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, 507)
        self.assertEqual(self.metric('failing'), 1)
        self.disk.work()
        self.until(lambda: self.metric('failing') == 0, RECOVERY_SECONDS)

    def test_a_clear_that_failed_changes_nothing_of_an_earlier_one(self):
        self.start()
        app = self.app()
        self.report(app, 'A')
        self.assertEqual(self.gateway.delete('/apps/nav/faults/A').status, 204)
        self.disk.full()
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, 507)
        self.disk.work()
        self.until(lambda: self.metric('failing') == 0, RECOVERY_SECONDS)
        self.report(app, 'A')
        self.assertEqual(self.gateway.get('/apps/nav/faults/A').json['environment_data']['occurrences'], 1)

    def test_the_log_is_not_flooded(self):
        self.start()
        app = self.app()
        self.disk.full()
        for _ in range(20):
            self.gateway.delete('/apps/nav/faults')
            self.report(app, 'A')
        self.assertEqual(len(re.findall('could not be made durable', self.gateway.log)), 1)
        self.disk.work()
        self.gateway.wait_log('changes are made durable again')

    def test_reading_that_fails_is_told_and_heals(self):
        self.start()
        app = self.app()
        for code in 'ABC':
            self.report(app, code, environment={'pad': 'x' * 15000})
        for n in range(40):  # more than one connection keeps in its memory
            for report in ('passed', 'failed'):
                self.report(app, 'ABC'[n % 3], report, environment={'pad': str(n) * 7000})
        self.stop()
        self.start()
        self.disk.fail(errno.EIO, 'r')
        reply = self.gateway.get('/apps/nav/faults')
        self.disk.work()
        self.assertIn(reply.status, (200, 503))  # what is in memory needs no disk
        if reply.status == 503:
            self.assertEqual(reply.json['vendor_code'], 'storage-failed')
        self.assertEqual(self.faults(), {code: True for code in 'ABC'})
        self.until(lambda: self.gateway.health()['status'] == 'ok', RECOVERY_SECONDS)
        self.assertFalse((self.state / 'state.db-damaged').exists())  # a disk that did not read is no damaged file

    def test_any_failure_of_any_call_leaves_it_alive(self):
        self.start()
        app = self.app()
        for error in (errno.EIO, errno.ENOSPC, errno.EROFS, errno.EACCES, errno.ENOMEM, errno.EBADF):
            for calls in ('w', 's', 't', 'o', 'r', 'wstour'):
                self.disk.fail(error, calls)
                self.assertIn(self.report(app, 'A', 'failed')['type'], ('reply', 'error'))
                self.assertIn(self.report(app, 'A', 'passed')['type'], ('reply', 'error'))
                self.assertIn(self.gateway.get('/apps/nav/faults').status, (200, 503))
                self.assertIn(self.gateway.delete('/apps/nav/faults').status, (204, 503, 507))
                self.disk.work()
        self.until(lambda: self.gateway.health()['status'] == 'ok', RECOVERY_SECONDS)
        self.assertEqual(self.report(app, 'C')['type'], 'reply')
        self.assertTrue(self.faults()['C'])

    def test_a_limit_of_file_sizes_is_a_full_disk(self):
        self.start()
        app = self.app()
        self.report(app, 'A')
        size = sum(file.stat().st_size for file in self.state.iterdir() if file.name.endswith(('.db', '-wal')))
        subprocess.run(['prlimit', f'--pid={self.gateway.process.pid}', f'--fsize={size + 20000}:'], check=True)
        answers = [self.report(app, 'B', report, environment={'pad': 'x' * 15000}) for report in ('failed', 'passed') * 10]
        self.assertIn('not-durable', [answer.get('code') for answer in answers])
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, 507)
        self.assertEqual(self.gateway.get('/apps/nav/faults').status, 200)
        subprocess.run(['prlimit', f'--pid={self.gateway.process.pid}', '--fsize=unlimited:'], check=True)
        self.until(lambda: self.gateway.health()['status'] == 'ok', RECOVERY_SECONDS)
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, 204)


class LibraryWaits(StorageCase):
    """libsovd-app keeps a report until it is durable."""

    def settings(self):
        return {'native': native.section(self.socket, 'apps/navigation'), 'storage': {'path': str(self.state)}}

    def test_a_report_waits_for_the_disk_and_counts_once(self):
        self.start()
        binary = pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')) / 'demo-ecu' / 'sovd-demo-app'
        app = subprocess.Popen([str(binary), '--socket', str(self.socket), '--period', '0.02'], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        self.addCleanup(app.communicate, timeout=30)
        self.addCleanup(app.terminate)
        self.until(lambda: self.gateway.get('/apps/navigation/data/volume').status == 200)
        self.disk.full()
        app.stdin.write('gps off\n')
        app.stdin.flush()
        self.until(lambda: self.metric('failed_total') >= 2)
        self.disk.work()
        detail = self.until(lambda: (r := self.gateway.get('/apps/navigation/faults/GPS_LOST')).status == 200 and r.json)
        self.assertEqual(detail['environment_data']['occurrences'], 1)


class Cycles(StorageCase):
    """The number of a cycle is answered like that of a fault: again, and as durable as it is."""

    def settings(self):
        return {'native': native.section(self.socket, {'entity': 'apps/nav', 'cycles': ['power']}), 'storage': {'path': str(self.state)}}

    def test_a_cycle_that_comes_again_is_as_durable_as_the_first(self):
        self.start()
        app = self.app()
        self.assertEqual(self.report(app, 'A', n=1)['type'], 'reply')
        self.disk.full()
        for _ in range(2):
            self.assertEqual(app.ask('cycle', kind='power', n=2)['type'], 'error')
        self.disk.work()
        self.until(lambda: app.ask('cycle', kind='power', n=2)['type'] == 'reply')


class DamagedFile(StorageCase):
    """What a start does with a file that it cannot use."""

    def fill(self, n=60):
        self.start()
        app = self.app()
        for code in 'ABC':
            self.report(app, code, environment={'pad': 'x' * 3000})
        for i in range(n):
            self.report(app, 'A', ('passed', 'failed')[i % 2], environment={'pad': 'y' * 3000})
        app.close()
        self.stop()

    def aside(self):
        return [file for file in self.state.glob('state.db.damaged-*') if not file.name.endswith(('-wal', '-shm'))]

    def begins_anew(self):
        before = self.file.read_bytes()
        self.start()
        self.assertRegex(self.gateway.log, 'the state was damaged: it is kept as .*state.db.damaged-[0-9]+')
        kept, = self.aside()
        self.assertEqual(kept.read_bytes(), before)
        app = self.app()
        self.assertEqual(self.faults(), {})
        self.assertEqual(self.report(app, 'B')['type'], 'reply')
        self.assertEqual(self.faults(), {'B': True})

    def test_pages_that_are_overwritten(self):
        self.fill()
        data = bytearray(self.file.read_bytes())
        pages = len(data) // 4096
        self.assertGreater(pages, 10)
        for page in range(2, pages, 3):
            for i in range(page * 4096, page * 4096 + 200):
                data[i] ^= 0xff
        self.file.write_bytes(data)
        self.begins_anew()

    def test_a_page_that_no_start_reads(self):
        """Only the check of all pages finds it."""
        self.fill()
        with contextlib.closing(sqlite3.connect(self.file)) as file:
            page, = file.execute("SELECT max(pageno) FROM dbstat WHERE name='fault_event_time'").fetchone()
        data = bytearray(self.file.read_bytes())
        data[(page - 1) * 4096] ^= 0xff
        self.file.write_bytes(data)
        self.begins_anew()

    def test_a_file_that_was_cut(self):
        self.fill()
        data = self.file.read_bytes()
        self.file.write_bytes(data[:len(data) // 2])
        self.begins_anew()

    def test_a_header_that_is_overwritten(self):
        self.fill()
        data = self.file.read_bytes()
        self.file.write_bytes(b'\0' * 100 + data[100:])
        self.begins_anew()

    def test_a_file_that_is_no_database(self):
        self.file.write_bytes(b'once upon a time there was a text file ' * 100)
        self.begins_anew()

    def test_an_empty_file_is_a_new_one(self):
        self.file.touch()
        self.start()
        self.assertEqual(self.aside(), [])

    def test_damage_that_shows_while_it_is_used_is_put_aside_at_the_next_start(self):
        codes = [f'C{n}' for n in range(200)]
        self.start()
        catalog = {'faults': [{'code': code, 'name': code, 'reports_per_sec': 0} for code in codes]}
        app = native.App(self.socket, {'faults': catalog})
        for seq in [app.post('fault', code=code, report='failed', environment={'pad': 'x' * 15000}) for code in codes]:
            self.assertEqual(app.answer(seq)['type'], 'reply')
        app.close()
        self.stop()
        self.start()
        size = self.file.stat().st_size
        self.assertGreater(size, 5 << 20)  # more than a connection keeps in its memory
        with open(self.file, 'r+b') as file:
            file.seek(size // 4096 // 3 * 4096)
            file.write(b'\xff' * (size // 3))
        mark = self.state / 'state.db-damaged'
        reply = self.gateway.get('/apps/nav/faults')
        self.assertEqual((reply.status, reply.json['vendor_code']), (503, 'storage-failed'))
        self.until(mark.exists)
        self.assertIn(os.strerror(errno.EBADMSG), self.gateway.health()['storage_error'])
        self.assertIn('at the next start it is put aside', self.gateway.log)
        self.assertEqual(self.gateway.delete('/apps/nav/faults').status, 503)  # it would be forgotten then
        self.stop()
        self.start()
        self.assertEqual(len(self.aside()), 1)
        self.assertFalse(mark.exists())
        self.until(lambda: self.gateway.health().get('faults') == ['state-damaged'])
        self.assertNotIn('storage_error', self.gateway.health())

class ForeignFile(StorageCase):
    """What is not ours, or not ours to understand, is left alone."""

    def refused(self, why):
        before = self.file.read_bytes()
        names = sorted(file.name for file in self.state.iterdir())
        config = self.folder / 'gateway.yaml'
        config.write_text(json.dumps({'server': {'port': 0}, **self.settings()}), encoding='utf-8')
        status, _, said = gateway.run('--config', config)
        self.assertNotEqual(status, 0)
        self.assertIn(why, said)
        self.assertIn(str(self.file), said)
        self.assertEqual(self.file.read_bytes(), before)
        self.assertEqual(sorted(file.name for file in self.state.iterdir()), names)

    def write(self, *statements):
        database = sqlite3.connect(self.file)
        with database:
            for statement in statements:
                database.execute(statement)
        database.close()

    def test_another_program(self):
        self.write('PRAGMA application_id=77', 'CREATE TABLE theirs(id)')
        self.refused("another program's file")

    def test_another_program_that_does_not_say_who_it_is(self):
        self.write('CREATE TABLE theirs(id)')
        self.refused("another program's file")

    def test_a_newer_version(self):
        self.start()
        self.stop()
        self.write('PRAGMA user_version=1000')
        self.refused('a newer version')

    def test_a_folder_that_is_not_there(self):
        self.state.rmdir()
        config = self.folder / 'gateway.yaml'
        config.write_text(json.dumps({'server': {'port': 0}, **self.settings()}), encoding='utf-8')
        status, _, said = gateway.run('--config', config)
        self.assertNotEqual(status, 0)
        self.assertIn(str(self.file), said)
        self.state.mkdir()

    def test_a_disk_that_is_full_at_the_start(self):
        self.disk.full()
        config = self.folder / 'gateway.yaml'
        config.write_text(json.dumps({'server': {'port': 0}, **self.settings()}), encoding='utf-8')
        status, _, said = gateway.run('--config', config, environment=self.disk.environment())
        self.assertNotEqual(status, 0)
        self.assertIn(os.strerror(errno.ENOSPC), said)


if __name__ == '__main__':
    unittest.main()
