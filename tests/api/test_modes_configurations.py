# SPDX-License-Identifier: Apache-2.0
"""Modes and configurations of an entity through the gateway."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

SESSION = '/components/bms/modes/session'
BALANCING = '/components/bms/configurations/cell-balancing'
UNIT = '/components/climate/configurations/display-unit'


class Modes(gateway.GatewayCase):
    def test_the_modes_of_a_component_are_listed(self):
        for name in 'bms', 'climate':
            self.assertEqual([item['id'] for item in self.get(f'/components/{name}/modes')['items']], ['session'])

    def test_a_mode_is_set_and_read(self):
        for value in 'extended', 'programming', 'default':
            answer = self.ask(200, 'PUT', SESSION, {'value': value, 'mode_expiration': 3600}).json
            self.assertEqual(answer, {'id': 'session', 'value': value})
            self.assertEqual(self.get(SESSION)['value'], value)

    def test_the_mode_of_one_component_is_not_that_of_another(self):
        self.ask(200, 'PUT', SESSION, {'value': 'extended', 'mode_expiration': 3600})
        self.assertEqual(self.get('/components/climate/modes/session')['value'], 'default')

    def test_an_expired_mode_falls_back_to_the_default(self):
        self.ask(200, 'PUT', SESSION, {'value': 'programming', 'mode_expiration': 1})
        self.until(lambda: self.get(SESSION)['value'] == 'default')

    def test_mode_expiration_may_be_missing(self):
        self.ask(200, 'PUT', SESSION, {'value': 'extended'})

    def test_odd_modes_are_refused(self):
        for body in ({'value': 'sport', 'mode_expiration': 1}, {'mode_expiration': 1}, {}, {'value': None}, {'value': 3, 'mode_expiration': 1},
                     {'value': 'extended', 'mode_expiration': 'soon'}, {'value': 'extended', 'mode_expiration': -1},
                     {'value': 'extended', 'mode_expiration': 1.5}):
            with self.subTest(body):
                self.assertEqual(self.ask(400, 'PUT', SESSION, body).json['error_code'], 'incomplete-request')

    def test_a_missing_value_is_named(self):
        self.assertEqual(self.ask(400, 'PUT', SESSION, {'mode_expiration': 1}).json['path'], '/value')

    def test_an_unknown_mode_is_404(self):
        self.ask(404, 'GET', '/components/bms/modes/none')
        self.ask(404, 'PUT', '/components/bms/modes/none', {'value': 'x', 'mode_expiration': 1})

    def test_include_schema_is_offered(self):
        for path in '/components/bms/modes', SESSION:
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')

    def test_if_match_sets_only_the_version_it_names(self):
        self.ask(200, 'PUT', SESSION, {'value': 'default'})
        tag = self.ask(200, 'GET', SESSION).headers['etag']
        self.ask(200, 'PUT', SESSION, {'value': 'extended', 'mode_expiration': 60}, {'If-Match': tag})
        self.ask(412, 'PUT', SESSION, {'value': 'programming', 'mode_expiration': 60}, {'If-Match': tag})
        self.assertEqual(self.get(SESSION)['value'], 'extended')


class Configurations(gateway.GatewayCase):
    def test_configurations_are_listed_with_their_type(self):
        for path, name in (BALANCING, 'cell-balancing'), (UNIT, 'display-unit'):
            items = self.get(path.rsplit('/', 1)[0])['items']
            self.assertEqual([(item['id'], item['type']) for item in items], [(name, 'parameter')])

    def test_a_configuration_is_written_and_read_whole(self):
        for value in {'enabled': False, 'threshold_mv': 50}, {'enabled': True, 'threshold_mv': 5}:
            self.ask(204, 'PUT', BALANCING, {'data': value})
            self.assertEqual(self.get(BALANCING), {'id': 'cell-balancing', 'data': value})

    def test_a_write_with_value_is_the_same(self):
        self.ask(204, 'PUT', UNIT, {'value': 'fahrenheit'})
        self.assertEqual(self.get(UNIT)['data'], 'fahrenheit')

    def test_a_refused_member_is_named_below_the_word_that_was_sent(self):
        bad = {'enabled': True, 'threshold_mv': 4}
        inside = self.ecu.request('PUT', BALANCING, {'data': bad}).json['path'].removeprefix('/data')
        self.assertTrue(inside)
        for word in 'data', 'value':
            self.assertEqual(self.ask(400, 'PUT', BALANCING, {word: bad}).json['path'], f'/{word}{inside}')

    def test_odd_values_are_refused(self):
        for body in ({'data': 'on'}, {'data': {'enabled': 1, 'threshold_mv': 10}}, {'data': {'enabled': True}}, {'data': []}, {},
                     {'data': 1, 'value': 1}):
            with self.subTest(body):
                self.ask(400, 'PUT', BALANCING, body)

    def test_an_unknown_configuration_is_404(self):
        path = '/components/bms/configurations/none'
        self.assertEqual(self.ask(404, 'GET', path).json['vendor_code'], 'resource-not-found')
        self.assertEqual(self.ask(404, 'PUT', path, {'data': 1}).json['vendor_code'], 'resource-not-found')

    def test_if_match_writes_only_the_version_it_names(self):
        self.ask(204, 'PUT', UNIT, {'data': 'celsius'})
        tag = self.ask(200, 'GET', UNIT).headers['etag']
        self.ask(204, 'PUT', UNIT, {'data': 'fahrenheit'}, {'If-Match': tag})
        self.ask(412, 'PUT', UNIT, {'data': 'celsius'}, {'If-Match': tag})
        self.assertEqual(self.get(UNIT)['data'], 'fahrenheit')

    def test_include_schema_is_offered(self):
        for path in '/components/bms/configurations', BALANCING:
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object')


if __name__ == '__main__':
    unittest.main()
