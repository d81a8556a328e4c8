"""Options of datasets that the loaders share: the number of classes, and other image lists."""

import pytest

from tfhash import data


def test_another_number_of_classes_than_there_are_is_refused():
    with pytest.raises(ValueError, match="Expected 12 classes.*digits has 10"):
        data.load("digits", data_dir=".", num_classes=12)


def test_lists_are_for_datasets_of_lists():
    with pytest.raises(ValueError, match="Expected val_file for cifar10 or.*dataset='digits'"):
        data.load("digits", data_dir=".", files={"val": "val.txt", "query": ""})


def test_lists_go_before_the_pickles_of_cifar10(tmp_path):
    with pytest.raises(ValueError, match="Missing: mine.txt, test.txt"):
        data.load("cifar10", data_dir=str(tmp_path), files={"train": "mine.txt"})
