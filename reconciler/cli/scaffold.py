"""The files of a new project: small, complete, and planned by the embedded cloud as they are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

from reconciler.domain.naming import MAX_NAME

_PROJECT = """\
# The project: which cloud, and where data and artifacts live.
apiVersion: reconciler/v1
kind: Project
metadata:
  name: {name}
spec:
  cloud: local # the embedded cloud on this machine; `aws` for your account
  region: us-east-1
  bucket: {name}-artifacts
---
apiVersion: reconciler/v1
kind: Dataset
metadata:
  name: orders
  description: Questions about orders, and good answers.
spec:
  source: data/orders.csv
"""

_MODEL = """\
# One fine-tuned model: what it is made of, and whether it is deployed.
apiVersion: reconciler/v1
kind: FineTunedModel
metadata:
  name: order-helper
spec:
  baseModel: qwen3-1.7b # others: reconciler catalog models
  dataset:
    training: orders
    validation: {split: 10%}
  hyperparameters:
    epochs: 3
    optional:
      use_lora: true
  deployment:
    state: undeployed # `deployed` makes an endpoint, which AWS bills by the hour
"""

_IGNORED = """\
# The embedded cloud, caches and the journal.
.reconciler/
"""

_ITEMS = ("desk lamp", "backpack", "kettle", "phone case", "notebook")

_ANSWERS = {
    "Where is my {item}?": "Parcels with a {item} arrive within three working days. The tracking link is in your confirmation.",
    "The {item} arrived broken.": "I am sorry about that. Send us a photo of the {item} and we replace it at no cost.",
    "Can I return the {item}?": "Yes: within 30 days, unused. Print the label from My orders and drop the {item} off.",
    "Can I still cancel my {item}?": "Until it is packed: open the order with the {item} and choose Cancel.",
    "Do you gift-wrap the {item}?": "We do, for free. Tick the box at checkout when you order the {item}.",
    "Is the {item} under warranty?": "The {item} has a two-year warranty that covers every fault we caused.",
}


def project_files(name: str) -> Mapping[str, str]:
    """Path → text."""
    return {
        "reconciler.yaml": _PROJECT.format(name=name),
        "models/order-helper.yaml": _MODEL,
        "data/orders.csv": _sample_data(),
        ".gitignore": _IGNORED,
    }


def project_name(folder: str) -> str:
    """A legal project name, which is also fit for a bucket: lower case, hyphens for everything else."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[: MAX_NAME - len("-artifacts")].rstrip("-")
    return name or "my-models"


def _sample_data() -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("prompt", "expected completion"))
    writer.writerows(
        (prompt.format(item=item), answer.format(item=item)) for prompt, answer in _ANSWERS.items() for item in _ITEMS
    )
    return text.getvalue()
