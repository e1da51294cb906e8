# SPDX-License-Identifier: Apache-2.0
"""What the audit log keeps of bytes that come in pieces."""
import hashlib
import hmac
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gateway
import test_access
from test_access import who

MAPS = gateway.BASE + '/components/hpc/bulk-data/maps'
BYTES = {'Content-Type': 'application/octet-stream', 'Content-Disposition': 'attachment; name="a"'}


class Uploads(test_access.AccessCase):
    @classmethod
    def sections(cls, clients=None, **more):
        folder = tempfile.TemporaryDirectory(prefix='uploads')
        cls.addClassCleanup(folder.cleanup)
        cls.state = pathlib.Path(folder.name)
        return {**super().sections(clients, **more), 'storage': {'path': folder.name}}

    def outcome(self, request):
        def find():
            return [e for e in self.get('auditor', '/audit?event=request.outcome&limit=50')['items'] if e['req'] == request]
        return self.until(find)[0]

    def upload(self, data, path=MAPS, name='admin'):
        reply = self.gateway.bare('POST', path, data, {**who(name), **BYTES})
        return reply.status, self.outcome(reply.headers['x-request-id'])['detail']

    def name_of(self, data):
        return hmac.new((self.state / 'audit.hmac').read_bytes(), hashlib.sha256(data).hexdigest().encode(), 'sha256').hexdigest()

    def test_the_outcome_has_the_name_of_the_bytes_and_the_place_of_the_file(self):
        for data in b'ab' * 50000, b'ab' * 50000, b'ba' * 50000:
            status, detail = self.upload(data)
            self.assertEqual((status, detail['body']), (201, self.name_of(data)))
            self.assertRegex(detail['location'], f'^{MAPS}/.')

    def test_what_was_refused_as_a_snapshot_has_its_name_too(self):
        status, detail = self.upload(b'no snapshot', gateway.BASE + '/x-admin/restore')
        self.assertEqual((status, detail['body']), (400, self.name_of(b'no snapshot')))

    def test_one_that_breaks_off_has_none(self):
        with gateway.Raw((self.gateway.host, self.gateway.port)) as connection:
            connection.send(f'POST {MAPS} HTTP/1.1\r\nHost: {self.gateway.host}:{self.gateway.port}\r\nX-Request-Id: broke-off\r\n'
                            + ''.join(f'{name}: {value}\r\n' for name, value in {**who('admin'), **BYTES}.items()) + 'Content-Length: 99\r\n\r\nhalf')
        found = self.outcome('broke-off')
        self.assertEqual((found['outcome'], found['detail'].get('body')), ('error', None))


if __name__ == '__main__':
    unittest.main()
