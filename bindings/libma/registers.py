"""Register means in files: libma's own, and the pickled ones that are published with the paper."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _extension
from .errors import FileError

if TYPE_CHECKING:
    from ._C import RegisterMeans

_ZIP = b"PK\x03\x04"
PAGE_HEAD = """# Register means of DINOv2 with registers

<!-- Written by the command below; run it again instead of editing. -->

```sh
libma register-means {files}
```

Mean of each register token at the input of each block over 10,000 ImageNet training images with augmentation, as published with
"Massive Activations in Large Language Models" for its Fix-Reg-Mean experiment. No model and no image is needed: everything below is computed from
the files. A row is the input of a block (0-based), its three largest entries of all registers and dims, the median magnitude (`torch.median`),
and whether the largest entry is massive: above 100 and above 1,000 medians. `register:0` is the first register (the paper counts from 1).
Note that these are magnitudes of *means*; single images may have larger entries.
"""


def load_register_means(path: str | Path) -> "RegisterMeans":
    """Register means from a file: what `RegisterMeans.save` wrote, or a published `.pt` file.

    A `.pt` file holds a dict from block (0-based) to float32 [register, d_model], at the input of that block. It is read
    with `weights_only=True`, so that nothing in it is run.

    Args:
        path: The file.

    Raises:
        FileError: When it is neither, or cannot be read.

    Example::

        >>> ma.load_register_means("small_imagemean_bs10k_trainaug.pt")  # doctest: +SKIP
        RegisterMeans([12, 4, 384], n_images=0)
    """
    native = _extension.load()
    path = Path(path)
    try:
        with path.open("rb") as file:
            is_pickle = file.read(len(_ZIP)) == _ZIP and zipfile.is_zipfile(path)
    except OSError as error:
        raise FileError(f"[{path}] cannot be read: {error.strerror}") from error
    if not is_pickle:
        means: RegisterMeans = native.RegisterMeans.load(path)
        return means
    return _from_blocks(_unpickle(path), path)


def register_means_page(paths: Sequence[str | Path]) -> str:
    """A Markdown page on register means: what `libma register-means` prints."""
    means = {Path(path).name: load_register_means(path) for path in paths}
    parts = [PAGE_HEAD.format(files=" ".join(means))]
    for name, loaded in means.items():
        n_layers, n_registers, d_model = loaded.means.shape
        summary = loaded.summary()
        massive = [block.layer for block in summary if block.meets_criterion]
        peak = max(summary, key=lambda block: abs(block.top[0].value))
        entry = peak.top[0]
        parts.append(
            f"## {name}\n\n{n_layers} blocks, {n_registers} registers, d_model {d_model}. "
            f"Massive at {_runs(massive)}. The largest entry of all is {entry.value:,.1f}, "
            f"at register:{entry.register_index}, dim {entry.dim}, before block {peak.layer}.\n\n"
            f"{loaded.table().to_markdown()}"
        )
    return "\n".join(parts)


def _runs(layers: Sequence[int]) -> str:
    """[1, 2, 3, 7] as "the input of blocks 1-3, 7"."""
    if not layers:
        return "no block's input"
    runs: list[list[int]] = []
    for layer in layers:
        if runs and layer == runs[-1][1] + 1:
            runs[-1][1] = layer
        else:
            runs.append([layer, layer])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return f"the input of blocks {', '.join(words)}"


def _unpickle(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch raises, the user gets one line
        raise FileError(f"[{path}] cannot be read safely: {' '.join(str(error).split())[:200]}") from error


def _from_blocks(blocks: Any, path: Path) -> "RegisterMeans":
    import torch

    expected = "expected a dict from each block (0, 1, ...) to float [register, d_model]"
    if not isinstance(blocks, dict) or not blocks or not all(isinstance(t, torch.Tensor) for t in blocks.values()):
        raise FileError(f"[{path}] holds no register means; {expected}")
    if set(blocks) != set(range(len(blocks))):
        raise FileError(f"[{path}] has the keys {list(blocks)[:5]}; {expected}")
    shapes = {tuple(tensor.shape) for tensor in blocks.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2 or not all(t.is_floating_point() for t in blocks.values()):
        raise FileError(f"[{path}] has tensors of the shapes {sorted(shapes)[:5]}; {expected}")
    stacked = torch.stack([blocks[layer].float() for layer in range(len(blocks))])
    means: RegisterMeans = _extension.load().RegisterMeans(stacked)
    return means
