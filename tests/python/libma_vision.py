"""libma's side of the parity tests of vision models: all that they know of its interface."""

from pathlib import Path
from typing import Any

import torch

import libma as ma

OUTPUTS = ("features", "pooled", "projected", "logits")  # attributes of what a pass returns


class Libma:
    """A vision model on the CPU."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        self.model = ma.load_vision_model(folder, device="cpu", dtype=dtype)
        self.names: list[str] = self.model.hook_names()

    def run(self, pixels: torch.Tensor, names: list[str]) -> tuple[dict[str, torch.Tensor], Any]:
        """What passes by the sites `names`, then the outputs by name; and the output itself."""
        output, cache = self.model.run_with_cache(pixels, names)
        found = {name: cache[name] for name in names}
        for name in OUTPUTS:
            value = getattr(output, name, None)
            if value is not None:
                found[f"output.{name}"] = value
        return found, output
