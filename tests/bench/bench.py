#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the gateway beside nginx: same machine, same run, same answers, one after the other.

  static   GET /sovd/v1/version-info; nginx sends the same bytes and headers from a file
  locks    50 clients POST to /sovd/v1/components/bms/locks at once; demo-ecu has a lock of its own for it
  proxied  GET /sovd/v1/components/bms/data/soc; nginx passes it to the same demo-ecu over kept connections

It asserts no figure. It fails when something could not be run, and when an answer was not 200: a
benchmark of error answers says nothing.
"""
import argparse
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests' / 'support'))
from polling import wait_until

CONNECTIONS = [1, 16, 64]
STATIC = '/sovd/v1/version-info'
PROXIED = '/sovd/v1/components/bms/data/soc'
LOCKS = '/sovd/v1/components/bms/locks'
LOCK_CLIENTS = 50
OWN_HEADERS = {'date', 'server', 'connection', 'keep-alive', 'content-length', 'content-type', 'transfer-encoding', 'etag',
               'last-modified'}
CLOCK_TICKS = os.sysconf('SC_CLK_TCK')
UNITS = {'us': 1e-3, 'ms': 1.0, 's': 1e3, 'm': 6e4}


class BenchError(Exception):
    """The benchmark could not be run."""


@dataclasses.dataclass
class Result:
    case: str
    server: str
    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us_per_request: float
    rss_kib: int
    requests: int
    not_2xx: int
    socket_errors: int


# ---- processes -----------------------------------------------------------------------------------------------------

def pinned(cpu, command):
    """With two CPUs or more: servers under test on the first, load and demo-ecu on the second."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        return command
    return ['taskset', '-c', str(cpus[cpu]), *command]


def stat_fields(path):
    """The fields of /proc/PID/stat behind the program's name: state, parent, ..."""
    return path.read_text().rsplit(')', 1)[1].split()


class Server:
    """A process we started; stopped by its pid."""

    def __init__(self, name, command, log, cpu, environment=None):
        self.name, self.log = name, log
        with open(log, 'ab') as output:
            self.started = time.monotonic()
            self.process = subprocess.Popen(pinned(cpu, command), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env={**os.environ, **(environment or {})}, start_new_session=True)

    def check_alive(self):
        if self.process.poll() is not None:
            lines = self.log.read_text(errors='replace').splitlines()[-20:]
            raise BenchError('\n'.join([f'{self.name} ended with status {self.process.returncode}:', *lines]))
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                print(f'{self.name} did not stop within 15 s: killed', file=sys.stderr)
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def pids(self):
        """The process and its children: nginx works in one."""
        children = []
        for path in pathlib.Path('/proc').glob('[0-9]*/stat'):
            with contextlib.suppress(OSError):
                if int(stat_fields(path)[1]) == self.process.pid:
                    children.append(int(path.parent.name))
        return [self.process.pid, *children]

    def cpu_seconds(self):
        ticks = 0
        for pid in self.pids():
            fields = stat_fields(pathlib.Path(f'/proc/{pid}/stat'))
            ticks += int(fields[11]) + int(fields[12])
        return ticks / CLOCK_TICKS

    def rss_kib(self):
        total = 0
        for pid in self.pids():
            total += int(re.search(r'VmRSS:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())[1])
        return total


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def get(port, path):
    """(status, headers, body); status 0 when nobody answers."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=5)
    try:
        connection.request('GET', path)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    except OSError:
        return 0, [], b''
    finally:
        connection.close()


def wait_for_200(server, port, path, timeout=15, interval=0.01):
    status = 0

    def answers():
        nonlocal status
        server.check_alive()
        status = get(port, path)[0]
        return status == 200
    if not wait_until(answers, timeout, interval):
        raise BenchError(f'{server.name}: GET {path} answered {status or "nothing"} for {timeout} s')


# ---- the three servers ---------------------------------------------------------------------------------------------

def start_ecu(options, tmp, stack):
    log = tmp / 'demo-ecu.log'
    ecu = Server('demo-ecu', [str(options.build_dir / 'demo-ecu' / 'demo-ecu'), '--port', '0'], log, 1)
    stack.callback(ecu.stop)

    def said_port():
        ecu.check_alive()
        return re.search(r'demo-ecu: listening on http://[^ /]*:(\d+)/', log.read_text(errors='replace'))
    found = wait_until(said_port, 15)
    if not found:
        raise BenchError('demo-ecu did not say that it listens')
    return int(found[1])


def write_gateway_config(tmp, ecu_port):
    text = (ROOT / 'deploy' / 'config' / 'quickstart.yaml').read_text()
    text, n = re.subn(r'(?m)^( *base_url:).*', rf'\1 http://127.0.0.1:{ecu_port}', text)
    if n != 1:
        raise BenchError('deploy/config/quickstart.yaml has not exactly one base_url')
    # nginx's upstream has no limit of calls in flight; the gateway's default of 16 would be measured as waiting.
    (tmp / 'gateway.yaml').write_text(text.rstrip() + '\n    max_in_flight: 64\n')


def start_gateway(options, tmp, port, durable=False):
    state = pathlib.Path(tempfile.mkdtemp(dir=tmp))
    environment = {'SOVD__SERVER__PORT': str(port)}
    if durable:
        environment['SOVD__STORAGE__PATH'] = str(state)
    if options.log_level:
        environment['SOVD__LOGGING__LEVEL'] = options.log_level
    command = [str(gateway_binary(options)), '--config', str(tmp / 'gateway.yaml')]
    return Server('sovd-gatewayd', command, tmp / 'sovd-gatewayd.log', 0, environment)


def gateway_binary(options):
    return options.build_dir / 'sovd-rest' / 'sovd-gatewayd'


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('$', '${dollar}') + '"'


def nginx_config(tmp, port, ecu_port, headers):
    content_type = next((value for name, value in headers if name.lower() == 'content-type'), 'application/json')
    same = [f'add_header {name} {quoted(value)};' for name, value in headers if name.lower() not in OWN_HEADERS]
    user = 'user root;' if os.geteuid() == 0 else ''
    return f'''
{user}
worker_processes 1;
daemon off;
pid {tmp}/nginx.pid;
error_log {tmp}/nginx.log crit;
events {{ worker_connections 1024; }}
http {{
        access_log off;
        geo $dollar {{ default "$"; }}
        client_body_temp_path {tmp}/nginx/body;
        proxy_temp_path {tmp}/nginx/proxy;
        fastcgi_temp_path {tmp}/nginx/fastcgi;
        uwsgi_temp_path {tmp}/nginx/uwsgi;
        scgi_temp_path {tmp}/nginx/scgi;
        keepalive_requests 100000000;
        sendfile on;
        tcp_nopush on;
        types {{ }}
        upstream ecu {{
                server 127.0.0.1:{ecu_port};
                keepalive 64;
                keepalive_requests 100000000;
        }}
        server {{
                listen 127.0.0.1:{port};
                location = {STATIC} {{
                        root {tmp}/nginx/root;
                        default_type {quoted(content_type)};
                        {' '.join(same)}
                }}
                location / {{
                        proxy_pass http://ecu;
                        proxy_http_version 1.1;
                        proxy_set_header Connection "";
                }}
        }}
}}
'''


def start_nginx(tmp, ecu_port, gateway_port, stack):
    """nginx sends what the gateway sends for the static case, headers included."""
    status, headers, body = get(gateway_port, STATIC)
    if status != 200:
        raise BenchError(f'the gateway answered GET {STATIC} with {status}')
    file = tmp / 'nginx' / 'root' / STATIC.lstrip('/')
    file.parent.mkdir(parents=True)
    file.write_bytes(body)
    port, config = free_port(), tmp / 'nginx.conf'
    config.write_text(nginx_config(tmp, port, ecu_port, headers))
    binary = shutil.which('nginx', path=os.environ.get('PATH', '') + ':/usr/sbin')
    if not binary:
        raise BenchError('nginx is not installed')
    log = tmp / 'nginx.log'
    nginx = Server('nginx', [binary, '-p', str(tmp), '-e', str(log), '-c', str(config)], log, 0)
    stack.callback(nginx.stop)
    wait_for_200(nginx, port, STATIC)
    if get(port, STATIC)[2] != body:
        raise BenchError(f'nginx does not send the bytes of the gateway for {STATIC}')
    return nginx, port


# ---- measuring -----------------------------------------------------------------------------------------------------

def milliseconds(text):
    number, unit = re.fullmatch(r'([\d.]+)(us|ms|s|m)', text).groups()
    return float(number) * UNITS[unit]


def wrk(port, path, connections, seconds):
    command = ['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '--latency', f'http://127.0.0.1:{port}{path}']
    done = subprocess.run(pinned(1, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode or 'Requests/sec:' not in done.stdout:
        raise BenchError(f'wrk failed: {done.stdout}')
    return done.stdout


def field(pattern, text, default=None):
    found = re.search(pattern, text)
    if not found and default is None:
        raise BenchError(f'wrk printed nothing like {pattern}:\n{text}')
    return found[1] if found else default


def measure(case, path, server, port, connections, seconds):
    before = server.cpu_seconds()
    text = wrk(port, path, connections, seconds)
    server.check_alive()
    cpu = server.cpu_seconds() - before
    requests = int(field(r'(\d+) requests in', text))
    if not requests:
        raise BenchError(f'{server.name} answered no request of {case} at {connections} connections')
    errors = re.search(r'Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)', text)
    return Result(case=case, server=server.name, connections=connections,
                  requests_per_second=float(field(r'Requests/sec:\s+([\d.]+)', text)),
                  p50_ms=milliseconds(field(r'(?m)^ +50(?:\.0+)?%\s+(\S+)', text)),
                  p99_ms=milliseconds(field(r'(?m)^ +99(?:\.0+)?%\s+(\S+)', text)),
                  cpu_us_per_request=cpu / requests * 1e6, rss_kib=server.rss_kib(), requests=requests,
                  not_2xx=int(field(r'Non-2xx or 3xx responses:\s+(\d+)', text, '0')),
                  socket_errors=sum(int(n) for n in errors.groups()) if errors else 0)


def measure_start(options, tmp):
    """Milliseconds from exec to the first 200 of /readyz, polled without pause."""
    port = free_port()
    gateway = start_gateway(options, tmp, port)
    try:
        wait_for_200(gateway, port, '/readyz', interval=0)
        return (time.monotonic() - gateway.started) * 1e3
    finally:
        gateway.stop()


class LockClient:
    """A client of its own, known by its address, with a kept connection."""

    def __init__(self, port, number):
        self.socket = socket.create_connection(('127.0.0.1', port), 10, (f'127.0.1.{number + 1}', 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, method, path, body=b''):
        length = f'Content-Type: application/json\r\nContent-Length: {len(body)}\r\n' if body else ''
        self.socket.sendall(f'{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n'.encode() + body)

    def reply(self):
        """(status, Location)"""
        data = b''
        while b'\r\n\r\n' not in data:
            part = self.socket.recv(65536)
            if not part:
                raise BenchError('the gateway closed a connection')
            data += part
        location = re.search(rb'(?i)\r\nlocation: (\S+)', data)
        return int(data.split(b' ', 2)[1]), location[1].decode() if location else None


def lock_round(clients):
    """Milliseconds from the first request to the last answer, when all ask for one lock at once."""
    started = time.monotonic()
    for client in clients:
        client.send('POST', LOCKS, b'{"lock_expiration": 60}')
    replies = [client.reply() for client in clients]
    passed = (time.monotonic() - started) * 1e3
    winners = [i for i, (status, _) in enumerate(replies) if status == 201]
    if len(winners) != 1 or {status for status, _ in replies} != {201, 409}:
        raise BenchError(f'of {len(clients)} clients {len(winners)} got the lock: {[status for status, _ in replies]}')
    clients[winners[0]].send('DELETE', urllib.parse.urlsplit(replies[winners[0]][1]).path)
    if clients[winners[0]].reply()[0] != 204:
        raise BenchError('the lock was not released')
    return passed


def measure_locks(options, port):
    clients = [LockClient(port, number) for number in range(LOCK_CLIENTS)]
    try:
        rounds = sorted(lock_round(clients) for _ in range(20 if options.quick else 100))
    finally:
        for client in clients:
            client.socket.close()
    return {'clients': LOCK_CLIENTS, 'rounds': len(rounds), 'median': statistics.median(rounds), 'slowest': rounds[-1]}


def measure_durable_locks(options, tmp):
    """The same with the state on the disk that the temporary folder is on."""
    port = free_port()
    gateway = start_gateway(options, tmp, port, durable=True)
    try:
        wait_for_200(gateway, port, '/readyz')
        return measure_locks(options, port)
    finally:
        gateway.stop()


def stripped_size(options, tmp):
    copy = tmp / 'stripped'
    subprocess.run(['strip', '-o', str(copy), str(gateway_binary(options))], check=True)
    return copy.stat().st_size


def build_type(options):
    text = subprocess.run(['meson', 'introspect', '--buildoptions', str(options.build_dir)], stdout=subprocess.PIPE,
                          check=True).stdout
    values = {option['name']: option['value'] for option in json.loads(text)}
    if values['buildtype'] != 'release' or values['b_sanitize'] != 'none':
        raise BenchError(f'{options.build_dir} is no release build: buildtype={values["buildtype"]}, b_sanitize={values["b_sanitize"]}')
    return values['buildtype']


def machine():
    cpu = re.search(r'model name\s*:\s*(.*)', pathlib.Path('/proc/cpuinfo').read_text())
    return {'cpu': cpu[1] if cpu else platform.machine(), 'cpus': len(os.sched_getaffinity(0)), 'kernel': platform.release(),
            'date': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}


def progress(text):
    if sys.stderr.isatty():
        print(f'\r{text:<60}\r', end='', file=sys.stderr, flush=True)


def measure_all(options, tmp, stack):
    facts = {'machine': machine(), 'build': build_type(options), 'seconds': options.seconds}
    ecu_port = start_ecu(options, tmp, stack)
    write_gateway_config(tmp, ecu_port)
    starts = [measure_start(options, tmp) for _ in range(3 if options.quick else 7)]
    facts['start_to_ready_ms'] = {'median': statistics.median(starts), 'all': starts}
    facts['locks_durable_ms'] = measure_durable_locks(options, tmp)
    facts['stripped_bytes'] = stripped_size(options, tmp)

    gateway_port = free_port()
    gateway = start_gateway(options, tmp, gateway_port)
    stack.callback(gateway.stop)
    wait_for_200(gateway, gateway_port, '/readyz')
    facts['idle_rss_kib'] = gateway.rss_kib()
    facts['locks_ms'] = measure_locks(options, gateway_port)
    nginx, nginx_port = start_nginx(tmp, ecu_port, gateway_port, stack)
    for server, port in (gateway, gateway_port), (nginx, nginx_port):
        wait_for_200(server, port, PROXIED)

    results = []
    for case, path in ('static', STATIC), ('proxied', PROXIED):
        for server, port in (gateway, gateway_port), (nginx, nginx_port):
            wrk(port, path, 16, 1)                                  # warm up, not measured
        for connections in CONNECTIONS:
            for server, port in (gateway, gateway_port), (nginx, nginx_port):
                progress(f'{case}, {connections} connections, {server.name}')
                results.append(measure(case, path, server, port, connections, options.seconds))
    progress('')
    facts['results'] = [dataclasses.asdict(result) for result in results]
    facts['ratios'] = ratios(results)
    return facts, results


def ratios(results):
    """gateway/nginx of each pair."""
    rows = []
    for ours, theirs in zip(results[::2], results[1::2]):
        rows.append({'case': ours.case, 'connections': ours.connections,
                     'requests_per_second': ours.requests_per_second / theirs.requests_per_second,
                     'p50': ours.p50_ms / theirs.p50_ms, 'p99': ours.p99_ms / theirs.p99_ms,
                     'cpu_per_request': ours.cpu_us_per_request / theirs.cpu_us_per_request if theirs.cpu_us_per_request else None})
    return rows


# ---- the report ----------------------------------------------------------------------------------------------------

def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print('  '.join(cell.ljust(width) if i < 2 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))


def table_rows(facts, results):
    rows = [('case', 'server', 'conns', 'req/s', 'p50 ms', 'p99 ms', 'CPU us/req', 'RSS KiB', 'not 2xx', 'socket errors')]
    for i, result in enumerate(results):
        rows.append((result.case, result.server, str(result.connections), f'{result.requests_per_second:.0f}',
                     f'{result.p50_ms:.3f}', f'{result.p99_ms:.3f}', f'{result.cpu_us_per_request:.1f}', str(result.rss_kib),
                     str(result.not_2xx), str(result.socket_errors)))
        if i % 2:
            ratio = facts['ratios'][i // 2]
            cpu = ratio['cpu_per_request']
            rows.append(('', 'gateway/nginx', '', f'{ratio["requests_per_second"]:.2f}', f'{ratio["p50"]:.2f}',
                         f'{ratio["p99"]:.2f}', f'{cpu:.2f}' if cpu else '-', '', '', ''))
    return rows


def print_report(facts, results):
    about = facts['machine']
    print(f'{about["cpu"]}, {about["cpus"]} CPUs, Linux {about["kernel"]}, {about["date"]}, {facts["seconds"]} s each')
    print_table(table_rows(facts, results))
    start = facts['start_to_ready_ms']
    print(f'exec to ready: {start["median"]:.1f} ms (median of {len(start["all"])}, {min(start["all"]):.1f} to {max(start["all"]):.1f})')
    for locks, where in (facts['locks_ms'], 'in memory'), (facts['locks_durable_ms'], 'on disk'):
        print(f'{locks["clients"]} clients ask for one lock at once, state {where}: all answered in {locks["median"]:.1f} ms '
              f'(median of {locks["rounds"]}, slowest {locks["slowest"]:.1f}); exactly one gets it each time')
    print(f'stripped binary: {facts["stripped_bytes"] / 1024:.0f} KiB; idle RSS: {facts["idle_rss_kib"]} KiB')


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--build-dir', type=pathlib.Path, default=ROOT / 'build')
    parser.add_argument('--seconds', type=int, default=5, help='length of each measurement (default 5)')
    parser.add_argument('--quick', action='store_true', help='1 s each, fewer starts')
    parser.add_argument('--json', type=pathlib.Path, metavar='FILE', help='write the figures there too')
    parser.add_argument('--log-level', help='log level of the gateway, instead of the one in the example configuration')
    options = parser.parse_args()
    options.build_dir = options.build_dir.resolve()
    if options.quick:
        options.seconds = 1
    return options


def main():
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            facts, results = measure_all(options, pathlib.Path(folder), stack)
    except (BenchError, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f'bench: {error}')
    print_report(facts, results)
    if options.json:
        options.json.write_text(json.dumps(facts, indent=2) + '\n')
    wrong = [f'{r.case} at {r.connections} connections, {r.server}' for r in results if r.not_2xx or r.socket_errors]
    if wrong:
        sys.exit('bench: void, not every request was answered with 2xx: ' + '; '.join(wrong))


if __name__ == '__main__':
    main()
