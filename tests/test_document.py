"""A graph of configurations goes to JSON and comes back as it was."""

import copy
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xpmnb
from tests.support.declaring import Cells, loose
from tests.support.sample_tasks import Color, Model, Node, Train
from xpmnb import Config, Constant, LightweightTask, Param, Task, experiment
from xpmnb.core.paths import generate_paths
from xpmnb.core.state import state_of
from xpmnb.document import from_document, to_document
from xpmnb.errors import DocumentError, IdentifierError, SealedError
from xpmnb.flat import flatten
from xpmnb.identifiers import encode, identifier

ROOT = Path(__file__).parent.parent

ATOMS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=4),
    st.sampled_from(["$ref", "$dict", math.nan, math.inf, -math.inf, -0.0]),
    st.sampled_from([Path("a/b"), Color.RED, Color.BLUE]),
)
HASHABLE: st.SearchStrategy[Any] = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    HASHABLE,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(HASHABLE, max_size=3)
        | st.dictionaries(HASHABLE | st.sampled_from(["$ref", "$set"]), inner, max_size=3)
    ),
    max_leaves=10,
)


def there_and_back(config: Any) -> Any:
    """Return what comes back from the text of a configuration's document."""
    return from_document(json.loads(json.dumps(to_document(config))))


def kinds(value: Any) -> Any:
    """Return the types in a value, which the encoding does not all tell apart."""
    if isinstance(value, (list, tuple)):
        return (isinstance(value, list), [kinds(item) for item in value])
    if isinstance(value, dict):
        return [(kinds(key), kinds(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return isinstance(value, frozenset)
    return type(value)


@given(VALUES)
def test_values_come_back_as_they_were(value: Any) -> None:
    """Every value that has an identifier comes back from JSON: same type, value and order."""
    result = there_and_back(Node.C(value=value)).value
    assert encode(result) == encode(value)
    assert kinds(result) == kinds(value)


def test_negative_zero_comes_back() -> None:
    """The sign of zero, which identifiers leave out, is kept."""
    assert math.copysign(1, there_and_back(Node.C(value=-0.0)).value) == -1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_graphs_come_back_with_their_sharing(edges: list[tuple[int, int]]) -> None:
    """Configurations that are shared or in cycles come back shared and in the same cycles."""
    nodes = [Node.C(value=number) for number in range(6)]
    for source, target in edges:
        nodes[source].others.setdefault("all", []).append(nodes[target])
    root = nodes[edges[0][0]]

    def shape(start: Any) -> Any:
        order = {id(start): start}
        for each in order_of(start, order):
            order.setdefault(id(each), each)
        places = {key: place for place, key in enumerate(order)}
        return [
            (each.value, [places[id(other)] for other in each.others.get("all", [])])
            for each in order.values()
        ]

    assert shape(there_and_back(root)) == shape(root)


def order_of(start: Any, order: dict[int, Any]) -> list[Any]:
    """Return the nodes that can be reached, in the order in which they are found."""
    pending = [start]
    for each in pending:
        for other in each.others.get("all", []):
            if id(other) not in order:
                order[id(other)] = other
                pending.append(other)
    return pending


def test_tasks_come_back_with_their_identifier() -> None:
    """A task that comes back is of its class, sealed, and has its identifier."""
    train = Train.C(lr=1, model=Model.C(layers=3), color=Color.BLUE, names={1: {"a", "b"}}).seal()
    result = there_and_back(train)
    assert type(result).__xpm_plain__ is Train
    assert identifier(result) == identifier(train)
    assert result.color is Color.BLUE
    with pytest.raises(SealedError):
        result.lr = 2
    with pytest.raises(SealedError):
        result.names[2] = set()


def test_generated_paths_are_written() -> None:
    """Paths that a job directory gives are in the document, where they belong."""
    train = Train.C(lr=1, model=Model.C()).seal()
    document = to_document(train, generate_paths(train, "/job", "/partials"))
    result = from_document(document)
    assert result.out == Path("/job/out.txt")
    assert result.model.weights == Path("/job/model/weights.txt")
    assert there_and_back(train).instance().lr == 1.0


def test_a_document_is_json_that_others_can_read() -> None:
    """A document is plain JSON that names each class, and says where it was declared."""
    document = json.loads(json.dumps(to_document(Train.C(lr=1, model=Model.C()))))
    assert (document["format"], document["root"]) == (1, 1)
    model, train = document["objects"]
    assert train["type"] == "tests.support.sample_tasks.train"
    assert (train["module"], train["qualname"]) == ("tests.support.sample_tasks", "Train")
    assert train["values"]["model"] == {"$ref": 0}
    assert model["values"] == {"layers": 2}


def test_another_process_reads_it() -> None:
    """A document is read where none of its classes was imported."""
    train = Train.C(lr=0.5, model=Model.C(), names={2: {"x"}}).seal()
    program = (
        "import json, sys, xpmnb\n"
        "from xpmnb.document import from_document\n"
        "task = from_document(json.load(sys.stdin))\n"
        "print(task.__identifier__(), task.color.name, task.names[2])\n"
    )
    places = os.pathsep.join([str(ROOT), str(Path(xpmnb.__file__).parent.parent)])
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(to_document(train)),
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.stderr, done.stdout) == ("", f"{train.__identifier__()} RED {{'x'}}\n")


def test_parameters_that_are_newer_get_their_default() -> None:
    """A document from before a parameter was declared is completed; Constants are the class's."""
    with Cells("grown") as cells:
        cells.run("from xpmnb import *\nclass Job1(Config):\n    a: Param[int]\n")
        document = to_document(cells.module.Job1.C(a=1))
        grown = "class Job1(Config):\n    a: Param[int]\n    v: Constant[int] = 2\n"
        cells.run(grown + "    b: Param[list[int]] = [5]\n")
        result = from_document(document)
        assert (result.a, result.b, result.v) == (1, [5], 2)
        with pytest.raises(SealedError):
            result.b.append(6)
        cells.run("class Job1(Config):\n    a: Param[int]\n    c: Param[int]\n")
        with pytest.raises(DocumentError, match=r"no value for Job1\.c"):
            from_document(document)
        cells.run("class Job1(Config):\n    c: Param[int] = 1\n")
        with pytest.raises(DocumentError, match="declares no parameter 'a' any more"):
            from_document(document)


def test_classes_that_are_gone_are_named() -> None:
    """A class that this process cannot find is an error that says where it was declared."""
    document = to_document(Node.C())
    for change, message in (
        ({"type": "gone.node", "qualname": "Gone"}, "class Gone of tests.support.sample_tasks"),
        ({"type": "gone.node", "module": "no.such.module"}, "no.such|No module named 'no'"),
        ({"type": "gone.node", "module": "__main__", "file": "/nowhere/x.py"}, "x.py"),
        (
            {"type": "gone.node", "module": "__main__", "file": "/nowhere/x.txt"},
            "FileNotFound.*x.txt",
        ),
    ):
        damaged = copy.deepcopy(document)
        damaged["objects"][0].update(change)
        with pytest.raises(DocumentError, match=message):
            from_document(damaged)


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "", 3, {}, {"format": 1}, {"format": 1, "root": 0}),
        {"format": 2, "root": 0, "objects": []},
        {"format": 1, "root": 0, "objects": []},
        {"format": 1, "root": 0, "objects": None},
        {"format": 1, "root": 0, "objects": [None]},
        {"format": 1, "root": 0, "objects": [{}]},
        {"format": 1, "root": 0, "objects": [{"type": []}]},
        {"format": 1, "root": 0, "objects": [{"type": "x", "module": 3, "qualname": "X"}]},
        {"format": 1, "root": 0, "objects": [{"type": "x", "module": "", "qualname": "X"}]},
    ],
    ids=repr,
)
def test_damaged_documents_are_refused(document: Any) -> None:
    """What is no document is a DocumentError, whatever it is."""
    with pytest.raises(DocumentError):
        from_document(document)


COLOR = {"module": "tests.support.sample_tasks", "qualname": "Color"}


@pytest.mark.parametrize(
    "value",
    [
        {"$ref": 1},
        {"$ref": -1},
        {"$ref": True},
        {"$ref": "0"},
        {"$ref": None},
        {"$unknown": 1},
        {},
        {"$ref": 0, "$path": "a"},
        {"$path": 3},
        {"$float": "x"},
        {"$float": None},
        {"$set": [[1]]},
        {"$set": 3},
        {"$dict": [[[1], 1]]},
        {"$dict": [[1]]},
        {"$dict": 3},
        {"$enum": ["a"]},
        {"$enum": [COLOR, "GREEN"]},
        {"$enum": [COLOR, 3]},
        {"$enum": [{**COLOR, "qualname": "Gone"}, "RED"]},
        {"$enum": [{**COLOR, "qualname": "Model"}, "RED"]},
        {"$enum": [{**COLOR, "qualname": "Path.cwd"}, "RED"]},
        {"$enum": [{"module": "no_such_module", "qualname": "Color"}, "RED"]},
        {"$enum": [{}, "RED"]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [v], lambda v: {"$tuple": [v]}])
def test_damaged_values_are_refused(value: Any, wrap: Any) -> None:
    """A value that says nothing, refers to nothing or names nothing is a DocumentError."""
    document = to_document(Node.C())
    document["objects"][0]["values"]["value"] = wrap(value)
    with pytest.raises(DocumentError):
        from_document(document)


def test_values_of_another_type_are_refused() -> None:
    """A value that does not fit its parameter is a DocumentError that names it."""
    document = to_document(Train.C(lr=1, model=Model.C()))
    document["objects"][1]["values"]["lr"] = "fast"
    with pytest.raises(DocumentError, match=r"Train\.lr = 'fast': expected float"):
        from_document(document)


@pytest.mark.parametrize("root", [-1, 1, True, "0", None, 0.0])
def test_a_root_must_be_a_place(root: Any) -> None:
    """A root that is no place in the list of objects is a DocumentError."""
    document = {**to_document(Node.C()), "root": root}
    with pytest.raises(DocumentError):
        from_document(document)


def test_what_has_no_json_form_is_refused() -> None:
    """A value that JSON cannot hold is refused by name."""
    with pytest.raises(IdentifierError, match=r"Node\.value.*object"):
        to_document(Node.C(value=[object()]))


def test_flat_parameters_are_readable() -> None:
    """`flatten` gives one dictionary of JSON values by dotted names."""
    train = Train.C(lr=1, model=Model.C(weights=Path("w/x")), names={1: {"b", "a"}}).seal()
    assert flatten(train) == {
        "lr": 1.0,
        "model.layers": 2,
        "model.weights": str(Path("w/x")),
        "color": "RED",
        "names": {"1": ["a", "b"]},
    }
    json.dumps(flatten(train))


def test_flat_parameters_end_at_cycles() -> None:
    """A cycle ends in three dots; a configuration that is only shared is written out each time."""
    node, shared = Node.C(value=1), Node.C(value=(1, [Color.RED]))
    node.next = node
    node.others = {"a": [shared, shared, node]}
    inner: dict[str, Any] = {"value": [1, ["RED"]], "next": None, "others": {}}
    assert flatten(node) == {"value": 1, "next": "...", "others": {"a": [inner, inner, "..."]}}
    json.dumps(flatten(node.seal()))


def test_a_constant_is_flat_too() -> None:
    """Constants are listed with the other parameters."""

    class Job(Config):
        version: Constant[int] = 2
        x: Param[int | None] = None

    assert flatten(loose(Job).C()) == {"version": 2, "x": None}
    assert state_of(Job.C()).sealed is False


# --- init tasks


class Load(LightweightTask):
    """Shares its model with the task."""

    model: Param[Model]
    path: Param[str] = "p"


def with_init_tasks() -> Any:
    """Return a task with two init tasks, one of which shares its model."""
    train = Train.C(lr=0.1, model=Model.C(layers=4))
    loads = (Load.C(model=train.model), Load.C(model=Model.C(), path="q"))
    state_of(train).init_tasks = loads
    return train.seal()


def test_init_tasks_come_back() -> None:
    """A document holds init tasks in their order, and what they share stays shared."""
    train = with_init_tasks()
    document = to_document(train)
    assert [document["objects"][place]["values"]["path"] for place in document["init"]] == [
        "p",
        "q",
    ]
    result = there_and_back(train)
    one, two = state_of(result).init_tasks
    assert one.model is result.model
    assert two.model is not result.model
    assert identifier(result) == identifier(train)
    assert "init" not in to_document(Model.C())


def test_flat_parameters_name_init_tasks() -> None:
    """A table has the values of init tasks in columns of their own."""
    flat = flatten(with_init_tasks())
    assert flat["lr"] == 0.1
    assert (flat["init_tasks.0.path"], flat["init_tasks.1.path"]) == ("p", "q")
    assert (flat["init_tasks.0.model.layers"], flat["init_tasks.1.model.layers"]) == (4, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"init": [99]},
        {"init": [-1]},
        {"init": 3},
        {"init": ["0"]},
    ],
)
def test_damaged_init_tasks_are_refused(change: dict[str, Any]) -> None:
    """Places that are none are damage."""
    with pytest.raises(DocumentError):
        from_document({**to_document(with_init_tasks()), **change})


@pytest.mark.parametrize("change", [{"identifier": 3}, {"generated": 3}, {"generated": [[]]}])
def test_damaged_marks_are_refused(change: dict[str, Any]) -> None:
    """An identifier that is no string, and names that are none, are damage."""
    document = to_document(with_init_tasks())
    document["objects"][0].update(change)
    with pytest.raises(DocumentError):
        from_document(document)


class Link(Task):
    before: Param["Link | None"] = None
    number: Param[int]

    def execute(self) -> None:
        """Do nothing."""


def test_a_chain_of_tasks_does_not_repeat_all_before_it(tmp_path: Path) -> None:
    """The flat values of a task in a long chain show the nearest tasks, and name the next."""
    with experiment(tmp_path / "runs", "t"):
        link: Any = Link.C(number=0)
        for number in range(1, 12):
            link = Link.C(before=link.submit(), number=number)
        flat = flatten(link)
        far = link.before.before.before.before.before
    assert flat["before.before.before.before.number"] == 7
    assert flat["before.before.before.before.before"] == f"{far.job.layout.task} {far.job.id[:8]}"
    assert len(flat) == 6
