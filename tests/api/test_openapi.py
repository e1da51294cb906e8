# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document describes exactly what is served."""
import json
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import openapi

BASE = openapi.BASE
COLLECTIONS = ('data', 'faults', 'operations', 'modes', 'configurations',
               'logs', 'clear-data', 'status')  # those that only some entities offer
METHODS = ('GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS')
IDS = {'feature-id': 'streams', 'category': 'logs', 'bulk-data-id': 'file-1', 'communication-log-id': 'none', 'subscription-id': 'none', 'trigger-id': 'none', 'data-id': 'soc', 'fault-code': 'P0A80', 'operation-id': 'self-test', 'lock-id': 'none', 'execution-id': 'none', 'mode-id': 'session',
       'configuration-id': 'cell-balancing', 'data-list-id': 'none', 'script-id': 'none', 'update-package-id': 'none'}
BODIES = {'DataListRequest': {'ids': ['soc']}, 'WriteValue': {'data': 80}, 'StartExecution': {}, 'ModeWrite': {'value': 'default', 'mode_expiration': 1}}


def allow_of(methods):
    """Allow as the gateway writes it."""
    ordered = [name for name in ('GET', 'POST', 'PUT', 'DELETE') if name in methods]
    return ', '.join('GET, HEAD' if name == 'GET' else name for name in ordered)


def without_servers(document):
    """What does not depend on where the server is reached."""
    paths = {path: {key: value for key, value in item.items() if key != 'servers'} for path, item in document['paths'].items()}
    return {**document, 'servers': None, 'paths': paths}


def references(node):
    """All $ref in a document."""
    if isinstance(node, dict):
        yield from ([node['$ref']] if '$ref' in node else ())
        node = list(node.values())
    for inner in node if isinstance(node, list) else ():
        yield from references(inner)

COLLECTIONS = ('data', 'data-lists', 'data-groups', 'data-categories', 'faults', 'operations', 'modes', 'configurations')

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

    def is_stream(self, method, path):
        answer = self.gateway.document.operation(method, path)['responses'].get('200', {})
        return list(answer.get('content', {})) == ['text/event-stream']


class Whole(DocumentCase):
    def test_it_is_openapi_3_1_with_the_base_as_server(self):
        document = self.gateway.document.raw
        self.assertEqual((document['openapi'], openapi.path_of(document['servers'])), ('3.1.0', [{'url': BASE}]))
        self.assertEqual(document['info']['x-sovd-version'], '1.1.0')
        self.assertTrue(document['info']['version'])

    def test_print_openapi_prints_the_same_document(self):
        status, printed, said = gateway.run('--print-openapi')
        self.assertEqual((status, said), (0, ''))
        self.assertEqual(without_servers(json.loads(printed)), without_servers(self.gateway.document.raw))

    def test_every_reference_leads_to_a_schema_and_every_schema_is_referred_to(self):
        document = self.gateway.document.raw
        schemas, responses = ({name.removeprefix(prefix) for name in references(document) if name.startswith(prefix)}
                              for prefix in ('#/components/schemas/', '#/components/responses/'))
        self.assertEqual(schemas, set(document['components']['schemas']))
        self.assertEqual(responses, set(document['components']['responses']))

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
                    if self.is_stream(method, path):
                        method = 'HEAD'  # the answer to GET has no end
                    reply = self.gateway.request(method, path, body)
                    self.assertNotEqual(reply.status, 405)
                    if reply.status == 404 and reply.body:
                        self.assertNotIn('there is nothing at this path', reply.json['message'])
                    none_set_back = method == 'DELETE' and '/configurations' in path  # by the demo-ecu, which has no history either
                    if not (reply.status == 501 and (none_set_back or path.endswith(('/bms/faults/history', '/token')))):  # no auth.mint
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
            if 'GET' in methods and not self.is_stream('GET', path):
                with self.subTest(path):
                    got, reply = self.gateway.request('GET', path), self.gateway.request('HEAD', path)
                    self.assertEqual((reply.status, reply.body), (got.status, b''))
                    self.assertEqual(reply.headers['content-type'], got.headers['content-type'])


    def test_the_head_of_a_stream_is_that_of_its_answer(self):
        paths = [path for path, methods in self.all_paths() if 'GET' in methods and self.is_stream('GET', path)]
        self.assertIn(BASE + '/faults/subscribe', paths)
        self.assertIn(BASE + '/components/bms/data/subscribe', paths)
        for path in paths:
            with self.subTest(path):
                reply, stream = self.gateway.request('HEAD', path), events.Stream(events.connect(self.gateway), path)
                stream.close()
                self.assertEqual((reply.status, reply.body), (stream.status, b''))
                self.assertEqual(reply.headers['content-type'], stream.headers['content-type'])


if __name__ == '__main__':
    unittest.main()
