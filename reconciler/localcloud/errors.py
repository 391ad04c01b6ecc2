"""How an operation of the embedded cloud says no: an error code and a message in AWS's own words."""

from __future__ import annotations


class AwsError(Exception):
    """An error answer. `code` is the error's name in the service model, which also decides the HTTP status.

    `status` overrides that status, for errors that the model does not have (InternalFailure is 500, say).
    """

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class LostResponse(ConnectionResetError):
    """The request was carried out, and the connection is closed without an answer."""


def invalid(message: str) -> AwsError:
    """AWS's most common error, which SageMaker also uses for a resource that does not exist."""
    return AwsError("ValidationException", message)
