"""A tiny vision transformer with a register neuron."""

import shutil
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import libma as ma

LAYER, NEURON = 1, 7


def plant_neuron(source: Path, folder: Path, images: torch.Tensor) -> Path:
    """Copies the ViT of `source`; neuron 7 of block 1 becomes active at 3 % of the tokens of `images`, and makes them long."""
    for path in source.iterdir():
        shutil.copy(path, folder)
    site = f"blocks.{LAYER}.mlp.pre"
    _, cache = ma.load_vision_model(source, device="cpu").run_with_cache(images, site)
    least = cache[site][:, :, NEURON].flatten().quantile(0.97)
    tensors = load_file(folder / "model.safetensors")
    up, bias, down = (
        next(name for name in tensors if name.endswith(f"layer.{LAYER}.{part}"))
        for part in ("intermediate.dense.weight", "intermediate.dense.bias", "output.dense.weight")
    )
    tensors[bias][NEURON] = 20 * (tensors[bias][NEURON] - least)
    tensors[up][NEURON] *= 20
    tensors[down][:, NEURON] *= 30
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
