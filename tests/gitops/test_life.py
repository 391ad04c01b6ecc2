"""What the workflows of a new project do, step by step, against the embedded cloud and a stand-in for GitHub.

The whole story, from an empty folder on, is in ``specs/gitops.md``; here are the ways in which it can go otherwise.
"""

from __future__ import annotations

import re
from pathlib import Path

import boto3
import pytest

from reconciler.forges.approved import recorded
from reconciler.localcloud import control
from reconciler.stores.plans import read
from tests.forges.github_api import GitHubApi
from tests.forges.http import Reply, Trouble
from tests.gitops.conftest import opened_site
from tests.gitops.runner import ACTION, ROOT, Job
from tests.gitops.site import Site

pytestmark = pytest.mark.slow

MODEL = "models/order-helper.yaml"


def edited(site: Site, *changes: tuple[str, str]) -> dict[str, str]:
    text = (site.local / MODEL).read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return {MODEL: text}


def trainings(site: Site) -> list[str]:
    """What the cloud was made to train."""
    status = control.status(site.runner.workspace / ".reconciler" / "local")
    assert status is not None
    client = boto3.Session("somebody", "else", region_name="us-east-1").client(
        "sagemaker", endpoint_url=status.endpoint_url
    )
    return [job["TrainingJobName"] for job in client.list_training_jobs()["TrainingJobSummaries"]]


def applied_comment(api: GitHubApi, number: int) -> str:
    (found,) = [each.body for each in api.issues[number].comments if "reconciler:apply:" in each.body]
    return found


def test_with_the_action_what_was_approved_by_merging_is_applied(tmp_path: Path) -> None:
    with opened_site(tmp_path, ACTION) as site:
        number = site.open_pull_request("more", edited(site, ("epochs: 3", "epochs: 2")))
        planned = site.last("plan")
        assert_planned(site, planned, number)
        sha = site.merge(number)
        applied = site.last("apply")
        assert (applied.conclusion, applied.outputs["exit-code"]) == ("success", "0"), applied.log
        assert applied.outputs["digest"] == planned.outputs["digest"]
        assert [name.rpartition("-")[0] for name in trainings(site)] == ["order-helper"]
        told = applied_comment(site.api, number)
        assert "### Apply complete&#33; 1 trained" in told
        assert sha[:12] in told
        assert [each.split()[-1].rpartition("/")[2] for each in planned.pip] == ["requirements.lock", ROOT.name]


def assert_planned(site: Site, planned: Job, number: int) -> None:
    assert planned.conclusion == "success", planned.log
    outputs = planned.outputs
    assert (outputs["has-changes"], outputs["exit-code"], outputs["cost-monthly"]) == ("true", "2", "0.00")
    assert re.fullmatch(r"0\.\d\d", outputs["cost-once"])
    (comment,) = site.api.issues[number].comments
    record = recorded(comment.body)
    assert record is not None
    assert (record.commit, record.digest) == (site.api.issues[number].head, outputs["digest"])
    assert "Merging this approves exactly this plan" in comment.body
    assert "### Plan for shop: 1 to train" in planned.summary
    assert read(planned.artifacts["reconciler-plan"]).plan.digest == outputs["digest"]


def test_one_comment_follows_the_pull_request(site: Site) -> None:
    """Broken, mended, and with nothing to do: always the same comment."""
    number = site.open_pull_request("change", edited(site, ("epochs: 3", "epochs: many")))
    broken = site.last("plan")
    assert (broken.conclusion, broken.outputs) == ("failure", {"exit-code": "1"})
    (problem,) = broken.annotations
    line = edited(site)[MODEL].splitlines().index("    epochs: many") + 1
    assert (problem.name, problem.properties["file"], problem.properties["line"]) == ("error", MODEL, str(line))
    (comment,) = site.api.issues[number].comments
    assert "### No plan: 1 problem" in comment.body
    assert recorded(comment.body) is None
    assert "### No plan: 1 problem" in broken.summary

    site.push(number, edited(site, ("epochs: many", "epochs: 2")))
    assert len(site.api.issues[number].comments) == 1
    assert "### Plan for shop: 1 to train" in comment.body

    site.push(number, edited(site, ("epochs: 2", "epochs: two")))
    site.merge(number)
    refused = site.last("apply")
    assert (refused.conclusion, trainings(site)) == ("failure", [])
    assert "### Not applied: 1 problem" in applied_comment(site.api, number)


def test_what_nobody_approved_is_shown_and_not_done(site: Site) -> None:
    site.push_to_main(edited(site, ("epochs: 3", "epochs: 2")))
    refused = site.last("apply")
    assert (refused.conclusion, refused.outputs["exit-code"], trainings(site)) == ("failure", "1", [])
    assert "was not merged from a pull request" in refused.log
    assert refused.summary.index("### Not applied") < refused.summary.index("### Plan for shop: 1 to train")
    (told,) = refused.annotations
    assert (told.name, told.properties["title"]) == ("error", "Not applied [apply]")
    assert "was not merged from a pull request" in told.data

    site.dispatch("apply", {"digest": f"sha256:{'0' * 64}"})
    assert "was approved, but the plan is now" in site.last("apply").log
    site.dispatch("apply", {"digest": refused.outputs["digest"]})
    assert site.last("apply").conclusion == "success", site.last("apply").log
    assert len(trainings(site)) == 1
    site.push_to_main({"README.md": "About it.\n"})
    assert site.last("apply").conclusion == "success"
    assert "### Nothing to apply" in site.last("apply").summary


def test_a_plan_that_no_longer_holds_is_refused_and_told_where_it_was_approved(site: Site) -> None:
    """The first merge moves the manifests and the cloud under the second, which was planned before."""
    first = site.open_pull_request("first", edited(site, ("epochs: 3", "epochs: 2")))
    other = edited(site)[MODEL].replace("name: order-helper", "name: faq-helper")
    second = site.open_pull_request("second", {"models/faq-helper.yaml": other})
    site.merge(first)
    assert site.last("apply").conclusion == "success"
    site.merge(second)
    refused = site.last("apply")
    assert (refused.conclusion, len(trainings(site))) == ("failure", 1)
    told = applied_comment(site.api, second)
    assert "### Not applied" in told
    assert "the manifests are others than were planned and the cloud is not as it was observed" in told
    assert "train faq-helper" in told
    site.dispatch("apply", {"digest": refused.outputs["digest"]})
    assert "### Apply complete" in applied_comment(site.api, second)
    assert len(trainings(site)) == 2


def test_a_job_without_the_permission_says_which_one(site: Site) -> None:
    path = ".github/workflows/reconciler-plan.yml"
    text = (site.local / path).read_text().replace("  pull-requests: write # for the comment\n", "")
    number = site.open_pull_request("weak", {path: text, **edited(site, ("epochs: 3", "epochs: 2"))})
    planned = site.last("plan")
    assert planned.conclusion == "failure"
    assert "Grant the job `pull-requests: write`" in planned.log
    assert planned.outputs["has-changes"] == "true"
    assert site.api.issues[number].comments == []


def test_nothing_is_planned_for_a_fork_or_applied_from_a_branch(site: Site) -> None:
    site.api.open_pull_request("a" * 40)
    sha = site.local
    payload = {"pull_request": {"number": 1, "head": {"sha": "a" * 40, "repo": {"full_name": "mallory/llms"}}}}
    path = site.local / ".github" / "workflows" / "reconciler-plan.yml"
    (job,) = site.runner.run(path, "pull_request", payload, "refs/pull/1/merge", "a" * 40)
    assert job.conclusion == "skipped"
    apply = path.with_name("reconciler-apply.yml")
    (job,) = site.runner.run(apply, "workflow_dispatch", {"inputs": {"digest": "sha256:0"}}, "refs/heads/x", str(sha))
    assert job.conclusion == "skipped"


def test_what_was_applied_counts_even_where_it_cannot_be_told(site: Site) -> None:
    number = site.open_pull_request("more", edited(site, ("epochs: 3", "epochs: 2")))
    site.api.server.troubles += [Trouble(Reply(403, {"message": "Forbidden"}), fits="^POST")]
    site.merge(number)
    applied = site.last("apply")
    assert (applied.conclusion, applied.outputs["exit-code"], len(trainings(site))) == ("success", "0", 1)
    (told,) = applied.annotations
    assert (told.name, told.properties["title"]) == (
        "warning",
        f"Nothing could be told on pull request {number} [comment]",
    )
    assert "Grant the job `pull-requests: write`" in told.data
    assert len(site.api.issues[number].comments) == 1
