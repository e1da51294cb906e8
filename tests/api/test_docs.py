# SPDX-License-Identifier: Apache-2.0
"""/docs describes the running vehicle: exactly what the addressed element has and can do now."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import docs_rules
import ecu
import gateway
import openapi

ANY_PORT = {'SOVD_SERVER__PORT': '0'}
BASE = openapi.BASE


COLLECTIONS = ('data', 'faults', 'operations', 'modes', 'configurations')
RELATIONS = ('subareas', 'subcomponents', 'contains', 'hosts', 'is-located-on', 'belongs-to', 'depends-on')


class DocsCase(unittest.TestCase):
    @classmethod
    def start(cls, *arguments, **sections):
        cls.gateway = gateway.Gateway(arguments=arguments or None, environment=ANY_PORT if arguments else None, **sections)
        cls.addClassCleanup(cls.gateway.stop)

    @classmethod
    def start_with(cls, scenario, *arguments):
        folder = tempfile.TemporaryDirectory(prefix='docs')
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'vehicle.yaml'
        path.write_text(json.dumps(scenario), encoding='utf-8')
        cls.start(f'--demo={path}', *arguments)

    def get(self, path):
        reply = self.gateway.request('GET', path)
        self.assertEqual(reply.status, 200, f'{path}: {reply!r}')
        return reply.json

    def docs(self, path):
        """The description of a path, which has to keep all rules."""
        document = self.get(path + '/docs')
        self.assertEqual(docs_rules.problems(document), [], path)
        return document

    def paths(self, path):
        """{path: methods} of a description."""
        return {name: {method.upper() for method in docs_rules.METHODS if method in item}
                for name, item in self.docs(path)['paths'].items()}

    def entities(self):
        for kind in 'areas', 'components', 'apps', 'functions':
            for item in self.get('/' + kind)['items']:
                yield f'/{kind}/{item["id"]}'

    def body_schema(self, document, path, method='get', status='200'):
        operation = document['paths'][path][method]
        holder = operation['requestBody'] if status is None else operation['responses'][status]
        return holder['content']['application/json']['schema']

    def known(self, document, path, member, method='get', status='200'):
        """What a description knows of a member beyond the table."""
        schema = self.body_schema(document, path, method, status)
        return schema['allOf'][1]['properties'].get(member) if 'allOf' in schema else None


class Vehicle(DocsCase):
    """The demo vehicle, at every level."""

    @classmethod
    def setUpClass(cls):
        cls.start('--demo')

    def levels(self):
        """Every path of the vehicle that has a description."""
        yield from ('', '/areas', '/components', '/apps', '/functions', '/components/bms/subcomponents/cell-monitor')
        for entity in self.entities():
            yield entity
            for name, uri in self.get(entity).items():
                if not str(uri).startswith('http') or name == 'docs':
                    continue
                yield f'{entity}/{name}'
                for item in self.get(f'{entity}/{name}')['items'] if name in ('data', 'modes', 'operations', 'configurations', 'faults') else ():
                    yield f'{entity}/{name}/{item.get("id") or item["code"]}'

    def test_every_level_has_a_description_that_keeps_the_rules(self):
        levels = list(self.levels())
        self.assertGreater(len(levels), 80)
        for path in levels:
            with self.subTest(path):
                self.docs(path)

    def test_every_get_without_an_id_in_braces_succeeds_and_fits_its_own_schema(self):
        checked = 0
        for entity in self.entities():
            document = openapi.Document(self.docs(entity))
            for path, item in document.raw['paths'].items():
                parts = path.split('/')
                if 'get' in item and '{' not in path and (len(parts) == 3 or parts[3] in COLLECTIONS + RELATIONS):
                    reply = self.gateway.bare('GET', BASE + path)
                    document._check_response(item['get'], 'GET', reply, path)
                    self.assertEqual(reply.status, 200, path)
                    checked += 1
        self.assertGreater(checked, 80)

    def test_what_is_not_described_of_a_value_is_refused_and_what_is_works(self):
        for entity in self.entities():
            for path, item in self.docs(entity)['paths'].items():
                if '/data/' not in path:
                    continue
                value = self.gateway.get(path).json['data']
                reply = self.gateway.bare('PUT', BASE + path, {'data': value})
                self.assertEqual(reply.status, 204 if 'put' in item else 403, path)

    def test_the_root_shows_its_own_children_only(self):
        found = self.paths('')
        self.assertLessEqual({'/', '/areas', '/components', '/apps', '/functions'}, set(found))
        self.assertFalse([path for path in found if path.count('/') > 1 or 'version-info' in path or path == '/health'])

    def test_a_collection_of_entities_shows_each_of_them_by_id(self):
        self.assertEqual(set(self.paths('/components')), {'/components'} | {path for path in self.entities() if path.startswith('/components')})
        item = self.docs('/components')['paths']['/components/bms']
        self.assertEqual((item['x-sovd-name'], item['x-sovd-tags']), ('Battery management system', [{'name': 'battery'}, {'name': 'high-voltage'}]))

    def test_an_entity_shows_what_it_offers_and_nothing_else(self):
        found = {path for path in self.paths('/components/gateway-ecu') if path.count('/') == 2 or path.split('/')[3] in COLLECTIONS + RELATIONS}
        self.assertEqual(found, {'/components/gateway-ecu', *(f'/components/gateway-ecu{rest}' for rest in (
            '/data', '/data/part-number', '/data/bus-load', '/data/ignition', '/belongs-to',
            '/operations', '/operations/open-tailgate', '/operations/open-tailgate/executions',
            '/operations/open-tailgate/executions/{execution-id}'))})

    def test_a_value_has_its_category_groups_unit_range_and_only_the_methods_that_work(self):
        document = self.docs('/components/bms/data')
        voltage, limit = (document['paths']['/components/bms/data/' + name] for name in ('voltage', 'charge-limit'))
        self.assertEqual((voltage['x-sovd-name'], voltage['x-sovd-data-category'], voltage['x-sovd-data-groups']),
                         ('Pack voltage', 'currentData', ['electrical']))
        self.assertEqual(('put' in voltage, 'put' in limit), (False, True))
        schema = self.known(document, '/components/bms/data/voltage', 'data')
        self.assertEqual((schema['type'], schema['x-sovd-unit']['display_name'], schema['readOnly']), ('number', 'V', True))
        for method, status in ('get', '200'), ('put', None):
            schema = self.known(document, '/components/bms/data/charge-limit', 'data', method, status)
            self.assertEqual((schema['type'], schema['minimum'], schema['maximum']), ('integer', 50, 100))
            self.assertNotIn('readOnly', schema)

    def test_a_mode_has_its_values_its_default_and_its_longest_time(self):
        path = '/components/bms/modes/session'
        document = self.docs(path)
        schema = self.known(document, path, 'value')
        self.assertEqual((schema['enum'], schema['default']), (['default', 'extended', 'programming'], 'default'))
        self.assertEqual(self.known(document, path, 'mode_expiration', 'put', None), {'type': 'integer', 'maximum': 600, 'default': 600})

    def test_an_operation_says_how_it_runs_and_what_comes_out(self):
        path = '/components/bms/operations/self-test'
        document = self.docs(path)
        item, start = document['paths'][path], document['paths'][path + '/executions']['post']
        self.assertEqual((item['x-sovd-asynchronous-execution'], item['x-sovd-proximity-proof-required']), (True, False))
        self.assertEqual(start['x-sovd-retention-timeout'], 600)
        self.assertEqual([code for code in start['responses'] if code[0] == '2'], ['202'])
        self.assertEqual(self.known(document, path + '/executions/{execution-id}', 'parameters')['properties'],
                         {'verdict': {'type': 'string'}, 'insulation_kohm': {'type': 'integer'}})
        path = '/components/climate/operations/recirculate'
        document = self.docs(path)
        start = document['paths'][path + '/executions']['post']
        self.assertEqual([code for code in start['responses'] if code[0] == '2'], ['200'])
        self.assertEqual(self.known(document, path + '/executions', 'parameters', 'post')['properties'],
                         {'flap': {'type': 'string'}, 'seconds': {'type': 'number'}})

    def test_a_fault_has_its_display_code_scope_and_severity(self):
        found = self.docs('/components/bms/faults')['paths']
        item = found['/components/bms/faults/D10A12']
        self.assertEqual((item['x-sovd-fault-display-code'], item['x-sovd-fault-scope'], item['x-sovd-fault-severity']), ('P0A80', 'powertrain', 2))
        self.assertIn('/components/bms/faults/{fault-code}', found)  # others may appear

    def test_what_goes_by_itself_says_after_which_time_and_nothing_else_does(self):
        said = {}
        for entity in '/components/bms', '/components/climate', '/components/hpc':
            for path, item in self.docs(entity)['paths'].items():
                for method in docs_rules.METHODS:
                    if 'x-sovd-retention-timeout' in item.get(method, ()):
                        said.setdefault((method, path.split('/')[3]), set()).add(item[method]['x-sovd-retention-timeout'])
        self.assertEqual({name for name in said if name[0] == 'post'},
                         {('post', name) for name in ('operations', 'scripts', 'data-lists', 'cyclic-subscriptions', 'triggers')})
        self.assertEqual({name for name in said if name[0] != 'post'},
                         {('put', name) for name in ('operations', 'cyclic-subscriptions', 'triggers')})
        self.assertTrue(all(len(seconds) == 1 for seconds in said.values()), said)

    def test_scripts_and_categories_of_bulk_data_are_shown_by_id(self):
        for entity in self.entities():
            body, found = self.get(entity), set(self.paths(entity))
            for name, ids in ('scripts', lambda items: [item['id'] for item in items]), ('bulk-data', list):
                if name not in body:
                    continue
                shown = {path for path in found if path.startswith(f'{entity}/{name}/') and path.count('/') == 4}
                self.assertEqual(shown, {f'{entity}/{name}/{id}' for id in ids(self.get(f'{entity}/{name}')['items'])})
                self.assertEqual(self.gateway.request('GET', f'{entity}/{name}/nope/docs').status, 404)

    def test_what_the_standard_deprecates_is_marked(self):
        found = self.docs('/areas/front')['paths']
        self.assertTrue(found['/areas/front/related-components']['get']['deprecated'])
        self.assertNotIn('deprecated', found['/areas/front/contains']['get'])

    def test_a_resource_that_does_not_exist_is_404(self):
        for path in '/components/bms/data/nope', '/components/bms/modes/nope', '/components/bms/operations/nope', \
                '/components/bms/operations/nope/executions', '/components/bms/configurations/nope', '/components/nope', '/areas/front/data':
            self.assertEqual(self.gateway.request('GET', path + '/docs').status, 404, path)

    def test_a_nested_entity_is_described_under_its_short_path(self):
        self.assertEqual(set(self.paths('/components/bms/subcomponents/cell-monitor/data')), {
            '/components/cell-monitor/data', *(f'/components/cell-monitor/data/{name}' for name in ('cell-min', 'cell-max', 'cells'))})

    def test_only_get_is_offered_and_only_as_json(self):
        self.assertEqual(self.gateway.request('PUT', '/components/bms/docs', {}).status, 405)
        self.assertEqual(self.gateway.request('GET', '/components/bms/docs', headers={'Accept': 'text/html'}).status, 406)

    def test_include_schema_answers_with_the_schema_of_this_very_value(self):
        path = '/components/bms/data/charge-limit?include-schema=true'
        body = self.get(path)
        schema = body['schema']['properties']['data']
        self.assertEqual((schema['type'], schema['minimum'], schema['maximum']), ('integer', 50, 100))
        openapi.Schemas({}).check(body['schema'], body)
        self.assertEqual(self.get('/components/bms/modes/session?include-schema=true')['schema']['properties']['value']['enum'],
                         ['default', 'extended', 'programming'])
        self.assertEqual(self.get('/components/bms/configurations/balancing-threshold?include-schema=true')['schema']['properties']['data']['maximum'], 50)
        self.assertEqual(self.get('/components/bms/operations/self-test?include-schema=true')['schema']['x-gw-operation']['result']['type'], 'object')
        self.assertNotIn('schema', self.get('/components/bms/data/charge-limit'))


class Trouble(DocsCase):
    """Entities that answer late or not at all."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='docs')
        cls.addClassCleanup(folder.cleanup)
        config = pathlib.Path(folder.name) / 'gateway.yaml'
        config.write_text('server: {port: 0}\nlimits: {request_timeout_secs: 1, docs_bytes: 16384, data_list_secs: 333}\n'
                          'events: {duration_max_secs: 111, lifetime_max_secs: 222}\n', encoding='utf-8')
        data = [{'id': f'value-{i}', 'value': i} for i in range(100)]
        cls.start_with({'components': [
            {'id': 'gone', 'unreachable_after_secs': 0, 'data': data[:1], 'modes': [{'id': 'm', 'values': ['a', 'b']}]},
            {'id': 'late', 'latency_ms': 5000, 'data': data[:1], 'modes': [{'id': 'm', 'values': ['a', 'b']}]},
            {'id': 'full', 'data': data}]}, '--config', str(config))

    def test_how_long_something_stays_is_what_the_configuration_says(self):
        for name, seconds in ('cyclic-subscriptions', 111), ('triggers', 222), ('data-lists', 333):
            path = '/components/full/' + name
            self.assertEqual(self.docs(path)['paths'][path]['post']['x-sovd-retention-timeout'], seconds)

    def test_what_cannot_be_asked_is_described_in_general_and_says_why(self):
        found = self.docs('/components/gone')['paths']
        self.assertEqual({path.removeprefix('/components/gone') for path in found if '/data/' in path or '/modes/' in path},
                         {'/data/{data-id}', '/modes/{mode-id}'})
        for path in '/data/{data-id}', '/modes/{mode-id}':
            self.assertIn('not reachable', found['/components/gone' + path]['x-gw-incomplete'])

    def test_a_backend_that_is_late_costs_no_more_than_the_time_of_a_request(self):
        found = self.docs('/components/late')['paths']
        self.assertIn('did not answer in time', found['/components/late/data/{data-id}']['x-gw-incomplete'])

    def test_the_description_of_one_resource_of_such_an_entity_names_it(self):
        found = self.docs('/components/gone/data/value-0')['paths']
        self.assertEqual(list(found), ['/components/gone/data/value-0'])
        self.assertIn('not reachable', found['/components/gone/data/value-0']['x-gw-incomplete'])

    def test_a_description_over_its_limit_says_what_is_left_out(self):
        document = self.docs('/components/full/data')
        shown = [path for path in document['paths'] if '/value-' in path]
        self.assertLess(len(shown), 100)
        self.assertGreater(len(shown), 5)
        self.assertIn(f'{100 - len(shown)} are left out', document['paths']['/components/full/data/{data-id}']['x-gw-incomplete'])
        self.assertLess(len(json.dumps(document)), 60000)


class OtherServers(DocsCase):
    """Schemas come from the server behind: its own descriptions, or what it says of each value."""

    def test_values_of_a_server_without_descriptions_are_asked_one_by_one(self):
        server = ecu.DemoEcu(dialect='iso')
        self.addCleanup(lambda: gateway.stop_ecu(server))
        self.gateway = self.enterContext(gateway.Gateway(server))
        document = self.docs('/components/bms')
        self.assertEqual(self.known(document, '/components/bms/data/soc', 'data')['type'], 'number')
        self.assertNotIn('x-gw-incomplete', document['paths']['/components/bms/data/soc'])
        self.assertEqual(self.known(self.docs('/components/bms/data/soc'), '/components/bms/data/soc', 'data')['type'], 'number')

    def test_another_gateway_is_asked_once_for_each_collection(self):
        with gateway.Gateway(arguments=['--demo'], environment=ANY_PORT) as inner:
            self.gateway = self.enterContext(gateway.Gateway(gateway.backend_of(inner)))
            outer, own = self.docs('/components/bms'), gateway_docs(inner, '/components/bms')
            self.assertEqual(set(outer['paths']), set(own['paths']))
            for path, item in own['paths'].items():
                self.assertEqual({method for method in docs_rules.METHODS if method in outer['paths'][path]},
                                 {method for method in docs_rules.METHODS if method in item}, path)
            for path, member in (('/data/voltage', 'data'), ('/data/charge-limit', 'data'), ('/modes/session', 'value'),
                                 ('/configurations/balancing-threshold', 'data')):
                path = '/components/bms' + path
                self.assertEqual(self.known(outer, path, member), self.known(own, path, member))
            path = '/components/bms/operations/self-test/executions/{execution-id}'
            self.assertEqual(self.known(outer, path, 'parameters'), self.known(own, path, 'parameters'))
            for path in '/data/voltage', '/data/charge-limit', '/modes/session':
                self.assertEqual(self.get(f'/components/bms{path}?include-schema=true')['schema']['properties'],
                                 inner.get(f'/components/bms{path}?include-schema=true').json['schema']['properties'])

    def test_entities_of_a_server_that_writes_another_address_into_its_uris_are_found(self):
        with gateway.Gateway(arguments=['--demo'], environment=ANY_PORT) as inner:
            entry = {**gateway.backend_of(inner), 'base_url': f'http://localhost:{inner.port}'}
            self.gateway = self.enterContext(gateway.Gateway(entry))
            for path in '/components', '/areas', '/apps', '/functions', '/areas/front/contains', '/components/hpc/hosts', \
                    '/functions/thermal-management/depends-on', '/components/bms/subcomponents':
                self.assertEqual([item['id'] for item in self.get(path)['items']], [item['id'] for item in inner.get(path).json['items']], path)
                for item in self.get(path)['items']:
                    self.assertEqual(self.get(item['href'])['id'], item['id'])
                    self.assertIn(f':{self.gateway.port}/', item['href'])

    def test_values_of_the_other_dialect_are_described_in_general(self):
        server = ecu.DemoEcu(dialect='odata')
        self.addCleanup(lambda: gateway.stop_ecu(server))
        self.gateway = self.enterContext(gateway.Gateway(server))
        item = self.docs('/components/bms')['paths']['/components/bms/data/soc']
        self.assertIn('does not describe', item['x-gw-incomplete'])


def gateway_docs(server, path):
    return server.get(path + '/docs').json


class Checker(unittest.TestCase):
    """The judge would see it."""

    def test_a_document_that_breaks_a_rule_is_not_good(self):
        error = {'description': 'x', 'content': {'application/json': {'schema': {'type': 'object', 'required': ['error_code', 'message']}}}}
        get = {'responses': {'200': {'description': 'ok'}, 'default': error}}
        good = {'openapi': '3.1.0', 'info': {'title': 't', 'version': '1', 'x-sovd-version': '1.1.0'}, 'servers': [{'url': 'http://x/sovd/v1'}],
                'paths': {'/components': {'get': get}}}
        self.assertEqual(docs_rules.problems(good), [])
        for change in ({'openapi': '3.0.3'}, {'info': {}}, {'servers': []}, {'paths': {}}, {'more': 1},
                       {'paths': {'/components/x': {'get': get}}}, {'paths': {'/version-info': {'get': get, 'x-sovd-name': 'x'}}},
                       {'paths': {'/components': {'get': get, 'x-sovd-mine': 1}}}, {'paths': {'/components': {}}},
                       {'paths': {'/components/x/data/y': {'get': get, 'x-sovd-name': 'y'}}},
                       {'paths': {'/components': {'get': {'responses': {'200': {'description': 'ok'}, '404': {'description': 'no'}}}}}},
                       {'paths': {'/components': {'get': {'responses': {'200': {'$ref': '#/components/responses/Gone'}}}}}},
                       {'paths': {'/x/operations/y': {'get': get, 'x-sovd-name': 'y'}}},
                       {'paths': {'/components': {'post': {'responses': {'201': {'description': 'made'}}}}}}):
            self.assertNotEqual(docs_rules.problems({**good, **change}), [], change)


if __name__ == '__main__':
    unittest.main()
