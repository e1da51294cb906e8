#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No C file over 700 lines, no function over 100: beyond that a file does two jobs, and a function hides one."""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import lint_tree

MAX_FILE = 700
MAX_FUNCTION = 100


def functions(tree, names):
    """(file, first line, last line, function) of every function, as universal-ctags sees them."""
    command = ['ctags', '--quiet', '--options=NONE', '--langmap=C:.c.h', '--kinds-C=f', '--fields=ne', '-f', '-', '-L', '-']
    tags = subprocess.run(command, cwd=tree.root, input='\n'.join(names), stdout=subprocess.PIPE, text=True, check=True)
    for row in tags.stdout.splitlines():
        columns = row.split('\t')
        fields = dict(column.split(':', 1) for column in columns[3:] if ':' in column)
        if 'line' in fields and 'end' in fields:
            yield columns[1], int(fields['line']), int(fields['end']), columns[0]


def check(tree):
    names = [name for name in tree.files if name.endswith(('.c', '.h'))]
    for name in names:
        length = len(tree.lines(name))
        if length > MAX_FILE:
            yield name, length, f'{length} lines, {MAX_FILE} is the limit'
    for name, first, last, function in functions(tree, names) if names else []:
        length = last - first + 1
        if length > MAX_FUNCTION:
            yield name, first, f'{function}() has {length} lines, {MAX_FUNCTION} is the limit'


def c_function(length):
    return 'static int f(void) {\n' + '        x++;\n' * (length - 2) + '}\n'


PLANTED = {
    'good.c': c_function(MAX_FUNCTION) + '\n' * (MAX_FILE - MAX_FUNCTION),
    'bad.c': 'int a;\n' + c_function(MAX_FUNCTION + 1),
    'long.h': 'int a;\n' * (MAX_FILE + 1),
    'inline.h': c_function(MAX_FUNCTION + 1),
}
EXPECTED = {('bad.c', 2), ('long.h', MAX_FILE + 1), ('inline.h', 1)}

if __name__ == '__main__':
    lint_tree.main(check, PLANTED, EXPECTED)
