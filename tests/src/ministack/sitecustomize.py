"""Python runs this before the emulator: its time can be moved, and it ends with the process that has started it."""

import os
import sys
import threading
import time

_clock = os.environ.get("LAZYCAT_MINISTACK_CLOCK")


def _end_with_the_parent():
    # The parent holds the other end and writes nothing: reading ends when the parent does, however it does.
    sys.stdin.buffer.read()
    os._exit(0)


if _clock:
    _real = time.time
    # As many seconds ahead as that file has bytes.
    time.time = lambda: _real() + os.stat(_clock).st_size
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
