"""Suite `celeba`: forty attributes of faces."""

from __future__ import annotations

from dataclasses import dataclass, field

from mtlrun.config import FORMERLY, PLACE
from mtlrun.data.hub.suite import HubSuite, Targets

ATTRIBUTES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs", "Big_Lips"),
    *(
        "Big_Nose",
        "Black_Hair",
        "Blond_Hair",
        "Blurry",
        "Brown_Hair",
        "Bushy_Eyebrows",
        "Chubby",
        "Double_Chin",
    ),
    *("Eyeglasses", "Goatee", "Gray_Hair", "Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open"),
    *("Mustache", "Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline"),
    *("Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings", "Wearing_Hat"),
    *("Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young"),
)


@dataclass
class CelebA(HubSuite):
    """202,599 photographs of faces with forty binary attributes, each a task; the published parts.

    `tasks` takes any of them. The aligned pictures of 178x218 pixels are brought to 64x64.

    Source: Liu, Luo, Wang and Tang, Deep Learning Face Attributes in the Wild, ICCV 2015.
    """

    path: str = field(default="flwrlabs/celeba", metadata=PLACE)
    targets: Targets | None = field(default_factory=lambda: Targets({name: name for name in ATTRIBUTES}))
    size: int | None = 64
    channels: int | None = field(default=3, metadata={FORMERLY: "colours"})
