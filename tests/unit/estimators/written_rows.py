"""Cells of a row that is complete: Llama 3.1 8B, and one training of it."""

from __future__ import annotations

LLAMA = {
    "hidden_size": "4096",
    "num_hidden_layers": "32",
    "num_attention_heads": "32",
    "num_key_value_heads": "8",
    "head_dim": "128",
    "intermediate_size": "14336",
    "vocab_size": "128256",
    "tie_word_embeddings": "0",
    "parameters": "8030261248",
}
RUN = {
    "method": "lora",
    "lora_r": "8",
    "lora_targets": "q_proj+v_proj",
    "weight_dtype": "bf16",
    "compute_dtype": "bf16",
    "optimizer": "adamw",
    "micro_batch": "4",
    "seq_len": "1024",
    "grad_ckpt": "1",
    "attn": "sdpa",
    "gpus": "1",
    "sharding": "none",
    "stack": "hf",
}
