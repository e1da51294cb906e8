# SPDX-License-Identifier: Apache-2.0
"""What attackers send, and the safe answer to each: over plain HTTP and over TLS, with a good client beside them.

The forms stand in tables. tests/api/test_http.py, test_targets.py, test_errors.py and test_slow_clients.py go into the
detail of each rule; here the same front stands against all of them on both transports.
"""
import hashlib
import hmac
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'api'))
import ecu
import gateway
import keys
import openapi
import polling
import tokens
from test_listeners import make_certificate

BASE = gateway.BASE.encode()
SOC, TARGET = BASE + b'/components/bms/data/soc', BASE + b'/components/climate/data/target-temp'
BALANCE, FLUSH = '/components/bms/operations/cell-balance/executions', '/components/climate/operations/recirculate/executions'
TOKEN, GUARDED, DEVICE = '/token', 'components/bms/operations/self-test', b'what the device in the vehicle has'
LOCKS, FAULTS = '/components/bms/locks', '/components/bms/faults/subscribe'
ATTACKER, GOOD = '127.0.66.6', '127.0.0.1'
PER_ADDRESS, TIMEOUT, GOOD_SECONDS = 6, 1, 2
OWNER, THIEF = keys.bearer('the-key-of-the-owner'), keys.bearer('the-key-of-the-thief')
AUTH = keys.section(keys.entry('owner', 'the-key-of-the-owner'), keys.entry('thief', 'the-key-of-the-thief'))
SIGNER, STRANGER, EC = tokens.Key('rsa'), tokens.Key('rsa'), tokens.Key('p256')

# A request that must never be answered stands behind each of these.
SMUGGLED = b'GET /sovd/v1/version-info HTTP/1.1\r\nHost: localhost\r\n\r\n'
CHUNKED, JSON = b'Transfer-Encoding: chunked', b'Content-Type: application/json'
CHUNKS, BODY = b'e\r\n{"data": 20.0}\r\n0\r\n\r\n', b'{"data": 20.0}'
LENGTH = b'Content-Length: 14'


def message(line, *fields, body=b'', host=b'Host: localhost'):
    return b'\r\n'.join([line, *([host] if host else []), *fields, b'', body])


def get(*fields, target=SOC, **more):
    return message(b'GET ' + target + b' HTTP/1.1', *fields, **more)


def put(*fields, body=BODY, **more):
    return message(b'PUT ' + TARGET + b' HTTP/1.1', JSON, *fields, body=body, **more)


# name, status, requests
SMUGGLING = (
    ('a length beside a coding', 400, [put(LENGTH, CHUNKED, body=CHUNKS), put(CHUNKED, LENGTH, body=CHUNKS), put(CHUNKED, b'content-length: 0', body=CHUNKS)]),
    ('a coding that is not chunked', 400, [put(b'Transfer-Encoding: ' + coding, body=CHUNKS) for coding in
                                           (b'identity', b'chunked, identity', b'gzip, chunked', b'xchunked', b'chunked\x0b', b'"chunked"', b'chunked;q=1', b',chunked')]),
    ('two codings', 400, [put(CHUNKED, CHUNKED, body=CHUNKS), put(CHUNKED, b'transfer-encoding: x', body=CHUNKS)]),
    ('a coding in HTTP/1.0', 400, [put(CHUNKED, body=CHUNKS).replace(b'HTTP/1.1', b'HTTP/1.0', 1)]),
    ('two lengths', 400, [put(LENGTH, LENGTH), put(LENGTH, b'Content-Length: 0'), put(b'Content-Length: 0', LENGTH), put(b'Content-Length: 14, 14')]),
    ('a length that is no number', 400, [put(b'Content-Length: ' + value) for value in (b'+14', b'-14', b'0xe', b'14.0', b'1e1', b'14 14', b'', b'99999999999999999999')]),
    ('white space before a colon', 400, [put(b'Content-Length : 14'), put(b'Transfer-Encoding : chunked', LENGTH), put(b'Transfer-Encoding\t: chunked', LENGTH)]),
    ('a folded line', 400, [put(b'X: y', b' Content-Length: 14'), put(LENGTH, b'Transfer-Encoding:', b' chunked'), put(b'Content-Length:\r\n 14')]),
    ('an empty or broken name', 400, [put(LENGTH, b': x'), put(LENGTH, b'\x00Transfer-Encoding: chunked'), put(LENGTH, b'Transfer\x7fEncoding: chunked'), put(LENGTH, b'x')]),
    ('a bare line end', 400, [put(LENGTH, b'X: y\nTransfer-Encoding: chunked'), put(LENGTH, b'X: y\rTransfer-Encoding: chunked'), get().replace(b'\r\n', b'\n')]),
    ('no Host, or two', 400, [get(host=None), get(b'Host: localhost'), get(b'host: y'), get(host=b'Host: localhost, y'), get(host=b'Host: a@b')]),
    ('a type without a length', 411, [put()]),
    ('a body of a read', 400, [get(LENGTH, body=BODY), get(CHUNKED, body=CHUNKS)]),
    ('a broken chunk', 400, [put(CHUNKED, body=body) for body in
                             (b'0xe\r\n' + CHUNKS[3:], b'-e\r\n' + CHUNKS[3:], b'+e\r\n' + CHUNKS[3:], b'\r\n' + CHUNKS, b'fffffffffffffffff\r\n' + CHUNKS[3:],
                              b'e\r\n{"data": 20.0}X\r\n0\r\n\r\n', b' e\r\n' + CHUNKS[3:])]),
    ('64 fields', 431, [get(*[b'X-%d: y' % i for i in range(64)])]),
    ('another expectation', 417, [put(LENGTH, b'Expect: 200-ok'), put(LENGTH, b'Expect: 100-continue, x')]),
    ('a body over the limit', 413, [put(b'Content-Length: 9999999'), put(CHUNKED, body=b'fffffff\r\n' + b' ' * 2_000_000)]),
    ('another version', 505, [get().replace(b'HTTP/1.1', b'HTTP/9.9')]),
    ('the beginning of HTTP/2', 400, [b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']),
    ('another server', 421, [get(target=b'http://other.example/sovd/v1/components'), get(target=b'https://other.example:1/')]),
    ('a target that is none', 400, [get(target=target) for target in (b'*', b'x', b'/a b', b'/a\tb')]),
)

# Fields that would mean one thing here and another behind or before.
TWICE = ('Authorization: Bearer x', 'X-API-Key: x', 'Idempotency-Key: x', 'Content-Type: application/json', 'If-Match: "x"', 'DPoP: x', 'Expect: 100-continue')

# target, status
PATHS = (
    (b'/components/bms/../../metrics', 400), (b'/components/%2e%2e/bms', 400), (b'/components/.%2e/bms', 400), (b'/./components', 400),
    (b'/components//bms', 400), (b'//components', 400), (b'/components/bms%2fdata%2fsoc', 404), (b'/components/bms/data%2fsoc', 404),
    (b'/components/bms\\data\\soc', 404), (b'/components/bms%5cdata', 404), (b'/components/bms%00', 400), (b'/components/bms/data/soc%00.json', 400),
    (b'/components/%0d%0aX-Evil:%20y', 400), (b'/components/%zz', 400), (b'/components/%2', 400), (b'/components/%', 400),
    (b'/components/%c0%ae%c0%ae/bms', 400), (b'/components/%ff', 400), (b'/components/bms;x=1', 404), (b'/components/bms.', 404),
    (b'/components/.../bms', 404), (b'/components/%252e%252e/bms', 404), (b'/x-admin%2fsnapshot', 404), (b'/%78-admin%2fsnapshot', 404),
    (b'/components/bms/data/soc?a=%00', 400), (b'/components/bms/data/soc?%zz=1', 400), (b'/components/bms/data/soc?' + b'&'.join([b'a=1'] * 33), 400),
    (b'/' + b'a/' * 200, 414), (b'/components/' + b'a' * 20_000, 414),
)

# name, body: each 400, at once
BOMBS = (
    ('100,000 arrays inside each other', b'[' * 100_000), ('objects inside each other', b'{"a":' * 1000 + b'1' + b'}' * 1000),
    ('500,000 values', b'{"data": [' + b'1,' * 500_000 + b'1]}'), ('10,001 members', b'{' + b','.join(b'"%d":1' % i for i in range(10_001)) + b'}'),
    ('two members of one name', b'{"data": 20, "data": 30}'), ('the same name in other characters', b'{"data": 20, "d\\u0061ta": 30}'),
    ('U+0000 in a name', b'{"data\\u0000x": 20}'), ('a NUL', b'{"data": 20}\x00'), ('a second text', b'{"data": 20} {"data": 30}'),
    ('a byte order mark', b'\xef\xbb\xbf{"data": 20}'), ('broken UTF-8', b'{"data": "\xc0\xae"}'), ('half of a pair', b'{"data": "\\ud800"}'),
    ('a number over all', b'{"data": 1e400}'), ('a number of 100,000 digits', b'{"data": ' + b'9' * 100_000 + b'}'), ('a number that is none', b'{"data": 1.}'),
    ('a leading zero', b'{"data": 020}'), ('NaN', b'{"data": NaN}'), ('a comment', b'{"data": /* */ 20}'), ('the end of an object only', b'}' * 10_000),
)

# Credentials that prove nothing: Authorization, status
CREDENTIALS = (
    ('Bearer', 401), ('Bearer x', 401), ('Bearer ' + 'x' * 8000, 401), ('Basic b3duZXI6eA==', 401), ('Bearer a.b.c', 401), ('Bearer ..', 401),
    ('Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJvd25lciJ9.', 401), ('Negotiate x', 401), (OWNER['Authorization'] + 'x', 401),
    (OWNER['Authorization'].upper(), 401), (OWNER['Authorization'] + ',' + THIEF['Authorization'], 401), ('Bearer \x00', 400), ('Bearer %00', 401),
)


def token(key=SIGNER, algorithm='RS256', header=None, fields=None, payload=None, **claims):
    return tokens.compact(key, algorithm, tokens.claims(**claims) if payload is None else payload, header, **(fields or {}))


def unsigned(**header):
    return f'{tokens.encoded({"alg": "none", **header})}.{tokens.encoded(tokens.claims())}.'


def twice(name, first, second):
    """Claims in which a member stands twice."""
    text = tokens.json.dumps(tokens.claims(**{name: first}))
    return text[:-1] + f', {tokens.json.dumps(name)}: {tokens.json.dumps(second)}}}'


def signed_by_own_key(where):
    """The key that verifies it comes along."""
    return token(STRANGER, fields={'jwk': STRANGER.jwk()} if where == 'jwk' else {where: 'http://127.0.0.1:1/keys'})


NOW, TWO_ALGORITHMS = int(time.time()), '{"alg":"none","alg":"RS256"}'
# name, token: each 401. tests/api/test_signed_tokens.py goes into the detail.
TOKENS = (
    *((f'the public key as a secret of {algorithm}', token(tokens.Key(SIGNER.pem()), algorithm)) for algorithm in ('HS256', 'HS384', 'HS512')),
    ('an empty secret', token(tokens.Key(b'\0'), 'HS256')), ('another key', token(STRANGER)), ('a key of another kind', token(EC, 'ES256')),
    *((f'alg {name}', unsigned(alg=name)) for name in ('none', 'None', 'NONE', 'nOnE', '', 'none ')),
    ('none with a signature', unsigned() + token().rpartition('.')[2]), ('no signature', token().rpartition('.')[0] + '.'),
    ('the signature of other claims', '.'.join((*token(sub='mallory').split('.')[:2], token().split('.')[2]))),
    ('an end that has passed', token(exp=NOW - 3600)), ('no end', token(exp=None)), ('an end that is text', token(exp=str(NOW + 300))),
    ('a beginning to come', token(nbf=NOW + 3600)), ('made in the future', token(iat=NOW + 3600)),
    ('for somebody else', token(aud='other')), ('for nobody', token(aud=None)), ('of another issuer', token(iss='https://evil.example')),
    ('of an issuer with a slash more', token(iss=tokens.ISSUER + '/')), ('an audience in other letters', token(aud=tokens.AUDIENCE.upper())),
    *((f'a key that comes along in {where}', signed_by_own_key(where)) for where in ('jwk', 'jku', 'x5u', 'x5c', 'x5t#S256')),
    *((f'a kid of {kid!r}', token(STRANGER, fields={'kid': kid})) for kid in ('../../../dev/null', "x' OR '1'='1", '/etc/passwd', 'a' * 1000, '\0', 7, {})),
    ('something critical', token(fields={'crit': ['b64'], 'b64': False})), ('another type', token(fields={'typ': 'dpop+jwt'})),
    ('two ends', token(payload=twice('exp', 1, NOW + 300))), ('two audiences', token(payload=twice('aud', 'other', tokens.AUDIENCE))),
    ('two algorithms', f'{tokens.encoded(TWO_ALGORITHMS)}.{token().partition(".")[2]}'),
    ('a signature with padding', token() + '='), ('a signature with noise behind', token() + '!!!'), ('a fourth part', token() + '.x'),
    ('five parts', 'a.b.c.d.e'), ('no JSON', token(payload='x')), ('a list', token(payload=[])), ('9 KiB', token(x='x' * 9000)),
)


class Attacks:
    tls = False
    sections = {'limits': {'connections': 16, 'connections_per_address': PER_ADDRESS, 'head_timeout_secs': TIMEOUT, 'body_timeout_secs': TIMEOUT,
                           'keep_alive_secs': TIMEOUT, 'streams_per_client': 3, 'locks_per_client': 2, 'idempotency_keys_per_client': 5},
                'rate': {'exempt': [GOOD], 'per_address': {'per_sec': 50, 'burst': 300}, 'failures': {'per_sec': 1000, 'burst': 1000}}}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='gw')
        cls.addClassCleanup(cls.folder.cleanup)
        cls.ecu = ecu.DemoEcu(dialect='iso')
        cls.addClassCleanup(gateway.stop_ecu, cls.ecu)
        key = pathlib.Path(cls.folder.name) / 'signer.pem'
        key.write_bytes(SIGNER.pem())
        auth = {**AUTH, 'jwt': {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'public_key_file': str(key)},
                'mint': {'key': cls.secret('mint.pem', EC.private_pem()), 'issuer': 'https://gateway.example', 'audience': 'sovd'},
                'proximity': [{'resources': [GUARDED], 'verifier': {'key': cls.secret('device.key', DEVICE)}}]}
        sections, context = {**cls.sections, 'auth': auth}, None
        if cls.tls:
            certificate, key = make_certificate(cls.folder.name)
            sections = {**sections, 'server': {'tls': {'certificate': certificate, 'key': key}}}
            context = gateway.ssl_context_without_checks()
        cls.gateway = gateway.Gateway(gateway.backend_of(cls.ecu), context=context, **sections)
        cls.addClassCleanup(cls.gateway.stop)

    @classmethod
    def secret(cls, name, content):
        path = pathlib.Path(cls.folder.name) / name
        path.write_bytes(content)
        path.chmod(0o600)
        return str(path)

    # ---- helpers ---------------------------------------------------------------------------------------------------

    def wire(self, source=GOOD):
        raw = self.gateway.wire(source)
        self.addCleanup(raw.close)
        return raw

    def answered_once(self, status, request, closed=True):
        """The one answer; what stands behind the request is never served."""
        with self.gateway.wire() as raw:
            raw.send_what_is_taken(request + (SMUGGLED if closed else b''))
            reply = raw.reply()
            self.assertIsNotNone(reply, 'closed without an answer')
            self.assertEqual(reply.status, status, reply)
            openapi.check_headers(reply, repr(request[:200]))
            if status >= 400:
                openapi.check_error(reply, repr(request[:200]))
            if closed:
                self.assertEqual((reply.headers.get('connection'), raw.rest()), ('close', b''))
        return reply

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, reply)
        return reply

    def good_client(self):
        """How long a request of somebody else takes."""
        started = time.monotonic()
        self.ask(200, 'GET', '/components/bms/data/soc')
        return time.monotonic() - started

    def all_is_well(self):
        self.assertLess(self.good_client(), GOOD_SECONDS)
        self.assertIsNone(self.gateway.process.poll())

    # ---- one request -----------------------------------------------------------------------------------------------

    def test_nothing_is_smuggled_behind_a_refusal(self):
        for name, status, requests in SMUGGLING:
            for request in requests:
                with self.subTest(name, request=request[:200]):
                    self.answered_once(status, request)
        self.all_is_well()

    def test_a_field_that_counts_comes_once(self):
        for field in TWICE:
            with self.subTest(field):
                self.answered_once(400, get(field.encode(), field.lower().encode()))

    def test_no_path_leads_anywhere_but_where_it_seems_to(self):
        for path, status in PATHS:
            with self.subTest(path[:100]):
                reply = self.answered_once(status, get(target=BASE + path), closed=False)
                self.assertNotIn(b'X-Evil', reply.body)

    def test_no_json_costs_more_than_it_says(self):
        for name, body in BOMBS:
            with self.subTest(name):
                started = time.monotonic()
                self.answered_once(400, put(b'Content-Length: %d' % len(body), body=body), closed=False)
                self.assertLess(time.monotonic() - started, GOOD_SECONDS)
        self.assertEqual(self.ask(200, 'GET', TARGET.decode()).json['id'], 'target-temp')

    def test_credentials_that_prove_nothing_let_nobody_in(self):
        for value, status in CREDENTIALS:
            with self.subTest(value[:100]):
                self.answered_once(status, get(b'Authorization: ' + value.encode('latin-1')), closed=status == 400)

    def test_no_token_but_a_good_one_lets_anybody_in(self):
        for name, bad in TOKENS:
            with self.subTest(name):
                reply = self.answered_once(401, get(b'Authorization: Bearer ' + bad.encode()), closed=False)
                self.assertIn('invalid_token', reply.headers['www-authenticate'])
        self.ask(200, 'GET', TARGET.decode(), headers=tokens.bearer(token()))

    def test_nothing_of_a_request_splits_an_answer_or_a_line_of_the_log(self):
        for field in b'X-Request-Id: a\tb', b'X-Request-Id: "><script>', b'traceparent: 00-x\x1b[2J', b'Origin: https://evil.example', b'User-Agent: \x1b]0;x\x07':
            with self.subTest(field), self.gateway.wire() as raw:
                raw.send(get(field, target=BASE + b'/components/%1b%5b2J'))
                reply = raw.reply()
                self.assertEqual(reply.status, 400)
                self.assertNotIn('access-control-allow-origin', reply.headers)
                self.assertRegex(reply.headers['x-request-id'], r'^[A-Za-z0-9._-]{1,36}$')
        self.assertNotRegex(self.gateway.log, r'[\x00-\x09\x0b-\x1f\x7f]')

    # ---- floods ----------------------------------------------------------------------------------------------------

    def attack(self, connections, beginning, source=ATTACKER):
        """Connections of one address that begin and do not go on; those that were refused are closed already."""
        opened = []
        for _ in range(connections):
            try:
                raw = self.gateway.wire(source)
            except OSError:
                continue  # refused in the handshake of TLS
            self.addCleanup(raw.close)
            raw.send_what_is_taken(beginning)
            opened.append(raw)
        return opened

    def wait_quiet(self):
        """Until nothing is open but the question whether there is."""
        self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_http_connections'] <= 1, 20))

    def check_flood(self, beginning):
        self.wait_quiet()
        refused = self.gateway.metrics()['sovd_http_connections_refused_total']
        opened = self.attack(4 * PER_ADDRESS, beginning)
        self.assertLess(self.good_client(), GOOD_SECONDS)
        self.assertLessEqual(self.gateway.metrics()['sovd_http_connections'], PER_ADDRESS + 2)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_http_connections_refused_total'] - refused, 1)
        for raw in opened:
            raw.rest()
        self.wait_quiet()
        with self.gateway.wire(ATTACKER) as raw:  # his places have come back
            raw.send(get())
            self.assertEqual(raw.reply().status, 200)

    def test_connections_that_say_nothing_hold_up_nobody(self):
        self.check_flood(b'')

    def test_heads_that_never_end_hold_up_nobody(self):
        self.check_flood(b'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')

    def test_bodies_that_never_end_hold_up_nobody(self):
        self.check_flood(put(b'Content-Length: 5000', body=b'{'))

    def test_answers_that_are_never_read_hold_up_nobody(self):
        opened = self.attack(PER_ADDRESS, b'', '127.0.66.7')
        for raw in opened:
            raw.socket.settimeout(0.1)
            try:
                raw.send(get(target=b'/openapi.json') * 40)
            except (TimeoutError, OSError):
                pass
        for _ in range(5):
            self.assertLess(self.good_client(), GOOD_SECONDS)

    def test_half_a_handshake_holds_up_nobody(self):
        for _ in range(4 * PER_ADDRESS):
            raw = gateway.Raw((self.gateway.host, self.gateway.port), source=ATTACKER)
            self.addCleanup(raw.close)
            raw.send_what_is_taken(b'\x16\x03\x01\x02\x00\x01')
        for _ in range(5):
            self.assertLess(self.good_client(), GOOD_SECONDS)

    def test_fields_without_end_are_431(self):
        for beginning, line in (get()[:-4] + b'\r\n', b'X-A: ' + b'a' * 100 + b'\r\n'), (b'GET /' + b'a' * 100_000, b''):
            with self.gateway.wire() as raw:
                raw.send_what_is_taken(beginning + line * 10_000)
                reply = raw.reply()
                self.assertIn(reply.status, (414, 431))
                self.assertEqual(raw.rest(), b'')

    def test_a_flood_of_requests_is_429_and_a_good_client_is_not(self):
        statuses, stop = set(), threading.Event()

        def flood():
            while not stop.is_set():
                try:
                    with self.gateway.wire(ATTACKER) as raw:
                        raw.send_what_is_taken(get() * 200)
                        while reply := raw.reply():
                            statuses.add(reply.status)
                except OSError:
                    pass

        threads = [threading.Thread(target=flood) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            slowest, count = 0, 0
            while 429 not in statuses and count < 1000:
                slowest, count = max(slowest, self.good_client()), count + 1
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertIn(429, statuses)
        self.assertLess(slowest, GOOD_SECONDS)

    def test_a_client_that_opens_streams_gets_its_own_number_and_others_theirs(self):
        request = get(b'Accept: text/event-stream', b'Authorization: ' + THIEF['Authorization'].encode(), target=(gateway.BASE + FAULTS).encode())
        for status in 200, 200, 200, 503:
            raw = self.wire()
            raw.send(request)
            reply = raw.reply(bodiless=status == 200)
            self.assertEqual(reply.status, status)
        self.assertIn('streams_per_client', reply.json['message'])
        self.assertIn('retry-after', reply.headers)
        other = self.wire()
        other.send(request.replace(THIEF['Authorization'].encode(), OWNER['Authorization'].encode()))
        self.assertEqual(other.reply(bodiless=True).status, 200)
        self.all_is_well()

    # ---- what was recorded on the way ------------------------------------------------------------------------------

    def form(self, path, **members):
        return self.gateway.bare('POST', gateway.BASE + path, urllib.parse.urlencode(members).encode(), {'Content-Type': 'application/x-www-form-urlencoded'})

    def grant(self):
        return self.form(TOKEN, grant_type='client_credentials', client_id='owner', client_secret='the-key-of-the-owner').json

    def test_a_refresh_token_that_was_recorded_ends_what_it_began(self):
        first = self.grant()
        second = self.form(TOKEN, grant_type='refresh_token', refresh_token=first['refresh_token'])
        self.assertEqual(second.status, 200)
        self.assertEqual(self.form(TOKEN, grant_type='refresh_token', refresh_token=first['refresh_token']).status, 401)
        for granted in first, second.json:
            self.ask(401, 'GET', '/components', headers=tokens.bearer(granted['access_token']))
            self.assertEqual(self.form(TOKEN, grant_type='refresh_token', refresh_token=granted['refresh_token']).status, 401)

    def test_a_token_that_was_recorded_and_revoked_lets_nobody_in(self):
        granted = self.grant()
        self.ask(200, 'GET', '/components', headers=tokens.bearer(granted['access_token']))
        self.assertEqual(self.form(TOKEN + '/revoke', token=granted['access_token']).status, 204)
        for _ in range(2):
            self.ask(401, 'GET', '/components', headers=tokens.bearer(granted['access_token']))
        self.assertEqual(self.form(TOKEN, grant_type='refresh_token', refresh_token=granted['refresh_token']).status, 401)

    def prove(self, status, who, response):
        return self.ask(status, 'POST', f'/{GUARDED}/executions', {'proximity_response': response}, who)

    def test_a_proof_that_was_recorded_proves_nothing_again(self):
        challenge = self.ask(200, 'GET', '/' + GUARDED, headers=OWNER).json['proximity_challenge']['challenge']
        proof = hmac.new(DEVICE, f'{challenge}\n{GUARDED}'.encode(), hashlib.sha256).hexdigest()
        self.prove(409, THIEF, proof)
        uri = self.prove(202, OWNER, proof).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, OWNER)
        self.prove(409, OWNER, proof)
        self.ask(200, 'GET', '/' + GUARDED, headers=OWNER)  # the next challenge
        self.prove(403, OWNER, proof)

    # ---- what belongs to others ------------------------------------------------------------------------------------

    def lock(self, who, path=LOCKS, **more):
        uri = self.ask(201, 'POST', path, {'lock_expiration': 60, **more}, who).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, who)
        return uri

    def test_nobody_takes_ends_or_lengthens_the_lock_of_another(self):
        uri = self.lock(OWNER)
        for who in THIEF, {}, {**THIEF, 'X-Client-Id': 'owner'}, {**THIEF, 'x-sovd-client-id': 'token:owner'}:
            for method, body in ('PUT', {'lock_expiration': 1}), ('DELETE', None):
                self.ask(409, method, uri, body, who)
            self.ask(409, 'POST', LOCKS, {'lock_expiration': 60}, who)
            self.ask(409, 'DELETE', '/components/bms/faults', headers=who)
        self.ask(409, 'POST', LOCKS, {'lock_expiration': 60, 'break_lock': True})
        self.assertTrue(self.ask(200, 'GET', uri, headers=OWNER).json['owned'])

    def test_a_lock_is_not_found_by_guessing(self):
        uri = self.lock(OWNER)
        name = uri.rsplit('/', 1)[1]
        for guess in '0' * len(name), name[:-1], name + '0', name.upper(), '1':
            if guess != name:
                self.ask(404, 'DELETE', LOCKS + '/' + guess, headers=OWNER)

    def test_who_hoards_locks_leaves_some_for_others(self):
        for entity in 'bms', 'climate':
            self.lock(THIEF, f'/components/{entity}/locks', scopes=['operations'])
        reply = self.ask(503, 'POST', LOCKS, {'lock_expiration': 60, 'scopes': ['data']}, THIEF)
        self.assertIn('locks_per_client', reply.json['message'])
        self.lock(OWNER, scopes=['data'])

    def test_a_key_that_another_client_used_is_not_answered_with_his_answer(self):
        key = {'Idempotency-Key': 'overheard'}
        first = self.ask(202, 'POST', BALANCE, {}, {**OWNER, **key})
        self.addCleanup(self.gateway.delete, first.headers['location'], None, OWNER)
        for who in THIEF, {}:
            reply = self.gateway.post(BALANCE, {}, {**who, **key})
            self.assertEqual(reply.status, 409, 'it runs already, so this is a start of his own')
            self.assertNotIn('idempotency-replayed', reply.headers)
            self.assertNotIn(first.json['id'].encode(), reply.body)
        again = self.ask(202, 'POST', BALANCE, {}, {**OWNER, **key})
        self.assertEqual((again.body, again.headers['idempotency-replayed']), (first.body, 'true'))

    def test_who_uses_up_his_keys_takes_none_of_others(self):
        kept = {**OWNER, 'Idempotency-Key': 'kept'}
        first = self.ask(200, 'POST', FLUSH, {}, kept)
        for number in range(20):
            self.gateway.post(FLUSH, {}, {**THIEF, 'Idempotency-Key': f'flood-{number}'})
        again = self.ask(200, 'POST', FLUSH, {}, kept)
        self.assertEqual((again.body, again.headers['idempotency-replayed']), (first.body, 'true'))


class Plain(Attacks, unittest.TestCase):
    pass


class Tls(Attacks, unittest.TestCase):
    tls = True

    def test_a_browser_is_told_to_come_over_tls_only(self):
        for path in '/healthz', '/nowhere', gateway.BASE + '/components':
            reply = self.gateway.bare('GET', path)
            self.assertEqual(reply.headers['strict-transport-security'], 'max-age=31536000')

    def test_a_new_handshake_inside_a_connection_is_refused(self):
        """Of TLS 1.2; in 1.3 there is none."""
        done = subprocess.run(['openssl', 's_client', '-connect', f'{self.gateway.host}:{self.gateway.port}', '-tls1_2'], input=b'R\n',
                              capture_output=True, timeout=30)
        self.assertRegex(done.stderr + done.stdout, b'no renegotiation|alert|errno')
        self.all_is_well()


if __name__ == '__main__':
    unittest.main()
