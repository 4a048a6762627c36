"""The C++ readers against the `gguf` and `safetensors` packages, value for value.

The C++ side is the small binary `io_dump` of the build tree: `LIBMA_BUILD_DIR`, or `build` in the repository. Starting
it costs more than what it does, so the tests of a format share files.
"""

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

# Where the float16 scales of a block are, in bytes; MXFP4 and NVFP4 have scales of one byte, IQ1_M's is in four parts.
SCALES_AT: dict[str, tuple[int, ...]] = {
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
    "IQ1_S": (0,),
    "IQ1_M": (),
    "IQ2_XXS": (0,),
    "IQ2_XS": (0,),
    "IQ2_S": (0,),
    "IQ3_XXS": (0,),
    "IQ3_S": (0,),
    "IQ4_NL": (0,),
    "IQ4_XS": (0,),
    "TQ1_0": (52,),
    "TQ2_0": (64,),
    "MXFP4": (),
    "NVFP4": (),
}
USUAL_SCALES = np.random.default_rng(6).normal(0, 0.02, 500).astype(np.float16)
# Zeros, subnormals, the smallest normal and the largest numbers, and what is no number.
EXTREME_SCALES = np.array(
    [0.0, -0.0, 2**-24, -(2**-24), 1023 * 2**-24, 2**-14, 65504.0, -65504.0, 1.0, np.inf, -np.inf, np.nan],
    dtype=np.float16,
)
QUANTISABLE = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16", "TQ1_0", "TQ2_0", "MXFP4")
PLAIN = {
    "F32": np.float32,
    "F64": np.float64,
    "F16": np.float16,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
}
SAFETENSORS_DTYPES = (
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


def assert_same_bits(actual: bytes, expected) -> None:
    """Equal bit by bit in float32, except that any NaN equals any other."""
    got = np.frombuffer(actual, dtype=np.float32)
    want = np.ascontiguousarray(expected, dtype=np.float32).ravel()
    assert got.size == want.size
    differs = (got.view(np.uint32) != want.view(np.uint32)) & ~(np.isnan(got) & np.isnan(want))
    first = int(np.argmax(differs))
    assert not differs.any(), (
        f"{differs.sum()} of {got.size} differ, first at {first}: {got[first]!r} != {want[first]!r}"
    )


def random_blocks(encoding: str, scales, seed: int):
    """Rows of random blocks [row, byte] whose float16 scales are drawn from `scales`."""
    rng = np.random.default_rng(seed)
    _, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[encoding]]
    blocks = rng.integers(0, 256, size=(21 * 4, block_bytes), dtype=np.uint8)
    for at in SCALES_AT[encoding]:
        blocks[:, at : at + 2] = rng.choice(scales, size=(len(blocks), 1)).view(np.uint8)
    if encoding == "IQ1_M":  # the upper nibble of bytes 49, 51, 53 and 55
        bits = rng.choice(scales, size=len(blocks)).view(np.uint16)
        for part in range(4):
            byte = blocks[:, 49 + 2 * part]
            byte[:] = (byte & 15) | ((bits >> (4 * part)) & 15).astype(np.uint8) << 4
    if encoding == "MXFP4":  # powers of two: 2^-15 to 2^5, or the smallest and the largest that one byte can say
        powers = np.arange(112, 132) if scales is USUAL_SCALES else np.array([0, 1, 2, 127, 254, 255])
        blocks[:, 0] = rng.choice(powers, size=len(blocks))
    if encoding == "NVFP4":  # every byte
        blocks[:, :4] = rng.permutation(4 * len(blocks)).reshape(-1, 4) % 256
    return blocks.reshape(21, -1)


def write_gguf(path: Path, tensors: dict) -> Path:
    """Writes `tensors`: name -> (encoding, raw data)."""
    writer = gguf.GGUFWriter(path, "llama")
    for name, (encoding, data) in tensors.items():
        writer.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType[encoding])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def dequantized(encoding: str, data):
    with np.errstate(invalid="ignore", over="ignore"):
        if encoding in PLAIN:
            return data.astype(np.float32)
        return gguf.quants.dequantize(data, gguf.GGMLQuantizationType[encoding])


def build_gguf_tensors() -> dict:
    weights = np.random.default_rng(8).normal(0, 0.05, (64, 768)).astype(np.float32)
    integers = np.random.default_rng(10).normal(0, 50, (3, 5, 7))
    tensors = {}
    for seed, encoding in enumerate(SCALES_AT):
        tensors[f"usual.{encoding}"] = (encoding, random_blocks(encoding, USUAL_SCALES, seed))
        tensors[f"extreme.{encoding}"] = (encoding, random_blocks(encoding, EXTREME_SCALES, seed))
    for encoding in QUANTISABLE:
        quantised = gguf.quants.quantize(weights, gguf.GGMLQuantizationType[encoding])
        tensors[f"weights.{encoding}"] = (encoding, quantised)
    for encoding, dtype in PLAIN.items():
        tensors[f"plain.{encoding}"] = (encoding, integers.astype(dtype))
    return tensors


GGUF_TENSORS = build_gguf_tensors()
FINITE_GGUF_TENSORS = {name: value for name, value in GGUF_TENSORS.items() if not name.startswith("extreme")}


def test_blocks_of_every_encoding_that_gguf_dequantises_are_compared():
    theirs = {encoding.name for encoding in gguf.quants._type_traits}
    print("compared bit by bit:", ", ".join(sorted(theirs)))
    assert theirs == {*SCALES_AT, "BF16"}


@pytest.fixture(scope="module")
def gguf_as_float32(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gguf")
    return dump(write_gguf(folder / "a.gguf", GGUF_TENSORS), "float32", folder / "out")


@pytest.mark.parametrize("name", GGUF_TENSORS)
def test_gguf_tensors_become_float32_bit_by_bit(name, gguf_as_float32):
    shape, values = gguf_as_float32[name]
    expected = dequantized(*GGUF_TENSORS[name])
    assert shape == list(expected.shape)
    assert_same_bits(values, expected)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_gguf_tensors_are_rounded_from_float32_to_other_dtypes(dtype, tmp_path):
    tensors = dump(write_gguf(tmp_path / "a.gguf", FINITE_GGUF_TENSORS), dtype, tmp_path / "out")
    for name, (encoding, data) in FINITE_GGUF_TENSORS.items():
        exact = data if encoding in PLAIN else dequantized(encoding, data)
        expected = torch.from_numpy(np.ascontiguousarray(exact)).to(getattr(torch, dtype))
        assert tensors[name][1] == expected.flatten().view(torch.uint8).numpy().tobytes(), name


@pytest.fixture(scope="module")
def safetensors_file(tmp_path_factory):
    """A file with a tensor of random bytes [6, 5] of each dtype, named after it."""
    generator = torch.Generator().manual_seed(11)
    tensors = {"odd": torch.zeros(3, dtype=torch.uint8)}
    for dtype in SAFETENSORS_DTYPES:
        size = torch.empty(0, dtype=dtype).element_size()
        most = 2 if dtype == torch.bool else 256
        raw = torch.randint(0, most, (6, 5, size), dtype=torch.uint8, generator=generator)
        tensors[str(dtype)] = raw.view(dtype).reshape(6, 5)
    path = tmp_path_factory.mktemp("safetensors") / "a.safetensors"
    safetensors_torch.save_file(tensors, path)
    return path


@pytest.fixture(scope="module")
def safetensors_as_they_are(safetensors_file):
    return dump(safetensors_file, "own", safetensors_file.parent / "own")


@pytest.fixture(scope="module")
def safetensors_as_float32(safetensors_file):
    return dump(safetensors_file, "float32", safetensors_file.parent / "float32")


@pytest.mark.parametrize("dtype", SAFETENSORS_DTYPES, ids=str)
def test_safetensors_are_read(dtype, safetensors_file, safetensors_as_they_are, safetensors_as_float32):
    expected = safetensors_torch.load_file(safetensors_file)[str(dtype)]
    assert safetensors_as_they_are[str(dtype)] == ([6, 5], expected.view(torch.uint8).numpy().tobytes())
    assert_same_bits(safetensors_as_float32[str(dtype)][1], expected.to(torch.float32).numpy())


def test_smollm2_is_dequantised_bit_by_bit(smollm2_gguf, tmp_path):
    tensors = dump(smollm2_gguf, "float32", tmp_path / "out")
    reader = gguf.GGUFReader(smollm2_gguf)
    assert {tensor.name for tensor in reader.tensors} == set(tensors)
    for tensor in reader.tensors:
        shape, values = tensors[tensor.name]
        assert shape == [int(size) for size in reversed(tensor.shape)], tensor.name
        assert_same_bits(values, gguf.quants.dequantize(tensor.data, tensor.tensor_type))
