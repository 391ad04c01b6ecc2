"""Simulated metrics: same job, same curve; files that say what they are."""

import csv
import io

from reconciler.localcloud.bedrock.metrics import MOST_ROWS, artifacts, curve


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_same_name_gives_the_same_curve() -> None:
    one, same = (curve("job-a", records=100, epochs=2, batch_size=1) for _ in range(2))
    other = curve("job-b", records=100, epochs=2, batch_size=1)
    assert one == same != other


def test_the_loss_falls_and_ends_in_the_reported_one() -> None:
    training = curve("job", records=20, epochs=2, batch_size=4)
    rows = table(artifacts(training, validators=0)["training_artifacts/step_wise_training_metrics.csv"])
    losses = [float(row["training_loss"]) for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] == training.training_loss
    assert [row["epoch_number"] for row in rows] == ["1"] * 5 + ["2"] * 5
    assert {row["simulated"] for row in rows} == {"true"}


def test_long_trainings_are_thinned() -> None:
    training = curve("job", records=10_000, epochs=5, batch_size=1)
    rows = table(artifacts(training, validators=0)["training_artifacts/step_wise_training_metrics.csv"])
    assert len(rows) == MOST_ROWS
    assert rows[-1]["step_number"] == "50000"


def test_validation_has_a_row_for_each_validator_and_a_note() -> None:
    files = artifacts(curve("job", records=8, epochs=1, batch_size=1), validators=2)
    rows = table(files["validation_artifacts/post_fine_tuning_validation/validation_metrics.csv"])
    assert len(rows) == 2
    assert b"simulated" in files["validation_artifacts/README.txt"]
