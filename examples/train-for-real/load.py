"""Loads what `reconciler download` brought, with nothing but Transformers and peft, and asks it: python load.py FOLDER [BASE] QUESTION"""

import sys
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging


def main(folder: str, *more: str) -> None:
    """BASE: the base model's folder, where FOLDER holds adapters alone."""
    *base, question = more
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(base[0] if base else folder)
    if Path(folder, "adapter_config.json").is_file():
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, folder)
    asked = [{"role": "user", "content": question}]
    tokens = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    answered = model.generate(**tokens, max_new_tokens=64, do_sample=False)
    print(tokenizer.decode(answered[0][tokens["input_ids"].shape[1] :], skip_special_tokens=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
