"""`python scripts/build.py TARGET...`: configures the release preset and builds with as many jobs as fit in memory."""

import argparse
import os
from pathlib import Path

from environment import PYTHON
from steps import ROOT, main_guard, run

BYTES_PER_JOB = 1.6e9  # a file that includes torch/torch.h
BUILD = ROOT / "build"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="+", help="CMake targets, e.g. demo or all")
    options = parser.parse_args()
    run("cmake configure", ["cmake", "--preset", "release", f"-DPython_EXECUTABLE={PYTHON}"])
    jobs = str(job_count())
    for target in options.targets:
        run(f"cmake build {target} with {jobs} jobs", ["cmake", "--build", str(BUILD), "-j", jobs, "--target", target])
    return 0


def job_count() -> int:
    """One job a core, at most one for every 1.6 GB of memory that is free."""
    return max(1, min(len(os.sched_getaffinity(0)), int(_available_bytes() / BYTES_PER_JOB)))


def _available_bytes() -> float:
    """Memory that can be had, within the control group's limit if there is one."""
    facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    available = float(facts["MemAvailable"].split()[0]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text().strip()) != "max":
        available = min(available, float(text) - float(limit.with_name("memory.current").read_text()))
    return available


if __name__ == "__main__":
    main_guard(main)
