# SPDX-License-Identifier: Apache-2.0
"""Clients that send a byte now and then hold no worker beyond the deadlines, and others are served meanwhile."""
import pathlib
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi
import polling

HEAD_SECONDS = BODY_SECONDS = KEEP_ALIVE_SECONDS = 1
SLACK = 1.5
HEAD = b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: '
WRITE = (b'PUT /sovd/v1/components/climate/data/fan-speed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
         b'Content-Length: 5000\r\n\r\n{"data": ')


class Dripper:
    """Sends a beginning, and then one byte every tenth of a second until the other side has enough."""

    def __init__(self, server, beginning, byte):
        self.connection, self.byte = server.raw(), byte
        self.started = time.monotonic()
        self.connection.send(beginning)
        self.reply = self.seconds = None
        self.thread = threading.Thread(target=self._drip)
        self.thread.start()

    def _drip(self):
        self.connection.socket.settimeout(0.1)
        polling.wait_until(self._step, 20, interval=0)
        self.seconds = time.monotonic() - self.started

    def _step(self):
        """True once an answer or the end of the connection was seen; waiting for that paces the bytes."""
        try:
            self.connection.send(self.byte)
            self.reply = self.connection.reply()
            return True
        except TimeoutError:
            return False
        except (BrokenPipeError, ConnectionResetError):
            return True

    def end(self):
        self.thread.join()
        self.connection.close()
        return self


class SlowClients(gateway.GatewayCase):
    sections = {'limits': {'connections': 4, 'head_timeout_secs': HEAD_SECONDS, 'body_timeout_secs': BODY_SECONDS,
                           'keep_alive_secs': KEEP_ALIVE_SECONDS}}

    def drip(self, count, beginning, byte):
        drippers = [Dripper(self.gateway, beginning, byte) for _ in range(count)]
        self.addCleanup(lambda: [dripper.end() for dripper in drippers])
        return drippers

    def served_in(self):
        started = time.monotonic()
        self.ask(200, 'GET', '/components/bms/data/soc')
        return time.monotonic() - started

    def check_timeout(self, dripper, seconds):
        self.assertEqual(dripper.reply.status, 408)
        openapi.check_headers(dripper.reply, 'slow request')
        openapi.check_error(dripper.reply, 'slow request')
        self.assertEqual(dripper.reply.json['vendor_code'], 'request-timeout')
        self.assertGreaterEqual(dripper.seconds, seconds * 0.9)
        self.assertLess(dripper.seconds, seconds + SLACK)

    def test_a_head_that_drips_is_408_at_its_deadline(self):
        self.check_timeout(self.drip(1, HEAD, b'a')[0].end(), HEAD_SECONDS)

    def test_a_body_that_drips_is_408_at_its_deadline(self):
        self.check_timeout(self.drip(1, WRITE, b' ')[0].end(), BODY_SECONDS)

    def test_a_silent_connection_is_closed_at_the_deadline(self):
        for beginning in b'', b'GET /healthz HTTP/1.1\r\n':
            with self.gateway.raw() as connection:
                connection.send(beginning)
                started = time.monotonic()
                connection.rest()
                self.assertLess(time.monotonic() - started, HEAD_SECONDS + SLACK)

    def test_an_idle_kept_connection_is_closed_at_its_time(self):
        with self.gateway.raw() as connection:
            connection.send(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.assertEqual(connection.reply().status, 200)
            started = time.monotonic()
            self.assertEqual(connection.rest(), b'')
            seconds = time.monotonic() - started
        self.assertGreaterEqual(seconds, KEEP_ALIVE_SECONDS * 0.9)
        self.assertLess(seconds, KEEP_ALIVE_SECONDS + SLACK)

    def test_one_client_that_drips_a_head_disturbs_nobody(self):
        self.drip(1, HEAD, b'a')
        self.assertLess(self.served_in(), HEAD_SECONDS / 2)

    def test_twice_as_many_dripping_heads_as_workers_hold_a_good_client_for_two_deadlines_at_most(self):
        self.drip(8, HEAD, b'a')
        self.assertLess(self.served_in(), 2 * HEAD_SECONDS + SLACK)

    def test_twice_as_many_dripping_bodies_as_workers_hold_a_good_client_for_two_deadlines_at_most(self):
        self.drip(8, WRITE, b' ')
        self.assertLess(self.served_in(), 2 * BODY_SECONDS + SLACK)

    def test_a_client_that_reads_nothing_holds_its_worker_only_for_a_while(self):
        connections = [self.gateway.raw() for _ in range(4)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.socket.settimeout(0.1)
            try:
                connection.send(b'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n' * 2000)
            except TimeoutError:
                pass
        self.assertLess(self.served_in(), BODY_SECONDS + 2 * SLACK)


if __name__ == '__main__':
    unittest.main()
