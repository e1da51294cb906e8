# SPDX-License-Identifier: Apache-2.0
"""How often clients may ask, how often their credentials may fail, and how many connections an address may have."""
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import openapi
import tokens

TOKENS = keys.section(keys.entry('tester', 'the-token-of-a-tester'), keys.entry('other', 'the-token-of-another'))
TESTER = {'Authorization': 'Bearer the-token-of-a-tester'}
OTHER = {'Authorization': 'Bearer the-token-of-another'}
NOBODY = {'Authorization': 'Bearer the-token-of-nobody'}
PATH = '/components/bms/data/soc'
BURST = 10


def bucket(per_sec, burst=BURST):
    return {'per_sec': per_sec, 'burst': burst}


class RateCase(gateway.GatewayCase):
    def from_address(self, address, headers=None, path=gateway.BASE + PATH):
        """A request from another address of the loopback."""
        connection = self.gateway.connection()
        connection.source_address = (address, 0)
        return self.gateway.bare('GET', path, headers=headers, connection=connection)

    def statuses(self, count, *arguments, **more):
        return [self.from_address(*arguments, **more).status for _ in range(count)]

    def refused(self, name='address'):
        return self.gateway.metrics()[f'sovd_rate_refused_total{{bucket="{name}"}}']

    def check_refusal(self, reply, setting):
        self.assertEqual(reply.status, 429)
        openapi.check_headers(reply, 'refusal')
        openapi.check_error(reply, 'refusal')
        self.assertEqual((reply.json['error_code'], reply.json['vendor_code']), ('vendor-specific', 'too-many-requests'))
        self.assertIn(setting, reply.json['message'])
        return int(reply.headers['retry-after'])


class Addresses(RateCase):
    sections = {'rate': {'per_address': bucket(0.2), 'exempt': ['127.0.0.1', '::1']}, 'auth': TOKENS}

    def test_over_the_burst_an_address_is_refused_with_the_time_to_wait_and_others_are_not(self):
        before = self.refused()
        self.assertEqual(self.statuses(BURST, '127.0.1.1'), [200] * BURST)
        seconds = self.check_refusal(self.from_address('127.0.1.1'), 'rate.per_address')
        self.assertTrue(1 <= seconds <= 5, seconds)
        self.assertEqual(self.from_address('127.0.1.2').status, 200)
        self.assertEqual(self.refused(), before + 1)

    def test_credentials_are_not_looked_at_when_the_address_is_refused(self):
        self.statuses(BURST, '127.0.2.1')
        for headers in TESTER, NOBODY, {'Authorization': 'Basic x'}:
            self.check_refusal(self.from_address('127.0.2.1', headers), 'rate.per_address')

    def test_probes_are_answered_in_any_case_and_cost_nothing(self):
        for path in '/healthz', '/readyz', '/metrics', gateway.BASE + '/health':
            self.assertEqual(self.statuses(BURST, '127.0.3.1', path=path), [200] * BURST)
        self.assertEqual(self.statuses(BURST, '127.0.3.1'), [200] * BURST)
        self.assertEqual(self.from_address('127.0.3.1').status, 429)
        self.assertEqual(self.from_address('127.0.3.1', path='/healthz').status, 200)

    def test_what_leads_nowhere_costs_as_much(self):
        for number, path in enumerate(('/nowhere', gateway.BASE + '/components/%zz', gateway.BASE + '/components/nobody')):
            address = f'127.0.4.{number + 1}'
            self.assertNotIn(429, self.statuses(BURST, address, path=path))
            self.check_refusal(self.from_address(address, path=path), 'rate.per_address')

    def test_after_the_time_that_was_told_the_next_one_is_let_in(self):
        self.statuses(BURST, '127.0.5.1')
        seconds = self.check_refusal(self.from_address('127.0.5.1'), 'rate.per_address')
        until = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= until)
        self.assertEqual(self.from_address('127.0.5.1').status, 200)

    def test_an_exempt_address_is_never_refused(self):
        for _ in range(3 * BURST):
            self.get(PATH)

    def test_a_connection_that_is_refused_stays(self):
        self.statuses(BURST, '127.0.6.1')
        connection = self.gateway.connection()
        connection.source_address = ('127.0.6.1', 0)
        for path, status in (gateway.BASE + PATH, 429), ('/healthz', 200):
            connection.request('GET', path)
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, status)
        connection.close()


class Proxies(RateCase):
    sections = {'server': {'trusted_proxies': ['127.0.0.9']}, 'rate': {'per_address': bucket(0.01), 'exempt': []}}

    def test_behind_a_trusted_proxy_each_client_has_a_bucket(self):
        for name, form in ('X-Forwarded-For', '{}'), ('Forwarded', 'for={};proto=http'):
            with self.subTest(name):
                first, second = f'203.0.113.{len(name)}', f'198.51.100.{len(name)}'
                self.assertEqual(self.statuses(BURST, '127.0.0.9', {name: form.format(first)}), [200] * BURST)
                self.assertEqual(self.from_address('127.0.0.9', {name: form.format(first)}).status, 429)
                self.assertEqual(self.from_address('127.0.0.9', {name: form.format(second)}).status, 200)

    def test_nobody_else_gets_a_new_bucket_by_saying_so(self):
        statuses = [self.from_address('127.0.8.1', {'X-Forwarded-For': f'203.0.113.{i}'}).status for i in range(BURST + 1)]
        self.assertEqual(statuses, [200] * BURST + [429])

    def test_what_a_client_wrote_before_the_proxy_did_means_nothing(self):
        statuses = [self.from_address('127.0.0.9', {'X-Forwarded-For': f'192.0.2.{i}, 203.0.113.77'}).status for i in range(BURST + 1)]
        self.assertEqual(statuses, [200] * BURST + [429])


class Principals(RateCase):
    sections = {'rate': {'per_principal': bucket(0.01)}, 'auth': TOKENS}

    def test_over_the_burst_a_client_is_refused_from_wherever_it_asks(self):
        self.assertEqual(self.statuses(BURST, '127.0.1.1', TESTER), [200] * BURST)
        for address in '127.0.1.1', '127.0.1.2':
            self.check_refusal(self.from_address(address, TESTER), 'rate.per_principal')
        self.assertEqual(self.from_address('127.0.1.1', OTHER).status, 200)
        self.assertEqual(self.from_address('127.0.1.1').status, 200)
        self.assertEqual(self.from_address('127.0.1.1', TESTER, '/healthz').status, 200)
        self.assertEqual(self.refused('principal'), 2)


class Failures(RateCase):
    sections = {'rate': {'failures': bucket(0.01)}, 'auth': TOKENS}

    def test_credentials_that_fail_too_often_are_429_and_good_ones_get_in(self):
        before = self.gateway.metrics()
        self.assertEqual(self.statuses(BURST, '127.0.0.1', NOBODY), [401] * BURST)
        self.check_refusal(self.from_address('127.0.0.1', NOBODY), 'not accepted')
        self.assertEqual(self.from_address('127.0.0.1', TESTER).status, 200)
        self.assertEqual(self.from_address('127.0.0.1').status, 200)
        # Another kind of credentials, and another address, have buckets of their own.
        self.assertEqual(self.from_address('127.0.0.1', {'Authorization': 'Basic x'}).status, 401)
        self.assertEqual(self.from_address('127.0.1.2', NOBODY).status, 401)
        after = self.gateway.metrics()
        for kind, more in ('bearer', BURST + 2), ('other', 1):
            name = f'sovd_credentials_failed_total{{kind="{kind}"}}'
            self.assertEqual(after[name] - before[name], more)

    def test_a_good_client_is_served_while_another_guesses_behind_the_same_address(self):
        for _ in range(3 * BURST):
            self.assertIn(self.from_address('127.0.9.1', NOBODY).status, (401, 429))
            self.assertEqual(self.from_address('127.0.9.1', TESTER).status, 200)


class SignedTokens(RateCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'key.pem'
        cls.key, cls.stranger = tokens.Key('rsa'), tokens.Key('rsa')
        path.write_bytes(cls.key.pem())
        jwt = {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'public_key_file': str(path)}
        cls.sections = {'rate': {'failures': bucket(0.2)}, 'auth': {**TOKENS, 'jwt': jwt}}
        super().setUpClass()

    def token(self, key=None, **more):
        return tokens.bearer(tokens.compact(key or self.key, 'RS256', tokens.claims(**more)))

    def test_while_forged_tokens_fail_good_ones_get_in_new_ones_too(self):
        known = self.token(jti='known')
        self.assertEqual(self.from_address('127.0.1.1', known).status, 200)
        for number in range(BURST):
            self.assertEqual(self.from_address('127.0.1.1', self.token(self.stranger, jti=str(number))).status, 401)
        self.check_refusal(self.from_address('127.0.1.1', self.token(self.stranger)), 'not accepted')
        for headers in known, TESTER, self.token(jti='fresh'):
            self.assertEqual(self.from_address('127.0.1.1', headers).status, 200)


class Reload(unittest.TestCase):
    def test_other_rates_hold_after_a_reload(self):
        with gateway.Gateway(rate={'per_address': bucket(0.01, 1000), 'exempt': ['192.0.2.1']}) as daemon:
            daemon.reload(daemon.settings(rate={'per_address': bucket(0.01, 1), 'exempt': ['192.0.2.1']}))
            self.assertEqual([daemon.bare('GET', gateway.BASE + '/components').status for _ in range(3)], [200, 429, 429])
            daemon.reload(daemon.settings(rate={'per_address': bucket(0), 'exempt': ['192.0.2.1']}))
            self.assertEqual({daemon.bare('GET', gateway.BASE + '/components').status for _ in range(5)}, {200})


class Socket(unittest.TestCase):
    def test_the_unix_socket_has_no_address_to_pay_but_failures_count_there_too(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'socket'
            with gateway.Gateway(server={'unix_socket': str(path)}, auth=TOKENS,
                                 rate={'per_address': bucket(0.01, 1), 'failures': bucket(0.01, 2), 'exempt': ['127.0.0.1']}) as daemon:
                def ask(headers=None):
                    return daemon.bare('GET', gateway.BASE + '/components', headers=headers, connection=gateway.UnixConnection(path)).status
                self.assertEqual([ask() for _ in range(5)], [200] * 5)
                self.assertEqual([ask(NOBODY) for _ in range(3)], [401, 401, 429])
                self.assertEqual(ask(TESTER), 200)


class Connections(gateway.GatewayCase):
    sections = {'limits': {'connections_per_address': 3, 'connections': 16}, 'rate': {'exempt': ['127.0.0.1']}}

    def open(self, address):
        raw = gateway.Raw((self.gateway.host, self.gateway.port), source=address)
        self.addCleanup(raw.close)
        return raw

    def served(self, raw):
        raw.send_what_is_taken(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
        return raw.reply().status

    def test_one_connection_too_many_is_503_and_closed_and_a_place_comes_back(self):
        before = self.gateway.metrics()['sovd_http_connections_refused_total']
        kept = [self.open('127.0.1.1') for _ in range(3)]
        self.assertEqual([self.served(raw) for raw in kept], [200] * 3)
        refused = self.open('127.0.1.1')
        reply = refused.reply()
        self.assertEqual((reply.status, reply.headers['connection'], reply.headers['retry-after']), (503, 'close', '5'))
        openapi.check_error(reply, 'refusal')
        self.assertIn('limits.connections_per_address', reply.json['message'])
        self.assertEqual(refused.rest(), b'')
        self.assertEqual(self.served(self.open('127.0.1.2')), 200)
        self.assertEqual(self.served(kept[0]), 200)
        self.assertEqual(self.gateway.metrics()['sovd_http_connections_refused_total'], before + 1)
        kept[0].close()
        self.until(lambda: self.served(self.open('127.0.1.1')) == 200)

    def test_silent_connections_of_one_address_leave_the_others_their_workers(self):
        for _ in range(40):
            self.open('127.0.2.1')
        started = time.monotonic()
        self.get(PATH)
        self.assertLess(time.monotonic() - started, 2)
        self.assertLess(self.gateway.metrics()['sovd_http_connections'], 8)

    def test_an_exempt_address_has_as_many_as_there_are(self):
        for raw in [self.gateway.raw() for _ in range(8)]:
            self.addCleanup(raw.close)
            self.assertEqual(self.served(raw), 200)

    def test_event_streams_hold_no_place(self):
        for _ in range(5):
            raw = self.open('127.0.3.1')
            raw.send(f'GET {gateway.BASE}/components/bms/data/subscribe?interval=slow HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
            self.assertEqual(raw.reply(bodiless=True).status, 200)


class Configuration(unittest.TestCase):
    def test_what_is_not_acceptable_is_refused_with_its_place(self):
        for text, said in (('rate: {exempt: [localhost]}', 'rate.exempt[0]'), ('rate: {exempt: ["10.0.0.0/8", "10.0.0.0/33"]}', 'rate.exempt[1]'),
                           ('rate: {per_address: {per_sec: -1}}', 'rate.per_address.per_sec'), ('rate: {per_address: {burst: 0}}', 'rate.per_address.burst'),
                           ('rate: {failures: {per_min: 1}}', 'per_min'), ('limits: {connections_per_address: 0}', 'connections_per_address'),
                           ('limits: {executions_per_client: 0}', 'executions_per_client')):
            with self.subTest(text), tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
                file.write(text)
                file.flush()
                status, _, errors = gateway.run('--check-config', '--config', file.name)
                self.assertEqual(status, 2)
                self.assertIn(said, errors)


if __name__ == '__main__':
    unittest.main()
