"""The speed-up of a hash table: how much less of a database is touched (SUF)."""

import numpy as np


def factor(touched, items):
    """`items` over the mean number of items that a query touched.

    Args:
        touched: `[q]` numbers of items.
        items: those that could have been.
    Returns:
        A float; infinite where no query touched any.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/evaluation.py.
    """
    mean = np.mean(touched)
    return float(items / mean) if mean else float("inf")


def expected(loads, k):
    """The speed-up that the loads of the buckets let expect, before duplicates are removed.

    Args:
        loads: `[buckets]` numbers of items in each; their sum is k times the items.
        k: buckets of an item.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/eval_op.py, get_nmi_suf_quick.
    """
    loads = np.asarray(loads, np.float64)
    return float(loads.sum() ** 2 / (loads**2).sum() / k**2)
