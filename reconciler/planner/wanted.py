"""The changes of one model that has a manifest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import short
from reconciler.domain.observation import Deployment, DeploymentPhase, TrainingPhase, Version
from reconciler.domain.plan import Action, Change, Effect, FieldChange, FollowUp, Reason
from reconciler.domain.status import Status
from reconciler.planner.decide import Decision, Wish
from reconciler.planner.diff import differences
from reconciler.planner.reasons import changed_fields, committed, why_serving, why_training
from reconciler.planner.rest import AUTO_UNDEPLOY, DEPLOY, expected_purposes
from reconciler.planner.serving import Serving, immutable_fields, leads_to, rolling_fields, was_deployed_so
from reconciler.planner.situation import Situation, active_versions, is_committed, name_in_cloud
from reconciler.planner.training import Training, is_active, is_trained, live_runs


def changes_for(s: Situation) -> tuple[Change, ...]:
    """What is done about one model on its own provider; never empty: a no-op says why nothing is."""
    training, serving = [*_training_changes(s)], [*_serving_changes(s)]
    beside = [*_stops(s), *_extra_deployments(s), *_updates(s)]
    loud = [change for change in (*training, *serving, *beside) if change.is_pending]
    if loud:
        return tuple(loud)
    return (*_retention(s), *(training or serving)[:1])


def follow_ups(s: Situation) -> tuple[FollowUp, ...]:
    """What comes once the wanted version is trained."""
    if s.wish is not Wish.DEPLOYED:
        scheduled = FollowUp(action=Action.UPDATE, target=s.endpoint, why="once trained, schedules that keep its hours")
        return (scheduled,) if _rests_by_the_clock(s) else ()
    decision = s.serving_decision(ready=True)
    actions = [action for action in (*decision.actions, *decision.then) if action.mutates]
    when = "once trained and promoted" if s.want.resolved.promotion else "once trained"
    serving = [FollowUp(action=action, target=s.endpoint, why=when) for action in actions]
    extra = [
        FollowUp(action=Action.UNDEPLOY, target=d.name, why=f"once {s.endpoint} serves") for d in _standing_others(s)
    ]
    return (*serving, *extra)


def _training_changes(s: Situation) -> Iterator[Change]:
    decision = s.training_decision
    for action in decision.actions:
        yield _training_change(s, action, decision)


def _training_change(s: Situation, action: Action, decision: Decision) -> Change:
    starts = action is Action.TRAIN
    waits_for_parent = action is Action.WAIT and bool(s.parent.depends_on) and not _moves(s)
    fields = _training_fields(s) if starts or waits_for_parent else ()
    waits_to_begin = waits_for_parent or _begins_anew(s, action)
    when = "once the parent is trained" if waits_for_parent else "once it has stopped"
    begin = FollowUp(action=Action.TRAIN, target=s.attempt_name, why=when)
    then = follow_ups(s) if action in (Action.TRAIN, Action.WAIT) else ()
    return _change(
        s,
        action,
        s.attempt_name if starts or waits_for_parent or s.training.run is None else s.training.run.name,
        decision=decision,
        attempt=s.training.next_attempt if starts or waits_for_parent else _attempt(s),
        instance_type=s.training.next_instance_type if starts or waits_to_begin else None,
        reasons=why_training(s, fields),
        fields=fields,
        depends_on=s.parent.depends_on if starts or waits_for_parent else (),
        then=(begin, *then) if waits_to_begin else then,
    )


def _begins_anew(s: Situation, action: Action) -> bool:
    return action is Action.WAIT and s.retrain and s.training.state is Training.STOPPING


def _moves(s: Situation) -> bool:
    return s.training.state in (Training.RUNNING, Training.STOPPING, Training.SETTLING)


def _attempt(s: Situation) -> int | None:
    return s.training.run.attempt if s.training.run else None


def _training_fields(s: Situation) -> tuple[FieldChange, ...]:
    """Against the version that is replaced; of a new model, everything; nothing where that was not recorded."""
    if s.training.state is not Training.UNTRAINED:
        return ()
    if s.baseline is None:
        return differences(None, s.want)
    before = s.recorded.get((s.want.name, s.baseline))
    return differences(_as_running(before, s.want), s.want) if before else ()


def _as_running(before: DesiredModel, want: DesiredModel) -> DesiredModel:
    """That its training was stopped is written beside it, and is no difference in what is asked for."""
    halted = want.resolved.training_stopped
    return before.model_copy(update={"resolved": before.resolved.model_copy(update={"training_stopped": halted})})


def _serving_changes(s: Situation) -> Iterator[Change]:
    """One after the other: each depends on the one before."""
    decision = s.serving_decision(ready=s.is_ready)
    if s.wish is Wish.DEPLOYED and not s.is_ready:
        return
    before: tuple[str, ...] = ()
    for action in decision.actions:
        change = _change(
            s,
            action,
            s.current.name if s.current and action is Action.UNDEPLOY else s.endpoint,
            decision=decision,
            deployment=s.current.identifier if s.current and action is Action.UNDEPLOY else None,
            reasons=why_serving(s),
            fields=_serving_fields(s, action),
            depends_on=before,
            then=tuple(FollowUp(action=a, target=s.endpoint, why="once it stands still") for a in decision.then)
            + _undeploy_others(s, action),
        )
        before = (change.id,)
        yield change


def _undeploy_others(s: Situation, action: Action) -> tuple[FollowUp, ...]:
    if action not in (Action.DEPLOY, Action.WAIT) or s.wish is not Wish.DEPLOYED:
        return ()
    return tuple(
        FollowUp(action=Action.UNDEPLOY, target=d.name, why=f"once {s.endpoint} serves") for d in _standing_others(s)
    )


def _serving_fields(s: Situation, action: Action) -> tuple[FieldChange, ...]:
    if s.current is None:
        return ()
    wanted = s.want.resolved.deployment
    match action:
        case Action.ROLL:
            return rolling_fields(wanted, s.current)
        case Action.DEPLOY:
            return (*immutable_fields(wanted, s.current), *rolling_fields(wanted, s.current))
        case Action.UNDEPLOY if s.wish is Wish.UNDEPLOYED:
            path = "spec.deployment.state"
            return (FieldChange(path=path, before="deployed", after="undeployed", effect=Effect.IN_PLACE),)
        case _:
            return ()


def _stops(s: Situation) -> Iterator[Change]:
    """Trainings of versions that no manifest wants any more."""
    others = [version for version in s.seen.versions if version.fingerprint != s.want.fingerprint]
    for version, run in [(v, run) for v in others for run in live_runs(v) if is_active(run)]:
        action = Action.STOP if run.phase is TrainingPhase.IN_PROGRESS else Action.WAIT
        text = f"it trains version {short(version.fingerprint)}, and the manifest wants {short(s.want.fingerprint)}"
        reason = Reason(code="superseded", message=text)
        yield _change(s, action, run.name, fingerprint=version.fingerprint, attempt=run.attempt, reasons=(reason,))


def _others(s: Situation) -> list[Deployment]:
    """Deployments under a former name, or of a second kind."""
    return [deployment for deployment in s.seen.deployments if deployment != s.current]


def _standing_others(s: Situation) -> list[Deployment]:
    return [deployment for deployment in _others(s) if deployment.phase is not DeploymentPhase.DELETING]


def _extra_deployments(s: Situation) -> Iterator[Change]:
    """They go once the wanted one serves, or at once where none is wanted."""
    serves = s.is_ready and s.serving is Serving.AS_DESIRED
    for deployment in _others(s) if serves or s.wish is not Wish.DEPLOYED else ():
        told = f"{deployment.kind} {deployment.name} is not what the manifest of {s.want.name} asks for"
        reason = Reason(code="superseded", message=told)
        if is_committed(deployment, s.now):
            blocked = Decision((Action.NO_OP,), stalled=True)
            yield _change(s, Action.NO_OP, deployment.name, decision=blocked, reasons=(reason, committed(deployment)))
        elif deployment.phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.FAILED, DeploymentPhase.UPDATE_FAILED):
            yield _change(s, Action.UNDEPLOY, deployment.name, deployment=deployment.identifier, reasons=(reason,))
        else:
            goes = FollowUp(action=Action.UNDEPLOY, target=deployment.name, why="once it stands still")
            then = () if deployment.phase is DeploymentPhase.DELETING else (goes,)
            moving = Reason(code="moving", message=f"it is {deployment.phase}")
            yield _change(s, Action.WAIT, deployment.name, reasons=(reason, moving), then=then)


def _updates(s: Situation) -> Iterator[Change]:
    """Tags and schedules."""
    if not active_versions(s.seen) and not s.seen.deployments and not s.seen.schedules:
        return
    fields = (*_tag_fields(s), *_schedule_fields(s))
    if not fields:
        return
    drift = _was_so(s)
    outside = "; nobody asked for that" if drift else ""
    told = Reason(code="tags-or-schedules-differ", message=f"{changed_fields(fields)}{outside}")
    yield _change(s, Action.UPDATE, s.endpoint, decision=Decision(drift=drift), reasons=(told,), fields=fields)


def _was_so(s: Situation) -> bool:
    """What the manifest says of tags and schedules was written so before: the cloud moved."""
    written = s.recorded.get((s.want.name, s.want.fingerprint))
    if written is None or not was_deployed_so(s.want, written):
        return False
    old, new = written.resolved, s.want.resolved
    same_rules = old.deployment.undeploy == new.deployment.undeploy
    return same_rules and [_tags(old), old.parent] == [_tags(new), new.parent]


def _tags(of: Any) -> list[Any]:
    """Of a resolved model or of what was seen of it: both carry them under the same names."""
    return [of.labels, of.prevent_destroy, of.deletion_policy]


def _tag_fields(s: Situation) -> tuple[FieldChange, ...]:
    resolved, seen = s.want.resolved, s.seen
    pairs: list[tuple[str, Any, Any]] = [
        (f"metadata.labels.{key}", seen.labels.get(key), resolved.labels.get(key))
        for key in sorted({*seen.labels, *resolved.labels})
    ]
    pairs.append(("spec.lifecycle.preventDestroy", seen.prevent_destroy, resolved.prevent_destroy))
    pairs.append(("spec.lifecycle.deletionPolicy", seen.deletion_policy, resolved.deletion_policy))
    if s.is_ready:
        pairs.append(("spec.baseModel.fineTunedModel", seen.parent, resolved.parent))
    return _differing(pairs) if active_versions(seen) or seen.deployments else ()


def _schedule_fields(s: Situation) -> tuple[FieldChange, ...]:
    """Schedules are looked after while the deployment stands as it should, or rests; else what is done next sets them."""
    settled = s.serving in (Serving.AS_DESIRED, Serving.ABSENT, Serving.LOST)
    if not settled or (s.wish is Wish.DEPLOYED and s.serving is not Serving.AS_DESIRED):
        return ()
    rule = s.want.resolved.deployment.undeploy if s.want.resolved.deployment.deployed else None
    if rule is not None and rule.hours is not None and not s.is_ready:
        return ()  # what they would bring back is not there yet
    comes_back = s.is_ready and _rests_by_the_clock(s)
    wanted = expected_purposes(rule) if s.serving is Serving.AS_DESIRED or comes_back else frozenset[str]()
    present = {schedule.purpose for schedule in s.seen.schedules}
    outdated = any(schedule.rule != rule or _brings_back_another(s, schedule) for schedule in s.seen.schedules)
    rests = s.wish is Wish.RESTING and not outdated and not comes_back
    if rests or (present == wanted and not outdated):
        return ()
    before, after = (", ".join(sorted(purposes)) or None for purposes in (present, wanted))
    told_before = f"{before} (another rule)" if outdated else before
    return (FieldChange(path=AUTO_UNDEPLOY, before=told_before, after=after, effect=Effect.IN_PLACE),)


def _rests_by_the_clock(s: Situation) -> bool:
    """Outside its hours: its schedule deploys it when they begin, and must be there even if it never was deployed."""
    rule = s.want.resolved.deployment.undeploy
    return s.wish is Wish.RESTING and rule is not None and rule.hours is not None


def _brings_back_another(s: Situation, schedule: Any) -> bool:
    return schedule.purpose == DEPLOY and schedule.fingerprint not in (None, s.want.fingerprint)


def _differing(pairs: Iterable[tuple[str, Any, Any]]) -> tuple[FieldChange, ...]:
    differing = [(path, before, after) for path, before, after in pairs if before != after]
    return tuple(FieldChange(path=p, before=b, after=a, effect=Effect.IN_PLACE) for p, b, a in differing)


def _retention(s: Situation) -> Iterator[Change]:
    """Only where everything stands as it should: a version is never deleted in the plan that replaces it."""
    if not s.is_ready or any(d.phase is not DeploymentPhase.IN_SERVICE for d in s.seen.deployments):
        return
    held = {s.want.fingerprint} | {leads_to(d) for d in s.seen.deployments}
    held |= {schedule.fingerprint for schedule in s.seen.schedules}
    old = [v for v in active_versions(s.seen) if v.fingerprint not in held and not any(map(is_active, live_runs(v)))]
    trained = [version for version in old if is_trained(version)]
    kept = trained[max(0, len(trained) - s.want.resolved.keep_versions) :]
    for version in (version for version in old if version not in kept):
        yield _delete(s, version, len(trained))


def _delete(s: Situation, version: Version, trained: int) -> Change:
    keeps = s.want.resolved.keep_versions
    beyond = f"{trained} older versions are trained, the manifest keeps {keeps}"
    why = beyond if is_trained(version) else f"nothing came of version {short(version.fingerprint)}"
    target = name_in_cloud(s.want.name, version)
    reason = Reason(code="beyond-retention", message=why)
    return _change(s, Action.DELETE, target, fingerprint=version.fingerprint, reasons=(reason,))


def _change(s: Situation, action: Action, target: str, *, decision: Decision | None = None, **more: Any) -> Change:
    """Every change of a wanted model names the wanted fingerprint, unless it is about another version alone."""
    stalled = decision is not None and decision.stalled
    fields = {
        "address": s.want.address,
        "provider": s.want.resolved.provider,
        "fingerprint": s.want.fingerprint,
        "status": {"now": s.status, "then": s.status if stalled else _final(s, action)},
        "stalled": stalled,
        "drift": decision is not None and decision.drift,
    }
    return Change(action=action, target=target, **(fields | more))


def _final(s: Situation, action: Action) -> Status:
    """Once the change and what follows it are done."""
    if action in (Action.NO_OP, Action.UPDATE, Action.DELETE):
        return s.status
    if s.training_decision.stalled or (s.want.resolved.training_stopped and not s.is_ready):
        return _halted(s, action)
    return Status.DEPLOYED if s.wish is Wish.DEPLOYED else Status.NOT_DEPLOYED


def _halted(s: Situation, action: Action) -> Status:
    """No training will be completed."""
    if action is Action.UNDEPLOY:
        return Status.NOT_DEPLOYED
    stops = s.training.state in (Training.RUNNING, Training.STOPPING)
    return Status.TRAINING_STOPPED if stops and s.current is None else s.status
