"""What keeps credentials out and known vulnerabilities in view; the table of threats names tests that exist."""

import re
import shlex
from pathlib import Path

import yaml
from conftest import ROOT, Repository

TEMPLATE = ROOT / "{{cookiecutter.project_slug}}"
PLACES = {
    "resilience": ROOT / "tests/template/test_resilience.py",
    **{name: TEMPLATE / f"tests/test_{name}.py" for name in ("guard", "answer", "service")},
}


def test_each_threat_names_a_test_that_exists() -> None:
    """Every row of docs/threats.md ends with one."""
    rows = re.findall(r"^\| (.+) \|$", (ROOT / "docs/threats.md").read_text(encoding="utf-8"), re.MULTILINE)[2:]
    assert len(rows) >= 15
    for row in rows:
        place, _, name = row.rsplit("`", 2)[1].partition("::")
        path = PLACES.get(place) or ROOT / place
        assert f"def {name}(" in path.read_text(encoding="utf-8"), row


def test_a_credential_is_not_committed(mechanical: Repository, tmp_path: Path) -> None:
    """The hook `secrets` finds a key of a cloud, a private key and a password in an address."""
    hooks = yaml.safe_load((mechanical.path / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0][
        "hooks"
    ]
    (hook,) = [hook for hook in hooks if hook["id"] == "secrets"]
    credentials = {
        "cloud": "aws_access_key_id = " + "AKIA" + "QYLPMN5HHHFPZAM2",
        "private": "-----BEGIN " + "RSA PRIVATE KEY-----",
        "address": "uri = postgresql://ada:" + "s3same-0pen-now@db.example.edu/mlflow",
    }
    for name, text in {**credentials, "harmless": "uri = sqlite:///mlflow.db"}.items():
        path = tmp_path / f"{name}.txt"
        path.write_text(f"{text}\n", encoding="utf-8")
        done = mechanical.run(*shlex.split(hook["entry"]), str(path), check=False)
        assert done.returncode == (0 if name == "harmless" else 1), (name, done.stdout)


def test_an_audit_that_learns_nothing_fails(mechanical: Repository, tmp_path: Path) -> None:
    """The workflow's own commands, without a database to ask, end with an error and not with a clean bill of health."""
    workflow = yaml.safe_load((mechanical.path / ".github/workflows/audit.yml").read_text(encoding="utf-8"))
    export, audit = [step["run"] for step in workflow["jobs"]["audit"]["steps"] if "run" in step]
    clone = mechanical.clone(tmp_path / "clone")
    clone.run(*shlex.split(export))
    assert (clone.path / "locked.txt").read_text(encoding="utf-8").count("--hash") > 100
    unreachable = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "UV_OFFLINE": "1"}
    done = clone.run(*shlex.split(audit), check=False, **unreachable)
    assert done.returncode != 0, done.stdout
    assert "--strict" in audit  # without it, what the database does not know passes as well
