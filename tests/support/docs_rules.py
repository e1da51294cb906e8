# SPDX-License-Identifier: Apache-2.0
"""Judges a capability description: is it a self-contained OpenAPI 3.1 document that keeps the rules of ISO 17978-3 6?

problems(document) lists what is wrong. It knows the structure of OpenAPI as far as a description needs it, and refuses
members that it does not know, so that nothing goes unchecked unseen.
"""
import re

METHODS = ('get', 'put', 'post', 'delete', 'patch')
ENTITY_COLLECTIONS = ('areas', 'components', 'apps', 'functions', 'subareas', 'subcomponents')
# Names that stand for lists, and for what is below a resource without being one.
COLLECTIONS = frozenset(ENTITY_COLLECTIONS + (
    'data', 'data-categories', 'data-groups', 'data-lists', 'faults', 'operations', 'executions', 'configurations', 'modes', 'locks',
    'logs', 'entries', 'config', 'communication-logs', 'bulk-data', 'scripts', 'triggers', 'cyclic-subscriptions', 'events', 'updates',
    'clear-data', 'status', 'contains', 'hosts', 'depends-on', 'is-located-on', 'belongs-to', 'related-components', 'related-apps'))
INCLUDE_SCHEMA = re.compile(
    r'/|/(areas|components|apps|functions)/[^/]+'
    r'|.*/(data|data-lists|faults|configurations|operations|scripts|modes|triggers|cyclic-subscriptions)/[^/]+'
    r'|.*/executions/[^/]+')
PATH_KEYS = frozenset((
    'x-sovd-name', 'x-sovd-data-category', 'x-sovd-data-groups', 'x-sovd-tags', 'x-sovd-retention-timeout',
    'x-sovd-cyclic-subscription-supported', 'x-sovd-fault-display-code', 'x-sovd-fault-scope', 'x-sovd-fault-severity',
    'x-sovd-lock-breakable', 'x-sovd-mode', 'x-sovd-proximity-proof-required', 'x-sovd-asynchronous-execution', 'x-sovd-applicability'))
SCHEMA_KEYS = frozenset(('x-sovd-unit', 'x-sovd-translation-id', 'x-sovd-enum-translation-ids'))
SCHEMA_WORDS = frozenset((
    'type', 'properties', 'required', 'items', 'enum', 'const', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems',
    'pattern', 'format', 'description', 'title', 'default', 'readOnly', 'writeOnly', 'allOf', 'anyOf', 'oneOf', 'additionalProperties',
    '$ref', 'examples', 'multipleOf', 'exclusiveMinimum', 'exclusiveMaximum'))
TYPES = frozenset(('object', 'array', 'string', 'number', 'integer', 'boolean', 'null'))
OPERATION_WORDS = frozenset(('summary', 'description', 'deprecated', 'parameters', 'requestBody', 'responses', 'operationId', 'security', 'tags'))


class Judge:
    def __init__(self, document):
        self.document, self.found = document, []

    def say(self, where, what):
        self.found.append(f'{where}: {what}')

    def expect(self, condition, where, what):
        if not condition:
            self.say(where, what)
        return condition

    def follow(self, node, where):
        """What a reference leads to; the node itself if it is none."""
        while isinstance(node, dict) and '$ref' in node:
            target = self.document
            for part in node['$ref'].removeprefix('#/').split('/'):
                target = target.get(part.replace('~1', '/').replace('~0', '~')) if isinstance(target, dict) else None
            if not self.expect(node['$ref'].startswith('#/') and target is not None, where, f'{node["$ref"]} leads nowhere in this document'):
                return {}
            node = target
        return node

    # ---- the document ----------------------------------------------------------------------------------------------

    def judge(self):
        document = self.document
        self.expect(re.fullmatch(r'3\.1\.\d+', str(document.get('openapi'))), 'openapi', 'is not 3.1')
        info = document.get('info', {})
        for name in 'title', 'version', 'x-sovd-version':
            self.expect(isinstance(info.get(name), str) and info[name], 'info', f'lacks {name}')
        self.expect(document.get('servers') and all(re.match(r'(https?://[^/]+)?/', server.get('url', '')) for server in document['servers']),
                    'servers', 'no usable URL')
        self.expect(set(document) <= {'openapi', 'info', 'servers', 'security', 'paths', 'components', 'jsonSchemaDialect'}, 'document',
                    f'has unknown members {sorted(document)}')
        schemes = document.get('components', {}).get('securitySchemes', {})
        self.expect({name for one in document.get('security', ()) for name in one} == set(schemes), 'security', f'is not {sorted(schemes)}')
        paths = document.get('paths', {})
        self.expect(paths, 'paths', 'is empty')
        for path, item in paths.items():
            self.judge_path(path, item)
        self.judge_executions(paths)
        for name, schema in document.get('components', {}).get('schemas', {}).items():
            self.judge_schema(schema, f'components/schemas/{name}')
        return self.found

    def judge_executions(self, paths):
        for path in paths:
            if re.fullmatch(r'.*/(operations|scripts)/[^/]+', path):
                self.expect(path + '/executions' in paths, path, 'has no path for its executions')
                self.expect(any(re.fullmatch(re.escape(path) + r'/executions/\{[^}]+\}', other) for other in paths), path,
                            'has no path for one execution')

    def judge_path(self, path, item):
        segments = path.strip('/').split('/')
        self.expect(path.startswith('/') and (path == '/' or all(segments)), path, 'is no path')
        self.expect('version-info' not in segments, path, 'version-info is no part of a description')
        self.expect(any(method in item for method in METHODS), path, 'has no method')
        unknown = set(item) - set(METHODS) - PATH_KEYS - {'servers', 'parameters'}
        self.expect(all(key.startswith('x-gw-') for key in unknown), path, f'has unknown members {sorted(unknown)}')
        if path == '/' or segments[-1] not in COLLECTIONS:
            self.expect(item.get('x-sovd-name'), path, 'has no x-sovd-name')
        if re.fullmatch(r'.*/data/[^/]+', path) and 'x-gw-incomplete' not in item:
            self.expect(item.get('x-sovd-data-category'), path, 'has no x-sovd-data-category')
        for tag in item.get('x-sovd-tags', ()):
            self.expect(isinstance(tag, dict) and tag.get('name'), path, f'has a tag without a name: {tag}')
        for method in METHODS:
            if method in item:
                self.judge_operation(f'{method.upper()} {path}', path, method, item[method])

    # ---- one operation ---------------------------------------------------------------------------------------------

    def judge_operation(self, where, path, method, operation):
        unknown = set(operation) - OPERATION_WORDS - PATH_KEYS
        self.expect(all(key.startswith('x-gw-') for key in unknown), where, f'has unknown members {sorted(unknown)}')
        parameters = [self.follow(parameter, where) for parameter in operation.get('parameters', ())]
        in_path = [parameter['name'] for parameter in parameters if parameter.get('in') == 'path']
        self.expect(sorted(in_path) == sorted(re.findall(r'\{([^}]*)\}', path)), where, f'declares the path parameters {in_path}')
        for parameter in parameters:
            self.judge_parameter(where, parameter)
        if method == 'get' and INCLUDE_SCHEMA.fullmatch(path):
            self.expect(any(parameter.get('name') == 'include-schema' for parameter in parameters), where, 'does not offer include-schema')
        if 'requestBody' in operation:
            self.judge_content(where + ' body', operation['requestBody'])
        self.judge_responses(where, operation)

    def judge_parameter(self, where, parameter):
        where = f'{where} parameter {parameter.get("name")}'
        self.expect(parameter.get('in') in ('path', 'query', 'header', 'cookie'), where, 'is nowhere')
        self.expect(parameter.get('in') != 'path' or parameter.get('required') is True, where, 'is in the path and not required')
        self.judge_schema(parameter.get('schema', {}), where)
        if parameter.get('in') == 'query' and parameter.get('schema', {}).get('type') == 'array':
            self.expect((parameter.get('style'), parameter.get('explode')) == ('form', True), where, 'is not of form style, exploded')

    def judge_content(self, where, holder):
        self.expect(holder.get('content'), where, 'has no content')
        for kind, media in holder.get('content', {}).items():
            self.expect('/' in kind, where, f'{kind} is no media type')
            if 'schema' in media:
                self.judge_schema(media['schema'], where)

    def judge_responses(self, where, operation):
        responses = {code: self.follow(response, where) for code, response in operation.get('responses', {}).items()}
        self.expect(any(code.startswith('2') for code in responses), where, 'never succeeds')
        for code, response in responses.items():
            here = f'{where} -> {code}'
            self.expect(re.fullmatch(r'[1-5]\d\d|default', code), here, 'is no status')
            self.expect(response.get('description'), here, 'has no description')
            if 'content' in response:
                self.judge_content(here, response)
            if code in ('201', '202') and not where.startswith('GET '):
                self.expect('Location' in response.get('headers', {}), here, 'declares no Location')
                self.expect('/executions' not in where or operation.get('x-sovd-retention-timeout'), where, 'does not say how long an execution stays')
            if code == 'default' or code[0] in '45':
                self.judge_error(here, response)

    def judge_error(self, where, response):
        schema = response.get('content', {}).get('application/json', {}).get('schema')
        required = set(self.required_of(schema, where)) if schema else set()
        self.expect(required >= {'error_code', 'message'}, where, 'is an error without error_code and message')

    def required_of(self, schema, where):
        schema = self.follow(schema, where)
        yield from schema.get('required', ())
        for inner in schema.get('allOf', ()):
            yield from self.required_of(inner, where)

    # ---- schemas ---------------------------------------------------------------------------------------------------

    def judge_schema(self, schema, where):
        if '$ref' in schema:
            self.follow(schema, where)
            return
        for key in set(schema) - SCHEMA_WORDS - SCHEMA_KEYS:
            self.expect(key.startswith('x-') and not key.startswith('x-sovd-'), where, f'the schema uses {key}')
        types = schema.get('type', [])
        self.expect(set(types if isinstance(types, list) else [types]) <= TYPES, where, f'is of unknown type {types}')
        unit = schema.get('x-sovd-unit')
        if unit is not None:
            self.expect(isinstance(unit.get('display_name'), str) and isinstance(unit.get('factor_si_to_unit'), (int, float)), where,
                        f'has a unit without name or factor: {unit}')
        for name, inner in schema.get('properties', {}).items():
            self.judge_schema(inner, f'{where}/{name}')
        for word in 'allOf', 'anyOf', 'oneOf':
            for position, inner in enumerate(schema.get(word, ())):
                self.judge_schema(inner, f'{where}/{word}/{position}')
        for word in 'items', 'additionalProperties':
            if isinstance(schema.get(word), dict):
                self.judge_schema(schema[word], f'{where}/{word}')
        self.expect('enum' not in schema or schema['enum'], where, 'has an empty enum')


def problems(document):
    return Judge(document).judge()
