"""Print nowcast requests, one a line, as a client of a gauge would have posted them hour by hour.

    /usr/bin/python3 models/training/nowcast/client_requests.py --data ../shared/data/hydro --station it_caslino --from 2014-11-14T00:00 --to 2014-11-19T00:00

The gauges are those of the training, so the answers show what a nowcast looks like, not how good it is: card.md has the skill.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import pandas as pd

UTC_OFFSET = {"IT": "+01:00", "KR": "+09:00", "UK": "Z", "NO": "+01:00", "US": "-05:00"}
SERIES = {"rain_mm": "rainfall_mm", "temp_c": "temperature", "rh_pct": "humidity", "level_m": "water_level_m", "flow_m3s": "discharge_m3s"}


def main() -> None:
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--data", type=Path, default=Path("../shared/data/hydro"))
    args.add_argument("--station", required=True)
    args.add_argument("--from", dest="first", required=True, help="first issue time, local standard time")
    args.add_argument("--to", dest="last", required=True, help="last issue time")
    args.add_argument("--history", type=int, default=168, help="readings in a request")
    args.add_argument("--horizons", type=int, nargs="+", default=[1, 2, 3, 4, 6, 8, 10, 12], help="hours")
    args = args.parse_args()

    stations = pd.read_csv(args.data / "hourly_stations.csv", index_col="station_id")
    station = stations.loc[args.station]
    hours = pd.read_csv(args.data / "hourly_gauges.csv.gz")
    hours = hours[hours.station_id == args.station]
    times = pd.to_datetime(hours.time_local)
    offset = UTC_OFFSET[station.country]
    readings = []
    for at, row in zip(times, hours.itertuples(index=False)):
        values = {name: getattr(row, column) for column, name in SERIES.items()}
        reading = {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%S") + offset}
        readings.append(reading | {name: v for name, v in values.items() if not math.isnan(v)})
    first, last = times.searchsorted(pd.Timestamp(args.first)), times.searchsorted(pd.Timestamp(args.last), side="right")
    for i in range(max(first, args.history), last):
        request = {
            # Some sources do not say where their gauges are; those are in Korea.
            "latitude": 37.5 if math.isnan(station.lat) else station.lat,
            "longitude": 127.0 if math.isnan(station.lon) else station.lon,
            "location_name": station["name"],
            "river": {"normal": station["median"], "flood_threshold": station.q99},
            "forecast_horizons": args.horizons,
            "weather_sequence": readings[i - args.history:i + 1],
        }
        print(json.dumps(request))


if __name__ == "__main__":
    main()
