"""What a user of NumPy or PyTorch reaches for in the first week is there: one table of names.

A name of the table must be found in each place that its row says, under its options' names of both
worlds; what is missing on purpose says what to use instead.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import microgradnd as mg
from microgradnd.nn import functional as F

CREATION = """
tensor as_tensor zeros ones full empty arange linspace logspace eye zeros_like ones_like full_like
empty_like rand_like randn_like rand randn randint normal uniform bernoulli permutation choice
manual_seed
"""
ELEMENTWISE = """
abs acos acosh asin asinh atan atanh atan2 ceil floor trunc round sign signbit positive negative
reciprocal sqrt rsqrt square cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh
sinc deg2rad rad2deg erf erfc erfinv sigmoid logit lgamma digamma polygamma i0 frac nan_to_num hypot
logaddexp logaddexp2 xlogy copysign heaviside ldexp remainder fmod floor_divide float_power power
maximum minimum fmax fmin clip clamp where lerp addcmul addcdiv isclose isnan isinf isfinite
arccos arccosh arcsin arcsinh arctan arctanh arctan2 absolute pow neg fix add sub subtract mul
multiply div divide true_divide equal not_equal greater greater_equal less less_equal eq ne gt ge lt
le logical_and logical_or logical_xor logical_not bitwise_and bitwise_or bitwise_xor bitwise_not
invert allclose isin array_equal
"""
REDUCTIONS = """
sum mean prod nansum nanmean var std var_mean max min amax amin aminmax argmax argmin all any
count_nonzero logsumexp norm dist cumsum cumprod cummax cummin logcumsumexp diff trapezoid
cumulative_trapezoid quantile median nanmedian mode histogram bincount
"""
SHAPE = """
reshape view ravel flatten unflatten squeeze unsqueeze expand_dims transpose permute swapaxes
moveaxis movedim broadcast_to expand tile repeat repeat_interleave stack cat concatenate hstack
vstack dstack column_stack split chunk array_split tensor_split unbind unstack roll rot90 flip
fliplr flipud atleast_1d atleast_2d atleast_3d diag diagonal diag_embed trace tril triu meshgrid
narrow select pad unfold as_strided clone contiguous
"""
INDEXING = """
take take_along_axis gather scatter scatter_add scatter_reduce index_select index_add index_copy
index_put index_fill masked_fill masked_select masked_scatter put_along_axis sort argsort topk
kthvalue msort unique searchsorted bucketize one_hot nonzero argwhere
"""
PRODUCTS = """
matmul dot vdot inner outer tensordot einsum kron cross chain_matmul addmm addmv addbmm baddbmm addr
cdist
"""
LINALG = """
inv pinv det slogdet solve solve_triangular lstsq cholesky cholesky_solve qr svd svdvals eigh
eigvalsh eig matrix_power matrix_exp norm vector_norm matrix_norm cond vecdot tensorinv tensorsolve
multi_dot
"""
FFT = """
fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft fftfreq rfftfreq
fftshift ifftshift
"""
FUNCTIONAL = """
relu relu6 leaky_relu rrelu prelu elu selu celu gelu silu mish softplus softsign hardtanh
hardsigmoid hardswish hardshrink softshrink tanhshrink logsigmoid threshold glu softmax softmin
log_softmax gumbel_softmax linear bilinear conv1d conv2d conv3d conv_transpose1d conv_transpose2d
conv_transpose3d max_pool1d max_pool2d max_pool3d max_unpool1d max_unpool2d max_unpool3d avg_pool1d
avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d layer_norm
batch_norm group_norm instance_norm rms_norm local_response_norm embedding embedding_bag dropout
dropout1d dropout2d dropout3d alpha_dropout normalize cosine_similarity pairwise_distance pdist
scaled_dot_product_attention pixel_shuffle pixel_unshuffle channel_shuffle unfold fold grid_sample
affine_grid interpolate pad one_hot mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy
binary_cross_entropy_with_logits cross_entropy nll_loss kl_div poisson_nll_loss gaussian_nll_loss
hinge_embedding_loss margin_ranking_loss cosine_embedding_loss soft_margin_loss
multilabel_margin_loss multilabel_soft_margin_loss multi_margin_loss triplet_margin_loss
triplet_margin_with_distance_loss ctc_loss
"""
LAYERS = """
Parameter Module Sequential ModuleList ModuleDict ParameterList ParameterDict Linear Bilinear
Identity Flatten Unflatten Embedding EmbeddingBag MultiheadAttention TransformerEncoderLayer
TransformerEncoder BatchNorm1d BatchNorm2d BatchNorm3d LayerNorm GroupNorm InstanceNorm1d
InstanceNorm2d InstanceNorm3d RMSNorm LocalResponseNorm Upsample RNN LSTM GRU RNNCell LSTMCell
GRUCell Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d MaxPool1d MaxPool2d
MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d
LPPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
AdaptiveMaxPool3d Dropout Dropout1d Dropout2d Dropout3d AlphaDropout ReLU ReLU6 LeakyReLU RReLU
PReLU ELU SELU CELU GELU SiLU Mish Softplus Softsign Hardtanh Hardsigmoid Hardswish Hardshrink
Softshrink Tanhshrink LogSigmoid Threshold GLU Softmax Softmin LogSoftmax Softmax2d
Sigmoid Tanh PixelShuffle PixelUnshuffle ChannelShuffle Fold Unfold CosineSimilarity
PairwiseDistance MSELoss L1Loss
SmoothL1Loss HuberLoss BCELoss BCEWithLogitsLoss CrossEntropyLoss NLLLoss KLDivLoss PoissonNLLLoss
GaussianNLLLoss HingeEmbeddingLoss MarginRankingLoss CosineEmbeddingLoss SoftMarginLoss
MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss TripletMarginLoss
TripletMarginWithDistanceLoss CTCLoss
"""
UTILITIES = """
clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters weight_norm
remove_weight_norm spectral_norm rnn
"""
INITIALISERS = """
calculate_gain constant_ zeros_ ones_ uniform_ normal_ trunc_normal_ xavier_uniform_ xavier_normal_
kaiming_uniform_ kaiming_normal_ orthogonal_
"""
OPTIMISERS = """
SGD Adam AdamW Adagrad Adadelta Adamax NAdam RAdam Rprop RMSprop ASGD LBFGS lr_scheduler
"""
SCHEDULES = """
StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR
CosineAnnealingWarmRestarts CyclicLR OneCycleLR LambdaLR MultiplicativeLR ReduceLROnPlateau
ChainedScheduler SequentialLR
"""
TRANSFORMS = """
grad value_and_grad vjp jvp jacrev jacfwd jacobian hessian hvp linearize vmap checkpoint
stop_gradient functional_call
"""
METHODS = """
T mT H shape ndim size dtype device itemsize nbytes data grad requires_grad is_leaf backward detach
requires_grad_ retain_grad register_hook item tolist numpy astype to cpu float double half int long
bool dim numel t expand_as view_as reshape_as type_as is_floating_point is_complex where real imag
conj
"""
PLACES: dict[str, tuple[Any, str]] = {
    "creation": (mg, CREATION),
    "elementwise": (mg, ELEMENTWISE),
    "reductions": (mg, REDUCTIONS),
    "shape": (mg, SHAPE),
    "indexing": (mg, INDEXING),
    "products": (mg, PRODUCTS),
    "linalg": (mg.linalg, LINALG),
    "fft": (mg.fft, FFT),
    "functional": (F, FUNCTIONAL),
    "layers": (mg.nn, LAYERS),
    "utilities": (mg.nn.utils, UTILITIES),
    "sequences": (
        mg.nn.utils.rnn,
        "pad_sequence pack_padded_sequence pad_packed_sequence pack_sequence",
    ),
    "initialisers": (mg.nn.init, INITIALISERS),
    "optimisers": (mg.optim, OPTIMISERS),
    "schedules": (mg.optim.lr_scheduler, SCHEDULES),
    "transforms": (mg.func, TRANSFORMS),
    "methods": (mg.Tensor([[1.0]]), METHODS),
}
FUNCTIONS = (ELEMENTWISE + REDUCTIONS + SHAPE + INDEXING + PRODUCTS).split()
# Methods of PyTorch's that the library has as functions alone, with the reason.
FUNCTIONS_ALONE = {
    "equal": "PyTorch's method compares the whole; t == u, t.array_equal(u)",
    "polygamma": "its order comes first",
    "searchsorted": "NumPy's method takes the sorted one, PyTorch's function, too",
    "where": "its own method, with PyTorch's order",
    "bernoulli": "a draw",
}


@pytest.mark.parametrize("group", PLACES)
def test_what_the_list_names_is_there(group: str) -> None:
    place, names = PLACES[group]
    missing = [name for name in names.split() if not hasattr(place, name)]
    assert missing == []
    if inspect.ismodule(place):
        assert [name for name in names.split() if name not in dir(place)] == []


def test_methods_are_those_of_arrays_and_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch says which methods its tensors have")
    theirs = {*dir(torch.Tensor), *dir(np.ndarray)}
    wanted = [name for name in FUNCTIONS if name in theirs and name not in FUNCTIONS_ALONE]
    assert [name for name in wanted if not hasattr(mg.Tensor, name)] == []


# A call of each of NumPy's functions that the list names, on tensors; `None`: NumPy has no such.
SQUARE = np.array([[4.0, 1.0], [1.0, 3.0]])
VECTOR = np.array([0.25, 0.5, 0.75])
CALLS: dict[str, Callable[..., Any]] = {
    "clip": lambda f, x, y: f(x, 0.3, 0.6),
    **dict.fromkeys(["acosh", "arccosh"], lambda f, x, y: f(x + 1)),
    "where": lambda f, x, y: f(x > y, x, y),
    "ldexp": lambda f, x, y: f(x, np.array([1, 2, 3])),
    "broadcast_to": lambda f, x, y: f(x, (2, 3)),
    "reshape": lambda f, x, y: f(x, (3, 1)),
    "expand_dims": lambda f, x, y: f(x, 0),
    "swapaxes": lambda f, x, y: f(x.reshape(3, 1), 0, 1),
    "moveaxis": lambda f, x, y: f(x.reshape(3, 1), 0, 1),
    "tile": lambda f, x, y: f(x, 2),
    "repeat": lambda f, x, y: f(x, 2),
    "split": lambda f, x, y: f(x, 3),
    "array_split": lambda f, x, y: f(x, 2),
    "roll": lambda f, x, y: f(x, 1),
    "rot90": lambda f, x, y: f(x.reshape(3, 1)),
    "fliplr": lambda f, x, y: f(x.reshape(3, 1)),
    "diagonal": lambda f, x, y: f(x.reshape(3, 1)),
    "trace": lambda f, x, y: f(x.reshape(3, 1)),
    "tril": lambda f, x, y: f(x.reshape(3, 1)),
    "triu": lambda f, x, y: f(x.reshape(3, 1)),
    "pad": lambda f, x, y: f(x, 1),
    "take": lambda f, x, y: f(x, [0, 2]),
    "take_along_axis": lambda f, x, y: f(x, np.array([0, 2]), 0),
    "quantile": lambda f, x, y: f(x, 0.3),
    "tensordot": lambda f, x, y: f(x, y, 1),
    "einsum": lambda f, x, y: f("i,i", x, y),
    "meshgrid": lambda f, x, y: f(x, y),
    "bincount": lambda f, x, y: f(np.array([0, 1, 1]), x),
    "histogram": lambda f, x, y: f(x, 2),
    "unstack": lambda f, x, y: f(x),
    "bitwise_and": lambda f, x, y: f(x > 0.3, y > 0.3),
    "bitwise_or": lambda f, x, y: f(x > 0.3, y > 0.3),
    "bitwise_xor": lambda f, x, y: f(x > 0.3, y > 0.3),
    "bitwise_not": lambda f, x, y: f(x > 0.3),
    "invert": lambda f, x, y: f(x > 0.3),
    **dict.fromkeys(
        ["stack", "concatenate", "concat", "hstack", "vstack", "dstack", "column_stack"],
        lambda f, x, y: f([x, y]),
    ),
}
OTHERWISE = {
    "put_along_axis": "writes into an array; mg.put_along_axis gives a copy",
    "select": "numpy.select chooses by conditions; mg.select is PyTorch's",
    "unique": "numpy.unique gives values alone, tests/test_composed.py",
}
OF_TWO = "dot vdot inner outer kron cross matmul isclose allclose array_equal isin searchsorted"
NUMPYS = [n for n in dict.fromkeys(FUNCTIONS) if hasattr(np, n) and n not in OTHERWISE]


@pytest.mark.parametrize("name", NUMPYS)
def test_numpys_functions_take_tensors(name: str) -> None:
    function = getattr(np, name)
    call = CALLS.get(name)
    if call is None:
        two = isinstance(function, np.ufunc) and function.nin == 2
        two = two or name in OF_TWO.split()
        call = (lambda f, x, y: f(x, y)) if two else (lambda f, x, y: f(x))
    arrays = VECTOR, VECTOR[::-1].copy()
    given = [mg.Tensor(a, requires_grad=True) for a in arrays]
    expected = call(function, *arrays)
    out = call(function, *given)
    parts = [*out] if isinstance(out, (tuple, list)) else [out]
    wanted = [*expected] if isinstance(expected, (tuple, list)) else [expected]
    assert len(parts) == len(wanted)
    for part, exact in zip(parts, wanted, strict=True):
        assert type(part) is np.ndarray if name == "nonzero" else type(part) in (mg.Tensor, bool)
        np.testing.assert_allclose(getattr(part, "data", part), exact, rtol=1e-15)


REDUCING = """
sum mean prod nansum nanmean var std max min all any argmax argmin count_nonzero logsumexp quantile
median nanmedian
"""


@pytest.mark.parametrize("name", REDUCING.split())
def test_axes_have_the_names_of_both_worlds(name: str) -> None:
    function = getattr(mg, name)
    x = mg.Tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 4.0]])
    first = (0.3,) if name == "quantile" else ()
    one = function(x, *first, axis=1, keepdims=True)
    other = function(x, *first, dim=1, keepdim=True)
    values = [getattr(out, "values", out) for out in (one, other)]
    assert values[0].shape == values[1].shape == (2, 1)
    np.testing.assert_array_equal(values[0].data, values[1].data)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "softmax", "log_softmax", "stack", "cat"])
def test_other_functions_along_an_axis_take_dim(name: str) -> None:
    x = mg.Tensor([[3.0, 1.0], [1.0, 2.0]])
    given = [x, x] if name in ("stack", "cat") else x
    function = getattr(mg, name)
    np.testing.assert_array_equal(function(given, dim=1).data, function(given, axis=1).data)


def test_variances_take_what_numpy_and_torch_call_it() -> None:
    x = mg.Tensor([1.0, 2.0, 4.0])
    for function in (mg.var, mg.std):
        values = [function(x, **o).item() for o in ({"ddof": 1}, {"correction": 1},
                                                    {"unbiased": True})]  # fmt: skip
        assert len({*values}) == 1
        assert values[0] != function(x).item()


# --- Options that only PyTorch has ---------------------------------------------------------------
def with_torch(name: str, *arrays: np.ndarray, method: bool = False, **options: Any) -> None:
    """Value and gradients as PyTorch's."""
    torch = pytest.importorskip("torch", reason="PyTorch is what these options are held to")
    mine = [mg.Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    given = {k: getattr(torch, v) if k == "dtype" else v for k, v in options.items()}
    if method:
        out, other = (getattr(x[0], name)(*x[1:], **o) for x, o in ((mine, options),
                                                                   (theirs, given)))  # fmt: skip
    else:
        place, there = F, torch.nn.functional
        if not hasattr(there, name):
            place, there = mg, torch
        out, other = getattr(place, name)(*mine, **options), getattr(there, name)(*theirs, **given)
    assert str(out.dtype) == str(other.dtype).removeprefix("torch.")
    np.testing.assert_allclose(out.data, other.detach().numpy(), rtol=1e-6)
    out.sum().backward()
    other.sum().backward()
    for x, y in zip(mine, theirs, strict=True):
        assert x.grad is not None
        np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-6, atol=1e-12)


PAIR = np.array([-3.5, 2.0, 7.25]), np.array([2.0, -0.75, 2.0])


@pytest.mark.parametrize("method", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("add", {"alpha": 3}), ("sub", {"alpha": -0.5}), ("add", {"alpha": 1}),
        ("div", {"rounding_mode": None}), ("div", {"rounding_mode": "floor"}),
        ("div", {"rounding_mode": "trunc"}),
    ],
)  # fmt: skip
def test_arithmetic_with_an_option(name: str, options: dict[str, Any], method: bool) -> None:
    with_torch(name, *PAIR, method=method, **options)


@pytest.mark.parametrize(
    "name",
    [
        "sum",
        "mean",
        "prod",
        "nansum",
        "nanmean",
        "cumsum",
        "cumprod",
        "softmax",
        "log_softmax",
        "softmin",
    ],
)
def test_a_dtype_is_that_of_the_computation(name: str) -> None:
    along = {"dim": 0} if name in ("cumsum", "cumprod", "softmax", "log_softmax", "softmin") else {}
    x = np.array([1.5, 2.25, -0.5], np.float32)
    with_torch(name, x, dtype="float64", **along)
    if name not in ("softmin", "softmax", "log_softmax"):
        with_torch(name, x, dtype="float64", method=True, **along)
    assert getattr(mg if hasattr(mg, name) else F, name)(x, dtype=None, **along).dtype == x.dtype


@pytest.mark.parametrize(
    "name",
    [
        "relu",
        "relu6",
        "elu",
        "selu",
        "celu",
        "silu",
        "mish",
        "hardtanh",
        "hardsigmoid",
        "hardswish",
        "leaky_relu",
    ],
)
def test_in_place_is_taken_and_computes_the_same(name: str) -> None:
    x = np.array([-4.0, -0.5, 0.75, 2.5])
    t = mg.Tensor(x)
    with_torch(name, x, inplace=False)
    np.testing.assert_array_equal(getattr(F, name)(t, inplace=True).data, getattr(F, name)(t).data)
    assert t.tolist() == x.tolist()
    with pytest.raises(TypeError, match="inplace must be True or False"):
        getattr(F, name)(t, inplace="yes")


def test_whole_quotients_stay_whole() -> None:
    x, y = np.array([-7, 7, 8]), np.array([2, 2, -3])
    assert mg.div(x, y, rounding_mode="trunc").tolist() == [-3, 3, -2]
    assert mg.div(x, y, rounding_mode="floor").tolist() == [-4, 3, -3]
    assert mg.div(x, y, rounding_mode="trunc").dtype.kind == "i"
    with pytest.raises(ValueError, match="rounding_mode must be"):
        mg.div(x, y, rounding_mode="up")
    with pytest.raises(TypeError, match="alpha must be a finite number"):
        mg.add(x, y, alpha="2")


# --- Methods that need nothing but others --------------------------------------------------------
def test_methods_by_pytorchs_names() -> None:
    t = mg.Tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    assert (t.dim(), t.numel(), t.itemsize, t.nbytes) == (2, 3, 8, 24)
    assert (t.t().shape, t.cpu() is t) == ((3, 1), True)
    kinds = {"half": "float16", "float": "float32", "double": "float64", "int": "int32",
             "long": "int64", "bool": "bool"}  # fmt: skip
    assert {name: str(getattr(t, name)().dtype) for name in kinds} == kinds
    assert t.is_floating_point()
    assert not t.is_complex()
    assert t.type_as(t.float()).dtype == np.float32
    other = mg.Tensor(np.zeros((2, 3)))
    assert t.expand_as(other).shape == (2, 3)
    assert t.view_as(mg.Tensor(np.zeros(3))).shape == t.reshape_as(np.zeros(3)).shape == (3,)
    t.where(t > 1.5, -1.0).sum().backward()
    assert t.grad is not None
    assert t.grad.tolist() == [[0.0, 1.0, 1.0]]
    with pytest.raises(ValueError, match=r"t\(\) is for matrices"):
        mg.Tensor(np.zeros((1, 2, 3))).t()


def test_to_takes_what_torch_takes() -> None:
    t = mg.Tensor([1.0, 2.0])
    assert t.to("cpu") is t.to(np.float64) is t.to(t) is t
    assert t.to("cpu", "float32").dtype == t.to(dtype=np.float32).dtype == np.float32
    assert t.to(device="cpu", dtype="float16").dtype == t.to(t.half()).dtype == np.float16
    copied = t.to(np.float64, copy=True)
    assert copied is not t
    assert not np.shares_memory(copied.data, t.data)
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        t.to(device="cuda")
    with pytest.raises(TypeError, match="dtype must be a dtype of numbers"):
        t.to("cuda")


def test_methods_are_mapped_over_samples() -> None:
    x = mg.Tensor(np.arange(12.0).reshape(2, 2, 3))

    def each(m: mg.Tensor) -> mg.Tensor:
        return m.t().float().sum(0, dtype="float64").add(1.0, alpha=2) * m.dim()

    out = mg.func.vmap(each)(x)
    np.testing.assert_array_equal(out.data, (x.data.sum(2) + 2) * 2)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zero_", r"use t\[\.\.\.\] = value"), ("add_", r"use t = t\.add\("), ("grad_fn", "viz"),
        ("new_zeros", "use mg.zeros"), ("nelement", "use t.size"), ("strides", r"use t\.numpy\(\)"),
        ("equal", "array_equal"), ("copy", "use t.clone"), ("cuda", "CPU alone"),
    ],
)  # fmt: skip
def test_other_methods_say_what_to_use(name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=words):
        getattr(mg.Tensor([1.0]), name)


@pytest.mark.parametrize(
    ("name", "words"),
    [("numel", "t.size"), ("is_tensor", "isinstance"), ("degrees", "rad2deg"), ("vmap", "mg.func"),
     ("Generator", "default_rng"), ("randperm", "permutation"), ("inference_mode", "no_grad")],
)  # fmt: skip
def test_other_functions_say_what_to_use(name: str, words: str) -> None:
    with pytest.raises(AttributeError, match=words):
        getattr(mg, name)


def test_comparisons_of_the_whole() -> None:
    x = mg.Tensor([1.0, np.nan], requires_grad=True)
    assert mg.allclose(x, x, equal_nan=True) is True
    assert mg.allclose(x, x) is False
    assert x.array_equal(x) is False
    assert x.array_equal([1.0, np.nan], equal_nan=True) is True
    assert mg.array_equal([1.0], [1.0, 1.0]) is False
    assert np.allclose(x, [1.0, 2.0]) is False
    assert mg.allclose([1.0], [1.0 + 1e-9]) is True


# --- Modules as functions ------------------------------------------------------------------------
def test_modules_are_called_with_other_parameters() -> None:
    net = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.BatchNorm1d(4), mg.nn.Linear(4, 1))
    own = {name: p.data.copy() for name, p in net.named_parameters()}
    x = mg.Tensor(np.random.default_rng(0).normal(size=(5, 3)))
    given = {name: mg.Tensor(p * 2) for name, p in own.items()}

    def loss(parameters: dict[str, mg.Tensor]) -> mg.Tensor:
        return (mg.func.functional_call(net.eval(), parameters, (x,)) ** 2).sum()

    slopes = mg.func.grad(loss)(given)
    other = mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.BatchNorm1d(4), mg.nn.Linear(4, 1)).eval()
    other.load_state_dict({**net.state_dict(), **{k: v.data for k, v in given.items()}})
    (other(x) ** 2).sum().backward()
    for name, parameter in other.named_parameters():
        assert parameter.grad is not None
        np.testing.assert_allclose(slopes[name].data, parameter.grad.data, rtol=1e-12)
    assert all(np.array_equal(p.data, own[name]) for name, p in net.named_parameters())


def test_ensembles_are_mapped_over_their_parameters() -> None:
    nets = [mg.nn.Sequential(mg.nn.Linear(3, 4), mg.nn.Tanh(), mg.nn.Linear(4, 2)) for _ in "abc"]
    stacked = {name: mg.stack([dict(net.named_parameters())[name] for net in nets])
               for name, _ in nets[0].named_parameters()}  # fmt: skip
    x = mg.Tensor(np.random.default_rng(1).normal(size=(5, 3)))
    out = mg.func.vmap(lambda p: mg.func.functional_call(nets[0], p, x))(stacked)
    np.testing.assert_allclose(out.data, np.stack([net(x).data for net in nets]), rtol=1e-6)


def test_shared_parameters_are_replaced_together() -> None:
    class Tied(mg.nn.Module):
        def __init__(self) -> None:
            self.a = mg.nn.Linear(2, 2, bias=False)
            self.b = mg.nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    net, x, other = Tied(), mg.Tensor([1.0, 2.0]), mg.Tensor(np.diag([2.0, 3.0]))
    call = mg.func.functional_call
    assert call(net, {"a.weight": other}, x).tolist() == [4.0, 18.0]
    once = call(net, {"a.weight": other}, x, tie_weights=False)
    np.testing.assert_allclose(once.data, net.a.weight.data @ [2.0, 6.0], rtol=1e-6)
    assert net.b.weight is net.a.weight
    with pytest.raises(KeyError, match=r"'spam' is no path of Tied; it has a\.weight, b\.weight"):
        call(net, {"spam": other}, x)
    with pytest.raises(ValueError, match=r"'a.weight' has shape \(2, 2\)"):
        call(net, {"a.weight": mg.Tensor([1.0])}, x)
    with pytest.raises(TypeError, match="must be a dict by paths"):
        call(net, 3, x)


def test_truncated_normals_are_within_their_bounds() -> None:
    scipy = pytest.importorskip("scipy.stats", reason="SciPy knows the distribution")
    rng = np.random.default_rng(3)
    for mean, std, a, b in ((0, 1, -2, 2), (1, 2, 0, 9), (0, 1, 5, 7), (0, 0.02, -2, 2)):
        t = mg.nn.init.trunc_normal_(mg.Tensor(np.empty(20_000)), mean, std, a, b, rng=rng)
        exact = scipy.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
        assert t.min() >= a
        assert t.max() <= b
        assert scipy.kstest(t.data, exact.cdf).pvalue > 1e-3
    with pytest.raises(ValueError, match="needs a < b"):
        mg.nn.init.trunc_normal_(t, a=2.0, b=-2.0)
