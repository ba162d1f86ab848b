"""The mixture density network: training in torch, evaluation in numpy (mirrored by domain/nowcast/network.go)."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import features
from data import FRENCH, HORIZONS
from samples import Rows

KNOTS = (1, 2, 3, 6, 12, 24, 48, 72)  # h; outputs in between are linear in log(h)
RAIN_SUMS = KNOTS  # h; accumulations of a rainfall forecast
NEAR = 6  # knots of the members without a rain forecast, which answer up to 24 h
COMPONENTS = 3
MIN_SCALE = 0.02
INPUT_LIMIT = 4.0
STRATA = (  # of horizon - 1, one of each per batch; the last two for members with a rain forecast
    [0], [1, 2, 2, 3], [4, 5, 5, 6, 7], [8, 9, 10, 11, 11, 12, 13], [*range(14, 24), *[23] * 7], [*range(24, 48), *[47] * 12],
    [*range(48, 72), *[71] * 12],
)


def hat(horizon: float) -> np.ndarray:
    """Shares of the knots at a horizon. Horizons up to 24 h have none in the knots beyond."""
    x, k = np.log(horizon), np.log(KNOTS)
    j = min(int(np.searchsorted(k, x, side="right")) - 1, len(k) - 2 if horizon > 24 else NEAR - 2)
    out = np.zeros(len(k))
    out[j + 1] = (x - k[j]) / (k[j + 1] - k[j])
    out[j] = 1 - out[j + 1]
    return out


BASIS = np.array([hat(h) for h in HORIZONS])


def rain_terms(forecast: np.ndarray) -> np.ndarray:
    """rows x 72 hourly totals -> rows x 72 horizons x RAIN_SUMS: log1p of the rain within the sum's hours and the horizon."""
    total = np.cumsum(forecast, axis=1)
    return np.stack([np.log1p(total[:, [min(s, h) - 1 for s in RAIN_SUMS]]) for h in HORIZONS], axis=1)


class Net(nn.Module):
    def __init__(self, inputs: int, hidden: int, dropout: float, forecast: bool):
        super().__init__()
        self.hidden1, self.hidden2 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
        self.knots = len(KNOTS) if forecast else NEAR
        self.head = nn.Linear(hidden, self.knots * 3 * COMPONENTS)
        self.rain = nn.Linear(hidden, self.knots * COMPONENTS * len(RAIN_SUMS)) if forecast else None
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.head.weight.mul_(0.3)
            self.head.bias.view(self.knots, 3, COMPONENTS)[:, 0] = torch.tensor([-1.0, 0.0, 1.0])
            self.head.bias.view(self.knots, 3, COMPONENTS)[:, 1:] = 0
            if forecast:
                self.rain.bias.fill_(-3)

    def body(self, x):
        a = self.dropout(F.silu(self.hidden1(x)))
        return self.dropout(F.silu(self.hidden2(a)))

    def forward(self, x, basis, terms=None):
        """x rows x inputs, basis horizons x knots, terms rows x horizons x sums -> location, scale, log weight."""
        a, basis = self.body(x), basis[:, :self.knots]
        p = torch.einsum("nkp,hk->nhp", self.head(a).view(len(x), self.knots, -1), basis)
        p = p.view(len(x), len(basis), 3, COMPONENTS)
        location = p[:, :, 0]
        if self.rain is not None:
            gain = torch.einsum("nkp,hk->nhp", self.rain(a).view(len(x), self.knots, -1), basis)
            gain = F.softplus(gain.view(len(x), len(basis), COMPONENTS, -1))
            location = location + (gain * terms[:, :, None]).sum(-1)
        return location, F.softplus(p[:, :, 1]) + MIN_SCALE, torch.log_softmax(p[:, :, 2], -1)


def distribution(mixture, v):
    """Distribution function at v, rows x horizons x thresholds."""
    location, scale, log_weight = mixture
    inverse, weight = 1 / scale, log_weight.exp()
    return sum(
        weight[:, :, c, None] * torch.sigmoid((v - location[:, :, c, None]) * inverse[:, :, c, None]) for c in range(COMPONENTS)
    )


def surprise(mixture, v):
    """Negative log density at v, rows x horizons."""
    location, scale, log_weight = mixture
    u = (v[..., None] - location) / scale
    return -torch.logsumexp(log_weight - torch.log(scale) + F.logsigmoid(u) + F.logsigmoid(-u), -1)


@dataclasses.dataclass
class Settings:
    columns: list[int]  # of the features
    forecast: bool = False
    river: bool = True
    hidden: int = 64
    dropout: float = 0.2
    epochs: int = 9
    rate: float = 2e-3
    decay: float = 1e-3
    batch: int = 512
    thresholds: int = 8
    density: float = 0.3  # weight of the density in the loss
    others: float = 0.0  # standard deviation of the logarithm of other thresholds whose events are learnt, 0 for none
    networks: int = 3

    @property
    def knots(self) -> tuple[int, ...]:
        return KNOTS if self.forecast else KNOTS[:NEAR]


def origin(rows: Rows, river: bool) -> np.ndarray:
    return rows.x[:, features.FEATURES.index("z_now")].astype(np.float64) if river else np.zeros(len(rows))


@dataclasses.dataclass
class Member:
    settings: Settings
    mean: np.ndarray
    scale: np.ndarray
    nets: list[Net]
    slope: np.ndarray  # recalibration by each of KNOTS: F' = expit(slope * logit(F))

    def build(self) -> nn.Module:
        s = self.settings
        return Net(len(s.columns), s.hidden, s.dropout, s.forecast)

    def standardize(self, rows: Rows) -> torch.Tensor:
        x = (rows.x[:, self.settings.columns].astype(np.float64) - self.mean) / self.scale
        return torch.tensor(np.clip(x, -INPUT_LIMIT, INPUT_LIMIT), dtype=torch.float32)

    def mixture(self, rows: Rows, horizons) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Location, scale and weight of all networks' components, rows x horizons x components, float64."""
        basis = torch.tensor(BASIS[[h - 1 for h in horizons]], dtype=torch.float32)
        x = self.standardize(rows)
        terms = None
        if self.settings.forecast:
            terms = torch.tensor(rain_terms(rows.forecast)[:, [h - 1 for h in horizons]], dtype=torch.float32)
        parts = []
        with torch.no_grad():
            for net in self.nets:
                net.eval()
                location, scale, log_weight = net(x, basis, terms)
                parts.append((location.double().numpy(), scale.double().numpy(), log_weight.double().exp().numpy() / len(self.nets)))
        return tuple(np.concatenate(p, axis=2) for p in zip(*parts))

    def cdf(self, rows: Rows, horizons, v: np.ndarray, calibrated: bool = True) -> np.ndarray:
        """Distribution function at v (rows x thresholds, bent changes) -> rows x horizons x thresholds."""
        out = np.empty((len(rows), len(horizons), v.shape[1]))
        for c in range(0, len(rows), 4096):
            part = rows.take(slice(c, c + 4096))
            location, scale, weight = self.mixture(part, horizons)
            at = v[c:c + 4096, None]
            p = 0.0
            for i in range(location.shape[2]):
                u = (at - location[:, :, i, None]) / scale[:, :, i, None]
                p = p + weight[:, :, i, None] / (1 + np.exp(-np.clip(u, -700, 700)))
            out[c:c + 4096] = p
        if calibrated:
            slope = np.array([BASIS[h - 1] @ self.slope for h in horizons])[None, :, None]
            out = recalibrate(out, slope)
        return out


def read(path: Path, slope: list[float]) -> Member:
    """A member from its file of weights."""
    w = json.loads(path.read_text())
    first = w["networks"][0]
    rain = "rain" in first
    s = Settings([features.FEATURES.index(n) for n in w["inputs"]], rain, any(n.startswith("z_now") for n in w["inputs"]), len(first["hidden1"]["bias"]),
                 networks=len(w["networks"]))
    member = Member(s, np.array(w["mean"]), np.array(w["scale"]), [], np.r_[slope, np.full(len(KNOTS) - len(slope), slope[-1])])
    for n in w["networks"]:
        net = member.build()
        net.load_state_dict({f"{layer}.{kind}": torch.tensor(v[kind]) for layer, v in n.items() for kind in ("weight", "bias")})
        member.nets.append(net.eval())
    return member


def recalibrate(p, slope):
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return 1 / (1 + np.exp(-slope * np.log(p / (1 - p))))


def train(rows: Rows, groups: np.ndarray, s: Settings, seed: int, kind: type[Member] = Member) -> Member:
    """groups[i] is the river system of station i. The networks of a member differ by their seeds alone."""
    z0 = origin(rows, s.river)
    x = rows.x[:, s.columns].astype(np.float64)
    member = kind(s, x.mean(axis=0), x.std(axis=0) + 1e-3, [], np.ones(len(KNOTS)))
    # Every gauge counts alike, and the gauges of one river system less: they are nearly one series.
    weight = rows.weight.copy()
    scale = np.ones((groups.size, len(HORIZONS)))
    present = np.unique(rows.station)
    for i in present:
        mine = rows.station == i
        alike = sum(groups[j] == groups[i] for j in present)
        # The French gauges saw one storm: all together they count as one gauge.
        weight[mine] /= weight[mine].sum() * (alike if groups[i] == FRENCH else np.sqrt(alike))
        change = np.abs(rows.y[mine] - rows.z[mine, None])
        scale[i] = np.nansum(change * rows.weight[mine, None], axis=0) / (np.nansum(~np.isnan(change) * rows.weight[mine, None], axis=0) + 1)
    weight /= weight.mean()
    known = ~np.isnan(rows.y)
    y = np.where(known, rows.y, 0)
    tensor = lambda v: torch.tensor(v, dtype=torch.float32)
    inputs, w, z = member.standardize(rows), tensor(weight), tensor(z0)
    label, known_t, per = tensor(y), tensor(known), tensor(1 / np.maximum(scale[rows.station], 1e-3))
    v_label = tensor(np.arcsinh((y - z0[:, None]) / features.SMALL))
    terms_all = tensor(rain_terms(rows.forecast)) if s.forecast else None
    basis_all = tensor(BASIS)
    n = len(rows)
    for k in range(s.networks):
        torch.manual_seed(seed + k)
        rng = np.random.default_rng(seed + k)
        net = member.build()
        steps = s.epochs * (n // s.batch)
        optimizer = torch.optim.AdamW(net.parameters(), lr=s.rate, weight_decay=s.decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, s.rate, total_steps=steps + 1, pct_start=0.15)
        for step in range(steps):
            if step % (n // s.batch) == 0:
                order = rng.permutation(n)
            b = torch.tensor(order[step % (n // s.batch) * s.batch:][:s.batch])
            h = [int(rng.choice(q)) for q in (STRATA if s.forecast else STRATA[:5])]
            mixture = net(inputs[b], basis_all[h], terms_all[b][:, h] if s.forecast else None)
            target, ok = v_label[b][:, h], known_t[b][:, h]
            loss = s.density * surprise(mixture, target + 0.1 * torch.randn_like(target))
            # Continuous ranked probability score over random thresholds, denser near no change, in units of persistence's.
            u = 2 * (torch.arange(s.thresholds) + torch.rand(len(b), 1)) / s.thresholds - 1
            v = 0.25 + 6.3 * u * (0.3 + 0.7 * u.abs())
            width = features.SMALL * torch.cosh(v) * 6.3 * (0.3 + 1.4 * u.abs()) * 2 / s.thresholds
            below = distribution(mixture, v[:, None].expand(-1, len(h), -1))
            hit = (v[:, None] >= target[:, :, None]).float()
            loss = loss + ((below - hit) ** 2 * width[:, None]).sum(-1) * per[b][:, h] * (1.0 if s.river else 0.2)
            # Log loss of the event itself, in units of its base rate's entropy.
            at = torch.asinh((1 - z[b]) / features.SMALL)[:, None, None].expand(-1, len(h), 1)
            p = distribution(mixture, at)[..., 0].clamp(1e-6, 1 - 1e-6)
            event = (label[b][:, h] >= 1).float()
            loss = loss - (event * torch.log1p(-p) + (1 - event) * torch.log(p)) / 0.05
            if s.others:  # the event as if the river's threshold were another one
                other = torch.exp(s.others * torch.randn(len(b), 1))
                at = torch.asinh((other - z[b][:, None]) / features.SMALL)[:, None].expand(-1, len(h), 1)
                p = distribution(mixture, at)[..., 0].clamp(1e-6, 1 - 1e-6)
                event = (label[b][:, h] >= other).float()
                loss = loss - (event * torch.log1p(-p) + (1 - event) * torch.log(p)) / 0.05
            loss = ((loss * ok).sum(1) / ok.sum(1).clamp(min=1) * w[b]).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimizer.step()
            schedule.step()
        member.nets.append(net.eval())
    return member
