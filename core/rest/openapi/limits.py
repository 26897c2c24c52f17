"""Lengths of texts for the document, read from the models, which enforce them."""

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import CharField, Model, TextField
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message


def limits_of(
    model: type[Model], *messages: type[Message], without: Collection[str] = ()
) -> dict[str, Mapping[str, Any]]:
    """Return the limits of the messages' text fields that have the name of a field of the model.

    Args:
        without: fields that have only the name in common.
    """
    max_lengths = {
        field.name: field.max_length
        for field in model._meta.get_fields()
        if isinstance(field, CharField | TextField) and field.max_length and field.name not in without
    }
    return {
        field.full_name: {"maxLength": max_lengths[field.name]}
        for message in messages
        for field in message.DESCRIPTOR.fields
        if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated and field.name in max_lengths
    }
