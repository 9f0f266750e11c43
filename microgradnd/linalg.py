"""Linear algebra: the functions of torch.linalg and numpy.linalg, on Tensors.

They are operations, or composed of them; `np.linalg.NAME(tensor)` is the same as `mg.linalg.NAME`.

>>> import microgradnd as mg
>>> a = mg.Tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
>>> mg.linalg.det(a).backward()
>>> a.grad
Tensor([[4., 0.],
        [0., 2.]])
"""

from __future__ import annotations

from microgradnd.packages import package

__getattr__, __dir__ = package(__name__, "linalg.")
