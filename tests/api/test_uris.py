# SPDX-License-Identifier: Apache-2.0
"""URIs in answers work from where the client stands."""
import pathlib
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import gateway
import openapi


def strings(value):
    """Every text in a body."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


def uris(reply):
    return [text for text in strings(reply.json) if '/sovd/v1' in text]


class UriCase(gateway.GatewayCase):
    sections = {'server': {'allowed_hosts': ['*']}}
    def base(self, path='/version-info', status=200, **headers):
        """What the base of the URIs in an answer is."""
        reply = self.gateway.bare('GET', gateway.BASE + path, headers={name.replace('_', '-'): value for name, value in headers.items()})
        self.assertEqual(reply.status, status, reply)
        return reply.json['sovd_info'][0]['base_uri'] if status == 200 and path == '/version-info' else reply.json


class FromHost(UriCase):
    def test_every_uri_begins_with_the_authority_of_the_request(self):
        for path in '', '/version-info', '/components', '/components/bms', '/areas/body/contains', '/components/bms/docs':
            reply = self.gateway.bare('GET', gateway.BASE + path, headers={'Host': 'car.example:7690'})
            found = uris(reply)
            self.assertTrue(found, path)
            for uri in found:
                self.assertRegex(uri, '^http://car.example:7690/sovd/v1', path)

    def test_location_begins_with_it_too(self):
        reply = self.gateway.bare('POST', gateway.BASE + '/components/bms/operations/self-test/executions', {},
                                  {'Host': '[2001:db8::1]:80'})
        self.assertEqual(reply.status, 202, reply)
        self.assertTrue(reply.headers['location'].startswith('http://[2001:db8::1]:80/sovd/v1/components/bms/'), reply)
        self.gateway.delete(reply.headers['location'])

    def test_names_and_addresses_are_taken_as_they_are(self):
        for host in 'localhost', 'GW.example', 'gw_1.example:65535', '127.0.0.1:8080', '[::1]', 'xn--bcher-kva.example', '%41.example':
            self.assertEqual(self.base(Host=host), f'http://{host}/sovd/v1')

    def test_what_is_no_authority_is_refused(self):
        for host in 'a b', 'user@host', 'host:65536', 'host:8a', 'host/path', '[::1', '[::g]', '"x"', '<x>', ':80', 'a%4', 'h?x', 'a:1:2':
            error = self.base(status=400, Host=host)
            self.assertEqual(error['error_code'], 'incomplete-request', host)

    def test_without_a_host_uris_are_paths(self):
        with self.gateway.raw() as raw:
            raw.send('GET /sovd/v1/components HTTP/1.0\r\n\r\n')
            self.assertEqual(raw.reply().json['items'][0]['href'], '/sovd/v1/components/bms')

    def test_what_proxies_say_is_ignored_unless_they_are_trusted(self):
        self.assertEqual(self.base(Host='gw', X_Forwarded_Proto='https', X_Forwarded_Host='evil.example', X_Forwarded_Prefix='/x',
                                   Forwarded='host=evil.example;proto=https'), 'http://gw/sovd/v1')
        self.assertEqual(self.base(Host='gw', X_Forwarded_Host='no host', Forwarded=';;=='), 'http://gw/sovd/v1')

    def test_a_version_of_a_value_holds_under_every_name_of_the_server(self):
        path = gateway.BASE + '/components/bms/data/soc'
        tags = {self.gateway.bare('GET', path, headers={'Host': host}).headers['etag'] for host in ('a', 'b')}
        tag = self.gateway.bare('GET', path).headers['etag']
        if len(tags) == 1:  # the value did not move meanwhile
            self.assertEqual(tags, {tag})
        part = gateway.BASE + '/components/bms/data/serial-number'
        self.assertEqual(*(self.gateway.bare('GET', part, headers={'Host': host}).headers['etag'] for host in ('a', 'b')))

    def test_a_list_keeps_its_version_for_one_name(self):
        path = gateway.BASE + '/components'
        tag = self.gateway.bare('GET', path, headers={'Host': 'a'}).headers['etag']
        self.assertEqual(self.gateway.bare('GET', path, headers={'Host': 'a', 'If-None-Match': tag}).status, 304)
        self.assertEqual(self.gateway.bare('GET', path, headers={'Host': 'b', 'If-None-Match': tag}).status, 200)


class BehindProxy(UriCase):
    sections = {'server': {'allowed_hosts': ['*'], 'trusted_proxies': ['127.0.0.0/8', '2001:db8::/32']}}

    def test_scheme_host_and_prefix_of_a_trusted_proxy_are_used(self):
        self.assertEqual(self.base(Host='inner', X_Forwarded_Proto='https', X_Forwarded_Host='car.example', X_Forwarded_Prefix='/fleet/car7/'),
                         'https://car.example/fleet/car7/sovd/v1')
        self.assertEqual(self.base(Host='inner', X_Forwarded_Proto='HTTPS'), 'https://inner/sovd/v1')
        self.assertEqual(self.base(Host='inner', X_Forwarded_Prefix='/'), 'http://inner/sovd/v1')

    def test_hrefs_and_documents_carry_the_prefix(self):
        headers = {'Host': 'inner', 'X-Forwarded-Host': 'car.example', 'X-Forwarded-Prefix': '/p'}
        for path in '/components', '/areas/body', '/components/bms/docs', '/docs', '':
            reply = self.gateway.bare('GET', gateway.BASE + path, headers=headers)
            for uri in uris(reply):
                self.assertTrue(uri.startswith('http://car.example/p/sovd/v1'), uri)
        reply = self.gateway.bare('GET', '/openapi.json', headers=headers)
        self.assertEqual(reply.json['servers'], [{'url': 'http://car.example/p/sovd/v1'}])
        self.assertEqual(reply.json['paths']['/healthz']['servers'], [{'url': 'http://car.example/p'}])

    def test_an_uri_that_was_given_can_be_given_back_as_a_resource(self):
        headers = {'Host': 'inner', 'X-Forwarded-Host': 'car.example', 'X-Forwarded-Prefix': '/p', 'X-Forwarded-Proto': 'https'}
        made = self.subscribe(201, 'https://car.example/p/sovd/v1/components/bms/data/soc', headers)
        self.assertEqual(made['resource'], 'https://car.example/p/sovd/v1/components/bms/data/soc')
        again = self.subscribe(201, made['resource'], headers)
        self.assertEqual(again['resource'], made['resource'])
        self.subscribe(201, '/p/sovd/v1/components/bms/data/soc', headers)
        for other in ('https://car.example/q/sovd/v1/components/bms/data/soc', 'https://car.example.org/p/sovd/v1/components/bms/data/soc',
                      'https://car.example/p/sovd/v12/components/bms/data/soc', '/q/sovd/v1/components/bms/data/soc'):
            self.subscribe(400, other, headers)

    def subscribe(self, status, resource, headers):
        body = {'resource': resource, 'interval': 'slow', 'duration': 2}
        reply = self.gateway.bare('POST', gateway.BASE + '/components/bms/cyclic-subscriptions', body, headers)
        self.assertEqual(reply.status, status, reply)
        return reply.json

    def test_the_standard_field_is_read_and_comes_first(self):
        for value, wanted in (('host=car.example;proto=https', 'https://car.example'),
                              ('for=192.0.2.1;Host="car.example:8443";PROTO=https;by=x', 'https://car.example:8443'),
                              ('host="[2001:db8::1]:80"', 'http://[2001:db8::1]:80'),
                              ('for="_a,b";host=first, for=x; host=last', 'http://last'),
                              ('for=192.0.2.1', 'http://inner')):
            self.assertEqual(self.base(Host='inner', X_Forwarded_Host='other', Forwarded=value), wanted + '/sovd/v1', value)

    def test_of_several_values_the_last_counts(self):
        self.assertEqual(self.base(Host='inner', X_Forwarded_Host='forged.example, car.example', X_Forwarded_Proto='http, https'),
                         'https://car.example/sovd/v1')

    def test_what_cannot_be_read_is_400(self):
        for name, values in {'X_Forwarded_Proto': ('ftp', 'https:', ''), 'X_Forwarded_Host': ('a b', 'u@h', 'h:x', 'h/'),
                             'X_Forwarded_Prefix': ('p', '/a//b', '/../x', '/a/./b', '/a?b', '/a b', '/%zz', 'https://x', '/' + 'p' * 300),
                             'Forwarded': ('host', 'host=', 'host="a', 'host=a b', 'host=a;host=b', 'proto=ftp', 'host="a\\"b"',
                                           'host=u@h', '=x', 'host=a;;=')}.items():
            for value in values:
                self.assertEqual(self.base(status=400, Host='inner', **{name: value})['error_code'], 'incomplete-request', (name, value))


class OtherListeners(unittest.TestCase):
    def started(self, **server):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix='uri'))
        self.socket = pathlib.Path(folder) / 'gw.sock'
        return self.enterContext(gateway.Gateway(server={'unix_socket': str(self.socket), **server}))

    def over_socket(self, server, **headers):
        reply = server.bare('GET', gateway.BASE + '/version-info', headers=headers, connection=gateway.UnixConnection(self.socket))
        return reply.json['sovd_info'][0]['base_uri']

    def test_on_a_unix_socket_uris_are_paths(self):
        server = self.started()
        self.assertEqual(self.over_socket(server), '/sovd/v1')
        self.assertEqual(self.over_socket(server, **{'X-Forwarded-Host': 'car.example'}), '/sovd/v1')

    def test_a_trusted_proxy_on_a_unix_socket_says_who_we_are(self):
        server = self.started(trusted_proxies=['unix'])
        self.assertEqual(self.over_socket(server, **{'X-Forwarded-Host': 'car.example', 'X-Forwarded-Proto': 'https'}),
                         'https://car.example/sovd/v1')
        self.assertEqual(self.over_socket(server, Host='car.example'), 'http://car.example/sovd/v1')
        reply = server.bare('GET', gateway.BASE + '/version-info', headers={'X-Forwarded-Host': 'car.example'})
        self.assertNotIn('car.example', reply.body.decode())

    def test_with_tls_the_scheme_is_https(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix='tls')))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj',
                        '/CN=localhost', '-keyout', folder / 'key.pem', '-out', folder / 'cert.pem'], check=True, capture_output=True)
        context = ssl._create_unverified_context()
        server = self.enterContext(gateway.Gateway(context=context, server={'tls': {
            'certificate': str(folder / 'cert.pem'), 'key': str(folder / 'key.pem')}}))
        self.assertEqual(server.get('/version-info').json['sovd_info'][0]['base_uri'], f'https://{server.host}:{server.port}/sovd/v1')

    def test_a_list_of_proxies_with_something_else_in_it_is_refused(self):
        for entry in 'proxy.example', '10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0/8', '', 'Unix':
            folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix='cfg')))
            (folder / 'gw.yaml').write_text(f'server: {{trusted_proxies: ["{entry}"]}}\n')
            status, _, said = gateway.run('--check-config', folder / 'gw.yaml')
            self.assertEqual(status, 2, entry)
            self.assertIn('trusted_proxies', said)


class Helper(unittest.TestCase):
    def test_paths_of_uris_are_the_same_under_every_authority(self):
        self.assertEqual(openapi.path_of({'a': ['https://x:1/sovd/v1', '/sovd/v1', 3]}), {'a': ['/sovd/v1', '/sovd/v1', 3]})


if __name__ == '__main__':
    unittest.main()
