# SPDX-License-Identifier: Apache-2.0
"""Placeholders: {name} in the texts of a case stands for something that was found on the server or saved by a step."""
import re
import urllib.parse

NAME = re.compile(r'\{([a-z][a-z0-9_.-]*)\}')
LONG = re.compile(r'long\.(\d+)')


class Missing(Exception):
    """The server has nothing that a placeholder could stand for: the case is skipped."""


def names_in(tree):
    """Every placeholder in a tree of JSON."""
    if isinstance(tree, str):
        return set(NAME.findall(tree))
    if isinstance(tree, dict):
        return set().union(*(names_in(part) for pair in tree.items() for part in pair))
    if isinstance(tree, list):
        return set().union(*map(names_in, tree))
    return set()


def builtin(name):
    """Placeholders that need no server; None for any other."""
    long = LONG.fullmatch(name)
    if long:
        return 'a' * int(long[1])
    return {'unknown': 'no-such-thing-7f3a'}.get(name)


def lookup(name, known):
    value = builtin(name)
    if value is None and name not in known:
        raise Missing(f'nothing is known for {{{name}}}')
    return known[name] if value is None else value


def fill(tree, known):
    """A text that is one placeholder becomes its value with its type; inside a longer text it becomes text."""
    if isinstance(tree, str):
        whole = NAME.fullmatch(tree)
        if whole:
            return lookup(whole[1], known)
        return NAME.sub(lambda found: str(lookup(found[1], known)), tree)
    if isinstance(tree, dict):
        return {fill(name, known): fill(part, known) for name, part in tree.items()}
    if isinstance(tree, list):
        return [fill(part, known) for part in tree]
    return tree


def fill_path(path, known):
    """In a path an id is percent-encoded; a URI stays as it is."""
    def text(found):
        value = str(lookup(found[1], known))
        return value if value.startswith(('/', 'http://', 'https://')) else urllib.parse.quote(value, safe='')
    return NAME.sub(text, path)


def pointer(document, path):
    """What a JSON pointer leads to; KeyError if nothing is there."""
    for part in path.split('/')[1:] if path else []:
        part = part.replace('~1', '/').replace('~0', '~')
        if isinstance(document, list) and re.fullmatch(r'\d+', part) and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            raise KeyError(path)
    return document
