# SPDX-License-Identifier: Apache-2.0
"""Bulk data and communication logs that another server has: passed through in pieces, nothing is held."""
import hashlib
import http.server
import json
import pathlib
import random
import re
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

BULK = '/components/bms/bulk-data'
MEGABYTE = 1000000
UPLOAD = {'Content-Type': 'application/x-map', 'Content-Disposition': 'attachment; name="map"'}


class ThroughTheGateway(gateway.GatewayCase):
    sections = {'limits': {'body_timeout_secs': 2, 'bulk_bytes': 40 * MEGABYTE, 'connections': 12}}  # each worker keeps some memory
    backend_options = {'timeout_secs': 2, 'retry': False}

    def tearDown(self):
        self.ask(200, 'DELETE', BULK + '/maps')

    def bare(self, status, method, path, body=None, headers=None):
        reply = self.gateway.bare(method, self.gateway.full(path), body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def resident(self):
        """The most memory so far, in kB; 0 with a sanitizer, which keeps what was freed."""
        if re.search('lib[at]san', pathlib.Path(f'/proc/{self.gateway.process.pid}/maps').read_text(encoding='utf-8')):
            return 0
        status = pathlib.Path(f'/proc/{self.gateway.process.pid}/status').read_text(encoding='ascii')
        return int(re.search(r'VmHWM:\s+(\d+) kB', status)[1])

    def warm(self):
        """Memory after what costs some once: the document that answers are checked against."""
        self.assertTrue(self.gateway.document)
        return self.resident()

    def upload(self, body):
        return self.ask(201, 'POST', BULK + '/maps', body, UPLOAD).json['id']

    def begin_upload(self, raw, size, sent):
        raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\nContent-Type: a/b\r\n'
                 'Content-Disposition: attachment; name="c"\r\n\r\n')
        raw.send(b'x' * sent)

    def test_categories_and_items_are_those_of_the_server(self):
        self.assertEqual(self.get(BULK)['items'], ['logs', 'maps'])
        item, = self.get(BULK + '/logs')['items']
        self.assertEqual((item['name'], item['size']), ('events.log', 48))
        self.assertEqual(self.get(BULK + '/logs?tags=none')['items'], [])
        self.ask(404, 'GET', BULK + '/none')
        self.bare(404, 'GET', BULK + '/logs/none')

    def test_twenty_megabytes_pass_both_ways_unchanged_and_the_gateway_does_not_grow(self):
        body = random.Random(1).randbytes(20 * MEGABYTE)
        self.upload(b'warm')
        before = self.warm()
        item = self.upload(body)
        back = self.bare(200, 'GET', f'{BULK}/maps/{item}')
        self.assertEqual(hashlib.sha256(back.body).digest(), hashlib.sha256(body).digest())
        self.assertEqual(back.headers['content-type'], 'application/x-map')
        self.assertLess(self.resident() - before, 4096, 'kB more than before')

    def test_a_range_is_asked_of_the_server(self):
        body = random.Random(2).randbytes(MEGABYTE)
        item = self.upload(body)
        etag = self.bare(200, 'HEAD', f'{BULK}/maps/{item}').headers['etag']
        reply = self.bare(206, 'GET', f'{BULK}/maps/{item}', headers={'Range': 'bytes=500000-', 'If-Range': etag})
        self.assertEqual((reply.body, reply.headers['content-range']), (body[500000:], f'bytes 500000-999999/{MEGABYTE}'))
        self.bare(200, 'GET', f'{BULK}/maps/{item}', headers={'Range': 'bytes=5-', 'If-Range': '"other"'})
        refused = self.bare(416, 'GET', f'{BULK}/maps/{item}', headers={'Range': f'bytes={MEGABYTE}-'})
        self.assertEqual(refused.headers['content-range'], f'bytes */{MEGABYTE}')

    def test_a_download_that_broke_off_goes_on_where_it_ended(self):
        body = random.Random(3).randbytes(5 * MEGABYTE)
        item = self.upload(body)
        with self.gateway.raw() as raw:
            raw.send(f'GET {self.gateway.full(BULK)}/maps/{item} HTTP/1.1\r\nHost: localhost\r\n\r\n')
            while len(raw.kept) < MEGABYTE:
                raw._more()
            begun = raw.kept.split(b'\r\n\r\n', 1)[1]
        rest = self.bare(206, 'GET', f'{BULK}/maps/{item}', headers={'Range': f'bytes={len(begun)}-'}).body
        self.assertEqual(begun + rest, body)

    def test_an_upload_that_breaks_in_the_middle_leaves_nothing(self):
        with self.gateway.raw() as raw:
            self.begin_upload(raw, 10 * MEGABYTE, 3 * MEGABYTE)
        self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])
        self.assertEqual(self.gateway.backend()['connection'], 'connected')  # the server is not blamed

    def test_an_upload_that_stops_meets_a_deadline_and_leaves_nothing(self):
        with self.gateway.raw() as raw:
            self.begin_upload(raw, 10 * MEGABYTE, 3 * MEGABYTE)
            self.assertEqual(raw.reply().status, 408)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])

    def test_a_chunked_upload_and_a_form_arrive_whole(self):
        body = random.Random(4).randbytes(300000)
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n'
                     f'Content-Disposition: attachment; name="c"\r\n\r\n{len(body):x}\r\n'.encode() + body + b'\r\n0\r\n\r\n')
            item = raw.reply().json['id']
        self.assertEqual(self.bare(200, 'GET', f'{BULK}/maps/{item}').body, body)
        form = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n' + body + b'\r\n--b--\r\n'
        item = self.ask(201, 'POST', BULK + '/maps', form, {'Content-Type': 'multipart/form-data; boundary=b'}).json['id']
        self.assertEqual(self.bare(200, 'GET', f'{BULK}/maps/{item}').body, body)
        cut = form[:-20]
        self.ask(400, 'POST', BULK + '/maps', cut, {'Content-Type': 'multipart/form-data; boundary=b'})
        self.assertEqual(len(self.get(BULK + '/maps')['items']), 2)

    def test_a_client_that_takes_nothing_neither_fills_the_gateway_nor_holds_the_server(self):
        item = self.upload(b'y' * 20 * MEGABYTE)
        before = self.warm()
        with self.gateway.raw() as raw:
            raw.send(f'GET {self.gateway.full(BULK)}/maps/{item} HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 1)
            self.assertEqual(self.ask(409, 'DELETE', f'{BULK}/maps/{item}').json['error_code'], 'precondition-not-fulfilled')
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        self.assertLess(self.resident() - before, 4096)
        self.until(lambda: self.gateway.request('DELETE', f'{BULK}/maps/{item}').status == 204)

    def test_transfers_leave_the_places_of_other_requests_alone(self):
        hold = [self.gateway.raw() for _ in range(4)]
        try:
            for raw in hold:
                self.begin_upload(raw, 10 * MEGABYTE, 100000)
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 4)
            self.ask(200, 'GET', '/components/bms/data')
        finally:
            for raw in hold:
                raw.close()
        self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)

    def test_the_error_of_the_server_is_the_answer(self):
        self.ecu.inject('status=503:bulk-data')
        try:
            self.bare(503, 'GET', BULK + '/logs/file-1')
            self.ask(503, 'POST', BULK + '/maps', b'x', UPLOAD)
        finally:
            self.ecu.clear_injection()


    def test_a_server_that_misbehaves_is_not_passed_on(self):
        for rule, status in ('truncated', 502), ('garbage', 502), ('reset', 502), ('drop', 502), ('hang', 504):
            self.ecu.inject(rule + ':file-1')
            reply = self.gateway.bare('GET', self.gateway.full(BULK + '/logs/file-1'))
            self.ecu.clear_injection()
            self.assertEqual(reply.status, status, f'{rule}: {reply!r}')


class OddServer(http.server.BaseHTTPRequestHandler):
    """A server with one component, whose items answer as the test says: (status, headers, body)."""
    protocol_version = 'HTTP/1.1'
    answers = {}

    def do_GET(self):
        path = self.path.removeprefix('/sovd/v1')
        if path == '/components':
            body = {'items': [{'id': 'odd', 'name': 'Odd', 'href': '/sovd/v1/components/odd'}]}
        elif path == '/components/odd':
            body = {'id': 'odd', 'name': 'Odd', 'bulk-data': '/sovd/v1/components/odd/bulk-data'}
        elif path.startswith('/components/odd/bulk-data/c/'):
            status, headers, body = self.answers[path.rsplit('/', 1)[1]]
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            return
        else:
            self.send_error(404)
            return
        text = json.dumps(body).encode()
        self.send_response_only(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


class InFrontOfAnOddServer(unittest.TestCase):
    PATH = '/sovd/v1/components/odd/bulk-data/c'

    @classmethod
    def setUpClass(cls):
        cls.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), OddServer)
        cls.server.daemon_threads = True
        cls.server.handle_error = lambda *_: None  # the gateway ends connections when it has seen enough
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.server.server_close)
        cls.addClassCleanup(cls.server.shutdown)
        cls.gateway = gateway.Gateway({'name': 'odd', 'base_url': f'http://127.0.0.1:{cls.server.server_port}',
                                       'timeout_secs': 2, 'breaker_failures': 1000})
        cls.addClassCleanup(cls.gateway.stop)

    def answer(self, status, headers, body=b'', ask=None):
        OddServer.answers['x'] = status, headers, body
        return self.gateway.bare('GET', self.PATH + '/x', headers=ask)

    def test_a_download_without_a_length_passes_whole(self):
        reply = self.answer(200, {'Transfer-Encoding': 'chunked', 'Content-Type': 'a/b', 'Content-Disposition': 'inline; filename="q"'},
                            b'5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n')
        self.assertEqual((reply.status, reply.body, reply.headers['content-type']), (200, b'helloyou', 'a/b'))
        self.assertEqual((reply.headers['transfer-encoding'], reply.headers['content-disposition']), ('chunked', 'attachment; filename="q"'))
        with self.gateway.raw() as raw:  # the old protocol has no chunks
            raw.send(f'GET {self.PATH}/x HTTP/1.0\r\n\r\n')
            self.assertTrue(raw.rest().endswith(b'\r\n\r\nhelloyou'))

    def test_an_absolute_redirection_is_passed_on_and_no_other(self):
        for status in 302, 307, 308:
            reply = self.answer(status, {'Location': 'https://files.example/x?a=b', 'Content-Length': '0'})
            self.assertEqual((reply.status, reply.headers['location']), (307, 'https://files.example/x?a=b'))
        for location in '/relative', 'ftp://files.example/x', 'http://a b', '':
            self.assertEqual(self.answer(307, {'Location': location, 'Content-Length': '0'}).status, 502, location)
        self.assertEqual(self.answer(307, {'Content-Length': '0'}).status, 502)

    def test_what_contradicts_itself_or_was_not_asked_for_is_not_passed_on(self):
        five = {'Content-Length': '5'}
        for status, headers in ((206, five), (206, {**five, 'Content-Range': 'bytes 0-5/9'}), (206, {**five, 'Content-Range': 'bytes 4-0/9'}),
                                (206, {**five, 'Content-Range': 'bytes 5-9/9'}), (200, {**five, 'Content-Encoding': 'gzip'}), (203, five)):
            reply = self.answer(status, headers, b'hello', {'Range': 'bytes=0-4'})
            self.assertEqual(reply.status, 502, (status, headers))
        self.assertEqual(self.answer(206, {**five, 'Content-Range': 'bytes 0-4/9'}, b'hello').status, 502)
        good = self.answer(206, {**five, 'Content-Range': 'bytes 0-4/*'}, b'hello', {'Range': 'bytes=0-4'})
        self.assertEqual((good.status, good.headers['content-range'], good.body), (206, 'bytes 0-4/*', b'hello'))

    def test_headers_that_are_not_clean_are_left_out(self):
        reply = self.answer(200, {'Content-Length': '0', 'Content-Type': 'nonsense', 'ETag': 'bare', 'Content-Disposition': 'x; filename='})
        self.assertEqual((reply.status, reply.headers['content-type']), (200, 'application/octet-stream'))
        self.assertNotIn('etag', reply.headers)
        self.assertNotIn('content-disposition', reply.headers)

    def test_a_download_that_breaks_off_ends_before_its_length(self):
        OddServer.answers['x'] = 200, {'Content-Length': '500000', 'Connection': 'close'}, b'x' * 200000
        with self.gateway.raw() as raw:
            raw.send(f'GET {self.PATH}/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
            head, body = raw.rest().split(b'\r\n\r\n', 1)
        self.assertIn(b'Content-Length: 500000', head)
        self.assertLess(len(body), 500000)


class InFrontOfAnotherGateway(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.inner = gateway.Gateway(arguments=('--demo',), environment={'SOVD_SERVER__PORT': '0'})
        cls.addClassCleanup(cls.inner.stop)
        cls.outer = gateway.Gateway({'name': 'inner', 'base_url': f'http://127.0.0.1:{cls.inner.port}', 'refresh_secs': 1})
        cls.addClassCleanup(cls.outer.stop)

    def test_a_communication_log_is_recorded_and_read_through_both(self):
        logs = '/components/gateway-ecu/communication-logs'
        created = self.outer.post(logs, b'anything', {'Content-Type': 'a/b'})
        self.assertEqual(created.status, 200, created)
        log = created.json
        one = f'{logs}/{log["id"]}'
        self.assertEqual(self.outer.get(logs).json, self.inner.get(logs).json)
        self.assertEqual(self.outer.put(one, {'action': 'activate'}).status, 204)
        self.assertEqual(self.outer.put(one, {'action': 'activate'}).status, 409)
        path = log['log'][log['log'].index('/sovd/'):]
        self.assertIn(f'127.0.0.1:{self.outer.port}' if '://' in log['log'] else '/components/gateway-ecu/', log['log'])
        self.assertTrue(polling.wait_until(lambda: self.outer.bare('GET', path).body.count(b'\n') > 5, 20))
        self.assertEqual(self.outer.put(one, {'action': 'deactivate'}).status, 204)
        self.assertEqual(self.outer.bare('GET', path).body, self.inner.bare('GET', path).body)
        self.assertEqual(self.outer.get(one).json['status'], 'inactive')
        self.assertEqual(self.outer.request('POST', logs + '?stream=true').status, 501)
        self.assertEqual(self.outer.delete(one).status, 204)
        self.assertEqual(self.outer.bare('GET', path).status, 404)

    def test_what_is_not_ready_yet_is_so_here_too(self):
        reply = self.outer.bare('GET', '/sovd/v1/components/hpc/bulk-data/logs/crash-dump')
        if reply.status != 200:  # the first half minute
            self.assertEqual(reply.status, 202)
            self.assertIn('retry-after', reply.headers)

    def test_hashes_pass_and_quotas_are_told(self):
        maps = '/components/hpc/bulk-data/maps'
        item = self.outer.get(maps).json['items'][0]
        body = self.outer.bare('GET', f'/sovd/v1{maps}/{item["id"]}').body
        self.assertEqual(hashlib.sha256(body).hexdigest(), item['hash'])
        self.assertEqual(self.outer.post(maps, b'x' * 8500000, UPLOAD).status, 413)


if __name__ == '__main__':
    unittest.main()
