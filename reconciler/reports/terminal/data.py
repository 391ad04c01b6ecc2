"""What training data holds, for people."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.datasets.examine import Examined
from reconciler.datasets.statistics import Spread
from reconciler.datasets.training import Checked
from reconciler.domain.diagnostic import has_errors
from reconciler.reports.figures import counted, size
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.diagnostics import draw_diagnostics, tally

_BAR = 30


def draw_data(screen: Screen, checked: Checked, sources: Mapping[str, str]) -> None:
    training, validation = checked.training.examined, checked.validation.examined if checked.validation else None
    for what, seen in (("training", checked.training), ("validation", checked.validation)):
        if seen and seen.examined:
            _draw_source(screen, what, seen.examined, is_sound=seen.sound is not None)
    draw_diagnostics(screen, checked.problems, sources)
    if has_errors(checked.problems):
        screen.line((tally(checked.problems), "bold"))
    else:
        noted = f" ({tally(checked.problems)})" if checked.problems else ""
        screen.line(("Sound: ", "bold green"), f"{_used(training, validation)}{noted}.")


def _used(training: Examined | None, validation: Examined | None) -> str:
    if training is None:
        return "nothing"
    held_out = training.validation_records
    used = f"{counted(training.facts.records - held_out, 'record')} to train on"
    validated = validation.facts.records if validation else held_out
    return f"{used}, {validated:,} to validate with" if validated else used


def _draw_source(screen: Screen, what: str, examined: Examined, *, is_sound: bool) -> None:
    facts, spread = examined.facts, examined.spread
    name = f"{facts.source.name} ({facts.source.uri})" if facts.source.name else facts.source.uri
    screen.line((name, "bold"), f"  {what} data")
    rows = f"{counted(facts.records, 'record')}, {size(facts.size_bytes)}" + (
        "" if is_sound else ", flawed ones left out"
    )
    screen.entry("  records     ", rows)
    if examined.validation_records:
        share = examined.validation_records / facts.records
        screen.entry("  split       ", f"{examined.validation_records:,} held out for validation ({share:.1%})")
    if facts.records:
        _draw_tokens(screen, spread)
        screen.entry("  counted     ", facts.tokens_note)
    if is_sound:
        screen.entry("  digest      ", facts.digest)
    screen.blank()


def _draw_tokens(screen: Screen, spread: Spread) -> None:
    figures = (("min", spread.minimum), ("median", spread.median), ("p95", spread.p95), ("max", spread.maximum))
    told = ", ".join(f"{name} {figure:,}" for name, figure in figures)
    screen.entry("  tokens      ", f"{spread.total:,}; of a record: {told}")
    most = max(bar.records for bar in spread.histogram)
    widest = max(len(f"{bar.low:,}–{bar.high:,}") for bar in spread.histogram)
    for bar in spread.histogram:
        drawn = "█" * -(-bar.records * _BAR // most)
        screen.line(f"  {'':12}{f'{bar.low:,}–{bar.high:,}':>{widest}}  ", (drawn, "cyan"), f" {bar.records:,}")
