"""Runs the commands of a build one by one: a line each with its time, the output in a log, the log's end on failure."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "logs"
_TAIL = 40  # lines of the log shown on failure
_HEARTBEAT = 60.0  # seconds between signs of life where there is no terminal


class StepError(Exception):
    """A command failed; the message says where its log is."""


def say(text: str) -> None:
    """One line of the build's own."""
    print(f"-- {text}", flush=True)


def run(title: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> float:
    """Runs `command` in the project's root and returns its seconds. Raises StepError when it fails."""
    seconds, status, log = attempt(title, command, env)
    if status != 0:
        raise StepError(explain(title, command, status, log))
    say(f"{title}: {seconds:.1f} s")
    return seconds


def attempt(title: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[float, int, Path]:
    """Runs `command`, whatever comes of it: seconds, exit status, log file."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / ("".join(c if c.isalnum() else "-" for c in title.lower()).strip("-") + ".log")
    begun = time.monotonic()
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StepError(f"{title}: cannot run {command[0]}: {error.strerror}") from error
        try:
            status = _wait(title, process, log, begun)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            raise
    return time.monotonic() - begun, status, log


def explain(title: str, command: Sequence[str], status: int, log: Path) -> str:
    """What failed, the last lines of its log, and where the rest is."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL:]
    reason = f"was killed by signal {-status} (out of memory?)" if status < 0 else f"failed with status {status}"
    return "\n".join(
        [*(f"   | {line}" for line in lines), f"{title} {reason}: {' '.join(command)}", f"full log: {log}"]
    )


def main_guard(main: Callable[[], int]) -> None:
    """Runs a script's `main`: 0 success, 1 a failed step, 130 interrupted."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what is running is ended too
    try:
        sys.exit(main())
    except StepError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


def _wait(title: str, process: subprocess.Popen[bytes], log: Path, begun: float) -> int:
    """Waits for `process`: on a terminal with a line that is rewritten, elsewhere with a line a minute."""
    live = sys.stdout.isatty()
    shown = begun
    while True:
        try:
            status = process.wait(timeout=0.2 if live else 1.0)
            break
        except subprocess.TimeoutExpired:
            now = time.monotonic()
        if live:
            width = os.get_terminal_size().columns - 1
            sys.stdout.write("\r\x1b[K" + f"-- {title}, {now - begun:.0f} s  {_last_line(log)}"[:width])
            sys.stdout.flush()
        elif now - shown >= _HEARTBEAT:
            shown = now
            say(f"{title}, {now - begun:.0f} s so far: {_last_line(log)[:100]}")
    if live:
        sys.stdout.write("\r\x1b[K")
    return status


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    counted = [line for line in lines if line.startswith("[")]  # Ninja's [12/80], CTest's and pytest's percentages
    return (counted or lines or [""])[-1]
