"""Test-time registers: added tokens, register neurons and their shift, against transformers with hooks of torch."""

import contextlib
from collections import defaultdict

import pytest

pytest.importorskip("transformers")

import numpy as np
import torch
from planted_neuron import plant_neuron
from vision_families import SIZES, random_pixels
from vision_reference import load_reference, run_output, run_reference
from vision_watch import backbone, layout_of

import libma as ma

pytestmark = pytest.mark.usefixtures("one_thread")

PREFIX = {  # tokens before the patches, without added ones
    ("vit", "pooler"): 1,
    ("vit", "classifier"): 1,
    ("deit", "teacher"): 2,
    ("dinov2", "swiglu_classifier"): 1,
    ("dinov2_with_registers", "classifier"): 3,
    ("clip", "both_towers"): 1,
    ("clip_vision_model", "projection"): 1,
    ("siglip", "classifier"): 0,
    ("siglip_vision_model", "head"): 0,
}
NEURONS = [(0, 3), (0, 17), (1, 5)]


def replaced(values, others):
    """What tokens with `values` of one neuron get."""
    if others == "zero":
        return [0.0] * len(values)
    if others == "mean":
        lowest = sorted(values, key=abs)[: int(0.75 * len(values))]
        return [sum(lowest) / len(lowest)] * len(values)
    if others == "only_outliers":
        sizes = np.abs(values)
        bound = sizes.mean() + sizes.std(ddof=1)
        return [np.mean(values) if abs(value) > bound else value for value in values]
    return values


def shifted(x, neurons, to, keep, others):
    """`x` [batch, pos, d_mlp] with the neurons moved to the tokens `to`."""
    y = x.clone()
    rest = [token for token in range(x.shape[1]) if token not in to and token not in keep]
    for row in range(len(x)):
        for neuron in neurons:
            values = x[row, :, neuron].tolist()
            y[row, rest, neuron] = torch.tensor(replaced([values[token] for token in rest], others), dtype=x.dtype)
            y[row, to, neuron] = max(values, key=abs)
    return y


class Reference:
    """transformers with tokens of zeros behind the first `at`, and neurons shifted to them."""

    def __init__(self, folder, at, n, neurons=(), keep=(), others="zero"):
        self.model = load_reference(folder, torch.float64)
        self.at, self.n = at, n
        self.streams = []
        module = backbone(self.model)
        layout = layout_of(self.model.config)
        module.get_submodule("embeddings").register_forward_hook(lambda _m, _a, out: self.with_zeros(out))
        by_layer = defaultdict(list)
        for layer, neuron in neurons:
            by_layer[layer].append(neuron)
        to = list(range(at, at + n))
        for layer, dims in by_layer.items():
            down = module.get_submodule(f"{layout.block.format(layer)}.{layout.down}")
            down.register_forward_pre_hook(lambda _m, a, dims=dims: (shifted(a[0], dims, to, keep, others),))
        for layer in range(3):
            module.get_submodule(layout.block.format(layer)).register_forward_hook(
                lambda _m, _a, out: self.streams.append(out[0] if isinstance(out, tuple) else out)
            )
        self.norm = module.get_submodule(layout.ln_final)

    def with_zeros(self, x):
        return torch.cat([x[:, : self.at], x.new_zeros(len(x), self.n, x.shape[2]), x[:, self.at :]], dim=1)

    def run(self, pixels):
        run_output(self.model, pixels)
        with torch.no_grad():
            return self.streams, self.norm(self.streams[-1])

    def pooled(self, case, features):
        """What the family's head reads; the added tokens are not for it."""
        patches = features[:, self.at + self.n :]
        if case == ("siglip_vision_model", "head"):
            return self.model.head(patches)
        if case == ("siglip", "classifier"):
            return patches.mean(dim=1)
        if case == ("vit", "pooler"):
            return self.model.pooler(features)
        if case == ("deit", "teacher"):
            return features[:, :2].flatten(1)
        if case[0].startswith("dinov2"):
            return torch.cat([features[:, 0], patches.mean(dim=1)], dim=1)
        return features[:, 0]


def assert_equal(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9 * expected.abs().max().item())


def check(folder, case, size, n, neurons=(), keep=(), others="zero"):
    reference = Reference(folder, PREFIX[case], n, neurons, [0] if keep else [], others)
    pixels = random_pixels(2, 3, size).double()
    streams, features = reference.run(pixels)
    model = ma.load_vision_model(folder, device="cpu", dtype="float64", n_test_registers=n)
    edits = ma.test_time_registers(model, list(neurons), others=others, keep=list(keep)) if neurons else []
    with contextlib.ExitStack() as stack:
        for edit in edits:
            stack.enter_context(model.add_hook(edit))
        out, cache = model.run_with_cache(pixels, "blocks.*.resid_post")
    for layer, stream in enumerate(streams):
        assert_equal(cache[f"blocks.{layer}.resid_post"], stream)
    assert_equal(out.features, features)
    with torch.no_grad():
        assert_equal(out.pooled, reference.pooled(case, features))
    rows, columns = out.grid
    assert torch.equal(out.feature_map.flatten(1, 2), out.features[:, PREFIX[case] + n :])
    assert out.features.shape[1] == PREFIX[case] + n + rows * columns


@pytest.mark.parametrize("size", ["native", "wide"])
@pytest.mark.parametrize("case", PREFIX, ids="-".join)
def test_shifted_neurons_equal_transformers(vision_folder, case, size):
    check(vision_folder(*case), case, SIZES[size], 1, NEURONS)


@pytest.mark.parametrize("case", PREFIX, ids="-".join)
def test_zeros_alone_equal_transformers(vision_folder, case):
    check(vision_folder(*case), case, SIZES["native"], 2)


@pytest.mark.parametrize("others", ["zero", "mean", "only_outliers", "same"])
@pytest.mark.parametrize("keep", [(), ("cls",)], ids=["all", "keep_cls"])
def test_what_other_tokens_get(vision_folder, others, keep):
    case = ("dinov2", "swiglu_classifier")  # its activations have both signs
    check(vision_folder(*case), case, SIZES["native"], 2, NEURONS, keep, others)


def test_the_order_of_tokens_and_their_names(vision_folder):
    model = ma.load_vision_model(vision_folder("dinov2_with_registers", "classifier"), n_test_registers=2)
    assert model.config.token_kinds == ["cls", "register:0", "register:1", "register:2", "register:3", "patch"]
    assert (model.config.n_registers, model.config.n_test_registers, model.config.n_prefix) == (4, 2, 5)
    assert [model.role(at, (4, 4)) for at in (3, 4, 5)] == ["register:2", "register:3", "patch:0,0"]
    assert not model.embed(torch.ones(1, 3, 24, 24))[:, 3:5].any()
    siglip = ma.load_vision_model(vision_folder("siglip_vision_model", "head"), n_test_registers=1)
    assert siglip.position("register:0", (4, 4)) == 0


def by_hand(kept, at, detect, highest, rule):
    """Mean magnitudes [layer, neuron] at outliers and elsewhere, images weighing alike; counts of patches and images."""
    norms = kept[f"blocks.{detect}.resid_post"][:, at:].norm(dim=2)
    outlier = norms > (
        rule["threshold"] if "threshold" in rule else rule["ratio"] * norms.median(dim=1).values[:, None]
    )
    images = [image for image in range(len(norms)) if outlier[image].any()]
    sides = []
    for mask in (outlier, ~outlier):
        layers = [kept[f"blocks.{layer}.mlp.post"][:, at:].abs() for layer in range(highest + 1)]
        sides.append(
            torch.stack([torch.stack([x[i][mask[i]].mean(dim=0) for i in images]).mean(dim=0) for x in layers])
        )
    return *sides, int(outlier.sum()), len(images)


@pytest.mark.parametrize(
    ("case", "rule", "layers"),
    [
        (("vit", "pooler"), {"ratio": 1.15}, {"detect_layer": -2}),
        (("vit", "pooler"), {"ratio": 1.2}, {"detect_layer": 0, "highest_layer": -1}),
        (("deit", "teacher"), {"ratio": 1.15}, {"detect_layer": -1, "highest_layer": 0}),
        (("dinov2_with_registers", "classifier"), {"ratio": 1.15}, {"detect_layer": 2}),
        (("siglip_vision_model", "head"), {"threshold": 55.0}, {"detect_layer": 1}),
    ],
    ids=lambda value: "-".join(map(str, value.values() if isinstance(value, dict) else value)),
)
def test_neurons_equal_those_found_with_transformers(vision_folder, case, rule, layers):
    folder = vision_folder(*case)
    pixels = random_pixels(12, 3, SIZES["native"])
    kept = run_reference(load_reference(folder, torch.float64), pixels).kept
    detect, highest = layers["detect_layer"] % 3, layers.get("highest_layer", layers["detect_layer"]) % 3
    at_outliers, elsewhere, n_outliers, n_images = by_hand(kept, PREFIX[case], detect, highest, rule)
    assert 0 < n_images < 12, "some images must have an outlier, and some none"
    model = ma.load_vision_model(folder, device="cpu", dtype="float64")
    for batch in (5, 12):
        found = ma.find_register_neurons(model, pixels, top_k=7, batch=batch, **rule, **layers)
        assert (found.n_images, found.n_outlier_images, found.n_patches) == (12, n_images, 12 * 16)
        assert (found.n_outliers, found.detect_layer, found.highest_layer) == (n_outliers, detect, highest)
        assert_equal(found.at_outliers, at_outliers)
        assert_equal(found.elsewhere, elsewhere)
        order = at_outliers.flatten().argsort(descending=True)[:7]
        width = at_outliers.shape[1]
        assert [(n.layer, n.neuron) for n in found.neurons] == [(int(i) // width, int(i) % width) for i in order]
        assert found.neurons[0].ratio == pytest.approx((at_outliers / elsewhere).flatten()[order[0]].item(), rel=1e-9)
        assert len(found.table().rows) == 7
    norms = kept[f"blocks.{detect}.resid_post"][:, PREFIX[case] :].norm(dim=2)
    assert found.max_norm == pytest.approx(norms.max().item(), rel=1e-9)
    assert found.max_ratio == pytest.approx((norms / norms.median(dim=1, keepdim=True).values).max().item(), rel=1e-9)


@pytest.fixture(scope="module")
def planted(vision_folder, tmp_path_factory):
    """A model whose neuron 7 of block 1 makes some patches long, and images where it does."""
    images = random_pixels(16, 3, SIZES["native"], seed=5)
    return plant_neuron(vision_folder("vit", "pooler"), tmp_path_factory.mktemp("planted"), images), images


def test_outliers_move_to_the_added_token(planted):
    folder, images = planted
    model = ma.load_vision_model(folder, device="cpu")
    found = ma.find_register_neurons(model, images, detect_layer=1, top_k=1)
    assert [(n.layer, n.neuron) for n in found.neurons] == [(1, 7)]
    assert found.n_outliers > 0
    before = ma.measure_tokens(model, images).norms.layers[1]
    assert before.above_ratio.patches == found.n_outliers
    model = ma.load_vision_model(folder, device="cpu", n_test_registers=1)
    [edit] = ma.test_time_registers(model, found)
    assert edit.describe() == "shift_neurons to [1], others zero at blocks.1.mlp.post: all positions x dims [7]"
    with model.add_hook(edit):
        after = ma.measure_tokens(model, images).norms.layers[1]
    assert after.above_ratio.patches == 0
    assert after.kinds[-1].max < before.kinds[-1].max / 5  # patches
    assert after.kinds[1].max > before.kinds[-1].max / 2  # the register
    [same] = ma.test_time_registers(model, found.neurons)
    assert same.describe() == edit.describe()


def test_without_outliers_there_are_no_neurons(vision_folder):
    model = ma.load_vision_model(vision_folder("vit", "pooler"), device="cpu", n_test_registers=1)
    found = ma.find_register_neurons(model, random_pixels(3, 3, SIZES["native"]), threshold=1e6)
    assert (found.neurons, found.n_outliers, found.n_images) == ([], 0, 3)
    assert found.max_norm < 1e6
    assert "above 1e+06 after block 1 (layer 2): 0 of 48" in repr(found)
    with pytest.raises(ma.ConfigError, match="no neurons"):
        ma.test_time_registers(model, found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": -1}, "'ratio' is -1"),
        ({"threshold": float("nan")}, "'threshold' is nan"),
        ({"detect_layer": 3}, "no block 3; use -3 to 2"),
        ({"highest_layer": -4}, "no block -4; use -3 to 2"),
        ({"top_k": 0}, "'top_k' is 0; give 1 to 96"),
        ({"top_k": 97}, "'top_k' is 97; give 1 to 96"),
        ({"batch": 0}, "batch"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line(vision_folder, options, message):
    model = ma.load_vision_model(vision_folder("vit", "pooler"), device="cpu")
    with pytest.raises(ma.ConfigError, match=message) as raised:
        ma.find_register_neurons(model, random_pixels(1, 3, SIZES["native"]), **options)
    assert "\n" not in str(raised.value)


def test_what_does_not_fit_is_one_line(vision_folder, tiny_folder):
    folder = vision_folder("vit", "pooler")
    for count in (-1, 65):
        with pytest.raises(ma.ConfigError, match=f"is {count}; give 0 to 64"):
            ma.load_vision_model(folder, n_test_registers=count)
    plain = ma.load_vision_model(folder, device="cpu")
    with pytest.raises(ma.ConfigError, match="no test-time registers"):
        ma.test_time_registers(plain, NEURONS)
    model = ma.load_vision_model(folder, device="cpu", n_test_registers=1)
    with pytest.raises(ma.ConfigError, match="no neuron 48 in block 0"):
        ma.test_time_registers(model, [(0, 48)])
    with pytest.raises(ma.UnknownNameError, match="nearest: zero"):
        ma.test_time_registers(model, NEURONS, others="zeros")
    with pytest.raises(ma.UnknownNameError, match="distillation"):
        ma.test_time_registers(model, NEURONS, keep=["distillation"])
    with pytest.raises(ma.ConfigError, match="both"):
        ma.test_time_registers(model, NEURONS, keep=["register:0"])


def test_edits_stand_in_a_file(planted, tmp_path):
    folder, images = planted
    model = ma.load_vision_model(folder, device="cpu", n_test_registers=1)
    [edit] = ma.test_time_registers(model, [(1, 7)], others="mean", keep=["cls"])
    ma.save_interventions(tmp_path / "shift.yaml", [edit])
    [loaded] = ma.load_interventions(tmp_path / "shift.yaml")
    assert loaded.describe() == edit.describe()
    with model.add_hook(edit):
        expected = model.forward(images).features
    with model.add_hook(loaded):
        assert torch.equal(model.forward(images).features, expected)
