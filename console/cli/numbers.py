"""Numbers on the command line."""

import click

NUMBER = click.IntRange(1, 2**53)  # ids and counts; what a database's column holds, with room
