"""ST-GCN as it was released."""

from __future__ import annotations

from stgraph.nn.block import STGCNBlock
from stgraph.nn.network import SkeletonNetwork


class STGCN(SkeletonNetwork):
    """ST-GCN for action recognition (Yan, Xiong, Lin, AAAI 2018), on clips of any length.

    Ten blocks of spatial and temporal graph convolution with learnt edge importance. On clips that
    are padded as the released programs pad them it is their network: yysijie/st-gcn since June
    2018, mmskeleton, mmaction2, and STGCN of pyskl. Arguments as in :class:`SkeletonNetwork`.
    """

    block = STGCNBlock
