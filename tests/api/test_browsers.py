# SPDX-License-Identifier: Apache-2.0
"""What browsers are told: the headers of every answer, and which pages of other origins may use the gateway."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi

PAGE = 'https://tester.example:8443'
FOREIGN = ('https://tester.example', 'http://tester.example:8443', 'https://tester.example:84430', 'https://xtester.example:8443',
           'https://tester.example:8443.evil.example', 'https://TESTER.example:8443', 'https://tester.example:8443/', 'null', '*', '', 'x')
DATA = '/components/climate/data/target-temp'
BODY = {'data': 20.0}


def asks(method, origin=PAGE):
    return {'Origin': origin, 'Access-Control-Request-Method': method, 'Access-Control-Request-Headers': 'content-type'}


class BrowserCase(gateway.GatewayCase):
    def granted(self, reply):
        return {name: value for name, value in reply.headers.items() if name.startswith('access-control-')}


class Everywhere(BrowserCase):
    def test_every_kind_of_answer_has_the_headers(self):
        for method, path in (('GET', DATA), ('GET', '/nowhere'), ('DELETE', DATA), ('HEAD', DATA), ('GET', '//healthz'), ('GET', '//metrics'),
                             ('GET', '//openapi.json'), ('OPTIONS', DATA)):
            with self.subTest(f'{method} {path}'):
                openapi.check_headers(self.gateway.bare(method, self.gateway.full(path)), path)
        etag = self.ask(200, 'GET', DATA).headers['etag']
        openapi.check_headers(self.ask(304, 'GET', DATA, headers={'If-None-Match': etag}), '304')

    def test_refusals_of_the_http_layer_have_them(self):
        for request in b'nonsense\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'GET * HTTP/1.1\r\nHost: localhost\r\n\r\n', b'GET / HTTP/9.9\r\nHost: localhost\r\n\r\n':
            with self.subTest(request), self.gateway.raw() as raw:
                raw.send(request)
                openapi.check_headers(raw.reply(), repr(request))

    def test_event_streams_have_them(self):
        with self.gateway.raw() as raw:
            raw.send(f'GET {gateway.BASE}/components/bms/faults/subscribe HTTP/1.1\r\nHost: localhost\r\n\r\n')
            openapi.check_headers(raw.reply(bodiless=True), 'stream')

    def test_answers_with_a_version_are_kept_by_the_client_alone_and_checked_each_time(self):
        self.assertEqual(self.ask(200, 'GET', DATA).headers['cache-control'], 'private, no-cache')
        self.assertEqual(self.ask(404, 'GET', '/nowhere').headers['cache-control'], 'no-store')
        self.assertEqual(self.ask(204, 'PUT', DATA, BODY).headers['cache-control'], 'no-store')

    def test_plain_http_says_nothing_of_tls(self):
        self.assertNotIn('strict-transport-security', self.ask(200, 'GET', DATA).headers)

    def test_without_configuration_no_page_is_allowed_and_none_may_change_anything(self):
        reply = self.ask(200, 'GET', DATA, headers={'Origin': PAGE})
        self.assertEqual(self.granted(reply), {})
        self.assertNotIn('vary', reply.headers)
        reply = self.gateway.bare('OPTIONS', self.gateway.full(DATA), headers=asks('PUT'))
        self.assertEqual((reply.status, self.granted(reply)), (405, {}))
        self.assertIn('server.cors.origins', self.ask(403, 'PUT', DATA, BODY, {'Origin': PAGE}).json['message'])

    def test_a_page_of_the_gateway_itself_may_change_what_its_client_may(self):
        own = f'http://{self.gateway.host}:{self.gateway.port}'
        self.ask(204, 'PUT', DATA, BODY, {'Origin': own})
        for origin in own.replace('http', 'https'), own + '0', 'http://' + self.gateway.host, 'null', own + '/':
            self.ask(403, 'PUT', DATA, BODY, {'Origin': origin})


class Cors(BrowserCase):
    sections = {'server': {'cors': {'origins': ['http://localhost:3000', PAGE]}}}

    def test_a_page_of_a_named_origin_may_read_and_change(self):
        for origin in PAGE, 'http://localhost:3000':
            for reply in self.ask(200, 'GET', DATA, headers={'Origin': origin}), self.ask(204, 'PUT', DATA, BODY, {'Origin': origin}):
                self.assertEqual(reply.headers['access-control-allow-origin'], origin)
                self.assertEqual(reply.headers['vary'], 'Origin')
                self.assertIn('Location', reply.headers['access-control-expose-headers'])
                self.assertNotIn('access-control-allow-credentials', reply.headers)

    def test_it_may_read_why_it_was_refused(self):
        for status, path in (404, '/nowhere'), (400, '/components/%zz'), (401, DATA):
            headers = {'Origin': PAGE, **({'Authorization': 'Bearer x'} if status == 401 else {})}
            self.assertEqual(self.ask(status, 'GET', path, headers=headers).headers['access-control-allow-origin'], PAGE)

    def test_event_streams_may_be_read(self):
        with self.gateway.raw() as raw:
            raw.send(f'GET {gateway.BASE}/components/bms/faults/subscribe HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\n\r\n')
            self.assertEqual(raw.reply(bodiless=True).headers['access-control-allow-origin'], PAGE)

    def test_no_other_origin_is_allowed_anything(self):
        for origin in FOREIGN:
            with self.subTest(origin):
                reply = self.ask(200, 'GET', DATA, headers={'Origin': origin})
                self.assertEqual((self.granted(reply), reply.headers['vary']), ({}, 'Origin'))
                reply = self.gateway.bare('OPTIONS', self.gateway.full(DATA), headers=asks('PUT', origin))
                self.assertEqual((reply.status, self.granted(reply)), (405, {}))
                self.ask(403, 'PUT', DATA, BODY, {'Origin': origin})

    def test_two_origins_are_none(self):
        with self.gateway.raw() as raw:
            raw.send(f'GET {gateway.BASE}{DATA} HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nOrigin: {PAGE}\r\n\r\n')
            self.assertEqual(self.granted(raw.reply()), {})

    def test_a_preflight_is_answered_from_the_route_table(self):
        for path, methods in ((DATA, 'GET, HEAD, PUT'), ('/components/bms/locks', 'GET, HEAD, POST'), (DATA + '/docs', 'GET, HEAD'),
                              ('/components/there-is-no-such-one/data/x', 'GET, HEAD, PUT'), ('//healthz', 'GET, HEAD')):
            with self.subTest(path):
                reply = self.gateway.bare('OPTIONS', self.gateway.full(path), headers=asks('PUT'))
                self.assertEqual((reply.status, reply.body), (204, b''))
                openapi.check_headers(reply, path)
                self.assertEqual(reply.headers['access-control-allow-origin'], PAGE)
                self.assertEqual(reply.headers['access-control-allow-methods'], methods)
                self.assertIn('Authorization', reply.headers['access-control-allow-headers'])
                self.assertEqual(reply.headers['access-control-max-age'], '600')
                self.assertEqual(reply.headers['vary'], 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers')

    def test_options_that_are_no_preflight_are_answered_as_before(self):
        for headers in {}, {'Origin': PAGE}, {'Access-Control-Request-Method': 'PUT'}:
            reply = self.gateway.bare('OPTIONS', self.gateway.full(DATA), headers=headers)
            self.assertEqual((reply.status, reply.headers['allow']), (405, 'GET, HEAD, PUT'))
        self.assertEqual(self.gateway.bare('OPTIONS', self.gateway.full('/nowhere'), headers=asks('PUT')).status, 404)

    def test_no_header_is_a_wildcard(self):
        for method, headers in ('GET', {'Origin': PAGE}), ('OPTIONS', asks('PUT')):
            reply = self.gateway.bare(method, self.gateway.full(DATA), headers=headers)
            self.assertNotIn('*', ''.join(self.granted(reply).values()))


class Credentials(BrowserCase):
    sections = {'server': {'cors': {'origins': [PAGE], 'credentials': True, 'max_age_secs': 5}}}

    def test_credentials_are_allowed_when_the_configuration_says_so(self):
        self.assertEqual(self.ask(200, 'GET', DATA, headers={'Origin': PAGE}).headers['access-control-allow-credentials'], 'true')
        reply = self.gateway.bare('OPTIONS', self.gateway.full(DATA), headers=asks('PUT'))
        self.assertEqual((reply.headers['access-control-allow-credentials'], reply.headers['access-control-max-age']), ('true', '5'))
        self.assertEqual(self.granted(self.ask(200, 'GET', DATA)), {})


class Configuration(unittest.TestCase):
    def test_only_exact_origins_are_accepted(self):
        for origin in ('*', 'null', 'https://*.example', 'https://a.example/', 'https://a.example/x', 'a.example', '//a.example', 'https://',
                       'https://A.example', 'https://a.example:443', 'http://a.example:80', 'https://u@a.example', 'https://a.example:99999'):
            with self.subTest(origin), tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
                file.write(f'server: {{cors: {{origins: [https://ok.example, "{origin}"]}}}}')
                file.flush()
                status, _, errors = gateway.run('--check-config', '--config', file.name)
                self.assertEqual(status, 2)
                self.assertIn('server.cors.origins[1]', errors)


if __name__ == '__main__':
    unittest.main()
