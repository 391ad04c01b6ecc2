"""One training as the estimators of memory and time see it: the model's dimensions, and what the training program does with it.

Values only. :mod:`reconciler.estimators.intended` makes one of a manifest and an instance type, :mod:`reconciler.estimators.rows` of
a row of measured runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Method(StrEnum):
    FULL = "full"
    LORA = "lora"
    QLORA = "qlora"
    """LoRA over quantised weights."""


class Dtype(StrEnum):
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"
    FP8 = "fp8"
    INT8 = "int8"
    NF4 = "nf4"
    NF4_DOUBLE = "nf4dq"
    """NF4 with the scales quantised as well (bitsandbytes' ``bnb_4bit_use_double_quant``)."""
    GPTQ4 = "gptq4"

    @property
    def is_quantised(self) -> bool:
        return self in (Dtype.INT8, Dtype.NF4, Dtype.NF4_DOUBLE, Dtype.GPTQ4)


class Attention(StrEnum):
    EAGER = "eager"
    SDPA = "sdpa"
    FLASH = "flash_attention_2"


class Sharding(StrEnum):
    NONE = "none"
    DDP = "ddp"
    ZERO1 = "zero1"
    ZERO2 = "zero2"
    ZERO3 = "zero3"
    FSDP = "fsdp"
    """PyTorch's FullyShardedDataParallel, FULL_SHARD."""
    FSDP_GRAD_OP = "fsdp_grad_op"
    """SHARD_GRAD_OP: weights stay whole between forward and backward."""
    FSDP2 = "fsdp2"
    """``fully_shard``."""

    @property
    def shards_weights(self) -> bool:
        return self in (Sharding.ZERO3, Sharding.FSDP, Sharding.FSDP_GRAD_OP, Sharding.FSDP2)


class Optimizer(StrEnum):
    ADAMW_FUSED = "adamw_fused"
    ADAMW_FOREACH = "adamw_foreach"
    """``torch.optim.AdamW`` as it comes on CUDA: many tensors a kernel, and temporaries as large as the weights."""
    ADAMW_8BIT = "adamw_8bit"
    ADAMW_4BIT = "adamw_4bit"
    ADAMW_IN_BACKWARD = "adamw_in_backward"
    """Stepped as soon as a gradient is there, which is then freed."""
    ADAFACTOR = "adafactor"
    LION = "lion"
    SGD = "sgd"
    SGD_MOMENTUM = "sgd_momentum"


class Loss(StrEnum):
    """How logits and cross-entropy are computed: what stands for each token and entry of the vocabulary."""

    FULL = "full"
    """Transformers' own: logits of all tokens, and FP32 copies."""
    FULL_SHIFTED = "full_shifted"
    """The same before it shifted the labels: the logits were shifted, and so copied once more."""
    HALF = "half"
    """The same where the model's code leaves the logits in 16 bits, as GPT-BigCode's and Falcon's: autocast alone makes FP32 of them."""
    FUSED = "fused_ce"
    """A fused cross-entropy kernel over the logits of all tokens."""
    CHUNKED = "chunked"
    """Head and cross-entropy for some tokens at a time, computed again in backward: TRL's default since 2026-04."""
    FUSED_LINEAR = "fused_linear"
    """Liger's: head and cross-entropy in one kernel."""
    COMPILED = "compiled"
    COMPILED_CHUNKED = "chunked_compiled"
    """torchtune's: the head once, cross-entropy in eight chunks, compiled or not."""
    CHUNKED_128 = "chunked128"
    """litgpt's: head and cross-entropy for 128 tokens at a time, all kept for backward."""


class Stack(StrEnum):
    """Whose code trains."""

    HF = "hf"
    LITGPT = "litgpt"
    TORCHTUNE = "torchtune"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """Of a decoder, as its ``config.json`` has them. ``stated_parameters``: as counted, where it is known."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    tied: bool
    gated: bool = True
    """Three matrices in the feed-forward layer (SwiGLU) rather than two."""
    experts: int = 1
    experts_per_token: int = 1
    qkv_bias: bool = False
    qk_norm: bool = False
    stated_parameters: int | None = None

    @property
    def query(self) -> int:
        return self.heads * self.head_dim

    @property
    def key(self) -> int:
        return self.kv_heads * self.head_dim

    @property
    def attention_parameters(self) -> int:
        """Of one layer: query, key, value and output projections."""
        bias = self.query + 2 * self.key if self.qkv_bias else 0
        return 2 * self.hidden * (self.query + self.key) + bias

    @property
    def expert_parameters(self) -> int:
        """Of one expert in one layer; of the whole feed-forward layer where there is one."""
        return (3 if self.gated else 2) * self.hidden * self.ffn

    @property
    def router_parameters(self) -> int:
        return self.hidden * self.experts if self.experts > 1 else 0

    @property
    def layer_parameters(self) -> int:
        return self.attention_parameters + self.experts * self.expert_parameters + self.router_parameters

    @property
    def linear_parameters(self) -> int:
        """Of all layers: what is quantised, and what tokens are multiplied with, the head aside."""
        return self.layers * self.layer_parameters

    @property
    def active_linear_parameters(self) -> int:
        """Those that one token meets."""
        mlp = self.experts_per_token * self.expert_parameters
        return self.layers * (self.attention_parameters + mlp + self.router_parameters)

    @property
    def embedding_parameters(self) -> int:
        return self.vocab * self.hidden

    @property
    def head_parameters(self) -> int:
        """Zero where the head is the embedding."""
        return 0 if self.tied else self.embedding_parameters

    @property
    def parameters(self) -> int:
        """As stated, or by the sum of embedding, head, linear layers and two norms a layer."""
        if self.stated_parameters is not None:
            return self.stated_parameters
        norms = (2 * self.layers + 1) * self.hidden + (2 * self.layers * self.head_dim if self.qk_norm else 0)
        return self.embedding_parameters + self.head_parameters + self.linear_parameters + norms

    @property
    def other_parameters(self) -> int:
        """All that is never quantised: embedding, head, norms, learned positions."""
        return self.parameters - self.linear_parameters

    def shape(self, target: str) -> tuple[int, int] | None:
        """Inputs and outputs of the linear layer that adapters call ``target``; ``None`` where this model has none of that name."""
        shapes = {
            "q_proj": (self.hidden, self.query),
            "k_proj": (self.hidden, self.key),
            "v_proj": (self.hidden, self.key),
            "o_proj": (self.query, self.hidden),
            "c_attn": (self.hidden, self.query + 2 * self.key),
            "query_key_value": (self.hidden, self.query + 2 * self.key),
            "gate_proj": (self.hidden, self.ffn),
            "up_proj": (self.hidden, self.ffn),
            "down_proj": (self.ffn, self.hidden),
            "lm_head": (self.hidden, self.vocab),
        }
        return shapes.get(target)

    def lora_parameters(self, rank: int, targets: tuple[str, ...]) -> int:
        """Rank × (inputs + outputs) of each target in each layer, and of each expert (Hu et al. 2021, LoRA, section 4)."""
        return rank * sum(self._copies(target) * sum(self.shape(target) or ()) for target in targets)

    def _copies(self, target: str) -> int:
        if target == "lm_head":
            return 1
        return self.layers * (self.experts if target in FEED_FORWARD_TARGETS else 1)


FEED_FORWARD_TARGETS = ("gate_proj", "up_proj", "down_proj")
ATTENTION_INPUT_TARGETS = ("q_proj", "k_proj", "v_proj", "c_attn", "query_key_value")
ALL_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""What peft calls ``all-linear`` in Llama and Qwen: every linear layer but the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetup:
    """What decides memory and time of one step. Figures are for one GPU where nothing else is said."""

    dims: Dimensions
    method: Method = Method.FULL
    weights: Dtype = Dtype.BF16
    """As the base weights are held."""
    compute: Dtype = Dtype.BF16
    autocast: bool = True
    """Mixed precision by ``torch.autocast`` (Trainer's ``bf16`` and ``fp16``)."""
    lora_rank: int = 8
    lora_targets: tuple[str, ...] = ()
    lora_dropout: float = 0.0
    whole_modules: tuple[str, ...] = ()
    """Embedding and head, where they are trained in full beside adapters (peft's ``modules_to_save``): each as a copy."""
    adapters: Dtype = Dtype.FP32
    """As adapters are held: peft's are FP32 unless the trainer casts them."""
    fp32_norms: bool = False
    """peft's ``prepare_model_for_kbit_training``: norms, embedding and head in FP32, and so what runs between the layers."""
    fp32_ends: bool = False
    """Embedding and head in FP32, and nothing else: the same where a fixed precision (DeepSpeed's FP16) casts between the layers."""
    optimizer: Optimizer = Optimizer.ADAMW_FUSED
    paged: bool = False
    """The optimizer's state is in memory that the driver moves to the host and back (bitsandbytes' paged optimizers)."""
    micro_batch: int = 1
    """Records of one forward pass."""
    sequence: int = 1024
    """Tokens of one record, padding included."""
    gradient_accumulation: int = 1
    gradient_checkpointing: bool = True
    attention: Attention = Attention.SDPA
    padded: bool = False
    """A padding mask is given: attention takes a bias of sequence × sequence."""
    variable_length: bool = False
    """Batches of different lengths: the allocator's cache is split."""
    packed: bool = False
    """Records are joined up to ``sequence``: no token is padding."""
    loss: Loss = Loss.FULL
    gpus: int = 1
    """All of them, over all nodes."""
    nodes: int = 1
    sharding: Sharding = Sharding.NONE
    stack: Stack = Stack.HF
    fused_norms: bool = False
    """Norms in one kernel that keeps no FP32 copy (Liger's and others)."""
    keeps_quantised_inputs: bool = False
    """bitsandbytes before 0.43.2 keeps the inputs of quantised layers, which nothing needs (its pull request 1270)."""
    compiled: bool = False
    """``torch.compile``: norms and activation functions are fused, and computed again in backward."""

    @property
    def tokens(self) -> int:
        """Of one forward pass on one GPU."""
        return self.micro_batch * self.sequence

    @property
    def trains_adapters(self) -> bool:
        return self.method is not Method.FULL

    @property
    def trained_parameters(self) -> int:
        if not self.trains_adapters:
            return self.dims.parameters
        return self.dims.lora_parameters(self.lora_rank, self.lora_targets)

    @property
    def trains_head(self) -> bool:
        return not self.trains_adapters or "lm_head" in self.whole_modules

    @property
    def is_sharded(self) -> bool:
        """Whether weights are spread over the GPUs."""
        return self.gpus > 1 and self.sharding.shards_weights
