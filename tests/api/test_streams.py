# SPDX-License-Identifier: Apache-2.0
"""Event streams as connections: plain, TLS, Unix socket; coming back, falling behind, limits, silence, and the stop."""
import contextlib
import pathlib
import socket
import ssl
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import polling
from test_listeners import make_certificate

SUBSCRIPTIONS = '/sovd/v1/components/bms/cyclic-subscriptions'
TIMES = {'fast_secs': 0.02, 'normal_secs': 0.2, 'slow_secs': 3600}


class StreamCase(polling.Waiting, unittest.TestCase):
    """A simulated vehicle in a gateway of this test's own."""

    def started(self, context=None, **sections):
        sections.setdefault('events', TIMES)
        server = DemoGateway(context=context, **sections)
        self.addCleanup(server.stop)
        return server

    def subscribe(self, server, interval='fast', duration=600, resource='data/soc', status=201, connection=None):
        reply = server.bare('POST', SUBSCRIPTIONS, {'resource': resource, 'interval': interval, 'duration': duration},
                            connection=connection)
        self.assertEqual(reply.status, status, reply)
        return events.target(reply.json['event_source']) if status == 201 else reply

    def open(self, server, path, unix=None, status=200, **headers):
        stream = events.Stream(events.connect(server, unix, server.context), path, **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, status)
        return stream

    def metric(self, server, name):
        return server.metrics()[name]


class DemoGateway(gateway.Gateway):
    """With --demo."""

    def __init__(self, context=None, **sections):
        folder = tempfile.TemporaryDirectory(prefix='gw')
        config = pathlib.Path(folder.name) / 'demo.yaml'
        config.write_text(gateway.json.dumps(self.settings(**sections)), encoding='utf-8')
        try:
            super().__init__(arguments=['--config', str(config), '--demo'], context=context)
        finally:
            folder.cleanup()


class Transports(StreamCase):
    def check(self, server, unix=None, connection=None):
        path = self.subscribe(server, connection=connection)
        stream = self.open(server, path, unix)
        self.assertEqual([event.id for event in stream.take(5)], [1, 2, 3, 4, 5])
        return stream

    def test_plain(self):
        self.check(self.started())

    def test_a_unix_socket(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            path = folder + '/g.sock'
            self.check(self.started(server={'unix_socket': path}), path, gateway.UnixConnection(path))

    def tls(self, folder, **more):
        certificate, key = make_certificate(folder)
        context = ssl.create_default_context(cafile=certificate)
        return self.started(context=context, server={'tls': {'certificate': certificate, 'key': key}}, **more), context

    def test_tls_of_both_versions(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            server, context = self.tls(folder)
            self.check(server)
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            self.check(server)

    def test_a_tls_session_is_begun_anew_for_each_stream(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            server, context = self.tls(folder)
            path = self.subscribe(server)
            for version in ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2:
                context.maximum_version = version
                first = context.wrap_socket(events.connect(server), server_hostname=server.host)
                with events.Stream(first, path) as stream:
                    stream.take(2)
                    session = first.session
                again = context.wrap_socket(events.connect(server), server_hostname=server.host, session=session)
                with events.Stream(again, path) as stream:
                    self.assertFalse(again.session_reused, version)
                    stream.take(3)

    def test_tls_says_goodbye_at_the_end(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            server, _ = self.tls(folder)
            stream = self.check(server)
            server.bare('DELETE', SUBSCRIPTIONS + '/' + self.id_of(server))
            stream.rest()  # raises if the connection is cut without close_notify
            self.assertTrue(stream.ended)

    @staticmethod
    def id_of(server):
        return server.bare('GET', SUBSCRIPTIONS).json['items'][0]['id']

    def test_a_tls_reader_that_takes_nothing_is_dropped(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            server, context = self.tls(folder, events={**TIMES, 'stall_secs': 1, 'fast_secs': 0.01})
            path = self.subscribe(server, resource='data')
            plain = socket.socket()
            self.addCleanup(plain.close)
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            plain.connect((server.host, server.port))
            stuck = context.wrap_socket(plain, server_hostname=server.host)
            self.addCleanup(stuck.close)
            stuck.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            fast = self.open(server, path)
            self.until(lambda: fast.take(20) and self.metric(server, 'sovd_streams_stalled_total') == 1)
            self.assertEqual(self.metric(server, 'sovd_streams'), 1)

    def test_the_stop_ends_tls_streams_too(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            certificate, key = make_certificate(folder)
            context = ssl.create_default_context(cafile=certificate)
            server = DemoGateway(context=context, server={'tls': {'certificate': certificate, 'key': key}}, events=TIMES)
            try:
                stream = self.open(server, self.subscribe(server))
                stream.take(2)
            finally:
                server.stop()
            stream.rest()
            self.assertTrue(stream.ended)

    def test_many_tls_streams_come_and_go(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            server, _ = self.tls(folder, limits={'connections': 4})
            path = self.subscribe(server)
            for _ in range(5):
                streams = [self.open(server, path) for _ in range(10)]
                for stream in streams:
                    stream.take(2)
                for stream in streams:
                    stream.close()
                self.until(lambda: self.metric(server, 'sovd_streams') == 0)


class ComingBack(StreamCase):
    def test_after_the_last_event_id_follow_those_that_came_since(self):
        server = self.started()
        path = self.subscribe(server)
        with events.Stream(events.connect(server), path) as stream:
            last = stream.take(3)[-1].id
        self.assertEqual(self.open(server, path, Last_Event_ID=str(last)).take(2)[0].id, last + 1)

    def test_without_one_nothing_is_repeated(self):
        server = self.started()
        path = self.subscribe(server)
        with events.Stream(events.connect(server), path) as stream:
            last = stream.take(3)[-1].id
        self.assertGreater(self.open(server, path).next().id, last)

    def test_an_id_that_is_kept_no_longer_gives_a_gap_that_counts(self):
        server = self.started(events={**TIMES, 'kept': 4})
        path = self.subscribe(server)
        with events.Stream(events.connect(server), path) as stream:
            stream.take(20)
        stream = self.open(server, path, Last_Event_ID='2')
        gap, first = stream.take(2)
        self.assertEqual(gap.name, 'gap')
        self.assertEqual(gap.data['missed'], first.id - 3)
        self.assertEqual(gap.id, first.id - 1)
        self.assertGreaterEqual(self.metric(server, 'sovd_stream_gaps_total'), 1)

    def test_an_id_that_never_was_gives_a_gap(self):
        server = self.started(events={**TIMES, 'kept': 4})
        path = self.subscribe(server)
        with events.Stream(events.connect(server), path) as stream:
            stream.take(10)
        for wrong in 'x', '-1', '99999999', '18446744073709551617', '1e3':
            gap, first = self.open(server, path, Last_Event_ID=wrong).take(2)
            self.assertEqual((gap.name, gap.data['missed']), ('gap', first.id - 1), wrong)


class Readers(StreamCase):
    def test_a_reader_that_takes_nothing_delays_nobody_and_is_dropped(self):
        server = self.started(events={**TIMES, 'stall_secs': 1, 'fast_secs': 0.01})
        path = self.subscribe(server, resource='data')
        slow = socket.socket()
        self.addCleanup(slow.close)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.connect((server.host, server.port))
        slow.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
        fast = self.open(server, path)
        before = fast.take(1)[0]
        late = 0

        def dropped():
            nonlocal before, late
            event = fast.next()
            late = max(late, event.arrived - before.arrived)
            before = event
            return event.id % 50 == 0 and self.metric(server, 'sovd_streams_stalled_total') == 1
        self.until(dropped)
        self.assertLess(late, 0.8)
        self.assertEqual(self.metric(server, 'sovd_streams'), 1)

    def test_a_reader_that_fell_behind_gets_a_gap_and_goes_on(self):
        server = self.started(events={**TIMES, 'stall_secs': 60, 'fast_secs': 0.01, 'kept': 8})
        path = self.subscribe(server, resource='data')
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        raw.connect((server.host, server.port))
        fast, stream = self.open(server, path), events.Stream(raw, path)
        self.addCleanup(stream.close)
        fast.take(300)
        found = []
        self.until(lambda: found.append(stream.next()) or found[-1].name == 'gap')
        following = stream.next()
        self.assertEqual(found[-1].data['missed'], following.id - found[-2].id - 1)

    def test_a_client_that_leaves_is_noticed_at_once(self):
        server = self.started()
        path = self.subscribe(server, interval='slow')
        stream = self.open(server, path)
        stream.next()
        self.assertEqual(self.metric(server, 'sovd_streams'), 1)
        stream.close()
        self.until(lambda: self.metric(server, 'sovd_streams') == 0, 2)

    def test_a_client_that_sends_on_and_on_is_dropped(self):
        server = self.started()
        stream = self.open(server, self.subscribe(server))
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                stream.socket.sendall(b'x' * 4096)
        self.until(lambda: self.metric(server, 'sovd_streams') == 0)

    def test_silence_is_filled_with_comments(self):
        server = self.started(events={**TIMES, 'heartbeat_secs': 0.2})
        stream = self.open(server, self.subscribe(server, interval='slow'))
        started = time.monotonic()
        self.assertEqual(stream.wait_comment(), ['keepalive'])
        self.assertLess(time.monotonic() - started, 2)
        self.assertGreaterEqual(self.metric(server, 'sovd_stream_heartbeats_total'), 1)

    def test_streams_hold_no_worker(self):
        server = self.started(limits={'connections': 2})
        path = self.subscribe(server)
        streams = [self.open(server, path) for _ in range(10)]
        for stream in streams:
            stream.take(2)
        self.assertEqual(server.bare('GET', '/sovd/v1/components').status, 200)
        self.assertEqual(self.metric(server, 'sovd_streams'), 10)

        def only_this_one():
            metrics = server.metrics()  # the connection before may still be closing
            return (metrics['sovd_http_connections'], metrics['sovd_http_requests_in_flight']) == (1, 1)
        self.until(only_this_one)


class Limits(StreamCase):
    def overloaded(self, server, path):
        stream = self.open(server, path, status=503)
        self.assertIn('retry-after', stream.headers)
        return stream.body.decode()

    def test_streams_in_total_per_client_and_per_stream(self):
        for section, limit in ({'limits': {'streams': 3}}, 'limits.streams)'), ({'limits': {'streams_per_client': 3}}, 'per_client'), \
                ({'events': {**TIMES, 'readers': 3}}, 'events.readers'):
            with self.subTest(limit):
                server = self.started(**section)
                path = self.subscribe(server)
                streams = [self.open(server, path) for _ in range(3)]
                self.assertIn(limit, self.overloaded(server, path))
                streams[0].close()
                self.until(lambda: self.metric(server, 'sovd_streams') == 2)
                self.open(server, path)

    def test_subscriptions_and_triggers_in_total_and_per_client(self):
        trigger = {'resource': 'data/soc', 'trigger_condition': {'condition_type': 'OnChange'}}
        for kind in 'subscriptions', 'triggers':
            for limit in kind, kind + '_per_client':
                with self.subTest(limit):
                    server = self.started(limits={limit: 2})
                    path = SUBSCRIPTIONS if kind == 'subscriptions' else '/sovd/v1/components/bms/triggers'
                    body = {'resource': 'data/soc', 'interval': 'slow', 'duration': 60} if kind == 'subscriptions' else trigger
                    made = [server.request('POST', path, body) for _ in range(3)]
                    self.assertEqual([reply.status for reply in made], [201, 201, 503])
                    self.assertIn('limits.' + limit, made[2].json['message'])
                    self.assertGreaterEqual(int(made[2].headers['retry-after']), 1)
                    self.assertEqual(self.metric(server, 'sovd_' + kind), 2)
                    self.assertEqual(server.request('DELETE', f'{path}/{made[0].json["id"]}').status, 204)
                    self.assertEqual(server.request('POST', path, body).status, 201)

    def test_only_the_creator_changes_and_removes(self):
        with tempfile.TemporaryDirectory(prefix='gw') as folder:
            unix = folder + '/g.sock'
            server = self.started(server={'unix_socket': unix})
            path = self.subscribe(server).removesuffix('/events')
            for method, body in ('PUT', {'interval': 'slow'}), ('DELETE', None):
                reply = server.bare(method, path, body, connection=gateway.UnixConnection(unix))
                self.assertEqual((reply.status, reply.json['error_code']), (403, 'insufficient-access-rights'))
            self.assertEqual(server.bare('GET', path, connection=gateway.UnixConnection(unix)).status, 200)
            self.open(server, path + '/events', unix).take(2)
            self.assertEqual(server.bare('DELETE', path).status, 204)


class Isolation(gateway.GatewayCase):
    """A backend that hangs, and one that does not."""
    sections = {'events': {'fast_secs': 0.05, 'threads': 4, 'per_backend': 2, 'read_timeout_secs': 2}}
    backend_options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = gateway.ecu.DemoEcu()
        cls.addClassCleanup(gateway.stop_ecu, cls.other)

    def test_a_backend_that_hangs_delays_the_readings_of_no_other(self):
        config = [gateway.backend_of(self.ecu), gateway.backend_of(self.other, name='other')]
        self.other.set(component='bms', present=False)
        self.ecu.set(component='climate', present=False)
        with gateway.Gateway(*config, **self.sections) as server:
            body = {'interval': 'fast', 'duration': 60}
            for _ in range(10):
                made = server.bare('POST', SUBSCRIPTIONS, {'resource': 'data/soc', **body})
                self.assertEqual(made.status, 201, made)
            good = server.bare('POST', SUBSCRIPTIONS.replace('bms', 'climate'), {'resource': 'data/fan-speed', **body})
            self.assertEqual(good.status, 201, good)
            self.ecu.inject('delay=5000:soc')
            self.addCleanup(self.ecu.clear_injection)
            self.until(lambda: server.metrics()['sovd_readings_in_flight'] >= 2)
            stream = events.Stream(events.connect(server), events.target(good.json['event_source']))
            arrived = [event.arrived for event in stream.take(40)]
            stream.close()
            self.assertLess(max(b - a for a, b in zip(arrived[5:], arrived[6:])), 1.5)  # one that waits takes 2 s
            self.assertGreaterEqual(server.metrics()['sovd_readings_in_flight'], 2)
            self.ecu.clear_injection()


class Stopping(StreamCase):
    def test_the_stop_ends_every_stream_with_what_is_queued(self):
        server = DemoGateway(events=TIMES)
        streams = []
        try:
            path = self.subscribe(server)
            streams = [self.open(server, path) for _ in range(12)]
            seen = [stream.take(2)[-1].id for stream in streams]
        finally:
            started = time.monotonic()
            server.stop()
        self.assertLess(time.monotonic() - started, 5)
        last = [max([known, *(event.id for event in stream.rest())]) for known, stream in zip(seen, streams)]
        self.assertEqual(len(set(last)), 1, last)

    def test_a_reader_that_takes_nothing_does_not_hold_the_stop(self):
        server = DemoGateway(events={**TIMES, 'fast_secs': 0.01})
        try:
            path = self.subscribe(server, resource='data')
            stuck = socket.socket()
            self.addCleanup(stuck.close)
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            stuck.connect((server.host, server.port))
            stuck.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n'.encode())
            self.open(server, path).take(200)
        finally:
            started = time.monotonic()
            server.stop()
        self.assertLess(time.monotonic() - started, 5)


if __name__ == '__main__':
    unittest.main()
