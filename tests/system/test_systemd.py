# SPDX-License-Identifier: Apache-2.0
"""The service under a real systemd, installed as docs/operations.md says: nothing of the service manager is imitated here."""
import contextlib
import json
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
import certificates
import gateway
import machine
import polling

PAGE = ROOT / 'docs' / 'operations.md'
SETTINGS = '/etc/sovd-gateway'
SECRETS = f'{SETTINGS}/secrets'
DROP_INS = '/etc/systemd/system/sovd-gatewayd.service.d'
CONSOLE = 'curl -s --unix-socket /run/sovd-gateway/api.sock http://localhost/sovd/v1'
TESTER = f'curl -s --cacert {SETTINGS}/ca.pem --cert {SETTINGS}/tester.pem --key {SETTINGS}/tester.key https://localhost:8443/sovd/v1'
NATIVE = """
native:
  socket: /run/sovd-gateway/apps.sock
  socket_access: group
  socket_group: diagnostics
  apps: [{entity: apps/navigation, unit: navigation.service}]
"""
APP = """
[Service]
User=driver
SupplementaryGroups=diagnostics
ExecStart=%s --socket /run/sovd-gateway/apps.sock
"""
# Leaks are looked for elsewhere: the sanitizer needs ptrace for that, which the sandbox rightly denies.
FASTER = """
[Service]
WatchdogSec=3
SupplementaryGroups=diagnostics
Environment=ASAN_OPTIONS=detect_leaks=0
"""


def commands():
    """Blocks of shell of the page's chapter, without those that build."""
    chapter = PAGE.read_text(encoding='utf-8').split('\n## systemd\n')[1].split('\n## ')[0]
    blocks = re.findall(r'```\n(.*?)```', chapter, re.DOTALL)
    return [re.sub(r'^(\./deploy/install-deps\.sh|meson .*)\n', '', block, flags=re.MULTILINE) for block in blocks]


class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = machine.Machine(ROOT, gateway.binary().resolve().parents[1])
        cls.addClassCleanup(cls.machine.close)
        installing, starting, cls.asking = commands()
        cls.must(f'set -e; install -m 755 {gateway.binary().resolve()} /usr/sbin/; cd {ROOT}; {installing}')
        cls.write_files()
        cls.must('groupadd -f diagnostics && { id driver >/dev/null 2>&1 || useradd --system driver; } && systemctl daemon-reload')
        cls.must(f'set -e; {starting}')

    @classmethod
    def write_files(cls):
        servers, clients = certificates.Authority('Servers'), certificates.Authority('Clients')
        server, tester = servers.server(), clients.client('tester-7', organization='Workshop')
        for name, data in (('server.pem', server.pem), ('client-ca.pem', clients.pem), ('client-crl.pem', clients.crl()),
                           ('vehicle-ca.pem', servers.pem), ('ca.pem', servers.pem), ('tester.pem', tester.pem), ('tester.key', tester.key_pem)):
            cls.write(f'{SETTINGS}/{name}', data.decode())
        for name, data in (('server.key', server.key_pem), ('mint.pem', server.key_pem), ('bms-token', b'x' * 32)):
            cls.write(f'{SECRETS}/{name}', data.decode(), 0o600)
        config = cls.must(f'cat {SETTINGS}/config.yaml').replace('"vehicle.example:8443"', '"localhost:8443"')
        cls.write(f'{SETTINGS}/config.yaml', config + NATIVE)
        for unit in 'navigation', 'stranger':
            cls.write(f'/etc/systemd/system/{unit}.service', APP % (gateway.binary().resolve().parents[1] / 'demo-ecu' / 'sovd-demo-app'))
        cls.write(f'{DROP_INS}/faster.conf', FASTER)

    @classmethod
    def must(cls, script):
        return cls.machine.must(script)

    @classmethod
    def write(cls, path, text, mode=0o644):
        cls.must(f"cat > {path} <<'END-OF-FILE'\n{text}\nEND-OF-FILE\nchmod {mode:o} {path}")

    def tearDown(self):
        """Nothing was killed for what it asked of the kernel, and the next test finds it running."""
        self.assertNotIn('SYS', self.must('journalctl -o cat _PID=1 | grep -o "status=31/SYS" || true'))
        self.must('systemctl stop navigation stranger; systemctl restart sovd-gatewayd && systemctl reset-failed')

    def of_service(self, name):
        return self.must(f'systemctl show --value -p {name} sovd-gatewayd').strip()

    def until(self, condition, timeout=20):
        self.assertTrue(polling.wait_until(condition, timeout, 0.05), self.machine.run('systemctl status sovd-gatewayd; journalctl -n 40 --no-pager')[1])

    def journal(self, since='0', options=''):
        """Entries of the unit, behind that number."""
        lines = self.must(f'journalctl --sync && journalctl -u sovd-gatewayd -o json --no-pager {options}').splitlines()
        return [entry for entry in map(json.loads, lines) if entry['__REALTIME_TIMESTAMP'] > since]

    def now(self):
        return str(int(float(self.must('date +%s.%N')) * 1e6))

    def faults(self):
        return json.loads(self.must(f'{CONSOLE}/apps/navigation/faults')).get('items')

    def start_app(self):
        self.must('systemctl start navigation')
        self.until(lambda: json.loads(self.must(f'{CONSOLE}/apps/navigation/data/volume')).get('id'))

    def with_a_fault(self):
        self.start_app()
        self.must(f'{CONSOLE}/apps/navigation/faults -X DELETE')
        self.assertEqual(self.faults(), [])
        self.must('systemctl kill -s USR1 navigation')
        self.until(self.faults)

    def test_it_serves_from_its_sandbox_as_the_page_says(self):
        self.assertEqual((self.of_service('ActiveState'), self.of_service('StatusText'), self.of_service('NRestarts')), ('active', 'Serving', '0'))
        health = json.loads(self.must(self.asking))
        self.assertEqual((health['audit']['status'], health['auth']['required'], health['backends'][0]['connection']), ('ok', True, 'disconnected'))
        self.assertEqual(json.loads(self.must(f'{TESTER}/apps/sovd-gateway'))['id'], 'sovd-gateway')
        status = self.must(f'cat /proc/{self.of_service("MainPID")}/status')
        self.assertRegex(status, r'Seccomp:\t2\n')
        self.assertRegex(status, r'CapBnd:\t0+\n')
        self.assertNotRegex(status, r'Uid:\t0\b')
        self.assertEqual(self.must('stat -c %a /var/lib/sovd-gateway/ /run/sovd-gateway').split(), ['700', '755'])

    def test_the_journal_has_priorities_and_heads_of_the_audit_log(self):
        since = self.now()
        self.must('systemctl restart sovd-gatewayd')
        entries = self.journal(since)
        self.assertTrue(any(re.match(r'\d+ \S{44} ', entry.get('SOVD_AUDIT_HEAD', '')) for entry in entries))
        self.assertEqual({entry['PRIORITY'] for entry in entries if ' starts' in entry['MESSAGE']}, {'6'})
        self.assertEqual({entry['PRIORITY'] for entry in entries if 'is disconnected' in entry['MESSAGE']}, {'4'})

    def test_an_app_is_known_by_its_unit(self):
        self.start_app()
        since = self.now()
        self.must('systemctl stop navigation && systemctl start stranger')
        self.until(lambda: any('it is in the unit stranger.service' in entry['MESSAGE'] for entry in self.journal(since)))
        self.must('systemctl stop stranger')

    def test_one_that_hangs_is_replaced_and_its_faults_are_there(self):
        self.with_a_fault()
        self.must(f'kill -STOP {self.of_service("MainPID")}')
        self.until(lambda: (self.of_service('NRestarts'), self.of_service('ActiveState')) == ('1', 'active'))
        self.assertEqual([fault['code'] for fault in self.faults()], ['GPS_LOST'])

    def test_it_comes_back_with_the_machine(self):
        self.with_a_fault()
        self.machine.reboot()
        self.until(lambda: self.of_service('ActiveState') == 'active')
        self.assertEqual([fault['code'] for fault in self.faults()], ['GPS_LOST'])
        self.assertEqual(self.of_service('NRestarts'), '0')

    def refused(self, status):
        """It was started once, ended with that status, and is not started again."""
        since = self.now()
        self.assertNotEqual(self.machine.run('systemctl restart sovd-gatewayd')[0], 0)
        self.assertEqual((self.of_service('ActiveState'), self.of_service('NRestarts'), self.of_service('ExecMainStatus')), ('failed', '0', status))
        self.assertEqual(self.must('systemctl list-jobs --no-legend'), '')
        return [entry['MESSAGE'] for entry in self.journal(since, '-p err')]

    @contextlib.contextmanager
    def while_done(self, do, undo):
        self.must(do)
        try:
            yield
        finally:
            self.must(undo)

    def test_a_wrong_configuration_is_told_and_not_tried_again(self):
        with self.while_done(f"cp {SETTINGS}/config.yaml /var/tmp/ && sed -i 's/^server:/sarver:/' {SETTINGS}/config.yaml", f'cp /var/tmp/config.yaml {SETTINGS}/'):
            self.must('systemctl reload sovd-gatewayd')
            self.until(lambda: 'the new one is not acceptable' in self.of_service('StatusText'))
            self.assertIn("sarver: unknown key; did you mean 'server'?", self.refused('2')[0])

    def test_a_secret_that_is_missing_is_not_waited_for(self):
        with self.while_done(f'mv {SECRETS}/bms-token /var/tmp/', f'mv /var/tmp/bms-token {SECRETS}/'):
            self.refused('243')
            status, said = self.machine.run(f'CREDENTIALS_DIRECTORY={SECRETS} sovd-gatewayd --check-config {SETTINGS}/config.yaml')
        self.assertEqual(status, 2)
        self.assertIn('bms-token cannot be opened', said)


if __name__ == '__main__':
    unittest.main()
