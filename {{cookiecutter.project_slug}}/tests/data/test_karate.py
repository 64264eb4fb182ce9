"""The karate club has the members, the pairs and the sides of Zachary's paper."""

from {{ cookiecutter.package_name }}.data.karate import Karate


def test_two_of_each_side_are_trained_on():
    data = Karate(seed=0)
    data.setup()
    assert (data.spec.num_nodes, len(data.spec.edges)) == (34, 2 * 78) and data.graph.targets.sum() == 17
    assert data.spec.class_counts == (2, 2) and [len(data.nodes[part]) for part in ("val", "test")] == [8, 22]
