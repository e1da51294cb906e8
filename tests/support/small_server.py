# SPDX-License-Identifier: Apache-2.0
"""A small SOVD server that is right in what it does, so that the conformance cases can be tried on one that is made wrong.

It shares nothing with the gateway. Every behaviour that a case judges is a method of Vehicle, which a test overrides.
"""
import datetime
import http.server
import json
import re
import threading
import time
import urllib.parse
import uuid

import polling

BASE = '/sovd/v1'
TOKENS = {'token-of-a': 'a', 'token-of-b': 'b'}
E = BASE + '/components/ecu'
SCOPES = ('data', 'faults', 'operations', 'modes', 'locks')
LEVELS = ('fatal', 'error', 'warn', 'info', 'debug')
CONTEXT = {'type': 'RFC5424', 'host': 'ecu', 'process': 'small', 'pid': 1}
INTERVALS = {'fast': 0.05, 'normal': 0.2, 'slow': 0.5}


class Refusal(Exception):
    def __init__(self, status, message, code='incomplete-request', vendor=None, headers=None):
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = {'error_code': 'vendor-specific' if vendor else code, 'message': message}
        if vendor:
            self.body['vendor_code'] = vendor


def absent(what):
    return Refusal(404, f'there is no {what}', vendor='resource-not-found')


def utc(seconds=None):
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.timezone.utc)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%f') + 'Z'


class Ask:
    """One request."""

    def __init__(self, method, target, headers, body):
        parts = urllib.parse.urlsplit(target)
        self.method, self.path = method, urllib.parse.unquote(parts.path)
        self.query = urllib.parse.parse_qs(parts.query)
        self.headers, self.body = headers, body
        self.client = TOKENS.get(headers.get('Authorization', '').partition(' ')[2], 'anonymous')

    def json(self):
        try:
            body = json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, f'the body is no JSON: {error}') from error
        if not isinstance(body, dict):
            raise Refusal(400, 'the body is no object')
        return body

    def member(self, body, name, kinds, default=None, required=False):
        value = body.get(name, default)
        if name not in body and required:
            raise Refusal(400, f'{name} is missing')
        if name in body and (not isinstance(value, kinds) or isinstance(value, bool) and kinds is int):
            raise Refusal(400, f'{name} is of the wrong type')
        return value


class Vehicle:
    """One component with most collections."""

    def __init__(self):
        self.lock = threading.RLock()
        self.data = {'speed': 10, 'vin': 'WVW1', 'clock': 0}
        self.modes = {'session': ('default', 0)}
        self.runs, self.locks, self.streams, self.files = {}, {}, {}, {}
        self.log_level, self.cleared = None, None

    # ---- what a mutant overrides -----------------------------------------------------------------------------------

    def finish(self, ask, status, headers, body):
        """The last word on an answer."""
        return status, headers, body

    def judge_type(self, ask):
        if ask.headers.get('Content-Type', '').split(';')[0] != 'application/json':
            raise Refusal(415, 'only application/json is read', vendor='unsupported-media-type')

    def judge_accept(self, ask):
        if ask.headers.get('Accept', '*/*').split(';')[0] not in ('*/*', 'application/json', 'text/event-stream', 'application/*'):
            raise Refusal(406, 'only application/json is written', vendor='not-acceptable')

    def judge_token(self, ask):
        if 'Authorization' in ask.headers and ask.client == 'anonymous':
            raise Refusal(401, 'the token is not known', vendor='unauthorized', headers={'WWW-Authenticate': 'Bearer'})

    def wants_schema(self, ask):
        value = ask.query.get('include-schema', ['false'])[-1]
        if value not in ('true', 'false'):
            raise Refusal(400, 'include-schema is true or false')
        return value == 'true'

    def keep(self, items, ask, name, member):
        wanted = ask.query.get(name)
        if not wanted:
            return items
        return [item for item in items if set(wanted) & set(item.get(member) if isinstance(item.get(member), list) else [item.get(member)])]

    def may_write(self, ask, scope):
        for one in self.live_locks().values():
            if one['client'] != ask.client and (not one['scopes'] or scope in one['scopes']):
                raise Refusal(409, 'another client holds a lock', code='precondition-not-fulfilled')

    def measure(self, name):
        return time.monotonic() if name == 'clock' else self.data[name]

    def store(self, name, value):
        self.data[name] = value

    def check_value(self, name, value):
        if type(value) is not type(self.data[name]) or isinstance(value, int) and not 0 <= value <= 100:
            raise Refusal(400, f'data of {name} has to be a number from 0 to 100')

    def live_locks(self):
        self.locks = {id_: one for id_, one in self.locks.items() if one['until'] > time.time()}
        return self.locks

    def owned(self, ask, one):
        return one['client'] == ask.client

    def conflicts(self, ask, scopes):
        return [one for one in self.live_locks().values() if one['client'] != ask.client
                and (not scopes or not one['scopes'] or set(scopes) & set(one['scopes']))]

    def remove_run(self, id_):
        del self.runs[id_]

    def mode_value(self, name):
        value, until = self.modes[name]
        return value if until > time.time() else 'default'

    def envelope(self, payload):
        return {'timestamp': utc(), 'payload': payload}

    def fires(self, condition, old, new):
        return old != new and (condition['condition_type'] == 'OnChange' or new == condition.get('value'))

    def after_event(self, stream):
        if not stream['multishot']:
            stream['status'] = 'terminated'

    def content(self, file):
        return file['bytes']

    def check_upload(self, ask):
        for name in 'Content-Type', 'Content-Disposition':
            if name not in ask.headers or name == 'Content-Disposition' and 'name=' not in ask.headers[name]:
                raise Refusal(400, f'{name} is missing, or has no name')

    def is_logged(self, severity, wanted):
        return LEVELS.index(severity) <= LEVELS.index(wanted)

    def configure_log(self, severity):
        self.log_level = severity

    def begin_clearing(self, kind):
        self.cleared = (kind, time.time())

    def stream_is_over(self, stream):
        return stream['id'] not in self.streams or stream['until'] < time.time() or stream['status'] == 'terminated'

    # ---- resources -------------------------------------------------------------------------------------------------

    def version_info(self, ask):
        return 200, {'sovd_info': [{'version': '1.1.0', 'base_uri': BASE}]}

    def root(self, ask):
        return 200, {'id': '', 'name': 'small', 'components': BASE + '/components'}

    def components(self, ask):
        items = [{'id': 'ecu', 'name': 'ECU', 'href': E, 'tags': ['small']}]
        return 200, {'items': self.keep(items, ask, 'tags', 'tags'), **({'schema': {}} if self.wants_schema(ask) else {})}

    def component(self, ask):
        self.wants_schema(ask)
        below = ('data', 'faults', 'modes', 'operations', 'locks', 'cyclic-subscriptions', 'triggers', 'bulk-data', 'logs', 'clear-data')
        return 200, {'id': 'ecu', 'name': 'ECU', **{name: f'{E}/{name}' for name in below}}

    def data_list(self, ask):
        items = [{'id': 'speed', 'name': 'Speed', 'category': 'currentData', 'tags': ['live'], 'groups': ['motion'], 'access': 'readWrite'},
                 {'id': 'vin', 'name': 'VIN', 'category': 'identData', 'access': 'readOnly'},
                 {'id': 'clock', 'name': 'Clock', 'category': 'sysInfo', 'access': 'readOnly'}]
        items = self.keep(self.keep(items, ask, 'tags', 'tags'), ask, 'category', 'category')
        return 200, {'items': items, **({'schema': {}} if self.wants_schema(ask) else {})}

    def datum(self, ask, name):
        if name not in self.data:
            raise absent(f'data {name}')
        return 200, {'id': name, 'data': self.measure(name), **({'schema': {}} if self.wants_schema(ask) else {})}

    def write(self, ask, name):
        if name not in self.data:
            raise absent(f'data {name}')
        self.judge_type(ask)
        body = ask.json()
        if body.get('data') is None:
            raise Refusal(400, 'data is missing')
        ask.member(body, 'signature', str)
        if name != 'speed':
            raise Refusal(403, f'{name} can only be read', code='insufficient-access-rights')
        try:
            self.check_value(name, body['data'])
        except Refusal as refusal:
            refusal.body = {'path': '/data', 'error': dict(refusal.body), **refusal.body}
            raise
        self.may_write(ask, 'data')
        self.store(name, body['data'])
        return 204, None

    def faults(self, ask):
        items = [{'code': 'F1', 'fault_name': 'One', 'severity': 2, 'scope': 'main', 'status': {'confirmedDTC': '1'}}]
        try:
            limit = int(ask.query.get('severity', ['99'])[0])
        except ValueError as error:
            raise Refusal(400, 'severity is no number') from error
        return 200, {'items': [item for item in self.keep(items, ask, 'scope', 'scope') if item['severity'] < limit]}

    def fault(self, ask, code):
        if code != 'F1':
            raise absent(f'fault {code}')
        return 200, {'item': {'code': 'F1', 'fault_name': 'One', 'severity': 2}}

    def mode_list(self, ask):
        return 200, {'items': [{'id': 'session'}]}

    def mode(self, ask, name):
        if name not in self.modes:
            raise absent(f'mode {name}')
        return 200, {'id': name, 'value': self.mode_value(name), **({'schema': {}} if self.wants_schema(ask) else {})}

    def set_mode(self, ask, name):
        if name not in self.modes:
            raise absent(f'mode {name}')
        body = ask.json()
        value = ask.member(body, 'value', str, required=True)
        seconds = ask.member(body, 'mode_expiration', int, 30)
        if value not in ('default', 'extended') or seconds < 0:
            raise Refusal(400, 'value is default or extended, mode_expiration from 0')
        self.modes[name] = (value, time.time() + seconds)
        return 200, {'id': name, 'value': value}

    def operations(self, ask):
        return 200, {'items': [{'id': id_, 'proximity_proof_required': False, 'asynchronous_execution': id_ == 'run'} for id_ in ('run', 'now')]}

    def runs_of(self, ask, name):
        return 200, {'items': list(self.runs) if name == 'run' else []}

    def start(self, ask, name):
        body = ask.json()
        ask.member(body, 'timeout', int)
        if name == 'now':
            return 200, {'parameters': {'done': True}}
        if name != 'run':
            raise absent(f'operation {name}')
        id_ = str(uuid.uuid4())
        self.runs[id_] = 'running'
        return 202, {'id': id_, 'status': 'running'}, {'Location': f'{E}/operations/run/executions/{id_}'}

    def run(self, ask, name, id_):
        if id_ not in self.runs:
            raise absent(f'execution {id_}')
        return 200, {'capability': 'execute', 'status': self.runs[id_]}

    def stop(self, ask, name, id_):
        if id_ not in self.runs:
            raise absent(f'execution {id_}')
        self.remove_run(id_)
        return 204, None

    # ---- locks -----------------------------------------------------------------------------------------------------

    def lock_list(self, ask):
        return 200, {'items': [{'id': id_, 'owned': self.owned(ask, one)} for id_, one in self.live_locks().items()]}

    def acquire(self, ask):
        self.judge_type(ask)
        body = ask.json()
        seconds = ask.member(body, 'lock_expiration', int, required=True)
        if not 0 < seconds <= 3600:
            raise Refusal(400, 'lock_expiration is from 1 to 3600')
        scopes = ask.member(body, 'scopes', list, [])
        if not set(map(str, scopes)) <= set(SCOPES):
            raise Refusal(400, f'scopes are of {SCOPES}, not {scopes}')
        if self.conflicts(ask, scopes):
            raise Refusal(409, 'another client holds a lock', code='precondition-not-fulfilled')
        id_ = str(uuid.uuid4())
        self.locks[id_] = {'client': ask.client, 'scopes': scopes, 'until': time.time() + seconds}
        return 201, {'id': id_}, {'Location': f'{E}/locks/{id_}'}

    def one_lock(self, id_):
        one = self.live_locks().get(id_)
        if not one:
            raise absent(f'lock {id_}')
        return one

    def read_lock(self, ask, id_):
        one = self.one_lock(id_)
        scopes = {'scopes': one['scopes']} if one['scopes'] else {}
        return 200, {'lock_expiration': utc(one['until']), 'owned': self.owned(ask, one), **scopes}

    def release(self, ask, id_):
        if self.one_lock(id_)['client'] != ask.client:
            raise Refusal(409, 'another client holds the lock', code='precondition-not-fulfilled')
        del self.locks[id_]
        return 204, None

    # ---- streams ---------------------------------------------------------------------------------------------------

    def describe(self, stream):
        both = {'observed_resource': stream['resource'], 'event_source': f'{stream["href"]}/events'}
        more = {name: stream[name] for name in ('interval', 'trigger_condition', 'multishot', 'persistent', 'status') if name in stream}
        return {'id': stream['id'], **both, 'resource': both['observed_resource'], 'subscription': both['event_source'], 'protocol': 'sse',
                'expires': utc(stream['until']), **more}

    def stream_list(self, ask, kind):
        return 200, {'items': [self.describe(one) for one in self.streams.values() if one['kind'] == kind]}

    def create_stream(self, ask, kind):
        body = ask.json()
        resource = ask.member(body, 'resource', str, required=True)
        name = resource.rpartition('/')[2]
        if name not in self.data:
            raise Refusal(400, f'resource {resource} does not exist')
        id_ = str(uuid.uuid4())
        stream = {'id': id_, 'kind': kind, 'resource': resource, 'name': name, 'href': f'{E}/{kind}/{id_}', 'status': 'active'}
        ask.member(body, 'lifetime', int)
        if kind == 'triggers':
            stream['trigger_condition'] = ask.member(body, 'trigger_condition', dict, required=True)
            if stream['trigger_condition'].get('condition_type') not in ('OnChange', 'OnChangeTo', 'EnterRange', 'LeaveRange'):
                raise Refusal(400, 'condition_type is not known')
            stream.update(multishot=body.get('multishot', False), persistent=False, until=time.time() + body.get('lifetime', 60))
        else:
            stream['interval'] = ask.member(body, 'interval', str, required=True)
            seconds = ask.member(body, 'duration', int, required=True)
            if stream['interval'] not in INTERVALS or seconds < 1:
                raise Refusal(400, 'interval is one of fast, normal, slow; duration from 1')
            stream['until'] = time.time() + seconds
        self.streams[id_] = stream
        return 201, self.describe(stream), {'Location': stream['href']}

    def one_stream(self, id_):
        stream = self.streams.get(id_)
        if not stream or stream['until'] < time.time():
            raise absent(id_)
        return stream

    def read_stream(self, ask, kind, id_):
        return 200, self.describe(self.one_stream(id_))

    def delete_stream(self, ask, kind, id_):
        self.one_stream(id_)
        del self.streams[id_]
        return 204, None

    def events(self, ask, kind, id_):
        stream = self.one_stream(id_)
        return 200, self.cyclic(stream) if kind == 'cyclic-subscriptions' else self.triggered(stream, self.data[stream['name']]), \
            {'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache'}

    def cyclic(self, stream):
        while not self.stream_is_over(stream):
            yield self.envelope({'id': stream['name'], 'data': self.measure(stream['name'])})
            polling.wait_until(lambda: self.stream_is_over(stream), INTERVALS[stream['interval']])

    def triggered(self, stream, old):
        while not self.stream_is_over(stream):
            polling.wait_until(lambda: self.stream_is_over(stream) or self.data[stream['name']] != old, 0.5)
            new, last = self.data[stream['name']], old
            old = new
            if self.fires(stream['trigger_condition'], last, new):
                self.after_event(stream)
                yield self.envelope({'id': stream['name'], 'data': new})

    # ---- files, logs, clearing -------------------------------------------------------------------------------------

    def categories(self, ask):
        return 200, {'items': ['files']}

    def file_list(self, ask):
        return 200, {'items': [{'id': id_, 'mimetype': one['type'], 'size': len(one['bytes'])} for id_, one in self.files.items()]}

    def upload(self, ask):
        self.check_upload(ask)
        id_ = str(uuid.uuid4())
        self.files[id_] = {'type': ask.headers['Content-Type'], 'bytes': ask.body}
        return 201, {'id': id_}, {'Location': f'{E}/bulk-data/files/{id_}'}

    def download(self, ask, id_):
        if id_ not in self.files:
            raise absent(f'file {id_}')
        return 200, self.content(self.files[id_]), {'Content-Type': self.files[id_]['type']}

    def remove_file(self, ask, id_):
        if not self.files.pop(id_, None):
            raise absent(f'file {id_}')
        return 204, None

    def logs(self, ask):
        return 200, {'entries': f'{E}/logs/entries', 'config': f'{E}/logs/config'}

    def log_entries(self, ask):
        wanted = ask.query.get('severity', ['debug'])[0]
        if wanted not in LEVELS:
            raise Refusal(400, f'severity is one of {LEVELS}')
        entries = [{'timestamp': utc(), 'context': CONTEXT, 'severity': one, 'msg': 'x'} for one in LEVELS]
        return 200, {'items': [entry for entry in entries if self.is_logged(entry['severity'], wanted)]}

    def log_config(self, ask):
        return 200, {'contexts': [{'context': CONTEXT, 'severity': self.log_level or 'info'}]}

    def write_log_config(self, ask):
        items = ask.member(ask.json(), 'items', list, required=True)
        self.configure_log(items[0]['severity'])
        return 204, None

    def reset_log_config(self, ask):
        if self.log_level is None:
            raise absent('configuration of the log')
        self.log_level = None
        return 204, None

    def clear_data(self, ask):
        return 200, {'status': f'{E}/clear-data/status', 'learned-data': f'{E}/clear-data/learned-data'}

    def clear(self, ask):
        if self.cleared and self.cleared[1] > time.time() - 0.3:
            raise Refusal(409, 'a task runs already', code='precondition-not-fulfilled')
        self.begin_clearing('learned-data')
        return 202, None, {'Location': f'{E}/clear-data/status'}

    def clear_status(self, ask):
        if not self.cleared:
            return 200, {'status': 'notRequested'}
        kind, since = self.cleared
        return 200, {'status': 'completed' if since < time.time() - 0.3 else 'running', 'type': kind, 'last_started': utc(since)}

    # ---- routes ----------------------------------------------------------------------------------------------------

    def routes(self):
        kind = '(cyclic-subscriptions|triggers)'
        yield '/sovd/version-info', {'GET': self.version_info}
        yield BASE + '/?', {'GET': self.root}
        yield BASE + '/components', {'GET': self.components}
        yield E, {'GET': self.component}
        yield E + '/data', {'GET': self.data_list}
        yield E + '/data/([^/]+)', {'GET': self.datum, 'PUT': self.write}
        yield E + '/faults', {'GET': self.faults}
        yield E + '/faults/([^/]+)', {'GET': self.fault}
        yield E + '/modes', {'GET': self.mode_list}
        yield E + '/modes/([^/]+)', {'GET': self.mode, 'PUT': self.set_mode}
        yield E + '/operations', {'GET': self.operations}
        yield E + '/operations/([^/]+)/executions', {'GET': self.runs_of, 'POST': self.start}
        yield E + '/operations/([^/]+)/executions/([^/]+)', {'GET': self.run, 'DELETE': self.stop}
        yield E + '/locks', {'GET': self.lock_list, 'POST': self.acquire}
        yield E + '/locks/([^/]+)', {'GET': self.read_lock, 'DELETE': self.release}
        yield E + '/bulk-data', {'GET': self.categories}
        yield E + '/bulk-data/files', {'GET': self.file_list, 'POST': self.upload}
        yield E + '/bulk-data/files/([^/]+)', {'GET': self.download, 'DELETE': self.remove_file}
        yield E + '/logs', {'GET': self.logs}
        yield E + '/logs/entries', {'GET': self.log_entries}
        yield E + '/logs/config', {'GET': self.log_config, 'PUT': self.write_log_config, 'DELETE': self.reset_log_config}
        yield E + '/clear-data', {'GET': self.clear_data}
        yield E + '/clear-data/learned-data', {'PUT': self.clear}
        yield E + '/clear-data/status', {'GET': self.clear_status}
        yield f'{E}/{kind}', {'GET': self.stream_list, 'POST': self.create_stream}
        yield f'{E}/{kind}/([^/]+)', {'GET': self.read_stream, 'DELETE': self.delete_stream}
        yield f'{E}/{kind}/([^/]+)/events', {'GET': self.events}

    def answer(self, ask):
        """(status, headers, body); the body of a stream is a generator."""
        try:
            self.judge_token(ask)
            for pattern, methods in self.routes():
                found = re.fullmatch(pattern, ask.path)
                if found:
                    method = 'GET' if ask.method == 'HEAD' else ask.method
                    if method not in methods:
                        raise Refusal(405, f'{ask.method} is not allowed', vendor='method-not-allowed', headers={'Allow': ', '.join(methods)})
                    self.judge_accept(ask)
                    with self.lock:
                        status, body, *headers = methods[method](ask, *found.groups())
                    return self.finish(ask, status, headers[0] if headers else {}, body)
            raise absent(ask.path)
        except Refusal as refusal:
            return self.finish(ask, refusal.status, refusal.headers, refusal.body)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def reply(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        status, headers, content = self.server.vehicle.answer(Ask(self.command, self.path, self.headers, body))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if hasattr(content, '__next__'):
            self.stream(content)
            return
        text = b'' if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
        if text and 'Content-Type' not in headers:
            self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(text)

    def stream(self, envelopes):
        self.send_header('Connection', 'close')
        self.end_headers()
        self.wfile.write(b': welcome\n\n')
        self.close_connection = True
        try:
            for envelope in envelopes:
                self.wfile.write(f'data: {json.dumps(envelope)}\n\n'.encode())
        except OSError:
            pass

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = reply

    def log_message(self, *_):
        pass


class SmallServer:
    """A running server, on a free port; use it in a with statement."""

    def __init__(self, vehicle):
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.vehicle = vehicle
        self.url = f'http://127.0.0.1:{self.server.server_port}{BASE}'
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
