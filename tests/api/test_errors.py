# SPDX-License-Identifier: Apache-2.0
"""What the gateway refuses, and that each refusal has its status, its GenericError and its headers."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi

MIB = 1024 * 1024
BMS = '/components/bms'
TARGET = '/components/climate/data/target-temp'


class ErrorCase(gateway.GatewayCase):
    def raw(self, request):
        """The judged answer to bytes; the connection has to be closed behind it."""
        with self.gateway.raw() as connection:
            connection.send_what_is_taken(request)
            reply = connection.reply()
            self.assertEqual(connection.rest(), b'')
        openapi.check_headers(reply, repr(request[:60]))
        openapi.check_error(reply, repr(request[:60]))
        return reply

    def head(self, *fields, line='GET /healthz HTTP/1.1'):
        return '\r\n'.join((line, 'Host: localhost', *fields, '', '')).encode('latin-1')


class Paths(ErrorCase):
    def test_an_unknown_entity_is_404_entity_not_found(self):
        for path in ('/components/nope', '/components/nope/data', '/components/nope/data/soc', '/areas/nope', '/apps/bms',
                     '/functions/bms/data', '/components/nope/docs', '/components/bms/subcomponents/climate/data'):
            with self.subTest(path):
                self.assertEqual(self.ask(404, 'GET', path).json['vendor_code'], 'entity-not-found')

    def test_a_path_that_leads_nowhere_is_404_resource_not_found(self):
        for path in ('//', '//sovd', '//sovd/v2/components', '/nope', '/nope/docs', BMS + '/nope', BMS + '/data/soc/x', BMS + '/lock',
                     '//components', BMS + '/contains', '/areas/body/hosts', BMS + '/data/docs/docs/docs', '//docs'):
            with self.subTest(path):
                self.assertEqual(self.ask(404, 'GET', path).json['vendor_code'], 'resource-not-found')

    def test_a_collection_that_the_entity_does_not_offer_is_404(self):
        for word in 'data', 'faults', 'operations', 'modes', 'configurations':
            self.assertEqual(self.ask(404, 'GET', '/areas/body/' + word).json['vendor_code'], 'resource-not-found')

    def test_a_trailing_slash_changes_nothing(self):
        self.assertEqual(self.get('/components/'), self.get('/components'))
        self.assertEqual(self.get('/'), self.get(''))

    def test_an_unoffered_method_is_405_with_all_that_is_offered(self):
        for method, path, allow in (
                ('POST', '/components', 'GET, HEAD'), ('DELETE', BMS, 'GET, HEAD'), ('POST', BMS + '/data/soc', 'GET, HEAD, PUT'),
                ('DELETE', BMS + '/data/soc', 'GET, HEAD, PUT'), ('PUT', BMS + '/data', 'GET, HEAD'),
                ('POST', BMS + '/faults', 'GET, HEAD, DELETE'), ('PUT', BMS + '/faults/P0A80', 'GET, HEAD, DELETE'),
                ('DELETE', BMS + '/operations/self-test/executions', 'GET, HEAD, POST'),
                ('POST', BMS + '/operations/self-test/executions/1', 'GET, HEAD, PUT, DELETE'),
                ('PATCH', BMS + '/data/soc', 'GET, HEAD, PUT'), ('OPTIONS', BMS + '/data/soc', 'GET, HEAD, PUT'),
                ('POST', '/docs', 'GET, HEAD'), ('POST', BMS + '/data/soc/docs', 'GET, HEAD'), ('PUT', '//healthz', 'GET, HEAD'),
                ('POST', '//openapi.json', 'GET, HEAD'), ('POST', '//sovd/version-info', 'GET, HEAD')):
            with self.subTest(f'{method} {path}'):
                reply = self.ask(405, method, path)
                self.assertEqual((reply.headers['allow'], reply.json['vendor_code']), (allow, 'method-not-allowed'))

    def test_head_is_refused_as_get_is_but_without_body(self):
        reply = self.ask(404, 'HEAD', '/components/nope')
        self.assertEqual(reply.body, b'')
        self.assertGreater(int(reply.headers['content-length']), 0)

    def test_odata_options_are_501_as_they_would_change_the_answer(self):
        for option in '$filter=a%20eq%201', '$top=1', '$', '%24select=id':
            error = self.ask(501, 'GET', f'{BMS}/data?{option}').json
            self.assertEqual(error['vendor_code'], 'not-implemented')


class Sizes(ErrorCase):
    def padded(self, size):
        """A good body of that many bytes."""
        return b'{"data": 20.0' + b' ' * (size - 14) + b'}'

    def chunked(self, body):
        size = 65536
        parts = (body[start:start + size] for start in range(0, len(body), size))
        return b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in parts) + b'0\r\n\r\n'

    def head_of_write(self, *fields):
        return self.head('Content-Type: application/json', *fields, line=f'PUT {gateway.BASE}{TARGET} HTTP/1.1')

    def test_a_body_of_one_mebibyte_is_read(self):
        self.ask(204, 'PUT', TARGET, self.padded(MIB))
        with self.gateway.raw() as connection:
            connection.send(self.head_of_write('Transfer-Encoding: chunked') + self.chunked(self.padded(MIB)))
            self.assertEqual(connection.reply().status, 204)

    def test_a_body_of_one_byte_more_is_413_and_closes(self):
        reply = self.raw(self.head_of_write(f'Content-Length: {MIB + 1}') + self.padded(MIB + 1))
        self.assertEqual((reply.status, reply.json['vendor_code']), (413, 'payload-too-large'))

    def test_a_chunked_body_of_one_byte_more_is_413_and_closes(self):
        reply = self.raw(self.head_of_write('Transfer-Encoding: chunked') + self.chunked(self.padded(MIB + 1)))
        self.assertEqual((reply.status, reply.json['vendor_code']), (413, 'payload-too-large'))

    def test_413_is_answered_before_the_body_is_sent(self):
        reply = self.raw(self.head_of_write('Content-Length: 9999999999'))
        self.assertEqual(reply.status, 413)

    def test_a_request_line_over_the_limit_is_414(self):
        reply = self.raw(self.head(line=f'GET /{"a" * 20000} HTTP/1.1'))
        self.assertEqual((reply.status, reply.json['vendor_code']), (414, 'uri-too-long'))

    def test_a_path_with_too_many_segments_is_414(self):
        reply = self.gateway.bare('GET', '/sovd/v1' + '/a' * 64)
        self.assertEqual(reply.status, 414)
        openapi.check_error(reply, 'many segments')

    def test_fields_over_the_limit_are_431(self):
        reply = self.raw(self.head('X-Long: ' + 'a' * 20000))
        self.assertEqual((reply.status, reply.json['vendor_code']), (431, 'header-too-large'))

    def test_63_fields_are_read_and_64_are_431(self):
        with self.gateway.raw() as connection:
            connection.send(self.head(*(f'X-{i}: a' for i in range(62))))
            self.assertEqual(connection.reply().status, 200)
        for count in 63, 64, 200:
            reply = self.raw(self.head(*(f'X-{i}: a' for i in range(count))))
            self.assertEqual((reply.status, reply.json['vendor_code']), (431, 'header-too-large'))

    def test_a_query_parameter_with_one_value_that_stands_there_twice_is_400(self):
        for path in ('/components/bms/faults?severity=1&severity=3', '/components/bms/faults?scope=a&limit=2&scope=a', '/components/bms?include-schema=true&include-schema=false'):
            with self.subTest(path):
                reply = self.gateway.get(path)
                self.assertEqual(reply.status, 400, reply)
                self.assertIn('stands there twice', reply.json['message'])
        self.assertEqual(self.gateway.get('/components/bms/faults?tags=a&tags=b&status[testFailed]=1&status[testFailed]=0').status, 200)

    def test_more_than_32_query_parameters_are_400(self):
        self.ask(200, 'GET', BMS + '?' + '&'.join(f'a{i}=1' for i in range(32)))
        self.ask(400, 'GET', BMS + '?' + '&'.join(f'a{i}=1' for i in range(33)))


class Accept(ErrorCase):
    def status(self, accept, path='/components'):
        return self.gateway.get(path, headers={'Accept': accept}).status

    def test_what_the_client_takes_is_sent(self):
        for accept in ('application/json', '*/*', 'application/*', 'text/html, application/json;q=0.5', 'APPLICATION/JSON',
                       'text/html,*/*;q=0.1'):
            with self.subTest(accept):
                self.assertEqual(self.status(accept), 200)

    def test_what_the_client_does_not_take_is_406(self):
        for accept in ('text/html', 'application/xml', 'application/json;q=0', 'text/*', 'text/event-stream'):
            with self.subTest(accept):
                self.assertEqual(self.status(accept), 406)


class Bodies(ErrorCase):
    def write(self, status, body, content_type='application/json'):
        return self.ask(status, 'PUT', TARGET, body, {'Content-Type': content_type} if content_type else {})

    def test_other_media_types_are_415(self):
        for name in 'text/plain', 'application/xml', 'application/jsonx', 'application', 'json', '', 'multipart/form-data; boundary=x':
            with self.subTest(name):
                self.assertEqual(self.write(415, b'{"data": 20.0}', name or ' ').json['vendor_code'], 'unsupported-media-type')

    def test_a_body_without_media_type_is_415(self):
        body = b'{"data": 20.0}'
        with self.gateway.raw() as connection:
            connection.send(self.head(f'Content-Length: {len(body)}', line=f'PUT {gateway.BASE}{TARGET} HTTP/1.1') + body)
            self.assertEqual(connection.reply().status, 415)

    def test_json_media_types_are_read_in_any_case_and_with_parameters(self):
        for name in 'Application/JSON', 'application/json;charset=utf-8', 'application/json ; charset="utf-8"', 'application/x.y+json':
            self.write(204, b'{"data": 20.0}', name)

    def test_malformed_json_is_400_with_the_place(self):
        for body in (b'{', b'}', b'{"data": 20.0', b'{"data": 20.0}}', b'{"data": 20.0} x', b'{"data": 20.0,}', b'{,}', b'{"data" 20.0}',
                     b"{'data': 20.0}", b'{data: 20.0}', b'{"data": 020.0}', b'{"data": +20}', b'{"data": .5}', b'{"data": 20.}',
                     b'{"data": 2e}', b'{"data": 0x14}', b'{"data": NaN}', b'{"data": Infinity}', b'{"data": tru}', b'{"data": True}',
                     b'{"data": -}', b'{"data": "a\nb"}', b'{"data": "a\x00b"}', b'{"data": "\\x41"}', b'{"data": "\\u12"}',
                     b'{"data": "\\u0000"}', b'{"data": "\\ud800"}', b'{"data": "\\udc00\\ud800"}', b'{"data": "}',
                     b'\xef\xbb\xbf{"data": 20.0}', '{"data": 20.0}'.encode('utf-16'), b'{"data": 20.0}\x00', b'/* */ {"data": 20.0}',
                     b'{"data": 20.0} // x', b'{"data": [1,]}', b'{"data": [1 2]}', b'{"data": [1}}', b'   '):
            with self.subTest(body):
                error = self.write(400, body).json
                self.assertEqual((error['error_code'], error['path']), ('incomplete-request', ''))
                self.assertIn('byte', error['message'])

    def test_bad_utf_8_is_400(self):
        for text in b'\xff', b'\xc0\xaf', b'\xe2\x82', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\x80', b'\xf8\x88\x80\x80\x80':
            with self.subTest(text):
                self.assertIn('byte', self.write(400, b'{"data": "' + text + b'"}').json['message'])

    def test_duplicate_members_are_400(self):
        for body in b'{"data":1,"data":2}', b'{"data":1,"d\\u0061ta":2}', b'{"data":{"a":1,"a":1}}', b'{"x":[{"b":1,"b":2}],"data":20.0}':
            self.assertEqual(self.write(400, body).json['path'], '')

    def test_nesting_of_32_is_read_and_33_is_400(self):
        deep = b'{"data": 20.0, "x": ' + b'[' * 31 + b']' * 31 + b'}'
        self.write(204, deep)
        error = self.write(400, deep.replace(b'[]', b'[[]]')).json
        self.assertEqual(error['path'], '')
        self.write(400, b'{"data": ' + b'[' * 100000 + b']' * 100000 + b'}')

    def test_json_that_is_no_object_is_400(self):
        for body in b'[]', b'[{"data": 20.0}]', b'"data"', b'20.0', b'null', b'true':
            self.write(400, body)

    def test_no_body_is_400_where_one_is_needed(self):
        self.write(400, b'')
        with self.gateway.raw() as connection:
            connection.send(self.head('Content-Length: 0', line=f'PUT {gateway.BASE}{TARGET} HTTP/1.1'))
            self.assertEqual(connection.reply().status, 400)

    def test_numbers_beyond_a_double_are_refused(self):
        for text in b'1e400', b'-1e999':
            self.write(400, b'{"data": ' + text + b'}')

    def test_a_refused_body_reaches_no_ecu(self):
        self.ecu.reset_stats()
        self.write(400, b'{"data": 20.0')
        self.write(415, b'{"data": 20.0}', 'text/plain')
        self.assertEqual(self.ecu.stats()['classes']['data'], 0)


class RequestIds(ErrorCase):
    def sent(self, value, path='/components'):
        return self.gateway.get(path, {'X-Request-Id': value}).headers['x-request-id']

    def test_a_clean_request_id_comes_back(self):
        for value in 'a', 'abc-123_X.Y', '0' * 36, '123e4567-e89b-12d3-a456-426614174000':
            self.assertEqual(self.sent(value), value)
            self.assertEqual(self.sent(value, '/components/nope'), value)

    def test_any_other_request_id_is_replaced(self):
        for value in '', 'a b', 'a/b', '<script>', '0' * 37, 'ä', '"a"', 'a,b':
            self.assertRegex(self.sent(value), '^[0-9a-f]{32}$')

    def test_without_one_each_request_gets_its_own(self):
        ids = [self.gateway.get('/components').headers['x-request-id'] for _ in range(5)]
        self.assertEqual(len(set(ids)), 5)
        for value in ids:
            self.assertTrue(re.fullmatch('[0-9a-f]{32}', value), value)

    def test_refusals_of_the_http_layer_have_one_too(self):
        self.assertRegex(self.raw(b'nonsense\r\n\r\n').headers['x-request-id'], '^[0-9a-f]{32}$')
        self.assertEqual(self.raw(self.head('X-Request-Id: mine', 'Content-Length: 1', 'Content-Length: 1')).headers['x-request-id'], 'mine')


if __name__ == '__main__':
    unittest.main()
