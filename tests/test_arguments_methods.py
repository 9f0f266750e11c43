"""Bad arguments of methods: of modules and their calls, of optimisers, schedules and data."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from microgradnd import data, nn, optim, training
from microgradnd.nn import functional as F
from tests.bad_arguments import Case, leaf, trials_of

IMAGES = {"MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "Conv2d", "ConvTranspose2d",
          "BatchNorm2d", "Dropout2d", "LocalResponseNorm", "InstanceNorm2d",
          "Softmax2d"}  # fmt: skip
MADE: dict[str, tuple[Any, ...]] = {  # what constructors need
    "Linear": (2, 2), "Perceptron": (2,), "ThresholdUnit": (2,), "Conv1d": (2, 2, 2),
    "Conv2d": (2, 2, 2), "ConvTranspose2d": (2, 2, 2), "MaxPool1d": (2,), "MaxPool2d": (2,),
    "AvgPool1d": (2,), "AvgPool2d": (2,), "AdaptiveAvgPool2d": (1,), "Embedding": (4, 2),
    "BatchNorm1d": (2,), "BatchNorm2d": (2,), "LayerNorm": (2,), "LocalResponseNorm": (2,),
    **dict.fromkeys(["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"], (2, 2)),
    "GroupNorm": (1, 2), "InstanceNorm1d": (2,), "InstanceNorm2d": (2,), "RMSNorm": (2,),
    "EmbeddingBag": (4, 2),
    "Threshold": (0.5, 0.0), "BatchNorm3d": (2,), "InstanceNorm3d": (2,), "Unflatten": (1, (1, 2)),
}  # fmt: skip
# Of these any array of numbers is rightly taken; the others need axes of their own.
ELEMENTWISE = {"Affine", "ELU", "GELU", "Gaussian", "Hardtanh", "LeakyReLU", "ReLU", "SiLU",
               "Sigmoid", "Softplus", "Step", "Tanh", "Dropout", "Softmax",
               "LogSoftmax", "ReLU6", "SELU", "CELU", "Mish", "Softsign", "Hardsigmoid",
               "Hardswish", "Hardshrink", "Softshrink", "Tanhshrink", "LogSigmoid", "Threshold",
               "Softmin", "RReLU", "PReLU"}  # fmt: skip
OF_TWO = "none|array nan|bool array|big-endian|(2, 2)|(-1, 1)|(2.5, 1)|Tensor|leaf|computed"
OF_TWO += "|integer Tensor"  # rows of two features
ALONG = f"{OF_TWO}|(1, 2, 3)|range|long array"
TAKEN = {
    **dict.fromkeys(ELEMENTWISE, "array"),
    **dict.fromkeys(["Linear", "Perceptron", "ThresholdUnit", "LayerNorm", "RMSNorm"], OF_TWO),
    **dict.fromkeys(["RNNCell", "LSTMCell", "GRUCell"], OF_TWO),
    "Dropout1d": f"{OF_TWO}|[[]]", "Dropout2d": "none|long array|empty array",
    "Dropout3d": "none",
    "AlphaDropout": "array", "Unflatten": OF_TWO, "Flatten": "none|[[]]|long array",
    "AdaptiveAvgPool2d": "none|long array", "LocalResponseNorm": "none|long array",
    "Embedding": "none|0|1|int64 3|(2, 2)|(1, 2, 3)|range|[]|()|[[]]|empty array|integer Tensor",
    "MaxPool1d": ALONG, "AvgPool1d": ALONG, "EmbeddingBag": "none|[[]]",
    "Softmax2d": "none",
    "GLU": f"{OF_TWO}|[]|()|[[]]|empty array",
}  # fmt: skip


def input_of(name: str) -> np.ndarray:
    if name in IMAGES:
        return np.linspace(0, 1, 32).reshape(1, 2, 4, 4)
    if name in ("BatchNorm3d", "InstanceNorm3d", "Dropout3d"):
        return np.linspace(0, 1, 16).reshape(1, 2, 2, 2, 2)
    if name in ("Conv1d", "MaxPool1d", "AvgPool1d", "RNN", "LSTM", "GRU"):
        return np.linspace(0, 1, 8).reshape(1, 2, 4) if "1d" in name else np.ones((3, 1, 2))
    return (
        np.array([[0, 1]])
        if name.startswith("Embedding")
        else np.array([[0.5, 0.25], [0.125, 0.75]])
    )


def snake(name: str) -> str:
    """The function of a layer: max_pool1d of MaxPool1d."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=RMS)(?=N)", "_", name).lower().removesuffix("_cell")


def called(name: str) -> Case:
    layer = getattr(nn, name)
    first = next(iter(inspect.signature(layer.forward).parameters.keys() - {"self"}), "x")
    if "input" in inspect.signature(layer.forward).parameters:
        first = "input"

    def call(**given: Any) -> Any:
        return layer(*MADE.get(name, ()))(*given.values())

    return Case(call, lambda: {first: input_of(name)}, {first: TAKEN.get(name, "none")},
                name=f"{name}.{snake(name)}")  # fmt: skip


# Layers whose calls with bad arguments are not tried yet.
PENDING = {
    "Conv3d", "ConvTranspose1d", "ConvTranspose3d", "Unfold", "Fold", "PixelShuffle",
    "PixelUnshuffle", "ChannelShuffle", "Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d",
    *(f"{name}{axes}d" for axes in (1, 2, 3) for name in (
        "LPPool", "MaxUnpool", "AdaptiveMaxPool", "ZeroPad", "ConstantPad", "ReflectionPad",
        "ReplicationPad", "CircularPad")),
    *(f"{name}{axes}d" for axes in (1, 3) for name in ("AdaptiveAvgPool",)),
    "MaxPool3d", "AvgPool3d",
}  # fmt: skip


def sequences() -> np.ndarray:
    return np.linspace(0, 1, 12).reshape(3, 1, 4)


def of_several(layer: Callable[[], Any], valid: Callable[[], dict[str, Any]],
               **kinds: str) -> Case:  # fmt: skip
    made = type(layer()).__name__
    return Case(lambda **given: layer()(**given), valid, kinds, name=f"{made}.{snake(made)}")


FITTING = "none|array nan|bool array|big-endian|(2, 2)|(-1, 1)|(2.5, 1)|Tensor|leaf|computed"
FITTING += "|integer Tensor"
WIDE = "array"
SEVERAL = ("Bilinear", "CosineSimilarity", "PairwiseDistance", "MultiheadAttention",
           "TransformerEncoderLayer", "TransformerEncoder", "TransformerDecoderLayer",
           "TransformerDecoder", "Transformer")  # fmt: skip
MASKS = {"tgt": "none", "memory": "none", "tgt_mask": "none?", "memory_mask": "none?",
         "tgt_key_padding_mask": "none?", "memory_key_padding_mask": "none?"}  # fmt: skip
TOGETHER = [
    of_several(lambda: nn.Bilinear(2, 2, 1), lambda: {
        "input1": np.ones(2), "input2": np.ones(2)}, input1=FITTING, input2=FITTING),
    of_several(lambda: nn.CosineSimilarity(0), lambda: {
        "x1": np.ones(2), "x2": np.ones(2)}, x1=WIDE, x2=WIDE),
    of_several(nn.PairwiseDistance, lambda: {
        "x1": np.ones(2), "x2": np.ones(2)}, x1=WIDE, x2=WIDE),
    of_several(lambda: nn.MultiheadAttention(4, 2), lambda: {
        "query": sequences(), "key": sequences(), "value": sequences()},
        query="none", key="none", value="none", key_padding_mask="none?", attn_mask="none?",
        need_weights="flag", average_attn_weights="flag", is_causal="flag"),
    of_several(lambda: nn.TransformerEncoderLayer(4, 2, 2), lambda: {"src": sequences()},
               src="none", src_mask="none?", src_key_padding_mask="none?", is_causal="flag"),
    of_several(lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 2), 1),
               lambda: {"src": sequences()},
               src="none", mask="none?", src_key_padding_mask="none?", is_causal="flag?"),
    of_several(lambda: nn.TransformerDecoderLayer(4, 2, 2),
               lambda: {"tgt": sequences(), "memory": sequences()},
               **MASKS, tgt_is_causal="flag", memory_is_causal="flag"),
    of_several(lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 2), 1),
               lambda: {"tgt": sequences(), "memory": sequences()},
               **MASKS, tgt_is_causal="flag?", memory_is_causal="flag"),
    of_several(lambda: nn.Transformer(4, 2, 1, 1, 2),
               lambda: {"src": sequences(), "tgt": sequences()},
               **MASKS, src="none", src_mask="none?", src_key_padding_mask="none?",
               src_is_causal="flag?", tgt_is_causal="flag?", memory_is_causal="flag"),
]  # fmt: skip
LAYERS = [
    called(name)
    for name in nn.__all__
    if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)
    if name not in ("Module", "ModuleList", "Sequential", "Identity") and name not in PENDING
    if name not in SEVERAL and not name.endswith(("Dict", "List"))
    if not name.endswith(("Loss", "Error"))
]


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))


def of(call: Callable[..., Any], make: Callable[[], Any], valid: dict[str, Any],
       **kinds: str) -> Case:  # fmt: skip
    owner = type(make()).__name__
    return Case(lambda self, **given: getattr(self, call.__name__)(**given),
                lambda: {"self": make(), **valid}, kinds,
                name=f"{owner}.{call.__name__}")  # fmt: skip


FLOAT = "none|dtype"
EMPTY = "none|[]|()|{}|iterator|empty array|[[]]|''"
MODULES = [
    of(
        nn.Module.register_buffer,
        net,
        {"name": "b", "value": np.zeros(2)},
        name="none|'abc'|'3'",
        value="array",
    ),
    of(nn.Module.register_forward_hook, net, {"hook": print}, hook="function"),
    of(nn.Module.register_forward_pre_hook, net, {"hook": print}, hook="function"),
    of(
        nn.Module.load_state_dict,
        net,
        {"given": net().state_dict(), "strict": True},
        given="none",
        strict="flag",
    ),
    of(nn.Module.train, net, {"mode": True}, mode="flag"),
    of(nn.Module.zero_grad, net, {"set_to_none": True}, set_to_none="flag"),
    of(nn.Module.apply, net, {"function": id}, function="function"),
    of(nn.Module.astype, net, {"dtype": "float64"}, dtype=FLOAT),
    of(nn.Module.to, net, {"dtype": "cpu"}, dtype=FLOAT),
    of(nn.Module.named_modules, net, {"prefix": "a"}, prefix="string"),
    of(nn.ModuleList.append, net, {"module": nn.Tanh()}, module="none|layer"),
    *(
        of(call, net, {"hook": print}, hook="function")
        for call in (
            nn.Module.register_full_backward_hook,
            nn.Module.register_full_backward_pre_hook,
        )
    ),
    of(
        nn.Module.register_parameter,
        net,
        {"name": "p", "param": leaf(2)},
        name="none|'abc'|'3'",
        param="none?|leaf|Tensor|Tensor 0-d|integer Tensor",
    ),
    of(
        nn.Module.add_module,
        net,
        {"name": "m", "module": nn.Tanh()},
        name="none|'abc'|'3'",
        module="none?|layer",
    ),
    *(
        of(call, net, {"target": path}, target="none|''" if path == "0" else "none")
        for call, path in ((nn.Module.get_submodule, "0"), (nn.Module.get_parameter, "0.bias"))
    ),
    of(nn.Module.requires_grad_, net, {"requires_grad": True}, requires_grad="flag"),
    of(
        nn.ModuleList.insert,
        net,
        {"index": 0, "module": nn.Tanh()},
        index="whole|9223372036854775808",
        module="none|layer",
    ),
    of(nn.ModuleList.extend, net, {"modules": []}, modules=EMPTY),
    of(
        nn.ParameterList.append,
        nn.ParameterList,
        {"value": leaf(2)},
        value="array|1j|complex array",
    ),
    of(nn.ParameterList.extend, nn.ParameterList, {"values": [leaf(2)]}, values="anything"),
    of(nn.ModuleDict.update, nn.ModuleDict, {"given": {}}, given=EMPTY),
    of(
        nn.Embedding.from_pretrained,
        lambda: nn.Embedding(2, 2),
        {"embeddings": np.ones((2, 2))},
        embeddings="none",
        freeze="flag",
        padding_idx="none?|0|1|-1",
    ),
]


def sgd() -> optim.Optimizer:
    return optim.SGD([leaf(2)], 0.1, momentum=0.5)


def plateau() -> optim.ReduceLROnPlateau:
    return optim.ReduceLROnPlateau(sgd())


def chained() -> optim.ChainedScheduler:
    return optim.ChainedScheduler([optim.StepLR(sgd(), 2)])


OPTIMIZERS = [
    of(optim.Optimizer.add_param_group, sgd, {"group": {"params": [leaf(2)]}}, group="none"),
    of(optim.Optimizer.zero_grad, sgd, {"set_to_none": True}, set_to_none="flag"),
    of(optim.Optimizer.load_state_dict, sgd, {"given": sgd().state_dict()}, given="none"),
    of(optim.ReduceLROnPlateau.step, plateau, {"metrics": 1.0}, metrics="number|[nan]|long array"),
    of(optim.ReduceLROnPlateau.load_state_dict, plateau, {"given": plateau().state_dict()},
       given="none"),
    of(optim.CosineAnnealingWarmRestarts.step,
       lambda: optim.CosineAnnealingWarmRestarts(sgd(), 2), {"epoch": 1.5}, epoch="not negative?"),
    of(optim.ChainedScheduler.load_state_dict, chained, {"given": chained().state_dict()},
       given="none"),
    of(optim.LBFGS.load_state_dict, lambda: optim.LBFGS([leaf(2)]),
       {"given": optim.LBFGS([leaf(2)]).state_dict()}, given="none"),
    of(optim.StepLR.load_state_dict, lambda: optim.StepLR(sgd(), 2),
       {"given": optim.StepLR(sgd(), 2).state_dict()}, given="none"),
]  # fmt: skip


def samples() -> data.ArrayDataset:
    return data.ArrayDataset(np.arange(8.0), np.arange(8))


def loader() -> data.DataLoader:
    return data.DataLoader(samples(), 2, rng=np.random.default_rng(0))


def ensemble() -> data.Ensemble:
    return data.bagging(lambda i, rng: lambda x: np.asarray(x) * 2.0, n=9, models=2)


DATA = [
    of(data.ArrayDataset.subset, samples, {"indices": [0]},
       indices="whole|True|False|[]|()|[[]]|(1, 2, 3)|(2, 2)|(-1, 1)|range|slice|integer Tensor|"
               "empty array"),
    of(data.DataLoader.load_state_dict, loader, {"state": loader().state_dict()}, state="none"),
    of(data.Standardiser.inverse, lambda: data.Standardiser(0.0, 1.0), {"z": [1.0]}, z="array"),
    of(data.Ensemble.predict_out_of_bag, ensemble, {"inputs": np.arange(9.0)},
       inputs="none"),
    of(training.EarlyStopping.load_state_dict, training.EarlyStopping,
       {"state": training.EarlyStopping().state_dict()}, state="none"),
]  # fmt: skip


def direct(call: Callable[..., Any], kinds: dict[str, str], **valid: Any) -> Case:
    return Case(call, lambda: {k: v() if callable(v) else v for k, v in valid.items()}, kinds)


FUNCTIONS = [
    direct(nn.Parameter, {"data": "array|1j|complex array", "requires_grad": "flag"}, data=[1.0]),
    direct(nn.utils.parameters_to_vector, {"parameters": "none|leaf|Tensor|Tensor 0-d|computed|"
                                           "integer Tensor"}, parameters=lambda: [leaf(2)]),
    direct(nn.utils.vector_to_parameters, {"vec": OF_TWO, "parameters": "none|leaf|Tensor|"
                                           "integer Tensor"},
           vec=[1.0, 2.0], parameters=lambda: [leaf(2)]),
    direct(nn.init.fans, {"tensor": "none", "name": "string"},
           tensor=lambda: leaf(2, 2)),
    direct(F.global_avg_pool2d, {"x": "none|long array|[[]]"}, x=np.ones((1, 2, 2))),
    direct(nn.summary, {"model": "none|layer", "input_shape": "none|(2, 2)",
                         "dtype": "dtype|integer dtype|class"},
           model=lambda: nn.Linear(2, 1), input_shape=(1, 2)),
]  # fmt: skip
CASES = [*LAYERS, *TOGETHER, *MODULES, *OPTIMIZERS, *DATA, *FUNCTIONS]
(
    test_bad_arguments_are_named_or_rightly_taken,
    test_several_bad_arguments_are_named_or_rightly_taken,
    test_exchanged_arguments_are_named_or_rightly_taken,
) = trials_of(CASES)
