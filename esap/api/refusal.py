"""An error of ours, as authenticators and permissions raise it.

In a module of its own: DRF imports the authenticators before its own views can be imported.
"""

from rest_framework.exceptions import APIException

from esap.errors import EsapError

__all__ = ["Refusal"]


class Refusal(APIException):
    """An error of ours where DRF takes only its own.

    Of any other exception it does not remember that nobody was authenticated, and asks again while
    it writes the answer.
    """

    def __init__(self, error: EsapError) -> None:
        super().__init__(error.detail)
        self.error = error
