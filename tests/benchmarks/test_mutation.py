"""The sample of the mutation check, and how its results are counted."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.mutation import counts, module_of, package_of, sample, statuses, table

MANY = [f"mtlrun.statistics.power.seeds.x_of__mutmut_{k}" for k in range(30)]
FEW = [f"mtlrun.weighting.equal.xǁEqualǁweigh__mutmut_{k}" for k in range(2)]
SOME = [f"mtlrun.weighting.stch.xǁSTCHǁweigh__mutmut_{k}" for k in range(20)]


@pytest.mark.parametrize(
    "size, expected", [(3, (1, 1, 1)), (6, (2, 2, 2)), (12, (5, 2, 5)), (52, (30, 2, 20)), (99, (30, 2, 20))]
)
def test_each_module_gives_as_many_mutants_as_it_has(size: int, expected: tuple[int, ...]) -> None:
    drawn = sample(MANY + FEW + SOME, size, seed=0)
    assert len(set(drawn)) == len(drawn)
    assert tuple(len(set(drawn) & set(own)) for own in (MANY, FEW, SOME)) == expected


def test_the_sample_depends_on_the_seed_and_not_on_the_order() -> None:
    assert sample(MANY + SOME, 8, seed=1) == sample((SOME + MANY)[::-1], 8, seed=1)
    assert sample(MANY + SOME, 8, seed=1) != sample(MANY + SOME, 8, seed=2)


def test_a_mutant_belongs_to_the_folder_of_its_module() -> None:
    assert [package_of(one) for one in (MANY[0], FEW[0])] == ["statistics/power", "weighting"]
    assert package_of("mtlrun.weighting.x___getattr____mutmut_1") == "weighting"
    assert module_of(SOME[0]) == "mtlrun.weighting.stch"


def test_results_are_read_and_counted() -> None:
    printed = f"    {MANY[0]}: survived\n    {MANY[1]}: killed\n\n    {FEW[0]}: no tests\n    {FEW[1]}: suspicious\n"
    ended = statuses(printed)
    assert ended == {MANY[0]: "survived", MANY[1]: "killed", FEW[0]: "no tests", FEW[1]: "suspicious"}
    found = counts(ended)
    assert found == {
        "statistics/power": Counter(killed=1, survived=1),
        "weighting": Counter({"no tests": 1, "suspicious": 1}),
    }
    columns = [list(column.cells) for column in table(found).columns]
    assert columns[0] == ["statistics/power", "weighting", "all"]
    assert [column[-1] for column in columns[1:]] == ["4", "1", "0", "1", "1", "1"]
