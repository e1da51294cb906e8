# SPDX-License-Identifier: Apache-2.0
"""A disk that fails while a test says so, for a program under test: faulty_io.c, loaded before it."""
import errno
import os
import pathlib

WRITES = 'wtou'  # and everything that a read-only or full disk refuses beside


class Disk:
    """Calls on files below `folder` fail between fail() and work()."""

    def __init__(self, folder, control):
        self.folder, self.control = pathlib.Path(folder), pathlib.Path(control)

    def environment(self):
        """Of a program whose calls may fail. A sanitizer's runtime wants to be the first, and need not be."""
        module = pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')).resolve() / 'tests' / 'support' / 'faulty_io.so'
        options = [os.environ['ASAN_OPTIONS']] if 'ASAN_OPTIONS' in os.environ else []
        return {'LD_PRELOAD': str(module), 'SOVD_FAULTY_IO': str(self.control),
                'ASAN_OPTIONS': ':'.join([*options, 'verify_asan_link_order=0'])}

    def fail(self, error, calls):
        """The plan appears as a whole: a half-written one would be none."""
        whole = self.control.with_suffix('.new')
        whole.write_text(f'{error} {calls} {self.folder}', encoding='utf-8')
        whole.rename(self.control)

    def full(self):
        self.fail(errno.ENOSPC, 'w')

    def read_only(self):
        self.fail(errno.EROFS, WRITES)

    def work(self):
        self.control.unlink(missing_ok=True)
