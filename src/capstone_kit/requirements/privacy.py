"""Personal data where none should be: in what is committed, and in what the system writes."""

from capstone_kit import privacy
from capstone_kit.gather.pipeline import Rerun
from capstone_kit.project import Project
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.result import Finding, Outcome


@requirement("GOV5", 1, "R", "GDPR, article 5; NIST AI RMF, Measure 2.10", ("ethics",), family="governance")
def no_personal_data(examined: Examined) -> Finding:
    """No personal data in samples, logs or artifacts."""
    places = (examined.project, Project(examined.evidence[Rerun].work))
    hits = list(dict.fromkeys(hit for project in places for hit in privacy.findings(project)))
    if hits:
        remedy = "leave the columns out, or replace the values by a number"
        return Finding(Outcome.FAIL, "; ".join(hits[:3]), "none", "uv run capstone privacy", remedy)
    return Finding(Outcome.PASS, f"nothing in {', '.join(privacy.PLACES)} looks like a person's")


ALL = (no_personal_data,)
