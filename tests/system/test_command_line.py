# SPDX-License-Identifier: Apache-2.0
"""The command line, the configuration file, and the environment that overrides it."""
import pathlib
import re
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_tables
import gateway

GOOD = """\
server:
  host: 127.0.0.1
  port: 0
logging: {level: warn, format: text}
storage:
  path: /var/lib/sovd
limits: {body_bytes: 65536, head_timeout_secs: 2.5}
backends:
  - name: demo
    type: sovd
    base_url: http://127.0.0.1:3001/
    api_prefix: /sovd/v1
    component_ids: [bms, climate]
    timeout_secs: 2
"""


class FileCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='gw')
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / 'gateway.yaml'

    def check(self, text, environment=None):
        """What --check-config says about a file: (status, stdout, stderr)."""
        self.path.write_text(text, encoding='utf-8')
        status, printed, said = gateway.run('--check-config', self.path, environment=environment)
        self.assertNotRegex(said, gateway.SANITIZER)
        return status, printed, said

    def refused(self, text, *wanted, environment=None):
        status, printed, said = self.check(text, environment)
        self.assertEqual((status, printed), (2, ''), said)
        for part in wanted:
            self.assertIn(part.replace('FILE', str(self.path)), said)
        return said


MANUALS = pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'man'


def in_manual(name):
    return set(re.findall(r'(?:\.Fl|Fl|\|) -([a-z-]+)', (MANUALS / name).read_text()))


def in_help(text):
    return set(re.findall(r'--([a-z][a-z-]+)', text))


class Manuals(unittest.TestCase):
    def test_options_of_the_daemon_are_those_of_its_manual(self):
        self.assertEqual(in_help(gateway.run('--help')[1]), in_manual('sovd-gatewayd.8'))

    def test_options_of_commands_are_those_of_their_manual(self):
        told = {'version'}
        for words in ('audit', 'verify'), ('audit', 'head'):
            told |= in_help(audit_tables.run(*words, '--help')[1])
        self.assertEqual(told, in_manual('sovdctl.1'))


class Arguments(unittest.TestCase):
    def test_version_and_help_are_printed(self):
        status, printed, said = gateway.run('--version')
        self.assertEqual((status, said), (0, ''))
        self.assertRegex(printed, r'^sovd-gatewayd \d+\.\d+\.\d+\S*\n$')
        status, printed, said = gateway.run('--help')
        self.assertEqual((status, said), (0, ''))
        for option in '--config', '--check-config', '--print-config-docs', '--print-openapi', '--version', '--help':
            self.assertIn(option, printed)

    def test_the_reference_of_the_configuration_is_printed(self):
        status, printed, said = gateway.run('--print-config-docs')
        self.assertEqual((status, said), (0, ''))
        for key in 'server', 'unix_socket', 'level', 'base_url', 'component_ids', 'head_timeout_secs':
            self.assertIn(key, printed)

    def test_arguments_that_make_no_sense_are_2(self):
        for arguments in ('--colour',), ('more',), ('--config',), ('--config', '/dev/null', 'more'), ('--version=1',):
            with self.subTest(arguments):
                status, printed, said = gateway.run(*arguments)
                self.assertEqual((status, printed), (2, ''))
                self.assertTrue(said)


class CheckConfig(FileCase):
    def test_a_good_file_is_0(self):
        status, printed, said = self.check(GOOD)
        self.assertEqual((status, printed, said), (0, f'{self.path}: ok\n', ''))

    def test_json_and_an_empty_file_are_good_too(self):
        for text in '{"server": {"port": 0}}', '', '# nothing\n', '---\n...\n', 'server:\n', 'backends: []\n':
            self.assertEqual(self.check(text)[0], 0, text)

    def test_the_built_in_defaults_are_good(self):
        self.assertEqual(gateway.run('--check-config'), (0, 'built-in defaults: ok\n', ''))

    def test_a_misspelt_key_is_named_with_its_place(self):
        self.refused(GOOD.replace('  port:', '  prot:'), 'FILE:3:3: server.prot: ')
        self.refused(GOOD.replace('storage:', 'sotrage:'), 'FILE:5:1: sotrage: ')
        self.refused(GOOD.replace('timeout_secs: 2\n', 'timeuot_secs: 2\n'), 'FILE:14:5: backends[0].timeuot_secs: ')

    def test_bad_values_are_named_with_their_place(self):
        for old, new, said in (('port: 0', 'port: zero', '3:3: server.port: '), ('port: 0', 'port: 65536', '3:3: server.port: '),
                               ('port: 0', 'port: 1.5', '3:3: server.port: '), ('port: 0', 'port: [1]', '3:3: server.port: '),
                               ('level: warn', 'level: loud', '4:11: logging.level: '), ('level: warn', 'level: 3', '4:11: logging.level: '),
                               ('body_bytes: 65536', 'body_bytes: 1', '7:10: limits.body_bytes: '),
                               ('type: sovd', 'type: doip', '10:5: backends[0].type: '),
                               ('http://127.0.0.1:3001/', 'ftp://127.0.0.1', '11:5: backends[0].base_url: '),
                               ('    base_url: http://127.0.0.1:3001/\n', '', '9:5: backends[0].base_url: '),
                               ('[bms, climate]', 'bms', '13:5: backends[0].component_ids: '),
                               ('[bms, climate]', '[bms, docs]', '13:5: backends[0].component_ids: '),
                               ('timeout_secs: 2\n', 'timeout_secs: 0\n', '14:5: backends[0].timeout_secs: ')):
            with self.subTest(new):
                self.assertIn(old, GOOD)
                self.refused(GOOD.replace(old, new), 'FILE:' + said)

    def test_times_below_what_is_offered_are_named_with_their_place_and_not_raised(self):
        for section, name, bad, good in (('history', 'compact_secs', '0.04', '0.05'), ('history', 'compact_secs', '0', '0.05'),
                                         ('fault_mirror', 'poll_secs', '0.09', '0.1'), ('fault_mirror', 'poll_secs', '-1', '0'),
                                         ('catalog', 'timeout_secs', '0.04', '0.05'), ('events', 'fast_secs', '0', '0.01'),
                                         ('events', 'normal_secs', '0.009', '0.01'), ('events', 'slow_secs', '0', '0.01'),
                                         ('events', 'trigger_secs', '0', '0.01'), ('events', 'heartbeat_secs', '0.04', '0.05'),
                                         ('events', 'stall_secs', '0.05', '0.1')):
            with self.subTest(section=section, name=name, bad=bad):
                self.refused(f'server: {{port: 0}}\n{section}:\n  {name}: {bad}\n', f'FILE:3:3: {section}.{name}: must be ')
                self.assertEqual(self.check(f'{section}:\n  {name}: {good}\n')[0], 0)

    def test_yaml_that_cannot_be_read_is_named_with_its_place(self):
        for text, place in ('server: [\n', 'FILE:2:1: '), ('server: {port: 1}}\n', 'FILE:1:'), ('a: b: c\n', 'FILE:1:'), ('\tserver: {}\n', 'FILE:1:'):
            self.refused(text, place)

    def test_other_oddities_are_refused(self):
        for text in '[]', 'text', 'server: {port: 1, port: 2}\n', 'server: {port: 1}\nserver: {port: 2}\n', 'server: &a {port: 1}\nx: *a\n', 'server: \xff':
            with self.subTest(text):
                self.path.write_bytes(text.encode('latin-1'))
                status, _, said = gateway.run('--check-config', self.path)
                self.assertEqual(status, 2)
                self.assertIn(str(self.path), said)

    def test_two_backends_with_one_name_are_refused(self):
        more = '  - {name: demo, base_url: "http://127.0.0.1:3002"}\n'
        self.refused(GOOD + more, 'FILE:15:6: backends[1].name: another backend has this name')

    def test_every_fault_of_a_file_is_told_at_once(self):
        self.assertEqual(len(self.refused('server: {prot: 1}\nlogging: {level: loud}\nbakends: []\n').splitlines()), 3)

    def test_a_missing_file_is_2_and_named(self):
        for option in '--check-config', '--config':
            status, _, said = gateway.run(option, '/nonexistent/gateway.yaml')
            self.assertEqual(status, 2)
            self.assertIn('/nonexistent/gateway.yaml', said)

    def test_a_bad_file_does_not_start(self):
        self.path.write_text('server: {prot: 1}')
        status, _, said = gateway.run('--config', self.path)
        self.assertEqual(status, 2)
        self.assertIn(f'{self.path}:1:10: server.prot: ', said)


class Environment(FileCase):
    def test_both_forms_override_the_file(self):
        for name in 'SOVD__LOGGING__LEVEL', 'SOVD_LOGGING__LEVEL':
            self.refused(GOOD, name, 'logging.level', environment={name: 'loud'})
            self.assertEqual(self.check(GOOD, {name: 'debug'})[0], 0)

    def test_an_override_repairs_a_value_of_the_file(self):
        self.assertEqual(self.check(GOOD.replace('level: warn', 'level: loud'), {'SOVD__LOGGING__LEVEL': 'info'})[0], 0)

    def test_an_override_takes_effect(self):
        for name in 'SOVD__SERVER__HOST', 'SOVD_SERVER__HOST':
            with gateway.Gateway(environment={name: '127.0.0.3'}) as server:
                self.assertEqual(server.host, '127.0.0.3')

    def test_an_unknown_key_is_refused_and_named(self):
        for name in 'SOVD__SERVER__PROT', 'SOVD_SERVER__PROT', 'SOVD__SREVER__PORT', 'SOVD__SERVER', 'SOVD__BACKENDS__NAME':
            with self.subTest(name):
                self.refused(GOOD, name, environment={name: '1'})

    def test_a_bad_value_is_refused_and_named(self):
        for value in 'x', '65536', '-1', '', '1.5', '0x10 ':
            self.refused(GOOD, 'SOVD__SERVER__PORT', 'server.port', environment={'SOVD__SERVER__PORT': value})

    def test_one_key_twice_is_refused(self):
        self.refused(GOOD, 'set by two variables', environment={'SOVD__SERVER__PORT': '1', 'SOVD_SERVER__PORT': '1'})

    def test_other_variables_with_the_prefix_mean_nothing(self):
        self.assertEqual(self.check(GOOD, {'SOVD_HOME': 'x', 'SOVDX__SERVER__PORT': 'x', 'SOVD': 'x'})[0], 0)

    def test_overrides_hold_after_a_reload(self):
        with gateway.Gateway(environment={'SOVD__LOGGING__LEVEL': 'debug'}, logging={'level': 'info'}) as server:
            server.reload(gateway.Gateway.settings(logging={'level': 'info'}), 'the configuration was read again')
            server.get('/areas')
            server.wait_log('debug GET /sovd/v1/areas')


class Start(FileCase):
    def test_without_a_file_it_listens_on_loopback_and_serves_nothing(self):
        with gateway.Gateway(arguments=[], environment={'SOVD__SERVER__PORT': '0'}) as server:
            self.assertEqual(server.host, '127.0.0.1')
            self.assertEqual(server.get('/components').json, {'items': []})
            self.assertEqual(server.health()['status'], 'ok')

    def test_the_documented_default_is_loopback_port_8080(self):
        _, printed, _ = gateway.run('--print-config-docs')
        server = printed.partition('## `server`')[2].partition('\n## ')[0]
        rows = {line.split('`')[1]: line for line in server.splitlines() if line.count('`') >= 2}
        self.assertIn('127.0.0.1', rows['host'])
        self.assertIn('8080', rows['port'])

    def test_a_port_in_use_is_1_with_a_message(self):
        with socket.socket() as taken:
            taken.bind(('127.0.0.1', 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.path.write_text(f'server: {{port: {port}}}')
            status, _, said = gateway.run('--config', self.path)
        self.assertEqual(status, 1)
        self.assertIn(f'cannot listen on 127.0.0.1 port {port}', said)
        self.assertNotRegex(said, gateway.SANITIZER)

    def test_the_state_is_in_the_folder_that_is_named_or_it_does_not_start(self):
        with gateway.Gateway(storage={'path': str(self.path.parent)}):
            self.assertTrue((self.path.parent / 'state.db').is_file())
        self.path.write_text(f'server: {{port: 0}}\nstorage: {{path: {self.path}}}')
        status, _, said = gateway.run('--config', self.path)
        self.assertEqual(status, 1)
        self.assertIn(f'the state in {self.path}/state.db cannot be opened', said)
        self.assertNotRegex(said, gateway.SANITIZER)

    def test_why_the_state_cannot_be_made_is_what_making_it_said(self):
        self.path.write_text('server: {port: 0}\nstorage: {path: /sys}')
        status, _, said = gateway.run('--config', self.path)
        self.assertEqual(status, 1)
        self.assertRegex(said, 'the state in /sys/state.db cannot be opened: (Permission denied|Read-only file system|Operation not permitted)')

    def test_a_port_is_free_again_at_once_after_a_stop(self):
        with gateway.Gateway() as first:
            port = first.port
            first.get('/components')
        with gateway.Gateway(server={'port': port}) as second:
            self.assertEqual(second.get('/components').status, 200)


if __name__ == '__main__':
    unittest.main()
