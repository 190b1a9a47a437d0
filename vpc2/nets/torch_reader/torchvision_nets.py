"""torchvision's classifiers by name, as nets: built without memory, traced, and read call by call."""

from __future__ import annotations

from typing import Any

from vpc2 import codec
from vpc2.nets.torch_reader.torch_calls import Calls, Sizes, is_function
from vpc2.nets.torch_reader.torch_signatures import arguments_of, is_class
from vpc2.text import Refusal, Text, Verbatim

_BUILT = {"googlenet": {"aux_logits": False, "init_weights": False}, "inception_v3": {"aux_logits": False, "init_weights": False}}
_SIDES = {"inception_v3": 299}
# Those that the table of layers can express; a test tries all that torchvision has.
CLASSIFIERS: tuple[str, ...] = (
    "alexnet", "densenet121", "densenet161", "densenet169", "densenet201", "googlenet", "inception_v3", "mnasnet0_5", "mnasnet0_75",
    "mnasnet1_0", "mnasnet1_3", "mobilenet_v2", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50", "resnext101_32x8d",
    "resnext101_64x4d", "resnext50_32x4d", "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16",
    "vgg16_bn", "vgg19", "vgg19_bn", "wide_resnet101_2", "wide_resnet50_2",
)  # fmt: skip

_NO_NAME = Text("torchvision has no classifier “{name}” that can be opened here; there are {some}, and more.")
_LOOKS = Text("{name} looks at numbers to find its way, so it cannot be read without running.")


def read_torchvision(name: str) -> codec.Read:
    """Return one of torchvision's classifiers as a net, without its weights; raise `Refusal` for what no layer here can express."""
    if name not in CLASSIFIERS:
        raise Refusal(_NO_NAME.fill(name=name[:40], some=", ".join(CLASSIFIERS[:4])))
    return trace_torchvision(name)


def trace_torchvision(name: str) -> codec.Read:
    """Read any classifier of torchvision, or raise `Refusal` at the first thing in it that is no layer here."""
    import torch
    import torchvision

    try:
        with torch.device("meta"):
            model = torchvision.models.get_model(name, weights=None, **_BUILT.get(name, {})).eval()
        traced = torch.fx.symbolic_trace(model)
    except (torch.fx.proxy.TraceError, NotImplementedError):  # it looks at numbers: while it is built, or to find its way
        raise Refusal(_LOOKS.fill(name=name)) from None
    calls = Calls(is_strict=True)
    values: dict[Any, Any] = {}
    start = end = None

    def known(one: Any) -> Any:
        if isinstance(one, torch.fx.Node):
            return values[one]
        if isinstance(one, list | tuple):
            return type(one)(map(known, one))
        return one

    for node in traced.graph.nodes:
        place = str(node.target) if node.op == "call_module" else node.name
        where = Verbatim(place)
        given, named = [known(one) for one in node.args], {key: known(one) for key, one in node.kwargs.items()}
        if node.op == "placeholder":
            start = values[node] = calls.graph.start()
        elif node.op == "output":
            end = given[0]
        elif node.op == "call_module":
            values[node] = _module(calls, traced.get_submodule(node.target), given[0], where)
        else:
            called = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
            if called == "getattr" and given[1] == "shape":
                values[node] = Sizes(given[0])
            elif called == "getitem" and isinstance(given[0], Sizes) and isinstance(given[1], int):
                values[node] = given[0].at(given[1])
            elif is_function(called):
                values[node] = calls.function(called, given, named, where)
            else:
                values[node] = calls.unknown(called, None, where)
    side = _SIDES.get(name, 224)
    return codec.Read(calls.graph.to_net(name, (3, side, side), start, end), tuple(calls.graph.notes))


def _module(calls: Calls, module: Any, value: Any, where: Text) -> Any:
    name = type(module).__name__
    if name == "Identity":
        return value
    if not is_class(name):
        return calls.unknown(f"nn.{name}", None, where)
    arguments = {key: getattr(module, key) for key in arguments_of(name) if hasattr(module, key)}
    if "bias" in arguments:
        arguments["bias"] = arguments["bias"] is not None or module.weight is None  # a normalisation that learns nothing has neither
    return calls.module(name, arguments, value, where)
