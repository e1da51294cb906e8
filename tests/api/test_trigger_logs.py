# SPDX-License-Identifier: Apache-2.0
"""Triggers that write into the log of their entity, what else may be observed there, and what clearing ends."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import polling

CONTEXT = {'id': 'app', 'type': 'AUTOSAR_DLT', 'application_id': 'ECU', 'context_id': 'CORE', 'severity': 'debug'}
VEHICLE = {'components': [
    {'id': 'ecu',
     'data': [{'id': 'speed', 'type': 'integer', 'value': 0, 'writable': True},
              {'id': 'text', 'type': 'string', 'value': 'a', 'writable': True}],
     'configurations': [{'id': 'limit', 'type': 'integer', 'value': 5},
                        {'id': 'curve', 'type': 'string', 'content_type': 'text/csv', 'value': 'a,b\n1,2\n'}],
     'operations': [{'id': 'flash'}],
     'bulk_data': [{'category': 'maps', 'writable': True, 'quota_bytes': 4096}],
     'logs': {'contexts': [CONTEXT], 'keep': 500},
     'clear_data': {'client_defined': {}}, 'status': {'supports': ['force-shutdown', 'start']}},
    {'id': 'silent', 'data': [{'id': 'speed', 'value': 0}], 'clear_data': {'client_defined': {}}}]}
ECU = '/components/ecu'
TRIGGERS, SUBSCRIPTIONS = ECU + '/triggers', ECU + '/cyclic-subscriptions'
CHANGE = {'resource': 'data/speed', 'trigger_condition': {'condition_type': 'OnChange'}, 'multishot': True}
EVENTS = {'trigger_secs': 0.03, 'fast_secs': 0.05}


class TriggerLogCase(unittest.TestCase):
    """A simulated vehicle that takes log entries."""
    vehicle = VEHICLE

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='gw')
        cls.addClassCleanup(cls.folder.cleanup)
        folder = pathlib.Path(cls.folder.name)
        cls.unix = str(folder / 'g.sock')
        (folder / 'vehicle.yaml').write_text(json.dumps(cls.vehicle), encoding='utf-8')
        settings = gateway.Gateway.settings(events=EVENTS, server={'unix_socket': cls.unix, 'allowed_hosts': ['*']}, locks={'required': []})
        (folder / 'gateway.yaml').write_text(json.dumps(settings), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=['--config', str(folder / 'gateway.yaml'), f'--demo={folder / "vehicle.yaml"}'])
        cls.addClassCleanup(cls.gateway.stop)

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def until(self, condition):
        result = polling.wait_until(condition, 20)
        self.assertTrue(result, 'did not happen in time')
        return result

    def write(self, value, data='speed'):
        self.ask(204, 'PUT', f'{ECU}/data/{data}', {'data': value})

    def make(self, headers=None, at=TRIGGERS, **members):
        made = self.ask(201, 'POST', at, {**CHANGE, **members} if at == TRIGGERS else members, headers).json
        self.addCleanup(self.gateway.bare, 'DELETE', f'/sovd/v1{at}/{made["id"]}')
        return made

    def open(self, made, **headers):
        stream = events.Stream(events.connect(self.gateway), events.target(made['event_source']), **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def entries(self, about):
        return [entry for entry in self.get(ECU + '/logs/entries')['items'] if about in entry['msg']]

    def entry(self, about):
        return self.until(lambda: self.entries(about))[0]

    def step(self, made, value, data='speed'):
        """The event that a new value causes."""
        stream = self.open(made)
        self.write(value, data)
        return stream.next()


class Logging(TriggerLogCase):
    def setUp(self):
        self.write(0)

    def test_the_entry_has_the_severity_the_marker_the_value_and_the_condition(self):
        condition = {'condition_type': 'EnterRange', 'lower_bound': 10, 'upper_bound': 20}
        made = self.make(trigger_condition=condition, log_settings={
            'log_severity': 'warn', 'log_resource': True, 'log_trigger_condition': True, 'log_marker_text': 'tö fast'})
        self.assertEqual(self.step(made, 15).payload, 15)
        entry = self.entry(made['id'])
        self.assertEqual(entry['severity'], 'warn')
        self.assertEqual(entry['context']['context_id'], 'CORE')
        head, resource, text = entry['msg'].split('; ')
        self.assertEqual((head, resource), (f'tö fast: trigger {made["id"]} fired', '/components/ecu/data/speed is 15'))
        self.assertEqual(json.loads(text.removeprefix('condition ')), condition)

    def test_what_is_not_asked_for_is_not_written(self):
        made = self.make(log_settings={'log_severity': 'debug'})
        self.step(made, 1)
        entry = self.entry(made['id'])
        self.assertEqual((entry['severity'], entry['msg']), ('debug', f'trigger {made["id"]} fired'))

    def test_the_settings_are_shown_with_their_defaults(self):
        made = self.make(log_settings={'log_severity': 'info', 'log_marker_text': 'mark'})
        self.assertEqual(made['log_settings'], {'log_severity': 'info', 'log_resource': False, 'log_trigger_condition': False,
                                                'log_marker_text': 'mark'})
        self.assertEqual(self.get(f'{TRIGGERS}/{made["id"]}'), made)
        self.assertNotIn('log_settings', next(item for item in self.get(TRIGGERS)['items'] if item['id'] == made['id']))
        self.assertNotIn('log_settings', self.make())

    def test_each_event_of_a_multishot_is_written_and_the_only_one_of_a_single_shot(self):
        many = self.make(log_settings={'log_severity': 'info', 'log_resource': True})
        once = self.make(log_settings={'log_severity': 'info'}, multishot=False)
        quiet = self.make()
        stream = self.open(many)
        for value in 1, 2, 3:
            self.write(value)
            self.assertEqual(stream.next().payload, value)
        self.until(lambda: len(self.entries(many['id'])) == 3)
        self.assertEqual([entry['msg'].rsplit(' ', 1)[1] for entry in self.entries(many['id'])], ['1', '2', '3'])
        self.until(lambda: self.get(f'{TRIGGERS}/{once["id"]}')['status'] == 'terminated')
        self.assertEqual(len(self.entries(once['id'])), 1)
        self.assertEqual(self.entries(quiet['id']), [])

    def test_a_long_value_is_cut_between_characters_and_says_so(self):
        self.write('short', 'text')
        made = self.make(resource='data/text', log_settings={'log_severity': 'info', 'log_resource': True})
        value = 'x' + '\u20ac' * 1000
        self.assertEqual(self.step(made, value, 'text').payload, value)
        message = self.entry(made['id'])['msg']
        self.assertLess(len(message.encode()), 1300)
        self.assertTrue(message.endswith('\u20ac... (3003 bytes)'), message[-40:])

    def test_after_delete_nothing_is_written(self):
        made = self.make(log_settings={'log_severity': 'info'})
        self.step(made, 1)
        self.entry(made['id'])
        self.ask(204, 'DELETE', f'{TRIGGERS}/{made["id"]}')
        other = self.make()
        self.step(other, 2)
        self.assertEqual(len(self.entries(made['id'])), 1)

    def test_entries_are_counted(self):
        before = self.gateway.metrics()['sovd_trigger_log_entries_total']
        self.step(self.make(log_settings={'log_severity': 'info'}), 1)
        self.until(lambda: self.gateway.metrics()['sovd_trigger_log_entries_total'] == before + 1)
        self.assertEqual(self.gateway.metrics()['sovd_trigger_log_failures_total'], 0)

    def test_below_the_configured_severity_the_log_keeps_nothing(self):
        self.ask(204, 'PUT', ECU + '/logs/config', {'items': [{'context': {'type': 'AUTOSAR_DLT'}, 'severity': 'warn'}]})
        self.addCleanup(self.ask, 204, 'DELETE', ECU + '/logs/config')
        quiet = self.make(log_settings={'log_severity': 'info'})
        loud = self.make(log_settings={'log_severity': 'error'})
        stream = self.open(quiet)
        self.step(loud, 1)
        stream.next()
        self.entry(loud['id'])
        self.assertEqual(self.entries(quiet['id']), [])

    def test_an_entity_without_a_log_answers_501_and_says_why(self):
        reply = self.ask(501, 'POST', '/components/silent/triggers', {**CHANGE, 'log_settings': {'log_severity': 'info'}})
        self.assertIn('no log that takes entries', reply.json['message'])
        self.ask(201, 'POST', '/components/silent/triggers', CHANGE)

    def test_bad_settings_are_named(self):
        for settings, member in (({}, 'log_severity'), ({'log_severity': 'loud'}, 'log_severity'), ({'log_severity': 3}, 'log_severity'),
                                 ({'log_severity': 'info', 'log_resource': 'yes'}, 'log_resource'),
                                 ({'log_severity': 'info', 'log_trigger_condition': 1}, 'log_trigger_condition'),
                                 ({'log_severity': 'info', 'log_marker_text': 5}, 'log_marker_text'),
                                 ({'log_severity': 'info', 'log_marker_text': 'x' * 1025}, 'log_marker_text'),
                                 ({'log_severity': 'info', 'log_marker_text': 'a\nb'}, 'log_marker_text'), ('info', 'log_settings')):
            reply = self.ask(400, 'POST', TRIGGERS, {**CHANGE, 'log_settings': settings})
            self.assertIn(member, reply.json['message'])
            self.assertIn('/log_settings', reply.json['path'])

    def test_a_trigger_on_the_log_may_not_write_into_it(self):
        body = {**CHANGE, 'resource': 'logs/entries'}
        self.assertIn('its own entries', self.ask(400, 'POST', TRIGGERS, {**body, 'log_settings': {'log_severity': 'info'}}).json['message'])
        self.make(resource='logs/entries')


class Observing(TriggerLogCase):
    def first(self, headers=None, **members):
        made = self.make(headers, SUBSCRIPTIONS, **{'interval': 'fast', 'duration': 60, **members})
        return self.open(made).next().payload

    def test_uris_in_events_begin_where_the_subscriber_stands(self):
        for host in 'one.example', 'two.example:8080':
            for resource in 'logs', 'clear-data', 'status':
                payload = self.first({'Host': host}, resource=resource)
                uris = [value for value in payload.values() if '/sovd/' in str(value)]
                self.assertTrue(uris, payload)
                for uri in uris:
                    self.assertTrue(uri.startswith(f'http://{host}/sovd/v1/components/ecu/{resource}'), uri)

    def test_an_event_is_what_get_answers_whatever_the_resource(self):
        for resource in ('operations', 'operations/flash', 'configurations', 'configurations/limit', 'bulk-data', 'bulk-data/maps',
                         'logs/config', 'logs/entries', 'clear-data/status', 'data-lists', 'data-groups', 'locks', 'faults'):
            if self.gateway.get(f'{ECU}/{resource}').status == 200:
                with self.subTest(resource):
                    self.assertEqual(self.first(resource=resource), self.get(f'{ECU}/{resource}'))

    def test_what_is_bytes_cannot_be_observed(self):
        self.ask(201, 'POST', ECU + '/bulk-data/maps', b'{"a": 1}', {'Content-Type': 'application/json',
                                                                     'Content-Disposition': 'attachment; name="m"; filename="m.json"'})
        item = self.get(ECU + '/bulk-data/maps')['items'][0]['id']
        for resource, why in (f'bulk-data/maps/{item}', 'not answer there with JSON'), ('configurations/curve', 'text/csv'):
            for path, body in (SUBSCRIPTIONS, {'interval': 'fast', 'duration': 60}), (TRIGGERS, CHANGE):
                reply = self.ask(501, 'POST', path, {**body, 'resource': resource})
                self.assertIn(why, reply.json['message'])


class Clearing(TriggerLogCase):
    def bare(self, path, body=None, method='POST', unix=False):
        return self.gateway.bare(method, '/sovd/v1' + path, body, connection=gateway.UnixConnection(self.unix) if unix else None)

    def test_clearing_ends_what_the_client_observes_at_the_entity_and_nothing_else(self):
        subscription = {'resource': 'data/speed', 'interval': 'fast', 'duration': 600}
        own = [self.make(at=SUBSCRIPTIONS, **subscription), self.make()]
        streams = [self.open(made) for made in own]
        elsewhere = self.bare('/components/silent/triggers', CHANGE).json
        others = [self.bare(path, body, unix=True).json for path, body in ((SUBSCRIPTIONS, subscription), (TRIGGERS, CHANGE))]
        self.ask(202, 'PUT', ECU + '/clear-data/client-defined-resources')
        for stream in streams:
            stream.rest()
            self.assertTrue(stream.ended)
        for made, path in zip(own, (SUBSCRIPTIONS, TRIGGERS)):
            self.ask(404, 'GET', f'{path}/{made["id"]}')
        self.ask(200, 'GET', f'/components/silent/triggers/{elsewhere["id"]}')
        for made, path in zip(others, (SUBSCRIPTIONS, TRIGGERS)):
            self.ask(200, 'GET', f'{path}/{made["id"]}')
            self.assertEqual(self.bare(f'{path}/{made["id"]}', method='DELETE', unix=True).status, 204)


class Trouble(TriggerLogCase):
    """Its status can be read while it is off, and its log cannot be written."""

    def test_what_cannot_be_written_is_counted_and_kept_and_ends_nothing(self):
        made = self.make(resource='status', path='/status', log_settings={'log_severity': 'info', 'log_resource': True})
        stream = self.open(made)
        self.ask(202, 'PUT', ECU + '/status/force-shutdown')
        self.assertEqual(stream.next().payload, 'notReady')
        self.until(lambda: 'last_error' in self.get(f'{TRIGGERS}/{made["id"]}'))
        self.assertIn('shut down', self.get(f'{TRIGGERS}/{made["id"]}')['last_error']['message'])
        metrics = self.gateway.metrics()
        self.assertEqual((metrics['sovd_trigger_log_failures_total'], metrics['sovd_trigger_log_entries_total']), (1, 0))
        self.assertEqual(metrics['sovd_readings_failed_total'], 0)
        self.ask(202, 'PUT', ECU + '/status/start')
        self.assertEqual(stream.next().payload, 'ready')
        self.assertTrue(self.entry(made['id'])['msg'].endswith('; /components/ecu/status at /status is "ready"'))


if __name__ == '__main__':
    unittest.main()
