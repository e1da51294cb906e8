# SPDX-License-Identifier: Apache-2.0
"""A clock of the day that a test sets, for a program under test: moved_clock.c, loaded before it."""
import os
import pathlib
import time

UNSET = 120  # seconds since 1970: a machine without a clock of its own begins there


class Clock:
    def __init__(self, control):
        self.control = pathlib.Path(control)

    def environment(self):
        """A sanitizer's runtime wants to be the first, and need not be."""
        module = pathlib.Path(os.environ.get('SOVD_BUILD_DIR', 'build')).resolve() / 'tests' / 'support' / 'moved_clock.so'
        options = [os.environ['ASAN_OPTIONS']] if 'ASAN_OPTIONS' in os.environ else []
        return {'LD_PRELOAD': str(module), 'SOVD_MOVED_CLOCK': str(self.control),
                'ASAN_OPTIONS': ':'.join([*options, 'verify_asan_link_order=0'])}

    def move(self, seconds):
        """It is so much ahead of ours from here on."""
        whole = self.control.with_suffix('.new')
        whole.write_text(str(int(seconds)), encoding='utf-8')
        whole.rename(self.control)

    def unset(self):
        self.move(UNSET - time.time())

    def set(self):
        self.move(0)
