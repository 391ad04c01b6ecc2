"""Why, in sentences that a reviewer understands in seconds. For people: nothing here steers anything."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, TrainingPhase, TrainingRun
from reconciler.domain.outcome import FaultKind
from reconciler.domain.plan import Effect, FieldChange, Reason
from reconciler.domain.quantity import format_duration
from reconciler.planner.decide import Parent, Wish
from reconciler.planner.rest import moment
from reconciler.planner.serving import Serving, immutable_fields, leads_to, rolling_fields
from reconciler.planner.situation import Situation, is_committed
from reconciler.planner.training import Training, failures, live_runs

_MOST = 6
"""Fields named in one sentence; the plan lists them all."""


def why_training(s: Situation, fields: Iterable[FieldChange]) -> tuple[Reason, ...]:
    """For whatever the training's decision is."""
    told = _training_state(s, fields)
    match s.parent.state:
        case Parent.READY:
            return told
        case Parent.COMING if _would_start(s):
            return (*told, _reason("waits-for-parent", f"builds on {s.want.resolved.parent}, which comes first"))
        case Parent.STALLED if _would_start(s):
            text = f"builds on {s.want.resolved.parent}, whose version {_parent_version(s)} is not going to be trained"
            return (*told, _reason("parent-stalled", f"{text}: see {s.want.resolved.parent}"))
    return told


def why_serving(s: Situation) -> tuple[Reason, ...]:
    """For whatever the decision about what serves is."""
    if s.wish is Wish.DEPLOYED:
        return _why_bring_up(s)
    return _why_take_down(s)


def committed(deployment: Deployment) -> Reason:
    ends = deployment.commitment_ends_at
    text = f"{deployment.name} is committed until {moment(ends) if ends else 'an unknown time'}: AWS does not delete it before"
    return _reason("committed", f"{text}; apply again then")


def changed_fields(fields: Iterable[FieldChange], *effects: Effect) -> str:
    """``epochs 3 → 5, learningRate 0.0001 → 0.00002``."""
    chosen = [field for field in fields if not effects or field.effect in effects]
    told = [f"{_label(field.path)} {_value(field.before)} → {_value(field.after)}" for field in chosen[:_MOST]]
    more = len(chosen) - _MOST
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _training_state(s: Situation, fields: Iterable[FieldChange]) -> tuple[Reason, ...]:
    run = s.training.run
    halted = s.want.resolved.training_stopped
    match s.training.state:
        case Training.UNTRAINED if halted:
            return (_reason("training-stopped-as-asked", "the manifest says `training.state: stopped`"),)
        case Training.UNTRAINED:
            return (*_untrained(s, fields), *_serves_meanwhile(s))
        case Training.LOST:
            text = f"the trained model of version {_version(s)} is gone from the cloud; nobody asked for that"
            return (_reason("artifact-gone", text),)
        case Training.NO_CAPACITY | Training.RETRYABLE | Training.FAILED:
            return (_failed(s, run),)
        case Training.STOPPED:
            return (_stopped(s, run),)
        case Training.RUNNING if halted:
            return (
                _reason("stop-asked", f"the manifest says `training.state: stopped`; {_named(run)} is in progress"),
            )
        case Training.RUNNING | Training.STOPPING | Training.SETTLING:
            return (_reason(*_moving_training(s, run)),)
        case Training.REJECTED:
            missed = "; ".join(str(miss) for miss in s.missed)
            text = f"version {_version(s)} is not deployed: {missed}. Change what is trained, or the bound"
            return (_reason("promotion-not-passed", text), *_serves_meanwhile(s))
        case Training.TRAINED:
            return (_reason("as-desired", f"version {_version(s)} is trained"),)


def _would_start(s: Situation) -> bool:
    """Whether an attempt would begin if only the parent were there."""
    if s.want.resolved.training_stopped:
        return False
    match s.training.state:
        case Training.UNTRAINED | Training.LOST | Training.NO_CAPACITY | Training.RETRYABLE:
            return True
        case Training.FAILED | Training.STOPPED:
            return s.retrain
        case _:
            return False


def _untrained(s: Situation, fields: Iterable[FieldChange]) -> tuple[Reason, ...]:
    if s.baseline is None:
        return (_reason("not-trained", f"{s.want.name} has not been trained yet"),)
    changed = changed_fields(fields, Effect.RETRAIN)
    if changed:
        return (_reason("training-changed", f"{changed}: this changes what is trained"),)
    text = f"the fingerprint is {_version(s)}, and only {short(s.baseline)} is trained"
    return (
        _reason("fingerprint-changed", f"{text}; what was recorded for that cannot be read, so no field can be named"),
    )


def _serves_meanwhile(s: Situation) -> tuple[Reason, ...]:
    served = leads_to(s.current) if s.current and s.wish is Wish.DEPLOYED else None
    if served is None or served == s.want.fingerprint:
        return ()
    until = "passes its promotion" if s.want.resolved.promotion else "is trained"
    return (_reason("serves-meanwhile", f"version {short(served)} keeps serving until {_version(s)} {until}"),)


def _failed(s: Situation, run: TrainingRun | None) -> Reason:
    if run is not None and run.phase is TrainingPhase.COMPLETED:
        return _lost_again(s)
    what = f"{_named(run)} failed: {_cause(run)}"
    if s.want.resolved.training_stopped:
        return _reason("training-failed", f"{what}. The manifest says `training.state: stopped`")
    if s.training.state is Training.NO_CAPACITY:
        return _reason("no-capacity", f"{what}. The next attempt uses {s.training.next_instance_type}")
    if s.training.state is Training.RETRYABLE:
        return _reason("training-failed", f"{what}. Retry {_retries(s)} of {s.want.resolved.training_retries}")
    if s.retrain:
        return _reason("retrain-asked", f"`--retrain` asks for another attempt. {what}")
    return _reason("training-failed", f"{what}. {_way_out(s, run)}")


def _lost_again(s: Situation) -> Reason:
    told = f"the trained model of version {_version(s)} is gone from the cloud again, after it was trained once more"
    if s.retrain:
        return _reason("retrain-asked", f"`--retrain` asks for another attempt: {told}")
    again = f"`reconciler apply --retrain {s.want.name}`"
    return _reason("artifact-gone", f"{told}. Find what deletes it, such as a rule of the bucket; then run {again}")


def _way_out(s: Situation, run: TrainingRun | None) -> str:
    again = f"run `reconciler apply --retrain {s.want.name}`"
    match run.failure.kind if run and run.failure else None:
        case FaultKind.INPUT:
            other = "after another image, instance type or access to the base model"
            return f"It is not retried, since the same would be refused again: change the manifest; {other}, {again}"
        case FaultKind.QUOTA:
            return f"Raise the account's quota, then {again}"
        case FaultKind.CAPACITY:
            return (
                f"No instance type of the manifest is left to try: add one to `fallbackInstanceTypes`, or later {again}"
            )
        case _:
            return f"No retries are left: change the manifest, raise `revision`, or {again}"


def _retries(s: Situation) -> int:
    runs = live_runs(s.seen.version(s.want.fingerprint))
    return failures(runs, counts_capacity=s.want.resolved.resources is None)


def _stopped(s: Situation, run: TrainingRun | None) -> Reason:
    if s.want.resolved.training_stopped:
        return _reason("training-stopped-as-asked", "the manifest says `training.state: stopped`")
    if s.stopped_as_asked:
        return _reason("stopped-before", f"{_named(run)} was stopped when the manifests asked for that")
    if s.retrain:
        return _reason("retrain-asked", f"`--retrain` asks for another attempt; {_named(run)} was stopped")
    again = f"`reconciler apply --retrain {s.want.name}`"
    resources = s.want.resolved.resources
    if run is not None and run.stopped_by_limit and resources is not None:
        limit = format_duration(resources.max_runtime)
        return _reason("runtime-exceeded", f"{run.name} ran into `maxRuntime` ({limit}): raise it, then run {again}")
    return _reason("training-stopped", f"{_named(run)} was stopped: raise `revision`, or run {again}")


def _moving_training(s: Situation, run: TrainingRun | None) -> tuple[str, str]:
    detail = f" ({run.detail})" if run and run.detail else ""
    match s.training.state:
        case Training.RUNNING:
            return "training", f"{_named(run)} is in progress{detail}"
        case Training.STOPPING:
            return "stopping", f"{_named(run)} is being stopped"
        case _:
            return "artifact-pending", f"{_named(run)} is completed; its trained model is not there yet"


def _why_bring_up(s: Situation) -> tuple[Reason, ...]:
    name, current = s.endpoint, s.current
    match s.serving:
        case Serving.ABSENT:
            return (_reason("not-deployed", f"the manifest wants version {_version(s)} deployed"),)
        case Serving.LOST:
            return (_reason("deployment-gone", f"{_kind(s)} {name} is gone; nobody asked for that"),)
        case Serving.AS_DESIRED:
            return (_reason("as-desired", f"{_kind(s)} {name} serves version {_version(s)}"),)
    assert current is not None, "every other standing is a deployment's"
    return (_why_change(s, current),)


def _why_change(s: Situation, current: Deployment) -> Reason:
    is_, again = f"{current.kind} {current.name} is {current.phase}", f"`reconciler apply --redeploy {s.want.name}`"
    wanted = s.want.resolved.deployment
    match s.serving:
        case Serving.MOVING_ELSEWHERE | Serving.MOVING_APART:
            return _reason("deployment-moving", f"{is_}; what is wanted now, version {_version(s)}, comes after")
        case Serving.VANISHING:
            return _reason("deployment-going", f"{is_}; nobody asked for that. It is deployed again once it is gone")
        case Serving.OUTDATED if leads_to(current) == s.want.fingerprint:
            return _reason("hosting-changed", changed_fields(rolling_fields(wanted, current)))
        case Serving.OUTDATED:
            passed = " and has passed its promotion" if s.want.resolved.promotion else ""
            text = f"{current.name} serves version {_short(leads_to(current))}; {_version(s)} is trained{passed}"
            return _reason("newer-version", text)
        case Serving.CHANGED:
            return _reason("changed-outside", f"{_changed_outside(s, current)}; nobody asked for that")
        case Serving.IMMUTABLE if is_committed(current, s.now):
            return committed(current)
        case Serving.IMMUTABLE:
            changed = changed_fields(immutable_fields(wanted, current))
            text = f"{changed} cannot be changed in place: {current.name} is undeployed and deployed again"
            return _reason("cannot-change-in-place", f"{text}, and does not serve in between")
        case Serving.ROLLED_BACK if s.redeploy:
            return _reason("redeploy-asked", f"`--redeploy` asks to try again: {_went_wrong(current)}")
        case Serving.ROLLED_BACK:
            text = f"AWS rolled {current.name} back to version {_short(current.fingerprint)}: {_went_wrong(current)}"
            return _reason("rolled-back", f"{text}. Change the manifest, or run {again}")
        case Serving.FAILED if not s.redeploy:
            text = f"{current.name} failed: {_went_wrong(current)}"
            return _reason("deployment-failed", f"{text}. Change the manifest, or run {again}")
        case Serving.FAILED | Serving.FAILED_BEFORE:
            return _reason("deployment-failed", f"{current.name} failed: {_went_wrong(current)}. It is deployed anew")
        case _:
            return _reason("deployment-moving", is_)


def _changed_outside(s: Situation, current: Deployment) -> str:
    if leads_to(current) is None:
        return f"{current.name} serves something that is none of this project's versions"
    return f"{current.name} runs differently: {changed_fields(rolling_fields(s.want.resolved.deployment, current))}"


def _why_take_down(s: Situation) -> tuple[Reason, ...]:
    asked = _reason("undeployed-as-asked", "the manifest says `deployment.state: undeployed`")
    why = _reason(s.rest.code, f"not deployed: {s.rest.message}{_way_back(s)}") if s.rest else asked
    if s.current is None:
        return (why,)
    if is_committed(s.current, s.now):
        return (why, committed(s.current))
    moving = (Serving.MOVING, Serving.MOVING_ELSEWHERE, Serving.MOVING_APART, Serving.DELETING, Serving.VANISHING)
    if s.serving in moving:
        return (why, _reason("deployment-moving", f"{s.current.kind} {s.current.name} is {s.current.phase}"))
    return (why,)


def _way_back(s: Situation) -> str:
    """What has run out can be asked for again; the clock's rules cannot."""
    if s.rest is None or s.rest.code not in ("undeployed-by-schedule", "idle"):
        return ""
    return f"; `reconciler apply --redeploy {s.want.name}` deploys it again"


def _went_wrong(deployment: Deployment) -> str:
    return deployment.failure.message if deployment.failure else "AWS gives no reason"


def _cause(run: TrainingRun | None) -> str:
    return run.failure.message.rstrip(".") if run and run.failure else "AWS gives no reason"


def _kind(s: Situation) -> str:
    return f"{s.want.resolved.deployment.kind} deployment"


def _named(run: TrainingRun | None) -> str:
    return f"training {run.name}" if run else "the training"


def _version(s: Situation) -> str:
    return short(s.want.fingerprint)


def _parent_version(s: Situation) -> str:
    return _short(s.want.parent_fingerprint)


def _short(fingerprint: str | None) -> str:
    return short(fingerprint) if fingerprint else "unknown"


def _label(path: str) -> str:
    """What the reader knows the field by: without the parts that every path has."""
    if path.startswith("spec.dataset.") and path.endswith(".digest"):
        return f"{path.split('.')[2]} data"
    return path.removeprefix("spec.").removeprefix("hyperparameters.").removeprefix("deployment.")


def _value(value: Any) -> str:
    """As a manifest would write it: ``true``, and not ``True``."""
    match value:
        case None:
            return "(none)"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False, default=str)


def _reason(code: str, message: str) -> Reason:
    return Reason(code=code, message=message)
