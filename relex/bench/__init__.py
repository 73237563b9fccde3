"""How fast each head is, against a plain version of the same model in the same run."""

from relex.bench import cascade, classifier, span

BENCHMARKS = {"classifier": classifier.measure, "cascade": cascade.measure, "span": span.measure}
"""Head → function of `documents`, `layers`, `encoder` and `repeats`; quantity → value, ready to print."""

__all__ = ["BENCHMARKS"]
