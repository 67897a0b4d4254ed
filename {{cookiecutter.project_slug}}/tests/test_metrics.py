"""The metrics equal scikit-learn's, on the sample and on every weighted resample."""

import numpy as np
import pytest
from sklearn import metrics as reference

from project.evaluation import metrics
from project.evaluation.metrics import Answers

RNG = np.random.default_rng(0)
N = 300


def sample(classes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give true classes, probabilities with ties, and predicted classes."""
    truth = RNG.integers(0, classes, N)
    probabilities = RNG.dirichlet(np.ones(classes), N) + 0.6 * np.eye(classes)[truth]
    probabilities = (probabilities / probabilities.sum(axis=1, keepdims=True)).round(2)
    probabilities[:, -1] += 1 - probabilities.sum(axis=1)
    return truth, probabilities.clip(0.001, 1), probabilities.argmax(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
def test_binary_metrics_equal_scikit_learn(weighted: bool) -> None:
    """With a positive class, each metric is that class's."""
    truth, p, said = sample(2)
    weights = metrics.resamples(N, 3, seed=1)[int(weighted) :][:1]
    found = {name: values[0] for name, values in metrics.classification(Answers(truth, p, said, 1), weights).items()}
    w = {"sample_weight": weights[0]}
    precision, recall, _ = reference.precision_recall_curve(truth, p[:, 1], **w)
    expected = {
        "accuracy": reference.accuracy_score(truth, said, **w),
        "balanced_accuracy": reference.balanced_accuracy_score(truth, said, **w),
        "precision": reference.precision_score(truth, said, **w),
        "recall": reference.recall_score(truth, said, **w),
        "f1": reference.f1_score(truth, said, **w),
        "average_precision": reference.average_precision_score(truth, p[:, 1], **w),
        "recall_at_precision": recall[precision >= 0.5].max(),
        "roc_auc": reference.roc_auc_score(truth, p[:, 1], **w),
        "brier": np.average((p[:, 1] - truth) ** 2 / 2 + (p[:, 0] - (1 - truth)) ** 2 / 2, weights=weights[0]),
        "log_loss": np.average(-np.log(p[np.arange(N), truth]), weights=weights[0]),
    }
    assert found == pytest.approx(expected, rel=1e-9)


def test_multi_class_metrics_are_means_over_classes() -> None:
    """Without a positive class, each metric is the unweighted mean over classes."""
    truth, p, said = sample(4)
    answers = Answers(truth, p, said, None)
    found = {name: values[0] for name, values in metrics.classification(answers, np.ones((1, N))).items()}
    one_hot = np.eye(4)[truth]
    assert found["f1"] == pytest.approx(reference.f1_score(truth, said, average="macro"))
    assert found["recall"] == pytest.approx(reference.recall_score(truth, said, average="macro"))
    assert found["average_precision"] == pytest.approx(reference.average_precision_score(one_hot, p, average="macro"))
    assert found["roc_auc"] == pytest.approx(reference.roc_auc_score(one_hot, p, average="macro"))


def test_regression_metrics_equal_scikit_learn() -> None:
    """MAE, RMSE and R2, on a resample."""
    truth = RNG.normal(size=N)
    said = truth + RNG.normal(scale=0.5, size=N)
    weights = metrics.resamples(N, 1, seed=2)[1:]
    found = {name: values[0] for name, values in metrics.regression(truth, said, weights).items()}
    w = {"sample_weight": weights[0]}
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(truth, said, **w))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(truth, said, **w))
    assert found["r2"] == pytest.approx(reference.r2_score(truth, said, **w))


def test_intervals_hold_the_true_value_as_often_as_they_say() -> None:
    """The 95 % interval of a mean holds the true mean in about 95 of 100 samples."""
    held = 0
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=100)
        weights = metrics.resamples(100, 400, seed)
        found = metrics.interval(metrics.regression(values, np.zeros(100), weights)["rmse"])
        low, high = found["low"], found["high"]
        assert low is not None and high is not None
        held += low <= 1.0 <= high
    assert 175 <= held <= 199


def test_a_metric_without_a_value_says_so() -> None:
    """Without a row of the positive class there is no recall, and the interval is empty instead of wrong."""
    truth, p, said = np.zeros(9, dtype=int), np.full((9, 2), 0.5), np.zeros(9, dtype=int)
    found = metrics.classification(Answers(truth, p, said, 1), metrics.resamples(9, 100, 0))
    assert metrics.interval(found["recall"]) == {"value": None, "low": None, "high": None}


def test_a_class_that_training_did_not_hold_counts_as_wrong() -> None:
    """A row of an unknown class is a miss for accuracy and log loss, and no class's hit."""
    p, said = np.array([[0.2, 0.8], [0.2, 0.8]]), np.array([1, 1])
    found = metrics.classification(Answers(np.array([1, -1]), p, said, None), np.ones((1, 2)))
    assert found["accuracy"][0] == 0.5
    assert found["precision"][0] == 0.5  # of the one known class that occurs
    assert found["log_loss"][0] > 10


def test_resamples_in_chunks_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few resamples are ranked at a time, the values are the same, and one metric alone is as among all."""
    truth, p, said = sample(5)
    answers, weights = Answers(truth, p, said, None), metrics.resamples(N, 20, seed=3)
    whole = metrics.classification(answers, weights)
    monkeypatch.setattr(metrics, "CHUNK", 3 * N)
    alone = metrics.classification(answers, weights, only="roc_auc")
    assert np.array_equal(alone["roc_auc"], whole["roc_auc"])
    assert "f1" not in alone
