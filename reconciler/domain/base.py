"""The one base class of every value in the domain."""

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Value(BaseModel):
    """An immutable value. Python names are snake_case; JSON and YAML names are camelCase.

    ``frozen`` is shallow in pydantic: fields use tuples, and mappings are never changed after construction.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        protected_namespaces=(),
    )
