"""A run file as Python readers see it: check_with_h5py.py WRITER, a program that writes one to the path it is given."""

import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np


def datasets(file):
    found = {}
    file.visititems(lambda name, item: found.update({name: item}) if isinstance(item, h5py.Dataset) else None)
    return found


def is_scale(dataset):
    return h5py.h5ds.is_scale(dataset.id)


def check_dataset(name, dataset):
    assert dataset.attrs["units"] and dataset.attrs["long_name"], f"{name}: units or long_name is empty"
    assert dataset.chunks is None and dataset.compression is None, f"{name}: not contiguous"
    if is_scale(dataset):
        assert "/" not in name, f"{name}: a scale that is not at the root"
        return
    for axis, dimension in enumerate(dataset.dims):
        assert len(dimension) == 1, f"{name}: dimension {axis} has {len(dimension)} scales"
        scale = dimension[0]
        assert scale.shape == (dataset.shape[axis],), f"{name}: dimension {axis} is longer or shorter than {scale.name}"
    names = [dimension[0].name for dimension in dataset.dims]
    assert len(set(names)) == len(names), f"{name}: a dimension stands twice, which xarray refuses"


def check_names(file):
    """xarray gives every group the scales of the root, so that no group may be called like one."""
    groups = []
    file.visititems(lambda name, item: groups.append(name.rpartition("/")[2]) if isinstance(item, h5py.Group) else None)
    shared = set(groups) & {name for name, item in file.items() if isinstance(item, h5py.Dataset)}
    assert not shared, f"groups and datasets of the root share {shared}"


def check_numbers(file):
    assert file.attrs["status"] == b"complete" and file.attrs["schema_version"] == 1
    assert file["steps_done"][()] == 5
    assert [label.decode() for label in file["router"]] == ["0.ffn", "1.ffn"]
    assert file["raw/expert_tokens_routed_by_rank"].dtype == np.uint32
    by_rank, all_ranks = file["raw/expert_tokens_routed_by_rank"][()], file["raw/expert_tokens_routed"][()]
    assert (by_rank.sum(axis=2) == all_ranks[file["detail_step"][()]]).all()
    assert np.array_equal(file["raw/collective_payload_bytes"], file["computed/payload_bytes"])
    assert np.isfinite(file["raw/loss/total"]).all()


def main(writer):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.h5"
        subprocess.run([writer, path], check=True, stdout=subprocess.DEVNULL)
        with h5py.File(path, "r") as file:
            found = datasets(file)
            assert len(found) > 70, f"only {len(found)} datasets"
            for name, dataset in found.items():
                check_dataset(name, dataset)
            check_names(file)
            check_numbers(file)
            print(f"{len(found)} datasets, {sum(map(is_scale, found.values()))} scales")


main(*sys.argv[1:])
