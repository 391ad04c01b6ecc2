"""``python -m reconciler.serving``: loads the model and serves it until it is told to stop."""

import os
import sys

from reconciler.serving.program import run
from reconciler.serving.settings import read_settings

if __name__ == "__main__":
    sys.exit(run(read_settings(sys.argv[1:], os.environ)))
