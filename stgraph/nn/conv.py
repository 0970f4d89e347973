"""The layer: one weight matrix per neighbourhood subset."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import Parameter, UninitializedParameter
from torch.nn.parameter import is_lazy
from torch_geometric import EdgeIndex
from torch_geometric.nn import MessagePassing
from torch_geometric.typing import Adj, OptPairTensor, OptTensor, Size
from torch_geometric.utils import is_sparse

from stgraph.nn.backends import BACKENDS, TemporalGrid, TypedGraph, choose
from stgraph.nn.conv_inputs import (
    autocast,
    check_ends,
    check_lengths,
    check_options,
    num_targets,
    unpack,
)


class STGCNConv(MessagePassing):
    r"""The spatial temporal graph convolution from the `"Spatial Temporal Graph Convolutional
    Networks for Skeleton-Based Action Recognition" <https://arxiv.org/abs/1801.07455>`_ paper
    (equations 4 to 9) on any graph whose edges carry the number of a subset

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{b} + \sum_{k=0}^{K-1} \sum_{j \in \mathcal{N}_k(i)}
        e_{j,i} \, \mathbf{W}_k^{\top} \mathbf{x}_j

    where :math:`\mathcal{N}_k(i)` are the sources of the edges of type :math:`k` that end in node
    :math:`i` and :math:`e_{j,i}` is the edge weight, such as the paper's normalisation
    :math:`1/Z_i(\mathbf{x}_j)` times a learnt importance.

    Nothing in it knows of skeletons: with the nine offsets of a pixel grid as types it *is* a
    :math:`3 \times 3` image convolution, with one type a graph convolution, with frame offsets as
    types a temporal convolution. It adds no self-loops: give them as edges, with a type.

    Args:
        in_channels (int or tuple): Size of each source's features, or :obj:`-1` to take it from the
            first input. A pair is accepted for bipartite graphs; there is no root weight, so the
            size of the targets' features is not used.
        out_channels (int): Size of each output.
        num_subsets (int): Number of edge types :math:`K`.
        bias (bool or str, optional): :obj:`True` adds one vector after aggregation;
            :obj:`"per_subset"` adds :math:`\mathbf{b}_k` to every message of type :math:`k`, inside
            the weighted sum, as the released ST-GCN does. (default: :obj:`True`)
        backend (str, optional): A name of :data:`stgraph.nn.backends.BACKENDS`; by default the
            cheapest is chosen. All give the same result. (default: :obj:`None`)
        **kwargs (optional): Additional arguments of
            :class:`torch_geometric.nn.conv.MessagePassing`; :obj:`aggr` must stay :obj:`"add"`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, or with leading dimensions that
          share the edges :math:`(*, |\mathcal{V}|, F_{in})`, or a pair of source and target
          features if bipartite; edge indices :math:`(2, |\mathcal{E}|)`, edge types
          :math:`(|\mathcal{E}|)`, edge weights :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(*, |\mathcal{V}_t|, F_{out})`
    """

    weight: Parameter | UninitializedParameter
    bias: Parameter | None

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        num_subsets: int,
        bias: bool | Literal["per_subset"] = True,
        *,
        backend: str | None = None,
        **kwargs: Any,
    ) -> None:
        flow = kwargs.pop("flow", "source_to_target")
        check_options(bias, backend, kwargs.setdefault("aggr", "add"), flow)
        super().__init__(**kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_subsets = num_subsets
        self.backend = backend
        self._reversed = flow == "target_to_source"
        self._make_weight(in_channels if isinstance(in_channels, int) else in_channels[0])
        shapes = {True: (out_channels,), "per_subset": (num_subsets, out_channels), False: None}
        shape = shapes[bias]
        self.register_parameter("bias", None if shape is None else Parameter(torch.empty(shape)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within ±1/sqrt(K C_in), as in PyTorch's convolutions; lazy weights wait."""
        super().reset_parameters()
        if is_lazy(self.weight):
            return
        bound = 1 / math.sqrt(max(1, self.weight.shape[0] * self.weight.shape[1]))
        torch.nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            torch.nn.init.uniform_(self.bias, -bound, bound)

    def forward(
        self,
        x: Tensor | OptPairTensor,
        edge_index: Adj | TypedGraph | TemporalGrid,
        edge_type: OptTensor = None,
        edge_weight: OptTensor = None,
        size: Size = None,
    ) -> Tensor:
        r"""Runs the forward pass of the module.

        Args:
            x (torch.Tensor or (torch.Tensor, torch.Tensor)): The node features.
            edge_index (torch.Tensor or SparseTensor): The edges, source to target. A sparse matrix
                is the transposed adjacency, as everywhere in PyG; whole numbers in it are the edge
                types, others the edge weights. Or a :class:`stgraph.nn.backends.TypedGraph` or
                ``TemporalGrid``, which has types and sizes, sorted once for several layers.
            edge_type (torch.Tensor, optional): The subset of each edge, in ``0..K-1``. May be left
                out if there is one subset, or if a sparse matrix carries it.
            edge_weight (torch.Tensor, optional): The weight of each edge. (default: all ones)
            size ((int, int), optional): Numbers of sources and targets, needed if they differ and
                the targets have no features.
        """
        if isinstance(edge_index, TypedGraph | TemporalGrid):
            edges = edge_index
            sources = x if isinstance(x, Tensor) else x[0]
            self._check_planned(sources, edges)
        else:
            if is_sparse(edge_index):
                edge_index, edge_type, edge_weight = unpack(edge_index, edge_type, edge_weight)
            elif isinstance(edge_index, EdgeIndex):
                edge_index = edge_index.as_tensor()
            if self._reversed:
                edge_index = edge_index.flip(0)
                x = x if isinstance(x, Tensor) else x[::-1]
                size = None if size is None else size[::-1]
            edge_type = self._checked_types(edge_index, edge_type)
            check_lengths(edge_index, edge_type, edge_weight)
            sources = x if isinstance(x, Tensor) else x[0]
            counts = (sources.shape[-2], num_targets(x, size))
            check_ends(edge_index, counts)
            edges = TypedGraph(edge_index, edge_type, self.num_subsets, *counts)
        return self._convolved(sources, edges, edge_weight)

    def _convolved(
        self, x: Tensor, edges: TypedGraph | TemporalGrid, edge_weight: OptTensor
    ) -> Tensor:
        if self.watched:
            edges = edges if isinstance(edges, TypedGraph) else edges.explicit(x.device)
            weight = None if edge_weight is None else edge_weight.to(x.dtype)
            return self._propagated(x, edges, weight)
        x, weight = autocast(x, self.weight)
        if edge_weight is not None:
            edge_weight = edge_weight.to(x.dtype)
        bias = self._row_bias(edges, edge_weight)
        bias = None if bias is None else bias.to(x.dtype)
        name = self.backend or choose(x, weight, edges, edge_weight, bias)
        if isinstance(edges, TemporalGrid) and name != "grid":
            edges = edges.explicit(x.device)
        return BACKENDS[name](x, weight, edges, edge_weight, bias)

    def _row_bias(self, edges: TypedGraph | TemporalGrid, edge_weight: OptTensor) -> OptTensor:
        """What is added to all rows ``[C_out]``, or to each ``[num_targets, C_out]``."""
        if self.bias is None or self.bias.ndim == 1:
            return self.bias
        return self._subset_shares(edges, edge_weight).to(self.bias.dtype) @ self.bias

    def message(self, x_j: Tensor, edge_weight: OptTensor) -> Tensor:
        return x_j if edge_weight is None else x_j * edge_weight.view(-1, 1)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.in_channels}, {self.out_channels}, "
            f"num_subsets={self.num_subsets})"
        )

    @property
    def watched(self) -> bool:
        """Whether an explainer or a hook looks at messages, so that they have to be made."""
        hooks = (
            self._propagate_forward_pre_hooks,
            self._propagate_forward_hooks,
            self._message_forward_pre_hooks,
            self._message_forward_hooks,
            self._aggregate_forward_pre_hooks,
            self._aggregate_forward_hooks,
        )
        return bool(self.explain) or any(len(hook) > 0 for hook in hooks)

    def _propagated(self, x: Tensor, edges: TypedGraph, edge_weight: OptTensor) -> Tensor:
        """The same result as one ``propagate`` over all edges in the caller's order.

        Explainers and hooks look at its messages, so a bias per subset travels in them too.
        """
        weight: Tensor = self.weight
        if self.bias is not None and self.bias.ndim == 2:
            x = torch.nn.functional.pad(x, (0, 1), value=1.0)
            weight = torch.cat([weight, self.bias[:, None]], dim=1)
        subsets, in_channels, out_channels = weight.shape
        source, target = edges.edge_index
        # propagate_type: (x: OptPairTensor, edge_weight: OptTensor)
        cells = self.propagate(
            torch.stack([source, target * subsets + edges.edge_type]),
            size=(x.shape[-2], edges.num_targets * subsets),
            x=(x, None),
            edge_weight=edge_weight,
        )
        rows = cells.reshape(*x.shape[:-2], edges.num_targets, subsets * in_channels)
        out = rows @ weight.reshape(subsets * in_channels, out_channels)
        return out + self.bias if self.bias is not None and self.bias.ndim == 1 else out

    def _subset_shares(self, edges: TypedGraph | TemporalGrid, edge_weight: OptTensor) -> Tensor:
        """The sum of edge weights of each type that end in each target: ``[num_targets, K]``."""
        edges = edges if isinstance(edges, TypedGraph) else edges.explicit(self.weight.device)
        if edge_weight is None:
            edge_weight = torch.ones_like(edges.edge_type, dtype=self.weight.dtype)
        cell = edges.edge_index[1] * self.num_subsets + edges.edge_type
        share = edge_weight.new_zeros(edges.num_targets * self.num_subsets)
        return share.index_add(0, cell, edge_weight).view(edges.num_targets, self.num_subsets)

    def _checked_types(self, edge_index: Tensor, edge_type: OptTensor) -> Tensor:
        if edge_type is None:
            if self.num_subsets > 1:
                raise ValueError(
                    f"{self} needs edge_type, one of 0..{self.num_subsets - 1} for each edge."
                )
            return torch.zeros_like(edge_index[0])
        if torch.compiler.is_compiling() or edge_type.is_cuda or edge_type.numel() == 0:
            return edge_type
        least, most = edge_type.aminmax()
        if least < 0 or most >= self.num_subsets:
            raise ValueError(
                f"{self} has edge types 0..{self.num_subsets - 1}, found {int(least)} to "
                f"{int(most)}; num_subsets must cover all types of the graph."
            )
        return edge_type

    def _check_planned(self, x: Tensor, edges: TypedGraph | TemporalGrid) -> None:
        found = (edges.num_types, edges.num_sources)
        if found != (self.weight.shape[0], x.shape[-2]) or self._reversed:
            raise ValueError(
                f"{self} has {self.weight.shape[0]} edge types and is given {x.shape[-2]} nodes, "
                f"from source to target; found edges of {found[0]} types from {found[1]} nodes. "
                "Make them for this layer, or give edge_index and edge_type."
            )

    def _make_weight(self, in_channels: int) -> None:
        if in_channels > 0:
            shape = (self.num_subsets, in_channels, self.out_channels)
            self.weight = Parameter(torch.empty(shape))
            return
        self.weight = UninitializedParameter()
        hook = self.initialize_parameters
        self._lazy_hook = self.register_forward_pre_hook(hook, with_kwargs=True)

    @torch.no_grad()
    def initialize_parameters(
        self, module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Take ``in_channels`` from the first input; runs by itself."""
        if not is_lazy(self.weight):
            return
        x = args[0] if args else kwargs["x"]
        sources = x if isinstance(x, Tensor) else x[1 if self._reversed else 0]
        self._materialize(sources.shape[-1])
        self.reset_parameters()

    def _materialize(self, in_channels: int) -> None:
        assert isinstance(self.weight, UninitializedParameter)
        self.weight.materialize((self.num_subsets, in_channels, self.out_channels))
        if self.in_channels == -1:
            self.in_channels = in_channels
        self._lazy_hook.remove()
        del self._lazy_hook

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        if not is_lazy(self.weight):
            super()._save_to_state_dict(destination, prefix, keep_vars)
            return
        destination[prefix + "weight"] = self.weight
        if self.bias is not None:
            destination[prefix + "bias"] = self.bias if keep_vars else self.bias.detach()

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *args: Any) -> None:
        key = prefix + "weight"
        stored = state_dict.get(key)
        if stored is not None and is_lazy(stored):
            if not is_lazy(self.weight):
                self.in_channels = -1
                self._make_weight(-1)
            state_dict = {**state_dict, key: self.weight}
        elif stored is not None and is_lazy(self.weight):
            self._materialize(stored.shape[1])
        super()._load_from_state_dict(state_dict, prefix, *args)
