"""A tiny LLaMA with a super weight, and checkpoints with some entries changed."""

from collections.abc import Callable
from pathlib import Path

import checkpoints
import torch
from safetensors.torch import load_file, save_file

LAYER, DIM, NEURON = 1, 11, 7
WEIGHT = 2000.0
DOWN = f"model.layers.{LAYER}.mlp.down_proj.weight"


def edited_copy(source: Path, target: Path, edit: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """`source` with its only safetensors file's tensors passed through `edit`, which writes in place."""
    target.mkdir()
    for path in source.iterdir():
        if path.suffix != ".safetensors":
            (target / path.name).write_bytes(path.read_bytes())
    tensors = load_file(source / "model.safetensors")
    edit(tensors)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    return target


def write(folder: Path) -> Path:
    """Three blocks; DOWN[DIM, NEURON] is thousands of times its neighbours. `plain` beside it is without."""
    plain = checkpoints.write_llama(folder / "plain", num_hidden_layers=3)
    checkpoints.write_tokenizer(plain)

    def plant(tensors: dict[str, torch.Tensor]) -> None:
        tensors[DOWN][DIM, NEURON] = WEIGHT

    return edited_copy(plain, folder / "planted", plant)
