"""The networks of the chapter, and those it names: LeNet, VGG and ResNet.

State dicts have torchvision's names and shapes, so that its weights load unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from microgradnd import errors
from microgradnd.models.lenet import LeNet
from microgradnd.models.resnets import BasicBlock, Bottleneck, ResNet, resnet
from microgradnd.models.vggs import VGG, vgg

__all__ = ["VGG", "BasicBlock", "Bottleneck", "LeNet", "ResNet", "resnet", "vgg"]
# What one may look for here, and what to use.
_INSTEAD = {
    **dict.fromkeys(["resnet18", "resnet34", "resnet50"], "use resnet(depth)"),
    **dict.fromkeys(["vgg11", "vgg16", "vgg19"], "use vgg(depth)"),
}

if not TYPE_CHECKING:  # type checkers are to see misspelt names themselves
    __getattr__, __dir__ = errors.public_names(__name__, __all__, _INSTEAD)
