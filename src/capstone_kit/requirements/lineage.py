"""From a prediction back to what it was made from."""

from capstone_kit.gather.pipeline import Rerun
from capstone_kit.gather.service import Served
from capstone_kit.gather.versions import Registered
from capstone_kit.requirements.base import Examined, requirement
from capstone_kit.requirements.tracking import newest
from capstone_kit.result import Finding, Outcome

TRACE = "curl localhost:3000/info"


@requirement("TRK3", 3, "RC", "MLOps Zoomcamp; ML Test Score, infrastructure", ("production",), family="tracking")
def registered(examined: Examined) -> Finding:
    """The registered model loads, and predicts what the service predicts."""
    found, served = examined.evidence[Registered], examined.evidence[Served]
    observed = f"version {found.version} of {found.name}: {served.equal} of {served.valid} answers are its predictions"
    if not found.same_file:
        remedy = "register the file that is served"
        return Finding(
            Outcome.FAIL, f"version {found.version} is another file than the served one", "the same", TRACE, remedy
        )
    if served.equal < 0.98 * served.valid:
        return Finding(Outcome.FAIL, f"{observed}; {served.apart}", "all", TRACE, "serve the registered model")
    return Finding(Outcome.PASS, observed, "all", TRACE)


@requirement("TRK4", 2, "C", "AIPI 561; NIST AI RMF, Manage 4", ("production", "scale"), family="tracking")
def traceable(examined: Examined) -> Finding:
    """One prediction leads back to model version, commit and data hash."""
    served, first, found = examined.evidence[Served], examined.evidence[Rerun], examined.evidence[Registered]
    run = newest(first)
    told = " ".join(str(value) for value in (*served.info.values(), *served.envelope.values()))
    data = run.tags.get("data_sha256", "") if run else ""
    lacking = [
        what
        for what, there in (
            ("an id of the prediction", served.prediction_id),
            ("the model version", str(served.envelope.get("model_version", "")).split(" ")[0] == str(found.version)),
            ("the commit", first.commit and first.commit in told),
            ("the run", found.run_id and found.run_id in told),
            ("the hash of the data", data and data in told),
        )
        if not there
    ]
    if lacking:
        share = 1 - len(lacking) / 5
        return Finding(
            Outcome.PARTIAL,
            f"the service does not tell {', '.join(lacking)}",
            "all five",
            TRACE,
            "answer them in /info",
            share,
        )
    return Finding(
        Outcome.PASS, f"version {found.version}, commit {first.commit[:12]}, run, data hash", "all five", TRACE
    )


ALL = (registered, traceable)
