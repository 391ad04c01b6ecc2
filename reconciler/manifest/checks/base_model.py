"""Whether the base model can be tuned: instruct, not retired, offered in the region, its weights within reach."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.domain.catalog import LOCAL_FOLDER, FoundationModel, ProviderName, Retirement
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.kinds.fine_tuned_model import WeightsChoice
from reconciler.manifest.view import ModelView


def check_base_model(view: ModelView) -> Iterator[Diagnostic]:
    """Models built on another are checked at the root of their line.

    The embedded cloud serves every region and keeps what AWS has retired.
    """
    if view.base is None or view.parent is not None:
        return
    yield from _instruct(view, view.base)
    yield from _retirement(view, view.base)
    if view.around.is_aws:
        yield from _on_aws(view, view.base)


def _instruct(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    if not base.instruct:
        yield view.error(
            "not-instruct-model",
            "The base model is not an instruct model",
            "baseModel",
            detail=f"`{base.key}` only continues text; training data of prompts and completions needs an instruct model.",
            hint=f"write `{base.instruct_variant}`"
            if base.instruct_variant
            else "`reconciler catalog models` lists them",
        )


def _retirement(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    if base.retirement is None:
        return
    retirement = base.retirement
    replacement = f"use `{retirement.replaced_by}`" if retirement.replaced_by else "choose another base model"
    if view.around.is_aws:
        yield view.error(
            "retired-base-model",
            "AWS has retired the base model",
            "baseModel",
            detail=f"`{base.key}`: {_why(retirement)}",
            hint=f"{replacement}; an account that still can tune it: --allow retired-base-model",
            overridable=True,
        )
    else:
        yield view.note(
            "retired-base-model",
            "AWS has retired the base model; the embedded cloud still tunes it",
            "baseModel",
            detail=f"`{base.key}`: {_why(retirement)}",
            hint=f"{replacement} before moving to aws",
        )


def _why(retirement: Retirement) -> str:
    when = f"on {retirement.on.isoformat()}" if retirement.on else "on a day that is not known"
    return f"{retirement.reason.rstrip('.')} ({retirement.state}, {when})."


def _on_aws(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    if base.local_only:
        yield _local_only(view, base)
        return
    match view.provider:
        case ProviderName.BEDROCK:
            yield from _region(view, base)
        case ProviderName.SAGEMAKER:
            yield from _gated(view, base)
            yield from _eula(view, base)
        case None:
            pass


def _local_only(view: ModelView, base: FoundationModel) -> Diagnostic:
    if base.key == LOCAL_FOLDER:
        return view.error(
            "local-only-base-model",
            "A folder of this machine can be a base model on the embedded cloud alone",
            "baseModel",
            detail="AWS cannot read the folder that `spec.baseModel.path` names.",
            hint="write `cloud: local` in the Project, or name a copy in S3: `baseModel: {key: …, weights: s3://…}`",
        )
    return view.error(
        "local-only-base-model",
        "The base model exists on the embedded cloud alone",
        "baseModel",
        detail=f"`{base.key}` is not offered by AWS.",
        hint="`reconciler catalog models` lists those that are",
    )


def _region(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    """Overridable: AWS adds regions faster than catalogs are released."""
    regions = base.bedrock.tuning_regions if base.bedrock else ()
    if regions and view.around.region not in regions:
        yield view.error(
            "region-unavailable",
            "The base model cannot be tuned in the project's region",
            "baseModel",
            detail=f"Bedrock tunes `{base.key}` in {', '.join(regions)}; the project is in {view.around.region}.",
            hint="change spec.region of the Project, or choose another base model; --allow region-unavailable if AWS has added it",
            overridable=True,
        )


def _gated(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    needed = base.sagemaker is not None and base.sagemaker.gated and not own_weights(view)
    if base.sagemaker is not None and needed and not view.around.has_hugging_face_secret:
        yield view.error(
            "gated-base-model",
            "The base model's weights are gated",
            "baseModel",
            detail=f"`{base.sagemaker.hugging_face_repo}` is given out to accounts that accepted its licence; no token is configured.",
            hint="set spec.huggingFaceTokenSecret of the Project, or name a copy of yours: `baseModel: {key: …, weights: s3://…}`; "
            "--allow gated-base-model if the container brings the weights",
            overridable=True,
        )


def own_weights(view: ModelView) -> bool:
    """The weights lie in a bucket: Hugging Face is not asked."""
    return isinstance(view.spec.base_model, WeightsChoice)


def _eula(view: ModelView, base: FoundationModel) -> Iterator[Diagnostic]:
    """Nobody accepts a licence by leaving a field out, and no flag does it for them."""
    eula = base.sagemaker.eula if base.sagemaker else None
    if eula is not None and not view.spec.accept_eula:
        yield view.error(
            "eula-not-accepted",
            "The base model's licence is not accepted",
            "acceptEula" if view.given("acceptEula") else "baseModel",
            detail=f"`{base.key}` is under the {base.license or 'EULA'}: {eula_address(eula, view.around.region)}",
            hint="read it; if you accept it, write `acceptEula: true`",
        )


def eula_address(eula: str, region: str) -> str:
    """JumpStart publishes licences in its bucket of each region, under the key that the catalog has."""
    host = f"jumpstart-cache-prod-{region}.s3.{region}.amazonaws.com"
    return eula if "://" in eula else f"https://{host}/{eula}"
