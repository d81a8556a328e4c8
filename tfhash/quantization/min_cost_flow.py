"""Which buckets each class takes: the cheapest flow from classes to buckets, solved exactly."""

import numpy as np

SCALE = 10000  # of costs, which the solver takes as integers
LARGEST = np.iinfo(np.int32).max // SCALE  # of a value


def integer_costs(values):
    """`[classes, buckets]` float values -> int32 costs of taking a bucket.

    Truncated toward zero, as the original has it: rounding picks other buckets on near ties.

    Raises:
        ValueError: no two dimensions, or a value that is NaN or over `LARGEST`.
    Original: maestrojeong/Deep-Hash-Table-ICML18, utils/ortools_op.py, solve.
    """
    values = np.asarray(values)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"Expected `values` [classes, buckets]. Received: {list(values.shape)}.")
    if not np.all(np.abs(values) <= LARGEST):
        raise ValueError(
            f"Expected `values` from {-LARGEST} to {LARGEST}, which costs of 32 bits hold. "
            f"Received: {values.min()} to {values.max()}. A lower learning rate may help."
        )
    return (-(SCALE * values)).astype(np.int32)


def assign(values, k, *, pair_cost):
    """The `k` buckets of each class of the largest total value, less what sharing costs.

    Maximises the sum of the chosen values minus `pair_cost` for every two classes that share a
    bucket, with costs in steps of 1 / `SCALE`. A bucket has parallel arcs to the sink, of which
    the t-th costs t times `pair_cost`, so that the flow of least cost is the optimum. Arcs beyond
    twice the mean load are left out; where a bucket uses all it has, they are doubled and the flow
    is solved again. Once no bucket does, the arcs left out would only be dearer, and the optimum
    is that of all arcs.

    Args:
        values: `[classes, buckets]` float.
        k: buckets of a class, 1 to `buckets`.
        pair_cost: in units of `values`; >= 0.
    Returns:
        `[classes, buckets]` bool with k true in each row. Of several optima, any one.
    Raises:
        ValueError: values that are no numbers, or `k` or `pair_cost` out of range.
        ImportError: OR-tools is not installed; gives the command.
    Reference: Jeong & Song, ICML 2018, section 4; maestrojeong/Deep-Hash-Table-ICML18,
        utils/ortools_op.py, SolveMaxMatching.
    """
    costs = integer_costs(values)
    classes, buckets = costs.shape
    if not 1 <= k <= buckets:
        raise ValueError(
            f"Expected `k` from 1 to the {buckets} buckets, each of which holds a class once. "
            f"Received: {k}."
        )
    if not 0 <= pair_cost <= LARGEST:
        raise ValueError(f"Expected `pair_cost` from 0 to {LARGEST}. Received: {pair_cost}.")
    step = int(pair_cost * SCALE)
    arcs = min(classes, 2 * -(-classes * k // buckets))
    while True:
        chosen = _flow(costs, k, step, arcs)
        if step == 0 or arcs == classes or chosen.sum(axis=0).max() < arcs:
            return chosen
        arcs = min(classes, 2 * arcs)


def total_cost(values, chosen, *, pair_cost):
    """What `assign` minimises: the integer costs of the chosen buckets, and those of sharing.

    Args:
        values: `[classes, buckets]` float.
        chosen: `[classes, buckets]` 0/1.
        pair_cost: as for `assign`.
    Returns:
        (of the values, of sharing), integers.
    """
    loads = np.sum(chosen, axis=0, dtype=np.int64)
    shared = int((loads * (loads - 1) // 2).sum()) * int(pair_cost * SCALE)
    return int(integer_costs(values)[np.asarray(chosen, bool)].sum(dtype=np.int64)), shared


def require():
    """OR-tools' module; ImportError with the command where it is not installed."""
    try:
        from ortools.graph.python import min_cost_flow
    except ImportError as error:
        raise ImportError(
            f"Buckets are assigned by OR-tools, which can't be imported ({error}). "
            "Use: pip install ortools"
        ) from error
    return min_cost_flow


def _flow(costs, k, step, arcs):
    """`[classes, buckets]` bool: the flow of least cost with so many arcs from a bucket on.

    Nodes: the classes, which supply k each, the buckets, the sink.
    """
    solver = require().SimpleMinCostFlow()
    classes, buckets = costs.shape
    sink = classes + buckets
    nodes = np.arange(sink + 1, dtype=np.int32)
    taken = solver.add_arcs_with_capacity_and_unit_cost(
        np.repeat(nodes[:classes], buckets),
        np.tile(nodes[classes:sink], classes),
        np.ones(costs.size, np.int64),
        costs.ravel().astype(np.int64),
    )
    # Arcs that cost nothing are one arc that holds all.
    arcs, capacity = (arcs, 1) if step else (1, classes)
    solver.add_arcs_with_capacity_and_unit_cost(
        np.tile(nodes[classes:sink], arcs),
        np.full(arcs * buckets, sink, np.int32),
        np.full(arcs * buckets, capacity, np.int64),
        np.repeat(np.arange(arcs, dtype=np.int64) * step, buckets),
    )
    supplies = np.zeros(sink + 1, np.int64)
    supplies[:classes] = k
    supplies[sink] = -k * classes
    solver.set_nodes_supplies(nodes, supplies)
    status = solver.solve()
    if status != solver.OPTIMAL:
        raise ArithmeticError(f"The min-cost flow has no optimum: OR-tools says {status}.")
    return solver.flows(taken).reshape(classes, buckets) > 0
