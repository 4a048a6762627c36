"""Lets the tests import the package of the build tree where there is one, else its pure-Python part."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

sys.path.insert(0, str(ROOT / "scripts"))
built = ROOT / "build" / "python"
sys.path.insert(0, str(built if (built / "libma" / "_build.py").exists() else ROOT / "bindings"))
