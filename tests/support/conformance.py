# SPDX-License-Identifier: Apache-2.0
"""Runs the conformance cases from a test."""
import contextlib
import io
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'conformance'))
import gateway
import run

DEMO = ROOT / 'tests' / 'conformance' / 'demo'
GIVEN = [part for name in ('script', 'update') for part in (f'--{name}', str(DEMO / f'{name}.json'))]
DEMO_TOKENS = ('demo-tester-a', 'demo-tester-b')
FEATURES = ['--feature', 'lock-required', '--feature', 'lock-breakable']
TRIGGER_LOG = ['--feature', 'trigger-log']  # of a simulated vehicle: a log behind another gateway takes nothing

# Rules that the gateway does not keep yet. An entry goes away with what it waits for.
OPEN = {}


def run_cases(*arguments):
    """(results, what was printed)"""
    options, output = run.parse(list(map(str, arguments))), io.StringIO()
    with contextlib.redirect_stdout(output):
        return run.run(options, run.wanted(options)), output.getvalue()


def arguments_for(server, *more, tokens=DEMO_TOKENS):
    return ['--base', f'http://127.0.0.1:{server.port}{gateway.BASE}', '--timeout', 30,
            '--token', tokens[0], '--second-token', tokens[1], *more]


def judge(test, results, output):
    """The names of the cases that passed; the test fails when one failed."""
    wrong = {result.case.name for result in results if result.outcome == 'failed'}
    test.assertEqual(wrong - OPEN.keys(), set(), output)
    return {result.case.name for result in results if result.outcome == 'passed'}
