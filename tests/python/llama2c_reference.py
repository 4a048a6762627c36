"""llama2.c in NumPy, from its format: writer, reader, forward pass with interleaved rotary pairs, tokenizer.

Nothing of libma takes part. Sizes are those of llama2.c's Config; weights are float32 as it names them.
"""

import itertools
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

NAMES = ("att_norm", "wq", "wk", "wv", "wo", "ffn_norm", "w1", "w2", "w3")


@dataclass
class Model:
    """Weights by name: those of NAMES [layer, ...], and embed, norm, head."""

    n_heads: int
    n_kv_heads: int
    n_positions: int
    weights: dict[str, np.ndarray]

    @property
    def is_tied(self) -> bool:
        return self.weights["head"] is self.weights["embed"]


def random_model(is_tied: bool, seed: int = 0) -> Model:
    """Width 32, 2 layers, 4 heads, 2 kv heads, 40 tokens; weights large enough that attention is far from uniform."""
    rng = np.random.default_rng(seed)
    shapes = _shapes(d_model=32, d_mlp=64, n_layers=2, d_kv=16, vocab=40)
    weights = {
        name: (1 + 0.2 * rng.normal(size=shape) if "norm" in name else rng.normal(size=shape) * 0.3).astype(np.float32)
        for name, shape in shapes.items()
    }
    weights["head"] = weights["embed"] if is_tied else rng.normal(size=(40, 32)).astype(np.float32)
    return Model(n_heads=4, n_kv_heads=2, n_positions=24, weights=weights)


def _shapes(d_model: int, d_mlp: int, n_layers: int, d_kv: int, vocab: int) -> dict[str, tuple[int, ...]]:
    return {
        "embed": (vocab, d_model),
        "att_norm": (n_layers, d_model),
        "wq": (n_layers, d_model, d_model),
        "wk": (n_layers, d_kv, d_model),
        "wv": (n_layers, d_kv, d_model),
        "wo": (n_layers, d_model, d_model),
        "ffn_norm": (n_layers, d_model),
        "w1": (n_layers, d_mlp, d_model),
        "w2": (n_layers, d_model, d_mlp),
        "w3": (n_layers, d_mlp, d_model),
        "norm": (d_model,),
    }


def write_checkpoint(model: Model, path: Path, version: int, group: int = 16) -> Path:
    """As export.py writes versions 0, 1 and 2."""
    w = model.weights
    vocab, d_model = w["embed"].shape
    sizes = [d_model, w["w1"].shape[1], len(w["wq"]), model.n_heads, model.n_kv_heads, vocab, model.n_positions]
    with path.open("wb") as file:
        if version == 0:
            sizes[5] *= 1 if model.is_tied else -1
            file.write(struct.pack("<7i", *sizes))
            tables = np.zeros(model.n_positions * (d_model // model.n_heads), dtype=np.float32)
            for part in [w["embed"], *(w[name] for name in NAMES), w["norm"], tables]:
                file.write(part.tobytes())
            file.write(b"" if model.is_tied else w["head"].tobytes())
            return path
        header = struct.pack("<Ii7iB", 0x616B3432, version, *sizes, model.is_tied)
        header += struct.pack("<i", group) if version == 2 else b""
        file.write(header.ljust(256, b"\0"))
        for name in ("att_norm", "ffn_norm", "norm"):
            file.write(w[name].tobytes())
        matrices = [w["embed"], *(layer for name in NAMES if "norm" not in name for layer in w[name])]
        for matrix in [*matrices, *([] if model.is_tied else [w["head"]])]:
            file.write(
                matrix.tobytes() if version == 1 else b"".join(part.tobytes() for part in quantise(matrix, group))
            )
    return path


def quantise(matrix: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """export.py's quantize_q80: int8 codes [n / group, group] and their scales."""
    groups = matrix.reshape(-1, group)
    scales = np.abs(groups).max(axis=1, keepdims=True) / np.float32(127)
    return np.round(groups / scales).astype(np.int8), scales.astype(np.float32)


def read_checkpoint(path: Path) -> Model:
    """A version 0 file."""
    raw = path.read_bytes()
    d_model, d_mlp, n_layers, n_heads, n_kv_heads, vocab, n_positions = struct.unpack_from("<7i", raw)
    values = np.frombuffer(raw, dtype=np.float32, offset=28)
    weights = {}
    at = 0
    for name, shape in _shapes(d_model, d_mlp, n_layers, d_model // n_heads * n_kv_heads, abs(vocab)).items():
        weights[name] = values[at : at + np.prod(shape)].reshape(shape)
        at += weights[name].size
    at += n_positions * (d_model // n_heads)
    weights["head"] = weights["embed"] if vocab > 0 else values[at:].reshape(-vocab, d_model)
    return Model(n_heads, n_kv_heads, n_positions, weights)


def forward(model: Model, ids: list[int]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Logits [pos, vocab] and the stream after each block [pos, d_model], in float64."""
    w = {name: value.astype(np.float64) for name, value in model.weights.items()}
    x = w["embed"][ids]
    streams = []
    for i in range(len(w["wq"])):
        normalised = _norm(x, w["att_norm"][i])
        x = x + _attention(model, normalised, *(w[name][i] for name in ("wq", "wk", "wv"))) @ w["wo"][i].T
        normalised = _norm(x, w["ffn_norm"][i])
        gate = normalised @ w["w1"][i].T
        x = x + (gate / (1 + np.exp(-gate)) * (normalised @ w["w3"][i].T)) @ w["w2"][i].T
        streams.append(x)
    return _norm(x, w["norm"]) @ w["head"].T, streams


def _norm(x: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-5) * gain


def _attention(model: Model, x: np.ndarray, wq: np.ndarray, wk: np.ndarray, wv: np.ndarray) -> np.ndarray:
    pos = len(x)
    q = _rotate((x @ wq.T).reshape(pos, model.n_heads, -1))
    k = _rotate((x @ wk.T).reshape(pos, model.n_kv_heads, -1))
    v = (x @ wv.T).reshape(pos, model.n_kv_heads, -1)
    z = np.empty_like(q)
    for head in range(model.n_heads):
        kv = head // (model.n_heads // model.n_kv_heads)
        scores = q[:, head] @ k[:, kv].T / np.sqrt(q.shape[-1])
        scores[np.triu_indices(pos, 1)] = -np.inf
        pattern = np.exp(scores - scores.max(axis=-1, keepdims=True))
        z[:, head] = pattern / pattern.sum(axis=-1, keepdims=True) @ v[:, kv]
    return z.reshape(pos, -1)


def _rotate(x: np.ndarray) -> np.ndarray:
    """Each pair (2i, 2i + 1) of [pos, head, d_head] by pos / 10000^(2i / d_head)."""
    angles = np.arange(len(x))[:, None, None] / 10000 ** (np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([turned.real, turned.imag], axis=-1).reshape(x.shape)


def read_tokenizer(path: Path) -> tuple[list[bytes], list[float]]:
    """Pieces and scores as they are in the file."""
    raw = path.read_bytes()
    pieces, scores, at = [], [], 4
    while at < len(raw):
        score, size = struct.unpack_from("<fi", raw, at)
        pieces.append(raw[at + 8 : at + 8 + size])
        scores.append(score)
        at += 8 + size
    return pieces, scores


def encode(text: str, pieces: list[bytes], scores: list[float]) -> list[int]:
    """llama2.c's encode without BOS and EOS: the pair with the highest score merges first, the leftmost of equals."""
    ids = {piece: id for id, piece in enumerate(pieces)}
    tokens = [ids[b" "]] if text else []
    for character in text:
        raw = character.encode()
        tokens += [ids[raw]] if raw in ids else [byte + 3 for byte in raw]
    while True:
        merged = [ids.get(pieces[left] + pieces[right]) for left, right in itertools.pairwise(tokens)]
        known = [(-scores[id], at) for at, id in enumerate(merged) if id is not None]
        if not known:
            return tokens
        at = min(known)[1]
        tokens[at : at + 2] = [merged[at]]
