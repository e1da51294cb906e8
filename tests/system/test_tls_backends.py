# SPDX-License-Identifier: Apache-2.0
"""A gateway in front of a server that it speaks TLS with: whom it trusts, and what it shows of itself."""
import json
import pathlib
import sys
import tempfile
import unittest

from cryptography import x509

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import gateway
import polling

VEHICLE = {'components': [{'id': 'ecu', 'data': [{'id': 'limit', 'value': 7, 'writable': True}]}]}
LIMIT = '/components/ecu/data/limit'


class BackendCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='behind')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ca = certificates.Authority()
        self.ca_file = certificates.write(self.folder / 'ca.pem', self.ca.pem)
        self.shown = self.ca.client('gateway')
        self.files(self.shown)

    def files(self, pair):
        self.certificate, self.key = pair.write(self.folder, 'gateway')

    def behind(self, pair=None, **more):
        """A server that knows the gateway by its certificate and lets nobody else in."""
        certificate, key = (pair or self.ca.server()).write(self.folder, 'server')
        tls = {'certificate': certificate, 'key': key, 'client_ca': self.ca_file, 'require_client_certificate': True, 'watch_secs': 0.05}
        scenario, config = self.folder / 'vehicle.yaml', self.folder / 'behind.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        config.write_text(json.dumps({
            'server': {'port': 0, 'entity_id': '', 'tls': {**tls, **more}},
            'auth': {'enabled': True, 'certificates': [{'name': 'gateway', 'subject': 'CN=gateway', 'roles': ['admin']}]}}), encoding='utf-8')
        context = certificates.context_of(self.ca, self.shown, self.folder)
        context.check_hostname, context.verify_mode = False, gateway.ssl.CERT_NONE
        server = gateway.Gateway(arguments=['--config', str(config), f'--demo={scenario}'], context=context)
        self.addCleanup(server.stop)
        return server

    def in_front(self, server, **more):
        options = {'ca_file': self.ca_file, 'client_cert_file': self.certificate, 'client_key_file': self.key, 'component_ids': ['ecu'],
                   'refresh_secs': 1, **more}
        backend = {'name': 'behind', 'base_url': f'https://127.0.0.1:{server.port}', **{k: v for k, v in options.items() if v}}
        front = gateway.Gateway(backend)
        self.addCleanup(front.stop)
        return front

    def away(self, front):
        """It is not spoken with, and why is told to who runs the gateway only."""
        backend = self.until(lambda: [b for b in front.health()['backends'] if b['connection'] == 'disconnected'])[0]
        self.assertRegex(backend['last_error'], 'TLS|broke off')  # in TLS 1.3 a client is refused after its handshake
        reply = front.get(LIMIT)
        self.assertEqual(reply.status, 503)
        self.assertNotIn('127.0.0.1', reply.body.decode())


class Backends(BackendCase):
    def test_both_sides_prove_who_they_are(self):
        front = self.in_front(self.behind())
        self.assertEqual(front.get(LIMIT).json['data'], 7)
        self.assertEqual(front.put(LIMIT, {'data': 8}).status, 204)
        self.assertEqual(front.get(LIMIT).json['data'], 8)

    def test_a_gateway_that_shows_no_certificate_or_another_one_is_not_served(self):
        server = self.behind()
        self.away(self.in_front(server, client_cert_file=None, client_key_file=None))
        self.files(certificates.Authority().client('gateway'))
        self.away(self.in_front(server))

    def test_a_key_that_others_may_read_is_refused(self):
        config = self.folder / 'front.yaml'
        backend = {'name': 'behind', 'base_url': 'https://127.0.0.1:1', 'client_cert_file': self.certificate, 'client_key_file': self.key}
        config.write_text(json.dumps({'backends': [backend]}), encoding='utf-8')
        for mode, status in (0o644, 2), (0o620, 2), (0o640, 0), (0o600, 0):
            pathlib.Path(self.key).chmod(mode)
            ended, _, said = gateway.run('--config', config, '--check-config')
            self.assertEqual((ended, 'client_key_file: ' in said), (status, status == 2), said)

    def test_a_server_of_another_authority_is_not_trusted(self):
        other = certificates.write(self.folder / 'other.pem', certificates.Authority().pem)
        self.away(self.in_front(self.behind(), ca_file=other))

    def test_the_authorities_of_the_system_do_not_vouch_for_it(self):
        self.away(self.in_front(self.behind(), ca_file=None))

    def test_a_certificate_for_another_name_or_that_has_ended_is_not_trusted(self):
        usage = certificates.ExtendedKeyUsageOID.SERVER_AUTH
        self.away(self.in_front(self.behind(self.ca.sign('127.0.0.1', usage=usage, sans=[x509.DNSName('other.example')]))))
        self.away(self.in_front(self.behind(self.ca.server(ends=certificates.days(-0.5)))))

    def test_a_gateway_whose_certificate_is_revoked_is_cut_off(self):
        crl = certificates.write(self.folder / 'crl.pem', self.ca.crl())
        front = self.in_front(self.behind(crl=crl))
        self.assertEqual(front.get(LIMIT).status, 200)
        self.ca.revoke(self.shown)
        certificates.write(crl, self.ca.crl())
        self.until(lambda: front.get(LIMIT).status == 503)

    def test_a_server_whose_certificate_is_rotated_stays_connected(self):
        server = self.behind()
        front = self.in_front(server)
        for i in range(5):
            self.ca.server(f'server-{i}').write(self.folder, 'server')
            self.until(lambda n=i: server.log.count('were read again') == n + 1)
            self.assertEqual(front.get(LIMIT).status, 200)
        self.assertEqual(front.health()['backends'][0]['failures'], 0)


if __name__ == '__main__':
    unittest.main()
