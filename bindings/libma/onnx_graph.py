"""An ONNX graph as its initialisers and who makes and takes what: enough to find weights whose names are lost."""

import importlib.util
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import FileError

Array = Any  # numpy.ndarray


def require_onnx(where: str) -> None:
    """Raises FileError when a package that reading and rewriting an ONNX file takes is not installed."""
    for package in ("onnx", "safetensors"):
        if importlib.util.find_spec(package) is None:
            raise FileError(f"[{where}] needs {package}; run: {sys.executable} -m pip install onnx safetensors")


class Graph:
    """The main graph of an ONNX file."""

    def __init__(self, path: Path) -> None:
        """Reads the file. Raises FileError when it is damaged or no ONNX file."""
        require_onnx(path.name)
        import onnx

        self.name = path.name
        try:
            graph = onnx.load(str(path)).graph
            self.tensors: dict[str, Array] = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
        except Exception as error:  # protobuf, NumPy and onnx each raise their own
            if isinstance(error, OSError) and error.filename is not None:
                raise
            raise FileError(f"[{path.name}] is damaged, or no ONNX file: {_one_line(error)}; fetch it again") from error
        if not graph.node:
            raise FileError(f"[{path.name}] is damaged, or no ONNX file: it has no graph; fetch it again")
        self.nodes = list(graph.node)
        self.input_shape = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim] if graph.input else []
        self._maker = {output: node for node in self.nodes for output in node.output}
        self._takers: dict[str, list[Any]] = defaultdict(list)
        for node in self.nodes:
            for value in node.input:
                self._takers[value].append(node)

    def of_type(self, kind: str) -> Iterator[Any]:
        """The nodes of one operator, in the order in which they run."""
        return (node for node in self.nodes if node.op_type == kind)

    def maker(self, value: str) -> Any:
        """The node that `value` is an output of; None for an input or initialiser."""
        return self._maker.get(value)

    def takers(self, value: str) -> list[Any]:
        """The nodes that `value` is an input of."""
        return self._takers.get(value, [])

    def attribute(self, node: Any, name: str) -> Any:
        """An attribute of a node; None where it is not set."""
        import onnx

        found = [attribute for attribute in node.attribute if attribute.name == name]
        return onnx.helper.get_attribute_value(found[0]) if found else None

    def constant(self, value: str) -> Array | None:
        """The array of an initialiser or of a Constant node; None for what the graph computes."""
        import onnx

        if value in self.tensors:
            return self.tensors[value]
        node = self.maker(value)
        if node is None or node.op_type != "Constant":
            return None
        return onnx.numpy_helper.to_array(self.attribute(node, "value"))

    def before(self, node: Any, kind: str) -> Any:
        """The nearest node of operator `kind` on the way up from the first input of `node`; None without one."""
        while node is not None and node.op_type != kind:
            node = self.maker(node.input[0]) if node.input else None
        return node

    def after(self, node: Any, kind: str) -> Any:
        """The nearest node of operator `kind` among those that take the output of `node`, and theirs; None without."""
        waiting, seen = [node], set()
        while waiting:
            current = waiting.pop(0)
            if current.op_type == kind and current is not node:
                return current
            for taker in self.takers(current.output[0]):
                if taker.output[0] not in seen:
                    seen.add(taker.output[0])
                    waiting.append(taker)
        return None

    def linear_weights(self) -> Iterator[tuple[str, str]]:
        """Name that a weight should have, and the initialiser that is its transpose, in the graph's order.

        An exporter folds the transposition into a linear map's weight and drops its name; the bias that is added to
        the product keeps its own.
        """
        for node in self.of_type("Add"):
            for bias, product in (node.input, reversed(node.input)):
                maker = self.maker(product)
                is_linear = maker is not None and maker.op_type == "MatMul" and maker.input[1] in self.tensors
                if bias in self.tensors and bias.endswith(".bias") and is_linear:
                    yield bias.removesuffix("bias") + "weight", maker.input[1]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
