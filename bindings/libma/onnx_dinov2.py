"""A DINOv2 backbone and its saliency head, as exported to ONNX from transformers, become a Hugging Face folder.

Every size is read off the graph: the widths of its tensors, the grid of its positions, the heads of its reshapes.
"""

import json
import re
from pathlib import Path
from typing import Any

from .errors import FileError
from .onnx_graph import Array, Graph

HEAD_FILE = "saliency_head.safetensors"
_BACKBONE, _HEAD = "backbone.", "decoder."
_POSITIONS = "embeddings.position_embeddings"
_PATCHES = "embeddings.patch_embeddings.projection.weight"
_SHORTEST_EDGE = 256  # pixels, bicubic, before the crop that the graph's input asks for
_MEAN, _STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]  # ImageNet's, of red, green and blue


def write_folder(source: Path, folder: Path) -> None:
    """Writes config.json, preprocessor_config.json, model.safetensors (the tensors of transformers' Dinov2Model) and
    saliency_head.safetensors into `folder`, from the ONNX file `source`.

    Raises FileError for another graph, and for a tensor that no part of the model accounts for.
    """
    import safetensors.numpy

    graph = Graph(source)
    backbone, head = _sort_tensors(graph)
    config = _config(graph, backbone)
    _check_shapes(graph.name, backbone, config)
    safetensors.numpy.save_file(backbone, folder / "model.safetensors", metadata={"format": "pt"})
    norm = next(graph.of_type("BatchNormalization"), None)
    epsilon = graph.attribute(norm, "epsilon") if norm is not None else None
    if epsilon is None:
        raise FileError(f"[{graph.name}] has no saliency head: no batch norm with an epsilon")
    metadata = {"format": "pt", "batch_norm_eps": _decimal(epsilon)}
    safetensors.numpy.save_file(head, folder / HEAD_FILE, metadata=metadata)
    _write_json(config, folder / "config.json")
    _write_json(_preprocessor(graph), folder / "preprocessor_config.json")


def _sort_tensors(graph: Graph) -> tuple[dict[str, Array], dict[str, Array]]:
    """The tensors of the backbone and of the head by their names in PyTorch; no initialiser is left over."""
    import numpy

    named = {name: array for name, array in graph.tensors.items() if name.startswith((_BACKBONE, _HEAD))}
    used = set(named)
    for name, anonymous in graph.linear_weights():
        named[name] = graph.tensors[anonymous].T
        used.add(anonymous)
    if _BACKBONE + _POSITIONS not in named:
        table, parts = _positions(graph)
        named[_BACKBONE + _POSITIONS] = table
        used |= parts
    left = sorted(set(graph.tensors) - used)
    if left:
        raise FileError(
            f"[{graph.name}] holds tensors that a DINOv2 with a saliency head has not: {', '.join(left[:3])}"
        )
    split: dict[str, dict[str, Array]] = {
        prefix: {
            name.removeprefix(prefix): numpy.ascontiguousarray(array)
            for name, array in sorted(named.items())
            if name.startswith(prefix)
        }
        for prefix in (_BACKBONE, _HEAD)
    }
    return split[_BACKBONE], split[_HEAD]


def _positions(graph: Graph) -> tuple[Array, set[str]]:
    """The native table [1, 1 + grid * grid, d_model], which the exporter has cut into two constants, and their names:
    the patches' part, which is resized, and the class token's, which is joined to the result."""
    import numpy

    for resize in graph.of_type("Resize"):
        reshape = graph.before(resize, "Reshape")
        join = graph.after(resize, "Concat")
        if reshape is None or join is None or reshape.input[0] not in graph.tensors:
            continue
        first = [value for value in join.input if value in graph.tensors]
        if len(first) == 1:
            patches = graph.tensors[reshape.input[0]]
            table = numpy.concatenate([graph.tensors[first[0]], patches], axis=1)
            return table, {first[0], reshape.input[0]}
    raise FileError(f"[{graph.name}] resizes no table of positions; it is no DINOv2 of transformers")


def _config(graph: Graph, backbone: dict[str, Array]) -> dict[str, Any]:
    """config.json of a Dinov2Model with these tensors."""
    for name in (_PATCHES, "embeddings.cls_token", "encoder.layer.0.mlp.fc1.bias", "encoder.layer.0.norm1.weight"):
        if name not in backbone:
            raise FileError(f"[{graph.name}] has no tensor '{_BACKBONE}{name}'; it is no DINOv2 of transformers")
    d_model, channels, patch, _ = backbone[_PATCHES].shape
    layers = {int(found[1]) for name in backbone if (found := re.match(r"encoder\.layer\.(\d+)\.", name))}
    d_mlp = backbone["encoder.layer.0.mlp.fc1.bias"].shape[0]
    side = round((backbone[_POSITIONS].shape[1] - 1) ** 0.5)
    if next(graph.of_type("Erf"), None) is None:
        raise FileError(f"[{graph.name}] has another activation than gelu")
    if d_mlp % d_model:
        raise FileError(f"[{graph.name}] has {d_mlp} neurons in an MLP, no multiple of its width {d_model}")
    return {
        "architectures": ["Dinov2Model"],
        "model_type": "dinov2",
        "hidden_size": d_model,
        "num_hidden_layers": len(layers),
        "num_attention_heads": _n_heads(graph, d_model),
        "mlp_ratio": d_mlp // d_model,
        "hidden_act": "gelu",
        "layer_norm_eps": _norm_epsilon(graph),
        "image_size": side * patch,
        "patch_size": patch,
        "num_channels": channels,
        "qkv_bias": True,
        "use_swiglu_ffn": False,
        "use_mask_token": _BACKBONE + "embeddings.mask_token" in graph.tensors,
        "torch_dtype": "float32",
    }


def _n_heads(graph: Graph, d_model: int) -> int:
    """The last sizes but one of the shapes [batch, pos, head, d_head] that queries are given."""
    found = set()
    for node in graph.of_type("Add"):
        if not any(value.endswith("attention.query.bias") for value in node.input):
            continue
        reshape = graph.after(node, "Reshape")
        shape = graph.maker(reshape.input[1]) if reshape is not None else None
        constants = [graph.constant(value) for value in shape.input[-2:]] if shape is not None else []
        sizes = [int(size.reshape(())) for size in constants if size is not None and size.size == 1]
        if len(sizes) == 2:
            found.add(sizes[0] if sizes[0] * sizes[1] == d_model else 0)
    if len(found) != 1 or 0 in found:
        raise FileError(
            f"[{graph.name}] does not say how many heads it has: queries are not reshaped to [.., head, d_head]"
        )
    return found.pop()


def _norm_epsilon(graph: Graph) -> float:
    """What is added below the roots of the layer norms."""
    found = set()
    for root in graph.of_type("Sqrt"):
        added = graph.maker(root.input[0])
        is_sum = added is not None and added.op_type == "Add"
        values = [graph.constant(value) for value in added.input] if is_sum else []
        found |= {_decimal(value.reshape(())) for value in values if value is not None and value.size == 1}
    if len(found) != 1:
        raise FileError(f"[{graph.name}] has layer norms with {len(found)} epsilons; expected one")
    return float(found.pop())


def _decimal(value: Any) -> str:
    """The shortest decimal that is this float32."""
    import numpy

    return str(numpy.float32(value))


def _check_shapes(where: str, tensors: dict[str, Array], config: dict[str, Any]) -> None:
    """Raises FileError unless the tensors are just those of a Dinov2Model with this configuration."""
    d, mlp, patch = config["hidden_size"], config["hidden_size"] * config["mlp_ratio"], config["patch_size"]
    expected: dict[str, tuple[int, ...]] = {
        "embeddings.cls_token": (1, 1, d),
        _POSITIONS: (1, 1 + (config["image_size"] // patch) ** 2, d),
        _PATCHES: (d, config["num_channels"], patch, patch),
        _PATCHES.replace("weight", "bias"): (d,),
        "layernorm.weight": (d,),
        "layernorm.bias": (d,),
    }
    if config["use_mask_token"]:
        expected["embeddings.mask_token"] = (1, d)
    maps = {f"attention.attention.{part}": (d, d) for part in ("query", "key", "value")}
    maps |= {"attention.output.dense": (d, d), "mlp.fc1": (mlp, d), "mlp.fc2": (d, mlp)}
    for layer in range(config["num_hidden_layers"]):
        block = f"encoder.layer.{layer}."
        expected |= {f"{block}{name}.weight": shape for name, shape in maps.items()}
        expected |= {f"{block}{name}.bias": shape[:1] for name, shape in maps.items()}
        expected |= {f"{block}norm{i}.{part}": (d,) for i in (1, 2) for part in ("weight", "bias")}
        expected |= {f"{block}layer_scale{i}.lambda1": (d,) for i in (1, 2)}
    for name in sorted({*expected, *tensors}):
        shape = tensors[name].shape if name in tensors else None
        if shape != expected.get(name) or str(tensors[name].dtype) != "float32":
            raise FileError(
                f"[{where}] tensor '{name}': expected {expected.get(name, 'none')}, got {shape or 'none'}; "
                "it is no DINOv2 of transformers in float32"
            )


def _preprocessor(graph: Graph) -> dict[str, Any]:
    """preprocessor_config.json: the crop is the size that the graph takes."""
    height, width = graph.input_shape[-2:] or (0, 0)
    if not height or not width:
        raise FileError(f"[{graph.name}] does not say which size of image it takes")
    return {
        "image_processor_type": "BitImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": _SHORTEST_EDGE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": height, "width": width},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": _MEAN,
        "image_std": _STD,
    }


def _write_json(values: dict[str, Any], path: Path) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
