# SPDX-License-Identifier: Apache-2.0
"""A machine under a real systemd as its first process, in namespaces: what a service manager does is not imitated (machine.sh)."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import polling

SCRIPT = pathlib.Path(__file__).with_name('machine.sh')
PROGRAMS = ('unshare', 'nsenter', 'setpriv', 'systemctl', 'journalctl', 'curl')
BOOT_SECONDS = 20


def hierarchy():
    """Where control groups of version 2 are mounted; None: nowhere."""
    for line in pathlib.Path('/proc/self/mounts').read_text(encoding='utf-8').splitlines():
        _, where, kind, options, *_ = line.split()
        if kind == 'cgroup2' and 'rw' in options.split(','):
            return pathlib.Path(where)
    return None


def why_not():
    """What is missing for such a machine; None: nothing that is known before it is tried."""
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if os.geteuid():
        return 'only root can make a machine of namespaces'
    if missing or not os.path.exists('/lib/systemd/systemd'):
        return f'systemd and {missing} are not all here'
    return None if hierarchy() else 'no control groups of version 2 are mounted here'


def children(pid):
    return [int(word) for word in pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text(encoding='ascii').split()]


class Machine:
    """Runs until close(). What it writes is gone then; `folders` are those of this machine, at the same path, and read-only."""

    def __init__(self, *folders):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
        self.said = tempfile.TemporaryFile()
        self.cgroup = hierarchy() / f'sovd-machine-{os.getpid()}'
        self.process = None
        try:
            self.cgroup.mkdir()
            self.process = subprocess.Popen(['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--kill-child', '--fork', 'sh', str(SCRIPT), 'hold', str(self.cgroup), *map(str, folders)],
                                            stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, start_new_session=True)
            self.wait_until_up()
        except (OSError, subprocess.SubprocessError) as error:  # TimeoutError is one of the first
            self.close()
            raise unittest.SkipTest(f'no machine of namespaces can be started here: {error}') from error

    def wait_until_up(self):
        if not polling.wait_until(lambda: self.first() and self.run('systemctl is-system-running')[1].strip() in ('running', 'degraded'), BOOT_SECONDS):
            self.said.seek(0)
            raise TimeoutError(self.said.read().decode(errors='replace') or f'it is not up after {BOOT_SECONDS} s')

    def first(self):
        """Its first process, by the number that it has here; None: there is none now."""
        pid = self.process.pid
        try:
            while (below := children(pid)):
                pid = below[0]
                if pathlib.Path(f'/proc/{pid}/comm').read_text(encoding='ascii') == 'systemd\n':
                    return pid
        except OSError:
            pass
        return None

    def run(self, script, timeout=60):
        """(exit status, what it said) of lines of shell in it."""
        done = subprocess.run(['nsenter', f'--target={self.first() or 0}', '--mount', '--pid', '--uts', '--ipc', '--net', '--cgroup', 'env', '-i', 'LC_ALL=C.UTF-8',
                               'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'bash', '-c', script], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        return done.returncode, done.stdout

    def must(self, script, timeout=60):
        status, said = self.run(script, timeout)
        if status:
            raise AssertionError(f'{script!r} ended with {status}: {said}')
        return said

    def reboot(self):
        before = self.first()
        self.run('systemctl reboot')  # its answer may come, or not
        if not polling.wait_until(lambda: self.first() not in (None, before), BOOT_SECONDS):
            raise AssertionError('it does not come back')
        self.wait_until_up()

    def close(self):
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)  # its first process ends with the one that made it, and all others with that
            self.process.wait()
        polling.wait_until(self._without_processes, 10)
        for folder in sorted((path for path in self.cgroup.rglob('*') if path.is_dir()), reverse=True):
            folder.rmdir()
        if self.cgroup.exists():
            self.cgroup.rmdir()
        self.said.close()

    def _without_processes(self):
        events = self.cgroup / 'cgroup.events'
        return not events.exists() or re.search(r'^populated 0$', events.read_text(encoding='ascii'), re.MULTILINE)
