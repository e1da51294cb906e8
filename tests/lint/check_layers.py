#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may include whom: folders see only what docs/architecture.md allows, and a library's header stays in one file."""
import fnmatch
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'support'))
import lint_tree

# Folder -> the folders of ours it may include. A folder may always include itself.
MAY_INCLUDE = {
    'sovd-core': [],
    'sovd-auth': ['sovd-core'],
    'sovd-rest': ['sovd-core', 'sovd-auth'],
    'fault-manager': ['sovd-core'],
    'backends': ['backends/*'],         # the registry beside the folders: it names every backend
    'backends/*': ['sovd-core'],        # a backend sees neither another one nor the registry
    'demo-ecu': [],                     # the other side of the wire
    'demo-ecu/app': ['backends/native/app'],  # an app of the vehicle: it sees the library of the apps
    'backends/native/app': [],          # libsovd-app, the library of the apps: it sees nothing of ours
}
COMPOSITION_ROOT = ('sovd-rest/main.c', 'sovd-rest/backend_list.c', 'sovd-rest/backend_list.h',
                    'sovd-rest/fault_settings.c', 'sovd-rest/fault_settings.h',
                    'sovd-rest/native_apps.c', 'sovd-rest/native_apps.h', 'sovd-rest/own_entity.c')

# Library header -> where it may be included; of the files a pattern matches, one may do so.
FENCES = {
    r'civetweb\.[ch]': ['sovd-rest/http_*.c', 'demo-ecu/http.c'],
    r'jwt\.h': ['sovd-auth/*.c'],
    r'sqlite3(ext)?\.h': ['sovd-core/base/db_*'],
    r'curl/.*': ['sovd-core/base/http_*'],
    r'yaml\.h': ['sovd-core/base/config*.c'],
}
INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')


def layer_of(name):
    """'backends/sovd/x.c' -> 'backends/sovd', 'sovd-core/base/x.c' -> 'sovd-core', others -> None."""
    parts = name.split('/')
    for n in (3, 2):
        if '/'.join(parts[:n]) in MAY_INCLUDE and len(parts) > n:
            return '/'.join(parts[:n])
    if parts[0] == 'backends' and len(parts) > 2:
        return '/'.join(parts[:2])
    return parts[0] if parts[0] in MAY_INCLUDE and len(parts) > 1 else None


def rules_of(layer):
    return MAY_INCLUDE.get(layer) if layer in MAY_INCLUDE else MAY_INCLUDE['backends/*']


def layer_finding(name, header):
    own, other = layer_of(name), layer_of(header)
    if not other or own == other or name in COMPOSITION_ROOT:
        return None
    if any(fnmatch.fnmatch(other, allowed) for allowed in rules_of(own)):
        return None
    return f'{own} may not include {header}'


def fence_finding(name, header, users):
    """users: pattern -> the first file that passed this fence, kept over all files."""
    for fenced, patterns in FENCES.items():
        if not re.fullmatch(fenced, header):
            continue
        for pattern in patterns:
            if fnmatch.fnmatch(name, pattern) and name.count('/') == pattern.count('/'):
                first = users.setdefault(pattern, name)
                return None if first == name else f'{header} is already included by {first}, and one file is the limit'
        return f'{header} may only be included by {" or ".join(patterns)}'
    return None


def style_finding(tree, name, quote, header):
    if quote != '"':
        return None
    beside = tree.root / pathlib.PurePosixPath(name).parent / header
    if '..' in header.split('/') or ('/' not in header and beside.is_file()):
        return f'{header}: an include of ours starts at the root of the tree'
    return None


def check(tree):
    users = {}
    for name in tree.files:
        if not name.endswith(('.c', '.h')) or not layer_of(name):
            continue
        for number, line in tree.lines(name):
            found = INCLUDE.match(line)
            if not found:
                continue
            quote, header = found.groups()
            why = (layer_finding(name, header) or fence_finding(name, header, users) or
                   style_finding(tree, name, quote, header))
            if why:
                yield name, number, why


PLANTED = {
    'sovd-core/call.h': '#include "sovd-core/base/util.h"\n#include "sovd-rest/route.h"\n',
    'sovd-core/base/util.h': '#include "../call.h"\n#include <sqlite3.h>\n#include <stdio.h>\n',
    'sovd-core/base/db_handle.h': '#include <sqlite3.h>\n#include "util.h"\n',
    'sovd-core/base/http_client.c': '#include <curl/curl.h>\n',
    'sovd-core/base/config.c': '#include <yaml.h>\n',
    'sovd-core/base/config_yaml.c': '#include <yaml.h>\n',
    'sovd-rest/main.c': '#include "backends/sovd/sovd.h"\n#include "fault-manager/store.h"\n#include <jwt.h>\n',
    'sovd-rest/http_server.c': '#include "civetweb.c"\n#include "sovd-auth/auth.h"\n#include "backends/sovd/sovd.h"\n',
    'sovd-rest/http_tls.c': '#include "civetweb.h"\n',
    'sovd-rest/resources/http_x.c': '#include "civetweb.h"\n',
    'sovd-auth/token.c': '#include <jwt.h>\n#include <curl/curl.h>\n',
    'sovd-auth/wrong.c': '#include "fault-manager/store.h"\n',
    'backends/registry.c': '#include "backends/sovd/sovd.h"\n#include "sovd-rest/route.h"\n',
    'backends/sovd/sovd.c': '#include "backends/sovd/sovd.h"\n#include "sovd-core/call.h"\n#include "backends/cda/cda.h"\n',
    'backends/cda/cda.c': '  #  include "backends/registry.h"\n',
    'fault-manager/store.c': '#include "sovd-core/call.h"\n#include "sovd-auth/auth.h"\n',
    'demo-ecu/http.c': '#include "civetweb.c"\n#include "demo-ecu/sim.h"\n',
    'demo-ecu/sim.c': '#include "civetweb.h"\n#include "sovd-core/call.h"\n',
    'backends/native/native.c': '#include "backends/native/app/sovd_app.h"\n',
    'backends/native/app/state.c': '#include "backends/native/app/app.h"\n#include "sovd-core/base/util.h"\n',
    'demo-ecu/app/nav.c': '#include "backends/native/app/sovd_app.h"\n#include "backends/native/frame.h"\n'
                          '#include "demo-ecu/app/nav.h"\n#include "demo-ecu/sim.h"\n',
    'tests/unit/test_x.c': '#include "sovd-core/call.h"\n#include <sqlite3.h>\n#include "backends/cda/cda.h"\n',
}
EXPECTED = {
    ('sovd-core/call.h', 2), ('sovd-core/base/util.h', 1), ('sovd-core/base/util.h', 2), ('sovd-core/base/db_handle.h', 2),
    ('sovd-core/base/config_yaml.c', 1), ('sovd-rest/main.c', 3), ('sovd-rest/http_server.c', 3),
    ('sovd-rest/http_tls.c', 1), ('sovd-rest/resources/http_x.c', 1), ('sovd-auth/token.c', 2),
    ('sovd-auth/wrong.c', 1), ('backends/registry.c', 2), ('backends/sovd/sovd.c', 3), ('backends/cda/cda.c', 1),
    ('fault-manager/store.c', 2), ('demo-ecu/sim.c', 1), ('demo-ecu/sim.c', 2),
    ('backends/native/native.c', 1), ('backends/native/app/state.c', 2), ('demo-ecu/app/nav.c', 2), ('demo-ecu/app/nav.c', 4),
}

if __name__ == '__main__':
    lint_tree.main(check, PLANTED, EXPECTED)
