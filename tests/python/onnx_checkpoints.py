"""A tiny DINOv2 with a saliency head as an ONNX file: the operators and names of PyTorch's exporter, random weights."""

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

D_MODEL, HEADS, LAYERS, PATCH, SIDE, MLP_RATIO = 12, 3, 2, 4, 5, 2
CROP = (12, 16)  # pixels; the table of positions is one of SIDE x SIDE patches
CHANNELS = (D_MODEL, 8, 6, 4)  # of the head
EPSILON = 1e-3
_BACKBONE = "backbone."


@dataclass
class TinyOnnx:
    """Builds the graph node by node; every method returns the name of its last output."""

    nodes: list[Any] = field(default_factory=list)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def write(self, path: Path) -> Path:
        """The whole model; what is left of `features` after the last norm is the second output."""
        features = self.backbone("input_image")
        self.head(features)
        graph = helper.make_graph(
            self.nodes,
            "main_graph",
            [helper.make_tensor_value_info("input_image", TensorProto.FLOAT, ["batch_size", 3, *CROP])],
            [
                helper.make_tensor_value_info("output_importance", TensorProto.FLOAT, ["batch_size", 1, *CROP]),
                helper.make_tensor_value_info(features, TensorProto.FLOAT, ["batch_size", "pos", D_MODEL]),
            ],
            [numpy_helper.from_array(array, name) for name, array in self.tensors.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=7)
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: Any, dtype: type = np.float32) -> str:
        return self.op("Constant", value=numpy_helper.from_array(np.array(value, dtype=dtype)))

    def shape(self, *sizes: int) -> str:
        """A shape as the exporter joins it, one constant a size."""
        return self.op("Concat", *(self.constant([size], np.int64) for size in sizes), axis=0)

    def tensor(self, name: str, *shape: int, around: float = 0.0) -> str:
        self.tensors[name] = (around + 0.4 * self.random.standard_normal(shape)).astype(np.float32)
        return name

    def linear(self, x: str, name: str, n_in: int, n_out: int) -> str:
        """Its weight is transposed and has lost its name."""
        weight = self.tensor(f"onnx::MatMul_{1000 - len(self.tensors)}", n_in, n_out)
        bias = self.tensor(f"{name}.bias", n_out)
        return self.op("Add", bias, self.op("MatMul", x, weight))

    def norm(self, x: str, name: str) -> str:
        centred = self.op("Sub", x, self.op("ReduceMean", x, axes=[-1]))
        variance = self.op("ReduceMean", self.op("Pow", centred, self.constant(2.0)), axes=[-1])
        scale = self.op("Sqrt", self.op("Add", variance, self.constant(EPSILON)))
        normalized = self.op("Div", centred, scale)
        scaled = self.op("Mul", normalized, self.tensor(f"{name}.weight", D_MODEL, around=1.0))
        return self.op("Add", scaled, self.tensor(f"{name}.bias", D_MODEL))

    def embedding(self, pixels: str) -> str:
        name = f"{_BACKBONE}embeddings."
        weight = self.tensor(f"{name}patch_embeddings.projection.weight", D_MODEL, 3, PATCH, PATCH)
        bias = self.tensor(f"{name}patch_embeddings.projection.bias", D_MODEL)
        patches = self.op("Conv", pixels, weight, bias, kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
        patches = self.op("Transpose", self.op("Reshape", patches, self.shape(0, D_MODEL, -1)), perm=[0, 2, 1])
        tokens = self.op("Concat", self.tensor(f"{name}cls_token", 1, 1, D_MODEL), patches, axis=1)
        table = self.tensor("onnx::Reshape_7", 1, SIDE * SIDE, D_MODEL)
        square = self.op("Reshape", table, self.shape(1, SIDE, SIDE, D_MODEL))
        square = self.op("Transpose", square, perm=[0, 3, 1, 2])
        grid = [size // PATCH for size in CROP]
        options = {"coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75, "mode": "cubic"}
        resized = self.op("Resize", square, "", "", self.constant([1, D_MODEL, *grid], np.int64), **options)
        rows = self.op("Reshape", self.op("Transpose", resized, perm=[0, 2, 3, 1]), self.shape(1, -1, D_MODEL))
        positions = self.op("Concat", self.tensor("onnx::Concat_8", 1, 1, D_MODEL), rows, axis=1)
        return self.op("Add", tokens, positions)

    def attention(self, x: str, name: str) -> str:
        heads = {}
        for part in ("key", "value", "query"):  # not in the order of their names
            flat = self.linear(x, f"{name}attention.{part}", D_MODEL, D_MODEL)
            split = self.op("Reshape", flat, self.shape(0, 0, HEADS, D_MODEL // HEADS))
            heads[part] = self.op("Transpose", split, perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3])
        scale = self.constant((D_MODEL // HEADS) ** -0.5)
        scores = self.op("Mul", self.op("MatMul", heads["query"], heads["key"]), scale)
        z = self.op("MatMul", self.op("Softmax", scores, axis=-1), heads["value"])
        z = self.op("Reshape", self.op("Transpose", z, perm=[0, 2, 1, 3]), self.shape(0, 0, D_MODEL))
        return self.linear(z, f"{name}output.dense", D_MODEL, D_MODEL)

    def mlp(self, x: str, name: str) -> str:
        pre = self.linear(x, f"{name}fc1", D_MODEL, MLP_RATIO * D_MODEL)
        erf = self.op("Erf", self.op("Div", pre, self.constant(2**0.5)))
        post = self.op("Mul", self.op("Mul", pre, self.op("Add", erf, self.constant(1.0))), self.constant(0.5))
        return self.linear(post, f"{name}fc2", MLP_RATIO * D_MODEL, D_MODEL)

    def backbone(self, pixels: str) -> str:
        x = self.embedding(pixels)
        for layer in range(LAYERS):
            name = f"{_BACKBONE}encoder.layer.{layer}."
            out = self.attention(self.norm(x, f"{name}norm1"), f"{name}attention.")
            x = self.op("Add", self.op("Mul", out, self.tensor(f"{name}layer_scale1.lambda1", D_MODEL)), x)
            out = self.mlp(self.norm(x, f"{name}norm2"), f"{name}mlp.")
            x = self.op("Add", self.op("Mul", out, self.tensor(f"{name}layer_scale2.lambda1", D_MODEL)), x)
        return self.norm(x, f"{_BACKBONE}layernorm")

    def head(self, features: str) -> str:
        ends = (self.constant([value], np.int64) for value in (1, np.iinfo(np.int64).max, 1))
        patches = self.op("Transpose", self.op("Slice", features, *ends), perm=[0, 2, 1])
        x = self.op("Reshape", patches, self.shape(0, D_MODEL, CROP[0] // PATCH, CROP[1] // PATCH))
        for i, (n_in, n_out) in enumerate(itertools.pairwise(CHANNELS), start=1):
            name = f"decoder.upconv{i}"
            weight, bias = self.tensor(f"{name}.weight", n_in, n_out, 4, 4), self.tensor(f"{name}.bias", n_out)
            x = self.op("ConvTranspose", x, weight, bias, kernel_shape=[4, 4], strides=[2, 2], pads=[1, 1, 1, 1])
            norm = [
                self.tensor(f"decoder.bn{i}.{part}", n_out, around=1.0)
                for part in ("weight", "bias", "running_mean", "running_var")
            ]
            self.tensors[norm[-1]] = np.abs(self.tensors[norm[-1]])
            x = self.op("Relu", self.op("BatchNormalization", x, *norm, epsilon=EPSILON))
        x = self.op(
            "Conv", x, self.tensor("decoder.final_conv.weight", 1, 4, 1, 1), self.tensor("decoder.final_conv.bias", 1)
        )
        sizes = self.constant([1, 1, *CROP], np.int64)
        x = self.op("Resize", x, "", "", sizes, coordinate_transformation_mode="half_pixel", mode="linear")
        return self.op("Sigmoid", x, output="output_importance")
