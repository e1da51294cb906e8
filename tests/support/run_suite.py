#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one suite, prints what failed with its output, and appends a machine-readable count to a file.

  run_suite.py unit   --build-dir DIR     CMocka programs of meson's suite "unit"; every CMocka test counts
  run_suite.py fuzz   --build-dir DIR     programs of meson's suite "fuzz", each runs its corpus and counts as one
  run_suite.py python --folder tests/api  unittest files test_*.py; every test method counts
  run_suite.py lint                       tests/lint: each check and its self-test

Programs run at most --jobs at once, each with --timeout seconds to live. --count FILE gets one line of JSON:
{"suite": .., "passed": .., "failed": .., "skipped": ..}. Exit status: 0 without a failure, 1 with one.
"""
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MESON_SKIP = 77
TAP_LINE = re.compile(r'^(not ok|ok) \d+ (- |# SKIP )(.*)$')
TAP_PLAN = re.compile(r'^1\.\.(\d+)')


@dataclasses.dataclass
class Job:
    """A program to run, and how to read what it did."""
    name: str
    command: list
    count: object                       # function(job, run) -> Outcome
    environment: dict = dataclasses.field(default_factory=dict)
    folder: str = str(ROOT)
    results: str = ''                   # file in which a unittest child reports


@dataclasses.dataclass
class Run:
    status: int
    output: str
    timed_out: bool
    seconds: float

    def problem(self, timeout):
        """What is wrong with how the program ended, '' if nothing."""
        if self.timed_out:
            return f'did not end within {timeout:g} s'
        if self.status < 0:
            return f'was killed by signal {-self.status}'
        return f'ended with status {self.status}' if self.status else ''


@dataclasses.dataclass
class Outcome:
    passed: int = 0
    skipped: list = dataclasses.field(default_factory=list)     # (name, reason)
    failed: list = dataclasses.field(default_factory=list)      # (name, output)


# ---- running -------------------------------------------------------------------------------------------------------

class Running:
    """The programs that run now. Each leads a process group of its own: what it started goes with it, and nothing else."""

    def __init__(self):
        self.processes = set()
        self.lock = threading.Lock()
        self.stopped = False

    def start(self, job, output):
        with self.lock:
            if self.stopped:
                raise OSError('interrupted')
            process = subprocess.Popen(job.command, cwd=job.folder, env={**os.environ, **job.environment},
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            self.processes.add(process)
        return process

    def wait(self, process, timeout):
        """Waits without reaping, so that the group's number stays ours until what is left in it has been killed."""
        timed_out = threading.Event()

        def expire():
            timed_out.set()
            kill_group(process)
        timer = threading.Timer(timeout, expire)
        timer.daemon = True
        timer.start()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        timer.cancel()
        timer.join()
        kill_group(process)
        with self.lock:
            self.processes.discard(process)
            process.wait()
        return timed_out.is_set()

    def stop(self):
        with self.lock:
            self.stopped = True
            for process in self.processes:
                kill_group(process)


RUNNING = Running()


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run(job, timeout):
    """Output goes to a file: a daemon left behind by a test cannot keep us waiting for the end of a pipe."""
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        try:
            process = RUNNING.start(job, output)
        except OSError as error:
            return Run(127, str(error), False, 0.0)
        timed_out = RUNNING.wait(process, timeout)
        output.seek(0)
        text = output.read().decode('utf-8', 'replace')
    return Run(process.returncode, text, timed_out, time.monotonic() - started)


# ---- counting ------------------------------------------------------------------------------------------------------

def count_program(job, run_, timeout):
    """One program, one test."""
    if run_.status == MESON_SKIP and not run_.timed_out:
        return Outcome(skipped=[(job.name, 'says so')])
    problem = run_.problem(timeout)
    if problem:
        return Outcome(failed=[(f'{job.name}: {problem}', run_.output)])
    return Outcome(passed=1)


def count_tap(job, run_, timeout):
    """CMocka's TAP. A program may hold several groups, each with a plan; a test it planned and did not report has failed."""
    outcome, planned, reported = Outcome(), 0, 0
    for line in run_.output.splitlines():
        plan, result = TAP_PLAN.match(line), TAP_LINE.match(line)
        if plan:
            planned += int(plan[1])
        if not result:
            continue
        reported += 1
        name = f'{job.name}: {result[3]}'
        if 'SKIP' in result[2]:
            outcome.skipped.append((name, 'skip()'))
        elif result[1] == 'ok':
            outcome.passed += 1
        else:
            outcome.failed.append((name, run_.output))
    if not planned and not reported:
        return count_program(job, run_, timeout)
    problem = run_.problem(timeout)
    if reported < planned:
        outcome.failed += [(f'{job.name}: {planned - reported} of {planned} tests never reported; it {problem or "ended early"}',
                            run_.output)] * (planned - reported)
    elif problem and not outcome.failed:
        outcome.failed.append((f'{job.name}: {problem}', run_.output))
    return outcome


def count_unittest(job, run_, timeout):
    """The lines of JSON that child_main() wrote: {"start": name}, then {"end": name, "result": .., "output": ..}, {"done": n}."""
    outcome, running, done = Outcome(), None, False
    with open(job.results, encoding='utf-8') as file:
        rows = [json.loads(line) for line in file if line.endswith('\n')]
    os.unlink(job.results)
    for row in rows:
        running = row.get('start')
        done = done or 'done' in row
        if row.get('result') == 'passed':
            outcome.passed += 1
        elif row.get('result') == 'skipped':
            outcome.skipped.append((f'{job.name}: {row["end"]}', row['output']))
        elif row.get('result') == 'failed':
            outcome.failed.append((f'{job.name}: {row["end"]}', row['output']))
    problem = run_.problem(timeout)
    if problem or not done:
        where = f' in {running}' if running else ''
        outcome.failed.append((f'{job.name}: {problem or "ended early"}{where}', run_.output))
    elif outcome.failed and run_.output.strip():
        outcome.failed.append(('', run_.output))
    return outcome


# ---- the unittest child --------------------------------------------------------------------------------------------

class Reporter(unittest.TestResult):
    """Writes each test's end at once, so that what was done counts when the process dies."""

    def __init__(self, file):
        super().__init__()
        self.file = file
        self.trouble = []

    def write(self, **row):
        self.file.write(json.dumps(row) + '\n')
        self.file.flush()

    def startTest(self, test):
        super().startTest(test)
        self.trouble, self.skipped_because = [], None
        self.write(start=test.id())

    def stopTest(self, test):
        super().stopTest(test)
        result = 'failed' if self.trouble else 'passed' if self.skipped_because is None else 'skipped'
        self.write(end=test.id(), result=result, output='\n'.join(self.trouble) or self.skipped_because or '')

    def note(self, test, text):
        """A failing setUpClass or module has no startTest and stopTest: it is written by itself."""
        if isinstance(test, unittest.TestCase) or hasattr(test, 'test_case'):
            self.trouble.append(text)
        else:
            self.write(end=str(test), result='failed', output=text)

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.trouble.append(f'{subtest}\n{self._exc_info_to_string(err, test)}')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.trouble.append('unexpected success')

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if isinstance(test, unittest.TestCase):
            self.skipped_because = reason
        else:
            self.write(end=str(test), result='skipped', output=reason)


def child_main(path, results, pattern):
    """Runs one test file in this process."""
    path = pathlib.Path(path)
    sys.path[:0] = [str(path.parent), str(ROOT / 'tests' / 'support')]
    sys.path.append(str(ROOT))
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = [pattern if '*' in pattern else f'*{pattern}*']
    with open(results, 'w', encoding='utf-8') as file:
        reporter = Reporter(file)
        suite = loader.loadTestsFromName(path.stem)
        suite.run(reporter)
        reporter.write(done=reporter.testsRun)
    sys.exit(0)


# ---- the suites ----------------------------------------------------------------------------------------------------

def meson_jobs(options):
    """The programs meson knows in this suite, with the environment and folder it would give them."""
    text = subprocess.run(['meson', 'introspect', '--tests', options.build_dir], stdout=subprocess.PIPE, check=True).stdout
    count = count_tap if options.suite == 'unit' else count_program
    for test in json.loads(text):
        if any(suite.split(':')[-1] == options.suite for suite in test['suite']):
            environment = {'CMOCKA_MESSAGE_OUTPUT': 'TAP', **test['env']}
            yield Job(test['name'], test['cmd'], count, environment, test['workdir'] or str(ROOT))


def python_jobs(options):
    for path in sorted((ROOT / options.folder).rglob('test_*.py')):
        handle, results = tempfile.mkstemp(suffix='.json')
        os.close(handle)
        command = [sys.executable, str(pathlib.Path(__file__).resolve()), 'child', '--file', str(path), '--results', results]
        if options.pattern:
            command += ['-k', options.pattern]
        yield Job(path.relative_to(ROOT).as_posix(), command, count_unittest, {'PYTHONUNBUFFERED': '1'}, results=results)


def lint_jobs(options):
    folder = ROOT / 'tests' / 'lint'
    for path in sorted([*folder.glob('*.py'), *folder.glob('*.sh')]):
        name = path.relative_to(ROOT).as_posix()
        command = [sys.executable, str(path)] if path.suffix == '.py' else ['bash', str(path)]
        yield Job(f'{name} --self-test', [*command, '--self-test'], count_program)
        yield Job(name, command, count_program)


# ---- the report ----------------------------------------------------------------------------------------------------

def plural(outcome):
    text = f'{outcome.passed} passed, {len([name for name, _ in outcome.failed if name])} failed'
    return text + (f', {len(outcome.skipped)} skipped' if outcome.skipped else '')


def indented(text, limit):
    lines = text.rstrip().splitlines()
    if len(lines) > limit:
        lines = [f'[{len(lines) - limit} lines before]', *lines[-limit:]]
    return '\n'.join('        ' + line for line in lines)


def show(job, run_, outcome, limit):
    """All of a program at once. An output that several failures share is printed once, after the last."""
    print(f'  {job.name}: {plural(outcome)} ({run_.seconds:.1f} s)')
    for name, reason in outcome.skipped:
        print(f'    SKIPPED {name}: {reason}')
    failed = list(dict.fromkeys(outcome.failed))
    for position, (name, output) in enumerate(failed):
        print(f'    FAILED {name}' if name else '    its own output:')
        if output != (failed[position + 1][1] if position + 1 < len(failed) else None):
            print(indented(output, limit))
    sys.stdout.flush()


def interrupt(number, _):
    """Ctrl-C does not reach the programs by itself, as they lead groups of their own. Our caller has to see the signal."""
    RUNNING.stop()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def run_suite(options, jobs):
    total = Outcome()
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = {pool.submit(run, job, options.timeout): job for job in jobs}
        for future in concurrent.futures.as_completed(running):
            job, run_ = running[future], future.result()
            outcome = job.count(job, run_, options.timeout)
            if outcome.passed or outcome.failed or outcome.skipped:
                show(job, run_, outcome, options.lines)
            total.passed += outcome.passed
            total.skipped += outcome.skipped
            total.failed += [row for row in outcome.failed if row[0]]
    return total


def write_count(options, outcome):
    row = {'suite': options.title, 'passed': outcome.passed, 'failed': len(outcome.failed), 'skipped': len(outcome.skipped)}
    with open(options.count, 'a', encoding='utf-8') as file:
        file.write(json.dumps(row) + '\n')


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('suite', choices=['unit', 'fuzz', 'python', 'lint', 'child'])
    parser.add_argument('--title')
    parser.add_argument('--build-dir')
    parser.add_argument('--folder')
    parser.add_argument('--count')
    parser.add_argument('--jobs', type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument('--timeout', type=float, default=300)
    parser.add_argument('--lines', type=int, default=120, help='lines of output shown of a failure')
    parser.add_argument('-k', dest='pattern')
    parser.add_argument('--file', help=argparse.SUPPRESS)
    parser.add_argument('--results', help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.title = options.title or options.folder or options.suite
    return options


def main():
    options = parse()
    if options.suite == 'child':
        child_main(options.file, options.results, options.pattern)
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    find = {'unit': meson_jobs, 'fuzz': meson_jobs, 'python': python_jobs, 'lint': lint_jobs}[options.suite]
    jobs = list(find(options))
    print(f'{options.title}: {len(jobs)} programs' if jobs else f'{options.title}: nothing there yet', flush=True)
    outcome = run_suite(options, jobs)
    if options.count:
        write_count(options, outcome)
    sys.exit(1 if outcome.failed else 0)


if __name__ == '__main__':
    main()
