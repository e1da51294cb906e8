# SPDX-License-Identifier: Apache-2.0
"""data/subscribe: which events a reader gets, in which order, after which absence; what is shared; what is refused."""
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import events
import gateway
import native
import polling

PATH = '/sovd/v1/apps/nav/data/subscribe'
REGISTER = {'data': [{'id': 'speed', 'name': 'Speed', 'unit': 'km/h'}, {'id': 'level', 'name': 'Level'},
                     {'id': 'a,b', 'name': 'Odd'}, {'id': 'route', 'name': 'Route', 'published': True}]}
TIMES = {'fast_secs': 0.02, 'normal_secs': 0.05, 'slow_secs': 3600, 'linger_secs': 60}
FAILED = ('error', 'conflict', 'no sensor')


class Values:
    """What the app answers with, and how often it was asked."""

    def __init__(self):
        self.now, self.reads = {'speed': 10, 'level': 1, 'a,b': 'odd'}, {}

    def answer(self, frame):
        id_ = frame['id']
        self.reads[id_] = self.reads.get(id_, 0) + 1
        value = self.now[id_]
        return value if isinstance(value, tuple) else {'value': value}


class SubscribeCase(polling.Waiting, unittest.TestCase):
    """A gateway with an app whose values the test sets, started anew for each test."""
    sections = {}
    events_ = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='sub')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'state').mkdir()
        self.values = Values()
        self.start()
        self.addCleanup(lambda: self.gateway.stop())
        self.connect()

    def start(self):
        self.gateway = gateway.Gateway(native=native.section(self.folder / 'apps.sock', 'apps/nav'), events={**TIMES, **self.events_},
                                       storage={'path': str(self.folder / 'state')}, **self.sections)

    def connect(self, register=REGISTER):
        self.app = native.App(self.folder / 'apps.sock', register, handlers={'read': self.values.answer})
        self.addCleanup(self.app.close)

    def publish(self, value):
        self.assertEqual(self.app.ask('publish', values={'route': value})['type'], 'reply')

    def open(self, query='', status=200, **headers):
        stream = events.Stream(events.connect(self.gateway), PATH + ('?' + query if query else ''), **headers)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, status, getattr(stream, 'body', ''))
        return stream

    def refused(self, status, about, query='', **headers):
        body = json.loads(self.open(query, status, **headers).body)
        self.assertIn(about, body['message'])
        return body

    def watched(self, id_='speed', more=2):
        """Until a value was read again, so that what comes now is a change."""
        reads = self.values.reads.get(id_, 0)
        self.until(lambda: self.values.reads.get(id_, 0) >= reads + more)

    def snapshot(self, stream):
        """{id: event} of a snapshot, and the event that ends it."""
        found = {}
        while (event := stream.next()).name in ('snapshot', 'data-error'):
            self.assertIsNone(event.id)
            found[event.data['id']] = event
        self.assertEqual((event.name, event.data), ('snapshot-end', {'values': len(found)}))
        return found, event


class Changes(SubscribeCase):
    def test_only_a_change_is_an_event(self):
        stream = self.open('ids=speed&interval=fast')
        self.watched(more=3)
        self.values.now['speed'] = 11
        event = stream.next()
        self.assertEqual(event.name, 'data')
        self.assertRegex(event.data.pop('timestamp'), events.STAMP)
        self.assertEqual({**event.data, 'timestamp': ''}, {'timestamp': '', 'entity': 'apps/nav', 'id': 'speed', 'data': 11})
        self.watched(more=3)
        self.values.now['speed'] = 12.50
        following = stream.next()
        self.assertEqual(following.data['data'], 12.5)
        self.assertGreater(following.id, event.id)

    def test_a_reader_gets_the_values_that_it_named_and_no_others(self):
        speed, both = self.open('ids=speed&interval=fast'), self.open('ids=level&ids=speed&interval=fast')
        self.watched('level')
        self.values.now['level'] = 2
        self.assertEqual(both.next().data['id'], 'level')
        self.watched('speed')
        self.values.now['speed'] = 20
        self.assertEqual([speed.next().data['id'], both.next().data['id']], ['speed', 'speed'])

    def test_an_id_with_a_comma_can_be_named(self):
        found, _ = self.snapshot(self.open('ids=a,b&ids=speed,level&snapshot=true&interval=fast'))
        self.assertEqual(sorted(found), ['a,b', 'level', 'speed'])

    def test_without_ids_every_readable_value_is_watched(self):
        self.publish('home')
        found, _ = self.snapshot(self.open('snapshot=true'))
        self.assertEqual({id_: event.data['data'] for id_, event in found.items()},
                         {'speed': 10, 'level': 1, 'a,b': 'odd', 'route': 'home'})

    def test_a_value_is_read_once_however_many_readers_there_are(self):
        streams = [self.open('ids=speed') for _ in range(5)]
        self.watched()
        metrics = self.gateway.metrics()
        self.assertEqual([metrics[f'sovd_data_watch{name}'] for name in ('es', '_values', '_readers')], [1, 1, 5])
        self.values.now['speed'] = 77
        texts = {(event.id, event.text) for event in (stream.next() for stream in streams)}
        self.assertEqual(len(texts), 1)

    def test_numbers_keep_their_digits_and_objects_their_shape(self):
        stream = self.open('ids=speed&interval=fast')
        self.watched()
        self.values.now['speed'] = {'a': [1, 2.0, 'x\n'], 'b': None}
        self.assertEqual(stream.next().data['data'], {'a': [1, 2.0, 'x\n'], 'b': None})


class Pushed(SubscribeCase):
    def test_what_an_app_publishes_is_told_without_waiting_for_the_interval(self):
        self.publish('home')
        stream = self.open('ids=route&interval=slow&snapshot=true')
        self.snapshot(stream)
        for place in 'work', 'sea', 'home':
            self.publish(place)
            self.assertEqual(stream.next().data['data'], place)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_data_pushed_total'], 3)

    def test_an_app_that_goes_and_comes_is_told_at_once_too(self):
        self.publish('home')
        stream = self.open('ids=route&interval=slow&snapshot=true')
        self.snapshot(stream)
        self.app.close()
        event = stream.next()
        self.assertEqual((event.name, event.data['error']['error_code']), ('data-error', 'not-responding'))
        self.connect()
        self.publish('home')
        event = stream.next()
        self.assertEqual((event.name, event.data['data']), ('data', 'home'))

    def test_a_fast_publisher_is_not_read_for_each_of_its_values(self):
        self.publish(0)
        stream = self.open('ids=route&interval=slow&snapshot=true')
        self.snapshot(stream)
        last = 300
        for value in range(1, last + 1):
            self.app.send('publish', values={'route': value})
        values = []
        while not values or values[-1] != last:
            values.append(stream.next().data['data'])
        self.assertEqual(values, sorted(values))
        self.assertLess(len(values), last)


class Failures(SubscribeCase):
    def test_a_reading_that_fails_is_told_once_and_healed_by_the_value(self):
        stream = self.open('ids=speed&interval=fast')
        self.watched()
        self.values.now['speed'] = FAILED
        event = stream.next()
        self.assertEqual(event.name, 'data-error')
        self.assertIn('no sensor', event.data['error']['message'])
        self.assertEqual(event.data['id'], 'speed')
        self.watched(more=5)
        self.values.now['speed'] = 10
        event = stream.next()
        self.assertEqual((event.name, event.data['data']), ('data', 10))
        self.assertEqual(self.gateway.metrics()['sovd_data_errors_total'], 1)

    def test_one_that_fails_from_the_start_is_told(self):
        self.values.now['speed'] = FAILED
        self.assertEqual(self.open('ids=speed').next().name, 'data-error')
        found, _ = self.snapshot(self.open('ids=speed,level&snapshot=true'))
        self.assertEqual([found['speed'].name, found['level'].name], ['data-error', 'snapshot'])

    def test_an_entity_that_cannot_be_reached_can_be_subscribed_to_and_heals(self):
        self.app.close()
        self.until(lambda: self.gateway.bare('GET', '/sovd/v1/apps/nav/data/speed').status == 504)
        stream = self.open('ids=speed&interval=fast&snapshot=true')
        found, _ = self.snapshot(stream)
        self.assertEqual(found['speed'].data['error']['error_code'], 'not-responding')
        self.connect()
        self.assertEqual(stream.next().data['data'], 10)

    def test_a_value_that_is_too_long_is_an_error_and_not_the_end(self):
        stream = self.open('ids=speed,level&interval=fast')
        self.watched()
        self.values.now['speed'] = 'x' * 70000
        self.assertIn('too long', stream.next().data['error']['message'])
        self.values.now['speed'] = 1
        self.assertEqual(stream.next().data['data'], 1)


class Servers(gateway.GatewayCase):
    """Values of a server over HTTP: they are polled."""
    sections = {'events': TIMES}

    def open(self, query):
        stream = events.Stream(events.connect(self.gateway), '/sovd/v1/components/bms/data/subscribe?' + query)
        self.addCleanup(stream.close)
        self.assertEqual(stream.status, 200)
        return stream

    def test_changes_failures_and_healing_behind_http_are_events(self):
        self.ecu.set(component='bms', data='soc', value=50, hold=True)
        self.until(lambda: self.get('/components/bms/data/soc')['data'] == 50)
        stream = self.open('ids=soc&interval=fast&snapshot=true')
        first, end = stream.take(2)
        self.assertEqual((first.name, first.data['data'], end.name), ('snapshot', 50, 'snapshot-end'))
        self.ecu.set(component='bms', data='soc', value=51, hold=True)
        self.assertEqual(stream.next().data['data'], 51)
        self.ecu.inject('status=500:/data/soc')
        self.assertEqual(stream.next().name, 'data-error')
        self.ecu.clear_injection()
        healed = stream.next()
        while healed.name == 'data-error':  # the server may be left alone for a moment: that is another failure
            healed = stream.next()
        self.assertEqual((healed.name, healed.data['data']), ('data', 51))

    def test_the_server_is_asked_once_for_all_readers(self):
        streams = [self.open('ids=soc&interval=normal') for _ in range(8)]
        self.ecu.reset_stats()
        readings = self.gateway.metrics()['sovd_readings_total']
        self.until(lambda: self.gateway.metrics()['sovd_readings_total'] >= readings + 10)
        asked = self.ecu.stats()['classes']['data']
        self.assertTrue(9 <= asked <= self.gateway.metrics()['sovd_readings_total'] - readings + 1, asked)
        self.assertEqual(self.gateway.metrics()['sovd_data_watch_readers'], len(streams))


class ComingBack(SubscribeCase):
    events_ = {'watch_kept': 4}

    def changes(self, stream, *values):
        got = []
        for value in values:
            self.publish(value)
            got.append(stream.next())
        return got

    def begin(self):
        self.publish('home')
        stream = self.open('ids=route&interval=slow&snapshot=true')
        return stream, self.snapshot(stream)[1]

    def test_what_came_meanwhile_is_sent_and_nothing_twice(self):
        stream, _ = self.begin()
        first, = self.changes(stream, 'a')
        stream.close()
        watcher = self.open('ids=route&interval=slow')
        second, third = self.changes(watcher, 'b', 'c')
        again = self.open('ids=route&interval=slow&snapshot=true', Last_Event_ID=str(first.id))
        self.assertEqual([(e.id, e.text) for e in again.take(2)], [(second.id, second.text), (third.id, third.text)])
        self.assertEqual([(e.id, e.data['data']) for e in self.changes(again, 'd')], [(watcher.next().id, 'd')])

    def test_nothing_is_missed_while_nobody_listens_for_a_moment(self):
        stream, end = self.begin()
        stream.close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watch_readers'] == 0)
        self.publish('a')
        self.until(lambda: self.gateway.metrics()['sovd_data_changes_total'] == 1)
        again = self.open('ids=route&interval=slow', Last_Event_ID=str(end.id))
        self.assertEqual(again.next().data['data'], 'a')

    def test_a_reader_without_a_snapshot_learns_at_once_where_it_may_resume(self):
        stream = self.open('ids=speed')
        block = stream._until(b'\n\n') + stream._until(b'\n\n')
        self.assertRegex(block.decode(), r'\Aretry: \d+\n\nid: \d+\n\n\Z')

    def test_what_is_kept_no_longer_is_a_gap_and_then_the_present(self):
        stream, end = self.begin()
        self.changes(stream, *'abcdef')
        again = self.open('ids=route&interval=slow', Last_Event_ID=str(end.id))
        gap = again.next()
        self.assertEqual((gap.name, gap.id, gap.data), ('gap', None, {'after': end.id}))
        found, end = self.snapshot(again)
        self.assertEqual(found['route'].data['data'], 'f')
        self.assertEqual([e.data['data'] for e in self.changes(again, 'g')], ['g'])
        self.assertEqual(self.gateway.metrics()['sovd_data_gaps_total'], 1)

    def test_a_value_that_was_not_watched_before_is_a_gap(self):
        stream, end = self.begin()
        again = self.open('ids=route,speed&interval=slow', Last_Event_ID=str(end.id))
        self.assertEqual(again.next().name, 'gap')
        self.assertEqual(sorted(self.snapshot(again)[0]), ['route', 'speed'])

    def test_ids_go_on_after_a_restart_and_the_client_gets_the_present(self):
        stream, _ = self.begin()
        last = self.changes(stream, 'a', 'b')[-1].id
        stream.close()
        self.gateway.kill()
        self.start()
        self.connect()
        self.publish('c')
        again = self.open('ids=route&interval=slow', Last_Event_ID=str(last))
        self.assertEqual(again.next().name, 'gap')
        found, end = self.snapshot(again)
        self.assertEqual(found['route'].data['data'], 'c')
        self.assertGreater(end.id, last)
        self.assertGreater(self.changes(again, 'd')[0].id, end.id)

    def test_an_id_that_is_none_is_refused(self):
        self.begin()
        newest = int(self.refused(400, 'Last-Event-ID', Last_Event_ID='9' * 17)['message'].split('newest id, ')[1].split(';')[0])
        self.refused(400, 'Last-Event-ID', Last_Event_ID=str(newest + 100))
        for bad in ('x', '-1', '1.5', '1' * 19, '0x10', '+1'):
            self.refused(400, 'Last-Event-ID', Last_Event_ID=bad)


class Lingering(SubscribeCase):
    events_ = {'linger_secs': 0.2}

    def test_what_nobody_wants_any_more_is_not_read_any_more(self):
        stream = self.open('ids=speed,level&interval=fast')
        self.watched()
        other = self.open('ids=speed&interval=fast')
        stream.close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watch_values'] == 1)
        self.values.now['speed'] = 99
        self.assertEqual(other.next().data['data'], 99)
        other.close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watches'] == 0)
        reads = dict(self.values.reads)
        third = self.open('ids=level&interval=fast')
        self.watched('level')
        self.assertEqual(self.values.reads['speed'], reads['speed'])
        self.values.now['level'] = 5
        self.assertEqual(third.next().data['data'], 5)


class Limits(SubscribeCase):
    sections = {'limits': {'watches': 1, 'watch_values': 2, 'streams_per_client': 4}}
    events_ = {'readers': 3, 'linger_secs': 0}

    def test_each_limit_is_named_and_a_place_that_is_left_can_be_taken(self):
        self.refused(400, 'limits.watch_values')
        self.refused(400, 'limits.watch_values', 'ids=speed,level,route')
        first = self.open('ids=speed,level&interval=fast')
        reply = self.gateway.bare('GET', PATH + '?ids=speed&interval=normal')
        self.assertEqual((reply.status, reply.headers['retry-after']), (503, '5'))
        self.assertIn('limits.watches', reply.json['message'])
        self.refused(503, 'limits.watch_values', 'ids=route&interval=fast')
        self.open('ids=speed&interval=fast')
        self.open('ids=level,level&interval=fast')
        self.refused(503, 'events.readers', 'ids=level&interval=fast')
        first.close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watch_readers'] == 2)
        self.open('ids=level&interval=fast')

    def test_a_place_of_a_value_that_ended_is_taken_again(self):
        self.open('ids=speed,level&interval=fast').close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watches'] == 0)
        stream = self.open('ids=speed&interval=fast')
        other = self.open('ids=level&interval=fast')
        other.close()
        self.until(lambda: self.gateway.metrics()['sovd_data_watch_values'] == 1)
        self.publish('home')
        found, _ = self.snapshot(self.open('ids=route,speed&interval=fast&snapshot=true'))
        self.assertEqual(sorted(found), ['route', 'speed'])
        self.values.now['speed'] = 5
        self.assertEqual(stream.next().data['data'], 5)


class Refusals(SubscribeCase):
    def test_what_is_wrong_is_named(self):
        for query, about in (('ids=nothing', "no data 'nothing'"), ('ids=', 'empty id'), ('ids=speed,,level', 'empty id'),
                             ('ids=speed,', 'empty id'), ('interval=often', 'interval'), ('interval=', 'interval'),
                             ('snapshot=1', 'snapshot'), ('snapshot=', 'snapshot'), ('ids[x]=1', 'ids')):
            with self.subTest(query):
                self.refused(400, about, query)
        for path, status in (('/apps/none/data/subscribe', 404), ('/areas/none/data/subscribe', 404)):
            self.assertEqual(self.gateway.bare('GET', '/sovd/v1' + path).status, status)
        self.assertEqual(self.gateway.bare('POST', PATH, {}).status, 405)
        self.assertEqual(self.gateway.bare('GET', PATH, headers={'Accept': 'application/json'}).status, 406)
        head = self.gateway.bare('HEAD', PATH)
        self.assertEqual((head.status, head.headers['content-type']), (200, 'text/event-stream'))

    def test_it_cannot_be_observed_and_is_described(self):
        path = '/sovd/v1/apps/nav/cyclic-subscriptions'
        reply = self.gateway.bare('POST', path, {'resource': 'data/subscribe', 'interval': 'slow', 'duration': 5})
        self.assertEqual(reply.status, 501, reply)
        get = self.gateway.get('/apps/nav/data/subscribe/docs').json['paths']['/apps/nav/data/subscribe']['get']
        self.assertEqual(sorted(p['name'] for p in get['parameters'] if p.get('in') == 'query'), ['ids', 'interval', 'snapshot'])

    def test_the_stop_ends_the_stream_in_order(self):
        stream = self.open('ids=speed&interval=fast')
        self.watched()
        self.gateway.stop()
        self.assertEqual([e for e in stream.rest() if e.name != 'data-error'], [])
        self.start()


if __name__ == '__main__':
    unittest.main()
