"""Why did the network say so?
===========================

A small network learns four actions. Then one clip is asked twice: which joints respond when
(:func:`stgraph.responses.respond`), and what share joints, bones and frames have in the logit of
the class (:func:`stgraph.explain.explain`, integrated gradients under PyG's ``Explainer``)::

    python examples/explain_prediction.py --out runs/why
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import torch
from torch.nn.functional import cross_entropy
from torch_geometric.loader import DataLoader
from torch_geometric.utils import scatter

from stgraph import STGCN, SkeletonData, SkeletonGraph, build_clip, layouts, transforms, visualize
from stgraph.datasets.synthetic.kinematics import ACTIONS, clip_rng, generate_clip
from stgraph.explain import explain
from stgraph.player import Scene, write_player
from stgraph.responses import respond

CLASSES = ("wave", "sit down", "stand up", "turn left")
GRAPH = SkeletonGraph.from_layout(layouts.NTU25, temporal_kernel=5)


def record(label: int, performer: int) -> torch.Tensor:
    """Keypoints ``[1, 32, 25, 3]`` around the spine, NaN where a joint was not seen."""
    rng = clip_rng(0, performer, label)
    clip = torch.from_numpy(generate_clip(ACTIONS.index(CLASSES[label]), performer, 1, rng))
    return transforms.resample(transforms.center(clip, layouts.NTU25.index("spine mid")), 32)


def build(keypoints: torch.Tensor, label: int) -> SkeletonData:
    return build_clip(keypoints, GRAPH, y=label, visible=transforms.visible(keypoints))


def train() -> STGCN:
    torch.manual_seed(0)
    clips = [build(record(label, who), label) for who in range(1, 19) for label in range(4)]
    model = STGCN(3, len(CLASSES), GRAPH, blocks=[(16, 1), (32, 2)], dropout=0.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(12):
        for batch in DataLoader(clips, batch_size=12, shuffle=True):
            optimizer.zero_grad()
            cross_entropy(model(batch), batch.y).backward()
            optimizer.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description="Why did the network say so?")
    parser.add_argument("--out", type=Path, default=Path("runs/why"), help="folder to write to")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")

    model = train()
    label = CLASSES.index("sit down")
    keypoints = record(label, performer=20)
    clip = build(keypoints, label)

    # Responses: the classifier's score of every node of the last block, drawn as area.
    seen = respond(model, clip)
    print(f"the network says: {CLASSES[seen.label]}; it is: {CLASSES[label]}")
    ax = visualize.draw_responses(clip, GRAPH.layout, seen.strength)
    ax.figure.savefig(out / "responses.png", dpi=100)

    # Shares: they add up to what the logit gains over a clip in which every joint stays at its
    # average.
    found = explain(model, clip)
    share = scatter(found.node_mask.sum(dim=1), clip.joint, dim_size=GRAPH.num_joints)
    for joint in share.topk(3).indices.tolist():
        name = GRAPH.layout.joint_names[joint]
        print(f"{name}: {share[joint]:.2f} of {share.sum():.2f} in the logit")
    ax = visualize.draw_explanation(clip, GRAPH, found.node_mask, found.edge_mask)
    ax.figure.savefig(out / "explanation.png", dpi=100)

    # The same as a page to play with: joints grow where they respond.
    response = torch.full(keypoints.shape[:3], torch.nan)
    response[clip.person, clip.frame, clip.joint] = seen.strength
    scene = Scene(
        CLASSES[label], keypoints, GRAPH.layout, view="kinect", response=response,
        speaks=CLASSES[seen.label], class_names=CLASSES,
        class_frames=seen.frame, class_shares=seen.shares,
    )  # fmt: skip
    write_player([scene], out / "clip.html")
    print(out / "clip.html")


if __name__ == "__main__":
    main()
