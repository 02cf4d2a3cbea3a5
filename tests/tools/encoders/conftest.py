"""Lets the tests of each encoder import the suite that all must pass."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
