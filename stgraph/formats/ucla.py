"""NW-UCLA in the JSON files that CTR-GCN reads: one person, 20 joints of Kinect v1."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from stgraph.formats.clip import Clip
from stgraph.formats.documents import member, read_json, table
from stgraph.formats.refusal import nobody_yet, refuse
from stgraph.layouts import UCLA20

UCLA_CLASSES = (
    "pick up with one hand",
    "pick up with two hands",
    "drop trash",
    "walk around",
    "sit down",
    "stand up",
    "donning",
    "doffing",
    "throw",
    "carry",
)
UCLA_ACTIONS = (1, 2, 3, 4, 5, 6, 8, 9, 11, 12)
"""The action number in file names, by class; there is no action 7 or 10."""

_NAME = re.compile(r"a([0-9]{2})_s([0-9]{2})_e([0-9]{2})_v([0-9]{2})")


def read_ucla_clip(path: str | Path) -> Clip:
    """The clip in ``aAA_sSS_eEE_vVV.json``: action, subject, take and view.

    Keypoints are ``[1, T, 20, 3]``: x, y, z as in the file. The label is the file's ``label``
    (1 to 10) less one and has to agree with the action in the name; ``UCLA_CLASSES`` has the names.
    Facts: ``action`` (the number in the name, not the label), ``subject``, ``take`` and ``view``.

    Raises:
        ValueError: If the name is another, or its action not that of the label; if the file is no
            JSON, not of this format or without frames. The message names the file and the place.

    Source: Uason-Chen/CTR-GCN, feeders/feeder_ucla.py.
    """
    source = str(path)
    action, subject, take, view = _fields(path)
    document, size = read_json(path)
    frames: list[Any] = member(document, "skeletons", list, source)
    keypoints = nobody_yet(path, (1, len(frames), UCLA20.num_joints, 3), size)
    for frame, joints in enumerate(frames):
        keypoints[0, frame] = table(joints, UCLA20.num_joints, 3, f"{source}, skeletons[{frame}]")
    label = member(document, "label", int, source)
    expected = UCLA_ACTIONS.index(action) + 1
    if label != expected:
        refuse(
            f"{source}, label",
            f"{expected} as the label of action {action}",
            f"{label}",
            "Give the file its own name back, or correct the label.",
        )
    facts = {"action": action, "subject": subject, "take": take, "view": view}
    return Clip(Path(path).stem, keypoints, label - 1, facts=facts, layout=UCLA20, source=source)


def _fields(path: str | Path) -> tuple[int, ...]:
    """Action, subject, take and view from the name of the file."""
    match = _NAME.fullmatch(Path(path).stem)
    fields = tuple(map(int, match.groups())) if match else ()
    if not fields or fields[0] not in UCLA_ACTIONS:
        actions = ", ".join(f"a{action:02}" for action in UCLA_ACTIONS)
        expected = f"a name like a01_s01_e00_v01.json with one of the actions {actions}"
        refuse(path, expected, repr(Path(path).name), "Give the file its own name back.")
    return fields
