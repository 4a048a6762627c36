"""Makes `lm_eval --model libma` known to lm-evaluation-harness, which has no entry points for models.

A `.pth` file loads this at the start of Python. It does nothing until `lm_eval.models` is imported; then it registers a
name there, which imports libma (and torch) only when the model is asked for. Standard library only.
"""

import sys

_WATCHED = "lm_eval.models"
_TARGET = "libma.lm_eval:LibmaLM"


class _Finder:
    """Leaves finding to the others; after the code of `lm_eval.models`, registers libma."""

    def find_spec(self, name, path=None, target=None):
        """The spec that Python would have found, its loader extended; None for every other module."""
        if name != _WATCHED:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                _extend(spec.loader)
                return spec
        return None


def _extend(loader):
    execute = getattr(loader, "exec_module", None)
    if execute is None:
        return

    def execute_and_register(module):
        execute(module)
        register()

    try:
        loader.exec_module = execute_and_register
    except AttributeError:  # a loader without room for it: `import libma.lm_eval` registers too
        pass


def register():
    """Adds the name `libma` to lm-eval's models. Quiet where this lm-eval keeps no such list."""
    try:
        from lm_eval.api.registry import model_registry

        if "libma" not in model_registry:
            model_registry.register("libma", target=_TARGET)
    except (ImportError, AttributeError, TypeError, ValueError):
        pass


def install():
    """Starts watching. Once is enough."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


install()
