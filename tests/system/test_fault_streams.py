# SPDX-License-Identifier: Apache-2.0
"""Faults as they happen: a native app reports, and clients read the streams of its entity and of the vehicle."""
import pathlib
import socket
import sqlite3
import tempfile
import threading
import unittest

import events
import gateway
import native
import openapi
import polling

FAULTS = [{'code': 'GPS_LOST', 'name': 'No position', 'severity': 2, 'scope': 'sensors', 'reports_per_sec': 0},
          {'code': 'MAP_OLD', 'name': 'The map is old', 'severity': 3, 'scope': 'maps', 'reports_per_sec': 0},
          {'code': 'HOT', 'name': 'Too hot', 'severity': 1, 'reports_per_sec': 0}]
REGISTER = {'data': [{'id': 'speed', 'name': 'Speed', 'published': True}], 'faults': {'id': 'c', 'version': '1', 'faults': FAULTS}}
ENTITY = '/apps/nav/faults/subscribe'
VEHICLE = '/faults/subscribe'


class StreamCase(polling.Waiting, unittest.TestCase):
    """A gateway with two apps, started anew for each test."""
    entities = ('apps/nav', 'apps/radio', 'apps/mute')
    sections = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='faults')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / 'state').mkdir()
        self.gateway = None
        self.start()
        self.addCleanup(self.stop)

    def start(self):
        limits = {'fault_events_per_sec': 0, **self.sections.get('limits', {})}  # each change is an event of its own
        self.gateway = gateway.Gateway(native=native.section(self.folder / 'apps.sock', *self.entities),
                                       storage={'path': str(self.folder / 'state')}, **{**self.sections, 'limits': limits})

    def stop(self):
        if self.gateway:
            self.gateway.stop()
            self.gateway = None

    def app(self, entity='apps/nav', register=REGISTER, **hello):
        app = native.App(self.folder / 'apps.sock', register, entity=entity, **hello)
        self.addCleanup(app.close)
        return app

    def report(self, app, code, report='failed'):
        self.assertEqual(app.ask('fault', code=code, report=report, n=self.number())['type'], 'reply')

    def number(self):
        self.last_number = getattr(self, 'last_number', 0) + 1
        return self.last_number

    def flap(self, app, times, code='GPS_LOST'):
        """So many events."""
        for i in range(times):
            self.report(app, code, 'passed' if i % 2 else 'failed')

    def open(self, path=ENTITY, **headers):
        stream = events.Stream(events.connect(self.gateway), '/sovd/v1' + path, **headers)
        self.addCleanup(stream.close)
        return stream

    def listen(self, path=ENTITY, **headers):
        stream = self.open(path, **headers)
        self.assertEqual((stream.status, stream.headers.get('content-type')), (200, 'text/event-stream'), getattr(stream, 'body', ''))
        return stream

    def refused(self, status, about, path, **headers):
        stream = self.open(path, **headers)
        self.assertEqual(stream.status, status, path)
        self.assertIn(about, stream.body.decode())

    def ask(self, status, method, path, body=None):
        reply = self.gateway.request(method, path, body)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply


def short(event):
    """("failed", "GPS_LOST") of an event."""
    return event.data['change'], event.data.get('fault', {}).get('code')


class Live(StreamCase):
    def test_an_event_has_the_fault_as_the_list_shows_it(self):
        app, stream = self.app(), self.listen()
        self.report(app, 'GPS_LOST')
        event = stream.next()
        self.assertEqual((event.name, event.id), ('fault', 1))
        self.assertEqual(set(event.data), {'timestamp', 'entity', 'change', 'fault'})
        self.assertRegex(event.data['timestamp'], events.STAMP)
        self.assertEqual((event.data['entity'], event.data['change']), ('apps/nav', 'failed'))
        listed = self.gateway.get('/apps/nav/faults').json['items'][0]  # with more than the standard has, perhaps
        self.assertEqual(event.data['fault'], {name: listed[name] for name in listed if not name.startswith('x-')})

    def test_the_description_of_a_stream_has_the_schema_of_its_events(self):
        app, stream = self.app(), self.listen()
        self.report(app, 'GPS_LOST')
        self.ask(204, 'DELETE', '/apps/nav/faults')
        told = stream.take(2)
        for path in VEHICLE, ENTITY:
            document = self.gateway.get(path + '/docs').json
            schema = document['paths'][path]['get']['responses']['200']['content']['text/event-stream']['schema']
            for event in told:
                openapi.Document(document).schemas.check(schema, event.data, path)

    def test_passing_and_clearing_are_told_too(self):
        app, stream = self.app(), self.listen()
        self.report(app, 'GPS_LOST')
        self.report(app, 'GPS_LOST', 'passed')
        self.report(app, 'HOT')
        self.ask(204, 'DELETE', '/apps/nav/faults/GPS_LOST')
        self.ask(204, 'DELETE', '/apps/nav/faults')
        got = stream.take(5)
        self.assertEqual([short(e) for e in got], [('failed', 'GPS_LOST'), ('passed', 'GPS_LOST'), ('failed', 'HOT'),
                                                   ('cleared', 'GPS_LOST'), ('cleared', None)])
        self.assertEqual([e.id for e in got], [1, 2, 3, 4, 5])
        self.assertEqual(got[3].data['fault']['status']['aggregatedStatus'], 'passive')
        self.assertNotIn('scope', got[4].data)
        self.report(app, 'GPS_LOST')
        self.ask(204, 'DELETE', '/apps/nav/faults?scope=sensors')
        self.assertEqual(stream.take(2)[1].data['scope'], 'sensors')

    def test_the_vehicle_has_a_stream_of_all_and_everybody_gets_the_same_bytes(self):
        nav, radio = self.app(), self.app('apps/radio')
        vehicle, one, other = self.listen(VEHICLE), self.listen(), self.listen('/apps/radio/faults/subscribe', host='[2001:db8::7]')
        self.report(nav, 'HOT')
        self.report(radio, 'HOT')
        got = vehicle.take(2)
        self.assertEqual([e.data['entity'] for e in got], ['apps/nav', 'apps/radio'])
        self.assertEqual([one.next().text, other.next().text], [e.text for e in got])

    def test_silence_has_heartbeats_and_a_stop_ends_the_stream(self):
        self.sections = {'events': {'heartbeat_secs': 0.05}}
        self.stop()
        self.start()
        self.app()
        stream = self.listen()
        self.assertTrue(stream.wait_comment())
        self.stop()
        self.assertEqual(stream.rest(), [])

    def test_the_number_of_streams_is_limited(self):
        self.sections = {'limits': {'streams_per_client': 2}}
        self.stop()
        self.start()
        self.app()
        self.listen()
        second = self.listen(VEHICLE)
        self.refused(503, 'limits.streams_per_client', VEHICLE)
        self.assertEqual(self.gateway.metrics()['sovd_fault_streams'], 2)
        second.close()
        self.until(lambda: self.gateway.metrics()['sovd_fault_streams'] == 1)
        self.listen(VEHICLE)

    def test_without_a_state_folder_there_are_streams_as_well(self):
        self.stop()
        self.gateway = gateway.Gateway(native=native.section(self.folder / 'apps.sock', *self.entities))
        app = self.app()
        self.flap(app, 3)
        self.assertEqual([e.id for e in self.listen(Last_Event_ID='1').take(2)], [2, 3])


class Filters(StreamCase):
    def setUp(self):
        super().setUp()
        self.nav, self.radio = self.app(), self.app('apps/radio')

    def got(self, query, path=VEHICLE):
        """What a reader with a filter is given of one course of events, first live, then from what is stored."""
        newest = self.listen(path + '?snapshot=true').rest_of_snapshot()
        live = self.listen(path + query)
        for app in self.nav, self.radio:
            for code in 'GPS_LOST', 'MAP_OLD', 'HOT':
                self.report(app, code)
            self.report(app, 'GPS_LOST', 'passed')
        self.ask(204, 'DELETE', '/apps/nav/faults/MAP_OLD')
        self.ask(204, 'DELETE', '/apps/nav/faults?scope=sensors')
        self.ask(204, 'DELETE', '/apps/nav/faults')
        self.ask(204, 'DELETE', '/apps/radio/faults')
        live, stored = ([self.brief(e) for e in stream.until_cleared()]
                        for stream in (live, self.listen(path + query, Last_Event_ID=newest)))
        self.assertEqual(live, stored)
        return live

    @staticmethod
    def brief(event):
        return event.data['entity'].removeprefix('apps/'), *short(event)

    def open(self, path=ENTITY, **headers):
        stream = super().open(path, **headers)
        last = 'apps/radio' if 'radio' in path else 'apps/nav'

        def until_cleared():
            while True:
                event = stream.next()
                yield event
                if event.data['change'] == 'cleared' and 'fault' not in event.data and event.data['entity'] == last \
                        and 'scope' not in event.data:
                    return

        def rest_of_snapshot():
            while (event := stream.next()).name != 'snapshot-end':
                pass
            stream.close()
            return event.id
        stream.until_cleared, stream.rest_of_snapshot = until_cleared, rest_of_snapshot
        return stream

    NAV_END = [('nav', 'cleared', 'MAP_OLD'), ('nav', 'cleared', None), ('nav', 'cleared', None)]

    def test_severity_is_below_as_in_the_list(self):
        self.assertEqual(self.got('?severity=2&entity=apps/nav'), [('nav', 'failed', 'HOT'), *self.NAV_END])

    def test_status_is_or_ed_as_in_the_list(self):
        failed = [('nav', 'failed', code) for code in ('GPS_LOST', 'MAP_OLD', 'HOT')]
        self.assertEqual(self.got('?status[aggregatedStatus]=active&entity=apps/nav'), failed + self.NAV_END)
        self.assertEqual(self.got('?status[testfailed]=false&status[nothing]=1&entity=apps/nav'),
                         [('nav', 'passed', 'GPS_LOST'), *self.NAV_END])

    def test_scope_takes_what_is_in_it_and_what_clears_it(self):
        self.assertEqual(self.got('?scope=sensors', ENTITY),
                         [('nav', 'failed', 'GPS_LOST'), ('nav', 'passed', 'GPS_LOST'), ('nav', 'cleared', None), ('nav', 'cleared', None)])

    def test_codes_are_or_ed(self):
        self.assertEqual(self.got('?code=MAP_OLD&code=HOT', ENTITY),
                         [('nav', 'failed', 'MAP_OLD'), ('nav', 'failed', 'HOT'), *self.NAV_END])

    def test_entities_are_or_ed(self):
        self.assertEqual({e[0] for e in self.got('?entity=apps/radio')}, {'radio'})
        self.assertEqual({e[0] for e in self.got('?entity=apps%2Fradio&entity=apps%2Fnav')}, {'radio', 'nav'})


class Refused(StreamCase):
    def test_what_is_not_there_is_404(self):
        self.app()
        self.app('apps/mute', register={'data': REGISTER['data']})
        self.refused(404, 'nobody', '/apps/nobody/faults/subscribe')
        self.refused(404, 'offers no faults', '/apps/mute/faults/subscribe')
        self.refused(404, 'apps/nobody', VEHICLE + '?entity=apps/nav&entity=apps/nobody')
        self.refused(404, 'nothing', VEHICLE + '?entity=nothing')
        self.refused(404, 'offers no faults', VEHICLE + '?entity=apps/mute')

    def test_a_query_that_makes_no_sense_is_400(self):
        self.app()
        for query, about in (('severity=low', 'severity'), ('severity=0', 'severity'), ('status=active', 'status'),
                             ('snapshot=maybe', 'snapshot')):
            self.refused(400, about, f'{ENTITY}?{query}')

    def test_an_id_that_cannot_be_is_400_and_says_what_can(self):
        self.flap(self.app(), 3)
        for bad in 'abc', '-1', '4', '1.5', '99999999999999999999999', '0x1':
            self.refused(400, 'Last-Event-ID', ENTITY, Last_Event_ID=bad)
        self.refused(400, 'from 0 to 3', ENTITY, Last_Event_ID='4')
        self.assertEqual(self.listen(Last_Event_ID='2').next().id, 3)

    def test_a_client_that_accepts_no_events_gets_406(self):
        self.app()
        self.assertEqual(self.gateway.bare('GET', '/sovd/v1' + ENTITY, headers={'Accept': 'application/json'}).status, 406)


class Snapshots(StreamCase):
    def test_what_is_there_comes_first_and_then_what_happens(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        self.report(app, 'HOT')
        stream = self.listen(ENTITY + '?snapshot=true')
        first = stream.take(3)
        self.assertEqual([(e.name, e.id) for e in first], [('snapshot', None), ('snapshot', None), ('snapshot-end', 2)])
        self.assertEqual([e.data['fault'] for e in first[:2]], self.gateway.get('/apps/nav/faults').json['items'])
        self.assertEqual({e.data['change'] for e in first[:2]}, {'present'})
        self.report(app, 'HOT', 'passed')
        event = stream.next()
        self.assertEqual((event.id, short(event)), (3, ('passed', 'HOT')))

    def test_the_filter_holds_for_what_is_there(self):
        nav, radio = self.app(), self.app('apps/radio')
        for app in nav, radio:
            for code in 'GPS_LOST', 'MAP_OLD', 'HOT':
                self.report(app, code)

        def found(query):
            stream, result = self.listen(VEHICLE + '?snapshot=true&' + query), []
            while (event := stream.next()).name == 'snapshot':
                result.append((event.data['entity'], event.data['fault']['code']))
            self.assertEqual(event.data, {'id': 6, 'faults': len(result)})
            return sorted(result)
        self.assertEqual(found('severity=2'), [('apps/nav', 'HOT'), ('apps/radio', 'HOT')])
        self.assertEqual(found('entity=apps/nav&code=HOT&code=MAP_OLD'), [('apps/nav', 'HOT'), ('apps/nav', 'MAP_OLD')])
        self.assertEqual(found('scope=maps&entity=apps/radio'), [('apps/radio', 'MAP_OLD')])
        self.assertEqual(found('status[testFailed]=0'), [])

    def test_while_much_happens_snapshot_and_events_together_lead_to_the_present(self):
        many = [{'code': f'F{i}', 'name': 'x', 'reports_per_sec': 0} for i in range(300)]
        app = self.app(register={**REGISTER, 'faults': {'faults': many}})
        for i in range(300):
            app.post('fault', code=f'F{i}', report='failed', n=self.number())
        self.report(app, 'F0', 'passed')

        def go_on():
            for i in range(300):
                app.post('fault', code=f'F{i}', report='passed' if i % 2 else 'failed', n=self.number())
        thread = threading.Thread(target=go_on)
        thread.start()
        stream, known = self.listen(ENTITY + '?snapshot=true'), {}
        while (event := stream.next()).name != 'snapshot-end':
            known[event.data['fault']['code']] = event.data['fault']['status']['aggregatedStatus']
        thread.join()
        self.report(app, 'F299', 'failed')
        while short(event := stream.next()) != ('failed', 'F299'):
            known[event.data['fault']['code']] = event.data['fault']['status']['aggregatedStatus']
        known['F299'] = event.data['fault']['status']['aggregatedStatus']
        listed = self.gateway.get('/apps/nav/faults').json['items']
        self.assertEqual(known, {f['code']: f['status']['aggregatedStatus'] for f in listed})


class ComingBack(StreamCase):
    def test_after_a_crash_nothing_is_missing_and_nothing_comes_twice(self):
        seen, wanted = [], 0
        for round_ in range(3):
            app = self.app(instance=str(round_))
            stream = self.listen(**({'Last_Event_ID': str(seen[-1].id)} if seen else {}))
            self.flap(app, 40)
            wanted += 40
            seen += stream.take(17)  # those of the last life first
            self.flap(app, 10)
            wanted += 10
            self.gateway.kill()
            self.gateway = None
            app.close()
            self.start()
        self.app(instance='last')
        seen += self.listen(Last_Event_ID=str(seen[-1].id)).take(wanted - len(seen))
        self.assertEqual([e.id for e in seen], list(range(1, wanted + 1)))
        self.assertEqual([short(e)[0] for e in seen], ['failed', 'passed'] * (wanted // 2))
        with sqlite3.connect(f'file:{self.folder}/state/state.db?mode=ro', uri=True) as file:
            self.assertEqual([e.text for e in seen], [row[0] for row in file.execute('SELECT body FROM fault_event ORDER BY id')])

    def test_a_stream_goes_on_before_the_app_is_back_also_when_no_fault_is_left(self):
        self.report(self.app(), 'HOT')
        self.ask(204, 'DELETE', '/apps/nav/faults')
        self.gateway.kill()
        self.start()
        self.assertEqual(short(self.listen(Last_Event_ID='1').take(1)[0]), ('cleared', None))
        self.assertEqual(len(self.ask(200, 'GET', '/apps/nav/faults/history').json['items']), 2)
        self.assertEqual(self.ask(200, 'GET', '/apps/nav/faults').json['items'], [])
        self.ask(404, 'GET', '/apps/mute/faults')

    def test_what_comes_from_the_state_is_what_came_live(self):
        app, live = self.app(), self.listen()
        self.flap(app, 30)
        self.ask(204, 'DELETE', '/apps/nav/faults')
        live = live.take(31)
        again = self.listen(Last_Event_ID='0').take(31)
        self.stop()
        self.start()
        self.app(instance='two')
        stored = self.listen(Last_Event_ID='0').take(31)
        for other in again, stored:
            self.assertEqual([(e.id, e.text) for e in other], [(e.id, e.text) for e in live])


class FallingBehind(StreamCase):
    sections = {'events': {'bus_kept': 4, 'replay_max': 50}}

    def test_who_was_away_for_too_long_is_told_what_is_missing(self):
        self.flap(self.app(), 80)
        stream = self.listen(Last_Event_ID='10')
        gap = stream.next()
        self.assertEqual((gap.name, gap.id, gap.data), ('gap', 30, {'from': 11, 'to': 30, 'missed': 20}))
        self.assertEqual([e.id for e in stream.take(50)], list(range(31, 81)))
        self.assertEqual(self.gateway.metrics()['sovd_fault_events_missed_total'], 20)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_fault_events_replayed_total'], 46)

    def test_with_a_snapshot_the_gap_is_closed_by_what_is_there(self):
        self.flap(self.app(), 80)
        stream = self.listen(ENTITY + '?snapshot=true', Last_Event_ID='10')
        self.assertEqual([e.name for e in stream.take(3)], ['gap', 'snapshot', 'snapshot-end'])


class Slow(StreamCase):
    sections = {'events': {'bus_kept': 4}}

    def test_a_reader_that_is_slow_still_gets_everything_and_delays_nobody(self):
        app, connection = self.app(), socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.gateway.host, self.gateway.port))
        slow = events.Stream(connection, '/sovd/v1' + ENTITY)
        self.addCleanup(slow.close)
        swift = self.listen()
        self.flap(app, 400)  # more than the kernel takes for one who does not read
        self.assertEqual([e.id for e in swift.take(400)], list(range(1, 401)))
        before = self.gateway.metrics()['sovd_fault_events_replayed_total']
        self.assertEqual([e.id for e in slow.take(400)], list(range(1, 401)))
        self.assertGreater(self.gateway.metrics()['sovd_fault_events_replayed_total'], before)


class Triggers(StreamCase):
    sections = {'events': {'trigger_secs': 60}}

    def test_a_trigger_on_a_fault_need_not_wait_for_its_period(self):
        app = self.app()
        self.report(app, 'GPS_LOST')
        body = {'resource': 'faults/GPS_LOST', 'trigger_condition': {'condition_type': 'OnChange'},
                'path': '/item/status/aggregatedStatus', 'multishot': True}
        made = self.ask(201, 'POST', '/apps/nav/triggers', body).json
        stream = self.listen(events.target(made['event_source']).removeprefix('/sovd/v1'))
        for report, word in ('passed', 'confirmed'), ('failed', 'active'), ('passed', 'confirmed'):
            self.report(app, 'GPS_LOST', report)
            self.assertEqual(stream.next().payload, word)


if __name__ == '__main__':
    unittest.main()
