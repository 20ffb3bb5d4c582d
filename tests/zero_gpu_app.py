"""Runs app.py as it is, with torch out of sight while the platform's `spaces` package is imported.

python tests/zero_gpu_app.py [arguments of app.py]

Where torch can be imported, the package insists on a CUDA build of it. Once torch is hidden, a
worker is still forked, and imports torch itself.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Hide, import, run."""
    sys.path.insert(0, str(ROOT))
    sys.modules["torch"] = None  # type: ignore[assignment]  # Python's own way to say: not there
    import spaces  # noqa: F401

    del sys.modules["torch"]
    sys.argv[0] = "app.py"
    runpy.run_path(str(ROOT / "app.py"), run_name="__main__")


if __name__ == "__main__":
    main()
