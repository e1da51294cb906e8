# SPDX-License-Identifier: Apache-2.0
"""The audit log as its readers see it: what clients change, who is refused, and proofs that need nobody's word."""
import base64
import hashlib
import hmac
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_files
import keys
import gateway

ADMIN_TOKEN, TESTER_TOKEN = 'a-secret-of-the-admin', 'a-secret-of-a-tester-here'
AUTH = keys.section(keys.entry('keeper', ADMIN_TOKEN, 'admin'), keys.entry('tester', TESTER_TOKEN))
ADMIN, TESTER = ({'Authorization': f'Bearer {token}'} for token in (ADMIN_TOKEN, TESTER_TOKEN))
TESTER_ID, KEEPER_ID = r'^(\S+:)?tester$', r'^(\S+:)?keeper$'
LOCKS = '/components/bms/locks'


def b64(text):
    return base64.b64decode(text, validate=True)


def node(left, right):
    return hashlib.sha256(b'\1' + left + right).digest()


def root_of(leaves):
    """RFC 9162 2.1.1."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node(root_of(leaves[:k]), root_of(leaves[k:]))


def included(leaf, index, size, proof):
    """The root that a proof leads to (RFC 9162 2.1.3.2)."""
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return r


class AuditCase(gateway.GatewayCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='audit')
        cls.addClassCleanup(folder.cleanup)
        cls.state = pathlib.Path(folder.name) / 'state'
        cls.state.mkdir()
        cls.sections = {'auth': AUTH, 'storage': {'path': str(cls.state)}, **getattr(cls, 'more', {})}
        super().setUpClass()

    def entries(self, **query):
        text = '&'.join(f'{key}={value}' for key, value in query.items())
        return self.get('/audit' + ('?' + text if text else ''), ADMIN)['items']

    def of_request(self, request_id):
        """Its entries, oldest first, once they are there."""
        return self.until(lambda: [e for e in reversed(self.entries(limit=200)) if e.get('req') == request_id])

    def lock(self, headers=None):
        reply = self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, headers or TESTER)
        self.addCleanup(self.gateway.delete, reply.headers['location'], None, headers or TESTER)
        return reply

    def proven(self, text, *arguments):
        """What the verifier says of an export: it shares no state with the daemon, and trusts the device key alone."""
        file = self.state.parent / 'export.ndjson'
        file.write_bytes(text)
        status, said = audit_files.verify(file, '--key', self.state / 'audit.pub', *arguments)
        self.assertEqual(status, 0, said)

    def export(self):
        reply = self.ask(200, 'GET', '/audit/export', headers=ADMIN)
        self.assertEqual(reply.headers['content-type'], 'application/x-ndjson')
        self.proven(reply.body)
        return [json.loads(line) for line in reply.body.splitlines()]


class Trail(AuditCase):
    def test_a_change_has_an_intent_an_effect_and_an_outcome(self):
        reply = self.lock()
        intent, effect, outcome = self.of_request(reply.headers['x-request-id'])
        self.assertEqual([e['ev'] for e in (intent, effect, outcome)], ['request.intent', 'request.effect', 'request.outcome'])
        for entry in (intent, outcome):
            self.assertRegex(entry['sub'], TESTER_ID)
            self.assertEqual((entry['method'], entry['entity'], entry['path'], entry['ip']),
                             ('POST', 'components/bms', '/sovd/v1' + LOCKS, '127.0.0.1'))
        self.assertEqual((outcome['status'], outcome['outcome'], outcome['detail']['intent']), (201, 'ok', intent['seq']))
        self.assertEqual(effect['detail']['intent'], intent['seq'])
        self.assertLess(intent['mono'], outcome['mono'])

    def test_a_change_that_is_not_ours_has_an_intent_and_an_outcome(self):
        reply = self.gateway.put('/components/bms/data/target_soc', {'data': 5}, TESTER)
        events = [e['ev'] for e in self.of_request(reply.headers['x-request-id'])]
        self.assertIn(events, (['request.intent', 'request.outcome'], ['access.refused']), reply)

    def test_the_outcome_says_what_was_made(self):
        reply = self.lock()
        self.assertEqual(self.of_request(reply.headers['x-request-id'])[-1]['detail']['location'],
                         '/sovd/v1' + reply.headers['location'].split('/sovd/v1')[1])
        refused = self.ask(404, 'DELETE', LOCKS + '/nothing-of-this-name', headers=TESTER)
        self.assertNotIn('location', self.of_request(refused.headers['x-request-id'])[-1]['detail'])

    def test_the_answer_to_a_change_carries_a_head_that_covers_it(self):
        reply = self.lock()
        size, root, signature = reply.headers['sovd-audit-head'].split(' ')
        outcome = self.of_request(reply.headers['x-request-id'])[-1]
        self.assertGreaterEqual(int(size), outcome['seq'])
        self.assertEqual((len(b64(root)), len(b64(signature))), (32, 68))
        proof = self.get(f'/audit/proof?seq={outcome["seq"]}&size={size}', ADMIN)
        self.assertEqual(proof['root'], root)
        self.assertEqual(included(b64(proof['leaf']), outcome['seq'] - 1, int(size), map(b64, proof['proof'])), b64(root))
        self.assertNotIn('sovd-audit-head', self.gateway.get('/components').headers)

    def test_what_was_refused_is_told(self):
        for status, event, how in ((401, 'auth.fail', ('GET', '/components', None, {'Authorization': 'Bearer nobody-has-this-one'})),
                                   (403, 'access.refused', ('GET', '/x-admin/backup', None, TESTER)),
                                   (401, 'auth.fail', ('GET', '/audit')),
                                   (403, 'access.refused', ('GET', '/audit', None, TESTER)),
                                   (404, 'access.refused', ('POST', '/components/nobody/locks', {'lock_expiration': 60}))):
            with self.subTest(how):
                reply = self.ask(status, *how)
                self.assertNotIn('sovd-audit-head', reply.headers)
                entry, = self.of_request(reply.headers['x-request-id'])
                self.assertEqual((entry['ev'], entry['status']), (event, status))

    def test_a_lock_of_somebody_else_is_a_denied_outcome(self):
        self.lock()
        reply = self.gateway.post(LOCKS, {'lock_expiration': 60}, ADMIN)
        self.assertEqual(reply.status, 409)
        intent, outcome = self.of_request(reply.headers['x-request-id'])
        self.assertEqual((intent['ev'], outcome['outcome'], outcome['status']), ('request.intent', 'denied', 409))

    def test_reads_leave_nothing_but_reads_of_the_log_backups_and_exports(self):
        quiet = self.gateway.get('/components', TESTER).headers['x-request-id']
        for path in ('/audit', '/audit/checkpoint', '/audit/proof?seq=1', '/audit/consistency?from=1', '/audit/export', '/compliance-evidence', '/x-admin/backup',
                     '/export/faults', '/components/bms/snapshot'):
            reply = self.gateway.request('GET', path, headers=ADMIN)
            entry, = self.of_request(reply.headers['x-request-id'])
            self.assertEqual(entry['ev'], 'request.read')
            self.assertRegex(entry['sub'], KEEPER_ID)
        self.assertEqual([e for e in self.entries(limit=200) if e.get('req') == quiet], [])

    def test_a_stream_that_is_opened_is_told(self):
        with self.gateway.raw() as raw:
            raw.send('GET /sovd/v1/components/bms/data/subscribe HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n'
                     f'X-Request-Id: the-stream\r\nAuthorization: Bearer {TESTER_TOKEN}\r\n\r\n')
            entry, = self.of_request('the-stream')
        self.assertEqual((entry['ev'], entry['entity']), ('stream.open', 'components/bms'))

    def test_a_request_that_is_answered_again_is_told_as_such(self):
        path = '/components/climate/operations/recirculate/executions'
        headers = {**TESTER, 'Idempotency-Key': 'audited-once'}
        first, again = (self.gateway.post(path, {}, headers) for _ in range(2))
        self.assertEqual(again.headers['idempotency-replayed'], 'true')
        outcome = self.of_request(again.headers['x-request-id'])[-1]
        self.assertEqual((outcome['detail']['replayed'], outcome['outcome']), (1, 'ok'))

    def test_no_secret_is_in_any_file_of_the_state(self):
        self.lock()
        self.gateway.put('/components/bms/data/target_soc', {'data': 'the-value-that-was-sent'}, TESTER)
        self.gateway.get('/components', {'Authorization': 'Bearer a-token-that-nobody-has'})
        self.gateway.get('/components?token=in-the-query-string', {'Authorization': 'Bearer a-token-that-nobody-has'})
        self.until(lambda: self.entries(event='auth.fail'))
        said = b''.join(file.read_bytes() for file in self.state.iterdir())
        for secret in (ADMIN_TOKEN, TESTER_TOKEN, 'the-value-that-was-sent', 'a-token-that-nobody-has', 'in-the-query-string'):
            self.assertNotIn(secret.encode(), said)

    def test_the_same_body_has_the_same_name_in_the_log_and_another_one_another(self):
        names, key = [], (self.state / 'audit.hmac').read_bytes()
        for seconds in (61, 61, 62):
            reply = self.gateway.post(LOCKS, {'lock_expiration': seconds}, TESTER)
            self.gateway.delete(reply.headers['location'], headers=TESTER)
            entry = self.of_request(reply.headers['x-request-id'])[0]
            self.assertEqual(entry['jti'], hmac.new(key, b'tester', hashlib.sha256).hexdigest())  # of a key that is its name
            names.append(entry['detail']['body'])
        self.assertEqual(names[0], names[1])
        self.assertNotEqual(names[1], names[2])
        self.assertEqual(names[0], hmac.new(key, json.dumps({'lock_expiration': 61}).encode(), hashlib.sha256).hexdigest())

    def test_refusals_of_one_address_are_counted_when_there_are_too_many(self):
        bad = {'Authorization': 'Bearer nobody-has-this-one'}
        for _ in range(60):
            self.gateway.get('/components', bad)
        summary = self.until(lambda: self.entries(event='refused.summary'))[0]
        self.assertGreater(summary['detail']['refusals'], 0)
        self.assertEqual(summary['ip'], '127.0.0.1')

    def test_what_a_client_sends_as_its_path_is_one_string_of_the_entry(self):
        reply = self.gateway.bare('DELETE', '/sovd/v1/components/%22%2C%22sub%22%3A%22root%22/faults', headers=TESTER)
        entry, = self.of_request(reply.headers['x-request-id'])
        self.assertRegex(entry['sub'], TESTER_ID)
        self.assertEqual(entry['path'], '/sovd/v1/components/%22%2C%22sub%22%3A%22root%22/faults')


class Reading(AuditCase):
    def test_filters_pick_entries(self):
        reply = self.lock()
        self.ask(403, 'GET', '/audit', None, TESTER)
        who = self.of_request(reply.headers['x-request-id'])[0]['sub']
        for query, test in (({'event': 'request.outcome'}, lambda e: e['ev'] == 'request.outcome'),
                            ({'event': 'request'}, lambda e: e['ev'].startswith('request.')),
                            ({'principal': who}, lambda e: e['sub'] == who),
                            ({'entity': 'components/bms'}, lambda e: e['entity'] == 'components/bms'),
                            ({'outcome': 'ok'}, lambda e: e['outcome'] == 'ok'),
                            ({'method': 'POST'}, lambda e: e['method'] == 'POST')):
            with self.subTest(query):
                found = self.until(lambda q=query: self.entries(**q))
                self.assertTrue(all(map(test, found)), found)
        self.assertEqual(self.entries(event='reques'), [])
        self.assertEqual(self.entries(principal="x'%20OR%20'1'='1"), [])

    def test_times_pick_entries(self):
        entry = self.entries(event='system.start')[0]
        self.assertIn(entry, self.entries(**{'from': entry['t'], 'to': entry['t']}))
        self.assertEqual(self.entries(**{'from': '2001-01-01T00:00:00Z', 'to': '2001-01-02T00:00:00Z'}), [])
        self.ask(400, 'GET', '/audit?from=yesterday', headers=ADMIN)

    def test_pages_follow_each_other_without_gaps(self):
        for _ in range(4):
            self.gateway.delete(self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, TESTER).headers['location'], None, TESTER)
        seen, path = [], '/audit?limit=5'
        while path:
            reply = self.ask(200, 'GET', path, headers=ADMIN)
            seen += [e['seq'] for e in reply.json['items']]
            link = reply.headers.get('link')
            path = link and link[link.index('<') + 1:link.index('>')]
        self.assertEqual(seen, list(range(seen[0], 0, -1)))
        self.ask(400, 'GET', '/audit?after=zz', headers=ADMIN)

    def test_proofs_of_what_is_not_there_are_refused(self):
        for status, path in ((400, '/audit/proof'), (400, '/audit/proof?seq=0'), (400, '/audit/proof?seq=-1'), (404, '/audit/proof?seq=999999999'),
                             (400, '/audit/proof?seq=2&size=1'), (400, '/audit/proof?seq=1&size=999999999'), (400, '/audit/consistency'),
                             (400, '/audit/consistency?from=2&to=1'), (400, '/audit/consistency?from=1&to=99999999'),
                             (400, '/audit/export?seq=999999999'), (400, '/audit/proof?seq=x')):
            with self.subTest(path):
                self.ask(status, 'GET', path, headers=ADMIN)

    def test_the_checkpoint_is_a_signed_note_of_the_log(self):
        self.lock()
        reply = self.ask(200, 'GET', '/audit/checkpoint', headers=ADMIN)
        self.assertTrue(reply.headers['content-type'].startswith('text/plain'))
        lines = reply.body.decode().split('\n')
        health = self.gateway.health()['audit']
        self.assertEqual(lines[0], 'sovd-audit/' + health['log'])
        self.assertEqual(health['status'], 'ok')
        self.assertTrue(lines[-2].startswith('— sovd-audit/'), lines)

    def test_an_export_has_every_entry_and_adds_up(self):
        self.lock()
        lines = self.export()
        header, end = lines[0], lines[-1]
        self.assertEqual((header['type'], header['format'], header['from'], header['prior']), ('header', 'sovd-audit-export-1', 1, []))
        entries = [line for line in lines if line['type'] == 'entry']
        self.assertEqual([e['seq'] for e in entries], list(range(1, header['to'] + 1)))
        chain = hashlib.sha256(b'SOVD-AUDIT-v1\0' + header['log'].encode()).digest()
        self.assertEqual(header['first_chain'], chain.hex())
        leaves = []
        for entry in entries:
            self.assertEqual(json.loads(entry['body'])['seq'], entry['seq'])
            leaves.append(hashlib.sha256(b'\0' + entry['body'].encode()).digest())
            chain = hashlib.sha256(b'SOVD-AUDIT-v1\0' + chain + entry['seq'].to_bytes(8, 'big') + leaves[-1]).digest()
            self.assertEqual(entry['chain'], chain.hex())
        note = [line for line in lines if line['type'] == 'checkpoint'][-1]['note'].split('\n')
        self.assertEqual((int(note[1]), b64(note[2])), (header['to'], root_of(leaves)))
        self.assertEqual(end, {'type': 'end', 'entries': len(entries), 'size': header['to'],
                               'checkpoints': sum(line['type'] == 'checkpoint' for line in lines)})

    def test_an_export_begins_with_what_a_client_was_told(self):
        head = self.lock().headers['sovd-audit-head']
        self.ask(403, 'GET', '/audit', None, TESTER)
        text = self.ask(200, 'GET', '/audit/export', headers=ADMIN).body
        self.proven(text, '--head', head)
        size, root, signature = head.split(' ')
        self.assertEqual(audit_files.verify(self.state.parent / 'export.ndjson', '--head', f'{int(size) + 10**6} {root} {signature}')[0], 2)

    def test_a_part_of_an_export_is_proven_as_such(self):
        self.lock()
        text = self.ask(200, 'GET', '/audit/export?seq=3', headers=ADMIN).body
        self.proven(text, '--partial')

    def test_it_was_only_added_to(self):
        before = self.lock().headers['sovd-audit-head'].split(' ')
        self.gateway.post(LOCKS, {'lock_expiration': 60}, ADMIN)
        proof = self.get(f'/audit/consistency?from={before[0]}', ADMIN)
        self.assertEqual(proof['from_root'], before[1])
        self.assertGreater(proof['to'], int(before[0]))

    def test_metrics_count_it(self):
        before = self.gateway.metrics()
        self.lock()
        after = self.gateway.metrics()
        for name in ('sovd_audit_entries', 'sovd_audit_signed_total', 'sovd_audit_bytes'):
            self.assertGreater(after[name], before[name])
        self.assertEqual((after['sovd_audit_tampered'], after['sovd_audit_lost_total']), (0, 0))

    def test_there_is_nothing_to_acknowledge(self):
        self.ask(403, 'POST', '/x-admin/audit/acknowledge', None, TESTER)
        self.ask(409, 'POST', '/x-admin/audit/acknowledge', None, ADMIN)


class Epochs(AuditCase):
    more = {'audit': {'epoch_entries': 10}}

    def test_keys_follow_each_other_and_old_ones_are_gone(self):
        for _ in range(6):
            self.gateway.delete(self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, TESTER).headers['location'], None, TESTER)
        epoch = self.gateway.health()['audit']['epoch']
        self.assertGreaterEqual(epoch, 2)
        self.assertEqual([file.name for file in self.state.glob('audit.epoch-*')], [f'audit.epoch-{epoch}'])
        lines = self.export()
        keys = [line for line in lines if line['type'] == 'key']
        self.assertEqual([key['epoch'] for key in keys], list(range(len(keys))))
        for key in keys[1:]:
            notes = [line['note'] for line in lines if line['type'] == 'checkpoint' and f'\n{key["from_size"]}\n' in line['note']]
            self.assertEqual([f'\nepoch {n}\n' in note for n, note in zip((key['epoch'] - 1, key['epoch']), notes)], [True, True])
        self.assertTrue(self.entries(event='system.key'))


class Full(AuditCase):
    more = {'audit': {'max_bytes': 65536}}

    def test_a_full_log_refuses_changes_and_nothing_else(self):
        refused, held = None, []
        while not refused:
            reply = self.gateway.post(LOCKS, {'lock_expiration': 60}, TESTER)
            if reply.status == 201:
                held = [reply.json['id']]
                reply = self.gateway.bare('DELETE', reply.headers['location'], headers=TESTER)
                held = [] if reply.status == 204 else held
            refused = reply if reply.status == 503 else None
        self.assertEqual(refused.json['vendor_code'], 'audit-unavailable')
        self.assertIn('audit.max_bytes', refused.json['message'])
        self.assertIn('retry-after', refused.headers)
        self.assertEqual([lock['id'] for lock in self.get(LOCKS)['items']], held)
        health = self.gateway.health()
        self.assertEqual((health['status'], health['audit']['status']), ('degraded', 'full'))
        self.assertGreater(self.gateway.metrics()['sovd_audit_refused_total'], 0)
        self.entries()


class Overwriting(AuditCase):
    more = {'audit': {'max_bytes': 1000000, 'full': 'overwrite'}}

    def test_the_oldest_entries_go_and_what_stays_adds_up(self):
        first = self.until(self._prune, 120)
        lines = self.export()
        entries = [line for line in lines if line['type'] == 'entry']
        self.assertEqual((lines[0]['from'], entries[0]['seq'], (first - 1) % 1024), (first, first, 0))
        prune = [e for e in (json.loads(line['body']) for line in entries) if e['ev'] == 'system.prune'][-1]
        self.assertEqual((prune['detail']['to'], prune['detail']['chain']), (first - 1, lines[0]['first_chain']))
        self.ask(404, 'GET', '/audit/proof?seq=1', headers=ADMIN)
        self.ask(404, 'GET', '/audit/export?seq=1', headers=ADMIN)
        size = self.gateway.health()['audit']['entries']
        proof = self.get(f'/audit/proof?seq={first}&size={size}', ADMIN)
        self.assertEqual(included(b64(proof['leaf']), first - 1, size, map(b64, proof['proof'])), b64(proof['root']))

    def _prune(self):
        for _ in range(50):
            self.gateway.bare('DELETE', '/sovd/v1/components/bms/faults', headers=TESTER)
        first = self.gateway.health()['audit']['first']
        return first > 1 and first


class BehindProxy(AuditCase):
    more = {'server': {'trusted_proxies': ['127.0.0.0/8']}}

    def test_the_address_that_the_proxy_names_is_on_record_beside_its_own(self):
        for name, value, client in (('X-Forwarded-For', '198.51.100.1, 203.0.113.9', '203.0.113.9'), ('Forwarded', 'for="[2a00::1]:99"', '2a00::1')):
            reply = self.lock({**TESTER, name: value})
            intent = self.of_request(reply.headers['x-request-id'])[0]
            self.assertEqual((intent['ip'], intent['detail']['client']), ('127.0.0.1', client))
            reply = self.ask(401, 'GET', '/audit', headers={'Authorization': 'Bearer nobody-has-this-one', name: value})
            entry, = self.of_request(reply.headers['x-request-id'])
            self.assertEqual((entry['ip'], entry['detail']['client']), ('127.0.0.1', client))
        reply = self.lock()
        self.assertEqual(self.of_request(reply.headers['x-request-id'])[0]['detail']['client'], '127.0.0.1')


class Off(gateway.GatewayCase):
    sections = {'auth': AUTH, 'audit': {'enabled': False}}

    def test_there_is_no_log(self):
        self.ask(404, 'GET', '/audit', headers=ADMIN)
        self.assertNotIn('audit', self.gateway.health())
        reply = self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, TESTER)
        self.assertNotIn('sovd-audit-head', reply.headers)
        self.assertIn('audit.enabled is false', self.gateway.log)
