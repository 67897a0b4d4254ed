"""The domain's example: the Wisconsin diagnostic breast cancer data, as scikit-learn ships them.

Described by Street, Wolberg and Mangasarian (1993). data/datapackage.yaml cites the sources.
"""

import pandas as pd


def load(seed: int) -> pd.DataFrame:  # noqa: ARG001 - the rows are measured, so no seed changes them
    """Give the 569 published rows, one for each patient, with the columns in the contract's order."""
    from sklearn.datasets import load_breast_cancer

    measured, benign = load_breast_cancer(return_X_y=True, as_frame=True)
    table = measured.rename(columns=lambda name: name.replace(" ", "_"))
    table.insert(0, "sample", range(1, len(table) + 1))
    return table.assign(diagnosis=benign.map({0: "malignant", 1: "benign"}))
