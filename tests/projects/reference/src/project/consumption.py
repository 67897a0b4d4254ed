"""Fuel consumption as Europeans state it."""

LITRES = 3.785411784  # of a US gallon
KILOMETRES = 1.609344  # of a mile


def litres_per_100_km(miles_per_gallon: float) -> float:
    """Convert miles per US gallon to litres on 100 km. Raises `ValueError` where the car does not move."""
    if miles_per_gallon <= 0:
        raise ValueError(f"{miles_per_gallon} miles per gallon: expected more than 0")
    return 100 * LITRES / (miles_per_gallon * KILOMETRES)


def band(litres: float) -> str:
    """Give the buyers' word for a consumption: thrifty below 7, thirsty from 12 litres on 100 km, else usual."""
    if litres < 7:
        return "thrifty"
    return "thirsty" if litres >= 12 else "usual"
