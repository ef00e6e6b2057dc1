"""Names of what an artist can choose: kinds of prompts, and of results the origin and the look."""

POSITIVE, NEGATIVE, BOX = "POSITIVE", "NEGATIVE", "BOX"

BASE, CENTER, NERF = "BASE", "CENTER", "NERF"
ORIGINS = [
    (CENTER, "Middle", "The middle of the object's box", "PIVOT_BOUNDBOX", 0),
    (BASE, "Base", "The middle of the object's base, on which it stands", "ANCHOR_BOTTOM", 1),
    (NERF, "NeRF", "The NeRF's own origin, the same for all objects", "EMPTY_ARROWS", 2),
]
LIT, PHOTOGRAPHED = "LIT", "PHOTOGRAPHED"
LOOKS = [
    (LIT, "Lit", "Like a painted object, in the scene's light", "SHADING_RENDERED", 0),
    (
        PHOTOGRAPHED,
        "As Photographed",
        "The photographs' colours with their own light, and none of the scene's",
        "IMAGE_DATA",
        1,
    ),
]
