"""The settings of a search."""

import dataclasses
import os

from tfhash import config as fields
from tfhash.config import setting

PORT = "8000"
OUTPUTS = "outputs"


@dataclasses.dataclass(frozen=True)
class Search(fields.Checked):
    """What is searched in, for what, and how the answers are shown."""

    images: str = setting(
        "",
        "Images to search in: a folder with its sub-folders, or a text file with a path on each "
        "line; or vectors, as embeddings:PATH. They are indexed first: only what is new or has "
        "changed. Default: what --index holds, else the database of the model's dataset.",
    )
    index: str = setting("", "Directory of the index; default: MODEL-index, beside the model.")
    query: tuple = setting(
        (),
        "Image to search for, a folder of them, or a pattern such as 'new/*.jpg'; of vectors an "
        ".npy file of one or more; also a word without --query.",
    )
    top: int = setting(10, "Answers to each query.", least=1)
    within: str = setting("", "Pattern of the paths that are searched, such as 'holiday/*'.")
    approximate: bool = setting(
        False,
        "Search by an index that is faster and misses some of the nearest; its recall is measured "
        "first. Default: from a million images on, where the recall is .95 or more.",
    )
    exact: bool = setting(False, "Search exactly from a million images on, too.")
    rerank: str = setting(
        "none",
        "outputs: keep the network's outputs too, and rank the 10 x top nearest again by them.",
        choices=("none", OUTPUTS),
    )
    json: bool = setting(False, "Print a line of JSON for each query, and nothing else.")
    picture: str = setting(
        "",
        "PNG file of the queries and answers, the first 8 of them and 15 of each; default: "
        "INDEX/search.png, none with --json.",
    )
    serve: str = setting("", f"Show a page to search on at this port, {PORT} where none is given.")
    host: str = setting("127.0.0.1", "Address that the page listens at.")
    most_megabytes: int = setting(25, "Size of an image that the page takes, in MB.", least=1)
    most_megapixels: int = setting(50, "Pixels of an image that the page takes, x 10^6.", least=1)
    encode_batch: int = setting(0, "Images encoded at once; 0: the method's own number.", least=0)
    start_from: str = setting(
        "",
        "Model of the stage before a file of an original, which does not hold it: a model "
        "directory, or a file of the original.",
    )

    def __post_init__(self):
        super().__post_init__()
        if self.approximate and self.exact:
            raise ValueError("Expected --approximate or --exact. Received both.")
        if not (self.images or self.query or self.serve):
            raise ValueError("Expected --query, --images or --serve. Received none of them.")
        if os.path.isdir(self.picture):
            raise ValueError(f"Expected --picture as a file. `{self.picture}` is a folder.")
        if self.serve and not (self.serve.isdigit() and int(self.serve) < 2**16):
            raise ValueError(f"Expected --serve as a port under 65536. Received: {self.serve!r}.")
