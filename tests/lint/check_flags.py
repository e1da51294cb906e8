#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flags of one enum are different bits: two that became the same by a merge would each mean the other as well."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import lint_tree

ENUM = re.compile(r'\benum\b[^;{]*\{(.*?)\}', re.DOTALL)
COMMENT = re.compile(r'/\*.*?\*/', re.DOTALL)
FLAG = re.compile(r'\b([A-Z]\w*) = 1u? << (\d+)\b')


def check(tree):
    for name in tree.files:
        if not name.endswith(('.c', '.h')):
            continue
        text = ''.join(f'{line}\n' for _, line in tree.lines(name))
        text = COMMENT.sub(lambda found: '\n' * found[0].count('\n'), text)
        for enum in ENUM.finditer(text):
            taken = {}
            for flag in FLAG.finditer(enum[1]):
                other = taken.setdefault(flag[2], flag[1])
                if other != flag[1]:
                    yield name, text.count('\n', 0, enum.start(1) + flag.start()) + 1, f'{flag[1]} is the same bit as {other}'


PLANTED = {
    'good.h': 'enum {\n        A = 1 << 0, /* B = 1 << 1 */\n        C = 1 << 1\n};\nenum { D = 1 << 0 };\n',
    'bad.h': 'enum x {\n        A = 1 << 0,\n        B = 1u << 1,\n        C = 1 << 1\n};\n',
    'bad.py': 'enum { A = 1 << 0, B = 1 << 0 }\n',
}
EXPECTED = {('bad.h', 4)}

if __name__ == '__main__':
    lint_tree.main(check, PLANTED, EXPECTED)
