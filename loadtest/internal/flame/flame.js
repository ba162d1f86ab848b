// Zoom and search. The frames are drawn already: without scripts, the picture is whole.
const frames = [...document.querySelectorAll('.f')].map((g) => ({
  g,
  x: Number(g.dataset.x),
  w: Number(g.dataset.w),
  name: g.dataset.n,
  rect: g.querySelector('rect'),
  text: g.querySelector('text'),
}));
const row = (f) => Number(f.rect.getAttribute('y'));
const said = document.getElementById('said');

function short(name) {
  const generic = name.indexOf('[');
  return name.slice(name.lastIndexOf('/', generic < 0 ? name.length : generic) + 1);
}

function fitted(name, w) {
  const letters = [...name];
  const n = Math.floor((w - 6) / 6.3);
  if (n >= letters.length) return name;
  return n < 3 ? '' : letters.slice(0, n - 1).join('') + '…';
}

// zoom shows a frame over the whole width, with what it calls below and what called it above.
function zoom(to) {
  for (const f of frames) {
    const holds = f.x <= to.x + 0.001 && f.x + f.w >= to.x + to.w - 0.001;
    const above = row(f) < row(to) && holds;
    const below = row(f) >= row(to) && f.x >= to.x - 0.001 && f.x + f.w <= to.x + to.w + 0.001;
    f.g.classList.toggle('gone', !above && !below);
    f.g.classList.toggle('above', above);
    const x = above ? margin : margin + ((f.x - to.x) / to.w) * width;
    const w = above ? width : (f.w / to.w) * width;
    f.rect.setAttribute('x', x);
    f.rect.setAttribute('width', w);
    f.text.setAttribute('x', x + 3);
    f.text.textContent = fitted(short(f.name), w);
  }
}

// search marks frames and says what they have together: one that another holds counts once.
function search(pattern) {
  let wanted;
  try {
    wanted = pattern && new RegExp(pattern, 'i');
  } catch {
    said.textContent = `${pattern} is no regular expression`;
    return;
  }
  let sum = 0;
  const counted = [];
  for (const f of frames) {
    const found = Boolean(wanted && wanted.test(f.name));
    f.g.classList.toggle('found', found);
    if (found && !counted.some((c) => row(c) < row(f) && c.x <= f.x + 0.001 && c.x + c.w >= f.x + f.w - 0.001)) {
      counted.push(f);
      sum += f.w;
    }
  }
  said.textContent = wanted ? `${pattern}: ${((100 * sum) / frames[0].w).toFixed(2)} %` : '';
}

for (const f of frames) f.g.addEventListener('click', () => zoom(f));
addEventListener('keydown', (e) => {
  if (e.key === 'Escape') {
    zoom(frames[0]);
    search('');
  } else if (e.key === '/') {
    e.preventDefault();
    search(prompt('Functions by name (a regular expression)') || '');
  }
});
