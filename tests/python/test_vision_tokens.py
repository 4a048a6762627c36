"""measure_tokens, cls_attention, register_means and fix_registers against torch on whole activations."""

import pytest
import torch

import libma as ma

LAYERS = 3


def pixels(count, side=24, seed=0):
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def registers(vision_folder):
    """A DINOv2 of 3 blocks, d_model 32, 4 heads, 4 registers, 4 x 4 patches, in float64."""
    return ma.load_vision_model(vision_folder("dinov2_with_registers", "four"), device="cpu", dtype="float64")


@pytest.fixture(scope="module")
def batches():
    """Three batches of two sizes: 5 images of 4 x 4 patches, 2 of 6 x 6."""
    return [pixels(3, seed=1), pixels(2, side=36, seed=2), pixels(2, seed=3)]


def activations(model, batches, site):
    """For each block, what passes at `site`: a list over batches."""
    caches = [model.run_with_cache(batch, f"blocks.*.{site}")[1] for batch in batches]
    return [[cache[f"blocks.{layer}.{site}"] for cache in caches] for layer in range(LAYERS)]


def test_norms_are_those_of_the_stream_after_each_block(registers, batches):
    norms = ma.measure_tokens(registers, batches).norms
    assert norms.kinds == ["cls", "register:0", "register:1", "register:2", "register:3", "patch"]
    assert norms.n_images == 7
    for layer, streams in enumerate(activations(registers, batches, "resid_post")):
        by_image = [image.norm(dim=-1) for stream in streams for image in stream]
        prefix = torch.stack([norm[:5] for norm in by_image])
        patches = torch.cat([norm[5:] for norm in by_image])
        for kind in range(6):
            expected = prefix[:, kind] if kind < 5 else patches
            stats = norms.layers[layer].kinds[kind]
            assert stats.count == len(expected)
            found = torch.tensor([stats.mean, stats.std, stats.min, stats.max], dtype=torch.float64)
            wanted = torch.stack([expected.mean(), expected.std(), expected.min(), expected.max()])
            torch.testing.assert_close(found, wanted)
        bins = norms.layers[layer].histogram(per_octave=4)
        for low, high, count in bins:
            assert count == ((patches >= low) & (patches < high)).sum().item()
        assert sum(count for *_, count in bins) == len(patches)


def test_patches_of_high_norm_are_counted_by_both_rules(registers, batches):
    threshold = 6.0
    norms = ma.measure_tokens(registers, batches, threshold=threshold, ratio=1.1).norms
    for layer, streams in enumerate(activations(registers, batches, "resid_post")):
        by_image = [image.norm(dim=-1)[5:] for stream in streams for image in stream]
        above = torch.tensor([(norm > threshold).sum() for norm in by_image])
        relative = torch.tensor([(norm > 1.1 * norm.median()).sum() for norm in by_image])
        block = norms.layers[layer]
        assert (block.above_threshold.patches, block.above_threshold.images) == (above.sum(), (above > 0).sum())
        assert (block.above_ratio.patches, block.above_ratio.images) == (relative.sum(), (relative > 0).sum())


def test_bimodality_agrees_with_scipy(registers, batches):
    stats = pytest.importorskip("scipy.stats")
    norms = ma.measure_tokens(registers, batches).norms
    for layer, streams in enumerate(activations(registers, batches, "resid_post")):
        logs = torch.cat([stream[:, 5:].norm(dim=-1).flatten() for stream in streams]).log().numpy()
        skewness, kurtosis = stats.skew(logs, bias=False), stats.kurtosis(logs, bias=False)
        assert norms.layers[layer].skewness == pytest.approx(skewness)
        assert norms.layers[layer].excess_kurtosis == pytest.approx(kurtosis)
        n = len(logs)
        bimodality = (skewness**2 + 1) / (kurtosis + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3)))
        assert norms.layers[layer].bimodality == pytest.approx(bimodality)


def test_planted_outliers_make_a_valley(registers):
    def plant(x, at):
        planted = x.clone()
        planted[:, 5:9] *= 100
        return planted

    images = pixels(40)
    with registers.add_hook("blocks.2.resid_post", plant):
        norms = ma.measure_tokens(registers, images).norms
    assert norms.layers[1].valley is None
    valley = norms.layers[2].valley
    assert valley.above == 4 * 40
    assert valley.low_mode < valley.at < valley.high_mode
    assert norms.layers[2].bimodality > 5 / 9


def test_attention_is_the_class_tokens_row_of_the_pattern(registers, batches):
    found = ma.cls_attention(registers, batches)
    assert found.layers == [0, 1, 2]
    assert found.n_images == 7
    for layer, patterns in enumerate(activations(registers, batches, "attn.pattern")):
        rows = [image[:, 0] for pattern in patterns for image in pattern]  # [head, key_pos] each
        prefix = torch.stack([row[:, :5] for row in rows]).mean(0)
        patches = torch.stack([row[:, 5:].sum(-1) for row in rows]).mean(0)
        torch.testing.assert_close(found.shares[layer], torch.cat([prefix, patches[:, None]], dim=1))
        torch.testing.assert_close(found.per_patch[layer], torch.stack([row[:, 5:].mean(-1) for row in rows]).mean(0))
    torch.testing.assert_close(found.shares.sum(-1), torch.ones(3, 4, dtype=torch.float64))


def test_only_the_asked_blocks_take_the_explicit_path(registers, batches):
    found = ma.cls_attention(registers, batches, layers=[2, 0])
    whole = ma.cls_attention(registers, batches)
    assert found.layers == [0, 2]
    torch.testing.assert_close(found.shares, whole.shares[[0, 2]])
    assert len(found.table().rows) == 2
    assert len(found.table(by_head=True).rows) == 8
    with pytest.raises(ma.ConfigError, match="no block 3"):
        ma.cls_attention(registers, batches, layers=[3])


def test_register_means_are_those_of_the_stream_before_each_block(registers, batches):
    found = ma.register_means(registers, batches)
    assert found.n_images == 7
    assert found.means.dtype == torch.float32
    for layer, streams in enumerate(activations(registers, batches, "resid_pre")):
        expected = torch.cat([stream[:, 1:5] for stream in streams]).mean(0)
        torch.testing.assert_close(found.means[layer], expected.float())


def test_one_pass_gives_what_the_parts_give(registers, batches):
    together = ma.measure_tokens(registers, batches, cls_attention=[1], register_means=True)
    assert torch.equal(together.register_means.means, ma.register_means(registers, batches).means)
    torch.testing.assert_close(together.cls_attention.shares, ma.cls_attention(registers, batches, layers=[1]).shares)
    alone = ma.measure_tokens(registers, batches)
    assert alone.cls_attention is None and alone.register_means is None
    assert together.norms.n_images == alone.norms.n_images == together.n_images == 7


def test_images_come_in_many_forms(registers):
    class Batch:
        def __init__(self, pixels):
            self.pixels = pixels

    images = pixels(5)
    calls = []
    whole = ma.register_means(
        registers, images, batch=2, progress=lambda stage, done, total: calls.append((done, total))
    ).means
    assert calls == [(0, 5), (2, 5), (4, 5), (5, 5)]
    for form in [images.split(2), iter(images), (Batch(part) for part in images.split(3))]:
        torch.testing.assert_close(ma.register_means(registers, form).means, whole)
    assert ma.register_means(registers, images[0]).n_images == 1
    with pytest.raises(TypeError, match="batches of pixels"):
        ma.register_means(registers, ["photo.jpg"])
    with pytest.raises(ma.ShapeError):
        ma.register_means(registers, [])
    with pytest.raises(ma.ConfigError, match="batch"):
        ma.register_means(registers, images, batch=0)


def test_models_without_registers_or_class_token(vision_folder):
    plain = ma.load_vision_model(vision_folder("dinov2", "plain"), device="cpu")
    with pytest.raises(ma.ConfigError, match="no registers"):
        ma.register_means(plain, pixels(1))
    with pytest.raises(ma.ShapeError, match="0 registers"):
        ma.fix_registers(plain, ma.RegisterMeans(torch.ones(3, 4, 32)))
    headless = ma.load_vision_model(vision_folder("siglip_vision_model", "no_head"), device="cpu")
    assert ma.measure_tokens(headless, pixels(1)).norms.kinds == ["patch"]
    with pytest.raises(ma.ConfigError, match="no class token"):
        ma.cls_attention(headless, pixels(1))


def test_fixed_registers_stand_at_the_input_of_every_block(registers, tmp_path):
    images = pixels(3)
    means = ma.register_means(registers, pixels(4, seed=9))
    fix = ma.fix_registers(registers, means)
    with registers.add_hook(fix):
        _, cache = registers.run_with_cache(images, "blocks.*.resid_pre")
        edited = registers.forward(images).features
    for layer in range(LAYERS):
        before = cache[f"blocks.{layer}.resid_pre"]
        assert torch.equal(before[:, 1:5], means.means[layer].double().expand(3, 4, 32))
    stream = registers.embed(images)
    for layer in range(LAYERS):  # by hand
        stream = stream.clone()
        stream[:, 1:5] = means.means[layer].double()
        stream = registers.run_blocks(stream, layer, layer + 1)
    torch.testing.assert_close(edited, registers.read_out(stream).features)
    assert not torch.allclose(edited, registers.forward(images).features)

    means.save(tmp_path / "means.safetensors")
    (tmp_path / "fix.yaml").write_text(
        "interventions:\n"
        "  - {kind: replace_tokens, layer: all, site: resid_pre, "
        "select: {kind: explicit, positions: [1, 2, 3, 4]}, "
        f"vectors: {tmp_path / 'means.safetensors'}}}\n"
    )
    loaded = ma.load_interventions(tmp_path / "fix.yaml")
    ma.save_interventions(tmp_path / "again.yaml", loaded)
    for edits in (loaded, ma.load_interventions(tmp_path / "again.yaml")):
        with registers.add_hook(edits[0]):
            assert torch.equal(registers.forward(images).features, edited)
