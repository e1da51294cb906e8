# SPDX-License-Identifier: Apache-2.0
"""Long lists of faults: pages, times and filters, for faults that the gateway keeps and for those of a backend."""
import re
import urllib.parse

import test_native_apps

N = 25
FAULTS = [{'code': f'F{i:02}', 'name': 'x', 'severity': 1 + i % 4, **({'tags': ['odd']} if i % 2 else {})} for i in range(N)]
NEXT = re.compile(r'^<(\S+)>; rel="next"$')


def next_path(reply):
    """The path of the next page below the base, or None."""
    link = NEXT.match(reply.headers.get('link', ''))
    return link and urllib.parse.urlsplit(link.group(1))._replace(scheme='', netloc='').geturl().split('/sovd/v1', 1)[1]


class PageCase(test_native_apps.NativeCase):
    entities = ('apps/nav', 'apps/other')

    def fill(self, entity='apps/nav', n=N):
        app = self.app(entity=entity, register={'faults': {'id': 'x', 'version': '1', 'faults': FAULTS}})
        for i in range(n):
            self.assertEqual(app.ask('fault', code=f'F{i:02}', report='failed')['type'], 'reply')
        return app

    def pages(self, path):
        """The items of each page."""
        pages = []
        while path:
            reply = self.ask(200, 'GET', path)
            pages.append(reply.json['items'])
            path = next_path(reply)
        return pages

    def cursor(self, path):
        """Where the first page ends."""
        return urllib.parse.parse_qs(urllib.parse.urlsplit(next_path(self.ask(200, 'GET', path))).query)['after'][0]

    @staticmethod
    def codes(pages):
        return [item['code'] for page in pages for item in page]


class Kept(PageCase):
    def test_pages_together_are_the_list_newest_first(self):
        self.fill()
        pages = self.pages('/apps/nav/faults?limit=10')
        self.assertEqual([len(p) for p in pages], [10, 10, 5])
        self.assertEqual(self.codes(pages), [f'F{i:02}' for i in reversed(range(N))])
        self.assertEqual([len(p) for p in self.pages('/apps/nav/faults?limit=5')], [5] * 5)
        self.assertEqual([len(p) for p in self.pages('/apps/nav/faults')], [N])

    def test_filters_go_with_the_link(self):
        self.fill()
        pages = self.pages('/apps/nav/faults?limit=2&severity=3&tags=odd&status[testFailed]=1')
        wanted = [f['code'] for f in reversed(FAULTS) if f['severity'] < 3 and f.get('tags')]
        self.assertEqual(self.codes(pages), wanted)
        self.assertEqual({len(p) for p in pages[:-1]}, {2})

    def test_every_way_to_say_a_status_is_judged_as_in_a_list(self):
        app = self.fill(n=4)
        app.ask('fault', code='F00', report='passed')
        for query, wanted in (('aggregatedStatus]=active', {'F01', 'F02', 'F03'}), ('aggregatedstatus]=CONFIRMED', {'F00'}),
                              ('testFailed]=0', {'F00'}), ('TESTFAILED]=false', {'F00'}), ('mask]=2f', {'F01', 'F02', 'F03'}),
                              ('mask]=FF', set()), ('nothing]=1', set()), ('confirmedDTC]=true', {'F00', 'F01', 'F02', 'F03'}),
                              ('testFailed]=2', set()), ('mask]=FF&status[testFailed]=0', {'F00'})):
            self.assertEqual(set(self.codes(self.pages('/apps/nav/faults?limit=2&status[' + query))), wanted, query)

    def test_what_fails_now_has_the_same_pages_as_all_has_whatever_else_is_asked(self):
        app = self.fill(n=12)
        self.fill('apps/other', n=3)
        for i in range(0, 12, 3):
            app.ask('fault', code=f'F{i:02}', report='passed')
        for path in '/apps/nav/faults', '/faults':
            everything = [item for page in self.pages(path + '?limit=1000') for item in page]
            for more, passes in (('', lambda item: True), ('&tags=odd', lambda item: item.get('tags')),
                                 ('&severity=3', lambda item: item['severity'] < 3)):
                for key, value in ('testFailed', '1'), ('aggregatedStatus', 'active'), ('mask', '2F'), ('warningIndicatorRequested', '1'):
                    wanted = [item for item in everything if passes(item) and item['status'][key] == value]
                    found = [item for page in self.pages(f'{path}?limit=2&status[{key}]={value}{more}') for item in page]
                    self.assertEqual(found, wanted, (path, more, key))

    def test_times_choose_by_the_last_occurrence(self):
        self.fill(n=5)
        items = self.get('/apps/nav/faults')['items']
        times = {item['code']: item['x-gw-last-occurrence'] for item in items}
        for item in items:
            self.assertEqual(item['x-gw-occurrences'], 1)
            self.assertEqual(item['x-gw-first-occurrence'], item['x-gw-last-occurrence'])
        at = times['F02']
        self.assertEqual(self.codes(self.pages(f'/apps/nav/faults?limit=1&from={at}')),
                         [c for c in sorted(times, reverse=True) if times[c] >= at])
        self.assertEqual(self.codes(self.pages(f'/apps/nav/faults?limit=1&to={at}')),
                         [c for c in sorted(times, reverse=True) if times[c] <= at])
        self.assertEqual(self.get('/apps/nav/faults?from=4102444800000')['items'], [])
        self.assertEqual(len(self.get('/apps/nav/faults?from=0&to=2100-01-01T00:00:00Z')['items']), 5)

    def test_a_page_neither_repeats_nor_hides_what_stays(self):
        app = self.fill(n=10)
        first = self.ask(200, 'GET', '/apps/nav/faults?limit=5')
        app.ask('fault', code='F20', report='failed')
        self.ask(204, 'DELETE', '/apps/nav/faults/F05')
        rest = self.codes(self.pages(next_path(first)))
        self.assertEqual(rest, ['F04', 'F03', 'F02', 'F01', 'F00'])

    def test_the_vehicle_lists_the_faults_of_all_entities(self):
        self.fill('apps/nav', 3)
        self.fill('apps/other', 2)
        pages = self.pages('/faults?limit=2')
        self.assertEqual([(f['entity'], f['code']) for page in pages for f in page],
                         [('apps/other', 'F01'), ('apps/other', 'F00'), ('apps/nav', 'F02'), ('apps/nav', 'F01'), ('apps/nav', 'F00')])
        self.assertEqual(len(self.codes(self.pages('/faults?severity=2'))), 2)
        self.assertNotIn('entity', self.get('/apps/nav/faults')['items'][0])

    def test_the_vehicle_can_be_asked_about_one_entity(self):
        self.fill('apps/nav', 3)
        self.fill('apps/other', 2)
        self.assertEqual(self.codes(self.pages('/faults?entity=apps/other&limit=1')), ['F01', 'F00'])
        history = self.get('/faults/history?entity=apps/other')['items']
        self.assertEqual([event['entity'] for event in history], ['apps/other'] * 2)
        for path in '/faults', '/faults/history':
            self.ask(404, 'GET', path + '?entity=apps/nobody')
            self.assertIn("'entity'", self.ask(400, 'GET', path + '?entity=nobody').json['message'])

    def test_what_cannot_be_a_page_is_named(self):
        self.fill(n=3)
        cursor = self.cursor('/apps/nav/faults?limit=1')
        for query, word in (('limit=0', 'limit'), ('limit=1001', 'limit'), ('limit=x', 'limit'), ('limit=-1', 'limit'),
                            ('from=yesterday', 'from'), ('to=2026-13-01T00:00:00Z', 'to'), ('from=-1', 'from'),
                            ('from=9999999999999999', 'from'), ('from=2000&to=1000', 'from'), ('after=', 'after'),
                            ('after=x', 'after'), ('after=' + cursor[:-2], 'after'), ('after=0' + cursor[1:] + '00', 'after'),
                            ('after=' + cursor[:9] + chr(ord(cursor[9]) ^ 1) + cursor[10:], 'after')):
            for path in '/apps/nav/faults', '/faults':
                self.assertIn(f"'{word}'", self.ask(400, 'GET', f'{path}?{query}').json['message'], query)
        self.ask(200, 'GET', '/apps/nav/faults?after=' + cursor)

    def test_a_query_that_fits_no_link_is_refused(self):
        self.fill(n=3)
        self.ask(414, 'GET', '/apps/nav/faults?limit=1&ignored=' + 'x' * 3000)
        self.ask(200, 'GET', '/apps/nav/faults?limit=3&ignored=' + 'x' * 3000)


class History(PageCase):
    def events(self, path='/apps/nav/faults/history'):
        return [event for page in self.pages(path) for event in page]

    def happen(self):
        """Seven events of two entities."""
        app = self.fill(n=3)
        app.ask('fault', code='F00', report='passed')
        app.ask('fault', code='F01', report='failed', environment={'speed': 7})
        self.ask(204, 'DELETE', '/apps/nav/faults/F02')
        self.ask(204, 'DELETE', '/apps/nav/faults')
        self.fill('apps/other', 1)
        return app

    def test_what_happened_is_told_newest_first(self):
        self.happen()
        events = self.events()
        self.assertEqual([(e['change'], e.get('fault', {}).get('code')) for e in events],
                         [('cleared', None), ('cleared', 'F02'), ('passed', 'F00'), ('failed', 'F02'), ('failed', 'F01'), ('failed', 'F00')])
        ids = [e['id'] for e in events]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual({e['entity'] for e in events}, {'apps/nav'})
        self.assertEqual(events[5]['fault']['status']['testFailed'], '1')
        self.assertEqual(events[2]['fault']['status']['testFailed'], '0')

    def test_pages_together_are_the_history_in_both_orders(self):
        self.happen()
        everything = self.events()
        for limit in 1, 2, 3, 6:
            pages = self.pages(f'/apps/nav/faults/history?limit={limit}')
            self.assertEqual([e for page in pages for e in page], everything)
            self.assertEqual(len(pages), -(-len(everything) // limit))
            self.assertEqual(self.events(f'/apps/nav/faults/history?limit={limit}&order=asc'), everything[::-1])

    def test_filters_choose_events(self):
        self.happen()
        codes = lambda query: [(e['change'], e.get('fault', {}).get('code')) for e in self.events('/apps/nav/faults/history?' + query)]
        self.assertEqual(codes('code=F02'), [('cleared', None), ('cleared', 'F02'), ('failed', 'F02')])
        self.assertEqual(codes('severity=2'), [('passed', 'F00'), ('failed', 'F00')])
        self.assertEqual(codes('status[testFailed]=1'), [('failed', 'F02'), ('failed', 'F01'), ('failed', 'F00')])
        self.assertEqual(codes('scope=none'), [('cleared', None)])
        everything = self.events()
        at = everything[3]['timestamp']
        for query, chosen in ((f'from={at}', [e for e in everything if e['timestamp'] >= at]),
                              (f'to={at}', [e for e in everything if e['timestamp'] <= at])):
            for order, wanted in ('desc', chosen), ('asc', chosen[::-1]):
                self.assertEqual(self.events(f'/apps/nav/faults/history?limit=1&order={order}&{query}'), wanted)
        self.assertEqual(codes('from=2100-01-01T00:00:00Z'), [])

    def test_an_occurrence_has_its_freeze_frame(self):
        app = self.fill(n=1)
        app.ask('fault', code='F05', report='failed', environment={'speed': 7})
        events = self.events()
        self.assertEqual(events[0]['freeze_frame'], {'speed': 7})
        self.assertNotIn('freeze_frame', events[1])

    def test_the_vehicle_tells_of_all_entities_and_outlives_a_restart(self):
        self.happen()
        before = self.events('/faults/history?limit=2')
        self.assertEqual([e['entity'] for e in before], ['apps/other'] + ['apps/nav'] * 6)
        self.stop()
        self.start()
        self.assertEqual(self.events('/faults/history?limit=3'), before)

    def test_what_cannot_be_asked_is_named(self):
        self.happen().ask('fault', code='F00', report='failed')
        cursor = self.cursor('/faults/history?limit=1')
        fault = self.cursor('/faults?limit=1')
        for query, word in (('order=up', 'order'), ('limit=0', 'limit'), ('from=2&to=1', 'from'), ('to=x', 'to'), ('after=1', 'after'),
                            (f'order=asc&after={cursor}', 'after'), (f'after={fault}', 'after'), ('severity=x', 'severity')):
            for path in '/apps/nav/faults/history', '/faults/history':
                self.assertIn(f"'{word}'", self.ask(400, 'GET', f'{path}?{query}').json['message'], query)
        self.assertIn("'after'", self.ask(400, 'GET', f'/faults?after={cursor}').json['message'])
        self.ask(404, 'GET', '/apps/nobody/faults/history')

    def test_no_fault_can_be_called_like_the_history(self):
        app = self.app(register={'data': []})
        answer = app.ask('register', faults={'id': 'x', 'version': '1', 'faults': [{'code': 'history', 'name': 'x'}]})
        self.assertEqual(answer['type'], 'error', answer)
        self.fill('apps/other', 1)
        self.assertEqual(self.ask(405, 'DELETE', '/apps/other/faults/history').headers['allow'], 'GET, HEAD')
