"""Images as Python holds them: tensors, numpy arrays and PIL images."""

from typing import TYPE_CHECKING, Any

from . import _extension
from .errors import ShapeError

if TYPE_CHECKING:
    from torch import Tensor

    from ._C import ImageRecipe


def preprocess(image: Any, recipe: "ImageRecipe") -> "Tensor":
    """A model's input, float32 [3, h, w]: the image resized, cropped, rescaled and normalised.

    Args:
        image: uint8 [height, width, 3], a tensor or a numpy array; or a PIL image, which is converted to RGB.
        recipe: What to do with it.

    Raises:
        ShapeError: When it is no such image.

    Example::

        >>> ma.preprocess(torch.zeros(300, 400, 3, dtype=torch.uint8), ma.ImageRecipe("timm-vit")).shape
        torch.Size([3, 224, 224])
    """
    return _extension.load()._preprocess(_as_tensor(image), recipe)


def preprocess_pixels(image: Any, recipe: "ImageRecipe") -> "Tensor":
    """What `preprocess` rescales and normalises: the image resized and cropped, uint8 [h, w, 3].

    Example::

        >>> ma.preprocess_pixels(torch.zeros(300, 400, 3, dtype=torch.uint8), ma.ImageRecipe("timm-vit")).shape
        torch.Size([224, 224, 3])
    """
    return _extension.load()._preprocess_pixels(_as_tensor(image), recipe)


def resize_image(image: Any, height: int, width: int, resample: str = "bicubic") -> "Tensor":
    """The bytes of Pillow's `Image.resize`, uint8 [height, width, 3].

    Args:
        image: As for `preprocess`.
        height: Pixels.
        width: Pixels.
        resample: "bicubic", "bilinear", "box", "hamming" or "lanczos".

    Raises:
        ShapeError: When it is no image.
        ConfigError: When height or width is less than 1.
        UnknownNameError: When there is no such filter.

    Example::

        >>> ma.resize_image(torch.zeros(30, 40, 3, dtype=torch.uint8), 15, 20).shape
        torch.Size([15, 20, 3])
    """
    return _extension.load()._resize_image(_as_tensor(image), height, width, resample)


def _as_tensor(image: Any) -> "Tensor":
    import numpy as np
    import torch

    if isinstance(image, torch.Tensor):
        return image
    if hasattr(image, "convert") and hasattr(image, "getbands"):  # a PIL image, without importing PIL
        return torch.from_numpy(np.array(image.convert("RGB")))
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8:
            raise ShapeError(f"[image] expected uint8 [height, width, 3], got {image.dtype} {list(image.shape)}")
        return torch.from_numpy(np.require(image, requirements=["C", "W"]))
    raise TypeError(f"expected a tensor, a numpy array or a PIL image, got {type(image).__name__}")


def pixels_of(model: Any, images: Any) -> "Tensor":
    """The model's input, [batch, 3, h, w], made of one image or several by the recipe of its checkpoint."""
    import torch

    recipe = model.recipe
    is_list = isinstance(images, list | tuple) or (isinstance(images, torch.Tensor) and images.dim() == 4)
    pixels = [preprocess(image, recipe) for image in (images if is_list else [images])]
    if len({tuple(each.shape) for each in pixels}) != 1:
        sizes = sorted({tuple(each.shape[1:]) for each in pixels})
        raise ShapeError(f"[images] expected images of one size after preprocessing, got {sizes or 'none'}")
    return torch.stack(pixels)
