"""The statistics of `report`: bootstrap intervals, paired comparisons over shared seeds, and their p-values."""

import csv
import itertools
import statistics as plain

import numpy as np
import pytest
from hyperplane.commands.report import main
from hyperplane.reporting.statistics import sign_flip_p_value, summarize

import synthetic_runs

write_run = synthetic_runs.write_run


def test_the_interval_is_that_of_all_resamples_there_are():
    values = (0.61, 0.66, 0.67, 0.72)
    means = [sum(sample) / 4 for sample in itertools.product(values, repeat=4)]
    low, high = summarize(values).interval
    assert low == pytest.approx(np.quantile(means, 0.025), abs=0.003)
    assert high == pytest.approx(np.quantile(means, 0.975), abs=0.003)
    assert summarize(values).interval == (low, high), "the resamples have a fixed seed"


def test_intervals_of_many_values_cover_the_true_mean_as_often_as_they_say():
    draws = np.random.default_rng(3).normal(size=(400, 20))
    intervals = [summarize(tuple(map(float, draw))).interval for draw in draws]
    covered = sum(low <= 0 <= high for low, high in intervals) / len(intervals)
    assert 0.90 <= covered <= 0.97  # 0.93 with 20 values: three standard errors are 0.04


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, 2.0), (1.0, 2.0, float("nan")), (1.0, 2.0, float("inf"))])
def test_there_is_no_interval_of_few_or_infinite_values(values):
    assert summarize(values).interval is None


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.1, 0.2, 0.3], 2 / 8),
        ([-0.1, -0.2, -0.3], 2 / 8),
        ([0.1, 0.2, -0.3], 1.0),
        ([0.3, 0.2, -0.1], 4 / 8),  # |0.4|: +++ 0.6, ++- 0.4, and their opposites
        ([0.1] * 13, 2 / 2**13),
        ([0.0, 0.0], 1.0),
        ([], None),
        ([float("nan")], None),
    ],
)
def test_the_p_value_counts_the_signs_that_give_as_large_a_mean(differences, p):
    assert sign_flip_p_value(differences) == (None if p is None else pytest.approx(p))


def test_the_p_value_of_many_pairs_is_drawn_and_never_zero():
    assert sign_flip_p_value([1.0] * 30) == pytest.approx(1 / 10_001)
    noise = list(np.random.default_rng(0).normal(size=30))
    t = plain.mean(noise) / (plain.stdev(noise) / 30**0.5)
    normal = 2 * (1 - plain.NormalDist().cdf(abs(t)))
    assert sign_flip_p_value(noise) == pytest.approx(normal, abs=0.05)


def test_two_settings_are_compared_over_the_seeds_that_both_completed(tmp_path, capsys):
    mlp, cnn = {1: 0.60, 2: 0.70, 3: 0.65, 4: 0.1}, {1: 0.65, 2: 0.71, 3: 0.74, 7: 0.9}
    for model, values in (("mlp", mlp), ("cnn", cnn)):
        for seed, accuracy in values.items():
            write_run(tmp_path / f"{model}{seed}", seed, accuracy, model=model)
    write_run(tmp_path / "lost", 4, None, model="cnn", status="failed")
    write_run(tmp_path / "again", 1, 0.64, model="mlp")  # seed 1 counts once, with the mean 0.62

    assert main([str(tmp_path), "--compare", "model=cnn", "model=mlp"]) == 0

    with (tmp_path / "report" / "comparison.csv").open() as file:
        (line,) = csv.DictReader(file)
    assert float(line["difference"]) == pytest.approx((0.03 + 0.01 + 0.09) / 3)
    assert float(line["mean_a"]) == pytest.approx(0.70) and float(line["mean_b"]) == pytest.approx(1.97 / 3)
    assert float(line["low"]) == pytest.approx(0.01) and float(line["high"]) == pytest.approx(0.09)
    assert float(line["p_value"]) == 0.25
    assert (line["shared"], line["only_a"], line["only_b"]) == ("1 2 3", "7", "4")
    printed = capsys.readouterr().out
    assert "test/accuracy of model=cnn minus that of model=mlp: +0.0433, 95 % interval [+0.0100, +0.0900]" in printed
    assert "3 shared seeds (0.700 and 0.657), p = 0.25 (sign-flip test; 3 pairs cannot give less than 0.25)" in printed
    assert "Only model=mlp has seed 4. Only model=cnn has seed 7." in printed


def test_settings_on_several_data_sets_are_compared_on_each(tmp_path):
    for data, gain in (("a", 0.1), ("b", -0.2)):
        write_run(tmp_path / f"{data}0", 0, 0.5, data=data)
        write_run(tmp_path / f"{data}1", 0, 0.5 + gain, data=data, model="cnn")
    assert main([str(tmp_path), "--compare", "model=cnn", "model=mlp"]) == 0
    with (tmp_path / "report" / "comparison.csv").open() as file:
        lines = {line["both"]: float(line["difference"]) for line in csv.DictReader(file)}
    assert lines == {"data=a": pytest.approx(0.1), "data=b": pytest.approx(-0.2)}


def test_a_comparison_that_is_not_clear_asks_for_more(tmp_path, capsys):
    for i, (model, rate) in enumerate([("mlp", "0.1"), ("mlp", "0.2"), ("cnn", "0.3")]):
        write_run(tmp_path / str(i), 0, 0.5, model=model, settings={"optimizer.lr": rate})
    assert main([str(tmp_path), "--compare", "model=mlp", "model=cnn"]) == 2
    error = capsys.readouterr().err
    assert "model=mlp stands for several settings" in error and "Name more of what differs: optimizer.lr" in error
    assert main([str(tmp_path), "--compare", "model=mlp optimizer.lr=0.2", "model=cnn"]) == 0


def test_without_a_shared_seed_there_is_nothing_to_compare(tmp_path, capsys):
    write_run(tmp_path / "a", 1, 0.5)
    write_run(tmp_path / "b", 2, 0.5, model="cnn")
    assert main([str(tmp_path), "--compare", "model=mlp", "model=cnn"]) == 0
    expected = "of model=mlp and of model=cnn: no seed that both have completed. Only model=cnn has seed 2."
    assert expected in capsys.readouterr().out
