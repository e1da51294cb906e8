# SPDX-License-Identifier: Apache-2.0
"""Probes, health and metrics."""
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

SOC = '/components/bms/data/soc'
LINE = re.compile(r'([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (\S+)')


def requests(route, status):
    return f'sovd_http_requests_total{{route="{route}",status="{status}"}}'


class Health(gateway.GatewayCase):
    def test_the_probes_answer(self):
        self.assertEqual(self.get('/healthz'), {'status': 'alive'})
        self.assertEqual(self.get('/readyz'), {'status': 'ready'})

    def test_probes_are_not_cached(self):
        for path in '/healthz', '/readyz', '/metrics', '/health':
            headers = self.ask(200, 'GET', path).headers
            self.assertEqual(headers['cache-control'], 'no-store')
            self.assertNotIn('etag', headers)

    def test_health_is_ok_while_every_backend_is_connected(self):
        health = self.get('/health')
        self.assertEqual((health['status'], health.get('clashes', []), health['executions_running']), ('ok', [], 0))
        backend, = health['backends']
        self.assertEqual({name: backend[name] for name in ('name', 'type', 'connection', 'dialect', 'breaker', 'entities', 'in_flight')},
                         {'name': 'demo', 'type': 'sovd', 'connection': 'connected', 'dialect': 'iso', 'breaker': 'closed', 'entities': 4,
                          'in_flight': 0})
        self.assertNotIn('last_error', backend)

    def test_health_counts_calls(self):
        before = self.gateway.backend()['calls']
        self.ask(200, 'GET', SOC)
        self.ask(404, 'GET', SOC + 'x')
        after = self.gateway.backend()
        self.assertEqual((after['calls'], after['failures']), (before + 2, 0))

    def test_uptime_grows(self):
        first = self.get('/health')['uptime_seconds']
        self.until(lambda: self.get('/health')['uptime_seconds'] > first)


class Metrics(gateway.GatewayCase):
    def text(self):
        return self.ask(200, 'GET', '/metrics').body.decode()

    def test_the_page_about_operations_lists_every_metric_and_its_kind(self):
        page = (pathlib.Path(__file__).resolve().parents[2] / 'docs' / 'operations.md').read_text(encoding='utf-8')
        listed = re.findall(r'^\| `(\w+)` \| (counter|gauge|histogram) \|', page, re.MULTILINE)
        plain = [row for row in listed if not row[0].startswith('sovd_tls_')]  # those are in test_tls
        self.assertEqual(sorted(plain), sorted(re.findall(r'^# TYPE (\w+) (\w+)$', self.text(), re.MULTILINE)))

    def growth(self, *calls):
        """How the metrics change with these calls."""
        before = self.gateway.metrics()
        for method, path, status in calls:
            self.ask(status, method, path)
        after = self.gateway.metrics()
        return lambda name: after.get(name, 0) - before.get(name, 0)

    def test_the_content_type_is_that_of_prometheus(self):
        self.assertEqual(self.ask(200, 'GET', '/metrics').headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')

    def test_each_line_is_a_comment_or_a_sample_and_each_sample_has_help_and_type(self):
        self.ask(200, 'GET', SOC)
        described, sampled = set(), set()
        for line in self.text().splitlines():
            if line.startswith('#'):
                _, word, name, rest = line.split(' ', 3)
                self.assertIn(word, ('HELP', 'TYPE'))
                self.assertTrue(rest)
                described.add((word, name))
                continue
            self.assertRegex(line, f'^{LINE.pattern}$')
            float(line.rsplit(' ', 1)[1])
            sampled.add(re.sub(r'(_bucket|_sum|_count)$', '', LINE.match(line)[1]) if 'duration' in line else LINE.match(line)[1])
        self.assertEqual({name for _, name in described} & sampled, sampled)
        self.assertEqual({name for word, name in described if word == 'HELP'}, {name for word, name in described if word == 'TYPE'})

    def test_no_sample_comes_twice(self):
        names = [line.rsplit(' ', 1)[0] for line in self.text().splitlines() if not line.startswith('#')]
        self.assertEqual(len(names), len(set(names)))

    def test_requests_are_counted_by_route_and_status(self):
        growth = self.growth(*[('GET', SOC, 200)] * 3, ('GET', SOC + 'x', 404), ('POST', SOC, 405), ('GET', '/nope', 404))
        self.assertEqual(growth(requests('data-read', 200)), 3)
        self.assertEqual(growth(requests('data-read', 404)), 1)
        self.assertEqual(growth(requests('none', 405)), 1)
        self.assertEqual(growth(requests('none', 404)), 1)

    def test_labels_are_routes_of_the_document_and_never_paths(self):
        self.ask(404, 'GET', '/components/some-odd-name/data/x')
        text = self.text()
        self.assertNotIn('some-odd-name', text)
        known = {operation['x-gw-route'] for _, item in self.gateway.document.paths() for operation in item.values() if isinstance(operation, dict)}
        found = set(re.findall(r'route="([^"]*)"', text))
        self.assertGreater(len(found), 2)
        self.assertLessEqual(found, known | {'none', 'docs'})

    def test_the_histogram_is_consistent(self):
        growth = self.growth(*[('GET', SOC, 200)] * 5)
        name = 'sovd_http_request_duration_seconds'
        self.assertEqual(growth(name + '_count{route="data-read"}'), 5)
        self.assertEqual(growth(name + '_bucket{route="data-read",le="+Inf"}'), 5)
        self.assertGreater(growth(name + '_sum{route="data-read"}'), 0)
        metrics = self.gateway.metrics()
        for route in set(re.findall(r'duration_seconds_count\{route="([^"]*)"', self.text())):
            rows = [(float(le), value) for sample, value in metrics.items()
                    for le in re.findall(rf'{name}_bucket\{{route="{route}",le="([^"]*)"\}}', sample)]
            self.assertEqual(rows, sorted(rows), route)
            self.assertEqual([value for _, value in rows], sorted(value for _, value in rows), route)
            total = sum(value for sample, value in metrics.items() if sample.startswith(f'sovd_http_requests_total{{route="{route}",'))
            self.assertEqual((rows[-1][1], metrics[f'{name}_count{{route="{route}"}}']), (total, total), route)

    def test_calls_of_the_backend_are_counted(self):
        growth = self.growth(('GET', SOC, 200), ('GET', SOC, 200))
        self.assertEqual((growth('sovd_backend_calls_total{backend="demo"}'), growth('sovd_backend_failures_total{backend="demo"}')), (2, 0))

    def test_the_process_is_described(self):
        metrics = self.gateway.metrics()
        self.assertGreater(metrics['process_resident_memory_bytes'], 1e6)
        self.assertGreater(metrics['process_open_fds'], 3)
        self.assertGreater(metrics['sovd_http_workers'], 1)
        # Only this one, once those of before have ended on their workers too.
        self.assertTrue(polling.wait_until(lambda: self.gateway.metrics()['sovd_http_requests_in_flight'] == 1, 20))


class Lost(gateway.GatewayCase):
    backend_options = {'refresh_secs': 0.2}

    def up(self):
        return self.gateway.metrics()['sovd_backend_up{backend="demo"}']

    def test_up_follows_the_backend(self):
        self.assertEqual((self.up(), self.gateway.metrics()['sovd_backend_entities{backend="demo"}']), (1, 4))
        self.ecu.inject('drop')
        self.until(lambda: self.up() == 0)
        health = self.get('/health')
        self.assertEqual((health['status'], health['backends'][0]['connection']), ('degraded', 'disconnected'))
        self.assertTrue(health['backends'][0]['last_error'])
        self.ask(200, 'GET', '/readyz')
        self.ecu.clear_injection()
        self.until(lambda: self.up() == 1)
        self.assertEqual(self.get('/health')['status'], 'ok')


if __name__ == '__main__':
    unittest.main()
