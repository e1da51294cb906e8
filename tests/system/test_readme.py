# SPDX-License-Identifier: Apache-2.0
"""The stories of README.md: its own commands, with other paths and ports, and the output that it shows."""
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import gateway
import polling

ANYTHING = '…'
TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'


def blocks(title):
    """Of the section: [(commands, what is shown below the last of them)]."""
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    section = re.search(rf'^## {re.escape(title)}\n(.*?)^## ', text, re.S | re.M)[1]
    for block in re.findall(r'^```\n(.*?)^```', section, re.S | re.M):
        lines = block.splitlines()
        yield [line[2:] for line in lines if line.startswith('$ ')], [line for line in lines if not line.startswith('$ ')]


def pattern(shown):
    return re.sub(TIME, lambda _: TIME, '.*?'.join(map(re.escape, '\n'.join(shown).strip().split(ANYTHING))).replace(r'\-', '-').replace(r'\.', '.'))


class DyingGateway(polling.Waiting, unittest.TestCase):
    """Two terminals: what was acknowledged is on the disk, and whoever listens goes on where the stream broke."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='readme')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.daemon = None
        config = (ROOT / 'deploy' / 'config' / 'apps.yaml').read_text(encoding='utf-8')
        pathlib.Path(self.folder, 'apps.yaml').write_text(self.at_home(config), encoding='utf-8')
        self.addCleanup(lambda: self.daemon.kill())

    def at_home(self, text):
        """The paths of the page in a folder of the test, and the port that was free."""
        text = text.replace('/tmp/sovd-', self.folder + '/').replace('deploy/config/', self.folder + '/')
        text = text.replace('build/', os.environ.get('SOVD_BUILD_DIR', 'build') + '/')
        return text.replace('127.0.0.1:8080', f'127.0.0.1:{self.daemon.port}') if self.daemon else text

    def arguments(self, command):
        return shlex.split(self.at_home(command).removesuffix(' &'))

    def start(self, command):
        self.daemon = gateway.Gateway(arguments=self.arguments(command)[1:], environment={'SOVD_SERVER__PORT': '0'})

    def listen(self, command):
        listener = subprocess.Popen(self.arguments(command)[:1] + ['-s'] + self.arguments(command)[1:], stdout=subprocess.PIPE)
        self.addCleanup(listener.communicate)
        self.addCleanup(listener.kill)
        return listener

    def hears(self, listener, shown):
        text = ''
        while text.count('\n\n') < 2:
            text += listener.stdout.readline().decode()
        self.assertRegex(text.strip(), re.compile(rf'\A{pattern(shown)}\Z', re.S))

    def test_the_stream_goes_on_behind_the_last_id_and_nothing_is_missing(self):
        (commands, _), ((first,), shown_first), ((second,), shown_second) = blocks('When the gateway itself dies')
        make, serve, report = commands
        subprocess.run(self.arguments(make), check=True)
        self.start(serve)
        app = subprocess.Popen(self.arguments(report), stdin=subprocess.DEVNULL)
        self.addCleanup(app.wait, 20)
        self.addCleanup(app.terminate)
        self.until(lambda: self.daemon.bare('GET', '/sovd/v1/apps/navigation/faults').status == 200)
        listener = self.listen(first)
        self.until(lambda: self.daemon.metrics()['sovd_fault_streams'] == 1)
        app.send_signal(signal.SIGUSR1)
        self.hears(listener, shown_first)
        self.daemon.kill()
        app.send_signal(signal.SIGUSR2)
        self.start(serve)
        self.until(lambda: self.daemon.bare('GET', '/sovd/v1/apps/navigation/faults/GPS_LOST').json['item']['status']['testFailed'] == '0')
        self.hears(self.listen(second), shown_second)
        self.assertEqual(self.daemon.get('/faults/history').json['items'][-1]['change'], 'failed')


if __name__ == '__main__':
    unittest.main()
