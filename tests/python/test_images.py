"""Images against Pillow and the recipes against transformers, byte for byte."""

import io
import json
import random
import tarfile
import warnings

import numpy as np
import pytest
import torch

import libma as ma

pytest.importorskip("PIL", reason="Pillow is not installed")
import images
from PIL import Image

FILTERS = {"bicubic": 3, "bilinear": 2, "box": 4, "hamming": 5, "lanczos": 1}


@pytest.fixture(scope="module")
def photos(reference_data):
    """The 40 photographs of the reference data and what Pillow makes of them."""
    paths = sorted(reference_data("images").glob("*.JPEG"))
    assert len(paths) == 40
    return [(path, Image.open(path).convert("RGB")) for path in paths]


def assert_same(actual: torch.Tensor, expected) -> None:
    expected = np.asarray(expected)
    assert actual.shape == expected.shape
    if not np.array_equal(actual.numpy(), expected):
        off = np.abs(actual.numpy().astype(int) - expected.astype(int))
        worst = np.unravel_index(off.argmax(), off.shape)
        raise AssertionError(f"{(off > 0).sum()} of {off.size} bytes differ, the worst by {off.max()} at {worst}")


def shortest(image: Image.Image, edge: int) -> tuple[int, int]:
    """(height, width) of torchvision's and transformers' resizing to a shortest edge."""
    width, height = image.size
    return (int(edge * height / width), edge) if width <= height else (edge, int(edge * width / height))


def read_bytes(tmp_path, data: bytes) -> torch.Tensor:
    path = tmp_path / "image"
    path.write_bytes(data)
    return ma.read_image(path)


def test_photographs_are_decoded_as_pillow_does(photos):
    for path, image in photos:
        assert_same(ma.read_image(path), image)


@pytest.mark.parametrize("edge", [224, 248, 518])
def test_photographs_are_resized_as_pillow_does(photos, edge):
    for _, image in photos:
        height, width = shortest(image, edge)
        assert_same(ma.resize_image(image, height, width), image.resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("name", FILTERS)
def test_any_size_is_resized_as_pillow_does(name):
    rng = random.Random(name)
    source = images.picture(150, 210)
    for _ in range(120):
        image = source.crop((0, 0, rng.randint(1, 210), rng.randint(1, 150)))
        height = image.height if rng.random() < 0.1 else rng.randint(1, 300)
        width = image.width if rng.random() < 0.1 else rng.randint(1, 300)
        assert_same(ma.resize_image(image, height, width, name), image.resize((width, height), FILTERS[name]))


@pytest.mark.parametrize("name", images.jpegs())
def test_jpeg_of_each_kind_is_decoded_as_pillow_does(tmp_path, name):
    data = images.jpegs()[name]
    assert_same(read_bytes(tmp_path, data), Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("depth", "color"), images.PNG_KINDS)
def test_png_of_each_kind_is_decoded_as_pillow_does(tmp_path, depth, color, interlaced):
    for height, width in [(1, 1), (3, 5), (16, 33), (1, 9), (9, 1), (2, 2)]:
        for transparent in (False, True):
            data = images.random_png(height, width, depth, color, interlaced=interlaced, transparent=transparent)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = Image.open(io.BytesIO(data)).convert("RGB")
            assert_same(read_bytes(tmp_path, data), expected)


def test_colours_that_a_palette_lacks_are_pillows(tmp_path):
    data = images.random_png(20, 20, 8, 3, palette=17)
    assert_same(read_bytes(tmp_path, data), Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_what_a_damaged_file_still_holds_is_what_pillow_reads(tmp_path, kind):
    """Where both read it. libjpeg and libpng refuse a little less or more than Pillow's own checks."""
    rng = random.Random(11)
    data = images.encoded(images.picture(), kind)
    n_read = n_split = 0
    for _ in range(300):
        copy = bytearray(data)
        copy[rng.randrange(len(copy))] ^= 1 << rng.randrange(8)
        try:
            expected = np.asarray(Image.open(io.BytesIO(copy)).convert("RGB"))
        except Exception:
            expected = None
        try:
            actual = read_bytes(tmp_path, bytes(copy))
        except ma.FileError:
            actual = None
        n_split += (actual is None) != (expected is None)
        if actual is not None and expected is not None:
            n_read += 1
            assert_same(actual, expected)
    assert n_split <= 6
    assert n_read > (50 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_file_is_an_error(tmp_path, kind):
    data = images.encoded(images.picture(), kind)
    for size in range(0, len(data) - 30, 97):
        with pytest.raises(ma.FileError, match="image"):
            read_bytes(tmp_path, data[:size])


def test_arrays_tensors_and_pil_images_are_taken_alike():
    image = images.picture()
    recipe = ma.ImageRecipe("timm-vit")
    pixels = torch.tensor(np.asarray(image))
    expected = ma.preprocess(pixels, recipe)
    assert expected.shape == (3, 224, 224) and expected.dtype == torch.float32
    for other in (image, np.asarray(image), np.asarray(image)[:, :, ::-1][:, :, ::-1], image.convert("RGBA")):
        assert torch.equal(ma.preprocess(other, recipe), expected)
    strided = pixels.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    assert torch.equal(ma.preprocess(strided, recipe), expected)
    assert ma.preprocess(image.convert("L"), recipe).shape == (3, 224, 224)


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), torch.zeros(4, 4, 4)])
def test_what_is_no_image_is_a_shape_error(wrong):
    with pytest.raises(ma.ShapeError, match="uint8"):
        ma.resize_image(wrong, 2, 2)


def test_sizes_that_cannot_be_are_errors():
    image = images.picture()
    with pytest.raises(ma.ConfigError, match="0 x 5"):
        ma.resize_image(image, 0, 5)
    with pytest.raises(ma.UnknownNameError, match="bicubic"):
        ma.resize_image(image, 5, 5, "bicubi")
    with pytest.raises(TypeError, match="PIL image"):
        ma.resize_image([1, 2], 5, 5)


@pytest.mark.parametrize("name", ma.image_recipe_names())
@pytest.mark.parametrize("size", [(300, 451), (451, 300), (225, 700), (61, 83), (700, 225)])
def test_named_recipes_are_torchvisions_transforms(name, size):
    """Resize and CenterCrop of torchvision's PIL backend, ToTensor and Normalize, written out."""
    recipe, image = ma.ImageRecipe(name), images.picture(*size)
    height, width = shortest(image, recipe.size[0]) if recipe.resize == "shortest_edge" else recipe.size
    resized = image.resize((width, height), FILTERS[recipe.resample])
    cropped = recipe.crop or (height, width)
    top, left = (round((have - want) / 2.0) for have, want in zip((height, width), cropped, strict=True))
    crop = resized.crop((left, top, left + cropped[1], top + cropped[0]))
    assert_same(ma.preprocess_pixels(image, recipe), crop)
    scaled = torch.tensor(np.asarray(crop)).permute(2, 0, 1).to(torch.float32).div(255)
    expected = scaled.sub(torch.tensor(recipe.mean).view(3, 1, 1)).div(torch.tensor(recipe.std).view(3, 1, 1))
    assert torch.equal(ma.preprocess(image, recipe), expected)


def processors():
    """Image processors of transformers that compute with Pillow, as released checkpoints set them, and small ones."""
    imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    dino = {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, **imagenet}
    return {
        "vit": ("vit", "ViT", {}),
        "vit small": ("vit", "ViT", {"size": {"height": 30, "width": 50}, "resample": 3}),
        "vit unscaled": ("vit", "ViT", {"do_rescale": False, "do_normalize": False}),
        "mae": ("vit", "ViT", {"resample": 3, **imagenet}),
        "deit": ("deit", "DeiT", imagenet),
        "clip": ("clip", "CLIP", {}),
        "clip odd": ("clip", "CLIP", {"size": {"shortest_edge": 61}, "crop_size": {"height": 58, "width": 57}}),
        "clip padded": ("clip", "CLIP", {"size": {"shortest_edge": 40}, "crop_size": {"height": 51, "width": 62}}),
        "clip uncropped": ("clip", "CLIP", {"do_center_crop": False, "resample": 1}),
        "clip unresized": ("clip", "CLIP", {"do_resize": False, "crop_size": {"height": 100, "width": 100}}),
        "dinov2": ("bit", "Bit", dino),
        "siglip": ("siglip", "Siglip", {"size": {"height": 256, "width": 256}}),
    }


@pytest.fixture(scope="module")
def processor_class():
    pytest.importorskip("transformers", reason="transformers is not installed")
    import importlib

    def find(family: str, stem: str):
        module = importlib.import_module(f"transformers.models.{family}.image_processing_pil_{family}")
        return getattr(module, f"{stem}ImageProcessorPil")

    return find


@pytest.mark.parametrize("name", processors())
def test_recipes_of_folders_are_transformers_own(tmp_path, processor_class, name):
    family, stem, settings = processors()[name]
    processor = processor_class(family, stem)(**settings)
    processor.save_pretrained(tmp_path)
    recipe = ma.ImageRecipe(tmp_path)
    for size in [(300, 451), (451, 300), (33, 150), (99, 98)]:
        image = images.picture(*size)
        expected = processor(image, return_tensors="pt")["pixel_values"][0].float()
        assert torch.equal(ma.preprocess(image, recipe), expected), size
        raw = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        assert_same(ma.preprocess_pixels(image, recipe), raw.transpose(1, 2, 0))


@pytest.mark.parametrize("name", ["vit", "clip", "dinov2"])
def test_photographs_go_through_transformers_recipes(tmp_path, photos, processor_class, name):
    family, stem, settings = processors()[name]
    processor = processor_class(family, stem)(**settings)
    processor.save_pretrained(tmp_path)
    recipe = ma.ImageRecipe(tmp_path)
    for path, image in photos:
        expected = processor(image, return_tensors="pt")["pixel_values"][0]
        assert torch.equal(ma.preprocess(ma.read_image(path), recipe), expected)


def test_old_files_mean_what_transformers_takes_them_for(tmp_path, processor_class):
    old = {"feature_extractor_type": "CLIPFeatureExtractor", "size": 60, "crop_size": 40, "resample": 2}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    recipe = ma.ImageRecipe(tmp_path)
    expected = processor_class("clip", "CLIP")(size=60, crop_size=40, resample=2)
    image = images.picture()
    assert torch.equal(ma.preprocess(image, recipe), expected(image, return_tensors="pt")["pixel_values"][0])
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({**old, "feature_extractor_type": "ViTFeatureExtractor"})
    )
    assert (ma.ImageRecipe(tmp_path).resize, ma.ImageRecipe(tmp_path).size) == ("exact", (60, 60))


def test_recipe_mistakes_are_errors(tmp_path):
    with pytest.raises(ma.UnknownNameError, match="timm-vit"):
        ma.ImageRecipe("timm-vti")
    with pytest.raises(ma.FileError, match="preprocessor_config.json"):
        ma.ImageRecipe(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text('{"image_processor_type": "LevitImageProcessor"}')
    with pytest.raises(ma.ConfigError, match="'LevitImageProcessor' is not supported; supported are ViTImageProcessor"):
        ma.ImageRecipe(tmp_path)


def test_imagenet_photographs_get_their_labels(reference_data, photos):
    synsets = reference_data("images/imagenet_labels/imagenet_synsets.txt")
    found = ma.ImageSet(photos[0][0].parent, class_names=synsets)
    assert found.names == [path.name for path, _ in photos]
    lines = synsets.read_text().split()
    assert [lines[label] for label in found.labels] == [name.split("_")[0] for name in found.names]
    assert_same(found.read(3), photos[3][1])


def test_cifars_archive_is_read_as_tarfile_reads_it(reference_data):
    path = reference_data("images/cifar10_test_jpeg.tar")
    found = ma.ImageSet(path, per_class=20)
    assert found.classes[0] == "airplane" and len(found.classes) == 10
    assert torch.bincount(found.labels).tolist() == [20] * 10
    with tarfile.open(path) as archive:
        for index in (0, 57, 199):
            member = archive.extractfile(f"test/{found.names[index]}")
            assert_same(found.read(index), Image.open(member).convert("RGB"))


def test_a_loader_gives_what_preprocess_gives(tmp_path):
    for i in range(11):
        folder = tmp_path / f"class{i % 2}"
        folder.mkdir(exist_ok=True)
        images.picture(60 + i, 70).save(folder / f"{i:02}.png")
    (tmp_path / "class1" / "99.webp").write_bytes(b"RIFF1234WEBPVP8 ")
    found, recipe = ma.ImageSet(tmp_path), ma.ImageRecipe("timm-vit")
    loader = ma.ImageLoader(found, recipe, batch=4, workers=3)
    indices, labels = [], []
    for batch in loader:
        for index, pixels in zip(batch.indices.tolist(), batch.pixels, strict=True):
            assert torch.equal(pixels, ma.preprocess(found.read(index), recipe))
        indices += batch.indices.tolist()
        labels += batch.labels.tolist()
    assert indices == list(range(11))
    assert labels == [0] * 6 + [1] * 5
    assert loader.n_read == 11
    assert len(loader.problems) == 1 and "a WebP image" in loader.problems[0]
