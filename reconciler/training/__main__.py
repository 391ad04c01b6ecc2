"""``python -m reconciler.training``: one training, from the channels to the model."""

import sys

from reconciler.training.program import main

if __name__ == "__main__":
    sys.exit(main())
