# SPDX-License-Identifier: Apache-2.0
"""What a simulated entity does over HTTP, alone and behind a second gateway: values with members, configurations of
both types, modes with proofs, faults with conditions."""
import hashlib
import hmac
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway

BLOB = b'\x00\xff\r\n--\x01'
ECU = '/components/ecu'
SCENARIO = {'components': [{
    'id': 'ecu',
    'data': [{'id': 'mirror', 'type': 'object', 'value': {'Left': 1, 'Right': 2, 'Mode': 'auto'}, 'writable': True, 'groups': ['body'],
              'members': [{'id': 'Left', 'min': 0, 'max': 9}, {'id': 'Right', 'type': 'integer', 'min': 0, 'max': 9},
                          {'id': 'Mode', 'type': 'string', 'values': ['auto', 'fixed'], 'value_translation_ids': ['m.auto', 'm.fixed']}]},
             {'id': 'steps', 'type': 'array', 'value': [1, 2], 'min': 1, 'max': 3, 'writable': True,
              'members': [{'id': 'step', 'type': 'integer', 'max': 100}]},
             {'id': 'pressure', 'unit': 'bar', 'unit_factor': 0.00001, 'value': 2.5, 'min': 0, 'max': 10, 'tags': ['air']},
             {'id': 'dead', 'value': 1, 'read_error': 'the sensor does not answer', 'groups': ['sensors']},
             {'id': 'guarded', 'value': 1, 'writable': True, 'requires': {'session': 'extended'}}],
    'groups': [{'id': 'body', 'name': 'Body work', 'translation_id': 'group.body', 'tags': ['outside'],
                'category': 'storedData', 'category_translation_id': 'category.stored'}],
    'modes': [{'id': 'session', 'values': ['default', 'extended', 'programming'], 'expires_secs': 300, 'tags': ['uds'],
               'transitions': [{'from': 'default', 'to': ['extended']}, {'from': 'extended', 'to': ['default', 'programming']},
                               {'from': 'programming', 'to': ['default']}]},
              {'id': 'security', 'values': ['locked', 'Level_1'], 'access': 'seed_key', 'key': 'secret', 'requires': {'session': ['extended']}}],
    'configurations': [{'id': 'limit', 'type': 'integer', 'value': 5, 'min': 1, 'max': 9, 'tags': ['small']},
                       {'id': 'signed', 'type': 'integer', 'value': 5, 'signature_key': 'pen'},
                       {'id': 'map', 'type': 'string', 'value': 'first', 'content_type': 'application/octet-stream', 'max_bytes': 64},
                       {'id': 'guarded', 'type': 'integer', 'value': 5, 'requires': {'session': 'extended'}}],
    'faults': [{'code': 'A', 'name': 'a', 'scope': 'engine', 'heals_after_secs': 0, 'clear_requires': {'session': 'extended'}, 'freeze_frame': ['dead']},
               {'code': 'B', 'name': 'b', 'heals_after_secs': 0, 'scope': 'body'}]}]}


class SimulatedCase(unittest.TestCase):
    """One simulated ECU; each test begins with the default session."""
    nested = False

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='sim')
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / 'ecu.yaml'
        path.write_text(json.dumps(SCENARIO), encoding='utf-8')
        cls.gateway = gateway.Gateway({'name': 'sim', 'type': 'sim', 'scenario': str(path)})
        cls.addClassCleanup(cls.gateway.stop)
        if cls.nested:
            cls.gateway = gateway.Gateway({'name': 'inner', 'base_url': f'http://127.0.0.1:{cls.gateway.port}', 'refresh_secs': 1})
            cls.addClassCleanup(cls.gateway.stop)

    def setUp(self):
        self.session('default')

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, ECU + path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def session(self, value, status=200):
        return self.ask(status, 'PUT', '/modes/session', {'value': value, 'mode_expiration': 200})


class Values(SimulatedCase):
    def test_an_object_is_replaced_as_a_whole(self):
        self.ask(204, 'PUT', '/data/mirror', {'data': {'Left': 3.5, 'Right': 4, 'Mode': 'fixed'}})
        self.assertEqual(self.ask(200, 'GET', '/data/mirror').json['data'], {'Left': 3.5, 'Right': 4, 'Mode': 'fixed'})

    def test_the_faulty_member_is_named_by_a_json_pointer(self):
        for value, path in (({'Left': 10, 'Right': 4, 'Mode': 'auto'}, '/data/Left'), ({'Left': 1, 'Right': 0.5, 'Mode': 'auto'}, '/data/Right'),
                            ({'Left': 1, 'Right': 1, 'Mode': 'x'}, '/data/Mode'), ({'Left': 1, 'Right': 1}, '/data/Mode'),
                            ({'Left': 1, 'Right': 1, 'Mode': 'auto', 'a/b~c': 1}, '/data/a~1b~0c'), (3, '/data')):
            with self.subTest(path):
                error = self.ask(400, 'PUT', '/data/mirror', {'data': value}).json
                self.assertEqual((error['path'], error['error']['error_code']), (path, 'incomplete-request'))

    def test_an_array_has_so_many_items_of_one_kind(self):
        self.ask(204, 'PUT', '/data/steps', {'data': [7, 8, 9]})
        self.assertEqual(self.ask(200, 'GET', '/data/steps').json['data'], [7, 8, 9])
        for value, path in ([], '/data'), ([1, 2, 3, 4], '/data'), ([1, 'x'], '/data/1'), ([101], '/data/0'), ({}, '/data'):
            self.assertEqual(self.ask(400, 'PUT', '/data/steps', {'data': value}).json['path'], path)

    def test_the_schema_has_range_unit_members_and_translations(self):
        schema = self.ask(200, 'GET', '/data/pressure?include-schema=true').json['schema']['properties']['data']
        self.assertEqual({key: schema[key] for key in ('type', 'minimum', 'maximum', 'x-sovd-unit')},
                         {'type': 'number', 'minimum': 0, 'maximum': 10, 'x-sovd-unit': {'display_name': 'bar', 'factor_si_to_unit': 0.00001}})
        members = self.ask(200, 'GET', '/data/mirror?include-schema=true').json['schema']['properties']['data']['properties']
        self.assertEqual(members['Mode']['x-sovd-enum-translation-ids'], ['m.auto', 'm.fixed'])

    def test_a_value_that_cannot_be_read_is_empty_and_erroneous(self):
        value = self.ask(200, 'GET', '/data/dead').json
        self.assertEqual((value['data'], value['errors'][0]['path']), ({}, '/data'))
        self.assertEqual(value['errors'][0]['error']['message'], 'the sensor does not answer')

    def test_a_member_of_a_list_that_cannot_be_read_does_not_spoil_the_others(self):
        name = self.ask(201, 'POST', '/data-lists', {'ids': ['dead', 'pressure']}).json['id']
        dead, pressure = self.ask(200, 'GET', f'/data-lists/{name}').json['items']
        self.assertEqual(dead['errors'][0]['path'], '/items/0/data')
        self.assertEqual((pressure['data'], 'errors' in pressure), (2.5, False))
        self.ask(204, 'DELETE', f'/data-lists/{name}')

    def test_tags_filter_data_lists_and_groups(self):
        name = self.ask(201, 'POST', '/data-lists', {'ids': ['dead', 'pressure']}).json['id']
        self.assertEqual([entry['id'] for entry in self.ask(200, 'GET', '/data-lists?tags=air').json['items']], [name])
        self.assertEqual(self.ask(200, 'GET', '/data-lists?tags=none').json['items'], [])
        self.assertEqual([group['id'] for group in self.ask(200, 'GET', '/data-groups?tags=outside').json['items']], ['body'])
        self.ask(204, 'DELETE', f'/data-lists/{name}')

    def test_groups_are_described_as_far_as_they_are_known(self):
        body, sensors = self.ask(200, 'GET', '/data-groups').json['items']
        self.assertEqual(body, {'id': 'body', 'category': 'storedData', 'category_translation_id': 'category.stored',
                                'group': 'Body work', 'group_translation_id': 'group.body', 'tags': ['outside']})
        self.assertEqual(sensors, {'id': 'sensors', 'category': 'currentData'})

    def test_a_write_may_need_a_mode(self):
        error = self.ask(409, 'PUT', '/data/guarded', {'data': 2}).json
        self.assertEqual(error['error_code'], 'precondition-not-fulfilled')
        self.assertIn("needs mode 'session' to be 'extended', and it is 'default'", error['message'])
        self.session('extended')
        self.ask(204, 'PUT', '/data/guarded', {'data': 2})


class Configurations(SimulatedCase):
    def setUp(self):
        super().setUp()
        self.session('extended')
        self.ask(204, 'DELETE', '/configurations')
        self.session('default')

    def entry(self, name):
        return next(entry for entry in self.ask(200, 'GET', '/configurations').json['items'] if entry['id'] == name)

    def test_a_bulk_configuration_has_type_and_version_and_a_parameter_has_neither(self):
        entry = self.entry('map')
        self.assertEqual((entry['type'], entry['content_type'], entry['version']),
                         ('bulk', 'application/octet-stream', hashlib.sha256(b'first').hexdigest()[:12]))
        self.assertEqual(set(self.entry('limit')), {'id', 'name', 'type', 'tags'})

    def test_bytes_are_kept_as_they_are_and_change_the_version(self):
        before = self.entry('map')['version']
        self.ask(204, 'PUT', '/configurations/map', BLOB, {'Content-Type': 'application/octet-stream'})
        reply = self.ask(200, 'GET', '/configurations/map')
        self.assertEqual((reply.body, reply.headers['content-type']), (BLOB, 'application/octet-stream'))
        self.assertNotEqual(self.entry('map')['version'], before)

    def test_accept_chooses_and_what_is_not_there_is_406(self):
        for accept in '*/*', 'application/octet-stream', 'application/*':
            self.ask(200, 'GET', '/configurations/map', headers={'Accept': accept})
        for name, accept in ('map', 'application/json'), ('limit', 'application/octet-stream'):
            self.assertEqual(self.ask(406, 'GET', f'/configurations/{name}', headers={'Accept': accept}).json['vendor_code'], 'not-acceptable')

    def test_a_wrong_form_is_415_and_too_many_bytes_are_413(self):
        for name, kind, body in (('map', 'text/plain', b'x'), ('limit', 'application/octet-stream', b'x'), ('map', 'application/json', b'{"data":"x"}')):
            self.assertIn('is written as', self.ask(415, 'PUT', f'/configurations/{name}', body, {'Content-Type': kind}).json['message'])
        self.ask(413, 'PUT', '/configurations/map', b'x' * 65, {'Content-Type': 'application/octet-stream'})

    def test_writes_are_refused_in_the_wrong_mode_and_with_a_bad_value(self):
        self.assertEqual(self.ask(409, 'PUT', '/configurations/guarded', {'data': 6}).json['error_code'], 'precondition-not-fulfilled')
        self.assertEqual(self.ask(400, 'PUT', '/configurations/limit', {'data': 10}).json['path'], '/data')

    def test_a_signature_is_checked_where_there_is_a_key(self):
        good = hmac.new(b'pen', b'7', hashlib.sha256).hexdigest()
        for signature in None, 'x', good[:-1] + ('0' if good[-1] != '0' else '1'):
            body = {'data': 7} if signature is None else {'data': 7, 'signature': signature}
            error = self.ask(400, 'PUT', '/configurations/signed', body).json
            self.assertEqual((error['error_code'], error['path']), ('invalid-signature', '/signature'))
        self.ask(204, 'PUT', '/configurations/signed', {'data': 7, 'signature': good})
        self.ask(501, 'PUT', '/configurations/limit', {'data': 7, 'signature': good})

    def test_reset_brings_the_defaults_back(self):
        self.ask(204, 'PUT', '/configurations/limit', {'data': 8})
        self.ask(204, 'PUT', '/configurations/map', BLOB, {'Content-Type': 'application/octet-stream'})
        self.ask(204, 'DELETE', '/configurations/limit')
        self.assertEqual(self.ask(200, 'GET', '/configurations/limit').json['data'], 5)
        self.assertEqual(self.ask(200, 'GET', '/configurations/map').body, BLOB)
        self.assertIn("'guarded'", self.ask(409, 'DELETE', '/configurations').json['message'])
        self.assertEqual(self.ask(200, 'GET', '/configurations/map').body, BLOB)
        self.session('extended')
        self.ask(204, 'DELETE', '/configurations')
        self.assertEqual(self.ask(200, 'GET', '/configurations/map').body, b'first')
        self.ask(404, 'DELETE', '/configurations/none')

    def test_tags_filter_the_list(self):
        self.assertEqual([entry['id'] for entry in self.ask(200, 'GET', '/configurations?tags=small').json['items']], ['limit'])

    def test_an_etag_guards_bytes_too(self):
        etag = self.ask(200, 'GET', '/configurations/map').headers['etag']
        kind = {'Content-Type': 'application/octet-stream', 'If-Match': etag}
        self.ask(204, 'PUT', '/configurations/map', BLOB, kind)
        self.ask(412, 'PUT', '/configurations/map', b'late', kind)


class Modes(SimulatedCase):
    def seed(self):
        answer = self.ask(200, 'PUT', '/modes/security', {'value': 'Level_1_RequestSeed'}).json
        self.assertEqual(answer['seed']['Request_Seed'], answer['parameters']['seed'])
        return answer['parameters']['seed']

    def test_a_transition_that_is_not_allowed_is_409(self):
        error = self.session('programming', 409).json
        self.assertEqual(error['message'], "mode 'session' cannot go from 'default' to 'programming'")

    def test_security_needs_the_session_and_the_key_and_ends_with_the_session(self):
        self.ask(409, 'PUT', '/modes/security', {'value': 'Level_1_RequestSeed'})
        self.session('extended')
        key = hmac.new(b'secret', bytes.fromhex(self.seed()) + b'Level_1', hashlib.sha256).hexdigest()
        self.assertEqual(self.ask(200, 'PUT', '/modes/security', {'value': 'Level_1', 'parameters': {'key': key}}).json['value'], 'Level_1')
        self.assertEqual(self.ask(200, 'GET', '/modes/security').json['value'], 'Level_1')
        self.ask(409, 'PUT', '/modes/security', {'value': 'Level_1', 'key': key})
        self.session('default')
        self.assertEqual(self.ask(200, 'GET', '/modes/security').json['value'], 'locked')

    def test_a_wrong_key_is_403(self):
        self.session('extended')
        self.seed()
        error = self.ask(403, 'PUT', '/modes/security', {'value': 'Level_1', 'key': {'Send_Key': '00'}}).json
        self.assertEqual(error['error_code'], 'insufficient-access-rights')
        key = hmac.new(b'secret', bytes.fromhex(self.seed()) + b'Level_1', hashlib.sha256).hexdigest()
        self.ask(200, 'PUT', '/modes/security', {'value': 'Level_1', 'key': {'Send_Key': key}})

    def test_the_schema_tells_defaults_and_bounds(self):
        properties = self.ask(200, 'GET', '/modes/session?include-schema=true').json['schema']['properties']
        self.assertEqual(properties['value']['default'], 'default')
        self.assertEqual((properties['mode_expiration']['maximum'], properties['mode_expiration']['default']), (300, 300))

    def test_tags_filter_the_list(self):
        self.assertEqual([mode['id'] for mode in self.ask(200, 'GET', '/modes?tags=uds').json['items']], ['session'])


class Faults(SimulatedCase):
    def test_clearing_needs_the_mode_and_names_it(self):
        for path in '/faults/A', '/faults':
            self.assertIn("needs mode 'session' to be 'extended'", self.ask(409, 'DELETE', path).json['message'])
        self.ask(404, 'DELETE', '/faults?scope=none')
        self.assertEqual(self.ask(200, 'GET', '/faults?scope=none').json['items'], [])
        self.ask(204, 'DELETE', '/faults?scope=body')
        self.assertEqual([fault['code'] for fault in self.ask(200, 'GET', '/faults').json['items']], ['A'])

    def test_a_frame_without_a_value_says_so(self):
        detail = self.ask(200, 'GET', '/faults/A').json
        self.assertEqual(detail['errors'][0]['path'], '/environment_data/freeze_frame/dead')


class ValuesBehind(Values):
    """The same through a second gateway."""
    nested = True


class ConfigurationsBehind(Configurations):
    """The same through a second gateway."""
    nested = True


class ModesBehind(Modes):
    """The same through a second gateway."""
    nested = True


class FaultsBehind(Faults):
    """The same through a second gateway."""
    nested = True


if __name__ == '__main__':
    unittest.main()
