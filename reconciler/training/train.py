"""What the container's launcher starts: at the root of the archive, beside the package ``reconciler``."""

import sys

from reconciler.training.program import main

if __name__ == "__main__":
    sys.exit(main())
