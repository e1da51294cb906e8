#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what it costs to know who asks: the same request without credentials, with an API key, and with signed tokens that are
in the cache of verified ones, or verified each time. A token makes the head longer: a request without credentials that is as long shows
what that alone costs.

Rounds of all cases follow each other, so that a busy machine slows all of them; each figure is the median over the rounds.
It asserts no figure; it fails when an answer was not 200.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import bench

sys.path.insert(0, str(bench.ROOT / 'tests' / 'support'))
import keys
import tokens

KEY = 'key-of-the-benchmark-0123456789abcdef'
TARGETS = {'version': '/sovd/v1/version-info', 'list': '/sovd/v1/components', 'data': None}


class Gateway:
    """A simulated vehicle behind a gateway that trusts one issuer."""

    def __init__(self, build, folder, name, jwt, stack):
        settings = {'server': {'port': 0}, 'limits': {'connections': 64},
                    'rate': {'per_principal': {'per_sec': 0}}, 'auth': {'api_keys': [keys.entry('bench', KEY)], **({'jwt': jwt} if jwt else {})}}
        config = pathlib.Path(folder) / f'{name}.json'
        config.write_text(json.dumps(settings))
        self.server = bench.Server(name, [str(build / 'sovd-rest' / 'sovd-gatewayd'), '--config', str(config), '--demo'],
                                   pathlib.Path(folder) / f'{name}.log', 0, {})
        stack.append(self.server)
        found = bench.wait_until(lambda: bench.re.search(r'listening on http://[^ ]*:(\d+)/', self.server.log.read_text(errors='replace')), 15)
        if not found:
            raise bench.BenchError(f'{name} does not listen')
        self.port = int(found[1])
        bench.wait_for_200(self.server, self.port, '/readyz')


def run(gateway, path, field, connections, seconds):
    """CPU of the gateway in microseconds per request, and requests per second."""
    header = ['-H', field] if field else []
    command = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', *header, f'http://127.0.0.1:{gateway.port}{path}']
    before = gateway.server.cpu_seconds()
    done = subprocess.run(bench.pinned(1, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True)
    cpu = gateway.server.cpu_seconds() - before
    requests = int(bench.field(r'(\d+) requests in', done.stdout))
    if not requests or 'Non-2xx' in done.stdout or 'Socket errors' in done.stdout:
        raise bench.BenchError(done.stdout)
    return cpu / requests * 1e6, float(bench.field(r'Requests/sec:\s+([\d.]+)', done.stdout))


def issuer(folder, name, key, **more):
    path = pathlib.Path(folder) / name
    path.write_bytes(key.secret or key.pem())
    path.chmod(0o600)
    return {'issuer': tokens.ISSUER, 'audience': tokens.AUDIENCE, 'secret_file' if key.secret else 'public_key_file': str(path), **more}


def cases(build, folder, stack):
    """(name, gateway, header field)"""
    kinds = (('RS256', tokens.Key('rsa')), ('ES256', tokens.Key('p256')), ('EdDSA', tokens.Key('ed25519')), ('HS256', tokens.Key(b's' * 32)))
    payload = tokens.claims(exp=4000000000, roles=['tester'], scope='read write', jti='0123456789abcdef')
    warm = Gateway(build, folder, 'warm', issuer(folder, 'key', kinds[0][1]), stack)
    token = tokens.compact(kinds[0][1], 'RS256', payload, kid='key-of-the-issuer')
    yield 'no credentials', warm, None
    yield 'the same, as long', warm, 'X-Padding: Bearer ' + 'x' * len(token)
    yield 'API key', warm, f'Authorization: Bearer {KEY}'
    yield 'RS256, in the cache', warm, f'Authorization: Bearer {token}'
    for name, key in kinds:
        cold = Gateway(build, folder, name, issuer(folder, f'key-{name}', key, cached_tokens=0), stack)
        yield f'{name}, each time', cold, 'Authorization: Bearer ' + tokens.compact(key, name, payload, kid='key-of-the-issuer')


def find_data(gateway):
    """A value of the simulated vehicle."""
    first = json.loads(bench.get(gateway.port, TARGETS['list'])[2])['items'][0]['id']
    item = json.loads(bench.get(gateway.port, f'{TARGETS["list"]}/{first}/data')[2])['items'][0]['id']
    return f'{TARGETS["list"]}/{first}/data/{item}'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build-dir', type=pathlib.Path, default=bench.ROOT / 'build')
    parser.add_argument('--seconds', type=int, default=3)
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--connections', type=int, default=16)
    options = parser.parse_args()
    stack = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            all_ = list(cases(options.build_dir, folder, stack))
            for target, path in TARGETS.items():
                path = path or find_data(all_[0][1])
                figures = {name: [] for name, _, _ in all_}
                for _ in range(options.rounds):
                    for name, gateway, field in all_:
                        figures[name].append(run(gateway, path, field, options.connections, options.seconds))
                base, long = (statistics.median(cpu for cpu, _ in figures[name]) for name, _, _ in all_[:2])
                print(f'\nGET {path}: CPU per request')
                for name, runs in figures.items():
                    cpu, rate = (statistics.median(values) for values in zip(*runs))
                    print(f'{name:22} {cpu:7.1f} us   x{cpu / base:.2f}   x{cpu / long:.2f} of as long   {rate:8.0f}/s', flush=True)
        finally:
            for server in stack:
                server.stop()


if __name__ == '__main__':
    main()
