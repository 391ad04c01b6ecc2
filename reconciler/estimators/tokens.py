"""How many tokens a training reads in one epoch.

What the data's reader counted or estimated is taken as likely, and widened: it knows no tokenizer of the base model.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DatasetFacts, DesiredModel
from reconciler.domain.quantity import Range
from reconciler.estimators.estimate import Estimate

CHARACTERS_PER_TOKEN = Decimal(4)
"""Our rule of thumb for English and vocabularies of 100,000 entries and more."""

BEDROCK_CHARACTERS_PER_TOKEN = Decimal(6)
"""What Bedrock's documentation reckons with (User Guide, "Prepare your training datasets"): its bill may be that much lower."""

ERROR = Decimal("0.25")
"""Relative error of the rule for English; other languages and code need more tokens."""


class Template(NamedTuple):
    """Tokens that the chat template adds to one record of a question and an answer."""

    low: int
    likely: int
    high: int


_TEMPLATES: dict[str, Template] = {
    # Llama 3: begin_of_text, and for each turn two header marks, the role, two line feeds, end of turn: 1 + 2 × 5.
    "meta-llama": Template(11, 11, 40),
    # ChatML: for each turn begin mark, role, line feed, end mark, line feed; Qwen2.5 adds a system turn of its own.
    "qwen": Template(10, 12, 32),
}
_ANY_TEMPLATE = Template(4, 11, 40)


def training_tokens(model: DesiredModel, family: str = "") -> Estimate:
    """Tokens of one epoch of the training records, after the split. ``family`` as in the catalog."""
    return _tokens(model, model.data.training, model.data.training_records, family)


def validation_tokens(model: DesiredModel, family: str = "") -> Estimate:
    """Tokens of one pass over the validation records."""
    data = model.data
    return _tokens(model, data.validation or data.training, data.validation_records, family)


def _tokens(model: DesiredModel, facts: DatasetFacts, records: int, family: str) -> Estimate:
    if facts.records == 0:
        return Estimate.unknown("tokens", "the data has no records")
    share = Decimal(records) / facts.records
    counted = Decimal(facts.tokens) if facts.tokens is not None else facts.characters / CHARACTERS_PER_TOKEN
    if model.resolved.provider is ProviderName.BEDROCK:
        low = min(counted * (1 - ERROR), facts.characters / BEDROCK_CHARACTERS_PER_TOKEN)
        amount = Range(low=low, likely=counted, high=counted * (1 + ERROR)).times(share)
        return Estimate(amount=amount, unit="tokens", assumptions=(_told(facts, "Bedrock's own tokenizer decides"),))
    template = _TEMPLATES.get(family, _ANY_TEMPLATE)
    text = Range.around(counted, low=1 - ERROR, high=1 + ERROR).times(share)
    marks = Range(low=Decimal(template.low), likely=Decimal(template.likely), high=Decimal(template.high)).times(
        records
    )
    told = _told(facts, f"{template.likely} tokens a record for the chat template")
    return Estimate(amount=text + marks, unit="tokens", assumptions=(told,))


def _told(facts: DatasetFacts, more: str) -> str:
    """In the words of the data's reader, where it has some."""
    rule = f"{CHARACTERS_PER_TOKEN} characters a token, within {ERROR:.0%}"
    how = facts.tokens_note or f"as counted, within {ERROR:.0%}" if facts.tokens is not None else rule
    return f"tokens {how}; {more}"
