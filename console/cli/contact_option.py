"""The CONTACT argument of a command."""

from typing import Any

import click

from console.contact_argument import Named, parse


class ContactType(click.ParamType[Named, str]):
    """Parses CONTACT; a bare ID has no platform."""

    name = "contact"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        try:
            return parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


CONTACT = ContactType()
