"""Names, classes and splits of NTU RGB+D: what a file name says and which side it is on."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

Protocol = Literal["xsub", "xview", "xset"]

_NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})(?:\.skeleton)?", re.ASCII)

# fmt: off
_TRAIN_SUBJECTS = frozenset((
    1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38,
    45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86,
    89, 91, 92, 93, 94, 95, 97, 98, 100, 103,
))
# fmt: on


class Rule(NamedTuple):
    """How a protocol splits: the field of the name that decides, its known values, who trains."""

    field: str
    known: range
    training: frozenset[int]


# The 53 subjects of NTU-120 serve NTU-60 as well: up to subject 40 they are its 20.
PROTOCOLS: dict[str, Rule] = {
    "xsub": Rule("performer", range(1, 107), _TRAIN_SUBJECTS),
    "xview": Rule("camera", range(1, 4), frozenset((2, 3))),
    "xset": Rule("setup", range(1, 33), frozenset(range(2, 33, 2))),
}


class NTUName(NamedTuple):
    """The five numbers of a clip's name, each counted from 1; the label is ``action - 1``."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int

    def __str__(self) -> str:
        return "S{:03d}C{:03d}P{:03d}R{:03d}A{:03d}".format(*self)


def parse_name(name: str) -> NTUName:
    """The numbers in ``S001C002P003R002A013``, with or without ``.skeleton``.

    Raises:
        ValueError: If the name has another form or a number is 0.
    """
    match = _NAME.fullmatch(name)
    numbers = [int(number) for number in match.groups()] if match else [0]
    if 0 in numbers:
        raise ValueError(
            f"An NTU name is SsssCcccPpppRrrrAaaa, five numbers of three digits from 001, with or "
            f"without .skeleton, found '{name}'; rename the file or leave it out."
        )
    return NTUName(*numbers)


def ntu_split(name: str | NTUName, protocol: Protocol) -> Literal["train", "test"]:
    """Which side of a protocol a clip is on.

    ``xsub`` asks for the performer (NTU-60 and NTU-120), ``xview`` for the camera (NTU-60),
    ``xset`` for the set-up (NTU-120).

    Raises:
        ValueError: If the protocol is unknown or the name holds a number that NTU does not have.

    Source: NTU RGB+D (arXiv 1604.02808), NTU RGB+D 120 (arXiv 1905.04757).
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f"Protocols are {', '.join(PROTOCOLS)}, found '{protocol}'.")
    rule = PROTOCOLS[protocol]
    fields = parse_name(name) if isinstance(name, str) else name
    value = getattr(fields, rule.field)
    if value not in rule.known:
        raise ValueError(
            f"Protocol {protocol} knows {rule.field} 1 to {rule.known[-1]}, found {value} in "
            f"'{fields}'; split clips of your own by a rule of your own."
        )
    return "train" if value in rule.training else "test"


@cache
def missing_samples() -> frozenset[str]:
    """The 535 bare names whose skeletons are missing; 302 of them have an action up to 60.

    Source: shahroudy/NTURGB-D, Matlab/NTU_RGBD120_samples_with_missing_skeletons.txt.
    """
    file = resources.files("stgraph.datasets").joinpath("ntu_missing.txt")
    return frozenset(file.read_text(encoding="ascii").split())


# The 120 action names, label = position. Source: shahroudy/NTURGB-D, README.md.
NTU_CLASSES: tuple[str, ...] = tuple(
    name.strip()
    for name in """
    drink water; eat meal/snack; brushing teeth; brushing hair; drop; pickup; throw; sitting down
    standing up (from sitting position); clapping; reading; writing; tear up paper; wear jacket
    take off jacket; wear a shoe; take off a shoe; wear on glasses; take off glasses
    put on a hat/cap; take off a hat/cap; cheer up; hand waving; kicking something
    put something inside pocket / take out something from pocket; hopping (one foot jumping)
    jump up; make a phone call/answer phone; playing with phone/tablet; typing on a keyboard
    pointing to something with finger; taking a selfie; check time (from watch)
    rub two hands together; nod head/bow; shake head; wipe face; salute; put the palms together
    cross hands in front (say stop); sneeze/cough; staggering; falling; touch head (headache)
    touch chest (stomachache/heart pain); touch back (backache); touch neck (neckache)
    nausea or vomiting condition; use a fan (with hand or paper)/feeling warm
    punching/slapping other person; kicking other person; pushing other person
    pat on back of other person; point finger at the other person; hugging other person
    giving something to other person; touch other person's pocket; handshaking
    walking towards each other; walking apart from each other; put on headphone
    take off headphone; shoot at the basket; bounce ball; tennis bat swing
    juggling table tennis balls; hush (quiet); flick hair; thumb up; thumb down; make ok sign
    make victory sign; staple book; counting money; cutting nails; cutting paper (using scissors)
    snapping fingers; open bottle; sniff (smell); squat down; toss a coin; fold paper
    ball up paper; play magic cube; apply cream on face; apply cream on hand back; put on bag
    take off bag; put something into a bag; take something out of a bag; open a box
    move heavy objects; shake fist; throw up cap/hat; hands up (both hands); cross arms
    arm circles; arm swings; running on the spot; butt kicks (kick backward); cross toe touch
    side kick; yawn; stretch oneself; blow nose; hit other person with something
    wield knife towards other person; knock over other person (hit with body)
    grab other person's stuff; shoot at other person with a gun; step on foot; high-five
    cheers and drink; carry something with other person; take a photo of other person
    follow other person; whisper in other person's ear; exchange things with other person
    support somebody with one's hand; finger-guessing game (playing rock-paper-scissors)
    """.replace("\n", ";").split(";")
    if name.strip()
)
