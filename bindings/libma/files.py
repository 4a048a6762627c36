"""Files that are there whole or not at all."""

import os
import tempfile
from pathlib import Path

from .errors import FileError


def write_atomically(path: Path, content: bytes) -> Path:
    """Writes a file so that it is there whole or not at all, and makes its folder."""
    stage = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, stage = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(stage).chmod(0o644)
        Path(stage).replace(path)
    except BaseException as error:
        if stage is not None:
            Path(stage).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileError(f"[{path}] cannot be written: {error.strerror or error}") from error
        raise
    return path
