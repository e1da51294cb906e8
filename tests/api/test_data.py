# SPDX-License-Identifier: Apache-2.0
"""Data of an entity through the gateway: lists, reads, writes, versions."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

BMS, CLIMATE = '/components/bms/data', '/components/climate/data'
TARGET = CLIMATE + '/target-temp'


class DataCase(gateway.GatewayCase):
    def spelled(self, path):
        """The value as it is spelled in the answer."""
        return re.search(rb'"data":(\[.*\]|\{.*\}|"[^"]*"|[^,}]*)', self.ask(200, 'GET', path).body)[1].decode()


class Lists(DataCase):
    def ids(self, path):
        return [item['id'] for item in self.get(path)['items']]

    def test_the_list_has_id_name_category_and_groups_of_every_value(self):
        items = self.get(BMS)['items']
        self.assertEqual(len(items), 6)
        self.assertEqual(items[0], {'id': 'soc', 'name': 'State of Charge', 'category': 'currentData', 'groups': ['battery-pack']})
        self.assertEqual(self.ids(CLIMATE), ['cabin-temp', 'target-temp', 'fan-speed'])

    def test_category_and_categories_filter_and_several_of_them_are_ored(self):
        for word in 'category', 'categories':
            self.assertEqual(self.ids(f'{BMS}?{word}=identData'), ['serial-number'])
            self.assertEqual(self.ids(f'{BMS}?{word}=identData&{word}=storedData'), ['energy-throughput-mws', 'serial-number'])
            self.assertEqual(self.ids(f'{BMS}?{word}=none'), [])
        self.assertEqual(self.ids(f'{BMS}?category=identData&categories=storedData'), ['energy-throughput-mws', 'serial-number'])

    def test_groups_filter_and_go_together_with_the_category(self):
        self.assertEqual(self.ids(BMS + '?groups=battery-cells'), ['cell-temp-max'])
        self.assertEqual(self.ids(BMS + '?groups=battery-cells&groups=battery-life'), ['cell-temp-max', 'energy-throughput-mws'])
        self.assertEqual(self.ids(BMS + '?groups=battery-cells&category=identData'), [])
        self.assertEqual(self.ids(BMS + '?groups=none'), [])

    def test_tags_filter_leaves_nothing_as_no_value_has_tags(self):
        self.assertEqual(self.ids(BMS + '?tags=any'), [])

    def test_unknown_query_parameters_are_ignored(self):
        self.assertEqual(len(self.ids(BMS + '?colour=red&x=')), 6)

    def test_include_schema_describes_the_list(self):
        schema = self.get(BMS + '?include-schema=true')['schema']
        self.assertEqual(schema['type'], 'object')
        self.assertIn('id', schema['properties']['items']['items']['properties'])
        self.assertNotIn('schema', self.get(BMS + '?include-schema=false'))
        self.assertNotIn('schema', self.get(BMS))

    def test_include_schema_is_true_or_false(self):
        for word in 'maybe', 'True', '1', '':
            reply = self.ask(400, 'GET', f'{BMS}?include-schema={word}')
            self.assertIn('include-schema', reply.json['message'])


class Reads(DataCase):
    def test_a_read_has_id_and_data(self):
        self.assertEqual(self.get(BMS + '/serial-number'), {'id': 'serial-number', 'data': 'BMS-0001-4711'})

    def test_a_whole_float_keeps_its_decimal(self):
        self.ecu.set(component='bms', data='cell-temp-max', value=23, hold=True)
        self.assertEqual(self.spelled(BMS + '/cell-temp-max'), '23.0')

    def test_integers_beyond_2_to_53_keep_every_digit(self):
        for value in 9007199254740993, 9223372036854775807:
            self.ecu.set(component='bms', data='energy-throughput-mws', value=value, hold=True)
            self.assertEqual(self.spelled(BMS + '/energy-throughput-mws'), str(value))

    def test_the_schema_of_the_backend_comes_with_the_value(self):
        schema = self.get(TARGET + '?include-schema=true')['schema']
        self.assertEqual(schema['properties']['data'], {
            'type': 'number', 'minimum': 16, 'maximum': 28,
            'x-sovd-unit': {'display_name': '°C', 'factor_si_to_unit': 1, 'offset_si_to_unit': -273.15}})

    def test_an_unknown_value_is_404_and_names_what_is_missing(self):
        error = self.ask(404, 'GET', BMS + '/none').json
        self.assertEqual(error['vendor_code'], 'resource-not-found')
        self.assertIn('none', error['message'])

    def test_ids_are_case_sensitive(self):
        self.ask(404, 'GET', BMS + '/SOC')
        self.ask(404, 'GET', '/components/BMS/data/soc')

    def test_ids_may_be_percent_encoded(self):
        self.assertEqual(self.get('/components/%62ms/data/so%63')['id'], 'soc')

    def test_the_query_does_not_reach_another_value(self):
        self.assertEqual(self.get(BMS + '/soc?x=/../voltage')['id'], 'soc')


class Writes(DataCase):
    def test_a_write_with_data_is_read_back(self):
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': 5})
        self.assertEqual(self.get(CLIMATE + '/fan-speed')['data'], 5)

    def test_a_write_with_value_is_the_same(self):
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'value': 6})
        self.assertEqual(self.get(CLIMATE + '/fan-speed')['data'], 6)

    def test_a_written_number_is_read_as_it_was_spelled(self):
        for text in '23.0', '23.50', '16', '28.0', '2.2e1', '2.25E+1':
            self.ask(204, 'PUT', TARGET, f'{{"data": {text}}}'.encode())
            self.assertEqual(self.spelled(TARGET), text)

    def test_data_and_value_together_are_refused(self):
        error = self.ask(400, 'PUT', TARGET, {'data': 20.0, 'value': 20.0}).json
        self.assertEqual((error['path'], error['error_code']), ('/value', 'incomplete-request'))

    def test_a_body_without_data_and_value_is_refused(self):
        error = self.ask(400, 'PUT', TARGET, {}).json
        self.assertEqual(error['path'], '/data')
        self.assertEqual(error['error']['error_code'], 'incomplete-request')

    def test_a_value_of_the_wrong_type_names_the_member_that_was_sent(self):
        for word in 'value', 'data':
            error = self.ask(400, 'PUT', TARGET, {word: 'hot'}).json
            self.assertEqual((error['path'], error['error']['error_code']), (f'/{word}', 'incomplete-request'))
            self.assertEqual(error['error_code'], 'incomplete-request')
            self.assertIn('hot', error['message'])

    def test_a_value_out_of_range_names_the_range(self):
        error = self.ask(400, 'PUT', TARGET, {'data': 28.5}).json
        self.assertEqual(error['path'], '/data')
        self.assertIn('16.0 to 28.0', error['message'])

    def test_a_refused_write_changes_nothing(self):
        self.ask(204, 'PUT', TARGET, {'data': 19.5})
        self.ask(400, 'PUT', TARGET, {'data': 99})
        self.assertEqual(self.get(TARGET)['data'], 19.5)

    def test_null_is_no_value(self):
        self.assertEqual(self.ask(400, 'PUT', TARGET, {'data': None}).json['path'], '/data')

    def test_read_only_data_is_403_with_the_reason_of_the_ecu(self):
        reply = self.ask(403, 'PUT', BMS + '/soc', {'value': 50.0})
        told = self.ecu.request('PUT', '/components/bms/data/soc', {'data': 50.0}).json
        self.assertEqual(reply.json['message'], told['message'])
        self.assertEqual(reply.json['error_code'], 'insufficient-access-rights')

    def test_writing_an_unknown_value_is_404(self):
        self.ask(404, 'PUT', BMS + '/none', {'data': 1})

    def test_unknown_members_of_the_body_are_ignored(self):
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': 4, 'x-note': ['more']})
        self.assertEqual(self.get(CLIMATE + '/fan-speed')['data'], 4)

    def test_a_signature_must_be_text(self):
        self.assertEqual(self.ask(400, 'PUT', TARGET, {'data': 20.0, 'signature': 3}).json['path'], '/signature')


class Versions(DataCase):
    def test_if_none_match_with_the_version_answers_304_without_body(self):
        first = self.ask(200, 'GET', BMS + '/serial-number')
        tag = first.headers['etag']
        reply = self.ask(304, 'GET', BMS + '/serial-number', headers={'If-None-Match': tag})
        self.assertEqual((reply.headers['etag'], reply.body), (tag, b''))
        self.ask(304, 'GET', BMS + '/serial-number', headers={'If-None-Match': f'"other", W/{tag}'})
        self.ask(304, 'GET', BMS + '/serial-number', headers={'If-None-Match': '*'})

    def test_if_none_match_with_another_version_answers_200(self):
        for tag in '"other"', '', '"', tuple_tag(self.ask(200, 'GET', BMS + '/serial-number').headers['etag']):
            self.ask(200, 'GET', BMS + '/serial-number', headers={'If-None-Match': tag})

    def test_the_version_changes_with_the_value(self):
        tags = set()
        for speed in 1, 2, 3:
            self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': speed})
            tags.add(self.ask(200, 'GET', CLIMATE + '/fan-speed').headers['etag'])
        self.assertEqual(len(tags), 3)

    def test_if_match_writes_only_the_version_it_names(self):
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': 1})
        tag = self.ask(200, 'GET', CLIMATE + '/fan-speed').headers['etag']
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': 2}, {'If-Match': tag})
        error = self.ask(412, 'PUT', CLIMATE + '/fan-speed', {'data': 3}, {'If-Match': tag}).json
        self.assertEqual(error['vendor_code'], 'precondition-failed')
        self.assertEqual(self.get(CLIMATE + '/fan-speed')['data'], 2)
        self.ask(204, 'PUT', CLIMATE + '/fan-speed', {'data': 3}, {'If-Match': '*'})

    def test_if_match_on_what_does_not_exist_is_404(self):
        self.ask(404, 'PUT', CLIMATE + '/none', {'data': 3}, {'If-Match': '"x"'})


def tuple_tag(tag):
    """A version that begins like this one."""
    return tag[:-2] + '"'


if __name__ == '__main__':
    unittest.main()
