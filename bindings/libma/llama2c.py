"""Checkpoints of llama2.c (github.com/karpathy/llama2.c, export.py): the legacy format 0, 1 (float32) and 2 (int8)."""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import FileError

_MAGIC = 0x616B3432  # "ak42"
_HEADER_BYTES = 256  # of versions 1 and 2
_ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
_MLP = ("mlp.gate_proj", "mlp.down_proj", "mlp.up_proj")  # w1, w2, w3
_NORMS = ("input_layernorm", "post_attention_layernorm")
_EMBED, _NORM, _HEAD, _TABLES = "model.embed_tokens", "model.norm", "lm_head", "rotary tables"
# What follows the header; a name without "model." comes once for each layer.
_LAYOUTS = {
    0: (_EMBED, _NORMS[0], *_ATTENTION, _NORMS[1], *_MLP, _NORM, _TABLES, _HEAD),
    1: (*_NORMS, _NORM, _EMBED, *_ATTENTION, *_MLP, _HEAD),
    2: (*_NORMS, _NORM, _EMBED, *_ATTENTION, *_MLP, _HEAD),
}


@dataclass(frozen=True)
class Header:
    """The sizes of a checkpoint."""

    version: int
    d_model: int
    d_mlp: int
    n_layers: int
    n_heads: int
    n_kv_heads: int
    vocab: int
    n_positions: int
    is_tied: bool
    group: int  # values with one scale; version 2

    @property
    def d_head(self) -> int:
        """Width of a head."""
        return self.d_model // self.n_heads

    def is_plausible(self) -> bool:
        """Whether a model can have these sizes."""
        sizes = (self.d_model, self.d_mlp, self.n_layers, self.n_heads, self.n_kv_heads, self.vocab, self.n_positions)
        if min(sizes) <= 0 or self.d_model % (2 * self.n_heads) or self.n_heads % self.n_kv_heads:
            return False
        return self.version < 2 or (self.group > 0 and self.d_model % self.group == 0 and self.d_mlp % self.group == 0)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of the tensor `name`, as a linear map has it: [out, in]."""
        kv = self.n_kv_heads * self.d_head
        shapes = {
            _EMBED: (self.vocab, self.d_model),
            _HEAD: (self.vocab, self.d_model),
            _TABLES: (self.n_positions, self.d_head),  # cosines, then sines, of half as many frequencies
            _ATTENTION[1]: (kv, self.d_model),
            _ATTENTION[2]: (kv, self.d_model),
            _MLP[1]: (self.d_model, self.d_mlp),
        }
        if name in (_NORM, *_NORMS):
            return (self.d_model,)
        default = self.d_mlp if name in _MLP else self.d_model
        return shapes.get(name, (default, self.d_model))


class Checkpoint:
    """A llama2.c checkpoint as the tensors and the configuration of a Hugging Face LLaMA."""

    n_shards = 1

    def __init__(self, path: Path) -> None:
        """Reads the header. Raises FileError for anything else, and for a file that is too short or too long."""
        self._path = path
        self._header, self._begin = _read_header(path)
        header = self._header
        n_bytes = self._begin
        for name, times in self._layout():
            values = 1
            for size in header.shape(name):
                values *= size
            is_quantised = header.version == 2 and len(header.shape(name)) == 2
            n_bytes += times * (values + 4 * (values // header.group) if is_quantised else 4 * values)
        actual = path.stat().st_size
        if n_bytes != actual:
            raise FileError(
                f"[{path}] as a llama2.c checkpoint (version {header.version}) its sizes ask for {n_bytes:,} bytes, "
                f"but it has {actual:,}; it is another format, or cut off"
            )

    def _layout(self) -> Iterator[tuple[str, int]]:
        for name in _LAYOUTS[self._header.version]:
            if name != _HEAD or not self._header.is_tied:
                is_one = name in (_EMBED, _NORM, _HEAD, _TABLES)
                yield name, 1 if is_one else self._header.n_layers

    def shards(self) -> Iterator[dict[str, Any]]:
        """All tensors in float32, the rows of q and k in Hugging Face's order."""
        header = self._header
        reader = _Reader(self._path, self._begin)
        tensors = {}
        for name, times in self._layout():
            for layer in range(times):
                shape = header.shape(name)
                is_quantised = header.version == 2 and len(shape) == 2
                values = reader.quantised(shape, header.group) if is_quantised else reader.floats(shape)
                if name in _ATTENTION[:2]:
                    values = halves_from_pairs(values, header.d_head)
                is_one = name in (_EMBED, _NORM, _HEAD, _TABLES)
                tensors[f"{name}.weight" if is_one else f"model.layers.{layer}.{name}.weight"] = values
        tensors.pop(f"{_TABLES}.weight", None)  # what rope_theta says
        yield tensors

    def config(self) -> dict[str, Any]:
        """The configuration; llama2.c fixes the norms' epsilon, the rotary base and the special tokens."""
        header = self._header
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_size": header.d_model,
            "intermediate_size": header.d_mlp,
            "num_hidden_layers": header.n_layers,
            "num_attention_heads": header.n_heads,
            "num_key_value_heads": header.n_kv_heads,
            "vocab_size": header.vocab,
            "max_position_embeddings": header.n_positions,
            "hidden_act": "silu",
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": header.is_tied,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "torch_dtype": "float32",
        }

    def write_files(self, folder: Path) -> None:
        """Writes config.json."""
        (folder / "config.json").write_text(json.dumps(self.config(), indent=2) + "\n", encoding="utf-8")


def halves_from_pairs(weight: Any, d_head: int) -> Any:
    """Rows that rotate in pairs (2i, 2i + 1), as rows that rotate with (i, i + d_head / 2): [head * d_head, d_model]."""
    return weight.view(-1, d_head // 2, 2, weight.shape[1]).transpose(1, 2).reshape(weight.shape)


def _read_header(path: Path) -> tuple[Header, int]:
    """The header and its size in bytes."""
    with path.open("rb") as file:
        raw = file.read(_HEADER_BYTES)
    if raw[:2] == b"PK" or raw[:1] == b"\x80":
        raise FileError(f"[{path}] is a pickle of torch; give the Hugging Face folder that it lies in")
    header = None
    begin = 28
    if len(raw) == _HEADER_BYTES and struct.unpack_from("<I", raw)[0] == _MAGIC:
        version = struct.unpack_from("<i", raw, 4)[0]
        if version not in (1, 2):
            raise FileError(f"[{path}] is a llama2.c checkpoint of version {version}; libma reads 0, 1 and 2")
        shares, group = struct.unpack_from("<Bi", raw, 8 + begin)
        header = _sized(version, struct.unpack_from("<7i", raw, 8), bool(shares), group)
        begin = _HEADER_BYTES
    elif len(raw) >= begin:
        sizes = struct.unpack_from("<7i", raw)
        header = _sized(0, sizes, is_tied=sizes[5] > 0, group=0)  # a negative vocabulary: a head of its own
    if header is None or not header.is_plausible():
        raise FileError(f"[{path}] is no llama2.c checkpoint; give one, or a Hugging Face folder")
    return header, begin


def _sized(version: int, sizes: Sequence[int], is_tied: bool, group: int) -> Header:
    d_model, d_mlp, n_layers, n_heads, n_kv_heads, vocab, n_positions = sizes
    vocab = abs(vocab) if version == 0 else vocab
    return Header(version, d_model, d_mlp, n_layers, n_heads, n_kv_heads, vocab, n_positions, is_tied, group)


class _Reader:
    """Hands out a file's tensors one after the other, mapped into memory."""

    def __init__(self, path: Path, begin: int) -> None:
        import torch

        self._torch = torch
        self._bytes = torch.from_file(str(path), shared=False, size=path.stat().st_size, dtype=torch.uint8)
        self._at = begin

    def floats(self, shape: tuple[int, ...]) -> Any:
        n_bytes = 4 * self._torch.Size(shape).numel()
        raw = self._take(n_bytes)
        return (raw if self._at % 4 == 0 else raw.clone()).view(self._torch.float32).view(shape)

    def quantised(self, shape: tuple[int, ...], group: int) -> Any:
        """int8 values, then a float32 scale for each `group` of them."""
        codes = self._take(self._torch.Size(shape).numel()).view(self._torch.int8).view(-1, group)
        scales = self.floats((codes.shape[0], 1))
        return (codes.to(self._torch.float32) * scales).view(shape)

    def _take(self, n_bytes: int) -> Any:
        taken = self._bytes[self._at : self._at + n_bytes]
        self._at += n_bytes
        return taken
