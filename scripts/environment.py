"""The virtual environment `.venv`: sees the torch of the user's environment, or gets one of its own.

The user's environment is never written to. Its torch is found without importing it and, when it is new enough, put
on the path of `.venv`; nothing that is installed into `.venv` may bring another torch.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steps import ROOT, StepError, run, say

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_TORCH = (2, 11)
_SCRIPTS = ROOT / "scripts"
_STATE = VENV / "libma-setup.json"
_FIND = """
import importlib.util, json, sys
spec = importlib.util.find_spec("torch")
print(json.dumps([spec.submodule_search_locations[0] if spec else None, sys.path]))
"""


@dataclass(frozen=True)
class Torch:
    """A torch package."""

    folder: str
    version: str  # with the local part: 2.13.0+cpu
    paths: list[str]  # entries of sys.path that it and its dependencies are found on


def ensure_environment(group: str) -> Torch:
    """Makes `.venv` hold what `group` ("demo" or "test") needs, and returns the torch that it sees."""
    parent = _parent()
    found = find_torch(parent)
    if found is not None and _release(found.version) < OLDEST_TORCH:
        say(f"torch {found.version} in {found.folder} is too old: .venv gets its own")
        found = None
    wanted = {"python": parent, "version": sys.version, "torch": asdict(found) if found else None}
    _ensure_venv(parent, wanted)
    _write_paths(found)
    if find_torch(str(PYTHON)) is None:
        run("pip install torch", _pip("-r", "requirements-torch.txt", "-c", "requirements-test.txt"))
    torch = find_torch(str(PYTHON))
    if torch is None:
        raise StepError(f"pip installed torch, but {PYTHON} does not find it")
    say(f"torch {torch.version} in {torch.folder}")
    _ensure_requirements("requirements.txt", torch)
    if group == "test":
        _ensure_requirements("requirements-test.txt", torch)
        _ensure_requirements("requirements-test-alone.txt", torch, "--no-deps")
    if find_torch(str(PYTHON)) != torch:
        raise StepError(f"installing the requirements changed torch; remove {VENV} and run make again")
    return torch


def find_torch(python: str) -> Torch | None:
    """The torch that `python` would import, without importing it."""
    answer = subprocess.run([python, "-c", _FIND], check=False, capture_output=True, text=True, cwd="/")
    if answer.returncode != 0:
        raise StepError(f"{python} does not run: {answer.stderr.strip()}")
    folder, paths = json.loads(answer.stdout.splitlines()[-1])
    if folder is None or not (Path(folder) / "version.py").exists():
        return None
    version = re.search(r"__version__[^=]*= *['\"]([^'\"]+)", (Path(folder) / "version.py").read_text())
    if version is None:
        raise StepError(f"{folder}/version.py names no version")
    sites = [p for p in paths if Path(p).name in ("site-packages", "dist-packages") or p == str(Path(folder).parent)]
    return Torch(folder, version[1], sites)


def _parent() -> str:
    """The interpreter of the user's environment, also when `.venv` itself is active."""
    if Path(sys.prefix) != VENV:
        return sys.executable
    return str(_state().get("environment", {}).get("python", sys.executable))


def _ensure_venv(parent: str, wanted: dict[str, Any]) -> None:
    """Makes `.venv` anew unless it was made for just this; one that the user made is left as it is."""
    if PYTHON.exists() and (not _STATE.exists() or _state().get("environment") == wanted):
        return
    if _STATE.exists():
        shutil.rmtree(VENV)
    VENV.mkdir(exist_ok=True)
    _STATE.write_text("{}")  # made here: may be removed again, should the next step be interrupted
    run("python -m venv .venv", [parent, "-m", "venv", str(VENV)])
    _STATE.write_text(json.dumps({"environment": wanted, "done": {}}, indent=2))


def _write_paths(found: Torch | None) -> None:
    """Lets `.venv` see the user's packages after its own, and the package that the build leaves in build/python.

    The last line makes `lm_eval --model libma` work, as the wheel's own .pth file does where libma is installed.
    """
    site = next((VENV / "lib").glob("python3*/site-packages"))
    borrowed = [path for path in found.paths if not Path(path).is_relative_to(VENV)] if found else []
    hook = (ROOT / "bindings" / "libma_lm_eval_hook.pth").read_text().strip()
    (site / "libma-build.pth").write_text("\n".join([*borrowed, str(ROOT / "build" / "python"), hook, ""]))
    command = VENV / "bin" / "libma"
    command.write_text(f"#!{PYTHON}\nimport sys\n\nfrom libma.cli import main\n\nsys.exit(main())\n")
    command.chmod(0o755)


def _ensure_requirements(name: str, torch: Torch, *options: str) -> None:
    """Installs one requirements file, unless just that was installed beside just this torch."""
    key = hashlib.sha256((_SCRIPTS / name).read_bytes() + torch.version.encode()).hexdigest()
    state = _state() if _STATE.exists() else {}
    if state.get("done", {}).get(name) == key:
        return
    constraints = VENV / "libma-constraints.txt"
    constraints.write_text(f"torch=={torch.version}\n")
    run(f"pip install {name}", _pip("-r", name, "-c", str(constraints), *options))
    if _STATE.exists():
        state["done"] = {**state.get("done", {}), name: key}
        _STATE.write_text(json.dumps(state, indent=2))


def _pip(*arguments: str) -> list[str]:
    """A pip command; names of files in scripts/ become paths."""
    paths = [str(_SCRIPTS / a) if (_SCRIPTS / a).is_file() else a for a in arguments]
    return [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *paths]


def _state() -> dict[str, Any]:
    state = json.loads(_STATE.read_text()) if _STATE.exists() else {}
    return state if isinstance(state, dict) else {}


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
