"""Tests of the client package, straight from its source tree."""

import sys
from pathlib import Path

SDK_SOURCE = Path(__file__).parents[2] / "sdk" / "python" / "src"
sys.path.insert(0, str(SDK_SOURCE))
