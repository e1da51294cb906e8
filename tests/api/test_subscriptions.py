# SPDX-License-Identifier: Apache-2.0
"""Cyclic subscriptions: what is answered, what the events are, when they end, who may change them, what is refused."""
import datetime
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway

BMS = '/components/bms'
SUBSCRIPTIONS = BMS + '/cyclic-subscriptions'
SOC = {'resource': 'data/soc', 'interval': 'fast', 'duration': 60}


class SubscriptionCase(gateway.GatewayCase):
    sections = {'events': {'fast_secs': 0.05, 'normal_secs': 0.2, 'slow_secs': 0.4, 'duration_max_secs': 100}}

    def subscribe(self, path=SUBSCRIPTIONS, **change):
        made = self.ask(201, 'POST', path, {**SOC, **change}).json
        self.addCleanup(self.gateway.bare, 'DELETE', '/sovd/v1' + path + '/' + made['id'])
        return made

    def open(self, made, **headers):
        stream = events.Stream(events.connect(self.gateway), events.target(made['event_source']), **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def refused(self, status, about, path=SUBSCRIPTIONS, **change):
        body = {name: value for name, value in {**SOC, **change}.items() if value is not ...}
        message = self.ask(status, 'POST', path, body).json['message']
        self.assertIn(about, message, change)


class Creating(SubscriptionCase):
    def test_the_answer_has_the_members_of_both_spellings_of_the_standard(self):
        reply = self.ask(201, 'POST', SUBSCRIPTIONS, SOC)
        made = reply.json
        self.assertTrue(made['resource'].endswith('/sovd/v1/components/bms/data/soc'))
        self.assertEqual(made['resource'], made['observed_resource'])
        self.assertEqual(made['subscription'], made['event_source'])
        self.assertEqual((made['protocol'], made['interval']), ('sse', 'fast'))
        self.assertTrue(reply.headers['location'].endswith(f'{SUBSCRIPTIONS}/{made["id"]}'))
        self.assertEqual(self.get(f'{SUBSCRIPTIONS}/{made["id"]}'), made)
        self.assertIn(made, self.get(SUBSCRIPTIONS)['items'])
        self.ask(204, 'DELETE', f'{SUBSCRIPTIONS}/{made["id"]}')
        self.ask(404, 'GET', f'{SUBSCRIPTIONS}/{made["id"]}')

    def test_it_expires_after_its_duration(self):
        made = self.subscribe(duration=50)
        left = datetime.datetime.fromisoformat(made['expires'].replace('Z', '+00:00')) - datetime.datetime.now(datetime.timezone.utc)
        self.assertTrue(45 < left.total_seconds() <= 50.5, left)

    def test_every_way_to_name_a_resource_leads_to_the_same_one(self):
        host = f'{self.gateway.host}:{self.gateway.port}'
        for name in ('data/soc', '../data/soc', '/sovd/v1/components/bms/data/soc', f'http://{host}/sovd/v1/components/bms/data/soc',
                     'data/s%6Fc', 'data/soc/'):
            with self.subTest(name):
                self.assertTrue(self.subscribe(resource=name)['resource'].endswith('/components/bms/data/soc'))

    def test_lists_and_filters_can_be_observed(self):
        made = self.subscribe(resource='faults?severity=3')
        self.assertTrue(made['resource'].endswith('/components/bms/faults?severity=3'))
        self.assertEqual(self.open(made).next().payload, self.get(BMS + '/faults?severity=3'))

    def test_a_schema_of_the_event_comes_on_demand(self):
        made = self.ask(201, 'POST', SUBSCRIPTIONS + '?include-schema=true', SOC).json
        properties = made['event_schema']['properties']
        self.assertEqual(sorted(properties), ['error', 'payload', 'timestamp'])
        self.assertIn('data', properties['payload']['properties'])
        self.assertIn('expires', made['schema']['properties'])
        self.assertNotIn('schema', self.get(f'{SUBSCRIPTIONS}/{made["id"]}'))
        self.ask(204, 'DELETE', f'{SUBSCRIPTIONS}/{made["id"]}')

    def test_every_entity_with_something_to_read_offers_them(self):
        self.assertIn('cyclic-subscriptions', self.get(BMS))
        self.assertIn('triggers', self.get(BMS))

    def test_what_is_missing_or_of_the_wrong_type_is_named(self):
        for member in 'resource', 'interval', 'duration':
            self.refused(400, member, **{member: ...})
        for change in ({'resource': 5}, {'resource': ''}, {'resource': 'x' * 3000}, {'interval': 'often'}, {'interval': 1},
                       {'duration': 0}, {'duration': -1}, {'duration': 1.5}, {'duration': '60'}, {'duration': 101},
                       {'protocol': 'mqtt'}, {'protocol': 1}):
            self.refused(400, next(iter(change)), **change)

    def test_what_is_no_resource_of_this_entity_is_refused(self):
        for name in ('data/nothing', 'nothing', 'faults/nothing', '/sovd/v1/components/climate/data/fan-speed',
                     '/sovd/v1/components/none/data/x', '/components/bms/data/soc', 'http://elsewhere/sovd/v1/components/bms/data/soc',
                     'ftp://x/data/soc', '//x/data/soc', '../../bms/data/soc', 'data/../data/soc', './data/soc', 'data//soc',
                     'data/soc#part', 'data/so c', 'data/%zz', 'data/s\u00f6c', '/sovd/v1/components/bms', '/sovd/v1/components', '/healthz',
                     'faults?severity=x', '?', '..', '../'):
            with self.subTest(name):
                self.refused(400, 'resource' if 'severity' not in name else 'severity', resource=name)

    def test_what_cannot_be_observed_is_501(self):
        for name in 'cyclic-subscriptions', 'triggers', 'docs', 'data/soc/docs':
            with self.subTest(name):
                self.ask(501, 'POST', SUBSCRIPTIONS, {**SOC, 'resource': name})

    def test_bodies_that_are_no_subscription_are_refused(self):
        for body, status in (b'', 400), (b'{', 400), (b'[]', 400), (b'"x"', 400), (b'null', 400), (b'{"resource":"data/soc",}', 400):
            self.ask(status, 'POST', SUBSCRIPTIONS, body)
        self.ask(415, 'POST', SUBSCRIPTIONS, b'x', {'Content-Type': 'text/plain'})
        self.ask(404, 'POST', '/components/none/cyclic-subscriptions', SOC)
        self.ask(405, 'PUT', SUBSCRIPTIONS, SOC)


class Events(SubscriptionCase):
    def test_each_event_carries_what_get_answers(self):
        self.ecu.set(component='bms', data='soc', value=50, hold=True)
        first, second = self.open(self.subscribe()).take(2)
        self.assertEqual((first.id, second.id, first.name), (1, 2, 'message'))
        self.until(lambda: self.get(BMS + '/data/soc')['data'] == 50)
        self.assertEqual(second.payload, self.get(BMS + '/data/soc'))

    def test_the_head_says_stream_and_has_no_length(self):
        stream = self.open(self.subscribe())
        self.assertEqual(stream.headers['content-type'], 'text/event-stream')
        self.assertEqual(stream.headers['cache-control'], 'no-cache')
        self.assertEqual(stream.headers['connection'], 'close')
        self.assertNotIn('content-length', stream.headers)
        self.assertNotIn('transfer-encoding', stream.headers)
        stream.next()
        self.assertEqual(stream.retry, 3000)

    def test_a_value_that_changes_is_seen(self):
        self.ecu.set(component='bms', data='soc', value=41, hold=True)
        stream = self.open(self.subscribe())
        self.assertTrue(any(stream.next().payload['data'] == 41 for _ in range(40)))
        self.ecu.set(component='bms', data='soc', value=42, hold=True)
        self.assertTrue(any(stream.next().payload['data'] == 42 for _ in range(40)))

    def test_the_subscription_itself_streams_when_events_are_accepted(self):
        made = self.subscribe()
        path = events.target(made['event_source']).removesuffix('/events')
        with events.Stream(events.connect(self.gateway), path) as stream:
            self.assertEqual((stream.status, stream.headers['content-type']), (200, 'text/event-stream'))
            stream.take(2)
        for accept in 'application/json', '*/*', 'text/event-stream;q=0, */*', 'text/event-stream, application/json':
            self.assertEqual(self.get(f'{SUBSCRIPTIONS}/{made["id"]}', {'Accept': accept})['id'], made['id'])
        self.ask(406, 'GET', f'{SUBSCRIPTIONS}/{made["id"]}', headers={'Accept': 'text/plain'})

    def test_events_are_not_json(self):
        path = events.target(self.subscribe()['event_source'])
        self.ask(406, 'GET', path, headers={'Accept': 'application/json'})
        self.ask(404, 'GET', f'{SUBSCRIPTIONS}/none/events')
        self.ask(404, 'GET', path.replace('/bms/', '/climate/'))
        self.ask(405, 'POST', path)

    def test_head_tells_what_get_would_and_opens_nothing(self):
        path = events.target(self.subscribe()['event_source'])
        with self.gateway.raw() as connection:
            connection.send(f'HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n')
            reply = connection.reply(bodiless=True)
            self.assertEqual((reply.status, reply.headers['content-type']), (200, 'text/event-stream'))
            self.assertEqual(connection.rest(), b'')
        self.until(lambda: self.gateway.metrics()['sovd_streams'] == 0)

    def test_the_interval_is_kept(self):
        stream = self.open(self.subscribe(interval='normal'))
        arrived = [event.arrived for event in stream.take(6)]
        self.assertTrue(0.18 < (arrived[5] - arrived[1]) / 4 < 0.4, arrived)

    def test_several_readers_get_the_same_events(self):
        made = self.subscribe()
        first = self.open(made)
        known = {event.id: event.text for event in first.take(3)}
        second = self.open(made, Last_Event_ID='0')
        self.assertEqual({event.id: event.text for event in second.take(3)}, known)

    def test_delete_ends_the_stream(self):
        made = self.subscribe()
        stream = self.open(made)
        stream.next()
        self.ask(204, 'DELETE', f'{SUBSCRIPTIONS}/{made["id"]}')
        stream.rest()
        self.assertTrue(stream.ended)
        self.ask(404, 'DELETE', f'{SUBSCRIPTIONS}/{made["id"]}')

    def test_the_end_of_the_duration_ends_the_stream(self):
        made = self.subscribe(duration=1)
        started = time.monotonic()
        stream = self.open(made)
        self.assertGreater(len(stream.rest()), 5)
        self.assertTrue(0.8 < time.monotonic() - started < 3)
        self.ask(404, 'GET', f'{SUBSCRIPTIONS}/{made["id"]}')

    def test_put_changes_interval_and_duration(self):
        made = self.subscribe(interval='slow', duration=1)
        path = f'{SUBSCRIPTIONS}/{made["id"]}'
        changed = self.ask(200, 'PUT', path, {'interval': 'fast', 'duration': 60}).json
        self.assertEqual(changed['interval'], 'fast')
        self.assertGreater(changed['expires'], made['expires'])
        arrived = [event.arrived for event in self.open(made).take(8)]
        self.assertLess((arrived[7] - arrived[2]) / 5, 0.15)
        self.assertEqual(self.ask(200, 'PUT', path, {}).json, changed)
        self.ask(200, 'PUT', path, {'duration': 1})
        self.until(lambda: self.gateway.get(path).status == 404, 5)

    def test_a_bad_change_changes_nothing(self):
        made = self.subscribe()
        path = f'{SUBSCRIPTIONS}/{made["id"]}'
        for body in {'interval': 'never'}, {'duration': 0}, {'duration': 101}, {'duration': 'x'}, []:
            self.ask(400, 'PUT', path, body)
        self.assertEqual(self.get(path), made)
        self.ask(404, 'PUT', f'{SUBSCRIPTIONS}/none', {'interval': 'fast'})

    def test_a_reading_that_fails_is_an_event_and_ends_nothing(self):
        made = self.subscribe(path='/components/climate/cyclic-subscriptions', resource='data/fan-speed')
        stream = self.open(made)
        stream.next().payload
        self.ecu.inject('status=500:fan-speed')
        self.addCleanup(self.ecu.clear_injection)
        failed = next(event for event in iter(stream.next, None) if 'error' in event.data)
        self.assertIn('error_code', failed.error)
        path = f'/components/climate/cyclic-subscriptions/{made["id"]}'
        self.until(lambda: 'last_error' in self.get(path))
        self.assertEqual(self.get(path)['last_error']['error_code'], failed.error['error_code'])
        self.ecu.clear_injection()
        self.assertTrue(any('payload' in stream.next().data for _ in range(200)))

    def test_an_entity_that_vanishes_gives_errors_not_silence(self):
        made = self.subscribe(path='/components/climate/cyclic-subscriptions', resource='data/fan-speed')
        stream = self.open(made)
        stream.next().payload
        self.ecu.set(component='climate', present=False)
        self.addCleanup(self.ecu.set, component='climate', present=True)
        failed = next(event for event in iter(stream.next, None) if 'error' in event.data)
        self.assertTrue(failed.error['message'])
        self.ecu.set(component='climate', present=True)
        self.assertTrue(any('payload' in event.data for event in iter(stream.next, None)))


if __name__ == '__main__':
    unittest.main()
