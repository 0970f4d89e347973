"""Metadata of the distribution ``stgraph-pyg``, imported as ``stgraph``."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def version() -> str:
    """The ``__version__`` of the package, read as text: importing it would need torch."""
    text = (ROOT / "stgraph" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: str)? = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise ValueError('stgraph/__init__.py needs a line __version__ = "1.2.3"; it has none.')
    return found[1]


TRAIN = [
    "lightning>=2.6",
    "torchmetrics>=1.4",
    "jsonargparse[signatures]>=4.35",
    "tensorboard>=2.17",
    "rich>=13.7",
    "matplotlib>=3.8",
    "pyyaml>=6.0.1",
]
VIZ = ["matplotlib>=3.8"]
SPARSE = ["torch-scatter>=2.1.2", "torch-sparse>=0.6.18", "scipy>=1.11"]
DOCS = ["sphinx>=8.0", "myst-parser>=4.0", "furo>=2024.8.6", "sphinx-gallery>=0.19"]
TOOLS = [
    "triton>=3.3; sys_platform == 'linux' and platform_machine == 'x86_64'",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "hypothesis>=6.100",
    "pytest-benchmark>=5.1",
    "ruff>=0.9",
    "mypy>=1.13",
    "import-linter>=2.15",
    "types-PyYAML>=6.0.12",
    "tabulate>=0.9",
    "selenium>=4.20",
    "psutil>=5.9",
]

setup(
    name="stgraph-pyg",
    version=version(),
    description="Skeleton clips as typed spatio-temporal graphs, and ST-GCN layers for PyG",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="stgraph contributors",
    license="MIT",
    license_files=["LICENSE", "stgraph/player/three.LICENSE"],
    keywords="skeleton action-recognition graph-neural-network st-gcn pytorch-geometric",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=find_packages(include=["stgraph", "stgraph.*"]),
    package_data={
        "stgraph": ["py.typed", "datasets/*.txt", "recipes/*.yaml", "recipes/studies/*.yaml"],
        "stgraph.player": ["*.html", "*.css", "*.js", "*.LICENSE"],
    },
    install_requires=[
        "torch>=2.8",
        "torch-geometric>=2.7",
        "numpy>=1.26",
        "networkx>=3.2",
        "tqdm>=4.66",
        "pyarrow>=16.0",
        "filelock>=3.13",
    ],
    extras_require={
        "train": TRAIN,
        "viz": VIZ,
        "sparse": SPARSE,
        "docs": DOCS,
        "dev": [*TOOLS, *TRAIN, *VIZ],
    },
    entry_points={"console_scripts": ["stgraph = stgraph.__main__:main"]},
    zip_safe=False,
)
