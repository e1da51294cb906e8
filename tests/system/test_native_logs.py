# SPDX-License-Identifier: Apache-2.0
"""The log of an app as the collection logs of its entity: what is kept, for how long, and what a client wants of it."""
import os
import socket
import unittest

import test_native_apps

CONTEXTS = [{'id': 'main'}, {'id': 'ROUT', 'type': 'AUTOSAR_DLT', 'application_id': 'NAVI', 'severity': 'warn'}]


class LogCase(test_native_apps.NativeCase):
    def logging(self, contexts=CONTEXTS, **more):
        return self.app(register={'logs': contexts}, **more)

    def entries(self, query=''):
        return self.get(f'/apps/nav/logs/entries{query}')['items']

    def texts(self, query=''):
        return [entry['msg'] for entry in self.entries(query)]

    @staticmethod
    def write(app, msg, severity='info', **more):
        return app.ask('log', severity=severity, msg=msg, **more)


class Entries(LogCase):
    def test_what_an_app_writes_can_be_read(self):
        app = self.logging()
        self.assertIn('logs', self.get('/apps/nav'))
        self.assertEqual(self.entries(), [])
        self.assertEqual(self.write(app, 'route found')['type'], 'reply')
        self.write(app, 'map broken', 'error', context='ROUT')
        first, second = self.entries()
        self.assertEqual(first['context'], {'type': 'RFC5424', 'host': socket.gethostname(), 'process': 'main', 'pid': os.getpid()})
        self.assertEqual((first['severity'], first['msg']), ('info', 'route found'))
        self.assertRegex(first['timestamp'], r'^\d{4}-\d\d-\d\dT.*Z$')
        self.assertEqual(second['context'], {'type': 'AUTOSAR_DLT', 'application_id': 'NAVI', 'context_id': 'ROUT'})
        self.assertEqual(self.texts('?severity=warn'), ['map broken'])

    def test_the_time_is_that_of_the_writing_and_never_in_the_future(self):
        app = self.logging()
        self.write(app, 'then', time_ms=1000000000123)
        self.write(app, 'tomorrow', time_ms=9000000000000)
        then, tomorrow = self.entries()
        self.assertEqual(then['timestamp'], '2001-09-09T01:46:40.123Z')
        self.assertLess(tomorrow['timestamp'], '2200')

    def test_an_app_without_a_log_writes_into_that_of_the_gateway(self):
        app = self.app(register={})
        self.write(app, 'only here')
        self.gateway.wait_log('only here')
        self.assertNotIn('logs', self.get('/apps/nav'))
        self.ask(404, 'GET', '/apps/nav/logs/entries')

    def test_bad_lines_and_contexts_are_named(self):
        app = self.logging()
        refused = self.metric('frames_refused_total')
        self.assertEqual(self.write(app, 'x', context='other')['code'], 'bad-value')
        self.assertEqual(self.write(app, 'x', severity='loud')['code'], 'bad-frame')
        self.assertEqual(self.write(app, 'x' * 4097)['code'], 'bad-frame')
        self.assertEqual(self.write(app, 'x', time_ms=-1)['code'], 'bad-frame')
        self.assertIn('twice', app.ask('register', logs=[{'id': 'a'}, {'id': 'a'}])['message'])
        self.assertIn('/logs', app.ask('register', logs=[{'id': f'c{i}'} for i in range(65)])['message'])
        self.assertEqual(app.ask('register', logs=[{'id': 'a', 'type': 'DLT'}])['code'], 'bad-frame')
        self.assertEqual(self.metric('frames_refused_total') - refused, 7)
        self.assertEqual(self.entries(), [])


class Configured(LogCase):
    def put(self, status, *items):
        return self.ask(status, 'PUT', '/apps/nav/logs/config', {'items': list(items)})

    def severities(self):
        return [c['severity'] for c in self.get('/apps/nav/logs/config')['contexts']]

    def test_the_app_is_told_what_is_wanted_before_it_can_write(self):
        app = self.logging()
        kinds = [f['type'] for f in app.seen]
        self.assertLess(kinds.index('log_config'), kinds.index('reply'))
        self.assertEqual(app.of_type('log_config')[0]['contexts'], {'main': 'info', 'ROUT': 'warn'})

    def test_what_is_configured_is_what_is_kept(self):
        app = self.logging()
        self.assertEqual(self.severities(), ['info', 'warn'])
        for severity in ('debug', 'info', 'warn'):
            self.write(app, f'before {severity}', severity)
            self.write(app, f'rout {severity}', severity, context='ROUT')
        self.assertEqual(self.texts(), ['before info', 'before warn', 'rout warn'])
        self.put(204, {'context': {'type': 'RFC5424'}, 'severity': 'fatal'},
                 {'context': {'type': 'AUTOSAR_DLT', 'context_id': 'ROUT'}, 'severity': 'debug'})
        self.until(lambda: len(app.of_type('log_config')) == 2)
        self.assertEqual(app.of_type('log_config')[1]['contexts'], {'main': 'fatal', 'ROUT': 'debug'})
        self.write(app, 'error after', 'error')
        self.write(app, 'rout after', 'debug', context='ROUT')
        self.assertEqual(self.texts()[3:], ['rout after'])
        self.ask(204, 'DELETE', '/apps/nav/logs/config')
        self.assertEqual(self.severities(), ['info', 'warn'])
        self.ask(404, 'DELETE', '/apps/nav/logs/config')

    def test_a_context_that_there_is_not_changes_nothing(self):
        self.logging()
        body = self.put(400, {'context': {'type': 'RFC5424'}, 'severity': 'debug'},
                        {'context': {'type': 'RFC5424', 'process': 'other'}, 'severity': 'debug'}).json
        self.assertEqual(body['path'], '/items/1/context')
        self.assertEqual(self.severities(), ['info', 'warn'])

    def test_it_holds_when_the_app_comes_back(self):
        app = self.logging()
        self.put(204, {'context': {'type': 'RFC5424'}, 'severity': 'debug'})
        app.close()
        self.until(lambda: self.metric('peers') == 0)
        app = self.logging(instance='two')
        self.assertEqual(app.of_type('log_config')[0]['contexts'], {'main': 'debug', 'ROUT': 'warn'})

    def test_a_trigger_writes_into_it(self):
        app = self.app({'read': lambda frame: {'value': values[0]}},
                       register={'logs': CONTEXTS, 'data': [{'id': 'speed', 'name': 's'}]})
        values = [1]
        self.ask(201, 'POST', '/apps/nav/triggers', {
            'resource': 'data/speed', 'trigger_condition': {'condition_type': 'OnChange'}, 'multishot': False,
            'log_settings': {'log_severity': 'warn', 'log_marker_text': 'SPEED'}})
        values[0] = 2
        self.until(lambda: any(text.startswith('SPEED: ') for text in self.texts('?severity=warn')))
        self.assertFalse(app.is_closed)


class Limits(LogCase):
    def again(self, **options):
        self.stop()
        self.options = options
        self.start()

    def test_the_oldest_entries_go_first(self):
        self.again(max_log_entries=3)
        app = self.logging()
        for n in range(5):
            self.write(app, f'line {n}')
        self.assertEqual(self.texts(), ['line 2', 'line 3', 'line 4'])
        self.assertEqual(self.metric('log_entries_total'), 5)

    def test_bytes_are_limited_too(self):
        self.again(max_log_bytes=8192)
        app = self.logging()
        for n in range(4):
            self.write(app, f'{n}' * 3000)
        self.assertEqual([text[0] for text in self.texts()], ['2', '3'])

    def test_a_flood_is_cut_counted_and_shown(self):
        self.again(log_entries_per_sec=5)
        app = self.logging()
        for n in range(20):
            app.send('log', severity='info', msg=f'line {n}')
        app.ask('heartbeat')
        lost = int(self.metric('log_entries_lost_total'))
        self.assertGreater(lost, 10)
        self.assertEqual(len([text for text in self.texts() if text.startswith('line')]) + lost, 20)
        self.until(lambda: self.write(app, 'after') and 'after' in self.texts())
        self.assertTrue(any('not kept' in text for text in self.texts('?severity=warn')))
        self.assertFalse(app.is_closed)

    def test_entries_survive_the_app_until_they_are_too_old(self):
        self.again(log_retention_secs=4)
        app = self.logging()
        self.write(app, 'last words', 'fatal')
        app.close()
        self.until(lambda: self.metric('peers') == 0)
        self.assertEqual(self.texts(), ['last words'])
        self.until(lambda: self.entries() == [])
        self.assertIn('logs', self.get('/apps/nav'))

    def test_an_app_that_comes_back_in_time_finds_its_log(self):
        self.again(log_retention_secs=3)
        app = self.logging()
        self.write(app, 'before')
        app.close()
        self.until(lambda: self.metric('peers') == 0)
        app = self.logging(instance='two')
        self.write(app, 'after')
        for _ in range(3):  # long enough for a retention that was not taken back
            self.assertEqual(self.texts(), ['before', 'after'])
            app.wait_for('never', timeout=1.2)

    def test_registering_without_a_log_ends_it(self):
        app = self.logging()
        self.write(app, 'gone')
        app.ask('register')
        self.ask(404, 'GET', '/apps/nav/logs/entries')
        app.ask('register', logs=CONTEXTS)
        self.assertEqual(self.entries(), [])


if __name__ == '__main__':
    unittest.main()
