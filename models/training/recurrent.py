"""Not part of the run: a recurrent network on years of weather and the site, as a yardstick for the trees.

    /usr/bin/python3 models/training/recurrent.py --data ../shared/data/hydro

A gated recurrent unit (Cho et al. 2014) reads two years of daily weather with the site beside each day and says of every day
of the second year whether a flood follows today or tomorrow. Trained before 1996-10, scored on 1996-10 to 2001-06 at every
third Caravan basin, as compare.py scores the trees with the inputs `year`. It needs torch 1.13.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score

import boost
import data
from compare import FROM, TO, brier_skill
from features import radiation

HIDDEN, BATCH, STEPS, SPIN_UP, PASSES = 48, 64, 730, 365, 10
SEED = 1


class Network(torch.nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.cell = torch.nn.GRU(inputs, HIDDEN, batch_first=True)
        self.out = torch.nn.Linear(HIDDEN, 2)  # log-odds of a flood, log of the greater flood ratio

    def forward(self, x):
        return self.out(torch.nn.functional.dropout(self.cell(x)[0][:, SPIN_UP:], 0.3, self.training))


def series(basins: data.Basins) -> tuple[np.ndarray, np.ndarray]:
    """Daily inputs [basin, day, 5] and the site [basin, attribute], standardised; what is missing is zero."""
    season = 2 * np.pi * basins.days.dayofyear.to_numpy() / 365.25
    pet = np.maximum(radiation(basins.lat[:, None], basins.days.dayofyear.to_numpy()[None, :] * 1.0) * (basins.temp + 5) / 245, 0)
    wave = lambda v: np.broadcast_to(v.astype(np.float32), basins.rain.shape)
    daily = np.stack([np.log1p(basins.rain / 5), basins.temp / 10, pet / 3, wave(np.sin(season)), wave(np.cos(season))], axis=2)
    site = (basins.site - np.nanmean(basins.site, axis=0)) / np.nanstd(basins.site, axis=0)
    return np.nan_to_num(daily).astype(np.float32), np.nan_to_num(site).astype(np.float32)


def windows(basins, basin, day, first, last):
    """(basin, first day) of windows whose second halves cover the labelled days in [first, last)."""
    here = (day >= first) & (day < last)
    return np.unique(np.stack([basin[here], (day[here] - first) // SPIN_UP * SPIN_UP + first - SPIN_UP], axis=1), axis=0)


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args = args.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    basins = data.load(args.data)
    daily, site = series(basins)
    split, end = basins.day_index(FROM), basins.day_index(TO)
    basin, day, y, peak = data.labelled(basins, 0, basins.rain.shape[1])
    shape = basins.rain.shape
    hard, ratio = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    hard[basin, day], ratio[basin, day] = y, peak
    soft = boost.soft_label(ratio, 0.15).astype(np.float32)
    ratio = np.log(np.maximum(ratio, 1e-2))

    def batch(part):
        days = part[:, 1:] + np.arange(STEPS)
        rows = part[:, :1]
        inside = np.clip(days, 0, shape[1] - 1)
        x = np.concatenate([daily[rows, inside], np.repeat(site[part[:, 0]][:, None], STEPS, axis=1)], axis=2)
        return torch.from_numpy(x), rows, inside[:, SPIN_UP:], days[:, SPIN_UP:]

    net = Network(daily.shape[2] + site.shape[1])
    train = windows(basins, basin, day, SPIN_UP, split)
    optimiser = torch.optim.Adam(net.parameters(), 3e-3)
    total = PASSES * (-(-len(train) // BATCH))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=total)
    for turn in range(PASSES):
        net.train()
        order, loss_sum = rng.permutation(len(train)), 0.0
        for i in range(0, len(order), BATCH):
            x, rows, inside, days = batch(train[order[i:i + BATCH]])
            known = torch.from_numpy((days < split - 1) & ~np.isnan(hard[rows, inside]))
            said = net(x)[known]
            if not len(said):
                continue
            target, flow = (torch.from_numpy(v[rows, inside])[known] for v in (soft, ratio))
            loss = torch.nn.functional.binary_cross_entropy_with_logits(said[:, 0], target)
            loss = 10 * loss + 0.1 * ((said[:, 1] - flow) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            loss_sum += float(loss)
        net.eval()
        use = (basins.source[basin] == 0) & (basin % 3 == 0)
        test = windows(basins, basin[use], day[use], split, end)
        margin, which, truth = [], [], []
        with torch.no_grad():
            for i in range(0, len(test), BATCH):
                x, rows, inside, days = batch(test[i:i + BATCH])
                known = (days < end) & ~np.isnan(hard[rows, inside])
                margin.append(net(x)[:, :, 0].numpy()[known])
                truth.append(hard[rows, inside][known])
                which.append(np.broadcast_to(rows, known.shape)[known])
        margin, truth, which = (np.concatenate(v) for v in (margin, truth, which))
        print(f"{time.strftime('%H:%M:%S')} pass {turn + 1}: loss {loss_sum * BATCH / len(train):.4f}, {len(truth)} days, "
              f"AP {average_precision_score(truth, margin):.4f}, "
              f"Brier skill {brier_skill(margin, truth.astype(float), which // 3 % 2):.4f}", flush=True)


if __name__ == "__main__":
    main()
