"""What Tensors can do by operations: attached here as they are declared, see `tensor_methods`.

`methods.pyi` tells type checkers about all of it; `python -m microgradnd.stubs` writes it.
"""


class Methods:
    """What ops are attached to as methods: Tensors have them, and all that stands for one."""

    __slots__ = ()
