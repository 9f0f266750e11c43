"""Fourier transforms: the functions of numpy.fft and torch.fft, on Tensors, with gradients.

They are operations, or composed of them; `np.fft.NAME(tensor)` is the same as `mg.fft.NAME`.

>>> import microgradnd as mg
>>> x = mg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
>>> energy = mg.fft.rfft(x).abs().square().sum()
>>> energy.backward()
>>> x.grad
Tensor([ 9., 12., 15.])
"""

from __future__ import annotations

from microgradnd.packages import package

__getattr__, __dir__ = package(__name__, "fft.")
