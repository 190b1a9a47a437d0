"""Pretrained classifiers and their backbones."""
