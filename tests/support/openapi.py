# SPDX-License-Identifier: Apache-2.0
"""The gateway's OpenAPI document as a judge: is this answer one that the document promises?

Knows the part of JSON Schema that the document uses: type (also a list), properties, required, items, enum, $ref,
minimum, maximum, and date-time. A keyword it does not know is an error, so that nothing goes unchecked unseen.
"""
import datetime
import json
import re

BASE = '/sovd/v1'

# ISO 17978-3 Table 18; the list is closed.
ERROR_CODES = frozenset((
    'error-response', 'incomplete-request', 'insufficient-access-rights', 'invalid-response-content', 'invalid-signature',
    'lock-broken', 'not-responding', 'precondition-not-fulfilled', 'sovd-server-failure', 'sovd-server-misconfigured',
    'update-automated-not-supported', 'update-execution-in-progress', 'update-preparation-in-progress',
    'update-process-in-progress', 'vendor-specific'))

TYPES = {
    'object': lambda value: isinstance(value, dict),
    'array': lambda value: isinstance(value, list),
    'string': lambda value: isinstance(value, str),
    'boolean': lambda value: isinstance(value, bool),
    'integer': lambda value: isinstance(value, int) and not isinstance(value, bool),
    'number': lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    'null': lambda value: value is None,
}
ANNOTATIONS = frozenset(('description', 'title', 'format', 'default', 'readOnly', 'writeOnly', 'examples', 'minLength',
                         'maxLength', 'minItems', 'maxItems', 'additionalProperties'))
DATE_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)')


AUTHORITY = re.compile(r'https?://[^/]*')


def path_of(value):
    """URIs of this server, whatever they begin with, as paths from its root; in lists and objects too."""
    if isinstance(value, dict):
        return {name: path_of(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [path_of(inner) for inner in value]
    found = AUTHORITY.match(value) if isinstance(value, str) else None
    return value[found.end():] if found else value


class Mismatch(AssertionError):
    """An answer that the document does not promise."""


def refuse(where, why):
    raise Mismatch(f'{where}: {why}')


def names_of(declared):
    return declared if isinstance(declared, list) else [declared]


class Schemas:
    """The named schemas of a document, and the check of a value against one of them."""

    def __init__(self, document):
        self.named = document.get('components', {}).get('schemas', {})

    def resolve(self, schema, where):
        if '$ref' not in schema:
            return schema
        name = schema['$ref'].removeprefix('#/components/schemas/')
        if name not in self.named:
            refuse(where, f'the document refers to {schema["$ref"]}, which it does not have')
        return self.named[name]

    def check(self, schema, value, where='body'):
        schema = self.resolve(schema, where)
        for keyword in schema:
            handler = getattr(self, 'check_' + keyword, None)
            if handler:
                handler(schema, value, where)
            elif keyword not in ANNOTATIONS and not keyword.startswith('x-'):
                refuse(where, f'the schema uses {keyword!r}, which this check does not know')
        if schema.get('format') == 'date-time' and isinstance(value, str):
            check_date_time(value, where)

    def check_type(self, schema, value, where):
        if not any(TYPES[name](value) for name in names_of(schema['type'])):
            refuse(where, f'is {value!r}, not of type {schema["type"]}')

    def check_properties(self, schema, value, where):
        for name, inner in schema['properties'].items():
            if isinstance(value, dict) and name in value:
                self.check(inner, value[name], f'{where}/{name}')

    def check_required(self, schema, value, where):
        for name in schema['required']:
            if isinstance(value, dict) and name not in value:
                refuse(where, f'lacks the required member {name!r}')

    def check_items(self, schema, value, where):
        for position, inner in enumerate(value if isinstance(value, list) else ()):
            self.check(schema['items'], inner, f'{where}/{position}')

    def check_allOf(self, schema, value, where):
        for inner in schema['allOf']:
            self.check(inner, value, where)

    def check_enum(self, schema, value, where):
        if value not in schema['enum']:
            refuse(where, f'is {value!r}, not one of {schema["enum"]}')

    def check_minimum(self, schema, value, where):
        if TYPES['number'](value) and value < schema['minimum']:
            refuse(where, f'is {value}, below {schema["minimum"]}')

    def check_maximum(self, schema, value, where):
        if TYPES['number'](value) and value > schema['maximum']:
            refuse(where, f'is {value}, above {schema["maximum"]}')


def check_date_time(text, where):
    if not DATE_TIME.fullmatch(text):
        refuse(where, f'{text!r} is no date-time')
    datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))


def segments_of(path):
    """The segments of a path below the base, with nested entities under their short path."""
    segments = [part for part in path.split('/') if part]
    while len(segments) >= 4 and (segments[0], segments[2]) in (('components', 'subcomponents'), ('areas', 'subareas')):
        segments[1:4] = segments[3:4]
    return segments


class Document:
    """An OpenAPI document of the gateway."""

    def __init__(self, document):
        self.raw = document
        self.schemas = Schemas(document)

    @staticmethod
    def full_path(template, item):
        """A path of the document from the root of the server."""
        root = any(not server['url'].endswith(BASE) for server in item.get('servers', ()))
        return template if root else BASE + ('' if template == '/' else template)

    def paths(self):
        """(path from the root of the server, path item) of all of them."""
        return [(self.full_path(template, item), item) for template, item in self.raw['paths'].items()]

    @staticmethod
    def methods(item):
        return {key.upper() for key in item if key in ('get', 'put', 'post', 'delete', 'patch')}

    def _fits(self, pattern, segment, item):
        if not pattern.startswith('{'):
            return pattern == segment
        for operation in item.values():
            for parameter in operation.get('parameters', ()) if isinstance(operation, dict) else ():
                if parameter['in'] == 'path' and parameter['name'] == pattern[1:-1] and 'enum' in parameter['schema']:
                    return segment in parameter['schema']['enum']
        return True

    def items_at(self, path):
        """The path items that describe a request to this path, those with the most literal segments first."""
        path = path.split('?')[0].split('#')[0]
        below = path == BASE or path.startswith(BASE + '/')
        wanted = segments_of(path[len(BASE):] if below else path)
        found = []
        for template, item in self.raw['paths'].items():
            patterns = [part for part in template.split('/') if part]
            in_base = self.full_path(template, item).startswith(BASE)
            if in_base == below and len(patterns) == len(wanted) and all(map(
                    lambda pattern, segment, item=item: self._fits(pattern, segment, item), patterns, wanted)):
                found.append((sum(part.startswith('{') for part in patterns), item))
        return [item for _, item in sorted(found, key=lambda row: row[0])]

    def operation(self, method, path):
        """What the document says about a request; None when it does not offer it."""
        key = 'get' if method == 'HEAD' else method.lower()
        return next((item[key] for item in self.items_at(path) if key in item), None)

    def check(self, method, path, reply):
        """Raises Mismatch unless the document promises this reply."""
        where = f'{method} {path} -> {reply.status}'
        check_headers(reply, where)
        is_docs = path.startswith(BASE) and path.split('?')[0].endswith('/docs')
        operation = None if is_docs else self.operation(method, path)
        if reply.status >= 400:
            check_error(reply, where, method)
        elif is_docs:
            check_docs(reply, where)
        elif operation is None:
            refuse(where, 'is a success of what the document does not offer')
        if operation is not None:
            self._check_response(operation, method, reply, where)

    def resolve_response(self, response, where):
        if '$ref' not in response:
            return response
        name = response['$ref'].removeprefix('#/components/responses/')
        if name not in self.raw['components'].get('responses', {}):
            refuse(where, f'the document refers to {response["$ref"]}, which it does not have')
        return self.raw['components']['responses'][name]

    def _check_response(self, operation, method, reply, where):
        """The default stands for errors only: every success has to be declared."""
        responses = operation['responses']
        declared = responses.get(str(reply.status)) or (responses.get('default') if reply.status >= 400 else None)
        if declared is None:
            refuse(where, f'is not declared; declared are {sorted(responses)}')
        declared = self.resolve_response(declared, where)
        content = declared.get('content')
        if method == 'HEAD' or reply.status == 304:
            if reply.body:
                refuse(where, 'has a body')
            return
        if content is None:
            if reply.body and 'text/plain' not in reply.headers['content-type'] and '/openapi.json' not in where:
                refuse(where, 'has a body, and the document declares none')
            return
        if '*/*' in content and reply.headers.get('content-type') not in content:
            return  # bytes of any type
        if reply.headers.get('content-type') not in content:
            refuse(where, f'has Content-Type {reply.headers.get("content-type")!r}, declared is {sorted(content)}')
        self.schemas.check(content[reply.headers['content-type']]['schema'], reply.json, where)
        for name in declared.get('headers', ()):
            if name in ('Location', 'ETag') and name.lower() not in reply.headers:
                refuse(where, f'lacks the declared header {name}')


SECURITY_HEADERS = {'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
                    'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin'}


def check_headers(reply, where):
    """What every answer has, and what its status calls for."""
    for name in ('x-request-id', 'date', 'cache-control'):
        if not reply.headers.get(name):
            refuse(where, f'has no {name}')
    for name, value in SECURITY_HEADERS.items():
        if reply.headers.get(name) != value:
            refuse(where, f'says {name}: {reply.headers.get(name)!r}')
    for status, name in (405, 'allow'), (429, 'retry-after'), (503, 'retry-after'):
        if reply.status == status and not reply.headers.get(name):
            refuse(where, f'has no {name}')
    if reply.status in (204, 304) and (reply.body or 'content-length' in reply.headers):
        refuse(where, 'has a body or a Content-Length')


def check_docs(reply, where):
    if not str(reply.json.get('openapi', '')).startswith('3.1'):
        refuse(where, 'is no OpenAPI 3.1 document')


def check_error(reply, where, method='GET'):
    """GenericError (ISO 17978-3 Table 16) with a code of the closed list."""
    if reply.headers.get('content-type') != 'application/json':
        refuse(where, f'is an error of Content-Type {reply.headers.get("content-type")!r}')
    if method == 'HEAD':
        return
    try:
        body = reply.json
    except json.JSONDecodeError as error:
        refuse(where, f'is an error without JSON: {error}')
    for name in ('error_code', 'message'):
        if not isinstance(body.get(name), str) or not body[name]:
            refuse(where, f'lacks {name}: {body}')
    if body['error_code'] not in ERROR_CODES:
        refuse(where, f'has error_code {body["error_code"]!r}, which the standard does not know')
    if body['error_code'] == 'vendor-specific' and not body.get('vendor_code'):
        refuse(where, 'is vendor-specific without vendor_code')
