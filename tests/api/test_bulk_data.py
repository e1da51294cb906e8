# SPDX-License-Identifier: Apache-2.0
"""Bulk data of a simulated entity: lists, downloads with ranges, uploads, deleting, and the limits of all of them."""
import contextlib
import hashlib
import json
import pathlib
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import polling

BULK = '/components/ecu/bulk-data'
TEXT = 'zero one two three four five six seven eight nine'
SCENARIO = {'components': [
    {'id': 'ecu', 'bulk_data': [
        {'category': 'logs', 'items': [
            {'id': 'text', 'name': 'Text "ä".log', 'mimetype': 'text/plain', 'content': TEXT, 'tags': ['small'],
             'created': '2026-01-15T12:00:00Z'},
            {'id': 'large', 'size_bytes': 3000000, 'created': '2026-02-15T12:00:00Z', 'tags': ['big']},
            {'id': 'empty', 'content': ''},
            {'id': 'soon', 'content': 'x', 'ready_after_secs': 3600}]},
        {'category': 'maps', 'writable': True, 'quota_bytes': 100000},
        {'category': 'dumps', 'writable': True, 'items': [{'id': 'huge', 'size_bytes': 30000000}]}]},
    {'id': 'bare', 'data': [{'id': 'x', 'value': 1}]}]}
LIMITS = {'bulk_bytes': 200000, 'bulk_transfers': 4, 'body_timeout_secs': 1}
UPLOAD = {'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; name="map"'}


class BulkCase(polling.Waiting, unittest.TestCase):
    limits = LIMITS

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        scenario = pathlib.Path(cls.folder.name) / 'scenario.yaml'
        scenario.write_text(json.dumps(SCENARIO), encoding='utf-8')
        cls.gateway = gateway.Gateway(arguments=(f'--demo={scenario}',), environment={
            'SOVD_SERVER__PORT': '0', **{'SOVD_LIMITS__' + name.upper(): str(value) for name, value in cls.limits.items()}})
        cls.addClassCleanup(cls.gateway.stop)

    def raw_ask(self, status, method, path, body=None, headers=None):
        """The reply, whose body is not looked at against the OpenAPI document: it may be anything."""
        reply = self.gateway.bare(method, self.gateway.full(path), body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def ask(self, status, method, path, body=None, headers=None):
        reply = self.gateway.request(method, path, body, headers)
        self.assertEqual(reply.status, status, f'{method} {path}: {reply!r}')
        return reply

    def get(self, path):
        return self.ask(200, 'GET', path).json

    def items(self, path):
        return {item['id']: item for item in self.get(path)['items']}

    def upload(self, body, headers=None, category='maps'):
        reply = self.ask(201, 'POST', f'{BULK}/{category}', body, headers or UPLOAD)
        self.assertTrue(reply.headers['location'].endswith(f'{BULK}/{category}/' + reply.json['id']))
        return reply.json['id']

    def empty(self):
        self.ask(200, 'DELETE', BULK + '/maps')


class Lists(BulkCase):
    def test_an_entity_lists_its_categories(self):
        self.assertEqual(self.get(BULK), {'items': ['logs', 'maps', 'dumps']})
        self.assertTrue(self.get('/components/ecu')['bulk-data'].endswith(BULK))

    def test_an_entity_without_bulk_data_offers_none(self):
        self.assertNotIn('bulk-data', self.get('/components/bare'))
        self.ask(404, 'GET', '/components/bare/bulk-data')

    def test_an_item_has_its_size_and_the_hash_of_its_bytes(self):
        items = self.items(BULK + '/logs')
        self.assertEqual((items['text']['size'], items['text']['mimetype']), (len(TEXT), 'text/plain'))
        for name in 'text', 'large', 'empty':
            body = self.raw_ask(200, 'GET', f'{BULK}/logs/{name}').body
            self.assertEqual((items[name]['hash_algorithm'], items[name]['hash']), ('sha-256', hashlib.sha256(body).hexdigest()))
            self.assertEqual(items[name]['size'], len(body))

    def test_filters_keep_what_they_name(self):
        for query, wanted in (('tags=small', {'text'}), ('tags=small&tags=big', {'text', 'large'}),
                              ('created-after=2026-02-01T00:00:00Z&created-before=2026-03-01T00:00:00Z', {'large'}),
                              ('created-before=2026-01-15T13:00:00%2B01:00', set()), ('created-before=2026-01-15T13:00:01%2B01:00', {'text'}),
                              ('tags=none', set())):
            self.assertEqual(set(self.items(f'{BULK}/logs?{query}')), wanted, query)

    def test_a_time_that_is_none_is_named(self):
        for query in 'created-after=yesterday', 'created-before=2026-02-30T00:00:00Z', 'created-after=', 'created-before=2026-01-01':
            self.assertIn(query.split('=')[0], self.ask(400, 'GET', f'{BULK}/logs?{query}').json['message'])

    def test_unknown_categories_and_items_are_named(self):
        for path in '/none', '/logs/none', '/none/text':
            self.assertIn("'none'", self.ask(404, 'GET', BULK + path).json['message'])


class Downloads(BulkCase):
    def test_the_head_describes_the_item(self):
        for method in 'GET', 'HEAD':
            reply = self.raw_ask(200, method, BULK + '/logs/text')
            self.assertEqual(reply.body, TEXT.encode() if method == 'GET' else b'')
            self.assertEqual((reply.headers['content-type'], reply.headers['content-length'], reply.headers['accept-ranges']),
                             ('text/plain', str(len(TEXT)), 'bytes'))
            self.assertEqual(reply.headers['content-disposition'],
                             'attachment; filename="Text ___.log"; filename*=UTF-8\'\'Text%20%22%C3%A4%22.log'.replace('___', '____'))
            self.assertEqual(reply.headers['last-modified'], 'Thu, 15 Jan 2026 12:00:00 GMT')

    def test_a_range_is_the_part_that_was_asked_for(self):
        for field, part in (('bytes=0-3', slice(0, 4)), ('bytes=5-', slice(5, None)), ('bytes=-4', slice(-4, None)),
                            ('bytes=5-9999', slice(5, None)), ('bytes=-9999', slice(0, None)), ('Bytes=1-1', slice(1, 2))):
            reply = self.raw_ask(206, 'GET', BULK + '/logs/text', headers={'Range': field})
            self.assertEqual(reply.body.decode(), TEXT[part], field)
            first = TEXT.index(TEXT[part]) if part.start != 1 else 1
            self.assertEqual(reply.headers['content-range'], f'bytes {first}-{first + len(TEXT[part]) - 1}/{len(TEXT)}', field)

    def test_a_range_is_a_matter_of_get_alone(self):
        reply = self.raw_ask(200, 'HEAD', BULK + '/logs/text', headers={'Range': 'bytes=0-1'})
        self.assertEqual(reply.headers['content-length'], str(len(TEXT)))

    def test_what_is_not_one_range_gets_the_whole(self):
        for field in 'bytes=0-1,3-4', 'bytes=x', 'lines=0-1', 'bytes=4-2', 'bytes=', 'bytes=-', 'bytes=99999999999999999999-':
            self.assertEqual(self.raw_ask(200, 'GET', BULK + '/logs/text', headers={'Range': field}).body.decode(), TEXT, field)

    def test_a_range_behind_the_end_is_refused_with_the_size(self):
        for field in f'bytes={len(TEXT)}-', 'bytes=1000-2000', 'bytes=-0':
            reply = self.raw_ask(416, 'GET', BULK + '/logs/text', headers={'Range': field})
            self.assertEqual(reply.headers['content-range'], f'bytes */{len(TEXT)}')
            self.assertEqual(reply.json['vendor_code'], 'range-not-satisfiable')

    def test_if_range_keeps_parts_of_different_versions_apart(self):
        etag = self.raw_ask(200, 'HEAD', BULK + '/logs/text').headers['etag']
        self.raw_ask(206, 'GET', BULK + '/logs/text', headers={'Range': 'bytes=0-1', 'If-Range': etag})
        self.raw_ask(200, 'GET', BULK + '/logs/text', headers={'Range': 'bytes=0-1', 'If-Range': '"other"'})

    def test_what_the_client_has_is_not_sent_again(self):
        etag = self.raw_ask(200, 'HEAD', BULK + '/logs/text').headers['etag']
        self.assertEqual(self.raw_ask(304, 'GET', BULK + '/logs/text', headers={'If-None-Match': etag}).body, b'')

    def test_a_broken_download_goes_on_where_it_ended(self):
        whole = self.raw_ask(200, 'GET', BULK + '/logs/large')
        with self.gateway.raw() as raw:
            raw.send(f'GET {self.gateway.full(BULK)}/logs/large HTTP/1.1\r\nHost: localhost\r\n\r\n')
            while len(raw.kept) < 100000:
                raw._more()
            begun = raw.kept.split(b'\r\n\r\n', 1)[1]
        rest = self.raw_ask(206, 'GET', BULK + '/logs/large', headers={'Range': f'bytes={len(begun)}-', 'If-Range': whole.headers['etag']})
        self.assertEqual(hashlib.sha256(begun + rest.body).digest(), hashlib.sha256(whole.body).digest())

    def test_an_item_that_is_not_ready_says_when_to_come_again(self):
        reply = self.raw_ask(202, 'GET', BULK + '/logs/soon')
        self.assertEqual(reply.body, b'')
        self.assertTrue(3500 < int(reply.headers['retry-after']) <= 3600)
        self.assertNotIn('size', self.items(BULK + '/logs')['soon'])

    def test_accept_has_to_list_the_type_or_plain_bytes(self):
        for accept in 'multipart/signed', 'application/json', 'text/plain;q=0':
            self.assertIn('text/plain', self.raw_ask(406, 'GET', BULK + '/logs/text', headers={'Accept': accept}).json['message'])
        for accept, wanted in ('text/*', 'text/plain'), ('application/octet-stream', 'application/octet-stream'), ('*/*', 'text/plain'):
            self.assertEqual(self.raw_ask(200, 'GET', BULK + '/logs/text', headers={'Accept': accept}).headers['content-type'], wanted)

    def test_an_item_in_use_is_not_deleted_and_a_client_that_takes_nothing_meets_a_deadline(self):
        with self.gateway.raw() as raw:
            raw.send(f'GET {self.gateway.full(BULK)}/dumps/huge HTTP/1.1\r\nHost: localhost\r\n\r\n')
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 1)
            for path in '/dumps/huge', '/dumps':
                self.assertIn('downloaded', self.ask(409, 'DELETE', BULK + path).json['message'])
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_bulk_broken_total'], 1)
        self.ask(204, 'DELETE', BULK + '/dumps/huge')


class Uploads(BulkCase):
    def tearDown(self):
        self.empty()

    def test_what_was_uploaded_is_listed_and_comes_back(self):
        body = bytes(range(256)) * 300
        item = self.upload(body, {**UPLOAD, 'Content-Type': 'image/x-map; v=1', 'Content-Disposition': 'attachment; name="Karte"; filename*=UTF-8\'\'K%C3%A4rte.map'})
        listed = self.items(BULK + '/maps')[item]
        self.assertEqual((listed['name'], listed['mimetype'], listed['size'], listed['hash']),
                         ('Karte', 'image/x-map; v=1', len(body), hashlib.sha256(body).hexdigest()))
        reply = self.raw_ask(200, 'GET', f'{BULK}/maps/{item}')
        self.assertEqual(reply.body, body)
        self.assertIn("UTF-8''K%C3%A4rte.map", reply.headers['content-disposition'])

    def test_an_upload_may_be_empty(self):
        item = self.upload(b'', {**UPLOAD, 'Content-Length': '0'})
        self.assertEqual(self.raw_ask(200, 'GET', f'{BULK}/maps/{item}').body, b'')

    def test_a_chunked_upload_is_taken(self):
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n')
            item = raw.reply().json['id']
        self.assertEqual(self.raw_ask(200, 'GET', f'{BULK}/maps/{item}').body, b'abcdef')

    def test_headers_that_are_missing_or_bad_are_named(self):
        for headers, word in (({'Content-Type': 'a/b'}, 'Content-Disposition'), ({**UPLOAD, 'Content-Disposition': 'attachment'}, 'name'),
                              ({**UPLOAD, 'Content-Disposition': 'attachment; name=""'}, 'name'),
                              ({**UPLOAD, 'Content-Disposition': 'attachment; name="x'}, 'Content-Disposition'),
                              ({**UPLOAD, 'Content-Disposition': 'attachment; name="' + 'n' * 256 + '"'}, '255'),
                              ({**UPLOAD, 'Content-Disposition': 'attachment; name=a; filename*=latin1\'\'x'}, 'filename'),
                              ({**UPLOAD, 'Content-Disposition': ';'}, 'Content-Disposition'),
                              ({**UPLOAD, 'Content-Type': 'nothing'}, 'Content-Type'), ({**UPLOAD, 'Content-Type': 'a/' + 'b' * 300}, 'Content-Type')):
            self.assertIn(word, self.ask(400, 'POST', BULK + '/maps', b'x', headers).json['message'], headers)
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\nx')
            self.assertIn('Content-Type', raw.reply().json['message'])
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\n')
            self.assertEqual(raw.reply().status, 411)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])

    def test_a_length_of_twelve_digits_is_a_length(self):
        with self.gateway.raw() as raw:  # limits.bulk_bytes may have thirteen
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\nContent-Length: 500000000000\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\n')
            reply = raw.reply()
        self.assertEqual(reply.status, 413)
        self.assertIn('200000', reply.json['message'])

    def test_other_multipart_types_are_refused(self):
        self.ask(415, 'POST', BULK + '/maps', b'x', {**UPLOAD, 'Content-Type': 'multipart/signed; boundary=x'})

    def test_an_upload_beyond_the_quota_leaves_nothing_and_says_the_number(self):
        reply = self.ask(413, 'POST', BULK + '/maps', b'x' * 100001, UPLOAD)
        self.assertIn('100000', reply.json['message'])
        self.upload(b'x' * 60000)
        reply = self.ask(409, 'POST', BULK + '/maps', b'x' * 60000, UPLOAD)
        self.assertIn('100000', reply.json['message'])
        self.assertIn('60000', reply.json['message'])
        self.upload(b'x' * 40000)
        self.assertEqual(len(self.get(BULK + '/maps')['items']), 2)

    def test_a_chunked_upload_beyond_the_limits_is_refused_too(self):
        for size, word in (120000, '100000'), (300000, 'transfer'):
            with self.gateway.raw() as raw:
                raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b\r\n'
                         f'Content-Disposition: attachment; name="c"\r\n\r\n{size:x}\r\n')
                raw.send_what_is_taken(b'x' * size + b'\r\n0\r\n\r\n')
                reply = raw.reply()
            self.assertEqual(reply.status, 413, reply)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])

    def test_an_upload_over_the_limit_of_the_gateway_is_refused_before_it_is_read(self):
        reply = self.ask(413, 'POST', BULK + '/maps', b'x' * 200001, UPLOAD)
        self.assertIn('200000', reply.json['message'])

    def test_an_upload_that_breaks_leaves_nothing(self):
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\nContent-Type: a/b\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\n' + 'x' * 50000)
        self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])
        self.upload(b'x' * 100000)  # the room is free again

    def test_an_upload_that_stops_meets_a_deadline(self):
        with self.gateway.raw() as raw:
            raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\nContent-Type: a/b\r\n'
                     'Content-Disposition: attachment; name="c"\r\n\r\n' + 'x' * 50000)
            self.assertEqual(raw.reply().status, 408)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])

    def test_a_read_only_category_takes_and_loses_nothing(self):
        for method, path in ('POST', '/logs'), ('DELETE', '/logs'), ('DELETE', '/logs/text'):
            self.assertIn('read-only', self.ask(403, method, BULK + path, b'x' if method == 'POST' else None, UPLOAD if method == 'POST' else None).json['message'])
        self.assertEqual(len(self.get(BULK + '/logs')['items']), 4)

    def test_too_many_transfers_are_told_to_come_again(self):
        self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        hold = [self.gateway.raw() for _ in range(4)]
        try:
            for raw in hold:
                raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nContent-Type: a/b\r\n'
                         'Content-Disposition: attachment; name="c"\r\n\r\n')
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 4)
            reply = self.raw_ask(503, 'GET', BULK + '/logs/text')
            self.assertIn('4 transfers', reply.json['message'])
            self.assertIn('retry-after', reply.headers)
        finally:
            for raw in hold:
                raw.close()
        self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 0)
        self.assertGreaterEqual(self.gateway.metrics()['sovd_bulk_refused_total'], 1)

    def test_a_category_keeps_256_items(self):
        for _ in range(256):
            self.upload(b'x')
        self.assertIn('256', self.ask(409, 'POST', BULK + '/maps', b'x', UPLOAD).json['message'])


class FewConnections(BulkCase):
    limits = {'connections': 3, 'bulk_transfers': 16}

    def test_transfers_leave_a_connection_for_other_requests(self):
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                raw = stack.enter_context(self.gateway.raw())
                raw.send(f'POST {self.gateway.full(BULK)}/maps HTTP/1.1\r\nHost: localhost\r\nContent-Type: a/b\r\nContent-Length: 9\r\n'
                         'Content-Disposition: attachment; name="c"\r\n\r\n')
            self.assertEqual(self.gateway.bare('GET', '/healthz', timeout=10).status, 200)  # before limits.body_timeout_secs
            self.until(lambda: self.gateway.metrics()['sovd_bulk_transfers_running'] == 2)


class Forms(BulkCase):
    def tearDown(self):
        self.empty()

    @staticmethod
    def form(body=b'bytes', head='Content-Disposition: form-data; name="f"; filename="a.map"\r\nContent-Type: x/map', boundary='--b', end='--'):
        return f'--{boundary}\r\n{head}\r\n\r\n'.encode() + body + f'\r\n--{boundary}{end}\r\n'.encode()

    def send(self, status, body, kind='multipart/form-data; boundary="--b"'):
        return self.ask(status, 'POST', BULK + '/maps', body, {'Content-Type': kind})

    def test_the_file_of_a_form_is_what_is_kept(self):
        tricky = b'\r\n----\r\n--\r\n----x' * 5000 + b'\r'
        for body in b'bytes', b'', tricky:
            item = self.send(201, self.form(body)).json['id']
            self.assertEqual(self.raw_ask(200, 'GET', f'{BULK}/maps/{item}').body, body)
            listed = self.items(BULK + '/maps')[item]
            self.assertEqual((listed['name'], listed['mimetype'], listed['hash']), ('f', 'x/map', hashlib.sha256(body).hexdigest()))

    def test_a_form_that_is_malformed_leaves_nothing(self):
        good = self.form()
        for body in (b'', b'bytes', good[:-5], good[2:], good + b'more', self.form(end=''), self.form(head='Content-Type: x/map'),
                     self.form(head='Content-Disposition: attachment; name="f"'), self.form(head='Content-Disposition: form-data'),
                     self.form(head='nonsense'), self.form(head=' folded: x'), self.form(head='X: ' + 'x' * 9000),
                     self.form(head='Content-Disposition: form-data; name="f"\r\nContent-Disposition: form-data; name="g"'),
                     self.form(head='Content-Disposition: form-data; name="f"\r\nContent-Transfer-Encoding: base64'),
                     self.form(end='') + good[len('----b'):]):
            self.send(400, body)
        for kind in 'multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=' + 'b' * 71:
            self.send(400, good, kind)
        self.assertEqual(self.get(BULK + '/maps')['items'], [])


class Deleting(BulkCase):
    def test_one_item_is_deleted_once(self):
        item = self.upload(b'x')
        self.ask(204, 'DELETE', f'{BULK}/maps/{item}')
        self.ask(404, 'DELETE', f'{BULK}/maps/{item}')
        self.raw_ask(404, 'GET', f'{BULK}/maps/{item}')

    def test_all_items_of_a_category_are_deleted_and_named(self):
        ids = [self.upload(b'x') for _ in range(3)]
        self.assertEqual(self.ask(200, 'DELETE', BULK + '/maps').json, {'deleted_ids': ids, 'errors': []})
        self.assertEqual(self.ask(200, 'DELETE', BULK + '/maps').json, {'deleted_ids': [], 'errors': []})


if __name__ == '__main__':
    unittest.main()
