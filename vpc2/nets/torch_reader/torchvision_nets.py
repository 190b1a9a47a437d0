"""torchvision's classifiers as nets: built on the meta device (without memory), traced with torch.fx, and read call by call."""

from __future__ import annotations

from typing import Any

from vpc2 import codec
from vpc2.nets.torch_reader.graph import GraphValue
from vpc2.nets.torch_reader.torch_calls import SizeQuery, TorchCalls, is_known_function
from vpc2.nets.torch_reader.torch_signatures import arguments_of, is_class
from vpc2.text import Refusal, Text, Verbatim

_BUILD_ARGUMENTS = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"aux_logits": False, "init_weights": False}}
_INPUT_SIDES = {"inception_v3": 299}
# Those that the table of layers can express; a test tries all of torchvision's.
CLASSIFIERS: tuple[str, ...] = (
    "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "inception_v3", "mnasnet0_5", "mnasnet0_75",
    "mnasnet1_0", "mnasnet1_3", "mobilenet_v2", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnext101_32x8d",
    "resnext101_64x4d", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
    "vgg16_bn", "vgg19", "vgg19_bn", "wide_resnet101_2", "wide_resnet50_2",
)  # fmt: skip

_NO_NAME = Text("torchvision has no classifier “{name}” that can be opened here; there are {some}, and more.")
_DATA_DEPENDENT = Text("{name} looks at numbers to find its way, so it cannot be read without running.")


def read_torchvision(name: str) -> codec.Read:
    """Return one of torchvision's classifiers as a net, without its weights; raise `Refusal` for one that is not in `CLASSIFIERS`."""
    if name not in CLASSIFIERS:
        raise Refusal(_NO_NAME.fill(name=name[:40], some=", ".join(CLASSIFIERS[:4])))
    return trace_torchvision(name)


def trace_torchvision(name: str) -> codec.Read:
    """Return any classifier of torchvision as a net; raise `Refusal` at its first call that no layer type can express."""
    import torch
    import torchvision

    try:
        with torch.device("meta"):
            model = torchvision.models.get_model(name, weights=None, **_BUILD_ARGUMENTS.get(name, {})).eval()
        traced = torch.fx.symbolic_trace(model)
    except (torch.fx.proxy.TraceError, NotImplementedError):  # its construction or control flow depends on values of tensors
        raise Refusal(_DATA_DEPENDENT.fill(name=name)) from None
    calls = TorchCalls(is_strict=True)
    values: dict[Any, Any] = {}
    start = end = None

    def resolve(argument: Any) -> Any:
        if isinstance(argument, torch.fx.Node):
            return values[argument]
        if isinstance(argument, list | tuple):
            return type(argument)(map(resolve, argument))
        return argument

    for node in traced.graph.nodes:
        name_in_code = str(node.target) if node.op == "call_module" else node.name
        location = Verbatim(name_in_code)
        args, kwargs = [resolve(argument) for argument in node.args], {key: resolve(argument) for key, argument in node.kwargs.items()}
        if node.op == "placeholder":
            start = values[node] = calls.graph.add_input()
        elif node.op == "output":
            end = args[0]
        elif node.op == "call_module":
            values[node] = _call_module(calls, traced.get_submodule(node.target), args[0], location)
        else:
            function_name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
            if function_name == "getattr" and args[1] == "shape":
                values[node] = SizeQuery(args[0])
            elif function_name == "getitem" and isinstance(args[0], SizeQuery) and isinstance(args[1], int):
                values[node] = args[0].at(args[1])
            elif is_known_function(function_name):
                values[node] = calls.call_function(function_name, args, kwargs, location)
            else:
                values[node] = calls.skip_unknown(function_name, None, location)
    if start is None or not isinstance(end, GraphValue):
        raise ValueError(f"{name} does not return one value computed from one image")
    side = _INPUT_SIDES.get(name, 224)
    return codec.Read(calls.graph.to_net(name, (3, side, side), start, end), tuple(calls.graph.notes))


def _call_module(calls: TorchCalls, module: Any, value: Any, location: Text) -> Any:
    name = type(module).__name__
    if name == "Identity":
        return value
    if not is_class(name):
        return calls.skip_unknown(f"nn.{name}", None, location)
    arguments = {key: getattr(module, key) for key in arguments_of(name) if hasattr(module, key)}
    if "bias" in arguments:
        arguments["bias"] = arguments["bias"] is not None or module.weight is None  # a normalisation without learned parameters has neither
    return calls.call_module(name, arguments, value, location)
