# SPDX-License-Identifier: Apache-2.0
"""Triggers: which steps of a value fire which condition, what an event carries, and what is refused."""
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway

BMS = '/components/bms'
TRIGGERS = BMS + '/triggers'


def condition(kind, **more):
    return {'trigger_condition': {'condition_type': kind, **more}}


CHANGE = {'resource': 'data/soc', **condition('OnChange')}


class TriggerCase(gateway.GatewayCase):
    sections = {'events': {'trigger_secs': 0.03, 'lifetime_max_secs': 1000}}

    def setUp(self):
        self.hold(50)

    def hold(self, value, data='soc'):
        """Sets a value, and waits until the gateway would read it."""
        self.ecu.set(component='bms', data=data, value=value, hold=True)
        self.until(lambda: self.get(f'{BMS}/data/{data}')['data'] == value)

    def make(self, at=TRIGGERS, **members):
        made = self.ask(201, 'POST', at, {'resource': 'data/soc', 'multishot': True, **members}).json
        self.addCleanup(self.gateway.bare, 'DELETE', f'/sovd/v1{at}/{made["id"]}')
        return made

    def open(self, made, **headers):
        stream = events.Stream(events.connect(self.gateway), events.target(made['event_source']), **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def looked(self):
        """Waits until every trigger has been looked at at least once more."""
        before = self.gateway.metrics()['sovd_readings_total']
        self.until(lambda: self.gateway.metrics()['sovd_readings_total'] >= before + 4)

    def steps(self, *values):
        for value in values:
            self.hold(value)
            self.looked()

    def refused(self, status, about, **members):
        body = {name: value for name, value in {**CHANGE, **members}.items() if value is not ...}
        self.assertIn(about, self.ask(status, 'POST', TRIGGERS, body).json['message'], members)


class Conditions(TriggerCase):
    def fired(self, steps, **members):
        """The payloads that these steps of the value cause, beginning at 50."""
        stream = self.open(self.make(**members))
        self.steps(*steps)
        self.hold(99.5)  # outside of all ranges, and a value that no condition waits for
        made = self.ask(200, 'GET', TRIGGERS).json['items'][-1]
        self.looked()
        self.ask(204, 'DELETE', f'{TRIGGERS}/{made["id"]}')
        return [event.payload for event in stream.rest()]

    def test_on_change_fires_at_each_other_value_and_never_at_the_first(self):
        self.assertEqual(self.fired((50, 51, 51, 40), **condition('OnChange')), [51, 40, 99.5])

    def test_enter_range_fires_at_the_step_inside_borders_included(self):
        self.assertEqual(self.fired((60, 70, 75, 80, 81, 80), **condition('EnterRange', lower_bound=70, upper_bound=80)), [70, 80])

    def test_leave_range_fires_at_the_step_outside(self):
        self.assertEqual(self.fired((60, 61, 62, 45, 39), **condition('LeaveRange', lower_bound=40.5, upper_bound=60)), [61, 39])

    def test_on_change_to_fires_at_the_step_to_the_value(self):
        self.assertEqual(self.fired((49, 60, 60, 61, 60), **condition('OnChangeTo', value=60.0)), [60, 60])

    def test_a_value_that_is_there_from_the_start_does_not_fire(self):
        self.assertEqual(self.fired((50,), **condition('OnChangeTo', value=50)), [])
        self.hold(50)
        self.assertEqual(self.fired((55,), **condition('EnterRange', lower_bound=40, upper_bound=60)), [])


class Events(TriggerCase):
    def test_a_single_shot_ends_with_its_event_and_is_terminated(self):
        made = self.make(multishot=False, **condition('OnChange'))
        self.assertEqual((made['status'], made['multishot'], made['persistent']), ('active', False, False))
        stream = self.open(made)
        self.hold(51)
        self.assertEqual([event.payload for event in stream.rest()], [51])
        path = f'{TRIGGERS}/{made["id"]}'
        self.until(lambda: self.get(path)['status'] == 'terminated')
        self.assertIn('terminated', self.ask(409, 'PUT', path, {'lifetime': 5}).json['message'])
        self.assertEqual(self.open(made).rest(), [])
        self.assertEqual([event.payload for event in self.open(made, Last_Event_ID='0').rest()], [51])

    def test_an_event_before_the_stream_is_opened_is_not_lost(self):
        made = self.make(**condition('OnChange'))
        self.hold(52)
        self.looked()
        self.assertEqual(self.open(made).next().payload, 52)

    def test_a_path_observes_an_element_of_a_body(self):
        made = self.make(resource='data', path='/items/0/id', **condition('OnChange'))
        self.assertEqual(made['path'], '/items/0/id')
        self.assertEqual(self.get(f'{TRIGGERS}/{made["id"]}'), made)

    def test_a_list_can_be_watched(self):
        made = self.make(resource='faults', **condition('OnChange'))
        stream = self.open(made)
        self.ecu.set(component='bms', data='cell-temp-max', value=50, hold=True)
        self.assertIn('P0A7F', [fault['code'] for fault in stream.next().payload['items']])
        self.ecu.set(component='bms', data='cell-temp-max', value=30, hold=True)

    def test_a_failure_is_told_once_and_ends_nothing(self):
        made = self.make(**condition('OnChange'))
        stream = self.open(made)
        self.ecu.inject('status=500:soc')
        self.addCleanup(self.ecu.clear_injection)
        self.assertIn('error_code', stream.next().error)
        self.looked()
        self.ecu.clear_injection()
        self.until(lambda: self.gateway.get(BMS + '/data/soc').status == 200)
        self.hold(53)
        self.assertEqual(stream.next().payload, 53)
        self.assertIn('error_code', self.get(f'{TRIGGERS}/{made["id"]}')['last_error'])

    def test_the_schema_of_events_says_what_the_payload_is(self):
        made = self.ask(201, 'POST', TRIGGERS + '?include-schema=true', CHANGE).json
        self.assertIn('member data', made['event_schema']['properties']['payload']['description'])
        self.ask(204, 'DELETE', f'{TRIGGERS}/{made["id"]}')

    def test_put_restarts_the_lifetime(self):
        made = self.make(lifetime=500, **condition('OnChange'))
        path = f'{TRIGGERS}/{made["id"]}'
        expires = self.ask(200, 'PUT', path, {'lifetime': 100}).json['expires']
        self.assertLess(expires, made['expires'])
        self.assertEqual(self.get(path)['expires'], expires)
        for body in {}, {'lifetime': 0}, {'lifetime': 1001}, {'lifetime': 'x'}, {'lifetime': None}:
            self.ask(400, 'PUT', path, body)

    def test_it_ends_with_its_lifetime(self):
        made = self.make(lifetime=1, **condition('OnChange'))
        started = time.monotonic()
        self.assertEqual(self.open(made).rest(), [])
        self.assertTrue(0.8 < time.monotonic() - started < 3)
        self.ask(404, 'GET', f'{TRIGGERS}/{made["id"]}')

    def test_the_list_has_the_short_form(self):
        made = self.make(**condition('OnChange'))
        item = next(item for item in self.get(TRIGGERS)['items'] if item['id'] == made['id'])
        self.assertEqual(item, {name: made[name] for name in
                                ('id', 'observed_resource', 'event_source', 'protocol', 'expires', 'status')})


class Refusals(TriggerCase):
    def test_members_are_checked(self):
        for change in ({'resource': ...}, {'trigger_condition': ...}, {'trigger_condition': 'OnChange'}, {'multishot': 1},
                       {'persistent': 'x'}, {'lifetime': 0}, {'lifetime': 1001}, {'lifetime': 'x'}, {'protocol': 'ws'},
                       {'path': 'soc'}, {'path': '/~2'}, {'path': '/nothing'}, {'path': 5}, {'resource': 'data/none'},
                       {'resource': '/sovd/v1/components/climate/data/fan-speed'}, {'log_settings': {}},
                       {'log_settings': {'log_severity': 'loud'}}):
            self.refused(400, next(iter(change)), **change)

    def test_conditions_are_checked_against_themselves_and_the_value(self):
        for about, kind, more in (('condition_type', 'Never', {}), ('condition_type', 5, {}), ('lower_bound', 'EnterRange', {}),
                                  ('upper_bound', 'EnterRange', {'lower_bound': 1}), ('lower_bound', 'LeaveRange', {'upper_bound': 1}),
                                  ('lower_bound', 'EnterRange', {'lower_bound': '1', 'upper_bound': 2}),
                                  ('upper_bound', 'EnterRange', {'lower_bound': 3, 'upper_bound': 2}), ('value', 'OnChangeTo', {}),
                                  ('value', 'OnChangeTo', {'value': 'on'}), ('value', 'OnChangeTo', {'value': True}),
                                  ('value', 'OnChangeTo', {'value': [1]}), ('value', 'OnChangeTo', {'value': None})):
            self.refused(400, about, **condition(kind, **more))
        self.refused(400, 'a number', resource='data/serial-number', **condition('EnterRange', lower_bound=1, upper_bound=2))
        self.refused(400, 'an object', resource='faults', **condition('LeaveRange', lower_bound=1, upper_bound=2))

    def test_what_is_not_built_is_501_with_its_reason(self):
        self.refused(501, 'restart', persistent=True)
        self.refused(501, 'log', log_settings={'log_severity': 'info', 'log_marker_text': 'x'})
        self.refused(501, 'observation', resource='triggers')

    def test_a_value_that_cannot_be_read_now_is_no_start(self):
        self.ecu.inject('status=503:soc')
        self.addCleanup(self.ecu.clear_injection)
        self.assertGreaterEqual(self.gateway.post(TRIGGERS, CHANGE).status, 500)


if __name__ == '__main__':
    unittest.main()
