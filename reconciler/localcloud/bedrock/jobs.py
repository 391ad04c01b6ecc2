"""Model customization jobs: they validate their data, process it, train, and leave a custom model behind.

| Status | Phases (`statusDetails`) | Ends with |
|---|---|---|
| InProgress | validation, then dataProcessing, then training | Completed, Failed |
| Stopping | the phase it was in is Stopping | Stopped |

There is no delete: a job's name is taken for ever, whatever became of the job.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.localcloud.bedrock import durations
from reconciler.localcloud.bedrock.custom_models import add_model
from reconciler.localcloud.bedrock.foundation import FINE_TUNING, FoundationModel
from reconciler.localcloud.bedrock.identifiers import (
    JOB,
    MODEL,
    Base,
    base_of,
    foundation_of,
    named,
    once,
    own_arn,
)
from reconciler.localcloud.bedrock.job_views import job_row, job_view
from reconciler.localcloud.bedrock.lists import CREATION_TIME, listing, status_equals
from reconciler.localcloud.bedrock.metrics import Curve, artifacts, curve
from reconciler.localcloud.bedrock.tags import tags_of
from reconciler.localcloud.bedrock.training_data import InvalidData, check_records
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Cloud

# -- operations


def create_job(call: Call) -> Mapping[str, Any]:
    return {"jobArn": once(call, _start)}


def get_job(call: Call) -> Mapping[str, Any]:
    return job_view(named(call, JOB, call.params["jobIdentifier"]))


def stop_job(call: Call) -> None:
    job = named(call, JOB, call.params["jobIdentifier"])
    if job.status != "InProgress":
        raise AwsError("ConflictException", f"The job {job.name} is {job.status} and cannot be stopped.")
    call.world.cancel(job)
    job.enter("Stopping", call.now)
    _close_phase(job, "Stopping", call.now)
    call.world.at(call.now + durations.STOPPING, job, "bedrock.job.stopped")


def _start(call: Call) -> Resource:
    base = base_of(call, call.params["baseModelIdentifier"])
    kind = call.params.get("customizationType") or FINE_TUNING
    problems = [*_naming_problems(call), *_customization_problems(kind, base), *_hyper_parameter_problems(call, base)]
    if problems:
        raise invalid(" ".join(problems))
    job = call.world.add(_new_job(call, base, kind))
    call.world.tokens[_reservation(call)] = job.arn
    _enter_phase(job, "validation", call.now)
    _plan(call, job)
    return job


def _new_job(call: Call, base: Base, kind: str) -> Resource:
    foundation = base.foundation.full_id
    return Resource(
        kind=JOB,
        name=call.params["jobName"],
        arn=own_arn(call.world, call.region, f"model-customization-job/{foundation}"),
        region=call.region,
        created=call.now,
        status="InProgress",
        spec={**call.params, "customizationType": kind},
        tags=tags_of(call.params.get("jobTags")),
        facts={
            "foundation": foundation,
            "base_arn": base.arn(call.region),
            "model_tags": tags_of(call.params.get("customModelTags")),
            "phases": {},
        },
    )


def _naming_problems(call: Call) -> Iterator[str]:
    name, model = call.params["jobName"], call.params["customModelName"]
    if call.world.find(call.region, JOB, name):
        yield "The provided job name is currently in use."
    maker = call.world.by_arn(call.world.tokens.get(_reservation(call), ""))
    if call.world.find(call.region, MODEL, model) or (maker is not None and maker.status == "InProgress"):
        yield "The provided model name is currently in use."


def _reservation(call: Call) -> tuple[str, ...]:
    """Where the world remembers which job took a model name last."""
    return (call.region, call.service, "customModelName", call.params["customModelName"])


def _customization_problems(kind: str, base: Base) -> Iterator[str]:
    if kind not in base.foundation.customizations:
        allowed = ", ".join(base.foundation.customizations)
        yield f"{base.foundation.name} does not support the customization type {kind} here, only {allowed}."
    if base.custom is not None and base.custom.status != "Active":
        yield f"The model {base.custom.arn} is {base.custom.status}, not Active."


def _hyper_parameter_problems(call: Call, base: Base) -> Iterator[str]:
    bounds = base.foundation.hyper_parameters
    for key, text in (call.params.get("hyperParameters") or {}).items():
        if bounds and key not in bounds:
            yield f"Hyperparameter {key} is not one of {base.foundation.name}'s: {', '.join(bounds)}."
        elif bounds and not _within(text, *bounds[key]):
            yield f"Hyperparameter {key} must be between {bounds[key][0]:g} and {bounds[key][1]:g}, not {text}."


def _within(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


# -- the job's course


def _plan(call: Call, job: Resource) -> None:
    """Everything that will happen to the job, unless it is stopped or its data turns out to be bad."""
    validated = call.now + durations.VALIDATION
    processed = validated + durations.DATA_PROCESSING
    trained = processed + durations.training(_data_size(call.cloud, job), epochs=_whole(job, "epochCount"))
    call.world.at(validated, job, "bedrock.job.validated")
    call.world.at(processed, job, "bedrock.job.processed")
    call.world.at(trained, job, "bedrock.job.trained")
    fault = call.fate("fail", "capacity")
    if fault is not None:
        struck = call.now + fault.at * (trained - call.now)
        call.world.at(struck, job, "bedrock.job.failed", reason=fault.message)


def validated(cloud: Cloud, job: Resource, at: float, _: Mapping[str, Any]) -> None:
    problems = list(_data_problems(cloud, job))
    if problems:
        _fail(cloud, job, at, "; ".join(problems))
    else:
        _close_phase(job, "Completed", at)
        _enter_phase(job, "dataProcessing", at)


def processed(_: Cloud, job: Resource, at: float, __: Mapping[str, Any]) -> None:
    _close_phase(job, "Completed", at)
    _enter_phase(job, "training", at)


def trained(cloud: Cloud, job: Resource, at: float, _: Mapping[str, Any]) -> None:
    if cloud.world.find(job.region, MODEL, job.spec["customModelName"]):
        return _fail(cloud, job, at, "The custom model's name was taken while the job ran.")
    try:
        job.facts |= _write_artifacts(cloud, job)
    except AwsError as wrong:
        return _fail(cloud, job, at, f"The output could not be written: {wrong.message}")
    _close_phase(job, "Completed", at)
    job.enter("Completed", at)
    job.ended = at
    job.facts["model_arn"] = add_model(cloud, job, at).arn
    return None


def failed(cloud: Cloud, job: Resource, at: float, data: Mapping[str, Any]) -> None:
    _fail(cloud, job, at, data["reason"])


def stopped(_: Cloud, job: Resource, at: float, __: Mapping[str, Any]) -> None:
    _close_phase(job, "Stopped", at)
    job.enter("Stopped", at)
    job.ended = at


def _fail(cloud: Cloud, job: Resource, at: float, reason: str) -> None:
    cloud.world.cancel(job)
    _close_phase(job, "Failed", at)
    job.enter("Failed", at, failure=reason[:2048])
    job.ended = at


def _enter_phase(job: Resource, phase: str, at: float) -> None:
    job.secondary = phase
    job.updated = at
    job.facts["phases"][phase] = {"status": "InProgress", "started": at, "updated": at}


def _close_phase(job: Resource, status: str, at: float) -> None:
    """End the phase that is under way: the last that was entered."""
    phase = job.facts["phases"][list(job.facts["phases"])[-1]]
    phase["status"], phase["updated"] = status, at


# -- data in, artifacts out


def _data_problems(cloud: Cloud, job: Resource) -> Iterator[str]:
    """Everything that validation finds; remembers how many records there are to train on."""
    model = foundation_of(job)
    for role, uri in (("training", _training_uri(job)), *(("validation", uri) for uri in _validation_uris(job))):
        content = cloud.objects.get(uri) if uri else None
        if content is None:
            yield f"The {role} data could not be found at {uri}. Check that the object exists."
            continue
        try:
            rules = model if role == "training" else _unlimited(model)
            records = check_records(content.splitlines(), model=rules, customization=job.spec["customizationType"])
        except InvalidData as wrong:
            yield f"The {role} data at {uri} is not valid: {wrong}"
        else:
            job.facts[f"{role}_records"] = records
    if cloud.objects.list(job.spec["outputDataConfig"]["s3Uri"]) is None:
        yield f"The output bucket of {job.spec['outputDataConfig']['s3Uri']} does not exist."


def _unlimited(model: FoundationModel) -> FoundationModel:
    """The model's rules without its bounds on the number of records, which are for training data."""
    return replace(model, records=None)


def _write_artifacts(cloud: Cloud, job: Resource) -> Mapping[str, Any]:
    training = _curve(job)
    validators = len(_validation_uris(job))
    prefix = f"{job.spec['outputDataConfig']['s3Uri'].rstrip('/')}/model-customization-job-{job.arn[-12:]}"
    for path, content in artifacts(training, validators=validators).items():
        cloud.objects.put(f"{prefix}/{path}", content)
    return {"training_loss": training.training_loss, "validation_losses": [training.validation_loss] * validators}


def _curve(job: Resource) -> Curve:
    records = job.facts["training_records"]
    return curve(job.name, records=records, epochs=_whole(job, "epochCount"), batch_size=_whole(job, "batchSize"))


def _whole(job: Resource, key: str) -> int:
    """A hyperparameter as a whole number of at least 1; 1 when it was left out or is no number."""
    try:
        return max(1, int(float((job.spec.get("hyperParameters") or {}).get(key, 1))))
    except (ValueError, OverflowError):
        return 1


def _data_size(cloud: Cloud, job: Resource) -> int:
    """In bytes; 0 when it is not there, which validation will find out."""
    uri = _training_uri(job)
    return len((cloud.objects.get(uri) if uri else None) or b"")


def _training_uri(job: Resource) -> str:
    return str(job.spec["trainingDataConfig"].get("s3Uri") or "")


def _validation_uris(job: Resource) -> list[str]:
    return [validator["s3Uri"] for validator in (job.spec.get("validationDataConfig") or {}).get("validators", [])]


list_jobs = listing(JOB, "modelCustomizationJobSummaries", job_row, {**CREATION_TIME, "statusEquals": status_equals})
