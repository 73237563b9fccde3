"""How fast each head is, and the CRF, against a plain version of the same model in the same run; what tables cost;
onnxruntime against torch; what a step of every system costs."""

from relex.bench import cascade, classifier, crf, focused, onnx, span, systems, table

BENCHMARKS = {
    "classifier": classifier.measure,
    "cascade": cascade.measure,
    "span": span.measure,
    "focused": focused.measure,
    "crf": crf.measure,
    "table": table.measure,
    "onnx": onnx.measure,
    "systems": systems.measure,
}
"""Head → function of `documents`, `layers`, `encoder` and `repeats`; quantity → value, ready to print."""

__all__ = ["BENCHMARKS"]
