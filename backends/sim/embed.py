#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""embed.py INPUT OUTPUT NAME HEADER: writes a C file that holds the text of INPUT as the string NAME."""
import pathlib
import sys


def literal(byte):
    """One byte inside a C string; octal digits end after three, so nothing can run into them."""
    char = chr(byte)
    return char if char.isascii() and char.isprintable() and char not in '"\\?' else f'\\{byte:03o}'


def main(source, target, name, header):
    lines = pathlib.Path(source).read_bytes().splitlines(keepends=True)
    text = '\n'.join('        "' + ''.join(map(literal, line)) + '"' for line in lines)
    pathlib.Path(target).write_text(f'/* Made by embed.py. */\n#include "{header}"\n\nconst char {name}[] =\n{text};\n', encoding='ascii')


if __name__ == '__main__':
    main(*sys.argv[1:])
