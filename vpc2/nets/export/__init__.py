"""Exports of a net: PyTorch code, ONNX, TensorBoard graph, PNG."""
