# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every route by every role, single rules, tenants, and what becomes of it when the policy changes."""
import json
import pathlib
import re
import socket
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import keys
import openapi
import polling
from keys import bearer

VEHICLE = {'name': 'car', 'type': 'sim', 'scenario': str(pathlib.Path(__file__).resolve().parents[2] / 'backends' / 'sim' / 'demo_vehicle.yaml')}
BUILT_IN = ('viewer', 'tester', 'developer', 'updater', 'admin', 'auditor')
POLICY = {
    'roles': {
        'fitter': {'inherits': ['tester'], 'deny': [{'collections': ['data'], 'resources': ['soc'], 'methods': ['PUT', 'GET']}]},
        'bms-only': {'allow': [{'methods': ['GET'], 'entities': ['components/bms']}]},
        'blind': {'inherits': ['viewer'], 'deny': [{'entities': ['components/bms']}]},
        'no-data': {'inherits': ['tester'], 'deny': [{'collections': ['data']}]},
        'lists-only': {'allow': [{'methods': ['GET', 'POST']}], 'deny': [{'methods': ['GET'], 'resources': ['*']}]},
        'by-route': {'inherits': ['tester'], 'deny': [{'routes': ['data-read'], 'resources': ['soc']}, {'routes': ['fault-read'], 'resources': ['D10A12']}]},
        'picky': {'inherits': ['tester'], 'deny': [{'collections': ['scripts'], 'resources': ['warm-up']}, {'collections': ['updates'], 'resources': ['bms-*']},
                                                   {'collections': ['bulk-data'], 'resources': ['maps', 'logs/crash-dump']}]},
    },
    'scopes': {'read': {'allow': [{'methods': ['GET']}]}},
    'tenants': {'a': {'entities': ['components/bms', 'components/cell-monitor', 'areas/powertrain']},
                'b': {'entities': ['components/hpc', 'apps/*'], 'vehicle': True}},
}


def key_of(name):
    return f'the-key-of-{name}-{"x" * 16}'


def who(name):
    return bearer(key_of(name))


def entry(name, *roles, **more):
    return keys.entry(name, key_of(name), *roles, **more)


CLIENTS = [*(entry(role, role) for role in BUILT_IN), entry('fitter', 'fitter'), entry('bms-only', 'bms-only'), entry('blind', 'blind'),
           entry('no-data', 'no-data'), entry('by-route', 'by-route'), entry('lists-only', 'lists-only'), entry('picky', 'picky'), entry('reader', 'tester', scopes=['read']),
           entry('tenant-a', 'tester', tenant='a'), entry('tenant-b', 'tester', tenant='b'), entry('admin-of-a', 'admin', tenant='a'),
           entry('auditor-of-b', 'auditor', tenant='b')]


class AccessCase(polling.Waiting, unittest.TestCase):
    """A simulated vehicle, one client of each kind, and a policy file."""
    policy = POLICY
    clients = CLIENTS
    more = {'fault_mirror': {'poll_secs': 0.2}}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.file = pathlib.Path(folder.name, 'policy.yaml')
        cls.file.write_text(json.dumps(cls.policy))
        cls.gateway = gateway.Gateway(VEHICLE, ready=False, **cls.sections())
        cls.addClassCleanup(cls.gateway.stop)
        cls.gateway.wait_ready()
        cls.gateway._document = openapi.Document(json.loads(gateway.run('--print-openapi')[1]))

    @classmethod
    def sections(cls, clients=None, **more):
        return {'auth': keys.section(*(clients or cls.clients), enabled=True, policy_file=str(cls.file), public_docs=True), **cls.more, **more}

    def ask(self, name, status, method, path, body=None, **headers):
        reply = self.gateway.request(method, path, body, {**(who(name) if name else {}), **headers})
        self.assertEqual(reply.status, status, f'{name}: {method} {path}: {reply!r}')
        return reply

    def get(self, name, path, **headers):
        return self.ask(name, 200, 'GET', path, **headers).json

    def ids(self, name, path):
        return {item['id'] for item in self.get(name, path)['items']}

    def stream(self, path, name):
        found = events.Stream(socket.create_connection((self.gateway.host, self.gateway.port)), gateway.BASE + path, Authorization=who(name)['Authorization'])
        self.addCleanup(found.close)
        self.assertEqual(found.status, 200)
        return found


def matrix():
    """{(method, path): {role: allowed}} of --print-access-docs."""
    status, text, _ = gateway.run('--print-access-docs')
    assert status == 0
    head, _, *rows = (line.strip('|').split('|') for line in text.splitlines() if line.startswith('|'))
    roles = [cell.strip() for cell in head[3:]]
    found = {}
    for row in rows:
        method, path = row[1].strip().split(' ')
        found[method, path.strip('`')] = {role: cell.strip() == 'yes' for role, cell in zip(roles, row[3:])}
    return found


class Matrix(AccessCase):
    def test_every_route_answers_each_role_as_the_matrix_says(self):
        table = matrix()
        self.assertGreater(len(table), 100)
        for (method, pattern), expected in table.items():
            path = pattern.replace('{entity-collection}', 'components').replace('{entity}', 'components/bms')
            path = re.sub(r'\{[^}]*\}', 'nothing-of-this-name', path)
            path = path if path.startswith(('/sovd', '/healthz', '/readyz', '/metrics', '/openapi.json')) else gateway.BASE + path
            if (method, pattern) == ('POST', '/x-admin/restore'):
                expected = {**expected, 'admin': None}  # not carried out here
            for role, allowed in expected.items():
                if allowed is None or allowed and method != 'GET':
                    continue
                with self.subTest(f'{role}: {method} {path}'):
                    if allowed and ('subscribe' in path or path.endswith(('/events', 'x-admin/backup'))):
                        continue
                    reply = self.gateway.bare(method, path, headers=who(role))
                    if allowed:
                        self.assertNotIn(reply.status, (401, 403), reply)
                    else:  # who may do nothing on an entity does not even know of it
                        self.assertEqual(reply.status, 404 if role == 'auditor' and '{entity}' in pattern else 403, reply)

    def test_what_a_role_may_change_is_not_refused(self):
        for role, may in (('viewer', False), ('tester', True), ('developer', True), ('updater', False), ('admin', True)):
            reply = self.gateway.bare('DELETE', gateway.BASE + '/components/bms/faults/nothing-of-this-name', headers=who(role))
            self.assertEqual(reply.status, 404 if may else 403, role)
        for role, may in (('viewer', False), ('tester', False), ('developer', False), ('updater', True), ('admin', True)):
            reply = self.gateway.bare('DELETE', gateway.BASE + '/updates/nothing-of-this-name', headers=who(role))
            self.assertEqual(reply.status != 403, may, (role, reply))
        for role, may in (('tester', False), ('developer', True), ('admin', True)):
            reply = self.gateway.bare('PUT', gateway.BASE + '/components/bms/modes/nothing-of-this-name', {'value': 'x'}, who(role))
            self.assertEqual(reply.status != 403, may, (role, reply))

    def test_nobody_is_told_anything_without_credentials(self):
        for path in ('/components', '/components/bms', '/components/nothing', '/faults', '/health', '/nothing/at/all', '/x-admin/backup'):
            self.ask(None, 401, 'GET', path)
        for path in ('//healthz', '//readyz', '//sovd/version-info'):
            self.ask(None, 200, 'GET', path)

    def test_a_refusal_names_what_is_missing(self):
        error = self.ask('viewer', 403, 'DELETE', '/components/bms/faults').json
        self.assertEqual(error['error_code'], 'insufficient-access-rights')
        for word in ('DELETE', 'faults', 'faults-clear'):
            self.assertIn(word, error['message'])

    def test_the_own_page_of_an_entity_says_what_may_be_used(self):
        self.assertIn('operations', self.get('viewer', '/components/bms'))
        seen = self.get('updater', '/components/bms')
        self.assertNotIn('operations', seen)
        self.assertIn('data', seen)


class Rules(AccessCase):
    def test_a_rule_that_denies_wins(self):
        listed = self.ids('tester', '/components/bms/data')
        self.assertIn('soc', listed)
        self.ask('tester', 200, 'GET', '/components/bms/data/soc')
        self.ask('fitter', 403, 'GET', '/components/bms/data/soc')
        self.assertEqual(self.ids('fitter', '/components/bms/data'), listed - {'soc'})

    def test_what_is_denied_is_not_reached_another_way(self):
        self.ask('fitter', 400, 'POST', '/components/bms/data-lists', {'ids': ['soc']})
        for collection in ('triggers', 'cyclic-subscriptions'):
            body = {'resource': '/sovd/v1/components/bms/data/soc', 'interval': 'fast', 'duration': 60}
            if collection == 'triggers':
                body = {'resource': body['resource'], 'trigger_condition': {'condition_type': 'OnChange'}}
            reply = self.gateway.request('POST', f'/components/bms/{collection}', body, who('fitter'))
            self.assertIn(reply.status, (403, 400), reply)
            self.assertIn('roles and scopes', reply.json['message'])
        text = self.gateway.bare('GET', gateway.BASE + '/components/bms/snapshot', headers=who('fitter')).body.decode()
        self.assertIn('data/', text)
        self.assertNotIn('"data/soc"', text)
        self.assertEqual(self.gateway.bare('GET', gateway.BASE + '/components/bms/data/subscribe?ids=soc', headers=who('fitter')).status, 400)
        self.ask('no-data', 403, 'GET', '/components/bms/snapshot')
        self.ask('no-data', 403, 'GET', '/schema/data-catalog')
        self.assertNotIn('data', self.get('no-data', '/components/bms'))

    def test_what_may_not_be_read_by_its_route_is_not_read_by_another(self):
        fault = '/components/bms/faults/D10A12'
        self.ask('tester', 200, 'GET', fault)
        for path in '/components/bms/data/soc', fault:
            self.ask('by-route', 403, 'GET', path)
        self.assertNotIn('soc', self.ids('by-route', '/components/bms/data'))
        text = self.gateway.bare('GET', gateway.BASE + '/components/bms/snapshot', headers=who('by-route')).body.decode()
        self.assertIn('data/', text)
        self.assertNotIn('"data/soc"', text)
        self.assertNotIn('D10A12', text)
        self.assertEqual(self.gateway.bare('GET', gateway.BASE + '/components/bms/data/subscribe?ids=soc', headers=who('by-route')).status, 400)
        self.ask('by-route', 400, 'POST', '/components/bms/data-lists', {'ids': ['soc']})
        for path in '/faults', '/faults/history', '/export/faults', '/export/faults?kind=history', '/components/bms/faults/history':
            self.until(lambda: b'D10A12' in self.gateway.bare('GET', gateway.BASE + path, headers=who('tester')).body)
            self.assertNotIn(b'D10A12', self.gateway.bare('GET', gateway.BASE + path, headers=who('by-route')).body, path)

    def test_what_others_observe_is_no_way_around_either(self):
        body = {'resource': '/sovd/v1/components/bms/data/soc', 'interval': 'slow', 'duration': 60}
        for resource in ('soc', ''):
            body['resource'] = f'/sovd/v1/components/bms/data/{resource}'.rstrip('/')
            made = self.ask('tester', 201, 'POST', '/components/bms/cyclic-subscriptions', body).json['id']
            path = f'{gateway.BASE}/components/bms/cyclic-subscriptions/{made}/events'
            reply = self.gateway.bare('GET', path, headers={**who('fitter'), 'Accept': 'text/event-stream'})
            self.assertEqual(reply.status, 403, reply)
            self.stream(path[len(gateway.BASE):], 'tester')

    def test_entities_of_a_role_are_all_that_exists_for_it(self):
        self.assertEqual(self.ids('bms-only', '/components'), {'bms'})
        self.ask('bms-only', 404, 'GET', '/components/hpc')
        self.ask('bms-only', 403, 'DELETE', '/components/bms/faults')
        self.ask('bms-only', 403, 'GET', '/health')
        self.assertNotIn('bms', self.ids('blind', '/components'))
        hidden = self.ask('blind', 404, 'GET', '/components/bms/data').json
        missing = self.ask('blind', 404, 'GET', '/components/xyz/data').json
        self.assertEqual(hidden['message'].replace('bms', 'xyz'), missing['message'])
        self.assertEqual({**hidden, 'message': ''}, {**missing, 'message': ''})

    def test_scopes_narrow_what_roles_allow(self):
        self.ask('reader', 200, 'GET', '/components/bms/data')
        self.ask('reader', 403, 'DELETE', '/components/bms/faults')

    def test_only_who_may_break_locks_breaks_one(self):
        uri = self.ask('tester', 201, 'POST', '/components/climate/locks', {'lock_expiration': 60}).headers['location']
        body = {'lock_expiration': 60, 'break_lock': True}
        self.assertIn('lock-break', self.ask('developer', 403, 'POST', '/components/climate/locks', body).json['message'])
        self.get('tester', uri)
        own = self.ask('admin', 201, 'POST', '/components/climate/locks', body).headers['location']
        self.ask('admin', 204, 'DELETE', own)


class Lists(AccessCase):
    def test_no_list_names_what_may_not_be_read(self):
        """Whatever list the table of routes has: a client that may read no single resource gets an empty one."""
        paths = {path for method, path in matrix() if method == 'GET'}
        for name in 'data-lists', 'triggers', 'cyclic-subscriptions', 'locks':
            body = {'data-lists': {'ids': ['soc']}, 'locks': {'lock_expiration': 60}}.get(name, {'resource': '/sovd/v1/components/bms/data/soc', 'interval': 'slow', 'duration': 60})
            body = {'resource': body['resource'], 'trigger_condition': {'condition_type': 'OnChange'}} if name == 'triggers' else body
            self.ask('admin', 201, 'POST', f'/components/bms/{name}', body)
        self.ask('admin', 200, 'POST', '/components/gateway-ecu/communication-logs')
        seen = set()
        for path in sorted(paths):
            if '{' not in path.removeprefix('/{entity}') and any(other.startswith(path + '/{') for other in paths) and path != '/{entity-collection}':
                for entity in 'bms', 'hpc', 'climate', 'gateway-ecu':
                    where = path.replace('{entity}', f'components/{entity}')
                    reply = self.gateway.bare('GET', gateway.BASE + where, headers=who('admin'))
                    if reply.status == 200 and len(reply.json if isinstance(reply.json, list) else reply.json['items']):
                        with self.subTest(where):
                            seen.add(path)
                            found = self.gateway.bare('GET', gateway.BASE + where, headers=who('lists-only'))
                            if not path.startswith('/x-admin'):
                                self.assertEqual((found.status, found.json if isinstance(found.json, list) else found.json['items']), (200, []))
        self.assertGreaterEqual({path.split('/')[-1] for path in seen}, {'data', 'faults', 'operations', 'modes', 'configurations', 'scripts', 'bulk-data', 'updates',
                                                                        'communication-logs', 'data-lists', 'triggers', 'cyclic-subscriptions', 'locks'}, seen)

    def test_lists_of_scripts_bulk_data_and_updates_leave_out_what_is_denied(self):
        for path, denied in (('/components/climate/scripts', {'warm-up'}), ('/components/hpc/bulk-data', {'maps'}), ('/components/hpc/bulk-data/logs', {'crash-dump'}),
                             ('/updates', {'bms-2.2.0'})):
            def names(client, path=path):
                return {item if isinstance(item, str) else item['id'] for item in self.get(client, path)['items']}
            whole = names('tester')
            self.assertLessEqual(denied, whole)
            self.assertEqual(names('picky'), whole - denied)
            for name in denied:
                self.ask('picky', 403, 'GET', f'{path}/{name}')


class Tenants(AccessCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        polling.wait_until(lambda: {fault['entity'] for fault in cls.faults('tester')} >= {'components/bms', 'components/hpc'}, 20)
        cls.all_faults, cls.own_faults = cls.faults('tester'), cls.faults('tenant-a')  # before one of the tests clears them

    @classmethod
    def faults(cls, name):
        return cls.gateway.bare('GET', gateway.BASE + '/faults', headers=who(name)).json['items']

    def test_lists_have_the_own_entities_only(self):
        self.assertEqual(self.ids('tenant-a', '/components'), {'bms', 'cell-monitor'})
        self.assertEqual(self.ids('tenant-a', '/apps'), set())
        self.assertEqual(self.ids('tenant-a', '/areas'), {'powertrain'})
        self.assertEqual(self.ids('tenant-b', '/components'), {'hpc'})
        self.assertGreater(len(self.ids('tester', '/components')), 3)

    def test_relations_lead_to_the_own_entities_only(self):
        for path in ('/areas/powertrain/contains', '/components/bms/belongs-to', '/components/bms/depends-on', '/components/bms/subcomponents'):
            reply = self.gateway.request('GET', path, headers=who('tenant-a'))
            if reply.status == 200:
                for item in reply.json['items']:
                    self.assertIn(item['id'], POLICY['tenants']['a']['entities'][0] + 'cell-monitor powertrain')

    def test_what_is_another_tenants_does_not_exist(self):
        for method, path in (('GET', '/components/hpc'), ('GET', '/components/hpc/data'), ('GET', '/components/hpc/faults'),
                             ('DELETE', '/components/hpc/faults'), ('POST', '/components/hpc/locks'), ('GET', '/components/hpc/docs'),
                             ('GET', '/apps/navigation/faults/subscribe'), ('GET', '/components/hpc/snapshot'), ('GET', '/faults?entity=components/hpc'),
                             ('GET', '/faults/history?entity=components/hpc'), ('GET', '/export/faults?entity=components/hpc'),
                             ('GET', '/faults/subscribe?entity=components/hpc')):
            for name in ('tenant-a', 'admin-of-a'):
                with self.subTest(f'{name}: {method} {path}'):
                    if path.endswith('/docs'):
                        continue  # public here
                    hidden = self.gateway.bare(method, gateway.BASE + path, headers=who(name))
                    missing = self.gateway.bare(method, gateway.BASE + path.replace('hpc', 'xyz').replace('navigation', 'xyz'), headers=who(name))
                    self.assertEqual(hidden.status, 404, hidden)
                    self.assertEqual(hidden.json['message'].replace('hpc', 'xyz').replace('navigation', 'xyz'), missing.json['message'])

    def test_the_vehicles_faults_are_those_of_the_own_entities(self):
        everybodys = {fault['entity'] for fault in self.all_faults}
        self.assertIn('components/hpc', everybodys)
        own = {fault['entity'] for fault in self.own_faults}
        self.assertTrue(own)
        self.assertLessEqual(own, {'components/bms', 'components/cell-monitor', 'areas/powertrain'})
        past = self.get('tenant-a', '/faults/history')['items']
        self.assertTrue(past)
        self.assertNotIn('components/hpc', json.dumps(past))
        self.assertIn('components/hpc', json.dumps(self.get('tester', '/faults/history?limit=500')))
        for kind in ('current', 'history'):
            text = self.gateway.bare('GET', f'{gateway.BASE}/export/faults?kind={kind}', headers=who('tenant-a')).body.decode()
            self.assertIn('components/bms', text)
            self.assertNotIn('components/hpc', text)

    def test_pages_of_faults_end_where_the_own_ones_end(self):
        found, path = [], '/faults?limit=1'
        while path:
            reply = self.ask('tenant-a', 200, 'GET', path)
            found += [(item['entity'], item['code']) for item in reply.json['items']]
            link = re.search('<([^>]*)>; rel="next"', reply.headers.get('link', ''))
            path = link[1] if link else None
        self.assertEqual(found, [(item['entity'], item['code']) for item in self.get('tenant-a', '/faults')['items']])

    def test_streams_tell_of_the_own_entities_only(self):
        stream = self.stream('/faults/subscribe?snapshot=true', 'tenant-a')
        told = []
        while (event := stream.next()) and event.name != 'snapshot-end':
            told.append(event.text)
        self.assertTrue(told)
        self.assertNotIn('components/hpc', ''.join(told))
        self.ask('tester', 204, 'DELETE', '/components/hpc/faults')
        self.ask('tester', 204, 'DELETE', '/components/bms/faults')
        self.assertIn('components/bms', stream.next().text)

    def test_the_data_catalogue_has_the_own_values_only(self):
        def catalogue(name):
            reply = self.gateway.bare('GET', gateway.BASE + '/schema/data-catalog?limit=500', headers=who(name))
            return reply.json if reply.status == 200 else None
        self.until(lambda: catalogue('tester'))
        whole, own = catalogue('tester'), catalogue('tenant-a')
        self.assertEqual({item['entity'] for item in own['items']} - {'components/bms', 'components/cell-monitor', 'areas/powertrain'}, set())
        self.assertTrue(own['items'])
        self.assertLess(own['total'], whole['total'])
        self.assertNotEqual(own['version'], whole['version'])
        self.assertEqual({own['version']}, {catalogue(name)['version'] for name in ('tenant-a', 'admin-of-a', 'tenant-a')})

    def test_the_audit_log_has_what_the_own_clients_did_only(self):
        own = self.ask('tenant-b', 204, 'DELETE', '/components/hpc/faults').headers['x-request-id']
        refused = self.ask('tenant-b', 404, 'DELETE', '/components/bms/faults').headers['x-request-id']
        others = [self.ask('tenant-a', 204, 'DELETE', '/components/bms/faults'), self.ask('tester', 204, 'DELETE', '/components/hpc/faults'),
                  self.ask('tenant-a', 404, 'DELETE', '/components/hpc/faults'), self.ask('tenant-a', 403, 'GET', '/updates')]
        others = {reply.headers['x-request-id'] for reply in others}

        def seen(name):
            return {(item.get('req'), item['ev']) for item in self.get(name, '/audit?limit=1000')['items']}
        self.until(lambda: others < {request for request, _ in seen('auditor')})
        found = seen('auditor-of-b')
        self.assertLess({(own, 'request.intent'), (own, 'request.outcome'), (refused, 'access.refused')}, found)
        self.assertFalse(others & {request for request, _ in found})
        for principal in 'key:tenant-a', 'key:tester':
            self.assertEqual(self.get('auditor-of-b', f'/audit?principal={principal}')['items'], [])
        for path in '/audit/export', '/compliance-evidence':
            self.ask('auditor-of-b', 403, 'GET', path)
        self.ask('admin-of-a', 403, 'GET', '/audit')

    def test_the_whole_vehicle_is_for_tenants_that_have_it(self):
        for path in ('/health', '/updates', '//metrics'):
            self.ask('tenant-a', 403, 'GET', path)
            self.assertNotEqual(self.gateway.request('GET', path, headers=who('tenant-b')).status, 403)

    def test_a_lock_of_another_tenant_still_keeps_out(self):
        """The computer is not this tenant's, and what runs on it cannot be changed while somebody has it."""
        path = '/components/hpc/locks'
        uri = self.ask('tester', 201, 'POST', path, {'lock_expiration': 60}).headers['location']
        self.addCleanup(self.gateway.delete, uri, None, who('tester'))
        self.ask('tenant-b', 409, 'DELETE', '/components/hpc/faults')


class Places(AccessCase):
    more = {'limits': {'executions': 1}}

    def test_an_execution_of_an_entity_that_another_client_does_not_see_keeps_its_place(self):
        uri = self.ask('tenant-a', 202, 'POST', '/components/bms/operations/balance-cells/executions', {}).headers['location']
        reply = self.ask('tenant-b', 503, 'POST', '/components/hpc/operations/collect-report/executions', {})
        self.assertIn('the limit of executions', reply.json['message'])
        self.assertEqual(self.gateway.bare('GET', gateway.Gateway.full(uri), headers=who('tenant-a')).json['status'], 'running')


class Oracle(AccessCase):
    more = {'rate': {'per_principal': {'per_sec': 0}}}

    @classmethod
    def sections(cls, clients=None, **more):
        return {'auth': keys.section(*cls.clients, enabled=True, policy_file=str(cls.file)), **cls.more}

    def answer(self, name, method, path, entity, headers):
        reply = self.gateway.bare(method, f'{gateway.BASE}/components/{entity}{path}', {} if method in ('POST', 'PUT') else None, {**who(name), **headers})
        fields = {field: value for field, value in reply.headers.items() if field not in ('date', 'x-request-id', 'traceparent')}
        return reply.status, fields, reply.body.replace(entity.encode(), b'X')

    def test_what_is_another_tenants_cannot_be_told_from_what_is_not_there(self):
        """By no status, no field, no length and no word, on any path, with any method."""
        patterns = {key[1] for key in matrix() if key[1].startswith('/{entity}')}
        self.assertGreater(len(patterns), 40)
        self.ask('tester', 201, 'POST', '/components/hpc/locks', {'lock_expiration': 60})
        for pattern in sorted(patterns):
            path = re.sub(r'\{[^}]*\}', 'x', pattern.removeprefix('/{entity}'))
            for method in ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'):
                for headers in {}, {'If-Match': '"x"', 'Idempotency-Key': 'x'}, {'Accept': 'text/event-stream'}:
                    for name, suffix in ('tenant-a', ''), ('bms-only', ''), ('admin-of-a', '/docs'):
                        with self.subTest(f'{name}: {method} {path}{suffix} {headers}'):
                            there, not_there = (self.answer(name, method, path + suffix, entity, headers) for entity in ('hpc', 'hpx'))
                            self.assertEqual(there, not_there)
                            self.assertEqual(there[0], 404)


class Changes(AccessCase):
    more = {'fault_mirror': {'poll_secs': 0.2}, 'events': {'heartbeat_secs': 0.2}}
    clients = [entry('tester', 'tester'), entry('other', 'tester'), entry('admin', 'admin')]

    def reload(self, policy=None, clients=None, outcome='the configuration was read again'):
        self.file.write_text(json.dumps(policy if policy is not None else POLICY))
        self.gateway.reload(self.gateway.settings(VEHICLE, **self.sections(clients)), outcome)

    def tearDown(self):
        self.reload()

    def heartbeats(self):
        return self.gateway.metrics_as(who('admin'))['sovd_stream_heartbeats_total']

    def test_a_new_policy_holds_at_once(self):
        self.ask('tester', 200, 'GET', '/components/bms/data')
        self.reload({'roles': {'tester': {'inherits': ['viewer'], 'deny': [{'collections': ['data']}]}}})
        self.ask('tester', 403, 'GET', '/components/bms/data')
        self.ask('tester', 200, 'GET', '/components/bms/faults')

    def test_a_policy_that_is_not_acceptable_changes_nothing(self):
        for broken in ({'roles': {'x': {'allow': [{'collections': ['dta']}]}}}, {'rols': {}}, {'roles': {'admin': {}}}):
            self.reload(broken, outcome='the configuration is not acceptable')
            self.ask('tester', 200, 'GET', '/components/bms/data')
        self.assertRegex(self.gateway.log, r"policy\.yaml:1:\d+: .*there is no such name as 'dta'")
        self.file.write_text('roles: [')
        self.gateway.reload(self.gateway.settings(VEHICLE, **self.sections()), 'the configuration is not acceptable')
        self.ask('tester', 200, 'GET', '/components/bms/data')

    def test_a_role_that_no_policy_has_is_refused(self):
        self.reload(clients=[entry('tester', 'tster')], outcome='the configuration is not acceptable')
        self.assertRegex(self.gateway.log, "roles.*the policy has no role 'tster'")
        self.ask('tester', 200, 'GET', '/components/bms/data')
        self.reload(clients=[entry('tester', 'tester', tenant='nobodys')], outcome='the configuration is not acceptable')
        self.assertRegex(self.gateway.log, "the policy has no tenant 'nobodys'")

    def test_streams_end_with_what_allowed_them(self):
        of_faults, of_key = self.stream('/components/bms/faults/subscribe', 'tester'), self.stream('/faults/subscribe', 'other')
        self.reload({'roles': {'tester': {'deny': [{'collections': ['faults']}]}}})
        of_faults.rest()  # whatever came before, it ends
        of_key.rest()
        self.assertEqual(self.gateway.bare('GET', gateway.BASE + '/components/bms/faults/subscribe', headers=who('tester')).status, 404)

    def test_a_reload_that_changes_nothing_ends_no_stream(self):
        stream = self.stream('/components/bms/faults/subscribe', 'tester')
        self.reload()
        self.reload(clients=[entry('tester', 'tester'), entry('admin', 'admin')])
        looked = self.heartbeats() + 2  # they are sent when all streams are looked at
        self.until(lambda: self.heartbeats() > looked)
        self.ask('tester', 204, 'DELETE', '/components/bms/faults')
        self.until(lambda: '"cleared"' in stream.next().text)
        self.reload(clients=[entry('tester', 'tester', 'updater'), entry('admin', 'admin')])
        stream.rest()  # another role may see other faults

    def test_the_stream_of_a_subscription_outlives_a_policy_that_allows_it(self):
        body = {'resource': '/sovd/v1/components/bms/data/soc', 'interval': 'fast', 'duration': 60}
        made = self.ask('tester', 201, 'POST', '/components/bms/cyclic-subscriptions', body)
        path = f'/components/bms/cyclic-subscriptions/{made.json["id"]}/events'
        mine, others = self.stream(path, 'tester'), self.stream(path, 'other')
        self.assertIn('payload', mine.next().data)
        self.assertIn('payload', others.next().data)
        self.reload(clients=[entry('tester', 'tester'), entry('admin', 'admin')])  # the other key is gone
        self.until(lambda: others.next() is None)
        self.assertIn('payload', mine.next().data)

        self.reload({'roles': {'tester': {'inherits': ['viewer'], 'deny': [{'collections': ['data']}]}}})
        self.until(lambda: mine.next() is None)  # it may be read, and what it tells of may not

    def subscription(self, name):
        body = {'resource': '/sovd/v1/components/bms/data/soc', 'interval': 'fast', 'duration': 600}
        made = self.ask(name, 201, 'POST', '/components/bms/cyclic-subscriptions', body)
        return f'/components/bms/cyclic-subscriptions/{made.json["id"]}'

    def test_a_key_that_is_gone_takes_its_subscriptions_along(self):
        path = self.subscription('other')
        stream = self.stream(path + '/events', 'tester')
        self.assertIn('payload', stream.next().data)
        self.reload(clients=[entry('tester', 'tester'), entry('admin', 'admin')])
        self.assertIn('error', stream.rest()[-1].data)
        self.ask('tester', 404, 'GET', path)
        self.reload(clients=self.clients)  # that it comes back changes nothing
        self.ask('other', 404, 'GET', path)

    def test_a_key_that_is_exchanged_under_its_name_keeps_its_subscriptions(self):
        path = self.subscription('other')
        stream = self.stream(path + '/events', 'tester')
        self.reload(clients=[entry('tester', 'tester'), {**entry('new', 'tester'), 'name': 'other'}, entry('admin', 'admin')])
        before = self.gateway.metrics_as(who('admin'))['sovd_events_total']
        self.until(lambda: self.gateway.metrics_as(who('admin'))['sovd_events_total'] >= before + 3)
        self.assertIn('payload', stream.next().data)
        self.ask('other', 401, 'DELETE', path)
        self.ask('new', 204, 'DELETE', path)

    def test_a_key_that_has_ended_reads_for_no_subscription_until_it_is_good_again(self):
        soon = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 6))
        self.reload(clients=[*self.clients, entry('short', 'tester', expires=soon)])
        path = self.subscription('short')
        stream = self.stream(path + '/events', 'tester')
        self.until(lambda: 'error' in stream.next().data)
        self.reload(clients=[*self.clients, entry('short', 'tester')])
        self.until(lambda: 'payload' in stream.next().data)
        self.ask('short', 204, 'DELETE', path)

    def test_a_stream_ends_with_a_key_that_is_exchanged_under_its_name(self):
        mine, others = self.stream('/components/bms/faults/subscribe', 'tester'), self.stream('/components/bms/faults/subscribe', 'other')
        self.reload(clients=[entry('tester', 'tester'), {**entry('new', 'tester'), 'name': 'other'}, entry('admin', 'admin')])
        self.ask('other', 401, 'GET', '/components')
        others.wait_end()
        looked = self.heartbeats() + 2
        self.until(lambda: self.heartbeats() > looked)
        self.ask('tester', 204, 'DELETE', '/components/bms/faults')
        self.until(lambda: '"cleared"' in mine.next().text)

    def test_a_stream_ends_with_the_key_it_was_opened_with(self):
        soon = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 6))
        self.reload(clients=[*self.clients, entry('short', 'tester', expires=soon)])
        stream = self.stream('/components/bms/faults/subscribe', 'short')
        stream.rest()
        self.ask('short', 401, 'GET', '/components')


class Enabled(AccessCase):
    """Credentials are asked for while streams are open that nobody had to show any for."""
    policy = {'roles': {'anonymous': {'allow': [{'methods': ['GET']}], 'deny': [{'collections': ['faults'], 'resources': ['D10A12']}]}}}
    clients, is_on = [entry('admin', 'admin')], False

    @classmethod
    def sections(cls):
        return {'auth': super().sections()['auth'] if cls.is_on else {'enabled': False}, 'events': {'heartbeat_secs': 0.2}}

    def test_a_stream_of_before_that_leaves_nothing_out_ends(self):
        stream = events.Stream(socket.create_connection((self.gateway.host, self.gateway.port)), gateway.BASE + '/components/bms/faults/subscribe')
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        type(self).is_on = True
        self.gateway.reload(self.gateway.settings(VEHICLE, **self.sections()), 'the configuration was read again')
        self.ask(None, 200, 'GET', '/components/bms/faults')  # the stream itself is allowed
        self.ask(None, 401, 'GET', '/components/bms/faults/D10A12')
        stream.wait_end()


class Persistent(polling.Waiting, unittest.TestCase):
    def test_a_trigger_reads_after_a_restart_as_who_made_it(self):
        """The policy of then asks for his roles again."""
        with tempfile.TemporaryDirectory() as folder:
            file, state = pathlib.Path(folder, 'policy.yaml'), pathlib.Path(folder, 'state')
            state.mkdir()

            def daemon(policy):
                file.write_text(json.dumps(policy))
                started = gateway.Gateway(VEHICLE, ready=False, storage={'path': str(state)}, events={'trigger_secs': 0.1},
                                          auth=keys.section(entry('a', 'fitter', tenant='a'), entry('admin', 'admin'), enabled=True, policy_file=str(file)))
                started.wait_ready()
                return started

            triggers = gateway.BASE + '/components/bms/triggers'
            new = {'resource': gateway.BASE + '/components/bms/data/soc', 'trigger_condition': {'condition_type': 'OnChange'}, 'persistent': True,
                   'multishot': True}
            with daemon(POLICY) as before:
                made = before.bare('POST', triggers, {**new, 'resource': gateway.BASE + '/components/bms/data/voltage'}, who('a'))
                self.assertEqual(made.status, 201, made)
                path = f'{triggers}/{made.json["id"]}'
            with daemon(POLICY) as same:
                self.until(lambda: same.metrics_as(who('admin'))['sovd_readings_total'] > 3)
                self.assertEqual(same.metrics_as(who('admin'))['sovd_readings_failed_total'], 0)
            with daemon({**POLICY, 'tenants': {'a': {'entities': ['components/hpc']}}}) as other:
                self.until(lambda: other.metrics_as(who('admin'))['sovd_readings_failed_total'] > 3)
                self.assertEqual(other.bare('GET', path, headers=who('a')).status, 404)
                self.assertIn('there is no', other.bare('GET', path, headers=who('admin')).body.decode())

    def test_a_trigger_whose_key_is_gone_after_a_restart_ends(self):
        with tempfile.TemporaryDirectory() as folder:
            def daemon(*clients):
                started = gateway.Gateway(VEHICLE, ready=False, storage={'path': folder}, events={'trigger_secs': 0.1},
                                          auth=keys.section(entry('admin', 'admin'), *clients, enabled=True))
                started.wait_ready()
                return started

            triggers = gateway.BASE + '/components/bms/triggers'
            new = {'resource': gateway.BASE + '/components/bms/data/soc', 'trigger_condition': {'condition_type': 'OnChange'}, 'persistent': True, 'multishot': True}
            with daemon(entry('a', 'tester')) as before:
                path = f'{triggers}/{before.bare("POST", triggers, new, who("a")).json["id"]}'
            with daemon(entry('a', 'tester')) as same:
                self.assertEqual(same.bare('GET', path, headers=who('a')).status, 200)
            with daemon() as gone:
                self.until(lambda: gone.bare('GET', path, headers=who('admin')).status == 404)
            with daemon(entry('a', 'tester')) as again:
                self.assertEqual(again.bare('GET', path, headers=who('a')).status, 404)


class Explained(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.policy, self.config = pathlib.Path(folder.name, 'policy.yaml'), pathlib.Path(folder.name, 'gateway.yaml')
        self.policy.write_text('roles:\n  fitter:\n    inherits: [tester]\n    deny:\n      - {collections: [data], methods: [PUT]}\n'
                               'tenants:\n  a: {entities: [components/bms]}\n')
        self.config.write_text(json.dumps({'auth': keys.section(entry('x', 'tester'), enabled=True, policy_file=str(self.policy))}))

    def explain(self, principal, *request):
        return gateway.run('--config', self.config, '--explain-access', '--principal', principal, *request)

    def test_it_says_the_rule_with_its_line(self):
        status, text, _ = self.explain('roles=fitter', 'PUT', '/components/bms/data/soc')
        self.assertEqual(status, 1)
        self.assertIn('role fitter, deny 1', text)
        self.assertIn('policy.yaml:5:', text)

    def test_its_exit_status_is_the_decision(self):
        for principal, method, path, status in (
                ('roles=fitter', 'GET', '/components/bms/data/soc', 0), ('roles=viewer', 'PUT', '/components/bms/data/soc', 1),
                ('roles=tester,tenant=a', 'GET', '/components/bms/faults', 0), ('roles=tester,tenant=a', 'GET', '/components/hpc/faults', 1),
                ('roles=viewer,admin', 'GET', '/sovd/v1/x-admin/backup', 0), ('anonymous', 'GET', '/healthz', 0), ('anonymous', 'GET', '/metrics', 1),
                ('roles=tester,scopes=', 'GET', '/components/bms/faults', 1), ('roles=nobodys', 'GET', '/components', 1),
                ('roles=viewer', 'GET', '/nothing/of/this/kind', 2), ('roles=viewer', 'PATCH', '/components', 2), ('viewer', 'GET', '/components', 2)):
            with self.subTest(f'{principal} {method} {path}'):
                found = self.explain(principal, method, path)
                self.assertEqual(found[0], status, found)

    def test_it_says_what_a_request_would_be_answered(self):
        for principal, method, path, first in (
                ('anonymous', 'GET', '/components', 'denied (401)'), ('anonymous', 'GET', '/components/bms/data', 'denied (401)'),
                ('roles=nobodys', 'GET', '/components', 'denied (403)'), ('roles=nobodys', 'GET', '/components/bms', 'denied (404: the entity does not exist for it)'),
                ('roles=auditor', 'GET', '/audit/docs', 'allowed'), ('roles=nobodys', 'GET', '/audit/docs', 'denied (403)')):
            with self.subTest(f'{principal} {method} {path}'):
                self.assertEqual(self.explain(principal, method, path)[1].split('\n')[0], first)

    def test_what_is_for_everybody_or_for_auditors_is_said_of_each_configuration(self):
        self.config.write_text(json.dumps({'auth': keys.section(entry('x', 'tester'), enabled=True, public_metrics=True, public_docs=True)}))
        for path in '/metrics', '/components/bms/docs', '/docs':
            self.assertEqual(self.explain('anonymous', 'GET', path)[0], 0, path)
        self.config.write_text(json.dumps({'auth': keys.section(entry('x', 'tester'))}))
        for principal, path, status in (('anonymous', '/audit', 1), ('roles=tester', '/compliance-evidence', 1), ('roles=auditor', '/audit', 0),
                                        ('roles=auditor', '/x-admin/backup', 1), ('roles=admin', '/x-admin/backup', 0), ('anonymous', '/components', 0)):
            self.assertEqual(self.explain(principal, 'GET', path)[0], status, (principal, path))

    def test_the_page_shows_what_is_true(self):
        page = (pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'authorisation.md').read_text()
        self.policy.write_text(re.search('```yaml\n(.*?)```', page, re.S)[1])
        status, text, errors = self.explain('roles=fitter,tenant=battery-maker', 'PUT', '/components/bms/data/odometer')
        self.assertEqual((status, errors), (1, ''))
        shown = re.search(r'odometer\n(denied.*?)```', page, re.S)[1]
        self.assertEqual(re.sub(r'\S*policy\.yaml', 'policy.yaml', text), shown)
        self.assertEqual(self.explain('roles=fitter', 'PUT', '/components/bms/modes/session')[0], 0)
        self.assertEqual(self.explain('roles=tester,scopes=faults:read', 'GET', '/components/bms/faults')[0], 0)

    def test_a_policy_that_is_not_acceptable_is_no_decision(self):
        self.policy.write_text('roles: {x: {allow: [{collections: [dta]}]}}\n')
        status, _, errors = self.explain('roles=fitter', 'GET', '/components')
        self.assertEqual(status, 2)
        self.assertRegex(errors, r"policy\.yaml:1:\d+: .*there is no such name as 'dta'")
        self.assertEqual(gateway.run('--check-config', self.config)[0], 2)


class NotAcceptable(unittest.TestCase):
    def refused(self, why, **auth):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder, 'gateway.yaml')
            config.write_text(json.dumps({'auth': auth}))
            status, _, errors = gateway.run('--config', config)
            self.assertEqual(status, 2)
            self.assertRegex(errors, why)

    def test_a_start_without_its_policy_is_refused(self):
        self.refused('/nonexistent/policy.yaml: cannot be read', **keys.section(entry('x', 'tester'), enabled=True, policy_file='/nonexistent/policy.yaml'))

    def test_a_policy_that_was_emptied_is_refused(self):
        with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
            for text in '', '{}', '# nothing\n', 'tenant_required: false\n':
                pathlib.Path(file.name).write_text(text)
                self.refused('has no roles, no scopes and no tenants', **keys.section(entry('x', 'tester'), enabled=True, policy_file=file.name))

    def test_a_policy_that_nobody_enforces_is_refused(self):
        self.refused('auth.policy_file: nothing is enforced while auth.enabled is false', policy_file='/nonexistent/policy.yaml')

    def test_a_role_that_does_not_exist_is_refused(self):
        self.refused(r"auth\.api_keys\[0\]\.roles.*the policy has no role 'tster'", **keys.section(entry('x', 'tster'), enabled=True))


if __name__ == '__main__':
    unittest.main()
