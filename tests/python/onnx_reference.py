"""`dinov2-s-saliency` in onnxruntime: the output of each block, the last norm and the map, from the published file."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SHORTEST_EDGE, CROP = 256, 224  # pixels


@dataclass(frozen=True)
class OnnxRun:
    """What onnxruntime computes of some images, float32."""

    blocks: list[torch.Tensor]  # [batch, pos, d_model] after each block
    features: torch.Tensor  # the last of them after the last norm
    saliency: torch.Tensor  # [batch, height, width]


class OnnxReference:
    """The graph with its blocks' outputs exposed."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(str(path))
        made = {output for node in model.graph.node for output in node.output}
        blocks = {int(found[1]): name for name in made if (found := _BLOCK.fullmatch(name))}
        self._names = [blocks[layer] for layer in sorted(blocks)] + [_FEATURES]
        for name in self._names:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, pixels: torch.Tensor) -> OnnxRun:
        """`pixels` is float32 [batch, 3, 224, 224], normalised."""
        inputs = {self._session.get_inputs()[0].name: pixels.numpy()}
        saliency = self._session.get_outputs()[0].name
        *blocks, features, last = map(torch.from_numpy, self._session.run([*self._names, saliency], inputs))
        return OnnxRun(blocks, features, last.squeeze(1))


_BLOCK = re.compile(r"/backbone/encoder/layer\.(\d+)/Add_1_output_0")
_FEATURES = "/backbone/layernorm/Add_1_output_0"


def read_image(path: Path) -> torch.Tensor:
    """float32 [3, 224, 224]: shortest edge to 256 (the other rounded), bicubic, centre crop, ImageNet's mean and std."""
    image = Image.open(path).convert("RGB")
    ratio = SHORTEST_EDGE / min(image.size)
    image = image.resize((round(image.width * ratio), round(image.height * ratio)), Image.Resampling.BICUBIC)
    left, top = (image.width - CROP) // 2, (image.height - CROP) // 2
    values = np.asarray(image.crop((left, top, left + CROP, top + CROP)), dtype=np.float32) / 255
    values = (values - np.array(MEAN, dtype=np.float32)) / np.array(STD, dtype=np.float32)
    return torch.from_numpy(values).permute(2, 0, 1).contiguous()
