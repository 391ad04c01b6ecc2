from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.domain.errors import InvalidInput, ReconcilerError
from reconciler.manifest.text import MAX_FILE
from reconciler.stores.manifests import (
    PROJECT_FILE,
    Manifests,
    environments,
    find_project,
    read_environment,
    read_manifests,
)

OURS = "apiVersion: reconciler/v1\nkind: Dataset\n"


def project(root: Path, **files: str) -> Path:
    return written(root, {"reconciler.yaml": "kind: Project\n", **files})


def written(root: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def names(found: Manifests) -> list[str]:
    return [file.path for file in found]


def codes(found: Manifests) -> list[str]:
    return [problem.code for problem in found.diagnostics]


def test_the_tree_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    written(project(tmp_path), {"b.yml": OURS, "a.YAML": OURS, "models/x/m.yaml": OURS, "notes.txt": OURS})
    found = read_manifests(tmp_path)
    assert names(found) == ["a.YAML", "b.yml", "reconciler.yaml", "models/x/m.yaml"]
    assert [file.text for file in found][1] == OURS.encode()
    assert not found.diagnostics


@pytest.mark.parametrize(
    "content",
    [
        OURS,
        'kind: Dataset\n"apiVersion": "reconciler/v1"\n',
        "{apiVersion: reconciler/v1, kind: Dataset}",
        "a: 1\n---\n" + OURS,
        "apiversion: reconciler/v9",
        "kind: FineTunedModel",
        "kind: finetunedmodel\napiVersion: recnociler/v1",
    ],
)
def test_what_may_be_a_manifest_is_read_however_wrong_it_is(tmp_path: Path, content: str) -> None:
    written(project(tmp_path), {"m.yaml": content})
    assert "m.yaml" in names(read_manifests(tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        "services:\n  web:\n",
        "apiVersion: apps/v1\nkind: Deployment\n",
        "apiVersion: other/v1\nkind: Project\n",
        "",
        "\x00",
    ],
)
def test_other_yaml_is_left_alone(tmp_path: Path, content: str) -> None:
    written(project(tmp_path), {"compose.yaml": content})
    found = read_manifests(tmp_path)
    assert (names(found), codes(found)) == (["reconciler.yaml"], [])


def test_what_looks_like_ours_but_does_not_say_so_is_warned_of(tmp_path: Path) -> None:
    written(project(tmp_path), {"data.yaml": "kind: Dataset\nmetadata: {name: x}\n"})
    found = read_manifests(tmp_path)
    assert (names(found), codes(found)) == (["reconciler.yaml"], ["not-read"])
    assert not found.diagnostics[0].is_error


@pytest.mark.parametrize(
    "folder", [".git", ".github/workflows", ".reconciler", ".venv", "node_modules/x", "venv", "__pycache__", ".hidden"]
)
def test_folders_that_are_not_entered(tmp_path: Path, folder: str) -> None:
    written(project(tmp_path), {f"{folder}/m.yaml": OURS, ".m.yaml": OURS})
    assert names(read_manifests(tmp_path)) == ["reconciler.yaml"]


def test_virtual_environments_and_other_projects_are_not_entered(tmp_path: Path) -> None:
    written(
        project(tmp_path),
        {"env/pyvenv.cfg": "", "env/m.yaml": OURS, "other/reconciler.yaml": OURS, "other/m.yaml": OURS},
    )
    assert names(read_manifests(tmp_path)) == ["reconciler.yaml"]


def test_symlinks(tmp_path: Path) -> None:
    outside = written(tmp_path / "outside", {"secret.yaml": OURS, "folder/m.yaml": OURS})
    root = written(project(tmp_path / "project"), {"m.yaml": OURS})
    (root / "again.yaml").symlink_to("m.yaml")
    (root / "leaves.yaml").symlink_to(outside / "secret.yaml")
    (root / "dangling.yaml").symlink_to("nowhere")
    (root / "folder").symlink_to(outside / "folder")
    found = read_manifests(root)
    assert names(found) == ["m.yaml", "reconciler.yaml"]
    assert sorted(codes(found)) == ["outside-project", "unreadable"]


def test_a_loop_of_symlinks_ends(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "loop.yaml").symlink_to("loop.yaml")
    (root / "folder").symlink_to(".")
    found = read_manifests(root)
    assert (names(found), codes(found)) == (["reconciler.yaml"], ["unreadable"])


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(project(tmp_path) / "m.yaml")
    assert codes(read_manifests(tmp_path)) == ["unreadable"]


def test_large_files_are_refused_where_they_are_ours(tmp_path: Path) -> None:
    filler = "# " + "x" * MAX_FILE
    written(project(tmp_path), {"m.yaml": OURS + filler, "other.yaml": filler})
    found = read_manifests(tmp_path)
    assert (names(found), codes(found)) == (["reconciler.yaml"], ["file-too-large"])


@pytest.mark.parametrize("before", [MAX_FILE - 5, 3 * MAX_FILE, 4 * MAX_FILE - 7])
def test_a_manifest_far_down_a_large_file_is_not_passed_over(tmp_path: Path, before: int) -> None:
    """What was not read would look like a model that was removed."""
    written(project(tmp_path), {"m.yaml": "# " + "x" * before + "\n" + OURS})
    assert codes(read_manifests(tmp_path)) == ["file-too-large"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_manifest_in_another_encoding_is_not_passed_over(tmp_path: Path, encoding: str) -> None:
    (project(tmp_path) / "m.yaml").write_bytes(OURS.encode(encoding))
    assert names(read_manifests(tmp_path)) == ["m.yaml", "reconciler.yaml"]


def test_the_project_is_found_from_below(tmp_path: Path) -> None:
    root = project(tmp_path / "p")
    below = root / "a" / "b"
    below.mkdir(parents=True)
    assert find_project(below) == find_project(root) == root.resolve()
    assert find_project(tmp_path) is None


def test_deep_trees_end(tmp_path: Path) -> None:
    deep = project(tmp_path)
    for _ in range(60):
        deep = deep / "d"
    written(deep, {"m.yaml": OURS})
    found = read_manifests(tmp_path)
    assert (names(found), codes(found)) == (["reconciler.yaml"], ["folder-too-deep"])


def test_environments_are_no_manifests_and_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_text(OURS)
    (tmp_path / "environments").mkdir()
    (tmp_path / "models" / "environments").mkdir(parents=True)
    for path in ("environments/prod.yaml", "environments/a b.yaml", "models/environments/a.yaml"):
        (tmp_path / path).write_text(OURS)
    assert [file.path for file in read_manifests(tmp_path)] == [PROJECT_FILE, "models/environments/a.yaml"]
    assert environments(tmp_path) == ("prod",)
    assert read_environment(tmp_path, "prod").file.path == "environments/prod.yaml"


@pytest.mark.parametrize(
    ("name", "hint"), [("prd", "did you mean `prod`?"), ("../prod", "did you mean `prod`?"), ("eu", "there are: prod")]
)
def test_an_environment_that_is_not_there(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments" / "prod.yaml").write_text(OURS)
    with pytest.raises(ReconcilerError, match="has no environment") as caught:
        read_environment(tmp_path, name)
    assert caught.value.hint == hint


def test_an_environment_behind_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / "environments").mkdir()
    (tmp_path / "elsewhere.yaml").write_text(OURS)
    (tmp_path / "environments" / "prod.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(InvalidInput):
        read_environment(tmp_path, "prod")
