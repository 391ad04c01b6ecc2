"""From what is wanted and what was seen to a Plan. Pure; the caller prices and seals it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.domain.desired import Configuration, DesiredModel
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.naming import endpoint_name, schedule_name, short, version_name
from reconciler.domain.observation import ForeignResource, ModelObservation, Snapshot
from reconciler.domain.plan import Action, Change, Effect, FieldChange, FollowUp, Plan, PlanOptions, Reason, Transition
from reconciler.planner.check import check
from reconciler.planner.decide import Parent, Wish
from reconciler.planner.digest import snapshot_digest
from reconciler.planner.guard import Case, collision, foreign, guard, model_name
from reconciler.planner.order import children_first, in_order, parents_first
from reconciler.planner.serving import Serving
from reconciler.planner.situation import ParentStanding, Situation, situation
from reconciler.planner.status import conditions_of
from reconciler.planner.training import is_trained
from reconciler.planner.unwanted import Farewell, stop_trainings, teardown
from reconciler.planner.wanted import changes_for

Recorded = Mapping[tuple[str, str], DesiredModel]

_NOTHING_RECORDED: Recorded = MappingProxyType({})


def make_plan(
    configuration: Configuration,
    desired: Sequence[DesiredModel],
    snapshot: Snapshot,
    options: PlanOptions,
    recorded: Recorded = _NOTHING_RECORDED,
) -> Plan:
    """What to do so that the cloud becomes as ``desired``, in an order in which it can be done.

    ``recorded[(model, fingerprint)]`` is what was written beside a version when it was trained or deployed last; without
    it, reasons cannot name fields, and nothing that is gone counts as drift. Diagnostics with errors forbid applying.
    """
    draft = _Draft(snapshot, parents_first(() if options.destroy else desired), options, recorded)
    changes, collisions = _single(draft.changes())
    case = Case(snapshot, draft.wanted, draft.doomed, changes, options)
    plan = Plan(
        project=snapshot.project,
        environment=configuration.project.environment,
        cloud=snapshot.cloud,
        account=snapshot.account,
        region=snapshot.region,
        observed_at=snapshot.observed_at,
        manifests_digest=configuration.digest,
        snapshot_digest=snapshot_digest(snapshot),
        changes=in_order(_drifted(changes) if options.refresh_only else changes),
        diagnostics=_sorted((*draft.diagnostics, *collisions, *guard(case))),
        targets=tuple(sorted(options.targets)),
        destroy=options.destroy,
    )
    return check(plan, snapshot)


@dataclass(frozen=True)
class _Outcome:
    """What was planned for one wanted model; its children look at it."""

    situation: Situation
    changes: tuple[Change, ...]
    renaming: bool


class _Draft:
    """The changes of every model: the wanted ones, parents before children; then what is left over."""

    def __init__(
        self, snapshot: Snapshot, wanted: tuple[DesiredModel, ...], options: PlanOptions, recorded: Recorded
    ) -> None:
        self.snapshot = snapshot
        self.wanted = wanted
        self.options = options
        self.recorded = recorded
        self.targets = {model_name(target) for target in options.targets}
        self.outcomes: dict[str, _Outcome] = {}
        self.diagnostics: list[Diagnostic] = []
        self.doomed: tuple[ModelObservation, ...] = tuple(m for m in snapshot.models if self._is_doomed(m))

    def changes(self) -> tuple[Change, ...]:
        for want in self.wanted:
            self.outcomes[want.name] = self._outcome(want)
        planned = [c for outcome in self.outcomes.values() for c in outcome.changes]
        wanted = [self._with_conditions(change) for change in _in_scope(planned, self.targets)]
        return (*wanted, *self._farewells())

    def _outcome(self, want: DesiredModel) -> _Outcome:
        former = self._former(want)
        seen = self._seen(want)
        s = situation(
            want,
            _merged(seen, former) if former else seen,
            self.snapshot.observed_at,
            self.recorded,
            self.options,
            self._parent(want),
        )
        replaced = self._replaced(want)
        changes = (*_then_undeploying(changes_for(s), replaced), *(c for old in replaced for c in _replacing(s, old)))
        if former is not None:
            changes = (_renaming(s, former, changes),)
        strangers = [f for f in self.snapshot.foreign if _is_in_the_way(f, want, changes)]
        if strangers:
            self.diagnostics.extend(foreign(stranger, want) for stranger in strangers)
            changes = (_blocked(s, strangers, drift=any(change.drift for change in changes)),)
        return _Outcome(s, changes, renaming=former is not None)

    def _seen(self, want: DesiredModel) -> ModelObservation:
        provider = want.resolved.provider
        found = [m for m in self.snapshot.models if (m.name, m.provider) == (want.name, provider)]
        return found[0] if found else ModelObservation(name=want.name, provider=provider)

    def _former(self, want: DesiredModel) -> ModelObservation | None:
        """Under the name of before a rename, as long as anything carries that."""
        former = want.resolved.renamed_from
        if former is None or any(model.name == former for model in self.wanted):
            return None
        found = [m for m in self.snapshot.models if (m.name, m.provider) == (former, want.resolved.provider)]
        return found[0] if found and _holds_anything(found[0]) else None

    def _parent(self, want: DesiredModel) -> ParentStanding:
        outcome = self.outcomes.get(want.resolved.parent or "")
        if want.resolved.parent is None or outcome is None:
            return ParentStanding()
        trained = is_trained(outcome.situation.seen.version(want.parent_fingerprint or ""))
        if trained and not outcome.renaming:
            return ParentStanding()
        coming = (Action.TRAIN, Action.WAIT, Action.UPDATE) if outcome.renaming else (Action.TRAIN, Action.WAIT)
        trains = outcome.renaming or any(a in coming for a in outcome.situation.training_decision.actions)
        ids = tuple(change.id for change in outcome.changes if change.action in coming and trains)
        return ParentStanding(Parent.COMING, ids) if ids else ParentStanding(Parent.STALLED)

    def _replaced(self, want: DesiredModel) -> list[ModelObservation]:
        """What another provider still holds of a model that has changed its provider."""
        kept = {model.name for model in self.wanted}
        names = {want.name, want.resolved.renamed_from} - (kept - {want.name})
        others = [m for m in self.snapshot.models if m.name in names and m.provider is not want.resolved.provider]
        return [other for other in others if _holds_anything(other)]

    def _is_doomed(self, seen: ModelObservation) -> bool:
        former = {model.resolved.renamed_from for model in self.wanted}
        kept = {model.name for model in self.wanted} | former
        in_scope = not self.targets or seen.name in self.targets
        return seen.name not in kept and in_scope and _holds_anything(seen)

    def _farewells(self) -> list[Change]:
        """Children before what they build on."""
        by_name: dict[str, list[Change]] = {}
        parents = {seen.name: seen.parent for seen in self.doomed}
        for name in children_first(parents):
            children = [c for child, changes in by_name.items() if parents[child] == name for c in changes]
            by_name[name] = [c for seen in self.doomed if seen.name == name for c in self._farewell(seen, children)]
        return [change for changes in by_name.values() for change in changes]

    def _farewell(self, seen: ModelObservation, children: Sequence[Change]) -> tuple[Change, ...]:
        held = sorted((c for c in children if not c.action.mutates), key=lambda c: (not c.stalled, c.id))
        deletions = tuple(sorted(c.id for c in children if c.action is Action.DELETE))
        gone = f"the manifest of {seen.name} is gone"
        why = Reason(code="destroy-asked", message="`destroy` was asked for") if self.options.destroy else None
        return teardown(
            Farewell(
                seen=seen,
                now=self.snapshot.observed_at,
                why=why or Reason(code="manifest-gone", message=gone),
                hold=deletions,
                blocked_by=held[0] if held else None,
            )
        )

    def _with_conditions(self, change: Change) -> Change:
        outcome = self.outcomes.get(model_name(change.address))
        if outcome is None:
            return change
        conditions = conditions_of(outcome.situation.seen, outcome.situation.want, outcome.changes)
        return change.model_copy(update={"conditions": conditions})


def _then_undeploying(changes: Sequence[Change], replaced: Sequence[ModelObservation]) -> tuple[Change, ...]:
    """What leads to the new deployment leads to the end of the old one."""
    old = [deployment.name for other in replaced for deployment in other.deployments]
    undeploys = tuple(FollowUp(action=Action.UNDEPLOY, target=name, why="once its successor stands") for name in old)
    leading = (Action.TRAIN, Action.WAIT, Action.DEPLOY, Action.ROLL)
    return tuple(
        change.model_copy(update={"then": (*change.then, *undeploys)}) if change.action in leading else change
        for change in changes
    )


def _replacing(s: Situation, other: ModelObservation) -> tuple[Change, ...]:
    """The old provider's things go once the new one's stand; its trainings at once."""
    text = f"{s.want.name} is on {s.want.resolved.provider} now"
    farewell = Farewell(other, s.now, Reason(code="provider-changed", message=text), instead=s.want)
    stands = s.is_ready and (s.wish is not Wish.DEPLOYED or s.serving is Serving.AS_DESIRED)
    if not stands:
        return stop_trainings(farewell)
    changes = teardown(farewell)
    return tuple(c for c in changes if c.action is not Action.DELETE) if other.prevent_destroy else changes


def _holds_anything(seen: ModelObservation) -> bool:
    return bool(seen.deployments or seen.schedules or any(not version.is_gone for version in seen.versions))


def _merged(seen: ModelObservation, former: ModelObservation) -> ModelObservation:
    """While a rename is under way, some things carry the new name and some the former."""
    fingerprints = dict.fromkeys(version.fingerprint for version in (*former.versions, *seen.versions))
    versions = [former.version(f) or seen.version(f) for f in fingerprints]
    return former.model_copy(
        update={
            "name": seen.name,
            "versions": tuple(version for version in versions if version is not None),
            "deployments": (*former.deployments, *seen.deployments),
            "schedules": (*former.schedules, *seen.schedules),
        }
    )


def _renaming(s: Situation, former: ModelObservation, changes: Sequence[Change]) -> Change:
    """Tags first; whatever else there is to do follows under the new name."""
    acting = [change for change in changes if change.action.mutates and change.action is not Action.UPDATE]
    then = [FollowUp(action=c.action, target=c.target, why="once the tags name the new model") for c in acting]
    after = [follow_up for change in changes for follow_up in change.then]
    field = FieldChange(path="metadata.name", before=former.name, after=s.want.name, effect=Effect.IN_PLACE)
    told = f"{former.name} is called {s.want.name} now: its tags are changed, nothing is trained for that"
    final = changes[0].status_then if changes else s.status
    return Change(
        address=s.want.address,
        action=Action.UPDATE,
        target=endpoint_name(s.want.name),
        provider=s.want.resolved.provider,
        fingerprint=s.want.fingerprint,
        reasons=(Reason(code="renamed", message=told),),
        fields=(field,),
        status=Transition(now=s.status, then=final),
        then=tuple(dict.fromkeys((*then, *after))),
    )


def _is_in_the_way(stranger: ForeignResource, want: DesiredModel, changes: Iterable[Change]) -> bool:
    """It has a name that one of the changes, or what follows them, would create."""
    if stranger.provider is not want.resolved.provider:
        return False
    creating = (Action.TRAIN, Action.DEPLOY, Action.ROLL)
    named = {change.target for change in changes if change.action in creating}
    named |= {follow_up.target for change in changes for follow_up in change.then if follow_up.action in creating}
    if not named:
        return False
    version = version_name(want.name, want.fingerprint)
    own = {version, endpoint_name(want.name), *(schedule_name(want.name, p) for p in ("deploy", "undeploy"))}
    return stranger.name in named | own or stranger.name.startswith(f"{version}-")


def _blocked(s: Situation, strangers: Sequence[ForeignResource], *, drift: bool) -> Change:
    told = "; ".join(f"{f.kind} {f.name} belongs to somebody else ({f.identifier})" for f in strangers)
    return Change(
        address=s.want.address,
        action=Action.NO_OP,
        target=strangers[0].name,
        provider=s.want.resolved.provider,
        fingerprint=s.want.fingerprint,
        reasons=(
            Reason(code="foreign-resource", message=f"{told}: version {short(s.want.fingerprint)} cannot be made"),
        ),
        status=Transition(now=s.status, then=s.status),
        stalled=True,
        drift=drift,
    )


def _in_scope(changes: Sequence[Change], targets: set[str]) -> list[Change]:
    """Of the targeted models, and of those that they wait for."""
    if not targets:
        return list(changes)
    by_id = {change.id: change for change in changes}
    chosen = {f"FineTunedModel/{target}" for target in targets}
    while True:
        needed = {by_id[n].address for c in changes if c.address in chosen for n in c.depends_on if n in by_id}
        if needed <= chosen:
            return [change for change in changes if change.address in chosen]
        chosen |= needed


def _single(changes: Sequence[Change]) -> tuple[list[Change], list[Diagnostic]]:
    """Every id once: of two models that come to one name, the first; the other is told as an error."""
    single: dict[str, Change] = {}
    collisions: list[Diagnostic] = []
    for change in changes:
        first = single.setdefault(change.id, change)
        if first.address != change.address:
            collisions.append(collision(first, change))
    return list(single.values()), collisions


def _drifted(changes: Sequence[Change]) -> list[Change]:
    """Only what the cloud did."""
    kept = {change.id for change in changes if change.drift}
    return [
        change.model_copy(update={"depends_on": tuple(n for n in change.depends_on if n in kept)})
        for change in changes
        if change.id in kept
    ]


def _sorted(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    unique = dict.fromkeys(diagnostics)
    return tuple(sorted(unique, key=lambda d: (d.severity, d.address or "", d.code, d.detail)))
