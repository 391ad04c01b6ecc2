"""Data parallel or sharded: whether a whole copy of the training fits on each GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Parallel = Literal["none", "ddp", "fsdp"]
USABLE = 0.6
"""Of a GPU's memory for weights, gradients and optimizer; activations, kernels' workspaces and fragmentation take the rest."""
ADAM_STATES = 2
QUANTISED_BYTES = 0.55
"""A parameter in NF4 with its scales."""

FSDP_VARIABLES = {
    "ACCELERATE_USE_FSDP": "true",
    "FSDP_VERSION": "2",
    "FSDP_CPU_RAM_EFFICIENT_LOADING": "true",
    "FSDP_STATE_DICT_TYPE": "FULL_STATE_DICT",
}
"""What ``accelerate launch`` sets: Transformers looks at it when weights are read, accelerate when processes meet."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """``parameters`` of the base model, ``bytes_each`` as its weights are held."""

    parameters: int
    bytes_each: float
    trains_all: bool

    @property
    def bytes(self) -> float:
        """A full copy: weights, and where they are trained their gradients and AdamW's two moments in the same precision."""
        copies = 1 + (1 + ADAM_STATES if self.trains_all else 0)
        return self.parameters * self.bytes_each * copies


def choose(load: Load, *, processes: int, gpu_memory: int | None) -> Parallel:
    """``gpu_memory``: bytes of one GPU; ``None`` without one.

    ==================  ==============================  =====
    processes           a copy on each GPU              is
    ==================  ==============================  =====
    1                                                   none
    several, on CPUs                                    ddp
    several             fits in 60 % of its memory      ddp
    several             does not                        fsdp
    ==================  ==============================  =====

    DDP sends gradients once a step, FSDP the weights twice on top: where both are possible DDP is quicker.
    """
    match processes, gpu_memory:
        case 1, _:
            return "none"
        case _, None:
            return "ddp"
        case _, int(memory) if load.bytes <= USABLE * memory:
            return "ddp"
        case _:
            return "fsdp"


def fsdp_arguments(*, checkpointing: bool, by_name: bool) -> dict[str, Any]:
    """Of SFTConfig, for PyTorch's FSDP2: each layer is a unit; the first process alone reads the weights.

    Activations are checkpointed by FSDP itself, which gathers a layer's weights once less than the Trainer's way. ``by_name``: older
    versions of Transformers want the strategy's name.
    """
    return {
        "fsdp": "full_shard auto_wrap" if by_name else True,
        "fsdp_config": {
            "version": 2,
            "reshard_after_forward": True,
            "cpu_ram_efficient_loading": True,
            "activation_checkpointing": checkpointing,
            "state_dict_type": "FULL_STATE_DICT",
        },
        "gradient_checkpointing": False,
    }
