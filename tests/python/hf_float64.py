"""float64 runs of transformers in which nothing but the tables of positions is rounded to float32.

transformers computes norms, softmaxes, router probabilities and the scores of some families in float32 even in a
float64 model. With that lifted, a float64 run tells a defect from rounding. Tables of positions stay as transformers
and libma have them: rotary angles, cos and sin in float32, ALiBi slopes in float32, and Falcon's whole ALiBi in
bfloat16.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FunctionType, ModuleType
from typing import Any
from unittest import mock

import torch
from transformers import PreTrainedModel


class _TorchWithoutFloat32:
    """The module `torch`, with float64 in place of `float32`; rotary tables say `torch.float` and stay."""

    float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


def modeling_module(model: PreTrainedModel) -> ModuleType:
    """The `modeling_<family>` module that the model's class comes from."""
    return sys.modules[type(model).__module__]


@contextmanager
def float64_throughout(modeling: ModuleType) -> Iterator[None]:
    """Makes the functions of a `modeling_<family>` module compute in float64."""
    to_float = torch.Tensor.float

    def keep_float64(x: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        return x if x.dtype == torch.float64 else to_float(x, *arguments, **options)

    with ExitStack() as stack:
        for name, exact in _TABLES.items():
            if hasattr(modeling, name):
                stack.enter_context(mock.patch.object(modeling, name, exact(getattr(modeling, name))))
        stack.enter_context(mock.patch.object(torch.Tensor, "float", keep_float64))
        stack.enter_context(mock.patch.object(modeling, "torch", _TorchWithoutFloat32()))
        yield


def _with_real_torch(function: FunctionType) -> FunctionType:
    """The function with `torch.float32` as it is."""
    return FunctionType(function.__code__, {**function.__globals__, "torch": torch}, None, function.__defaults__)


def _double_slopes(slopes_of: FunctionType) -> Callable[..., torch.Tensor]:
    """BLOOM: slopes rounded to float32, their products with positions not."""
    real = _with_real_torch(slopes_of)
    return lambda *arguments: real(*arguments).double()


def _double_distances(table_of: FunctionType) -> Callable[..., torch.Tensor]:
    """MPT: the same for its table [head, 1, key_pos] of slope * (position - last position)."""

    def table(n_heads: int, length: int, *options: Any) -> torch.Tensor:
        slopes = -table_of(n_heads, 2, *options)[..., :1].double()
        return slopes * torch.arange(1 - length, 1)

    return table


_TABLES: dict[str, Callable[[Any], Any]] = {
    "_get_alibi_slopes": _double_slopes,
    "build_mpt_alibi_tensor": _double_distances,
    "build_alibi_tensor": _with_real_torch,
}
