# SPDX-License-Identifier: Apache-2.0
"""Clients with tokens of an OpenID provider: discovery, keys that change, and a provider that fails or lies."""
import concurrent.futures
import json
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import polling
import tokens

ONE, TWO, THREE, EC = tokens.Key('rsa'), tokens.Key('rsa'), tokens.Key('rsa'), tokens.Key('p256')
NAME = '{issuer="oidc"}'


class OidcCase(polling.Waiting, unittest.TestCase):
    def provider(self, *keys, context=None):
        provider = tokens.Provider(*(keys or (ONE.jwk('one'),)), context=context)
        self.addCleanup(provider.__exit__)
        return provider

    def daemon(self, provider, wait=True, more=None, jwt=None, auth=None, **options):
        """A gateway that trusts the provider; keys are fetched often, and looked for at once, unless options say otherwise."""
        whole = {'oidc': {'issuer_url': provider.url, 'audience': tokens.AUDIENCE, 'refresh_secs': 3600, 'unknown_key_secs': 1, **options}}
        daemon = gateway.Gateway(ready=False, **{'auth': {**whole, **({'jwt': jwt} if jwt else {}), **(auth or {})}, **(more or {})})
        self.addCleanup(lambda: daemon.process.poll() is None and daemon.stop())
        if wait:
            self.until(lambda: daemon.metrics()['sovd_token_keys' + NAME])
        return daemon

    def token(self, provider, key=ONE, kid='one', algorithm='RS256', **claims):
        return tokens.compact(key, algorithm, tokens.claims(**{'iss': provider.url, **claims}), **({'kid': kid} if kid else {}))

    def ask(self, daemon, token):
        return daemon.bare('GET', '/sovd/v1/components', headers=tokens.bearer(token))

    def answers(self, daemon, status, token, why=''):
        reply = self.ask(daemon, token)
        self.assertEqual(reply.status, status, reply)
        if why:
            self.assertRegex(reply.json['message'], why)
        return reply


class Keys(OidcCase):
    def test_tokens_of_the_provider_are_accepted_and_no_others(self):
        provider = self.provider(ONE.jwk('one', use='sig', alg='RS256'), EC.jwk('ec'), tokens.Key('ed25519').jwk('ed'))
        daemon = self.daemon(provider)
        self.answers(daemon, 200, self.token(provider))
        self.answers(daemon, 200, self.token(provider, EC, 'ec', 'ES256'))
        self.answers(daemon, 200, self.token(provider, EC, None, 'ES256'))  # the only key for ES256
        for token, why in ((self.token(provider, TWO), 'key that it names'), (self.token(provider, iss='https://other.example'), 'another issuer'),
                           (self.token(provider, iss=provider.url + '/'), 'another issuer'), (self.token(provider, aud='x'), 'for others'),
                           (self.token(provider, algorithm='PS256'), 'key that is known'), (self.token(provider, EC, 'one', 'ES256'), 'key that is known'),
                           (self.token(provider, ONE, 'ec'), 'key that is known'), (self.token(provider, tokens.Key(ONE.pem()), 'one', 'HS256'), 'key that is known')):
            self.answers(daemon, 401, token, why)

    def test_keys_that_cannot_be_used_are_left_out(self):
        weak, strong = tokens.Key('rsa', 1024), ONE.jwk('one')
        secret = tokens.Key(b's' * 64)
        point = {**EC.jwk('off'), 'y': tokens.b64(b'\1' * 32)}
        bad = [weak.jwk('weak'), secret.jwk('secret'), TWO.jwk('enc', use='enc'), TWO.jwk('ops', key_ops=['sign']), TWO.jwk('opsx', key_ops='verify'), TWO.jwk('alg', alg='ES256'),
               TWO.jwk('none', alg='none'), TWO.jwk('oaep', alg='RSA-OAEP'), {**TWO.jwk('e'), 'e': 'AQ'}, {**TWO.jwk('even'), 'e': 'Ag'}, {**TWO.jwk('pad'), 'n': TWO.jwk()['n'] + '='},
               TWO.jwk('private', d='AA'), TWO.jwk('a b'), TWO.jwk('x' * 65), point, {**EC.jwk('short'), 'x': 'AA'}, {**EC.jwk('crv'), 'crv': 'P-521'}, {'kty': 'XYZ', 'kid': 'what'},
               {'kid': 'no-kty'}, {'kty': 'OKP', 'crv': 'X25519', 'x': 'A' * 43, 'kid': 'x'}, 'text', None, [], 5]
        provider = self.provider(*bad, strong)
        daemon = self.daemon(provider)
        self.assertEqual(daemon.metrics()['sovd_token_keys' + NAME], 1)
        daemon.wait_log(f'{len(bad)} keys are left out')
        self.answers(daemon, 200, self.token(provider))
        for key, kid, algorithm in (weak, 'weak', 'RS256'), (secret, 'secret', 'HS256'), (TWO, 'enc', 'RS256'), (TWO, 'alg', 'RS256'), (TWO, 'private', 'RS256'):
            self.answers(daemon, 401, self.token(provider, key, kid, algorithm), 'key that is known')

    def test_a_token_that_names_no_key_needs_a_set_with_one_that_fits(self):
        provider = self.provider(ONE.jwk('one'), TWO.jwk('two'))
        daemon = self.daemon(provider)
        self.answers(daemon, 401, self.token(provider, kid=None), 'key that is known')
        self.answers(daemon, 200, self.token(provider, TWO, 'two'))

    def test_two_issuers_are_told_apart(self):
        provider = self.provider()
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / 'key.pem'
            path.write_bytes(TWO.pem())
            path.chmod(0o600)
            daemon = self.daemon(provider, jwt={'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'public_key_file': str(path)})
        self.answers(daemon, 200, self.token(provider))
        self.answers(daemon, 200, self.token(provider, TWO, iss=tokens.ISSUER))
        self.answers(daemon, 401, self.token(provider, TWO), 'another issuer')
        self.answers(daemon, 401, self.token(provider, iss=tokens.ISSUER), 'another issuer')

    def test_a_set_may_be_had_without_discovery(self):
        provider = self.provider()
        with gateway.Gateway(ready=False, auth={'jwt': {'issuer': 'me', 'audience': tokens.AUDIENCE, 'jwks_url': provider.url + '/keys'}}) as daemon:
            self.answers(daemon, 200, self.token(provider, iss='me'))
            self.assertEqual(set(provider.asked), {'/keys'})


class Rotation(OidcCase):
    def test_a_new_key_is_found_by_the_first_token_that_names_it_and_the_old_one_is_forgotten(self):
        provider = self.provider()
        daemon = self.daemon(provider)
        old = self.token(provider)
        self.answers(daemon, 200, old)
        provider.keys = [TWO.jwk('two')]
        self.answers(daemon, 200, old)  # nobody knows yet
        new = self.token(provider, TWO, 'two')
        self.until(lambda: self.ask(daemon, new).status == 200)
        self.answers(daemon, 401, old, 'key that is known')  # although it had been verified
        self.assertLessEqual(provider.n_fetches(), 4)

    def test_a_stream_ends_with_the_key_of_the_token_that_opened_it(self):
        provider = self.provider(ONE.jwk('one'), TWO.jwk('two'))
        auth = {'enabled': True, 'public_metrics': True}
        daemon = self.daemon(provider, refresh_secs=1, max_stale_secs=3, auth=auth, more={'events': {'heartbeat_secs': 0.2}})
        streams = [events.Stream(daemon.raw().socket, '/sovd/v1/faults/subscribe', **tokens.bearer(self.token(provider, key, kid, roles=['tester'])))
                   for key, kid in ((ONE, 'one'), (TWO, 'two'))]
        for stream in streams:
            self.addCleanup(stream.close)
            self.assertEqual(stream.status, 200)
        provider.keys = [THREE.jwk('three'), TWO.jwk('other-name')]
        streams[0].wait_end()
        streams[1].comments.clear()
        self.assertTrue(streams[1].wait_comment())  # its key is there still
        provider.status = 500
        self.until(lambda: self.ask(daemon, self.token(provider, TWO, 'other-name')).status == 503)
        streams[1].comments.clear()
        self.assertTrue(streams[1].wait_comment())  # without keys nothing is called wrong

    def test_keys_are_fetched_again_in_time_and_on_reload(self):
        provider = self.provider()
        daemon = self.daemon(provider, refresh_secs=1)
        self.until(lambda: provider.n_fetches() >= 3)
        daemon.stop()
        daemon = self.daemon(provider)
        before = provider.n_fetches()
        daemon.signal(1)
        self.until(lambda: provider.n_fetches() > before)

    def test_a_flood_of_unknown_keys_makes_no_flood_of_fetches(self):
        provider = self.provider()
        daemon = self.daemon(provider, unknown_key_secs=3600, more={'rate': {'failures': {'per_sec': 0}}})
        before, began = provider.n_fetches(), time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda i: self.ask(daemon, self.token(provider, TWO, f'no-{i}')).status, range(200)))
        self.assertEqual(set(statuses), {401})
        self.assertEqual(provider.n_fetches(), before)  # the one of the start is too fresh for another
        self.assertEqual(daemon.metrics()['sovd_token_keys_unknown_total' + NAME], 200)
        self.assertLess(time.monotonic() - began, 20)

    def test_one_fetch_serves_all_that_wait_and_few_do(self):
        provider = self.provider()
        daemon = self.daemon(provider, more={'limits': {'connections': 32}})
        self.until(lambda: daemon.metrics()['sovd_token_keys_age_seconds' + NAME] > 1.1)
        provider.released.clear()
        before = provider.n_fetches()
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            replies = [pool.submit(self.ask, daemon, self.token(provider, TWO, f'no-{i}')) for i in range(24)]
            # Those that do not wait are told so at once, and all others are served meanwhile.
            self.until(lambda: sum(reply.done() for reply in replies) >= 20)
            self.answers(daemon, 200, self.token(provider))
            replies = [reply.result() for reply in replies]
        self.assertEqual({reply.status for reply in replies}, {503})
        self.assertTrue(all(int(reply.headers['retry-after']) >= 1 for reply in replies))
        self.assertLessEqual(provider.n_fetches() + provider.asked.count('/.well-known/openid-configuration'), 2 * before + 1)
        provider.released.set()
        self.until(lambda: self.ask(daemon, self.token(provider, TWO, 'no')).status == 401)


class Failure(OidcCase):
    def test_before_the_first_keys_tokens_are_503_and_then_good(self):
        provider = self.provider()
        provider.stop()
        daemon = self.daemon(provider, wait=False)
        reply = self.answers(daemon, 503, self.token(provider), 'no keys')
        self.assertGreaterEqual(int(reply.headers['retry-after']), 1)
        self.assertEqual(daemon.bare('GET', '/healthz').status, 200)
        self.assertIn("no keys of the issuer 'oidc'", daemon.health()['warnings'][0])
        daemon.wait_log("'oidc': keys cannot be fetched: the server cannot be reached")
        provider.start(provider.port)
        self.until(lambda: self.ask(daemon, self.token(provider)).status == 200)
        self.assertNotIn('warnings', daemon.health())

    def test_the_last_keys_hold_while_the_provider_is_away_but_not_for_ever(self):
        provider = self.provider()
        daemon = self.daemon(provider, refresh_secs=1, max_stale_secs=4)
        token = self.token(provider)
        self.answers(daemon, 200, token)
        provider.status = 500
        daemon.wait_log('keys cannot be fetched: the answer.s status is 500')
        self.answers(daemon, 200, token)
        self.answers(daemon, 200, self.token(provider, jti='fresh'))
        self.until(lambda: self.ask(daemon, token).status == 503)
        self.assertEqual(daemon.metrics()['sovd_token_keys' + NAME], 0)
        provider.status = 200
        self.until(lambda: self.ask(daemon, token).status == 200, 60)

    def test_what_the_provider_says_is_judged(self):
        cases = (({'issuer': 'https://other.example'}, 'of another issuer'), ({'discovery': b'{"issuer":1}'}, 'of another issuer'), ({'discovery': b'nonsense'}, 'no acceptable JSON'),
                 ({'discovery': {'jwks_uri': 'http://issuer.example/keys'}}, 'no acceptable jwks_uri'), ({'discovery': {'jwks_uri': 'file:///etc/passwd'}}, 'no acceptable jwks_uri'),
                 ({'discovery': {'jwks_uri': 5}}, 'no acceptable jwks_uri'), ({'discovery': b'{' + b' ' * 70000 + b'}'}, 'more than 65536'), ({'status': 404}, 'status is 404'),
                 ({'status': 302}, 'status is 302'), ({'jwks': b'[]'}, 'no array of keys'), ({'jwks': b'{"keys":[]}'}, 'the set has no keys'), ({'jwks': b'{"keys":{}}'}, 'no array of keys'),
                 ({'jwks': b'{"keys":[' + b','.join([b'{}'] * 65) + b']}'}, 'more than 64 keys'), ({'jwks': b'{"keys":["' + b'x' * 200000 + b'"]}'}, 'more than 65536'),
                 ({'jwks': b'{"keys":[],"keys":[]}'}, 'no acceptable JSON'), ({'jwks': json.dumps({'keys': [tokens.Key('rsa', 1024).jwk('one')]}).encode()}, 'fewer than 2048'),
                 ({'jwks': b'{"keys":' + b'[' * 2000 + b']' * 2000 + b'}'}, 'no acceptable JSON'))
        for changes, said in cases:
            with self.subTest(said, changes=str(changes)[:80]):
                provider = self.provider()
                for name, value in changes.items():
                    setattr(provider, name, value)
                daemon = self.daemon(provider, wait=False)
                daemon.wait_log(said)
                self.answers(daemon, 503, self.token(provider), 'no keys')
                daemon.stop()
                provider.stop()

    def test_over_https_the_server_has_to_be_trusted(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in 'good', 'other':
                subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                                '-subj', f'/CN={name}', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', f'{folder}/{name}.key',
                                '-out', f'{folder}/{name}.pem'], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f'{folder}/good.pem', f'{folder}/good.key')
            provider = self.provider(context=context)
            self.answers(self.daemon(provider, ca_file=f'{folder}/good.pem'), 200, self.token(provider))
            for options in ({'ca_file': f'{folder}/other.pem'}, {}):
                daemon = self.daemon(provider, wait=False, **options)
                daemon.wait_log('no TLS with a certificate that is trusted')
                self.answers(daemon, 503, self.token(provider), 'no keys')
            provider.discovery = {'jwks_uri': provider.url.replace('https', 'http') + '/keys'}
            self.daemon(provider, wait=False, ca_file=f'{folder}/good.pem').wait_log('no acceptable jwks_uri')

    def test_a_bad_set_leaves_the_good_one_in_force(self):
        provider = self.provider()
        daemon = self.daemon(provider, refresh_secs=1)
        provider.jwks = b'{"keys":[{"kty":"oct","k":"AAAA"}]}'
        daemon.wait_log('a private or secret key was published')
        self.answers(daemon, 200, self.token(provider, jti='after'))

    def test_a_stop_does_not_wait_for_the_provider(self):
        provider = self.provider()
        provider.released.clear()
        daemon = self.daemon(provider, wait=False)
        self.until(lambda: provider.asked)
        began = time.monotonic()
        daemon.stop()
        self.assertLess(time.monotonic() - began, 5)


if __name__ == '__main__':
    unittest.main()
