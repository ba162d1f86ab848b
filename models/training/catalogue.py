"""models/manifest.json: the catalogue of all models. Each trainer replaces its own entry and leaves the others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


ORDER = ("risk_scorer", "nowcaster", "anomaly_detector")


def described(path: Path) -> dict:
    content = path.read_bytes()
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_json(path: Path, content) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def documented(out: Path, manifest: dict) -> dict:
    """The manifest with the card and the tables of skill in `out`, so that the digest of the model stands for them, too."""
    return manifest | {"documents": [described(out / name) for name in ("card.md", "skill.json")]}


def register(out: Path, name: str, version: str) -> None:
    """Enters the model whose manifest.json lies in `out`, a folder models/<name>/v<N>."""
    path = out.parent.parent / "manifest.json"
    models = json.loads(path.read_text())["models"] if path.exists() else []
    entry = {
        "name": name, "version": version, "path": f"{out.parent.name}/{out.name}",
        "sha256": described(out / "manifest.json")["sha256"],
    }
    models = sorted([m for m in models if m["name"] != name] + [entry], key=lambda m: ORDER.index(m["name"]))
    write_json(path, {"format": 1, "models": models})
