"""The server: routes, TensorBoard, start and idle."""
