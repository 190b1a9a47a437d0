"""Faster answers on a CPU: ONNX Runtime, and fused layers."""
