# SPDX-License-Identifier: Apache-2.0
"""Kills at random moments: what clients were told of locks, executions and triggers holds. SOVD_CRASH_KILLS: how many."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import crash_clients

KILLS = min(int(os.environ.get('SOVD_CRASH_KILLS', '20')), 200)


class Clients(unittest.TestCase):
    def test_what_clients_were_told_is_there_after_kills_at_random_moments(self):
        with crash_clients.ClientCrashes(*crash_clients.client_workloads()) as run:
            for _ in range(KILLS):
                run.round()
            self.assertGreater(run.acknowledged, KILLS)


if __name__ == '__main__':
    unittest.main()
