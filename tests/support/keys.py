# SPDX-License-Identifier: Apache-2.0
"""API keys in configurations of tests: their digests, and the header fields that show them."""
import hashlib


def entry(name, key, *roles, **more):
    """An element of auth.api_keys."""
    return {'name': name, 'key_sha256': hashlib.sha256(key.encode()).hexdigest(), 'roles': list(roles or ('tester',)), **more}


def section(*entries, **more):
    """The section auth."""
    return {'api_keys': list(entries), **more}


def bearer(key):
    return {'Authorization': f'Bearer {key}'}
