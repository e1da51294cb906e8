# SPDX-License-Identifier: Apache-2.0
"""What a client was told survives the kill of the daemon at any moment, and nothing appears that nobody did.

SOVD_CRASH_KILLS: how many kills (200); SOVD_CRASH_SEED: which moments."""
import os
import pathlib
import shutil
import sqlite3
import tempfile
import unittest

import crash

KILLS = int(os.environ.get('SOVD_CRASH_KILLS', '200'))
SEED = int(os.environ['SOVD_CRASH_SEED']) if 'SOVD_CRASH_SEED' in os.environ else None
KILLS_OF_A_FILE = 200  # more make the file larger, and the comparison slower, without being worth more
READY_SECONDS = 2


class Kills(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_and_nothing_appears(self):
        for first in range(0, KILLS, KILLS_OF_A_FILE):
            kills = min(KILLS - first, KILLS_OF_A_FILE)
            with crash.Crashes(*crash.fault_workloads(), seed=SEED) as crashes:
                for _ in range(kills):
                    crashes.round()
            self.assertGreater(crashes.acknowledged, kills)
            self.assertLessEqual(max(crashes.ready_seconds), READY_SECONDS)


class Bites(unittest.TestCase):
    """The comparison notices what a broken daemon would leave behind."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='bites')
        self.addCleanup(folder.cleanup)
        self.crashes = crash.Crashes(*crash.fault_workloads(), seed=SEED)
        self.ledger = self.crashes.workloads[0].ledger
        with self.crashes:
            while not any(n > 1 for n, _ in self.ledger.known.values()):
                self.crashes.round()
            self.crashes.run_until_killed()
            self.crashes.compare_file()
            self.path = pathlib.Path(shutil.copytree(self.crashes.copied().parent, pathlib.Path(folder.name, 'copy'))) / 'state.db'

    def tamper(self, statement, *values):
        database = sqlite3.connect(self.path)
        with database:
            self.assertEqual(database.execute(statement, values).rowcount, 1, statement)
        database.close()

    def refused(self, why):
        with self.assertRaisesRegex(crash.Broken, why):
            self.crashes.compare_file(self.path)

    def reported(self):
        """A fault that failed more than once."""
        return next(subject for subject, (n, _) in self.ledger.known.items() if n > 1)

    def test_an_untouched_copy_is_good(self):
        self.crashes.compare_file(self.path)

    def test_a_fault_that_is_missing(self):
        self.tamper('DELETE FROM fault WHERE entity=? AND code=?', *self.reported())
        self.refused('acknowledged was')

    def test_an_occurrence_that_is_missing(self):
        self.tamper('UPDATE fault SET occurrences=occurrences-1 WHERE entity=? AND code=?', *self.reported())
        self.refused('acknowledged was')

    def test_a_state_that_is_not_the_last_one(self):
        self.tamper('UPDATE fault SET status=(status | 1) - (status & 1) WHERE entity=? AND code=?', *self.reported())
        self.refused('acknowledged was')

    def test_a_fault_that_nobody_reported(self):
        entity, code = self.reported()
        self.tamper('INSERT INTO fault(entity, code, about, severity, scope, status, occurrences, failed_cycles, passed_cycles, '
                    "first_usec, last_usec, first_frame, last_frame) SELECT entity, 'GHOST', about, severity, scope, status, occurrences, failed_cycles, "
                    'passed_cycles, first_usec, last_usec, first_frame, last_frame FROM fault WHERE entity=? AND code=?',
                    entity, code)
        self.refused('GHOST')

    def test_an_event_that_is_missing(self):
        self.tamper('DELETE FROM fault_event WHERE id=(SELECT min(id) FROM fault_event)')
        self.refused('events up to')

    def test_the_last_event_that_is_missing(self):
        self.tamper('DELETE FROM fault_event WHERE id=(SELECT max(id) FROM fault_event WHERE changed & 2)')
        self.refused('events')

    def test_a_page_that_is_damaged(self):
        database = sqlite3.connect(self.path)
        database.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name='fault_all'").fetchone()[0]
        size = database.execute('PRAGMA page_size').fetchone()[0]
        database.close()
        with open(self.path, 'r+b') as file:
            file.seek((page - 1) * size)
            file.write(b'\xff' * size)
        with self.assertRaises((crash.Broken, sqlite3.DatabaseError)):
            self.crashes.compare_file(self.path)


if __name__ == '__main__':
    unittest.main()
