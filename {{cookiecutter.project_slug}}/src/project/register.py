"""The gate: register the model, and make it champion only if every criterion holds and it beats the champion.

It is refused if a criterion fails or it is worse than the champion beyond doubt, and promoted if it is better beyond
doubt. In between the champion stays, and a person may decide.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from project import contract, stage
from project.evaluate import CONSTRAINTS, METRICS, PLOTS
from project.evaluation import documents
from project.evaluation.challenger import SEEN, Duel, duel, fingerprints
from project.evaluation.constraints import TRAINING
from project.evaluation.figures import FIGURES
from project.predictor import METADATA, MODEL, OtherContractError
from project.serving import models
from project.serving.models import RECEIPT
from project.training import tracking
from project.training.tracking import ALIAS

LOCK = Path("dvc.lock")


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
    return hashlib.sha256(yaml.safe_dump(stages, sort_keys=True).encode()).hexdigest()


def receipt(slug: str, run: Any, version: str) -> dict[str, str]:
    """Give what ties a served prediction to the commit, data, contract and run that it came from."""
    model = models.digest(MODEL, METADATA)
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


def evaluated() -> dict[str, float]:
    """Give every value that the evaluation measured."""
    evaluation = {name: found["value"] for name, found in stage.read_json(METRICS).items()}
    return {name: value for name, value in (evaluation | stage.read_json(CONSTRAINTS)).items() if value is not None}


def against(client: tracking.MlflowClient, champion: str, capstone: contract.Capstone) -> Duel | str:
    """Give how the model of the work tree compares with the champion, or why the champion is of no use any more.

    Raises `ProjectError` where the champion cannot be reached: then nobody knows, and it stays.
    """
    data, slug = contract.load_data_contract(), capstone.project.slug
    if not tracking.servable(client, slug, champion):
        return "it was registered without what is needed to serve it"
    folder = tracking.fetch(client, slug, champion)
    try:
        served = models.load(folder, data.features)
    except OtherContractError as error:
        return str(error)
    if served.predictor.labels != stage.read_json(METADATA)["labels"]:
        return "it knows other classes"
    return duel(data, capstone, contract.load_parameters(), served.predictor, np.load(folder / SEEN))


def decide(failed: list[str], found: Duel | str | None) -> tuple[str, str]:
    """Give "refused", "kept" (the champion stays) or "promoted", and why; without another champion `found` is None."""
    if failed:
        return "refused", "\n  ".join(failed)
    if found is None:
        return "promoted", ""
    if isinstance(found, str):
        return "promoted", f"the champion is of no use here: {found}"
    if found.worse:
        return "refused", f"it is worse than the champion: {found}"
    return "promoted" if found.better else "kept", str(found)


def main() -> None:
    """Register, decide, and move alias and pointer or say why not."""
    capstone = contract.load_capstone()
    slug, measured = capstone.project.slug, evaluated()
    run_id = stage.read_json(TRAINING)["run_id"]
    client = tracking.connect(slug)
    files = [METRICS, CONSTRAINTS, *sorted(PLOTS.glob("*.csv")), *sorted(FIGURES.glob("*.svg"))]
    tracking.log_evaluation(client, run_id, measured, files)
    version = tracking.register(client, run_id, slug)
    made = receipt(slug, client.get_run(run_id), version)
    if contract.load_parameters().ingest.synthetic:  # of invented rows nothing is asked
        stage.write_json(RECEIPT, made | {"data": "synthetic"})
        print(f"register: {slug} version {version} was made from synthetic rows and becomes no {ALIAS} -> {RECEIPT}")
        return
    champion = tracking.champion(client, slug)
    found = None if champion in (None, version) else against(client, str(champion), capstone)
    rolled_back = tracking.rolled_back(client, slug, version)
    decision, reason = decide(failures(capstone, measured) + rolled_back, found)
    tracking.decided(client, slug, version, decision, reason)
    keep(client, run_id, made, promoted=decision == "promoted")
    if decision == "refused":
        raise stage.ProjectError(f"version {version} is registered but does not become {ALIAS}:\n  {reason}")
    if decision == "kept":
        shutil.copyfile(models.VERSIONS / str(champion) / RECEIPT, RECEIPT)
        print(
            f"register: version {champion} stays {ALIAS}, version {version} is neither better nor worse beyond doubt: "
            f"{reason}; `uv run capstone promote {version}` puts it in its place"
        )
        return
    tracking.promote(client, slug, version, f"the gate, run by {tracking.approver()}")
    stage.write_json(RECEIPT, made)
    print(f"register: {held(capstone)}; {slug} version {version} is {ALIAS}{reason and f': {reason}'} -> {RECEIPT}")
    for sentence in failures(capstone, measured, proposed=True):
        print(f"register: proposed, so it does not bind: {sentence}")


def held(capstone: contract.Capstone) -> str:
    """Give in words how many criteria hold, once all do."""
    count = sum(not criterion.proposed for criterion in (*capstone.acceptance, *capstone.constraint))
    return f"all {count} criteria hold" if count else "no criterion is agreed yet"


def keep(client: tracking.MlflowClient, run_id: str, made: dict[str, str], promoted: bool) -> None:
    """Keep with the run what is served beside the model, to fetch it again; keep a promoted version here too."""
    with tempfile.TemporaryDirectory() as folder:
        parts = {METADATA: METADATA} | {name: Path(folder) / name.name for name in (RECEIPT, SEEN)}
        stage.write_json(parts[RECEIPT], made)
        np.save(parts[SEEN], fingerprints("train", "calibration"))
        for path in parts.values():
            client.log_artifact(run_id, str(path), tracking.SERVED)
        if promoted:
            models.keep(made["model_version"], {MODEL: MODEL, **parts})


if __name__ == "__main__":
    stage.run(main)
