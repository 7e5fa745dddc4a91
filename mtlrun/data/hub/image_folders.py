"""Suites of image folders, one domain a task: `image_folders`, `office31` and `office_home`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from mtlrun.config import FORMERLY
from mtlrun.data.hub.divided import Divided
from mtlrun.data.hub.reading.origin import Origin
from mtlrun.errors import Fault

F = TypeVar("F", bound="ImageFolders")


@dataclass
class ImageFolders(Divided):
    """Folders of images: `path/<domain>/<class>/<image>`; each domain is a task with images of its own.

    Folders between a domain and its classes do not matter. A class has the same number in every domain that has it.
    Parts are cut from each domain, stratified by class.

    Attributes:
        domains: Names of the folders that are tasks; None takes all that `path` has.
    """

    domains: list[str] | None = None
    size: int | None = 64
    channels: int | None = field(default=3, metadata={FORMERLY: "colours"})
    divide: str = "domain"
    predict: str = "label"

    def origin(self) -> Origin:
        """Return where the images are."""
        names = self.domains
        if names is None:
            folder = Path(os.path.expanduser(self.path))
            names = sorted(p.name for p in folder.iterdir() if p.is_dir()) if os.path.isdir(folder) else []
        return Origin(self.path, domains=tuple(names))

    def faults(self) -> Iterator[Fault]:
        """Yield everything that is wrong with the settings, or with the data."""
        if not self.path or not os.path.isdir(Path(os.path.expanduser(self.path))):
            yield Fault("path", "must be a folder with a folder for each domain", self.path)
        elif not self.origin().domains:
            yield Fault("path", "must have a folder for each domain, and has none", self.path)
        else:
            yield from super().faults()

    def narrowed(self: F, tasks: Sequence[str]) -> F:
        """Return the suite with these domains alone, and what they hold."""
        found = super().narrowed(tasks)
        found = replace(
            found, domains=[name for name in self.origin().domains if name in tasks], content=None
        )
        return replace(found, content=found.digest())

    def stratum(self) -> str:
        """Return the column by which splits are stratified."""
        return self.predict


@dataclass
class Office31(ImageFolders):
    """Office-31: 4,110 pictures of 31 office objects, from a shop, a camera and a webcam; three tasks.

    Source: Saenko, Kulis, Fritz and Darrell, Adapting Visual Category Models to New Domains, ECCV 2010.
    """

    domains: list[str] | None = field(default_factory=lambda: ["amazon", "dslr", "webcam"])


@dataclass
class OfficeHome(ImageFolders):
    """Office-Home: 15,588 pictures of 65 objects of office and home, in four styles; four tasks.

    Source: Venkateswara, Eusebio, Chakraborty and Panchanathan, Deep Hashing Network for Unsupervised Domain
    Adaptation, CVPR 2017.
    """

    domains: list[str] | None = field(default_factory=lambda: ["Art", "Clipart", "Product", "Real World"])
