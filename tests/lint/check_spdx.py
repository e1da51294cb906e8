#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every source file says its licence in its first lines."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import lint_tree

LINE = re.compile(r'SPDX-License-Identifier: Apache-2\.0\b')
WITHIN = 5
ENDINGS = ('.c', '.h', '.inc', '.py', '.sh', '.yaml', '.yml', '.js', '.css', '.html', '.service', '.socket', '.timer',
           '.conf', '.toml')
NAMES = ('meson.build', 'meson_options.txt', '.clang-format', 'Dockerfile', 'Containerfile')
CORPUS = re.compile(r'(^|/)corp(us|ora)[^/]*/')


def needs_line(tree, name):
    if CORPUS.search(name):
        return False
    return name.endswith(ENDINGS) or name.split('/')[-1] in NAMES or tree.is_script(name)


def check(tree):
    for name in tree.files:
        if needs_line(tree, name) and not any(LINE.search(line) for _, line in tree.lines(name)[:WITHIN]):
            yield name, 1, 'has no line "SPDX-License-Identifier: Apache-2.0" in its first lines'


SPDX = '# SPDX-License-Identifier: ' + 'Apache-2.0\n'
PLANTED = {
    'good.c': '#pragma once\n/* SPDX-License-Identifier: ' + 'Apache-2.0 */\n',
    'bad.c': 'int a;\n',
    'late.c': '\n' * WITHIN + '/* SPDX-License-Identifier: ' + 'Apache-2.0 */\n',
    'other.c': '/* SPDX-License-Identifier: ' + 'Apache-2.1 */\n',
    'meson.build': 'project()\n',
    'good/meson.build': SPDX,
    'run': '#!/bin/sh\n',
    'good/run': '#!/bin/sh\n' + SPDX,
    'x.yaml': 'a: 1\n',
    'x.json': '{}\n',
    'x.md': 'text\n',
    'LICENSE': 'text\n',
    'x.wrap': '[wrap-file]\n',
    'tests/fuzz/corpus/json/a.yaml': 'a: 1\n',
    'tests/fuzz/corpus-yaml/a.yaml': 'a: 1\n',
}
EXPECTED = {(name, 1) for name in ('bad.c', 'late.c', 'other.c', 'meson.build', 'run', 'x.yaml')}

if __name__ == '__main__':
    lint_tree.main(check, PLANTED, EXPECTED)
