# SPDX-License-Identifier: Apache-2.0
"""Where the gateway listens: IPv4, IPv6, a Unix socket, HTTPS."""
import os
import pathlib
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi
import polling


def make_certificate(folder, name='gateway'):
    """A self-signed certificate for the loopback address: (certificate, key)."""
    certificate, key = f'{folder}/{name}.pem', f'{folder}/{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
                    '-subj', f'/CN={name}', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
                   check=True, capture_output=True)
    return certificate, key


class ListenerCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='gw')
        self.addCleanup(self.folder.cleanup)
        self.path = self.folder.name

    def started(self, **more):
        server = gateway.Gateway(**more)
        self.addCleanup(server.stop)
        return server

    def check_serves(self, server, connection=None):
        reply = server.bare('GET', '/sovd/v1/components', connection=connection)
        server.document.check('GET', '/sovd/v1/components', reply)
        self.assertEqual((reply.status, reply.json), (200, {'items': []}))

    def refused(self, expected=1, **sections):
        """Does not start, and says why in one line."""
        config = pathlib.Path(self.path) / 'refused.yaml'
        config.write_text(gateway.json.dumps(gateway.Gateway.settings(**sections)), encoding='utf-8')
        status, _, said = gateway.run('--config', config)
        self.assertNotRegex(said, gateway.SANITIZER)
        self.assertEqual(status, expected, said)
        return said


class Listeners(ListenerCase):
    def test_ipv6_is_served(self):
        server = self.started(server={'host': '::1'})
        self.assertIn('listening on http://[::1]:', server.log)
        self.check_serves(server)

    def test_the_address_it_listens_on_is_the_only_one(self):
        server = self.started(server={'host': '127.0.0.2'})
        self.check_serves(server)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.1', server.port), 5)

    def test_a_unix_socket_is_served_beside_the_port(self):
        path = self.path + '/gateway.sock'
        server = self.started(server={'unix_socket': path})
        self.check_serves(server)
        self.check_serves(server, gateway.UnixConnection(path))
        with gateway.Raw(path, socket.AF_UNIX) as connection:
            connection.send('GET /healthz HTTP/1.1\r\n\r\n')
            reply = connection.reply()
        self.assertEqual(reply.status, 400)
        openapi.check_error(reply, 'Unix socket')

    def test_a_unix_socket_path_may_have_any_letters(self):
        for name in '6s', '9r', 'a b', 'x:1', 'ä', '+1':
            with self.subTest(name):
                path = f'{self.path}/{name}'
                with gateway.Gateway(server={'unix_socket': path}) as server:
                    self.check_serves(server, gateway.UnixConnection(path))

    def test_a_unix_socket_is_open_to_whom_the_configuration_says_whatever_the_umask_is(self):
        path = self.path + '/gateway.sock'
        enabled = {'enabled': True, 'unix_users': [{'user': 'root', 'name': 'console', 'roles': ['admin']}]}
        for access, mode in ({}, 0o600), ({'unix_socket_access': 'owner'}, 0o600), ({'unix_socket_access': 'group'}, 0o660), \
                ({'unix_socket_access': 'everybody'}, 0o666):
            for mask in 0o077, 0:
                before = os.umask(mask)
                try:
                    with self.subTest(access, mask=mask), gateway.Gateway(ready=False, server={'unix_socket': path, **access}, auth=enabled):
                        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), mode)
                finally:
                    os.umask(before)

    def test_a_unix_socket_for_everybody_needs_credentials(self):
        said = self.refused(2, server={'unix_socket': self.path + '/gateway.sock', 'unix_socket_access': 'everybody'})
        self.assertRegex(said, r':\d+:\d+: server\.unix_socket_access: needs auth\.enabled')

    def test_a_unix_socket_that_was_left_behind_is_replaced(self):
        path = self.path + '/gateway.sock'
        left = socket.socket(socket.AF_UNIX)
        left.bind(path)
        left.close()
        self.check_serves(self.started(server={'unix_socket': path}), gateway.UnixConnection(path))

    def test_a_file_that_is_no_socket_is_not_replaced(self):
        path = pathlib.Path(self.path) / 'precious'
        path.write_text('data')
        self.assertIn('cannot listen', self.refused(server={'unix_socket': str(path)}))
        self.assertEqual(path.read_text(), 'data')

    def test_an_address_that_is_not_ours_is_refused(self):
        self.assertIn('cannot listen', self.refused(server={'host': '203.0.113.1', 'allow_plain_http': True}))

    def test_allowed_hosts_answer_others_with_421(self):
        server = self.started(server={'allowed_hosts': ['gateway.local']}, ready=False)
        for host, status in ('gateway.local', 200), ('Gateway.Local', 200), ('other.local', 421):
            reply = server.bare('GET', '/healthz', headers={'Host': host})
            self.assertEqual(reply.status, status, host)
        openapi.check_error(reply, '421')
        self.assertEqual(reply.json['vendor_code'], 'misdirected-request')
        self.check_hosts(self.started(server={'allowed_hosts': ['*']}), {'other.local': 200})

    def check_hosts(self, server, statuses, connection=lambda: None):
        for host, status in statuses.items():
            reply = server.bare('GET', '/sovd/v1/components', headers={'Host': host}, connection=connection())
            self.assertEqual(reply.status, status, host)
            if status == 421:
                openapi.check_error(reply, '421')
                self.assertIn('server.allowed_hosts', reply.json['message'])

    def test_a_page_that_has_its_name_lead_to_this_machine_gets_nothing(self):
        server, name = self.started(), socket.gethostname()
        ours = {f'127.0.0.1:{server.port}': 200, f'localhost:{server.port}': 200, 'demo.localhost': 200, '[::1]': 200, name: 200}
        self.check_hosts(server, {**ours, 'rebound.example': 421, f'rebound.example:{server.port}': 421, 'rebound': 421, 'localhost.example': 421})
        reply = server.bare('POST', '/sovd/v1/token', b'grant_type=client_credentials', {'Host': 'rebound.example', 'Content-Type': 'application/x-www-form-urlencoded'})
        self.assertEqual(reply.status, 421)
        self.assertEqual(server.bare('OPTIONS', '/sovd/v1/components', headers={'Host': 'rebound.example', 'Origin': 'http://rebound.example',
                                                                               'Access-Control-Request-Method': 'PUT'}).status, 421)

    def test_beyond_loopback_names_of_the_network_are_answered_for_but_no_strangers(self):
        server = self.started(server={'host': '0.0.0.0', 'allow_plain_http': True})
        self.check_hosts(server, {'gateway:7690': 200, '192.0.2.7': 200, 'rebound.example': 421})

    def test_to_the_unix_socket_no_page_gets_so_any_name_will_do(self):
        path = self.path + '/gateway.sock'
        self.check_hosts(self.started(server={'unix_socket': path}), {'rebound.example': 200}, lambda: gateway.UnixConnection(path))


class Https(ListenerCase):
    def setUp(self):
        super().setUp()
        self.certificate, self.key = make_certificate(self.path)
        self.tls = {'certificate': self.certificate, 'key': self.key}

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.certificate)
        if version:
            context.set_ciphers('ALL:@SECLEVEL=0')
            context.minimum_version = context.maximum_version = version
        return context

    def test_over_tls_the_certificate_decides_and_any_name_will_do(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        self.assertEqual(server.bare('GET', '/sovd/v1/components', headers={'Host': 'vehicle.example'}).status, 200)

    def handshake(self, server, version):
        with socket.create_connection((server.host, server.port), 10) as plain:
            with self.context(version).wrap_socket(plain, server_hostname='127.0.0.1') as wrapped:
                wrapped.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
                answer = b''
                while part := wrapped.recv(4096):
                    answer += part
                return wrapped.version(), answer

    def test_https_is_served_and_says_so(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        self.assertIn('listening on https://127.0.0.1:', server.log)
        self.check_serves(server)

    def test_tls_1_2_and_1_3_are_spoken_and_1_1_is_not(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        for version, name in (ssl.TLSVersion.TLSv1_2, 'TLSv1.2'), (ssl.TLSVersion.TLSv1_3, 'TLSv1.3'):
            spoken, answer = self.handshake(server, version)
            self.assertEqual((spoken, answer[:15]), (name, b'HTTP/1.1 200 OK'))
        with self.assertWarns(DeprecationWarning), self.assertRaises(ssl.SSLError) as refused:
            self.handshake(server, ssl.TLSVersion.TLSv1_1)
        self.assertIn('PROTOCOL_VERSION', refused.exception.reason)
        self.check_serves(server)

    def test_plain_http_on_the_https_port_gets_no_answer_and_harms_nobody(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        with server.raw() as connection:
            connection.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertNotIn(b'alive', connection.rest())
        self.check_serves(server)

    def test_handshakes_that_fail_are_not_counted_as_connections_that_end(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        for _ in range(5):
            with server.raw() as connection:
                connection.send('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
                connection.rest()
        self.assertTrue(polling.wait_until(lambda: server.metrics()['sovd_http_connections'] == 1, 10), server.metrics())

    def test_the_framing_checks_hold_over_https(self):
        server = self.started(server={'tls': self.tls}, context=self.context())
        reply = server.bare('PUT', '/sovd/v1/components/x/data/y', b'{', {'Transfer-Encoding': 'identity', 'Content-Length': '1'})
        self.assertEqual(reply.status, 400)
        openapi.check_error(reply, 'https')

    def test_a_key_of_another_certificate_does_not_start(self):
        other = make_certificate(self.path, 'other')[1]
        self.assertRegex(self.refused(2, server={'tls': {'certificate': self.certificate, 'key': other}}), r':\d+:\d+: server.tls.key: .* belong')

    def test_files_that_are_missing_or_no_pem_do_not_start(self):
        noise = pathlib.Path(self.path) / 'noise.pem'
        noise.write_text('noise')
        noise.chmod(0o600)
        for tls in ({'certificate': self.certificate, 'key': self.path + '/none'}, {'certificate': self.path + '/none', 'key': self.key},
                    {'certificate': str(noise), 'key': self.key}, {'certificate': self.certificate, 'key': str(noise)}):
            with self.subTest(tls):
                said = self.refused(2, server={'tls': tls})
                self.assertRegex(said, r':\d+:\d+: server.tls.\w+: .*' + ('none' if 'none' in str(tls) else 'noise'))


if __name__ == '__main__':
    unittest.main()
