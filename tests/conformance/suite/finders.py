# SPDX-License-Identifier: Apache-2.0
"""How each kind of placeholder is found. A finder gets the facts, the entity and what stands behind the dot; None is nothing."""
from . import values
from .values import Missing

TRIALS = 12
MODES = ('extended', 'default', 'verbose', 'normal', 'programming', 'on', 'off')


def memo(facts, entity, key, make):
    """A result that several placeholders share."""
    key = 'memo.' + key
    if key not in entity.known:
        try:
            entity.known[key] = make()
        except Missing as missing:
            entity.known[key] = missing
    if isinstance(entity.known[key], Missing):
        raise entity.known[key]
    return entity.known[key]


def listed(facts, entity, collection):
    """The items of a collection that are objects."""
    return memo(facts, entity, collection,
                lambda: [item for item in facts.items(f'{entity.path}/{collection}') if isinstance(item, dict)])


def quoted(id_):
    return values.fill_path('{id}', {'id': id_})


def member(items, name):
    """The first value that a member has in a list; of a list of texts its first."""
    for item in items:
        value = item.get(name)
        if isinstance(value, list) and value:
            return value[0]
        if value not in (None, [], ''):
            return value
    return None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def others(value):
    """Values of the same type that a writable value may accept as well."""
    if isinstance(value, bool):
        return [not value]
    if is_number(value):
        return [value - 1, value + 1]
    return []


def wrong_type(value):
    return 'not a number' if is_number(value) or isinstance(value, bool) else {'not': 'this type'}


# ---- data and configurations ---------------------------------------------------------------------------------------

def writable(facts, entity, collection, items):
    """One value that takes what it has, and another value of its type, and then has its own again."""
    by_hint = sorted(items, key=lambda item: item.get('access') != 'readWrite')
    with facts.locked(entity):
        for item in by_hint[:TRIALS]:
            path = f'{entity.path}/{collection}/{quoted(item.get("id"))}'
            body = facts.get(path)
            if not isinstance(body, dict) or 'data' not in body or body.get('errors'):
                continue
            if facts.try_('PUT', path, {'data': body['data']}).status != 204:
                continue
            other = next((value for value in others(body['data']) if facts.try_('PUT', path, {'data': value}).status == 204), None)
            facts.try_('PUT', path, {'data': body['data']})
            if other is not None:
                return {'': item['id'], 'value': body['data'], 'other': other, 'wrong': wrong_type(body['data'])}
    raise Missing(f'nothing in {collection} can be written and taken back')


def read_only(facts, entity, items):
    for item in items:
        if item.get('access') == 'readOnly':
            return item['id']
    for item in items[:TRIALS]:
        path = f'{entity.path}/data/{quoted(item.get("id"))}'
        body = facts.get(path)
        if isinstance(body, dict) and item.get('category') == 'identData':
            if 400 <= facts.try_('PUT', path, {'data': body.get('data')}).status < 500:
                return item['id']
    return None


def number(facts, entity, items):
    """A value that is a number, one that moves if there is one."""
    still = None
    for item in items[:TRIALS]:
        path = f'{entity.path}/data/{quoted(item.get("id"))}'
        first, second = facts.get(path), facts.get(path)
        if isinstance(first, dict) and isinstance(second, dict) and is_number(first.get('data')):
            if first['data'] != second.get('data'):
                return item['id']
            still = still or item['id']
    return still


def data(facts, entity, detail):
    items = listed(facts, entity, 'data')
    group, _, rest = detail.partition('.')
    if group == 'writable':
        return memo(facts, entity, 'data.writable', lambda: writable(facts, entity, 'data', items)).get(rest)
    if group == 'readonly':
        return read_only(facts, entity, items)
    if group == 'number':
        return number(facts, entity, items)
    if group == 'count':
        return len(items) or None
    if group == 'second':
        return items[1].get('id') if len(items) > 1 else None
    names = {'id': 'id', 'name': 'name', 'category': 'category', 'group': 'groups', 'tag': 'tags'}
    return member(items, names[group])


def configuration(facts, entity, detail):
    items = listed(facts, entity, 'configurations')
    group, _, rest = detail.partition('.')
    if group == 'writable':
        of_type = [item for item in items if item.get('type') == 'parameter']
        return memo(facts, entity, 'configurations.writable', lambda: writable(facts, entity, 'configurations', of_type)).get(rest)
    if group in ('parameter', 'bulk'):
        return member([item for item in items if item.get('type') == group], 'id')
    return member(items, {'id': 'id', 'tag': 'tags'}[group])


# ---- faults --------------------------------------------------------------------------------------------------------

def fault(facts, entity, detail):
    items = listed(facts, entity, 'faults')
    if detail == 'active':
        return member([item for item in items if (item.get('status') or {}).get('aggregatedStatus') == 'active'], 'code')
    if detail == 'passive':
        return member([item for item in items if (item.get('status') or {}).get('aggregatedStatus') == 'passive'], 'code')
    if detail in ('status.key', 'status.value'):
        for item in items:
            for key, value in (item.get('status') or {}).items():
                if isinstance(value, str):
                    return key if detail == 'status.key' else value
        return None
    if detail in ('severity', 'above', 'below'):
        severity = items[0].get('severity') if items else None
        return None if severity is None else severity + {'severity': 0, 'above': 1, 'below': -1}[detail]
    return member(items, {'code': 'code', 'scope': 'scope', 'tag': 'tags'}[detail])


# ---- operations ----------------------------------------------------------------------------------------------------

def start(facts, entity, item):
    """(status of the start, status of the execution right after it) of an operation that is started without parameters."""
    path = f'{entity.path}/operations/{quoted(item["id"])}/executions'
    answer = facts.try_('POST', path, {})
    if answer.status != 202 or 'location' not in answer.headers:
        return answer.status, None
    location = facts.client.target(answer.headers['location'], path)
    body = facts.get(location)
    facts.try_('DELETE', location)
    return 202, body.get('status') if isinstance(body, dict) else None


def startable(facts, entity, asynchronous):
    with facts.locked(entity):
        for item in listed(facts, entity, 'operations'):
            if item.get('proximity_proof_required') or item.get('asynchronous_execution') is not asynchronous:
                continue
            status, running = start(facts, entity, item)
            if status == (202 if asynchronous else 200) and (not asynchronous or running == 'running'):
                return item['id']
    return None


def operation(facts, entity, detail):
    items = listed(facts, entity, 'operations')
    if detail in ('sync', 'async'):
        return memo(facts, entity, 'operations.' + detail, lambda: startable(facts, entity, detail == 'async'))
    if detail == 'proof':
        return member([item for item in items if item.get('proximity_proof_required')], 'id')
    return member(items, {'id': 'id', 'tag': 'tags'}[detail])


# ---- modes ---------------------------------------------------------------------------------------------------------

def mode_values(body):
    """The values that a mode may have, when its schema tells."""
    for path in ('/schema/properties/value/enum', '/schema/enum'):
        try:
            return values.pointer(body, path)
        except KeyError:
            pass
    return MODES


def settable(facts, entity):
    with facts.locked(entity):
        for item in listed(facts, entity, 'modes'):
            path = f'{entity.path}/modes/{quoted(item.get("id"))}'
            body = facts.get(path + '?include-schema=true') or facts.get(path)
            if not isinstance(body, dict) or not isinstance(body.get('value'), str):
                continue
            for value in mode_values(body):
                order = {'value': value, 'mode_expiration': 30}
                if value != body['value'] and facts.try_('PUT', path, order).status == 200:
                    facts.try_('PUT', path, {'value': body['value'], 'mode_expiration': 30})
                    return {'': item['id'], 'value': body['value'], 'other': value}
    raise Missing('no mode can be set and taken back')


def mode(facts, entity, detail):
    group, _, rest = detail.partition('.')
    if group == 'settable':
        return memo(facts, entity, 'modes.settable', lambda: settable(facts, entity)).get(rest)
    return member(listed(facts, entity, 'modes'), {'id': 'id', 'tag': 'tags'}[detail])


# ---- files, scripts, updates ---------------------------------------------------------------------------------------

def upload_headers(name):
    return {'Content-Type': 'application/octet-stream', 'Content-Disposition': f'attachment; name="{name}"; filename="{name}.bin"'}


def accepts_upload(facts, entity, categories):
    with facts.locked(entity):
        for category in categories:
            path = f'{entity.path}/bulk-data/{quoted(category)}'
            answer = facts.try_('POST', path, b'trial', upload_headers('trial'))
            if answer.status == 201 and 'location' in answer.headers:
                facts.try_('DELETE', facts.client.target(answer.headers['location'], path))
                return category
    return None


def bulk(facts, entity, detail):
    categories = memo(facts, entity, 'bulk-data', lambda: [one for one in facts.items(entity.path + '/bulk-data') if isinstance(one, str)])
    if detail == 'category':
        return next(iter(categories), None)
    if detail == 'writable':
        return memo(facts, entity, 'bulk.writable', lambda: accepts_upload(facts, entity, categories))
    for category in categories:
        items = listed(facts, entity, 'bulk-data/' + quoted(category))
        ready = [item for item in items if (item.get('size') or 1) > 1
                 and facts.client.request('HEAD', f'{entity.path}/bulk-data/{quoted(category)}/{quoted(item["id"])}').status == 200]
        if ready:
            return {'item': ready[0]['id'], 'item.category': category, 'item.size': ready[0].get('size'),
                    'item.hash': ready[0].get('hash')}.get(detail)
    return None


def script(facts, entity, detail):
    return member(listed(facts, entity, 'scripts'), {'id': 'id', 'tag': 'tags'}[detail])


def update(facts, entity, detail):
    lists = ('updates', 'updates?origin=remote', 'updates?origin=proximity')
    ids = memo(facts, entity, 'updates', lambda: list(dict.fromkeys(
        one for each in lists for one in facts.items(f'{entity.path}/{each}') if isinstance(one, str))))
    if detail == 'id':
        return next(iter(ids), None)
    for one in ids:
        body = facts.get(f'{entity.path}/updates/{quoted(one)}') or {}
        status = facts.get(f'{entity.path}/updates/{quoted(one)}/status') or {}
        fresh = status.get('phase') == 'prepare' and status.get('status') == 'pending'
        if fresh and body.get('automated', False) is (detail == 'automated'):
            return one
    return None


def control(facts, entity, detail):
    """The URI of a control of /status, present if it is supported."""
    body = memo(facts, entity, 'status', lambda: facts.get(entity.path + '/status') or {})
    uri = body.get(detail)
    return facts.client.target(uri, entity.path + '/status') if isinstance(uri, str) else None


def clear(facts, entity, detail):
    body = memo(facts, entity, 'clear-data', lambda: facts.get(entity.path + '/clear-data') or {})
    uri = body.get(detail)
    return facts.client.target(uri, entity.path + '/clear-data') if isinstance(uri, str) else None


def entity_fact(_, entity, detail):
    return member([entity.item], {'tag': 'tags'}[detail])


FINDERS = {'entity': entity_fact, 'data': data, 'configuration': configuration, 'fault': fault, 'operation': operation, 'mode': mode, 'bulk': bulk,
           'script': script, 'update': update, 'control': control, 'clear': clear}
