# SPDX-License-Identifier: Apache-2.0
"""TLS as it is seen from outside: what is spoken, which clients are let in, what a broken file or client does."""
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest

from cryptography import x509

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import events
import gateway
import keys
import openapi
import polling
import tokens

COMPONENTS = '/sovd/v1/components'
LISTS = '/sovd/v1/apps/sovd-gateway/data-lists'
ALIVE = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
ROLES = {'roles': ['tester']}


class TlsCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='tls')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ca = certificates.Authority()
        self.certificate, self.key = self.ca.server().write(self.folder, 'server')
        self.client_ca = certificates.write(self.folder / 'client-ca.pem', self.ca.pem)
        self.server = None

    def tls(self, **more):
        return {'certificate': self.certificate, 'key': self.key, **more}

    def mutual(self, **more):
        return self.tls(client_ca=self.client_ca, **more)

    def start(self, tls=None, pair=None, **sections):
        server = {'tls': tls or self.tls(), **sections.pop('server', {})}
        self.server = gateway.Gateway(server=server, context=self.context(pair), ready=False, **sections)
        self.addCleanup(self.server.stop)
        self.server.wait_ready()
        return self.server

    def context(self, pair=None):
        return certificates.context_of(self.ca, pair, self.folder)

    def ask(self, pair=None, path=COMPONENTS, headers=None, context=None):
        """The reply to a client with this certificate."""
        self.server.context = context or self.context(pair)
        return self.server.bare('GET', path, headers=headers)

    def refuse(self, pair=None, context=None):
        """The client gets no answer: TLS 1.3 tells it so when it reads."""
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.ask(pair, context=context)
        self.server.context = self.context()

    def connect(self, context=None, plain=None, **more):
        plain = plain or socket.create_connection((self.server.host, self.server.port), 20)
        self.addCleanup(plain.close)
        wrapped = (context or self.context()).wrap_socket(plain, server_hostname='127.0.0.1', **more)
        self.addCleanup(wrapped.close)
        return wrapped

    def not_started(self, **sections):
        """What a start says that the configuration does not allow."""
        config = self.folder / 'refused.yaml'
        config.write_text(gateway.json.dumps(gateway.Gateway.settings(**sections), indent=1), encoding='utf-8')
        for more in [], ['--check-config']:
            status, _, said = gateway.run('--config', config, *more)
            self.assertNotRegex(said, gateway.SANITIZER)
            self.assertEqual(status, 2, said)
        return said

    def metric(self, name):
        return self.server.metrics()[name]


class Metrics(TlsCase):
    def test_the_page_about_operations_lists_every_metric_and_its_kind(self):
        self.start(self.mutual(crl=certificates.write(self.folder / 'crl.pem', self.ca.crl())))
        page = (pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'operations.md').read_text(encoding='utf-8')
        listed = re.findall(r'^\| `(\w+)` \| (counter|gauge|histogram) \|', page, re.MULTILINE)
        said = self.ask(self.ca.client(), '/metrics').body.decode()
        self.assertEqual(sorted(listed), sorted(re.findall(r'^# TYPE (\w+) (\w+)$', said, re.MULTILINE)))


class Versions(TlsCase):
    def old(self, version):
        context = self.context()
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.options &= ~ssl.OP_NO_SSLv3
        context.minimum_version = context.maximum_version = version
        return context

    def test_older_than_1_2_is_refused(self):
        self.start()
        for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
            with self.subTest(version), self.assertWarns(DeprecationWarning), self.assertRaises(ssl.SSLError) as refused:
                self.connect(self.old(version))
            self.assertIn('PROTOCOL_VERSION', refused.exception.reason)
        self.assertEqual(self.ask().status, 200)

    def test_with_1_3_as_the_lowest_1_2_is_refused(self):
        self.start(self.tls(min_version='1.3'))
        context = self.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises(ssl.SSLError):
            self.connect(context)
        self.assertEqual(self.connect().version(), 'TLSv1.3')

    def test_1_2_is_spoken_with_forward_secrecy_and_authenticated_encryption_only(self):
        self.start()
        offered = {'ECDHE-ECDSA-AES128-GCM-SHA256': True, 'ECDHE-ECDSA-CHACHA20-POLY1305': True, 'ECDHE-ECDSA-AES256-GCM-SHA384': True,
                   'ECDHE-ECDSA-AES128-SHA': False, 'ECDHE-ECDSA-AES128-SHA256': False, 'AES128-GCM-SHA256': False,
                   'DHE-RSA-AES128-GCM-SHA256': False, 'aNULL': False}
        for cipher, taken in offered.items():
            context = self.context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(cipher + ':@SECLEVEL=0')
            with self.subTest(cipher):
                if taken:
                    self.assertEqual(self.connect(context).cipher()[0], cipher)
                else:
                    self.assertRaises(ssl.SSLError, self.connect, context)

    def test_a_session_is_not_resumed(self):
        self.start()
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            context = self.context()
            context.maximum_version = version
            first = self.connect(context)
            first.sendall(ALIVE)
            self.assertIn(b'200', first.recv(4096))
            again = self.connect(context, session=first.session) if first.session else None
            self.assertFalse(again and again.session_reused, version)

    def test_a_client_cannot_negotiate_anew(self):
        self.start()
        command = ['openssl', 's_client', '-connect', f'127.0.0.1:{self.server.port}', '-tls1_2', '-CAfile', self.client_ca]
        done = subprocess.run(command, input=b'R\n', capture_output=True, timeout=30)
        said = (done.stdout + done.stderr).decode()
        self.assertIn('RENEGOTIATING', said)
        self.assertRegex(said, 'no renegotiation|handshake failure|unexpected message')
        self.assertEqual(self.ask().status, 200)


class Clients(TlsCase):
    def test_without_client_ca_no_certificate_is_asked_for(self):
        self.start()
        self.assertEqual(self.ask(self.ca.client()).status, 200)

    def test_a_certificate_may_be_left_out_unless_it_is_required(self):
        self.start(self.mutual())
        self.assertEqual(self.ask().status, 200)
        self.assertEqual(self.ask(self.ca.client()).status, 200)

    def test_a_required_certificate_cannot_be_left_out(self):
        shown = self.ca.client()
        self.start(self.mutual(require_client_certificate=True), pair=shown)
        self.assertEqual(self.ask(shown).status, 200)
        self.refuse()
        before = self.ask(shown, '/metrics').body.decode()
        self.assertRegex(before, r'(?m)^sovd_tls_handshakes_failed_total [1-9]')
        self.server.context = self.context(shown)

    def test_a_bad_certificate_ends_the_connection_even_where_none_is_required(self):
        self.start(self.mutual())
        other = certificates.Authority()
        bad = {'of another authority with the same name': other.client(), 'that has ended': self.ca.client(ends=certificates.days(-0.5)),
               'that does not hold yet': self.ca.client(begins=certificates.days(1)), 'of a server': self.ca.server()}
        for what, pair in bad.items():
            with self.subTest(what):
                self.refuse(pair)
        self.assertEqual(self.ask(self.ca.client()).status, 200)

    def test_what_is_no_authority_cannot_vouch_for_others(self):
        self.start(self.mutual())
        between = self.ca.client('between')
        forged = certificates.Authority('between')
        forged.key, forged.name, forged.parent, forged.pem = between.key, between.certificate.subject, self.ca, between.pem
        self.refuse(forged.client())

    def test_an_authority_between_is_followed(self):
        self.start(self.mutual())
        self.assertEqual(self.ask(certificates.Authority('between', self.ca).client()).status, 200)

    def test_a_revoked_certificate_is_refused_and_others_are_not(self):
        revoked, good = self.ca.client('gone'), self.ca.client('good')
        self.ca.revoke(revoked)
        crl = certificates.write(self.folder / 'crl.pem', self.ca.crl())
        self.start(self.mutual(crl=crl))
        self.refuse(revoked)
        self.assertEqual(self.ask(good).status, 200)
        self.assertEqual(self.ask().status, 200)

    def test_clients_of_an_authority_without_a_list_are_refused(self):
        crl = certificates.write(self.folder / 'crl.pem', self.ca.crl())
        self.start(self.mutual(crl=crl))
        self.refuse(certificates.Authority('between', self.ca).client())
        self.assertEqual(self.ask(self.ca.client()).status, 200)

    def test_a_list_that_has_ended_refuses_every_certificate_and_is_told(self):
        crl = certificates.write(self.folder / 'crl.pem', self.ca.crl(ends=certificates.days(-0.5)))
        self.start(self.mutual(crl=crl))
        self.refuse(self.ca.client())
        self.until(lambda: 'revocation-list-expired' in self.server.get('/health').json['faults'])
        self.assertEqual(self.server.get('/health').json['status'], 'degraded')
        self.assertRegex(self.server.log, r'warn a list of server\.tls\.crl has ended at ')

    def test_the_log_of_the_start_says_when_the_certificate_ends(self):
        for ends, said in (-0.5, 'warn the certificate of server.tls has ended at '), (5, 'warn the certificate of server.tls ends at '), \
                (90, 'info the certificate of server.tls ends at '):
            with self.subTest(ends):
                self.ca.server(ends=certificates.days(ends)).write(self.folder, 'server')
                with gateway.Gateway(server={'tls': self.tls()}, ready=False, context=gateway.ssl_context_without_checks()) as server:
                    server.wait_log(said)


class Principals(TlsCase):
    """Who a client is by its certificate."""

    def known(self, *rules, **more):
        self.start(self.mutual(), auth={'enabled': True, 'certificates': list(rules), **more})

    def test_a_subject_an_alternative_name_or_a_digest_says_who_it_is(self):
        by_subject, by_digest, nobody = (self.ca.client(name) for name in ('one', 'five', 'six'))
        by_dns = self.ca.client('two', sans=[x509.DNSName('Tester.Workshop.Example')])
        by_uri = self.ca.client('three', sans=[x509.UniformResourceIdentifier('spiffe://vehicle/testers/7')])
        by_mail = self.ca.client('four', sans=[x509.RFC822Name('four@example.org')])
        self.known({'name': 'a', 'subject': 'CN=one', **ROLES}, {'name': 'b', 'san': 'DNS:tester.workshop.example', **ROLES},
                   {'name': 'c', 'san': 'URI:spiffe://vehicle/testers/*', **ROLES}, {'name': 'd', 'san': 'email:*@example.org', **ROLES},
                   {'name': 'e', 'sha256': ':'.join(by_digest.sha256.upper()[i:i + 2] for i in range(0, 64, 2)), **ROLES})
        for pair in by_subject, by_dns, by_uri, by_mail, by_digest:
            self.assertEqual(self.ask(pair).status, 200)
        for pair in nobody, None:
            reply = self.ask(pair)
            self.assertEqual(reply.status, 401)
            openapi.check_error(reply, '401')
        self.assertEqual(self.ask(None, '/healthz').status, 200)

    def test_a_name_does_not_match_by_what_else_stands_in_it(self):
        oid = x509.oid.NameOID
        subjects = [[(oid.COMMON_NAME, 'tester-1,O=Workshop')], [(oid.ORGANIZATION_NAME, 'Workshop'), (oid.COMMON_NAME, 'x,CN=tester-1')],
                    [(oid.ORGANIZATION_NAME, 'Workshop'), (oid.ORGANIZATIONAL_UNIT_NAME, 'x'), (oid.COMMON_NAME, 'tester-1')],
                    [(oid.ORGANIZATION_NAME, 'Workshop'), (oid.COMMON_NAME, 'tester-')],
                    [(oid.ORGANIZATION_NAME, 'workshop'), (oid.COMMON_NAME, 'tester-1')],
                    [(oid.ORGANIZATION_NAME, 'Workshop'), (oid.COMMON_NAME, 'tester-1'), (oid.COMMON_NAME, 'tester-1')]]
        names = [x509.DNSName('a.b.workshop.example'), x509.DNSName('workshop.example'), x509.UniformResourceIdentifier('https://v/t/1/2'),
                 x509.UniformResourceIdentifier('https://v/t/1?x'), x509.DNSName('x.workshop.example.org')]
        self.known({'name': 'a', 'subject': 'CN=tester-*,O=Workshop', **ROLES}, {'name': 'b', 'san': 'DNS:*.workshop.example', **ROLES},
                   {'name': 'c', 'san': 'URI:https://v/t/*', **ROLES})
        for parts in subjects:
            with self.subTest(parts):
                subject = x509.Name([x509.NameAttribute(*part) for part in parts])
                self.assertEqual(self.ask(self.ca.client(subject=subject)).status, 401)
        for name in names:
            with self.subTest(name):
                self.assertEqual(self.ask(self.ca.client(sans=[name])).status, 401)
        self.assertEqual(self.ask(self.ca.client('tester-1', organization='Workshop')).status, 200)

    def test_clients_of_one_rule_are_different_clients(self):
        """A data list belongs to who made it: for others it is not there."""
        one, two = (self.ca.client(f'tester-{i}', organization='Workshop') for i in (1, 2))
        renewed = self.ca.client('tester-1', organization='Workshop')
        self.known({'name': 'bench', 'subject': 'CN=tester-*,O=Workshop', **ROLES})
        self.server.context = self.context(one)
        made = self.server.bare('POST', LISTS, {'ids': ['version']})
        self.assertEqual(made.status, 201, made)
        path = gateway.openapi.path_of(made.headers['location'])
        self.assertEqual([self.ask(pair, path).status for pair in (one, two, renewed)], [200, 404, 200])

    def test_credentials_in_the_request_say_who_it_is_before_the_certificate(self):
        self.known({'name': 'a', 'subject': 'CN=tester', **ROLES}, api_keys=[keys.entry('keyed', 'a-key-that-is-known')])
        self.assertEqual(self.ask(self.ca.client(), headers=keys.bearer('a-key-that-is-known')).status, 200)
        self.assertEqual(self.ask(self.ca.client(), headers=keys.bearer('a-key-that-is-wrong')).status, 401)
        counted = self.server.bare('GET', '/metrics', headers=keys.bearer('a-key-that-is-known')).body.decode()
        self.assertIn('sovd_authentications_total{method="api-key",result="ok"}', counted)

    def test_the_certificate_of_a_proxy_is_not_that_of_who_asks_through_it(self):
        self.start(self.mutual(), server={'trusted_proxies': ['127.0.0.0/8']}, auth={
            'enabled': True, 'certificates': [{'name': 'proxy', 'subject': 'CN=tester', **ROLES}]})
        for headers in {}, {'Forwarded': 'for=192.0.2.1;proto=https'}:
            self.assertEqual(self.ask(self.ca.client(), headers=headers).status, 401)

    def test_the_role_admin_of_a_certificate_counts(self):
        self.start(self.mutual(), storage={'path': str(self.folder)}, auth={'certificates': [
            {'name': 'keeper', 'subject': 'CN=keeper', 'roles': ['admin']}, {'name': 'a', 'subject': 'CN=tester', **ROLES}]})
        backup = '/sovd/v1/x-admin/backup'
        self.assertEqual([self.ask(pair, backup).status for pair in (None, self.ca.client(), self.ca.client('keeper'))], [401, 403, 200])

    def test_rules_change_with_sighup(self):
        self.known({'name': 'a', 'subject': 'CN=one', **ROLES})
        one, two = self.ca.client('one'), self.ca.client('two')
        self.assertEqual([self.ask(pair).status for pair in (one, two)], [200, 401])
        self.server.reload(gateway.Gateway.settings(server={'tls': self.mutual()}, auth={
            'enabled': True, 'certificates': [{'name': 'a', 'subject': 'CN=two', **ROLES}]}))
        self.assertEqual([self.ask(pair).status for pair in (one, two)], [401, 200])


    def test_a_stream_ends_with_the_rule_that_knew_its_client(self):
        rules = [{'name': name, 'subject': f'CN={name}-*,O=Workshop', **ROLES} for name in ('one', 'two')]
        self.known(*rules)
        one, two = (self.stream_of(self.ca.client(f'{name}-7', organization='Workshop')) for name in ('one', 'two'))
        rules[0]['subject'] = 'CN=three-*,O=Workshop'
        self.server.reload(gateway.Gateway.settings(server={'tls': self.mutual()}, auth={'enabled': True, 'certificates': rules}))
        began = time.monotonic()
        one.rest()
        self.assertLess(time.monotonic() - began, 50)  # and not with its subscription
        two.next()
        two.next()

    def test_of_two_rules_with_one_name_each_keeps_its_own_streams(self):
        rules = [{'name': 'bench', 'subject': f'CN={name}', **ROLES} for name in ('one', 'two')]
        self.known(*rules)
        one, two = (self.stream_of(self.ca.client(name)) for name in ('one', 'two'))
        self.server.reload(gateway.Gateway.settings(server={'tls': self.mutual()}, auth={'enabled': True, 'certificates': rules[1:]}))
        began = time.monotonic()
        one.rest()
        self.assertLess(time.monotonic() - began, 50)
        two.next()
        two.next()

    def stream_of(self, pair):
        self.server.context = self.context(pair)
        made = self.server.bare('POST', '/sovd/v1/apps/sovd-gateway/cyclic-subscriptions', {'resource': 'faults', 'interval': 'fast', 'duration': 100})
        self.assertEqual(made.status, 201, made)
        stream = events.Stream(self.connect(self.context(pair)), gateway.openapi.path_of(made.json['event_source']))
        self.assertEqual(stream.status, 200)
        return stream

    def test_a_rule_with_a_role_that_does_not_exist_is_refused(self):
        for member, value in ('roles', ['tster']), ('tenant', 'nobodys'), ('scopes', ['raed']):
            rule = {'name': 'a', 'subject': 'CN=one', **ROLES, member: value}
            self.assertRegex(self.not_started(server={'tls': self.mutual()}, auth={'enabled': True, 'certificates': [rule]}), rf'auth\.certificates\[0\]\.{member}.*the policy has no')


class Refusals(TlsCase):
    """TLS that was asked for and cannot be had."""

    def said(self, **tls):
        return self.not_started(server={'tls': {**self.tls(), **tls}})

    def test_a_key_that_others_may_read_is_refused(self):
        key = pathlib.Path(self.key)
        for mode in 0o604, 0o644, 0o660, 0o602:
            key.chmod(mode)
            self.assertRegex(self.said(), r'refused.yaml:\d+:\d+: server\.tls\.key: .*others may')
        key.chmod(0o640)
        self.start()
        if gateway.os.geteuid() == 0:
            gateway.os.chown(key, 12345, -1)
            self.assertRegex(self.said(), r'server\.tls\.key: .*belongs to user 12345')

    def test_each_file_is_named_with_its_place_in_the_configuration(self):
        noise = certificates.write(self.folder / 'noise', b'noise')
        empty = certificates.write(self.folder / 'empty', b'')
        cut = certificates.write(self.folder / 'cut', self.ca.pem[:200])
        for file in noise, empty, cut, str(self.folder / 'none'), str(self.folder):
            for member in 'certificate', 'key', 'client_ca', 'crl':
                with self.subTest(member=member, file=file):
                    more = {'client_ca': self.client_ca} if member == 'crl' else {}
                    self.assertRegex(self.said(**more, **{member: file}), rf'refused.yaml:\d+:\d+: server\.tls\.{member}: {file}')

    def test_a_key_with_a_password_is_refused_without_a_question(self):
        locked = self.folder / 'locked.key'
        subprocess.run(['openssl', 'ec', '-in', self.key, '-aes256', '-passout', 'pass:secret', '-out', locked], check=True, capture_output=True)
        locked.chmod(0o600)
        self.assertRegex(self.said(key=str(locked)), 'server.tls.key: .*password')

    def test_a_key_may_be_a_credential_of_the_service_manager_or_in_the_environment(self):
        pem = pathlib.Path(self.key).read_text()
        folder = self.folder / 'credentials'
        folder.mkdir(0o700)
        certificates.write(folder / 'tls-key', pem.encode(), 0o400)
        for key, environment in ('credential:tls-key', {'CREDENTIALS_DIRECTORY': str(folder)}), ('env:TLS_KEY', {'TLS_KEY': pem}):
            with self.subTest(key), gateway.Gateway(server={'tls': {**self.tls(), 'key': key}}, context=self.context(), environment=environment) as server:
                self.assertEqual(server.get('/components').status, 200)
                server.reload(server.settings(server={'tls': {**self.tls(), 'key': key}}))
                self.assertEqual(server.metrics()['sovd_tls_reloads_total'], 1)
                self.assertNotIn('PRIVATE', server.log)
        for key in 'credential:none', 'env:NONE_SUCH', 'credential:../x', 'env:':
            with self.subTest(key):
                self.assertRegex(self.said(key=key), r'server\.tls\.key: ' + key)

    def test_weak_keys_and_signatures_are_refused(self):
        weak = self.folder / 'weak.pem', self.folder / 'weak.key'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-days', '2', '-subj', '/CN=weak', '-keyout', weak[1],
                        '-out', weak[0]], check=True, capture_output=True)
        self.assertRegex(self.said(certificate=str(weak[0]), key=str(weak[1])), 'server.tls.certificate: .*too small')

    def test_members_that_need_others_are_refused_without_them(self):
        self.assertRegex(self.said(require_client_certificate=True), 'require_client_certificate: needs client_ca')
        self.assertRegex(self.said(crl=self.client_ca), 'crl: needs client_ca')
        self.assertRegex(self.not_started(server={'tls': self.tls()}, auth={'certificates': [{'name': 'a', 'subject': 'CN=x'}]}),
                         r'auth\.certificates: needs server\.tls\.client_ca')
        self.assertRegex(self.said(client_ca=self.certificate), 'client_ca: .*may not sign')
        self.assertRegex(self.said(min_version='1.1'), 'min_version')

    def test_rules_that_cannot_be_meant_are_refused(self):
        for rule in {'name': 'a'}, {'name': 'a', 'subject': 'CN=x', 'san': 'DNS:x'}, {'name': 'a b', 'subject': 'CN=x'}, \
                {'name': 'a', 'subject': 'x'}, {'name': 'a', 'san': 'IP:1.2.3.4'}, {'name': 'a', 'san': 'DNS:'}, \
                {'name': 'a', 'sha256': 'g' * 64}, {'name': 'a', 'sha256': 'a' * 65}, {'subject': 'CN=x'}, {'name': 'a/b', 'subject': 'CN=x'}:
            with self.subTest(rule):
                self.assertRegex(self.not_started(server={'tls': self.mutual()}, auth={'certificates': [rule]}),
                                 r'refused.yaml:\d+:\d+: auth\.certificates\.?\[?0')

    def test_plain_http_where_others_can_connect_has_to_be_wanted(self):
        for host in '0.0.0.0', '::', '127.0.0.1.example.org', '10.0.0.1', '192.0.2.1':
            with self.subTest(host):
                self.assertRegex(self.not_started(server={'host': host}), r'refused.yaml:\d+:\d+: server\.host: .*allow_plain_http')

    def test_plain_http_that_is_wanted_is_logged_and_shown(self):
        with gateway.Gateway(server={'host': '0.0.0.0', 'allow_plain_http': True}) as server:
            self.assertIn('plain HTTP', server.log)
            self.assertIn('allow_plain_http', ' '.join(server.health()['warnings']))
        for more in {'server': {'tls': self.tls()}, 'context': self.context()}, {'server': {'allow_plain_http': True}}:
            with gateway.Gateway(**more) as server:
                self.assertNotIn('plain HTTP', server.log)
                self.assertNotIn('warnings', server.health())


class Hostile(TlsCase):
    """Clients that do not mean to speak TLS, or do not go on."""

    def test_garbage_is_dropped_and_harms_nobody(self):
        self.start(limits={'head_timeout_secs': 1})
        for garbage in b'\0' * 600, b'\x16\x03\x01\xff\xff' + b'A' * 4000, b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', b'\x16\x03\x01\0\x05\x01\0\0\x01\x03', \
                b'\x80\x2e\x01\0\x02' + b'x' * 60, b'\x15\x03\x03\0\x02\x02\x28':
            with self.subTest(garbage[:10]), self.server.raw() as connection:
                connection.send_what_is_taken(garbage)
                self.assertNotIn(b'HTTP/1.1 200', connection.rest())
        self.assertEqual(self.ask().status, 200)

    def test_a_handshake_has_a_deadline(self):
        self.start(limits={'head_timeout_secs': 1})
        begin = time.monotonic()
        with self.server.raw() as silent:
            self.assertEqual(silent.rest(), b'')
        self.assertLess(time.monotonic() - begin, 10)
        self.until(lambda: self.metric('sovd_tls_handshakes_failed_total') == 1)

    def test_half_handshakes_take_no_more_than_the_connections_that_are_allowed_and_then_make_room(self):
        self.start(limits={'connections': 4, 'head_timeout_secs': 2})
        begin = time.monotonic()
        silent = [self.server.raw() for _ in range(12)]
        try:
            for connection in silent:
                connection.send(b'\x16\x03\x01')
            self.assertEqual(self.ask(path='/healthz').status, 200)
            self.assertLess(time.monotonic() - begin, 25)
        finally:
            for connection in silent:
                connection.close()

    def test_a_handshake_byte_by_byte_ends_at_the_deadline(self):
        self.start(limits={'head_timeout_secs': 1})
        outgoing = ssl.MemoryBIO()
        wrapped = self.context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname='127.0.0.1')
        self.assertRaises(ssl.SSLWantReadError, wrapped.do_handshake)
        hello, begin = outgoing.read(), time.monotonic()
        with self.server.raw() as drip:
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                for i in range(len(hello) - 1):
                    drip.send(hello[i:i + 1])
                    self.assertFalse(polling.wait_until(lambda: time.monotonic() - begin > 15, 0.1), 'it still listens')
        self.assertLess(time.monotonic() - begin, 15)
        self.assertEqual(self.ask().status, 200)


class BoundTokens(TlsCase):
    """RFC 8705 3: a token that names a certificate is good for whoever has its key, and for nobody else."""

    def test_a_bound_token_is_good_with_its_certificate_only(self):
        own, other = self.ca.client('own'), self.ca.client('other')
        signer = tokens.Key('p256')
        public = certificates.write(self.folder / 'issuer.pem', signer.pem())
        jwt = {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'public_key_file': public}
        self.start(self.mutual(), auth={'enabled': True, 'jwt': jwt})

        def bearer(**more):
            return tokens.bearer(tokens.compact(signer, 'ES256', tokens.claims(roles=['viewer'], **more)))

        bound = bearer(cnf={'x5t#S256': tokens.b64(bytes.fromhex(own.sha256))})
        for pair, status in (own, 200), (other, 401), (None, 401), (own, 200):
            reply = self.ask(pair, headers=bound)
            self.assertEqual(reply.status, status, reply)
            if status == 401:
                self.assertIn('error="invalid_token"', reply.headers['www-authenticate'])
        self.assertEqual(self.ask(other, headers=bearer()).status, 200)  # one that is not bound


if __name__ == '__main__':
    unittest.main()
