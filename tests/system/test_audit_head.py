# SPDX-License-Identifier: Apache-2.0
"""sovdctl audit head: what a verifier elsewhere asks a running gateway for, again and again."""
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_files
import audit_tables
import certificates
import ecu
import gateway
import keys

PROVEN, TAMPERED, TRUNCATED, UNREADABLE, USAGE = 0, 1, 2, 3, 64
KEYS = keys.section(keys.entry('verifier', 'the-token-of-the-verifier', 'auditor'), keys.entry('fitter', 'the-token-of-the-fitter', 'tester'))


class HeadCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='head')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state, self.heads = self.folder / 'state', self.folder / 'heads'
        self.state.mkdir()
        self.token = self.secret('token', 'the-token-of-the-verifier')
        self.vehicle = ecu.DemoEcu()
        self.addCleanup(self.vehicle.stop)
        self.gateway = None
        self.addCleanup(self.stop)
        self.start()

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text + '\n')
        path.chmod(0o600)
        return path

    def start(self, **more):
        self.gateway = gateway.Gateway(self.vehicle, storage={'path': str(self.state)}, auth=KEYS, **more)

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def lock(self):
        self.gateway.post('/components/bms/locks', {'lock_expiration': 60})

    def head(self, *more, key=None, token=None, port=None, scheme='http'):
        url = f'{scheme}://127.0.0.1:{port or self.gateway.port}'
        return audit_tables.run('audit', 'head', '--key', key or self.state / 'audit.pub', '--token-file', token or self.token, *more, url)

    def remembered(self, status=PROVEN):
        lines = self.heads.read_text().splitlines() if self.heads.exists() else []
        got, out, err = self.head('--remember', self.heads)
        self.assertEqual(got, status, out + err)
        now = self.heads.read_text().splitlines() if self.heads.exists() else []
        if status != PROVEN:
            self.assertEqual((out, now), ('', lines))
        return err


class Head(HeadCase):
    def test_heads_are_proven_and_remembered_and_prove_the_log_later(self):
        sizes = []
        for _ in range(3):
            self.lock()
            said = self.remembered()
            sizes.append(int(self.heads.read_text().splitlines()[-1].split()[0]))
        self.assertIn('proven', said)
        self.assertIn(f'begins with the {sizes[1]} entries that are remembered', said)
        self.assertEqual(sizes, sorted(set(sizes)))
        self.assertEqual(self.heads.stat().st_mode & 0o777, 0o600)
        self.stop()
        self.start()  # another epoch or not: it is the same log
        self.remembered()
        self.stop()
        status, said = audit_files.verify(self.state / 'state.db', '--key', self.state / 'audit.pub', '--head', self.heads)
        self.assertEqual(status, 0, said)
        self.assertIn('4 of 4 heads kept elsewhere', said)

    def test_the_line_that_is_printed_is_a_head(self):
        status, out, _ = self.head()
        self.assertEqual(status, PROVEN)
        self.lock()
        self.stop()
        self.assertIn('1 of 1 heads', audit_files.verify(self.state / 'state.db', '--head', out.strip())[1])

    def test_another_device_key_proves_nothing(self):
        other = self.folder / 'other'
        other.write_text('11' * 32)
        status, out, err = self.head('--remember', self.heads, key=other)
        self.assertEqual((status, out, self.heads.exists()), (TAMPERED, '', False), err)

    def test_an_older_copy_that_was_put_back_is_seen(self):
        self.lock()
        self.stop()
        shutil.copytree(self.state, self.folder / 'old')
        self.start()
        for _ in range(5):
            self.lock()
        self.remembered()
        self.stop()
        shutil.rmtree(self.state)
        shutil.copytree(self.folder / 'old', self.state)
        self.start()
        self.assertIn('remembers', self.remembered(TRUNCATED))
        for _ in range(20):  # it grows again, and is another one
            self.lock()
        self.assertIn('not those that', self.remembered(TAMPERED))

    def test_a_log_that_was_begun_anew_is_seen(self):
        self.remembered()
        self.stop()
        for file in self.state.iterdir():
            if file.name not in ('audit.key', 'audit.pub'):
                file.unlink()
        self.start()
        for _ in range(20):
            self.lock()
        self.assertIn('not those that', self.remembered(TAMPERED))

    def test_what_cannot_be_read_is_told_and_not_remembered(self):
        self.assertIn('403', self.head(token=self.secret('fitter', 'the-token-of-the-fitter'))[2])
        self.assertIn('401', self.head(token=self.secret('nobody', 'the-token-of-nobody'))[2])
        port = self.gateway.port
        self.stop()
        status, out, err = self.head('--remember', self.heads, port=port)
        self.assertEqual((status, out, self.heads.exists()), (UNREADABLE, '', False))
        self.assertIn('not reachable', err)

    def test_over_tls_with_the_authority_that_is_named_only(self):
        authority = certificates.Authority()
        certificate, key = authority.server().write(self.folder, 'server')
        trusted = certificates.write(self.folder / 'ca.pem', authority.pem)
        other = certificates.write(self.folder / 'other.pem', certificates.Authority('Another CA').pem)
        self.stop()
        self.start(server={'tls': {'certificate': str(certificate), 'key': str(key)}}, context=certificates.context_of(authority))
        self.assertEqual(self.head('--cacert', trusted, scheme='https')[0], PROVEN)
        status, _, err = self.head('--cacert', other, scheme='https')
        self.assertEqual(status, UNREADABLE)
        self.assertIn('TLS', err)

    def test_arguments_that_make_no_sense_are_refused(self):
        self.token.chmod(0o644)
        self.assertIn('0600', self.head()[2])
        self.token.chmod(0o600)
        self.heads.write_text('nonsense\n')
        for words in (['--remember', self.heads], ['--key', '/nowhere'], ['--fingerprint', 'xyz'], ['second-url']):
            self.assertEqual(self.head(*words)[0], USAGE, words)
        self.assertEqual(audit_tables.run('audit', 'head')[0], USAGE)
        self.assertEqual(audit_tables.run('audit', 'head', 'ftp://vehicle')[0], USAGE)


if __name__ == '__main__':
    unittest.main()
