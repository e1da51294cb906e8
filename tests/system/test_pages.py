# SPDX-License-Identifier: Apache-2.0
"""Configurations that pages show, and those of deploy/config, are ones that the daemon takes."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import gateway
import keys
from test_tour import pattern, run, steps_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').rglob('*.md'))]
BLOCK = re.compile(r'^```yaml\n(.*?)^```', re.DOTALL | re.MULTILINE)
TOP = re.compile(r'^([a-z_]+):', re.MULTILINE)
HERE = {'/etc/sovd-gateway': '', '/var/lib/sovd-gateway': '/state', '/run/sovd-gateway': ''}
LEAF_PATH = 'Vehicle.Powertrain.TractionBattery.StateOfCharge.Current'
UNIT = ROOT / 'deploy' / 'systemd' / 'sovd-gatewayd.service'
DROP_IN = UNIT.with_name('vehicle.conf')


def shown():
    """(page:line, text) of every block of YAML."""
    for page in PAGES:
        text = page.read_text(encoding='utf-8')
        for block in BLOCK.finditer(text):
            yield f'{page.relative_to(ROOT)}:{text.count(chr(10), 0, block.start()) + 1}', block[1]


def sections():
    """Names of all sections of the configuration."""
    table = gateway.run('--print-config-docs')[1].split('\n## ')[0]
    return set(re.findall(r'^\| `(\w+)` \|', table, re.MULTILINE))


def leaf(path):
    """A specification of signals that has this one only."""
    node = {'type': 'sensor', 'datatype': 'float', 'description': 'x'}
    first, *rest = path.split('.')
    for name in reversed(rest):
        node = {'type': 'branch', 'description': 'x', 'children': {name: node}}
    return {first: node}


def anchors(page):
    """Where a link into the page can lead, by its headings."""
    headings = re.findall(r'^#+ (.*)$', re.sub(r'^```.*?^```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


class Folder:
    """What the pages suppose to be there: certificates, keys, and the files of other pages."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        (self.path / 'state').mkdir()
        self.authority, self.clients = certificates.Authority('Servers'), certificates.Authority('Clients')
        server = self.authority.server()
        for name, data, mode in (('server.pem', server.pem, 0o644), ('server.key', server.key_pem, 0o600), ('mint.pem', server.key_pem, 0o600),
                                 ('gw7.pem', server.pem, 0o644), ('gw7.key', server.key_pem, 0o600),
                                 ('client-ca.pem', self.clients.pem, 0o644), ('client-crl.pem', self.clients.crl(), 0o644),
                                 ('vehicle-ca.pem', self.authority.pem, 0o644), ('vault-ca.pem', self.authority.pem, 0o644),
                                 ('issuer.pem', self.public(server), 0o644), ('bms-token', b'x' * 32, 0o600), ('vault-token', b'x' * 32, 0o600),
                                 ('fitter.key', b'f' * 32, 0o600), ('dongle.key', b'd' * 32, 0o600), ('collector-ca.pem', self.authority.pem, 0o644), ('inspector.key', b'i' * 32, 0o600), ('workshop.key', b'w' * 32, 0o600),
                                 ('vss.json', json.dumps(leaf(LEAF_PATH)).encode(), 0o644), ('oem.json', b'{}', 0o644)):
            certificates.write(self.path / name, data, mode)
        for name in ('policy.yaml', 'navigation-faults.yaml'):
            certificates.write(self.path / name, (ROOT / 'deploy' / 'config' / name).read_bytes(), 0o644)
        certificates.write(self.path / 'bench.yaml', b'components: [{id: bench}]\n', 0o644)

    @staticmethod
    def public(pair):
        return pair.certificate.public_key().public_bytes(certificates.serialization.Encoding.PEM,
                                                          certificates.serialization.PublicFormat.SubjectPublicKeyInfo)

    def file(self, name, text):
        """Written with paths and users of this machine."""
        for there, here in HERE.items():
            text = text.replace(there, f'{self.path}{here}')
        text = re.sub(r'\b(user|group|socket_group): (?!root\b)[a-z]+', r'\1: root', text)
        path = self.path / name
        certificates.write(path, text.encode(), 0o644)
        return path

    def run(self, *arguments):
        done = subprocess.run([str(gateway.binary().resolve()), *map(str, arguments)], cwd=self.path, capture_output=True, text=True, timeout=30,
                              env=gateway.clean_environment(**self.environment))
        return done.returncode, done.stdout + done.stderr

    @property
    def environment(self):
        return {'CREDENTIALS_DIRECTORY': str(self.path)}


class FolderCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='gw')
        self.addCleanup(folder.cleanup)
        self.folder = Folder(folder.name)


class Pages(FolderCase):
    def arguments(self, text):
        """A block is a configuration, a policy, a catalogue of faults or a scenario; by its first key it is known which."""
        name = re.match(r'# (\S+)\n', text)  # the blocks behind it name this file
        file = self.folder.file(name[1] if name else 'shown.yaml', text)
        words = set(TOP.findall(text))
        if words & {'roles', 'tenants', 'scopes'}:
            key = keys.section(keys.entry('a', 'k', 'admin'), enabled=True, policy_file=str(file))
            return [self.folder.file('around.yaml', json.dumps({'auth': key}))]
        if words == {'faults'} and re.match(r'faults:\n +-', text):
            catalog = {'entity': 'apps/nav', 'file': str(file)}
            native = {'socket': str(self.folder.path / 'apps.sock'), 'apps': [{'entity': 'apps/nav'}]}
            return [self.folder.file('around.yaml', json.dumps({'faults': {'catalogs': [catalog]}, 'native': native}))]
        if words == {'components'}:
            return [f'--demo={file}']
        self.assertLessEqual(words, self.sections, 'neither a configuration nor anything else that is known here')
        return [file]

    def test_every_block_of_yaml_is_taken(self):
        self.sections, count = sections(), 0
        for place, text in shown():
            with self.subTest(place):
                status, said = self.folder.run('--check-config', *self.arguments(text))
                self.assertEqual(status, 0, said)
            count += 1
        self.assertGreater(count, 15)

    def test_a_block_with_a_word_that_does_not_exist_is_found(self):
        self.sections = sections()
        for text in 'server: {prot: 1}\n', 'roles:\n  a: {alow: []}\n', 'faults:\n  - {cod: A, name: B}\n', 'components:\n  - {idd: a}\n':
            with self.subTest(text):
                self.assertEqual(self.folder.run('--check-config', *self.arguments(text))[0], 2)

    def test_every_link_leads_somewhere(self):
        for page in PAGES:
            for target in re.findall(r'\]\(([^)\s]+)\)', page.read_text(encoding='utf-8')):
                if '://' in target:
                    continue
                path, _, anchor = target.partition('#')
                there = page if not path else (page.parent / path).resolve()
                with self.subTest(f'{page.relative_to(ROOT)}: {target}'):
                    self.assertTrue(there.exists())
                    self.assertTrue(not anchor or anchor in anchors(there))

    def test_pages_name_the_folders_of_the_unit(self):
        for page in PAGES:
            found = re.findall(r'/(?:etc|var/lib|run)/sovd[\w-]*', page.read_text(encoding='utf-8'))
            self.assertLessEqual(set(found), set(HERE), page.name)


class Commands(unittest.TestCase):
    """Pages with commands against the demo; the tour and the page about security have tests of their own."""

    def follow(self, name):
        steps = steps_of((ROOT / 'docs' / name).read_text(encoding='utf-8'))
        with gateway.Gateway(arguments=['--demo'], environment={'SOVD_SERVER__PORT': '0'}) as demo, tempfile.TemporaryDirectory() as folder:
            found, errors = run(steps, f'127.0.0.1:{demo.port}', folder)
        self.assertEqual(len(found), len(steps), errors)
        for step, (output, status) in zip(steps, found):
            with self.subTest(f'docs/{name}:{step.line}: {step.command}'):
                self.assertEqual(status, 0, output + errors)
                self.assertRegex(output, re.compile(rf'\A{pattern(step.shown)}\Z', re.DOTALL))

    def test_locks(self):
        self.follow('locks.md')

    def test_streams(self):
        self.follow('streams.md')

    def test_backup(self):
        self.follow('backup.md')


class Explained(FolderCase):
    def test_the_page_about_authorisation_shows_what_its_policy_decides(self):
        page = (ROOT / 'docs' / 'authorisation.md').read_text(encoding='utf-8')
        step, = steps_of(page)
        self.folder.file('policy.yaml', BLOCK.search(page)[1])
        self.folder.file('gateway.yaml', json.dumps({'auth': keys.section(keys.entry('a', 'k'), enabled=True, policy_file='policy.yaml')}))
        status, said = self.folder.run(*shlex.split(step.command)[1:])
        self.assertEqual((status, said.strip()), (1, '\n'.join(step.shown)))


class Examples(FolderCase):
    """deploy/config"""

    def vehicle(self):
        """On loopback and a free port."""
        text = (ROOT / 'deploy' / 'config' / 'vehicle.yaml').read_text(encoding='utf-8')
        for there, here in ('port: 8443', 'port: 0'), ('host: 0.0.0.0', 'host: 127.0.0.1'):
            self.assertIn(there, text)
            text = text.replace(there, here)
        return self.folder.file('vehicle.yaml', text)

    def test_each_configuration_is_taken(self):
        for name in 'quickstart.yaml', 'apps.yaml', 'vehicle.yaml':
            text = (ROOT / 'deploy' / 'config' / name).read_text(encoding='utf-8')
            with self.subTest(name):
                self.assertEqual(self.folder.run('--check-config', self.folder.file(name, text))[:1], (0,))

    def test_the_vehicle_lets_in_whom_it_names_and_nobody_else(self):
        tester = self.folder.clients.client('tester-7', organization='Workshop')
        supplier = self.folder.clients.client('anna', organization='Battery Maker')
        with gateway.Gateway(arguments=['--demo', '--config', str(self.vehicle())], environment=self.folder.environment, ready=False,
                             context=certificates.context_of(self.folder.authority)) as server:
            host = {'Host': 'vehicle.example:8443'}
            self.assertEqual(server.bare('GET', '/sovd/v1/components', headers=host).status, 401)
            for pair, path, status in ((tester, 'components/climate/data', 200), (supplier, 'components/climate/data', 404),
                                       (supplier, 'components/bms/data', 200), (supplier, 'updates', 403), (tester, 'audit', 403)):
                with self.subTest(path):
                    server.context = certificates.context_of(self.folder.authority, pair, self.folder.path)
                    self.assertEqual(server.bare('GET', f'/sovd/v1/{path}', headers=host).status, status)
            self.assertEqual(server.bare('GET', '/healthz', headers={'Host': 'somebody.example'}).status, 421)

    def test_every_credential_of_the_vehicle_is_given_by_the_drop_in(self):
        text = (ROOT / 'deploy' / 'config' / 'vehicle.yaml').read_text(encoding='utf-8')
        named = set(re.findall(r': credential:(\S+)', text))
        given = set(re.findall(r'^LoadCredential=([\w.-]+):/etc/sovd-gateway/secrets/\1$', DROP_IN.read_text(encoding='utf-8'), re.MULTILINE))
        self.assertEqual(named, given)
        self.assertGreater(len(named), 2)

    def test_the_one_for_apps_has_the_lines_for_an_admin_and_its_backup_is_made_as_the_page_says(self):
        page = (ROOT / 'docs' / 'backup.md').read_text(encoding='utf-8')
        here = re.search(r'lines for it as comments:\n\n```\n(.*?)```', page, re.DOTALL)[1].replace('/tmp/sovd-', f'{self.folder.path}/').replace('deploy/', f'{ROOT}/deploy/')
        make, serve, back_up = (shlex.split(line[2:].replace(' > with-admin.yaml', '').removesuffix(' &')) for line in here.splitlines())
        text = subprocess.run(make, capture_output=True, text=True, check=True).stdout.replace('user: root', f'uid: {os.getuid()}')
        self.assertEqual(serve[1:], ['--config', 'with-admin.yaml'])
        file = self.folder.file('with-admin.yaml', text.replace('/tmp/sovd-', f'{self.folder.path}/'))
        with gateway.Gateway(arguments=['--config', str(file)], environment={'SOVD_SERVER__PORT': '0'}) as server:
            self.assertEqual(server.bare('GET', '/sovd/v1/x-admin/backup').status, 401)
            subprocess.run(back_up, cwd=self.folder.path / 'state', check=True)
        made, = (self.folder.path / 'state').glob('sovd-gateway-*.db')
        self.assertTrue(made.read_bytes().startswith(b'SQLite format 3'))


class Unit(unittest.TestCase):
    def test_systemd_takes_the_unit_with_its_drop_in(self):
        with tempfile.TemporaryDirectory() as folder:
            unit = pathlib.Path(folder) / UNIT.name
            unit.write_text(UNIT.read_text(encoding='utf-8').replace('/usr/sbin/sovd-gatewayd', str(gateway.binary().resolve())), encoding='utf-8')
            (unit.parent / f'{UNIT.name}.d').mkdir()
            shutil.copy(DROP_IN, unit.parent / f'{UNIT.name}.d')
            done = subprocess.run(['systemd-analyze', 'verify', str(unit)], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_the_exposure_is_what_the_page_says(self):
        page = (ROOT / 'docs' / 'operations.md').read_text(encoding='utf-8')
        said = re.search(r'exposure of (\d)\.(\d)', page)
        done = subprocess.run(['systemd-analyze', 'security', '--offline=true', f'--threshold={said[1]}{said[2]}', str(UNIT)],
                              capture_output=True, text=True, timeout=60, env={**os.environ, 'LC_ALL': 'C'})
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == '__main__':
    unittest.main()
