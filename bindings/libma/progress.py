"""One line of progress on standard error: rewritten in place on a terminal, begun and ended once elsewhere."""

import shutil
import sys
import time
from typing import TextIO


class Progress:
    """Reports a sequence of steps, e.g. `smollm2-135m-instruct: downloaded 92.9 MB, 4.2 s`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stderr
        self._live = self._stream.isatty()
        self._begun = time.monotonic()
        self._drawn = 0.0

    def begin(self, text: str) -> None:
        """Starts a step; `text` says what is being done."""
        self._begun = time.monotonic()
        self._drawn = 0.0
        self.update(text) if self._live else self._line(text)

    def update(self, text: str) -> None:
        """Shows how far the step is; ten times a second at most, and on a terminal only."""
        now = time.monotonic()
        if self._live and now - self._drawn > 0.1:
            self._drawn = now
            width = shutil.get_terminal_size().columns - 1
            self._stream.write("\r\x1b[K" + f"{text}, {now - self._begun:.0f} s"[:width])
            self._stream.flush()

    def end(self, text: str) -> None:
        """Ends the step; `text` says what came of it."""
        if self._live:
            self._stream.write("\r\x1b[K")
        self._line(f"{text}, {time.monotonic() - self._begun:.1f} s")

    def clear(self) -> None:
        """Wipes an unfinished line, before an error is printed."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()
