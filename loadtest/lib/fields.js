// The fields of answers, as adapters/contractjson/fields.json lists them for every description of the contract.
const listed = JSON.parse(open('../../adapters/contractjson/fields.json'));
const known = {};
for (const method of Object.keys(listed)) known[method] = new Set(listed[method]);

// unlisted returns the first field of an answer that the list does not have, or ''.
export function unlisted(method, answer) {
  return known[method] ? within(known[method], '', answer) : '';
}

function within(fields, at, v) {
  if (Array.isArray(v)) {
    for (const element of v) {
      const wrong = within(fields, `${at}[]`, element);
      if (wrong !== '') return wrong;
    }
    return '';
  }
  if (v === null || typeof v !== 'object') return '';
  const others = fields.has(`${at}.*`); // the names are not the contract's
  for (const name of Object.keys(v)) {
    const path = others ? `${at}.*` : at === '' ? name : `${at}.${name}`;
    if (!fields.has(path)) return `${path} is not a field of the contract`;
    if (opaque.has(name)) continue;
    const wrong = within(fields, path, v[name]);
    if (wrong !== '') return wrong;
  }
  return '';
}

// Objects of another standard, or of the model's own.
const opaque = new Set(['geojson', 'geometry', 'training', 'skill']);
