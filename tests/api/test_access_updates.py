# SPDX-License-Identifier: Apache-2.0
"""Update packages by another name, and what they change: a rule that denies reaches both."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_access
import gateway
from test_access import entry

REAL = 'bms-2.2.0'  # which the server chooses as autonomous; it changes components/bms and takes components/cell-monitor along
POLICY = {
    'roles': {
        'no-package': {'inherits': ['updater'], 'deny': [{'collections': ['updates'], 'resources': ['bms-*']}]},
        'no-bms': {'inherits': ['updater'], 'deny': [{'entities': ['components/bms']}]},
        'bms-as-it-is': {'inherits': ['updater'], 'deny': [{'entities': ['components/bms'], 'methods': ['PUT', 'POST', 'DELETE']}]},
        'no-cells': {'inherits': ['updater'], 'deny': [{'entities': ['components/cell-monitor']}]},
    },
    'tenants': {'other': {'entities': ['components/hpc'], 'vehicle': True}, 'owner': {'entities': ['components/bms', 'components/cell-monitor'], 'vehicle': True}},
}
CLIENTS = [entry('no-package', 'no-package'), entry('no-bms', 'no-bms'), entry('bms-as-it-is', 'bms-as-it-is'), entry('no-cells', 'no-cells'),
           entry('other', 'updater', tenant='other'), entry('owner', 'updater', tenant='owner'), entry('updater', 'updater')]


class Updates(test_access.AccessCase):
    policy, clients = POLICY, CLIENTS

    def components(self, name, package=REAL):
        detail = self.get(name, f'/updates/{package}')
        return {uri.rsplit('/', 1)[1] for member in ('updated_components', 'affected_components') for uri in detail.get(member, [])}

    def test_a_package_that_is_denied_is_not_reached_as_the_one_that_the_server_chooses(self):
        self.assertEqual(self.get('updater', '/updates/autonomous')['id'], REAL)
        for method, path in ('GET', ''), ('GET', '/status'), ('PUT', '/prepare'), ('PUT', '/execute'), ('PUT', '/automated'):
            for package in REAL, 'autonomous':
                with self.subTest(f'{method} {package}{path}'):
                    reply = self.ask('no-package', 403, method, f'/updates/{package}{path}')
                    self.assertNotIn(REAL.encode(), reply.body)

    def test_what_may_not_be_changed_is_not_changed_by_an_update(self):
        for name in 'no-bms', 'bms-as-it-is', 'no-cells', 'other':
            for action in 'prepare', 'execute', 'automated':
                for package in REAL, 'autonomous':
                    with self.subTest(f'{name}: {action} {package}'):
                        self.ask(name, 403, 'PUT', f'/updates/{package}/{action}')
        self.assertEqual(self.get('updater', f'/updates/{REAL}/status'), {'phase': 'prepare', 'status': 'pending', 'progress': 0})

    def test_what_may_not_be_seen_is_not_named_by_a_package(self):
        for package in REAL, 'autonomous':
            self.assertEqual(self.components('updater', package), {'bms', 'cell-monitor'})
            self.assertEqual(self.components('no-bms', package), {'cell-monitor'})
            self.assertEqual(self.components('bms-as-it-is', package), {'bms', 'cell-monitor'})
            self.assertEqual(self.components('no-cells', package), {'bms'})
            self.assertEqual(self.components('other', package), set())


class Progress(test_access.AccessCase):
    policy, clients = POLICY, CLIENTS

    def test_its_progress_names_what_may_be_seen_and_who_may_change_all_of_it_starts_it(self):
        self.until(lambda: self.gateway.bare('PUT', '/sovd/v1/updates/autonomous/automated', headers=test_access.who('owner')).status == 202)
        status = self.get('owner', '/updates/autonomous/status')
        self.assertTrue([part for part in status['subprogress'] if part['entity'].endswith('/components/bms')], status)
        for name in 'no-bms', 'other':
            self.assertEqual(self.get(name, '/updates/autonomous/status').get('subprogress', []), [])


class Running(test_access.AccessCase):
    policy, clients = POLICY, CLIENTS

    def test_the_one_that_runs_is_named_to_those_who_may_read_it(self):
        self.ask('updater', 202, 'PUT', f'/updates/{REAL}/prepare')
        for action, code in ('prepare', 'update-preparation-in-progress'), ('execute', 'update-preparation-in-progress'):
            told = self.ask('updater', 409, 'PUT', f'/updates/climate-3.1.0/{action}')
            self.assertIn(REAL, told.json['message'])
            reply = self.ask('no-package', 409, 'PUT', f'/updates/climate-3.1.0/{action}')
            self.assertEqual((reply.json['error_code'], told.json['error_code']), (code, code))
            self.assertNotIn(REAL.encode(), reply.body)

    def test_one_that_runs_at_another_server_is_named_to_those_who_may_read_every_package(self):
        with gateway.Gateway(test_access.VEHICLE) as inner:
            backend = {'name': 'inner', 'type': 'sovd', 'base_url': f'http://{inner.host}:{inner.port}'}
            with gateway.Gateway(backend, ready=False, **self.sections()) as outer:
                outer.wait_ready()

                def act(name, package):
                    return outer.bare('PUT', f'{gateway.BASE}/updates/{package}/prepare', headers=test_access.who(name))
                self.until(lambda: act('updater', REAL).status == 202)
                told, reply = act('updater', 'climate-3.1.0'), act('no-package', 'climate-3.1.0')
                self.assertEqual((told.status, reply.status, reply.json['error_code']), (409, 409, told.json['error_code']))
                self.assertIn(REAL, told.json['message'])
                self.assertNotIn(REAL.encode(), reply.body)


if __name__ == '__main__':
    unittest.main()
