# SPDX-License-Identifier: Apache-2.0
"""What the gateway says about itself and its entities."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

COLLECTIONS = ('data', 'faults', 'operations', 'modes', 'configurations')
MORE = {'bms': ('bulk-data',), 'climate': ()}


class Server(gateway.GatewayCase):
    def test_version_info_is_the_same_beside_and_below_the_base(self):
        outside, below = self.get('/sovd/version-info'), self.get('/version-info')
        self.assertEqual(outside, below)
        self.assertEqual([(entry['version'], entry['base_uri']) for entry in outside['sovd_info']], [('1.1.0', '/sovd/v1')])
        self.assertEqual(outside['sovd_info'][0]['vendor_info']['name'], 'sovd-gateway')

    def test_the_root_links_to_the_entity_collections(self):
        for path in '/sovd/v1', '/sovd/v1/':
            root = self.get(path)
            for word in 'areas', 'components', 'apps', 'functions':
                self.assertEqual(root[word], '/sovd/v1/' + word)
                self.assertIsInstance(self.get(root[word])['items'], list)

    def test_include_schema_is_offered_on_every_description(self):
        for path in '/', '/sovd/version-info', '/components', '/components/bms', '/components/bms/belongs-to':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object', path)
            self.assertNotIn('schema', self.get(path))


class Entities(gateway.GatewayCase):
    def test_components_are_listed_with_id_name_href_and_state(self):
        self.assertEqual(self.get('/components')['items'], [
            {'id': 'bms', 'name': 'Battery Management System', 'href': '/sovd/v1/components/bms', 'connectionState': 'connected'},
            {'id': 'climate', 'name': 'Cabin Climate Controller', 'href': '/sovd/v1/components/climate', 'connectionState': 'connected'}])

    def test_collections_without_entities_are_empty(self):
        for word in 'apps', 'functions':
            self.assertEqual(self.get('/' + word), {'items': []})

    def test_tags_leave_entities_without_tags_out(self):
        self.assertEqual(self.get('/components?tags=any'), {'items': []})

    def test_every_href_of_a_list_can_be_read(self):
        for word in 'areas', 'components':
            items = self.get('/' + word)['items']
            self.assertEqual(len(items), 2)
            for item in items:
                body = self.get(item['href'])
                self.assertEqual((body['id'], body['name']), (item['id'], item['name']))

    def test_the_capabilities_of_a_component_are_its_collections_and_relations(self):
        for name in 'bms', 'climate':
            body = self.get('/components/' + name)
            href = '/sovd/v1/components/' + name
            self.assertEqual({key: value for key, value in body.items() if str(value).startswith('/sovd')},
                             {word: f'{href}/{word}' for word in (*COLLECTIONS, *MORE[name], 'belongs-to')})

    def test_every_uri_of_the_capabilities_can_be_read(self):
        for path in '/components/bms', '/areas/body':
            uris = [value for value in self.get(path).values() if str(value).startswith('/sovd')]
            self.assertTrue(uris)
            for uri in uris:
                self.assertTrue(self.get(uri)['items'], uri)

    def test_an_area_offers_contains_and_no_collection(self):
        body = self.get('/areas/body')
        self.assertEqual(body['contains'], '/sovd/v1/areas/body/contains')
        for word in COLLECTIONS:
            self.assertNotIn(word, body)

    def test_the_short_capabilities_name_the_same_collections(self):
        self.assertEqual(self.get('/components/bms/capabilities'), {
            'componentId': 'bms', 'supportedCategories': [*COLLECTIONS, *MORE['bms']], 'connectionState': 'connected'})
        self.assertEqual(self.get('/areas/body/capabilities')['supportedCategories'], [])

    def test_areas_contain_the_components_that_belong_to_them(self):
        for area, component in ('powertrain', 'bms'), ('body', 'climate'):
            self.assertEqual([item['id'] for item in self.get(f'/areas/{area}/contains')['items']], [component])
            self.assertEqual([item['href'] for item in self.get(f'/components/{component}/belongs-to')['items']],
                             [f'/sovd/v1/areas/{area}'])

    def test_the_deprecated_words_answer_the_same(self):
        self.assertEqual(self.get('/areas/body/related-components'), self.get('/areas/body/contains'))
        self.assertEqual(self.get('/components/bms/related-apps'), self.get('/components/bms/hosts'))

    def test_relations_that_lead_nowhere_are_empty(self):
        for path in '/areas/body/subareas', '/components/bms/subcomponents', '/components/bms/hosts', '/components/bms/depends-on':
            self.assertEqual(self.get(path), {'items': []})

    def test_a_component_is_no_subcomponent_of_another(self):
        error = self.ask(404, 'GET', '/components/bms/subcomponents/climate').json
        self.assertEqual(error['vendor_code'], 'entity-not-found')

    def test_an_entity_does_not_change_while_nothing_happens(self):
        tag = self.ask(200, 'GET', '/components').headers['etag']
        self.ask(304, 'GET', '/components', headers={'If-None-Match': tag})


if __name__ == '__main__':
    unittest.main()
