# SPDX-License-Identifier: Apache-2.0
"""The data catalogue: every value of every entity, page by page, with what VSS says of it; and what could not be asked."""
import http.server
import json
import pathlib
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import native
import polling

CATALOG = '/schema/data-catalog'
BATTERY = 'Vehicle.Powertrain.TractionBattery'


def branch(**children):
    return {'type': 'branch', 'description': 'A branch.', 'children': children}


def leaf(kind='sensor', datatype='float', **more):
    return {'type': kind, 'datatype': datatype, 'description': 'A leaf.', **more}


VSS = {'Vehicle': branch(
    VersionVSS=branch(**{part: leaf('attribute', 'uint32', default=value) for part, value in
                         (('Major', 6), ('Minor', 0), ('Patch', 0))}),
    Speed=leaf(unit='km/h'),
    Powertrain=branch(TractionBattery=branch(
        Voltage=leaf(unit='V', min=0, max=1000),
        Soc=leaf(datatype='uint8', unit='percent', max=100),
        Mode=leaf('actuator', 'string', allowed=['ECO', 'SPORT']),
        SocOther=leaf())))}
OVERLAY = {'Vehicle': {'children': {'Speed': {'unit': 'm/s', 'x-oem': True}}}}
SCENARIO = {'components': [
    {'id': 'bat tery', 'data': [
        {'id': 'voltage', 'value': 398, 'unit': 'V', 'tags': ['live']}, {'id': 'soc', 'value': 5, 'unit': '%'},
        {'id': 'Vehicle.Speed', 'value': 3.5},
        {'id': 'mode', 'type': 'string', 'value': 'ECO', 'writable': True}]},
    {'id': 'plain', 'data': [{'id': f'v{i:03}', 'value': i} for i in range(150)]}]}
MAP = [{'entity': 'components/bat tery', 'id': 'voltage', 'path': BATTERY + '.Voltage'},
       {'entity': 'components/bat tery', 'id': 'soc', 'path': BATTERY + '.Soc'},
       {'entity': 'components/bat tery', 'id': 'mode', 'path': BATTERY + '.Mode'},
       {'entity': 'components/nobody', 'id': 'x', 'path': 'Vehicle.Speed'}]


class CatalogCase(polling.Waiting, unittest.TestCase):
    """A gateway of a test's own, with files in a folder of its own."""
    sections = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='cat')
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.gateway = None

    def file(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding='utf-8')
        return str(path)

    def start(self, *backends, **sections):
        self.gateway = gateway.Gateway(*backends, **{**self.sections, **sections})
        self.addCleanup(self.gateway.stop)

    def start_simulated(self, catalog=None, scenario=SCENARIO, **sections):
        sim = {'name': 'car', 'type': 'sim', 'scenario': self.file('car.yaml', scenario)}
        self.start(sim, **({'catalog': catalog} if catalog is not None else {}), **sections)

    def start_vss(self, **more):
        self.start_simulated({'vss': self.file('vss.json', VSS), 'overlays': [self.file('over.json', OVERLAY)], 'map': MAP}, **more)

    def get(self, query='', status=200):
        reply = self.gateway.get(CATALOG + ('?' + query if query else ''))
        self.assertEqual(reply.status, status, reply)
        return reply.json

    def ids(self, query):
        return [item['id'] for item in self.get(query)['items']]


class Items(CatalogCase):
    def test_each_value_of_each_entity_is_there_with_its_place_and_its_metadata(self):
        self.start_simulated()
        page = self.get('limit=1000')
        self.assertEqual((page['total'], page['incomplete_total']), (len(page['items']), 0))
        self.assertNotIn('vss', page)
        page['items'] = [item for item in page['items'] if item['entity'] in ('components/bat tery', 'components/plain')]
        self.assertEqual(len(page['items']), 154)
        listed = {item['id']: item for item in self.gateway.get('/components/bat%20tery/data').json['items']}
        for item in page['items'][:4]:
            entity, href, schema = item.pop('entity'), item.pop('href'), item.pop('schema')
            self.assertEqual(item, listed[item['id']])
            self.assertEqual(entity, 'components/bat tery')
            self.assertEqual(self.gateway.get(href).json['id'], item['id'])
            self.assertIn(schema['type'], ('number', 'string'))

    def test_pages_lead_from_one_to_the_next_and_miss_nothing(self):
        self.start_simulated()
        found, path, pages = [], CATALOG + '?limit=40&entity=components/plain', 0
        while path:
            reply = self.gateway.get(path)
            found += [item['id'] for item in reply.json['items']]
            self.assertEqual(reply.json['total'], 150)
            link, pages = reply.headers.get('link'), pages + 1
            path = link and link[link.index('/schema'):link.index('>')]
        self.assertEqual((found, pages), ([f'v{i:03}' for i in range(150)], 4))
        self.assertEqual(len(self.get()['items']), 100)

    def test_what_is_wrong_is_named(self):
        self.start_simulated()
        for query, about in (('limit=0', 'limit'), ('limit=1001', 'limit'), ('limit=x', 'limit'), ('after=zz', 'after'),
                             ('kind=branch', 'kind'), ('kind=', 'kind'), ('entity=x', 'entity'), ('entity=', 'entity'),
                             ('entity=components/none', "no component 'none'"), ('entity=boats/x', 'entity')):
            self.assertIn(about, self.get(query, 400)['message'], query)
        self.assertEqual(self.gateway.request('POST', CATALOG, {}).status, 405)
        self.assertEqual(self.gateway.get('/schema').status, 404)

    def test_what_only_vss_can_say_is_501_without_a_file_of_it(self):
        self.start_simulated()
        for query, about in (('path=Vehicle', 'path'), ('path=', 'path'), ('kind=sensor', 'kind'), ('unit=V&kind=actuator', 'kind')):
            self.assertIn(f"query parameter '{about}' is about VSS", self.get(query, 501)['message'])

    def test_the_version_changes_with_the_content_and_only_then(self):
        self.start_simulated(native=native.section(self.folder / 'apps.sock', 'apps/nav'))
        first = self.gateway.get(CATALOG)
        again = self.gateway.get(CATALOG, {'If-None-Match': first.headers['etag']})
        self.assertEqual(again.status, 304)
        app = native.App(self.folder / 'apps.sock', {'data': [{'id': 'speed', 'name': 'Speed', 'unit': 'km/h'}]})
        self.addCleanup(app.close)
        second = self.gateway.get(CATALOG, {'If-None-Match': first.headers['etag']})
        self.assertEqual(second.status, 200)
        self.assertEqual(second.json['total'], first.json['total'] + 1)
        self.assertNotEqual(second.json['version'], first.json['version'])
        self.assertEqual(self.ids('entity=apps/nav'), ['speed'])
        self.assertEqual(self.ids('unit=km/h'), ['speed'])

    def test_values_over_the_limit_are_counted_and_not_listed(self):
        self.start_simulated(limits={'catalog_items': 50})
        page = self.get('limit=1000')
        self.assertEqual(page['total'], 50)
        self.assertGreaterEqual(page['left_out'], 104)

    def test_requests_do_not_walk_through_the_entities(self):
        self.start_simulated()
        for _ in range(20):
            self.get()
        self.assertEqual(self.gateway.metrics()['sovd_catalog_builds_total'], 1)


class Vss(CatalogCase):
    def test_values_are_mapped_by_the_configuration_and_by_their_ids(self):
        self.start_vss()
        page = self.get('entity=components/bat%20tery')
        self.assertEqual(page['vss'], {'version': '6.0.0', 'leaves': 8, 'mapped': 4, 'unused': 1})
        vss = {item['id']: item['vss'] for item in page['items']}
        self.assertEqual(vss['voltage'], {'path': BATTERY + '.Voltage', 'type': 'sensor', 'datatype': 'float', 'unit': 'V',
                                          'description': 'A leaf.', 'min': 0, 'max': 1000})
        self.assertEqual(vss['mode']['allowed'], ['ECO', 'SPORT'])
        self.assertEqual((vss['Vehicle.Speed']['path'], vss['Vehicle.Speed']['unit']), ('Vehicle.Speed', 'm/s'))

    def test_path_kind_and_unit_filter(self):
        self.start_vss()
        self.assertEqual(self.ids('path=' + BATTERY), ['mode', 'soc', 'voltage'])
        self.assertEqual(self.ids('path=' + BATTERY + '.Soc'), ['soc'])
        self.assertEqual(self.ids('path=Vehicle.Power'), [])
        self.assertEqual(self.ids('kind=actuator'), ['mode'])
        self.assertEqual(self.ids('kind=sensor&unit=percent'), ['soc'])
        self.assertEqual(self.ids('unit=m/s'), ['Vehicle.Speed'])

    def test_what_the_backend_does_not_say_of_a_schema_is_made_from_vss(self):
        app = {'data': [{'id': BATTERY + '.Soc', 'name': 'Charge'}, {'id': 'other', 'name': 'Other'}]}
        self.start_simulated({'vss': self.file('vss.json', VSS)}, native=native.section(self.folder / 'apps.sock', 'apps/nav'))
        connected = native.App(self.folder / 'apps.sock', app)
        self.addCleanup(connected.close)
        soc, other = self.get('entity=apps/nav')['items']
        self.assertEqual({name: soc['schema'].get(name) for name in ('type', 'minimum', 'maximum')},
                         {'type': 'integer', 'minimum': 0, 'maximum': 100})
        self.assertNotIn('type', other.get('schema', {}))

    def test_files_with_mistakes_are_refused_with_file_and_place(self):
        good = self.file('vss.json', VSS)
        bad = self.file('bad.json', {'Vehicle': branch(Speed=leaf(datatype='uint9'))})
        for catalog, about in (({'vss': bad}, f"vss: '{bad}': /Vehicle/children/Speed/datatype: is no datatype of VSS"),
                               ({'vss': self.file('cut.json', '{"Vehicle"')}, 'at byte 10'),
                               ({'vss': str(self.folder / 'none')}, 'cannot be read: No such file'),
                               ({'vss': str(self.folder)}, 'cannot be read: Is a directory'),
                               ({'vss': self.file('large.json', ' ' * (8 * 1024 * 1024 + 1))}, 'is larger than 8388608 bytes'),
                               ({'vss': good, 'overlays': [good, bad]}, 'overlays.1: '),
                               ({'overlays': [good]}, 'there is no catalog.vss'),
                               ({'map': MAP}, 'there is no catalog.vss'),
                               ({'vss': good, 'map': [{**MAP[0], 'path': 'Vehicle.Spee'}]}, 'map.0.path: is no leaf'),
                               ({'vss': good, 'map': [{**MAP[0], 'entity': 'battery'}]}, 'map.0.entity: is not a collection'),
                               ({'vss': good, 'map': [MAP[0], {**MAP[0], 'path': 'Vehicle.Speed'}]}, 'has two paths')):
            config = self.file('gateway.yaml', {'server': {'port': 0}, 'catalog': catalog})
            status, _, said = gateway.run('--check-config', '--config', config)
            self.assertEqual(status, 2, catalog)
            self.assertRegex(said.replace('[1]', '.1').replace('[0]', '.0'), r'gateway\.yaml:\d+:\d+: catalog')
            self.assertIn(about, said.replace('[1]', '.1').replace('[0]', '.0'))

    def test_a_specification_of_the_usual_size_is_taken(self):
        big = {'Vehicle': branch(**{f'B{i}': branch(**{f'Leaf{k}': leaf(unit='percent', min=0, max=100, allowed=None)
                                                       for k in range(50)}) for i in range(26)})}
        self.start_simulated({'vss': self.file('big.json', big)})
        self.assertEqual(self.get()['vss']['leaves'], 1300)
        self.assertEqual(self.gateway.metrics()['sovd_catalog_vss_leaves'], 1300)


class OtherServers(CatalogCase):
    """A server that names paths of VSS in its metadata."""
    BODIES = {
        '/components': {'items': [{'id': 'ecu', 'name': 'ECU', 'href': '/'}]},
        '/components/ecu': {'id': 'ecu', 'name': 'ECU', 'data': '/d'},
        '/components/ecu/data': {'items': [
            {'id': 'v', 'name': 'Speed', 'category': 'currentData', 'x-vss-path': 'Vehicle.Speed', 'x-acme': [1]},
            {'id': 'w', 'name': 'None', 'category': 'currentData', 'x-vss-path': 'Vehicle.Nothing'},
            {'id': 'x', 'name': 'No path', 'category': 'currentData', 'x-vss-path': 7},
            {'id': 'subscribe', 'name': 'Reserved', 'category': 'currentData'}]},
    }

    def serve(self):
        bodies = self.BODIES

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                body = bodies.get(self.path.split('?')[0].removeprefix('/sovd/v1'))
                text = json.dumps(body or {'error_code': 'vendor-specific', 'vendor_code': 'x', 'message': 'none'}).encode()
                self.send_response(200 if body else 404)
                self.send_header('Content-Type', 'application/json')
                self.send_header('Content-Length', str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return {'name': 'odd', 'base_url': f'http://127.0.0.1:{server.server_port}', 'refresh_secs': 60}

    def test_the_metadata_of_a_value_may_name_its_path_and_are_passed_on(self):
        self.start(self.serve(), catalog={'vss': self.file('vss.json', VSS)})
        items = {item['id']: item for item in self.get('entity=components/ecu')['items']}
        self.assertEqual(sorted(items), ['v', 'w', 'x'])
        self.assertEqual((items['v']['vss']['path'], items['v']['x-acme']), ('Vehicle.Speed', [1]))
        self.assertEqual(items['v']['schema']['type'], 'number')
        self.assertEqual([name for name, item in items.items() if 'vss' in item], ['v'])


class Unreachable(CatalogCase):
    def setUp(self):
        super().setUp()
        self.ecu = ecu.DemoEcu()
        self.addCleanup(gateway.stop_ecu, self.ecu)

    def test_an_entity_that_does_not_answer_is_named_and_the_others_are_listed(self):
        self.start(self.ecu, {'name': 'car', 'type': 'sim', 'scenario': self.file('car.yaml', SCENARIO)},
                   catalog={'timeout_secs': 0.5, 'refresh_secs': 1})
        everything = self.get()['total']
        self.ecu.inject('delay=3000:/components/bms/data')
        page = self.until(lambda: (page := self.get()) and page['incomplete_total'] and page)
        self.assertEqual([gap['entity'] for gap in page['incomplete']], ['components/bms'])
        self.assertTrue(page['incomplete'][0]['href'].endswith('/components/bms'))
        self.assertEqual(page['incomplete'][0]['error']['error_code'], 'not-responding')
        self.assertGreaterEqual(page['total'], 154)
        self.assertLess(page['total'], everything)
        self.assertEqual(self.get('entity=components/plain')['incomplete_total'], 0)
        self.ecu.clear_injection()
        self.until(lambda: self.get()['total'] == everything)


if __name__ == '__main__':
    unittest.main()
