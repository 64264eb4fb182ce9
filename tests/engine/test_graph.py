"""Graphs: what two files say, who is trained on, every command, and the lead of a network that sees the edges."""

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.graphs.graph import GraphFiles
from hyperplane.errors import UserError

NODES, CLASSES = 90, 3
FILES = ("data=graph", "data.nodes=nodes.csv", "data.edges=edges.csv", "data.target=kind")


def block_model(seed=0, within=0.2, between=0.01):
    """A stochastic block model: nodes of a kind are joined more often. Features say little."""
    random = np.random.default_rng(seed)
    kinds = np.arange(NODES) % CLASSES
    odds = np.where(kinds[:, None] == kinds, within, between)
    edges = np.argwhere(np.triu(random.uniform(size=odds.shape) < odds, 1))
    names = np.array([f"n{i}" for i in range(NODES)])
    nodes = {"name": names, "a": random.normal(size=NODES) + 0.3 * kinds, "kind": np.array(["x", "y", "z"])[kinds]}
    return polars.DataFrame(nodes), polars.DataFrame({"from": names[edges[:, 0]], "to": names[edges[:, 1]]})


@pytest.fixture
def files(tmp_path, monkeypatch):
    """`nodes.csv` and `edges.csv`."""
    monkeypatch.chdir(tmp_path)
    nodes, edges = block_model()
    nodes.write_csv("nodes.csv")
    edges.write_csv("edges.csv")
    return nodes, edges


def loaded(**options):
    data = GraphFiles(**{"nodes": "nodes.csv", "edges": "edges.csv", "target": "kind", "seed": 0} | options)
    data.setup()
    return data


def test_parts_are_stratified_and_the_others_have_no_class(files):
    data = loaded(labelled=5, val_fraction=0.2)
    assert data.spec.class_counts == (5, 5, 5) and data.spec.train_size == 15
    ((inputs, nodes, targets),) = data.train_dataloader()
    assert inputs.shape == (NODES, 1) and targets.tolist() == [node % CLASSES for node in nodes.tolist()]
    places = [set(nodes) for nodes in data.nodes.values()]
    assert [len(place) for place in places] == [15, 15, 60] and len(set.union(*places)) == NODES
    assert data.spec.edges == loaded(labelled=5).spec.edges != ()
    assert (loaded(labelled=5, seed=1).nodes["train"] != data.nodes["train"]).any()


def test_loops_copies_and_unknown_nodes_are_said_and_left_out(files, messages):
    _, edges = files
    whole = loaded().spec.edges
    more = [edges, edges[:3], polars.DataFrame({"from": edges["to"][:2], "to": edges["from"][:2]})]
    more += [polars.DataFrame({"from": ["n1", "n5", "n6"], "to": ["n1", "who", None]})]
    polars.concat(more).write_csv("edges.csv")
    messages.clear()
    assert loaded().spec.edges == whole
    said = "".join(messages)
    assert f"and {len(whole) // 2} edges;" in said
    assert "1 of" in said and "5 are there twice" in said and "nodes.csv does not have: one without a name, who" in said
    one_way = loaded(directed=True).spec.edges
    assert len(one_way) == edges.height + 2 and set(one_way) < set(whole)


@pytest.mark.parametrize(
    ("nodes", "edges", "options", "message"),
    [
        (lambda n: n.vstack(n[:1]), None, {}, "name 'n0' stands in several rows"),
        (
            None,
            lambda e: e.with_columns(polars.all().str.replace("n", "m")),
            {},
            "edges join nodes that .* does not have",
        ),
        (None, None, {"target": "kinds"}, r"data\.target=kinds is not a column .* Did you mean kind"),
        (None, None, {"source": "form"}, r"data\.source=form is not a column of edges\.csv\. Did you mean from"),
        (None, lambda e: e.select("from"), {}, "needs two columns"),
        (None, lambda e: e[1:].rename(dict(zip(e.columns, e.row(0), strict=True))), {}, "first line joins n0 and n"),
    ],
)
def test_files_that_do_not_fit_are_refused_in_a_sentence(files, nodes, edges, options, message):
    if nodes is not None:
        nodes(files[0]).write_csv("nodes.csv")
    if edges is not None:
        edges(files[1]).write_csv("edges.csv")
    with pytest.raises(UserError, match=message):
        loaded(**options)


@pytest.mark.parametrize("index", ["", "Unnamed: 0"])
def test_row_numbers_in_front_are_neither_nodes_nor_features(files, index):
    nodes, edges = files
    numbered = {f"n{i}": i + 1 for i in range(NODES)}  # a row's number is another node
    nodes = nodes.select(polars.col("name").replace_strict(numbered).alias("node_id"), "a", "kind")
    nodes.write_csv("nodes.csv")
    edges = edges.select(polars.all().replace_strict(numbered))
    edges.write_csv("edges.csv")
    whole = loaded()
    nodes.with_row_index(index).write_csv("nodes.csv")
    edges.with_row_index(index).write_csv("edges.csv")
    data = loaded()
    assert (data.names, data.spec.edges) == (whole.names, whole.spec.edges)
    assert data.spec.feature_names == whole.spec.feature_names == ("a",)


def test_names_of_nodes_are_texts_and_found_where_a_program_dropped_their_zeros(files, messages):
    nodes, edges = files
    whole = loaded().spec.edges
    padded = {f"n{i}": f"{i:03}" for i in range(NODES)}
    nodes.with_columns(polars.col("name").replace_strict(padded)).write_csv("nodes.csv")
    for written in (padded, {name: name[1:] for name in padded}, {name: f"{name[1:]}.0" for name in padded}):
        strange = polars.DataFrame({"from": ["who"], "to": ["001"]})  # makes the column one of texts
        polars.concat([edges.select(polars.all().replace_strict(written)), strange]).with_columns(weight=2).write_csv(
            "edges.csv"
        )
        data = loaded()
        assert data.spec.edges == whole and data.names[1] == "001"
    assert "not read: weight" in "".join(messages)


@pytest.mark.parametrize(
    ("options", "task"), [({"target": ["u", "v"]}, "regression"), ({"target": ["p", "q"]}, "multilabel")]
)
def test_values_and_labels_of_nodes_are_predicted(files, train, command, options, task):
    kinds = np.arange(NODES) % CLASSES
    nodes = (
        files[0]
        .drop("kind")
        .with_columns(u=100.0 + 10 * kinds + 0.1 * np.arange(NODES) % 1, v=-1.0 * kinds, p=kinds > 0, q=kinds > 1)
    )
    nodes = (
        nodes.with_columns(u=polars.when(polars.col("name") == "n7").then(None).otherwise("u"))
        if task == "regression"
        else nodes
    )
    nodes.write_csv("nodes.csv")
    files[1].write_csv("edges.csv")
    others = {"u", "v", "p", "q"} - set(options["target"])
    words = (*FILES[:3], f"data.target=[{','.join(options['target'])}]", f"data.ignore=[{','.join(others)},a]")
    done = train(*words, "model=graph_convolution", "trainer.max_epochs=300", "figures=true")
    metrics = done.summary["metrics"]
    assert metrics["test/r2" if task == "regression" else "test/accuracy"] > 0.85
    assert (done.folder / "figures/residuals_2.png").is_file() == (task == "regression")
    done = command("predict", f"run={done.folder}", "input=nodes.csv", "output=out.csv")
    out = polars.read_csv("out.csv")
    assert done.status == 0 and out.height == NODES, done.stderr
    if task == "regression":
        assert np.abs(out["u"].to_numpy() - 100 - 10 * kinds).mean() < 3 and out["name"][7] == "n7"


@pytest.mark.parametrize("model", ["graph_convolution", "mlp"])
def test_every_command_takes_a_graph(files, train, command, model):
    files[0].write_csv("nodes.csv")
    files[1].write_csv("edges.csv")
    run = train(*FILES, f"model={model}", "figures=true").folder
    assert (run / "figures/graph.png").is_file()
    done = command("evaluate", f"run={run}")
    assert done.status == 0 and "as in summary.json" in done.stderr
    files[0].drop("kind").reverse().write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv", "output=out.csv")
    assert done.status == 0, done.stderr
    out = polars.read_csv("out.csv")
    assert out["name"].to_list() == files[0]["name"].reverse().to_list() and "probability y" in out.columns
    files[0].drop("kind").write_csv("same.csv")
    assert command("predict", f"run={run}", "input=same.csv", "output=same_out.csv").status == 0
    assert polars.read_csv("same_out.csv").equals(out.reverse())
    files[0][1:].write_csv("few.csv")
    done = command("predict", f"run={run}", "input=few.csv", "output=few_out.csv")
    assert done.status == 2 and "n0 is missing" in done.stderr
    done = command("export-model", f"run={run}", "format=pt2")
    assert done.status == 0, done.stderr


def test_a_network_that_sees_edges_knows_more(files, train):
    reached = {}
    for model in ("graph_convolution", "mlp"):
        done = train(
            *FILES,
            "data.labelled=4",
            "data.ignore=[a]",
            f"model={model}",
            "trainer.max_epochs=200",
            "optimizer=adam_annealed",
        )
        reached[model] = done.summary["metrics"]["test/accuracy"]
    assert reached["graph_convolution"] > 0.9 and reached["mlp"] < 0.6


def test_a_split_column_says_who_is_what(files):
    parts = np.resize(["train", "val", "test"], NODES)
    files[0].with_columns(part=parts).write_csv("nodes.csv")
    data = loaded(split_column="part")
    assert data.nodes["val"].tolist() == np.flatnonzero(parts == "val").tolist()
    assert torch.equal(data.training_samples()[0], data.parts["train"][0][torch.from_numpy(parts == "train")])
