# SPDX-License-Identifier: Apache-2.0
"""What the gateway says about itself and its entities."""
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
from openapi import path_of

COLLECTIONS = ('data', 'faults', 'operations', 'modes', 'configurations', 'data-lists', 'locks', 'logs')
KEPT_HERE = ('triggers', 'cyclic-subscriptions')  # by the gateway, for every entity with something to read
MORE = {'bms': ('bulk-data',), 'climate': ()}


class Server(gateway.GatewayCase):
    def test_version_info_is_the_same_beside_and_below_the_base(self):
        outside, below = self.get('/sovd/version-info'), self.get('/version-info')
        self.assertEqual(outside, below)
        self.assertEqual([(entry['version'], entry['base_uri']) for entry in outside['sovd_info']],
                         [('1.1.0', f'http://{self.gateway.host}:{self.gateway.port}/sovd/v1')])
        self.assertEqual(outside['sovd_info'][0]['vendor_info']['name'], 'sovd-gateway')

    def test_the_root_links_to_the_entity_collections(self):
        for path in '/sovd/v1', '/sovd/v1/':
            root = path_of(self.get(path))
            for word in 'areas', 'components', 'apps', 'functions':
                self.assertEqual(root[word], '/sovd/v1/' + word)
                self.assertIsInstance(self.get(root[word])['items'], list)

    def test_include_schema_is_offered_on_every_description(self):
        for path in '/', '/sovd/version-info', '/components', '/components/bms', '/components/bms/belongs-to':
            self.assertEqual(self.get(path + '?include-schema=true')['schema']['type'], 'object', path)
            self.assertNotIn('schema', self.get(path))


class Entities(gateway.GatewayCase):
    def test_components_are_listed_with_id_name_href_and_state(self):
        self.assertEqual(path_of(self.get('/components')['items']), [
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
            body = path_of(self.get('/components/' + name))
            href = '/sovd/v1/components/' + name
            self.assertEqual({key: value for key, value in body.items() if str(value).startswith('/sovd')},
                             {word: f'{href}/{word}' for word in (*COLLECTIONS, *MORE[name], *KEPT_HERE, 'data-categories', 'data-groups', 'belongs-to', 'docs')})

    def test_every_uri_of_the_capabilities_can_be_read(self):
        for path in '/components/bms', '/areas/body':
            uris = [value for value in path_of(self.get(path)).values() if str(value).startswith('/sovd')]
            self.assertTrue(uris)
            for uri in uris:
                body = self.get(uri)
                self.assertTrue(body['paths'] if uri.endswith('/docs') else 'items' in body if uri.endswith(('/data-lists', '/locks', *KEPT_HERE)) else body.get('items') or body.get('entries'), uri)

    def test_an_area_offers_contains_and_no_collection(self):
        body = path_of(self.get('/areas/body'))
        self.assertEqual(body['contains'], '/sovd/v1/areas/body/contains')
        for word in COLLECTIONS:
            self.assertNotIn(word, body)

    def test_the_short_capabilities_name_the_same_collections(self):
        self.assertEqual(self.get('/components/bms/capabilities'), {
            'componentId': 'bms', 'supportedCategories': [*COLLECTIONS, *MORE['bms'], *KEPT_HERE], 'connectionState': 'connected'})
        self.assertEqual(self.get('/areas/body/capabilities')['supportedCategories'], [])

    def test_areas_contain_the_components_that_belong_to_them(self):
        for area, component in ('powertrain', 'bms'), ('body', 'climate'):
            self.assertEqual([item['id'] for item in self.get(f'/areas/{area}/contains')['items']], [component])
            self.assertEqual([path_of(item['href']) for item in self.get(f'/components/{component}/belongs-to')['items']],
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


def chain(length):
    """Components, each below the one before it; and areas too."""
    return [{'id': f'c{i}', **({'parent': f'c{i - 1}'} if i else {}), 'data': [{'id': 'x', 'value': i}]} for i in range(length)]


class Deep(unittest.TestCase):
    def test_nested_entities_are_reached_through_all_of_their_parents(self):
        with tempfile.TemporaryDirectory(prefix='deep') as folder:
            path = pathlib.Path(folder) / 'vehicle.yaml'
            path.write_text(json.dumps({'components': chain(12), 'areas': [{'id': 'a'}, {'id': 'b', 'parent': 'a'}]}), encoding='utf-8')
            with gateway.Gateway(arguments=[f'--demo={path}'], environment={'SOVD_SERVER__PORT': '0'}) as server:
                nested = '/components/' + '/subcomponents/'.join(f'c{i}' for i in range(12))
                self.assertEqual(server.get(nested).json['id'], 'c11')
                self.assertEqual(server.get(nested + '/data/x').json['data'], 11)
                self.assertEqual(path_of(server.get(nested).json['data']), '/sovd/v1/components/c11/data')
                self.assertEqual(server.get(nested.replace('/c5/', '/c6/')).status, 404)
                self.assertEqual(server.get('/areas/a/subareas/b').json['id'], 'b')


class ReservedIds(unittest.TestCase):
    """A server that offers what nobody could reach."""
    BODIES = {
        '/components': {'items': [{'id': 'ecu', 'name': 'ECU', 'href': '/'}, {'id': 'docs', 'name': 'x', 'href': '/'},
                                  {'id': '$x', 'name': 'x', 'href': '/'}]},
        '/components/ecu': {'id': 'ecu', 'name': 'ECU', 'data': '/d', 'faults': '/f', 'modes': '/m',
                            'variant': {'name': 'v2', 'state': 'Online'}, 'translation_id': 'component.ecu'},
        '/components/ecu/data': {'items': [{'id': name, 'name': name, 'category': 'currentData'}
                                           for name in ('docs', 'speed', 'subscribe', 'bulk-read', 'status', '$count')]},
        '/components/ecu/data/speed': {'id': 'speed', 'data': 1},
        '/components/ecu/data/status': {'id': 'status', 'data': 2},
        '/components/ecu/data/subscribe': {'id': 'subscribe', 'data': 3},
        '/components/ecu/faults': {'items': [{'code': 'subscribe', 'fault_name': 'x'}, {'code': 'P1', 'fault_name': 'y'}]},
        '/components/ecu/modes': {'items': [{'id': 'docs'}, {'id': 'session', 'tags': ['t']}, {'id': 'other'}]},
    }

    @classmethod
    def setUpClass(cls):
        bodies = cls.BODIES

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                body = bodies.get(self.path.split('?')[0].removeprefix('/sovd/v1'))
                text = json.dumps(body or {'error_code': 'vendor-specific', 'vendor_code': 'x', 'message': 'none'}).encode()
                self.send_response(200 if body else 404)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cls.addClassCleanup(server.server_close)
        cls.addClassCleanup(server.shutdown)
        cls.gateway = gateway.Gateway({'name': 'odd', 'base_url': f'http://127.0.0.1:{server.server_port}', 'refresh_secs': 60})
        cls.addClassCleanup(cls.gateway.stop)

    def ids(self, path, key='id'):
        return [item[key] for item in self.gateway.get(path).json['items']]

    def test_entities_with_reserved_ids_are_left_out_and_counted(self):
        self.assertEqual(self.ids('/components'), ['ecu'])
        self.assertEqual(self.gateway.backend('odd')['left_out'], 2)
        self.assertEqual(self.gateway.metrics()['sovd_backend_left_out{backend="odd"}'], 2)

    def test_resources_with_reserved_ids_are_left_out_logged_once_and_counted(self):
        for _ in range(3):
            self.assertEqual(self.ids('/components/ecu/data'), ['speed', 'status'])
        self.assertEqual(self.ids('/components/ecu/faults', 'code'), ['P1'])
        self.assertEqual(self.ids('/components/ecu/modes'), ['session', 'other'])
        self.assertEqual(len(re.findall("one of its data is left out", self.gateway.log)), 4)
        self.assertEqual(self.gateway.health()['resources_left_out'], 6)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_resources_left_out_total'], 14)

    def test_a_reserved_name_is_no_resource_and_other_names_are(self):
        for path in '/components/ecu/faults/subscribe', '/components/ecu/data/$count', '/components/ecu/data/bulk-read/docs':
            reply = self.gateway.get(path)
            self.assertEqual(reply.status, 404, path)
        self.assertIn('reserved', self.gateway.get('/components/ecu/faults/subscribe').json['message'])
        self.assertEqual(self.gateway.request('HEAD', '/components/ecu/data/subscribe').headers['content-type'], 'text/event-stream')
        self.assertEqual(self.gateway.delete('/components/ecu/data/subscribe').status, 405)
        self.assertEqual(self.gateway.get('/components/ecu/data/status').json['data'], 2)
        paths = self.gateway.get('/components/ecu/data/docs').json['paths']
        self.assertEqual([path for path in paths if path.endswith(('/docs', '/subscribe'))], [])

    def test_variant_and_translation_id_are_passed_on(self):
        body = self.gateway.get('/components/ecu').json
        self.assertEqual((body['variant'], body['translation_id']), ({'name': 'v2', 'state': 'Online'}, 'component.ecu'))

    def test_lists_of_modes_can_be_filtered_by_tags(self):
        self.assertEqual(self.ids('/components/ecu/modes?tags=t&tags=u'), ['session'])
        self.assertEqual(self.ids('/components/ecu/modes?tags=u'), [])


if __name__ == '__main__':
    unittest.main()
