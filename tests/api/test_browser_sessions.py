# SPDX-License-Identifier: Apache-2.0
"""A web page of the gateway's own origin: a cookie in place of credentials, and what other pages cannot do with it."""
import datetime
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import events
import gateway
import keys
import openapi
import polling

KEY, OTHER, ADMIN = 'a-key-of-21-characters', 'another-key-of-a-tester', 'the-key-of-who-keeps-it'
ROOT = gateway.BASE + '/x-gw-session'
COMPONENTS = gateway.BASE + '/components'
LOCKS = COMPONENTS + '/bms/locks'


class Case(polling.Waiting, unittest.TestCase):
    settings, entries, tls = {}, {}, False

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='session')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        (cls.folder / 'state').mkdir()
        cls.config, server, context = cls.folder / 'gateway.yaml', {'port': 0, 'allowed_hosts': ['*']}, None
        if cls.tls:
            ca = certificates.Authority()
            certificate, key = ca.server().write(cls.folder, 'server')
            server['tls'], context = {'certificate': certificate, 'key': key}, certificates.context_of(ca, None, cls.folder)
        cls.sections = {'server': server, 'storage': {'path': str(cls.folder / 'state')},
                        'auth': keys.section(*cls.keys(), enabled=True, browser_sessions={'enabled': True, **cls.settings})}
        cls.config.write_text(json.dumps(cls.sections), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=['--demo', '--config', str(cls.config)], ready=False, context=context)
        cls.gateway.config = cls.config
        cls.addClassCleanup(cls.gateway.stop)
        polling.wait_until(lambda: cls.gateway.bare('GET', '/readyz').status == 200, 30)
        cls.origin = f'{"https" if cls.tls else "http"}://{cls.gateway.host}:{cls.gateway.port}'

    @classmethod
    def keys(cls):
        return [keys.entry('tester', KEY, **cls.entries), keys.entry('other', OTHER), keys.entry('admin', ADMIN, 'admin')]

    def ask(self, status, method, path, headers=None, body=None):
        reply = self.gateway.bare(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path} {headers}: {reply!r}')
        return reply

    def open(self, headers=None):
        """Fields with which requests are in the session: (for reading, for changes)."""
        reply = self.ask(201, 'POST', ROOT, headers or keys.bearer(KEY))
        cookie = {'Cookie': reply.headers['set-cookie'].split(';')[0]}
        self.addCleanup(self.gateway.bare, 'DELETE', ROOT, None, {**cookie, 'X-CSRF-Token': reply.json['csrf_token']})
        return cookie, {**cookie, 'X-CSRF-Token': reply.json['csrf_token']}

    def metric(self, name):
        return self.gateway.metrics_as(keys.bearer(ADMIN))[name]

    def refused(self, reason):
        return self.metric(f'sovd_browser_sessions_refused_total{{reason="{reason}"}}')


class Sessions(Case):
    def test_credentials_are_given_once_for_a_cookie_and_a_token(self):
        reply = self.ask(201, 'POST', ROOT, keys.bearer(KEY))
        self.assertRegex(reply.headers['set-cookie'], r'^sovd=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict$')
        self.assertRegex(reply.json['csrf_token'], '^[0-9a-f]{64}$')
        self.assertEqual(reply.headers['cache-control'], 'no-store')
        self.assertEqual(openapi.path_of(reply.headers['location']), ROOT)
        ends = datetime.datetime.fromisoformat(reply.json['expires'].replace('Z', '+00:00')) - datetime.datetime.now(datetime.timezone.utc)
        self.assertAlmostEqual(ends.total_seconds(), 28800, delta=10)
        self.assertNotIn(reply.json['csrf_token'], reply.headers['set-cookie'])

    def test_sessions_are_opened_and_ended_while_changes_are_switched_off(self):
        path = gateway.BASE + '/x-admin/features/mutations'
        self.addCleanup(self.ask, 200, 'PUT', path, keys.bearer(ADMIN), {'enabled': True})
        self.ask(200, 'PUT', path, keys.bearer(ADMIN), {'enabled': False})
        reads, changes = self.open()
        self.ask(503, 'DELETE', COMPONENTS + '/bms/faults', changes)
        self.ask(204, 'DELETE', ROOT, changes)
        self.ask(401, 'GET', COMPONENTS, reads)

    def test_a_cookie_is_the_client(self):
        reads, changes = self.open()
        lock = openapi.path_of(self.ask(201, 'POST', LOCKS, changes, {'lock_expiration': 60}).headers['location'])
        self.assertTrue(self.ask(200, 'GET', lock, keys.bearer(KEY)).json['owned'])
        self.assertTrue(self.ask(200, 'GET', lock, reads).json['owned'])
        self.assertFalse(self.ask(200, 'GET', lock, keys.bearer(OTHER)).json['owned'])
        self.ask(403, 'GET', gateway.BASE + '/x-admin/backup', reads)
        self.ask(204, 'DELETE', lock, changes)
        self.assertEqual(self.ask(200, 'GET', COMPONENTS, {'Cookie': 'a=1; b="2"; ' + reads['Cookie'] + ';c=3'}).status, 200)

    def test_the_session_tells_its_token_again_and_ends(self):
        reads, changes = self.open({'X-API-Key': KEY})
        told = self.ask(200, 'GET', ROOT, reads)
        self.assertEqual(told.json['csrf_token'], changes['X-CSRF-Token'])
        self.assertNotIn('set-cookie', told.headers)
        self.assertRegex(self.ask(204, 'DELETE', ROOT, changes).headers['set-cookie'], '^sovd=; .*Max-Age=0$')
        self.assertRegex(self.ask(401, 'GET', COMPONENTS, reads).headers['set-cookie'], '^sovd=; .*Max-Age=0$')
        self.ask(404, 'GET', ROOT, keys.bearer(KEY))
        self.ask(404, 'DELETE', ROOT, keys.bearer(KEY))

    def test_it_is_opened_with_credentials_that_are_shown(self):
        self.ask(401, 'POST', ROOT)
        self.ask(401, 'POST', ROOT, keys.bearer('wrong'))
        self.ask(401, 'POST', ROOT, self.open()[1])
        self.ask(400, 'POST', ROOT, {**keys.bearer(KEY), 'Content-Type': 'application/json'}, {'key': KEY})

    def test_changes_need_the_token_of_the_same_session(self):
        reads, changes = self.open()
        others = self.open()[1]
        before = self.refused('no-csrf-token')
        for token in (None, '', 'x', others['X-CSRF-Token'], changes['X-CSRF-Token'].upper(), changes['X-CSRF-Token'] + 'x', reads['Cookie'][5:]):
            for method, path in (('POST', LOCKS), ('DELETE', ROOT), ('PUT', COMPONENTS + '/bms/data/charge-limit')):
                with self.subTest(token, method=method):
                    reply = self.ask(403, method, path, {**reads, **({'X-CSRF-Token': token} if token is not None else {})})
                    self.assertIn('X-CSRF-Token', reply.json['message'])
        self.assertEqual(self.refused('no-csrf-token'), before + 21)
        self.ask(200, 'GET', COMPONENTS, reads)
        self.ask(200, 'HEAD', COMPONENTS, reads)

    def test_pages_of_another_origin_are_refused(self):
        reads, changes = self.open()
        before = self.refused('cross-origin')
        for fields in ({'Origin': 'https://evil.example'}, {'Origin': 'null'}, {'Origin': self.origin + '.evil.example'}, {'Origin': self.origin + '/'},
                       {'Origin': self.origin.replace('http:', 'https:')}, {'Origin': ''}, {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'},
                       {'Sec-Fetch-Site': 'none'}, {'Origin': self.origin, 'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'x'}):
            with self.subTest(fields):
                self.ask(403, 'POST', LOCKS, {**changes, **fields}, {'lock_expiration': 60})
                if fields != {'Sec-Fetch-Site': 'none'}:
                    self.ask(403, 'GET', COMPONENTS, {**reads, **fields})
                self.ask(403, 'POST', ROOT, {**keys.bearer(KEY), **fields})
        self.assertEqual(self.refused('cross-origin'), before + 20)  # changes of another Origin are refused before (docs/limits.md)
        for fields in ({'Origin': self.origin}, {'Sec-Fetch-Site': 'same-origin'}, {'Origin': self.origin, 'Sec-Fetch-Site': 'same-origin'}):
            self.ask(204, 'DELETE', openapi.path_of(self.ask(201, 'POST', LOCKS, {**changes, **fields}, {'lock_expiration': 60}).headers['location']), changes)
        self.ask(200, 'GET', COMPONENTS, {**reads, 'Sec-Fetch-Site': 'none'})

    def test_plain_http_under_another_name_than_that_of_this_machine_has_no_sessions(self):
        reads, _ = self.open()
        for host, status in (('gateway.example', 403), (f'gateway.example:{self.gateway.port}', 403), ('127.0.0.1.example', 403), ('localhost', 201), ('[::1]:80', 201)):
            with self.subTest(host):
                self.ask(status, 'POST', ROOT, {**keys.bearer(KEY), 'Host': host})
                self.ask(200 if status == 201 else 401, 'GET', COMPONENTS, {**reads, 'Host': host})

    def test_cookies_that_are_none_of_ours_change_nothing(self):
        for value in ('', ';', 'a=b', 'sovdx=1', 'xsovd=' + 'a' * 64, '__Host-sovd=' + 'a' * 64, 'a=sovd=' + 'a' * 64, '=', 'sovd'):
            with self.subTest(value):
                self.ask(200, 'GET', COMPONENTS, {'Cookie': value, **keys.bearer(KEY)})
                self.ask(401, 'GET', COMPONENTS, {'Cookie': value})
                self.ask(200, 'GET', '/healthz', {'Cookie': value})

    def test_a_cookie_that_is_not_known_is_401_even_where_none_is_needed(self):
        reads, _ = self.open()
        before = self.refused('unknown')
        for value in ('', 'x', 'a' * 64, reads['Cookie'][5:-1], reads['Cookie'][5:] + '0', f'"{reads["Cookie"][5:]}"', reads['Cookie'][5:].upper() + 'A'):
            for path in COMPONENTS, '/healthz':
                with self.subTest(value, path=path):
                    self.ask(401, 'GET', path, {'Cookie': 'sovd=' + value})
        self.assertEqual(self.refused('unknown'), before + 14)
        self.ask(400, 'GET', COMPONENTS, {'Cookie': reads['Cookie'] + '; ' + reads['Cookie']})

    def test_credentials_come_before_a_cookie(self):
        reads, _ = self.open()
        self.ask(401, 'GET', COMPONENTS, {**reads, **keys.bearer('wrong')})
        lock = openapi.path_of(self.ask(201, 'POST', COMPONENTS + '/climate/locks', {**reads, **keys.bearer(OTHER)}, {'lock_expiration': 60}).headers['location'])
        self.assertFalse(self.ask(200, 'GET', lock, reads).json['owned'])
        self.ask(204, 'DELETE', lock, keys.bearer(OTHER))

    def test_a_stream_needs_the_cookie_alone_and_ends_with_the_session(self):
        reads, changes = self.open()
        with events.Stream(events.connect(self.gateway), COMPONENTS + '/bms/faults/subscribe', self.origin[7:], **reads) as stream:
            self.assertEqual(stream.status, 200)
            self.ask(204, 'DELETE', ROOT, changes)
            stream.rest()
        with events.Stream(events.connect(self.gateway), COMPONENTS + '/bms/faults/subscribe', self.origin[7:], **reads) as stream:
            self.assertEqual(stream.status, 401)

    def test_what_is_done_in_a_session_is_on_the_audit_trail(self):
        _, changes = self.open()
        reply = self.ask(201, 'POST', LOCKS, changes, {'lock_expiration': 60})
        self.ask(204, 'DELETE', openapi.path_of(reply.headers['location']), changes)
        entry = self.until(lambda: [e for e in self.ask(200, 'GET', gateway.BASE + '/audit?limit=100', keys.bearer(ADMIN)).json['items']
                                    if e.get('req') == reply.headers['x-request-id'] and e['ev'] == 'request.intent'])[0]
        self.assertEqual((entry['auth'], entry['detail']['via']), ('api-key', 'browser-session'))
        self.assertRegex(entry['sub'], 'tester')
        self.assertNotIn(changes['Cookie'][5:], self.gateway.log)

    def test_neither_cookie_nor_token_are_in_the_state(self):
        _, changes = self.open()
        self.ask(204, 'DELETE', openapi.path_of(self.ask(201, 'POST', LOCKS, changes, {'lock_expiration': 60}).headers['location']), changes)
        for file in (self.folder / 'state').iterdir():
            for secret in (changes['Cookie'][5:], changes['X-CSRF-Token'], KEY):
                self.assertNotIn(secret.encode(), file.read_bytes() if file.is_file() else b'')


class Ends(Case):
    settings = {'idle_secs': 600, 'sessions': 3, 'sessions_per_client': 2}

    def test_a_session_too_many_ends_the_oldest_of_its_client_and_all_have_a_limit(self):
        first, second = self.open()[0], self.open()[0]
        self.ask(200, 'GET', COMPONENTS, first)
        third = self.open()[0]
        self.ask(401, 'GET', COMPONENTS, second)
        other = self.open(keys.bearer(OTHER))[0]
        reply = self.ask(503, 'POST', ROOT, keys.bearer(ADMIN))
        self.assertIn('auth.browser_sessions', reply.json['message'])
        for cookie in first, third, other:
            self.ask(200, 'GET', COMPONENTS, cookie)
        self.assertEqual((self.metric('sovd_browser_sessions'), self.metric('sovd_browser_sessions_max'), self.metric('sovd_browser_sessions_full_total')),
                         (3, 3, 1))


class Reload(Case):
    def reload(self, *entries, **sessions):
        auth = keys.section(*entries, enabled=True, browser_sessions={'enabled': True, **sessions})
        self.gateway.reload({**self.sections, 'auth': auth})

    def test_a_session_ends_with_its_key_whatever_its_name(self):
        mine, others = self.open()[0], self.open(keys.bearer(OTHER))[0]
        admin = keys.entry('admin', ADMIN, 'admin')
        self.reload(keys.entry('tester', 'a-new-key-for-the-name'), keys.entry('other', OTHER), admin)
        self.ask(401, 'GET', COMPONENTS, mine)
        self.ask(200, 'GET', COMPONENTS, others)
        self.reload(keys.entry('renamed', OTHER), admin)
        self.ask(401, 'GET', COMPONENTS, others)
        self.assertEqual(self.metric('sovd_browser_sessions_ended_total{reason="revoked"}'), 2)
        kept = self.open(keys.bearer(ADMIN))[0]
        self.reload(admin, idle_secs=20)
        self.ask(200, 'GET', COMPONENTS, kept)
        self.reload(admin, enabled=False)
        self.ask(401, 'GET', COMPONENTS, kept)
        self.ask(404, 'POST', ROOT, keys.bearer(ADMIN))
        self.ask(401, 'POST', ROOT)


class Idle(Case):
    settings = {'idle_secs': 10, 'max_secs': 12}
    entries = {'expires': (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()}

    def test_it_ends_unused_and_used(self):
        unused = self.open()[0]
        used = self.open()[0]
        self.until(lambda: self.gateway.bare('GET', COMPONENTS, None, used).status == 401, 20)
        self.ask(401, 'GET', COMPONENTS, unused)
        self.assertEqual(self.metric('sovd_browser_sessions_ended_total{reason="timed-out"}'), 2)


class Tls(Case):
    tls = True

    def test_over_tls_the_cookie_is_of_this_host_alone(self):
        reply = self.ask(201, 'POST', ROOT, {**keys.bearer(KEY), 'Origin': self.origin})
        self.assertRegex(reply.headers['set-cookie'], r'^__Host-sovd=[0-9a-f]{64}; Path=/; HttpOnly; SameSite=Strict; Secure$')
        cookie = reply.headers['set-cookie'].split(';')[0]
        self.ask(200, 'GET', COMPONENTS, {'Cookie': cookie})
        self.ask(401, 'GET', COMPONENTS, {'Cookie': cookie.replace('__Host-', '')})
        self.ask(403, 'GET', COMPONENTS, {'Cookie': cookie, 'Origin': self.origin.replace('https', 'http')})
        self.ask(204, 'DELETE', ROOT, {'Cookie': cookie, 'X-CSRF-Token': reply.json['csrf_token']})


if __name__ == '__main__':
    unittest.main()
