"""What encoders of images ask of their inputs."""

from __future__ import annotations

from mtlrun.errors import ConfigError, Fault


def image_shape(input_shape: tuple[int, ...], least: int) -> tuple[int, int, int]:
    """Return channels, height and width of an input shape.

    Args:
        input_shape: of one example.
        least: pixels that each side must have.

    Raises:
        ConfigError: the inputs are no images, or are smaller.
    """
    if len(input_shape) != 3 or min(input_shape[1:]) < least:
        rule = (
            f"must have images (channels, height, width) of at least {least}x{least} pixels for this model "
            "(model=mlp takes inputs of any shape)"
        )
        raise ConfigError([Fault("suite", rule, input_shape)])
    channels, height, width = input_shape
    return channels, height, width
