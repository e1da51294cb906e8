# SPDX-License-Identifier: Apache-2.0
"""Hashes of the audit log and proofs of RFC 9162, written from its text and with hashlib alone: what the program computes
is compared with what another implementation computes. Run it to print the figures that tests/unit/audit/test_tree.c holds."""
import hashlib

CHAIN_LABEL = b'SOVD-AUDIT-v1\0'


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(body):
    return sha256(b'\0' + body)


def chain_begin(log):
    return sha256(CHAIN_LABEL + log.encode())


def chain_next(before, seq, leaf):
    return sha256(CHAIN_LABEL + before + seq.to_bytes(8, 'big') + leaf)


def split(n):
    """The largest power of two below n."""
    return 1 << (n - 1).bit_length() - 1


def root(leaves):
    """MTH(D_n), 2.1.1, of leaf hashes."""
    if not leaves:
        return sha256(b'')
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return sha256(b'\1' + root(leaves[:k]) + root(leaves[k:]))


def inclusion(index, leaves):
    """PATH(m, D_n), 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return inclusion(index, leaves[:k]) + [root(leaves[k:])]
    return inclusion(index - k, leaves[k:]) + [root(leaves[:k])]


def consistency(m, leaves, whole=True):
    """PROOF(m, D_n), 2.1.4.1."""
    if m == len(leaves):
        return [] if whole else [root(leaves)]
    k = split(len(leaves))
    if m <= k:
        return consistency(m, leaves[:k], whole) + [root(leaves[k:])]
    return consistency(m - k, leaves[k:], False) + [root(leaves[:k])]


def peaks(leaves):
    """The compact range: roots of the complete subtrees, the largest first."""
    found, begin = [], 0
    for level in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> level & 1:
            found.append(root(leaves[begin:begin + (1 << level)]))
            begin += 1 << level
    return found


def main():
    leaves = [leaf_hash(b'leaf %d' % i) for i in range(130)]
    sizes = range(1, 131)
    for n in (0, 3, 100):
        print(f'root of {n}:', root(leaves[:n]).hex())
    print('all roots:', sha256(b''.join(root(leaves[:n]) for n in range(131))).hex())
    print('all inclusion proofs:', sha256(b''.join(h for n in sizes for i in range(n) for h in inclusion(i, leaves[:n]))).hex())
    print('all consistency proofs:',
          sha256(b''.join(h for n in sizes for m in range(1, n + 1) for h in consistency(m, leaves[:n]))).hex())
    log = '0b5c6f0e-6f0e-4d5c-9a57-0123456789ab'
    print('chain:', chain_begin(log).hex(), chain_next(chain_begin(log), 1, leaves[0]).hex())


if __name__ == '__main__':
    main()
