# SPDX-License-Identifier: Apache-2.0
"""Executions and entities stay true while ECUs restart, backends change hands, and the configuration changes."""
import concurrent.futures
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import ecu
import gateway
import polling

SOC = '/components/bms/data/soc'
SELF_TEST = '/components/bms/operations/self-test/executions'


class ChangingCase(polling.Waiting, unittest.TestCase):
    def start_ecu(self, *arguments):
        server = ecu.DemoEcu(*arguments)
        self.addCleanup(gateway.stop_ecu, server)
        return server

    def start(self, *backends, **sections):
        server = gateway.Gateway(*backends, **sections)
        self.addCleanup(server.stop)
        return server


class Executions(ChangingCase):
    def test_an_id_that_an_ecu_gives_again_is_another_execution(self):
        first = self.start_ecu()
        first.set(next_self_test='pass')
        server = self.start(gateway.backend_of(first, refresh_secs=0.3))
        old = server.post(SELF_TEST, {'parameters': {'mode': 'quick'}}).headers['location']
        self.until(lambda: server.get(old).json['status'] == 'completed')
        gateway.stop_ecu(first)
        second = self.start_ecu('--port', str(first.port))
        self.until(lambda: server.get(SOC).status == 200)
        reply = server.post(SELF_TEST)
        self.assertEqual(reply.status, 202)
        self.assertNotEqual(reply.headers['location'], old)
        self.assertEqual(server.get(reply.headers['location']).json['status'], 'running')
        self.assertEqual(server.get(old).json['status'], 'completed')
        self.assertEqual(second.get('/components/bms/operations/self-test/executions').json['items'].__len__(), 1)

    def test_a_stop_never_reaches_a_backend_that_does_not_run_the_execution(self):
        one, two = self.start_ecu(), self.start_ecu()
        one.set(component='bms', present=False)
        server = self.start(gateway.backend_of(one, 'one', refresh_secs=0.2), gateway.backend_of(two, 'two', refresh_secs=0.2))
        uri = server.post('/components/bms/operations/cell-balance/executions').headers['location']
        one.set(component='bms', present=True)
        theirs = one.request('POST', '/components/bms/operations/cell-balance/executions', {}).json['id']
        self.until(lambda: [clash['owner'] for clash in server.health().get('clashes', [])
                            if clash['entity'] == 'components/bms'] == ['one'])
        self.assertEqual(server.delete(uri).status, 404)
        self.assertEqual(one.get(f'/components/bms/operations/cell-balance/executions/{theirs}').json['status'], 'running')

    def test_one_404_does_not_forget_a_running_execution(self):
        server_ecu = self.start_ecu()
        server = self.start(gateway.backend_of(server_ecu, refresh_secs=60))
        uri = server.post('/components/bms/operations/cell-balance/executions').headers['location']
        server_ecu.set(component='bms', present=False)
        self.assertEqual(server.get(uri).status, 404)
        server_ecu.set(component='bms', present=True)
        self.assertEqual(server.get(uri).status, 200)


class Configuration(ChangingCase):
    def test_entities_stay_listed_while_their_backend_gets_other_options(self):
        server_ecu = self.start_ecu()
        server = self.start(server_ecu)
        stop, seen = threading.Event(), set()

        def watch():
            while not stop.is_set():
                seen.add(server.get(SOC).status)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            for timeout in 3, 4, 5, 6, 7:
                server.reload(server.settings(gateway.backend_of(server_ecu, timeout_secs=timeout)))
                self.until(lambda: server.get(SOC).status == 200)
            stop.set()
            watching.result()
        self.assertLessEqual(seen, {200, 503})

    def test_a_backend_that_cannot_be_made_leaves_the_old_configuration_whole(self):
        server_ecu = self.start_ecu()
        server = self.start(server_ecu)
        bad = {**gateway.backend_of(server_ecu), 'base_url': 'http://127.0.0.1:99999'}
        server.reload(server.settings(bad))
        self.assertEqual(server.get(SOC).status, 200)
        self.assertEqual([entry['name'] for entry in server.health()['backends']], ['demo'])
        self.assertIn('the configuration is not acceptable', server.log)

    def test_an_empty_tls_section_does_not_mean_plain_http(self):
        with self.assertRaises(RuntimeError) as caught:
            self.start(server={'tls': None})
        self.assertIn('server.tls', str(caught.exception))

    def test_an_empty_list_of_hosts_does_not_mean_every_host(self):
        with self.assertRaises(RuntimeError) as caught:
            self.start(server={'allowed_hosts': []})
        self.assertIn('server.allowed_hosts', str(caught.exception))

    def test_a_second_daemon_does_not_take_a_unix_socket_over(self):
        first = self.start(server={'unix_socket': str(self.path())})
        with self.assertRaises(RuntimeError) as caught:
            self.start(server={'unix_socket': str(self.path())})
        self.assertIn('Address already in use', str(caught.exception))
        self.assertTrue(self.path().is_socket())
        self.assertEqual(first.bare('GET', '/healthz').status, 200)

    def path(self):
        if not hasattr(self, 'folder'):
            self.folder = gateway.tempfile.TemporaryDirectory(prefix='gw')
            self.addCleanup(self.folder.cleanup)
        return pathlib.Path(self.folder.name) / 'gateway.sock'


if __name__ == '__main__':
    unittest.main()
