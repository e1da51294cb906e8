# SPDX-License-Identifier: Apache-2.0
"""Clients that prove themselves by signed tokens: of an issuer whose key is configured."""
import base64
import collections
import concurrent.futures
import hashlib
import json
import pathlib
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import keys
import polling
import tokens
import vault

SECRET = tokens.Key(b'0123456789abcdef' * 4)
RSA, OTHER_RSA, P256, P384, ED = tokens.Key('rsa'), tokens.Key('rsa'), tokens.Key('p256'), tokens.Key('p384'), tokens.Key('ed25519')
LOCKS = '/components/bms/locks'


def private_file(folder, name, content):
    path = pathlib.Path(folder) / name
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def section(**more):
    return {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, **more}


class TokenCase(gateway.GatewayCase):
    key, algorithm = RSA, 'RS256'
    more = {}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        if cls.key.secret:
            where = {'secret_file': str(private_file(folder.name, 'key', cls.key.secret + b'\n'))}
        else:
            where = {'public_key_file': str(private_file(folder.name, 'key', cls.key.pem()))}
        cls.sections = {'auth': {'jwt': section(**where, **cls.more),
                                 'api_keys': [keys.entry('watcher', 'key-of-the-watcher')]}}
        super().setUpClass()

    def token(self, key=None, algorithm=None, header=None, fields=None, **claims):
        return tokens.compact(key or self.key, algorithm or self.algorithm, tokens.claims(**claims), header, **(fields or {}))

    def accepted(self, token):
        self.ask(200, 'GET', '/components', headers=tokens.bearer(token))

    def refused(self, token, why):
        reply = self.ask(401, 'GET', '/components', headers=tokens.bearer(token))
        self.assertEqual(reply.json['vendor_code'], 'unauthorized')
        self.assertRegex(reply.json['message'], why)
        self.assertEqual(reply.headers['www-authenticate'], 'Bearer realm="sovd", error="invalid_token"')

    def owner(self, token):
        """A lock of the token's bearer: who owns it is who the client is."""
        uri = self.ask(201, 'POST', LOCKS, {'lock_expiration': 60}, tokens.bearer(token)).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, tokens.bearer(token))
        return lambda other: self.get(uri, tokens.bearer(other))['owned']


class Algorithms:
    """Every algorithm of the key's kind, and no other."""
    good, bad = (), ()

    def test_all_algorithms_of_the_key_are_accepted(self):
        for algorithm in self.good:
            with self.subTest(algorithm):
                self.accepted(self.token(algorithm=algorithm))
                self.accepted(self.token(algorithm=algorithm, fields={'kid': 'whatever-the-issuer-calls-it', 'typ': 'at+jwt'}))

    def test_those_of_other_kinds_of_keys_are_refused(self):
        for algorithm, key in self.bad:
            with self.subTest(algorithm):
                self.refused(self.token(key=key, algorithm=algorithm), 'key that is known|key that it names')

    def test_a_signature_with_one_bit_flipped_is_refused(self):
        head, _, signature = self.token().rpartition('.')
        raw = bytearray(base64.urlsafe_b64decode(signature + '=='))
        for place in 0, len(raw) // 2, len(raw) - 1:
            raw[place] ^= 4
            self.refused(f'{head}.{tokens.b64(bytes(raw))}', 'key that it names')
            raw[place] ^= 4
        self.accepted(f'{head}.{tokens.b64(bytes(raw))}')


class Rsa(Algorithms, TokenCase):
    good = ('RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512')
    bad = (('HS256', tokens.Key(RSA.pem())), ('ES256', P256), ('EdDSA', ED), ('RS256', OTHER_RSA))

    def test_the_public_key_is_no_secret(self):
        for material in RSA.pem(), RSA.pem().strip(), RSA.pem() + b'\n':
            self.refused(self.token(key=tokens.Key(material), algorithm='HS256'), 'key that is known')

    def test_a_token_that_was_verified_is_good_until_its_end_and_not_longer(self):
        token = self.token(exp=int(time.time()) - 29)  # the leeway is 30 s
        self.accepted(token)
        self.until(lambda: self.gateway.bare('GET', '/sovd/v1/components', headers=tokens.bearer(token)).status == 401)

    def test_the_cache_is_counted(self):
        before, token = self.gateway.metrics(), self.token(jti='counted')
        for _ in range(3):
            self.accepted(token)
        after = self.gateway.metrics()

        def grown(name):
            return after[f'{name}{{issuer="local"}}'] - before[f'{name}{{issuer="local"}}']
        self.assertEqual((grown('sovd_tokens_verified_total'), grown('sovd_token_cache_misses_total'), grown('sovd_token_cache_hits_total')),
                         (1, 1, 2))


class Ec(Algorithms, TokenCase):
    key, algorithm, good = P256, 'ES256', ('ES256',)
    bad = (('ES384', P384), ('RS256', RSA), ('HS256', tokens.Key(P256.pem())), ('EdDSA', ED))

    def test_a_signature_in_der_or_of_another_length_is_refused(self):
        head, _, signature = self.token().rpartition('.')
        raw = base64.urlsafe_b64decode(signature + '==')
        from cryptography.hazmat.primitives.asymmetric import utils
        der = utils.encode_dss_signature(int.from_bytes(raw[:32], 'big'), int.from_bytes(raw[32:], 'big'))
        for other in der, raw + b'\0', raw[:-1], b'\0' + raw, bytes(64), raw[:32], b'\xff' * 64:
            self.refused(f'{head}.{tokens.b64(other)}', 'key that it names')


class Ec384(Algorithms, TokenCase):
    key, algorithm, good, bad = P384, 'ES384', ('ES384',), (('ES256', P256),)


class Ed25519(Algorithms, TokenCase):
    key, algorithm, good, bad = ED, 'EdDSA', ('EdDSA',), (('ES256', P256), ('RS256', RSA))


class Hmac(Algorithms, TokenCase):
    key, algorithm, good = SECRET, 'HS256', ('HS256', 'HS384', 'HS512')
    bad = (('RS256', RSA), ('HS256', tokens.Key(b'0123456789abcdef' * 4 + b'\n')), ('HS512', tokens.Key(b'x' * 64)))

    def test_a_cut_mac_is_refused(self):
        head, _, signature = self.token().rpartition('.')
        self.refused(f'{head}.{signature[:21]}', 'base64url|key that it names')
        self.refused(f'{head}.{signature[:22]}'.rstrip('='), 'base64url|key that it names')


class AllowList(TokenCase):
    more = {'algorithms': ['PS256', 'RS512']}

    def test_only_what_is_listed_is_accepted(self):
        self.accepted(self.token(algorithm='PS256'))
        self.accepted(self.token(algorithm='RS512'))
        for algorithm in 'RS256', 'RS384', 'PS384', 'PS512':
            self.refused(self.token(algorithm=algorithm), 'key that is known')


class Form(TokenCase):
    def test_tokens_that_say_how_to_verify_them_are_refused(self):
        for fields, why in (({'crit': ['exp']}, 'crit'), ({'crit': []}, 'crit'), ({'jwk': OTHER_RSA.jwk()}, 'jwk'), ({'jku': 'https://evil.example/keys'}, 'jku'),
                            ({'x5u': 'https://evil.example/cert'}, 'x5u'), ({'x5c': ['AA']}, 'x5c'), ({'b64': False}, 'b64'), ({'zip': 'DEF'}, 'zip'),
                            ({'enc': 'A128GCM'}, 'enc'), ({'cty': 'JWT'}, 'cty'), ({'typ': 'dpop+jwt'}, 'typ'), ({'typ': 'JOSE'}, 'typ'),
                            ({'typ': 1}, 'typ'), ({'typ': None}, 'typ'), ({'typ': 'logout+jwt'}, 'typ')):
            with self.subTest(fields):
                self.refused(self.token(fields=fields), f'\\({why}\\)')
        self.refused(self.token(key=OTHER_RSA, fields={'jwk': OTHER_RSA.jwk()}), 'jwk')

    def test_the_types_of_access_tokens_are_accepted(self):
        for typ in 'JWT', 'jwt', 'at+jwt', 'application/at+jwt', 'application/JWT':
            self.accepted(self.token(fields={'typ': typ}))
        self.accepted(self.token(header={'alg': 'RS256'}))

    def test_no_algorithm_is_none(self):
        payload = tokens.encoded(tokens.claims())
        for algorithm in 'none', 'None', 'NONE', 'nOnE', '', 'rs256', 'RS256 ', 'ES512', 'RSA1_5', None, 256, ['RS256'], {'alg': 'RS256'}:
            with self.subTest(algorithm):
                for signature in '', self.token().rpartition('.')[2]:
                    self.refused(f'{tokens.encoded({"alg": algorithm})}.{payload}.{signature}', 'alg')
        self.refused(f'{tokens.encoded({"typ": "JWT"})}.{payload}.AAAA', 'alg')
        self.refused(f'{tokens.encoded({"alg": "RS256"})}.{payload}.', 'no signature')

    def test_a_name_of_a_key_is_short_and_plain(self):
        for kid in '', 'x' * 65, 'a b', '"', 'a\nb', "a'; DROP TABLE", 1, None, {}, 'é', '../../dev/null\u0001':
            with self.subTest(kid):
                self.refused(self.token(fields={'kid': kid}), r'\(kid\)')
        self.accepted(self.token(fields={'kid': 'x' * 64}))

    def test_base64url_has_one_spelling(self):
        good = self.token()
        head, payload, signature = good.split('.')
        last = {'A': 'B', 'Q': 'R', 'g': 'h', 'w': 'x'}  # 256 bytes end with four bits that stand for nothing
        for other in (f'{head}.{payload}.{signature}=', f'{head}.{payload}.{signature}==', f'{head}=.{payload}.{signature}',
                      f'{head}.{payload}.{signature[:-1] + last[signature[-1]]}', f'{head}.{payload}.{signature}A', f'{head}.{payload}.A',
                      f'{head}.{payload}.{signature}~', f'{head}.{payload}.', f'.{payload}.{signature}', '..', '...', f'{head}..{signature}'):
            with self.subTest(other[-40:]):
                self.assertEqual(self.gateway.bare('GET', '/sovd/v1/components', headers=tokens.bearer(other)).status, 401)
        if '-' in good or '_' in good:
            self.refused(good.replace('-', '+').replace('_', '/'), 'base64url|header|signature')
        self.accepted(good)

    def test_the_json_of_a_token_is_strict(self):
        now = int(time.time())
        good = json.dumps(tokens.claims())
        for payload, why in ((good[:-1] + f',"exp":{now + 99}}}', 'payload'), (good[:-1] + ',"\\u0073ub":"mallory"}', 'payload'), (good + ' x', 'payload'), ('[]', 'payload'),
                             ('"x"', 'payload'), ('', 'payload'), ('{', 'payload'), (good.encode()[:-1] + b',"x":"\xff"}', 'payload'), (good[:-1] + ',"x":"\\u0000"}', 'payload'),
                             (good[:-1] + ',"x":' + '[' * 40 + ']' * 40 + '}', 'payload'), (good[:-1] + ',"x":[' + '1,' * 1100 + '1]}', 'payload')):
            with self.subTest(payload[-60:]):
                self.refused(tokens.compact(RSA, 'RS256', payload), why)
        for header in '{"alg":"none","alg":"RS256"}', '{"alg":"RS256","alg":"RS256"}', '{"alg":"RS256","\\u0061lg":"none"}', '[]', '{"alg":"RS256"} ', '{"alg":"RS256"}x', '{"alg":"RS256",}':
            with self.subTest(header):
                token = tokens.compact(RSA, 'RS256', tokens.claims(), header)
                if header.endswith(' '):
                    self.accepted(token)  # white space behind it is JSON
                else:
                    self.refused(token, 'header')

    def test_a_token_has_at_most_8_kib(self):
        long = self.token(x='x' * 6300)
        while len(long) <= 8192:
            long = self.token(x='x' * (6300 + 8193 - len(long)))
        self.refused(long, '8192')
        self.accepted(self.token(x='x' * 5000))


class Claims(TokenCase):
    def test_it_says_when_it_ends_and_is_refused_then(self):
        now = int(time.time())
        for exp, why in ((None, r'when it ends'), (now - 31, 'expired'), (0, 'when it ends|expired'), (-1, 'whole number'), (now + 300.5, 'whole number'), (str(now + 300), 'whole number'),
                         (1e30, 'whole number'), (2 ** 63, 'whole number'), (True, 'whole number'), ([now + 300], 'whole number'), ({}, 'whole number')):
            with self.subTest(exp):
                self.refused(self.token(exp=exp), why)
        for exp in 'null', f'{now + 300}.0', f'{now + 300}e0':
            self.refused(tokens.compact(RSA, 'RS256', json.dumps(tokens.claims(exp=None))[:-1] + f',"exp":{exp}}}'), 'whole number')
        self.accepted(self.token(exp=now - 20))

    def test_it_is_not_from_the_future(self):
        now = int(time.time())
        for name in 'nbf', 'iat':
            for value, why in ((now + 40, 'not valid yet|in the future'), ('x', 'whole number'), (now + 0.5, 'whole number'), (-5, 'whole number')):
                self.refused(self.token(**{name: value}), why)
            self.accepted(self.token(**{name: now + 20}))
            self.accepted(self.token(**{name: 0}))
            self.accepted(self.token(**{name: None}))

    def test_it_is_of_the_issuer_and_for_us(self):
        for iss in None, 'https://issuer.example/', 'https://ISSUER.example', 'https://evil.example', '', 1, ['https://issuer.example']:
            self.refused(self.token(iss=iss), 'another issuer')
        for aud in None, 'other', '', [], ['other'], 1, {'sovd-gateway': 1}, ['sovd-gateway', 1], 'sovd-gateway other', 'SOVD-gateway':
            self.refused(self.token(aud=aud), 'meant for others')
        for aud in ['other', 'sovd-gateway'], ['sovd-gateway'], 'sovd-gateway':
            self.accepted(self.token(aud=aud))

    def test_an_id_token_is_no_access_token(self):
        self.refused(self.token(at_hash='x'), 'ID token')

    def test_its_subject_can_name_a_client(self):
        for sub in None, '', 'x' * 256, 'a b', 'a\nb', 'a"b', 1, ['alice'], 'é':
            self.refused(self.token(sub=sub), r'\(sub\)')
        for sub in 'x' * 255, 'auth0|123', 'a@b.example', 'service-account:x/y=':
            self.accepted(self.token(sub=sub))

    def test_what_is_used_has_its_type(self):
        for claims, why in (({'roles': 1}, 'roles'), ({'roles': {}}, 'roles'), ({'roles': ['a', 1]}, 'role'), ({'roles': ['']}, 'role'), ({'roles': ['x' * 129]}, 'role'),
                            ({'roles': ['r'] * 129}, '128'), ({'roles': ['a\u0007']}, 'role'), ({'scope': 1}, 'scope'), ({'scope': 'a  b'}, 'scope'), ({'scope': ' a'}, 'scope'),
                            ({'scope': 'a"b'}, 'scope'), ({'scp': ['a b']}, 'scope'), ({'scp': [1]}, 'scope'), ({'tenant_id': 1}, 'tenant'), ({'tenant_id': ''}, 'tenant'),
                            ({'jti': 1}, 'jti'), ({'jti': ''}, 'jti'), ({'jti': 'x' * 129}, 'jti')):
            with self.subTest(claims):
                self.refused(self.token(**claims), why)
        for claims in {'roles': 'one'}, {'roles': []}, {'roles': ['a', 'b c']}, {'scope': ''}, {'scope': 'a b'}, {'scp': ['a', 'b']}, {'scp': 'a b'}, {'tenant_id': 'one'}, {'jti': 'x'}:
            self.accepted(self.token(**claims))

    def test_a_bound_token_needs_the_certificate(self):
        print_ = tokens.b64(hashlib.sha256(b'certificate').digest())
        self.refused(self.token(cnf={'x5t#S256': print_}), 'bound to a client certificate')
        for cnf in {}, 'x', {'x5t#S256': print_ + 'A'}, {'x5t#S256': 1}, {'jkt': print_}, {'x5t#S256': print_, 'jkt': print_}, {'jwk': {}}, []:
            self.refused(self.token(cnf=cnf), 'bound in another way')

    def test_a_client_is_its_subject_whatever_the_token(self):
        owned = self.owner(self.token(sub='alice'))
        self.assertTrue(owned(self.token(sub='alice', jti='another')))
        self.assertFalse(owned(self.token(sub='bob')))
        self.assertFalse(owned('key-of-the-watcher'))

    def test_the_role_admin_keeps_the_gateway(self):
        self.ask(403, 'GET', '/x-admin/backup', headers=tokens.bearer(self.token(roles=['tester'])))
        self.ask(200, 'GET', '/x-admin/backup', headers=tokens.bearer(self.token(roles=['tester', 'admin'])))

    def test_tokens_do_not_appear_in_the_log(self):
        good, bad = self.token(jti='good'), self.token(exp=1)
        self.accepted(good)
        self.refused(bad, 'expired')
        for token in good, bad:
            for part in token.split('.')[1:]:
                self.assertNotIn(part, self.gateway.log)


class NestedRoles(TokenCase):
    more = {'roles_claim': '/realm_access/roles', 'tenant_claim': ''}

    def test_roles_are_found_by_a_pointer(self):
        for claims, status in (({'realm_access': {'roles': ['admin']}}, 200), ({'realm_access': {'roles': 'admin'}}, 200), ({'roles': ['admin']}, 403),
                               ({'realm_access': ['admin']}, 403), ({'realm_access': {'roles': 5}}, 401), ({'tenant_id': 5, 'realm_access': {'roles': 'admin'}}, 200)):
            self.ask(status, 'GET', '/x-admin/backup', headers=tokens.bearer(self.token(**claims)))


class Cache(TokenCase):
    more = {'cached_tokens': 8}

    def test_it_is_bounded(self):
        all_ = [self.token(jti=str(i)) for i in range(20)]
        for token in all_ + all_:
            self.accepted(token)
        now = self.gateway.metrics()
        self.assertEqual(now['sovd_token_cache_entries{issuer="local"}'], 8)
        self.assertEqual(now['sovd_token_cache_evictions_total{issuer="local"}'], 32)


class Reload(unittest.TestCase):
    def status(self, daemon, token):
        return daemon.bare('GET', '/sovd/v1/components', headers=tokens.bearer(token)).status

    def test_another_key_holds_at_once_and_a_broken_file_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            path = private_file(folder, 'key.pem', RSA.pem())
            settings = {'auth': {'enabled': True, 'jwt': section(public_key_file=str(path))}}
            old, new = (tokens.compact(key, 'RS256', tokens.claims(roles=['viewer'])) for key in (RSA, OTHER_RSA))
            with gateway.Gateway(ready=False, **settings) as daemon:
                self.assertEqual((self.status(daemon, old), self.status(daemon, new)), (200, 401))
                for broken in b'', b'nonsense', RSA.private_pem(), tokens.Key('rsa', 1024).pem(), tokens.Key('p521').pem():
                    path.write_bytes(broken)
                    daemon.reload(daemon.settings(**settings), 'the old one stays in force')
                    self.assertEqual(self.status(daemon, old), 200)
                path.write_bytes(OTHER_RSA.pem())
                daemon.reload(daemon.settings(**settings), 'was read again')
                self.assertEqual((self.status(daemon, old), self.status(daemon, new)), (401, 200))
                daemon.reload(daemon.settings(auth={'enabled': True, 'api_keys': [keys.entry('a', 'key-of-a')]}), 'was read again')
                self.assertEqual((self.status(daemon, old), self.status(daemon, new)), (401, 401))


    def test_reloads_make_no_good_token_bad(self):
        with tempfile.TemporaryDirectory() as folder:
            path = private_file(folder, 'key.pem', RSA.pem())
            all_ = [tokens.compact(RSA, 'RS256', tokens.claims(jti=str(i))) for i in range(8)]

            def settings(i):
                return {'auth': {'jwt': section(public_key_file=str(path), leeway_secs=20 + i)}}
            with gateway.Gateway(ready=False, **settings(0)) as daemon, concurrent.futures.ThreadPoolExecutor(4) as pool:
                over, seen = threading.Event(), collections.Counter()

                def ask():
                    while not over.is_set():
                        seen.update(self.status(daemon, token) for token in all_)
                asked = [pool.submit(ask) for _ in range(4)]
                try:
                    for i in range(10):
                        daemon.reload(daemon.settings(**settings(i)), 'was read again')
                finally:
                    over.set()
                for one in asked:
                    one.result()
            self.assertEqual(set(seen), {200})

    def test_a_secret_in_vault_is_exchanged_without_a_restart(self):
        other = tokens.Key(b'another-secret-of-thirty-two-byt')
        server = vault.Vault({'sovd/jwt': {'secret': SECRET.secret.decode()}})
        self.addCleanup(server.close)
        with tempfile.TemporaryDirectory() as folder:
            path = private_file(folder, 'token', vault.TOKEN.encode())
            auth = {'jwt': section(secret_file='vault:sovd/jwt#secret'), 'vault': {'address': server.address(), 'token': str(path), 'refresh_secs': 1}}
            old, new = tokens.compact(SECRET, 'HS256', tokens.claims()), tokens.compact(other, 'HS256', tokens.claims())
            with gateway.Gateway(ready=False, auth=auth) as daemon:
                self.assertEqual((self.status(daemon, old), self.status(daemon, new)), (200, 401))
                server.secrets['sovd/jwt'] = {'secret': 'too short'}
                daemon.wait_log('its key cannot be used: a secret has at least 32 bytes')
                self.assertEqual(self.status(daemon, old), 200)
                server.secrets['sovd/jwt'] = {'secret': other.secret.decode()}
                self.assertTrue(polling.wait_until(lambda: self.status(daemon, new) == 200, 20))
                self.assertEqual(self.status(daemon, old), 401)
                self.assertNotRegex(daemon.log, 'another-secret|0123456789abcdef')


class Configuration(unittest.TestCase):
    def check(self, folder, jwt=None, oidc=None, **more):
        file = pathlib.Path(folder) / 'config.json'
        file.write_text(json.dumps({'auth': {**({'jwt': jwt} if jwt else {}), **({'oidc': oidc} if oidc else {}), **more}}, indent=1), encoding='utf-8')
        return gateway.run('--check-config', '--config', file)

    def test_what_is_not_acceptable_is_refused_with_its_place(self):
        with tempfile.TemporaryDirectory() as folder:
            def file(name, content, mode=0o600):
                path = private_file(folder, name, content)
                path.chmod(mode)
                return str(path)
            pem, secret = file('pem', RSA.pem()), file('secret', b'x' * 32)
            oidc = {'issuer_url': 'https://issuer.example', 'audience': 'a'}
            for jwt, other, said in (
                    ({'issuer': 'i', 'public_key_file': pem}, None, 'auth.jwt.audience'), (section(public_key_file=pem, audience=''), None, 'auth.jwt.audience'),
                    ({'audience': 'a', 'public_key_file': pem}, None, 'auth.jwt.issuer'), (section(), None, 'auth.jwt: needs one of'),
                    (section(public_key_file=pem, secret_file=secret), None, 'auth.jwt: needs one of'), (section(public_key_file=folder + '/none'), None, 'public_key_file: cannot be read'),
                    (section(public_key_file=folder), None, 'public_key_file: is no file'), (section(public_key_file=file('written', RSA.pem(), 0o664)), None, 'may be changed by others'), (section(public_key_file=secret), None, 'no public key'),
                    (section(public_key_file=file('private', RSA.private_pem())), None, 'no public key'),
                    (section(public_key_file=file('two', RSA.pem() + P256.pem())), None, 'more than one public key'),
                    (section(public_key_file=pem, roles_claim='/a~b'), None, 'auth.jwt.roles_claim: is no JSON pointer'),
                    (section(public_key_file=pem, tenant_claim='/a/~'), None, 'auth.jwt.tenant_claim: is no JSON pointer'),
                    (None, {**oidc, 'tenant_claim': '/' + 'x' * 200}, 'auth.oidc.tenant_claim: is no JSON pointer'),
                    (section(public_key_file=file('short', tokens.Key('rsa', 1024).pem())), None, 'fewer than 2048'),
                    (section(public_key_file=file('p521', tokens.Key('p521').pem())), None, 'P-256 and P-384'),
                    (section(secret_file=file('weak', b'x' * 31 + b'\n')), None, 'at least 32 bytes'), (section(secret_file=file('public', RSA.pem())), None, 'in PEM is no secret'), (section(secret_file=file('open', b'x' * 32, 0o640)), None, 'mode 0640'),
                    (section(secret_file=secret, algorithms=['HS512']), None, 'HS512 64'), (section(secret_file=secret, algorithms=['RS256']), None, 'auth.jwt.algorithms'),
                    (section(public_key_file=pem, algorithms=['HS256']), None, 'auth.jwt.algorithms'), (section(public_key_file=pem, algorithms=['none']), None, 'auth.jwt.algorithms'),
                    (section(public_key_file=pem, algorithms=['rs256']), None, 'auth.jwt.algorithms'), (section(public_key_file=pem, algorithms=['RS256', 'ES256']), None, 'cannot serve all'),
                    (section(public_key_file=pem, algorithms=[]), None, 'auth.jwt.algorithms'), (section(public_key_file=pem, leeway_secs=61), None, 'auth.jwt.leeway_secs'),
                    (section(public_key_file=pem, name='a b'), None, 'auth.jwt.name'), (section(jwks_url='http://issuer.example/keys'), None, 'jwks_url: must be https'),
                    (section(jwks_url='http://127.0.0.1.example/keys'), None, 'must be https'), (section(jwks_url='http://localhost@evil.example/'), None, 'auth.jwt.jwks_url'),
                    (section(jwks_url='https://user@issuer.example/'), None, 'auth.jwt.jwks_url'), (section(jwks_url='file:///etc/passwd'), None, 'auth.jwt.jwks_url'),
                    (section(jwks_url='https://issuer.example/ x'), None, 'auth.jwt.jwks_url'), (section(jwks_url='https:///keys'), None, 'no acceptable host'),
                    (section(jwks_url='https://issuer.example', algorithms=['HS256']), None, 'go with secret_file only'),
                    (section(jwks_url='https://issuer.example', refresh_secs=60, max_stale_secs=59), None, 'auth.jwt.max_stale_secs'),
                    (None, {'issuer_url': 'http://issuer.example', 'audience': 'a'}, 'auth.oidc.issuer_url'), (None, {'issuer_url': 'https://issuer.example?x', 'audience': 'a'}, 'no query'),
                    (None, {'issuer_url': 'https://issuer.example'}, 'auth.oidc.audience'), (section(public_key_file=pem, name='oidc'), oidc, 'auth.oidc.name'),
                    (None, {**oidc, 'secret_file': secret}, 'secret_file'), (None, {**oidc, 'ca_file': folder + '/none'}, 'auth.oidc.ca_file'),
                    (None, {**oidc, 'ca_file': pem}, 'auth.oidc.ca_file')):
                with self.subTest(said=said, jwt=jwt, oidc=other):
                    status, out, errors = self.check(folder, jwt, other)
                    self.assertEqual(status, 2, out + errors)
                    self.assertIn(said, errors)
                    self.assertRegex(errors, r'config\.json:\d+:\d+: ')
                    self.assertNotIn('xxxx', errors)
            for jwt, other in ((section(public_key_file=pem), oidc), (section(secret_file=secret), None), (None, oidc), (section(jwks_url='http://[::1]:80/keys?x=y'), None),
                               (section(public_key_file=pem, roles_claim='/a~1b/~0', tenant_claim=''), None)):
                self.assertEqual(self.check(folder, jwt, other)[0], 0)

    def test_the_gateway_is_no_issuer_that_it_trusts(self):
        with tempfile.TemporaryDirectory() as folder:
            private, public = private_file(folder, 'private', P256.private_pem()), private_file(folder, 'public', P256.pem())
            mint = {'key': str(private), 'issuer': 'https://gateway.example', 'audience': 'a'}
            for issuer, expected in (('https://gateway.example', 2), ('https://other.example', 0)):
                for jwt, oidc, place in (({'issuer': issuer, 'audience': 'a', 'public_key_file': str(public)}, None, 'auth.jwt.issuer'),
                                         (None, {'issuer_url': issuer, 'audience': 'a'}, 'auth.oidc.issuer_url')):
                    status, _, errors = self.check(folder, jwt, oidc, mint=mint)
                    self.assertEqual(status, expected, errors)
                    self.assertEqual(expected == 2, place in errors)

    def test_it_does_not_start_without_its_key(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / 'config.json'
            file.write_text(json.dumps({'auth': {'jwt': section(public_key_file=folder + '/none')}}, indent=1), encoding='utf-8')
            status, _, errors = gateway.run('--config', file)
            self.assertEqual(status, 2)
            self.assertIn('auth.jwt.public_key_file', errors)


if __name__ == '__main__':
    unittest.main()
