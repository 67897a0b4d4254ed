"""The release workflow's own steps, run on a tag: Bento, bill of materials, notes."""

import json
from pathlib import Path

import yaml
from conftest import Repository


def test_a_release_says_what_is_in_it(mechanical: Repository, tmp_path: Path) -> None:
    """The bill of materials lists what the service needs and no more; the notes name commits, model, data, metrics."""
    text = (mechanical.path / ".github/workflows/release.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(text)["jobs"]["build"]["steps"]
    (step,) = [step["run"] for step in steps if step.get("name") == "Say what is in it"]
    clone = mechanical.clone(tmp_path / "clone")
    for name in ("models/receipt.json", "reports/metrics.json"):
        (clone.path / name).parent.mkdir(exist_ok=True)
        (clone.path / name).write_bytes((mechanical.path / name).read_bytes())
    clone.run("git", "tag", "v1")
    clone.run("git", "commit", "--quiet", "--allow-empty", "--message", "Widen the torque's limits")
    clone.run("git", "tag", "v2")
    (clone.path / "dist").mkdir()
    python = mechanical.path / ".venv"
    shell = ["bash", "-eo", "pipefail", "-c", step]
    clone.run(*shell, GITHUB_REF_NAME="v2", UV_PROJECT_ENVIRONMENT=str(python), UV_NO_SYNC="1")
    bill = json.loads((clone.path / "dist/sbom.cdx.json").read_text(encoding="utf-8"))
    components = {component["name"]: component["version"] for component in bill["components"]}
    assert {"bentoml", "onnxruntime", "msgspec"} <= set(components)
    assert not {"mlflow", "scikit-learn", "pytest", "dvc"} & set(components)
    notes = (clone.path / "dist/notes.md").read_text(encoding="utf-8")
    receipt = json.loads((mechanical.path / "models/receipt.json").read_text(encoding="utf-8"))
    assert "Changes since v1\n- Widen the torque's limits (" in notes
    for name in ("model_version", "model_sha256", "data_sha256", "dvc_lock_sha256", "bento_tag", "mlflow_run_id"):
        assert receipt[name] in notes
    metrics = json.loads((mechanical.path / "reports/metrics.json").read_text(encoding="utf-8"))
    assert all(f"| {name} | {found['value']:.4g} |" in notes for name, found in metrics.items())


def test_the_notes_of_a_repository_that_was_not_run_say_so(mechanical: Repository, tmp_path: Path) -> None:
    """One sentence with the command, and status 1."""
    clone = mechanical.clone(tmp_path / "clone")
    (clone.path / "models/receipt.json").unlink(missing_ok=True)
    done = clone.run(str(mechanical.path / ".venv/bin/python"), "deploy/notes.py", "v1", check=False)
    assert (done.returncode, done.stderr) == (1, "error: models/receipt.json is missing: run `uv run dvc repro`\n")
