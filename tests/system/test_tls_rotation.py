# SPDX-License-Identifier: Apache-2.0
"""Files of server.tls that change while it serves: what comes into force, what stays, and what nobody notices."""
import contextlib
import hashlib
import pathlib
import signal
import socket
import ssl
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import certificates
import events
import gateway
import polling
import keys
import rotation

OWN = '/sovd/v1/apps/sovd-gateway'
ROTATIONS = 100


class RotationCase(polling.Waiting, unittest.TestCase):
    mutual = True
    watch = 0.05

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='rotate')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.ca = certificates.Authority()
        self.pair = self.ca.server()
        certificate, key = self.pair.write(self.folder, 'server')
        self.tls = {'certificate': certificate, 'key': key, 'watch_secs': self.watch,
                    'client_ca': certificates.write(self.folder / 'client-ca.pem', self.ca.pem),
                    'crl': certificates.write(self.folder / 'crl.pem', self.ca.crl()), 'require_client_certificate': True}
        self.clients = [self.context(self.ca.client(f'client-{i}')) for i in range(2)]

    def context(self, pair):
        return certificates.context_of(self.ca, pair, self.folder)

    def start(self, **sections):
        self.server = gateway.Gateway(server={'tls': self.tls}, context=self.clients[0], **sections)
        self.addCleanup(self.server.stop)
        return self.server

    def shown(self):
        """SHA-256 of the certificate that a new connection is shown."""
        with socket.create_connection((self.server.host, self.server.port), 10) as plain:
            with self.clients[0].wrap_socket(plain, server_hostname='127.0.0.1') as wrapped:
                return hashlib.sha256(wrapped.getpeercert(True)).hexdigest()

    def status(self, pair=None):
        """Of a request on a new connection, or None when it is refused."""
        context = self.context(pair) if pair else certificates.context_of(self.ca)
        try:
            return self.server.bare('GET', rotation.PATH, connection=self.connection(context)).status
        except (ssl.SSLError, ConnectionError):
            return None

    def connection(self, context):
        return rotation.http.client.HTTPSConnection(self.server.host, self.server.port, timeout=20, context=context)

    def kept(self, pair):
        """A connection that has been used once."""
        connection = self.connection(self.context(pair))
        self.addCleanup(connection.close)
        self.assertEqual(self.ask_again(connection).status, 200)
        return connection

    @staticmethod
    def ask_again(connection):
        connection.request('GET', rotation.PATH)
        response = connection.getresponse()
        response.read()
        return response

    def open_stream(self, context=None):
        reply = self.server.bare('POST', OWN + '/cyclic-subscriptions', {'resource': 'data/uptime', 'interval': 'fast', 'duration': 600})
        self.assertEqual(reply.status, 201, reply)
        connection = events.connect(self.server, None, context or self.clients[0])
        stream = events.Stream(connection, events.target(reply.json['event_source']))
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        stream.take(1)
        return stream

    def reloaded(self, change):
        """Until what change() writes is in force."""
        before = rotation.reloads(self.server)
        change()
        self.until(lambda: rotation.reloads(self.server) > before)


class OnRecord(RotationCase):
    def entries(self):
        reply = self.server.bare('GET', '/sovd/v1/audit?event=system.certificate', headers=keys.bearer('key-of-the-auditor'))
        return [(entry['outcome'], entry['detail']['ends']) for entry in reply.json['items']]

    def test_the_audit_log_says_when_certificates_changed_and_when_they_could_not(self):
        self.start(auth=keys.section(keys.entry('auditor', 'key-of-the-auditor', 'auditor')))
        self.assertEqual(self.entries(), [])
        self.ca.server().write(self.folder, 'server')
        self.assertTrue(polling.wait_until(lambda: [outcome for outcome, _ in self.entries()] == ['ok'], 20))
        certificates.write(self.tls['certificate'], b'nonsense')
        self.assertTrue(polling.wait_until(lambda: [outcome for outcome, _ in self.entries()] == ['error', 'ok'], 20))
        self.assertEqual(len({ends for _, ends in self.entries()}), 1)


class Rotation(RotationCase):
    def test_a_certificate_that_is_rotated_100_times_under_load_fails_no_request_and_ends_no_stream(self):
        server = self.start()
        stream = self.open_stream()
        with rotation.Load(server, self.clients) as load:
            pair = rotation.rotate(server, self.ca, self.folder, ROTATIONS)
            self.assertEqual(self.shown(), pair.sha256)
            n = load.n
            self.until(lambda: load.n > n + 20)
        self.assertEqual(load.failures, [])
        self.assertGreater(load.n, 2 * ROTATIONS)
        ids = [event.id for event in stream.take(5)]
        self.assertEqual(ids, list(range(ids[0], ids[0] + 5)))
        self.assertEqual(server.metrics()['sovd_tls_reloads_total'], ROTATIONS)
        self.assertEqual(server.metrics()['sovd_tls_handshakes_failed_total'], 0)
        self.assertEqual(server.health()['tls']['reloads'], ROTATIONS)
        self.assertIsNone(self.status(), 'clients without certificate are refused as before')
        self.assertIsNone(self.status(certificates.Authority().client()), 'and those of other authorities')

    def test_sighup_puts_new_files_in_force_at_once(self):
        self.tls['watch_secs'] = 0
        server = self.start()
        first = self.shown()
        new = self.ca.server('new')
        new.write(self.folder, 'server')
        self.assertEqual(self.shown(), first)
        self.reloaded(lambda: server.signal(signal.SIGHUP))
        self.assertEqual(self.shown(), new.sha256)
        self.assertIsNone(self.status())

    def test_an_authority_that_replaces_another_lets_its_clients_in_and_those_of_the_other_no_more(self):
        self.tls.pop('crl')
        self.start()
        other = certificates.Authority('Other CA')
        old, new = self.ca.client('old'), other.client('new')
        running = self.kept(old)
        self.assertEqual((self.status(old), self.status(new)), (200, None))
        stream = self.open_stream(self.context(old))
        self.reloaded(lambda: certificates.write(self.folder / 'client-ca.pem', other.pem))
        self.assertEqual((self.status(old), self.status(new)), (None, 200))
        refused = self.ask_again(running)
        self.assertEqual((refused.status, refused.getheader('connection')), (401, 'close'))
        stream.rest()
        self.assertTrue(stream.ended)

    def test_a_client_that_is_revoked_is_refused_on_its_running_connection_too_and_others_are_not(self):
        self.start()
        bad, good = self.ca.client('bad'), self.ca.client('good')
        running, other = self.kept(bad), self.kept(good)
        streams = self.open_stream(self.context(bad)), self.open_stream(self.context(good))
        self.ca.revoke(bad)
        self.reloaded(lambda: certificates.write(self.folder / 'crl.pem', self.ca.crl()))
        self.assertEqual((self.status(bad), self.status(good)), (None, 200))
        self.assertEqual((self.ask_again(running).status, self.ask_again(other).status), (401, 200))
        streams[0].rest()
        self.assertTrue(streams[0].ended)
        streams[1].take(3)

    def test_a_certificate_that_ends_meanwhile_is_refused_on_its_running_connection(self):
        self.start()
        running = self.kept(self.ca.client('brief', ends=certificates.datetime.timedelta(seconds=4)))
        self.until(lambda: self.ask_again(running).status == 401)


class Observers(RotationCase):
    """Subscriptions and triggers go on without a connection: what counts is the certificate of who made them."""

    def setUp(self):
        super().setUp()
        self.tls['require_client_certificate'] = False
        self.clients[0] = certificates.context_of(self.ca)  # the admin shows a key
        state = self.folder / 'state'
        state.mkdir()
        self.sections = {'storage': {'path': str(state)}, 'events': {'trigger_secs': 0.05, 'fast_secs': 0.05},
                         'auth': {'enabled': True, 'public_metrics': True, 'api_keys': [keys.entry('admin', 'admin', 'admin')],
                                  'certificates': [{'name': 'tool', 'subject': 'CN=*', 'roles': ['tester']}]}}

    def start(self):
        super().start(ready=False, **self.sections).wait_ready()

    def restart(self, change=lambda: None):
        self.server.stop()
        change()
        self.start()

    def make(self, pair, collection, **members):
        """Its path."""
        with contextlib.closing(self.connection(self.context(pair))) as connection:
            reply = self.server.bare('POST', f'{OWN}/{collection}', {'resource': 'data/uptime', **members}, connection=connection)
        self.assertEqual(reply.status, 201, reply)
        return f'{OWN}/{collection}/{reply.json["id"]}'

    def trigger(self, pair, **members):
        return self.make(pair, 'triggers', trigger_condition={'condition_type': 'OnChange'}, multishot=True, **members)

    def one_of_each(self, pair):
        """The last one is persistent."""
        return [self.make(pair, 'cyclic-subscriptions', interval='fast', duration=600), self.trigger(pair), self.trigger(pair, persistent=True)]

    def answers(self, paths):
        return {self.server.bare('GET', path, headers=keys.bearer('admin')).status for path in paths}

    def gone(self, paths):
        self.until(lambda: self.answers(paths) == {404})

    def error_of(self, path):
        return self.server.bare('GET', path, headers=keys.bearer('admin')).json.get('last_error', {}).get('message')

    def read_again(self):
        """Until all that are there have been read after now."""
        before = self.server.metrics()['sovd_readings_total']
        self.until(lambda: self.server.metrics()['sovd_readings_total'] > before + 10)

    def change_list(self, *authorities):
        self.reloaded(lambda: certificates.write(self.folder / 'crl.pem', b''.join(a.crl() for a in authorities)))

    def test_what_a_client_made_ends_when_its_certificate_is_revoked_and_what_others_made_does_not(self):
        self.start()
        bad, good = self.ca.client('bad'), self.ca.client('good')
        ended, others = self.one_of_each(bad), self.one_of_each(good)
        self.read_again()
        self.assertEqual(self.answers(ended + others), {200})
        self.ca.revoke(bad)
        self.change_list(self.ca)
        self.gone(ended)
        self.assertIn('the credentials behind it were taken away', self.server.log)
        failed = self.server.metrics()['sovd_readings_failed_total']
        self.read_again()
        self.assertEqual(self.answers(others), {200})
        self.assertEqual(self.server.metrics()['sovd_readings_failed_total'], failed)
        self.restart()
        self.assertEqual(self.answers(ended), {404})
        self.read_again()
        self.assertEqual(self.answers(others[-1:]), {200})
        self.assertIsNone(self.error_of(others[-1]))

    def test_a_persistent_trigger_ends_when_its_certificate_was_revoked_while_the_gateway_did_not_run(self):
        self.start()
        bad = self.ca.client('bad')
        path = self.trigger(bad, persistent=True)
        self.ca.revoke(bad)
        self.restart(lambda: certificates.write(self.folder / 'crl.pem', self.ca.crl()))
        self.gone([path])

    def test_a_persistent_trigger_whose_certificate_is_revoked_after_a_restart_ends(self):
        self.start()
        bad = self.ca.client('bad')
        path = self.trigger(bad, persistent=True)
        self.restart()
        self.read_again()
        self.assertEqual(self.answers([path]), {200})
        self.ca.revoke(bad)
        self.change_list(self.ca)
        self.gone([path])

    def test_what_a_client_made_ends_when_its_authority_is_trusted_no_more(self):
        self.tls.pop('crl')
        self.start()
        paths = self.one_of_each(self.ca.client('old'))
        self.reloaded(lambda: certificates.write(self.folder / 'client-ca.pem', certificates.Authority('Other CA').pem))
        self.gone(paths)

    def test_what_an_authority_between_vouched_for_ends_when_that_is_revoked(self):
        between = certificates.Authority('Between', self.ca)
        certificates.write(self.folder / 'crl.pem', self.ca.crl() + between.crl())
        self.start()
        paths = self.one_of_each(between.client('tool'))
        self.restart()
        self.read_again()
        self.assertIsNone(self.error_of(paths[-1]))
        self.assertEqual(self.answers(paths[-1:]), {200})
        self.ca.revoke(between)
        self.change_list(self.ca, between)
        self.gone(paths[-1:])

    def test_for_a_certificate_that_has_ended_nothing_is_read_and_nothing_ends(self):
        self.start()
        brief = self.ca.client('brief', ends=certificates.datetime.timedelta(seconds=6))
        path = self.trigger(brief, persistent=True)
        self.assertIsNone(self.error_of(path))
        self.restart()
        self.assertIsNone(self.error_of(path))
        self.until(lambda: self.error_of(path))
        self.assertIn('do not hold any more', self.error_of(path))
        self.read_again()
        self.assertEqual(self.answers([path]), {200})
        self.restart()
        self.until(lambda: self.error_of(path))
        self.assertEqual(self.answers([path]), {200})

    def test_while_there_is_no_list_of_its_signer_nothing_is_read_and_nothing_ends(self):
        other = certificates.Authority('Other CA')
        self.start()
        path = self.trigger(self.ca.client('tool'), persistent=True)
        self.change_list(other)
        self.until(lambda: self.error_of(path))
        self.change_list(self.ca)
        self.read_again()
        failed = self.server.metrics()['sovd_readings_failed_total']
        self.read_again()
        self.assertEqual((self.server.metrics()['sovd_readings_failed_total'], self.answers([path])), (failed, {200}))


class Broken(RotationCase):
    def faults(self):
        return self.server.health().get('faults', [])

    def stays(self, member, change):
        """What was in force stays, and it is told why."""
        before = self.server.metrics()['sovd_tls_reloads_failed_total']
        change()
        self.until(lambda: self.server.metrics()['sovd_tls_reloads_failed_total'] > before)
        self.assertEqual(self.shown(), self.pair.sha256, self.server.log)
        self.assertEqual(self.server.health()['tls']['error'], member)
        self.assertEqual(self.server.metrics()['sovd_tls_stale'], 1)
        self.until(lambda: self.faults() == ['certificate-not-renewed'])
        self.assertRegex(self.server.log, rf' error the files of server.tls stay as they were: {member}: ')
        self.assertEqual((self.status(), self.status(self.ca.client())), (None, 200))

    def heals(self):
        self.reloaded(lambda: self.pair.write(self.folder, 'server'))
        self.until(lambda: self.faults() == [])
        self.assertNotIn('error', self.server.health()['tls'])
        self.assertEqual(self.server.metrics()['sovd_tls_stale'], 0)

    def test_files_that_cannot_be_used_keep_those_of_before_and_heal(self):
        self.start()
        other = self.ca.server('other')
        key, certificate = self.folder / 'server.key', self.folder / 'server.pem'
        cases = {
            'key of another certificate': ('key', lambda: certificates.write(key, other.key_pem)),
            'certificate of another key': ('key', lambda: certificates.write(certificate, other.pem)),
            'no certificate': ('certificate', lambda: certificates.write(certificate, b'nonsense')),
            'a file that is gone': ('certificate', certificate.unlink),
            'half a file': ('certificate', lambda: certificates.write(certificate, self.pair.pem[:100])),
            'a key that others may read': ('key', lambda: key.chmod(0o644)),
            'a certificate that has ended': ('certificate', lambda: self.ca.server(ends=certificates.days(-0.5)).write(self.folder, 'server')),
            'one that does not hold yet': ('certificate', lambda: self.ca.server(begins=certificates.days(1)).write(self.folder, 'server')),
        }
        for what, (member, change) in cases.items():
            with self.subTest(what):
                self.stays(member, change)
                self.heals()

    def test_client_authorities_and_lists_that_cannot_be_used_keep_those_of_before(self):
        self.start()
        for name, member, good in ('client-ca.pem', 'client_ca', self.ca.pem), ('crl.pem', 'crl', self.ca.crl()):
            for data in b'', b'nonsense', good[:100]:
                with self.subTest(name, data=data):
                    self.stays(member, lambda n=name, d=data: certificates.write(self.folder / n, d))
            self.reloaded(lambda n=name, g=good: certificates.write(self.folder / n, g))
        self.stays('crl', lambda: certificates.write(self.folder / 'crl.pem', self.ca.crl(ends=certificates.days(-0.5))))

    def test_a_configuration_that_is_broken_does_not_keep_new_files_from_coming_into_force(self):
        self.tls['watch_secs'] = 0
        server = self.start()
        new = self.ca.server('new')
        new.write(self.folder, 'server')
        server.reload('nonsense: 1\n', r'the configuration is not acceptable')
        self.assertEqual(self.shown(), new.sha256)


if __name__ == '__main__':
    unittest.main()
