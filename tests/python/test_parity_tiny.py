"""libma against transformers on tiny random checkpoints: every activation, both attentions, four dtypes, padding."""

import functools
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch
from checkpoints import POSITIONS, VOCAB
from families import CONFIGURATIONS, FAMILIES
from hf_reference import first_difference, load_reference, rounding_ratio, run_reference
from safetensors.torch import save_file

import libma as ma

pytestmark = pytest.mark.usefixtures("one_thread")

LENGTH = 24
HALF_RATIO = {"mixtral": 2.0}  # rounding can choose another expert; elsewhere 1.25
MODELS = Path(__file__).resolve().parents[2] / "libma" / "models"


def random_ids(*shape, seed=1):
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def is_known(tmp_path_factory):
    """Whether libma has a `model_type` in its list of architectures."""

    @functools.cache
    def ask(model_type: str) -> bool:
        folder = tmp_path_factory.mktemp(model_type)
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        save_file({"unused": torch.zeros(1)}, folder / "model.safetensors")
        try:
            ma.load_model(folder, device="cpu")
        except ma.Error as error:  # the configuration lacks the rest
            return "no architecture named" not in str(error)
        raise AssertionError("a model of one unused tensor was loaded")

    return ask


class Case:
    """A checkpoint, and what transformers makes of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.load = functools.cache(functools.partial(load_reference, folder))
        self.activations = functools.cache(lambda dtype: run_reference(self.load(dtype), random_ids(2, LENGTH)))


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids="-".join)
def case(request, is_known, family_folder):
    model_type, name = request.param
    if not is_known(model_type):
        pytest.skip(f"libma does not know the model_type '{model_type}'")
    return Case(family_folder(model_type, name))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_activation_equals_transformers(case, dtype):
    ids = random_ids(2, LENGTH)
    reference = case.activations(dtype)
    model = ma.load_model(case.folder, device="cpu", dtype=dtype)
    names = model.hook_names()
    assert set(reference) <= set(names)
    _, explicit = model.run_with_cache(ids, names)
    assert first_difference(explicit, reference, names, dtype) is None
    fused_names = [name for name in names if not name.endswith(("attn_scores", "pattern"))]
    _, fused = model.run_with_cache(ids, fused_names)
    assert first_difference(fused, reference, fused_names, dtype) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_rounds_no_more_than_transformers(case, dtype):
    ids = random_ids(16, LENGTH)
    model = load_reference(case.folder, dtype, attention="sdpa")
    with torch.no_grad():
        theirs = model(ids).logits
        exact = model.double()(ids).logits  # the same rounded weights
    logits = ma.load_model(case.folder, device="cpu", dtype=dtype).forward(ids)
    assert rounding_ratio(logits, theirs, exact) < HALF_RATIO.get(model.config.model_type, 1.25)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_rows_equal_single_rows(case, side):
    lengths = (LENGTH, 5, 17)
    rows = [random_ids(length, seed=length) for length in lengths]
    ids = torch.zeros(len(rows), LENGTH, dtype=torch.int64)
    mask = torch.zeros(len(rows), LENGTH, dtype=torch.bool)
    for i, row in enumerate(rows):
        columns = slice(LENGTH - len(row), LENGTH) if side == "left" else slice(0, len(row))
        ids[i, columns] = row
        mask[i, columns] = True
    model = ma.load_model(case.folder, device="cpu", dtype=torch.float64)
    logits = model.forward(ids, mask)
    for i, row in enumerate(rows):
        torch.testing.assert_close(logits[i, mask[i]], model.forward(row)[0], rtol=0, atol=1e-9)


def test_a_long_row_may_fill_all_positions(case):
    ids = random_ids(1, POSITIONS)
    with torch.no_grad():
        reference = case.load(torch.float32)(ids).logits
    logits = ma.load_model(case.folder, device="cpu").forward(ids)
    torch.testing.assert_close(logits, reference, rtol=0, atol=5e-5 * max(1, reference.abs().max().item()))


def test_every_architecture_is_compared(is_known):
    """Prints which file reads which model_type (`pytest -s`)."""
    listed = re.findall(r"^LIBMA_BUILTIN\((\w+)\)", (MODELS / "builtin.def").read_text(), re.MULTILINE)
    texts = {name: (MODELS / f"{name}.cpp").read_text() for name in listed}
    sources = {name: text for name, text in texts.items() if "VisionFormat" not in text and ".vision = " not in text}
    table = {
        model_type: [
            f"libma/models/{name}.cpp"
            for name, text in sources.items()
            if f'add("{model_type}"' in "".join(text.split())
        ]
        for model_type in FAMILIES
        if is_known(model_type)
    }
    print("\n" + "\n".join(f"{model_type} -> {', '.join(files)}" for model_type, files in table.items()))
    assert all(table.values())
    assert {file for files in table.values() for file in files} == {f"libma/models/{name}.cpp" for name in sources}
