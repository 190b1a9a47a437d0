"""torchvision's classifiers, read by name: equal in parameters, multiply-adds and tensors, or refused."""

import pytest
import torch
import torchinfo
import torchvision

from vpc2.nets.module import build_net
from vpc2.nets.summary.summarise import summarise
from vpc2.nets.torch_reader.torchvision_nets import CLASSIFIERS, read_torchvision, trace_torchvision
from vpc2.text import Refusal

FAMILIES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "inception_v3", "maxvit_t", "mnasnet1_0", "mobilenet_v2",
    "mobilenet_v3_small", "regnet_x_400mf", "resnet50", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_0", "swin_t", "vgg11_bn",
    "vit_b_16", "wide_resnet50_2",
)  # fmt: skip


def family(name: str) -> str:
    return name.replace("wide_resnet", "wide").replace("resnext", "next").split("_")[0].rstrip("0123456789")


def test_one_of_each_family_of_torchvision_is_looked_at():
    known = {family(name) for name in torchvision.models.list_models(module=torchvision.models)}
    assert known == {family(name) for name in FAMILIES}


@pytest.mark.parametrize("name", FAMILIES)
def test_what_the_table_can_express_is_equal_and_what_not_is_refused(name):
    if name not in CLASSIFIERS:
        for read in (read_torchvision, trace_torchvision):
            with pytest.raises(Refusal) as refused:
                read(name)
            assert refused.value.text.en != refused.value.text.say("es") and "{" not in refused.value.text.say("es")
        return
    net = read_torchvision(name).spec
    given = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, **given).eval()
    counted = torchinfo.summary(theirs, input_size=(1, *net.input), device="meta", verbose=0)
    summary = summarise(net)
    assert (summary.params, summary.macs, summary.output) == (counted.total_params, counted.total_mult_adds, (1000,))
    ours = build_net(net, device="meta").state_dict()
    # Inception's branches of branches are made in another order than they run in.
    order = sorted if name == "inception_v3" else list
    assert order(tuple(one.shape) for one in ours.values()) == order(tuple(one.shape) for one in theirs.state_dict().values())


def test_every_name_offered_is_torchvisions_and_opens():
    assert set(CLASSIFIERS) <= set(torchvision.models.list_models(module=torchvision.models))
    for name in ("vgg19", "resnet152", "densenet201", "squeezenet1_1", "mnasnet0_5"):
        assert summarise(read_torchvision(name).spec).problem is None


@pytest.mark.parametrize("name", ["", "resnet", "os.system", "vit_b_16", "fasterrcnn_resnet50_fpn"])
def test_another_name_is_refused_in_words(name):
    with pytest.raises(Refusal, match="resnet18|alexnet"):
        read_torchvision(name)
