# SPDX-License-Identifier: Apache-2.0
"""Waiting without guessing: the only place under tests/ that sleeps."""
import time


def wait_until(condition, timeout, interval=0.01):
    """Calls condition() until it returns something true; returns that, or the last false value after timeout seconds."""
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if result or time.monotonic() >= deadline:
            return result
        if interval:
            time.sleep(interval)


class Waiting:
    """For test cases."""

    def until(self, condition, timeout=20):
        """What condition() returns when it is true; a failure of the test when that does not happen in time."""
        result = wait_until(condition, timeout)
        self.assertTrue(result, 'did not happen in time')
        return result
