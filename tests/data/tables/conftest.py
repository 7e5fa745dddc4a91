import numpy as np
import pandas as pd
import pytest


def houses(rows=200, seed=0):
    """Return a table with every kind of column, no gaps, and targets of three kinds."""
    rng = np.random.default_rng(seed)
    size, age = rng.normal(100, 20, rows), rng.integers(0, 60, rows)
    town = np.array(["Ulm", "Bonn", "Köln"])[rng.integers(0, 3, rows)]
    sold = pd.Timestamp("2021-03-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D")
    noise = rng.normal(size=(rows, 2))
    heating = size / 10 - age / 20 + noise[:, 0]
    cooling = size / 30 + age / 30 + noise[:, 1]
    level = np.array(["low", "mid", "high"])[np.digitize(heating, [8, 10])]
    plain = {"size": size, "age": age, "town": town, "garden": rng.random(rows) < 0.5, "sold": sold}
    return pd.DataFrame({**plain, "heating": heating, "cooling": cooling, "level": level})


@pytest.fixture
def frame():
    return houses()


@pytest.fixture
def path(tmp_path, frame):
    """Return a CSV of the table."""
    frame.to_csv(tmp_path / "houses.csv", index=False)
    return tmp_path / "houses.csv"
