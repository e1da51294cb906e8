# SPDX-License-Identifier: Apache-2.0
"""sovdctl audit verify: what a user finds out about a log that somebody changed, in a file or in the database."""
import base64
import hashlib
import json
import pathlib
import random
import re
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_reference
import audit_tables as tables

PROVEN, TAMPERED, TRUNCATED, UNREADABLE, UNSIGNED, USAGE = 0, 1, 2, 3, 4, 64


class VerifyCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='audit-verify')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.export = tables.make()
        cls.key = cls.folder / 'key'
        cls.key.write_bytes(tables.make('--key'))
        cls.trusted = ['--key', cls.key]

    def file(self, data, name='log.ndjson'):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def verify(self, path, *more):
        return tables.verify(*self.trusted, *more, path)


class ExportTest(VerifyCase):
    def test_a_log_that_nobody_touched_is_proven(self):
        status, report = self.verify(self.file(self.export))
        self.assertEqual((status, report['verdict']), (PROVEN, 'proven'))
        self.assertEqual((report['first'], report['last'], report['signed_size'], report['trusted']), (1, 200, 200, True))

    def test_its_head_is_what_another_implementation_computes(self):
        leaves = [audit_reference.leaf_hash(line['body'].encode()) for line in map(json.loads, self.export.splitlines())
                  if line['type'] == 'entry']
        report = self.verify(self.file(self.export))[1]
        self.assertEqual(base64.b64decode(report['signed_root']), audit_reference.root(leaves))

    def test_without_a_key_it_says_what_was_not_proven(self):
        path = self.file(self.export)
        status, out, _ = tables.run('audit', 'verify', path)
        self.assertEqual(status, 0)
        self.assertIn('consistent', out.splitlines()[0])
        self.assertRegex(out, r'--key or --fingerprint')
        self.assertRegex(out, r'--head')

    def test_keys_and_fingerprints_come_in_the_usual_forms(self):
        raw = base64.b64decode(self.key.read_text())
        pem = base64.b64encode(bytes.fromhex('302a300506032b6570032100') + raw).decode()
        fingerprint = hashlib.sha256(raw).hexdigest()
        colons = ':'.join(re.findall('..', fingerprint.upper()))
        path = self.file(self.export)
        for text in (raw.hex(), f'-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n'):
            self.assertEqual(tables.verify('--key', self.file(text.encode(), 'other-key'), path)[0], PROVEN, text)
        for text in (fingerprint, colons):
            self.assertEqual(tables.verify('--fingerprint', text, path)[0], PROVEN, text)
        self.assertEqual(tables.verify('--fingerprint', '00' * 32, path)[0], TAMPERED)
        self.assertEqual(tables.verify('--key', self.file(b'00' * 32, 'other-key'), path)[0], TAMPERED)

    def test_the_first_bad_entry_is_named(self):
        for seq in (1, 57, 200):
            lines = self.export.splitlines(keepends=True)
            at = next(i for i, line in enumerate(lines) if b'"seq":%d,' % seq in line and line.endswith(b'"type":"entry"}\n'))
            lines[at] = lines[at].replace(b'192.0.2.7', b'192.0.2.8')
            status, report = self.verify(self.file(b''.join(lines)))
            self.assertEqual((status, report['first_bad']), (TAMPERED, seq))
            self.assertIn(f'entry {seq} ', report['reason'])

    def test_bits_flipped_at_random_are_seen(self):
        chosen = random.Random(30)
        for _ in range(150):
            data = bytearray(self.export)
            bit = chosen.randrange(8 * len(data))
            data[bit // 8] ^= 1 << bit % 8
            status, report = self.verify(self.file(bytes(data)))
            self.assertIn(status, (TAMPERED, TRUNCATED, UNREADABLE, UNSIGNED), f'bit {bit}: {report}')

    def test_each_attacker_is_caught(self):
        for attack in range(1, 9):
            status, report = self.verify(self.file(tables.make(attack=attack, forged=60)))
            self.assertEqual(status, TAMPERED, f'attack {attack}: {report}')

    def test_a_head_kept_elsewhere_shows_an_older_copy(self):
        old = self.file(tables.make(to=150))
        self.assertEqual(self.verify(old)[0], PROVEN)
        note = self.file(tables.make('--head', 160), 'head')
        size, root = note.read_text().split('\n')[1:3]
        for head in (note, self.file(f'SOVD-Audit-Head: {size} {root} AAAA\n'.encode(), 'line'), f'{size} {root}'):
            status, report = self.verify(old, '--head', head)
            self.assertEqual((status, report['first_bad']), (TRUNCATED, 151), report)
            self.assertEqual(self.verify(self.file(self.export, 'whole'), '--head', head)[1]['heads_met'], 1)

    def test_what_the_newest_key_signed_anew_is_seen_by_a_head_kept_elsewhere(self):
        forged = self.file(tables.make(forged=150))
        self.assertEqual(self.verify(forged)[0], PROVEN)
        status, report = self.verify(forged, '--head', self.file(tables.make('--head', 160), 'head'))
        self.assertEqual(status, TAMPERED)
        self.assertLessEqual(report['first_bad'], 150)
        self.assertGreaterEqual(report['last_bad'], 150)

    def test_a_pruned_log_is_proven_by_the_entry_that_says_so(self):
        status, report = self.verify(self.file(tables.make(first=51, prune_seq=199)))
        self.assertEqual((status, report['pruned_to']), (PROVEN, 50))
        silent = self.file(tables.make(first=51))
        self.assertEqual(self.verify(silent)[0], TRUNCATED)
        self.assertEqual(self.verify(silent, '--partial')[0], PROVEN)

    def test_it_reads_standard_input(self):
        self.assertEqual(tables.verify(*self.trusted, '-', stdin=self.export)[0], PROVEN)
        self.assertEqual(tables.verify(*self.trusted, '-', stdin=self.export[:-1])[0], TRUNCATED)
        self.assertEqual(tables.verify(*self.trusted, '-', stdin=b'')[0], UNREADABLE)

    def test_what_cannot_be_read_is_said(self):
        for path in (self.folder / 'nothing', self.folder, '/dev/null', __file__, b'/no \xff such \x1b file'):
            status, report = self.verify(path)
            self.assertEqual(status, UNREADABLE, path)
            self.assertTrue(report['reason'])

    def test_arguments_that_make_no_sense_are_told(self):
        good = self.file(self.export)
        private = self.file(b'-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'private')
        for words in ([], ['audit'], ['audit', 'verify'], ['audit', 'verify', good, good], ['audit', 'verify', '--nonsense', good],
                      ['audit', 'verify', '--fingerprint', 'zz', good], ['audit', 'verify', '--key', good, good],
                      ['audit', 'verify', '--key', private, good], ['audit', 'verify', '--key', '/nothing', good],
                      ['audit', 'verify', '--head', '12', good], ['audit', 'verify', '--head', '12 root', good], ['nonsense']):
            status, out, err = tables.run(*words)
            self.assertEqual(status, USAGE, words)
            self.assertTrue(err or out)
        for words in (['--help'], ['--version'], ['audit', 'verify', '--help']):
            status, out, err = tables.run(*words)
            self.assertEqual((status, err), (0, ''))
            self.assertIn('sovdctl', out)


class DatabaseTest(VerifyCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = cls.folder / 'made.db'
        tables.write_database(cls.made, cls.export)

    def changed(self, *statements):
        """The status and the report of a copy on which these were run."""
        path = self.file(self.made.read_bytes(), 'changed.db')
        database = sqlite3.connect(path)
        database.execute('PRAGMA synchronous=OFF')
        for statement in statements:
            database.execute(*statement)
        database.commit()
        database.close()
        return self.verify(path)

    def rows(self, table, columns):
        database = sqlite3.connect(self.made)
        self.addCleanup(database.close)
        return database.execute(f'SELECT {columns} FROM {table}').fetchall()

    def test_a_database_that_nobody_touched_is_proven(self):
        status, report = self.verify(self.made)
        self.assertEqual((status, report.get('reason')), (PROVEN, None))
        self.assertEqual((report['entries'], report['keys'], report['checkpoints']), (200, 3, 22))

    def test_every_removed_row_is_missed(self):
        for (seq,) in self.rows('audit_entry', 'seq'):
            status, report = self.changed(('DELETE FROM audit_entry WHERE seq=?', (seq,)))
            self.assertEqual((status, report['first_bad']), (TAMPERED, seq), report)
        for row in self.rows('audit_key', 'epoch'):
            self.assertNotEqual(self.changed(('DELETE FROM audit_key WHERE epoch=?', row))[0], PROVEN)
        for row in self.rows('audit_tile', 'level, idx'):
            self.assertEqual(self.changed(('DELETE FROM audit_tile WHERE level=? AND idx=?', row))[0], TAMPERED, row)
        for row in self.rows('audit_meta', 'name'):
            self.assertNotEqual(self.changed(('DELETE FROM audit_meta WHERE name=?', row))[0], PROVEN, row)

    def test_a_checkpoint_may_only_be_missing_where_another_one_proves_as_much(self):
        needed = {(70, 0), (70, 1), (140, 1), (140, 2), (200, 2)}
        for row in self.rows('audit_checkpoint', 'size, epoch'):
            status, report = self.changed(('DELETE FROM audit_checkpoint WHERE size=? AND epoch=?', row))
            self.assertEqual(status == PROVEN, row not in needed, (row, report))
        self.assertEqual(self.changed(('DELETE FROM audit_checkpoint WHERE size=200',))[0], UNSIGNED)

    def test_every_changed_value_is_seen(self):
        keys = {'audit_meta': 'name', 'audit_entry': 'seq', 'audit_tile': 'rowid', 'audit_checkpoint': 'rowid', 'audit_key': 'epoch'}
        for table, key in keys.items():
            columns = [name for _, name, *_ in self.rows(f"pragma_table_info('{table}')", '*')]
            for i, (row,) in enumerate(self.rows(table, key)):
                for column in columns if table != 'audit_entry' else (columns[i % len(columns)], 'body'):
                    value = self.rows(f"{table} WHERE {key}={row!r}", column)[0][0]
                    other = {int: lambda v: v + 5000000, bytes: lambda v: bytes([v[0] ^ 1]) + v[1:], str: lambda v: v[:-2] + 'x' + v[-1:],
                             type(None): lambda v: 'x'}[type(value)](value)
                    status, report = self.changed((f'UPDATE {table} SET {column}=? WHERE {key}=?', (other, row)))
                    self.assertNotEqual(status, PROVEN, (table, row, column, value, other))

    def test_a_column_that_the_gateway_does_not_have_is_seen(self):
        for name in ('"\x1b[2J"', 'more', 'tenant2'):
            self.assertEqual(self.changed((f"ALTER TABLE audit_entry ADD COLUMN {name} TEXT DEFAULT 'x'",))[0], TAMPERED, name)

    def test_rows_that_change_places_are_seen(self):
        for a, b in ((1, 2), (57, 58), (9, 190), (199, 200)):
            swap = [('UPDATE audit_entry SET seq=-1 WHERE seq=?', (a,)), ('UPDATE audit_entry SET seq=? WHERE seq=?', (a, b)),
                    ('UPDATE audit_entry SET seq=? WHERE seq=-1', (b,))]
            status, report = self.changed(*swap)
            self.assertEqual((status, report['first_bad']), (TAMPERED, a))

    def test_rows_that_are_added_are_seen(self):
        for statement in ('INSERT INTO audit_entry SELECT 201, usec, body, leaf, chain, ev, sub, entity, outcome, method, tenant '
                          'FROM audit_entry WHERE seq=200',
                          'INSERT INTO audit_entry SELECT 0, usec, body, leaf, chain, ev, sub, entity, outcome, method, tenant '
                          'FROM audit_entry WHERE seq=1',
                          'INSERT INTO audit_key SELECT 3, public, 200, signature FROM audit_key WHERE epoch=2',
                          'INSERT INTO audit_tile SELECT level, 999, hash FROM audit_tile WHERE level=2 AND idx=0',
                          'INSERT INTO audit_checkpoint SELECT 199, 2, note FROM audit_checkpoint WHERE size=200',
                          'INSERT INTO audit_checkpoint SELECT 300, 2, note FROM audit_checkpoint WHERE size=200'):
            self.assertEqual(self.changed((statement,))[0], TAMPERED, statement)

    def test_a_cut_tail_is_seen_by_a_head_and_otherwise_is_what_nobody_signed(self):
        head = self.file(tables.make('--head', 200), 'head')
        for last in (150, 155, 195, 199):
            path = self.file(self.made.read_bytes(), 'changed.db')
            database = sqlite3.connect(path)
            database.execute('DELETE FROM audit_entry WHERE seq>?', (last,))
            database.execute('DELETE FROM audit_checkpoint WHERE size>?', (last,))
            database.execute('DELETE FROM audit_tile WHERE ((idx + 1) << level) > ?', (last,))
            database.commit()
            database.close()
            self.assertEqual(self.verify(path)[0], UNSIGNED if last % 10 else PROVEN)
            status, report = self.verify(path, '--head', head)
            self.assertEqual((status, report['first_bad']), (TRUNCATED, last + 1))

    def test_a_pruned_database_is_proven_with_the_hashes_of_what_is_gone(self):
        gone = [audit_reference.leaf_hash(line['body'].encode()) for line in map(json.loads, self.export.splitlines())
                if line['type'] == 'entry'][:99]
        path = self.folder / 'pruned.db'
        tables.write_database(path, tables.make(first=100, prune_seq=170), gone)
        status, report = self.verify(path)
        self.assertEqual((status, report.get('reason'), report['pruned_to']), (PROVEN, None, 99))
        database = sqlite3.connect(path)
        database.execute("UPDATE audit_tile SET hash=zeroblob(32) WHERE level=2 AND idx=3")
        database.commit()
        database.close()
        self.assertEqual(self.verify(path)[0], TAMPERED)

    def test_nothing_is_written_beside_the_database(self):
        folder = self.folder / 'alone'
        folder.mkdir()
        path = folder / 'state ?#%.db'
        path.write_bytes(self.made.read_bytes())
        before = path.stat()
        self.assertEqual(self.verify(path)[0], PROVEN)
        after = path.stat()
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))
        self.assertEqual(path.read_bytes(), self.made.read_bytes())
        self.assertEqual([p.name for p in folder.iterdir()], [path.name])

    def test_what_stands_in_the_journal_is_read_from_a_copy(self):
        folder, scratch = self.folder / 'open', self.folder / 'scratch'
        folder.mkdir()
        scratch.mkdir()
        path = folder / 'state.db'
        writer = sqlite3.connect(path)
        self.addCleanup(writer.close)
        writer.execute('PRAGMA journal_mode=WAL')
        writer.execute('CREATE TABLE held_open(x)')
        writer.commit()
        tables.write_database(path, self.export)
        self.assertGreater((folder / 'state.db-wal').stat().st_size, 0)
        names = sorted(p.name for p in folder.iterdir())
        status, report = tables.verify(*self.trusted, path, environment={'TMPDIR': str(scratch)})
        self.assertEqual((status, report['entries']), (PROVEN, 200))
        self.assertEqual(sorted(p.name for p in folder.iterdir()), names)
        self.assertEqual(list(scratch.iterdir()), [])

    def test_a_database_without_a_log_is_unreadable(self):
        path = self.folder / 'other.db'
        database = sqlite3.connect(path)
        database.execute('CREATE TABLE t(x)')
        database.commit()
        database.close()
        self.assertEqual(self.verify(path)[0], UNREADABLE)
        damaged = bytearray(self.made.read_bytes())
        damaged[4096:20000] = bytes(20000 - 4096)
        self.assertIn(self.verify(self.file(bytes(damaged), 'damaged.db'))[0], (TAMPERED, UNREADABLE))


if __name__ == '__main__':
    unittest.main()
