# SPDX-License-Identifier: Apache-2.0
"""Persistent triggers over a kill of the gateway: they are there again, and those that are not are not."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import polling
from restarts import A, B, RestartCase, without_audit

VEHICLE = {'components': [{'id': 'ecu', 'data': [{'id': 'limit', 'value': 1, 'writable': True}],
                           'logs': {'contexts': [{'id': 'app', 'type': 'AUTOSAR_DLT', 'application_id': 'ECU',
                                                  'context_id': 'CORE', 'severity': 'debug'}], 'keep': 100},
                           'clear_data': {'client_defined': {}}}]}
ECU = '/components/ecu'
TRIGGERS = ECU + '/triggers'
CHANGE = {'resource': 'data/limit', 'trigger_condition': {'condition_type': 'OnChange'}}


class Triggers(RestartCase):
    sections = {'events': {'trigger_secs': 0.03, 'lifetime_max_secs': 1000}}

    def setUp(self):
        super().setUp()
        scenario = self.folder / 'vehicle.yaml'
        scenario.write_text(json.dumps(VEHICLE), encoding='utf-8')
        self.backends = [{'name': 'car', 'type': 'sim', 'scenario': str(scenario)}]
        self.start()

    def make(self, status=201, who=A, **members):
        return self.ask(status, 'POST', TRIGGERS, {**CHANGE, 'persistent': True, **members}, who).json

    def path(self, made):
        return f'{TRIGGERS}/{made["id"]}'

    def read(self, made, status=200):
        return self.ask(status, 'GET', self.path(made), who=A).json

    def looked(self):
        """Until a look at everything has begun and ended after now."""
        before = self.gateway.metrics()['sovd_readings_total']
        self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_readings_total'] >= before + 2, 10))

    def write(self, value):
        self.ask(204, 'PUT', ECU + '/data/limit', {'data': value}, A)

    def open(self, made, **headers):
        stream = events.Stream(events.connect(self.gateway), gateway.Gateway.full(self.path(made) + '/events'), **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def test_a_persistent_trigger_fires_after_the_restart(self):
        log = {'log_severity': 'warn', 'log_marker_text': 'seen', 'log_resource': True, 'log_trigger_condition': False}
        made = self.make(multishot=True, lifetime=500, log_settings=log)
        self.assertIs(made['persistent'], True)
        self.assertEqual(self.read(made), made)
        self.restart()
        again = self.read(made)
        for member in 'id', 'trigger_condition', 'multishot', 'persistent', 'status', 'expires', 'protocol', 'log_settings':
            self.assertEqual(again[member], made[member], member)
        self.assertNotIn('last_error', again)
        self.looked()
        stream = self.open(made)
        self.write(5)
        self.assertEqual(stream.next().payload, 5)
        self.write(6)
        self.assertEqual(stream.next().payload, 6)
        self.assertNotIn('last_error', self.read(made))
        entries = self.ask(200, 'GET', ECU + '/logs/entries').json['items']
        self.assertEqual([entry['msg'].split(' ')[0] for entry in entries if made['id'] in entry['msg']], ['seen:'] * 2)

    def test_the_value_after_the_restart_is_where_it_starts_from(self):
        self.write(7)
        made = self.make(multishot=True)
        self.restart()  # the simulated vehicle begins with 1 again
        self.looked()
        stream = self.open(made)
        self.write(2)
        self.assertEqual(stream.next().payload, 2)

    def test_one_that_has_fired_stays_terminated(self):
        made = self.make()
        stream = self.open(made)
        self.write(5)
        self.assertEqual([event.payload for event in stream.rest()], [5])
        self.restart()
        self.assertEqual(self.read(made)['status'], 'terminated')
        self.write(6)
        self.assertEqual(self.open(made).rest(), [])
        self.ask(409, 'PUT', self.path(made), {'lifetime': 5}, A)
        self.ask(204, 'DELETE', self.path(made), who=A)

    def test_others_end_with_the_process(self):
        made = self.make(persistent=False)
        subscription = self.ask(201, 'POST', ECU + '/cyclic-subscriptions', {'resource': 'data/limit', 'interval': 'slow',
                                                                             'duration': 100}, A).json
        self.restart()
        self.read(made, 404)
        self.ask(404, 'GET', f'{ECU}/cyclic-subscriptions/{subscription["id"]}')
        self.assertEqual(self.ask(200, 'GET', TRIGGERS).json['items'], [])

    def test_a_new_lifetime_and_the_end_of_one_are_kept(self):
        made, gone, cleared = self.make(lifetime=20), self.make(), self.make(who=B)
        changed = self.ask(200, 'PUT', self.path(made), {'lifetime': 900}, A).json
        self.ask(204, 'DELETE', self.path(gone), who=A)
        self.ask(403, 'DELETE', self.path(made), who=B)
        self.ask(202, 'PUT', ECU + '/clear-data/client-defined-resources', None, B)
        self.assertTrue(polling.wait_until(lambda: len(self.ask(200, 'GET', TRIGGERS).json['items']) == 1, 10))
        self.restart()
        self.assertEqual(self.read(made)['expires'][:19], changed['expires'][:19])
        self.assertEqual([item['id'] for item in self.ask(200, 'GET', TRIGGERS).json['items']], [made['id']])
        self.ask(403, 'DELETE', self.path(made), who=B)
        self.read(gone, 404)
        self.read(cleared, 404)

    def test_one_whose_time_ended_meanwhile_is_gone(self):
        made = self.make()
        self.kill()
        self.sql('UPDATE persistent_trigger SET expires_usec=1')
        self.start()
        self.read(made, 404)
        self.kill()
        self.assertEqual(self.sql('SELECT count(*) FROM persistent_trigger'), [(0,)])
        self.start()

    def test_limits_count_what_was_there_before(self):
        self.sections = {**self.sections, 'limits': {'triggers': 3, 'triggers_per_client': 2}}
        self.restart()
        self.make(), self.make()
        self.restart()
        self.assertIn('limits.triggers_per_client', self.make(503)['message'])
        self.make(who=B)
        self.assertIn('limits.triggers)', self.make(503, who=B)['message'])

    def test_without_a_storage_path_there_are_none(self):
        self.restart(storage={})
        reply = self.make(501)
        self.assertEqual(reply['path'], '/persistent')
        self.assertIn('storage.path', reply['message'])
        self.make(persistent=False)

    def test_a_data_list_is_no_resource_for_one(self):
        made = self.ask(201, 'POST', ECU + '/data-lists', {'ids': ['limit']}, A).json
        self.assertEqual(self.make(400, resource=f'data-lists/{made["id"]}')['path'], '/persistent')

    @without_audit
    def test_a_full_disk_refuses_and_changes_nothing(self):
        made = self.make(lifetime=100)
        there_is_space = self.disk_is_full()
        self.refused('POST', TRIGGERS, {**CHANGE, 'persistent': True}, A)
        self.refused('PUT', self.path(made), {'lifetime': 900}, A)
        self.refused('DELETE', self.path(made), who=A)
        self.assertEqual([item['expires'] for item in self.ask(200, 'GET', TRIGGERS).json['items']], [made['expires']])
        self.make(persistent=False)  # needs no disk
        self.write(5)
        self.assertEqual([event.payload for event in self.open(made).rest()], [5])  # it fires all the same
        there_is_space()
        self.ask(204, 'DELETE', self.path(made), who=A)


if __name__ == '__main__':
    unittest.main()
