"""The gate: log the evaluation to the run, register the model, and make it champion only if every criterion holds."""

from pathlib import Path
from typing import Any

import yaml

from project import contract, documents, stage, tracking
from project.constraints import TRAINING
from project.evaluate import CONSTRAINTS, METRICS, PLOTS
from project.figures import FIGURES
from project.predictor import METADATA, MODEL

RECEIPT = Path("models/receipt.json")
LOCK = Path("dvc.lock")
ALIAS = "champion"


def failures(capstone: contract.Capstone, measured: dict[str, Any], proposed: bool = False) -> list[str]:
    """Give a sentence for each criterion that does not hold: what was asked and measured, and by how much it fails.

    Give those that bind, or with `proposed` those that nobody has agreed to yet.
    """
    sentences = []
    for criterion in (*capstone.acceptance, *capstone.constraint):
        if criterion.proposed is not proposed:
            continue
        value = measured.get(criterion.metric)
        if value is None:
            sentences.append(f"{criterion.metric} was not measured; asked is {documents.bound(criterion)}")
        elif (short := criterion.shortfall(value)) > 0:
            asked = documents.bound(criterion)
            sentences.append(f"{criterion.metric} is {value:.4g}, asked is {asked}: short by {short:.4g}")
    return sentences


def lock_digest(path: Path = LOCK) -> str:
    """Give the SHA-256 of `dvc.lock` without the entry of this stage, which is written after it."""
    lock = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    stages = {name: entry for name, entry in lock.get("stages", {}).items() if name != "register"}
    return tracking.digest_text(yaml.safe_dump(stages, sort_keys=True))


def receipt(slug: str, run: Any, version: str) -> dict[str, str]:
    """Give what ties a served prediction to the commit, data, contract and run that it came from."""
    model = tracking.digest(MODEL, METADATA)
    tags = {name: run.data.tags[name] for name in ("git_commit", "git_dirty", "data_sha256", "contract_sha256")}
    return {
        **tags,
        "dvc_lock_sha256": lock_digest(),
        "model_sha256": model,
        "mlflow_run_id": run.info.run_id,
        "model_name": slug,
        "model_version": version,
        "bento_tag": f"{slug.lower()}:{version}-{model[:12]}",
    }


def main() -> None:
    """Register, then move the alias or say why not."""
    capstone = contract.load_capstone()
    slug = capstone.project.slug
    run_id = stage.read_json(TRAINING)["run_id"]
    evaluation = {name: found["value"] for name, found in stage.read_json(METRICS).items()}
    measured = {name: value for name, value in (evaluation | stage.read_json(CONSTRAINTS)).items() if value is not None}
    client = tracking.connect(slug)
    tracking.log_evaluation(
        client, run_id, measured, [METRICS, CONSTRAINTS, *sorted(PLOTS.glob("*.csv")), *sorted(FIGURES.glob("*.svg"))]
    )
    version = tracking.register(client, run_id, slug)
    synthetic = contract.load_parameters().ingest.synthetic
    failed = [] if synthetic else failures(capstone, measured)  # of invented rows nothing is asked
    client.set_model_version_tag(slug, version, "gate", "failed" if failed else "passed")
    if failed:
        reasons = "\n  ".join(failed)
        raise stage.ProjectError(f"version {version} is registered but does not become {ALIAS}:\n  {reasons}")
    stage.write_json(
        RECEIPT, receipt(slug, client.get_run(run_id), version) | ({"data": "synthetic"} if synthetic else {})
    )
    if synthetic:
        print(f"register: {slug} version {version} was made from synthetic rows and becomes no {ALIAS} -> {RECEIPT}")
        return
    client.set_registered_model_alias(slug, ALIAS, version)
    count = sum(not criterion.proposed for criterion in (*capstone.acceptance, *capstone.constraint))
    held = f"all {count} criteria hold" if count else "no criterion is agreed yet"
    print(f"register: {held}; {slug} version {version} is {ALIAS} -> {RECEIPT}")
    for sentence in failures(capstone, measured, proposed=True):
        print(f"register: proposed, so it does not bind: {sentence}")


if __name__ == "__main__":
    stage.run(main)
