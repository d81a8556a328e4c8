"""What a model directory of a stranger may not do: name files of this machine, or a download."""

from tfhash import checks, data, model_dir
from tfhash import settings as all_settings

INSIDE = "digits"  # the dataset that needs no files
# The settings that name files or a download.
OUTSIDE = ("dataset", "data_dir", "split_order", *(f"{part}_file" for part in data.FILES))


def trusted(stored, given, path):
    """The settings of the data of a model directory, without what it may not say.

    A directory that was not made at its place by a training may name any files of this machine,
    or a download: then nothing outside of it is read but what the user names. The digits come
    with scikit-learn.

    Args:
        stored: `{setting of Data: value}` of the directory.
        given: those that the user gave, among other settings.
        path: the directory; None for a model that was made here.
    """
    if path is None or model_dir.is_own(path):
        return dict(stored)
    if stored.get("dataset") != INSIDE and "dataset" not in given:
        named = {name: stored[name] for name in ("dataset", "data_dir") if name in stored}
        raise ValueError(
            f"`{path}` was not trained at this place, so the data that it names are not read "
            f"unasked: {checks.brief(named)}. Give --dataset, and --data_dir where it needs one."
        )
    kept = {name: value for name, value in stored.items() if name not in OUTSIDE}
    named = {name: all_settings.absolute(name, given[name]) for name in OUTSIDE if name in given}
    return {"dataset": INSIDE} | kept | named
