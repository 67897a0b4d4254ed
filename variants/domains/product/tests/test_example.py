"""The simulated subscribers against the hazard model that makes them, and against what a product manager knows."""

import numpy as np
import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def chance(**change: float) -> float:
    """Give the chance of one subscriber to cancel."""
    usual = {
        "annual_contract": 0,
        "days_since_last_use": 5,
        "open_tickets": 0,
        "discount_ends": 0,
        "tenure": 12,
        "price_rise": 0,
    }
    return float(example.chance(pd.DataFrame([usual | change]), np.zeros(1))[0])


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """About 8,000 rows with every field of the contract, in its order."""
    assert 7_000 < len(table) < 9_000
    assert list(table) == [column.name for column in data.columns]


def test_a_ticket_raises_the_hazard_by_the_stated_factor() -> None:
    """Proportional hazards: the integrated hazard of the month, -log(1 - p), is multiplied."""
    hazard = [-np.log(1 - chance(open_tickets=count)) for count in (0, 1, 2)]
    assert hazard[1] / hazard[0] == pytest.approx(np.exp(example.TICKET))
    assert hazard[2] / hazard[1] == pytest.approx(np.exp(example.TICKET))


@pytest.mark.parametrize(
    ("less", "more"),
    [
        ({"annual_contract": 1}, {"annual_contract": 0}),
        ({"tenure": 48}, {"tenure": 3}),
        ({"days_since_last_use": 0}, {"days_since_last_use": 30}),
        ({"price_rise": 0}, {"price_rise": 20}),
        ({"discount_ends": 0}, {"discount_ends": 1}),
    ],
)
def test_what_keeps_a_customer_keeps_this_one(less: dict[str, float], more: dict[str, float]) -> None:
    """Each effect has the sign that the contract gives its reason for."""
    assert 0 < chance(**less) < chance(**more) < 1


def test_between_six_and_fourteen_of_a_hundred_cancel(table: pd.DataFrame) -> None:
    """The monthly churn of small software subscriptions lies there; by the year paid, it is far lower."""
    cancels = table["next_month"] == "cancels"
    assert 0.06 < cancels.mean() < 0.14
    assert cancels[table["annual_contract"]].mean() < cancels[~table["annual_contract"]].mean() / 3


def test_seats_of_an_account_share_its_contract(table: pd.DataFrame) -> None:
    """Plan, contract, tenure and price are those of the account."""
    shared = table.groupby("account")[["plan", "annual_contract", "tenure", "price_rise", "discount_ends"]].nunique()
    assert (shared == 1).to_numpy().all()


def test_most_seats_do_not_answer_the_survey(table: pd.DataFrame) -> None:
    """About a third does, on the scale from 0 to 10, and the unhappy give less."""
    answered = table.dropna(subset="survey_score")
    assert len(answered) / len(table) == pytest.approx(example.ASKED, abs=0.03)
    assert answered["survey_score"].between(0, 10).all()
    means = answered.groupby("next_month")["survey_score"].mean()
    assert means["cancels"] < means["stays"]
