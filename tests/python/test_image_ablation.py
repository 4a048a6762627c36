"""Editing a vision model over images: against passes one by one and NumPy, and the binary as a user runs it."""

import csv
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("PIL")

import torch
import vision_families
from PIL import Image
from safetensors.torch import save_file

import libma as ma

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "build" / "experiments" / "image_ablation"
RECIPE = {
    "do_resize": True,
    "size": {"shortest_edge": 26},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 24, "width": 24},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.25, 0.25],
    "image_processor_type": "BitImageProcessor",
}
CONFIG = """
experiment: image_ablation
model: {{name: {model}, device: cpu}}
folder: {folder}
find: {{path: .}}
conditions:
  - original
  - {{name: zero, layer: 1, select: {{kind: top_k, positions: [0], count: 1}}, value: 0}}
  - {{name: fixed registers, fix_registers: measured}}
  - {{name: mean, layer: 1, select: {{kind: top_k, positions: [0], count: 1}}, value: mean}}
evaluate:
  - {{name: all, path: ., metrics: [cosine, nearest, knn, probe, top], k: 3}}
output: {output}
"""

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny classifier with registers, and how its images are prepared."""
    path = tmp_path_factory.mktemp("vision") / "model"
    path.mkdir()
    vision_families.write(path, "dinov2_with_registers", "classifier")
    (path / "preprocessor_config.json").write_text(json.dumps(RECIPE))
    return path


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Twenty noisy images of five classes, as the classifier has, of several sizes."""
    root = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for label in range(vision_families.N_CLASSES):
        (root / f"class{label}").mkdir()
        for i in range(4):
            noise = generator.integers(0, 90, (30 + 5 * i, 40, 3))
            noise[..., label % 3] += 120 + 20 * (label // 3)
            Image.fromarray(noise.astype(np.uint8)).save(root / f"class{label}" / f"{i}.png")
    return root


@pytest.fixture
def model(folder):
    return ma.load_vision_model(folder, device="cpu")


def pooled_of(model, images, edit=None):
    recipe = ma.ImageRecipe(str(model.files[0].parent))
    pixels = torch.stack([ma.preprocess(images.read(i), recipe) for i in range(len(images))])
    if edit is None:
        return model.forward(pixels)
    with model.add_hook(edit):
        return model.forward(pixels)


def test_metrics_equal_those_of_passes_one_by_one(model, images):
    loaded = ma.ImageSet(images)
    edit = ma.make_intervention("set_value", site="blocks.1.resid_post", select=ma.Selection.at([0], [3, 7]), value=0.0)
    conditions = [ma.Condition("original"), ma.Condition("zero", edit)]
    names = ["cosine", "nearest", "knn", "top"]
    table, left_out = ma.evaluate_images(model, conditions, loaded, metrics=names, k=3, batch=5)
    assert left_out == []
    outputs = [pooled_of(model, loaded), pooled_of(model, loaded, edit)]
    labels = np.array(list(loaded.labels))
    unit = [
        out.pooled.double().numpy() / np.linalg.norm(out.pooled.double().numpy(), axis=1)[:, None] for out in outputs
    ]
    similar = [rows @ rows.T - 3 * np.eye(len(rows)) for rows in unit]
    nearest = [each.argmax(axis=1) for each in similar]
    for row, out in enumerate(outputs):
        cosines = (unit[row] * unit[0]).sum(axis=1)
        assert table.at(row, "images cosine") == pytest.approx(cosines.mean(), abs=1e-6)
        assert table.at(row, "images lowest cosine") == pytest.approx(cosines.min(), abs=1e-6)
        kept = 100 * (nearest[row] == nearest[0]).mean()
        assert value_of(table.at(row, "images nearest kept")) == pytest.approx(kept)
        top = out.logits.argsort(dim=1, descending=True).numpy()
        assert value_of(table.at(row, "images top-1")) == pytest.approx(100 * (top[:, 0] == labels).mean())
        votes = np.stack([vote(similar[row][i], labels, 3) for i in range(len(labels))])
        assert value_of(table.at(row, "images k-NN accuracy")) == pytest.approx(100 * (votes == labels).mean())


def value_of(cell):
    return cell if isinstance(cell, float) else cell[0] if isinstance(cell, tuple) else cell.value


def vote(similarities, labels, k):
    votes = np.zeros(labels.max() + 1)
    for i in np.argsort(-similarities)[:k]:
        votes[labels[i]] += 1 + similarities[i] / 1000
    return votes.argmax()


def test_a_planted_activation_is_found_where_it_stands(model, images):
    def plant(x, _at):
        x = x.clone()
        x[:, 2, 5] = 50000  # the second register
        return x

    with model.add_hook("blocks.1.resid_post", plant):
        profile, _ = ma.find_massive_in_images(model, ma.ImageSet(images))
    site = profile.sites[0]
    assert profile.meets_criterion
    assert (site.dim, site.token_class, site.first_layer) == (5, "register:1", 1)
    top = profile.top()
    assert (top.positions, top.dims) == ([2], [5])
    assert profile.means.shape[1] == model.config.n_prefix + 1
    assert profile.means[1, 2, 5].item() == 50000


def test_the_most_extreme_entry_is_followed_through_the_blocks(model, images):
    def plant(x, at):
        x = x.clone()
        x[:, 0, 9] = 40.0 + at.layer  # below the criterion of 100
        return x

    with model.add_hook("blocks.*.resid_post", plant):
        profile, _ = ma.find_massive_in_images(model, ma.ImageSet(images))
    site = profile.sites[0]
    assert not profile.meets_criterion
    assert (site.dim, site.token_class) == (9, "cls")
    assert (site.first_layer, site.last_layer, profile.edit_layer) == (0, 2, 0)


def test_top_needs_a_classifier(tiny_vision_folder, images):
    model = ma.load_vision_model(tiny_vision_folder, device="cpu")
    recipe = ma.ImageRecipe("imagenet-224-whole")
    with pytest.raises(ma.ConfigError, match="no classifier for the metric 'top'"):
        ma.evaluate_images(model, [ma.Condition("original")], ma.ImageSet(images), recipe, metrics=["top"])


def test_top_needs_the_classes_of_the_classifier(model, images, tmp_path):
    for label in range(3):
        (tmp_path / f"class{label}").mkdir()
        (tmp_path / f"class{label}" / "0.png").write_bytes((images / f"class{label}" / "0.png").read_bytes())
    original = [ma.Condition("original")]
    with pytest.raises(ma.ConfigError, match="have 3 classes, the classifier 5"):
        ma.evaluate_images(model, original, ma.ImageSet(tmp_path), metrics=["top"])
    with pytest.raises(ma.ConfigError, match="have no classes"):
        ma.evaluate_images(model, original, ma.ImageSet(images / "class0"), metrics=["top"])
    with pytest.raises(ma.ConfigError, match="at least one condition"):
        ma.evaluate_images(model, [], ma.ImageSet(images), metrics=["knn"])


def write_head(path, width):
    generator = torch.Generator().manual_seed(width)
    weight, bias = (
        torch.randn(vision_families.N_CLASSES, width, generator=generator),
        torch.randn(5, generator=generator),
    )
    save_file({"weight": weight, "bias": bias}, path)
    return weight, bias


@pytest.mark.parametrize("width", [32, 64])
def test_a_head_from_a_file_classifies(model, images, tmp_path, width):
    weight, bias = write_head(tmp_path / "head.safetensors", width)
    loaded = ma.ImageSet(images)
    features = pooled_of(model, loaded).features
    patches = features[:, model.config.n_prefix :].mean(dim=1)
    read = torch.cat([features[:, 0], patches], dim=1)[:, :width]
    ranked = (read @ weight.T + bias).argsort(dim=1, descending=True)
    right = 100 * (ranked[:, 0] == loaded.labels).double().mean().item()
    own = pooled_of(model, loaded).logits.argmax(dim=1)
    assert not torch.equal(own, ranked[:, 0])
    for head in (tmp_path / "head.safetensors", ma.linear_head(tmp_path / "head.safetensors", model)):
        table, _ = ma.evaluate_images(model, [ma.Condition("original")], loaded, metrics=["top"], head=head)
        assert value_of(table.at(0, "images top-1")) == pytest.approx(right)


def test_a_head_that_does_not_fit_is_refused(model, images, tmp_path):
    write_head(tmp_path / "head.safetensors", 33)

    def evaluate(head, *metrics):
        ma.evaluate_images(model, [ma.Condition("original")], ma.ImageSet(images), metrics=metrics, head=head)

    with pytest.raises(ma.ConfigError, match="no head of a model of width 32"):
        evaluate(tmp_path / "head.safetensors", "top")
    with pytest.raises(ma.FileError, match="nowhere"):
        evaluate(tmp_path / "nowhere.safetensors", "top")
    write_head(tmp_path / "head.safetensors", 32)
    with pytest.raises(ma.ConfigError, match="a head is given, but the metric 'top'"):
        evaluate(tmp_path / "head.safetensors", "cosine")


def test_a_recipe_may_be_a_folder_or_a_name(model, folder, images):
    assert model.recipe.crop == (24, 24)
    loaded = ma.ImageSet(images)
    tables = [
        ma.evaluate_images(model, [ma.Condition("original")], loaded, recipe, metrics=["top", "knn"])[0].to_csv()
        for recipe in (None, folder, model.recipe)
    ]
    assert tables[0] == tables[1] == tables[2]
    with pytest.raises(ma.UnknownNameError, match="timm-vit"):
        ma.find_massive_in_images(model, loaded, "timm-vat")


def test_positions_outside_an_image_are_refused(model):
    stream = model.embed(torch.zeros(1, 3, 24, 24))
    with pytest.raises(ma.ShapeError, match="outside"):
        model.role(5, model.read_out(stream).grid)
    with pytest.raises(ma.ShapeError, match="outside"):
        model.role(-1, (4, 4))
    with pytest.raises(ma.ShapeError, match="not at hand"):
        model.read_out(stream).feature_map  # noqa: B018
    with pytest.raises(ma.ShapeError, match="patches behind them"):
        model.read_out(stream[:, :3])


def test_a_kept_position_table_is_the_callers_own(model):
    pixels = torch.zeros(1, 3, 24, 24)
    before = model.embed(pixels)
    _, cache = model.run_with_cache(pixels, "pos_embed")
    cache["pos_embed"].zero_()
    assert torch.equal(model.embed(pixels), before)


def test_pil_images_and_arrays_go_in_and_maps_come_out(model, images):
    with Image.open(images / "class0" / "0.png") as image:
        array = np.array(image)
        out = model.forward([image, image])
    assert out.features.shape[0] == 2
    assert out.grid == (4, 4)
    assert out.feature_map.shape == (2, 4, 4, 32)
    torch.testing.assert_close(model.forward(array).pooled, out.pooled[:1], rtol=0, atol=1e-6)
    _, cache = model.run_with_cache(array, "blocks.0.attn.pattern")
    from_cls = model.patch_map(cache["blocks.0.attn.pattern"][:, :, 0], out.grid, dim=-1)
    assert from_cls.shape == (1, 4, 4, 4)


def run(*arguments):
    if not BINARY.exists():
        pytest.skip("build/experiments/image_ablation is not built")
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def test_a_broken_image_is_counted_and_left_out(folder, images, tmp_path):
    root = tmp_path / "images"
    for path in sorted(images.rglob("*.png")):
        copy = root / path.relative_to(images)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (root / "class1" / "9.png").write_bytes((images / "class1" / "0.png").read_bytes()[:200])
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=folder, folder=root, output=tmp_path / "out"))
    done = run(config)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("9.png") == 2  # while looking, while measuring
    assert "1 of 21 images were left out" in done.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open(newline="")))
    assert [row["condition"] for row in rows] == ["original", "zero", "fixed registers", "mean"]
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["details"]["tasks"][0]["n_images"] == 20
    before = (tmp_path / "out" / "table.csv").read_bytes()
    again = run(config)
    assert "measured by an earlier run" in again.stderr
    assert (tmp_path / "out" / "table.csv").read_bytes() == before


def test_mistakes_get_a_line(folder, images, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=folder, folder=images, output=tmp_path / "out"))
    for change, message in (
        ("find.path=nowhere", "nowhere"),
        ("evaluate.0.metrics=[cosin]", "cosin"),
        ("conditions.1.layer=9", "conditions.1.layer: there is no block 9"),
        ("model.name=" + str(tmp_path), "model.safetensors"),
    ):
        done = run(config, "--set", change)
        assert done.returncode == 2, (change, done.stderr)
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert message in errors[0]
        done = run(config, "--set", change, "--dry-run")
        assert done.returncode == 2, (change, done.stderr)
        assert message in done.stderr
    assert not (tmp_path / "out" / "table.csv").exists()


def test_registers_are_fixed_to_their_means(folder, images, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG.format(model=folder, folder=images, output=tmp_path / "out"))
    done = run(config)
    assert done.returncode == 0, done.stderr
    rows = {row["condition"]: row for row in csv.DictReader((tmp_path / "out" / "table.csv").open(newline=""))}
    model = ma.load_vision_model(folder, device="cpu")
    recipe, loaded = ma.ImageRecipe(str(folder)), ma.ImageSet(images)
    pixels = torch.stack([ma.preprocess(loaded.read(i), recipe) for i in range(len(loaded))])
    original, cache = model.run_with_cache(pixels, "blocks.*.resid_pre")

    def fix(x, at):
        x = x.clone()
        registers = slice(1, model.config.n_prefix)
        x[:, registers] = cache[at.name][:, registers].mean(dim=0)
        return x

    with model.add_hook("blocks.*.resid_pre", fix):
        fixed = model.forward(pixels)
    cosine = torch.nn.functional.cosine_similarity(fixed.pooled.double(), original.pooled.double()).mean().item()
    assert float(rows["fixed registers"]["all cosine"]) == pytest.approx(cosine, abs=1e-6)
    assert cosine < 0.9999
