"""Image files for the tests: every kind of PNG that there is, and JPEG as Pillow writes it."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

# Bits a sample and colour type of PNG: grey, colours, palette, grey with alpha, colours with alpha.
PNG_KINDS = [
    (1, 0),
    (2, 0),
    (4, 0),
    (8, 0),
    (16, 0),
    (8, 2),
    (16, 2),
    (1, 3),
    (2, 3),
    (4, 3),
    (8, 3),
    (8, 4),
    (16, 4),
    (8, 6),
    (16, 6),
]
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def random_png(height: int, width: int, depth: int, color: int, *, interlaced=False, transparent=False, palette=None):
    """The bytes of a PNG of random samples under random filters, with gAMA and sBIT that readers must not heed."""
    rng = np.random.default_rng(height * 1000 + width * 10 + depth + color)
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header), (b"gAMA", struct.pack(">I", 22_222))]
    if color == 2:
        chunks.append((b"sBIT", b"\3\4\5"))
    if color == 3:
        chunks.append((b"PLTE", rng.integers(0, 256, 3 * (palette or 1 << depth), dtype=np.uint8).tobytes()))
    if transparent and color in (0, 2, 3):
        chunks.append((b"tRNS", {0: b"\0\1", 2: b"\0\1\0\2\0\3", 3: b"\0"}[color]))
    raw = b""
    for y, x, dy, dx in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        rows, columns = len(range(y, height, dy)), len(range(x, width, dx))
        size = (columns * samples * depth + 7) // 8
        if columns:
            for _ in range(rows):
                raw += bytes([rng.integers(0, 5)]) + rng.integers(0, 256, size, dtype=np.uint8).tobytes()
    packed = zlib.compress(raw)
    chunks += [(b"IDAT", packed[: len(packed) // 2]), (b"IDAT", packed[len(packed) // 2 :]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def picture(height: int = 61, width: int = 83) -> Image.Image:
    """Smooth colours with noise: what JPEG compresses, and shows when it is decoded otherwise."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(5).integers(-20, 20, (height, width, 3))
    waves = np.stack([np.sin(x / 9 + c) * np.cos(y / (7 + c)) for c in range(3)], axis=-1)
    return Image.fromarray(np.clip(128 + 110 * waves + noise, 0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpegs() -> dict[str, bytes]:
    rotated = Image.Exif()
    rotated[0x0112] = 6
    base = picture()
    files = {}
    for name, progressive in [("baseline", False), ("progressive", True)]:
        for subsampling in (0, 1, 2):
            files[f"{name} 4:{4 >> subsampling}"] = encoded(
                base, "JPEG", quality=80, progressive=progressive, subsampling=subsampling
            )
        files[f"{name} grey"] = encoded(base.convert("L"), "JPEG", progressive=progressive)
        files[f"{name} CMYK"] = encoded(base.convert("CMYK"), "JPEG", progressive=progressive)
        files[f"{name} rotated"] = encoded(base, "JPEG", progressive=progressive, exif=rotated)
        files[f"{name} RGB"] = encoded(base, "JPEG", progressive=progressive, keep_rgb=True)
        files[f"{name} restarts"] = encoded(base, "JPEG", progressive=progressive, restart_marker_blocks=3)
    return files
