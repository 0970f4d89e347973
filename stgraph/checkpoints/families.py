"""Where the weights of released programs are in our networks: a name map for each family.

An :class:`Entry` names a tensor there, a tensor here, and how the first is seen in the second. One
list of entries serves both ways: reading copies into what it sees, writing copies out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from torch import Tensor

from stgraph.nn import STGCN, SkeletonNetwork, STGCNPlusPlus, STGCNv010

ADJACENCY = "adjacency"  # our name for [K, V, V], which is the graph's and no weight of the network
_STATISTICS = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


class Form(NamedTuple):
    """How a tensor of theirs is seen in one of ours.

    Attributes:
        view: Gives a view of our tensor, with the numbers in their order.
        shape: Their shape, from that view.
        extra: Axes of length one that theirs has at its end.
    """

    view: Callable[[Tensor], Tensor]
    shape: Callable[[Tensor], Sequence[int]]
    extra: int = 0


class Entry(NamedTuple):
    """A tensor there, the tensor here, and how it is seen in it."""

    theirs: str
    ours: str
    form: Form

    def write(self, ours: Tensor) -> Tensor:
        """Their tensor, a copy."""
        view = self.form.view(ours)
        return view.detach().cpu().reshape(tuple(self.form.shape(view))).clone()

    def read(self, theirs: Tensor, ours: Tensor) -> None:
        """Copy their tensor into ours."""
        view = self.form.view(ours)
        view.copy_(theirs.reshape(view.shape))


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _shape(tensor: Tensor) -> Sequence[int]:
    return tensor.shape


def _flat(tensor: Tensor) -> Sequence[int]:
    return (tensor.numel(),)


SAME = Form(_same, _shape)
FLAT = Form(_same, _flat)  # [V, C] or [K, C] there as one row
POINT = Form(_same, lambda w: (*w.shape, 1, 1), extra=2)  # a linear map there as Conv2d 1x1
POINT_1D = Form(_same, lambda w: (*w.shape, 1), extra=1)
TAPS = Form(lambda w: w.permute(2, 1, 0), lambda w: (*w.shape, 1))  # [Γ, C, C'] as Conv2d Γx1
SUBSETS = Form(  # [K, C, C'] there as Conv2d 1x1 to K C' channels
    lambda w: w.transpose(1, 2), lambda w: (w.shape[0] * w.shape[1], w.shape[2], 1, 1)
)


def _subset(k: int) -> Form:
    """Subset k of [K, C, C'] as Conv2d 1x1."""
    return Form(lambda w: w[k].T, lambda w: (*w.shape, 1, 1))


def _norm(theirs: str, ours: str, form: Form = SAME) -> Iterator[Entry]:
    for name in _STATISTICS:
        seen = SAME if name == "num_batches_tracked" else form
        yield Entry(f"{theirs}.{name}", f"{ours}.{name}", seen)


def _map(theirs: str, ours: str, form: Form = POINT, bias: Form = SAME) -> Iterator[Entry]:
    yield Entry(f"{theirs}.weight", f"{ours}.weight", form)
    yield Entry(f"{theirs}.bias", f"{ours}.bias", bias)


def _shortcut(conv: str, norm: str, ours: str) -> Iterator[Entry]:
    yield from _map(conv, f"{ours}.0")
    yield from _norm(norm, f"{ours}.1")


def st_gcn(num_blocks: int, num_subsets: int) -> Iterator[Entry]:
    """yysijie/st-gcn since June 2018 and mmskeleton, without the classifier."""
    yield Entry("A", ADJACENCY, SAME)
    yield from _norm("data_bn", "data_norm", FLAT)
    for i in range(num_blocks):
        theirs, ours = f"st_gcn_networks.{i}", f"blocks.{i}"
        yield from _map(f"{theirs}.gcn.conv", f"{ours}.spatial", SUBSETS, FLAT)
        yield from _norm(f"{theirs}.tcn.0", f"{ours}.spatial_norm")
        yield from _map(f"{theirs}.tcn.2", f"{ours}.temporal", TAPS)
        yield from _norm(f"{theirs}.tcn.3", f"{ours}.norm")
        yield from _shortcut(f"{theirs}.residual.0", f"{theirs}.residual.1", f"{ours}.residual")
    for i in range(num_blocks):
        yield Entry(f"edge_importance.{i}", f"blocks.{i}.importance.weight", SAME)


def pyskl_stgcn(num_blocks: int, num_subsets: int) -> Iterator[Entry]:
    """STGCN of pyskl and mmaction2 1.x, without the classifier."""
    yield from _norm("data_bn", "data_norm", FLAT)
    for i in range(num_blocks):
        theirs, ours = f"gcn.{i}", f"blocks.{i}"
        yield Entry(f"{theirs}.gcn.PA", f"{ours}.importance.weight", SAME)
        yield Entry(f"{theirs}.gcn.A", ADJACENCY, SAME)
        yield from _norm(f"{theirs}.gcn.bn", f"{ours}.spatial_norm")
        yield from _map(f"{theirs}.gcn.conv", f"{ours}.spatial", SUBSETS, FLAT)
        yield from _map(f"{theirs}.tcn.conv", f"{ours}.temporal", TAPS)
        yield from _norm(f"{theirs}.tcn.bn", f"{ours}.norm")
        yield from _shortcut(f"{theirs}.residual.conv", f"{theirs}.residual.bn", f"{ours}.residual")


def pyskl_stgcnpp(num_blocks: int, num_subsets: int) -> Iterator[Entry]:
    """ST-GCN++ of pyskl and mmaction2 1.x, without the classifier."""
    yield from _norm("data_bn", "data_norm", FLAT)
    for i in range(num_blocks):
        theirs, ours = f"gcn.{i}", f"blocks.{i}"
        yield Entry(f"{theirs}.gcn.A", f"{ours}.adjacency.weight", SAME)
        yield from _norm(f"{theirs}.gcn.bn", f"{ours}.spatial_norm")
        yield from _map(f"{theirs}.gcn.conv", f"{ours}.spatial", SUBSETS, FLAT)
        down = f"{theirs}.gcn.down"
        yield from _shortcut(f"{down}.0", f"{down}.1", f"{ours}.spatial_residual")
        yield from _branches(f"{theirs}.tcn", f"{ours}.temporal")
        yield from _shortcut(f"{theirs}.residual.conv", f"{theirs}.residual.bn", f"{ours}.residual")


def _branches(theirs: str, ours: str, convolutions: int = 4) -> Iterator[Entry]:
    """Four convolutions, the maximum, the point; then their fusion."""
    for i in range(convolutions + 1):
        yield from _shortcut(
            f"{theirs}.branches.{i}.0", f"{theirs}.branches.{i}.1", f"{ours}.reduce.{i}"
        )
    for i in range(convolutions):
        yield from _map(f"{theirs}.branches.{i}.3.conv", f"{ours}.convolutions.{i}", TAPS)
    yield from _map(f"{theirs}.branches.{convolutions + 1}", f"{ours}.point")
    yield from _norm(f"{theirs}.transform.0", f"{ours}.fuse.0")
    yield from _map(f"{theirs}.transform.2", f"{ours}.fuse.2")
    yield from _norm(f"{theirs}.bn", f"{ours}.norm")


def st_gcn_v010(num_blocks: int, num_subsets: int) -> Iterator[Entry]:
    """yysijie/st-gcn v0.1.0, without the classifier; the first block is its stem."""
    yield from _norm("data_bn", "data_norm", FLAT)
    for i in range(num_blocks):
        gcn, tcn = (
            ("gcn0", "tcn0") if i == 0 else (f"backbone.{i - 1}.gcn1", f"backbone.{i - 1}.tcn1")
        )
        ours = f"blocks.{i}"
        yield Entry(f"{gcn}.mask", f"{ours}.importance.weight", SAME)
        for k in range(num_subsets):
            yield Entry(f"{gcn}.conv_list.{k}.weight", f"{ours}.spatial.weight", _subset(k))
            yield Entry(f"{gcn}.conv_list.{k}.bias", f"{ours}.bias", Form(_row(k), _shape))
        yield from _norm(f"{gcn}.bn", f"{ours}.spatial_norm")
        yield from _map(f"{tcn}.conv", f"{ours}.temporal", TAPS)
        yield from _norm(f"{tcn}.bn", f"{ours}.norm")
        down = f"backbone.{i - 1}.down1"
        yield from _shortcut(f"{down}.conv", f"{down}.bn", f"{ours}.residual")


def _row(k: int) -> Callable[[Tensor], Tensor]:
    return lambda bias: bias[k]


@dataclass(frozen=True)
class Program:
    """A released network.

    Attributes:
        network: Our network for it.
        entries: Where its tensors are in ours, given the number of blocks and of subsets.
        mark: The name of a tensor by which it is known.
        optional: Parts of names that a file may lack; what they stand for is then as in a new
            network.
        unused: Names of tensors that it holds and does not use.
        fixed: Whether it knows no other blocks than ten of 64 to 256 channels.
    """

    network: type[SkeletonNetwork]
    entries: Callable[[int, int], Iterator[Entry]]
    mark: str
    optional: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    fixed: bool = False


@dataclass(frozen=True)
class Family:
    """How a code base packs a released network into its files.

    Attributes:
        name: What :func:`stgraph.save_checkpoint` calls it.
        program: The network in it.
        prefix: Before all names but those of the classifier.
        classifier: Its name of the last layer.
        form: How that layer's weight is held.
        nested: Whether its files are ``{"meta": ..., "state_dict": ...}``.
        presets: For numbers of joints the name in :data:`stgraph.presets.PRESETS` of how clips were
            prepared, where the published networks of the family leave no doubt.
    """

    name: str
    program: Program
    prefix: str = ""
    classifier: str = "fcn"
    form: Form = POINT
    nested: bool = False
    presets: Mapping[int, str] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        return self.prefix + self.program.mark

    def entries(self, num_blocks: int, num_subsets: int) -> list[Entry]:
        """Where each of their tensors is in ours, whether or not a network has it."""
        body = self.program.entries(num_blocks, num_subsets)
        head = _map(self.classifier, "classifier", self.form)
        return [entry._replace(theirs=self.prefix + entry.theirs) for entry in body] + list(head)

    def may_lack(self, name: str) -> bool:
        """Whether a file without this tensor is whole."""
        return any(part in name for part in ("num_batches_tracked", *self.program.optional))


ST_GCN = Program(
    STGCN,
    st_gcn,
    "st_gcn_networks.0.gcn.conv.weight",
    optional=("edge_importance.",),
    fixed=True,
)
ST_GCN_V010 = Program(
    STGCNv010,
    st_gcn_v010,
    "gcn0.conv_list.0.weight",
    optional=(".mask",),
    unused=tuple(f"person_bn.{name}" for name in _STATISTICS),
    fixed=True,
)
PYSKL_STGCN = Program(STGCN, pyskl_stgcn, "gcn.0.tcn.conv.weight", optional=(".PA",))
PYSKL_STGCNPP = Program(STGCNPlusPlus, pyskl_stgcnpp, "gcn.0.tcn.branches.0.0.weight")

_PIPELINE = {25: "pyskl", 17: "pyskl-2d"}
_FEEDER = {25: "stgcn", 18: "stgcn-kinetics"}

FAMILIES = (
    Family("st-gcn", ST_GCN, presets=_FEEDER),
    Family("mmskeleton", ST_GCN, presets=_FEEDER),
    Family(
        "mmaction2-0.x",
        ST_GCN,
        "backbone.",
        "cls_head.fc",
        nested=True,
        presets={25: "mmaction2-0.x"},
    ),
    Family("st-gcn-v0.1.0", ST_GCN_V010, form=POINT_1D, presets=_FEEDER),
    *(
        Family(name, program, "backbone.", head, SAME, nested=True, presets=_PIPELINE)
        for name, head in (("pyskl", "cls_head.fc_cls"), ("mmaction2-1.x", "cls_head.fc"))
        for program in (PYSKL_STGCN, PYSKL_STGCNPP)
    ),
)
