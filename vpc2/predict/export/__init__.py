"""Exports of a classifier: ONNX, a script with test-time augmentation, a report."""
