"""A figure with its name and caption, and the forms that it is written in."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure as Drawing

from ..errors import FileError, unknown_name
from ..files import write_atomically
from . import FORMATS, style

# What would differ between two files of the same figure.
_WITHOUT_DATE: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": "libma"},
    "png": {"Software": "libma"},
    "svg": {"Date": None, "Creator": "libma"},
}


@dataclass(frozen=True)
class Figure:
    """What one picture shows. In a notebook it shows itself."""

    name: str  # of its file, without the ending
    caption: str  # one or two sentences, plain text
    drawing: Drawing

    def to_bytes(self, kind: str, dpi: float | None = None) -> bytes:
        """The picture as a `pdf`, `png` or `svg` file; the same results give the same bytes.

        Raises:
            UnknownNameError: When `kind` is another one.
        """
        if kind not in FORMATS:
            raise unknown_name("plot", "format of a figure", kind, FORMATS)
        buffer = io.BytesIO()
        with matplotlib.rc_context(style.RC):
            dots: dict[str, Any] = {} if dpi is None else {"dpi": dpi}
            self.drawing.savefig(buffer, format=kind, metadata=_WITHOUT_DATE[kind], **dots)
        return buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        """Writes the picture in one step; the ending of `path` says in which form."""
        path = Path(path)
        kind = path.suffix.removeprefix(".")
        if kind not in FORMATS:
            raise FileError(f"[{path}] ends in '{path.suffix}'; a figure is written as .{', .'.join(FORMATS)}")
        return write_atomically(path, self.to_bytes(kind))

    def _repr_png_(self) -> bytes:
        return self.to_bytes("png")
