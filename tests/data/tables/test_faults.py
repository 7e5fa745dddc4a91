"""Bad tables: one message with key, rule, value and choices; exit code 2; no traceback; nothing trained."""

import re

import numpy as np
import pytest
from support.commands import mtlrun

TWO = "suite.targets={heating: heating, cooling: cooling}"


def is_refused(result, *told):
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("mtlrun: ") and result.err.count("mtlrun: ") == 1
    assert "Traceback" not in result.err
    for text in told:
        assert text in result.err


def run(path, tmp_path, *more, targets=TWO):
    store = tmp_path / "runs"
    told = ["model=mlp", "seeds=1", "budget.epochs=1", f"store={store}"]
    if not any(override.startswith("suite.targets=") for override in more):
        told.append(targets)
    if not any(override.startswith("suite.path=") for override in more):
        told.append(f"suite.path={path}")
    result = mtlrun("run", "suite=table", *told, *more)
    assert not list(store.glob("*.parquet"))
    return result


def saved(tmp_path, frame, name="bad.csv"):
    frame.to_csv(tmp_path / name, index=False)
    return tmp_path / name


SETTINGS = {
    "absent file": (("suite.path=hauses.csv",), ("`suite.path` must be a file that is there",)),
    "no file": (("suite.path=",), ("`suite.path` must name a file with a table",)),
    "unknown kind of file": (("suite.path=setup.cfg",), ("`suite.path` must be a file that is there",)),
    "absent target": (("suite.targets={a: heatin}",), ("`suite.targets.a`", "did you mean heating?")),
    "absent input": (("suite.inputs=[sise]",), ("`suite.inputs`", "did you mean size?")),
    "absent task": (("suite.tasks=[heating,coolin]",), ("`suite.tasks` must name tasks", "found 'coolin'")),
    "absent group": (("suite.group=twon",), ("`suite.group`", "did you mean town?")),
    "absent split": (("suite.split=part",), ("`suite.split` must name columns of the table",)),
    "absent ignored": (("suite.ignored=[agee]",), ("`suite.ignored`", "did you mean age?")),
    "absent type": (("suite.types={agee: category}",), ("`suite.types`", "did you mean age?")),
    "unknown type": (("suite.types={age: numbr}",), ("`suite.types.age`", "did you mean number?")),
    "unknown kind": (("suite.kinds={heating: regresion}",), ("did you mean regression?",)),
    "kind of no task": (("suite.kinds={heatin: regression}",), ("`suite.kinds`", "did you mean heating?")),
    "no targets": (("suite.targets=null",), ("`suite.targets` must name at least one task", "size, age")),
    "one column twice": (
        ("suite.targets={a: heating, b: heating}",),
        ("`suite.targets.b` must have a column of its own, not that of `targets.a`, found 'heating'",),
    ),
    "target as input": (("suite.inputs=[size,heating]",), ("must not name the column of `targets.heating`",)),
    "group as target": (("suite.group=heating",), ("must be another column than that of `targets.heating`",)),
    "unknown metric": (("suite.metrics={heating: rmes}",), ("`suite.metrics.heating`", "did you mean rmse")),
    "metric of another kind": (
        ("suite.metrics={heating: auroc}",),
        ("must be a metric of a regression task",),
    ),
    "metric of no task": (("suite.metrics={heatin: mae}",), ("`suite.metrics` must name tasks, or kinds",)),
    "classes as amounts": (
        ("suite.targets={a: level}", "suite.kinds={a: regression}"),
        ("cannot make the classes of column level into amounts",),
    ),
    "date as target": (("suite.targets={a: sold}",), ("must name columns of classes, text, numbers",)),
    "too large a test part": (("suite.test=300",), ("leaves no row for the train part of 200 rows",)),
    "no test part": (("suite.test=0",), ("`suite.test` must be a number of rows, or a fraction",)),
    "fewer rows than a batch": (("budget.batch_size=512",), ("must be at most the 140 training rows",)),
    "group of few": (("suite.group=garden",), ("`suite.group` leaves no row for the train part",)),
    "no such parts": (("suite.split=level",), ("`suite.split` must name parts in column level", "training")),
    "numbers for parts": (("suite.split=age",), ("`suite.split` must name parts in column age, which is",)),
    "split and resplit": (("suite.split=level", "suite.resplit=true"), ("`suite.resplit` draws splits",)),
    "other content": (
        ("suite.content=abc",),
        (
            "`suite.content` shows that",
            "has changed since this run was trained",
        ),
    ),
    "delimiter of two signs": (
        ("suite.delimiter=ab",),
        ("`suite.delimiter` must be one sign, or the word for it",),
    ),
    "wrong decimal": (("suite.decimal=x",), ("`suite.decimal` must be point or comma",)),
    "no embedding": (("suite.embedding=0",), ("`suite.embedding` must be at least 1",)),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("case", SETTINGS)
def test_settings_that_do_not_fit_are_told(path, tmp_path, case):
    overrides, told = SETTINGS[case]
    is_refused(run(path, tmp_path, *overrides), *told)


def test_an_absent_file_has_its_neighbours_named(path, tmp_path):
    is_refused(run(path.with_name("house.csv"), tmp_path), "did you mean", "houses.csv")


CONTENTS = {
    "one class": (
        {"level": "low"},
        "level",
        "must have two classes or more, and column level has one, found 'low'",
    ),
    "all missing": ({"heating": None}, "heating", "has no value in any row of column heating"),
    "infinite target": ({"heating": (3, np.inf)}, "heating", "column heating is not in row 4"),
    "infinite input": ({"size": (3, -np.inf)}, "heating", "column size is not in row 4"),
    "too large": ({"size": (3, 1e200)}, "heating", "column size is not in row 4"),
    "too small": ({"heating": np.arange(200) * 1e-30}, "heating", "give it in another unit"),
    "text where numbers belong": (
        {"size": (3, "big")},
        "heating",
        "has text where numbers belong, in column size in row 4; correct it, or say suite.types",
    ),
    "text in a target": ({"heating": (3, "hot")}, "heating", "in column heating in row 4"),
    "constant inputs": (
        {
            "size": 1,
            "age": 2,
            "town": "Ulm",
            "garden": True,
            "sold": "2020-01-01",
            "cooling": 0,
            "level": "x",
        },
        "heating",
        "`suite.inputs` must leave a column that differs between rows",
    ),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_contents_that_do_not_serve_are_told(frame, tmp_path, case):
    changes, target, told = CONTENTS[case]
    for name, value in changes.items():
        if isinstance(value, tuple):
            frame[name] = frame[name].astype(object)
            frame.loc[value[0], name] = value[1]
        else:
            frame[name] = value
    result = run(saved(tmp_path, frame), tmp_path, targets=f"suite.targets={{a: {target}}}")
    is_refused(result, told)


def test_a_class_seen_only_in_test_is_told(frame, tmp_path):
    frame["part"] = ["train"] * 150 + ["val"] * 20 + ["test"] * 30
    frame.loc[190, "level"] = "rare"
    result = run(saved(tmp_path, frame), tmp_path, "suite.split=part", targets="suite.targets={a: level}")
    is_refused(result, "`suite.targets.a` has classes in the test part that training lacks", "['rare']")


def test_a_part_without_a_target_is_told(frame, tmp_path):
    frame["part"] = ["train"] * 150 + ["val"] * 20 + ["test"] * 30
    frame.loc[150:169, "cooling"] = None
    result = run(saved(tmp_path, frame), tmp_path, "suite.split=part")
    is_refused(result, "`suite.targets.cooling` has no value in the val part, in any of its 20 rows")


@pytest.mark.parametrize(
    ("target", "metric"), (("garden", ""), ("heating", "r2"), ("heating", "spearman"), ("level", "auroc"))
)
def test_a_part_in_which_the_primary_metric_has_no_value_is_told(frame, tmp_path, target, metric):
    frame["part"] = ["train"] * 150 + ["val"] * 20 + ["test"] * 30
    frame.loc[170:, target] = frame[target][0]
    path, tasks = saved(tmp_path, frame), f"suite.targets={{a: {target}}}"
    more = (f"suite.metrics={{a: {metric}}}",) if metric else ()
    refused = run(path, tmp_path, "suite.split=part", *more, targets=tasks)
    told = "`suite.targets.a` is the same in all rows of the test part, where its primary metric has no value"
    is_refused(refused, told, f"found '{metric or 'auroc'}'")
    other = "suite.metrics={regression: mae, binary: log_loss, multiclass: log_loss}"
    planned = mtlrun("plan", "suite=table", f"suite.path={path}", "suite.split=part", tasks, other)
    assert planned.code == 0, planned.err


def test_a_label_that_training_never_has_is_told(frame, tmp_path):
    frame["part"] = ["train"] * 150 + ["val"] * 20 + ["test"] * 30
    frame["late"] = frame.index % 3 == 0
    frame.loc[:149, "late"] = False
    refused = run(
        saved(tmp_path, frame), tmp_path, "suite.split=part", targets="suite.targets={a: [garden, late]}"
    )
    is_refused(refused, "`suite.targets.a` must have two values in the training part", "found 'late'")


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("name", "content", "told"),
    (
        ("zero.csv", b"", "must hold a table, and is empty"),
        ("head.csv", b"heating,cooling\n", "must have rows below its column names, and has 0"),
        ("twice.csv", b"a,heating,cooling,a\n1,2,3,4\n", "has twice, found ['a']"),
        ("ragged.csv", b"a,heating,cooling\n1,2,3\n1,2\n", "cannot be read: CSV parse error"),
        ("bytes.csv", b"a\x00b,c\n\x00", "must be text, and is binary"),
        ("not.parquet", b"PAR1 this is none", "cannot be read"),
        ("not.feather", b"nor is this", "cannot be read"),
        ("not.xlsx", b"nor this", "cannot be read"),
        ("table.json", b"{}", "must be a file of a kind that is read"),
        ("comma.csv", b"a;heating;cooling\n1,5;2,5;1,0\n2,5;3,5;2,0\n", "say suite.decimal=comma"),
    ),
)
def test_files_that_are_no_tables_are_told(tmp_path, name, content, told):
    (tmp_path / name).write_bytes(content)
    is_refused(run(tmp_path / name, tmp_path), "`suite.", told)


def test_a_truncated_parquet_file_is_told(frame, tmp_path):
    frame.to_parquet(tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[: len(whole) // 2])
    is_refused(run(tmp_path / "cut.parquet", tmp_path), "`suite.path` cannot be read", "cut.parquet")


def test_columns_that_are_no_input_are_left_out_unless_named(frame, tmp_path):
    frame["pair"] = [[1, 2]] * len(frame)
    frame.to_parquet(tmp_path / "lists.parquet")
    path = tmp_path / "lists.parquet"
    shown = mtlrun("show", "suite=table", f"suite.path={path}").out
    assert re.search(r"pair +left out: not a number", shown)
    is_refused(run(path, tmp_path, "suite.inputs=[pair,size]"), "must name columns of numbers, text or dates")


def test_a_first_look_tells_once_why_columns_cannot_be_read(tmp_path):
    rows = [f"{k},5;{k},25;text {k};Rome, IT;{k}" for k in range(1, 200)]
    (tmp_path / "comma.csv").write_text("\n".join(["a;b;remark;town;c", *rows, "0,5;0,5;last;Oslo;0"]))
    shown = mtlrun("show", "suite=table", f"suite.path={tmp_path / 'comma.csv'}")
    assert (shown.code, shown.err) == (0, "")
    assert re.search(r"^ *a +cannot be read: see below +text *$", shown.out, re.M)
    text = " ".join(shown.out.split())
    assert text.count("say suite.decimal=comma") == 1
    assert "found '1,5'; likewise of b note: column c numbers the rows" in text
    assert "left out: text of 200 kinds, more than" in text and "suite.most_categories=100" in text
    assert "'Rome, IT' 199, 'Oslo' 1" in text


TABLES = {
    "no file of a task": (("suite.paths={a: FILE}",), "`suite.paths.b` must name the file of this task"),
    "file of no task": (("suite.paths={a: FILE, b: FILE, c: FILE}",), "`suite.paths` must name tasks of"),
    "absent file": (("suite.paths={a: FILE, b: nope.csv}",), "`suite.paths.b` must be a file that is there"),
    "absent target": (("suite.targets={a: heating, b: coolin}",), "`suite.targets.b` must name columns"),
    "absent task": (("suite.tasks=[a,c]",), "`suite.tasks` must name tasks of the suite, found 'c'"),
    "absent input": (
        ("suite.inputs={a: [sise]}",),
        "`suite.inputs.a` must name columns of the table, found 'sise'",
    ),
    "absent type": (("suite.types={agee: category}",), "`suite.types` must name columns of a table"),
    "one column twice": (
        ("suite.targets={a: heating, b: heating}",),
        "`suite.targets.b` must have a column of its own, not that of `targets.a` in the same file",
    ),
    "no stem": (("suite.stem=0",), "`suite.stem` must be at least 1, or null"),
    "widths that differ": (
        ("suite.stem=null", "suite.inputs={a: [size], b: [size,age]}"),
        "`suite` must have inputs of one shape",
    ),
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("case", TABLES)
def test_settings_of_several_tables_are_told(path, tmp_path, case):
    overrides, told = TABLES[case]
    settings = {"suite.paths": "{a: FILE, b: FILE}", "suite.targets": "{a: heating, b: cooling}"}
    settings |= dict(override.split("=", 1) for override in overrides)
    wanted = [f"{key}={value.replace('FILE', str(path))}" for key, value in settings.items()]
    is_refused(mtlrun("run", "suite=tables", *wanted, "seeds=1", f"store={tmp_path / 'runs'}"), told)


def test_text_of_a_file_cannot_steer_the_terminal(tmp_path, frame):
    frame["town"] = "\x1b[31m[bold]red"
    frame.loc[0, "town"] = "plain"
    frame.to_parquet(tmp_path / "evil.parquet")
    shown = mtlrun("show", "suite=table", f"suite.path={tmp_path / 'evil.parquet'}")
    assert shown.code == 0 and "\x1b" not in shown.out and "[31m[bold]red" in shown.out
