"""The simulated flows against what a packet can be, and against the patterns that an analyst knows."""

import pandas as pd
import pytest

from project import contract, example

SEED = contract.load_parameters().seed


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Give the table that `dvc repro` starts from."""
    return example.load(SEED)


def test_the_same_seed_gives_the_same_table(table: pd.DataFrame) -> None:
    """The simulator is a function of its seed."""
    assert table.equals(example.load(SEED))
    assert not table.equals(example.load(SEED + 1))


def test_the_columns_are_those_of_the_contract(table: pd.DataFrame, data: contract.DataContract) -> None:
    """8,000 rows with every field of the contract, in its order, in the order of time."""
    assert len(table) == 8_000
    assert list(table) == [column.name for column in data.columns]
    assert table["begun_at"].is_monotonic_increasing


@pytest.mark.parametrize("way", ["sent", "received"])
def test_no_packet_is_smaller_than_its_header_or_larger_than_the_link_allows(table: pd.DataFrame, way: str) -> None:
    """Between 40 and 1,500 bytes a packet; without packets no bytes."""
    packets, size = table[f"packets_{way}"], table[f"bytes_{way}"]
    assert (size >= example.HEADER * packets - 1).all()
    assert (size <= example.MTU * packets + 1).all()
    assert (size[packets == 0] == 0).all()


def test_kinds_have_the_stated_shares(table: pd.DataFrame) -> None:
    """Within a point."""
    shares = table["kind"].value_counts(normalize=True)
    assert shares[list(example.KINDS)].tolist() == pytest.approx(example.SHARES, abs=0.01)


def test_a_scan_touches_many_ports_with_little(table: pd.DataFrame) -> None:
    """At least twenty times the ports of normal traffic, and a tenth of its packets at most a few."""
    of_kind = table.groupby("kind")
    ports, packets = of_kind["ports_in_last_minute"].median(), of_kind["packets_sent"].median()
    assert ports["scan"] > 20 * ports["normal"]
    assert packets["scan"] <= 3


def test_a_flood_is_hardly_answered(table: pd.DataFrame) -> None:
    """Fewer than one packet in ten comes back; in normal traffic about one for each."""
    answered = (table["packets_received"] / table["packets_sent"]).groupby(table["kind"]).median()
    assert answered["flood"] < 0.1
    assert answered["normal"] == pytest.approx(1.2, rel=0.15)


def test_exfiltration_leaves_the_network_and_sends_more_than_it_gets(table: pd.DataFrame) -> None:
    """Never to an internal host; ten times as many bytes out as in normal traffic, seldom more in than out."""
    stolen = table[table["kind"] == "exfiltration"]
    assert not stolen["internal"].any()
    assert (stolen["bytes_sent"] > stolen["bytes_received"]).mean() > 0.9
    assert stolen["bytes_sent"].median() > 10 * table.loc[table["kind"] == "normal", "bytes_sent"].median()


def test_normal_traffic_keeps_working_hours(table: pd.DataFrame) -> None:
    """Nine tenths of it between 7 and 19 hours; of attacks about half."""
    hour = pd.to_datetime(table["begun_at"]).dt.hour
    working = hour.between(7, 18)
    normal = table["kind"] == "normal"
    assert working[normal].mean() > 0.9
    assert working[~normal].mean() == pytest.approx(0.5, abs=0.06)


def test_volumes_have_the_heavy_tail_of_measured_traffic(table: pd.DataFrame) -> None:
    """The largest tenth of the normal flows carries more than half of their bytes."""
    volume = table.loc[table["kind"] == "normal", "bytes_sent"].sort_values(ascending=False)
    assert volume.head(len(volume) // 10).sum() > volume.sum() / 2
