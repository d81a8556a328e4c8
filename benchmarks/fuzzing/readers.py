"""All readers that are tried, by name. A new one is a function and a `Reader` in a file here."""

from benchmarks.fuzzing import of_codes, of_data, of_models, of_weights

_ALL = of_data.READERS | of_weights.READERS | of_codes.READERS | of_models.READERS
LARGE = ("tensorflow", "sklearn.model_selection")  # imports that make each later fork slower


def _costs(name):
    return [module in _ALL[name].imports for module in LARGE]


READERS = {name: _ALL[name] for name in sorted(_ALL, key=_costs)}
