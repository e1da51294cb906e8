# SPDX-License-Identifier: Apache-2.0
"""Data lists, groups and categories: made by clients, kept by the gateway, read through the backend."""
import http.client
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

BMS = '/components/bms'
LISTS = BMS + '/data-lists'


class Bound(http.client.HTTPConnection):
    """A client that asks from another address of this machine."""

    def __init__(self, port, source):
        super().__init__('127.0.0.1', port, timeout=30, source_address=(source, 0))


class ListCase(gateway.GatewayCase):
    sections = {'limits': {'data_lists': 6, 'data_lists_per_client': 4, 'data_list_ids': 5}}

    def setUp(self):
        for entry in self.get(LISTS)['items'] if self.get(LISTS).get('items') else []:
            self.ask(204, 'DELETE', f'{LISTS}/{entry["id"]}')
        self.ids = [item['id'] for item in self.get(BMS + '/data')['items']]

    def make(self, *ids, status=201):
        return self.ask(status, 'POST', LISTS, {'ids': list(ids)})

    def as_other(self, method, path, body=None):
        return self.gateway.bare(method, gateway.BASE + path, body, connection=Bound(self.gateway.port, '127.0.0.2'))


class DataLists(ListCase):
    def test_a_list_is_made_found_read_and_deleted(self):
        made = self.make(self.ids[1], self.ids[0])
        name = made.json['id']
        self.assertTrue(made.headers['location'].endswith(f'{LISTS}/{name}'), made.headers)
        entry, = self.get(LISTS)['items']
        self.assertEqual((entry['id'], [item['id'] for item in entry['items']]), (name, [self.ids[1], self.ids[0]]))
        values = self.get(f'{LISTS}/{name}')['items']
        self.assertEqual([value['id'] for value in values], [self.ids[1], self.ids[0]])
        self.ask(204, 'DELETE', f'{LISTS}/{name}')
        self.assertEqual(self.get(LISTS)['items'], [])
        for method in 'GET', 'DELETE':
            self.assertEqual(self.ask(404, method, f'{LISTS}/{name}').json['vendor_code'], 'resource-not-found')

    def test_the_values_are_those_of_the_moment(self):
        name = self.make('cell-temp-max').json['id']
        for value in 21.5, 33.0:
            self.ecu.set(component='bms', data='cell-temp-max', value=value, hold=True)
            self.until(lambda: self.get(f'{LISTS}/{name}')['items'][0]['data'] == value)

    def test_the_capabilities_name_the_collection(self):
        self.assertTrue(self.get(BMS)['data-lists'].endswith(LISTS))

    def test_all_unknown_ids_are_named(self):
        error = self.make('none', self.ids[0], 'nor this', status=400).json
        self.assertEqual(error['parameters']['ids'], ['none', 'nor this'])
        self.assertIn("'none', 'nor this'", error['message'])
        self.assertEqual(self.get(LISTS)['items'], [])

    def test_odd_requests_are_refused_with_the_member(self):
        for body, word in (({}, 'ids'), ({'ids': []}, 'ids'), ({'ids': 'x'}, 'ids'), ({'ids': [1]}, 'ids'),
                           ({'ids': [self.ids[0], self.ids[0]]}, 'twice'), ({'ids': ['x'] * 6}, 'at most 5')):
            with self.subTest(body):
                self.assertIn(word, self.ask(400, 'POST', LISTS, body).json['message'])

    def test_a_list_of_another_client_does_not_exist(self):
        name = self.make(self.ids[0]).json['id']
        self.assertEqual(self.as_other('GET', LISTS).json['items'], [])
        self.assertEqual(self.as_other('GET', f'{LISTS}/{name}').status, 404)
        self.assertEqual(self.as_other('DELETE', f'{LISTS}/{name}').status, 404)
        self.get(f'{LISTS}/{name}')

    def test_what_a_list_tells_reaches_nobody_else(self):
        name = self.make('cell-temp-max').json['id']
        made = self.ask(201, 'POST', BMS + '/cyclic-subscriptions',
                        {'resource': f'{gateway.BASE}{LISTS}/{name}', 'interval': 'fast', 'duration': 30}).json
        events = f'{BMS}/cyclic-subscriptions/{made["id"]}/events'
        self.assertEqual(self.as_other('HEAD', events).status, 403)
        answer = self.as_other('GET', events)
        self.assertEqual((answer.status, answer.json['error_code']), (403, 'insufficient-access-rights'))
        self.ask(200, 'HEAD', events)
        self.ask(204, 'DELETE', f'{BMS}/cyclic-subscriptions/{made["id"]}')

    def test_a_list_belongs_to_its_entity(self):
        name = self.make(self.ids[0]).json['id']
        self.ask(404, 'GET', f'/components/climate/data-lists/{name}')

    def test_include_schema_describes_the_answer(self):
        name = self.make(self.ids[0]).json['id']
        self.assertEqual(self.get(f'{LISTS}/{name}?include-schema=true')['schema']['type'], 'object')

    def test_a_client_has_so_many_and_all_clients_have_so_many(self):
        for _ in range(4):
            self.make(self.ids[0])
        refused = self.make(self.ids[0], status=503)
        self.assertIn('this client', refused.json['message'])
        self.assertGreaterEqual(int(refused.headers['retry-after']), 1)
        others = [self.as_other('POST', LISTS, {'ids': [self.ids[0]]}) for _ in range(3)]
        self.assertEqual([reply.status for reply in others], [201, 201, 503])
        self.assertNotIn('this client', others[-1].json['message'])
        self.assertEqual(self.gateway.metrics()['sovd_data_lists'], 6)
        for reply in others[:2]:
            self.assertEqual(self.as_other('DELETE', f'{LISTS}/{reply.json["id"]}').status, 204)

    def test_a_list_that_nobody_uses_ends(self):
        limits = {'data_list_secs': 1}
        with gateway.Gateway(self.ecu, limits=limits) as server:
            used, unused = (server.post(LISTS, {'ids': self.ids[:1]}).json['id'] for _ in range(2))
            self.assertTrue(polling.wait_until(
                lambda: server.get(f'{LISTS}/{used}').status == 200 and len(server.get(LISTS).json['items']) == 1, 20))
            self.assertEqual(server.get(f'{LISTS}/{unused}').status, 404)
            self.assertEqual(server.get(f'{LISTS}/{used}').status, 200)

    def test_an_entity_without_data_has_no_lists(self):
        self.ask(404, 'GET', '/areas/body/data-lists')


class Groups(gateway.GatewayCase):
    def test_groups_and_categories_are_those_of_the_data(self):
        data = self.get(BMS + '/data')['items']
        groups = {group['id']: group for group in self.get(BMS + '/data-groups')['items']}
        self.assertEqual(set(groups), {name for item in data for name in item.get('groups', [])})
        for item in data:
            for name in item.get('groups', []):
                self.assertIn(groups[name]['category'], [each['category'] for each in data if name in each.get('groups', [])])
        categories = [entry['item'] for entry in self.get(BMS + '/data-categories')['items']]
        self.assertEqual(sorted(categories), sorted({item['category'] for item in data}))

    def test_an_entity_without_data_has_neither(self):
        for word in 'data-groups', 'data-categories':
            self.ask(404, 'GET', f'/areas/body/{word}')
            self.assertNotIn(word, self.get('/areas/body'))
            self.assertTrue(self.get(BMS)[word].endswith(f'{BMS}/{word}'))


if __name__ == '__main__':
    unittest.main()
