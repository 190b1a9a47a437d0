"""Import of nets from PyTorch code, which is parsed and never executed, and from torchvision."""
