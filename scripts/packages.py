"""Debian packages: finds which are missing, installs them as root, else says which command to run."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from steps import ROOT, StepError, run, say

LIST = ROOT / "scripts" / "apt-packages.txt"


def ensure_packages() -> bool:
    """Installs the missing packages. False when that takes rights this user lacks: the command was printed."""
    wanted = [line for line in LIST.read_text().split("\n") if line and not line.startswith("#")]
    wanted += _python_packages()
    if shutil.which("dpkg-query") is None:
        say(f"not a Debian system: libma needs what {LIST.relative_to(ROOT)} lists")
        return True
    missing = [name for name in wanted if name not in _installed()]
    if not missing:
        return True
    arguments = ["install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        print(f"Missing Debian packages. Install them, then run make again:\n\n  sudo apt-get {' '.join(arguments)}\n")
        return False
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get update", ["apt-get", "update"], quiet)
    run(f"apt-get install {len(missing)} packages", ["apt-get", *arguments], quiet)
    return True


def _installed() -> set[str]:
    """Names of the installed packages, and the names that they provide."""
    query = ["dpkg-query", "--show", "--showformat", "${db:Status-Status}\t${Package}, ${Provides}\n"]
    listing = subprocess.run(query, check=False, capture_output=True, text=True)
    if listing.returncode != 0:
        raise StepError(f"dpkg-query failed: {listing.stderr.strip()}")
    names: set[str] = set()
    for line in listing.stdout.splitlines():
        status, _, provided = line.partition("\t")
        if status == "installed":
            names.update(entry.split()[0] for entry in provided.split(",") if entry.strip())
    return names


def _python_packages() -> list[str]:
    """What Debian's own Python leaves out: venv, and the headers that the extension module needs."""
    if sys.base_prefix != "/usr":
        return []
    packages = []
    if importlib.util.find_spec("ensurepip") is None:
        packages.append("python3-venv")
    if not (Path(sysconfig.get_path("include")) / "Python.h").exists():
        packages.append("python3-dev")
    return packages
