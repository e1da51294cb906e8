# SPDX-License-Identifier: Apache-2.0
"""The audit log across restarts, kills, failing disks, and people who change its files."""
import errno
import json
import os
import pathlib
import re
import shutil
import sqlite3
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_files
import crash
import crash_clients
import ecu
import keys
import faulty
import gateway
import polling

KEYS = keys.section(keys.entry('keeper', 'the-token-of-the-keeper', 'admin'))
KEEPER = {'Authorization': 'Bearer the-token-of-the-keeper'}
LOCKS, SOC = '/components/bms/locks', '/components/bms/data/charge-limit'
KILLS = min(int(os.environ.get('SOVD_CRASH_KILLS', '20')), 200)
RECOVERY_SECONDS = 5


class AuditCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='audit')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.folder / 'state'
        self.state.mkdir()
        self.disk = faulty.Disk(self.state, self.folder / 'plan')
        self.vehicle = ecu.DemoEcu()
        self.addCleanup(self.vehicle.stop)
        self.gateway = None
        self.addCleanup(self.stop)
        self.addCleanup(self.disk.work)

    def start(self, environment=None, **audit):
        sections = {'storage': {'path': str(self.state)}, 'auth': KEYS, **({'audit': audit} if audit else {})}
        self.gateway = gateway.Gateway(self.vehicle, environment=environment, **sections)
        return self.gateway

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def kill(self):
        self.gateway.process.kill()
        self.gateway.ended()
        self.gateway = None

    def lock(self):
        reply = self.gateway.post(LOCKS, {'lock_expiration': 60})
        self.assertEqual(reply.status, 201, reply)
        self.gateway.delete(reply.headers['location'])
        return reply

    def entries(self, query='limit=100'):
        return self.gateway.get('/audit?' + query, KEEPER).json['items']

    def changed(self, script, **places):
        """What somebody with the file does to it."""
        database = sqlite3.connect(self.state / 'state.db')
        for name, in database.execute("SELECT name FROM sqlite_schema WHERE type='trigger' AND name LIKE 'audit%'").fetchall():
            database.execute(f'DROP TRIGGER {name}')
        database.executescript(script)
        database.commit()
        database.close()


class Restarts(AuditCase):
    def test_a_second_process_on_the_same_state_does_not_start(self):
        self.start()
        self.lock()
        for _ in range(2):
            status, _, said = gateway.run('--config', self.gateway.config)
            self.assertNotEqual(status, 0)
            self.assertIn('another process uses it', said)
        self.lock()
        self.kill()  # which gives the state back, too
        self.start()
        self.lock()
        self.stop()
        self.assertEqual(audit_files.verify(self.state / 'state.db', '--key', self.state / 'audit.pub')[0], 0)

    def test_the_log_goes_on_and_says_what_the_process_before_left(self):
        self.start()
        self.lock()
        self.stop()
        before = audit_files.entries(self.state)
        self.assertEqual(before[-1]['ev'], 'system.stop')
        self.start()
        start = self.entries('event=system.start')[0]
        self.assertEqual(start['seq'], len(before) + 1)
        self.assertEqual({name: start['detail'][name] for name in ('entries', 'open_intents', 'unclean')},
                         {'entries': len(before), 'open_intents': 0, 'unclean': 0})
        self.lock()
        self.stop()
        after = audit_files.entries(self.state)
        self.assertEqual(after[:len(before)], before)
        self.assertEqual(audit_files.verified(self.state)[0], 0)

    def test_a_change_that_a_kill_interrupted_has_an_unknown_outcome_after_the_next_start(self):
        self.start()
        self.vehicle.inject('hang:/charge-limit')
        thread = threading.Thread(target=lambda: self.assertRaises(crash.GONE, self.gateway.put, SOC, {'data': 70}), daemon=True)
        thread.start()
        intent = self.until(lambda: self.entries('event=request.intent&method=PUT'))[0]
        self.kill()
        thread.join()
        self.vehicle.clear_injection()
        self.start()
        outcome, = self.entries('outcome=unknown')
        self.assertEqual((outcome['detail']['intent'], outcome['req'], outcome['path'], outcome['sub']),
                         (intent['seq'], intent['req'], intent['path'], intent['sub']))
        detail = self.entries('event=system.start')[0]['detail']
        self.assertEqual((detail['open_intents'], detail['unclean']), (1, 1))
        self.stop()
        self.start()
        self.assertEqual(len(self.entries('outcome=unknown')), 1)

    def test_heads_in_the_log_of_the_gateway_are_witnesses(self):
        self.start()
        self.lock()
        began, self.gateway = self.gateway.stop(), None
        before = audit_files.copied(self.state)
        self.addCleanup(shutil.rmtree, before)
        self.start()
        self.lock()
        ended, self.gateway = self.gateway.stop(), None
        heads = [re.findall(r'audit_head="([^"]+)"', log) for log in (began, ended)]
        self.assertGreaterEqual(min(map(len, heads)), 2)  # one of the start, one of the end
        self.assertEqual(int(heads[1][-1].split()[0]), len(audit_files.entries(self.state)))
        for state, known, expected in ((self.state, heads[0] + heads[1], 0), (before, heads[0], 0), (before, heads[1][-1:], 2)):
            arguments = [word for head in known for word in ('--head', head)]
            status, said = audit_files.verify(state / 'state.db', '--key', self.state / 'audit.pub', *arguments)
            self.assertEqual(status, expected, said)

    def test_a_reload_is_told(self):
        self.start()
        self.gateway.reload('server: [')
        self.assertEqual(self.until(lambda: self.entries('event=system.reload'))[0]['outcome'], 'error')

    def test_a_restore_leaves_the_log_as_it_is_and_is_in_it(self):
        self.start()
        backup = self.gateway.request('GET', '/x-admin/backup', headers=KEEPER).body
        self.lock()
        before = self.entries()
        reply = self.gateway.request('POST', '/x-admin/restore', backup, {'Content-Type': 'application/vnd.sqlite3', **KEEPER})
        self.assertEqual(reply.status, 200, reply)
        after = self.entries()
        self.assertEqual([e for e in after if e['seq'] <= before[0]['seq']], before[-len([e for e in after if e['seq'] <= before[0]['seq']]):])
        told = [e for e in after if e.get('req') == reply.headers['x-request-id']]
        self.assertEqual({e['ev'] for e in told}, {'request.effect', 'request.intent', 'request.outcome', 'system.restore'})
        self.assertNotIn(b'request.intent', backup)


class Tampering(AuditCase):
    def suspected(self, finding):
        """Nothing is changed until an admin has said that he knows."""
        self.start()
        reply = self.gateway.post(LOCKS, {'lock_expiration': 60})
        self.assertEqual((reply.status, reply.json['vendor_code']), (503, 'audit-unavailable'), reply)
        health = self.gateway.health()
        self.assertEqual((health['status'], health['audit']['status']), ('failed', 'tampered'))
        self.assertRegex(health['audit']['finding'], finding)
        self.until(lambda: 'audit-tampered' in self.gateway.health().get('faults', []))
        self.assertRegex(self.entries('event=system.tamper')[0]['detail']['why'], finding)
        self.assertEqual(self.gateway.get('/components').status, 200)
        self.stop()
        self.start()  # it is not forgotten
        self.assertEqual(self.gateway.post(LOCKS, {'lock_expiration': 60}).status, 503)
        reply = self.gateway.post('/x-admin/audit/acknowledge', None, KEEPER)
        self.assertEqual(reply.status, 200, reply)
        self.assertRegex(reply.json['finding'], finding)
        self.assertTrue(self.entries('event=system.acknowledge'))
        self.lock()
        self.stop()
        self.start()
        self.lock()
        self.assertEqual(self.gateway.health()['audit']['status'], 'ok')

    def filled(self):
        self.start()
        for _ in range(3):
            self.lock()
        self.stop()

    def test_an_entry_that_was_changed(self):
        self.filled()
        self.changed("UPDATE audit_entry SET body=replace(body, 'anonymous@127.0.0.1', 'anonymous@127.0.0.9') WHERE seq=5")
        self.suspected('entry 5 was changed')

    def test_who_acknowledged_what_is_in_the_log_and_the_verifier_says_so(self):
        self.filled()
        before = len(audit_files.entries(self.state))
        (self.state / 'audit.head').unlink()
        self.start()
        self.gateway.post('/x-admin/audit/acknowledge', None, KEEPER)
        export = self.folder / 'log.ndjson'
        export.write_bytes(self.gateway.bare('GET', gateway.BASE + '/audit/export', headers=KEEPER).body)
        tamper, = self.entries('event=system.tamper')
        seen, = self.entries('event=system.acknowledge')
        self.stop()
        self.assertEqual(before + 2, tamper['seq'])
        for file in (export, self.state / 'state.db'):
            status, said = audit_files.verify(file, '--key', self.state / 'audit.pub')
            self.assertEqual(status, 0, said)
            self.assertIn(f"entry {tamper['seq']}: the file audit.head is gone; acknowledged by key:keeper in entry {seen['seq']}", said)
            found, = json.loads(audit_files.verify(file, '--json')[1])['findings']
            self.assertEqual((found['entry'], found['acknowledged_in'], found['acknowledged_by']), (tamper['seq'], seen['seq'], 'key:keeper'))

    def test_a_finding_that_is_noted_as_known_before_it_is_made_is_told_all_the_same(self):
        self.filled()
        self.changed("INSERT INTO audit_meta(name, value) VALUES('known', 'the file audit.head is gone' || char(10))")
        self.assertIn('noted as known beside the log', audit_files.verify(self.state / 'state.db')[1])
        (self.state / 'audit.head').unlink()
        self.suspected('noted as known beside the log')
        self.assertNotEqual(audit_files.verify(self.state / 'state.db')[0], 1)

    def test_a_note_of_what_is_known_may_hold_anything(self):
        self.filled()
        self.changed("INSERT INTO audit_meta(name, value) VALUES('known', 'x' || replace(hex(zeroblob(100)), '00', char(233)) || char(10))")
        self.suspected('noted as known beside the log')

    def test_a_finding_whose_row_is_taken_away_is_still_there(self):
        self.filled()
        (self.state / 'audit.head').unlink()
        self.start()
        self.stop()
        self.changed("UPDATE audit_meta SET value='' WHERE name='tamper'")
        self.suspected('audit.head is gone')

    def test_an_entry_that_was_made_an_acknowledgement_is_none(self):
        self.filled()
        body = json.dumps({'why': 'the file audit.head is gone'})
        self.changed("UPDATE audit_entry SET ev='system.tamper', body=json_set(body, '$.ev', 'system.tamper', '$.detail', json('" + body + "')) WHERE seq=2;"
                     "UPDATE audit_entry SET ev='system.acknowledge', body=json_set(body, '$.ev', 'system.acknowledge', '$.detail', json('" + body + "')) WHERE seq=3;")
        (self.state / 'audit.head').unlink()
        self.start()
        self.assertIn('entry 2 was changed', self.gateway.health()['audit']['finding'])
        self.gateway.post('/x-admin/audit/acknowledge', None, KEEPER)
        self.stop()
        self.start()
        self.assertIn('entry 3 was changed', self.gateway.health()['audit']['finding'])

    def test_an_end_that_was_cut_off_with_its_checkpoint(self):
        self.filled()
        n = len(audit_files.entries(self.state))
        self.changed(f'DELETE FROM audit_entry WHERE seq>{n - 3}; DELETE FROM audit_checkpoint WHERE size>{n - 3}')
        self.suspected('checkpoint|cut off')

    def test_an_old_copy_of_the_state(self):
        self.filled()
        shutil.copy(self.state / 'state.db', self.folder / 'old.db')
        self.filled()
        shutil.copy(self.folder / 'old.db', self.state / 'state.db')
        self.suspected('cut off')

    def test_a_state_that_was_taken_away(self):
        self.filled()
        (self.state / 'state.db').unlink()
        self.suspected('the log that was here is gone')

    def test_a_head_that_was_taken_away(self):
        self.filled()
        (self.state / 'audit.head').unlink()
        self.suspected('audit.head is gone')

    def test_a_key_that_was_taken_away(self):
        self.filled()
        next(self.state.glob('audit.epoch-*')).unlink()
        self.suspected('the key of epoch 0 is gone')

    def test_another_device_key(self):
        self.filled()
        (self.state / 'audit.key').unlink()
        self.suspected('not begun with this device key')

    def test_rows_without_which_nothing_can_be_signed(self):
        for script in ('DELETE FROM audit_entry WHERE seq=5', 'DELETE FROM audit_key', "DELETE FROM audit_meta WHERE name='first'",
                       "DELETE FROM audit_meta WHERE name='log'", "UPDATE audit_meta SET value='x' WHERE name='log'",
                       "UPDATE audit_entry SET leaf=x'00'", "UPDATE audit_entry SET seq=seq+1000000", "UPDATE audit_key SET public=x'00'"):
            with self.subTest(script):
                self.state = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
                self.filled()
                self.changed(script)
                self.nothing_changes()

    def nothing_changes(self):
        self.start()
        self.assertEqual(self.gateway.post(LOCKS, {'lock_expiration': 60}).status, 503)
        self.assertEqual(self.gateway.get('/components').status, 200)
        self.assertEqual(self.gateway.health()['status'], 'failed')
        self.assertEqual(self.gateway.post('/x-admin/audit/acknowledge', None, KEEPER).status, 503)
        self.stop()

    def test_entries_cannot_be_changed_by_a_slip(self):
        self.filled()
        database = sqlite3.connect(self.state / 'state.db')
        self.addCleanup(database.close)
        for statement in ("UPDATE audit_entry SET body=''", 'DELETE FROM audit_entry', 'DELETE FROM audit_key', 'UPDATE audit_tile SET hash=x\'00\' WHERE 1',
                          'DELETE FROM audit_entry WHERE seq=1'):
            if 'tile' in statement:
                continue  # a log this small has none
            with self.subTest(statement), self.assertRaises(sqlite3.DatabaseError):
                database.execute(statement)


class Keys(AuditCase):
    def refused(self, *, pattern, **audit):
        with self.assertRaises(RuntimeError) as raised:
            self.start(**audit)
        self.gateway = None
        self.assertRegex(str(raised.exception), pattern)

    def test_a_key_file_that_cannot_be_used_refuses_the_start(self):
        key = self.folder / 'device.key'
        self.refused(pattern='audit.key_file: cannot be used: No such file', key_file=str(key))
        key.write_text('no key at all')
        key.chmod(0o600)
        self.refused(pattern='audit.key_file: cannot be used: it is no Ed25519 key', key_file=str(key))
        self.start()
        self.stop()
        shutil.copy(self.state / 'audit.key', key)
        key.chmod(0o644)
        self.refused(pattern='others can', key_file=str(key))
        key.chmod(0o600)
        self.start(key_file=str(key))
        self.lock()

    def test_a_key_beside_the_state_that_others_can_use_refuses_the_start(self):
        self.start()
        self.lock()
        config = self.folder / 'gateway.yaml'
        shutil.copy(self.gateway.config, config)
        self.stop()
        for name in ('audit.key', 'audit.hmac', 'audit.epoch-0'):
            for mode in (0o640, 0o620, 0o604, 0o602):
                (self.state / name).chmod(mode)
                status, _, said = gateway.run('--config', config)
                self.assertEqual(status, 2, said)
                self.assertRegex(said, f'{self.state}/{name} is a key, and others can read or change it')
            (self.state / name).chmod(0o600)
        self.start()
        self.lock()

    def test_private_files_are_private(self):
        self.start()
        self.lock()
        for name in ('audit.key', 'audit.hmac', 'audit.epoch-0', 'state.db'):
            self.assertEqual((self.state / name).stat().st_mode & 0o777, 0o600, name)

    def test_a_credential_of_the_service_is_the_device_key(self):
        self.start()
        first = self.gateway.health()['audit']['device_key']
        self.stop()
        credentials = self.folder / 'credentials'
        credentials.mkdir()
        (self.state / 'audit.key').rename(credentials / 'audit.key')
        self.start(environment={'CREDENTIALS_DIRECTORY': str(credentials)})
        health = self.gateway.health()['audit']
        self.assertEqual((health['device_key'], health['status']), (first, 'ok'))
        self.assertFalse((self.state / 'audit.key').exists())


class FailingDisk(AuditCase):
    def check(self, fail):
        self.start(environment=self.disk.environment())
        self.lock()
        calls = self.vehicle.stats()['classes']['data']
        fail()
        for reply in (self.gateway.put(SOC, {'data': 70}), self.gateway.post(LOCKS, {'lock_expiration': 60})):
            self.assertEqual((reply.status, reply.json['vendor_code']), (503, 'audit-unavailable'), reply)
            self.assertIn('retry-after', reply.headers)
            self.assertNotIn('sovd-audit-head', reply.headers)
        self.assertEqual(self.vehicle.stats()['classes']['data'], calls)  # nobody was asked to change anything
        self.assertEqual(self.gateway.get('/components').status, 200)
        health = self.gateway.health()
        self.assertEqual((health['status'], health['audit']['status']), ('degraded', 'failing'))
        self.until(lambda: 'audit-failed' in self.gateway.health().get('faults', []))
        self.disk.work()
        self.until(lambda: self.gateway.health()['audit']['status'] == 'ok', RECOVERY_SECONDS)  # although nobody changes anything
        self.lock()
        self.stop()
        self.assertEqual(audit_files.verified(self.state)[0], 0)
        self.start()
        self.assertEqual(self.gateway.health()['audit']['status'], 'ok')

    def test_a_full_disk(self):
        self.check(self.disk.full)

    def test_a_disk_that_does_not_sync(self):
        self.check(lambda: self.disk.fail(errno.EIO, 's'))

    def test_a_file_system_that_became_read_only(self):
        self.check(self.disk.read_only)

    def test_words_that_no_entry_can_hold_harm_nobody(self):
        self.start()
        self.gateway.bare('X' * 300, '/sovd/v1/components')
        self.gateway.bare('POST', '/sovd/v1/components/' + '%22' * 100 + '/locks?x=' + '"' * 1000)
        self.gateway.bare('DELETE', "/sovd/v1/components/" + '!' * 3000)
        self.lock()
        self.assertEqual(self.gateway.health()['audit']['status'], 'ok')
        self.stop()
        self.assertEqual(audit_files.verified(self.state)[0], 0)

    def test_a_change_whose_outcome_cannot_be_written_is_not_answered_as_done(self):
        self.start(environment=self.disk.environment())
        before = self.vehicle.stats()['classes']['data']
        self.vehicle.inject('delay=1500:/charge-limit')
        replies = []
        thread = threading.Thread(target=lambda: replies.append(self.gateway.put(SOC, {'data': 70})))
        thread.start()
        self.until(lambda: self.vehicle.stats()['classes']['data'] != before)
        self.disk.full()
        thread.join()
        reply, = replies
        self.assertEqual((reply.status, reply.json['vendor_code']), (500, 'outcome-unknown'), reply)
        self.assertIn(reply.headers['x-request-id'], reply.json['message'])
        self.assertEqual(self.gateway.metrics()['sovd_audit_open_intents'], 1)
        self.disk.work()
        outcome, = self.until(lambda: self.entries('outcome=unknown'), RECOVERY_SECONDS)
        intent = next(e for e in self.entries() if e['seq'] == outcome['detail']['intent'])
        for entry in (intent, outcome):
            self.assertEqual((entry['req'], entry['method']), (reply.headers['x-request-id'], 'PUT'))
        self.until(lambda: self.gateway.metrics()['sovd_audit_open_intents'] == 0)


class AuditedLocks(crash.Workload):
    """Clients whose every answered change has an outcome."""
    clients = 4

    def __init__(self):
        self.answered = {}
        self.lock = threading.Lock()
        self.n = 0

    def sections(self, folder):
        names = [f'client-{n}' for n in range(self.clients)]
        return {'auth': keys.section(*(keys.entry(name, f'secret-of-{name}-xxxxxxxx') for name in names)),
                'audit': {'epoch_entries': 300},
                'limits': {'connections': 16, 'locks': 100000, 'locks_per_client': 100000}}  # kills leave some behind

    def connect(self, run, number):
        return crash_clients.Client(run, f'client-{number}', number)

    def change(self, client, *arguments):
        with self.lock:
            self.n += 1
            name = f'r{self.n}'
        reply = client.ask(*arguments, X_Request_Id=name)
        with self.lock:
            self.answered[name] = reply.status
        if reply.status >= 400 and reply.status != 409:
            raise crash.Broken(f'{arguments} was answered by {reply!r}')
        return reply

    def act(self, client):
        place = f'/components/locked{client.number % crash_clients.CLIENTS}'
        self.change(client, 'PUT', f'{place}/data/limit', {'data': 3})
        reply = self.change(client, 'POST', f'{place}/locks', {'lock_expiration': 60, 'scopes': ['operations']})
        if reply.status == 201:
            self.change(client, 'DELETE', f'{place}/locks/{reply.json["id"]}')
        return 2

    def check_file(self, database):
        found = audit_files.trouble(database)
        if found:
            raise crash.Broken(f'the log is not whole: {found}')
        told = {}
        for body, in database.execute("SELECT body FROM audit_entry WHERE ev='request.outcome'"):
            entry = json.loads(body)
            told[entry.get('req')] = entry.get('status')
        for name, status in self.answered.items():
            if status < 400 and told.get(name) != status:
                raise crash.Broken(f'{name} was answered with {status}; the log says {told.get(name)}')

    def check(self, gateway_):
        health = gateway_.health()['audit']
        if health['status'] != 'ok' or health['open_intents']:
            raise crash.Broken(f'after the start: {health}')


class Kills(unittest.TestCase):
    def test_every_answered_change_is_on_record_after_kills_at_random_moments(self):
        workload = AuditedLocks()
        with crash_clients.ClientCrashes(workload) as run:
            for _ in range(KILLS):
                run.round()
            self.assertGreater(len(workload.answered), KILLS)
            status, said = audit_files.verified(run.state)
            self.assertIn(status, (0,), said)


if __name__ == '__main__':
    unittest.main()


class Acted(AuditCase):
    """A backend was told to change something, and then something went wrong."""

    def last(self, method):
        return next(e for e in self.entries('event=request.outcome') if e['method'] == method)

    def check(self, rule, method, path, body, outcome, status):
        self.vehicle.inject(rule)
        reply = self.gateway.request(method, path, body)
        self.vehicle.clear_injection()
        self.assertEqual(reply.status, status, reply)
        entry = self.last(method)
        self.assertEqual((entry['req'], entry['outcome'], entry['status']), (reply.headers['x-request-id'], outcome, status), rule)
        unknown = reply.json.get('vendor_code') == 'outcome-unknown'
        self.assertEqual(unknown, outcome == 'unknown', reply)

    def test_a_failure_after_a_backend_acted_or_may_have_is_on_record_as_unknown(self):
        self.start()
        for rule, status in (('hang', 504), ('drop', 502), ('garbage', 502), ('truncated', 502), ('huge=20000000', 502)):
            self.check(f'{rule}:/charge-limit#1', 'PUT', SOC, {'data': 70}, 'unknown', status)
        for rule, status in (('drop', 502), ('bad-json', 502)):
            self.check(f'{rule}:/executions#1', 'POST', '/components/bms/operations/cell-balance/executions', {}, 'unknown', status)
            self.check(f'{rule}:/modes/session#1', 'PUT', '/components/bms/modes/session', {'value': 'extended'}, 'unknown', status)

    def test_a_refusal_of_a_backend_is_no_unknown_outcome(self):
        self.start()
        for rule, status, outcome in (('status=400', 400, 'error'), ('status=409', 409, 'denied'), ('status=500', 500, 'error'),
                                      ('status=503', 503, 'error')):
            self.check(f'{rule}:/charge-limit#1', 'PUT', SOC, {'data': 70}, outcome, status)
        self.check('status=302:/charge-limit#1', 'PUT', SOC, {'data': 70}, 'unknown', 502)
        self.vehicle.stop()
        reply = self.gateway.put(SOC, {'data': 70})
        self.assertEqual((reply.status, self.last('PUT')['outcome']), (503, 'error'), reply)
