from mtlrun.data.per_task import by_task, per_task_faults


def faults(value):
    return list(
        per_task_faults("noise", value, ["a", "b"], ["a", "b", "c"], "must be positive", lambda v: v > 0)
    )


def test_one_number_is_for_all():
    assert by_task(2.0, ["a", "b"], 1.0) == {"a": 2.0, "b": 2.0}


def test_a_list_follows_the_selected_tasks():
    assert by_task([2.0, 3.0], ["b", "a"], 1.0) == {"b": 2.0, "a": 3.0}


def test_a_mapping_leaves_the_default_to_others_and_ignores_unselected_tasks():
    assert by_task({"a": 2.0, "c": 9.0}, ["a", "b"], 1.0) == {"a": 2.0, "b": 1.0}


def test_good_values_have_no_faults():
    for value in (1.0, [1.0, 2.0], {"a": 1.0}, {"c": 2.0}):
        assert faults(value) == []


def test_each_bad_entry_is_named():
    assert [(f.key, f.found) for f in faults(-1.0)] == [("noise", -1.0)]
    assert [(f.key, f.found) for f in faults([-1.0, -2.0])] == [("noise[0]", -1.0), ("noise[1]", -2.0)]
    assert [(f.key, f.found) for f in faults({"a": -1.0})] == [("noise.a", -1.0)]


def test_wrong_length_and_unknown_task_are_faults_beside_bad_values():
    assert [(f.key, f.found) for f in faults([-1.0])] == [("noise", [-1.0]), ("noise[0]", -1.0)]
    assert [(f.key, f.found) for f in faults({"d": -1.0})] == [("noise", "d"), ("noise.d", -1.0)]
    assert faults({"d": 1.0})[0].choices == ["a", "b", "c"]
