# SPDX-License-Identifier: Apache-2.0
"""Compliance evidence: each figure is compared with what the test finds out by itself."""
import base64
import hashlib
import json
import os
import pathlib
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import gateway
import keys

PATH = '/compliance-evidence'
ADMIN, AUDITOR, TESTER = (keys.bearer(f'a-long-secret-of-the-{who}') for who in ('admin', 'auditor', 'tester'))
SECRET = 'the-token-for-the-server-behind'


def auth(**more):
    entries = [keys.entry(who, f'a-long-secret-of-the-{who}', who) for who in ('admin', 'auditor', 'tester')]
    return keys.section(*entries, enabled=True, **more)


def canonical(sections):
    return json.dumps(sections, sort_keys=True, separators=(',', ':'), ensure_ascii=False).encode()


class EvidenceCase(gateway.GatewayCase):
    backend_options = {'bearer_token': SECRET}
    more = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='evidence')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / 'state').mkdir()
        (cls.folder / 'policy.yaml').write_text('roles:\n  anonymous: {allow: [{methods: [GET], collections: [health, entities]}]}\n')
        cls.sections = {'auth': auth(policy_file=str(cls.folder / 'policy.yaml'), public_metrics=True), 'storage': {'path': str(cls.folder / 'state')}, **cls.more}
        super().setUpClass()

    def evidence(self, headers=AUDITOR):
        return self.get(PATH, headers)

    def verified(self):
        return self.until(lambda: self.evidence()['audit']['verification']['result'] != 'pending' and self.evidence()['audit']['verification'])


class Evidence(EvidenceCase):
    def test_it_is_for_auditors_and_admins_and_is_put_on_record(self):
        reply = self.ask(200, 'GET', PATH, headers=AUDITOR)
        self.ask(200, 'GET', PATH, headers=ADMIN)
        self.ask(403, 'GET', PATH, headers=TESTER)
        self.ask(401, 'GET', PATH)
        entry = self.until(lambda: [e for e in self.get('/audit', AUDITOR)['items'] if e.get('req') == reply.headers['x-request-id']])[0]
        self.assertEqual((entry['ev'], entry['detail']['route']), ('request.read', 'compliance-evidence'))

    def test_the_program_is_the_one_that_runs(self):
        build = self.evidence()['build']
        program = pathlib.Path(os.readlink(f'/proc/{self.gateway.process.pid}/exe'))
        self.assertEqual(build['executable_sha256'], hashlib.sha256(program.read_bytes()).hexdigest())
        self.assertIn(os.uname().release, build['system'])

    def test_the_configuration_is_the_one_in_force_with_its_digest_and_without_secrets(self):
        reply = self.ask(200, 'GET', PATH, headers=AUDITOR)
        found = reply.json['configuration']
        sections = found['sections']
        self.assertEqual(found['sha256'], hashlib.sha256(canonical(sections)).hexdigest())
        self.assertEqual((sections['server']['port'], sections['fault_mirror']['poll_secs']), (0, 0))
        self.assertEqual(sections['limits']['executions'], 1000)  # by default
        backend, = sections['backends']
        self.assertEqual(backend['name'], 'demo')
        self.assertEqual([key['name'] for key in sections['auth']['api_keys']], ['admin', 'auditor', 'tester'])
        for secret in (SECRET, hashlib.sha256(b'a-long-secret-of-the-admin').hexdigest(), str(self.gateway.config)):
            self.assertNotIn(secret.encode(), reply.body)
        self.assertNotIn('bearer_token', backend)

    def test_the_policy_is_named_by_the_bytes_of_its_file(self):
        self.assertEqual({name: value for name, value in self.evidence()['policy'].items() if name != 'generation'},
                         {'enforced': True, 'source': 'file', 'sha256': hashlib.sha256((self.folder / 'policy.yaml').read_bytes()).hexdigest()})

    def test_the_log_is_verified_at_the_start_and_the_figures_are_those_of_the_verifier(self):
        found = self.verified()
        self.assertEqual((found['result'], found['first']), ('sound', 1))
        self.assertNotIn('reason', found)
        audit = self.evidence()['audit']
        self.assertGreaterEqual(audit['entries'], found['last'])
        proof = self.get(f'/audit/consistency?from={found["size"]}', AUDITOR)
        self.assertEqual(bytes.fromhex(found['root']), base64.b64decode(proof['from_root']))
        self.assertEqual(audit['checkpoint'].split('\n')[0], 'sovd-audit/' + audit['log'])
        self.assertEqual(self.get('/health', ADMIN)['audit']['verification'], 'sound')
        self.assertEqual(self.gateway.metrics()['sovd_audit_verification_failed'], 0)

    def test_transport_authentication_state_and_clock_are_what_they_are(self):
        found = self.evidence()
        self.assertEqual(found['transport'], {'tls': False, 'local': True})
        self.assertEqual(found['authentication'], {'enabled': True, 'methods': ['api-key']})
        self.verified()
        state = self.until(lambda: 'check' in self.evidence()['state'] and self.evidence()['state'])
        self.assertEqual((state['durable'], state['check']), (True, 'sound'))
        self.assertEqual(found['clock']['boot'], pathlib.Path('/proc/sys/kernel/random/boot_id').read_text().strip())
        self.assertLess(abs(found['clock']['since_boot_ms'] / 1000 - time.clock_gettime(time.CLOCK_BOOTTIME)), 60)
        self.assertEqual(found['features_off'], [])

    def test_what_is_switched_off_is_told(self):
        self.addCleanup(self.ask, 200, 'PUT', '/x-admin/features/streams', {'enabled': True}, ADMIN)
        self.ask(200, 'PUT', '/x-admin/features/streams', {'enabled': False}, ADMIN)
        self.assertEqual(self.evidence()['features_off'], ['streams'])

    def test_a_reload_changes_what_is_shown(self):
        before = self.evidence()
        settings = json.loads(self.gateway.config.read_text())
        self.addCleanup(self.gateway.reload, settings)
        policy = self.folder / 'policy.yaml'
        policy.write_text(policy.read_text() + '\n# another text\n')
        self.gateway.reload({**settings, 'logging': {'level': 'debug'}})
        after = self.evidence()
        self.assertEqual(after['configuration']['sections']['logging']['level'], 'debug')
        self.assertNotEqual(before['configuration']['sha256'], after['configuration']['sha256'])
        self.assertEqual(after['policy']['sha256'], hashlib.sha256(policy.read_bytes()).hexdigest())
        self.assertGreater(after['policy']['generation'], before['policy']['generation'])
        self.gateway.reload('nonsense: true')
        self.assertEqual(self.evidence()['configuration'], after['configuration'])


class Encrypted(EvidenceCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='tls')
        cls.addClassCleanup(folder.cleanup)
        authority = certificates.Authority()
        cls.pair = authority.server()
        file, key = cls.pair.write(folder.name, 'server')
        ca = certificates.write(pathlib.Path(folder.name) / 'ca.pem', authority.pem)
        cls.more = {'server': {'tls': {'certificate': file, 'key': key, 'client_ca': ca, 'min_version': '1.3'}},
                    'context': certificates.context_of(authority)}
        super().setUpClass()

    def test_tls_is_described_by_its_certificate_and_versions(self):
        found = self.evidence()['transport']
        ends = found.pop('certificate_ends')
        self.assertEqual(found, {'tls': True, 'local': True, 'versions': ['TLSv1.3'], 'certificate_sha256': self.pair.sha256, 'client_ca': True,
                                 'client_certificate_required': False})
        self.assertEqual(ends[:19], self.pair.certificate.not_valid_after.isoformat()[:19])


class Changed(EvidenceCase):
    more = {'audit': {'verify_hours': 0.0003}}  # about a second

    def change(self, statement):
        """What somebody with the file does to it."""
        database = sqlite3.connect(self.folder / 'state' / 'state.db')
        for name, in database.execute("SELECT name FROM sqlite_schema WHERE type='trigger' AND name LIKE 'audit%'").fetchall():
            database.execute(f'DROP TRIGGER {name}')
        database.execute(statement)
        database.commit()
        database.close()

    def test_what_is_changed_while_it_runs_is_found_told_and_acknowledged(self):
        self.assertEqual(self.verified()['result'], 'sound')
        self.change("UPDATE audit_entry SET body=replace(body, 'system.start', 'system.stop') WHERE seq=1")
        found = self.until(lambda: self.evidence()['audit']['verification']['result'] == 'failed' and self.evidence()['audit']['verification'])
        self.assertRegex(found['reason'], 'entry 1')
        self.assertFalse(found['acknowledged'])
        health = self.until(lambda: 'audit-verification-failed' in self.get('/health', ADMIN).get('faults', []) and self.get('/health', ADMIN))
        self.assertEqual((health['status'], health['audit']['verification']), ('failed', 'failed'))
        self.assertEqual(self.gateway.metrics()['sovd_audit_verification_failed'], 1)
        entry = self.until(lambda: self.get('/audit?event=system.verify', AUDITOR)['items'])[0]
        self.assertEqual((entry['outcome'], entry['detail']['why']), ('error', found['reason']))
        self.assertEqual(self.ask(200, 'POST', '/x-admin/audit/acknowledge', None, ADMIN).json['finding'], found['reason'])
        self.ask(409, 'POST', '/x-admin/audit/acknowledge', None, ADMIN)
        self.until(lambda: 'audit-verification-failed' not in self.get('/health', ADMIN).get('faults', []))
        ended = self.evidence()['audit']['verification']['at']
        again = self.until(lambda: self.evidence()['audit']['verification']['at'] != ended and self.evidence()['audit']['verification'])
        self.assertEqual((again['result'], again['acknowledged']), ('failed', True))  # it stays true, and is no news
        self.assertNotEqual(self.get('/health', ADMIN)['status'], 'failed')
        self.assertEqual(len(self.get('/audit?event=system.verify', AUDITOR)['items']), 1)


class Removed(EvidenceCase):
    more = {'audit': {'verify_hours': 0.0001, 'max_bytes': 1500000, 'full': 'overwrite'}}

    def test_old_entries_that_are_removed_while_it_reads_are_no_finding(self):
        results = set()
        for _ in range(1000):
            self.ask(200, 'PUT', '/x-admin/features/streams', {'enabled': True}, ADMIN)
            if self.evidence()['audit']['first'] > 2048:
                break
        before = self.gateway.metrics()['sovd_audit_verifications_total']
        self.until(lambda: results.add(self.evidence()['audit']['verification']['result']) or
                   self.gateway.metrics()['sovd_audit_verifications_total'] > before + 2)
        found = self.verified()
        self.assertEqual((results, found['result']), ({'sound'}, 'sound'), found)
        self.assertGreater(found['first'], 1024)


class Tenant(gateway.GatewayCase):
    sections = {'auth': keys.section(keys.entry('guest', 'a-long-secret-of-the-guest', 'auditor', tenant='a'))}

    def test_a_client_of_one_tenant_gets_none(self):
        self.ask(403, 'GET', PATH, headers=keys.bearer('a-long-secret-of-the-guest'))
        self.ask(401, 'GET', PATH)
