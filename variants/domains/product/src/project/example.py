"""The example data: simulated subscribers of a software product, and who cancels in the next month.

The chance to cancel follows a discrete-time proportional-hazards model (D. R. Cox, 1972, section 6): its complementary
log-log is a sum of effects. The effects are ours; their order of size follows what studies of churn agree on: use and
contract first, then service, then price. Several seats belong to one account, and accounts share an inclination that no
column shows. No customer was observed.
"""

import numpy as np
import pandas as pd

ACCOUNTS = 2_400
MEAN_SEATS = 3.3
PRICES = {"starter": 12.0, "team": 25.0, "enterprise": 60.0}  # a month and seat
PLAN_SHARES = (0.5, 0.35, 0.15)
BASE = -2.75  # of the complementary log-log
ANNUAL, IDLE, TICKET, DISCOUNT, TENURE, PRICE_RISE = -2.0, 0.075, 0.55, 0.8, -0.6, 0.06
OF_ACCOUNT = 0.3  # spread of what accounts share
ASKED = 0.35  # of the subscribers answered the survey


def chance(table: pd.DataFrame, inclination: np.ndarray) -> np.ndarray:
    """Give each subscriber's chance to cancel within the month."""
    index = (
        BASE
        + ANNUAL * table["annual_contract"]
        + IDLE * table["days_since_last_use"].clip(upper=45)
        + TICKET * table["open_tickets"]
        + DISCOUNT * table["discount_ends"]
        + TENURE * np.log1p(table["tenure"] / 6)
        + PRICE_RISE * table["price_rise"]
        + inclination
    )
    return 1 - np.exp(-np.exp(index.to_numpy()))


def load(seed: int) -> pd.DataFrame:
    """Give about 8,000 subscribers, the same for the same seed."""
    rng = np.random.default_rng(seed)
    seats = rng.geometric(1 / MEAN_SEATS, ACCOUNTS)
    account = np.repeat(np.arange(ACCOUNTS), seats)
    rows = len(account)
    plan = rng.choice(list(PRICES), size=ACCOUNTS, p=PLAN_SHARES)
    table = pd.DataFrame(
        {
            "subscriber": np.arange(1, rows + 1),
            "account": [f"A{number:04d}" for number in account],
            "plan": plan[account],
            "annual_contract": (rng.random(ACCOUNTS) < 0.3)[account],
            "tenure": rng.exponential(18, ACCOUNTS).clip(1, 120).round(0).astype(int)[account],
            "price_rise": rng.choice([0, 0, 0, 5, 10, 20], size=ACCOUNTS)[account],
            "discount_ends": (rng.random(ACCOUNTS) < 0.1)[account],
            "sessions": rng.negative_binomial(1, 0.06, rows),
            "open_tickets": rng.poisson(0.4, rows),
        }
    )
    idle = rng.exponential(30 / (1 + table["sessions"])).clip(0, 90)
    table["days_since_last_use"] = idle.round(0).astype(int)
    inclination = rng.normal(0, OF_ACCOUNT, ACCOUNTS)[account]
    risk = chance(table, inclination)
    score = pd.Series((9 - 8 * risk + rng.normal(0, 1.5, rows)).clip(0, 10).round(0))
    table["survey_score"] = score.mask(rng.random(rows) > ASKED)
    table["next_month"] = np.where(rng.random(rows) < risk, "cancels", "stays")
    return table
