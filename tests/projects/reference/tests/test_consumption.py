import pytest

from project import consumption


@pytest.mark.parametrize(("miles", "litres"), [(23.5215, 10.0), (47.043, 5.0), (10.0, 23.5215)])
def test_known_cars(miles: float, litres: float) -> None:
    assert consumption.litres_per_100_km(miles) == pytest.approx(litres, rel=1e-4)


@pytest.mark.parametrize("miles", [0.0, -3.0])
def test_a_car_that_does_not_move_is_refused(miles: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0"):
        consumption.litres_per_100_km(miles)


@pytest.mark.parametrize(
    ("litres", "word"), [(5.0, "thrifty"), (6.99, "thrifty"), (7.0, "usual"), (11.9, "usual"), (12.0, "thirsty")]
)
def test_bands(litres: float, word: str) -> None:
    assert consumption.band(litres) == word
