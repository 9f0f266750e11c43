"""The networks of the chapter, and those it names: LeNet, VGG and ResNet.

State dicts have torchvision's names and shapes, so that its weights load unchanged.
"""

from __future__ import annotations

from microgradnd.models.lenet import LeNet
from microgradnd.models.resnet import BasicBlock, Bottleneck, ResNet, resnet
from microgradnd.models.vgg import VGG, vgg

__all__ = ["VGG", "BasicBlock", "Bottleneck", "LeNet", "ResNet", "resnet", "vgg"]
