"""A student's own estimator: what converts to ONNX is trained, what does not is refused before the search."""

from conftest import Repository

NEAREST = '''

def nearest(classify: bool, directions: list[int] | None, seed: int) -> BaseEstimator:
    """Give an estimator that nothing converts, within one that something does."""
    from sklearn.ensemble import BaggingClassifier
    from sklearn.neighbors import NearestCentroid

    return BaggingClassifier(NearestCentroid())


CANDIDATES["nearest"] = Candidate(nearest, {}, SCALE)
'''


def test_what_does_not_convert_is_refused_before_the_search(mechanical: Repository) -> None:
    """Named, with what does convert, though it stands last: no run is begun, and the last model stays."""
    path = mechanical.path / "src/project/model.py"
    before, runs = path.read_text(encoding="utf-8"), (mechanical.path / "mlflow.db").read_bytes()
    try:
        path.write_text(before + NEAREST, encoding="utf-8")
        done = mechanical.run("uv", "run", "python", "-m", "project.train", check=False)
    finally:
        path.write_text(before, encoding="utf-8")
    assert done.returncode == 1
    assert "NearestCentroid does not convert to ONNX; these do: AdaBoostClassifier, " in done.stderr
    assert "Traceback" not in done.stderr
    assert (mechanical.path / "mlflow.db").read_bytes() == runs
