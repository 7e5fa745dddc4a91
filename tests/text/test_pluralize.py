"""Numbers with their nouns."""

from mtlrun.text.pluralize import pluralize


def test_one_is_singular_and_large_numbers_have_commas():
    assert [pluralize(n, "cell") for n in (0, 1, 2, 1000)] == ["0 cells", "1 cell", "2 cells", "1,000 cells"]
    assert [pluralize(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]
