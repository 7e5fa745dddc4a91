"""Suite `huggingface`: any data set that the library `datasets` reads, all tasks on the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mtlrun.config import PLACE
from mtlrun.data.hub.reading.inputs import Reading, Scaling
from mtlrun.data.hub.reading.text import WORDS, Text
from mtlrun.data.hub.suite import HubSuite
from mtlrun.errors import Fault


@dataclass
class HuggingFace(HubSuite):
    """Tasks on one data set of your own choice: images, numbers or text.

    Attributes:
        text: How text becomes numbers: `words`, or a sentence model, a folder or a name on the Hub; None for no text.
        words: Features that words are hashed into.
    """

    text: str | None = field(default=None, metadata=PLACE)
    words: int = field(default=1024, metadata=PLACE)

    def reading(self) -> Reading:
        """Return what inputs are read from, and how."""
        text = None if self.text is None else Text(self.text, self.words)
        return super().reading()._replace(text=text)

    def has_images(self) -> bool:
        """Say whether inputs are images."""
        return self.text is None and super().has_images()

    def scaled(self, measured: Callable[[], Scaling]) -> Scaling | None:
        """Return by what inputs are standardised; words are not: the deviation of a rare one is next to nothing."""
        return None if self.text == WORDS else super().scaled(measured)

    def setting_faults(self) -> Iterator[Fault]:
        """Yield what is wrong with the settings, whatever the data."""
        yield from super().setting_faults()
        if self.words < 1:
            yield Fault("words", "must be at least 1 feature", self.words)
