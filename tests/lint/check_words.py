#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No marks of unfinished work, no path of a developer's machine, no test switched off, no sleep in a test.

The words are put together from pieces, so that this file may pass its own check.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import lint_tree

SOURCE = re.compile(r'\.(c|h|inc|py|sh|ya?ml|js|css|html|service|conf|toml|wrap)$|(^|/)(meson\.build|meson_options\.txt)$')
TEXT = re.compile(r'\.(md|json)$')
CORPUS = re.compile(r'(^|/)corp(us|ora)[^/]*/')

# (which files, what, why)
RULES = [
    (r'.*', r'\b(' + '|'.join(['TO' 'DO', 'FIX' 'ME', 'XX' 'X', 'HA' 'CK']) + r')\b', 'mark of unfinished work'),
    (r'.*', r'(?<![\w.}~-])/(work|root|home)/\w', 'path of a developer machine'),
    (r'tests/.*\.py', r'@(\w+\.)*(skip|skipIf|skipUnless|expectedFailure)\b', 'test switched off'),
    (r'(.*/)?meson\.build', r'\bshould_' r'fail\b', 'test switched off'),
    (r'tests/.*\.c', r'(?<!\w)skip\s*\(\s*\)', 'test switched off'),
    (r'tests/(?!support/).*\.py', r'\btime\.sleep\b|\bfrom time import\b.*\bsleep\b', 'sleep in a test: poll with tests/support'),
    (r'tests/unit/.*\.c', r'(?<!\w)(u|nano)?sleep\s*\(', 'sleep in a test: use the fake clock'),
]
COMPILED = [(re.compile(files), re.compile(what), why) for files, what, why in RULES]


def is_checked(tree, name):
    if CORPUS.search(name):
        return False
    return bool(SOURCE.search(name) or TEXT.search(name)) or tree.is_script(name)


def check(tree):
    for name in tree.files:
        if not is_checked(tree, name):
            continue
        rules = [(what, why) for files, what, why in COMPILED if files.fullmatch(name)]
        for number, line in tree.lines(name):
            for what, why in rules:
                found = what.search(line)
                if found:
                    yield name, number, f'{why}: {found[0].strip()}'


MARK = 'TO' 'DO'
PLANTED = {
    'sovd-core/a.c': f'/* {MARK}: more */\n/* a {MARK.lower()} list, mktemp XXXXXX */\nchar *p = "/ho' 'me/me/x";\n',
    'good.c': 'char *url = "http://127.0.0.1/sovd/home/x", *q = "build/root/x";\n/* skip () and sleep(1) */\n',
    'run': f'#!/bin/sh\n# FIX' 'ME\ncd /wo' 'rk/main\n',
    'docs/a.md': 'see `/ro' 'ot/x`\n',
    'meson.build': 'test(a, should_' 'fail: true)\n',
    'tests/api/test_a.py': '@unittest.' 'skip("x")\n@' 'skipIf(1)\ntime.' 'sleep(1)\nself.skipTest("no tool")\n',
    'tests/support/polling.py': 'time.' 'sleep(1)\n',
    'tests/unit/test_a.c': '        sk' 'ip();\n        usl' 'eep(1);\n        skip_space(s);\n',
    'tests/fuzz/corpus/a.json': f'{MARK}\n',
    'LICENSE': f'{MARK}\n',
}
EXPECTED = {
    ('sovd-core/a.c', 1), ('sovd-core/a.c', 3), ('run', 2), ('run', 3), ('docs/a.md', 1), ('meson.build', 1),
    ('tests/api/test_a.py', 1), ('tests/api/test_a.py', 2), ('tests/api/test_a.py', 3),
    ('tests/unit/test_a.c', 1), ('tests/unit/test_a.c', 2),
}

if __name__ == '__main__':
    lint_tree.main(check, PLANTED, EXPECTED)
