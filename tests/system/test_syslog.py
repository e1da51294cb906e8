# SPDX-License-Identifier: Apache-2.0
"""Entries of the audit log at a collector: whole, in order, and never in the way of anybody."""
import json
import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import audit_files
import certificates
import collector
import gateway
import keys
import polling

KEEPER = keys.bearer('a-secret-of-the-keeper')
AUTH = keys.section(keys.entry('keeper', 'a-secret-of-the-keeper', 'admin'))
MISSING = '/components/nobody/locks'  # a change that is refused: one entry


class SyslogCase(polling.Waiting, unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='syslog')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.folder / 'state'
        self.state.mkdir()

    def start(self, transport, port, **more):
        syslog = {'transport': transport, 'host': '127.0.0.1', 'port': port, 'timeout_secs': 1, **more}
        return gateway.Gateway(auth=AUTH, storage={'path': str(self.state)}, audit={'syslog': syslog})

    def change(self, gw, name='streams'):
        """A change that leaves an intent, an effect and an outcome."""
        before = time.monotonic()
        self.assertEqual(gw.put(f'/x-admin/features/{name}', {'enabled': True}, KEEPER).status, 200)
        return time.monotonic() - before

    def heard_all(self, found, gw):
        """All entries so far, each once, in order."""
        self.until(lambda: found.seqs and found.seqs[-1] >= gw.metrics()['sovd_audit_entries'])  # reading the log itself would be one more

    def check(self, found):
        """What the collector has is what the log has, byte by byte."""
        self.assertEqual(found.broken, [])
        self.assertEqual(found.seqs, list(range(1, len(found.seqs) + 1)))
        entries = audit_files.entries(self.state)
        for message, entry in zip(found.messages, entries):
            self.assertEqual(json.loads(message.body), entry)
            self.assertEqual((message.time, message.id, message.log, message.app), (entry['t'], entry['ev'], entry['log'], 'sovd-gateway'))
            self.assertEqual(message.priority // 8, 13)
        self.assertEqual(len(found.messages), len(entries))

    def run_with(self, transport, found, **more):
        gw = self.start(transport, found.port, **more)
        try:
            self.change(gw)
            gw.post(MISSING, {'lock_expiration': 1}, KEEPER)
            self.heard_all(found, gw)
            metrics = gw.metrics()
            self.assertEqual((metrics['sovd_audit_syslog_connected'], metrics['sovd_audit_syslog_dropped_total']), (1, 0))
        finally:
            gw.stop()
        self.until(lambda: found.messages[-1].id == 'system.stop')
        self.check(found)
        severities = {message.id: message.priority % 8 for message in found.messages}
        self.assertEqual((severities['system.start'], severities['request.intent']), (5, 6))


class Transports(SyslogCase):
    def test_udp(self):
        with collector.Datagrams() as found:
            self.run_with('udp', found)

    def test_tcp_with_octet_counting(self):
        with collector.Collector() as found:
            self.run_with('tcp', found)

    def test_tls_with_a_collector_that_is_trusted(self):
        authority = certificates.Authority()
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        with collector.Encrypted(authority.server().write(self.folder, 'collector')) as found:
            self.run_with('tls', found, ca_file=ca)

    def test_tls_with_another_name_or_another_authority_sends_nothing(self):
        authority, other = certificates.Authority(), certificates.Authority('Another CA')
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        nameless = authority.sign('collector', usage=certificates.ExtendedKeyUsageOID.SERVER_AUTH)
        for pair in (other.server(), nameless):
            with self.subTest(pair.certificate.subject), collector.Encrypted(pair.write(self.folder, 'collector')) as found:
                with self.start('tls', found.port, ca_file=ca) as gw:
                    self.change(gw)
                    gw.wait_log('cannot be sent .*: its certificate is not one that is trusted')
                    self.assertEqual(gw.metrics()['sovd_audit_syslog_connected'], 0)
                self.assertEqual(found.messages, [])

    def test_tls_with_a_collector_that_asks_for_our_certificate(self):
        authority = certificates.Authority()
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        certificate, key = authority.client('gw7').write(self.folder, 'ours')
        with collector.Encrypted(authority.server().write(self.folder, 'collector'), authority=authority) as found:
            self.run_with('tls', found, ca_file=ca, certificate=str(certificate), key=str(key))

    def test_a_collector_that_does_not_accept_our_certificate_has_taken_nothing(self):
        authority, other = certificates.Authority(), certificates.Authority('Another CA')
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        files = authority.server().write(self.folder, 'collector')
        certificate, key = other.client('gw7').write(self.folder, 'ours')
        with collector.Encrypted(files, authority=authority) as found:
            with self.start('tls', found.port, ca_file=ca, certificate=str(certificate), key=str(key)) as gw:
                self.change(gw)
                gw.wait_log('cannot be sent .*: (it ended TLS with an alert|Connection reset)')
                self.change(gw)
                found.close()
                with collector.Encrypted(files, found.port) as another:
                    self.heard_all(another, gw)
                    self.assertEqual(another.seqs, list(range(1, another.seqs[-1] + 1)))

    def test_files_that_are_exchanged_are_shown_with_the_next_connection(self):
        authority, other = certificates.Authority(), certificates.Authority('Another CA')
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        certificate, key = other.client('gw7').write(self.folder, 'ours')
        with collector.Encrypted(authority.server().write(self.folder, 'collector'), authority=authority) as found:
            with self.start('tls', found.port, ca_file=ca, certificate=str(certificate), key=str(key)) as gw:
                self.change(gw)
                gw.wait_log('cannot be sent .*: (it ended TLS with an alert|Connection reset)')
                authority.client('gw7').write(self.folder, 'ours')
                self.heard_all(found, gw)
                self.assertEqual(found.seqs, list(range(1, found.seqs[-1] + 1)))

    def test_files_that_cannot_be_used_leave_those_of_before(self):
        authority = certificates.Authority()
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        certificate, key = authority.client('gw7').write(self.folder, 'ours')
        files = authority.server().write(self.folder, 'collector')
        with collector.Encrypted(files, authority=authority) as found, \
             self.start('tls', found.port, ca_file=ca, certificate=str(certificate), key=str(key)) as gw:
            self.change(gw)
            self.heard_all(found, gw)
            first = found.seqs[-1]
            pathlib.Path(key).write_bytes(b'half')
            pathlib.Path(ca).unlink()
            found.close()
            with collector.Encrypted(files, found.port, authority) as another:
                self.change(gw)
                self.heard_all(another, gw)
                self.assertIn(first + 1, another.seqs)
            self.assertRegex(gw.log, 'files of audit.syslog cannot be used now: .*; those of before stay')

    def test_a_collector_that_closes_what_is_idle_gets_nothing_again(self):
        authority = certificates.Authority()
        ca = certificates.write(self.folder / 'ca.pem', authority.pem)
        files = authority.server().write(self.folder, 'collector')
        with collector.Encrypted(files) as first, self.start('tls', first.port, ca_file=ca, timeout_secs=60) as gw:
            self.until(lambda: first.connections)
            began = time.monotonic()
            self.change(gw)
            self.heard_all(first, gw)
            self.until(lambda: time.monotonic() - began > 3.5)  # no refusal comes as late as that
            first.close()
            with collector.Encrypted(files, first.port) as second:
                self.change(gw)
                self.heard_all(second, gw)
                self.assertEqual(second.seqs, list(range(first.seqs[-1] + 1, second.seqs[-1] + 1)))


class Restarts(SyslogCase):
    def test_what_waited_before_a_restart_is_sent_after_it_and_nothing_comes_twice(self):
        with collector.Collector() as first:
            with self.start('tcp', first.port) as gw:
                self.change(gw)
                self.heard_all(first, gw)
                first.close()
                self.until(lambda: gw.metrics()['sovd_audit_syslog_connected'] == 0)
                self.change(gw)
                self.until(lambda: gw.metrics()['sovd_audit_syslog_waiting'])
                self.until(lambda: gw.metrics()['sovd_audit_syslog_lag_seconds'] > 0)
        with collector.Collector(first.port) as second:
            with self.start('tcp', first.port) as gw:
                self.heard_all(second, gw)
                self.assertEqual(second.seqs, list(range(first.seqs[-1] + 1, second.seqs[-1] + 1)))
                self.assertIn('system.start', [message.id for message in second.messages])
                self.until(lambda: gw.metrics()['sovd_audit_syslog_waiting'] == 0)
                self.assertEqual(gw.metrics()['sovd_audit_syslog_lag_seconds'], 0)

    def test_after_a_kill_nothing_is_missing(self):
        with collector.Collector() as found:
            gw = self.start('tcp', found.port)
            for _ in range(20):
                self.change(gw)
            self.heard_all(found, gw)
            last = found.seqs[-1]
            gw.process.kill()
            gw.ended()
            with self.start('tcp', found.port) as again:
                self.until(lambda: found.seqs[-1] > last)
                self.heard_all(found, again)
                self.assertEqual(sorted(set(found.seqs)), list(range(1, max(found.seqs) + 1)))

    def test_more_than_the_queue_is_told_as_left_out_after_a_restart_too(self):
        with collector.Collector() as found:
            with self.start('tcp', found.port):
                pass
            self.until(lambda: found.messages and found.messages[-1].id == 'system.stop')
        last = found.seqs[-1]
        with self.start('tcp', found.port, queue=1000) as gw:
            for _ in range(5):
                self.change(gw)
        with collector.Collector(found.port) as second:
            with self.start('tcp', found.port, queue=3) as gw:
                self.heard_all(second, gw)
                said = json.loads(second.messages[0].body)
                self.assertEqual((second.messages[0].id, said['from']), ('syslog.dropped', last + 1))
                self.assertEqual(second.seqs[0], said['to'] + 1)


class Trouble(SyslogCase):
    def free_port(self):
        with collector.Collector() as found:
            return found.port

    def test_a_collector_that_comes_later_gets_everything(self):
        for transport, kind in (('tcp', collector.Collector),):
            port = self.free_port()
            with self.start(transport, port) as gw:
                self.change(gw)
                gw.wait_log('cannot be sent')
                self.assertEqual(gw.metrics()['sovd_audit_syslog_connected'], 0)
                with kind(port) as found:
                    self.heard_all(found, gw)
                    self.assertEqual(found.seqs, list(range(1, len(found.seqs) + 1)))

    def test_a_collector_that_goes_and_comes_again_gets_what_came_meanwhile(self):
        with collector.Collector() as first:
            with self.start('tcp', first.port) as gw:
                self.change(gw)
                self.heard_all(first, gw)
                last = first.seqs[-1]
                first.close()
                self.until(lambda: gw.metrics()['sovd_audit_syslog_connected'] == 0)
                self.change(gw)
                with collector.Collector(first.port) as second:
                    self.heard_all(second, gw)
                    self.assertEqual(second.seqs, list(range(last + 1, second.seqs[-1] + 1)))

    def test_what_waits_too_long_is_left_out_counted_and_told(self):
        port = self.free_port()
        with self.start('tcp', port, queue=5) as gw:
            for _ in range(4):
                self.change(gw)
            dropped = self.until(lambda: gw.metrics()['sovd_audit_syslog_dropped_total'])
            self.assertEqual(gw.metrics()['sovd_audit_syslog_waiting'], 5)
            with collector.Collector(port) as found:
                self.heard_all(found, gw)
                said = json.loads(found.messages[0].body)
                self.assertEqual((found.messages[0].id, found.messages[0].seq, found.messages[0].priority % 8), ('syslog.dropped', None, 4))
                self.assertEqual(said['from'], 1)
                self.assertEqual((said['dropped'], said['to']), (said['to'], found.seqs[0] - 1))
                self.assertGreaterEqual(said['dropped'], dropped)
                self.assertEqual(found.seqs, list(range(said['to'] + 1, found.seqs[-1] + 1)))
            gw.wait_log(r'entries of the audit log, 1 to \d+, were not sent to syslog')

    def slow(self, transport, found, **more):
        """Nobody waits for it, and the gateway ends in time."""
        with self.start(transport, found.port, queue=100, **more) as gw:
            took = [self.change(gw) for _ in range(150)]
            self.assertLess(sorted(took)[len(took) * 9 // 10], 1)  # the timeout of a message
            self.until(lambda: gw.metrics()['sovd_audit_syslog_waiting'] <= 100)
            before = time.monotonic()
        self.assertLess(time.monotonic() - before, 10)

    def test_a_collector_that_does_not_read_holds_up_nobody(self):
        with collector.Hanging() as found:
            self.slow('tcp', found)

    def test_a_collector_that_does_not_accept_holds_up_nobody(self):
        with collector.Silent() as found:
            self.slow('tcp', found)

    def test_a_collector_that_never_says_hello_holds_up_nobody(self):
        with collector.Hanging() as found:
            ca = certificates.write(self.folder / 'ca.pem', certificates.Authority().pem)
            self.slow('tls', found, ca_file=ca)

    def test_a_collector_that_talks_is_left(self):
        with collector.Talking() as found:
            with self.start('tcp', found.port) as gw:
                gw.wait_log('cannot be sent .*: it does not speak as it should')
                self.change(gw)

    def test_no_collector_of_datagrams_holds_up_nobody(self):
        with collector.Datagrams() as found:
            pass
        self.slow('udp', found)


class Settings(SyslogCase):
    def refused(self, pattern, **syslog):
        with self.assertRaises(RuntimeError) as raised:
            self.start(**{'transport': 'tls', 'port': 6514, **syslog})
        self.assertRegex(str(raised.exception), pattern)

    def test_what_cannot_be_used_refuses_the_start(self):
        self.refused('audit.syslog.ca_file: cannot be read', ca_file=str(self.folder / 'none.pem'))
        (self.folder / 'empty.pem').write_text('nothing')
        self.refused('audit.syslog.ca_file: cannot be read', ca_file=str(self.folder / 'empty.pem'))
        self.refused('ca_file: is for the transport tls only', ca_file=str(self.folder / 'empty.pem'), transport='udp')
        self.refused('transport', transport='carrier-pigeon')
        pair, other = (certificates.Authority().client().write(self.folder, name) for name in ('one', 'two'))
        self.refused('a certificate and its key come together', certificate=str(pair[0]))
        self.refused('key: is not that of the certificate', certificate=str(pair[0]), key=str(other[1]))
        self.refused('key: is for the transport tls only', key=str(pair[1]), transport='tcp')
        pathlib.Path(pair[1]).chmod(0o644)
        self.refused('key: may be read or changed by others', certificate=str(pair[0]), key=str(pair[1]))
        self.refused('port', port=0)
