"""How long things take in this Bedrock, in seconds of cloud time. Simulated: AWS promises no durations.

A training takes a fixed start-up and then its tokens times its epochs at one speed, whatever the base model. Tokens are
bytes of data divided by six, the estimate that Bedrock's user guide gives.
"""

from __future__ import annotations

VALIDATION = 5 * 60.0
DATA_PROCESSING = 5 * 60.0
TRAINING_START = 10 * 60.0
TOKENS_PER_SECOND = 1000
CHARACTERS_PER_TOKEN = 6
STOPPING = 2 * 60.0
THROUGHPUT_CREATION = 10 * 60.0
THROUGHPUT_UPDATE = 10 * 60.0
DEPLOYMENT_CREATION = 5 * 60.0
DEPLOYMENT_UPDATE = 5 * 60.0
MONTH = 30 * 24 * 3600.0


def training(data_bytes: int, *, epochs: int) -> float:
    return TRAINING_START + data_bytes / CHARACTERS_PER_TOKEN * epochs / TOKENS_PER_SECOND
