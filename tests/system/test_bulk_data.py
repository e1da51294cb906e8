# SPDX-License-Identifier: Apache-2.0
"""Bulk data and communication logs that another server has: passed through in pieces, nothing is held."""
import hashlib
import pathlib
import random
import re
import sys
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
        raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nContent-Type: a/b\r\n'
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
            raw.send(f'GET {self.gateway.full(BULK)}/maps/{item} HTTP/1.1\r\nHost: x\r\n\r\n')
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
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n'
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
            raw.send(f'GET {self.gateway.full(BULK)}/maps/{item} HTTP/1.1\r\nHost: x\r\n\r\n')
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
