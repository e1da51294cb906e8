# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on the wire: framing that could smuggle a request is refused, and connections are kept when they may be."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi

SOC = gateway.BASE + '/components/bms/data/soc'
TARGET = gateway.BASE + '/components/climate/data/target-temp'
SMUGGLED = b'GET /sovd/v1/version-info HTTP/1.1\r\nHost: localhost\r\n\r\n'
BODY = b'{"data": 20.0}'
LENGTH = b'Content-Length: %d' % len(BODY)
JSON = b'Content-Type: application/json'


def message(line, *fields, body=b'', host=b'Host: localhost'):
    return b'\r\n'.join([line, *([host] if host else []), *fields, b'', body])


def read(*fields, **more):
    return message(b'GET ' + SOC.encode() + b' HTTP/1.1', *fields, **more)


def write(*fields, body=BODY, method=b'PUT', **more):
    return message(method + b' ' + TARGET.encode() + b' HTTP/1.1', JSON, *fields, body=body, **more)


class HttpCase(gateway.GatewayCase):
    sections = {'server': {'allowed_hosts': ['*']}}
    def refused(self, status, request):
        """Is answered once, with an error that closes the connection; what is sent behind it is never answered."""
        with self.gateway.raw() as connection:
            connection.send_what_is_taken(request + SMUGGLED)
            reply = connection.reply()
            self.assertIsNotNone(reply, 'closed without an answer')
            self.assertEqual(connection.rest(), b'', 'something was answered behind the refusal')
        self.assertEqual(reply.status, status, reply)
        self.assertEqual(reply.headers.get('connection'), 'close')
        openapi.check_headers(reply, repr(request))
        openapi.check_error(reply, repr(request))
        return reply

    def refuse_all(self, status, *requests):
        for request in requests:
            with self.subTest(request):
                self.refused(status, request)


class Framing(HttpCase):
    def test_content_length_twice_is_400(self):
        self.refuse_all(400, write(LENGTH, LENGTH), write(LENGTH, b'Content-Length: 0'), write(b'Content-Length: 0', LENGTH),
                        write(LENGTH, b'content-length: 3'))

    def test_content_length_with_transfer_encoding_is_400(self):
        chunked = b'e\r\n' + BODY + b'\r\n0\r\n\r\n'
        self.refuse_all(400, write(LENGTH, b'Transfer-Encoding: chunked', body=chunked),
                        write(b'Transfer-Encoding: chunked', b'Content-Length: 0', body=chunked))

    def test_transfer_encoding_other_than_chunked_is_400(self):
        for coding in b'identity', b'gzip', b'gzip, chunked', b'chunked, identity', b'chunked, chunked', b'xchunked', b'"chunked"', b'':
            with self.subTest(coding):
                self.refused(400, write(b'Transfer-Encoding: ' + coding, body=b'0\r\n\r\n'))
        self.refused(400, write(b'Transfer-Encoding: chunked', b'Transfer-Encoding: chunked', body=b'0\r\n\r\n'))

    def test_transfer_encoding_with_http_1_0_is_400(self):
        self.refused(400, write(b'Transfer-Encoding: chunked', body=b'0\r\n\r\n').replace(b'HTTP/1.1', b'HTTP/1.0', 1))

    def test_content_length_that_is_no_plain_number_is_400(self):
        for value in (b'+14', b'-1', b'0x3', b'3, 3', b' ', b'', b'1e1', b'14;', b'3 3', b'99999999999999', b'18446744073709551617'):
            with self.subTest(value):
                self.refused(400, write(b'Content-Length: ' + value))

    def test_white_space_around_a_field_value_means_nothing(self):
        with self.gateway.raw() as connection:
            for value in b'14', b' \t 14', b'14 ', b'14\t', b' \t14 \t':
                connection.send(write(b'Content-Length:' + value, b'X-A:\t b \t', b'X-B:', b'X-C: '))
                self.assertEqual(connection.reply().status, 204, value)

    def test_white_space_before_the_colon_is_400(self):
        self.refuse_all(400, write(b'Content-Length : 14'), write(b'Content-Length\t: 14'), read(b'Transfer-Encoding : chunked'),
                        read(b'X : 1'), read(host=b'Host : x'))

    def test_folded_lines_are_400(self):
        self.refuse_all(400, read(b'X-A: b', b' folded: c'), read(b'X-A: b', b'\tTransfer-Encoding: chunked'),
                        read(host=b' Host: localhost'), read(host=b'Host:\r\n x'))

    def test_bare_line_feeds_are_400(self):
        self.refuse_all(400, read().replace(b'\r\n', b'\n'), read(b'X-A: b\nX-C: d'), read(b'X-A: b').replace(b'b\r\n', b'b\n'),
                        read().replace(b'HTTP/1.1\r\n', b'HTTP/1.1\n'), read(b'X-A: b\n'))

    def test_bare_carriage_returns_are_400(self):
        self.refuse_all(400, read(b'X-A: b\rX-C: d'), read(b'X-A: b\r'))

    def test_host_is_there_exactly_once(self):
        self.refuse_all(400, read(host=None), read(b'Host: localhost'), read(b'host: y'))
        with self.gateway.raw() as connection:
            connection.send(b'GET /healthz HTTP/1.0\r\n\r\n')
            self.assertEqual(connection.reply().status, 200)

    def test_a_host_that_is_none_is_400(self):
        self.refuse_all(400, *(read(host=b'Host: ' + value) for value in (b'', b'a b', b'http://x', b'x/y', b'x@y', b'a\tb')))

    def test_a_host_may_be_a_name_or_an_address_with_a_port(self):
        with self.gateway.raw() as connection:
            for value in b'localhost', b'a-b.example:8080', b'127.0.0.1', b'[::1]:80', b'x_y':
                connection.send(read(host=b'Host: ' + value))
                self.assertEqual(connection.reply().status, 200, value)

    def test_a_write_without_length_is_411(self):
        for method in b'POST', b'PUT', b'PATCH':
            with self.subTest(method):
                self.assertEqual(self.refused(411, write(method=method)).json['vendor_code'], 'length-required')

    def test_a_read_with_a_body_is_400(self):
        self.refuse_all(400, read(LENGTH, body=BODY), read(b'Transfer-Encoding: chunked', body=b'0\r\n\r\n'),
                        read(LENGTH, body=BODY).replace(b'GET', b'HEAD').replace(b'HEAD', b'OPTIONS'))

    def test_expect_other_than_100_continue_is_417(self):
        self.refuse_all(417, write(LENGTH, b'Expect: 200-ok'), write(LENGTH, b'Expect: 100-continue, x'))

    def test_expect_100_continue_is_answered_before_the_body(self):
        with self.gateway.raw() as connection:
            connection.send(write(LENGTH, b'Expect: 100-continue', body=b''))
            self.assertEqual(connection.reply().status, 100)
            connection.send(BODY)
            self.assertEqual(connection.reply().status, 204)

    def test_fields_that_may_come_once_are_refused_twice(self):
        self.refuse_all(400, read(b'Authorization: a', b'Authorization: b'), write(LENGTH, JSON), read(b'If-None-Match: "a"', b'If-None-Match: "b"'))

    def test_64_fields_are_431(self):
        self.refused(431, read(*(b'X-%d: 1' % i for i in range(63))))
        self.refused(431, read(*(b'X-%d: 1' % i for i in range(70)), b'Content-Length: 1'))

    def test_other_versions_are_505(self):
        for version in b'HTTP/9.9', b'HTTP/2.0', b'HTTP/1.2':
            with self.subTest(version):
                self.refused(505, read().replace(b'HTTP/1.1', version))

    def test_a_request_line_in_other_form_is_400(self):
        self.refuse_all(400, b'GET\r\nHost: localhost\r\n\r\n', b'GET /healthz\r\nHost: localhost\r\n\r\n', b'GET  /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
                        b'GET /healthz  HTTP/1.1\r\nHost: localhost\r\n\r\n', b' GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
                        b'GET /healthz HTTP/1.1 \r\nHost: localhost\r\n\r\n', b'GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n',
                        b'GET healthz HTTP/1.1\r\nHost: localhost\r\n\r\n', b'GET /healthz http/1.1\r\nHost: localhost\r\n\r\n', b'\x16\x03\x01\x02\r\n\r\n')

    def test_a_nul_byte_is_400(self):
        self.refuse_all(400, read(b'X-A: b\0c'), read().replace(b'/soc', b'/so\0c'), read(b'X\0: b'), read(host=b'Host: localhost\0'))

    def test_field_names_are_tokens(self):
        self.refuse_all(400, read(b'X A: b'), read(b': b'), read(b'X-A'), read(b'X(a): b'), read(b'X\x80: b'), read(b'X"a": b'))

    def test_broken_chunks_are_400(self):
        for body in (b'x\r\n', b'-1\r\na\r\n0\r\n\r\n', b'0x1\r\na\r\n0\r\n\r\n', b'+1\r\na\r\n0\r\n\r\n', b'1;ext=1\r\na\r\n0\r\n\r\n',
                     b'ffffffffffffffff1\r\n', b'1\r\nab\r\n0\r\n\r\n', b'e\n' + BODY + b'\n0\n\n', b' e\r\n' + BODY + b'\r\n0\r\n\r\n'):
            with self.subTest(body):
                self.refused(400, write(b'Transfer-Encoding: chunked', body=body))


class Connections(HttpCase):
    def test_a_connection_is_kept_for_many_requests(self):
        with self.gateway.raw() as connection:
            for _ in range(50):
                connection.send(read())
                reply = connection.reply()
                self.assertEqual((reply.status, reply.headers.get('connection')), (200, None))

    def test_errors_of_resources_keep_the_connection(self):
        with self.gateway.raw() as connection:
            connection.send(read().replace(b'/soc', b'/none'))
            self.assertEqual(connection.reply().status, 404)
            connection.send(write(LENGTH, body=b'{"data": 99.0}'))
            self.assertEqual(connection.reply().status, 400)
            connection.send(read())
            self.assertEqual(connection.reply().status, 200)

    def test_three_pipelined_requests_are_answered_in_order(self):
        with self.gateway.raw() as connection:
            connection.send(read() + write(LENGTH) + SMUGGLED)
            first, second, third = connection.reply(), connection.reply(), connection.reply()
        self.assertEqual((first.json['id'], second.status, 'sovd_info' in third.json), ('soc', 204, True))

    def test_a_chunked_write_may_be_followed_by_a_request(self):
        with self.gateway.raw() as connection:
            connection.send(write(b'Transfer-Encoding: chunked', body=b'7\r\n{"data"\r\n7\r\n: 20.0}\r\n0\r\n\r\n') + SMUGGLED)
            self.assertEqual(connection.reply().status, 204)
            self.assertIn('sovd_info', connection.reply().json)

    def test_a_body_that_was_not_read_closes_the_connection(self):
        self.refused(415, write(LENGTH).replace(JSON, b'Content-Type: text/plain'))
        self.refused(405, write(LENGTH, method=b'POST'))
        self.refused(404, write(LENGTH).replace(b'/climate/', b'/none/'))

    def test_connection_close_is_honoured(self):
        with self.gateway.raw() as connection:
            connection.send(read(b'Connection: close') + SMUGGLED)
            reply = connection.reply()
            self.assertEqual((reply.status, reply.headers['connection'], connection.rest()), (200, 'close', b''))

    def test_head_has_the_headers_of_get_and_no_body(self):
        path = '/components/bms/data/serial-number'
        got, reply = self.ask(200, 'GET', path), self.ask(200, 'HEAD', path)
        for name in 'content-length', 'content-type', 'etag', 'cache-control':
            self.assertEqual(reply.headers[name], got.headers[name])
        with self.gateway.raw() as connection:
            connection.send(read().replace(b'GET', b'HEAD') + SMUGGLED)
            self.assertEqual(connection.reply(bodiless=True).status, 200)
            self.assertIn('sovd_info', connection.reply().json)

    def test_http_1_0_is_answered_and_closed(self):
        for fields in (), (b'Connection: keep-alive',):
            with self.gateway.raw() as connection:
                connection.send(read(*fields).replace(b'HTTP/1.1', b'HTTP/1.0'))
                reply = connection.reply()
                self.assertEqual((reply.status, reply.headers['connection'], connection.rest()), (200, 'close', b''))

    def test_an_upgrade_is_not_taken_up(self):
        with self.gateway.raw() as connection:
            connection.send(read(b'Connection: Upgrade', b'Upgrade: websocket', b'Sec-WebSocket-Version: 13', b'Sec-WebSocket-Key: YWJjZGVmZ2hpamtsbW5vcA=='))
            self.assertEqual((connection.reply().status, connection.rest()), (200, b''))

    def test_one_empty_line_before_a_request_is_passed_over(self):
        with self.gateway.raw() as connection:
            connection.send(b'\r\n' + read())
            self.assertEqual(connection.reply().status, 200)

    def test_a_client_that_goes_away_in_the_middle_harms_nobody(self):
        for part in b'G', b'GET / HTTP/1.1\r\nHost', read()[:-2], write(LENGTH)[:-5]:
            with self.gateway.raw() as connection:
                connection.send(part)
        self.assertEqual(self.get('/components/bms/data/soc')['id'], 'soc')


if __name__ == '__main__':
    unittest.main()
