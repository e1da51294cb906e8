# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document describes exactly what is served."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi

BASE = openapi.BASE
METHODS = ('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS')
IDS = {'data-id': 'soc', 'fault-code': 'P0A80', 'operation-id': 'self-test', 'execution-id': 'none', 'mode-id': 'session',
       'configuration-id': 'cell-balancing',
       'category': 'logs', 'bulk-data-id': 'file-1',
       'communication-log-id': 'none'}
ALL_COLLECTIONS = (
    'data', 'faults', 'operations', 'modes', 'configurations',
    'bulk-data', 'communication-logs',
)
BODIES = {'WriteValue': {'data': 80}, 'StartExecution': {}, 'ModeWrite': {'value': 'default', 'mode_expiration': 1}}


def allow_of(methods):
    """Allow as the gateway writes it."""
    ordered = [name for name in ('GET', 'POST', 'PUT', 'DELETE') if name in methods]
    return ', '.join('GET, HEAD' if name == 'GET' else name for name in ordered)


def references(node):
    """All $ref in a document."""
    if isinstance(node, dict):
        yield from ([node['$ref']] if '$ref' in node else ())
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from references(inner)


class DocumentCase(gateway.GatewayCase):
    def concrete(self, path):
        """Paths to which a template fits: existing ids where there are some."""
        if '{entity-collection}' in path:
            yield from self.concrete(path.replace('{entity-collection}', 'components'))
            return
        kind = path.removeprefix(BASE + '/').split('/')[0]
        ids = {**IDS, 'entity-id': {'areas': 'body', 'components': 'bms'}.get(kind, 'none')}
        yield re.sub(r'\{([^}]*)\}', lambda found: ids[found[1]], path)

    def all_paths(self):
        """(path, the methods that the document offers there)"""
        offered = {}
        for template, item in self.gateway.document.paths():
            for path in self.concrete(template):
                offered.setdefault(path, set()).update(openapi.Document.methods(item))
        return offered.items()


class Whole(DocumentCase):
    def test_it_is_openapi_3_1_with_the_base_as_server(self):
        document = self.gateway.document.raw
        self.assertEqual((document['openapi'], document['servers']), ('3.1.0', [{'url': BASE}]))
        self.assertEqual(document['info']['x-sovd-version'], '1.1.0')
        self.assertTrue(document['info']['version'])

    def test_docs_below_the_base_is_the_same_document(self):
        self.assertEqual(self.get('/docs'), self.gateway.document.raw)

    def test_print_openapi_prints_the_same_document(self):
        status, printed, said = gateway.run('--print-openapi')
        self.assertEqual((status, said), (0, ''))
        self.assertEqual(json.loads(printed), self.gateway.document.raw)

    def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to(self):
        document = self.gateway.document.raw
        referred = {name.removeprefix('#/components/schemas/') for name in references(document)}
        self.assertEqual(referred, set(document['components']['schemas']))

    def test_every_operation_says_what_it_is_and_what_it_answers(self):
        for path, item in self.gateway.document.paths():
            for method in openapi.Document.methods(item):
                operation = item[method.lower()]
                with self.subTest(f'{method} {path}'):
                    self.assertTrue(operation['summary'])
                    self.assertTrue(operation['x-gw-route'])
                    self.assertIn('default', operation['responses'])
                    self.assertTrue([code for code in operation['responses'] if code.startswith('2')])
                    wanted = set(re.findall(r'\{([^}]*)\}', path))
                    self.assertEqual({p['name'] for p in operation.get('parameters', ()) if p['in'] == 'path'}, wanted)

    def test_routes_of_different_operations_have_different_names(self):
        seen = {}
        for path, item in self.gateway.document.paths():
            for method in openapi.Document.methods(item):
                seen.setdefault(item[method.lower()]['x-gw-route'], set()).add((method, path.rsplit('/', 1)[1]))
        for name, operations in seen.items():
            self.assertEqual(len(operations), 1, f'{name}: {operations}')

    def test_whatever_is_described_is_served(self):
        for path, methods in self.all_paths():
            for method in methods:
                with self.subTest(f'{method} {path}'):
                    schema = (self.gateway.document.operation(method, path).get('requestBody') or {}).get('content', {})
                    body = {} if schema else None
                    reply = self.gateway.request(method, path, body)
                    self.assertNotEqual(reply.status, 405)
                    if reply.status == 404:
                        self.assertNotIn('there is nothing at this path', reply.json['message'])
                    self.assertLess(reply.status, 500)

    def test_whatever_is_not_described_is_405_with_the_described_methods(self):
        for path, methods in self.all_paths():
            if path.startswith((BASE + '/apps/', BASE + '/functions/')):
                continue  # there is none, which is said first
            for method in set(METHODS) - methods:
                with self.subTest(f'{method} {path}'):
                    reply = self.gateway.request(method, path)
                    self.assertEqual((reply.status, reply.headers.get('allow')), (405, allow_of(methods)))

    def test_head_is_served_wherever_get_is(self):
        for path, methods in self.all_paths():
            if 'GET' in methods:
                with self.subTest(path):
                    got, reply = self.gateway.request('GET', path), self.gateway.request('HEAD', path)
                    self.assertEqual((reply.status, reply.body), (got.status, b''))
                    self.assertEqual(reply.headers['content-type'], got.headers['content-type'])


class Parts(DocumentCase):
    """/docs below an entity, a collection and a resource."""

    def paths_of(self, path):
        document = openapi.Document(self.get(path + '/docs'))
        self.assertEqual(set(re.findall('schemas/([A-Za-z]*)', json.dumps(document.raw['paths']))) - set(document.schemas.named), set())
        return {concrete.removeprefix(BASE): openapi.Document.methods(item) for concrete, item in document.paths()}

    def below(self, entity, offered):
        """What the whole document says about one entity, with its path put in."""
        found = {}
        kind = entity.split('/')[1]
        for template, item in self.gateway.document.paths():
            path = template.removeprefix(BASE)
            path = path.replace('{entity-collection}', kind).replace(f'/{kind}/{{entity-id}}', entity, 1)
            rest = path[len(entity):].split('/')
            if (path == entity or path.startswith(entity + '/')) and (len(rest) < 2 or rest[1] not in
                                                                     ALL_COLLECTIONS or rest[1] in offered):
                found[path] = openapi.Document.methods(item)
        return found

    def test_docs_of_a_component_describe_it_and_all_below(self):
        wanted = self.below('/components/bms', ('data', 'faults', 'operations', 'modes', 'configurations', 'bulk-data'))
        self.assertGreater(len(wanted), 15)
        self.assertEqual(self.paths_of('/components/bms'), wanted)

    def test_docs_of_an_area_list_no_collection_that_it_does_not_offer(self):
        found = self.paths_of('/areas/body')
        self.assertEqual(found, self.below('/areas/body', ()))
        self.assertIn('/areas/body/contains', found)
        self.assertNotIn('/areas/body/data', found)

    def test_docs_of_an_entity_have_its_name(self):
        self.assertEqual(self.get('/components/bms/docs')['paths']['/components/bms']['x-sovd-name'], 'Battery Management System')

    def test_docs_of_an_entity_collection_describe_it_and_its_members(self):
        self.assertEqual(self.paths_of('/components'), {'/components': {'GET'}, '/components/{entity-id}': {'GET'}})

    def test_docs_of_a_collection_describe_it_and_its_members(self):
        self.assertEqual(self.paths_of('/components/bms/data'), {
            '/components/bms/data': {'GET'}, '/components/bms/data/{data-id}': {'GET', 'PUT'}})
        self.assertEqual(self.paths_of('/components/bms/faults'), {
            '/components/bms/faults': {'GET', 'DELETE'}, '/components/bms/faults/{fault-code}': {'GET', 'DELETE'}})

    def test_docs_of_a_resource_describe_it_and_what_is_below(self):
        self.assertEqual(self.paths_of('/components/bms/data/soc'), {'/components/bms/data/soc': {'GET', 'PUT'}})
        path = '/components/bms/operations/self-test'
        self.assertEqual(self.paths_of(path), {path: {'GET'}, path + '/executions': {'GET', 'POST'},
                                               path + '/executions/{execution-id}': {'GET', 'PUT', 'DELETE'}})

    def test_docs_of_what_does_not_exist_are_404(self):
        for path in '/nope', '/components/nope', '/components/bms/nope', '/components/nope/data':
            self.ask(404, 'GET', path + '/docs')

    def test_docs_of_a_collection_that_the_entity_does_not_offer_are_404(self):
        for path in '/areas/body/data', '/areas/body/data/soc', '/areas/body/operations/x/executions':
            self.ask(404, 'GET', path + '/docs')

    def test_docs_of_a_resource_beside_the_entities_describe_it(self):
        self.assertEqual(self.paths_of('/health'), {'/health': {'GET'}})
        self.assertEqual(self.paths_of('/version-info'), {'/version-info': {'GET'}})


if __name__ == '__main__':
    unittest.main()
