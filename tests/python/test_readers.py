"""The C++ readers against the `gguf` and `safetensors` packages, value for value.

The C++ side is the small binary `io_dump` of the build tree: `LIBMA_BUILD_DIR`, or `build` in the repository. A whole
model is compared too when `LIBMA_TEST_GGUF` names a GGUF file.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
gguf = pytest.importorskip("gguf")
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")

BUILD_DIR = Path(os.environ.get("LIBMA_BUILD_DIR", Path(__file__).parents[2] / "build"))
IO_DUMP = BUILD_DIR / "tests" / "io" / "io_dump"
pytestmark = pytest.mark.skipif(not IO_DUMP.exists(), reason=f"{IO_DUMP} has not been built")

# Where the float16 scales of a block are, in bytes.
SCALES_AT = {
    "Q4_0": (0,),
    "Q4_1": (0, 2),
    "Q5_0": (0,),
    "Q5_1": (0, 2),
    "Q8_0": (0,),
    "Q2_K": (80, 82),
    "Q3_K": (108,),
    "Q4_K": (0, 2),
    "Q5_K": (0, 2),
    "Q6_K": (208,),
}
EXTREME_SCALES = np.array(
    [0.0, -0.0, 2**-24, -(2**-24), 1023 * 2**-24, 2**-14, 65504.0, -65504.0, 1.0, np.inf, -np.inf, np.nan],
    dtype=np.float16,
)
PLAIN_DTYPES = {
    "F32": np.float32,
    "F64": np.float64,
    "F16": np.float16,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
}


def dump(path: Path, dtype: str, out: Path) -> dict[str, tuple[list[int], bytes]]:
    """Shape and raw bytes of every tensor of `path` as the C++ reader converts it to `dtype`."""
    out.mkdir()
    result = subprocess.run([IO_DUMP, path, dtype, out], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    tensors = {}
    for line in result.stdout.splitlines():
        number, rest = line.split(" ", 1)
        shape, name = rest[1:].split("] ", 1)
        sizes = [int(size) for size in shape.split(",")] if shape else []
        tensors[name] = (sizes, (out / f"{number}.bin").read_bytes())
    return tensors


def assert_same_bits(actual: bytes, expected: np.ndarray) -> None:
    """Equal bit by bit in float32, except that any NaN equals any other."""
    got = np.frombuffer(actual, dtype=np.float32)
    want = np.ascontiguousarray(expected, dtype=np.float32).ravel()
    assert got.size == want.size
    differs = (got.view(np.uint32) != want.view(np.uint32)) & ~(np.isnan(got) & np.isnan(want))
    first = int(np.argmax(differs))
    assert not differs.any(), (
        f"{differs.sum()} of {got.size} differ, first at {first}: {got[first]!r} != {want[first]!r}"
    )


def random_blocks(encoding: str, scales: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows of random blocks [row, byte] whose float16 scales are drawn from `scales`."""
    _, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[encoding]]
    blocks = rng.integers(0, 256, size=(21 * 4, block_bytes), dtype=np.uint8)
    for at in SCALES_AT[encoding]:
        blocks[:, at : at + 2] = rng.choice(scales, size=(len(blocks), 1)).view(np.uint8)
    return blocks.reshape(21, -1)


def write_gguf(path: Path, tensors: dict[str, tuple[str, np.ndarray]]) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    for name, (encoding, data) in tensors.items():
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[encoding])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def dequantized(data: np.ndarray, encoding: str) -> np.ndarray:
    with np.errstate(invalid="ignore", over="ignore"):
        return gguf.quants.dequantize(data, gguf.GGMLQuantizationType[encoding])


@pytest.mark.parametrize("encoding", SCALES_AT)
@pytest.mark.parametrize("kind", ["usual", "extreme"])
def test_random_blocks_are_dequantised_bit_by_bit(encoding: str, kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    scales = rng.normal(0, 0.02, 500).astype(np.float16) if kind == "usual" else EXTREME_SCALES
    data = random_blocks(encoding, scales, rng)
    path = write_gguf(tmp_path / "a.gguf", {"a": (encoding, data)})
    shape, values = dump(path, "float32", tmp_path / "out")["a"]
    expected = dequantized(data, encoding)
    assert shape == list(expected.shape)
    assert_same_bits(values, expected)


@pytest.mark.parametrize("encoding", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16"])
def test_quantised_weights_are_dequantised_bit_by_bit(encoding: str, tmp_path: Path) -> None:
    weights = np.random.default_rng(8).normal(0, 0.05, (64, 576)).astype(np.float32)
    data = gguf.quants.quantize(weights, gguf.GGMLQuantizationType[encoding])
    path = write_gguf(tmp_path / "a.gguf", {"a": (encoding, data)})
    shape, values = dump(path, "float32", tmp_path / "out")["a"]
    assert shape == [64, 576]
    assert_same_bits(values, dequantized(data, encoding))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("encoding", ["Q4_1", "Q6_K", "F32", "BF16"])
def test_other_dtypes_are_rounded_from_float32(encoding: str, dtype: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    if encoding in SCALES_AT:
        data = random_blocks(encoding, rng.normal(0, 0.02, 500).astype(np.float16), rng)
    else:
        data = gguf.quants.quantize(rng.normal(0, 1, (30, 96)).astype(np.float32), gguf.GGMLQuantizationType[encoding])
    path = write_gguf(tmp_path / "a.gguf", {"a": (encoding, data)})
    _, values = dump(path, dtype, tmp_path / "out")["a"]
    expected = torch.from_numpy(np.ascontiguousarray(dequantized(data, encoding))).to(getattr(torch, dtype))
    assert values == expected.flatten().view(torch.uint8).numpy().tobytes()


@pytest.mark.parametrize("encoding", PLAIN_DTYPES)
def test_plain_gguf_tensors_become_float32(encoding: str, tmp_path: Path) -> None:
    numpy_dtype = PLAIN_DTYPES[encoding]
    values = (np.random.default_rng(10).normal(0, 50, (3, 5, 7))).astype(numpy_dtype)
    path = write_gguf(tmp_path / "a.gguf", {"a": (encoding, values)})
    shape, got = dump(path, "float32", tmp_path / "out")["a"]
    assert shape == [3, 5, 7]
    assert_same_bits(got, values.astype(np.float32))


SAFETENSORS_DTYPES = [
    dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.uint16,
        torch.uint32,
        torch.uint64,
        torch.bool,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
    )
]


@pytest.mark.parametrize("dtype", SAFETENSORS_DTYPES, ids=str)
def test_safetensors_of_every_dtype_are_read(dtype: torch.dtype, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(11)
    size = torch.empty(0, dtype=dtype).element_size()
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (6, 5, size), dtype=torch.uint8, generator=generator)
    tensor = raw.view(dtype).reshape(6, 5)
    path = tmp_path / "a.safetensors"
    safetensors_torch.save_file({"a.weight": tensor, "pad": torch.zeros(3, dtype=torch.uint8)}, path)
    own = dump(path, "own", tmp_path / "own")
    assert own["a.weight"] == ([6, 5], raw.numpy().tobytes())
    _, values = dump(path, "float32", tmp_path / "float32")["a.weight"]
    assert_same_bits(values, safetensors_torch.load_file(path)["a.weight"].to(torch.float32).numpy())


def test_whole_model_is_dequantised_bit_by_bit(tmp_path: Path) -> None:
    path = os.environ.get("LIBMA_TEST_GGUF")
    if not path:
        pytest.skip("LIBMA_TEST_GGUF does not name a GGUF file")
    tensors = dump(Path(path), "float32", tmp_path / "out")
    reader = gguf.GGUFReader(path)
    assert {tensor.name for tensor in reader.tensors} == set(tensors)
    for tensor in reader.tensors:
        shape, values = tensors[tensor.name]
        assert shape == [int(size) for size in reversed(tensor.shape)], tensor.name
        assert_same_bits(values, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
