# SPDX-License-Identifier: Apache-2.0
"""What a server has: entities, their collections, and in each something that a case can be tried on.

A fact is looked for when the first case needs it, by reading. Some need a trial (a value is writable if it can be written with
what it has): those are not looked for with --read-only.
"""
import contextlib
import dataclasses

from . import client as http
from . import finders
from .values import Missing

TYPES = ('components', 'apps', 'functions', 'areas')
BELOW = {'components': 'subcomponents', 'areas': 'subareas'}
OWNERS = ('components', 'apps', 'functions')
# What the capability body of the template does not list, and on which entities it is asked for then.
UNLISTED = {'triggers': OWNERS, 'cyclic-subscriptions': OWNERS, 'communication-logs': OWNERS, 'clear-data': OWNERS, 'status': OWNERS,
            'data-categories': OWNERS, 'data-groups': OWNERS, 'related-components': ('areas',), 'related-apps': ('components',)}
MOST_ENTITIES = 60


@dataclasses.dataclass
class Entity:
    """One entity; the server itself has the type server and the path of the base."""
    type: str
    id: str
    path: str
    body: dict
    item: dict = dataclasses.field(default_factory=dict)
    known: dict = dataclasses.field(default_factory=dict)


class Facts:
    """Answers what a placeholder stands for, entity by entity."""

    def __init__(self, client, read_only=False, features=(), options=None):
        self.client, self.read_only, self.features = client, read_only, set(features)
        self.options = dict(options or {})
        self.entities = []

    # ---- asking ----------------------------------------------------------------------------------------------------

    def get(self, path):
        """A body that is JSON and was answered with 200, else None."""
        try:
            answer = self.client.request('GET', self.client.target(path), headers={'Accept': 'application/json'})
        except http.Unreachable:
            return None
        return answer.json if answer.status == 200 and answer.is_json else None

    def items(self, path):
        body = self.get(path)
        found = body.get('items') if isinstance(body, dict) else None
        return found if isinstance(found, list) else []

    def try_(self, method, path, body=None, headers=None):
        """A trial: it may change something, and what it made is the caller's to remove."""
        if self.read_only:
            raise Missing('finding it needs a write, which --read-only forbids')
        try:
            return self.client.request(method, self.client.target(path), body, headers)
        except http.Unreachable as error:
            raise Missing('a trial was not answered') from error

    @contextlib.contextmanager
    def locked(self, entity):
        """Holds a lock of the whole entity, where it offers locks: a server may ask for one before a write."""
        lock = None
        if not self.read_only and self.offers(entity, 'locks'):
            answer = self.try_('POST', entity.path + '/locks', {'lock_expiration': 60})
            if answer.status == 201 and 'location' in answer.headers:
                lock = self.client.target(answer.headers['location'], entity.path + '/locks')
        try:
            yield
        finally:
            if lock:
                self.try_('DELETE', lock)

    # ---- entities --------------------------------------------------------------------------------------------------

    def discover(self):
        """Walks the server. Raises Unreachable when its root cannot be read."""
        answer = self.client.request('GET', self.client.base + '/')
        body = answer.json if answer.status == 200 and answer.is_json else None
        if not isinstance(body, dict):
            raise http.Unreachable(f'{answer.asked}\nno capability description of the server came back: {answer}')
        self.entities = [Entity('server', str(body.get('id', '')), self.client.base, body)]
        for type_ in TYPES:
            self._walk(type_, self.client.target(str(body.get(type_) or f'{self.client.base}/{type_}')))

    def _walk(self, type_, path):
        for item in self.items(path):
            href = item.get('href') if isinstance(item, dict) else None
            if not isinstance(href, str) or len(self.entities) >= MOST_ENTITIES:
                continue
            target = self.client.target(href, path)
            if any(known.path == target for known in self.entities):
                continue
            body = self.get(target)
            if isinstance(body, dict):
                self.entities.append(Entity(type_, str(item.get('id')), target, body, item))
                if BELOW.get(type_) in body:
                    self._walk(type_, self.client.target(str(body[BELOW[type_]]), target))

    def offers(self, entity, collection):
        """Advertised; for what the capability body of the template does not list, also served."""
        if collection in entity.body:
            return True
        if entity.type not in UNLISTED.get(collection, ()):
            return False
        key = 'offers.' + collection
        if key not in entity.known:
            entity.known[key] = self.get(f'{entity.path}/{collection}') is not None
        return entity.known[key]

    # ---- facts -----------------------------------------------------------------------------------------------------

    def find(self, entity, name):
        """What {name} stands for on this entity; Missing when there is nothing."""
        if name not in entity.known:
            try:
                entity.known[name] = self._find(entity, name)
            except Missing as missing:
                entity.known[name] = missing
        if isinstance(entity.known[name], Missing):
            raise entity.known[name]
        return entity.known[name]

    def _find(self, entity, name):
        fixed = {'base': self.client.base, 'prefix': self.client.prefix, 'origin': self.client.origin, 'entity': entity.path,
                 'entity.id': entity.id, 'entity.type': entity.type, 'entity.name': entity.body.get('name')}
        if name in fixed:
            return fixed[name]
        if name.startswith('capability.'):
            uri = entity.body.get(name.partition('.')[2])
            if not isinstance(uri, str):
                raise Missing(f'no entity has {name.partition(".")[2]}')
            return self.client.target(uri, entity.path)
        if name.startswith('option.'):
            return self._option(name)
        if name == 'entity.encoded-path':
            return entity.path.rsplit('/', 1)[0] + '/' + ''.join(f'%{byte:02x}' for byte in entity.id.encode())
        group, _, detail = name.partition('.')
        finder = finders.FINDERS.get(group)
        if not finder:
            raise KeyError(f'no finder for {{{name}}}')
        found = finder(self, entity, detail)
        if found is None:
            raise Missing(f'no {name} was found')
        return found

    def _option(self, name):
        value = self.options.get(name.partition('.')[2])
        if value is None:
            raise Missing(f'--{name.partition(".")[2]} was not given')
        return value

    def choose(self, case):
        """The first entity that has all a case needs, with its values; Missing says what the best one lacks."""
        needs = case.needs
        for feature in needs.get('features', []):
            if feature not in self.features:
                raise Missing(f'--feature {feature} was not given')
        if len(self.client.tokens) < needs.get('tokens', 0):
            raise Missing(f'it needs {needs["tokens"]} of --token and --second-token')
        types = needs.get('on') or ([*TYPES] if needs.get('collections') else ['server', *TYPES])
        reasons = {0: f'no entity of type {" or ".join(types)}'}
        for entity in self.entities:
            if entity.type not in types:
                continue
            lacking = [one for one in needs.get('collections', []) if not self.offers(entity, one)]
            if lacking:
                reasons[1] = f'{lacking[0]} is not offered'
                continue
            try:
                return entity, {name: self.find(entity, name) for name in sorted(case.placeholders)}
            except Missing as missing:
                reasons[2] = str(missing)
        raise Missing(reasons[max(reasons)])
