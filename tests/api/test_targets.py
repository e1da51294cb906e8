# SPDX-License-Identifier: Apache-2.0
"""Targets of requests: each segment is decoded once, and what could mean two things is refused."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi

SOC = gateway.BASE + '/components/bms/data/soc'


class Targets(gateway.GatewayCase):
    def asked(self, target, method='GET'):
        with self.gateway.raw() as connection:
            connection.send(f'{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
            reply = connection.reply()
        if reply.status >= 400:
            openapi.check_headers(reply, target)
            openapi.check_error(reply, target)
        return reply

    def test_an_encoded_slash_is_no_separator(self):
        for target in '/components/bms%2Fdata', '/components/bms%2fdata', '/components/bms/data%2Fsoc', '/components%2Fbms':
            self.assertEqual(self.asked(gateway.BASE + target).status, 404, target)
        self.assertEqual(self.asked('/sovd%2Fv1/components').status, 404)

    def test_dot_segments_and_empty_segments_are_400(self):
        for target in ('/components/../components', '/components/.', '/components/%2e%2e/components', '/components/bms/%2E', '//components',
                       '/components//bms', '/components/bms/..', '/../sovd/v1/components', '/components/bms//'):
            self.assertEqual(self.asked(gateway.BASE + target).status, 400, target)

    def test_what_only_looks_like_dots_is_an_id(self):
        for target in '/components/...', '/components/..a', '/components/.bms', '/components/bms.', '/components/bms/..%2F':
            self.assertEqual(self.asked(gateway.BASE + target).status, 404, target)

    def test_bad_percent_encoding_is_400(self):
        for target in '/%', '/%z', '/%zz', '/components/bm%7', '/components?x=%', '/components?%zz=1', '/components/%-1', '/components/%+7':
            self.assertEqual(self.asked(gateway.BASE + target).status, 400, target)

    def test_nul_and_control_characters_are_400(self):
        for text in '%00', '%0a', '%0d%0aX:%20y', '%1f', '%7f', '%09':
            for target in f'/components/bms{text}', f'/components/bms/data/soc{text}', f'/components?x={text}', f'/components?{text}=x':
                self.assertEqual(self.asked(gateway.BASE + target).status, 400, target)

    def test_overlong_and_broken_utf_8_is_400(self):
        for text in '%c0%ae%c0%ae', '%c0%af', '%ff', '%e0%80%af', '%ed%a0%80', '%f4%90%80%80', '%80', '%e2%82':
            for target in f'/components/{text}', f'/components?x={text}':
                self.assertEqual(self.asked(gateway.BASE + target).status, 400, target)

    def test_other_bytes_in_the_target_are_400(self):
        for text in '\x01', '\x7f', '\xff', '\xc0\xae':
            self.assertEqual(self.asked(f'{gateway.BASE}/components/bms{text}').status, 400, repr(text))

    def test_an_absolute_target_is_served_for_this_server_and_421_for_another(self):
        own = f'127.0.0.1:{self.gateway.port}'
        self.assertEqual(self.asked(f'http://{own}{SOC}').json['id'], 'soc')
        self.assertEqual(self.asked('http://other.example/healthz').status, 421)
        self.assertEqual(self.asked(f'http://{own}/sovd/v1/components/../x').status, 400)

    def test_targets_that_name_no_resource_are_400(self):
        for target in '*', '127.0.0.1:80', 'healthz', '?a':
            self.assertEqual(self.asked(target).status, 400, target)
            self.assertEqual(self.asked(target, 'OPTIONS').status, 400, target)

    def test_an_unknown_method_is_400(self):
        for method in 'BREW', 'get', 'TRACE':
            self.assertEqual(self.asked(SOC, method).status, 400, method)

    def test_a_backslash_is_no_separator(self):
        self.assertEqual(self.asked(gateway.BASE + '/components\\bms').status, 404)
        self.assertEqual(self.asked(gateway.BASE + '/components%5Cbms').status, 404)


if __name__ == '__main__':
    unittest.main()
