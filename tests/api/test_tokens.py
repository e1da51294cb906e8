# SPDX-License-Identifier: Apache-2.0
"""Access tokens of the gateway's own: given out for a key, exchanged, revoked, kept over a restart, and gone with their key."""
import base64
import concurrent.futures
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import keys
import polling

KEY, NARROW = 'a-key-of-21-characters', 'a-key-with-two-scopes'
TOKEN, REVOKE, AUTHORIZE = gateway.BASE + '/token', gateway.BASE + '/token/revoke', gateway.BASE + '/authorize'
POLICY = {'tenants': {'fleet': {'entities': ['**'], 'vehicle': True}},
          'scopes': {name: {'allow': [{'methods': ['GET']}]} for name in ('read', 'write', 'read:faults')}}
COMPONENTS, BACKUP = gateway.BASE + '/components', gateway.BASE + '/x-admin/backup'
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}
JSON = {'Content-Type': 'application/json'}


def make_key(path, *options):
    subprocess.run(['openssl', 'genpkey', *(options or ('-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256')), '-out', path],
                   check=True, capture_output=True)
    pathlib.Path(path).chmod(0o600)
    return str(path)


def part(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def der(raw):
    """The two numbers of an ECDSA signature as OpenSSL takes them."""
    def number(value):
        value = value.lstrip(b'\0')
        value = b'\0' + value if value[0] & 0x80 else value
        return b'\x02' + bytes([len(value)]) + value
    body = number(raw[:32]) + number(raw[32:])
    return b'\x30' + bytes([len(body)]) + body


class TokenCase(polling.Waiting, unittest.TestCase):
    mint = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='tokens')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.key = make_key(self.folder / 'mint.pem')
        self.policy = self.folder / 'policy.yaml'
        self.policy.write_text(json.dumps(POLICY))
        (self.folder / 'state').mkdir()
        self.gateway = None
        self.addCleanup(lambda: self.gateway and self.gateway.stop())

    def sections(self, *entries, **mint):
        entries = entries or (keys.entry('workshop', KEY, 'tester', 'admin', tenant='fleet'), keys.entry('narrow', NARROW, scopes=['read', 'write']))
        return {'storage': {'path': str(self.folder / 'state')},
                'auth': keys.section(*entries, enabled=True, policy_file=str(self.policy), mint={'key': self.key, 'issuer': 'https://gw.test', 'audience': 'sovd', **mint})}

    def start(self, *entries, **mint):
        if self.gateway:
            self.gateway.kill()
        self.gateway = gateway.Gateway(ready=False, **self.sections(*entries, **mint))

    def post(self, path, form, headers=None):
        return self.gateway.bare('POST', path, urllib.parse.urlencode(form).encode() if isinstance(form, (dict, list)) else form, {**FORM, **(headers or {})})

    def grant(self, **more):
        reply = self.post(TOKEN, {'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': KEY, **more})
        self.assertEqual(reply.status, 200, reply)
        return reply.json

    def refresh(self, token, status=200):
        reply = self.post(TOKEN, {'grant_type': 'refresh_token', 'refresh_token': token})
        self.assertEqual(reply.status, status, reply)
        return reply.json

    def status(self, token, path=COMPONENTS):
        return self.gateway.bare('GET', path, headers=keys.bearer(token)).status

    def metric(self, name):
        text = self.gateway.bare('GET', '/metrics', headers=keys.bearer(KEY)).body.decode()
        return float(re.search(rf'^{re.escape(name)} (\S+)$', text, re.MULTILINE)[1])


class Tokens(TokenCase):
    def test_a_key_is_exchanged_for_a_token_that_lets_in(self):
        self.start()
        for form, headers in (({'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': KEY}, {}),
                              ({'grant_type': 'client_credentials'}, keys.bearer(KEY)), ({'grant_type': 'client_credentials'}, {'X-API-Key': KEY})):
            reply = self.post(TOKEN, form, headers)
            self.assertEqual((reply.status, reply.headers['cache-control']), (200, 'no-store'), reply)
            self.assertEqual((reply.json['token_type'], reply.json['expires_in']), ('Bearer', 900))
            self.assertEqual([self.status(reply.json['access_token'], path) for path in (COMPONENTS, BACKUP)], [200, 200])
            self.assertEqual([self.status(reply.json['refresh_token']), self.status(reply.json['access_token'][:-1])], [401, 401])
            for word in reply.json['access_token'], reply.json['refresh_token'], KEY:
                self.assertNotIn(word, self.gateway.log)

    def test_the_audit_log_says_whose_tokens_were_given_out_and_which_ended(self):
        self.start(keys.entry('workshop', KEY, 'tester', 'admin'))
        first, other = self.grant(), self.grant()
        second = self.refresh(first['refresh_token'])
        self.gateway.bare('DELETE', COMPONENTS + '/none/locks/x', headers=keys.bearer(second['access_token']))
        self.assertEqual(self.post(TOKEN + '/revoke', {'token': other['access_token']}).status, 204)
        self.refresh(first['refresh_token'], 401)

        def entries():
            found = self.gateway.bare('GET', '/sovd/v1/audit?limit=100', headers=keys.bearer(KEY)).json['items']
            return found if any(item.get('method') == 'DELETE' for item in found) else None
        items = polling.wait_until(entries, 20)
        outcomes = [item for item in reversed(items) if item['ev'] == 'request.outcome' and item['path'].startswith(TOKEN)]
        self.assertEqual([item['detail'].get('for') for item in outcomes], ['key:workshop'] * 5)
        sessions = [item['detail']['session'] for item in outcomes]
        self.assertEqual((sessions[2], sessions[4], sessions[3]), (sessions[0], sessions[0], sessions[1]))
        self.assertNotEqual(sessions[0], sessions[1])
        self.assertIn(sessions[0], [item.get('jti') for item in items if item.get('method') == 'DELETE'])

    def test_an_auditor_of_a_tenant_sees_what_becomes_of_the_tokens_of_its_clients_and_of_no_others(self):
        auditor = 'key-of-an-auditor-of-the-fleet'
        self.start(keys.entry('workshop', KEY, 'tester', tenant='fleet'), keys.entry('narrow', NARROW, 'tester'),
                   keys.entry('auditor', auditor, 'auditor', tenant='fleet'))
        first, other = self.grant(), self.grant()
        self.refresh(first['refresh_token'])
        self.assertEqual(self.post(TOKEN + '/revoke', {'token': other['access_token']}).status, 204)
        self.refresh(first['refresh_token'], 401)
        strange = self.grant(client_id='narrow', client_secret=NARROW)
        self.assertEqual(self.post(TOKEN + '/revoke', {'token': strange['access_token']}).status, 204)
        items = self.gateway.bare('GET', '/sovd/v1/audit?limit=100', headers=keys.bearer(auditor)).json['items']
        seen = [(item['path'], item['status'], item['detail']['for'], item['detail']['tenant']) for item in reversed(items)
                if item['ev'] == 'request.outcome']
        self.assertEqual(seen, [(path, status, 'key:workshop', 'fleet') for path, status in
                                ((TOKEN, 200), (TOKEN, 200), (TOKEN, 200), (REVOKE, 204), (TOKEN, 401))])

    def test_tokens_are_given_and_taken_back_while_changes_are_switched_off(self):
        """Nothing switches authentication off, and a stolen token does not wait."""
        self.start()
        off = self.gateway.bare('PUT', gateway.BASE + '/x-admin/features/mutations', b'{"enabled": false}', {**keys.bearer(KEY), **JSON})
        self.assertEqual(off.status, 200, off)
        granted = self.refresh(self.grant()['refresh_token'])
        self.assertEqual(self.gateway.bare('DELETE', gateway.BASE + '/updates/x', headers=keys.bearer(granted['access_token'])).status, 503)
        self.assertEqual(self.post(REVOKE, {'token': granted['access_token']}).status, 204)
        self.assertEqual(self.status(granted['access_token']), 401)

    def test_guesses_at_a_key_pay_as_elsewhere_and_a_good_one_gets_in(self):
        self.gateway = gateway.Gateway(ready=False, **self.sections(), rate={'failures': {'per_sec': 0.01, 'burst': 3}})
        guess = {'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': 'sovd_not-the-key-of-anybody'}
        replies = [self.post(TOKEN, guess, {}) for _ in range(5)]
        self.assertEqual([reply.status for reply in replies], [401] * 3 + [429] * 2)
        self.assertGreater(int(replies[-1].headers['retry-after']), 0)
        self.assertEqual(self.metric('sovd_credentials_failed_total{kind="api-key"}'), 5)
        self.grant()

    def test_a_token_says_who_it_is_for_and_verifies_with_the_public_key(self):
        for options in ((), ('-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048')):
            with self.subTest(options):
                make_key(self.key, *options)
                self.start()
                before = time.time()
                token = self.grant(scope='read:faults write')['access_token']
                header, claims, signature = token.split('.')
                self.assertEqual({key: json.loads(part(header))[key] for key in ('alg', 'typ')}, {'alg': 'RS256' if options else 'ES256', 'typ': 'JWT'})
                said = json.loads(part(claims))
                self.assertEqual({name: said[name] for name in ('iss', 'aud', 'sub', 'client_id', 'roles', 'scope', 'tenant_id')},
                                 {'iss': 'https://gw.test', 'aud': 'sovd', 'sub': 'key:workshop', 'client_id': 'workshop', 'roles': ['tester', 'admin'],
                                  'scope': 'read:faults write', 'tenant_id': 'fleet'})
                self.assertAlmostEqual(said['iat'], before, delta=5)
                self.assertEqual(said['exp'] - said['iat'], 900)
                public, signed = self.folder / 'public.pem', self.folder / 'signature'
                subprocess.run(['openssl', 'pkey', '-in', self.key, '-pubout', '-out', public], check=True, capture_output=True)
                signed.write_bytes(part(signature) if options else der(part(signature)))
                done = subprocess.run(['openssl', 'dgst', '-sha256', '-verify', public, '-signature', signed], input=f'{header}.{claims}'.encode(), capture_output=True, check=False)
                self.assertIn(b'Verified OK', done.stdout)
                self.gateway.stop()
                self.gateway = None

    def test_a_refresh_token_is_good_once_and_a_second_use_ends_the_session(self):
        self.start()
        first = self.grant()
        second = self.refresh(first['refresh_token'])
        self.assertEqual([self.status(pair['access_token']) for pair in (first, second)], [401, 200])
        third = self.refresh(second['refresh_token'])
        self.assertEqual(self.status(third['access_token']), 200)
        self.refresh(second['refresh_token'], 401)
        self.assertEqual(self.status(third['access_token']), 401)
        self.refresh(third['refresh_token'], 401)
        self.assertEqual(self.metric('sovd_auth_session_events_total{event="replayed"}'), 1)
        self.refresh('sovd_rt_' + 'x' * 43, 401)
        self.refresh(first['access_token'], 401)

    def test_revoking_either_token_ends_the_session_at_once(self):
        self.start()
        for which in 'access_token', 'refresh_token':
            pair = self.grant()
            self.assertEqual(self.post(REVOKE, {'token': pair[which], 'token_type_hint': which}).status, 204)
            self.assertEqual(self.status(pair['access_token']), 401)
            self.refresh(pair['refresh_token'], 401)
        self.assertEqual(self.post(REVOKE, {'token': 'nobody-has-it'}).status, 204)
        self.assertEqual(self.post(REVOKE, {}).status, 400)
        self.assertEqual(self.metric('sovd_auth_sessions'), 0)

    def test_a_stream_ends_with_the_session_that_opened_it(self):
        self.gateway = gateway.Gateway(ready=False, **self.sections(), events={'heartbeat_secs': 0.2})
        first, second = self.grant(), self.grant()
        streams = [events.Stream(self.gateway.raw().socket, gateway.BASE + '/faults/subscribe', **keys.bearer(granted['access_token'])) for granted in (first, second)]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.status, 200)
        self.post(TOKEN, {'grant_type': 'refresh_token', 'refresh_token': first['refresh_token']})  # that one goes on
        self.assertEqual(self.post(REVOKE, {'token': second['access_token']}).status, 204)
        streams[1].wait_end()
        streams[0].comments.clear()
        self.assertTrue(streams[0].wait_comment())
        self.post(TOKEN, {'grant_type': 'refresh_token', 'refresh_token': first['refresh_token']})  # stolen, so the session ends
        streams[0].wait_end()

    def test_an_access_token_ends_by_time_and_the_refresh_token_goes_on(self):
        self.start(access_secs=1, refresh_secs=60)
        pair = self.grant()
        self.assertLessEqual(pair['expires_in'], 1)
        self.until(lambda: self.status(pair['access_token']) == 401, 20)
        self.assertEqual(self.status(self.refresh(pair['refresh_token'])['access_token']), 200)

    def test_scopes_narrow_a_key_and_never_widen_it(self):
        self.start()
        def ask(**more):
            return self.post(TOKEN, {'grant_type': 'client_credentials', 'client_id': 'narrow', 'client_secret': NARROW, **more})
        self.assertEqual(ask(scope='read').json['scope'], 'read')
        self.assertNotIn('scope', ask().json)
        for scope, status in (('admin', 403), ('read admin', 403), ('', 400), ('  ', 400), ('a"b', 400), ('a\nb', 400), ('x ' * 600, 400), ('write read', 200)):
            with self.subTest(scope[:20]):
                self.assertEqual(ask(scope=scope).status, status)

    def test_what_is_wrong_is_refused_and_names_are_not_told(self):
        self.start()
        good = {'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': KEY}
        for form, headers, status in (({**good, 'client_secret': 'wrong'}, {}, 401), ({**good, 'client_id': 'nobody'}, {}, 401), ({**good, 'client_id': 'narrow'}, {}, 401),
                                      ({'grant_type': 'client_credentials'}, {}, 401), ({**good, 'grant_type': 'password'}, {}, 400), ({}, {}, 400), (b'', {}, 400),
                                      ({'grant_type': 'authorization_code', 'code': 'x'}, {}, 400), (good, keys.bearer(KEY), 400), (good, keys.bearer('wrong'), 401),
                                      (list(good.items()) + [('client_id', 'workshop')], {}, 400), ({'grant_type': 'refresh_token'}, {}, 400),
                                      ({'grant_type': 'refresh_token', 'refresh_token': 'x', 'scope': 'y'}, {}, 400), ({**good, 'refresh_token': 'x'}, {}, 400),
                                      (b'grant_type=%zz', {}, 400), (b'x' * 9000, {}, 400), (b'x', {'Content-Type': 'text/plain'}, 415),
                                      (json.dumps({**good, 'client_secret': 'wrong'}).encode(), JSON, 401), (json.dumps({**good, 'client_id': 7}).encode(), JSON, 400),
                                      (json.dumps(list(good)).encode(), JSON, 400), (b'{"client_id": "workshop", "client_id": "narrow"}', JSON, 400)):
            with self.subTest(form=str(form)[:80]):
                reply = self.post(TOKEN, form, headers)
                self.assertEqual(reply.status, status, reply)
                self.assertIn('error_code', reply.json)
                self.assertNotIn(KEY, reply.body.decode())
        said = {self.post(TOKEN, {**good, **more}).json['message'] for more in ({'client_secret': 'wrong'}, {'client_id': 'nobody'}, {'client_id': 'narrow'})}
        self.assertEqual(len(said), 1)
        token = self.grant()['access_token']
        self.assertEqual(self.post(TOKEN, {'grant_type': 'client_credentials'}, keys.bearer(token)).status, 401)
        self.assertEqual(self.gateway.bare('GET', TOKEN, headers=keys.bearer(KEY)).status, 405)

    def test_sessions_have_limits(self):
        self.start(sessions=3, sessions_per_key=2)
        pairs = [self.grant(), self.grant()]
        reply = self.post(TOKEN, {'grant_type': 'client_credentials'}, keys.bearer(KEY))
        self.assertEqual((reply.status, 'retry-after' in reply.headers), (503, True))
        self.assertIn('sessions_per_key', reply.json['message'])
        self.assertEqual(self.post(TOKEN, {'grant_type': 'client_credentials'}, keys.bearer(NARROW)).status, 200)
        self.assertIn('auth.mint.sessions)', self.post(TOKEN, {'grant_type': 'client_credentials'}, keys.bearer(NARROW)).json['message'])
        self.assertEqual(self.status(self.refresh(pairs[0]['refresh_token'])['access_token']), 200)
        self.post(REVOKE, {'token': pairs[1]['access_token']})
        self.grant()


class Authorize(TokenCase):
    def authorize(self, status, body, headers=None):
        """The body as a form and as JSON; both are answered the same."""
        replies = [self.post(AUTHORIZE, body, headers), self.post(AUTHORIZE, json.dumps(body).encode(), {**JSON, **(headers or {})})]
        self.assertEqual([reply.status for reply in replies], [status] * 2, replies)
        return replies[-1]

    def test_credentials_in_json_or_a_form_are_exchanged_for_what_token_gives(self):
        self.start()
        for body, headers in (({'client_id': 'workshop', 'client_secret': KEY}, {}), ({}, keys.bearer(KEY)), ({}, {'X-API-Key': KEY}),
                              ({'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': KEY, 'scope': 'read'}, {})):
            with self.subTest(str(body), headers=headers):
                reply = self.authorize(200, body, headers)
                self.assertEqual(reply.headers['cache-control'], 'no-store')
                self.assertEqual((reply.json['token_type'], reply.json['expires_in'], reply.json.get('scope')), ('Bearer', 900, body.get('scope')))
                self.assertEqual(self.status(reply.json['access_token']), 200)
                self.assertEqual(self.status(self.refresh(reply.json['refresh_token'])['access_token']), 200)
        self.assertEqual(self.post(REVOKE, json.dumps({'token': reply.json['refresh_token']}).encode(), JSON).status, 204)
        for word in reply.json['access_token'], reply.json['refresh_token'], KEY:
            self.assertNotIn(word, self.gateway.log)

    def test_missing_credentials_are_400_and_wrong_ones_401_in_one_message(self):
        self.start()
        for body in {}, {'client_id': 'workshop'}, {'client_secret': KEY}, {'scope': 'read'}:
            self.assertIn('client_secret', self.authorize(400, body).json['message'])
        wrong = ({'client_id': 'workshop', 'client_secret': 'wrong'}, {'client_id': 'nobody', 'client_secret': KEY}, {'client_id': '', 'client_secret': ''})
        self.assertEqual(len({self.authorize(401, body).json['message'] for body in wrong}), 1)
        self.authorize(401, {}, keys.bearer('wrong'))
        self.authorize(400, {'client_id': 'workshop', 'client_secret': KEY}, keys.bearer(KEY))
        self.authorize(403, {'client_id': 'narrow', 'client_secret': NARROW, 'scope': 'admin'})

    def test_flows_that_need_a_person_are_refused_with_the_reason(self):
        self.start()
        for more, said in (({'response_type': 'code', 'code_challenge': 'x'}, 'response_type'), ({'response_type': 'token'}, 'response_type'),
                           ({'grant_type': 'password'}, 'grant_type'), ({'grant_type': 'refresh_token'}, '/token'), ({'refresh_token': 'x'}, 'refresh_token')):
            self.assertIn(said, self.authorize(400, {'client_id': 'workshop', 'client_secret': KEY, **more}).json['message'])
        self.assertEqual(self.metric('sovd_auth_sessions'), 0)
        self.assertEqual(self.post(AUTHORIZE, b'x', {'Content-Type': 'text/plain'}).status, 415)
        self.assertEqual(self.gateway.bare('GET', AUTHORIZE, headers=keys.bearer(KEY)).status, 405)

    def test_guesses_there_and_at_token_pay_from_the_same_bucket_and_are_on_record(self):
        self.gateway = gateway.Gateway(ready=False, **self.sections(keys.entry('workshop', KEY, 'admin')), rate={'failures': {'per_sec': 0.01, 'burst': 3}})
        guess = {'client_id': 'workshop', 'client_secret': 'sovd_not-the-key-of-anybody'}
        replies = [self.post(path, {'grant_type': 'client_credentials', **guess}) for path in (AUTHORIZE, TOKEN, AUTHORIZE, TOKEN, AUTHORIZE)]
        self.assertEqual([reply.status for reply in replies], [401] * 3 + [429] * 2)
        self.authorize(200, {'client_id': 'workshop', 'client_secret': KEY})
        entries = self.gateway.bare('GET', gateway.BASE + '/audit', headers=keys.bearer(KEY)).body.decode()
        self.assertIn('"authorize"', entries)
        self.assertNotIn(KEY, entries)


class Together(TokenCase):
    def all_at_once(self, form, n=12):
        with concurrent.futures.ThreadPoolExecutor(n) as pool:
            return sorted(reply.status for reply in pool.map(lambda _: self.post(TOKEN, form), range(n)))

    def test_of_many_who_show_the_same_refresh_token_at_most_one_gets_the_next(self):
        self.start()
        for _ in range(5):
            pair = self.grant()
            statuses = self.all_at_once({'grant_type': 'refresh_token', 'refresh_token': pair['refresh_token']})
            self.assertEqual(set(statuses) - {200, 401}, set())
            self.assertLessEqual(statuses.count(200), 1)
            self.assertEqual(self.status(pair['access_token']), 401)

    def test_many_at_once_do_not_get_over_the_limit(self):
        for limits in ({'sessions': 5, 'sessions_per_key': 100}, {'sessions': 100, 'sessions_per_key': 5}):
            self.start(**limits)
            statuses = self.all_at_once({'grant_type': 'client_credentials', 'client_id': 'workshop', 'client_secret': KEY})
            self.assertEqual((statuses.count(200), statuses.count(503)), (5, 7))
            self.assertEqual(self.metric('sovd_auth_sessions'), 5)
            for state in (self.folder / 'state').iterdir():
                state.unlink()


class Lasting(TokenCase):
    def restart(self, *entries, kill=False):
        daemon, self.gateway = self.gateway, None
        (daemon.kill if kill else daemon.stop)()
        self.start(*entries)

    def test_sessions_outlive_a_crash_and_what_was_revoked_stays_so(self):
        self.start()
        kept, revoked, used = self.grant(), self.grant(), self.grant()
        self.post(REVOKE, {'token': revoked['access_token']})
        fresh = self.refresh(used['refresh_token'])
        self.restart(kill=True)
        self.assertEqual([self.status(pair['access_token']) for pair in (kept, revoked, used, fresh)], [200, 401, 401, 200])
        self.refresh(revoked['refresh_token'], 401)
        self.assertEqual(self.status(self.refresh(kept['refresh_token'])['access_token']), 200)
        self.refresh(used['refresh_token'], 401)
        self.assertEqual(self.status(fresh['access_token']), 401)

    def test_no_token_is_in_the_state(self):
        self.start()
        pair = self.grant()
        self.gateway.stop()
        self.gateway = None
        state = b''.join(path.read_bytes() for path in (self.folder / 'state').iterdir())
        for token in pair['access_token'], pair['refresh_token'], KEY:
            self.assertNotIn(token.encode(), state)

    def test_a_session_ends_with_the_key_that_it_came_from(self):
        self.start()
        pair = self.grant()
        sections = self.sections(keys.entry('workshop', 'another-key-of-the-same-name'), keys.entry('narrow', NARROW))
        self.gateway.reload(self.gateway.settings(**sections))
        self.assertEqual(self.status(pair['access_token']), 401)
        self.refresh(pair['refresh_token'], 401)

    def test_a_session_has_the_roles_that_its_key_has_now(self):
        self.start()
        pair = self.grant()
        self.assertEqual(self.status(pair['access_token'], BACKUP), 200)
        self.gateway.reload(self.gateway.settings(**self.sections(keys.entry('workshop', KEY, 'tester'))))
        self.assertEqual([self.status(pair['access_token'], path) for path in (COMPONENTS, BACKUP)], [200, 403])


class Without(unittest.TestCase):
    def test_without_auth_mint_there_are_no_tokens_and_that_is_said(self):
        with gateway.Gateway(ready=False, auth=keys.section(keys.entry('a', KEY))) as daemon:
            for path in TOKEN, REVOKE, AUTHORIZE:
                reply = daemon.bare('POST', path, b'grant_type=client_credentials&token=x', {**FORM, **keys.bearer(KEY)})
                self.assertEqual(reply.status, 501)
                self.assertIn('auth.mint', reply.json['message'])


class Configuration(TokenCase):
    def test_a_key_that_cannot_mint_does_not_start(self):
        weak, other = make_key(self.folder / 'weak.pem', '-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'), make_key(self.folder / 'ed.pem', '-algorithm', 'ED25519')
        curve = make_key(self.folder / 'p384.pem', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384')
        locked = make_key(self.folder / 'locked.pem', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-aes256', '-pass', 'pass:x')
        noise = self.folder / 'noise.pem'
        noise.write_text('no key', encoding='utf-8')
        noise.chmod(0o600)
        readable = pathlib.Path(make_key(self.folder / 'open.pem'))
        readable.chmod(0o644)
        path = self.folder / 'check.yaml'
        for key, said in ((weak, 'P-256'), (other, 'P-256'), (curve, 'P-256'), (locked, 'password'), (noise, 'password'), (readable, 'mode 0644'),
                          (self.folder / 'none', 'opened'), ('vault:a#b', 'auth.vault')):
            path.write_text('auth:\n  ' + json.dumps(self.sections(key=str(key))['auth']), encoding='utf-8')
            status, _, errors = gateway.run('--check-config', '--config', path)
            self.assertEqual(status, 2)
            self.assertRegex(errors, rf'check.yaml:2:\d+: auth.mint.key: .*{said}')


if __name__ == '__main__':
    unittest.main()
