"""Faster inference on a CPU: ONNX Runtime and fused layers."""
