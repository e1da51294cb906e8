# SPDX-License-Identifier: Apache-2.0
"""Requests that look harmless and must not do more, or less, than they say."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

BMS = '/components/bms'
TARGET = '/components/climate/data/target-temp'


class Precise(gateway.GatewayCase):
    def test_an_empty_fault_code_clears_nothing(self):
        before = self.ask(200, 'GET', BMS + '/faults').json['items']
        self.assertTrue(before)
        self.ask(404, 'DELETE', BMS + '/faults/')
        self.assertEqual(self.ask(200, 'GET', BMS + '/faults').json['items'], before)

    def test_a_comma_inside_a_tag_is_no_wildcard(self):
        body = {'data': 22.0}
        for tag in '"a,*"', '"x", *', '*, "x"':
            with self.subTest(tag):
                reply = self.gateway.put(TARGET, body, headers={'If-Match': tag})
                self.assertEqual(reply.status, 412)
        self.assertEqual(self.gateway.get(BMS + '/data/serial-number', headers={'If-None-Match': '"x,*"'}).status, 200)

    def test_if_none_match_on_a_write_is_refused_and_not_ignored(self):
        self.assertEqual(self.gateway.put(TARGET, {'data': 22.0}, headers={'If-None-Match': '*'}).status, 501)

    def test_quality_counts_in_any_case_and_only_as_a_parameter(self):
        for accept, status in (('application/json;Q=0', 406), ('application/json;seq=0', 200), ('application/json;q=0, */*', 406),
                               ('*/*;q=0, application/json', 200), ('application/json;q=0.1', 200)):
            with self.subTest(accept):
                self.assertEqual(self.gateway.get('/components', headers={'Accept': accept}).status, status)

    def test_a_write_without_an_answer_needs_no_accept(self):
        self.assertEqual(self.gateway.put(TARGET, {'data': 22.0}, headers={'Accept': 'text/plain'}).status, 204)

    def test_the_schema_of_one_answer_is_not_kept_for_the_next(self):
        started = self.ask(202, 'POST', BMS + '/operations/self-test/executions', {'parameters': {'mode': 'quick'}})
        path = BMS + '/operations/self-test/executions/' + started.json['id']
        self.until(lambda: self.ask(200, 'GET', path + '?include-schema=true').json['status'] != 'running')
        self.assertNotIn('schema', self.ask(200, 'GET', path).json)


if __name__ == '__main__':
    unittest.main()
