// The questions. Everything that many requests share is put together once, when the test starts: on a
// machine that k6 shares with the service, time spent here is taken from the service.
import { SharedArray } from 'k6/data';
import exec from 'k6/execution';
import { chance as u, zipf } from './random.js';

export const horizons = [1, 3, 6, 12, 24];
export const radii = [500, 1000, 2000]; // m

// A place in a request: the numbers that clients write with digits of their own, and the rest as JSON.
const places = new SharedArray('places', () =>
  JSON.parse(open('../data/places.json')).map((p) => {
    const { latitude, longitude, rainfall_mm, ...rest } = p;
    return { latitude, longitude, rainfall_mm, id: p.location_id, rest: JSON.stringify(rest).slice(1, -1) };
  }),
);

const gauges = new SharedArray('gauges', () =>
  JSON.parse(open('../data/gauges.json')).map((g) => {
    const start = Date.parse(g.start);
    const readings = g.rainfall_mm.map((mm, i) => ({
      timestamp: new Date(start + i * 3600e3).toISOString(),
      rainfall_mm: mm, temperature: g.temperature[i], humidity: g.humidity[i], water_level_m: g.water_level_m[i],
    }));
    const rest = {
      location_name: g.name, weather_sequence: readings, forecast_horizons: horizons,
      river: { normal: g.normal, flood_threshold: g.flood },
    };
    return { latitude: g.latitude, longitude: g.longitude, name: g.name, readings: readings.length, rest: JSON.stringify(rest).slice(1, -1) };
  }),
);

// whatIf is the share of questions that nobody asked before: somebody tries another rain.
const whatIf = Number(__ENV.WHAT_IF || 0.1);

// SharedArray parses a copy at every access; a virtual user keeps what it has met.
function kept(list) {
  const met = [];
  return (i) => met[i] || (met[i] = list[i]);
}

const place = kept(places);
const gauge = kept(gauges);
const popularPlace = zipf(places.length);
const popularGauge = zipf(gauges.length);

// digits writes a value as some client might: off by less than the step that the service rounds to.
function digits(value, step) {
  return (value + (u() - 0.5) * 0.8 * step).toFixed(4);
}

// location is a place in this client's digits, open at its end. They differ from client to client, and the
// service has to see that they mean the same.
const mine = [];
function location(i, rain) {
  if (mine[i] === undefined) {
    const p = place(i);
    mine[i] = {
      before: `{"latitude":${digits(p.latitude, 0.01)},"longitude":${digits(p.longitude, 0.01)},"rainfall_mm":`,
      rain: Math.max(0, digits(p.rainfall_mm, 0.1)),
      after: `,${p.rest}}`,
    };
  }
  const { before, rain: observed, after } = mine[i];
  return before + (rain === undefined ? observed : rain) + after;
}

// A user meets every place before the test starts: in the test it would cost k6 as much as many requests, at the
// very moment at which new users come.
if (__VU > 0) {
  for (let i = 0; i < places.length; i++) location(i);
  for (let i = 0; i < gauges.length; i++) gauge(i);
}

const tried = () => (u() < whatIf ? (u() * 300).toFixed(1) : undefined);

// floodRisk asks about a popular place, with factors as a person's client does.
export function floodRisk() {
  const i = popularPlace(u());
  const rain = tried();
  return { body: location(i, rain), id: place(i).id, key: rain === undefined ? i : undefined };
}

// batch asks about a region: places that lie together in the list, so that batches overlap.
export function batch(min, max) {
  const n = min + Math.floor(u() * (max - min + 1));
  const first = popularPlace(u());
  const ids = [];
  const locations = [];
  for (let k = 0; k < n; k++) {
    const i = (first + k) % places.length;
    ids.push(place(i).id);
    locations.push(location(i, tried()));
  }
  return { body: `{"locations":[${locations.join(',')}]}`, ids };
}

export function nowcast() {
  const g = gauge(popularGauge(u()));
  const forecast = u() < whatIf ? `,"rainfall_forecast_mm":[${(u() * 30).toFixed(2)},${(u() * 30).toFixed(2)}]` : '';
  return {
    body: `{"latitude":${digits(g.latitude, 0.01)},"longitude":${digits(g.longitude, 0.01)},${g.rest}${forecast}}`,
    name: g.name, readings: g.readings,
  };
}

// anomaly is the next reading of a sensor of this virtual user. A reading is new by nature, and none of
// them is answered from the cache.
let sequence = 0;
export function anomaly() {
  const i = sequence++;
  const spike = u() < 0.01 ? 5 : 0;
  const id = `sensor-${__ENV.RUN || 'local'}-${exec.vu.idInTest}`;
  const wave = Math.sin(i / 40);
  return {
    id,
    body: JSON.stringify({
      device_id: id, timestamp: new Date(firstReading + i * 60e3).toISOString(),
      rainfall_mm: u() < 0.02 ? Math.round(u() * 50) / 10 : 0,
      temperature: Math.round((14 + 4 * wave + u()) * 10) / 10, humidity: Math.round(70 - 10 * wave + 2 * u()),
      water_level_m: Math.round((1.2 + 0.1 * wave + 0.01 * u() + spike) * 1000) / 1000,
      battery_voltage: Math.round((3.9 + 0.05 * u()) * 100) / 100, signal_strength: -80 + Math.round(5 * u()),
    }),
  };
}
const firstReading = Date.UTC(2026, 0, 1);

// evacuation asks for the zones of a few places that stand high in the list: plans are for floods.
export function evacuation() {
  const p = place(Math.floor(u() * 20));
  return {
    body: JSON.stringify({
      latitude: p.latitude, longitude: p.longitude, location_name: p.id, flood_probability: 0.8, risk_level: 'extreme',
      population_density: 1200, zone_radii: radii,
    }),
  };
}
