# SPDX-License-Identifier: Apache-2.0
"""An ECU that is away when the gateway starts: its entities are known from the run before."""
import contextlib
import datetime
import json
import pathlib
import re
import resource
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import keys
import polling

RELATIONS = ('subareas', 'subcomponents', 'contains', 'hosts', 'is-located-on', 'belongs-to', 'depends-on')
BMS, SOC = '/components/bms', '/components/bms/data/soc'


class RememberedCase(polling.Waiting, unittest.TestCase):
    dialect = 'iso'
    more = 'powertrain', 'body'  # ids beside those of the components

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='remembered')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.gateway = None
        self.addCleanup(lambda: self.gateway and self.gateway.stop())
        self.ecu = self.start_ecu()

    def start_ecu(self, *arguments):
        server = ecu.DemoEcu(*arguments, dialect=self.dialect)
        self.addCleanup(gateway.stop_ecu, server)
        return server

    def entry(self, **more):
        return gateway.backend_of(self.ecu, **{'refresh_secs': 0.2, **more})

    def start(self, *entries, **sections):
        sections = {'storage': {'path': str(self.folder)}, 'fault_mirror': {'poll_secs': 0.1}, **sections}
        self.gateway = gateway.Gateway(*(entries or [self.entry()]), **sections)
        return self.gateway

    def end(self, kill=False):
        before, self.gateway = self.gateway, None
        if kill:
            before.kill()
        else:
            before.stop()
        self.assertIsNone(gateway.SANITIZER.search(before.log), before.log)
        return before.log

    def rows(self, text='SELECT backend, source, seen_usec, body FROM remembered_view ORDER BY backend', *values):
        with contextlib.closing(sqlite3.connect(self.folder / 'state.db', timeout=20)) as database, database:
            return database.execute(text, values).fetchall()

    def stored(self, name='demo'):
        """The ids that are stored of a backend, or None."""
        found = [json.loads(body) for backend, _, _, body in self.rows() if backend == name]
        return found and {entity['id'] for entity in found[0]['entities']} or None

    def known(self, *ids):
        """Waits until these entities are stored, and no others."""
        self.until(lambda: self.stored() == set(ids or ('bms', 'climate', *self.more)))

    def looked_at(self, n=2):
        """Waits until it was asked for its entities so many times more."""
        self.ecu.reset_stats()
        self.until(lambda: self.ecu.stats()['classes']['components'] >= 3 * n)

    def names(self):
        """The entities, but for the gateway's own."""
        return [(kind, item['id']) for kind in ('areas', 'components', 'apps', 'functions')
                for item in self.gateway.get('/' + kind).json['items'] if item['id'] != 'sovd-gateway']

    def tree(self):
        """All that is said of each entity but how it can be reached, and with whom it is related."""
        told = {}
        for kind, name in self.names():
            body = self.gateway.get(f'/{kind}/{name}').json
            related = [self.gateway.get(uri).json['items'] for member, uri in sorted(body.items()) if member in RELATIONS]
            told[f'{kind}/{name}'] = [body, related]
        text = json.dumps(told).replace(f':{self.gateway.port}/', ':0/')
        return json.loads(re.sub('"connectionState": "[a-z]*"', '"connectionState": ""', text))

    def states(self):
        return {item['id']: item['connectionState'] for item in self.gateway.get('/components').json['items']}

    def away(self, kill=False):
        """The gateway starts again while the ECU is not there."""
        self.end(kill)
        self.ecu.stop()
        return self.start()


class Away(RememberedCase):
    def test_its_entities_are_listed_as_they_were(self):
        self.start()
        self.known()
        before = self.tree()
        self.assertIn('components/bms', before)
        self.away()
        self.assertEqual(self.states(), {'bms': 'disconnected', 'climate': 'disconnected'})
        self.assertEqual(self.tree(), before)
        self.assertEqual(self.gateway.get('/components/none').status, 404)

    def test_what_is_asked_of_it_is_503_with_the_reason(self):
        self.start()
        self.known()
        self.away(kill=True)
        for path in SOC, BMS + '/data', BMS + '/operations':
            reply = self.gateway.get(path)
            self.assertEqual((reply.status, reply.json['error_code']), (503, 'not-responding'), path)
            self.assertIn("backend 'demo'", reply.json['message'])
            self.assertIn('retry-after', reply.headers)

    def test_health_says_that_it_is_known_from_before_and_when_it_was_there(self):
        self.start()
        self.assertNotIn('remembered', self.gateway.backend())
        self.known()
        self.end()
        self.ecu.stop()
        (_, _, seen, _), = self.rows()
        self.start()
        told = self.gateway.backend()
        self.assertEqual((told['connection'], told['remembered'], told['entities']), ('disconnected', True, len(self.names())))
        self.assertEqual(round(datetime.datetime.fromisoformat(told['last_seen'].replace('Z', '+00:00')).timestamp() * 1000), seen // 1000)
        self.assertRegex(self.gateway.log, "backend 'demo': .* entities are known from before")
        self.assertEqual(self.gateway.health()['status'], 'degraded')

    def test_when_it_was_there_is_written_when_it_goes_and_when_the_gateway_ends(self):
        self.start()
        self.known()
        (_, _, first, body), = self.rows()
        self.looked_at()
        self.ecu.stop()
        self.until(lambda: self.rows()[0][2] > first)
        self.assertEqual(self.rows()[0][3], body)
        lost = self.rows()[0][2]
        self.ecu = self.start_ecu('--port', str(self.ecu.port))
        self.until(lambda: set(self.states().values()) == {'connected'})
        self.looked_at()
        self.end()
        self.assertGreater(self.rows()[0][2], lost)

    def test_its_faults_that_were_followed_can_be_read_of_it(self):
        self.start()
        self.known()
        self.until(lambda: self.rows('SELECT code FROM fault WHERE entity=?', 'components/bms'))
        self.away(kill=True)
        listed = self.gateway.get('/faults?entity=components/bms')
        self.assertEqual((listed.status, [fault['code'] for fault in listed.json['items']]), (200, ['P0A80']))
        history = self.gateway.get(BMS + '/faults/history')
        self.assertEqual((history.status, [event['fault']['code'] for event in history.json['items']]), (200, ['P0A80']))
        for path in '/export/faults?entity=components/bms', '/export/faults':
            _, *lines, _ = map(json.loads, self.gateway.get(path).body.splitlines())
            lines = [line for line in lines if line['entity'] == 'components/bms']
            self.assertEqual([line.get('code') or line['error']['error_code'] for line in lines], ['P0A80', 'not-responding'])

    def test_a_second_start_without_it_knows_as_much(self):
        self.start()
        self.known()
        before = self.tree()
        self.away(kill=True)
        self.end(kill=True)
        self.start()
        self.assertEqual(self.tree(), before)
        self.assertTrue(self.gateway.backend()['remembered'])

    def test_an_execution_that_ran_is_asked_about_and_not_given_up(self):
        self.start()
        self.known()
        uri = self.gateway.post(BMS + '/operations/cell-balance/executions').headers['location']
        self.away(kill=True)
        path = '/components' + uri.split('/components', 1)[1]
        reply = self.gateway.get(path)
        self.assertEqual((reply.status, reply.json['error_code']), (503, 'not-responding'))
        self.assertEqual(self.gateway.health()['executions_running'], 1)


    def test_it_is_known_to_the_first_request(self):
        self.start()
        self.known()
        self.end(kill=True)
        self.ecu.inject('hang')
        self.gateway = gateway.Gateway(self.entry(), storage={'path': str(self.folder)}, ready=False)  # it listens, and no more
        self.assertEqual(self.gateway.bare('GET', '/sovd/v1/components/bms').json['connectionState'], 'connecting')
        self.assertEqual(self.gateway.bare('GET', '/readyz').status, 503)

    def test_a_lock_at_it_is_seen_and_ends_when_it_is_back(self):
        self.start()
        self.known()
        uri = self.gateway.post(BMS + '/locks', {'lock_expiration': 600}).headers['location']
        path = '/components' + uri.split('/components', 1)[1]
        self.away(kill=True)
        self.assertEqual((self.gateway.get(path).status, self.gateway.get(BMS + '/locks').json['items'][0]['id']), (200, uri.rsplit('/', 1)[1]))
        self.assertEqual(self.gateway.delete(path).status, 503)  # it has its own for this one
        self.assertEqual(self.gateway.get(path).status, 200)
        self.ecu = self.start_ecu('--port', str(self.ecu.port))
        self.until(lambda: set(self.states().values()) == {'connected'})
        self.assertEqual(self.gateway.delete(path).status, 204)

    def test_a_client_sees_what_is_its_tenants_and_nothing_else(self):
        self.start()
        self.known()
        self.end(kill=True)
        self.ecu.stop()
        policy = self.folder / 'policy.yaml'
        policy.write_text(json.dumps({'tenants': {'cells': {'entities': ['components/bms']}}}), encoding='utf-8')
        key = 'secret-of-the-maker-of-cells-xxxx'
        options = {'auth': keys.section(keys.entry('maker', key, tenant='cells'), enabled=True, policy_file=str(policy))}
        self.gateway = gateway.Gateway(self.entry(), storage={'path': str(self.folder)}, ready=False, **options)
        self.gateway.wait_ready()
        found = {path: self.gateway.bare('GET', gateway.BASE + path, headers=keys.bearer(key)) for path in (BMS, SOC, '/components/climate', '/components')}
        self.assertEqual([reply.status for reply in found.values()], [200, 503, 404, 200])
        self.assertEqual([item['id'] for item in found['/components'].json['items']], ['bms'])


class Back(RememberedCase):
    def test_the_tree_follows_what_went_and_what_came(self):
        self.ecu.set(component='climate', present=False)
        self.start()
        self.known('bms', *(self.more))
        port = self.ecu.port
        self.away(kill=True)
        self.assertEqual((self.states(), self.gateway.get('/components/climate').status), ({'bms': 'disconnected'}, 404))
        self.ecu = self.start_ecu('--port', str(port), '--inject', 'hang:/components')
        self.ecu.set(component='bms', present=False)
        self.ecu.clear_injection()
        self.until(lambda: self.states() == {'climate': 'connected'})
        self.assertEqual((self.gateway.get(SOC).status, self.gateway.get('/components/climate/data/fan-speed').status), (404, 200))
        self.assertNotIn('remembered', self.gateway.backend())
        self.known('climate', *(self.more))
        self.away(kill=True)
        self.assertEqual(self.states(), {'climate': 'disconnected'})

    def test_when_it_is_as_it_was_only_the_time_is_written_once(self):
        self.start()
        self.known()
        self.end(kill=True)
        before, = self.rows()
        self.rows('CREATE TABLE written(what)')
        self.rows('CREATE TRIGGER written_whole AFTER INSERT ON remembered_view BEGIN INSERT INTO written VALUES(new.body); END')
        self.rows('CREATE TRIGGER written_time AFTER UPDATE ON remembered_view BEGIN INSERT INTO written VALUES(new.seen_usec); END')
        self.start()
        self.looked_at(5)
        now, = self.rows()
        self.assertEqual(self.rows('SELECT what FROM written'), [(now[2], )])
        self.assertEqual((now[1], now[3]), (before[1], before[3]))

    def test_what_a_full_disk_refused_is_written_later(self):
        self.start(self.entry(refresh_secs=0.5), audit={'enabled': False}, fault_mirror={'poll_secs': 0})
        self.known()
        pid, unlimited = self.gateway.process.pid, resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_FSIZE, ((self.folder / 'state.db-wal').stat().st_size, unlimited))
        self.ecu.set(component='climate', present=False)
        self.until(lambda: 'storage_error' in self.gateway.health())
        self.assertEqual(self.states(), {'bms': 'connected'})
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        self.known('bms', *self.more)

    def test_one_that_changes_all_the_time_is_not_written_all_the_time(self):
        self.start(self.entry(refresh_secs=0.1))
        self.known()
        seen = set()
        for i in range(30):
            self.ecu.set(component='climate', present=bool(i % 2))
            self.until(lambda: len(self.states()) == 1 + i % 2)
            seen.add(self.rows()[0][2])
        self.assertLessEqual(len(seen), 11)
        self.assertGreater(len(seen), 3)


class Settings(RememberedCase):
    """What is known is of one server; it is never shown of another one."""

    def gone(self, *entries):
        """Nothing is shown, and nothing stays."""
        self.start(*entries)
        self.assertEqual(self.gateway.get('/components').json['items'], [])
        self.assertEqual(self.gateway.get(SOC).status, 404)
        self.assertNotIn('remembered', self.gateway.health()['backends'][0] if entries else {})
        self.end(kill=True)

    def prepare(self):
        self.start()
        self.known()
        self.end(kill=True)
        self.ecu.stop()

    def test_other_settings_say_that_it_is_another_server(self):
        for change in {'base_url': f'http://localhost:{self.ecu.port}'}, {'dialect': 'odata'}, {'api_prefix': '/other/v1'}:
            with self.subTest(change):
                self.prepare()
                self.gone(self.entry(**change))
                self.gone(self.entry())
                self.ecu = self.start_ecu('--port', str(self.ecu.port))

    def test_other_ids_say_that_it_is_another_vehicle(self):
        self.prepare()
        self.start(self.entry(component_ids=['doors']))
        self.assertEqual(self.states(), {'doors': 'disconnected'})

    def test_other_times_and_credentials_do_not(self):
        self.prepare()
        self.start(self.entry(timeout_secs=3, bearer_token='another-token-of-this-gateway'))
        self.assertEqual(self.states(), {'bms': 'disconnected', 'climate': 'disconnected'})
        self.assertNotIn('another-token', str(self.rows()))

    def test_one_that_was_not_configured_meanwhile_is_forgotten(self):
        self.prepare()
        other = gateway.backend_of(self.ecu, 'other')
        self.gone(other)
        self.gone(self.entry())

    def test_one_that_a_reload_removes_is_forgotten(self):
        self.start()
        self.known()
        other = gateway.backend_of(self.start_ecu(), 'other')
        options = {'storage': {'path': str(self.folder)}}
        self.gateway.reload(self.gateway.settings(other, **options))
        self.until(lambda: [row[0] for row in self.rows()] == ['other'])
        self.ecu.stop()
        self.gateway.reload(self.gateway.settings(other, self.entry(), **options))
        self.assertEqual(self.gateway.backend()['entities'], 0)

    def test_without_a_file_nothing_is_kept(self):
        self.start(storage={})
        self.end()
        self.ecu.stop()
        self.start(storage={})
        self.assertEqual(self.states(), {})


class Damaged(RememberedCase):
    def test_what_cannot_be_used_is_ignored_and_said_and_replaced(self):
        self.start()
        self.known()
        self.end()
        good = json.loads(self.rows()[0][3])
        entity = good['entities'][0]
        bad = {'': 'too long|at the end|value|empty|ends', '{': '.', '[]': 'object', 'null': 'object', json.dumps(good)[:-20]: '.',
               json.dumps({**good, 'format': 2}): '/format must be from 1 to 1', json.dumps({**good, 'more': 1}): 'more',
               json.dumps({**good, 'dialect': 'grpc'}): 'dialect', json.dumps({**good, 'entities': 1}): 'entities',
               json.dumps({**good, 'entities': [entity, entity]}): 'comes twice'}
        for change in {'id': 'a/b'}, {'id': ''}, {'type': 'ecus'}, {'collections': ['everything']}, {'path': 'x y'}, {'variant': '{'}, {'tags': [1]}, {'name': None}:
            bad[json.dumps({**good, 'entities': [{**entity, **change}]})] = next(iter(change)) if 'tags' in change or 'type' in change or 'name' in change else 'an entity|the (path|variant)'
        port = self.ecu.port
        self.ecu.stop()
        for text, why in bad.items():
            with self.subTest(text[:300]):
                self.rows('UPDATE remembered_view SET body=?', text)
                self.start()
                self.assertEqual(self.states(), {})
                self.assertRegex(self.gateway.log, rf"backend 'demo': what is known of its entities from before cannot be used: .*({why})")
                self.end()
        self.ecu = self.start_ecu('--port', str(port))
        self.start()
        self.known()


class TwoBackends(RememberedCase):
    def test_who_offers_the_same_entity_now_owns_it_until_the_first_one_is_back(self):
        self.start()
        self.known()
        self.end()
        port = self.ecu.port
        self.ecu.stop()
        second = self.start_ecu()
        second.set(component='climate', present=False)
        self.start(self.entry(), gateway.backend_of(second, 'second', refresh_secs=0.2))
        self.assertEqual(self.states(), {'bms': 'connected', 'climate': 'disconnected'})
        self.assertEqual(self.gateway.get(SOC).status, 200)
        self.assertIn({'entity': 'components/bms', 'owner': 'second', 'left_out': 'demo'}, self.gateway.health()['clashes'])
        self.ecu = self.start_ecu('--port', str(port))
        self.until(lambda: self.states() == {'bms': 'connected', 'climate': 'connected'})
        self.assertIn({'entity': 'components/bms', 'owner': 'demo', 'left_out': 'second'}, self.gateway.health()['clashes'])


class OData(Away):
    dialect = 'odata'
    test_a_lock_at_it_is_seen_and_ends_when_it_is_back = None  # it has none of its own


if __name__ == '__main__':
    unittest.main()
