"""Every error that Kedge raises on purpose.

The one module that every layer may import; it imports nothing itself.
"""

__all__ = [
    "AdapterError",
    "BudgetExceeded",
    "ContextOverflow",
    "DecisionFailed",
    "InputError",
    "KedgeError",
    "LoadError",
    "MissingExtra",
    "ModelError",
    "ModelUnavailable",
    "RequestRefused",
    "SchemaUnsupported",
    "StoreError",
]


class KedgeError(Exception):
    """Something went wrong that the caller can mend.

    Args:
        message: One line that names the thing (file, argument, endpoint) and what is wrong with it.
        fix: One line that says what to do about it, or nothing.

    Example:
        >>> print(KedgeError("no file at notes.txt", fix="check the path"))
        no file at notes.txt (check the path)
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} ({self.fix})" if self.fix else self.message


class InputError(KedgeError):
    """An argument cannot be used: an empty question, a missing path, an unknown method."""


class LoadError(KedgeError):
    """A document cannot be read: broken, encrypted, binary, too large."""


class StoreError(KedgeError):
    """A knowledge base cannot be opened or written: missing, newer, other encoder, locked, disk full."""


class ModelError(KedgeError):
    """A model or encoder endpoint failed or answered with something unusable."""


class AdapterError(KedgeError):
    """An adapter is missing or broken, or belongs to another model than the one it is wanted for."""


class ModelUnavailable(ModelError):
    """An endpoint failed in a way that may pass: not there, overloaded, too slow, cut off.

    `retry_after` is how many seconds it asked to be left alone, if it did; `absent` says nobody was there.
    """

    def __init__(
        self, message: str, *, fix: str = "", retry_after: float | None = None, absent: bool = False
    ) -> None:
        super().__init__(message, fix=fix)
        self.retry_after = retry_after
        self.absent = absent


class ContextOverflow(ModelError):
    """A prompt and the reply that it asks for are longer than what the model can hold: send less."""


class RequestRefused(ModelError):
    """An endpoint does not take a request of this form: some field or message in it is too much."""


class SchemaUnsupported(ModelError):
    """An endpoint cannot bind its reply to a schema: ask for JSON in words."""


class DecisionFailed(ModelError):
    """A model gave no reply that can be used: nothing, nothing of what was asked for, or no end of it."""


class BudgetExceeded(KedgeError):
    """A call would exceed the budget; raised before the call is made."""


class MissingExtra(KedgeError):
    """An optional dependency is not installed.

    Example:
        >>> print(MissingExtra("parametric", "torch"))
        torch is not installed (pip install 'kedge[parametric]', or '.[parametric]' in a clone)
    """

    def __init__(self, extra: str, package: str) -> None:
        fix = f"pip install 'kedge[{extra}]', or '.[{extra}]' in a clone"
        super().__init__(f"{package} is not installed", fix=fix)
