# SPDX-License-Identifier: Apache-2.0
"""Simulated entities as backends of a configuration: checked, reloaded, and listed as they can be reached."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling


def scenario(value=1, **more):
    return {'components': [{'id': 'pump', 'data': [{'id': 'speed', 'value': value, 'writable': True}], **more}]}


class SimCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='sim')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, content, name='pump.yaml'):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1), encoding='utf-8')
        return {'name': name.removesuffix('.yaml'), 'type': 'sim', 'scenario': str(path)}

    def refused(self, *backends):
        """What --check-config says about a configuration that is no good."""
        config = self.folder / 'gateway.yaml'
        config.write_text(json.dumps({'backends': backends}, indent=1), encoding='utf-8')
        status, _, stderr = gateway.run('--check-config', '--config', config)
        self.assertEqual(status, 2, stderr)
        return stderr


class Configured(SimCase):
    def test_simulated_and_real_backends_stand_side_by_side(self):
        with ecu.DemoEcu() as server, gateway.Gateway(self.write(scenario()), server) as daemon:
            self.assertEqual(daemon.get('/components/pump/data/speed').json['data'], 1)
            self.assertEqual(daemon.get('/components/bms/data/soc').status, 200)
            self.assertEqual([(entry['name'], entry['type']) for entry in daemon.health()['backends']],
                             [('pump', 'sim'), ('demo', 'sovd')])

    def test_the_first_one_in_the_list_owns_an_id(self):
        with gateway.Gateway(self.write(scenario(1), 'a.yaml'), self.write(scenario(2), 'b.yaml')) as daemon:
            self.assertEqual(daemon.get('/components/pump/data/speed').json['data'], 1)

    def test_a_good_one_is_accepted_by_the_check(self):
        config = self.folder / 'gateway.yaml'
        config.write_text(json.dumps({'backends': [self.write(scenario())]}), encoding='utf-8')
        self.assertEqual(gateway.run('--check-config', '--config', config)[0], 0)

    def test_what_is_wrong_is_said_with_file_line_and_key(self):
        good = self.write(scenario())
        for entry, expected in (({'name': 'x', 'type': 'sim'}, 'backends[0].scenario: a backend of type sim needs this key'),
                                ({**good, 'type': 'sovd', 'base_url': 'http://127.0.0.1:1'}, 'scenario: only a backend of type sim'),
                                ({**good, 'base_url': 'http://127.0.0.1:1'}, 'base_url: only a backend of type sovd'),
                                ({**good, 'type': 'toy'}, 'backends[0].type: must be sovd or sim'),
                                ({**good, 'name': 'a/b'}, 'backends[0].name: must have'),
                                ({**good, 'scenario': '/nowhere/x.yaml'}, "scenario: '/nowhere/x.yaml' cannot be read: No such file"),
                                ({'name': 'x'}, 'base_url: must begin with http')):
            with self.subTest(expected):
                message = self.refused(entry)
                self.assertIn(expected, message)
                self.assertRegex(message, r'gateway\.yaml:\d+:\d+: ')
        self.assertIn('name: another backend has this name', self.refused(good, good))

    def test_a_broken_scenario_is_named_by_its_own_file_and_line(self):
        bad = self.write('components:\n  - { id: pump, areas: [none] }\n')
        self.assertRegex(self.refused(bad), r"pump\.yaml:2:\d+: components\[0\]\.areas\[0\]: there is no area 'none'")


class Reloaded(SimCase):
    def test_a_changed_scenario_file_replaces_the_backend_and_an_unchanged_one_keeps_its_state(self):
        one, other = self.write(scenario(1)), self.write({'components': [{'id': 'fan', 'data': [{'id': 'x', 'value': 1, 'writable': True}]}]}, 'fan.yaml')
        with gateway.Gateway(one, other) as daemon:
            self.assertEqual(daemon.put('/components/fan/data/x', {'data': 7}).status, 204)
            self.write(scenario(2))
            daemon.reload(daemon.settings(one, other))
            self.assertEqual(daemon.get('/components/pump/data/speed').json['data'], 2)
            self.assertEqual(daemon.get('/components/fan/data/x').json['data'], 7)

    def test_a_broken_scenario_changes_nothing(self):
        one = self.write(scenario(1))
        with gateway.Gateway(one) as daemon:
            self.write('components: [{ id: pump, faults: 3 }]')
            daemon.reload(daemon.settings(one))
            self.assertIn('the old one stays in force', daemon.log)
            self.assertEqual(daemon.get('/components/pump/data/speed').json['data'], 1)

    def test_an_entry_comes_changes_its_type_and_goes(self):
        one = self.write(scenario(1))
        with ecu.DemoEcu() as server, gateway.Gateway(one) as daemon:
            daemon.reload(daemon.settings({**gateway.backend_of(server), 'name': 'pump'}))
            self.assertTrue(polling.wait_until(lambda: daemon.get('/components/bms/data/soc').status == 200, 20))
            self.assertEqual(daemon.get('/components/pump').status, 404)
            daemon.reload(daemon.settings(one))
            self.assertTrue(polling.wait_until(lambda: daemon.get('/components/pump/data/speed').status == 200, 20))
            daemon.reload(daemon.settings())
            self.assertEqual(daemon.get('/components/pump').status, 404)


class Reachability(SimCase):
    def test_an_entity_is_listed_as_disconnected_while_it_cannot_be_reached(self):
        spec = scenario(unreachable_after_secs=0.6, unreachable_for_secs=1.2)
        spec['components'].append({'id': 'fan', 'data': [{'id': 'x', 'value': 1}]})
        with gateway.Gateway(self.write(spec)) as daemon:
            def state(name):
                return next(e['connectionState'] for e in daemon.get('/components').json['items'] if e['id'] == name)

            self.assertTrue(polling.wait_until(lambda: state('pump') == 'disconnected', 20))
            refused = daemon.get('/components/pump/data/speed')
            self.assertEqual((refused.status, 'retry-after' in refused.headers), (503, True))
            self.assertEqual((state('fan'), daemon.get('/components/fan/data/x').status), ('connected', 200))
            self.assertTrue(polling.wait_until(lambda: state('pump') == 'connected', 20))
            self.assertEqual(daemon.get('/components/pump/data/speed').status, 200)

    def test_a_stop_does_not_wait_for_an_entity_to_come_back(self):
        with gateway.Gateway(self.write(scenario(unreachable_after_secs=1000))) as daemon:
            self.assertEqual(daemon.get('/components/pump').json['connectionState'], 'connected')


if __name__ == '__main__':
    unittest.main()
